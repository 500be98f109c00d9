/* Arrays in numpy's format: every type, both orders, all versions; refusals. */
#include "base/buf.h"
#include "data/array.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Read bytes as an array; NULL on error. */
static struct quern_tensor *read_bytes(const struct bytes *b)
{
    struct quern_tensor *t = NULL;
    struct qn_buf *buf = qn_buf_wrap(b->data, b->size, NULL, NULL);
    ck_assert_ptr_nonnull(buf);
    struct qn_input *input = qn_input_of(buf, "f.npy");
    ck_assert_ptr_nonnull(input);
    if (qn_npy_read(context, "x", input, &t) != QUERN_OK) {
        t = NULL;
    }
    qn_input_release(input);
    qn_buf_release(buf);
    return t;
}

static const char *dict(const char *descr, const char *order, const char *shape)
{
    static char text[256];
    snprintf(text, sizeof text,
             "{'descr': %s, 'fortran_order': %s, 'shape': %s, }", descr, order,
             shape);
    return text;
}

static const struct {
    const char *descr;
    enum quern_dtype dtype;
    size_t size;
} types[] = {
    {"'<f4'", QUERN_FLOAT, 4},     {"'<f8'", QUERN_DOUBLE, 8},
    {"'<f2'", QUERN_FLOAT16, 2},   {"'|i1'", QUERN_INT8, 1},
    {"'<i2'", QUERN_INT16, 2},     {"'<i4'", QUERN_INT32, 4},
    {"'<i8'", QUERN_INT64, 8},     {"'|u1'", QUERN_UINT8, 1},
    {"'<u2'", QUERN_UINT16, 2},    {"'<u4'", QUERN_UINT32, 4},
    {"'<u8'", QUERN_UINT64, 8},    {"'|b1'", QUERN_BOOL, 1},
    {"'<c8'", QUERN_COMPLEX64, 8}, {"'<c16'", QUERN_COMPLEX128, 16},
    {"'=i4'", QUERN_INT32, 4},
};

START_TEST(every_type_of_numbers_is_read)
{
    unsigned char data[6 * 16];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (unsigned char)i;
    }
    struct bytes b = {0};
    put_npy(&b, 1, dict(types[_i].descr, "False", "(2, 3)"), data,
            6 * types[_i].size);
    struct quern_tensor *t = read_bytes(&b);
    ck_assert_ptr_nonnull(t);
    ck_assert_int_eq(quern_tensor_dtype(t), types[_i].dtype);
    ck_assert_int_eq(quern_tensor_rank(t), 2);
    ck_assert_int_eq(quern_tensor_dims(t)[1], 3);
    ck_assert_mem_eq(quern_tensor_data(t), data, 6 * types[_i].size);
    quern_tensor_release(&t);
    free(b.data);
}
END_TEST

/* The same numbers big-endian, in Fortran order, and both. */
START_TEST(other_byte_and_axis_orders_are_converted)
{
    const int32_t plain[6] = {1, 2, 3, 4, 5, 0x01020304};
    static const int transposed[6] = {0, 3, 1, 4, 2, 5};
    bool swap = (_i & 1) != 0;
    bool fortran = (_i & 2) != 0;
    int32_t data[6];
    for (int i = 0; i < 6; i++) {
        int32_t x = plain[fortran ? transposed[i] : i];
        data[i] = swap ? (int32_t)__builtin_bswap32((uint32_t)x) : x;
    }
    struct bytes b = {0};
    put_npy(
        &b, 1,
        dict(swap ? "'>i4'" : "'<i4'", fortran ? "True" : "False", "(2, 3)"),
        data, sizeof data);
    struct quern_tensor *t = read_bytes(&b);
    ck_assert_ptr_nonnull(t);
    ck_assert_mem_eq(quern_tensor_data(t), plain, sizeof plain);
    quern_tensor_release(&t);
    free(b.data);
}
END_TEST

START_TEST(big_endian_complex_numbers_keep_their_halves)
{
    const unsigned char data[8] = {0, 0, 0, 1, 0, 0, 0, 2};
    const unsigned char want[8] = {1, 0, 0, 0, 2, 0, 0, 0};
    struct bytes b = {0};
    put_npy(&b, 1, dict("'>c8'", "False", "(1,)"), data, 8);
    struct quern_tensor *t = read_bytes(&b);
    ck_assert_ptr_nonnull(t);
    ck_assert_mem_eq(quern_tensor_data(t), want, 8);
    quern_tensor_release(&t);
    free(b.data);
}
END_TEST

