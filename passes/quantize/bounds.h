/* What the operator that makes a value says of its range. */
#ifndef QUERN_PASSES_QUANTIZE_BOUNDS_H
#define QUERN_PASSES_QUANTIZE_BOUNDS_H

#include <quern/pass.h>

struct qn_bounds {
    float least, most; /* infinite: none */
    bool is_whole;     /* a value takes all of what lies between: the bounds
                          are its range, whatever was seen */
};

/** Bounds that a value never leaves, whatever the data: behind Clip, Relu,
 * Sigmoid and the like, also where only data movement, maxima or means lie
 * between. (A mean with padding has zeros in it: 0 is in every range.)
 * @return false when there is neither */
bool qn_bounds_of(const struct quern_value *value, struct qn_bounds *out);

#endif
