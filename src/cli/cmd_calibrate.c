/* quern calibrate: run the data over the model once, keep what was seen. */
#include "account.h"
#include "json.h"

#include <stdlib.h>

struct calibrate {
    const char *data;
    const char *out;
};

enum { KEY_DATA = CLI_KEY_FIRST };

static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0, "where to write the statistics (needed)", 0},
    {"data", KEY_DATA, "D", 0, "calibration data: .npz, .npy, folder (needed)",
     0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct calibrate *self = state->input;
    if (key == 'o') {
        self->out = arg;
        return 0;
    }
    if (key == KEY_DATA) {
        self->data = arg;
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

static enum quern_code run(struct cli *cli, const struct calibrate *self)
{
    struct quern_model *model = NULL;
    char file[4096];
    char pipeline[8192];
    cli_quote(self->out, file, sizeof file);
    snprintf(pipeline, sizeof pipeline,
             CLI_UP_TO_CALIBRATION ",observe-shapes,calibrate,save-statistics{"
                                   "file=%s,recipe=\"" CLI_UP_TO_CALIBRATION
                                   "\"}",
             file);
    struct quern_apply_options o = {.struct_size = sizeof o,
                                    .data = self->data,
                                    .account = cli_account,
                                    .user = cli,
                                    .engine = cli->engine,
                                    .ort_library = cli->ort_library};
    enum quern_code code = quern_model_open(cli->context, cli->args[0], &model);
    if (code == QUERN_OK) {
        code = cli_check_runnable(cli, model);
    }
    if (code == QUERN_OK) {
        code = quern_apply(model, pipeline, &o);
    }
    quern_model_destroy(&model);
    return code;
}

int cmd_calibrate(int argc, char **argv)
{
    struct cli cli = {0};
    struct calibrate self = {0};
    struct cli_lines lines = {0};
    enum quern_code code = cli_parse(
        &cli, argc, argv, options, parse, &self, "IN --data D -o STATS",
        "Clean a model, run it on samples, and keep statistics of all values "
        "that may become integers, for 'quern quantize --stats'.",
        1, 1);
    if (code == QUERN_OK && self.data == NULL) {
        code = cli_usage(&cli, "no calibration data given, needs --data");
    }
    if (code == QUERN_OK && self.out == NULL) {
        code = cli_usage(&cli, "no output given, needs -o FILE");
    }
    if (code == QUERN_OK) {
        const char *const read[] = {cli.args[0], self.data};
        code = cli_spare(&cli, self.out, read, 2);
    }
    cli.lines = &lines;
    if (code == QUERN_OK) {
        code = run(&cli, &self);
        cli.written = code == QUERN_OK ? self.out : NULL;
    }
    if (code == QUERN_OK && cli.json) {
        code = cli_json_print(json_pack("{s:s, s:s, s:s}", "input", cli.args[0],
                                        "output", self.out, "data", self.data));
    } else if (code == QUERN_OK && !cli.quiet) {
        cli_lines_print(&cli);
    }
    cli_lines_free(&lines);
    return cli_finish(&cli, code);
}
