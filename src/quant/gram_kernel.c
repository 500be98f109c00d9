/* Products of rows of small integers (gram_kernel.h). Integer sums: any order
 * gives the same, so here the compiler may reduce as it likes. */
#include "quant/gram_kernel.h"

#include "quant/kernel.h"

#include <string.h>

enum { tile_rows = 32 }; /* 16 KiB of rows stay in the first cache */

QN_BY_CPU void qn_gram_codes(float *x, size_t n, float inverse, int16_t *codes)
{
    const float most = QN_GRAM_MOST;
    for (size_t i = 0; i < n; i++) { /* for itself: both at once is scalar */
        uint32_t bits;
        float v = x[i] * inverse;
        v = v < -most ? -most : v;
        v = v > most ? most : v;
        memcpy(&bits, &v, sizeof bits);
        bits &= -(uint32_t)((bits & 0x7FFFFFFFU) <= 0x7F800000U);
        memcpy(&x[i], &bits, sizeof bits);
    }
    for (size_t i = 0; i < n; i++) {
        /* A sum that leaves no room for the fraction. */
        codes[i] = (int16_t)(int32_t)((x[i] + 0x1.8p23F) - 0x1.8p23F);
    }
}

QN_INLINE int32_t dot(const int16_t *a, const int16_t *b, size_t len)
{
    int32_t sum = 0;
    for (size_t k = 0; k < len; k++) {
        sum += (int32_t)a[k] * (int32_t)b[k];
    }
    return sum;
}

QN_INLINE int32_t total(const int16_t *a, size_t len)
{
    int32_t sum = 0;
    for (size_t k = 0; k < len; k++) {
        sum += (int32_t)a[k];
    }
    return sum;
}

/* Products of rows i, i + 1 with rows j, j + 1: each is read once for two. */
QN_INLINE void add_four(const int16_t *rows, size_t n, size_t len, size_t i,
                        size_t j, int64_t *products)
{
    const int16_t *a = rows + i * len;
    const int16_t *b = rows + j * len;
    int32_t aa = 0;
    int32_t ab = 0;
    int32_t ba = 0;
    int32_t bb = 0;
    for (size_t k = 0; k < len; k++) {
        int32_t x = a[k];
        int32_t y = a[k + len];
        int32_t u = b[k];
        int32_t v = b[k + len];
        aa += x * u;
        ab += x * v;
        ba += y * u;
        bb += y * v;
    }
    products[i * n + j] += aa;
    products[i * n + j + 1] += i == j ? 0 : ab; /* the lower triangle */
    products[(i + 1) * n + j] += ba;
    products[(i + 1) * n + j + 1] += bb;
}

QN_BY_CPU void qn_gram_block(const int16_t *rows, size_t n, size_t len,
                             int64_t *products, int64_t *sums)
{
    size_t even = n - n % 2;
    for (size_t first = 0; first < even; first += tile_rows) {
        size_t end = first + tile_rows < even ? first + tile_rows : even;
        for (size_t i = first; i < even; i += 2) {
            size_t last = i + 2 < end ? i + 2 : end;
            for (size_t j = first; j < last; j += 2) {
                add_four(rows, n, len, i, j, products);
            }
        }
    }
    for (size_t j = 0; even < n && j < n; j++) {
        products[even * n + j] += dot(rows + even * len, rows + j * len, len);
    }
    for (size_t i = 0; i < n; i++) {
        sums[i] += total(rows + i * len, len);
    }
}
