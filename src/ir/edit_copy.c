/* Copying an attribute from one node to another, with the graphs that it holds.
 * All is made by the edits that anyone may use; the graphs themselves are new
 * objects, which undoing leaves empty. */
#include "ir/build.h"
#include "ir/edit.h"

#include <string.h>

struct copying {
    struct quern_model *model;
    struct quern_value **map; /* by id: values of the graphs, as copied */
    size_t n_map;
    quern_outside_fn outside;
    void *user;
};

static enum quern_code value_of(const struct copying *c, struct quern_value *v,
                                struct quern_value **out)
{
    *out = v != NULL && v->id < c->n_map ? c->map[v->id] : NULL;
    if (v == NULL || *out != NULL) {
        return QUERN_OK;
    }
    *out = v;
    return c->outside != NULL ? c->outside(c->user, v, out) : QUERN_OK;
}

/* The type without names of sizes. What has one name in a body may have another
 * size in each copy, and ONNX Runtime takes equal names for equal sizes, of one
 * buffer. What is told of sizes in numbers stays.
 * @param out  `type` itself where there are none */
static enum quern_code unnamed(struct quern_model *model,
                               const struct qn_type *type,
                               const struct qn_type **out)
{
    struct quern_dim dims[QUERN_MAX_RANK];
    const struct qn_type *element = NULL;
    bool has_names = false;
    *out = type;
    if (type == NULL) {
        return QUERN_OK;
    }
    for (int i = 0; i < type->rank; i++) {
        dims[i] = (struct quern_dim){type->dims[i].value, NULL};
        has_names = has_names || type->dims[i].expr != NULL;
    }
    enum quern_code code = unnamed(model, type->element, &element);
    if (code != QUERN_OK || (!has_names && element == type->element)) {
        return code;
    }
    struct qn_type *copy = qn_arena_alloc(&model->arena, sizeof *copy);
    const struct qn_type *plain =
        qn_type_tensor(model, type->dtype, type->rank, dims);
    if (copy == NULL || plain == NULL) {
        return qn_no_memory(model->context);
    }
    *copy = *type;
    copy->dims = plain->dims;
    copy->element = element;
    copy->opaque = (struct qn_span){NULL, 0}; /* holds the names */
    *out = copy;
    return QUERN_OK;
}

/* A value like that one; what is said of its type goes along, but for names of
 * sizes. */
static enum quern_code new_value(struct copying *c, struct quern_graph *graph,
                                 const struct quern_value *from,
                                 struct quern_value **out)
{
    const struct qn_type *declared = NULL;
    const struct qn_type *given = NULL;
    enum quern_code code = unnamed(c->model, from->declared, &declared);
    if (code == QUERN_OK) {
        code = unnamed(c->model, from->given, &given);
    }
    if (code == QUERN_OK) {
        code = quern_value_create(graph, from->name, out);
    }
    if (code == QUERN_OK) {
        (*out)->declared = declared;
        (*out)->given = given;
        (*out)->type = given;
        c->map[from->id] = *out;
    }
    return code;
}

static enum quern_code copy_initializers(struct copying *c,
                                         const struct quern_graph *from,
                                         struct quern_graph *graph)
{
    enum quern_code code = QUERN_OK;
    for (const struct quern_value *v = from->first_value;
         v != NULL && code == QUERN_OK; v = v->next_value) {
        if (v->erased || (v->tensor == NULL && !v->is_opaque)) {
            continue;
        }
        code = v->is_opaque || v->is_input
                   ? qn_edit_bad_argument(NULL, v,
                                          v->is_opaque
                                              ? "body with a sparse initializer"
                                              : "body with an input that has "
                                                "a default")
                   : quern_constant_create(graph, v->name, v->tensor,
                                           &c->map[v->id]);
    }
    return code;
}

static enum quern_code copy_inputs(struct copying *c,
                                   const struct quern_graph *from,
                                   struct quern_graph *graph)
{
    struct qn_journal *j = &c->model->journal;
    size_t n = from->n_inputs;
    struct quern_value **inputs =
        qn_arena_alloc_n(&c->model->arena, n + 1, sizeof(struct quern_value *));
    enum quern_code code =
        inputs != NULL ? QUERN_OK : qn_no_memory(c->model->context);
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        code = new_value(c, graph, from->inputs[i], &inputs[i]);
    }
    if (code == QUERN_OK && !qn_journal_reserve(j, n + 2, 0)) {
        code = qn_no_memory(c->model->context);
    }
    if (code != QUERN_OK) {
        return code;
    }
    for (size_t i = 0; i < n; i++) {
        QN_SET(j, inputs[i]->is_input, true);
    }
    QN_SET(j, graph->inputs, inputs);
    QN_SET(j, graph->n_inputs, n);
    return QUERN_OK;
}

