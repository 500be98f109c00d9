/* Scale and zero point: ONNX Runtime's golden vectors and the affine fold. */
#include "support.h"

#include <float.h>

enum {
    SYM = QUERN_QUANT_SYMMETRIC,
    RED = QUERN_QUANT_REDUCED,
    NAR = QUERN_QUANT_NARROW,
};

struct golden {
    float lo, hi;
    enum quern_dtype dtype;
    uint32_t flags;
    double min_range;
    int32_t qmin, qmax;
    float scale;
    int32_t zero_point;
};

/* Computed from the rules of ONNX Runtime's compute_scale_zp. */
static const struct golden goldens[] = {
    {-1, 2, QUERN_INT8, 0, 0, -128, 127, 0.0117647061F, -43},
    {-1, 2, QUERN_INT8, SYM, 0, -127, 127, 0.0157480314F, 0},
    {-1, 2, QUERN_UINT8, 0, 0, 0, 255, 0.0117647061F, 85},
    {-1, 2, QUERN_UINT8, SYM, 0, 0, 254, 0.0157480314F, 127},
    {-1, 2, QUERN_UINT8, SYM | RED, 0, 0, 127, 0.0314960629F, 64},
    {-1, 2, QUERN_INT8, SYM | RED, 0, -64, 64, 0.03125F, 0},
    {-1, 2, QUERN_INT8, RED, 0, -64, 64, 0.0234375F, -21},
    {-1, 2, QUERN_UINT8, RED, 0, 0, 127, 0.0236220472F, 42},
    {-1, 1, QUERN_INT8, 0, 0, -128, 127, 0.00784313772F, 0},
    {-1, 2, QUERN_INT16, 0, 0, -32768, 32767, 4.57770657e-05F, -10923},
    {-1, 2, QUERN_INT16, SYM, 0, -32767, 32767, 6.10370189e-05F, 0},
    {-1, 2, QUERN_UINT16, SYM, 0, 0, 65534, 6.10370189e-05F, 32767},
    {-1, 2, QUERN_INT4, SYM, 0, -8, 7, 0.266666681F, 0},
    {-1, 2, QUERN_INT4, 0, 0, -8, 7, 0.200000003F, -3},
    {-1, 2, QUERN_UINT4, SYM, 0, 0, 15, 0.266666681F, 8},
    {-1, 2, QUERN_UINT4, 0, 0, 0, 15, 0.200000003F, 5},
    {0, 0, QUERN_INT8, 0, 0, -128, 127, 1.0F, 0},
    {1, -1, QUERN_INT8, 0, 0, -128, 127, 1.0F, 0},
    {1, -1, QUERN_UINT16, SYM, 0, 0, 65534, 1.0F, 0},
    {1, 2, QUERN_UINT8, 0, 0, 0, 255, 0.00784313772F, 0},
    {-2, -1, QUERN_INT8, 0, 0, -128, 127, 0.00784313772F, 127},
    {0, 1, QUERN_INT8, 0, 0, -128, 127, 0.00392156886F, -128},
    {0, 0, QUERN_UINT8, 0, 1e-4, 0, 255, 3.92156863e-07F, 0},
    {0, 0, QUERN_INT8, SYM, 1e-4, -127, 127, 7.87401575e-07F, 0},
    {-1, 2, QUERN_INT4, SYM | NAR, 0, -7, 7, 0.285714298F, 0},
    /* subnormal ranges */
    {0, 1e-40F, QUERN_INT8, 0, 0, -128, 127, 1.0F, 0},
    {-1e-44F, 1e-44F, QUERN_UINT8, SYM, 0, 0, 254, 1.0F, 0},
};

START_TEST(ranges_give_the_golden_parameters)
{
    const struct golden *g = &goldens[_i];
    struct quern_quant_options o = {
        .dtype = g->dtype, .flags = g->flags, .min_range = g->min_range};
    struct quern_qparams q;
    ck_assert_int_eq(quern_qparams_of_range(context, &o, g->lo, g->hi, &q),
                     QUERN_OK);
    ck_assert_int_eq(q.qmin, g->qmin);
    ck_assert_int_eq(q.qmax, g->qmax);
    ck_assert_float_eq(q.scale, g->scale);
    ck_assert_int_eq(q.zero_point, g->zero_point);
}
END_TEST

/* ONNX Runtime's own test_quant_util.py */
START_TEST(given_codes_replace_the_table)
{
    struct {
        int32_t qmin, qmax;
        uint32_t flags;
        enum quern_dtype dtype;
        int32_t zero_point;
        double scale;
    } rows[] = {
        {-127, 127, SYM, QUERN_INT8, 0, 2.0 / 127},
        {-127, 127, 0, QUERN_INT8, -42, 3.0 / 254},
        {0, 255, SYM, QUERN_UINT8, 128, 4.0 / 255},
        {0, 255, 0, QUERN_UINT8, 85, 3.0 / 255},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct quern_quant_options o = {.dtype = rows[i].dtype,
                                        .flags = rows[i].flags,
                                        .qmin = rows[i].qmin,
                                        .qmax = rows[i].qmax};
        struct quern_qparams q;
        ck_assert_int_eq(quern_qparams_of_range(context, &o, -1, 2, &q),
                         QUERN_OK);
        ck_assert_int_eq(q.zero_point, rows[i].zero_point);
        ck_assert_float_eq(q.scale, (float)rows[i].scale);
    }
}
END_TEST

START_TEST(float16_scales_are_float16_numbers)
{
    struct quern_quant_options o = {.dtype = QUERN_UINT8,
                                    .float_dtype = QUERN_FLOAT16};
    struct quern_qparams q;
    ck_assert_int_eq(quern_qparams_of_range(context, &o, -1, 2, &q), QUERN_OK);
    ck_assert_float_eq(q.scale, 0.01176452637F);
    /* below the smallest normal float16 number */
    ck_assert_int_eq(quern_qparams_of_range(context, &o, 0, 0.015F, &q),
                     QUERN_OK);
    ck_assert_float_eq(q.scale, 1.0F);
}
END_TEST

