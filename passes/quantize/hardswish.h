/* HardSwish on codes, as integer-hardswish writes it. */
#ifndef QUERN_PASSES_QUANTIZE_HARDSWISH_H
#define QUERN_PASSES_QUANTIZE_HARDSWISH_H

#include <quern/pass.h>

/** Whether `gate` makes HardSigmoid of what `dq` makes x of, so that Mul of
 * both is HardSwish of x. Both are a DequantizeLinear. */
bool qn_is_hardswish_gate(const struct quern_node *gate,
                          const struct quern_node *dq);

#endif
