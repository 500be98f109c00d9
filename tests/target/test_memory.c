/* Opening a profile with each allocation failing in turn. (libyaml's own are
 * not reached.) */
#include "oom.h"
#include "support.h"

START_TEST(memory_that_runs_out_is_told)
{
    bool was_enough = false;
    int n = 0;
    for (; n < 300 && !was_enough; n++) {
        oom_allow(n);
        enum quern_code code =
            quern_target_open(context, "tensorrt-8", &target);
        was_enough = oom_end() > 0;
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
