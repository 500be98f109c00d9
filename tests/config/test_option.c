/* Option tables: filling from text and YAML, bounds, hints, help; pipelines on
 * one line. */
#include "config/option.h"
#include "support.h"

#include <stddef.h>
#include <stdio.h>

struct params {
    bool exact;
    int64_t bytes;
    double percentile;
    int method;
    const char *data;
    struct quern_strings names;
};

static const char *const methods[] = {"minmax", "percentile", "mse", NULL};

static const struct quern_option table[] = {
    {"percentile", QUERN_OPTION_FLOAT, offsetof(struct params, percentile), 50,
     100, NULL, "Share of the values inside the range, in percent"},
    {"exact", QUERN_OPTION_BOOL, offsetof(struct params, exact), 0, 0, NULL,
     "Keep every bit"},
    {"max-bytes", QUERN_OPTION_INT, offsetof(struct params, bytes), 0, 1e6,
     NULL, "Largest result, in bytes"},
    {"method", QUERN_OPTION_ENUM, offsetof(struct params, method), 0, 0,
     methods, "How the range is chosen"},
    {"data", QUERN_OPTION_STRING, offsetof(struct params, data), 0, 0, NULL,
     "Samples"},
    {"names", QUERN_OPTION_STRINGS, offsetof(struct params, names), 0, 0, NULL,
     "Names of the nodes; a long sentence that needs a second line to be "
     "printed in full"},
    {NULL, 0, 0, 0, 0, NULL, NULL},
};

static const struct params defaults = {
    .bytes = 1024, .percentile = 99.99, .method = 2};

static struct params *new_params(void)
{
    void *params = NULL;
    ck_assert_int_eq(qn_options_create(context, "pass 'calibrate'", table,
                                       &defaults, sizeof defaults, &arena,
                                       &params),
                     QUERN_OK);
    return params;
}

static enum quern_code fill(const char *text, struct params *params)
{
    struct qn_steps steps = {0};
    enum quern_code code =
        qn_pipeline_parse(context, "--passes", text, &arena, &steps);
    if (code == QUERN_OK) {
        ck_assert_uint_eq(steps.count, 1);
        code = qn_options_fill(context, "pass 'calibrate'", table,
                               steps.items[0].options, &arena, params);
    }
    return code;
}

START_TEST(defaults_stand_until_set)
{
    struct params *p = new_params();
    ck_assert_int_eq(fill("calibrate", p), QUERN_OK);
    ck_assert_int_eq(fill("calibrate{}", p), QUERN_OK);
    ck_assert_int_eq(p->bytes, 1024);
    ck_assert_int_eq(p->method, 2);
    ck_assert_ptr_null(p->data);
    ck_assert_uint_eq(p->names.count, 0);
}
END_TEST

START_TEST(every_type_is_set_from_text)
{
    struct params *p = new_params();
    ck_assert_int_eq(fill(" calibrate { exact = true, max-bytes=7 , "
                          "percentile=50.5,method=minmax,data='a b/c.npz',"
                          "names=[x, \"y\\\"z\" ,/w/0]}",
                          p),
                     QUERN_OK);
    ck_assert(p->exact);
    ck_assert_int_eq(p->bytes, 7);
    ck_assert(p->percentile > 50.4 && p->percentile < 50.6);
    ck_assert_int_eq(p->method, 0);
    ck_assert_str_eq(p->data, "a b/c.npz");
    ck_assert_uint_eq(p->names.count, 3);
    ck_assert_str_eq(p->names.items[1], "y\"z");
    ck_assert_str_eq(p->names.items[2], "/w/0");
}
END_TEST

START_TEST(a_value_alone_is_the_first_option)
{
    struct params *p = new_params();
    ck_assert_int_eq(fill("calibrate{75}", p), QUERN_OK);
    ck_assert(p->percentile > 74.9 && p->percentile < 75.1);
    struct qn_yaml *root = NULL;
    ck_assert_int_eq(qn_yaml_read(context, "f", "60", 2, &arena, &root),
                     QUERN_OK);
    ck_assert_int_eq(qn_options_fill(context, "x", table, root, &arena, p),
                     QUERN_OK);
    ck_assert(p->percentile < 60.1);
}
END_TEST

