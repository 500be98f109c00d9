/* Rounding of weights with error feedback. Golden codes come from the prototype
 * of the measured recipe on the same random numbers. */
#include "weights_data.h"

static void round_with(const struct quern_weight_shape *shape, const float *w,
                       struct quern_qparams *q, bool centred, double damp,
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

/* e^T H e of a row's rounding errors, with the damping of 1 %. */
static double square_of(const struct quern_qparams *q, const int8_t *codes,
                        size_t row)
{
    double e[cols];
    double sum = 0.0;
    double trace = 0.0;
    for (size_t k = 0; k < cols; k++) {
        e[k] = (double)codes[row * cols + k] * (double)q[row].scale -
               (double)weights[row * cols + k];
        trace += second[k * cols + k];
    }
    for (size_t i = 0; i < cols; i++) {
        sum += e[i] * e[i] * 0.01 * trace / cols;
        for (size_t j = 0; j < cols; j++) {
            sum += e[i] * second[i * cols + j] * e[j];
        }
    }
    return sum;
}

START_TEST(rows_take_the_step_that_errs_least)
{
    struct quern_qparams q[2][rows];
    int8_t codes[2][rows * cols];
    int8_t again[rows * cols];
    double sums[2] = {0.0, 0.0};
    for (int i = 0; i < 2; i++) {
        choose(QUERN_WEIGHT_MINMAX, weights, q[i]);
        struct quern_feedback_options o = {.shape = plain,
                                           .qparams = q[i],
                                           .second = second,
                                           .n_rows = samples,
                                           .damp = 0.01,
                                           .wider_steps = i == 0 ? 0 : 32};
        ck_assert_int_eq(quern_weight_feedback(context, &o, weights, codes[i]),
                         QUERN_OK);
    }
    for (size_t r = 0; r < rows; r++) {
        double given = square_of(q[0], codes[0], r);
        double chosen = square_of(q[1], codes[1], r);
        ck_assert_float_ge(q[1][r].scale, q[0][r].scale);
        ck_assert_float_le(q[1][r].scale, 1.26F * q[0][r].scale);
        ck_assert_double_le(chosen, given * (1.0 + 1e-9));
        sums[0] += given;
        sums[1] += chosen;
    }
    ck_assert_double_lt(sums[1], 0.8 * sums[0]);
    /* the codes are those of the step */
    round_with(&plain, weights, q[1], false, 0.01, again);
    ck_assert_mem_eq(again, codes[1], sizeof again);
}
END_TEST

START_TEST(weights_that_fit_their_step_keep_it)
{
    struct quern_qparams q[rows];
    struct quern_qparams before[rows];
    float w[rows * cols];
    int8_t codes[rows * cols];
    for (size_t i = 0; i < rows * cols; i++) {
        w[i] = 0.125F * (float)(i % cols == 3 ? 127 : (int)(i * 7 % 255) - 127);
    }
    choose(QUERN_WEIGHT_MINMAX, w, q);
    memcpy(before, q, sizeof q);
    struct quern_feedback_options o = {.shape = plain,
                                       .qparams = q,
                                       .second = second,
                                       .n_rows = samples,
                                       .wider_steps = 64};
    ck_assert_int_eq(quern_weight_feedback(context, &o, w, codes), QUERN_OK);
    for (size_t r = 0; r < rows; r++) {
        ck_assert_float_le(q[r].scale, before[r].scale);
    }
    o.wider_steps = -1;
    ck_assert_int_eq(quern_weight_feedback(context, &o, w, codes),
                     QUERN_INVALID_ARGUMENT);
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

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("quant/feedback");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, open_with_data, close_context);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, feedback_gives_the_golden_codes, 0, 4);
    tcase_add_test(t, feedback_beats_rounding_to_nearest);
    tcase_add_test(t, strides_say_where_weights_lie);
    tcase_add_test(t, groups_and_blocks_fit_together);
    tcase_add_test(t, rows_take_the_step_that_errs_least);
    tcase_add_test(t, weights_that_fit_their_step_keep_it);
    tcase_add_test(t, moments_that_are_no_matrix_are_refused);
    suite_add_tcase(suite, t);
    return suite;
}
