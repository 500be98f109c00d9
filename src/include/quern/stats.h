/** @file stats.h
 * Statistics of a tensor over samples, and ranges chosen out of them.
 * Tier: experimental. Rules for all that it declares: quant.h.
 */
#ifndef QUERN_STATS_H
#define QUERN_STATS_H

#ifndef QUERN_EXPERIMENTAL
#error                                                                         \
    "define QUERN_EXPERIMENTAL to use <quern/stats.h>, which may still change"
#endif

#include <quern/diag.h>

#ifdef __cplusplus
extern "C" {
#endif

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

/** Forget all that was seen, for statistics that nobody needs any more but that
 * others may still point to: their memory goes, and they are as if no value had
 * been seen, in 0 channels and without any flag. They cannot be fed again. */
QUERN_API void quern_stats_clear(struct quern_stats *stats);

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

/** What samples that were not seen may do beyond the range of a channel.
 * Another one goes beyond the highest of n with a chance of 1 / (n + 1), and
 * by as much, on average, as the highest was beyond the second highest. */
struct quern_tail {
    double end_low, end_high; /**< what such a number of samples reaches, as
                                   magnitudes: at least 0 in either direction */
    double low, high;         /**< how far beyond that, on average */
    double share;             /**< part of all values that goes there */
};

/** Tails of each channel. The gap between the two highest samples of a channel
 * is a single draw: half of a tail is that, half what the channels show
 * together; of its end a quarter, by the energy of the channel, with
 * QUERN_STATS_MOMENTS. Nothing goes beyond
 * where there were fewer than two samples, where values of magnitude 8192 and
 * more count as data, and where the second ends are not known: some samples
 * came in files without them, or differed in the number of channels.
 * @param out_tails  an entry a channel */
QUERN_API void quern_stats_tails(const struct quern_stats *stats,
                                 struct quern_tail *out_tails);

/** What a range cuts off samples that were not seen: squared error of one
 * value, on average over all.
 * @param lo, hi  the range, lo <= 0 <= hi */
QUERN_API double quern_tail_energy(const struct quern_tail *tail, double lo,
                                   double hi);

/** What the channels would say, had each been multiplied by a factor: minimum,
 * maximum and moments of the values in use, rounded. Neither histogram nor
 * pairs, and no NaN, infinities or fills, which cannot be derived or do not
 * change.
 * @param factors    n positive numbers
 * @param out_stats  new statistics of n channels
 * @return QUERN_OK; _INVALID_ARGUMENT (n is not the number of channels, a
 * factor is not positive and finite); _NO_MEMORY */
QUERN_NODISCARD QUERN_API enum quern_code
quern_stats_scaled(struct quern_context *context,
                   const struct quern_stats *stats, const double *factors,
                   size_t n, struct quern_stats **out_stats);

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

/** Do second ends of samples lack because some came as bytes of format 1, which
 * had none? Then quern_stats_tails() tells none, though the data would have
 * them, and ranges differ from those of statistics that are taken now. */
QUERN_API bool quern_stats_is_old(const struct quern_stats *stats);

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
    bool unseen;                /**< count what samples that were not seen may
                                     do beyond (MSE, MSEF): quern_stats_tails */
    bool bounded;               /**< values never lie outside of `least` .. */
    float least, most;          /**< .. `most` */
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

#ifdef __cplusplus
}
#endif

#endif
