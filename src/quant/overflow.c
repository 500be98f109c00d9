/* Products of neighbouring codes that do not fit 16 bits. */
#include <quern/quant.h>

#include "base/checked.h"
#include "quant/kernel.h"

#include <string.h>

/* Column of the weights that the processor reads as number k: positions of the
 * kernel outside, channels inside, as convolutions in NHWC order have it. */
static size_t column_of(const struct quern_weight_shape *s, size_t k)
{
    size_t taps = s->taps > 1 ? s->taps : 1;
    size_t per_tap = s->cols / taps;
    return k % per_tap * taps + k / per_tap;
}

/* Two neighbours, for all rows of a group. */
struct pair {
    size_t at[2];    /* of the weights, behind the first of their row */
    int32_t high[2]; /* highest codes that meet them */
    int32_t most;    /* the higher one */
    int32_t sum;     /* highest sum of both */
    size_t n;        /* 1 at an odd end */
};

static struct pair pair_at(const struct quern_weight_shape *s, size_t group,
                           size_t k, const struct quern_pair_inputs *inputs)
{
    size_t taps = s->taps > 1 ? s->taps : 1;
    size_t first = group * (s->cols / taps);
    size_t channel[2] = {0, 0};
    struct pair p = {.n = k + 1 < s->cols ? 2 : 1};
    for (size_t i = 0; i < p.n; i++) {
        size_t col = column_of(s, k + i);
        p.at[i] = col * s->col_stride;
        channel[i] = first + col / taps;
        p.high[i] = inputs != NULL ? inputs->high[channel[i]] : UINT8_MAX;
    }
    p.most = p.high[0] > p.high[1] ? p.high[0] : p.high[1];
    p.sum = p.high[0] + p.high[1];
    if (inputs != NULL && inputs->sums != NULL && channel[0] % 2 == 0 &&
        channel[1] == channel[0] + 1) {
        int32_t seen = inputs->sums[channel[0] / 2];
        p.sum = seen < p.sum ? seen : p.sum;
    }
    return p;
}

/* Largest a x + b y for weights a, b >= 0, x and y within the pair's bounds:
 * the lesser weight meets the whole sum, the rest of the greater one its own
 * bound. */
QN_INLINE int32_t joint_peak(const struct pair *p, int32_t a, int32_t b)
{
    int32_t less = a < b ? a : b;
    return less * p->sum + (a - less) * p->high[0] + (b - less) * p->high[1];
}

/* Largest magnitude that the sum of the products can reach. */
QN_INLINE int32_t peak_of(const struct pair *p, int32_t a, int32_t b)
{
    int32_t up = joint_peak(p, a > 0 ? a : 0, b > 0 ? b : 0);
    int32_t down = joint_peak(p, a < 0 ? -a : 0, b < 0 ? -b : 0);
    return up > down ? up : down;
}

/* Join the peaks of a pair in n rows that lie next to each other. */
QN_BY_CPU static void join_columns(const struct pair *p, const int8_t *codes,
                                   size_t n, int32_t *peaks)
{
    const int8_t *a = codes + p->at[0];
    const int8_t *b = codes + p->at[1];
    for (size_t r = 0; r < n; r++) {
        int32_t peak = peak_of(p, a[r], b[r]);
        peaks[r] = peak > peaks[r] ? peak : peaks[r];
    }
}

/* Not below the peak, and told fast. */
QN_INLINE int32_t bound_of(const struct pair *p, int32_t a, int32_t b)
{
    return ((a < 0 ? -a : a) + (b < 0 ? -b : b)) * p->most;
}

static int32_t peak_in_row(const struct pair *p, const int8_t *row)
{
    return peak_of(p, row[p->at[0]], p->n > 1 ? row[p->at[1]] : 0);
}

/* Pairs of a group from column `first` on, as many as there is room for. */
enum { most_pairs = 256 };

static size_t list_pairs(const struct quern_weight_shape *s, size_t group,
                         size_t first, const struct quern_pair_inputs *inputs,
                         struct pair *out)
{
    size_t n = 0;
    for (size_t k = first; k < s->cols && n < most_pairs; k += 2) {
        out[n++] = pair_at(s, group, k, inputs);
    }
    return n;
}

/* The peak of a row so far joined with those of n pairs. */
static int32_t row_peak(const struct pair *pairs, size_t n, const int8_t *row,
                        int32_t highest)
{
    for (size_t i = 0; i < n; i++) {
        const struct pair *p = &pairs[i];
        int32_t a = row[p->at[0]];
        int32_t b = p->n > 1 ? row[p->at[1]] : 0;
        if (bound_of(p, a, b) > highest) {
            int32_t peak = peak_of(p, a, b);
            highest = peak > highest ? peak : highest;
        }
    }
    return highest;
}

