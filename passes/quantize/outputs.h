/* What the float model gave on a few samples, and the error of the quantized
 * one against it. */
#ifndef QUERN_PASSES_QUANTIZE_OUTPUTS_H
#define QUERN_PASSES_QUANTIZE_OUTPUTS_H

#include <quern/quant.h>

#include "quantize/sampling.h"

/** Outputs of the last samples that means are kept of; kept by the pipeline.
 * From `calibrate{means=true}`. */
struct qn_outputs {
    const struct qn_sampling *sampling;
    size_t first; /* place of sample 0 in the sampling */
    size_t n;     /* samples */
    size_t n_out;
    struct quern_tensor **tensors; /* n rows of n_out; a row of NULL: its
                                      sample was not kept */
};

/** Make room, and tell later passes; nothing is kept yet. */
enum quern_code qn_outputs_create(struct quern_pass_ctx *ctx,
                                  const struct qn_sampling *sampling,
                                  size_t n_out, struct qn_outputs **out)
    __attribute__((warn_unused_result));

/** What was kept last, or NULL. */
const struct qn_outputs *qn_outputs_of(struct quern_model *model);

/** Retain what sample `place` of the sampling gave, if it is one of those and
 * small enough. Thread-safe for different samples. */
void qn_outputs_keep(struct qn_outputs *outputs, size_t place,
                     struct quern_tensor *const *given);

/** Error on those samples: measures by sample and output. */
struct qn_error {
    const struct qn_outputs *outputs;
    struct quern_measure **measures;
};

/** NULL for `outputs` gives one that measures nothing. finish() in any case. */
enum quern_code qn_error_init(struct quern_pass_ctx *ctx,
                              const struct qn_outputs *outputs,
                              struct qn_error *error)
    __attribute__((warn_unused_result));
void qn_error_finish(struct qn_error *error);

/** Add what the quantized model gave on sample `place`. Thread-safe for
 * different samples. */
void qn_error_add(struct qn_error *error, size_t place,
                  struct quern_tensor *const *given);

/** Noise over signal of each output (of logits where it is a softmax); 0 for
 * one that is no float or was always 0.
 * @param out_ratios  room for one an output, or NULL
 * @param out_worst   the largest one; below 0: nothing was measured
 * @return QUERN_OK; _NO_MEMORY */
enum quern_code qn_error_ratios(struct quern_context *context,
                                const struct qn_error *error,
                                double *out_ratios, double *out_worst)
    __attribute__((warn_unused_result));

/** Remember the largest ratio of the model as it is. */
enum quern_code qn_error_tell(struct quern_pass_ctx *ctx, double worst)
    __attribute__((warn_unused_result));

/** That one, where nothing was edited since; below 0: not known. */
double qn_error_told(struct quern_model *model);

/** 10 log10 of signal over noise. */
double qn_ratio_db(double ratio);

#endif
