/* Words of the enums of a profile, as YAML has them. */
#include "target/read.h"

const char *const qn_target_kinds[] = {
    "never",  "start", "follow", "move", "join",
    "around", "skip",  "table",  "link", NULL,
};
const char *const qn_target_roles[] = {
    "none", "activation", "weight", "bias", NULL,
};
const char *const qn_target_outputs[] = {"free", "required", "never", NULL};
const char *const qn_target_biases[] = {"int32", "float", NULL};
const char *const qn_target_overflows[] = {"any", "observed", "never", NULL};

/* Word number i, or "unknown" beyond the end. */
static const char *word(const char *const *words, unsigned i)
{
    for (unsigned k = 0; words[k] != NULL; k++) {
        if (k == i) {
            return words[k];
        }
    }
    return "unknown";
}

const char *quern_target_kind_name(enum quern_target_kind kind)
{
    return word(qn_target_kinds, kind);
}

const char *quern_target_role_name(enum quern_target_role role)
{
    return word(qn_target_roles, role);
}

const char *quern_target_output_name(enum quern_target_output output)
{
    return word(qn_target_outputs, output);
}

const char *quern_target_bias_name(enum quern_target_bias bias)
{
    return word(qn_target_biases, bias);
}

const char *quern_target_overflow_name(enum quern_target_overflow overflow)
{
    return word(qn_target_overflows, overflow);
}
