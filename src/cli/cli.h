/* What the verbs of the command share. */
#ifndef QUERN_CLI_CLI_H
#define QUERN_CLI_CLI_H

#ifndef QUERN_EXPERIMENTAL
#define QUERN_EXPERIMENTAL
#endif
#include <quern/quern.h>

#include <argp.h>
#include <stdio.h>
#include <time.h>

/** Options that every verb takes. */
struct cli {
    const char *verb;
    struct quern_context_options options;
    struct quern_context *context; /* made by cli_parse() */
    bool json;
    bool verbose;
    bool quiet;
    enum quern_engine_kind engine;
    const char *ort_library;   /* NULL: the usual places */
    struct timespec started;   /* when the command line was read */
    struct timespec last_told; /* progress */
    struct cli_lines *lines;   /* what passes told; NULL: not kept */
    char step[64];             /* what progress is of */
    const char *written;       /* the output, once it is in place */
    size_t
        again_from;  /* messages that came while the output was opened: those */
    size_t again_to; /* of the input once more */
    bool is_usage_told;   /* by cli_usage() */
    bool is_told;         /* a line of progress stands on the terminal */
    const char **plugins; /* --plugin, in order */
    size_t n_plugins;
    const char **batch_axes; /* --batch-axis, NULL-ended once parsed */
    size_t n_batch_axes;
    char **places; /* where ONNX Runtime may lie, NULL-ended */
    size_t n_places;
    const char **args; /* positional ones */
    size_t n_args;
};

/** From now on Ctrl-C and SIGTERM cancel what runs: exit code 130, and no half
 * file. */
void cli_catch_signals(void);

/** True when one of them came. */
bool cli_was_interrupted(void);

/** Keys of long options without a letter. */
enum cli_key {
    CLI_KEY_THREADS = 0x100,
    CLI_KEY_JSON,
    CLI_KEY_COPY,
    CLI_KEY_PLUGIN,
    CLI_KEY_BATCH_AXIS,
    CLI_KEY_ENGINE,
    CLI_KEY_ORT_LIB,
    CLI_KEY_USAGE,
    CLI_KEY_FIRST, /* a verb's own begin here */
};

/** Parse a verb's command line and make the context.
 * @param options   the verb's own table, ended by {0}
 * @param parse     its parser; called for its own keys and for nothing else
 * @param self      handed to parse as state->input
 * @param min_args, max_args  number of positional arguments
 * @return QUERN_OK, or the code to end with (usage has been told) */
enum quern_code cli_parse(struct cli *cli, int argc, char **argv,
                          const struct argp_option *options,
                          argp_parser_t parse, void *self, const char *args_doc,
                          const char *doc, size_t min_args, size_t max_args);

/** Print stored warnings (unless -q) and the error, free the context.
 * @return the exit code of the process */
int cli_finish(struct cli *cli, enum quern_code code);

/** End a process that has printed on stdout: tells when it took not all.
 * @return code, or 5 in the place of 0 */
int cli_end(int code);

/** True for a message on the written file that repeats one on the input. */
bool cli_is_again(const struct cli *cli, size_t i);

/** Exit code of the process for a code (design.md §5). */
int cli_exit_code(enum quern_code code);

/** List where the library of ONNX Runtime may lie, as the environment tells,
 * into the options of the context. */
void cli_find_places(struct cli *cli);
void cli_free_places(struct cli *cli);

/** Error of usage told by the verb itself. */
enum quern_code cli_usage(struct cli *cli, const char *format, ...)
    QUERN_PRINTF(2, 3);

/** Refuse an output that is one of the files which a job reads or writes as
 * well: samples, statistics, a recipe. NULLs among them are left out.
 * @param out  NULL: no output, all is well */
enum quern_code cli_spare(struct cli *cli, const char *out,
                          const char *const *files, size_t n_files);

/** Refuse a report that cannot be written, before the work is done. */
enum quern_code cli_check_report(struct cli *cli, const char *path);

/** Refuse to run a model whose nodes have attributes or types that their
 * operators do not take: the embedded engine would compute something. */
enum quern_code cli_check_runnable(const struct cli *cli,
                                   struct quern_model *model);

/** Seconds since the command line was read. */
double cli_seconds(const struct cli *cli);

/** printf() for lines with names out of models in them: what terminals obey is
 * written as \xNN, but for line ends. */
void cli_printf(const char *format, ...) QUERN_PRINTF(1, 2);

/** What `run` did, on stdout; out may be NULL. */
enum quern_code cli_tell_run(const struct cli *cli, size_t n_samples,
                             const char *engine, const char *out);

/** Signal to noise as text on stdout. */
void cli_print_decibels(double x);

/** Error of an output as the rest of a line on stdout. */
void cli_print_error(const struct quern_compared *v);

/** Keeps lines of the account in cli->lines; user is the struct cli. */
void cli_account(void *user, const char *pass, const char *text,
                 uint64_t n_edits, double seconds);

int cmd_convert(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_quantize(int argc, char **argv);
int cmd_apply(int argc, char **argv);
int cmd_bisect(int argc, char **argv);
int cmd_optimize(int argc, char **argv);
int cmd_calibrate(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_passes(int argc, char **argv);
int cmd_plugin(int argc, char **argv);
int cmd_rules(int argc, char **argv);
int cmd_targets(int argc, char **argv);
int cmd_doctor(int argc, char **argv);

#endif
