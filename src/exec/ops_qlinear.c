/* Element-wise operators, means and Concat of 8-bit codes, which ONNX Runtime's
 * tools write (com.microsoft.QLinear…): arithmetic in float as theirs has it,
 * rounded half to even. */
#include "base/numeric.h"
#include "exec/integer.h"
#include "exec/nest.h"
#include "exec/ops.h"

#include <math.h>
#include <string.h>

enum { ADD, MULTIPLY, SIGMOID, LEAKY_RELU };

/* What the codes of a value stand for. */
struct scale {
    float scale;
    int32_t zero;
};

/* Scale and zero point at inputs i and i + 1, of codes of a type; the zero
 * point may be left out. */
static bool read_scale(struct qn_run *run, const struct qn_op *op, int i,
                       enum quern_dtype dtype, struct scale *out)
{
    const struct qn_array *scale = qn_in(run, op, i);
    const struct qn_array *zero = qn_in(run, op, i + 1);
    if (scale == NULL || scale->dtype != QUERN_FLOAT || scale->len != 1 ||
        (zero != NULL && (zero->dtype != dtype || zero->len != 1))) {
        return false;
    }
    out->scale = (float)qn_load(scale, 0);
    out->zero = zero != NULL ? (int32_t)qn_load_int(zero, 0) : 0;
    return out->scale > 0.0f;
}

/* The code of a number that is in steps of y already. */
static int32_t code_of(float steps, const struct scale *y,
                       enum quern_dtype dtype)
{
    int32_t lo = (int32_t)qn_dtype_min(dtype) - y->zero;
    int32_t hi = (int32_t)qn_dtype_max(dtype) - y->zero;
    return qn_saturate(steps, lo, hi) + y->zero;
}

static int32_t load_code(const struct qn_array *a, int64_t at)
{
    return a->dtype == QUERN_INT8 ? (int8_t)a->data[at] : a->data[at];
}

/* ------------------------------------------------------- of two, of one */

struct pair {
    const struct qn_array *x[2];
    struct scale in[2];
    struct scale out;
    int variant;
};

static int32_t joined(const struct pair *p, int32_t a, int32_t b,
                      enum quern_dtype dtype)
{
    float u = (float)(a - p->in[0].zero);
    float v = (float)(b - p->in[1].zero);
    float s = p->in[0].scale / p->out.scale;
    if (p->variant == MULTIPLY) {
        return code_of(u * v * (p->in[0].scale * p->in[1].scale / p->out.scale),
                       &p->out, dtype);
    }
    return code_of(u * s + v * (p->in[1].scale / p->out.scale), &p->out, dtype);
}

/* QLinearAdd and QLinearMul (A, scale, zero point, B, …, C's), which broadcast.
 */
enum quern_code qn_op_qlinear_binary(struct qn_run *run, const struct qn_op *op)
{
    struct pair p = {.x = {qn_in(run, op, 0), qn_in(run, op, 3)},
                     .variant = op->row->variant};
    int64_t dims[QUERN_MAX_RANK];
    int rank = 0;
    struct qn_array *y = NULL;
    if (!qn_is_code(p.x[0]) || !qn_is_code(p.x[1]) ||
        p.x[0]->dtype != p.x[1]->dtype) {
        return qn_op_missing(run, op);
    }
    enum quern_dtype dtype = p.x[0]->dtype;
    if (!read_scale(run, op, 1, dtype, &p.in[0]) ||
        !read_scale(run, op, 4, dtype, &p.in[1]) ||
        !read_scale(run, op, 6, dtype, &p.out)) {
        return qn_op_missing(run, op);
    }
    enum quern_code code = qn_broadcast(run, op, p.x, 2, &rank, dims);
    if (code == QUERN_OK) {
        code = qn_out(run, op, 0, dtype, rank, dims, &y);
    }
    if (code != QUERN_OK || y == NULL || y->len == 0) {
        return code;
    }
    struct qn_nest nest;
    struct qn_rows rows;
    qn_nest_init(&nest, y, p.x, 2);
    for (qn_rows_init(&rows, &nest); !rows.done; qn_rows_next(&rows)) {
        for (int64_t i = 0; i < qn_row_len(&nest); i++) {
            int64_t a = rows.at[1] + i * qn_row_step(&nest, 1);
            int64_t b = rows.at[2] + i * qn_row_step(&nest, 2);
            y->data[rows.at[0] + i * qn_row_step(&nest, 0)] = (uint8_t)joined(
                &p, load_code(p.x[0], a), load_code(p.x[1], b), dtype);
        }
    }
    return QUERN_OK;
}

/* What each code becomes: by way of one function, or of none. */
static void fill_table(int variant, float alpha, const struct scale *in,
                       const struct scale *out, enum quern_dtype dtype,
                       uint8_t *table)
{
    for (int i = 0; i < 256; i++) {
        int32_t code = dtype == QUERN_INT8 ? (int8_t)(uint8_t)i : i;
        float x = (float)(code - in->zero) * in->scale;
        float v = variant == SIGMOID      ? 1.0f / (1.0f + expf(-x))
                  : variant == LEAKY_RELU ? (x >= 0.0f ? x : alpha * x)
                                          : x;
        table[i] = (uint8_t)code_of(v / out->scale, out, dtype);
    }
}

