/* The order of nodes in a graph: a list, and numbers with gaps that tell which
 * of two nodes comes first. */
#include "ir/edit.h"

#define ORDER_GAP (INT64_C(1) << 32)

/* A number between the neighbours; 0 with *out_fits false when none is left. */
static int64_t order_between(const struct quern_node *prev,
                             const struct quern_node *next, bool *out_fits)
{
    *out_fits = true;
    if (prev == NULL) {
        return next != NULL ? next->order - ORDER_GAP : 0;
    }
    if (next == NULL) {
        return prev->order + ORDER_GAP;
    }
    *out_fits = next->order - prev->order >= 2;
    return prev->order + (next->order - prev->order) / 2;
}

/* Spread the numbers of a graph again (n_nodes writes). */
static void renumber(struct quern_graph *graph)
{
    int64_t order = 0;
    for (struct quern_node *n = graph->first; n != NULL; n = n->next) {
        QN_SET(&graph->model->journal, n->order, order);
        order += ORDER_GAP;
    }
}

void qn_order_insert(struct quern_graph *graph, struct quern_node *node,
                     struct quern_node *before)
{
    struct qn_journal *j = &graph->model->journal;
    struct quern_node *prev = before != NULL ? before->prev : graph->last;
    bool fits = true;
    graph->model->index.layout++;
    QN_SET(j, node->order, order_between(prev, before, &fits));
    QN_SET(j, node->prev, prev);
    QN_SET(j, node->next, before);
    if (prev != NULL) {
        QN_SET(j, prev->next, node);
    } else {
        QN_SET(j, graph->first, node);
    }
    if (before != NULL) {
        QN_SET(j, before->prev, node);
    } else {
        QN_SET(j, graph->last, node);
    }
    QN_SET(j, graph->n_nodes, graph->n_nodes + 1);
    if (!fits) {
        renumber(graph);
    }
}

size_t qn_order_cost(const struct quern_graph *graph,
                     const struct quern_node *before)
{
    bool fits = true;
    const struct quern_node *prev = before != NULL ? before->prev : graph->last;
    (void)order_between(prev, before, &fits);
    return 7 + (fits ? 0 : graph->n_nodes + 1);
}

void qn_order_take_out(struct quern_node *node)
{
    struct quern_graph *graph = node->graph;
    struct qn_journal *j = &graph->model->journal;
    if (node->prev != NULL) {
        QN_SET(j, node->prev->next, node->next);
    } else {
        QN_SET(j, graph->first, node->next);
    }
    if (node->next != NULL) {
        QN_SET(j, node->next->prev, node->prev);
    } else {
        QN_SET(j, graph->last, node->prev);
    }
    QN_SET(j, graph->n_nodes, graph->n_nodes - 1);
}

size_t qn_order_splice_cost(const struct quern_graph *outer,
                            const struct quern_node *at, size_t n)
{
    bool fits = at->prev == NULL ||
                (uint64_t)at->order - (uint64_t)at->prev->order > (uint64_t)n;
    return 10 + 4 * n + (fits ? 0 : outer->n_nodes + n);
}

void qn_order_splice(struct quern_graph *body, struct quern_node *at)
{
    struct quern_graph *outer = at->graph;
    struct qn_journal *j = &outer->model->journal;
    size_t n = body->n_nodes;
    if (n == 0) {
        return;
    }
    struct quern_node *prev = at->prev;
    outer->model->index.layout++;
    uint64_t room = prev != NULL ? (uint64_t)at->order - (uint64_t)prev->order
                                 : (uint64_t)ORDER_GAP * (n + 1);
    int64_t step = (int64_t)(room / (n + 1));
    int64_t order = at->order - step * (int64_t)n;
    for (struct quern_node *m = body->first; m != NULL; m = m->next) {
        QN_SET(j, m->graph, outer);
        QN_SET(j, *qn_index_graph_of(&outer->model->index, m->id), outer->id);
        QN_SET(j, m->order, order);
        order += step;
    }
    QN_SET(j, body->first->prev, prev);
    if (prev != NULL) {
        QN_SET(j, prev->next, body->first);
    } else {
        QN_SET(j, outer->first, body->first);
    }
    QN_SET(j, body->last->next, at);
    QN_SET(j, at->prev, body->last);
    QN_SET(j, outer->n_nodes, outer->n_nodes + n);
    QN_SET(j, body->first, NULL);
    QN_SET(j, body->last, NULL);
    QN_SET(j, body->n_nodes, 0);
    if (step == 0) {
        renumber(outer);
    }
}

enum quern_code quern_node_move(struct quern_node *node,
                                struct quern_node *before)
{
    struct quern_graph *graph = node->graph;
    enum quern_code code = qn_edit_check_node(node);
    if (code == QUERN_OK && before != NULL) {
        code = before->graph == graph
                   ? qn_edit_check_node(before)
                   : qn_edit_bad_argument(node, NULL, "move to another graph");
    }
    if (code != QUERN_OK || before == node || node->next == before) {
        return code;
    }
    if (!qn_journal_reserve(&graph->model->journal,
                            3 + 7 + graph->n_nodes + qn_touch_cost(graph), 1)) {
        return qn_no_memory(graph->model->context);
    }
    qn_order_take_out(node);
    qn_order_insert(graph, node, before);
    qn_touch_graph(graph);
    qn_journal_edit(
        &graph->model->journal,
        (struct qn_edit){.kind = QN_EDIT_NODE_MOVE, .id = node->id});
    return QUERN_OK;
}
