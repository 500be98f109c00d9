/* Edits of what a model shows: names of values, inputs and outputs of the top
 * graph. */
#include "base/map.h"
#include "ir/edit.h"
#include "ir/names.h"

#include <string.h>

/* ------------------------------------------------------------------ names */

size_t qn_rename_cost(const struct quern_value *v)
{
    size_t cost = 3 + 2 * qn_touch_cost(v->graph);
    for (const struct quern_use *u = v->first_use; u != NULL; u = u->next) {
        cost += u->node != NULL ? qn_touch_cost(u->node->graph) : 0;
    }
    return cost;
}

void qn_rename(struct qn_journal *j, struct quern_value *v, const char *name)
{
    QN_SET(j, v->name, name);
    QN_SET(j, v->info_origin.data, NULL);
    QN_SET(j, v->tensor_origin.data, NULL);
    if (v->producer != NULL) {
        qn_touch_node(v->producer);
    }
    for (const struct quern_use *u = v->first_use; u != NULL; u = u->next) {
        if (u->node != NULL) {
            qn_touch_node(u->node);
        }
    }
}

/* A value that carries this name anywhere in the model. */
static const struct quern_value *holder_of(const struct quern_model *model,
                                           const char *name)
{
    for (const struct quern_graph *g = model->graphs; g; g = g->next_graph) {
        const struct quern_value *v = qn_names_value(model->names, g, name);
        if (v != NULL && !v->erased && g->function == NULL) {
            return v;
        }
    }
    return NULL;
}

enum quern_code quern_value_rename(struct quern_value *value, const char *name)
{
    struct quern_model *model = value->graph->model;
    struct qn_journal *j = &model->journal;
    enum quern_code code = qn_edit_check_value(value);
    if (code == QUERN_OK && strcmp(value->name, name) == 0) {
        return QUERN_OK;
    }
    if (code == QUERN_OK && *name == '\0') {
        code = qn_edit_bad_argument(NULL, value, "a value needs a name");
    }
    if (code == QUERN_OK && holder_of(model, name) != NULL) {
        struct quern_place place = QUERN_PLACE_NONE;
        place.tensor = value->name;
        code =
            quern_fail(model->context, QUERN_INVALID_ARGUMENT, &place,
                       "cannot be renamed: another value is called '%s'", name);
    }
    if (code != QUERN_OK) {
        return code;
    }
    const char *copy = qn_arena_strdup(&model->arena, name);
    if (copy == NULL || !qn_journal_reserve(j, qn_rename_cost(value), 1) ||
        !qn_names_move(model->names, value, value->graph, copy)) {
        return qn_no_memory(model->context);
    }
    qn_rename(j, value, copy);
    qn_touch_graph(value->graph);
    qn_journal_edit(
        j, (struct qn_edit){.kind = QN_EDIT_INTERFACE, .id = value->id});
    return QUERN_OK;
}

/* ------------------------------------------------------ inputs and outputs */

/* Values of the top graph, each once; they end up in the map by their names,
 * which no two values of a graph share. */
static enum quern_code check_values(const struct quern_graph *graph,
                                    struct quern_value *const *values, size_t n,
                                    struct qn_map *named)
{
    struct quern_context *context = graph->model->context;
    enum quern_code code = QUERN_OK;
    if (graph->parent != NULL || graph->function != NULL) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "graph '%s' is not the top graph", graph->name);
    }
    if (!qn_map_reserve(named, n)) {
        return qn_no_memory(context);
    }
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        code = qn_edit_check_value(values[i]);
        if (code == QUERN_OK && values[i]->graph != graph) {
            code = qn_edit_bad_argument(NULL, values[i],
                                        "value does not lie in the top graph");
        }
        if (code == QUERN_OK && qn_map_get(named, values[i]->name) != NULL) {
            code =
                qn_edit_bad_argument(NULL, values[i], "value is named twice");
        }
        if (code == QUERN_OK &&
            !qn_map_set(named, values[i]->name, values[i])) {
            code = qn_no_memory(context);
        }
    }
    return code;
}

static void edit_of(struct quern_graph *graph, const struct quern_value *value)
{
    qn_journal_edit(
        &graph->model->journal,
        (struct qn_edit){.kind = QN_EDIT_INTERFACE, .id = value->id});
}

