/* Trials: samples, bounds, time, and what is told of a difference. */
#include "api/sample.h"
#include "support.h"

#include <math.h>
#include <stdio.h>

/* ------------------------------------------------------------------ bounds */

static struct quern_tensor *floats(int64_t n, const float *values)
{
    struct quern_tensor *t = NULL;
    ck_assert_int_eq(quern_tensor_of_floats(context, n, values, &t), QUERN_OK);
    return t;
}

/* Do these two agree under a contract? */
static bool agrees(enum quern_contract contract, const float *got,
                   const float *want, int64_t n, struct qn_difference *d)
{
    struct qn_bound bound = qn_bound_of(contract, false, false, true);
    struct quern_tensor *a = floats(n, got);
    struct quern_tensor *b = floats(n, want);
    bool answer = qn_agree(&bound, a, b, d);
    quern_tensor_release(&a);
    quern_tensor_release(&b);
    return answer;
}

START_TEST(contracts_allow_what_they_say)
{
    const float want[] = {1.0f, -8.0f, 0.25f};
    const float bits[] = {1.0f, -8.0f, 0.25000003f};
    const float rounded[] = {1.0f, -8.0f, 0.2507f};
    const float near[] = {1.0f, -8.0f, 0.30f};
    const float far[] = {1.0f, -8.0f, 0.40f};
    const float noise[] = {-4.0f, 8.0f, 0.25f};
    struct qn_difference d;
    ck_assert(agrees(QUERN_BIT_EXACT, want, want, 3, &d));
    ck_assert(!agrees(QUERN_BIT_EXACT, bits, want, 3, &d));
    ck_assert_int_eq(d.index, 2);
    ck_assert_double_eq(d.want, 0.25);
    ck_assert(agrees(QUERN_REAL_EXACT, rounded, want, 3, &d));
    ck_assert(!agrees(QUERN_REAL_EXACT, near, want, 3, &d));
    ck_assert(agrees(QUERN_APPROXIMATE, near, want, 3, &d));
    ck_assert(!agrees(QUERN_APPROXIMATE, far, want, 3, &d));
    ck_assert(agrees(QUERN_CHANGES_PRECISION, far, want, 3, &d));
    ck_assert(!agrees(QUERN_CHANGES_PRECISION, noise, want, 3, &d));
    ck_assert_int_eq(d.kind, QN_NOISE);
}
END_TEST

START_TEST(nan_and_infinity_stay_where_they_are)
{
    const float want[] = {NAN, INFINITY, 1.0f};
    const float moved[] = {1.0f, INFINITY, NAN};
    const float other[] = {NAN, -INFINITY, 1.0f};
    const float more[] = {NAN, INFINITY, NAN};
    const float zero[] = {0.0f};
    const float minus[] = {-0.0f};
    struct qn_difference d;
    for (int c = QUERN_BIT_EXACT; c <= QUERN_CHANGES_PRECISION; c++) {
        ck_assert(agrees((enum quern_contract)c, want, want, 3, &d));
        ck_assert(!agrees((enum quern_contract)c, moved, want, 3, &d));
        ck_assert_int_eq(d.index, 0);
        ck_assert(!agrees((enum quern_contract)c, other, want, 3, &d));
        ck_assert_int_eq(d.index, 1);
        ck_assert(!agrees((enum quern_contract)c, more, want, 3, &d));
        ck_assert_int_eq(d.index, 2);
    }
    ck_assert(!agrees(QUERN_BIT_EXACT, minus, zero, 1, &d));
    ck_assert(agrees(QUERN_REAL_EXACT, minus, zero, 1, &d));
}
END_TEST

