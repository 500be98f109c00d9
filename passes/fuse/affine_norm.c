/* fuse-affine-norm: what a BatchNormalization reads or gives is scaled and
 * shifted by constants of a channel (Mul, Div, Add, Sub, another
 * BatchNormalization): one BatchNormalization does both. Where a convolution
 * could take them they are gone before (fuse-conv-bn, fuse-conv-affine); this
 * is for what they leave: quantized weights, as quantization-aware training
 * writes Conv, Div, BatchNormalization, or no convolution in front.
 *
 * y = S x + B with S and B in double. Written as scale' = S sqrt(var +
 * epsilon), B' = B, mean' = 0, with var and epsilon as they are. Real-exact. */
#include "builtin.h"
#include "common.h"
#include "fuse/chains.h"
#include "fuse/linear.h"

#include <math.h>

enum { SCALE = 1, BIAS = 2, MEAN = 3, VARIANCE = 4, N_INPUTS = 5 };

/* Channels of a BatchNormalization whose parameters are float32 constants;
 * -1: it is none. */
static int64_t channels_of(const struct quern_node *norm)
{
    int64_t n = -1;
    for (size_t i = SCALE; i < N_INPUTS; i++) {
        const struct quern_tensor *t =
            quern_value_constant(quern_node_input(norm, i));
        if (t == NULL || quern_tensor_dtype(t) != QUERN_FLOAT ||
            quern_tensor_rank(t) != 1 || (n >= 0 && quern_tensor_len(t) != n)) {
            return -1;
        }
        n = quern_tensor_len(t);
    }
    return n;
}

static enum quern_code set_floats(struct quern_pass_ctx *ctx,
                                  struct quern_node *norm, size_t i,
                                  const float *values, int64_t n)
{
    struct quern_value *value = NULL;
    char name[512];
    quern_name_extend(name, sizeof name,
                      quern_value_name(quern_node_input(norm, i)), "_joined");
    enum quern_code code =
        qn_new_floats(ctx, quern_node_graph(norm), name, values, 1, &n, &value);
    return code == QUERN_OK ? qn_replace_input(norm, i, value) : code;
}

/* The parameters of `norm` for first, then second; false: a number that is not
 * finite, or no memory. */
static bool join(struct quern_pass_ctx *ctx, const struct quern_node *norm,
                 const struct qn_affine *first, const struct qn_affine *second,
                 float *const out[N_INPUTS])
{
    int64_t n = 0;
    const float *variance =
        qn_floats(ctx, quern_node_input(norm, VARIANCE), &n);
    double epsilon = (double)quern_node_float(norm, "epsilon", 1e-5f);
    if (variance == NULL) {
        return false;
    }
    for (int64_t c = 0; c < n; c++) {
        double s = second->scale[c] * first->scale[c];
        double b = second->scale[c] * first->shift[c] + second->shift[c];
        out[SCALE][c] = (float)(s * sqrt((double)variance[c] + epsilon));
        out[BIAS][c] = (float)b;
        out[MEAN][c] = 0.0f;
        if (!isfinite(out[SCALE][c]) || !isfinite(out[BIAS][c])) {
            return false;
        }
    }
    return true;
}

/* The constants of a node did not widen its data's channels. */
static bool keeps_channels(const struct quern_value *x,
                           const struct quern_value *y)
{
    return quern_value_rank(x) == quern_value_rank(y) &&
           quern_dim_equal(quern_value_dims(x)[1], quern_value_dims(y)[1]);
}

/* `second` reads what `first` makes; one of them is `norm`, which stays. */
static enum quern_code merge(struct quern_node *first, size_t data,
                             struct quern_node *second, struct quern_node *norm)
{
    enum quern_code code = QUERN_OK;
    if (norm == second) {
        code = quern_node_set_input(norm, 0, quern_node_input(first, data));
        return code == QUERN_OK ? quern_node_erase_dead(first) : code;
    }
    code = quern_replace_value(quern_node_output(second, 0),
                               quern_node_output(norm, 0), false);
    return code == QUERN_OK ? quern_node_erase_dead(second) : code;
}

