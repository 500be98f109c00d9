/* drop-dead: nodes whose outputs nobody reads, initializers without a reader.
 */
#include "builtin.h"

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    enum quern_code code = QUERN_OK;
    struct quern_node *previous = NULL;
    (void)params;
    (void)ctx;
    /* From the end: what a dead node fed is dead when it is reached. */
    for (struct quern_node *n = quern_graph_last(graph);
         n != NULL && code == QUERN_OK; n = previous) {
        previous = quern_node_prev(n);
        bool used = false;
        for (size_t i = 0; i < quern_node_n_outputs(n); i++) {
            const struct quern_value *y = quern_node_output(n, i);
            used = used || (y != NULL && quern_value_n_uses(y) > 0);
        }
        if (!used) {
            code = quern_node_erase(n);
        }
    }
    struct quern_value *next = NULL;
    for (struct quern_value *v = quern_graph_first_initializer(graph);
         v != NULL && code == QUERN_OK; v = next) {
        next = quern_value_next_initializer(v);
        if (quern_value_n_uses(v) == 0 && !quern_value_is_graph_input(v)) {
            code = quern_value_erase(v);
        }
    }
    return code;
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
