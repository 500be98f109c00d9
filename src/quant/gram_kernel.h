/* The hot loop of gram.c. */
#ifndef QUERN_QUANT_GRAM_KERNEL_H
#define QUERN_QUANT_GRAM_KERNEL_H

#include <stddef.h>
#include <stdint.h>

enum {
    QN_GRAM_BLOCK = 256, /* most numbers of a row */
    QN_GRAM_MOST = 2047, /* largest magnitude of one */
};

/** x * inverse in integers, half to even, clipped; NaN becomes 0.
 * @param x        spoiled
 * @param inverse  a power of two */
void qn_gram_codes(float *x, size_t n, float inverse, int16_t *codes);

/** products[i * n + j] += sum of rows[i] * rows[j] for j <= i, and
 * sums[i] += sum of rows[i]; n rows of `len` numbers. */
void qn_gram_block(const int16_t *rows, size_t n, size_t len, int64_t *products,
                   int64_t *sums);

#endif
