/* Edits of nodes: making, inputs and outputs, operator and name. */
#include "ir/build.h"
#include "ir/edit.h"
#include "ir/names.h"

#include <string.h>

/* Split "domain.Op" at its last dot; the domain is copied into the arena. */
static struct qn_op_name split_op(struct quern_model *model, const char *op)
{
    const char *dot = strrchr(op, '.');
    if (dot == NULL) {
        return (struct qn_op_name){"", op};
    }
    const char *domain =
        qn_arena_strndup(&model->arena, op, (size_t)(dot - op));
    return (struct qn_op_name){domain, domain != NULL ? dot + 1 : NULL};
}

static enum quern_code
check_new_node(struct quern_graph *graph, const struct quern_node *before,
               struct quern_value *const *inputs, size_t n_inputs,
               struct quern_value *const *outputs, size_t n_outputs)
{
    enum quern_code code = QUERN_OK;
    if (before != NULL) {
        code = before->graph != graph
                   ? qn_edit_bad_argument(before, NULL, "node of another graph")
                   : qn_edit_check_node(before);
    }
    for (size_t i = 0; i < n_inputs && code == QUERN_OK; i++) {
        code = qn_edit_check_readable(graph, inputs[i]);
    }
    for (size_t i = 0; i < n_outputs && code == QUERN_OK; i++) {
        const struct quern_value *v = outputs[i];
        if (v == NULL) {
            continue;
        }
        code = qn_edit_check_value(v);
        if (code == QUERN_OK && (v->graph != graph || v->producer != NULL ||
                                 v->is_input || v->tensor != NULL)) {
            code = qn_edit_bad_argument(
                NULL, v,
                "output of a new node must be a value of its "
                "graph without producer");
        }
    }
    return code;
}

/* Tell the index whether the node makes anything: one write. */
static void note_outputs(struct quern_node *node)
{
    struct quern_model *model = node->graph->model;
    unsigned char is_mute = 1;
    for (size_t i = 0; i < node->n_outputs; i++) {
        is_mute = node->outputs[i] != NULL ? 0 : is_mute;
    }
    QN_SET(&model->journal, *qn_index_mute_of(&model->index, node->id),
           is_mute);
}

enum quern_code
qn_node_create_op(struct quern_graph *graph, struct quern_node *before,
                  struct qn_op_name op, const char *name,
                  struct quern_value *const *inputs, size_t n_inputs,
                  struct quern_value *const *outputs, size_t n_outputs,
                  struct quern_node **out_node)
{
    struct quern_model *model = graph->model;
    struct qn_journal *j = &model->journal;
    enum quern_code code =
        check_new_node(graph, before, inputs, n_inputs, outputs, n_outputs);
    if (code != QUERN_OK) {
        return code;
    }
    const char *unique = *name == '\0' ? "" : qn_names_unique(model, name);
    uint32_t op_id = 0;
    struct quern_node *node =
        op.type == NULL || unique == NULL
            ? NULL
            : qn_node_alloc(graph, op.domain, op.type, unique, n_inputs,
                            n_outputs, &op_id);
    if (node == NULL ||
        (*unique != '\0' && !qn_names_take(model->names, node->name))) {
        return qn_no_memory(model->context);
    }
    size_t writes = 3 + qn_order_cost(graph, before) +
                    n_inputs * QN_USE_WRITES + n_outputs * 4 +
                    qn_touch_cost(graph);
    if (!qn_journal_reserve(j, writes, 1)) {
        return qn_no_memory(model->context);
    }
    node->id = model->next_node_id++;
    node->erased = true; /* what undoing leaves */
    QN_SET(j, node->erased, false);
    qn_index_enter_node(node);
    QN_SET(j, *qn_index_op_of(&model->index, node->id), op_id);
    qn_order_insert(graph, node, before);
    for (size_t i = 0; i < n_inputs; i++) {
        qn_use_link(j, node->inputs[i], inputs[i]);
    }
    for (size_t i = 0; i < n_outputs; i++) {
        QN_SET(j, node->outputs[i], outputs[i]);
        if (outputs[i] != NULL) {
            qn_value_set_producer(outputs[i], node);
            QN_SET(j, outputs[i]->output_index, (uint32_t)i);
        }
    }
    note_outputs(node);
    qn_touch_graph(graph);
    qn_journal_edit(
        j, (struct qn_edit){.kind = QN_EDIT_NODE_CREATE, .id = node->id});
    *out_node = node;
    return QUERN_OK;
}

