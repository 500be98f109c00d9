/* Which pairs of a quantized graph stand, once some of its layers are float. */
#include "quantize/float_twin.h"
#include "quantize/seen.h"

static bool is_integer_layer(const struct qn_twin *t,
                             const struct quern_node *node)
{
    size_t layer =
        quern_node_id(node) < t->n_nodes ? t->layer_of[quern_node_id(node)] : 0;
    return layer > 0 && !t->layers[layer - 1].is_float;
}

static bool is_active(const struct qn_twin *t, size_t pair)
{
    return pair != SIZE_MAX && t->pairs[pair].active;
}

/* The pair that makes an input; SIZE_MAX: none does. */
static size_t pair_of(const struct qn_twin *t, const struct quern_value *v)
{
    return v != NULL && quern_value_id(v) < t->n_values &&
                   t->pair_of[quern_value_id(v)] > 0
               ? t->pair_of[quern_value_id(v)] - 1
               : SIZE_MAX;
}

/* An operator between codes: all activations that it reads come from active
 * pairs, and an active one stands behind all that it makes. */
static bool is_between(const struct qn_twin *t, const struct quern_node *node)
{
    const struct quern_target_op *op = quern_target_node(t->target, node);
    bool any = false;
    if (op == NULL || op->kind == QUERN_INTEGER_NEVER || qn_is_heavy(node)) {
        return false;
    }
    for (size_t i = 0; i < quern_node_n_inputs(node); i++) {
        const struct quern_value *v = quern_node_input(node, i);
        if (v == NULL || quern_value_constant(v) != NULL ||
            (op->kind != QUERN_INTEGER_MOVE &&
             quern_target_port(op, i) != QUERN_ROLE_ACTIVATION)) {
            continue;
        }
        if (op->kind == QUERN_INTEGER_MOVE && i > 0) {
            break;
        }
        if (!is_active(t, pair_of(t, v))) {
            return false;
        }
        any = true;
    }
    size_t n_out = quern_node_n_outputs(node);
    for (size_t i = 0; i < n_out && any; i++) {
        const struct quern_value *y =
            n_out == 1 ? qn_twin_point_of(node) : quern_node_output(node, i);
        any = y == NULL || is_active(t, qn_twin_pair_behind(t, y));
    }
    return any;
}

/* The operator that makes a value, a Relu or Clip behind it left out. */
static const struct quern_node *source_of(const struct quern_value *x)
{
    const struct quern_node *p = x != NULL ? quern_value_producer(x) : NULL;
    if (p != NULL && (quern_node_is(p, "Relu") || quern_node_is(p, "Clip"))) {
        const struct quern_node *in =
            quern_value_producer(quern_node_input(p, 0));
        return in != NULL ? in : p;
    }
    return p;
}

static bool is_kind(const struct qn_twin *t, const struct quern_node *node,
                    enum quern_target_kind kind)
{
    const struct quern_target_op *op = quern_target_node(t->target, node);
    return op != NULL && op->kind == kind;
}

/* A residual Add that runs as one kernel with an operator in integers, which
 * makes its other input. */
static bool is_fused_skip(const struct qn_twin *t, const struct quern_node *add,
                          size_t pair)
{
    for (size_t i = 0; i < quern_node_n_inputs(add); i++) {
        const struct quern_value *v = quern_node_input(add, i);
        const struct quern_node *p =
            v != NULL && pair_of(t, v) != pair ? quern_value_producer(v) : NULL;
        if (p != NULL && is_integer_layer(t, p)) {
            return true;
        }
    }
    return false;
}

bool qn_twin_reads_codes(const struct qn_twin *t, size_t pair,
                         const struct quern_node *node, size_t input)
{
    if (is_integer_layer(t, node)) {
        return input < 2;
    }
    return is_kind(t, node, QUERN_INTEGER_SKIP) ? is_fused_skip(t, node, pair)
                                                : is_between(t, node);
}

/* A reader of codes that is reason enough for them where they are not there
 * anyway. */
static bool asks(const struct qn_twin *t, const struct quern_node *node)
{
    return is_integer_layer(t, node) || is_kind(t, node, QUERN_INTEGER_SKIP) ||
           is_kind(t, node, QUERN_INTEGER_AROUND) ||
           is_kind(t, node, QUERN_INTEGER_JOIN);
}

/* Whether readers of a pair compute in integers, and whether one of them is
 * reason enough for it. */
