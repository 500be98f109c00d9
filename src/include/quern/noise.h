/** @file noise.h
 * Noise model: factors of channels that an operator's input is divided by and
 * its weights take. Tier: experimental. Rules for all that it declares:
 * quant.h.
 */
#ifndef QUERN_NOISE_H
#define QUERN_NOISE_H

#ifndef QUERN_EXPERIMENTAL
#error                                                                         \
    "define QUERN_EXPERIMENTAL to use <quern/noise.h>, which may still change"
#endif

#include <quern/stats.h>
#include <quern/weights.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An operator that reads a tensor x whose channels c get factors: x is
 * quantized as x_c / e_c, the weights take e_c. Means of x as it is now. */
struct quern_noise_reader {
    struct quern_weight_shape shape; /**< groups * cols / taps channels */
    const float *weights;
    const float *x_min, *x_max;     /**< per channel */
    const double *x_mean_square;    /**< per channel */
    const struct quern_tail *tails; /**< per channel; NULL: samples that were
                                         not seen do not count */
    const double *column_energy;    /**< per channel, with tails: sum of w^2 */
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
    const float *tail;   /**< per channel: how far beyond `range` samples that
                              were not seen go on average; NULL: not at all */
    double room;         /**< channels count as wider by that many tails */
    double floor;        /**< least r_c / max r; 0: 1e-3 */
    int n_levels;        /**< of the activation; 0: 255 */
    int n_weight_levels; /**< highest weight code; 0: 127 */
    bool per_tensor_weights;
};

/** What the noise model found. */
struct quern_noise_result {
    double alpha;
    double room;       /**< ranges were taken as wider by that many tails */
    double noise;      /**< with the factors of that alpha */
    double noise_none; /**< with all factors 1 */
};

/** Factors for one alpha. A channel of nothing but zeros is scaled as the
 * quietest of the others: a larger one would make its weights in front widen
 * the step that rows share.
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

/** Try all alphas, and with tails some rooms at the best of them; the least
 * noise wins, the smaller alpha on a tie. `room` of the options does not count.
 * @param out_factors  `channels` numbers
 * @return QUERN_OK; _INVALID_ARGUMENT (a reader with another number of
 * channels, clip_max not positive) */
QUERN_NODISCARD QUERN_API enum quern_code
quern_noise_search(struct quern_context *context,
                   const struct quern_noise_options *options,
                   const struct quern_noise_reader *readers, size_t n_readers,
                   const float *range, size_t channels, double *out_factors,
                   struct quern_noise_result *out_result);

#ifdef __cplusplus
}
#endif

#endif
