/* Statistics of channels that were multiplied by a factor each. */
#include "base/alloc.h"
#include "base/diag.h"
#include "quant/stats.h"

#include <math.h>

/* What the channels of the values in use say. */
struct channels {
    float *min, *max;
    float *second_min, *second_max;
    double *mean, *square;
};

static bool channels_init(struct channels *c, size_t n)
{
    c->min = qn_calloc_n(n, sizeof *c->min);
    c->max = qn_calloc_n(n, sizeof *c->max);
    c->second_min = qn_calloc_n(n, sizeof *c->second_min);
    c->second_max = qn_calloc_n(n, sizeof *c->second_max);
    c->mean = qn_calloc_n(n, sizeof *c->mean);
    c->square = qn_calloc_n(n, sizeof *c->square);
    return c->min != NULL && c->max != NULL && c->second_min != NULL &&
           c->second_max != NULL && c->mean != NULL && c->square != NULL;
}

static void channels_finish(struct channels *c)
{
    qn_free(c->min);
    qn_free(c->max);
    qn_free(c->second_min);
    qn_free(c->second_max);
    qn_free(c->mean);
    qn_free(c->square);
}

static void fill(const struct quern_stats *from, const struct channels *c,
                 const double *factors, struct quern_stats *out)
{
    struct qn_part *body = &out->body;
    bool with_far = from->far.n > 0 && !qn_stats_far_is_fill(from);
    for (size_t i = 0; i < from->channels; i++) {
        uint64_t n = from->body.count[i] + (with_far ? from->far.count[i] : 0);
        if (n == 0) {
            continue; /* as it is made: nothing seen */
        }
        body->min[i] = (float)((double)c->min[i] * factors[i]);
        body->max[i] = (float)((double)c->max[i] * factors[i]);
        body->second_min[i] = (float)((double)c->second_min[i] * factors[i]);
        body->second_max[i] = (float)((double)c->second_max[i] * factors[i]);
        body->count[i] = n;
        body->n += n;
        if (body->sum != NULL) {
            double sum = c->mean[i] * (double)n;
            double square = c->square[i] * (double)n;
            qn_exact_add(&body->sum[i], sum * factors[i]);
            qn_exact_add(&body->square[i], square * factors[i] * factors[i]);
        }
    }
    out->n_values = from->n_values;
    out->hides_seconds = from->hides_seconds;
    out->is_old = from->is_old;
}

static enum quern_code check(struct quern_context *context,
                             const struct quern_stats *stats,
                             const double *factors, size_t n)
{
    if (n != stats->channels) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "%zu factors, statistics have %zu channels", n,
                          stats->channels);
    }
    for (size_t i = 0; i < n; i++) {
        if (!(factors[i] > 0.0) || !isfinite(factors[i])) {
            return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                              "factor %zu is %g, needs a positive number", i,
                              factors[i]);
        }
    }
    return QUERN_OK;
}

enum quern_code quern_stats_scaled(struct quern_context *context,
                                   const struct quern_stats *stats,
                                   const double *factors, size_t n,
                                   struct quern_stats **out_stats)
{
    struct channels c = {0};
    struct quern_stats *scaled = NULL;
    enum quern_code code = check(context, stats, factors, n);
    if (code == QUERN_OK && !channels_init(&c, n)) {
        code = qn_no_memory(context);
    }
    if (code == QUERN_OK) {
        code = quern_stats_create(context, stats->flags & QUERN_STATS_MOMENTS,
                                  n, &scaled);
    }
    if (code == QUERN_OK) {
        quern_stats_channels(stats, c.min, c.max, c.mean, c.square);
        qn_stats_seconds(stats, c.second_min, c.second_max);
        fill(stats, &c, factors, scaled);
        *out_stats = scaled;
    }
    channels_finish(&c);
    return code;
}
