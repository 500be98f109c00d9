/* ONNX Runtime as an engine, with the real library: taps, bodies, weights that
 * are lent. QUERN_TEST_ORT names the library, QUERN_TEST_MODELS a folder:
 * small.onnx is x -> Relu -> middle, Add of 1 -> y, x is float[2, 3];
 * loop.onnx adds 1 to float[1] x three times around, as `inside`, the last one
 * is y. tests/conformance/ort.py sets both and runs this. */
#include "api/engine.h"
#include "api/trial_run.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 512 };

/* What taps saw. */
struct seen {
    struct quern_context *context;
    size_t n;
    size_t order[MOST];
    double sums[MOST]; /* by tap */
    bool packed;       /* all row-major */
    size_t fails_at;   /* tap that fails; SIZE_MAX: none */
    size_t cancels_at; /* number of what it has seen */
    bool writes;       /* sevens into what may be written */
};

static const char *library(void)
{
    return getenv("QUERN_TEST_ORT");
}

static enum quern_code look(void *user, size_t tap,
                            const struct quern_view *view)
{
    struct seen *s = user;
    int64_t n = 1;
    for (int i = view->rank - 1; i >= 0; i--) {
        s->packed = s->packed && view->strides[i] == n;
        n *= view->dims[i];
    }
    ck_assert_uint_lt(s->n, MOST);
    s->order[s->n++] = tap;
    s->sums[tap] = 0.0;
    for (int64_t i = 0; view->dtype == QUERN_FLOAT && i < n; i++) {
        s->sums[tap] += (double)((const float *)view->data)[i];
    }
    if (s->writes) {
        ck_assert_ptr_nonnull(view->writable);
        for (int64_t i = 0; i < n; i++) {
            ((float *)view->writable)[i] = 7.0f;
        }
    } else {
        ck_assert_ptr_null(view->writable);
    }
    if (s->n == s->cancels_at) {
        quern_context_cancel(s->context);
    }
    return tap == s->fails_at
               ? quern_fail(s->context, QUERN_NUMERIC, NULL, "tap says no")
               : QUERN_OK;
}

static struct seen seen_of(struct quern_context *context)
{
    return (struct seen){.context = context,
                         .packed = true,
                         .fails_at = SIZE_MAX,
                         .cancels_at = SIZE_MAX};
}

static enum quern_code run_once(struct quern_model *model,
                                struct quern_engine_options o,
                                struct quern_tensor *x, struct seen *seen,
                                struct quern_tensor **out_y)
{
    struct quern_engine *engine = NULL;
    struct quern_runner *runner = NULL;
    struct quern_context *context = quern_model_context(model);
    o.struct_size = sizeof o;
    o.ort_library = library();
    enum quern_code code = quern_engine_open(model, &o, &engine);
    if (code == QUERN_OK) {
        code = quern_runner_create(engine, context, &runner);
    }
    if (code == QUERN_OK) {
        code =
            quern_runner_run(runner, &x, quern_engine_n_inputs(engine), out_y,
                             quern_engine_n_outputs(engine), look, seen);
    }
    quern_runner_destroy(&runner);
    quern_engine_close(&engine);
    return code;
}

/* The digits-mobilenet of the test data, an image and room for taps. */
struct mobilenet {
    struct quern_context *context;
    struct quern_model *model;
    struct quern_tensor *x;
    struct quern_value *values[MOST];
    size_t n;
};

static void mobilenet_open(struct mobilenet *m)
{
    static const int64_t dims[] = {1, 1, 28, 28};
    memset(m, 0, sizeof *m);
    ck_assert_int_eq(quern_context_create(NULL, &m->context), QUERN_OK);
    ck_assert_int_eq(quern_model_open(m->context,
                                      qtest_data("digits-mobilenet/model.onnx"),
                                      &m->model),
                     QUERN_OK);
    struct quern_graph *g = quern_model_graph(m->model);
    const struct quern_value *input = quern_graph_input(g, 0);
    int64_t own[QUERN_MAX_RANK];
    int rank = quern_value_rank(input);
    ck_assert_int_eq(rank, 4);
    for (int i = 0; i < rank; i++) {
        int64_t d = quern_value_dims(input)[i].value;
        own[i] = d > 0 ? d : dims[i];
    }
    m->x = random_floats(m->context, rank, own);
    m->values[m->n++] = quern_graph_input(g, 0);
    for (struct quern_node *n = quern_graph_first(g); n && m->n < MOST;
         n = quern_node_next(n)) {
        for (size_t i = 0; i < quern_node_n_outputs(n) && m->n < MOST; i++) {
            m->values[m->n++] = quern_node_output(n, i);
        }
    }
}

