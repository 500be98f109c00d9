/* Trying patterns over a graph, and putting one node in the place of many. */
#include "fuse/rewrite.h"

#include "common.h"

/* A match has at most this many nodes. */
enum { MOST_NODES = 64 };

static enum quern_code apply(struct quern_pass_ctx *ctx, void *user, size_t i,
                             const struct quern_match *match)
{
    const struct qn_rule *const *rules = user;
    bool done = false;
    enum quern_code code = rules[i]->apply(ctx, rules[i], match, &done);
    return code == QUERN_OK && !done ? QUERN_NOT_FOUND : code;
}

enum quern_code qn_rewrite(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph,
                           const struct qn_rule *rules, size_t n)
{
    enum quern_code code = QUERN_OK;
    int64_t opset = quern_model_opset(quern_pass_model(ctx), "");
    struct quern_pattern **patterns =
        quern_pass_alloc(ctx, (n + 1) * sizeof(struct quern_pattern *));
    const struct qn_rule **used =
        quern_pass_alloc(ctx, (n + 1) * sizeof(struct qn_rule *));
    size_t n_used = 0;
    if (patterns == NULL || used == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        if (opset >= rules[i].since) {
            used[n_used] = &rules[i];
            code =
                quern_pass_pattern(ctx, rules[i].pattern, &patterns[n_used++]);
        }
    }
    return code == QUERN_OK ? quern_pass_match_each(ctx, graph, patterns,
                                                    n_used, apply, used)
                            : code;
}

enum quern_code qn_become(struct quern_pass_ctx *ctx,
                          const struct quern_match *match, const char *op,
                          struct quern_value *const *inputs, size_t n_inputs)
{
    struct quern_node *nodes[MOST_NODES];
    size_t n = quern_match_n_nodes(match);
    n = n < MOST_NODES ? n : MOST_NODES;
    for (size_t i = 0; i < n; i++) {
        nodes[i] = quern_match_node(match, i);
    }
    struct quern_node *root = nodes[0];
    quern_pass_account(ctx, root, "%s from %zu nodes", op, n);
    enum quern_code code = quern_node_set_op(root, op);
    while (code == QUERN_OK && quern_node_n_attrs(root) > 0) {
        code = quern_node_remove_attr(root, quern_node_attr_name(root, 0));
    }
    for (size_t i = quern_node_n_inputs(root); i > n_inputs && code == QUERN_OK;
         i--) {
        code = quern_node_set_input(root, i - 1, NULL);
    }
    for (size_t i = 0; i < n_inputs && code == QUERN_OK; i++) {
        code = quern_node_set_input(root, i, inputs[i]);
    }
    for (size_t i = 1; i < n && code == QUERN_OK; i++) {
        code = quern_node_erased(nodes[i]) ? QUERN_OK
                                           : quern_node_erase_dead(nodes[i]);
    }
    return code;
}

bool qn_is_plain(const struct quern_match *match, const struct quern_value *x)
{
    for (size_t i = 0; i < quern_match_n_nodes(match); i++) {
        const struct quern_node *node = quern_match_node(match, i);
        for (size_t k = 0; k < quern_node_n_inputs(node); k++) {
            const struct quern_value *v = quern_node_input(node, k);
            const struct quern_tensor *t =
                v != NULL && v != x ? quern_value_constant(v) : NULL;
            if (t != NULL && (!quern_dtype_is_float(quern_tensor_dtype(t)) ||
                              quern_tensor_len(t) != 1 ||
                              (quern_tensor_rank(t) > 0 &&
                               !qn_has_rank(x, quern_tensor_rank(t))))) {
                return false;
            }
        }
    }
    return true;
}

enum quern_code qn_add_node(struct quern_node *before, const char *op,
                            struct quern_value *const *in, size_t n_in,
                            struct quern_node **out_node,
                            struct quern_value **out)
{
    struct quern_graph *graph = quern_node_graph(before);
    const char *name = quern_value_name(quern_node_output(before, 0));
    enum quern_code code = quern_value_create(graph, name, out);
    return code == QUERN_OK ? quern_node_create(graph, before, op, name, in,
                                                n_in, out, 1, out_node)
                            : code;
}
