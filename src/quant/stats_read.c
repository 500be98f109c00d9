/* Reading figures out of statistics: fills or data, summary, channels,
 * histogram. */
#include "quant/stats.h"

#include <math.h>

/* Fills with scores added to them lie in so few bins; data in more. */
static const size_t max_fill_bins = 64;

/* Bins of the far part that hold something. */
static size_t n_occupied(const struct qn_hist *hist)
{
    size_t n = 0;
    int32_t last = qn_hist_last(hist);
    for (int32_t b = qn_hist_first(hist); b <= last; b++) {
        n += qn_hist_at(hist, b) > 0;
    }
    return n;
}

/* Least magnitude in the far part: its channels' ranges tell, unless a channel
 * holds both signs; then at least the limit. */
static float far_nearest(const struct quern_stats *stats)
{
    const struct qn_part *far = &stats->far;
    float nearest = INFINITY;
    for (size_t c = 0; c < stats->channels; c++) {
        if (far->count[c] == 0) {
            continue;
        }
        bool has_both = far->min[c] < 0.0F && far->max[c] > 0.0F;
        float here = fminf(fabsf(far->min[c]), fabsf(far->max[c]));
        nearest = fminf(nearest, has_both ? QN_FILL_LIMIT : here);
    }
    return nearest;
}

/* A mask puts a value or two in place of many; a score may have been added to
 * it. Data thins out toward its largest values, and the huge activations of
 * some language models, which sit far off too, are one in a hundred thousand.
 * Scores vanish beside 1e30: what varies even there is data. */
bool qn_stats_far_is_fill(const struct quern_stats *stats)
{
    if (stats->far.n == 0) {
        return false;
    }
    float lo, hi, far_lo, far_hi;
    qn_part_range(&stats->body, stats->channels, &lo, &hi);
    qn_part_range(&stats->far, stats->channels, &far_lo, &far_hi);
    float body = fmaxf(-lo, hi);
    float far = fmaxf(-far_lo, far_hi);
    float nearest = far_nearest(stats);
    bool has_bins = stats->far.hist.tables != NULL;
    bool varies = has_bins && n_occupied(&stats->far.hist) > max_fill_bins;
    if (far >= 1e30F) {
        return !varies;
    }
    if (stats->body.n == 0 || nearest < 4.0F * body ||
        stats->far.n < stats->body.n / 10000) {
        return false;
    }
    return has_bins ? !varies : far <= 1.05F * nearest;
}

/* Sums of all channels of a part. */
static void total_sums(const struct qn_part *part, size_t channels,
                       struct qn_exact_sum *sum, struct qn_exact_sum *square)
{
    for (size_t c = 0; c < channels && part->sum != NULL; c++) {
        qn_exact_merge(sum, &part->sum[c]);
        qn_exact_merge(square, &part->square[c]);
    }
}

static void summarize_values(const struct quern_stats *stats, bool with_far,
                             struct quern_stats_summary *out)
{
    struct qn_exact_sum sum = {{0}, 0};
    struct qn_exact_sum square = {{0}, 0};
    qn_part_range(&stats->body, stats->channels, &out->min, &out->max);
    out->n_used = stats->body.n;
    total_sums(&stats->body, stats->channels, &sum, &square);
    if (with_far) {
        float lo, hi;
        qn_part_range(&stats->far, stats->channels, &lo, &hi);
        out->min = out->n_used == 0 ? lo : fminf(out->min, lo);
        out->max = out->n_used == 0 ? hi : fmaxf(out->max, hi);
        out->n_used += stats->far.n;
        total_sums(&stats->far, stats->channels, &sum, &square);
    }
    if (out->n_used > 0) {
        out->mean = qn_exact_value(&sum) / (double)out->n_used;
        out->mean_square = qn_exact_value(&square) / (double)out->n_used;
    }
}

