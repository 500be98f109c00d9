/* Parameters of weights, and what their rounding does to the bias. */
#include <quern/quant.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "base/diag.h"
#include "quant/kernel.h"
#include "quant/observe_kernels.h"

#include <math.h>

/* Shrunken ranges that are tried: 1, 0.9875 … 0.5. */
enum { n_ratios = 41 };
static const double least_ratio = 0.5;

/* Adding 1.5 * 2^52 leaves no bits for the fraction: half to even for
 * |x| < 2^51, in a form that vectorizes. */
static double round_even(double x)
{
    return (x + 6755399441055744.0) - 6755399441055744.0;
}

/* Sum of squared errors of n weights. */
static double error_of(const struct quern_qparams *q, const float *w, size_t n)
{
    double scale = (double)q->scale;
    double inverse = 1.0 / scale;
    double lo = (double)(q->qmin - q->zero_point);
    double hi = (double)(q->qmax - q->zero_point);
    double sums[8] = {0.0};
    for (size_t i = 0; i < n; i++) {
        double x = (double)w[i] * inverse;
        x = x > lo ? x : lo;
        x = x < hi ? x : hi;
        double error = round_even(x) * scale - (double)w[i];
        sums[i % 8] += error * error;
    }
    return ((sums[0] + sums[4]) + (sums[1] + sums[5])) +
           ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

/* Best of the shrunken ranges; on a tie the wider one. */
static enum quern_code shrink(struct quern_context *context,
                              const struct quern_quant_options *options,
                              const float *w, size_t n, float lo, float hi,
                              struct quern_qparams *out)
{
    double best = error_of(out, w, n);
    enum quern_code code = QUERN_OK;
    for (int i = 1; i < n_ratios && code == QUERN_OK; i++) {
        double part = (1.0 - least_ratio) * (double)i / (double)(n_ratios - 1);
        float ratio = (float)(1.0 - part);
        struct quern_qparams tried;
        code = quern_qparams_of_range(context, options, lo * ratio, hi * ratio,
                                      &tried);
        double error = code == QUERN_OK ? error_of(&tried, w, n) : HUGE_VAL;
        if (error < best) {
            best = error;
            *out = tried;
        }
    }
    return code;
}

/* Range of weights that follow each other, zero included. */
static enum quern_code range_of(struct quern_context *context, const float *w,
                                size_t n, size_t channel, float *out_lo,
                                float *out_hi)
{
    float lo = 0.0F;
    float hi = 0.0F;
    if (n > 0 && qn_row_scan(w, n, &lo, &hi)) {
        *out_lo = fminf(lo, 0.0F);
        *out_hi = fmaxf(hi, 0.0F);
        return QUERN_OK;
    }
    lo = hi = 0.0F; /* something odd or large is there: one by one */
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(w[i])) {
            return quern_fail(context, QUERN_NUMERIC, NULL,
                              "weight %zu of channel %zu is %g; need finite "
                              "weights",
                              i, channel, (double)w[i]);
        }
        lo = fminf(lo, w[i]);
        hi = fmaxf(hi, w[i]);
    }
    *out_lo = lo;
    *out_hi = hi;
    return QUERN_OK;
}

/* Parameters of weights that follow each other. */
static enum quern_code choose_run(struct quern_context *context,
                                  const struct quern_quant_options *options,
                                  enum quern_weight_method method,
                                  const float *w, size_t n, size_t channel,
                                  struct quern_qparams *out)
{
    float lo = 0.0F;
    float hi = 0.0F;
    enum quern_code code = range_of(context, w, n, channel, &lo, &hi);
    if (code == QUERN_OK) {
        code = quern_qparams_of_range(context, options, lo, hi, out);
    }
    if (code == QUERN_OK && method == QUERN_WEIGHT_MSE) {
        code = shrink(context, options, w, n, lo, hi, out);
    }
    return code;
}

/* Min-max of each column of a matrix, in one sweep over it. *done is left false
 * where a weight is odd or large. */
static enum quern_code choose_columns(struct quern_context *context,
                                      const struct quern_quant_options *options,
                                      const float *weights, size_t rows,
                                      size_t channels,
                                      struct quern_qparams *out, bool *done)
{
    float *lo = qn_calloc_n(channels, 2 * sizeof *lo);
    if (lo == NULL) {
        return qn_no_memory(context);
    }
    float *hi = lo + channels;
    enum quern_code code = QUERN_OK;
    *done = qn_column_scan(weights, rows, channels, lo, hi);
    for (size_t c = 0; c < channels && *done && code == QUERN_OK; c++) {
        code = quern_qparams_of_range(context, options, lo[c], hi[c], &out[c]);
    }
    qn_free(lo);
    return code;
}

/* The weights of channel c, one after the other. */
static void gather(const float *weights, size_t outer, size_t channels,
                   size_t inner, size_t c, float *out)
{
    for (size_t o = 0; o < outer; o++) {
        const float *row = weights + (o * channels + c) * inner;
        for (size_t i = 0; i < inner; i++) {
            *out++ = row[i];
        }
    }
}

