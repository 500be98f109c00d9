/* Weights whose products with neighbouring codes would leave 16 bits. */
#ifndef QUERN_PASSES_QUANTIZE_WEIGHT_OVERFLOW_H
#define QUERN_PASSES_QUANTIZE_WEIGHT_OVERFLOW_H

#include "quantize/weight_codes.h"

struct qn_overflow;

/** Are products of this operator added in pairs at all? Depthwise kernels widen
 * first: they do not saturate. */
bool qn_may_saturate(const struct qn_linear *linear);

/** Look at the codes of weights as they are.
 * @param x  value whose codes they meet, with its parameters; NULL: any code
 * @param out_overflow  memory of the pass
 * @return QUERN_OK; _NO_MEMORY; _CANCELLED */
enum quern_code
qn_overflow_create(struct quern_pass_ctx *ctx, struct qn_weight_codes *weights,
                   const struct quern_value *x,
                   const struct quern_qparams *x_qp, bool per_tensor,
                   struct qn_overflow **out_overflow)
    __attribute__((warn_unused_result));

/** Nothing needs to be done. */
bool qn_overflow_fits(const struct qn_overflow *o);

/** Set each row's scale to that of least error. The caller rounds. */
enum quern_code qn_overflow_search(struct qn_overflow *o)
    __attribute__((warn_unused_result));

/** Bring codes nearer to zero until all fit. */
enum quern_code qn_overflow_trim(struct qn_overflow *o)
    __attribute__((warn_unused_result));

#endif
