/* quern apply, quern optimize: run passes over a model. */
#include "account.h"

#include <string.h>

struct apply {
    const char *out;
    const char *passes;
    const char *data;
    const char *target;
    const char *report;
};

enum { KEY_PASSES = CLI_KEY_FIRST, KEY_DATA, KEY_TARGET, KEY_REPORT };

static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0, "where to write the model (needed)", 0},
    {"passes", KEY_PASSES, "LIST", 0, "passes: 'a,b{key=value}'", 0},
    {"data", KEY_DATA, "D", 0, "samples for passes that want them", 0},
    {"target", KEY_TARGET, "T", 0,
     "name or file of a target profile (default: ort-cpu-x64)", 0},
    {"report", KEY_REPORT, "FILE", 0, "write the account as JSON", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct apply *self = state->input;
    switch (key) {
    case 'o':
        self->out = arg;
        return 0;
    case KEY_PASSES:
        self->passes = arg;
        return 0;
    case KEY_DATA:
        self->data = arg;
        return 0;
    case KEY_TARGET:
        self->target = arg;
        return 0;
    case KEY_REPORT:
        self->report = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int cmd_apply(int argc, char **argv)
{
    struct cli cli = {0};
    struct apply self = {0};
    bool optimize = strcmp(argv[0], "optimize") == 0;
    enum quern_code code = cli_parse(
        &cli, argc, argv, options, parse, &self, "IN -o OUT",
        optimize ? "Clean a model: fold constants and normalizations, drop "
                   "what nothing needs."
                 : "Run passes over a model, in the order given.",
        1, 1);
    if (code == QUERN_OK && self.out == NULL) {
        code = cli_usage(&cli, "no output given, needs -o FILE");
    }
    if (code == QUERN_OK && optimize == (self.passes != NULL)) {
        code = cli_usage(&cli, optimize ? "takes no --passes"
                                        : "no passes given, needs --passes");
    }
    struct cli_job job = {.in = code == QUERN_OK ? cli.args[0] : NULL,
                          .out = self.out,
                          .report = self.report};
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
        code = quern_apply(job.after, optimize ? "optimize" : self.passes, &o);
    }
    return cli_finish(&cli, cli_job_close(&cli, &job, code));
}

int cmd_optimize(int argc, char **argv)
{
    return cmd_apply(argc, argv);
}
