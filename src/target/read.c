/* From YAML to struct quern_target. The keys are told in README.md. */
#include "target/read.h"

#include "base/file.h"
#include "base/map.h"
#include "target/profiles.h"

#include <string.h>

enum { FORMAT = 1, DEEPEST = 4 };

static enum quern_code read_profile(struct quern_context *context,
                                    const struct qn_yaml *root, int depth,
                                    struct qn_target *t);

/* ---------------------------------------------------------------- pieces */

/* A copy of a text that outlives the tree. */
static enum quern_code read_text(struct quern_context *context,
                                 const struct qn_yaml *mapping, const char *key,
                                 struct qn_arena *arena, const char **out)
{
    const struct qn_yaml *node = qn_yaml_get(mapping, key);
    const char *text = NULL;
    if (node == NULL) {
        return QUERN_OK;
    }
    enum quern_code code = qn_yaml_text(context, node, &text);
    if (code != QUERN_OK) {
        return code;
    }
    text = qn_arena_strdup(arena, text);
    if (text == NULL) {
        return qn_no_memory(context);
    }
    *out = text;
    return QUERN_OK;
}

static enum quern_code read_flag(struct quern_context *context,
                                 const struct qn_yaml *mapping, const char *key,
                                 bool *out)
{
    const struct qn_yaml *node = qn_yaml_get(mapping, key);
    return node != NULL ? qn_yaml_bool(context, node, out) : QUERN_OK;
}

static enum quern_code read_word(struct quern_context *context,
                                 const struct qn_yaml *mapping, const char *key,
                                 const char *const *words, int *out)
{
    const struct qn_yaml *node = qn_yaml_get(mapping, key);
    return node != NULL ? qn_yaml_choice(context, node, words, out) : QUERN_OK;
}

/* --------------------------------------------------------------- numbers */

static enum quern_code read_types(struct quern_context *context,
                                  const struct qn_yaml *node,
                                  struct qn_arena *arena,
                                  struct quern_target_numbers *out)
{
    static const char *const known[] = {"int8",         "uint8", "int16",
                                        "uint16",       "int4",  "uint4",
                                        "float8e4m3fn", NULL};
    bool is_list = node->kind == QN_YAML_SEQUENCE;
    size_t n = is_list ? node->count : 1;
    const struct qn_yaml *item = is_list ? node->first : node;
    enum quern_dtype *types = qn_arena_alloc_n(arena, n + 1, sizeof *types);
    enum quern_code code = QUERN_OK;
    if (n == 0) {
        return qn_yaml_fail(context, node, "no type given, needs one or more");
    }
    if (types == NULL) {
        return qn_no_memory(context);
    }
    for (size_t i = 0; i < n && code == QUERN_OK; i++, item = item->next) {
        int word = 0;
        code = qn_yaml_choice(context, item, known, &word);
        types[i] = quern_dtype_of_name(known[word]);
    }
    out->types = types;
    out->n_types = n;
    return code;
}

static enum quern_code read_numbers(struct quern_context *context,
                                    const struct qn_yaml *root, const char *key,
                                    struct qn_arena *arena,
                                    struct quern_target_numbers *out)
{
    static const char *const keys[] = {"types", "symmetric", "narrow",
                                       "granularity", NULL};
    static const char *const granularities[] = {"tensor", "channel", NULL};
    const struct qn_yaml *node = qn_yaml_get(root, key);
    int granularity = out->per_channel ? 1 : 0;
    if (node == NULL) {
        return QUERN_OK;
    }
    enum quern_code code = qn_yaml_check_keys(context, node, keys, key);
    const struct qn_yaml *types = qn_yaml_get(node, "types");
    if (code == QUERN_OK && types != NULL) {
        code = read_types(context, types, arena, out);
    }
    if (code == QUERN_OK) {
        code = read_flag(context, node, "symmetric", &out->symmetric);
    }
    if (code == QUERN_OK) {
        code = read_flag(context, node, "narrow", &out->narrow);
    }
    if (code == QUERN_OK) {
        code = read_word(context, node, "granularity", granularities,
                         &granularity);
    }
    out->per_channel = granularity == 1;
    return code;
}

/* ------------------------------------------------------------- the whole */

