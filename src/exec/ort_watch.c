/* A run of ONNX Runtime that may not last longer than the deadline of its
 * context: a thread tells it to end then. Only runs with a deadline pay for
 * it. */
#include "exec/ort.h"

#include <time.h>

static void *watch(void *user)
{
    struct qn_ort_watch *w = user;
    pthread_mutex_lock(&w->lock);
    while (!w->is_done && !w->is_late) {
        struct timespec until = {.tv_sec = (time_t)(w->deadline / 1000000000),
                                 .tv_nsec = (long)(w->deadline % 1000000000)};
        (void)pthread_cond_timedwait(&w->done, &w->lock, &until);
        if (!w->is_done && qn_clock() >= w->deadline) {
            struct ort_status *status = w->api->set_terminate(w->options);
            if (status != NULL) {
                w->api->release_status(status);
            }
            w->is_late = true;
        }
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

enum quern_code qn_ort_watch_begin(struct qn_ort_watch *w,
                                   struct quern_context *context,
                                   const struct ort_api *api,
                                   struct ort_run_options *options)
{
    pthread_condattr_t attr;
    *w = (struct qn_ort_watch){
        .api = api, .options = options, .deadline = context->deadline};
    if (w->deadline == 0 || options == NULL) {
        return QUERN_OK;
    }
    bool good = pthread_condattr_init(&attr) == 0;
    if (good) {
        good = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
               pthread_cond_init(&w->done, &attr) == 0;
        pthread_condattr_destroy(&attr);
    }
    if (good && pthread_mutex_init(&w->lock, NULL) != 0) {
        pthread_cond_destroy(&w->done);
        good = false;
    }
    if (good && pthread_create(&w->thread, NULL, watch, w) != 0) {
        pthread_mutex_destroy(&w->lock);
        pthread_cond_destroy(&w->done);
        good = false;
    }
    w->is_on = good;
    return good ? QUERN_OK : qn_no_memory(context);
}

bool qn_ort_watch_end(struct qn_ort_watch *w)
{
    if (!w->is_on) {
        return false;
    }
    pthread_mutex_lock(&w->lock);
    w->is_done = true;
    pthread_cond_signal(&w->done);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->done);
    return w->is_late;
}
