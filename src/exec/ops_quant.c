/* QuantizeLinear and DequantizeLinear (ONNX 10 to 25): per tensor, per axis,
 * per block; exact: one division in float, round half to even, saturate. */
#include "base/numeric.h"
#include "exec/nest.h"
#include "exec/ops.h"

#include <math.h>
#include <string.h>

struct scheme {
    const struct qn_array *x;
    const struct qn_array *scale;
    const struct qn_array *zero; /* may be NULL */
    int64_t outer;               /* elements in front of the axis */
    int64_t channels;            /* 1: per tensor */
    int64_t inner;
    int64_t block; /* elements along the axis with one scale; 0: per axis */
};

static enum quern_code read_scheme(struct qn_run *run, const struct qn_op *op,
                                   struct scheme *s)
{
    memset(s, 0, sizeof *s);
    s->scale = qn_in_packed(run, op, 1);
    s->zero = op->n_in > 2 ? qn_in_packed(run, op, 2) : NULL;
    s->x = qn_in(run, op, 0);
    if (s->x == NULL || s->scale == NULL ||
        (s->zero != NULL && s->zero->len != s->scale->len)) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "inputs are missing or do not fit");
    }
    s->block = quern_node_int(op->node, "block_size", 0);
    bool per_tensor = s->scale->len == 1 && s->block == 0;
    if (!per_tensor || !qn_array_is_dense(s->x)) {
        s->x = qn_in_packed(run, op, 0);
        if (s->x == NULL) {
            return qn_op_missing(run, op);
        }
    }
    s->outer = s->channels = 1;
    s->inner = s->x->len;
    if (per_tensor) {
        return QUERN_OK;
    }
    int axis =
        qn_axis(run, op, quern_node_int(op->node, "axis", 1), s->x->rank);
    if (axis < 0) {
        return qn_op_missing(run, op);
    }
    s->channels = s->x->dims[axis];
    s->inner = 1;
    for (int i = 0; i < s->x->rank; i++) {
        s->outer *= i < axis ? s->x->dims[i] : 1;
        s->inner *= i > axis ? s->x->dims[i] : 1;
    }
    int64_t blocks =
        s->block > 0 ? (s->channels + s->block - 1) / s->block : s->channels;
    int64_t needed = s->block > 0 ? s->outer * blocks * s->inner : blocks;
    return s->scale->len == needed ? QUERN_OK
                                   : qn_op_fail(run, op, QUERN_INVALID_MODEL,
                                                "scale does not fit the axis");
}

/* Number of the scale for a row (outer, channel), element `inner`. */
static int64_t scale_at(const struct scheme *s, int64_t row, int64_t inner)
{
    int64_t channel = row % s->channels;
    if (s->block == 0) {
        return s->channels == 1 && s->scale->len == 1 ? 0 : channel;
    }
    int64_t blocks = (s->channels + s->block - 1) / s->block;
    return (row / s->channels * blocks + channel / s->block) * s->inner + inner;
}

static bool is_code_type(enum quern_dtype dtype)
{
    return quern_dtype_is_integer(dtype) && quern_dtype_bits(dtype) <= 16;
}

static enum quern_dtype code_type(const struct qn_op *op,
                                  const struct scheme *s)
{
    if (s->zero != NULL) {
        return s->zero->dtype;
    }
    int64_t named = quern_node_int(op->node, "output_dtype", 0);
    return named != 0 ? (enum quern_dtype)named : QUERN_UINT8;
}

