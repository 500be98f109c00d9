/* Constants stored as integers, and adding to a bias stored so. */
#include "quantize/dequantize.h"

#include <quern/target.h>

#include "common.h"
#include "quantize/linear.h"

#include <math.h>
#include <string.h>

static enum quern_code named_constant(struct quern_graph *graph,
                                      const char *base, const char *suffix,
                                      struct quern_tensor *t,
                                      struct quern_value **out)
{
    char name[512];
    quern_name_extend(name, sizeof name, base, "%s", suffix);
    return quern_constant_create(graph, name, t, out);
}

/* Scale and zero point. */
static enum quern_code make_params(struct quern_pass_ctx *ctx,
                                   struct quern_graph *graph, const char *base,
                                   enum quern_dtype dtype, const float *scales,
                                   size_t n, struct quern_value **out)
{
    struct quern_context *context = quern_pass_context(ctx);
    struct quern_tensor *t = NULL;
    int64_t dim = (int64_t)n;
    enum quern_code code =
        quern_tensor_of_floats(context, n == 1 ? -1 : dim, scales, &t);
    if (code == QUERN_OK) {
        code = named_constant(graph, base, "_quantized_scale", t, &out[0]);
    }
    quern_tensor_release(&t);
    if (code == QUERN_OK) {
        code = quern_tensor_create(context, dtype, n == 1 ? 0 : 1, &dim, &t);
    }
    if (code == QUERN_OK) {
        code = named_constant(graph, base, "_quantized_zero_point", t, &out[1]);
    }
    quern_tensor_release(&t);
    return code;
}

enum quern_code qn_dequantized_constant(struct quern_pass_ctx *ctx,
                                        struct quern_node *before,
                                        const char *base,
                                        struct quern_tensor *codes,
                                        const float *scales, size_t n, int axis,
                                        struct quern_value **out_value)
{
    struct quern_graph *graph = quern_node_graph(before);
    struct quern_value *in[3] = {NULL, NULL, NULL};
    struct quern_node *node = NULL;
    char name[512];
    enum quern_code code =
        named_constant(graph, base, "_quantized", codes, &in[0]);
    if (code == QUERN_OK) {
        code = make_params(ctx, graph, base, quern_tensor_dtype(codes), scales,
                           n, &in[1]);
    }
    if (code == QUERN_OK) {
        quern_name_extend(name, sizeof name, base, "_DequantizeLinear_Output");
        code = quern_value_create(graph, name, out_value);
    }
    if (code == QUERN_OK) {
        quern_name_extend(name, sizeof name, base, "_DequantizeLinear");
        code = quern_node_create(graph, before, "DequantizeLinear", name, in, 3,
                                 out_value, 1, &node);
    }
    if (code == QUERN_OK && n > 1) {
        code = quern_node_set_int(node, "axis", axis);
    }
    return code;
}

const float *qn_scales_of(struct quern_pass_ctx *ctx,
                          const struct quern_value *value, size_t *out_n)
{
    const struct quern_node *dq = qn_maker(value, "DequantizeLinear");
    int64_t len = 0;
    const float *scales =
        dq != NULL ? qn_floats(ctx, quern_node_input(dq, 1), &len) : NULL;
    *out_n = (size_t)len;
    return scales;
}

/* ------------------------------------------------------------------ bias */

static enum quern_code add_to_floats(struct quern_pass_ctx *ctx,
                                     struct quern_node *node, size_t input,
                                     const double *shift, size_t n, bool *done)
{
    struct quern_value *old = quern_node_input(node, input);
    const struct quern_tensor *t = quern_value_constant(old);
    struct quern_value *value = NULL;
    int64_t len = 0;
    int rank = quern_tensor_rank(t);
    float *bias = qn_floats(ctx, old, &len);
    if (bias == NULL) {
        return QUERN_NO_MEMORY;
    }
    if ((size_t)len != n ||
        (rank > 0 && quern_tensor_dims(t)[rank - 1] != len)) {
        return QUERN_OK; /* it varies by row, or not at all */
    }
    for (size_t c = 0; c < n; c++) {
        bias[c] = (float)((double)bias[c] + shift[c]);
    }
    *done = true;
    enum quern_code code =
        qn_new_floats(ctx, quern_node_graph(node), quern_value_name(old), bias,
                      rank, quern_tensor_dims(t), &value);
    return code == QUERN_OK ? qn_replace_input(node, input, value) : code;
}

/* Codes + shift / scale, rounded half to even, held within int32. */
static bool add_codes(int32_t *codes, const double *shift, const float *scales,
                      size_t n_scales, size_t n)
{
    bool any = false;
    for (size_t c = 0; c < n; c++) {
        double step = (double)scales[n_scales == 1 ? 0 : c];
        double code = (double)codes[c] + rint(shift[c] / step);
        if (isnan(code)) {
            continue; /* weights that hold NaN: nothing to correct by */
        }
        code = code > (double)INT32_MAX ? (double)INT32_MAX : code;
        code = code < (double)INT32_MIN ? (double)INT32_MIN : code;
        any = any || codes[c] != (int32_t)code;
        codes[c] = (int32_t)code;
    }
    return any;
}