START_TEST(shape_type_and_absence_are_differences)
{
    const float two[] = {1.0f, 2.0f};
    const int64_t ints[] = {1, 2};
    struct qn_bound bound = qn_bound_of(QUERN_APPROXIMATE, true, true, true);
    struct quern_tensor *a = floats(2, two);
    struct quern_tensor *b = floats(1, two);
    struct quern_tensor *c = NULL;
    struct qn_difference d;
    char text[128];
    ck_assert_int_eq(quern_tensor_of_ints(context, 2, ints, &c), QUERN_OK);
    ck_assert(!qn_agree(&bound, a, b, &d));
    qn_difference_format(&d, a, b, text, sizeof text);
    ck_assert_str_eq(text, "is float[2], was float[1]");
    ck_assert(!qn_agree(&bound, c, a, &d));
    ck_assert_int_eq(d.kind, QN_OTHER_TYPE);
    ck_assert(!qn_agree(&bound, NULL, a, &d));
    qn_difference_format(&d, NULL, a, text, sizeof text);
    ck_assert_str_eq(text, "is nothing, was float[2]");
    quern_tensor_release(&a);
    quern_tensor_release(&b);
    quern_tensor_release(&c);
}
END_TEST

/* A list of `n` tensors of the first two, three, … of the values. */
static struct quern_tensor *list_of(size_t n, const float *values)
{
    struct quern_tensor *items[3] = {NULL, NULL, NULL};
    struct quern_tensor *list = NULL;
    for (size_t i = 0; i < n; i++) {
        items[i] = floats((int64_t)i + 2, values);
    }
    ck_assert_int_eq(quern_tensor_of_items(context, items, n, &list), QUERN_OK);
    for (size_t i = 0; i < n; i++) {
        quern_tensor_release(&items[i]);
    }
    return list;
}

/* `got`, which is released, against a list of two; as told, and of what kind.
 */
static void tells(enum quern_contract contract, struct quern_tensor *got,
                  enum qn_difference_kind kind, const char *needed)
{
    const float values[] = {1.0f, 2.0f, 3.0f};
    struct qn_bound bound = qn_bound_of(contract, false, false, true);
    struct quern_tensor *want = list_of(2, values);
    struct qn_difference d;
    char text[128];
    ck_assert(qn_agree(&bound, got, want, &d) == (kind == QN_AGREES));
    ck_assert_int_eq(d.kind, kind);
    qn_difference_format(&d, got, want, text, sizeof text);
    ck_assert_str_eq(text, needed);
    quern_tensor_release(&want);
    quern_tensor_release(&got);
}

START_TEST(lists_differ_as_their_items_do)
{
    const float same[] = {1.0f, 2.0f, 3.0f, 4.0f};
    const float near[] = {1.0f, 2.0f, 3.0000002f};
    const float far[] = {1.0f, 2.0f, 5.0f};
    const float noise[] = {1.0f, -2.0f, 3.0f};
    struct quern_tensor *items[2] = {floats(2, same), floats(2, same)};
    struct quern_tensor *list = NULL;
    tells(QUERN_REAL_EXACT, list_of(2, near), QN_AGREES, "agrees");
    tells(QUERN_BIT_EXACT, list_of(2, far), QN_OTHER_VALUE,
          "item 1 [2]: 5, was 3");
    tells(QUERN_CHANGES_PRECISION, list_of(2, noise), QN_NOISE,
          "item 0 [1]: -2, was 2; SQNR -5.1 dB");
    tells(QUERN_BIT_EXACT, list_of(3, same), QN_OTHER_SHAPE,
          "is a sequence of 3 items, was a sequence of 2 items");
    ck_assert_int_eq(quern_tensor_of_items(context, items, 2, &list), QUERN_OK);
    tells(QUERN_BIT_EXACT, list, QN_OTHER_SHAPE,
          "item 1 is float[2], was float[3]");
    tells(QUERN_BIT_EXACT, items[0], QN_OTHER_TYPE,
          "is float[2], was a sequence of 2 items");
    quern_tensor_release(&items[1]);
}
END_TEST

/* ----------------------------------------------------------------- samples */

