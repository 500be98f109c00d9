/* Inputs that operators must not take at their word: sizes that do not fit or
 * overflow, bytes that lie in other ways, dims that change from run to run. */
#include "ir/tensor.h"
#include "support.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static struct quern_value *ints(struct net *net, int64_t n,
                                const int64_t *values)
{
    struct quern_tensor *t = NULL;
    struct quern_value *v = NULL;
    ck_assert_int_eq(quern_tensor_of_ints(net->context, n, values, &t),
                     QUERN_OK);
    ck_assert_int_eq(quern_constant_create(net->graph, "i", t, &v), QUERN_OK);
    quern_tensor_release(&t);
    return v;
}

#define INTS(net, ...)                                                         \
    ints(net, (int64_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),   \
         (const int64_t[]){__VA_ARGS__})

/* Constant input 1 (and 2) of one operator; floats by dims, ints by value. */
struct bad {
    const char *op;
    int x_rank;
    int64_t x[4];
    int w_rank; /* -1: ints */
    int64_t w[4];
    int c_rank; /* -2: none */
    int64_t c[4];
    const char *attr; /* NULL: none */
    int64_t value;
    enum quern_code code;
    const char *text;
};

#define MANY (INT64_C(1) << 40)

static const struct bad bads[] = {
    {"Gemm",
     2,
     {3, 2},
     2,
     {2, 4},
     2,
     {5, 7},
     NULL,
     0,
     QUERN_INVALID_MODEL,
     "C does not broadcast to [3, 4]"},
    {"ConvTranspose",
     3,
     {1, 1, 4},
     3,
     {1, 6, 2},
     1,
     {2},
     NULL,
     0,
     QUERN_INVALID_MODEL,
     "bias of 2 elements for 6 channels"},
    {"ConvTranspose",
     3,
     {1, 1, 4},
     3,
     {1, 6, 2},
     -2,
     {0},
     "group",
     INT64_MAX,
     QUERN_INVALID_MODEL,
     "1 channels in groups of 9223372036854775807"},
    {"Conv",
     3,
     {1, 1, 4},
     3,
     {6, 1, 2},
     1,
     {2},
     NULL,
     0,
     QUERN_INVALID_MODEL,
     "bias does not fit 6 filters of float"},
    {"GatherND",
     2,
     {4, 2},
     -1,
     {1, 0, 1, 0},
     -2,
     {0},
     "batch_dims",
     1,
     QUERN_INVALID_MODEL,
     "missing or malformed"},
    {"Expand",
     1,
     {1},
     -1,
     {1, MANY, MANY, MANY},
     -2,
     {0},
     NULL,
     0,
     QUERN_LIMIT,
     "size that overflows"},
    {"Reshape",
     1,
     {0},
     -1,
     {1, 1, MANY, MANY},
     -2,
     {0},
     "allowzero",
     1,
     QUERN_INVALID_MODEL,
     "more elements than can be counted"},
    {"Pad",
     1,
     {2},
     -1,
     {INT64_MAX, INT64_MAX},
     -2,
     {0},
     NULL,
     0,
     QUERN_INVALID_MODEL,
     "missing or malformed"},
    {"Pad",
     1,
     {2},
     -1,
     {INT64_MIN, INT64_MAX},
     -2,
     {0},
     NULL,
     0,
     QUERN_INVALID_MODEL,
     "missing or malformed"},
    {"DepthToSpace",
     4,
     {1, 4, 2, 2},
     -2,
     {0},
     -2,
     {0},
     "blocksize",
     INT64_C(1) << 40,
     QUERN_INVALID_MODEL,
     "missing or malformed"},
    {"Loop",
     1,
     {1},
     -2,
     {0},
     -2,
     {0},
     NULL,
     0,
     QUERN_INVALID_MODEL,
     "missing or malformed"},
    {"If",
     1,
     {1},
     -2,
     {0},
     -2,
     {0},
     NULL,
     0,
     QUERN_INVALID_MODEL,
     "missing or malformed"},
    {"Where",
     1,
     {2},
     -1,
     {0, 1, 2, 3},
     1,
     {4},
     NULL,
     0,
     QUERN_INVALID_MODEL,
     "missing or malformed"},
};

