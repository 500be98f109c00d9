/* Inner loops over rows (sums, norms), and the table of all loops; compiled
 * once for each CPU level (QN_LEVEL). Element-wise loops are in eltwise.c,
 * products in gemm.c, codes in codes.c.
 *
 * Plain C that the compiler vectorises; results may differ in the last bits
 * between levels (fused multiply-add), never between runs or thread counts.
 * NaN and infinities pass through every function as IEEE 754 has them.
 */
#include "exec/kernels/level.h"
#include "exec/kernels/scalar.h"
#include "exec/kernels/vec.h"

#include <math.h>
#include <string.h>

typedef int32_t mask __attribute__((vector_size(WIDTH * 4)));

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

/* Partial sums, so that the order of adding is the same at every level. */
enum { N_PARTS = 32 };

static float sum(const float *x, size_t n)
{
    float part[N_PARTS] = {0};
    size_t i = 0;
    for (; i + N_PARTS <= n; i += N_PARTS) {
        for (size_t j = 0; j < N_PARTS; j++) {
            part[j] += x[i + j];
        }
    }
    for (size_t j = 0; i < n; i++, j++) {
        part[j] += x[i];
    }
    for (size_t half = N_PARTS / 2; half > 0; half /= 2) {
        for (size_t j = 0; j < half; j++) {
            part[j] += part[j + half];
        }
    }
    return part[0];
}

/* NaN wins and stays. */
static inline float larger(float a, float b)
{
    return ((b > a) | (b != b)) ? b : a;
}

/* Sums or maxima of rows, column by column, a vector of columns at a time. */
static inline __attribute__((always_inline)) void
join_rows(const float *const *x, size_t rows, bool max, float *y, size_t n)
{
    size_t at = 0;
    for (; at + WIDTH <= n; at += WIDTH) {
        vec acc = *(const vec *)(x[0] + at);
        for (size_t k = 1; k < rows; k++) {
            vec b = *(const vec *)(x[k] + at);
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
        float a = x[0][at];
        for (size_t k = 1; k < rows; k++) {
            float b = x[k][at];
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

static inline __attribute__((always_inline)) vec load(const float *x,
                                                      size_t width)
{
    vec v = {0};
    memcpy(&v, x, width * sizeof *x);
    return v;
}

/* What sum() makes of each column, by the same order of adding. Parts that
 * would stay 0 change no sum: few rows need few of them (a power of two). */
static inline __attribute__((always_inline)) void
sum_columns(const float *x, size_t stride, size_t rows, float *y, size_t width,
            size_t n_parts)
{
    vec part[N_PARTS];
    for (size_t j = 0; j < n_parts; j++) {
        part[j] = (vec){0};
        if (j < rows) {
            part[j] += load(x + j * stride, width);
        }
    }
    for (size_t k = n_parts; k < rows; k++) {
        part[k % n_parts] += load(x + k * stride, width);
    }
    for (size_t half = n_parts / 2; half > 0; half /= 2) {
        for (size_t j = 0; j < half; j++) {
            part[j] += part[j + half];
        }
    }
    memcpy(y, &part[0], width * sizeof *y);
}

static void sum_stack(const float *x, size_t stride, size_t rows, float *y,
                      size_t n)
{
    size_t at = 0;
    for (; at + WIDTH <= n; at += WIDTH) {
        if (rows <= 4) {
            sum_columns(x + at, stride, rows, y + at, WIDTH, 4);
        } else {
            sum_columns(x + at, stride, rows, y + at, WIDTH, N_PARTS);
        }
    }
    if (at < n) {
        sum_columns(x + at, stride, rows, y + at, n - at, N_PARTS);
    }
}

static void sum_rows(const float *const *x, size_t rows, float *y, size_t n)
{
    if (rows == 0) {
        none(false, y, n);
        return;
    }
    join_rows(x, rows, false, y, n);
}

static void max_rows(const float *const *x, size_t rows, float *y, size_t n)
{
    if (rows == 0) {
        none(true, y, n);
        return;
    }
    join_rows(x, rows, true, y, n);
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

#define TEXT2(x) #x
#define TEXT(x) TEXT2(x)

const struct qn_kernels QN_LEVELLED(qn_kernels) = {
    .name = TEXT(QN_LEVEL),
    .unary = QN_LEVELLED(qn_unary),
    .binary = QN_LEVELLED(qn_binary),
    .panel = QN_LEVELLED(qn_gemm_panel),
    .gemm = QN_LEVELLED(qn_gemm),
    .pack_b = QN_LEVELLED(qn_pack_b),
    .conv_rows = QN_LEVELLED(qn_conv_rows),
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
    .quantize = QN_LEVELLED(qn_quantize),
    .quantize_u8 = QN_LEVELLED(qn_quantize_u8),
    .quantize_s8 = QN_LEVELLED(qn_quantize_s8),
    .dequantize_u8 = QN_LEVELLED(qn_dequantize_u8),
    .dequantize_s8 = QN_LEVELLED(qn_dequantize_s8),
    .half_widen = QN_LEVELLED(qn_half_widen),
    .half_narrow = QN_LEVELLED(qn_half_narrow),
    .bfloat16_widen = QN_LEVELLED(qn_bfloat16_widen),
    .bfloat16_narrow = QN_LEVELLED(qn_bfloat16_narrow),
    .product_f64 = QN_LEVELLED(qn_product_f64),
    .product_u32 = QN_LEVELLED(qn_product_u32),
    .product_u64 = QN_LEVELLED(qn_product_u64),
    .dot_s16 = QN_LEVELLED(qn_dot_s16),
};
