/* to-float16: places and their classes. */
#include "convert/float16.h"

#include <string.h>

enum { N_VARIABLES = 256 };

enum quern_code qn_half_each(struct qn_half *h, struct quern_graph *graph,
                             bool backward, qn_half_fn fn)
{
    enum quern_code code = QUERN_OK;
    struct quern_node *next = NULL;
    for (struct quern_node *n = backward ? quern_graph_last(graph)
                                         : quern_graph_first(graph);
         n != NULL && code == QUERN_OK; n = next) {
        next = backward ? quern_node_prev(n) : quern_node_next(n);
        size_t n_bodies = quern_node_n_subgraphs(n);
        code = backward ? QUERN_OK : fn(h, n);
        for (size_t i = 0; i < n_bodies && code == QUERN_OK; i++) {
            code = qn_half_each(h, quern_node_subgraph(n, i), backward, fn);
        }
        if (code == QUERN_OK && backward) {
            code = fn(h, n);
        }
    }
    return code == QUERN_OK ? quern_pass_poll(h->ctx) : code;
}

bool qn_half_has(const struct qn_half *h, const struct quern_value *v,
                 enum qn_half_flag flag)
{
    return v != NULL && quern_value_id(v) < h->n_values &&
           (h->flags[quern_value_id(v)] & flag) != 0;
}

bool qn_half_wide(const struct qn_half *h, const struct quern_value *v)
{
    return qn_half_has(h, v, QN_HALF_WIDE);
}

void qn_half_mark(struct qn_half *h, const struct quern_value *v,
                  enum qn_half_flag flag)
{
    h->flags[quern_value_id(v)] |= (uint16_t)flag;
}

uint32_t qn_half_of(const struct quern_value *v)
{
    return quern_value_id(v);
}

uint32_t qn_half_read(const struct qn_half *h, const struct quern_node *node,
                      size_t i)
{
    return h->base[quern_node_id(node)] + (uint32_t)i;
}

static uint32_t root_of(struct qn_half *h, uint32_t place)
{
    while (h->up[place] != place) {
        h->up[place] = h->up[h->up[place]];
        place = h->up[place];
    }
    return place;
}

static void join(struct qn_half *h, uint32_t a, uint32_t b)
{
    a = root_of(h, a);
    b = root_of(h, b);
    if (a == b) {
        return;
    }
    if (h->n_places[a] < h->n_places[b]) {
        uint32_t c = a;
        a = b;
        b = c;
    }
    h->up[b] = a;
    h->n_places[a] += h->n_places[b];
    h->reason[a] = h->reason[a] != NULL ? h->reason[a] : h->reason[b];
}

void qn_half_keep(struct qn_half *h, uint32_t place, const char *why)
{
    uint32_t root = root_of(h, place);
    h->reason[root] = h->reason[root] != NULL ? h->reason[root] : why;
}

const char *qn_half_why(struct qn_half *h, uint32_t place)
{
    return h->reason[root_of(h, place)];
}

void qn_half_keep_node(struct qn_half *h, const struct quern_node *node,
                       const char *why)
{
    for (size_t i = 0; i < quern_node_n_inputs(node); i++) {
        if (qn_half_wide(h, quern_node_input(node, i))) {
            qn_half_keep(h, qn_half_read(h, node, i), why);
        }
    }
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        if (qn_half_wide(h, quern_node_output(node, i))) {
            qn_half_keep(h, qn_half_of(quern_node_output(node, i)), why);
        }
    }
}

const char *qn_half_why_node(struct qn_half *h, const struct quern_node *node)
{
    const char *why = NULL;
    for (size_t i = 0; i < quern_node_n_outputs(node) && why == NULL; i++) {
        if (qn_half_wide(h, quern_node_output(node, i))) {
            why = qn_half_why(h, qn_half_of(quern_node_output(node, i)));
        }
    }
    for (size_t i = 0; i < quern_node_n_inputs(node) && why == NULL; i++) {
        if (qn_half_wide(h, quern_node_input(node, i))) {
            why = qn_half_why(h, qn_half_read(h, node, i));
        }
    }
    return why;
}

/* -------------------------------------------------------------- operators */

