/* Operators whose results are places, or that pick by places and flags:
 * NonZero, OneHot, EyeLike, Compress, ReverseSequence, Unique in a file of its
 * own. */
#include "exec/nest.h"
#include "exec/ops.h"

#include <string.h>

static bool is_set(const struct qn_array *x, int64_t i)
{
    return qn_is_whole(x->dtype)
               ? qn_load_int(x, i) != 0
               : qn_load(x, i) < 0.0 || !(qn_load(x, i) <= 0.0);
}

enum quern_code qn_op_non_zero(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in_packed(run, op, 0);
    struct qn_array *y = NULL;
    if (x == NULL) {
        return qn_op_missing(run, op);
    }
    int64_t dims[2] = {x->rank, 0};
    for (int64_t i = 0; i < x->len; i++) {
        dims[1] += is_set(x, i);
    }
    enum quern_code code = qn_out(run, op, 0, QUERN_INT64, 2, dims, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    int64_t *out = (int64_t *)(void *)y->data;
    int64_t n = 0;
    for (int64_t i = 0; i < x->len; i++) {
        if (!is_set(x, i)) {
            continue;
        }
        int64_t rest = i;
        for (int k = 0; k < x->rank; k++) {
            out[k * dims[1] + n] = rest / x->strides[k];
            rest %= x->strides[k];
        }
        n++;
    }
    return QUERN_OK;
}

/* ---------------------------------------------------------------- OneHot */

/* Whole part of an index of any type; what no integer holds hits nothing. */
static int64_t hot_at(const struct qn_array *indices, int64_t i, int64_t depth)
{
    int64_t at = depth;
    if (qn_is_whole(indices->dtype)) {
        at = qn_load_int(indices, i);
    } else {
        double v = qn_load(indices, i);
        at = v > -9e15 && v < 9e15 ? (int64_t)v : depth;
    }
    return at >= -depth && at < 0 ? at + depth : at;
}

enum quern_code qn_op_one_hot(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in_packed(run, op, 0);
    const struct qn_array *depth = qn_in(run, op, 1);
    const struct qn_array *values = qn_in_packed(run, op, 2);
    struct qn_array *y = NULL;
    int64_t dims[QUERN_MAX_RANK];
    if (x == NULL || depth == NULL || values == NULL || depth->len != 1 ||
        values->len != 2 || x->rank >= QUERN_MAX_RANK) {
        return qn_op_missing(run, op);
    }
    double classes = qn_load(depth, 0);
    int axis =
        qn_axis(run, op, quern_node_int(op->node, "axis", -1), x->rank + 1);
    if (axis < 0 || !(classes >= 1.0 && classes < 2147483648.0)) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "depth %g, needs 1 to 2147483647", classes);
    }
    int64_t inner = 1;
    for (int i = 0; i <= x->rank; i++) {
        dims[i] = i < axis    ? x->dims[i]
                  : i == axis ? (int64_t)classes
                              : x->dims[i - 1];
        inner *= i > axis ? dims[i] : 1;
    }
    enum quern_code code =
        qn_out(run, op, 0, values->dtype, x->rank + 1, dims, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    size_t size = qn_element_size(y->dtype);
    for (int64_t i = 0; i < y->len; i++) {
        memcpy(y->data + (size_t)i * size, values->data, size);
    }
    for (int64_t i = 0; i < x->len; i++) {
        int64_t at = hot_at(x, i, dims[axis]);
        int64_t to = (i / inner * dims[axis] + at) * inner + i % inner;
        if (at >= 0 && at < dims[axis]) {
            memcpy(y->data + (size_t)to * size, values->data + size, size);
        }
    }
    return QUERN_OK;
}

/* --------------------------------------------------------------- EyeLike */

enum quern_code qn_op_eye_like(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    struct qn_array *y = NULL;
    if (x == NULL || x->rank != 2) {
        return qn_op_missing(run, op);
    }
    int64_t named = quern_node_int(op->node, "dtype", 0);
    int64_t k = quern_node_int(op->node, "k", 0);
    enum quern_dtype dtype = named != 0 ? (enum quern_dtype)named : x->dtype;
    if (!quern_dtype_is_float(dtype) && !qn_is_whole(dtype)) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED, "ones of type %s",
                          quern_dtype_name(dtype));
    }
    enum quern_code code = qn_out(run, op, 0, dtype, 2, x->dims, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    memset(y->data, 0, (size_t)y->len * qn_element_size(dtype));
    for (int64_t i = 0; i < y->dims[0]; i++) {
        if (k >= -i && k < y->dims[1] - i) {
            qn_store(y, i * y->dims[1] + i + k, 1.0);
        }
    }
    return QUERN_OK;
}

/* -------------------------------------------------------------- Compress */

enum quern_code qn_op_compress(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in_packed(run, op, 0);
    const struct qn_array *flags = qn_in_packed(run, op, 1);
    struct qn_array *y = NULL;
    int64_t named = quern_node_int(op->node, "axis", INT64_MIN);
    if (x == NULL || flags == NULL || flags->dtype != QUERN_BOOL) {
        return qn_op_missing(run, op);
    }
    struct qn_array seen = *x; /* without an axis: as a row */
    int axis = named != INT64_MIN ? qn_axis(run, op, named, x->rank) : 0;
    if (named == INT64_MIN) {
        seen.rank = 1;
        seen.dims[0] = x->len;
        seen.strides[0] = 1;
    }
    if (axis < 0) {
        return qn_op_missing(run, op);
    }
    int64_t n = seen.dims[axis] < flags->len ? seen.dims[axis] : flags->len;
    int64_t dims[QUERN_MAX_RANK];
    memcpy(dims, seen.dims, (size_t)seen.rank * sizeof *dims);
    dims[axis] = 0;
    for (int64_t i = 0; i < n; i++) {
        dims[axis] += flags->data[i] != 0;
    }
    enum quern_code code = qn_out(run, op, 0, x->dtype, seen.rank, dims, &y);
    if (code != QUERN_OK || y == NULL || y->len == 0) {
        return code;
    }
    size_t size = qn_element_size(x->dtype) * (size_t)seen.strides[axis];
    unsigned char *to = y->data;
    for (int64_t o = 0; o < y->len / (dims[axis] * seen.strides[axis]); o++) {
        for (int64_t i = 0; i < n; i++) {
            if (flags->data[i] != 0) {
                memcpy(to, x->data + (size_t)(o * seen.dims[axis] + i) * size,
                       size);
                to += size;
            }
        }
    }
    return QUERN_OK;
}

