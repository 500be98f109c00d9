/* Room for packed weights, and blocks of filters against their definition. */
#include "exec/filter_blocks.h"
#include "exec/slabs.h"
#include "qtest.h"

#include <stdlib.h>
#include <string.h>

START_TEST(pieces_lie_apart_and_well)
{
    enum { N = 40 };
    struct qn_slabs slabs;
    struct qn_slab *of[N] = {NULL};
    unsigned char *piece[N];
    qn_slabs_init(&slabs);
    for (size_t i = 0; i < N; i++) {
        size_t size = i * i * 700 + 1; /* to 1 MiB, and 20 in all */
        piece[i] = qn_slab_take(&slabs, size, &of[i]);
        ck_assert_ptr_nonnull(piece[i]);
        ck_assert_uint_eq((uintptr_t)piece[i] % 64, 0);
        memset(piece[i], (int)i, size);
    }
    for (size_t i = 0; i < N; i++) {
        size_t size = i * i * 700 + 1;
        ck_assert_uint_eq(piece[i][0], i);
        ck_assert_uint_eq(piece[i][size - 1], i);
        qn_slab_give(&slabs, of[i]);
    }
    qn_slab_give(&slabs, NULL);
    qn_slabs_finish(&slabs);
}
END_TEST

START_TEST(a_piece_of_any_size_is_given_or_refused)
{
    struct qn_slabs slabs;
    struct qn_slab *slab = NULL;
    qn_slabs_init(&slabs);
    ck_assert_ptr_null(qn_slab_take(&slabs, SIZE_MAX, &slab));
    ck_assert_ptr_null(slab);
    unsigned char *large = qn_slab_take(&slabs, (size_t)20 << 20, &slab);
    ck_assert_ptr_nonnull(large);
    large[((size_t)20 << 20) - 1] = 1;
    qn_slab_give(&slabs, slab);
    qn_slabs_finish(&slabs);
}
END_TEST

/* Weight i of a filter comes to lie here, behind its block. */
static int64_t step_of(const struct qn_filter_blocks *b, int64_t i)
{
    int64_t at = 0;
    for (int a = b->n_axes - 1; a >= 0; a--) {
        at += i % b->dims[a] * b->steps[a];
        i /= b->dims[a];
    }
    return at;
}

static void check(const struct qn_filter_blocks *b, int64_t len,
                  const float *weights, const float *packed)
{
    for (int64_t g = 0; g < b->groups; g++) {
        for (int64_t f = 0; f < b->filters; f++) {
            const float *block = packed + g * b->group_step +
                                 f / b->width * b->block_step + f % b->width;
            for (int64_t i = 0; i < len; i++) {
                float want = weights[(g * b->filters + f) * len + i];
                float got = block[step_of(b, i)];
                ck_assert(got >= want && got <= want);
            }
        }
    }
}

/* As oneDNN names it: Acdb16a, [filters / 16, kernel, channels, 16]. */
static void try_sizes(int64_t groups, int64_t filters, int64_t channels,
                      int64_t kernel, int64_t width, size_t shift)
{
    int64_t n_blocks = (filters + width - 1) / width;
    int64_t len = channels * kernel * kernel;
    struct qn_filter_blocks b = {
        .groups = groups,
        .filters = filters,
        .width = width,
        .block_step = width * len,
        .group_step = n_blocks * width * len,
        .n_axes = 3,
        .dims = {channels, kernel, kernel},
        .steps = {width, kernel * channels * width, channels * width},
    };
    size_t n = (size_t)(groups * filters * len);
    size_t n_packed = (size_t)(groups * b.group_step);
    float *weights = calloc(n, sizeof *weights);
    unsigned char *bytes = calloc(n + 1, sizeof *weights);
    float *packed = malloc(n_packed * sizeof *packed);
    ck_assert(weights != NULL && bytes != NULL && packed != NULL);
    for (size_t i = 0; i < n; i++) {
        weights[i] = (float)(i + 1);
    }
    memcpy(bytes + shift, weights, n * sizeof *weights);
    memset(packed, 0xff, n_packed * sizeof *packed);
    qn_pack_filters(&b, bytes + shift, packed);
    check(&b, len, weights, packed);
    double sum = 0.0; /* what fills up is zero */
    for (size_t i = 0; i < n_packed; i++) {
        sum += (double)packed[i];
    }
    double want = (double)n * (double)(n + 1) / 2.0;
    ck_assert(sum >= want && sum <= want);
    free(weights);
    free(bytes);
    free(packed);
}

START_TEST(filters_lie_in_blocks)
{
    for (size_t shift = 0; shift < 4; shift++) {
        try_sizes(1, 32, 16, 1, 16, shift);
        try_sizes(1, 37, 5, 3, 16, shift); /* a block that is not full */
        try_sizes(2, 50, 3, 2, 48, shift);
        try_sizes(1, 64, 33, 1, 64, shift);
        try_sizes(3, 1, 1, 1, 8, shift);
    }
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("exec/packing");
    TCase *tcase = tcase_create("packing");
    tcase_add_test(tcase, pieces_lie_apart_and_well);
    tcase_add_test(tcase, a_piece_of_any_size_is_given_or_refused);
    tcase_add_test(tcase, filters_lie_in_blocks);
    suite_add_tcase(suite, tcase);
    return suite;
}
