/* Sources of samples: containers, names, sizes, axes, folders, NaN. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* An array of floats 0, 1, 2, … */
static struct bytes floats(const char *shape, size_t n)
{
    struct bytes b = {0};
    char dict[160];
    float *data = calloc(n + 1, sizeof *data);
    for (size_t i = 0; i < n; i++) {
        data[i] = (float)i;
    }
    snprintf(dict, sizeof dict,
             "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }", shape);
    put_npy(&b, 1, dict, data, n * sizeof *data);
    free(data);
    return b;
}

static void write_npz(const char *file, enum zip_kind kind, const char *name,
                      const char *shape, size_t n)
{
    struct zip z = {0};
    struct bytes b = floats(shape, n);
    zip_add(&z, kind, name, &b);
    zip_end(&z, kind == ZIP_64);
    write_bytes(file, &z.file);
    free(b.data);
    free(z.file.data);
}

/* First number of sample i for an only input. */
static double first_of(struct quern_data *d, size_t i)
{
    struct quern_tensor *t = NULL;
    double x = -1.0;
    ck_assert_int_eq(quern_data_sample(d, context, i, &t), QUERN_OK);
    ck_assert(quern_tensor_read_doubles(t, 0, 1, &x));
    quern_tensor_release(&t);
    return x;
}

START_TEST(stored_deflated_and_zip64_archives_are_read)
{
    static const enum zip_kind kinds[] = {ZIP_STORED, ZIP_DEFLATED, ZIP_64};
    struct quern_data *d = NULL;
    struct quern_value *x = input("x1", QUERN_FLOAT, DIMS(-1, 2));
    write_npz("a.npz", kinds[_i], "x1.npy", "(3, 2)", 6);
    ck_assert_int_eq(open_data("a.npz", &x, 1, &d), QUERN_OK);
    ck_assert_uint_eq(quern_data_count(d), 3);
    ck_assert_double_eq(first_of(d, 2), 4.0);
    quern_data_close(&d);
}
END_TEST

static const struct {
    enum zip_kind kind;
    const char *message;
} archives[] = {
    {ZIP_ENCRYPTED, "a.npz: tensor 'x1.npy': zip entry is encrypted"},
    {ZIP_BZIP2,
     "a.npz: tensor 'x1.npy': zip entry is neither stored nor deflated"},
    {ZIP_BAD_CRC, "a.npz: tensor 'x1.npy': checksum of the array is wrong"},
};

START_TEST(archives_that_cannot_be_read_are_refused)
{
    struct quern_data *d = NULL;
    struct quern_value *x = input("x1", QUERN_FLOAT, DIMS(-1, 2));
    write_npz("a.npz", archives[_i].kind, "x1.npy", "(3, 2)", 6);
    ck_assert_int_ne(open_data("a.npz", &x, 1, &d), QUERN_OK);
    ck_assert_str_eq(said(), archives[_i].message);
}
END_TEST

START_TEST(every_truncation_of_an_archive_is_an_error)
{
    struct quern_value *x = input("x1", QUERN_FLOAT, DIMS(-1, 2));
    struct zip z = {0};
    struct bytes b = floats("(3, 2)", 6);
    zip_add(&z, _i == 0 ? ZIP_STORED : ZIP_DEFLATED, "x1.npy", &b);
    zip_end(&z, false);
    for (size_t size = z.file.size; z.file.size-- > 0;) {
        struct quern_data *d = NULL;
        write_bytes("a.npz", &z.file);
        ck_assert_int_ne(open_data("a.npz", &x, 1, &d), QUERN_OK);
        ck_assert_str_ne(said(), "");
        ck_assert_uint_lt(z.file.size, size);
    }
    free(b.data);
    free(z.file.data);
}
END_TEST

/* A directory that claims 2^40 bytes, and a real bomb: 32 MiB of zeros in 150
 * KB under a limit of 24 MiB and a byte order that forbids pieces. */