const char *qn_half_type_attr(const struct quern_node *node)
{
    static const char *const by_dtype[] = {"RandomNormal",
                                           "RandomUniform",
                                           "RandomNormalLike",
                                           "RandomUniformLike",
                                           "EyeLike",
                                           "Bernoulli",
                                           NULL};
    return quern_node_is(node, "Cast")    ? "to"
           : qn_is_one_of(node, by_dtype) ? "dtype"
                                          : NULL;
}

/* Their output has the type of input 0 when no attribute says another. */
static bool follows_input(const struct quern_node *node)
{
    static const char *const ops[] = {"RandomNormalLike", "RandomUniformLike",
                                      "EyeLike", "Bernoulli", NULL};
    return qn_is_one_of(node, ops) && !quern_node_has_attr(node, "dtype");
}

bool qn_half_has_own_type(const struct quern_node *node)
{
    static const char *const tensors[] = {"ConstantOfShape", "Constant", NULL};
    return (qn_half_type_attr(node) != NULL && !follows_input(node)) ||
           qn_is_one_of(node, tensors);
}

/* A value that is no tensor but holds floats, or of which nothing is known:
 * nothing can be put in front of it. */
static bool is_closed(const struct qn_half *h, const struct quern_value *v)
{
    return v != NULL && !qn_half_wide(h, v) &&
           (quern_value_dtype(v) == QUERN_UNDEFINED ||
            (quern_value_kind(v) != QUERN_KIND_TENSOR &&
             quern_value_dtype(v) == QUERN_FLOAT));
}

static bool has_closed(const struct qn_half *h, const struct quern_node *node)
{
    bool closed = false;
    for (size_t i = 0; i < quern_node_n_inputs(node); i++) {
        closed = closed || is_closed(h, quern_node_input(node, i));
    }
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        closed = closed || is_closed(h, quern_node_output(node, i));
    }
    return closed;
}

/* Places by type variable of one node; 0: none yet. */
struct variables {
    uint32_t first[N_VARIABLES];
    bool is_read[N_VARIABLES]; /* bound by an input */
    bool is_one; /* runtimes lack the operator with types that differ */
};

/* -1: the port has no variable. */
static int variable_of(const struct variables *v, const struct quern_port *port)
{
    return port->variable >= N_VARIABLES      ? -1
           : v->is_one && port->variable >= 0 ? 0
                                              : port->variable;
}

static void join_port(struct qn_half *h, uint32_t place,
                      const struct quern_port *port, struct variables *v,
                      bool is_input)
{
    if ((port->types >> (unsigned)h->narrow & 1) == 0) {
        qn_half_keep(h, place, "its operator takes no such type");
    }
    int k = variable_of(v, port);
    if (k < 0) {
        return;
    }
    if (v->first[k] != 0) {
        join(h, place, v->first[k] - 1);
    }
    v->first[k] = place + 1;
    v->is_read[k] = v->is_read[k] || is_input;
}

static void join_outputs(struct qn_half *h, const struct quern_node *node,
                         struct variables *variables)
{
    struct quern_port port;
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        const struct quern_value *y = quern_node_output(node, i);
        if (!qn_half_wide(h, y)) {
            continue;
        }
        if (!quern_node_output_port(node, i, &port)) {
            qn_half_keep_node(h, node, "it is no operator of ONNX");
            return;
        }
        join_port(h, qn_half_of(y), &port, variables, false);
        int k = variable_of(variables, &port);
        bool bound = k >= 0 && variables->is_read[k];
        if (follows_input(node) && qn_half_wide(h, quern_node_input(node, 0))) {
            join(h, qn_half_of(y), qn_half_read(h, node, 0));
        } else if (!bound && !qn_half_has_own_type(node)) {
            qn_half_keep(h, qn_half_of(y), "its operator fixes the type");
        }
    }
}

/* The scale of DequantizeLinear is what its output is, unless it says more. */
static void join_scale(struct qn_half *h, const struct quern_node *node)
{
    const struct quern_value *y = quern_node_output(node, 0);
    if (quern_node_is(node, "DequantizeLinear") && qn_half_wide(h, y) &&
        qn_half_wide(h, quern_node_input(node, 1))) {
        join(h, qn_half_of(y), qn_half_read(h, node, 1));
    }
    if (quern_node_has_attr(node, "output_dtype")) {
        qn_half_keep_node(h, node, "an attribute fixes its type");
    }
}

