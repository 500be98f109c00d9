/* The manager: order, needs, roll-back, counts, explanations. The
 * passes come as those of a plugin do, through the registry. */
#include "passes.h"
#include "support.h"

static void open_all(void)
{
    open_context();
    to_cancel = context;
    ck_assert_int_eq(add_passes(passes), QUERN_OK);
    build("y = Relu(com.acme.Foo(a))");
}

/* ----------------------------------------------------------------- lines */

static char told[2048];

static void on_account(void *user, const char *pass, const char *text,
                       uint64_t n_edits, double seconds)
{
    char line[512];
    (void)user;
    ck_assert(seconds >= 0.0);
    snprintf(line, sizeof line, "%s: %s %u|", pass, text != NULL ? text : "end",
             (unsigned)n_edits);
    strcat(told, line);
}

static void on_explained(void *user, const char *text)
{
    (void)user;
    strcat(strcat(told, text), "|");
}

static struct quern_step_report last_report;

static void on_step(void *user, const struct quern_step_report *report)
{
    (void)user;
    last_report = *report;
}

static enum quern_code apply_with(const char *pipeline,
                                  struct quern_apply_options *o)
{
    told[0] = '\0';
    o->struct_size = sizeof *o;
    return quern_apply(model, pipeline, o);
}

static enum quern_code apply(const char *pipeline)
{
    return quern_apply(model, pipeline, NULL);
}

static int64_t mark_of(const char *name)
{
    return quern_node_int(node_named(name), "mark", -1);
}

static bool has_note(const char *part)
{
    for (size_t i = 0; i < quern_n_messages(context); i++) {
        if (strstr(quern_message(context, i)->text, part) != NULL) {
            return true;
        }
    }
    return false;
}

/* --------------------------------------------------------------- running */

START_TEST(steps_run_in_their_order_and_are_counted)
{
    struct quern_apply_options o = {.account = on_account, .step = on_step};
    ck_assert_int_eq(apply_with("t.mark,t.mark{value=7}", &o), QUERN_OK);
    ck_assert_str_eq(told,
                     "t.mark: Foo 'Foo1': marked with 1 0|t.mark: end 1|"
                     "t.mark: Foo 'Foo1': marked with 7 0|t.mark: end 1|");
    ck_assert_int_eq(mark_of("Foo1"), 7);
    ck_assert_uint_eq(last_report.number, 2);
    ck_assert_uint_eq(last_report.n_edits, 1);
    ck_assert_int_eq(last_report.n_rounds, 1);
    ck_assert_uint_gt(last_report.peak_memory, 100000);
    ck_assert_int_eq(apply_with("t.patterns", &o), QUERN_OK);
    ck_assert_uint_eq(last_report.n_edits, 0);
}
END_TEST

START_TEST(trials_that_a_pass_undoes_leave_no_trace)
{
    struct quern_apply_options o = {.step = on_step};
    ck_assert_int_eq(apply_with("t.mark,t.try{value=0}", &o), QUERN_OK);
    ck_assert_int_eq(mark_of("Foo1"), 1);
    ck_assert_uint_eq(last_report.n_edits, 0);
    ck_assert_uint_eq(last_report.n_rewrites, 0);
    ck_assert_int_eq(apply_with("t.try{value=7}", &o), QUERN_OK);
    ck_assert_int_eq(mark_of("Foo1"), 7);
    ck_assert_uint_eq(last_report.n_edits, 1);
    ck_assert_uint_eq(last_report.n_rewrites, 1);
    ck_assert_uint_lt(n_writes_held, 50); /* of 101 edits */
}
END_TEST

START_TEST(a_failed_pass_is_undone_and_named)
{
    ck_assert_int_eq(apply("t.mark,t.fail{value=2},t.mark{value=3}"),
                     QUERN_INTERNAL);
    ck_assert_int_eq(mark_of("Foo1"), 1);
    ck_assert(has_note("the changes of pass 't.fail' are undone"));
    ck_assert(has_note("pass 't.fail' is from ./t.so"));
    ck_assert_str_eq(said(), "error[internal]: pass 't.fail': main: node "
                             "'Foo1' (com.acme.Foo, #0): found 1, needs 2");
    ck_assert_uint_eq(quern_model_n_edits(model), 1);
}
END_TEST

START_TEST(what_a_user_can_do_something_about_keeps_its_code)
{
    ck_assert_int_eq(apply("t.unsupported"), QUERN_UNSUPPORTED);
    ck_assert_str_eq(
        said(), "error[unsupported]: pass 't.unsupported': cannot do this");
}
END_TEST

