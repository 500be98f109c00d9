/* How the channels of a tapped value lie in memory. */
#ifndef QUERN_PASSES_QUANTIZE_LAYOUT_H
#define QUERN_PASSES_QUANTIZE_LAYOUT_H

#include <quern/run.h>

/** Elements as outer blocks of channels of runs: element (o, c, i) lies at
 * (o * channels + c) * inner + i. */
struct qn_layout {
    size_t outer, channels, inner;
};

/** Layout with regard to an axis (below 0: one channel).
 * @return false when elements lie otherwise, with gaps or repeated; the layout
 * is then that of a row-major copy */
bool qn_layout_of(const struct quern_view *view, int axis,
                  struct qn_layout *out_layout);

/** All elements in row-major order into `to`, which has room for them. */
void qn_copy_packed(const struct quern_view *view, float *to);

#endif
