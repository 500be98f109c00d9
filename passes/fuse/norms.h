/* Normalizations that an exporter spelled out: what all rules on them ask. */
#ifndef QUERN_PASSES_FUSE_NORMS_H
#define QUERN_PASSES_FUSE_NORMS_H

#include <quern/pass.h>

/* Pattern of the root of the mean square; `square` is Pow(x, 2) or Mul(x, x).
 * The mean takes its axes as an attribute, or as a second input. */
#define QN_ROOT_MEAN(square) "Sqrt(Add(ReduceMean(" square ", axes...), e))"

/** True when v is a constant vector of floats as long as the last axis of x. */
bool qn_is_last_axis_vector(const struct quern_value *v,
                            const struct quern_value *x);

/** True when all ReduceMean of a match are over the last axis of x alone, which
 * stays as 1. */
bool qn_means_are_over_last(const struct quern_match *match,
                            const struct quern_value *x);

#endif