START_TEST(zip_bombs_end_at_a_limit)
{
    struct quern_data *d = NULL;
    struct quern_value *x = input("x1", QUERN_FLOAT, DIMS(-1, 2));
    struct zip z = {0};
    struct bytes b = floats("(137438953472, 2)", 6);
    zip_add_claiming(&z, "x1.npy", &b, b.size);
    zip_end(&z, false);
    write_bytes("a.npz", &z.file);
    ck_assert_int_eq(open_data("a.npz", &x, 1, &d), QUERN_MALFORMED);
    ck_assert_ptr_nonnull(strstr(said(), "array is truncated"));
    free(b.data);
    free(z.file.data);

    struct zip bomb = {0};
    size_t size = 32u << 20;
    struct bytes zeros = {0};
    put_npy(&zeros, 1,
            "{'descr': '>f4', 'fortran_order': False, 'shape': "
            "(4194304, 2), }",
            NULL, 0);
    size_t head = zeros.size;
    zeros.data = realloc(zeros.data, head + size);
    memset(zeros.data + head, 0, size);
    zeros.size = head + size;
    zip_add(&bomb, ZIP_DEFLATED, "x1.npy", &zeros);
    zip_end(&bomb, false);
    free(zeros.data);
    write_bytes("b.npz", &bomb.file);
    free(bomb.file.data);
    ck_assert_int_eq(open_data("b.npz", &x, 1, &d), QUERN_LIMIT);
    ck_assert_ptr_nonnull(strstr(said(), "exceeds the limit of 25165824"));
}
END_TEST

/* ---------------------------------------------------------------- names */

