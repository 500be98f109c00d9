/* Runs repeat: a second one with the same shapes allocates nothing, taps see
 * every value without making it cost memory, threads and shapes do not show in
 * the results. Linked with --wrap to count allocations of the library. */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

void *__real_calloc(size_t n, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_realloc(void *block, size_t size);

static atomic_int n_allocated;
static atomic_size_t n_bytes; /* of aligned blocks */

void *__wrap_calloc(size_t n, size_t size)
{
    n_allocated++;
    return __real_calloc(n, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    n_allocated++;
    n_bytes += size;
    return __real_aligned_alloc(alignment, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    n_allocated++;
    return __real_realloc(block, size);
}

/* An input of the declared type; open dimensions get `open`. */
static struct quern_tensor *make_input(struct quern_context *context,
                                       const struct quern_value *v,
                                       int64_t open)
{
    int64_t dims[QUERN_MAX_RANK];
    int rank = quern_value_rank(v);
    struct quern_tensor *t = NULL;
    for (int i = 0; i < rank; i++) {
        dims[i] = quern_value_dims(v)[i].value;
        dims[i] = dims[i] < 0 ? (i == 0 ? 1 : open) : dims[i];
    }
    if (quern_value_dtype(v) == QUERN_FLOAT) {
        return random_floats(context, rank, dims);
    }
    ck_assert_int_eq(
        quern_tensor_create(context, quern_value_dtype(v), rank, dims, &t),
        QUERN_OK);
    memset(quern_tensor_data_mut(t), 0, quern_tensor_size(t));
    return t;
}

static enum quern_code look(void *user, size_t tap,
                            const struct quern_view *view)
{
    (void)tap;
    *(size_t *)user += view->data != NULL;
    return QUERN_OK;
}

enum { MANY = 4096, MOST_INPUTS = 4 };

struct runs {
    struct quern_context *context;
    struct quern_model *model;
    struct quern_engine *engine;
    struct quern_runner *runner;
    struct quern_value *taps[MANY];
    size_t n_taps;
    struct quern_tensor *in[MOST_INPUTS];
    struct quern_tensor *out[8];
    size_t seen;
};

static bool runs_open(struct runs *r, const char *path, bool tapped)
{
    memset(r, 0, sizeof *r);
    if (path == NULL) {
        return false;
    }
    ck_assert_int_eq(quern_context_create(NULL, &r->context), QUERN_OK);
    ck_assert_int_eq(quern_model_open(r->context, path, &r->model), QUERN_OK);
    const struct quern_graph *graph = quern_model_graph(r->model);
    for (struct quern_node *n = quern_graph_first(graph);
         n != NULL && r->n_taps < MANY; n = quern_node_next(n)) {
        struct quern_value *v = quern_node_output(n, 0);
        if (v != NULL && quern_value_constant(v) == NULL) {
            r->taps[r->n_taps++] = v;
        }
    }
    struct quern_engine_options o = {.struct_size = sizeof o,
                                     .kind = QUERN_ENGINE_CPU,
                                     .fuse = !tapped,
                                     .taps = tapped ? r->taps : NULL,
                                     .n_taps = tapped ? r->n_taps : 0};
    ck_assert_int_eq(quern_engine_open(r->model, &o, &r->engine), QUERN_OK);
    ck_assert_int_eq(quern_runner_create(r->engine, r->context, &r->runner),
                     QUERN_OK);
    return true;
}

static void set_inputs(struct runs *r, int64_t open)
{
    for (size_t i = 0; i < quern_engine_n_inputs(r->engine); i++) {
        quern_tensor_release(&r->in[i]);
        r->in[i] =
            make_input(r->context, quern_engine_input(r->engine, i), open);
    }
}

static void run(struct runs *r, bool tapped)
{
    size_t n_out = quern_engine_n_outputs(r->engine);
    for (size_t i = 0; i < n_out; i++) {
        quern_tensor_release(&r->out[i]);
    }
    ck_assert_int_eq(quern_runner_run(r->runner, r->in,
                                      quern_engine_n_inputs(r->engine), r->out,
                                      n_out, tapped ? look : NULL, &r->seen),
                     QUERN_OK);
}

static void runs_close(struct runs *r)
{
    for (size_t i = 0; i < MOST_INPUTS; i++) {
        quern_tensor_release(&r->in[i]);
    }
    for (size_t i = 0; i < 8; i++) {
        quern_tensor_release(&r->out[i]);
    }
    quern_runner_destroy(&r->runner);
    quern_engine_close(&r->engine);
    quern_model_destroy(&r->model);
    quern_context_destroy(&r->context);
}

static void check_second_run(const char *path, int64_t open)
{
    struct runs r;
    for (int tapped = 0; tapped < 2; tapped++) {
        if (!runs_open(&r, path, tapped != 0)) {
            return;
        }
        set_inputs(&r, open);
        run(&r, tapped != 0);
        for (int again = 0; again < 2; again++) {
            n_allocated = 0;
            run(&r, tapped != 0);
            ck_assert_msg(n_allocated == 0, "%s: %d allocations", path,
                          n_allocated);
        }
        ck_assert(tapped == 0 || r.seen >= 3 * (r.n_taps - r.n_taps / 3));
        runs_close(&r);
    }
}

START_TEST(second_run_allocates_nothing)
{
    check_second_run(qtest_data("digits-mobilenet/model.onnx"), 1);
    check_second_run(qtest_shared("models/digits-lstm/model.onnx"), 1);
    check_second_run(qtest_shared("models/digits-vit/model.onnx"), 1);
    check_second_run(qtest_shared("models/minilm/model.onnx"), 17);
    check_second_run(qtest_shared("models/char-lm/model.onnx"), 21);
    check_second_run(qtest_shared("models/ocr-cls/model.onnx"), 48);
    check_second_run(qtest_shared("models/digits-qat/model-qat8-qdq.onnx"), 1);
}
END_TEST

/* Shapes that change and come back give what they gave before. */
START_TEST(shapes_come_and_go)
{
    struct runs r;
    if (!runs_open(&r, qtest_shared("models/minilm/model.onnx"), false)) {
        return;
    }
    set_inputs(&r, 9);
    run(&r, false);
    struct quern_tensor *first = quern_tensor_retain(r.out[0]);
    set_inputs(&r, 23);
    run(&r, false);
    set_inputs(&r, 9);
    run(&r, false);
    ck_assert_ptr_ne(first, r.out[0]);
    ck_assert_double_eq(distance(first, r.out[0]), 0.0);
    quern_tensor_release(&first);
    runs_close(&r);
}
END_TEST

static enum quern_code add_ten(void *user, size_t tap,
                               const struct quern_view *view)
{
    float *data = view->writable;
    (void)tap;
    ++*(int *)user;
    ck_assert_ptr_nonnull(data);
    for (int64_t i = 0; i < view->dims[0] * view->dims[1]; i++) {
        data[i] += 10.0f;
    }
    return QUERN_OK;
}

/* What depends on shapes alone is made once, but where a tap writes into it. */
START_TEST(a_tap_writes_what_shapes_alone_decide)
{
    static const int64_t dims[] = {2, 4};
    struct net net;
    struct quern_engine *engine = NULL;
    struct quern_runner *runner = NULL;
    int n_seen = 0;
    net_open(&net);
    struct quern_value *c = net_random(&net, 1, dims + 1);
    net_add(&net, "Shape", NULL);
    net_add(&net, "ConstantOfShape", NULL);
    net_add(&net, "Add", (struct quern_value *[]){c, NULL});
    struct quern_engine_options o = {.struct_size = sizeof o,
                                     .kind = QUERN_ENGINE_CPU,
                                     .taps = &net.at,
                                     .n_taps = 1,
                                     .taps_write = true};
    struct quern_tensor *x = random_floats(net.context, 2, dims);
    const float *numbers = quern_tensor_data(quern_value_constant(c));
    ck_assert_int_eq(quern_engine_open(net.model, &o, &engine), QUERN_OK);
    ck_assert_int_eq(quern_runner_create(engine, net.context, &runner),
                     QUERN_OK);
    for (int k = 1; k <= 3; k++) {
        struct quern_tensor *y = NULL;
        ck_assert_int_eq(
            quern_runner_run(runner, &x, 1, &y, 1, add_ten, &n_seen), QUERN_OK);
        ck_assert_int_eq(n_seen, k);
        for (int i = 0; i < 8; i++) {
            ck_assert_float_eq(((const float *)quern_tensor_data(y))[i],
                               numbers[i % 4] + 10.0f);
        }
        quern_tensor_release(&y);
    }
    quern_runner_destroy(&runner);
    quern_engine_close(&engine);
    quern_tensor_release(&x);
    net_close(&net);
}
END_TEST

struct worker {
    struct runs *runs;
    struct quern_context *context;
    struct quern_tensor *out;
};

static void *work(void *user)
{
    struct worker *w = user;
    struct quern_runner *runner = NULL;
    if (quern_runner_create(w->runs->engine, w->context, &runner) == QUERN_OK) {
        for (int i = 0; i < 20; i++) {
            quern_tensor_release(&w->out);
            if (quern_runner_run(runner, w->runs->in, 1, &w->out, 1, NULL,
                                 NULL) != QUERN_OK) {
                break;
            }
        }
    }
    quern_runner_destroy(&runner);
    return NULL;
}

START_TEST(runners_of_one_engine_agree)
{
    struct runs r;
    enum { N = 4 };
    struct worker workers[N] = {{NULL, NULL, NULL}};
    pthread_t threads[N];
    ck_assert(runs_open(&r, qtest_data("digits-mobilenet/model.onnx"), false));
    set_inputs(&r, 1);
    for (int i = 0; i < N; i++) {
        workers[i].runs = &r;
        ck_assert_int_eq(quern_context_create(NULL, &workers[i].context),
                         QUERN_OK);
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &workers[i]),
                         0);
    }
    run(&r, false);
    for (int i = 0; i < N; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_ptr_nonnull(workers[i].out);
        ck_assert_double_eq(distance(r.out[0], workers[i].out), 0.0);
        quern_tensor_release(&workers[i].out);
        quern_context_destroy(&workers[i].context);
    }
    runs_close(&r);
}
END_TEST

/* Weights at an address that is none of a float's, as in files. */
static struct quern_value *misaligned(struct net *net, int64_t rows,
                                      int64_t columns, unsigned char *room)
{
    const int64_t dims[2] = {rows, columns};
    struct quern_tensor *t = random_floats(net->context, 2, dims);
    struct quern_tensor *odd = NULL;
    struct quern_value *v = NULL;
    memcpy(room + 1, quern_tensor_data(t), quern_tensor_size(t));
    ck_assert_int_eq(quern_tensor_wrap(net->context, QUERN_FLOAT, 2, dims,
                                       room + 1, quern_tensor_size(t), NULL,
                                       NULL, &odd),
                     QUERN_OK);
    ck_assert_int_eq(quern_constant_create(net->graph, "w", odd, &v), QUERN_OK);
    quern_tensor_release(&t);
    quern_tensor_release(&odd);
    return v;
}

/* y = (Gather(table, 3 rows) W): what opening needs is W packed, once. */
START_TEST(weights_are_held_once)
{
    enum { N = 512, ROWS = 4096 };
    static unsigned char table[ROWS * N * sizeof(float) + 1];
    static unsigned char weights[N * N * sizeof(float) + 1];
    const int64_t rows[3] = {5, 0, 4095};
    struct net net;
    struct quern_tensor *index = NULL;
    struct quern_value *in[2] = {NULL, NULL};
    net_open(&net);
    in[0] = net.x;
    net.at = misaligned(&net, ROWS, N, table);
    net_add(&net, "Gather", in);
    in[0] = misaligned(&net, N, N, weights);
    net_add(&net, "MatMul", in);
    ck_assert_int_eq(quern_value_set_type(net.x, QUERN_INT64, 1,
                                          &(struct quern_dim){3, NULL}),
                     QUERN_OK);
    ck_assert_int_eq(quern_tensor_of_ints(net.context, 3, rows, &index),
                     QUERN_OK);
    size_t before = n_bytes;
    struct quern_tensor *y = net_run(&net, "plain", true, index);
    ck_assert_ptr_nonnull(y);
    ck_assert_uint_lt(n_bytes - before, sizeof weights * 3 / 2);
    for (int64_t i = 0; i < 3; i++) {
        double sum = 0.0;
        for (size_t k = 0; k < N; k++) {
            float a = 0.0f;
            float b = 0.0f;
            memcpy(&a, table + 1 + ((size_t)rows[i] * N + k) * sizeof a,
                   sizeof a);
            memcpy(&b, weights + 1 + (k * N + 7) * sizeof b, sizeof b);
            sum += (double)a * (double)b;
        }
        const float *got = quern_tensor_data(y);
        ck_assert_double_eq_tol((double)got[i * N + 7], sum, 1e-4);
    }
    quern_tensor_release(&index);
    quern_tensor_release(&y);
    net_close(&net);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("exec/runs");
    TCase *tcase = tcase_create("runs");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, second_run_allocates_nothing);
    tcase_add_test(tcase, shapes_come_and_go);
    tcase_add_test(tcase, a_tap_writes_what_shapes_alone_decide);
    tcase_add_test(tcase, runners_of_one_engine_agree);
    tcase_add_test(tcase, weights_are_held_once);
    suite_add_tcase(suite, tcase);
    return suite;
}
