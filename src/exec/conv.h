/* Convolutions: what the files about them share. */
#ifndef QUERN_EXEC_CONV_H
#define QUERN_EXEC_CONV_H

#include "exec/heavy.h"
#include "exec/op.h"
#include "exec/window.h"

/** Made when the engine is opened; in op->state. */
struct qn_conv_state {
    struct qn_heavy heavy;
    bool constant;  /* weights, and the bias if there is one */
    float *weights; /* own ones, scaled by a fused affine; NULL: input 1 */
    float *bias;    /* own one; NULL: input 2 */
};

/** One convolution in plain C. */
struct qn_conv_plain {
    const struct qn_array *x; /* row-major */
    const struct qn_array *weights;
    const float *bias;  /* may be NULL */
    struct qn_array *y; /* row-major */
    struct qn_window w;
};
enum quern_code qn_conv_plain(struct qn_run *run, const struct qn_conv_plain *c)
    __attribute__((warn_unused_result));

/** y = scale[c] * y + shift[c] per channel behind a Conv with constant weights:
 * folded into them (before the first run). */
enum quern_code qn_conv_fold(struct quern_engine *e, struct qn_op *op,
                             const float *scale, const float *shift)
    __attribute__((warn_unused_result));

#endif
