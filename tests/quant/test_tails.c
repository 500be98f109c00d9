/* What samples that were not seen may do: tails of channels, ranges and factors
 * that leave room for them. */
#include "support.h"

static void add(struct quern_stats *stats, const float *x, size_t channels,
                size_t inner)
{
    ck_assert_int_eq(quern_stats_add(context, stats, 0, x, 1, channels, inner),
                     QUERN_OK);
}

static void assert_tail(struct quern_tail t, double end_low, double low,
                        double end_high, double high, double share)
{
    ck_assert_double_eq_tol(t.end_low, end_low, 1e-6);
    ck_assert_double_eq_tol(t.low, low, 1e-6);
    ck_assert_double_eq_tol(t.end_high, end_high, 1e-6);
    ck_assert_double_eq_tol(t.high, high, 1e-6);
    ck_assert_double_eq_tol(t.share, share, 1e-9);
}

/* Highest of the samples: channel 0 has 1, 4, 3, channel 1 2, 2, 2; lowest of
 * channel 0 -1, -5, -2, of channel 1 all above 0. Gaps are 1 and 0 of 6 in all,
 * 3 and 0 of 5. */
START_TEST(tails_are_gaps_of_samples)
{
    static const float x[3][4] = {
        {1.0F, -1.0F, 2.0F, 1.0F},
        {4.0F, -5.0F, 0.5F, 2.0F},
        {-2.0F, 3.0F, 2.0F, 1.5F},
    };
    struct quern_tail t[2];
    struct quern_stats *stats = make_stats(0, 2);
    add(stats, x[0], 2, 2);
    quern_stats_tails(stats, t);
    assert_tail(t[0], 1.0, 0.0, 1.0, 0.0, 0.5); /* one sample has no gap */
    add(stats, x[1], 2, 2);
    add(stats, x[2], 2, 2);
    quern_stats_tails(stats, t);
    assert_tail(t[0], 5.0, 1.5 + 0.5 * 3.0 / 5.0 * 5.0, 4.0,
                0.5 + 0.5 * 1.0 / 6.0 * 4.0, 1.0 / 6.0);
    assert_tail(t[1], 0.0, 0.0, 2.0, 0.5 * 1.0 / 6.0 * 2.0, 1.0 / 6.0);
    quern_stats_destroy(&stats);
}
END_TEST

/* In any order, and through parts that are merged, written and read. */
START_TEST(tails_do_not_depend_on_the_way)
{
    float x[9][6];
    struct lcg g = {3};
    struct quern_stats *whole = make_stats(QUERN_STATS_MOMENTS, 3);
    struct quern_stats *parts[2] = {make_stats(QUERN_STATS_MOMENTS, 3),
                                    make_stats(QUERN_STATS_MOMENTS, 3)};
    for (int s = 0; s < 9; s++) {
        for (int i = 0; i < 6; i++) {
            x[s][i] = (float)lcg_normal(&g);
        }
        add(whole, x[s], 3, 2);
    }
    for (int s = 8; s >= 0; s--) {
        add(parts[s % 3 == 1], x[s], 3, 2);
    }
    ck_assert_int_eq(quern_stats_merge(context, parts[0], parts[1]), QUERN_OK);
    unsigned char bytes[4096];
    size_t size = quern_stats_write(parts[0], bytes, sizeof bytes);
    ck_assert_uint_le(size, sizeof bytes);
    struct quern_stats *back = NULL;
    ck_assert_int_eq(quern_stats_read(context, bytes, size, &back), QUERN_OK);
    struct quern_tail want[3], got[3];
    quern_stats_tails(whole, want);
    quern_stats_tails(back, got);
    ck_assert_mem_eq(want, got, sizeof want);
    ck_assert_double_gt(want[0].high, 0.0);
    quern_stats_destroy(&whole);
    quern_stats_destroy(&parts[0]);
    quern_stats_destroy(&parts[1]);
    quern_stats_destroy(&back);
}
END_TEST

/* Files of format 1 say nothing of a second end: no tails. */
START_TEST(older_statistics_are_read)
{
    static const unsigned char bytes[] = {
        'Q', 'N', 'S', 'T', 1, 0,    1, 2, 0,    0,    0, 0, 0, 0, 0, /* head */
        2,   2,   0,   0,   0, 0xC0, 0, 0, 0x40, 0x40, /* -2 .. 3 */
        0,
    };
    struct quern_stats *stats = NULL;
    struct quern_tail t;
    ck_assert_int_eq(quern_stats_read(context, bytes, sizeof bytes, &stats),
                     QUERN_OK);
    quern_stats_tails(stats, &t);
    assert_tail(t, 0.0, 0.0, 0.0, 0.0, 0.0);
    ck_assert(quern_stats_is_old(stats));
    quern_stats_destroy(&stats);
}
END_TEST