START_TEST(a_pass_that_fails_without_a_word_is_named)
{
    ck_assert_int_eq(apply("t.silent"), QUERN_INTERNAL);
    ck_assert_str_eq(said(), "error[internal]: pass 't.silent': failed without "
                             "saying why; its changes are undone");
    ck_assert_int_eq(mark_of("Foo1"), -1);
}
END_TEST

START_TEST(a_pass_that_breaks_the_graph_is_undone_and_named)
{
    ck_assert_int_eq(apply("t.mark,t.break"), QUERN_INTERNAL);
    ck_assert_ptr_nonnull(strstr(said(), "error[internal]: pass 't.break': "));
    ck_assert_ptr_null(node_named("early"));
    ck_assert_int_eq(mark_of("Foo1"), 1);
    ck_assert_int_eq(apply("t.mark{value=5}"), QUERN_OK);
    ck_assert_int_eq(mark_of("Foo1"), 5);
}
END_TEST

START_TEST(an_error_that_a_pass_lives_with_is_a_note)
{
    ck_assert_int_eq(apply("t.forgiving"), QUERN_OK);
    ck_assert_ptr_null(quern_error(context));
    ck_assert(has_note("met on the way"));
    ck_assert_int_eq(mark_of("Foo1"), 1);
}
END_TEST

START_TEST(cancelling_undoes_the_running_pass)
{
    ck_assert_int_eq(apply("t.mark,t.cancelled{value=4},t.mark{value=5}"),
                     QUERN_CANCELLED);
    ck_assert_int_eq(mark_of("Foo1"), 1);
    ck_assert_int_eq(apply("t.mark{value=6}"), QUERN_CANCELLED);
    ck_assert_int_eq(mark_of("Foo1"), 1);
}
END_TEST

START_TEST(repeating_ends)
{
    struct quern_apply_options o = {.step = on_step};
    ck_assert_int_eq(apply_with("t.forever", &o), QUERN_OK);
    ck_assert_int_eq(last_report.n_rounds, 50);
    ck_assert(has_note("still changes the model after 50 rounds: stopped"));
}
END_TEST

START_TEST(stopping_after_some_steps)
{
    struct quern_apply_options o = {.stop_after = 2, .step = on_step};
    ck_assert_int_eq(apply_with("t.mark,t.mark{value=2},t.mark{value=3}", &o),
                     QUERN_OK);
    ck_assert_int_eq(mark_of("Foo1"), 2);
    ck_assert_uint_eq(last_report.number, 2);
}
END_TEST

/* ------------------------------------------------------- order and needs */

