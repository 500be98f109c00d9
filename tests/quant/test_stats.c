/* Statistics of a tensor: against a naive count, and merging bit for bit. */
#include "support.h"

#include <float.h>

enum { ALL = QUERN_STATS_HISTOGRAM | QUERN_STATS_MOMENTS };

static void open_with_seed(void)
{
    open_context();
    srand(7);
}

static void add(struct quern_stats *stats, uint64_t sample, const float *x,
                size_t outer, size_t channels, size_t inner)
{
    ck_assert_int_eq(
        quern_stats_add(context, stats, sample, x, outer, channels, inner),
        QUERN_OK);
}

static float uniform(void)
{
    return 2.0F * (float)rand() / (float)RAND_MAX - 1.0F;
}

static void assert_same(const struct quern_stats *a,
                        const struct quern_stats *b)
{
    size_t size = quern_stats_write(a, NULL, 0);
    ck_assert_uint_eq(quern_stats_write(b, NULL, 0), size);
    uint8_t *x = malloc(size);
    uint8_t *y = malloc(size);
    ck_assert(x != NULL && y != NULL);
    ck_assert_uint_eq(quern_stats_write(a, x, size), size);
    ck_assert_uint_eq(quern_stats_write(b, y, size), size);
    ck_assert_mem_eq(x, y, size);
    free(x);
    free(y);
}

/* Samples of very different ranges, some with odd values, -0 and denormals. */
enum { n_samples = 24, n_outer = 2, n_channels = 5, n_inner = 67 };
enum { sample_len = n_outer * n_channels * n_inner };

static float samples[n_samples][sample_len];

static void make_samples(bool with_odd)
{
    for (int s = 0; s < n_samples; s++) {
        for (int i = 0; i < sample_len; i++) {
            samples[s][i] = ldexpf(uniform(), s % 12 - 6);
        }
        samples[s][3] = -0.0F;
        samples[s][4] = 0.0F;
        samples[s][5] = -1e-45F;
        if (with_odd && s % 5 == 1) {
            samples[s][s] = NAN;
            samples[s][s + 9] = INFINITY;
            samples[s][s + 10] = -INFINITY;
            samples[s][s + 50] = -FLT_MAX;
            samples[s][s + 51] = 1e5F;
        }
    }
}

static void check_any_order(bool with_odd)
{
    make_samples(with_odd);
    struct quern_stats *whole = make_stats(ALL, n_channels);
    struct quern_stats *mixed = make_stats(ALL, n_channels);
    struct quern_stats *shards[3];
    for (int k = 0; k < 3; k++) {
        shards[k] = make_stats(ALL, n_channels);
    }
    for (int s = 0; s < n_samples; s++) {
        add(whole, (uint64_t)s, samples[s], n_outer, n_channels, n_inner);
    }
    for (int s = n_samples - 1; s >= 0; s--) {
        add(shards[s * 7 % 3], (uint64_t)s, samples[s], n_outer, n_channels,
            n_inner);
    }
    for (int k = 2; k >= 0; k--) {
        ck_assert_int_eq(quern_stats_merge(context, mixed, shards[k]),
                         QUERN_OK);
        quern_stats_destroy(&shards[k]);
    }
    assert_same(whole, mixed);
    quern_stats_destroy(&whole);
    quern_stats_destroy(&mixed);
}

START_TEST(order_and_sharding_leave_no_trace)
{
    check_any_order(false);
}
END_TEST

START_TEST(order_and_sharding_leave_no_trace_with_odd_values)
{
    check_any_order(true);
}
END_TEST

