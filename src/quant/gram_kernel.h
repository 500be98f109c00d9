/* The hot loop of gram.c. */
#ifndef QUERN_QUANT_GRAM_KERNEL_H
#define QUERN_QUANT_GRAM_KERNEL_H

#include <stddef.h>
#include <stdint.h>

enum { QN_GRAM_BLOCK = 256 };

/** products[i * n + j] += sum of rows[i] * rows[j] for j <= i, and
 * sums[i] += sum of rows[i]; n rows of QN_GRAM_BLOCK numbers of at most 2047 in
 * magnitude. */
void qn_gram_block(const int16_t *rows, size_t n, int64_t *products,
                   int64_t *sums);

#endif
