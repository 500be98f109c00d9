/* ONNX Runtime as an engine, with libraries that pretend to be it: finding and
 * refusing them, falling back, errors. What the copy of a model holds:
 * test_extract.c. With the real one: tests/conformance/ort.py. */
#include "oom.h"
#include "support.h"

#include <string.h>

static const char works[] = FAKES "/fake-ort-works.so";

static const char *said(struct quern_context *context)
{
    const struct quern_message *error = quern_error(context);
    ck_assert_ptr_nonnull(error);
    return error->text;
}

static void says(struct quern_context *context, const char *text)
{
    ck_assert_msg(strstr(said(context), text) != NULL, "'%s' lacks '%s'",
                  said(context), text);
}

static enum quern_code open_with(struct net *net, enum quern_engine_kind kind,
                                 const char *library, struct quern_engine **out)
{
    struct quern_engine_options o = {
        .struct_size = sizeof o, .kind = kind, .ort_library = library};
    return quern_engine_open(net->model, &o, out);
}

/* --------------------------------------------------------------- library */

static const struct {
    const char *library;
    const char *message;
} bad[] = {
    {"/no/such/library.so", "/no/such/library.so"},
    {FAKES "/fake-ort-no-symbol.so", "it is no library of ONNX Runtime"},
    {FAKES "/fake-ort-old.so", "it is ONNX Runtime 1.10.0, without version 11"},
    {FAKES "/fake-ort-odd.so", "it is ONNX Runtime nightly, without version"},
    {QUERN_TESTDATA "/README.md", "README.md: "},
    {QUERN_TESTDATA, "ONNX Runtime cannot be used: "},
};

START_TEST(a_library_that_will_not_do_is_named_with_the_reason)
{
    struct net net;
    struct quern_engine *engine = NULL;
    net_open(&net);
    ck_assert_int_eq(
        open_with(&net, QUERN_ENGINE_ORT, bad[_i].library, &engine),
        QUERN_UNSUPPORTED);
    ck_assert_ptr_null(engine);
    says(net.context, bad[_i].message);
    ck_assert_ptr_null(strchr(said(net.context), '\n'));
    net_close(&net);
}
END_TEST

static enum quern_code open_in_places(const char *const *places,
                                      struct net *net,
                                      struct quern_engine **out)
{
    struct quern_context_options o = {.struct_size = sizeof o,
                                      .engine_places = places};
    net_open_in(net, &o);
    return open_with(net, QUERN_ENGINE_ORT, NULL, out);
}

START_TEST(places_are_tried_in_turn)
{
    static const char *const places[] = {"/no/such/place/*",
                                         FAKES "/fake-ort-old.so",
                                         FAKES "/fake-ort-work[s].so", NULL};
    struct net net;
    struct quern_engine *engine = NULL;
    ck_assert_int_eq(open_in_places(places, &net, &engine), QUERN_OK);
    ck_assert_str_eq(quern_engine_description(engine), "ONNX Runtime 1.11.7");
    ck_assert_str_eq(quern_engine_library(engine), works);
    quern_engine_close(&engine);
    net_close(&net);
}
END_TEST

START_TEST(without_a_library_the_places_and_the_remedy_are_told)
{
    static const char *const places[] = {"/no/such/place/*", "/nor/this", NULL};
    struct net net;
    struct quern_engine *engine = NULL;
    ck_assert_int_eq(open_in_places(places, &net, &engine), QUERN_UNSUPPORTED);
    says(net.context, "libonnxruntime.so.1");
    says(net.context, "/no/such/place/*, /nor/this");
    says(net.context, "pip install onnxruntime");
    says(net.context, "--ort-lib");
    net_close(&net);
}
END_TEST

/* ---------------------------------------------------------------- engine */

START_TEST(runs_and_errors_come_through)
{
    static const int64_t dims[] = {2, 3};
    struct net net;
    struct quern_engine *engine = NULL;
    struct quern_runner *runner = NULL;
    struct quern_tensor *y = NULL;
    net_open(&net);
    struct quern_tensor *x = random_floats(net.context, 2, dims);
    ck_assert_int_eq(open_with(&net, QUERN_ENGINE_ORT, works, &engine),
                     QUERN_OK);
    ck_assert_uint_eq(quern_engine_n_inputs(engine), 1);
    ck_assert_int_eq(quern_runner_create(engine, net.context, &runner),
                     QUERN_OK);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(quern_runner_run(runner, &x, 1, &y, 1, NULL, NULL),
                         QUERN_OK);
        ck_assert(quern_tensor_equal(x, y));
        quern_tensor_release(&y);
    }
    quern_context_cancel(net.context);
    ck_assert_int_eq(quern_runner_run(runner, &x, 1, &y, 1, NULL, NULL),
                     QUERN_CANCELLED);
    quern_runner_destroy(&runner);
    quern_engine_close(&engine);
    quern_tensor_release(&x);
    net_close(&net);
}
END_TEST

