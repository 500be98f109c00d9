/* Newer operators as chains of older ones. */
#include "convert/chain.h"

#include <stdio.h>
#include <string.h>

enum quern_code qn_lower_refuse(const struct lowering *l,
                                const struct quern_node *node, const char *why)
{
    struct quern_place place = quern_node_place(node);
    if (l->from == l->to) {
        return quern_fail(quern_pass_context(l->ctx), QUERN_UNSUPPORTED, &place,
                          "cannot be taken apart: %s", why);
    }
    return quern_fail(quern_pass_context(l->ctx), QUERN_UNSUPPORTED, &place,
                      "cannot be lowered from opset %lld to %lld: %s",
                      (long long)l->from, (long long)l->to, why);
}

const char *qn_string_or(const struct quern_node *node, const char *name,
                         const char *otherwise)
{
    const char *text = NULL;
    size_t len = 0;
    return quern_node_has_attr(node, name) &&
                   quern_node_attr_string(node, name, &text, &len) == QUERN_OK
               ? text
               : otherwise;
}

/* x / 2 * (1 + erf(x / sqrt(2))), or with tanh(sqrt(2 / pi) (x + 0.044715 x^3))
 * in place of erf. */
enum quern_code qn_lower_gelu(const struct lowering *l, struct quern_node *node)
{
    struct quern_value *x = quern_node_input(node, 0);
    const char *how = qn_string_or(node, "approximate", "none");
    struct qn_chain c = qn_chain_of(l, node, x);
    if (!qn_chain_is_real(l, node)) {
        return qn_chain_refuse_type(l, node);
    }
    if (strcmp(how, "tanh") == 0) {
        qn_chain_add(&c, "Mul", x);
        qn_chain_add(&c, "Mul", x);
        qn_chain_add(&c, "Mul", qn_chain_number(&c, 0.044715));
        qn_chain_add(&c, "Add", x);
        qn_chain_add(&c, "Mul", qn_chain_number(&c, 0.79788456080286536));
        qn_chain_add(&c, "Tanh", NULL);
    } else {
        qn_chain_add(&c, "Div", qn_chain_number(&c, 1.41421356237309505));
        qn_chain_add(&c, "Erf", NULL);
    }
    qn_chain_add(&c, "Add", qn_chain_number(&c, 1.0));
    qn_chain_add(&c, "Mul", x);
    return qn_chain_end(&c, "Mul", qn_chain_number(&c, 0.5));
}

/* x * sigmoid(alpha x) */
enum quern_code qn_lower_swish(const struct lowering *l,
                               struct quern_node *node)
{
    struct quern_value *x = quern_node_input(node, 0);
    float alpha = quern_node_float(node, "alpha", 1.0f);
    struct qn_chain c = qn_chain_of(l, node, x);
    if (!qn_chain_is_real(l, node)) {
        return qn_chain_refuse_type(l, node);
    }
    if (alpha < 1.0f || alpha > 1.0f) {
        qn_chain_add(&c, "Mul", qn_chain_number(&c, (double)alpha));
    }
    qn_chain_add(&c, "Sigmoid", NULL);
    return qn_chain_end(&c, "Mul", x);
}

/* alpha x + beta between 0 and 1 */
enum quern_code qn_lower_hard_sigmoid(const struct lowering *l,
                                      struct quern_node *node)
{
    struct qn_chain c = qn_chain_of(l, node, quern_node_input(node, 0));
    float alpha = quern_node_float(node, "alpha", 0.2f);
    float beta = quern_node_float(node, "beta", 0.5f);
    if (l->to < 11) {
        return qn_lower_refuse(l, node, "Clip of opset 10 takes no inputs");
    }
    if (!qn_chain_is_real(l, node)) {
        return qn_chain_refuse_type(l, node);
    }
    qn_chain_add(&c, "Mul", qn_chain_number(&c, (double)alpha));
    qn_chain_add(&c, "Add", qn_chain_number(&c, (double)beta));
    struct quern_value *high = qn_chain_number(&c, 1.0);
    enum quern_code code = qn_chain_end(&c, "Clip", qn_chain_number(&c, 0.0));
    return code == QUERN_OK ? quern_node_set_input(node, 2, high) : code;
}

/* x * hardsigmoid(x) with alpha 1/6 and beta 1/2 */
enum quern_code qn_lower_hard_swish(const struct lowering *l,
                                    struct quern_node *node)
{
    struct quern_value *x = quern_node_input(node, 0);
    struct qn_chain c = qn_chain_of(l, node, x);
    qn_chain_add(&c, "HardSigmoid", NULL);
    if (c.code == QUERN_OK) {
        c.code = quern_node_set_float(quern_value_producer(c.last), "alpha",
                                      1.0f / 6.0f);
    }
    return qn_chain_end(&c, "Mul", x);
}

enum quern_code qn_lower_cast_like(const struct lowering *l,
                                   struct quern_node *node)
{
    const struct quern_value *like = quern_node_input(node, 1);
    enum quern_dtype to =
        like != NULL ? quern_value_dtype(like) : QUERN_UNDEFINED;
    struct qn_chain c = qn_chain_of(l, node, quern_node_input(node, 0));
    if (to == QUERN_UNDEFINED) {
        return qn_lower_refuse(l, node,
                               "the type that it casts to is not known");
    }
    enum quern_code code = qn_chain_end(&c, "Cast", NULL);
    return code == QUERN_OK ? quern_node_set_int(node, "to", (int64_t)to)
                            : code;
}

