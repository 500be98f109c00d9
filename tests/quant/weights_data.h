/* Random weights and inputs that the golden file was made from. */
#ifndef QUERN_TESTS_QUANT_WEIGHTS_DATA_H
#define QUERN_TESTS_QUANT_WEIGHTS_DATA_H

#include "support.h"

enum { rows = 12, cols = 40, samples = 300, kernel = 9 };

static float weights[rows * cols];
static float inputs[samples * cols];
static float depthwise[cols * kernel];
static double second[cols * cols], mean[cols];

static inline void make_data(void)
{
    struct lcg g = {77};
    for (int o = 0; o < rows; o++) {
        for (int k = 0; k < cols; k++) {
            weights[o * cols + k] =
                (float)(lcg_normal(&g) * (double)(1 + o % 5) * 0.1);
        }
    }
    for (int r = 0; r < samples; r++) {
        double base = lcg_normal(&g);
        for (int k = 0; k < cols; k++) {
            double x = (lcg_normal(&g) + base * 0.7) * (0.2 + (double)(k % 7));
            inputs[r * cols + k] = (float)(x + (double)(k % 3));
        }
    }
    for (int i = 0; i < cols * kernel; i++) {
        depthwise[i] = (float)(lcg_normal(&g) * 0.3);
    }
    memset(second, 0, sizeof second);
    memset(mean, 0, sizeof mean);
    for (int r = 0; r < samples; r++) {
        const float *x = inputs + r * cols;
        for (int i = 0; i < cols; i++) {
            mean[i] += (double)x[i] / samples;
            for (int j = 0; j < cols; j++) {
                second[i * cols + j] += (double)x[i] * (double)x[j] / samples;
            }
        }
    }
}

static inline void open_with_data(void)
{
    open_context();
    make_data();
}

static const struct quern_quant_options int8 = {.dtype = QUERN_INT8,
                                                .flags = QUERN_QUANT_SYMMETRIC};

static inline void choose(enum quern_weight_method method, const float *w,
                          struct quern_qparams *q)
{
    ck_assert_int_eq(quern_weight_qparams(context, &int8, method, false, w, 1,
                                          rows, cols, q),
                     QUERN_OK);
}

static const struct quern_weight_shape plain = {1, rows, cols, cols, 1, 1};

#endif
