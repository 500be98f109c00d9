/* Operators that move data. Where strides can say it, the output is a view. */
#include "exec/nest.h"
#include "exec/ops.h"

#include <string.h>

int qn_ints(struct qn_run *run, const struct qn_op *op, const char *attribute,
            int input, int64_t *out)
{
    const int64_t *values = NULL;
    size_t n = 0;
    if (input >= 0 && qn_in(run, op, input) != NULL) {
        return qn_in_ints(run, op, input, out);
    }
    if (quern_node_attr_ints(op->node, attribute, &values, &n) != QUERN_OK) {
        return -2;
    }
    if (n > 2 * QUERN_MAX_RANK) {
        return -1;
    }
    memcpy(out, values, n * sizeof *out);
    return (int)n;
}

static enum quern_code missing(struct qn_run *run, const struct qn_op *op)
{
    return run->context->diag.has_error
               ? run->context->diag.error.code
               : qn_op_fail(run, op, QUERN_INVALID_MODEL,
                            "an input or attribute is missing or malformed");
}

/* The same elements in row-major order under other dims. */
static enum quern_code reshape_to(struct qn_run *run, const struct qn_op *op,
                                  int rank, const int64_t *dims)
{
    const struct qn_array *x = qn_in_packed(run, op, 0);
    if (x == NULL) {
        return missing(run, op);
    }
    struct qn_array view = *x;
    int64_t len = 1;
    view.rank = rank;
    for (int i = 0; i < rank; i++) {
        view.dims[i] = dims[i];
        len *= dims[i];
    }
    if (len != x->len) {
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
        return missing(run, op);
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
        known *= dims[i] == -1 ? 1 : dims[i];
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
        return missing(run, op);
    }
    axis = axis < 0 ? axis + x->rank : axis;
    int64_t dims[2] = {1, 1};
    for (int i = 0; i < x->rank; i++) {
        dims[i < axis ? 0 : 1] *= x->dims[i];
    }
    return reshape_to(run, op, 2, dims);
}

enum quern_code qn_op_identity(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    return x != NULL ? qn_out_view(run, op, 0, x, x) : missing(run, op);
}

enum quern_code qn_op_squeeze(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    int64_t axes[2 * QUERN_MAX_RANK];
    int n = qn_ints(run, op, "axes", 1, axes);
    if (x == NULL || n == -1) {
        return missing(run, op);
    }
    bool drop[QUERN_MAX_RANK] = {false};
    for (int i = 0; i < n; i++) {
        int axis = qn_axis(run, op, axes[i], x->rank);
        if (axis < 0 || x->dims[axis] != 1) {
            return missing(run, op);
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
        return missing(run, op);
    }
    bool added[QUERN_MAX_RANK] = {false};
    int rank = x->rank + n;
    for (int i = 0; i < n; i++) {
        int axis = qn_axis(run, op, axes[i], rank);
        if (axis < 0 || added[axis]) {
            return missing(run, op);
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
        return missing(run, op);
    }
    struct qn_array view = *x;
    for (int i = 0; i < x->rank; i++) {
        int64_t from = n == -2 ? x->rank - 1 - i : perm[i];
        if (from < 0 || from >= x->rank) {
            return missing(run, op);
        }
        view.dims[i] = x->dims[from];
        view.strides[i] = x->strides[from];
    }
    return qn_out_view(run, op, 0, x, &view);
}

/* One axis of Slice, clamped as ONNX says. */
static void slice_axis(struct qn_array *view, int axis, int64_t start,
                       int64_t end, int64_t step)
{
    int64_t dim = view->dims[axis];
    start = start < 0 ? start + dim : start;
    end = end < 0 ? (end < -dim ? -1 : end + dim) : end;
    int64_t lowest = step > 0 ? 0 : -1;
    int64_t highest = step > 0 ? dim : dim - 1;
    start = start < 0 ? 0 : start > highest ? highest : start;
    end = end < lowest ? lowest : end > dim ? dim : end;
    int64_t count = step > 0 ? (end - start + step - 1) / step
                             : (start - end - step - 1) / -step;
    count = count < 0 ? 0 : count;
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
        return missing(run, op);
    }
    struct qn_array view = *x;
    view.len = 1;
    for (int i = 0; i < n; i++) {
        int axis = qn_axis(run, op, n_axes >= 0 ? axes[i] : i, x->rank);
        int64_t step = n_steps >= 0 ? steps[i] : 1;
        if (axis < 0 || step == 0) {
            return missing(run, op);
        }
        slice_axis(&view, axis, starts[i], ends[i], step);
    }
    bool backwards = false;
    for (int i = 0; i < view.rank; i++) {
        view.len *= view.dims[i];
        backwards = backwards || view.strides[i] < 0;
    }
    if (!backwards) {
        return qn_out_view(run, op, 0, x, &view);
    }
    struct qn_array *y = NULL;
    enum quern_code code =
        qn_out(run, op, 0, x->dtype, view.rank, view.dims, &y);
    if (code == QUERN_OK && y != NULL) {
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
        return missing(run, op);
    }
    int axis = qn_axis(run, op, quern_node_int(op->node, "axis", 0), x->rank);
    if (axis < 0) {
        return missing(run, op);
    }
    if (sizes == NULL &&
        quern_node_attr_ints(op->node, "split", &attr, &n_attr) != QUERN_OK) {
        n_attr = 0;
    }
    int64_t parts = quern_node_int(op->node, "num_outputs", op->n_out);
    int64_t even = (x->dims[axis] + parts - 1) / (parts > 0 ? parts : 1);
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
        view.len = x->dims[axis] > 0 ? x->len / x->dims[axis] * size : 0;
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
        return missing(run, op);
    }
    shape.rank = n;
    memcpy(shape.dims, wanted, (size_t)n * sizeof *wanted);
    const struct qn_array *in[2] = {x, &shape};
    struct qn_array view = *x;
    enum quern_code code = qn_broadcast(run, op, in, 2, &view.rank, view.dims);
    if (code != QUERN_OK) {
        return code;
    }
    view.len = 1;
    for (int i = 0; i < view.rank; i++) {
        int axis = i - (view.rank - x->rank);
        view.strides[i] =
            axis >= 0 && x->dims[axis] == view.dims[i] ? x->strides[axis] : 0;
        view.len *= view.dims[i];
    }
    return qn_out_view(run, op, 0, x, &view);
}

