/* quern quantize: the main job, as a pipeline written for the user. */
#include "account.h"

#include <string.h>

struct quantize {
    const char *out;
    const char *data;
    const char *target;
    const char *method;
    const char *percentile;
    const char *report;
    bool per_tensor;
    bool no_refine;
    bool print_config;
};

enum {
    KEY_DATA = CLI_KEY_FIRST,
    KEY_TARGET,
    KEY_METHOD,
    KEY_PERCENTILE,
    KEY_PER_TENSOR,
    KEY_NO_REFINE,
    KEY_PRINT_CONFIG,
    KEY_REPORT,
};

static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0, "where to write the model (needed)", 0},
    {"data", KEY_DATA, "D", 0, "calibration data: .npz, .npy, folder (needed)",
     0},
    {"target", KEY_TARGET, "T", 0,
     "name or file of a target profile (default: ort-cpu-x64)", 0},
    {"method", KEY_METHOD, "M", 0,
     "ranges: min-max, percentile, entropy, mse, msef (default)", 0},
    {"percentile", KEY_PERCENTILE, "P", 0, "for --method percentile", 0},
    {"per-tensor", KEY_PER_TENSOR, NULL, 0, "one scale for a whole weight", 0},
    {"no-refine", KEY_NO_REFINE, NULL, 0, "ranges only, no corrections", 0},
    {"print-config", KEY_PRINT_CONFIG, NULL, 0,
     "print the pipeline that would run, and end", 0},
    {"report", KEY_REPORT, "FILE", 0, "write the account as JSON", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct quantize *self = state->input;
    switch (key) {
    case 'o':
        self->out = arg;
        return 0;
    case KEY_DATA:
        self->data = arg;
        return 0;
    case KEY_TARGET:
        self->target = arg;
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
    case KEY_REPORT:
        self->report = arg;
        return 0;
    case KEY_PRINT_CONFIG:
        self->print_config = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void write_pipeline(const struct quantize *self, char *text, size_t size)
{
    const char *refine = "equalize,calibrate,channel-factors,"
                         "calibrate{means=true},";
    const char *correct = ",weight-bias,bias-correction";
    snprintf(text, size,
             "observe-shapes,raise-opset,optimize,calibrate,%s"
             "insert-qdq{method=%s%s%s,per-tensor=%s}%s",
             self->no_refine ? "" : refine,
             self->method != NULL ? self->method : "msef",
             self->percentile != NULL ? ",percentile=" : "",
             self->percentile != NULL ? self->percentile : "",
             self->per_tensor ? "true" : "false",
             self->no_refine ? "" : correct);
}

static enum quern_code check(struct cli *cli, const struct quantize *self)
{
    const struct quern_target *target = NULL;
    enum quern_code code = quern_target_open(
        cli->context,
        self->target != NULL ? self->target : QUERN_TARGET_DEFAULT, &target);
    quern_target_close(&target);
    if (code != QUERN_OK) {
        return code;
    }
    if (self->print_config) {
        return QUERN_OK;
    }
    if (self->out == NULL) {
        return cli_usage(cli, "no output given, needs -o FILE");
    }
    return self->data != NULL
               ? QUERN_OK
               : cli_usage(cli, "no calibration data given, needs --data");
}

int cmd_quantize(int argc, char **argv)
{
    struct cli cli = {0};
    struct quantize self = {0};
    char pipeline[512];
    enum quern_code code = cli_parse(
        &cli, argc, argv, options, parse, &self, "IN -o OUT --data D",
        "Quantize a model to QDQ form: clean it, calibrate it on the data, "
        "choose scales, insert QuantizeLinear and DequantizeLinear.",
        1, 1);
    if (code == QUERN_OK) {
        code = check(&cli, &self);
    }
    write_pipeline(&self, pipeline, sizeof pipeline);
    if (code == QUERN_OK && self.print_config) {
        printf("%s\n", pipeline);
        return cli_finish(&cli, code);
    }
    struct cli_job job = {.in = code == QUERN_OK ? cli.args[0] : NULL,
                          .out = self.out,
                          .report = self.report,
                          .target =
                              self.target != NULL ? self.target : "ort-cpu-x64",
                          .data = self.data,
                          .quantizes = true};
    struct quern_apply_options o = {.struct_size = sizeof o,
                                    .data = self.data,
                                    .target = self.target,
                                    .account = cli_account,
                                    .user = &cli,
                                    .engine = cli.engine,
                                    .ort_library = cli.ort_library};
    if (code == QUERN_OK) {
        code = cli_job_open(&cli, &job);
    }
    if (code == QUERN_OK) {
        code = quern_apply(job.after, pipeline, &o);
    }
    return cli_finish(&cli, cli_job_close(&cli, &job, code));
}
