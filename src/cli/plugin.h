/* quern plugin check: what its parent and its children share. */
#ifndef QUERN_CLI_PLUGIN_H
#define QUERN_CLI_PLUGIN_H

#include "cli.h"

/** What a child does. It writes its report by lines: a word, a tab and a text.
 * Words are "fault", "note", "skipped", "ok" and "hint" (told when there is no
 * fault), "pass" (a name that the plugin brings) and "bytes" (of the result).
 */
struct plugin_job {
    struct cli *cli;
    const char *file;   /* of the plugin */
    const char *pass;   /* the one to try */
    const char *model;  /* NULL: patterns of the pass and samples of our own */
    const char *data;   /* NULL: random */
    const char *target; /* NULL: the default one */
    const char *folder; /* for files, emptied by the parent */
    double seconds;     /* that a child may take */
};

/** A model of ours that passes are tried on. */
struct plugin_sample {
    const char *name;
    const unsigned char *bytes;
    size_t size;
};
extern const struct plugin_sample plugin_samples[]; /* ended by name NULL */

/** Model `i` for a pass: that of the user, or the example of one of its
 * patterns, or a sample.
 * @param out_name   what to call it, borrowed
 * @param out_model  NULL beyond the end */
enum quern_code plugin_model(const struct plugin_job *job, size_t i,
                             const char **out_name,
                             struct quern_model **out_model);

/** Load the plugin, and find the pass if one is to be tried.
 * @return false: told in the report why it cannot be tried */
bool plugin_begin(const struct plugin_job *job, FILE *report,
                  const struct quern_pass_desc **out_desc);

/** The pipeline that runs a pass, with what it needs in front of it. */
void plugin_pipeline(const struct quern_pass_desc *desc, const char *setting,
                     char *text, size_t size);

/** Run the pass over a model.
 * @param setting   "key=value" of its options, or NULL
 * @param out_edits may be NULL */
enum quern_code plugin_apply(const struct plugin_job *job,
                             struct quern_model *model, const char *setting,
                             uint64_t *out_edits);

/** Report the error of the context as one line, then forget it: "skipped" where
 * the pass says that it does not support something, else a fault.
 * @param setting  as given to plugin_apply() */
void plugin_tell_error(const struct plugin_job *job, FILE *report,
                       const char *name, const char *setting);

/* What children do; `user` is a struct plugin_job. */

/** Load the plugin twice and list its passes. */
void plugin_load(void *user, FILE *report);
/** Run the pass twice over each model: what it leaves must be valid, with the
 * same inputs and outputs, the same bytes each time. */
void plugin_run(void *user, FILE *report);
/** Run it with each option at its bounds and with each of its choices. */
void plugin_settings(void *user, FILE *report);
/** Run it over and over: what stays allocated must not grow. */
void plugin_memory(void *user, FILE *report);
/** Outputs of the models before and after it, as its contract says. */
void plugin_numbers(void *user, FILE *report);

#endif
