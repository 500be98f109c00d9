/* Operators that pick elements by indices, masks or scores. */
#include "infer/table.h"

void qn_infer_gather(struct qn_infer_ctx *c)
{
    int rank = qn_infer_in_rank(c, 0);
    int picks = qn_infer_in_rank(c, 1);
    int axis = rank >= 0
                   ? qn_infer_axis(c, qn_infer_attr_int(c, "axis", 0), rank)
                   : -1;
    if (axis < 0 || picks < 0 || !qn_infer_out_rank(c, 0, rank - 1 + picks)) {
        return;
    }
    struct quern_number *dims = qn_infer_out(c, 0)->dims;
    int n = 0;
    for (int i = 0; i < axis; i++) {
        dims[n++] = qn_infer_in_dim(c, 0, i);
    }
    for (int i = 0; i < picks; i++) {
        dims[n++] = qn_infer_in_dim(c, 1, i);
    }
    for (int i = axis + 1; i < rank; i++) {
        dims[n++] = qn_infer_in_dim(c, 0, i);
    }
}

void qn_infer_gather_elements(struct qn_infer_ctx *c)
{
    qn_infer_out_like(c, 0, 1);
}

void qn_infer_gather_nd(struct qn_infer_ctx *c)
{
    int rank = qn_infer_in_rank(c, 0);
    int picks = qn_infer_in_rank(c, 1);
    int64_t batch = qn_infer_attr_int(c, "batch_dims", 0);
    if (rank < 0 || picks < 1) {
        return;
    }
    struct quern_number depth = qn_infer_in_dim(c, 1, picks - 1);
    if (!qn_num_is_plain(depth) || batch < 0 || batch + depth.value > rank) {
        return;
    }
    int first = (int)(batch + depth.value);
    if (!qn_infer_out_rank(c, 0, picks - 1 + rank - first)) {
        return;
    }
    struct quern_number *dims = qn_infer_out(c, 0)->dims;
    int n = 0;
    for (int i = 0; i < picks - 1; i++) {
        dims[n++] = qn_infer_in_dim(c, 1, i);
    }
    for (int i = first; i < rank; i++) {
        dims[n++] = qn_infer_in_dim(c, 0, i);
    }
}

void qn_infer_nonzero(struct qn_infer_ctx *c)
{
    size_t n = 0;
    size_t count = 0;
    int rank = qn_infer_in_rank(c, 0);
    const struct quern_number *numbers = qn_infer_in_numbers(c, 0, &n);
    if (!qn_infer_out_rank(c, 0, 2) || rank < 0) {
        return;
    }
    qn_infer_out(c, 0)->dims[0] = qn_num(rank);
    for (size_t i = 0; numbers != NULL && i < n; i++) {
        if (!qn_num_is_plain(numbers[i])) {
            return;
        }
        count += numbers[i].value != 0 ? 1 : 0;
    }
    if (numbers != NULL) {
        qn_infer_out(c, 0)->dims[1] = qn_num((int64_t)count);
    }
}

void qn_infer_compress(struct qn_infer_ctx *c)
{
    int rank = qn_infer_in_rank(c, 0);
    if (!qn_infer_attr_present(c, "axis")) {
        qn_infer_out_rank(c, 0, 1);
        return;
    }
    int axis = rank >= 0
                   ? qn_infer_axis(c, qn_infer_attr_int(c, "axis", 0), rank)
                   : -1;
    if (axis >= 0) {
        qn_infer_out_like(c, 0, 0);
        qn_infer_out(c, 0)->dims[axis] = QN_UNKNOWN;
    }
}

void qn_infer_one_hot(struct qn_infer_ctx *c)
{
    size_t n = 0;
    int rank = qn_infer_in_rank(c, 0);
    const struct quern_number *depth = qn_infer_in_numbers(c, 1, &n);
    int axis =
        rank >= 0 ? qn_infer_axis(c, qn_infer_attr_int(c, "axis", -1), rank + 1)
                  : -1;
    if (axis < 0 || !qn_infer_out_rank(c, 0, rank + 1)) {
        return;
    }
    struct quern_number *dims = qn_infer_out(c, 0)->dims;
    for (int i = 0, k = 0; i <= rank; i++) {
        if (i != axis) {
            dims[i] = qn_infer_in_dim(c, 0, k++);
        } else if (depth != NULL && n == 1) {
            dims[i] = depth[0];
        }
    }
}

void qn_infer_unique(struct qn_infer_ctx *c)
{
    int rank = qn_infer_in_rank(c, 0);
    bool has_axis = qn_infer_attr_present(c, "axis");
    int axis = has_axis && rank >= 0
                   ? qn_infer_axis(c, qn_infer_attr_int(c, "axis", 0), rank)
                   : -1;
    for (size_t i = 1; i < 4; i++) {
        qn_infer_out_rank(c, i, 1);
    }
    if (!has_axis) {
        qn_infer_out_rank(c, 0, 1);
        qn_infer_out(c, 2)->dims[0] = qn_infer_in_len(c, 0);
    } else if (axis >= 0) {
        qn_infer_out_like(c, 0, 0);
        qn_infer_out(c, 0)->dims[axis] = QN_UNKNOWN;
        qn_infer_out(c, 2)->dims[0] = qn_infer_in_dim(c, 0, axis);
    }
}

void qn_infer_nms(struct qn_infer_ctx *c)
{
    if (qn_infer_out_rank(c, 0, 2)) {
        qn_infer_out(c, 0)->dims[1] = qn_num(3);
    }
}

void qn_infer_grid_sample(struct qn_infer_ctx *c)
{
    int rank = qn_infer_in_rank(c, 0);
    int grid = qn_infer_in_rank(c, 1);
    if (rank < 2 || grid != rank || !qn_infer_out_rank(c, 0, rank)) {
        return;
    }
    struct quern_number *dims = qn_infer_out(c, 0)->dims;
    dims[0] = qn_infer_in_dim(c, 0, 0);
    dims[1] = qn_infer_in_dim(c, 0, 1);
    for (int i = 2; i < rank; i++) {
        dims[i] = qn_infer_in_dim(c, 1, i - 1);
    }
}

void qn_infer_affine_grid(struct qn_infer_ctx *c)
{
    size_t n = 0;
    const struct quern_number *size = qn_infer_in_numbers(c, 1, &n);
    if (size == NULL && qn_infer_in_rank(c, 1) == 1) {
        struct quern_number len = qn_infer_in_dim(c, 1, 0);
        if ((qn_num_is(len, 4) || qn_num_is(len, 5)) &&
            qn_infer_out_rank(c, 0, (int)len.value)) {
            qn_infer_out(c, 0)->dims[len.value - 1] = qn_num(len.value - 2);
        }
    }
    if (size == NULL || (n != 4 && n != 5) ||
        !qn_infer_out_rank(c, 0, (int)n)) {
        return;
    }
    struct quern_number *dims = qn_infer_out(c, 0)->dims;
    dims[0] = size[0];
    for (size_t i = 2; i < n; i++) {
        dims[i - 1] = size[i];
    }
    dims[n - 1] = qn_num((int64_t)n - 2);
}
