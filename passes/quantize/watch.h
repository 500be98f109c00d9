/* What calibration looks at, and what it keeps of each value. */
#ifndef QUERN_PASSES_QUANTIZE_WATCH_H
#define QUERN_PASSES_QUANTIZE_WATCH_H

#include "quantize/seen.h"

struct qn_watched {
    struct quern_value **values;
    struct qn_seen *seen; /* ranks, dims and channel axes; no statistics yet */
    uint32_t *flags;      /* enum quern_stats_flag */
    size_t n;
};

/** Choose values: those that the target may read as codes, with all statistics,
 * and the outputs of Conv, Gemm and MatMul, with their moments alone. Memory of
 * the pass. Runs the first sample where shapes are not known yet.
 * @param channels  moments alone, but for the histograms of what Conv and Gemm
 *                  read, whose cut-off the noise model of groups asks for */
enum quern_code qn_watch(struct quern_pass_ctx *ctx, struct quern_graph *graph,
                         bool channels, struct qn_watched *out)
    __attribute__((warn_unused_result));

/** Run the first sample and remember rank and dimensions of each value in the
 * table of what was seen, where it has no entry yet; types of values too. */
enum quern_code qn_observe_shapes(struct quern_pass_ctx *ctx,
                                  struct quern_graph *graph)
    __attribute__((warn_unused_result));

#endif
