/* Operators that copy elements to new places: joined, padded, repeated, cut to
 * a triangle. What views can say is in ops_view.c. */
#include "exec/nest.h"
#include "exec/ops.h"

#include <string.h>

enum quern_code qn_op_concat(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *first = qn_in(run, op, 0);
    int64_t dims[QUERN_MAX_RANK];
    if (first == NULL) {
        return qn_op_missing(run, op);
    }
    int axis =
        qn_axis(run, op, quern_node_int(op->node, "axis", 1), first->rank);
    if (axis < 0) {
        return qn_op_missing(run, op);
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
        if (__builtin_add_overflow(dims[axis], x->dims[axis], &dims[axis])) {
            return qn_op_fail(run, op, QUERN_LIMIT,
                              "output has a size that overflows");
        }
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

/* False: sizes below 0 or that overflow; nothing to reflect or repeat. */
static bool padded_dims(const struct qn_array *x, int mode,
                        int64_t (*const pads)[2], int64_t *dims)
{
    for (int i = 0; i < x->rank; i++) {
        /* Pads in front are taken from places later on. */
        if (pads[i][0] < -INT64_MAX / 2 ||
            __builtin_add_overflow(x->dims[i], pads[i][0], &dims[i]) ||
            __builtin_add_overflow(dims[i], pads[i][1], &dims[i]) ||
            dims[i] < 0 || (x->dims[i] == 0 && mode != PAD_CONSTANT)) {
            return false;
        }
    }
    return true;
}

enum quern_code qn_op_pad(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    int mode = pad_mode(op->node);
    int64_t pads[QUERN_MAX_RANK][2] = {{0}};
    int64_t dims[QUERN_MAX_RANK];
    if (x == NULL || !read_pads(run, op, x->rank, pads) ||
        !padded_dims(x, mode, pads, dims)) {
        return qn_op_missing(run, op);
    }
    struct qn_array *y = NULL;
    enum quern_code code = qn_out(run, op, 0, x->dtype, x->rank, dims, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
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
        return qn_op_missing(run, op);
    }
    for (int i = 0; i < n; i++) {
        if (repeats[i] < 0 ||
            __builtin_mul_overflow(x->dims[i], repeats[i], &dims[i])) {
            return qn_op_missing(run, op);
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
        return qn_op_missing(run, op);
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
