/* The main of all test programs; see qtest.h. */
#include "qtest.h"

#include <quern/diag.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char skip_reason[512] = "no reason given";

Suite *qtest_skip(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(skip_reason, sizeof skip_reason, format, args);
    va_end(args);
    return NULL;
}

Suite *qtest_skip_shared(const char *path)
{
    return qtest_skip("needs shared data: %s", path);
}

/* Joined paths live as long as the program, so that tests need not free them.
 */
static const char *join(const char *folder, const char *path)
{
    static char *paths[256];
    static size_t n_paths;
    if (n_paths == sizeof paths / sizeof paths[0] ||
        asprintf(&paths[n_paths], "%s/%s", folder, path) < 0) {
        fprintf(stderr, "no room for the path %s/%s\n", folder, path);
        exit(1);
    }
    return paths[n_paths++];
}

const char *qtest_data(const char *path)
{
    return join(QUERN_TESTDATA, path);
}

const char *qtest_shared(const char *path)
{
    const char *out = join(QUERN_SHARED, path);
    return access(out, R_OK) == 0 ? out : NULL;
}

const char *qtest_said(struct quern_context *context)
{
    static char line[2048];
    line[0] = '\0';
    if (quern_error(context) != NULL) {
        quern_message_format(quern_error(context), line, sizeof line);
    }
    quern_clear(context);
    return line;
}

int main(void)
{
    bool is_tap = getenv("CK_TAP_LOG_FILE_NAME") != NULL;
    Suite *suite = qtest_suite();
    if (suite == NULL) {
        printf("1..0 # SKIP %s\n", skip_reason);
        return is_tap ? 0 : 77;
    }
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, is_tap ? CK_SILENT : CK_NORMAL);
    int n_failed = srunner_ntests_failed(runner);
    int n_run = srunner_ntests_run(runner);
    srunner_free(runner);
    if (n_run == 0) {
        fprintf(stderr, "the suite holds no test\n");
        return 1;
    }
    return n_failed == 0 ? 0 : 1;
}
