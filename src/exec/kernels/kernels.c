/* Inner loops of the engine, compiled once for each CPU level (QN_LEVEL).
 *
 * Plain C that the compiler vectorises; results may differ in the last bits
 * between levels (fused multiply-add), never between runs or thread counts.
 * NaN and infinities pass through every function as IEEE 754 has them.
 */
#include "exec/kernels/level.h"

#include <math.h>
#include <string.h>

#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)

#if defined(__AVX512F__)
enum { WIDTH = 16 };
#elif defined(__AVX2__)
enum { WIDTH = 8 };
#else
enum { WIDTH = 4 };
#endif
typedef float vec
    __attribute__((vector_size(WIDTH * 4), aligned(4), may_alias));
typedef int32_t mask __attribute__((vector_size(WIDTH * 4)));

/* ----------------------------------------------------- scalar functions */

static inline float from_bits(int32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* e^x for |x| <= 88, else saturated to 0 or infinity by the callers' clamps.
 * x = n ln 2 + r, |r| <= ln 2 / 2; the polynomial is the Taylor series with
 * its last terms fitted (Cephes expf, Moshier); error below 1.5 ulp. */
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
    return p * from_bits(((int32_t)n + 127) << 23);
}

static inline float clamp(float x, float lo, float hi)
{
    x = x < lo ? lo : x; /* NaN stays */
    return x > hi ? hi : x;
}

/* Clamped in front of the conversion to int, which NaN would not survive. */
static inline float exp_any(float x)
{
    float y = exp_core(clamp(x == x ? x : 0.0f, -87.3f, 88.3762626f));
    y = x < -103.9f ? 0.0f : y;
    y = x > 88.7228394f ? INFINITY : y;
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

/* ------------------------------------------------------------ convolution */

static void depthwise_row(const float *x, size_t step, size_t dilation,
                          const float *w, size_t taps, float *y, size_t n)
{
    for (size_t t = 0; t < taps; t++) {
        float weight = w[t];
        const float *from = x + t * dilation;
        if (step == 1) {
            for (size_t i = 0; i < n; i++) {
                y[i] += weight * from[i];
            }
        } else {
            for (size_t i = 0; i < n; i++) {
                y[i] += weight * from[i * step];
            }
        }
    }
}

/* ------------------------------------------------------- sums and norms */

/* 32 partial sums, so that the order of adding is the same at every level. */
static float sum(const float *x, size_t n)
{
    float part[32] = {0};
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        for (size_t j = 0; j < 32; j++) {
            part[j] += x[i + j];
        }
    }
    for (size_t j = 0; i < n; i++, j++) {
        part[j] += x[i];
    }
    for (size_t half = 16; half > 0; half /= 2) {
        for (size_t j = 0; j < half; j++) {
            part[j] += part[j + half];
        }
    }
    return part[0];
}

/* Sums or maxima of rows, column by column, a vector of columns at a time.
 * The list is that of `x`, or x itself and a stride. */
static inline __attribute__((always_inline)) const float *
row_at(const float *const *list, const float *x, size_t stride, size_t k)
{
    return list != NULL ? list[k] : x + k * stride;
}

/* NaN wins and stays. */
static inline float larger(float a, float b)
{
    return ((b > a) | (b != b)) ? b : a;
}

static inline __attribute__((always_inline)) void
join_rows(const float *const *list, const float *x, size_t stride, size_t rows,
          bool max, float *y, size_t n)
{
    size_t at = 0;
    for (; at + WIDTH <= n; at += WIDTH) {
        vec acc = *(const vec *)(row_at(list, x, stride, 0) + at);
        for (size_t k = 1; k < rows; k++) {
            vec b = *(const vec *)(row_at(list, x, stride, k) + at);
            if (max) {
                mask take = (b > acc) | (b != b);
                acc = (vec)(((mask)b & take) | ((mask)acc & ~take));
            } else {
                acc += b;
            }
        }
        *(vec *)(y + at) = acc;
    }
    for (; at < n; at++) {
        float a = row_at(list, x, stride, 0)[at];
        for (size_t k = 1; k < rows; k++) {
            float b = row_at(list, x, stride, k)[at];
            a = max ? larger(a, b) : a + b;
        }
        y[at] = a;
    }
}

static void none(bool max, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = max ? -INFINITY : 0.0f;
    }
}

static void sum_stack(const float *x, size_t stride, size_t rows, float *y,
                      size_t n)
{
    if (rows == 0) {
        none(false, y, n);
        return;
    }
    join_rows(NULL, x, stride, rows, false, y, n);
}

static void sum_rows(const float *const *x, size_t rows, float *y, size_t n)
{
    if (rows == 0) {
        none(false, y, n);
        return;
    }
    join_rows(x, NULL, 0, rows, false, y, n);
}

static void max_rows(const float *const *x, size_t rows, float *y, size_t n)
{
    if (rows == 0) {
        none(true, y, n);
        return;
    }
    join_rows(x, NULL, 0, rows, true, y, n);
}

static float sum_squares(const float *x, size_t n)
{
    float part[32] = {0};
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        for (size_t j = 0; j < 32; j++) {
            part[j] += x[i + j] * x[i + j];
        }
    }
    for (size_t j = 0; i < n; i++, j++) {
        part[j] += x[i] * x[i];
    }
    for (size_t half = 16; half > 0; half /= 2) {
        for (size_t j = 0; j < half; j++) {
            part[j] += part[j + half];
        }
    }
    return part[0];
}