static bool is_read(const struct qn_twin *t, size_t pair, bool *out_asked)
{
    bool any = false;
    *out_asked = false;
    const struct quern_value *codes = quern_node_output(t->pairs[pair].q, 0);
    for (const struct quern_use *u = quern_value_first_use(codes); u != NULL;
         u = quern_use_next(u)) {
        const struct quern_node *dq = quern_use_node(u);
        const struct quern_use *r =
            dq != NULL && quern_node_is(dq, "DequantizeLinear")
                ? quern_value_first_use(quern_node_output(dq, 0))
                : NULL;
        for (; r != NULL; r = quern_use_next(r)) {
            const struct quern_node *n = quern_use_node(r);
            bool reads = n != NULL &&
                         qn_twin_reads_codes(t, pair, n, quern_use_index(r));
            *out_asked = *out_asked || (reads && asks(t, n));
            any = any || reads;
        }
    }
    return any;
}

/* What makes the value computes in integers only with the Q behind it. */
static bool is_made_in_codes(const struct qn_twin *t, size_t pair, bool read)
{
    const struct quern_node *p =
        source_of(quern_node_input(t->pairs[pair].q, 0));
    if (p == NULL) {
        return false;
    }
    size_t layer =
        quern_node_id(p) < t->n_nodes ? t->layer_of[quern_node_id(p)] : 0;
    if (layer > 0) {
        return t->layers[layer - 1].required && is_integer_layer(t, p);
    }
    return is_between(t, p) && (read || !is_kind(t, p, QUERN_INTEGER_LINK));
}

bool qn_twin_is_made_in_codes(const struct qn_twin *t, size_t pair)
{
    return is_made_in_codes(t, pair, true);
}

static bool is_needed(const struct qn_twin *t, size_t pair)
{
    bool asked = false;
    bool read = is_read(t, pair, &asked);
    return asked || is_made_in_codes(t, pair, read);
}

/* A weighted operator whose output alone goes to a residual Add, as codes,
 * while what the Add runs as one kernel with is float: nothing takes codes
 * there, and as floats they would make it the other one. */
static void leave_alone(struct qn_twin *t, struct qn_twin_layer *l)
{
    const struct quern_node *q =
        quern_value_only_user(quern_node_output(l->node, 0));
    const struct quern_node *dq =
        q != NULL && quern_node_is(q, "QuantizeLinear")
            ? quern_value_only_user(quern_node_output(q, 0))
            : NULL;
    const struct quern_node *add =
        dq != NULL ? quern_value_only_user(quern_node_output(dq, 0)) : NULL;
    if (l->is_float || l->required || add == NULL ||
        !is_kind(t, add, QUERN_INTEGER_SKIP) ||
        is_fused_skip(t, add, pair_of(t, quern_node_output(dq, 0)))) {
        return;
    }
    l->is_float = true;
}

void qn_twin_settle(struct qn_twin *t)
{
    for (size_t i = 0; i < t->n_layers; i++) {
        leave_alone(t, &t->layers[i]);
    }
    for (size_t i = 0; i < t->n_pairs; i++) {
        t->pairs[i].active = true;
    }
    t->settled = true;
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < t->n_pairs; i++) {
            struct qn_twin_pair *p = &t->pairs[i];
            if (p->active && !p->fixed && !is_needed(t, i)) {
                p->active = false;
                changed = true;
            }
        }
    }
}

void qn_twin_set(struct qn_twin *t, const bool *marks)
{
    for (size_t i = 0; i < t->n_layers; i++) {
        t->layers[i].is_float = marks[i];
    }
    qn_twin_settle(t);
}

static void close_over(const struct qn_twin *t, size_t pair, int depth,
                       bool *marks)
{
    const struct quern_value *x = quern_node_input(t->pairs[pair].q, 0);
    const struct quern_node *p = source_of(x);
    size_t layer = p != NULL && quern_node_id(p) < t->n_nodes
                       ? t->layer_of[quern_node_id(p)]
                       : 0;
    if (layer > 0) {
        marks[layer - 1] = marks[layer - 1] || t->layers[layer - 1].required;
        return;
    }
    const struct quern_target_op *op =
        p != NULL ? quern_target_node(t->target, p) : NULL;
    if (op == NULL || op->kind == QUERN_INTEGER_LINK || depth == 0) {
        return;
    }
    for (size_t i = 0; i < quern_node_n_inputs(p); i++) {
        size_t in = pair_of(t, quern_node_input(p, i));
        if (in != SIZE_MAX && is_between(t, p)) {
            close_over(t, in, depth - 1, marks);
        }
    }
}

void qn_twin_closure(const struct qn_twin *t, size_t pair, bool *marks)
{
    for (size_t i = 0; i < t->n_layers; i++) {
        const struct qn_twin_layer *l = &t->layers[i];
        marks[i] = l->is_float ||
                   pair_of(t, quern_node_input(l->node, 0)) == pair ||
                   pair_of(t, quern_node_input(l->node, 1)) == pair;
    }
    close_over(t, pair, 4, marks);
}
