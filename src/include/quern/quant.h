/** @file quant.h
 * The numbers of quantization: arrays in, arrays out, no graph.
 * Tier: experimental.
 *
 * Reading order: parameters (scale, zero point), arrays (quantize,
 * dequantize), statistics of a tensor, ranges out of statistics, weights,
 * second moments, noise model, measures of error.
 *
 * An array with channels is described by three numbers wherever one is asked
 * for: element (o, c, i) of [outer, channels, inner] lies at
 * data[(o * channels + c) * inner + i]. Conv weights [M, C, kH, kW] by output
 * channel: (1, M, C*kH*kW); MatMul [K, N] by column: (K, N, 1); activations
 * [N, C, H, W] of one sample: (1, C, H*W); the same lying as NHWC:
 * (H*W, C, 1).
 *
 * All results are the same bits for any number of threads, any order and any
 * sharding of the samples. Functions on different objects are thread-safe;
 * one object belongs to one thread at a time. The context is never NULL, is
 * used to report errors only, and may be a different one in each call.
 */
#ifndef QUERN_QUANT_H
#define QUERN_QUANT_H

#ifndef QUERN_EXPERIMENTAL
#error                                                                         \
    "define QUERN_EXPERIMENTAL to use <quern/quant.h>, which may still change"
#endif

#include <quern/diag.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------ */
/* Parameters                                                               */

enum quern_quant_flag {
    QUERN_QUANT_SYMMETRIC = 1, /**< range [-a, a], zero point in the middle */
    QUERN_QUANT_REDUCED = 2,   /**< 7 bits of 8 (15 of 16, 3 of 4) */
    QUERN_QUANT_NARROW = 4,    /**< signed types without their lowest code:
                                    -127 … 127, -7 … 7; no effect on unsigned */
};

/** How to turn a range into a scale and a zero point. Zeroed fields are
 * defaults, except `dtype`. */
struct quern_quant_options {
    enum quern_dtype dtype;       /**< int4 uint4 int8 uint8 int16 uint16 */
    enum quern_dtype float_dtype; /**< of the scale: QUERN_FLOAT (default) or
                                       QUERN_FLOAT16 */
    uint32_t flags;               /**< of enum quern_quant_flag */
    int32_t qmin, qmax; /**< codes to use instead of the table's; both 0: the
                             table of ONNX Runtime (quern_quant_codes()) */
    double min_range;   /**< the range is widened to at least this; 0: not */
};

/** A scale with its zero point. Scale positive, normal, finite; zero point and
 * codes fit `dtype`. */
struct quern_qparams {
    enum quern_dtype dtype;
    float scale;
    int32_t zero_point;
    int32_t qmin, qmax; /**< codes that the range maps to; data is clipped to
                             the whole type unless said otherwise */
};

/** Lowest and highest code for a type and flags, as ONNX Runtime has them:
 * reduced wins over symmetric and narrow. uint8 symmetric is 0 … 254 (zero
 * point 127); int8 reduced is -64 … 64; int4 symmetric is -8 … 7 unless
 * QUERN_QUANT_NARROW.
 * @return false when dtype is none of the six */
QUERN_NODISCARD QUERN_API bool quern_quant_codes(enum quern_dtype dtype,
                                                 uint32_t flags,
                                                 int32_t *out_qmin,
                                                 int32_t *out_qmax);

/** Scale and zero point for values in [lo, hi], to the bit what ONNX Runtime's
 * quantizer computes (reference: its compute_scale_zp; golden vectors are in
 * the tests). The range is widened to hold 0. A range so small that the scale
 * would not be a normal number of float_dtype gives scale 1, zero point 0; so
 * does an inverted one that does not hold 0 on the right side (lo > 0 > hi).
 * @return QUERN_OK; _INVALID_ARGUMENT (dtype, float_dtype, codes that do not
 * fit the type); _NUMERIC (lo or hi not finite, their difference overflows) */
QUERN_NODISCARD QUERN_API enum quern_code
quern_qparams_of_range(struct quern_context *context,
                       const struct quern_quant_options *options, float lo,
                       float hi, struct quern_qparams *out_qparams);

/** The values that the lowest and the highest code stand for. */
QUERN_API void quern_qparams_range(const struct quern_qparams *qparams,
                                   float *out_lo, float *out_hi);

