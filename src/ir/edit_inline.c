/* Moving what a body holds into the graph around it. Objects stay the same:
 * nodes and values only change their graph, and a value its name where the
 * model has it more than once (branches of two If may use the same names).
 *
 * Checks and memory first: the new names, then room in the journal for every
 * write, then the writes, which cannot fail. */
#include "ir/edit.h"
#include "ir/names.h"

#include <string.h>

struct inlining {
    struct quern_graph *body;
    struct quern_graph *outer;
    struct quern_node *at;
    size_t n_values;
    const char **names; /* of the values in their order; NULL: keeps its own */
};

static enum quern_code check(const struct quern_graph *body)
{
    const struct quern_node *at = body->parent;
    if (at == NULL) {
        struct quern_place place = QUERN_PLACE_NONE;
        return quern_fail(body->model->context, QUERN_INVALID_ARGUMENT, &place,
                          "graph '%s' is no body of a node", body->name);
    }
    enum quern_code code = qn_edit_check_node(at);
    if (code == QUERN_OK && body->n_inputs > 0) {
        code = qn_edit_bad_argument(at, NULL, "body with inputs");
    }
    for (const struct quern_value *v = body->first_value;
         v != NULL && code == QUERN_OK; v = v->next_value) {
        if (v->is_opaque && !v->erased) {
            code =
                qn_edit_bad_argument(at, v, "body with a sparse initializer");
        }
    }
    return code;
}

/* Names that are not the value's alone are made anew and entered; false: no
 * memory. */
static bool choose_names(struct inlining *x)
{
    struct quern_model *model = x->body->model;
    for (const struct quern_value *v = x->body->first_value; v != NULL;
         v = v->next_value) {
        x->n_values++;
    }
    x->names =
        qn_arena_alloc_n(&model->arena, x->n_values + 1, sizeof *x->names);
    size_t i = 0;
    for (struct quern_value *v = x->body->first_value;
         x->names != NULL && v != NULL; v = v->next_value) {
        const char *name = v->name;
        x->names[i] = NULL;
        if (!v->erased && qn_names_shared(model->names, v->name)) {
            name = qn_names_unique(model, v->name);
            x->names[i] = name;
        }
        i++;
        if (name == NULL || !qn_names_move(model->names, v, x->outer, name)) {
            return false;
        }
    }
    return x->names != NULL;
}

/* Writes that are needed at most. */
static size_t cost_of(const struct inlining *x)
{
    const struct quern_graph *body = x->body;
    size_t cost = 16 + qn_touch_cost(x->outer) +
                  body->n_outputs * QN_USE_WRITES + x->n_values +
                  body->n_nodes * 2;
    size_t i = 0;
    for (const struct quern_value *v = body->first_value; v != NULL;
         v = v->next_value) {
        if (x->names[i++] != NULL) {
            cost += qn_rename_cost(v);
        }
    }
    return cost + qn_order_splice_cost(x->outer, x->at, body->n_nodes);
}

static void move_values(const struct inlining *x)
{
    struct quern_graph *body = x->body;
    struct quern_graph *outer = x->outer;
    struct qn_journal *j = &outer->model->journal;
    size_t i = 0;
    if (body->first_value == NULL) {
        return;
    }
    for (struct quern_value *v = body->first_value; v != NULL;
         v = v->next_value) {
        QN_SET(j, v->graph, outer);
        if (x->names[i] != NULL) {
            qn_rename(j, v, x->names[i]);
        }
        i++;
    }
    if (outer->last_value != NULL) {
        QN_SET(j, outer->last_value->next_value, body->first_value);
    } else {
        QN_SET(j, outer->first_value, body->first_value);
    }
    QN_SET(j, outer->last_value, body->last_value);
    QN_SET(j, body->first_value, NULL);
    QN_SET(j, body->last_value, NULL);
}

static void move_initializers(const struct inlining *x)
{
    struct quern_graph *body = x->body;
    struct quern_graph *outer = x->outer;
    struct qn_journal *j = &outer->model->journal;
    if (body->first_init == NULL) {
        return;
    }
    QN_SET(j, body->first_init->prev_init, outer->last_init);
    if (outer->last_init != NULL) {
        QN_SET(j, outer->last_init->next_init, body->first_init);
    } else {
        QN_SET(j, outer->first_init, body->first_init);
    }
    QN_SET(j, outer->last_init, body->last_init);
    QN_SET(j, body->first_init, NULL);
    QN_SET(j, body->last_init, NULL);
}

enum quern_code quern_graph_inline(struct quern_graph *body,
                                   struct quern_value **out_values)
{
    struct quern_model *model = body->model;
    struct qn_journal *j = &model->journal;
    struct inlining x = {.body = body, .at = body->parent};
    enum quern_code code = check(body);
    if (code != QUERN_OK) {
        return code;
    }
    x.outer = x.at->graph;
    if (!choose_names(&x) ||
        !qn_journal_reserve(j, cost_of(&x), body->n_nodes + 1)) {
        return qn_no_memory(model->context);
    }
    for (size_t i = 0; i < body->n_outputs; i++) {
        out_values[i] = body->outputs[i]->value;
        qn_use_unlink(j, body->outputs[i]);
    }
    qn_touch_node(x.at);
    move_values(&x);
    move_initializers(&x);
    for (const struct quern_node *n = body->first; n != NULL; n = n->next) {
        qn_journal_edit(
            j, (struct qn_edit){.kind = QN_EDIT_NODE_MOVE, .id = n->id});
    }
    qn_order_splice(body, x.at);
    qn_journal_edit(j, (struct qn_edit){.kind = QN_EDIT_INPUT, .id = x.at->id});
    return QUERN_OK;
}
