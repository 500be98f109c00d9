/* Counting bins with AVX-512 (observe_kernels.h). Behind Relu every other value
 * is zero: those are left out by instructions that plain C has no words for,
 * and counted by their number. */
#include "quant/observe_kernels.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#include <string.h>

enum { lanes = 16, block = 256 };

/* Bin numbers of those of n <= 16 values that are not zero. */
__attribute__((target("avx512f"))) static inline __m512i
number_some(const float *x, size_t n, __m512 width, __m512 inverse,
            __mmask16 *out_kept)
{
    __mmask16 there = (__mmask16)(n < lanes ? (1u << n) - 1u : 0xffffu);
    __m512 v = _mm512_maskz_loadu_ps(there, x);
    __m512i t = _mm512_cvttps_epi32(_mm512_mul_ps(v, inverse));
    __m512 edge = _mm512_mul_ps(_mm512_cvtepi32_ps(t), width);
    __mmask16 below = _mm512_cmp_ps_mask(v, edge, _CMP_LT_OQ);
    t = _mm512_mask_sub_epi32(t, below, t, _mm512_set1_epi32(1));
    t = _mm512_and_si512(t, _mm512_set1_epi32(QN_HIST_BINS - 1));
    *out_kept =
        _mm512_mask_cmp_ps_mask(there, v, _mm512_setzero_ps(), _CMP_NEQ_OQ);
    return _mm512_maskz_compress_epi32(*out_kept, t);
}

/* Two numbers a load: the loop waits for its loads and stores. */
static inline void bump(const int32_t *bins, size_t n, uint32_t *tables)
{
    uint32_t *other = tables + QN_HIST_SLOTS;
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        uint64_t pairs[2];
        memcpy(pairs, bins + i, sizeof pairs);
        tables[(uint32_t)pairs[0]]++;
        other[pairs[0] >> 32]++;
        tables[(uint32_t)pairs[1]]++;
        other[pairs[1] >> 32]++;
    }
    for (; i < n; i++) {
        tables[bins[i]]++;
    }
}

__attribute__((target("avx512f,popcnt"))) static void
count(const float *x, size_t n, float width, float inverse, uint32_t *tables)
{
    __m512 w = _mm512_set1_ps(width);
    __m512 by = _mm512_set1_ps(inverse);
    size_t n_counted = 0;
    int32_t bins[block + lanes];
    for (size_t done = 0; done < n; done += block) {
        size_t m = n - done < block ? n - done : block;
        size_t n_kept = 0;
        for (size_t i = 0; i < m; i += lanes) {
            __mmask16 kept;
            __m512i some = number_some(x + done + i, m - i, w, by, &kept);
            _mm512_storeu_si512(bins + n_kept, some);
            n_kept += (size_t)__builtin_popcount(kept);
        }
        bump(bins, n_kept, tables);
        n_counted += n_kept;
    }
    tables[QN_HIST_BINS] += (uint32_t)(n - n_counted);
}

bool qn_count_wide(const float *x, size_t n, float width, float inverse,
                   uint32_t *tables)
{
    if (!__builtin_cpu_supports("avx512f")) {
        return false;
    }
    count(x, n, width, inverse, tables);
    return true;
}
#else
bool qn_count_wide(const float *x, size_t n, float width, float inverse,
                   uint32_t *tables)
{
    (void)x;
    (void)n;
    (void)width;
    (void)inverse;
    (void)tables;
    return false;
}
#endif
