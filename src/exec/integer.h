/* What products and convolutions of 8-bit codes share. */
#ifndef QUERN_EXEC_INTEGER_H
#define QUERN_EXEC_INTEGER_H

#include "exec/op.h"

/** How the sums of a QLinear operator become codes. */
struct qn_requant {
    const struct qn_array *x_scale;
    const struct qn_array *w_scale;
    const struct qn_array *y_scale;
    const struct qn_array *y_zero;
};

/** Rows of codes: where they begin, and steps to the next row and code. */
struct qn_code_rows {
    int64_t at, rows, inner, row_step, step;
};

bool qn_is_code(const struct qn_array *a);

/** A zero point of x: none, one number, or one for each of n rows or columns.
 */
bool qn_is_zero_point(const struct qn_array *zero, const struct qn_array *x,
                      int64_t n);
int32_t qn_zero_at(const struct qn_array *zero, int64_t i);

bool qn_is_requant(const struct qn_requant *q, int64_t rows, int64_t columns);

/** Store a sum as element `at` of y: as a code, or as it is (q NULL). */
void qn_put_sum(const struct qn_requant *q, const struct qn_array *y,
                int64_t at, int32_t sum, int64_t row, int64_t column);

/** Codes less their zero points, one a row or for all. */
void qn_less_zero(const struct qn_array *x, const struct qn_code_rows *rows,
                  const struct qn_array *zero, int16_t *out);

#endif