enum quern_code qn_op_concat(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *first = qn_in(run, op, 0);
    int64_t dims[QUERN_MAX_RANK];
    if (first == NULL) {
        return missing(run, op);
    }
    int axis =
        qn_axis(run, op, quern_node_int(op->node, "axis", 1), first->rank);
    if (axis < 0) {
        return missing(run, op);
    }
    memcpy(dims, first->dims, sizeof dims);
    dims[axis] = 0;
    for (int i = 0; i < op->n_in; i++) {
        const struct qn_array *x = qn_in(run, op, i);
        bool fits =
            x != NULL && x->rank == first->rank && x->dtype == first->dtype;
        for (int k = 0; fits && k < first->rank; k++) {
            fits = k == axis || x->dims[k] == first->dims[k];
        }
        if (!fits) {
            return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                              "input %d does not fit input 0", i);
        }
        dims[axis] += x->dims[axis];
    }
    struct qn_array *y = NULL;
    enum quern_code code =
        qn_out(run, op, 0, first->dtype, first->rank, dims, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    struct qn_array part = *y;
    for (int i = 0; i < op->n_in; i++) {
        const struct qn_array *x = qn_in(run, op, i);
        memcpy(part.dims, x->dims, sizeof part.dims);
        part.len = x->len;
        qn_array_copy(&part, x);
        part.data += x->dims[axis] * y->strides[axis] *
                     (int64_t)qn_element_size(y->dtype);
    }
    return QUERN_OK;
}

/* --------------------------------------------------------------- gather */

enum quern_code qn_op_gather(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    const struct qn_array *index = qn_in_packed(run, op, 1);
    x = qn_in(run, op, 0);
    if (x == NULL || index == NULL || !qn_is_index_type(index->dtype) ||
        x->rank - 1 + index->rank > QUERN_MAX_RANK) {
        return missing(run, op);
    }
    int axis = qn_axis(run, op, quern_node_int(op->node, "axis", 0), x->rank);
    if (axis < 0) {
        return missing(run, op);
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
        int64_t at = qn_array_int(index, k);
        at = at < 0 ? at + x->dims[axis] : at;
        if (at < 0 || at >= x->dims[axis]) {
            return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                              "index %lld lies outside %lld", (long long)at,
                              (long long)x->dims[axis]);
        }
        from.data = x->data + at * x->strides[axis] * size;
        to.data = y->data + k * step * size;
        qn_array_copy(&to, &from);
    }
    return QUERN_OK;
}

