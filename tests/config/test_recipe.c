/* Recipes: reading, what is refused and where, overrides, printing back. */
#include "config/recipe.h"
#include "support.h"

static const char whole[] =
    "quern: 1                        # version of this format\n"
    "target: ort-cpu-x64\n"
    "plugins: [./my_pass.so]\n"
    "opsets: {com.acme: 1}\n"
    "rules:\n"
    "  - name: my-silu\n"
    "    match: y = Mul(x, Sigmoid(x))\n"
    "    replace: y = com.acme.SiLU(x){axis=1}\n"
    "steps:\n"
    "  - optimize\n"
    "  - rules: [my-silu]\n"
    "  - my-pass: {threshold: 0.5}\n"
    "  - calibrate: {data: calib.npz, method: percentile, percentile: 99.99}\n"
    "  - insert-qdq\n"
    "overrides:\n"
    "  - match: {op: Softmax}\n"
    "    quantize: false\n"
    "  - match: {name: \"/head/*\"}\n"
    "    activations: uint16\n"
    "  - match: {value: logits}\n"
    "    quantize: true\n";

static struct quern_recipe *recipe;

static enum quern_code read_recipe(const char *text)
{
    return qn_recipe_read(context, "r.yaml", text, strlen(text), &recipe);
}

static void finish(void)
{
    qn_recipe_destroy(&recipe);
    close_context();
}

START_TEST(the_recipe_of_the_design_is_read)
{
    ck_assert_msg(read_recipe(whole) == QUERN_OK, "%s", said());
    ck_assert_str_eq(recipe->target, "ort-cpu-x64");
    ck_assert_int_eq(recipe->target_place.line, 2);
    ck_assert_uint_eq(recipe->plugins.count, 1);
    ck_assert_str_eq(recipe->opsets[0].domain, "com.acme");
    ck_assert_int_eq(recipe->opsets[0].version, 1);
    ck_assert_str_eq(recipe->rules[0].match, "y = Mul(x, Sigmoid(x))");
    ck_assert_str_eq(recipe->rules[0].replace, "y = com.acme.SiLU(x){axis=1}");
    ck_assert_int_eq(recipe->rules[0].match_place.column, 12);
    ck_assert_uint_eq(recipe->steps.count, 5);
    ck_assert_str_eq(recipe->steps.items[2].name, "my-pass");
    ck_assert_str_eq(
        qn_yaml_get(recipe->steps.items[2].options, "threshold")->text, "0.5");
    ck_assert_ptr_null(recipe->steps.items[4].options);
    ck_assert_uint_eq(recipe->n_overrides, 3);
}
END_TEST

START_TEST(overrides_match_by_glob_and_later_ones_win)
{
    ck_assert_int_eq(read_recipe("quern: 1\n"
                                 "overrides:\n"
                                 "- match: {op: Soft*}\n"
                                 "  quantize: false\n"
                                 "  weights: int8\n"
                                 "- match: {op: Softmax, name: '/a/*'}\n"
                                 "  quantize: true\n"
                                 "- match: {value: '*/x?'}\n"
                                 "  activations: uint16\n"
                                 "- match: {name: nowhere}\n"
                                 "  per-tensor: true\n"),
                     QUERN_OK);
    struct qn_override_settings s =
        qn_overrides_of_node(recipe, "Softmax", "/a/b/c");
    ck_assert_uint_eq(s.fields, QN_OVERRIDE_QUANTIZE | QN_OVERRIDE_WEIGHTS);
    ck_assert(s.quantize);
    ck_assert_int_eq(s.weights, QUERN_INT8);
    s = qn_overrides_of_node(recipe, "Softmax", "b");
    ck_assert(!s.quantize);
    ck_assert_uint_eq(qn_overrides_of_node(recipe, "Conv", "/a/b").fields, 0);
    s = qn_overrides_of_value(recipe, "/q/xé");
    ck_assert_int_eq(s.activations, QUERN_UINT16);
    ck_assert_uint_eq(qn_overrides_of_value(recipe, "/q/x").fields, 0);
    qn_overrides_warn_unused(recipe);
    ck_assert_uint_eq(quern_n_messages(context), 1);
    char line[200];
    quern_message_format(quern_message(context, 0), line, sizeof line);
    ck_assert_str_eq(line, "warning: r.yaml:10:3: this override matched no "
                           "node: op '*', name 'nowhere'");
}
END_TEST

