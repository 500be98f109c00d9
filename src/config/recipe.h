/* The recipe: a pipeline with its target, plugins, rules and overrides, as read
 * from YAML or put together for a user (--print-config).
 *
 * A recipe knows no passes: names of steps and their options are checked by the
 * pass manager, with the places kept here. Everything lives in its arena.
 */
#ifndef QUERN_CONFIG_RECIPE_H
#define QUERN_CONFIG_RECIPE_H

#include "config/option.h"

/** Version of the format, key `quern`. */
enum { QN_RECIPE_VERSION = 1 };

/** Opset that the recipe's rules and passes use: `opsets: {com.acme: 1}`. */
struct qn_recipe_opset {
    const char *domain; /* as written; "ai.onnx" too */
    int64_t version;
    struct quern_place place;
};

/** A rewriting rule as text; the pattern parser reads it. */
struct qn_recipe_rule {
    const char *name;
    const char *match;
    const char *replace;
    const struct qn_yaml *node; /* the rule; NULL for rules added in code */
    bool is_other;              /* another `match` of the rule in front */
    bool is_quoted;             /* `match` stands in quotes */
    struct quern_place match_place;
    struct quern_place replace_place;
};

/** What an override or a question about one may set. */
enum qn_override_fields {
    QN_OVERRIDE_QUANTIZE = 1,
    QN_OVERRIDE_ACTIVATIONS = 2,
    QN_OVERRIDE_WEIGHTS = 4,
    QN_OVERRIDE_PER_TENSOR = 8,
};

struct qn_override_settings {
    unsigned fields;              /* enum qn_override_fields that are set */
    bool quantize;                /* false: leave it in float */
    enum quern_dtype activations; /* type of quantized activations */
    enum quern_dtype weights;     /* type of quantized weights */
    bool per_tensor;              /* one scale for a weight */
};

/** `match` with settings. Globs know * and ? only; NULL matches everything. */
struct qn_override {
    const char *op;    /* op type, "Conv" or "com.microsoft.Gelu" */
    const char *name;  /* node name */
    const char *value; /* value name; then it holds for values, not nodes */
    struct qn_override_settings settings;
    bool has_matched; /* set by qn_overrides_*(); see _warn_unused() */
    struct quern_place place;
};

struct quern_recipe {
    struct qn_arena arena;
    struct quern_context *context;
    const char *file;   /* NULL: made in code */
    const char *target; /* NULL: none */
    struct quern_place target_place;
    struct quern_strings plugins; /* paths as written */
    struct quern_place plugin_place;
    struct qn_recipe_opset *opsets;
    size_t n_opsets;
    struct qn_recipe_rule *rules;
    size_t n_rules;
    struct qn_steps steps;
    struct qn_override *overrides;
    size_t n_overrides;
};

/** An empty recipe. The caller owns it. */
enum quern_code qn_recipe_create(struct quern_context *context,
                                 struct quern_recipe **out_recipe)
    __attribute__((warn_unused_result));

/** Read a recipe file ("-": standard input).
 * @return QUERN_OK; _INVALID_ARGUMENT with file, line, column and the nearest
 * valid name (unknown key, wrong type, unknown or unused rule, …); _IO; _LIMIT;
 * _NO_MEMORY */
enum quern_code qn_recipe_open(struct quern_context *context, const char *path,
                               struct quern_recipe **out_recipe)
    __attribute__((warn_unused_result));

/** As qn_recipe_open(), from memory. */
enum quern_code qn_recipe_read(struct quern_context *context, const char *file,
                               const void *text, size_t size,
                               struct quern_recipe **out_recipe)
    __attribute__((warn_unused_result));

/** NULL and *recipe NULL are fine. */
void qn_recipe_destroy(struct quern_recipe **recipe);

/** Append the steps of a pipeline text (`a,b{key=value}`). */
enum quern_code qn_recipe_add_steps(struct quern_recipe *recipe,
                                    const char *file, const char *text)
    __attribute__((warn_unused_result));

/** Append `quantize: false` for `op:GLOB`, `name:GLOB` or `value:GLOB`, as
 * `--exclude` takes it. */
enum quern_code qn_recipe_add_exclude(struct quern_recipe *recipe,
                                      const char *text)
    __attribute__((warn_unused_result));

/** Append a rule; `match` and `replace` are copied. */
enum quern_code qn_recipe_add_rule(struct quern_recipe *recipe,
                                   const char *name, const char *match,
                                   const char *replace)
    __attribute__((warn_unused_result));

/** Set the target; copied. */
enum quern_code qn_recipe_set_target(struct quern_recipe *recipe,
                                     const char *target)
    __attribute__((warn_unused_result));

/** Rules and `rules` steps must fit each other: a step names only rules that
 * there are, every rule is run by a step (`rules` without a list runs all).
 * Done by qn_recipe_read(); call it again after adding. */
enum quern_code qn_recipe_check_rules(const struct quern_recipe *recipe)
    __attribute__((warn_unused_result));

/** Append the recipe as YAML that qn_recipe_read() reads back the same. */
enum quern_code qn_recipe_print(const struct quern_recipe *recipe,
                                struct qn_text *text)
    __attribute__((warn_unused_result));

/* ------------------------------------------------------------- overrides */

/** Read the list of overrides into a recipe. */
enum quern_code qn_overrides_read(struct quern_recipe *recipe,
                                  const struct qn_yaml *node)
    __attribute__((warn_unused_result));

/** Settings for a node: those of all overrides that match, later ones win.
 * @param op  op type, with its domain unless that is ONNX's own */
struct qn_override_settings qn_overrides_of_node(struct quern_recipe *recipe,
                                                 const char *op,
                                                 const char *name);

/** Settings for a value, from overrides that match `value`. */
struct qn_override_settings qn_overrides_of_value(struct quern_recipe *recipe,
                                                  const char *value);

/** A warning for each override that no question matched. */
void qn_overrides_warn_unused(const struct quern_recipe *recipe);

/** `*` any characters (also '/'), `?` one character, the rest literally.
 * Takes time at most length times length. */
bool qn_glob_match(const char *glob, const char *text);

#endif
