/* Letting layers and values of a quantized graph be float, and taking it back.
 */
#include "common.h"
#include "quantize/float_twin.h"

#include <stdlib.h>

/* Remember an edit, to be taken back. */
static enum quern_code note(struct qn_twin *t, struct quern_node *node,
                            const char *op, size_t input)
{
    if (t->n_edits == t->room) {
        size_t room = 2 * t->room + 64;
        struct qn_twin_edit *grown = realloc(t->edits, room * sizeof *grown);
        if (grown == NULL) {
            return quern_fail(quern_pass_context(t->ctx), QUERN_NO_MEMORY, NULL,
                              "out of memory");
        }
        t->edits = grown;
        t->room = room;
    }
    t->edits[t->n_edits++] =
        (struct qn_twin_edit){node, op, input, quern_node_input(node, input)};
    return QUERN_OK;
}

static enum quern_code set_input(struct qn_twin *t, struct quern_node *node,
                                 size_t input, struct quern_value *value)
{
    enum quern_code code = note(t, node, NULL, input);
    return code == QUERN_OK ? quern_node_set_input(node, input, value) : code;
}

/* The floats of a port: those of another layer that shares them, or new ones.
 */
static enum quern_code make_floats(struct qn_twin *t, size_t layer, size_t port)
{
    struct qn_twin_layer *l = &t->layers[layer];
    struct quern_tensor *tensor = l->ports[port].tensor;
    for (size_t i = 0; i < t->n_layers && l->ports[port].floats == NULL; i++) {
        for (size_t k = 0; k < QN_TWIN_PORTS; k++) {
            if (t->layers[i].ports[k].tensor == tensor &&
                t->layers[i].ports[k].floats != NULL) {
                l->ports[port].floats = t->layers[i].ports[k].floats;
            }
        }
    }
    return l->ports[port].floats != NULL
               ? QUERN_OK
               : quern_constant_create(t->graph, l->ports[port].name, tensor,
                                       &l->ports[port].floats);
}

static enum quern_code make_float(struct qn_twin *t, size_t layer)
{
    struct qn_twin_layer *l = &t->layers[layer];
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < QN_TWIN_PORTS && code == QUERN_OK; i++) {
        if (l->ports[i].node == NULL) {
            continue;
        }
        if (l->ports[i].tensor != NULL) {
            code = make_floats(t, layer, i);
        }
        if (code == QUERN_OK) {
            code = set_input(t, l->ports[i].node, l->ports[i].input,
                             l->ports[i].floats);
        }
    }
    return code;
}

/* Readers of y, which a pair makes, read x; of an active pair those alone that
 * compute in floats. */
static enum quern_code redirect(struct qn_twin *t, size_t pair,
                                struct quern_value *y, struct quern_value *x)
{
    enum quern_code code = QUERN_OK;
    const struct quern_use *next = NULL;
    for (const struct quern_use *u = quern_value_first_use(y);
         u != NULL && code == QUERN_OK; u = next) {
        struct quern_node *n = quern_use_node(u);
        next = quern_use_next(u);
        if (n != NULL &&
            !(t->pairs[pair].active &&
              qn_twin_reads_codes(t, pair, n, quern_use_index(u)))) {
            code = set_input(t, n, quern_use_index(u), x);
        }
    }
    return code;
}

static enum quern_code pass_by(struct qn_twin *t, size_t pair)
{
    const struct quern_node *q = t->pairs[pair].q;
    const struct quern_value *codes = quern_node_output(q, 0);
    enum quern_code code = QUERN_OK;
    for (const struct quern_use *u = quern_value_first_use(codes);
         u != NULL && code == QUERN_OK; u = quern_use_next(u)) {
        const struct quern_node *dq = quern_use_node(u);
        struct quern_value *y =
            dq != NULL && quern_node_is(dq, "DequantizeLinear")
                ? quern_node_output(dq, 0)
                : NULL;
        if (y != NULL && t->pair_of[quern_value_id(y)] == pair + 1) {
            code = redirect(t, pair, y, quern_node_input(q, 0));
        }
    }
    return code;
}

/* Mul of codes and their gate to HardSwish. */
static enum quern_code make_swish(struct qn_twin *t, struct quern_node *mul)
{
    enum quern_code code = set_input(t, mul, 1, NULL);
    if (code == QUERN_OK) {
        code = note(t, mul, "Mul", 0);
    }
    return code == QUERN_OK ? quern_node_set_op(mul, "HardSwish") : code;
}

