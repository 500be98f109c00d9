/* drop-no-op: nodes whose result is one of their inputs, by more than a glance
 * at sizes. */
#ifndef QUERN_PASSES_CLEAN_IDLE_H
#define QUERN_PASSES_CLEAN_IDLE_H

#include <quern/pass.h>

/** A ScatterND that writes every place, in order: its result are the updates,
 * which are known to have the shape of the data. */
bool qn_scatters_all(const struct quern_node *node);

/** A Resize or Upsample, known to keep all sizes, by factors of 1. */
bool qn_resizes_by_one(const struct quern_node *node);

/** A pool of windows of one element. */
bool qn_pools_by_one(const struct quern_node *node);

/** Rounding of what is whole already, the sign of a sign, …. */
bool qn_is_done_twice(const struct quern_node *node);

/** A constant all of whose elements are that number, or one number that is
 * spread at run time by ConstantOfShape or Expand. */
bool qn_is_all(const struct quern_value *v, double number);

#endif