static void quantize_row(struct qn_run *run, const struct scheme *s,
                         const struct qn_array *y, int64_t row)
{
    const struct qn_kernels *k = run->kernels;
    int64_t at = row * s->inner;
    int64_t which = scale_at(s, row, 0);
    float scale = (float)qn_load(s->scale, which);
    int32_t zero = s->zero != NULL ? (int32_t)qn_load_int(s->zero, which) : 0;
    const float *x = (const float *)(const void *)s->x->data + at;
    size_t n = (size_t)s->inner;
    if (y->dtype == QUERN_UINT8) {
        k->quantize_u8(x, scale, zero, y->data + at, n);
        return;
    }
    if (y->dtype == QUERN_INT8) {
        k->quantize_s8(x, scale, zero, (int8_t *)y->data + at, n);
        return;
    }
    int32_t codes[256];
    int32_t lo = (int32_t)qn_dtype_min(y->dtype);
    int32_t hi = (int32_t)qn_dtype_max(y->dtype);
    for (size_t i = 0; i < n; i += 256) {
        size_t m = n - i < 256 ? n - i : 256;
        k->quantize(x + i, scale, zero, lo, hi, codes, m);
        for (size_t j = 0; j < m; j++) {
            qn_store_int(y, at + (int64_t)(i + j), codes[j]);
        }
    }
}

/* Blocks, float8 codes and inputs that are not float: element by element. */
static void quantize_any(const struct scheme *s, const struct qn_array *y)
{
    for (int64_t i = 0; i < s->x->len; i++) {
        int64_t which = scale_at(s, i / s->inner, i % s->inner);
        float v = (float)qn_load(s->x, i) / (float)qn_load(s->scale, which);
        if (!is_code_type(y->dtype)) {
            qn_store(y, i, (double)v);
            continue;
        }
        int32_t zero =
            s->zero != NULL ? (int32_t)qn_load_int(s->zero, which) : 0;
        int32_t lo = (int32_t)qn_dtype_min(y->dtype) - zero;
        int32_t hi = (int32_t)qn_dtype_max(y->dtype) - zero;
        qn_store_int(y, i, qn_saturate(v, lo, hi) + zero);
    }
}

enum quern_code qn_op_quantize(struct qn_run *run, const struct qn_op *op)
{
    struct scheme s;
    struct qn_array *y = NULL;
    enum quern_code code = read_scheme(run, op, &s);
    if (code != QUERN_OK) {
        return code;
    }
    enum quern_dtype dtype = code_type(op, &s);
    if (!is_code_type(dtype) && !quern_dtype_is_float(dtype)) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED, "codes of type %s",
                          quern_dtype_name(dtype));
    }
    code = qn_out_like(run, op, 0, dtype, s.x, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    if (s.block > 0 || s.x->dtype != QUERN_FLOAT || !is_code_type(dtype)) {
        quantize_any(&s, y);
        return QUERN_OK;
    }
    for (int64_t row = 0; row < s.outer * s.channels; row++) {
        quantize_row(run, &s, y, row);
    }
    return QUERN_OK;
}

static void dequantize_row(struct qn_run *run, const struct scheme *s,
                           const struct qn_array *y, int64_t row)
{
    int64_t at = row * s->inner;
    int64_t which = scale_at(s, row, 0);
    float scale = (float)qn_load(s->scale, which);
    int32_t zero = s->zero != NULL ? (int32_t)qn_load_int(s->zero, which) : 0;
    float *out = (float *)(void *)y->data + at;
    if (s->x->dtype == QUERN_UINT8) {
        run->kernels->dequantize_u8(s->x->data + at, scale, zero, out,
                                    (size_t)s->inner);
    } else if (s->x->dtype == QUERN_INT8) {
        run->kernels->dequantize_s8((const int8_t *)s->x->data + at, scale,
                                    zero, out, (size_t)s->inner);
    } else {
        for (int64_t i = 0; i < s->inner; i++) {
            int64_t q = qn_load_int(s->x, at + i) - zero;
            out[i] = (float)q * scale;
        }
    }
}

/* Bytes with a scale a column, the last axis, as weights of MatMul have it:
 * tiles of columns, each down all rows. */
