/* The step `rules`: what a text alone can rewrite, and what it may not say. */
#include "pass/pass.h"
#include "support.h"

static enum quern_code apply(const char *rules)
{
    char text[4096];
    snprintf(text, sizeof text,
             "quern: 1\nopsets: {com.acme: 1, com.new: 3}\nsteps: [rules]\n"
             "rules:\n%s\n",
             rules);
    return apply_recipe(text);
}

static void apply_well(const char *rules)
{
    enum quern_code code = apply(rules);
    ck_assert_msg(code == QUERN_OK, "%s", said());
}

/* The graph as text: "op(inputs)->outputs;". */
static const char *graph_text(void)
{
    static char text[2048];
    size_t n = 0;
    for (struct quern_node *k = quern_graph_first(model->graph); k != NULL;
         k = quern_node_next(k)) {
        n += (size_t)snprintf(text + n, sizeof text - n, "%s(",
                              quern_node_op(k));
        for (size_t i = 0; i < quern_node_n_inputs(k); i++) {
            struct quern_value *v = quern_node_input(k, i);
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s",
                                  i > 0 ? "," : "",
                                  v != NULL ? quern_value_name(v) : "");
        }
        n += (size_t)snprintf(text + n, sizeof text - n, ")->");
        for (size_t i = 0; i < quern_node_n_outputs(k); i++) {
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s",
                                  i > 0 ? "," : "",
                                  quern_value_name(quern_node_output(k, i)));
        }
        n += (size_t)snprintf(text + n, sizeof text - n, ";");
    }
    return text;
}

START_TEST(a_rule_replaces_nodes_and_keeps_names)
{
    build("y = Relu(Mul(a, Sigmoid(a)))");
    apply_well("- {name: silu, match: 'y = Mul(x, Sigmoid(x))',"
               " replace: y = com.acme.SiLU(x)}");
    ck_assert_str_eq(graph_text(), "SiLU(a)->v1;Relu(v1)->y;");
    struct quern_node *n = quern_graph_first(model->graph);
    ck_assert_str_eq(quern_node_domain(n), "com.acme");
    ck_assert_str_eq(quern_node_name(n), "Mul1");
}
END_TEST

/* Operators of others may have dots, and more, in their names. */
START_TEST(an_operator_in_quotes_is_of_any_name)
{
    static const char *const read[] = {
        "com.acme.\"Op.v2\"", "\"com.acme\".\"Op.v2\"", "\"com.acme\".Op.v2"};
    char text[256];
    for (size_t i = 0; i < sizeof read / sizeof *read; i++) {
        build("y = Relu(Sigmoid(a))");
        apply_well("- {name: a, match: 'y = Sigmoid(x)',"
                   " replace: 'y = com.acme.\"Op.v2\"(\"Neg\"(x))'}\n");
        struct quern_node *n = quern_node_next(quern_graph_first(model->graph));
        ck_assert_str_eq(graph_text(),
                         "Neg(a)->v1_Neg;Op.v2(v1_Neg)->v1;Relu(v1)->y;");
        ck_assert_str_eq(quern_node_domain(n), "com.acme");
        ck_assert_str_eq(quern_node_op(n), "Op.v2");
        snprintf(text, sizeof text,
                 "- {name: a, match: 'y = Relu( %s (x))',"
                 " replace: 'y = \"com.new\".\"2 times: (x)\"(x){k=1}'}\n",
                 read[i]);
        apply_well(text);
        n = quern_graph_last(model->graph);
        ck_assert_str_eq(quern_node_domain(n), "com.new");
        ck_assert_str_eq(quern_node_op(n), "2 times: (x)");
        ck_assert_str_eq(graph_text(),
                         "Neg(a)->v1_Neg;2 times: (x)(v1_Neg)->y;");
    }
}
END_TEST

START_TEST(a_domain_is_imported_where_it_is_used)
{
    build("y = Neg(a)");
    ck_assert_int_eq(quern_model_opset(model, "com.new"), 0);
    apply_well("- {name: r, match: y = Abs(x), replace: y = com.new.Abs(x)}");
    ck_assert_int_eq(quern_model_opset(model, "com.new"), 0);
    ck_assert_uint_eq(quern_model_n_edits(model), 0);
    apply_well("- {name: r, match: y = Neg(x), replace: y = com.new.Neg(x)}");
    ck_assert_int_eq(quern_model_opset(model, "com.new"), 3);
}
END_TEST

