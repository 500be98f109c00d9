/* Changes of the element type, and Dropout, whose mask is of a type of its own.
 */
#include "base/numeric.h"
#include "exec/nest.h"
#include "exec/ops.h"
#include "exec/widen.h"

/* The conversions that models are full of; false: not one of them. */
static bool cast_fast(const struct qn_kernels *k, const struct qn_array *x,
                      const struct qn_array *y)
{
    if (qn_is_half(x->dtype) && y->dtype == QUERN_FLOAT) {
        qn_half_to_floats(k, x, 0, (float *)(void *)y->data, x->len);
        return true;
    }
    if (x->dtype == QUERN_FLOAT && qn_is_half(y->dtype)) {
        qn_half_from_floats(k, (const float *)(const void *)x->data, y, 0,
                            x->len);
        return true;
    }
#define CAST(from, from_type, to, to_type)                                     \
    if (x->dtype == (from) && y->dtype == (to)) {                              \
        const from_type *in = (const from_type *)(const void *)x->data;        \
        to_type *out = (to_type *)(void *)y->data;                             \
        for (int64_t i = 0; i < x->len; i++) {                                 \
            out[i] = (to_type)in[i];                                           \
        }                                                                      \
        return true;                                                           \
    }
    CAST(QUERN_UINT8, uint8_t, QUERN_FLOAT, float)
    CAST(QUERN_INT8, int8_t, QUERN_FLOAT, float)
    CAST(QUERN_BOOL, uint8_t, QUERN_FLOAT, float)
    CAST(QUERN_INT32, int32_t, QUERN_FLOAT, float)
    CAST(QUERN_INT64, int64_t, QUERN_FLOAT, float)
    CAST(QUERN_INT32, int32_t, QUERN_INT64, int64_t)
    CAST(QUERN_INT64, int64_t, QUERN_INT32, int32_t)
#undef CAST
    return false;
}

/* Integers wrap into those of less than a byte too. */
static int64_t wrapped(int64_t x, enum quern_dtype dtype)
{
    unsigned bits = quern_dtype_bits(dtype);
    uint64_t low = bits < 8 ? (uint64_t)x & ((1u << bits) - 1) : (uint64_t)x;
    bool below =
        bits < 8 && quern_dtype_is_signed(dtype) && (low >> (bits - 1)) != 0;
    return below ? (int64_t)low - (INT64_C(1) << bits) : (int64_t)low;
}

static int64_t truncated(double x)
{
    return x > -9e18 && x < 9e18 ? (int64_t)x : 0;
}

static void cast_elements(const struct qn_kernels *k, const struct qn_array *x,
                          const struct qn_array *y)
{
    if (cast_fast(k, x, y)) {
        return;
    }
    bool whole = qn_is_whole(x->dtype);
    for (int64_t i = 0; i < x->len; i++) {
        if (!whole && qn_is_whole(y->dtype) && quern_dtype_bits(y->dtype) < 8) {
            qn_store_int(y, i, wrapped(truncated(qn_load(x, i)), y->dtype));
        } else if (!whole) {
            qn_store(y, i, qn_load(x, i));
        } else if (y->dtype == QUERN_BOOL) {
            y->data[i] = qn_load_int(x, i) != 0;
        } else if (qn_is_whole(y->dtype)) {
            qn_store_int(y, i, wrapped(qn_load_int(x, i), y->dtype));
        } else {
            qn_store(y, i, qn_load(x, i));
        }
    }
}

enum quern_code qn_op_cast(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in_dense(run, op, 0);
    struct qn_array *y = NULL;
    if (x == NULL) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL, "input 0 is missing");
    }
    enum quern_dtype to = (enum quern_dtype)quern_node_int(op->node, "to", 0);
    if (op->row->variant == 1) { /* CastLike */
        const struct qn_array *like = qn_in(run, op, 1);
        to = like != NULL ? like->dtype : QUERN_UNDEFINED;
    }
    if (to == x->dtype) {
        return qn_out_view(run, op, 0, x, x);
    }
    if (quern_dtype_bits(to) == 0 || quern_dtype_bits(to) > 64) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED, "cast from %s to %s",
                          quern_dtype_name(x->dtype), quern_dtype_name(to));
    }
    enum quern_code code = qn_out_like(run, op, 0, to, x, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    bool small = quern_dtype_is_float(to) && quern_dtype_bits(to) == 8;
    if (small && quern_node_int(op->node, "saturate", 1) == 0) {
        for (int64_t i = 0; i < x->len; i++) {
            y->data[i] = qn_small_from_float(to, (float)qn_load(x, i), false);
        }
        return QUERN_OK;
    }
    cast_elements(run->kernels, x, y);
    return QUERN_OK;
}

/* Dropout when a model is used, or with a ratio of 0: nothing is dropped, the
 * mask is all true. */
enum quern_code qn_op_dropout(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    const struct qn_array *training = qn_in(run, op, 2);
    struct qn_array *mask = NULL;
    if (x == NULL) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL, "input 0 is missing");
    }
    const struct qn_array *ratio = qn_in(run, op, 1);
    bool keeps = ratio != NULL && ratio->len == 1 && qn_load(ratio, 0) <= 0.0;
    if (training != NULL && training->len == 1 && training->data[0] != 0 &&
        !keeps) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED,
                          "training_mode, which drops values at random");
    }
    enum quern_dtype dtype = op->opset >= 10 ? QUERN_BOOL : x->dtype;
    enum quern_code code = qn_out(run, op, 1, dtype, x->rank, x->dims, &mask);
    for (int64_t i = 0; code == QUERN_OK && mask != NULL && i < x->len; i++) {
        qn_store(mask, i, 1.0);
    }
    return code == QUERN_OK ? qn_out_view(run, op, 0, x, x) : code;
}

/* The same bits read as another type of the same size. */
enum quern_code qn_op_bit_cast(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    enum quern_dtype to = (enum quern_dtype)quern_node_int(op->node, "to", 0);
    if (x == NULL) {
        return qn_op_missing(run, op);
    }
    unsigned bits = quern_dtype_bits(to);
    if (bits != quern_dtype_bits(x->dtype) || bits < 8 || bits > 64) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED, "bits of %s as %s",
                          quern_dtype_name(x->dtype), quern_dtype_name(to));
    }
    struct qn_array view = *x;
    view.dtype = to;
    return qn_out_view(run, op, 0, x, &view);
}

enum quern_code qn_op_bit_not(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in_packed(run, op, 0);
    struct qn_array *y = NULL;
    if (x == NULL || !quern_dtype_is_integer(x->dtype)) {
        return qn_op_missing(run, op);
    }
    enum quern_code code = qn_out(run, op, 0, x->dtype, x->rank, x->dims, &y);
    for (int64_t i = 0; code == QUERN_OK && y != NULL && i < x->len; i++) {
        qn_store_int(y, i, ~qn_load_int(x, i));
    }
    return code;
}
