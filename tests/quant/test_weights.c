/* Weights: scales, bias shift, noise model. Golden values come
 * from the prototype of the measured recipe on the same random numbers. */
#include "weights_data.h"

static void assert_scales(const char *name, const struct quern_qparams *q,
                          double tolerance)
{
    double want[rows];
    golden("weights.txt", name, want, rows);
    for (int i = 0; i < rows; i++) {
        ck_assert_int_eq(q[i].zero_point, 0);
        ck_assert_double_eq_tol((double)q[i].scale / want[i], 1.0, tolerance);
    }
}

START_TEST(scales_are_the_golden_ones)
{
    struct quern_qparams q[rows];
    static float cubed[rows * cols];
    for (int i = 0; i < rows * cols; i++) {
        cubed[i] = weights[i] * weights[i] * weights[i];
    }
    choose(QUERN_WEIGHT_MINMAX, weights, q);
    assert_scales("scales-minmax", q, 1e-7);
    choose(QUERN_WEIGHT_MSE, weights, q);
    assert_scales("scales-mse", q, 1e-6);
    choose(QUERN_WEIGHT_MSE, cubed, q);
    assert_scales("scales-mse-cubed", q, 1e-6);
}
END_TEST

START_TEST(layouts_and_per_tensor_agree)
{
    struct quern_qparams a[rows], b[rows];
    static float turned[rows * cols];
    for (int i = 0; i < rows * cols; i++) {
        turned[i % cols * rows + i / cols] = weights[i];
    }
    choose(QUERN_WEIGHT_MINMAX, weights, a);
    ck_assert_int_eq(quern_weight_qparams(context, &int8, QUERN_WEIGHT_MINMAX,
                                          false, turned, cols, rows, 1, b),
                     QUERN_OK);
    float most = 0.0F;
    for (int i = 0; i < rows; i++) {
        ck_assert_float_eq(a[i].scale, b[i].scale);
        most = fmaxf(most, a[i].scale);
    }
    ck_assert_int_eq(quern_weight_qparams(context, &int8, QUERN_WEIGHT_MINMAX,
                                          true, turned, cols, rows, 1, b),
                     QUERN_OK);
    for (int i = 0; i < rows; i++) {
        ck_assert_float_eq(b[i].scale, most);
    }
}
END_TEST

START_TEST(weights_that_are_not_finite_are_refused)
{
    struct quern_qparams q[rows];
    weights[cols * 3 + 2] = NAN;
    ck_assert_int_eq(quern_weight_qparams(context, &int8, QUERN_WEIGHT_MINMAX,
                                          false, weights, 1, rows, cols, q),
                     QUERN_NUMERIC);
    ck_assert_ptr_nonnull(strstr(quern_error(context)->text, "channel 3"));
}
END_TEST

START_TEST(the_bias_shift_is_the_golden_one)
{
    struct quern_qparams q[rows];
    int8_t codes[rows * cols];
    double want[rows], got[rows];
    choose(QUERN_WEIGHT_MINMAX, weights, q);
    ck_assert(quern_quantize_channels(q, true, weights, 1, rows, cols, codes));
    quern_weight_bias_shift(&plain, q, weights, codes, mean, NULL, got);
    golden("weights.txt", "shift", want, rows);
    for (int i = 0; i < rows; i++) {
        ck_assert_double_eq_tol(got[i], want[i], 1e-9);
    }
}
END_TEST

/* Rows by rows and columns by columns, in numbers that fill no whole stretch,
 * against the definition, to the bit. */
