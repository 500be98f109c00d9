/* What the children of quern plugin check do: each of these functions runs in a
 * process of its own, since the plugin may do anything. */
#include "plugin.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

/* Memory that was freed holds something else from now on, so that it shows when
 * somebody still uses it. */
static void spoil_freed_memory(void)
{
#ifdef __GLIBC__
    (void)mallopt(M_PERTURB, 0xa5);
#endif
}

bool plugin_begin(const struct plugin_job *job, FILE *report,
                  const struct quern_pass_desc **out_desc)
{
    const uint32_t needs_data = QUERN_PASS_NEEDS_DATA | QUERN_PASS_NEEDS_RANGES;
    struct quern_context *context = job->cli->context;
    const struct quern_pass_desc *desc = NULL;
    spoil_freed_memory();
    enum quern_code code = quern_plugin_load(context, job->file);
    if (code == QUERN_OK && job->pass != NULL) {
        code = quern_context_find_pass(context, job->pass, &desc);
    }
    if (code != QUERN_OK) {
        fprintf(report, "fault\t%s\n",
                quern_error(context) != NULL ? quern_error(context)->text : "");
        return false;
    }
    if (desc != NULL && (desc->flags & needs_data) != 0 && job->data == NULL) {
        fprintf(report, "skipped\tneeds calibration data: give --model and "
                        "--data\n");
        return false;
    }
    *out_desc = desc;
    return true;
}

/* -------------------------------------------------------------- loading */

/* The passes of a plugin. */
struct listed {
    size_t n;
    uint64_t hash; /* of their names */
    const struct quern_plugin *plugin;
};

/* @param report  gets their names; NULL: does not */
static struct listed list_passes(const struct quern_context *context,
                                 FILE *report)
{
    const struct quern_pass_desc *desc = NULL;
    struct listed all = {.hash = QUERN_HASH_START};
    for (size_t i = 0; (desc = quern_context_pass(context, i)) != NULL; i++) {
        if (quern_context_pass_origin(context, desc) == NULL) {
            continue;
        }
        all.n++;
        all.hash = quern_hash(all.hash, desc->name, strlen(desc->name) + 1);
        all.plugin = quern_context_pass_plugin(context, desc);
        if (report != NULL) {
            fprintf(report, "pass\t%s\n", desc->name);
        }
    }
    return all;
}

void plugin_load(void *user, FILE *report)
{
    const struct plugin_job *job = user;
    const struct quern_pass_desc *desc = NULL;
    struct quern_context *other = NULL;
    if (!plugin_begin(job, report, &desc)) {
        return;
    }
    if (quern_context_create(NULL, &other) != QUERN_OK ||
        quern_plugin_load(other, job->file) != QUERN_OK) {
        fprintf(report, "fault\tcannot be loaded into a second context: %s\n",
                other != NULL && quern_error(other) != NULL
                    ? quern_error(other)->text
                    : "");
        quern_context_destroy(&other);
        return;
    }
    uint64_t second = list_passes(other, NULL).hash;
    quern_context_destroy(&other);
    if (list_passes(job->cli->context, NULL).hash != second) {
        fprintf(report, "fault\tits entry tells other passes the second "
                        "time\n");
        return;
    }
    struct listed all = list_passes(job->cli->context, report);
    fprintf(report,
            "ok\t%.200s %.100s (%.100s), ABI %d, %zu pass%s: descriptors, "
            "options and patterns are well formed, the same answer twice\n",
            all.plugin->name, all.plugin->version, all.plugin->licence,
            QUERN_ABI, all.n, all.n == 1 ? "" : "es");
}

/* -------------------------------------------------------------- running */

/* Names and types of inputs and outputs; freed by the caller. */
static char *interface_of(const struct quern_graph *graph)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return NULL;
    }
    size_t n = quern_graph_n_inputs(graph);
    size_t total = n + quern_graph_n_outputs(graph);
    for (size_t i = 0; i < total; i++) {
        char type[512];
        const struct quern_value *value =
            i < n ? quern_graph_input(graph, i)
                  : quern_graph_output(graph, i - n);
        quern_value_type_format(value, type, sizeof type);
        fprintf(out, "%s '%.200s' %s\n", i < n ? "input" : "output",
                quern_value_name(value), type);
    }
    return fclose(out) == 0 ? text : NULL;
}

