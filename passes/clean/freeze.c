/* freeze-weights: initializers that are also graph inputs, as older exporters
 * write all weights, become constants. The interface changes: the caller can no
 * longer override them. */
#include "builtin.h"

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    struct quern_value *next = NULL;
    enum quern_code code = QUERN_OK;
    size_t n = 0;
    (void)params;
    for (struct quern_value *v = quern_graph_first_initializer(graph);
         v != NULL && code == QUERN_OK; v = next) {
        next = quern_value_next_initializer(v);
        if (quern_value_is_graph_input(v)) {
            code = quern_value_freeze(v);
            n++;
        }
    }
    if (code == QUERN_OK && n > 0) {
        quern_pass_account(ctx, NULL,
                           "%zu weights that were inputs as well can no longer "
                           "be overridden",
                           n);
    }
    return code;
}

const struct quern_pass_desc qn_pass_freeze_weights = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "freeze-weights",
    .summary = "take weights off the list of graph inputs, so that they are "
               "constants",
    .flags = QUERN_PASS_SUBGRAPHS,
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "clean",
};
