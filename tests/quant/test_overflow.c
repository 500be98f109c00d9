/* Pairs of products beyond 16 bits; largest sums of neighbouring channels. */
#include "support.h"

/* Largest |sum of a pair| over all codes that the bounds allow, by trying the
 * corners of x <= high[0], y <= high[1], x + y <= sum. */
static int32_t corners(int a, int b, int x, int y, int sum)
{
    int top[][2] = {{0, 0},
                    {x, 0},
                    {0, y},
                    {x, sum - x < y ? sum - x : y},
                    {sum - y < x ? sum - y : x, y}};
    int32_t most = 0;
    for (size_t i = 0; i < sizeof top / sizeof *top; i++) {
        most = abs(a * top[i][0] + b * top[i][1]) > most
                   ? abs(a * top[i][0] + b * top[i][1])
                   : most;
    }
    return most;
}

START_TEST(peak_of_a_pair_is_the_largest_sum)
{
    struct lcg g = {7};
    struct quern_weight_shape s = {1, 1, 2, 2, 1, 1};
    for (int i = 0; i < 2000; i++) {
        int8_t w[2] = {(int8_t)(lcg_uniform(&g) * 255 - 127),
                       (int8_t)(lcg_uniform(&g) * 255 - 127)};
        uint8_t high[2] = {(uint8_t)(lcg_uniform(&g) * 256),
                           (uint8_t)(lcg_uniform(&g) * 256)};
        int least = high[0] > high[1] ? high[0] : high[1];
        uint16_t sum =
            (uint16_t)(least + lcg_uniform(&g) * (high[0] + high[1] - least));
        struct quern_pair_inputs in = {high, &sum};
        int32_t peak = 0;
        quern_weight_pair_peaks(&s, w, &in, &peak);
        ck_assert_int_eq(peak, corners(w[0], w[1], high[0], high[1], sum));
        in.sums = NULL;
        quern_weight_pair_peaks(&s, w, &in, &peak);
        ck_assert_int_eq(
            peak, corners(w[0], w[1], high[0], high[1], high[0] + high[1]));
    }
}
END_TEST

/* [1 output, 3 channels, 2 positions]: read as (c0 c1)(c2 c0')(c1' c2'). */
START_TEST(pairs_run_over_channels_inside_positions)
{
    struct quern_weight_shape s = {1, 1, 6, 6, 1, 2};
    int32_t peak = 0;
    for (size_t i = 0; i < 6; i++) {
        for (size_t j = 0; j < 6; j++) {
            static const size_t pair_of[6] = {0, 1, 0, 2, 1, 2};
            int8_t w[6] = {0};
            w[i] = 100;
            w[j] = (int8_t)(i == j ? 100 : 90);
            bool together = i != j && pair_of[i] == pair_of[j];
            quern_weight_pair_peaks(&s, w, NULL, &peak);
            ck_assert_int_eq(peak, 255 * (together ? 190 : 100));
        }
    }
}
END_TEST

START_TEST(trimmed_codes_do_not_overflow)
{
    struct lcg g = {11};
    struct quern_weight_shape s = {2, 3, 9, 9, 1, 9};
    int8_t w[54];
    int32_t peaks[6];
    for (size_t i = 0; i < 54; i++) {
        w[i] = (int8_t)(lcg_uniform(&g) * 255 - 127);
    }
    quern_weight_pair_peaks(&s, w, NULL, peaks);
    bool any = false;
    for (size_t i = 0; i < 6; i++) {
        any = any || peaks[i] > INT16_MAX;
    }
    ck_assert(any);
    ck_assert_uint_gt(quern_weight_pair_trim(&s, NULL, w), 0);
    quern_weight_pair_peaks(&s, w, NULL, peaks);
    for (size_t i = 0; i < 6; i++) {
        ck_assert_int_le(peaks[i], INT16_MAX);
    }
    ck_assert_uint_eq(quern_weight_pair_trim(&s, NULL, w), 0);
}
END_TEST

/* Weights in rows and the same ones in columns, more of both than go at once.
 */