/* The first line that differs, of both. */
static void tell_interface(FILE *report, const char *name, const char *before,
                           const char *after)
{
    while (*before != '\0' && *after != '\0') {
        size_t n = strcspn(before, "\n");
        size_t m = strcspn(after, "\n");
        if (n != m || memcmp(before, after, n) != 0) {
            break;
        }
        before += n + 1;
        after += m + 1;
    }
    int n = (int)strcspn(before, "\n");
    int m = (int)strcspn(after, "\n");
    fprintf(report,
            "fault\tchanges the interface of '%s': found %.*s, needs %.*s\n",
            name, m > 0 ? m : 7, m > 0 ? after : "nothing", n > 0 ? n : 7,
            n > 0 ? before : "nothing");
}

/* An edit of what was erased is refused; a pass that goes on all the same does
 * not know what it does. */
static bool edits_what_is_erased(const struct quern_context *context,
                                 FILE *report, const char *name)
{
    for (size_t i = 0; i < quern_n_messages(context); i++) {
        const struct quern_message *m = quern_message(context, i);
        if (strstr(m->text, "that was erased") != NULL) {
            char line[1024];
            quern_message_format(m, line, sizeof line);
            const char *text = strstr(line, ": ");
            fprintf(report, "fault\tgoes on after a refused edit on '%s': %s\n",
                    name, text != NULL ? text + 2 : line);
            return true;
        }
    }
    return false;
}

/* The bytes of a model as they are written, in one number, and its interface as
 * whoever reads them finds it; that is freed by the caller. */
static enum quern_code write_out(const struct plugin_job *job,
                                 struct quern_model *model, uint64_t *out_hash,
                                 char **out_interface)
{
    char path[4096];
    char room[4096];
    snprintf(path, sizeof path, "%s/out.onnx", job->folder);
    enum quern_code code = quern_model_save(model, path, NULL);
    FILE *file = code == QUERN_OK ? fopen(path, "rb") : NULL;
    uint64_t hash = QUERN_HASH_START;
    size_t n = 0;
    while (file != NULL && (n = fread(room, 1, sizeof room, file)) > 0) {
        hash = quern_hash(hash, room, n);
    }
    if (file != NULL) {
        fclose(file);
    }
    *out_hash = hash;
    struct quern_model *written = NULL;
    if (code == QUERN_OK) {
        code = quern_model_open(job->cli->context, path, &written);
    }
    if (code == QUERN_OK) {
        *out_interface = interface_of(quern_model_graph(written));
    }
    quern_model_destroy(&written);
    return code;
}

/* What one run over a model left. */
struct trace {
    uint64_t n_edits;
    uint64_t n_again; /* edits of a second run over the result */
    uint64_t hash;
};

/* @return true: nothing is wrong so far */
static bool trace(const struct plugin_job *job, FILE *report, size_t i,
                  bool *out_end, struct trace *out)
{
    struct quern_context *context = job->cli->context;
    struct quern_model *model = NULL;
    const char *name = NULL;
    bool good = false;
    enum quern_code code = plugin_model(job, i, &name, &model);
    *out_end = code == QUERN_OK && model == NULL;
    if (*out_end) {
        return true;
    }
    char *before =
        code == QUERN_OK ? interface_of(quern_model_graph(model)) : NULL;
    char *after = NULL;
    if (code == QUERN_OK) {
        code = plugin_apply(job, model, NULL, &out->n_edits);
        good = !edits_what_is_erased(context, report, name);
    }
    if (code == QUERN_OK && good) {
        code = quern_model_verify(model, NULL, NULL);
    }
    if (code == QUERN_OK && good) {
        code = write_out(job, model, &out->hash, &after);
    }
    if (code == QUERN_OK && good) {
        code = plugin_apply(job, model, NULL, &out->n_again);
    }
    if (code != QUERN_OK) {
        plugin_tell_error(job, report, name, NULL);
    } else if (good && before != NULL && after != NULL &&
               strcmp(before, after) != 0) {
        tell_interface(report, name, before, after);
        good = false;
    }
    free(before);
    free(after);
    quern_model_destroy(&model);
    quern_clear(context);
    return good && code == QUERN_OK;
}