static struct quern_stats *reread(const struct quern_stats *stats)
{
    unsigned char bytes[4096];
    size_t size = quern_stats_write(stats, bytes, sizeof bytes);
    struct quern_stats *back = NULL;
    ck_assert_uint_le(size, sizeof bytes);
    ck_assert_int_eq(quern_stats_read(context, bytes, size, &back), QUERN_OK);
    return back;
}

static void assert_no_tail(const struct quern_stats *stats)
{
    struct quern_tail t;
    ck_assert_uint_eq(quern_stats_n_channels(stats), 1);
    quern_stats_tails(stats, &t);
    assert_tail(t, 0.0, 0.0, 0.0, 0.0, 0.0);
}

static void add_all(struct quern_stats *stats, bool backwards)
{
    static const float x[3][3] = {
        {10.0F, 9.9F, 0.0F}, {1.0F, 1.0F, 1.0F}, {7.0F, 8.0F, 0.0F}};
    static const size_t channels[3] = {2, 3, 2};
    for (size_t i = 0; i < 3; i++) {
        size_t s = backwards ? 2 - i : i;
        add(stats, x[s], channels[s], 1);
    }
}

/* Channels of one sample are not two samples: nothing is told of others, in any
 * order, through files and when more samples come. */
START_TEST(samples_of_other_channels_have_no_tails)
{
    static const float more[2] = {3.0F, 12.0F};
    struct quern_stats *s[2] = {make_stats(QUERN_STATS_MOMENTS, 2),
                                make_stats(QUERN_STATS_MOMENTS, 2)};
    unsigned char bytes[2][512];
    size_t size[2];
    for (int i = 0; i < 2; i++) {
        add_all(s[i], i == 1);
        assert_no_tail(s[i]);
        size[i] = quern_stats_write(s[i], bytes[i], sizeof bytes[i]);
    }
    ck_assert_uint_eq(size[0], size[1]);
    ck_assert_uint_le(size[0], sizeof bytes[0]);
    ck_assert_mem_eq(bytes[0], bytes[1], size[0]);
    struct quern_stats *back = reread(s[0]);
    add(back, more, 1, 2);
    add(back, more + 1, 1, 1);
    assert_no_tail(back);
    ck_assert(!quern_stats_is_old(back)); /* no file is to blame */
    quern_stats_destroy(&back);
    quern_stats_destroy(&s[0]);
    quern_stats_destroy(&s[1]);
}
END_TEST

/* Also merged with newer ones, either way, and written again. */
START_TEST(older_statistics_hide_second_ends)
{
    static const unsigned char bytes[] = {
        'Q', 'N', 'S', 'T', 1, 0,    1, 2, 0,    0,    0, 0, 0, 0, 0, /* head */
        2,   2,   0,   0,   0, 0xC0, 0, 0, 0x40, 0x40, /* -2 .. 3 */
        0,
    };
    static const float x[2][2] = {{1.0F, -1.0F}, {5.0F, -4.0F}};
    for (int way = 0; way < 2; way++) {
        struct quern_stats *s[2] = {NULL, make_stats(0, 1)};
        ck_assert_int_eq(quern_stats_read(context, bytes, sizeof bytes, &s[0]),
                         QUERN_OK);
        add(s[1], x[0], 1, 2);
        add(s[1], x[1], 1, 2);
        ck_assert_int_eq(quern_stats_merge(context, s[way], s[1 - way]),
                         QUERN_OK);
        assert_no_tail(s[way]);
        struct quern_stats *back = reread(s[way]);
        assert_no_tail(back);
        ck_assert(quern_stats_is_old(back));
        static const double twice[1] = {2.0};
        struct quern_stats *scaled = NULL;
        ck_assert_int_eq(quern_stats_scaled(context, back, twice, 1, &scaled),
                         QUERN_OK);
        assert_no_tail(scaled);
        quern_stats_destroy(&scaled);
        quern_stats_destroy(&back);
        quern_stats_destroy(&s[0]);
        quern_stats_destroy(&s[1]);
    }
}
END_TEST

/* The further the end, the less is lost; without a jump where what was seen
 * ends. */
