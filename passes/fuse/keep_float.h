/* Keeping float what a target's runtime would quantize by itself. */
#ifndef QUERN_PASSES_FUSE_KEEP_FLOAT_H
#define QUERN_PASSES_FUSE_KEEP_FLOAT_H

#include <quern/pass.h>

/** Store the bias of each Conv, ConvTranspose and Gemm with float weights
 * behind a DequantizeLinear as int32 codes. ONNX Runtime (1.20 on) makes int8
 * weights with one scale of such weights when it loads a model, unless the bias
 * is no constant. Codes are multiples of a power of two: a bias changes by at
 * most 2^-31 of the largest. */
enum quern_code qn_keep_float(struct quern_pass_ctx *ctx,
                              struct quern_graph *graph)
    __attribute__((warn_unused_result));

#endif
