/* fuse-parallel: several MatMul, Gemm or Conv of one input with constant
 * weights, as queries, keys and values of attention, become one that is wider
 * and a Split. Not part of optimize: the parts get one scale in common where
 * scales are by tensor, and a Split is a copy. Real-exact: products may be
 * summed up in another order. */
#include "builtin.h"
#include "common.h"
#include "fuse/linear.h"
#include "fuse/rewrite.h"

#include <string.h>

enum {
    MOST_PARTS = 16,
    MOST_READERS = 64,
    SIZES_SINCE = 13, /* opset from which on sizes are an input */
};

struct part {
    struct quern_node *node;
    struct quern_node *tail; /* makes the result: the node, or the Add behind a
                                MatMul with its bias */
    const struct quern_tensor *weights;
    const struct quern_tensor *bias; /* NULL: none */
};

struct parts {
    struct part of[MOST_PARTS];
    size_t n;
    int axis;       /* of the weights that counts outputs */
    int split_axis; /* of the result */
    int64_t width;  /* outputs of all parts */
};

static bool is_kind(const struct quern_node *node, struct parts *p)
{
    if (quern_node_is(node, "Conv")) {
        p->axis = 0;
        p->split_axis = 1;
        return quern_node_int(node, "group", 1) == 1;
    }
    p->axis = quern_node_int(node, "transB", 0) != 0 ? 0 : 1;
    p->split_axis = -1;
    return quern_node_is(node, "MatMul") || quern_node_is(node, "Gemm");
}

static const struct quern_tensor *own_constant(const struct quern_value *v)
{
    const struct quern_tensor *t = quern_value_constant(v);
    return t != NULL && quern_value_n_uses(v) == 1 &&
                   quern_value_producer(v) == NULL &&
                   qn_is_wide_float(quern_tensor_dtype(t)) &&
                   quern_tensor_len(t) > 0
               ? t
               : NULL;
}

/* A vector of one number an output. */
static const struct quern_tensor *own_bias(const struct quern_value *v,
                                           int64_t n)
{
    const struct quern_tensor *t = v != NULL ? own_constant(v) : NULL;
    return t != NULL && quern_tensor_rank(t) == 1 && quern_tensor_len(t) == n
               ? t
               : NULL;
}

/* The Add of a bias that alone reads a MatMul. */
static void find_add(struct part *part, int64_t n)
{
    const struct quern_value *y = quern_node_output(part->node, 0);
    struct quern_node *add = quern_value_only_user(y);
    for (size_t i = 0; i < 2 && add != NULL && quern_node_is(add, "Add"); i++) {
        if (quern_node_input(add, i) == y) {
            part->bias = own_bias(quern_node_input(add, 1 - i), n);
            part->tail = part->bias != NULL ? add : part->node;
        }
    }
}

static bool read_part(struct quern_node *node, int axis, struct part *out)
{
    *out = (struct part){.node = node, .tail = node};
    out->weights = quern_node_input(node, 1) != NULL
                       ? own_constant(quern_node_input(node, 1))
                       : NULL;
    if (out->weights == NULL || quern_tensor_rank(out->weights) < 2 ||
        (!quern_node_is(node, "Conv") &&
         quern_tensor_rank(out->weights) != 2)) {
        return false;
    }
    int64_t n = quern_tensor_dims(out->weights)[axis];
    if (quern_node_is(node, "MatMul")) {
        find_add(out, n);
        return true;
    }
    const struct quern_value *b = quern_node_input(node, 2);
    out->bias = own_bias(b, n);
    return b == NULL || out->bias != NULL;
}

/* Both can be one: same operator, attributes and sizes but that of outputs. */
static bool fits(const struct parts *p, const struct part *part)
{
    const struct part *first = &p->of[0];
    int rank = quern_tensor_rank(first->weights);
    bool same =
        strcmp(quern_node_op(first->node), quern_node_op(part->node)) == 0 &&
        quern_node_attrs_equal(first->node, part->node) &&
        quern_tensor_dtype(first->weights) ==
            quern_tensor_dtype(part->weights) &&
        quern_tensor_rank(part->weights) == rank &&
        (quern_node_is(part->node, "MatMul") ||
         (first->bias != NULL) == (part->bias != NULL));
    for (int i = 0; i < rank && same; i++) {
        same = i == p->axis || quern_tensor_dims(first->weights)[i] ==
                                   quern_tensor_dims(part->weights)[i];
    }
    return same;
}

/* All nodes that read what `first` reads, if they can be one. */
static bool find_parts(struct quern_node *first, struct parts *out)
{
    const struct quern_value *x = quern_node_input(first, 0);
    *out = (struct parts){.n = 0};
    if (x == NULL || !is_kind(first, out) ||
        quern_value_n_uses(x) > MOST_READERS ||
        !read_part(first, out->axis, &out->of[0])) {
        return false;
    }
    out->n = 1;
    for (const struct quern_use *u = quern_value_first_use(x);
         u != NULL && out->n < MOST_PARTS; u = quern_use_next(u)) {
        struct quern_node *node = quern_use_node(u);
        struct part *part = &out->of[out->n];
        if (node != NULL && node != first && quern_use_index(u) == 0 &&
            quern_node_graph(node) == quern_node_graph(first) &&
            *quern_node_domain(node) == '\0' &&
            strcmp(quern_node_op(node), quern_node_op(first)) == 0 &&
            read_part(node, out->axis, part) && fits(out, part)) {
            out->n++;
        }
    }
    /* Biases go along where all have one. */
    for (size_t i = 0; i < out->n; i++) {
        out->width += quern_tensor_dims(out->of[i].weights)[out->axis];
        for (size_t k = 0; k < out->n && out->of[i].bias == NULL; k++) {
            out->of[k].tail = out->of[k].node;
            out->of[k].bias = NULL;
        }
    }
    return out->n > 1;
}

