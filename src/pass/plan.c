/* A recipe becomes a plan: plugins are loaded, groups expanded, options read,
 * rules compiled, the order checked. Nothing here touches a model. */
#include "pass/groups.h"
#include "pass/pass.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    MOST_STEPS = 10000,
    MOST_GROUP_DEPTH = 8,
    N_SWEEPS = 3, /* over a named group, at most */
};

struct planner {
    struct quern_context *context;
    struct qn_plan *plan;
    size_t room;
};

/* ----------------------------------------------------------------- paths */

/* Folder of the recipe file; NULL when it has none of its own. */
static const char *folder_of(struct qn_arena *arena,
                             const struct quern_recipe *recipe)
{
    const char *slash =
        recipe->file != NULL ? strrchr(recipe->file, '/') : NULL;
    if (slash == NULL) {
        return "";
    }
    size_t size = (size_t)(slash - recipe->file);
    return qn_arena_strndup(arena, recipe->file, size > 0 ? size : 1);
}

const char *qn_recipe_path(struct qn_arena *arena,
                           const struct quern_recipe *recipe, const char *path)
{
    const char *folder = folder_of(arena, recipe);
    if (folder == NULL || path[0] == '/' || *folder == '\0') {
        return folder == NULL ? NULL : qn_arena_strdup(arena, path);
    }
    const char *beside = qn_arena_printf(arena, "%s/%s", folder, path);
    bool is_here =
        beside != NULL && access(beside, F_OK) != 0 && access(path, F_OK) == 0;
    return is_here ? qn_arena_strdup(arena, path) : beside;
}

static enum quern_code load_plugins(struct planner *p)
{
    const struct quern_recipe *recipe = p->plan->recipe;
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < recipe->plugins.count && code == QUERN_OK; i++) {
        const char *path =
            qn_recipe_path(&p->plan->arena, recipe, recipe->plugins.items[i]);
        code = path != NULL
                   ? qn_plugin_load(p->context, path, &recipe->plugin_place)
                   : qn_no_memory(p->context);
    }
    return code;
}

/* ----------------------------------------------------------------- steps */

static enum quern_code add_step(struct planner *p,
                                const struct qn_plan_step *step)
{
    struct qn_plan *plan = p->plan;
    if (plan->n_steps == MOST_STEPS) {
        return quern_fail(p->context, QUERN_INVALID_ARGUMENT, &step->place,
                          "more than %d steps", MOST_STEPS);
    }
    if (plan->n_steps == p->room) {
        size_t room = p->room == 0 ? 32 : p->room * 2;
        struct qn_plan_step *steps =
            qn_arena_alloc_n(&plan->arena, room, sizeof *steps);
        if (steps == NULL) {
            return qn_no_memory(p->context);
        }
        if (plan->n_steps > 0) {
            memcpy(steps, plan->steps, plan->n_steps * sizeof *steps);
        }
        plan->steps = steps;
        p->room = room;
    }
    plan->steps[plan->n_steps++] = *step;
    return QUERN_OK;
}

/* Option `data` of a pass that needs data: a path of its own. */
static enum quern_code take_data(struct planner *p, struct qn_plan_step *step)
{
    const struct quern_option *row =
        qn_options_find(step->desc->options, "data");
    const char *path = NULL;
    if ((step->desc->flags & QUERN_PASS_NEEDS_DATA) == 0 || row == NULL ||
        row->type != QUERN_OPTION_STRING) {
        return QUERN_OK;
    }
    memcpy(&path, (const char *)step->params + row->offset, sizeof path);
    if (path == NULL) {
        return QUERN_OK;
    }
    step->data = qn_recipe_path(&p->plan->arena, p->plan->recipe, path);
    if (step->data == NULL) {
        return qn_no_memory(p->context);
    }
    p->plan->data = p->plan->data != NULL ? p->plan->data : step->data;
    return QUERN_OK;
}

static enum quern_code plan_pass(struct planner *p, const struct qn_step *step,
                                 struct qn_plan_step *planned)
{
    struct qn_arena *arena = &p->plan->arena;
    char owner[160];
    enum quern_code code =
        qn_pass_find(p->context, step->name, &planned->place, &planned->desc);
    if (code != QUERN_OK) {
        return code;
    }
    const struct quern_pass_desc *desc = planned->desc;
    snprintf(owner, sizeof owner, "pass '%s'", desc->name);
    code = qn_options_create(p->context, owner, desc->options,
                             desc->params_default, desc->params_size, arena,
                             &planned->params);
    if (code == QUERN_OK) {
        code = qn_options_fill(p->context, owner, desc->options, step->options,
                               arena, planned->params);
    }
    if (code == QUERN_OK) {
        code = take_data(p, planned);
    }
    return code == QUERN_OK ? add_step(p, planned) : code;
}

