/** @file diag.h
 * The context (memory, limits, threads, cancelling) and its diagnostics.
 * Tier: stable.
 *
 * Every fallible function returns `enum quern_code`. What went wrong, and
 * where, is kept in the context: the first error wins, warnings collect up to
 * a limit, notes hang on the error. Nothing is printed by the library.
 *
 * A context and all that was made in it belong to one thread at a time
 * (thread-compatible); quern_context_cancel() and quern_context_abandon() alone
 * may be called from anywhere, signal handlers included.
 */
#ifndef QUERN_DIAG_H
#define QUERN_DIAG_H

#include <quern/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum quern_severity {
    QUERN_SEVERITY_NOTE = 0,
    QUERN_SEVERITY_WARNING = 1,
    QUERN_SEVERITY_ERROR = 2,
};

/** Where a diagnostic happened. Unknown strings are NULL, unknown numbers -1.
 * All strings are borrowed; a copy is kept where a diagnostic is stored. */
struct quern_place {
    const char *stage; /**< "read", "verify", "infer", "pass", "run", … */
    const char *pass;  /**< name of the pass that ran */
    const char *file;  /**< path as the user gave it */
    int64_t offset;    /**< byte offset in the file */
    int line;          /**< 1-based line in a text file */
    int column;        /**< 1-based column in a text file */
    const char *graph; /**< path of graphs: "main", "main/If#12.then_branch" */
    const char *node;  /**< node name, may be empty */
    const char *op;    /**< op type, with its domain unless that is ai.onnx */
    int64_t node_id;
    const char *tensor; /**< value or array name */
    const char *attribute;
};

/** A place in which nothing is known. */
#define QUERN_PLACE_NONE                                                       \
    {                                                                          \
        NULL, NULL, NULL, -1, -1, -1, NULL, NULL, NULL, -1, NULL, NULL         \
    }

/** One stored message. Strings live until the context is cleared. */
struct quern_message {
    enum quern_severity severity;
    enum quern_code code;
    struct quern_place place;
    const char *text; /**< what was found and what was needed; no final dot */
};

/** Settings of a context; zero means "default" for every field. */
struct quern_context_options {
    uint32_t struct_size; /**< sizeof(struct quern_context_options) */
    int n_threads;        /**< 0: the processors that we may use */
    uint64_t max_memory;  /**< bytes a run or a fold may allocate; 0: 4 GiB */
    bool copy_files;      /**< read models into memory instead of mapping */
    /** Progress of long work: `what` names the step (NULL: as before), `done`
     * of `total` units (total 0: not known). Called from the thread that made
     * the call. */
    void (*progress)(void *user, const char *what, uint64_t done,
                     uint64_t total);
    /** Warnings and information as they come; NULL: only stored. */
    void (*message)(void *user, const struct quern_message *message);
    void *user; /**< handed to both callbacks */
    /** NULL-ended list of "NAME=K": samples for input NAME lie along axis K of
     * its array (elsewhere along axis 0); "NAME=none": the array is no list of
     * samples but goes with each of them. NULL: none. Borrowed. */
    const char *const *batch_axes;
    /** NULL-ended list of shell patterns of files: where the library of ONNX
     * Runtime is looked for when nobody names it and the system's loader does
     * not know it. NULL: nowhere else. Borrowed. */
    const char *const *engine_places;
};

/** Make a context.
 * @param options      may be NULL: all defaults
 * @param out_context  written on success only; the caller owns it
 * @return QUERN_OK; _INVALID_ARGUMENT (negative thread count); _NO_MEMORY
 * Since 0.1. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_context_create(const struct quern_context_options *options,
                     struct quern_context **out_context);

/** Free a context and clear the pointer. Everything made in it (models,
 * tensors, engines) must be gone before. NULL and *context NULL are fine. */
QUERN_API void quern_context_destroy(struct quern_context **context);

/** Ask running work to stop: the call in progress ends with QUERN_CANCELLED
 * soon. Async-signal-safe and thread-safe. */
QUERN_API void quern_context_cancel(struct quern_context *context);

/** Remove the temporary files of what is being written in this context, which
 * quern_context_create() made, and in those of its workers (from one of these
 * the others are not reached); with that of a model also its data file, where
 * it is in its place already and nothing stood there before. For a process that
 * must end at once, on a second Ctrl-C say, where quern_context_cancel() would
 * be waited for. What was being written cannot be finished any more, and
 * nothing new is begun: that ends with QUERN_CANCELLED. Async-signal-safe and
 * thread-safe; the call returns while another one is still removing files, so a
 * handler that ends the process blocks the other signals that do. Since 0.1. */
QUERN_API void quern_context_abandon(struct quern_context *context);

/** Threads that this context uses for parallel loops, at least 1. */
QUERN_API int quern_context_threads(const struct quern_context *context);

/** First error since the last clear, or NULL. Borrowed until the next clear. */
QUERN_API const struct quern_message *
quern_error(const struct quern_context *context);

/** Number of stored warnings and notes, in order of arrival. */
QUERN_API size_t quern_n_messages(const struct quern_context *context);

/** Stored message i (warning, or note to the error); NULL beyond the end. */
QUERN_API const struct quern_message *
quern_message(const struct quern_context *context, size_t i);

/** Warnings that were dropped because the limit (1000) was reached. */
QUERN_API size_t quern_n_dropped(const struct quern_context *context);

/** Forget the error, all warnings and notes. */
QUERN_API void quern_clear(struct quern_context *context);

/** Render a message as one line without newline:
 * `error[invalid-model]: net.onnx: main: node 'conv1' (Conv), input 'w': …`.
 * Control characters and bad UTF-8 are escaped.
 * @param text, size  buffer; always NUL-terminated when size > 0
 * @return the length that the whole line has (as snprintf) */
QUERN_API size_t quern_message_format(const struct quern_message *message,
                                      char *text, size_t size);

/** Report an error. The first one since the last clear is kept; a later one
 * becomes a note of it.
 * @param place  may be NULL; copied
 * @return `code`, so that `return quern_fail(…)` reads well */
QUERN_NODISCARD QUERN_API enum quern_code
quern_fail(struct quern_context *context, enum quern_code code,
           const struct quern_place *place, const char *format, ...)
    QUERN_PRINTF(4, 5);

/** Report something that the user should know but that stops nothing. The same
 * warning of the same place is stored once. */
QUERN_API void quern_warn(struct quern_context *context,
                          const struct quern_place *place, const char *format,
                          ...) QUERN_PRINTF(3, 4);

/** Add a note: to the error if there is one, else information of its own. */
QUERN_API void quern_note(struct quern_context *context,
                          const struct quern_place *place, const char *format,
                          ...) QUERN_PRINTF(3, 4);

/** The name of `names` (NULL-ended) nearest to `wanted`, for "did you mean";
 * NULL when none is near: more than 3 edits or half of the name away.
 * Since 0.1. */
QUERN_API const char *quern_nearest_name(const char *wanted,
                                         const char *const *names);

/** Fill in what is not yet known about the place of the stored error (adding
 * context on the way up). Does nothing when there is no error. */
QUERN_API void quern_error_place(struct quern_context *context,
                                 const struct quern_place *place);

#ifdef __cplusplus
}
#endif

#endif
