/* Outputs of a node that are left out, and of a graph: as many as there are. */
#include "ir/build.h"
#include "ir/names.h"
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

static struct quern_value *in[MANY];
static struct quern_value *out[MANY + 1];

/* Sets of `n` inputs and outputs, right and wrong ones. */
static void set_many(struct chain *c, size_t n)
{
    struct qn_mark mark = qn_journal_mark(c->model);
    good(quern_graph_set_outputs(c->graph, out, n));
    ck_assert_uint_eq(quern_graph_n_outputs(c->graph), n);
    struct quern_value *next[] = {out[n], in[n - 1]};
    out[n] = out[7];
    ck_assert_int_eq(quern_graph_set_outputs(c->graph, out, n + 1),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(
        strstr(qtest_said(c->context), "'out_7': value is named twice"));
    ck_assert_int_eq(quern_graph_set_inputs(c->graph, in, n),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(qtest_said(c->context), "still read"));
    in[n - 1] = c->x;
    good(quern_graph_set_inputs(c->graph, in, n));
    ck_assert_int_eq(quern_graph_set_inputs(c->graph, in + 1, n - 1),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(qtest_said(c->context), "still read"));
    good(quern_graph_set_inputs(c->graph, in, n));
    struct qn_map places = {0};
    for (size_t i = 0; i < n; i++) { /* all at other places */
        size_t at = n;
        ck_assert(qn_names_output(c->graph, quern_value_name(out[i]), n - i,
                                  &places, &at));
        ck_assert_uint_eq(at, i);
    }
    qn_map_finish(&places);
    out[n] = next[0];
    in[n - 1] = next[1];
    qn_journal_undo(c->model, mark);
    ck_assert_uint_eq(quern_graph_n_outputs(c->graph), 1);
    ck_assert_uint_eq(quern_graph_n_inputs(c->graph), 1);
}

/* CPU that it takes, the least of some times. */
static double seconds(struct chain *c, size_t n)
{
    double least = 0.0;
    for (int i = 0; i < 5; i++) {
        clock_t start = clock();
        set_many(c, n);
        double took = (double)(clock() - start) / CLOCKS_PER_SEC;
        least = i == 0 || took < least ? took : least;
    }
    return least;
}

START_TEST(outputs_are_found_by_their_names)
{
    struct chain c;
    struct quern_value *made[4];
    struct qn_map places = {0};
    size_t at = 9;
    chain_create(&c);
    for (size_t i = 0; i < 4; i++) {
        static const char *const names[] = {"p", "q", "s", "t"};
        struct quern_node *node = NULL;
        good(quern_value_create(c.graph, names[i], &made[i]));
        good(quern_node_create(c.graph, NULL, "Relu", "", &c.x, 1, &made[i], 1,
                               &node));
    }
    good(quern_graph_set_outputs(c.graph, made, 4));
    ck_assert(qn_names_output(c.graph, "s", 2, &places, &at));
    ck_assert_uint_eq(at, 2);
    ck_assert_uint_eq(places.count, 0); /* it was where it was looked for */
    const struct {
        const char *name;
        size_t hint;
        size_t at;
    } rows[] = {{"t", 0, 3}, {"p", 3, 0}, {"q", 77, 1}, {"r", 1, 4}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert(
            qn_names_output(c.graph, rows[i].name, rows[i].hint, &places, &at));
        ck_assert_uint_eq(at, rows[i].at);
        ck_assert_uint_eq(places.count, 4);
    }
    qn_map_finish(&places);
    chain_destroy(&c);
}
END_TEST

/* Pairs of them compared would take 16 times as long for 4 times as many. */
START_TEST(many_inputs_and_outputs_cost_no_square)
{
    struct chain c;
    chain_create(&c);
    for (size_t i = 0; i < MANY; i++) {
        struct quern_node *node = NULL;
        good(quern_value_create(c.graph, "in", &in[i]));
        good(quern_value_create(c.graph, "out", &out[i]));
        good(quern_node_create(c.graph, NULL, "Relu", "", &in[i], 1, &out[i], 1,
                               &node));
    }
    double few = seconds(&c, MANY / 4);
    double many = seconds(&c, MANY);
    ck_assert_msg(many < 10.0 * few, "%.4f s, 4 times as many %.4f s", few,
                  many);
    chain_destroy(&c);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("ir/outputs");
    TCase *tests = tcase_create("outputs");
    tcase_add_test(tests,
                   outputs_left_out_at_the_end_go_where_their_number_is_free);
    tcase_add_test(tests, outputs_are_found_by_their_names);
    tcase_add_test(tests, many_inputs_and_outputs_cost_no_square);
    suite_add_tcase(suite, tests);
    return suite;
}
