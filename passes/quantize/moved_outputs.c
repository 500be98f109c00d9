/* A pair of Q and DQ behind data movement that ends in an output of the model.
 *
 * ONNX Runtime draws codes through data movement by such a pair of its own.
 * From opset 21 on its Q says its type, which its next step, uint8 codes in
 * place of int8 ones on x86, leaves as it is: then it refuses the model. It
 * adds none where one is. The second Q does not round: what moved are codes. */
#include <quern/target.h>

#include "common.h"
#include "quantize/inserter.h"

enum { Q_SAYS_TYPE = 21 };

/* Operators that move codes to outputs, as they stand before the edits. */
struct movers {
    const struct qn_inserter *s;
    struct quern_node **nodes;
    size_t n;
};

static bool moves_codes(const struct qn_inserter *s,
                        const struct quern_node *node)
{
    const struct quern_target_op *op = quern_target_node(s->place.target, node);
    const struct quern_value *x = quern_node_input(node, 0);
    const struct quern_node *dq = x != NULL ? quern_value_producer(x) : NULL;
    return op != NULL && op->kind == QUERN_INTEGER_MOVE && dq != NULL &&
           quern_node_id(dq) >= s->place.n_nodes &&
           quern_node_is(dq, "DequantizeLinear");
}

static enum quern_code list(struct quern_pass_ctx *ctx, struct quern_node *node,
                            void *user)
{
    struct movers *m = user;
    (void)ctx;
    if (quern_node_id(node) < m->s->place.n_nodes && moves_codes(m->s, node)) {
        m->nodes[m->n++] = node;
    }
    return QUERN_OK;
}

/* Output i comes from a DQ with the parameters of the one in front. */
static enum quern_code add_pair(struct qn_inserter *s, struct quern_node *node,
                                size_t i)
{
    struct quern_value *y = quern_node_output(node, i);
    const struct quern_node *dq =
        quern_value_producer(quern_node_input(node, 0));
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
        struct quern_node *node = m.nodes[k];
        for (size_t i = 0; i < quern_node_n_outputs(node) && code == QUERN_OK;
             i++) {
            const struct quern_value *y = quern_node_output(node, i);
            if (y != NULL && quern_value_is_graph_output(y) &&
                quern_value_dtype(y) == QUERN_FLOAT) {
                code = add_pair(s, node, i);
            }
        }
    }
    return code;
}
