/* merge-shapes: two nodes in a row that move data or convert it become one: two
 * Transposes, a Reshape behind Reshape, Flatten, Squeeze or Unsqueeze, two
 * Unsqueezes, two Squeezes, two Slices, a Concat in a Concat, a Cast behind a
 * Cast that lost nothing, a Transpose of axes of length 1 beside a Reshape, a
 * reduction and the Squeeze or Unsqueeze of its axes; one Transpose from
 * Reshape, Transpose, Reshape; one Gather from Slice and Squeeze. Split and
 * Concat of the same parts go, and so does the Slice of one part of a Concat.
 * Bit-exact. Two Unsqueezes of a graph input are left: runtimes know masks by
 * them. */
#include "shape/merge_shapes.h"

#include "builtin.h"
#include "common.h"
#include "shape/region.h"

#include <string.h>

/* The node in front, when `node` alone reads it and it is in this graph. */
static struct quern_node *before(const struct quern_node *node,
                                 const char *const *ops)
{
    const struct quern_value *x = quern_node_input(node, 0);
    struct quern_node *first = x != NULL ? quern_value_producer(x) : NULL;
    bool good = first != NULL && *quern_node_domain(first) == '\0' &&
                quern_node_graph(first) == quern_node_graph(node) &&
                quern_value_only_user(x) == node && qn_is_one_of(first, ops);
    return good ? first : NULL;
}

/* The second of the two gives back what the first read. */
static enum quern_code undo(struct quern_pass_ctx *ctx, struct quern_node *node,
                            const struct quern_node *first,
                            struct quern_value *y, struct quern_value *x)
{
    quern_pass_account(ctx, node, "undoes %s '%s'", quern_node_op(first),
                       quern_node_name(first));
    enum quern_code code = quern_replace_value(y, x, true);
    return code == QUERN_OK ? quern_node_erase_dead(node) : code;
}

/* -------------------------------------------------------------- Transpose */

static enum quern_code merge_transpose(struct quern_pass_ctx *ctx,
                                       struct quern_node *node)
{
    static const char *const ops[] = {"Transpose", NULL};
    struct quern_node *first = before(node, ops);
    int64_t a[QUERN_MAX_RANK];
    int64_t b[QUERN_MAX_RANK];
    int64_t perm[QUERN_MAX_RANK];
    int n = first != NULL ? qn_read_perm(first, a) : 0;
    if (n == 0 || qn_read_perm(node, b) != n) {
        return QUERN_OK;
    }
    bool back = true;
    for (int i = 0; i < n; i++) {
        perm[i] = a[b[i]];
        back = back && perm[i] == i;
    }
    struct quern_value *x = quern_node_input(first, 0);
    struct quern_value *y = quern_node_output(node, 0);
    if (back && x != NULL && y != NULL && qn_can_stand_for(y, x)) {
        return undo(ctx, node, first, y, x);
    }
    enum quern_code code = quern_node_set_ints(node, "perm", perm, (size_t)n);
    return code == QUERN_OK ? qn_bypass(ctx, node, first) : code;
}

/* ---------------------------------------------------------------- Reshape */

/* A 0 copies a size of the middle: it must be the same size of x. */
static bool zeros_hold(const struct quern_node *node,
                       const struct quern_value *x)
{
    int64_t target[QUERN_MAX_RANK];
    const struct quern_value *middle = quern_node_input(node, 0);
    int n = qn_int_values(quern_node_input(node, 1), QUERN_MAX_RANK, target);
    bool copies = quern_node_int(node, "allowzero", 0) == 0;
    for (int i = 0; i < n && copies; i++) {
        if (target[i] != 0) {
            continue;
        }
        if (i >= quern_value_rank(x) || i >= quern_value_rank(middle) ||
            !quern_dim_equal(quern_value_dims(x)[i],
                             quern_value_dims(middle)[i])) {
            return false;
        }
    }
    return n >= 0;
}

static enum quern_code merge_reshape(struct quern_pass_ctx *ctx,
                                     struct quern_node *node)
{
    static const char *const ops[] = {"Reshape",   "Flatten",   "Squeeze",
                                      "Unsqueeze", "Transpose", NULL};
    struct quern_node *first = before(node, ops);
    const struct quern_value *x =
        first != NULL ? quern_node_input(first, 0) : NULL;
    return x != NULL && zeros_hold(node, x) &&
                   (!quern_node_is(first, "Transpose") ||
                    qn_moves_nothing(first))
               ? qn_bypass(ctx, node, first)
               : QUERN_OK;
}

