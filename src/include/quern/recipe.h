/** @file recipe.h
 * Recipes: pipelines of passes with their target, plugins, rules and
 * overrides; and what passes there are. Tier: experimental.
 *
 *     struct quern_recipe *recipe = NULL;
 *     code = quern_recipe_open(context, "recipe.yaml", &recipe);
 *     if (code == QUERN_OK)
 *         code = quern_recipe_apply(recipe, model, NULL);
 *     quern_recipe_destroy(&recipe);
 *
 * Errors of recipes are QUERN_INVALID_ARGUMENT or _NOT_FOUND with file, line,
 * column and, for names, the nearest one that there is. A recipe belongs to its
 * context and to one thread at a time.
 */
#ifndef QUERN_RECIPE_H
#define QUERN_RECIPE_H

#ifndef QUERN_EXPERIMENTAL
#error                                                                         \
    "define QUERN_EXPERIMENTAL to use <quern/recipe.h>, which may still change"
#endif

#include <quern/pass.h>
#include <quern/run.h>

#ifdef __cplusplus
extern "C" {
#endif

struct quern_recipe;

/** Does the model still give what it gave before a step? */
enum quern_verdict {
    QUERN_VERDICT_NONE = 0,    /**< not asked, or the step changed nothing */
    QUERN_VERDICT_AGREES = 1,  /**< yes, within the contract of the pass */
    QUERN_VERDICT_DIFFERS = 2, /**< no: the step was undone */
    QUERN_VERDICT_UNKNOWN = 3, /**< it could not be told; the step stays */
};

/** What one step did. */
struct quern_step_report {
    uint32_t struct_size;
    size_t number; /**< 1 for the first; groups count as their passes */
    const char *pass;
    uint64_t n_edits;     /**< of all kinds */
    uint64_t n_created;   /**< nodes */
    uint64_t n_erased;    /**< nodes */
    int n_rounds;         /**< times that it ran over the model */
    double seconds;       /**< verifying included */
    uint64_t peak_memory; /**< of the process so far, in bytes */
    enum quern_verdict verdict;
    const char *verdict_text; /**< which output, element and both numbers, or
                                   why it could not be told; NULL: nothing to
                                   say. Borrowed for the call */
    uint64_t n_rewrites; /**< that it did: places where the model was whole */
};

/** What a pipeline may use beside the model; zero means "none". */
struct quern_apply_options {
    uint32_t struct_size;
    const char *data;   /**< calibration data: .npz, .npy, folder of sets */
    const char *target; /**< name or file of a target profile; NULL: that of
                             the recipe, else QUERN_TARGET_DEFAULT */
    /** Called for each line of the account, after its step: `pass` did `text`.
     * A line with text NULL closes a step: n_edits and seconds are its own. */
    void (*account)(void *user, const char *pass, const char *text,
                    uint64_t n_edits, double seconds);
    void *user;        /**< handed to all callbacks */
    size_t stop_after; /**< run that many steps; 0: all */
    /** Called when a step is done, behind its account. */
    void (*step)(void *user, const struct quern_step_report *report);
    /** Explain what a pass did or did not do at a node: names of both; the node
     * by its name, or "#12" by its id. Both or none. */
    const char *explain_pass;
    const char *explain_node;
    /** Called with each line of the explanation. */
    void (*explained)(void *user, const char *text);
    enum quern_engine_kind engine; /**< what runs the model for passes */
    const char *ort_library;       /**< path; NULL: the usual places */
    /** The model as it was: where enough samples are kept apart from the data,
     * steps that may do harm are judged by it and undone if they did. NULL: no
     * judging. */
    struct quern_model *reference;
    /** Run the model before and after each step that changes it, on a few
     * samples of `data` (else of the recipe's, else on random ones), and undo
     * the step when an output does not agree within the contract of its pass:
     * bit-exact ones the bits (ONNX Runtime as the engine: as real-exact),
     * real-exact ones to 1e-4 of the largest value (2e-2 with half types),
     * approximate ones to 1e-2 (5e-2); where the model rounds to codes,
     * 15 dB of signal to noise; passes that change precision 0 dB, and on
     * random data types and shapes alone. Bounded: 20 s and 2 GiB a run. */
    bool verify_each;
    bool strict; /**< a step that does not agree is an error: _INTERNAL */
    /** Of the last step that runs keep the first that many rewrites; 0: all. */
    uint64_t stop_rewrites;
    /** Called once, behind all steps, when verify_each is set: what the model
     * was run on ("3 random samples, embedded (…)"), or with verified false
     * why it could not be run, or not to the end. */
    void (*verified)(void *user, bool verified, const char *text);
};

/** Run a pipeline: "optimize" or "fold-constants{max-bytes=1000},drop-dead".
 * A step that fails is rolled back and named; those before it stay.
 * @param options  may be NULL
 * @return QUERN_OK; _INVALID_ARGUMENT, _NOT_FOUND (pipeline); what the pass
 * returned */
QUERN_NODISCARD QUERN_API enum quern_code
quern_apply(struct quern_model *model, const char *pipeline,
            const struct quern_apply_options *options);

/* -------------------------------------------------------------- recipes */

/** A recipe without steps. The caller owns it. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_recipe_create(struct quern_context *context,
                    struct quern_recipe **out_recipe);

/** Read a recipe file ("-": standard input). Relative paths in it (plugins,
 * data of steps, target files) begin at its folder, or at the current one where
 * there is nothing beside the recipe.
 * @return QUERN_OK; _INVALID_ARGUMENT (file, line, column); _IO; _LIMIT;
 * _NO_MEMORY */
QUERN_NODISCARD QUERN_API enum quern_code
quern_recipe_open(struct quern_context *context, const char *path,
                  struct quern_recipe **out_recipe);

/** As quern_recipe_open(), from memory.
 * @param file  name for messages; relative paths begin at its folder */
QUERN_NODISCARD QUERN_API enum quern_code
quern_recipe_read(struct quern_context *context, const char *file,
                  const void *text, size_t size,
                  struct quern_recipe **out_recipe);

/** NULL and *recipe NULL are fine. */
QUERN_API void quern_recipe_destroy(struct quern_recipe **recipe);

/** Append the steps of a pipeline text.
 * @param source  name for messages: "--passes" */
QUERN_NODISCARD QUERN_API enum quern_code
quern_recipe_add_steps(struct quern_recipe *recipe, const char *source,
                       const char *pipeline);

/** Append an override with `quantize: false`: "op:GLOB", "name:GLOB" (nodes) or
 * "value:GLOB". */
QUERN_NODISCARD QUERN_API enum quern_code
quern_recipe_add_exclude(struct quern_recipe *recipe, const char *text);

QUERN_API size_t quern_recipe_n_steps(const struct quern_recipe *recipe);

/** The target that the recipe names, or NULL. */
QUERN_API const char *quern_recipe_target(const struct quern_recipe *recipe);
QUERN_NODISCARD QUERN_API enum quern_code
quern_recipe_set_target(struct quern_recipe *recipe, const char *target);

/** Load the recipe's plugins and check all that can be checked without a
 * model: names of passes, their options and order, rules. Done by
 * quern_recipe_apply() too. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_recipe_check(struct quern_recipe *recipe);

/** The recipe as YAML, ready to save.
 * @param out_text  freed by quern_text_free() */
QUERN_NODISCARD QUERN_API enum quern_code
quern_recipe_print(const struct quern_recipe *recipe, char **out_text);
QUERN_API void quern_text_free(char **text);

/** Run all steps over a model; as quern_apply(). An override that matched
 * nothing is a warning. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_recipe_apply(struct quern_recipe *recipe, struct quern_model *model,
                   const struct quern_apply_options *options);

/* ---------------------------------------------------------------- rules */

/** A rule as the recipe writes it. Borrowed from the recipe. */
struct quern_rule {
    const char *name;
    const char *match;
    const char *replace;
};

/** Rule i in the order of the recipe.
 * @return false beyond the end. Since 0.1 */
QUERN_NODISCARD QUERN_API bool
quern_recipe_rule(const struct quern_recipe *recipe, size_t i,
                  struct quern_rule *out_rule);

/** One try of a rule at a node that has the operator of its root. */
struct quern_rule_try {
    uint32_t struct_size;
    size_t rule;                   /**< as of quern_recipe_rule() */
    const struct quern_node *node; /**< where it would begin */
    bool matches;
    size_t progress;    /**< how far a try came that failed: the parts of the
                             pattern that it had found; to be compared among
                             tries of one rule */
    const char *reason; /**< why it failed, borrowed for the call; else "" */
};

/** Called for each try, by rules, then by nodes in the order of their graph.
 * Not QUERN_OK ends the tries. */
typedef enum quern_code (*quern_try_fn)(void *user,
                                        const struct quern_rule_try *tried);

/** Try the rules of a recipe at the nodes of a model, bodies included, without
 * rewriting. The steps in front of the first step `rules` are run before, since
 * they make what rules meet; what the rules make must be there at the opset of
 * the model.
 * @param options  may be NULL; as of quern_recipe_apply()
 * @return QUERN_OK; _INVALID_ARGUMENT, _UNSUPPORTED with line and column; what
 * the steps before or `fn` returned. Since 0.1 */
QUERN_NODISCARD QUERN_API enum quern_code
quern_recipe_try_rules(struct quern_recipe *recipe, struct quern_model *model,
                       const struct quern_apply_options *options,
                       quern_try_fn fn, void *user);

/** Run all rules of a recipe over a model until none applies, and no other
 * step. As quern_recipe_apply(). Since 0.1 */
QUERN_NODISCARD QUERN_API enum quern_code
quern_recipe_run_rules(struct quern_recipe *recipe, struct quern_model *model,
                       const struct quern_apply_options *options);

/* --------------------------------------------------- passes and plugins */

/** Load a plugin: its passes can be used in recipes of this context from now
 * on. It is never unloaded; loading the same file twice does nothing.
 * @param path  of a shared object; never searched for
 * @return QUERN_OK; _INVALID_ARGUMENT: no such file, no plugin, another ABI, a
 * pass that is not well described or has a name that is taken; _NO_MEMORY */
QUERN_NODISCARD QUERN_API enum quern_code
quern_plugin_load(struct quern_context *context, const char *path);

/** Built-in passes, in the order of their table: NULL beyond the end. */
QUERN_API const struct quern_pass_desc *quern_pass_at(size_t i);

/** Passes that recipes of this context may name: built-in ones, then those of
 * plugins. NULL beyond the end. */
QUERN_API const struct quern_pass_desc *
quern_context_pass(const struct quern_context *context, size_t i);

/** Pass of that name.
 * @return QUERN_OK; _NOT_FOUND with the nearest name */
QUERN_NODISCARD QUERN_API enum quern_code
quern_context_find_pass(struct quern_context *context, const char *name,
                        const struct quern_pass_desc **out_desc);

/** Path of the plugin that brought a pass; NULL for a built-in one. */
QUERN_API const char *
quern_context_pass_origin(const struct quern_context *context,
                          const struct quern_pass_desc *desc);

/** What the plugin that brought a pass tells of itself; NULL for a built-in
 * one. Since 0.1 */
QUERN_API const struct quern_plugin *
quern_context_pass_plugin(const struct quern_context *context,
                          const struct quern_pass_desc *desc);

/** Named groups of passes: name and the pipeline that it stands for.
 * @return false beyond the end */
QUERN_API bool quern_group_at(size_t i, const char **out_name,
                              const char **out_pipeline);

/** Default of an option as text; "" when it is unset.
 * @return the length that the whole has (as snprintf) */
QUERN_API size_t quern_option_default(const struct quern_pass_desc *desc,
                                      const struct quern_option *option,
                                      char *text, size_t size);

/** All that is known of a pass, as text for a terminal.
 * @param out_text  freed by quern_text_free() */
QUERN_NODISCARD QUERN_API enum quern_code
quern_pass_help(struct quern_context *context,
                const struct quern_pass_desc *desc, char **out_text);

/** A model that a pattern matches: each of its operators once, inputs for what
 * no equation makes, all of them of sizes 4 and of the most usual type that
 * their readers take. What plugins and rules are tried on.
 * @param text       a pattern, as of quern_pattern_create()
 * @param out_model  the caller destroys it; where no choice of ranks fits the
 *                   operators, the inputs have no rank
 * @return QUERN_OK; _INVALID_ARGUMENT with line, column and the reason;
 * _NO_MEMORY. Since 0.1 */
QUERN_NODISCARD QUERN_API enum quern_code
quern_pattern_example(struct quern_context *context, const char *text,
                      struct quern_model **out_model);

/* ------------------------------------------------- overrides, for passes */

enum quern_setting {
    QUERN_SETTING_QUANTIZE = 1,
    QUERN_SETTING_ACTIVATIONS = 2,
    QUERN_SETTING_WEIGHTS = 4,
    QUERN_SETTING_PER_TENSOR = 8,
};

/** What overrides of the recipe say of a node or value; fields that are not in
 * `set` hold their defaults: quantize true, types undefined, per_tensor false.
 */
struct quern_settings {
    unsigned set; /**< enum quern_setting, or-ed */
    bool quantize;
    enum quern_dtype activations;
    enum quern_dtype weights;
    bool per_tensor;
};

/** Settings of a node, from overrides that match `op` and `name`; the later one
 * wins. Each override that matches a question counts as used. */
QUERN_API struct quern_settings
quern_pass_node_settings(struct quern_pass_ctx *ctx,
                         const struct quern_node *node);

/** Settings of a value, from overrides that match `value`. */
QUERN_API struct quern_settings
quern_pass_value_settings(struct quern_pass_ctx *ctx,
                          const struct quern_value *value);

#ifdef __cplusplus
}
#endif

#endif
