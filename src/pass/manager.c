/* Running a plan: step after step, each verified and rolled back when it fails,
 * with counts and times. What a running pass may ask is in context.c. */
#include "ir/ir.h"
#include "pass/groups.h"
#include "pass/pass.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* Passes that repeat stop here: two rules that undo each other would not. */
enum { MOST_ROUNDS = 50 };

/* ------------------------------------------------------------- one step */

/* The graph hangs on the top graph: not a function, not below an erased node.
 */
static bool is_live(const struct quern_graph *graph)
{
    const struct quern_graph *top = graph;
    while (top->parent != NULL) {
        if (top->parent->erased) {
            return false;
        }
        top = top->parent->graph;
    }
    return top == graph->model->graph;
}

static enum quern_code run_graph(struct quern_pass_ctx *ctx,
                                 struct quern_graph *graph)
{
    const struct quern_pass_desc *desc = ctx->step->desc;
    return desc->run != NULL ? desc->run(ctx, graph, ctx->step->params)
                             : QUERN_OK;
}

/* Once over the model. */
static enum quern_code run_round(struct quern_pass_ctx *ctx)
{
    struct quern_model *model = ctx->model;
    bool is_whole = (ctx->step->desc->flags & QUERN_PASS_SUBGRAPHS) != 0;
    enum quern_code code = is_whole ? run_graph(ctx, model->graph) : QUERN_OK;
    struct quern_graph *g = model->graphs;
    for (; g != NULL && code == QUERN_OK; g = g->next_graph) {
        if (!is_live(g)) {
            continue;
        }
        code = is_whole ? QUERN_OK : run_graph(ctx, g);
        if (code == QUERN_OK && ctx->step->desc->rewrites != NULL) {
            code = qn_pass_run_rewrites(ctx, g);
        }
    }
    return code;
}

static void close_scopes(struct quern_pass_ctx *ctx)
{
    while (ctx->scopes != NULL) {
        quern_pass_scope_close(ctx);
    }
}

static enum quern_code run_rounds(struct quern_pass_ctx *ctx,
                                  struct quern_step_report *report)
{
    bool repeats = (ctx->step->desc->flags & QUERN_PASS_REPEAT) != 0;
    bool infers = (ctx->step->desc->flags & QUERN_PASS_NEEDS_SHAPES) != 0;
    struct quern_model *model = ctx->model;
    for (;;) {
        uint64_t before = model->journal.n_total;
        enum quern_code code = infers ? quern_model_infer(model) : QUERN_OK;
        if (code == QUERN_OK) {
            code = run_round(ctx);
        }
        close_scopes(ctx);
        qn_arena_reset(&ctx->scratch);
        report->n_rounds++;
        if (code != QUERN_OK || !repeats || model->journal.n_total == before) {
            return code;
        }
        if (report->n_rounds == MOST_ROUNDS &&
            ctx->step->desc == &qn_pass_rules) {
            return qn_rules_endless(ctx);
        }
        if (report->n_rounds == MOST_ROUNDS) {
            struct quern_place place = QUERN_PLACE_NONE;
            place.pass = ctx->step->desc->name;
            quern_warn(ctx->context, &place,
                       "still changes the model after %d rounds: stopped",
                       MOST_ROUNDS);
            return QUERN_OK;
        }
        code = qn_poll(ctx->context);
        if (code != QUERN_OK) {
            return code;
        }
    }
}

/* Domains that nodes use and the recipe names, but the model does not import
 * yet. */
static enum quern_code import_opsets(struct quern_pass_ctx *ctx)
{
    const struct quern_recipe *recipe = ctx->plan->recipe;
    struct quern_model *model = ctx->model;
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < recipe->n_opsets && code == QUERN_OK; i++) {
        const struct qn_recipe_opset *opset = &recipe->opsets[i];
        if (quern_model_opset(model, opset->domain) != 0) {
            continue;
        }
        bool is_used = false;
        for (struct quern_graph *g = model->graphs; g != NULL && !is_used;
             g = g->next_graph) {
            for (struct quern_node *n = g->first; n != NULL && !is_used;
                 n = n->next) {
                is_used = strcmp(n->domain, opset->domain) == 0;
            }
        }
        if (is_used) {
            code = quern_model_set_opset(model, opset->domain, opset->version);
        }
    }
    return code;
}

/* Name the pass of a failure. The failure of a stranger's pass is that of the
 * pass, not of what the user gave, unless it says what the user can do. */
