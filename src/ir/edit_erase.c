/* Erasing nodes, with their bodies; and with what that leaves dead. */
#include "ir/edit.h"

#include <string.h>

/* Writes and edits that erasing a node needs, bodies included. */
static size_t erase_cost(const struct quern_node *node)
{
    const struct quern_model *model = node->graph->model;
    size_t cost = 6 + node->n_inputs * QN_USE_WRITES +
                  (1 + node->n_outputs) * (4 + qn_tables_cost(model)) +
                  qn_touch_cost(node->graph);
    size_t n = quern_node_n_subgraphs(node);
    for (size_t i = 0; i < n; i++) {
        const struct quern_graph *g = quern_node_subgraph(node, i);
        cost += g->n_outputs * QN_USE_WRITES;
        for (const struct quern_node *m = g->last; m != NULL; m = m->prev) {
            cost += erase_cost(m);
        }
    }
    return cost;
}

static void erase_value(struct quern_value *value)
{
    struct quern_model *model = value->graph->model;
    QN_SET(&model->journal, value->erased, true);
    qn_value_set_producer(value, NULL);
    QN_SET(&model->journal, *qn_index_unread_of(&model->index, value->id), 0);
    qn_tables_drop(model, false, value->id);
}

/* Depth is bounded by the nesting limit of the reader. */
static void erase(struct quern_node *node)
{
    struct quern_model *model = node->graph->model;
    struct qn_journal *j = &model->journal;
    size_t n = quern_node_n_subgraphs(node);
    for (size_t i = 0; i < n; i++) {
        struct quern_graph *g = quern_node_subgraph(node, i);
        for (size_t k = 0; k < g->n_outputs; k++) {
            qn_use_unlink(j, g->outputs[k]);
        }
        while (g->last != NULL) {
            erase(g->last);
        }
    }
    for (size_t i = 0; i < node->n_inputs; i++) {
        qn_use_unlink(j, node->inputs[i]);
    }
    for (size_t i = 0; i < node->n_outputs; i++) {
        if (node->outputs[i] != NULL) {
            erase_value(node->outputs[i]);
        }
    }
    qn_order_take_out(node);
    QN_SET(j, node->erased, true);
    QN_SET(j, *qn_index_op_of(&model->index, node->id), 0);
    qn_tables_drop(model, true, node->id);
    qn_touch_graph(node->graph);
    qn_journal_edit(
        j, (struct qn_edit){.kind = QN_EDIT_NODE_ERASE, .id = node->id});
}

enum quern_code quern_node_erase(struct quern_node *node)
{
    struct quern_model *model = node->graph->model;
    enum quern_code code = qn_edit_check_node(node);
    for (size_t i = 0; i < node->n_outputs && code == QUERN_OK; i++) {
        if (node->outputs[i] != NULL && node->outputs[i]->n_uses > 0) {
            code = qn_edit_bad_argument(
                node, node->outputs[i],
                "erased node still has uses of its output");
        }
    }
    if (code != QUERN_OK) {
        return code;
    }
    size_t cost = erase_cost(node);
    if (!qn_journal_reserve(&model->journal, cost, cost)) {
        return qn_no_memory(model->context);
    }
    erase(node);
    return QUERN_OK;
}

static bool dead(const struct quern_node *node)
{
    for (size_t i = 0; i < node->n_outputs; i++) {
        if (node->outputs[i] != NULL && node->outputs[i]->n_uses > 0) {
            return false;
        }
    }
    return !node->erased;
}

enum { MOST_PUSHED = 64 };

/* Erase one dead node; what that leaves without use goes or is pushed. */
static enum quern_code erase_step(struct quern_node *node,
                                  struct quern_node **stack, size_t *n_stack)
{
    struct quern_value *inputs[MOST_PUSHED];
    size_t n = 0;
    for (size_t i = 0; i < node->n_inputs && n < MOST_PUSHED; i++) {
        if (node->inputs[i]->value != NULL) {
            inputs[n++] = node->inputs[i]->value;
        }
    }
    enum quern_code code = quern_node_erase(node);
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        struct quern_value *v = inputs[i];
        if (v->erased || v->n_uses > 0 || v->is_input) {
            continue;
        }
        if (v->producer == NULL) {
            code = quern_value_erase(v);
        } else if (v->producer->graph == node->graph) {
            stack[(*n_stack)++] = v->producer;
        }
    }
    return code;
}

