/* Element-wise rows of float, compiled once for each CPU level (QN_LEVEL). */
#include "exec/kernels/level.h"
#include "exec/kernels/scalar.h"

#include <math.h>

/* ---------------------------------------------------------------- unary */

#define UNARY(name, expression)                                                \
    static void name(const float *in, float *out, size_t n, float p0,          \
                     float p1)                                                 \
    {                                                                          \
        (void)p0;                                                              \
        (void)p1;                                                              \
        _Pragma("omp simd") for (size_t i = 0; i < n; i++)                     \
        {                                                                      \
            float x = in[i];                                                   \
            out[i] = (expression);                                             \
        }                                                                      \
    }

UNARY(relu, x < 0.0f ? 0.0f : x)
UNARY(leaky_relu, x < 0.0f ? p0 * x : x)
UNARY(sigmoid_row, sigmoid(x))
UNARY(tanh_row, tanh_any(x))
UNARY(exp_row, exp_any(x))
UNARY(log_row, logf(x))
UNARY(sqrt_row, sqrtf(x))
UNARY(reciprocal_row, 1.0f / x)
UNARY(neg_row, -x)
UNARY(abs_row, fabsf(x))
UNARY(erf_row, erf_any(x))
UNARY(hard_sigmoid, clamp(p0 *x + p1, 0.0f, 1.0f))
UNARY(hard_swish, x *clamp(x *(1.0f / 6.0f) + 0.5f, 0.0f, 1.0f))
UNARY(gelu, 0.5f * x * (1.0f + erf_any(x * 0.70710678f)))
UNARY(gelu_tanh,
      0.5f * x * (1.0f + tanh_any(0.79788456f * (x + 0.044715f * x * x * x))))
UNARY(affine, p0 *x + p1)
UNARY(silu, x *sigmoid(x))
UNARY(swish, x *sigmoid(p0 *x))
UNARY(softplus_row, softplus(x))
UNARY(softsign, x / (1.0f + fabsf(x)))
UNARY(elu, x < 0.0f ? p0 * expm1f(x) : x)
UNARY(selu, p1 *(x < 0.0f ? p0 * expm1f(x) : x))
UNARY(celu, x < 0.0f ? p0 * expm1f(x / p0) : x)
UNARY(mish, x *tanh_any(softplus(x)))
UNARY(thresholded_relu, x > p0 ? x : 0.0f)
UNARY(clip, clamp(x, p0, p1))
UNARY(floor_row, floorf(x))
UNARY(ceil_row, ceilf(x))
UNARY(round_row, nearbyintf(x))
UNARY(sign_row, x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x)
UNARY(sin_row, sinf(x))
UNARY(cos_row, cosf(x))
UNARY(tan_row, tanf(x))
UNARY(asin_row, asinf(x))
UNARY(acos_row, acosf(x))
UNARY(atan_row, atanf(x))
UNARY(sinh_row, sinhf(x))
UNARY(cosh_row, coshf(x))
UNARY(asinh_row, asinhf(x))
UNARY(acosh_row, acoshf(x))
UNARY(atanh_row, atanhf(x))

static inline float shrunk(float x, float bias, float lambd)
{
    return x < -lambd ? x + bias : x > lambd ? x - bias : 0.0f;
}

UNARY(shrink, shrunk(x, p0, p1))

/* --------------------------------------------------------------- binary */

/* The three cases that matter get loops of their own, which vectorise. The
 * output may be one of the inputs, element for element. */
#define BINARY(name, expression)                                               \
    static void name(const float *a, size_t a_step, const float *b,            \
                     size_t b_step, float *y, size_t n)                        \
    {                                                                          \
        if (a_step == 1 && b_step == 1) {                                      \
            _Pragma("omp simd") for (size_t i = 0; i < n; i++)                 \
            {                                                                  \
                float p = a[i];                                                \
                float q = b[i];                                                \
                y[i] = (expression);                                           \
            }                                                                  \
        } else if (a_step == 1) {                                              \
            float q = *b;                                                      \
            _Pragma("omp simd") for (size_t i = 0; i < n; i++)                 \
            {                                                                  \
                float p = a[i];                                                \
                y[i] = (expression);                                           \
            }                                                                  \
        } else {                                                               \
            float p = *a;                                                      \
            _Pragma("omp simd") for (size_t i = 0; i < n; i++)                 \
            {                                                                  \
                float q = b[i * b_step];                                       \
                y[i] = (expression);                                           \
            }                                                                  \
        }                                                                      \
    }