START_TEST(headers_of_versions_1_to_3_are_read)
{
    float x = 1.5f;
    struct bytes b = {0};
    put_npy(&b, _i + 1, dict("'<f4'", "False", "()"), &x, sizeof x);
    struct quern_tensor *t = read_bytes(&b);
    ck_assert_ptr_nonnull(t);
    ck_assert_int_eq(quern_tensor_rank(t), 0);
    ck_assert_mem_eq(quern_tensor_data(t), &x, sizeof x);
    quern_tensor_release(&t);
    free(b.data);
}
END_TEST

static const struct {
    const char *descr;
    const char *shape;
    const char *message;
} refused[] = {
    {"'|O'", "(1,)",
     "error[unsupported]: f.npy: tensor 'x': array of type '|O' holds Python "
     "objects: save an array of numbers"},
    {"[('a', '<f4')]", "(1,)",
     "error[unsupported]: f.npy: tensor 'x': array of type 'V' is structured "
     "or of raw bytes: save an array of numbers"},
    {"'<U7'", "(1,)",
     "error[unsupported]: f.npy: tensor 'x': array of type '<U7' holds text: "
     "samples of text must come as ONNX test sets"},
    {"'<M8[ns]'", "(1,)",
     "error[unsupported]: f.npy: tensor 'x': array of type '<M8[ns]' holds "
     "dates or times: save an array of numbers"},
    {"'<f16'", "(1,)",
     "error[unsupported]: f.npy: tensor 'x': array of type '<f16' has an "
     "element type that models do not have"},
    {"'<f4'", "(3,)",
     "error[malformed]: f.npy: tensor 'x': array is truncated: 8 bytes are "
     "there, its shape needs 12"},
    {"'<f4'", "(-1,)",
     "error[malformed]: f.npy: tensor 'x': numpy header is damaged: shape "
     "holds what is no number of 0 or more"},
    {"'<f4'", "3",
     "error[malformed]: f.npy: tensor 'x': numpy header is damaged: shape is "
     "no tuple"},
    {"'<f4'", "(1, ",
     "error[malformed]: f.npy: tensor 'x': numpy header is damaged: shape "
     "holds what is no number of 0 or more"},
    {"'<f4'", "(4611686018427387904, 4)",
     "error[limit]: f.npy: tensor 'x': number of elements of the array "
     "overflows"},
    {"'<f4'", "(99999999999999999999,)",
     "error[malformed]: f.npy: tensor 'x': numpy header is damaged: shape "
     "holds what is no number of 0 or more"},
    {"'<f4'", "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)",
     "error[malformed]: f.npy: tensor 'x': numpy header is damaged: rank is "
     "over 16"},
    {"<f4", "(1,)",
     "error[malformed]: f.npy: tensor 'x': numpy header is damaged: descr is "
     "no type"},
};

START_TEST(what_cannot_be_read_is_refused_by_name)
{
    struct bytes b = {0};
    put_npy(&b, 1, dict(refused[_i].descr, "False", refused[_i].shape),
            "01234567", 8);
    ck_assert_ptr_null(read_bytes(&b));
    ck_assert_str_eq(said(), refused[_i].message);
    free(b.data);
}
END_TEST

START_TEST(every_truncation_of_an_array_is_an_error)
{
    struct bytes b = {0};
    put_npy(&b, 1, dict("'<f4'", "False", "(2,)"), "01234567", 8);
    size_t size = b.size;
    for (b.size = 0; b.size < size; b.size++) {
        struct bytes copy = {0};
        put(&copy, b.data, b.size);
        ck_assert_ptr_null(read_bytes(&copy));
        ck_assert_str_ne(said(), "");
        free(copy.data);
    }
    free(b.data);
}
END_TEST

START_TEST(a_header_longer_than_the_file_is_an_error)
{
    struct bytes b = {0};
    put(&b, "\x93NUMPY\2\0\xff\xff\xff\xff{'descr'", 20);
    ck_assert_ptr_null(read_bytes(&b));
    ck_assert_str_eq(said(),
                     "error[malformed]: f.npy: tensor 'x': numpy header takes "
                     "4294967295 bytes, at most 8 are there");
    free(b.data);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("npy");
    TCase *all = tcase_create("npy");
    tcase_add_checked_fixture(all, begin, finish);
    tcase_add_loop_test(all, every_type_of_numbers_is_read, 0,
                        sizeof types / sizeof *types);
    tcase_add_loop_test(all, other_byte_and_axis_orders_are_converted, 0, 4);
    tcase_add_test(all, big_endian_complex_numbers_keep_their_halves);
    tcase_add_loop_test(all, headers_of_versions_1_to_3_are_read, 0, 3);
    tcase_add_loop_test(all, what_cannot_be_read_is_refused_by_name, 0,
                        sizeof refused / sizeof *refused);
    tcase_add_test(all, every_truncation_of_an_array_is_an_error);
    tcase_add_test(all, a_header_longer_than_the_file_is_an_error);
    suite_add_tcase(suite, all);
    return suite;
}
