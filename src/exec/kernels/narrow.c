/* float16 and bfloat16 from float and back, without branches so that the
 * compiler makes vectors of it; compiled once for each CPU level (QN_LEVEL).
 * The numbers are those of base/numeric.c. */
#include "exec/kernels/level.h"

#include <string.h>

static inline uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

void QN_LEVELLED(qn_half_widen)(const uint16_t *x, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t rest = (uint32_t)(x[i] & 0x7fffu) << 13;
        /* The exponent of the one counts from 15, of the other from 127. */
        uint32_t finite = bits_of(float_of(rest) * 0x1p112f);
        uint32_t bits = rest >= 0x7c00u << 13 ? rest | 0x7f800000u : finite;
        y[i] = float_of(bits | (uint32_t)(x[i] & 0x8000u) << 16);
    }
}

void QN_LEVELLED(qn_half_narrow)(const float *x, uint16_t *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = bits_of(x[i]);
        uint32_t rest = bits & 0x7fffffffu;
        uint32_t even = rest >> 13 & 1u;
        uint32_t normal = (rest - (112u << 23) + 0xfffu + even) >> 13;
        /* Below 2^-14: the addition rounds to multiples of 2^-24. */
        uint32_t small = bits_of(float_of(rest) + 0.5f) - 0x3f000000u;
        uint32_t out = rest < 0x38800000u ? small : normal;
        out = rest >= 0x477ff000u ? 0x7c00u : out;
        out = rest > 0x7f800000u ? 0x7e00u | (rest >> 13 & 0x1ffu) : out;
        y[i] = (uint16_t)(out | (bits >> 16 & 0x8000u));
    }
}

void QN_LEVELLED(qn_bfloat16_widen)(const uint16_t *x, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = float_of((uint32_t)x[i] << 16);
    }
}

void QN_LEVELLED(qn_bfloat16_narrow)(const float *x, uint16_t *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = bits_of(x[i]);
        uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
        uint32_t nan = bits >> 16 | 0x40u;
        y[i] = (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
    }
}
