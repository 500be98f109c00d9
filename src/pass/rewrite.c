/* Walking graphs for registered patterns, and saying why one did not match. */
#include "ir/ir.h"
#include "pass/pass.h"
#include "pass/pattern.h"

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
                                 struct quern_context *context,
                                 struct qn_arena *arena,
                                 struct quern_pattern **patterns,
                                 const char *const *names, size_t n)
{
    *rewriter =
        (struct qn_rewriter){.n = n, .patterns = patterns, .names = names};
    rewriter->cells = qn_arena_alloc_n(arena, n, sizeof *rewriter->cells);
    if (rewriter->cells == NULL) {
        return qn_no_memory(context);
    }
    /* From the last to the first, so that chains keep the order. */
    for (size_t i = n; i-- > 0;) {
        const char *root = quern_pattern_root(patterns[i]);
        const size_t *next = qn_map_get(&rewriter->roots, root);
        rewriter->cells[i] =
            next != NULL ? (size_t)(next - rewriter->cells) + 1 : 0;
        if (!qn_map_set(&rewriter->roots, root, &rewriter->cells[i])) {
            return qn_no_memory(context);
        }
    }
    return QUERN_OK;
}

void qn_rewriter_finish(struct qn_rewriter *rewriter)
{
    qn_map_finish(&rewriter->roots);
}

static enum quern_code try_patterns(struct quern_pass_ctx *ctx,
                                    struct qn_rewriter *rewriter,
                                    struct quern_node *node, qn_rewrite_fn fn,
                                    void *user)
{
    const size_t *cell = qn_map_get(&rewriter->roots, node->op);
    while (cell != NULL) {
        size_t i = (size_t)(cell - rewriter->cells);
        const struct quern_match *match = NULL;
        enum quern_code code =
            quern_pattern_match(rewriter->patterns[i], node, &match);
        if (code == QUERN_OK) {
            explain_match(ctx, match, rewriter->names[i]);
            code = fn(ctx, user, i, match);
        } else {
            explain_try(ctx, rewriter->patterns[i], node, rewriter->names[i]);
        }
        if (code != QUERN_NOT_FOUND) {
            return code;
        }
        cell = *cell > 0 ? &rewriter->cells[*cell - 1] : NULL;
    }
    return QUERN_OK;
}

enum quern_code qn_rewriter_walk(struct quern_pass_ctx *ctx,
                                 struct qn_rewriter *rewriter,
                                 struct quern_graph *graph, qn_rewrite_fn fn,
                                 void *user)
{
    enum quern_code code = QUERN_OK;
    struct quern_node *next = NULL;
    unsigned n = 0;
    for (struct quern_node *node = graph->first;
         node != NULL && code == QUERN_OK; node = next) {
        next = node->next;
        code = try_patterns(ctx, rewriter, node, fn, user);
        if (code == QUERN_OK && ++n % 1024 == 0) {
            code = qn_poll(ctx->context);
        }
        /* Erased nodes keep their links, so they lead back into the list. */
        while (next != NULL && next->erased) {
            next = next->next;
        }
    }
    return code;
}

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
        code = qn_rewriter_init(&rewriter, ctx->context, &ctx->scratch,
                                patterns, names, n);
    }
    if (code == QUERN_OK) {
        code = qn_rewriter_walk(ctx, &rewriter, graph, apply, NULL);
    }
    qn_rewriter_finish(&rewriter);
    return code;
}