START_TEST(what_is_lost_falls_with_the_room)
{
    struct quern_tail t = {.end_high = 4.0, .high = 0.5, .share = 0.01};
    double before = HUGE_VAL;
    for (int i = -8; i <= 16; i++) {
        double lost = quern_tail_energy(&t, 0.0, 4.0 + 0.25 * i);
        ck_assert_double_lt(lost, before);
        before = lost;
    }
    ck_assert_double_lt(before, 1e-6);
    ck_assert_double_eq_tol(quern_tail_energy(&t, 0.0, 4.0), 0.005, 1e-9);
    ck_assert_double_eq_tol(quern_tail_energy(&t, 0.0, 4.0 - 1e-9), 0.005,
                            1e-9);
}
END_TEST

enum { n_samples = 32, n_channels = 64, n_fresh = 4096 };

static void draw(struct lcg *g, const float *scales, float *x)
{
    for (int c = 0; c < n_channels; c++) {
        x[c] = fabsf((float)lcg_normal(g)) / scales[c];
    }
}

static double error_on_fresh(struct lcg g, const float *scales,
                             struct quern_range range)
{
    double step = ((double)range.hi - (double)range.lo) / 255.0;
    double sum = 0.0;
    float x[n_channels];
    for (int s = 0; s < n_fresh; s++) {
        draw(&g, scales, x);
        for (int c = 0; c < n_channels; c++) {
            double q = fmin((double)range.hi, step * rint((double)x[c] / step));
            sum += (q - (double)x[c]) * (q - (double)x[c]);
        }
    }
    return sum / (n_fresh * n_channels);
}

/* Few samples of many channels, which equalization has scaled to one range: the
 * range that leaves room errs less on others, and goes no further than a bound.
 */
START_TEST(ranges_leave_room_for_what_was_not_seen)
{
    struct lcg g = {11};
    static float x[n_samples][n_channels];
    float scales[n_channels];
    float highest[n_channels] = {0.0F};
    struct quern_stats *stats =
        make_stats(QUERN_STATS_HISTOGRAM | QUERN_STATS_MOMENTS, n_channels);
    for (int c = 0; c < n_channels; c++) {
        scales[c] = 1.0F;
    }
    for (int s = 0; s < n_samples; s++) {
        draw(&g, scales, x[s]);
        for (int c = 0; c < n_channels; c++) {
            highest[c] = fmaxf(highest[c], x[s][c]);
        }
    }
    for (int s = 0; s < n_samples; s++) {
        for (int c = 0; c < n_channels; c++) {
            x[s][c] /= highest[c];
        }
        add(stats, x[s], n_channels, 1);
    }
    struct quern_range_options o = {.method = QUERN_RANGE_MSEF};
    struct quern_range seen, unseen, bounded;
    ck_assert_int_eq(quern_stats_range(context, stats, &o, &seen), QUERN_OK);
    o.unseen = true;
    ck_assert_int_eq(quern_stats_range(context, stats, &o, &unseen), QUERN_OK);
    o.bounded = true;
    o.most = seen.hi * 1.01F;
    ck_assert_int_eq(quern_stats_range(context, stats, &o, &bounded), QUERN_OK);
    ck_assert_float_gt(unseen.hi, o.most);
    ck_assert_float_le(bounded.hi, o.most);
    ck_assert_float_eq(unseen.lo, 0.0F);
    ck_assert_double_lt(error_on_fresh(g, highest, unseen),
                        0.7 * error_on_fresh(g, highest, seen));
    quern_stats_destroy(&stats);
}
END_TEST

/* Range of n samples of all channels at one value each, scaled to 1 by what the
 * samples reach, which is written to `highest`. */
static struct quern_range range_of_few(struct lcg *g, int n,
                                       const struct quern_range_options *o,
                                       float *highest)
{
    static float x[n_samples][n_channels];
    struct quern_range range;
    float scales[n_channels];
    struct quern_stats *stats =
        make_stats(QUERN_STATS_HISTOGRAM | QUERN_STATS_MOMENTS, n_channels);
    for (int c = 0; c < n_channels; c++) {
        scales[c] = 1.0F;
        highest[c] = 0.0F;
    }
    for (int s = 0; s < n; s++) {
        draw(g, scales, x[s]);
        for (int c = 0; c < n_channels; c++) {
            highest[c] = fmaxf(highest[c], x[s][c]);
        }
    }
    for (int s = 0; s < n; s++) {
        for (int c = 0; c < n_channels; c++) {
            x[s][c] /= o->symmetric && s % 2 ? -highest[c] : highest[c];
        }
        add(stats, x[s], n_channels, 1);
    }
    ck_assert_int_eq(quern_stats_range(context, stats, o, &range), QUERN_OK);
    quern_stats_destroy(&stats);
    return range;
}

