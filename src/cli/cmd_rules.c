/* quern rules check: are the rules of a recipe well formed, and what do they
 * match? */
#include "cli.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

enum { SHOWN_NODES = 8 };

/* What is found of one rule. */
struct tried {
    size_t n_roots; /* nodes with the operator of its root */
    size_t n_matches;
    char **nodes;    /* that match: "'name' (Op)" */
    char *miss;      /* nearest one: node and reason */
    size_t progress; /* of that */
    size_t n_made;   /* replacements, until nothing is left to do */
};

struct check {
    struct cli cli;
    const char *model_path;
    struct quern_apply_options options;
    struct quern_recipe *recipe;
    struct quern_model *model;
    size_t n_rules;
    struct tried *tried;
};

enum {
    KEY_MODEL = CLI_KEY_FIRST,
    KEY_DATA,
    KEY_TARGET,
};

static const struct argp_option options[] = {
    {"model", KEY_MODEL, "M", 0, "show what the rules match in this model", 0},
    {"data", KEY_DATA, "D", 0, "samples for steps before the rules", 0},
    {"target", KEY_TARGET, "T", 0,
     "name or file of a target profile (default: that of the recipe)", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct check *self = state->input;
    switch (key) {
    case KEY_MODEL:
        self->model_path = arg;
        return 0;
    case KEY_DATA:
        self->options.data = arg;
        return 0;
    case KEY_TARGET:
        self->options.target = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* -------------------------------------------------------------- examples */

/* An example knows neither types nor the opset of the user: what does not fit
 * these, as a place in the recipe (which is checked already) tells, may be well
 * in the user's model. */
static bool is_of_the_example(const struct quern_context *context,
                              enum quern_code code)
{
    const struct quern_message *error = quern_error(context);
    bool is_ours = code == QUERN_INVALID_ARGUMENT && error != NULL &&
                   error->place.line <= 0;
    return !is_ours && code != QUERN_NO_MEMORY && code != QUERN_CANCELLED;
}

/* Each rule on a model that it matches: rules that do not end show there
 * without a model of the user. */
static enum quern_code try_examples(struct check *self)
{
    struct quern_context *context = self->cli.context;
    struct quern_rule rule;
    enum quern_code code = QUERN_OK;
    for (size_t i = 0;
         code == QUERN_OK && quern_recipe_rule(self->recipe, i, &rule); i++) {
        struct quern_model *model = NULL;
        code = quern_pattern_example(context, rule.match, &model);
        if (code == QUERN_OK) {
            code = quern_recipe_run_rules(self->recipe, model, NULL);
        }
        quern_model_destroy(&model);
        if (code != QUERN_OK && is_of_the_example(context, code)) {
            quern_clear(context);
            code = QUERN_OK;
        }
    }
    return code;
}

/* ----------------------------------------------------------------- model */

static char *node_text(const struct quern_node *node, const char *reason)
{
    char *text = NULL;
    char id[32];
    const char *name = quern_node_name(node);
    snprintf(id, sizeof id, "#%u", quern_node_id(node));
    int n = asprintf(&text, "'%s' (%s)%s%s", *name != '\0' ? name : id,
                     quern_node_op(node), *reason != '\0' ? ": " : "", reason);
    return n >= 0 ? text : NULL;
}

static enum quern_code keep_match(struct tried *t,
                                  const struct quern_rule_try *tried)
{
    char **grown = realloc(t->nodes, (t->n_matches + 1) * sizeof *t->nodes);
    if (grown == NULL) {
        return QUERN_NO_MEMORY;
    }
    t->nodes = grown;
    t->nodes[t->n_matches] = node_text(tried->node, "");
    return t->nodes[t->n_matches] != NULL && ++t->n_matches > 0
               ? QUERN_OK
               : QUERN_NO_MEMORY;
}

static enum quern_code on_try(void *user, const struct quern_rule_try *tried)
{
    const struct check *self = user;
    struct tried *t = &self->tried[tried->rule];
    t->n_roots++;
    if (tried->matches) {
        return keep_match(t, tried);
    }
    if (t->miss != NULL && tried->progress <= t->progress) {
        return QUERN_OK;
    }
    free(t->miss);
    t->progress = tried->progress;
    t->miss = node_text(tried->node, tried->reason);
    return t->miss != NULL ? QUERN_OK : QUERN_NO_MEMORY;
}

/* Counts what rules make by their lines of the account. */
static void on_account(void *user, const char *pass, const char *text,
                       uint64_t n_edits, double seconds)
{
    const struct check *self = user;
    static const char words[] = "made by rule '";
    const char *name = text != NULL ? strstr(text, words) : NULL;
    struct quern_rule rule;
    (void)pass;
    (void)n_edits;
    (void)seconds;
    for (size_t i = 0;
         name != NULL && quern_recipe_rule(self->recipe, i, &rule); i++) {
        size_t length = strlen(rule.name);
        const char *at = name + sizeof words - 1;
        self->tried[i].n_made += strncmp(at, rule.name, length) == 0 &&
                                 strcmp(at + length, "'") == 0;
    }
}

static enum quern_code try_model(struct check *self)
{
    enum quern_code code =
        quern_model_open(self->cli.context, self->model_path, &self->model);
    if (code == QUERN_OK) {
        code = quern_recipe_try_rules(self->recipe, self->model, &self->options,
                                      on_try, self);
    }
    if (code == QUERN_OK) {
        self->options.account = on_account;
        self->options.user = self;
        code =
            quern_recipe_run_rules(self->recipe, self->model, &self->options);
    }
    return code;
}

/* -------------------------------------------------------------- printing */

static void print_tried(const struct check *self, const struct tried *t)
{
    size_t n = self->cli.verbose || t->n_matches < SHOWN_NODES ? t->n_matches
                                                               : SHOWN_NODES;
    if (t->n_matches > 0) {
        cli_printf(
            "  matches at %zu node%s, is applied %zu time%s:", t->n_matches,
            t->n_matches == 1 ? "" : "s", t->n_made, t->n_made == 1 ? "" : "s");
        for (size_t i = 0; i < n; i++) {
            cli_printf(" %s%s", t->nodes[i], i + 1 < n ? "," : "");
        }
        cli_printf("%s\n", n < t->n_matches ? ", …" : "");
    } else {
        cli_printf("  matches nowhere%s", t->n_made > 0 ? " at first" : "");
        if (t->n_made > 0) {
            cli_printf(", is applied %zu times", t->n_made);
        }
        cli_printf("\n");
    }
    if (t->miss != NULL && (t->n_matches == 0 || self->cli.verbose)) {
        cli_printf("  nearest miss: %s\n", t->miss);
    } else if (t->n_roots == 0) {
        cli_printf("  no node has the operator of its root\n");
    }
}

static void print_text(const struct check *self)
{
    struct quern_rule rule;
    if (self->model_path != NULL) {
        cli_printf("in %s, behind the steps that come before the rules:\n",
                   self->model_path);
    }
    for (size_t i = 0; quern_recipe_rule(self->recipe, i, &rule); i++) {
        cli_printf("%s: %s  ->  %s\n", rule.name, rule.match, rule.replace);
        if (self->model_path != NULL) {
            print_tried(self, &self->tried[i]);
        }
    }
    cli_printf("%s: %zu rule%s, well formed\n", self->cli.args[1],
               self->n_rules, self->n_rules == 1 ? "" : "s");
}

static json_t *json_rule(const struct check *self, size_t i,
                         const struct quern_rule *rule)
{
    const struct tried *t = &self->tried[i];
    json_t *o = json_object();
    json_object_set_new(o, "name", cli_json_string(rule->name));
    json_object_set_new(o, "match", cli_json_string(rule->match));
    json_object_set_new(o, "replace", cli_json_string(rule->replace));
    if (self->model_path == NULL) {
        return o;
    }
    json_t *nodes = json_array();
    for (size_t k = 0; k < t->n_matches; k++) {
        json_array_append_new(nodes, cli_json_string(t->nodes[k]));
    }
    json_object_set_new(o, "matches", nodes);
    json_object_set_new(o, "applied", json_integer((json_int_t)t->n_made));
    json_object_set_new(o, "nearest_miss", cli_json_string(t->miss));
    return o;
}

static enum quern_code print(const struct check *self)
{
    struct quern_rule rule;
    if (!self->cli.json) {
        print_text(self);
        return QUERN_OK;
    }
    json_t *list = json_array();
    for (size_t i = 0; quern_recipe_rule(self->recipe, i, &rule); i++) {
        json_array_append_new(list, json_rule(self, i, &rule));
    }
    return cli_json_print(json_pack(
        "{s:o, s:o, s:o}", "recipe", cli_json_string(self->cli.args[1]),
        "model", cli_json_string(self->model_path), "rules", list));
}

/* ----------------------------------------------------------------- whole */

static enum quern_code prepare(struct check *self)
{
    struct quern_rule rule;
    self->options.struct_size = sizeof self->options;
    self->options.engine = self->cli.engine;
    self->options.ort_library = self->cli.ort_library;
    if (strcmp(self->cli.args[0], "check") != 0) {
        return cli_usage(&self->cli, "unknown word '%s', needs check",
                         self->cli.args[0]);
    }
    enum quern_code code =
        quern_recipe_open(self->cli.context, self->cli.args[1], &self->recipe);
    if (code == QUERN_OK) {
        code = quern_recipe_check(self->recipe);
    }
    while (code == QUERN_OK &&
           quern_recipe_rule(self->recipe, self->n_rules, &rule)) {
        self->n_rules++;
    }
    if (code == QUERN_OK && self->n_rules == 0) {
        code = quern_fail(self->cli.context, QUERN_INVALID_ARGUMENT, NULL,
                          "'%s' has no rules", self->cli.args[1]);
    }
    self->tried = calloc(self->n_rules + 1, sizeof *self->tried);
    return code == QUERN_OK && self->tried == NULL ? QUERN_NO_MEMORY : code;
}

static void clean_up(struct check *self)
{
    for (size_t i = 0; self->tried != NULL && i < self->n_rules; i++) {
        for (size_t k = 0; k < self->tried[i].n_matches; k++) {
            free(self->tried[i].nodes[k]);
        }
        free(self->tried[i].nodes);
        free(self->tried[i].miss);
    }
    free(self->tried);
    quern_model_destroy(&self->model);
    quern_recipe_destroy(&self->recipe);
}

int cmd_rules(int argc, char **argv)
{
    struct check self = {.model_path = NULL};
    enum quern_code code = cli_parse(
        &self.cli, argc, argv, options, parse, &self, "check RECIPE",
        "Check the rules of a recipe: read them, try each of them on an "
        "example, show what they match in a model and where they nearly do.",
        2, 2);
    if (code == QUERN_OK) {
        code = prepare(&self);
    }
    if (code == QUERN_OK) {
        code = try_examples(&self);
    }
    if (code == QUERN_OK && self.model_path != NULL) {
        code = try_model(&self);
    }
    if (code == QUERN_OK) {
        code = print(&self);
    }
    clean_up(&self);
    return cli_finish(&self.cli, code);
}
