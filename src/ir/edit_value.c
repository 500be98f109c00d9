/* Edits of values: making, replacing, constants, types; opsets, metadata. */
#include "ir/build.h"
#include "ir/edit.h"
#include "ir/names.h"

#include <string.h>

static enum quern_code check_graph(const struct quern_graph *graph)
{
    const struct quern_graph *g = graph;
    while (g->function == NULL && g->parent != NULL) {
        g = g->parent->graph;
    }
    if (g->function == NULL) {
        return QUERN_OK;
    }
    return quern_fail(graph->model->context, QUERN_UNSUPPORTED, NULL,
                      "edit inside model function '%s'", g->function->name);
}

/* A value that is entered and linked, but still marked as erased: what undoing
 * leaves. NULL: no memory. */
static struct quern_value *new_value(struct quern_graph *graph,
                                     const char *name)
{
    struct quern_model *model = graph->model;
    struct quern_value *value =
        qn_arena_alloc_line(&model->arena, sizeof *value);
    const char *unique = value != NULL ? qn_names_unique(model, name) : NULL;
    if (unique == NULL || !qn_journal_reserve(&model->journal, 12, 1) ||
        !qn_index_reserve_value(model)) {
        return NULL;
    }
    value->graph = graph;
    value->name = unique;
    value->erased = true;
    if (!qn_names_add(model->names, value)) {
        return NULL;
    }
    value->id = model->next_value_id++;
    qn_index_enter_value(value);
    if (graph->last_value != NULL) {
        QN_SET(&model->journal, graph->last_value->next_value, value);
    } else {
        QN_SET(&model->journal, graph->first_value, value);
    }
    QN_SET(&model->journal, graph->last_value, value);
    QN_SET(&model->journal, value->erased, false);
    QN_SET(&model->journal, *qn_index_unread_of(&model->index, value->id), 1);
    return value;
}

enum quern_code quern_value_create(struct quern_graph *graph, const char *name,
                                   struct quern_value **out_value)
{
    enum quern_code code = check_graph(graph);
    if (code != QUERN_OK) {
        return code;
    }
    struct quern_value *value = new_value(graph, name);
    if (value == NULL) {
        return qn_no_memory(graph->model->context);
    }
    qn_journal_edit(
        &graph->model->journal,
        (struct qn_edit){.kind = QN_EDIT_VALUE_CREATE, .id = value->id});
    *out_value = value;
    return QUERN_OK;
}

/* Before IR version 4 every initializer had to be an input as well: one that is
 * not needs 4. At most 6 writes. */
static void link_initializer(struct qn_journal *j, struct quern_value *value)
{
    struct quern_graph *graph = value->graph;
    if (graph->model->ir_version < 4) {
        QN_SET(j, graph->model->ir_version, 4);
    }
    QN_SET(j, value->prev_init, graph->last_init);
    QN_SET(j, value->next_init, NULL);
    if (graph->last_init != NULL) {
        QN_SET(j, graph->last_init->next_init, value);
    } else {
        QN_SET(j, graph->first_init, value);
    }
    QN_SET(j, graph->last_init, value);
}

enum quern_code quern_constant_create(struct quern_graph *graph,
                                      const char *name,
                                      struct quern_tensor *tensor,
                                      struct quern_value **out_value)
{
    struct quern_model *model = graph->model;
    struct qn_journal *j = &model->journal;
    enum quern_code code = check_graph(graph);
    if (code != QUERN_OK) {
        return code;
    }
    const struct qn_type *type = qn_type_of_tensor(model, tensor);
    if (type == NULL || !qn_journal_reserve(j, 12 + qn_touch_cost(graph), 1)) {
        return qn_no_memory(model->context);
    }
    struct quern_value *value = new_value(graph, name);
    if (value == NULL || !qn_journal_reserve(j, 12 + qn_touch_cost(graph), 1)) {
        return qn_no_memory(model->context);
    }
    value->type = type;
    QN_SET(j, value->tensor, quern_tensor_retain(tensor));
    link_initializer(j, value);
    qn_touch_graph(graph);
    qn_journal_edit(j, (struct qn_edit){.kind = QN_EDIT_VALUE_CREATE,
                                        .id = value->id,
                                        .added = tensor});
    *out_value = value;
    return QUERN_OK;
}