static void mobilenet_close(struct mobilenet *m)
{
    quern_tensor_release(&m->x);
    quern_model_destroy(&m->model);
    quern_context_destroy(&m->context);
}

static void near(double a, double b)
{
    ck_assert_msg(fabs(a - b) <= 1e-3 * (fabs(a) + fabs(b) + 1.0),
                  "%g and %g differ", a, b);
}

/* ----------------------------------------------------------------- tests */

START_TEST(taps_see_what_the_embedded_engine_shows)
{
    struct mobilenet m;
    struct quern_tensor *y[2] = {NULL, NULL};
    mobilenet_open(&m);
    struct seen cpu = seen_of(m.context);
    struct seen ort = seen_of(m.context);
    struct quern_engine_options o = {
        .kind = QUERN_ENGINE_CPU, .taps = m.values, .n_taps = m.n};
    ck_assert_int_eq(run_once(m.model, o, m.x, &cpu, &y[0]), QUERN_OK);
    o.kind = QUERN_ENGINE_ORT;
    o.fuse = _i == 1;
    ck_assert_int_eq(run_once(m.model, o, m.x, &ort, &y[1]), QUERN_OK);
    ck_assert_uint_gt(ort.n, 20);
    ck_assert_uint_eq(ort.n, cpu.n);
    ck_assert(ort.packed);
    for (size_t i = 0; i < ort.n; i++) {
        near(ort.sums[ort.order[i]], cpu.sums[ort.order[i]]);
    }
    ck_assert(distance(y[0], y[1]) < 1e-4);
    quern_tensor_release(&y[0]);
    quern_tensor_release(&y[1]);
    mobilenet_close(&m);
}
END_TEST

static void open_model(struct net *net, const char *name)
{
    char path[4096];
    memset(net, 0, sizeof *net);
    snprintf(path, sizeof path, "%s/%s", getenv("QUERN_TEST_MODELS"), name);
    ck_assert_int_eq(quern_context_create(NULL, &net->context), QUERN_OK);
    ck_assert_int_eq(quern_model_open(net->context, path, &net->model),
                     QUERN_OK);
    net->graph = quern_model_graph(net->model);
    net->x = quern_graph_input(net->graph, 0);
}

static void small(struct net *net, struct quern_value **middle,
                  struct quern_tensor **x)
{
    static const int64_t dims[] = {2, 3};
    open_model(net, "small.onnx");
    *middle = quern_graph_find(net->graph, "middle");
    *x = random_floats(net->context, 2, dims);
}

START_TEST(what_taps_write_is_read_behind_them)
{
    struct net net;
    struct quern_value *middle = NULL;
    struct quern_tensor *x = NULL;
    struct quern_tensor *y = NULL;
    small(&net, &middle, &x);
    struct seen seen = seen_of(net.context);
    seen.writes = true;
    struct quern_engine_options o = {.kind = QUERN_ENGINE_ORT,
                                     .taps = &middle,
                                     .n_taps = 1,
                                     .taps_write = true};
    ck_assert_int_eq(run_once(net.model, o, x, &seen, &y), QUERN_OK);
    for (int i = 0; i < 6; i++) {
        ck_assert_float_eq(((const float *)quern_tensor_data(y))[i], 8.0f);
    }
    quern_tensor_release(&x);
    quern_tensor_release(&y);
    net_close(&net);
}
END_TEST

