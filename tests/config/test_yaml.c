/* YAML trees: what is taken, what is refused and where, typed getters, printing
 * back. */
#include "config/yaml.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

static enum quern_code read_text(const char *text, struct qn_yaml **out_root)
{
    return qn_yaml_read(context, "f.yaml", text, strlen(text), &arena,
                        out_root);
}

static struct qn_yaml *must_read(const char *text)
{
    struct qn_yaml *root = NULL;
    enum quern_code code = read_text(text, &root);
    ck_assert_msg(code == QUERN_OK, "%s", said());
    return root;
}

START_TEST(nodes_know_line_and_column)
{
    const struct qn_yaml *root = must_read("# head\n"
                                           "a: 1\n"
                                           "b:\n"
                                           "  - x\n"
                                           "  - {é: y, k: z}\n");
    const struct qn_yaml *b = qn_yaml_get(root, "b");
    ck_assert_int_eq(b->kind, QN_YAML_SEQUENCE);
    ck_assert_int_eq(b->key_line, 3);
    ck_assert_int_eq(b->line, 4);
    ck_assert_int_eq(b->column, 3);
    ck_assert_uint_eq(b->count, 2);
    const struct qn_yaml *k = qn_yaml_get(b->first->next, "k");
    ck_assert_int_eq(k->key_line, 5);
    ck_assert_int_eq(k->key_column, 12); /* é counts once */
    ck_assert_int_eq(k->column, 15);
    ck_assert_str_eq(k->text, "z");
    ck_assert_str_eq(k->file, "f.yaml");
}
END_TEST

START_TEST(nothing_tilde_and_null_are_null_unless_quoted)
{
    const struct qn_yaml *root =
        must_read("a:\nb: ~\nc: null\nd: 'null'\ne: ''\n");
    ck_assert_int_eq(qn_yaml_get(root, "a")->kind, QN_YAML_NULL);
    ck_assert_int_eq(qn_yaml_get(root, "b")->kind, QN_YAML_NULL);
    ck_assert_int_eq(qn_yaml_get(root, "c")->kind, QN_YAML_NULL);
    ck_assert_int_eq(qn_yaml_get(root, "d")->kind, QN_YAML_SCALAR);
    ck_assert_str_eq(qn_yaml_get(root, "e")->text, "");
}
END_TEST

#define E "error[invalid-argument]: f.yaml:"

static const struct bad refused[] = {
    {"a: &x 1\n", E "1:4: anchors (&name) are not taken: write it out"},
    {"a: 1\nb: *x\n", E "2:4: aliases (*name) are not taken: write it out"},
    {"a: !!str 1\n", E "1:4: tags (!name) are not taken"},
    {"a: !x [1]\n", E "1:4: tags (!name) are not taken"},
    {"a: &x {b: 1}\n", E "1:4: anchors (&name) are not taken: write it out"},
    {"&k a: 1\n", E "1:1: anchors (&name) are not taken: write it out"},
    {"%YAML 1.1\n---\na: 1\n", E "1:1: directives (%YAML, %TAG) are not taken"},
    {"a: 1\nb: 2\na: 3\n", E "3:1: key 'a' stands here a second time"},
    {"a: {x: 1, x: 2}\n", E "1:11: key 'x' stands here a second time"},
    {"a: 1\n---\nb: 2\n", E "2:1: a second document starts here, need one"},
    {"a:\n\tb: 1\n", E "2:1: tab: use spaces (in double quotes, \\t)"},
    {"a: 1 # é\tx\n", E "1:9: tab: use spaces (in double quotes, \\t)"},
    {"", E "1:1: the file is empty"},
    {"# only\n", E "1:1: nothing but comments"},
    {"'': 1\n", E "1:1: empty key, need a name"},
    {"? [a]\n: 1\n", E "1:3: a list or mapping as key, need a name"},
    {"a: \"x\\0y\"\n", E "1:4: NUL character in a text"},
    {"a: [1, 2\nb: 3\n",
     E "2:2: not YAML: did not find expected ',' or ']', while parsing a flow "
       "sequence (from line 1)"},
    {"a: b: c\n",
     E "1:5: not YAML: mapping values are not allowed in this context"},
    {"a: \"x\n",
     E "2:1: not YAML: found unexpected end of stream, while scanning a quoted "
       "scalar (from line 1)"},
    {"a: \xff\n", E "1:4: not YAML: invalid leading UTF-8 octet"},
    {"ab: \x01\n", E "1:5: not YAML: control characters are not allowed"},
};

