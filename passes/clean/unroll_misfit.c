/* Why a Loop or Scan cannot be written out; see unroll_loops.c. */
#include "clean/unroll.h"
#include "common.h"

/* The value of a body that this one passes on without a change. */
static const struct quern_value *origin(const struct quern_value *v)
{
    const struct quern_node *p = quern_value_producer(v);
    while (p != NULL && quern_node_is(p, "Identity")) {
        v = quern_node_input(p, 0);
        p = quern_value_producer(v);
    }
    return v;
}

static bool goes_on(const struct qn_loop *l)
{
    const struct quern_value *start = quern_node_input(l->node, 1);
    const struct quern_value *next = origin(quern_graph_output(l->body, 0));
    int64_t on = 1;
    if (start != NULL && (!qn_known_int(start, &on) || on == 0)) {
        return false;
    }
    return next == quern_graph_input(l->body, 1) ||
           (qn_known_int(next, &on) && on != 0);
}

/* Why nodes of a body cannot be copied; NULL when they can. Bodies within
 * bodies are as deep as the reader of models allows. */
static const char *graph_misfit(const struct quern_graph *body)
{
    static const char *const random[] = {
        "RandomNormal",     "RandomUniform",
        "RandomNormalLike", "RandomUniformLike",
        "Multinomial",      "Bernoulli",
        "Dropout",          NULL};
    for (const struct quern_value *v = quern_graph_first_initializer(body);
         v != NULL; v = quern_value_next_initializer(v)) {
        if (quern_value_constant(v) == NULL) {
            return "its body holds an initializer that is no plain tensor";
        }
    }
    const char *why = NULL;
    for (const struct quern_node *n = quern_graph_first(body);
         n != NULL && why == NULL; n = quern_node_next(n)) {
        if (qn_is_one_of(n, random)) {
            return "its body may hold random numbers";
        }
        for (size_t i = 0; i < quern_node_n_subgraphs(n) && why == NULL; i++) {
            why = graph_misfit(quern_node_subgraph(n, i));
        }
    }
    return why;
}

/* Why the body cannot be written out; NULL when it can. */
static const char *misfit(const struct qn_loop *l)
{
    for (size_t i = 0; i < l->n_carried; i++) {
        if (quern_node_input(l->node, i + l->first_in) == NULL) {
            return "a value that it carries is left out";
        }
    }
    return graph_misfit(l->body);
}

int64_t qn_scan_listed(const struct qn_loop *l, const char *name, size_t i)
{
    const int64_t *values = NULL;
    size_t n = 0;
    return l->is_scan &&
                   quern_node_attr_ints(l->node, name, &values, &n) ==
                       QUERN_OK &&
                   i < n
               ? values[i]
               : 0;
}

/* The size along which a Scan goes, as far as it is known of its inputs. */
static bool steps_of(const struct qn_loop *l, int64_t *out_steps)
{
    *out_steps = -1;
    for (size_t i = 0; i < l->n_scanned; i++) {
        const struct quern_value *x =
            quern_node_input(l->node, l->n_carried + i);
        int rank = x != NULL ? quern_value_rank(x) : -1;
        int64_t axis = qn_scan_listed(l, "scan_input_axes", i);
        axis += axis < 0 && rank > 0 ? rank : 0;
        if (axis < 0 || axis >= rank) {
            return false;
        }
        int64_t n = quern_value_dims(x)[axis].value;
        if (n >= 0 && *out_steps >= 0 && n != *out_steps) {
            return false;
        }
        *out_steps = n >= 0 ? n : *out_steps;
    }
    return true;
}

/* Numbers of inputs and outputs; false: the body has others. */
static bool count_parts(struct qn_loop *l)
{
    size_t n_in = quern_node_n_inputs(l->node);
    int64_t n_scanned =
        l->is_scan ? quern_node_int(l->node, "num_scan_inputs", 0) : 0;
    l->first_in = l->is_scan ? 0 : 2;
    l->first_out = l->is_scan ? 0 : 1;
    if (l->body == NULL || quern_graph_n_inputs(l->body) != n_in ||
        n_in < l->first_in || n_scanned < (l->is_scan ? 1 : 0) ||
        (uint64_t)n_scanned > n_in) {
        return false;
    }
    l->n_scanned = (size_t)n_scanned;
    l->n_carried = n_in - l->first_in - l->n_scanned;
    size_t n_out = quern_graph_n_outputs(l->body);
    l->n_outputs = n_out - l->first_out;
    return n_out >= l->n_carried + l->first_out &&
           l->n_outputs >= quern_node_n_outputs(l->node);
}

size_t qn_count_nodes(const struct quern_graph *graph)
{
    size_t count = quern_graph_n_nodes(graph);
    for (const struct quern_node *n = quern_graph_first(graph); n != NULL;
         n = quern_node_next(n)) {
        for (size_t i = 0; i < quern_node_n_subgraphs(n); i++) {
            count += qn_count_nodes(quern_node_subgraph(n, i));
        }
    }
    return count;
}

/* Nodes that a turn becomes: those of the body, a Gather for each part of a
 * Scan that is read, an Unsqueeze for each value that is collected. */
static int64_t nodes_of_turn(const struct qn_loop *l)
{
    size_t n = qn_count_nodes(l->body);
    for (size_t i = 0; i < l->n_scanned; i++) {
        n += qn_is_read(quern_graph_input(l->body, l->n_carried + i));
    }
    for (size_t i = l->n_carried; i < quern_node_n_outputs(l->node); i++) {
        n += qn_is_read(quern_node_output(l->node, i));
    }
    return (int64_t)n;
}

const char *qn_unroll_misfit(struct qn_loop *l,
                             const struct qn_unroll_params *p)
{
    if (l->is_scan && quern_node_opset(l->node) < 11) {
        return "it is a Scan below opset 11";
    }
    if (!count_parts(l)) {
        return "its body has other inputs or outputs than it";
    }
    bool known = l->is_scan
                     ? steps_of(l, &l->turns)
                     : qn_known_int(quern_node_input(l->node, 0), &l->turns);
    if (!known || l->turns < 0) {
        return "how often it runs is known only when the model runs";
    }
    if (!l->is_scan && !goes_on(l)) {
        return "its condition is not known to stay true";
    }
    int64_t size = nodes_of_turn(l);
    if (l->turns > p->max_turns ||
        (size > 0 && l->turns > p->max_nodes / size)) {
        return "it would grow beyond max-turns or max-nodes";
    }
    for (size_t i = l->n_carried; l->turns == 0 && i < l->n_outputs; i++) {
        if (i < quern_node_n_outputs(l->node) &&
            qn_is_read(quern_node_output(l->node, i))) {
            return "it never runs, and collects values of no known shape";
        }
    }
    return misfit(l);
}