/* Twice over one model; the second time another lies where it lay.
 * @return false: that was all, or something is wrong, which is told */
static bool run_twice(const struct plugin_job *job, FILE *report, size_t i,
                      struct trace *out_first)
{
    struct trace second = {0};
    struct quern_model *model = NULL;
    const char *name = "";
    bool end = false;
    bool good = trace(job, report, i, &end, out_first) && !end;
    if (good) {
        (void)!plugin_model(job, i, &name, &model);
        good = trace(job, report, i, &end, &second);
    }
    quern_model_destroy(&model);
    if (!good) {
        return false;
    }
    if (out_first->hash == second.hash) {
        return true;
    }
    (void)!plugin_model(job, i, &name, &model);
    fprintf(report,
            "fault\tis not deterministic: two runs over '%s' write different "
            "bytes\n",
            name);
    quern_model_destroy(&model);
    return false;
}

void plugin_run(void *user, FILE *report)
{
    const struct plugin_job *job = user;
    const struct quern_pass_desc *desc = NULL;
    struct trace all = {.hash = QUERN_HASH_START};
    struct trace one = {0};
    size_t n = 0;
    if (!plugin_begin(job, report, &desc)) {
        return;
    }
    for (; run_twice(job, report, n, &one); n++) {
        all.hash = quern_hash(all.hash, &one.hash, sizeof one.hash);
        all.n_edits += one.n_edits;
        all.n_again += one.n_again;
        one = (struct trace){0};
    }
    fprintf(report,
            "ok\t%zu models stay valid, with the same inputs and outputs: %llu "
            "edits\nbytes\t%016llx\n",
            n, (unsigned long long)all.n_edits, (unsigned long long)all.hash);
    if (all.n_edits == 0) {
        fprintf(report, "hint\tfound nothing to do: give --model with what it "
                        "rewrites\n");
    } else if (all.n_again > 0) {
        fprintf(report, "hint\ta second run makes %llu edits more\n",
                (unsigned long long)all.n_again);
    }
}

/* -------------------------------------------------------------- options */

/* One setting over all models.
 * @return false: it is told that something is wrong */
static bool try_setting(const struct plugin_job *job, FILE *report,
                        const char *setting)
{
    bool good = true;
    for (size_t i = 0; good; i++) {
        const char *name = NULL;
        struct quern_model *model = NULL;
        enum quern_code code = plugin_model(job, i, &name, &model);
        if (code == QUERN_OK && model == NULL) {
            return true;
        }
        if (code == QUERN_OK) {
            code = plugin_apply(job, model, setting, NULL);
        }
        if (code != QUERN_OK) {
            good = code == QUERN_UNSUPPORTED;
            plugin_tell_error(job, report, name, setting);
        }
        quern_model_destroy(&model);
        quern_clear(job->cli->context);
    }
    return good;
}

/* The k-th value that is worth a try; "" beyond the last. */
static void setting_of(const struct quern_option *row, size_t k, char *text,
                       size_t size)
{
    static const char *const flags[] = {"false", "true"};
    bool is_bounded = row->minimum < 0 || row->maximum > 0;
    double bound = k == 0 ? row->minimum : row->maximum;
    *text = '\0';
    switch (row->type) {
    case QUERN_OPTION_BOOL:
        if (k < 2) {
            snprintf(text, size, "%.128s=%s", row->name, flags[k]);
        }
        break;
    case QUERN_OPTION_ENUM:
        for (size_t i = 0; i < k; i++) {
            if (row->choices[i] == NULL) {
                return;
            }
        }
        if (row->choices[k] != NULL) {
            snprintf(text, size, "%.128s=%.128s", row->name, row->choices[k]);
        }
        break;
    case QUERN_OPTION_INT:
        if (k < 2 && is_bounded) { /* 2^63 itself is no int64_t */
            snprintf(text, size, "%.128s=%lld", row->name,
                     bound >= 0x1p63   ? INT64_MAX
                     : bound < -0x1p63 ? INT64_MIN
                                       : (long long)bound);
        }
        break;
    case QUERN_OPTION_FLOAT:
        if (k < 2 && is_bounded && isfinite(bound)) {
            snprintf(text, size, "%.128s=%.17g", row->name, bound);
        }
        break;
    case QUERN_OPTION_STRING:
    case QUERN_OPTION_STRINGS:
        break;
    }
}

