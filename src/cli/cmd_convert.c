/* quern convert: write a model again. */
#include "cli.h"

#include <string.h>

struct convert {
    const char *out;
    struct quern_save_options save;
};

enum { KEY_EXTERNAL = CLI_KEY_FIRST };

static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0, "where to write the model (needed)", 0},
    {"external-data", KEY_EXTERNAL, "auto|never|FILE", 0,
     "where weights go: as they were, and outside when the model exceeds 2 GiB "
     "(auto, the default); all inside (never); those of 1 KiB or more into "
     "FILE, a name without folder, beside the model",
     0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct convert *self = state->input;
    switch (key) {
    case 'o':
        self->out = arg;
        return 0;
    case KEY_EXTERNAL:
        self->save.external = strcmp(arg, "auto") == 0    ? QUERN_EXTERNAL_AUTO
                              : strcmp(arg, "never") == 0 ? QUERN_EXTERNAL_NEVER
                                                          : QUERN_EXTERNAL_FILE;
        self->save.external_name = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int cmd_convert(int argc, char **argv)
{
    struct cli cli = {0};
    struct convert self = {.save = {.struct_size = sizeof self.save}};
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
        code = quern_model_save(model, self.out, &self.save);
    }
    quern_model_destroy(&model);
    return cli_finish(&cli, code);
}
