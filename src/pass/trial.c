/* --verify-each: a step after which the model gives something else is undone,
 * or with `strict` ends the work. */
#include "ir/ir.h"
#include "pass/pass.h"

#include <stdio.h>
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

static uint64_t hash_shown(const struct quern_graph *graph)
{
    uint64_t hash = QUERN_HASH_START;
    for (size_t i = 0; i < quern_graph_n_inputs(graph); i++) {
        hash = hash_value(hash, quern_graph_input(graph, i));
    }
    for (size_t i = 0; i < quern_graph_n_outputs(graph); i++) {
        hash = hash_value(hash ^ 1, quern_graph_output(graph, i));
    }
    return hash;
}

enum quern_code qn_try_begin(struct quern_pass_ctx *ctx)
{
    const struct quern_graph *graph = quern_model_graph(ctx->model);
    struct qn_shown *s = &ctx->shown;
    s->hash = hash_shown(graph);
    s->n = quern_graph_n_outputs(graph);
    if (s->n > s->room) {
        s->outputs =
            qn_arena_alloc_n(&ctx->arena, 2 * s->n, sizeof *s->outputs);
        s->room = s->outputs != NULL ? 2 * s->n : 0;
    }
    if (s->n > s->room) {
        s->n = 0;
        return qn_no_memory(ctx->context);
    }
    for (size_t i = 0; i < s->n; i++) {
        const struct quern_value *v = quern_graph_output(graph, i);
        s->outputs[i] = (struct qn_shown_output){quern_value_name(v),
                                                 qn_value_written_dtype(v)};
    }
    return QUERN_OK;
}

/* As it was before the step. Mostly it is at the same place; only where it is
 * not, all names are entered.
 * @param out  NULL: not there */
static bool output_before(const struct qn_shown *s, struct qn_map *by_name,
                          const char *name, size_t at,
                          const struct qn_shown_output **out)
{
    *out = at < s->n ? &s->outputs[at] : NULL;
    if (*out != NULL && strcmp((*out)->name, name) == 0) {
        return true;
    }
    bool good = true;
    size_t n = by_name->count == 0 ? s->n : 0;
    for (size_t i = 0; good && i < n; i++) {
        good = qn_map_set(by_name, s->outputs[i].name, &s->outputs[i]);
    }
    *out = good ? qn_map_get(by_name, name) : NULL;
    return good;
}

/* Another type of floats, where the pass may change precision and inputs and
 * outputs; anything, where it may change these for other reasons. */
static bool may_become(const struct quern_pass_desc *desc, enum quern_dtype was,
                       enum quern_dtype is)
{
    bool has_floats = quern_dtype_is_float(was) && quern_dtype_is_float(is);
    return (desc->flags & QUERN_PASS_INTERFACE) != 0 &&
           (desc->contract != QUERN_CHANGES_PRECISION || has_floats);
}

/* Whether the step has changed the declared type of an output that it must
 * leave: models that do not run are looked at, too.
 * @param text  what is wrong; "" */
static enum quern_code check_declared(struct quern_pass_ctx *ctx, char *text,
                                      size_t size)
{
    const struct quern_graph *graph = quern_model_graph(ctx->model);
    struct qn_map by_name = {0};
    enum quern_code code = quern_model_infer(ctx->model);
    for (size_t i = 0; i < quern_graph_n_outputs(graph) && code == QUERN_OK;
         i++) {
        const struct quern_value *v = quern_graph_output(graph, i);
        enum quern_dtype is = qn_value_written_dtype(v);
        const struct qn_shown_output *before = NULL;
        if (!output_before(&ctx->shown, &by_name, quern_value_name(v), i,
                           &before)) {
            code = qn_no_memory(ctx->context);
        }
        if (before == NULL || before->dtype == QUERN_UNDEFINED ||
            is == QUERN_UNDEFINED || is == before->dtype ||
            may_become(ctx->step->desc, before->dtype, is)) {
            continue;
        }
        snprintf(text, size, "output '%s' is declared %s, was %s",
                 quern_value_name(v), quern_dtype_name(is),
                 quern_dtype_name(before->dtype));
        break;
    }
    qn_map_finish(&by_name);
    return code;
}

/* What comes behind the step is compared with the model as it is now, on random
 * samples; given ones do not fit. */
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

/* Runs the model, where that can be. */
static enum quern_code try_numbers(struct quern_pass_ctx *ctx,
                                   struct quern_step_report *report, char *text,
                                   size_t size)
{
    enum quern_code code = ctx->services->trial_step(
        ctx, ctx->step->desc->contract, &report->verdict, text, size);
    bool is_new = ctx->told_trial == NULL || strcmp(ctx->told_trial, text) != 0;
    if (code == QUERN_OK && report->verdict == QUERN_VERDICT_UNKNOWN &&
        is_new) {
        quern_pass_account(ctx, NULL, "not verified: %s", text);
        ctx->told_trial = qn_arena_strdup(&ctx->arena, text);
    }
    return code;
}

/* The step was to change inputs or outputs, and did. Where it is one that
 * changes precision, samples follow. */
static bool is_interface_new(const struct quern_pass_ctx *ctx)
{
    const struct quern_pass_desc *desc = ctx->step->desc;
    return (desc->flags & QUERN_PASS_INTERFACE) != 0 &&
           desc->contract != QUERN_CHANGES_PRECISION &&
           ctx->shown.hash != hash_shown(quern_model_graph(ctx->model));
}

enum quern_code qn_try_step(struct quern_pass_ctx *ctx,
                            struct quern_step_report *report, bool *out_undo)
{
    char text[TEXT_SIZE] = "";
    enum quern_code code = check_declared(ctx, text, sizeof text);
    if (code != QUERN_OK) {
        return code;
    }
    if (*text != '\0') {
        report->verdict = QUERN_VERDICT_DIFFERS;
    } else if (ctx->trial == NULL) {
        return QUERN_OK;
    } else if (is_interface_new(ctx)) {
        return start_anew(ctx, report);
    } else {
        code = try_numbers(ctx, report, text, sizeof text);
    }
    if (code == QUERN_OK && *text != '\0') {
        report->verdict_text = qn_arena_strdup(&ctx->account, text);
        code = report->verdict_text != NULL ? QUERN_OK
                                            : qn_no_memory(ctx->context);
    }
    return code == QUERN_OK && report->verdict == QUERN_VERDICT_DIFFERS
               ? tell(ctx, text, out_undo)
               : code;
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
