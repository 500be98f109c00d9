/* Element-wise arithmetic that other operators use too. */
#ifndef QUERN_EXEC_ELTWISE_H
#define QUERN_EXEC_ELTWISE_H

#include "exec/op.h"

/** Two inputs that broadcast, by an enum qn_binary, into output 0. */
enum quern_code qn_binary_step(struct qn_run *run, const struct qn_op *op,
                               int variant, const struct qn_array **in)
    __attribute__((warn_unused_result));

#endif
