/* Compiling the rules of a recipe: both texts are read, and what the second one
 * names must be in the first. Errors carry the place in the recipe. */
#include "pass/rules.h"

#include <string.h>

struct reader {
    struct quern_context *context;
    const struct quern_recipe *recipe;
    const struct qn_recipe_rule *rule;
    const struct quern_pattern *match;
    const struct quern_pattern *replace;
    struct quern_place base; /* of the replacement's first character */
};

/* The first character of a text: behind the quote, if there is one. */
static struct quern_place text_place(const struct quern_place *place,
                                     bool is_quoted)
{
    struct quern_place start = *place;
    start.column += is_quoted;
    return start;
}

static bool is_replace_quoted(const struct qn_recipe_rule *rule)
{
    const struct qn_yaml *node =
        rule->node != NULL ? qn_yaml_get(rule->node, "replace") : NULL;
    return node != NULL && node->is_quoted;
}

static struct quern_place node_place(const struct reader *r,
                                     const struct qn_pattern_node *node)
{
    return qn_pattern_place(&r->base, node->line, node->column);
}

/* -------------------------------------------------------------- checking */

static enum quern_code check_outputs(const struct reader *r)
{
    const struct qn_pattern_node *made = r->replace->nodes[0];
    const struct qn_pattern_node *matched = r->match->nodes[0];
    struct quern_place place = node_place(r, made);
    if (made->n_outs != matched->n_outs) {
        return quern_fail(r->context, QUERN_INVALID_ARGUMENT, &place,
                          "rule '%s' makes %zu outputs, its match has %zu",
                          r->rule->name, made->n_outs, matched->n_outs);
    }
    for (size_t i = 0; i < made->n_outs; i++) {
        const char *has = r->replace->vars[made->outs[i]].name;
        const char *needs = r->match->vars[matched->outs[i]].name;
        if (strcmp(has, needs) != 0) {
            return quern_fail(r->context, QUERN_INVALID_ARGUMENT, &place,
                              "rule '%s' makes '%s', needs '%s' as in its "
                              "match",
                              r->rule->name, has, needs);
        }
    }
    return QUERN_OK;
}

static enum quern_code check_value(const struct reader *r,
                                   const struct qn_pattern_node *node,
                                   const struct qn_pattern_var *var)
{
    struct quern_place place = node_place(r, node);
    size_t i = qn_pattern_find(r->match, var->name);
    const struct qn_pattern_var *has =
        i < r->match->n_vars ? &r->match->vars[i] : NULL;
    if (has == NULL) {
        return quern_fail(r->context, QUERN_INVALID_ARGUMENT, &place,
                          "rule '%s' reads '%s', which its match does not name",
                          r->rule->name, var->name);
    }
    if (has->is_many != var->is_many) {
        return quern_fail(r->context, QUERN_INVALID_ARGUMENT, &place,
                          "rule '%s': '%s' is one value here and any number "
                          "there",
                          r->rule->name, var->name);
    }
    if (has->producer != NULL && strncmp(var->name, "_shared", 7) != 0) {
        return quern_fail(r->context, QUERN_INVALID_ARGUMENT, &place,
                          "rule '%s' reads '%s', which goes with the match "
                          "(names that begin with _shared stay)",
                          r->rule->name, var->name);
    }
    return QUERN_OK;
}

/* Domains of others need an opset that the recipe tells. */
static enum quern_code check_domain(const struct reader *r,
                                    const struct qn_pattern_node *node)
{
    struct quern_place place = node_place(r, node);
    const struct quern_recipe *recipe = r->recipe;
    bool is_told = *node->domain == '\0';
    for (size_t i = 0; i < recipe->n_opsets && !is_told; i++) {
        is_told = strcmp(recipe->opsets[i].domain, node->domain) == 0;
    }
    return is_told
               ? QUERN_OK
               : quern_fail(r->context, QUERN_INVALID_ARGUMENT, &place,
                            "rule '%s' makes %s.%s, whose opset the recipe "
                            "does not tell: needs 'opsets: {%s: 1}' or another "
                            "version",
                            r->rule->name, node->domain, node->op,
                            node->domain);
}

