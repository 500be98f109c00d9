/** @file pass.h
 * Passes and plugins. Tier: stable.
 *
 * A pass is a static descriptor and a function. Built-in passes are compiled
 * from the same descriptors as plugins and use nothing but <quern/…>.
 *
 * A plugin is a shared object that exports one function:
 *
 *     QUERN_PLUGIN_EXPORT const struct quern_plugin *
 *     quern_plugin_entry(const struct quern_host *host);
 *
 * It returns static data (NULL: "I cannot serve this host"), and calls the
 * ordinary functions of libquern. Structs that cross the border begin with
 * their size and only ever grow at their end. Plugins are never unloaded.
 */
#ifndef QUERN_PASS_H
#define QUERN_PASS_H

#include <quern/match.h>
#include <quern/table.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Number of the interface between quern and plugins. It changes only when an
 * old plugin could no longer work. */
#define QUERN_ABI 1

/** What a pass does to the numbers. */
enum quern_contract {
    QUERN_BIT_EXACT = 0,  /**< moves data, integers, shapes: same bits out */
    QUERN_REAL_EXACT = 1, /**< equal in real arithmetic (folding, fusing) */
    QUERN_APPROXIMATE = 2,
    QUERN_CHANGES_PRECISION = 3, /**< quantization and its like */
};

/** What a pass needs before it runs, and what it is. */
enum quern_pass_flags {
    QUERN_PASS_NEEDS_SHAPES = 1u << 0, /**< the manager infers types first */
    QUERN_PASS_NEEDS_RANGES = 1u << 1, /**< `calibrate` must have run */
    QUERN_PASS_NEEDS_DATA = 1u << 2,   /**< needs calibration data: that of the
                                            pipeline, or named by an own option
                                            `data` (QUERN_OPTION_STRING) */
    QUERN_PASS_NEEDS_TARGET = 1u << 3, /**< needs a target profile */
    QUERN_PASS_SUBGRAPHS = 1u << 4,    /**< run is called for the top graph only
                                            and enters subgraphs by itself;
                                            without it: once for each graph */
    QUERN_PASS_REPEAT = 1u << 5,       /**< run again until it changes nothing
                                            (bounded by the manager) */
    QUERN_PASS_JUDGED = 1u << 6,       /**< undone where samples kept apart say
                                            that the output got clearly worse */
    QUERN_PASS_INTERFACE = 1u << 7,    /**< may change names, types and number
                                            of the model's inputs and outputs:
                                            that is no fault of it */
};

enum quern_option_type {
    QUERN_OPTION_BOOL = 0,   /**< bool */
    QUERN_OPTION_INT = 1,    /**< int64_t */
    QUERN_OPTION_FLOAT = 2,  /**< double */
    QUERN_OPTION_ENUM = 3,   /**< int: index into `choices` */
    QUERN_OPTION_STRING = 4, /**< const char *; NULL when unset */
    QUERN_OPTION_STRINGS = 5 /**< struct quern_strings */
};

/** A list of strings. */
struct quern_strings {
    const char *const *items;
    size_t count;
};

/** One option: a row of a table that ends with a row whose name is NULL. Its
 * value is stored at `offset` of the params struct, which starts as a copy of
 * params_default. */
struct quern_option {
    const char *name; /**< as users write it: "max-bytes" */
    enum quern_option_type type;
    size_t offset;
    double minimum; /**< INT, FLOAT: both 0 mean no bounds */
    double maximum;
    const char *const *choices; /**< ENUM: NULL-ended */
    const char *help;           /**< one sentence; units */
};

/** A pattern that a pass registers, and what it does where it matches. The
 * manager compiles it once, finds the nodes that its root may be, and can say
 * why it did not match (`--explain`). */
struct quern_rewrite {
    const char *name;    /**< for lists and --explain: "silu" */
    const char *pattern; /**< see <quern/match.h> */
    /** Called where the pattern matches, in the order of the graph. It may edit
     * nodes of the match and make new ones.
     * @param match  borrowed until the function returns
     * @return QUERN_OK when it rewrote; what quern_pass_refuse() returned when
     * it did not want to; any error rolls the pass back */
    enum quern_code (*apply)(struct quern_pass_ctx *ctx,
                             const struct quern_match *match,
                             const void *params);
};

/** What a pass is. Keep it `static const`. */
struct quern_pass_desc {
    uint32_t struct_size; /**< sizeof(struct quern_pass_desc) */
    uint32_t abi;         /**< QUERN_ABI */
    const char *name;     /**< "fuse-conv-bn"; plugins: "com.acme.my-pass" */
    const char *summary;  /**< one line, no dot at its end */
    const struct quern_option *options; /**< NULL: none */
    size_t params_size;                 /**< bytes of the params struct */
    const void *params_default;         /**< NULL: zeros */
    uint32_t flags;                     /**< enum quern_pass_flags */
    enum quern_contract contract;
    const char *const *after; /**< passes that must have run before if they are
                                   in the pipeline at all; NULL-ended or NULL */
    /** The work. Edits are counted by the manager from the journal.
     * @param params  filled params struct, borrowed for the call
     * @return QUERN_OK also when nothing applied; any error rolls back */
    enum quern_code (*run)(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params);
    const char *group; /**< "clean", "fuse", …: only for lists */
    /** NULL-ended or NULL. All are tried at each node of each graph, after
     * `run`, which may be NULL when there are some. */
    const struct quern_rewrite *const *rewrites;
};