enum quern_code quern_value_set_constant(struct quern_value *value,
                                         struct quern_tensor *tensor,
                                         bool same_value)
{
    struct quern_model *model = value->graph->model;
    struct qn_journal *j = &model->journal;
    enum quern_code code = qn_edit_check_value(value);
    bool is_new = value->prev_init == NULL && value->graph->first_init != value;
    if (code == QUERN_OK &&
        (value->producer != NULL || (is_new && value->is_input))) {
        code = qn_edit_bad_argument(
            NULL, value,
            "value is no initializer: a node or the caller "
            "gives it");
    }
    if (code != QUERN_OK) {
        return code;
    }
    size_t cost = 9 + qn_tables_cost(model) + qn_touch_cost(value->graph);
    const struct qn_type *type = qn_type_of_tensor(model, tensor);
    if (type == NULL || !qn_journal_reserve(j, cost, cost)) {
        return qn_no_memory(model->context);
    }
    struct quern_tensor *old = value->tensor;
    if (is_new) {
        link_initializer(j, value);
    }
    QN_SET(j, value->tensor, quern_tensor_retain(tensor));
    QN_SET(j, value->type, type);
    QN_SET(j, value->tensor_origin.data, NULL);
    if (!same_value) {
        qn_tables_drop(model, false, value->id);
    }
    qn_touch_graph(value->graph);
    qn_journal_edit(j, (struct qn_edit){.kind = QN_EDIT_CONSTANT,
                                        .id = value->id,
                                        .dropped = old,
                                        .added = tensor});
    return QUERN_OK;
}

enum quern_code quern_value_freeze(struct quern_value *value)
{
    struct quern_graph *graph = value->graph;
    struct quern_model *model = graph->model;
    struct qn_journal *j = &model->journal;
    enum quern_code code = qn_edit_check_value(value);
    if (code == QUERN_OK &&
        (!value->is_input || value->tensor == NULL || graph->parent != NULL)) {
        code = qn_edit_bad_argument(
            NULL, value,
            "value is no initializer that is also an input of "
            "the top graph");
    }
    if (code != QUERN_OK) {
        return code;
    }
    struct quern_value **inputs =
        qn_arena_alloc_n(&model->arena, graph->n_inputs, sizeof *inputs);
    if (inputs == NULL || !qn_journal_reserve(j, 4, 1)) {
        return qn_no_memory(model->context);
    }
    size_t n = 0;
    for (size_t i = 0; i < graph->n_inputs; i++) {
        if (graph->inputs[i] != value) {
            inputs[n++] = graph->inputs[i];
        }
    }
    QN_SET(j, graph->inputs, inputs);
    QN_SET(j, graph->n_inputs, n);
    QN_SET(j, value->is_input, false);
    if (model->ir_version < 4) {
        QN_SET(j, model->ir_version, 4);
    }
    qn_journal_edit(
        j, (struct qn_edit){.kind = QN_EDIT_CONSTANT, .id = value->id});
    return QUERN_OK;
}

static void unlink_initializer(struct qn_journal *j, struct quern_value *value)
{
    struct quern_graph *graph = value->graph;
    if (value->prev_init != NULL) {
        QN_SET(j, value->prev_init->next_init, value->next_init);
    } else {
        QN_SET(j, graph->first_init, value->next_init);
    }
    if (value->next_init != NULL) {
        QN_SET(j, value->next_init->prev_init, value->prev_init);
    } else {
        QN_SET(j, graph->last_init, value->prev_init);
    }
}

