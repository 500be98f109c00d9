/* inline-if: an If whose condition is known becomes the nodes of the branch
 * taken. Known: a constant, or a number that inference followed there (a test
 * of a size). What only the other branch read is left to drop-dead. Bodies
 * first, so that an If within a branch is settled before the branch moves.
 * Bit-exact: the nodes are the same. */
#include "builtin.h"
#include "common.h"

#include <string.h>

/* 1 or 0; -1: not known before the model runs. */
static int condition_of(const struct quern_node *node)
{
    const struct quern_value *c = quern_node_input(node, 0);
    const struct quern_tensor *t = c != NULL ? quern_value_constant(c) : NULL;
    size_t n = 0;
    int64_t on = 0;
    const struct quern_number *numbers =
        c != NULL ? quern_value_numbers(c, &n) : NULL;
    if (t != NULL && quern_tensor_len(t) == 1 &&
        quern_tensor_read_ints(t, 0, 1, &on)) {
        return on != 0;
    }
    if (numbers != NULL && n == 1 && numbers[0].known &&
        numbers[0].expr == NULL) {
        return numbers[0].value != 0;
    }
    return -1;
}

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

/* The outputs of the node become those of the body that has moved. */
static enum quern_code connect(const struct quern_node *node,
                               struct quern_value **values, size_t n)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        struct quern_value *y = quern_node_output(node, i);
        struct quern_value *x = values[i];
        if (y == NULL || x == NULL) {
            continue;
        }
        bool is_made = quern_value_producer(x) != NULL;
        code = quern_replace_value(y, x, true);
        /* A graph output took the place of x: for a second time it is y. */
        for (size_t k = i + 1;
             is_made && quern_value_producer(x) == NULL && k < n; k++) {
            values[k] = values[k] == x ? y : values[k];
        }
    }
    return code;
}

static enum quern_code inline_if(struct quern_pass_ctx *ctx,
                                 struct quern_node *node)
{
    int condition = condition_of(node);
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
        code = connect(node, values, quern_node_n_outputs(node));
    }
    return code == QUERN_OK ? quern_node_erase(node) : code;
}

static enum quern_code visit(struct quern_pass_ctx *ctx,
                             struct quern_node *node, void *user)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < quern_node_n_subgraphs(node) && code == QUERN_OK;
         i++) {
        code = quern_pass_each(ctx, quern_node_subgraph(node, i),
                               &(struct quern_each){.has_bodies = true}, visit,
                               user);
    }
    return code == QUERN_OK && quern_node_is(node, "If") ? inline_if(ctx, node)
                                                         : code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    (void)params;
    return quern_pass_each(ctx, graph, &(struct quern_each){.has_bodies = true},
                           visit, NULL);
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