START_TEST(what_does_not_fit_is_refused)
{
    const struct bad *b = &bads[_i];
    struct net net;
    struct quern_value *in[3] = {NULL, NULL, NULL};
    net_open(&net);
    if (b->w_rank == -1) {
        int64_t n = strcmp(b->op, "Pad") == 0 ? 2 : 4;
        in[0] = ints(&net, n, b->w);
    } else if (b->w_rank >= 0) {
        in[0] = net_random(&net, b->w_rank, b->w);
    }
    in[1] = b->c_rank >= 0 ? net_random(&net, b->c_rank, b->c) : NULL;
    struct quern_node *node = net_add(&net, b->op, in);
    if (strcmp(b->op, "GatherND") ==
        0) { /* [4] to [2, 2]: x has a batch of 4 */
        in[0] = INTS(&net, 2, 2);
        net.at = quern_node_input(node, 1);
        struct quern_node *reshape = net_add(&net, "Reshape", in);
        ck_assert_int_eq(
            quern_node_set_input(node, 1, quern_node_output(reshape, 0)),
            QUERN_OK);
        ck_assert_int_eq(
            quern_node_set_input(net.last, 0, quern_node_output(node, 0)),
            QUERN_OK);
        ck_assert_int_eq(quern_node_move(node, net.last), QUERN_OK);
    }
    if (b->attr != NULL) {
        set_int(node, b->attr, b->value);
    }
    struct quern_tensor *x = random_floats(net.context, b->x_rank, b->x);
    struct quern_tensor *y = net_run(&net, NULL, true, x);
    const struct quern_message *error = quern_error(net.context);
    ck_assert_msg(y == NULL && error != NULL, "%s passed", b->op);
    ck_assert_msg(error->code == b->code, "%s: %s", b->op, error->text);
    ck_assert_msg(strstr(error->text, b->text) != NULL, "%s: %s", b->op,
                  error->text);
    quern_tensor_release(&x);
    net_close(&net);
}
END_TEST

START_TEST(strings_are_refused_before_a_run)
{
    static const struct qn_string text = {"a", 1};
    static const int64_t one = 1;
    struct net net;
    struct quern_tensor *t = NULL;
    struct quern_value *in[2] = {NULL, NULL};
    struct quern_engine *engine = NULL;
    struct quern_engine_options o = {.struct_size = sizeof o,
                                     .kind = QUERN_ENGINE_CPU};
    net_open(&net);
    ck_assert_int_eq(qn_tensor_strings(net.context, 1, &one, &text, 1, &t),
                     QUERN_OK);
    ck_assert_int_eq(quern_constant_create(net.graph, "s", t, &in[0]),
                     QUERN_OK);
    quern_tensor_release(&t);
    net.at = in[0];
    net_add(&net, "Equal", in);
    ck_assert_int_eq(quern_engine_open(net.model, &o, &engine),
                     QUERN_UNSUPPORTED);
    ck_assert_ptr_nonnull(
        strstr(quern_error(net.context)->text, "an input is of strings"));
    net_close(&net);
}
END_TEST

static void check_resize(float scale, enum quern_code code)
{
    const float scales[4] = {1.0f, 1.0f, scale, 2.0f};
    struct net net;
    struct quern_tensor *t = NULL;
    struct quern_value *in[3] = {NULL, NULL, NULL};
    net_open(&net);
    ck_assert_int_eq(quern_tensor_of_floats(net.context, 4, scales, &t),
                     QUERN_OK);
    ck_assert_int_eq(quern_constant_create(net.graph, "s", t, &in[1]),
                     QUERN_OK);
    in[0] = in[1]; /* roi, which is not read */
    quern_tensor_release(&t);
    net_add(&net, "Resize", in);
    struct quern_tensor *x =
        random_floats(net.context, 4, (const int64_t[]){1, 8, 16, 16});
    struct quern_tensor *y = net_run(&net, NULL, true, x);
    ck_assert_int_eq(y != NULL, code == QUERN_OK);
    ck_assert(y != NULL || quern_error(net.context)->code == code);
    quern_tensor_release(&y);
    quern_tensor_release(&x);
    net_close(&net);
}