START_TEST(statuses_become_errors_with_code_and_text)
{
    static const int64_t dims[] = {1};
    struct net net;
    struct quern_engine *engine = NULL;
    struct quern_runner *runner = NULL;
    struct quern_tensor *y = NULL;
    net_open(&net);
    net_add(&net, "Unloadable", NULL);
    ck_assert_int_eq(open_with(&net, QUERN_ENGINE_ORT, works, &engine),
                     QUERN_UNSUPPORTED);
    ck_assert_str_eq(said(net.context),
                     "ONNX Runtime ends with code 9 (unsupported): Could not "
                     "find an implementation");
    net_close(&net);
    net_open(&net);
    net_add(&net, "Unrunnable", NULL);
    struct quern_tensor *x = random_floats(net.context, 1, dims);
    ck_assert_int_eq(open_with(&net, QUERN_ENGINE_ORT, works, &engine),
                     QUERN_OK);
    ck_assert_int_eq(quern_runner_create(engine, net.context, &runner),
                     QUERN_OK);
    ck_assert_int_eq(quern_runner_run(runner, &x, 1, &y, 1, NULL, NULL),
                     QUERN_INVALID_MODEL);
    says(net.context, "code 6 (exception): node is unrunnable");
    quern_runner_destroy(&runner);
    quern_engine_close(&engine);
    quern_tensor_release(&x);
    net_close(&net);
}
END_TEST

START_TEST(times_per_node_are_refused)
{
    struct net net;
    struct quern_engine *engine = NULL;
    net_open(&net);
    struct quern_engine_options o = {.struct_size = sizeof o,
                                     .kind = QUERN_ENGINE_ORT,
                                     .ort_library = works,
                                     .profile = true};
    ck_assert_int_eq(quern_engine_open(net.model, &o, &engine),
                     QUERN_UNSUPPORTED);
    says(net.context, "times per node");
    net_close(&net);
}
END_TEST

/* ------------------------------------------------------------- fall back */

START_TEST(auto_falls_back_and_says_so_once)
{
    struct net net;
    struct quern_engine *engine = NULL;
    net_open(&net);
    net_add(&net, "Outlandish", NULL);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(open_with(&net, QUERN_ENGINE_AUTO, works, &engine),
                         QUERN_OK);
        ck_assert_str_eq(quern_engine_description(engine),
                         "ONNX Runtime 1.11.7");
        quern_engine_close(&engine);
    }
    ck_assert_ptr_null(quern_error(net.context));
    ck_assert_uint_eq(quern_n_messages(net.context), 1);
    const struct quern_message *m = quern_message(net.context, 0);
    ck_assert_int_eq(m->severity, QUERN_SEVERITY_WARNING);
    ck_assert_str_eq(m->place.op, "Outlandish");
    ck_assert_str_eq(m->text,
                     "Outlandish at opset 17: the embedded engine has no such "
                     "operator; ONNX Runtime 1.11.7 (" FAKES
                     "/fake-ort-works.so) runs the model instead");
    net_close(&net);
}
END_TEST

START_TEST(forms_that_no_kernel_has_are_told_before_a_run)
{
    static const struct {
        const char *op;
        const char *attribute;
        const char *text;
        const char *why;
    } rows[] = {
        {"Resize", "keep_aspect_ratio_policy", "sideways",
         "keep_aspect_ratio_policy 'sideways'"},
        {"Resize", "coordinate_transformation_mode", "askew",
         "coordinate_transformation_mode 'askew'"},
        {"GridSample", "mode", "sinc", "mode 'sinc'"},
        {"InstanceNormalization", NULL, NULL,
         "input 1 is of type double, needs float"},
    };
    struct net net;
    struct quern_engine *engine = NULL;
    struct quern_value *twice = NULL;
    struct quern_tensor *t = NULL;
    double one = 1.0;
    net_open(&net);
    ck_assert_int_eq(quern_tensor_wrap(net.context, QUERN_DOUBLE, 0, NULL, &one,
                                       sizeof one, NULL, NULL, &t),
                     QUERN_OK);
    ck_assert_int_eq(quern_constant_create(net.graph, "d", t, &twice),
                     QUERN_OK);
    struct quern_value *others[] = {rows[_i].attribute == NULL ? twice : NULL,
                                    NULL};
    struct quern_node *node = net_add(&net, rows[_i].op, others);
    if (rows[_i].text != NULL) {
        ck_assert_int_eq(
            quern_node_set_string(node, rows[_i].attribute, rows[_i].text),
            QUERN_OK);
    } else if (rows[_i].attribute != NULL) {
        set_int(node, rows[_i].attribute, 1);
    }
    ck_assert_int_eq(open_with(&net, QUERN_ENGINE_CPU, NULL, &engine),
                     QUERN_UNSUPPORTED);
    says(net.context, rows[_i].why);
    quern_clear(net.context);
    ck_assert_int_eq(open_with(&net, QUERN_ENGINE_AUTO, works, &engine),
                     QUERN_OK);
    ck_assert_ptr_nonnull(quern_engine_library(engine));
    quern_engine_close(&engine);
    quern_tensor_release(&t);
    net_close(&net);
}
END_TEST

