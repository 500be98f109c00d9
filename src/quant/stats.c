/* Statistics of one tensor: making, feeding, merging.
 *
 * A call sees one sample. Fast path: scan for range and odd values, then count
 * bins, then sum. Calls with NaN, infinities or far values take the slow path,
 * element by element. Sums of one call have a fixed order of additions (in
 * float over at most 256 values, then double) and are added exactly across
 * calls. Exact sums of single values would cost 1 ns and more an element, ten
 * times what these cost, and change nothing that anybody reads.
 */
#include "quant/stats.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "base/diag.h"

#include <math.h>
#include <string.h>

/* One call's data. */
struct view {
    const float *data;
    size_t outer, channels, inner, len;
    uint64_t sample;
};

/* What a scan of a call with odd values found, by class. */
struct survey {
    uint64_t n_nan, n_pos_inf, n_neg_inf, n_body, n_far;
    size_t nan_index, inf_index;                /* first ones */
    float body_min, body_max, far_min, far_max; /* zero included */
};

/* ------------------------------------------------------------------ parts */

bool qn_part_init(struct qn_part *part, uint32_t flags, size_t channels)
{
    *part = (struct qn_part){0};
    part->min = qn_calloc_n(channels, sizeof *part->min);
    part->max = qn_calloc_n(channels, sizeof *part->max);
    part->count = qn_calloc_n(channels, sizeof *part->count);
    part->second_min = qn_calloc_n(channels, sizeof *part->second_min);
    part->second_max = qn_calloc_n(channels, sizeof *part->second_max);
    bool good = part->min != NULL && part->max != NULL && part->count != NULL &&
                part->second_min != NULL && part->second_max != NULL;
    if ((flags & QUERN_STATS_MOMENTS) != 0) {
        part->sum = qn_calloc_n(channels, sizeof *part->sum);
        part->square = qn_calloc_n(channels, sizeof *part->square);
        good = good && part->sum != NULL && part->square != NULL;
    }
    if ((flags & QUERN_STATS_HISTOGRAM) != 0) {
        good = good && qn_hist_init(&part->hist);
    }
    if (!good) {
        qn_part_finish(part);
        return false;
    }
    for (size_t c = 0; c < channels; c++) {
        part->min[c] = INFINITY;
        part->max[c] = -INFINITY;
        part->second_min[c] = INFINITY;
        part->second_max[c] = -INFINITY;
    }
    return true;
}

void qn_part_finish(struct qn_part *part)
{
    qn_free(part->min);
    qn_free(part->max);
    qn_free(part->second_min);
    qn_free(part->second_max);
    qn_free(part->count);
    qn_free(part->sum);
    qn_free(part->square);
    qn_hist_finish(&part->hist);
    *part = (struct qn_part){0};
}

bool qn_part_reserve(struct qn_part *part, uint64_t n)
{
    return part->hist.tables == NULL || qn_hist_reserve(&part->hist, n);
}

void qn_part_range(const struct qn_part *part, size_t channels, float *out_min,
                   float *out_max)
{
    *out_min = 0.0F;
    *out_max = 0.0F;
    if (part->n == 0) {
        return;
    }
    *out_min = part->min[0];
    *out_max = part->max[0];
    for (size_t c = 1; c < channels; c++) {
        *out_min = fminf(*out_min, part->min[c]);
        *out_max = fmaxf(*out_max, part->max[c]);
    }
}

/* Take over the sums of this call, `count` values of channel c. */
static void part_take_sums(struct qn_part *part, size_t c, uint64_t count,
                           double sum, double square)
{
    part->count[c] += count;
    part->n += count;
    if (part->sum != NULL) {
        qn_exact_add(&part->sum[c], sum);
        qn_exact_add(&part->square[c], square);
    }
}

static void part_merge(struct qn_part *part, const struct qn_part *other,
                       size_t channels)
{
    if (part->hist.tables != NULL) {
        qn_hist_widen(&part->hist, other->hist.min, other->hist.max);
        qn_hist_merge(&part->hist, &other->hist);
    }
    part->n += other->n;
    for (size_t c = 0; c < channels; c++) {
        qn_part_merge_ends(part, c, other, c);
        part->count[c] += other->count[c];
        if (part->sum != NULL) {
            qn_exact_merge(&part->sum[c], &other->sum[c]);
            qn_exact_merge(&part->square[c], &other->square[c]);
        }
    }
}