/** What a shared object brings. */
struct quern_plugin {
    uint32_t struct_size; /**< sizeof(struct quern_plugin) */
    uint32_t abi;         /**< QUERN_ABI */
    const char *name;     /**< reverse-DNS: "com.acme.tools" */
    const char *version;
    const char *licence;
    const struct quern_pass_desc *const *passes; /**< NULL-ended */
};

/** What the host tells a plugin. */
struct quern_host {
    uint32_t struct_size;
    uint32_t abi;
    const char *version; /**< quern_version() */
};

#define QUERN_PLUGIN_EXPORT __attribute__((visibility("default")))

/* --------------------------------------------- what a running pass may ask */

QUERN_API struct quern_context *quern_pass_context(struct quern_pass_ctx *ctx);
QUERN_API struct quern_model *quern_pass_model(struct quern_pass_ctx *ctx);

/** Memory that is gone after the pass, zeroed; NULL when there is none left
 * (an error is stored). */
QUERN_API void *quern_pass_alloc(struct quern_pass_ctx *ctx, size_t size);

/** Memory that a pass asks for from here on is gone at the matching
 * quern_pass_scope_close(): for work on one node after the other. Scopes nest;
 * those still open at the end of the pass are closed then.
 * @return QUERN_OK; _NO_MEMORY */
QUERN_NODISCARD QUERN_API enum quern_code
quern_pass_scope_open(struct quern_pass_ctx *ctx);
/** Does nothing where no scope is open. */
QUERN_API void quern_pass_scope_close(struct quern_pass_ctx *ctx);

/** A name for what a pass makes: `base`, a name of the model, and behind it
 * what the format prints. A base that is too long is cut, never within a
 * character: names must stay UTF-8. So is what is printed, to the room or 254
 * bytes. The new name is made unique when it is used.
 * @param out   room for `size` bytes, not `base` nor any that is printed; with
 * a size of 0 nothing is written
 * @return out. Since 0.1 */
QUERN_API const char *quern_name_extend(char *out, size_t size,
                                        const char *base, const char *format,
                                        ...) QUERN_PRINTF(4, 5);

/** QUERN_CANCELLED when the user wants to stop, else QUERN_OK. Call it in long
 * loops. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_pass_poll(struct quern_pass_ctx *ctx);

/** Which nodes quern_pass_each() gives. Zero what is not said. */
struct quern_each {
    /** NULL-ended names as of quern_node_is(); NULL: all nodes. */
    const char *const *ops;
    /** Only nodes of which one of the first two inputs is made by a node with
     * one of these operators: NULL-ended; NULL: whatever makes them. A node
     * that is explained to the user is given in any case. */
    const char *const *behind;
    bool has_bodies; /**< only nodes that hold graphs */
    bool backward;   /**< against the order of the graph */
    bool or_numbers; /**< beside nodes with one of `ops`, all that make a value
                          of which inference knows elements
                          (quern_value_numbers()); not with `behind` */
    /** Only nodes whose first two inputs come from no node, from a Constant, or
     * from nodes that `fn` has taken: it returns _NOT_FOUND for those that it
     * does not take, which ends nothing. What depends on constants alone is
     * found so. Not with `behind`, `backward`, `or_numbers`. */
    bool behind_taken;
    /** No node whose first two inputs both come from nodes other than a
     * Constant: arithmetic with constants is found so. Not with
     * `behind_taken`, `or_numbers`; explained nodes as with `behind`. */
    bool with_constant;
};

/** What quern_pass_each() calls; `user` is what it was given. */
typedef enum quern_code (*quern_node_fn)(struct quern_pass_ctx *ctx,
                                         struct quern_node *node, void *user);

/** Call `fn` for nodes of a graph in its order, until one call fails; polls as
 * well. Bodies of the nodes are graphs of their own. Much faster in large
 * graphs than going along quern_node_next(): the nodes that are not wanted are
 * not touched, and the others are fetched from memory ahead.
 *
 * `fn` may edit and erase the node and any other. An operator that it changes
 * counts as it is when its node is reached; nodes that it makes are not given.
 * @return QUERN_OK; what `fn` returned else; _CANCELLED; _NO_MEMORY. Since 0.1
 */
QUERN_NODISCARD QUERN_API enum quern_code
quern_pass_each(struct quern_pass_ctx *ctx, struct quern_graph *graph,
                const struct quern_each *each, quern_node_fn fn, void *user);

/** What quern_pass_match_each() calls where pattern `i` matched.
 * @return QUERN_OK: done with this node; _NOT_FOUND: the next pattern is tried;
 * an error ends the walk */
