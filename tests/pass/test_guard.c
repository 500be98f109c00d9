/* What patterns ask of values beside where they stand, what replacements
 * compute, alternatives, and shapes that a rule must not change. */
#include "pass/pass.h"
#include "support.h"

static struct quern_pattern *pattern;

static void close_all(void)
{
    quern_pattern_destroy(&pattern);
    close_context();
}

/* Give an input of the built model a type. */
static void give(const char *name, enum quern_dtype dtype, int rank,
                 const int64_t *sizes)
{
    struct quern_dim dims[4];
    for (int i = 0; i < rank; i++) {
        dims[i] = (struct quern_dim){sizes[i], NULL};
    }
    ck_assert_int_eq(quern_value_set_type(value_named(name), dtype, rank, dims),
                     QUERN_OK);
}

/* Why `text` does not match at the last node; "" when it does. */
static const char *reason(const char *text)
{
    const struct quern_match *found = NULL;
    quern_pattern_destroy(&pattern);
    ck_assert_msg(quern_pattern_create(context, text, &pattern) == QUERN_OK,
                  "%s", said());
    ck_assert_int_eq(quern_model_infer(model), QUERN_OK);
    enum quern_code code =
        quern_pattern_match(pattern, quern_graph_last(model->graph), &found);
    ck_assert(code == QUERN_OK || code == QUERN_NOT_FOUND);
    return quern_pattern_reason(pattern);
}

static void build_product(void)
{
    build("y = Mul(a, Sigmoid(a))");
    give("a", QUERN_FLOAT, 3, (const int64_t[]){2, 3, 8});
}

static const char *const met[] = {
    "y = Mul(x is float, Sigmoid(x))",
    "y = Mul(x is [_, 3, 8], Sigmoid(x))",
    "y = Mul(x is float [ ... , 8 ], s)",
    "y = Mul(x is [...], s is float[2, _, _])",
    "s = Sigmoid(x); y = Mul(x, s is [_, _, _])",
    "y = Mul(x, Sigmoid(x is float[..., 2, 3, 8]))",
};

START_TEST(guards_that_are_met)
{
    build_product();
    ck_assert_str_eq(reason(met[_i]), "");
}
END_TEST

static const char *const unmet[][2] = {
    {"y = Mul(s, Sigmoid(x is int64))", "'a' is float[2, 3, 8], needs int64"},
    {"y = Mul(s, Sigmoid(x is [_, _]))", "'a' is float[2, 3, 8], needs [_, _]"},
    {"y = Mul(s, Sigmoid(x is [..., 3]))", "needs [..., 3]"},
    {"y = Mul(s, Sigmoid(x is []))", "needs []"},
    {"y = Mul(s, Sigmoid(x is [..., 1, 2, 3, 8]))", "needs [..., 1, 2, 3, 8]"},
    {"y = Mul(s, Sigmoid(x is const float))",
     "input 0 of 'Sigmoid1' (Sigmoid): 'a' is float[2, 3, 8], needs const "
     "float"},
};

START_TEST(guards_that_are_not_met)
{
    build_product();
    ck_assert_msg(strstr(reason(unmet[_i][0]), unmet[_i][1]) != NULL, "%s",
                  quern_pattern_reason(pattern));
}
END_TEST

START_TEST(nothing_known_meets_no_sizes)
{
    build("y = Mul(a, b)");
    ck_assert_ptr_nonnull(
        strstr(reason("y = Mul(a is [...], b)"), "needs [...]"));
}
END_TEST

START_TEST(constants_are_told_from_others)
{
    build("y = Mul(a, 0.5)");
    ck_assert_str_eq(reason("y = Mul(x, c is const)"), "");
    ck_assert_str_eq(reason("y = Mul(x, c is const float[])"), "");
    ck_assert_ptr_nonnull(
        strstr(reason("y = Mul(x is const, c is const)"), "needs const"));
}
END_TEST

START_TEST(what_is_left_out_meets_all)
{
    build("y = Conv(a, b)");
    ck_assert_str_eq(reason("y = Conv(x, w, b? is const float[4])"), "");
}
END_TEST

START_TEST(numbers_may_be_off_by_what_is_said)
{
    build("y = Mul(a, 0.5)");
    ck_assert_str_eq(reason("y = Mul(x, 0.52 ~ 0.03)"), "");
    ck_assert_ptr_nonnull(
        strstr(reason("y = Mul(x, 0.52 ~ 0.01)"), "needs constant 0.52~0.01"));
    build("y = LeakyRelu(a){alpha = 0.1}");
    ck_assert_str_eq(reason("y = LeakyRelu(x){alpha = 0.11~0.02}"), "");
    ck_assert_ptr_nonnull(
        strstr(reason("y = LeakyRelu(x){alpha = 0.11~1e-3}"), "0.11~0.001"));
}
END_TEST

