/* GraphProto to IR: values first, then nodes, then their order. */
#include "io/examine.h"
#include "io/reader.h"
#include "ir/names.h"

#include <string.h>

const char *qn_domain(const char *domain)
{
    return domain == NULL || strcmp(domain, "ai.onnx") == 0 ? "" : domain;
}

/* Value of the graph, made if it is not there. */
static enum quern_code get_value(struct qn_reader *r, struct quern_graph *graph,
                                 const char *name, struct quern_value **out)
{
    bool duplicate = false;
    *out = qn_graph_own_value(graph, name);
    if (*out == NULL) {
        *out = qn_build_value(graph, name, &duplicate);
    }
    return *out != NULL ? QUERN_OK : qn_no_memory(r->context);
}

static enum quern_code read_inputs(struct qn_reader *r,
                                   const Onnx__GraphProto *p,
                                   struct quern_graph *graph)
{
    for (size_t i = 0; i < p->n_input; i++) {
        const Onnx__ValueInfoProto *info = p->input[i];
        const char *name = info->name != NULL ? info->name : "";
        bool duplicate = false;
        struct quern_value *v =
            *name != '\0' ? qn_build_value(graph, name, &duplicate) : NULL;
        enum quern_code code = QUERN_OK;
        if (*name == '\0' || duplicate) {
            code = qn_reader_fail(r, QUERN_INVALID_MODEL, info->quern_offset,
                                  name, "graph input %s",
                                  duplicate ? "stands twice" : "has no name");
            if (qn_reader_absorb(r, code) != QUERN_OK) {
                return code;
            }
            continue;
        }
        if (v == NULL || !qn_build_input(graph, v)) {
            return qn_no_memory(r->context);
        }
        if (r->findings != NULL) {
            qn_examine_value_info(r, graph, info, "graph input");
        }
        code = qn_read_type(r, info->type, &v->declared);
        code = qn_reader_absorb(r, code);
        if (code != QUERN_OK) {
            return code;
        }
        v->info_origin =
            qn_reader_span(r, info->quern_offset, info->quern_size);
    }
    return QUERN_OK;
}

/* Takes the name of an initializer; *out_value NULL: it has none, or one that
 * is used up, and reading may go on without it. */
static enum quern_code initializer_value(struct qn_reader *r,
                                         struct quern_graph *graph,
                                         const char *name, uint64_t offset,
                                         struct quern_value **out_value)
{
    struct quern_value *v = NULL;
    enum quern_code code = QUERN_OK;
    if (name == NULL || *name == '\0') {
        code = qn_reader_fail(r, QUERN_INVALID_MODEL, offset, NULL,
                              "initializer without a name");
    } else {
        code = get_value(r, graph, name, &v);
        if (code == QUERN_OK && (v->tensor != NULL || v->is_opaque)) {
            v = NULL;
            code = qn_reader_fail(r, QUERN_INVALID_MODEL, offset, name,
                                  "initializer stands twice");
        }
    }
    *out_value = v;
    return v == NULL ? qn_reader_absorb(r, code) : code;
}

static enum quern_code read_initializer(struct qn_reader *r,
                                        const Onnx__TensorProto *t,
                                        struct quern_graph *graph)
{
    struct quern_value *v = NULL;
    struct quern_tensor *tensor = NULL;
    enum quern_code code =
        initializer_value(r, graph, t->name, t->quern_offset, &v);
    if (code != QUERN_OK || v == NULL) {
        return code;
    }
    if (r->findings != NULL) {
        qn_examine_initializer(r, t, v);
    }
    code = qn_read_tensor(r, t, &tensor);
    if (code != QUERN_OK) {
        v->is_opaque = true;
        return qn_reader_absorb(r, code);
    }
    if (!qn_build_initializer(v, tensor)) {
        return qn_no_memory(r->context);
    }
    v->tensor_origin = qn_reader_span(r, t->quern_offset, t->quern_size);
    return QUERN_OK;
}

static enum quern_code read_initializers(struct qn_reader *r,
                                         const Onnx__GraphProto *p,
                                         struct quern_graph *graph)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < p->n_initializer && code == QUERN_OK; i++) {
        code = read_initializer(r, p->initializer[i], graph);
    }
    for (size_t i = 0; i < p->n_sparse_initializer && code == QUERN_OK; i++) {
        const Onnx__SparseTensorProto *s = p->sparse_initializer[i];
        struct quern_value *v = NULL;
        code = initializer_value(r, graph,
                                 s->values != NULL ? s->values->name : NULL,
                                 s->quern_offset, &v);
        if (v != NULL) {
            v->is_opaque = true;
        }
        if (r->findings != NULL && code == QUERN_OK) {
            qn_examine_sparse(r, s, NULL);
        }
    }
    return code;
}