enum quern_code quern_graph_set_outputs(struct quern_graph *graph,
                                        struct quern_value *const *values,
                                        size_t n)
{
    struct quern_model *model = graph->model;
    struct qn_journal *j = &model->journal;
    struct qn_map named = {0};
    enum quern_code code = check_values(graph, values, n, &named);
    qn_map_finish(&named);
    if (code == QUERN_OK && n == 0) {
        code = quern_fail(model->context, QUERN_INVALID_ARGUMENT, NULL,
                          "a graph needs an output");
    }
    if (code != QUERN_OK) {
        return code;
    }
    struct quern_use **outputs =
        qn_arena_alloc_n(&model->arena, n, sizeof(struct quern_use *));
    struct quern_use *uses = qn_arena_alloc_n(&model->arena, n, sizeof *uses);
    size_t cost = (n + graph->n_outputs) * QN_USE_WRITES + 2;
    if (outputs == NULL || uses == NULL || !qn_journal_reserve(j, cost, n)) {
        return qn_no_memory(model->context);
    }
    for (size_t i = 0; i < graph->n_outputs; i++) {
        qn_use_unlink(j, graph->outputs[i]);
    }
    for (size_t i = 0; i < n; i++) {
        uses[i] = (struct quern_use){.graph = graph, .index = (uint32_t)i};
        outputs[i] = &uses[i];
        qn_use_link(j, &uses[i], values[i]);
    }
    QN_SET(j, graph->outputs, outputs);
    QN_SET(j, graph->n_outputs, n);
    for (size_t i = 0; i < n; i++) {
        edit_of(graph, values[i]);
    }
    return QUERN_OK;
}

/* What becomes an input is made by nobody; what is none any more is not read,
 * or holds a tensor. */
static enum quern_code check_inputs(const struct quern_graph *graph,
                                    struct quern_value *const *values, size_t n)
{
    struct qn_map named = {0};
    enum quern_code code = check_values(graph, values, n, &named);
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        const struct quern_value *v = values[i];
        if (v->producer != NULL || (v->tensor != NULL && !v->is_input)) {
            code = qn_edit_bad_argument(
                v->producer, v,
                v->producer != NULL ? "value is made by a node: no input"
                                    : "value is a constant: no input");
        }
    }
    for (size_t i = 0; i < graph->n_inputs && code == QUERN_OK; i++) {
        const struct quern_value *v = graph->inputs[i];
        if (v->n_uses > 0 && v->tensor == NULL &&
            qn_map_get(&named, v->name) == NULL) {
            code = qn_edit_bad_argument(v->first_use->node, v,
                                        "input is still read");
        }
    }
    qn_map_finish(&named);
    return code;
}

enum quern_code quern_graph_set_inputs(struct quern_graph *graph,
                                       struct quern_value *const *values,
                                       size_t n)
{
    struct quern_model *model = graph->model;
    struct qn_journal *j = &model->journal;
    enum quern_code code = check_inputs(graph, values, n);
    if (code != QUERN_OK) {
        return code;
    }
    struct quern_value **old = graph->inputs;
    size_t n_old = graph->n_inputs;
    struct quern_value **inputs =
        qn_arena_alloc_n(&model->arena, n + 1, sizeof(struct quern_value *));
    if (inputs == NULL || !qn_journal_reserve(j, n + n_old + 3, n + n_old)) {
        return qn_no_memory(model->context);
    }
    for (size_t i = 0; i < n_old; i++) {
        QN_SET(j, old[i]->is_input, false);
    }
    for (size_t i = 0; i < n; i++) {
        inputs[i] = values[i];
        QN_SET(j, values[i]->is_input, true);
    }
    QN_SET(j, graph->inputs, inputs);
    QN_SET(j, graph->n_inputs, n);
    bool freed = false;
    for (size_t i = 0; i < n_old; i++) {
        freed = freed || (!old[i]->is_input && old[i]->tensor != NULL);
        edit_of(graph, old[i]);
    }
    for (size_t i = 0; i < n; i++) {
        edit_of(graph, values[i]);
    }
    if (freed && model->ir_version < 4) {
        QN_SET(j, model->ir_version, 4);
    }
    for (size_t i = 0; i < n_old && code == QUERN_OK; i++) {
        if (!old[i]->is_input && old[i]->tensor == NULL) {
            code = quern_value_erase(old[i]);
        }
    }
    return code;
}

const struct quern_expr *quern_model_symbol(struct quern_model *model,
                                            const char *name)
{
    const struct quern_expr *symbol = qn_expr_symbol(model, name);
    if (symbol == NULL) {
        enum quern_code code = qn_no_memory(model->context);
        (void)code; /* told by NULL */
    }
    return symbol;
}
