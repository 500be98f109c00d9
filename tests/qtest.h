/* What test programs share: a main that runs one suite, and the test data.
 *
 * A test file defines qtest_suite() and no main. Results go to stdout as TAP,
 * or in Check's own words when CK_TAP_LOG_FILE_NAME is not set.
 */
#ifndef QUERN_TESTS_QTEST_H
#define QUERN_TESTS_QTEST_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>

/** The suite of this program; NULL only as the result of qtest_skip(). */
Suite *qtest_suite(void);

/** Skip the whole program: `return qtest_skip("why")` in qtest_suite().
 * @return NULL
 */
Suite *qtest_skip(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/** Skip for want of shared data; CI counts this as a failure.
 * @param path   what is missing, relative to the folder of shared data
 * @return NULL
 */
Suite *qtest_skip_shared(const char *path);

/** Path of a file of testdata/; borrowed, valid until the program ends. */
const char *qtest_data(const char *path);

/** Path of a file or folder of the shared data, NULL where it is absent;
 * borrowed, valid until the program ends.
 */
const char *qtest_shared(const char *path);

struct quern_context;

/** The stored error as a user reads it, "" when there is none; the context
 * forgets it and all other messages. Borrowed, valid until the next call. */
const char *qtest_said(struct quern_context *context);

#endif