START_TEST(without_a_way_back_the_first_error_stands)
{
    static const struct {
        enum quern_engine_kind kind;
        const char *library;
        const char *backend;
    } rows[] = {{QUERN_ENGINE_CPU, works, NULL},
                {QUERN_ENGINE_AUTO, works, "plain"},
                {QUERN_ENGINE_AUTO, "/no/such/library.so", NULL}};
    struct net net;
    struct quern_engine *engine = NULL;
    struct quern_engine_options o = {.struct_size = sizeof o,
                                     .kind = rows[_i].kind,
                                     .ort_library = rows[_i].library,
                                     .backend = rows[_i].backend};
    net_open(&net);
    net_add(&net, "Outlandish", NULL);
    ck_assert_int_eq(quern_engine_open(net.model, &o, &engine),
                     QUERN_UNSUPPORTED);
    ck_assert_str_eq(said(net.context), "Outlandish at opset 17: the embedded "
                                        "engine has no such operator");
    ck_assert_str_eq(quern_error(net.context)->place.op, "Outlandish");
    ck_assert_uint_eq(quern_n_messages(net.context), _i == 2 ? 1 : 0);
    if (_i == 2) {
        ck_assert_ptr_nonnull(
            strstr(quern_message(net.context, 0)->text, "/no/such/library.so"));
    }
    net_close(&net);
}
END_TEST

START_TEST(a_model_that_the_embedded_engine_runs_stays_there)
{
    struct net net;
    struct quern_engine *engine = NULL;
    net_open(&net);
    ck_assert_int_eq(open_with(&net, QUERN_ENGINE_AUTO, works, &engine),
                     QUERN_OK);
    ck_assert_ptr_null(quern_engine_library(engine));
    ck_assert_uint_eq(quern_n_messages(net.context), 0);
    quern_engine_close(&engine);
    net_close(&net);
}
END_TEST

/* ---------------------------------------------------------------- memory */

static enum quern_code open_and_run(struct net *net,
                                    enum quern_engine_kind kind,
                                    struct quern_tensor *x)
{
    struct quern_engine *engine = NULL;
    struct quern_runner *runner = NULL;
    struct quern_tensor *y = NULL;
    enum quern_code code = open_with(net, kind, works, &engine);
    if (code == QUERN_OK) {
        code = quern_runner_create(engine, net->context, &runner);
    }
    if (code == QUERN_OK) {
        code = quern_runner_run(runner, &x, 1, &y, 1, NULL, NULL);
    }
    quern_tensor_release(&y);
    quern_runner_destroy(&runner);
    quern_engine_close(&engine);
    return code;
}

START_TEST(each_allocation_can_fail)
{
    static const int64_t dims[] = {2, 3};
    enum quern_engine_kind kind =
        _i == 0 ? QUERN_ENGINE_ORT : QUERN_ENGINE_AUTO;
    bool done = false;
    int n = 0;
    for (; !done; n++) {
        struct net net;
        net_open(&net);
        net_add(&net, "Outlandish", NULL);
        struct quern_tensor *x = random_floats(net.context, 2, dims);
        oom_fail_once(n);
        enum quern_code code = open_and_run(&net, kind, x);
        done = oom_end() >= 0;
        ck_assert_msg(code == (done ? QUERN_OK : QUERN_NO_MEMORY) ||
                          (code == QUERN_OK && kind == QUERN_ENGINE_AUTO),
                      "allocation %d: code %d", n, (int)code);
        quern_tensor_release(&x);
        net_close(&net);
    }
    ck_assert_int_gt(n, 15);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("exec/ort");
    TCase *tests = tcase_create("ort");
    tcase_add_loop_test(tests,
                        a_library_that_will_not_do_is_named_with_the_reason, 0,
                        sizeof bad / sizeof *bad);
    tcase_add_test(tests, places_are_tried_in_turn);
    tcase_add_test(tests, without_a_library_the_places_and_the_remedy_are_told);
    tcase_add_test(tests, runs_and_errors_come_through);
    tcase_add_test(tests, statuses_become_errors_with_code_and_text);
    tcase_add_test(tests, times_per_node_are_refused);
    tcase_add_test(tests, auto_falls_back_and_says_so_once);
    tcase_add_loop_test(tests, forms_that_no_kernel_has_are_told_before_a_run,
                        0, 4);
    tcase_add_loop_test(tests, without_a_way_back_the_first_error_stands, 0, 3);
    tcase_add_test(tests, a_model_that_the_embedded_engine_runs_stays_there);
    tcase_add_loop_test(tests, each_allocation_can_fail, 0, 2);
    suite_add_tcase(suite, tests);
    return suite;
}
