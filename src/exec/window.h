/* Sliding windows: attributes of Conv and pooling, resolved for an input. */
#ifndef QUERN_EXEC_WINDOW_H
#define QUERN_EXEC_WINDOW_H

#include "exec/op.h"

enum { QN_WINDOW_AXES = 3 };

/** Up to three spatial axes; missing ones are 1 wide (1-D is a 3-D window of
 * depth and height 1). */
struct qn_window {
    int n; /* spatial axes of the input */
    int64_t in[QN_WINDOW_AXES];
    int64_t out[QN_WINDOW_AXES];
    int64_t kernel[QN_WINDOW_AXES];
    int64_t stride[QN_WINDOW_AXES];
    int64_t dilation[QN_WINDOW_AXES];
    int64_t pad[QN_WINDOW_AXES]; /* at the begin */
    int64_t pad_end[QN_WINDOW_AXES];
    int64_t group;
};

/** Are n dimensions small enough for windows to be placed without overflow?
 * Arrays without elements can claim any. */
enum quern_code qn_window_limits(struct qn_run *run, const struct qn_op *op,
                                 const int64_t *dims, int n);

/** Read the attributes for an input of [N, C, spatial…].
 * @param kernel  spatial dims of the weights; NULL: attribute kernel_shape
 * @return QUERN_OK; errors are reported */
enum quern_code qn_window_init(struct qn_run *run, const struct qn_op *op,
                               const struct qn_array *x, const int64_t *kernel,
                               struct qn_window *window)
    __attribute__((warn_unused_result));

/** Dims [N, channels, out…] of the output.
 * @return rank */
int qn_window_dims(const struct qn_window *window, int64_t batch,
                   int64_t channels, int64_t *out_dims);

#endif
