/* Loop nests over arrays that broadcast, and single elements of any type. */
#ifndef QUERN_EXEC_NEST_H
#define QUERN_EXEC_NEST_H

#include "exec/op.h"

enum { QN_NEST_ARRAYS = 5 };

/** Axes of up to five arrays, outermost first, neighbours joined where all
 * arrays run on. The last axis is the row. Strides are in elements. */
struct qn_nest {
    int n; /* at least 1 */
    int n_arrays;
    int64_t dims[QUERN_MAX_RANK];
    int64_t strides[QN_NEST_ARRAYS][QUERN_MAX_RANK];
};

/** Nest over `out` and `n` inputs that broadcast to its dims (aligned at the
 * last axis); array 0 is `out`. Axes stand in the order of out's strides. */
void qn_nest_init(struct qn_nest *nest, const struct qn_array *out,
                  const struct qn_array *const *in, int n);

/** Walks the rows of a nest. */
struct qn_rows {
    const struct qn_nest *nest;
    int64_t index[QUERN_MAX_RANK];
    int64_t at[QN_NEST_ARRAYS]; /* offset of the row's first element */
    bool done;
};
void qn_rows_init(struct qn_rows *rows, const struct qn_nest *nest);
void qn_rows_next(struct qn_rows *rows);

/** Length and steps of a row. */
static inline int64_t qn_row_len(const struct qn_nest *nest)
{
    return nest->dims[nest->n - 1];
}
static inline int64_t qn_row_step(const struct qn_nest *nest, int array)
{
    return nest->strides[array][nest->n - 1];
}

/** Dims that inputs broadcast to (multidirectional, ONNX). Reports a mismatch.
 */
enum quern_code qn_broadcast(struct qn_run *run, const struct qn_op *op,
                             const struct qn_array *const *in, int n,
                             int *out_rank, int64_t *out_dims)
    __attribute__((warn_unused_result));

/** Element at an offset (in elements) as a number, and back. Integers go
 * through int64, floating types through double. */
double qn_load(const struct qn_array *array, int64_t at);
int64_t qn_load_int(const struct qn_array *array, int64_t at);
void qn_store(const struct qn_array *array, int64_t at, double x);
void qn_store_int(const struct qn_array *array, int64_t at, int64_t x);

/** Integers and bool. */
bool qn_is_whole(enum quern_dtype dtype);

#endif