START_TEST(figures_match_a_naive_count)
{
    make_samples(true);
    struct quern_stats *stats = make_stats(ALL, n_channels);
    double sum[n_channels] = {0}, square[n_channels] = {0};
    float lo[n_channels] = {0}, hi[n_channels] = {0};
    uint64_t n[n_channels] = {0};
    for (int s = 0; s < n_samples; s++) {
        add(stats, (uint64_t)s, samples[s], n_outer, n_channels, n_inner);
        for (int i = 0; i < sample_len; i++) {
            float x = samples[s][i];
            int c = i / n_inner % n_channels;
            if (!(fabsf(x) < 8192.0F)) {
                continue;
            }
            sum[c] += (double)x;
            square[c] += (double)x * (double)x;
            lo[c] = fminf(lo[c], x);
            hi[c] = fmaxf(hi[c], x);
            n[c]++;
        }
    }
    float got_lo[n_channels], got_hi[n_channels];
    double mean[n_channels], got_square[n_channels];
    quern_stats_channels(stats, got_lo, got_hi, mean, got_square);
    for (int c = 0; c < n_channels; c++) {
        ck_assert_float_eq(got_lo[c], lo[c]);
        ck_assert_float_eq(got_hi[c], hi[c]);
        ck_assert_double_eq_tol(mean[c], sum[c] / (double)n[c], 1e-5);
        ck_assert_double_eq_tol(got_square[c] / (square[c] / (double)n[c]), 1.0,
                                1e-5);
    }
    struct quern_stats_summary m;
    quern_stats_summary(stats, &m);
    ck_assert_uint_eq(m.n_values, n_samples * sample_len);
    ck_assert_uint_eq(m.n_nan, 5);
    ck_assert_uint_eq(m.n_pos_inf, 5);
    ck_assert_uint_eq(m.n_neg_inf, 5);
    ck_assert_uint_eq(m.n_fill, 10);
    ck_assert(m.has_fill);
    ck_assert_uint_eq(m.nan_sample, 1);
    ck_assert_uint_eq(m.nan_index, 1);
    ck_assert_uint_eq(m.inf_sample, 1);
    ck_assert_uint_eq(m.inf_index, 10);
    ck_assert_uint_eq(m.n_used, m.n_values - 25);
    quern_stats_destroy(&stats);
}
END_TEST

START_TEST(bins_hold_what_lies_between_their_edges)
{
    enum { n = 40000, room = 4096 };
    static float x[n];
    static uint64_t counts[room];
    for (int shape = 0; shape < 4; shape++) {
        struct quern_stats *stats = make_stats(QUERN_STATS_HISTOGRAM, 1);
        for (int i = 0; i < n; i++) {
            float v = uniform() + uniform() + uniform();
            v = shape == 1 ? fmaxf(v, 0.0F) : shape == 2 ? v - 4.0F : v;
            x[i] = shape == 3 ? 2000.0F * v : v;
        }
        for (int i = 0; i < n; i += 777) {
            add(stats, 0, x + i, 1, 1, (size_t)(n - i < 777 ? n - i : 777));
        }
        int32_t first;
        double width;
        size_t n_bins =
            quern_stats_histogram(stats, &first, &width, counts, room);
        ck_assert_uint_ge(n_bins, 2048);
        ck_assert_uint_le(n_bins, room);
        for (int i = 0; i < n; i++) {
            int64_t bin = (int64_t)floor((double)x[i] / width) - first;
            ck_assert(bin >= 0 && bin < (int64_t)n_bins && counts[bin] > 0);
            counts[bin]--;
        }
        for (size_t b = 0; b < n_bins; b++) {
            ck_assert_uint_eq(counts[b], 0);
        }
        quern_stats_destroy(&stats);
    }
}
END_TEST

