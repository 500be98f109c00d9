/* Inner loops, compiled for several CPU levels and chosen at run time. */
#ifndef QUERN_EXEC_KERNELS_LEVEL_H
#define QUERN_EXEC_KERNELS_LEVEL_H

#include "exec/accelerator.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum qn_unary {
    QN_RELU,
    QN_LEAKY_RELU, /* p0 slope */
    QN_SIGMOID,
    QN_TANH,
    QN_EXP,
    QN_LOG,
    QN_SQRT,
    QN_RECIPROCAL,
    QN_NEG,
    QN_ABS,
    QN_ERF,
    QN_HARD_SIGMOID, /* p0 alpha, p1 beta */
    QN_HARD_SWISH,
    QN_GELU, /* erf */
    QN_GELU_TANH,
    QN_SILU,
    QN_SWISH,  /* p0 alpha: x sigmoid(alpha x) */
    QN_SHRINK, /* p0 bias, p1 lambd */
    QN_SOFTPLUS,
    QN_SOFTSIGN,
    QN_ELU,  /* p0 alpha */
    QN_SELU, /* p0 alpha, p1 gamma */
    QN_CELU, /* p0 alpha */
    QN_MISH,
    QN_THRESHOLDED_RELU, /* p0 alpha */
    QN_CLIP,             /* p0 low, p1 high */
    QN_AFFINE,           /* p0 x + p1 */
    QN_FLOOR,
    QN_CEIL,
    QN_ROUND,
    QN_SIGN,
    QN_SIN,
    QN_COS,
    QN_TAN,
    QN_ASIN,
    QN_ACOS,
    QN_ATAN,
    QN_SINH,
    QN_COSH,
    QN_ASINH,
    QN_ACOSH,
    QN_ATANH,
    QN_N_UNARY,
};

enum qn_binary {
    QN_ADD,
    QN_SUB,
    QN_MUL,
    QN_DIV,
    QN_POW,
    QN_MIN,
    QN_MAX,
    QN_PRELU, /* a < 0 ? a * b : a */
    QN_MOD,   /* sign of the divisor */
    QN_FMOD,  /* sign of the dividend */
    QN_N_BINARY,
};

/** Steps of the operands of a row are 0 or 1. */
typedef void (*qn_unary_fn)(const float *x, float *y, size_t n, float p0,
                            float p1);
typedef void (*qn_binary_fn)(const float *a, size_t a_step, const float *b,
                             size_t b_step, float *y, size_t n);

/** C[m, n] = bias[n] + A[m, k] * B, or C += A * B. Rows of A and C are lda and
 * ldc apart. */
struct qn_product {
    size_t m;
    size_t n;
    size_t k;
    const float *a;
    size_t lda;
    const float *packed; /* B by pack_b */
    const float *bias;   /* NULL: 0 */
    bool add;
    float *c;
    size_t ldc;
};

/** Outputs of a convolution, `rows` times `columns` of them, n filters each:
 * y[o][j] = posts(bias[j] + sum over k and i of
 *                 x[first(o) + offsets[k] + i] * w[k * run + i][j]),
 * first(o) = row * row_step + column * column_step. */
struct qn_conv_rows {
    const float *x;
    size_t rows;
    size_t columns;
    size_t row_step; /* all steps and offsets in elements */
    size_t column_step;
    size_t n_runs;
    size_t run;
    const size_t *offsets;
    const float *packed; /* w in panels of panel() columns: pack_filters */
    const float *bias;   /* NULL: 0 */
    size_t n;
    float *y; /* outputs ldy apart, row after row */
    size_t ldy;
    int n_posts; /* of the kinds that qn_posts_fast takes */
    const struct qn_post *posts;
};

/** C[m, n], packed, = A B for doubles and integers, whose columns of B lie next
 * to each other. Steps in elements. */
struct qn_any_product {
    size_t m, n, k;
    const void *a;
    int64_t a_row, a_column;
    const void *b;
    int64_t b_row;
    void *c;
};

struct qn_kernels {
    const char *name;           /* "x86-64-v3" */
    const qn_unary_fn *unary;   /* by enum qn_unary */
    const qn_binary_fn *binary; /* by enum qn_binary */

