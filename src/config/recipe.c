/* Reading a recipe: YAML to a struct, every part with its place. Overrides are
 * read in override_read.c, rules held against steps in recipe_rules.c, parts
 * appended in recipe_add.c, printed in recipe_print.c. */
#include "config/recipe.h"

#include <string.h>

/* ------------------------------------------------------------ key by key */

static enum quern_code read_version(struct quern_recipe *r,
                                    const struct qn_yaml *root)
{
    const struct qn_yaml *node = NULL;
    int64_t version = 0;
    enum quern_code code = qn_yaml_need(r->context, root, "quern", &node);
    if (code == QUERN_OK) {
        code = qn_yaml_int(r->context, node, 1, INT64_MAX, &version);
    }
    if (code == QUERN_OK && version != QN_RECIPE_VERSION) {
        return qn_yaml_fail(r->context, node,
                            "recipe of version %lld, this quern reads %d",
                            (long long)version, (int)QN_RECIPE_VERSION);
    }
    return code;
}

static enum quern_code read_opsets(struct quern_recipe *r,
                                   const struct qn_yaml *node)
{
    enum quern_code code = qn_yaml_expect(r->context, node, QN_YAML_MAPPING);
    if (code != QUERN_OK) {
        return code;
    }
    r->opsets = qn_arena_alloc_n(&r->arena, node->count, sizeof *r->opsets);
    if (r->opsets == NULL) {
        return qn_no_memory(r->context);
    }
    const struct qn_yaml *child = node->first;
    for (; child != NULL && code == QUERN_OK; child = child->next) {
        struct qn_recipe_opset *opset = &r->opsets[r->n_opsets++];
        opset->domain = child->key;
        opset->place = qn_yaml_key_place(child);
        code = qn_yaml_int(r->context, child, 1, INT32_MAX, &opset->version);
    }
    return code;
}

static enum quern_code need_text(struct quern_recipe *r,
                                 const struct qn_yaml *mapping, const char *key,
                                 const char **out_text,
                                 struct quern_place *out_place)
{
    const struct qn_yaml *node = NULL;
    enum quern_code code = qn_yaml_need(r->context, mapping, key, &node);
    if (code == QUERN_OK) {
        *out_place = qn_yaml_place(node);
        code = qn_yaml_text(r->context, node, out_text);
    }
    return code;
}

/* One text, or a list of them: a rule each, of one name. */
static enum quern_code read_matches(struct quern_recipe *r,
                                    const struct qn_yaml *node)
{
    struct qn_recipe_rule *first = &r->rules[r->n_rules - 1];
    const struct qn_yaml *match = NULL;
    enum quern_code code = qn_yaml_need(r->context, node, "match", &match);
    bool is_list = code == QUERN_OK && match->kind == QN_YAML_SEQUENCE;
    if (is_list && match->count == 0) {
        return qn_yaml_fail(r->context, match, "no pattern, need one or more");
    }
    if (is_list) {
        match = match->first;
    }
    for (struct qn_recipe_rule *rule = first; code == QUERN_OK && match != NULL;
         rule++) {
        *rule = *first;
        rule->is_other = rule != first;
        rule->is_quoted = match->is_quoted;
        rule->match_place = qn_yaml_place(match);
        r->n_rules += rule->is_other;
        code = qn_yaml_text(r->context, match, &rule->match);
        match = is_list ? match->next : NULL;
    }
    return code;
}

/* As many as it has texts to match. */
static size_t count_matches(const struct qn_yaml *rule)
{
    const struct qn_yaml *match =
        rule->kind == QN_YAML_MAPPING ? qn_yaml_get(rule, "match") : NULL;
    bool is_list = match != NULL && match->kind == QN_YAML_SEQUENCE;
    return is_list && match->count > 0 ? match->count : 1;
}

static enum quern_code read_rule(struct quern_recipe *r,
                                 const struct qn_yaml *node)
{
    struct qn_recipe_rule *rule = &r->rules[r->n_rules++];
    static const char *const keys[] = {"name", "match", "replace", NULL};
    struct quern_place place;
    rule->node = node;
    enum quern_code code = qn_yaml_check_keys(r->context, node, keys, "a rule");
    if (code == QUERN_OK) {
        code = need_text(r, node, "name", &rule->name, &place);
    }
    for (size_t i = 0; code == QUERN_OK && &r->rules[i] < rule; i++) {
        if (strcmp(r->rules[i].name, rule->name) == 0) {
            return quern_fail(r->context, QUERN_INVALID_ARGUMENT, &place,
                              "rule '%s' stands here a second time",
                              rule->name);
        }
    }
    if (code == QUERN_OK) {
        code =
            need_text(r, node, "replace", &rule->replace, &rule->replace_place);
    }
    return code == QUERN_OK ? read_matches(r, node) : code;
}

