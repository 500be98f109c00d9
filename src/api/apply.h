/* Running recipes, for the rest of the room. */
#ifndef QUERN_API_APPLY_H
#define QUERN_API_APPLY_H

#include "pass/pass.h"

/** Callers of an older header gave a shorter struct, or NULL. */
struct quern_apply_options
qn_apply_options(const struct quern_apply_options *options);

/** As quern_recipe_apply().
 * @param probe  which steps run, and what is told of the last rewrite; may be
 *               NULL */
enum quern_code
qn_recipe_run(struct quern_recipe *recipe, struct quern_model *model,
              const struct quern_apply_options *options, struct qn_probe *probe)
    __attribute__((warn_unused_result));

#endif
