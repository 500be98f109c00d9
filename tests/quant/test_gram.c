/* Second moments in integers. */
#include "support.h"

enum { groups = 2, cols = 37, inputs = groups * cols, n_rows = 700 };

static float data[n_rows * inputs], abs_max[inputs];

static void make_data(void)
{
    struct lcg g = {9};
    memset(abs_max, 0, sizeof abs_max);
    for (int r = 0; r < n_rows; r++) {
        double base = lcg_normal(&g);
        for (int k = 0; k < inputs; k++) {
            double x = (lcg_normal(&g) + base) * ldexp(1.0, k % 9 - 4);
            data[r * inputs + k] = (float)(k == 7 ? 0.0 : x + 0.3);
            abs_max[k] = fmaxf(abs_max[k], fabsf(data[r * inputs + k]));
        }
    }
}

static struct quern_gram *make(void)
{
    struct quern_gram *gram = NULL;
    ck_assert_int_eq(quern_gram_create(context, groups, cols, abs_max, &gram),
                     QUERN_OK);
    return gram;
}

static void add(struct quern_gram *gram, int first, int n)
{
    ck_assert_int_eq(
        quern_gram_add(context, gram, data + first * inputs, (size_t)n, inputs),
        QUERN_OK);
}

static double second[2][groups * cols * cols], mean[2][inputs];

START_TEST(moments_are_near_the_true_ones)
{
    make_data();
    struct quern_gram *gram = make();
    add(gram, 0, n_rows);
    quern_gram_moments(gram, second[0], mean[0]);
    ck_assert_uint_eq(quern_gram_n_rows(gram), n_rows);
    for (int g = 0; g < groups; g++) {
        for (int i = 0; i < cols; i++) {
            for (int j = 0; j < cols; j++) {
                const float *a = data + g * cols + i;
                const float *b = data + g * cols + j;
                double sum = 0.0, m = 0.0;
                for (int r = 0; r < n_rows; r++) {
                    sum += (double)a[r * inputs] * (double)b[r * inputs];
                    m += (double)a[r * inputs];
                }
                double got = second[0][(g * cols + i) * cols + j];
                double unit = (double)abs_max[g * cols + i] *
                              (double)abs_max[g * cols + j];
                ck_assert_double_eq_tol(got, sum / n_rows, 1e-4 * unit + 1e-30);
                ck_assert_double_eq_tol(mean[0][g * cols + i], m / n_rows,
                                        1e-4 * (double)abs_max[g * cols + i] +
                                            1e-30);
            }
        }
    }
    quern_gram_destroy(&gram);
}
END_TEST

START_TEST(order_and_sharding_leave_no_trace)
{
    make_data();
    struct quern_gram *whole = make(), *a = make(), *b = make();
    add(whole, 0, n_rows);
    add(b, 650, 50);
    add(a, 300, 350);
    add(b, 0, 1);
    add(a, 1, 299);
    ck_assert_int_eq(quern_gram_merge(context, a, b), QUERN_OK);
    quern_gram_moments(whole, second[0], mean[0]);
    quern_gram_moments(a, second[1], mean[1]);
    ck_assert_mem_eq(second[0], second[1], sizeof second[0]);
    ck_assert_mem_eq(mean[0], mean[1], sizeof mean[0]);
    /* reading does not end adding */
    add(a, 0, 10);
    add(whole, 0, 10);
    quern_gram_moments(whole, second[0], NULL);
    quern_gram_moments(a, second[1], NULL);
    ck_assert_mem_eq(second[0], second[1], sizeof second[0]);
    quern_gram_destroy(&whole);
    quern_gram_destroy(&a);
    quern_gram_destroy(&b);
}
END_TEST

