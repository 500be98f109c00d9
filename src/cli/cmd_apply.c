/* quern apply, quern optimize: run passes over a model. */
#include "account.h"
#include "recipe.h"

#include <string.h>

struct apply {
    const char *out;
    const char *data;
    const char *report;
    struct cli_recipe recipe;
};

enum { KEY_PASSES = CLI_KEY_FIRST, KEY_DATA, KEY_TARGET, KEY_REPORT };

static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0, "where to write the model (needed)", 0},
    {"passes", KEY_PASSES, "LIST", 0, "passes: 'a,b{key=value}'", 0},
    {"data", KEY_DATA, "D", 0, "samples for passes that want them", 0},
    {"target", KEY_TARGET, "T", 0,
     "name or file of a target profile (default: ort-cpu-x64)", 0},
    {"report", KEY_REPORT, "FILE", 0, "write the account as JSON", 0},
    CLI_RECIPE_OPTIONS,
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
        self->recipe.passes = arg;
        return 0;
    case KEY_DATA:
        self->data = arg;
        return 0;
    case KEY_TARGET:
        self->recipe.target = arg;
        return 0;
    case KEY_REPORT:
        self->report = arg;
        return 0;
    default:
        return cli_recipe_parse(&self->recipe, key, arg);
    }
}

static enum quern_code check(struct cli *cli, const struct apply *self,
                             bool optimize)
{
    const struct cli_recipe *r = &self->recipe;
    if (optimize && (r->passes != NULL || r->config != NULL)) {
        return cli_usage(cli, "takes no --passes and no --config: see 'quern "
                              "apply'");
    }
    if (!optimize && (r->passes != NULL) == (r->config != NULL)) {
        return cli_usage(cli, "%s given, needs one of --config and --passes",
                         r->passes != NULL ? "both" : "neither");
    }
    if ((r->explain != NULL) != (r->node != NULL)) {
        return cli_usage(cli, "--explain PASS and --node N go together");
    }
    if (r->print_config) {
        return QUERN_OK;
    }
    if (cli->n_args == 0) {
        return cli_usage(cli, "no model given, needs IN");
    }
    if (self->out == NULL && r->explain != NULL && cli->json) {
        return cli_usage(cli, "--explain is text: goes without --json where "
                              "no model is written");
    }
    return self->out != NULL || r->explain != NULL
               ? QUERN_OK
               : cli_usage(cli, "no output given, needs -o FILE");
}

/* With --explain alone nothing is written. */
static enum quern_code only_explain(struct cli *cli, struct apply *self)
{
    struct quern_model *model = NULL;
    enum quern_code code = quern_model_open(cli->context, cli->args[0], &model);
    if (code == QUERN_OK) {
        code = cli_recipe_apply(cli, &self->recipe, model, self->data, NULL);
    }
    quern_model_destroy(&model);
    return code;
}

static enum quern_code run_job(struct cli *cli, struct apply *self)
{
    struct cli_job job = {
        .in = cli->args[0], .out = self->out, .report = self->report};
    enum quern_code code = cli_job_open(cli, &job);
    if (code == QUERN_OK) {
        code = cli_recipe_apply(cli, &self->recipe, job.after, self->data,
                                job.before);
    }
    return cli_job_close(cli, &job, code);
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
                 : "Run a recipe, or passes in the order given, over a model.",
        0, 1);
    if (code == QUERN_OK) {
        code = check(&cli, &self, optimize);
    }
    if (code == QUERN_OK) {
        code = cli_recipe_open(&cli, &self.recipe,
                               optimize ? "optimize" : "--passes",
                               optimize ? "optimize" : self.recipe.passes);
    }
    if (code == QUERN_OK && self.recipe.print_config) {
        code = cli_recipe_print(&cli, &self.recipe);
    } else if (code == QUERN_OK && self.out == NULL) {
        code = only_explain(&cli, &self);
    } else if (code == QUERN_OK) {
        code = run_job(&cli, &self);
    }
    cli_recipe_close(&self.recipe);
    return cli_finish(&cli, code);
}

int cmd_optimize(int argc, char **argv)
{
    return cmd_apply(argc, argv);
}
