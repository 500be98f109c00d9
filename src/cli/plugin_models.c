/* Models that passes of plugins are tried on. */
#include "plugin.h"

#include <string.h>

static enum quern_code open_example(const struct plugin_job *job,
                                    const struct quern_rewrite *rewrite,
                                    struct quern_model **out_model)
{
    char path[4096];
    struct quern_context *context = job->cli->context;
    struct quern_model *made = NULL;
    snprintf(path, sizeof path, "%s/example.onnx", job->folder);
    enum quern_code code =
        quern_pattern_example(context, rewrite->pattern, &made);
    /* Read back, so that its edits are those of the pass. */
    if (code == QUERN_OK) {
        code = quern_model_save(made, path, NULL);
    }
    quern_model_destroy(&made);
    return code == QUERN_OK ? quern_model_open(context, path, out_model) : code;
}

enum quern_code plugin_model(const struct plugin_job *job, size_t i,
                             const char **out_name,
                             struct quern_model **out_model)
{
    struct quern_context *context = job->cli->context;
    const struct quern_pass_desc *desc = NULL;
    *out_model = NULL;
    if (job->model != NULL) {
        *out_name = job->model;
        return i == 0 ? quern_model_open(context, job->model, out_model)
                      : QUERN_OK;
    }
    enum quern_code code = quern_context_find_pass(context, job->pass, &desc);
    if (code != QUERN_OK) {
        return code;
    }
    size_t n = 0;
    while (desc->rewrites != NULL && desc->rewrites[n] != NULL) {
        n++;
    }
    if (i < n) {
        *out_name = desc->rewrites[i]->name;
        return open_example(job, desc->rewrites[i], out_model);
    }
    n = i - n;
    for (i = 0; i < n && plugin_samples[i].name != NULL; i++) {
    }
    const struct plugin_sample *sample = &plugin_samples[i];
    *out_name = sample->name;
    return sample->name == NULL
               ? QUERN_OK
               : quern_model_open_memory(context, sample->bytes, sample->size,
                                         NULL, out_model);
}

void plugin_pipeline(const struct quern_pass_desc *desc, const char *setting,
                     char *text, size_t size)
{
    snprintf(text, size, "%s%s%s%s%s",
             (desc->flags & QUERN_PASS_NEEDS_RANGES) != 0 ? "calibrate," : "",
             desc->name, setting != NULL ? "{" : "",
             setting != NULL ? setting : "", setting != NULL ? "}" : "");
}

enum quern_code plugin_apply(const struct plugin_job *job,
                             struct quern_model *model, const char *setting,
                             uint64_t *out_edits)
{
    char pipeline[1024];
    const struct quern_pass_desc *desc = NULL;
    const struct quern_apply_options options = {
        .struct_size = sizeof options,
        .data = job->data,
        .target = job->target,
        .engine = job->cli->engine,
        .ort_library = job->cli->ort_library,
    };
    uint64_t before = quern_model_n_edits(model);
    enum quern_code code =
        quern_context_find_pass(job->cli->context, job->pass, &desc);
    if (code != QUERN_OK) {
        return code;
    }
    plugin_pipeline(desc, setting, pipeline, sizeof pipeline);
    code = quern_apply(model, pipeline, &options);
    if (out_edits != NULL) {
        *out_edits = quern_model_n_edits(model) - before;
    }
    return code;
}

void plugin_tell_error(const struct plugin_job *job, FILE *report,
                       const char *name, const char *setting)
{
    const struct quern_message *error = quern_error(job->cli->context);
    char line[2048] = "no message";
    char where[512];
    bool is_told = error != NULL && error->code == QUERN_UNSUPPORTED;
    snprintf(where, sizeof where, "on '%.200s'%s%.200s", name,
             setting != NULL ? " with " : "", setting != NULL ? setting : "");
    if (error != NULL && error->code == QUERN_CANCELLED) {
        fprintf(
            report,
            "fault\tdoes not end in time %s; it stops when it is cancelled\n",
            where);
    } else if (error != NULL && error->code == QUERN_NO_MEMORY) {
        fprintf(report, "fault\ttakes more memory than it may %s\n", where);
    } else {
        if (error != NULL) {
            quern_message_format(error, line, sizeof line);
        }
        const char *text = strstr(line, "]: ");
        fprintf(report, "%s\tfails %s: %s\n", is_told ? "skipped" : "fault",
                where, text != NULL ? text + 3 : line);
    }
    quern_clear(job->cli->context);
}
