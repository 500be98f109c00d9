/* quern convert: write a model again, at a higher opset if asked. */
#include "account.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct convert {
    const char *out;
    const char *opset; /* NULL: as it is */
    struct quern_save_options save;
};

enum { KEY_EXTERNAL = CLI_KEY_FIRST, KEY_OPSET };

static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0, "where to write the model (needed)", 0},
    {"external-data", KEY_EXTERNAL, "auto|never|FILE", 0,
     "where weights go: as they were, and outside when the model exceeds 2 GiB "
     "(auto, the default); all inside (never); those of 1 KiB or more into "
     "FILE, a name without folder, beside the model",
     0},
    {"opset", KEY_OPSET, "N", 0,
     "raise the model to opset N (7 to 26) by converting its operators", 0},
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
    case KEY_OPSET:
        self->opset = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static enum quern_code raise_opset(struct cli *cli, struct quern_model *model,
                                   const char *wanted)
{
    char pipeline[64];
    char *end = NULL;
    long opset = strtol(wanted, &end, 10);
    int64_t have = quern_model_opset(model, "");
    struct quern_apply_options options_of_apply = {.struct_size =
                                                       sizeof options_of_apply};
    if (end == wanted || *end != '\0' || opset < 7 || opset > 26) {
        return cli_usage(cli, "--opset '%s': needs 7 to 26", wanted);
    }
    if (have > opset) {
        return quern_fail(cli->context, QUERN_UNSUPPORTED, NULL,
                          "the model has opset %lld: it cannot be lowered "
                          "to %ld",
                          (long long)have, opset);
    }
    snprintf(pipeline, sizeof pipeline, "raise-opset{opset=%ld}", opset);
    return quern_apply(model, pipeline, &options_of_apply);
}

int cmd_convert(int argc, char **argv)
{
    struct cli cli = {0};
    struct convert self = {.save = {.struct_size = sizeof self.save}};
    struct quern_model *model = NULL;
    enum quern_code code = cli_parse(
        &cli, argc, argv, options, parse, &self, "IN -o OUT",
        "Read a model and write it again, at a higher opset if asked. "
        "A model that needs no change is written byte for byte.",
        1, 1);
    if (code == QUERN_OK && self.out == NULL) {
        code = cli_usage(&cli, "no output given, needs -o FILE");
    }
    if (code == QUERN_OK) {
        code = quern_model_open(cli.context, cli.args[0], &model);
    }
    if (code == QUERN_OK && self.opset != NULL) {
        code = raise_opset(&cli, model, self.opset);
    }
    if (code == QUERN_OK) {
        code = quern_model_save(model, self.out, &self.save);
    }
    if (code == QUERN_OK && cli.json) {
        code = cli_json_print(json_pack(
            "{s:s, s:s, s:I}", "input", cli.args[0], "output", self.out,
            "bytes", (json_int_t)cli_model_bytes(model, self.out)));
    }
    quern_model_destroy(&model);
    return cli_finish(&cli, code);
}
