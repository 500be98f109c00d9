/* Means of output channels, sample by sample: what the float model gave. */
#ifndef QUERN_PASSES_QUANTIZE_MEANS_H
#define QUERN_PASSES_QUANTIZE_MEANS_H

#include "quantize/layout.h"
#include "quantize/sampling.h"

/** By value, from `calibrate{means=true}` for `bias-correction`. */
struct qn_means {
    float *means;   /* n samples of all channels */
    double *counts; /* positions that means are of, by sample; 0: not seen */
    size_t channels;
    const struct qn_sampling *sampling;
};

#define QN_MEANS_TABLE "quern.means"

/** Room for the means of a value; kept by the pipeline. */
enum quern_code qn_means_init(struct quern_pass_ctx *ctx,
                              const struct qn_sampling *sampling,
                              size_t channels, struct qn_means *out_means)
    __attribute__((warn_unused_result));

/** Mean of each channel over the elements of one sample. */
void qn_channel_means(const float *data, const struct qn_layout *layout,
                      double *out_means);

#endif
