/* move-transposes: nodes that name axes, which stay in the value or leave it.
 */
#include "common.h"
#include "kinds.h"
#include "shape/region.h"

#include <string.h>

static const struct {
    const char *op;
    int64_t since; /* from this opset on it is about one axis */
    int64_t otherwise;
} axis_ops[] = {{"Softmax", 13, -1}, {"LogSoftmax", 13, -1},
                {"Hardmax", 13, -1}, {"ArgMax", 1, 0},
                {"ArgMin", 1, 0},    {"LpNormalization", 1, -1},
                {"Split", 1, 0},     {"Gather", 1, 0}};

int64_t qn_region_axis(const struct qn_region *region, int64_t axis)
{
    axis += axis < 0 ? region->rank : 0;
    return axis >= 0 && axis < region->rank ? axis : -1;
}

/* The node's attribute `axis`; -1: it has none, or out of range. */
static int64_t axis_of(const struct qn_region *region,
                       const struct quern_node *node)
{
    for (size_t i = 0; i < sizeof axis_ops / sizeof *axis_ops; i++) {
        if (quern_node_is(node, axis_ops[i].op)) {
            return qn_region_axis(
                region, quern_node_int(node, "axis", axis_ops[i].otherwise));
        }
    }
    return -1;
}

enum qn_turn qn_turn_of_axes(const struct quern_node *node)
{
    static const char *const lists[] = {"Slice", "Pad", "Tile", NULL};
    if (qn_is_reduction(node)) {
        return QN_TURN_REDUCE;
    }
    for (size_t i = 0; i < sizeof axis_ops / sizeof *axis_ops; i++) {
        if (quern_node_is(node, axis_ops[i].op)) {
            return quern_node_opset(node) >= axis_ops[i].since ? QN_TURN_AXIS
                                                               : QN_TURN_NOT;
        }
    }
    return qn_is_one_of(node, lists) ? QN_TURN_LIST : QN_TURN_NOT;
}

static bool has_axes(const struct quern_node *node)
{
    return quern_node_has_attr(node, "axes") ||
           quern_node_input(node, 1) != NULL;
}

/* Axes of a reduction or a Squeeze from the front; 0: it names none, -1: not
 * known. */
static int named_axes(const struct qn_region *region,
                      const struct quern_node *node, int64_t *out_axes)
{
    int n = has_axes(node) ? qn_axes(node, QUERN_MAX_RANK, out_axes) : 0;
    for (int i = 0; i < n; i++) {
        out_axes[i] = qn_region_axis(region, out_axes[i]);
        n = out_axes[i] >= 0 ? n : -1;
    }
    return n;
}

/* Which input holds the list, and how many times the rank it is long; of Slice
 * it is any number of axes. */
static size_t list_input(const struct quern_node *node, int *out_times)
{
    *out_times = quern_node_is(node, "Pad") ? 2 : 1;
    return quern_node_is(node, "Slice") ? 3 : 1;
}

static bool can_turn_list(const struct qn_region *region,
                          const struct quern_node *node)
{
    int64_t list[2 * QUERN_MAX_RANK];
    int times = 0;
    size_t i = list_input(node, &times);
    int n = qn_int_values(quern_node_input(node, i), 2 * QUERN_MAX_RANK, list);
    bool slices = quern_node_is(node, "Slice");
    for (int k = 0; slices && k < n; k++) {
        n = qn_region_axis(region, list[k]) >= 0 ? n : -1;
    }
    return slices
               ? n > 0
               : n == times * region->rank && quern_node_input(node, 3) == NULL;
}

bool qn_can_turn_axes(const struct qn_region *region,
                      const struct quern_node *node, enum qn_turn turn)
{
    int64_t axes[QUERN_MAX_RANK];
    if (turn == QN_TURN_LIST) {
        return can_turn_list(region, node);
    }
    if (turn == QN_TURN_REDUCE) {
        return named_axes(region, node, axes) >= 0 &&
               quern_node_int(node, "keepdims", 1) == 1;
    }
    return axis_of(region, node) >= 0 &&
           (!quern_node_is(node, "Gather") ||
            quern_value_rank(quern_node_input(node, 1)) == 1);
}