static enum quern_code read_opset(struct quern_context *context,
                                  const struct qn_yaml *root,
                                  struct quern_target *t)
{
    static const char *const keys[] = {"minimum", "maximum", NULL};
    const struct qn_yaml *node = qn_yaml_get(root, "opset");
    if (node == NULL) {
        return QUERN_OK;
    }
    enum quern_code code = qn_yaml_check_keys(context, node, keys, "opset");
    const struct qn_yaml *low = qn_yaml_get(node, "minimum");
    const struct qn_yaml *high = qn_yaml_get(node, "maximum");
    if (code == QUERN_OK && low != NULL) {
        code = qn_yaml_int(context, low, 1, 1000, &t->opset_minimum);
    }
    if (code == QUERN_OK && high != NULL) {
        code = qn_yaml_int(context, high, 1, 1000, &t->opset_maximum);
    }
    if (code == QUERN_OK && t->opset_minimum > t->opset_maximum) {
        return qn_yaml_fail(context, node, "minimum %lld is above maximum %lld",
                            (long long)t->opset_minimum,
                            (long long)t->opset_maximum);
    }
    return code;
}

static enum quern_code read_placement(struct quern_context *context,
                                      const struct qn_yaml *root,
                                      struct quern_target *t)
{
    static const char *const keys[] = {"shared-pair", "clamps", "moves-pairs",
                                       "output-codes", NULL};
    const struct qn_yaml *node = qn_yaml_get(root, "placement");
    if (node == NULL) {
        return QUERN_OK;
    }
    enum quern_code code = qn_yaml_check_keys(context, node, keys, "placement");
    if (code == QUERN_OK) {
        code = read_flag(context, node, "shared-pair", &t->shared_pair);
    }
    if (code == QUERN_OK) {
        code = read_flag(context, node, "clamps", &t->clamps);
    }
    if (code == QUERN_OK) {
        code = read_flag(context, node, "moves-pairs", &t->moves_pairs);
    }
    return code == QUERN_OK
               ? read_flag(context, node, "output-codes", &t->output_codes)
               : code;
}

static enum quern_code read_words(struct quern_context *context,
                                  const struct qn_yaml *root,
                                  struct quern_target *t)
{
    static const char *const shapes[] = {"any", "static", NULL};
    int bias = (int)t->bias;
    int overflow = (int)t->overflow;
    int shape = t->static_shapes ? 1 : 0;
    enum quern_code code =
        read_word(context, root, "bias", qn_target_biases, &bias);
    if (code == QUERN_OK) {
        code = read_word(context, root, "overflow", qn_target_overflows,
                         &overflow);
    }
    if (code == QUERN_OK) {
        code = read_word(context, root, "shapes", shapes, &shape);
    }
    t->bias = (enum quern_target_bias)bias;
    t->overflow = (enum quern_target_overflow)overflow;
    t->static_shapes = shape == 1;
    return code == QUERN_OK
               ? read_flag(context, root, "speed-figures", &t->speed_figures)
               : code;
}

static enum quern_code read_texts(struct quern_context *context,
                                  const struct qn_yaml *root,
                                  struct qn_target *t)
{
    struct quern_target *p = &t->target;
    const struct {
        const char *key;
        const char **out;
    } texts[] = {
        {"name", &p->name}, {"summary", &p->summary}, {"runtime", &p->runtime}};
    const struct {
        const char *key;
        struct quern_strings *out;
    } lists[] = {{"fusions", &p->fusions}, {"keep", &p->keep},
                 {"tricks", &p->tricks},   {"chains", &p->chains},
                 {"lacks", &p->lacks},     {"until", &p->until},
                 {"notes", &p->notes}};
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < 3 && code == QUERN_OK; i++) {
        code = read_text(context, root, texts[i].key, &t->arena, texts[i].out);
    }
    for (size_t i = 0; i < sizeof lists / sizeof *lists && code == QUERN_OK;
         i++) {
        code = qn_target_read_list(context, root, lists[i].key, &t->arena,
                                   lists[i].out);
    }
    return code;
}

/* `like: NAME` starts from a profile of the library. */
static enum quern_code read_like(struct quern_context *context,
                                 const struct qn_yaml *root, int depth,
                                 struct qn_target *t)
{
    const struct qn_yaml *node = qn_yaml_get(root, "like");
    struct qn_yaml *base = NULL;
    const char *name = NULL;
    const char *text = NULL;
    if (node == NULL) {
        return QUERN_OK;
    }
    if (depth == DEEPEST) {
        return qn_yaml_fail(context, node, "more than %d profiles in a chain",
                            DEEPEST);
    }
    enum quern_code code = qn_yaml_text(context, node, &name);
    if (code == QUERN_OK) {
        code = qn_target_text(context, node, name, &text);
    }
    if (code == QUERN_OK) {
        code =
            qn_yaml_read(context, name, text, strlen(text), &t->arena, &base);
    }
    return code == QUERN_OK ? read_profile(context, base, depth + 1, t) : code;
}