enum quern_code qn_twin_apply(struct qn_twin *t)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < t->n_pairs && t->settled && code == QUERN_OK; i++) {
        bool floats = t->pairs[i].active && !t->pairs[i].fixed &&
                      !qn_twin_is_made_in_codes(t, i);
        code = floats ? pass_by(t, i) : QUERN_OK;
    }
    for (size_t i = 0; i < t->n_swishes && code == QUERN_OK; i++) {
        const struct qn_twin_swish *s = &t->swishes[i];
        bool between = t->pairs[s->in].active && s->out != SIZE_MAX &&
                       t->pairs[s->out].active;
        code = between ? QUERN_OK : make_swish(t, s->node);
    }
    for (size_t i = 0; i < t->n_layers && code == QUERN_OK; i++) {
        code = t->layers[i].is_float ? make_float(t, i) : QUERN_OK;
    }
    for (size_t i = 0; i < t->n_pairs && code == QUERN_OK; i++) {
        code = t->pairs[i].active ? QUERN_OK : pass_by(t, i);
    }
    return code;
}

enum quern_code qn_twin_revert(struct qn_twin *t)
{
    enum quern_code code = QUERN_OK;
    while (t->n_edits > 0 && code == QUERN_OK) {
        const struct qn_twin_edit *e = &t->edits[--t->n_edits];
        code = e->op != NULL ? quern_node_set_op(e->node, e->op)
                             : quern_node_set_input(e->node, e->input, e->old);
    }
    return code;
}

static enum quern_code drop_idle(struct quern_value *codes)
{
    enum quern_code code = QUERN_OK;
    struct quern_node *p = codes != NULL ? quern_value_producer(codes) : NULL;
    if (p != NULL && !quern_node_erased(p)) {
        code = quern_node_erase_dead(p);
    } else if (codes != NULL && p == NULL && !quern_value_erased(codes) &&
               quern_value_n_uses(codes) == 0 &&
               quern_value_is_initializer(codes)) {
        code = quern_value_erase(codes);
    }
    return code;
}

/* Readers of codes that nobody reads, and the Q in front of them. */
static enum quern_code drop_pair(struct quern_node *q)
{
    enum quern_code code = QUERN_OK;
    struct quern_node *last = NULL;
    while (!quern_node_erased(q) && code == QUERN_OK) {
        const struct quern_use *u =
            quern_value_first_use(quern_node_output(q, 0));
        struct quern_node *n = u != NULL ? quern_use_node(u) : q;
        if (n == NULL || n == last) {
            break; /* it is in use */
        }
        last = n;
        const struct quern_node *clip = quern_node_is(n, "Clip") ? n : NULL;
        struct quern_node *gate =
            clip != NULL ? quern_value_only_user(quern_node_output(clip, 0))
                         : NULL;
        code = quern_node_erase_dead(gate != NULL ? gate : n);
    }
    return code;
}

enum quern_code qn_twin_clean(struct qn_twin *t)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < t->n_swishes && code == QUERN_OK; i++) {
        struct quern_node *gate = quern_value_producer(t->swishes[i].gate);
        if (quern_node_is(t->swishes[i].node, "HardSwish")) {
            code = quern_node_erase_dead(gate);
        }
    }
    for (size_t i = 0; i < t->n_pairs && code == QUERN_OK; i++) {
        code = t->pairs[i].active || quern_node_erased(t->pairs[i].q)
                   ? QUERN_OK
                   : drop_pair(t->pairs[i].q);
    }
    for (size_t i = 0; i < t->n_layers && code == QUERN_OK; i++) {
        for (size_t k = 0; k < QN_TWIN_PORTS && code == QUERN_OK; k++) {
            struct quern_value *floats = t->layers[i].ports[k].floats;
            code = drop_idle(t->layers[i].is_float ? t->layers[i].ports[k].codes
                                                   : NULL);
            if (code == QUERN_OK && floats != NULL) {
                code = drop_idle(floats);
            }
        }
    }
    return code;
}

static double bytes_of(const struct quern_value *v)
{
    const struct quern_node *dq = v != NULL ? quern_value_producer(v) : NULL;
    double bytes = 0.0;
    for (size_t i = 0; dq != NULL && i < quern_node_n_inputs(dq); i++) {
        const struct quern_value *in = quern_node_input(dq, i);
        const struct quern_tensor *t =
            in != NULL ? quern_value_constant(in) : NULL;
        bytes += t != NULL ? (double)quern_tensor_size(t) : 0.0;
    }
    const struct quern_tensor *own =
        v != NULL && dq == NULL ? quern_value_constant(v) : NULL;
    return bytes + (own != NULL ? (double)quern_tensor_size(own) : 0.0);
}

double qn_twin_bytes(const struct qn_twin_layer *l)
{
    double more = 0.0;
    for (size_t i = 0; i < QN_TWIN_PORTS; i++) {
        if (l->ports[i].node != NULL) {
            more += l->ports[i].tensor != NULL
                        ? (double)quern_tensor_size(l->ports[i].tensor)
                        : 0.0;
            more -= bytes_of(l->ports[i].codes);
        }
    }
    return more;
}
