/* quern bisect: which rewrite changes what a model gives. */
#include "json.h"
#include "recipe.h"

#include <limits.h>
#include <string.h>

struct bisect {
    const char *data;
    struct cli_recipe recipe;
};

enum {
    KEY_DATA = CLI_KEY_FIRST,
    KEY_PASSES,
};

static const struct argp_option options[] = {
    {"config", CLI_KEY_CONFIG, "R", 0, "recipe (YAML) to run", 0},
    {"passes", KEY_PASSES, "LIST", 0,
     "passes: 'a,b{key=value}' (default, without --config: optimize)", 0},
    {"data", KEY_DATA, "D", 0,
     "samples to run the model on (default: random ones)", 0},
    {"output", 'o', "FILE", 0,
     "write the smallest model that shows it, its inputs beside it as .npz", 0},
    {"target", CLI_KEY_TARGET, "T", 0, "name or file of a target profile", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct bisect *self = state->input;
    switch (key) {
    case KEY_DATA:
        self->data = arg;
        return 0;
    case KEY_PASSES:
        self->recipe.passes = arg;
        return 0;
    default:
        return cli_recipe_parse(&self->recipe, key, arg);
    }
}

static json_t *to_json(const struct quern_bisected *r)
{
    json_t *o = json_object();
    json_object_set_new(o, "found", json_boolean(r->found));
    json_object_set_new(o, "ran", json_boolean(r->ran));
    json_object_set_new(o, "samples", cli_json_string(r->samples));
    json_object_set_new(o, "step", json_integer((json_int_t)r->step));
    json_object_set_new(o, "pass", cli_json_string(r->pass));
    json_object_set_new(o, "difference", cli_json_string(r->difference));
    json_object_set_new(o, "rewrite", json_integer((json_int_t)r->rewrite));
    json_object_set_new(o, "rewrites", json_integer((json_int_t)r->n_rewrites));
    json_object_set_new(o, "pattern", cli_json_string(r->pattern));
    json_object_set_new(o, "operator", cli_json_string(r->op));
    json_object_set_new(o, "node", cli_json_string(r->node));
    json_object_set_new(o, "output", cli_json_string(r->output));
    json_object_set_new(o, "smallest_nodes",
                        json_integer((json_int_t)r->n_nodes));
    json_object_set_new(o, "smallest_difference",
                        cli_json_string(r->small_difference));
    json_object_set_new(o, "smallest_model", cli_json_string(r->model));
    json_object_set_new(o, "smallest_data", cli_json_string(r->data));
    return o;
}

static void print_rewrite(const struct quern_bisected *r)
{
    if (r->rewrite == 0) {
        cli_printf(
            "rewrite   not found: the step by itself does not show it\n");
        return;
    }
    cli_printf("rewrite   %llu of %llu", (unsigned long long)r->rewrite,
               (unsigned long long)r->n_rewrites);
    if (r->op != NULL) {
        cli_printf(", at node '%s' (%s, #%lld), output '%s'", r->node, r->op,
                   (long long)r->node_id, r->output);
    }
    cli_printf("\n");
    if (r->pattern != NULL) {
        cli_printf("pattern   %s\n", r->pattern);
    }
}

static void print(const struct quern_bisected *r)
{
    if (!r->found) {
        cli_printf(r->ran ? "no pass changes the result: %s\n"
                          : "nothing can be told: %s\n",
                   r->samples);
        return;
    }
    cli_printf("pass      %s, step %zu\n", r->pass, r->step);
    print_rewrite(r);
    cli_printf("differs   %s\n", r->difference);
    cli_printf("          on %s\n", r->samples);
    if (r->n_nodes == 0) {
        cli_printf("smallest  none was found\n");
        return;
    }
    cli_printf("smallest  %zu node%s%s%s%s%s\n", r->n_nodes,
               r->n_nodes == 1 ? "" : "s", r->model != NULL ? ": " : "",
               r->model != NULL ? r->model : "",
               r->data != NULL ? ", inputs " : "",
               r->data != NULL ? r->data : "");
    cli_printf("          %s\n", r->small_difference);
}

static enum quern_code work(struct cli *cli, struct bisect *self,
                            bool *out_found)
{
    struct quern_model *model = NULL;
    struct quern_bisection *bisection = NULL;
    const struct quern_bisect_options o = {
        .struct_size = sizeof o,
        .data = self->data,
        .target = self->recipe.target,
        .engine = cli->engine,
        .ort_library = cli->ort_library,
        .out = self->recipe.out,
    };
    enum quern_code code = quern_model_open(cli->context, cli->args[0], &model);
    if (code == QUERN_OK) {
        code = quern_recipe_bisect(self->recipe.recipe, model, &o, &bisection);
    }
    if (code == QUERN_OK) {
        const struct quern_bisected *r = quern_bisection_result(bisection);
        *out_found = r->found;
        cli->written = r->model != NULL ? self->recipe.out : NULL;
        if (cli->json) {
            code = cli_json_print(to_json(r));
        } else {
            print(r);
        }
        if (!r->found && !r->ran) {
            code = quern_fail(cli->context, QUERN_UNSUPPORTED, NULL,
                              "the result cannot be compared: %s", r->samples);
        }
    }
    quern_bisection_destroy(&bisection);
    quern_model_destroy(&model);
    return code;
}

/* Both files that are written. */
static enum quern_code spare(struct cli *cli, const struct bisect *self)
{
    const char *out = self->recipe.out;
    const char *const files[] = {cli->args[0], self->data, self->recipe.config,
                                 out};
    char inputs[PATH_MAX]; /* of a longer one no file can be made */
    enum quern_code code = cli_spare(cli, out, files, 3);
    if (code == QUERN_OK && out != NULL) {
        (void)quern_bisect_data_path(out, inputs, sizeof inputs);
        code = cli_spare(cli, inputs, files, 4);
    }
    return code;
}

int cmd_bisect(int argc, char **argv)
{
    struct cli cli = {0};
    struct bisect self = {0};
    bool found = false;
    enum quern_code code =
        cli_parse(&cli, argc, argv, options, parse, &self,
                  "IN --config R | --passes LIST",
                  "Find the pass after which a model gives something else, the "
                  "rewrite that does it, and the smallest model that shows it. "
                  "Exit 1: there is one.",
                  1, 1);
    if (code == QUERN_OK && self.recipe.passes != NULL &&
        self.recipe.config != NULL) {
        code = cli_usage(&cli, "both --config and --passes given, needs one");
    }
    if (code == QUERN_OK) {
        code = spare(&cli, &self);
    }
    if (code == QUERN_OK) {
        code = cli_recipe_open(&cli, &self.recipe, "--passes",
                               self.recipe.passes != NULL ? self.recipe.passes
                                                          : CLI_OPTIMIZE);
    }
    if (code == QUERN_OK) {
        code = work(&cli, &self, &found);
    }
    cli_recipe_close(&self.recipe);
    int status = cli_finish(&cli, code);
    return status == 0 && found ? 1 : status;
}