START_TEST(the_bias_shift_sums_in_order)
{
    enum { ROWS = 23, COLS = 12, TAPS = 3 };
    struct quern_qparams q[ROWS];
    float w[ROWS * COLS];
    int8_t codes[ROWS * COLS];
    double mu[COLS / TAPS], tap[TAPS] = {1.0, 0.75, 0.3}, got[ROWS];
    for (int i = 0; i < ROWS * COLS; i++) {
        w[i] = sinf((float)i);
        codes[i] = (int8_t)(rintf(w[i] * 90.0F) + 2.0F);
    }
    for (int c = 0; c < COLS / TAPS; c++) {
        mu[c] = cos(c);
    }
    for (int r = 0; r < ROWS; r++) {
        q[r] = (struct quern_qparams){QUERN_INT8, 0.01F + 1e-4F * (float)r, 2,
                                      -127, 127};
    }
    for (size_t next = 0; next < 2; next++) {
        struct quern_weight_shape s = {1, ROWS, COLS, COLS, 1, TAPS};
        s.row_stride = next != 0 ? 1 : COLS;
        s.col_stride = next != 0 ? ROWS : 1;
        quern_weight_bias_shift(&s, q, w, codes, mu, tap, got);
        for (size_t r = 0; r < ROWS; r++) {
            double sum = 0.0;
            for (size_t k = 0; k < COLS; k++) {
                size_t i = r * s.row_stride + k * s.col_stride;
                double kept = (double)(codes[i] - 2) * (double)q[r].scale;
                sum += ((double)w[i] - kept) * mu[k / TAPS] * tap[k % TAPS];
            }
            ck_assert(got[r] >= sum && got[r] <= sum);
        }
    }
}
END_TEST

START_TEST(padding_is_left_out_of_the_mean)
{
    const int64_t in[] = {4, 5}, out[] = {4, 3}, ker[] = {3, 2};
    const int64_t stride[] = {1, 2}, dil[] = {1, 1}, pad[] = {1, 1};
    double tap[6];
    ck_assert(quern_conv_tap_weights(2, in, out, ker, stride, dil, pad, tap));
    double want_y[] = {0.75, 1.0, 0.75}, want_x[] = {2.0 / 3, 1.0};
    for (int i = 0; i < 6; i++) {
        ck_assert_double_eq_tol(tap[i], want_y[i / 2] * want_x[i % 2], 1e-12);
    }
    ck_assert(!quern_conv_tap_weights(4, in, out, ker, stride, dil, pad, tap));
    /* one channel, 6 taps: the shift is weighted by them */
    const struct quern_weight_shape shape = {1, 1, 6, 6, 1, 6};
    const struct quern_qparams q = {QUERN_INT8, 1.0F, 0, -127, 127};
    const float w[] = {0.25F, 0, 0, 0, 0, -0.25F};
    const int8_t codes[6] = {0};
    const double mu = 8.0;
    double shift;
    quern_weight_bias_shift(&shape, &q, w, codes, &mu, tap, &shift);
    ck_assert_double_eq_tol(shift, 2.0 * tap[0] - 2.0 * tap[5], 1e-12);
}
END_TEST

static void channel_stats(float least, float most, float *lo, float *hi,
                          double *square, float *range)
{
    for (int k = 0; k < cols; k++) {
        lo[k] = HUGE_VALF;
        hi[k] = -HUGE_VALF;
        square[k] = 0.0;
        for (int r = 0; r < samples; r++) {
            float x = fminf(fmaxf(inputs[r * cols + k], least), most);
            lo[k] = fminf(lo[k], x);
            hi[k] = fmaxf(hi[k], x);
            square[k] += (double)x * (double)x / samples;
        }
        range[k] = fmaxf(-lo[k], hi[k]);
    }
}

static const double alphas[] = {0, 0.2, 0.35, 0.5, 0.65, 0.8, 1};

START_TEST(noise_of_a_product_is_the_golden_one)
{
    float lo[cols], hi[cols], range[cols];
    double square[cols], e[cols];
    channel_stats(-1e9F, 1e9F, lo, hi, square, range);
    struct quern_noise_reader reader = {.shape = plain,
                                        .weights = weights,
                                        .x_min = lo,
                                        .x_max = hi,
                                        .x_mean_square = square};
    struct quern_noise_options o = {.rule = QUERN_FACTOR_POWER};
    for (int i = 0; i < 7; i++) {
        char name[32];
        double want;
        snprintf(name, sizeof name, "noise-mm %g", alphas[i]);
        golden("weights.txt", name, &want, 1);
        quern_noise_factors(&o, range, cols, alphas[i], e);
        double got = quern_noise_of(&o, &reader, 1, cols, e);
        ck_assert_double_eq_tol(12.0 * got / want, 1.0, 1e-6);
    }
    struct quern_noise_result best;
    ck_assert_int_eq(
        quern_noise_search(context, &o, &reader, 1, range, cols, e, &best),
        QUERN_OK);
    ck_assert_double_eq(best.alpha, 0.65);
    ck_assert_double_eq_tol(best.noise_none / best.noise, 2.2154887 / 1.1399593,
                            1e-5);
    ck_assert_int_eq(
        quern_noise_search(context, &o, &reader, 1, range, cols - 1, e, &best),
        QUERN_INVALID_ARGUMENT);
}
END_TEST

