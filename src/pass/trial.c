/* --verify-each: a step after which the model gives something else is undone,
 * or with `strict` ends the work. */
#include "pass/pass.h"

#include <string.h>

enum { TEXT_SIZE = 1024 };

static const char *contract_words(enum quern_contract contract)
{
    switch (contract) {
    case QUERN_BIT_EXACT:
        return "the same bits";
    case QUERN_REAL_EXACT:
        return "the same but for rounding";
    case QUERN_APPROXIMATE:
        return "nearly the same";
    case QUERN_CHANGES_PRECISION:
        return "the same but for its precision";
    }
    return "the same";
}

static enum quern_code tell(struct quern_pass_ctx *ctx, const char *text,
                            bool *out_undo)
{
    const struct quern_pass_desc *desc = ctx->step->desc;
    struct quern_place place = QUERN_PLACE_NONE;
    place.pass = desc->name;
    if (ctx->options->strict) {
        return quern_fail(ctx->context, QUERN_INTERNAL, &place,
                          "the model must give %s: %s",
                          contract_words(desc->contract), text);
    }
    quern_warn(ctx->context, &place, "undone: the model must give %s: %s",
               contract_words(desc->contract), text);
    quern_pass_account(ctx, NULL, "undone: %s", text);
    *out_undo = true;
    return QUERN_OK;
}

enum quern_code qn_try_step(struct quern_pass_ctx *ctx,
                            struct quern_step_report *report, bool *out_undo)
{
    char text[TEXT_SIZE] = "";
    enum quern_code code = ctx->services->trial_step(
        ctx, ctx->step->desc->contract, &report->verdict, text, sizeof text);
    if (code != QUERN_OK) {
        return code;
    }
    if (*text != '\0') {
        report->verdict_text = qn_arena_strdup(&ctx->account, text);
        if (report->verdict_text == NULL) {
            return qn_no_memory(ctx->context);
        }
    }
    bool is_new = ctx->told_trial == NULL || strcmp(ctx->told_trial, text) != 0;
    if (report->verdict == QUERN_VERDICT_UNKNOWN && is_new) {
        quern_pass_account(ctx, NULL, "not verified: %s", text);
        ctx->told_trial = qn_arena_strdup(&ctx->arena, text);
    }
    return report->verdict == QUERN_VERDICT_DIFFERS ? tell(ctx, text, out_undo)
                                                    : QUERN_OK;
}

void qn_tell_trial(const struct quern_pass_ctx *ctx)
{
    char text[TEXT_SIZE] = "";
    if (ctx->options->verified != NULL) {
        bool is = ctx->services->trial_describe(ctx, text, sizeof text);
        ctx->options->verified(ctx->options->user, is, text);
    }
}