static bool same_dims(const struct quern_value *a, const struct quern_value *b)
{
    int rank = quern_value_rank(a);
    if (rank < 0 || rank != quern_value_rank(b)) {
        return false;
    }
    for (int i = 0; i < rank; i++) {
        if (!quern_dim_equal(quern_value_dims(a)[i], quern_value_dims(b)[i])) {
            return false;
        }
    }
    return true;
}

/* Two of the family that end with the sizes they began with. */
static enum quern_code drop_pair(struct quern_pass_ctx *ctx,
                                 struct quern_node *node)
{
    static const char *const ops[] = {"Reshape", "Flatten", "Squeeze",
                                      "Unsqueeze", NULL};
    struct quern_node *first = before(node, ops);
    struct quern_value *y = quern_node_output(node, 0);
    struct quern_value *x = first != NULL ? quern_node_input(first, 0) : NULL;
    if (x == NULL || y == NULL || !same_dims(x, y) || !qn_can_stand_for(y, x)) {
        return QUERN_OK;
    }
    return undo(ctx, node, first, y, x);
}

/* y is x with its last two axes swapped, and `joined` x with all others joined.
 * @param perm  the axes of y, as those of x */
static bool swaps_last_two(const struct quern_value *x,
                           const struct quern_value *joined,
                           const struct quern_value *y, int64_t *perm)
{
    int rank = quern_value_rank(x);
    const struct quern_dim *from = quern_value_dims(x);
    const struct quern_dim *to = quern_value_dims(y);
    const struct quern_dim *three = quern_value_dims(joined);
    bool good = quern_value_rank(joined) == 3 &&
                quern_dim_equal(three[1], from[rank - 2]) &&
                quern_dim_equal(three[2], from[rank - 1]);
    for (int i = 0; i < rank && good; i++) {
        int at = i < rank - 2 ? i : 2 * rank - 3 - i;
        perm[i] = at;
        good = quern_dim_equal(to[i], from[at]);
    }
    return good;
}

/* Matrices of a batch of several axes, transposed as a batch of one: a Reshape
 * that joins the first axes, a Transpose of the last two, a Reshape that splits
 * again. PyTorch's exporter writes the keys of attention so. */
static enum quern_code merge_batch_transpose(struct quern_pass_ctx *ctx,
                                             struct quern_node *node)
{
    static const char *const transpose[] = {"Transpose", NULL};
    static const char *const reshape[] = {"Reshape", NULL};
    struct quern_node *middle = before(node, transpose);
    struct quern_node *first = middle != NULL ? before(middle, reshape) : NULL;
    struct quern_value *x = first != NULL ? quern_node_input(first, 0) : NULL;
    const struct quern_value *y = quern_node_output(node, 0);
    int rank = x != NULL ? quern_value_rank(x) : 0;
    int64_t perm[QUERN_MAX_RANK];
    int64_t all[QUERN_MAX_RANK];
    if (rank < 4 || rank > QUERN_MAX_RANK || quern_value_rank(y) != rank ||
        qn_read_perm(middle, perm) != 3 || perm[0] != 0 || perm[1] != 2) {
        return QUERN_OK;
    }
    if (!swaps_last_two(x, quern_node_output(first, 0), y, all)) {
        return QUERN_OK;
    }
    enum quern_code code = quern_node_set_op(node, "Transpose");
    while (code == QUERN_OK && quern_node_n_attrs(node) > 0) {
        code = quern_node_remove_attr(node, quern_node_attr_name(node, 0));
    }
    if (code == QUERN_OK) {
        code = quern_node_set_input(node, 1, NULL);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_ints(node, "perm", all, (size_t)rank);
    }
    if (code == QUERN_OK) {
        code = qn_bypass(ctx, node, middle);
    }
    return code == QUERN_OK ? qn_bypass(ctx, node, first) : code;
}

/* ------------------------------------------------------------------- Cast */

