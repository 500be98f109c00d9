/** @file run.h
 * Running a graph. Tier: experimental.
 *
 * An engine is a model prepared for running: the operators chosen, weights
 * packed once. It borrows the model, which must not be edited while the engine
 * lives. One engine serves many runners; each runner belongs to one thread.
 */
#ifndef QUERN_RUN_H
#define QUERN_RUN_H

#ifndef QUERN_EXPERIMENTAL
#error "define QUERN_EXPERIMENTAL to use <quern/run.h>, which may still change"
#endif

#include <quern/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

struct quern_engine;
struct quern_runner;

enum quern_engine_kind {
    QUERN_ENGINE_AUTO = 0, /**< the embedded one; ONNX Runtime for a model with
                                an operator that it lacks, which a warning of
                                the context tells */
    QUERN_ENGINE_CPU = 1,  /**< the embedded one */
    QUERN_ENGINE_ORT = 2,  /**< ONNX Runtime 1.11 or newer, loaded when it is
                                used */
};

struct quern_engine_options {
    uint32_t struct_size;
    enum quern_engine_kind kind;
    const char *ort_library; /**< path of ONNX Runtime's library; NULL: what
                                  the system's loader finds by its name, then
                                  engine_places of the context */
    const char *backend;     /**< "onednn", "plain", or NULL: the best there is;
                                  of the embedded engine: auto does not fall
                                  back then */
    bool fuse; /**< fuse chains (Conv + Relu …). Values inside a fused chain
                    cannot be tapped; false for calibration. ONNX Runtime: all
                    of its optimizations, or none (taps can be anywhere) */
    bool profile; /**< collect time per node. Embedded engine only: ONNX Runtime
                       refuses it with _UNSUPPORTED */
    /** Values to compute instead of the graph outputs; NULL: graph outputs.
     * Only what they need is run. */
    struct quern_value *const *outputs;
    size_t n_outputs;
    /** Values that a tap will look at (no matter how often they are used). */
    struct quern_value *const *taps;
    size_t n_taps;
    bool taps_write;       /**< taps may change values before they are read */
    const char *cpu_level; /**< "v2", "v3" or "v4": no wider instructions than
                                this x86-64 level has; NULL: what the CPU
                                has. Embedded engine only */
};

/** A value as it was produced: valid only during the tap call. Any stride
 * order is possible (strides in elements; [N, C, H, W] may lie as NHWC). */
struct quern_view {
    enum quern_dtype dtype;
    int rank;
    int64_t dims[QUERN_MAX_RANK];
    int64_t strides[QUERN_MAX_RANK];
    const void *data;
    void *writable; /**< the same bytes where the engine was opened with
                         taps_write and nobody else holds them, else NULL */
};

/** Looks at tapped value number `tap`. May be called in any order that respects
 * data flow, once per run per value (in a body: each time that it is made).
 * Constants are not shown, nor is what is no tensor of numbers. An error stops
 * the run. */
typedef enum quern_code (*quern_tap_fn)(void *user, size_t tap,
                                        const struct quern_view *view);

/** What a sequence holds at the border of a run: a list of tensors, which is a
 * tensor without type and bytes, of as many elements as it has items.
 * @param items  `n` tensors, none of them a list, which are retained; NULL: an
 *               optional that holds nothing
 * @return QUERN_OK; _INVALID_ARGUMENT (an item that is NULL or a list);
 * _NO_MEMORY
 * Since 0.1. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_tensor_of_items(struct quern_context *context,
                      struct quern_tensor *const *items, size_t n,
                      struct quern_tensor **out_tensor);
/** True for what quern_tensor_of_items() made. Since 0.1. */
QUERN_API bool quern_tensor_is_list(const struct quern_tensor *tensor);
/** True for an optional that holds nothing. Since 0.1. */
QUERN_API bool quern_tensor_is_nothing(const struct quern_tensor *tensor);
/** Item i of quern_tensor_len(), borrowed from the list; NULL beyond the end,
 * and of no list. Since 0.1. */
