/* What edits are made of: checks, use lists, origins. Every field write goes
 * through the write log, and room for all writes of an edit is made before the
 * first one: an edit happens whole or not at all. Edits of nodes are in
 * edit_node.c and edit_erase.c, their order in edit_order.c, those of values in
 * edit_value.c. */
#include "ir/edit.h"

enum quern_code qn_edit_check_node(const struct quern_node *node)
{
    const struct quern_graph *graph = node->graph;
    struct quern_place place;
    if (node->erased) {
        place = quern_node_place(node);
        return quern_fail(graph->model->context, QUERN_INVALID_ARGUMENT, &place,
                          "edit of a node that was erased");
    }
    while (graph->function == NULL && graph->parent != NULL) {
        graph = graph->parent->graph;
    }
    if (graph->function != NULL) {
        place = quern_node_place(node);
        return quern_fail(graph->model->context, QUERN_UNSUPPORTED, &place,
                          "edit inside a model function");
    }
    return QUERN_OK;
}

enum quern_code qn_edit_check_value(const struct quern_value *value)
{
    if (!value->erased) {
        return QUERN_OK;
    }
    struct quern_place place = QUERN_PLACE_NONE;
    place.tensor = value->name;
    return quern_fail(value->graph->model->context, QUERN_INVALID_ARGUMENT,
                      &place, "edit of a value that was erased");
}

enum quern_code qn_edit_bad_argument(const struct quern_node *node,
                                     const struct quern_value *value,
                                     const char *what)
{
    struct quern_place place = QUERN_PLACE_NONE;
    if (node != NULL) {
        place = quern_node_place(node);
    }
    const struct quern_graph *graph = node != NULL ? node->graph : value->graph;
    place.tensor = value != NULL ? value->name : NULL;
    return quern_fail(graph->model->context, QUERN_INVALID_ARGUMENT, &place,
                      "%s", what);
}

enum quern_code qn_edit_check_readable(const struct quern_graph *graph,
                                       const struct quern_value *value)
{
    if (value == NULL) {
        return QUERN_OK;
    }
    for (const struct quern_graph *g = graph; g != NULL;
         g = g->parent != NULL ? g->parent->graph : NULL) {
        if (g == value->graph) {
            return qn_edit_check_value(value);
        }
    }
    return qn_edit_bad_argument(NULL, value,
                                "value lies in a graph out of reach");
}

/* ---------------------------------------------------- origins, use lists */

size_t qn_touch_cost(const struct quern_graph *graph)
{
    size_t cost = 1;
    for (; graph->parent != NULL; graph = graph->parent->graph) {
        cost++;
    }
    return cost;
}

void qn_touch_node(struct quern_node *node)
{
    struct qn_journal *journal = &node->graph->model->journal;
    /* A node without origin has none around it: stop there. */
    while (node != NULL && node->origin.data != NULL) {
        QN_SET(journal, node->origin.data, NULL);
        node = node->graph->parent;
    }
}

void qn_touch_graph(struct quern_graph *graph)
{
    if (graph->parent != NULL) {
        qn_touch_node(graph->parent);
    }
}

void qn_value_set_producer(struct quern_value *value, struct quern_node *node)
{
    struct quern_model *model = value->graph->model;
    QN_SET(&model->journal, value->producer, node);
    QN_SET(&model->journal, *qn_index_maker_of(&model->index, value->id),
           node != NULL ? node->id + 1 : 0);
}

/* What the index knows of an input. */
static void note_input(struct qn_journal *j, const struct quern_use *use)
{
    if (use->node != NULL && use->index < QN_INPUTS) {
        const struct qn_index *index = &use->node->graph->model->index;
        QN_SET(j, *qn_index_input_of(index, use->node->id, use->index),
               use->value != NULL ? use->value->id + 1 : 0);
    }
}

static unsigned char *unread_of(const struct quern_value *value)
{
    return qn_index_unread_of(&value->graph->model->index, value->id);
}

void qn_use_link(struct qn_journal *j, struct quern_use *use,
                 struct quern_value *value)
{
    QN_SET(j, use->value, value);
    if (value == NULL) {
        return;
    }
    value->was_output |= use->node == NULL;
    QN_SET(j, use->prev, value->last_use);
    QN_SET(j, use->next, NULL);
    if (value->last_use != NULL) {
        QN_SET(j, value->last_use->next, use);
    } else {
        QN_SET(j, value->first_use, use);
    }
    QN_SET(j, value->last_use, use);
    QN_SET(j, value->n_uses, value->n_uses + 1);
    if (value->n_uses == 1) {
        QN_SET(j, *unread_of(value), 0);
    }
    note_input(j, use);
}

void qn_use_unlink(struct qn_journal *j, struct quern_use *use)
{
    struct quern_value *value = use->value;
    if (value == NULL) {
        return;
    }
    if (use->prev != NULL) {
        QN_SET(j, use->prev->next, use->next);
    } else {
        QN_SET(j, value->first_use, use->next);
    }
    if (use->next != NULL) {
        QN_SET(j, use->next->prev, use->prev);
    } else {
        QN_SET(j, value->last_use, use->prev);
    }
    QN_SET(j, value->n_uses, value->n_uses - 1);
    if (value->n_uses == 0) {
        QN_SET(j, *unread_of(value), 1);
    }
    QN_SET(j, use->value, NULL);
    note_input(j, use);
}