/* Small whole exponents are what models have; 2 and 0.5 must be exact. */
static inline float pow_any(float p, float q)
{
    return q == 2.0f ? p * p : q == 0.5f ? sqrtf(p) : powf(p, q);
}

static inline float mod_any(float p, float q)
{
    float r = fmodf(p, q);
    return r != 0.0f && (r < 0.0f) != (q < 0.0f) ? r + q : r;
}

BINARY(add_row, p + q)
BINARY(sub_row, p - q)
BINARY(mul_row, p *q)
BINARY(div_row, p / q)
BINARY(pow_row, pow_any(p, q))
BINARY(min_row, p != p ? p : q != q ? q : p < q ? p : q)
BINARY(max_row, p != p ? p : q != q ? q : p > q ? p : q)
BINARY(prelu_row, p < 0.0f ? p * q : p)
BINARY(mod_row, mod_any(p, q))
BINARY(fmod_row, fmodf(p, q))

/* --------------------------------------------------------------- tables */

const qn_unary_fn QN_LEVELLED(qn_unary)[QN_N_UNARY] = {
    [QN_RELU] = relu,
    [QN_LEAKY_RELU] = leaky_relu,
    [QN_SIGMOID] = sigmoid_row,
    [QN_TANH] = tanh_row,
    [QN_EXP] = exp_row,
    [QN_LOG] = log_row,
    [QN_SQRT] = sqrt_row,
    [QN_RECIPROCAL] = reciprocal_row,
    [QN_NEG] = neg_row,
    [QN_ABS] = abs_row,
    [QN_ERF] = erf_row,
    [QN_HARD_SIGMOID] = hard_sigmoid,
    [QN_HARD_SWISH] = hard_swish,
    [QN_GELU] = gelu,
    [QN_GELU_TANH] = gelu_tanh,
    [QN_SILU] = silu,
    [QN_SWISH] = swish,
    [QN_SHRINK] = shrink,
    [QN_SOFTPLUS] = softplus_row,
    [QN_SOFTSIGN] = softsign,
    [QN_ELU] = elu,
    [QN_SELU] = selu,
    [QN_CELU] = celu,
    [QN_MISH] = mish,
    [QN_THRESHOLDED_RELU] = thresholded_relu,
    [QN_CLIP] = clip,
    [QN_AFFINE] = affine,
    [QN_FLOOR] = floor_row,
    [QN_CEIL] = ceil_row,
    [QN_ROUND] = round_row,
    [QN_SIGN] = sign_row,
    [QN_SIN] = sin_row,
    [QN_COS] = cos_row,
    [QN_TAN] = tan_row,
    [QN_ASIN] = asin_row,
    [QN_ACOS] = acos_row,
    [QN_ATAN] = atan_row,
    [QN_SINH] = sinh_row,
    [QN_COSH] = cosh_row,
    [QN_ASINH] = asinh_row,
    [QN_ACOSH] = acosh_row,
    [QN_ATANH] = atanh_row,
};

const qn_binary_fn QN_LEVELLED(qn_binary)[QN_N_BINARY] = {
    [QN_ADD] = add_row,   [QN_SUB] = sub_row,     [QN_MUL] = mul_row,
    [QN_DIV] = div_row,   [QN_POW] = pow_row,     [QN_MIN] = min_row,
    [QN_MAX] = max_row,   [QN_PRELU] = prelu_row, [QN_MOD] = mod_row,
    [QN_FMOD] = fmod_row,
};
