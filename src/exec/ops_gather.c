/* Operators that pick elements by index. */
#include "exec/ops.h"

#include <string.h>

enum quern_code qn_op_gather(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    const struct qn_array *index = qn_in_packed(run, op, 1);
    x = qn_in(run, op, 0);
    if (x == NULL || index == NULL || !qn_is_index_type(index->dtype) ||
        x->rank - 1 + index->rank > QUERN_MAX_RANK) {
        return qn_op_missing(run, op);
    }
    int axis = qn_axis(run, op, quern_node_int(op->node, "axis", 0), x->rank);
    if (axis < 0) {
        return qn_op_missing(run, op);
    }
    int rank = x->rank - 1 + index->rank;
    int64_t dims[QUERN_MAX_RANK];
    for (int i = 0; i < rank; i++) {
        dims[i] = i < axis                 ? x->dims[i]
                  : i < axis + index->rank ? index->dims[i - axis]
                                           : x->dims[i - index->rank + 1];
    }
    struct qn_array *y = NULL;
    enum quern_code code = qn_out(run, op, 0, x->dtype, rank, dims, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    /* For each index: the slice of x, to the slice of y. */
    struct qn_array from = *x;
    struct qn_array to = *y;
    int64_t size = (int64_t)qn_element_size(x->dtype);
    from.rank = to.rank = x->rank - 1;
    from.len = to.len = x->dims[axis] > 0 ? x->len / x->dims[axis] : 0;
    for (int i = 0; i < from.rank; i++) {
        int source = i < axis ? i : i + 1;
        from.dims[i] = to.dims[i] = x->dims[source];
        from.strides[i] = x->strides[source];
        to.strides[i] = y->strides[i < axis ? i : i + index->rank];
    }
    int64_t step = index->rank > 0 ? y->strides[axis + index->rank - 1] : 0;
    for (int64_t k = 0; k < index->len; k++) {
        int64_t at = qn_index(run, op, qn_array_int(index, k), x->dims[axis]);
        if (at < 0) {
            return qn_op_missing(run, op);
        }
        from.data = x->data + at * x->strides[axis] * size;
        to.data = y->data + k * step * size;
        qn_array_copy(&to, &from);
    }
    return QUERN_OK;
}

/* Along other axes than the one that is picked from, places count. */
static bool fits_beside(const struct qn_array *index, const struct qn_array *x,
                        int axis)
{
    for (int i = 0; i < x->rank; i++) {
        if (i != axis && index->dims[i] > x->dims[i]) {
            return false;
        }
    }
    return true;
}

enum quern_code qn_op_gather_elements(struct qn_run *run,
                                      const struct qn_op *op)
{
    const struct qn_array *index = qn_in_packed(run, op, 1);
    const struct qn_array *x = qn_in(run, op, 0);
    if (x == NULL || index == NULL || !qn_is_index_type(index->dtype) ||
        x->rank != index->rank) {
        return qn_op_missing(run, op);
    }
    int axis = qn_axis(run, op, quern_node_int(op->node, "axis", 0), x->rank);
    struct qn_array *y = NULL;
    if (axis < 0 || !fits_beside(index, x, axis)) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "indices are wider than the input along an axis "
                          "other than %d",
                          axis);
    }
    enum quern_code code =
        qn_out(run, op, 0, x->dtype, index->rank, index->dims, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    size_t size = qn_element_size(x->dtype);
    int64_t place[QUERN_MAX_RANK] = {0};
    for (int64_t k = 0; k < index->len; k++) {
        int64_t at = qn_index(run, op, qn_array_int(index, k), x->dims[axis]);
        if (at < 0) {
            return qn_op_missing(run, op);
        }
        int64_t offset = 0;
        for (int i = 0; i < x->rank; i++) {
            offset += (i == axis ? at : place[i]) * x->strides[i];
        }
        memcpy(y->data + (size_t)k * size, x->data + offset * (int64_t)size,
               size);
        for (int i = x->rank - 1; i >= 0 && ++place[i] == index->dims[i]; i--) {
            place[i] = 0;
        }
    }
    return QUERN_OK;
}

/* GatherND: slices of x, each found by the last axis of the indices. */
struct picks {
    const struct qn_array *x;
    const struct qn_array *index;
    int batch; /* leading axes that both have */
    int depth; /* axes of x that one index names */
};

/* The axes that both have must be the same. */
static bool batches_agree(const struct picks *p)
{
    for (int i = 0; i < p->batch; i++) {
        if (p->x->dims[i] != p->index->dims[i]) {
            return false;
        }
    }
    return true;
}

static enum quern_code read_picks(struct qn_run *run, const struct qn_op *op,
                                  struct picks *p)
{
    p->index = qn_in_packed(run, op, 1);
    p->x = qn_in_packed(run, op, 0);
    int64_t batch = quern_node_int(op->node, "batch_dims", 0);
    if (p->x == NULL || p->index == NULL || p->index->rank == 0 ||
        p->index->dtype != QUERN_INT64 || batch < 0 ||
        batch >= p->index->rank) {
        return qn_op_missing(run, op);
    }
    int64_t depth = p->index->dims[p->index->rank - 1];
    if (depth < 1 || depth > p->x->rank - batch) {
        return qn_op_missing(run, op);
    }
    p->batch = (int)batch;
    p->depth = (int)depth;
    return batches_agree(p) ? QUERN_OK : qn_op_missing(run, op);
}

/* @return rank; that of hostile inputs may be above QUERN_MAX_RANK */
static int picked_dims(const struct picks *p, int64_t *dims)
{
    int rank = 0;
    for (int i = 0; i + 1 < p->index->rank; i++) {
        dims[rank++] = p->index->dims[i];
    }
    for (int i = p->batch + p->depth; i < p->x->rank; i++) {
        dims[rank++] = p->x->dims[i];
    }
    return rank;
}

/* Where slice k of the result begins in x. */
static enum quern_code find_slice(struct qn_run *run, const struct qn_op *op,
                                  const struct picks *p, int64_t k,
                                  int64_t *out_offset)
{
    for (int d = 0; d < p->depth; d++) {
        int64_t at = qn_index(run, op, qn_array_int(p->index, k * p->depth + d),
                              p->x->dims[p->batch + d]);
        if (at < 0) {
            return qn_op_missing(run, op);
        }
        *out_offset += at * p->x->strides[p->batch + d];
    }
    return QUERN_OK;
}

enum quern_code qn_op_gather_nd(struct qn_run *run, const struct qn_op *op)
{
    struct picks p = {.batch = 0};
    int64_t dims[2 * QUERN_MAX_RANK];
    struct qn_array *y = NULL;
    enum quern_code code = read_picks(run, op, &p);
    if (code != QUERN_OK) {
        return code;
    }
    code = qn_out(run, op, 0, p.x->dtype, picked_dims(&p, dims), dims, &y);
    if (code != QUERN_OK || y == NULL || y->len == 0) {
        return code;
    }
    int64_t n = p.index->len / p.depth;
    int64_t size = (int64_t)qn_element_size(p.x->dtype);
    int64_t slice = y->len / n * size;
    int64_t per_batch = n;
    for (int i = 0; i < p.batch; i++) {
        per_batch /= p.x->dims[i];
    }
    for (int64_t k = 0; k < n && code == QUERN_OK; k++) {
        int64_t offset =
            p.batch > 0 ? k / per_batch * p.x->strides[p.batch - 1] : 0;
        code = find_slice(run, op, &p, k, &offset);
        if (code == QUERN_OK) {
            memcpy(y->data + k * slice, p.x->data + offset * size,
                   (size_t)slice);
        }
    }
    return code;
}
