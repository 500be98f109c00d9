/* Products of integers: MatMulInteger, QLinearMatMul, ConvInteger, QLinearConv;
 * and DynamicQuantizeLinear. Sums are in int32 and wrap, as theirs do. */
#include "base/numeric.h"
#include "exec/nest.h"
#include "exec/ops.h"
#include "exec/window.h"

#include <math.h>

/* How the sums of a QLinear operator become codes. */
struct requant {
    const struct qn_array *x_scale;
    const struct qn_array *w_scale;
    const struct qn_array *y_scale;
    const struct qn_array *y_zero;
};

static bool is_code(const struct qn_array *a)
{
    return a != NULL && (a->dtype == QUERN_UINT8 || a->dtype == QUERN_INT8);
}

/* A zero point: none, one number, or one for each of n rows or columns. */
static bool is_zero_point(const struct qn_array *zero, const struct qn_array *x,
                          int64_t n)
{
    return zero == NULL ||
           (zero->dtype == x->dtype && (zero->len == 1 || zero->len == n));
}

static int32_t zero_at(const struct qn_array *zero, int64_t i)
{
    return zero == NULL ? 0
                        : (int32_t)qn_load_int(zero, zero->len == 1 ? 0 : i);
}

static double scale_at(const struct qn_array *scale, int64_t i)
{
    return qn_load(scale, scale->len == 1 ? 0 : i);
}

static void put_sum(const struct requant *q, const struct qn_array *y,
                    int64_t at, int32_t sum, int64_t row, int64_t column)
{
    if (q == NULL) {
        qn_store_int(y, at, sum);
        return;
    }
    float scale =
        (float)scale_at(q->x_scale, row) * (float)scale_at(q->w_scale, column);
    float v = (float)sum * scale / (float)qn_load(q->y_scale, 0);
    int32_t zero = zero_at(q->y_zero, 0);
    int32_t lo = (int32_t)qn_dtype_min(y->dtype) - zero;
    int32_t hi = (int32_t)qn_dtype_max(y->dtype) - zero;
    qn_store_int(y, at, qn_saturate(v, lo, hi) + zero);
}

/* Scales of one number, or one for each of n. */
static bool is_scale(const struct qn_array *scale, int64_t n)
{
    return scale != NULL && quern_dtype_is_float(scale->dtype) &&
           (scale->len == 1 || scale->len == n);
}

static bool is_requant(const struct requant *q, int64_t rows, int64_t columns)
{
    return is_scale(q->x_scale, rows) && is_scale(q->w_scale, columns) &&
           is_scale(q->y_scale, 1) && is_code(q->y_zero) && q->y_zero->len == 1;
}

/* -------------------------------------------------------------- products */

struct sides {
    struct qn_array a; /* [batch…, rows, inner] */
    struct qn_array b; /* [batch…, inner, columns] */
    const struct qn_array *a_zero;
    const struct qn_array *b_zero;
    int64_t rows;
    int64_t inner;
    int64_t columns;
};

/* A vector is a matrix of one row, or of one column. */
static void as_matrix(const struct qn_array *x, bool left, struct qn_array *out)
{
    *out = *x;
    if (x->rank == 1) {
        out->rank = 2;
        out->dims[left ? 1 : 0] = x->dims[0];
        out->strides[left ? 1 : 0] = x->strides[0];
        out->dims[left ? 0 : 1] = 1;
        out->strides[left ? 0 : 1] = 0;
    }
}

/* Codes less their zero points, [rows, inner] from element `at` on. */
static void less_zero(const struct qn_array *x, int64_t at, int64_t rows,
                      int64_t inner, int64_t row_step, int64_t step,
                      const struct qn_array *zero, int16_t *out)
{
    bool is_signed = x->dtype == QUERN_INT8;
    for (int64_t i = 0; i < rows; i++) {
        const uint8_t *from = x->data + at + i * row_step;
        int32_t z = zero_at(zero, i);
        for (int64_t k = 0; k < inner; k++) {
            int32_t code = from[k * step];
            code = is_signed ? (int8_t)code : code;
            out[i * inner + k] = (int16_t)(code - z);
        }
    }
}