START_TEST(what_could_surprise_is_refused_with_its_place)
{
    const struct bad *row = &refused[_i];
    struct qn_yaml *root = NULL;
    ck_assert_int_eq(read_text(row->text, &root), QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(said(), row->message);
    ck_assert_ptr_null(root);
}
END_TEST

START_TEST(a_nul_byte_is_refused_with_its_place)
{
    struct qn_yaml *root = NULL;
    static const char text[] = "a: 1\nb: \0x\n";
    ck_assert_int_eq(
        qn_yaml_read(context, "f.yaml", text, sizeof text - 1, &arena, &root),
        QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(said(), E "2:4: NUL character");
}
END_TEST

START_TEST(nesting_beyond_32_is_refused)
{
    char text[80];
    struct qn_yaml *root = NULL;
    memset(text, '[', 32);
    memset(text + 32, ']', 32);
    ck_assert_int_eq(qn_yaml_read(context, "f", text, 64, &arena, &root),
                     QUERN_OK);
    memset(text, '[', 33);
    ck_assert_int_eq(qn_yaml_read(context, "f", text, 64, &arena, &root),
                     QUERN_LIMIT);
    ck_assert_str_eq(said(),
                     "error[limit]: f:1:33: nested deeper than 32 levels");
}
END_TEST

START_TEST(more_than_a_mebibyte_is_refused)
{
    size_t size = QN_YAML_MAX_SIZE + 1;
    char *text = malloc(size);
    struct qn_yaml *root = NULL;
    memset(text, '#', size);
    ck_assert_int_eq(qn_yaml_read(context, "f", text, size, &arena, &root),
                     QUERN_LIMIT);
    ck_assert_str_eq(said(), "error[limit]: f: 1048577 bytes, at most 1048576 "
                             "are taken");
    free(text);
}
END_TEST

START_TEST(too_many_nodes_are_refused)
{
    size_t size = QN_YAML_MAX_NODES * 2 + 3;
    char *text = malloc(size);
    struct qn_yaml *root = NULL;
    memset(text, ',', size);
    for (size_t i = 0; i < size; i += 2) {
        text[i] = '1';
    }
    text[0] = '[';
    text[1] = '1';
    text[2] = ',';
    ck_assert_int_eq(qn_yaml_read(context, "f", text, size, &arena, &root),
                     QUERN_INVALID_ARGUMENT);
    quern_clear(context);
    for (size_t i = 1; i < size; i++) {
        text[i] = i % 2 == 1 ? '1' : ',';
    }
    ck_assert_int_eq(qn_yaml_read(context, "f", text, size, &arena, &root),
                     QUERN_LIMIT);
    free(text);
}
END_TEST

START_TEST(a_missing_file_is_named)
{
    struct qn_yaml *root = NULL;
    ck_assert_int_eq(qn_yaml_open(context, "no/such.yaml", &arena, &root),
                     QUERN_IO);
    ck_assert_ptr_nonnull(strstr(said(), "no/such.yaml"));
}
END_TEST

/* --------------------------------------------------------------- getters */

static const char *const colours[] = {"red", "green", "blue", NULL};
static const char *const many[] = {"name", "match", "replace", NULL};

START_TEST(getters_read_their_types)
{
    const struct qn_yaml *root = must_read(
        "b: true\ni: -0x10\nf: 1e-3\ns: 12\nc: blue\nl: [x, 'y z']\no: x\n");
    bool flag = false;
    int64_t number = 0;
    double real = 0.0;
    const char *text = NULL;
    int choice = 0;
    struct quern_strings list = {0};
    ck_assert_int_eq(qn_yaml_bool(context, qn_yaml_get(root, "b"), &flag), 0);
    ck_assert(flag);
    ck_assert_int_eq(
        qn_yaml_int(context, qn_yaml_get(root, "i"), -16, 0, &number), 0);
    ck_assert_int_eq(number, -16);
    ck_assert_int_eq(
        qn_yaml_float(context, qn_yaml_get(root, "f"), 0.0, 1.0, &real), 0);
    ck_assert(real > 0.00099 && real < 0.00101);
    ck_assert_int_eq(qn_yaml_text(context, qn_yaml_get(root, "s"), &text), 0);
    ck_assert_str_eq(text, "12");
    ck_assert_int_eq(
        qn_yaml_choice(context, qn_yaml_get(root, "c"), colours, &choice), 0);
    ck_assert_int_eq(choice, 2);
    ck_assert_int_eq(
        qn_yaml_strings(context, qn_yaml_get(root, "l"), &arena, &list), 0);
    ck_assert_uint_eq(list.count, 2);
    ck_assert_str_eq(list.items[1], "y z");
    ck_assert_int_eq(
        qn_yaml_strings(context, qn_yaml_get(root, "o"), &arena, &list), 0);
    ck_assert_uint_eq(list.count, 1);
}
END_TEST

static enum quern_code get_value(const struct qn_yaml *root, int getter)
{
    const struct qn_yaml *node = root->first;
    bool flag = false;
    int64_t number = 0;
    double real = 0.0;
    const char *text = NULL;
    int choice = 0;
    struct quern_strings list = {0};
    switch (getter) {
    case 0:
        return qn_yaml_bool(context, node, &flag);
    case 1:
        return qn_yaml_int(context, node, 1, 8, &number);
    case 2:
        return qn_yaml_float(context, node, 0.0, 100.0, &real);
    case 3:
        return qn_yaml_text(context, node, &text);
    case 4:
        return qn_yaml_choice(context, node, colours, &choice);
    case 5:
        return qn_yaml_strings(context, node, &arena, &list);
    case 6:
        return qn_yaml_check_keys(context, root, many, "a rule");
    case 7:
        return qn_yaml_need(context, root, "name", &node);
    case 8:
        return qn_yaml_int(context, node, INT64_MIN, INT64_MAX, &number);
    default:
        return qn_yaml_expect(context, node, QN_YAML_MAPPING);
    }
}

static const struct {
    int getter;
    struct bad bad;
} misread[] = {
    {0, {"a: yes\n", E "1:4: 'a': found 'yes', need true or false"}},
    {0, {"a: [1]\n", E "1:4: 'a': found a list, need true or false"}},
    {1, {"a: 9\n", E "1:4: 'a': found '9', need a whole number from 1 to 8"}},
    {1,
     {"a: 1.5\n", E "1:4: 'a': found '1.5', need a whole number from 1 to 8"}},
    {1,
     {"a: 99999999999999999999\n",
      E "1:4: 'a': found '99999999999999999999', need a whole number from 1 to "
        "8"}},
    {8, {"a: x\n", E "1:4: 'a': found 'x', need a whole number"}},
    {2, {"a: .nan\n", E "1:4: 'a': found '.nan', need a number from 0 to 100"}},
    {2, {"a: inf\n", E "1:4: 'a': found 'inf', need a number from 0 to 100"}},
    {2, {"a: -1\n", E "1:4: 'a': found '-1', need a number from 0 to 100"}},
    {3, {"a: {}\n", E "1:4: 'a': found a mapping, need a text"}},
    {3, {"a: ''\n", E "1:4: 'a': found '', need a text"}},
    {3, {"a:\nb: 1\n", E "1:3: 'a': found nothing, need a text"}},
    {4,
     {"a: gren\n", E "1:4: 'a': found 'gren', need red, green or blue; did you "
                     "mean 'green'"}},
    {4, {"a: 7\n", E "1:4: 'a': found '7', need red, green or blue"}},
    {5, {"a: {b: 1}\n", E "1:4: 'a': found a mapping, need a list of texts"}},
    {5, {"a: [x, [y]]\n", E "1:8: found a list, need a text"}},
    {6,
     {"name: x\nmatsh: y\n",
      E "2:1: unknown key 'matsh' in a rule, did you mean 'match'"}},
    {6,
     {"colour: x\n", E
      "1:1: unknown key 'colour' in a rule, it takes name, match or replace"}},
    {6, {"- x\n", E "1:1: found a list, need a mapping (key: value)"}},
    {7, {"match: x\n", E "1:1: key 'name' is missing here"}},
    {9, {"a: 1\n", E "1:4: 'a': found '1', need a mapping (key: value)"}},
};

START_TEST(getters_say_what_they_found_and_need)
{
    const struct qn_yaml *root = must_read(misread[_i].bad.text);
    ck_assert_int_eq(get_value(root, misread[_i].getter),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(said(), misread[_i].bad.message);
}
END_TEST

/* -------------------------------------------------------------- printing */

START_TEST(printed_trees_read_back_the_same)
{
    static const char text[] = "a: 1\n"
                               "b:\n"
                               "- x\n"
                               "- {k: \"y: z\", l: [p, \"null\", \"\"]}\n"
                               "c: ~\n"
                               "d: {}\n"
                               "'e: #': \"tab\\tline\\n\"\n"
                               "f: []\n"
                               "g: y = Mul(x, Sigmoid(x))\n";
    struct qn_text once = {0}, twice = {0};
    ck_assert_int_eq(qn_yaml_print(context, must_read(text), 2, &once), 0);
    ck_assert_int_eq(qn_yaml_print(context, must_read(once.data), 2, &twice),
                     0);
    ck_assert_str_eq(once.data, twice.data);
    const struct qn_yaml *root = must_read(once.data);
    ck_assert_str_eq(qn_yaml_get(root, "e: #")->text, "tab\tline\n");
    ck_assert_int_eq(qn_yaml_get(root, "c")->kind, QN_YAML_NULL);
    const struct qn_yaml *l =
        qn_yaml_get(qn_yaml_get(root, "b")->first->next, "l");
    ck_assert_int_eq(l->first->next->kind, QN_YAML_SCALAR);
    ck_assert_str_eq(l->first->next->next->text, "");
    ck_assert_ptr_nonnull(strstr(once.data, "g: y = Mul(x, Sigmoid(x))\n"));
    qn_text_finish(&once);
    qn_text_finish(&twice);
}
END_TEST

START_TEST(a_copy_is_equal_and_independent)
{
    struct qn_arena other = {0};
    const struct qn_yaml *root = must_read("a: {b: [1, 2], c: x}\n");
    struct qn_text before = {0}, after = {0};
    ck_assert_int_eq(qn_yaml_print(context, root, 9, &before), 0);
    struct qn_yaml *copy = qn_yaml_copy(&other, root);
    qn_arena_finish(&arena);
    ck_assert_int_eq(qn_yaml_print(context, copy, 9, &after), 0);
    ck_assert_str_eq(before.data, after.data);
    qn_arena_finish(&other);
    qn_text_finish(&before);
    qn_text_finish(&after);
}
END_TEST

START_TEST(numbers_do_not_depend_on_the_locale)
{
    double value = 0.0;
    char buffer[32];
    ck_assert(qn_text_to_float("0.1", &value));
    ck_assert_str_eq(qn_text_of_float(value, buffer), "0.1");
    ck_assert_str_eq(qn_text_of_float(1e300, buffer), "1e+300");
    ck_assert_str_eq(qn_text_of_float(1.0 / 3.0, buffer), "0.3333333333333333");
    ck_assert(!qn_text_to_float("1,5", &value));
    ck_assert(!qn_text_to_float("0x10", &value));
    ck_assert(!qn_text_to_float("1e999", &value));
    ck_assert(!qn_text_to_float(".", &value));
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("yaml");
    TCase *all = tcase_create("yaml");
    tcase_add_checked_fixture(all, open_context, close_context);
    tcase_add_test(all, nodes_know_line_and_column);
    tcase_add_test(all, nothing_tilde_and_null_are_null_unless_quoted);
    tcase_add_loop_test(all, what_could_surprise_is_refused_with_its_place, 0,
                        sizeof refused / sizeof *refused);
    tcase_add_test(all, a_nul_byte_is_refused_with_its_place);
    tcase_add_test(all, nesting_beyond_32_is_refused);
    tcase_add_test(all, more_than_a_mebibyte_is_refused);
    tcase_add_test(all, too_many_nodes_are_refused);
    tcase_add_test(all, a_missing_file_is_named);
    tcase_add_test(all, getters_read_their_types);
    tcase_add_loop_test(all, getters_say_what_they_found_and_need, 0,
                        sizeof misread / sizeof *misread);
    tcase_add_test(all, printed_trees_read_back_the_same);
    tcase_add_test(all, a_copy_is_equal_and_independent);
    tcase_add_test(all, numbers_do_not_depend_on_the_locale);
    suite_add_tcase(suite, all);
    return suite;
}