/* -------------------------------------------------------------- fast path */

/* Range of each channel into the scratch; false when odd values are there. */
static bool scan_call(struct quern_stats *stats, const struct view *view)
{
    for (size_t c = 0; c < view->channels; c++) {
        stats->call_min[c] = INFINITY;
        stats->call_max[c] = -INFINITY;
    }
    if (view->inner == 1) {
        return qn_column_scan(view->data, view->outer, view->channels,
                              stats->call_min, stats->call_max);
    }
    bool good = true;
    size_t c = 0;
    for (size_t at = 0; at < view->len; at += view->inner) {
        float lo, hi;
        good &= qn_row_scan(view->data + at, view->inner, &lo, &hi);
        stats->call_min[c] = lo < stats->call_min[c] ? lo : stats->call_min[c];
        stats->call_max[c] = hi > stats->call_max[c] ? hi : stats->call_max[c];
        c = c + 1 == view->channels ? 0 : c + 1;
    }
    return good;
}

static void sum_call(struct quern_stats *stats, const struct view *view)
{
    memset(stats->call_sum, 0, view->channels * sizeof *stats->call_sum);
    memset(stats->call_square, 0, view->channels * sizeof *stats->call_square);
    if (view->inner == 1) {
        qn_column_sums(view->data, view->outer, view->channels, stats->call_sum,
                       stats->call_square);
        return;
    }
    size_t c = 0;
    for (size_t at = 0; at < view->len; at += view->inner) {
        qn_row_sums(view->data + at, view->inner, &stats->call_sum[c],
                    &stats->call_square[c]);
        c = c + 1 == view->channels ? 0 : c + 1;
    }
}

/* Ranges of this call into the part. */
static void take_ranges(const struct quern_stats *stats, struct qn_part *part)
{
    float lo = 0.0F;
    float hi = 0.0F;
    qn_join_ends(stats->call_min, stats->call_max, stats->channels, part->min,
                 part->second_min, part->max, part->second_max);
    if (part->hist.tables != NULL) {
        qn_outer_ends(stats->call_min, stats->call_max, stats->channels, &lo,
                      &hi);
        qn_hist_widen(&part->hist, lo, hi);
    }
}

/* Nothing odd: all goes to the body. */
static void add_plain(struct quern_stats *stats, const struct view *view)
{
    struct qn_part *body = &stats->body;
    uint64_t count = (uint64_t)view->outer * view->inner;
    take_ranges(stats, body);
    if (body->hist.tables != NULL) {
        qn_hist_count(&body->hist, view->data, view->len);
    }
    for (size_t c = 0; c < view->channels; c++) {
        body->count[c] += count;
    }
    body->n += view->len;
    if (stats->call_sum == NULL) {
        return;
    }
    sum_call(stats, view);
    for (size_t c = 0; c < view->channels; c++) {
        qn_exact_add(&body->sum[c], stats->call_sum[c]);
        qn_exact_add(&body->square[c], stats->call_square[c]);
    }
}

/* -------------------------------------------------------------- slow path */

static bool is_far(float x)
{
    return fabsf(x) >= QN_FILL_LIMIT;
}

static struct survey survey_call(const struct view *view)
{
    struct survey s = {0};
    for (size_t i = 0; i < view->len; i++) {
        float x = view->data[i];
        if (isnan(x)) {
            s.nan_index = s.n_nan == 0 ? i : s.nan_index;
            s.n_nan++;
        } else if (isinf(x)) {
            s.inf_index = s.n_pos_inf + s.n_neg_inf == 0 ? i : s.inf_index;
            s.n_pos_inf += x > 0.0F;
            s.n_neg_inf += x < 0.0F;
        } else if (is_far(x)) {
            s.far_min = fminf(s.far_min, x);
            s.far_max = fmaxf(s.far_max, x);
            s.n_far++;
        } else {
            s.body_min = fminf(s.body_min, x);
            s.body_max = fmaxf(s.body_max, x);
            s.n_body++;
        }
    }
    return s;
}

/* Keep the first place of a kind, by sample and index. */
static void note_first(uint64_t n_before, uint64_t sample, uint64_t index,
                       uint64_t *at_sample, uint64_t *at_index)
{
    bool is_earlier =
        sample < *at_sample || (sample == *at_sample && index < *at_index);
    if (n_before == 0 || is_earlier) {
        *at_sample = sample;
        *at_index = index;
    }
}

