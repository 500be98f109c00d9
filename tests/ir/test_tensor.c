/* Tensors: sizes, sharing, reading every type, casting. */
#include <quern/graph.h>
#include <quern/model.h>
#include <quern/run.h>
#include <quern/tensor.h>

#include "ir/tensor.h"
#include "qtest.h"

#include <stdlib.h>
#include <string.h>

static struct quern_context *context;

static void setup(void)
{
    ck_assert_int_eq(quern_context_create(NULL, &context), QUERN_OK);
}

static void teardown(void)
{
    quern_context_destroy(&context);
}

static struct quern_tensor *wrap(enum quern_dtype dtype, int64_t n, void *data,
                                 size_t size)
{
    struct quern_tensor *t = NULL;
    ck_assert_int_eq(
        quern_tensor_wrap(context, dtype, 1, &n, data, size, NULL, NULL, &t),
        QUERN_OK);
    return t;
}

START_TEST(sub_byte_elements_are_packed_low_bits_first)
{
    unsigned char bytes[] = {0x9f, 0x07};
    int64_t got[3];
    struct quern_tensor *t = wrap(QUERN_INT4, 3, bytes, 2);
    ck_assert(quern_tensor_read_ints(t, 0, 3, got));
    ck_assert_int_eq(got[0], -1);
    ck_assert_int_eq(got[1], -7);
    ck_assert_int_eq(got[2], 7);
    quern_tensor_release(&t);
    unsigned char two[] = {0xe4}; /* 0, 1, 2, 3 */
    int64_t four[4];
    t = wrap(QUERN_UINT2, 4, two, 1);
    ck_assert(quern_tensor_read_ints(t, 0, 4, four));
    ck_assert(four[0] == 0 && four[1] == 1 && four[2] == 2 && four[3] == 3);
    quern_tensor_release(&t);
}
END_TEST

START_TEST(sizes_must_be_exact)
{
    unsigned char bytes[16] = {0};
    struct quern_tensor *t = NULL;
    int64_t n = 3;
    ck_assert_int_eq(
        quern_tensor_wrap(context, QUERN_INT4, 1, &n, bytes, 3, NULL, NULL, &t),
        QUERN_MALFORMED);
    quern_clear(context);
    ck_assert_int_eq(quern_tensor_wrap(context, QUERN_FLOAT, 1, &n, bytes, 11,
                                       NULL, NULL, &t),
                     QUERN_MALFORMED);
    quern_clear(context);
    const int64_t huge[] = {INT64_MAX, 2};
    ck_assert_int_eq(quern_tensor_create(context, QUERN_FLOAT, 2, huge, &t),
                     QUERN_LIMIT);
    quern_clear(context);
    n = -1;
    ck_assert_int_eq(quern_tensor_create(context, QUERN_FLOAT, 1, &n, &t),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_ptr_null(t);
}
END_TEST

START_TEST(unaligned_bytes_are_read)
{
    unsigned char bytes[17];
    const double numbers[] = {1.5, -2.5};
    double got[2];
    memcpy(bytes + 1, numbers, sizeof numbers);
    struct quern_tensor *t = wrap(QUERN_DOUBLE, 2, bytes + 1, sizeof numbers);
    struct quern_tensor *aligned = NULL;
    ck_assert(quern_tensor_read_doubles(t, 0, 2, got));
    ck_assert(got[0] > 1.4 && got[1] < -2.4);
    ck_assert_int_eq(quern_tensor_align(context, t, &aligned), QUERN_OK);
    ck_assert_uint_eq((uintptr_t)quern_tensor_data(aligned) % 64, 0);
    ck_assert(quern_tensor_equal(t, aligned));
    quern_tensor_release(&aligned);
    quern_tensor_release(&t);
}
END_TEST

START_TEST(numbers_outside_are_not_read)
{
    float number = 1.5F;
    float huge = 1e30F;
    int64_t i = 7;
    float f = 0.0F;
    struct quern_tensor *t = wrap(QUERN_FLOAT, 1, &number, 4);
    ck_assert(!quern_tensor_read_ints(t, 0, 1, &i)); /* no whole number */
    ck_assert(!quern_tensor_read_floats(t, 1, 1, &f));
    ck_assert(!quern_tensor_read_floats(t, -1, 1, &f));
    ck_assert(!quern_tensor_read_floats(t, 0, 2, &f));
    quern_tensor_release(&t);
    t = wrap(QUERN_FLOAT, 1, &huge, 4);
    ck_assert(!quern_tensor_read_ints(t, 0, 1, &i));
    quern_tensor_release(&t);
}
END_TEST

static void count_release(void *user, void *data)
{
    (void)data;
    *(int *)user += 1;
}

START_TEST(lent_memory_is_given_back_once)
{
    float numbers[] = {1, 2, 3, 4};
    int n_released = 0;
    const int64_t dims[] = {2, 2};
    const int64_t flat = 4;
    struct quern_tensor *t = NULL;
    struct quern_tensor *other = NULL;
    ck_assert_int_eq(quern_tensor_wrap(context, QUERN_FLOAT, 2, dims, numbers,
                                       sizeof numbers, count_release,
                                       &n_released, &t),
                     QUERN_OK);
    ck_assert_int_eq(quern_tensor_reshape(t, 1, &flat, &other), QUERN_OK);
    ck_assert_ptr_eq(quern_tensor_data(other), numbers);
    ck_assert_ptr_null(quern_tensor_data_mut(t));
    quern_tensor_release(&t);
    ck_assert_int_eq(n_released, 0);
    quern_tensor_release(&other);
    ck_assert_int_eq(n_released, 1);
}
END_TEST

START_TEST(casts_round_as_onnx_does)
{
    float numbers[] = {1.25F, -0.5F, 65504.0F};
    float back[3];
    struct quern_tensor *t = wrap(QUERN_FLOAT, 3, numbers, sizeof numbers);
    struct quern_tensor *half = NULL;
    ck_assert_int_eq(quern_tensor_cast(context, t, QUERN_FLOAT16, &half),
                     QUERN_OK);
    ck_assert_uint_eq(quern_tensor_size(half), 6);
    ck_assert(quern_tensor_read_floats(half, 0, 3, back));
    ck_assert_mem_eq(back, numbers, sizeof numbers);
    quern_tensor_release(&half);
    quern_tensor_release(&t);
}
END_TEST

START_TEST(forgotten_bytes_come_back)
{
    unsigned char bytes[] = {1, 2, 3, 4};
    struct quern_tensor *t = wrap(QUERN_UINT8, 4, bytes, 4);
    quern_tensor_forget(t);
    ck_assert_mem_eq(quern_tensor_data(t), "\1\2\3\4", 4);
    quern_tensor_release(&t);
    struct quern_model *model = NULL;
    ck_assert_int_eq(quern_model_open(context,
                                      qtest_data("digits-mobilenet/model.onnx"),
                                      &model),
                     QUERN_OK);
    const struct quern_value *v =
        quern_graph_first_initializer(quern_model_graph(model));
    for (; v != NULL; v = quern_value_next_initializer(v)) {
        const struct quern_tensor *mapped = quern_value_constant(v);
        size_t size = quern_tensor_size(mapped);
        unsigned char *copy = malloc(size + 1);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, quern_tensor_data(mapped), size);
        quern_tensor_forget(mapped);
        ck_assert(memcmp(quern_tensor_data(mapped), copy, size) == 0);
        free(copy);
    }
    quern_model_destroy(&model);
}
END_TEST

