/* Ranges of least squared error, measured behind the function that reads the
 * tensor: E[(f(x) - f(q(x)))^2] over a grid of cut-offs on the histogram.
 *
 * With sums over bins each candidate costs a few operations. What is cut off
 * at lo errs by f(x) - f(lo); what is kept by a rounding error of the step's
 * uniform variance step^2 / 12, times f'(x)^2.
 */
#include "quant/range.h"

#include <math.h>

enum { grid = 60, symmetric_grid = 240 };

/* Cut-offs go down to this part of the range. */
static const double least_part = 0.05;

void qn_range_sums(struct qn_range_work *work,
                   const struct quern_reader *reader)
{
    const struct qn_bins *bins = &work->bins;
    struct qn_error_sums *s = &work->error;
    double per_value = bins->total > 0.0 ? 1.0 / bins->total : 0.0;
    double edge = (double)bins->first * bins->width;
    double below = quern_reader_eval(reader, edge);
    s->mass[0] = 0.0;
    s->mean[0] = 0.0;
    s->square[0] = 0.0;
    s->slope[0] = 0.0;
    for (size_t i = 0; i < bins->n_bins; i++) {
        double left = (double)(bins->first + (int32_t)i) * bins->width;
        double y = quern_reader_eval(reader, left + 0.5 * bins->width);
        double above = quern_reader_eval(reader, left + bins->width);
        double slope = (above - below) / bins->width;
        double p = (double)bins->counts[i] * per_value;
        bool is_zero = bins->first + (int32_t)i == 0;
        double exact = is_zero ? (double)bins->n_zeros * per_value : 0.0;
        s->mass[i + 1] = s->mass[i] + p;
        s->mean[i + 1] = s->mean[i] + p * y;
        s->square[i + 1] = s->square[i] + p * y * y;
        s->slope[i + 1] = s->slope[i] + (p - exact) * slope * slope;
        below = above;
    }
}

/* Number of bins whose centre is below x. */
static size_t bins_below(const struct qn_bins *bins, double x)
{
    double n = ceil(x / bins->width - (double)bins->first - 0.5);
    if (!(n > 0.0)) {
        return 0;
    }
    return n < (double)bins->n_bins ? (size_t)n : bins->n_bins;
}

/* One end of a candidate with what it needs. */
struct cut {
    double x, y;
    size_t bin;
};

static struct cut make_cut(const struct qn_range_work *work,
                           const struct quern_reader *reader, double x)
{
    struct cut cut = {x, quern_reader_eval(reader, x),
                      bins_below(&work->bins, x)};
    return cut;
}

static double error_of(const struct qn_range_work *work, struct cut lo,
                       struct cut hi, int n_levels)
{
    const struct qn_error_sums *s = &work->error;
    size_t n = work->bins.n_bins;
    size_t i = lo.bin;
    size_t j = hi.bin > i ? hi.bin : i;
    double step = (hi.x - lo.x) / (double)n_levels;
    double low =
        s->square[i] - 2.0 * lo.y * s->mean[i] + lo.y * lo.y * s->mass[i];
    double high = s->square[n] - s->square[j] -
                  2.0 * hi.y * (s->mean[n] - s->mean[j]) +
                  hi.y * hi.y * (s->mass[n] - s->mass[j]);
    double kept = step * step / 12.0 * (s->slope[j] - s->slope[i]);
    return fmax(low, 0.0) + fmax(high, 0.0) + kept;
}

double qn_range_error(const struct qn_range_work *work,
                      const struct quern_reader *reader, double lo, double hi,
                      int n_levels)
{
    return error_of(work, make_cut(work, reader, lo),
                    make_cut(work, reader, hi), n_levels);
}

/* Cut-offs from the whole end to a twentieth of it; one when it is 0. */
static int make_cuts(const struct qn_range_work *work,
                     const struct quern_reader *reader, double end, int n,
                     struct cut *out)
{
    if (!(fabs(end) > 0.0)) {
        out[0] = make_cut(work, reader, 0.0);
        return 1;
    }
    for (int i = 0; i < n; i++) {
        double part = 1.0 - (1.0 - least_part) * (double)i / (double)(n - 1);
        out[i] = make_cut(work, reader, end * part);
    }
    return n;
}

static void search_symmetric(const struct qn_range_work *work,
                             const struct quern_reader *reader, int n_levels,
                             double *lo, double *hi)
{
    struct cut lows[symmetric_grid], highs[symmetric_grid];
    double end = fmax(-*lo, *hi);
    int n = make_cuts(work, reader, end, symmetric_grid, highs);
    double best = HUGE_VAL;
    (void)make_cuts(work, reader, -end, symmetric_grid, lows);
    for (int i = 0; i < n; i++) {
        double error = error_of(work, lows[i], highs[i], n_levels);
        if (error < best) {
            best = error;
            *lo = lows[i].x;
            *hi = highs[i].x;
        }
    }
}

void qn_range_mse(const struct qn_range_work *work,
                  const struct quern_reader *reader, bool symmetric,
                  int n_levels, double *lo, double *hi)
{
    struct cut lows[grid], highs[grid];
    double best = HUGE_VAL;
    if (symmetric) {
        search_symmetric(work, reader, n_levels, lo, hi);
        return;
    }
    int n_lows = make_cuts(work, reader, *lo, grid, lows);
    int n_highs = make_cuts(work, reader, *hi, grid, highs);
    for (int i = 0; i < n_lows; i++) {
        for (int j = 0; j < n_highs; j++) {
            double error = error_of(work, lows[i], highs[j], n_levels);
            if (error < best) {
                best = error;
                *lo = lows[i].x;
                *hi = highs[j].x;
            }
        }
    }
}