START_TEST(what_has_no_scale_is_refused)
{
    struct quern_quant_options o = {.dtype = QUERN_UINT8};
    struct quern_qparams q;
    ck_assert_int_eq(quern_qparams_of_range(context, &o, NAN, 1, &q),
                     QUERN_NUMERIC);
    ck_assert_int_eq(quern_qparams_of_range(context, &o, 0, INFINITY, &q),
                     QUERN_NUMERIC);
    ck_assert_int_eq(quern_qparams_of_range(context, &o, -FLT_MAX, FLT_MAX, &q),
                     QUERN_NUMERIC);
    o.dtype = QUERN_FLOAT;
    ck_assert_int_eq(quern_qparams_of_range(context, &o, 0, 1, &q),
                     QUERN_INVALID_ARGUMENT);
    o.dtype = QUERN_INT8;
    o.qmin = -129;
    o.qmax = 127;
    ck_assert_int_eq(quern_qparams_of_range(context, &o, 0, 1, &q),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(quern_error(context));
}
END_TEST

START_TEST(zero_points_fit_for_random_ranges)
{
    enum quern_dtype dtypes[] = {QUERN_INT8, QUERN_UINT8,  QUERN_INT16,
                                 QUERN_INT4, QUERN_UINT16, QUERN_UINT4};
    srand(1);
    for (int i = 0; i < 20000; i++) {
        float a = ldexpf((float)rand() / (float)RAND_MAX - 0.5F, rand() % 60);
        float b = ldexpf((float)rand() / (float)RAND_MAX - 0.5F, rand() % 60);
        struct quern_quant_options o = {.dtype = dtypes[i % 6],
                                        .flags = (uint32_t)rand() % 8U};
        struct quern_qparams q;
        ck_assert_int_eq(
            quern_qparams_of_range(context, &o, fminf(a, b), fmaxf(a, b), &q),
            QUERN_OK);
        ck_assert_int_ge(q.zero_point, q.qmin < 0 ? q.qmin : 0);
        ck_assert_int_le(q.zero_point, q.qmax);
        ck_assert(q.scale >= FLT_MIN && isfinite(q.scale));
    }
}
END_TEST

/* Quantizing h with the folded parameters gives the codes of y = a h + b. */
static size_t differing_codes(const struct quern_qparams *q,
                              const struct quern_qparams *dq, double a,
                              double b)
{
    size_t n = 0;
    for (int i = -500; i <= 500; i++) {
        float h = (float)i * 0.013F;
        float y = (float)(a * (double)h + b);
        uint8_t of_h, of_y;
        ck_assert(quern_quantize_array(q, &h, 1, &of_h));
        ck_assert(quern_quantize_array(dq, &y, 1, &of_y));
        ck_assert_int_le(abs(of_h - of_y), 1);
        n += of_h != of_y;
    }
    return n;
}

START_TEST(an_affine_step_folds_into_the_quantizer)
{
    struct quern_quant_options o = {.dtype = QUERN_UINT8};
    struct quern_qparams y, q, dq;
    ck_assert_int_eq(quern_qparams_of_range(context, &o, -1, 2, &y), QUERN_OK);
    double step = (double)y.scale;
    ck_assert(quern_qparams_fold_affine(&y, 0.5, 10 * step, &q, &dq));
    ck_assert_int_eq(q.zero_point, y.zero_point + 10);
    ck_assert_float_eq(dq.scale, y.scale);
    ck_assert_float_eq(q.scale, y.scale * 2);
    /* ties aside the codes are the same */
    ck_assert_uint_le(differing_codes(&q, &dq, 0.5, 10 * step), 20);
}
END_TEST

START_TEST(a_step_that_does_not_divide_is_moved_a_little)
{
    struct quern_quant_options o = {.dtype = QUERN_UINT8};
    struct quern_qparams y, q, dq;
    ck_assert_int_eq(quern_qparams_of_range(context, &o, -1, 2, &y), QUERN_OK);
    double b = 20.4 * (double)y.scale;
    ck_assert(quern_qparams_fold_affine(&y, 3.0, b, &q, &dq));
    ck_assert_double_eq_tol((double)dq.scale, b / 20, 1e-9);
    ck_assert_uint_le(differing_codes(&q, &dq, 3.0, b), 20);
    /* half a step: nothing within 8 % */
    ck_assert(
        !quern_qparams_fold_affine(&y, 3.0, 0.5 * (double)y.scale, &q, &dq));
    ck_assert(!quern_qparams_fold_affine(&y, -3.0, 0.0, &q, &dq));
    ck_assert(!quern_qparams_fold_affine(&y, 1.0, 300.0, &q, &dq));
    ck_assert(!quern_qparams_fold_affine(&y, (double)NAN, 0.0, &q, &dq));
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("quant/qparams");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, open_context, close_context);
    tcase_add_loop_test(t, ranges_give_the_golden_parameters, 0,
                        (int)(sizeof goldens / sizeof goldens[0]));
    tcase_add_test(t, given_codes_replace_the_table);
    tcase_add_test(t, float16_scales_are_float16_numbers);
    tcase_add_test(t, what_has_no_scale_is_refused);
    tcase_add_test(t, zero_points_fit_for_random_ranges);
    tcase_add_test(t, an_affine_step_folds_into_the_quantizer);
    tcase_add_test(t, a_step_that_does_not_divide_is_moved_a_little);
    suite_add_tcase(suite, t);
    return suite;
}
