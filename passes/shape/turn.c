/* move-transposes: axes of a Transpose; one node, with its axes and constants
 * turned. */
#include "common.h"
#include "kinds.h"
#include "shape/region.h"

/* Larger constants are turned only when nobody else reads them. */
enum { MOST_SHARED_BYTES = 64 << 10 };

int qn_read_perm(const struct quern_node *transpose, int64_t *out_perm)
{
    const struct quern_value *x = quern_node_input(transpose, 0);
    int rank = x != NULL ? quern_value_rank(x) : -1;
    const int64_t *perm = NULL;
    size_t n = 0;
    bool seen[QUERN_MAX_RANK] = {false};
    if (x == NULL || !quern_node_is(transpose, "Transpose") ||
        (quern_node_has_attr(transpose, "perm") &&
         quern_node_attr_ints(transpose, "perm", &perm, &n) != QUERN_OK)) {
        return 0;
    }
    rank = rank < 0 ? (int)n : rank;
    if (rank < 2 || rank > QUERN_MAX_RANK ||
        (perm != NULL && n != (size_t)rank)) {
        return 0;
    }
    for (int i = 0; i < rank; i++) {
        out_perm[i] = perm != NULL ? perm[i] : rank - 1 - i;
        if (out_perm[i] < 0 || out_perm[i] >= rank || seen[out_perm[i]]) {
            return 0;
        }
        seen[out_perm[i]] = true;
    }
    return rank;
}

enum qn_turn qn_turn_of(const struct quern_node *node)
{
    static const char *const codes[] = {"QuantizeLinear", "DequantizeLinear",
                                        NULL};
    if (qn_is_elementwise(node)) {
        return QN_TURN_FIRST;
    }
    if (qn_is_broadcast(node)) {
        return QN_TURN_BROADCAST;
    }
    if (qn_is_one_of(node, codes)) {
        return QN_TURN_CODES;
    }
    return quern_node_is(node, "Concat") ? QN_TURN_CONCAT
                                         : qn_turn_of_axes(node);
}

/* One scale for all, or one for each place of an axis. */
static bool has_one_scale(const struct quern_node *node)
{
    const struct quern_value *scale = quern_node_input(node, 1);
    return scale != NULL &&
           (quern_value_rank(scale) == 0 || quern_value_len(scale) == 1);
}

static bool can_turn_codes(const struct qn_region *region,
                           const struct quern_node *node)
{
    const struct quern_value *scale = quern_node_input(node, 1);
    if (scale == NULL || quern_value_rank(scale) < 0 ||
        quern_value_rank(scale) > 1 ||
        quern_node_int(node, "block_size", 0) != 0) {
        return false;
    }
    return has_one_scale(node) ||
           (quern_node_opset(node) >= 13 &&
            qn_region_axis(region, quern_node_int(node, "axis", 1)) >= 0);
}

bool qn_can_turn(const struct qn_region *region, const struct quern_node *node,
                 enum qn_turn turn)
{
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        const struct quern_value *y = quern_node_output(node, i);
        if (y == NULL || quern_value_rank(y) != region->rank) {
            return false;
        }
    }
    if (quern_node_n_outputs(node) < 1 || qn_has_old_broadcast(node)) {
        return false;
    }
    switch (turn) {
    case QN_TURN_FIRST:
    case QN_TURN_BROADCAST:
        return true;
    case QN_TURN_REDUCE:
    case QN_TURN_AXIS:
    case QN_TURN_LIST:
        return qn_can_turn_axes(region, node, turn);
    case QN_TURN_CODES:
        return can_turn_codes(region, node);
    case QN_TURN_CONCAT:
        return qn_region_axis(region, quern_node_int(node, "axis", -1)) >= 0;
    case QN_TURN_NOT:
        break;
    }
    return false;
}

