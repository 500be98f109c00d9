/* What was done to a model, in its own metadata. */
#ifndef QUERN_CLI_PROVENANCE_H
#define QUERN_CLI_PROVENANCE_H

#include "recipe.h"

/** A fingerprint of a model: of its graph and of pieces of its weights. */
uint64_t cli_fingerprint(const struct quern_model *model);

/** Write into the metadata of a model that passes have changed: quern.version,
 * quern.target, quern.recipe (as --print-config prints it, without target and
 * data; of paths the last part alone) and quern.source, the fingerprint of the
 * model as it was. Nothing where nothing was changed, and with --no-provenance.
 * @param source  the fingerprint; NULL: quern.source is left out
 * @param target  NULL where the job has none */
enum quern_code cli_provenance(struct cli_recipe *recipe,
                               struct quern_model *model,
                               const uint64_t *source, const char *target)
    __attribute__((warn_unused_result));

#endif
