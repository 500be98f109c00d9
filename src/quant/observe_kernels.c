/* Hot loops of the observers (observe_kernels.h).
 *
 * Sums run in float over stretches of fixed length, in 16 lanes that are joined
 * pairwise, and in double from there on. The order of the additions is part of
 * the definition: no reductions by `omp simd`, whose order would be the
 * compiler's choice. Lane-wise code gives the same bits at any vector width, so
 * each loop is built twice where the system can choose at load time: for the
 * base instruction set and for AVX2 (which has no fused multiply-add).
 */
#include "quant/observe_kernels.h"

#include "quant/kernel.h"

#include <string.h>

#ifdef __clang__ /* gcc needs no telling in C17 mode */
#pragma STDC FP_CONTRACT OFF
#endif

enum {
    lanes = 16,
    stretch = 256, /* floats summed before the sum goes on in double */
    column_rows = 32,
    count_block = 256
};

/* Bits of QN_FILL_LIMIT: among non-negative floats bits order as values do,
 * infinities and NaN above all. */
static const int32_t fill_bits = 0x46000000;

QN_INLINE int32_t is_special(const float *x)
{
    int32_t bits;
    memcpy(&bits, x, sizeof bits);
    return (bits & INT32_MAX) >= fill_bits;
}

/* Lane l of all three joins what x[l] says. */
QN_INLINE void scan_step(const float *x, int n, float *lo, float *hi,
                         int32_t *bad)
{
#pragma omp simd
    for (int l = 0; l < n; l++) {
        float v = x[l];
        lo[l] = v < lo[l] ? v : lo[l];
        hi[l] = v > hi[l] ? v : hi[l];
        bad[l] |= is_special(x + l);
    }
}

/* Lane l takes lane l + n. */
QN_INLINE void scan_fold(int n, float *lo, float *hi, int32_t *bad)
{
#pragma omp simd
    for (int l = 0; l < n; l++) {
        lo[l] = lo[l + n] < lo[l] ? lo[l + n] : lo[l];
        hi[l] = hi[l + n] > hi[l] ? hi[l + n] : hi[l];
        bad[l] |= bad[l + n];
    }
}

QN_BY_CPU bool qn_row_scan(const float *x, size_t n, float *out_min,
                           float *out_max)
{
    float lo[lanes];
    float hi[lanes];
    int32_t bad[lanes] = {0};
    size_t i = 0;
    for (int l = 0; l < lanes; l++) {
        lo[l] = x[0];
        hi[l] = x[0];
    }
    for (; i + lanes <= n; i += lanes) {
        scan_step(x + i, lanes, lo, hi, bad);
    }
    scan_step(x + i, (int)(n - i), lo, hi, bad);
    for (int half = lanes / 2; half > 0; half /= 2) {
        scan_fold(half, lo, hi, bad);
    }
    *out_min = lo[0];
    *out_max = hi[0];
    return bad[0] == 0;
}

/* `width` columns, a constant where this is inlined. */
QN_INLINE bool scan_tile(const float *x, size_t rows, size_t channels,
                         int width, float *min, float *max)
{
    float lo[lanes], hi[lanes];
    int32_t bad[lanes] = {0};
    int32_t any = 0;
    for (int l = 0; l < width; l++) {
        lo[l] = min[l];
        hi[l] = max[l];
    }
    for (size_t r = 0; r < rows; r++) {
        scan_step(x + r * channels, width, lo, hi, bad);
    }
    for (int l = 0; l < width; l++) {
        min[l] = lo[l];
        max[l] = hi[l];
        any |= bad[l];
    }
    return any == 0;
}

QN_BY_CPU bool qn_column_scan(const float *x, size_t rows, size_t channels,
                              float *min, float *max)
{
    bool good = true;
    size_t c = 0;
    for (; c + 16 <= channels; c += 16) {
        good &= scan_tile(x + c, rows, channels, 16, min + c, max + c);
    }
    for (; c + 4 <= channels; c += 4) {
        good &= scan_tile(x + c, rows, channels, 4, min + c, max + c);
    }
    for (; c < channels; c++) {
        good &= scan_tile(x + c, rows, channels, 1, min + c, max + c);
    }
    return good;
}

QN_BY_CPU void qn_join_ends(const float *lo, const float *hi, size_t n,
                            float *min, float *second_min, float *max,
                            float *second_max)
{
#pragma omp simd
    for (size_t c = 0; c < n; c++) {
        float low = lo[c] + 0.0F;
        float high = hi[c] + 0.0F;
        float inner_low = min[c] > low ? min[c] : low;
        float inner_high = max[c] < high ? max[c] : high;
        second_min[c] = second_min[c] < inner_low ? second_min[c] : inner_low;
        second_max[c] = second_max[c] > inner_high ? second_max[c] : inner_high;
        min[c] = min[c] < low ? min[c] : low;
        max[c] = max[c] > high ? max[c] : high;
    }
}

