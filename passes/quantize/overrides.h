/* What overrides of the recipe ask of insert-qdq. */
#ifndef QUERN_PASSES_QUANTIZE_OVERRIDES_H
#define QUERN_PASSES_QUANTIZE_OVERRIDES_H

#include <quern/recipe.h>
#include <quern/target.h>

/** Before the placement: a value that shall stay in float loses what was seen
 * of it; types that are not those of the target are refused by name.
 * @return QUERN_OK; _UNSUPPORTED naming node or value */
enum quern_code qn_overrides_take(struct quern_pass_ctx *ctx,
                                  struct quern_graph *graph,
                                  const struct quern_target *target)
    __attribute__((warn_unused_result));

#endif
