/* Weights of convolutions in the order that most kernels of oneDNN read: blocks
 * of filters next to each other. Part of its module. */
#ifndef QUERN_EXEC_FILTER_BLOCKS_H
#define QUERN_EXEC_FILTER_BLOCKS_H

#include <stdint.h>

enum { QN_MOST_FILTERS = 64, QN_FILTER_AXES = 4 };

/** Weight (g, f, i0, i1 ...) comes to lie at g * group_step + f / width *
 * block_step + i0 * steps[0] + i1 * steps[1] ... + f % width, in floats. */
struct qn_filter_blocks {
    int64_t groups;
    int64_t filters; /* of a group */
    int64_t width;   /* filters of a block, at most QN_MOST_FILTERS; what the
                        last one has fewer is filled with zeros */
    int64_t group_step;
    int64_t block_step;
    int n_axes; /* of the weights of a filter, at most QN_FILTER_AXES: input
                   channels, then the kernel's */
    int64_t dims[QN_FILTER_AXES];
    int64_t steps[QN_FILTER_AXES];
};

/** @param weights  floats in row-major order, at any address */
void qn_pack_filters(const struct qn_filter_blocks *blocks, const void *weights,
                     float *packed);

#endif
