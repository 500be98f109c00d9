/* Rules against the steps that run them. */
#include "base/map.h"
#include "config/recipe.h"

#include <string.h>

/* The names that a `rules` step runs: its list, or its option `names`; NULL
 * means all. */
static const struct qn_yaml *names_of_step(const struct qn_step *step)
{
    const struct qn_yaml *options = step->options;
    if (options != NULL && options->kind == QN_YAML_MAPPING) {
        options = qn_yaml_get(options, "names");
    }
    return options != NULL && options->kind != QN_YAML_NULL ? options : NULL;
}

static enum quern_code check_name(const struct quern_recipe *r,
                                  const struct qn_yaml *name, bool *is_run)
{
    size_t i = 0;
    while (i < r->n_rules && name->kind == QN_YAML_SCALAR &&
           strcmp(r->rules[i].name, name->text) != 0) {
        i++;
    }
    if (name->kind == QN_YAML_SCALAR && i < r->n_rules) {
        is_run[i] = true;
        return QUERN_OK;
    }
    char buffer[64];
    const char *found = qn_yaml_describe(name, buffer);
    const char **names = qn_calloc_n(r->n_rules + 1, sizeof *names);
    if (names == NULL) {
        return qn_no_memory(r->context);
    }
    for (i = 0; i < r->n_rules; i++) {
        names[i] = r->rules[i].name;
    }
    const char *near = name->kind == QN_YAML_SCALAR
                           ? qn_nearest_name(name->text, names)
                           : NULL;
    enum quern_code code =
        near != NULL ? qn_yaml_fail(r->context, name,
                                    "no rule is named %s, did you mean '%s'",
                                    found, near)
                     : qn_yaml_fail(r->context, name,
                                    "found %s, need the name of a rule", found);
    qn_free(names);
    return code;
}

static enum quern_code check_step(const struct quern_recipe *r,
                                  const struct qn_step *step, bool *is_run)
{
    const struct qn_yaml *names = names_of_step(step);
    if (names == NULL) {
        memset(is_run, true, r->n_rules);
        return QUERN_OK;
    }
    if (names->kind != QN_YAML_SEQUENCE) {
        return check_name(r, names, is_run);
    }
    enum quern_code code = QUERN_OK;
    const struct qn_yaml *name = names->first;
    for (; name != NULL && code == QUERN_OK; name = name->next) {
        code = check_name(r, name, is_run);
    }
    return code;
}

enum quern_code qn_recipe_check_rules(const struct quern_recipe *recipe)
{
    bool *is_run = qn_calloc_n(recipe->n_rules + 1, sizeof *is_run);
    if (is_run == NULL) {
        return qn_no_memory(recipe->context);
    }
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < recipe->steps.count && code == QUERN_OK; i++) {
        const struct qn_step *step = &recipe->steps.items[i];
        if (strcmp(step->name, "rules") == 0) {
            code = check_step(recipe, step, is_run);
        }
    }
    for (size_t i = 0; i < recipe->n_rules && code == QUERN_OK; i++) {
        const struct qn_recipe_rule *rule = &recipe->rules[i];
        if (!is_run[i] && !rule->is_other) {
            struct quern_place place = rule->node != NULL
                                           ? qn_yaml_place(rule->node)
                                           : rule->match_place;
            code = quern_fail(recipe->context, QUERN_INVALID_ARGUMENT, &place,
                              "rule '%s' is run by no step, need a step "
                              "'rules: [%s]'",
                              rule->name, rule->name);
        }
    }
    qn_free(is_run);
    return code;
}
