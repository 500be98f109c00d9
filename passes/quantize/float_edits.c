/* Letting layers and values of a quantized graph be float. */
#include "common.h"
#include "hash_table.h"
#include "quantize/float_twin.h"

static bool is_of_one_tensor(const void *a, const void *b)
{
    const struct qn_twin_port *x = a;
    const struct qn_twin_port *y = b;
    return x->tensor == y->tensor;
}

/* The floats of a port: those of another one that shares them, or new ones. */
static enum quern_code make_floats(struct qn_twin *t, struct qn_twin_port *port,
                                   struct qn_hash_table *seen)
{
    uint64_t hash = qn_mix(1, (uint64_t)(uintptr_t)port->tensor);
    const struct qn_twin_port *first =
        qn_hash_table_find_or_add(seen, port, hash, is_of_one_tensor);
    if (first != NULL) {
        port->floats = first->floats;
        return QUERN_OK;
    }
    return quern_constant_create(t->graph, port->name, port->tensor,
                                 &port->floats);
}

enum quern_code qn_twin_make_floats(struct qn_twin *t)
{
    struct qn_hash_table seen;
    enum quern_code code =
        qn_hash_table_make(t->ctx, t->n_layers * QN_TWIN_PORTS, &seen)
            ? QUERN_OK
            : QUERN_NO_MEMORY;
    for (size_t i = 0; i < t->n_layers; i++) {
        for (size_t k = 0; k < QN_TWIN_PORTS && code == QUERN_OK; k++) {
            struct qn_twin_port *port = &t->layers[i].ports[k];
            code =
                port->tensor != NULL ? make_floats(t, port, &seen) : QUERN_OK;
        }
    }
    return code;
}

static enum quern_code make_float(const struct qn_twin_layer *l)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < QN_TWIN_PORTS && code == QUERN_OK; i++) {
        code = l->ports[i].node != NULL
                   ? quern_node_set_input(l->ports[i].node, l->ports[i].input,
                                          l->ports[i].floats)
                   : QUERN_OK;
    }
    return code;
}

/* Readers of y, which a pair makes, read x; of an active pair those alone that
 * compute in floats. */
static enum quern_code redirect(const struct qn_twin *t, size_t pair,
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
            code = quern_node_set_input(n, quern_use_index(u), x);
        }
    }
    return code;
}

static enum quern_code pass_by(const struct qn_twin *t, size_t pair)
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
static enum quern_code make_swish(struct quern_node *mul)
{
    enum quern_code code = quern_node_set_input(mul, 1, NULL);
    return code == QUERN_OK ? quern_node_set_op(mul, "HardSwish") : code;
}

enum quern_code qn_twin_apply(const struct qn_twin *t)
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
        code = between ? QUERN_OK : make_swish(s->node);
    }
    for (size_t i = 0; i < t->n_layers && code == QUERN_OK; i++) {
        code = t->layers[i].is_float ? make_float(&t->layers[i]) : QUERN_OK;
    }
    for (size_t i = 0; i < t->n_pairs && code == QUERN_OK; i++) {
        code = t->pairs[i].active ? QUERN_OK : pass_by(t, i);
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
