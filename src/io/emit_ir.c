/* Emitting attributes, nodes and graphs as protobuf. What was read and not
 * touched goes out as the bytes that came in. Types are in emit_type.c, tensors
 * in emit_tensor.c. */
#include "io/emit.h"
#include "io/extract.h"
#include "ir/tensor.h"

#include <stdio.h>
#include <string.h>

static const unsigned no_fields[] = {0};

/* -------------------------------------------------------------- tensors */

/* ---------------------------------------------------------------- types */

/* ----------------------------------------------------------- attributes */

static void emit_list(struct qn_sink *out, const struct qn_attr *attr)
{
    for (size_t i = 0; i < attr->len; i++) {
        switch (attr->type) {
        case QN_ATTR_FLOATS:
            qn_emit_float(out, 7, attr->u.floats[i]);
            break;
        case QN_ATTR_INTS:
            qn_emit_int(out, 8, attr->u.ints[i]);
            break;
        case QN_ATTR_STRINGS:
            qn_emit_bytes(out, 9, attr->u.strings[i].data,
                          attr->u.strings[i].size);
            break;
        case QN_ATTR_TENSORS:
            qn_emit_tensor(out, 10, attr->u.tensors[i], NULL);
            break;
        case QN_ATTR_GRAPHS:
            qn_emit_graph(out, 11, attr->u.graphs[i]);
            break;
        case QN_ATTR_SPARSE_TENSORS:
            qn_emit_bytes(out, 23, attr->u.wire[i].data, attr->u.wire[i].size);
            break;
        case QN_ATTR_TYPE_PROTOS:
            qn_emit_bytes(out, 15, attr->u.wire[i].data, attr->u.wire[i].size);
            break;
        case QN_ATTR_UNDEFINED:
        case QN_ATTR_FLOAT:
        case QN_ATTR_INT:
        case QN_ATTR_STRING:
        case QN_ATTR_TENSOR:
        case QN_ATTR_GRAPH:
        case QN_ATTR_SPARSE_TENSOR:
        case QN_ATTR_TYPE_PROTO:
            break;
        }
    }
}

static void emit_single(struct qn_sink *out, const struct qn_attr *attr)
{
    switch ((int)attr->type) {
    case QN_ATTR_FLOAT:
        qn_emit_float(out, 2, attr->u.f);
        break;
    case QN_ATTR_INT:
        qn_emit_int(out, 3, attr->u.i);
        break;
    case QN_ATTR_STRING:
        qn_emit_bytes(out, 4, attr->u.s.data, attr->u.s.size);
        break;
    case QN_ATTR_TENSOR:
        qn_emit_tensor(out, 5, attr->u.tensors[0], NULL);
        break;
    case QN_ATTR_GRAPH:
        qn_emit_graph(out, 6, attr->u.graphs[0]);
        break;
    case QN_ATTR_TYPE_PROTO:
        qn_emit_bytes(out, 14, attr->u.wire[0].data, attr->u.wire[0].size);
        break;
    case QN_ATTR_SPARSE_TENSOR:
        qn_emit_bytes(out, 22, attr->u.wire[0].data, attr->u.wire[0].size);
        break;
    default:
        emit_list(out, attr);
        break;
    }
}

static void attr_body(struct qn_sink *out, const void *object)
{
    const struct qn_attr *attr = object;
    if (attr->origin.data != NULL) { /* graphs or tensors alone are new */
        qn_emit_fields(out, attr->origin, 1, 1, no_fields);
        emit_single(out, attr);
        qn_emit_fields(out, attr->origin, 12, UINT32_MAX, no_fields);
        return;
    }
    qn_emit_string(out, 1, attr->name);
    if (attr->ref_name == NULL) {
        emit_single(out, attr);
    }
    qn_emit_int(out, 20, (int64_t)attr->type);
    qn_emit_string(out, 21, attr->ref_name);
}

static bool holds_graph(const struct qn_attr *attr)
{
    return attr->type == QN_ATTR_GRAPH || attr->type == QN_ATTR_GRAPHS;
}

static void emit_attr(struct qn_sink *sink, const struct qn_attr *attr)
{
    /* A body may have changed under an attribute that did not. */
    bool moves = sink->outside != NULL && qn_outside_attr(attr->origin);
    if (attr->origin.data != NULL && !holds_graph(attr) && !moves) {
        qn_emit_bytes(sink, 5, attr->origin.data, attr->origin.size);
    } else {
        qn_emit_nested(sink, 5, attr_body, attr);
    }
}

