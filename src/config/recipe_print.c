/* Printing a recipe: the struct becomes a tree, the tree YAML. */
#include "config/recipe.h"

#include <stdio.h>
#include <string.h>

/* A tree under construction; the first failure stays. */
struct builder {
    struct qn_arena arena;
    bool has_failed;
};

/* A mapping or sequence with its last child. */
struct branch {
    struct qn_yaml *node;
    struct qn_yaml *tail;
};

static struct branch new_branch(struct builder *b, enum qn_yaml_kind kind)
{
    struct branch branch = {qn_yaml_new(&b->arena, kind, NULL, 0, 0), NULL};
    b->has_failed = b->has_failed || branch.node == NULL;
    return branch;
}

/* Children may be NULL where memory ran out. Keys and texts are borrowed. */
static void add(struct builder *b, struct branch *to, const char *key,
                struct qn_yaml *child)
{
    b->has_failed = b->has_failed || child == NULL || to->node == NULL;
    if (!b->has_failed) {
        child->key = key;
        qn_yaml_append(to->node, &to->tail, child);
    }
}

static void add_text(struct builder *b, struct branch *to, const char *key,
                     const char *text)
{
    struct qn_yaml *node = qn_yaml_new(&b->arena, QN_YAML_SCALAR, NULL, 0, 0);
    if (node != NULL) {
        node->text = text;
    }
    add(b, to, key, node);
}

static void add_int(struct builder *b, struct branch *to, const char *key,
                    int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    const char *copy = qn_arena_strdup(&b->arena, text);
    b->has_failed = b->has_failed || copy == NULL;
    add_text(b, to, key, copy != NULL ? copy : "");
}

static void add_list(struct builder *b, struct branch *to, const char *key,
                     const struct quern_strings *list)
{
    struct branch items = new_branch(b, QN_YAML_SEQUENCE);
    for (size_t i = 0; i < list->count; i++) {
        add_text(b, &items, NULL, list->items[i]);
    }
    add(b, to, key, items.node);
}

static struct qn_yaml *tree_of_opsets(struct builder *b,
                                      const struct quern_recipe *r)
{
    struct branch all = new_branch(b, QN_YAML_MAPPING);
    for (size_t i = 0; i < r->n_opsets; i++) {
        add_int(b, &all, r->opsets[i].domain, r->opsets[i].version);
    }
    return all.node;
}

static struct qn_yaml *tree_of_rules(struct builder *b,
                                     const struct quern_recipe *r)
{
    struct branch all = new_branch(b, QN_YAML_SEQUENCE);
    for (size_t i = 0; i < r->n_rules; i++) {
        struct branch rule = new_branch(b, QN_YAML_MAPPING);
        add_text(b, &rule, "name", r->rules[i].name);
        size_t n = 1;
        while (i + n < r->n_rules && r->rules[i + n].is_other) {
            n++;
        }
        struct branch matches = new_branch(b, QN_YAML_SEQUENCE);
        for (size_t k = 0; k < n; k++) {
            add_text(b, n > 1 ? &matches : &rule, n > 1 ? NULL : "match",
                     r->rules[i + k].match);
        }
        if (n > 1) {
            add(b, &rule, "match", matches.node);
        }
        add_text(b, &rule, "replace", r->rules[i].replace);
        add(b, &all, NULL, rule.node);
        i += n - 1;
    }
    return all.node;
}

static struct qn_yaml *tree_of_steps(struct builder *b,
                                     const struct quern_recipe *r)
{
    struct branch all = new_branch(b, QN_YAML_SEQUENCE);
    for (size_t i = 0; i < r->steps.count; i++) {
        const struct qn_step *step = &r->steps.items[i];
        bool is_bare = step->options == NULL ||
                       step->options->kind == QN_YAML_NULL ||
                       (step->options->kind == QN_YAML_MAPPING &&
                        step->options->count == 0);
        if (is_bare) {
            add_text(b, &all, NULL, step->name);
            continue;
        }
        struct branch one = new_branch(b, QN_YAML_MAPPING);
        add(b, &one, step->name, qn_yaml_copy(&b->arena, step->options));
        add(b, &all, NULL, one.node);
    }
    return all.node;
}

static struct qn_yaml *tree_of_match(struct builder *b,
                                     const struct qn_override *o)
{
    const char *const keys[] = {"op", "name", "value"};
    const char *const globs[] = {o->op, o->name, o->value};
    struct branch match = new_branch(b, QN_YAML_MAPPING);
    for (size_t i = 0; i < 3; i++) {
        if (globs[i] != NULL) {
            add_text(b, &match, keys[i], globs[i]);
        }
    }
    return match.node;
}

static struct qn_yaml *tree_of_overrides(struct builder *b,
                                         const struct quern_recipe *r)
{
    struct branch all = new_branch(b, QN_YAML_SEQUENCE);
    for (size_t i = 0; i < r->n_overrides; i++) {
        const struct qn_override_settings *s = &r->overrides[i].settings;
        struct branch one = new_branch(b, QN_YAML_MAPPING);
        add(b, &one, "match", tree_of_match(b, &r->overrides[i]));
        if ((s->fields & QN_OVERRIDE_QUANTIZE) != 0) {
            add_text(b, &one, "quantize", s->quantize ? "true" : "false");
        }
        if ((s->fields & QN_OVERRIDE_ACTIVATIONS) != 0) {
            add_text(b, &one, "activations", quern_dtype_name(s->activations));
        }
        if ((s->fields & QN_OVERRIDE_WEIGHTS) != 0) {
            add_text(b, &one, "weights", quern_dtype_name(s->weights));
        }
        if ((s->fields & QN_OVERRIDE_PER_TENSOR) != 0) {
            add_text(b, &one, "per-tensor", s->per_tensor ? "true" : "false");
        }
        add(b, &all, NULL, one.node);
    }
    return all.node;
}

enum quern_code qn_recipe_print(const struct quern_recipe *recipe,
                                struct qn_text *text)
{
    struct builder b = {.has_failed = false};
    struct branch root = new_branch(&b, QN_YAML_MAPPING);
    add_int(&b, &root, "quern", QN_RECIPE_VERSION);
    if (recipe->target != NULL) {
        add_text(&b, &root, "target", recipe->target);
    }
    if (recipe->plugins.count > 0) {
        add_list(&b, &root, "plugins", &recipe->plugins);
    }
    if (recipe->n_opsets > 0) {
        add(&b, &root, "opsets", tree_of_opsets(&b, recipe));
    }
    if (recipe->n_rules > 0) {
        add(&b, &root, "rules", tree_of_rules(&b, recipe));
    }
    if (recipe->steps.count > 0) {
        add(&b, &root, "steps", tree_of_steps(&b, recipe));
    }
    if (recipe->n_overrides > 0) {
        add(&b, &root, "overrides", tree_of_overrides(&b, recipe));
    }
    enum quern_code code =
        b.has_failed ? qn_no_memory(recipe->context)
                     : qn_yaml_print(recipe->context, root.node, 3, text);
    qn_arena_finish(&b.arena);
    return code;
}
