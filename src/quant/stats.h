/* Inside of struct quern_stats, for the files of this room. */
#ifndef QUERN_QUANT_STATS_H
#define QUERN_QUANT_STATS_H

#include <quern/quant.h>

#include "base/numeric.h"
#include "quant/hist.h"

/** Statistics of one class of finite values. Arrays have one entry a channel;
 * min and max of a channel without values are +inf and -inf. */
struct qn_part {
    uint64_t n;
    struct qn_hist hist; /* not kept without QUERN_STATS_HISTOGRAM */
    float *min;          /* NULL: the part does not exist */
    float *max;
    float *second_min; /* second lowest of the calls' own minima; +inf: none */
    float *second_max; /* second highest of their maxima; -inf: none */
    uint64_t *count;
    struct qn_exact_sum *sum;    /* NULL without QUERN_STATS_MOMENTS */
    struct qn_exact_sum *square; /* same */
};

struct quern_stats {
    uint32_t flags;
    size_t channels;
    uint64_t n_values, n_nan, n_pos_inf, n_neg_inf;
    uint64_t nan_sample, nan_index; /* first one; counts if n_nan */
    uint64_t inf_sample, inf_index;
    bool hides_seconds;  /* second ends of some calls are not known: none */
    bool is_old;         /* because some came from a file of format 1 */
    struct qn_part body; /* magnitude below QN_FILL_LIMIT */
    struct qn_part far;  /* the others; made when the first one comes */
    float *pair_max;     /* channels / 2; NULL without QUERN_STATS_PAIRS */
    /* Scratch of one call, an entry a channel. */
    float *call_min, *call_max;
    double *call_sum, *call_square; /* NULL without moments */
};

/** Empty part, or false when memory is out. */
bool qn_part_init(struct qn_part *part, uint32_t flags, size_t channels);
void qn_part_finish(struct qn_part *part);

/** Join what channel c reached in one call. */
void qn_part_take_ends(struct qn_part *part, size_t c, float lo, float hi);

/** Join what channel d of another part reached in all its calls. */
void qn_part_merge_ends(struct qn_part *part, size_t c,
                        const struct qn_part *other, size_t d);

/** Room for all that `other` will add; false when memory is out. */
bool qn_part_reserve(struct qn_part *part, uint64_t n);

/** Join the sums of neighbouring channels of one call.
 * @param is_odd  NaN, infinities or far values are among them: their pairs are
 *                passed over */
void qn_stats_add_pairs(struct quern_stats *stats, const float *data,
                        size_t outer, size_t inner, bool is_odd);

/** Forget which channel values came from: one channel from now on. Ends of
 * several channels do not tell the second of the calls: those are lost. */
void qn_stats_collapse(struct quern_stats *stats);

/** quern_stats_add() of a sample, and quern_stats_merge(), where the numbers of
 * channels differ: `stats` are collapsed. */
enum quern_code qn_stats_add_ragged(struct quern_context *context,
                                    struct quern_stats *stats, uint64_t sample,
                                    const float *data, size_t outer,
                                    size_t channels, size_t inner)
    __attribute__((warn_unused_result));
enum quern_code qn_stats_merge_ragged(struct quern_context *context,
                                      struct quern_stats *stats,
                                      const struct quern_stats *other)
    __attribute__((warn_unused_result));

/** Minimum and maximum over all channels; 0, 0 when the part is empty. */
void qn_part_range(const struct qn_part *part, size_t channels, float *out_min,
                   float *out_max);

/** Second lowest and second highest of what the samples reached, a channel;
 * +inf and -inf where fewer than two reached anything or they are not known.
 */
void qn_stats_seconds(const struct quern_stats *stats, float *out_min,
                      float *out_max);

/** quern_tail_energy() of one side alone.
 * @param end  where the range ends there, as a magnitude */
double qn_tail_energy_at(const struct quern_tail *tail, bool is_high,
                         double end);

/** Do the values of magnitude QN_FILL_LIMIT and more look like fills? */
bool qn_stats_far_is_fill(const struct quern_stats *stats);

/** Histogram of the values in use (fills left out), for range methods. */
struct qn_bins {
    int32_t first;
    size_t n_bins; /* at most QN_HIST_BINS */
    double width;
    double total;                  /* values counted */
    uint64_t n_zeros;              /* exact zeros, also part of bin 0 */
    uint64_t counts[QN_HIST_BINS]; /* of bin first + i */
    float min, max;                /* of the values; 0, 0 without any */
};

/** Needs QUERN_STATS_HISTOGRAM. */
void qn_stats_bins(const struct quern_stats *stats, struct qn_bins *out);

#endif
