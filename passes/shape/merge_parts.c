/* merge-shapes: parts of a tensor that are joined again, and parts of what was
 * joined. */
#include "common.h"
#include "shape/merge_shapes.h"

enum { MOST_PARTS = 64 };

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
