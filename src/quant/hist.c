/* Histogram whose bins join exactly (hist.h). */
#include "quant/hist.h"

#include "base/alloc.h"

#include <math.h>

/* Widths whose inverse and whose product with a bin number are normal floats.
 * Below the least one a tensor uses fewer bins: its values are under 2^-108. */
enum { least_exponent = -120, slot_mask = QN_HIST_BINS - 1 };

int32_t qn_hist_bin(float x, int exponent)
{
    double bin = floor(ldexp((double)x, -exponent));
    return (int32_t)bin;
}

int qn_hist_exponent(float min, float max)
{
    int power;
    double width = (double)max - (double)min;
    (void)frexp(width, &power); /* width < 2^power */
    int exponent = power - 12;
    if (!(width > 0.0) || exponent < least_exponent) {
        exponent = least_exponent;
    }
    while (qn_hist_bin(max, exponent) - qn_hist_bin(min, exponent) >=
           QN_HIST_BINS) {
        exponent++;
    }
    return exponent;
}

bool qn_hist_init(struct qn_hist *hist)
{
    *hist = (struct qn_hist){.exponent = least_exponent};
    hist->tables = qn_calloc_n(2 * (size_t)QN_HIST_SLOTS, sizeof(uint32_t));
    return hist->tables != NULL;
}

void qn_hist_finish(struct qn_hist *hist)
{
    qn_free(hist->tables);
    qn_free(hist->wide);
    *hist = (struct qn_hist){0};
}

/* Move all counts to the wide table. */
static void drain(struct qn_hist *hist)
{
    for (size_t i = 0; i < QN_HIST_SLOTS; i++) {
        hist->wide[i] += (uint64_t)hist->tables[i];
        hist->wide[i] += (uint64_t)hist->tables[QN_HIST_SLOTS + i];
        hist->tables[i] = 0;
        hist->tables[QN_HIST_SLOTS + i] = 0;
    }
    hist->n_in_tables = 0;
}

bool qn_hist_reserve(struct qn_hist *hist, uint64_t n)
{
    bool fits = n <= UINT32_MAX && hist->n_in_tables + n <= UINT32_MAX;
    if (fits || hist->wide != NULL) {
        return true;
    }
    hist->wide = qn_calloc_n(QN_HIST_SLOTS, sizeof(uint64_t));
    return hist->wide != NULL;
}

static size_t slot_of(int32_t bin)
{
    return (size_t)(bin & slot_mask);
}

/* Bins [first, last] of one table at 2^shift times the width. Bins move toward
 * zero only, so walking outward never reads a slot that was written. */
#define DEFINE_JOIN(name, type)                                                \
    static void name(type *table, int32_t first, int32_t last, int shift)      \
    {                                                                          \
        for (int32_t b = 1; b <= last; b++) {                                  \
            type count = table[slot_of(b)];                                    \
            table[slot_of(b)] = 0;                                             \
            table[slot_of(b >> shift)] += count;                               \
        }                                                                      \
        for (int32_t b = -2; b >= first; b--) {                                \
            type count = table[slot_of(b)];                                    \
            table[slot_of(b)] = 0;                                             \
            table[slot_of(b >> shift)] += count;                               \
        }                                                                      \
    }
DEFINE_JOIN(join_tables, uint32_t)
DEFINE_JOIN(join_wide, uint64_t)
#undef DEFINE_JOIN

void qn_hist_widen(struct qn_hist *hist, float min, float max)
{
    float lo = fminf(fminf(min, hist->min), 0.0F) + 0.0F; /* no -0 */
    float hi = fmaxf(fmaxf(max, hist->max), 0.0F) + 0.0F;
    int exponent = qn_hist_exponent(lo, hi);
    int shift = exponent - hist->exponent;
    if (shift > 0) {
        int32_t first = qn_hist_first(hist);
        int32_t last = qn_hist_last(hist);
        shift = shift > 31 ? 31 : shift;
        join_tables(hist->tables, first, last, shift);
        join_tables(hist->tables + QN_HIST_SLOTS, first, last, shift);
        if (hist->wide != NULL) {
            join_wide(hist->wide, first, last, shift);
        }
        hist->exponent = exponent;
    }
    hist->min = lo;
    hist->max = hi;
}

void qn_hist_count(struct qn_hist *hist, const float *x, size_t n)
{
    const size_t most = (size_t)1 << 31;
    float width = ldexpf(1.0F, hist->exponent);
    float inverse = ldexpf(1.0F, -hist->exponent);
    while (n > 0) {
        size_t m = n < most ? n : most;
        if (hist->n_in_tables + m > UINT32_MAX) {
            drain(hist);
        }
        if (!qn_count_wide(x, m, width, inverse, hist->tables)) {
            qn_count(x, m, width, inverse, hist->tables);
        }
        hist->n_in_tables += m;
        x += m;
        n -= m;
    }
}

static void bump_slot(struct qn_hist *hist, size_t slot, uint64_t count)
{
    if (hist->wide != NULL) {
        hist->wide[slot] += count;
    } else {
        hist->tables[slot] += (uint32_t)count;
        hist->n_in_tables += count;
    }
}

void qn_hist_bump(struct qn_hist *hist, int32_t bin, uint64_t count)
{
    bump_slot(hist, slot_of(bin), count);
}

void qn_hist_bump_zeros(struct qn_hist *hist, uint64_t count)
{
    bump_slot(hist, QN_HIST_BINS, count);
}

void qn_hist_merge(struct qn_hist *hist, const struct qn_hist *other)
{
    int shift = hist->exponent - other->exponent;
    int32_t last = qn_hist_last(other);
    shift = shift > 31 ? 31 : shift;
    for (int32_t b = qn_hist_first(other); b <= last; b++) {
        uint64_t count = qn_hist_at(other, b);
        if (count > 0) {
            qn_hist_bump(hist, b >> shift, count);
        }
    }
    qn_hist_bump_zeros(hist, qn_hist_zeros(other));
}

int32_t qn_hist_first(const struct qn_hist *hist)
{
    return qn_hist_bin(hist->min, hist->exponent);
}

int32_t qn_hist_last(const struct qn_hist *hist)
{
    return qn_hist_bin(hist->max, hist->exponent);
}

static uint64_t at_slot(const struct qn_hist *hist, size_t slot)
{
    uint64_t count = (uint64_t)hist->tables[slot] +
                     (uint64_t)hist->tables[QN_HIST_SLOTS + slot];
    return hist->wide == NULL ? count : count + hist->wide[slot];
}

uint64_t qn_hist_at(const struct qn_hist *hist, int32_t bin)
{
    return at_slot(hist, slot_of(bin));
}

uint64_t qn_hist_zeros(const struct qn_hist *hist)
{
    uint64_t count = 0;
    for (size_t i = QN_HIST_BINS; i < QN_HIST_SLOTS; i++) {
        count += at_slot(hist, i);
    }
    return count;
}