enum quern_code
quern_node_create(struct quern_graph *graph, struct quern_node *before,
                  const char *op, const char *name,
                  struct quern_value *const *inputs, size_t n_inputs,
                  struct quern_value *const *outputs, size_t n_outputs,
                  struct quern_node **out_node)
{
    return qn_node_create_op(graph, before, split_op(graph->model, op), name,
                             inputs, n_inputs, outputs, n_outputs, out_node);
}

enum quern_code
quern_node_create_like(struct quern_graph *graph, struct quern_node *before,
                       const struct quern_node *from, const char *name,
                       struct quern_value *const *inputs, size_t n_inputs,
                       struct quern_value *const *outputs, size_t n_outputs,
                       struct quern_node **out_node)
{
    if (from->graph->model != graph->model) {
        return qn_edit_bad_argument(from, NULL, "node of another model");
    }
    enum quern_code code = qn_node_create_op(
        graph, before, (struct qn_op_name){from->domain, from->op}, name,
        inputs, n_inputs, outputs, n_outputs, out_node);
    if (code == QUERN_OK) {
        (*out_node)->overload = from->overload; /* it is new: no journal */
    }
    return code;
}

/* ----------------------------------------------------- inputs and outputs */

/* Room for one input more; the new use is empty. False: no memory. */
static bool add_input(struct quern_node *node)
{
    struct quern_model *model = node->graph->model;
    size_t n = node->n_inputs;
    struct quern_use **grown =
        qn_arena_alloc_n(&model->arena, n + 1, sizeof *grown);
    struct quern_use *use = qn_arena_alloc(&model->arena, sizeof *use);
    if (grown == NULL || use == NULL) {
        return false;
    }
    if (n > 0) {
        memcpy(grown, node->inputs, n * sizeof *grown);
    }
    use->node = node;
    use->index = (uint32_t)n;
    grown[n] = use;
    QN_SET(&model->journal, node->inputs, grown);
    QN_SET(&model->journal, node->n_inputs, n + 1);
    return true;
}

enum quern_code quern_node_set_input(struct quern_node *node, size_t i,
                                     struct quern_value *value)
{
    struct quern_model *model = node->graph->model;
    struct qn_journal *j = &model->journal;
    enum quern_code code = qn_edit_check_node(node);
    if (code == QUERN_OK) {
        code = qn_edit_check_readable(node->graph, value);
    }
    if (code == QUERN_OK && i > node->n_inputs) {
        code = qn_edit_bad_argument(node, value, "input number beyond the end");
    }
    if (code != QUERN_OK || quern_node_input(node, i) == value) {
        return code;
    }
    size_t writes =
        QN_USE_WRITES + 3 + node->n_inputs + qn_touch_cost(node->graph);
    if (!qn_journal_reserve(j, writes, 1) ||
        (i == node->n_inputs && !add_input(node))) {
        return qn_no_memory(model->context);
    }
    qn_use_unlink(j, node->inputs[i]);
    qn_use_link(j, node->inputs[i], value);
    size_t n = node->n_inputs;
    while (value == NULL && n > 0 && node->inputs[n - 1]->value == NULL) {
        n--; /* trailing left-out inputs are dropped */
    }
    QN_SET(j, node->n_inputs, n);
    qn_touch_node(node);
    qn_journal_edit(j, (struct qn_edit){.kind = QN_EDIT_INPUT, .id = node->id});
    return QUERN_OK;
}

