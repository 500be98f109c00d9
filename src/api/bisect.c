/* Which step, and which rewrite of it, makes the difference. */
#include "api/bisect.h"

#include "api/apply.h"
#include "api/trial_run.h"
#include "ir/ir.h"

#include <string.h>

/* What cannot be kept is told at the end. */
static const char *keep_text(struct quern_bisection *b, const char *text)
{
    const char *kept = text != NULL ? qn_arena_strdup(&b->arena, text) : NULL;
    b->is_short = b->is_short || (text != NULL && kept == NULL);
    return kept;
}

/* --------------------------------------------------------------- the step */

struct watch {
    struct quern_bisection *b;
    struct quern_step_report last;
    char text[1024]; /* of its verdict */
};

static void on_step(void *user, const struct quern_step_report *report)
{
    struct watch *w = user;
    w->last = *report;
    if (report->verdict == QUERN_VERDICT_DIFFERS) {
        w->b->result.found = true;
        w->b->result.step = report->number;
        w->b->result.pass = keep_text(w->b, report->pass);
        w->b->result.difference = keep_text(w->b, report->verdict_text);
    }
}

static void on_verified(void *user, bool verified, const char *text)
{
    struct watch *w = user;
    w->b->result.ran = verified;
    w->b->result.samples = keep_text(w->b, text);
}

static struct quern_apply_options options_of(struct quern_bisection *b,
                                             struct watch *watch)
{
    return (struct quern_apply_options){
        .struct_size = sizeof(struct quern_apply_options),
        .data = b->options.data,
        .target = b->options.target,
        .engine = b->options.engine,
        .ort_library = b->options.ort_library,
        .step = on_step,
        .verified = on_verified,
        .user = watch,
    };
}

/* All steps, each verified, up to the first that does not agree. */
static enum quern_code find_step(struct quern_bisection *b)
{
    struct watch w = {.b = b};
    struct quern_apply_options o = options_of(b, &w);
    struct qn_probe probe = {.holds = true, .arena = &b->arena};
    struct qn_mark mark = qn_journal_mark(b->model);
    struct qn_trial_errors before = qn_trial_errors_begin(b->context);
    struct qn_trial_why why;
    o.verify_each = true;
    o.strict = true;
    enum quern_code code = qn_recipe_run(b->recipe, b->model, &o, &probe);
    if (code == QUERN_INTERNAL && b->result.found) { /* as asked for */
        code = qn_trial_errors_end(b->context, &before, code, &why);
    }
    qn_journal_undo(b->model, mark);
    qn_kept_release(probe.kept, NULL);
    return code;
}

/* ------------------------------------------------------------- running it */

/* Tables of the model point to what passes kept, until the run is undone. */
static void keep_kept(struct quern_bisection *b, struct qn_probe *probe)
{
    struct qn_kept **end = &probe->kept;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = b->kept;
    b->kept = probe->kept;
    probe->kept = NULL;
}

void qn_bisect_undo(struct quern_bisection *b, struct quern_model *model,
                    struct qn_mark mark, struct qn_kept *kept)
{
    qn_journal_undo(model, mark);
    qn_kept_release(b->kept, kept);
    b->kept = kept;
}

enum quern_code qn_bisect_run(struct quern_bisection *b,
                              struct quern_model *model, uint64_t keep,
                              uint64_t *out_n_rewrites)
{
    struct watch w = {.b = b};
    struct quern_apply_options o = options_of(b, &w);
    o.stop_after = b->result.step;
    o.stop_rewrites = keep;
    o.verified = NULL;
    b->probe =
        (struct qn_probe){.start = b->first, .holds = true, .arena = &b->arena};
    enum quern_code code = qn_recipe_run(b->recipe, model, &o, &b->probe);
    keep_kept(b, &b->probe);
    if (code == QUERN_OK && out_n_rewrites != NULL) {
        *out_n_rewrites = w.last.n_rewrites;
    }
    return code;
}

