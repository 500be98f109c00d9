/** @file measure.h
 * Measures of error: an output against its reference.
 * Tier: experimental. Rules for all that it declares: quant.h.
 */
#ifndef QUERN_MEASURE_H
#define QUERN_MEASURE_H

#ifndef QUERN_EXPERIMENTAL
#error                                                                         \
    "define QUERN_EXPERIMENTAL to use <quern/measure.h>, which may still change"
#endif

#include <quern/diag.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Error of an output against its reference, collected sample by sample. */
struct quern_measure;

QUERN_NODISCARD QUERN_API enum quern_code
quern_measure_create(struct quern_context *context,
                     struct quern_measure **out_measure);
QUERN_API void quern_measure_destroy(struct quern_measure **measure);

/** Add one sample: `rows` vectors of `cols` values (cols = classes of the last
 * axis; for outputs without classes any split will do, top-1 and logits mean
 * nothing then). */
QUERN_API void quern_measure_add(struct quern_measure *measure,
                                 const float *reference, const float *got,
                                 size_t rows, size_t cols);

QUERN_API void quern_measure_merge(struct quern_measure *measure,
                                   const struct quern_measure *other);

struct quern_measure_result {
    uint64_t n_values;
    uint64_t n_rows;
    uint64_t n_mismatch; /**< NaN or infinity that is not matched in place;
                              these values are left out of the rest */
    double sqnr_db;      /**< 10 log10(E ref^2 / E (ref - got)^2); HUGE_VAL when
                              equal, -HUGE_VAL when only the reference is 0 */
    double cosine;       /**< 1 when both are 0 */
    double mse;
    double max_abs; /**< largest |ref - got| */
    double max_ref; /**< largest |ref| */
    double top1;    /**< part of rows with the same largest column; the
                         first one counts on a tie */
    /** SQNR of logits. Where all rows of the reference are probabilities (in
     * [0, 1], sum 1) of their logarithm, floored at 1e-12; the mean of each
     * row is removed from both sides, since softmax does not see it. */
    double logit_sqnr_db;
    bool is_softmax; /**< the reference's rows are probabilities */
};

QUERN_API void quern_measure_result(const struct quern_measure *measure,
                                    struct quern_measure_result *out_result);

#ifdef __cplusplus
}
#endif

#endif
