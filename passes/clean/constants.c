/* constants-to-initializers: weights that stand as Constant nodes become
 * initializers, under the same name. A graph output keeps its node: many
 * readers expect a node behind each output. */
#include "builtin.h"
#include "common.h"

static enum quern_code turn(struct quern_pass_ctx *ctx, struct quern_node *node,
                            void *user)
{
    struct quern_value *y = quern_node_output(node, 0);
    struct quern_tensor *t = y != NULL ? quern_value_constant(y) : NULL;
    (void)ctx;
    (void)user;
    if (t == NULL || quern_value_is_graph_output(y)) {
        return QUERN_OK;
    }
    /* The node holds the tensor until it is gone. */
    t = quern_tensor_retain(t);
    enum quern_code code = qn_output_to_constant(node, t);
    quern_tensor_release(&t);
    return code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {"Constant", NULL};
    (void)params;
    return quern_pass_each(ctx, graph, &(struct quern_each){.ops = ops}, turn,
                           NULL);
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
