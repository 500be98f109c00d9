/* Allocations that fail; see oom.h. */
#include "oom.h"

#include <check.h>
#include <stddef.h>

void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

static int left = -1; /* allocations that still work; -1: all */
static bool once;     /* then one fails and the others work */

static bool fails(void)
{
    if (left == 0) {
        left = once ? -1 : 0;
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

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

void oom_allow(int n)
{
    left = n;
    once = false;
}

void oom_fail_once(int n)
{
    left = n;
    once = true;
}

int oom_end(void)
{
    int n = left;
    left = -1;
    return n;
}

void oom_each(struct quern_context *context, int most, oom_fn run, void *user)
{
    for (int n = 0; n < most; n++) {
        oom_allow(n);
        enum quern_code code = run(user);
        bool was_enough = oom_end() > 0;
        const struct quern_message *error = quern_error(context);
        ck_assert_msg(code == QUERN_OK || code == QUERN_NO_MEMORY, "%s",
                      error != NULL ? error->text : "failed without a word");
        quern_clear(context);
        if (was_enough) {
            ck_assert_int_eq(code, QUERN_OK);
            return;
        }
    }
    ck_abort_msg("%d allocations were not enough", most - 1);
}
