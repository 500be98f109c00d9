/* Patterns: what they take, what they refuse and why. */
#include "pass/sieve.h"
#include "support.h"

static struct quern_pattern *pattern;

static void compile(const char *text)
{
    quern_pattern_destroy(&pattern);
    enum quern_code code = quern_pattern_create(context, text, &pattern);
    ck_assert_msg(code == QUERN_OK, "%s", said());
}

static void close_all(void)
{
    quern_pattern_destroy(&pattern);
    close_context();
}

static bool may_match;

/* What the index tells of the pattern at the last node; true: it may match. */
static bool told_by_index(void)
{
    struct qn_needs needs;
    ck_assert(qn_needs_of(pattern, &pattern->arena, &needs));
    return qn_needs_are_met(&needs, &model->index,
                            quern_graph_last(model->graph)->id);
}

/* Try `text` at the last node of the model; NULL: no match. */
static const struct quern_match *match(const char *text)
{
    const struct quern_match *found = NULL;
    compile(text);
    enum quern_code code =
        quern_pattern_match(pattern, quern_graph_last(model->graph), &found);
    ck_assert(code == QUERN_OK || code == QUERN_NOT_FOUND);
    may_match = told_by_index();
    ck_assert(code != QUERN_OK || may_match);
    ck_assert_ptr_null(quern_error(context));
    ck_assert_int_eq(code == QUERN_OK, found != NULL);
    ck_assert_int_eq(code == QUERN_OK, *quern_pattern_reason(pattern) == '\0');
    return found;
}

static const char *reason(const char *text)
{
    ck_assert_ptr_null(match(text));
    return quern_pattern_reason(pattern);
}

/* ---------------------------------------------------------------- taking */

START_TEST(names_are_bound_to_values)
{
    build("y = Mul(a, Sigmoid(a))");
    const struct quern_match *m = match("out = Mul(x, Sigmoid(x))");
    ck_assert_ptr_nonnull(m);
    ck_assert_ptr_eq(quern_match_value(m, "x"), value_named("a"));
    ck_assert_ptr_eq(quern_match_value(m, "out"), value_named("y"));
    ck_assert_ptr_null(quern_match_value(m, "nobody"));
    ck_assert_uint_eq(quern_match_n_nodes(m), 2);
    ck_assert_ptr_eq(quern_match_node(m, 0), node_named("Mul0"));
    ck_assert_ptr_eq(quern_match_node(m, 1), node_named("Sigmoid1"));
    ck_assert_ptr_null(quern_match_node(m, 2));
    ck_assert_str_eq(quern_pattern_root(pattern), "Mul");
}
END_TEST

START_TEST(operands_of_commutative_operators_are_tried_in_both_orders)
{
    build("y = Mul(Sigmoid(a), a)");
    ck_assert_ptr_nonnull(match("y = Mul(x, Sigmoid(x))"));
    build("y = Div(Mul(Clip(Add(3, a), 0, 6), a), 6)");
    const struct quern_match *m =
        match("y = Div(Mul(x, Clip(Add(x, 3), 0, 6)), 6)");
    ck_assert_ptr_nonnull(m);
    ck_assert_ptr_eq(quern_match_value(m, "x"), value_named("a"));
}
END_TEST

START_TEST(the_index_tells_most_of_what_does_not_match)
{
    build("y = Add(Mul(Div(a, b), c), d)");
    ck_assert_ptr_nonnull(match("y = Add(x, Mul(z, Div(p, q)))"));
    ck_assert_ptr_null(match("y = Add(Mul(Sqrt(x), z), w)"));
    ck_assert(!may_match);
    ck_assert_ptr_null(match("y = Add(Relu(x), w)"));
    ck_assert(!may_match);
    ck_assert_ptr_null(match("y = Add(Mul(x, 2), w)"));
    ck_assert(may_match); /* numbers are not in the index */
    ck_assert_int_eq(quern_node_set_op(node_named("Div2"), "Sqrt"), QUERN_OK);
    ck_assert_ptr_null(match("y = Add(Mul(Div(x, q), z), w)"));
    ck_assert(!may_match);
    build("y = Concat(Relu(a), Neg(b), Abs(c))");
    ck_assert_ptr_nonnull(match("y = Concat(Relu(x), z, w)"));
    ck_assert_ptr_null(match("y = Concat(x, Relu(z), w)"));
    ck_assert(!may_match); /* it stands elsewhere */
    ck_assert_ptr_null(match("y = Concat(x, z, Relu(w))"));
    ck_assert(may_match); /* the third input is not in the index */
}
END_TEST