START_TEST(a_tap_ends_the_run_and_the_next_one_works)
{
    struct net net;
    struct quern_value *middle = NULL;
    struct quern_tensor *x = NULL;
    struct quern_tensor *y = NULL;
    struct quern_engine *engine = NULL;
    struct quern_runner *runner = NULL;
    small(&net, &middle, &x);
    struct seen seen = seen_of(net.context);
    struct quern_engine_options o = {.struct_size = sizeof o,
                                     .kind = QUERN_ENGINE_ORT,
                                     .ort_library = library(),
                                     .taps = &middle,
                                     .n_taps = 1};
    ck_assert_int_eq(quern_engine_open(net.model, &o, &engine), QUERN_OK);
    ck_assert_int_eq(quern_runner_create(engine, net.context, &runner),
                     QUERN_OK);
    seen.fails_at = 0;
    ck_assert_int_eq(quern_runner_run(runner, &x, 1, &y, 1, look, &seen),
                     QUERN_NUMERIC);
    ck_assert_str_eq(quern_error(net.context)->text, "tap says no");
    ck_assert_ptr_null(y);
    quern_clear(net.context);
    seen.fails_at = SIZE_MAX;
    ck_assert_int_eq(quern_runner_run(runner, &x, 1, &y, 1, look, &seen),
                     QUERN_OK);
    quern_tensor_release(&y);
    ck_assert_uint_eq(seen.n, 2);
    quern_context_cancel(net.context);
    ck_assert_int_eq(quern_runner_run(runner, &x, 1, &y, 1, look, &seen),
                     QUERN_CANCELLED);
    quern_runner_destroy(&runner);
    quern_engine_close(&engine);
    quern_tensor_release(&x);
    net_close(&net);
}
END_TEST

START_TEST(a_cancelled_run_ends_at_the_next_tap)
{
    struct mobilenet m;
    struct quern_tensor *y = NULL;
    mobilenet_open(&m);
    struct seen seen = seen_of(m.context);
    seen.cancels_at = 3;
    struct quern_engine_options o = {
        .kind = QUERN_ENGINE_ORT, .taps = m.values, .n_taps = m.n};
    ck_assert_int_eq(run_once(m.model, o, m.x, &seen, &y), QUERN_CANCELLED);
    ck_assert_ptr_null(y);
    ck_assert_uint_eq(seen.n, 3);
    mobilenet_close(&m);
}
END_TEST

START_TEST(values_in_bodies_are_tapped_but_no_outputs)
{
    struct net net;
    struct quern_tensor *y = NULL;
    open_model(&net, "loop.onnx");
    struct quern_context *context = net.context;
    struct quern_model *model = net.model;
    struct quern_node *loop = quern_graph_first(net.graph);
    while (loop != NULL && !quern_node_is(loop, "Loop")) {
        loop = quern_node_next(loop);
    }
    ck_assert_ptr_nonnull(loop);
    struct quern_value *inside =
        quern_graph_find(quern_node_subgraph(loop, 0), "inside");
    ck_assert_ptr_nonnull(inside);
    float zero = 0.0f;
    struct quern_tensor *x = NULL;
    ck_assert_int_eq(quern_tensor_of_floats(context, 1, &zero, &x), QUERN_OK);
    struct seen seen = seen_of(context);
    struct quern_engine_options o = {
        .kind = QUERN_ENGINE_ORT, .taps = &inside, .n_taps = 1};
    ck_assert_int_eq(run_once(model, o, x, &seen, &y), QUERN_OK);
    ck_assert_uint_eq(seen.n, 3);
    near(seen.sums[0], 3.0);
    ck_assert_float_eq(*(const float *)quern_tensor_data(y), 3.0f);
    quern_tensor_release(&y);
    o = (struct quern_engine_options){
        .kind = QUERN_ENGINE_ORT, .outputs = &inside, .n_outputs = 1};
    ck_assert_int_eq(run_once(model, o, x, &seen, &y), QUERN_UNSUPPORTED);
    ck_assert_str_eq(quern_error(context)->place.tensor, "inside");
    quern_tensor_release(&x);
    net_close(&net);
}
END_TEST

START_TEST(lent_weights_serve_as_well)
{
    struct mobilenet m;
    struct quern_tensor *y[2] = {NULL, NULL};
    mobilenet_open(&m);
    for (int k = 0; k < 2; k++) {
        struct quern_engine *engine = NULL;
        struct quern_runner *runner = NULL;
        struct quern_engine_options o = {.struct_size = sizeof o,
                                         .kind = QUERN_ENGINE_ORT,
                                         .ort_library = library(),
                                         .fuse = _i == 1};
        ck_assert_int_eq(
            qn_engine_open_ort(m.model, &o, k == 0 ? UINT64_MAX : 0, &engine),
            QUERN_OK);
        ck_assert_int_eq(quern_runner_create(engine, m.context, &runner),
                         QUERN_OK);
        ck_assert_int_eq(
            quern_runner_run(runner, &m.x, 1, &y[k], 1, NULL, NULL), QUERN_OK);
        quern_runner_destroy(&runner);
        quern_engine_close(&engine);
    }
    ck_assert(quern_tensor_equal(y[0], y[1]));
    quern_tensor_release(&y[0]);
    quern_tensor_release(&y[1]);
    mobilenet_close(&m);
}
END_TEST

