/* The context behind struct quern_context, and reporting inside the library.
 *
 * Public reporting functions (quern_fail, quern_warn, quern_note) are declared
 * in <quern/diag.h> and are what library code uses too. Here: the context's
 * fields, the report of an exhausted memory, and children for worker threads.
 */
#ifndef QUERN_BASE_DIAG_H
#define QUERN_BASE_DIAG_H

#include <quern/diag.h>

#include "base/alloc.h"

#include <stdatomic.h>

/** Storage of diagnostics. Room for one error is part of the struct, so that
 * running out of memory can always be told. */
struct qn_diag {
    struct qn_arena arena; /* texts of messages */
    struct quern_message error;
    bool has_error;
    struct quern_message *messages;
    size_t n_messages;
    size_t messages_room;
    size_t n_dropped;
    char reserve[512]; /* text of the error when the arena cannot grow */
};

/** A sample at hand, in the place of files of data that passes ask for: parts
 * of a model have other inputs than those were made for. All is borrowed. */
struct qn_given {
    const char *path; /* what opening it goes by, and messages say */
    size_t n;
    const char *const *names; /* of inputs */
    struct quern_tensor *const *tensors;
};

struct qn_temporary; /* writer.c */

enum { QN_PLACES = 8 };

/** Temporary files of open writers, for a handler of signals to remove, which
 * may come at any moment: the list of these only grows, until the context goes.
 * NULL: a free place. */
struct qn_places {
    _Atomic(struct qn_temporary *) at[QN_PLACES];
    _Atomic(struct qn_places *) next;
};

struct quern_context {
    struct qn_diag diag;
    uint64_t max_memory; /* bytes, never 0 */
    int n_threads;       /* at least 1 */
    bool copy_files;
    struct quern_context *parent; /* of a worker's child, else NULL */
    int64_t deadline;      /* qn_clock() after which work is stopped; 0: none */
    atomic_bool cancelled; /* children look at their root's */
    struct qn_places places; /* children look at their root's */
    atomic_bool abandoned;   /* for good; children look at their root's */
    void (*progress)(void *, const char *, uint64_t, uint64_t);
    void (*message)(void *, const struct quern_message *);
    void *user;
    /* What a higher room keeps beside the context (pass: plugins that were
     * loaded); freed with it. Children look at their root's. */
    void *registry;
    void (*registry_release)(void *registry);
    const struct qn_given *given;  /* NULL: none. Children: their root's */
    const char *const *batch_axes; /* see quern_context_options */
    const char *const *engine_places;
};

/** Report QUERN_NO_MEMORY and return it. Allocates nothing. */
enum quern_code qn_no_memory(struct quern_context *context)
    __attribute__((warn_unused_result));

/** Nanoseconds of a clock that only goes on. */
int64_t qn_clock(void);

/** QUERN_CANCELLED (reported) when the user asked to stop, _LIMIT (reported)
 * when the deadline of this very context is over, else QUERN_OK. */
enum quern_code qn_poll(struct quern_context *context)
    __attribute__((warn_unused_result));

/** Tell progress if somebody listens. */
void qn_progress(struct quern_context *context, const char *what, uint64_t done,
                 uint64_t total);

/** A context for one worker thread: same limits, own diagnostics, one thread,
 * no callbacks. init/finish: storage of the caller. */
void qn_context_init_child(struct quern_context *child,
                           struct quern_context *parent);
void qn_context_finish_child(struct quern_context *child);

/** Move messages and the error of a child to its parent (the parent's own
 * error stays first). Call in a fixed order, so that results do not depend on
 * thread timing. */
void qn_context_join(struct quern_context *parent, struct quern_context *child);

#endif
