/* Models as text and as a graph of Graphviz. */
#include "ir/build.h"
#include "qtest.h"
#include "support.h"

#include <string.h>

struct text {
    char bytes[8192];
    size_t size;
    size_t most; /* refuse more than this */
};

static bool put(void *user, const char *bytes, size_t size)
{
    struct text *text = user;
    if (text->size + size > text->most) {
        return false;
    }
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->bytes[text->size] = '\0';
    return true;
}

static void print(const struct quern_model *model, enum quern_print form,
                  struct text *text)
{
    *text = (struct text){.most = sizeof text->bytes - 1};
    ck_assert_int_eq(quern_model_print(model, form, put, text), QUERN_OK);
}

START_TEST(text_has_a_node_a_line)
{
    struct chain c;
    struct text text;
    chain_create(&c);
    ck_assert_int_eq(quern_node_set_int(c.relu, "axis", -1), QUERN_OK);
    ck_assert_int_eq(quern_node_set_string(c.relu, "mode", "it's"), QUERN_OK);
    print(c.model, QUERN_PRINT_TEXT, &text);
    ck_assert_str_eq(text.bytes,
                     "ir 8\n"
                     "opset ai.onnx 17\n"
                     "\n"
                     "graph test(x: float[2, 3]) -> (y) {\n"
                     "  w: float[3]\n"
                     "  r = Relu(x) {axis = -1, mode = 'it\\'s'}  # 'n_Relu'\n"
                     "  a = Add(r, w)  # 'n_Add'\n"
                     "  y = Identity(a)  # 'n_Identity'\n"
                     "}\n");
    chain_destroy(&c);
}
END_TEST

START_TEST(bodies_are_indented)
{
    struct nest n;
    struct text text;
    nest_create(&n);
    print(n.model, QUERN_PRINT_TEXT, &text);
    ck_assert_ptr_nonnull(strstr(text.bytes,
                                 "  y = If(cond)  # 'n_If'\n"
                                 "    then_branch then_branch() -> (b) {\n"
                                 "      b = Neg(captured)  # 'n_Neg'\n"
                                 "    }\n"));
    nest_destroy(&n);
}
END_TEST

START_TEST(dot_names_nodes_by_id_and_escapes)
{
    struct chain c;
    struct text text;
    chain_create(&c);
    c.graph->name = "a \"b\"";
    print(c.model, QUERN_PRINT_DOT, &text);
    ck_assert_ptr_nonnull(strstr(text.bytes, "digraph \"a \\\"b\\\"\" {\n"));
    ck_assert_ptr_nonnull(
        strstr(text.bytes, "n1 [label=\"Add\\n1 constants\""));
    ck_assert_ptr_nonnull(
        strstr(text.bytes, "v0 -> n0 [label=\"float[2, 3]\""));
    chain_destroy(&c);
}
END_TEST

START_TEST(types_are_written_as_people_do)
{
    struct chain c;
    char text[64];
    chain_create(&c);
    const struct quern_expr *n = qn_expr_symbol(c.model, "N");
    const struct quern_dim dims[] = {{-1, n}, {-1, NULL}, {4, NULL}};
    ck_assert_int_eq(quern_value_set_type(c.y, QUERN_INT8, 3, dims), QUERN_OK);
    ck_assert_uint_eq(quern_value_type_format(c.y, text, sizeof text), 13);
    ck_assert_str_eq(text, "int8[N, ?, 4]");
    ck_assert_uint_eq(quern_value_type_format(c.y, text, 5), 13);
    ck_assert_str_eq(text, "int8");
    ck_assert_int_eq(quern_value_set_type(c.y, QUERN_FLOAT, -1, NULL),
                     QUERN_OK);
    quern_value_type_format(c.y, text, sizeof text);
    ck_assert_str_eq(text, "float[...]");
    chain_destroy(&c);
}
END_TEST

START_TEST(a_writer_that_fails_is_an_io_error)
{
    struct chain c;
    struct text text = {.most = 10};
    chain_create(&c);
    ck_assert_int_eq(quern_model_print(c.model, QUERN_PRINT_TEXT, put, &text),
                     QUERN_IO);
    chain_destroy(&c);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("ir/print");
    TCase *tests = tcase_create("print");
    tcase_add_test(tests, text_has_a_node_a_line);
    tcase_add_test(tests, bodies_are_indented);
    tcase_add_test(tests, dot_names_nodes_by_id_and_escapes);
    tcase_add_test(tests, types_are_written_as_people_do);
    tcase_add_test(tests, a_writer_that_fails_is_an_io_error);
    suite_add_tcase(suite, tests);
    return suite;
}
