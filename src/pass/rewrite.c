/* Walking graphs for registered patterns, and saying why one did not match. */
#include "ir/ir.h"
#include "pass/pass.h"
#include "pass/pattern.h"
#include "pass/sieve.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------ explaining */

void qn_explain(struct quern_pass_ctx *ctx, const char *format, ...)
{
    char text[QN_REASON_SIZE + 256];
    va_list args;
    if (ctx->options->explained == NULL) {
        return;
    }
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ctx->n_told++;
    /* A pass that repeats would say the same again. */
    for (const struct qn_account *a = ctx->explanation; a != NULL;
         a = a->next) {
        if (strcmp(a->text, text) == 0) {
            return;
        }
    }
    struct qn_account *line = qn_arena_alloc(&ctx->arena, sizeof *line);
    if (line != NULL && (line->text = qn_arena_strdup(&ctx->arena, text))) {
        line->next = ctx->explanation;
        ctx->explanation = line;
    }
    ctx->options->explained(ctx->options->user, text);
}

/* A try concerns the node when it began there, or when it came to it. */
static bool concerns(const struct quern_pass_ctx *ctx,
                     const struct quern_pattern *pattern,
                     const struct quern_node *root)
{
    const struct qn_reason *r = &pattern->reason;
    const struct quern_node *node = ctx->explained;
    if (node == root) {
        return strcmp(node->op, quern_pattern_root(pattern)) == 0;
    }
    return r->kind != QN_REASON_OP &&
           (r->node == node ||
            (r->value != NULL && r->value->producer == node));
}

static void explain_try(struct quern_pass_ctx *ctx,
                        const struct quern_pattern *pattern,
                        const struct quern_node *root, const char *name)
{
    if (ctx->explained != NULL && concerns(ctx, pattern, root)) {
        qn_explain(ctx, "%s at '%s' (%s): %s", name, root->name, root->op,
                   quern_pattern_reason(pattern));
    }
}

static void explain_match(struct quern_pass_ctx *ctx,
                          const struct quern_match *match, const char *name)
{
    for (size_t i = 0; ctx->explained != NULL && i < match->pattern->n_nodes;
         i++) {
        if (match->nodes[i] == ctx->explained) {
            qn_explain(ctx, "%s at '%s' (%s): matches", name,
                       match->nodes[0]->name, match->nodes[0]->op);
        }
    }
}

enum quern_code quern_pass_match(struct quern_pass_ctx *ctx,
                                 struct quern_pattern *pattern,
                                 struct quern_node *root,
                                 const struct quern_match **out_match)
{
    enum quern_code code = quern_pattern_match(pattern, root, out_match);
    if (code == QUERN_OK) {
        explain_match(ctx, *out_match, pattern->text);
    } else {
        explain_try(ctx, pattern, root, pattern->text);
    }
    return code;
}

enum quern_code quern_pass_refuse(struct quern_pass_ctx *ctx,
                                  const struct quern_node *node,
                                  const char *format, ...)
{
    char text[512];
    va_list args;
    if (ctx->explained != NULL && node == ctx->explained) {
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        qn_explain(ctx, "left as it is: %s", text);
    }
    return QUERN_NOT_FOUND;
}

/* --------------------------------------------------------------- walking */

enum quern_code qn_rewriter_init(struct qn_rewriter *rewriter,
                                 struct quern_model *model,
                                 struct qn_arena *arena,
                                 struct quern_pattern *const *patterns,
                                 const char *const *names, size_t n)
{
    *rewriter = (struct qn_rewriter){
        .model = model, .n = n, .patterns = patterns, .names = names};
    rewriter->cells = qn_arena_alloc_n(arena, n, sizeof *rewriter->cells);
    rewriter->needs = qn_arena_alloc_n(arena, n, sizeof *rewriter->needs);
    if (rewriter->cells == NULL || rewriter->needs == NULL) {
        return qn_no_memory(model->context);
    }
    /* From the last to the first, so that chains keep the order. */
    for (size_t i = n; i-- > 0;) {
        const char *root = quern_pattern_root(patterns[i]);
        const size_t *next = qn_map_get(&rewriter->roots, root);
        rewriter->cells[i] =
            next != NULL ? (size_t)(next - rewriter->cells) + 1 : 0;
        if (!qn_needs_of(patterns[i], arena, &rewriter->needs[i]) ||
            !qn_map_set(&rewriter->roots, root, &rewriter->cells[i])) {
            return qn_no_memory(model->context);
        }
    }
    return QUERN_OK;
}

