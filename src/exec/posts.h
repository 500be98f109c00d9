/* What is done to an operator's output behind the operator proper: fused
 * element-wise steps. */
#ifndef QUERN_EXEC_POSTS_H
#define QUERN_EXEC_POSTS_H

#include "exec/op.h"

/** How many of the leading steps the accelerator does well. */
int qn_posts_fast(int n, const struct qn_post *posts);

/** Do the operator's steps from number `from` on to output 0, which is dense
 * and its own. Its shape grows where a step adds a larger array. */
enum quern_code qn_posts_run(struct qn_run *run, const struct qn_op *op,
                             int from) __attribute__((warn_unused_result));

#endif
