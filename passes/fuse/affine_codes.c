/* fuse-affine-codes: what scales and shifts the channels of a Conv or Gemm
 * whose weights are codes behind a DequantizeLinear goes into the scale of that
 * DequantizeLinear and into the bias, as fuse-conv-affine puts it into float
 * weights. The codes stay what training made of them, and the convolution, with
 * nothing between it and its Q any more, is one that runtimes run in integers.
 *
 * The scale becomes one for each channel (opset 13). Factors must be positive,
 * as scales are; the bias a float constant or absent; nobody else may read the
 * weights or the result. Real-exact. */
#include "builtin.h"
#include "common.h"
#include "fuse/linear.h"

#include <math.h>
#include <string.h>

enum { WEIGHTS = 1, BIAS = 2 };

struct layer {
    struct quern_node *node; /* Conv or Gemm */
    struct quern_node *dq;   /* of its weights */
    int64_t axis;            /* of the output channels in the weights */
    int64_t n;               /* of them */
};

static bool is_plain_gemm(const struct quern_node *node)
{
    float alpha = quern_node_float(node, "alpha", 1.0f);
    float beta = quern_node_float(node, "beta", 1.0f);
    return quern_node_is(node, "Gemm") && alpha >= 1.0f && alpha <= 1.0f &&
           beta >= 1.0f && beta <= 1.0f;
}

/* One float32 scale, or one for each output channel. */
static bool has_fitting_scale(const struct layer *l)
{
    const struct quern_tensor *scale =
        quern_value_constant(quern_node_input(l->dq, 1));
    const struct quern_value *zero = quern_node_input(l->dq, 2);
    const struct quern_tensor *z = quern_value_constant(zero);
    int64_t rank = quern_value_rank(quern_node_input(l->dq, 0));
    int64_t axis = quern_node_int(l->dq, "axis", 1);
    if (scale == NULL || quern_tensor_dtype(scale) != QUERN_FLOAT ||
        quern_tensor_rank(scale) > 1 ||
        quern_node_int(l->dq, "block_size", 0) != 0 ||
        (zero != NULL &&
         (z == NULL || quern_tensor_len(z) != quern_tensor_len(scale) ||
          quern_dtype_bits(quern_tensor_dtype(z)) < 8))) {
        return false;
    }
    axis += axis < 0 ? rank : 0;
    return quern_tensor_len(scale) == 1 ||
           (quern_tensor_len(scale) == l->n && axis == l->axis);
}

static bool read_layer(struct quern_node *node, struct layer *l)
{
    const struct quern_value *w = quern_node_input(node, WEIGHTS);
    bool is_conv = quern_node_is(node, "Conv");
    l->node = node;
    l->dq = w != NULL ? qn_single_producer(w, "DequantizeLinear") : NULL;
    if ((!is_conv && !is_plain_gemm(node)) || l->dq == NULL ||
        quern_node_opset(node) < 13) {
        return false;
    }
    const struct quern_tensor *codes =
        quern_value_constant(quern_node_input(l->dq, 0));
    const struct quern_value *bias = quern_node_input(node, BIAS);
    const struct quern_tensor *b = quern_value_constant(bias);
    l->axis = is_conv || quern_node_int(node, "transB", 0) != 0 ? 0 : 1;
    if (codes == NULL || quern_tensor_rank(codes) < 2) {
        return false;
    }
    l->n = quern_tensor_dims(codes)[l->axis];
    return has_fitting_scale(l) &&
           (bias == NULL ||
            (b != NULL && quern_tensor_dtype(b) == QUERN_FLOAT &&
             quern_tensor_rank(b) == 1 && quern_tensor_len(b) == l->n));
}

/* New scales and biases; false: a number that cannot be one, or no memory. */
static bool join(struct quern_pass_ctx *ctx, const struct layer *l,
                 const struct qn_affine *f, float *scales, float *biases)
{
    int64_t n_scales = 0;
    int64_t n_biases = 0;
    const struct quern_value *bias = quern_node_input(l->node, BIAS);
    const float *s = qn_floats(ctx, quern_node_input(l->dq, 1), &n_scales);
    const float *b = bias != NULL ? qn_floats(ctx, bias, &n_biases) : NULL;
    if (s == NULL || (bias != NULL && b == NULL)) {
        return false;
    }
    for (int64_t c = 0; c < l->n; c++) {
        double old = b != NULL ? (double)b[c] : 0.0;
        scales[c] = (float)((double)s[n_scales > 1 ? c : 0] * f->scale[c]);
        biases[c] = (float)(old * f->scale[c] + f->shift[c]);
        if (!isnormal(scales[c]) || !(scales[c] > 0.0f) ||
            !isfinite(biases[c])) {
            return false;
        }
    }
    return true;
}

