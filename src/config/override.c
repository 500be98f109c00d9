/* Overrides of a recipe: globs over operators, nodes and values. */
#include "config/recipe.h"

#include <string.h>

bool qn_glob_match(const char *glob, const char *text)
{
    const char *star = NULL; /* last '*' seen, and where its match ends */
    const char *retry = NULL;
    while (*text != '\0') {
        if (*glob == '*') {
            star = ++glob;
            retry = text;
        } else if (*glob == '?' || (*glob != '\0' && *glob == *text)) {
            glob++;
            do { /* '?' is a character, not a byte */
                text++;
            } while (glob[-1] == '?' && ((unsigned char)*text & 0xc0) == 0x80);
        } else if (star != NULL) {
            glob = star;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*glob == '*') {
        glob++;
    }
    return *glob == '\0';
}

static void merge(struct qn_override_settings *into,
                  const struct qn_override_settings *from)
{
    into->fields |= from->fields;
    if ((from->fields & QN_OVERRIDE_QUANTIZE) != 0) {
        into->quantize = from->quantize;
    }
    if ((from->fields & QN_OVERRIDE_ACTIVATIONS) != 0) {
        into->activations = from->activations;
    }
    if ((from->fields & QN_OVERRIDE_WEIGHTS) != 0) {
        into->weights = from->weights;
    }
    if ((from->fields & QN_OVERRIDE_PER_TENSOR) != 0) {
        into->per_tensor = from->per_tensor;
    }
}

static bool matches(const char *glob, const char *text)
{
    return glob == NULL || qn_glob_match(glob, text);
}

struct qn_override_settings qn_overrides_of_node(struct quern_recipe *recipe,
                                                 const char *op,
                                                 const char *name)
{
    struct qn_override_settings settings = {0};
    for (size_t i = 0; i < recipe->n_overrides; i++) {
        struct qn_override *o = &recipe->overrides[i];
        if (o->value == NULL && matches(o->op, op) && matches(o->name, name)) {
            o->has_matched = true;
            merge(&settings, &o->settings);
        }
    }
    return settings;
}

struct qn_override_settings qn_overrides_of_value(struct quern_recipe *recipe,
                                                  const char *value)
{
    struct qn_override_settings settings = {0};
    for (size_t i = 0; i < recipe->n_overrides; i++) {
        struct qn_override *o = &recipe->overrides[i];
        if (o->value != NULL && qn_glob_match(o->value, value)) {
            o->has_matched = true;
            merge(&settings, &o->settings);
        }
    }
    return settings;
}

void qn_overrides_warn_unused(const struct quern_recipe *recipe)
{
    for (size_t i = 0; i < recipe->n_overrides; i++) {
        const struct qn_override *o = &recipe->overrides[i];
        if (o->has_matched) {
            continue;
        }
        const char *what = o->value != NULL ? "value" : "node";
        const char *op = o->op != NULL ? o->op : "*";
        const char *name = o->value != NULL  ? o->value
                           : o->name != NULL ? o->name
                                             : "*";
        if (o->value != NULL) {
            quern_warn(recipe->context, &o->place,
                       "this override matched no %s: value '%s'", what, name);
        } else {
            quern_warn(recipe->context, &o->place,
                       "this override matched no %s: op '%s', name '%s'", what,
                       op, name);
        }
    }
}
