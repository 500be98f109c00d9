/* Norms as chains of reductions and arithmetic. */
#include "convert/chain.h"

#include <math.h>

/* c->last = (x - mean) / sqrt(mean((x - mean)^2) + epsilon) over the axes. */
static void normalize(struct qn_chain *c, struct quern_value *x,
                      const int64_t *axes, int64_t n, float epsilon)
{
    c->last = x;
    c->narrow = true;
    qn_chain_mean(c, axes, n);
    c->narrow = false;
    qn_chain_add_behind(c, "Sub", x);
    struct quern_value *centred = c->last;
    qn_chain_add(c, "Mul", centred);
    c->narrow = true;
    qn_chain_mean(c, axes, n);
    qn_chain_add(c, "Add", qn_chain_number(c, epsilon));
    qn_chain_add(c, "Sqrt", NULL);
    c->narrow = false;
    qn_chain_add_behind(c, "Div", centred);
}

enum quern_code qn_lower_layer_norm(const struct lowering *l,
                                    struct quern_node *node)
{
    struct quern_value *x = quern_node_input(node, 0);
    struct quern_value *bias = quern_node_input(node, 2);
    int64_t rank = quern_value_rank(x);
    int64_t axis = quern_node_int(node, "axis", -1);
    int64_t axes[QUERN_MAX_RANK];
    int64_t n = 0;
    struct qn_chain c = qn_chain_of(l, node, x);
    if (!qn_chain_is_float(node) || rank < 1 ||
        quern_node_int(node, "stash_type", 1) != 1) {
        return qn_lower_refuse(l, node,
                               "its type or rank is not known, needs float");
    }
    if (qn_gives_more(node)) {
        return qn_lower_refuse(l, node, "its mean or deviation is read");
    }
    axis += axis < 0 ? rank : 0;
    if (axis < 0 || axis >= rank) {
        return qn_lower_refuse(l, node, "its axis is out of range");
    }
    for (int64_t i = axis; i < rank; i++) {
        axes[n++] = i;
    }
    normalize(&c, x, axes, n, quern_node_float(node, "epsilon", 1e-5f));
    if (bias != NULL) {
        qn_chain_add(&c, "Mul", quern_node_input(node, 1));
    }
    enum quern_code code =
        qn_chain_end(&c, bias != NULL ? "Add" : "Mul",
                     bias != NULL ? bias : quern_node_input(node, 1));
    return code == QUERN_OK ? qn_drop_outputs(node) : code;
}

enum quern_code qn_lower_instance_norm(const struct lowering *l,
                                       struct quern_node *node)
{
    struct quern_value *x = quern_node_input(node, 0);
    int rank = quern_value_rank(x);
    int64_t axes[QUERN_MAX_RANK];
    struct qn_chain c = qn_chain_of(l, node, x);
    if (!qn_chain_is_float(node) || rank < 3) {
        return qn_lower_refuse(l, node,
                               "its type or rank is not known, needs float");
    }
    for (int i = 2; i < rank; i++) {
        axes[i - 2] = i;
    }
    normalize(&c, x, axes, rank - 2, quern_node_float(node, "epsilon", 1e-5f));
    qn_chain_add(&c, "Mul",
                 qn_chain_by_channel(&c, quern_node_input(node, 1), rank));
    return qn_chain_end(
        &c, "Add", qn_chain_by_channel(&c, quern_node_input(node, 2), rank));
}

/* A factor and a term for each channel, from constants in double. */
static bool read_factors(const struct lowering *l,
                         const struct quern_node *node, int64_t n,
                         float *factors, float *terms)
{
    const float *p[4];
    double epsilon = (double)quern_node_float(node, "epsilon", 1e-5f);
    for (size_t i = 0; i < 4; i++) {
        int64_t len = 0;
        p[i] = qn_floats(l->ctx, quern_node_input(node, i + 1), &len);
        if (p[i] == NULL || len != n) {
            return false;
        }
    }
    for (int64_t k = 0; k < n; k++) {
        double factor = (double)p[0][k] / sqrt((double)p[3][k] + epsilon);
        factors[k] = (float)factor;
        terms[k] = (float)((double)p[1][k] - factor * (double)p[2][k]);
        if (!isfinite(factors[k]) || !isfinite(terms[k])) {
            return false;
        }
    }
    return true;
}