/* The first order of the outer Add fits until the second Relu is reached. */
START_TEST(a_wrong_order_is_taken_back)
{
    build("y = Add(Add(Relu(a), b), Add(Relu(b), a))");
    const struct quern_match *m =
        match("y = Add(Add(Relu(p), q), Add(Relu(q), p))");
    ck_assert_ptr_nonnull(m);
    build("y = Add(Add(b, Relu(a)), Add(a, Relu(b)))");
    m = match("y = Add(Add(Relu(p), q), Add(Relu(q), p))");
    ck_assert_ptr_nonnull(m);
    ck_assert_ptr_eq(quern_match_value(m, "p"), value_named("a"));
    build("y = Add(Sub(Relu(a), a), Mul(a, Relu(b)))");
    m = match("y = Add(Mul(Relu(p), q), Sub(Relu(q), q))");
    ck_assert_ptr_nonnull(m);
    ck_assert_ptr_eq(quern_match_value(m, "p"), value_named("b"));
}
END_TEST

START_TEST(operands_of_others_are_not_swapped)
{
    build("y = Sub(Sigmoid(a), a)");
    ck_assert_str_eq(reason("y = Sub(x, Sigmoid(x))"),
                     "input 1 of 'Sub0' (Sub): 'a' is made by no node, "
                     "needs Sigmoid");
}
END_TEST

START_TEST(inputs_may_be_left_out_where_it_is_said)
{
    build("y = Conv(a, w)");
    const struct quern_match *m = match("y = Conv(x, w, b?)");
    ck_assert_ptr_nonnull(m);
    ck_assert_ptr_null(quern_match_value(m, "b"));
    ck_assert_uint_eq(quern_match_n_values(m, "b"), 0);
    ck_assert_str_eq(reason("y = Conv(x, w, b)"),
                     "input 2 of 'Conv0' (Conv): left out, needs 'b'");
    build("y = Conv(a, w, c)");
    m = match("y = Conv(x, w, b?)");
    ck_assert_ptr_eq(quern_match_value(m, "b"), value_named("c"));
    ck_assert_str_eq(reason("y = Conv(x, w)"),
                     "'Conv0' (Conv): 3 inputs, needs at most 2");
}
END_TEST

START_TEST(the_rest_of_the_inputs_has_one_name)
{
    build("y = Concat(a, b, c){axis=1}");
    const struct quern_match *m = match("y = Concat(x, rest...)");
    ck_assert_ptr_nonnull(m);
    ck_assert_uint_eq(quern_match_n_values(m, "rest"), 2);
    ck_assert_ptr_eq(quern_match_value(m, "rest"), value_named("b"));
    ck_assert_ptr_eq(quern_match_value_at(m, "rest", 1), value_named("c"));
    ck_assert_ptr_null(quern_match_value_at(m, "rest", 2));
    build("y = Concat(a){axis=1}");
    m = match("y = Concat(x, rest...)");
    ck_assert_uint_eq(quern_match_n_values(m, "rest"), 0);
    ck_assert_ptr_null(quern_match_value(m, "rest"));
    build("y = Add(Concat(a, b){axis=1}, Concat(a, b){axis=1})");
    ck_assert_ptr_nonnull(match("y = Add(Concat(r...), Concat(r...))"));
    build("y = Add(Concat(a, b){axis=1}, Concat(b, a){axis=1})");
    ck_assert_ptr_null(match("y = Add(Concat(r...), Concat(r...))"));
}
END_TEST