START_TEST(samples_have_the_sizes_that_symbols_are_given)
{
    struct quern_tensor *a = NULL;
    struct quern_tensor *b = NULL;
    open_model("trust/subs.onnx");
    struct quern_value *x = quern_graph_input(model->graph, 0);
    ck_assert(qn_sample_is_symbolic(&x, 1));
    ck_assert_int_eq(qn_sample_random(context, &x, 1, 0, QN_SAMPLE_FITTING, &a),
                     QUERN_OK);
    ck_assert_int_eq(quern_tensor_dims(a)[0], 2);
    ck_assert_int_eq(quern_tensor_dims(a)[1], 3);
    ck_assert_int_eq(qn_sample_random(context, &x, 1, 0, QN_SAMPLE_BITS, &b),
                     QUERN_OK);
    ck_assert(quern_tensor_equal(a, b)); /* the same each time */
    quern_tensor_release(&b);
    ck_assert_int_eq(qn_sample_random(context, &x, 1, 2, QN_SAMPLE_ONES, &b),
                     QUERN_OK);
    ck_assert_int_eq(quern_tensor_dims(b)[0], 1);
    quern_tensor_release(&a);
    quern_tensor_release(&b);
}
END_TEST

/* ---------------------------------------------------------------- running */

static void run_endless(const char *name)
{
    struct qn_trial_engine e = {0};
    struct qn_trial_why why = {QUERN_OK, ""};
    struct quern_tensor *y = NULL;
    const float one = 1.0f;
    open_model(name);
    struct quern_tensor *x = floats(1, &one);
    ck_assert_int_eq(
        qn_trial_open(model, QUERN_ENGINE_CPU, NULL, NULL, 0, &e, &why),
        QUERN_OK);
    ck_assert_msg(why.code == QUERN_OK, "%s", why.text);
    for (int i = 0; i < 2; i++) { /* it can be tried again */
        ck_assert_int_eq(qn_trial_run(&e, &x, 0.2, &y, &why), QUERN_OK);
        ck_assert_int_eq(why.code, QUERN_LIMIT);
        ck_assert_str_eq(why.text, "does not come to an end within 0.2 s");
        ck_assert_ptr_null(y);
        ck_assert_ptr_null(quern_error(context));
    }
    qn_trial_close(&e);
    quern_tensor_release(&x);
}

START_TEST(a_loop_without_end_is_stopped)
{
    run_endless("trust/endless.onnx");
    run_endless("trust/endless-empty.onnx");
}
END_TEST

/* --------------------------------------------------------------- pipelines */

struct told {
    size_t n;
    enum quern_verdict verdicts[4];
    uint64_t n_rewrites[4];
    char text[512];
};

static void on_step(void *user, const struct quern_step_report *report)
{
    struct told *told = user;
    told->verdicts[told->n] = report->verdict;
    told->n_rewrites[told->n++] = report->n_rewrites;
    if (report->verdict_text != NULL) {
        snprintf(told->text, sizeof told->text, "%s", report->verdict_text);
    }
}

START_TEST(a_wrong_pass_is_undone_and_the_work_goes_on)
{
    struct told told = {.n = 0};
    struct quern_apply_options o = {.struct_size = sizeof o,
                                    .step = on_step,
                                    .user = &told,
                                    .verify_each = true};
    open_model("trust/subs.onnx");
    add_passes();
    ck_assert_int_eq(quern_apply(model, "test-right,test-wrong,drop-dead", &o),
                     QUERN_OK);
    ck_assert_uint_eq(told.n, 3);
    ck_assert_int_eq(told.verdicts[0], QUERN_VERDICT_AGREES);
    ck_assert_int_eq(told.verdicts[1], QUERN_VERDICT_DIFFERS);
    ck_assert_int_eq(told.verdicts[2], QUERN_VERDICT_NONE);
    ck_assert_uint_eq(told.n_rewrites[0], 2);
    ck_assert_ptr_nonnull(strstr(told.text, "output 'y'["));
    ck_assert_ptr_nonnull(strstr(told.text, "(sample 1 of 3)"));
    for (struct quern_node *n = model->graph->first; n != NULL; n = n->next) {
        ck_assert_str_ne(n->op, "Add");
    }
    o.strict = true;
    ck_assert_int_eq(quern_apply(model, "test-wrong", &o), QUERN_INTERNAL);
    ck_assert_ptr_nonnull(
        strstr(qtest_said(context), "the model must give the same bits"));
}
END_TEST