START_TEST(globs_are_literal_but_for_star_and_question_mark)
{
    ck_assert(qn_glob_match("", ""));
    ck_assert(!qn_glob_match("", "a"));
    ck_assert(qn_glob_match("*", ""));
    ck_assert(qn_glob_match("a*b*c", "aXbYbZc"));
    ck_assert(!qn_glob_match("a*b*c", "aXbYbZ"));
    ck_assert(qn_glob_match("/l[0]/*", "/l[0]/q/k"));
    ck_assert(!qn_glob_match("/l[0]/*", "/l0/q"));
    ck_assert(!qn_glob_match("?", ""));
    ck_assert(qn_glob_match("a?", "aé"));
    char slow[2001];
    memset(slow, 'a', 2000);
    slow[2000] = '\0';
    ck_assert(!qn_glob_match("*a*a*a*a*a*a*a*a*a*a*a*b", slow));
}
END_TEST

#define E "error[invalid-argument]: r.yaml:"

static const struct bad refused[] = {
    {"quern: 1\ntargets: x\n",
     E "2:1: unknown key 'targets' in a recipe, did you mean 'target'"},
    {"target: x\n", E "1:1: key 'quern' is missing here"},
    {"quern: 2\n", E "1:8: recipe of version 2, this quern reads 1"},
    {"quern: x\n",
     E "1:8: 'quern': found 'x', need a whole number of at least 1"},
    {"- a\n", E "1:1: found a list, need a mapping (key: value)"},
    {"quern: 1\ntarget: [a]\n", E "2:9: 'target': found a list, need a text"},
    {"quern: 1\nsteps: optimize\n",
     E "2:8: 'steps': found 'optimize', need a list"},
    {"quern: 1\nsteps:\n- [a]\n",
     E "3:3: found a list, need the name of a step, or name: options"},
    {"quern: 1\nsteps:\n- calibrate:\n  data: x\n",
     E "4:3: found key 'data' beside 'calibrate', need one step an item (are "
       "its options indented far enough?)"},
    {"quern: 1\nrules:\n- name: a\n  match: x\n",
     E "3:3: key 'replace' is missing here"},
    {"quern: 1\nrules:\n- {name: a, match: x, replace: y, wher: z}\n",
     E "3:35: unknown key 'wher' in a rule, it takes name, match or replace"},
    {"quern: 1\nrules:\n- {name: a, match: x, replace: y}\n",
     E "3:3: rule 'a' is run by no step, need a step 'rules: [a]'"},
    {"quern: 1\nrules:\n- {name: a, match: x, replace: y}\n"
     "- {name: a, match: x, replace: y}\n",
     E "4:10: rule 'a' stands here a second time"},
    {"quern: 1\nrules:\n- {name: my-silu, match: x, replace: y}\n"
     "steps:\n- rules: [my-slu]\n",
     E "5:11: no rule is named 'my-slu', did you mean 'my-silu'"},
    {"quern: 1\nsteps:\n- rules: [x]\n",
     E "3:11: found 'x', need the name of a rule"},
    {"quern: 1\nopsets: {com.acme: 0}\n",
     E "2:20: 'com.acme': found '0', need a whole number from 1 to "
       "2147483647"},
    {"quern: 1\noverrides:\n- quantize: false\n",
     E "3:3: key 'match' is missing here"},
    {"quern: 1\noverrides:\n- match: {op: Add}\n",
     E "3:3: an override that sets nothing, need quantize, activations, "
       "weights or per-tensor"},
    {"quern: 1\noverrides:\n- match: {}\n  quantize: false\n",
     E "3:10: an empty match, need op, name or value"},
    {"quern: 1\noverrides:\n- match: {ops: Add}\n  quantize: false\n",
     E "3:11: unknown key 'ops' in a match, did you mean 'op'"},
    {"quern: 1\noverrides:\n- match: {op: A, value: b}\n  quantize: false\n",
     E "3:10: 'value' beside op or name: an override is for nodes or for "
       "values"},
    {"quern: 1\noverrides:\n- match: {op: A}\n  quantize: 'no'\n",
     E "4:13: 'quantize': found 'no', need true or false"},
    {"quern: 1\noverrides:\n- match: {op: A}\n  activations: unt8\n",
     E "4:16: 'activations': found 'unt8', need int8, uint8, int16, uint16, "
       "int4, uint4, float16, bfloat16, float8e4m3fn or float8e5m2; did you "
       "mean 'int8'"},
};

