/* Element-wise arithmetic that other operators use too. */
#ifndef QUERN_EXEC_ELTWISE_H
#define QUERN_EXEC_ELTWISE_H

#include "exec/op.h"

/** Of integers alone, behind those of enum qn_binary. */
enum {
    QN_BIT_AND = QN_N_BINARY,
    QN_BIT_OR,
    QN_BIT_XOR,
    QN_SHIFT_LEFT, /* by the bits of the type or more: 0 */
    QN_SHIFT_RIGHT,
};

/** Two inputs that broadcast, by an enum qn_binary, into output 0. */
enum quern_code qn_binary_step(struct qn_run *run, const struct qn_op *op,
                               int variant, const struct qn_array **in)
    __attribute__((warn_unused_result));

#endif