static enum quern_code blame(struct quern_pass_ctx *ctx, enum quern_code code)
{
    struct quern_context *context = ctx->context;
    const struct quern_pass_desc *desc = ctx->step->desc;
    const char *plugin = quern_context_pass_origin(context, desc);
    struct quern_place place = QUERN_PLACE_NONE;
    place.pass = desc->name;
    bool is_plain = code == QUERN_UNSUPPORTED || code == QUERN_IO ||
                    code == QUERN_NO_MEMORY || code == QUERN_CANCELLED;
    if (plugin != NULL && !is_plain) {
        code = QUERN_INTERNAL;
    }
    /* Rules are the user's: one that breaks the model is a bad argument. */
    bool is_rules = desc == &qn_pass_rules && code == QUERN_INTERNAL;
    code = is_rules ? QUERN_INVALID_ARGUMENT : code;
    if (!context->diag.has_error) {
        code = quern_fail(context, code, &place,
                          "failed without saying why; its changes are undone");
    } else {
        context->diag.error.code = code;
        context->diag.error.place.pass = NULL;
        quern_error_place(context, &place);
        quern_note(context, NULL, "the changes of pass '%s' are undone",
                   desc->name);
    }
    if (is_rules) {
        qn_rules_tell_active(ctx);
    }
    if (plugin != NULL) {
        quern_note(context, NULL, "pass '%s' is from %s", desc->name, plugin);
    }
    return code;
}

/* An error that the pass met and lived with is none of the pipeline's. */
static void forgive(struct quern_context *context)
{
    struct qn_diag *diag = &context->diag;
    if (diag->has_error) {
        struct quern_message message = diag->error;
        diag->has_error = false;
        quern_note(context, &message.place, "%s", message.text);
    }
}

static double seconds_since(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return difftime(now.tv_sec, start->tv_sec) +
           (double)(now.tv_nsec - start->tv_nsec) * 1e-9;
}

static uint64_t peak_memory(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0
               ? (uint64_t)usage.ru_maxrss * 1024
               : 0;
}

static void count_edits(const struct quern_model *model, struct qn_mark mark,
                        struct quern_step_report *report)
{
    const struct qn_journal *journal = &model->journal;
    report->n_edits = journal->n_total - mark.n_total;
    for (size_t i = mark.n_edits; i < journal->n_edits; i++) {
        report->n_created += journal->edits[i].kind == QN_EDIT_NODE_CREATE;
        report->n_erased += journal->edits[i].kind == QN_EDIT_NODE_ERASE;
    }
}

/* Lines of the account, then the step itself. Told of failed steps too. */
static void tell(struct quern_pass_ctx *ctx,
                 const struct quern_step_report *report, bool silent)
{
    static const struct quern_apply_options none = {0};
    const struct quern_apply_options *o = silent ? &none : ctx->options;
    for (const struct qn_account *a = ctx->first_line;
         a != NULL && o->account != NULL; a = a->next) {
        o->account(o->user, report->pass, a->text, 0, 0.0);
    }
    if (o->account != NULL) {
        o->account(o->user, report->pass, NULL, report->n_edits,
                   report->seconds);
    }
    if (o->step != NULL) {
        o->step(o->user, report);
    }
    ctx->first_line = ctx->last_line = NULL;
    qn_arena_reset(&ctx->account);
}

/* Pages of the file that a step has read are not ours to hold: what is needed
 * again is read again. Nor is what steps that run samples or end what others
 * saw have freed: it lies between what later ones still need. */
static void give_back(const struct quern_pass_ctx *ctx)
{
    const size_t large = (size_t)1 << 20;
    const uint32_t heavy = QUERN_PASS_NEEDS_DATA | QUERN_PASS_NEEDS_RANGES;
    const struct qn_buf *bytes = ctx->model->bytes;
    if (bytes != NULL && bytes->size >= large) {
        qn_buf_forget(bytes, 0, bytes->size);
    }
    if ((ctx->step->desc->flags & heavy) != 0) {
        qn_trim();
    }
}

/* The step has run well: keep it, unless it is judged and did harm, or the
 * model gives something else now. */
static enum quern_code weigh(struct quern_pass_ctx *ctx, struct qn_mark mark,
                             const struct qn_judged *before,
                             struct quern_step_report *report)
{
    enum quern_code code = qn_is_judged(ctx, ctx->step->desc) && before->n > 0
                               ? qn_judge(ctx)
                               : QUERN_OK;
    bool undo = code == QUERN_OK && qn_judge_step(ctx, before);
    bool is_tried = ctx->options->verify_each && !undo &&
                    ctx->model->journal.n_total != mark.n_total;
    if (code == QUERN_OK && is_tried) {
        code = qn_try_step(ctx, report, &undo);
    }
    if (code == QUERN_OK && undo) {
        qn_journal_undo(ctx->model, mark);
        ctx->judged = *before;
    }
    return code;
}