static void count_odd(struct quern_stats *stats, uint64_t sample,
                      const struct survey *s)
{
    if (s->n_nan > 0) {
        note_first(stats->n_nan, sample, s->nan_index, &stats->nan_sample,
                   &stats->nan_index);
    }
    if (s->n_pos_inf + s->n_neg_inf > 0) {
        note_first(stats->n_pos_inf + stats->n_neg_inf, sample, s->inf_index,
                   &stats->inf_sample, &stats->inf_index);
    }
    stats->n_nan += s->n_nan;
    stats->n_pos_inf += s->n_pos_inf;
    stats->n_neg_inf += s->n_neg_inf;
}

/* All values of one channel and class. */
static void add_channel_of_class(const struct view *view, size_t c,
                                 bool want_far, struct qn_part *part)
{
    double sum = 0.0;
    double square = 0.0;
    uint64_t count = 0;
    float lo = INFINITY;
    float hi = -INFINITY;
    for (size_t o = 0; o < view->outer; o++) {
        const float *row = view->data + (o * view->channels + c) * view->inner;
        for (size_t i = 0; i < view->inner; i++) {
            float x = row[i] + 0.0F; /* no -0 */
            if (!isfinite(x) || is_far(x) != want_far) {
                continue;
            }
            lo = fminf(lo, x);
            hi = fmaxf(hi, x);
            sum += (double)x;
            square += (double)x * (double)x;
            count++;
            if (part->hist.tables != NULL) {
                qn_hist_count(&part->hist, &x, 1);
            }
        }
    }
    qn_part_take_ends(part, c, lo, hi);
    part_take_sums(part, c, count, sum, square);
}

static void add_class(struct quern_stats *stats, const struct view *view,
                      bool want_far, float min, float max)
{
    struct qn_part *part = want_far ? &stats->far : &stats->body;
    if (part->hist.tables != NULL) {
        qn_hist_widen(&part->hist, min, max);
    }
    for (size_t c = 0; c < view->channels; c++) {
        add_channel_of_class(view, c, want_far, part);
    }
}

/* The part for far values, when it is needed and not there. */
static bool need_far(struct quern_stats *stats, bool is_needed)
{
    return !is_needed || stats->far.min != NULL ||
           qn_part_init(&stats->far, stats->flags, stats->channels);
}

static enum quern_code add_odd(struct quern_context *context,
                               struct quern_stats *stats,
                               const struct view *view)
{
    struct survey s = survey_call(view);
    if (!need_far(stats, s.n_far > 0) ||
        !qn_part_reserve(&stats->body, s.n_body) ||
        !qn_part_reserve(&stats->far, s.n_far)) {
        return qn_no_memory(context);
    }
    count_odd(stats, view->sample, &s);
    if (s.n_body > 0) {
        add_class(stats, view, false, s.body_min, s.body_max);
    }
    if (s.n_far > 0) {
        add_class(stats, view, true, s.far_min, s.far_max);
    }
    return QUERN_OK;
}

/* ----------------------------------------------------------------- public */

enum quern_code quern_stats_create(struct quern_context *context,
                                   uint32_t flags, size_t channels,
                                   struct quern_stats **out_stats)
{
    const uint32_t known =
        QUERN_STATS_HISTOGRAM | QUERN_STATS_MOMENTS | QUERN_STATS_PAIRS;
    if (channels == 0 || (flags & ~known) != 0) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "statistics with %zu channels and flags 0x%x; need "
                          "one channel or more and known flags",
                          channels, (unsigned)flags);
    }
    struct quern_stats *stats = qn_calloc(sizeof *stats);
    if (stats == NULL) {
        return qn_no_memory(context);
    }
    stats->flags = flags;
    stats->channels = channels;
    stats->call_min = qn_calloc_n(channels, sizeof *stats->call_min);
    stats->call_max = qn_calloc_n(channels, sizeof *stats->call_max);
    bool good = stats->call_min != NULL && stats->call_max != NULL &&
                qn_part_init(&stats->body, flags, channels);
    if (good && (flags & QUERN_STATS_MOMENTS) != 0) {
        stats->call_sum = qn_calloc_n(channels, sizeof *stats->call_sum);
        stats->call_square = qn_calloc_n(channels, sizeof *stats->call_square);
        good = stats->call_sum != NULL && stats->call_square != NULL;
    }
    if (good && (flags & QUERN_STATS_PAIRS) != 0) {
        stats->pair_max = qn_calloc_n(channels, sizeof *stats->pair_max);
        good = stats->pair_max != NULL;
    }
    if (!good) {
        quern_stats_destroy(&stats);
        return qn_no_memory(context);
    }
    *out_stats = stats;
    return QUERN_OK;
}