/* @param place  of the outermost group, for steps inside it; or NULL */
static enum quern_code plan_steps(struct planner *p,
                                  const struct qn_steps *steps,
                                  const struct quern_place *place, int depth)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < steps->count && code == QUERN_OK; i++) {
        const struct qn_step *step = &steps->items[i];
        const char *group = qn_pass_group(step->name);
        struct qn_plan_step planned = {
            .place = place != NULL ? *place : qn_yaml_key_place(step->node)};
        if (group == NULL || depth == MOST_GROUP_DEPTH) {
            code = plan_pass(p, step, &planned);
            continue;
        }
        if (step->options != NULL && step->options->count > 0) {
            return quern_fail(p->context, QUERN_INVALID_ARGUMENT,
                              &planned.place,
                              "group '%s' takes no options; name its passes "
                              "one by one instead: %s",
                              step->name, group);
        }
        struct qn_steps inner = {0};
        code = qn_pipeline_parse(p->context, step->name, group, &p->plan->arena,
                                 &inner);
        for (int k = 0; k < N_SWEEPS && code == QUERN_OK; k++) {
            size_t first = p->plan->n_steps;
            code = plan_steps(p, &inner, &planned.place, depth + 1);
            for (size_t j = first; j < p->plan->n_steps; j++) {
                p->plan->steps[j].n_group = p->plan->n_steps - first;
                p->plan->steps[j].again = k > 0;
            }
        }
    }
    return code;
}

/* ----------------------------------------------------------------- order */

static size_t step_named(const struct qn_plan *plan, size_t first,
                         const char *name)
{
    while (first < plan->n_steps &&
           strcmp(plan->steps[first].desc->name, name) != 0) {
        first++;
    }
    return first;
}

/* A pass stands behind those that it names, where the plan has them. */
static enum quern_code check_order(const struct planner *p)
{
    const struct qn_plan *plan = p->plan;
    for (size_t i = 0; i < plan->n_steps; i++) {
        const char *const *after = plan->steps[i].desc->after;
        for (; after != NULL && *after != NULL; after++) {
            size_t first = step_named(plan, 0, *after);
            if (first > i && first < plan->n_steps) {
                return quern_fail(
                    p->context, QUERN_INVALID_ARGUMENT, &plan->steps[i].place,
                    "'%s' (step %zu) stands before '%s' (step %zu), needs to "
                    "come after it",
                    plan->steps[i].desc->name, i + 1, *after, first + 1);
            }
        }
    }
    return QUERN_OK;
}

static enum quern_code missing(const struct qn_plan *plan, size_t i,
                               const char *what, const char *hint)
{
    return quern_fail(plan->recipe->context, QUERN_INVALID_ARGUMENT,
                      &plan->steps[i].place, "'%s' (step %zu) needs %s: %s",
                      plan->steps[i].desc->name, i + 1, what, hint);
}

enum quern_code qn_plan_check_needs(const struct qn_plan *plan,
                                    const char *data, bool has_target)
{
    for (size_t i = 0; i < plan->n_steps; i++) {
        const struct qn_plan_step *step = &plan->steps[i];
        uint32_t flags = step->desc->flags;
        if ((flags & QUERN_PASS_NEEDS_DATA) != 0 && data == NULL &&
            plan->data == NULL) {
            return missing(plan, i, "calibration data",
                           qn_options_find(step->desc->options, "data") != NULL
                               ? "give --data, or the option data of the step"
                               : "give --data");
        }
        if ((flags & QUERN_PASS_NEEDS_RANGES) != 0 &&
            step_named(plan, 0, "calibrate") >= i &&
            step_named(plan, 0, "load-statistics") >= i) {
            return missing(plan, i, "ranges",
                           "put the step 'calibrate' before it");
        }
        if ((flags & QUERN_PASS_NEEDS_TARGET) != 0 && !has_target) {
            return missing(plan, i, "a target",
                           "give --target, or 'target:' in the recipe");
        }
    }
    return QUERN_OK;
}

/* ----------------------------------------------------------------- whole */

enum quern_code qn_plan_init(struct qn_plan *plan, struct quern_recipe *recipe)
{
    plan->recipe = recipe;
    struct planner p = {.context = recipe->context, .plan = plan};
    enum quern_code code = load_plugins(&p);
    if (code == QUERN_OK) {
        code = qn_recipe_check_rules(recipe);
    }
    if (code == QUERN_OK && recipe->n_rules > 0) {
        code = qn_rules_create(recipe, &plan->rules);
    }
    if (code == QUERN_OK) {
        code = plan_steps(&p, &recipe->steps, NULL, 0);
    }
    return code == QUERN_OK ? check_order(&p) : code;
}

void qn_plan_finish(struct qn_plan *plan)
{
    qn_rules_destroy(&plan->rules);
    qn_arena_finish(&plan->arena);
    plan->n_steps = 0;
    plan->steps = NULL;
}