/** Fold y = a * h + b, which stands in front of a QuantizeLinear, into that
 * QuantizeLinear's own parameters; the DequantizeLinear behind keeps those of
 * y. Works when b is (nearly) a whole number of steps; else the step of y is
 * moved, by at most 8 %, until it is.
 * @param y           parameters chosen for y
 * @param out_q       for QuantizeLinear, which now reads h
 * @param out_dq      for DequantizeLinear: y's, or moved ones
 * @return false (nothing written) when it cannot be done: a <= 0, not finite,
 * or the zero point would leave the type
 * Source: measured rule 11 of the default recipe (ONNX Runtime, x64). */
QUERN_NODISCARD QUERN_API bool
quern_qparams_fold_affine(const struct quern_qparams *y, double a, double b,
                          struct quern_qparams *out_q,
                          struct quern_qparams *out_dq);

/* ------------------------------------------------------------------------ */
/* Arrays                                                                   */

/** Bytes that `len` codes of a type take (int4 and uint4: two in a byte). 0
 * when dtype is no quantized type or the size overflows. */
QUERN_API size_t quern_codes_size(enum quern_dtype dtype, size_t len);

/** QuantizeLinear: saturate(round(x / scale) + zero_point), rounding half to
 * even, dividing (not multiplying by a reciprocal) in float32; clipped to the
 * whole type as ONNX wants. NaN gives the lowest code.
 * @param out_codes  quern_codes_size() bytes; 4-bit codes are packed, low
 *                   nibble first, an odd tail padded with 0
 * @return false when qparams->dtype is no quantized type */
QUERN_NODISCARD QUERN_API bool
quern_quantize_array(const struct quern_qparams *qparams, const float *values,
                     size_t len, void *out_codes);

/** As quern_quantize_array() with parameters per channel: channels structs of
 * one dtype. `clip_codes`: clip to qmin … qmax instead of the whole type (what
 * scales below min-max need in order to stay symmetric). */
QUERN_NODISCARD QUERN_API bool
quern_quantize_channels(const struct quern_qparams *qparams, bool clip_codes,
                        const float *values, size_t outer, size_t channels,
                        size_t inner, void *out_codes);

/** DequantizeLinear: (code - zero_point) * scale in float32. */
QUERN_NODISCARD QUERN_API bool
quern_dequantize_array(const struct quern_qparams *qparams, const void *codes,
                       size_t len, float *out_values);

/** As quern_dequantize_array() with parameters per channel. */
QUERN_NODISCARD QUERN_API bool
quern_dequantize_channels(const struct quern_qparams *qparams,
                          const void *codes, size_t outer, size_t channels,
                          size_t inner, float *out_values);

/** int32 codes of a bias: round(b / scale) half to even, in double, clipped.
 * @return the number of values that had to be clipped (or were NaN) */
QUERN_API size_t quern_quantize_bias(const float *bias, const float *scales,
                                     size_t len, int32_t *out_codes);

/* ------------------------------------------------------------------------ */
/* Statistics of one tensor                                                 */

/** What calibration remembers of one tensor. Statistics of parts merge into
 * exactly the statistics of the whole, bit for bit:
 * - minimum, maximum and counts are exact;
 * - the histogram has bins of width 2^e aligned at zero, so two bins join
 *   exactly when the range grows; some 2048 to 4096 bins span the range and
 *   zero;
 * - sums are exact over samples: each call (one sample) is summed in a fixed
 *   order, the result added to wide integers.
 *
 * Values of magnitude 8192 and more are kept apart with statistics of their
 * own. They stay out of ranges and moments, and are told, when they look like
 * the fills of attention masks: 1e30 and beyond, or a few distinct values,
 * frequent, and far off the rest. Else they are data like all other. */
struct quern_stats;

enum quern_stats_flag {
    QUERN_STATS_HISTOGRAM = 1, /**< needed by all methods but min-max */
    QUERN_STATS_MOMENTS = 2,   /**< sums and sums of squares per channel */
    QUERN_STATS_PAIRS = 4,     /**< largest sums of neighbouring channels */
};

/** Make empty statistics.
 * @param flags     of enum quern_stats_flag
 * @param channels  channels to keep minimum, maximum and moments of; 1: only
 *                  the tensor as a whole
 * @return QUERN_OK; _INVALID_ARGUMENT (no channel); _LIMIT; _NO_MEMORY */