/* The first `keep` rewrites of the step: do they make a difference? */
static enum quern_code differs(struct quern_bisection *b, uint64_t keep,
                               uint64_t *out_n_rewrites, bool *out_differs)
{
    struct qn_mark mark = qn_journal_mark(b->model);
    struct qn_kept *kept = b->kept;
    enum quern_code code = qn_bisect_run(b, b->model, keep, out_n_rewrites);
    if (code == QUERN_OK) {
        code = qn_trial_compare(b->trial, b->model, b->contract, false,
                                &b->finding);
    }
    *out_differs =
        code == QUERN_OK && b->finding.verdict == QUERN_VERDICT_DIFFERS;
    qn_bisect_undo(b, b->model, mark, kept);
    return code;
}

enum quern_code qn_bisect_go_before(struct quern_bisection *b,
                                    struct quern_model *model)
{
    struct watch w = {.b = b};
    struct quern_apply_options o = options_of(b, &w);
    struct qn_probe probe = {.holds = true, .arena = &b->arena};
    o.stop_after = b->result.step - 1;
    o.verified = NULL;
    enum quern_code code = o.stop_after > 0
                               ? qn_recipe_run(b->recipe, model, &o, &probe)
                               : QUERN_OK;
    keep_kept(b, &probe);
    return code;
}

/* The whole step: the number of its rewrites, and whether it makes the
 * difference. Where it fails, it does not. */
static enum quern_code try_all(struct quern_bisection *b, size_t first,
                               bool *out_differs)
{
    struct qn_trial_errors errors = qn_trial_errors_begin(b->context);
    struct qn_trial_why why;
    b->first = first;
    enum quern_code code = differs(b, 0, &b->result.n_rewrites, out_differs);
    return qn_trial_errors_end(b->context, &errors, code, &why);
}

/* Samples for the model as it is now. */
static enum quern_code begin_trial(struct quern_bisection *b)
{
    const struct qn_trial_options o = {.data = b->options.data,
                                       .engine = b->options.engine,
                                       .ort_library = b->options.ort_library};
    qn_trial_destroy(b->trial);
    b->trial = NULL;
    return qn_trial_create(b->model, &o, &b->trial);
}

/* Where runs begin: in front of the step if it can be run by itself, else with
 * the first one, which may find what it needs in earlier ones. */
static enum quern_code choose_start(struct quern_bisection *b, bool *out_shows)
{
    struct qn_mark mark = qn_journal_mark(b->model);
    /* Samples follow a change of precision; those of other inputs are new. */
    enum quern_code code = begin_trial(b);
    if (code == QUERN_OK) {
        code = qn_bisect_go_before(b, b->model);
    }
    if (code == QUERN_OK) {
        code = qn_trial_compare(b->trial, b->model, QUERN_CHANGES_PRECISION,
                                true, &b->finding);
    }
    if (code == QUERN_OK && b->finding.verdict == QUERN_VERDICT_DIFFERS) {
        code = begin_trial(b);
    }
    /* Ranges are there once: what is read of them is given up. */
    if (code == QUERN_OK && (b->flags & QUERN_PASS_NEEDS_RANGES) == 0) {
        code = try_all(b, b->result.step, out_shows);
    }
    if (code == QUERN_OK && !*out_shows) {
        qn_bisect_undo(b, b->model, mark, NULL);
        code = try_all(b, 1, out_shows);
    }
    return code;
}

/* ------------------------------------------------------------ the rewrite */

/* Keeping `low` of them agrees, keeping `high` does not. */
static enum quern_code search(struct quern_bisection *b)
{
    enum quern_code code = QUERN_OK;
    uint64_t low = 0;
    uint64_t high = b->result.n_rewrites;
    while (high - low > 1 && code == QUERN_OK) {
        bool is_wrong = false;
        uint64_t middle = low + (high - low) / 2;
        qn_progress(b->context, "bisect", b->result.n_rewrites - (high - low),
                    b->result.n_rewrites);
        code = differs(b, middle, NULL, &is_wrong);
        *(is_wrong ? &high : &low) = middle;
    }
    b->result.rewrite = high;
    return code;
}

static void tell_rewrite(struct quern_bisection *b,
                         const struct qn_rewritten *last)
{
    struct quern_bisected *r = &b->result;
    r->difference = keep_text(b, b->finding.text);
    if (last->op != NULL) {
        r->pattern = last->pattern;
        r->op = last->op;
        r->node = last->node;
        r->output = last->output;
        r->node_id = last->node_id;
    }
}

