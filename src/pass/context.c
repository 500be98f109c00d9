/* What a running pass may ask: <quern/pass.h> and the overrides of
 * <quern/recipe.h>. */
#include "base/pool.h"
#include "ir/ir.h"
#include "pass/pass.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct quern_context *quern_pass_context(struct quern_pass_ctx *ctx)
{
    return ctx->context;
}

struct quern_model *quern_pass_model(struct quern_pass_ctx *ctx)
{
    return ctx->model;
}

void *quern_pass_alloc(struct quern_pass_ctx *ctx, size_t size)
{
    void *block = qn_arena_alloc(&ctx->scratch, size);
    if (block == NULL) {
        (void)!qn_no_memory(ctx->context);
    }
    return block;
}

enum quern_code quern_pass_scope_open(struct quern_pass_ctx *ctx)
{
    struct qn_scope *scope = qn_arena_alloc(&ctx->scratch, sizeof *scope);
    if (scope == NULL) {
        return qn_no_memory(ctx->context);
    }
    scope->outer = ctx->scratch;
    scope->next = ctx->scopes;
    ctx->scopes = scope;
    ctx->scratch = (struct qn_arena){0};
    return QUERN_OK;
}

void quern_pass_scope_close(struct quern_pass_ctx *ctx)
{
    struct qn_scope *scope = ctx->scopes;
    if (scope != NULL) {
        qn_arena_finish(&ctx->scratch);
        ctx->scratch = scope->outer;
        ctx->scopes = scope->next;
    }
}

enum quern_code quern_pass_poll(struct quern_pass_ctx *ctx)
{
    return qn_poll(ctx->context);
}

void quern_pass_account(struct quern_pass_ctx *ctx,
                        const struct quern_node *node, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (node != NULL && node == ctx->explained) {
        qn_explain(ctx, "%s", text);
    }
    struct qn_account *line = qn_arena_alloc(&ctx->account, sizeof *line);
    if (line == NULL) {
        return; /* the work is done all the same */
    }
    line->text = node != NULL ? qn_arena_printf(&ctx->account, "%s '%s': %s",
                                                node->op, node->name, text)
                              : qn_arena_strdup(&ctx->account, text);
    if (line->text == NULL) {
        return;
    }
    if (ctx->last_line != NULL) {
        ctx->last_line->next = line;
    } else {
        ctx->first_line = line;
    }
    ctx->last_line = line;
}

enum quern_code quern_pass_evaluate(struct quern_pass_ctx *ctx,
                                    struct quern_value *const *values, size_t n,
                                    struct quern_tensor **out_tensors)
{
    return ctx->services->evaluate(ctx->model, values, n, out_tensors);
}

const struct quern_target *quern_pass_target(const struct quern_pass_ctx *ctx)
{
    return ctx->target;
}

void quern_pass_engine(const struct quern_pass_ctx *ctx,
                       struct quern_engine_options *options)
{
    options->kind = ctx->options->engine;
    options->ort_library = ctx->options->ort_library;
}

static const char *named_data(const struct quern_pass_ctx *ctx)
{
    if (ctx->options->data != NULL) {
        return ctx->options->data; /* what the caller gives beats the recipe */
    }
    return ctx->step != NULL && ctx->step->data != NULL ? ctx->step->data
                                                        : ctx->plan->data;
}

const char *quern_pass_data(const struct quern_pass_ctx *ctx)
{
    const char *named = named_data(ctx);
    const struct qn_given *given = ctx->context->given;
    return named != NULL && given != NULL ? given->path : named;
}

void qn_kept_release(struct qn_kept *kept, const struct qn_kept *end)
{
    while (kept != end) {
        struct qn_kept *next = kept->next;
        kept->release(kept->object);
        qn_free(kept);
        kept = next;
    }
}

enum quern_code quern_pass_keep(struct quern_pass_ctx *ctx, void *object,
                                void (*release)(void *object))
{
    struct qn_kept *kept = qn_calloc(sizeof *kept);
    if (kept == NULL) {
        release(object);
        return qn_no_memory(ctx->context);
    }
    *kept = (struct qn_kept){object, release, ctx->kept};
    ctx->kept = kept;
    return QUERN_OK;
}

void quern_pass_progress(struct quern_pass_ctx *ctx, const char *what,
                         uint64_t done, uint64_t total)
{
    qn_progress(ctx->context, what, done, total);
}

enum quern_code quern_parallel(struct quern_context *context, size_t n,
                               quern_loop_fn fn, void *user)
{
    return qn_parallel(context, n, fn, user);
}

/* -------------------------------------------------------------- patterns */

static void release_pattern(void *object)
{
    struct quern_pattern *pattern = object;
    quern_pattern_destroy(&pattern);
}

enum quern_code quern_pass_pattern(struct quern_pass_ctx *ctx, const char *text,
                                   struct quern_pattern **out_pattern)
{
    struct quern_pattern *pattern = qn_map_get(&ctx->patterns, text);
    if (pattern != NULL) {
        *out_pattern = pattern;
        return QUERN_OK;
    }
    enum quern_code code = quern_pattern_create(ctx->context, text, &pattern);
    if (code == QUERN_OK) {
        code = quern_pass_keep(ctx, pattern, release_pattern);
    }
    if (code != QUERN_OK) {
        return code;
    }
    const char *key = qn_arena_strdup(&ctx->arena, text);
    if (key == NULL || !qn_map_set(&ctx->patterns, key, pattern)) {
        return qn_no_memory(
            ctx->context); /* the pattern is kept all the same */
    }
    *out_pattern = pattern;
    return QUERN_OK;
}

/* ------------------------------------------------------------- overrides */

static struct quern_settings settings_of(struct qn_override_settings found)
{
    struct quern_settings settings = {
        .quantize = true,
        .activations = found.activations,
        .weights = found.weights,
        .per_tensor = found.per_tensor,
    };
    static const struct {
        unsigned from, to;
    } fields[] = {
        {QN_OVERRIDE_QUANTIZE, QUERN_SETTING_QUANTIZE},
        {QN_OVERRIDE_ACTIVATIONS, QUERN_SETTING_ACTIVATIONS},
        {QN_OVERRIDE_WEIGHTS, QUERN_SETTING_WEIGHTS},
        {QN_OVERRIDE_PER_TENSOR, QUERN_SETTING_PER_TENSOR},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        settings.set |= (found.fields & fields[i].from) != 0 ? fields[i].to : 0;
    }
    if ((settings.set & QUERN_SETTING_QUANTIZE) != 0) {
        settings.quantize = found.quantize;
    }
    return settings;
}

struct quern_settings quern_pass_node_settings(struct quern_pass_ctx *ctx,
                                               const struct quern_node *node)
{
    struct quern_recipe *recipe = ctx->plan->recipe;
    char op[256];
    ctx->n_questions++;
    if (recipe->n_overrides == 0) {
        return settings_of((struct qn_override_settings){0});
    }
    snprintf(op, sizeof op, "%s%s%s", node->domain,
             *node->domain != '\0' ? "." : "", node->op);
    return settings_of(qn_overrides_of_node(recipe, op, node->name));
}

struct quern_settings quern_pass_value_settings(struct quern_pass_ctx *ctx,
                                                const struct quern_value *value)
{
    struct quern_recipe *recipe = ctx->plan->recipe;
    ctx->n_questions++;
    return settings_of(recipe->n_overrides == 0
                           ? (struct qn_override_settings){0}
                           : qn_overrides_of_value(recipe, value->name));
}