QN_BY_CPU void qn_outer_ends(const float *lo, const float *hi, size_t n,
                             float *out_min, float *out_max)
{
    float low[lanes] = {0};
    float high[lanes] = {0};
    int32_t unused[lanes] = {0};
    size_t c = 0;
    for (; c + lanes <= n; c += lanes) {
#pragma omp simd
        for (int l = 0; l < lanes; l++) {
            low[l] = lo[c + (size_t)l] < low[l] ? lo[c + (size_t)l] : low[l];
            high[l] = hi[c + (size_t)l] > high[l] ? hi[c + (size_t)l] : high[l];
        }
    }
    for (; c < n; c++) {
        low[0] = lo[c] < low[0] ? lo[c] : low[0];
        high[0] = hi[c] > high[0] ? hi[c] : high[0];
    }
    for (int half = lanes / 2; half > 0; half /= 2) {
        scan_fold(half, low, high, unused);
    }
    *out_min = low[0];
    *out_max = high[0];
}

QN_BY_CPU float qn_row_pair_max(const float *a, const float *b, size_t n)
{
    float most[lanes] = {0};
    size_t i = 0;
    for (; i + lanes <= n; i += lanes) {
#pragma omp simd
        for (int l = 0; l < lanes; l++) {
            float v = a[i + (size_t)l] + b[i + (size_t)l];
            most[l] = v > most[l] ? v : most[l];
        }
    }
    for (; i < n; i++) {
        most[0] = a[i] + b[i] > most[0] ? a[i] + b[i] : most[0];
    }
    for (int l = 1; l < lanes; l++) {
        most[0] = most[l] > most[0] ? most[l] : most[0];
    }
    return most[0];
}

QN_BY_CPU void qn_column_pair_max(const float *x, size_t rows, size_t channels,
                                  float *max)
{
    for (size_t r = 0; r < rows; r++) {
        const float *row = x + r * channels;
#pragma omp simd
        for (size_t j = 0; j < channels / 2; j++) {
            float v = row[2 * j] + row[2 * j + 1];
            max[j] = v > max[j] ? v : max[j];
        }
    }
}

/* Bin numbers. x * inverse is exact unless it underflows, therefore the test
 * for negative fractions is made on the unscaled value. */
QN_INLINE void number_bins(const float *x, size_t n, float width, float inverse,
                           int32_t *out)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        int32_t t = (int32_t)(x[i] * inverse);
        int32_t bin = t - (x[i] < (float)t * width);
        int32_t zero = QN_HIST_BINS + (int32_t)(i & (QN_HIST_ZEROS - 1));
        bin &= QN_HIST_BINS - 1;
        out[i] = x[i] < 0.0F || x[i] > 0.0F ? bin : zero;
    }
}

QN_BY_CPU void qn_count(const float *x, size_t n, float width, float inverse,
                        uint32_t *tables)
{
    uint32_t *other = tables + QN_HIST_SLOTS;
    int32_t bins[count_block];
    for (size_t done = 0; done < n; done += count_block) {
        size_t m = n - done < count_block ? n - done : count_block;
        number_bins(x + done, m, width, inverse, bins);
        size_t i = 0;
        for (; i + 4 <= m; i += 4) {
            tables[bins[i]]++;
            other[bins[i + 1]]++;
            tables[bins[i + 2]]++;
            other[bins[i + 3]]++;
        }
        for (; i < m; i++) {
            tables[bins[i]]++;
        }
    }
}

QN_INLINE void sum_step(const float *x, int n, float *s, float *q)
{
#pragma omp simd
    for (int l = 0; l < n; l++) {
        s[l] += x[l];
        q[l] += x[l] * x[l];
    }
}

QN_INLINE void sum_fold(int n, float *s, float *q)
{
#pragma omp simd
    for (int l = 0; l < n; l++) {
        s[l] += s[l + n];
        q[l] += q[l + n];
    }
}

QN_BY_CPU void qn_row_sums(const float *x, size_t n, double *sum,
                           double *square)
{
    for (size_t done = 0; done < n; done += stretch) {
        size_t m = n - done < stretch ? n - done : stretch;
        const float *part = x + done;
        float s[lanes] = {0};
        float q[lanes] = {0};
        size_t i = 0;
        for (; i + lanes <= m; i += lanes) {
            sum_step(part + i, lanes, s, q);
        }
        sum_step(part + i, (int)(m - i), s, q);
        for (int half = lanes / 2; half > 0; half /= 2) {
            sum_fold(half, s, q);
        }
        *sum += (double)s[0];
        *square += (double)q[0];
    }
}

QN_INLINE void sum_tile(const float *x, size_t rows, size_t channels, int width,
                        double *sum, double *square)
{
    float s[lanes] = {0};
    float q[lanes] = {0};
    for (size_t r = 0; r < rows; r++) {
        sum_step(x + r * channels, width, s, q);
    }
    for (int l = 0; l < width; l++) {
        sum[l] += (double)s[l];
        square[l] += (double)q[l];
    }
}

QN_BY_CPU void qn_column_sums(const float *x, size_t rows, size_t channels,
                              double *sum, double *square)
{
    for (size_t done = 0; done < rows; done += column_rows) {
        size_t m = rows - done < column_rows ? rows - done : column_rows;
        const float *top = x + done * channels;
        size_t c = 0;
        for (; c + 16 <= channels; c += 16) {
            sum_tile(top + c, m, channels, 16, sum + c, square + c);
        }
        for (; c + 4 <= channels; c += 4) {
            sum_tile(top + c, m, channels, 4, sum + c, square + c);
        }
        for (; c < channels; c++) {
            sum_tile(top + c, m, channels, 1, sum + c, square + c);
        }
    }
}