static bool add_output(struct quern_node *node)
{
    struct quern_model *model = node->graph->model;
    size_t n = node->n_outputs;
    struct quern_value **grown =
        qn_arena_alloc_n(&model->arena, n + 1, sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    if (n > 0) {
        memcpy(grown, node->outputs, n * sizeof *grown);
    }
    QN_SET(&model->journal, node->outputs, grown);
    QN_SET(&model->journal, node->n_outputs, n + 1);
    return true;
}

/* Nothing is left to do, unless outputs at the end are to go. */
static bool is_as_told(const struct quern_node *node, size_t i,
                       const struct quern_value *value)
{
    return quern_node_output(node, i) == value &&
           (value != NULL || qn_node_n_told_outputs(node) == node->n_outputs);
}

enum quern_code quern_node_set_output(struct quern_node *node, size_t i,
                                      struct quern_value *value)
{
    struct quern_model *model = node->graph->model;
    struct qn_journal *j = &model->journal;
    enum quern_code code = qn_edit_check_node(node);
    if (code == QUERN_OK && value != NULL) {
        code = qn_edit_check_value(value);
    }
    if (code == QUERN_OK &&
        (i > node->n_outputs ||
         (value != NULL && (value->graph != node->graph || value->is_input ||
                            quern_value_is_initializer(value))))) {
        code = qn_edit_bad_argument(
            node, value,
            "output must be a value of the node's graph that "
            "a node can make");
    }
    if (code != QUERN_OK || is_as_told(node, i, value)) {
        return code;
    }
    if (!qn_journal_reserve(j, 13 + 2 * qn_touch_cost(node->graph), 1) ||
        (i == node->n_outputs && !add_output(node))) {
        return qn_no_memory(model->context);
    }
    if (node->outputs[i] != NULL) {
        qn_index_touch_readers(node->outputs[i], QN_TOUCHED_LINKS);
        qn_value_set_producer(node->outputs[i], NULL);
    }
    QN_SET(j, node->outputs[i], value);
    if (value != NULL) {
        struct quern_node *old = value->producer;
        if (old != NULL) {
            QN_SET(j, old->outputs[value->output_index], NULL);
            note_outputs(old);
            qn_touch_node(old);
        }
        qn_value_set_producer(value, node);
        QN_SET(j, value->output_index, (uint32_t)i);
    } else {
        QN_SET(j, node->n_outputs, qn_node_n_told_outputs(node));
    }
    note_outputs(node);
    qn_touch_node(node);
    qn_journal_edit(j,
                    (struct qn_edit){.kind = QN_EDIT_OUTPUT, .id = node->id});
    return QUERN_OK;
}

/* ------------------------------------------------------ operator and name */

enum quern_code quern_node_set_op(struct quern_node *node, const char *op)
{
    struct quern_model *model = node->graph->model;
    enum quern_code code = qn_edit_check_node(node);
    if (code != QUERN_OK) {
        return code;
    }
    const struct qn_op_name split = split_op(model, op);
    const struct qn_op_type *shared =
        split.type != NULL ? qn_index_op(model, split.domain, split.type)
                           : NULL;
    if (shared == NULL ||
        !qn_journal_reserve(&model->journal, 3 + qn_touch_cost(node->graph),
                            1)) {
        return qn_no_memory(model->context);
    }
    QN_SET(&model->journal, node->op, shared->op);
    QN_SET(&model->journal, node->domain, shared->domain);
    QN_SET(&model->journal, *qn_index_op_of(&model->index, node->id),
           shared->id);
    qn_touch_node(node);
    qn_journal_edit(&model->journal,
                    (struct qn_edit){.kind = QN_EDIT_NODE_OP, .id = node->id});
    return QUERN_OK;
}

enum quern_code quern_node_set_name(struct quern_node *node, const char *name)
{
    struct quern_model *model = node->graph->model;
    enum quern_code code = qn_edit_check_node(node);
    if (code != QUERN_OK) {
        return code;
    }
    const char *copy = qn_arena_strdup(&model->arena, name);
    if (copy == NULL || (*copy != '\0' && !qn_names_take(model->names, copy)) ||
        !qn_journal_reserve(&model->journal, 1 + qn_touch_cost(node->graph),
                            1)) {
        return qn_no_memory(model->context);
    }
    QN_SET(&model->journal, node->name, copy);
    qn_touch_node(node);
    qn_journal_edit(&model->journal,
                    (struct qn_edit){.kind = QN_EDIT_NODE_OP, .id = node->id});
    return QUERN_OK;
}