QUERN_NODISCARD QUERN_API enum quern_code
quern_stats_create(struct quern_context *context, uint32_t flags,
                   size_t channels, struct quern_stats **out_stats);

/** Free and clear; NULL and *stats NULL are fine. */
QUERN_API void quern_stats_destroy(struct quern_stats **stats);

/** Look at the values that a tensor has for one sample.
 * @param sample  number of the sample; only names the place of the first NaN
 *                and the first infinity
 * @param data    outer * channels * inner floats, laid out as said above
 * A number of channels that differs from that of quern_stats_create() makes
 * the statistics such of one channel, in any order of the samples the same.
 * @return QUERN_OK; _LIMIT (size overflows); _NO_MEMORY. On failure nothing of
 * the sample is counted. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_stats_add(struct quern_context *context, struct quern_stats *stats,
                uint64_t sample, const float *data, size_t outer,
                size_t channels, size_t inner);

/** Add what `other` has seen. Flags must be equal; where channels differ the
 * result has one.
 * @return QUERN_OK; _INVALID_ARGUMENT; _NO_MEMORY (nothing is added) */
QUERN_NODISCARD QUERN_API enum quern_code
quern_stats_merge(struct quern_context *context, struct quern_stats *stats,
                  const struct quern_stats *other);

/** The figures of a tensor as a whole. */
struct quern_stats_summary {
    uint64_t n_values; /**< all, NaN and infinities included */
    uint64_t n_used;   /**< finite values behind the figures below */
    uint64_t n_nan;
    uint64_t n_pos_inf;
    uint64_t n_neg_inf;
    uint64_t n_fill;    /**< finite values left out as fills of masks */
    bool has_fill;      /**< n_fill > 0, or -inf stands beside finite values */
    float fill_nearest; /**< fill of least magnitude, 0 when there is none */
    uint64_t nan_sample, nan_index; /**< first NaN; if n_nan */
    uint64_t inf_sample, inf_index; /**< first infinity; if there is one */
    float min, max;                 /**< 0, 0 when n_used is 0 */
    double mean;                    /**< 0 without QUERN_STATS_MOMENTS */
    double mean_square;             /**< of x, not centred */
};

QUERN_API void quern_stats_summary(const struct quern_stats *stats,
                                   struct quern_stats_summary *out_summary);

QUERN_API size_t quern_stats_n_channels(const struct quern_stats *stats);
QUERN_API uint32_t quern_stats_flags(const struct quern_stats *stats);

/** Minimum, maximum, mean and mean of squares of each channel. Any pointer may
 * be NULL. A channel that saw no finite value has 0 everywhere. Fills are left
 * out exactly when the summary leaves them out. */
QUERN_API void quern_stats_channels(const struct quern_stats *stats,
                                    float *out_min, float *out_max,
                                    double *out_mean, double *out_mean_square);

/** Largest sum of channels 2 j and 2 j + 1 at one place, at least 0.
 * @param out_max  channels / 2 numbers
 * @return false (nothing written) without QUERN_STATS_PAIRS, or where values
 * of magnitude 8192 and more count as data, whose pairs are not kept */
QUERN_NODISCARD QUERN_API bool
quern_stats_pairs(const struct quern_stats *stats, float *out_max);

/** The histogram: bin i holds values in [(first + i) * width, (first + i + 1)
 * * width). All bins that hold the range and zero are given.
 * @param counts, n_room  written up to n_room entries; may be NULL, 0
 * @return number of bins; 0 without QUERN_STATS_HISTOGRAM */
QUERN_API size_t quern_stats_histogram(const struct quern_stats *stats,
                                       int32_t *out_first, double *out_width,
                                       uint64_t *counts, size_t n_room);

/** Statistics as bytes: little-endian, versioned, the same bytes for the same
 * data in any order and sharding.
 * @param bytes, size  written when the room suffices; may be NULL, 0
 * @return bytes needed */
QUERN_API size_t quern_stats_write(const struct quern_stats *stats, void *bytes,
                                   size_t size);

/** Read what quern_stats_write() wrote. Bytes are not trusted.
 * @return QUERN_OK; _MALFORMED; _UNSUPPORTED (newer version); _NO_MEMORY */
QUERN_NODISCARD QUERN_API enum quern_code
quern_stats_read(struct quern_context *context, const void *bytes, size_t size,
                 struct quern_stats **out_stats);