static void dequantize_columns(const struct scheme *s, const struct qn_array *y)
{
    enum { TILE = 64 };
    float scale[TILE];
    int32_t zero[TILE];
    bool is_signed = s->x->dtype == QUERN_INT8;
    for (int64_t c = 0; c < s->channels; c += TILE) {
        int64_t n = s->channels - c < TILE ? s->channels - c : TILE;
        for (int64_t i = 0; i < n; i++) {
            scale[i] = (float)qn_load(s->scale, c + i);
            zero[i] =
                s->zero != NULL ? (int32_t)qn_load_int(s->zero, c + i) : 0;
        }
        for (int64_t r = 0; r < s->outer; r++) {
            const unsigned char *x = s->x->data + r * s->channels + c;
            float *out = (float *)(void *)y->data + r * s->channels + c;
            for (int64_t i = 0; i < n; i++) {
                int32_t code = is_signed ? (int32_t)(int8_t)x[i] : x[i];
                out[i] = (float)(code - zero[i]) * scale[i];
            }
        }
    }
}

static bool has_byte_columns(const struct scheme *s)
{
    return s->inner == 1 && s->channels > 1 && s->block == 0 &&
           s->scale->dtype == QUERN_FLOAT &&
           (s->x->dtype == QUERN_INT8 || s->x->dtype == QUERN_UINT8);
}

enum quern_code qn_op_dequantize(struct qn_run *run, const struct qn_op *op)
{
    struct scheme s;
    struct qn_array *y = NULL;
    enum quern_code code = read_scheme(run, op, &s);
    if (code != QUERN_OK) {
        return code;
    }
    code = qn_out_like(run, op, 0, s.scale->dtype, s.x, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    if (has_byte_columns(&s)) {
        dequantize_columns(&s, y);
        return QUERN_OK;
    }
    bool plain = s.block == 0 && s.scale->dtype == QUERN_FLOAT &&
                 qn_is_whole(s.x->dtype);
    for (int64_t row = 0; plain && row < s.outer * s.channels; row++) {
        dequantize_row(run, &s, y, row);
    }
    for (int64_t i = 0; !plain && i < s.x->len; i++) {
        int64_t which = scale_at(&s, i / s.inner, i % s.inner);
        double zero = s.zero != NULL ? qn_load(s.zero, which) : 0.0;
        float v = (float)(qn_load(s.x, i) - zero);
        qn_store(y, i, (double)(v * (float)qn_load(s.scale, which)));
    }
    return QUERN_OK;
}

/* ------------------------------------------------- DynamicQuantizeLinear */

/* Scale and zero point of the range that holds all values, and 0. */
static void find_range(const struct qn_array *x, float *scale, int32_t *zero)
{
    const float *v = (const float *)(const void *)x->data;
    float lo = 0.0f;
    float hi = 0.0f;
    for (int64_t i = 0; i < x->len; i++) {
        lo = v[i] < lo ? v[i] : lo;
        hi = v[i] > hi ? v[i] : hi;
    }
    *scale = hi > lo ? (hi - lo) / 255.0f : 1.0f;
    *zero = qn_saturate(-lo / *scale, 0, 255);
}

enum quern_code qn_op_dynamic_quantize(struct qn_run *run,
                                       const struct qn_op *op)
{
    const struct qn_array *x = qn_in_packed(run, op, 0);
    struct qn_array *out[3] = {NULL, NULL, NULL};
    float scale = 1.0f;
    int32_t zero = 0;
    if (x == NULL || x->dtype != QUERN_FLOAT) {
        return qn_op_missing(run, op);
    }
    find_range(x, &scale, &zero);
    enum quern_code code =
        qn_out(run, op, 0, QUERN_UINT8, x->rank, x->dims, &out[0]);
    if (code == QUERN_OK) {
        code = qn_out(run, op, 1, QUERN_FLOAT, 0, NULL, &out[1]);
    }
    if (code == QUERN_OK) {
        code = qn_out(run, op, 2, QUERN_UINT8, 0, NULL, &out[2]);
    }
    if (code != QUERN_OK) {
        return code;
    }
    if (out[0] != NULL) {
        run->kernels->quantize_u8((const float *)(const void *)x->data, scale,
                                  zero, out[0]->data, (size_t)x->len);
    }
    if (out[1] != NULL) {
        qn_store(out[1], 0, (double)scale);
    }
    if (out[2] != NULL) {
        qn_store_int(out[2], 0, zero);
    }
    return QUERN_OK;
}
