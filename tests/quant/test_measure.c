/* Measures of error. */
#include "support.h"

static struct quern_measure *make(void)
{
    struct quern_measure *m = NULL;
    ck_assert_int_eq(quern_measure_create(context, &m), QUERN_OK);
    return m;
}

static struct quern_measure_result measure(const float *a, const float *b,
                                           size_t rows, size_t cols)
{
    struct quern_measure_result r;
    struct quern_measure *m = make();
    quern_measure_add(m, a, b, rows, cols);
    quern_measure_result(m, &r);
    quern_measure_destroy(&m);
    return r;
}

START_TEST(figures_of_small_arrays_are_right)
{
    const float a[] = {3, 4, 0, 1}, b[] = {3, 5, 0, 2};
    struct quern_measure_result r = measure(a, b, 2, 2);
    ck_assert_double_eq_tol(r.sqnr_db, 10 * log10(26.0 / 2.0), 1e-9);
    ck_assert_double_eq_tol(r.cosine, (9 + 20 + 2) / sqrt(26.0 * 38.0), 1e-12);
    ck_assert_double_eq(r.mse, 0.5);
    ck_assert_double_eq(r.max_abs, 1.0);
    ck_assert_double_eq(r.max_ref, 4.0);
    ck_assert_double_eq(r.top1, 1.0);
    ck_assert(!r.is_softmax);
    ck_assert_uint_eq(r.n_values, 4);
    ck_assert_uint_eq(r.n_rows, 2);
}
END_TEST

START_TEST(equal_and_empty_outputs_have_no_error)
{
    const float a[] = {1, 2}, zero[] = {0, 0};
    ck_assert(isinf(measure(a, a, 1, 2).sqnr_db));
    ck_assert_double_eq(measure(a, a, 1, 2).cosine, 1.0);
    ck_assert_double_eq(measure(zero, zero, 1, 2).cosine, 1.0);
    ck_assert(measure(zero, a, 1, 2).sqnr_db < -1e9);
    ck_assert_double_eq(measure(zero, a, 1, 2).cosine, 0.0);
    ck_assert(isinf(measure(a, a, 0, 0).sqnr_db));
}
END_TEST

START_TEST(a_constant_beside_the_logits_does_not_count)
{
    float a[6] = {1, 2, 3, 0, 1, -1}, b[6];
    for (int i = 0; i < 6; i++) {
        b[i] = a[i] + 8.0F;
    }
    struct quern_measure_result r = measure(a, b, 2, 3);
    ck_assert(r.sqnr_db < 0.0);
    ck_assert(r.logit_sqnr_db > 200.0);
}
END_TEST

START_TEST(probabilities_are_compared_by_their_logarithms)
{
    struct lcg g = {4};
    float a[40], b[40];
    double energy = 0.0, error = 0.0;
    for (int r = 0; r < 4; r++) {
        double x[10], y[10], sum[2] = {0}, mean[2] = {0};
        for (int c = 0; c < 10; c++) {
            x[c] = 2 * lcg_normal(&g);
            y[c] = x[c] + 0.1 * lcg_normal(&g);
            mean[0] += x[c] / 10;
            mean[1] += y[c] / 10;
            sum[0] += exp(x[c]);
            sum[1] += exp(y[c]);
        }
        for (int c = 0; c < 10; c++) {
            double e = x[c] - mean[0] - y[c] + mean[1];
            a[r * 10 + c] = (float)(exp(x[c]) / sum[0]);
            b[r * 10 + c] = (float)(exp(y[c]) / sum[1]);
            energy += (x[c] - mean[0]) * (x[c] - mean[0]);
            error += e * e;
        }
    }
    struct quern_measure_result r = measure(a, b, 4, 10);
    ck_assert(r.is_softmax);
    ck_assert_double_eq_tol(r.logit_sqnr_db, 10 * log10(energy / error), 1e-3);
}
END_TEST

START_TEST(odd_values_are_counted_not_summed)
{
    const float a[] = {NAN, INFINITY, 1, 2, -INFINITY};
    const float b[] = {NAN, INFINITY, NAN, 3, INFINITY};
    struct quern_measure_result r = measure(a, b, 1, 5);
    ck_assert_uint_eq(r.n_mismatch, 2);
    ck_assert_double_eq(r.mse, 1.0);
    ck_assert_double_eq(r.max_abs, 1.0);
}
END_TEST

START_TEST(ties_go_to_the_first_column)
{
    const float a[] = {1, 1, 0, NAN, 2, 1}, b[] = {2, 1, 0, 0, 0, 1};
    ck_assert_double_eq(measure(a, b, 2, 3).top1, 0.5);
}
END_TEST

START_TEST(order_of_samples_leaves_no_trace)
{
    struct lcg g = {6};
    static float a[50][30], b[50][30];
    struct quern_measure *x = make(), *y = make(), *z = make();
    struct quern_measure_result p, q;
    for (int s = 0; s < 50; s++) {
        for (int i = 0; i < 30; i++) {
            a[s][i] = (float)(lcg_normal(&g) * ldexp(1.0, s % 20));
            b[s][i] = a[s][i] + (float)(0.01 * lcg_normal(&g));
        }
        quern_measure_add(x, a[s], b[s], 3, 10);
    }
    for (int s = 49; s >= 0; s--) {
        quern_measure_add(s % 3 == 0 ? y : z, a[s], b[s], 3, 10);
    }
    quern_measure_merge(z, y);
    memset(&p, 0, sizeof p);
    memset(&q, 0, sizeof q);
    quern_measure_result(x, &p);
    quern_measure_result(z, &q);
    ck_assert_double_eq(p.sqnr_db, q.sqnr_db);
    ck_assert_double_eq(p.cosine, q.cosine);
    ck_assert_double_eq(p.logit_sqnr_db, q.logit_sqnr_db);
    ck_assert_double_eq(p.top1, q.top1);
    quern_measure_destroy(&x);
    quern_measure_destroy(&y);
    quern_measure_destroy(&z);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("quant/measure");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, open_context, close_context);
    tcase_add_test(t, figures_of_small_arrays_are_right);
    tcase_add_test(t, equal_and_empty_outputs_have_no_error);
    tcase_add_test(t, a_constant_beside_the_logits_does_not_count);
    tcase_add_test(t, probabilities_are_compared_by_their_logarithms);
    tcase_add_test(t, odd_values_are_counted_not_summed);
    tcase_add_test(t, ties_go_to_the_first_column);
    tcase_add_test(t, order_of_samples_leaves_no_trace);
    suite_add_tcase(suite, t);
    return suite;
}