void plugin_settings(void *user, FILE *report)
{
    const struct plugin_job *job = user;
    const struct quern_pass_desc *desc = NULL;
    size_t n = 0;
    bool good = plugin_begin(job, report, &desc);
    const struct quern_option *row = good ? desc->options : NULL;
    for (; row != NULL && row->name != NULL; row++) {
        char setting[512];
        size_t k = 0;
        setting_of(row, k, setting, sizeof setting);
        while (*setting != '\0' && good) {
            good = try_setting(job, report, setting);
            n++;
            setting_of(row, ++k, setting, sizeof setting);
        }
    }
    fprintf(report, "ok\toptions at their bounds: %zu settings\n", n);
}

/* --------------------------------------------------------------- memory */

/* Bytes that are allocated; 0: nobody tells. */
static size_t in_use(void)
{
#if defined __GLIBC__ && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
#else
    return 0;
#endif
}

/* One run over each model. */
struct round {
    const struct plugin_job *job;
    FILE *report;
    bool is_wrong; /* told */
};

static void *run_round(void *user)
{
    struct round *round = user;
    const struct plugin_job *job = round->job;
    for (size_t i = 0; !round->is_wrong; i++) {
        const char *name = NULL;
        struct quern_model *model = NULL;
        enum quern_code code = plugin_model(job, i, &name, &model);
        if (code == QUERN_OK && model == NULL) {
            break;
        }
        if (code == QUERN_OK) {
            code = plugin_apply(job, model, NULL, NULL);
        }
        if (code != QUERN_OK && code != QUERN_UNSUPPORTED) {
            plugin_tell_error(job, round->report, name, NULL);
            round->is_wrong = true;
        }
        quern_model_destroy(&model);
        quern_clear(job->cli->context);
    }
    return NULL;
}

/* A round in a thread of its own, which gives back at its end what malloc()
 * keeps of it for quick use and what would look as if it were held.
 * @return bytes that are held then */
static size_t measure_round(struct round *round)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, run_round, round) != 0) {
        return 0;
    }
    pthread_join(thread, NULL);
    return in_use();
}

void plugin_memory(void *user, FILE *report)
{
    /* Caches of libraries may fill for some rounds; a leak goes on. */
    enum { WARM_UP = 2, LEAST = 6, MOST = 30, STEADY = 2 };
    const struct plugin_job *job = user;
    const struct quern_pass_desc *desc = NULL;
    struct round round = {.job = job, .report = report};
    const double start = cli_seconds(job->cli);
    size_t first = 0;
    size_t last = 0;
    int n_steady = 0;
    int n = 0;
    if (!plugin_begin(job, report, &desc)) {
        return;
    }
    for (; n < MOST && n_steady < STEADY && !round.is_wrong &&
           cli_seconds(job->cli) - start < job->seconds / 2;
         n++) {
        size_t held = measure_round(&round);
        n_steady += n > WARM_UP && held <= last;
        first = n == WARM_UP ? held : first;
        last = held;
    }
    if (round.is_wrong) {
        return; /* told */
    }
    if (last == 0 || (n_steady < STEADY && n < LEAST)) {
        fprintf(report, "skipped\tmemory: %s\n",
                last == 0 ? "this C library does not tell it"
                          : "too few runs in the time that it may take");
    } else if (n_steady < STEADY) {
        fprintf(report,
                "fault\tleaks: %zu bytes more are held after each run over the "
                "models\n",
                (last - first) / (size_t)(n - WARM_UP - 1));
    } else {
        fprintf(report, "ok\tholds no memory after its runs: %d rounds\n", n);
    }
}
