/* Matrix products: MatMul, Gemm. Constant right sides are packed once. */
#include "exec/fuse.h"
#include "exec/nest.h"
#include "exec/ops.h"
#include "exec/posts.h"
#include "exec/prepare.h"

#include <string.h>

struct packed {
    float *data;       /* NULL: not constant */
    const float *bias; /* fused behind: one number a column; NULL: none */
    int64_t n;         /* columns of constant weights */
};

static void release_packed(struct quern_engine *e, void *state)
{
    (void)e;
    struct packed *p = state;
    qn_free(p->data);
}

static size_t panels(const struct qn_kernels *k, size_t n)
{
    size_t panel = k->panel();
    return (n + panel - 1) / panel * panel;
}

/* Pack [k, n] with the given strides; NULL: no memory. */
static float *pack(const struct qn_kernels *kernels, const void *b, size_t k,
                   size_t n, int64_t row, int64_t column)
{
    float *data = qn_alloc_aligned(panels(kernels, n) * k * sizeof(float) + 64);
    if (data != NULL) {
        kernels->pack_b(k, n, b, row, column, data);
    }
    return data;
}

static enum quern_code attach(struct quern_engine *e, struct qn_op *op,
                              const void *b, size_t k, size_t n, int64_t row,
                              int64_t column)
{
    struct packed *p = qn_arena_alloc(&e->arena, sizeof *p);
    if (p == NULL) {
        return qn_no_memory(e->context);
    }
    op->state = p;
    op->release = release_packed;
    if (b != NULL) {
        p->n = (int64_t)n;
        p->data = pack(e->kernels, b, k, n, row, column);
        if (p->data == NULL) {
            return qn_no_memory(e->context);
        }
    }
    return QUERN_OK;
}

bool qn_product_packs(const struct qn_op *op, enum quern_dtype dtype, int rank)
{
    return (op->row->prepare == qn_prepare_matmul ||
            op->row->prepare == qn_prepare_gemm) &&
           dtype == QUERN_FLOAT && rank == 2;
}

enum quern_code qn_prepare_matmul(struct quern_engine *e, struct qn_op *op)
{
    const struct qn_array *b = qn_op_constant(e, op, 1);
    bool fits = b != NULL && qn_product_packs(op, b->dtype, b->rank);
    return fits ? attach(e, op, b->data, (size_t)b->dims[0], (size_t)b->dims[1],
                         b->dims[1], 1)
                : attach(e, op, NULL, 0, 0, 0, 0);
}

/* A matrix seen in an array of rank 1 to n: rows, columns, batch dims. */
struct side {
    struct qn_array batch; /* batch dims and strides; data of the array */
    int64_t rows;
    int64_t columns;
    int64_t row_stride;
    int64_t column_stride;
};

static struct side side_of(const struct qn_array *a, bool left)
{
    struct side s = {.batch = *a};
    if (a->rank == 1) {
        s.batch.rank = 0;
        s.rows = left ? 1 : a->dims[0];
        s.columns = left ? a->dims[0] : 1;
        s.row_stride = left ? 0 : a->strides[0];
        s.column_stride = left ? a->strides[0] : 0;
        return s;
    }
    int r = a->rank - 2;
    s.batch.rank = r;
    s.rows = a->dims[r];
    s.columns = a->dims[r + 1];
    s.row_stride = a->strides[r];
    s.column_stride = a->strides[r + 1];
    return s;
}

struct matmul {
    const struct packed *packed;
    const struct qn_array *a;
    const struct qn_array *b;
    struct side l;
    struct side r;
};

/* Integer and double products of one batch entry. */
static void product_any(const struct qn_kernels *kernels,
                        const struct matmul *m, int64_t a_at, int64_t b_at,
                        const struct qn_array *y, int64_t y_at)
{
    int64_t size = (int64_t)qn_element_size(y->dtype);
    const struct qn_any_product p = {.m = (size_t)m->l.rows,
                                     .n = (size_t)m->r.columns,
                                     .k = (size_t)m->l.columns,
                                     .a = m->a->data + a_at * size,
                                     .a_row = m->l.row_stride,
                                     .a_column = m->l.column_stride,
                                     .b = m->b->data + b_at * size,
                                     .b_row = m->r.row_stride,
                                     .c = y->data + y_at * size};
    (void)qn_product_any(kernels, y->dtype, &p);
}

