/* What the verbs of the command share: options, messages, exit codes. */
#include "signals.h"
#include "words.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int cli_exit_code(enum quern_code code)
{
    switch (code) {
    case QUERN_OK:
        return 0;
    case QUERN_INVALID_ARGUMENT:
    case QUERN_NOT_FOUND:
        return 2;
    case QUERN_MALFORMED:
    case QUERN_INVALID_MODEL:
    case QUERN_LIMIT:
    case QUERN_NUMERIC:
        return 3;
    case QUERN_UNSUPPORTED:
        return 4;
    case QUERN_IO:
        return 5;
    case QUERN_NO_MEMORY:
        return 6;
    case QUERN_CANCELLED:
        return 130;
    case QUERN_INTERNAL:
        return 7;
    }
    return 7;
}

static void print_message(const struct quern_message *message)
{
    char line[4096];
    quern_message_format(message, line, sizeof line);
    fprintf(stderr, "%s\n", line);
}

static void wipe_progress(struct cli *cli);

bool cli_is_again(const struct cli *cli, size_t i)
{
    const char *text = quern_message(cli->context, i)->text;
    for (size_t k = 0; i >= cli->again_from && i < cli->again_to && k < i;
         k++) {
        if (strcmp(quern_message(cli->context, k)->text, text) == 0) {
            return true;
        }
    }
    return false;
}

static bool stdout_is_lost(void)
{
    return fflush(stdout) != 0 || ferror(stdout);
}

int cli_end(int code)
{
    if (stdout_is_lost()) {
        fprintf(stderr, "error[io]: standard output cannot be written\n");
        return code == 0 ? cli_exit_code(QUERN_IO) : code;
    }
    return code;
}

int cli_finish(struct cli *cli, enum quern_code code)
{
    struct quern_context *context = cli->context;
    bool is_lost = stdout_is_lost();
    cli_cancel_on_signals(NULL);
    wipe_progress(cli);
    if (context != NULL) {
        if (code != QUERN_OK && quern_error(context) != NULL) {
            print_message(quern_error(context));
        } else if (code != QUERN_OK && !cli->is_usage_told && !is_lost) {
            fprintf(stderr, "error[%s]: %s\n", quern_code_name(code),
                    cli->verb);
        }
        for (size_t i = 0; i < quern_n_messages(context); i++) {
            const struct quern_message *m = quern_message(context, i);
            bool wanted = code != QUERN_OK || cli->verbose ||
                          m->severity == QUERN_SEVERITY_WARNING;
            if (wanted && !cli->quiet && !cli_is_again(cli, i)) {
                print_message(m);
            }
        }
        if (quern_n_dropped(context) > 0 && !cli->quiet) {
            fprintf(stderr, "note: %zu more messages\n",
                    quern_n_dropped(context));
        }
    }
    quern_context_destroy(&cli->context);
    free(cli->plugins);
    free(cli->batch_axes);
    cli_free_places(cli);
    free(cli->args);
    int status = cli_end(cli_exit_code(code));
    if (status != 0 && cli->written != NULL) {
        fprintf(stderr, "note: '%s' is written all the same\n", cli->written);
    }
    return status;
}

enum quern_code cli_usage(struct cli *cli, const char *format, ...)
{
    va_list args;
    cli->is_usage_told = true;
    fprintf(stderr, "error[invalid-argument]: %s: ", cli->verb);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nnote: see 'quern %s --help'\n", cli->verb);
    return QUERN_INVALID_ARGUMENT;
}

/* Bytes at the begin of a text that make a control character: two for U+0080
 * to U+009F, 0 where there is none. */
static int n_obeyed(const unsigned char *at)
{
    if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0) {
        return 2;
    }
    return (at[0] < 0x20 && at[0] != '\n') || at[0] == 0x7f;
}

void cli_printf(const char *format, ...)
{
    char room[1024];
    char *text = room;
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(room, sizeof room, format, args);
    if (size >= (int)sizeof room) {
        char *large = malloc((size_t)size + 1);
        if (large != NULL) { /* else the line is cut */
            vsnprintf(large, (size_t)size + 1, format, again);
            text = large;
        }
    }
    const unsigned char *c = (const unsigned char *)text;
    while (*c != '\0') {
        int n = n_obeyed(c);
        for (int i = 0; i < n; i++) {
            printf("\\x%02x", *c++);
        }
        if (n == 0) {
            putchar(*c++);
        }
    }
    if (text != room) {
        free(text);
    }
    va_end(again);
    va_end(args);
}