/* No run would show it: the model holds an operator that nothing knows. */
START_TEST(the_declared_type_of_an_output_stays)
{
    struct told told = {.n = 0};
    struct quern_apply_options o = {.struct_size = sizeof o,
                                    .step = on_step,
                                    .user = &told,
                                    .verify_each = true};
    open_model("trust/subs.onnx");
    add_passes();
    struct quern_value *y = quern_graph_output(model->graph, 0);
    ck_assert_int_eq(quern_node_set_op(quern_value_producer(y), "Odd"),
                     QUERN_OK);
    ck_assert_int_eq(quern_apply(model, "test-right,test-retype", &o),
                     QUERN_OK);
    ck_assert_int_eq(told.verdicts[0], QUERN_VERDICT_UNKNOWN);
    ck_assert_int_eq(told.verdicts[1], QUERN_VERDICT_DIFFERS);
    ck_assert_str_eq(told.text, "output 'y' is declared float16, was float");
    ck_assert_int_eq(qn_value_written_dtype(y), QUERN_FLOAT);
    quern_clear(context);
    o.strict = true;
    ck_assert_int_eq(quern_apply(model, "test-retype", &o), QUERN_INTERNAL);
    const char *said = qtest_said(context);
    ck_assert_msg(strstr(said, "pass 'test-retype': the model must give "
                               "the same bits: output 'y' is declared float16, "
                               "was float") != NULL,
                  "%s", said);
    told.n = 0;
    o.strict = false;
    ck_assert_int_eq(quern_apply(model, "test-narrow", &o), QUERN_OK);
    ck_assert_int_eq(told.verdicts[0], QUERN_VERDICT_UNKNOWN);
    ck_assert_int_eq(qn_value_written_dtype(y), QUERN_FLOAT16);
}
END_TEST

START_TEST(outputs_are_known_at_other_places)
{
    struct told told = {.n = 0};
    struct quern_apply_options o = {.struct_size = sizeof o,
                                    .step = on_step,
                                    .user = &told,
                                    .verify_each = true};
    open_model("trust/subs.onnx");
    add_passes();
    struct quern_value *y = quern_graph_output(model->graph, 0);
    struct quern_value *outputs[3] = {y, NULL, NULL};
    ck_assert_int_eq(quern_node_set_op(quern_value_producer(y), "Odd"),
                     QUERN_OK);
    for (size_t i = 1; i < 3; i++) {
        struct quern_node *node = NULL;
        ck_assert_int_eq(quern_value_create(model->graph, "more", &outputs[i]),
                         QUERN_OK);
        ck_assert_int_eq(quern_node_create(model->graph, NULL, "Odd", "", &y, 1,
                                           &outputs[i], 1, &node),
                         QUERN_OK);
    }
    ck_assert_int_eq(quern_graph_set_outputs(model->graph, outputs, 3),
                     QUERN_OK);
    ck_assert_int_eq(quern_apply(model, "test-turn", &o), QUERN_OK);
    ck_assert_int_eq(told.verdicts[0], QUERN_VERDICT_DIFFERS);
    ck_assert_str_eq(told.text, "output 'y' is declared float16, was float");
    ck_assert_ptr_eq(quern_graph_output(model->graph, 0), y);
}
END_TEST

