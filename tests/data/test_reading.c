/* How the numbers of large arrays are read: sample by sample, in any order.
 * That memory does not grow is for tests/cli/memory.py: valgrind and sanitizers
 * keep what was freed. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N = 300, LEN = 4400 }; /* 5 MB */

/* Element i is i, so each place of the array tells itself. */
static struct bytes counted(const char *order, const char *shape, size_t n,
                            bool big_endian)
{
    struct bytes b = {0};
    char dict[160];
    unsigned char *data = malloc(n * 4);
    ck_assert_ptr_nonnull(data);
    for (size_t i = 0; i < n; i++) {
        float x = (float)i;
        memcpy(data + i * 4, &x, 4);
        for (size_t k = 0; big_endian && k < 2; k++) {
            unsigned char byte = data[i * 4 + k];
            data[i * 4 + k] = data[i * 4 + 3 - k];
            data[i * 4 + 3 - k] = byte;
        }
    }
    snprintf(dict, sizeof dict,
             "{'descr': '%cf4', 'fortran_order': %s, 'shape': %s, }",
             big_endian ? '>' : '<', order, shape);
    put_npy(&b, 1, dict, data, n * 4);
    free(data);
    return b;
}

static void write_array(const char *file, enum zip_kind kind, struct bytes b)
{
    struct zip z = {0};
    zip_add(&z, kind, "x1.npy", &b);
    zip_end(&z, false);
    write_bytes(file, &z.file);
    free(b.data);
    free(z.file.data);
}

static void check_sample(struct quern_data *d, size_t i)
{
    struct quern_tensor *t = NULL;
    ck_assert_int_eq(quern_data_sample(d, context, i, &t), QUERN_OK);
    const float *data = quern_tensor_data(t);
    for (size_t k = 0; k < LEN; k++) {
        if ((size_t)data[k] != i * LEN + k) {
            ck_abort_msg("sample %zu, element %zu", i, k);
        }
    }
    quern_tensor_release(&t);
}

START_TEST(large_arrays_are_read_sample_by_sample)
{
    static const enum zip_kind kinds[] = {ZIP_STORED, ZIP_DEFLATED};
    struct quern_data *d = NULL;
    struct quern_value *x = input("x1", QUERN_FLOAT, DIMS(-1, LEN));
    write_array("a.npz", kinds[_i],
                counted("False", "(300, 4400)", N * LEN, false));
    ck_assert_int_eq(open_data("a.npz", &x, 1, &d), QUERN_OK);
    for (size_t i = 0; i < N; i++) {
        check_sample(d, i * 133 % N);
    }
    ck_assert_int_eq(quern_data_check_finite(d, context), QUERN_OK);
    quern_data_close(&d);
}
END_TEST

/* [40, 50, 60], samples along axis 1, over several windows of the file; one of
 * its elements has number at(a, sample, c). */
static size_t at(bool fortran, size_t a, size_t sample, size_t c)
{
    return fortran ? a + 40 * (sample + 50 * c) : (a * 50 + sample) * 60 + c;
}

static const struct {
    enum zip_kind kind;
    bool fortran;
    bool big_endian;
} orders[] = {
    {ZIP_STORED, false, false},  {ZIP_STORED, true, false},
    {ZIP_STORED, false, true},   {ZIP_STORED, true, true},
    {ZIP_DEFLATED, true, false}, {ZIP_DEFLATED, false, true},
};

START_TEST(elements_are_gathered_from_any_order)
{
    static const char *const axes[] = {"x1=1", NULL};
    struct quern_context *own = NULL;
    struct quern_context_options o = {.struct_size = sizeof o,
                                      .batch_axes = axes};
    struct quern_data *d = NULL;
    struct quern_value *x = input("x1", QUERN_FLOAT, DIMS(40, -1, 60));
    bool fortran = orders[_i].fortran;
    write_array("a.npz", orders[_i].kind,
                counted(fortran ? "True" : "False", "(40, 50, 60)",
                        40 * 50 * 60, orders[_i].big_endian));
    ck_assert_int_eq(quern_context_create(&o, &own), QUERN_OK);
    ck_assert_int_eq(quern_data_open(own, place("a.npz"), &x, 1, &d), QUERN_OK);
    ck_assert_uint_eq(quern_data_count(d), 50);
    for (size_t i = 0; i < 50; i += 7) {
        struct quern_tensor *t = NULL;
        ck_assert_int_eq(quern_data_sample(d, own, i, &t), QUERN_OK);
        const float *data = quern_tensor_data(t);
        for (size_t k = 0; k < 40 * 60; k++) {
            if ((size_t)data[k] != at(fortran, k / 60, i, k % 60)) {
                ck_abort_msg("sample %zu, element %zu", i, k);
            }
        }
        quern_tensor_release(&t);
    }
    quern_data_close(&d);
    quern_context_destroy(&own);
}
END_TEST

/* Not a signal, as with a mapping. */
START_TEST(a_file_that_is_cut_off_while_it_is_read_is_an_error)
{
    static const enum zip_kind kinds[] = {ZIP_STORED, ZIP_DEFLATED};
    struct quern_data *d = NULL;
    struct quern_tensor *t = NULL;
    struct quern_value *x = input("x1", QUERN_FLOAT, DIMS(-1, LEN));
    write_array("a.npz", kinds[_i],
                counted("False", "(300, 4400)", N * LEN, false));
    ck_assert_int_eq(open_data("a.npz", &x, 1, &d), QUERN_OK);
    ck_assert_int_eq(truncate(place("a.npz"), 100000), 0);
    check_sample(d, 2);
    ck_assert_int_eq(quern_data_sample(d, context, N - 1, &t), QUERN_IO);
    ck_assert_ptr_null(t);
    const char *message = said();
    ck_assert_ptr_nonnull(strstr(message, "a.npz: file is cut off while it is "
                                          "read: nothing at byte "));
    quern_data_close(&d);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("reading");
    TCase *all = tcase_create("reading");
    tcase_set_timeout(all, 60);
    tcase_add_checked_fixture(all, begin, finish);
    tcase_add_loop_test(all, large_arrays_are_read_sample_by_sample, 0, 2);
    tcase_add_loop_test(all, elements_are_gathered_from_any_order, 0,
                        sizeof orders / sizeof *orders);
    tcase_add_loop_test(
        all, a_file_that_is_cut_off_while_it_is_read_is_an_error, 0, 2);
    suite_add_tcase(suite, all);
    return suite;
}
