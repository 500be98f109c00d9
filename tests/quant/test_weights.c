/* Weights: scales, error feedback, bias shift, noise model. Golden values come
 * from the prototype of the measured recipe on the same random numbers. */
#include "support.h"

enum { rows = 12, cols = 40, samples = 300, kernel = 9 };

static float weights[rows * cols];
static float inputs[samples * cols];
static float depthwise[cols * kernel];
static double second[cols * cols], mean[cols];

static void make_data(void)
{
    struct lcg g = {77};
    for (int o = 0; o < rows; o++) {
        for (int k = 0; k < cols; k++) {
            weights[o * cols + k] =
                (float)(lcg_normal(&g) * (double)(1 + o % 5) * 0.1);
        }
    }
    for (int r = 0; r < samples; r++) {
        double base = lcg_normal(&g);
        for (int k = 0; k < cols; k++) {
            double x = (lcg_normal(&g) + base * 0.7) * (0.2 + (double)(k % 7));
            inputs[r * cols + k] = (float)(x + (double)(k % 3));
        }
    }
    for (int i = 0; i < cols * kernel; i++) {
        depthwise[i] = (float)(lcg_normal(&g) * 0.3);
    }
    memset(second, 0, sizeof second);
    memset(mean, 0, sizeof mean);
    for (int r = 0; r < samples; r++) {
        const float *x = inputs + r * cols;
        for (int i = 0; i < cols; i++) {
            mean[i] += (double)x[i] / samples;
            for (int j = 0; j < cols; j++) {
                second[i * cols + j] += (double)x[i] * (double)x[j] / samples;
            }
        }
    }
}

static void open_with_data(void)
{
    open_context();
    make_data();
}

static const struct quern_quant_options int8 = {.dtype = QUERN_INT8,
                                                .flags = QUERN_QUANT_SYMMETRIC};

static void choose(enum quern_weight_method method, const float *w,
                   struct quern_qparams *q)
{
    ck_assert_int_eq(quern_weight_qparams(context, &int8, method, false, w, 1,
                                          rows, cols, q),
                     QUERN_OK);
}

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

static const struct quern_weight_shape plain = {1, rows, cols, cols, 1, 1};

static void round_with(const struct quern_weight_shape *shape, const float *w,
                       const struct quern_qparams *q, bool centred, double damp,
                       int8_t *codes)
{
    struct quern_feedback_options o = {.shape = *shape,
                                       .qparams = q,
                                       .second = second,
                                       .mean = centred ? mean : NULL,
                                       .n_rows = samples,
                                       .damp = damp};
    ck_assert_int_eq(quern_weight_feedback(context, &o, w, codes), QUERN_OK);
}

START_TEST(feedback_gives_the_golden_codes)
{
    static const char *const names[] = {"codes-raw-0.01", "codes-raw-0.1",
                                        "codes-centred-0.01",
                                        "codes-centred-0.1"};
    struct quern_qparams q[rows];
    int8_t codes[rows * cols];
    double want[rows * cols];
    choose(QUERN_WEIGHT_MINMAX, weights, q);
    golden("weights.txt", names[_i], want, rows * cols);
    /* 0 stands for 1 %, which 300 vectors for 40 inputs are enough for */
    round_with(&plain, weights, q, _i >= 2, _i % 2 == 0 ? 0.0 : 0.1, codes);
    int n_different = 0;
    for (int i = 0; i < rows * cols; i++) {
        ck_assert_int_le(abs(codes[i] - (int)want[i]), 1);
        n_different += codes[i] != (int)want[i];
    }
    ck_assert_int_le(n_different, 1); /* rounding of the last bit at a tie */
}
END_TEST

/* Mean squared error at the output. */
static double output_error(const float *w, const struct quern_qparams *q,
                           const int8_t *codes)
{
    double sum = 0.0;
    for (int r = 0; r < samples; r++) {
        for (int o = 0; o < rows; o++) {
            double e = 0.0;
            for (int k = 0; k < cols; k++) {
                int at = o * cols + k;
                e += ((double)w[at] - codes[at] * (double)q[o].scale) *
                     (double)inputs[r * cols + k];
            }
            sum += e * e;
        }
    }
    return sum;
}

START_TEST(feedback_beats_rounding_to_nearest)
{
    struct quern_qparams q[rows];
    int8_t nearest[rows * cols], codes[rows * cols];
    choose(QUERN_WEIGHT_MINMAX, weights, q);
    ck_assert(
        quern_quantize_channels(q, true, weights, 1, rows, cols, nearest));
    round_with(&plain, weights, q, false, 0.0, codes);
    ck_assert_double_lt(output_error(weights, q, codes),
                        0.8 * output_error(weights, q, nearest));
}
END_TEST

START_TEST(strides_say_where_weights_lie)
{
    struct quern_qparams q[rows];
    static float turned[rows * cols];
    int8_t a[rows * cols], b[rows * cols];
    const struct quern_weight_shape columns = {1, rows, cols, 1, rows, 1};
    for (int i = 0; i < rows * cols; i++) {
        turned[i % cols * rows + i / cols] = weights[i];
    }
    choose(QUERN_WEIGHT_MINMAX, weights, q);
    round_with(&plain, weights, q, true, 0.0, a);
    round_with(&columns, turned, q, true, 0.0, b);
    for (int i = 0; i < rows * cols; i++) {
        ck_assert_int_eq(a[i], b[i % cols * rows + i / cols]);
    }
}
END_TEST

