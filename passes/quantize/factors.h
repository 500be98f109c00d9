/* What the files of channel-factors share. */
#ifndef QUERN_PASSES_QUANTIZE_FACTORS_H
#define QUERN_PASSES_QUANTIZE_FACTORS_H

#include "quantize/linear.h"

/** A value with the operators that would read it as codes. */
struct qn_factor_site {
    struct quern_value *value;
    struct qn_linear *readers;
    size_t n_readers;
    bool alone;   /* nobody else reads the value */
    bool product; /* MatMul, else depthwise Conv */
    double *factors;
    double *inverse;
    float *range; /* of each channel, as it was */
    size_t channels;
    struct quern_value *even; /* what is quantized in its stead */
};

/** 1/e into the norm, constant vector or gate that makes the value.
 * @param out_done  false: there is none that takes it */
enum quern_code qn_factors_fold(struct quern_pass_ctx *ctx,
                                const struct qn_factor_site *site,
                                bool *out_done)
    __attribute__((warn_unused_result));

/** x' = x * (1 / e) behind the value, read by the operators of the site. */
enum quern_code qn_factors_insert(struct quern_pass_ctx *ctx,
                                  struct qn_factor_site *site)
    __attribute__((warn_unused_result));

/** Note the largest magnitudes as they are now, for who looks at the value
 * next. */
enum quern_code qn_factors_tell(struct quern_pass_ctx *ctx,
                                const struct qn_factor_site *site)
    __attribute__((warn_unused_result));

#endif
