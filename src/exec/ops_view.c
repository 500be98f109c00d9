/* Operators that look at the same elements in another way: where strides can
 * say it, the output is a view of the input's bytes. */
#include "base/checked.h"
#include "exec/nest.h"
#include "exec/ops.h"

#include <string.h>

/* The same elements in row-major order under other dims. */
static enum quern_code reshape_to(struct qn_run *run, const struct qn_op *op,
                                  int rank, const int64_t *dims)
{
    const struct qn_array *x = qn_in_packed(run, op, 0);
    if (x == NULL) {
        return qn_op_missing(run, op);
    }
    struct qn_array view = *x;
    int64_t len = -1;
    view.rank = rank;
    memcpy(view.dims, dims, (size_t)rank * sizeof *dims);
    if (!qn_shape_len(rank, dims, &len) || len != x->len) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "%lld elements cannot take a shape of %lld",
                          (long long)x->len, (long long)len);
    }
    qn_array_pack_strides(&view);
    return qn_out_view(run, op, 0, x, &view);
}

enum quern_code qn_op_reshape(struct qn_run *run, const struct qn_op *op)
{
    int64_t dims[2 * QUERN_MAX_RANK];
    int n = qn_ints(run, op, "shape", 1, dims);
    const struct qn_array *x = qn_in(run, op, 0);
    if (n < 0 || n > QUERN_MAX_RANK || x == NULL) {
        return qn_op_missing(run, op);
    }
    bool zero_is_zero = quern_node_int(op->node, "allowzero", 0) != 0;
    int64_t known = 1;
    int open = -1;
    for (int i = 0; i < n; i++) {
        if (dims[i] == 0 && !zero_is_zero && i < x->rank) {
            dims[i] = x->dims[i];
        }
        if (dims[i] < -1 || (dims[i] == -1 && open >= 0)) {
            return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                              "shape has %lld in dimension %d",
                              (long long)dims[i], i);
        }
        open = dims[i] == -1 ? i : open;
        if (dims[i] != -1 && !qn_mul_i64(known, dims[i], &known)) {
            return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                              "shape has more elements than can be counted");
        }
    }
    if (open >= 0) {
        dims[open] = known > 0 ? x->len / known : 0;
    }
    return reshape_to(run, op, n, dims);
}

enum quern_code qn_op_flatten(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    int64_t axis = quern_node_int(op->node, "axis", 1);
    if (x == NULL || axis < -x->rank || axis > x->rank) {
        return qn_op_missing(run, op);
    }
    axis = axis < 0 ? axis + x->rank : axis;
    int64_t dims[2] = {1, 1};
    if (!qn_shape_len((int)axis, x->dims, &dims[0]) ||
        !qn_shape_len(x->rank - (int)axis, x->dims + axis, &dims[1])) {
        return qn_op_missing(run, op);
    }
    return reshape_to(run, op, 2, dims);
}

enum quern_code qn_op_identity(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    if (x != NULL && !x->set) {
        return QUERN_OK; /* an empty optional */
    }
    return x != NULL ? qn_out_view(run, op, 0, x, x) : qn_op_missing(run, op);
}

enum quern_code qn_op_squeeze(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    int64_t axes[2 * QUERN_MAX_RANK];
    int n = qn_ints(run, op, "axes", 1, axes);
    if (x == NULL || n == -1) {
        return qn_op_missing(run, op);
    }
    bool drop[QUERN_MAX_RANK] = {false};
    for (int i = 0; i < n; i++) {
        int axis = qn_axis(run, op, axes[i], x->rank);
        if (axis < 0 || x->dims[axis] != 1) {
            return qn_op_missing(run, op);
        }
        drop[axis] = true;
    }
    struct qn_array view = *x;
    view.rank = 0;
    for (int i = 0; i < x->rank; i++) {
        if (drop[i] || (n == -2 && x->dims[i] == 1)) {
            continue;
        }
        view.dims[view.rank] = x->dims[i];
        view.strides[view.rank++] = x->strides[i];
    }
    return qn_out_view(run, op, 0, x, &view);
}

enum quern_code qn_op_unsqueeze(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    int64_t axes[2 * QUERN_MAX_RANK];
    int n = qn_ints(run, op, "axes", 1, axes);
    if (x == NULL || n < 0 || x->rank + n > QUERN_MAX_RANK) {
        return qn_op_missing(run, op);
    }
    bool added[QUERN_MAX_RANK] = {false};
    int rank = x->rank + n;
    for (int i = 0; i < n; i++) {
        int axis = qn_axis(run, op, axes[i], rank);
        if (axis < 0 || added[axis]) {
            return qn_op_missing(run, op);
        }
        added[axis] = true;
    }
    struct qn_array view = *x;
    view.rank = rank;
    for (int i = 0, k = 0; i < rank; i++) {
        view.dims[i] = added[i] ? 1 : x->dims[k];
        view.strides[i] = added[i] ? 1 : x->strides[k];
        k += added[i] ? 0 : 1;
    }
    return qn_out_view(run, op, 0, x, &view);
}

enum quern_code qn_op_transpose(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    int64_t perm[2 * QUERN_MAX_RANK];
    int n = qn_ints(run, op, "perm", -1, perm);
    if (x == NULL || (n != -2 && n != x->rank)) {
        return qn_op_missing(run, op);
    }
    struct qn_array view = *x;
    for (int i = 0; i < x->rank; i++) {
        int64_t from = n == -2 ? x->rank - 1 - i : perm[i];
        if (from < 0 || from >= x->rank) {
            return qn_op_missing(run, op);
        }
        view.dims[i] = x->dims[from];
        view.strides[i] = x->strides[from];
    }
    return qn_out_view(run, op, 0, x, &view);
}

