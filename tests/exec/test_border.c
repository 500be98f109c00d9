/* Sequences and optionals as inputs and outputs of a run. */
#include "ir/ir.h"
#include "support.h"

/* x as `type`, given `n` items; what the run says of it. */
static void gives(const struct qn_type *type, struct quern_tensor *const *items,
                  size_t n, const char *needed)
{
    struct net net;
    struct quern_engine_options o = {.struct_size = sizeof o,
                                     .kind = QUERN_ENGINE_CPU};
    struct quern_engine *engine = NULL;
    struct quern_runner *runner = NULL;
    struct quern_tensor *list = NULL;
    struct quern_tensor *y = NULL;
    net_open(&net);
    struct quern_value *ends[2] = {net.x, quern_graph_output(net.graph, 0)};
    for (int i = 0; i < 2; i++) {
        ends[i]->declared = type;
        ends[i]->type = type;
    }
    ck_assert_int_eq(quern_tensor_of_items(net.context, items, n, &list),
                     QUERN_OK);
    ck_assert_int_eq(quern_engine_open(net.model, &o, &engine), QUERN_OK);
    ck_assert_int_eq(quern_runner_create(engine, net.context, &runner),
                     QUERN_OK);
    enum quern_code code =
        quern_runner_run(runner, &list, 1, &y, 1, NULL, NULL);
    ck_assert_int_eq(code, needed != NULL ? QUERN_INVALID_ARGUMENT : QUERN_OK);
    if (needed != NULL) {
        ck_assert_str_eq(quern_error(net.context)->text, needed);
        ck_assert_str_eq(quern_error(net.context)->place.tensor, "x");
        ck_assert_ptr_null(y);
    } else {
        ck_assert(quern_tensor_equal(list, y));
    }
    quern_tensor_release(&y);
    quern_tensor_release(&list);
    quern_runner_destroy(&runner);
    quern_engine_close(&engine);
    net_close(&net);
}

START_TEST(lists_are_of_the_type_that_is_declared)
{
    const struct quern_dim dims[2] = {{-1, NULL}, {3, NULL}};
    const struct qn_type tensor = {.kind = QUERN_KIND_TENSOR,
                                   .dtype = QUERN_FLOAT,
                                   .rank = 2,
                                   .dims = dims};
    const struct qn_type list = {.kind = QUERN_KIND_SEQUENCE,
                                 .element = &tensor};
    const struct qn_type maybe = {.kind = QUERN_KIND_OPTIONAL,
                                  .element = &list};
    const struct qn_type single = {.kind = QUERN_KIND_OPTIONAL,
                                   .element = &tensor};
    struct net net;
    net_open(&net);
    struct quern_tensor *items[3] = {
        random_floats(net.context, 2, (const int64_t[]){2, 3}),
        random_floats(net.context, 2, (const int64_t[]){2, 4}),
        random_floats(net.context, 1, (const int64_t[]){3})};
    struct quern_tensor *ends[2] = {items[0], items[2]};
    gives(&list, items, 1, NULL);
    gives(&list, items, 0, NULL);
    gives(&list, items, 2,
          "item 1 of the input is float[2, 4], needs float[?, 3]");
    gives(&maybe, ends, 2,
          "item 1 of the input is float[3], needs float[?, 3]");
    gives(&maybe, NULL, 0, NULL);
    gives(&list, NULL, 0, "input is nothing, needs a sequence");
    gives(&single, items, 1, "input is a sequence, needs a tensor");
    gives(&tensor, items, 1, "input is a sequence, needs a tensor");
    gives(&tensor, NULL, 0, "input is nothing, needs a tensor");
    for (int i = 0; i < 3; i++) {
        quern_tensor_release(&items[i]);
    }
    net_close(&net);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("exec/border");
    TCase *tcase = tcase_create("border");
    tcase_add_test(tcase, lists_are_of_the_type_that_is_declared);
    suite_add_tcase(suite, tcase);
    return suite;
}
