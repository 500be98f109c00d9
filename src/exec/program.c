/* Programs: the operators of a graph and of its bodies that have to run, each
 * with its row, its slots and what it prepares. */
#include "exec/op.h"
#include "exec/ops.h"
#include "exec/prepare.h"
#include "exec/sequence.h"
#include "exec/widen.h"

#include <string.h>

static bool makes_wanted(const struct quern_engine *e,
                         const struct quern_node *node, const bool *wanted)
{
    for (size_t i = 0; i < node->n_outputs; i++) {
        int slot = qn_slot_of(e, node->outputs[i]);
        if (slot >= 0 && wanted[slot]) {
            return true;
        }
    }
    return false;
}

static void mark(const struct quern_engine *e, const struct quern_value *v,
                 bool *wanted)
{
    int slot = qn_slot_of(e, v);
    if (slot >= 0) {
        wanted[slot] = true;
    }
}

void qn_program_mark(const struct quern_engine *e,
                     const struct quern_graph *graph, bool *wanted)
{
    for (const struct quern_node *n = graph->last; n != NULL; n = n->prev) {
        if (!makes_wanted(e, n, wanted)) {
            continue;
        }
        for (size_t i = 0; i < n->n_inputs; i++) {
            mark(e, n->inputs[i]->value, wanted);
        }
        size_t n_bodies = quern_node_n_subgraphs(n);
        for (size_t i = 0; i < n_bodies; i++) {
            const struct quern_graph *body = quern_node_subgraph(n, i);
            for (size_t k = 0; k < body->n_outputs; k++) {
                mark(e, body->outputs[k]->value, wanted);
            }
            qn_program_mark(e, body, wanted);
        }
    }
}

static enum quern_code unsupported(struct quern_engine *e,
                                   const struct quern_node *node, int opset,
                                   const char *why)
{
    struct quern_place place = quern_node_place(node);
    place.stage = "plan";
    return quern_fail(e->context, QUERN_UNSUPPORTED, &place,
                      "%s%s%s at opset %d: %s", node->domain,
                      *node->domain != '\0' ? "." : "", node->op, opset, why);
}

static enum quern_code make_bodies(struct quern_engine *e, struct qn_op *op,
                                   const bool *wanted)
{
    size_t n = quern_node_n_subgraphs(op->node);
    if (n == 0) {
        return QUERN_OK;
    }
    op->bodies = qn_arena_alloc_n(&e->arena, n, sizeof(struct qn_program *));
    if (op->bodies == NULL) {
        return qn_no_memory(e->context);
    }
    for (size_t i = 0; i < n; i++) {
        enum quern_code code = qn_program_make(
            e, quern_node_subgraph(op->node, i), wanted, &op->bodies[i]);
        if (code != QUERN_OK) {
            return code;
        }
    }
    return QUERN_OK;
}

static bool is_output(const struct quern_engine *e, int slot)
{
    for (size_t i = 0; i < e->n_outputs; i++) {
        if (e->output_slots[i] == slot) {
            return true;
        }
    }
    return false;
}

/* Does nobody else see input i? */
static bool reads_alone(const struct quern_engine *e, const struct qn_op *op,
                        int i)
{
    int slot = op->in[i];
    return quern_value_n_uses(op->node->inputs[i]->value) == 1 &&
           e->tap_of[slot] < 0 && !(e->pruned && is_output(e, slot));
}

static bool packs(const struct quern_engine *e, const struct qn_op *op)
{
    const struct qn_array *b = qn_op_constant(e, op, 1);
    return b != NULL && qn_product_packs(op, b->dtype, b->rank) &&
           reads_alone(e, op, 1);
}

/* Weights of convolutions are packed by kernels. Plain C reads them. */
static bool packs_filters(const struct quern_engine *e, const struct qn_op *op,
                          enum quern_dtype dtype)
{
    return op->row->run == qn_op_conv && dtype == QUERN_FLOAT &&
           e->accelerator != NULL;
}

/* Weights that are packed, tables of which rows are copied: these are read
 * where they lie in the file. */
static bool takes_any_address(const struct quern_engine *e,
                              const struct qn_op *op, int i)
{
    const struct quern_value *v = op->node->inputs[i]->value;
    const struct quern_tensor *t = v != NULL ? quern_value_constant(v) : NULL;
    if (t == NULL || op->in[i] < 0 || !reads_alone(e, op, i)) {
        return false;
    }
    return i == 1 ? qn_product_packs(op, quern_tensor_dtype(t),
                                     quern_tensor_rank(t)) ||
                        packs_filters(e, op, quern_tensor_dtype(t))
                  : i == 0 && op->row->run == qn_op_gather;
}

/* Strings have no place in the slots: an operator that reads some is refused
 * before it can run. */
static enum quern_code read_inputs(struct quern_engine *e, struct qn_op *op)
{
    for (int i = 0; i < op->n_in; i++) {
        const struct quern_value *v = op->node->inputs[i]->value;
        if (v != NULL && quern_value_dtype(v) == QUERN_STRING) {
            return unsupported(e, op->node, op->opset,
                               "an input is of strings");
        }
        op->in[i] = qn_slot_of(e, v);
        enum quern_code code =
            qn_engine_constant(e, v, takes_any_address(e, op, i));
        if (code != QUERN_OK) {
            return code;
        }
    }
    return QUERN_OK;
}

