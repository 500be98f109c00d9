/* Walking: the reading half of <quern/graph.h> and <quern/model.h>. */
#include "ir/ir.h"
#include "ir/names.h"
#include "ir/tensor.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------- model */

struct quern_context *quern_model_context(const struct quern_model *model)
{
    return model->context;
}

struct quern_graph *quern_model_graph(const struct quern_model *model)
{
    return model->graph;
}

const char *quern_model_path(const struct quern_model *model)
{
    return model->path;
}

int64_t quern_model_ir_version(const struct quern_model *model)
{
    return model->ir_version;
}

static const char *canonical_domain(const char *domain)
{
    return strcmp(domain, "ai.onnx") == 0 ? "" : domain;
}

int64_t quern_model_opset(const struct quern_model *model, const char *domain)
{
    domain = canonical_domain(domain);
    for (size_t i = 0; i < model->n_opsets; i++) {
        if (strcmp(model->opsets[i].domain, domain) == 0) {
            return model->opsets[i].version;
        }
    }
    return 0;
}

size_t quern_model_n_opsets(const struct quern_model *model)
{
    return model->n_opsets;
}

const char *quern_model_opset_domain(const struct quern_model *model, size_t i)
{
    return i < model->n_opsets ? model->opsets[i].domain : NULL;
}

size_t quern_model_n_functions(const struct quern_model *model)
{
    size_t n = 0;
    for (const struct quern_function *f = model->functions; f; f = f->next) {
        n++;
    }
    return n;
}

const char *quern_model_producer(const struct quern_model *model)
{
    return model->producer_name;
}

const char *quern_model_metadata(const struct quern_model *model,
                                 const char *key)
{
    for (struct qn_metadata *m = model->metadata; m != NULL; m = m->next) {
        if (strcmp(m->key, key) == 0) {
            return m->value;
        }
    }
    return NULL;
}

uint64_t quern_model_n_edits(const struct quern_model *model)
{
    return model->journal.n_total;
}

/* ---------------------------------------------------------------- graph */

uint32_t quern_model_n_node_ids(const struct quern_model *model)
{
    return model->next_node_id;
}

uint32_t quern_model_n_value_ids(const struct quern_model *model)
{
    return model->next_value_id;
}

struct quern_model *quern_graph_model(const struct quern_graph *graph)
{
    return graph->model;
}

const char *quern_graph_name(const struct quern_graph *graph)
{
    return graph->name;
}

struct quern_node *quern_graph_parent(const struct quern_graph *graph)
{
    return graph->parent;
}

struct quern_node *quern_graph_first(const struct quern_graph *graph)
{
    return graph->first;
}

struct quern_node *quern_graph_last(const struct quern_graph *graph)
{
    return graph->last;
}

size_t quern_graph_n_nodes(const struct quern_graph *graph)
{
    return graph->n_nodes;
}

size_t quern_graph_n_inputs(const struct quern_graph *graph)
{
    return graph->n_inputs;
}

struct quern_value *quern_graph_input(const struct quern_graph *graph, size_t i)
{
    return i < graph->n_inputs ? graph->inputs[i] : NULL;
}

size_t quern_graph_n_outputs(const struct quern_graph *graph)
{
    return graph->n_outputs;
}

struct quern_value *quern_graph_output(const struct quern_graph *graph,
                                       size_t i)
{
    return i < graph->n_outputs ? graph->outputs[i]->value : NULL;
}

struct quern_value *
quern_graph_first_initializer(const struct quern_graph *graph)
{
    return graph->first_init;
}

struct quern_value *quern_value_next_initializer(const struct quern_value *v)
{
    return v->next_init;
}

struct quern_value *quern_graph_find(const struct quern_graph *graph,
                                     const char *name)
{
    while (graph != NULL) {
        struct quern_value *v =
            qn_names_value(graph->model->names, graph, name);
        if (v != NULL && !v->erased) {
            return v;
        }
        graph = graph->parent != NULL ? graph->parent->graph : NULL;
    }
    return NULL;
}

/* ----------------------------------------------------------------- node */

struct quern_node *quern_node_next(const struct quern_node *node)
{
    return node->next;
}

struct quern_node *quern_node_prev(const struct quern_node *node)
{
    return node->prev;
}

struct quern_graph *quern_node_graph(const struct quern_node *node)
{
    return node->graph;
}