/* QLinearSigmoid and QLinearLeakyRelu (X, scale, zero point, Y's). */
enum quern_code qn_op_qlinear_unary(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in_dense(run, op, 0);
    struct qn_array *y = NULL;
    struct scale in;
    struct scale out;
    uint8_t table[256];
    if (!qn_is_code(x) || !read_scale(run, op, 1, x->dtype, &in) ||
        !read_scale(run, op, 3, x->dtype, &out)) {
        return qn_op_missing(run, op);
    }
    fill_table(op->row->variant, quern_node_float(op->node, "alpha", 0.01f),
               &in, &out, x->dtype, table);
    enum quern_code code = qn_out_like(run, op, 0, x->dtype, x, &y);
    for (int64_t i = 0; code == QUERN_OK && y != NULL && i < x->len; i++) {
        y->data[i] = table[x->data[i]];
    }
    return code;
}

/* ------------------------------------------------------------- of images */

/* QLinearGlobalAveragePool (X [N, C, …], scale, zero point, Y's). */
enum quern_code qn_op_qlinear_mean(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in_packed(run, op, 0);
    struct qn_array *y = NULL;
    struct scale in;
    struct scale out;
    if (!qn_is_code(x) || x->rank < 3 ||
        !read_scale(run, op, 1, x->dtype, &in) ||
        !read_scale(run, op, 3, x->dtype, &out)) {
        return qn_op_missing(run, op);
    }
    if (quern_node_int(op->node, "channels_last", 0) != 0) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED,
                          "channels_last other than 0");
    }
    enum quern_code code = qn_out_of_space(run, op, x, &y);
    if (code != QUERN_OK || y == NULL || y->len == 0) {
        return code;
    }
    int64_t size = x->len / y->len;
    if (size == 0) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL, "mean of no elements");
    }
    float factor = in.scale / (out.scale * (float)size);
    for (int64_t i = 0; i < y->len; i++) {
        int64_t sum = 0;
        for (int64_t k = 0; k < size; k++) {
            sum += load_code(x, i * size + k) - in.zero;
        }
        y->data[i] = (uint8_t)code_of((float)sum * factor, &out, x->dtype);
    }
    return QUERN_OK;
}

/* -------------------------------------------------------------- Concat */

/* Room for what QLinearConcat joins. */
static enum quern_code concat_room(struct qn_run *run, const struct qn_op *op,
                                   int axis, struct qn_array **out)
{
    const struct qn_array *first = qn_in(run, op, 2);
    int64_t dims[QUERN_MAX_RANK];
    memcpy(dims, first->dims, sizeof dims);
    dims[axis] = 0;
    for (int i = 2; i < op->n_in; i += 3) {
        const struct qn_array *x = qn_in(run, op, i);
        bool fits =
            x != NULL && x->rank == first->rank && x->dtype == first->dtype;
        for (int k = 0; fits && k < first->rank; k++) {
            fits = k == axis || x->dims[k] == first->dims[k];
        }
        if (!fits ||
            __builtin_add_overflow(dims[axis], x->dims[axis], &dims[axis])) {
            return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                              "input %d does not fit input 2", i);
        }
    }
    return qn_out(run, op, 0, first->dtype, first->rank, dims, out);
}

static void through_table(const struct qn_array *part, const uint8_t *table)
{
    struct qn_nest nest;
    struct qn_rows rows;
    qn_nest_init(&nest, part, &part, 1);
    for (qn_rows_init(&rows, &nest); !rows.done; qn_rows_next(&rows)) {
        for (int64_t i = 0; i < qn_row_len(&nest); i++) {
            uint8_t *at = part->data + rows.at[0] + i * qn_row_step(&nest, 0);
            *at = table[*at];
        }
    }
}

/* QLinearConcat (Y's scale and zero point, then X, scale, zero point each). */
enum quern_code qn_op_qlinear_concat(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *first = qn_in(run, op, 2);
    struct scale out;
    struct qn_array *y = NULL;
    if (!qn_is_code(first) || op->n_in % 3 != 2 ||
        !read_scale(run, op, 0, first->dtype, &out)) {
        return qn_op_missing(run, op);
    }
    int axis =
        qn_axis(run, op, quern_node_int(op->node, "axis", 0), first->rank);
    if (axis < 0) {
        return qn_op_missing(run, op);
    }
    enum quern_code code = concat_room(run, op, axis, &y);
    if (code != QUERN_OK || y == NULL || y->len == 0) {
        return code;
    }
    struct qn_array part = *y;
    for (int i = 2; i < op->n_in; i += 3) {
        const struct qn_array *x = qn_in(run, op, i);
        struct scale in;
        uint8_t table[256];
        if (!read_scale(run, op, i + 1, x->dtype, &in)) {
            return qn_op_missing(run, op);
        }
        memcpy(part.dims, x->dims, sizeof part.dims);
        part.len = x->len;
        if (x->len > 0) {
            fill_table(ADD, 0.0f, &in, &out, x->dtype, table);
            qn_array_copy(&part, x);
            through_table(&part, table);
        }
        part.data += x->dims[axis] * y->strides[axis];
    }
    return QUERN_OK;
}