START_TEST(an_imported_domain_must_have_that_version)
{
    struct qn_span nothing = {NULL, 0};
    build("y = Neg(a)");
    ck_assert(qn_build_opset(model, "com.new", 2, nothing));
    ck_assert_int_eq(
        apply("- {name: r, match: y = Neg(x), replace: y = Abs(x)}"),
        QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(said(), "error[invalid-argument]: r.yaml:2:23: the model "
                             "imports 'com.new' 2, the recipe needs 3");
}
END_TEST

START_TEST(replacements_may_have_several_nodes_and_constants)
{
    int64_t axis = 0;
    float alpha = 0.0f;
    build("y = Softmax(LeakyRelu(a){alpha=0.25}){axis=1}");
    apply_well("- name: r\n"
               "  match: y = Softmax(LeakyRelu(x){alpha=$s}){axis=$k}\n"
               "  replace: |\n"
               "    e = Elu(x){alpha=$s};\n"
               "    y = Concat(Mul(e, 0.5), Abs(e)){axis=$k}\n");
    ck_assert_str_eq(graph_text(), "Elu(a)->y_Elu;Mul(y_Elu,y_constant)->y_Mul;"
                                   "Abs(y_Elu)->y_Abs;Concat(y_Mul,y_Abs)->y;");
    struct quern_node *concat = quern_graph_last(model->graph);
    ck_assert_int_eq(quern_node_attr_int(concat, "axis", &axis), QUERN_OK);
    ck_assert_int_eq(axis, 1);
    ck_assert_int_eq(
        quern_node_attr_float(quern_graph_first(model->graph), "alpha", &alpha),
        QUERN_OK);
    ck_assert_float_eq_tol(alpha, 0.25f, 1e-7f);
    struct quern_tensor *t = quern_value_constant(value_named("y_constant"));
    ck_assert_int_eq(quern_tensor_dtype(t), QUERN_FLOAT);
    ck_assert_int_eq(quern_tensor_rank(t), 0);
}
END_TEST

START_TEST(constants_take_the_type_of_their_port)
{
    build("y = Flatten(a){axis=1}");
    apply_well("- {name: r, match: 'y = Flatten(x){axis=1}',"
               " replace: 'y = Reshape(x, [0, -1]){allowzero=0}'}");
    const struct quern_tensor *t =
        quern_value_constant(value_named("y_constant"));
    ck_assert_int_eq(quern_tensor_dtype(t), QUERN_INT64);
    int64_t dims[2] = {9, 9};
    ck_assert(quern_tensor_read_ints(t, 0, 2, dims));
    ck_assert_int_eq(dims[0], 0);
    ck_assert_int_eq(dims[1], -1);
}
END_TEST

START_TEST(many_and_optional_values_are_passed_on)
{
    build("y = Concat(a, b, c){axis=0}");
    apply_well("- {name: r, match: 'y = Concat(first, rest...){axis=0}',"
               " replace: 'y = com.acme.Join(rest..., first)'}");
    ck_assert_str_eq(graph_text(), "Join(b,c,a)->y;");
    build("y = Conv(a, w)");
    apply_well("- {name: r, match: 'y = Conv(x, w, b?)',"
               " replace: 'y = com.acme.Conv(x, w, b)'}");
    ck_assert_str_eq(graph_text(), "Conv(a,w)->y;");
}
END_TEST

START_TEST(several_outputs_are_taken_over)
{
    build("p, q = Split(a){axis=0}; y, z = com.acme.Two(p, q)");
    apply_well("- {name: r, match: 'a, b = Split(x); y, z = "
               "com.acme.Two(a, b)', replace: 'y, z = com.acme.One(x)'}");
    ck_assert_str_eq(graph_text(), "One(a)->y,z;");
}
END_TEST

START_TEST(rules_run_until_none_applies)
{
    build("y = Neg(Abs(Relu(Abs(Relu(a)))))");
    apply_well("- {name: a, match: y = Abs(Relu(x)), replace: y = Relu(x)}\n"
               "- {name: b, match: y = Relu(Relu(x)), replace: y = Relu(x)}\n"
               "- {name: c, match: y = Neg(Relu(x)), replace: y = Abs(x)}");
    ck_assert_str_eq(graph_text(), "Abs(a)->y;");
}
END_TEST

START_TEST(rules_without_end_are_refused)
{
    build("y = Neg(a)");
    ck_assert_int_eq(
        apply("- {name: more, match: y = Neg(x), replace: y = Neg(Abs(x))}"),
        QUERN_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(
        strstr(said(), "rule 'more' still matches after many rounds"));
    ck_assert_str_eq(graph_text(), "Neg(a)->y;");
    ck_assert_int_eq(apply("- {name: two, match: y = Neg(x),"
                           " replace: 'y = Add(Neg(x), Neg(x))'}"),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(said(), "rule 'two' still matches after "));
    ck_assert_str_eq(graph_text(), "Neg(a)->y;");
}
END_TEST

START_TEST(rules_that_undo_each_other_are_both_named)
{
    build("y = Relu(Neg(a))");
    ck_assert_int_eq(
        apply("- {name: there, match: y = Neg(x), replace: y = Abs(x)}\n"
              "- {name: once, match: y = Relu(x), replace: y = Sigmoid(x)}\n"
              "- {name: back, match: y = Abs(x), replace: y = Neg(x)}"),
        QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(said(),
                     "error[invalid-argument]: pass 'rules': rules 'there' and "
                     "'back' undo each other: stopped after many rounds");
    ck_assert_str_eq(graph_text(), "Neg(a)->v1;Relu(v1)->y;");
}
END_TEST

START_TEST(what_the_opset_of_the_model_does_not_take_is_refused)
{
    build("y = Neg(a)");
    ck_assert_int_eq(apply("- {name: r, match: y = Neg(x), replace: 'y = "
                           "ReduceMean(x, [0]){keepdims=1}'}"),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(said(),
                     "error[invalid-argument]: pass 'rules': r.yaml:5:46: rule "
                     "'r' gives ReduceMean 2 inputs, it takes 1 at opset "
                     "17");
    ck_assert_str_eq(graph_text(), "Neg(a)->y;");
    ck_assert_int_eq(apply("- {name: r, match: y = Neg(x), replace: 'y = "
                           "Reshape(x, [0, -1]){allowzero=1}'}"),
                     QUERN_OK);
}
END_TEST

START_TEST(a_rule_that_breaks_the_model_is_named)
{
    build("y = Neg(Relu(a))");
    const struct quern_dim dims[] = {{4, NULL}};
    ck_assert_int_eq(
        quern_value_set_type(value_named("a"), QUERN_FLOAT, 1, dims), QUERN_OK);
    ck_assert_int_eq(
        apply("- {name: good, match: y = Abs(x), replace: y = Relu(x)}\n"
              "- {name: bad, match: y = Relu(x), replace: y = Not(x)}"),
        QUERN_INVALID_ARGUMENT);
    const struct quern_message *last =
        quern_message(context, quern_n_messages(context) - 1);
    ck_assert_str_eq(last->text, "rule 'bad' made what is wrong there");
    ck_assert_ptr_nonnull(strstr(said(), "(Not, #"));
    ck_assert_str_eq(graph_text(), "Relu(a)->v1;Neg(v1)->y;");
}
END_TEST

START_TEST(an_operator_that_the_opset_lacks_is_unsupported)
{
    build("y = Neg(a)");
    ck_assert_int_eq(
        apply("- {name: g, match: y = Neg(x), replace: y = Gelu(x)}"),
        QUERN_UNSUPPORTED);
    ck_assert_str_eq(
        said(),
        "error[unsupported]: pass 'rules': main: node 'Neg0' (Neg, #0): "
        "rule 'g' makes Gelu, which needs opset 20; the model has "
        "17 (see the pass raise-opset)");
}
END_TEST

static const struct {
    const char *rules;
    const char *message;
} bad[] = {
    {"- {name: r, match: y = Mul(x, replace: y = Neg(x)}",
     "error[invalid-argument]: r.yaml:"},
    {"- {name: r, match: 'y = Mul(x', replace: y = Neg(x)}",
     "r.yaml:5:30: found the end, needs ',' or ')'"},
    {"- {name: r, match: y = Neg(x), replace: y = Neg(z)}",
     "r.yaml:5:45: rule 'r' reads 'z', which its match does not name"},
    {"- {name: r, match: y = Neg(x), replace: z = Neg(x)}",
     "rule 'r' makes 'z', needs 'y' as in its match"},
    {"- {name: r, match: y = Neg(x), replace: 'y, z = Split(x)'}",
     "r.yaml:5:49: rule 'r' makes 2 outputs, its match has 1"},
    {"- {name: r, match: y = Neg(x), replace: y = Negg(x)}",
     "rule 'r' makes 'Negg', which ONNX does not have, did you mean 'Neg'"},
    {"- {name: r, match: y = Neg(x), replace: y = org.Neg(x)}",
     "rule 'r' makes org.Neg, whose opset the recipe does not tell: needs "
     "'opsets: {org: 1}'"},
    {"- {name: r, match: 's = Abs(x); y = Neg(s)', replace: y = Neg(s)}",
     "rule 'r' reads 's', which goes with the match"},
    {"- {name: r, match: y = Neg(x), replace: 'y = Elu(x){alpha=$a}'}",
     "rule 'r' sets 'alpha' to $a, which its match does not name"},
    {"- {name: r, match: y = Neg(x), replace: y = Neg@1..2(x)}",
     "rule 'r': opsets are for the match"},
    {"- {name: r, match: y = Neg(x)}", "key 'replace' is missing here"},
    {"- {name: r, match: y = Sigmod(x), replace: y = Neg(x)}",
     "r.yaml:5:24: rule 'r' matches 'Sigmod', which ONNX does not have, did "
     "you "
     "mean 'Sigmoid'"},
    {"- {name: r, match: y = Gelu@13..17(x), replace: y = Neg(x)}",
     "rule 'r' matches 'Gelu', which ONNX has at none of the opsets 13 to 17"},
    {"- {name: r, match: y = Mul(x), replace: y = Neg(x)}",
     "r.yaml:5:24: rule 'r' gives Mul 1 inputs, it takes 2"},
    {"- {name: r, match: y = Neg(x), replace: 'y = Concat()'}",
     "r.yaml:5:46: rule 'r' gives Concat 0 inputs, it takes 1 or more"},
    {"- {name: r, match: 'y = Neg@13..14(x, z)', replace: y = Neg(x)}",
     "rule 'r' gives Neg 2 inputs, it takes 1"},
    {"- {name: r, match: 'y, z = Neg(x)', replace: 'y, z = Neg(x)'}",
     "rule 'r' takes 2 outputs of Neg, it has 1"},
    {"- {name: r, match: 'y = Softmax(x){axis=\"last\"}', replace: y = Neg(x)}",
     "attribute 'axis' of Softmax is found as a text, needs its type 'int'"},
    {"- {name: r, match: 'y = Softmax(x){axis=0.5}', replace: y = Neg(x)}",
     "'axis' of Softmax is found as a number with a fraction, needs its type "
     "'int'"},
    {"- {name: r, match: 'y = Neg(x)', replace: 'y = Elu(x){alpha=[1, 2]}'}",
     "'alpha' of Elu is found as a list of whole numbers, needs its type "
     "'float'"},
    {"- {name: r, match: 'y = Relu(x){slope=1}', replace: y = Neg(x)}",
     "rule 'r': Relu has no attribute 'slope'"},
    {"- {name: r, match: 'y = Softmax(x){axis=$k}', replace: "
     "'y = Elu(x){alpha=$k}'}",
     "rule 'r' sets 'alpha' of Elu to $k, which is of type 'int' in Softmax, "
     "needs 'float'"},
    {"- {name: r, match: 'a = Neg(b); b = Abs(a); y = Relu(b)', "
     "replace: y = Relu(a)}",
     "r.yaml:5:33: 'b' stands for another value already: an equation comes "
     "before its use"},
    {"- {name: r, match: 'y = Neg(y)', replace: y = Relu(y)}",
     "'y' stands for another value already"},
};

START_TEST(bad_rules_are_refused_with_their_place)
{
    build("y = Neg(a)");
    ck_assert_int_eq(apply(bad[_i].rules), QUERN_INVALID_ARGUMENT);
    const char *line = said();
    ck_assert_msg(strstr(line, "error[invalid-argument]: r.yaml:") == line,
                  "%s", line);
    ck_assert_msg(strstr(line, bad[_i].message) != NULL, "%s", line);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("rules");
    TCase *all = tcase_create("rules");
    tcase_add_checked_fixture(all, open_context, close_context);
    tcase_add_test(all, a_rule_replaces_nodes_and_keeps_names);
    tcase_add_test(all, an_operator_in_quotes_is_of_any_name);
    tcase_add_test(all, a_domain_is_imported_where_it_is_used);
    tcase_add_test(all, an_imported_domain_must_have_that_version);
    tcase_add_test(all, replacements_may_have_several_nodes_and_constants);
    tcase_add_test(all, constants_take_the_type_of_their_port);
    tcase_add_test(all, many_and_optional_values_are_passed_on);
    tcase_add_test(all, several_outputs_are_taken_over);
    tcase_add_test(all, rules_run_until_none_applies);
    tcase_add_test(all, rules_without_end_are_refused);
    tcase_add_test(all, rules_that_undo_each_other_are_both_named);
    tcase_add_test(all, a_rule_that_breaks_the_model_is_named);
    tcase_add_test(all, what_the_opset_of_the_model_does_not_take_is_refused);
    tcase_add_test(all, an_operator_that_the_opset_lacks_is_unsupported);
    tcase_add_loop_test(all, bad_rules_are_refused_with_their_place, 0,
                        (int)(sizeof bad / sizeof *bad));
    suite_add_tcase(suite, all);
    return suite;
}
