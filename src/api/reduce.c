/* The smallest model that shows a difference: the nodes that a rewrite touched,
 * more around them until it shows, then one after the other left out. */
#include <quern/data.h>

#include "api/apply.h"
#include "api/bisect.h"
#include "api/trial_run.h"
#include "ir/ir.h"

#include <stdio.h>
#include <string.h>

enum {
    MOST_RINGS = 6,    /* of neighbours; then the whole model */
    MOST_TRIES = 2000, /* of parts */
};

static const double most_seconds = 120.0; /* of the search */

struct reducer {
    struct quern_bisection *b;
    struct qn_whole whole;
    bool *nodes; /* the set that shows it, by id */
    bool *trial; /* the set that is tried */
    bool numbers;
    bool shows;
    struct qn_piece best;
    struct qn_finding finding;
    int n_tries;
    int64_t deadline;
};

/* ------------------------------------------------------------------ a try */

/* What the small model gives in front of the step, where all steps run over
 * it. */
static enum quern_code prepare(struct reducer *r, struct quern_model *model,
                               struct qn_trial *trial,
                               struct qn_finding *out_finding)
{
    struct qn_mark mark = qn_journal_mark(model);
    struct qn_kept *kept = r->b->kept;
    enum quern_code code = qn_bisect_go_before(r->b, model);
    if (code == QUERN_OK) {
        code = qn_trial_compare(trial, model, QUERN_CHANGES_PRECISION, true,
                                out_finding);
    }
    qn_bisect_undo(r->b, model, mark, kept);
    return code;
}

/* Does the pass make a difference on this small model? */
static enum quern_code test(struct reducer *r, struct quern_model *model,
                            const struct qn_piece *part,
                            struct qn_finding *out_finding)
{
    struct quern_bisection *b = r->b;
    struct qn_trial *trial = NULL;
    struct qn_mark mark = qn_journal_mark(model);
    struct qn_kept *kept = b->kept;
    const struct qn_trial_options o = {.engine = b->options.engine,
                                       .ort_library = b->options.ort_library,
                                       .n_given = part->n_inputs,
                                       .names = part->names,
                                       .tensors = part->tensors};
    /* Passes that need data get what the part gets: the model's own is for
     * other inputs. */
    const struct qn_given given = {.path = "the inputs of a part of the model",
                                   .n = part->n_inputs,
                                   .names = part->names,
                                   .tensors = part->tensors};
    struct qn_trial_errors before = qn_trial_errors_begin(b->context);
    struct qn_trial_why why;
    out_finding->verdict = QUERN_VERDICT_UNKNOWN;
    enum quern_code code = qn_trial_create(model, &o, &trial);
    bool runs = code == QUERN_OK && qn_trial_why(trial) == NULL;
    b->context->given = &given;
    if (runs && b->first < b->result.step) {
        code = prepare(r, model, trial, out_finding);
        runs = code == QUERN_OK && out_finding->verdict == QUERN_VERDICT_AGREES;
        out_finding->verdict = QUERN_VERDICT_UNKNOWN;
    }
    if (runs) {
        code = qn_bisect_run(b, model, 0, NULL);
    }
    if (runs && code == QUERN_OK) {
        code = qn_trial_compare(trial, model, b->contract, false, out_finding);
    }
    b->context->given = NULL;
    qn_bisect_undo(b, model, mark, kept);
    qn_trial_destroy(trial);
    return qn_trial_errors_end(b->context, &before, code, &why);
}

static bool is_over(const struct reducer *r)
{
    return r->n_tries >= MOST_TRIES || qn_clock() > r->deadline;
}

/* The set r->trial: if it shows the difference, it is the best one so far. */
static enum quern_code try_set(struct reducer *r, bool *out_shows)
{
    struct qn_piece part;
    struct qn_finding finding;
    *out_shows = false;
    r->n_tries++;
    qn_progress(r->b->context, "cut the smallest model", 0, 0);
    enum quern_code code =
        qn_piece_make(&r->whole, r->trial, r->numbers, &part);
    if (code != QUERN_OK) {
        return code == QUERN_NOT_FOUND ? QUERN_OK : code;
    }
    code = test(r, part.model, &part, &finding);
    *out_shows = code == QUERN_OK && finding.verdict == QUERN_VERDICT_DIFFERS;
    if (!*out_shows) {
        qn_piece_finish(&part);
        return code;
    }
    qn_piece_finish(&r->best);
    r->best = part;
    r->finding = finding;
    r->shows = true;
    memcpy(r->nodes, r->trial, r->whole.n_nodes * sizeof *r->nodes);
    return QUERN_OK;
}