START_TEST(layouts_of_the_same_values_agree)
{
    enum { c = 37, hw = 90 };
    static float nchw[c * hw], nhwc[c * hw];
    for (int i = 0; i < c * hw; i++) {
        nchw[i] = uniform();
        nhwc[i % hw * c + i / hw] = nchw[i];
    }
    struct quern_stats *a = make_stats(ALL, c);
    struct quern_stats *b = make_stats(ALL, c);
    add(a, 0, nchw, 1, c, hw);
    add(b, 0, nhwc, hw, c, 1);
    float lo[2][c], hi[2][c];
    double mean[2][c], square[2][c];
    quern_stats_channels(a, lo[0], hi[0], mean[0], square[0]);
    quern_stats_channels(b, lo[1], hi[1], mean[1], square[1]);
    for (int i = 0; i < c; i++) {
        ck_assert_float_eq(lo[0][i], lo[1][i]);
        ck_assert_float_eq(hi[0][i], hi[1][i]);
        ck_assert_double_eq_tol(mean[0][i], mean[1][i], 1e-7);
        ck_assert_double_eq_tol(square[0][i], square[1][i], 1e-7);
    }
    int32_t first[2];
    double width[2];
    static uint64_t counts[2][4096];
    ck_assert_uint_eq(
        quern_stats_histogram(a, &first[0], &width[0], counts[0], 4096),
        quern_stats_histogram(b, &first[1], &width[1], counts[1], 4096));
    ck_assert_mem_eq(counts[0], counts[1], sizeof counts[0]);
    quern_stats_destroy(&a);
    quern_stats_destroy(&b);
}
END_TEST

START_TEST(a_mask_is_told_and_kept_out)
{
    static float x[4096];
    struct quern_stats *stats = make_stats(ALL, 1);
    for (int i = 0; i < 4096; i++) {
        x[i] = 5.0F * uniform() + (i % 3 == 0 ? -10000.0F : 0.0F);
    }
    add(stats, 0, x, 1, 1, 4096);
    struct quern_stats_summary m;
    quern_stats_summary(stats, &m);
    ck_assert(m.has_fill);
    ck_assert_uint_eq(m.n_fill, 1366);
    ck_assert(m.fill_nearest < -9990.0F && m.fill_nearest >= -10000.0F);
    ck_assert(m.min >= -5.0F && m.max <= 5.0F);
    ck_assert(m.mean_square < 10.0);
    quern_stats_destroy(&stats);
}
END_TEST

START_TEST(large_data_is_not_taken_for_a_mask)
{
    static float x[8192];
    static uint64_t counts[4096];
    struct quern_stats *stats = make_stats(ALL, 1);
    for (int i = 0; i < 8192; i++) {
        x[i] = 32767.0F * uniform(); /* as sound in 16 bits */
    }
    x[5] = 32000.0F;
    x[6] = -32000.0F;
    add(stats, 0, x, 1, 1, 8192);
    struct quern_stats_summary m;
    quern_stats_summary(stats, &m);
    ck_assert(!m.has_fill);
    ck_assert_uint_eq(m.n_used, 8192);
    ck_assert(m.min <= -32000.0F && m.max >= 32000.0F);
    ck_assert_double_eq_tol(m.mean_square, 32767.0 * 32767.0 / 3, 2e7);
    int32_t first;
    double width;
    size_t n = quern_stats_histogram(stats, &first, &width, counts, 4096);
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        total += counts[i];
    }
    ck_assert_uint_eq(total, 8192);
    ck_assert_double_eq(width, 16.0);
    quern_stats_destroy(&stats);
    stats = make_stats(ALL, 1);
    for (int i = 0; i < 8192; i++) {
        x[i] = 1e31F * uniform();
    }
    add(stats, 0, x, 1, 1, 8192);
    quern_stats_summary(stats, &m);
    ck_assert(!m.has_fill && m.n_used == 8192 && m.max > 9e30F);
    quern_stats_destroy(&stats);
}
END_TEST

