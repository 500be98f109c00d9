/* merge-shapes: parts of a tensor that are joined again, parts of what was
 * joined, and a Concat in a Concat. */
#include "common.h"
#include "shape/merge_shapes.h"

enum { MOST_PARTS = 64, MOST_INPUTS = 256 };

static int64_t axis_of(const struct quern_node *node, int rank)
{
    int64_t axis = quern_node_int(node, "axis", 0);
    axis += axis < 0 ? rank : 0;
    return axis >= 0 && axis < rank ? axis : -1;
}

/* All outputs of a Split, in their order, along the axis of the Concat. */
enum quern_code qn_merge_split_concat(struct quern_pass_ctx *ctx,
                                      struct quern_node *concat)
{
    struct quern_value *first = quern_node_input(concat, 0);
    struct quern_value *y = quern_node_output(concat, 0);
    struct quern_node *split =
        first != NULL ? quern_value_producer(first) : NULL;
    size_t n = quern_node_n_inputs(concat);
    int rank = first != NULL ? quern_value_rank(first) : -1;
    if (split == NULL || y == NULL || !quern_node_is(split, "Split") || n < 2 ||
        n != quern_node_n_outputs(split) || rank < 1 ||
        axis_of(split, rank) != axis_of(concat, rank)) {
        return QUERN_OK;
    }
    for (size_t i = 0; i < n; i++) {
        if (quern_node_input(concat, i) != quern_node_output(split, i)) {
            return QUERN_OK;
        }
    }
    struct quern_value *x = quern_node_input(split, 0);
    if (x == NULL || !qn_can_stand_for(y, x)) {
        return QUERN_OK;
    }
    quern_pass_account(ctx, concat, "undoes Split '%s'",
                       quern_node_name(split));
    enum quern_code code = quern_replace_value(y, x, true);
    return code == QUERN_OK ? quern_node_erase_dead(concat) : code;
}

/* The Concat that makes input 0, when sizes along its axis are known. */
static const struct quern_node *concat_before(const struct quern_node *node,
                                              int64_t *out_axis)
{
    const struct quern_value *x = quern_node_input(node, 0);
    const struct quern_node *concat =
        x != NULL ? quern_value_producer(x) : NULL;
    int rank = x != NULL ? quern_value_rank(x) : -1;
    if (concat == NULL || !quern_node_is(concat, "Concat") || rank < 1 ||
        quern_node_graph(concat) != quern_node_graph(node) ||
        quern_node_n_inputs(concat) > MOST_PARTS) {
        return NULL;
    }
    *out_axis = axis_of(concat, rank);
    return *out_axis >= 0 ? concat : NULL;
}

/* Size of input i of a Concat along its axis; -1: not known. */
static int64_t size_of(const struct quern_node *concat, size_t i, int64_t axis)
{
    const struct quern_value *x = quern_node_input(concat, i);
    return x != NULL && quern_value_rank(x) > axis
               ? quern_value_dims(x)[axis].value
               : -1;
}

static bool parts_match(const struct quern_node *split,
                        const struct quern_node *concat, int64_t axis)
{
    size_t n = quern_node_n_outputs(split);
    bool match =
        n == quern_node_n_inputs(concat) &&
        axis_of(split, quern_value_rank(quern_node_input(split, 0))) == axis;
    for (size_t i = 0; i < n && match; i++) {
        const struct quern_value *y = quern_node_output(split, i);
        int64_t size = size_of(concat, i, axis);
        match = y != NULL && quern_value_rank(y) > axis && size >= 0 &&
                quern_value_dims(y)[axis].value == size &&
                !quern_value_is_graph_output(y);
    }
    return match;
}

/* A Split into what a Concat has joined. */
enum quern_code qn_merge_concat_split(struct quern_pass_ctx *ctx,
                                      struct quern_node *split)
{
    int64_t axis = 0;
    const struct quern_node *concat = concat_before(split, &axis);
    enum quern_code code = QUERN_OK;
    if (concat == NULL || !parts_match(split, concat, axis)) {
        return QUERN_OK;
    }
    quern_pass_account(ctx, split, "undoes Concat '%s'",
                       quern_node_name(concat));
    for (size_t i = 0; i < quern_node_n_outputs(split) && code == QUERN_OK;
         i++) {
        code = quern_replace_value(quern_node_output(split, i),
                                   quern_node_input(concat, i), true);
    }
    return code == QUERN_OK ? quern_node_erase_dead(split) : code;
}

