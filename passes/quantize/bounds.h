/* What the operator that makes a value says of its range. */
#ifndef QUERN_PASSES_QUANTIZE_BOUNDS_H
#define QUERN_PASSES_QUANTIZE_BOUNDS_H

#include <quern/pass.h>

/** Bounds that a value never leaves, whatever the data: behind Clip, Relu,
 * Sigmoid and the like, also where only data movement or a maximum of
 * neighbours lies between.
 * @return false when there is neither; an end without one is infinite */
bool qn_bounds_of(const struct quern_value *value, float *out_least,
                  float *out_most);

#endif