static enum quern_code add_to_codes(struct quern_pass_ctx *ctx,
                                    struct quern_node *dq, const double *shift,
                                    size_t n, bool *done)
{
    struct quern_value *old = quern_node_input(dq, 0);
    const struct quern_tensor *t =
        old != NULL ? quern_value_constant(old) : NULL;
    size_t n_scales = 0;
    const float *scales =
        qn_scales_of(ctx, quern_node_output(dq, 0), &n_scales);
    if (t == NULL || quern_tensor_dtype(t) != QUERN_INT32 ||
        (size_t)quern_tensor_len(t) != n || scales == NULL ||
        (n_scales != 1 && n_scales != n)) {
        return QUERN_OK;
    }
    struct quern_tensor *changed = NULL;
    struct quern_value *value = NULL;
    enum quern_code code = quern_tensor_create(
        quern_pass_context(ctx), QUERN_INT32, quern_tensor_rank(t),
        quern_tensor_dims(t), &changed);
    if (code != QUERN_OK) {
        return code;
    }
    int32_t *codes = quern_tensor_data_mut(changed);
    memcpy(codes, quern_tensor_data(t), n * sizeof *codes);
    *done = true;
    bool differs = add_codes(codes, shift, scales, n_scales, n);
    if (differs && quern_value_n_uses(old) == 1) {
        code = quern_value_set_constant(old, changed, false); /* and its name */
    } else if (differs) {
        code = quern_constant_create(quern_node_graph(dq),
                                     quern_value_name(old), changed, &value);
        if (code == QUERN_OK) {
            code = qn_replace_input(dq, 0, value);
        }
    }
    quern_tensor_release(&changed);
    return code;
}

/* A bias where there was none, for targets that want it in float. */
static enum quern_code make_float_bias(struct quern_pass_ctx *ctx,
                                       struct quern_node *node,
                                       const double *shift, size_t n,
                                       bool *done)
{
    float *bias = quern_pass_alloc(ctx, n * sizeof *bias);
    struct quern_value *value = NULL;
    int64_t dim = (int64_t)n;
    char name[512];
    if (bias == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (size_t c = 0; c < n; c++) {
        bias[c] = (float)shift[c];
    }
    quern_name_extend(name, sizeof name,
                      quern_value_name(quern_node_output(node, 0)), "_bias");
    *done = true;
    enum quern_code code =
        qn_new_floats(ctx, quern_node_graph(node), name, bias, 1, &dim, &value);
    return code == QUERN_OK ? quern_node_set_input(node, 2, value) : code;
}

/* A bias where there was none: codes at scale x * w. */
static enum quern_code make_bias(struct quern_pass_ctx *ctx,
                                 struct quern_node *node, const double *shift,
                                 size_t n, bool *done)
{
    size_t n_x = 0;
    size_t n_w = 0;
    struct quern_value *w = quern_node_input(node, 1);
    const float *x_scale = qn_scales_of(ctx, quern_node_input(node, 0), &n_x);
    const float *w_scale = qn_scales_of(ctx, w, &n_w);
    float *scales = quern_pass_alloc(ctx, n * sizeof *scales);
    int64_t dim = (int64_t)n;
    struct quern_tensor *t = NULL;
    struct quern_value *value = NULL;
    char base[512];
    if (quern_pass_target(ctx)->bias == QUERN_BIAS_FLOAT) {
        return make_float_bias(ctx, node, shift, n, done);
    }
    if (x_scale == NULL || n_x != 1 || w_scale == NULL || scales == NULL ||
        (n_w != 1 && n_w != n)) {
        return QUERN_OK;
    }
    for (size_t c = 0; c < n_w; c++) {
        scales[c] = x_scale[0] * w_scale[c];
    }
    quern_name_extend(
        base, sizeof base,
        quern_value_name(quern_node_input(qn_maker(w, "DequantizeLinear"), 0)),
        "_bias");
    enum quern_code code =
        quern_tensor_create(quern_pass_context(ctx), QUERN_INT32, 1, &dim, &t);
    if (code == QUERN_OK &&
        add_codes(quern_tensor_data_mut(t), shift, scales, n_w, n)) {
        *done = true;
        code =
            qn_dequantized_constant(ctx, node, base, t, scales, n_w, 0, &value);
        if (code == QUERN_OK) {
            code = quern_node_set_input(node, 2, value);
        }
    }
    quern_tensor_release(&t);
    return code;
}

enum quern_code qn_bias_add(struct quern_pass_ctx *ctx, struct quern_node *node,
                            const double *shift, size_t n, bool *out_done)
{
    *out_done = false;
    if (quern_node_is(node, "MatMul")) {
        size_t input = 0;
        struct quern_node *add = qn_matmul_bias(node, &input);
        return add != NULL ? add_to_floats(ctx, add, input, shift, n, out_done)
                           : QUERN_OK;
    }
    struct quern_value *bias = quern_node_input(node, 2);
    if (bias == NULL) {
        return make_bias(ctx, node, shift, n, out_done);
    }
    struct quern_node *dq = qn_maker(bias, "DequantizeLinear");
    if (dq != NULL) {
        return add_to_codes(ctx, dq, shift, n, out_done);
    }
    return quern_value_constant(bias) != NULL
               ? add_to_floats(ctx, node, 2, shift, n, out_done)
               : QUERN_OK;
}