START_TEST(strings_outlive_the_text_they_came_from)
{
    struct params *p = new_params();
    struct qn_arena other = {0};
    struct qn_yaml *root = NULL;
    static const char text[] = "{data: x, names: [a, b]}";
    ck_assert_int_eq(
        qn_yaml_read(context, "f", text, strlen(text), &other, &root), 0);
    ck_assert_int_eq(qn_options_fill(context, "x", table, root, &arena, p), 0);
    qn_arena_finish(&other);
    ck_assert_str_eq(p->data, "x");
    ck_assert_str_eq(p->names.items[1], "b");
}
END_TEST

#define E "error[invalid-argument]: --passes:1:"

static const struct bad refused[] = {
    {"calibrate{percentil=3}",
     E "11: pass 'calibrate' has no option 'percentil', did you mean "
       "'percentile'"},
    {"calibrate{colour=3}",
     E "11: pass 'calibrate' has no option 'colour', it takes percentile, "
       "exact, max-bytes, method, data, names"},
    {"calibrate{percentile=3}",
     E "22: 'percentile': found '3', need a number from 50 to 100"},
    {"calibrate{max-bytes=-1}",
     E "21: 'max-bytes': found '-1', need a whole number from 0 to 1000000"},
    {"calibrate{exact=1}", E "17: 'exact': found '1', need true or false"},
    {"calibrate{method=minmx}",
     E "18: 'method': found 'minmx', need minmax, percentile or mse; did you "
       "mean 'minmax'"},
    {"calibrate{data=[x]}", E "16: 'data': found a list, need a text"},
    {"calibrate{exact=true,exact=true}",
     E "22: option 'exact' stands here a second time"},
    {"calibrate{names=[[x]]}",
     E "18: found '[x]]}', need a text (lists do not nest)"},
    {"calibrate{exact=true",
     E "21: found the end of the text, need ',' or '}'"},
    {"calibrate{exact=}", E "17: found '}', need a value"},
    {"calibrate{exact}", E "11: found 'exact', need a number from 50 to 100"},
    {"calibrate{75,exact=true}",
     E "13: found ',exact=true}', need '=' and a value, or '}'"},
    {"calibrate{exact=true,75}", E "24: found '}', need '=' and a value"},
    {"calibrate{names=[x}", E "19: found '}', need ',' or ']'"},
    {"calibrate{data='x}", E "16: found ''x}', need a closing quote"},
    {"calibrate{data=\"\\n\"}",
     E "18: found 'n\"}', need \\\" or \\\\ behind a backslash"},
    {"a b", E "3: found 'b', need ',' between steps, or '{' and options"},
    {"a,", E "3: found the end of the text, need the name of a step"},
    {"a,,b", E "3: found ',b', need the name of a step"},
    {"é,}", E "3: found '}', need the name of a step"},
};

