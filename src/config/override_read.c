/* Reading the overrides of a recipe. Questions to them are in override.c. */
#include "config/recipe.h"

#include <string.h>

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

enum quern_code qn_overrides_read(struct quern_recipe *r,
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