void quern_stats_clear(struct quern_stats *s)
{
    qn_part_finish(&s->body);
    qn_part_finish(&s->far);
    qn_free(s->pair_max);
    qn_free(s->call_min);
    qn_free(s->call_max);
    qn_free(s->call_sum);
    qn_free(s->call_square);
    *s = (struct quern_stats){0};
}

void quern_stats_destroy(struct quern_stats **stats)
{
    if (stats != NULL && *stats != NULL) {
        quern_stats_clear(*stats);
        qn_free(*stats);
        *stats = NULL;
    }
}

enum quern_code quern_stats_add(struct quern_context *context,
                                struct quern_stats *stats, uint64_t sample,
                                const float *data, size_t outer,
                                size_t channels, size_t inner)
{
    size_t len;
    if (!qn_mul(outer, channels, &len) || !qn_mul(len, inner, &len)) {
        return quern_fail(context, QUERN_LIMIT, NULL,
                          "sample of %zu x %zu x %zu values overflows", outer,
                          channels, inner);
    }
    if (len == 0) {
        return QUERN_OK;
    }
    if (stats->channels != channels) {
        return qn_stats_add_ragged(context, stats, sample, data, outer,
                                   channels, inner);
    }
    enum quern_code code = QUERN_OK;
    struct view view = {data, outer, channels, inner, len, sample};
    bool is_odd = !scan_call(stats, &view);
    if (is_odd) {
        code = add_odd(context, stats, &view);
    } else if (qn_part_reserve(&stats->body, len)) {
        add_plain(stats, &view);
    } else {
        code = qn_no_memory(context);
    }
    if (code == QUERN_OK) {
        qn_stats_add_pairs(stats, data, view.outer, view.inner, is_odd);
        stats->n_values += len;
    }
    return code;
}

enum quern_code quern_stats_merge(struct quern_context *context,
                                  struct quern_stats *stats,
                                  const struct quern_stats *other)
{
    if (stats->flags != other->flags) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "statistics with flags 0x%x, to be merged into such "
                          "with 0x%x",
                          (unsigned)other->flags, (unsigned)stats->flags);
    }
    if (stats->channels != other->channels) {
        return qn_stats_merge_ragged(context, stats, other);
    }
    if (!need_far(stats, other->far.n > 0) ||
        !qn_part_reserve(&stats->body, other->body.n) ||
        !qn_part_reserve(&stats->far, other->far.n)) {
        return qn_no_memory(context);
    }
    if (other->n_nan > 0) {
        note_first(stats->n_nan, other->nan_sample, other->nan_index,
                   &stats->nan_sample, &stats->nan_index);
    }
    if (other->n_pos_inf + other->n_neg_inf > 0) {
        note_first(stats->n_pos_inf + stats->n_neg_inf, other->inf_sample,
                   other->inf_index, &stats->inf_sample, &stats->inf_index);
    }
    stats->n_values += other->n_values;
    stats->hides_seconds |= other->hides_seconds;
    stats->is_old |= other->is_old;
    stats->n_nan += other->n_nan;
    stats->n_pos_inf += other->n_pos_inf;
    stats->n_neg_inf += other->n_neg_inf;
    for (size_t j = 0; stats->pair_max != NULL && j < stats->channels / 2;
         j++) {
        stats->pair_max[j] = fmaxf(stats->pair_max[j], other->pair_max[j]);
    }
    part_merge(&stats->body, &other->body, stats->channels);
    if (other->far.n > 0) {
        part_merge(&stats->far, &other->far, stats->channels);
    }
    return QUERN_OK;
}

bool quern_stats_is_old(const struct quern_stats *stats)
{
    return stats->is_old;
}

uint32_t quern_stats_flags(const struct quern_stats *stats)
{
    return stats->flags;
}

size_t quern_stats_n_channels(const struct quern_stats *stats)
{
    return stats->channels;
}
