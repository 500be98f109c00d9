/* quern convert: write a model again, in another form if asked. Each wish is a
 * pass; together they are a pipeline that --print-config shows. */
#include "account_json.h"
#include "provenance.h"
#include "steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct convert {
    const char *narrow;   /* float16, bfloat16; NULL: neither */
    const char *data;     /* to measure magnitudes on */
    bool keep_io;         /* inputs and outputs stay float32 */
    const char **exclude; /* these lists have room for all arguments */
    size_t n_exclude;
    const char **rename;
    size_t n_rename;
    const char **add_output;
    size_t n_add_output;
    const char *inputs; /* cut there; names with commas between them */
    const char *outputs;
    struct cli_steps steps;
    struct quern_save_options save;
    struct cli_recipe recipe;
};

enum {
    KEY_EXTERNAL = CLI_KEY_FIRST,
    KEY_RENAME,
    KEY_ADD_OUTPUT,
    KEY_INPUTS,
    KEY_OUTPUTS,
    KEY_FLOAT16,
    KEY_BFLOAT16,
    KEY_KEEP_IO,
    KEY_DATA,
    KEY_EXCLUDE,
};

static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0, "where to write the model (needed)", 0},
    {"external-data", KEY_EXTERNAL, "auto|never|FILE", 0,
     "where weights go: as they were, and outside when the model exceeds 2 GiB "
     "(auto, the default); all inside (never); those of 1 KiB or more into "
     "FILE, a name without folder, beside the model",
     0},
    CLI_STEPS_OPTIONS,
    {"inputs", KEY_INPUTS, "A,B", 0,
     "cut the model: these values become inputs, what is before them goes", 0},
    {"outputs", KEY_OUTPUTS, "A,B", 0,
     "cut the model: these values are the outputs, what is behind them goes",
     0},
    {"add-output", KEY_ADD_OUTPUT, "A", 0,
     "make a value inside an output as well; may be given again", 0},
    {"rename", KEY_RENAME, "OLD=NEW", 0,
     "rename an input, output or value inside; may be given again", 0},
    {"float16", KEY_FLOAT16, NULL, 0,
     "floats become float16, but where operators or numbers forbid it", 0},
    {"bfloat16", KEY_BFLOAT16, NULL, 0, "floats become bfloat16 (opset 13 on)",
     0},
    {"keep-io", KEY_KEEP_IO, NULL, 0,
     "with them: inputs and outputs stay float32", 0},
    {"data", KEY_DATA, "D", 0,
     "with --float16: samples on which magnitudes are measured", 0},
    {"exclude", KEY_EXCLUDE, "WHAT", 0,
     "with them: leave in float32: op:GLOB or name:GLOB; may be given again",
     0},
    {"print-config", CLI_KEY_PRINT_CONFIG, NULL, 0,
     "print the recipe that would run, and end", 0},
    {"no-provenance", CLI_KEY_NO_PROVENANCE, NULL, 0,
     "do not write into the model what was done to it", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct convert *self = state->input;
    switch (key) {
    case KEY_EXTERNAL:
        self->save.external = strcmp(arg, "auto") == 0    ? QUERN_EXTERNAL_AUTO
                              : strcmp(arg, "never") == 0 ? QUERN_EXTERNAL_NEVER
                                                          : QUERN_EXTERNAL_FILE;
        self->save.external_name = arg;
        return 0;
    case KEY_RENAME:
        self->rename[self->n_rename++] = arg;
        return 0;
    case KEY_ADD_OUTPUT:
        self->add_output[self->n_add_output++] = arg;
        return 0;
    case KEY_INPUTS:
        self->inputs = arg;
        return 0;
    case KEY_OUTPUTS:
        self->outputs = arg;
        return 0;
    case KEY_FLOAT16:
    case KEY_BFLOAT16:
        self->narrow = key == KEY_FLOAT16 ? "float16" : "bfloat16";
        return 0;
    case KEY_KEEP_IO:
        self->keep_io = true;
        return 0;
    case KEY_DATA:
        self->data = arg;
        return 0;
    case KEY_EXCLUDE:
        self->exclude[self->n_exclude++] = arg;
        return 0;
    default:
        if (cli_steps_parse(&self->steps, key, arg) == 0) {
            return 0;
        }
        return cli_recipe_parse(&self->recipe, key, arg);
    }
}

static enum quern_code check(struct cli *cli, const struct convert *self)
{
    if (self->narrow == NULL &&
        (self->keep_io || self->data != NULL || self->n_exclude > 0)) {
        return cli_usage(cli, "--keep-io, --data and --exclude go with "
                              "--float16 or --bfloat16");
    }
    if (self->recipe.print_config) {
        return QUERN_OK;
    }
    if (cli->n_args == 0) {
        return cli_usage(cli, "no model given, needs IN");
    }
    return self->recipe.out != NULL
               ? cli_recipe_spare(cli, &self->recipe, self->data, NULL)
               : cli_usage(cli, "no output given, needs -o FILE");
}

/* ---------------------------------------------------------------- pipeline */

static void write_cut(FILE *out, const struct convert *self)
{
    if (self->inputs != NULL || self->outputs != NULL) {
        cli_step(out, "cut{");
        if (self->inputs != NULL) {
            cli_step_words(out, "inputs", self->inputs);
        }
        if (self->outputs != NULL) {
            fputs(self->inputs != NULL ? "," : "", out);
            cli_step_words(out, "outputs", self->outputs);
        }
        fputc('}', out);
    }
    if (self->n_add_output > 0) {
        cli_step(out, "add-outputs{");
        cli_step_list(out, "values", self->add_output, self->n_add_output);
        fputc('}', out);
    }
}

