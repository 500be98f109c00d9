/* The ways to run a model agree: plain C against the accelerator, chains fused
 * against node by node, on random and edge shapes. */
#include "support.h"

#include <math.h>
#include <string.h>

/* A Conv of random attributes on `channels`; returns its output channels. */
static int64_t add_conv(struct net *net, int axes, int64_t channels)
{
    static const int64_t per_group[] = {1, 3, 8, 16, 5};
    int64_t out = per_group[random_below(5)];
    int64_t group = 1;
    if (random_below(3) == 0) { /* depthwise */
        group = channels;
        out = channels;
    } else if (random_below(4) == 0 && channels % 2 == 0) {
        group = 2;
        out *= 2;
    }
    int64_t dims[5] = {out, channels / group, 1, 1, 1};
    int64_t strides[3];
    int64_t dilations[3];
    int64_t pads[6];
    for (int i = 0; i < axes; i++) {
        dims[2 + i] = 1 + random_below(3);
        strides[i] = 1 + random_below(2);
        dilations[i] = 1 + random_below(2);
        pads[i] = random_below(3);
        pads[axes + i] = random_below(2);
    }
    struct quern_value *in[3] = {net_random(net, 2 + axes, dims), NULL, NULL};
    if (random_below(2) == 0) {
        in[1] = net_random(net, 1, &out);
    }
    struct quern_node *conv = net_add(net, "Conv", in);
    set_int(conv, "group", group);
    set_ints(conv, "strides", (size_t)axes, strides);
    set_ints(conv, "dilations", (size_t)axes, dilations);
    set_ints(conv, "pads", 2 * (size_t)axes, pads);
    return out;
}

static void add_scaled(struct net *net, const char *op, float value)
{
    struct quern_value *in[2] = {net_scalar(net, value), NULL};
    net_add(net, op, in);
}

/* HardSwish as exporters write it. */
static void add_hard_swish(struct net *net)
{
    struct quern_value *x = net->at;
    struct quern_value *bounds[3] = {net_scalar(net, 0.0f),
                                     net_scalar(net, 6.0f), NULL};
    add_scaled(net, "Add", 3.0f);
    net_add(net, "Clip", bounds);
    struct quern_value *in[2] = {x, NULL};
    net_add(net, "Mul", in);
    add_scaled(net, "Div", 6.0f);
}

static void add_batch_norm(struct net *net, int64_t channels)
{
    struct quern_value *in[5] = {NULL};
    for (int i = 0; i < 4; i++) {
        in[i] = net_random(net, 1, &channels);
    }
    struct quern_tensor *ones = NULL;
    ck_assert_int_eq(
        quern_tensor_create(net->context, QUERN_FLOAT, 1, &channels, &ones),
        QUERN_OK);
    float *v = quern_tensor_data_mut(ones);
    for (int64_t i = 0; i < channels; i++) {
        v[i] = 0.5f + (float)i;
    }
    ck_assert_int_eq(quern_value_set_constant(in[3], ones, false), QUERN_OK);
    quern_tensor_release(&ones);
    net_add(net, "BatchNormalization", in);
}

static void add_step(struct net *net, int64_t channels)
{
    struct quern_value *x = net->at;
    struct quern_value *in[2] = {x, NULL};
    switch (random_below(9)) {
    case 0:
        net_add(net, "Relu", NULL);
        break;
    case 1:
        add_scaled(net, "Mul", 1.5f);
        break;
    case 2:
        add_scaled(net, "Sub", 0.25f);
        break;
    case 3:
        add_hard_swish(net);
        break;
    case 4:
        net_add(net, "HardSigmoid", NULL);
        break;
    case 5: /* SiLU */
        net_add(net, "Sigmoid", NULL);
        net_add(net, "Mul", in);
        break;
    case 6:
        net_add(net, "LeakyRelu", NULL);
        break;
    case 7:
        add_batch_norm(net, channels);
        break;
    default: /* a residual that is read twice */
        net_add(net, "Tanh", NULL);
        net_add(net, "Add", in);
        break;
    }
}

/* It must go through everything, fused Relus and Clips too. */
static void put_nan(struct quern_tensor *x)
{
    float *v = quern_tensor_data_mut(x);
    v[quern_tensor_len(x) / 2] = NAN;
}

static void compare_ways(struct net *net, struct quern_tensor *x)
{
    struct quern_tensor *want = net_run(net, "plain", false, x);
    struct quern_tensor *plain = net_run(net, "plain", true, x);
    struct quern_tensor *loose = net_run(net, NULL, false, x);
    struct quern_tensor *fused = net_run(net, NULL, true, x);
    if (want == NULL) { /* a window larger than its input */
        ck_assert_ptr_null(fused);
    } else {
        ck_assert(plain != NULL && loose != NULL && fused != NULL);
        ck_assert_double_lt(distance(want, plain), 2e-5);
        ck_assert_double_lt(distance(want, loose), 2e-5);
        ck_assert_double_lt(distance(want, fused), 2e-5);
    }
    quern_tensor_release(&want);
    quern_tensor_release(&plain);
    quern_tensor_release(&loose);
    quern_tensor_release(&fused);
}

