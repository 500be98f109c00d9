/* The harness itself: paths to test data. */
#include "qtest.h"

#include <string.h>

START_TEST(test_data_lies_in_testdata)
{
    const char *first = qtest_data("README.md");
    const char *second = qtest_data("other");
    ck_assert_ptr_nonnull(strstr(first, "testdata/README.md"));
    ck_assert_ptr_nonnull(strstr(second, "testdata/other"));
}
END_TEST

START_TEST(shared_data_that_is_absent_has_no_path)
{
    ck_assert_ptr_null(qtest_shared("no/such/file"));
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("harness");
    TCase *paths = tcase_create("paths");
    tcase_add_test(paths, test_data_lies_in_testdata);
    tcase_add_test(paths, shared_data_that_is_absent_has_no_path);
    suite_add_tcase(suite, paths);
    return suite;
}