static void join_plain(struct qn_half *h, const struct quern_node *node)
{
    static const char *const ones[] = {"Attention", "RMSNormalization", NULL};
    struct variables variables;
    struct quern_port port;
    memset(&variables, 0, sizeof variables);
    variables.is_one = qn_is_one_of(node, ones);
    for (size_t i = 0; i < quern_node_n_inputs(node); i++) {
        if (!qn_half_wide(h, quern_node_input(node, i))) {
            continue;
        }
        if (!quern_node_input_port(node, i, &port)) {
            qn_half_keep_node(h, node, "it is no operator of ONNX");
            return;
        }
        join_port(h, qn_half_read(h, node, i), &port, &variables, true);
    }
    join_outputs(h, node, &variables);
    join_scale(h, node);
}

/* ----------------------------------------------------------- control flow */

static void join_values(struct qn_half *h, const struct quern_value *a,
                        const struct quern_value *b)
{
    if (qn_half_wide(h, a) && qn_half_wide(h, b)) {
        join(h, qn_half_of(a), qn_half_of(b));
    } else if (qn_half_wide(h, a) || qn_half_wide(h, b)) {
        qn_half_keep(h, qn_half_of(qn_half_wide(h, a) ? a : b),
                     "the type of what it is joined with is not known");
    }
}

static void join_read(struct qn_half *h, const struct quern_node *node,
                      size_t i, const struct quern_value *inside)
{
    if (qn_half_wide(h, quern_node_input(node, i)) && qn_half_wide(h, inside)) {
        join(h, qn_half_read(h, node, i), qn_half_of(inside));
    } else if (qn_half_wide(h, quern_node_input(node, i))) {
        qn_half_keep(h, qn_half_read(h, node, i),
                     "the type of what it is joined with is not known");
    }
}

/* Value of the node whose type output k of a body must have; NULL: none. */
static const struct quern_value *outside_of(const struct quern_node *node,
                                            const struct quern_graph *body,
                                            size_t k)
{
    if (quern_node_is(node, "Loop")) {
        if (k == 0) {
            return NULL;
        }
        return k + 1 < quern_graph_n_inputs(body)
                   ? quern_graph_input(body, k + 1)
                   : quern_node_output(node, k - 1);
    }
    if (quern_node_is(node, "Scan")) {
        size_t n_states = quern_graph_n_inputs(body) -
                          (size_t)quern_node_int(node, "num_scan_inputs", 0);
        return k < n_states ? quern_graph_input(body, k)
                            : quern_node_output(node, k);
    }
    return quern_node_output(node, k);
}

/* A value that a body hands out without making it has the type wanted. */
static void join_body(struct qn_half *h, const struct quern_node *node,
                      const struct quern_graph *body)
{
    for (size_t k = 0; k < quern_graph_n_outputs(body); k++) {
        const struct quern_value *y = quern_graph_output(body, k);
        const struct quern_value *out = outside_of(node, body, k);
        const struct quern_node *maker = quern_value_producer(y);
        bool is_made = maker != NULL && quern_node_graph(maker) == body &&
                       quern_value_constant(y) == NULL;
        if (qn_half_wide(h, y) && out == NULL) {
            qn_half_keep(h, qn_half_of(y), "nothing says its type outside");
        } else if (qn_half_wide(h, y) && !(is_made && qn_half_wide(h, out))) {
            join_values(h, y, out);
        } else if (!qn_half_wide(h, y) && qn_half_wide(h, out)) {
            qn_half_keep(h, qn_half_of(out), "its branches differ in type");
        }
    }
}

