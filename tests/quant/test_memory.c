/* Every allocation can fail: each one is made to, in turn. Linked with
 * --wrap, which works under sanitizers too. */
#include "oom.h"
#include "support.h"

enum { ALL = QUERN_STATS_HISTOGRAM | QUERN_STATS_MOMENTS };

static const float plain[12] = {1, 2, 3, -1, 0, 5, 7, 2, 1, 1, 0, 4};
static const float odd[12] = {1, NAN, -1e9F, 2, 3, INFINITY, 0, 0, 1, 1, 1, 1};

static enum quern_code make_and_add(void *user)
{
    (void)user;
    struct quern_stats *stats = NULL, *other = NULL;
    struct quern_stats_summary before, after;
    enum quern_code code = quern_stats_create(context, ALL, 3, &stats);
    if (code == QUERN_OK) {
        code = quern_stats_add(context, stats, 0, plain, 1, 3, 4);
        ck_assert_int_eq(code, QUERN_OK);
        quern_stats_summary(stats, &before);
        code = quern_stats_add(context, stats, 1, odd, 4, 3, 1);
        quern_stats_summary(stats, &after);
        if (code != QUERN_OK) {
            ck_assert_uint_eq(after.n_values, before.n_values);
            ck_assert_uint_eq(after.n_nan, 0);
            ck_assert_uint_eq(after.n_used, before.n_used);
        }
    }
    if (code == QUERN_OK) {
        code = quern_stats_create(context, ALL, 3, &other);
    }
    if (code == QUERN_OK) {
        code = quern_stats_merge(context, other, stats);
        quern_stats_summary(other, &after);
        ck_assert_uint_eq(after.n_values, code == QUERN_OK ? 24 : 0);
    }
    if (code == QUERN_OK) { /* another number of channels */
        code = quern_stats_add(context, other, 2, plain, 1, 4, 3);
        quern_stats_summary(other, &after);
        ck_assert_uint_eq(after.n_values, code == QUERN_OK ? 36 : 24);
    }
    if (code == QUERN_OK) {
        code = quern_stats_merge(context, other, stats);
        quern_stats_summary(other, &after);
        ck_assert_uint_eq(after.n_values, code == QUERN_OK ? 60 : 36);
    }
    quern_stats_destroy(&stats);
    quern_stats_destroy(&other);
    return code;
}

START_TEST(statistics_stay_whole_without_memory)
{
    oom_each(context, 200, make_and_add, NULL);
}
END_TEST

static enum quern_code read_and_choose(void *user)
{
    (void)user;
    static uint8_t bytes[1 << 14];
    static size_t size;
    struct quern_stats *stats = NULL;
    struct quern_range range;
    int kept = oom_end();
    ck_assert_int_eq(quern_stats_create(context, ALL, 3, &stats), QUERN_OK);
    ck_assert_int_eq(quern_stats_add(context, stats, 1, odd, 1, 3, 4),
                     QUERN_OK);
    size = quern_stats_write(stats, bytes, sizeof bytes);
    ck_assert_uint_le(size, sizeof bytes);
    quern_stats_destroy(&stats);
    oom_allow(kept);
    struct quern_range_options o = {.method = QUERN_RANGE_ENTROPY};
    enum quern_code code = quern_stats_read(context, bytes, size, &stats);
    if (code == QUERN_OK) {
        code = quern_stats_range(context, stats, &o, &range);
    }
    quern_stats_destroy(&stats);
    return code;
}

START_TEST(reading_and_ranges_report_exhausted_memory)
{
    oom_each(context, 200, read_and_choose, NULL);
}
END_TEST

static enum quern_code weigh(void *user)
{
    (void)user;
    const struct quern_quant_options o = {.dtype = QUERN_INT8,
                                          .flags = QUERN_QUANT_SYMMETRIC};
    struct quern_qparams q[3];
    struct quern_gram *gram = NULL;
    const float most[4] = {8, 8, 8, 8};
    double second[16];
    int8_t codes[12];
    enum quern_code code = quern_weight_qparams(
        context, &o, QUERN_WEIGHT_MINMAX, false, plain, 4, 3, 1, q);
    if (code == QUERN_OK) {
        code = quern_gram_create(context, 1, 4, most, &gram);
    }
    if (code == QUERN_OK) {
        code = quern_gram_add(context, gram, plain, 3, 4);
        ck_assert_int_eq(code, QUERN_OK);
        quern_gram_moments(gram, second, NULL);
        struct quern_feedback_options f = {.shape = {1, 3, 4, 1, 3, 1},
                                           .qparams = q,
                                           .second = second,
                                           .n_rows = 3};
        code = quern_weight_feedback(context, &f, plain, codes);
    }
    quern_gram_destroy(&gram);
    return code;
}

START_TEST(weights_report_exhausted_memory)
{
    oom_each(context, 200, weigh, NULL);
}
END_TEST

static enum quern_code start_measure(void *user)
{
    (void)user;
    struct quern_measure *measure = NULL;
    enum quern_code code = quern_measure_create(context, &measure);
    quern_measure_destroy(&measure);
    return code;
}

START_TEST(measures_report_exhausted_memory)
{
    oom_each(context, 200, start_measure, NULL);
}
END_TEST

START_TEST(cleared_statistics_are_as_if_nothing_had_been_seen)
{
    struct quern_stats *s = NULL;
    struct quern_stats_summary summary;
    ck_assert_int_eq(
        quern_stats_create(context, ALL | QUERN_STATS_PAIRS, 3, &s), QUERN_OK);
    ck_assert_int_eq(quern_stats_add(context, s, 0, odd, 4, 3, 1), QUERN_OK);
    quern_stats_clear(s);
    quern_stats_summary(s, &summary);
    ck_assert_uint_eq(summary.n_values, 0);
    ck_assert_uint_eq(summary.n_used, 0);
    ck_assert_uint_eq(quern_stats_n_channels(s), 0);
    ck_assert_uint_eq(quern_stats_flags(s), 0);
    ck_assert_uint_eq(quern_stats_histogram(s, NULL, NULL, NULL, 0), 0);
    quern_stats_clear(s);
    quern_stats_destroy(&s);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("quant/memory");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, open_context, close_context);
    tcase_add_test(t, statistics_stay_whole_without_memory);
    tcase_add_test(t, reading_and_ranges_report_exhausted_memory);
    tcase_add_test(t, weights_report_exhausted_memory);
    tcase_add_test(t, measures_report_exhausted_memory);
    tcase_add_test(t, cleared_statistics_are_as_if_nothing_had_been_seen);
    suite_add_tcase(suite, t);
    return suite;
}
