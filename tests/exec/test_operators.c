/* Operators on numbers that can be checked by hand: borders that ONNX's cases
 * and random ones do not fix. */
#include "support.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static struct quern_value *constant(struct net *net, enum quern_dtype dtype,
                                    int rank, const int64_t *dims,
                                    const void *data, size_t size)
{
    struct quern_tensor *t = NULL;
    struct quern_value *v = NULL;
    ck_assert_int_eq(quern_tensor_create(net->context, dtype, rank, dims, &t),
                     QUERN_OK);
    ck_assert_uint_eq(quern_tensor_size(t), size);
    memcpy(quern_tensor_data_mut(t), data, size);
    ck_assert_int_eq(quern_constant_create(net->graph, "c", t, &v), QUERN_OK);
    quern_tensor_release(&t);
    return v;
}

static struct quern_tensor *tensor(struct net *net, enum quern_dtype dtype,
                                   int64_t n, const void *data)
{
    struct quern_tensor *t = NULL;
    ck_assert_int_eq(quern_tensor_create(net->context, dtype, 1, &n, &t),
                     QUERN_OK);
    memcpy(quern_tensor_data_mut(t), data, quern_tensor_size(t));
    return t;
}

/* The outcome of a net on a row of n elements, which must not fail. */
static struct quern_tensor *result(struct net *net, enum quern_dtype dtype,
                                   int64_t n, const void *data)
{
    struct quern_tensor *x = tensor(net, dtype, n, data);
    struct quern_tensor *y = net_run(net, "plain", false, x);
    ck_assert_msg(y != NULL, "%s",
                  quern_error(net->context) != NULL
                      ? quern_error(net->context)->text
                      : "no error");
    quern_tensor_release(&x);
    return y;
}

START_TEST(whole_numbers_are_exact_to_their_last_bit)
{
    static const int64_t x[3] = {INT64_MIN, -9007199254740993,
                                 9007199254740993};
    static const int64_t wanted[2][3] = {
        {INT64_MIN, 9007199254740993, -9007199254740993},
        {INT64_MIN, 9007199254740993, 9007199254740993}};
    struct net net;
    net_open(&net);
    net_add(&net, _i == 0 ? "Neg" : "Abs", NULL);
    struct quern_tensor *y = result(&net, QUERN_INT64, 3, x);
    ck_assert_mem_eq(quern_tensor_data(y), wanted[_i], sizeof x);
    quern_tensor_release(&y);
    net_close(&net);
}
END_TEST

START_TEST(unsigned_numbers_beyond_the_signed_ones_keep_their_order)
{
    static const uint64_t x[3] = {UINT64_MAX, 3, UINT64_MAX - 1};
    static const uint64_t half = UINT64_C(1) << 63;
    static const struct {
        const char *op;
        uint64_t wanted[3];
    } rows[] = {
        {"Max", {UINT64_MAX, UINT64_C(1) << 63, UINT64_MAX - 1}},
        {"Min", {UINT64_C(1) << 63, 3, UINT64_C(1) << 63}},
        {"Div", {1, 0, 1}},
        {"Mod", {(UINT64_C(1) << 63) - 1, 3, (UINT64_C(1) << 63) - 2}},
    };
    struct net net;
    net_open(&net);
    struct quern_value *others[] = {
        constant(&net, QUERN_UINT64, 0, NULL, &half, sizeof half), NULL};
    net_add(&net, rows[_i].op, others);
    struct quern_tensor *y = result(&net, QUERN_UINT64, 3, x);
    ck_assert_mem_eq(quern_tensor_data(y), rows[_i].wanted, sizeof x);
    quern_tensor_release(&y);
    net_close(&net);
}
END_TEST

START_TEST(the_least_number_by_minus_one_wraps)
{
    static const int64_t x[2] = {INT64_MIN, 7};
    static const int64_t minus = -1;
    static const int64_t wanted[2][2] = {{INT64_MIN, -7}, {0, 0}};
    struct net net;
    net_open(&net);
    struct quern_value *others[] = {
        constant(&net, QUERN_INT64, 0, NULL, &minus, sizeof minus), NULL};
    net_add(&net, _i == 0 ? "Div" : "Mod", others);
    struct quern_tensor *y = result(&net, QUERN_INT64, 2, x);
    ck_assert_mem_eq(quern_tensor_data(y), wanted[_i], sizeof x);
    quern_tensor_release(&y);
    net_close(&net);
}
END_TEST