bool qn_can_turn_constant(const struct qn_region *region,
                          const struct quern_value *value, bool whole_rank)
{
    const struct quern_tensor *t = quern_value_constant(value);
    if (t == NULL || quern_tensor_rank(t) > region->rank ||
        (whole_rank && quern_tensor_rank(t) != region->rank)) {
        return false;
    }
    int64_t len = quern_tensor_len(t);
    size_t size = quern_tensor_size(t);
    /* Whole bytes an element: not strings, not two codes in a byte. */
    return len == 1 ||
           (len > 0 && quern_tensor_data(t) != NULL &&
            size % (size_t)len == 0 && size / (size_t)len <= 16 &&
            quern_tensor_dtype(t) != QUERN_STRING &&
            (quern_value_n_uses(value) == 1 || size <= MOST_SHARED_BYTES));
}

static enum quern_code turn_constant(struct quern_pass_ctx *ctx,
                                     const struct qn_region *region,
                                     struct quern_node *node, size_t i)
{
    const struct quern_value *old = quern_node_input(node, i);
    const struct quern_tensor *t = quern_value_constant(old);
    struct quern_tensor *turned = NULL;
    struct quern_value *value = NULL;
    if (quern_tensor_len(t) == 1) {
        return QUERN_OK;
    }
    enum quern_code code =
        qn_permuted(ctx, t, region->rank, region->perm, &turned);
    if (code == QUERN_OK) {
        code = quern_constant_create(region->graph, quern_value_name(old),
                                     turned, &value);
    }
    quern_tensor_release(&turned);
    return code == QUERN_OK ? qn_replace_input(node, i, value) : code;
}

static enum quern_code turn_axis(const struct qn_region *region,
                                 struct quern_node *node, int64_t fallback)
{
    int64_t axis =
        qn_region_axis(region, quern_node_int(node, "axis", fallback));
    return quern_node_set_int(node, "axis", region->perm[axis]);
}

/* The node makes values with turned sizes; the old ones have no producer now.
 */
static enum quern_code turn_output(struct qn_region *region,
                                   struct quern_node *node, size_t i)
{
    struct quern_value *y = quern_node_output(node, i);
    struct qn_turned *row = qn_region_find(region, y);
    const struct quern_dim *from = quern_value_dims(y);
    struct quern_dim dims[QUERN_MAX_RANK];
    for (int k = 0; k < region->rank; k++) {
        dims[region->perm[k]] = from[k];
    }
    enum quern_code code =
        quern_value_create(region->graph, quern_value_name(y), &row->source);
    if (code == QUERN_OK) {
        code = quern_value_set_type(row->source, quern_value_dtype(y),
                                    region->rank, dims);
    }
    return code == QUERN_OK ? quern_node_set_output(node, i, row->source)
                            : code;
}

enum quern_code qn_turn_node(struct quern_pass_ctx *ctx,
                             struct qn_region *region, struct quern_node *node)
{
    enum qn_turn turn = qn_turn_of(node);
    bool all = turn == QN_TURN_BROADCAST || turn == QN_TURN_CONCAT;
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < quern_node_n_inputs(node) && code == QUERN_OK; i++) {
        const struct qn_turned *row =
            qn_region_find(region, quern_node_input(node, i));
        if (row != NULL) {
            code = quern_node_set_input(node, i, row->source);
        } else if (all) {
            code = turn_constant(ctx, region, node, i);
        }
    }
    if (code == QUERN_OK && (turn == QN_TURN_REDUCE || turn == QN_TURN_AXIS ||
                             turn == QN_TURN_LIST)) {
        code = qn_turn_axes(ctx, region, node, turn);
    }
    if (code == QUERN_OK && turn == QN_TURN_CONCAT) {
        code = turn_axis(region, node, -1);
    }
    if (code == QUERN_OK && turn == QN_TURN_CODES && !has_one_scale(node)) {
        code = turn_axis(region, node, 1);
    }
    for (size_t i = 0; i < quern_node_n_outputs(node) && code == QUERN_OK;
         i++) {
        code = turn_output(region, node, i);
    }
    return code;
}
