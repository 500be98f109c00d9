/* float16 and bfloat16 where loops are of float alone. */
#ifndef QUERN_EXEC_WIDEN_H
#define QUERN_EXEC_WIDEN_H

#include "exec/op.h"

/** Outputs, from the first on, that take the type of a float16 or bfloat16
 * input of the operator; 0: its kernel reads such inputs itself. */
int qn_widens(const struct quern_node *node);

bool qn_is_half(enum quern_dtype dtype);

/** Run an operator that widens. */
enum quern_code qn_run_widened(struct qn_run *run, const struct qn_op *op)
    __attribute__((warn_unused_result));

/** Run any operator. */
static inline enum quern_code qn_op_run(struct qn_run *run,
                                        const struct qn_op *op)
{
    return op->widens == 0 ? op->row->run(run, op) : qn_run_widened(run, op);
}

#endif