START_TEST(doubles_are_not_computed_in_float)
{
    static const double x[2] = {1e-3, 2.0};
    static const struct {
        const char *op;
        double (*f)(double);
    } rows[] = {{"Exp", exp}, {"Log", log}, {"Tanh", tanh}, {"Erf", erf}};
    struct net net;
    net_open(&net);
    net_add(&net, rows[_i].op, NULL);
    struct quern_tensor *y = result(&net, QUERN_DOUBLE, 2, x);
    const double *got = quern_tensor_data(y);
    for (int i = 0; i < 2; i++) {
        ck_assert_double_eq_tol(got[i], rows[_i].f(x[i]), 1e-15);
    }
    quern_tensor_release(&y);
    net_close(&net);
}
END_TEST

START_TEST(half_goes_by_way_of_float_and_rounds_once)
{
    /* 2048 + 1 is 2048 in float16, and 2049 * 1 would be no float16. */
    static const uint16_t x[2] = {0x6800, 0x3C00};
    static const uint16_t one = 0x3C00;
    static const uint16_t wanted[2] = {0x6800, 0x4000};
    struct net net;
    net_open(&net);
    struct quern_value *others[] = {
        constant(&net, QUERN_FLOAT16, 0, NULL, &one, sizeof one), NULL};
    net_add(&net, "Add", others);
    struct quern_tensor *y = result(&net, QUERN_FLOAT16, 2, x);
    ck_assert_int_eq(quern_tensor_dtype(y), QUERN_FLOAT16);
    ck_assert_mem_eq(quern_tensor_data(y), wanted, sizeof wanted);
    quern_tensor_release(&y);
    net_close(&net);
}
END_TEST

START_TEST(a_row_of_nan_stays_one)
{
    static const float x[3] = {1.0f, NAN, 2.0f};
    static const char *const ops[] = {"Softmax", "LogSoftmax"};
    struct net net;
    net_open(&net);
    net_add(&net, ops[_i], NULL);
    struct quern_tensor *y = result(&net, QUERN_FLOAT, 3, x);
    const float *got = quern_tensor_data(y);
    for (int i = 0; i < 3; i++) {
        ck_assert(isnan(got[i]));
    }
    quern_tensor_release(&y);
    net_close(&net);
}
END_TEST

/* ------------------------------------------------------------- sequences */

static struct quern_value *integer(struct net *net, int64_t value)
{
    return constant(net, QUERN_INT64, 0, NULL, &value, sizeof value);
}

START_TEST(parts_of_a_sequence_are_picked_and_joined)
{
    static const float x[4] = {1, 2, 3, 4};
    static const float wanted[6] = {1, 2, 3, 4, 3, 4};
    struct net net;
    net_open(&net);
    struct quern_value *two[] = {integer(&net, 2), NULL};
    struct quern_value *x_in = net.at;
    net_add(&net, "SplitToSequence", two);
    struct quern_value *whole = net.at;
    struct quern_value *last[] = {integer(&net, -1), NULL};
    net_add(&net, "SequenceAt", last);
    struct quern_value *part = net.at;
    net.at = whole;
    struct quern_value *more[] = {part, NULL};
    net_add(&net, "SequenceInsert", more);
    set_int(net_add(&net, "ConcatFromSequence", NULL), "axis", 0);
    ck_assert_ptr_nonnull(x_in);
    struct quern_tensor *y = result(&net, QUERN_FLOAT, 4, x);
    ck_assert_int_eq(quern_tensor_len(y), 6);
    ck_assert_mem_eq(quern_tensor_data(y), wanted, sizeof wanted);
    quern_tensor_release(&y);
    net_close(&net);
}
END_TEST

/* Where arithmetic meets a sequence, or what an optional does not hold. */
START_TEST(operators_do_not_take_sequences_for_numbers)
{
    static const float x[4] = {1, 2, 3, 4};
    static const char *const whys[] = {"input 0 is a sequence",
                                       "is an empty optional"};
    struct net net;
    net_open(&net);
    if (_i == 0) {
        net_add(&net, "SplitToSequence", NULL);
        net_add(&net, "Relu", NULL);
    } else {
        struct quern_value *nothing = NULL;
        struct quern_node *node = NULL;
        ck_assert_int_eq(quern_value_create(net.graph, "n", &nothing),
                         QUERN_OK);
        ck_assert_int_eq(quern_node_create(net.graph, net.last, "Optional", "o",
                                           NULL, 0, &nothing, 1, &node),
                         QUERN_OK);
        struct quern_value *others[] = {nothing, NULL};
        net_add(&net, "Add", others);
    }
    struct quern_tensor *in = tensor(&net, QUERN_FLOAT, 4, x);
    ck_assert_ptr_null(net_run(&net, "plain", false, in));
    ck_assert_int_eq(quern_error(net.context)->code, QUERN_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(quern_error(net.context)->text, whys[_i]));
    quern_tensor_release(&in);
    net_close(&net);
}
END_TEST