enum quern_code quern_value_erase(struct quern_value *value)
{
    struct quern_model *model = value->graph->model;
    struct qn_journal *j = &model->journal;
    enum quern_code code = qn_edit_check_value(value);
    if (code == QUERN_OK &&
        (value->producer != NULL || value->n_uses > 0 || value->is_input)) {
        struct quern_place place = QUERN_PLACE_NONE;
        place.tensor = value->name;
        code = quern_fail(model->context, QUERN_INVALID_ARGUMENT, &place,
                          "erased value is in use");
    }
    if (code != QUERN_OK) {
        return code;
    }
    size_t cost = 5 + qn_tables_cost(model) + qn_touch_cost(value->graph);
    if (!qn_journal_reserve(j, cost, cost)) {
        return qn_no_memory(model->context);
    }
    struct quern_tensor *old = value->tensor;
    if (old != NULL) {
        unlink_initializer(j, value);
        QN_SET(j, value->tensor, NULL);
    }
    QN_SET(j, value->erased, true);
    QN_SET(j, *qn_index_unread_of(&model->index, value->id), 0);
    qn_tables_drop(model, false, value->id);
    qn_touch_graph(value->graph);
    qn_journal_edit(j, (struct qn_edit){.kind = QN_EDIT_VALUE_ERASE,
                                        .id = value->id,
                                        .dropped = old});
    return QUERN_OK;
}

/* ---------------------------------------------------------- replacement */

enum quern_code quern_replace_uses(struct quern_value *old,
                                   struct quern_value *value, bool same_value)
{
    struct quern_model *model = old->graph->model;
    struct qn_mark mark = qn_journal_mark(model);
    enum quern_code code = qn_edit_check_value(old);
    const struct quern_use *next = NULL;
    for (const struct quern_use *use = old->first_use;
         use != NULL && code == QUERN_OK; use = next) {
        next = use->next;
        if (use->node != NULL) {
            code = quern_node_set_input(use->node, use->index, value);
        }
    }
    size_t cost = qn_tables_cost(model);
    if (code == QUERN_OK && same_value) {
        if (qn_journal_reserve(&model->journal, cost, cost)) {
            qn_tables_move(model, old->id, value->id);
        } else {
            code = qn_no_memory(model->context);
        }
    }
    if (code != QUERN_OK) {
        qn_journal_undo(model, mark);
    }
    return code;
}

/* `old` = Identity(value), standing where both are known. */
static enum quern_code bridge(struct quern_value *old,
                              struct quern_value *value)
{
    struct quern_graph *graph = old->graph;
    struct quern_node *after = value->producer;
    struct quern_node *before = old->producer;
    if (after != NULL && after->graph == graph &&
        (before == NULL || after->order >= before->order)) {
        before = after->next;
    }
    struct quern_value *temporary = NULL;
    struct quern_node *node = NULL;
    enum quern_code code = quern_value_create(graph, old->name, &temporary);
    if (code == QUERN_OK) {
        code = quern_node_create(graph, before, "Identity", "", &value, 1,
                                 &temporary, 1, &node);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_output(node, 0, old);
    }
    if (code == QUERN_OK) {
        code = quern_value_erase(temporary);
    }
    return code;
}

static enum quern_code take_name(struct quern_value *old,
                                 struct quern_value *value, bool same_value)
{
    if (value->producer == NULL || value->graph != old->graph ||
        quern_value_is_graph_output(value)) {
        return bridge(old, value);
    }
    struct quern_node *node = value->producer;
    size_t index = value->output_index;
    enum quern_code code = quern_replace_uses(value, old, same_value);
    if (code == QUERN_OK) {
        code = quern_node_set_output(node, index, old);
    }
    return code;
}

enum quern_code quern_replace_value(struct quern_value *old,
                                    struct quern_value *value, bool same_value)
{
    if (old == value) {
        return QUERN_OK;
    }
    struct quern_model *model = old->graph->model;
    struct qn_mark mark = qn_journal_mark(model);
    enum quern_code code = quern_replace_uses(old, value, same_value);
    if (code == QUERN_OK && quern_value_is_graph_output(old)) {
        code = take_name(old, value, same_value);
    }
    if (code != QUERN_OK) {
        qn_journal_undo(model, mark);
    }
    return code;
}

/* ---------------------------------------------------------------- types */

