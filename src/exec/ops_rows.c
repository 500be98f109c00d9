/* Operators that work row by row along one axis, in double: any floating type.
 * Softmax of float has loops of its own (ops_norm.c). */
#include "exec/nest.h"
#include "exec/ops.h"

#include <math.h>

enum { SOFTMAX, LOG_SOFTMAX, HARDMAX, LP_NORM };

static double greatest(const double *x, int64_t n)
{
    double top = -(double)INFINITY;
    for (int64_t i = 0; i < n; i++) {
        top = isnan(x[i]) || x[i] > top ? x[i] : top;
    }
    return top;
}

static void soft_row(double *x, int64_t n, bool logs)
{
    double top = greatest(x, n);
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) {
        x[i] -= top;
        sum += exp(x[i]);
    }
    double shift = log(sum);
    for (int64_t i = 0; i < n; i++) {
        x[i] = logs ? x[i] - shift : exp(x[i]) / sum;
    }
}

/* The first of the greatest is 1. */
static void hard_row(double *x, int64_t n)
{
    double top = greatest(x, n);
    bool found = false;
    for (int64_t i = 0; i < n; i++) {
        bool hit = !found && !(x[i] < top);
        found = found || hit;
        x[i] = hit ? 1.0 : 0.0;
    }
}

/* A row of zeros stays. */
static void norm_row(double *x, int64_t n, int64_t p)
{
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) {
        sum += p == 1 ? fabs(x[i]) : x[i] * x[i];
    }
    sum = p == 1 ? sum : sqrt(sum);
    for (int64_t i = 0; i < n; i++) {
        x[i] = sum < 0.0 || sum > 0.0 || isnan(sum) ? x[i] / sum : 0.0;
    }
}

static void one_row(const struct qn_op *op, double *x, int64_t n, int64_t p)
{
    switch (op->row->variant) {
    case HARDMAX:
        hard_row(x, n);
        break;
    case LP_NORM:
        norm_row(x, n, p);
        break;
    default:
        soft_row(x, n, op->row->variant == LOG_SOFTMAX);
        break;
    }
}

enum quern_code qn_axis_rows(struct qn_run *run, const struct qn_op *op,
                             bool flattens, int64_t *out_n, int64_t *out_step)
{
    const struct qn_array *x = qn_in_packed(run, op, 0);
    int64_t given = quern_node_int(op->node, "axis", flattens ? 1 : -1);
    /* Coerced to a matrix, as before opset 11, a vector has rows of one. */
    if (flattens && op->opset < 11 && x != NULL && given == x->rank) {
        *out_n = *out_step = 1;
        return QUERN_OK;
    }
    int axis = x != NULL ? qn_axis(run, op, given, x->rank) : -1;
    if (axis < 0) {
        return qn_op_missing(run, op);
    }
    *out_n = x->dims[axis];
    *out_step = flattens ? 1 : x->strides[axis];
    for (int i = axis + 1; flattens && i < x->rank; i++) {
        *out_n *= x->dims[i];
    }
    return QUERN_OK;
}

/* Softmax, LogSoftmax, Hardmax and LpNormalization (variants 0 to 3). */
enum quern_code qn_op_rows(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in_packed(run, op, 0);
    struct qn_array *y = NULL;
    bool lp = op->row->variant == LP_NORM;
    int64_t n = 0;
    int64_t step = 0;
    int64_t p = quern_node_int(op->node, "p", 2);
    if (x == NULL || !quern_dtype_is_float(x->dtype) || p < 1 || p > 2) {
        return qn_op_missing(run, op);
    }
    enum quern_code code =
        qn_axis_rows(run, op, op->opset < 13 && !lp, &n, &step);
    if (code == QUERN_OK) {
        code = qn_out(run, op, 0, x->dtype, x->rank, x->dims, &y);
    }
    if (code != QUERN_OK || y == NULL || x->len == 0) {
        return code;
    }
    struct qn_chunk *room = qn_scratch(run, (size_t)n * sizeof(double));
    if (room == NULL) {
        return qn_op_missing(run, op);
    }
    double *row = (double *)(void *)room->data;
    for (int64_t k = 0; k < x->len / n; k++) {
        int64_t at = k / step * step * n + k % step;
        for (int64_t i = 0; i < n; i++) {
            row[i] = qn_load(x, at + i * step);
        }
        one_row(op, row, n, p);
        for (int64_t i = 0; i < n; i++) {
            qn_store(y, at + i * step, row[i]);
        }
    }
    qn_chunk_put(&run->chunks, room);
    return QUERN_OK;
}
