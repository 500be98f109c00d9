/* Rules of a recipe tried without its other steps: what `quern rules check`
 * shows. */
#include "pass/rules.h"

#include <quern/recipe.h>

#include "api/apply.h"
#include "ir/ir.h"

#include <string.h>

bool quern_recipe_rule(const struct quern_recipe *recipe, size_t i,
                       struct quern_rule *out_rule)
{
    if (i >= recipe->n_rules) {
        return false;
    }
    const struct qn_recipe_rule *rule = &recipe->rules[i];
    *out_rule = (struct quern_rule){rule->name, rule->match, rule->replace};
    return true;
}

/* ---------------------------------------------------------------- trying */

struct trying {
    size_t i;
    const struct qn_rule *rule;
    quern_try_fn fn;
    void *user;
};

static enum quern_code try_node(const struct trying *t, struct quern_node *node)
{
    const struct quern_match *match = NULL;
    struct quern_pattern *pattern = t->rule->match;
    const struct qn_pattern_node *root = pattern->nodes[0];
    if (strcmp(node->op, root->op) != 0 ||
        strcmp(node->domain, root->domain) != 0) {
        return QUERN_OK;
    }
    enum quern_code code = quern_pattern_match(pattern, node, &match);
    if (code != QUERN_OK && code != QUERN_NOT_FOUND) {
        return code;
    }
    const struct quern_rule_try tried = {
        .struct_size = sizeof tried,
        .rule = t->i,
        .node = node,
        .matches = code == QUERN_OK,
        .progress = code == QUERN_OK ? 0 : pattern->reason.progress,
        .reason = quern_pattern_reason(pattern),
    };
    return t->fn(t->user, &tried);
}

/* A graph and the bodies in it; nesting is bounded by the reader. */
static enum quern_code try_graph(const struct trying *t,
                                 struct quern_graph *graph)
{
    enum quern_code code = QUERN_OK;
    struct quern_node *node = quern_graph_first(graph);
    for (; node != NULL && code == QUERN_OK; node = quern_node_next(node)) {
        code = try_node(t, node);
        for (size_t i = 0; code == QUERN_OK && i < quern_node_n_subgraphs(node);
             i++) {
            code = try_graph(t, quern_node_subgraph(node, i));
        }
    }
    return code;
}

/* Steps of a plan in front of the first step `rules`. */
static size_t n_steps_before(const struct qn_plan *plan)
{
    size_t n = 0;
    while (n < plan->n_steps && plan->steps[n].desc != &qn_pass_rules) {
        n++;
    }
    return n;
}

static enum quern_code run_before(struct quern_recipe *recipe,
                                  struct quern_model *model,
                                  const struct quern_apply_options *options,
                                  size_t n)
{
    struct quern_apply_options some = qn_apply_options(options);
    some.stop_after = n;
    return n > 0 ? quern_recipe_apply(recipe, model, &some) : QUERN_OK;
}

enum quern_code
quern_recipe_try_rules(struct quern_recipe *recipe, struct quern_model *model,
                       const struct quern_apply_options *options,
                       quern_try_fn fn, void *user)
{
    struct qn_plan plan = {0};
    enum quern_code code = qn_plan_init(&plan, recipe);
    if (code == QUERN_OK) {
        code = run_before(recipe, model, options, n_steps_before(&plan));
    }
    if (code == QUERN_OK && plan.rules != NULL) {
        code = qn_rules_check_model(plan.rules, model);
    }
    if (code == QUERN_OK) {
        code = quern_model_infer(model);
    }
    for (size_t i = 0;
         plan.rules != NULL && code == QUERN_OK && i < plan.rules->n; i++) {
        const struct trying t = {i, &plan.rules->items[i], fn, user};
        code = try_graph(&t, model->graph);
    }
    qn_plan_finish(&plan);
    return code;
}

/* --------------------------------------------------------------- running */

enum quern_code
quern_recipe_run_rules(struct quern_recipe *recipe, struct quern_model *model,
                       const struct quern_apply_options *options)
{
    struct qn_arena arena = {0};
    /* The same recipe with another list of steps. */
    struct quern_recipe rules = *recipe;
    rules.steps = (struct qn_steps){0};
    rules.n_overrides = 0;
    enum quern_code code = qn_pipeline_parse(recipe->context, "rules", "rules",
                                             &arena, &rules.steps);
    if (code == QUERN_OK) {
        code = quern_recipe_apply(&rules, model, options);
    }
    qn_arena_finish(&arena);
    return code;
}
