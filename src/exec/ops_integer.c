/* Products of integers: MatMulInteger, QLinearMatMul, QGemm. Sums are in int32
 * and wrap, as theirs do. */
#include "base/numeric.h"
#include "exec/integer.h"
#include "exec/nest.h"
#include "exec/ops.h"

#include <math.h>

bool qn_is_code(const struct qn_array *a)
{
    return a != NULL && (a->dtype == QUERN_UINT8 || a->dtype == QUERN_INT8);
}

/* A zero point: none, one number, or one for each of n rows or columns. */
bool qn_is_zero_point(const struct qn_array *zero, const struct qn_array *x,
                      int64_t n)
{
    return zero == NULL ||
           (zero->dtype == x->dtype && (zero->len == 1 || zero->len == n));
}

int32_t qn_zero_at(const struct qn_array *zero, int64_t i)
{
    return zero == NULL ? 0
                        : (int32_t)qn_load_int(zero, zero->len == 1 ? 0 : i);
}

static double scale_at(const struct qn_array *scale, int64_t i)
{
    return qn_load(scale, scale->len == 1 ? 0 : i);
}

void qn_put_sum(const struct qn_requant *q, const struct qn_array *y,
                int64_t at, int32_t sum, int64_t row, int64_t column)
{
    if (q == NULL) {
        qn_store_int(y, at, sum);
        return;
    }
    float scale =
        (float)scale_at(q->x_scale, row) * (float)scale_at(q->w_scale, column);
    float v = (float)sum * scale / (float)qn_load(q->y_scale, 0);
    int32_t zero = qn_zero_at(q->y_zero, 0);
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

bool qn_is_requant(const struct qn_requant *q, int64_t rows, int64_t columns)
{
    return is_scale(q->x_scale, rows) && is_scale(q->w_scale, columns) &&
           is_scale(q->y_scale, 1) && qn_is_code(q->y_zero) &&
           q->y_zero->len == 1;
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

void qn_less_zero(const struct qn_array *x, const struct qn_code_rows *r,
                  const struct qn_array *zero, int16_t *out)
{
    bool is_signed = x->dtype == QUERN_INT8;
    for (int64_t i = 0; i < r->rows; i++) {
        const uint8_t *from = x->data + r->at + i * r->row_step;
        int32_t z = qn_zero_at(zero, i);
        for (int64_t k = 0; k < r->inner; k++) {
            int32_t code = from[k * r->step];
            code = is_signed ? (int8_t)code : code;
            out[i * r->inner + k] = (int16_t)(code - z);
        }
    }
}

/* One batch entry; `room` is for both sides. */
static void multiply(const struct qn_kernels *kernels, const struct sides *s,
                     const struct qn_requant *q, const int64_t *at,
                     const struct qn_array *y, int16_t *room)
{
    const int64_t *ta = s->a.strides + s->a.rank - 2;
    const int64_t *tb = s->b.strides + s->b.rank - 2;
    int16_t *b = room + s->rows * s->inner;
    const struct qn_code_rows ra = {at[1], s->rows, s->inner, ta[0], ta[1]};
    const struct qn_code_rows rb = {at[2], s->columns, s->inner, tb[1], tb[0]};
    qn_less_zero(&s->a, &ra, s->a_zero, room);
    qn_less_zero(&s->b, &rb, s->b_zero, b);
    for (int64_t i = 0; i < s->rows * s->columns; i++) {
        int64_t row = i / s->columns;
        int64_t column = i % s->columns;
        int32_t sum = kernels->dot_s16(room + row * s->inner,
                                       b + column * s->inner, (size_t)s->inner);
        qn_put_sum(q, y, at[0] + i, sum, row, column);
    }
}

static enum quern_code product(struct qn_run *run, const struct qn_op *op,
                               struct sides *s, const struct qn_requant *q)
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
    struct qn_requant q = {qn_in_packed(run, op, 1), qn_in_packed(run, op, 4),
                           qn_in_packed(run, op, 6), qn_in_packed(run, op, 7)};
    const struct qn_array *a = qn_in(run, op, 0);
    const struct qn_array *b = qn_in(run, op, linear ? 3 : 1);
    if (!qn_is_code(a) || !qn_is_code(b) || a->rank < 1 || b->rank < 1) {
        return qn_op_missing(run, op);
    }
    as_matrix(a, true, &s.a);
    as_matrix(b, false, &s.b);
    s.rows = s.a.dims[s.a.rank - 2];
    s.inner = s.a.dims[s.a.rank - 1];
    s.columns = s.b.dims[s.b.rank - 1];
    if (s.inner != s.b.dims[s.b.rank - 2] ||
        !qn_is_zero_point(s.a_zero, a, s.rows) ||
        !qn_is_zero_point(s.b_zero, b, s.columns) ||
        (linear && !qn_is_requant(&q, s.rows, s.columns))) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "[%lld, %lld] times [%lld, %lld], or scales or zero "
                          "points that do not fit",
                          (long long)s.rows, (long long)s.inner,
                          (long long)s.b.dims[s.b.rank - 2],
                          (long long)s.columns);
    }
    return product(run, op, &s, linear ? &q : NULL);
}

/* ---------------------------------------------------------------- QGemm */

/* Inputs of com.microsoft.QGemm: A, scale, zero point, B, scale, zero point, C
 * (int32 at scale alpha A B), and Y's where the output is codes. */