/* Nodes to look at. Few mostly: those need no memory but their own. */
struct stack {
    struct quern_node *few[256];
    struct quern_node **nodes; /* `few`, or memory of its own */
    size_t n;
    size_t room;
};

/* Room for what one step may push. */
static bool has_room(struct stack *s)
{
    if (s->n + MOST_PUSHED <= s->room) {
        return true;
    }
    bool few = s->nodes == s->few;
    void *grown = qn_realloc_n(few ? NULL : s->nodes, s->room * 2,
                               sizeof(struct quern_node *));
    if (grown == NULL) {
        return false;
    }
    if (few) {
        memcpy(grown, s->few, sizeof s->few);
    }
    s->nodes = grown;
    s->room *= 2;
    return true;
}

enum quern_code quern_node_erase_dead(struct quern_node *node)
{
    struct quern_model *model = node->graph->model;
    struct qn_mark mark = qn_journal_mark(model);
    struct stack s;
    s.nodes = s.few;
    s.nodes[0] = node;
    s.n = 1;
    s.room = sizeof s.few / sizeof *s.few;
    enum quern_code code = QUERN_OK;
    while (s.n > 0 && code == QUERN_OK) {
        struct quern_node *top = s.nodes[--s.n];
        if (dead(top)) {
            code = has_room(&s) ? erase_step(top, s.nodes, &s.n)
                                : qn_no_memory(model->context);
        }
    }
    if (s.nodes != s.few) {
        qn_free(s.nodes);
    }
    if (code != QUERN_OK) {
        qn_journal_undo(model, mark);
    }
    return code;
}

/* ------------------------------------------------------------- all of them */

/* Place of the first byte that is set from `i` on; QN_CHUNK: none. */
static size_t next_set(const unsigned char *bytes, size_t i)
{
    const unsigned char *at =
        i < QN_CHUNK ? memchr(bytes + i, 1, QN_CHUNK - i) : NULL;
    return at != NULL ? (size_t)(at - bytes) : QN_CHUNK;
}

/* Nodes that make nothing at all. */
static enum quern_code erase_mute(struct quern_graph *graph)
{
    const struct qn_index *index = &graph->model->index;
    enum quern_code code = QUERN_OK;
    for (size_t k = 0; k < index->n_node_chunks; k++) {
        const struct qn_node_chunk *chunk = index->nodes[k];
        for (size_t i = next_set(chunk->is_mute, 0);
             i < QN_CHUNK && code == QUERN_OK;
             i = next_set(chunk->is_mute, i + 1)) {
            if (chunk->graphs[i] == graph->id && chunk->ops[i] != 0) {
                code = quern_node_erase_dead(chunk->nodes[i]);
            }
        }
    }
    return code;
}

/* An initializer, or the node that makes only such values. */
static enum quern_code erase_unread(struct quern_graph *graph,
                                    struct quern_value *value)
{
    if (value->graph != graph) {
        return QUERN_OK;
    }
    if (value->producer != NULL) {
        return quern_node_erase_dead(value->producer);
    }
    return value->tensor != NULL && !value->is_input ? quern_value_erase(value)
                                                     : QUERN_OK;
}

static enum quern_code erase_all_unread(struct quern_graph *graph)
{
    const struct qn_index *index = &graph->model->index;
    enum quern_code code = QUERN_OK;
    for (size_t k = 0; k < index->n_value_chunks; k++) {
        const struct qn_value_chunk *chunk = index->values[k];
        for (size_t i = next_set(chunk->is_unread, 0);
             i < QN_CHUNK && code == QUERN_OK;
             i = next_set(chunk->is_unread, i + 1)) {
            code = erase_unread(graph, chunk->values[i]);
        }
    }
    return code;
}

enum quern_code quern_graph_erase_dead(struct quern_graph *graph)
{
    struct quern_model *model = graph->model;
    struct qn_mark mark = qn_journal_mark(model);
    enum quern_code code = erase_mute(graph);
    /* Again when something went: what a node of many inputs leaves unread may
     * stand before it. */
    for (uint64_t before = model->journal.n_total + 1;
         code == QUERN_OK && before != model->journal.n_total;) {
        before = model->journal.n_total;
        code = erase_all_unread(graph);
    }
    if (code != QUERN_OK) {
        qn_journal_undo(model, mark);
    }
    return code;
}
