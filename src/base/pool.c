/* Threads: parallel loops.
 *
 * Threads are started for a loop and joined at its end: loops here last
 * milliseconds to minutes, a start costs some 20 microseconds, and nothing is
 * left over between loops. Each worker takes the next index from an atomic
 * counter; its diagnostics stay in a child context and are joined in order of
 * the failing index, so that what is reported does not depend on timing.
 */
#include "base/pool.h"

#include <pthread.h>
#include <string.h>

struct loop {
    atomic_size_t next;
    atomic_size_t stop; /* no item from here on is started */
    size_t n;
    qn_loop_fn fn;
    void *user;
};

struct worker {
    struct quern_context context;
    struct loop *loop;
    pthread_t thread;
    int number;
    struct quern_context *told; /* of the caller's thread: hears of progress */
    bool started;
    size_t failed; /* index of its first failure; SIZE_MAX: none */
    enum quern_code code;
};

static void lower_stop(struct loop *loop, size_t i)
{
    size_t stop = atomic_load(&loop->stop);
    while (i < stop && !atomic_compare_exchange_weak(&loop->stop, &stop, i)) {
    }
}

static void *work(void *argument)
{
    struct worker *w = argument;
    for (;;) {
        size_t i = atomic_fetch_add(&w->loop->next, 1);
        if (i >= w->loop->n || i > atomic_load(&w->loop->stop)) {
            return NULL;
        }
        enum quern_code code =
            w->loop->fn(&w->context, w->loop->user, i, w->number);
        if (code != QUERN_OK) {
            w->failed = i;
            w->code = code;
            lower_stop(w->loop, i);
            return NULL;
        }
        if (w->told != NULL) {
            size_t next = atomic_load(&w->loop->next);
            qn_progress(w->told, NULL, next < w->loop->n ? next : w->loop->n,
                        w->loop->n);
        }
    }
}

static enum quern_code run_alone(struct quern_context *context, size_t n,
                                 qn_loop_fn fn, void *user)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        code = fn(context, user, i, 0);
        qn_progress(context, NULL, i + 1, n);
    }
    return code;
}

/* The failure of the lowest index is the one that counts. Warnings of all
 * workers are kept, in order of workers. */
static enum quern_code join(struct quern_context *context,
                            struct worker *workers, int n_workers)
{
    const struct worker *first = NULL;
    for (int k = 0; k < n_workers; k++) {
        if (workers[k].code != QUERN_OK &&
            (first == NULL || workers[k].failed < first->failed)) {
            first = &workers[k];
        }
    }
    for (int k = 0; k < n_workers; k++) {
        if (&workers[k] != first) {
            workers[k].context.diag.has_error = false;
        }
        qn_context_join(context, &workers[k].context);
        qn_context_finish_child(&workers[k].context);
    }
    return first != NULL ? first->code : QUERN_OK;
}

enum quern_code qn_parallel(struct quern_context *context, size_t n,
                            qn_loop_fn fn, void *user)
{
    int n_workers = context->n_threads;
    if ((size_t)n_workers > n) {
        n_workers = (int)n;
    }
    if (n_workers <= 1) {
        return run_alone(context, n, fn, user);
    }
    struct loop loop = {.n = n, .fn = fn, .user = user};
    atomic_init(&loop.next, 0);
    atomic_init(&loop.stop, SIZE_MAX);
    struct worker *workers = qn_calloc_n((size_t)n_workers, sizeof *workers);
    if (workers == NULL) {
        return qn_no_memory(context);
    }
    for (int k = 0; k < n_workers; k++) {
        workers[k].loop = &loop;
        workers[k].number = k;
        workers[k].failed = SIZE_MAX;
        qn_context_init_child(&workers[k].context, context);
        /* The last worker is this thread; one that cannot be started is
         * missed by nobody, its items go to the others. */
        workers[k].started =
            k + 1 < n_workers &&
            pthread_create(&workers[k].thread, NULL, work, &workers[k]) == 0;
    }
    workers[n_workers - 1].told = context;
    work(&workers[n_workers - 1]);
    for (int k = 0; k + 1 < n_workers; k++) {
        if (workers[k].started) {
            pthread_join(workers[k].thread, NULL);
        }
    }
    enum quern_code code = join(context, workers, n_workers);
    qn_free(workers);
    return code;
}
