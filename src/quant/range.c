/* Choosing a range out of statistics: min-max, percentile, and the way to the
 * other methods. */
#include "quant/range.h"

#include "base/alloc.h"
#include "base/diag.h"

#include <math.h>

static const double default_percentile = 99.999;
enum { default_levels = 255 };

/* Values that may be cut off; a little more, so that 100 - 99.9 counts as 0.1.
 */
static double tail_of(double total, double percent)
{
    return total * percent / 100.0 + 1e-6;
}

/* Cut (100 - p) / 2 percent of the values off each end, to the next edge
 * outside. */
static void percentile_free(const struct qn_bins *bins, double p, double *lo,
                            double *hi)
{
    double tail = tail_of(bins->total, 100.0 - p) / 2.0;
    uint64_t low = 0;
    uint64_t high = 0;
    size_t i = 0;
    size_t j = bins->n_bins;
    while (i < bins->n_bins && (double)(low + bins->counts[i]) <= tail) {
        low += bins->counts[i++];
    }
    while (j > 0 && (double)(high + bins->counts[j - 1]) <= tail) {
        high += bins->counts[--j];
    }
    *lo = fmax(*lo, ((double)bins->first + (double)i) * bins->width);
    *hi = fmin(*hi, ((double)bins->first + (double)j) * bins->width);
}

/* Cut 100 - p percent of the magnitudes off. */
static void percentile_symmetric(const struct qn_bins *bins, double p,
                                 double *lo, double *hi)
{
    double tail = tail_of(bins->total, 100.0 - p);
    int64_t last = (int64_t)bins->first + (int64_t)bins->n_bins - 1;
    int64_t m =
        last > -1 - (int64_t)bins->first ? last : -1 - (int64_t)bins->first;
    uint64_t cut = 0;
    for (; m >= 0; m--) {
        int64_t positive = m - bins->first;
        int64_t negative = -1 - m - bins->first;
        uint64_t here = 0;
        here += positive < (int64_t)bins->n_bins ? bins->counts[positive] : 0;
        here += negative >= 0 ? bins->counts[negative] : 0;
        if ((double)(cut + here) > tail) {
            break;
        }
        cut += here;
    }
    double t = fmin((double)(m + 1) * bins->width, fmax(-*lo, *hi));
    *lo = -t;
    *hi = t;
}

/* Options with defaults filled in, or an error. */
static enum quern_code check_options(struct quern_context *context,
                                     const struct quern_stats *stats,
                                     struct quern_range_options *options)
{
    if (options->n_levels == 0) {
        options->n_levels = default_levels;
    }
    if (!(options->percentile < 0.0 || options->percentile > 0.0)) {
        options->percentile = default_percentile;
    }
    if ((unsigned)options->method > QUERN_RANGE_MSEF ||
        (unsigned)options->reader.kind > QUERN_READER_LEAKYRELU) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "range method %d, reader %d; known are 0 to %d and 0 "
                          "to %d",
                          (int)options->method, (int)options->reader.kind,
                          (int)QUERN_RANGE_MSEF, (int)QUERN_READER_LEAKYRELU);
    }
    if (options->n_levels < 1 || options->n_levels > 65535) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "%d quantization levels; need 1 to 65535",
                          options->n_levels);
    }
    if (!(options->percentile > 50.0) || options->percentile > 100.0) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "percentile %g; need more than 50, at most 100",
                          options->percentile);
    }
    if (options->method != QUERN_RANGE_MINMAX &&
        stats->body.hist.tables == NULL) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "statistics without a histogram; only the method "
                          "min-max does without");
    }
    return QUERN_OK;
}

/* No wider than what the reader sees; 0 stays inside. */
static void cut_to_reader(const struct quern_range_options *options, double *lo,
                          double *hi)
{
    double least, most;
    quern_reader_support(&options->reader, &least, &most);
    if (options->symmetric) {
        double t = fmin(*hi, fmax(fmax(-least, most), 0.0));
        *lo = -t;
        *hi = t;
        return;
    }
    *lo = fmin(fmax(*lo, least), 0.0);
    *hi = fmax(fmin(*hi, most), 0.0);
}

static void choose(struct qn_range_work *work,
                   const struct quern_range_options *options, double *lo,
                   double *hi)
{
    static const struct quern_reader identity = {QUERN_READER_IDENTITY, 0, 0};
    bool behind = options->method == QUERN_RANGE_MSEF;
    const struct quern_reader *reader = behind ? &options->reader : &identity;
    bool symmetric = options->symmetric;
    switch (options->method) {
    case QUERN_RANGE_MINMAX:
        if (symmetric) {
            *hi = fmax(-*lo, *hi);
            *lo = -*hi;
        }
        break;
    case QUERN_RANGE_PERCENTILE:
        (symmetric ? percentile_symmetric
                   : percentile_free)(&work->bins, options->percentile, lo, hi);
        break;
    case QUERN_RANGE_ENTROPY:
        qn_range_entropy(work, symmetric, options->n_levels, lo, hi);
        break;
    case QUERN_RANGE_MSE:
    case QUERN_RANGE_MSEF:
        qn_range_mse(work, reader, symmetric, options->n_levels, lo, hi);
        break;
    }
    *lo = fmin(*lo, 0.0);
    *hi = fmax(*hi, 0.0);
    if (options->cut) {
        cut_to_reader(options, lo, hi);
    }
}

enum quern_code quern_stats_range(struct quern_context *context,
                                  const struct quern_stats *stats,
                                  const struct quern_range_options *options,
                                  struct quern_range *out_range)
{
    struct quern_range_options o = *options;
    struct quern_stats_summary summary;
    enum quern_code code = check_options(context, stats, &o);
    if (code != QUERN_OK) {
        return code;
    }
    bool is_entropy = o.method == QUERN_RANGE_ENTROPY;
    struct qn_range_work *work = qn_alloc_aligned(sizeof *work);
    struct qn_entropy_sums *entropy =
        is_entropy ? qn_alloc_aligned(sizeof *entropy) : NULL;
    bool widens = o.unseen && o.method >= QUERN_RANGE_MSE;
    struct quern_tail *tails =
        widens ? qn_calloc_n(stats->channels, sizeof *tails) : NULL;
    if (work == NULL || (is_entropy && entropy == NULL) ||
        (widens && tails == NULL)) {
        qn_free(work);
        qn_free(entropy);
        qn_free(tails);
        return qn_no_memory(context);
    }
    work->entropy = entropy;
    quern_stats_summary(stats, &summary);
    double lo = fmin((double)summary.min, 0.0);
    double hi = fmax((double)summary.max, 0.0);
    bool has_bins = stats->body.hist.tables != NULL;
    struct quern_reader seen = o.reader;
    if (o.method != QUERN_RANGE_MSEF) {
        seen = (struct quern_reader){QUERN_READER_IDENTITY, 0.0, 0.0};
    }
    if (has_bins) {
        qn_stats_bins(stats, &work->bins);
        qn_range_sums(work, &seen);
    }
    choose(work, &o, &lo, &hi);
    if (tails != NULL) {
        o.reader = seen;
        quern_stats_tails(stats, tails);
        qn_range_unseen(work, stats, tails, &o, &lo, &hi);
        if (o.cut) {
            cut_to_reader(options, &lo, &hi);
        }
    }
    out_range->lo = (float)lo;
    out_range->hi = (float)hi;
    out_range->error =
        has_bins ? qn_range_error(work, &seen, lo, hi, o.n_levels) : -1.0;
    qn_free(work);
    qn_free(entropy);
    qn_free(tails);
    return QUERN_OK;
}
