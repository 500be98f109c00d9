/** @file weights.h
 * Constant weights as codes, and second moments of what they are multiplied
 * with. Tier: experimental. Rules for all that it declares: quant.h.
 */
#ifndef QUERN_WEIGHTS_H
#define QUERN_WEIGHTS_H

#ifndef QUERN_EXPERIMENTAL
#error                                                                         \
    "define QUERN_EXPERIMENTAL to use <quern/weights.h>, which may still change"
#endif

#include <quern/qparams.h>

#ifdef __cplusplus
extern "C" {
#endif

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
    /** groups * rows, of one 8-bit or 4-bit signed type, zero point 0; with
     * `wider_steps` the scales may grow */
    struct quern_qparams *qparams;
    /** [groups, cols, cols]: E[x x^T] of the inputs. For factors on the input
     * side both this and `mean` must be those of the rewritten input. */
    const double *second;
    /** [groups, cols] E[x], to centre with (the bias takes the mean); NULL:
     * not centred, for operators that can have no bias */
    const double *mean;
    uint64_t n_rows; /**< vectors x behind `second` */
    double damp;     /**< added to the diagonal, as part of its mean; 0: 0.01,
                          0.1 where n_rows < 4 cols */
    /** Steps up to 1.25 times as wide that rows of at most 64 columns choose
     * from: of few weights one or the other step errs less by luck, and what
     * errs least is what the row takes. 0: steps as they are. */
    int wider_steps;
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

/** Bytes that quern_gram_create() takes; SIZE_MAX: more than there can be. */
QUERN_API size_t quern_gram_size(size_t groups, size_t cols);

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
 * the kernel positions); _LIMIT (2^40 vectors) */
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

#ifdef __cplusplus
}
#endif

#endif
