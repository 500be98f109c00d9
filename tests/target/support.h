/* What the tests of this room share: a context, and the message of an error as
 * one line. */
#ifndef QUERN_TESTS_TARGET_SUPPORT_H
#define QUERN_TESTS_TARGET_SUPPORT_H

#include <quern/target.h>

#include "qtest.h"

#include <string.h>

static struct quern_context *context;
static const struct quern_target *target;

static void open_context(void)
{
    ck_assert_int_eq(quern_context_create(NULL, &context), QUERN_OK);
}

static void close_context(void)
{
    quern_target_close(&target);
    quern_context_destroy(&context);
}

/* The stored error as a user reads it; "" when there is none. Forgets it. */
static inline const char *said(void)
{
    return qtest_said(context);
}

#endif
