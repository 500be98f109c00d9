/* Our own convolutions of every CPU level against sums in double. */
#include "exec/conv_rows.h"
#include "exec/kernels/level.h"
#include "qtest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed = 1;

/* From 0 to n - 1. */
static int64_t draw(int64_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)(seed >> 33) % n;
}

static float *filled(size_t n)
{
    float *x = aligned_alloc(64, (n * sizeof *x + 127) / 64 * 64);
    for (size_t i = 0; i < n; i++) {
        x[i] = (float)(draw(2001) - 1000) / 1000.0f;
    }
    return x;
}

/* Sizes of a convolution that fits its input. */
static struct qn_conv_shape random_shape(void)
{
    struct qn_conv_shape s;
    memset(&s, 0, sizeof s);
    s.groups = draw(3) == 0 ? 1 + draw(3) : 1;
    s.in_channels = s.groups * (s.groups > 1 ? 4 + draw(6) : 1 + draw(40));
    s.out_channels = s.groups * (s.groups > 1 ? 4 + draw(20) : 1 + draw(50));
    s.batch = 1 + draw(2);
    for (int i = 0; i < 3; i++) {
        s.in[i] = s.out[i] = s.kernel[i] = s.stride[i] = s.dilation[i] = 1;
    }
    for (int i = 1; i < 3; i++) {
        s.kernel[i] = 1 + draw(4);
        s.stride[i] = 1 + draw(3);
        s.dilation[i] = 1 + draw(2);
        s.pad[i] = draw(3);
        s.pad_end[i] = draw(3);
        int64_t window = (s.kernel[i] - 1) * s.dilation[i] + 1;
        s.in[i] = window + draw(12);
        s.out[i] =
            (s.in[i] + s.pad[i] + s.pad_end[i] - window) / s.stride[i] + 1;
    }
    s.bias = draw(2) == 0;
    return s;
}

static void random_posts(struct qn_conv_shape *s)
{
    static const int kinds[] = {QN_RELU, QN_CLIP, QN_LEAKY_RELU, QN_HARD_SWISH};
    if (draw(3) == 0) {
        s->posts[s->n_posts++] = (struct qn_post){.kind = QN_POST_ADD};
    }
    if (draw(2) == 0) {
        s->posts[s->n_posts++] = (struct qn_post){.kind = QN_POST_UNARY,
                                                  .unary = kinds[draw(4)],
                                                  .p0 = -0.3f,
                                                  .p1 = 0.7f};
    }
    if (draw(3) == 0) {
        s->posts[s->n_posts++] =
            (struct qn_post){.kind = QN_POST_LINEAR, .p0 = 1.5f, .p1 = -0.25f};
    }
}

static double apply(const struct qn_conv_shape *s, double y, double other)
{
    for (int i = 0; i < s->n_posts; i++) {
        const struct qn_post *p = &s->posts[i];
        if (p->kind == QN_POST_ADD) {
            y += other;
        } else if (p->kind == QN_POST_LINEAR) {
            y = y * (double)p->p0 + (double)p->p1;
        } else if (p->unary == QN_RELU) {
            y = y < 0.0 ? 0.0 : y;
        } else if (p->unary == QN_CLIP) {
            y = fmin(fmax(y, (double)p->p0), (double)p->p1);
        } else if (p->unary == QN_LEAKY_RELU) {
            y = y < 0.0 ? y * (double)p->p0 : y;
        } else {
            y *= fmin(fmax(y / 6.0 + 0.5, 0.0), 1.0);
        }
    }
    return y;
}

struct arrays {
    const float *x;
    const float *w;
    const float *bias;
    const float *before; /* y before */
};

/* Output channel o at (r, c) of image b; y is where it lies. */
static double want(const struct qn_conv_shape *s, const struct arrays *a,
                   const int64_t at[4], size_t y)
{
    int64_t channels = s->in_channels / s->groups;
    int64_t o = at[3];
    int64_t first = o / (s->out_channels / s->groups) * channels;
    double sum = s->bias ? (double)a->bias[o] : 0.0;
    for (int64_t kr = 0; kr < s->kernel[1]; kr++) {
        for (int64_t kc = 0; kc < s->kernel[2]; kc++) {
            int64_t r = at[1] * s->stride[1] - s->pad[1] + kr * s->dilation[1];
            int64_t c = at[2] * s->stride[2] - s->pad[2] + kc * s->dilation[2];
            bool in = r >= 0 && r < s->in[1] && c >= 0 && c < s->in[2];
            for (int64_t i = 0; in && i < channels; i++) {
                sum += (double)a->x[((at[0] * s->in[1] + r) * s->in[2] + c) *
                                        s->in_channels +
                                    first + i] *
                       (double)a->w[((o * channels + i) * s->kernel[1] + kr) *
                                        s->kernel[2] +
                                    kc];
            }
        }
    }
    return apply(s, sum, (double)a->before[y]);
}

static void check_all(const struct qn_conv_shape *s, const struct arrays *a,
                      const float *y, const char *level)
{
    size_t i = 0;
    int64_t at[4];
    for (at[0] = 0; at[0] < s->batch; at[0]++) {
        for (at[1] = 0; at[1] < s->out[1]; at[1]++) {
            for (at[2] = 0; at[2] < s->out[2]; at[2]++) {
                for (at[3] = 0; at[3] < s->out_channels; at[3]++, i++) {
                    double w = want(s, a, at, i);
                    ck_assert_msg(fabs(w - (double)y[i]) < 1e-3,
                                  "%s: image %d, row %d, column %d, channel "
                                  "%d: %g, not %g",
                                  level, (int)at[0], (int)at[1], (int)at[2],
                                  (int)at[3], (double)y[i], w);
                }
            }
        }
    }
}