enum quern_code quern_weight_qparams(struct quern_context *context,
                                     const struct quern_quant_options *options,
                                     enum quern_weight_method method,
                                     bool per_tensor, const float *weights,
                                     size_t outer, size_t channels,
                                     size_t inner,
                                     struct quern_qparams *out_qparams)
{
    enum quern_code code = QUERN_OK;
    size_t run;
    if (!qn_mul(outer, inner, &run) || !qn_mul(run, channels, &(size_t){0})) {
        return quern_fail(context, QUERN_LIMIT, NULL,
                          "%zu x %zu x %zu weights overflow", outer, channels,
                          inner);
    }
    if (per_tensor && channels > 0) {
        code = choose_run(context, options, method, weights, run * channels, 0,
                          out_qparams);
        for (size_t c = 1; c < channels && code == QUERN_OK; c++) {
            out_qparams[c] = out_qparams[0];
        }
        return code;
    }
    bool done = false;
    if (method == QUERN_WEIGHT_MINMAX && inner == 1 && channels > 0) {
        code = choose_columns(context, options, weights, outer, channels,
                              out_qparams, &done);
    }
    if (done || code != QUERN_OK) {
        return code;
    }
    float *channel = outer == 1 ? NULL : qn_calloc_n(run, sizeof *channel);
    if (outer != 1 && channel == NULL) {
        return qn_no_memory(context);
    }
    for (size_t c = 0; c < channels && code == QUERN_OK; c++) {
        const float *w = weights + c * inner;
        if (channel != NULL) {
            gather(weights, outer, channels, inner, c, channel);
            w = channel;
        }
        code = choose_run(context, options, method, w, run, c, &out_qparams[c]);
    }
    qn_free(channel);
    return code;
}

/* Rows whose sums run side by side: those that lie next to each other are read
 * together, others at least do not wait for each other. */
enum { next_rows = 16, apart_rows = 4 };

/* What a shift is made of. */
struct shift {
    const struct quern_weight_shape *shape;
    const struct quern_qparams *qparams;
    const float *weights;
    const int8_t *codes;
    const double *mean; /* of the inputs of all groups */
    const double *tap_weight;
};

/* Shift of n <= next_rows rows of a group, each summed over the columns in
 * order. `n` is a constant where this is inlined, but for what is left over. */
QN_INLINE void shift_of_rows(const struct shift *s, size_t first, size_t n,
                             double *out)
{
    const struct quern_weight_shape *shape = s->shape;
    size_t taps = shape->taps > 1 ? shape->taps : 1;
    size_t channels = shape->cols / taps;
    const double *mean = s->mean + first / shape->rows * channels;
    double sums[next_rows] = {0.0};
    double scale[next_rows];
    int32_t zero[next_rows];
    size_t column = first * shape->row_stride;
    size_t tap = 0;
    for (size_t r = 0; r < n; r++) {
        scale[r] = (double)s->qparams[first + r].scale;
        zero[r] = s->qparams[first + r].zero_point;
    }
    for (size_t k = 0; k < shape->cols; k++, column += shape->col_stride) {
        double part = s->tap_weight != NULL ? s->tap_weight[tap] : 1.0;
        double x = *mean;
        for (size_t r = 0; r < n; r++) {
            size_t at = column + r * shape->row_stride;
            double kept = (double)(s->codes[at] - zero[r]) * scale[r];
            sums[r] += ((double)s->weights[at] - kept) * x * part;
        }
        if (++tap == taps) {
            tap = 0;
            mean++;
        }
    }
    for (size_t r = 0; r < n; r++) {
        out[r] = sums[r];
    }
}

void quern_weight_bias_shift(const struct quern_weight_shape *shape,
                             const struct quern_qparams *qparams,
                             const float *weights, const int8_t *codes,
                             const double *mean, const double *tap_weight,
                             double *out_shift)
{
    struct shift shift = {shape, qparams, weights, codes, mean, tap_weight};
    size_t most = shape->row_stride == 1 ? next_rows : apart_rows;
    for (size_t g = 0; g < shape->groups; g++) {
        for (size_t r = 0; r < shape->rows; r += most) {
            size_t left = shape->rows - r;
            size_t first = g * shape->rows + r;
            double *out = out_shift + first;
            if (left >= next_rows && most == next_rows) {
                shift_of_rows(&shift, first, next_rows, out);
            } else if (left >= apart_rows && most == apart_rows) {
                shift_of_rows(&shift, first, apart_rows, out);
            } else {
                shift_of_rows(&shift, first, left < most ? left : most, out);
            }
        }
    }
}

/* Part of the output positions of one axis at which kernel position `tap`
 * reads inside [0, input). */
static double inside_part(int64_t input, int64_t output, int64_t stride,
                          int64_t dilation, int64_t pad, int64_t tap)
{
    int64_t n_inside = 0;
    for (int64_t o = 0; o < output; o++) {
        int64_t at = o * stride - pad + tap * dilation;
        n_inside += at >= 0 && at < input;
    }
    return (double)n_inside / (double)output;
}

bool quern_conv_tap_weights(int rank, const int64_t *input,
                            const int64_t *output, const int64_t *kernel,
                            const int64_t *strides, const int64_t *dilations,
                            const int64_t *pads_begin, double *out_weights)
{
    const int64_t most = (int64_t)1 << 24; /* products stay in range */
    size_t done = 1;
    if (rank < 1 || rank > 3) {
        return false;
    }
    for (int a = 0; a < rank; a++) {
        bool is_good = input[a] > 0 && output[a] > 0 && kernel[a] > 0 &&
                       strides[a] > 0 && dilations[a] > 0 && input[a] <= most &&
                       output[a] <= most && kernel[a] <= most &&
                       strides[a] <= most && dilations[a] <= most &&
                       pads_begin[a] >= -most && pads_begin[a] <= most;
        if (!is_good) {
            return false;
        }
    }
    out_weights[0] = 1.0;
    for (int a = 0; a < rank; a++) {
        size_t n = (size_t)kernel[a];
        for (size_t i = done; i-- > 0;) { /* backwards: in place */
            double before = out_weights[i];
            for (size_t t = n; t-- > 0;) {
                out_weights[i * n + t] =
                    before * inside_part(input[a], output[a], strides[a],
                                         dilations[a], pads_begin[a],
                                         (int64_t)t);
            }
        }
        done *= n;
    }
    return true;
}