/* Float products of one batch entry; B is packed into `room` if it is not. */
static void product(struct qn_run *run, const float *a, const struct side *l,
                    const float *b, const struct side *r,
                    const struct packed *p, float *room, float *y)
{
    struct qn_product job = {.m = (size_t)l->rows,
                             .n = (size_t)r->columns,
                             .k = (size_t)l->columns,
                             .a = a,
                             .lda = (size_t)l->row_stride,
                             .packed = p->data,
                             .bias = p->bias,
                             .c = y,
                             .ldc = (size_t)r->columns};
    if (job.packed == NULL) {
        run->kernels->pack_b(job.k, job.n, b, r->row_stride, r->column_stride,
                             room);
        job.packed = room;
    }
    run->kernels->gemm(&job);
}

enum quern_code qn_product_bias(struct quern_engine *e, struct qn_op *op,
                                const struct qn_array *bias, bool *done)
{
    struct packed *p = op->state;
    const struct qn_array *b = qn_op_constant(e, op, 1);
    /* A product of nothing is filled with zeros, without the kernel. */
    *done = p->data != NULL && b != NULL && b->len > 0 && p->bias == NULL &&
            bias != NULL && bias->dtype == QUERN_FLOAT && bias->rank == 1 &&
            bias->len == p->n && bias->len > 1;
    if (*done) {
        p->bias = (const float *)(const void *)bias->data;
    }
    return QUERN_OK;
}

static enum quern_code result_dims(struct qn_run *run, const struct qn_op *op,
                                   const struct side *l, const struct side *r,
                                   bool l_vector, bool r_vector, int *rank,
                                   int64_t *dims)
{
    const struct qn_array *batch[2] = {&l->batch, &r->batch};
    enum quern_code code = qn_broadcast(run, op, batch, 2, rank, dims);
    if (code != QUERN_OK) {
        return code;
    }
    if (*rank + 2 > QUERN_MAX_RANK) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL, "rank is too high");
    }
    if (!l_vector) {
        dims[(*rank)++] = l->rows;
    }
    if (!r_vector) {
        dims[(*rank)++] = r->columns;
    }
    return QUERN_OK;
}

static enum quern_code read_sides(struct qn_run *run, const struct qn_op *op,
                                  struct matmul *m)
{
    m->packed = op->state;
    m->a = qn_in(run, op, 0);
    m->b = qn_in(run, op, 1);
    if (m->a == NULL || m->b == NULL || m->a->rank == 0 || m->b->rank == 0) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "an input is missing or a scalar");
    }
    if (m->a->dtype != QUERN_FLOAT &&
        !qn_product_any(run->kernels, m->a->dtype, NULL)) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED, "inputs of type %s",
                          quern_dtype_name(m->a->dtype));
    }
    /* The left side wants its columns next to each other. */
    int last = m->a->rank - 1;
    if (m->a->strides[last] != 1 && m->a->dims[last] != 1) {
        m->a = qn_in_packed(run, op, 0);
        if (m->a == NULL) {
            return qn_op_missing(run, op);
        }
    }
    last = m->b->rank - 1;
    if (m->b->dtype != QUERN_FLOAT && m->b->strides[last] != 1 &&
        m->b->dims[last] != 1) { /* so do kernels of other types */
        m->b = qn_in_packed(run, op, 1);
        if (m->b == NULL) {
            return qn_op_missing(run, op);
        }
    }
    m->l = side_of(m->a, true);
    m->r = side_of(m->b, false);
    if (m->l.columns != m->r.rows || m->a->dtype != m->b->dtype) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "[%lld, %lld] times [%lld, %lld]",
                          (long long)m->l.rows, (long long)m->l.columns,
                          (long long)m->r.rows, (long long)m->r.columns);
    }
    return QUERN_OK;
}

/* The batch dims of the result. A packed right side serves all batch entries
 * as one tall product. */
static struct qn_array batch_of(struct matmul *m, const struct qn_array *y)
{
    struct qn_array batch = *y;
    batch.rank = y->rank - (m->a->rank > 1) - (m->b->rank > 1);
    if (m->packed->data != NULL && m->l.columns > 0 &&
        qn_array_is_packed(m->a)) {
        m->l.rows = m->a->len / m->l.columns;
        m->l.row_stride = m->l.columns;
        m->l.batch.rank = 0;
        batch.rank = 0;
    }
    batch.len = 1;
    for (int i = 0; i < batch.rank; i++) {
        batch.len *= batch.dims[i];
    }
    return batch;
}

