/* Opening a profile with each allocation failing in turn. (libyaml's own are
 * not reached.) */
#include "support.h"

#include <stdlib.h>

void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *block, size_t size);

static int left = -1; /* allocations that still work; -1: all */

static bool fails(void)
{
    if (left == 0) {
        return true;
    }
    left -= left > 0;
    return false;
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails() ? NULL : __real_realloc(block, size);
}

START_TEST(memory_that_runs_out_is_told)
{
    bool was_enough = false;
    int n = 0;
    for (; n < 300 && !was_enough; n++) {
        left = n;
        enum quern_code code =
            quern_target_open(context, "tensorrt-8", &target);
        was_enough = left > 0;
        left = -1;
        ck_assert_int_eq(code, was_enough ? QUERN_OK : code);
        ck_assert(code == QUERN_OK || code == QUERN_NO_MEMORY);
        ck_assert_int_eq(target != NULL, code == QUERN_OK);
        quern_target_close(&target);
        quern_clear(context);
    }
    ck_assert(was_enough);
    ck_assert_int_gt(n, 3);
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("target/memory");
    TCase *tc = tcase_create("all");
    tcase_add_checked_fixture(tc, open_context, close_context);
    tcase_add_test(tc, memory_that_runs_out_is_told);
    suite_add_tcase(suite, tc);
    return suite;
}
