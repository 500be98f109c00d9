/* Option tables of <quern/pass.h>: rows that say how a params struct is filled.
 *
 * The pass manager uses it like this:
 *
 *     void *params = NULL;
 *     code = qn_options_create(context, owner, desc->options,
 *                              desc->params_default, desc->params_size,
 *                              &arena, &params);
 *     if (code == QUERN_OK)
 *         code = qn_options_fill(context, owner, desc->options,
 *                                step->options, &arena, params);
 *
 * `step->options` is the node that qn_pipeline_parse() or the recipe gave; a
 * single `key=value` from a command line goes through qn_options_set(). Strings
 * and lists are copied into the arena and live as long as it.
 *
 * `owner` names the table in messages: "pass 'calibrate'". Errors carry the
 * place of the value, what was found and what was needed; an unknown name or
 * choice comes with the nearest valid one.
 */
#ifndef QUERN_CONFIG_OPTION_H
#define QUERN_CONFIG_OPTION_H

#include "config/yaml.h"

/** Check a table that a stranger wrote: known types, values inside the struct
 * and aligned, names of letters, digits and dashes that occur once, minimum <=
 * maximum, choices present and unique, default inside its bounds.
 * @param table          NULL: no options, always fine
 * @param params_default NULL: zeros
 * @return QUERN_OK; QUERN_INTERNAL naming owner and option (the pass is wrong,
 * not the user) */
enum quern_code qn_options_check(struct quern_context *context,
                                 const char *owner,
                                 const struct quern_option *table,
                                 const void *params_default, size_t params_size)
    __attribute__((warn_unused_result));

/** A params struct in the arena that holds the defaults. It is checked by
 * qn_options_check() first.
 * @return QUERN_OK; QUERN_INTERNAL; _NO_MEMORY */
enum quern_code
qn_options_create(struct quern_context *context, const char *owner,
                  const struct quern_option *table, const void *params_default,
                  size_t params_size, struct qn_arena *arena, void **out_params)
    __attribute__((warn_unused_result));

/** Set options from a node:
 *   NULL or an empty node   nothing is set
 *   a mapping               each key is an option; unknown keys are errors
 *   a list or a scalar      the value of the table's *first* row, so that
 *                           `rules: [my-silu]` and `opset{17}` read well
 * On failure `params` may hold some of the values. */
enum quern_code
qn_options_fill(struct quern_context *context, const char *owner,
                const struct quern_option *table, const struct qn_yaml *node,
                struct qn_arena *arena, void *params)
    __attribute__((warn_unused_result));

/** Set one option from text, as in `--set name=value`. A list is written
 * `[a,b]` or, for one element, plainly.
 * @param file  name for messages ("--percentile"); may be NULL */
enum quern_code qn_options_set(struct quern_context *context, const char *owner,
                               const struct quern_option *table,
                               const char *file, const char *name,
                               const char *value, struct qn_arena *arena,
                               void *params)
    __attribute__((warn_unused_result));

/** Row of that name or NULL. */
const struct quern_option *qn_options_find(const struct quern_option *table,
                                           const char *name);

/** What can be told about a row, all as text; NULL where there is nothing to
 * tell. Made for lists in JSON and for help texts. */
struct qn_option_row {
    const char *name;
    const char *type;           /* bool, integer, number, choice, text, list */
    const char *default_value;  /* NULL: unset */
    const char *range;          /* "0..100", NULL: no bounds */
    const char *const *choices; /* NULL-ended, or NULL */
    const char *help;
};

/** Describe a row; texts lie in the arena or in the table. */
enum quern_code
qn_options_describe(struct quern_context *context,
                    const struct quern_option *row, const void *params_default,
                    struct qn_arena *arena, struct qn_option_row *out_row)
    __attribute__((warn_unused_result));

/** Append the whole table as help text, 79 columns wide; nothing for an empty
 * table. */
enum quern_code
qn_options_help(struct quern_context *context, const struct quern_option *table,
                const void *params_default, struct qn_text *text)
    __attribute__((warn_unused_result));

/* ------------------------------------------------------------- pipelines */

/** A step of a pipeline: a pass or a named group, with options not yet read. */
struct qn_step {
    const char *name;
    const struct qn_yaml *options; /* for qn_options_fill(); NULL: none */
    const struct qn_yaml *node;    /* where the name stands, for messages */
};

struct qn_steps {
    struct qn_step *items;
    size_t count;
};

/** Parse a pipeline on one line (`--passes`):
 *
 *     pipeline = [step {"," step}]
 *     step     = name ["{" [arg {"," arg}] "}"]
 *     arg      = key "=" value | value           (a value alone: first option,
 *                                                 only as the sole argument)
 *     value    = scalar | "[" [scalar {"," scalar}] "]"
 *     scalar   = word | 'text' | "text"
 *
 * Words hold no spaces and none of , { } [ ] ' " =; in double quotes \" and \\
 * stand for themselves. Lists do not nest. Spaces around parts are skipped.
 * @param file   name for messages, with line 1 and a column
 * @param arena  owns all that is given back */
enum quern_code qn_pipeline_parse(struct quern_context *context,
                                  const char *file, const char *text,
                                  struct qn_arena *arena,
                                  struct qn_steps *out_steps)
    __attribute__((warn_unused_result));

/** Steps of a sequence as a recipe writes it: `name`, or `name: options`. */
enum quern_code
qn_steps_of_yaml(struct quern_context *context, const struct qn_yaml *sequence,
                 struct qn_arena *arena, struct qn_steps *out_steps)
    __attribute__((warn_unused_result));

#endif