START_TEST(wrong_recipes_are_refused_with_their_place)
{
    ck_assert_int_eq(read_recipe(refused[_i].text), QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(said(), refused[_i].message);
    ck_assert_ptr_null(recipe);
}
END_TEST

START_TEST(a_printed_recipe_reads_back_the_same)
{
    struct qn_text once = {0}, twice = {0};
    ck_assert_int_eq(read_recipe(whole), QUERN_OK);
    ck_assert_int_eq(qn_recipe_print(recipe, &once), QUERN_OK);
    ck_assert_str_eq(
        once.data,
        "quern: 1\n"
        "target: ort-cpu-x64\n"
        "plugins:\n"
        "- ./my_pass.so\n"
        "opsets:\n"
        "  com.acme: 1\n"
        "rules:\n"
        "- name: my-silu\n"
        "  match: y = Mul(x, Sigmoid(x))\n"
        "  replace: y = com.acme.SiLU(x){axis=1}\n"
        "steps:\n"
        "- optimize\n"
        "- rules: [my-silu]\n"
        "- my-pass: {threshold: 0.5}\n"
        "- calibrate: {data: calib.npz, method: percentile, percentile: "
        "99.99}\n"
        "- insert-qdq\n"
        "overrides:\n"
        "- match: {op: Softmax}\n"
        "  quantize: false\n"
        "- match: {name: /head/*}\n"
        "  activations: uint16\n"
        "- match: {value: logits}\n"
        "  quantize: true\n");
    qn_recipe_destroy(&recipe);
    ck_assert_int_eq(read_recipe(once.data), QUERN_OK);
    ck_assert_int_eq(qn_recipe_print(recipe, &twice), QUERN_OK);
    ck_assert_str_eq(once.data, twice.data);
    qn_text_finish(&once);
    qn_text_finish(&twice);
}
END_TEST

START_TEST(a_recipe_can_be_put_together_in_code)
{
    struct qn_text text = {0};
    ck_assert_int_eq(qn_recipe_create(context, &recipe), QUERN_OK);
    ck_assert_int_eq(qn_recipe_set_target(recipe, "tensorrt-10"), 0);
    ck_assert_int_eq(qn_recipe_add_steps(recipe, NULL, "optimize"), 0);
    ck_assert_int_eq(
        qn_recipe_add_steps(recipe, NULL, "rules{[r]},b{k='null',l=[1,'a b']}"),
        0);
    ck_assert_int_eq(qn_recipe_add_rule(recipe, "r", "y = A(x)", "y = B(x)"),
                     0);
    ck_assert_int_eq(qn_recipe_add_exclude(recipe, "op:Softmax"), 0);
    ck_assert_int_eq(qn_recipe_add_exclude(recipe, "name:/a b/*"), 0);
    ck_assert_int_eq(qn_recipe_check_rules(recipe), 0);
    ck_assert_int_eq(qn_recipe_print(recipe, &text), 0);
    ck_assert_str_eq(text.data, "quern: 1\n"
                                "target: tensorrt-10\n"
                                "rules:\n"
                                "- name: r\n"
                                "  match: y = A(x)\n"
                                "  replace: y = B(x)\n"
                                "steps:\n"
                                "- optimize\n"
                                "- rules: [r]\n"
                                "- b: {k: \"null\", l: [1, \"a b\"]}\n"
                                "overrides:\n"
                                "- match: {op: Softmax}\n"
                                "  quantize: false\n"
                                "- match: {name: /a b/*}\n"
                                "  quantize: false\n");
    ck_assert_int_eq(qn_recipe_add_exclude(recipe, "Softmax"),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(said(), "error[invalid-argument]: exclude 'Softmax': need "
                             "op:GLOB, name:GLOB or value:GLOB");
    qn_text_finish(&text);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("recipe");
    TCase *all = tcase_create("recipe");
    tcase_add_checked_fixture(all, open_context, finish);
    tcase_add_test(all, the_recipe_of_the_design_is_read);
    tcase_add_test(all, overrides_match_by_glob_and_later_ones_win);
    tcase_add_test(all, globs_are_literal_but_for_star_and_question_mark);
    tcase_add_loop_test(all, wrong_recipes_are_refused_with_their_place, 0,
                        sizeof refused / sizeof *refused);
    tcase_add_test(all, a_printed_recipe_reads_back_the_same);
    tcase_add_test(all, a_recipe_can_be_put_together_in_code);
    suite_add_tcase(suite, all);
    return suite;
}
