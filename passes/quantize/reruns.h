/* Running the model as it is, again and again, on a few samples. */
#ifndef QUERN_PASSES_QUANTIZE_RERUNS_H
#define QUERN_PASSES_QUANTIZE_RERUNS_H

#include "quantize/outputs.h"

struct qn_reruns;

/** Samples are those of `outputs`, which must live as long; they are read by
 * the first run and stay in memory. close() in any case.
 * @param most  runs, at most, of which the user is told */
enum quern_code qn_reruns_open(struct quern_pass_ctx *ctx,
                               const struct qn_outputs *outputs, size_t most,
                               struct qn_reruns **out)
    __attribute__((warn_unused_result));
void qn_reruns_close(struct qn_reruns **reruns);

/** Run the top graph as it is.
 * @param quick       on a part of the samples
 * @param out_ratios  noise over signal of each output, as qn_error_ratios()
 * @param out_worst   the largest one; below 0: nothing could be measured */
enum quern_code qn_reruns_go(struct qn_reruns *reruns, bool quick,
                             double *out_ratios, double *out_worst)
    __attribute__((warn_unused_result));

/** Samples of a run that is not quick. */
size_t qn_reruns_n_samples(const struct qn_reruns *reruns);

/** Runs so far, and those that are left. */
size_t qn_reruns_count(const struct qn_reruns *reruns);
size_t qn_reruns_left(const struct qn_reruns *reruns);

#endif
