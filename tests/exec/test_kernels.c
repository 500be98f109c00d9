/* Matrix products of every CPU level against sums in double. */
#include "exec/kernels/level.h"
#include "qtest.h"

#include <math.h>
#include <stdlib.h>

static float value(size_t i)
{
    return (float)((i * 2654435761u >> 7) % 2001) / 1000.0f - 1.0f;
}

static float *filled(size_t n, size_t start)
{
    float *x = malloc((n + 1) * sizeof *x);
    for (size_t i = 0; i < n; i++) {
        x[i] = value(start + i);
    }
    return x;
}

static void check_product(const struct qn_kernels *kernels, size_t m, size_t n,
                          size_t k, bool bias)
{
    size_t panel = kernels->panel();
    size_t wide = (n + panel - 1) / panel * panel;
    size_t lda = k + 3;
    size_t ldc = n + 2;
    float *a = filled(m * lda, 1);
    float *b = filled(k * n, 7);
    float *c = filled(m * ldc, 5);
    float *row = filled(n, 9);
    float *packed =
        aligned_alloc(64, (wide * k + 32) * sizeof *packed / 64 * 64 + 64);
    kernels->pack_b(k, n, b, (int64_t)n, 1, packed);
    const struct qn_product p = {.m = m,
                                 .n = n,
                                 .k = k,
                                 .a = a,
                                 .lda = lda,
                                 .packed = packed,
                                 .bias = bias ? row : NULL,
                                 .c = c,
                                 .ldc = ldc};
    kernels->gemm(&p);
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < ldc; j++) {
            double want = bias && j < n ? (double)row[j] : 0.0;
            for (size_t l = 0; l < k && j < n; l++) {
                want += (double)a[i * lda + l] * (double)b[l * n + j];
            }
            if (j >= n) { /* behind a row nothing is touched */
                want = (double)value(5 + i * ldc + j);
            }
            ck_assert_msg(fabs(want - (double)c[i * ldc + j]) < 1e-3,
                          "%s: %zux%zux%zu at %zu, %zu: %g, not %g",
                          kernels->name, m, n, k, i, j, (double)c[i * ldc + j],
                          want);
        }
    }
    free(a);
    free(b);
    free(c);
    free(row);
    free(packed);
}

static void check_level(const struct qn_kernels *kernels)
{
    static const size_t rows[] = {1, 2, 3, 5, 6, 7, 13, 25};
    static const size_t columns[] = {1, 15, 16, 17, 63, 64, 129};
    static const size_t depths[] = {0, 1, 9, 384, 385, 770};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t j = 0; j < sizeof columns / sizeof *columns; j++) {
            for (size_t l = 0; l < sizeof depths / sizeof *depths; l++) {
                check_product(kernels, rows[i], columns[j], depths[l],
                              (i + j + l) % 2 == 0);
            }
        }
    }
}

START_TEST(products_of_edge_shapes)
{
    check_level(&qn_kernels_base);
    check_level(qn_kernels_best(NULL));
}
END_TEST

START_TEST(maxima_keep_nan)
{
    const struct qn_kernels *k = qn_kernels_best(NULL);
    float x[3][20];
    float y[20];
    const float *rows[3] = {x[0], x[1], x[2]};
    for (size_t i = 0; i < 60; i++) {
        x[i / 20][i % 20] = value(i);
    }
    x[1][2] = NAN;
    x[0][18] = NAN;
    k->max_rows(rows, 3, y, 20);
    for (size_t i = 0; i < 20; i++) {
        float want = fmaxf(fmaxf(x[0][i], x[1][i]), x[2][i]);
        ck_assert(i == 2 || i == 18 ? isnan(y[i])
                                    : !(y[i] < want) && !(y[i] > want));
    }
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("exec/kernels");
    TCase *tcase = tcase_create("kernels");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, products_of_edge_shapes);
    tcase_add_test(tcase, maxima_keep_nan);
    suite_add_tcase(suite, tcase);
    return suite;
}