START_TEST(outputs_of_ones_own_need_no_more_than_they_must)
{
    struct net net;
    struct quern_value *middle = NULL;
    struct quern_tensor *x = NULL;
    struct quern_tensor *y[3] = {NULL, NULL, NULL};
    small(&net, &middle, &x);
    struct quern_value *scalar = quern_graph_first_initializer(net.graph);
    struct quern_value *outputs[] = {middle, net.x, scalar};
    struct quern_engine_options o = {
        .kind = QUERN_ENGINE_ORT, .outputs = outputs, .n_outputs = 3};
    ck_assert_int_eq(run_once(net.model, o, x, NULL, y), QUERN_OK);
    ck_assert(quern_tensor_equal(y[1], x));
    ck_assert_float_eq(*(const float *)quern_tensor_data(y[2]), 1.0f);
    for (int i = 0; i < 6; i++) {
        float in = ((const float *)quern_tensor_data(x))[i];
        ck_assert_float_eq(((const float *)quern_tensor_data(y[0]))[i],
                           in > 0.0f ? in : 0.0f);
    }
    for (int i = 0; i < 3; i++) {
        quern_tensor_release(&y[i]);
    }
    /* A constant alone needs no input and no session. */
    o.outputs = &scalar;
    o.n_outputs = 1;
    ck_assert_int_eq(run_once(net.model, o, NULL, NULL, y), QUERN_OK);
    ck_assert_float_eq(*(const float *)quern_tensor_data(y[0]), 1.0f);
    quern_tensor_release(&y[0]);
    quern_tensor_release(&x);
    net_close(&net);
}
END_TEST

START_TEST(a_loop_without_end_is_told_to_stop)
{
    const int64_t one[] = {1};
    struct quern_context *context = NULL;
    struct quern_model *model = NULL;
    struct qn_trial_engine e = {0};
    struct qn_trial_why why = {QUERN_OK, ""};
    struct quern_tensor *y = NULL;
    ck_assert_int_eq(quern_context_create(NULL, &context), QUERN_OK);
    ck_assert_int_eq(
        quern_model_open(context, qtest_data("trust/endless.onnx"), &model),
        QUERN_OK);
    struct quern_tensor *x = random_floats(context, 1, one);
    ck_assert_int_eq(
        qn_trial_open(model, QUERN_ENGINE_ORT, library(), NULL, 0, &e, &why),
        QUERN_OK);
    ck_assert_msg(why.code == QUERN_OK, "%s", why.text);
    for (int i = 0; i < 2; i++) { /* it can be tried again */
        ck_assert_int_eq(qn_trial_run(&e, &x, 0.2, &y, &why), QUERN_OK);
        ck_assert_int_eq(why.code, QUERN_LIMIT);
        ck_assert_str_eq(why.text, "does not come to an end within 0.2 s");
        ck_assert_ptr_null(y);
    }
    qn_trial_close(&e);
    quern_tensor_release(&x);
    quern_model_destroy(&model);
    quern_context_destroy(&context);
}
END_TEST

Suite *qtest_suite(void)
{
    if (library() == NULL || getenv("QUERN_TEST_MODELS") == NULL) {
        return qtest_skip("tests/conformance/ort.py runs this");
    }
    Suite *suite = suite_create("exec/ort-real");
    TCase *tests = tcase_create("ort-real");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, taps_see_what_the_embedded_engine_shows, 0, 2);
    tcase_add_test(tests, what_taps_write_is_read_behind_them);
    tcase_add_test(tests, a_tap_ends_the_run_and_the_next_one_works);
    tcase_add_test(tests, a_cancelled_run_ends_at_the_next_tap);
    tcase_add_test(tests, a_loop_without_end_is_told_to_stop);
    tcase_add_test(tests, values_in_bodies_are_tapped_but_no_outputs);
    tcase_add_loop_test(tests, lent_weights_serve_as_well, 0, 2);
    tcase_add_test(tests, outputs_of_ones_own_need_no_more_than_they_must);
    suite_add_tcase(suite, tests);
    return suite;
}