START_TEST(equations_name_inner_values)
{
    build("c = Conv(a, w); y = Add(c, c)");
    const struct quern_match *m =
        match("conv = Conv(x, w, b?);\n y = Add(conv, conv);");
    ck_assert_ptr_nonnull(m);
    ck_assert_ptr_eq(quern_match_value(m, "conv"), value_named("c"));
    ck_assert_uint_eq(quern_match_n_nodes(m), 2);
}
END_TEST

START_TEST(outputs_of_one_node_have_their_places)
{
    build("p, q = Split(a){axis=1}; y = Sub(p, q)");
    ck_assert_ptr_nonnull(match("a, b = Split(x); y = Sub(a, b)"));
    ck_assert_str_eq(reason("a, b = Split(x); y = Sub(b, a)"),
                     "input 0 of 'Sub0' (Sub): 'p' is made by output 0 of "
                     "'Split1' (Split), needs Split at another output");
    ck_assert_str_eq(reason("a = Split(x); y = Sub(a, q)"),
                     "'Split1' (Split): output 1 is used, but has no name in "
                     "the pattern");
    ck_assert_str_eq(reason("a, b, c = Split(x); y = Sub(a, b)"),
                     "'Split1' (Split): output 2 is left out, needs it");
}
END_TEST

START_TEST(constants_are_compared)
{
    build("y = Mul(a, 0.70710678118)");
    ck_assert_ptr_nonnull(match("y = Mul(x, 0.7071068)"));
    ck_assert_str_eq(reason("y = Mul(x, 0.70711)"),
                     "input 1 of 'Mul0' (Mul): found constant 'k0_1' of 1 "
                     "element, the first 0.7071068, needs constant 0.70711");
    const struct quern_match *m = match("y = Mul(x, k)");
    float scalar = 0.0f;
    ck_assert_ptr_eq(quern_match_value(m, "x"), value_named("a"));
    ck_assert(quern_match_scalar(m, "k", &scalar));
    ck_assert_float_eq_tol(scalar, 0.70710678f, 1e-7f);
    ck_assert(!quern_match_scalar(m, "x", &scalar));
    ck_assert(!quern_match_scalar(m, "nobody", &scalar));
    build("y = Sub(a, [2, 2, 2])");
    ck_assert_ptr_nonnull(match("y = Sub(x, 2)"));
    ck_assert_ptr_nonnull(match("y = Sub(x, [2, 2, 2])"));
    ck_assert_ptr_null(match("y = Sub(x, [2, 2])"));
    ck_assert_ptr_null(match("y = Sub(x, [2, 2, 3])"));
    ck_assert_str_eq(reason("y = Sub(1, x)"),
                     "input 0 of 'Sub0' (Sub): found value 'a', needs "
                     "constant 1");
    build("y = Sub(a, [2, 2, 1])");
    ck_assert_ptr_null(match("y = Sub(x, 2)"));
    build("y = Sub(a, 0)");
    ck_assert_ptr_nonnull(match("y = Sub(x, 0)"));
    ck_assert_ptr_null(match("y = Sub(x, 1e-7)"));
}
END_TEST

START_TEST(attributes_are_read_through_the_schema)
{
    build("y = LeakyRelu(a)");
    ck_assert_ptr_nonnull(match("y = LeakyRelu(x){alpha=0.01}"));
    ck_assert_str_eq(reason("y = LeakyRelu(x){alpha=0.2}"),
                     "attribute 'alpha' of 'LeakyRelu0' (LeakyRelu): found "
                     "0.01, needs 0.2");
    build("y = Transpose(a){perm=[0, 2, 1]}");
    ck_assert_ptr_nonnull(match("y = Transpose(x){perm=[0,2,1]}"));
    ck_assert_str_eq(reason("y = Transpose(x){perm=[0,1,2]}"),
                     "attribute 'perm' of 'Transpose0' (Transpose): found "
                     "[0, 2, 1], needs [0, 1, 2]");
    build("y = Pad(a, [0, 0]){mode=\"edge\"}");
    ck_assert_ptr_nonnull(match("y = Pad(x, p){mode=\"edge\"}"));
    ck_assert_str_eq(reason("y = Pad(x, p){mode=\"constant\"}"),
                     "attribute 'mode' of 'Pad0' (Pad): found \"edge\", needs "
                     "\"constant\"");
    build("y = Pad(a, [0, 0])");
    ck_assert_ptr_nonnull(match("y = Pad(x, p){mode=\"constant\"}"));
    ck_assert_str_eq(reason("y = Pad(x, p){nobody=1}"),
                     "attribute 'nobody' of 'Pad0' (Pad): found none, needs 1");
}
END_TEST

