/** @file recipe.h
 * Running pipelines of passes. Tier: experimental.
 */
#ifndef QUERN_RECIPE_H
#define QUERN_RECIPE_H

#ifndef QUERN_EXPERIMENTAL
#error                                                                         \
    "define QUERN_EXPERIMENTAL to use <quern/recipe.h>, which may still change"
#endif

#include <quern/pass.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a pipeline may use beside the model; zero means "none". */
struct quern_apply_options {
    uint32_t struct_size;
    const char *data;   /**< calibration data: .npz, .npy, folder of sets */
    const char *target; /**< name or file of a target profile; NULL:
                             QUERN_TARGET_DEFAULT */
    /** Called for each line of the account, after its step: `pass` did `text`.
     * A line with text NULL closes a step: n_edits and seconds are its own. */
    void (*account)(void *user, const char *pass, const char *text,
                    uint64_t n_edits, double seconds);
    void *user;
};

/** Run a pipeline: "optimize" or "fold-constants{max-bytes=1000},drop-dead".
 * A step that fails is rolled back and named; those before it stay.
 * @param options  may be NULL
 * @return QUERN_OK; _INVALID_ARGUMENT, _NOT_FOUND (pipeline); what the pass
 * returned */
QUERN_NODISCARD QUERN_API enum quern_code
quern_apply(struct quern_model *model, const char *pipeline,
            const struct quern_apply_options *options);

/** Built-in passes, in the order of their table: NULL beyond the end. */
QUERN_API const struct quern_pass_desc *quern_pass_at(size_t i);

#ifdef __cplusplus
}
#endif

#endif