/* As many zero points as scales. */
static enum quern_code widen_zero_point(struct quern_pass_ctx *ctx,
                                        const struct layer *l)
{
    struct quern_value *value = NULL;
    struct quern_tensor *t = NULL;
    struct quern_value *old = quern_node_input(l->dq, 2);
    const struct quern_tensor *zero = quern_value_constant(old);
    char name[512];
    if (zero == NULL ||
        (quern_tensor_rank(zero) == 1 && quern_tensor_len(zero) == l->n)) {
        return QUERN_OK;
    }
    enum quern_code code = quern_tensor_create(
        quern_pass_context(ctx), quern_tensor_dtype(zero), 1, &l->n, &t);
    size_t size = quern_tensor_size(zero);
    for (int64_t c = 0; code == QUERN_OK && c < l->n; c++) {
        memcpy((char *)quern_tensor_data_mut(t) + (size_t)c * size,
               quern_tensor_data(zero), size);
    }
    quern_name_extend(name, sizeof name, quern_value_name(old), "_channels");
    if (code == QUERN_OK) {
        code = quern_constant_create(quern_node_graph(l->dq), name, t, &value);
    }
    quern_tensor_release(&t);
    return code == QUERN_OK ? qn_replace_input(l->dq, 2, value) : code;
}

static enum quern_code set_floats(struct quern_pass_ctx *ctx,
                                  struct quern_node *node, size_t i,
                                  const char *stem, const float *values,
                                  int64_t n)
{
    struct quern_value *value = NULL;
    char name[512];
    quern_name_extend(name, sizeof name, stem, "_joined");
    enum quern_code code =
        qn_new_floats(ctx, quern_node_graph(node), name, values, 1, &n, &value);
    return code == QUERN_OK ? qn_replace_input(node, i, value) : code;
}

static enum quern_code absorb(struct quern_pass_ctx *ctx, const struct layer *l,
                              const struct qn_affine *f,
                              struct quern_node *behind)
{
    size_t size = (size_t)l->n * sizeof(float);
    float *scales = quern_pass_alloc(ctx, size);
    float *biases = quern_pass_alloc(ctx, size);
    if (scales == NULL || biases == NULL) {
        return QUERN_NO_MEMORY;
    }
    if (!join(ctx, l, f, scales, biases)) {
        enum quern_code why = quern_pass_refuse(
            ctx, behind, "a factor that is not positive, or beyond float32");
        return why == QUERN_NOT_FOUND ? QUERN_OK : why;
    }
    quern_pass_account(ctx, behind, "into the scale of '%s' and its bias",
                       quern_node_name(l->node));
    const char *name = quern_value_name(quern_node_output(l->node, 0));
    enum quern_code code = QUERN_OK;
    if (f->scales) {
        code = set_floats(ctx, l->dq, 1,
                          quern_value_name(quern_node_input(l->dq, 1)), scales,
                          l->n);
        if (code == QUERN_OK) {
            code = widen_zero_point(ctx, l);
        }
        if (code == QUERN_OK) {
            code = quern_node_set_int(l->dq, "axis", l->axis);
        }
    }
    if (code == QUERN_OK &&
        (f->shifts || quern_node_input(l->node, BIAS) != NULL)) {
        const struct quern_value *old = quern_node_input(l->node, BIAS);
        code = set_floats(ctx, l->node, BIAS,
                          old != NULL ? quern_value_name(old) : name, biases,
                          l->n);
    }
    return code == QUERN_OK ? qn_take_over(l->node, behind) : code;
}

static enum quern_code visit(struct quern_pass_ctx *ctx,
                             struct quern_node *node, void *user)
{
    struct layer l;
    struct qn_affine f;
    size_t data = 0;
    (void)user;
    for (size_t i = 0; i < 2 && i < quern_node_n_inputs(node); i++) {
        const struct quern_value *x = quern_node_input(node, i);
        struct quern_node *before =
            x != NULL && quern_value_only_user(x) == node
                ? quern_value_producer(x)
                : NULL;
        int rank = x != NULL ? quern_value_rank(x) : -1;
        if (before == NULL || rank < 2 || quern_value_dtype(x) != QUERN_FLOAT ||
            !read_layer(before, &l)) {
            continue;
        }
        if (qn_affine_of(ctx, node, rank, 1 - rank, l.n, &data, &f) &&
            data == i) {
            return absorb(ctx, &l, &f, node);
        }
    }
    return QUERN_OK;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {
        "BatchNormalization", "Mul", "Div", "Add", "Sub", NULL};
    static const char *const layers[] = {"Conv", "Gemm", NULL};
    struct quern_each each = {.ops = ops, .behind = layers};
    (void)params;
    return quern_pass_each(ctx, graph, &each, visit, NULL);
}

const struct quern_pass_desc qn_pass_fuse_affine_codes = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-affine-codes",
    .summary = "fold BatchNormalization, Mul, Div, Add, Sub by channel into "
               "the scale of quantized weights and the bias",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "fuse",
};