static void join_states(struct qn_half *h, const struct quern_node *node,
                        const struct quern_graph *body)
{
    bool is_loop = quern_node_is(node, "Loop");
    size_t first = is_loop ? 2 : 0;
    for (size_t i = first;
         i < quern_node_n_inputs(node) && i < quern_graph_n_inputs(body); i++) {
        join_read(h, node, i, quern_graph_input(body, i));
    }
    /* Outputs behind the states are collected inside. */
    size_t n_states =
        is_loop ? quern_graph_n_inputs(body) - 2
                : quern_graph_n_inputs(body) -
                      (size_t)quern_node_int(node, "num_scan_inputs", 0);
    for (size_t i = 0; i < n_states && i < quern_node_n_outputs(node); i++) {
        if (quern_node_output(node, i) != NULL) {
            join_values(h, quern_node_output(node, i),
                        quern_graph_input(body, i + first));
        }
    }
}

/* If, Loop and Scan take bfloat16 from opset 16 on. */
static bool takes_type(const struct qn_half *h, const struct quern_node *node)
{
    struct quern_port port;
    return !quern_node_output_port(node, 0, &port) ||
           (port.types >> (unsigned)h->narrow & 1) != 0;
}

static void join_bodies(struct qn_half *h, const struct quern_node *node)
{
    static const char *const known[] = {"If", "Loop", "Scan", NULL};
    if (!qn_is_one_of(node, known) ||
        (quern_node_is(node, "Scan") && quern_node_opset(node) < 9)) {
        qn_half_keep_node(h, node, "its bodies are not understood");
        for (size_t i = 0; i < quern_node_n_subgraphs(node); i++) {
            const struct quern_graph *body = quern_node_subgraph(node, i);
            for (size_t k = 0; k < quern_graph_n_inputs(body); k++) {
                qn_half_keep(h, qn_half_of(quern_graph_input(body, k)),
                             "its bodies are not understood");
            }
            for (size_t k = 0; k < quern_graph_n_outputs(body); k++) {
                qn_half_keep(h, qn_half_of(quern_graph_output(body, k)),
                             "its bodies are not understood");
            }
        }
        return;
    }
    for (size_t i = 0; i < quern_node_n_subgraphs(node); i++) {
        if (!quern_node_is(node, "If")) {
            join_states(h, node, quern_node_subgraph(node, i));
        }
        join_body(h, node, quern_node_subgraph(node, i));
    }
    if (!takes_type(h, node)) {
        qn_half_keep_node(h, node, "its operator takes no such type");
    }
}

static enum quern_code join_node(struct qn_half *h, struct quern_node *node)
{
    if (quern_node_n_subgraphs(node) > 0) {
        join_bodies(h, node);
    } else if (has_closed(h, node)) {
        qn_half_keep_node(h, node, "it reads or makes no plain tensors");
    } else {
        join_plain(h, node);
    }
    return QUERN_OK;
}

enum quern_code qn_half_join(struct qn_half *h)
{
    return qn_half_each(h, quern_model_graph(h->model), false, join_node);
}

/* ---------------------------------------------------------------- answers */

bool qn_half_is_narrow(struct qn_half *h, const struct quern_value *v)
{
    return qn_half_wide(h, v) && qn_half_why(h, qn_half_of(v)) == NULL;
}

bool qn_half_wants(struct qn_half *h, const struct quern_value *v,
                   const struct quern_use *use)
{
    const struct quern_node *node = quern_use_node(use);
    size_t i = quern_use_index(use);
    if (node != NULL) {
        uint32_t root = root_of(h, qn_half_read(h, node, i));
        bool either = h->n_places[root] == 1 && h->reason[root] == NULL;
        return either ? qn_half_is_narrow(h, v) : h->reason[root] == NULL;
    }
    const struct quern_graph *graph = quern_value_graph(v);
    const struct quern_node *parent = quern_graph_parent(graph);
    if (parent == NULL) {
        return h->on_outputs == NULL &&
               (qn_half_is_narrow(h, v) || !qn_half_has(h, v, QN_HALF_LARGE));
    }
    const struct quern_value *out = outside_of(parent, graph, i);
    return qn_half_is_narrow(h, qn_half_wide(h, out) ? out : v);
}

bool qn_half_takes_wide(struct qn_half *h, const struct quern_value *v,
                        const struct quern_use *use)
{
    const struct quern_node *node = quern_use_node(use);
    if (node == NULL) {
        return !qn_half_wants(h, v, use);
    }
    uint32_t root = root_of(h, qn_half_read(h, node, quern_use_index(use)));
    return h->reason[root] != NULL || h->n_places[root] == 1;
}
