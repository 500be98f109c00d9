/* Ranges that leave room for samples that were not seen. A range by what was
 * seen ends where the highest value was, or cuts it; another sample goes beyond
 * in each channel with a chance of 1 / (n + 1), and after equalization in any
 * of them. What that costs (see struct quern_tail) is weighed against the wider
 * step. */
#include "quant/range.h"

#include <math.h>

/* Ends to try, by the seen one. */
static const double parts[] = {0.6, 0.7,  0.8, 0.85, 0.9, 0.95, 1.0, 1.05,
                               1.1, 1.15, 1.2, 1.3,  1.4, 1.5,  1.7, 2.0};
enum { n_parts = sizeof parts / sizeof parts[0], n_ends = n_parts + 1 };

/* An end of a range with what lies beyond it. */
struct end {
    double x;
    double beyond; /* squared error of values of samples not seen, per value */
};

/* How much of an error at x is left behind the reader. */
static double slope_at(const struct quern_reader *reader, double x)
{
    double d = 0.01 * x;
    double s =
        (quern_reader_eval(reader, x + d) - quern_reader_eval(reader, x)) / d;
    return isfinite(s) ? s : 0.0;
}

static double beyond(const struct quern_stats *stats,
                     const struct quern_tail *tails,
                     const struct quern_range_options *options, int side,
                     double x)
{
    double sum = 0.0;
    double n = 0.0;
    for (size_t c = 0; c < stats->channels; c++) {
        const struct qn_part *b = &stats->body;
        struct quern_tail t = tails[c];
        if (b->count[c] == 0) {
            continue;
        }
        bool ends =
            options->bounded && (side == 0 ? b->min[c] <= options->least
                                           : b->max[c] >= options->most);
        t.low = side == 0 && !ends ? t.low : 0.0;
        t.high = side == 1 && !ends ? t.high : 0.0;
        sum += quern_tail_energy(&t, x, x) * (double)b->count[c];
        n += (double)b->count[c];
    }
    return n > 0.0 ? sum / n : 0.0;
}

static int make_ends(const struct quern_stats *stats,
                     const struct quern_tail *tails,
                     const struct quern_range_options *options, int side,
                     double seen, double chosen, struct end *out)
{
    const struct quern_reader *reader = &options->reader;
    double bound = side == 0 ? (double)options->least : (double)options->most;
    double most = options->bounded ? fabs(bound) : HUGE_VAL;
    int n = 0;
    out[n++].x = chosen;
    for (int i = 0; i < n_parts && fabs(seen) > 0.0; i++) {
        double x = fmin(parts[i] * fabs(seen), most);
        if (x > fabs(chosen)) {
            out[n++].x = copysign(x, seen);
        }
    }
    double slope = fabs(seen) > 0.0 ? slope_at(reader, seen) : 0.0;
    for (int i = 0; i < n; i++) {
        out[i].beyond =
            beyond(stats, tails, options, side, out[i].x) * slope * slope;
    }
    return n;
}

void qn_range_unseen(const struct qn_range_work *work,
                     const struct quern_stats *stats,
                     const struct quern_tail *tails,
                     const struct quern_range_options *options, double *lo,
                     double *hi)
{
    struct end lows[n_ends], highs[n_ends];
    const struct quern_reader *reader = &options->reader;
    double best = HUGE_VAL;
    double seen_lo = fmin((double)work->bins.min, 0.0);
    double seen_hi = fmax((double)work->bins.max, 0.0);
    int n_lows = make_ends(stats, tails, options, 0, seen_lo, *lo, lows);
    int n_highs = make_ends(stats, tails, options, 1, seen_hi, *hi, highs);
    for (int i = 0; i < n_lows; i++) {
        for (int j = 0; j < n_highs; j++) {
            double error = qn_range_error(work, reader, lows[i].x, highs[j].x,
                                          options->n_levels) +
                           lows[i].beyond + highs[j].beyond;
            if (error < best) {
                best = error;
                *lo = lows[i].x;
                *hi = highs[j].x;
            }
        }
    }
}