/* Tensors side by side along an axis. */
static enum quern_code join(struct quern_pass_ctx *ctx,
                            const struct quern_tensor *const *tensors, size_t n,
                            int axis, struct quern_tensor **out)
{
    int64_t dims[QUERN_MAX_RANK];
    int rank = quern_tensor_rank(tensors[0]);
    size_t n_rows = 1;
    memcpy(dims, quern_tensor_dims(tensors[0]), (size_t)rank * sizeof *dims);
    for (size_t i = 1; i < n; i++) {
        dims[axis] += quern_tensor_dims(tensors[i])[axis];
    }
    for (int i = 0; i < axis; i++) {
        n_rows *= (size_t)dims[i];
    }
    enum quern_code code =
        quern_tensor_create(quern_pass_context(ctx),
                            quern_tensor_dtype(tensors[0]), rank, dims, out);
    if (code != QUERN_OK) {
        return code;
    }
    unsigned char *to = quern_tensor_data_mut(*out);
    for (size_t row = 0; row < n_rows; row++) {
        for (size_t i = 0; i < n; i++) {
            size_t size = quern_tensor_size(tensors[i]) / n_rows;
            const unsigned char *from = quern_tensor_data(tensors[i]);
            memcpy(to, from + row * size, size);
            to += size;
        }
    }
    return QUERN_OK;
}

static enum quern_code join_constant(struct quern_pass_ctx *ctx,
                                     const struct parts *p, bool biases,
                                     struct quern_value **out)
{
    const struct quern_tensor *tensors[MOST_PARTS] = {NULL};
    struct quern_tensor *t = NULL;
    struct quern_node *first = p->of[0].node;
    for (size_t i = 0; i < p->n; i++) {
        tensors[i] = biases ? p->of[i].bias : p->of[i].weights;
    }
    enum quern_code code = join(ctx, tensors, p->n, biases ? 0 : p->axis, &t);
    if (code == QUERN_OK) {
        code = quern_constant_create(
            quern_node_graph(first),
            quern_value_name(biases ? quern_node_output(first, 0)
                                    : quern_node_input(first, 1)),
            t, out);
    }
    quern_tensor_release(&t);
    return code;
}

/* The wide node, and its Add: what is to be split. */
static enum quern_code make_wide(struct quern_pass_ctx *ctx,
                                 const struct parts *p,
                                 struct quern_value **out)
{
    struct quern_node *first = p->of[0].node;
    struct quern_value *in[3] = {quern_node_input(first, 0), NULL, NULL};
    struct quern_node *node = NULL;
    bool has_bias = p->of[0].bias != NULL;
    bool adds = has_bias && quern_node_is(first, "MatMul");
    enum quern_code code = join_constant(ctx, p, false, &in[1]);
    if (code == QUERN_OK && has_bias) {
        code = join_constant(ctx, p, true, &in[2]);
    }
    if (code == QUERN_OK) {
        code = qn_add_node(first, quern_node_op(first), in,
                           has_bias && !adds ? 3 : 2, &node, out);
    }
    for (size_t i = 0; i < quern_node_n_attrs(first) && code == QUERN_OK; i++) {
        code =
            quern_node_copy_attr(node, first, quern_node_attr_name(first, i));
    }
    if (code == QUERN_OK && adds) {
        struct quern_value *sum[2] = {*out, in[2]};
        code = qn_add_node(first, "Add", sum, 2, &node, out);
    }
    return code;
}

static enum quern_code fuse(struct quern_pass_ctx *ctx, struct quern_node *node,
                            const struct parts *p)
{
    struct quern_value *in[2] = {NULL, NULL};
    struct quern_value *outputs[MOST_PARTS];
    struct quern_node *split = NULL;
    int64_t sizes[MOST_PARTS];
    quern_pass_account(ctx, node, "one %s and a Split from %zu",
                       quern_node_op(node), p->n);
    enum quern_code code = make_wide(ctx, p, &in[0]);
    for (size_t i = 0; i < p->n && code == QUERN_OK; i++) {
        sizes[i] = quern_tensor_dims(p->of[i].weights)[p->axis];
        outputs[i] = quern_node_output(p->of[i].tail, 0);
        code = quern_node_set_output(p->of[i].tail, 0, NULL);
    }
    if (code == QUERN_OK) {
        code = qn_new_ints(ctx, quern_node_graph(node),
                           quern_value_name(outputs[0]), sizes, (int64_t)p->n,
                           &in[1]);
    }
    if (code == QUERN_OK) {
        code = quern_node_create(quern_node_graph(node), node, "Split",
                                 quern_node_name(node), in, 2, outputs, p->n,
                                 &split);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_int(split, "axis", p->split_axis);
    }
    for (size_t i = 0; i < p->n && code == QUERN_OK; i++) {
        code = quern_node_erase_dead(p->of[i].tail);
    }
    return code;
}

static enum quern_code visit(struct quern_pass_ctx *ctx,
                             struct quern_node *node, void *user)
{
    struct parts p;
    (void)user;
    return find_parts(node, &p) ? fuse(ctx, node, &p) : QUERN_OK;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {"MatMul", "Gemm", "Conv", NULL};
    (void)params;
    return quern_model_opset(quern_pass_model(ctx), "") >= SIZES_SINCE
               ? quern_pass_each(ctx, graph, &(struct quern_each){.ops = ops},
                                 visit, NULL)
               : QUERN_OK;
}

const struct quern_pass_desc qn_pass_fuse_parallel = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-parallel",
    .summary = "one MatMul, Gemm or Conv and a Split from several of one "
               "input, as queries, keys and values",
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "fuse",
};