START_TEST(convolutions_and_chains_agree)
{
    for (int round = 0; round < 400; round++) {
        struct net net;
        int axes = 1 + (int)random_below(3);
        int64_t dims[5] = {1 + random_below(2), 1 + random_below(6)};
        for (int i = 0; i < axes; i++) {
            dims[2 + i] = 3 + random_below(9);
        }
        net_open(&net);
        struct quern_tensor *x = random_floats(net.context, 2 + axes, dims);
        if (round % 4 == 0) {
            put_nan(x);
        }
        int64_t channels = add_conv(&net, axes, dims[1]);
        for (uint32_t n = random_below(5); n > 0; n--) {
            add_step(&net, channels);
        }
        if (random_below(2) == 0) {
            const int64_t kernel[3] = {1, 1, 2};
            set_ints(net_add(&net, "AveragePool", NULL), "kernel_shape",
                     (size_t)axes, kernel + 3 - axes);
        }
        compare_ways(&net, x);
        quern_tensor_release(&x);
        net_close(&net);
    }
}
END_TEST

/* Two convolutions whose sum is fused into the second, which overwrites the
 * first; and a sum that broadcasts, which must not be. */
START_TEST(residual_sums_agree)
{
    for (int round = 0; round < 24; round++) {
        struct net net;
        const int64_t dims[4] = {2, 4, 6, 5};
        const int64_t weights[4] = {4, 4, 1, 1};
        net_open(&net);
        struct quern_tensor *x = random_floats(net.context, 4, dims);
        struct quern_value *w[2] = {net_random(&net, 4, weights), NULL};
        if (round / 6 == 1) {
            put_nan(x);
        } else if (round / 6 == 2) { /* in what is added alone */
            put_nan(quern_value_constant(w[0]));
        }
        net_add(&net, "Conv", w);
        struct quern_value *first[2] = {net.at, NULL};
        if (round % 3 == 2) { /* [2, 4, 1, 1] */
            net_add(&net, "GlobalAveragePool", NULL);
            first[0] = net.at;
        }
        net.at = net.x;
        struct quern_value *w2[2] = {net_random(&net, 4, weights), NULL};
        net_add(&net, "Conv", w2);
        net_add(&net, "Add", first);
        net_add(&net, "Relu", NULL);
        if (round % 2 == 1) { /* the first one lives on */
            net_add(&net, "Mul", first);
        }
        compare_ways(&net, x);
        quern_tensor_release(&x);
        net_close(&net);
    }
}
END_TEST

START_TEST(products_agree)
{
    for (int round = 0; round < 24; round++) {
        struct net net;
        static const int64_t sizes[] = {1, 2, 5, 16, 33, 70, 330};
        int64_t k = sizes[random_below(7)];
        int64_t n = sizes[random_below(7)];
        const int64_t dims[3] = {1 + random_below(2), 1 + random_below(14), k};
        const int64_t weights[2] = {k, n};
        net_open(&net);
        struct quern_tensor *x = random_floats(net.context, 3, dims);
        struct quern_value *w[2] = {net_random(&net, 2, weights), NULL};
        net_add(&net, "MatMul", w);
        struct quern_value *bias[2] = {net_random(&net, 1, &n), NULL};
        net_add(&net, "Add", bias);
        for (uint32_t i = random_below(4); i > 0; i--) {
            struct quern_value *self[2] = {net.at, NULL};
            net_add(&net, "Sigmoid", NULL);
            net_add(&net, "Mul", self);
        }
        compare_ways(&net, x);
        quern_tensor_release(&x);
        net_close(&net);
    }
}
END_TEST

static struct quern_value *code_scalar(struct net *net, enum quern_dtype dtype,
                                       int value)
{
    struct quern_value *v = net_scalar(net, 0.0f);
    struct quern_tensor *t = NULL;
    ck_assert_int_eq(quern_tensor_create(net->context, dtype, 0, NULL, &t),
                     QUERN_OK);
    *(unsigned char *)quern_tensor_data_mut(t) = (unsigned char)value;
    ck_assert_int_eq(quern_value_set_constant(v, t, false), QUERN_OK);
    quern_tensor_release(&t);
    return v;
}

/* Bounds of all kinds, crossed ones too: the upper one wins. */
static void check_clip(enum quern_dtype dtype, int low, int lo, int hi)
{
    struct net net;
    const int64_t dims[1] = {256};
    net_open(&net);
    struct quern_tensor *x = random_floats(net.context, 1, dims);
    float *v = quern_tensor_data_mut(x);
    for (int i = 0; i < 256; i++) {
        v[i] = (float)(low + i);
    }
    struct quern_value *bounds[3] = {code_scalar(&net, dtype, lo),
                                     code_scalar(&net, dtype, hi), NULL};
    set_int(net_add(&net, "Cast", NULL), "to", dtype);
    net_add(&net, "Clip", bounds);
    set_int(net_add(&net, "Cast", NULL), "to", QUERN_FLOAT);
    struct quern_tensor *y = net_run(&net, NULL, true, x);
    ck_assert_ptr_nonnull(y);
    const float *got = quern_tensor_data(y);
    for (int i = 0; i < 256; i++) {
        int want = low + i < lo ? lo : low + i;
        want = want > hi ? hi : want;
        ck_assert_int_eq((int)got[i], want);
    }
    quern_tensor_release(&x);
    quern_tensor_release(&y);
    net_close(&net);
}

START_TEST(codes_are_clipped)
{
    check_clip(QUERN_UINT8, 0, 0, 255);
    check_clip(QUERN_UINT8, 0, 3, 201);
    check_clip(QUERN_UINT8, 0, 90, 20);
    check_clip(QUERN_INT8, -128, -128, 127);
    check_clip(QUERN_INT8, -128, -3, 101);
    check_clip(QUERN_INT8, -128, 5, -7);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("exec/paths");
    TCase *tcase = tcase_create("paths");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, convolutions_and_chains_agree);
    tcase_add_test(tcase, residual_sums_agree);
    tcase_add_test(tcase, codes_are_clipped);
    tcase_add_test(tcase, products_agree);
    suite_add_tcase(suite, tcase);
    return suite;
}