/* A Slice of just what a Concat has put in. */
enum quern_code qn_merge_concat_slice(struct quern_pass_ctx *ctx,
                                      struct quern_node *slice,
                                      int64_t slice_axis, int64_t from,
                                      int64_t to)
{
    int64_t axis = 0;
    int64_t at = 0;
    const struct quern_node *concat = concat_before(slice, &axis);
    struct quern_value *y = quern_node_output(slice, 0);
    if (concat == NULL || y == NULL || axis != slice_axis || from < 0) {
        return QUERN_OK;
    }
    for (size_t i = 0; i < quern_node_n_inputs(concat) && at <= from; i++) {
        struct quern_value *x = quern_node_input(concat, i);
        int64_t size = size_of(concat, i, axis);
        bool is_last = i + 1 == quern_node_n_inputs(concat);
        if (at == from &&
            (is_last ? to >= INT32_MAX || (size >= 0 && to == at + size)
                     : size >= 0 && to == at + size)) {
            if (!qn_can_stand_for(y, x)) {
                return QUERN_OK;
            }
            quern_pass_account(ctx, slice, "reads a part of Concat '%s'",
                               quern_node_name(concat));
            enum quern_code code = quern_replace_value(y, x, true);
            return code == QUERN_OK ? quern_node_erase_dead(slice) : code;
        }
        if (size < 0) {
            return QUERN_OK;
        }
        at += size;
    }
    return QUERN_OK;
}

/* ------------------------------------------------------------------ Concat */

/* A Concat along the same axis whose output this input alone reads. */
static struct quern_node *inner_concat(const struct quern_node *node, size_t i)
{
    struct quern_value *x = quern_node_input(node, i);
    struct quern_node *inner = x != NULL ? quern_value_producer(x) : NULL;
    int rank = x != NULL ? quern_value_rank(x) : -1;
    if (inner == NULL || !quern_node_is(inner, "Concat") || inner == node ||
        quern_node_graph(inner) != quern_node_graph(node) ||
        quern_value_n_uses(x) != 1 || quern_value_is_graph_output(x) ||
        rank < 1) {
        return NULL;
    }
    int64_t a = quern_node_int(node, "axis", 0);
    int64_t b = quern_node_int(inner, "axis", 0);
    return a + (a < 0 ? rank : 0) == b + (b < 0 ? rank : 0) ? inner : NULL;
}

/* Parts without elements go, but for the last one that is left. */
static enum quern_code drop_empty(struct quern_pass_ctx *ctx,
                                  struct quern_node *node)
{
    size_t n = quern_node_n_inputs(node);
    size_t n_kept = 0;
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        struct quern_value *x = quern_node_input(node, i);
        int rank = x != NULL ? quern_value_rank(x) : -1;
        int64_t axis = quern_node_int(node, "axis", 0);
        axis += axis < 0 ? rank : 0;
        bool empty = rank > 0 && axis >= 0 && axis < rank &&
                     quern_value_dims(x)[axis].value == 0;
        if (!empty || (n_kept == 0 && i + 1 == n)) {
            code = n_kept < i ? quern_node_set_input(node, n_kept, x) : code;
            n_kept++;
        } else {
            quern_pass_account(ctx, node, "'%s', which is empty, left out",
                               quern_value_name(x));
        }
    }
    for (size_t i = n; i-- > n_kept && code == QUERN_OK;) {
        code = quern_node_set_input(node, i, NULL);
    }
    return code;
}

enum quern_code qn_merge_concat(struct quern_pass_ctx *ctx,
                                struct quern_node *node)
{
    enum quern_code emptied = drop_empty(ctx, node);
    if (emptied != QUERN_OK) {
        return emptied;
    }
    struct quern_value *in[MOST_INPUTS];
    struct quern_node *gone[MOST_INPUTS];
    size_t n = 0;
    size_t n_gone = 0;
    for (size_t i = 0; i < quern_node_n_inputs(node); i++) {
        struct quern_node *inner = inner_concat(node, i);
        size_t k = inner != NULL ? quern_node_n_inputs(inner) : 1;
        if (k > MOST_INPUTS - n) {
            return QUERN_OK;
        }
        if (inner != NULL) {
            gone[n_gone++] = inner;
        }
        for (size_t j = 0; j < k; j++) {
            in[n++] = inner != NULL ? quern_node_input(inner, j)
                                    : quern_node_input(node, i);
        }
    }
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < n && n_gone > 0 && code == QUERN_OK; i++) {
        code = quern_node_set_input(node, i, in[i]);
    }
    for (size_t i = 0; i < n_gone && code == QUERN_OK; i++) {
        quern_pass_account(ctx, node, "took in Concat '%s'",
                           quern_node_name(gone[i]));
        code = quern_node_erase_dead(gone[i]);
    }
    return code;
}
