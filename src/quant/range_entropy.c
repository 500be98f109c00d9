/* Ranges of least Kullback-Leibler divergence (Migacz, GTC 2017): P is the
 * histogram cut to a window, what lies outside added to the window's end bins;
 * Q is the window merged into as many groups as there are levels and spread
 * back over the bins that were not empty.
 *
 * Since Q is constant in each group, the sum over bins falls apart into prefix
 * sums of c ln c and one logarithm a group, so that hundreds of windows cost
 * what one costs when bins are walked. Exact zeros are left out: every range
 * holds 0, and a spike there says nothing about cut-offs. A window that ends
 * in an empty bin counts that bin as half a value.
 */
#include "quant/range.h"

#include <math.h>

enum { cuts_one_sided = 128, cuts_two_sided = 40, rounds = 2 };

static double x_log_x(double x)
{
    return x > 0.0 ? x * log(x) : 0.0;
}

static void make_sums(struct qn_entropy_sums *s)
{
    s->mass[0] = 0.0;
    s->entropy[0] = 0.0;
    s->filled[0] = 0;
    for (size_t i = 0; i < s->n_bins; i++) {
        s->mass[i + 1] = s->mass[i] + s->counts[i];
        s->entropy[i + 1] = s->entropy[i] + x_log_x(s->counts[i]);
        s->filled[i + 1] = s->filled[i] + (s->counts[i] > 0.0 ? 1U : 0U);
    }
}

/* Part of -sum p ln q that group [i, j) of the window [a, b) gives: its mass
 * in P, by the logarithm of what one of its filled bins has in Q. */
static double group_cost(const struct qn_entropy_sums *s, size_t a, size_t b,
                         size_t i, size_t j, double outside_low,
                         double outside_high)
{
    double q = s->mass[j] - s->mass[i];
    double p = q;
    double filled = (double)(s->filled[j] - s->filled[i]);
    if (i == a && outside_low > 0.0) {
        p += outside_low;
        q += s->counts[i] > 0.0 ? 0.0 : 0.5;
        filled += s->counts[i] > 0.0 ? 0.0 : 1.0;
    }
    if (j == b && outside_high > 0.0) {
        p += outside_high;
        q += s->counts[j - 1] > 0.0 ? 0.0 : 0.5;
        filled += s->counts[j - 1] > 0.0 ? 0.0 : 1.0;
    }
    return p > 0.0 ? -p * log(q / filled) : 0.0;
}

/* Divergence of the window [a, b), times the number of values, less what all
 * windows have in common. */
static double divergence(const struct qn_entropy_sums *s, size_t a, size_t b,
                         size_t n_levels)
{
    double low = s->mass[a];
    double high = s->mass[s->n_bins] - s->mass[b];
    double total = s->mass[s->n_bins];
    double kept = total - low - high;
    if (!(kept > 0.0)) {
        return HUGE_VAL;
    }
    double cost = s->entropy[b] - s->entropy[a] + total * log(kept);
    cost += x_log_x(s->counts[a] + low) - x_log_x(s->counts[a]);
    cost += x_log_x(s->counts[b - 1] + high) - x_log_x(s->counts[b - 1]);
    size_t n = b - a;
    size_t n_groups = n < n_levels ? n : n_levels;
    size_t i = a;
    for (size_t g = 1; g <= n_groups; g++) {
        size_t j = a + g * n / n_groups;
        cost += group_cost(s, a, b, i, j, low, high);
        i = j;
    }
    return cost;
}

/* Best b in [first, n_bins] for a given a; both ends are tried. */
static size_t search_high(const struct qn_entropy_sums *s, size_t a,
                          size_t first, size_t n_levels, size_t n_cuts,
                          double *best)
{
    size_t found = s->n_bins;
    size_t span = s->n_bins - first;
    *best = divergence(s, a, s->n_bins, n_levels);
    for (size_t k = 1; k <= n_cuts && span > 0; k++) {
        size_t b = s->n_bins - k * span / n_cuts;
        double d = b > a ? divergence(s, a, b, n_levels) : HUGE_VAL;
        if (d < *best) {
            *best = d;
            found = b;
        }
    }
    return found;
}

