/* A model as text: one node a line, bodies indented below their node.
 *
 *     graph main(x: float[N, 3]) -> (y: float[N, 4]) {
 *       w: float[3, 4]
 *       y: float[N, 4] = MatMul(x, w)  # 'head'
 *     }
 */
#include "ir/print.h"

#include <string.h>

static void print_value(struct qn_printer *p, const struct quern_value *value)
{
    if (value == NULL) {
        qn_print(p, "_"); /* left out */
        return;
    }
    qn_print_name(p, value->name, "");
}

static void print_typed(struct qn_printer *p, const struct quern_value *value)
{
    const struct qn_type *type = value != NULL ? qn_print_type_of(value) : NULL;
    print_value(p, value);
    if (type != NULL) {
        qn_print(p, ": ");
        qn_print_type(p, type);
    }
}

static bool holds_graphs(const struct qn_attr *attr)
{
    return attr->ref_name == NULL &&
           (attr->type == QN_ATTR_GRAPH || attr->type == QN_ATTR_GRAPHS);
}

static void print_attrs(struct qn_printer *p, const struct quern_node *node)
{
    const char *before = " {";
    for (const struct qn_attr *a = node->attrs; a != NULL; a = a->next) {
        if (holds_graphs(a)) {
            continue;
        }
        qn_print(p, "%s", before);
        qn_print_name(p, a->name, "");
        qn_print(p, " = ");
        qn_print_attr(p, a);
        before = ", ";
    }
    if (*before == ',') {
        qn_print(p, "}");
    }
}

static void print_graph(struct qn_printer *p, const struct quern_graph *graph,
                        const char *what, const char *name, int depth);

static void print_bodies(struct qn_printer *p, const struct quern_node *node,
                         int depth)
{
    for (const struct qn_attr *a = node->attrs; a != NULL; a = a->next) {
        for (size_t i = 0; holds_graphs(a) && i < a->len; i++) {
            print_graph(p, a->u.graphs[i], a->name, a->u.graphs[i]->name,
                        depth);
        }
    }
}

static void print_node(struct qn_printer *p, const struct quern_node *node,
                       int depth)
{
    qn_print_indent(p, depth);
    for (size_t i = 0; i < node->n_outputs; i++) {
        qn_print(p, "%s", i > 0 ? ", " : "");
        print_typed(p, node->outputs[i]);
    }
    qn_print(p, " = ");
    if (*node->domain != '\0') {
        qn_print_name(p, node->domain, "");
        qn_print(p, ".");
    }
    qn_print_name(p, node->op, "");
    qn_print(p, "(");
    for (size_t i = 0; i < node->n_inputs; i++) {
        qn_print(p, "%s", i > 0 ? ", " : "");
        print_value(p, node->inputs[i]->value);
    }
    qn_print(p, ")");
    print_attrs(p, node);
    if (*node->name != '\0') {
        qn_print(p, "  # '");
        qn_print_name(p, node->name, "'");
        qn_print(p, "'");
    }
    qn_print(p, "\n");
    print_bodies(p, node, depth + 1);
}

/* Depth is bounded by the nesting limit of the reader. */
static void print_graph(struct qn_printer *p, const struct quern_graph *graph,
                        const char *what, const char *name, int depth)
{
    qn_print_indent(p, depth);
    qn_print_name(p, what, "");
    qn_print(p, " ");
    qn_print_name(p, name, "");
    qn_print(p, "(");
    for (size_t i = 0; i < graph->n_inputs; i++) {
        qn_print(p, "%s", i > 0 ? ", " : "");
        print_typed(p, graph->inputs[i]);
    }
    qn_print(p, ") -> (");
    for (size_t i = 0; i < graph->n_outputs; i++) {
        qn_print(p, "%s", i > 0 ? ", " : "");
        print_typed(p, graph->outputs[i]->value);
    }
    qn_print(p, ") {\n");
    for (const struct quern_value *v = graph->first_init; v; v = v->next_init) {
        qn_print_indent(p, depth + 1);
        print_typed(p, v);
        qn_print(p, "%s\n", v->is_input ? "  # default of an input" : "");
    }
    for (const struct quern_node *n = graph->first; n != NULL; n = n->next) {
        print_node(p, n, depth + 1);
    }
    qn_print_indent(p, depth);
    qn_print(p, "}\n");
}

void qn_print_text(struct qn_printer *p, const struct quern_model *model)
{
    qn_print(p, "ir %lld\n", (long long)model->ir_version);
    for (size_t i = 0; i < model->n_opsets; i++) {
        const char *domain = model->opsets[i].domain;
        qn_print(p, "opset ");
        qn_print_name(p, *domain != '\0' ? domain : "ai.onnx", "");
        qn_print(p, " %lld\n", (long long)model->opsets[i].version);
    }
    for (const struct quern_function *f = model->functions; f; f = f->next) {
        qn_print(p, "\n");
        print_graph(p, f->body, "function", f->name, 0);
    }
    qn_print(p, "\n");
    print_graph(p, model->graph, "graph", model->graph->name, 0);
}
