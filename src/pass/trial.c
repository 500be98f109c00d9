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

static uint64_t hash_value(uint64_t hash, const struct quern_value *v)
{
    int32_t type[3] = {(int32_t)quern_value_kind(v),
                       (int32_t)quern_value_dtype(v), quern_value_rank(v)};
    hash = quern_hash(hash, quern_value_name(v), strlen(quern_value_name(v)));
    hash = quern_hash(hash, type, sizeof type);
    for (int i = 0; i < quern_value_rank(v); i++) {
        int64_t size = quern_value_dims(v)[i].value;
        hash = quern_hash(hash, &size, sizeof size);
    }
    return hash;
}

uint64_t qn_shown(const struct quern_model *model)
{
    const struct quern_graph *graph = quern_model_graph(model);
    uint64_t hash = QUERN_HASH_START;
    for (size_t i = 0; i < quern_graph_n_inputs(graph); i++) {
        hash = hash_value(hash, quern_graph_input(graph, i));
    }
    for (size_t i = 0; i < quern_graph_n_outputs(graph); i++) {
        hash = hash_value(hash ^ 1, quern_graph_output(graph, i));
    }
    return hash;
}

/* The step was to change inputs or outputs: what comes behind it is compared
 * with the model as it is now, on random samples; given ones do not fit. */
static enum quern_code start_anew(struct quern_pass_ctx *ctx,
                                  struct quern_step_report *report)
{
    report->verdict = QUERN_VERDICT_UNKNOWN;
    report->verdict_text = "it changes inputs or outputs";
    if (quern_pass_data(ctx) == NULL) {
        return ctx->services->trial_start(ctx);
    }
    ctx->trial = NULL;
    ctx->told_trial = "the samples are for other inputs or outputs";
    quern_pass_account(ctx, NULL, "not verified from here on: %s",
                       ctx->told_trial);
    return QUERN_OK;
}

enum quern_code qn_try_step(struct quern_pass_ctx *ctx,
                            struct quern_step_report *report, bool *out_undo)
{
    char text[TEXT_SIZE] = "";
    /* Samples follow a change of precision. */
    if ((ctx->step->desc->flags & QUERN_PASS_INTERFACE) != 0 &&
        ctx->step->desc->contract != QUERN_CHANGES_PRECISION &&
        ctx->shown != qn_shown(ctx->model)) {
        return start_anew(ctx, report);
    }
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
        bool is = ctx->trial != NULL &&
                  ctx->services->trial_describe(ctx, text, sizeof text);
        ctx->options->verified(ctx->options->user, is,
                               ctx->trial != NULL ? text : ctx->told_trial);
    }
}
