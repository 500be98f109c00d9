/* Values whose peaks are the answer. */
#ifndef QUERN_PASSES_QUANTIZE_PEAKS_H
#define QUERN_PASSES_QUANTIZE_PEAKS_H

#include <quern/pass.h>

/** True when a value is handed on to an output of the model by nothing but
 * moving data and functions that rise, or fall, with it: scores and heat maps,
 * which are read by their largest elements. */
bool qn_is_answer(const struct quern_value *value);

#endif
