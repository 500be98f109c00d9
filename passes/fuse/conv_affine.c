/* fuse-conv-bn, fuse-conv-affine: what scales and shifts the channels behind a
 * linear operator goes into its weights and bias. Real-exact:
 * a (W x + b) + c = (a W) x + (a b + c). */
#include "builtin.h"
#include "common.h"
#include "fuse/linear.h"

/* The linear node whose result `op` alone reads at input `data`. */
static bool linear_before(const struct quern_node *op, size_t data,
                          struct qn_weights *out)
{
    const struct quern_value *x = quern_node_input(op, data);
    struct quern_node *made = x != NULL ? quern_value_producer(x) : NULL;
    if (made == NULL || quern_node_graph(made) != quern_node_graph(op) ||
        quern_value_only_user(x) != op) {
        return false;
    }
    if (qn_weights_init(made, out)) {
        return true;
    }
    /* MatMul, its bias, then op. */
    for (size_t i = 0; i < 2 && quern_node_is(made, "Add"); i++) {
        const struct quern_value *y = quern_node_input(made, i);
        struct quern_node *product = y != NULL ? quern_value_producer(y) : NULL;
        if (product != NULL && quern_node_is(product, "MatMul") &&
            qn_weights_init(product, out) && out->tail == made) {
            return true;
        }
    }
    return false;
}

/* A MatMul has no room for the shift of a BatchNormalization: an Add takes its
 * place. */
static enum quern_code add_bias(struct quern_pass_ctx *ctx,
                                struct quern_node *op, struct qn_weights *w,
                                struct qn_affine *f, bool *out_done)
{
    struct qn_affine scale = {
        .scale = f->scale, .shift = f->shift, .n = f->n, .scales = f->scales};
    struct quern_tensor *t = NULL;
    struct quern_value *bias = NULL;
    struct quern_node *add = NULL;
    struct quern_value *y = NULL;
    int64_t len = f->n;
    float *shift = quern_pass_alloc(ctx, (size_t)(len + 1) * sizeof *shift);
    if (shift == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (int64_t i = 0; i < len; i++) {
        shift[i] = (float)f->shift[i];
    }
    enum quern_code code = qn_weights_absorb(ctx, w, NULL, &scale, out_done);
    if (code != QUERN_OK || !*out_done) {
        return code;
    }
    quern_pass_account(ctx, op, "folded into '%s', its shift an Add",
                       quern_node_name(w->node));
    code = quern_tensor_of_floats(quern_pass_context(ctx), len, shift, &t);
    if (code == QUERN_OK) {
        code = quern_constant_create(quern_node_graph(op),
                                     quern_value_name(quern_node_input(op, 2)),
                                     t, &bias);
    }
    quern_tensor_release(&t);
    if (code == QUERN_OK) {
        code =
            quern_value_create(quern_node_graph(op),
                               quern_value_name(quern_node_output(op, 0)), &y);
    }
    if (code == QUERN_OK) {
        struct quern_value *in[2] = {quern_node_output(w->node, 0), bias};
        code = quern_node_create(quern_node_graph(op), op, "Add",
                                 quern_node_name(op), in, 2, &y, 1, &add);
    }
    if (code == QUERN_OK) {
        code = qn_take_over(add, op);
    }
    return code == QUERN_OK ? quern_value_erase(y) : code;
}

static enum quern_code try_behind(struct quern_pass_ctx *ctx,
                                  struct quern_node *op, void *user)
{
    (void)user;
    struct qn_weights w;
    struct qn_affine f;
    bool done = false;
    enum quern_code code = QUERN_OK;
    bool is_norm = quern_node_is(op, "BatchNormalization");
    for (size_t data = 0; data < (is_norm ? 1 : 2); data++) {
        size_t read = 0;
        if (!linear_before(op, data, &w) || w.tail == op ||
            !qn_affine_of(ctx, op, w.rank, w.axis, w.n_out, &read, &f) ||
            read != data) {
            continue;
        }
        code = qn_weights_absorb(ctx, &w, NULL, &f, &done);
        if (code == QUERN_OK && done) {
            quern_pass_account(ctx, op, "folded into '%s'",
                               quern_node_name(w.node));
            return qn_take_over(w.tail, op);
        }
        if (code == QUERN_OK && is_norm && w.bias_input == 0 &&
            quern_tensor_dtype(w.tensor) == QUERN_FLOAT) {
            return add_bias(ctx, op, &w, &f, &done);
        }
        break;
    }
    return code;
}

/* What linear_before() finds: a MatMul may have its Add behind it. */
static const char *const linear[] = {"Conv",   "ConvTranspose", "Gemm",
                                     "MatMul", "Add",           NULL};

/* Forward: of a chain, the first goes first and the next sees the node. */
static enum quern_code run_bn(struct quern_pass_ctx *ctx,
                              struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {"BatchNormalization", NULL};
    struct quern_each each = {.ops = ops, .behind = linear};
    (void)params;
    return quern_pass_each(ctx, graph, &each, try_behind, NULL);
}

static enum quern_code run_affine(struct quern_pass_ctx *ctx,
                                  struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {"Mul", "Add", "Sub", "Div", NULL};
    struct quern_each each = {.ops = ops, .behind = linear};
    (void)params;
    return quern_pass_each(ctx, graph, &each, try_behind, NULL);
}

const struct quern_pass_desc qn_pass_fuse_conv_bn = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-conv-bn",
    .summary = "fold BatchNormalization into the Conv, ConvTranspose, Gemm or "
               "MatMul in front of it",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run_bn,
    .group = "fuse",
};

const struct quern_pass_desc qn_pass_fuse_conv_affine = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-conv-affine",
    .summary = "fold constant Mul, Add, Sub, Div behind a Conv, ConvTranspose, "
               "Gemm or MatMul into it",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run_affine,
    .group = "fuse",
};
