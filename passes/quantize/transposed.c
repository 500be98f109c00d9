/* Integer weights of ConvTranspose: [C, M / group, spatial…], one scale a
 * tensor or one along axis 1, which the groups share. The bias stays in float:
 * targets with an integer kernel for it (TensorRT) want it so. */
#include "quantize/transposed.h"

#include "common.h"
#include "quantize/dequantize.h"
#include "quantize/weight_codes.h"

#include <string.h>

/* Scales and codes, in memory of the pass. */
static enum quern_code make_codes(struct quern_pass_ctx *ctx,
                                  const struct quern_node *node,
                                  bool per_tensor, float **out_scales,
                                  int8_t **out_codes)
{
    const struct quern_value *v = quern_node_input(node, 1);
    const struct quern_tensor *t = quern_value_constant(v);
    const int64_t *dims = quern_tensor_dims(t);
    int64_t len = 0;
    const float *values = qn_floats(ctx, v, &len);
    size_t outer = (size_t)dims[0];
    size_t channels = (size_t)dims[1];
    size_t inner = len > 0 ? (size_t)len / outer / channels : 0;
    struct quern_qparams *qp = quern_pass_alloc(ctx, channels * sizeof *qp);
    float *scales = quern_pass_alloc(ctx, channels * sizeof *scales);
    int8_t *codes = quern_pass_alloc(ctx, (size_t)len + 1);
    if (values == NULL || qp == NULL || scales == NULL || codes == NULL) {
        return QUERN_NO_MEMORY;
    }
    struct quern_quant_options o = {
        .dtype = QUERN_INT8,
        .flags = QUERN_QUANT_SYMMETRIC | QUERN_QUANT_NARROW,
    };
    enum quern_code code = qn_check_finite(ctx, node, v, values, len);
    if (code == QUERN_OK) {
        code = quern_weight_qparams(quern_pass_context(ctx), &o,
                                    QUERN_WEIGHT_MINMAX, per_tensor, values,
                                    outer, channels, inner, qp);
    }
    if (code == QUERN_OK && !quern_quantize_channels(qp, true, values, outer,
                                                     channels, inner, codes)) {
        struct quern_place place = quern_node_place(node);
        code = quern_fail(quern_pass_context(ctx), QUERN_INTERNAL, &place,
                          "weights have no integer type");
    }
    for (size_t c = 0; c < channels && code == QUERN_OK; c++) {
        scales[c] = qp[c].scale;
    }
    *out_scales = scales;
    *out_codes = codes;
    return code;
}

enum quern_code qn_insert_transposed(struct quern_pass_ctx *ctx,
                                     struct quern_node *node, bool per_tensor)
{
    const struct quern_value *v = quern_node_input(node, 1);
    const struct quern_tensor *t = quern_value_constant(v);
    struct quern_tensor *tensor = NULL;
    struct quern_value *out = NULL;
    float *scales = NULL;
    int8_t *codes = NULL;
    size_t n = per_tensor ? 1 : (size_t)quern_tensor_dims(t)[1];
    enum quern_code code = make_codes(ctx, node, per_tensor, &scales, &codes);
    if (code == QUERN_OK) {
        code = quern_tensor_create(quern_pass_context(ctx), QUERN_INT8,
                                   quern_tensor_rank(t), quern_tensor_dims(t),
                                   &tensor);
    }
    if (code == QUERN_OK) {
        memcpy(quern_tensor_data_mut(tensor), codes,
               (size_t)quern_tensor_len(t));
        code = qn_dequantized_constant(ctx, node, quern_value_name(v), tensor,
                                       scales, n, 1, &out);
    }
    quern_tensor_release(&tensor);
    return code == QUERN_OK ? qn_replace_input(node, 1, out) : code;
}