START_TEST(inputs_follow_a_change_of_precision)
{
    struct told told = {.n = 0};
    struct quern_apply_options o = {.struct_size = sizeof o,
                                    .step = on_step,
                                    .user = &told,
                                    .engine = QUERN_ENGINE_CPU,
                                    .verify_each = true};
    open_model("trust/subs.onnx");
    add_passes();
    ck_assert_int_eq(quern_apply(model, "to-float16,test-right", &o), QUERN_OK);
    ck_assert_int_eq(quern_value_dtype(quern_graph_input(model->graph, 0)),
                     QUERN_FLOAT16);
    ck_assert_int_eq(told.verdicts[0], QUERN_VERDICT_AGREES);
    ck_assert_int_eq(told.verdicts[1], QUERN_VERDICT_AGREES);
}
END_TEST

static size_t count_ops(const char *op)
{
    size_t n = 0;
    for (struct quern_node *k = model->graph->first; k != NULL; k = k->next) {
        n += strcmp(k->op, op) == 0;
    }
    return n;
}

START_TEST(a_step_can_be_cut_off_behind_a_rewrite)
{
    struct quern_apply_options o = {.struct_size = sizeof o,
                                    .stop_rewrites = 1};
    open_model("trust/subs.onnx");
    add_passes();
    ck_assert_int_eq(quern_apply(model, "test-right,test-wrong", &o), QUERN_OK);
    ck_assert_uint_eq(count_ops("Add"), 1);
    ck_assert_uint_eq(count_ops("Sub"), 1);
    ck_assert_str_eq(model->graph->first->next->op, "Add"); /* the first */
}
END_TEST

START_TEST(bisect_leaves_the_model_as_it_was)
{
    struct quern_recipe *recipe = NULL;
    struct quern_bisection *b = NULL;
    open_model("trust/subs.onnx");
    add_passes();
    ck_assert_int_eq(quern_recipe_create(context, &recipe), QUERN_OK);
    ck_assert_int_eq(quern_recipe_add_steps(recipe, "test",
                                            "drop-dead,test-right,test-wrong"),
                     QUERN_OK);
    ck_assert_int_eq(quern_recipe_bisect(recipe, model, NULL, &b), QUERN_OK);
    const struct quern_bisected *r = quern_bisection_result(b);
    ck_assert(r->found && r->ran);
    ck_assert_uint_eq(r->step, 3);
    ck_assert_str_eq(r->pass, "test-wrong");
    ck_assert_uint_eq(r->rewrite, 1);
    ck_assert_uint_eq(r->n_rewrites, 2);
    ck_assert_str_eq(r->pattern, "wrong");
    ck_assert_str_eq(r->op, "Sub");
    ck_assert_str_eq(r->output, "b");
    ck_assert_uint_eq(r->n_nodes, 1);
    ck_assert_ptr_null(r->model);
    ck_assert_uint_eq(quern_model_n_edits(model), 0);
    ck_assert_uint_eq(count_ops("Sub"), 2);
    quern_bisection_destroy(&b);
    quern_recipe_destroy(&recipe);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("trial");
    TCase *all = tcase_create("trial");
    tcase_add_checked_fixture(all, open_context, close_context);
    tcase_add_test(all, contracts_allow_what_they_say);
    tcase_add_test(all, nan_and_infinity_stay_where_they_are);
    tcase_add_test(all, shape_type_and_absence_are_differences);
    tcase_add_test(all, lists_differ_as_their_items_do);
    tcase_add_test(all, samples_have_the_sizes_that_symbols_are_given);
    tcase_add_test(all, a_loop_without_end_is_stopped);
    tcase_add_test(all, a_wrong_pass_is_undone_and_the_work_goes_on);
    tcase_add_test(all, the_declared_type_of_an_output_stays);
    tcase_add_test(all, outputs_are_known_at_other_places);
    tcase_add_test(all, inputs_follow_a_change_of_precision);
    tcase_add_test(all, a_step_can_be_cut_off_behind_a_rewrite);
    tcase_add_test(all, bisect_leaves_the_model_as_it_was);
    suite_add_tcase(suite, all);
    return suite;
}
