/* Building a model without journal: for readers and for cloning. */
#include "ir/build.h"

#include "ir/names.h"
#include "ir/sequence.h"
#include "ir/tensor.h"

#include <string.h>

/* Nodes are numbered with gaps, so that one can be put between two. */
#define ORDER_GAP (INT64_C(1) << 32)

/* Tensors that attributes hold. */
struct qn_owned {
    struct quern_tensor *tensor;
    struct qn_owned *next;
};

enum quern_code qn_model_create(struct quern_context *context,
                                struct quern_model **out_model)
{
    struct quern_model *model = qn_calloc(sizeof *model);
    if (model == NULL) {
        return qn_no_memory(context);
    }
    model->context = context;
    model->journal.model = model;
    model->names = qn_names_create();
    model->graph = qn_graph_create(model);
    if (model->names == NULL || model->graph == NULL) {
        quern_model_destroy(&model);
        return qn_no_memory(context);
    }
    *out_model = model;
    return QUERN_OK;
}

static void release_tensors(struct quern_model *model)
{
    for (struct qn_owned *o = model->owned; o != NULL; o = o->next) {
        quern_tensor_release(&o->tensor);
    }
    for (struct quern_graph *g = model->graphs; g != NULL; g = g->next_graph) {
        for (struct quern_value *v = g->first_value; v != NULL;
             v = v->next_value) {
            quern_tensor_release(&v->tensor);
        }
        qn_sequence_release(g->sequence);
    }
}

void quern_model_destroy(struct quern_model **model)
{
    struct quern_model *m = model != NULL ? *model : NULL;
    if (m == NULL) {
        return;
    }
    *model = NULL;
    release_tensors(m);
    qn_journal_finish(&m->journal);
    if (m->infer_release != NULL) {
        m->infer_release(m);
    }
    if (m->io_release != NULL) {
        m->io_release(m);
    }
    for (struct qn_external *e = m->externals; e != NULL; e = e->next) {
        qn_buf_release(e->buf);
    }
    qn_names_destroy(m->names);
    qn_index_finish(&m->index);
    qn_free(m->exprs);
    qn_buf_release(m->bytes);
    qn_arena_finish(&m->arena);
    qn_free(m);
}

struct quern_graph *qn_graph_create(struct quern_model *model)
{
    struct quern_graph *graph = qn_arena_alloc(&model->arena, sizeof *graph);
    if (graph != NULL) {
        graph->model = model;
        graph->name = "";
        graph->id = model->next_graph_id++;
        graph->next_graph = model->graphs;
        model->graphs = graph;
    }
    return graph;
}

struct quern_value *qn_graph_own_value(const struct quern_graph *graph,
                                       const char *name)
{
    struct quern_value *v = qn_names_value(graph->model->names, graph, name);
    return v != NULL && !v->erased ? v : NULL;
}

struct quern_value *qn_build_value(struct quern_graph *graph, const char *name,
                                   bool *out_duplicate)
{
    struct quern_model *model = graph->model;
    *out_duplicate = qn_graph_own_value(graph, name) != NULL;
    struct quern_value *value =
        *out_duplicate ? NULL
                       : qn_arena_alloc_line(&model->arena, sizeof *value);
    if (value == NULL || !qn_index_reserve_value(model)) {
        return NULL;
    }
    value->graph = graph;
    value->name = qn_arena_strdup(&model->arena, name);
    if (value->name == NULL || !qn_names_add(model->names, value)) {
        return NULL;
    }
    value->id = model->next_value_id++;
    qn_index_enter_value(value);
    *qn_index_unread_of(&model->index, value->id) = 1;
    if (graph->last_value != NULL) {
        graph->last_value->next_value = value;
    } else {
        graph->first_value = value;
    }
    graph->last_value = value;
    return value;
}

bool qn_build_reserve(struct quern_graph *graph, const char *name)
{
    const char *copy = qn_arena_strdup(&graph->model->arena, name);
    return copy != NULL && qn_names_take(graph->model->names, copy);
}