uint32_t quern_node_id(const struct quern_node *node)
{
    return node->id;
}

const char *quern_node_name(const struct quern_node *node)
{
    return node->name;
}

const char *quern_node_op(const struct quern_node *node)
{
    return node->op;
}

const char *quern_node_domain(const struct quern_node *node)
{
    return node->domain;
}

static const struct quern_function *function_of(const struct quern_graph *g)
{
    while (g->function == NULL && g->parent != NULL) {
        g = g->parent->graph;
    }
    return g->function;
}

int64_t quern_node_opset(const struct quern_node *node)
{
    const struct quern_function *f = function_of(node->graph);
    for (size_t i = 0; f != NULL && i < f->n_opsets; i++) {
        if (strcmp(f->opsets[i].domain, node->domain) == 0) {
            return f->opsets[i].version;
        }
    }
    return quern_model_opset(node->graph->model, node->domain);
}

bool quern_node_is(const struct quern_node *node, const char *op)
{
    const char *dot = strrchr(op, '.');
    if (dot == NULL) {
        return *node->domain == '\0' && strcmp(node->op, op) == 0;
    }
    size_t size = (size_t)(dot - op);
    return strcmp(node->op, dot + 1) == 0 && strlen(node->domain) == size &&
           memcmp(node->domain, op, size) == 0;
}

bool quern_node_erased(const struct quern_node *node)
{
    return node->erased;
}

size_t quern_node_n_inputs(const struct quern_node *node)
{
    return node->n_inputs;
}

struct quern_value *quern_node_input(const struct quern_node *node, size_t i)
{
    return i < node->n_inputs ? node->inputs[i]->value : NULL;
}

size_t quern_node_n_outputs(const struct quern_node *node)
{
    return node->n_outputs;
}

struct quern_value *quern_node_output(const struct quern_node *node, size_t i)
{
    return i < node->n_outputs ? node->outputs[i] : NULL;
}

static bool holds_graphs(const struct qn_attr *attr)
{
    return attr->ref_name == NULL &&
           (attr->type == QN_ATTR_GRAPH || attr->type == QN_ATTR_GRAPHS);
}

size_t quern_node_n_subgraphs(const struct quern_node *node)
{
    size_t count = 0;
    for (const struct qn_attr *a = node->attrs; a != NULL; a = a->next) {
        count += holds_graphs(a) ? a->len : 0;
    }
    return count;
}

struct quern_graph *quern_node_subgraph(const struct quern_node *node, size_t i)
{
    for (const struct qn_attr *a = node->attrs; a != NULL; a = a->next) {
        if (!holds_graphs(a)) {
            continue;
        }
        if (i < a->len) {
            return a->u.graphs[i];
        }
        i -= a->len;
    }
    return NULL;
}

/* Attribute that holds a graph: "then_branch". */
static const char *attribute_of(const struct quern_graph *graph)
{
    for (const struct qn_attr *a = graph->parent->attrs; a; a = a->next) {
        for (size_t i = 0; holds_graphs(a) && i < a->len; i++) {
            if (a->u.graphs[i] == graph) {
                return a->name;
            }
        }
    }
    return "?";
}

const char *qn_graph_path(const struct quern_graph *graph)
{
    struct qn_arena *arena = &graph->model->context->diag.arena;
    const char *tail = "";
    for (; graph->parent != NULL && tail != NULL;
         graph = graph->parent->graph) {
        tail = qn_arena_printf(arena, "/%s#%u.%s%s", graph->parent->op,
                               graph->parent->id, attribute_of(graph), tail);
    }
    if (tail == NULL) {
        return NULL;
    }
    const struct quern_function *f = graph->function;
    return f == NULL ? qn_arena_printf(arena, "main%s", tail)
                     : qn_arena_printf(arena, "function %s.%s%s", f->domain,
                                       f->name, tail);
}

struct quern_place quern_node_place(const struct quern_node *node)
{
    struct quern_place place = QUERN_PLACE_NONE;
    struct quern_model *model = node->graph->model;
    place.file = model->path;
    place.graph = qn_graph_path(node->graph);
    place.node = node->name;
    place.op = node->op;
    if (*node->domain != '\0') {
        place.op = qn_arena_printf(&model->context->diag.arena, "%s.%s",
                                   node->domain, node->op);
    }
    place.node_id = (int64_t)node->id;
    return place;
}