static const char *const bad[][2] = {
    {"y = Mul(x is, z)", "1:13: found ', z)', needs 'const', a type or"},
    {"y = Mul(x is floaty, z)", "1:14: found 'floaty', needs 'const', a type"},
    {"y = Mul(x is const floaty, z)", "1:20: found 'floaty', needs 'const', a"},
    {"y = Mul(x is float int64, z)", "1:20: a second type, 'int64'"},
    {"y = Mul(x is [1.5], z)", "1:15: size 1.5, needs a whole number"},
    {"y = Mul(x is [-1], z)", "1:15: size -1, needs a whole number"},
    {"y = Mul(x is [n], z)", "1:15: found 'n], z)', needs a size or '_' (any)"},
    {"y = Mul(x is [1, ...], z)",
     "found '...], z)', needs a size or '_' (any)"},
    {"y = Mul(x is [... 1], z)", "1:19: found '1], z)', needs ',' or ']'"},
    {"y = Mul(x is [1, z)", "1:18: found 'z)', needs a size or '_' (any)"},
    {"y = Sum(r... is float)", "1:9: 'is' is for one value"},
    {"y = Mul(x, 1 ~ -2)", "1:13: found '~ -2', needs 0 or more"},
    {"y = Mul(x, 1 ~)", "1:15: found ')', needs a number"},
    {"y = Mul(x, $a)", "1:12: found '$a)', needs a value, a number or"},
};

START_TEST(bad_guards_are_refused_with_their_place)
{
    enum quern_code code = quern_pattern_create(context, bad[_i][0], &pattern);
    ck_assert_int_eq(code, QUERN_INVALID_ARGUMENT);
    const char *text = said();
    ck_assert_msg(strstr(text, bad[_i][1]) != NULL, "%s", text);
}
END_TEST

/* ------------------------------------------------------------------ rules */

static const char *apply(const char *match, const char *replace)
{
    char text[1024];
    snprintf(text, sizeof text,
             "quern: 1\nopsets: {com.acme: 1}\nsteps: [rules]\nrules:\n"
             "- {name: r, match: %s, replace: '%s'}\n",
             match, replace);
    enum quern_code code = apply_recipe(text);
    return code == QUERN_OK ? "" : said();
}

static float alpha_of(const char *node)
{
    return quern_node_float(node_named(node), "alpha", -1.0f);
}

START_TEST(attributes_are_computed)
{
    build("y = LeakyRelu(a){alpha = 0.25}");
    ck_assert_str_eq(apply("'y = LeakyRelu(x){alpha = $s}'",
                           "y = Elu(x){alpha = 1 - $s * 2 + (3 - 1) / 4}"),
                     "");
    ck_assert_float_eq_tol(alpha_of("LeakyRelu0"), 1.0f, 1e-6f);
}
END_TEST

START_TEST(constants_become_attributes_and_attributes_constants)
{
    build("y = Mul(a, 0.125)");
    ck_assert_str_eq(
        apply("'y = Mul(x, c is const)'", "y = Elu(x){alpha = c * 2}"), "");
    ck_assert_float_eq_tol(alpha_of("Mul0"), 0.25f, 1e-6f);
    ck_assert_str_eq(apply("'y = Elu(x){alpha = $a}'", "y = Mul(x, ($a + 1))"),
                     "");
    float got = 0.0f;
    ck_assert(quern_tensor_read_floats(
        quern_value_constant(quern_node_input(node_named("Mul0"), 1)), 0, 1,
        &got));
    ck_assert_float_eq_tol(got, 1.25f, 1e-6f);
}
END_TEST

START_TEST(what_is_no_number_is_not_computed_with)
{
    build("y = Mul(a, b)");
    ck_assert_str_eq(apply("'y = Mul(x, c)'", "y = Elu(x){alpha = c}"), "");
    ck_assert_ptr_nonnull(node_named("Mul0"));
    ck_assert_str_eq(quern_node_op(node_named("Mul0")), "Mul");
    build("y = Mul(a, 0)");
    ck_assert_str_eq(apply("'y = Mul(x, c)'", "y = Elu(x){alpha = 1 / c}"), "");
    ck_assert_str_eq(quern_node_op(node_named("Mul0")), "Mul");
}
END_TEST