void qn_rewriter_finish(struct qn_rewriter *rewriter)
{
    qn_map_finish(&rewriter->roots);
}

/* First cell of the patterns with that operator at the root; NULL: none. */
static const size_t *first_cell(struct qn_rewriter *rewriter, uint32_t op)
{
    const struct qn_index *index = &rewriter->model->index;
    if (op < QN_WALK_OPS && rewriter->firsts[op] != NULL) {
        return rewriter->firsts[op];
    }
    const size_t *cell =
        qn_map_get(&rewriter->roots, qn_index_op_at(index, op)->op);
    if (op < QN_WALK_OPS) {
        rewriter->firsts[op] = cell;
    }
    return cell;
}

static const size_t *next_cell(const struct qn_rewriter *rewriter,
                               const size_t *cell)
{
    return *cell > 0 ? &rewriter->cells[*cell - 1] : NULL;
}

/* Some pattern may match, as far as the index tells. */
static bool may_match(const struct qn_index *index, uint32_t id, void *user)
{
    struct qn_rewriter *rewriter = user;
    const size_t *cell = first_cell(rewriter, *qn_index_op_of(index, id));
    for (; cell != NULL; cell = next_cell(rewriter, cell)) {
        if (qn_needs_are_met(&rewriter->needs[cell - rewriter->cells], index,
                             id)) {
            return true;
        }
    }
    return false;
}

static enum quern_code try_patterns(struct quern_pass_ctx *ctx,
                                    struct qn_rewriter *rewriter,
                                    struct quern_node *node, qn_rewrite_fn fn,
                                    void *user)
{
    const struct qn_index *index = &ctx->model->index;
    uint32_t op = *qn_index_op_of(index, node->id);
    const size_t *cell = op != 0 ? first_cell(rewriter, op) : NULL;
    for (; cell != NULL; cell = next_cell(rewriter, cell)) {
        size_t i = (size_t)(cell - rewriter->cells);
        const struct quern_match *match = NULL;
        /* The one that is explained is tried for what the pattern says. */
        enum quern_code code =
            ctx->explained == NULL &&
                    !qn_needs_are_met(&rewriter->needs[i], index, node->id)
                ? QUERN_NOT_FOUND
                : quern_pattern_match(rewriter->patterns[i], node, &match);
        if (code == QUERN_OK) {
            explain_match(ctx, match, rewriter->names[i]);
            ctx->borders.last.pattern = rewriter->names[i];
            code = fn(ctx, user, i, match);
        } else {
            explain_try(ctx, rewriter->patterns[i], node, rewriter->names[i]);
        }
        if (code != QUERN_NOT_FOUND) {
            return code;
        }
    }
    return QUERN_OK;
}

static bool is_root(const struct qn_op_type *op, void *user)
{
    const struct qn_rewriter *rewriter = user;
    return qn_map_get(&rewriter->roots, op->op) != NULL;
}

/* What is called at each node of a walk. */
typedef enum quern_code (*visit_fn)(struct quern_pass_ctx *ctx,
                                    struct quern_node *node, void *user);

/* Takes the walk, begun. */
static enum quern_code go(struct quern_pass_ctx *ctx, struct qn_walk *walk,
                          visit_fn visit, void *user)
{
    struct quern_node *node = NULL;
    enum quern_code code = QUERN_OK;
    unsigned n = 0;
    while (code == QUERN_OK && (node = qn_walk_next(walk)) != NULL) {
        if (qn_border_is_near(ctx)) {
            qn_border_note(ctx, node);
        }
        ctx->borders.depth++;
        code = visit(ctx, node, user);
        ctx->borders.depth--;
        (void)qn_border_pass(ctx);
        if (code == QUERN_OK && ++n % 1024 == 0) {
            code = qn_poll(ctx->context);
        }
    }
    qn_walk_end(walk);
    return code;
}

struct rewriting {
    struct qn_rewriter *rewriter;
    qn_rewrite_fn fn;
    void *user;
};

static enum quern_code visit(struct quern_pass_ctx *ctx,
                             struct quern_node *node, void *user)
{
    const struct rewriting *r = user;
    return try_patterns(ctx, r->rewriter, node, r->fn, r->user);
}