START_TEST(lists_hold_tensors_alone)
{
    struct quern_tensor *items[2] = {NULL, NULL};
    struct quern_tensor *list = NULL;
    struct quern_tensor *none = NULL;
    float one = 1.0f;
    ck_assert_int_eq(quern_tensor_of_floats(context, 1, &one, &items[0]),
                     QUERN_OK);
    ck_assert_int_eq(quern_tensor_of_items(context, items, 2, &none),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(quern_error(context)->text,
                     "item 1 of a list is missing, needs a tensor");
    quern_clear(context);
    ck_assert_int_eq(quern_tensor_of_items(context, items, 1, &list), QUERN_OK);
    items[1] = list;
    ck_assert_int_eq(quern_tensor_of_items(context, items, 2, &none),
                     QUERN_INVALID_ARGUMENT);
    ck_assert_str_eq(quern_error(context)->text,
                     "item 1 of a list is a list itself, needs a tensor");
    ck_assert_ptr_null(none);
    quern_tensor_release(&items[0]);
    ck_assert_int_eq(quern_tensor_len(quern_tensor_item(list, 0)), 1);
    quern_tensor_release(&list);
}
END_TEST

START_TEST(packed_tensors_outlive_their_pack)
{
    enum { N = 3000 };
    static struct quern_tensor *all[N];
    struct qn_tensor_pack pack = {0};
    const int64_t sizes[] = {1, 7, 300, 5000};
    for (size_t i = 0; i < N; i++) {
        const int64_t *dim = &sizes[i % 4];
        unsigned char *data = NULL;
        ck_assert_int_eq(qn_tensor_packed(context, &pack, QUERN_UINT8, 1, dim,
                                          &all[i], &data),
                         QUERN_OK);
        ck_assert_uint_eq((uintptr_t)data % 64, 0);
        ck_assert_uint_eq(data[0] | data[*dim - 1], 0);
        memset(data, (int)(i % 251), (size_t)*dim);
    }
    qn_tensor_pack_finish(&pack);
    for (size_t i = 0; i < N; i++) {
        size_t at = i * 7 % N; /* in another order */
        const unsigned char *data = quern_tensor_data(all[at]);
        struct quern_tensor *other = NULL;
        ck_assert_int_eq(quern_tensor_rank(all[at]), 1);
        ck_assert_int_eq(quern_tensor_len(all[at]), sizes[at % 4]);
        ck_assert_uint_eq(data[sizes[at % 4] - 1], at % 251);
        ck_assert_int_eq(
            quern_tensor_reshape(all[at], 1, &sizes[at % 4], &other), QUERN_OK);
        quern_tensor_release(&all[at]);
        ck_assert_uint_eq(*(const unsigned char *)quern_tensor_data(other),
                          at % 251);
        quern_tensor_release(&other);
    }
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("ir/tensor");
    TCase *tests = tcase_create("tensor");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, sub_byte_elements_are_packed_low_bits_first);
    tcase_add_test(tests, sizes_must_be_exact);
    tcase_add_test(tests, forgotten_bytes_come_back);
    tcase_add_test(tests, packed_tensors_outlive_their_pack);
    tcase_add_test(tests, lists_hold_tensors_alone);
    tcase_add_test(tests, unaligned_bytes_are_read);
    tcase_add_test(tests, numbers_outside_are_not_read);
    tcase_add_test(tests, lent_memory_is_given_back_once);
    tcase_add_test(tests, casts_round_as_onnx_does);
    suite_add_tcase(suite, tests);
    return suite;
}
