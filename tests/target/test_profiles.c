/* The profiles of the library: each loads, and says what was measured. */
#include <quern/match.h>

#include "support.h"

static void must_open(const char *name)
{
    quern_target_close(&target);
    enum quern_code code = quern_target_open(context, name, &target);
    ck_assert_msg(code == QUERN_OK, "%s", said());
}

START_TEST(every_profile_loads_and_is_whole)
{
    size_t n = 0;
    for (const char *name; (name = quern_target_name_at(n)) != NULL; n++) {
        must_open(name);
        ck_assert_str_eq(target->name, name);
        ck_assert_ptr_nonnull(target->summary);
        ck_assert_ptr_nonnull(target->runtime);
        ck_assert_int_ge(target->opset_minimum, 13); /* Q and DQ with an axis */
        ck_assert_int_ge(target->opset_maximum, target->opset_minimum);
        ck_assert(!target->activations.per_channel);
        const char *const heavy[] = {"Conv", "Gemm", "MatMul"};
        for (size_t i = 0; i < 3; i++) {
            const struct quern_target_op *op =
                quern_target_operator(target, heavy[i]);
            ck_assert_int_eq(op->kind, QUERN_INTEGER_START);
            ck_assert_int_eq(quern_target_port(op, 0), QUERN_ROLE_ACTIVATION);
            ck_assert_int_eq(quern_target_port(op, 1), QUERN_ROLE_WEIGHT);
            ck_assert(op->per_channel);
        }
    }
    ck_assert_uint_eq(n, 6);
    ck_assert_ptr_null(quern_target_name_at(n + 1000));
}
END_TEST

START_TEST(weights_have_the_axis_of_output_channels)
{
    must_open("tensorrt-10");
    ck_assert_int_eq(quern_target_operator(target, "Conv")->axis, 0);
    ck_assert_int_eq(quern_target_operator(target, "ConvTranspose")->axis, 1);
    ck_assert_int_eq(quern_target_operator(target, "MatMul")->axis, 1);
    ck_assert_int_eq(quern_target_operator(target, "Gemm")->axis, 1);
    ck_assert_int_eq(quern_target_operator(target, "Gemm")->axis_transposed, 0);
}
END_TEST

START_TEST(onnx_runtime_and_tensorrt_want_opposite_things)
{
    must_open("ort-cpu-x64");
    ck_assert_int_eq(target->activations.types[0], QUERN_UINT8);
    ck_assert(!target->activations.symmetric);
    ck_assert_int_eq(target->bias, QUERN_BIAS_INT32);
    ck_assert(target->clamps);
    ck_assert_int_eq(quern_target_operator(target, "Conv")->output,
                     QUERN_OUTPUT_REQUIRED);
    ck_assert_int_eq(quern_target_operator(target, "Add")->kind,
                     QUERN_INTEGER_FOLLOW);
    must_open("tensorrt-10");
    ck_assert_int_eq(target->activations.types[0], QUERN_INT8);
    ck_assert(target->activations.symmetric);
    ck_assert(!quern_target_takes(&target->activations, QUERN_UINT8));
    ck_assert_int_eq(target->bias, QUERN_BIAS_FLOAT);
    ck_assert(!target->clamps);
    ck_assert_int_eq(quern_target_operator(target, "Conv")->output,
                     QUERN_OUTPUT_NEVER);
    ck_assert_int_eq(quern_target_operator(target, "Add")->kind,
                     QUERN_INTEGER_SKIP);
}
END_TEST

START_TEST(profiles_differ_from_what_they_are_like)
{
    must_open("ort-cpu-avx2");
    ck_assert_int_eq(target->overflow, QUERN_OVERFLOW_NEVER);
    ck_assert_int_eq(target->activations.types[0], QUERN_UINT8);
    must_open("ort-cpu-arm");
    ck_assert_int_eq(target->overflow, QUERN_OVERFLOW_ANY);
    ck_assert_int_eq(target->activations.types[0], QUERN_INT8);
    ck_assert(!target->activations.symmetric); /* -128 behind Relu */
    ck_assert(!quern_target_has(&target->tricks, "integer-hardswish"));
    must_open("tensorrt-8");
    ck_assert_int_eq(target->opset_maximum, 17);
    ck_assert(!quern_target_operator(target, "ConvTranspose")->per_channel);
    ck_assert_int_eq(quern_target_operator(target, "ConvTranspose")->axis, 1);
    ck_assert(quern_target_operator(target, "Conv")->per_channel);
}
END_TEST

START_TEST(chains_are_patterns)
{
    size_t n = 0;
    for (size_t i = 0; quern_target_name_at(i) != NULL; i++) {
        must_open(quern_target_name_at(i));
        for (size_t k = 0; k < target->chains.count; k++, n++) {
            struct quern_pattern *pattern = NULL;
            ck_assert_msg(quern_pattern_create(context, target->chains.items[k],
                                               &pattern) == QUERN_OK,
                          "%s: %s", target->name, target->chains.items[k]);
            quern_pattern_destroy(&pattern);
        }
    }
    ck_assert_uint_gt(n, 30);
}
END_TEST

START_TEST(fusions_are_asked_by_their_first_two_operators)
{
    must_open("tensorrt-10");
    ck_assert(quern_target_fuses(target, "Conv", "Relu"));
    ck_assert(quern_target_fuses(target, "Conv", "Sigmoid"));
    ck_assert(!quern_target_fuses(target, "Conv", "Mul"));
    ck_assert(!quern_target_fuses(target, "Conv", "Re"));
    ck_assert(!quern_target_fuses(target, "Con", "Relu"));
    ck_assert(!quern_target_fuses(target, "Softmax", "Relu"));
    ck_assert(quern_target_has(&target->keep, "Gelu"));
    ck_assert(!quern_target_has(&target->keep, "Gel"));
}
END_TEST

START_TEST(the_last_port_stands_for_all_behind_it)
{
    must_open("ort-cpu-x64");
    const struct quern_target_op *add = quern_target_operator(target, "Add");
    ck_assert_int_eq(quern_target_port(add, 1), QUERN_ROLE_ACTIVATION);
    const struct quern_target_op *slice =
        quern_target_operator(target, "Slice");
    ck_assert_int_eq(quern_target_port(slice, 0), QUERN_ROLE_ACTIVATION);
    ck_assert_int_eq(quern_target_port(slice, 3), QUERN_ROLE_NONE);
    ck_assert_ptr_null(quern_target_operator(target, "NoSuch"));
    ck_assert_int_eq(quern_target_port(NULL, 0), QUERN_ROLE_NONE);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("target/profiles");
    TCase *tc = tcase_create("all");
    tcase_add_checked_fixture(tc, open_context, close_context);
    tcase_add_test(tc, every_profile_loads_and_is_whole);
    tcase_add_test(tc, weights_have_the_axis_of_output_channels);
    tcase_add_test(tc, onnx_runtime_and_tensorrt_want_opposite_things);
    tcase_add_test(tc, profiles_differ_from_what_they_are_like);
    tcase_add_test(tc, chains_are_patterns);
    tcase_add_test(tc, fusions_are_asked_by_their_first_two_operators);
    tcase_add_test(tc, the_last_port_stands_for_all_behind_it);
    suite_add_tcase(suite, tc);
    return suite;
}