/* ---------------------------------------------------------------- nodes */

enum { NAME_SIZE = 256 }; /* of names that an extract makes */

/* Behind a tapped value stands a tap operator, which makes it by its name. */
static const char *output_name(const struct qn_sink *out,
                               const struct quern_value *v, char *room)
{
    if (qn_extract_tap(out->extract, v) >= 0) {
        return qn_extract_raw_name(out->extract, v, room, NAME_SIZE);
    }
    return v != NULL ? v->name : "";
}

static void node_body(struct qn_sink *out, const void *object)
{
    const struct quern_node *node = object;
    static const unsigned known[] = {1, 2, 3, 4, 5, 7, 8, 0};
    char room[NAME_SIZE];
    for (size_t i = 0; i < node->n_inputs; i++) {
        const struct quern_value *v = node->inputs[i]->value;
        qn_emit_string(out, 1, v != NULL ? v->name : "");
    }
    size_t n_outputs = qn_node_n_told_outputs(node);
    for (size_t i = 0; i < n_outputs; i++) {
        qn_emit_string(out, 2, output_name(out, node->outputs[i], room));
    }
    if (*node->name != '\0') {
        qn_emit_string(out, 3, node->name);
    }
    qn_emit_string(out, 4, node->op);
    for (const struct qn_attr *a = node->attrs; a != NULL; a = a->next) {
        emit_attr(out, a);
    }
    qn_emit_fields(out, node->source, 6, 6, no_fields);
    if (*node->domain != '\0') {
        qn_emit_string(out, 7, node->domain);
    }
    if (*node->overload != '\0') {
        qn_emit_string(out, 8, node->overload);
    }
    qn_emit_fields(out, node->source, 9, UINT32_MAX, known);
}

/* Tensors in it may lie elsewhere in the file that is written. */
static bool moves_tensors(const struct qn_sink *sink,
                          const struct quern_node *node)
{
    for (const struct qn_attr *a = node->attrs;
         a != NULL && sink->outside != NULL; a = a->next) {
        if (holds_graph(a) || qn_outside_attr(a->origin)) {
            return true;
        }
    }
    return false;
}

void qn_emit_node(struct qn_sink *sink, unsigned field,
                  const struct quern_node *node)
{
    if (node->origin.data != NULL && !moves_tensors(sink, node) &&
        !qn_extract_touches(sink->extract, node)) {
        qn_emit_bytes(sink, field, node->origin.data, node->origin.size);
    } else {
        qn_emit_nested(sink, field, node_body, node);
    }
}

/* ---------------------------------------------------------------- graph */

/* value_info of a value that lives and is neither input nor output; one that is
 * no longer true is dropped, and so is that of a value that became a constant,
 * or another one. */
static bool has_hint(const struct quern_value *v)
{
    return !v->erased && !qn_value_is_stale(v) && !v->is_input &&
           v->info_origin.data != NULL &&
           (v->producer != NULL ||
            (v->tensor != NULL && v->tensor_origin.data != NULL)) &&
           !quern_value_is_graph_output(v);
}

/* In an extract, graph inputs, initializers and nodes that nothing needs are
 * left out; bodies are whole. */
static bool is_kept(const struct qn_sink *out, const struct quern_value *v)
{
    const struct qn_extract *x = out->extract;
    return x == NULL || x->values[v->id] || v->graph->parent != NULL ||
           (v->is_input && x->options->all_inputs);
}

static void tap_attr_body(struct qn_sink *out, const void *object)
{
    qn_emit_string(out, 1, "tap");
    qn_emit_int(out, 3, *(const int *)object);
    qn_emit_int(out, 20, QN_ATTR_INT);
}

static void tap_body(struct qn_sink *out, const void *object)
{
    const struct quern_value *v = object;
    const struct qn_extract *x = out->extract;
    char room[NAME_SIZE];
    int tap = qn_extract_tap(x, v);
    qn_emit_string(out, 1, qn_extract_raw_name(x, v, room, sizeof room));
    qn_emit_string(out, 1, x->input);
    qn_emit_string(out, 2, v->name);
    qn_emit_string(out, 4, x->options->tap_op);
    qn_emit_nested(out, 5, tap_attr_body, &tap);
    qn_emit_string(out, 7, x->options->tap_domain);
}

