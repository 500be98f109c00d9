/* Ranges that leave room for samples that were not seen. A range by what was
 * seen ends where the highest value was, or cuts it; another sample goes beyond
 * in each channel with a chance of 1 / (n + 1), and after equalization in any
 * of them. What that costs (see struct quern_tail) is weighed against the wider
 * step. */
#include "quant/range.h"

#include <math.h>

/* Ends to try, by the seen one. Of channels of one value a sample and few
 * samples the best is up to 2.5. */
static const double parts[] = {0.6,  0.7, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1,
                               1.15, 1.2, 1.3, 1.4,  1.5, 1.7,  2.0, 2.5,  3.0};
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
        if (b->count[c] == 0) {
            continue;
        }
        bool ends =
            options->bounded && (side == 0 ? b->min[c] <= options->least
                                           : b->max[c] >= options->most);
        sum += ends ? 0.0
                    : qn_tail_energy_at(&tails[c], side == 1, x) *
                          (double)b->count[c];
        n += (double)b->count[c];
    }
    return n > 0.0 ? sum / n : 0.0;
}

/* What lies beyond an end at x of one side, behind the reader. */
static double lost(const struct quern_stats *stats,
                   const struct quern_tail *tails,
                   const struct quern_range_options *options, int side,
                   double seen, double x)
{
    double slope = fabs(seen) > 0.0 ? slope_at(&options->reader, seen) : 0.0;
    return beyond(stats, tails, options, side, x) * slope * slope;
}

/* The chosen end, and those of the grid that go further but not beyond `most`;
 * ends have the sign of `seen`. */
static int make_ends(double seen, double chosen, double most, struct end *out)
{
    int n = 0;
    out[n++].x = chosen;
    for (int i = 0; i < n_parts && fabs(seen) > 0.0; i++) {
        double x = fmin(parts[i] * fabs(seen), most);
        if (x > fabs(chosen)) {
            out[n++].x = copysign(x, seen);
        }
    }
    return n;
}

/* One end for both sides. */
static void widen_both(const struct qn_range_work *work,
                       const struct quern_stats *stats,
                       const struct quern_tail *tails,
                       const struct quern_range_options *options,
                       const double *seen, double *lo, double *hi)
{
    struct end ends[n_ends];
    double best = HUGE_VAL;
    double most = options->bounded ? fmax(fabs((double)options->least),
                                          fabs((double)options->most))
                                   : HUGE_VAL;
    int n = make_ends(fmax(-seen[0], seen[1]), *hi, most, ends);
    for (int i = 0; i < n; i++) {
        double x = ends[i].x;
        double error =
            qn_range_error(work, &options->reader, -x, x, options->n_levels) +
            lost(stats, tails, options, 0, seen[0], x) +
            lost(stats, tails, options, 1, seen[1], x);
        if (error < best) {
            best = error;
            *hi = x;
        }
    }
    *lo = -*hi;
}

static void widen_each(const struct qn_range_work *work,
                       const struct quern_stats *stats,
                       const struct quern_tail *tails,
                       const struct quern_range_options *options,
                       const double *seen, double *lo, double *hi)
{
    struct end ends[2][n_ends];
    int n[2];
    double best = HUGE_VAL;
    for (int side = 0; side < 2; side++) {
        double bound =
            side == 0 ? (double)options->least : (double)options->most;
        double most = options->bounded ? fabs(bound) : HUGE_VAL;
        n[side] =
            make_ends(seen[side], side == 0 ? *lo : *hi, most, ends[side]);
        for (int i = 0; i < n[side]; i++) {
            struct end *e = &ends[side][i];
            e->beyond =
                lost(stats, tails, options, side, seen[side], fabs(e->x));
        }
    }
    for (int i = 0; i < n[0]; i++) {
        for (int j = 0; j < n[1]; j++) {
            const struct end *low = &ends[0][i];
            const struct end *high = &ends[1][j];
            double error = qn_range_error(work, &options->reader, low->x,
                                          high->x, options->n_levels) +
                           low->beyond + high->beyond;
            if (error < best) {
                best = error;
                *lo = low->x;
                *hi = high->x;
            }
        }
    }
}

void qn_range_unseen(const struct qn_range_work *work,
                     const struct quern_stats *stats,
                     const struct quern_tail *tails,
                     const struct quern_range_options *options, double *lo,
                     double *hi)
{
    const double seen[2] = {fmin((double)work->bins.min, 0.0),
                            fmax((double)work->bins.max, 0.0)};
    (options->symmetric ? widen_both : widen_each)(work, stats, tails, options,
                                                   seen, lo, hi);
}
