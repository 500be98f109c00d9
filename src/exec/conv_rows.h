/* Our own convolutions over channels-last arrays, in the form of an
 * accelerator. */
#ifndef QUERN_EXEC_CONV_ROWS_H
#define QUERN_EXEC_CONV_ROWS_H

#include "exec/accelerator.h"

/** Its state is the table of kernels of the CPU level (struct qn_kernels);
 * nothing has to be opened or closed. */
extern const struct qn_accelerator qn_conv_rows_maker;

#endif