static const char *const wrong[][2] = {
    {"y = Elu(x){alpha = d}", "rule 'r' computes with d, which"},
    {"y = Elu(x){alpha = $b * 2}", "rule 'r' computes with $b, which"},
    {"y = Elu(x){alpha = $a * }", "needs a number, '$' and a name"},
    {"y = Elu(x){alpha = ($a}", "found '}', needs ')'"},
    {"y = Elu(x is float){alpha = 1}", "'is' is for the match"},
    {"y = Elu(x){alpha = 1 ~ 2}", "found '~ 2}', needs ',' or '}'"},
    {"y = Softmax(x){axis = $a * 3}", "sets it to 0.75, needs a whole number"},
    {"y = Softmax(x){axis = 9999999999999999999}", "sets it to 1e+19, needs a"},
    {"y = Softmax(x){axis = $a * 1e30}", "2.5e+29, needs a whole number of 64"},
    {"y = com.acme.F(x){a = 0 - 9999999999999999999}", "sets it to -1e+19"},
    {"y = Elu(x){alpha = 1e300}", "1e+300, needs a number that float holds"},
    {"y = Elu(x){alpha = $a * 1e300}", "sets it to 2.5e+299, needs a number"},
    {"y = Mul(x, 1e39)", "a constant of 1e+39, which float does not hold"},
    {"y = Gather(x, ($a * 2))", "constant of 0.5, which int64 does not hold"},
    {"y = Reshape(x, [0, 0.5])", "a constant of 0 and others, which int64"},
};

START_TEST(what_cannot_be_computed_is_told)
{
    build("y = LeakyRelu(a){alpha = 0.25}");
    const char *text = apply("'y = LeakyRelu(x){alpha = $a}'", wrong[_i][0]);
    ck_assert_msg(strstr(text, wrong[_i][1]) != NULL, "%s", text);
}
END_TEST

/* Whole numbers of float are whole, too, and the largest int64 is one. */
START_TEST(whole_numbers_become_integers)
{
    build("y = LeakyRelu(a){alpha = 0.5}");
    ck_assert_str_eq(apply("'y = LeakyRelu(x){alpha = $a}'",
                           "y = Softmax(x){axis = $a * 2 - 2}"),
                     "");
    ck_assert_int_eq(quern_node_int(node_named("LeakyRelu0"), "axis", 7), -1);
    ck_assert_str_eq(apply("'y = Softmax(x)'",
                           "y = com.acme.F(x, [9223372036854775807]){a = "
                           "9223372036854775807, b = -9223372036854775808}"),
                     "");
    const struct quern_node *node = node_named("LeakyRelu0");
    ck_assert_int_eq(quern_node_int(node, "a", 0), INT64_MAX);
    ck_assert_int_eq(quern_node_int(node, "b", 0), INT64_MIN);
}
END_TEST

START_TEST(a_rule_may_match_in_several_ways)
{
    build("s = Relu(Sigmoid(a)); y = Neg(s)");
    ck_assert_str_eq(apply("['y = Sigmoid(x)', 'y = Neg(x)', 'y = Abs(x)']",
                           "y = com.acme.F(x)"),
                     "");
    ck_assert_str_eq(quern_node_op(node_named("Neg0")), "F");
    ck_assert_str_eq(quern_node_op(node_named("Sigmoid2")), "F");
    ck_assert_str_eq(quern_node_op(node_named("Relu1")), "Relu");
    ck_assert_ptr_nonnull(strstr(apply("[]", "y = com.acme.F(x)"),
                                 "no pattern, need one or more"));
    ck_assert_ptr_nonnull(
        strstr(apply("['y = Abs(x)', 'z = Abs(x)']", "y = com.acme.F(x)"),
               "makes 'y', needs 'z' as in its match"));
    ck_assert_ptr_nonnull(strstr(
        apply("['y = Abs(x)', {a: b}]", "y = com.acme.F(x)"), "need a text"));
}
END_TEST

/* The constant has more axes than what it is multiplied with. */
START_TEST(a_rule_that_would_change_a_shape_is_not_applied)
{
    build("y = Add(Mul(a, [1, 1, 1]), Mul(b, [1, 1, 1]))");
    give("a", QUERN_FLOAT, 1, (const int64_t[]){1});
    give("b", QUERN_FLOAT, 1, (const int64_t[]){3});
    ck_assert_str_eq(apply("'y = Mul(x, 1)'", "y = Identity(x)"), "");
    ck_assert_str_eq(quern_node_op(node_named("Mul1")), "Mul");
    ck_assert_str_eq(quern_node_op(node_named("Mul2")), "Identity");
}
END_TEST