bool qn_build_own(struct quern_model *model, struct quern_tensor *tensor)
{
    struct qn_owned *owned = qn_arena_alloc(&model->arena, sizeof *owned);
    if (owned == NULL) {
        quern_tensor_release(&tensor);
        return false;
    }
    owned->tensor = tensor;
    owned->next = model->owned;
    model->owned = owned;
    return true;
}

/* Grow an arena array of pointers by doubling; the old one is left behind. */
static bool append(struct qn_arena *arena, void ***array, size_t *count,
                   void *item)
{
    if ((*count & (*count - 1)) == 0) { /* full at 0, 1, 2, 4, 8, … */
        size_t room = *count == 0 ? 1 : *count * 2;
        void **grown = qn_arena_alloc_n(arena, room, sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        if (*count > 0) {
            memcpy(grown, *array, *count * sizeof *grown);
        }
        *array = grown;
    }
    (*array)[(*count)++] = item;
    return true;
}

bool qn_build_input(struct quern_graph *graph, struct quern_value *value)
{
    void **array = (void **)graph->inputs;
    if (!append(&graph->model->arena, &array, &graph->n_inputs, value)) {
        return false;
    }
    graph->inputs = (struct quern_value **)array;
    value->is_input = true;
    return true;
}

static void link_use(struct quern_use *use, struct quern_value *value)
{
    use->value = value;
    use->prev = value->last_use;
    use->next = NULL;
    if (value->last_use != NULL) {
        value->last_use->next = use;
    } else {
        value->first_use = use;
    }
    value->last_use = use;
    value->n_uses++;
    value->was_output |= use->node == NULL;
    struct qn_index *index = &value->graph->model->index;
    *qn_index_unread_of(index, value->id) = 0;
    if (use->node != NULL && use->index < QN_INPUTS) {
        *qn_index_input_of(index, use->node->id, use->index) = value->id + 1;
    }
}

bool qn_build_output(struct quern_graph *graph, struct quern_value *value)
{
    struct qn_arena *arena = &graph->model->arena;
    struct quern_use *use = qn_arena_alloc(arena, sizeof *use);
    void **array = (void **)graph->outputs;
    size_t index = graph->n_outputs;
    if (use == NULL || !append(arena, &array, &graph->n_outputs, use)) {
        return false;
    }
    graph->outputs = (struct quern_use **)array;
    use->graph = graph;
    use->index = (uint32_t)index;
    link_use(use, value);
    return true;
}

bool qn_build_initializer(struct quern_value *value,
                          struct quern_tensor *tensor)
{
    struct quern_graph *graph = value->graph;
    const struct qn_type *type = qn_type_of_tensor(graph->model, tensor);
    if (type == NULL || value->tensor != NULL) {
        quern_tensor_release(&tensor);
        return false;
    }
    value->tensor = tensor;
    value->type = type;
    value->prev_init = graph->last_init;
    if (graph->last_init != NULL) {
        graph->last_init->next_init = value;
    } else {
        graph->first_init = value;
    }
    graph->last_init = value;
    return true;
}

struct quern_node *qn_node_alloc(struct quern_graph *graph, const char *domain,
                                 const char *op, const char *name,
                                 size_t n_inputs, size_t n_outputs,
                                 uint32_t *out_op)
{
    struct qn_arena *arena = &graph->model->arena;
    struct quern_node *node = qn_arena_alloc(arena, sizeof *node);
    if (node == NULL) {
        return NULL;
    }
    /* Walks fetch what stands right behind the node: see sequence.c. */
    node->inputs = qn_arena_alloc_n(arena, n_inputs, sizeof *node->inputs);
    node->outputs = qn_arena_alloc_n(arena, n_outputs, sizeof *node->outputs);
    struct quern_use *uses = qn_arena_alloc_n(arena, n_inputs, sizeof *uses);
    node->name = qn_arena_strdup(arena, name);
    node->overload = "";
    const struct qn_op_type *shared = qn_index_op(graph->model, domain, op);
    if (shared == NULL || node->name == NULL || node->inputs == NULL ||
        node->outputs == NULL || uses == NULL ||
        !qn_index_reserve_node(graph->model)) {
        return NULL;
    }
    node->op = shared->op;
    node->domain = shared->domain;
    *out_op = shared->id;
    for (size_t i = 0; i < n_inputs; i++) {
        uses[i].node = node;
        uses[i].index = (uint32_t)i;
        node->inputs[i] = &uses[i];
    }
    node->n_inputs = n_inputs;
    node->n_outputs = n_outputs;
    node->graph = graph;
    return node;
}

struct quern_node *qn_build_node(struct quern_graph *graph, const char *domain,
                                 const char *op, const char *name,
                                 struct quern_value *const *inputs,
                                 size_t n_inputs,
                                 struct quern_value *const *outputs,
                                 size_t n_outputs)
{
    struct qn_index *index = &graph->model->index;
    uint32_t op_id = 0;
    struct quern_node *node =
        qn_node_alloc(graph, domain, op, name, n_inputs, n_outputs, &op_id);
    if (node == NULL ||
        (*name != '\0' && !qn_names_take(graph->model->names, node->name))) {
        return NULL;
    }
    node->id = graph->model->next_node_id++;
    qn_index_enter_node(node);
    *qn_index_op_of(index, node->id) = op_id;
    *qn_index_mute_of(index, node->id) = 1;
    index->layout++;
    for (size_t i = 0; i < n_inputs; i++) {
        if (inputs[i] != NULL) {
            link_use(node->inputs[i], inputs[i]);
        }
    }
    for (size_t i = 0; i < n_outputs; i++) {
        node->outputs[i] = outputs[i];
        if (outputs[i] != NULL) {
            *qn_index_mute_of(index, node->id) = 0;
            outputs[i]->producer = node;
            *qn_index_maker_of(index, outputs[i]->id) = node->id + 1;
            outputs[i]->output_index = (uint32_t)i;
        }
    }
    node->prev = graph->last;
    node->order = graph->last != NULL ? graph->last->order + ORDER_GAP : 0;
    if (graph->last != NULL) {
        graph->last->next = node;
    } else {
        graph->first = node;
    }
    graph->last = node;
    graph->n_nodes++;
    return node;
}

void qn_build_attr(struct quern_node *node, struct qn_attr *attr)
{
    struct qn_attr **tail = &node->attrs;
    while (*tail != NULL) {
        tail = &(*tail)->next;
    }
    *tail = attr;
}

bool qn_build_opset(struct quern_model *model, const char *domain,
                    int64_t version, struct qn_span origin)
{
    struct qn_opset *grown = qn_arena_alloc_n(
        &model->arena, model->n_opsets + 1, sizeof *model->opsets);
    const char *copy = qn_arena_strdup(&model->arena, domain);
    if (grown == NULL || copy == NULL) {
        return false;
    }
    if (model->n_opsets > 0) {
        memcpy(grown, model->opsets, model->n_opsets * sizeof *grown);
    }
    grown[model->n_opsets++] = (struct qn_opset){copy, version, origin};
    model->opsets = grown;
    return true;
}

bool qn_build_metadata(struct quern_model *model, const char *key,
                       const char *value, struct qn_span origin)
{
    struct qn_metadata *entry = qn_arena_alloc(&model->arena, sizeof *entry);
    if (entry == NULL) {
        return false;
    }
    entry->key = qn_arena_strdup(&model->arena, key);
    entry->value = qn_arena_strdup(&model->arena, value);
    entry->origin = origin;
    struct qn_metadata **tail = &model->metadata;
    while (*tail != NULL) {
        tail = &(*tail)->next;
    }
    *tail = entry;
    return entry->key != NULL && entry->value != NULL;
}

void qn_build_reorder(struct quern_graph *graph,
                      struct quern_node *const *nodes)
{
    size_t n = graph->n_nodes;
    graph->model->index.layout++;
    for (size_t i = 0; i < n; i++) {
        nodes[i]->prev = i > 0 ? nodes[i - 1] : NULL;
        nodes[i]->next = i + 1 < n ? nodes[i + 1] : NULL;
        nodes[i]->order = (int64_t)i * ORDER_GAP;
    }
    graph->first = n > 0 ? nodes[0] : NULL;
    graph->last = n > 0 ? nodes[n - 1] : NULL;
}

void qn_build_finish(struct quern_model *model)
{
    model->journal.active = true;
}
