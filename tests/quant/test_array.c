/* Arrays of codes against a one-line reference. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifndef QUERN_EXPERIMENTAL
#define QUERN_EXPERIMENTAL
#endif
#include <quern/quant.h>

#include "qtest.h"

static const struct quern_qparams u8 = {QUERN_UINT8, 0.5F, 10, 0, 255};

START_TEST(ties_go_to_even_before_the_zero_point_is_added)
{
    float x[] = {0.25F, 0.75F, 1.25F, -0.25F, -0.75F, 0.0F};
    uint8_t want[] = {10, 12, 12, 10, 8, 10};
    uint8_t got[6];
    ck_assert(quern_quantize_array(&u8, x, 6, got));
    ck_assert_mem_eq(got, want, 6);
}
END_TEST

START_TEST(beyond_the_type_codes_saturate)
{
    float x[] = {1e30F, -1e30F, INFINITY, -INFINITY, NAN, -5.0F, 122.5F};
    uint8_t want[] = {255, 0, 255, 0, 0, 0, 255};
    uint8_t got[7];
    ck_assert(quern_quantize_array(&u8, x, 7, got));
    ck_assert_mem_eq(got, want, 7);
}
END_TEST

static int32_t reference(const struct quern_qparams *q, float x, int32_t lo,
                         int32_t hi)
{
    double r = nearbyint((double)(x / q->scale)) + q->zero_point;
    return r < lo ? lo : r > hi ? hi : (int32_t)r;
}

START_TEST(random_int16_codes_match_the_reference)
{
    struct quern_qparams q = {QUERN_INT16, 3.1e-3F, -77, -32768, 32767};
    enum { n = 5003 };
    static float x[n], back[n];
    static int16_t got[n];
    srand(2);
    for (int i = 0; i < n; i++) {
        x[i] = 240.0F * ((float)rand() / (float)RAND_MAX - 0.5F);
    }
    ck_assert(quern_quantize_array(&q, x, n, got));
    ck_assert(quern_dequantize_array(&q, got, n, back));
    for (int i = 0; i < n; i++) {
        ck_assert_int_eq(got[i], reference(&q, x[i], -32768, 32767));
        float want = (float)(got[i] + 77) * 3.1e-3F;
        ck_assert_float_eq(back[i], want);
    }
}
END_TEST

START_TEST(four_bit_codes_are_packed_low_nibble_first)
{
    struct quern_qparams q = {QUERN_INT4, 1.0F, 0, -8, 7};
    float x[] = {1, -1, 7, -8, 3};
    uint8_t want[] = {0xF1, 0x87, 0x03};
    uint8_t got[4] = {0xAA, 0xAA, 0xAA, 0xAA};
    float back[5];
    ck_assert_uint_eq(quern_codes_size(QUERN_INT4, 5), 3);
    ck_assert(quern_quantize_array(&q, x, 5, got));
    ck_assert_mem_eq(got, want, 3);
    ck_assert_uint_eq(got[3], 0xAA);
    ck_assert(quern_dequantize_array(&q, got, 5, back));
    for (int i = 0; i < 5; i++) {
        ck_assert_float_eq(back[i], x[i]);
    }
    int8_t codes[] = {1, -1, 7, -8, 3};
    quern_pack_codes(codes, 5, got);
    ck_assert_mem_eq(got, want, 3);
}
END_TEST

/* [outer, channels, inner] for a dtype: every element by its channel's own
 * parameters, whatever the layout. */
static void check_channels(enum quern_dtype dtype, size_t outer,
                           size_t channels, size_t inner)
{
    size_t len = outer * channels * inner;
    float *x = malloc(len * sizeof *x);
    float *back = malloc(len * sizeof *back);
    uint8_t *codes = malloc(quern_codes_size(dtype, len));
    struct quern_qparams *q = malloc(channels * sizeof *q);
    ck_assert(x != NULL && back != NULL && codes != NULL && q != NULL);
    int32_t lo, hi;
    ck_assert(quern_quant_codes(dtype, 0, &lo, &hi));
    for (size_t c = 0; c < channels; c++) {
        q[c] = (struct quern_qparams){dtype, 0.01F * (float)(c + 1),
                                      lo < 0 ? 0 : 5, lo + 1, hi};
    }
    for (size_t i = 0; i < len; i++) {
        x[i] = 3.0F * ((float)rand() / (float)RAND_MAX - 0.5F);
    }
    ck_assert(
        quern_quantize_channels(q, true, x, outer, channels, inner, codes));
    ck_assert(
        quern_dequantize_channels(q, codes, outer, channels, inner, back));
    for (size_t i = 0; i < len; i++) {
        const struct quern_qparams *p = &q[i / inner % channels];
        int32_t code = reference(p, x[i], lo + 1, hi);
        ck_assert_float_eq(back[i], (float)(code - p->zero_point) * p->scale);
    }
    free(x);
    free(back);
    free(codes);
    free(q);
}

START_TEST(each_channel_takes_its_own_parameters)
{
    enum quern_dtype dtypes[] = {QUERN_INT8, QUERN_UINT8,  QUERN_INT16,
                                 QUERN_INT4, QUERN_UINT16, QUERN_UINT4};
    srand(3);
    for (int i = 0; i < 6; i++) {
        check_channels(dtypes[i], 1, 7, 9);
        check_channels(dtypes[i], 3, 5, 3);
        check_channels(dtypes[i], 3, 301, 1);
        check_channels(dtypes[i], 2, 1, 777);
    }
}
END_TEST

START_TEST(types_that_are_no_codes_are_refused)
{
    struct quern_qparams q = {QUERN_FLOAT, 1.0F, 0, 0, 255};
    struct quern_qparams two[2] = {u8, {QUERN_INT8, 1.0F, 0, -128, 127}};
    float x[2] = {0};
    uint8_t codes[8];
    ck_assert(!quern_quantize_array(&q, x, 1, codes));
    ck_assert(!quern_dequantize_array(&q, codes, 1, x));
    ck_assert(!quern_quantize_channels(two, false, x, 1, 2, 1, codes));
    ck_assert_uint_eq(quern_codes_size(QUERN_STRING, 3), 0);
    ck_assert_uint_eq(quern_codes_size(QUERN_INT16, SIZE_MAX / 2 + 1), 0);
}
END_TEST

START_TEST(a_bias_that_does_not_fit_is_counted)
{
    float bias[] = {1.0F, -1.0F, 1e9F, NAN, 0.25F};
    float scales[] = {0.5F, 1e-9F, 1e-9F, 1.0F, 0.5F};
    int32_t codes[5];
    ck_assert_uint_eq(quern_quantize_bias(bias, scales, 5, codes), 2);
    ck_assert_int_eq(codes[0], 2);
    ck_assert_int_eq(codes[1], -1000000028); /* 1e-9F is not 1e-9 */
    ck_assert_int_eq(codes[2], INT32_MAX);
    ck_assert_int_eq(codes[3], 0);
    ck_assert_int_eq(codes[4], 0);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("quant/array");
    TCase *t = tcase_create("all");
    tcase_add_test(t, ties_go_to_even_before_the_zero_point_is_added);
    tcase_add_test(t, beyond_the_type_codes_saturate);
    tcase_add_test(t, random_int16_codes_match_the_reference);
    tcase_add_test(t, four_bit_codes_are_packed_low_nibble_first);
    tcase_add_test(t, each_channel_takes_its_own_parameters);
    tcase_add_test(t, types_that_are_no_codes_are_refused);
    tcase_add_test(t, a_bias_that_does_not_fit_is_counted);
    suite_add_tcase(suite, t);
    return suite;
}
