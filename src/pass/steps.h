/* Typed options: from text to a params struct, by the table of a pass. */
#ifndef QUERN_PASS_STEPS_H
#define QUERN_PASS_STEPS_H

#include <quern/pass.h>

#include "base/diag.h"

/** One step of a pipeline as text: "name{key=value,key=value}". */
struct qn_pass_step {
    const char *name;
    size_t n_options;
    const char **keys;
    const char **values;
    struct qn_pass_step *next;
};

/** Parse "a,b{key=value,…},c". Steps live in the arena.
 * @return QUERN_OK; _INVALID_ARGUMENT with the column */
enum quern_code qn_pass_steps_parse(struct quern_context *context,
                                    struct qn_arena *arena, const char *text,
                                    struct qn_pass_step **out_first)
    __attribute__((warn_unused_result));

/** A params struct with defaults, then the step's values.
 * @return QUERN_OK; _INVALID_ARGUMENT: unknown key (with the nearest one), a
 * value of the wrong type or out of range */
enum quern_code
qn_pass_params(struct quern_context *context, struct qn_arena *arena,
               const struct quern_pass_desc *desc,
               const struct qn_pass_step *step, void **out_params)
    __attribute__((warn_unused_result));

#endif
