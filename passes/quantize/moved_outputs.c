/* A pair of Q and DQ behind data movement that ends in floats: an output of the
 * model, or what reads floats behind such an output.
 *
 * ONNX Runtime draws codes through data movement by such a pair of its own.
 * From opset 21 on its Q says its type, which its next step, uint8 codes in
 * place of int8 ones on x86, leaves as it is: then it refuses the model. It
 * adds none where one is. The second Q does not round: what moved are codes. */
#include <quern/target.h>

#include "common.h"
#include "quantize/inserter.h"

enum { Q_SAYS_TYPE = 21 };

/* Operators that may move codes, in the order of the graph. */
struct movers {
    const struct qn_inserter *s;
    struct quern_node **nodes;
    size_t n;
};

/* The DQ in front of a mover, of activations: with a zero point, which is the
 * type of the codes. What reads a pair that was made just now has one too. */
static const struct quern_node *dq_before(const struct qn_inserter *s,
                                          const struct quern_node *node)
{
    const struct quern_value *x = quern_node_input(node, 0);
    const struct quern_node *dq = x != NULL ? quern_value_producer(x) : NULL;
    return dq != NULL && quern_node_id(dq) >= s->place.n_nodes &&
                   quern_node_is(dq, "DequantizeLinear") &&
                   quern_node_input(dq, 2) != NULL
               ? dq
               : NULL;
}

static enum quern_code list(struct quern_pass_ctx *ctx, struct quern_node *node,
                            void *user)
{
    struct movers *m = user;
    const struct quern_target_op *op =
        quern_target_node(m->s->place.target, node);
    (void)ctx;
    if (quern_node_id(node) < m->s->place.n_nodes && op != NULL &&
        op->kind == QUERN_INTEGER_MOVE) {
        m->nodes[m->n++] = node;
    }
    return QUERN_OK;
}

/* True where ONNX Runtime would put a pair: at floats that no Q reads. */
static bool lacks_pair(const struct quern_value *y)
{
    bool lacks = quern_value_dtype(y) == QUERN_FLOAT;
    for (const struct quern_use *u = quern_value_first_use(y);
         u != NULL && lacks; u = quern_use_next(u)) {
        const struct quern_node *n = quern_use_node(u);
        lacks = n == NULL || !quern_node_is(n, "QuantizeLinear");
    }
    return lacks;
}

/* Output i comes from a DQ with the parameters of the one in front. */
static enum quern_code add_pair(struct qn_inserter *s, struct quern_node *node,
                                size_t i, const struct quern_node *dq)
{
    struct quern_value *y = quern_node_output(node, i);
    struct quern_node *before = quern_node_next(node);
    struct quern_node *made = NULL;
    struct quern_value *moved = NULL;
    struct quern_value *codes = NULL;
    char name[512];
    quern_name_extend(name, sizeof name, quern_value_name(y), "_moved");
    enum quern_code code = quern_value_create(s->graph, name, &moved);
    if (code == QUERN_OK) {
        code = quern_value_copy_type(moved, y);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_output(node, i, moved);
    }
    if (code == QUERN_OK) {
        quern_name_extend(name, sizeof name, quern_value_name(y),
                          "_QuantizeLinear_Output");
        code = quern_value_create(s->graph, name, &codes);
    }
    struct quern_value *in[3] = {moved, quern_node_input(dq, 1),
                                 quern_node_input(dq, 2)};
    if (code == QUERN_OK) {
        quern_name_extend(name, sizeof name, quern_value_name(y),
                          "_QuantizeLinear");
        code = quern_node_create(s->graph, before, "QuantizeLinear", name, in,
                                 3, &codes, 1, &made);
    }
    if (code == QUERN_OK) {
        quern_name_extend(name, sizeof name, quern_value_name(y),
                          "_DequantizeLinear");
        in[0] = codes;
        code = quern_node_create(s->graph, before, "DequantizeLinear", name, in,
                                 3, &y, 1, &made);
    }
    return code;
}

enum quern_code qn_insert_moved_outputs(struct qn_inserter *s)
{
    struct movers m = {.s = s};
    enum quern_code code = QUERN_OK;
    if (!quern_target_has(&s->place.target->tricks, "moved-output-pair") ||
        quern_model_opset(s->model, "") < Q_SAYS_TYPE) {
        return QUERN_OK;
    }
    m.nodes = quern_pass_alloc(s->ctx, (s->place.n_nodes + 1) *
                                           sizeof(struct quern_node *));
    code = m.nodes != NULL ? quern_pass_each(s->ctx, s->graph,
                                             &(struct quern_each){0}, list, &m)
                           : QUERN_NO_MEMORY;
    for (size_t k = 0; k < m.n && code == QUERN_OK; k++) {
        const struct quern_node *dq = dq_before(s, m.nodes[k]);
        size_t n = dq != NULL ? quern_node_n_outputs(m.nodes[k]) : 0;
        for (size_t i = 0; i < n && code == QUERN_OK; i++) {
            const struct quern_value *y = quern_node_output(m.nodes[k], i);
            if (y != NULL && lacks_pair(y)) {
                code = add_pair(s, m.nodes[k], i, dq);
            }
        }
    }
    return code;
}