const struct qn_schema *qn_node_schema(const struct quern_node *node)
{
    return qn_schema_find(node->domain, node->op, quern_node_opset(node));
}

size_t qn_node_n_told_outputs(const struct quern_node *node)
{
    const struct qn_schema *schema = qn_node_schema(node);
    size_t n = node->n_outputs;
    if (schema == NULL || schema->max_outputs >= INT_MAX) {
        return n;
    }
    while (n > 1 && n > schema->min_outputs && node->outputs[n - 1] == NULL) {
        n--;
    }
    return n;
}

/* ---------------------------------------------------------------- value */

const char *quern_value_name(const struct quern_value *value)
{
    return value->name;
}

uint32_t quern_value_id(const struct quern_value *value)
{
    return value->id;
}

struct quern_graph *quern_value_graph(const struct quern_value *value)
{
    return value->graph;
}

struct quern_node *quern_value_producer(const struct quern_value *value)
{
    return value->producer;
}

size_t quern_value_output_index(const struct quern_value *value)
{
    return value->output_index;
}

bool quern_value_is_graph_input(const struct quern_value *value)
{
    return value->is_input;
}

bool quern_value_is_graph_output(const struct quern_value *value)
{
    const struct quern_use *u = value->was_output ? value->first_use : NULL;
    while (u != NULL && u->node != NULL) {
        u = u->next;
    }
    return u != NULL;
}

bool quern_value_erased(const struct quern_value *value)
{
    return value->erased;
}

bool quern_value_is_initializer(const struct quern_value *value)
{
    return value->tensor != NULL && value->producer == NULL;
}

/* The tensor of value_float, value_ints, … of a Constant node. */
static enum quern_code constant_tensor(const struct quern_node *node,
                                       struct quern_tensor **out_tensor)
{
    struct quern_context *context = node->graph->model->context;
    for (const struct qn_attr *a = node->attrs; a != NULL; a = a->next) {
        if (a->ref_name != NULL) {
            continue;
        }
        if (strcmp(a->name, "value_float") == 0 && a->type == QN_ATTR_FLOAT) {
            return quern_tensor_of_floats(context, -1, &a->u.f, out_tensor);
        }
        if (strcmp(a->name, "value_int") == 0 && a->type == QN_ATTR_INT) {
            return quern_tensor_of_ints(context, -1, &a->u.i, out_tensor);
        }
        if (strcmp(a->name, "value_floats") == 0 && a->type == QN_ATTR_FLOATS) {
            return quern_tensor_of_floats(context, (int64_t)a->len, a->u.floats,
                                          out_tensor);
        }
        if (strcmp(a->name, "value_ints") == 0 && a->type == QN_ATTR_INTS) {
            return quern_tensor_of_ints(context, (int64_t)a->len, a->u.ints,
                                        out_tensor);
        }
    }
    return QUERN_NOT_FOUND;
}

struct quern_tensor *quern_value_constant(const struct quern_value *value)
{
    if (value == NULL) {
        return NULL;
    }
    const struct quern_node *node = value->producer;
    if (node == NULL) {
        return value->is_input ? NULL : value->tensor;
    }
    if (*node->domain != '\0' || strcmp(node->op, "Constant") != 0) {
        return NULL;
    }
    const struct qn_attr *attr = qn_node_attr(node, "value");
    if (attr != NULL && attr->type == QN_ATTR_TENSOR) {
        return attr->u.tensors[0];
    }
    if (value->tensor == NULL) {
        struct quern_tensor *tensor = NULL;
        if (constant_tensor(node, &tensor) == QUERN_OK) {
            /* A cache of what the node says: no edit. */
            node->outputs[value->output_index]->tensor = tensor;
        }
    }
    return value->tensor;
}

const struct quern_use *quern_value_first_use(const struct quern_value *value)
{
    return value->first_use;
}

const struct quern_use *quern_use_next(const struct quern_use *use)
{
    return use->next;
}

struct quern_node *quern_use_node(const struct quern_use *use)
{
    return use->node;
}

size_t quern_use_index(const struct quern_use *use)
{
    return use->index;
}

size_t quern_value_n_uses(const struct quern_value *value)
{
    return value->n_uses;
}

struct quern_node *quern_value_only_user(const struct quern_value *value)
{
    if (value->n_uses != 1 || value->first_use->node == NULL ||
        value->first_use->node->graph != value->graph) {
        return NULL;
    }
    return value->first_use->node;
}