static void group_peaks(const struct quern_weight_shape *s, size_t group,
                        const int8_t *codes,
                        const struct quern_pair_inputs *inputs, int32_t *peaks)
{
    struct pair pairs[most_pairs];
    for (size_t k = 0; k < s->cols; k += 2 * (size_t)most_pairs) {
        size_t n = list_pairs(s, group, k, inputs, pairs);
        size_t n_columns = 0; /* pairs done for all rows at once */
        while (s->row_stride == 1 && n_columns < n && pairs[n_columns].n > 1) {
            join_columns(&pairs[n_columns++], codes, s->rows, peaks);
        }
        for (size_t r = 0; r < s->rows; r++) {
            peaks[r] = row_peak(pairs + n_columns, n - n_columns,
                                codes + r * s->row_stride, peaks[r]);
        }
    }
}

void quern_weight_pair_peaks(const struct quern_weight_shape *shape,
                             const int8_t *codes,
                             const struct quern_pair_inputs *inputs,
                             int32_t *out_peaks)
{
    size_t rows = shape->rows;
    memset(out_peaks, 0, shape->groups * rows * sizeof *out_peaks);
    for (size_t g = 0; g < shape->groups; g++) {
        group_peaks(shape, g, codes + g * rows * shape->row_stride, inputs,
                    out_peaks + g * rows);
    }
}

/* Nearer to zero, the larger one first, until the sum fits. */
static size_t trim_pair(const struct pair *p, int8_t *row)
{
    size_t n = 0;
    if (bound_of(p, row[p->at[0]], p->n > 1 ? row[p->at[1]] : 0) <= INT16_MAX) {
        return 0;
    }
    for (; peak_in_row(p, row) > INT16_MAX; n++) {
        int a = row[p->at[0]];
        int b = p->n > 1 ? row[p->at[1]] : 0;
        bool second = (b < 0 ? -b : b) > (a < 0 ? -a : a);
        int8_t *c = &row[p->at[second ? 1 : 0]];
        *c = (int8_t)(*c + (*c > 0 ? -1 : 1));
    }
    return n;
}

/* Does none of n rows that lie next to each other need a trim of this pair? */
QN_BY_CPU static bool columns_fit(const struct pair *p, const int8_t *codes,
                                  size_t n)
{
    const int8_t *a = codes + p->at[0];
    const int8_t *b = codes + p->at[1];
    int32_t highest = 0;
    for (size_t r = 0; r < n; r++) {
        int32_t bound = bound_of(p, a[r], b[r]);
        highest = bound > highest ? bound : highest;
    }
    return highest <= INT16_MAX;
}

/* Rows that are trimmed together: what a pair reads of them stays in cache. */
enum { trim_rows = 64 };

/* n pairs of rows that lie next to each other. */
static size_t trim_columns(const struct pair *pairs, size_t n, size_t rows,
                           int8_t *codes)
{
    size_t n_trimmed = 0;
    for (size_t top = 0; top < rows; top += trim_rows) {
        size_t left = rows - top < trim_rows ? rows - top : trim_rows;
        for (size_t i = 0; i < n; i++) {
            if (pairs[i].n > 1 && columns_fit(&pairs[i], codes + top, left)) {
                continue;
            }
            for (size_t r = top; r < top + left; r++) {
                n_trimmed += trim_pair(&pairs[i], codes + r);
            }
        }
    }
    return n_trimmed;
}

static size_t trim_group(const struct quern_weight_shape *s, size_t group,
                         const struct quern_pair_inputs *inputs, int8_t *codes)
{
    struct pair pairs[most_pairs];
    size_t n_trimmed = 0;
    for (size_t k = 0; k < s->cols; k += 2 * (size_t)most_pairs) {
        size_t n = list_pairs(s, group, k, inputs, pairs);
        if (s->row_stride == 1) {
            n_trimmed += trim_columns(pairs, n, s->rows, codes);
            continue;
        }
        for (size_t r = 0; r < s->rows; r++) {
            for (size_t i = 0; i < n; i++) {
                n_trimmed += trim_pair(&pairs[i], codes + r * s->row_stride);
            }
        }
    }
    return n_trimmed;
}

size_t quern_weight_pair_trim(const struct quern_weight_shape *shape,
                              const struct quern_pair_inputs *inputs,
                              int8_t *codes)
{
    size_t n = 0;
    for (size_t g = 0; g < shape->groups; g++) {
        n += trim_group(shape, g, inputs,
                        codes + g * shape->rows * shape->row_stride);
    }
    return n;
}