/* Parts of the model as it was before all steps, which then run over each: the
 * step may need what earlier ones leave beside the nodes, ranges say. */
static enum quern_code reduce_origin(struct quern_bisection *b)
{
    if (b->result.step == 1) {
        return QUERN_OK;
    }
    qn_bisect_undo(b, b->model, b->origin, NULL);
    b->first = 1;
    enum quern_code code = begin_trial(b);
    return code == QUERN_OK ? qn_bisect_reduce(b) : code;
}

static enum quern_code find_rewrite(struct quern_bisection *b)
{
    struct qn_mark mark = qn_journal_mark(b->model);
    struct qn_kept *kept = b->kept;
    bool is_wrong = false;
    enum quern_code code = search(b);
    if (code == QUERN_OK) {
        code = differs(b, b->result.rewrite, NULL, &is_wrong);
    }
    b->culprit = b->probe;
    if (code != QUERN_OK || !is_wrong) {
        return code;
    }
    tell_rewrite(b, &b->culprit.last);
    if (b->result.rewrite > 1) {
        code = qn_bisect_run(b, b->model, b->result.rewrite - 1, NULL);
    }
    if (code == QUERN_OK) {
        code = qn_bisect_reduce(b);
    }
    qn_bisect_undo(b, b->model, mark, kept);
    return code == QUERN_OK && b->result.n_nodes == 0 ? reduce_origin(b) : code;
}

/* ---------------------------------------------------------------- public */

static enum quern_code find_contract(struct quern_bisection *b)
{
    const struct quern_pass_desc *desc = NULL;
    enum quern_code code =
        quern_context_find_pass(b->context, b->result.pass, &desc);
    b->contract = code == QUERN_OK ? desc->contract : QUERN_BIT_EXACT;
    b->flags = code == QUERN_OK ? desc->flags : 0;
    return code;
}

static enum quern_code work(struct quern_bisection *b)
{
    bool shows = false;
    enum quern_code code = find_step(b);
    if (code == QUERN_OK && b->is_short) {
        code = qn_no_memory(b->context);
    }
    if (code != QUERN_OK || !b->result.found) {
        return code;
    }
    code = find_contract(b);
    if (code == QUERN_OK) {
        code = choose_start(b, &shows);
    }
    if (code == QUERN_OK && b->trial != NULL) {
        char text[256];
        b->result.ran = true;
        qn_trial_describe(b->trial, text, sizeof text);
        b->result.samples = keep_text(b, text);
    }
    return code == QUERN_OK && shows && b->result.n_rewrites > 0
               ? find_rewrite(b)
               : code;
}

enum quern_code quern_recipe_bisect(struct quern_recipe *recipe,
                                    struct quern_model *model,
                                    const struct quern_bisect_options *options,
                                    struct quern_bisection **out_bisection)
{
    struct quern_bisection *b = qn_calloc(sizeof *b);
    if (b == NULL) {
        return qn_no_memory(model->context);
    }
    b->context = model->context;
    b->recipe = recipe;
    b->result.node_id = -1;
    if (options != NULL) {
        size_t size = options->struct_size < sizeof b->options
                          ? options->struct_size
                          : sizeof b->options;
        memcpy(&b->options, options, size);
    }
    b->model = model;
    b->origin = qn_journal_mark(model);
    enum quern_code code = work(b);
    qn_bisect_undo(b, model, b->origin, NULL);
    if (code == QUERN_OK && b->is_short) {
        code = qn_no_memory(model->context);
    }
    if (code != QUERN_OK) {
        quern_bisection_destroy(&b);
        return code;
    }
    *out_bisection = b;
    return QUERN_OK;
}

void quern_bisection_destroy(struct quern_bisection **bisection)
{
    struct quern_bisection *b = bisection != NULL ? *bisection : NULL;
    if (b != NULL) {
        *bisection = NULL;
        qn_trial_destroy(b->trial);
        qn_arena_finish(&b->arena);
        qn_free(b);
    }
}

const struct quern_bisected *
quern_bisection_result(const struct quern_bisection *bisection)
{
    return &bisection->result;
}
