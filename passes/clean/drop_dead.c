/* drop-dead: nodes whose outputs nobody reads, initializers without a reader.
 */
#include "builtin.h"

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    (void)params;
    (void)ctx;
    return quern_graph_erase_dead(graph);
}

const struct quern_pass_desc qn_pass_drop_dead = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "drop-dead",
    .summary = "drop nodes and initializers that nothing reads",
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "clean",
};