/* Best a in [0, last] for a given b. */
static size_t search_low(const struct qn_entropy_sums *s, size_t b, size_t last,
                         size_t n_levels, size_t n_cuts, double *best)
{
    size_t found = 0;
    *best = divergence(s, 0, b, n_levels);
    for (size_t k = 1; k <= n_cuts && last > 0; k++) {
        size_t a = k * last / n_cuts;
        double d = a < b ? divergence(s, a, b, n_levels) : HUGE_VAL;
        if (d < *best) {
            *best = d;
            found = a;
        }
    }
    return found;
}

/* |x|: bin m holds magnitudes [m, m + 1) * width. */
static void entropy_symmetric(struct qn_range_work *work, size_t n_levels,
                              double *lo, double *hi)
{
    const struct qn_bins *bins = &work->bins;
    struct qn_entropy_sums *s = work->entropy;
    double best;
    s->n_bins = 0;
    for (size_t i = 0; i < QN_HIST_BINS; i++) {
        s->counts[i] = 0.0;
    }
    for (size_t i = 0; i < bins->n_bins; i++) {
        int32_t bin = bins->first + (int32_t)i;
        size_t m = (size_t)(bin >= 0 ? bin : -1 - bin);
        s->counts[m] += (double)bins->counts[i];
        s->n_bins = m + 1 > s->n_bins ? m + 1 : s->n_bins;
    }
    s->counts[0] -= (double)bins->n_zeros;
    make_sums(s);
    size_t first = n_levels < s->n_bins ? n_levels : s->n_bins;
    size_t b = search_high(s, 0, first, n_levels, cuts_one_sided, &best);
    double t = (double)b * bins->width;
    t = fmin(t, fmax(-*lo, *hi));
    *lo = -t;
    *hi = t;
}

static void entropy_free(struct qn_range_work *work, size_t n_levels,
                         double *lo, double *hi)
{
    const struct qn_bins *bins = &work->bins;
    struct qn_entropy_sums *s = work->entropy;
    size_t zero = (size_t)(-bins->first); /* bin that starts at 0 */
    double best;
    s->n_bins = bins->n_bins;
    for (size_t i = 0; i < bins->n_bins; i++) {
        s->counts[i] = (double)bins->counts[i];
    }
    s->counts[zero] -= (double)bins->n_zeros;
    make_sums(s);
    size_t a = 0;
    size_t b = s->n_bins;
    size_t n_cuts = zero == 0 ? cuts_one_sided : cuts_two_sided;
    for (int round = 0; round < (zero == 0 ? 1 : rounds); round++) {
        size_t least = a + n_levels > zero + 1 ? a + n_levels : zero + 1;
        least = least < s->n_bins ? least : s->n_bins;
        b = search_high(s, a, least, n_levels, n_cuts, &best);
        size_t most = b > n_levels ? b - n_levels : 0;
        a = search_low(s, b, most < zero ? most : zero, n_levels, n_cuts,
                       &best);
    }
    *lo = fmax(*lo, ((double)a - (double)zero) * bins->width);
    *hi = fmin(*hi, ((double)b - (double)zero) * bins->width);
}

void qn_range_entropy(struct qn_range_work *work, bool symmetric, int n_levels,
                      double *lo, double *hi)
{
    if (!(work->bins.total > (double)work->bins.n_zeros)) {
        return; /* zeros only: every window is as good */
    }
    if (symmetric) {
        entropy_symmetric(work, ((size_t)n_levels + 1) / 2, lo, hi);
    } else {
        entropy_free(work, (size_t)n_levels + 1, lo, hi);
    }
}