START_TEST(scales_of_any_size)
{
    check_resize(2.0f, QUERN_OK);
    check_resize(3e38f, QUERN_INVALID_MODEL);
    check_resize(-1.0f, QUERN_INVALID_MODEL);
    check_resize((float)NAN, QUERN_INVALID_MODEL);
    check_resize(5.6294995e14f, QUERN_LIMIT); /* 2^49: 2^66 bytes */
}
END_TEST

/* Steps of no numbers each cost nothing, the gates behind them do. */
START_TEST(steps_of_nothing_are_counted)
{
    struct net net;
    net_open(&net);
    struct quern_value *in[3] = {
        net_random(&net, 3, (const int64_t[]){1, 16, 0}),
        net_random(&net, 3, (const int64_t[]){1, 16, 4}), NULL};
    struct quern_node *lstm = net_add(&net, "LSTM", in);
    struct quern_value *last = NULL;
    ck_assert_int_eq(quern_node_set_output(lstm, 0, NULL), QUERN_OK);
    ck_assert_int_eq(quern_value_create(net.graph, "h", &last), QUERN_OK);
    ck_assert_int_eq(quern_node_set_output(lstm, 1, last), QUERN_OK);
    ck_assert_int_eq(quern_node_set_input(net.last, 0, last), QUERN_OK);
    struct quern_tensor *x = random_floats(
        net.context, 3, (const int64_t[]){INT64_C(1) << 60, 1, 0});
    ck_assert_ptr_null(net_run(&net, NULL, true, x));
    ck_assert_int_eq(quern_error(net.context)->code, QUERN_LIMIT);
    quern_tensor_release(&x);
    net_close(&net);
}
END_TEST

static void check_slice(int64_t n, int64_t start, int64_t end, int64_t step,
                        int64_t want_len, int64_t want_first)
{
    struct net net;
    net_open(&net);
    struct quern_value *in[5] = {INTS(&net, start), INTS(&net, end),
                                 INTS(&net, 0), INTS(&net, step), NULL};
    net_add(&net, "Slice", in);
    struct quern_tensor *x = random_floats(net.context, 1, &n);
    struct quern_tensor *y = net_run(&net, NULL, true, x);
    ck_assert_msg(y != NULL, "%lld", (long long)step);
    ck_assert_int_eq(quern_tensor_len(y), want_len);
    if (want_len > 0) {
        const float *from = quern_tensor_data(x);
        const float *to = quern_tensor_data(y);
        ck_assert_float_eq(to[0], from[want_first]);
    }
    quern_tensor_release(&y);
    quern_tensor_release(&x);
    net_close(&net);
}

START_TEST(slices_of_any_step)
{
    check_slice(5, 0, 5, INT64_MAX, 1, 0);
    check_slice(5, 1, INT64_MAX, 3, 2, 1);
    check_slice(5, 4, INT64_MIN, INT64_MIN, 1, 4);
    check_slice(5, 4, INT64_MIN, -2, 3, 4);
    check_slice(0, 0, 5, 1, 0, 0);
    check_slice(0, -1, INT64_MIN, -1, 0, 0);
}
END_TEST

/* x of [2, 0] times constant weights of [0, 3]. */
START_TEST(products_of_nothing_are_zero)
{
    struct net net;
    net_open(&net);
    struct quern_value *in[2] = {net_random(&net, 2, (const int64_t[]){0, 3}),
                                 NULL};
    net_add(&net, "MatMul", in);
    struct quern_tensor *x =
        random_floats(net.context, 2, (const int64_t[]){2, 0});
    struct quern_tensor *y = net_run(&net, NULL, true, x);
    ck_assert_ptr_nonnull(y);
    ck_assert_int_eq(quern_tensor_len(y), 6);
    for (int i = 0; i < 6; i++) {
        ck_assert_float_eq(((const float *)quern_tensor_data(y))[i], 0.0f);
    }
    quern_tensor_release(&y);
    quern_tensor_release(&x);
    net_close(&net);
}
END_TEST