/* Only where it is the rule that changes the shape, not what stands before. */
START_TEST(what_follows_such_a_place_is_rewritten)
{
    build("y = Mul(Mul(Mul(a, [1, 1, 1]), [1, 1, 1]), [1, 1, 1])");
    give("a", QUERN_FLOAT, 1, (const int64_t[]){1});
    ck_assert_str_eq(apply("'y = Mul(x, 1)'", "y = Identity(x)"), "");
    const struct quern_node *node = quern_graph_first(model->graph);
    ck_assert_str_eq(quern_node_op(node), "Mul");
    ck_assert_str_eq(quern_node_op(quern_node_next(node)), "Identity");
    ck_assert_str_eq(quern_node_op(quern_graph_last(model->graph)), "Identity");
}
END_TEST

/* The first constant of a node that the rule made, and its type. */
static enum quern_dtype type_of_constant(const char *node)
{
    const struct quern_tensor *t =
        quern_value_constant(quern_node_input(node_named(node), 1));
    return t != NULL ? quern_tensor_dtype(t) : QUERN_UNDEFINED;
}

static const struct {
    enum quern_dtype dtype; /* of what is matched */
    const char *replace;
    enum quern_dtype wanted;
} beside[] = {
    {QUERN_FLOAT, "y = Mul(Neg(x), 2)", QUERN_FLOAT},
    {QUERN_FLOAT16, "y = Mul(Neg(Mul(Neg(x), 3)), 2)", QUERN_FLOAT16},
    {QUERN_INT64, "n = Neg(x); y = Mul(n, 2)", QUERN_INT64},
    {QUERN_INT32, "y = Cast(Mul(Cast(x){to = 11}, 2)){to = 6}", QUERN_DOUBLE},
    {QUERN_INT32, "y = Cast(Mul(Shape(x), 2)){to = 6}", QUERN_INT64},
    {QUERN_FLOAT, "y = Mul(com.acme.F(x), 2)", QUERN_FLOAT},
};

START_TEST(constants_have_the_type_of_what_is_made_beside_them)
{
    build("y = Abs(a)");
    give("a", beside[_i].dtype, 1, (const int64_t[]){1});
    ck_assert_str_eq(apply("'y = Abs(x)'", beside[_i].replace), "");
    const char *name =
        strstr(beside[_i].replace, "y = Cast") != NULL ? "Abs0_Mul" : "Abs0";
    ck_assert_int_eq(type_of_constant(name), beside[_i].wanted);
}
END_TEST

START_TEST(a_rule_that_changes_a_type_is_wrong)
{
    build("y = Sigmoid(a)");
    give("a", QUERN_FLOAT, 1, (const int64_t[]){3});
    const char *text = apply("'y = Sigmoid(x)'", "y = Cast(x){to = 7}");
    ck_assert_msg(strstr(text, "(Cast, #1): makes 'y' as int64, needs float") !=
                      NULL,
                  "%s", text);
    ck_assert_str_eq(quern_node_op(node_named("Sigmoid0")), "Sigmoid");
    ck_assert_str_eq(apply("'y = Sigmoid(x is int64)'", "y = Cast(x){to = 7}"),
                     "");
    ck_assert_str_eq(apply("'y = Sigmoid(x)'", "y = Cast(x){to = 1}"), "");
    ck_assert_str_eq(quern_node_op(node_named("Sigmoid0")), "Cast");
}
END_TEST

#define LOOP(tests, test, rows)                                                \
    tcase_add_loop_test(tests, test, 0, (int)(sizeof(rows) / sizeof *(rows)))

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("guard");
    TCase *all = tcase_create("guard");
    tcase_add_checked_fixture(all, open_context, close_all);
    LOOP(all, guards_that_are_met, met);
    LOOP(all, guards_that_are_not_met, unmet);
    tcase_add_test(all, nothing_known_meets_no_sizes);
    tcase_add_test(all, constants_are_told_from_others);
    tcase_add_test(all, what_is_left_out_meets_all);
    tcase_add_test(all, numbers_may_be_off_by_what_is_said);
    LOOP(all, bad_guards_are_refused_with_their_place, bad);
    tcase_add_test(all, attributes_are_computed);
    tcase_add_test(all, constants_become_attributes_and_attributes_constants);
    tcase_add_test(all, what_is_no_number_is_not_computed_with);
    LOOP(all, what_cannot_be_computed_is_told, wrong);
    tcase_add_test(all, whole_numbers_become_integers);
    tcase_add_test(all, a_rule_may_match_in_several_ways);
    tcase_add_test(all, a_rule_that_would_change_a_shape_is_not_applied);
    LOOP(all, constants_have_the_type_of_what_is_made_beside_them, beside);
    tcase_add_test(all, what_follows_such_a_place_is_rewritten);
    tcase_add_test(all, a_rule_that_changes_a_type_is_wrong);
    suite_add_tcase(suite, all);
    return suite;
}
