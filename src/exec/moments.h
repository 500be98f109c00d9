/* Mean and deviation of the rows, groups or channels of an array. */
#ifndef QUERN_EXEC_MOMENTS_H
#define QUERN_EXEC_MOMENTS_H

#include "exec/op.h"

/** Statistics of x over the axes that have length 1 in `mean` and `factor`:
 * double, row-major, dims that broadcast to those of x. */
struct qn_moments {
    struct qn_array mean;
    struct qn_array factor; /* what qn_moments_read() leaves: the mean square of
                               the deviation (or of x, not centred) */
    struct qn_chunk *room;
};

/** Compute them; give `room` back with qn_chunk_put(). `kept` marks the axes
 * that statistics are kept for. Sums are in double, in the order of x. */
enum quern_code qn_moments_read(struct qn_run *run, const struct qn_op *op,
                                const struct qn_array *x, const bool *kept,
                                bool centered, struct qn_moments *out)
    __attribute__((warn_unused_result));

/** y = (x - mean) factor scale + bias, element by element in double; scale and
 * bias (or NULL) broadcast to x. y may lie over x. */
void qn_moments_apply(const struct qn_moments *m, const struct qn_array *x,
                      const struct qn_array *scale, const struct qn_array *bias,
                      const struct qn_array *y);

#endif
