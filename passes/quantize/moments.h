/* Second moments of what operators read, for rounding their weights with error
 * feedback. Collected by the last calibration, when the graph has its final
 * form: for products and Conv, whatever their groups. */
#ifndef QUERN_PASSES_QUANTIZE_MOMENTS_H
#define QUERN_PASSES_QUANTIZE_MOMENTS_H

#include <quern/run.h>

#include "quantize/linear.h"
#include "quantize/sampling.h"
#include "quantize/seen.h"

/** By value, from `channel-factors`: largest magnitude of each channel as it is
 * now (struct qn_vector). */
#define QN_LIMIT_TABLE "quern.channel-limits"

/** Of what a node reads: blocks of columns, each with a matrix; kept by the
 * pipeline. By node, as a pointer. */
struct qn_second_moments {
    struct quern_gram **grams;
    size_t n_blocks;  /* of columns / n_blocks columns */
    size_t n_readers; /* nodes that will still ask */
};

#define QN_MOMENTS_TABLE "quern.second-moments"

struct qn_moments;

/** Choose operators that read one of `values`, in graph order, products before
 * Conv, while memory lasts.
 * @param values     `n` tapped values
 * @param seen       entries of the first sample: ranks and channel axes
 * @return QUERN_OK; _NO_MEMORY */
enum quern_code qn_moments_create(struct quern_pass_ctx *ctx,
                                  const struct qn_sampling *sampling,
                                  struct quern_value *const *values,
                                  const struct qn_seen *seen, size_t n,
                                  struct qn_moments **out)
    __attribute__((warn_unused_result));
void qn_moments_destroy(struct qn_moments **moments);

/** Look at tapped value `tap` of a sample.
 * @param dense  its elements in row-major order, or NULL */
enum quern_code qn_moments_look(struct qn_moments *moments,
                                struct quern_context *context, size_t sample,
                                size_t tap, const struct quern_view *view,
                                const float *dense)
    __attribute__((warn_unused_result));

/** Join what the workers saw and hand it on. */
enum quern_code qn_moments_store(struct quern_pass_ctx *ctx,
                                 struct qn_moments *moments)
    __attribute__((warn_unused_result));

/** What was collected for a node, or NULL. */
struct qn_second_moments *qn_moments_of(struct quern_model *model,
                                        const struct quern_node *node);

/** A node does not need its matrices any more; the last one frees them. NULL is
 * fine. */
void qn_moments_done(struct qn_second_moments *moments);

#endif
