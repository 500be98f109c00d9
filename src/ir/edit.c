/* Edits of nodes and their connections. Every field write goes through the
 * write log, and room for all writes of an edit is made before the first one:
 * an edit happens whole or not at all. Composite edits go back to a mark. */
#include "ir/edit.h"

#include "ir/build.h"
#include "ir/names.h"

#include <string.h>

#define ORDER_GAP (INT64_C(1) << 32)

/* Write a field through the log. Each argument is evaluated once but for the
 * address of `field`. */
#define SET(journal, field, value)                                             \
    do {                                                                       \
        qn_journal_write((journal), &(field), sizeof(field));                  \
        (field) = (value);                                                     \
    } while (0)

/* --------------------------------------------------------------- checks */

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

static enum quern_code bad_argument(const struct quern_node *node,
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

/* A value that `node` may read: not erased, of this graph or one around it. */
static enum quern_code check_readable(const struct quern_graph *graph,
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
    return bad_argument(NULL, value, "value lies in a graph out of reach");
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
        SET(journal, node->origin.data, NULL);
        node = node->graph->parent;
    }
}

void qn_touch_graph(struct quern_graph *graph)
{
    if (graph->parent != NULL) {
        qn_touch_node(graph->parent);
    }
}

/* At most 6 writes. */
static void link_use(struct qn_journal *j, struct quern_use *use,
                     struct quern_value *value)
{
    SET(j, use->value, value);
    if (value == NULL) {
        return;
    }
    SET(j, use->prev, value->last_use);
    SET(j, use->next, NULL);
    if (value->last_use != NULL) {
        SET(j, value->last_use->next, use);
    } else {
        SET(j, value->first_use, use);
    }
    SET(j, value->last_use, use);
    SET(j, value->n_uses, value->n_uses + 1);
}

/* At most 4 writes. */
static void unlink_use(struct qn_journal *j, struct quern_use *use)
{
    struct quern_value *value = use->value;
    if (value == NULL) {
        return;
    }
    if (use->prev != NULL) {
        SET(j, use->prev->next, use->next);
    } else {
        SET(j, value->first_use, use->next);
    }
    if (use->next != NULL) {
        SET(j, use->next->prev, use->prev);
    } else {
        SET(j, value->last_use, use->prev);
    }
    SET(j, value->n_uses, value->n_uses - 1);
    SET(j, use->value, NULL);
}

enum { USE_WRITES = 10 }; /* unlink + link */

/* ---------------------------------------------------------------- order */

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
        SET(&graph->model->journal, n->order, order);
        order += ORDER_GAP;
    }
}

/* Put a node that stands nowhere in front of `before`. At most 6 writes and, if
 * there is no gap left, one for each node: `room` says so. */
static void insert(struct quern_graph *graph, struct quern_node *node,
                   struct quern_node *before)
{
    struct qn_journal *j = &graph->model->journal;
    struct quern_node *prev = before != NULL ? before->prev : graph->last;
    bool fits = true;
    SET(j, node->order, order_between(prev, before, &fits));
    SET(j, node->prev, prev);
    SET(j, node->next, before);
    if (prev != NULL) {
        SET(j, prev->next, node);
    } else {
        SET(j, graph->first, node);
    }
    if (before != NULL) {
        SET(j, before->prev, node);
    } else {
        SET(j, graph->last, node);
    }
    SET(j, graph->n_nodes, graph->n_nodes + 1);
    if (!fits) {
        renumber(graph);
    }
}

static size_t insert_cost(const struct quern_graph *graph,
                          const struct quern_node *before)
{
    bool fits = true;
    const struct quern_node *prev = before != NULL ? before->prev : graph->last;
    (void)order_between(prev, before, &fits);
    return 7 + (fits ? 0 : graph->n_nodes + 1);
}

/* At most 3 writes. */
static void take_out(struct quern_node *node)
{
    struct quern_graph *graph = node->graph;
    struct qn_journal *j = &graph->model->journal;
    if (node->prev != NULL) {
        SET(j, node->prev->next, node->next);
    } else {
        SET(j, graph->first, node->next);
    }
    if (node->next != NULL) {
        SET(j, node->next->prev, node->prev);
    } else {
        SET(j, graph->last, node->prev);
    }
    SET(j, graph->n_nodes, graph->n_nodes - 1);
}

enum quern_code quern_node_move(struct quern_node *node,
                                struct quern_node *before)
{
    struct quern_graph *graph = node->graph;
    enum quern_code code = qn_edit_check_node(node);
    if (code == QUERN_OK && before != NULL) {
        code = before->graph == graph
                   ? qn_edit_check_node(before)
                   : bad_argument(node, NULL, "move to another graph");
    }
    if (code != QUERN_OK || before == node || node->next == before) {
        return code;
    }
    if (!qn_journal_reserve(&graph->model->journal,
                            3 + 7 + graph->n_nodes + qn_touch_cost(graph), 1)) {
        return qn_no_memory(graph->model->context);
    }
    take_out(node);
    insert(graph, node, before);
    qn_touch_graph(graph);
    qn_journal_edit(
        &graph->model->journal,
        (struct qn_edit){.kind = QN_EDIT_NODE_MOVE, .id = node->id});
    return QUERN_OK;
}