START_TEST(noise_of_a_clipped_group_is_the_golden_one)
{
    float lo[cols], hi[cols], range[cols];
    double square[cols], e[cols];
    channel_stats(0.0F, 6.0F, lo, hi, square, range);
    struct quern_noise_reader reader = {
        .shape = {cols, 1, kernel, kernel, 1, kernel},
        .weights = depthwise,
        .x_min = lo,
        .x_max = hi,
        .x_mean_square = square,
        .range_part = 0.8,
        .output_energy = 3.5};
    struct quern_noise_options o = {.rule = QUERN_FACTOR_CLIP, .clip_max = 6.0};
    for (int i = 0; i < 7; i++) {
        char name[32];
        double want;
        snprintf(name, sizeof name, "noise-clip %g", alphas[i]);
        golden("weights.txt", name, &want, 1);
        quern_noise_factors(&o, range, cols, alphas[i], e);
        ck_assert_double_eq_tol(quern_noise_of(&o, &reader, 1, cols, e) / want,
                                1.0, 1e-6);
        for (int c = 0; c < cols; c++) {
            ck_assert(e[c] > 0.0 && e[c] <= 1.0);
        }
    }
    o.clip_max = 0.0;
    struct quern_noise_result best;
    ck_assert_int_eq(
        quern_noise_search(context, &o, &reader, 1, range, cols, e, &best),
        QUERN_INVALID_ARGUMENT);
}
END_TEST

START_TEST(dead_channels_are_scaled_as_the_quietest)
{
    const float range[5] = {4.0F, 0.0F, 0.04F, 0.0F, 1.0F};
    double e[5];
    struct quern_noise_options o = {.rule = QUERN_FACTOR_POWER};
    quern_noise_factors(&o, range, 5, 1.0, e);
    ck_assert_double_eq(e[0], 1.0);
    ck_assert_double_eq_tol(e[2], 0.01, 1e-7);
    ck_assert_double_eq(e[1], e[2]);
    ck_assert_double_eq(e[3], e[2]);
    o = (struct quern_noise_options){.rule = QUERN_FACTOR_CLIP,
                                     .clip_max = 8.0};
    quern_noise_factors(&o, range, 5, 1.0, e);
    ck_assert_double_eq_tol(e[2], 0.005, 1e-7);
    ck_assert_double_eq(e[1], e[2]);
    const float nothing[2] = {0.0F, 0.0F};
    quern_noise_factors(&o, nothing, 2, 1.0, e);
    ck_assert_double_eq(e[0], 1.0);
    ck_assert_double_eq(e[1], 1.0);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("quant/weights");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, open_with_data, close_context);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, scales_are_the_golden_ones);
    tcase_add_test(t, layouts_and_per_tensor_agree);
    tcase_add_test(t, weights_that_are_not_finite_are_refused);
    tcase_add_test(t, the_bias_shift_is_the_golden_one);
    tcase_add_test(t, the_bias_shift_sums_in_order);
    tcase_add_test(t, padding_is_left_out_of_the_mean);
    tcase_add_test(t, noise_of_a_product_is_the_golden_one);
    tcase_add_test(t, noise_of_a_clipped_group_is_the_golden_one);
    tcase_add_test(t, dead_channels_are_scaled_as_the_quietest);
    suite_add_tcase(suite, t);
    return suite;
}
