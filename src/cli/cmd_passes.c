/* quern passes: which passes there are, as a list or one in full. */
#include "cli.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

static const char *const contracts[] = {"bit-exact", "real-exact",
                                        "approximate", "changes-precision"};

static const char *const types[] = {"bool",   "integer", "number",
                                    "choice", "text",    "list"};

static const struct {
    uint32_t flag;
    const char *name;
} needs[] = {
    {QUERN_PASS_NEEDS_SHAPES, "shapes"},
    {QUERN_PASS_NEEDS_RANGES, "ranges"},
    {QUERN_PASS_NEEDS_DATA, "data"},
    {QUERN_PASS_NEEDS_TARGET, "target"},
};

enum { N_NEEDS = sizeof needs / sizeof *needs };

/* ------------------------------------------------------------------- JSON */

static json_t *json_option(const struct quern_pass_desc *desc,
                           const struct quern_option *row)
{
    char value[512];
    json_t *o = json_object();
    json_object_set_new(o, "name", json_string(row->name));
    json_object_set_new(o, "type", json_string(types[row->type]));
    if (quern_option_default(desc, row, value, sizeof value) > 0) {
        json_object_set_new(o, "default", cli_json_string(value));
    }
    bool is_number =
        row->type == QUERN_OPTION_INT || row->type == QUERN_OPTION_FLOAT;
    if (is_number && row->minimum < row->maximum) {
        json_object_set_new(o, "minimum", json_real(row->minimum));
        json_object_set_new(o, "maximum", json_real(row->maximum));
    }
    if (row->type == QUERN_OPTION_ENUM) {
        json_t *choices = json_array();
        for (size_t i = 0; row->choices[i] != NULL; i++) {
            json_array_append_new(choices, json_string(row->choices[i]));
        }
        json_object_set_new(o, "choices", choices);
    }
    json_object_set_new(o, "help", cli_json_string(row->help));
    return o;
}

static json_t *json_pass(const struct cli *cli,
                         const struct quern_pass_desc *desc)
{
    json_t *o = json_object();
    json_t *list = json_array();
    json_object_set_new(o, "name", json_string(desc->name));
    json_object_set_new(o, "summary", cli_json_string(desc->summary));
    json_object_set_new(o, "family", cli_json_string(desc->group));
    json_object_set_new(o, "contract", json_string(contracts[desc->contract]));
    for (size_t i = 0; i < N_NEEDS; i++) {
        if ((desc->flags & needs[i].flag) != 0) {
            json_array_append_new(list, json_string(needs[i].name));
        }
    }
    json_object_set_new(o, "needs", list);
    list = json_array();
    for (size_t i = 0; desc->after != NULL && desc->after[i] != NULL; i++) {
        json_array_append_new(list, json_string(desc->after[i]));
    }
    json_object_set_new(o, "after", list);
    list = json_array();
    const struct quern_option *row = desc->options;
    for (; row != NULL && row->name != NULL; row++) {
        json_array_append_new(list, json_option(desc, row));
    }
    json_object_set_new(o, "options", list);
    list = json_array();
    const struct quern_rewrite *const *r = desc->rewrites;
    for (size_t i = 0; r != NULL && r[i] != NULL; i++) {
        json_array_append_new(list, json_pack("{s:s, s:s}", "name", r[i]->name,
                                              "pattern", r[i]->pattern));
    }
    json_object_set_new(o, "patterns", list);
    json_object_set_new(
        o, "plugin",
        cli_json_string(quern_context_pass_origin(cli->context, desc)));
    return o;
}

/* Rules of a recipe, NULL: none. */
static json_t *json_rules(const struct quern_recipe *recipe)
{
    json_t *list = json_array();
    struct quern_rule rule;
    for (size_t i = 0; recipe != NULL && quern_recipe_rule(recipe, i, &rule);
         i++) {
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name",
                                              rule.name, "match", rule.match,
                                              "replace", rule.replace));
    }
    return list;
}

static json_t *json_list(const struct cli *cli,
                         const struct quern_recipe *recipe)
{
    json_t *passes = json_array();
    json_t *groups = json_object();
    const struct quern_pass_desc *desc = NULL;
    const char *name = NULL;
    const char *steps = NULL;
    for (size_t i = 0; (desc = quern_context_pass(cli->context, i)) != NULL;
         i++) {
        json_array_append_new(passes, json_pass(cli, desc));
    }
    for (size_t i = 0; quern_group_at(i, &name, &steps); i++) {
        json_object_set_new(groups, name, json_string(steps));
    }
    return json_pack("{s:o, s:o, s:o}", "passes", passes, "groups", groups,
                     "rules", json_rules(recipe));
}