/* ---------------------------------------------------------------- nodes */

/* A value whose name is like `name`, but free. */
static enum quern_code other_value(struct qn_reader *r,
                                   struct quern_graph *graph, const char *name,
                                   struct quern_value **out)
{
    const char *free_name = qn_names_unique(r->model, name);
    return free_name != NULL ? get_value(r, graph, free_name, out)
                             : qn_no_memory(r->context);
}

static enum quern_code make_outputs(struct qn_reader *r,
                                    const Onnx__NodeProto *p,
                                    struct quern_graph *graph,
                                    struct quern_value **outputs)
{
    for (size_t i = 0; i < p->n_output; i++) {
        outputs[i] = NULL;
        if (*p->output[i] == '\0') {
            continue;
        }
        enum quern_code code = get_value(r, graph, p->output[i], &outputs[i]);
        if (code != QUERN_OK) {
            return code;
        }
        struct quern_value *v = outputs[i];
        if (v->producer != NULL || v->is_input || v->tensor != NULL ||
            v->is_opaque) {
            code =
                qn_reader_fail(r, QUERN_INVALID_MODEL, p->quern_offset, v->name,
                               "value is made twice; second time by node "
                               "'%s' (%s)",
                               p->name != NULL ? p->name : "",
                               p->op_type != NULL ? p->op_type : "");
            code = qn_reader_absorb(r, code);
            outputs[i] = NULL;
            if (code == QUERN_OK) { /* go on under another name */
                code = other_value(r, graph, v->name, &outputs[i]);
            }
            if (code != QUERN_OK) {
                return code;
            }
        }
    }
    return QUERN_OK;
}

static enum quern_code find_inputs(struct qn_reader *r,
                                   const Onnx__NodeProto *p,
                                   struct quern_graph *graph,
                                   struct quern_value **inputs)
{
    for (size_t i = 0; i < p->n_input; i++) {
        inputs[i] = NULL;
        if (*p->input[i] == '\0') {
            continue;
        }
        inputs[i] = quern_graph_find(graph, p->input[i]);
        if (inputs[i] == NULL && r->findings != NULL) {
            /* A value that nobody makes: the verifier reports it. */
            enum quern_code code = get_value(r, graph, p->input[i], &inputs[i]);
            if (code != QUERN_OK) {
                return code;
            }
        }
        if (inputs[i] == NULL) {
            return qn_reader_fail(r, QUERN_INVALID_MODEL, p->quern_offset,
                                  p->input[i],
                                  "input %zu of node '%s' (%s) is made nowhere",
                                  i, p->name != NULL ? p->name : "",
                                  p->op_type != NULL ? p->op_type : "");
        }
    }
    return QUERN_OK;
}

static enum quern_code read_attrs(struct qn_reader *r, const Onnx__NodeProto *p,
                                  struct quern_node *node)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < p->n_attribute && code == QUERN_OK; i++) {
        const Onnx__AttributeProto *a = p->attribute[i];
        struct qn_attr *attr = NULL;
        if (a->name != NULL && qn_node_attr(node, a->name) != NULL) {
            code = qn_reader_fail(r, QUERN_INVALID_MODEL, p->quern_offset, NULL,
                                  "node '%s' (%s) has attribute '%s' twice",
                                  node->name, node->op, a->name);
            code = qn_reader_absorb(r, code);
            continue;
        }
        code = qn_read_attr(r, a, node, node->graph, &attr);
    }
    return code;
}

