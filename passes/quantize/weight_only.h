/* Integer weights where the activations may be anything. */
#ifndef QUERN_PASSES_QUANTIZE_WEIGHT_ONLY_H
#define QUERN_PASSES_QUANTIZE_WEIGHT_ONLY_H

#include <quern/pass.h>
#include <quern/quant.h>

/** Store the constant weights of a Conv or ConvTranspose as int8 behind a
 * DequantizeLinear, with one scale or one a row of axis 0 (Conv) or 1. */
enum quern_code qn_insert_weight_only(struct quern_pass_ctx *ctx,
                                      struct quern_node *node, bool per_tensor)
    __attribute__((warn_unused_result));

/** The same for a ConvTranspose, or a Conv that makes an output of the model,
 * that stays in float, where it saves bytes and costs no time worth speaking
 * of: many weights, each used at many positions. What stays in float since
 * codes would not do is left alone. */
enum quern_code qn_shrink_float(struct quern_pass_ctx *ctx,
                                struct quern_node *node)
    __attribute__((warn_unused_result));

#endif
