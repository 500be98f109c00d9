/* Allocations that fail, for tests of running out of memory. Programs that use
 * it are linked with --wrap (oom_link_args), which works under sanitizers too;
 * what other libraries allocate is not reached.
 */
#ifndef QUERN_TESTS_OOM_H
#define QUERN_TESTS_OOM_H

#include <quern/diag.h>

#include <stdbool.h>

/** n allocations from here on work, all after them fail.
 * @param n  -1: all work */
void oom_allow(int n);

/** n allocations from here on work, the next one fails, all behind it work. */
void oom_fail_once(int n);

/** All work again.
 * @return what was left of oom_allow(): 0 when it was used up; of
 * oom_fail_once(): -1 when it has failed */
int oom_end(void);

typedef enum quern_code (*oom_fn)(void *user);

/** Run with 0 allocations, 1, 2, … until that was enough, which must be before
 * `most`. Each run ends in QUERN_OK or _NO_MEMORY, the last one in QUERN_OK;
 * the context forgets the errors. */
void oom_each(struct quern_context *context, int most, oom_fn run, void *user);

#endif