START_TEST(attribute_variables_are_the_same_everywhere)
{
    const char *name = NULL;
    int64_t axis = 0;
    build("y = Softmax(Softmax(a){axis=1}){axis=1}");
    const struct quern_match *m =
        match("y = Softmax(Softmax(x){axis=$a}){axis=$a}");
    ck_assert_ptr_nonnull(m);
    struct quern_node *node = quern_match_attr(m, "a", &name);
    ck_assert_ptr_eq(node, node_named("Softmax0"));
    ck_assert_int_eq(quern_node_attr_int(node, name, &axis), QUERN_OK);
    ck_assert_int_eq(axis, 1);
    ck_assert_ptr_null(quern_match_attr(m, "nobody", &name));
    build("y = Softmax(Softmax(a){axis=1})");
    ck_assert_str_eq(reason("y = Softmax(Softmax(x){axis=$a}){axis=$a}"),
                     "attribute 'axis' of 'Softmax1' (Softmax): found 1, "
                     "needs what $a is elsewhere");
    build("y = Softmax(Softmax(a){axis=-1})");
    ck_assert_ptr_nonnull(match("y = Softmax(Softmax(x){axis=$a}){axis=$a}"));
}
END_TEST

START_TEST(domains_and_opsets_are_looked_at)
{
    build("y = com.acme.SiLU(a)");
    ck_assert_ptr_nonnull(match("y = com.acme.SiLU(x)"));
    ck_assert_ptr_nonnull(match("y = com.acme.SiLU@1..2(x)"));
    ck_assert_str_eq(reason("y = SiLU(x)"), "'SiLU0' (com.acme.SiLU): needs "
                                            "SiLU");
    ck_assert_str_eq(reason("y = com.acme.SiLU@2..3(x)"),
                     "'SiLU0' (com.acme.SiLU): opset 1, needs 2 to 3");
    build("y = Relu(a)");
    ck_assert_ptr_nonnull(match("y = ai.onnx.Relu @ 13 .. 17 (x)"));
    ck_assert_ptr_null(match("y = Relu@18..20(x)"));
}
END_TEST

/* -------------------------------------------------------------- refusing */

START_TEST(an_inner_value_has_no_other_use)
{
    build("s = Sigmoid(a); y = Add(Mul(a, s), Neg(s))");
    const struct quern_match *found = NULL;
    compile("y = Mul(x, Sigmoid(x))");
    ck_assert_int_eq(quern_pattern_match(pattern, node_named("Mul1"), &found),
                     QUERN_NOT_FOUND);
    ck_assert_str_eq(quern_pattern_reason(pattern),
                     "'Sigmoid2' (Sigmoid): 's' is used by others too");
    compile("_shared1 = Sigmoid(x); y = Mul(x, _shared1)");
    ck_assert_int_eq(quern_pattern_match(pattern, node_named("Mul1"), &found),
                     QUERN_OK);
    build("s = Sigmoid(a); y, z = Foo(Mul(a, s), s)");
    compile("y = Mul(x, Sigmoid(x))");
    ck_assert_int_eq(quern_pattern_match(pattern, node_named("Mul1"), &found),
                     QUERN_NOT_FOUND);
}
END_TEST

START_TEST(an_inner_value_is_no_graph_output)
{
    build("s = Sigmoid(a); y = Mul(a, s)");
    ck_assert(qn_build_output(model->graph, value_named("s")));
    ck_assert_str_eq(reason("y = Mul(x, Sigmoid(x))"),
                     "'Sigmoid1' (Sigmoid): 's' is an output of the graph");
}
END_TEST

