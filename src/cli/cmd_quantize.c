/* quern quantize: the main job, as a pipeline written for the user. */
#include "account.h"
#include "provenance.h"
#include "suited.h"

#include <stdlib.h>
#include <string.h>

struct quantize {
    const char *data;
    const char *stats;
    const char *method;
    const char *percentile;
    bool per_tensor;
    bool no_refine;
    bool keep_notes;
    const char **excluded; /* --exclude, room for all arguments */
    size_t n_excluded;
    struct cli_recipe recipe;
};

enum {
    KEY_DATA = CLI_KEY_FIRST,
    KEY_METHOD,
    KEY_STATS,
    KEY_PERCENTILE,
    KEY_PER_TENSOR,
    KEY_NO_REFINE,
    KEY_EXCLUDE,
    KEY_KEEP_NOTES,
};

static const struct argp_option options[] = {
    {"data", KEY_DATA, "D", 0, "calibration data: .npz, .npy, folder (needed)",
     0},
    {"stats", KEY_STATS, "S", 0,
     "statistics of 'quern calibrate' instead of data: ranges and biases, "
     "without what needs the data itself",
     0},
    {"method", KEY_METHOD, "M", 0,
     "ranges: min-max, percentile, entropy, mse, msef (default)", 0},
    {"percentile", KEY_PERCENTILE, "P", 0, "for --method percentile", 0},
    {"per-tensor", KEY_PER_TENSOR, NULL, 0, "one scale for a whole weight", 0},
    {"no-refine", KEY_NO_REFINE, NULL, 0, "ranges only, no corrections", 0},
    {"keep-notes", KEY_KEEP_NOTES, NULL, 0,
     "keep what the exporter noted at nodes and values for itself: stack "
     "traces",
     0},
    {"exclude", KEY_EXCLUDE, "WHAT", 0,
     "leave in float: op:GLOB, name:GLOB or value:GLOB; may be given again", 0},
    {"config", CLI_KEY_CONFIG, "R", 0, "recipe (YAML) to run", 0},
    CLI_RECIPE_OPTIONS,
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct quantize *self = state->input;
    switch (key) {
    case KEY_DATA:
        self->data = arg;
        return 0;
    case KEY_STATS:
        self->stats = arg;
        return 0;
    case KEY_METHOD:
        self->method = arg;
        return 0;
    case KEY_PERCENTILE:
        self->percentile = arg;
        return 0;
    case KEY_PER_TENSOR:
        self->per_tensor = true;
        return 0;
    case KEY_NO_REFINE:
        self->no_refine = true;
        return 0;
    case KEY_KEEP_NOTES:
        self->keep_notes = true;
        return 0;
    case KEY_EXCLUDE:
        self->excluded[self->n_excluded++] = arg;
        return 0;
    default:
        return cli_recipe_parse(&self->recipe, key, arg);
    }
}

/* A text in double quotes, as pipelines take it. */
void cli_quote(const char *text, char *out, size_t size)
{
    size_t n = 0;
    out[n++] = '"';
    for (; *text != '\0' && n + 4 < size; text++) {
        if (*text == '"' || *text == '\\') {
            out[n++] = '\\';
        }
        out[n++] = *text;
    }
    out[n++] = '"';
    out[n] = '\0';
}

/* Stack traces of the exporter are as many bytes as the weights of a small
 * model, and tell of its author's disk. */
static const char *notes_step(const struct quantize *self)
{
    return self->keep_notes
               ? ""
               : "strip-metadata{docs=false,metadata=false,notes=true},";
}

/* What statistics allow: no step that looks at the data again. */
static void write_stats_pipeline(const struct quantize *self, char *text,
                                 size_t size)
{
    char file[4096];
    cli_quote(self->stats, file, sizeof file);
    snprintf(text, size,
             CLI_UP_TO_CALIBRATION
             ",load-statistics{file=%s,recipe=\"" CLI_UP_TO_CALIBRATION
             "\"},insert-qdq{method=%s%s%s,per-tensor="
             "%s}%s,gemm-rows,target-spelling,%sestimate-speed",
             file, self->method != NULL ? self->method : "msef",
             self->percentile != NULL ? ",percentile=" : "",
             self->percentile != NULL ? self->percentile : "",
             self->per_tensor ? "true" : "false",
             self->no_refine ? "" : ",weight-bias", notes_step(self));
}

static void write_pipeline(const struct quantize *self, char *text, size_t size)
{
    const char *refine = ",equalize,channel-factors,calibrate{means=true}";
    const char *correct = ",weight-bias,bias-correction,float-layers";
    char data[4096] = "";
    if (self->recipe.print_config && self->data != NULL) {
        cli_quote(self->data, data, sizeof data);
    }
    snprintf(text, size,
             "freeze-weights,observe-shapes,raise-opset,lower-opset,"
             "optimize," CLI_FORMS ","
             "calibrate{%s%s%schannels=%s}%s,"
             "insert-qdq{method=%s%s%s,per-tensor=%s%s},integer-hardswish%s,"
             "gemm-rows,target-spelling,%sestimate-speed",
             *data != '\0' ? "data=" : "", data, *data != '\0' ? "," : "",
             self->no_refine ? "false" : "true", self->no_refine ? "" : refine,
             self->method != NULL ? self->method : "msef",
             self->percentile != NULL ? ",percentile=" : "",
             self->percentile != NULL ? self->percentile : "",
             self->per_tensor ? "true" : "false",
             self->no_refine ? "" : ",keep-floats=true",
             self->no_refine ? "" : correct, notes_step(self));
}