/* ------------------------------------------------------------- progress */

static double between(const struct timespec *from, const struct timespec *to)
{
    return difftime(to->tv_sec, from->tv_sec) +
           (double)(to->tv_nsec - from->tv_nsec) * 1e-9;
}

double cli_seconds(const struct cli *cli)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return between(&cli->started, &now);
}

static void wipe_progress(struct cli *cli)
{
    if (cli->is_told) {
        fprintf(stderr, "\r\033[K");
        cli->is_told = false;
    }
}

/* A line on the terminal for what takes over a second, at most 10 a second. */
static void on_progress(void *user, const char *what, uint64_t done,
                        uint64_t total)
{
    struct cli *cli = user;
    struct timespec now;
    if (what != NULL) {
        snprintf(cli->step, sizeof cli->step, "%s", what);
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (between(&cli->started, &now) < 1.0 ||
        between(&cli->last_told, &now) < 0.1) {
        return;
    }
    cli->last_told = now;
    cli->is_told = true;
    fprintf(stderr, "\r\033[K%s", cli->step);
    if (total > 0) {
        fprintf(stderr, " %llu/%llu", (unsigned long long)done,
                (unsigned long long)total);
    }
}

/* -------------------------------------------------------------- parsing */

struct parse {
    struct cli *cli;
    argp_parser_t own;
    void *self;
    enum quern_code code;
};

static bool append(const char ***list, size_t *n, const char *item)
{
    const char **grown = realloc(*list, (*n + 1) * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    grown[(*n)++] = item;
    *list = grown;
    return true;
}

static const struct argp_option common_options[] = {
    {NULL, 0, NULL, 0, "Options of every verb:", 90},
    {"threads", CLI_KEY_THREADS, "N", 0, "threads to use (default: all)", 90},
    {"plugin", CLI_KEY_PLUGIN, "FILE", 0, "load passes from a shared object",
     90},
    {"batch-axis", CLI_KEY_BATCH_AXIS, "NAME=K", 0,
     "samples for input NAME lie along axis K of its array (default: 0); "
     "NAME=none: the array goes with every sample",
     90},
    {"json", CLI_KEY_JSON, NULL, 0, "results as JSON", 90},
    {"copy", CLI_KEY_COPY, NULL, 0, "read models instead of mapping them", 90},
    {"engine", CLI_KEY_ENGINE, "E", 0,
     "what runs models: cpu (embedded), ort (ONNX Runtime), auto (default): "
     "cpu, and ort for a model with an operator that cpu lacks",
     90},
    {"ort-lib", CLI_KEY_ORT_LIB, "FILE", 0,
     "library of ONNX Runtime (default: $QUERN_ORT_LIB, else where the system "
     "and Python have it)",
     90},
    {"verbose", 'v', NULL, 0, "tell more", 90},
    {"quiet", 'q', NULL, 0, "no warnings", 90},
    {"help", '?', NULL, 0, "Give this help list", -1},
    {"usage", CLI_KEY_USAGE, NULL, 0, "Give a short usage message", -1},
    {0},
};

static error_t set_engine(struct parse *p, const char *name)
{
    static const char *const names[] = {"auto", "cpu", "ort"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(name, names[i]) == 0) {
            p->cli->engine = (enum quern_engine_kind)i;
            return 0;
        }
    }
    p->code = cli_usage(p->cli, "--engine '%s': needs auto, cpu or ort", name);
    return EINVAL;
}

/* Where argp itself ended the process, what stdout did not take was lost. */
static void end_with_help(const struct argp_state *state, unsigned flags)
{
    argp_state_help(state, stdout, flags & ~(unsigned)ARGP_HELP_EXIT_OK);
    exit(cli_end(0));
}

static error_t parse_common(int key, char *arg, struct argp_state *state)
{
    struct parse *p = state->input;
    struct cli *cli = p->cli;
    char *end = NULL;
    long number = 0;
    switch (key) {
    case CLI_KEY_THREADS:
        number = strtol(arg, &end, 10);
        if (end == arg || *end != '\0' || number < 1 || number > 1024) {
            p->code = cli_usage(cli, "--threads '%s': needs 1 to 1024", arg);
            return EINVAL;
        }
        cli->options.n_threads = (int)number;
        return 0;
    case CLI_KEY_PLUGIN:
        return append(&cli->plugins, &cli->n_plugins, arg) ? 0 : ENOMEM;
    case CLI_KEY_BATCH_AXIS:
        return append(&cli->batch_axes, &cli->n_batch_axes, arg) ? 0 : ENOMEM;
    case CLI_KEY_JSON:
        cli->json = true;
        return 0;
    case CLI_KEY_COPY:
        cli->options.copy_files = true;
        return 0;
    case CLI_KEY_ENGINE:
        return set_engine(p, arg);
    case CLI_KEY_ORT_LIB:
        cli->ort_library = arg;
        return 0;
    case 'v':
        cli->verbose = true;
        return 0;
    case 'q':
        cli->quiet = true;
        return 0;
    case '?':
        end_with_help(state, ARGP_HELP_STD_HELP);
        return 0;
    case CLI_KEY_USAGE:
        end_with_help(state, ARGP_HELP_USAGE);
        return 0;
    case ARGP_KEY_ARG:
        return append(&cli->args, &cli->n_args, arg) ? 0 : ENOMEM;
    default:
        break;
    }
    if (key < 0 || key >= ARGP_KEY_FINI || p->own == NULL) {
        return ARGP_ERR_UNKNOWN;
    }
    void *input = state->input;
    state->input = p->self;
    error_t code = p->own(key, arg, state);
    state->input = input;
    if (code == EINVAL) {
        p->code = QUERN_INVALID_ARGUMENT;
    }
    return code;
}

/* Own options, then the common ones, in one table. */
static struct argp_option *join_options(const struct argp_option *own)
{
    static const struct argp_option end = {0};
    size_t n = 0;
    while (own != NULL && (own[n].name != NULL || own[n].doc != NULL)) {
        n++;
    }
    size_t m = sizeof common_options / sizeof *common_options;
    struct argp_option *all = calloc(n + m + 1, sizeof *all);
    if (all != NULL) {
        if (n > 0) {
            memcpy(all, own, n * sizeof *all);
        }
        memcpy(all + n, common_options, m * sizeof *all);
        all[n + m] = end;
    }
    return all;
}

enum quern_code cli_parse(struct cli *cli, int argc, char **argv,
                          const struct argp_option *options,
                          argp_parser_t parse, void *self, const char *args_doc,
                          const char *doc, size_t min_args, size_t max_args)
{
    struct argp_option *all = join_options(options);
    struct parse p = {cli, parse, self, QUERN_OK};
    struct argp argp = {all, parse_common, args_doc, doc, NULL, NULL, NULL};
    cli->verb = argv[0];
    cli->options.struct_size = sizeof cli->options;
    clock_gettime(CLOCK_MONOTONIC, &cli->started);
    if (all == NULL) {
        return QUERN_NO_MEMORY;
    }
    p.code = cli_check_words(cli, argc, argv, all);
    if (p.code != QUERN_OK) {
        free(all);
        return p.code;
    }
    char name[64];
    snprintf(name, sizeof name, "quern %s", argv[0]);
    argv[0] = name;
    argp_err_exit_status = 2;
    error_t failed = argp_parse(&argp, argc, argv, ARGP_NO_HELP, NULL, &p);
    free(all);
    if (failed != 0) {
        return p.code != QUERN_OK ? p.code
               : failed == ENOMEM ? QUERN_NO_MEMORY
                                  : QUERN_INVALID_ARGUMENT;
    }
    if (cli->n_args < min_args || cli->n_args > max_args) {
        return cli_usage(cli, "%zu arguments given, needs %s", cli->n_args,
                         args_doc);
    }
    if (cli->n_batch_axes > 0 &&
        !append(&cli->batch_axes, &cli->n_batch_axes, NULL)) {
        return QUERN_NO_MEMORY;
    }
    cli->options.batch_axes = cli->batch_axes;
    cli_find_places(cli);
    if (cli->ort_library == NULL) {
        cli->ort_library = getenv("QUERN_ORT_LIB");
    }
    if (cli->ort_library != NULL && *cli->ort_library == '\0') {
        cli->ort_library = NULL;
    }
    if (!cli->quiet && isatty(STDERR_FILENO)) {
        cli->options.progress = on_progress;
        cli->options.user = cli;
    }
    enum quern_code code = quern_context_create(&cli->options, &cli->context);
    if (code == QUERN_OK) {
        cli_cancel_on_signals(cli->context);
    }
    for (size_t i = 0; i < cli->n_plugins && code == QUERN_OK; i++) {
        code = quern_plugin_load(cli->context, cli->plugins[i]);
    }
    return code;
}
