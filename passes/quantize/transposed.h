/* Integer weights of ConvTranspose. */
#ifndef QUERN_PASSES_QUANTIZE_TRANSPOSED_H
#define QUERN_PASSES_QUANTIZE_TRANSPOSED_H

#include <quern/pass.h>
#include <quern/quant.h>

/** Store the constant weights of a ConvTranspose as int8 behind a
 * DequantizeLinear. */
enum quern_code qn_insert_transposed(struct quern_pass_ctx *ctx,
                                     struct quern_node *node, bool per_tensor)
    __attribute__((warn_unused_result));

#endif