static enum quern_code read_rules(struct quern_recipe *r,
                                  const struct qn_yaml *node)
{
    enum quern_code code = qn_yaml_expect(r->context, node, QN_YAML_SEQUENCE);
    if (code != QUERN_OK) {
        return code;
    }
    size_t n = 0;
    const struct qn_yaml *child = node->first;
    for (; child != NULL; child = child->next) {
        n += count_matches(child);
    }
    if (n > 1000) { /* names are compared with each other */
        return qn_yaml_fail(r->context, node, "%zu rules, at most 1000", n);
    }
    r->rules = qn_arena_alloc_n(&r->arena, n, sizeof *r->rules);
    if (r->rules == NULL) {
        return qn_no_memory(r->context);
    }
    for (child = node->first; child != NULL && code == QUERN_OK;
         child = child->next) {
        code = read_rule(r, child);
    }
    return code;
}

/* ----------------------------------------------------------------- whole */

/* An absent or empty key sets nothing. */
static const struct qn_yaml *part(const struct qn_yaml *root, const char *key)
{
    const struct qn_yaml *node = qn_yaml_get(root, key);
    return node != NULL && node->kind != QN_YAML_NULL ? node : NULL;
}

static enum quern_code read_head(struct quern_recipe *r,
                                 const struct qn_yaml *root)
{
    static const char *const keys[] = {"quern", "target", "plugins",   "opsets",
                                       "rules", "steps",  "overrides", NULL};
    const struct qn_yaml *node = NULL;
    enum quern_code code =
        qn_yaml_check_keys(r->context, root, keys, "a recipe");
    if (code == QUERN_OK) {
        code = read_version(r, root);
    }
    if (code == QUERN_OK && (node = part(root, "target")) != NULL) {
        r->target_place = qn_yaml_place(node);
        code = qn_yaml_text(r->context, node, &r->target);
    }
    if (code == QUERN_OK && (node = part(root, "plugins")) != NULL) {
        r->plugin_place = qn_yaml_place(node);
        code = qn_yaml_strings(r->context, node, &r->arena, &r->plugins);
    }
    if (code == QUERN_OK && (node = part(root, "opsets")) != NULL) {
        code = read_opsets(r, node);
    }
    return code;
}

static enum quern_code read_body(struct quern_recipe *r,
                                 const struct qn_yaml *root)
{
    const struct qn_yaml *node = NULL;
    enum quern_code code = QUERN_OK;
    if ((node = part(root, "rules")) != NULL) {
        code = read_rules(r, node);
    }
    if (code == QUERN_OK && (node = part(root, "steps")) != NULL) {
        code = qn_steps_of_yaml(r->context, node, &r->arena, &r->steps);
    }
    if (code == QUERN_OK && (node = part(root, "overrides")) != NULL) {
        code = qn_overrides_read(r, node);
    }
    return code != QUERN_OK ? code : qn_recipe_check_rules(r);
}

static enum quern_code finish(struct quern_recipe *r, enum quern_code code,
                              const struct qn_yaml *root,
                              struct quern_recipe **out_recipe)
{
    if (code == QUERN_OK && root != NULL) {
        r->file = root->file;
        code = read_head(r, root);
    }
    if (code == QUERN_OK) {
        code = read_body(r, root);
    }
    if (code != QUERN_OK) {
        qn_recipe_destroy(&r);
        return code;
    }
    *out_recipe = r;
    return QUERN_OK;
}

enum quern_code qn_recipe_create(struct quern_context *context,
                                 struct quern_recipe **out_recipe)
{
    struct quern_recipe *r = qn_calloc(sizeof *r);
    if (r == NULL) {
        return qn_no_memory(context);
    }
    r->context = context;
    *out_recipe = r;
    return QUERN_OK;
}

enum quern_code qn_recipe_read(struct quern_context *context, const char *file,
                               const void *text, size_t size,
                               struct quern_recipe **out_recipe)
{
    struct quern_recipe *r = NULL;
    struct qn_yaml *root = NULL;
    enum quern_code code = qn_recipe_create(context, &r);
    if (code != QUERN_OK) {
        return code;
    }
    code = qn_yaml_read(context, file, text, size, &r->arena, &root);
    return finish(r, code, root, out_recipe);
}

enum quern_code qn_recipe_open(struct quern_context *context, const char *path,
                               struct quern_recipe **out_recipe)
{
    struct quern_recipe *r = NULL;
    struct qn_yaml *root = NULL;
    enum quern_code code = qn_recipe_create(context, &r);
    if (code != QUERN_OK) {
        return code;
    }
    code = qn_yaml_open(context, path, &r->arena, &root);
    return finish(r, code, root, out_recipe);
}

void qn_recipe_destroy(struct quern_recipe **recipe)
{
    struct quern_recipe *r = recipe != NULL ? *recipe : NULL;
    if (r != NULL) {
        qn_arena_finish(&r->arena);
        qn_free(r);
        *recipe = NULL;
    }
}
