/* Functions of one float that the compiler vectorises inside of loops. NaN and
 * infinities pass through as IEEE 754 has them. */
#ifndef QUERN_EXEC_KERNELS_SCALAR_H
#define QUERN_EXEC_KERNELS_SCALAR_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline float from_bits(int32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* e^x where it is a number above 0, those below FLT_MIN included.
 * x = n ln 2 + r, |r| <= ln 2 / 2; the polynomial is the Taylor series with
 * its last terms fitted (Cephes expf, Moshier); error below 1.5 ulp. 2^n is the
 * product of two powers, since 2^128 and 2^-150 are no floats. */
static inline float exp_core(float x)
{
    float n = nearbyintf(x * 1.44269504f);
    float r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    int32_t all = (int32_t)n;
    int32_t half = all / 2;
    return p * from_bits((half + 127) << 23) *
           from_bits((all - half + 127) << 23);
}

static inline float clamp(float x, float lo, float hi)
{
    x = x < lo ? lo : x; /* NaN stays */
    return x > hi ? hi : x;
}

/* What has no such e^x, NaN too, is left out of the conversion to int, which it
 * would not survive, and of products below FLT_MIN, which are slow: rows under
 * a mask are full of it. */
static inline float exp_any(float x)
{
    float lowest = -103.972077f;
    float highest = 88.7228394f;
    float y = exp_core(x >= lowest && x <= highest ? x : 0.0f);
    y = x < lowest ? 0.0f : y;
    y = x > highest ? INFINITY : y;
    return x == x ? y : x;
}

static inline float sigmoid(float x)
{
    return 1.0f / (1.0f + exp_any(-x));
}

/* Rational in the middle (Cephes tanhf, Moshier), by exp outside. */
static inline float tanh_any(float x)
{
    float s = x * x;
    float p = -5.70498872745e-3f;
    p = p * s + 2.06390887954e-2f;
    p = p * s - 5.37397155531e-2f;
    p = p * s + 1.33314422036e-1f;
    p = p * s - 3.33332819422e-1f;
    float inner = p * s * x + x;
    float a = fabsf(x);
    float outer = 1.0f - 2.0f / (exp_any(2.0f * a) + 1.0f);
    outer = copysignf(outer, x);
    return a < 0.625f ? inner : outer;
}

/* Minimax polynomials on both sides of 0.921875 (N. Juffa's coefficients);
 * error below 1.1 ulp. */
static inline float erf_any(float x)
{
    float t = fabsf(x);
    float s = x * x;
    float r = -1.72853470e-5f * t + 3.83197126e-4f;
    float u = -3.88396438e-3f * t + 2.42546219e-2f;
    r = r * s + u;
    r = r * t - 1.06777877e-1f;
    r = r * t - 6.34846687e-1f;
    r = r * t - 1.28717512e-1f;
    r = r * t - t;
    float outer = copysignf(1.0f - exp_any(r), x);
    float q = -5.96761703e-4f;
    q = q * s + 4.99119423e-3f;
    q = q * s - 2.67681349e-2f;
    q = q * s + 1.12819925e-1f;
    q = q * s - 3.76125336e-1f;
    q = q * s + 1.28379166e-1f;
    float inner = q * x + x;
    return t > 0.921875f ? (t > 4.0f ? copysignf(1.0f, x) : outer) : inner;
}

static inline float softplus(float x)
{
    return (x > 0.0f ? x : 0.0f) + log1pf(exp_any(-fabsf(x)));
}

#endif
