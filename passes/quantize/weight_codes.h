/* The weights of one linear operator as integers. */
#ifndef QUERN_PASSES_QUANTIZE_WEIGHT_CODES_H
#define QUERN_PASSES_QUANTIZE_WEIGHT_CODES_H

#include <quern/target.h>

#include "quantize/linear.h"

struct qn_weight_options {
    bool per_tensor;
    enum quern_target_overflow overflow;
    bool int32_bias; /* a constant input 2 will be int32 at scale x * w */
    bool feedback;   /* round with error feedback where second moments are */
    int wider_steps; /* that rows of few weights then choose from */
};

struct qn_weight_codes {
    struct qn_linear linear;
    float *values; /* as they were */
    size_t len;
    struct quern_qparams *qp; /* one an output channel */
    int8_t *codes;            /* at the weights' own indices */
};

/** Choose scales and codes; memory of the pass.
 * @param x     value that the node reads as codes
 * @param x_qp  its parameters
 * @return QUERN_OK; _NUMERIC (weights that are not finite); _NO_MEMORY */
enum quern_code qn_weight_codes_make(struct quern_pass_ctx *ctx,
                                     struct quern_node *node,
                                     const struct quern_value *x,
                                     const struct quern_qparams *x_qp,
                                     const struct qn_weight_options *options,
                                     struct qn_weight_codes *out)
    __attribute__((warn_unused_result));

/** Are all numbers of a constant of `node` finite? _NUMERIC, which names node,
 * constant and element, if one is not. */
enum quern_code qn_check_finite(struct quern_pass_ctx *ctx,
                                const struct quern_node *node,
                                const struct quern_value *constant,
                                const float *values, int64_t len)
    __attribute__((warn_unused_result));

/** What rounding the weights shifts the mean of each output by, to be added to
 * the bias: out_channels numbers; zeros when the channels of x were not seen.
 */
enum quern_code qn_weight_codes_shift(struct quern_pass_ctx *ctx,
                                      const struct qn_weight_codes *weights,
                                      const struct quern_value *x, double *out)
    __attribute__((warn_unused_result));

#endif