static enum quern_code read_node(struct qn_reader *r, const Onnx__NodeProto *p,
                                 struct quern_graph *graph,
                                 struct quern_value **outputs)
{
    struct quern_value **inputs =
        qn_arena_alloc_n(&r->scratch, p->n_input, sizeof(struct quern_value *));
    if (inputs == NULL) {
        return qn_no_memory(r->context);
    }
    enum quern_code code = QUERN_OK;
    const char *op = p->op_type != NULL ? p->op_type : "";
    if (*op == '\0') {
        code = qn_reader_fail(r, QUERN_INVALID_MODEL, p->quern_offset, NULL,
                              "node '%s' has no operator type",
                              p->name != NULL ? p->name : "");
        code = qn_reader_absorb(r, code);
    }
    if (code == QUERN_OK) {
        code = find_inputs(r, p, graph, inputs);
    }
    if (code != QUERN_OK) {
        return code;
    }
    struct quern_node *node = qn_build_node(
        graph, qn_domain(p->domain), op, p->name != NULL ? p->name : "", inputs,
        p->n_input, outputs, p->n_output);
    if (node == NULL) {
        return qn_no_memory(r->context);
    }
    if (p->overload != NULL) {
        node->overload = qn_arena_strdup(&r->model->arena, p->overload);
    }
    node->origin = qn_reader_span(r, p->quern_offset, p->quern_size);
    node->source = node->origin;
    if (r->findings != NULL) {
        qn_examine_node(r, p, node);
    }
    return read_attrs(r, p, node);
}

/* ---------------------------------------------------------------- order */

/* Node of `graph` that holds or is `node`; NULL when it lies elsewhere. */
static const struct quern_node *lift(const struct quern_node *node,
                                     const struct quern_graph *graph)
{
    while (node != NULL && node->graph != graph) {
        node = node->graph->parent;
    }
    return node;
}

static bool in_order(const struct quern_graph *graph)
{
    for (const struct quern_value *v = graph->first_value; v != NULL;
         v = v->next_value) {
        for (const struct quern_use *u = v->first_use;
             u != NULL && v->producer != NULL; u = u->next) {
            const struct quern_node *user = lift(u->node, graph);
            if (user != NULL && user->order <= v->producer->order) {
                return false;
            }
        }
    }
    return true;
}

/* Nodes that wait for one node, in Kahn's algorithm. */
struct wait {
    struct quern_node *node;
    size_t n_open; /* uses of values that are not made yet */
};

static size_t index_of(const struct quern_node *node)
{
    return (size_t)(node->order >> 32); /* readers number with a gap of 2^32 */
}

/* Depth-first over producers would recurse; Kahn's algorithm with a queue keeps
 * the file's order where it can. */
static enum quern_code sort(struct qn_reader *r, struct quern_graph *graph)
{
    size_t n = graph->n_nodes;
    struct wait *waits = qn_arena_alloc_n(&r->scratch, n, sizeof *waits);
    struct quern_node **queue =
        qn_arena_alloc_n(&r->scratch, n, sizeof(struct quern_node *));
    if (waits == NULL || queue == NULL) {
        return qn_no_memory(r->context);
    }
    for (struct quern_node *m = graph->first; m != NULL; m = m->next) {
        waits[index_of(m)].node = m;
    }
    for (const struct quern_value *v = graph->first_value; v != NULL;
         v = v->next_value) {
        for (const struct quern_use *u = v->first_use;
             u != NULL && v->producer != NULL; u = u->next) {
            const struct quern_node *user = lift(u->node, graph);
            if (user != NULL) {
                waits[index_of(user)].n_open++;
            }
        }
    }
    size_t n_queue = 0;
    for (size_t i = 0; i < n; i++) {
        if (waits[i].n_open == 0) {
            queue[n_queue++] = waits[i].node;
        }
    }
    for (size_t i = 0; i < n_queue; i++) {
        for (size_t k = 0; k < queue[i]->n_outputs; k++) {
            const struct quern_value *v = queue[i]->outputs[k];
            for (const struct quern_use *u = v != NULL ? v->first_use : NULL;
                 u != NULL; u = u->next) {
                const struct quern_node *user = lift(u->node, graph);
                if (user != NULL && --waits[index_of(user)].n_open == 0) {
                    queue[n_queue++] = waits[index_of(user)].node;
                }
            }
        }
    }
    for (size_t i = 0; n_queue < n && i < n; i++) {
        if (waits[i].n_open > 0) {
            struct quern_place place = quern_node_place(waits[i].node);
            return quern_fail(r->context, QUERN_INVALID_MODEL, &place,
                              "node stands in a cycle");
        }
    }
    qn_build_reorder(graph, queue);
    qn_reader_warn(r,
                   "nodes of graph '%s' were out of order and have been sorted",
                   graph->name);
    return QUERN_OK;
}

