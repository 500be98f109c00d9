/* fuse-global-pool: a mean over all spatial axes is a GlobalAveragePool, which
 * integer kernels know. PyTorch's newer exporter writes ReduceMean for it. */
#include "builtin.h"
#include "common.h"

/* Axes 2 and up, each once, in any order. Of three axes the last one is often
 * that of a norm, which runtimes know as a ReduceMean. */
static bool is_spatial(const struct quern_node *node)
{
    int rank = quern_value_rank(quern_node_input(node, 0));
    int64_t axes[QUERN_MAX_RANK];
    uint64_t seen = 0;
    if (rank < 4 || rank > QUERN_MAX_RANK ||
        qn_axes(node, rank, axes) != rank - 2) {
        return false;
    }
    for (int i = 0; i < rank - 2; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];
        if (axis < 2 || axis >= rank) {
            return false;
        }
        seen |= (uint64_t)1 << axis;
    }
    return seen == (((uint64_t)1 << rank) - 1) - 3;
}

static enum quern_code to_pool(struct quern_pass_ctx *ctx,
                               struct quern_node *node, void *user)
{
    bool keeps = quern_node_int(node, "keepdims", 1) != 0;
    struct quern_value *in[1] = {quern_node_input(node, 0)};
    struct quern_node *flat = NULL;
    (void)user;
    if (in[0] == NULL || quern_value_dtype(in[0]) != QUERN_FLOAT ||
        !is_spatial(node)) {
        return QUERN_OK;
    }
    quern_pass_account(ctx, node, "GlobalAveragePool");
    enum quern_code code = quern_node_set_op(node, "GlobalAveragePool");
    static const char *const attrs[] = {"axes", "keepdims",
                                        "noop_with_empty_axes"};
    for (size_t i = 0; i < 3 && code == QUERN_OK; i++) {
        if (quern_node_has_attr(node, attrs[i])) {
            code = quern_node_remove_attr(node, attrs[i]);
        }
    }
    if (code == QUERN_OK && quern_node_n_inputs(node) > 1) {
        code = quern_node_set_input(node, 1, NULL);
    }
    return code == QUERN_OK && !keeps
               ? qn_insert_behind(node, "Flatten", "_pooled", in, 1, &flat)
               : code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {"ReduceMean", NULL};
    (void)params;
    struct quern_each each = {.ops = ops};
    return quern_pass_each(ctx, graph, &each, to_pool, NULL);
}

const struct quern_pass_desc qn_pass_fuse_global_pool = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-global-pool",
    .summary = "GlobalAveragePool from a mean over all spatial axes",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "fuse",
};