START_TEST(a_name_means_one_value)
{
    build("y = Mul(a, Sigmoid(b))");
    ck_assert_str_eq(reason("y = Mul(x, Sigmoid(x))"),
                     "input 0 of 'Sigmoid1' (Sigmoid): found 'b', needs 'x', "
                     "which is 'a'");
}
END_TEST

START_TEST(the_farthest_reason_is_told)
{
    build("y = Div(Mul(a, Clip(Add(a, 3), 0, 5)), 6)");
    ck_assert_str_eq(reason("y = Div(Mul(x, Clip(Add(x, 3), 0, 6)), 6)"),
                     "input 2 of 'Clip2' (Clip): found constant 'k2_2' of 1 "
                     "element, the first 5, needs constant 6");
}
END_TEST

START_TEST(erased_nodes_do_not_match)
{
    build("y = Relu(Sigmoid(a))");
    struct quern_node *node = node_named("Relu0");
    const struct quern_match *found = NULL;
    compile("y = Relu(x)");
    ck_assert_int_eq(
        quern_replace_value(value_named("y"), quern_node_input(node, 0), true),
        QUERN_OK);
    ck_assert_int_eq(quern_node_erase(node), QUERN_OK);
    ck_assert_int_eq(quern_pattern_match(pattern, node, &found),
                     QUERN_NOT_FOUND);
    ck_assert_str_eq(quern_pattern_reason(pattern),
                     "'Relu0' (Relu): erased, needs Relu");
}
END_TEST

/* 2^15 orders, none of which fits. */
START_TEST(a_try_is_bounded)
{
    static char text[1024];
    static char wanted[1024];
    strcpy(text, "a");
    strcpy(wanted, "x");
    for (int i = 0; i < 15; i++) {
        static char longer[1024];
        snprintf(longer, sizeof longer, "Add(%s, a)", text);
        memcpy(text, longer, sizeof text);
        snprintf(longer, sizeof longer, "Add(x%d, %s)", i, wanted);
        memcpy(wanted, longer, sizeof wanted);
    }
    static char line[1100];
    snprintf(line, sizeof line, "y = %s", text);
    build(line);
    snprintf(line, sizeof line, "y = %s", wanted);
    ck_assert_ptr_nonnull(match(line));
    build("y = Sum(Add(Add(Add(a, a), Add(a, a)), Add(Add(a, a), Add(a, a))), "
          "Add(Add(Add(a, a), Add(a, a)), Add(Add(a, a), Add(a, b))))");
    ck_assert_str_eq(
        reason("y = Sum(Add(Add(Add(x, x), Add(x, x)), Add(Add(x, x), "
               "Add(x, x))), Add(Add(Add(x, x), Add(x, x)), Add(Add(x, x), "
               "Add(x, x))))"),
        "'Sum0' (Sum): given up after 4096 steps");
}
END_TEST

/* --------------------------------------------------------------- grammar */