/* ---------------------------------------------------------------- growing */

static void add_outer(struct reducer *r, const struct quern_node *node)
{
    node = qn_outer_node(node);
    if (node != NULL && !node->erased) {
        r->trial[node->id] = true;
    }
}

static void add_id(struct reducer *r, uint32_t id)
{
    if (id < r->whole.n_nodes) {
        add_outer(r, qn_index_node_at(&r->whole.model->index, id));
    }
}

/* Who makes what the set reads, and who reads what it makes. */
static void add_ring(struct reducer *r)
{
    const struct quern_graph *graph = r->whole.model->graph;
    memcpy(r->nodes, r->trial, r->whole.n_nodes * sizeof *r->nodes);
    for (const struct quern_node *n = graph->first; n != NULL; n = n->next) {
        for (size_t i = 0; i < n->n_inputs; i++) {
            const struct quern_value *v = n->inputs[i]->value;
            const struct quern_node *from = v != NULL ? v->producer : NULL;
            if (from == NULL || from->graph != graph) {
                continue;
            }
            if (r->nodes[n->id] || r->nodes[from->id]) {
                r->trial[n->id] = r->trial[from->id] = true;
            }
        }
    }
}

static size_t count(const struct reducer *r, const bool *set)
{
    size_t n = 0;
    for (size_t i = 0; i < r->whole.n_nodes; i++) {
        n += set[i];
    }
    return n;
}

static enum quern_code grow(struct reducer *r, const struct qn_probe *p)
{
    const struct quern_graph *graph = r->whole.model->graph;
    memset(r->trial, 0, r->whole.n_nodes * sizeof *r->trial);
    if (p->last.op != NULL) {
        add_id(r, p->last.node_id);
    }
    for (size_t i = 0; i < p->n_touched; i++) {
        add_id(r, p->touched[i]);
    }
    bool shows = false;
    enum quern_code code = QUERN_OK;
    for (int i = 0; i <= MOST_RINGS && code == QUERN_OK && !shows; i++) {
        code = count(r, r->trial) > 0 ? try_set(r, &shows) : QUERN_OK;
        if (!shows) {
            add_ring(r);
        }
    }
    if (code == QUERN_OK && !shows) {
        for (const struct quern_node *n = graph->first; n; n = n->next) {
            r->trial[n->id] = true;
        }
        code = try_set(r, &shows);
    }
    return code;
}

/* -------------------------------------------------------------- shrinking */

/* Leave out `size` nodes of the set from the `first` on. */
static bool leave_out(struct reducer *r, size_t first, size_t size)
{
    size_t k = 0;
    size_t n = 0;
    for (size_t i = 0; i < r->whole.n_nodes; i++) {
        bool is_out = r->nodes[i] && k >= first && k < first + size;
        r->trial[i] = r->nodes[i] && !is_out;
        k += r->nodes[i];
        n += is_out;
    }
    return n > 0 && n < k;
}

/* Once along the set, `size` nodes at a time. */
static enum quern_code sweep(struct reducer *r, size_t size, bool *out_less)
{
    enum quern_code code = QUERN_OK;
    size_t first = 0;
    *out_less = false;
    while (first < count(r, r->nodes) && code == QUERN_OK && !is_over(r)) {
        bool shows = false;
        if (leave_out(r, first, size)) {
            code = try_set(r, &shows);
        }
        *out_less = *out_less || shows;
        first += shows ? 0 : size;
    }
    return code;
}

static enum quern_code shrink(struct reducer *r)
{
    enum quern_code code = QUERN_OK;
    size_t size = count(r, r->nodes) / 2;
    bool less = true;
    while (code == QUERN_OK && !is_over(r) && (size > 1 || less)) {
        size = size > 1 ? size : 1;
        code = sweep(r, size, &less);
        size /= 2;
    }
    return code;
}

/* ---------------------------------------------------------------- writing */