static enum quern_code make_op(struct quern_engine *e,
                               const struct quern_node *node,
                               const bool *wanted, struct qn_op *op)
{
    op->node = node;
    op->number = e->n_ops++;
    op->opset = (int)quern_node_opset(node);
    op->row = qn_registry_find(node, op->opset);
    if (op->row == NULL) {
        return unsupported(e, node, op->opset,
                           "the embedded engine has no such operator");
    }
    e->has_sequences = e->has_sequences || qn_op_is_of_sequences(op);
    op->kernel = node->op;
    op->widens = qn_widens(node);
    op->n_in = (int)node->n_inputs;
    op->n_out = (int)node->n_outputs;
    op->in = qn_arena_alloc_n(&e->arena, node->n_inputs, sizeof(int));
    op->out = qn_arena_alloc_n(&e->arena, node->n_outputs, sizeof(int));
    if (op->in == NULL || op->out == NULL) {
        return qn_no_memory(e->context);
    }
    enum quern_code code = read_inputs(e, op);
    if (code == QUERN_OK) {
        code = qn_widen_constants(e, op);
    }
    if (code != QUERN_OK) {
        return code;
    }
    for (int i = 0; i < op->n_out; i++) {
        int slot = qn_slot_of(e, node->outputs[i]);
        op->out[i] = slot >= 0 && wanted[slot] ? slot : -1;
    }
    char why[128];
    if (qn_op_lacks(op, why, sizeof why)) {
        return unsupported(e, node, op->opset, why);
    }
    code = make_bodies(e, op, wanted);
    if (code == QUERN_OK && op->row->prepare != NULL) {
        code = op->row->prepare(e, op);
        if (packs(e, op)) {
            qn_engine_forget(e, op->in[1]);
        }
    }
    return code;
}

static bool runs(const struct quern_engine *e, const struct quern_node *node,
                 const bool *wanted)
{
    /* Constant nodes are constants, not operators. */
    return makes_wanted(e, node, wanted) &&
           !(node->n_outputs == 1 && node->outputs[0] != NULL &&
             quern_value_constant(node->outputs[0]) != NULL);
}

static enum quern_code append_op(struct quern_engine *e,
                                 const struct quern_node *node,
                                 const bool *wanted, struct qn_program *p)
{
    bool folded = false;
    struct qn_op *op = &p->ops[p->n_ops++];
    enum quern_code code = make_op(e, node, wanted, op);
    if (code == QUERN_OK) {
        code = qn_engine_fold(e, op, &folded);
    }
    if (folded) {
        memset(op, 0, sizeof *op);
        p->n_ops--;
    }
    return code;
}

static enum quern_code make_ops(struct quern_engine *e,
                                const struct quern_graph *graph,
                                const bool *wanted, struct qn_program *p)
{
    enum quern_code code = QUERN_OK;
    for (const struct quern_node *n = graph->first; n != NULL; n = n->next) {
        if (runs(e, n, wanted)) {
            code = append_op(e, n, wanted, p);
        } else {
            for (size_t i = 0; i < n->n_outputs && code == QUERN_OK; i++) {
                code = qn_engine_constant(e, n->outputs[i], false);
            }
        }
        if (code != QUERN_OK) {
            return code;
        }
    }
    return QUERN_OK;
}

static enum quern_code set_ends(struct quern_engine *e,
                                const struct quern_graph *graph,
                                struct qn_program *p)
{
    p->n_in = (int)graph->n_inputs;
    p->n_out = (int)graph->n_outputs;
    enum quern_code code = qn_slots_alloc(e, graph->n_inputs, &p->in);
    if (code == QUERN_OK) {
        code = qn_slots_alloc(e, graph->n_outputs, &p->out);
    }
    for (int i = 0; code == QUERN_OK && i < p->n_in; i++) {
        p->in[i] = qn_slot_of(e, graph->inputs[i]);
    }
    for (int i = 0; code == QUERN_OK && i < p->n_out; i++) {
        p->out[i] = qn_slot_of(e, graph->outputs[i]->value);
        code = qn_engine_constant(e, graph->outputs[i]->value, false);
    }
    return code;
}

enum quern_code qn_program_make(struct quern_engine *e,
                                const struct quern_graph *graph,
                                const bool *wanted,
                                struct qn_program **out_program)
{
    struct qn_program *p = qn_arena_alloc(&e->arena, sizeof *p);
    if (p == NULL) {
        return qn_no_memory(e->context);
    }
    *out_program = p; /* at once: what fails below is released through it */
    p->ops = qn_arena_alloc_n(&e->arena, graph->n_nodes, sizeof *p->ops);
    if (p->ops == NULL) {
        return qn_no_memory(e->context);
    }
    enum quern_code code = make_ops(e, graph, wanted, p);
    return code == QUERN_OK ? set_ends(e, graph, p) : code;
}
