/* Recipes put together in code: what shorthands of the command line append. */
#include "config/recipe.h"

#include <string.h>

/* `items` with room for `more` further ones; NULL when no memory is left. */
static void *grow(struct quern_recipe *r, const void *items, size_t count,
                  size_t more, size_t item_size)
{
    void *grown = qn_arena_alloc_n(&r->arena, count + more, item_size);
    if (grown != NULL && count > 0) {
        memcpy(grown, items, count * item_size);
    }
    return grown;
}

enum quern_code qn_recipe_add_steps(struct quern_recipe *recipe,
                                    const char *file, const char *text)
{
    struct qn_steps more = {0};
    enum quern_code code =
        qn_pipeline_parse(recipe->context, file, text, &recipe->arena, &more);
    if (code != QUERN_OK || more.count == 0) {
        return code;
    }
    struct qn_step *items =
        grow(recipe, recipe->steps.items, recipe->steps.count, more.count,
             sizeof *items);
    if (items == NULL) {
        return qn_no_memory(recipe->context);
    }
    memcpy(items + recipe->steps.count, more.items, more.count * sizeof *items);
    recipe->steps = (struct qn_steps){items, recipe->steps.count + more.count};
    return QUERN_OK;
}

enum quern_code qn_recipe_add_exclude(struct quern_recipe *recipe,
                                      const char *text)
{
    static const char *const kinds[] = {"op:", "name:", "value:"};
    size_t kind = 0, skip = 0;
    while (kind < 3 && skip == 0) {
        size_t size = strlen(kinds[kind]);
        if (strncmp(text, kinds[kind], size) == 0 && text[size] != '\0') {
            skip = size;
        } else {
            kind++;
        }
    }
    if (skip == 0) {
        return quern_fail(recipe->context, QUERN_INVALID_ARGUMENT, NULL,
                          "exclude '%s': need op:GLOB, name:GLOB or value:GLOB",
                          text);
    }
    const char *glob = qn_arena_strdup(&recipe->arena, text + skip);
    struct qn_override *overrides = grow(
        recipe, recipe->overrides, recipe->n_overrides, 1, sizeof *overrides);
    if (glob == NULL || overrides == NULL) {
        return qn_no_memory(recipe->context);
    }
    struct quern_place nowhere = QUERN_PLACE_NONE;
    struct qn_override *last = &overrides[recipe->n_overrides];
    *last = (struct qn_override){.place = nowhere};
    last->op = kind == 0 ? glob : NULL;
    last->name = kind == 1 ? glob : NULL;
    last->value = kind == 2 ? glob : NULL;
    last->settings.fields = QN_OVERRIDE_QUANTIZE;
    recipe->overrides = overrides;
    recipe->n_overrides++;
    return QUERN_OK;
}

enum quern_code qn_recipe_add_rule(struct quern_recipe *recipe,
                                   const char *name, const char *match,
                                   const char *replace)
{
    struct quern_place nowhere = QUERN_PLACE_NONE;
    struct qn_recipe_rule *rules =
        grow(recipe, recipe->rules, recipe->n_rules, 1, sizeof *rules);
    struct qn_recipe_rule rule = {
        .name = qn_arena_strdup(&recipe->arena, name),
        .match = qn_arena_strdup(&recipe->arena, match),
        .replace = qn_arena_strdup(&recipe->arena, replace),
        .match_place = nowhere,
        .replace_place = nowhere,
    };
    if (rules == NULL || rule.name == NULL || rule.match == NULL ||
        rule.replace == NULL) {
        return qn_no_memory(recipe->context);
    }
    rules[recipe->n_rules++] = rule;
    recipe->rules = rules;
    return QUERN_OK;
}

enum quern_code qn_recipe_set_target(struct quern_recipe *recipe,
                                     const char *target)
{
    struct quern_place nowhere = QUERN_PLACE_NONE;
    const char *copy = qn_arena_strdup(&recipe->arena, target);
    if (copy == NULL) {
        return qn_no_memory(recipe->context);
    }
    recipe->target = copy;
    recipe->target_place = nowhere;
    return QUERN_OK;
}