START_TEST(degenerate_tensors_have_figures)
{
    float nans[3] = {NAN, NAN, NAN}, zeros[4] = {0, -0.0F, 0, 0};
    float tiny[2] = {-1e-44F, 1e-42F}, one = 3.5F;
    const struct {
        const float *x;
        size_t n;
        float min, max;
    } rows[] = {{nans, 3, 0, 0},
                {zeros, 4, 0, 0},
                {tiny, 2, -1e-44F, 1e-42F},
                {&one, 1, 3.5F, 3.5F},
                {&one, 0, 0, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct quern_stats *stats = make_stats(ALL, 1);
        struct quern_stats_summary m;
        add(stats, 0, rows[i].x, 1, 1, rows[i].n);
        quern_stats_summary(stats, &m);
        ck_assert_float_eq(m.min, rows[i].min);
        ck_assert_float_eq(m.max, rows[i].max);
        ck_assert(!signbit(m.min) || m.min < 0.0F);
        ck_assert_uint_eq(m.n_values, rows[i].n);
        int32_t first;
        double width;
        ck_assert_uint_ge(quern_stats_histogram(stats, &first, &width, NULL, 0),
                          1);
        quern_stats_destroy(&stats);
    }
}
END_TEST

/* Sentences of different lengths: the result is that of one channel, and the
 * same for any order and any sharding. */
START_TEST(channels_that_differ_become_one)
{
    static const size_t shape[3][3] = {{2, 5, 67}, {10, 1, 67}, {2, 67, 5}};
    make_samples(true);
    struct quern_stats *forth = make_stats(ALL, shape[0][1]);
    struct quern_stats *back = make_stats(ALL, shape[(n_samples - 1) % 3][1]);
    struct quern_stats *part[3] = {NULL};
    for (int s = 0; s < n_samples; s++) {
        const size_t *d = shape[s % 3];
        int r = n_samples - 1 - s;
        const size_t *e = shape[r % 3];
        add(forth, (uint64_t)s, samples[s], d[0], d[1], d[2]);
        add(back, (uint64_t)r, samples[r], e[0], e[1], e[2]);
        if (part[s % 3] == NULL) {
            part[s % 3] = make_stats(ALL, d[1]);
        }
        add(part[s % 3], (uint64_t)s, samples[s], d[0], d[1], d[2]);
    }
    ck_assert_uint_eq(quern_stats_n_channels(forth), 1);
    assert_same(forth, back);
    ck_assert_uint_eq(quern_stats_n_channels(part[2]), 67);
    ck_assert_int_eq(quern_stats_merge(context, part[2], part[0]), QUERN_OK);
    ck_assert_int_eq(quern_stats_merge(context, part[1], part[2]), QUERN_OK);
    assert_same(forth, part[1]);
    for (int k = 0; k < 3; k++) {
        quern_stats_destroy(&part[k]);
    }
    quern_stats_destroy(&forth);
    quern_stats_destroy(&back);
}
END_TEST

/* Factors that are powers of two: statistics of the scaled values, exactly. One
 * channel has large values, which are kept apart, and one saw nothing. */
START_TEST(scaled_statistics_are_those_of_scaled_values)
{
    static const double factors[4] = {0.25, 1.0, 8.0, 2.0};
    struct quern_stats *plain = make_stats(ALL, 4);
    struct quern_stats *want = make_stats(QUERN_STATS_MOMENTS, 4);
    struct quern_stats *got = NULL;
    float x[3 * 4];
    float scaled[3 * 4];
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 12; i++) {
            x[i] = i % 4 == 3   ? NAN
                   : i % 4 == 1 ? 9000.0F * uniform()
                                : uniform();
            scaled[i] = x[i] * (float)factors[i % 4];
        }
        add(plain, (uint64_t)round, x, 3, 4, 1);
        add(want, (uint64_t)round, scaled, 3, 4, 1);
    }
    ck_assert_int_eq(quern_stats_scaled(context, plain, factors, 4, &got),
                     QUERN_OK);
    float lo[2][4], hi[2][4];
    double mean[2][4], square[2][4];
    quern_stats_channels(want, lo[0], hi[0], mean[0], square[0]);
    quern_stats_channels(got, lo[1], hi[1], mean[1], square[1]);
    ck_assert_mem_eq(lo[0], lo[1], sizeof lo[0]);
    ck_assert_mem_eq(hi[0], hi[1], sizeof hi[0]);
    for (int c = 0; c < 4; c++) {
        ck_assert_double_le(fabs(mean[0][c] - mean[1][c]),
                            1e-6 * sqrt(square[0][c]));
        ck_assert_double_le(fabs(square[0][c] - square[1][c]),
                            1e-6 * square[0][c]);
    }
    ck_assert_uint_eq(quern_stats_flags(got), QUERN_STATS_MOMENTS);
    quern_stats_destroy(&got);
    static const double bad[4] = {1.0, 0.0, 1.0, 1.0};
    ck_assert_int_eq(quern_stats_scaled(context, plain, factors, 3, &got),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_int_eq(quern_stats_scaled(context, plain, bad, 4, &got),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_ptr_null(got);
    quern_stats_destroy(&plain);
    quern_stats_destroy(&want);
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    float x[6] = {0};
    struct quern_stats *a = make_stats(ALL, 3), *b = make_stats(0, 3),
                       *c = NULL;
    ck_assert_int_eq(quern_stats_add(context, a, 0, x, SIZE_MAX, 3, 3),
                     QUERN_LIMIT);
    ck_assert_int_eq(quern_stats_merge(context, a, b), QUERN_INVALID_ARGUMENT);
    ck_assert_int_eq(quern_stats_create(context, 0, 0, &c),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_int_eq(quern_stats_create(context, 64, 1, &c),
                     QUERN_INVALID_ARGUMENT);
    quern_stats_destroy(&a);
    quern_stats_destroy(&b);
    quern_stats_destroy(NULL);
}
END_TEST

START_TEST(written_statistics_read_back)
{
    make_samples(true);
    struct quern_stats *a = make_stats(ALL, n_channels), *b = NULL;
    for (int s = 0; s < n_samples; s++) {
        add(a, (uint64_t)s, samples[s], n_outer, n_channels, n_inner);
    }
    size_t size = quern_stats_write(a, NULL, 0);
    uint8_t *bytes = malloc(size);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_uint_eq(quern_stats_write(a, bytes, size), size);
    ck_assert_int_eq(quern_stats_read(context, bytes, size, &b), QUERN_OK);
    assert_same(a, b);
    add(a, 99, samples[3], n_outer, n_channels, n_inner);
    add(b, 99, samples[3], n_outer, n_channels, n_inner);
    assert_same(a, b);
    quern_stats_destroy(&b);
    /* cut anywhere, or any byte changed: an error or other statistics */
    for (size_t cut = 0; cut < size; cut += 1 + cut / 50) {
        ck_assert_int_eq(quern_stats_read(context, bytes, cut, &b),
                         QUERN_MALFORMED);
        quern_clear(context);
    }
    for (int i = 0; i < 3000; i++) {
        size_t at = (size_t)rand() % (i % 2 == 0 ? size : 60);
        uint8_t kept = bytes[at];
        bytes[at] = (uint8_t)rand();
        if (quern_stats_read(context, bytes, size, &b) == QUERN_OK) {
            struct quern_stats_summary m;
            quern_stats_summary(b, &m);
            quern_stats_destroy(&b);
        }
        bytes[at] = kept;
        quern_clear(context);
    }
    free(bytes);
    quern_stats_destroy(&a);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("quant/stats");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, open_with_seed, close_context);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, order_and_sharding_leave_no_trace);
    tcase_add_test(t, order_and_sharding_leave_no_trace_with_odd_values);
    tcase_add_test(t, figures_match_a_naive_count);
    tcase_add_test(t, bins_hold_what_lies_between_their_edges);
    tcase_add_test(t, layouts_of_the_same_values_agree);
    tcase_add_test(t, a_mask_is_told_and_kept_out);
    tcase_add_test(t, large_data_is_not_taken_for_a_mask);
    tcase_add_test(t, degenerate_tensors_have_figures);
    tcase_add_test(t, channels_that_differ_become_one);
    tcase_add_test(t, scaled_statistics_are_those_of_scaled_values);
    tcase_add_test(t, what_does_not_fit_is_refused);
    tcase_add_test(t, written_statistics_read_back);
    suite_add_tcase(suite, t);
    return suite;
}
