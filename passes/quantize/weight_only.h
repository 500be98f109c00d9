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

/** How many weights of float operators may be stored so: turning them into
 * floats in every run then takes no more than 2 % of the model's time. Before
 * any is stored; 0 where the target does not want it.
 * @param nodes  `n` operators with weights */
double qn_shrink_budget(struct quern_pass_ctx *ctx,
                        struct quern_node *const *nodes, size_t n);

/** The same for a ConvTranspose, or a Conv that makes an output of the model,
 * that stays in float, where its weights are many and within the budget. What
 * stays in float since codes would not do is left alone.
 * @param why     it stays in float, as the placement says
 * @param budget  is taken from */
enum quern_code qn_shrink_float(struct quern_pass_ctx *ctx,
                                struct quern_node *node, const char *why,
                                double *budget)
    __attribute__((warn_unused_result));

#endif
