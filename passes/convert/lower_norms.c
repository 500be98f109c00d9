/* Norms as chains of reductions and arithmetic. */
#include "convert/chain.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* c->last = (x - mean) / sqrt(mean((x - mean)^2) + epsilon) over the axes. */
static void normalize(struct qn_chain *c, struct quern_value *x,
                      const int64_t *axes, int64_t n, float epsilon)
{
    c->last = x;
    qn_chain_as_float(c);
    struct quern_value *wide = c->last;
    c->reshaped = true;
    qn_chain_mean(c, axes, n);
    c->reshaped = false;
    qn_chain_add_behind(c, "Sub", wide);
    struct quern_value *centred = c->last;
    qn_chain_add(c, "Mul", centred);
    c->reshaped = true;
    qn_chain_mean(c, axes, n);
    qn_chain_add(c, "Add", qn_chain_number(c, (double)epsilon));
    qn_chain_add(c, "Sqrt", NULL);
    c->reshaped = false;
    qn_chain_add_behind(c, "Div", centred);
    qn_chain_as_given(c);
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
    if (!qn_chain_is_real(l, node)) {
        return qn_chain_refuse_type(l, node);
    }
    if (rank < 1 || quern_node_int(node, "stash_type", 1) != 1) {
        return qn_lower_refuse(l, node,
                               "its rank is not known, or it computes in "
                               "another type than float");
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
    if (!qn_chain_is_real(l, node)) {
        return qn_chain_refuse_type(l, node);
    }
    if (rank < 3) {
        return qn_lower_refuse(l, node, "its rank is not known, or below 3");
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

/* Numbers of a constant of a real type, n of them; NULL: it is none, or there
 * is no memory, which `code` tells. */
static struct quern_tensor *read_doubles(const struct lowering *l,
                                         const struct quern_value *v, int64_t n,
                                         enum quern_code *code)
{
    struct quern_tensor *t = v != NULL ? quern_value_constant(v) : NULL;
    struct quern_tensor *doubles = NULL;
    if (*code == QUERN_OK && t != NULL && quern_tensor_len(t) == n &&
        quern_dtype_is_float(quern_tensor_dtype(t))) {
        *code = quern_tensor_cast(quern_pass_context(l->ctx), t, QUERN_DOUBLE,
                                  &doubles);
    }
    return doubles;
}

enum factors_found { FACTORS_GOOD, NOT_CONSTANT, NOT_FINITE };

/* A factor and a term for each channel, from constants.
 * @param most       largest number of the type
 * @param out_found  NOT_FINITE: some are not, in that type */
static enum quern_code read_factors(const struct lowering *l,
                                    const struct quern_node *node, int64_t n,
                                    double most, double *factors, double *terms,
                                    enum factors_found *out_found)
{
    struct quern_tensor *t[4];
    double epsilon = (double)quern_node_float(node, "epsilon", 1e-5f);
    enum quern_code code = QUERN_OK;
    *out_found = FACTORS_GOOD;
    for (size_t i = 0; i < 4; i++) {
        t[i] = read_doubles(l, quern_node_input(node, i + 1), n, &code);
        *out_found = t[i] != NULL ? *out_found : NOT_CONSTANT;
    }
    for (int64_t k = 0; k < n && *out_found == FACTORS_GOOD; k++) {
        double p[4];
        for (size_t i = 0; i < 4; i++) {
            const unsigned char *data = quern_tensor_data(t[i]);
            memcpy(&p[i], data + (size_t)k * sizeof p[i], sizeof p[i]);
        }
        factors[k] = p[0] / sqrt(p[3] + epsilon);
        terms[k] = p[1] - factors[k] * p[2];
        if (!(fabs(factors[k]) <= most) || !(fabs(terms[k]) <= most)) {
            *out_found = NOT_FINITE;
        }
    }
    for (size_t i = 0; i < 4; i++) {
        quern_tensor_release(&t[i]);
    }
    return code;
}

/* Largest finite number of a type. */
static double most_of(enum quern_dtype dtype)
{
    return dtype == QUERN_DOUBLE     ? DBL_MAX
           : dtype == QUERN_FLOAT16  ? 65504.0
           : dtype == QUERN_BFLOAT16 ? 0x1.FEp127
                                     : (double)FLT_MAX;
}

static enum quern_code refuse_factors(const struct lowering *l,
                                      const struct quern_node *node,
                                      enum factors_found found,
                                      enum quern_dtype dtype)
{
    char why[96];
    if (found == NOT_CONSTANT) {
        return qn_lower_refuse(l, node, "its numbers are not constant");
    }
    snprintf(why, sizeof why,
             "the factor or term of a channel is not finite in %s",
             quern_dtype_name(dtype));
    return qn_lower_refuse(l, node, why);
}

enum quern_code qn_lower_batch_norm(const struct lowering *l,
                                    struct quern_node *node)
{
    struct quern_value *x = quern_node_input(node, 0);
    int rank = quern_value_rank(x);
    int64_t n = quern_value_len(quern_node_input(node, 1));
    int64_t dims[QUERN_MAX_RANK];
    struct qn_chain c = qn_chain_of(l, node, x);
    if (!qn_chain_is_real(l, node)) {
        return qn_chain_refuse_type(l, node);
    }
    if (rank < 2 || n < 1 || qn_gives_more(node) ||
        quern_node_int(node, "training_mode", 0) != 0 ||
        quern_node_int(node, "spatial", 1) != 1) {
        return qn_lower_refuse(l, node,
                               "it trains, or its rank or channels are not "
                               "known");
    }
    double *factors = quern_pass_alloc(l->ctx, (size_t)n * sizeof *factors);
    double *terms = quern_pass_alloc(l->ctx, (size_t)n * sizeof *terms);
    if (factors == NULL || terms == NULL) {
        return QUERN_NO_MEMORY;
    }
    if (l->to < 7) {
        return qn_lower_refuse(l, node, "Mul of opset 6 does not broadcast so");
    }
    enum factors_found found = NOT_CONSTANT;
    enum quern_code code =
        read_factors(l, node, n, most_of(c.dtype), factors, terms, &found);
    if (code != QUERN_OK || found != FACTORS_GOOD) {
        return code != QUERN_OK ? code
                                : refuse_factors(l, node, found, c.dtype);
    }
    for (int i = 0; i < rank - 1; i++) {
        dims[i] = i == 0 ? n : 1;
    }
    struct quern_value *factor =
        qn_chain_numbers(&c, quern_value_name(quern_node_input(node, 1)),
                         factors, rank - 1, dims);
    struct quern_value *term = qn_chain_numbers(
        &c, quern_value_name(quern_node_input(node, 2)), terms, rank - 1, dims);
    qn_chain_add(&c, "Mul", factor);
    code = qn_chain_end(&c, "Add", term);
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
    enum quern_dtype given = quern_value_dtype(x);
    const int64_t *axes = standard;
    size_t n = 3;
    struct qn_chain c = qn_chain_of(l, node, x);
    if (!qn_chain_is_real(l, node)) {
        return qn_chain_refuse_type(l, node);
    }
    if (quern_value_rank(x) < 1) {
        return qn_lower_refuse(l, node, "its rank is not known");
    }
    if ((quern_node_has_attr(node, "axes") &&
         quern_node_attr_ints(node, "axes", &axes, &n) != QUERN_OK) ||
        !are_axes(axes, n, quern_value_rank(x))) {
        return qn_lower_refuse(l, node, "its axes are none of its input");
    }
    qn_chain_as_float(&c);
    x = c.last;
    c.reshaped = true;
    qn_chain_mean(&c, axes, (int64_t)n);
    c.reshaped = false;
    qn_chain_add_behind(&c, "Sub", x);
    struct quern_value *centred = c.last;
    qn_chain_add(&c, "Mul", centred);
    c.reshaped = true;
    qn_chain_mean(&c, axes, (int64_t)n);
    qn_chain_add(&c, "Sqrt", NULL);
    qn_chain_add(&c, "Add", qn_chain_number(&c, 1e-9));
    struct quern_value *deviation = c.last;
    c.last = centred;
    c.reshaped = false;
    if (qn_chain_is_cast(&c)) {
        qn_chain_add(&c, "Div", deviation);
        enum quern_code code = qn_chain_end(&c, "Cast", NULL);
        return code == QUERN_OK ? quern_node_set_int(node, "to", (int64_t)given)
                                : code;
    }
    return qn_chain_end(&c, "Div", deviation);
}
