/* Kernels of CPU levels: matrix products against sums element by element, and
 * conversions. */
#include "base/numeric.h"
#include "exec/kernels/level.h"
#include "qtest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* As base/numeric.h has them: all of float16, and floats about all of its steps
 * and ties. */
static void check_halves(const struct qn_kernels *k)
{
    enum { N = 1 << 16 };
    size_t n_wrong = 0; /* a check of each takes a minute under valgrind */
    uint16_t *bits = calloc(N, sizeof *bits);
    float *wide = calloc(N, sizeof *wide);
    for (size_t i = 0; i < N; i++) {
        bits[i] = (uint16_t)i;
    }
    k->half_widen(bits, wide, N);
    for (size_t i = 0; i < N; i++) {
        float want = qn_half_to_float((uint16_t)i);
        n_wrong += memcmp(&want, &wide[i], sizeof want) != 0;
    }
    k->bfloat16_widen(bits, wide, N);
    for (size_t i = 0; i < N; i++) {
        float want = qn_bfloat16_to_float((uint16_t)i);
        n_wrong += memcmp(&want, &wide[i], sizeof want) != 0;
    }
    for (uint32_t low = 0; low < 4; low++) {
        static const uint32_t ends[] = {0, 1, 0x1000, 0x8000};
        for (uint32_t i = 0; i < N; i++) {
            uint32_t x = i << 16 | ends[low];
            memcpy(&wide[i], &x, sizeof x);
        }
        k->half_narrow(wide, bits, N);
        for (size_t i = 0; i < N; i++) {
            n_wrong += bits[i] != qn_half_from_float(wide[i]);
        }
        k->bfloat16_narrow(wide, bits, N);
        for (size_t i = 0; i < N; i++) {
            n_wrong += bits[i] != qn_bfloat16_from_float(wide[i]);
        }
    }
    free(bits);
    free(wide);
    ck_assert_uint_eq(n_wrong, 0);
}

START_TEST(halves_are_as_element_by_element)
{
    check_halves(&qn_kernels_base);
    check_halves(qn_kernels_best(NULL));
}
END_TEST

/* A is read turned: element (i, l) at l * m + i. */
static void check_any(const struct qn_kernels *kernels, size_t m, size_t n,
                      size_t k)
{
    double a[600];
    double b[3000];
    double c[3000];
    uint64_t u[600];
    uint64_t v[3000];
    uint64_t w[3000];
    for (size_t i = 0; i < k * n; i++) {
        u[i % (k * m)] = (uint64_t)(i % (k * m)) * 0x9e3779b97f4a7c15u;
        a[i % (k * m)] = (double)(i % (k * m) % 7) - 3.0;
        v[i] = (uint64_t)i * 0xc2b2ae3d27d4eb4fu;
        b[i] = (double)(i % 11) - 5.0;
    }
    struct qn_any_product p = {.m = m,
                               .n = n,
                               .k = k,
                               .a = a,
                               .a_row = 1,
                               .a_column = (int64_t)m,
                               .b = b,
                               .b_row = (int64_t)n,
                               .c = c};
    kernels->product_f64(&p);
    p.a = u;
    p.b = v;
    p.c = w;
    kernels->product_u64(&p);
    for (size_t i = 0; i < m * n; i++) {
        double sum = 0.0;
        uint64_t total = 0;
        for (size_t l = 0; l < k; l++) {
            sum += a[l * m + i / n] * b[l * n + i % n];
            total += u[l * m + i / n] * v[l * n + i % n];
        }
        ck_assert(!(c[i] < sum) && !(c[i] > sum));
        ck_assert_uint_eq(w[i], total);
    }
}

START_TEST(products_of_other_types)
{
    const struct qn_kernels *all[] = {&qn_kernels_base, qn_kernels_best(NULL)};
    int16_t a[100];
    for (int16_t i = 0; i < 100; i++) {
        a[i] = (int16_t)(i % 2 == 0 ? 255 - i : i - 255);
    }
    for (size_t i = 0; i < 2; i++) {
        check_any(all[i], 1, 1, 1);
        check_any(all[i], 3, 17, 5);
        check_any(all[i], 2, 300, 9);
        check_any(all[i], 5, 64, 0);
        for (size_t n = 0; n <= 100; n += 20) {
            int32_t want = 0;
            for (size_t j = 0; j < n; j++) {
                want += a[j] * a[99 - j];
            }
            int16_t back[100];
            for (size_t j = 0; j < 100; j++) {
                back[j] = a[99 - j];
            }
            ck_assert_int_eq(all[i]->dot_s16(a, back, n), want);
        }
    }
}
END_TEST

/* A sum over columns gives the bits of one over a row: a rewrite that only
 * turns a value changes no result. */
START_TEST(sums_do_not_depend_on_layout)
{
    enum { ROWS = 101, COLUMNS = 35, STRIDE = 37 };
    const struct qn_kernels *all[] = {&qn_kernels_base, qn_kernels_best(NULL)};
    float *x = filled((size_t)ROWS * STRIDE, 3);
    x[0] = -0.0f;
    for (size_t l = 0; l < 2; l++) {
        for (size_t rows = 0; rows <= ROWS; rows++) {
            for (size_t n = 1; n <= COLUMNS; n += 17) {
                float row[ROWS];
                float got[STRIDE] = {0};
                all[l]->sum_stack(x, STRIDE, rows, got, n);
                for (size_t j = 0; j < n; j++) {
                    for (size_t k = 0; k < rows; k++) {
                        row[k] = x[k * STRIDE + j];
                    }
                    float want = all[l]->sum(row, rows);
                    ck_assert_msg(memcmp(&want, &got[j], sizeof want) == 0,
                                  "%s: %zu rows, column %zu of %zu: %a, not %a",
                                  all[l]->name, rows, j, n, (double)got[j],
                                  (double)want);
                }
                ck_assert(!(got[n] < 0.0f) && !(got[n] > 0.0f));
            }
        }
    }
    free(x);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("exec/kernels");
    TCase *tcase = tcase_create("kernels");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, products_of_edge_shapes);
    tcase_add_test(tcase, maxima_keep_nan);
    tcase_add_test(tcase, halves_are_as_element_by_element);
    tcase_add_test(tcase, products_of_other_types);
    tcase_add_test(tcase, sums_do_not_depend_on_layout);
    suite_add_tcase(suite, tcase);
    return suite;
}