/* ------------------------------------------------------------- for people */

static void print_list(const struct cli *cli, const struct quern_recipe *recipe)
{
    struct quern_rule rule;
    const struct quern_pass_desc *desc = NULL;
    const char *name = NULL;
    const char *steps = NULL;
    for (size_t i = 0; (desc = quern_context_pass(cli->context, i)) != NULL;
         i++) {
        printf("%-26s %-18s %s\n", desc->name, contracts[desc->contract],
               desc->summary);
    }
    for (size_t i = 0; quern_group_at(i, &name, &steps); i++) {
        printf("%-26s %-18s %s\n", name, "group", steps);
    }
    for (size_t i = 0; recipe != NULL && quern_recipe_rule(recipe, i, &rule);
         i++) {
        cli_printf("%-26s %-18s %s  ->  %s\n", rule.name, "rule", rule.match,
                   rule.replace);
    }
}

static const char *group_named(const char *wanted)
{
    const char *name = NULL;
    const char *steps = NULL;
    for (size_t i = 0; quern_group_at(i, &name, &steps); i++) {
        if (strcmp(name, wanted) == 0) {
            return steps;
        }
    }
    return NULL;
}

static enum quern_code print_pass(struct cli *cli,
                                  const struct quern_pass_desc *desc)
{
    char *text = NULL;
    enum quern_code code = quern_pass_help(cli->context, desc, &text);
    if (code == QUERN_OK) {
        fputs(text, stdout);
        quern_text_free(&text);
    }
    return code;
}

/* @return false: the recipe has no rule of that name */
static bool tell_rule(const struct cli *cli, const struct quern_recipe *recipe,
                      const char *name, enum quern_code *out_code)
{
    struct quern_rule rule = {NULL, NULL, NULL};
    size_t i = 0;
    while (recipe != NULL && quern_recipe_rule(recipe, i, &rule) &&
           strcmp(rule.name, name) != 0) {
        i++;
    }
    if (recipe == NULL || !quern_recipe_rule(recipe, i, &rule)) {
        return false;
    }
    if (cli->json) {
        *out_code = cli_json_print(json_pack("{s:s, s:s, s:s}", "name",
                                             rule.name, "match", rule.match,
                                             "replace", rule.replace));
        return true;
    }
    cli_printf(
        "%s: a rule of the recipe, run by the pass rules\n\n  match    %s\n  "
        "replace  %s\n",
        rule.name, rule.match, rule.replace);
    return true;
}

static enum quern_code tell_one(struct cli *cli, const char *name)
{
    const struct quern_pass_desc *desc = NULL;
    const char *steps = group_named(name);
    if (steps != NULL) {
        if (cli->json) {
            return cli_json_print(
                json_pack("{s:s, s:s}", "name", name, "steps", steps));
        }
        printf("%s: a group of passes\n\n  %s\n", name, steps);
        return QUERN_OK;
    }
    enum quern_code code = quern_context_find_pass(cli->context, name, &desc);
    if (code != QUERN_OK) {
        return code;
    }
    return cli->json ? cli_json_print(json_pass(cli, desc))
                     : print_pass(cli, desc);
}

enum { KEY_CONFIG = CLI_KEY_FIRST };

static const struct argp_option options[] = {
    {"config", KEY_CONFIG, "R", 0,
     "a recipe: its rules and the passes of its plugins, too", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    const char **config = state->input;
    if (key != KEY_CONFIG) {
        return ARGP_ERR_UNKNOWN;
    }
    *config = arg;
    return 0;
}

int cmd_passes(int argc, char **argv)
{
    struct cli cli = {0};
    const char *config = NULL;
    struct quern_recipe *recipe = NULL;
    enum quern_code code = cli_parse(
        &cli, argc, argv, options, parse, &config, "[NAME]",
        "List the passes and groups, those of --plugin too, or tell all about "
        "one: what it keeps, what it needs, its options.",
        0, 1);
    if (code == QUERN_OK && config != NULL) {
        code = quern_recipe_open(cli.context, config, &recipe);
    }
    if (code == QUERN_OK && recipe != NULL) {
        code = quern_recipe_check(recipe);
    }
    if (code == QUERN_OK && cli.n_args == 1) {
        if (!tell_rule(&cli, recipe, cli.args[0], &code)) {
            code = tell_one(&cli, cli.args[0]);
        }
    } else if (code == QUERN_OK && cli.json) {
        code = cli_json_print(json_list(&cli, recipe));
    } else if (code == QUERN_OK) {
        print_list(&cli, recipe);
    }
    quern_recipe_destroy(&recipe);
    return cli_finish(&cli, code);
}