/* `room` holds B packed where it is not constant. */
static void multiply(struct qn_run *run, struct matmul *m, float *room,
                     const struct qn_array *y)
{
    size_t size = (size_t)y->len * (quern_dtype_bits(y->dtype) / 8);
    if (m->l.columns == 0 && size > 0) {
        memset(y->data, 0, size); /* sums of nothing; sides may have no data */
        return;
    }
    struct qn_array whole = batch_of(m, y);
    const struct qn_array *batch[2] = {&m->l.batch, &m->r.batch};
    /* Weights that were packed from the file have no data. */
    const float *b = (const float *)(const void *)m->b->data;
    struct qn_nest nest;
    struct qn_rows rows;
    qn_nest_init(&nest, &whole, batch, 2);
    for (qn_rows_init(&rows, &nest); !rows.done; qn_rows_next(&rows)) {
        for (int64_t i = 0; i < qn_row_len(&nest); i++) {
            int64_t y_at = rows.at[0] + i * qn_row_step(&nest, 0);
            int64_t a_at = rows.at[1] + i * qn_row_step(&nest, 1);
            int64_t b_at = rows.at[2] + i * qn_row_step(&nest, 2);
            if (m->a->dtype == QUERN_FLOAT) {
                product(run, (const float *)(const void *)m->a->data + a_at,
                        &m->l, b != NULL ? b + b_at : NULL, &m->r, m->packed,
                        room, (float *)(void *)y->data + y_at);
            } else {
                product_any(run->kernels, m, a_at, b_at, y, y_at);
            }
        }
    }
}

/* Room for B packed; none is needed where it is constant. */
static enum quern_code pack_room(struct qn_run *run, const struct qn_op *op,
                                 int64_t k, int64_t n,
                                 struct qn_chunk **out_room)
{
    const struct packed *p = op->state;
    *out_room = NULL;
    if (p->data != NULL) {
        return QUERN_OK;
    }
    *out_room =
        qn_scratch(run, panels(run->kernels, (size_t)n) * (size_t)k * 4 + 64);
    return *out_room != NULL ? QUERN_OK : qn_op_missing(run, op);
}

enum quern_code qn_op_matmul(struct qn_run *run, const struct qn_op *op)
{
    struct matmul m;
    int64_t dims[QUERN_MAX_RANK];
    int rank = 0;
    struct qn_array *y = NULL;
    struct qn_chunk *room = NULL;
    enum quern_code code = read_sides(run, op, &m);
    if (code == QUERN_OK) {
        code = result_dims(run, op, &m.l, &m.r, m.a->rank == 1, m.b->rank == 1,
                           &rank, dims);
    }
    if (code == QUERN_OK) {
        code = qn_out(run, op, 0, m.a->dtype, rank, dims, &y);
    }
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    if (y->len > 0) {
        code = pack_room(run, op, m.l.columns, m.r.columns, &room);
    }
    if (y->len > 0 && code == QUERN_OK) {
        multiply(run, &m, room != NULL ? (float *)(void *)room->data : NULL, y);
        qn_chunk_put(&run->chunks, room);
    }
    return code == QUERN_OK ? qn_posts_run(run, op, 0) : code;
}

/* ----------------------------------------------------------------- Gemm */

enum quern_code qn_prepare_gemm(struct quern_engine *e, struct qn_op *op)
{
    const struct qn_array *b = qn_op_constant(e, op, 1);
    if (b == NULL || !qn_product_packs(op, b->dtype, b->rank)) {
        return attach(e, op, NULL, 0, 0, 0, 0);
    }
    bool t = quern_node_int(op->node, "transB", 0) != 0;
    return attach(e, op, b->data, (size_t)b->dims[t ? 1 : 0],
                  (size_t)b->dims[t ? 0 : 1], t ? 1 : b->dims[1],
                  t ? b->dims[1] : 1);
}

static void add_bias(const struct qn_array *y, const struct qn_array *c,
                     float alpha, float beta)
{
    float *out = (float *)(void *)y->data;
    const float *in = c != NULL ? (const float *)(const void *)c->data : NULL;
    int64_t rows = y->dims[0];
    int64_t columns = y->dims[1];
    int64_t column = 0;
    int64_t row = 0;
    if (c != NULL && c->rank > 0) {
        column = c->dims[c->rank - 1] > 1 ? c->strides[c->rank - 1] : 0;
        row = c->rank > 1 && c->dims[0] > 1 ? c->strides[0] : 0;
    }
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < columns; j++) {
            float bias = in != NULL ? beta * in[i * row + j * column] : 0.0f;
            out[i * columns + j] = alpha * out[i * columns + j] + bias;
        }
    }
}

