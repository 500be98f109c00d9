/* Parameters of weights, and what their rounding does to the bias. */
#include <quern/quant.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "base/diag.h"

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

/* Parameters of weights that follow each other. */
static enum quern_code choose_run(struct quern_context *context,
                                  const struct quern_quant_options *options,
                                  enum quern_weight_method method,
                                  const float *w, size_t n, size_t channel,
                                  struct quern_qparams *out)
{
    float lo = 0.0F;
    float hi = 0.0F;
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
    enum quern_code code =
        quern_qparams_of_range(context, options, lo, hi, out);
    if (code == QUERN_OK && method == QUERN_WEIGHT_MSE) {
        code = shrink(context, options, w, n, lo, hi, out);
    }
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

void quern_weight_bias_shift(const struct quern_weight_shape *shape,
                             const struct quern_qparams *qparams,
                             const float *weights, const int8_t *codes,
                             const double *mean, const double *tap_weight,
                             double *out_shift)
{
    size_t taps = shape->taps > 1 ? shape->taps : 1;
    size_t channels = shape->cols / taps; /* of a group */
    for (size_t row = 0; row < shape->groups * shape->rows; row++) {
        const struct quern_qparams *q = &qparams[row];
        const double *group_mean = mean + row / shape->rows * channels;
        double sum = 0.0;
        for (size_t k = 0; k < shape->cols; k++) {
            size_t at = row * shape->row_stride + k * shape->col_stride;
            double kept =
                (double)(codes[at] - q->zero_point) * (double)q->scale;
            double part = tap_weight != NULL ? tap_weight[k % taps] : 1.0;
            sum += ((double)weights[at] - kept) * group_mean[k / taps] * part;
        }
        out_shift[row] = sum;
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
