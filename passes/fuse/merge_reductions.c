/* merge-reductions: a reduction of what the same reduction made takes in its
 * axes: the mean of means of as many numbers each is their mean. Real-exact. */
#include "builtin.h"
#include "common.h"
#include "fuse/linear.h"

static const char *const ops[] = {"ReduceMean", "ReduceSum",  "ReduceMax",
                                  "ReduceMin",  "ReduceProd", NULL};

/* Axes that are named, of a tensor of that rank, as bits; 0: not known. */
static uint32_t read_axes(const struct quern_node *node, int rank)
{
    int64_t axes[QUERN_MAX_RANK];
    uint32_t bits = 0;
    int n = qn_axes(node, QUERN_MAX_RANK, axes);
    for (int i = 0; i < n; i++) {
        axes[i] += axes[i] < 0 ? rank : 0;
        if (axes[i] < 0 || axes[i] >= rank) {
            return 0;
        }
        bits |= (uint32_t)1 << axes[i];
    }
    return bits;
}

/* Bits of a tensor without the axes in `gone` as bits of that with them. */
static uint32_t put_back(uint32_t bits, uint32_t gone, int rank)
{
    uint32_t out = 0;
    for (int i = 0, k = 0; i < rank; i++) {
        uint32_t here = (uint32_t)1 << i;
        if ((gone & here) == 0) {
            out |= (bits & (uint32_t)1 << k++) != 0 ? here : 0;
        }
    }
    return out;
}

static enum quern_code set_axes(struct quern_pass_ctx *ctx,
                                struct quern_node *node, uint32_t bits)
{
    int64_t axes[QUERN_MAX_RANK];
    size_t n = 0;
    struct quern_value *value = NULL;
    for (int i = 0; i < QUERN_MAX_RANK; i++) {
        if ((bits & (uint32_t)1 << i) != 0) {
            axes[n++] = i;
        }
    }
    if (quern_node_has_attr(node, "axes")) {
        return quern_node_set_ints(node, "axes", axes, n);
    }
    enum quern_code code = qn_new_ints(
        ctx, quern_node_graph(node),
        quern_value_name(quern_node_input(node, 1)), axes, (int64_t)n, &value);
    return code == QUERN_OK ? qn_replace_input(node, 1, value) : code;
}

static enum quern_code visit(struct quern_pass_ctx *ctx,
                             struct quern_node *node, void *user)
{
    struct quern_value *y = quern_node_input(node, 0);
    struct quern_node *first =
        y != NULL ? qn_single_producer(y, quern_node_op(node)) : NULL;
    struct quern_value *x = first != NULL ? quern_node_input(first, 0) : NULL;
    int rank = x != NULL ? quern_value_rank(x) : -1;
    bool keeps = quern_node_int(node, "keepdims", 1) != 0;
    (void)user;
    /* Means and sums of whole numbers are cut off on the way. */
    if (rank < 1 || rank > QUERN_MAX_RANK ||
        !qn_is_wide_float(quern_value_dtype(x)) ||
        quern_node_graph(first) != quern_node_graph(node) ||
        (quern_node_int(first, "keepdims", 1) != 0) != keeps) {
        return QUERN_OK;
    }
    uint32_t a = read_axes(first, rank);
    uint32_t b = read_axes(node, quern_value_rank(y));
    if (a == 0 || b == 0) {
        return QUERN_OK;
    }
    quern_pass_account(ctx, node, "took in %s '%s'", quern_node_op(first),
                       quern_node_name(first));
    enum quern_code code =
        set_axes(ctx, node, a | (keeps ? b : put_back(b, a, rank)));
    if (code == QUERN_OK) {
        code = quern_node_set_input(node, 0, x);
    }
    return code == QUERN_OK ? quern_node_erase_dead(first) : code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    struct quern_each each = {.ops = ops, .behind = ops};
    (void)params;
    return quern_pass_each(ctx, graph, &each, visit, NULL);
}

const struct quern_pass_desc qn_pass_merge_reductions = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "merge-reductions",
    .summary = "one reduction from two of the same kind, as the mean of means",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "fuse",
};
