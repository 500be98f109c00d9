/* Blocked Cholesky and the product under it (dense.h).
 *
 * Golub, Van Loan, Matrix Computations, 4th ed., section 4.2.9 (right-looking
 * blocked Cholesky). Nearly all time is in qn_multiply_subtract(), which keeps
 * a tile of 4 x 8 sums in registers.
 */
#include "quant/dense.h"

#include "quant/kernel.h"

#include <math.h>

#ifdef __clang__ /* gcc gets -ffp-contract=off */
#pragma STDC FP_CONTRACT OFF
#endif

enum { tile_rows = 4, tile_cols = 8 };

/* rows <= 4, all 8 columns. */
QN_INLINE void tile(double *c, size_t ldc, const double *a, size_t lda,
                    const double *b, size_t ldb, size_t rows, size_t k)
{
    double sums[tile_rows][tile_cols] = {{0.0}};
    for (size_t p = 0; p < k; p++) {
        const double *bp = b + p * ldb;
        for (size_t i = 0; i < rows; i++) {
            double x = a[i * lda + p];
#pragma omp simd
            for (int j = 0; j < tile_cols; j++) {
                sums[i][j] += x * bp[j];
            }
        }
    }
    for (size_t i = 0; i < rows; i++) {
#pragma omp simd
        for (int j = 0; j < tile_cols; j++) {
            c[i * ldc + (size_t)j] -= sums[i][j];
        }
    }
}

/* What fills no tile. Additions in the same order as in a tile. */
static void edge(double *c, size_t ldc, const double *a, size_t lda,
                 const double *b, size_t ldb, size_t m, size_t n, size_t k)
{
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            double sum = 0.0;
            for (size_t p = 0; p < k; p++) {
                sum += a[i * lda + p] * b[p * ldb + j];
            }
            c[i * ldc + j] -= sum;
        }
    }
}

QN_BY_CPU void qn_multiply_subtract(double *c, size_t ldc, const double *a,
                                    size_t lda, const double *b, size_t ldb,
                                    size_t m, size_t n, size_t k)
{
    size_t whole_m = m - m % tile_rows;
    size_t whole_n = n - n % tile_cols;
    for (size_t j = 0; j < whole_n; j += tile_cols) {
        for (size_t i = 0; i < whole_m; i += tile_rows) {
            tile(c + i * ldc + j, ldc, a + i * lda, lda, b + j, ldb, tile_rows,
                 k);
        }
    }
    edge(c + whole_n, ldc, a, lda, b + whole_n, ldb, whole_m, n - whole_n, k);
    edge(c + whole_m * ldc, ldc, a + whole_m * lda, lda, b, ldb, m - whole_m, n,
         k);
}

/* Factor of one diagonal block. */
static bool factor_block(double *a, size_t lda, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        double pivot = a[j * lda + j];
        for (size_t p = 0; p < j; p++) {
            pivot -= a[j * lda + p] * a[j * lda + p];
        }
        if (!(pivot > 0.0) || !isfinite(pivot)) {
            return false;
        }
        pivot = sqrt(pivot);
        a[j * lda + j] = pivot;
        for (size_t i = j + 1; i < n; i++) {
            double x = a[i * lda + j];
            for (size_t p = 0; p < j; p++) {
                x -= a[i * lda + p] * a[j * lda + p];
            }
            a[i * lda + j] = x / pivot;
        }
    }
    return true;
}

/* X of X L^T = A for the m rows below a factored block, in place; the result
 * also goes into the columns of `turned` [n, m]. Eight rows at a time, so that
 * the recurrence runs in lanes. */
QN_BY_CPU static void solve_panel(const double *l, size_t lda, size_t n,
                                  double *a, size_t m, double *turned)
{
    for (size_t p = 0; p < n; p++) {
        for (size_t i = 0; i < m; i++) {
            turned[p * m + i] = a[i * lda + p];
        }
    }
    for (size_t j = 0; j < n; j++) {
        double *row = turned + j * m;
        double inverse = 1.0 / l[j * lda + j];
#pragma omp simd
        for (size_t i = 0; i < m; i++) {
            row[i] *= inverse;
        }
        for (size_t p = j + 1; p < n; p++) {
            double x = l[p * lda + j];
            double *other = turned + p * m;
#pragma omp simd
            for (size_t i = 0; i < m; i++) {
                other[i] -= x * row[i];
            }
        }
    }
    for (size_t i = 0; i < m; i++) {
        for (size_t p = 0; p < n; p++) {
            a[i * lda + p] = turned[p * m + i];
        }
    }
}

bool qn_cholesky(double *a, size_t n, double *scratch)
{
    for (size_t k = 0; k < n; k += QN_DENSE_BLOCK) {
        size_t left = n - k;
        size_t width = left < QN_DENSE_BLOCK ? left : QN_DENSE_BLOCK;
        size_t m = left - width; /* rows below */
        double *panel = a + (k + width) * n + k;
        if (!factor_block(a + k * n + k, n, width)) {
            return false;
        }
        solve_panel(a + k * n + k, n, width, panel, m, scratch);
        /* the lower triangle of what is left, by blocks of rows */
        for (size_t i = 0; i < m; i += QN_DENSE_BLOCK) {
            size_t rows = m - i < QN_DENSE_BLOCK ? m - i : QN_DENSE_BLOCK;
            qn_multiply_subtract(panel + i * n + width, n, panel + i * n, n,
                                 scratch, m, rows, i + rows, width);
        }
    }
    return true;
}
