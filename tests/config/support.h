/* What the tests of this room share: a context, and the message of an error as
 * one line. */
#ifndef QUERN_TESTS_CONFIG_SUPPORT_H
#define QUERN_TESTS_CONFIG_SUPPORT_H

#include <quern/diag.h>

#include "base/alloc.h"
#include "qtest.h"

#include <string.h>

static struct quern_context *context;
static struct qn_arena arena;

static void open_context(void)
{
    ck_assert_int_eq(quern_context_create(NULL, &context), QUERN_OK);
}

static void close_context(void)
{
    qn_arena_finish(&arena);
    quern_context_destroy(&context);
}

/* The stored error as a user reads it; "" when there is none. Forgets it. */
static inline const char *said(void)
{
    return qtest_said(context);
}

/* A row of a table of bad inputs. */
struct bad {
    const char *text;
    const char *message; /* the whole line */
};

#endif
