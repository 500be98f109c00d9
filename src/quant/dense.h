/* The little dense algebra that error feedback needs. In double, with a fixed
 * order of additions. */
#ifndef QUERN_QUANT_DENSE_H
#define QUERN_QUANT_DENSE_H

#include <stdbool.h>
#include <stddef.h>

/** Columns of a block; scratch of qn_cholesky() has this many rows. */
enum { QN_DENSE_BLOCK = 64 };

/** C -= A B for row-major C [m, n], A [m, k], B [k, n] with row lengths ldc,
 * lda, ldb. C overlaps neither. */
void qn_multiply_subtract(double *c, size_t ldc, const double *a, size_t lda,
                          const double *b, size_t ldb, size_t m, size_t n,
                          size_t k);

/** Lower Cholesky factor in place: A = L L^T for symmetric A [n, n], of which
 * only the lower triangle is read and written.
 * @param scratch  QN_DENSE_BLOCK * n numbers
 * @return false when A is not positive definite (or holds NaN); A is spoiled
 * then */
bool qn_cholesky(double *a, size_t n, double *scratch);

#endif
