/* Borders between rewrites: places in the journal where the model is whole, so
 * that a step can be cut off there (stop_rewrites, `quern bisect`). Cutting is
 * undoing: what a step does later cannot show at the border. */
#include "ir/ir.h"
#include "pass/pass.h"

#include <string.h>

void qn_borders_begin(struct quern_pass_ctx *ctx, uint64_t keep)
{
    ctx->borders = (struct qn_borders){
        .keep = keep,
        .n_total = ctx->model->journal.n_total,
        .begin = qn_journal_mark(ctx->model),
        .end = qn_journal_mark(ctx->model),
    };
}

bool qn_border_is_near(const struct quern_pass_ctx *ctx)
{
    const struct qn_borders *b = &ctx->borders;
    return b->keep != 0 && b->n + 1 == b->keep && b->depth == 0;
}

/* The pattern that matches now stands in `last` from here on. */
void qn_border_note(struct quern_pass_ctx *ctx, const struct quern_node *node)
{
    struct qn_borders *b = &ctx->borders;
    b->begin = qn_journal_mark(ctx->model);
    b->last = (struct qn_rewritten){
        .node_id = node->id, .op = node->op, .node = node->name, .output = ""};
    for (size_t i = node->n_outputs; i-- > 0;) {
        b->last.output =
            node->outputs[i] != NULL ? node->outputs[i]->name : b->last.output;
    }
}

bool qn_border_pass(struct quern_pass_ctx *ctx)
{
    struct qn_borders *b = &ctx->borders;
    uint64_t n_total = ctx->model->journal.n_total;
    if (b->depth > 0 || n_total == b->n_total) {
        return false;
    }
    b->n_total = n_total;
    if (++b->n != b->keep) {
        return false;
    }
    b->end = qn_journal_mark(ctx->model);
    b->kept = b->last;
    return true;
}

void qn_borders_end(struct quern_pass_ctx *ctx)
{
    struct qn_borders *b = &ctx->borders;
    b->depth = 0;
    if (qn_border_is_near(ctx) && b->n_total != ctx->model->journal.n_total) {
        b->last = (struct qn_rewritten){.op = NULL};
    }
    (void)qn_border_pass(ctx);
    if (b->keep != 0 && b->n > b->keep) {
        qn_journal_undo(ctx->model, b->end);
    }
}

void quern_pass_rewrote(struct quern_pass_ctx *ctx,
                        const struct quern_node *node)
{
    bool is_near = qn_border_is_near(ctx);
    if (is_near) {
        struct qn_mark begin = ctx->borders.begin;
        qn_border_note(ctx, node);
        ctx->borders.begin = begin;
    }
    (void)qn_border_pass(ctx);
    if (qn_border_is_near(ctx)) {
        ctx->borders.begin = qn_journal_mark(ctx->model);
    }
}

/* Rewrites that are undone are none; the border behind the last one that stays
 * is found again when it is passed again. */
struct quern_mark quern_pass_mark(const struct quern_pass_ctx *ctx)
{
    const struct qn_borders *b = &ctx->borders;
    struct qn_mark mark = qn_journal_mark(ctx->model);
    return (struct quern_mark){{mark.n_writes, mark.n_edits, mark.n_total, b->n,
                                b->n_total, (uintptr_t)ctx->last_line}};
}

void quern_pass_undo(struct quern_pass_ctx *ctx, struct quern_mark mark)
{
    qn_journal_undo(ctx->model,
                    (struct qn_mark){mark.at[0], mark.at[1], mark.at[2]});
    ctx->borders.n = mark.at[3];
    ctx->borders.n_total = mark.at[4];
    ctx->last_line = (struct qn_account *)(uintptr_t)mark.at[5];
    if (ctx->last_line != NULL) {
        ctx->last_line->next = NULL;
    } else {
        ctx->first_line = NULL;
    }
}

/* ------------------------------------------------------------------ probe */

static const char *keep_text(struct qn_arena *arena, const char *text)
{
    return text != NULL ? qn_arena_strdup(arena, text) : NULL;
}

static bool is_of_node(enum qn_edit_kind kind)
{
    return kind == QN_EDIT_NODE_ERASE || kind == QN_EDIT_NODE_OP ||
           kind == QN_EDIT_INPUT || kind == QN_EDIT_OUTPUT ||
           kind == QN_EDIT_ATTR;
}

/* Of the edits between the marks. One node may stand there several times. */
static enum quern_code list_touched(struct quern_pass_ctx *ctx)
{
    struct qn_probe *p = ctx->probe;
    const struct qn_journal *j = &ctx->model->journal;
    size_t first = ctx->borders.begin.n_edits;
    size_t last = ctx->borders.end.n_edits;
    p->touched =
        qn_arena_alloc_n(p->arena, last - first + 1, sizeof *p->touched);
    p->n_touched = 0;
    if (p->touched == NULL) {
        return qn_no_memory(ctx->context);
    }
    for (size_t i = first; i < last && i < j->n_edits; i++) {
        if (is_of_node(j->edits[i].kind)) {
            p->touched[p->n_touched++] = j->edits[i].id;
        }
    }
    return QUERN_OK;
}

enum quern_code qn_probe_fill(struct quern_pass_ctx *ctx)
{
    struct qn_probe *p = ctx->probe;
    const struct qn_rewritten *kept = &ctx->borders.kept;
    p->last = (struct qn_rewritten){
        .node_id = kept->node_id,
        .op = keep_text(p->arena, kept->op),
        .node = keep_text(p->arena, kept->node),
        .output = keep_text(p->arena, kept->output),
        .pattern = keep_text(p->arena, kept->pattern),
    };
    bool is_whole =
        kept->op == NULL ||
        (p->last.op != NULL && p->last.node != NULL && p->last.output != NULL &&
         (kept->pattern == NULL || p->last.pattern != NULL));
    return is_whole ? list_touched(ctx) : qn_no_memory(ctx->context);
}