/* ------------------------------------------------------------------------ */
/* Ranges                                                                   */

enum quern_range_method {
    QUERN_RANGE_MINMAX = 0,
    QUERN_RANGE_PERCENTILE = 1, /**< cut (100-p)/2 % on each side; of |x| when
                                     symmetric */
    QUERN_RANGE_ENTROPY = 2,    /**< least Kullback-Leibler divergence */
    QUERN_RANGE_MSE = 3,        /**< least squared error of the tensor */
    QUERN_RANGE_MSEF = 4,       /**< least squared error behind its reader */
};

/** The function that reads a tensor, when only one does. */
enum quern_reader_kind {
    QUERN_READER_IDENTITY = 0,
    QUERN_READER_RELU = 1,
    QUERN_READER_CLIP = 2,        /**< to [alpha, beta] */
    QUERN_READER_HARDSWISH = 3,   /**< x * clip(x/6 + 1/2, 0, 1) */
    QUERN_READER_SILU = 4,        /**< x * sigmoid(x) */
    QUERN_READER_HARDSIGMOID = 5, /**< clip(alpha * x + beta, 0, 1) */
    QUERN_READER_SIGMOID = 6,
    QUERN_READER_TANH = 7,
    QUERN_READER_GELU = 8,     /**< with erf; close enough for the tanh form */
    QUERN_READER_LEAKYRELU = 9 /**< alpha * x below 0 */
};

struct quern_reader {
    enum quern_reader_kind kind;
    double alpha, beta; /**< as said at the kind */
};

/** Value of the reader at x. */
QUERN_API double quern_reader_eval(const struct quern_reader *reader, double x);

/** Where the reader still tells values apart: outside it is (nearly) constant
 * or the identity never saw it. -HUGE_VAL, HUGE_VAL: no bound. */
QUERN_API void quern_reader_support(const struct quern_reader *reader,
                                    double *out_lo, double *out_hi);

struct quern_range_options {
    enum quern_range_method method;
    double percentile;          /**< 50 < p <= 100; 0: 99.999 */
    int n_levels;               /**< qmax - qmin of the type; 0: 255 */
    bool symmetric;             /**< only ranges [-a, a] */
    bool cut;                   /**< cut to the support of the reader */
    struct quern_reader reader; /**< counts for MSEF and `cut` */
};

struct quern_range {
    float lo, hi; /**< lo <= 0 <= hi */
    double error; /**< expected squared error of one value, behind the reader
                       (QUERN_RANGE_MSEF) or of the tensor itself; rounding
                       taken as uniform. -1 without a histogram */
};

/** Choose a range. Of a tensor that saw no finite value the range is 0, 0.
 * Percentile, entropy and mse take under a millisecond.
 * Sources: Migacz, GTC 2017 (entropy); measured rule 5 (mse behind readers).
 * @return QUERN_OK; _INVALID_ARGUMENT (a method that needs a histogram where
 * none was kept; percentile or levels out of range); _NO_MEMORY */
QUERN_NODISCARD QUERN_API enum quern_code quern_stats_range(
    struct quern_context *context, const struct quern_stats *stats,
    const struct quern_range_options *options, struct quern_range *out_range);

/* ------------------------------------------------------------------------ */
/* Weights                                                                  */

enum quern_weight_method {
    QUERN_WEIGHT_MINMAX = 0,
    QUERN_WEIGHT_MSE = 1, /**< best of 41 shrunken ranges, 1 … 0.5 */
};

/** Parameters of weights [outer, channels, inner], one per channel.
 * @param per_tensor  all channels get the same
 * @param out_qparams  `channels` structs
 * @return QUERN_OK; as quern_qparams_of_range(), naming the channel */
QUERN_NODISCARD QUERN_API enum quern_code
quern_weight_qparams(struct quern_context *context,
                     const struct quern_quant_options *options,
                     enum quern_weight_method method, bool per_tensor,
                     const float *weights, size_t outer, size_t channels,
                     size_t inner, struct quern_qparams *out_qparams);

/** Weights of one linear operator seen as matrices: `groups` of them, each
 * `rows` output channels by `cols` inputs. Element (g, r, k) lies at
 * data[(g * rows + r) * row_stride + k * col_stride].
 * Conv [M, C/G, kH, kW]: groups G, rows M/G, cols C/G*kH*kW, row_stride cols,
 * col_stride 1. MatMul [K, N] and Gemm: groups 1, rows N, cols K, row_stride
 * 1, col_stride N. Gemm transB [N, K]: row_stride K, col_stride 1. */
