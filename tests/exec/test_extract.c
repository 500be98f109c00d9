/* Parts of models as bytes, which ONNX Runtime is given: what they hold. */
#include "io/extract.h"
#include "support.h"

#include <string.h>

/* x -> Mul by a constant -> Relu -> Add of a constant -> y */
static void build(struct net *net, struct quern_value **middle)
{
    static const int64_t dims[] = {4, 1024};
    net_open(net);
    net_add(net, "Mul",
            (struct quern_value *[]){net_random(net, 2, dims), NULL});
    net_add(net, "Relu", NULL);
    *middle = net->at;
    net_add(net, "Add",
            (struct quern_value *[]){net_random(net, 2, dims), NULL});
}

static struct quern_model *reopen(struct net *net, const struct qn_extract *x)
{
    struct quern_model *copy = NULL;
    ck_assert_ptr_nonnull(x->bytes);
    ck_assert_int_eq(quern_model_open_memory(net->context, x->bytes->data,
                                             x->bytes->size, NULL, &copy),
                     QUERN_OK);
    return copy;
}

START_TEST(a_copy_holds_what_its_outputs_need)
{
    struct net net;
    struct quern_value *middle = NULL;
    struct qn_extract x = {0};
    build(&net, &middle);
    struct qn_extract_options o = {
        .outputs = &middle, .n_outputs = 1, .most_inside = UINT64_MAX};
    uint64_t n_edits = quern_model_n_edits(net.model);
    ck_assert_int_eq(qn_extract(net.model, &o, &x), QUERN_OK);
    struct quern_model *copy = reopen(&net, &x);
    struct quern_graph *g = quern_model_graph(copy);
    ck_assert_uint_eq(quern_graph_n_nodes(g), 2);
    ck_assert_uint_eq(quern_graph_n_outputs(g), 1);
    ck_assert_str_eq(quern_value_name(quern_graph_output(g, 0)),
                     quern_value_name(middle));
    struct quern_value *w = quern_graph_first_initializer(g);
    ck_assert_ptr_nonnull(w);
    ck_assert_ptr_null(quern_value_next_initializer(w));
    ck_assert_uint_eq(quern_model_n_edits(net.model), n_edits);
    quern_model_destroy(&copy);
    qn_extract_finish(&x);
    net_close(&net);
}
END_TEST

START_TEST(taps_stand_in_the_way_of_the_data)
{
    struct net net;
    struct quern_value *middle = NULL;
    struct qn_extract x = {0};
    build(&net, &middle);
    struct quern_value *y = quern_graph_output(net.graph, 0);
    struct quern_value *taps[] = {NULL, middle};
    struct qn_extract_options o = {.outputs = &y,
                                   .n_outputs = 1,
                                   .taps = taps,
                                   .n_taps = 2,
                                   .tap_domain = "d",
                                   .tap_op = "T",
                                   .most_inside = UINT64_MAX};
    ck_assert_int_eq(qn_extract(net.model, &o, &x), QUERN_OK);
    struct quern_model *copy = reopen(&net, &x);
    struct quern_graph *g = quern_model_graph(copy);
    ck_assert_int_eq(quern_model_opset(copy, "d"), 1);
    struct quern_value *v = quern_graph_find(g, quern_value_name(middle));
    struct quern_node *tap = quern_value_producer(v);
    ck_assert(quern_node_is(tap, "d.T"));
    ck_assert_int_eq(quern_node_int(tap, "tap", -1), 1);
    ck_assert(
        quern_node_is(quern_value_producer(quern_node_input(tap, 0)), "Relu"));
    ck_assert_str_eq(quern_value_name(quern_node_input(tap, 1)), x.input);
    ck_assert(quern_value_is_graph_input(quern_node_input(tap, 1)));
    ck_assert(quern_node_is(quern_value_only_user(v), "Add"));
    quern_model_destroy(&copy);
    qn_extract_finish(&x);
    net_close(&net);
}
END_TEST

START_TEST(weights_beyond_the_limit_are_lent)
{
    struct net net;
    struct quern_value *middle = NULL;
    struct qn_extract x = {0};
    build(&net, &middle);
    struct quern_value *y = quern_graph_output(net.graph, 0);
    struct qn_extract_options o = {.outputs = &y,
                                   .n_outputs = 1,
                                   .most_inside = 20000,
                                   .least_lent = 1024};
    ck_assert_int_eq(qn_extract(net.model, &o, &x), QUERN_OK);
    ck_assert_uint_eq(x.n_lent, 2);
    ck_assert_uint_lt(x.bytes->size, 1024);
    qn_extract_finish(&x);
    memset(&x, 0, sizeof x);
    o.least_lent = 0; /* a library that cannot be lent anything */
    ck_assert_int_eq(qn_extract(net.model, &o, &x), QUERN_OK);
    ck_assert_uint_gt(x.bytes->size, 2 * 4 * 4096);
    qn_extract_finish(&x);
    net_close(&net);
}
END_TEST

START_TEST(made_names_avoid_those_of_the_model)
{
    struct net net;
    struct quern_value *taken = NULL;
    struct qn_extract x = {0};
    net_open(&net);
    ck_assert_int_eq(quern_value_create(net.graph, "quern.tap", &taken),
                     QUERN_OK);
    struct quern_value *y = quern_graph_output(net.graph, 0);
    struct qn_extract_options o = {.outputs = &y,
                                   .n_outputs = 1,
                                   .taps = &y,
                                   .n_taps = 1,
                                   .tap_domain = "d",
                                   .tap_op = "T",
                                   .most_inside = UINT64_MAX};
    ck_assert_int_eq(qn_extract(net.model, &o, &x), QUERN_OK);
    ck_assert_str_eq(x.input, "quern.tap_");
    struct quern_model *copy = reopen(&net, &x);
    quern_model_destroy(&copy);
    qn_extract_finish(&x);
    net_close(&net);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("exec/extract");
    TCase *tests = tcase_create("extract");
    tcase_add_test(tests, a_copy_holds_what_its_outputs_need);
    tcase_add_test(tests, taps_stand_in_the_way_of_the_data);
    tcase_add_test(tests, weights_beyond_the_limit_are_lent);
    tcase_add_test(tests, made_names_avoid_those_of_the_model);
    suite_add_tcase(suite, tests);
    return suite;
}