/* Windows of [C, H, W] in both orders of memory, gathered by hand. */
START_TEST(windows_of_a_convolution_are_what_it_reads)
{
    enum { c = 4, g = 2, h = 5, w = 6, kh = 3, kw = 2, oh = 3, ow = 5 };
    enum { n_cols = c / g * kh * kw, taps = kh * kw };
    static float nchw[c * h * w], nhwc[h * w * c], most[c * taps];
    static float rows[oh * ow * c * taps];
    struct lcg l = {3};
    for (int i = 0; i < c * h * w; i++) {
        nchw[i] = (float)lcg_normal(&l);
        nhwc[i % (h * w) * c + i / (h * w)] = nchw[i];
    }
    for (int i = 0; i < c * taps; i++) {
        most[i] = 6.0F;
    }
    /* strides 2, 1; dilations 1, 2; padding 1 in front of each axis */
    for (int p = 0; p < oh * ow; p++) {
        for (int i = 0; i < c * taps; i++) {
            int y = p / ow * 2 - 1 + i % taps / kw;
            int x = p % ow - 1 + i % kw * 2;
            bool is_in = y >= 0 && y < h && x >= 0 && x < w;
            rows[p * c * taps + i] =
                is_in ? nchw[(i / taps * h + y) * w + x] : 0.0F;
        }
    }
    struct quern_conv_window win = {.rank = 2,
                                    .input = {h, w},
                                    .output = {oh, ow},
                                    .kernel = {kh, kw},
                                    .strides = {2, 1},
                                    .dilations = {1, 2},
                                    .pads_begin = {1, 1},
                                    .channel_stride = h * w,
                                    .axis_stride = {w, 1}};
    struct quern_gram *want = NULL, *got = NULL;
    static double a[g * n_cols * n_cols], b[g * n_cols * n_cols];
    for (int every = 1; every < 5; every += 3) {
        ck_assert_int_eq(quern_gram_create(context, g, n_cols, most, &want),
                         QUERN_OK);
        for (int p = 0; p < oh * ow; p += every) {
            ck_assert_int_eq(
                quern_gram_add(context, want, rows + p * c * taps, 1, c * taps),
                QUERN_OK);
        }
        quern_gram_moments(want, a, NULL);
        for (int layout = 0; layout < 2; layout++) {
            win.channel_stride = layout == 0 ? h * w : 1;
            win.axis_stride[0] = layout == 0 ? w : w * c;
            win.axis_stride[1] = layout == 0 ? 1 : c;
            ck_assert_int_eq(quern_gram_create(context, g, n_cols, most, &got),
                             QUERN_OK);
            ck_assert_int_eq(quern_gram_add_conv(context, got,
                                                 layout == 0 ? nchw : nhwc,
                                                 &win, every),
                             QUERN_OK);
            quern_gram_moments(got, b, NULL);
            ck_assert_uint_eq(quern_gram_n_rows(got), quern_gram_n_rows(want));
            ck_assert_mem_eq(a, b, sizeof a);
            quern_gram_destroy(&got);
        }
        quern_gram_destroy(&want);
    }
    win.kernel[1] = 5;
    ck_assert_int_eq(quern_gram_create(context, g, n_cols, most, &got),
                     QUERN_OK);
    ck_assert_int_eq(quern_gram_add_conv(context, got, nchw, &win, 1),
                     QUERN_INVALID_ARGUMENT);
    quern_gram_destroy(&got);
}
END_TEST

START_TEST(odd_values_and_empty_sums_are_harmless)
{
    make_data();
    struct quern_gram *gram = make();
    quern_gram_moments(gram, second[0], mean[0]);
    ck_assert_double_eq(second[0][0], 0.0);
    data[0] = NAN;
    data[1] = INFINITY;
    data[2] = -1e30F;
    add(gram, 0, 1);
    quern_gram_moments(gram, second[0], mean[0]);
    ck_assert_double_eq(mean[0][0], 0.0);
    ck_assert_double_ge(mean[0][1], (double)abs_max[1]);
    ck_assert_double_le(mean[0][1], 2.0 * (double)abs_max[1]);
    quern_gram_destroy(&gram);
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    make_data();
    struct quern_gram *gram = make(), *other = NULL;
    ck_assert_int_eq(quern_gram_create(context, 0, 3, abs_max, &other),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_int_eq(
        quern_gram_create(context, 1, (size_t)1 << 20, abs_max, &other),
        QUERN_LIMIT);
    ck_assert_int_eq(quern_gram_add(context, gram, data, 1, inputs - 1),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_uint_eq(quern_gram_size(SIZE_MAX / 4, 2), SIZE_MAX);
    ck_assert_uint_eq(quern_gram_size(2, SIZE_MAX / 16), SIZE_MAX);
    ck_assert_uint_eq(quern_gram_size(6, 5),
                      6 * quern_gram_size(1, 5) - 6 * 5 * 2 * 192);
    abs_max[0] *= 4.0F;
    other = make();
    ck_assert_int_eq(quern_gram_merge(context, gram, other),
                     QUERN_INVALID_ARGUMENT);
    quern_gram_destroy(&gram);
    quern_gram_destroy(&other);
    quern_gram_destroy(NULL);
    /* sizes that overflow, where memory has no limit */
    struct quern_context *boundless = NULL;
    struct quern_context_options o = {.struct_size = sizeof o,
                                      .max_memory = UINT64_MAX};
    ck_assert_int_eq(quern_context_create(&o, &boundless), QUERN_OK);
    ck_assert_int_eq(
        quern_gram_create(boundless, (size_t)1 << 61, 8, abs_max, &other),
        QUERN_LIMIT);
    quern_context_destroy(&boundless);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("quant/gram");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, open_context, close_context);
    tcase_add_test(t, moments_are_near_the_true_ones);
    tcase_add_test(t, order_and_sharding_leave_no_trace);
    tcase_add_test(t, windows_of_a_convolution_are_what_it_reads);
    tcase_add_test(t, odd_values_and_empty_sums_are_harmless);
    tcase_add_test(t, what_does_not_fit_is_refused);
    suite_add_tcase(suite, t);
    return suite;
}