enum quern_code qn_rewriter_walk(struct quern_pass_ctx *ctx,
                                 struct qn_rewriter *rewriter,
                                 struct quern_graph *graph, qn_rewrite_fn fn,
                                 void *user)
{
    struct qn_walk walk;
    struct rewriting r = {rewriter, fn, user};
    qn_walk_begin(&walk, graph, false, is_root,
                  ctx->explained == NULL ? may_match : NULL, rewriter);
    return go(ctx, &walk, visit, &r);
}

enum quern_code quern_pass_match_each(struct quern_pass_ctx *ctx,
                                      struct quern_graph *graph,
                                      struct quern_pattern *const *patterns,
                                      size_t n, quern_match_fn fn, void *user)
{
    struct qn_rewriter rewriter = {0};
    const char **names = qn_arena_alloc_n(&ctx->scratch, n, sizeof *names);
    if (names == NULL) {
        return qn_no_memory(ctx->context);
    }
    for (size_t i = 0; i < n; i++) {
        names[i] = patterns[i]->text;
    }
    enum quern_code code = qn_rewriter_init(&rewriter, ctx->model,
                                            &ctx->scratch, patterns, names, n);
    if (code == QUERN_OK) {
        code = qn_rewriter_walk(ctx, &rewriter, graph, fn, user);
    }
    qn_rewriter_finish(&rewriter);
    return code;
}

/* ------------------------------------------------------- walking by names */

/* What quern_pass_each() is asked for. */
struct listed {
    const char *const *ops; /* NULL: all */
    size_t n_makers;
    struct qn_need *makers;
    unsigned char answers[QN_WALK_OPS]; /* by operator: 0 not asked yet */
    unsigned char *taken;               /* by node id */
    uint32_t constant;                  /* id of the operator; 0: none */
    bool with_constant;
    quern_node_fn fn;
    void *user;
};

static bool is_listed(const struct qn_op_type *op, void *user)
{
    const struct listed *listed = user;
    for (size_t i = 0; listed->ops[i] != NULL; i++) {
        const char *name = listed->ops[i];
        const char *dot = strrchr(name, '.');
        size_t size = dot != NULL ? (size_t)(dot - name) : 0;
        if (strcmp(op->op, dot != NULL ? dot + 1 : name) == 0 &&
            strlen(op->domain) == size && memcmp(op->domain, name, size) == 0) {
            return true;
        }
    }
    return false;
}

/* 1 + id of the node, no Constant, that makes input i; 0: there is none. */
static uint32_t computed_by(const struct listed *listed,
                            const struct qn_index *index, uint32_t id, size_t i)
{
    uint32_t maker = qn_index_maker_behind(index, id, i);
    return maker != 0 && *qn_index_op_of(index, maker - 1) != listed->constant
               ? maker
               : 0;
}

static bool is_behind(const struct qn_index *index, uint32_t id, void *user)
{
    const struct listed *listed = user;
    if (listed->with_constant && computed_by(listed, index, id, 0) != 0 &&
        computed_by(listed, index, id, 1) != 0) {
        return false;
    }
    for (size_t i = 0; i < listed->n_makers; i++) {
        if (qn_need_is_met(&listed->makers[i], index, id)) {
            return true;
        }
    }
    return listed->n_makers == 0;
}

static bool has_numbers(const struct qn_index *index, uint32_t id, void *user)
{
    struct listed *listed = user;
    uint32_t op = *qn_index_op_of(index, id);
    if (*qn_index_numbers_of(index, id) != 0 || op >= QN_WALK_OPS) {
        return *qn_index_numbers_of(index, id) != 0 ||
               is_listed(qn_index_op_at(index, op), user);
    }
    if (listed->answers[op] == 0) {
        listed->answers[op] =
            is_listed(qn_index_op_at(index, op), user) ? 2 : 1;
    }
    return listed->answers[op] == 2;
}

static bool is_behind_taken(const struct qn_index *index, uint32_t id,
                            void *user)
{
    const struct listed *listed = user;
    for (size_t i = 0; i < QN_INPUTS; i++) {
        uint32_t maker = computed_by(listed, index, id, i);
        if (maker != 0 && listed->taken[maker - 1] == 0) {
            return false;
        }
    }
    return true;
}

static enum quern_code visit_taken(struct quern_pass_ctx *ctx,
                                   struct quern_node *node, void *user)
{
    const struct listed *listed = user;
    uint32_t id = node->id;
    enum quern_code code = listed->fn(ctx, node, listed->user);
    listed->taken[id] = code == QUERN_OK;
    return code == QUERN_NOT_FOUND ? QUERN_OK : code;
}

