/* fuse-conv-bn, fuse-conv-affine: what scales and shifts the channels behind a
 * linear operator goes into its weights and bias. Real-exact:
 * a (W x + b) + c = (a W) x + (a b + c). */
#include "builtin.h"
#include "common.h"

#include <math.h>
#include <string.h>

/* y = a[c] x + b[c] behind a node, one pair of numbers an output channel. */
struct affine {
    double *a;
    double *b;
    int64_t n;
};

/* Axis of the weights that counts output channels. */
static int channel_axis(const struct quern_node *node)
{
    if (quern_node_is(node, "ConvTranspose")) {
        return 1;
    }
    if (quern_node_is(node, "Gemm")) {
        return quern_node_int(node, "transB", 0) != 0 ? 0 : 1;
    }
    return 0;
}

static bool takes_affine(const struct quern_node *node)
{
    bool right = quern_node_is(node, "Conv") || quern_node_is(node, "Gemm") ||
                 (quern_node_is(node, "ConvTranspose") &&
                  quern_node_int(node, "group", 1) == 1);
    const struct quern_value *w = quern_node_input(node, 1);
    const struct quern_value *b = quern_node_input(node, 2);
    const struct quern_tensor *t = w != NULL ? quern_value_constant(w) : NULL;
    bool plain = !quern_node_is(node, "Gemm") ||
                 (fabsf(quern_node_float(node, "alpha", 1.0f) - 1.0f) <= 0.0f &&
                  fabsf(quern_node_float(node, "beta", 1.0f) - 1.0f) <= 0.0f);
    return right && plain && t != NULL &&
           quern_tensor_dtype(t) == QUERN_FLOAT && quern_tensor_rank(t) >= 2 &&
           (b == NULL || quern_value_constant(b) != NULL);
}

static enum quern_code scale_weights(struct quern_pass_ctx *ctx,
                                     struct quern_node *node,
                                     const struct affine *f)
{
    struct quern_value *old = quern_node_input(node, 1);
    const struct quern_tensor *t = quern_value_constant(old);
    const int64_t *dims = quern_tensor_dims(t);
    int axis = channel_axis(node);
    int64_t len = 0;
    float *w = qn_floats(ctx, old, &len);
    int64_t inner = 1;
    if (w == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (int i = axis + 1; i < quern_tensor_rank(t); i++) {
        inner *= dims[i];
    }
    for (int64_t i = 0; i < len; i++) {
        w[i] = (float)((double)w[i] * f->a[i / inner % f->n]);
    }
    struct quern_value *value = NULL;
    enum quern_code code =
        qn_new_floats(ctx, quern_value_graph(old), quern_value_name(old), w,
                      quern_tensor_rank(t), dims, &value);
    return code == QUERN_OK ? qn_replace_input(node, 1, value) : code;
}

static enum quern_code shift_bias(struct quern_pass_ctx *ctx,
                                  struct quern_node *node,
                                  const struct affine *f)
{
    struct quern_value *old = quern_node_input(node, 2);
    float *bias = quern_pass_alloc(ctx, (size_t)f->n * sizeof *bias);
    int64_t len = 0;
    float *given = old != NULL ? qn_floats(ctx, old, &len) : NULL;
    if (bias == NULL || (old != NULL && given == NULL)) {
        return QUERN_NO_MEMORY;
    }
    for (int64_t c = 0; c < f->n; c++) {
        double b = given != NULL ? (double)given[len == 1 ? 0 : c] : 0.0;
        bias[c] = (float)(b * f->a[c] + f->b[c]);
    }
    const struct quern_value *w = quern_node_input(node, 1);
    char name[256];
    const char *base =
        old != NULL ? quern_value_name(old) : quern_value_name(w);
    size_t n = strlen(base) < 240 ? strlen(base) : 240;
    memcpy(name, base, n);
    strcpy(name + n, old != NULL ? "" : "_bias");
    struct quern_value *value = NULL;
    enum quern_code code = qn_new_floats(ctx, quern_node_graph(node), name,
                                         bias, 1, &f->n, &value);
    return code == QUERN_OK ? qn_replace_input(node, 2, value) : code;
}

/* Put the affine into `node`, which then makes the output of `behind`. */
static enum quern_code absorb(struct quern_pass_ctx *ctx,
                              struct quern_node *node,
                              struct quern_node *behind, const struct affine *f)
{
    struct quern_value *y = quern_node_output(behind, 0);
    enum quern_code code = scale_weights(ctx, node, f);
    if (code == QUERN_OK) {
        code = shift_bias(ctx, node, f);
    }
    if (code == QUERN_OK) {
        quern_pass_account(ctx, behind, "folded into '%s'",
                           quern_node_name(node));
        code = quern_node_set_output(node, 0, y);
    }
    return code == QUERN_OK ? quern_node_erase_dead(behind) : code;
}

static int64_t n_channels(const struct quern_node *node)
{
    const struct quern_tensor *w =
        quern_value_constant(quern_node_input(node, 1));
    return quern_tensor_dims(w)[channel_axis(node)];
}

static bool room(struct quern_pass_ctx *ctx, int64_t n, struct affine *f)
{
    f->n = n;
    f->a = quern_pass_alloc(ctx, (size_t)n * sizeof *f->a);
    f->b = quern_pass_alloc(ctx, (size_t)n * sizeof *f->b);
    return f->a != NULL && f->b != NULL;
}

/* ------------------------------------------------------ BatchNormalization */

static bool read_bn(struct quern_pass_ctx *ctx, const struct quern_node *bn,
                    int64_t n, struct affine *f)
{
    const float *p[4];
    for (size_t i = 0; i < 4; i++) {
        int64_t len = 0;
        p[i] = qn_floats(ctx, quern_node_input(bn, i + 1), &len);
        if (p[i] == NULL || len != n) {
            return false;
        }
    }
    if (!room(ctx, n, f)) {
        return false;
    }
    double epsilon = (double)quern_node_float(bn, "epsilon", 1e-5f);
    for (int64_t c = 0; c < n; c++) {
        f->a[c] = (double)p[0][c] / sqrt((double)p[3][c] + epsilon);
        f->b[c] = (double)p[1][c] - f->a[c] * (double)p[2][c];
    }
    return true;
}

static enum quern_code run_bn(struct quern_pass_ctx *ctx,
                              struct quern_graph *graph, const void *params)
{
    struct quern_node *next = NULL;
    enum quern_code code = QUERN_OK;
    (void)params;
    for (struct quern_node *bn = quern_graph_first(graph);
         bn != NULL && code == QUERN_OK; bn = next) {
        next = quern_node_next(bn);
        if (!quern_node_is(bn, "BatchNormalization") ||
            quern_node_n_outputs(bn) != 1 ||
            quern_node_int(bn, "training_mode", 0) != 0) {
            continue;
        }
        const struct quern_value *x = quern_node_input(bn, 0);
        struct quern_node *node = x != NULL ? quern_value_producer(x) : NULL;
        struct affine f;
        if (node == NULL || quern_value_only_user(x) != bn ||
            quern_node_graph(node) != graph || !takes_affine(node)) {
            continue;
        }
        if (read_bn(ctx, bn, n_channels(node), &f)) {
            code = absorb(ctx, node, bn, &f);
        }
    }
    return code;
}

const struct quern_pass_desc qn_pass_fuse_conv_bn = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-conv-bn",
    .summary = "fold BatchNormalization into the Conv or Gemm in front of it",
    .contract = QUERN_REAL_EXACT,
    .run = run_bn,
    .group = "fuse",
};

