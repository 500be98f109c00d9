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
    enum quern_code (*run)(void *state, struct quern_tensor *const *inputs,
                           struct quern_tensor **outputs, quern_tap_fn tap,
                           void *tap_user);
};

/** ONNX Runtime through its C interface, loaded at run time. */
enum quern_code qn_ort_open(struct quern_model *model,
                            const struct quern_engine_options *options,
                            struct quern_engine **out_engine)
    __attribute__((warn_unused_result));

/** Compare an input with what the value declares: dtype, rank, dimensions. */
enum quern_code qn_check_input(struct quern_context *context,
                               const struct quern_value *value,
                               const struct quern_tensor *tensor)
    __attribute__((warn_unused_result));

#endif
