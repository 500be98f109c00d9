/* inline-if: an If whose condition is known becomes the nodes of the branch
 * taken. Known: a constant, or a number that inference followed there (a test
 * of a size). What only the other branch read is left to drop-dead. Bodies
 * first, so that an If within a branch is settled before the branch moves.
 * Bit-exact: the nodes are the same. */
#include "builtin.h"
#include "common.h"

#include <string.h>

/* The body that an attribute holds; NULL when there is none. */
static struct quern_graph *branch_of(const struct quern_node *node, bool taken)
{
    /* Graphs come in the order of the attributes; If has these two alone. */
    const char *wanted = taken ? "then_branch" : "else_branch";
    size_t n = quern_node_n_subgraphs(node);
    if (n != 2 || quern_node_n_attrs(node) != 2) {
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        const char *name = quern_node_attr_name(node, i);
        if (strcmp(name, wanted) == 0) {
            return quern_node_subgraph(node, i);
        }
    }
    return NULL;
}

static enum quern_code inline_if(struct quern_pass_ctx *ctx,
                                 struct quern_node *node)
{
    int64_t on = -1;
    int condition = qn_known_int(quern_node_input(node, 0), &on) ? on != 0 : -1;
    struct quern_graph *body =
        condition >= 0 ? branch_of(node, condition != 0) : NULL;
    if (condition < 0) {
        enum quern_code why = quern_pass_refuse(
            ctx, node, "the condition is known only when the model runs");
        return why == QUERN_NOT_FOUND ? QUERN_OK : why;
    }
    size_t n = body != NULL ? quern_graph_n_outputs(body) : 0;
    if (body == NULL || quern_graph_n_inputs(body) > 0 ||
        n < quern_node_n_outputs(node)) {
        enum quern_code why = quern_pass_refuse(
            ctx, node, "branch with %zu outputs, needs %zu and no inputs", n,
            quern_node_n_outputs(node));
        return why == QUERN_NOT_FOUND ? QUERN_OK : why;
    }
    struct quern_value **values =
        quern_pass_alloc(ctx, (n + 1) * sizeof(struct quern_value *));
    if (values == NULL) {
        return QUERN_NO_MEMORY;
    }
    quern_pass_account(ctx, node,
                       "condition is always %s: %s_branch of %zu nodes inlined",
                       condition ? "true" : "false",
                       condition ? "then" : "else", quern_graph_n_nodes(body));
    enum quern_code code = quern_graph_inline(body, values);
    if (code == QUERN_OK) {
        code = qn_replace_outputs(node, values, quern_node_n_outputs(node));
    }
    return code == QUERN_OK ? quern_node_erase(node) : code;
}

static enum quern_code visit(struct quern_pass_ctx *ctx,
                             struct quern_node *node, void *user)
{
    (void)user;
    return quern_node_is(node, "If") ? inline_if(ctx, node) : QUERN_OK;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    (void)params;
    return qn_each_holder(ctx, graph, visit, NULL);
}

const struct quern_pass_desc qn_pass_inline_if = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "inline-if",
    .summary = "replace an If whose condition is known by the branch taken",
    .flags = QUERN_PASS_NEEDS_SHAPES | QUERN_PASS_SUBGRAPHS,
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "clean",
};