/* Every number of `from` is one of `to`. */
static bool holds(enum quern_dtype to, enum quern_dtype from)
{
    static const struct {
        enum quern_dtype from, to;
    } rows[] = {
        {QUERN_BOOL, QUERN_INT32},      {QUERN_BOOL, QUERN_INT64},
        {QUERN_BOOL, QUERN_FLOAT},      {QUERN_BOOL, QUERN_FLOAT16},
        {QUERN_BOOL, QUERN_DOUBLE},     {QUERN_BOOL, QUERN_INT8},
        {QUERN_BOOL, QUERN_UINT8},      {QUERN_INT8, QUERN_INT32},
        {QUERN_INT8, QUERN_INT64},      {QUERN_INT8, QUERN_FLOAT},
        {QUERN_UINT8, QUERN_INT32},     {QUERN_UINT8, QUERN_INT64},
        {QUERN_UINT8, QUERN_FLOAT},     {QUERN_INT32, QUERN_INT64},
        {QUERN_INT32, QUERN_DOUBLE},    {QUERN_FLOAT16, QUERN_FLOAT},
        {QUERN_FLOAT16, QUERN_DOUBLE},  {QUERN_BFLOAT16, QUERN_FLOAT},
        {QUERN_BFLOAT16, QUERN_DOUBLE}, {QUERN_FLOAT, QUERN_DOUBLE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].from == from && rows[i].to == to) {
            return true;
        }
    }
    return from == to;
}

static enum quern_code merge_cast(struct quern_pass_ctx *ctx,
                                  struct quern_node *node)
{
    static const char *const ops[] = {"Cast", NULL};
    struct quern_node *first = before(node, ops);
    struct quern_value *x = first != NULL ? quern_node_input(first, 0) : NULL;
    struct quern_value *y = quern_node_output(node, 0);
    if (x == NULL || y == NULL || quern_value_dtype(x) == QUERN_UNDEFINED ||
        !holds((enum quern_dtype)quern_node_int(first, "to", 0),
               quern_value_dtype(x))) {
        return QUERN_OK;
    }
    bool back = (int64_t)quern_value_dtype(x) == quern_node_int(node, "to", 0);
    if (!back || !qn_can_stand_for(y, x)) {
        return qn_bypass(ctx, node, first);
    }
    return undo(ctx, node, first, y, x);
}

typedef enum quern_code (*merge_fn)(struct quern_pass_ctx *ctx,
                                    struct quern_node *node);

/* In this order, until the node goes or has become another. */
static const struct {
    const char *op;
    merge_fn merge;
} mergers[] = {
    {"Transpose", merge_transpose},
    {"Cast", merge_cast},
    {"Slice", qn_merge_part},
    {"Slice", qn_merge_slice},
    {"Concat", qn_merge_split_concat},
    {"Concat", qn_merge_concat},
    {"Split", qn_merge_concat_split},
    {"Flatten", drop_pair},
    {"Squeeze", drop_pair},
    {"Squeeze", qn_merge_reduce},
    {"Squeeze", qn_merge_squeezes},
    {"Squeeze", qn_merge_squeeze},
    {"Unsqueeze", drop_pair},
    {"Unsqueeze", qn_merge_reduce},
    {"Unsqueeze", qn_merge_unsqueeze},
    {"Reshape", drop_pair},
    {"Reshape", merge_batch_transpose},
    {"Reshape", merge_reshape},
    {"Reshape", qn_merge_reshape_kin},
    {"Transpose", qn_merge_reshape_kin},
    {"Flatten", qn_merge_reshape_kin},
    {"Squeeze", qn_merge_reshape_kin},
    {"Unsqueeze", qn_merge_reshape_kin},
    {"Squeeze", qn_squeeze_earlier},
};

static enum quern_code merge(struct quern_pass_ctx *ctx,
                             struct quern_node *node, void *user)
{
    enum quern_code code = QUERN_OK;
    (void)user;
    for (size_t i = 0; i < sizeof mergers / sizeof *mergers; i++) {
        if (quern_node_is(node, mergers[i].op)) {
            code = mergers[i].merge(ctx, node);
        }
        if (code != QUERN_OK || quern_node_erased(node)) {
            break;
        }
    }
    return code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {
        "Transpose", "Slice",     "Cast",    "Concat", "Flatten",
        "Squeeze",   "Unsqueeze", "Reshape", "Split",  NULL};
    (void)params;
    return quern_pass_each(ctx, graph, &(struct quern_each){.ops = ops}, merge,
                           NULL);
}

const struct quern_pass_desc qn_pass_merge_shapes = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "merge-shapes",
    .summary = "one node from two in a row that move or convert data: "
               "Transpose, Reshape and its kin, Slice, Concat, Split, Cast; "
               "reductions",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "shape",
};