struct qgemm {
    struct sides s;
    const struct qn_array *c; /* NULL: none */
    const struct qn_array *b_scale;
    struct qn_requant q; /* y_scale, y_zero NULL: the output is float */
    float scale;         /* of A, times alpha */
};

/* The sides as [rows, inner] and [inner, columns]. */
static void turn_sides(const struct qn_op *op, const struct qn_array *a,
                       const struct qn_array *b, struct sides *s)
{
    bool ta = quern_node_int(op->node, "transA", 0) != 0;
    bool tb = quern_node_int(op->node, "transB", 0) != 0;
    s->a = *a;
    s->b = *b;
    for (int i = 0; i < 2; i++) {
        s->a.dims[i] = a->dims[ta ? 1 - i : i];
        s->a.strides[i] = a->strides[ta ? 1 - i : i];
        s->b.dims[i] = b->dims[tb ? 1 - i : i];
        s->b.strides[i] = b->strides[tb ? 1 - i : i];
    }
    s->rows = s->a.dims[0];
    s->inner = s->a.dims[1];
    s->columns = s->b.dims[1];
}

/* Do what is added and how it is scaled fit the product? */
static bool qgemm_fits(const struct qgemm *g)
{
    int64_t n = g->s.columns;
    const int64_t dims[2] = {g->s.rows, n};
    bool adds = g->c == NULL ||
                (g->c->dtype == QUERN_INT32 && qn_gemm_fits(g->c, dims));
    bool scales = g->q.y_zero == NULL ||
                  (qn_is_code(g->q.y_zero) && is_scale(g->q.y_scale, 1));
    return adds && scales && g->s.b.dims[0] == g->s.inner &&
           qn_is_zero_point(g->s.a_zero, &g->s.a, 1) &&
           qn_is_zero_point(g->s.b_zero, &g->s.b, n) && is_scale(g->b_scale, n);
}

static bool read_qgemm(struct qn_run *run, const struct qn_op *op,
                       struct qgemm *g)
{
    const struct qn_array *a = qn_in(run, op, 0);
    const struct qn_array *b = qn_in(run, op, 3);
    const struct qn_array *a_scale = qn_in(run, op, 1);
    if (!qn_is_code(a) || !qn_is_code(b) || a->rank != 2 || b->rank != 2 ||
        !is_scale(a_scale, 1)) {
        return false;
    }
    turn_sides(op, a, b, &g->s);
    g->s.a_zero = qn_in_packed(run, op, 2);
    g->b_scale = qn_in_packed(run, op, 4);
    g->s.b_zero = qn_in_packed(run, op, 5);
    g->c = qn_in_packed(run, op, 6);
    g->q.y_scale = qn_in_packed(run, op, 7);
    g->q.y_zero = qn_in_packed(run, op, 8);
    g->scale =
        quern_node_float(op->node, "alpha", 1.0f) * (float)qn_load(a_scale, 0);
    return qgemm_fits(g);
}

/* Sums with C's, into Y. */
static void finish_qgemm(const struct qgemm *g, const struct qn_array *sums,
                         const struct qn_array *y)
{
    int64_t n = g->s.columns;
    for (int64_t i = 0; i < y->len; i++) {
        uint32_t sum = (uint32_t)qn_load_int(sums, i);
        if (g->c != NULL) {
            sum +=
                (uint32_t)qn_load_int(g->c, qn_gemm_addend(g->c, i / n, i % n));
        }
        float scale = g->scale * (float)scale_at(g->b_scale, i % n);
        if (g->q.y_zero == NULL) {
            qn_store(y, i, (double)((float)(int32_t)sum * scale));
            continue;
        }
        int32_t zero = qn_zero_at(g->q.y_zero, 0);
        float v =
            (float)(int32_t)sum * (scale / (float)qn_load(g->q.y_scale, 0));
        int32_t lo = (int32_t)qn_dtype_min(y->dtype) - zero;
        int32_t hi = (int32_t)qn_dtype_max(y->dtype) - zero;
        qn_store_int(y, i, qn_saturate(v, lo, hi) + zero);
    }
}

enum quern_code qn_op_qgemm(struct qn_run *run, const struct qn_op *op)
{
    struct qgemm g = {.scale = 1.0f};
    struct qn_array *y = NULL;
    if (!read_qgemm(run, op, &g)) {
        return qn_op_missing(run, op);
    }
    const int64_t dims[2] = {g.s.rows, g.s.columns};
    enum quern_code code =
        qn_out(run, op, 0, g.q.y_zero != NULL ? g.q.y_zero->dtype : QUERN_FLOAT,
               2, dims, &y);
    if (code != QUERN_OK || y == NULL || y->len == 0) {
        return code;
    }
    size_t n_codes = (size_t)((g.s.rows + g.s.columns) * g.s.inner);
    size_t sums_size = (size_t)y->len * sizeof(int32_t);
    struct qn_chunk *room =
        qn_scratch(run, sums_size + n_codes * sizeof(int16_t));
    if (room == NULL) {
        return qn_op_missing(run, op);
    }
    struct qn_array sums = *y;
    sums.dtype = QUERN_INT32;
    sums.data = room->data;
    multiply(run->kernels, &g.s, NULL, (const int64_t[3]){0, 0, 0}, &sums,
             (int16_t *)(void *)(room->data + sums_size));
    finish_qgemm(&g, &sums, y);
    qn_chunk_put(&run->chunks, room);
    return QUERN_OK;
}