START_TEST(wrong_text_is_refused_with_its_column)
{
    struct params *p = new_params();
    ck_assert_int_eq(fill(refused[_i].text, p), QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(said(), refused[_i].message);
}
END_TEST

START_TEST(a_pipeline_is_a_list_of_steps)
{
    struct qn_steps steps = {0};
    ck_assert_int_eq(qn_pipeline_parse(context, NULL, "  ", &arena, &steps), 0);
    ck_assert_uint_eq(steps.count, 0);
    ck_assert_int_eq(qn_pipeline_parse(context, NULL,
                                       "a, b{k=v,l=[]} ,com.acme.c{[x,y]}",
                                       &arena, &steps),
                     0);
    ck_assert_uint_eq(steps.count, 3);
    ck_assert_str_eq(steps.items[0].name, "a");
    ck_assert_ptr_null(steps.items[0].options);
    ck_assert_int_eq(steps.items[1].node->column, 4);
    ck_assert_str_eq(qn_yaml_get(steps.items[1].options, "k")->text, "v");
    ck_assert_uint_eq(qn_yaml_get(steps.items[1].options, "l")->count, 0);
    ck_assert_str_eq(steps.items[2].name, "com.acme.c");
    ck_assert_int_eq(steps.items[2].options->kind, QN_YAML_SEQUENCE);
}
END_TEST

START_TEST(one_option_is_set_from_the_command_line)
{
    struct params *p = new_params();
    ck_assert_int_eq(qn_options_set(context, "x", table, "--names", "names",
                                    "[a, b]", &arena, p),
                     QUERN_OK);
    ck_assert_uint_eq(p->names.count, 2);
    ck_assert_int_eq(qn_options_set(context, "x", table, "--data", "data",
                                    "a=b,{c}", &arena, p),
                     QUERN_OK);
    ck_assert_str_eq(p->data, "a=b,{c}");
    ck_assert_int_eq(qn_options_set(context, "x", table, "--percentile",
                                    "percentile", "200", &arena, p),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(said(), "error[invalid-argument]: --percentile: "
                             "'percentile': found '200', need a number from 50 "
                             "to 100");
    ck_assert_int_eq(
        qn_options_set(context, "x", NULL, NULL, "y", "1", &arena, p),
        QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(said(), "error[invalid-argument]: x has no option 'y', it "
                             "takes none");
}
END_TEST

START_TEST(the_help_shows_types_ranges_choices_and_defaults)
{
    struct qn_text text = {0};
    ck_assert_int_eq(qn_options_help(context, table, &defaults, &text), 0);
    ck_assert_str_eq(
        text.data,
        "  percentile=number           Share of the values inside the range, "
        "in "
        "percent\n"
        "                              (50..100; default 99.99)\n"
        "  exact=bool                  Keep every bit (default false)\n"
        "  max-bytes=integer           Largest result, in bytes (0..1000000; "
        "default\n"
        "                              1024)\n"
        "  method=choice               How the range is chosen (minmax | "
        "percentile |\n"
        "                              mse; default mse)\n"
        "  data=text                   Samples\n"
        "  names=list                  Names of the nodes; a long sentence "
        "that "
        "needs a\n"
        "                              second line to be printed in full\n");
    qn_text_finish(&text);
}
END_TEST

START_TEST(bad_tables_are_faults_of_the_pass)
{
    static const struct {
        struct quern_option row;
        const char *fault;
    } rows[] = {
        {{"x", QUERN_OPTION_INT, 4, 0, 0, NULL, ""},
         "its offset lies outside of the params struct"},
        {{"x", QUERN_OPTION_INT, sizeof(struct params), 0, 0, NULL, ""},
         "its offset lies outside of the params struct"},
        {{"x", QUERN_OPTION_INT, SIZE_MAX - 7, 0, 0, NULL, ""},
         "its offset lies outside of the params struct"},
        {{"x", QUERN_OPTION_ENUM, 0, 0, 0, NULL, ""},
         "no choices, or one twice"},
        {{"x y", QUERN_OPTION_BOOL, 0, 0, 0, NULL, ""},
         "its name must be letters, digits and dashes"},
        {{"x", QUERN_OPTION_INT, 8, 2, 1, NULL, ""},
         "its minimum is above its maximum"},
        {{"x", QUERN_OPTION_INT, 8, 2, 3, NULL, ""},
         "its default is out of range"},
        {{"x", 77, 0, 0, 0, NULL, ""}, "unknown type"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct quern_option one[] = {rows[i].row,
                                     {NULL, 0, 0, 0, 0, NULL, NULL}};
        char line[200];
        snprintf(line, sizeof line,
                 "error[internal]: pass 'p': row '%s' of its options: %s",
                 rows[i].row.name, rows[i].fault);
        ck_assert_int_eq(qn_options_check(context, "pass 'p'", one, NULL,
                                          sizeof(struct params)),
                         QUERN_INTERNAL);
        ck_assert_str_eq(said(), line);
    }
    ck_assert_int_eq(qn_options_check(context, "p", NULL, NULL, 0), QUERN_OK);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("option");
    TCase *all = tcase_create("option");
    tcase_add_checked_fixture(all, open_context, close_context);
    tcase_add_test(all, defaults_stand_until_set);
    tcase_add_test(all, every_type_is_set_from_text);
    tcase_add_test(all, a_value_alone_is_the_first_option);
    tcase_add_test(all, strings_outlive_the_text_they_came_from);
    tcase_add_loop_test(all, wrong_text_is_refused_with_its_column, 0,
                        sizeof refused / sizeof *refused);
    tcase_add_test(all, a_pipeline_is_a_list_of_steps);
    tcase_add_test(all, one_option_is_set_from_the_command_line);
    tcase_add_test(all, the_help_shows_types_ranges_choices_and_defaults);
    tcase_add_test(all, bad_tables_are_faults_of_the_pass);
    suite_add_tcase(suite, all);
    return suite;
}
