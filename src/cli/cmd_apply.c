/* quern apply, quern optimize: run passes over a model. */
#include "account.h"
#include "provenance.h"
#include "steps.h"

#include <stdlib.h>
#include <string.h>

struct apply {
    bool optimizes; /* the verb: optimize */
    bool exact;
    bool keeps_qdq;
    const char *data;
    struct cli_steps steps; /* of optimize */
    struct cli_recipe recipe;
};

enum {
    KEY_PASSES = CLI_KEY_FIRST,
    KEY_DATA,
    KEY_EXACT,
    KEY_KEEP_QDQ,
};

static const struct argp_option optimize_options[] = {
    {"exact", KEY_EXACT, NULL, 0,
     "only passes after which each output has the same bits", 0},
    {"keep-qdq", KEY_KEEP_QDQ, NULL, 0,
     "leave QuantizeLinear and DequantizeLinear around uint8 codes, for other "
     "runtimes than ONNX Runtime, which takes QLinearConv and QLinearMatMul",
     0},
    CLI_STEPS_OPTIONS,
    {"data", KEY_DATA, "D", 0,
     "samples for passes that want them, and for --verify-each", 0},
    CLI_RECIPE_OPTIONS,
    {0},
};

static const struct argp_option apply_options[] = {
    {"config", CLI_KEY_CONFIG, "R", 0, "recipe (YAML) to run", 0},
    {"passes", KEY_PASSES, "LIST", 0, "passes: 'a,b{key=value}'", 0},
    {"data", KEY_DATA, "D", 0,
     "samples for passes that want them, and for --verify-each", 0},
    CLI_RECIPE_OPTIONS,
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct apply *self = state->input;
    switch (key) {
    case KEY_PASSES:
        self->recipe.passes = arg;
        return 0;
    case KEY_DATA:
        self->data = arg;
        return 0;
    case KEY_EXACT:
        self->exact = true;
        return 0;
    case KEY_KEEP_QDQ:
        self->keeps_qdq = true;
        return 0;
    default:
        if (cli_steps_parse(&self->steps, key, arg) == 0) {
            return 0;
        }
        return cli_recipe_parse(&self->recipe, key, arg);
    }
}

static enum quern_code check(struct cli *cli, const struct apply *self)
{
    const struct cli_recipe *r = &self->recipe;
    if (!self->optimizes && (r->passes != NULL) == (r->config != NULL)) {
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
    if (self->recipe.out == NULL && r->explain != NULL && cli->json) {
        return cli_usage(cli, "--explain is text: goes without --json where "
                              "no model is written");
    }
    if (self->recipe.out == NULL && r->explain == NULL) {
        return cli_usage(cli, "no output given, needs -o FILE");
    }
    return cli_recipe_spare(cli, r, self->data, NULL);
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

/* What the job's target was; optimize has one only where it is asked for. */
static const char *target_of(const struct apply *self)
{
    const char *target = self->recipe.target;
    if (target == NULL) {
        target = quern_recipe_target(self->recipe.recipe);
    }
    return target != NULL || self->optimizes ? target : QUERN_TARGET_DEFAULT;
}

static enum quern_code run_job(struct cli *cli, struct apply *self)
{
    struct cli_job job = {.in = cli->args[0],
                          .out = self->recipe.out,
                          .report = self->recipe.report,
                          /* A recipe of apply may name data as well. */
                          .is_alone = self->optimizes && self->data == NULL};
    self->recipe.no_provenance |= self->steps.strips;
    enum quern_code code = cli_job_open(cli, &job);
    if (code == QUERN_OK) {
        code = cli_recipe_apply(cli, &self->recipe, job.after, self->data,
                                job.before);
    }
    if (code == QUERN_OK) {
        code =
            cli_provenance(&self->recipe, job.after,
                           job.is_pipe ? NULL : &job.source, target_of(self));
    }
    return cli_job_close(cli, &job, code);
}

/* @param out_text  freed by the caller */
static enum quern_code write_pipeline(struct cli *cli, const struct apply *self,
                                      char **out_text)
{
    size_t size = 0;
    FILE *out = open_memstream(out_text, &size);
    if (out != NULL) {
        cli_steps_first(out, &self->steps);
        if (self->recipe.target != NULL && !self->exact) {
            cli_step(out, "decompose");
        }
        cli_step(out, self->exact       ? "optimize-exact"
                      : self->keeps_qdq ? "optimize"
                                        : CLI_OPTIMIZE);
        if (self->steps.opset != NULL && !self->exact) {
            cli_step(out, "blocks");
        }
        cli_steps_last(out, &self->steps);
    }
    return out != NULL && fclose(out) == 0
               ? QUERN_OK
               : quern_fail(cli->context, QUERN_NO_MEMORY, NULL,
                            "out of memory");
}

int cmd_apply(int argc, char **argv)
{
    struct cli cli = {0};
    struct apply self = {0};
    char *pipeline = NULL;
    self.optimizes = strcmp(argv[0], "optimize") == 0;
    enum quern_code code = cli_steps_init(&self.steps, argc);
    if (code == QUERN_OK) {
        code = cli_parse(
            &cli, argc, argv, self.optimizes ? optimize_options : apply_options,
            parse, &self, "IN -o OUT",
            self.optimizes
                ? "Clean a model: fold constants and normalizations, drop "
                  "what nothing needs."
                : "Run a recipe, or passes in the order given, over a model.",
            0, 1);
    }
    if (code == QUERN_OK) {
        code = check(&cli, &self);
    }
    if (code == QUERN_OK) {
        code = cli_steps_check(&cli, &self.steps);
    }
    if (code == QUERN_OK && self.optimizes) {
        code = write_pipeline(&cli, &self, &pipeline);
    }
    if (code == QUERN_OK) {
        code = cli_recipe_open(&cli, &self.recipe,
                               self.optimizes ? "optimize" : "--passes",
                               self.optimizes ? pipeline : self.recipe.passes);
    }
    if (code == QUERN_OK && self.recipe.print_config) {
        code = cli_recipe_print(&cli, &self.recipe);
    } else if (code == QUERN_OK && self.recipe.out == NULL) {
        code = only_explain(&cli, &self);
    } else if (code == QUERN_OK) {
        code = run_job(&cli, &self);
    }
    cli_recipe_close(&self.recipe);
    cli_steps_finish(&self.steps);
    free(pipeline);
    return cli_finish(&cli, code);
}

int cmd_optimize(int argc, char **argv)
{
    return cmd_apply(argc, argv);
}
