/* A model as a graph of Graphviz: boxes are nodes, edges values with their
 * types, bodies are clusters. Constants are not drawn: their number stands in
 * the box. */
#include "ir/print.h"

#include <string.h>

#define ESCAPED "\"\\"

static bool is_drawn(const struct quern_value *v)
{
    return v != NULL && (v->producer != NULL || v->is_input);
}

static void print_end(struct qn_printer *p, const struct quern_value *v)
{
    if (v->producer != NULL) {
        qn_print(p, "n%u", v->producer->id);
    } else {
        qn_print(p, "v%u", v->id);
    }
}

static void print_edge_label(struct qn_printer *p, const struct quern_value *v)
{
    const struct qn_type *type = qn_print_type_of(v);
    qn_print(p, " [label=\"");
    if (type != NULL) {
        qn_print_type(p, type);
    }
    qn_print(p, "\", tooltip=\"");
    qn_print_name(p, v->name, ESCAPED);
    qn_print(p, "\"];\n");
}

static void print_graph(struct qn_printer *p, const struct quern_graph *graph,
                        int depth);

static void print_node(struct qn_printer *p, const struct quern_node *node,
                       int depth)
{
    size_t n_constants = 0;
    for (size_t i = 0; i < node->n_inputs; i++) {
        const struct quern_value *v = node->inputs[i]->value;
        n_constants += v != NULL && !is_drawn(v);
    }
    qn_print_indent(p, depth);
    qn_print(p, "n%u [label=\"", node->id);
    qn_print_name(p, node->op, ESCAPED);
    if (n_constants > 0) {
        qn_print(p, "\\n%zu constants", n_constants);
    }
    qn_print(p, "\", tooltip=\"");
    qn_print_name(p, node->name, ESCAPED);
    qn_print(p, "\"];\n");
    for (size_t i = 0; i < node->n_inputs; i++) {
        const struct quern_value *v = node->inputs[i]->value;
        if (is_drawn(v)) {
            qn_print_indent(p, depth);
            print_end(p, v);
            qn_print(p, " -> n%u", node->id);
            print_edge_label(p, v);
        }
    }
    size_t n = quern_node_n_subgraphs(node);
    for (size_t i = 0; i < n; i++) {
        const struct quern_graph *body = quern_node_subgraph(node, i);
        qn_print_indent(p, depth);
        qn_print(p, "subgraph cluster_%u {\n", body->id);
        qn_print_indent(p, depth + 1);
        qn_print(p, "label=\"");
        qn_print_name(p, body->name, ESCAPED);
        qn_print(p, "\";\n");
        print_graph(p, body, depth + 1);
        qn_print_indent(p, depth);
        qn_print(p, "}\n");
    }
}

/* Depth is bounded by the nesting limit of the reader. */
static void print_graph(struct qn_printer *p, const struct quern_graph *graph,
                        int depth)
{
    for (size_t i = 0; i < graph->n_inputs; i++) {
        qn_print_indent(p, depth);
        qn_print(p, "v%u [shape=ellipse, label=\"", graph->inputs[i]->id);
        qn_print_name(p, graph->inputs[i]->name, ESCAPED);
        qn_print(p, "\"];\n");
    }
    for (const struct quern_node *n = graph->first; n != NULL; n = n->next) {
        print_node(p, n, depth);
    }
    for (size_t i = 0; i < graph->n_outputs; i++) {
        const struct quern_value *v = graph->outputs[i]->value;
        qn_print_indent(p, depth);
        qn_print(p, "o%u_%zu [shape=ellipse, label=\"", graph->id, i);
        qn_print_name(p, v->name, ESCAPED);
        qn_print(p, "\"];\n");
        if (is_drawn(v)) {
            qn_print_indent(p, depth);
            print_end(p, v);
            qn_print(p, " -> o%u_%zu", graph->id, i);
            print_edge_label(p, v);
        }
    }
}

void qn_print_dot(struct qn_printer *p, const struct quern_model *model)
{
    qn_print(p, "digraph \"");
    qn_print_name(p, model->graph->name, ESCAPED);
    qn_print(p, "\" {\n  node [shape=box];\n");
    print_graph(p, model->graph, 1);
    qn_print(p, "}\n");
}
