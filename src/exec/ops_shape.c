/* Shapes as data, and ranges. */
#include "exec/nest.h"
#include "exec/ops.h"

#include <math.h>
#include <string.h>

static int64_t clamp_index(int64_t i, int rank)
{
    i = i < 0 ? i + rank : i;
    return i < 0 ? 0 : i > rank ? rank : i;
}

enum quern_code qn_op_shape(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    struct qn_array *y = NULL;
    if (x == NULL) {
        return qn_op_missing(run, op);
    }
    int64_t start = clamp_index(quern_node_int(op->node, "start", 0), x->rank);
    int64_t end =
        clamp_index(quern_node_int(op->node, "end", x->rank), x->rank);
    int64_t n = end > start ? end - start : 0;
    enum quern_code code = qn_out(run, op, 0, QUERN_INT64, 1, &n, &y);
    if (code == QUERN_OK && y != NULL) {
        memcpy(y->data, x->dims + start, (size_t)n * sizeof(int64_t));
    }
    return code;
}

enum quern_code qn_op_size(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    struct qn_array *y = NULL;
    enum quern_code code = x == NULL
                               ? qn_op_missing(run, op)
                               : qn_out(run, op, 0, QUERN_INT64, 0, NULL, &y);
    if (code == QUERN_OK && y != NULL) {
        qn_store_int(y, 0, x->len);
    }
    return code;
}

enum quern_code qn_op_constant_of_shape(struct qn_run *run,
                                        const struct qn_op *op)
{
    int64_t dims[2 * QUERN_MAX_RANK];
    int n = qn_in_ints(run, op, 0, dims);
    struct quern_tensor *value = NULL;
    enum quern_dtype dtype = QUERN_FLOAT;
    if (n < 0 || n > QUERN_MAX_RANK) {
        return qn_op_missing(run, op);
    }
    if (quern_node_attr_tensor(op->node, "value", &value) == QUERN_OK) {
        dtype = quern_tensor_dtype(value);
        if (quern_tensor_len(value) < 1) {
            return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                              "attribute 'value' has no element, needs one");
        }
    }
    struct qn_array *y = NULL;
    enum quern_code code =
        quern_dtype_bits(dtype) < 8
            ? qn_op_fail(run, op, QUERN_UNSUPPORTED, "value of type %s",
                         quern_dtype_name(dtype))
            : qn_out(run, op, 0, dtype, n, dims, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    size_t size = qn_element_size(dtype);
    memset(y->data, 0, (size_t)y->len * size);
    for (int64_t i = 0; value != NULL && i < y->len; i++) {
        memcpy(y->data + (size_t)i * size, quern_tensor_data(value), size);
    }
    return QUERN_OK;
}

enum quern_code qn_op_range(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *a = qn_in(run, op, 0);
    const struct qn_array *b = qn_in(run, op, 1);
    const struct qn_array *c = qn_in(run, op, 2);
    if (a == NULL || b == NULL || c == NULL || a->len != 1 || b->len != 1 ||
        c->len != 1 || b->dtype != a->dtype || c->dtype != a->dtype) {
        return qn_op_missing(run, op);
    }
    double step = qn_load(c, 0);
    double count = ceil((qn_load(b, 0) - qn_load(a, 0)) / step);
    if (!(fabs(count) < 1e15)) {
        return qn_op_fail(run, op, QUERN_NUMERIC, "range has no end");
    }
    int64_t n = count > 0.0 ? (int64_t)count : 0;
    struct qn_array *y = NULL;
    enum quern_code code = qn_out(run, op, 0, a->dtype, 1, &n, &y);
    for (int64_t i = 0; code == QUERN_OK && y != NULL && i < n; i++) {
        if (qn_is_whole(a->dtype)) {
            /* Between the ends nothing overflows but the rounding of count. */
            uint64_t moved = (uint64_t)i * (uint64_t)qn_load_int(c, 0);
            qn_store_int(y, i, (int64_t)((uint64_t)qn_load_int(a, 0) + moved));
        } else {
            qn_store(y, i, qn_load(a, 0) + (double)i * step);
        }
    }
    return code;
}
