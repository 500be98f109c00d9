/* ONNX Runtime as an engine: what its files share.
 *
 * ort_library.c finds and opens the library, ort_value.c carries tensors over
 * and back, ort_tap.c is the operator by which taps see values, ort.c makes
 * sessions, ort_run.c runs them. The copy of the model that a session gets is
 * written by io/extract.c; api/engine.c brings both together.
 *
 * Nothing is global: each engine opens the library for itself (the system
 * counts), and what a tap needs to know of a run comes to it as an input of
 * the graph.
 */
#ifndef QUERN_EXEC_ORT_H
#define QUERN_EXEC_ORT_H

#include "exec/backend.h"
#include "exec/op.h"
#include "exec/ort_api.h"

#include <pthread.h>

/** Opened library. Zeroes are a closed one. */
struct qn_ort_library {
    void *handle;
    const struct ort_api *api;
    uint32_t api_version;
    char version[32]; /* "1.32.0" */
    char *path;       /* of the file, as the loader knows it */
};

/** Open ONNX Runtime.
 * @param path  its library; NULL: what the loader finds by name, then the
 *              context's engine_places
 * @return QUERN_OK; _UNSUPPORTED: not there, too old, or no such library, with
 * the places looked at and what to do; _NO_MEMORY */
enum quern_code qn_ort_library_open(struct quern_context *context,
                                    const char *path,
                                    struct qn_ort_library *out_library)
    __attribute__((warn_unused_result));
void qn_ort_library_close(struct qn_ort_library *library);

/** QUERN_OK for NULL, else report what the status says, release it.
 * @param place  may be NULL
 * @param code   for what is neither a case that the library lacks
 *               (_UNSUPPORTED) nor want of memory */
enum quern_code
qn_ort_check(struct quern_context *context, const struct ort_api *api,
             struct ort_status *status, const struct quern_place *place,
             enum quern_code code) __attribute__((warn_unused_result));

/* --------------------------------------------------------------- values */

/** Type number of ONNX Runtime for a type, and back; 0 and QUERN_UNDEFINED
 * where the other side has none. */
int qn_ort_type(enum quern_dtype dtype);
enum quern_dtype qn_ort_dtype(int type);

/** A value over a tensor's bytes, which must be aligned to its elements and
 * outlive the value (strings are copied). */
enum quern_code qn_ort_value_of(struct quern_context *context,
                                const struct qn_ort_library *library,
                                const struct ort_memory *memory,
                                const struct quern_tensor *tensor,
                                struct ort_value **out_value)
    __attribute__((warn_unused_result));

/** Type, rank and dimensions of a value that holds a tensor; data NULL. */
enum quern_code
qn_ort_value_shape(struct quern_context *context, const struct ort_api *api,
                   const struct ort_value *value,
                   const struct quern_place *place, struct quern_view *out_view)
    __attribute__((warn_unused_result));

/** A tensor with a copy of what a value holds.
 * @param place  names the value in errors */
enum quern_code
qn_ort_tensor_of(struct quern_context *context, const struct ort_api *api,
                 struct ort_value *value, const struct quern_place *place,
                 struct quern_tensor **out_tensor)
    __attribute__((warn_unused_result));

/* ----------------------------------------------------------------- taps */

/** What a tap operator knows of the run that it is in. Its address goes
 * through the graph as the one element of an int64 input. */
struct qn_ort_run {
    struct quern_context *context;
    quern_tap_fn tap;
    void *user;
    struct ort_run_options *options;
    enum quern_code code; /* of the first tap that failed */
};

struct qn_ort;

/** A tap operator in a session: its kernel. */
struct qn_ort_tap {
    struct qn_ort *ort;
    size_t number; /* of the tap */
};

/** Our operator, and its way back to the engine. */
struct qn_ort_tap_op {
    struct ort_custom_op base;
    struct qn_ort *ort;
};

void qn_ort_tap_op_init(struct qn_ort_tap_op *op, struct qn_ort *ort);

/* --------------------------------------------------------------- watching */

/** What ends a run when the deadline of its context is over. */
struct qn_ort_watch {
    const struct ort_api *api;
    struct ort_run_options *options;
    int64_t deadline;
    pthread_t thread;
    pthread_mutex_t lock; /* of the flags below */
    pthread_cond_t done;
    bool is_on;
    bool is_done;
    bool is_late; /* it was told to end */
};

/** Without a deadline it does nothing.
 * @return QUERN_OK; _NO_MEMORY: no thread */
enum quern_code
qn_ort_watch_begin(struct qn_ort_watch *watch, struct quern_context *context,
                   const struct ort_api *api, struct ort_run_options *options)
    __attribute__((warn_unused_result));
/** @return true: the run was told to end */
bool qn_ort_watch_end(struct qn_ort_watch *watch);

/* --------------------------------------------------------------- engine */

/** Where an output of the engine comes from. */
struct qn_ort_output {
    struct quern_value *value;
    int fetch; /* number of the session's output; -1: none */
};

/** State of an engine. */
struct qn_ort {
    struct qn_ort_library library;
    struct ort_env *env;
    struct ort_memory *memory;
    struct ort_session *session; /* NULL: nothing to compute */
    struct ort_domain *domain;
    struct qn_ort_tap_op tap_op;
    struct qn_ort_tap *taps;
    size_t n_taps;
    int *input_taps; /* by input: number of its tap, or -1 */
    bool taps_write;
    bool fuse;
    struct qn_ort_output *outputs;
    struct quern_value **fetches;
    const char **fetch_names;
    size_t n_fetches;
    const char **feed_names; /* inputs, then the run */
    bool feeds_run;          /* the session has the input of taps */
    struct ort_value **lent; /* weights that lie in the model's memory */
    struct quern_tensor **lent_tensors;
    size_t n_lent;
};

extern const struct qn_backend qn_ort_backend;

void qn_ort_close(struct quern_engine *engine);

/** Place of an error about a value; NULL: about no value. */
struct quern_place qn_ort_place(const struct quern_value *value,
                                const char *stage);

#endif