struct quern_weight_shape {
    size_t groups, rows, cols;
    size_t row_stride, col_stride;
    size_t taps; /**< kernel positions of an input channel: kH*kW, which follow
                      each other in cols; 0 or 1: a product */
};

/** Rounding with error feedback (GPTQ, Frantar et al. 2022, arXiv:2210.17323):
 * columns in descending order of their second moment, the error of each column
 * spread over those that follow. Same codes as with the inverse Hessian, which
 * is never formed: the error that column k must take is a product with the
 * Cholesky factor itself. In double. */
struct quern_feedback_options {
    struct quern_weight_shape shape;
    /** groups * rows, of one 8-bit or 4-bit signed type, zero point 0 */
    const struct quern_qparams *qparams;
    /** [groups, cols, cols]: E[x x^T] of the inputs. For factors on the input
     * side both this and `mean` must be those of the rewritten input. */
    const double *second;
    /** [groups, cols] E[x], to centre with (the bias takes the mean); NULL:
     * not centred, for operators that can have no bias */
    const double *mean;
    uint64_t n_rows; /**< vectors x behind `second` */
    double damp;     /**< added to the diagonal, as part of its mean; 0: 0.01,
                          0.1 where n_rows < 4 cols */
};

/** Round weights with error feedback.
 * @param out_codes  one int8 per weight at the weight's own index, also for
 *                   4-bit types (pack with quern_pack_codes())
 * @return QUERN_OK; _INVALID_ARGUMENT; _NUMERIC (second moments that are no
 * positive matrix even with damping 1); _NO_MEMORY; _CANCELLED */
QUERN_NODISCARD QUERN_API enum quern_code
quern_weight_feedback(struct quern_context *context,
                      const struct quern_feedback_options *options,
                      const float *weights, int8_t *out_codes);

/** Pack one code per byte into a 4-bit type's bytes (low nibble first). */
QUERN_API void quern_pack_codes(const int8_t *codes, size_t len,
                                uint8_t *out_bytes);

/** What rounding the weights does to the mean of the output, to be added to
 * the bias: shift_r = sum over k of (W - Wq) E[x_k]. In double.
 * @param qparams   groups * rows
 * @param codes     one int8 per weight at the weight's own index
 * @param mean      E[x] per input channel: groups * cols / taps
 * @param tap_weight `taps` factors of the mean, for padding
 *                   (quern_conv_tap_weights()); NULL: 1
 * @param out_shift groups * rows */
QUERN_API void quern_weight_bias_shift(const struct quern_weight_shape *shape,
                                       const struct quern_qparams *qparams,
                                       const float *weights,
                                       const int8_t *codes, const double *mean,
                                       const double *tap_weight,
                                       double *out_shift);

/** What the codes of an input reach. */
struct quern_pair_inputs {
    const uint8_t *high;  /**< highest code of each channel, groups * cols /
                               taps */
    const uint16_t *sums; /**< highest sum of the codes of channels 2 j and
                               2 j + 1 at one place, half as many; NULL: those
                               of `high` */
};

/** Processors without VNNI multiply u8 by s8 codes in pairs and add the two
 * products in 16 bits, which saturate. Largest magnitude that the sum of a
 * pair can reach in each row; up to 32767 nothing saturates. Pairs are columns
 * 2 j and 2 j + 1 with kernel positions outside and channels inside, as
 * convolutions in NHWC order read them.
 * @param codes      one int8 per weight at the weight's own index
 * @param inputs     what the input's codes reach; NULL: 255 each
 * @param out_peaks  groups * rows */
QUERN_API void quern_weight_pair_peaks(const struct quern_weight_shape *shape,
                                       const int8_t *codes,
                                       const struct quern_pair_inputs *inputs,
                                       int32_t *out_peaks);

/** Bring codes towards 0, the larger of a pair first, until no pair exceeds
 * 32767.
 * @return steps taken */
QUERN_API size_t quern_weight_pair_trim(const struct quern_weight_shape *shape,
                                        const struct quern_pair_inputs *inputs,
                                        int8_t *codes);