/* ------------------------------------------------- Mul, Add, Sub, Div behind
 */

static bool read_arithmetic(struct quern_pass_ctx *ctx,
                            const struct quern_node *node,
                            const struct quern_node *op, size_t constant,
                            struct affine *f)
{
    if (!room(ctx, n_channels(node), f)) {
        return false;
    }
    const struct quern_tensor *w =
        quern_value_constant(quern_node_input(node, 1));
    double *k = qn_channel_constant(ctx, quern_node_input(op, constant),
                                    quern_tensor_rank(w), f->n);
    if (k == NULL) {
        return false;
    }
    for (int64_t c = 0; c < f->n; c++) {
        f->a[c] = 1.0;
        f->b[c] = 0.0;
        if (quern_node_is(op, "Mul")) {
            f->a[c] = k[c];
        } else if (quern_node_is(op, "Div")) {
            f->a[c] = 1.0 / k[c];
        } else if (quern_node_is(op, "Add")) {
            f->b[c] = k[c];
        } else {
            f->a[c] = constant == 0 ? -1.0 : 1.0;
            f->b[c] = constant == 0 ? k[c] : -k[c];
        }
        if (!isfinite(f->a[c]) || !isfinite(f->b[c])) {
            return false;
        }
    }
    return true;
}

static bool is_arithmetic(const struct quern_node *op)
{
    return quern_node_is(op, "Mul") || quern_node_is(op, "Add") ||
           quern_node_is(op, "Sub") || quern_node_is(op, "Div");
}

static enum quern_code run_affine(struct quern_pass_ctx *ctx,
                                  struct quern_graph *graph, const void *params)
{
    struct quern_node *next = NULL;
    enum quern_code code = QUERN_OK;
    (void)params;
    for (struct quern_node *op = quern_graph_first(graph);
         op != NULL && code == QUERN_OK; op = next) {
        next = quern_node_next(op);
        for (size_t i = 0; i < 2 && is_arithmetic(op); i++) {
            struct quern_value *x = quern_node_input(op, i);
            struct quern_value *k = quern_node_input(op, 1 - i);
            struct quern_node *node =
                x != NULL ? quern_value_producer(x) : NULL;
            struct affine f;
            if (node == NULL || k == NULL ||
                quern_node_is(op, "Div") > (i == 0) ||
                quern_value_only_user(x) != op ||
                quern_node_graph(node) != graph || !takes_affine(node) ||
                quern_node_is(node, "Gemm") ||
                !read_arithmetic(ctx, node, op, 1 - i, &f)) {
                continue;
            }
            code = absorb(ctx, node, op, &f);
            break;
        }
    }
    return code;
}

const struct quern_pass_desc qn_pass_fuse_conv_affine = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-conv-affine",
    .summary = "fold constant Mul, Add, Sub, Div behind a Conv into it",
    .flags = QUERN_PASS_REPEAT,
    .contract = QUERN_REAL_EXACT,
    .run = run_affine,
    .group = "fuse",
};
