/* Hot loops of the observers. Lane-wise IEEE arithmetic in a fixed order only,
 * so that results do not depend on how wide the compiler vectorizes. */
#ifndef QUERN_QUANT_OBSERVE_KERNELS_H
#define QUERN_QUANT_OBSERVE_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    QN_HIST_BINS = 4096, /* power of two: bin numbers wrap around in a table */
    QN_HIST_ZEROS = 32,  /* slots that count exact zeros */
    QN_HIST_SLOTS = QN_HIST_BINS + QN_HIST_ZEROS
};

/** Values of this magnitude and more are kept apart: fills of masks are -1e4
 * and beyond, but may have had a score added. A power of two. */
#define QN_FILL_LIMIT 8192.0F

/** Smallest and largest of n > 0 values.
 * @return false when a value is not finite or reaches QN_FILL_LIMIT; minimum
 * and maximum mean nothing then */
bool qn_row_scan(const float *x, size_t n, float *out_min, float *out_max);

/** The same for each of `channels` columns of `rows` rows, joined into min and
 * max. */
bool qn_column_scan(const float *x, size_t rows, size_t channels, float *min,
                    float *max);

/** Largest a[i] + b[i]; 0 when none is above. */
float qn_row_pair_max(const float *a, const float *b, size_t n);

/** Join the largest sum of columns 2 j and 2 j + 1 into max[j]. */
void qn_column_pair_max(const float *x, size_t rows, size_t channels,
                        float *max);

/** Count values in bins of width `width` = 2^e (and its inverse): bin
 * floor(x / width) modulo QN_HIST_BINS, exact zeros in slots of their own.
 * Two tables of QN_HIST_SLOTS, so that equal neighbours do not wait for each
 * other. The values passed a scan. */
void qn_count(const float *x, size_t n, float width, float inverse,
              uint32_t *tables);

/** The same counts, where the processor has AVX-512, but for which slots zeros
 * are in; else false, and nothing is counted. */
bool qn_count_wide(const float *x, size_t n, float width, float inverse,
                   uint32_t *tables);

/** Join what n channels reached in one call, lo and hi, into their lowest and
 * second lowest, highest and second highest. No NaN. -0 counts as 0: which of
 * the two a minimum is would depend on the order of values. */
void qn_join_ends(const float *lo, const float *hi, size_t n, float *min,
                  float *second_min, float *max, float *second_max);

/** Smallest of lo, largest of hi, and 0. */
void qn_outer_ends(const float *lo, const float *hi, size_t n, float *out_min,
                   float *out_max);

/** Sum and sum of squares of n values, added to *sum and *square. */
void qn_row_sums(const float *x, size_t n, double *sum, double *square);

/** The same for each of `channels` columns of `rows` rows. */
void qn_column_sums(const float *x, size_t rows, size_t channels, double *sum,
                    double *square);

#endif
