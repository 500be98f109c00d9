/* quern convert: write a model again. */
#include "cli.h"

struct convert {
    const char *out;
};

static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0, "where to write the model (needed)", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct convert *self = state->input;
    if (key != 'o') {
        return ARGP_ERR_UNKNOWN;
    }
    self->out = arg;
    return 0;
}

int cmd_convert(int argc, char **argv)
{
    struct cli cli = {0};
    struct convert self = {0};
    struct quern_model *model = NULL;
    enum quern_code code =
        cli_parse(&cli, argc, argv, options, parse, &self, "IN -o OUT",
                  "Read a model and write it again. A model that needs no "
                  "change is written byte for byte.",
                  1, 1);
    if (code == QUERN_OK && self.out == NULL) {
        code = cli_usage(&cli, "no output given, needs -o FILE");
    }
    if (code == QUERN_OK) {
        code = quern_model_open(cli.context, cli.args[0], &model);
    }
    if (code == QUERN_OK) {
        code = quern_model_save(model, self.out, NULL);
    }
    quern_model_destroy(&model);
    return cli_finish(&cli, code);
}
