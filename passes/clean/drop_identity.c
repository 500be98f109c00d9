/* drop-identity: Identity, Dropout in use, casts to the type that is there. */
#include "builtin.h"

static bool is_no_op(const struct quern_node *node)
{
    if (quern_node_is(node, "Identity")) {
        return true;
    }
    if (quern_node_is(node, "Dropout")) {
        const struct quern_value *mask = quern_node_output(node, 1);
        bool mask_used = mask != NULL && quern_value_n_uses(mask) > 0;
        return !mask_used && quern_node_input(node, 2) == NULL;
    }
    const struct quern_value *x = quern_node_input(node, 0);
    return quern_node_is(node, "Cast") && x != NULL &&
           quern_value_dtype(x) != QUERN_UNDEFINED &&
           (int64_t)quern_value_dtype(x) == quern_node_int(node, "to", 0);
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    struct quern_node *next = NULL;
    enum quern_code code = QUERN_OK;
    (void)params;
    for (struct quern_node *n = quern_graph_first(graph);
         n != NULL && code == QUERN_OK; n = next) {
        next = quern_node_next(n);
        struct quern_value *x = quern_node_input(n, 0);
        struct quern_value *y = quern_node_output(n, 0);
        /* A graph output that is an input or constant keeps its Identity. */
        if (x == NULL || y == NULL || !is_no_op(n) ||
            (quern_value_is_graph_output(y) &&
             (quern_value_producer(x) == NULL ||
              quern_value_graph(x) != graph ||
              quern_value_is_graph_output(x)))) {
            continue;
        }
        code = quern_replace_value(y, x, true);
        if (code == QUERN_OK) {
            quern_pass_account(ctx, n, "dropped");
            code = quern_node_erase(n);
        }
    }
    return code;
}

const struct quern_pass_desc qn_pass_drop_identity = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "drop-identity",
    .summary = "drop nodes that change nothing: Identity, Dropout, idle Cast",
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "clean",
};