typedef enum quern_code (*quern_match_fn)(struct quern_pass_ctx *ctx,
                                          void *user, size_t i,
                                          const struct quern_match *match);

/** Try patterns at each node of a graph, in its order, as quern_pass_each()
 * would; those with one root in the order given. Faster than quern_pass_match()
 * at each node: most tries end before the node is looked at.
 * @param patterns  `n` of them, borrowed, as of quern_pass_pattern()
 * @return as quern_pass_each(). Since 0.1 */
QUERN_NODISCARD QUERN_API enum quern_code
quern_pass_match_each(struct quern_pass_ctx *ctx, struct quern_graph *graph,
                      struct quern_pattern *const *patterns, size_t n,
                      quern_match_fn fn, void *user);

/** A rewrite at a node is complete and the model whole: the next edit begins
 * another one. `quern bisect` and stop_rewrites cut a step off there. For
 * passes that go along nodes by themselves: each call that quern_pass_each()
 * and its kin make is one rewrite anyway, and inside of it this does nothing.
 * @param node  as it was found, erased by now or not. Since 0.1 */
QUERN_API void quern_pass_rewrote(struct quern_pass_ctx *ctx,
                                  const struct quern_node *node);

/** A state of the model; what is inside is no business of a pass. */
struct quern_mark {
    uint64_t at[8];
};

/** The model as it is now, for quern_pass_undo(). Since 0.1 */
QUERN_API struct quern_mark quern_pass_mark(const struct quern_pass_ctx *ctx);

/** Put the model back as it was at a mark that this run of the pass took, with
 * the bytes of side tables, what inference found, and the account; cannot fail.
 * What the journal does not hold stays as it became: objects given to
 * quern_pass_keep(), which tables only point to, and lines of --explain. For
 * trials: edit, look, undo, as often as you like; the journal does not grow.
 * Nodes and values made since are erased, marks taken since are worth nothing.
 * Not within quern_pass_each() and its kin, but for marks of the same call.
 * Since 0.1 */
QUERN_API void quern_pass_undo(struct quern_pass_ctx *ctx,
                               struct quern_mark mark);

/** Add a line to the account of the step: what was done at which node and why
 * ("folded BatchNormalization into Conv"). `node` may be NULL. */
QUERN_API void quern_pass_account(struct quern_pass_ctx *ctx,
                                  const struct quern_node *node,
                                  const char *format, ...) QUERN_PRINTF(3, 4);

/** Compile a pattern once for the whole pipeline, which owns it: the same text
 * gives the same pattern again.
 * @return QUERN_OK; _INVALID_ARGUMENT with line and column; _NO_MEMORY */
QUERN_NODISCARD QUERN_API enum quern_code
quern_pass_pattern(struct quern_pass_ctx *ctx, const char *text,
                   struct quern_pattern **out_pattern);

/** As quern_pattern_match(), and tells `--explain` why it did not match. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_pass_match(struct quern_pass_ctx *ctx, struct quern_pattern *pattern,
                 struct quern_node *root, const struct quern_match **out_match);

/** Say why nothing is done at a node although it looked right; `--explain`
 * prints it, nothing else does.
 * @return QUERN_NOT_FOUND, so that `return quern_pass_refuse(…)` reads well */
QUERN_NODISCARD QUERN_API enum quern_code
quern_pass_refuse(struct quern_pass_ctx *ctx, const struct quern_node *node,
                  const char *format, ...) QUERN_PRINTF(3, 4);

/** Compute values that depend on constants alone, all in one go.
 * @param values       `n` values of the top graph
 * @param out_tensors  room for n; each filled one must be released
 * @return QUERN_OK; _UNSUPPORTED when the engine lacks an operator on the way;
 * _LIMIT when the results exceed max_memory. Errors are stored. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_pass_evaluate(struct quern_pass_ctx *ctx,
                    struct quern_value *const *values, size_t n,
                    struct quern_tensor **out_tensors);

/** Path of the calibration data of this step, or NULL when none was given: that
 * of the pipeline, else the step's own option `data`, else that of the first
 * step which has one. */
QUERN_API const char *quern_pass_data(const struct quern_pass_ctx *ctx);

/** Keep an object until the pipeline ends, then free it by `release`. Passes
 * hand objects to later ones by a table of pointers.
 * On failure the object is freed at once. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_pass_keep(struct quern_pass_ctx *ctx, void *object,
                void (*release)(void *object));

/** Tell progress of long work. */
QUERN_API void quern_pass_progress(struct quern_pass_ctx *ctx, const char *what,
                                   uint64_t done, uint64_t total);

/** Body of a parallel loop: item i, run by worker 0 to n_threads - 1, which
 * reports to a context of its own. */
typedef enum quern_code (*quern_loop_fn)(struct quern_context *context,
                                         void *user, size_t i, int worker);

/** Run fn for i = 0 to n - 1 on the threads of the context. The error told is
 * that of the lowest item that failed. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_parallel(struct quern_context *context, size_t n, quern_loop_fn fn,
               void *user);

#ifdef __cplusplus
}
#endif

#endif