    /** Columns of a panel of packed B. */
    size_t (*panel)(void);
    void (*gemm)(const struct qn_product *product);
    /** B[k, n] of float (element (i, j) at i * row + j * column, at any
     * address) into panels: k times n rounded up to whole panels. */
    void (*pack_b)(size_t k, size_t n, const void *b, int64_t row,
                   int64_t column, float *packed);
    void (*conv_rows)(const struct qn_conv_rows *conv);
    /** Depthwise row: y[i] += sum over taps of x[i * step + t * dilation] w[t].
     */
    void (*depthwise_row)(const float *x, size_t step, size_t dilation,
                          const float *w, size_t taps, float *y, size_t n);
    /** y[r][i] = a[i] x[r][i] + b[i]. */
    void (*affine_rows)(const float *x, const float *a, const float *b,
                        float *y, size_t rows, size_t n);
    void (*softmax)(const float *x, float *y, size_t n);
    /** y = (x - mean) / sqrt(var + epsilon) * scale + bias (bias may be NULL).
     */
    void (*layer_norm)(const float *x, const float *scale, const float *bias,
                       float epsilon, float *y, size_t n);
    /** y = x / sqrt(mean(x^2) + epsilon) * scale */
    void (*rms_norm)(const float *x, const float *scale, float epsilon,
                     float *y, size_t n);
    float (*sum)(const float *x, size_t n);
    /** y[i] = sum, or maximum, of x[k][i] over `rows` pointers (1 or more). */
    void (*sum_rows)(const float *const *x, size_t rows, float *y, size_t n);
    void (*max_rows)(const float *const *x, size_t rows, float *y, size_t n);
    /** y[i]: what sum() makes of x[i], x[i + stride], … to the last bit: how a
     * value lies in memory changes no result. */
    void (*sum_stack)(const float *x, size_t stride, size_t rows, float *y,
                      size_t n);
    float (*sum_squares)(const float *x, size_t n);
    /** Codes of QuantizeLinear in [lo, hi], stored as int32. */
    void (*quantize)(const float *x, float scale, int32_t zero, int32_t lo,
                     int32_t hi, int32_t *y, size_t n);
    void (*quantize_u8)(const float *x, float scale, int32_t zero, uint8_t *y,
                        size_t n);
    void (*quantize_s8)(const float *x, float scale, int32_t zero, int8_t *y,
                        size_t n);
    void (*dequantize_u8)(const uint8_t *x, float scale, int32_t zero, float *y,
                          size_t n);
    void (*dequantize_s8)(const int8_t *x, float scale, int32_t zero, float *y,
                          size_t n);
    /** float16 and bfloat16 as base/numeric.h has them. */
    void (*half_widen)(const uint16_t *x, float *y, size_t n);
    void (*half_narrow)(const float *x, uint16_t *y, size_t n);
    void (*bfloat16_widen)(const uint16_t *x, float *y, size_t n);
    void (*bfloat16_narrow)(const float *x, uint16_t *y, size_t n);
    /** Products of doubles, and of integers of 32 and 64 bits, which wrap. */
    void (*product_f64)(const struct qn_any_product *product);
    void (*product_u32)(const struct qn_any_product *product);
    void (*product_u64)(const struct qn_any_product *product);
    /** Sum of a[i] b[i], which wraps; numbers of magnitude 255 at most. */
    int32_t (*dot_s16)(const int16_t *a, const int16_t *b, size_t n);
};

/* The name of a part at the level that a file is compiled for. */
#define QN_LEVELLED(name) QN_LEVELLED_2(name, QN_LEVEL)
#define QN_LEVELLED_2(name, level) QN_LEVELLED_3(name, level)
#define QN_LEVELLED_3(name, level) name##_##level

/* The parts of a level that lie in files of their own. */
#define QN_LEVEL_PARTS(level)                                                  \
    extern const qn_unary_fn qn_unary_##level[QN_N_UNARY];                     \
    extern const qn_binary_fn qn_binary_##level[QN_N_BINARY];                  \
    size_t qn_gemm_panel_##level(void);                                        \
    void qn_gemm_##level(const struct qn_product *product);                    \
    void qn_pack_b_##level(size_t k, size_t n, const void *b, int64_t row,     \
                           int64_t column, float *packed);                     \
    void qn_conv_rows_##level(const struct qn_conv_rows *conv);                \
    void qn_quantize_##level(const float *x, float scale, int32_t zero,        \
                             int32_t lo, int32_t hi, int32_t *y, size_t n);    \
    void qn_quantize_u8_##level(const float *x, float scale, int32_t zero,     \
                                uint8_t *y, size_t n);                         \
    void qn_quantize_s8_##level(const float *x, float scale, int32_t zero,     \
                                int8_t *y, size_t n);                          \
    void qn_dequantize_u8_##level(const uint8_t *x, float scale, int32_t zero, \
                                  float *y, size_t n);                         \
    void qn_dequantize_s8_##level(const int8_t *x, float scale, int32_t zero,  \
                                  float *y, size_t n);                         \
    void qn_half_widen_##level(const uint16_t *x, float *y, size_t n);         \
    void qn_half_narrow_##level(const float *x, uint16_t *y, size_t n);        \
    void qn_bfloat16_widen_##level(const uint16_t *x, float *y, size_t n);     \
    void qn_bfloat16_narrow_##level(const float *x, uint16_t *y, size_t n);    \
    void qn_product_f64_##level(const struct qn_any_product *product);         \
    void qn_product_u32_##level(const struct qn_any_product *product);         \
    void qn_product_u64_##level(const struct qn_any_product *product);         \
    int32_t qn_dot_s16_##level(const int16_t *a, const int16_t *b, size_t n);
QN_LEVEL_PARTS(base)
#ifdef QN_LEVELS
QN_LEVEL_PARTS(v2)
QN_LEVEL_PARTS(v3)
QN_LEVEL_PARTS(v4)
#endif

/** The best level that this CPU runs, at most `level` ("v2", "v3", "v4"; NULL:
 * no bound). NULL: no such level. */
const struct qn_kernels *qn_kernels_best(const char *level);

extern const struct qn_kernels qn_kernels_base;
#ifdef QN_LEVELS
extern const struct qn_kernels qn_kernels_v2;
extern const struct qn_kernels qn_kernels_v3;
extern const struct qn_kernels qn_kernels_v4;
#endif

#endif
