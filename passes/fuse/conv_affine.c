/* fuse-conv-bn, fuse-conv-affine: what scales and shifts the channels behind a
 * linear operator goes into its weights and bias. Real-exact:
 * a (W x + b) + c = (a W) x + (a b + c). */
#include "builtin.h"
#include "common.h"
#include "fuse/chains.h"
#include "fuse/linear.h"

/* The linear node that makes x, which `op` alone reads. */
static bool linear_before(const struct quern_node *op,
                          const struct quern_value *x, struct qn_weights *out)
{
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

/* A number in front of a product of two computed values, as attention has it:
 * runtimes take it into that product, and look for it there. */
static bool is_of_product(const struct quern_node *op)
{
    const struct quern_value *y = quern_node_output(op, 0);
    const struct quern_node *reader =
        y != NULL ? quern_value_only_user(y) : NULL;
    float number = 0.0f;
    if (reader == NULL || !quern_node_is(reader, "MatMul") ||
        quern_node_is(op, "Neg") ||
        (!qn_scalar(quern_node_input(op, 0), &number) &&
         !qn_scalar(quern_node_input(op, 1), &number))) {
        return false;
    }
    const struct quern_value *other =
        quern_node_input(reader, quern_node_input(reader, 0) == y ? 1 : 0);
    return other != NULL && quern_value_constant(other) == NULL;
}

/* Moves between the linear node and op: where they lead the channels. */
static enum quern_code try_moved(struct quern_pass_ctx *ctx,
                                 struct quern_node *op, size_t data,
                                 bool *out_done)
{
    struct quern_value *x = quern_node_input(op, data);
    struct qn_moves moves;
    struct qn_weights w;
    struct qn_affine f;
    if (x == NULL || is_of_product(op)) {
        return QUERN_OK;
    }
    qn_moves_before(x, op, &moves);
    if (moves.n == 0 || !linear_before(moves.at[moves.n - 1], moves.from, &w) ||
        quern_node_output(w.tail, 0) != moves.from ||
        !qn_affine_moved(ctx, op, &moves, w.axis, w.n_out, &f)) {
        return QUERN_OK;
    }
    enum quern_code code = qn_weights_absorb(ctx, &w, NULL, &f, out_done);
    if (code == QUERN_OK && *out_done) {
        quern_pass_account(ctx, op, "folded into '%s', through '%s'",
                           quern_node_name(w.node),
                           quern_node_name(moves.at[0]));
        return qn_moves_take_over(&moves, op);
    }
    return code;
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
    struct qn_weights w;
    struct qn_affine f;
    bool done = false;
    bool stays = false;
    enum quern_code code = QUERN_OK;
    bool is_norm = quern_node_is(op, "BatchNormalization");
    for (size_t data = 0; data < (is_norm ? 1 : 2); data++) {
        size_t read = 0;
        if (!linear_before(op, quern_node_input(op, data), &w) ||
            w.tail == op ||
            !qn_affine_of(ctx, op, w.rank, w.axis, w.n_out, &read, &f) ||
            read != data) {
            continue;
        }
        if (quern_node_is(w.node, "MatMul")) {
            code = qn_leave_factor(ctx, op, user, &stays);
        }
        if (code != QUERN_OK || stays) {
            return code;
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
    for (size_t data = 0; data < (is_norm ? 1 : 2) && !done && code == QUERN_OK;
         data++) {
        code = try_moved(ctx, op, data, &done);
    }
    return code;
}

/* What linear_before() finds (a MatMul may have its Add behind it), and moves.
 */
static const char *const linear_or_move[] = {
    "Conv",      "ConvTranspose", "Gemm",    "MatMul",    "Add", "Reshape",
    "Transpose", "Flatten",       "Squeeze", "Unsqueeze", NULL};

/* Forward: of a chain, the first goes first and the next sees the node. */
static enum quern_code run_bn(struct quern_pass_ctx *ctx,
                              struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {"BatchNormalization", NULL};
    struct quern_each each = {.ops = ops, .behind = linear_or_move};
    struct qn_factors factors = {0};
    (void)params;
    return quern_pass_each(ctx, graph, &each, try_behind, &factors);
}

static enum quern_code run_affine(struct quern_pass_ctx *ctx,
                                  struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {"Mul", "Add", "Sub", "Div", "Neg", NULL};
    struct quern_each each = {
        .ops = ops, .behind = linear_or_move, .with_constant = true};
    struct qn_factors factors = *(const struct qn_factors *)params;
    return quern_pass_each(ctx, graph, &each, try_behind, &factors);
}

const struct quern_pass_desc qn_pass_fuse_conv_bn = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-conv-bn",
    .summary = "fold BatchNormalization into the Conv, ConvTranspose, Gemm or "
               "MatMul in front of it, through Reshape and Transpose too",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run_bn,
    .group = "fuse",
};

const struct quern_pass_desc qn_pass_fuse_conv_affine = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-conv-affine",
    .summary = "fold Neg and constant Mul, Add, Sub, Div behind a Conv, "
               "ConvTranspose, Gemm or MatMul into it, through Reshape and "
               "Transpose too",
    .options = qn_factors_options,
    .params_size = sizeof(struct qn_factors),
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run_affine,
    .group = "fuse",
};
