/* Products of rows of small integers (gram_kernel.h). Integer sums: any order
 * gives the same, so here the compiler may reduce as it likes. */
#include "quant/gram_kernel.h"

#include "quant/kernel.h"

enum { tile_rows = 32 }; /* 16 KiB of rows stay in the first cache */

QN_INLINE int32_t dot(const int16_t *a, const int16_t *b)
{
    int32_t sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int k = 0; k < QN_GRAM_BLOCK; k++) {
        sum += (int32_t)a[k] * (int32_t)b[k];
    }
    return sum;
}

QN_INLINE int32_t total(const int16_t *a)
{
    int32_t sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int k = 0; k < QN_GRAM_BLOCK; k++) {
        sum += (int32_t)a[k];
    }
    return sum;
}

QN_BY_CPU void qn_gram_block(const int16_t *rows, size_t n, int64_t *products,
                             int64_t *sums)
{
    for (size_t first = 0; first < n; first += tile_rows) {
        size_t end = first + tile_rows < n ? first + tile_rows : n;
        for (size_t i = first; i < n; i++) {
            size_t last = i + 1 < end ? i + 1 : end;
            const int16_t *row = rows + i * QN_GRAM_BLOCK;
            for (size_t j = first; j < last; j++) {
                products[i * n + j] += dot(row, rows + j * QN_GRAM_BLOCK);
            }
        }
    }
    for (size_t i = 0; i < n; i++) {
        sums[i] += total(rows + i * QN_GRAM_BLOCK);
    }
}