enum quern_code qn_op_gather_elements(struct qn_run *run,
                                      const struct qn_op *op)
{
    const struct qn_array *index = qn_in_packed(run, op, 1);
    const struct qn_array *x = qn_in(run, op, 0);
    if (x == NULL || index == NULL || !qn_is_index_type(index->dtype) ||
        x->rank != index->rank) {
        return missing(run, op);
    }
    int axis = qn_axis(run, op, quern_node_int(op->node, "axis", 0), x->rank);
    struct qn_array *y = NULL;
    enum quern_code code =
        axis < 0 ? missing(run, op)
                 : qn_out(run, op, 0, x->dtype, index->rank, index->dims, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    size_t size = qn_element_size(x->dtype);
    int64_t place[QUERN_MAX_RANK] = {0};
    for (int64_t k = 0; k < index->len; k++) {
        int64_t at = qn_array_int(index, k);
        at = at < 0 ? at + x->dims[axis] : at;
        if (at < 0 || at >= x->dims[axis]) {
            return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                              "index %lld lies outside %lld", (long long)at,
                              (long long)x->dims[axis]);
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

enum quern_code qn_op_gather_nd(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *index = qn_in_packed(run, op, 1);
    const struct qn_array *x = qn_in_packed(run, op, 0);
    int64_t batch = quern_node_int(op->node, "batch_dims", 0);
    if (x == NULL || index == NULL || index->rank == 0 ||
        index->dtype != QUERN_INT64 || batch < 0 || batch >= index->rank) {
        return missing(run, op);
    }
    int depth = (int)index->dims[index->rank - 1];
    if (depth < 1 || batch + depth > x->rank) {
        return missing(run, op);
    }
    int64_t dims[2 * QUERN_MAX_RANK];
    int rank = 0;
    for (int i = 0; i + 1 < index->rank; i++) {
        dims[rank++] = index->dims[i];
    }
    int64_t slice = 1;
    for (int i = (int)batch + depth; i < x->rank; i++) {
        dims[rank++] = x->dims[i];
        slice *= x->dims[i];
    }
    struct qn_array *y = NULL;
    enum quern_code code = rank > QUERN_MAX_RANK
                               ? missing(run, op)
                               : qn_out(run, op, 0, x->dtype, rank, dims, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    int64_t n = index->len / depth;
    int64_t batches = 1;
    for (int i = 0; i < batch; i++) {
        batches *= x->dims[i];
    }
    int64_t per_batch = batches > 0 ? n / batches : 0;
    size_t bytes = (size_t)slice * qn_element_size(x->dtype);
    for (int64_t k = 0; k < n; k++) {
        int64_t offset = batch > 0 ? k / per_batch * x->strides[batch - 1] : 0;
        for (int d = 0; d < depth; d++) {
            int64_t dim = x->dims[batch + d];
            int64_t at = qn_array_int(index, k * depth + d);
            at = at < 0 ? at + dim : at;
            if (at < 0 || at >= dim) {
                return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                                  "index %lld lies outside %lld", (long long)at,
                                  (long long)dim);
            }
            offset += at * x->strides[batch + d];
        }
        memcpy(y->data + (size_t)k * bytes,
               x->data + offset * (int64_t)qn_element_size(x->dtype), bytes);
    }
    return QUERN_OK;
}

/* --------------------------------------------------- pad, tile, triangle */

enum { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP };

static int64_t pad_source(int mode, int64_t i, int64_t dim)
{
    if (i >= 0 && i < dim) {
        return i;
    }
    if (mode == PAD_EDGE) {
        return i < 0 ? 0 : dim - 1;
    }
    if (mode == PAD_WRAP) {
        return (i % dim + dim) % dim;
    }
    int64_t period = dim > 1 ? 2 * (dim - 1) : 1;
    i = (i % period + period) % period;
    return i < dim ? i : period - i;
}

static int pad_mode(const struct quern_node *node)
{
    const char *mode = "constant";
    if (quern_node_attr_string(node, "mode", &mode, NULL) != QUERN_OK) {
        return PAD_CONSTANT;
    }
    return strcmp(mode, "reflect") == 0 ? PAD_REFLECT
           : strcmp(mode, "edge") == 0  ? PAD_EDGE
           : strcmp(mode, "wrap") == 0  ? PAD_WRAP
                                        : PAD_CONSTANT;
}

/* Pads of every axis, begin and end. */
static bool read_pads(struct qn_run *run, const struct qn_op *op, int rank,
                      int64_t (*out)[2])
{
    int64_t pads[2 * QUERN_MAX_RANK];
    int64_t axes[2 * QUERN_MAX_RANK];
    int n = qn_ints(run, op, "pads", 1, pads);
    int n_axes = op->n_in > 3 ? qn_ints(run, op, "axes", 3, axes) : -2;
    int count = n_axes >= 0 ? n_axes : rank;
    if (n != 2 * count || n_axes == -1) {
        return false;
    }
    for (int i = 0; i < count; i++) {
        int axis = n_axes >= 0 ? qn_axis(run, op, axes[i], rank) : i;
        if (axis < 0) {
            return false;
        }
        out[axis][0] = pads[i];
        out[axis][1] = pads[i + count];
    }
    return true;
}

enum quern_code qn_op_pad(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    int64_t pads[QUERN_MAX_RANK][2] = {{0}};
    int64_t dims[QUERN_MAX_RANK];
    if (x == NULL || !read_pads(run, op, x->rank, pads)) {
        return missing(run, op);
    }
    for (int i = 0; i < x->rank; i++) {
        dims[i] = x->dims[i] + pads[i][0] + pads[i][1];
        if (dims[i] < 0 || (x->dims[i] == 0 && pad_mode(op->node) != 0)) {
            return missing(run, op);
        }
    }
    struct qn_array *y = NULL;
    enum quern_code code = qn_out(run, op, 0, x->dtype, x->rank, dims, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    int mode = pad_mode(op->node);
    const struct qn_array *fill = qn_in(run, op, 2);
    double value = fill != NULL
                       ? qn_load(fill, 0)
                       : (double)quern_node_float(op->node, "value", 0.0f);
    size_t size = qn_element_size(x->dtype);
    int64_t place[QUERN_MAX_RANK] = {0};
    for (int64_t k = 0; k < y->len; k++) {
        int64_t offset = 0;
        bool inside = true;
        for (int i = 0; i < x->rank; i++) {
            int64_t at = place[i] - pads[i][0];
            inside = inside &&
                     (mode != PAD_CONSTANT || (at >= 0 && at < x->dims[i]));
            offset +=
                inside ? pad_source(mode, at, x->dims[i]) * x->strides[i] : 0;
        }
        if (inside) {
            memcpy(y->data + (size_t)k * size, x->data + offset * (int64_t)size,
                   size);
        } else {
            qn_store(y, k, value);
        }
        for (int i = x->rank - 1; i >= 0 && ++place[i] == dims[i]; i--) {
            place[i] = 0;
        }
    }
    return QUERN_OK;
}

enum quern_code qn_op_tile(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    int64_t repeats[2 * QUERN_MAX_RANK];
    int64_t dims[QUERN_MAX_RANK];
    int n = qn_in_ints(run, op, 1, repeats);
    if (x == NULL || n != x->rank) {
        return missing(run, op);
    }
    for (int i = 0; i < n; i++) {
        if (repeats[i] < 0 ||
            __builtin_mul_overflow(x->dims[i], repeats[i], &dims[i])) {
            return missing(run, op);
        }
    }
    struct qn_array *y = NULL;
    enum quern_code code = qn_out(run, op, 0, x->dtype, x->rank, dims, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    size_t size = qn_element_size(x->dtype);
    int64_t place[QUERN_MAX_RANK] = {0};
    for (int64_t k = 0; k < y->len; k++) {
        int64_t offset = 0;
        for (int i = 0; i < n; i++) {
            offset += place[i] % x->dims[i] * x->strides[i];
        }
        memcpy(y->data + (size_t)k * size, x->data + offset * (int64_t)size,
               size);
        for (int i = n - 1; i >= 0 && ++place[i] == dims[i]; i--) {
            place[i] = 0;
        }
    }
    return QUERN_OK;
}

enum quern_code qn_op_trilu(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *shift =
        op->n_in > 1 ? qn_in_packed(run, op, 1) : NULL;
    const struct qn_array *x = qn_in_packed(run, op, 0);
    struct qn_array *y = NULL;
    if (x == NULL || x->rank < 2) {
        return missing(run, op);
    }
    int64_t k = shift != NULL ? qn_array_int(shift, 0) : 0;
    bool upper = quern_node_int(op->node, "upper", 1) != 0;
    enum quern_code code = qn_out(run, op, 0, x->dtype, x->rank, x->dims, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    size_t size = qn_element_size(x->dtype);
    int64_t columns = x->dims[x->rank - 1];
    int64_t rows = x->dims[x->rank - 2];
    for (int64_t i = 0; i < x->len; i++) {
        int64_t column = i % columns;
        int64_t row = i / columns % rows;
        bool keep = upper ? column - row >= k : column - row <= k;
        if (keep) {
            memcpy(y->data + (size_t)i * size, x->data + (size_t)i * size,
                   size);
        } else {
            memset(y->data + (size_t)i * size, 0, size);
        }
    }
    return QUERN_OK;
}