static bool has_body(const struct qn_index *index, uint32_t id, void *user)
{
    (void)user;
    return quern_node_n_subgraphs(qn_index_node_at(index, id)) > 0;
}

/* Some node of the graph holds graphs. */
static bool has_bodies(const struct quern_graph *graph)
{
    const struct quern_graph *g = graph->model->graphs;
    while (g != NULL && (g->parent == NULL || g->parent->graph != graph)) {
        g = g->next_graph;
    }
    return g != NULL;
}

/* Asked of each node with a listed operator; NULL: all are given. */
static qn_may_fn may_of(const struct quern_pass_ctx *ctx,
                        const struct quern_each *each)
{
    if (each->has_bodies) {
        return has_body;
    }
    if (each->or_numbers) {
        return has_numbers;
    }
    if (each->behind_taken) {
        return is_behind_taken;
    }
    bool asks = each->behind != NULL || each->with_constant;
    return asks && ctx->explained == NULL ? is_behind : NULL;
}

/* Room for what a walk knows; false: no memory. */
static bool list(struct quern_pass_ctx *ctx, const struct quern_each *each,
                 struct listed *out)
{
    while (each->behind != NULL && each->behind[out->n_makers] != NULL) {
        out->n_makers++;
    }
    out->makers =
        qn_arena_alloc_n(&ctx->scratch, out->n_makers, sizeof *out->makers);
    bool fits = out->makers != NULL;
    for (size_t i = 0; i < out->n_makers && fits; i++) {
        fits = qn_need_named(&out->makers[i], &ctx->scratch, each->behind[i]);
    }
    out->with_constant = each->with_constant;
    if (fits && (each->behind_taken || each->with_constant)) {
        out->constant = qn_index_find(&ctx->model->index, "", "Constant");
    }
    if (fits && each->behind_taken) {
        out->taken = qn_arena_alloc(&ctx->scratch, ctx->model->next_node_id);
        fits = out->taken != NULL;
    }
    return fits;
}

enum quern_code quern_pass_each(struct quern_pass_ctx *ctx,
                                struct quern_graph *graph,
                                const struct quern_each *each, quern_node_fn fn,
                                void *user)
{
    static const char *const none[] = {NULL};
    struct qn_walk walk;
    struct listed listed = {.ops = each->ops, .fn = fn, .user = user};
    if (!list(ctx, each, &listed)) {
        return qn_no_memory(ctx->context);
    }
    if (each->has_bodies && !has_bodies(graph)) {
        return QUERN_OK;
    }
    if (each->or_numbers && each->ops == NULL) {
        listed.ops = none;
    }
    qn_walk_begin(&walk, graph, each->backward,
                  each->ops != NULL && !each->or_numbers ? is_listed : NULL,
                  may_of(ctx, each), &listed);
    return each->behind_taken ? go(ctx, &walk, visit_taken, &listed)
                              : go(ctx, &walk, fn, user);
}

/* ---------------------------------------------------- registered patterns */

static enum quern_code apply(struct quern_pass_ctx *ctx, void *user, size_t i,
                             const struct quern_match *match)
{
    (void)user;
    const struct quern_rewrite *rewrite = ctx->step->desc->rewrites[i];
    return rewrite->apply(ctx, match, ctx->step->params);
}

enum quern_code qn_pass_run_rewrites(struct quern_pass_ctx *ctx,
                                     struct quern_graph *graph)
{
    const struct quern_rewrite *const *rewrites = ctx->step->desc->rewrites;
    struct qn_rewriter rewriter = {0};
    size_t n = 0;
    while (rewrites[n] != NULL) {
        n++;
    }
    struct quern_pattern **patterns =
        qn_arena_alloc_n(&ctx->scratch, n, sizeof(struct quern_pattern *));
    const char **names = qn_arena_alloc_n(&ctx->scratch, n, sizeof *names);
    if (patterns == NULL || names == NULL) {
        return qn_no_memory(ctx->context);
    }
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        names[i] = rewrites[i]->name;
        code = quern_pass_pattern(ctx, rewrites[i]->pattern, &patterns[i]);
    }
    if (code == QUERN_OK) {
        code = qn_rewriter_init(&rewriter, ctx->model, &ctx->scratch, patterns,
                                names, n);
    }
    if (code == QUERN_OK) {
        code = qn_rewriter_walk(ctx, &rewriter, graph, apply, NULL);
    }
    qn_rewriter_finish(&rewriter);
    return code;
}