void quern_stats_summary(const struct quern_stats *stats,
                         struct quern_stats_summary *out_summary)
{
    bool is_fill = qn_stats_far_is_fill(stats);
    struct quern_stats_summary made = {.n_values = stats->n_values,
                                       .n_nan = stats->n_nan,
                                       .n_pos_inf = stats->n_pos_inf,
                                       .n_neg_inf = stats->n_neg_inf,
                                       .nan_sample = stats->nan_sample,
                                       .nan_index = stats->nan_index,
                                       .inf_sample = stats->inf_sample,
                                       .inf_index = stats->inf_index};
    summarize_values(stats, stats->far.n > 0 && !is_fill, &made);
    if (is_fill) {
        float lo, hi;
        qn_part_range(&stats->far, stats->channels, &lo, &hi);
        made.n_fill = stats->far.n;
        made.fill_nearest = hi < 0.0F ? hi : lo > 0.0F ? lo : -QN_FILL_LIMIT;
    }
    made.has_fill = is_fill || (made.n_neg_inf > 0 && made.n_used > 0);
    *out_summary = made;
}

void quern_stats_channels(const struct quern_stats *stats, float *out_min,
                          float *out_max, double *out_mean,
                          double *out_mean_square)
{
    bool with_far = stats->far.n > 0 && !qn_stats_far_is_fill(stats);
    for (size_t c = 0; c < stats->channels; c++) {
        const struct qn_part *body = &stats->body;
        const struct qn_part *far = &stats->far;
        uint64_t n = body->count[c] + (with_far ? far->count[c] : 0);
        struct qn_exact_sum sum = {{0}, 0};
        struct qn_exact_sum square = {{0}, 0};
        float lo = with_far ? fminf(body->min[c], far->min[c]) : body->min[c];
        float hi = with_far ? fmaxf(body->max[c], far->max[c]) : body->max[c];
        if (body->sum != NULL) {
            sum = body->sum[c];
            square = body->square[c];
        }
        if (body->sum != NULL && with_far) {
            qn_exact_merge(&sum, &far->sum[c]);
            qn_exact_merge(&square, &far->square[c]);
        }
        double d = n > 0 ? (double)n : 1.0;
        if (out_min != NULL) {
            out_min[c] = n > 0 ? lo : 0.0F;
        }
        if (out_max != NULL) {
            out_max[c] = n > 0 ? hi : 0.0F;
        }
        if (out_mean != NULL) {
            out_mean[c] = qn_exact_value(&sum) / d;
        }
        if (out_mean_square != NULL) {
            out_mean_square[c] = qn_exact_value(&square) / d;
        }
    }
}

/* Counts of a part, its bins joined to 2^exponent. */
static void add_bins(const struct qn_hist *hist, int exponent,
                     struct qn_bins *out)
{
    int shift = exponent - hist->exponent;
    int32_t last = qn_hist_last(hist);
    shift = shift > 31 ? 31 : shift;
    for (int32_t b = qn_hist_first(hist); b <= last; b++) {
        out->counts[(b >> shift) - out->first] += qn_hist_at(hist, b);
    }
    out->counts[-out->first] += qn_hist_zeros(hist);
    out->n_zeros += qn_hist_zeros(hist);
}

void qn_stats_bins(const struct quern_stats *stats, struct qn_bins *out)
{
    struct quern_stats_summary summary;
    quern_stats_summary(stats, &summary);
    bool with_far = stats->far.n > 0 && summary.n_fill == 0;
    float lo = fminf(summary.min, 0.0F);
    float hi = fmaxf(summary.max, 0.0F);
    int exponent = qn_hist_exponent(lo, hi);
    *out = (struct qn_bins){.min = summary.min,
                            .max = summary.max,
                            .width = ldexp(1.0, exponent),
                            .total = (double)summary.n_used};
    out->first = qn_hist_bin(lo, exponent);
    out->n_bins = (size_t)(qn_hist_bin(hi, exponent) - out->first) + 1;
    add_bins(&stats->body.hist, exponent, out);
    if (with_far) {
        add_bins(&stats->far.hist, exponent, out);
    }
}

size_t quern_stats_histogram(const struct quern_stats *stats,
                             int32_t *out_first, double *out_width,
                             uint64_t *counts, size_t n_room)
{
    struct qn_bins bins;
    if (stats->body.hist.tables == NULL) {
        return 0;
    }
    qn_stats_bins(stats, &bins);
    *out_first = bins.first;
    *out_width = bins.width;
    for (size_t i = 0; i < bins.n_bins && i < n_room; i++) {
        counts[i] = bins.counts[i];
    }
    return bins.n_bins;
}
