/* Operators between codes, as Sigmoid and Mul of a SiLU or Concat: their
 * integer kernels save a DequantizeLinear in front and a QuantizeLinear behind,
 * but only where an integer kernel reads what they make. The forward walk
 * (placement.c) takes every one that reads codes; here those go back to floats
 * whose codes nobody wants. */
#include "quantize/placement.h"
#include "quantize/seen.h"

struct links {
    struct qn_placement *p;
    bool *wanted; /* by value id: an integer kernel reads its codes */
};

static enum quern_target_kind kind_of(const struct links *l,
                                      const struct quern_node *node)
{
    const struct quern_target_op *op = quern_target_node(l->p->target, node);
    return op != NULL ? op->kind : QUERN_INTEGER_NEVER;
}

static bool has_ports(const struct links *l, const struct quern_node *node)
{
    return quern_node_id(node) < l->p->n_nodes &&
           l->p->ports[quern_node_id(node)] != 0;
}

static bool any_output_wanted(const struct links *l,
                              const struct quern_node *node)
{
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        const struct quern_value *y = quern_node_output(node, i);
        if (y != NULL && l->wanted[quern_value_id(y)]) {
            return true;
        }
    }
    return false;
}

static void to_floats(struct links *l, const struct quern_node *node,
                      const struct quern_value *y)
{
    l->p->ports[quern_node_id(node)] = 0;
    l->p->part[quern_value_id(y)] = QN_PART_NONE;
    l->p->alias[quern_value_id(y)] = NULL;
}

/* Readers come before what they read: whether codes are wanted is known when
 * the walk meets their maker. */
static void visit(struct links *l, const struct quern_node *node)
{
    enum quern_target_kind kind = kind_of(l, node);
    if (!has_ports(l, node)) {
        return;
    }
    if (kind == QUERN_INTEGER_LINK) {
        const struct quern_value *y = qn_output_point(l->p, node);
        if (!l->wanted[quern_value_id(y)]) {
            to_floats(l, node, y);
            return;
        }
    } else if (kind == QUERN_INTEGER_MOVE && !any_output_wanted(l, node)) {
        return;
    }
    for (size_t i = 0; i < quern_node_n_inputs(node); i++) {
        const struct quern_value *x = quern_node_input(node, i);
        if (x != NULL && qn_reads_codes(l->p, node, i)) {
            l->wanted[quern_value_id(x)] = true;
        }
    }
}

/* Data movement behind what is in floats again moves floats. */
static void settle_move(struct links *l, const struct quern_node *node)
{
    const struct quern_value *x = quern_node_input(node, 0);
    if (!has_ports(l, node) || kind_of(l, node) != QUERN_INTEGER_MOVE ||
        x == NULL || l->p->part[quern_value_id(x)] == QN_PART_ALL) {
        return;
    }
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        const struct quern_value *y = quern_node_output(node, i);
        if (y != NULL) {
            to_floats(l, node, y);
        }
    }
}

enum quern_code qn_place_links(struct quern_pass_ctx *ctx,
                               struct qn_placement *p)
{
    struct links l = {p, quern_pass_alloc(ctx, p->n_values)};
    if (l.wanted == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (size_t i = p->n_placed; i-- > 0;) {
        visit(&l, p->placed[i]);
    }
    for (size_t i = 0; i < p->n_placed; i++) {
        settle_move(&l, p->placed[i]);
    }
    return QUERN_OK;
}
