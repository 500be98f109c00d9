/* Products of other types than float: Gemm of doubles and integers, and what
 * MatMul uses of it. */
#include "exec/nest.h"
#include "exec/ops.h"

#include <math.h>
#include <string.h>

int64_t qn_gemm_addend(const struct qn_array *c, int64_t i, int64_t j)
{
    int64_t at = 0;
    if (c->rank > 0 && c->dims[c->rank - 1] > 1) {
        at += j * c->strides[c->rank - 1];
    }
    if (c->rank > 1 && c->dims[0] > 1) {
        at += i * c->strides[0];
    }
    return at;
}

bool qn_gemm_fits(const struct qn_array *c, const int64_t *dims)
{
    for (int i = 0; c != NULL && i < c->rank; i++) {
        if (c->rank > 2 ||
            (c->dims[i] != 1 && c->dims[i] != dims[2 - c->rank + i])) {
            return false;
        }
    }
    return true;
}

bool qn_product_any(const struct qn_kernels *kernels, enum quern_dtype dtype,
                    const struct qn_any_product *p)
{
    void (*kernel)(const struct qn_any_product *) =
        dtype == QUERN_DOUBLE                           ? kernels->product_f64
        : dtype == QUERN_INT32 || dtype == QUERN_UINT32 ? kernels->product_u32
        : dtype == QUERN_INT64 || dtype == QUERN_UINT64 ? kernels->product_u64
                                                        : NULL;
    if (kernel != NULL && p != NULL) {
        kernel(p);
    }
    return kernel != NULL;
}

struct gemm {
    const struct qn_array *a;
    const struct qn_array *b;
    const struct qn_array *c; /* NULL: none */
    bool turn_a;
    bool turn_b;
    int64_t inner;
    int64_t dims[2];
};

/* The product of matrices of one type, in y. B is copied where its columns do
 * not lie next to each other. */
static enum quern_code multiply(struct qn_run *run, const struct qn_op *op,
                                const struct gemm *g, const struct qn_array *y)
{
    size_t size = qn_element_size(y->dtype);
    const int64_t *step = g->b->strides;
    int64_t row = step[g->turn_b ? 1 : 0];
    int64_t column = step[g->turn_b ? 0 : 1];
    int64_t n = g->dims[1];
    struct qn_chunk *room = NULL;
    struct qn_any_product p = {.m = (size_t)g->dims[0],
                               .n = (size_t)n,
                               .k = (size_t)g->inner,
                               .a = g->a->data,
                               .a_row = g->a->strides[g->turn_a ? 1 : 0],
                               .a_column = g->a->strides[g->turn_a ? 0 : 1],
                               .b = g->b->data,
                               .b_row = row,
                               .c = y->data};
    if (column != 1 && n > 1) {
        room = qn_scratch(run, (size_t)(g->inner * n) * size);
        if (room == NULL) {
            return qn_op_missing(run, op);
        }
        for (int64_t i = 0; i < g->inner * n; i++) {
            memcpy(room->data + (size_t)i * size,
                   g->b->data + (size_t)(i / n * row + i % n * column) * size,
                   size);
        }
        p.b = room->data;
        p.b_row = n;
    }
    bool good = qn_product_any(run->kernels, y->dtype, &p);
    qn_chunk_put(&run->chunks, room);
    return good ? QUERN_OK
                : qn_op_fail(run, op, QUERN_UNSUPPORTED, "inputs of type %s",
                             quern_dtype_name(y->dtype));
}

/* alpha y + beta c: integers in integers, which wrap, where factors are whole
 * numbers. */
static void add_scaled(const struct gemm *g, double alpha, double beta,
                       const struct qn_array *y)
{
    bool whole = qn_is_whole(y->dtype) && trunc(alpha) >= alpha &&
                 trunc(alpha) <= alpha && trunc(beta) >= beta &&
                 trunc(beta) <= beta;
    for (int64_t k = 0; k < y->len; k++) {
        int64_t at = g->c != NULL
                         ? qn_gemm_addend(g->c, k / g->dims[1], k % g->dims[1])
                         : 0;
        if (whole) {
            uint64_t sum =
                (uint64_t)(int64_t)alpha * (uint64_t)qn_load_int(y, k);
            sum += g->c != NULL ? (uint64_t)(int64_t)beta *
                                      (uint64_t)qn_load_int(g->c, at)
                                : 0;
            qn_store_int(y, k, (int64_t)sum);
        } else {
            qn_store(y, k,
                     alpha * qn_load(y, k) +
                         (g->c != NULL ? beta * qn_load(g->c, at) : 0.0));
        }
    }
}

enum quern_code qn_gemm_any(struct qn_run *run, const struct qn_op *op)
{
    struct gemm g = {
        .a = qn_in(run, op, 0),
        .b = qn_in(run, op, 1),
        .c = qn_in(run, op, 2),
        .turn_a = quern_node_int(op->node, "transA", 0) != 0,
        .turn_b = quern_node_int(op->node, "transB", 0) != 0,
    };
    double alpha = (double)quern_node_float(op->node, "alpha", 1.0f);
    double beta = (double)quern_node_float(op->node, "beta", 1.0f);
    struct qn_array *y = NULL;
    g.dims[0] = g.a->dims[g.turn_a ? 1 : 0];
    g.dims[1] = g.b->dims[g.turn_b ? 0 : 1];
    g.inner = g.a->dims[g.turn_a ? 0 : 1];
    if (g.inner != g.b->dims[g.turn_b ? 1 : 0] || g.b->dtype != g.a->dtype ||
        (g.c != NULL && g.c->dtype != g.a->dtype) ||
        !qn_gemm_fits(g.c, g.dims)) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "inner dimensions or types differ, or C does not "
                          "broadcast");
    }
    enum quern_code code = qn_out(run, op, 0, g.a->dtype, 2, g.dims, &y);
    if (code != QUERN_OK || y == NULL || y->len == 0) {
        return code;
    }
    code = multiply(run, op, &g, y);
    if (code == QUERN_OK) {
        add_scaled(&g, alpha, beta, y);
    }
    return code;
}
