/* Loop nests over arrays that broadcast; single elements of any type. */
#include "exec/nest.h"

#include "base/numeric.h"

#include <math.h>
#include <string.h>

enum quern_code qn_broadcast(struct qn_run *run, const struct qn_op *op,
                             const struct qn_array *const *in, int n,
                             int *out_rank, int64_t *out_dims)
{
    int rank = 0;
    for (int k = 0; k < n; k++) {
        rank = in[k]->rank > rank ? in[k]->rank : rank;
    }
    for (int i = 0; i < rank; i++) {
        int64_t dim = 1;
        for (int k = 0; k < n; k++) {
            int axis = i - (rank - in[k]->rank);
            int64_t d = axis >= 0 ? in[k]->dims[axis] : 1;
            if (d != 1 && dim != 1 && d != dim) {
                return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                                  "shapes do not broadcast: %lld against %lld "
                                  "in dimension %d",
                                  (long long)dim, (long long)d, i);
            }
            dim = d != 1 ? d : dim;
        }
        out_dims[i] = dim;
    }
    *out_rank = rank;
    return QUERN_OK;
}

/* Stride of an input along axis i of the output. */
static int64_t stride_of(const struct qn_array *a, int rank, int i)
{
    int axis = i - (rank - a->rank);
    return axis < 0 || a->dims[axis] == 1 ? 0 : a->strides[axis];
}

void qn_nest_init(struct qn_nest *nest, const struct qn_array *out,
                  const struct qn_array *const *in, int n)
{
    int order[QUERN_MAX_RANK];
    int n_axes = 0;
    memset(nest, 0, sizeof *nest);
    nest->n_arrays = n + 1;
    for (int i = 0; i < out->rank; i++) {
        if (out->dims[i] == 1) {
            continue;
        }
        int k = n_axes++;
        for (; k > 0 && out->strides[order[k - 1]] < out->strides[i]; k--) {
            order[k] = order[k - 1];
        }
        order[k] = i;
    }
    for (int k = 0; k < n_axes; k++) {
        int i = order[k];
        int64_t steps[QN_NEST_ARRAYS] = {out->strides[i]};
        for (int a = 0; a < n; a++) {
            steps[a + 1] = stride_of(in[a], out->rank, i);
        }
        bool runs_on = nest->n > 0;
        for (int a = 0; a <= n && runs_on; a++) {
            runs_on = nest->strides[a][nest->n - 1] == steps[a] * out->dims[i];
        }
        if (!runs_on) {
            nest->dims[nest->n++] = 1;
        }
        nest->dims[nest->n - 1] *= out->dims[i];
        for (int a = 0; a <= n; a++) {
            nest->strides[a][nest->n - 1] = steps[a];
        }
    }
    if (nest->n == 0) {
        nest->n = 1;
        nest->dims[0] = 1;
    }
    if (out->len == 0) {
        nest->dims[nest->n - 1] = 0;
    }
}

void qn_rows_init(struct qn_rows *rows, const struct qn_nest *nest)
{
    memset(rows, 0, sizeof *rows);
    rows->nest = nest;
    for (int i = 0; i < nest->n; i++) {
        rows->done = rows->done || nest->dims[i] == 0;
    }
}

void qn_rows_next(struct qn_rows *rows)
{
    const struct qn_nest *nest = rows->nest;
    for (int i = nest->n - 2; i >= 0; i--) {
        for (int a = 0; a < nest->n_arrays; a++) {
            rows->at[a] += nest->strides[a][i];
        }
        if (++rows->index[i] < nest->dims[i]) {
            return;
        }
        for (int a = 0; a < nest->n_arrays; a++) {
            rows->at[a] -= nest->strides[a][i] * nest->dims[i];
        }
        rows->index[i] = 0;
    }
    rows->done = true;
}

/* ------------------------------------------------------------- elements */

bool qn_is_whole(enum quern_dtype dtype)
{
    return dtype == QUERN_BOOL || quern_dtype_is_integer(dtype);
}

int64_t qn_load_int(const struct qn_array *array, int64_t at)
{
    return qn_array_int(array, at);
}

double qn_load(const struct qn_array *array, int64_t at)
{
    const unsigned char *p = array->data;
    switch ((int)array->dtype) {
    case QUERN_FLOAT:
        return (double)((const float *)(const void *)p)[at];
    case QUERN_DOUBLE:
        return ((const double *)(const void *)p)[at];
    case QUERN_FLOAT16:
        return (double)qn_half_to_float(
            ((const uint16_t *)(const void *)p)[at]);
    case QUERN_BFLOAT16:
        return (double)qn_bfloat16_to_float(
            ((const uint16_t *)(const void *)p)[at]);
    case QUERN_UINT64:
        return (double)((const uint64_t *)(const void *)p)[at];
    default:
        break;
    }
    if (quern_dtype_is_float(array->dtype)) {
        return (double)qn_small_to_float(array->dtype, p[at]);
    }
    return (double)qn_array_int(array, at);
}

void qn_store_int(const struct qn_array *array, int64_t at, int64_t x)
{
    size_t size = qn_element_size(array->dtype);
    memcpy(array->data + (size_t)at * size, &x, size); /* low bytes first */
}

void qn_store(const struct qn_array *array, int64_t at, double x)
{
    unsigned char *p = array->data;
    switch ((int)array->dtype) {
    case QUERN_FLOAT:
        ((float *)(void *)p)[at] = (float)x;
        return;
    case QUERN_DOUBLE:
        ((double *)(void *)p)[at] = x;
        return;
    case QUERN_FLOAT16:
        ((uint16_t *)(void *)p)[at] = qn_half_from_float((float)x);
        return;
    case QUERN_BFLOAT16:
        ((uint16_t *)(void *)p)[at] = qn_bfloat16_from_float((float)x);
        return;
    default:
        break;
    }
    if (quern_dtype_is_float(array->dtype)) {
        p[at] = qn_small_from_float(array->dtype, (float)x, true);
    } else if (array->dtype == QUERN_BOOL) {
        p[at] = x < 0.0 || x > 0.0 || isnan(x);
    } else {
        double lo = (double)qn_dtype_min(array->dtype);
        double hi = (double)qn_dtype_max(array->dtype);
        int64_t whole = isnan(x)  ? 0
                        : x <= lo ? qn_dtype_min(array->dtype)
                        : x >= hi ? qn_dtype_max(array->dtype)
                                  : (int64_t)x;
        qn_store_int(array, at, whole);
    }
}
