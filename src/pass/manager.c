/* The pass manager: order, options, roll-back, counts, times. */
#include <quern/target.h>

#include "base/map.h"
#include "base/pool.h"
#include "ir/ir.h"
#include "pass/groups.h"
#include "pass/pass.h"
#include "pass/steps.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Passes that repeat stop here: two rules that undo each other would not. */
enum { MOST_ROUNDS = 50 };

enum quern_code qn_pass_find(struct quern_context *context, const char *name,
                             const struct quern_pass_desc **out_desc)
{
    const char *names[128] = {NULL};
    size_t n = 0;
    for (size_t i = 0; qn_builtin_passes[i] != NULL; i++) {
        if (strcmp(qn_builtin_passes[i]->name, name) == 0) {
            *out_desc = qn_builtin_passes[i];
            return QUERN_OK;
        }
        if (n < 127) {
            names[n++] = qn_builtin_passes[i]->name;
        }
    }
    const char *near = qn_nearest_name(name, names);
    return quern_fail(context, QUERN_NOT_FOUND, NULL, "unknown pass '%s'%s%s%s",
                      name, near != NULL ? "; did you mean '" : "",
                      near != NULL ? near : "", near != NULL ? "'?" : "");
}

/* --------------------------------------------------------------- running */

static enum quern_code run_graphs(struct quern_pass_ctx *ctx,
                                  const struct quern_pass_desc *desc,
                                  const void *params)
{
    if ((desc->flags & QUERN_PASS_SUBGRAPHS) != 0) {
        return desc->run(ctx, ctx->model->graph, params);
    }
    enum quern_code code = QUERN_OK;
    for (struct quern_graph *g = ctx->model->graphs;
         g != NULL && code == QUERN_OK; g = g->next_graph) {
        const struct quern_graph *top = g;
        while (top->parent != NULL) {
            top = top->parent->erased ? NULL : top->parent->graph;
            if (top == NULL) {
                break;
            }
        }
        if (top == ctx->model->graph) {
            code = desc->run(ctx, g, params);
        }
    }
    return code;
}

static enum quern_code run_rounds(struct quern_pass_ctx *ctx,
                                  const struct quern_pass_desc *desc,
                                  const void *params)
{
    enum quern_code code = QUERN_OK;
    for (int round = 0; round < MOST_ROUNDS && code == QUERN_OK; round++) {
        uint64_t before = ctx->model->journal.n_total;
        code = run_graphs(ctx, desc, params);
        qn_arena_reset(&ctx->scratch);
        if ((desc->flags & QUERN_PASS_REPEAT) == 0 ||
            ctx->model->journal.n_total == before) {
            break;
        }
    }
    return code;
}

static double seconds_since(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return difftime(now.tv_sec, start->tv_sec) +
           (double)(now.tv_nsec - start->tv_nsec) * 1e-9;
}

static enum quern_code run_step(struct quern_pass_ctx *ctx,
                                const struct quern_pass_desc *desc,
                                const void *params)
{
    struct qn_step_report *report = qn_arena_alloc(&ctx->arena, sizeof *report);
    struct timespec start;
    if (report == NULL) {
        return qn_no_memory(ctx->context);
    }
    struct qn_step_report **tail = &ctx->reports;
    while (*tail != NULL) {
        tail = &(*tail)->next;
    }
    *tail = ctx->report = report;
    report->pass = desc->name;
    clock_gettime(CLOCK_MONOTONIC, &start);
    struct qn_mark mark = qn_journal_mark(ctx->model);
    enum quern_code code = run_rounds(ctx, desc, params);
    if (code == QUERN_OK) {
        code = qn_pass_verify(ctx);
    }
    report->n_edits = ctx->model->journal.n_total - mark.n_total;
    report->seconds = seconds_since(&start);
    if (code == QUERN_OK) {
        qn_journal_commit(ctx->model);
        return QUERN_OK;
    }
    qn_journal_undo(ctx->model, mark);
    struct quern_place place = QUERN_PLACE_NONE;
    place.pass = desc->name;
    if (!ctx->context->diag.has_error) {
        return quern_fail(ctx->context, code, &place,
                          "pass failed without saying why");
    }
    ctx->context->diag.error.place.pass = NULL;
    quern_error_place(ctx->context, &place);
    return code;
}

static enum quern_code run_steps(struct quern_pass_ctx *ctx, const char *text,
                                 int depth)
{
    struct qn_arena arena = {0};
    struct qn_pass_step *step = NULL;
    enum quern_code code =
        qn_pass_steps_parse(ctx->context, &arena, text, &step);
    for (; step != NULL && code == QUERN_OK; step = step->next) {
        const struct quern_pass_desc *desc = NULL;
        const char *group = qn_pass_group(step->name);
        void *params = NULL;
        if (group != NULL && depth < 4) {
            code = run_steps(ctx, group, depth + 1);
            continue;
        }
        code = qn_pass_find(ctx->context, step->name, &desc);
        if (code == QUERN_OK) {
            code = qn_pass_params(ctx->context, &arena, desc, step, &params);
        }
        if (code == QUERN_OK) {
            code = run_step(ctx, desc, params);
        }
        if (code == QUERN_OK) {
            code = qn_poll(ctx->context);
        }
    }
    qn_arena_finish(&arena);
    return code;
}

enum quern_code qn_pipeline_run(struct quern_pass_ctx *ctx, const char *text)
{
    enum quern_code code = qn_pass_verify_start(ctx);
    return code == QUERN_OK ? run_steps(ctx, text, 0) : code;
}

void qn_pass_ctx_finish(struct quern_pass_ctx *ctx)
{
    for (struct qn_kept *k = ctx->kept; k != NULL; k = k->next) {
        k->release(k->object);
    }
    qn_arena_finish(&ctx->scratch);
    qn_arena_finish(&ctx->arena);
}

/* --------------------------------------------- what a running pass may ask */

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
    struct qn_account *line = qn_arena_alloc(&ctx->arena, sizeof *line);
    if (line == NULL) {
        return; /* the work is done all the same */
    }
    line->text = node != NULL ? qn_arena_printf(&ctx->arena, "%s '%s': %s",
                                                node->op, node->name, text)
                              : qn_arena_strdup(&ctx->arena, text);
    if (line->text == NULL) {
        return;
    }
    if (ctx->report->last != NULL) {
        ctx->report->last->next = line;
    } else {
        ctx->report->first = line;
    }
    ctx->report->last = line;
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

const char *quern_pass_data(const struct quern_pass_ctx *ctx)
{
    return ctx->data_path;
}

enum quern_code quern_pass_keep(struct quern_pass_ctx *ctx, void *object,
                                void (*release)(void *object))
{
    struct qn_kept *kept = qn_arena_alloc(&ctx->arena, sizeof *kept);
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