/* Steps that run: all, or those up to stop_after. */
static size_t n_steps(const struct quern_pass_ctx *ctx)
{
    size_t n = ctx->plan->n_steps;
    size_t stop = ctx->options->stop_after;
    return stop > 0 && stop < n ? stop : n;
}

static uint64_t rewrites_to_keep(const struct quern_pass_ctx *ctx, size_t i)
{
    return i + 1 == n_steps(ctx) ? ctx->options->stop_rewrites : 0;
}

static enum quern_code run_step(struct quern_pass_ctx *ctx, size_t i)
{
    ctx->step = &ctx->plan->steps[i];
    struct quern_step_report report = {.struct_size = sizeof report,
                                       .number = i + 1,
                                       .pass = ctx->step->desc->name};
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    struct qn_mark mark = qn_journal_mark(ctx->model);
    struct qn_judged before = {0};
    qn_progress(ctx->context, report.pass, 0, 0);
    enum quern_code code = qn_poll(ctx->context);
    if (code == QUERN_OK && ctx->options->verify_each) {
        code = qn_try_begin(ctx);
    }
    if (code == QUERN_OK && qn_is_judged(ctx, ctx->step->desc)) {
        code = qn_judge(ctx);
        before = ctx->judged;
    }
    if (code == QUERN_OK) {
        qn_borders_begin(ctx, rewrites_to_keep(ctx, i));
        code = run_rounds(ctx, &report);
        qn_borders_end(ctx);
        report.n_rewrites = ctx->borders.n;
    }
    if (code == QUERN_OK) {
        code = import_opsets(ctx);
    }
    /* What nothing changed is as good as it was after the step before. */
    if (code == QUERN_OK && ctx->model->journal.n_total != mark.n_total) {
        code = qn_pass_verify(ctx);
    }
    if (code == QUERN_OK) {
        code = weigh(ctx, mark, &before, &report);
    }
    if (code == QUERN_OK && ctx->probe != NULL) {
        code = qn_probe_fill(ctx);
    }
    if (code == QUERN_OK) {
        forgive(ctx->context);
        count_edits(ctx->model, mark, &report);
        if (ctx->probe == NULL || !ctx->probe->holds) {
            qn_journal_commit(ctx->model);
        }
    } else {
        qn_journal_undo(ctx->model, mark);
        code = blame(ctx, code);
    }
    give_back(ctx);
    report.seconds = seconds_since(&start);
    report.peak_memory = peak_memory();
    tell(ctx, &report,
         ctx->step->again && code == QUERN_OK && report.n_edits == 0);
    ctx->step = NULL;
    return code;
}

/* --------------------------------------------------------- explanations */

static const struct quern_node *node_wanted(const struct quern_model *model,
                                            const char *wanted)
{
    char *end = NULL;
    unsigned long id = wanted[0] == '#' ? strtoul(wanted + 1, &end, 10) : 0;
    bool by_id = end != NULL && end != wanted + 1 && *end == '\0';
    const struct quern_graph *g = model->graphs;
    for (; g != NULL; g = g->next_graph) {
        const struct quern_node *n = is_live(g) ? g->first : NULL;
        for (; n != NULL; n = n->next) {
            if (by_id ? n->id == id : strcmp(n->name, wanted) == 0) {
                return n;
            }
        }
    }
    return NULL;
}

static bool is_explained_step(const struct quern_pass_ctx *ctx, size_t i)
{
    const char *pass = ctx->options->explain_pass;
    return pass != NULL && strcmp(ctx->plan->steps[i].desc->name, pass) == 0;
}

static enum quern_code check_explain(const struct quern_pass_ctx *ctx)
{
    const struct quern_apply_options *o = ctx->options;
    if (o->explain_pass == NULL && o->explain_node == NULL) {
        return QUERN_OK;
    }
    if (o->explain_pass == NULL || o->explain_node == NULL) {
        return quern_fail(ctx->context, QUERN_INVALID_ARGUMENT, NULL,
                          "an explanation needs both a pass and a node");
    }
    size_t i = 0;
    while (i < ctx->plan->n_steps && !is_explained_step(ctx, i)) {
        i++;
    }
    return i < ctx->plan->n_steps
               ? QUERN_OK
               : quern_fail(ctx->context, QUERN_INVALID_ARGUMENT, NULL,
                            "pass '%s' is to be explained, but is no step of "
                            "the pipeline",
                            o->explain_pass);
}