/* x * tanh(softplus(x)) */
enum quern_code qn_lower_mish(const struct lowering *l, struct quern_node *node)
{
    struct quern_value *x = quern_node_input(node, 0);
    struct qn_chain c = qn_chain_of(l, node, x);
    if (!qn_chain_is_real(l, node)) {
        return qn_chain_refuse_type(l, node);
    }
    qn_chain_add(&c, "Softplus", NULL);
    qn_chain_add(&c, "Tanh", NULL);
    return qn_chain_end(&c, "Mul", x);
}

/* c->last = the mean over axes from `axis` on, which stay as 1. */
static void mean_from(struct qn_chain *c, int64_t axis, int64_t rank)
{
    int64_t axes[QUERN_MAX_RANK];
    int64_t n = 0;
    for (int64_t i = axis; i < rank; i++) {
        axes[n++] = i;
    }
    qn_chain_mean(c, axes, n);
}

/* x / sqrt(mean(x^2) + epsilon) * scale */
enum quern_code qn_lower_rms(const struct lowering *l, struct quern_node *node)
{
    struct quern_value *x = quern_node_input(node, 0);
    int64_t rank = quern_value_rank(x);
    int64_t axis = quern_node_int(node, "axis", -1);
    struct qn_chain c = qn_chain_of(l, node, x);
    if (!qn_chain_is_real(l, node)) {
        return qn_chain_refuse_type(l, node);
    }
    if (rank < 1 ||
        quern_value_dtype(quern_node_input(node, 1)) != quern_value_dtype(x)) {
        return qn_lower_refuse(l, node,
                               "its rank is not known, or its scale has "
                               "another type");
    }
    axis += axis < 0 ? rank : 0;
    if (axis < 0 || axis >= rank) {
        return qn_lower_refuse(l, node, "its axis is out of range");
    }
    qn_chain_as_float(&c);
    struct quern_value *wide = c.last;
    qn_chain_add(&c, "Mul", wide);
    c.reshaped = true;
    mean_from(&c, axis, rank);
    qn_chain_add(
        &c, "Add",
        qn_chain_number(&c, (double)quern_node_float(node, "epsilon", 1e-5f)));
    qn_chain_add(&c, "Sqrt", NULL);
    qn_chain_add(&c, "Reciprocal", NULL);
    c.reshaped = false;
    qn_chain_add(&c, "Mul", wide);
    qn_chain_as_given(&c);
    return qn_chain_end(&c, "Mul", quern_node_input(node, 1));
}

/* Where the channels are not known; files hold any number. */
enum { MOST_GROUPS = 65536 };

/* n equal numbers as a vector. */
static struct quern_value *equal_numbers(struct qn_chain *c, int64_t n,
                                         double x)
{
    double *all = quern_pass_alloc(c->l->ctx, (size_t)n * sizeof *all);
    if (all == NULL) {
        c->code = c->code == QUERN_OK ? QUERN_NO_MEMORY : c->code;
        return NULL;
    }
    for (int64_t i = 0; i < n; i++) {
        all[i] = x;
    }
    return qn_chain_numbers(c, "lowered_group", all, 1, &n);
}

/* c->last = the normalized groups, times and plus a number of each group. */
static void normalize_groups(struct qn_chain *c, const struct quern_node *node,
                             struct quern_value *scale,
                             struct quern_value *bias)
{
    int64_t into[3] = {0, quern_node_int(node, "num_groups", 0), -1};
    qn_chain_add(c, "Reshape", qn_chain_ints(c, into, 3));
    qn_chain_add(c, "InstanceNormalization", scale);
    struct quern_node *norm =
        c->code == QUERN_OK ? quern_value_producer(c->last) : NULL;
    if (c->code == QUERN_OK) {
        c->code = quern_node_set_input(norm, 2, bias);
    }
    if (c->code == QUERN_OK) {
        c->code = quern_node_set_float(
            norm, "epsilon", quern_node_float(node, "epsilon", 1e-5f));
    }
}

/* InstanceNormalization of groups; a number a channel (21 on) by Mul and Add.
 */
enum quern_code qn_lower_group_norm(const struct lowering *l,
                                    struct quern_node *node)
{
    struct quern_value *x = quern_node_input(node, 0);
    int64_t groups = quern_node_int(node, "num_groups", 0);
    int rank = quern_value_rank(x);
    struct quern_value *scale = quern_node_input(node, 1);
    struct quern_value *bias = quern_node_input(node, 2);
    struct qn_chain c = qn_chain_of(l, node, x);
    bool by_group = quern_node_opset(node) < 21;
    if (!quern_node_is(node, "GroupNormalization")) {
        return QUERN_OK; /* done by a step before */
    }
    if (!qn_chain_is_real(l, node)) {
        return qn_chain_refuse_type(l, node);
    }
    if (rank < 3 || groups < 1 || quern_node_int(node, "stash_type", 1) != 1) {
        return qn_lower_refuse(l, node,
                               "its rank or groups are not known, or it "
                               "computes in another type than float");
    }
    int64_t channels = quern_value_dims(x)[1].value;
    if (channels < 0 ? groups > MOST_GROUPS : channels % groups != 0) {
        return qn_lower_refuse(l, node, "its groups do not part its channels");
    }
    c.reshaped = true;
    qn_chain_add(&c, "Shape", NULL);
    struct quern_value *sizes = c.last;
    c.last = x;
    if (by_group) {
        normalize_groups(&c, node, scale, bias);
    } else {
        struct quern_value *ones = equal_numbers(&c, groups, 1.0);
        struct quern_value *zeros = equal_numbers(&c, groups, 0.0);
        normalize_groups(&c, node, ones, zeros);
        qn_chain_add(&c, "Reshape", sizes);
        qn_chain_add(&c, "Mul", qn_chain_by_channel(&c, scale, rank));
        sizes = qn_chain_by_channel(&c, bias, rank);
    }
    return qn_chain_end(&c, by_group ? "Reshape" : "Add", sizes);
}