static enum quern_code set_list(struct quern_pass_ctx *ctx,
                                struct quern_node *node, size_t i,
                                const int64_t *list, int n)
{
    struct quern_value *value = NULL;
    enum quern_code code = qn_new_ints(
        ctx, quern_node_graph(node),
        quern_value_name(quern_node_input(node, i)), list, n, &value);
    return code == QUERN_OK ? qn_replace_input(node, i, value) : code;
}

/* Axes of a reduction or a Squeeze. */
static enum quern_code turn_named(struct quern_pass_ctx *ctx,
                                  const struct qn_region *region,
                                  struct quern_node *node)
{
    int64_t axes[QUERN_MAX_RANK];
    int n = named_axes(region, node, axes);
    for (int i = 0; i < n; i++) {
        axes[i] = region->perm[axes[i]];
    }
    if (n <= 0) {
        return QUERN_OK;
    }
    return quern_node_has_attr(node, "axes")
               ? quern_node_set_ints(node, "axes", axes, (size_t)n)
               : set_list(ctx, node, 1, axes, n);
}

static enum quern_code turn_list(struct quern_pass_ctx *ctx,
                                 const struct qn_region *region,
                                 struct quern_node *node)
{
    int64_t from[2 * QUERN_MAX_RANK];
    int64_t to[2 * QUERN_MAX_RANK];
    int times = 0;
    int rank = region->rank;
    size_t i = list_input(node, &times);
    int n = qn_int_values(quern_node_input(node, i), 2 * QUERN_MAX_RANK, from);
    bool slices = quern_node_is(node, "Slice");
    for (int k = 0; k < n; k++) {
        if (slices) {
            to[k] = region->perm[qn_region_axis(region, from[k])];
        } else {
            to[k / rank * rank + region->perm[k % rank]] = from[k];
        }
    }
    return set_list(ctx, node, i, to, n);
}

enum quern_code qn_turn_axes(struct quern_pass_ctx *ctx,
                             const struct qn_region *region,
                             struct quern_node *node, enum qn_turn turn)
{
    if (turn == QN_TURN_LIST) {
        return turn_list(ctx, region, node);
    }
    return turn == QN_TURN_REDUCE
               ? turn_named(ctx, region, node)
               : quern_node_set_int(node, "axis",
                                    region->perm[axis_of(region, node)]);
}

/* ------------------------------------------------------------------- sinks */

/* Axes that a node takes out of what it reads; -1: another node. */
static int taken_axes(const struct qn_region *region,
                      const struct quern_node *node, int64_t *out_axes)
{
    bool keeps = quern_node_int(node, "keepdims", 1) != 0;
    bool picks = quern_node_is(node, "Gather") &&
                 quern_value_rank(quern_node_input(node, 1)) == 0;
    bool finds =
        (quern_node_is(node, "ArgMax") || quern_node_is(node, "ArgMin")) &&
        !keeps;
    if (picks || finds) {
        out_axes[0] = axis_of(region, node);
        return out_axes[0] >= 0 ? 1 : -1;
    }
    if (quern_node_is(node, "Squeeze") || (qn_is_reduction(node) && !keeps)) {
        int n = named_axes(region, node, out_axes);
        return n > 0 ? n : -1;
    }
    return -1;
}

bool qn_is_sink(const struct qn_region *region, const struct quern_use *use)
{
    const struct quern_node *node = quern_use_node(use);
    int64_t axes[QUERN_MAX_RANK];
    bool taken[QUERN_MAX_RANK] = {false};
    int64_t last = -1;
    if (node == NULL || quern_use_index(use) != 0 ||
        quern_node_graph(node) != region->graph) {
        return false;
    }
    int n = taken_axes(region, node, axes);
    for (int i = 0; i < n; i++) {
        taken[axes[i]] = true;
    }
    for (int i = 0; i < region->rank && n > 0; i++) {
        if (taken[i]) {
            continue;
        }
        n = region->perm[i] > last ? n : -1;
        last = region->perm[i];
    }
    return n > 0;
}

enum quern_code qn_turn_sink(struct quern_pass_ctx *ctx,
                             const struct qn_region *region,
                             struct quern_node *node,
                             struct quern_value *source)
{
    quern_pass_account(ctx, node, "reads what was transposed for it");
    enum quern_code code =
        axis_of(region, node) >= 0
            ? quern_node_set_int(node, "axis",
                                 region->perm[axis_of(region, node)])
            : turn_named(ctx, region, node);
    return code == QUERN_OK ? quern_node_set_input(node, 0, source) : code;
}