START_TEST(a_missing_name_is_told_with_the_names_there)
{
    struct quern_data *d = NULL;
    struct quern_value *x = input("x1", QUERN_FLOAT, DIMS(-1, 2));
    write_npz("a.npz", ZIP_STORED, "pixels.npy", "(3, 2)", 6);
    ck_assert_int_eq(open_data("a.npz", &x, 1, &d), QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(said(), "a.npz: tensor 'x1': no array of the name of this "
                             "input; there is 'pixels'");
}
END_TEST

START_TEST(an_unnamed_array_serves_a_model_with_one_input)
{
    struct quern_data *d = NULL;
    struct quern_value *x[2] = {input("x1", QUERN_FLOAT, DIMS(-1, 2)),
                                input("x2", QUERN_FLOAT, DIMS(-1, 2))};
    struct bytes b = floats("(3, 2)", 6);
    write_npz("a.npz", ZIP_STORED, "arr_0.npy", "(3, 2)", 6);
    write_bytes("a.npy", &b);
    free(b.data);
    ck_assert_int_eq(open_data("a.npz", x, 1, &d), QUERN_OK);
    quern_data_close(&d);
    ck_assert_int_eq(open_data("a.npy", x, 1, &d), QUERN_OK);
    quern_data_close(&d);
    ck_assert_int_eq(open_data("a.npz", x, 2, &d), QUERN_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(said(), "tensor 'x1': no array of the name"));
    ck_assert_int_eq(open_data("a.npy", x, 2, &d), QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(said(), "a.npy: one array without a name, the model has 2 "
                             "inputs: give an .npz");
}
END_TEST

START_TEST(a_name_that_stands_twice_is_refused)
{
    struct quern_data *d = NULL;
    struct quern_value *x = input("x1", QUERN_FLOAT, DIMS(-1, 2));
    struct zip z = {0};
    struct bytes b = floats("(3, 2)", 6);
    zip_add(&z, ZIP_STORED, "x1.npy", &b);
    zip_add(&z, ZIP_STORED, "x1", &b);
    zip_end(&z, false);
    write_bytes("a.npz", &z.file);
    ck_assert_int_eq(open_data("a.npz", &x, 1, &d), QUERN_MALFORMED);
    ck_assert_str_eq(said(), "a.npz: tensor 'x1': two arrays have this name");
    free(b.data);
    free(z.file.data);
}
END_TEST

/* ---------------------------------------------------------------- sizes */

START_TEST(a_misfit_is_told_with_what_was_found_and_what_is_needed)
{
    struct quern_data *d = NULL;
    struct quern_value *type = input("x1", QUERN_INT64, DIMS(-1, 2));
    struct quern_value *rank = input("x2", QUERN_FLOAT, DIMS(-1, 2, 4));
    struct quern_value *size = input("x3", QUERN_FLOAT, DIMS(-1, 3));
    struct bytes b = floats("(3, 2)", 6);
    write_bytes("a.npy", &b);
    free(b.data);
    ck_assert_int_eq(open_data("a.npy", &type, 1, &d), QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(said(), "a.npy: tensor 'x1': array is float[3, 2], the "
                             "model's input needs int64[?, 2] with samples "
                             "along axis 0");
    ck_assert_int_eq(open_data("a.npy", &rank, 1, &d), QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(said(), "a.npy: tensor 'x2': array is float[3, 2], the "
                             "model's input needs float[?, 2, 4] with samples "
                             "along axis 0");
    ck_assert_int_eq(open_data("a.npy", &size, 1, &d), QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(said(), "a.npy: tensor 'x3': array is float[3, 2], the "
                             "model's input needs float[?, 3] with samples "
                             "along axis 0");
}
END_TEST

START_TEST(no_samples_and_one_sample)
{
    struct quern_data *d = NULL;
    struct quern_value *x = input("x1", QUERN_FLOAT, DIMS(-1, 2));
    struct bytes none = floats("(0, 2)", 0);
    struct bytes one = floats("(1, 2)", 2);
    write_bytes("none.npy", &none);
    write_bytes("one.npy", &one);
    free(none.data);
    free(one.data);
    ck_assert_int_eq(open_data("none.npy", &x, 1, &d), QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(said(),
                     "none.npy: data holds 0 samples, needs at least 1");
    ck_assert_int_eq(open_data("one.npy", &x, 1, &d), QUERN_OK);
    ck_assert_uint_eq(quern_data_count(d), 1);
    struct quern_tensor *t = NULL;
    ck_assert_int_eq(quern_data_sample(d, context, 1, &t),
                     QUERN_INVALID_ARGUMENT);
    quern_clear(context);
    quern_data_close(&d);
}
END_TEST

START_TEST(a_fixed_batch_takes_as_many_at_once)
{
    struct quern_data *d = NULL;
    struct quern_value *x = input("x1", QUERN_FLOAT, DIMS(2, 2));
    struct bytes four = floats("(4, 2)", 8);
    struct bytes three = floats("(3, 2)", 6);
    write_bytes("four.npy", &four);
    write_bytes("three.npy", &three);
    free(four.data);
    free(three.data);
    ck_assert_int_eq(open_data("four.npy", &x, 1, &d), QUERN_OK);
    ck_assert_uint_eq(quern_data_count(d), 2);
    ck_assert_double_eq(first_of(d, 1), 4.0);
    quern_data_close(&d);
    ck_assert_int_eq(open_data("three.npy", &x, 1, &d), QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(said(), "three.npy: tensor 'x1': array has 3 along axis "
                             "0, the model's input takes 2 at once");
}
END_TEST

static void write_two(const char *file, const char *shape, size_t n)
{
    struct zip z = {0};
    struct bytes a = floats("(3, 2)", 6);
    struct bytes b = floats(shape, n);
    zip_add(&z, ZIP_STORED, "x1.npy", &a);
    zip_add(&z, ZIP_STORED, "x2.npy", &b);
    zip_end(&z, false);
    write_bytes(file, &z.file);
    free(a.data);
    free(b.data);
    free(z.file.data);
}

START_TEST(inputs_must_have_as_many_samples)
{
    struct quern_data *d = NULL;
    struct quern_value *x[2] = {input("x1", QUERN_FLOAT, DIMS(-1, 2)),
                                input("x2", QUERN_FLOAT, DIMS(-1, 2))};
    write_two("a.npz", "(2, 2)", 4);
    ck_assert_int_eq(open_data("a.npz", x, 2, &d), QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(said(), "a.npz: tensor 'x2': array has 2 samples, array "
                             "'x1' has 3");
}
END_TEST

START_TEST(scalars_go_with_every_sample)
{
    struct quern_data *d = NULL;
    struct quern_value *x[2] = {input("x1", QUERN_FLOAT, DIMS(-1, 2)),
                                input("x2", QUERN_FLOAT, DIMS(-2))};
    struct quern_tensor *t[2] = {NULL};
    write_two("a.npz", "()", 1);
    ck_assert_int_eq(open_data("a.npz", x, 2, &d), QUERN_OK);
    ck_assert_uint_eq(quern_data_count(d), 3);
    ck_assert_int_eq(quern_data_sample(d, context, 2, t), QUERN_OK);
    ck_assert_int_eq(quern_tensor_rank(t[1]), 0);
    quern_tensor_release(&t[0]);
    quern_tensor_release(&t[1]);
    quern_data_close(&d);
}
END_TEST

START_TEST(another_axis_may_count_samples)
{
    static const char *const axes[] = {"x2=1", "x1=none", NULL};
    struct quern_context *own = NULL;
    struct quern_context_options o = {.struct_size = sizeof o,
                                      .batch_axes = axes};
    struct quern_data *d = NULL;
    struct quern_value *x[2] = {input("x1", QUERN_FLOAT, DIMS(3, 2)),
                                input("x2", QUERN_FLOAT, DIMS(2, -1, 2))};
    struct quern_tensor *t[2] = {NULL};
    ck_assert_int_eq(quern_context_create(&o, &own), QUERN_OK);
    write_two("a.npz", "(2, 4, 2)", 16);
    ck_assert_int_eq(quern_data_open(own, place("a.npz"), x, 2, &d), QUERN_OK);
    ck_assert_uint_eq(quern_data_count(d), 4);
    ck_assert_int_eq(quern_data_sample(d, own, 1, t), QUERN_OK);
    static const float want[] = {2, 3, 10, 11};
    ck_assert_int_eq(quern_tensor_dims(t[1])[1], 1);
    ck_assert_mem_eq(quern_tensor_data(t[1]), want, sizeof want);
    ck_assert_int_eq(quern_tensor_dims(t[0])[0], 3);
    quern_tensor_release(&t[0]);
    quern_tensor_release(&t[1]);
    quern_data_close(&d);
    quern_context_destroy(&own);
}
END_TEST

static const struct {
    const char *axis;
    const char *message;
} bad_axes[] = {
    {"y=1", "error[invalid-argument]: batch axis 'y=1': the model has no such "
            "input"},
    {"x1", "error[invalid-argument]: batch axis 'x1': needs NAME=K with K from "
           "0 to 15, or NAME=none"},
    {"x1=-1", "error[invalid-argument]: batch axis 'x1=-1': needs NAME=K with "
              "K from 0 to 15, or NAME=none"},
    {"x1=2z", "error[invalid-argument]: batch axis 'x1=2z': needs NAME=K with "
              "K from 0 to 15, or NAME=none"},
};

START_TEST(a_wrong_axis_is_told)
{
    const char *const axes[] = {bad_axes[_i].axis, NULL};
    struct quern_context_options o = {.struct_size = sizeof o,
                                      .batch_axes = axes};
    struct quern_context *own = NULL;
    struct quern_data *d = NULL;
    struct quern_value *x = input("x1", QUERN_FLOAT, DIMS(-1, 2));
    char line[512];
    ck_assert_int_eq(quern_context_create(&o, &own), QUERN_OK);
    write_npz("a.npz", ZIP_STORED, "x1.npy", "(3, 2)", 6);
    ck_assert_int_eq(quern_data_open(own, place("a.npz"), &x, 1, &d),
                     QUERN_INVALID_ARGUMENT);
    quern_message_format(quern_error(own), line, sizeof line);
    ck_assert_str_eq(line, bad_axes[_i].message);
    quern_context_destroy(&own);
}
END_TEST

/* -------------------------------------------------------------- folders */

START_TEST(samples_of_a_folder_may_differ_in_size)
{
    struct quern_data *d = NULL;
    struct quern_value *x = input("x1", QUERN_FLOAT, DIMS(-1, -1));
    struct quern_tensor *t = NULL;
    ck_assert_int_eq(mkdir(place("f"), 0777), 0);
    write_npz("f/a2.npz", ZIP_STORED, "x1.npy", "(3, 2)", 6);
    write_npz("f/a10.npz", ZIP_DEFLATED, "x1.npy", "(1, 7)", 7);
    struct bytes b = floats("(2, 5)", 10);
    write_bytes("f/z.npy", &b);
    write_bytes("f/readme.txt", &b);
    free(b.data);
    ck_assert_int_eq(open_data("f", &x, 1, &d), QUERN_OK);
    ck_assert_uint_eq(quern_data_count(d), 6);
    static const int64_t lengths[] = {2, 2, 2, 7, 5, 5};
    for (size_t i = 0; i < 6; i++) {
        ck_assert_int_eq(quern_data_sample(d, context, i, &t), QUERN_OK);
        ck_assert_int_eq(quern_tensor_dims(t)[0], 1);
        ck_assert_int_eq(quern_tensor_dims(t)[1], lengths[i]);
        quern_tensor_release(&t);
    }
    ck_assert_double_eq(first_of(d, 5), 5.0);
    quern_data_close(&d);
}
END_TEST

START_TEST(a_folder_may_hold_a_file_an_input)
{
    struct quern_data *d = NULL;
    struct quern_value *x[2] = {input("x1", QUERN_FLOAT, DIMS(-1, 2)),
                                input("x2", QUERN_FLOAT, DIMS(-1, 3))};
    struct bytes a = floats("(2, 2)", 4);
    struct bytes b = floats("(2, 3)", 6);
    ck_assert_int_eq(mkdir(place("f"), 0777), 0);
    write_bytes("f/x1.npy", &a);
    write_bytes("f/x2.npy", &b);
    free(a.data);
    free(b.data);
    ck_assert_int_eq(open_data("f", x, 2, &d), QUERN_OK);
    ck_assert_uint_eq(quern_data_count(d), 2);
    quern_data_close(&d);
}
END_TEST

START_TEST(an_empty_folder_is_told)
{
    struct quern_data *d = NULL;
    struct quern_value *x = input("x1", QUERN_FLOAT, DIMS(-1, 2));
    ck_assert_int_eq(mkdir(place("f"), 0777), 0);
    ck_assert_int_eq(open_data("f", &x, 1, &d), QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(said(),
                     "f: folder holds no .npz, .npy or test_data_set_N");
    ck_assert_int_eq(open_data("g", &x, 1, &d), QUERN_IO);
    ck_assert_str_eq(said(), "g: open: No such file or directory");
}
END_TEST

START_TEST(test_sets_are_matched_with_the_inputs)
{
    /* TensorProto: dims 1, 2; FLOAT; raw data 0.0, 1.0 */
    static const unsigned char tensor[] = {8, 1, 8, 2, 16, 1, 0x4a, 8,
                                           0, 0, 0, 0, 0,  0, 0x80, 0x3f};
    struct bytes b = {0};
    struct quern_data *d = NULL;
    struct quern_value *x = input("x1", QUERN_FLOAT, DIMS(-1, 2));
    struct quern_value *y = input("x2", QUERN_FLOAT, DIMS(-1, 3));
    struct quern_tensor *t = NULL;
    put(&b, tensor, sizeof tensor);
    ck_assert_int_eq(mkdir(place("f"), 0777), 0);
    ck_assert_int_eq(mkdir(place("f/test_data_set_0"), 0777), 0);
    write_bytes("f/test_data_set_0/input_0.pb", &b);
    free(b.data);
    ck_assert_int_eq(open_data("f", &x, 1, &d), QUERN_OK);
    ck_assert_uint_eq(quern_data_count(d), 1);
    ck_assert_double_eq(first_of(d, 0), 0.0);
    quern_data_close(&d);
    ck_assert_int_eq(open_data("f/test_data_set_0", &x, 1, &d), QUERN_OK);
    quern_data_close(&d);
    ck_assert_int_eq(open_data("f", &y, 1, &d), QUERN_OK);
    ck_assert_int_eq(quern_data_sample(d, context, 0, &t),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(said(),
                     "f/test_data_set_0/input_0.pb: tensor 'x2': array is "
                     "float[1, 2], the model's input needs float[?, 3]");
    quern_data_close(&d);
}
END_TEST

/* ------------------------------------------------------------------ NaN */

START_TEST(nan_and_infinity_are_named)
{
    struct quern_data *d = NULL;
    struct quern_value *x = input("x1", QUERN_FLOAT, DIMS(-1, 2, 2));
    struct bytes b = floats("(3, 2, 2)", 12);
    float bad = _i == 0 ? NAN : -INFINITY;
    memcpy(b.data + b.size - 12 * 4 + 6 * 4, &bad, 4);
    memcpy(b.data + b.size - 4, &bad, 4);
    write_bytes("a.npy", &b);
    free(b.data);
    ck_assert_int_eq(open_data("a.npy", &x, 1, &d), QUERN_OK);
    ck_assert_int_eq(quern_data_check_finite(d, context), QUERN_NUMERIC);
    ck_assert_str_eq(said(), _i == 0 ? "a.npy: tensor 'x1': sample 1 holds "
                                       "NaN, first at [1, 1, 0]"
                                     : "a.npy: tensor 'x1': sample 1 holds an "
                                       "infinity, first at [1, 1, 0]");
    quern_data_close(&d);
}
END_TEST

START_TEST(masks_of_attention_may_hold_infinity)
{
    struct quern_data *d = NULL;
    struct quern_value *x = input("x1", QUERN_FLOAT, DIMS(-1, 2, 2));
    struct bytes b = floats("(3, 2, 2)", 12);
    float mask[12] = {0, -INFINITY, -0.0F, 0, -INFINITY, -INFINITY,
                      0, 0,         1,     2, 3,         4};
    /* 1: +infinity; 2: another number beside it; 3: nothing but -infinity */
    mask[1] = _i == 1 ? INFINITY : -INFINITY;
    mask[2] = _i == 2 ? -1.0F : mask[2];
    for (int i = 4; _i == 3 && i < 8; i++) {
        mask[i] = -INFINITY;
    }
    memcpy(b.data + b.size - sizeof mask, mask, sizeof mask);
    write_bytes("a.npy", &b);
    free(b.data);
    ck_assert_int_eq(open_data("a.npy", &x, 1, &d), QUERN_OK);
    ck_assert_int_eq(quern_data_check_finite(d, context),
                     _i == 0 ? QUERN_OK : QUERN_NUMERIC);
    quern_clear(context);
    quern_data_close(&d);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("data");
    TCase *all = tcase_create("data");
    tcase_set_timeout(all, 60);
    tcase_add_checked_fixture(all, begin, finish);
    tcase_add_loop_test(all, stored_deflated_and_zip64_archives_are_read, 0, 3);
    tcase_add_loop_test(all, archives_that_cannot_be_read_are_refused, 0,
                        sizeof archives / sizeof *archives);
    tcase_add_loop_test(all, every_truncation_of_an_archive_is_an_error, 0, 2);
    tcase_add_test(all, zip_bombs_end_at_a_limit);
    tcase_add_test(all, a_missing_name_is_told_with_the_names_there);
    tcase_add_test(all, an_unnamed_array_serves_a_model_with_one_input);
    tcase_add_test(all, a_name_that_stands_twice_is_refused);
    tcase_add_test(all,
                   a_misfit_is_told_with_what_was_found_and_what_is_needed);
    tcase_add_test(all, no_samples_and_one_sample);
    tcase_add_test(all, a_fixed_batch_takes_as_many_at_once);
    tcase_add_test(all, inputs_must_have_as_many_samples);
    tcase_add_test(all, scalars_go_with_every_sample);
    tcase_add_test(all, another_axis_may_count_samples);
    tcase_add_loop_test(all, a_wrong_axis_is_told, 0,
                        sizeof bad_axes / sizeof *bad_axes);
    tcase_add_test(all, samples_of_a_folder_may_differ_in_size);
    tcase_add_test(all, a_folder_may_hold_a_file_an_input);
    tcase_add_test(all, an_empty_folder_is_told);
    tcase_add_test(all, test_sets_are_matched_with_the_inputs);
    tcase_add_loop_test(all, nan_and_infinity_are_named, 0, 2);
    tcase_add_loop_test(all, masks_of_attention_may_hold_infinity, 0, 4);
    suite_add_tcase(suite, all);
    return suite;
}
