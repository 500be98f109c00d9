/* quern plugin check: find out what a plugin does wrong before it is used. All
 * that its code does happens in child processes; here their reports are read.
 */
#include "child.h"
#include "folder.h"
#include "json.h"
#include "plugin.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_PASSES = 1000 }; /* that quern loads of one plugin */

/* Sanitizers map terabytes. */
#if defined __SANITIZE_ADDRESS__
#define IS_BOUNDED false
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define IS_BOUNDED false
#endif
#endif
#ifndef IS_BOUNDED
#define IS_BOUNDED true
#endif

struct check {
    struct cli cli;
    struct plugin_job job;
    struct cli_bounds bounds;
    const char *time_limit;   /* as given */
    const char *memory_limit; /* as given */
    struct cli_folder folder;
    char *passes[MOST_PASSES];
    size_t n_passes;
    json_t *list; /* with --json */
    size_t n_faults;
    size_t n_checks;
};

enum {
    KEY_MODEL = CLI_KEY_FIRST,
    KEY_DATA,
    KEY_TARGET,
    KEY_TIME,
    KEY_MEMORY,
};

static const struct argp_option options[] = {
    {"model", KEY_MODEL, "M", 0,
     "try the passes on this model (default: on what their patterns match, and "
     "on a few small ones)",
     0},
    {"data", KEY_DATA, "D", 0, "samples for --model (default: random numbers)",
     0},
    {"target", KEY_TARGET, "T", 0,
     "name or file of a target profile (default: ort-cpu-x64)", 0},
    {"time-limit", KEY_TIME, "S", 0,
     "seconds that each check may take (default: 20)", 0},
    {"memory-limit", KEY_MEMORY, "MIB", 0,
     "memory that each check may take (default: 2048)", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct check *self = state->input;
    switch (key) {
    case KEY_MODEL:
        self->job.model = arg;
        return 0;
    case KEY_DATA:
        self->job.data = arg;
        return 0;
    case KEY_TARGET:
        self->job.target = arg;
        return 0;
    case KEY_TIME:
        self->time_limit = arg;
        return 0;
    case KEY_MEMORY:
        self->memory_limit = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---------------------------------------------------------- what is found */

/* One line of the result.
 * @param what  "load", or the pass */
static void tell(struct check *self, const char *what, const char *result,
                 const char *text)
{
    bool is_fault = strcmp(result, "fault") == 0;
    self->n_checks++;
    self->n_faults += is_fault;
    if (self->list != NULL) {
        json_t *o = json_object();
        json_object_set_new(o, "subject", cli_json_string(what));
        json_object_set_new(o, "result", cli_json_string(result));
        json_object_set_new(o, "text", cli_json_string(text));
        json_array_append_new(self->list, o);
    } else if (is_fault || !self->cli.quiet) {
        cli_printf("%-8s %s: %s\n", is_fault ? "FAULT" : result, what, text);
    }
}

/* What glibc says before it ends a process that frees what it may not. */
static bool is_bad_free(const struct cli_child *child)
{
    static const char *const words[] = {
        "free(): ",   "double free", "munmap_chunk(): ",   "realloc(): ",
        "malloc(): ", "corrupted",   "malloc_consolidate", "malloc: ",
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (child->number == SIGABRT && strstr(child->said, words[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* An end that is not as it should be. */
static void tell_end(struct check *self, const char *what,
                     const struct cli_child *child)
{
    char text[1024];
    switch (child->end) {
    case CLI_CHILD_DONE:
        return;
    case CLI_CHILD_QUIT:
        snprintf(text, sizeof text, "ends the process, exit code %d%s%s",
                 child->number, *child->said != '\0' ? ": " : "", child->said);
        break;
    case CLI_CHILD_TIMEOUT:
        snprintf(text, sizeof text,
                 "does not end within %g s, nor when it is cancelled: loops "
                 "call quern_pass_poll()",
                 self->bounds.seconds);
        break;
    case CLI_CHILD_SIGNALS:
        snprintf(text, sizeof text,
                 "sends a signal to the process that runs it: %s",
                 strsignal(child->number));
        break;
    case CLI_CHILD_KILLED:
        snprintf(text, sizeof text, "%s: %s%s%s",
                 is_bad_free(child) ? "frees memory that is not its own"
                                    : "crashes",
                 strsignal(child->number), *child->said != '\0' ? ": " : "",
                 child->said);
        break;
    }
    tell(self, what, "fault", text);
}

static bool add_pass(struct check *self, const char *name)
{
    if (self->n_passes == MOST_PASSES) {
        return true;
    }
    self->passes[self->n_passes] = strdup(name);
    return self->passes[self->n_passes] != NULL && ++self->n_passes > 0;
}

static bool is_result(const char *word)
{
    return strcmp(word, "note") == 0 || strcmp(word, "fault") == 0 ||
           strcmp(word, "skipped") == 0;
}

/* Tell what a child found: "ok" only where it found no fault.
 * @param out_bytes  what it says of the bytes, into the report; may be NULL */
static enum quern_code tell_report(struct check *self, const char *what,
                                   struct cli_child *child,
                                   const char **out_bytes)
{
    size_t n_faults = self->n_faults;
    const char *good = NULL;
    const char *hint = NULL;
    char *rest = NULL;
    char *line =
        child->report != NULL ? strtok_r(child->report, "\n", &rest) : NULL;
    for (; line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        char *text = strchr(line, '\t');
        if (text == NULL) {
            continue;
        }
        *text++ = '\0';
        if (strcmp(line, "ok") == 0) {
            good = text;
        } else if (strcmp(line, "hint") == 0) {
            hint = text;
        } else if (strcmp(line, "bytes") == 0 && out_bytes != NULL) {
            *out_bytes = text;
        } else if (strcmp(line, "pass") == 0 && !add_pass(self, text)) {
            return QUERN_NO_MEMORY;
        } else if (is_result(line)) {
            tell(self, what, line, text);
        }
    }
    tell_end(self, what, child);
    if (good != NULL && self->n_faults == n_faults &&
        child->end == CLI_CHILD_DONE) {
        tell(self, what, "ok", good);
        if (hint != NULL) {
            tell(self, what, "note", hint);
        }
    }
    if (child->left != CLI_LEFT_NONE) {
        tell(self, what, "note",
             child->left == CLI_LEFT_ENDED
                 ? "leaves a process behind, which is ended"
                 : "may leave a process behind that could not be ended");
    }
    if (*child->said != '\0' && child->end == CLI_CHILD_DONE) {
        char text[512];
        snprintf(text, sizeof text, "writes to standard output or error: %s",
                 child->said);
        tell(self, what, "note", text);
    }
    return QUERN_OK;
}

/* ---------------------------------------------------------------- checks */

static enum quern_code run_one(struct check *self, const char *what,
                               void (*work)(void *user, FILE *report))
{
    struct cli_child child = {.report = NULL};
    enum quern_code code =
        cli_child_run(&self->cli, &self->bounds, work, &self->job, &child);
    if (code == QUERN_OK) {
        code = tell_report(self, what, &child, NULL);
        free(child.report);
    }
    return code;
}

/* The pass in two processes: addresses and time differ, bytes must not.
 * @param out_ran  it could be tried, and nothing is wrong */
static enum quern_code run_twice(struct check *self, const char *pass,
                                 bool *out_ran)
{
    struct cli_child first = {.report = NULL};
    struct cli_child second = {.report = NULL};
    const char *bytes = NULL;
    size_t n_faults = self->n_faults;
    enum quern_code code = cli_child_run(&self->cli, &self->bounds, plugin_run,
                                         &self->job, &first);
    if (code == QUERN_OK) {
        code = tell_report(self, pass, &first, &bytes);
    }
    *out_ran = bytes != NULL && self->n_faults == n_faults;
    if (code == QUERN_OK && *out_ran) {
        code = cli_child_run(&self->cli, &self->bounds, plugin_run, &self->job,
                             &second);
    }
    if (code == QUERN_OK && *out_ran && second.end != CLI_CHILD_DONE) {
        tell_end(self, pass, &second);
        *out_ran = false;
    } else if (code == QUERN_OK && *out_ran) {
        *out_ran = strstr(second.report, bytes) != NULL;
        tell(self, pass, *out_ran ? "ok" : "fault",
             *out_ran ? "the same bytes each time"
                      : "is not deterministic: two processes write different "
                        "bytes");
    }
    free(first.report);
    free(second.report);
    return code;
}

static enum quern_code check_pass(struct check *self, const char *pass)
{
    static void (*const others[])(void *user, FILE *report) = {
        plugin_settings, plugin_memory, plugin_numbers};
    bool ran = false;
    self->job.pass = pass;
    enum quern_code code = run_twice(self, pass, &ran);
    if (code == QUERN_OK && !ran) {
        tell(self, pass, "skipped", "its further checks");
        return code;
    }
    for (size_t i = 0; i < sizeof others / sizeof *others && code == QUERN_OK;
         i++) {
        code = run_one(self, pass, others[i]);
    }
    return code;
}

static enum quern_code check_all(struct check *self)
{
    enum quern_code code = run_one(self, "load", plugin_load);
    for (size_t i = 0; i < self->n_passes && code == QUERN_OK; i++) {
        code = check_pass(self, self->passes[i]);
    }
    return code;
}

/* ----------------------------------------------------------------- whole */

/* @return false: told */
static bool read_number(struct check *self, const char *name, const char *text,
                        double most, double *out)
{
    char *end = NULL;
    if (text == NULL) {
        return true;
    }
    double number = strtod(text, &end);
    if (end == text || *end != '\0' || !(number > 0.0) || number > most) {
        (void)cli_usage(&self->cli, "--%s '%s': needs a number up to %g", name,
                        text, most);
        return false;
    }
    *out = number;
    return true;
}

static enum quern_code prepare(struct check *self)
{
    double seconds = 20.0;
    double mebibytes = 2048.0;
    struct stat info;
    if (strcmp(self->cli.args[0], "check") != 0) {
        return cli_usage(&self->cli, "unknown word '%s', needs check",
                         self->cli.args[0]);
    }
    if (self->job.data != NULL && self->job.model == NULL) {
        return cli_usage(&self->cli, "--data goes with --model");
    }
    if (!read_number(self, "time-limit", self->time_limit, 1e6, &seconds) ||
        !read_number(self, "memory-limit", self->memory_limit, 1e9,
                     &mebibytes)) {
        return QUERN_INVALID_ARGUMENT;
    }
    self->job.file = self->cli.args[1];
    if (stat(self->job.file, &info) != 0) {
        return quern_fail(self->cli.context, QUERN_INVALID_ARGUMENT, NULL,
                          "plugin '%s' cannot be opened: %s", self->job.file,
                          strerror(errno));
    }
    self->bounds.seconds = self->job.seconds = seconds;
    self->bounds.memory = IS_BOUNDED ? (uint64_t)mebibytes << 20 : 0;
    self->job.folder = self->folder.path;
    return cli_folder_make(&self->cli, &self->folder);
}

static enum quern_code print(struct check *self)
{
    if (self->list == NULL) {
        cli_printf("%s: %zu faults\n", self->job.file, self->n_faults);
        return QUERN_OK;
    }
    json_t *passes = json_array();
    for (size_t i = 0; i < self->n_passes; i++) {
        json_array_append_new(passes, cli_json_string(self->passes[i]));
    }
    return cli_json_print(
        json_pack("{s:o, s:o, s:I, s:O}", "plugin",
                  cli_json_string(self->job.file), "passes", passes, "faults",
                  (json_int_t)self->n_faults, "checks", self->list));
}

int cmd_plugin(int argc, char **argv)
{
    struct check self = {0};
    self.job.cli = &self.cli;
    enum quern_code code =
        cli_parse(&self.cli, argc, argv, options, parse, &self, "check FILE",
                  "Check a plugin: load it, run its passes, look for all that "
                  "they may do wrong, in processes of their own. Exit code 1 "
                  "when there is a fault.",
                  2, 2);
    if (code == QUERN_OK) {
        code = prepare(&self);
    }
    if (code == QUERN_OK) {
        self.list = self.cli.json ? json_array() : NULL;
        code = check_all(&self);
    }
    cli_folder_remove(&self.folder);
    if (code == QUERN_OK) {
        code = print(&self);
    }
    json_decref(self.list);
    for (size_t i = 0; i < self.n_passes; i++) {
        free(self.passes[i]);
    }
    int status = cli_finish(&self.cli, code);
    return status == 0 && self.n_faults > 0 ? 1 : status;
}