/* Before a step: the node as it is now. */
static enum quern_code begin_explaining(struct quern_pass_ctx *ctx, size_t i)
{
    ctx->explained = NULL;
    if (!is_explained_step(ctx, i)) {
        return QUERN_OK;
    }
    ctx->explained = node_wanted(ctx->model, ctx->options->explain_node);
    ctx->n_told = 0;
    ctx->explanation = NULL;
    return ctx->explained != NULL
               ? QUERN_OK
               : quern_fail(ctx->context, QUERN_INVALID_ARGUMENT, NULL,
                            "no node '%s' in front of step %zu ('%s')",
                            ctx->options->explain_node, i + 1,
                            ctx->options->explain_pass);
}

static void end_explaining(struct quern_pass_ctx *ctx, size_t i)
{
    const struct quern_pass_desc *desc = ctx->plan->steps[i].desc;
    if (ctx->explained == NULL || ctx->n_told > 0) {
        ctx->explained = NULL;
        return;
    }
    ctx->step = &ctx->plan->steps[i];
    if (ctx->explained->erased) {
        qn_explain(ctx, "erased by '%s', which did not say why", desc->name);
    } else {
        qn_explain(ctx,
                   "'%s' says nothing about this node: none of its "
                   "patterns, if it has any, begins at it or reached it",
                   desc->name);
    }
    ctx->explained = NULL;
    ctx->step = NULL;
}

/* ----------------------------------------------------------------- plan */

/* What the recipe says of opsets must hold for those that are imported. */
static enum quern_code check_opsets(const struct quern_pass_ctx *ctx)
{
    const struct quern_recipe *recipe = ctx->plan->recipe;
    for (size_t i = 0; i < recipe->n_opsets; i++) {
        const struct qn_recipe_opset *opset = &recipe->opsets[i];
        int64_t has = quern_model_opset(ctx->model, opset->domain);
        if (has != 0 && has != opset->version) {
            return quern_fail(
                ctx->context, QUERN_INVALID_ARGUMENT, &opset->place,
                "the model imports '%s' %lld, the recipe needs "
                "%lld",
                opset->domain, (long long)has, (long long)opset->version);
        }
    }
    return QUERN_OK;
}

/* A step of a later sweep, and the group is settled: as many steps as it has,
 * one after the other, changed nothing. */
static bool is_settled(const struct qn_plan_step *step, size_t n_idle)
{
    return step->again && n_idle >= step->n_group;
}

enum quern_code qn_plan_run(struct quern_pass_ctx *ctx)
{
    const struct qn_plan *plan = ctx->plan;
    enum quern_code code = check_opsets(ctx);
    if (code == QUERN_OK) {
        code =
            qn_plan_check_needs(plan, ctx->options->data, ctx->target != NULL);
    }
    if (code == QUERN_OK) {
        code = check_explain(ctx);
    }
    if (code == QUERN_OK && plan->n_steps > 0) {
        code = qn_pass_verify_start(ctx);
    }
    if (code == QUERN_OK && ctx->options->verify_each) {
        code = ctx->services->trial_start(ctx);
    }
    size_t first =
        ctx->probe != NULL && ctx->probe->start > 0 ? ctx->probe->start - 1 : 0;
    size_t n_idle = 0;
    for (size_t i = first; i < n_steps(ctx) && code == QUERN_OK; i++) {
        const struct qn_plan_step *step = &plan->steps[i];
        uint64_t before = ctx->model->journal.n_total;
        if (is_settled(step, n_idle)) {
            continue;
        }
        code = step->again ? QUERN_OK : begin_explaining(ctx, i);
        if (code == QUERN_OK) {
            code = run_step(ctx, i);
        }
        if (code == QUERN_OK) {
            end_explaining(ctx, i);
        }
        n_idle = ctx->model->journal.n_total == before ? n_idle + 1 : 0;
    }
    if (code == QUERN_OK && ctx->options->verify_each) {
        qn_tell_trial(ctx);
    }
    return code;
}

void qn_pass_ctx_finish(struct quern_pass_ctx *ctx)
{
    if (ctx->probe != NULL && ctx->probe->holds) {
        ctx->probe->kept = ctx->kept;
    } else {
        qn_kept_release(ctx->kept, NULL);
    }
    qn_map_finish(&ctx->patterns);
    close_scopes(ctx);
    qn_arena_finish(&ctx->scratch);
    qn_arena_finish(&ctx->account);
    qn_arena_finish(&ctx->arena);
}
