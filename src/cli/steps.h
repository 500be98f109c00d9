/* Wishes that several verbs turn into steps of a pipeline. */
#ifndef QUERN_CLI_STEPS_H
#define QUERN_CLI_STEPS_H

#include "cli.h"

struct cli_steps {
    const char *opset;   /* --opset; NULL: as it is */
    const char **shapes; /* --input-shape; room for all arguments */
    size_t n_shapes;
    const char *batch; /* --batch */
    bool strips;       /* --strip-metadata */
};

enum cli_steps_key {
    CLI_KEY_TO_OPSET = CLI_KEY_FIRST + 0x200,
    CLI_KEY_INPUT_SHAPE,
    CLI_KEY_BATCH,
    CLI_KEY_STRIP,
};

/** Rows for a table of options. */
#define CLI_STEPS_OPTIONS                                                      \
    {"opset",                                                                  \
     CLI_KEY_TO_OPSET,                                                         \
     "N",                                                                      \
     0,                                                                        \
     "raise the model to opset N (7 to 26) by converting its operators",       \
     0},                                                                       \
        {"input-shape",                                                        \
         CLI_KEY_INPUT_SHAPE,                                                  \
         "NAME=SIZES",                                                         \
         0,                                                                    \
         "set the sizes of an input, as in x=1,3,224,W: numbers, names, or ? " \
         "for any size; may be given again",                                   \
         0},                                                                   \
        {"batch",                                                              \
         CLI_KEY_BATCH,                                                        \
         "N",                                                                  \
         0,                                                                    \
         "set the first size of the inputs: a number or a name",               \
         0},                                                                   \
    {                                                                          \
        "strip-metadata", CLI_KEY_STRIP, NULL, 0,                              \
            "drop doc strings and metadata", 0                                 \
    }

/** Make room for lists.
 * @return QUERN_OK; _NO_MEMORY */
enum quern_code cli_steps_init(struct cli_steps *self, int argc)
    __attribute__((warn_unused_result));
void cli_steps_finish(struct cli_steps *self);

/** Take one of these options.
 * @return 0; ARGP_ERR_UNKNOWN: another key */
error_t cli_steps_parse(struct cli_steps *self, int key, char *arg);

/** Usage told where an option makes no sense. */
enum quern_code cli_steps_check(struct cli *cli, const struct cli_steps *self)
    __attribute__((warn_unused_result));

/** Sizes and opset, which come before other steps; and what comes last. */
void cli_steps_first(FILE *out, const struct cli_steps *self);
void cli_steps_last(FILE *out, const struct cli_steps *self);

/** Begin a step: a comma stands in front of all but the first. */
void cli_step(FILE *out, const char *name);

/** "key=[…]" of `n` texts. */
void cli_step_list(FILE *out, const char *key, const char *const *items,
                   size_t n);

/** "key=[…]" of the texts that commas part. */
void cli_step_words(FILE *out, const char *key, const char *words);

#endif
