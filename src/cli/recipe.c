/* Recipes on the command line. */
#include "recipe.h"

#include "account.h"

#include <stdlib.h>
#include <string.h>

/* "3" or "3:17". */
static error_t parse_stop(struct cli_recipe *self, const char *arg)
{
    char *end = NULL;
    self->stop_after = strtoull(arg, &end, 10);
    bool good = end != arg && *arg != '-' && self->stop_after > 0;
    if (good && *end == ':') {
        const char *second = end + 1;
        self->stop_rewrites = strtoull(second, &end, 10);
        good = end != second && *second != '-' && self->stop_rewrites > 0;
    }
    if (!good || *end != '\0') {
        fprintf(stderr,
                "error[invalid-argument]: --stop-after '%s': needs a number "
                "of steps from 1 on, and maybe one of rewrites: 3:17\n",
                arg);
        return EINVAL;
    }
    return 0;
}

error_t cli_recipe_parse(struct cli_recipe *self, int key, char *arg)
{
    switch (key) {
    case CLI_KEY_CONFIG:
        self->config = arg;
        return 0;
    case 'o':
        self->out = arg;
        return 0;
    case CLI_KEY_TARGET:
        self->target = arg;
        return 0;
    case CLI_KEY_REPORT:
        self->report = arg;
        return 0;
    case CLI_KEY_STOP_AFTER:
        return parse_stop(self, arg);
    case CLI_KEY_VERIFY_EACH:
        self->verify_each = true;
        return 0;
    case CLI_KEY_STRICT:
        self->strict = true;
        return 0;
    case CLI_KEY_EXPLAIN:
        self->explain = arg;
        return 0;
    case CLI_KEY_NODE:
        self->node = arg;
        return 0;
    case CLI_KEY_PRINT_CONFIG:
        self->print_config = true;
        return 0;
    case CLI_KEY_NO_PROVENANCE:
        self->no_provenance = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

enum quern_code cli_recipe_open(struct cli *cli, struct cli_recipe *self,
                                const char *source, const char *pipeline)
{
    enum quern_code code =
        self->config != NULL
            ? quern_recipe_open(cli->context, self->config, &self->recipe)
            : quern_recipe_create(cli->context, &self->recipe);
    self->has_own_steps =
        code == QUERN_OK && quern_recipe_n_steps(self->recipe) > 0;
    if (code == QUERN_OK && pipeline != NULL && !self->has_own_steps) {
        code = quern_recipe_add_steps(self->recipe, source, pipeline);
    }
    if (code == QUERN_OK && quern_recipe_n_steps(self->recipe) == 0) {
        code = cli_usage(cli, "no steps to run: '%s' has none",
                         self->config != NULL ? self->config : source);
    }
    return code;
}

enum quern_code cli_recipe_print(struct cli *cli, struct cli_recipe *self)
{
    char *text = NULL;
    enum quern_code code = QUERN_OK;
    if (cli->json) {
        return cli_usage(cli, "--print-config is YAML: goes without --json");
    }
    if (self->target != NULL) {
        code = quern_recipe_set_target(self->recipe, self->target);
    }
    if (code == QUERN_OK) {
        code = quern_recipe_check(self->recipe);
    }
    if (code == QUERN_OK) {
        code = quern_recipe_print(self->recipe, &text);
    }
    if (code == QUERN_OK) {
        fputs(text, stdout);
        quern_text_free(&text);
    }
    return code;
}

static void explained(void *user, const char *text)
{
    const struct cli *cli = user;
    fprintf(cli->json ? stderr : stdout, "explain   %s\n", text);
}

/* Counts of the step whose account ended last. */
static void on_step(void *user, const struct quern_step_report *report)
{
    const struct cli *cli = user;
    struct cli_lines *l = cli->lines;
    if (l != NULL && l->n > 0 && l->items[l->n - 1].text == NULL) {
        struct cli_line *line = &l->items[l->n - 1];
        line->n_created = report->n_created;
        line->n_erased = report->n_erased;
        line->peak_memory = report->peak_memory;
        line->n_rewrites = report->n_rewrites;
        line->verdict = report->verdict;
        line->verdict_text =
            report->verdict_text != NULL ? strdup(report->verdict_text) : NULL;
    }
}

/* What --verify-each ran on. */
static void on_verified(void *user, bool verified, const char *text)
{
    const struct cli *cli = user;
    if (cli->lines != NULL) {
        cli->lines->is_tried = verified;
        cli->lines->trial = strdup(text);
    }
}

enum quern_code cli_recipe_apply(struct cli *cli, struct cli_recipe *self,
                                 struct quern_model *model, const char *data,
                                 struct quern_model *reference)
{
    struct quern_apply_options o = {
        .struct_size = sizeof o,
        .data = data,
        .target = self->target,
        .account = cli_account,
        .user = cli,
        .stop_after = self->stop_after,
        .step = on_step,
        .explain_pass = self->explain,
        .explain_node = self->node,
        .explained = explained,
        .engine = cli->engine,
        .ort_library = cli->ort_library,
        .reference = reference,
        .verify_each = self->verify_each,
        .strict = self->strict,
        .stop_rewrites = self->stop_rewrites,
        .verified = on_verified,
    };
    if (self->strict && !self->verify_each) {
        return cli_usage(cli, "--strict is for --verify-each");
    }
    enum quern_code code =
        data != NULL ? cli_check_runnable(cli, model) : QUERN_OK;
    return code == QUERN_OK ? quern_recipe_apply(self->recipe, model, &o)
                            : code;
}

enum quern_code cli_recipe_spare(struct cli *cli, const struct cli_recipe *self,
                                 const char *data, const char *stats)
{
    const char *const files[] = {data, stats, self->config, cli->args[0],
                                 self->out};
    enum quern_code code = cli_spare(cli, self->out, files, 3);
    if (code == QUERN_OK) {
        code = cli_spare(cli, self->report, files, 5);
    }
    return code == QUERN_OK ? cli_check_report(cli, self->report) : code;
}

void cli_recipe_close(struct cli_recipe *self)
{
    quern_recipe_destroy(&self->recipe);
}