/* Constant nodes become initializers where that leaves the difference. */
static enum quern_code settle_constants(struct reducer *r)
{
    struct quern_model *model = r->best.model;
    struct qn_finding finding = {.verdict = QUERN_VERDICT_UNKNOWN};
    struct qn_trial_why why;
    struct qn_trial_errors before = qn_trial_errors_begin(r->b->context);
    struct qn_probe probe = {.holds = true, .arena = &r->b->arena};
    struct qn_mark mark = qn_journal_mark(model);
    struct quern_recipe *recipe = NULL;
    enum quern_code code = quern_recipe_create(r->b->context, &recipe);
    if (code == QUERN_OK) {
        code = quern_recipe_add_steps(recipe, "bisect",
                                      "constants-to-initializers");
    }
    if (code == QUERN_OK) {
        code = qn_recipe_run(recipe, model, NULL, &probe);
        qn_kept_release(probe.kept, NULL);
    }
    quern_recipe_destroy(&recipe);
    if (code == QUERN_OK) {
        code = test(r, model, &r->best, &finding);
    }
    if (code == QUERN_OK && finding.verdict == QUERN_VERDICT_DIFFERS) {
        r->finding = finding;
    } else {
        qn_journal_undo(model, mark);
    }
    return qn_trial_errors_end(r->b->context, &before, code, &why);
}

size_t quern_bisect_data_path(const char *out, char *room, size_t size)
{
    const char *dot = strrchr(out, '.');
    bool has = dot != NULL && strcmp(dot, ".onnx") == 0;
    int n = snprintf(room, size, "%.*s.npz",
                     (int)(has ? (size_t)(dot - out) : strlen(out)), out);
    return n > 0 ? (size_t)n : 0;
}

static const char *path_of_data(struct quern_bisection *b)
{
    size_t room = quern_bisect_data_path(b->options.out, NULL, 0) + 1;
    char *path = qn_arena_alloc(&b->arena, room);
    if (path != NULL) {
        (void)quern_bisect_data_path(b->options.out, path, room);
    }
    return path;
}

static enum quern_code write_data(struct quern_bisection *b,
                                  const struct qn_piece *part)
{
    struct quern_npz *npz = NULL;
    const char *path = path_of_data(b);
    if (path == NULL) {
        return qn_no_memory(b->context);
    }
    enum quern_code code = quern_npz_create(b->context, path, &npz);
    for (size_t i = 0; i < part->n_inputs && code == QUERN_OK; i++) {
        code = quern_npz_add(npz, part->names[i], &part->tensors[i], 1);
    }
    if (code != QUERN_OK) {
        quern_npz_abort(&npz);
        return code;
    }
    b->result.data = path;
    return quern_npz_close(&npz);
}

/* Those in bodies too. */
static size_t count_nodes(const struct quern_model *model)
{
    size_t n = 0;
    for (const struct quern_graph *g = model->graphs; g != NULL;
         g = g->next_graph) {
        n += g->function == NULL ? g->n_nodes : 0;
    }
    return n;
}

static enum quern_code finish(struct reducer *r)
{
    struct quern_bisection *b = r->b;
    if (!r->shows) {
        return QUERN_OK;
    }
    enum quern_code code = settle_constants(r);
    struct quern_model *model = r->best.model;
    b->result.n_nodes = count_nodes(model);
    b->result.small_difference = qn_arena_strdup(&b->arena, r->finding.text);
    b->is_short = b->is_short || b->result.small_difference == NULL;
    if (code == QUERN_OK && b->options.out != NULL) {
        code = quern_model_save(model, b->options.out, NULL);
        b->result.model = qn_arena_strdup(&b->arena, b->options.out);
        b->is_short = b->is_short || b->result.model == NULL;
        if (code == QUERN_OK && r->best.n_inputs > 0) {
            code = write_data(b, &r->best);
        }
    }
    return code;
}

enum quern_code qn_bisect_reduce(struct quern_bisection *b)
{
    struct reducer r = {
        .b = b,
        .whole = {.model = b->model,
                  .trial = b->trial,
                  .sample = b->finding.sample,
                  .engine = b->options.engine,
                  .ort_library = b->options.ort_library},
        .deadline = qn_clock() + (int64_t)(most_seconds * 1e9),
    };
    enum quern_code code = qn_whole_init(&r.whole);
    r.nodes = qn_calloc_n(r.whole.n_nodes + 1, sizeof *r.nodes);
    r.trial = qn_calloc_n(r.whole.n_nodes + 1, sizeof *r.trial);
    if (code == QUERN_OK && (r.nodes == NULL || r.trial == NULL)) {
        code = qn_no_memory(b->context);
    }
    for (int i = 0; i < 2 && code == QUERN_OK && !r.shows; i++) {
        r.numbers = i == 0;
        code = grow(&r, &b->culprit);
    }
    if (code == QUERN_OK && r.shows) {
        code = shrink(&r);
    }
    if (code == QUERN_OK) {
        code = finish(&r);
    }
    qn_piece_finish(&r.best);
    qn_whole_finish(&r.whole);
    qn_free(r.nodes);
    qn_free(r.trial);
    return code;
}
