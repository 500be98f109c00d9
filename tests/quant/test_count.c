/* Counting bins: both ways to do it against each other and the definition. */
#include "quant/hist.h"
#include "quant/observe_kernels.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1500, EXPONENT = -9 };

static uint64_t in_slot(const uint32_t *tables, size_t slot)
{
    return (uint64_t)tables[slot] + (uint64_t)tables[QN_HIST_SLOTS + slot];
}

static uint64_t zeros_in(const uint32_t *tables)
{
    uint64_t n = 0;
    for (size_t i = QN_HIST_BINS; i < QN_HIST_SLOTS; i++) {
        n += in_slot(tables, i);
    }
    return n;
}

static void check(const float *x, size_t n)
{
    static uint32_t plain[2 * QN_HIST_SLOTS], wide[2 * QN_HIST_SLOTS];
    static uint64_t want[QN_HIST_BINS];
    uint64_t n_zeros = 0;
    float width = ldexpf(1.0F, EXPONENT);
    float inverse = ldexpf(1.0F, -EXPONENT);
    memset(plain, 0, sizeof plain);
    memset(wide, 0, sizeof wide);
    memset(want, 0, sizeof want);
    for (size_t i = 0; i < n; i++) {
        if (x[i] < 0.0F || x[i] > 0.0F) {
            want[qn_hist_bin(x[i], EXPONENT) & (QN_HIST_BINS - 1)]++;
        } else {
            n_zeros++;
        }
    }
    qn_count(x, n, width, inverse, plain);
    bool has_wide = qn_count_wide(x, n, width, inverse, wide);
    ck_assert_uint_eq(zeros_in(plain), n_zeros);
    ck_assert(!has_wide || zeros_in(wide) == n_zeros);
    for (size_t i = 0; i < QN_HIST_BINS; i++) {
        ck_assert_uint_eq(in_slot(plain, i), want[i]);
        ck_assert(!has_wide || in_slot(wide, i) == want[i]);
    }
}

START_TEST(counts_are_those_of_the_definition)
{
    static float x[MOST];
    struct lcg g = {17};
    for (size_t n = 0; n < MOST; n += 1 + n / 8) {
        for (size_t i = 0; i < n; i++) {
            double u = lcg_uniform(&g);
            float edge = ldexpf(rintf((float)(u * 4000.0 - 2000.0)), EXPONENT);
            x[i] = i % 3 == 0    ? fmaxf((float)(u * 8.0 - 4.0), 0.0F)
                   : i % 5 == 0  ? edge
                   : i % 7 == 0  ? -0.0F
                   : i % 11 == 0 ? (float)(u - 0.5) * 1e-40F
                                 : (float)(u * 8.0 - 4.0);
        }
        check(x, n);
    }
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *s = suite_create("quant/count");
    TCase *t = tcase_create("count");
    tcase_add_test(t, counts_are_those_of_the_definition);
    suite_add_tcase(s, t);
    return s;
}