static enum quern_code check_attrs(const struct reader *r,
                                   const struct qn_pattern_node *node)
{
    const struct qn_rule_site site = {
        .context = r->context, .rule = r->rule->name, .base = r->base};
    enum quern_code code = qn_rule_check_computed(&site, r->match, node);
    for (size_t i = 0; i < node->n_attrs && code == QUERN_OK; i++) {
        if (node->attrs[i].kind == QN_ATTR_IS_VAR) {
            code =
                qn_rule_check_variable(&site, r->match, node, &node->attrs[i]);
        }
    }
    return code;
}

static enum quern_code check_node(const struct reader *r,
                                  const struct qn_pattern_node *node)
{
    if (node->lowest > 0) {
        struct quern_place place = node_place(r, node);
        return quern_fail(r->context, QUERN_INVALID_ARGUMENT, &place,
                          "rule '%s': opsets are for the match, a replacement "
                          "takes the model's",
                          r->rule->name);
    }
    enum quern_code code = check_domain(r, node);
    for (size_t i = 0; i < node->n_args && code == QUERN_OK; i++) {
        const struct qn_pattern_arg *arg = &node->args[i];
        const struct qn_pattern_var *var =
            arg->kind == QN_ARG_VALUE ? &r->replace->vars[arg->var] : NULL;
        if (var != NULL && var->producer == NULL) {
            code = check_value(r, node, var);
        }
    }
    return code == QUERN_OK ? check_attrs(r, node) : code;
}

/* --------------------------------------------------------------- reading */

static enum quern_code read_rule(struct quern_context *context,
                                 const struct quern_recipe *recipe,
                                 const struct qn_recipe_rule *rule,
                                 struct qn_rule *out)
{
    struct quern_place base = text_place(&rule->match_place, rule->is_quoted);
    struct reader r = {
        .context = context,
        .recipe = recipe,
        .rule = rule,
        .base = text_place(&rule->replace_place, is_replace_quoted(rule))};
    out->name = rule->name;
    enum quern_code code =
        qn_pattern_read(context, rule->match, &base, false, &out->match);
    if (code == QUERN_OK) {
        code = qn_pattern_read(context, rule->replace, &r.base, true,
                               &out->replace);
    }
    if (code != QUERN_OK) {
        quern_note(context, NULL, "in rule '%s'", rule->name);
        return code;
    }
    r.match = out->match;
    r.replace = out->replace;
    out->place = r.base;
    struct qn_rule_site site = {.context = context,
                                .rule = rule->name,
                                .verb = "matches",
                                .base = base};
    code = qn_rule_check_pattern(&site, out->match);
    if (code == QUERN_OK) {
        code = check_outputs(&r);
    }
    for (size_t i = 0; i < r.replace->n_nodes && code == QUERN_OK; i++) {
        code = check_node(&r, r.replace->nodes[i]);
    }
    site.verb = "makes";
    site.base = r.base;
    return code == QUERN_OK ? qn_rule_check_pattern(&site, out->replace) : code;
}

enum quern_code qn_rules_create(const struct quern_recipe *recipe,
                                struct qn_rules **out_rules)
{
    struct qn_rules *rules = qn_calloc(sizeof *rules);
    if (rules == NULL) {
        return qn_no_memory(recipe->context);
    }
    rules->items =
        qn_arena_alloc_n(&rules->arena, recipe->n_rules, sizeof *rules->items);
    enum quern_code code =
        rules->items != NULL ? QUERN_OK : qn_no_memory(recipe->context);
    for (size_t i = 0; i < recipe->n_rules && code == QUERN_OK; i++) {
        code = read_rule(recipe->context, recipe, &recipe->rules[i],
                         &rules->items[rules->n++]);
    }
    if (code != QUERN_OK) {
        qn_rules_destroy(&rules);
        return code;
    }
    *out_rules = rules;
    return QUERN_OK;
}

void qn_rules_destroy(struct qn_rules **rules)
{
    struct qn_rules *r = rules != NULL ? *rules : NULL;
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; i < r->n; i++) {
        quern_pattern_destroy(&r->items[i].match);
        quern_pattern_destroy(&r->items[i].replace);
    }
    qn_arena_finish(&r->arena);
    qn_free(r);
    *rules = NULL;
}
