/* Rules that do not come to an end, by name. */
#include "pass/rules.h"

#include <stdio.h>

/* Names of the rules that were applied in the last two rounds.
 * @return how many these are */
static size_t name_active(const struct qn_rules *rules, char *text, size_t size)
{
    size_t n = 0;
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < rules->n; i++) {
        const struct qn_rule *rule = &rules->items[i];
        if (rule->last_round > 0 && rule->last_round + 1 >= rules->round &&
            length + 1 < size) {
            length +=
                (size_t)snprintf(text + length, size - length, "%s'%.60s'",
                                 n > 0 ? " and " : "", rule->name);
            n++;
        }
    }
    return n;
}

enum quern_code qn_rules_endless(const struct quern_pass_ctx *ctx)
{
    struct quern_place place = QUERN_PLACE_NONE;
    char names[512];
    if (name_active(ctx->plan->rules, names, sizeof names) > 1) {
        return quern_fail(ctx->context, QUERN_INVALID_ARGUMENT, &place,
                          "rules %s undo each other: stopped after many rounds",
                          names);
    }
    return quern_fail(ctx->context, QUERN_INVALID_ARGUMENT, &place,
                      "rule %s still matches after many rounds: rules that "
                      "make what they match do not end",
                      names);
}

void qn_rules_tell_active(const struct quern_pass_ctx *ctx)
{
    char names[512];
    size_t n = name_active(ctx->plan->rules, names, sizeof names);
    quern_note(ctx->context, NULL, "rule%s %s made what is wrong there",
               n == 1 ? "" : "s", names);
}
