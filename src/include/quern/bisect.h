/** @file bisect.h
 * Which rewrite of a pipeline changes what a model gives? Tier: experimental.
 *
 * The model runs before and after each step, as with verify_each; the first
 * step that does not agree within the contract of its pass is run again and
 * again, cut off behind fewer rewrites, until the one is found that makes the
 * difference; then nodes are left out as long as the difference stays. Parts of
 * a model have inputs of their own: passes that ask for data get there what the
 * model computes on the sample that shows the difference.
 */
#ifndef QUERN_BISECT_H
#define QUERN_BISECT_H

#ifndef QUERN_EXPERIMENTAL
#error                                                                         \
    "define QUERN_EXPERIMENTAL to use <quern/bisect.h>, which may still change"
#endif

#include <quern/recipe.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What quern_recipe_bisect() found; see quern_bisection_result(). */
struct quern_bisection;

/** What is needed beside recipe and model; zero means "default". */
struct quern_bisect_options {
    uint32_t struct_size;
    const char *data;   /**< as in struct quern_apply_options */
    const char *target; /**< as there */
    enum quern_engine_kind engine;
    const char *ort_library;
    /** Where the smallest model goes that shows the difference when the pass
     * runs over it; its inputs go beside it, see
     * quern_bisect_data_path(). NULL: nowhere. */
    const char *out;
};

/** What was found. Strings live as long as the bisection; NULL: not known. */
struct quern_bisected {
    bool found;          /**< some step does not agree */
    bool ran;            /**< false: nothing could be compared */
    const char *samples; /**< what the model ran on, or why it did not */
    size_t step;         /**< number of the step, 1 for the first */
    const char *pass;
    const char *difference; /**< output, element, both numbers */
    uint64_t rewrite;       /**< number of the rewrite, 1 for the first; 0: not
                                 found */
    uint64_t n_rewrites;    /**< that the step does */
    const char *pattern;    /**< name or text of the pattern that matched */
    const char *op;         /**< of the node where it began */
    const char *node;       /**< its name, maybe "" */
    int64_t node_id;        /**< -1: not known */
    const char *output;     /**< its first output */
    size_t
        n_nodes; /**< of the smallest model, in bodies too; 0: none was found */
    const char *small_difference; /**< in it */
    const char *model;            /**< path that it was written to */
    const char *data;             /**< path of its inputs; NULL: it has none */
};

/** Find the rewrite. The model is not changed.
 * @param recipe         borrowed for the call
 * @param options        may be NULL
 * @param out_bisection  what was found, written on success only; freed by
 *                       quern_bisection_destroy()
 * @return QUERN_OK, whether or not something was found; what opening data, the
 * pipeline or writing return. Since 0.1 */
QUERN_NODISCARD QUERN_API enum quern_code
quern_recipe_bisect(struct quern_recipe *recipe, struct quern_model *model,
                    const struct quern_bisect_options *options,
                    struct quern_bisection **out_bisection);

/** Free a bisection with all that was found; NULL is fine. Since 0.1 */
QUERN_API void quern_bisection_destroy(struct quern_bisection **bisection);

/** Where the inputs of the smallest model go that is written to `out`: ".npz"
 * in the place of ".onnx", behind any other name.
 * @param room  receives the path, cut where `size` bytes do not hold it; NULL
 *              with a size of 0
 * @return its length without the NUL, as of snprintf(). Since 0.1 */
QUERN_API size_t quern_bisect_data_path(const char *out, char *room,
                                        size_t size);

/** What was found, borrowed from the bisection. Since 0.1 */
QUERN_API const struct quern_bisected *
quern_bisection_result(const struct quern_bisection *bisection);

#ifdef __cplusplus
}
#endif

#endif