/* --------------------------------------------------------------- create */

/* Split "domain.Op" at its last dot; the domain is copied into the arena. */
static const char *split_op(struct quern_model *model, const char *op,
                            const char **out_domain)
{
    const char *dot = strrchr(op, '.');
    *out_domain = "";
    if (dot == NULL) {
        return op;
    }
    *out_domain = qn_arena_strndup(&model->arena, op, (size_t)(dot - op));
    return *out_domain != NULL ? dot + 1 : NULL;
}

static enum quern_code
check_new_node(struct quern_graph *graph, const struct quern_node *before,
               struct quern_value *const *inputs, size_t n_inputs,
               struct quern_value *const *outputs, size_t n_outputs)
{
    enum quern_code code = QUERN_OK;
    if (before != NULL) {
        code = before->graph != graph
                   ? bad_argument(before, NULL, "node of another graph")
                   : qn_edit_check_node(before);
    }
    for (size_t i = 0; i < n_inputs && code == QUERN_OK; i++) {
        code = check_readable(graph, inputs[i]);
    }
    for (size_t i = 0; i < n_outputs && code == QUERN_OK; i++) {
        const struct quern_value *v = outputs[i];
        if (v == NULL) {
            continue;
        }
        code = qn_edit_check_value(v);
        if (code == QUERN_OK && (v->graph != graph || v->producer != NULL ||
                                 v->is_input || v->tensor != NULL)) {
            code = bad_argument(NULL, v,
                                "output of a new node must be a value of its "
                                "graph without producer");
        }
    }
    return code;
}

enum quern_code
quern_node_create(struct quern_graph *graph, struct quern_node *before,
                  const char *op, const char *name,
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
    const char *domain = NULL;
    const char *type = split_op(model, op, &domain);
    const char *unique = *name == '\0' ? "" : qn_names_unique(model, name);
    struct quern_node *node =
        type == NULL || unique == NULL
            ? NULL
            : qn_node_alloc(graph, domain, type, unique, n_inputs, n_outputs);
    if (node == NULL ||
        (*unique != '\0' && !qn_names_take(model->names, node->name))) {
        return qn_no_memory(model->context);
    }
    size_t writes = 1 + insert_cost(graph, before) + n_inputs * USE_WRITES +
                    n_outputs * 3 + qn_touch_cost(graph);
    if (!qn_journal_reserve(j, writes, 1)) {
        return qn_no_memory(model->context);
    }
    node->id = model->next_node_id++;
    node->erased = true; /* what undoing leaves */
    SET(j, node->erased, false);
    insert(graph, node, before);
    for (size_t i = 0; i < n_inputs; i++) {
        link_use(j, node->inputs[i], inputs[i]);
    }
    for (size_t i = 0; i < n_outputs; i++) {
        SET(j, node->outputs[i], outputs[i]);
        if (outputs[i] != NULL) {
            SET(j, outputs[i]->producer, node);
            SET(j, outputs[i]->output_index, (uint32_t)i);
        }
    }
    qn_touch_graph(graph);
    qn_journal_edit(
        j, (struct qn_edit){.kind = QN_EDIT_NODE_CREATE, .id = node->id});
    *out_node = node;
    return QUERN_OK;
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
    SET(&model->journal, node->inputs, grown);
    SET(&model->journal, node->n_inputs, n + 1);
    return true;
}

enum quern_code quern_node_set_input(struct quern_node *node, size_t i,
                                     struct quern_value *value)
{
    struct quern_model *model = node->graph->model;
    struct qn_journal *j = &model->journal;
    enum quern_code code = qn_edit_check_node(node);
    if (code == QUERN_OK) {
        code = check_readable(node->graph, value);
    }
    if (code == QUERN_OK && i > node->n_inputs) {
        code = bad_argument(node, value, "input number beyond the end");
    }
    if (code != QUERN_OK || quern_node_input(node, i) == value) {
        return code;
    }
    size_t writes =
        USE_WRITES + 3 + node->n_inputs + qn_touch_cost(node->graph);
    if (!qn_journal_reserve(j, writes, 1) ||
        (i == node->n_inputs && !add_input(node))) {
        return qn_no_memory(model->context);
    }
    unlink_use(j, node->inputs[i]);
    link_use(j, node->inputs[i], value);
    size_t n = node->n_inputs;
    while (value == NULL && n > 0 && node->inputs[n - 1]->value == NULL) {
        n--; /* trailing left-out inputs are dropped */
    }
    SET(j, node->n_inputs, n);
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
    SET(&model->journal, node->outputs, grown);
    SET(&model->journal, node->n_outputs, n + 1);
    return true;
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
        code = bad_argument(node, value,
                            "output must be a value of the node's graph that "
                            "a node can make");
    }
    if (code != QUERN_OK || quern_node_output(node, i) == value) {
        return code;
    }
    if (!qn_journal_reserve(j, 8 + 2 * qn_touch_cost(node->graph), 1) ||
        (i == node->n_outputs && !add_output(node))) {
        return qn_no_memory(model->context);
    }
    if (node->outputs[i] != NULL) {
        SET(j, node->outputs[i]->producer, NULL);
    }
    SET(j, node->outputs[i], value);
    if (value != NULL) {
        struct quern_node *old = value->producer;
        if (old != NULL) {
            SET(j, old->outputs[value->output_index], NULL);
            qn_touch_node(old);
        }
        SET(j, value->producer, node);
        SET(j, value->output_index, (uint32_t)i);
    }
    qn_touch_node(node);
    qn_journal_edit(j,
                    (struct qn_edit){.kind = QN_EDIT_OUTPUT, .id = node->id});
    return QUERN_OK;
}