enum quern_code qn_lower_batch_norm(const struct lowering *l,
                                    struct quern_node *node)
{
    struct quern_value *x = quern_node_input(node, 0);
    struct quern_graph *graph = quern_node_graph(node);
    int rank = quern_value_rank(x);
    int64_t n = quern_value_len(quern_node_input(node, 1));
    int64_t dims[QUERN_MAX_RANK];
    struct quern_value *factor = NULL;
    struct quern_value *term = NULL;
    struct qn_chain c = qn_chain_of(l, node, x);
    if (!qn_chain_is_float(node) || rank < 2 || n < 1 || qn_gives_more(node) ||
        quern_node_int(node, "training_mode", 0) != 0 ||
        quern_node_int(node, "spatial", 1) != 1) {
        return qn_lower_refuse(l, node,
                               "it trains, or its type or rank is not known, "
                               "needs float");
    }
    float *factors = quern_pass_alloc(l->ctx, (size_t)n * sizeof *factors);
    float *terms = quern_pass_alloc(l->ctx, (size_t)n * sizeof *terms);
    if (factors == NULL || terms == NULL) {
        return QUERN_NO_MEMORY;
    }
    if (l->to < 7) {
        return qn_lower_refuse(l, node, "Mul of opset 6 does not broadcast so");
    }
    if (!read_factors(l, node, n, factors, terms)) {
        return qn_lower_refuse(l, node,
                               "its numbers are not constant or not finite");
    }
    for (int i = 0; i < rank - 1; i++) {
        dims[i] = i == 0 ? n : 1;
    }
    enum quern_code code = qn_new_floats(
        l->ctx, graph, quern_value_name(quern_node_input(node, 1)), factors,
        rank - 1, dims, &factor);
    if (code == QUERN_OK) {
        code = qn_new_floats(l->ctx, graph,
                             quern_value_name(quern_node_input(node, 2)), terms,
                             rank - 1, dims, &term);
    }
    if (code == QUERN_OK) {
        qn_chain_add(&c, "Mul", factor);
        code = qn_chain_end(&c, "Add", term);
    }
    return code == QUERN_OK ? qn_drop_outputs(node) : code;
}

static bool are_axes(const int64_t *axes, size_t n, int rank)
{
    bool fit = n <= (size_t)rank;
    for (size_t i = 0; i < n && fit; i++) {
        fit = axes[i] >= -rank && axes[i] < rank;
    }
    return fit;
}

/* (x - mean) / (sqrt(mean(x^2) - mean^2) + 1e-9) as ONNX defines it, the root
 * as sqrt(mean((x - mean)^2)): never of less than 0 by rounding. */
enum quern_code qn_lower_mean_variance(const struct lowering *l,
                                       struct quern_node *node)
{
    static const int64_t standard[] = {0, 2, 3};
    struct quern_value *x = quern_node_input(node, 0);
    const int64_t *axes = standard;
    size_t n = 3;
    struct qn_chain c = qn_chain_of(l, node, x);
    if (!qn_chain_is_float(node) || quern_value_rank(x) < 1) {
        return qn_lower_refuse(l, node,
                               "its type or rank is not known, needs float");
    }
    if ((quern_node_has_attr(node, "axes") &&
         quern_node_attr_ints(node, "axes", &axes, &n) != QUERN_OK) ||
        !are_axes(axes, n, quern_value_rank(x))) {
        return qn_lower_refuse(l, node, "its axes are none of its input");
    }
    c.narrow = true;
    qn_chain_mean(&c, axes, (int64_t)n);
    c.narrow = false;
    qn_chain_add_behind(&c, "Sub", x);
    struct quern_value *centred = c.last;
    qn_chain_add(&c, "Mul", centred);
    c.narrow = true;
    qn_chain_mean(&c, axes, (int64_t)n);
    qn_chain_add(&c, "Sqrt", NULL);
    qn_chain_add(&c, "Add", qn_chain_number(&c, 1e-9f));
    struct quern_value *deviation = c.last;
    c.last = centred;
    return qn_chain_end(&c, "Div", deviation);
}
