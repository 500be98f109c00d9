/* What the room of targets cannot check of a profile, since it knows nothing of
 * patterns. */
#include <quern/match.h>
#include <quern/target.h>

#include "base/diag.h"
#include "pass/pattern.h"
#include "target/read.h"

enum quern_code quern_target_check(struct quern_context *context,
                                   const struct quern_target *target)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < target->chains.count && code == QUERN_OK; i++) {
        struct quern_place place = qn_target_chain_place(target, i);
        struct quern_pattern *pattern = NULL;
        code = qn_pattern_read(context, target->chains.items[i], &place, false,
                               &pattern);
        quern_pattern_destroy(&pattern);
        if (code != QUERN_OK) {
            quern_note(context, NULL, "in 'chains' of target '%s': %s",
                       target->name, target->chains.items[i]);
        }
    }
    return code;
}