static enum quern_code set_type(struct quern_value *value,
                                const struct qn_type *type)
{
    struct quern_model *model = value->graph->model;
    size_t cost = 2 + qn_touch_cost(value->graph);
    if (!qn_journal_reserve(&model->journal, cost, 1)) {
        return qn_no_memory(model->context);
    }
    QN_SET(&model->journal, value->type, type);
    QN_SET(&model->journal, value->given, type);
    bool is_new = (value->is_input || quern_value_is_graph_output(value)) &&
                  qn_value_is_stale(value);
    if (is_new) {
        qn_touch_graph(value->graph);
    }
    qn_journal_edit(
        &model->journal,
        (struct qn_edit){.kind = is_new ? QN_EDIT_INTERFACE : QN_EDIT_TYPE,
                         .id = value->id});
    return QUERN_OK;
}

enum quern_code quern_value_set_type(struct quern_value *value,
                                     enum quern_dtype dtype, int rank,
                                     const struct quern_dim *dims)
{
    struct quern_model *model = value->graph->model;
    enum quern_code code = qn_edit_check_value(value);
    if (code != QUERN_OK) {
        return code;
    }
    const struct qn_type *type = qn_type_tensor(model, dtype, rank, dims);
    return type != NULL ? set_type(value, type) : qn_no_memory(model->context);
}

enum quern_code quern_value_copy_type(struct quern_value *value,
                                      const struct quern_value *from)
{
    enum quern_code code = qn_edit_check_value(value);
    return code == QUERN_OK ? set_type(value, qn_value_type(from)) : code;
}

/* ------------------------------------------------------ opsets, metadata */

enum quern_code quern_model_set_opset(struct quern_model *model,
                                      const char *domain, int64_t version)
{
    struct qn_journal *j = &model->journal;
    if (strcmp(domain, "ai.onnx") == 0) {
        domain = "";
    }
    size_t i = 0;
    while (i < model->n_opsets &&
           strcmp(model->opsets[i].domain, domain) != 0) {
        i++;
    }
    size_t n = i < model->n_opsets ? model->n_opsets : i + 1;
    struct qn_opset *copy = qn_arena_alloc_n(&model->arena, n, sizeof *copy);
    const char *name = qn_arena_strdup(&model->arena, domain);
    if (copy == NULL || name == NULL || !qn_journal_reserve(j, 3, 1)) {
        return qn_no_memory(model->context);
    }
    if (model->n_opsets > 0) {
        memcpy(copy, model->opsets, model->n_opsets * sizeof *copy);
    }
    copy[i] = (struct qn_opset){name, version, {NULL, 0}};
    QN_SET(j, model->opsets, copy);
    QN_SET(j, model->n_opsets, n);
    int64_t ir = *domain == '\0' ? qn_schema_ir_for_opset(version) : 0;
    QN_SET(j, model->ir_version,
           ir > model->ir_version ? ir : model->ir_version);
    qn_journal_edit(j, (struct qn_edit){.kind = QN_EDIT_OPSET});
    return QUERN_OK;
}

enum quern_code quern_model_set_metadata(struct quern_model *model,
                                         const char *key, const char *value)
{
    struct qn_journal *j = &model->journal;
    struct qn_metadata **slot = &model->metadata;
    while (*slot != NULL && strcmp((*slot)->key, key) != 0) {
        slot = &(*slot)->next;
    }
    if (*slot == NULL && value == NULL) {
        return QUERN_OK;
    }
    struct qn_metadata *next = *slot != NULL ? (*slot)->next : NULL;
    struct qn_metadata *entry = next;
    if (value != NULL) {
        entry = qn_arena_alloc(&model->arena, sizeof *entry);
        if (entry == NULL) {
            return qn_no_memory(model->context);
        }
        entry->key = qn_arena_strdup(&model->arena, key);
        entry->value = qn_arena_strdup(&model->arena, value);
        entry->next = next;
    }
    if ((value != NULL && (entry->key == NULL || entry->value == NULL)) ||
        !qn_journal_reserve(j, 1, 1)) {
        return qn_no_memory(model->context);
    }
    QN_SET(j, *slot, entry);
    qn_journal_edit(j, (struct qn_edit){.kind = QN_EDIT_METADATA});
    return QUERN_OK;
}