static enum quern_code read_profile(struct quern_context *context,
                                    const struct qn_yaml *root, int depth,
                                    struct qn_target *t)
{
    static const char *const keys[] = {
        "target",        "name",        "summary", "runtime", "like",
        "opset",         "activations", "weights", "bias",    "overflow",
        "shapes",        "placement",   "fusions", "keep",    "tricks",
        "notes",         "operators",   "chains",  "lacks",   "until",
        "speed-figures", NULL,
    };
    const struct qn_yaml *node = NULL;
    int64_t format = 0;
    enum quern_code code = qn_yaml_check_keys(context, root, keys, "a profile");
    if (code == QUERN_OK) {
        code = qn_yaml_need(context, root, "target", &node);
    }
    if (code == QUERN_OK) {
        code = qn_yaml_int(context, node, FORMAT, FORMAT, &format);
    }
    if (code == QUERN_OK) {
        code = read_like(context, root, depth, t);
    }
    if (code == QUERN_OK) {
        code = read_texts(context, root, t);
    }
    if (code == QUERN_OK) {
        code = qn_target_check_until(context, root);
    }
    if (code == QUERN_OK) {
        code = read_opset(context, root, &t->target);
    }
    if (code == QUERN_OK) {
        code = read_numbers(context, root, "activations", &t->arena,
                            &t->target.activations);
    }
    if (code == QUERN_OK) {
        code = read_numbers(context, root, "weights", &t->arena,
                            &t->target.weights);
    }
    if (code == QUERN_OK) {
        code = read_words(context, root, &t->target);
    }
    if (code == QUERN_OK) {
        code = read_placement(context, root, &t->target);
    }
    node = qn_yaml_get(root, "operators");
    return code == QUERN_OK && node != NULL
               ? qn_target_read_operators(context, node, t)
               : code;
}

/* What every profile must say, itself or by `like`. */
static enum quern_code check_whole(struct quern_context *context,
                                   const struct qn_yaml *root,
                                   const struct quern_target *t)
{
    const struct qn_yaml *node = NULL;
    const char *missing = qn_yaml_get(root, "name") == NULL ? "name"
                          : t->activations.n_types == 0     ? "activations"
                          : t->weights.n_types == 0         ? "weights"
                          : t->opset_minimum == 0           ? "opset"
                          : t->n_ops == 0                   ? "operators"
                                                            : NULL;
    if (missing != NULL) {
        return qn_yaml_need(context, root, missing, &node) == QUERN_OK
                   ? qn_yaml_fail(context, node,
                                  "'%s' leaves out what is "
                                  "needed",
                                  missing)
                   : QUERN_INVALID_ARGUMENT;
    }
    if (t->activations.per_channel) {
        return qn_yaml_fail(context, qn_yaml_get(root, "activations"),
                            "activations with one scale a channel cannot be "
                            "written, needs granularity tensor");
    }
    return QUERN_OK;
}

static enum quern_code finish(struct quern_context *context,
                              const struct qn_yaml *root, struct qn_target *t)
{
    t->target.opset_maximum = 1000;
    enum quern_code code = read_profile(context, root, 0, t);
    if (code == QUERN_OK) {
        code = qn_target_place_chains(context, root, t);
    }
    return code == QUERN_OK ? check_whole(context, root, &t->target) : code;
}

enum quern_code qn_target_read(struct quern_context *context, const char *file,
                               const char *text, size_t size,
                               struct qn_target *target)
{
    struct qn_yaml *root = NULL;
    enum quern_code code =
        qn_yaml_read(context, file, text, size, &target->arena, &root);
    return code == QUERN_OK ? finish(context, root, target) : code;
}

enum quern_code qn_target_read_file(struct quern_context *context,
                                    const char *path, struct qn_target *target)
{
    struct qn_yaml *root = NULL;
    enum quern_code code = qn_yaml_open(context, path, &target->arena, &root);
    return code == QUERN_OK ? finish(context, root, target) : code;
}

enum quern_code qn_target_text(struct quern_context *context,
                               const struct qn_yaml *node, const char *name,
                               const char **out_text)
{
    const char *names[64] = {NULL};
    for (size_t i = 0; qn_target_profiles[i].name != NULL && i < 63; i++) {
        if (strcmp(qn_target_profiles[i].name, name) == 0) {
            *out_text = qn_target_profiles[i].text;
            return QUERN_OK;
        }
        names[i] = qn_target_profiles[i].name;
    }
    struct quern_place place = QUERN_PLACE_NONE;
    if (node != NULL) {
        place = qn_yaml_place(node);
    }
    const char *near = qn_nearest_name(name, names);
    return quern_fail(context,
                      node != NULL ? QUERN_INVALID_ARGUMENT : QUERN_NOT_FOUND,
                      &place, "unknown target '%s'%s%s%s", name,
                      near != NULL ? "; did you mean '" : "",
                      near != NULL ? near : "; 'quern targets' lists them",
                      near != NULL ? "'?" : "");
}