/* numpy.fft.irfft() of four numbers: of the length that they tell, cut off, and
 * filled up; imaginary parts of the first and the middle one count for nothing.
 */
START_TEST(half_of_a_spectrum_gives_real_numbers)
{
    static const float x[8] = {1, .5f, 2, -1, .25f, 3, -2, .75f};
    static const struct {
        int64_t n;
        float wanted[9];
    } rows[] = {
        {6,
         {.5833333730697632f, .21431641280651093f, .6130338907241821f,
          -.08333325386047363f, -1.6963672637939453f, 1.3690170049667358f}},
        {5,
         {1.100000023841858f, .04139223322272301f, .9600700736045837f,
          -1.7926939725875854f, .6912316083908081f}},
        {4, {1.3125f, .6875f, -.6875f, -.3125f}},
        {9,
         {.1666666716337204f, .02541029453277588f, .49347543716430664f,
          .1864670068025589f, .318442165851593f, -.40194171667099f,
          -1.3531337976455688f, .2231348603963852f, 1.341478943824768f}}};
    static const int64_t dims[3] = {1, 4, 2};
    static const int64_t three = 3;
    int64_t n = rows[_i].n;
    struct net net;
    net_open(&net);
    struct quern_value *shape[] = {
        constant(&net, QUERN_INT64, 1, &three, dims, sizeof dims), NULL};
    net_add(&net, "Reshape", shape);
    struct quern_value *length[] = {_i > 0 ? integer(&net, n) : NULL, NULL};
    struct quern_node *dft = net_add(&net, "DFT", length);
    set_int(dft, "onesided", 1);
    set_int(dft, "inverse", 1);
    struct quern_tensor *y = result(&net, QUERN_FLOAT, 8, x);
    ck_assert_int_eq(quern_tensor_rank(y), 3);
    ck_assert_int_eq(quern_tensor_dims(y)[1], n);
    ck_assert_int_eq(quern_tensor_dims(y)[2], 1);
    const float *got = quern_tensor_data(y);
    for (int64_t i = 0; i < n; i++) {
        ck_assert_float_eq_tol(got[i], rows[_i].wanted[i], 1e-6f);
    }
    quern_tensor_release(&y);
    net_close(&net);
}
END_TEST

/* -------------------------------------------------------------- hostile */

START_TEST(sizes_that_do_not_fit_are_errors)
{
    static const float x[4] = {1, 2, 3, 4};
    static const int64_t depth = INT64_MAX;
    static const float values[2] = {0, 1};
    static const int64_t two = 2;
    struct net net;
    net_open(&net);
    struct quern_value *others[] = {
        constant(&net, QUERN_INT64, 0, NULL, &depth, sizeof depth),
        constant(&net, QUERN_FLOAT, 1, &two, values, sizeof values), NULL};
    net_add(&net, "OneHot", others);
    struct quern_tensor *in = tensor(&net, QUERN_FLOAT, 4, x);
    ck_assert_ptr_null(net_run(&net, "plain", false, in));
    ck_assert_int_eq(quern_error(net.context)->code, QUERN_INVALID_MODEL);
    quern_tensor_release(&in);
    net_close(&net);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("exec/operators");
    TCase *t = tcase_create("operators");
    tcase_add_loop_test(t, whole_numbers_are_exact_to_their_last_bit, 0, 2);
    tcase_add_loop_test(
        t, unsigned_numbers_beyond_the_signed_ones_keep_their_order, 0, 4);
    tcase_add_loop_test(t, the_least_number_by_minus_one_wraps, 0, 2);
    tcase_add_loop_test(t, doubles_are_not_computed_in_float, 0, 4);
    tcase_add_test(t, half_goes_by_way_of_float_and_rounds_once);
    tcase_add_loop_test(t, a_row_of_nan_stays_one, 0, 2);
    tcase_add_loop_test(t, half_of_a_spectrum_gives_real_numbers, 0, 4);
    tcase_add_test(t, parts_of_a_sequence_are_picked_and_joined);
    tcase_add_loop_test(t, operators_do_not_take_sequences_for_numbers, 0, 2);
    tcase_add_test(t, sizes_that_do_not_fit_are_errors);
    suite_add_tcase(suite, t);
    return suite;
}
