/* What the files of range methods share. */
#ifndef QUERN_QUANT_RANGE_H
#define QUERN_QUANT_RANGE_H

#include "quant/stats.h"

/** Sums over the bins before bin i, of parts of all values. */
struct qn_error_sums {
    double mass[QN_HIST_BINS + 1];
    double mean[QN_HIST_BINS + 1];   /* of f(x) */
    double square[QN_HIST_BINS + 1]; /* of f(x)^2 */
    double slope[QN_HIST_BINS + 1];  /* of f'(x)^2 over values that are not
                                        exactly 0, which no rounding moves */
};

/** The same for the divergence, of counts. */
struct qn_entropy_sums {
    size_t n_bins;
    double counts[QN_HIST_BINS];
    double mass[QN_HIST_BINS + 1];
    double entropy[QN_HIST_BINS + 1];  /* of c ln c */
    uint32_t filled[QN_HIST_BINS + 1]; /* bins that are not empty */
};

/** Work space of one choice. */
struct qn_range_work {
    struct qn_bins bins;
    struct qn_error_sums error;
    struct qn_entropy_sums *entropy; /* of the method entropy alone */
};

/** Fill in the sums for a reader. */
void qn_range_sums(struct qn_range_work *work,
                   const struct quern_reader *reader);

/** Expected squared error behind the reader for range [lo, hi]: what is cut
 * off, and rounding as uniform noise of step (hi - lo) / n_levels. */
double qn_range_error(const struct qn_range_work *work,
                      const struct quern_reader *reader, double lo, double hi,
                      int n_levels);

/** Least of that error over a grid of cut-offs. */
void qn_range_mse(const struct qn_range_work *work,
                  const struct quern_reader *reader, bool symmetric,
                  int n_levels, double *lo, double *hi);

/** Widen [lo, hi] where what it would cut off samples that were not seen costs
 * more than the wider step; that was chosen by what was seen alone.
 * @param tails  of the channels of `stats` */
void qn_range_unseen(const struct qn_range_work *work,
                     const struct quern_stats *stats,
                     const struct quern_tail *tails,
                     const struct quern_range_options *options, double *lo,
                     double *hi);

/** Least Kullback-Leibler divergence; needs only the bins. */
void qn_range_entropy(struct qn_range_work *work, bool symmetric, int n_levels,
                      double *lo, double *hi);

#endif
