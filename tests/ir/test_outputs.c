/* Outputs of a node that are left out. */
#include "ir/build.h"
#include "qtest.h"
#include "support.h"

static void good(enum quern_code code)
{
    ck_assert_int_eq(code, QUERN_OK);
}

START_TEST(outputs_left_out_at_the_end_go_where_their_number_is_free)
{
    static const struct {
        const char *op;
        size_t left;
    } rows[] = {{"MaxPool", 1}, {"Split", 2}, {"TopK", 2}, {"Unheard", 2}};
    struct chain c;
    chain_create(&c);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct quern_value *out[2] = {NULL, NULL};
        struct quern_node *node = NULL;
        good(quern_value_create(c.graph, "a", &out[0]));
        good(quern_value_create(c.graph, "b", &out[1]));
        good(quern_node_create(c.graph, NULL, rows[i].op, "", &c.x, 1, out, 2,
                               &node));
        struct qn_mark mark = qn_journal_mark(c.model);
        good(quern_node_set_output(node, 1, NULL));
        ck_assert_uint_eq(quern_node_n_outputs(node), rows[i].left);
        qn_journal_undo(c.model, mark);
        ck_assert_uint_eq(quern_node_n_outputs(node), 2);
        ck_assert_ptr_eq(quern_node_output(node, 1), out[1]);
    }
    chain_destroy(&c);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("ir/outputs");
    TCase *tests = tcase_create("outputs");
    tcase_add_test(tests,
                   outputs_left_out_at_the_end_go_where_their_number_is_free);
    suite_add_tcase(suite, tests);
    return suite;
}
