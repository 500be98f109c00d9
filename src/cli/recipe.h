/* Recipes on the command line: --config, --passes, --print-config, --explain.
 */
#ifndef QUERN_CLI_RECIPE_H
#define QUERN_CLI_RECIPE_H

#include "cli.h"

/** What the verb optimize runs: recipes name the group and keep Q and DQ, which
 * what they do next may look for. An operator between codes that are constant
 * is constant as well, which it is not while Q and DQ stand there. */
#define CLI_OPTIMIZE "optimize,fuse-qlinear,fold-constants,merge-equal"

/** What verbs that run pipelines share. Zero: not given. */
struct cli_recipe {
    const char *config;          /* --config */
    const char *passes;          /* --passes */
    const char *out;             /* --output */
    const char *target;          /* --target */
    const char *report;          /* --report */
    const char *explain;         /* --explain: a pass */
    const char *node;            /* --node */
    uint64_t stop_after;         /* --stop-after */
    uint64_t stop_rewrites;      /* --stop-after N:M */
    bool verify_each;            /* --verify-each */
    bool strict;                 /* --strict */
    bool print_config;           /* --print-config */
    bool no_provenance;          /* --no-provenance */
    struct quern_recipe *recipe; /* made by cli_recipe_open() */
    bool has_own_steps;          /* steps stand in --config */
};

enum cli_recipe_key {
    CLI_KEY_CONFIG = CLI_KEY_FIRST + 0x100,
    CLI_KEY_TARGET,
    CLI_KEY_REPORT,
    CLI_KEY_STOP_AFTER,
    CLI_KEY_EXPLAIN,
    CLI_KEY_NODE,
    CLI_KEY_PRINT_CONFIG,
    CLI_KEY_NO_PROVENANCE,
    CLI_KEY_VERIFY_EACH,
    CLI_KEY_STRICT,
};

/** Rows for a table of options. */
#define CLI_RECIPE_OPTIONS                                                     \
    {"output", 'o', "FILE", 0, "where to write the model (needed)", 0},        \
        {"target",                                                             \
         CLI_KEY_TARGET,                                                       \
         "T",                                                                  \
         0,                                                                    \
         "name or file of a target profile (default: ort-cpu-x64)",            \
         0},                                                                   \
        {"report", CLI_KEY_REPORT, "FILE", 0, "write the account as JSON", 0}, \
        {"stop-after",                                                         \
         CLI_KEY_STOP_AFTER,                                                   \
         "N[:M]",                                                              \
         0,                                                                    \
         "run the first N steps only, of the last one the first M rewrites",   \
         0},                                                                   \
        {"verify-each",                                                        \
         CLI_KEY_VERIFY_EACH,                                                  \
         NULL,                                                                 \
         0,                                                                    \
         "run the model before and after each pass, on --data or random data " \
         "(or recipe data), and undo a pass that breaks its contract",         \
         0},                                                                   \
        {"strict",                                                             \
         CLI_KEY_STRICT,                                                       \
         NULL,                                                                 \
         0,                                                                    \
         "with --verify-each: end with an error instead",                      \
         0},                                                                   \
        {"explain",                                                            \
         CLI_KEY_EXPLAIN,                                                      \
         "PASS",                                                               \
         0,                                                                    \
         "say what this pass did or did not do at --node",                     \
         0},                                                                   \
        {"node", CLI_KEY_NODE, "N", 0, "a node by its name, or #id", 0},       \
        {"no-provenance",                                                      \
         CLI_KEY_NO_PROVENANCE,                                                \
         NULL,                                                                 \
         0,                                                                    \
         "do not write into the model what was done to it",                    \
         0},                                                                   \
    {                                                                          \
        "print-config", CLI_KEY_PRINT_CONFIG, NULL, 0,                         \
            "print the recipe that would run, and end", 0                      \
    }

/** Take one of these options.
 * @return 0; EINVAL with the usage told; ARGP_ERR_UNKNOWN: another key */
error_t cli_recipe_parse(struct cli_recipe *self, int key, char *arg);

/** Read --config, or make the recipe of a pipeline.
 * @param pipeline  steps where the recipe has none; NULL: none */
enum quern_code cli_recipe_open(struct cli *cli, struct cli_recipe *self,
                                const char *source, const char *pipeline)
    __attribute__((warn_unused_result));

/** Print it to stdout, with --target in it. */
enum quern_code cli_recipe_print(struct cli *cli, struct cli_recipe *self)
    __attribute__((warn_unused_result));

/** Run it. The account goes to cli->lines, explanations to stdout.
 * @param reference  the model as it was, to judge steps by; NULL: none */
enum quern_code cli_recipe_apply(struct cli *cli, struct cli_recipe *self,
                                 struct quern_model *model, const char *data,
                                 struct quern_model *reference)
    __attribute__((warn_unused_result));

/** cli_spare() of the output and of the report, which must be writable.
 * @param data, stats  what the job reads besides; NULL: nothing */
enum quern_code cli_recipe_spare(struct cli *cli, const struct cli_recipe *self,
                                 const char *data, const char *stats)
    __attribute__((warn_unused_result));

void cli_recipe_close(struct cli_recipe *self);

#endif