/* One batch entry; `room` is for both sides. */
static void multiply(const struct qn_kernels *kernels, const struct sides *s,
                     const struct requant *q, const int64_t *at,
                     const struct qn_array *y, int16_t *room)
{
    const int64_t *ta = s->a.strides + s->a.rank - 2;
    const int64_t *tb = s->b.strides + s->b.rank - 2;
    int16_t *b = room + s->rows * s->inner;
    less_zero(&s->a, at[1], s->rows, s->inner, ta[0], ta[1], s->a_zero, room);
    less_zero(&s->b, at[2], s->columns, s->inner, tb[1], tb[0], s->b_zero, b);
    for (int64_t i = 0; i < s->rows * s->columns; i++) {
        int64_t row = i / s->columns;
        int64_t column = i % s->columns;
        int32_t sum = kernels->dot_s16(room + row * s->inner,
                                       b + column * s->inner, (size_t)s->inner);
        put_sum(q, y, at[0] + i, sum, row, column);
    }
}

static enum quern_code product(struct qn_run *run, const struct qn_op *op,
                               struct sides *s, const struct requant *q)
{
    int64_t dims[QUERN_MAX_RANK + 2];
    int rank = 0;
    struct qn_array *y = NULL;
    struct qn_array batch[2] = {s->a, s->b};
    const struct qn_array *in[2] = {&batch[0], &batch[1]};
    batch[0].rank -= 2;
    batch[1].rank -= 2;
    enum quern_code code = qn_broadcast(run, op, in, 2, &rank, dims);
    if (code != QUERN_OK) {
        return code;
    }
    int n_batch = rank;
    if (qn_in(run, op, 0)->rank > 1) {
        dims[rank++] = s->rows;
    }
    if (qn_in(run, op, q != NULL ? 3 : 1)->rank > 1) {
        dims[rank++] = s->columns;
    }
    code = qn_out(run, op, 0, q != NULL ? q->y_zero->dtype : QUERN_INT32, rank,
                  dims, &y);
    if (code != QUERN_OK || y == NULL || y->len == 0) {
        return code;
    }
    struct qn_array whole = *y;
    struct qn_nest nest;
    struct qn_rows rows;
    struct qn_chunk *room = qn_scratch(
        run, (size_t)((s->rows + s->columns) * s->inner) * sizeof(int16_t));
    if (room == NULL) {
        return qn_op_missing(run, op);
    }
    whole.rank = n_batch;
    qn_nest_init(&nest, &whole, in, 2);
    for (qn_rows_init(&rows, &nest); !rows.done; qn_rows_next(&rows)) {
        for (int64_t i = 0; i < qn_row_len(&nest); i++) {
            int64_t at[3];
            for (int k = 0; k < 3; k++) {
                at[k] = rows.at[k] + i * qn_row_step(&nest, k);
            }
            multiply(run->kernels, s, q, at, y, (int16_t *)(void *)room->data);
        }
    }
    qn_chunk_put(&run->chunks, room);
    return QUERN_OK;
}

/* MatMulInteger (A, B, zero points), and QLinearMatMul (variant 1). */
enum quern_code qn_op_matmul_integer(struct qn_run *run, const struct qn_op *op)
{
    bool linear = op->row->variant == 1;
    struct sides s = {.a_zero = qn_in_packed(run, op, 2),
                      .b_zero = qn_in_packed(run, op, linear ? 5 : 3)};
    struct requant q = {qn_in_packed(run, op, 1), qn_in_packed(run, op, 4),
                        qn_in_packed(run, op, 6), qn_in_packed(run, op, 7)};
    const struct qn_array *a = qn_in(run, op, 0);
    const struct qn_array *b = qn_in(run, op, linear ? 3 : 1);
    if (!is_code(a) || !is_code(b) || a->rank < 1 || b->rank < 1) {
        return qn_op_missing(run, op);
    }
    as_matrix(a, true, &s.a);
    as_matrix(b, false, &s.b);
    s.rows = s.a.dims[s.a.rank - 2];
    s.inner = s.a.dims[s.a.rank - 1];
    s.columns = s.b.dims[s.b.rank - 1];
    if (s.inner != s.b.dims[s.b.rank - 2] ||
        !is_zero_point(s.a_zero, a, s.rows) ||
        !is_zero_point(s.b_zero, b, s.columns) ||
        (linear && !is_requant(&q, s.rows, s.columns))) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "[%lld, %lld] times [%lld, %lld], or scales or zero "
                          "points that do not fit",
                          (long long)s.rows, (long long)s.inner,
                          (long long)s.b.dims[s.b.rank - 2],
                          (long long)s.columns);
    }
    return product(run, op, &s, linear ? &q : NULL);
}

/* ---------------------------------------------------------- convolutions */

struct conv_codes {
    const struct qn_array *x;
    const struct qn_array *w;
    const struct qn_array *x_zero;
    const struct qn_array *w_zero;
    const struct qn_array *bias; /* int32; NULL: none */
    struct qn_window win;
};