QUERN_API struct quern_tensor *
quern_tensor_item(const struct quern_tensor *list, size_t i);

/** Prepare the top graph of a model.
 *
 * ONNX Runtime gets a copy of what is needed of the model, in memory; weights
 * of a model that is larger than 1 GiB stay where they are. It runs each sample
 * in one thread, like the embedded engine, so that results do not depend on the
 * number of threads.
 *
 * Of a model with a Loop that gathers what its turns give, the embedded engine
 * infers types and shapes first, as quern_model_infer() does: at once where
 * that was done. Nothing else of the model is written to.
 * @param options  may be NULL
 * @return QUERN_OK; _UNSUPPORTED naming node, operator, opset and reason, or
 * what ONNX Runtime says, or where its library was looked for; _LIMIT (a copy
 * of 2 GiB without its weights); _NO_MEMORY; … */
QUERN_NODISCARD QUERN_API enum quern_code
quern_engine_open(struct quern_model *model,
                  const struct quern_engine_options *options,
                  struct quern_engine **out_engine);
/** Fill in the engine that the user wants passes to run models with (kind and
 * library); the rest of the options stays. */
QUERN_API void quern_pass_engine(const struct quern_pass_ctx *ctx,
                                 struct quern_engine_options *options);
/** All its runners must be gone. */
QUERN_API void quern_engine_close(struct quern_engine **engine);

/** "embedded (oneDNN 2.6.3, x86-64-v4)", "ONNX Runtime 1.32.0". */
QUERN_API const char *quern_engine_description(const struct quern_engine *e);

/** Path of the library that runs the model: ONNX Runtime's, or NULL for the
 * embedded engine. Borrowed from the engine. Since 0.1. */
QUERN_API const char *quern_engine_library(const struct quern_engine *engine);

/** State for one thread; reports to `context` (a worker's own, or the
 * model's). */
QUERN_NODISCARD QUERN_API enum quern_code
quern_runner_create(struct quern_engine *engine, struct quern_context *context,
                    struct quern_runner **out_runner);
/** Report to another context from now on: a runner may move between threads
 * from one run to the next. */
QUERN_API void quern_runner_attach(struct quern_runner *runner,
                                   struct quern_context *context);
QUERN_API void quern_runner_destroy(struct quern_runner **runner);

/** Run once.
 * @param inputs   a tensor for each graph input that is no initializer, in
 *                 graph order (quern_engine_input()); others may be NULL. A
 *                 list for a sequence (embedded engine only)
 * @param outputs  filled with one count each, released by the caller; the
 *                 number of outputs asked for. Tensors belong to the caller
 *                 and are dense row-major. Lists for sequences; an optional
 *                 that holds nothing is such a list
 * @param tap      may be NULL
 * @return QUERN_OK; _INVALID_ARGUMENT (dtype, rank, size: what was found, what
 * was needed); _LIMIT; _CANCELLED; whatever the tap returned */
QUERN_NODISCARD QUERN_API enum quern_code
quern_runner_run(struct quern_runner *runner,
                 struct quern_tensor *const *inputs, size_t n_inputs,
                 struct quern_tensor **outputs, size_t n_outputs,
                 quern_tap_fn tap, void *tap_user);

/** Graph inputs that a run needs, in the order of `inputs`. */
QUERN_API size_t quern_engine_n_inputs(const struct quern_engine *engine);
QUERN_API struct quern_value *quern_engine_input(const struct quern_engine *e,
                                                 size_t i);
QUERN_API size_t quern_engine_n_outputs(const struct quern_engine *engine);

/** Time spent per node when `profile` was asked for. */
struct quern_node_time {
    uint32_t node_id;
    const char *kernel; /**< what ran: "onednn conv brgconv", "plain Gather" */
    uint64_t calls;
    uint64_t nanoseconds;
};
QUERN_API size_t quern_runner_n_times(const struct quern_runner *runner);
QUERN_API struct quern_node_time
quern_runner_time(const struct quern_runner *runner, size_t i);

#ifdef __cplusplus
}
#endif

#endif
