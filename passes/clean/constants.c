/* constants-to-initializers: weights that stand as Constant nodes become
 * initializers, under the same name. A graph output keeps its node: many
 * readers expect a node behind each output. */
#include "builtin.h"
#include "common.h"

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    struct quern_node *next = NULL;
    enum quern_code code = QUERN_OK;
    (void)params;
    for (struct quern_node *n = quern_graph_first(graph);
         n != NULL && code == QUERN_OK; n = next) {
        next = quern_node_next(n);
        struct quern_value *y = quern_node_output(n, 0);
        struct quern_tensor *t = quern_node_is(n, "Constant") && y != NULL
                                     ? quern_value_constant(y)
                                     : NULL;
        if (t != NULL && !quern_value_is_graph_output(y)) {
            /* The node holds the tensor until it is gone. */
            t = quern_tensor_retain(t);
            code = qn_output_to_constant(n, t);
            quern_tensor_release(&t);
        }
    }
    (void)ctx;
    return code;
}

const struct quern_pass_desc qn_pass_constants_to_initializers = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "constants-to-initializers",
    .summary = "turn Constant nodes into initializers",
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "clean",
};