/* ------------------------------------------------------- ReverseSequence */

enum quern_code qn_op_reverse(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in_packed(run, op, 0);
    const struct qn_array *lengths = qn_in_packed(run, op, 1);
    struct qn_array *y = NULL;
    int64_t batch = quern_node_int(op->node, "batch_axis", 1);
    int64_t time = quern_node_int(op->node, "time_axis", 0);
    if (x == NULL || lengths == NULL || x->rank < 2 || batch + time != 1 ||
        batch * time != 0 || lengths->dtype != QUERN_INT64 ||
        lengths->len != x->dims[batch]) {
        return qn_op_missing(run, op);
    }
    for (int64_t b = 0; b < lengths->len; b++) {
        int64_t n = qn_load_int(lengths, b);
        if (n < 0 || n > x->dims[time]) {
            return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                              "sequence of %lld, has %lld", (long long)n,
                              (long long)x->dims[time]);
        }
    }
    enum quern_code code = qn_out(run, op, 0, x->dtype, x->rank, x->dims, &y);
    if (code != QUERN_OK || y == NULL || x->len == 0) {
        return code;
    }
    int64_t inner = x->strides[1];
    size_t size = qn_element_size(x->dtype) * (size_t)inner;
    for (int64_t b = 0; b < x->dims[batch]; b++) {
        int64_t n = qn_load_int(lengths, b);
        for (int64_t t = 0; t < x->dims[time]; t++) {
            int64_t from = t < n ? n - 1 - t : t;
            int64_t to_at = b * x->strides[batch] + t * x->strides[time];
            int64_t at = b * x->strides[batch] + from * x->strides[time];
            memcpy(y->data + (size_t)(to_at / inner) * size,
                   x->data + (size_t)(at / inner) * size, size);
        }
    }
    return QUERN_OK;
}

/* --------------------------------------------------------- TensorScatter */

struct writing {
    const struct qn_array *past;
    const struct qn_array *update;
    const struct qn_array *starts; /* NULL: 0 */
    int axis;
    bool circular;
};

static enum quern_code read_writing(struct qn_run *run, const struct qn_op *op,
                                    struct writing *w)
{
    const char *mode = "linear";
    w->past = qn_in_packed(run, op, 0);
    w->update = qn_in_packed(run, op, 1);
    w->starts = qn_in_packed(run, op, 2);
    (void)!quern_node_attr_string(op->node, "mode", &mode, NULL);
    w->circular = strcmp(mode, "circular") == 0;
    if (w->past == NULL || w->update == NULL || w->past->rank < 2 ||
        w->past->rank != w->update->rank ||
        w->past->dtype != w->update->dtype) {
        return qn_op_missing(run, op);
    }
    w->axis =
        qn_axis(run, op, quern_node_int(op->node, "axis", -2), w->past->rank);
    for (int i = 0; w->axis >= 0 && i < w->past->rank; i++) {
        bool fits = i == w->axis ? w->update->dims[i] <= w->past->dims[i]
                                 : w->update->dims[i] == w->past->dims[i];
        w->axis = fits ? w->axis : -1;
    }
    bool starts_fit =
        w->starts == NULL || (w->starts->len == w->past->dims[0] &&
                              qn_is_index_type(w->starts->dtype));
    return w->axis >= 1 && starts_fit ? QUERN_OK : qn_op_missing(run, op);
}

static enum quern_code write_all(struct qn_run *run, const struct qn_op *op,
                                 const struct writing *w,
                                 const struct qn_array *y)
{
    int64_t inner = w->past->strides[w->axis];
    size_t size = qn_element_size(y->dtype) * (size_t)inner;
    int64_t n = w->update->dims[w->axis];
    int64_t room = w->past->dims[w->axis];
    int64_t each = w->past->len / w->past->dims[0] / (room * inner);
    for (int64_t r = 0; r < w->update->len / (n * inner); r++) {
        int64_t start =
            w->starts != NULL ? qn_load_int(w->starts, r / each) : 0;
        if (start < 0 || (w->circular ? start >= room : start > room - n)) {
            return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                              "%lld places from %lld on, has %lld",
                              (long long)n, (long long)start, (long long)room);
        }
        for (int64_t i = 0; i < n; i++) {
            memcpy(y->data + (size_t)(r * room + (start + i) % room) * size,
                   w->update->data + (size_t)(r * n + i) * size, size);
        }
    }
    return QUERN_OK;
}

/* A copy of the past with the update written from each batch's index on; round
 * and round in circular mode. */
enum quern_code qn_op_tensor_scatter(struct qn_run *run, const struct qn_op *op)
{
    struct writing w = {0};
    struct qn_array *y = NULL;
    enum quern_code code = read_writing(run, op, &w);
    if (code == QUERN_OK) {
        code =
            qn_out(run, op, 0, w.past->dtype, w.past->rank, w.past->dims, &y);
    }
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    qn_array_copy(y, w.past);
    return w.update->len > 0 ? write_all(run, op, &w, y) : QUERN_OK;
}
