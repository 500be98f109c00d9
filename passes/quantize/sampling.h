/* Samples in an order that does not depend on how the user's file orders them:
 * by their contents. */
#ifndef QUERN_PASSES_QUANTIZE_SAMPLING_H
#define QUERN_PASSES_QUANTIZE_SAMPLING_H

#include <quern/data.h>
#include <quern/pass.h>

/** The first samples in that order. */
struct qn_sampling {
    size_t n;
    size_t n_all;
    size_t *samples; /* n sample numbers */
    size_t *rank;    /* of each of n_all samples; SIZE_MAX: not among the n */
};

/** Choose at most `most` samples of those that calibration may see; kept by the
 * pipeline. */
enum quern_code qn_sampling_create(struct quern_pass_ctx *ctx,
                                   struct quern_data *data, size_t most,
                                   struct qn_sampling **out)
    __attribute__((warn_unused_result));

/** Which samples are kept apart for checks of the result, by number. Memory
 * belongs to the pass. */
enum quern_code qn_sampling_held(struct quern_pass_ctx *ctx,
                                 struct quern_data *data, bool **out_held)
    __attribute__((warn_unused_result));

#endif