/* Names are those of the model that is read: new ones come last. */
static void write_steps(FILE *out, const struct convert *self)
{
    cli_steps_first(out, &self->steps);
    write_cut(out, self);
    if (self->narrow != NULL) {
        cli_step(out, "freeze-weights,to-float16{type=");
        fprintf(out, "%s%s}", self->narrow,
                self->keep_io ? ",keep-io=true" : "");
    }
    if (self->n_rename > 0) {
        cli_step(out, "rename{");
        cli_step_list(out, "values", self->rename, self->n_rename);
        fputc('}', out);
    }
    cli_steps_last(out, &self->steps);
}

/* @param out_text  freed by the caller; "" when nothing is to be done */
static enum quern_code
write_pipeline(struct cli *cli, const struct convert *self, char **out_text)
{
    size_t size = 0;
    FILE *out = open_memstream(out_text, &size);
    if (out != NULL) {
        write_steps(out, self);
    }
    return out != NULL && fclose(out) == 0
               ? QUERN_OK
               : quern_fail(cli->context, QUERN_NO_MEMORY, NULL,
                            "out of memory");
}

static enum quern_code make_recipe(struct cli *cli, struct convert *self)
{
    char *pipeline = NULL;
    enum quern_code code = write_pipeline(cli, self, &pipeline);
    if (code == QUERN_OK && *pipeline != '\0') {
        code = cli_recipe_open(cli, &self->recipe, "convert", pipeline);
    }
    for (size_t i = 0; i < self->n_exclude && code == QUERN_OK; i++) {
        code = quern_recipe_add_exclude(self->recipe.recipe, self->exclude[i]);
    }
    free(pipeline);
    return code;
}

/* ---------------------------------------------------------------- the job */

static enum quern_code apply(struct cli *cli, struct convert *self,
                             struct quern_model *model)
{
    bool is_pipe = strcmp(cli->args[0], "-") == 0;
    uint64_t source = 0;
    if (self->recipe.recipe == NULL) {
        return QUERN_OK;
    }
    self->recipe.no_provenance |= self->steps.strips;
    if (!self->recipe.no_provenance && !is_pipe) {
        source = cli_fingerprint(model);
    }
    enum quern_code code =
        cli_recipe_apply(cli, &self->recipe, model, self->data, NULL);
    return code == QUERN_OK ? cli_provenance(&self->recipe, model,
                                             is_pipe ? NULL : &source, NULL)
                            : code;
}

static enum quern_code tell(const struct cli *cli, const struct convert *self,
                            struct quern_model *model)
{
    if (cli->json) {
        json_t *o =
            json_pack("{s:s, s:s, s:I}", "input", cli->args[0], "output",
                      self->recipe.out, "bytes",
                      (json_int_t)cli_model_bytes(model, self->recipe.out));
        if (self->recipe.recipe != NULL) {
            json_object_set_new(o, "steps", cli_json_steps(cli->lines));
        }
        return cli_json_print(o);
    }
    if (self->recipe.recipe != NULL && !cli->quiet) {
        cli_lines_print(cli);
    }
    return QUERN_OK;
}

static enum quern_code run_job(struct cli *cli, struct convert *self)
{
    struct quern_model *model = NULL;
    struct cli_lines lines = {0};
    cli->lines = &lines;
    enum quern_code code = quern_model_open(cli->context, cli->args[0], &model);
    if (code == QUERN_OK) {
        code = apply(cli, self, model);
    }
    if (code == QUERN_OK) {
        code = quern_model_save(model, self->recipe.out, &self->save);
        cli->written = code == QUERN_OK ? self->recipe.out : NULL;
    }
    if (code == QUERN_OK) {
        code = tell(cli, self, model);
    }
    quern_model_destroy(&model);
    cli_lines_free(&lines);
    cli->lines = NULL;
    return code;
}

static enum quern_code make_room(struct convert *self, int argc)
{
    size_t room = (size_t)argc + 1;
    self->exclude = calloc(room, sizeof *self->exclude);
    self->rename = calloc(room, sizeof *self->rename);
    self->add_output = calloc(room, sizeof *self->add_output);
    return self->exclude != NULL && self->rename != NULL &&
                   self->add_output != NULL
               ? cli_steps_init(&self->steps, argc)
               : QUERN_NO_MEMORY;
}

static void finish(struct convert *self)
{
    cli_recipe_close(&self->recipe);
    cli_steps_finish(&self->steps);
    free(self->exclude);
    free(self->rename);
    free(self->add_output);
}

int cmd_convert(int argc, char **argv)
{
    struct cli cli = {0};
    struct convert self = {.save = {.struct_size = sizeof self.save}};
    enum quern_code code = make_room(&self, argc);
    if (code == QUERN_OK) {
        code = cli_parse(
            &cli, argc, argv, options, parse, &self, "IN -o OUT",
            "Read a model and write it again: at a higher opset, in float16, "
            "with other inputs and outputs. A model that needs no change is "
            "written byte for byte.",
            0, 1);
    }
    if (code == QUERN_OK) {
        code = check(&cli, &self);
    }
    if (code == QUERN_OK) {
        code = cli_steps_check(&cli, &self.steps);
    }
    if (code == QUERN_OK) {
        code = make_recipe(&cli, &self);
    }
    if (code == QUERN_OK && self.recipe.print_config) {
        code = self.recipe.recipe != NULL
                   ? cli_recipe_print(&cli, &self.recipe)
                   : cli_usage(&cli, "nothing to do: no recipe");
    } else if (code == QUERN_OK) {
        code = run_job(&cli, &self);
    }
    finish(&self);
    return cli_finish(&cli, code);
}