static enum quern_code fuse(struct quern_pass_ctx *ctx,
                            struct quern_node *first, struct quern_node *second,
                            struct quern_node *norm)
{
    struct qn_affine f;
    struct qn_affine g;
    size_t data_first = 0;
    size_t data_second = 0;
    bool stays = false;
    float *params[N_INPUTS] = {NULL};
    const struct quern_value *between = quern_node_output(first, 0);
    int64_t n = channels_of(norm);
    int rank = quern_value_rank(between);
    if (n < 1 || rank < 2 || quern_value_dtype(between) != QUERN_FLOAT ||
        !qn_affine_of(ctx, second, rank, 1 - rank, n, &data_second, &g) ||
        quern_node_input(second, data_second) != between ||
        !qn_affine_of(ctx, first, rank, 1 - rank, n, &data_first, &f) ||
        !keeps_channels(quern_node_input(first, data_first), between)) {
        return QUERN_OK;
    }
    enum quern_code code =
        qn_leave_chain(ctx, norm == second ? first : second, &stays);
    if (code != QUERN_OK || stays) {
        return code;
    }
    for (size_t i = SCALE; i < VARIANCE; i++) {
        params[i] = quern_pass_alloc(ctx, (size_t)n * sizeof(float));
        if (params[i] == NULL) {
            return QUERN_NO_MEMORY;
        }
    }
    if (!join(ctx, norm, &f, &g, params)) {
        enum quern_code why =
            quern_pass_refuse(ctx, norm, "the joined numbers are not finite");
        return why == QUERN_NOT_FOUND ? QUERN_OK : why;
    }
    quern_pass_account(ctx, norm, "%s '%s' joined",
                       quern_node_op(norm == second ? first : second),
                       quern_node_name(norm == second ? first : second));
    for (size_t i = SCALE; i < VARIANCE && code == QUERN_OK; i++) {
        code = set_floats(ctx, norm, i, params[i], n);
    }
    return code == QUERN_OK ? merge(first, data_first, second, norm) : code;
}

static enum quern_code visit(struct quern_pass_ctx *ctx,
                             struct quern_node *node, void *user)
{
    (void)user;
    bool is_norm = quern_node_is(node, "BatchNormalization");
    for (size_t i = 0; i < 2 && i < quern_node_n_inputs(node); i++) {
        const struct quern_value *x = quern_node_input(node, i);
        struct quern_node *before =
            x != NULL && quern_value_only_user(x) == node
                ? quern_value_producer(x)
                : NULL;
        if (before == NULL || (is_norm && i > 0)) {
            continue;
        }
        if (is_norm) {
            return fuse(ctx, before, node, node);
        }
        if (quern_node_is(before, "BatchNormalization")) {
            return fuse(ctx, before, node, before);
        }
    }
    return QUERN_OK;
}

static enum quern_code note(struct quern_pass_ctx *ctx, struct quern_node *node,
                            void *user)
{
    bool *any = user;
    (void)ctx;
    (void)node;
    *any = true;
    return QUERN_OK;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const norms[] = {"BatchNormalization", NULL};
    static const char *const ops[] = {
        "BatchNormalization", "Add", "Sub", "Mul", "Div", NULL};
    struct quern_each each = {.ops = norms};
    bool any = false;
    (void)params;
    enum quern_code code = quern_pass_each(ctx, graph, &each, note, &any);
    each = (struct quern_each){.ops = ops, .behind = ops};
    return code == QUERN_OK && any
               ? quern_pass_each(ctx, graph, &each, visit, NULL)
               : code;
}

const struct quern_pass_desc qn_pass_fuse_affine_norm = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-affine-norm",
    .summary = "join a BatchNormalization with constants of a channel, or "
               "another one, in front of it or behind it",
    .flags = QUERN_PASS_NEEDS_SHAPES | QUERN_PASS_REPEAT,
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "fuse",
};
