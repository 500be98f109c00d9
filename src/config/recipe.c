/* Reading a recipe: YAML to a struct, every part with its place. Printing is in
 * recipe_print.c, questions to overrides in override.c. */
#include "config/recipe.h"

#include "base/map.h"

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

static enum quern_code read_rule(struct quern_recipe *r,
                                 const struct qn_yaml *node,
                                 struct qn_recipe_rule *rule)
{
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
        code = need_text(r, node, "match", &rule->match, &rule->match_place);
    }
    if (code == QUERN_OK) {
        code =
            need_text(r, node, "replace", &rule->replace, &rule->replace_place);
    }
    return code;
}

static enum quern_code read_rules(struct quern_recipe *r,
                                  const struct qn_yaml *node)
{
    enum quern_code code = qn_yaml_expect(r->context, node, QN_YAML_SEQUENCE);
    if (code != QUERN_OK) {
        return code;
    }
    if (node->count > 1000) { /* names are compared with each other */
        return qn_yaml_fail(r->context, node, "%zu rules, at most 1000",
                            node->count);
    }
    r->rules = qn_arena_alloc_n(&r->arena, node->count, sizeof *r->rules);
    if (r->rules == NULL) {
        return qn_no_memory(r->context);
    }
    const struct qn_yaml *child = node->first;
    for (; child != NULL && code == QUERN_OK; child = child->next) {
        code = read_rule(r, child, &r->rules[r->n_rules++]);
    }
    return code;
}

/* ------------------------------------------------------------- overrides */

static enum quern_code read_match(struct quern_recipe *r,
                                  const struct qn_yaml *node,
                                  struct qn_override *override)
{
    static const char *const keys[] = {"op", "name", "value", NULL};
    const char **fields[] = {&override->op, &override->name, &override->value};
    enum quern_code code =
        qn_yaml_check_keys(r->context, node, keys, "a match");
    if (code == QUERN_OK && node->count == 0) {
        code = qn_yaml_fail(r->context, node,
                            "an empty match, need op, name or value");
    }
    for (size_t i = 0; code == QUERN_OK && keys[i] != NULL; i++) {
        const struct qn_yaml *child = qn_yaml_get(node, keys[i]);
        if (child != NULL) {
            code = qn_yaml_text(r->context, child, fields[i]);
        }
    }
    if (code == QUERN_OK && override->value != NULL && node->count > 1) {
        code = qn_yaml_fail(r->context, node,
                            "'value' beside op or name: an override is for "
                            "nodes or for values");
    }
    return code;
}

static enum quern_code read_dtype(struct quern_recipe *r,
                                  const struct qn_yaml *node,
                                  enum quern_dtype *out_dtype)
{
    /* The types of quern_quant_options, and those kept in float. */
    static const char *const names[] = {
        "int8",    "uint8",    "int16",        "uint16",     "int4", "uint4",
        "float16", "bfloat16", "float8e4m3fn", "float8e5m2", NULL};
    int choice = 0;
    enum quern_code code = qn_yaml_choice(r->context, node, names, &choice);
    if (code == QUERN_OK) {
        *out_dtype = quern_dtype_of_name(names[choice]);
    }
    return code;
}

static enum quern_code read_setting(struct quern_recipe *r,
                                    const struct qn_yaml *node,
                                    struct qn_override_settings *settings)
{
    if (strcmp(node->key, "quantize") == 0) {
        settings->fields |= QN_OVERRIDE_QUANTIZE;
        return qn_yaml_bool(r->context, node, &settings->quantize);
    }
    if (strcmp(node->key, "activations") == 0) {
        settings->fields |= QN_OVERRIDE_ACTIVATIONS;
        return read_dtype(r, node, &settings->activations);
    }
    if (strcmp(node->key, "weights") == 0) {
        settings->fields |= QN_OVERRIDE_WEIGHTS;
        return read_dtype(r, node, &settings->weights);
    }
    if (strcmp(node->key, "per-tensor") == 0) {
        settings->fields |= QN_OVERRIDE_PER_TENSOR;
        return qn_yaml_bool(r->context, node, &settings->per_tensor);
    }
    return QUERN_OK; /* match */
}

static enum quern_code read_override(struct quern_recipe *r,
                                     const struct qn_yaml *node,
                                     struct qn_override *override)
{
    static const char *const keys[] = {"match",   "quantize",   "activations",
                                       "weights", "per-tensor", NULL};
    const struct qn_yaml *match = NULL;
    override->place = qn_yaml_place(node);
    enum quern_code code =
        qn_yaml_check_keys(r->context, node, keys, "an override");
    if (code == QUERN_OK) {
        code = qn_yaml_need(r->context, node, "match", &match);
    }
    if (code == QUERN_OK) {
        code = read_match(r, match, override);
    }
    if (code == QUERN_OK && node->count == 1) {
        code = qn_yaml_fail(r->context, node,
                            "an override that sets nothing, need quantize, "
                            "activations, weights or per-tensor");
    }
    const struct qn_yaml *child = code == QUERN_OK ? node->first : NULL;
    for (; child != NULL && code == QUERN_OK; child = child->next) {
        code = read_setting(r, child, &override->settings);
    }
    return code;
}

static enum quern_code read_overrides(struct quern_recipe *r,
                                      const struct qn_yaml *node)
{
    enum quern_code code = qn_yaml_expect(r->context, node, QN_YAML_SEQUENCE);
    if (code != QUERN_OK) {
        return code;
    }
    r->overrides =
        qn_arena_alloc_n(&r->arena, node->count, sizeof *r->overrides);
    if (r->overrides == NULL) {
        return qn_no_memory(r->context);
    }
    const struct qn_yaml *child = node->first;
    for (; child != NULL && code == QUERN_OK; child = child->next) {
        code = read_override(r, child, &r->overrides[r->n_overrides++]);
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
        code = read_overrides(r, node);
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

/* ---------------------------------------------------------------- adding */

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

/* ---------------------------------------------------- rules against steps */

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
        if (!is_run[i]) {
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