/* False: the shape is left to others. */
static bool check_shape(const struct qn_kernels *kernels,
                        const struct qn_conv_shape *s)
{
    const struct qn_accelerator *m = &qn_conv_rows_maker;
    void *state = (void *)(uintptr_t)kernels;
    struct qn_kernel *k = m->conv(state, s);
    if (k == NULL) {
        return false;
    }
    size_t n_x = (size_t)(s->batch * s->in[1] * s->in[2] * s->in_channels);
    size_t n_y = (size_t)(s->batch * s->out[1] * s->out[2] * s->out_channels);
    size_t n_w = (size_t)(s->out_channels * (s->in_channels / s->groups) *
                          s->kernel[1] * s->kernel[2]);
    float *x = filled(n_x);
    float *w = filled(n_w);
    float *bias = filled((size_t)s->out_channels);
    float *y = filled(n_y);
    float *before = memcpy(filled(n_y), y, n_y * sizeof *y);
    float *packed = filled(m->packed_size(k) / sizeof *packed);
    float *scratch = filled(m->scratch_size(k) / sizeof *scratch);
    struct qn_call *call = m->call_create(state, k);
    ck_assert_ptr_nonnull(call);
    ck_assert(m->pack(state, k, w, packed));
    ck_assert(
        m->execute(state, call, x, packed, s->bias ? bias : NULL, y, scratch));
    check_all(s, &(struct arrays){x, w, bias, before}, y, kernels->name);
    m->call_destroy(call);
    m->kernel_destroy(k);
    free(scratch);
    free(packed);
    free(before);
    free(y);
    free(bias);
    free(w);
    free(x);
    return true;
}

static const char *const levels[] = {"v1", "v2", "v3", "v4"};
enum { N_LEVELS = sizeof levels / sizeof *levels };

START_TEST(random_shapes_give_the_sums)
{
    int made = 0;
    for (int i = 0; i < 300; i++) {
        struct qn_conv_shape s = random_shape();
        random_posts(&s);
        for (int l = 0; l < N_LEVELS; l++) {
            made += check_shape(qn_kernels_best(levels[l]), &s);
        }
    }
    ck_assert_int_gt(made, 400);
}
END_TEST

/* Images and rows that do not fit into one band. */
START_TEST(bands_join)
{
    struct qn_conv_shape s = {.batch = 1,
                              .in_channels = 24,
                              .out_channels = 5,
                              .groups = 1,
                              .in = {1, 70, 40},
                              .out = {1, 70, 40},
                              .kernel = {1, 3, 3},
                              .stride = {1, 1, 1},
                              .dilation = {1, 1, 1},
                              .pad = {0, 1, 1},
                              .pad_end = {0, 1, 1}};
    for (int l = 0; l < N_LEVELS; l++) {
        const struct qn_kernels *kernels = qn_kernels_best(levels[l]);
        ck_assert(check_shape(kernels, &s));
        struct qn_conv_shape row = s;
        row.in[1] = row.out[1] = row.kernel[1] = 1;
        row.pad[1] = row.pad_end[1] = 0;
        row.in[2] = row.out[2] = 2900;
        ck_assert(check_shape(kernels, &row));
        struct qn_conv_shape bare = row;
        bare.pad[2] = bare.pad_end[2] = 0;
        bare.out[2] = 2898;
        ck_assert(check_shape(kernels, &bare));
    }
}
END_TEST

START_TEST(not_a_number_stays)
{
    const struct qn_accelerator *m = &qn_conv_rows_maker;
    struct qn_conv_shape s = {.batch = 1,
                              .in_channels = 1,
                              .out_channels = 20,
                              .groups = 1,
                              .in = {1, 1, 2},
                              .out = {1, 1, 2},
                              .kernel = {1, 1, 1},
                              .stride = {1, 1, 1},
                              .dilation = {1, 1, 1},
                              .n_posts = 1};
    static const int kinds[] = {QN_RELU, QN_CLIP, QN_LEAKY_RELU, QN_HARD_SWISH};
    for (int l = 0; l < N_LEVELS * 4; l++) {
        void *state = (void *)(uintptr_t)qn_kernels_best(levels[l / 4]);
        s.posts[0] = (struct qn_post){
            .kind = QN_POST_UNARY, .unary = kinds[l % 4], .p1 = 1.0f};
        struct qn_kernel *k = m->conv(state, &s);
        ck_assert_ptr_nonnull(k);
        struct qn_call *call = m->call_create(state, k);
        float x[2] = {NAN, 1.0f};
        float w[20];
        float y[40] = {0.0f};
        float *packed = filled(m->packed_size(k) / sizeof *packed);
        for (int i = 0; i < 20; i++) {
            w[i] = 1.0f;
        }
        ck_assert(m->pack(state, k, w, packed));
        ck_assert(m->execute(state, call, x, packed, NULL, y, NULL));
        for (int i = 0; i < 20; i++) {
            ck_assert(isnan(y[i]));
            ck_assert(!isnan(y[20 + i]));
        }
        m->call_destroy(call);
        m->kernel_destroy(k);
        free(packed);
    }
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("exec/conv-rows");
    TCase *tcase = tcase_create("conv-rows");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, random_shapes_give_the_sums);
    tcase_add_test(tcase, bands_join);
    tcase_add_test(tcase, not_a_number_stays);
    suite_add_tcase(suite, tcase);
    return suite;
}
