/* Tensors at the border of a run of the embedded engine. */
#ifndef QUERN_EXEC_BORDER_H
#define QUERN_EXEC_BORDER_H

#include "exec/op.h"

/** Put what is given for an input into its slot; it must outlive the run.
 * @param tensor  a list for a sequence; NULL: an error */
enum quern_code qn_border_in(struct qn_run *run, int slot,
                             const struct quern_value *value,
                             const struct quern_tensor *tensor)
    __attribute__((warn_unused_result));

/** What output i holds, as a tensor with one count, or as a list. */
enum quern_code qn_border_out(struct qn_run *run, size_t i,
                              struct quern_tensor **out_tensor)
    __attribute__((warn_unused_result));

#endif