static int32_t sum_at(const struct conv_codes *c, int64_t image, int64_t filter,
                      const int64_t *at)
{
    const struct qn_window *w = &c->win;
    int64_t size = w->in[0] * w->in[1] * w->in[2];
    int64_t taps = w->kernel[0] * w->kernel[1] * w->kernel[2];
    int64_t channels = c->w->dims[1];
    int64_t first = filter / (c->w->dims[0] / w->group) * channels;
    int32_t zx = zero_at(c->x_zero, 0);
    int32_t zw = zero_at(c->w_zero, filter);
    uint32_t sum = c->bias != NULL ? (uint32_t)qn_load_int(c->bias, filter) : 0;
    for (int64_t t = 0; t < taps; t++) {
        int64_t place = 0;
        bool inside = true;
        int64_t rest = t;
        for (int i = QN_WINDOW_AXES - 1, step = 1; i >= 0; i--) {
            int64_t p = at[i] * w->stride[i] - w->pad[i] +
                        rest % w->kernel[i] * w->dilation[i];
            rest /= w->kernel[i];
            inside = inside && p >= 0 && p < w->in[i];
            place += p * step;
            step *= (int)w->in[i];
        }
        for (int64_t k = 0; inside && k < channels; k++) {
            int64_t from = (image * c->x->dims[1] + first + k) * size + place;
            int32_t v = (int32_t)qn_load_int(c->x, from) - zx;
            int32_t f =
                (int32_t)qn_load_int(c->w, (filter * channels + k) * taps + t);
            sum += (uint32_t)(v * (f - zw));
        }
    }
    return (int32_t)sum;
}

static enum quern_code convolve(struct qn_run *run, const struct qn_op *op,
                                const struct conv_codes *c,
                                const struct requant *q)
{
    int64_t dims[QUERN_MAX_RANK];
    struct qn_array *y = NULL;
    const int64_t *out = c->win.out;
    int rank = qn_window_dims(&c->win, c->x->dims[0], c->w->dims[0], dims);
    enum quern_code code = qn_out(
        run, op, 0, q != NULL ? q->y_zero->dtype : QUERN_INT32, rank, dims, &y);
    for (int64_t i = 0; code == QUERN_OK && y != NULL && i < y->len; i++) {
        int64_t positions = out[0] * out[1] * out[2];
        int64_t p = i % positions;
        int64_t filter = i / positions % c->w->dims[0];
        int64_t at[3] = {p / (out[1] * out[2]), p / out[2] % out[1],
                         p % out[2]};
        int64_t image = i / positions / c->w->dims[0];
        put_sum(q, y, i, sum_at(c, image, filter, at), 0, filter);
    }
    return code;
}

static bool channels_fit(const struct qn_op *op, const struct conv_codes *c)
{
    int64_t group = quern_node_int(op->node, "group", 1);
    return is_code(c->x) && is_code(c->w) && c->x->rank >= 3 &&
           c->w->rank == c->x->rank && group >= 1 && c->w->dims[0] >= 1 &&
           c->w->dims[0] % group == 0 && c->x->dims[1] % group == 0 &&
           c->w->dims[1] == c->x->dims[1] / group;
}

/* ConvInteger (x, w, zero points), and QLinearConv (variant 1). */
enum quern_code qn_op_conv_integer(struct qn_run *run, const struct qn_op *op)
{
    bool linear = op->row->variant == 1;
    struct conv_codes c = {.x = qn_in_packed(run, op, 0),
                           .w = qn_in_packed(run, op, linear ? 3 : 1),
                           .x_zero = qn_in_packed(run, op, 2),
                           .w_zero = qn_in_packed(run, op, linear ? 5 : 3),
                           .bias = linear ? qn_in_packed(run, op, 8) : NULL};
    struct requant q = {qn_in_packed(run, op, 1), qn_in_packed(run, op, 4),
                        qn_in_packed(run, op, 6), qn_in_packed(run, op, 7)};
    if (!channels_fit(op, &c)) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "inputs are no codes, or channels do not fit");
    }
    if (!is_zero_point(c.x_zero, c.x, 1) ||
        !is_zero_point(c.w_zero, c.w, c.w->dims[0]) ||
        (linear && !is_requant(&q, 1, c.w->dims[0])) ||
        (c.bias != NULL &&
         (c.bias->dtype != QUERN_INT32 || c.bias->len != c.w->dims[0]))) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "scales, zero points or bias do not fit");
    }
    enum quern_code code = qn_window_init(run, op, c.x, c.w->dims + 2, &c.win);
    return code == QUERN_OK ? convolve(run, op, &c, linear ? &q : NULL) : code;
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