/* Wider than a block, in two groups, codes of 4 bits. */
START_TEST(groups_and_blocks_fit_together)
{
    enum { g = 2, r = 150, k = 131 };
    static float w[g * r * k], x[k];
    static double h[g * k * k];
    static int8_t codes[g * r * k], one[r * k];
    static struct quern_qparams q[g * r];
    const struct quern_quant_options int4 = {.dtype = QUERN_INT4,
                                             .flags = QUERN_QUANT_SYMMETRIC |
                                                      QUERN_QUANT_NARROW};
    struct lcg l = {5};
    for (int i = 0; i < g * r * k; i++) {
        w[i] = (float)lcg_normal(&l);
    }
    for (int n = 0; n < 400; n++) {
        double base = lcg_normal(&l);
        for (int i = 0; i < k; i++) {
            x[i] = (float)(lcg_normal(&l) + base);
        }
        for (int i = 0; i < k * k; i++) {
            h[i] += (double)(x[i / k] * x[i % k]);
            h[k * k + i] += (double)(x[i / k] * x[i % k]) * (i / k == i % k);
        }
    }
    ck_assert_int_eq(quern_weight_qparams(context, &int4, QUERN_WEIGHT_MSE,
                                          false, w, 1, g * r, k, q),
                     QUERN_OK);
    struct quern_feedback_options o = {
        .shape = {g, r, k, k, 1, 1}, .qparams = q, .second = h, .n_rows = 4000};
    ck_assert_int_eq(quern_weight_feedback(context, &o, w, codes), QUERN_OK);
    /* group 2 has independent inputs: nothing to feed back */
    for (int i = r * k; i < g * r * k; i++) {
        double c = nearbyint((double)w[i] / (double)q[i / k].scale);
        ck_assert_int_eq(codes[i], (int)fmin(fmax(c, -7.0), 7.0));
    }
    /* group 1 alone, and really better than rounding */
    o.shape.groups = 1;
    ck_assert_int_eq(quern_weight_feedback(context, &o, w, one), QUERN_OK);
    ck_assert_mem_eq(one, codes, sizeof one);
    double fed = 0.0, nearest = 0.0;
    for (int row = 0; row < r; row++) {
        double d[2][k];
        for (int i = 0; i < k; i++) {
            double s = (double)q[row].scale, v = (double)w[row * k + i];
            double c = fmin(fmax(nearbyint(v / s), -7.0), 7.0);
            d[0][i] = v - codes[row * k + i] * s;
            d[1][i] = v - c * s;
        }
        for (int i = 0; i < k * k; i++) {
            fed += d[0][i / k] * h[i] * d[0][i % k];
            nearest += d[1][i / k] * h[i] * d[1][i % k];
        }
    }
    ck_assert_double_lt(fed, 0.5 * nearest);
}
END_TEST

START_TEST(moments_that_are_no_matrix_are_refused)
{
    struct quern_qparams q[rows];
    int8_t codes[rows * cols];
    choose(QUERN_WEIGHT_MINMAX, weights, q);
    struct quern_feedback_options o = {
        .shape = plain, .qparams = q, .second = second, .n_rows = samples};
    second[3 * cols + 3] = NAN;
    ck_assert_int_eq(quern_weight_feedback(context, &o, weights, codes),
                     QUERN_NUMERIC);
    quern_clear(context);
    second[3 * cols + 3] = -1e6;
    ck_assert_int_eq(quern_weight_feedback(context, &o, weights, codes),
                     QUERN_NUMERIC);
    quern_clear(context);
    memset(second, 0, sizeof second); /* dead inputs: rounding to nearest */
    ck_assert_int_eq(quern_weight_feedback(context, &o, weights, codes),
                     QUERN_OK);
    q[2].dtype = QUERN_UINT8;
    ck_assert_int_eq(quern_weight_feedback(context, &o, weights, codes),
                     QUERN_INVALID_ARGUMENT);
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

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("quant/weights");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, open_with_data, close_context);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, scales_are_the_golden_ones);
    tcase_add_test(t, layouts_and_per_tensor_agree);
    tcase_add_test(t, weights_that_are_not_finite_are_refused);
    tcase_add_loop_test(t, feedback_gives_the_golden_codes, 0, 4);
    tcase_add_test(t, feedback_beats_rounding_to_nearest);
    tcase_add_test(t, strides_say_where_weights_lie);
    tcase_add_test(t, groups_and_blocks_fit_together);
    tcase_add_test(t, moments_that_are_no_matrix_are_refused);
    tcase_add_test(t, the_bias_shift_is_the_golden_one);
    tcase_add_test(t, the_bias_shift_sums_in_order);
    tcase_add_test(t, padding_is_left_out_of_the_mean);
    tcase_add_test(t, noise_of_a_product_is_the_golden_one);
    tcase_add_test(t, noise_of_a_clipped_group_is_the_golden_one);
    suite_add_tcase(suite, t);
    return suite;
}