static const struct {
    const char *text;
    const char *message;
} bad[] = {
    {"", "pattern:1:1: found the end, needs the name of a value"},
    {"y", "pattern:1:2: found the end, needs ',' or '='"},
    {"y = Relu", "pattern:1:9: found the end, needs '('"},
    {"y = Relu(x", "pattern:1:11: found the end, needs ',' or ')'"},
    {"y = Relu(x) z", "pattern:1:13: found 'z', needs ';' or the end"},
    {"y = Relu(x,)", "pattern:1:12: found ')', needs a value, a number or an "
                     "operator"},
    {"y = Relu(a.b)", "pattern:1:10: found 'a.b', needs a value, a number or "
                      "an operator of letters, digits and _"},
    {"y = Add(r..., x)", "pattern:1:9: an argument behind `name...`, which "
                         "takes all that remain"},
    {"y = Add(r, Sum(r...))", "pattern:1:16: 'r' stands for one value here, "
                              "for any number elsewhere"},
    {"y = Add([1, 2, x)", "pattern:1:16: found 'x)', needs a number"},
    {"y = Add([1, 2)", "pattern:1:14: found ')', needs ',' or ']'"},
    {"y = Add(1e999, x)", "pattern:1:9: found '1e999', needs a finite number"},
    {"y = Relu(x){alpha}", "pattern:1:18: found '}', needs '='"},
    {"y = Relu(x){a=1", "pattern:1:16: found the end, needs ',' or '}'"},
    {"y = Relu(x){a=$}", "pattern:1:16: found '}', needs a name"},
    {"y = Relu(x){a=\"b}", "pattern:1:18: found the end, needs '\"'"},
    {"y = \"\"(x)", "pattern:1:5: found '\"\"(x)', needs an operator"},
    {"y = \"Op(x)", "pattern:1:5: found '\"Op(x)', needs an operator"},
    {"y = \"a\".(x)", "pattern:1:8: found '.(x)', needs '('"},
    {"y = Relu(a.\"b\")", "pattern:1:11: found '.\"b\")', needs ',' or ')'"},
    {"y = Relu@1(x)", "pattern:1:11: found '(x)', needs '..' and the last "
                      "opset"},
    {"y = Relu@9..7(x)", "pattern:1:14: opsets 9..7, needs two whole numbers "
                         "from 1 on, the smaller one first"},
    {"x = Relu(x)", "pattern:1:1: 'x' stands for another value already: an "
                    "equation comes before its use"},
    {"a = Relu(x);\n b = Neg(x); y = Exp(a)",
     "pattern:2:6: Neg leads to nothing that the last equation uses"},
    {"a = Relu(x); y = Exp(a?)",
     "pattern:1:22: 'a' is made by an operator and cannot be left out"},
};

START_TEST(bad_patterns_are_refused_with_their_place)
{
    char line[512];
    snprintf(line, sizeof line, "error[invalid-argument]: %s", bad[_i].message);
    ck_assert_int_eq(quern_pattern_create(context, bad[_i].text, &pattern),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_ptr_null(pattern);
    ck_assert_str_eq(said(), line);
}
END_TEST

START_TEST(patterns_are_bounded)
{
    static char text[4096] = "y = ";
    for (int i = 0; i < 40; i++) {
        strcat(text, "Relu(");
    }
    ck_assert_int_eq(quern_pattern_create(context, text, &pattern),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(said(), "more than 64 operators, or 32 "
                                         "inside each other"));
    strcpy(text, "y = Sum(x");
    for (int i = 0; i < 64; i++) {
        strcat(text, ",x");
    }
    ck_assert_int_eq(quern_pattern_create(context, text, &pattern),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(said(), "more than 64 arguments"));
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("match");
    TCase *all = tcase_create("match");
    tcase_add_checked_fixture(all, open_context, close_all);
    tcase_add_test(all, names_are_bound_to_values);
    tcase_add_test(all, the_index_tells_most_of_what_does_not_match);
    tcase_add_test(all,
                   operands_of_commutative_operators_are_tried_in_both_orders);
    tcase_add_test(all, a_wrong_order_is_taken_back);
    tcase_add_test(all, operands_of_others_are_not_swapped);
    tcase_add_test(all, inputs_may_be_left_out_where_it_is_said);
    tcase_add_test(all, the_rest_of_the_inputs_has_one_name);
    tcase_add_test(all, equations_name_inner_values);
    tcase_add_test(all, outputs_of_one_node_have_their_places);
    tcase_add_test(all, constants_are_compared);
    tcase_add_test(all, attributes_are_read_through_the_schema);
    tcase_add_test(all, attribute_variables_are_the_same_everywhere);
    tcase_add_test(all, domains_and_opsets_are_looked_at);
    tcase_add_test(all, an_inner_value_has_no_other_use);
    tcase_add_test(all, an_inner_value_is_no_graph_output);
    tcase_add_test(all, a_name_means_one_value);
    tcase_add_test(all, the_farthest_reason_is_told);
    tcase_add_test(all, erased_nodes_do_not_match);
    tcase_add_test(all, a_try_is_bounded);
    tcase_add_loop_test(all, bad_patterns_are_refused_with_their_place, 0,
                        (int)(sizeof bad / sizeof *bad));
    tcase_add_test(all, patterns_are_bounded);
    suite_add_tcase(suite, all);
    return suite;
}