/** For each kernel position the part of output positions at which it reads
 * the image and not the padding.
 * @param rank  spatial axes, at most 3; the arrays have that length
 * @param out_weights  product of `kernel` numbers, row-major
 * @return false when a size is not positive or rank does not fit */
QUERN_NODISCARD QUERN_API bool
quern_conv_tap_weights(int rank, const int64_t *input, const int64_t *output,
                       const int64_t *kernel, const int64_t *strides,
                       const int64_t *dilations, const int64_t *pads_begin,
                       double *out_weights);

/* ------------------------------------------------------------------------ */
/* Second moments                                                           */

/** E[x x^T] and E[x] of the vectors that a MatMul, Gemm or Conv reads. Exact,
 * so that order and sharding do not matter: inputs are first rounded to 12-bit
 * integers, with one power-of-two step per input out of the known range (error
 * feedback with 1 % damping does not see the difference), and the products
 * summed in 64-bit integers. Fast for the same reason. */
struct quern_gram;

/** @param abs_max  [groups * cols]: largest magnitude of each input, from
 *                  quern_stats_channels(); values beyond are clipped
 * @return QUERN_OK; _INVALID_ARGUMENT; _LIMIT (beyond max_memory); _NO_MEMORY
 */
QUERN_NODISCARD QUERN_API enum quern_code
quern_gram_create(struct quern_context *context, size_t groups, size_t cols,
                  const float *abs_max, struct quern_gram **out_gram);
QUERN_API void quern_gram_destroy(struct quern_gram **gram);

/** Add n vectors. Element k of group g of vector r lies at
 * data[r * row_stride + (g * cols + k)]. NaN counts as 0.
 * @return QUERN_OK; _INVALID_ARGUMENT (row_stride below groups * cols);
 * _LIMIT (2^40 vectors) */
QUERN_NODISCARD QUERN_API enum quern_code
quern_gram_add(struct quern_context *context, struct quern_gram *gram,
               const float *data, size_t n, size_t row_stride);

/** What a Conv reads of one sample [C, spatial…]: sizes of up to 3 spatial
 * axes, and where the sample's elements lie (strides in elements, so that any
 * order of axes will do). */
struct quern_conv_window {
    int rank; /**< spatial axes, 1 to 3 */
    int64_t input[3], output[3], kernel[3];
    int64_t strides[3], dilations[3], pads_begin[3];
    int64_t channel_stride, axis_stride[3];
};

/** Add the vectors that a Conv reads of one sample, padding as 0. Inputs are
 * in the order of the weights: cols = C / groups * kernel positions, a
 * channel's kernel positions next to each other; abs_max of the gram is that
 * of the channel for each of them.
 * @param every  take output positions 0, every, 2 every, … (at least 1): for
 *               large images a part of them is enough
 * @return QUERN_OK; _INVALID_ARGUMENT (sizes, or cols that are no multiple of
 * the kernel positions); _LIMIT; _NO_MEMORY (nothing was added) */
QUERN_NODISCARD QUERN_API enum quern_code
quern_gram_add_conv(struct quern_context *context, struct quern_gram *gram,
                    const float *sample, const struct quern_conv_window *window,
                    int64_t every);

/** Add what `other` has seen; made with the same arguments. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_gram_merge(struct quern_context *context, struct quern_gram *gram,
                 const struct quern_gram *other);

/** Number of vectors seen. */
QUERN_API uint64_t quern_gram_n_rows(const struct quern_gram *gram);

/** @param out_second  [groups, cols, cols] @param out_mean  [groups, cols];
 * either may be NULL; 0 when nothing was seen */
QUERN_API void quern_gram_moments(struct quern_gram *gram, double *out_second,
                                  double *out_mean);

/* ------------------------------------------------------------------------ */
/* Noise model: factors of channels                                         */

/** An operator that reads a tensor x whose channels c get factors: x is
 * quantized as x_c / e_c, the weights take e_c. Means of x as it is now. */
struct quern_noise_reader {
    struct quern_weight_shape shape; /**< groups * cols / taps channels */
    const float *weights;
    const float *x_min, *x_max;  /**< per channel */
    const double *x_mean_square; /**< per channel */
    double range_part;    /**< chosen range of x by its min-max range; 0: 1 */
    double output_energy; /**< sum over output channels of E[y^2], by which
                               the noise is divided; 0: 1 */
};