enum quern_code qn_read_nodes(struct qn_reader *r, Onnx__NodeProto *const *list,
                              size_t n, struct quern_graph *graph)
{
    struct quern_value ***outputs =
        qn_arena_alloc_n(&r->scratch, n, sizeof(struct quern_value **));
    enum quern_code code =
        outputs != NULL ? QUERN_OK : qn_no_memory(r->context);
    /* All values first: nodes may stand in any order. */
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        outputs[i] = qn_arena_alloc_n(&r->scratch, list[i]->n_output,
                                      sizeof(struct quern_value *));
        code = outputs[i] != NULL ? make_outputs(r, list[i], graph, outputs[i])
                                  : qn_no_memory(r->context);
        for (size_t k = 0; code == QUERN_OK && k < list[i]->n_output; k++) {
            if (outputs[i][k] != NULL) {
                outputs[i][k]->producer = &r->pending; /* until it is built */
            }
        }
    }
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        code = read_node(r, list[i], graph, outputs[i]);
    }
    if (code == QUERN_OK && r->findings == NULL && !in_order(graph)) {
        code = sort(r, graph);
    }
    return code;
}

/* ---------------------------------------------------------------- graph */

static enum quern_code read_outputs(struct qn_reader *r,
                                    const Onnx__GraphProto *p,
                                    struct quern_graph *graph)
{
    for (size_t i = 0; i < p->n_output; i++) {
        const Onnx__ValueInfoProto *info = p->output[i];
        const char *name = info->name != NULL ? info->name : "";
        /* A body may hand out a value of the graph around it. */
        struct quern_value *v =
            *name != '\0' ? quern_graph_find(graph, name) : NULL;
        enum quern_code code = QUERN_OK;
        if (v == NULL && (r->findings == NULL || *name == '\0')) {
            code = qn_reader_fail(r, QUERN_INVALID_MODEL, info->quern_offset,
                                  name, "graph output %s",
                                  *name != '\0' ? "is made nowhere"
                                                : "has no name");
            if (qn_reader_absorb(r, code) != QUERN_OK) {
                return code;
            }
            continue;
        }
        if (v == NULL) { /* the verifier reports it */
            code = get_value(r, graph, name, &v);
        }
        if (code != QUERN_OK) {
            return code;
        }
        if (r->findings != NULL) {
            qn_examine_value_info(r, graph, info, "graph output");
        }
        if (!qn_build_output(graph, v)) {
            return qn_no_memory(r->context);
        }
        if (v->info_origin.data == NULL && v->graph == graph) {
            v->info_origin =
                qn_reader_span(r, info->quern_offset, info->quern_size);
            code = qn_read_type(r, info->type, &v->declared);
            code = qn_reader_absorb(r, code);
            if (code != QUERN_OK) {
                return code;
            }
        }
    }
    return QUERN_OK;
}

static enum quern_code read_hints(struct qn_reader *r,
                                  const Onnx__GraphProto *p,
                                  struct quern_graph *graph)
{
    for (size_t i = 0; i < p->n_value_info; i++) {
        const Onnx__ValueInfoProto *info = p->value_info[i];
        struct quern_value *v =
            info->name != NULL ? qn_graph_own_value(graph, info->name) : NULL;
        if (v == NULL || v->info_origin.data != NULL) {
            continue;
        }
        v->info_origin =
            qn_reader_span(r, info->quern_offset, info->quern_size);
        enum quern_code code = qn_read_type(r, info->type, &v->declared);
        code = qn_reader_absorb(r, code);
        if (code != QUERN_OK) {
            return code;
        }
    }
    return QUERN_OK;
}

enum quern_code qn_read_graph(struct qn_reader *r, const Onnx__GraphProto *p,
                              struct quern_graph *graph)
{
    graph->name =
        qn_arena_strdup(&r->model->arena, p->name != NULL ? p->name : "");
    if (graph->name == NULL) {
        return qn_no_memory(r->context);
    }
    graph->origin = qn_reader_span(r, p->quern_offset, p->quern_size);
    enum quern_code code = read_inputs(r, p, graph);
    if (code == QUERN_OK) {
        code = read_initializers(r, p, graph);
    }
    if (code == QUERN_OK) {
        code = qn_read_nodes(r, p->node, p->n_node, graph);
    }
    if (code == QUERN_OK) {
        code = read_outputs(r, p, graph);
    }
    if (code == QUERN_OK) {
        code = read_hints(r, p, graph);
    }
    if (code == QUERN_OK && r->findings != NULL) {
        qn_examine_graph(r, graph, p);
    }
    return code;
}