START_TEST(order_is_checked_and_never_changed)
{
    ck_assert_int_eq(apply("t.late"), QUERN_OK);
    ck_assert_int_eq(apply("t.mark,t.late"), QUERN_OK);
    ck_assert_int_eq(apply("t.mark,t.late,t.mark"), QUERN_OK);
    ck_assert_int_eq(apply("t.forgiving,t.late,t.mark{value=8}"),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(said(),
                     "error[invalid-argument]: pipeline:1:13: 't.late' (step "
                     "2) stands before 't.mark' (step 3), needs to come after "
                     "it");
    ck_assert_int_eq(mark_of("Foo1"), 1);
}
END_TEST

START_TEST(needs_are_checked_before_anything_runs)
{
    ck_assert_int_eq(apply("t.mark{value=9},t.data"), QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(said(), "error[invalid-argument]: pipeline:1:17: 't.data' "
                             "(step 2) needs calibration data: give --data, or "
                             "the option data of the step");
    ck_assert_int_eq(apply("t.mark{value=9},t.ranges"), QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(said(), "error[invalid-argument]: pipeline:1:17: "
                             "'t.ranges' (step 2) needs ranges: put the step "
                             "'calibrate' before it");
    ck_assert_int_eq(mark_of("Foo1"), -1);
}
END_TEST

START_TEST(data_is_that_of_the_caller_else_of_a_step)
{
    struct quern_apply_options o = {.data = NULL};
    ck_assert_int_eq(apply_with("t.data,t.data{data=b},t.data{data=c}", &o),
                     QUERN_OK);
    ck_assert_str_eq(data_seen, "b;b;c;");
    data_seen[0] = '\0';
    o.data = "a";
    ck_assert_int_eq(apply_with("t.data,t.data{data=b}", &o), QUERN_OK);
    ck_assert_str_eq(data_seen, "a;a;");
}
END_TEST

static const struct {
    const char *pipeline;
    enum quern_code code;
    const char *message;
} bad_pipelines[] = {
    {"t.marc", QUERN_NOT_FOUND,
     "error[not-found]: pipeline:1:1: unknown pass 't.marc', did you mean "
     "'t.mark'"},
    {"optimise", QUERN_NOT_FOUND,
     "error[not-found]: pipeline:1:1: unknown pass 'optimise', did you mean "
     "'optimize'"},
    {"t.mark,optimize{value=1}", QUERN_INVALID_ARGUMENT,
     "error[invalid-argument]: pipeline:1:8: group 'optimize' takes no "
     "options"},
    {"t.mark{valu=1}", QUERN_INVALID_ARGUMENT,
     "error[invalid-argument]: pipeline:1:8: pass 't.mark' has no option "
     "'valu', did you mean 'value'"},
    {"t.mark{value=10}", QUERN_INVALID_ARGUMENT,
     "error[invalid-argument]: pipeline:1:14: 'value': found '10', need a "
     "whole number"},
    {"t.mark{value=x}", QUERN_INVALID_ARGUMENT,
     "error[invalid-argument]: pipeline:1:14: 'value': found 'x', need a whole "
     "number"},
    {"t.break{a=1}", QUERN_INVALID_ARGUMENT,
     "error[invalid-argument]: pipeline:1:9: pass 't.break' has no option 'a', "
     "it takes none"},
    {"t.mark{", QUERN_INVALID_ARGUMENT,
     "error[invalid-argument]: pipeline:1:8: found the end of the text"},
};

START_TEST(bad_pipelines_are_refused_with_their_place)
{
    ck_assert_int_eq(apply(bad_pipelines[_i].pipeline), bad_pipelines[_i].code);
    const char *line = said();
    ck_assert_msg(strncmp(line, bad_pipelines[_i].message,
                          strlen(bad_pipelines[_i].message)) == 0,
                  "%s", line);
    ck_assert_uint_eq(quern_model_n_edits(model), 0);
}
END_TEST

/* ------------------------------------------------------- registered ones */

START_TEST(registered_patterns_are_applied)
{
    build("y = Relu(Neg(Neg(Neg(Neg(a)))))");
    struct quern_apply_options o = {.explain_pass = "t.patterns",
                                    .explain_node = "Relu0",
                                    .explained = on_explained};
    ck_assert_int_eq(apply_with("t.patterns", &o), QUERN_OK);
    ck_assert_str_eq(told, "'t.patterns' says nothing about this node: none of "
                           "its patterns, if it has any, begins at it or "
                           "reached it|");
    ck_assert_uint_eq(quern_graph_n_nodes(model->graph), 1);
    ck_assert_ptr_eq(quern_node_input(node_named("Relu0"), 0),
                     value_named("a"));
}
END_TEST

START_TEST(explanations_tell_why_not)
{
    build("y = Relu(Neg(a))");
    struct quern_apply_options o = {.explain_pass = "t.patterns",
                                    .explain_node = "Neg1",
                                    .explained = on_explained};
    ck_assert_int_eq(apply_with("t.patterns", &o), QUERN_OK);
    ck_assert_str_eq(told, "negations at 'Neg1' (Neg): input 0 of 'Neg1' "
                           "(Neg): 'a' is made by no node, needs Neg|");
    build("y = Relu(Abs(Abs(Abs(Neg(Neg(a))))))");
    o.explain_node = "Neg4";
    ck_assert_int_eq(apply_with("t.patterns", &o), QUERN_OK);
    ck_assert_str_eq(told, "negations at 'Neg4' (Neg): matches|left as it is: "
                           "it is number 4|");
    o.explain_node = "#0";
    ck_assert_int_eq(apply_with("t.patterns", &o), QUERN_OK);
    o.explain_node = "nobody";
    ck_assert_int_eq(apply_with("t.settings,t.patterns", &o),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(said(), "error[invalid-argument]: no node 'nobody' in "
                             "front of step 2 ('t.patterns')");
    o.explain_pass = "t.fail";
    ck_assert_int_eq(apply_with("t.mark", &o), QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(said(), "error[invalid-argument]: pass 't.fail' is to be "
                             "explained, but is no step of the pipeline");
}
END_TEST

/* --------------------------------------------------------------- walking */

START_TEST(walks_give_what_is_asked_for)
{
    build("y = Add(Relu(a), Abs(Neg(Mul(2, 3))))");
    ck_assert_int_eq(apply("t.numbers"), QUERN_OK);
    ck_assert_str_eq(given, "Relu|Mul|Neg|Abs|");
    ck_assert_int_eq(apply("t.taken"), QUERN_OK);
    /* Abs is given but not taken, so the Add is not given. */
    ck_assert_str_eq(given, "Relu|Mul|Neg|Abs|");
    /* Constant is not taken either, but what it makes is one. */
    struct quern_graph *graph = build("y = Neg(Abs(a))");
    struct quern_value *c = NULL;
    struct quern_node *node = NULL;
    ck_assert_int_eq(quern_value_create(graph, "c", &c), QUERN_OK);
    ck_assert_int_eq(quern_node_create(graph, quern_graph_first(graph),
                                       "Constant", "", NULL, 0, &c, 1, &node),
                     QUERN_OK);
    ck_assert_int_eq(quern_node_set_float(node, "value_float", 2.0f), QUERN_OK);
    ck_assert_int_eq(quern_node_set_input(node_named("Abs1"), 0, c), QUERN_OK);
    ck_assert_int_eq(apply("t.taken"), QUERN_OK);
    ck_assert_str_eq(given, "Constant|Abs|");
    ck_assert_int_eq(apply("t.constant"), QUERN_OK);
    ck_assert_str_eq(given, "Constant|Abs|Neg|");
    build("y = Add(Mul(Relu(a), 2), Sub(3, Relu(a)))");
    ck_assert_int_eq(apply("t.constant"), QUERN_OK);
    ck_assert_str_eq(given, "Relu|Mul|Relu|Sub|");
}
END_TEST

/* ------------------------------------------------------------- overrides */

START_TEST(passes_ask_for_overrides)
{
    ck_assert_int_eq(apply_recipe("quern: 1\nsteps: [t.settings]\noverrides:\n"
                                  "- match: {op: Relu}\n  quantize: false\n"
                                  "- match: {name: \"Foo*\"}\n"
                                  "  activations: uint16\n"
                                  "- match: {value: y}\n  per-tensor: true\n"
                                  "- match: {op: Gone}\n  quantize: false\n"),
                     QUERN_OK);
    ck_assert_str_eq(settings_seen,
                     "Foo 2 yes uint16 0|Relu 1 no undefined 8|");
    ck_assert_uint_eq(quern_n_messages(context), 1);
    ck_assert(has_note("this override matched no node: op 'Gone', name '*'"));
}
END_TEST

START_TEST(overrides_that_nobody_asks_for_are_told)
{
    ck_assert_int_eq(apply_recipe("quern: 1\nsteps: [t.mark]\noverrides:\n"
                                  "- match: {op: Relu}\n  quantize: false\n"),
                     QUERN_OK);
    ck_assert(has_note("no step asks for overrides: they change nothing"));
}
END_TEST

static void add_tests(TCase *all)
{
    tcase_add_test(all, steps_run_in_their_order_and_are_counted);
    tcase_add_test(all, trials_that_a_pass_undoes_leave_no_trace);
    tcase_add_test(all, a_failed_pass_is_undone_and_named);
    tcase_add_test(all, what_a_user_can_do_something_about_keeps_its_code);
    tcase_add_test(all, a_pass_that_fails_without_a_word_is_named);
    tcase_add_test(all, a_pass_that_breaks_the_graph_is_undone_and_named);
    tcase_add_test(all, an_error_that_a_pass_lives_with_is_a_note);
    tcase_add_test(all, cancelling_undoes_the_running_pass);
    tcase_add_test(all, repeating_ends);
    tcase_add_test(all, stopping_after_some_steps);
    tcase_add_test(all, order_is_checked_and_never_changed);
    tcase_add_test(all, needs_are_checked_before_anything_runs);
    tcase_add_test(all, data_is_that_of_the_caller_else_of_a_step);
    tcase_add_loop_test(all, bad_pipelines_are_refused_with_their_place, 0,
                        (int)(sizeof bad_pipelines / sizeof *bad_pipelines));
    tcase_add_test(all, registered_patterns_are_applied);
    tcase_add_test(all, explanations_tell_why_not);
    tcase_add_test(all, walks_give_what_is_asked_for);
    tcase_add_test(all, passes_ask_for_overrides);
    tcase_add_test(all, overrides_that_nobody_asks_for_are_told);
}

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("manager");
    TCase *all = tcase_create("manager");
    tcase_add_checked_fixture(all, open_all, close_context);
    add_tests(all);
    suite_add_tcase(suite, all);
    return suite;
}