static float maximum(const float *x, size_t n)
{
    float part[32];
    for (size_t j = 0; j < 32; j++) {
        part[j] = -INFINITY;
    }
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        for (size_t j = 0; j < 32; j++) {
            part[j] = x[i + j] > part[j] ? x[i + j] : part[j];
        }
    }
    for (size_t j = 0; i < n; i++, j++) {
        part[j] = x[i] > part[j] ? x[i] : part[j];
    }
    for (size_t j = 1; j < 32; j++) {
        part[0] = part[j] > part[0] ? part[j] : part[0];
    }
    return part[0];
}

static void affine_rows(const float *x, const float *a, const float *b,
                        float *y, size_t rows, size_t n)
{
    for (size_t r = 0; r < rows; r++, x += n, y += n) {
        _Pragma("omp simd") for (size_t i = 0; i < n; i++)
        {
            y[i] = a[i] * x[i] + b[i];
        }
    }
}

static void softmax(const float *x, float *y, size_t n)
{
    float top = maximum(x, n);
    /* A row of -inf alone has no largest term: NaN, as in IEEE arithmetic. */
    for (size_t i = 0; i < n; i++) {
        y[i] = exp_any(x[i] - top);
    }
    float scale = 1.0f / sum(y, n);
    for (size_t i = 0; i < n; i++) {
        y[i] *= scale;
    }
}

static void layer_norm(const float *x, const float *scale, const float *bias,
                       float epsilon, float *y, size_t n)
{
    float mean = sum(x, n) / (float)n;
    for (size_t i = 0; i < n; i++) {
        y[i] = x[i] - mean;
    }
    float inverse = 1.0f / sqrtf(sum_squares(y, n) / (float)n + epsilon);
    for (size_t i = 0; i < n; i++) {
        float v = y[i] * inverse * scale[i];
        y[i] = bias != NULL ? v + bias[i] : v;
    }
}

static void rms_norm(const float *x, const float *scale, float epsilon,
                     float *y, size_t n)
{
    float inverse = 1.0f / sqrtf(sum_squares(x, n) / (float)n + epsilon);
    _Pragma("omp simd") for (size_t i = 0; i < n; i++)
    {
        y[i] = x[i] * inverse * scale[i];
    }
}

/* --------------------------------------------------------- quantization */

/* ONNX QuantizeLinear: round half to even of x / scale, plus zero point,
 * saturated. NaN becomes the zero point's low end as in ONNX Runtime. */
static void quantize(const float *x, float scale, int32_t zero, int32_t lo,
                     int32_t hi, int32_t *y, size_t n)
{
    float low = (float)(lo - zero);
    float high = (float)(hi - zero);
    for (size_t i = 0; i < n; i++) {
        float q = nearbyintf(x[i] / scale);
        q = q > low ? q : low;
        q = q < high ? q : high;
        y[i] = (int32_t)q + zero;
    }
}

static void quantize_u8(const float *x, float scale, int32_t zero, uint8_t *y,
                        size_t n)
{
    float low = (float)-zero;
    float high = (float)(255 - zero);
    for (size_t i = 0; i < n; i++) {
        float q = nearbyintf(x[i] / scale);
        q = q > low ? q : low;
        q = q < high ? q : high;
        y[i] = (uint8_t)((int32_t)q + zero);
    }
}

static void quantize_s8(const float *x, float scale, int32_t zero, int8_t *y,
                        size_t n)
{
    float low = (float)(-128 - zero);
    float high = (float)(127 - zero);
    for (size_t i = 0; i < n; i++) {
        float q = nearbyintf(x[i] / scale);
        q = q > low ? q : low;
        q = q < high ? q : high;
        y[i] = (int8_t)((int32_t)q + zero);
    }
}

static void dequantize_u8(const uint8_t *x, float scale, int32_t zero, float *y,
                          size_t n)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = (float)((int32_t)x[i] - zero) * scale;
    }
}

static void dequantize_s8(const int8_t *x, float scale, int32_t zero, float *y,
                          size_t n)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = (float)((int32_t)x[i] - zero) * scale;
    }
}

#define TEXT2(x) #x
#define TEXT(x) TEXT2(x)

const struct qn_kernels JOIN(qn_kernels, QN_LEVEL) = {
    .name = TEXT(QN_LEVEL),
    .unary =
        {
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
        },
    .binary =
        {
            [QN_ADD] = add_row,
            [QN_SUB] = sub_row,
            [QN_MUL] = mul_row,
            [QN_DIV] = div_row,
            [QN_POW] = pow_row,
            [QN_MIN] = min_row,
            [QN_MAX] = max_row,
            [QN_PRELU] = prelu_row,
            [QN_MOD] = mod_row,
            [QN_FMOD] = fmod_row,
        },
    .panel = JOIN(qn_gemm_panel, QN_LEVEL),
    .gemm = JOIN(qn_gemm, QN_LEVEL),
    .pack_b = JOIN(qn_pack_b, QN_LEVEL),
    .depthwise_row = depthwise_row,
    .affine_rows = affine_rows,
    .softmax = softmax,
    .layer_norm = layer_norm,
    .rms_norm = rms_norm,
    .sum = sum,
    .sum_rows = sum_rows,
    .max_rows = max_rows,
    .sum_stack = sum_stack,
    .sum_squares = sum_squares,
    .quantize = quantize,
    .quantize_u8 = quantize_u8,
    .quantize_s8 = quantize_s8,
    .dequantize_u8 = dequantize_u8,
    .dequantize_s8 = dequantize_s8,
};