/* Of three samples of one value a channel others go more than twice as far. */
START_TEST(few_samples_need_more_than_twice_the_range)
{
    struct lcg g = {7};
    float highest[n_channels];
    struct quern_range_options o = {.method = QUERN_RANGE_MSEF, .unseen = true};
    struct quern_range range = range_of_few(&g, 3, &o, highest);
    ck_assert_float_gt(range.hi, 2.01F);
    ck_assert_float_le(range.hi, 3.0F);
    struct quern_range twice = {0.0F, 2.0F, 0.0};
    ck_assert_double_lt(error_on_fresh(g, highest, range),
                        error_on_fresh(g, highest, twice));
}
END_TEST

/* Also where both sides have one end, which stays the same on both, and which a
 * bound holds back. */
START_TEST(symmetric_ranges_leave_room_too)
{
    struct lcg g = {11};
    float highest[n_channels];
    struct quern_range_options o = {.method = QUERN_RANGE_MSEF,
                                    .symmetric = true};
    struct lcg start = g;
    struct quern_range seen = range_of_few(&start, n_samples, &o, highest);
    o.unseen = true;
    start = g;
    struct quern_range unseen = range_of_few(&start, n_samples, &o, highest);
    o.bounded = true;
    o.least = -0.5F;
    o.most = seen.hi * 1.01F;
    start = g;
    struct quern_range bounded = range_of_few(&start, n_samples, &o, highest);
    ck_assert_float_eq(unseen.lo, -unseen.hi);
    ck_assert_float_gt(unseen.hi, o.most);
    ck_assert_float_lt(unseen.hi, 2.2F); /* the best is 1.85 */
    ck_assert_float_le(bounded.hi, o.most);
    ck_assert_double_lt(error_on_fresh(start, highest, unseen),
                        0.1 * error_on_fresh(start, highest, seen));
}
END_TEST

/* Two channels of one size, a third of which little is known: without tails it
 * is scaled to all of the range, with them it keeps room. */
START_TEST(factors_leave_room_for_what_was_not_seen)
{
    static const float weights[3] = {1.0F, 1.0F, 20.0F};
    static const float zero[3] = {0.0F, 0.0F, 0.0F};
    static const float high[3] = {8.0F, 8.0F, 0.5F};
    static const float tail[3] = {0.0F, 0.0F, 0.2F};
    static const double square[3] = {4.0, 4.0, 0.02};
    static const double columns[3] = {1.0, 1.0, 400.0};
    static const struct quern_tail tails[3] = {
        {.end_high = 8.0, .share = 1e-2},
        {.end_high = 8.0, .share = 1e-2},
        {.end_high = 0.5, .high = 0.2, .share = 1e-2},
    };
    struct quern_noise_reader reader = {
        .shape = {1, 1, 3, 3, 1, 1},
        .weights = weights,
        .x_min = zero,
        .x_max = high,
        .x_mean_square = square,
    };
    struct quern_noise_options o = {.rule = QUERN_FACTOR_POWER};
    struct quern_noise_result result;
    double e[2][3];
    ck_assert_int_eq(
        quern_noise_search(context, &o, &reader, 1, high, 3, e[0], &result),
        QUERN_OK);
    reader.tails = tails;
    reader.column_energy = columns;
    o.tail = tail;
    ck_assert_int_eq(
        quern_noise_search(context, &o, &reader, 1, high, 3, e[1], &result),
        QUERN_OK);
    ck_assert_double_lt(e[0][2], e[1][2]);
    ck_assert_double_gt(8.0 * e[1][2], 0.7);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("quant/tails");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, open_context, close_context);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, tails_are_gaps_of_samples);
    tcase_add_test(t, tails_do_not_depend_on_the_way);
    tcase_add_test(t, older_statistics_are_read);
    tcase_add_test(t, samples_of_other_channels_have_no_tails);
    tcase_add_test(t, older_statistics_hide_second_ends);
    tcase_add_test(t, what_is_lost_falls_with_the_room);
    tcase_add_test(t, ranges_leave_room_for_what_was_not_seen);
    tcase_add_test(t, few_samples_need_more_than_twice_the_range);
    tcase_add_test(t, symmetric_ranges_leave_room_too);
    tcase_add_test(t, factors_leave_room_for_what_was_not_seen);
    suite_add_tcase(suite, t);
    return suite;
}