/* How ranges are chosen: told here, in words of the command line. */
static enum quern_code check_method(struct cli *cli,
                                    const struct quantize *self)
{
    static const char *const methods[] = {"min-max", "percentile", "entropy",
                                          "mse",     "msef",       NULL};
    size_t at = 0;
    while (self->method != NULL && methods[at] != NULL &&
           strcmp(methods[at], self->method) != 0) {
        at++;
    }
    if (methods[at] == NULL) {
        const char *near = quern_nearest_name(self->method, methods);
        return cli_usage(cli,
                         "--method '%s': needs min-max, percentile, entropy, "
                         "mse or msef%s%s%s",
                         self->method, near != NULL ? ", did you mean '" : "",
                         near != NULL ? near : "", near != NULL ? "'" : "");
    }
    if (self->percentile == NULL) {
        return QUERN_OK;
    }
    char *end = NULL;
    double p = strtod(self->percentile, &end);
    if (end == self->percentile || *end != '\0' || !(p > 50.0 && p <= 100.0)) {
        return cli_usage(cli,
                         "--percentile '%s': needs more than 50, at most "
                         "100",
                         self->percentile);
    }
    return self->method != NULL && strcmp(self->method, "percentile") == 0
               ? QUERN_OK
               : cli_usage(cli, "--percentile is for --method percentile");
}

static enum quern_code check(struct cli *cli, const struct quantize *self)
{
    const struct quern_target *target = NULL;
    enum quern_code code =
        quern_target_open(cli->context,
                          self->recipe.target != NULL ? self->recipe.target
                                                      : QUERN_TARGET_DEFAULT,
                          &target);
    quern_target_close(&target);
    if (code == QUERN_OK) {
        code = check_method(cli, self);
    }
    if (code != QUERN_OK || self->recipe.print_config) {
        return code;
    }
    if (cli->n_args == 0) {
        return cli_usage(cli, "no model given, needs IN");
    }
    if (self->recipe.out == NULL) {
        return cli_usage(cli, "no output given, needs -o FILE");
    }
    if (self->stats != NULL &&
        (self->data != NULL || self->recipe.config != NULL)) {
        return cli_usage(cli, "--stats goes with neither --data nor --config");
    }
    return self->data != NULL || self->stats != NULL ||
                   self->recipe.config != NULL
               ? cli_recipe_spare(cli, &self->recipe, self->data, self->stats)
               : cli_usage(cli, "no calibration data given, needs --data");
}

/* The steps of --config, else the default ones; exclusions come on top. */
static enum quern_code make_recipe(struct cli *cli, struct quantize *self)
{
    char pipeline[8192];
    if (self->stats != NULL) {
        write_stats_pipeline(self, pipeline, sizeof pipeline);
    } else {
        write_pipeline(self, pipeline, sizeof pipeline);
    }
    bool shapes_steps = self->method != NULL || self->percentile != NULL ||
                        self->per_tensor || self->no_refine;
    enum quern_code code =
        cli_recipe_open(cli, &self->recipe, "quantize", pipeline);
    if (code == QUERN_OK && shapes_steps && self->recipe.has_own_steps) {
        return cli_usage(cli,
                         "--method, --percentile, --per-tensor and --no-refine "
                         "are for the default steps, but '%s' has its own",
                         self->recipe.config);
    }
    for (size_t i = 0; i < self->n_excluded && code == QUERN_OK; i++) {
        code = quern_recipe_add_exclude(self->recipe.recipe, self->excluded[i]);
    }
    return code;
}

static enum quern_code run_job(struct cli *cli, struct quantize *self)
{
    const char *target = self->recipe.target;
    if (target == NULL) {
        target = quern_recipe_target(self->recipe.recipe);
    }
    struct cli_job job = {.in = cli->args[0],
                          .out = self->recipe.out,
                          .report = self->recipe.report,
                          .target =
                              target != NULL ? target : QUERN_TARGET_DEFAULT,
                          .data = self->data,
                          .quantizes = true};
    enum quern_code code = cli_job_open(cli, &job);
    if (code == QUERN_OK) {
        code = cli_check_suited(cli, job.after);
    }
    if (code == QUERN_OK) {
        code = cli_recipe_apply(cli, &self->recipe, job.after, self->data,
                                job.before);
    }
    if (code == QUERN_OK) {
        cli_warn_unquantized(cli, job.after);
        code = cli_provenance(&self->recipe, job.after,
                              job.is_pipe ? NULL : &job.source, job.target);
    }
    return cli_job_close(cli, &job, code);
}

int cmd_quantize(int argc, char **argv)
{
    struct cli cli = {0};
    struct quantize self = {0};
    self.excluded = calloc((size_t)argc + 1, sizeof *self.excluded);
    enum quern_code code =
        self.excluded == NULL
            ? QUERN_NO_MEMORY
            : cli_parse(
                  &cli, argc, argv, options, parse, &self, "IN -o OUT --data D",
                  "Quantize a model to QDQ form: clean it, calibrate it on the "
                  "data, choose scales, insert QuantizeLinear and "
                  "DequantizeLinear.",
                  0, 1);
    if (code == QUERN_OK) {
        code = check(&cli, &self);
    }
    if (code == QUERN_OK) {
        code = make_recipe(&cli, &self);
    }
    if (code == QUERN_OK && self.recipe.print_config) {
        code = cli_recipe_print(&cli, &self.recipe);
    } else if (code == QUERN_OK) {
        code = run_job(&cli, &self);
    }
    cli_recipe_close(&self.recipe);
    free(self.excluded);
    return cli_finish(&cli, code);
}