/* The sides of the product; a transposed A is copied (*out_copy). */
static enum quern_code gemm_sides(struct qn_run *run, const struct qn_op *op,
                                  struct qn_array *a, struct side *l,
                                  struct side *r, struct qn_chunk **out_copy)
{
    const struct qn_array *b = qn_in(run, op, 1);
    if (quern_node_int(op->node, "transA", 0) != 0) {
        struct qn_array t = *a;
        t.dims[0] = a->dims[1];
        t.dims[1] = a->dims[0];
        t.strides[0] = a->strides[1];
        t.strides[1] = a->strides[0];
        *out_copy = qn_scratch(run, (size_t)a->len * 4);
        if (*out_copy == NULL) {
            return qn_op_missing(run, op);
        }
        *a = t;
        a->data = (*out_copy)->data;
        qn_array_pack_strides(a);
        qn_array_copy(a, &t);
    }
    *l = side_of(a, true);
    *r = side_of(b, false);
    if (quern_node_int(op->node, "transB", 0) != 0) {
        struct side s = *r;
        r->rows = s.columns;
        r->columns = s.rows;
        r->row_stride = s.column_stride;
        r->column_stride = s.row_stride;
    }
    return l->columns == r->rows ? QUERN_OK
                                 : qn_op_fail(run, op, QUERN_INVALID_MODEL,
                                              "inner dimensions differ");
}

/* C is left out, or broadcasts to [m, n]. */
static bool fits_result(const struct qn_array *c, int64_t m, int64_t n)
{
    const int64_t dims[2] = {m, n};
    for (int i = 0; c != NULL && i < c->rank; i++) {
        if (c->dims[i] != 1 && c->dims[i] != dims[2 - c->rank + i]) {
            return false;
        }
    }
    return true;
}

/* C is a row that the sums can begin with. */
static bool is_bias(const struct qn_array *c, int64_t n)
{
    return c != NULL && c->rank > 0 && n > 1 && c->len == n &&
           c->dims[c->rank - 1] == n && qn_array_is_packed(c);
}

static enum quern_code gemm_run(struct qn_run *run, const struct qn_op *op,
                                const struct qn_array *a, const struct side *l,
                                const struct side *r)
{
    const struct packed *p = op->state;
    const struct qn_array *b = qn_in(run, op, 1);
    const struct qn_array *c = qn_in(run, op, 2);
    float alpha = quern_node_float(op->node, "alpha", 1.0f);
    float beta = quern_node_float(op->node, "beta", 1.0f);
    bool ones = alpha >= 1.0f && alpha <= 1.0f && beta >= 1.0f && beta <= 1.0f;
    struct packed job = *p;
    int64_t dims[2] = {l->rows, r->columns};
    struct qn_array *y = NULL;
    struct qn_chunk *room = NULL;
    if (!fits_result(c, l->rows, r->columns)) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "C does not broadcast to [%lld, %lld]",
                          (long long)l->rows, (long long)r->columns);
    }
    enum quern_code code = qn_out(run, op, 0, a->dtype, 2, dims, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    if (y->len == 0) {
        return qn_posts_run(run, op, 0); /* an Add may give other dims */
    }
    code = pack_room(run, op, l->columns, r->columns, &room);
    if (code != QUERN_OK) {
        return code;
    }
    if (ones && is_bias(c, r->columns)) {
        job.bias = (const float *)(const void *)c->data;
    }
    product(run, (const float *)(const void *)a->data, l,
            (const float *)(const void *)b->data, r, &job,
            room != NULL ? (float *)(void *)room->data : NULL,
            (float *)(void *)y->data);
    if (!ones || (c != NULL && job.bias == NULL)) {
        add_bias(y, c, alpha, beta);
    }
    qn_chunk_put(&run->chunks, room);
    return qn_posts_run(run, op, 0);
}

enum quern_code qn_op_gemm(struct qn_run *run, const struct qn_op *op)
{
    bool ta = quern_node_int(op->node, "transA", 0) != 0;
    const struct qn_array *x =
        ta ? qn_in(run, op, 0) : qn_in_packed(run, op, 0);
    const struct qn_array *b = qn_in(run, op, 1);
    const struct qn_array *c = qn_in(run, op, 2);
    if (x != NULL && b != NULL && x->rank == 2 && b->rank == 2 &&
        x->dtype != QUERN_FLOAT) {
        return qn_gemm_any(run, op);
    }
    if (x == NULL || b == NULL || x->rank != 2 || b->rank != 2 ||
        x->dtype != QUERN_FLOAT || b->dtype != QUERN_FLOAT ||
        (c != NULL && (c->rank > 2 || c->dtype != QUERN_FLOAT))) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED,
                          "needs float matrices of rank 2");
    }
    struct qn_array a = *x;
    struct qn_chunk *copy = NULL;
    struct side l = {0};
    struct side r = {0};
    enum quern_code code = gemm_sides(run, op, &a, &l, &r, &copy);
    if (code == QUERN_OK) {
        code = gemm_run(run, op, &a, &l, &r);
    }
    qn_chunk_put(&run->chunks, copy);
    return code;
}
