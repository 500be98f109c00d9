/* Threads: parallel loops, the only door to them. */
#ifndef QUERN_BASE_POOL_H
#define QUERN_BASE_POOL_H

#include "base/diag.h"

/** Body of a loop: item `i`, run by worker `worker` (0 to n_workers - 1).
 * `context` is the worker's own child context: report there. */
typedef enum quern_code (*qn_loop_fn)(struct quern_context *context, void *user,
                                      size_t i, int worker);

/** Run fn for i = 0 … n-1 on up to quern_context_threads() workers. Items are
 * handed out in order; after an error no new items start. The error reported
 * is that of the lowest item that failed, whatever the timing. With one thread
 * or one item everything runs on the caller's thread.
 * @return QUERN_OK or the code of that item; _NO_MEMORY */
enum quern_code qn_parallel(struct quern_context *context, size_t n,
                            qn_loop_fn fn, void *user)
    __attribute__((warn_unused_result));

#endif
