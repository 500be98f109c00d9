/* Reductions over axes. */
#include "infer/table.h"

/* Marks of the axes that are reduced; false when they are not known. */
static bool reduced_axes(struct qn_infer_ctx *c, int rank, bool *marks,
                         bool *out_none)
{
    const int64_t *axes = NULL;
    size_t n = 0;
    *out_none = false;
    if (!qn_infer_ints_of(c, "axes", 1, &axes, &n)) {
        return false;
    }
    *out_none = n == 0 && qn_infer_attr_int(c, "noop_with_empty_axes", 0) != 0;
    for (int i = 0; i < rank; i++) {
        marks[i] = n == 0 && !*out_none;
    }
    for (size_t i = 0; i < n; i++) {
        int axis = qn_infer_axis(c, axes[i], rank);
        if (axis < 0) {
            return false;
        }
        marks[axis] = true;
    }
    return true;
}

/* Shape of input 0 without the marked axes, or with 1 in their place. */
static void drop_axes(struct qn_infer_ctx *c, size_t i, int rank,
                      const bool *marks, bool keep)
{
    int n = 0;
    int left = 0;
    for (int k = 0; k < rank; k++) {
        left += keep || !marks[k] ? 1 : 0;
    }
    if (!qn_infer_out_rank(c, i, left)) {
        return;
    }
    for (int k = 0; k < rank; k++) {
        if (!marks[k]) {
            qn_infer_out(c, i)->dims[n++] = qn_infer_in_dim(c, 0, k);
        } else if (keep) {
            qn_infer_out(c, i)->dims[n++] = qn_num(1);
        }
    }
}

void qn_infer_reduce(struct qn_infer_ctx *c)
{
    bool marks[QUERN_MAX_RANK] = {false};
    bool none = false;
    int rank = qn_infer_in_rank(c, 0);
    bool keep = qn_infer_attr_int(c, "keepdims", 1) != 0;
    if (rank < 0) {
        return;
    }
    if (reduced_axes(c, rank, marks, &none)) {
        drop_axes(c, 0, rank, marks, keep);
    } else if (keep) {
        qn_infer_out_rank(c, 0, rank);
    } else if (qn_infer_in_rank(c, 1) == 1) {
        struct quern_number n = qn_infer_in_dim(c, 1, 0);
        if (qn_num_is_plain(n) && n.value > 0 && n.value <= rank) {
            qn_infer_out_rank(c, 0, rank - (int)n.value);
        }
    }
}

void qn_infer_arg_extreme(struct qn_infer_ctx *c)
{
    bool marks[QUERN_MAX_RANK] = {false};
    int rank = qn_infer_in_rank(c, 0);
    int axis = rank >= 0
                   ? qn_infer_axis(c, qn_infer_attr_int(c, "axis", 0), rank)
                   : -1;
    if (axis >= 0) {
        marks[axis] = true;
        drop_axes(c, 0, rank, marks, qn_infer_attr_int(c, "keepdims", 1) != 0);
    }
}

void qn_infer_top_k(struct qn_infer_ctx *c)
{
    size_t n = 0;
    int rank = qn_infer_in_rank(c, 0);
    int axis = rank >= 0
                   ? qn_infer_axis(c, qn_infer_attr_int(c, "axis", -1), rank)
                   : -1;
    struct quern_number k = QN_UNKNOWN;
    const struct quern_number *numbers = qn_infer_in_numbers(c, 1, &n);
    if (!qn_infer_in_present(c, 1)) {
        k = qn_num(qn_infer_attr_int(c, "k", -1));
    } else if (numbers != NULL && n == 1) {
        k = numbers[0];
    }
    for (size_t i = 0; i < 2 && axis >= 0; i++) {
        qn_infer_out_like(c, i, 0);
        qn_infer_out(c, i)->dims[axis] = k;
    }
}
