/* Examples of patterns: models that they match. */
#include <quern/recipe.h>

#include "support.h"

/* The example of a pattern; it must match there. */
static void make_example(const char *text)
{
    struct quern_pattern *pattern = NULL;
    const struct quern_match *match = NULL;
    quern_model_destroy(&model);
    ck_assert_int_eq(quern_pattern_example(context, text, &model), QUERN_OK);
    ck_assert_int_eq(quern_pattern_create(context, text, &pattern), QUERN_OK);
    enum quern_code code = quern_pattern_match(
        pattern, quern_graph_last(quern_model_graph(model)), &match);
    ck_assert_msg(code == QUERN_OK, "'%s' does not match its example: %s", text,
                  quern_pattern_reason(pattern));
    quern_pattern_destroy(&pattern);
}

static const char *type_of(const char *name)
{
    static char text[256];
    ck_assert_ptr_nonnull(value_named(name));
    quern_value_type_format(value_named(name), text, sizeof text);
    return text;
}

START_TEST(types_and_ranks_fit_the_operators)
{
    make_example("y = Conv(x, w, b?)");
    ck_assert_int_eq(quern_model_verify(model, NULL, NULL), QUERN_OK);
    make_example("y = Gemm(a, b, c)");
    ck_assert_str_eq(type_of("a"), "float[4, 4]");
    make_example("y = Where(Not(c), x, 0.0)");
    ck_assert_str_eq(type_of("c"), "bool[4, 4, 4, 4]");
    make_example("y = Gather(x, i){axis=0}");
    ck_assert_str_eq(type_of("x"), "float[4, 4, 4, 4]");
}
END_TEST

START_TEST(opsets_are_those_of_the_pattern)
{
    make_example("y = Relu(x)");
    ck_assert_int_eq(quern_model_opset(model, ""), 17);
    make_example("y = Gelu(x)");
    ck_assert_int_eq(quern_model_opset(model, ""), 20);
    make_example("y = Squeeze@7..12(x)");
    ck_assert_int_eq(quern_model_opset(model, ""), 12);
    make_example("y = com.acme.SiLU(com.acme.Norm(x))");
    ck_assert_int_eq(quern_model_opset(model, "com.acme"), 1);
}
END_TEST

START_TEST(texts_that_are_no_patterns_are_refused)
{
    ck_assert_int_eq(quern_pattern_example(context, "y = Mul(x", &model),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(said(), "1:10: found the end"));
}
END_TEST

static const char *const usual[] = {
    "y = Div(1, Add(Exp(Neg(x)), 1))",
    "y = Mul(Clip@6..10(Add(x, 3)){min = 0, max = 6}, 0.16666667)",
    "y = Mul(x, HardSigmoid(x){alpha = 0.16666667, beta = 0.5})",
    "y = Where(GreaterOrEqual(x, t), x, Softplus(x))",
    ("t = Add(Erf(Div(x, 1.4142135623730951)), 1); h = Mul(t, 0.5); "
     "y = Mul(x, h)"),
    "d = Sub(x, ReduceMean(x, first...)); y = Mul(d, d)",
    "a, b = Split(x){axis=$k}; y = Concat(b, a, rest...){axis=$k}",
    "y = Softmax(LeakyRelu(x){alpha=$a}){axis=$k}",
    "y, m = com.acme.Two(_shared, Pad(x, p){mode=\"edge\"})",
    "y = Reshape(x, [0, -1]){allowzero=0}",
    "y = MatMul(x is float[..., 64], w is const float[64, 8])",
    "y = Cast(Mul(x is float16[_, 3], 0.5 ~ 0.1)){to = 1}",
    "y = Gather(x is int64[], i is int32[5])",
    "y = Conv(x, w, b?){strides=$s, auto_pad=\"NOTSET\"}",
};

START_TEST(usual_patterns_match_their_examples)
{
    make_example(usual[_i]);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("example");
    TCase *all = tcase_create("example");
    tcase_add_checked_fixture(all, open_context, close_context);
    tcase_add_test(all, types_and_ranks_fit_the_operators);
    tcase_add_test(all, opsets_are_those_of_the_pattern);
    tcase_add_test(all, texts_that_are_no_patterns_are_refused);
    tcase_add_loop_test(all, usual_patterns_match_their_examples, 0,
                        (int)(sizeof usual / sizeof *usual));
    suite_add_tcase(suite, all);
    return suite;
}
