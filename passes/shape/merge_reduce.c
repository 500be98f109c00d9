/* merge-shapes: a reduction and the axes of 1 behind it. */
#include "common.h"
#include "shape/merge_shapes.h"

#include <string.h>

static const char *const reductions[] = {"ReduceMean",
                                         "ReduceSum",
                                         "ReduceMax",
                                         "ReduceMin",
                                         "ReduceProd",
                                         "ReduceL1",
                                         "ReduceL2",
                                         "ReduceLogSum",
                                         "ReduceLogSumExp",
                                         "ReduceSumSquare",
                                         "ArgMax",
                                         "ArgMin",
                                         NULL};

/* Axes as bits, of a tensor of that rank; 0: not known, or none. */
static uint32_t bits_of(const int64_t *axes, int n, int rank)
{
    uint32_t bits = 0;
    for (int i = 0; i < n; i++) {
        int64_t axis = axes[i] + (axes[i] < 0 ? rank : 0);
        if (axis < 0 || axis >= rank) {
            return 0;
        }
        bits |= (uint32_t)1 << axis;
    }
    return bits;
}

static int count(uint32_t bits)
{
    int n = 0;
    for (; bits != 0; bits &= bits - 1) {
        n++;
    }
    return n;
}

static uint32_t reduced(const struct quern_node *node, int rank)
{
    int64_t axes[QUERN_MAX_RANK];
    int n = 1;
    if (quern_node_is(node, "ArgMax") || quern_node_is(node, "ArgMin")) {
        axes[0] = quern_node_int(node, "axis", 0);
    } else {
        n = qn_axes(node, QUERN_MAX_RANK, axes);
    }
    return bits_of(axes, n, rank);
}

/* The reduction keeps its axes where an Unsqueeze puts them back, and drops
 * them where a Squeeze does. */
enum quern_code qn_merge_reduce(struct quern_pass_ctx *ctx,
                                struct quern_node *node)
{
    bool keep = quern_node_is(node, "Unsqueeze");
    const struct quern_value *y = quern_node_input(node, 0);
    struct quern_node *first = y != NULL ? quern_value_producer(y) : NULL;
    int64_t axes[QUERN_MAX_RANK];
    if (first == NULL || !qn_is_one_of(first, reductions) ||
        quern_node_graph(first) != quern_node_graph(node) ||
        quern_value_only_user(y) != node ||
        (quern_node_int(first, "keepdims", 1) != 0) == keep) {
        return QUERN_OK;
    }
    const struct quern_value *x = quern_node_input(first, 0);
    int rank = x != NULL ? quern_value_rank(x) : -1;
    uint32_t bits =
        rank > 0 && rank <= QUERN_MAX_RANK ? reduced(first, rank) : 0;
    int n = qn_axes(node, QUERN_MAX_RANK, axes);
    /* Axes from the end count from that of what Unsqueeze makes, which has as
     * many as x only when it puts back just those that went. */
    if (bits == 0 || n != count(bits) || bits_of(axes, n, rank) != bits) {
        return QUERN_OK;
    }
    quern_pass_account(ctx, node, "taken in by %s '%s'", quern_node_op(first),
                       quern_node_name(first));
    enum quern_code code = quern_node_set_int(first, "keepdims", keep ? 1 : 0);
    if (code == QUERN_OK) {
        code = quern_node_set_output(first, 0, quern_node_output(node, 0));
    }
    return code == QUERN_OK ? quern_node_erase_dead(node) : code;
}
