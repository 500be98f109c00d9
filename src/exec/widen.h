/* float16 and bfloat16 where loops are of float alone. */
#ifndef QUERN_EXEC_WIDEN_H
#define QUERN_EXEC_WIDEN_H

#include "exec/op.h"

/** Outputs, from the first on, that take the type of a float16 or bfloat16
 * input of the operator; 0: its kernel reads such inputs itself. */
int qn_widens(const struct quern_node *node);

/** Let the weights of an operator that widens be float32 from here on, where
 * nobody needs them as they are. Before the operator is prepared. */
enum quern_code qn_widen_constants(struct quern_engine *engine,
                                   struct qn_op *op)
    __attribute__((warn_unused_result));

bool qn_is_half(enum quern_dtype dtype);

/** n elements of a float16 or bfloat16 array from number `first` on as floats;
 * and floats as such. */
void qn_half_to_floats(const struct qn_kernels *kernels,
                       const struct qn_array *from, int64_t first, float *to,
                       int64_t n);
void qn_half_from_floats(const struct qn_kernels *kernels, const float *from,
                         const struct qn_array *to, int64_t first, int64_t n);

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
