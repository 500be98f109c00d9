/* What kind an operator is of, for passes that treat many alike. */
#ifndef QUERN_PASSES_KINDS_H
#define QUERN_PASSES_KINDS_H

#include <quern/pass.h>

/** Works on each element of input 0 by itself; other inputs are scalars. */
bool qn_is_elementwise(const struct quern_node *node);

/** Works element by element on inputs that are broadcast to each other. */
bool qn_is_broadcast(const struct quern_node *node);

/** Add, Sub, Mul or Div of inputs that are aligned at their last axes. */
bool qn_is_arithmetic(const struct quern_node *node);

/** Its inputs are broadcast by attributes, as before opset 7: not aligned at
 * their last axes, as passes take it. */
bool qn_has_old_broadcast(const struct quern_node *node);

/** Takes axes together, named by `axes` as attribute or input. */
bool qn_is_reduction(const struct quern_node *node);

#endif
