/* Newer operators as chains of older ones. */
#include "convert/lower.h"

#include <stdio.h>
#include <string.h>

enum quern_code qn_lower_refuse(const struct lowering *l,
                                const struct quern_node *node, const char *why)
{
    struct quern_place place = quern_node_place(node);
    return quern_fail(quern_pass_context(l->ctx), QUERN_UNSUPPORTED, &place,
                      "cannot be lowered from opset %lld to %lld: %s",
                      (long long)quern_node_opset(node), (long long)l->to, why);
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

/* A chain of nodes in front of one that is taken apart. */
struct chain {
    const struct lowering *l;
    struct quern_node *before;
    struct quern_value *last;
    int number;
    enum quern_code code;
    bool narrow; /* of another shape than the node's input */
};

static struct quern_value *number(struct chain *c, float x)
{
    struct quern_value *value = NULL;
    if (c->code == QUERN_OK) {
        c->code = qn_new_floats(c->l->ctx, quern_node_graph(c->before),
                                "lowered", &x, 0, NULL, &value);
    }
    return value;
}

/* c->last = op(c->last, other); other may be NULL. */
static void extend(struct chain *c, const char *op, struct quern_value *other)
{
    char name[256];
    struct quern_node *node = NULL;
    struct quern_value *in[2] = {c->last, other};
    struct quern_value *out = NULL;
    if (c->code != QUERN_OK) {
        return;
    }
    snprintf(name, sizeof name, "%.200s_lowered_%d",
             quern_value_name(quern_node_output(c->before, 0)), c->number++);
    c->code = quern_value_create(quern_node_graph(c->before), name, &out);
    if (c->code == QUERN_OK && !c->narrow) {
        c->code = quern_value_copy_type(out, quern_node_input(c->before, 0));
    }
    if (c->code == QUERN_OK) {
        c->code =
            quern_node_create(quern_node_graph(c->before), c->before, op, name,
                              in, other != NULL ? 2 : 1, &out, 1, &node);
    }
    c->last = out;
}

/* The node becomes c->last times `other`, without its attributes. */
static enum quern_code finish(struct chain *c, struct quern_node *node,
                              struct quern_value *other)
{
    static const char *const attrs[] = {"approximate", "alpha", "axis",
                                        "epsilon", "stash_type"};
    for (size_t i = 0; i < sizeof attrs / sizeof *attrs; i++) {
        if (c->code == QUERN_OK && quern_node_has_attr(node, attrs[i])) {
            c->code = quern_node_remove_attr(node, attrs[i]);
        }
    }
    if (c->code == QUERN_OK) {
        c->code = quern_node_set_op(node, "Mul");
    }
    if (c->code == QUERN_OK) {
        c->code = quern_node_set_input(node, 0, c->last);
    }
    return c->code == QUERN_OK ? quern_node_set_input(node, 1, other) : c->code;
}

static bool is_float(const struct quern_node *node)
{
    return quern_value_dtype(quern_node_input(node, 0)) == QUERN_FLOAT;
}

/* x / 2 * (1 + erf(x / sqrt(2))), or with tanh(sqrt(2 / pi) (x + 0.044715 x^3))
 * in place of erf. */
enum quern_code qn_lower_gelu(const struct lowering *l, struct quern_node *node)
{
    struct quern_value *x = quern_node_input(node, 0);
    const char *how = qn_string_or(node, "approximate", "none");
    struct chain c = {l, node, x, 0, QUERN_OK, false};
    if (!is_float(node)) {
        return qn_lower_refuse(l, node, "its type is not known to be float");
    }
    if (strcmp(how, "tanh") == 0) {
        extend(&c, "Mul", x);
        extend(&c, "Mul", x);
        extend(&c, "Mul", number(&c, 0.044715f));
        extend(&c, "Add", x);
        extend(&c, "Mul", number(&c, 0.79788456f));
        extend(&c, "Tanh", NULL);
    } else {
        extend(&c, "Div", number(&c, 1.41421356f));
        extend(&c, "Erf", NULL);
    }
    extend(&c, "Add", number(&c, 1.0f));
    extend(&c, "Mul", x);
    return finish(&c, node, number(&c, 0.5f));
}

/* x * sigmoid(alpha x) */
enum quern_code qn_lower_swish(const struct lowering *l,
                               struct quern_node *node)
{
    struct quern_value *x = quern_node_input(node, 0);
    float alpha = quern_node_float(node, "alpha", 1.0f);
    struct chain c = {l, node, x, 0, QUERN_OK, false};
    if (!is_float(node)) {
        return qn_lower_refuse(l, node, "its type is not known to be float");
    }
    if (alpha < 1.0f || alpha > 1.0f) {
        extend(&c, "Mul", number(&c, alpha));
    }
    extend(&c, "Sigmoid", NULL);
    return finish(&c, node, x);
}

/* x * tanh(softplus(x)) */
enum quern_code qn_lower_mish(const struct lowering *l, struct quern_node *node)
{
    struct quern_value *x = quern_node_input(node, 0);
    struct chain c = {l, node, x, 0, QUERN_OK, false};
    if (!is_float(node)) {
        return qn_lower_refuse(l, node, "its type is not known to be float");
    }
    extend(&c, "Softplus", NULL);
    extend(&c, "Tanh", NULL);
    return finish(&c, node, x);
}

/* c->last = the mean over axes from `axis` on, which stay as 1. */
static void mean_from(struct chain *c, int64_t axis, int64_t rank)
{
    int64_t axes[QUERN_MAX_RANK];
    size_t n = 0;
    struct quern_value *list = NULL;
    for (int64_t i = axis; i < rank; i++) {
        axes[n++] = i;
    }
    if (c->l->to >= 18) {
        if (c->code == QUERN_OK) {
            int64_t dim = (int64_t)n;
            c->code = qn_new_ints(c->l->ctx, quern_node_graph(c->before),
                                  "lowered_axes", axes, dim, &list);
        }
        extend(c, "ReduceMean", list);
        return;
    }
    extend(c, "ReduceMean", NULL);
    if (c->code == QUERN_OK) {
        c->code =
            quern_node_set_ints(quern_value_producer(c->last), "axes", axes, n);
    }
}

/* x / sqrt(mean(x^2) + epsilon) * scale */
enum quern_code qn_lower_rms(const struct lowering *l, struct quern_node *node)
{
    struct quern_value *x = quern_node_input(node, 0);
    int64_t rank = quern_value_rank(x);
    int64_t axis = quern_node_int(node, "axis", -1);
    struct chain c = {l, node, x, 0, QUERN_OK, false};
    if (!is_float(node) || rank < 1 ||
        quern_value_dtype(quern_node_input(node, 1)) != QUERN_FLOAT) {
        return qn_lower_refuse(l, node,
                               "its type or rank is not known, needs float");
    }
    axis += axis < 0 ? rank : 0;
    if (axis < 0 || axis >= rank) {
        return qn_lower_refuse(l, node, "its axis is out of range");
    }
    extend(&c, "Mul", x);
    c.narrow = true;
    mean_from(&c, axis, rank);
    extend(&c, "Add", number(&c, quern_node_float(node, "epsilon", 1e-5f)));
    extend(&c, "Sqrt", NULL);
    extend(&c, "Reciprocal", NULL);
    c.narrow = false;
    extend(&c, "Mul", x);
    return finish(&c, node, quern_node_input(node, 1));
}

/* n equal numbers as a vector. */
static struct quern_value *equal_numbers(struct chain *c, int64_t n, float x)
{
    struct quern_value *value = NULL;
    float *all = quern_pass_alloc(c->l->ctx, (size_t)n * sizeof *all);
    if (all == NULL) {
        c->code = QUERN_NO_MEMORY;
    }
    for (int64_t i = 0; all != NULL && i < n; i++) {
        all[i] = x;
    }
    if (c->code == QUERN_OK) {
        c->code = qn_new_floats(c->l->ctx, quern_node_graph(c->before),
                                "lowered_group", all, 1, &n, &value);
    }
    return value;
}

/* A number a channel, with axes of 1 behind it. */
static struct quern_value *by_channel(struct chain *c, struct quern_value *v,
                                      int rank)
{
    int64_t axes[QUERN_MAX_RANK];
    struct quern_value *list = NULL;
    struct quern_value *kept = c->last;
    for (int i = 1; i < rank - 1; i++) {
        axes[i - 1] = i;
    }
    if (c->code == QUERN_OK) {
        c->code = qn_new_ints(c->l->ctx, quern_node_graph(c->before),
                              "lowered_axes", axes, rank - 2, &list);
    }
    c->last = v;
    extend(c, "Unsqueeze", list);
    v = c->last;
    c->last = kept;
    return v;
}

/* c->last = the normalized groups, times and plus a number of each group. */
static void normalize_groups(struct chain *c, const struct quern_node *node,
                             struct quern_value *scale,
                             struct quern_value *bias)
{
    int64_t into[3] = {0, quern_node_int(node, "num_groups", 0), -1};
    struct quern_value *list = NULL;
    if (c->code == QUERN_OK) {
        c->code = qn_new_ints(c->l->ctx, quern_node_graph(c->before),
                              "lowered_groups", into, 3, &list);
    }
    extend(c, "Reshape", list);
    extend(c, "InstanceNormalization", scale);
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
    struct chain c = {l, node, x, 0, QUERN_OK, true};
    bool by_group = quern_node_opset(node) < 21;
    if (!quern_node_is(node, "GroupNormalization")) {
        return QUERN_OK; /* done by a step before */
    }
    if (!is_float(node) || rank < 3 || groups < 1 ||
        quern_node_int(node, "stash_type", 1) != 1) {
        return qn_lower_refuse(l, node,
                               "its type or rank is not known, needs float");
    }
    extend(&c, "Shape", NULL);
    struct quern_value *sizes = c.last;
    c.last = x;
    if (by_group) {
        normalize_groups(&c, node, scale, bias);
    } else {
        struct quern_value *ones = equal_numbers(&c, groups, 1.0f);
        struct quern_value *zeros = equal_numbers(&c, groups, 0.0f);
        normalize_groups(&c, node, ones, zeros);
        extend(&c, "Reshape", sizes);
        extend(&c, "Mul", by_channel(&c, scale, rank));
        sizes = by_channel(&c, bias, rank);
    }
    if (c.code == QUERN_OK) {
        c.code = quern_node_set_op(node, by_group ? "Reshape" : "Add");
    }
    while (c.code == QUERN_OK && quern_node_n_attrs(node) > 0) {
        c.code = quern_node_remove_attr(node, quern_node_attr_name(node, 0));
    }
    if (c.code == QUERN_OK) {
        c.code = quern_node_set_input(node, 2, NULL);
    }
    if (c.code == QUERN_OK) {
        c.code = quern_node_set_input(node, 1, sizes);
    }
    return c.code == QUERN_OK ? quern_node_set_input(node, 0, c.last) : c.code;
}