/* One axis of Slice, clamped as ONNX says, but that the largest numbers are no
 * end, as in ONNX Runtime, also backwards. */
static void slice_axis(struct qn_array *view, int axis, int64_t start,
                       int64_t end, int64_t step)
{
    int64_t dim = view->dims[axis];
    /* Longer steps take one element as well, and do not overflow. */
    step = step > dim + 1 ? dim + 1 : step < -dim - 1 ? -dim - 1 : step;
    start = start < 0 ? start + dim : start;
    bool is_open = end == INT32_MAX || end == INT64_MAX;
    end = end < 0 ? (end < -dim ? -1 : end + dim) : end;
    end = is_open && step < 0 ? -1 : end;
    int64_t lowest = step > 0 ? 0 : -1;
    int64_t highest = step > 0 ? dim : dim - 1;
    start = start < 0 ? 0 : start > highest ? highest : start;
    end = end < lowest ? lowest : end > dim ? dim : end;
    int64_t count = step > 0 ? (end - start + step - 1) / step
                             : (start - end - step - 1) / -step;
    count = count < 0 || dim == 0 ? 0 : count;
    if (count > 0) {
        view->data +=
            start * view->strides[axis] * (int64_t)qn_element_size(view->dtype);
    }
    view->dims[axis] = count;
    view->strides[axis] *= step;
}

enum quern_code qn_op_slice(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    int64_t starts[2 * QUERN_MAX_RANK];
    int64_t ends[2 * QUERN_MAX_RANK];
    int64_t axes[2 * QUERN_MAX_RANK];
    int64_t steps[2 * QUERN_MAX_RANK];
    int n = qn_ints(run, op, "starts", 1, starts);
    int n_ends = qn_ints(run, op, "ends", 2, ends);
    int n_axes = qn_ints(run, op, "axes", 3, axes);
    int n_steps = qn_ints(run, op, "steps", 4, steps);
    if (x == NULL || n < 0 || n_ends != n || (n_axes >= 0 && n_axes != n) ||
        n > QUERN_MAX_RANK || n_axes == -1 || n_steps == -1) {
        return qn_op_missing(run, op);
    }
    struct qn_array view = *x;
    for (int i = 0; i < n; i++) {
        int axis = qn_axis(run, op, n_axes >= 0 ? axes[i] : i, x->rank);
        int64_t step = n_steps >= 0 ? steps[i] : 1;
        if (axis < 0 || step == 0) {
            return qn_op_missing(run, op);
        }
        slice_axis(&view, axis, starts[i], ends[i], step);
    }
    bool backwards = false;
    for (int i = 0; i < view.rank; i++) {
        backwards = backwards || view.strides[i] < 0;
    }
    if (!backwards) {
        return qn_out_view(run, op, 0, x, &view);
    }
    struct qn_array *y = NULL;
    enum quern_code code =
        qn_out(run, op, 0, x->dtype, view.rank, view.dims, &y);
    if (code == QUERN_OK && y != NULL) {
        view.len = y->len;
        qn_array_copy(y, &view);
    }
    return code;
}

enum quern_code qn_op_split(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    const struct qn_array *sizes =
        op->n_in > 1 ? qn_in_packed(run, op, 1) : NULL;
    const int64_t *attr = NULL;
    size_t n_attr = 0;
    if (x == NULL) {
        return qn_op_missing(run, op);
    }
    int axis = qn_axis(run, op, quern_node_int(op->node, "axis", 0), x->rank);
    if (axis < 0) {
        return qn_op_missing(run, op);
    }
    if (sizes == NULL &&
        quern_node_attr_ints(op->node, "split", &attr, &n_attr) != QUERN_OK) {
        n_attr = 0;
    }
    int64_t parts = quern_node_int(op->node, "num_outputs", op->n_out);
    if (parts < 1) {
        return qn_op_missing(run, op);
    }
    int64_t dim = x->dims[axis];
    int64_t even = dim / parts + (dim % parts > 0 ? 1 : 0);
    int64_t at = 0;
    enum quern_code code = QUERN_OK;
    for (int i = 0; i < op->n_out && code == QUERN_OK; i++) {
        int64_t left = x->dims[axis] - at;
        int64_t size = even < left ? even : left;
        if (sizes != NULL && i < sizes->len) {
            size = qn_array_int(sizes, i);
        } else if ((size_t)i < n_attr) {
            size = attr[i];
        }
        if (size < 0 || size > left) {
            return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                              "part %d has size %lld, %lld are left", i,
                              (long long)size, (long long)left);
        }
        struct qn_array view = *x;
        view.dims[axis] = size;
        view.data += at * x->strides[axis] * (int64_t)qn_element_size(x->dtype);
        code = qn_out_view(run, op, i, x, &view);
        at += size;
    }
    return code;
}

enum quern_code qn_op_expand(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    struct qn_array shape = {.set = true};
    int64_t wanted[2 * QUERN_MAX_RANK];
    int n = qn_in_ints(run, op, 1, wanted);
    if (x == NULL || n < 0 || n > QUERN_MAX_RANK) {
        return qn_op_missing(run, op);
    }
    shape.rank = n;
    memcpy(shape.dims, wanted, (size_t)n * sizeof *wanted);
    const struct qn_array *in[2] = {x, &shape};
    struct qn_array view = *x;
    enum quern_code code = qn_broadcast(run, op, in, 2, &view.rank, view.dims);
    if (code != QUERN_OK) {
        return code;
    }
    for (int i = 0; i < view.rank; i++) {
        int axis = i - (view.rank - x->rank);
        view.strides[i] =
            axis >= 0 && x->dims[axis] == view.dims[i] ? x->strides[axis] : 0;
    }
    return qn_out_view(run, op, 0, x, &view);
}