static void run_info_body(struct qn_sink *out, const void *object)
{
    static const struct quern_dim one = {.value = 1};
    static const struct qn_type type = {.kind = QUERN_KIND_TENSOR,
                                        .dtype = QUERN_INT64,
                                        .rank = 1,
                                        .dims = &one};
    qn_emit_string(out, 1, object);
    qn_emit_nested(out, 2, qn_emit_type_body, &type);
}

/* A value that is made an input. */
struct new_input {
    const char *name;
    struct qn_type type;
};

static void new_input_body(struct qn_sink *out, const void *object)
{
    const struct new_input *input = object;
    qn_emit_string(out, 1, input->name);
    qn_emit_nested(out, 2, qn_emit_type_body, &input->type);
}

static void emit_input(struct qn_sink *out, const struct quern_value *v,
                       const struct quern_tensor *t)
{
    struct quern_dim dims[QUERN_MAX_RANK];
    struct new_input input = {v->name, {.kind = QUERN_KIND_TENSOR}};
    if (t == NULL) {
        qn_emit_value_info(out, 11, v);
        return;
    }
    for (int i = 0; i < quern_tensor_rank(t); i++) {
        dims[i] = (struct quern_dim){.value = quern_tensor_dims(t)[i]};
    }
    input.type.dtype = quern_tensor_dtype(t);
    input.type.rank = quern_tensor_rank(t);
    input.type.dims = dims;
    qn_emit_nested(out, 11, new_input_body, &input);
}

static void emit_nodes(struct qn_sink *out, const struct quern_graph *graph)
{
    const struct qn_extract *x = out->extract;
    for (const struct quern_node *n = graph->first; n != NULL; n = n->next) {
        if (x != NULL && !x->nodes[n->id]) {
            continue;
        }
        qn_emit_node(out, 1, n);
        for (size_t i = 0; x != NULL && i < n->n_outputs; i++) {
            if (qn_extract_tap(x, n->outputs[i]) >= 0) {
                qn_emit_nested(out, 1, tap_body, n->outputs[i]);
            }
        }
    }
}

static void name_body(struct qn_sink *out, const void *object)
{
    qn_emit_string(out, 1, object);
}

/* An output of an extract that is none of the graph has a name alone: the
 * reader knows the type better. */
static void emit_outputs(struct qn_sink *out, const struct quern_graph *graph)
{
    const struct qn_extract *x = out->extract;
    bool own = x != NULL && graph->parent == NULL;
    size_t n = own ? x->options->n_outputs : graph->n_outputs;
    for (size_t i = 0; i < n; i++) {
        const struct quern_value *v =
            own ? x->options->outputs[i] : graph->outputs[i]->value;
        if (!own || quern_value_is_graph_output(v) ||
            x->options->only != NULL) { /* a model for people */
            qn_emit_value_info(out, 12, v);
        } else {
            qn_emit_nested(out, 12, name_body, v->name);
        }
    }
}

static void graph_body(struct qn_sink *out, const void *object)
{
    const struct quern_graph *graph = object;
    static const unsigned known[] = {1, 2, 5, 11, 12, 13, 0};
    const struct qn_extract *x = out->extract;
    bool top = x != NULL && graph->parent == NULL;
    emit_nodes(out, graph);
    qn_emit_string(out, 2, graph->name);
    for (const struct quern_value *v = graph->first_init; v != NULL;
         v = v->next_init) {
        if (is_kept(out, v)) {
            qn_emit_initializer(out, v);
        }
    }
    qn_emit_fields(out, graph->origin, 6, 10, known);
    for (size_t i = 0; i < graph->n_inputs; i++) {
        if (is_kept(out, graph->inputs[i]) &&
            !(top && qn_extract_is_input(x, graph->inputs[i]))) {
            qn_emit_value_info(out, 11, graph->inputs[i]);
        }
    }
    for (size_t i = 0; top && i < x->options->n_inputs; i++) {
        emit_input(out, x->options->inputs[i], x->options->tensors[i]);
    }
    if (x != NULL && x->input != NULL && graph->parent == NULL) {
        qn_emit_nested(out, 11, run_info_body, x->input);
    }
    emit_outputs(out, graph);
    for (const struct quern_value *v = graph->first_value; v != NULL;
         v = v->next_value) {
        if (has_hint(v) && x == NULL) {
            qn_emit_value_info(out, 13, v);
        }
    }
    qn_emit_fields(out, graph->origin, 14, UINT32_MAX, known);
}

void qn_emit_graph(struct qn_sink *sink, unsigned field,
                   const struct quern_graph *graph)
{
    qn_emit_nested(sink, field, graph_body, graph);
}
