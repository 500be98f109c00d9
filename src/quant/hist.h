/* Histogram whose bins join exactly.
 *
 * Bins have width 2^exponent and are aligned at zero: bin b holds
 * [b, b+1) * 2^exponent. The exponent is the least one for which the range
 * seen, zero included, spans at most QN_HIST_BINS bins: a function of the range
 * alone, so that order and sharding of the data leave no trace. Tables wrap
 * around: bin b is in slot b modulo QN_HIST_BINS, and growing at either end
 * moves nothing.
 */
#ifndef QUERN_QUANT_HIST_H
#define QUERN_QUANT_HIST_H

#include "quant/observe_kernels.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Zeroed storage is a histogram that is not kept. */
struct qn_hist {
    uint32_t *tables; /* two of QN_HIST_SLOTS; NULL: not kept */
    uint64_t *wide;   /* QN_HIST_SLOTS counts moved out of tables, or NULL */
    uint64_t n_in_tables; /* at most UINT32_MAX, so no counter overflows */
    int exponent;
    float min, max; /* range seen, zero included */
};

/** Empty; false when memory is out. */
bool qn_hist_init(struct qn_hist *hist);
void qn_hist_finish(struct qn_hist *hist);

/** Make sure that n more values can be counted; false when memory is out. */
bool qn_hist_reserve(struct qn_hist *hist, uint64_t n);

/** Join bins until the range fits. */
void qn_hist_widen(struct qn_hist *hist, float min, float max);

/** Count values that passed a scan or are as finite; reserved and inside the
 * range. */
void qn_hist_count(struct qn_hist *hist, const float *x, size_t n);

/** Add `count` to bin b (exact zeros: qn_hist_bump_zeros); reserved. */
void qn_hist_bump(struct qn_hist *hist, int32_t bin, uint64_t count);
void qn_hist_bump_zeros(struct qn_hist *hist, uint64_t count);

/** Add all counts of another one: reserved, range widened. */
void qn_hist_merge(struct qn_hist *hist, const struct qn_hist *other);

/** First and last bin that the range spans; bin 0 is always among them. */
int32_t qn_hist_first(const struct qn_hist *hist);
int32_t qn_hist_last(const struct qn_hist *hist);

/** Count of bin b, exact zeros left out. */
uint64_t qn_hist_at(const struct qn_hist *hist, int32_t bin);
uint64_t qn_hist_zeros(const struct qn_hist *hist);

/** The exponent that a range leads to. */
int qn_hist_exponent(float min, float max);

/** floor(x / 2^exponent). */
int32_t qn_hist_bin(float x, int exponent);

#endif