/** Which factors to try. */
enum quern_factor_rule {
    QUERN_FACTOR_POWER = 0, /**< e_c = (r_c / max r)^alpha, r = max |x_c| */
    /** Group with Clip(0, m) inside: e_c = min(1, r_c / m)^alpha; channels
     * that reach m keep 1, so that the scalar Clip stays right. */
    QUERN_FACTOR_CLIP = 1,
};

struct quern_noise_options {
    enum quern_factor_rule rule;
    double clip_max;      /**< m of QUERN_FACTOR_CLIP */
    const double *alphas; /**< NULL: 0, .2, .35, .5, .65, .8, 1 */
    size_t n_alphas;
    double floor;        /**< least r_c / max r; 0: 1e-3 */
    int n_levels;        /**< of the activation; 0: 255 */
    int n_weight_levels; /**< highest weight code; 0: 127 */
    bool per_tensor_weights;
};

/** What the noise model found. */
struct quern_noise_result {
    double alpha;
    double noise;      /**< with the factors of that alpha */
    double noise_none; /**< with all factors 1 */
};

/** Factors for one alpha.
 * @param range  per channel max |x|; of a group: the maximum over its tensors
 *               where they get quantized */
QUERN_API void quern_noise_factors(const struct quern_noise_options *options,
                                   const float *range, size_t channels,
                                   double alpha, double *out_factors);

/** Noise at the outputs of all readers for given factors: the sum over readers
 * of (activation noise (S e_c)^2 w^2 + weight noise E[x_c^2] / e_c^2 d^2) / 12
 * divided by the output energy; S the step of x / e, d the step of the scaled
 * weights. Readers see the same channels.
 * Source: noise model of the measured default recipe, rules 6 and 7. */
QUERN_API double quern_noise_of(const struct quern_noise_options *options,
                                const struct quern_noise_reader *readers,
                                size_t n_readers, size_t channels,
                                const double *factors);

/** Try all alphas; the least noise wins, the smaller alpha on a tie.
 * @param out_factors  `channels` numbers
 * @return QUERN_OK; _INVALID_ARGUMENT (a reader with another number of
 * channels, clip_max not positive) */
QUERN_NODISCARD QUERN_API enum quern_code
quern_noise_search(struct quern_context *context,
                   const struct quern_noise_options *options,
                   const struct quern_noise_reader *readers, size_t n_readers,
                   const float *range, size_t channels, double *out_factors,
                   struct quern_noise_result *out_result);

/* ------------------------------------------------------------------------ */
/* Measures of error                                                        */

/** Error of an output against its reference, collected sample by sample. */
struct quern_measure;

QUERN_NODISCARD QUERN_API enum quern_code
quern_measure_create(struct quern_context *context,
                     struct quern_measure **out_measure);
QUERN_API void quern_measure_destroy(struct quern_measure **measure);

/** Add one sample: `rows` vectors of `cols` values (cols = classes of the last
 * axis; for outputs without classes any split will do, top-1 and logits mean
 * nothing then). */
QUERN_API void quern_measure_add(struct quern_measure *measure,
                                 const float *reference, const float *got,
                                 size_t rows, size_t cols);

QUERN_API void quern_measure_merge(struct quern_measure *measure,
                                   const struct quern_measure *other);

struct quern_measure_result {
    uint64_t n_values;
    uint64_t n_rows;
    uint64_t n_mismatch; /**< NaN or infinity that is not matched in place;
                              these values are left out of the rest */
    double sqnr_db;      /**< 10 log10(E ref^2 / E (ref - got)^2); HUGE_VAL when
                              equal, -HUGE_VAL when only the reference is 0 */
    double cosine;       /**< 1 when both are 0 */
    double mse;
    double max_abs; /**< largest |ref - got| */
    double max_ref; /**< largest |ref| */
    double top1;    /**< part of rows with the same largest column; the
                         first one counts on a tie */
    /** SQNR of logits. Where all rows of the reference are probabilities (in
     * [0, 1], sum 1) of their logarithm, floored at 1e-12; the mean of each
     * row is removed from both sides, since softmax does not see it. */
    double logit_sqnr_db;
    bool is_softmax; /**< the reference's rows are probabilities */
};

QUERN_API void quern_measure_result(const struct quern_measure *measure,
                                    struct quern_measure_result *out_result);

#ifdef __cplusplus
}
#endif

#endif