START_TEST(both_orders_of_weights_are_trimmed_alike)
{
    enum { ROWS = 75, COLS = 523 };
    static int8_t w[ROWS * COLS], turned[ROWS * COLS];
    struct quern_weight_shape by_rows = {1, ROWS, COLS, COLS, 1, 1};
    struct quern_weight_shape by_columns = {1, ROWS, COLS, 1, ROWS, 1};
    int32_t a[ROWS], b[ROWS];
    struct lcg g = {5};
    for (size_t r = 0; r < ROWS; r++) {
        for (size_t k = 0; k < COLS; k++) {
            double most = r % 3 == 0 ? 60.0 : 254.0; /* a third fits as it is */
            int8_t code = (int8_t)((lcg_uniform(&g) - 0.5) * most);
            w[r * COLS + k] = turned[k * ROWS + r] = code;
        }
    }
    quern_weight_pair_peaks(&by_rows, w, NULL, a);
    quern_weight_pair_peaks(&by_columns, turned, NULL, b);
    ck_assert_mem_eq(a, b, sizeof a);
    size_t n = quern_weight_pair_trim(&by_rows, NULL, w);
    ck_assert_uint_gt(n, 0);
    ck_assert_uint_eq(quern_weight_pair_trim(&by_columns, NULL, turned), n);
    for (size_t i = 0; i < ROWS * COLS; i++) {
        ck_assert_int_eq(w[i], turned[i % COLS * ROWS + i / COLS]);
    }
}
END_TEST

static struct quern_stats *pair_stats(size_t channels)
{
    struct quern_stats *s = NULL;
    ck_assert_int_eq(
        quern_stats_create(context, QUERN_STATS_HISTOGRAM | QUERN_STATS_PAIRS,
                           channels, &s),
        QUERN_OK);
    return s;
}

START_TEST(pairs_are_seen_in_both_layouts)
{
    enum { rows = 37, channels = 7 };
    struct lcg g = {3};
    float last[rows * channels], first[rows * channels];
    float want[3] = {0}, got[3];
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < channels; c++) {
            last[r * channels + c] = (float)lcg_normal(&g);
            first[c * rows + r] = last[r * channels + c];
        }
        for (size_t j = 0; j < 3; j++) {
            const float *x = last + r * channels + 2 * j;
            want[j] = fmaxf(want[j], x[0] + x[1]);
        }
    }
    for (int i = 0; i < 2; i++) {
        struct quern_stats *s = pair_stats(channels);
        ck_assert_int_eq(quern_stats_add(context, s, 0, i ? first : last,
                                         i ? 1 : rows, channels, i ? rows : 1),
                         QUERN_OK);
        ck_assert(quern_stats_pairs(s, got));
        ck_assert_mem_eq(got, want, sizeof want);
        quern_stats_destroy(&s);
    }
}
END_TEST

START_TEST(pairs_survive_odd_values_merging_and_bytes)
{
    const float a[] = {1, 2, NAN, 9, 0.5F, 0.25F};
    const float b[] = {2, 2.5F, -1, 8, INFINITY, 1};
    float got = 0.0F;
    struct quern_stats *x = pair_stats(2), *y = pair_stats(2), *z = NULL;
    ck_assert_int_eq(quern_stats_add(context, x, 0, a, 3, 2, 1), QUERN_OK);
    ck_assert_int_eq(quern_stats_add(context, y, 1, b, 3, 2, 1), QUERN_OK);
    ck_assert(quern_stats_pairs(x, &got));
    ck_assert_float_eq(got, 3.0F);
    ck_assert_int_eq(quern_stats_merge(context, x, y), QUERN_OK);
    size_t size = quern_stats_write(x, NULL, 0);
    void *bytes = malloc(size);
    quern_stats_write(x, bytes, size);
    ck_assert_int_eq(quern_stats_read(context, bytes, size, &z), QUERN_OK);
    ck_assert(quern_stats_pairs(z, &got));
    ck_assert_float_eq(got, 7.0F);
    free(bytes);
    quern_stats_destroy(&x);
    quern_stats_destroy(&y);
    quern_stats_destroy(&z);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("quant/overflow");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, open_context, close_context);
    tcase_add_test(t, peak_of_a_pair_is_the_largest_sum);
    tcase_add_test(t, pairs_run_over_channels_inside_positions);
    tcase_add_test(t, trimmed_codes_do_not_overflow);
    tcase_add_test(t, both_orders_of_weights_are_trimmed_alike);
    tcase_add_test(t, pairs_are_seen_in_both_layouts);
    tcase_add_test(t, pairs_survive_odd_values_merging_and_bytes);
    suite_add_tcase(suite, t);
    return suite;
}