enum quern_code quern_node_set_op(struct quern_node *node, const char *op)
{
    struct quern_model *model = node->graph->model;
    enum quern_code code = qn_edit_check_node(node);
    if (code != QUERN_OK) {
        return code;
    }
    const char *domain = NULL;
    const char *type = split_op(model, op, &domain);
    const char *copy =
        type != NULL ? qn_arena_strdup(&model->arena, type) : NULL;
    if (copy == NULL ||
        !qn_journal_reserve(&model->journal, 2 + qn_touch_cost(node->graph),
                            1)) {
        return qn_no_memory(model->context);
    }
    SET(&model->journal, node->op, copy);
    SET(&model->journal, node->domain, domain);
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
    SET(&model->journal, node->name, copy);
    qn_touch_node(node);
    qn_journal_edit(&model->journal,
                    (struct qn_edit){.kind = QN_EDIT_NODE_OP, .id = node->id});
    return QUERN_OK;
}

/* ---------------------------------------------------------------- erase */

/* Writes and edits that erasing a node needs, bodies included. */
static size_t erase_cost(const struct quern_node *node)
{
    const struct quern_model *model = node->graph->model;
    size_t cost = 5 + node->n_inputs * 4 +
                  (1 + node->n_outputs) * (2 + qn_tables_cost(model)) +
                  qn_touch_cost(node->graph);
    size_t n = quern_node_n_subgraphs(node);
    for (size_t i = 0; i < n; i++) {
        const struct quern_graph *g = quern_node_subgraph(node, i);
        cost += g->n_outputs * 4;
        for (const struct quern_node *m = g->last; m != NULL; m = m->prev) {
            cost += erase_cost(m);
        }
    }
    return cost;
}

static void erase_value(struct quern_value *value)
{
    struct quern_model *model = value->graph->model;
    SET(&model->journal, value->erased, true);
    SET(&model->journal, value->producer, NULL);
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
            unlink_use(j, g->outputs[k]);
        }
        while (g->last != NULL) {
            erase(g->last);
        }
    }
    for (size_t i = 0; i < node->n_inputs; i++) {
        unlink_use(j, node->inputs[i]);
    }
    for (size_t i = 0; i < node->n_outputs; i++) {
        if (node->outputs[i] != NULL) {
            erase_value(node->outputs[i]);
        }
    }
    take_out(node);
    SET(j, node->erased, true);
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
            code = bad_argument(node, node->outputs[i],
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

/* Erase one dead node; what that leaves without use goes or is pushed. */
static enum quern_code erase_step(struct quern_node *node,
                                  struct quern_node **stack, size_t *n_stack)
{
    struct quern_value *inputs[64];
    size_t n = 0;
    for (size_t i = 0; i < node->n_inputs && n < 64; i++) {
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

enum quern_code quern_node_erase_dead(struct quern_node *node)
{
    struct quern_model *model = node->graph->model;
    struct qn_mark mark = qn_journal_mark(model);
    size_t room = 256;
    size_t n_stack = 1;
    struct quern_node **stack = qn_calloc_n(room, sizeof(struct quern_node *));
    if (stack == NULL) {
        return qn_no_memory(model->context);
    }
    stack[0] = node;
    enum quern_code code = QUERN_OK;
    while (n_stack > 0 && code == QUERN_OK) {
        struct quern_node *top = stack[--n_stack];
        if (!dead(top)) {
            continue;
        }
        if (n_stack + 64 > room) {
            room *= 2;
            void *grown =
                qn_realloc_n(stack, room, sizeof(struct quern_node *));
            if (grown == NULL) {
                code = qn_no_memory(model->context);
                break;
            }
            stack = grown;
        }
        code = erase_step(top, stack, &n_stack);
    }
    qn_free(stack);
    if (code != QUERN_OK) {
        qn_journal_undo(model, mark);
    }
    return code;
}