/* One number that stands for the bias of every filter. */
START_TEST(a_bias_may_be_a_view)
{
    struct net net;
    const int64_t w[4] = {24, 8, 3, 3};
    net_open(&net);
    struct quern_value *in[3] = {NULL, NULL, NULL};
    set_int(net_add(&net, "ReduceMax", NULL), "keepdims", 0);
    in[0] = INTS(&net, 24);
    net_add(&net, "Expand", in);
    in[0] = net_random(&net, 4, w);
    in[1] = net.at;
    net.at = net.x;
    net_add(&net, "Conv", in);
    struct quern_tensor *x =
        random_floats(net.context, 4, (const int64_t[]){1, 8, 9, 9});
    struct quern_tensor *want = net_run(&net, "plain", false, x);
    struct quern_tensor *got = net_run(&net, NULL, true, x);
    ck_assert(want != NULL && got != NULL);
    ck_assert_double_lt(distance(want, got), 2e-5);
    quern_tensor_release(&want);
    quern_tensor_release(&got);
    quern_tensor_release(&x);
    net_close(&net);
}
END_TEST

/* Filters are counted by the first element of x. */
static void add_conv_of_filters(struct net *net)
{
    struct quern_value *in[4] = {INTS(net, 16), NULL, NULL, NULL};
    net_add(net, "Reshape", in);
    in[0] = INTS(net, 0);
    net_add(net, "Gather", in);
    set_int(net_add(net, "Cast", NULL), "to", QUERN_INT64);
    in[0] = INTS(net, 1, 1, 1);
    set_int(net_add(net, "Concat", in), "axis", 0);
    struct quern_value *shape = net->at;
    net->at = net_scalar(net, 1.0f);
    in[0] = shape;
    net_add(net, "Expand", in);
    in[0] = net->at;
    net->at = net->x;
    net_add(net, "Conv", in);
}

START_TEST(computed_weights_may_change_their_shape)
{
    struct net net;
    struct quern_engine_options o = {.struct_size = sizeof o,
                                     .kind = QUERN_ENGINE_CPU};
    struct quern_engine *engine = NULL;
    struct quern_runner *runner = NULL;
    net_open(&net);
    add_conv_of_filters(&net);
    ck_assert_int_eq(quern_engine_open(net.model, &o, &engine), QUERN_OK);
    ck_assert_int_eq(quern_runner_create(engine, net.context, &runner),
                     QUERN_OK);
    for (int filters = 2; filters < 40; filters += 37) {
        struct quern_tensor *y = NULL;
        struct quern_tensor *x =
            random_floats(net.context, 4, (const int64_t[]){1, 1, 4, 4});
        ((float *)quern_tensor_data_mut(x))[0] = (float)filters;
        ck_assert_int_eq(quern_runner_run(runner, &x, 1, &y, 1, NULL, NULL),
                         QUERN_OK);
        ck_assert_int_eq(quern_tensor_dims(y)[1], filters);
        quern_tensor_release(&y);
        quern_tensor_release(&x);
    }
    quern_runner_destroy(&runner);
    quern_engine_close(&engine);
    net_close(&net);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("exec/inputs");
    TCase *tcase = tcase_create("inputs");
    tcase_add_loop_test(tcase, what_does_not_fit_is_refused, 0,
                        (int)(sizeof bads / sizeof *bads));
    tcase_add_test(tcase, strings_are_refused_before_a_run);
    tcase_add_test(tcase, scales_of_any_size);
    tcase_add_test(tcase, steps_of_nothing_are_counted);
    tcase_add_test(tcase, slices_of_any_step);
    tcase_add_test(tcase, products_of_nothing_are_zero);
    tcase_add_test(tcase, a_bias_may_be_a_view);
    tcase_add_test(tcase, computed_weights_may_change_their_shape);
    suite_add_tcase(suite, tcase);
    return suite;
}
