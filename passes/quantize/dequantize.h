/* Constants stored as integers: codes, scale, zero point and the
 * DequantizeLinear that reads them. */
#ifndef QUERN_PASSES_QUANTIZE_DEQUANTIZE_H
#define QUERN_PASSES_QUANTIZE_DEQUANTIZE_H

#include <quern/pass.h>

/** A DequantizeLinear in front of `before` that reads new initializers.
 * @param base    names start with it
 * @param scales  n of them; n == 1: a scalar, else along `axis`. Zero points
 *                are 0 */
enum quern_code qn_dequantized_constant(
    struct quern_pass_ctx *ctx, struct quern_node *before, const char *base,
    struct quern_tensor *codes, const float *scales, size_t n, int axis,
    struct quern_value **out_value) __attribute__((warn_unused_result));

/** Scales that a DequantizeLinear made `value` with, as floats in memory of the
 * pass; NULL when it was made by another operator or no memory is left. */
const float *qn_scales_of(struct quern_pass_ctx *ctx,
                          const struct quern_value *value, size_t *out_n);

/** Add shift[c] to the bias of output channel c: of a Conv or Gemm its input 2
 * (float, or int32 codes, which are made at scale x * w where the node has no
 * bias yet), of a MatMul the constant of the Add behind it.
 * @param out_done  false: there is no such place */
enum quern_code qn_bias_add(struct quern_pass_ctx *ctx, struct quern_node *node,
                            const double *shift, size_t n, bool *out_done)
    __attribute__((warn_unused_result));

#endif
