/* Engines other than the embedded one. */
#ifndef QUERN_EXEC_BACKEND_H
#define QUERN_EXEC_BACKEND_H

#include <quern/run.h>

/** What a backend must offer; `state` is made by runner_create. */
struct qn_backend {
    void (*close)(struct quern_engine *engine);
    enum quern_code (*runner_create)(struct quern_engine *engine,
                                     struct quern_context *context,
                                     void **out_state);
    void (*runner_destroy)(void *state);
    enum quern_code (*run)(void *state, struct quern_context *context,
                           struct quern_tensor *const *inputs,
                           struct quern_tensor **outputs, quern_tap_fn tap,
                           void *tap_user);
};

/** The embedded engine. */
enum quern_code qn_engine_open_embedded(
    struct quern_model *model, const struct quern_engine_options *options,
    struct quern_engine **out_engine) __attribute__((warn_unused_result));

/* ONNX Runtime gets a copy of the model, which this room cannot write: an
 * engine is begun, tells what the copy must hold, and is loaded with it. */

/** Domain and name of the operator that shows a value to a tap: inputs are the
 * value and the run, the output is the value; attribute `tap` is its number. */
#define QN_ORT_TAP_DOMAIN "quern.tap"
#define QN_ORT_TAP_OP "Tap"

/** What the copy must hold. */
struct qn_ort_wants {
    struct quern_value *const *fetches; /* its outputs */
    size_t n_fetches;
    struct quern_value *const *taps; /* through a tap operator; NULL: not */
    size_t n_taps;
    bool all_inputs; /* also those that nothing needs */
    bool lends;      /* weights may stay outside, in memory */
};

/** The copy; borrowed while the engine is loaded, lent tensors until it is
 * closed. */
struct qn_ort_copy {
    const void *bytes; /* NULL: nothing to compute */
    size_t size;
    const bool *needs;     /* by value id: graph inputs that are needed */
    const char *run_input; /* name of the input of taps */
    struct quern_value *const *lent; /* initializers that are not in `bytes` */
    size_t n_lent;
};

/** Open the library and list what is wanted; the engine is not ready yet.
 * @param out_wants  borrowed from the engine
 * @return QUERN_OK; _UNSUPPORTED (no library; options that ONNX Runtime cannot
 * serve, by name); _NO_MEMORY */
enum quern_code qn_ort_begin(struct quern_model *model,
                             const struct quern_engine_options *options,
                             struct qn_ort_wants *out_wants,
                             struct quern_engine **out_engine)
    __attribute__((warn_unused_result));

/** Make the session. On failure the engine is still to be closed. */
enum quern_code qn_ort_load(struct quern_engine *engine,
                            const struct qn_ort_wants *wants,
                            const struct qn_ort_copy *copy)
    __attribute__((warn_unused_result));

/** Compare an input with what the value declares: dtype, rank, dimensions. */
enum quern_code qn_check_input(struct quern_context *context,
                               const struct quern_value *value,
                               const struct quern_tensor *tensor)
    __attribute__((warn_unused_result));

#endif