static enum quern_code copy_outputs(struct copying *c,
                                    const struct quern_graph *from,
                                    struct quern_graph *graph)
{
    struct qn_journal *j = &c->model->journal;
    struct qn_arena *arena = &c->model->arena;
    size_t n = from->n_outputs;
    struct quern_use **outputs =
        qn_arena_alloc_n(arena, n + 1, sizeof(struct quern_use *));
    struct quern_use *uses = qn_arena_alloc_n(arena, n + 1, sizeof *uses);
    if (outputs == NULL || uses == NULL ||
        !qn_journal_reserve(j, n * QN_USE_WRITES + 2, 0)) {
        return qn_no_memory(c->model->context);
    }
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        struct quern_value *v = NULL;
        code = value_of(c, from->outputs[i]->value, &v);
        /* What stands for it outside may have been made just now. */
        if (code == QUERN_OK &&
            !qn_journal_reserve(j, n * QN_USE_WRITES + 2, 0)) {
            code = qn_no_memory(c->model->context);
        }
        if (code == QUERN_OK) {
            uses[i] = (struct quern_use){.graph = graph, .index = (uint32_t)i};
            outputs[i] = &uses[i];
            qn_use_link(j, &uses[i], v);
        }
    }
    if (code == QUERN_OK) {
        QN_SET(j, graph->outputs, outputs);
        QN_SET(j, graph->n_outputs, n);
    }
    return code;
}

static enum quern_code copy_attr(struct copying *c, struct quern_node *node,
                                 const struct quern_node *from,
                                 const struct qn_attr *attr);

static enum quern_code copy_node(struct copying *c, struct quern_graph *graph,
                                 const struct quern_node *from)
{
    struct qn_arena *arena = &c->model->arena;
    struct quern_value **in = qn_arena_alloc_n(
        arena, from->n_inputs + from->n_outputs + 1, sizeof *in);
    struct quern_node *node = NULL;
    if (in == NULL) {
        return qn_no_memory(c->model->context);
    }
    struct quern_value **out = in + from->n_inputs;
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < from->n_inputs && code == QUERN_OK; i++) {
        code = value_of(c, from->inputs[i]->value, &in[i]);
    }
    for (size_t i = 0; i < from->n_outputs && code == QUERN_OK; i++) {
        if (from->outputs[i] != NULL) {
            code = new_value(c, graph, from->outputs[i], &out[i]);
        }
    }
    if (code == QUERN_OK) {
        code =
            quern_node_create_like(graph, NULL, from, from->name, in,
                                   from->n_inputs, out, from->n_outputs, &node);
    }
    for (const struct qn_attr *a = from->attrs; a != NULL && code == QUERN_OK;
         a = a->next) {
        code = copy_attr(c, node, from, a);
    }
    return code;
}

/* Depth is bounded by the nesting limit of the reader. */
static enum quern_code copy_graph(struct copying *c, struct quern_node *node,
                                  const struct quern_graph *from,
                                  struct quern_graph **out_graph)
{
    struct quern_graph *graph = qn_graph_create(c->model);
    if (graph == NULL) {
        return qn_no_memory(c->model->context);
    }
    graph->name = from->name;
    graph->parent = node;
    enum quern_code code = copy_initializers(c, from, graph);
    if (code == QUERN_OK) {
        code = copy_inputs(c, from, graph);
    }
    for (const struct quern_node *n = from->first;
         n != NULL && code == QUERN_OK; n = n->next) {
        code = copy_node(c, graph, n);
    }
    if (code == QUERN_OK) {
        code = copy_outputs(c, from, graph);
    }
    *out_graph = graph;
    return code;
}

static enum quern_code copy_attr(struct copying *c, struct quern_node *node,
                                 const struct quern_node *from,
                                 const struct qn_attr *attr)
{
    if (attr->type != QN_ATTR_GRAPH && attr->type != QN_ATTR_GRAPHS) {
        return quern_node_copy_attr(node, from, attr->name);
    }
    struct quern_graph **graphs = qn_arena_alloc_n(
        &c->model->arena, attr->len + 1, sizeof(struct quern_graph *));
    enum quern_code code =
        graphs != NULL ? QUERN_OK : qn_no_memory(c->model->context);
    for (size_t i = 0; i < attr->len && code == QUERN_OK; i++) {
        code = copy_graph(c, node, attr->u.graphs[i], &graphs[i]);
    }
    return code == QUERN_OK ? qn_node_put_graphs(node, attr, graphs) : code;
}

enum quern_code quern_node_copy_graphs(struct quern_node *node,
                                       const struct quern_node *from,
                                       const char *name,
                                       quern_outside_fn outside, void *user)
{
    struct quern_model *model = node->graph->model;
    const struct qn_attr *attr = qn_node_attr(from, name);
    struct copying c = {.model = model,
                        .n_map = model->next_value_id,
                        .outside = outside,
                        .user = user};
    if (attr == NULL || from->graph->model != model) {
        return quern_node_copy_attr(node, from, name); /* removed; an error */
    }
    c.map = qn_calloc_n(c.n_map + 1, sizeof(struct quern_value *));
    if (c.map == NULL) {
        return qn_no_memory(model->context);
    }
    struct qn_mark mark = qn_journal_mark(model);
    enum quern_code code = copy_attr(&c, node, from, attr);
    if (code != QUERN_OK) {
        qn_journal_undo(model, mark);
    }
    qn_free(c.map);
    return code;
}
