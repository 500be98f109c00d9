/* Outputs of a node that are left out, and of a graph: as many as there are. */
#include "ir/build.h"
#include "qtest.h"
#include "support.h"

#include <string.h>
#include <time.h>

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

enum { MANY = 20000 };

/* Pairs of them compared take seconds. */
START_TEST(many_inputs_and_outputs_cost_no_square)
{
    static struct quern_value *in[MANY];
    static struct quern_value *out[MANY + 1];
    struct chain c;
    chain_create(&c);
    for (size_t i = 0; i < MANY; i++) {
        struct quern_node *node = NULL;
        good(quern_value_create(c.graph, "in", &in[i]));
        good(quern_value_create(c.graph, "out", &out[i]));
        good(quern_node_create(c.graph, NULL, "Relu", "", &in[i], 1, &out[i], 1,
                               &node));
    }
    clock_t start = clock();
    struct qn_mark mark = qn_journal_mark(c.model);
    good(quern_graph_set_outputs(c.graph, out, MANY));
    ck_assert_uint_eq(quern_graph_n_outputs(c.graph), MANY);
    out[MANY] = out[7];
    ck_assert_int_eq(quern_graph_set_outputs(c.graph, out, MANY + 1),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(
        strstr(qtest_said(c.context), "'out_7': value is named twice"));
    ck_assert_int_eq(quern_graph_set_inputs(c.graph, in, MANY),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(qtest_said(c.context), "still read"));
    in[MANY - 1] = c.x;
    good(quern_graph_set_inputs(c.graph, in, MANY));
    ck_assert_int_eq(quern_graph_set_inputs(c.graph, in + 1, MANY - 1),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(qtest_said(c.context), "still read"));
    good(quern_graph_set_inputs(c.graph, in, MANY));
    qn_journal_undo(c.model, mark);
    ck_assert_uint_eq(quern_graph_n_outputs(c.graph), 1);
    ck_assert_uint_eq(quern_graph_n_inputs(c.graph), 1);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    ck_assert_msg(seconds < 0.5, "%.2f s", seconds);
    chain_destroy(&c);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("ir/outputs");
    TCase *tests = tcase_create("outputs");
    tcase_add_test(tests,
                   outputs_left_out_at_the_end_go_where_their_number_is_free);
    tcase_add_test(tests, many_inputs_and_outputs_cost_no_square);
    suite_add_tcase(suite, tests);
    return suite;
}
