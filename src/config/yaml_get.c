/* Reading values out of a YAML tree, with errors that say where, what was found
 * and what was needed. */
#include "base/map.h"
#include "config/yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct quern_place qn_yaml_place(const struct qn_yaml *node)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.stage = "read";
    place.file = node->file;
    place.line = node->line;
    place.column = node->column;
    return place;
}

struct quern_place qn_yaml_key_place(const struct qn_yaml *node)
{
    struct quern_place place = qn_yaml_place(node);
    if (node->key != NULL) {
        place.line = node->key_line;
        place.column = node->key_column;
    }
    return place;
}

enum quern_code qn_yaml_fail(struct quern_context *context,
                             const struct qn_yaml *node, const char *format,
                             ...)
{
    struct quern_place place = qn_yaml_place(node);
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return quern_fail(context, QUERN_INVALID_ARGUMENT, &place, "%s", text);
}

const char *qn_yaml_describe(const struct qn_yaml *node, char buffer[64])
{
    switch (node->kind) {
    case QN_YAML_NULL:
        return "nothing";
    case QN_YAML_SCALAR:
        snprintf(buffer, 64, strlen(node->text) > 40 ? "'%.40s…'" : "'%.40s'",
                 node->text);
        return buffer;
    case QN_YAML_SEQUENCE:
        return "a list";
    case QN_YAML_MAPPING:
        return "a mapping";
    }
    return "nothing";
}

/* Found this, need that; led by the key whose value it is. */
static enum quern_code mismatch(struct quern_context *context,
                                const struct qn_yaml *node, const char *need)
{
    char buffer[64];
    const char *found = qn_yaml_describe(node, buffer);
    if (node->key == NULL) {
        return qn_yaml_fail(context, node, "found %s, need %s", found, need);
    }
    return qn_yaml_fail(context, node, "'%.80s': found %s, need %s", node->key,
                        found, need);
}

const struct qn_yaml *qn_yaml_get(const struct qn_yaml *node, const char *key)
{
    if (node == NULL || node->kind != QN_YAML_MAPPING) {
        return NULL;
    }
    const struct qn_yaml *child = node->first;
    while (child != NULL && strcmp(child->key, key) != 0) {
        child = child->next;
    }
    return child;
}

enum quern_code qn_yaml_need(struct quern_context *context,
                             const struct qn_yaml *mapping, const char *key,
                             const struct qn_yaml **out_node)
{
    enum quern_code code = qn_yaml_expect(context, mapping, QN_YAML_MAPPING);
    if (code != QUERN_OK) {
        return code;
    }
    const struct qn_yaml *node = qn_yaml_get(mapping, key);
    if (node == NULL) {
        return qn_yaml_fail(context, mapping, "key '%s' is missing here", key);
    }
    *out_node = node;
    return QUERN_OK;
}

enum quern_code qn_yaml_expect(struct quern_context *context,
                               const struct qn_yaml *node,
                               enum qn_yaml_kind kind)
{
    static const char *const names[] = {"nothing", "a text", "a list",
                                        "a mapping (key: value)"};
    return node->kind == kind ? QUERN_OK : mismatch(context, node, names[kind]);
}

/* "a, b or c" as far as the buffer reaches. */
static void list_names(const char *const *names, char *buffer, size_t size)
{
    size_t used = 0;
    buffer[0] = '\0';
    for (size_t i = 0; names[i] != NULL && used < size; i++) {
        const char *separator = i == 0                 ? ""
                                : names[i + 1] == NULL ? " or "
                                                       : ", ";
        int n =
            snprintf(buffer + used, size - used, "%s%s", separator, names[i]);
        used += n > 0 ? (size_t)n : 0;
    }
}

enum quern_code qn_yaml_check_keys(struct quern_context *context,
                                   const struct qn_yaml *mapping,
                                   const char *const *keys, const char *what)
{
    enum quern_code code = qn_yaml_expect(context, mapping, QN_YAML_MAPPING);
    const struct qn_yaml *child = code == QUERN_OK ? mapping->first : NULL;
    for (; child != NULL; child = child->next) {
        const char *const *key = keys;
        while (*key != NULL && strcmp(*key, child->key) != 0) {
            key++;
        }
        if (*key == NULL) {
            break;
        }
    }
    if (child == NULL) {
        return code;
    }
    struct quern_place place = qn_yaml_key_place(child);
    const char *near = qn_nearest_name(child->key, keys);
    if (near != NULL) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, &place,
                          "unknown key '%s' in %s, did you mean '%s'",
                          child->key, what, near);
    }
    char names[300];
    list_names(keys, names, sizeof names);
    return quern_fail(context, QUERN_INVALID_ARGUMENT, &place,
                      "unknown key '%s' in %s, it takes %s", child->key, what,
                      names);
}

enum quern_code qn_yaml_text(struct quern_context *context,
                             const struct qn_yaml *node, const char **out_text)
{
    if (node->kind != QN_YAML_SCALAR || node->text[0] == '\0') {
        return mismatch(context, node, "a text");
    }
    *out_text = node->text;
    return QUERN_OK;
}

enum quern_code qn_yaml_bool(struct quern_context *context,
                             const struct qn_yaml *node, bool *out_value)
{
    const char *text = node->kind == QN_YAML_SCALAR ? node->text : "";
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
        return mismatch(context, node, "true or false");
    }
    *out_value = text[0] == 't';
    return QUERN_OK;
}

enum quern_code qn_yaml_int(struct quern_context *context,
                            const struct qn_yaml *node, int64_t minimum,
                            int64_t maximum, int64_t *out_value)
{
    int64_t value = 0;
    bool is_number =
        node->kind == QN_YAML_SCALAR && qn_text_to_int(node->text, &value);
    if (is_number && value >= minimum && value <= maximum) {
        *out_value = value;
        return QUERN_OK;
    }
    char need[96] = "a whole number";
    if (minimum > INT64_MIN && maximum < INT64_MAX) {
        snprintf(need, sizeof need, "a whole number from %lld to %lld",
                 (long long)minimum, (long long)maximum);
    } else if (minimum > INT64_MIN) {
        snprintf(need, sizeof need, "a whole number of at least %lld",
                 (long long)minimum);
    } else if (maximum < INT64_MAX) {
        snprintf(need, sizeof need, "a whole number of at most %lld",
                 (long long)maximum);
    }
    return mismatch(context, node, need);
}

enum quern_code qn_yaml_float(struct quern_context *context,
                              const struct qn_yaml *node, double minimum,
                              double maximum, double *out_value)
{
    double value = 0.0;
    bool is_number =
        node->kind == QN_YAML_SCALAR && qn_text_to_float(node->text, &value);
    if (is_number && value >= minimum && value <= maximum) {
        *out_value = value;
        return QUERN_OK;
    }
    char need[96] = "a number", low[32], high[32];
    qn_text_of_float(minimum, low);
    qn_text_of_float(maximum, high);
    bool has_minimum = minimum > -1e300, has_maximum = maximum < 1e300;
    if (has_minimum && has_maximum) {
        snprintf(need, sizeof need, "a number from %s to %s", low, high);
    } else if (has_minimum) {
        snprintf(need, sizeof need, "a number of at least %s", low);
    } else if (has_maximum) {
        snprintf(need, sizeof need, "a number of at most %s", high);
    }
    return mismatch(context, node, need);
}

enum quern_code qn_yaml_choice(struct quern_context *context,
                               const struct qn_yaml *node,
                               const char *const *names, int *out_index)
{
    const char *text = node->kind == QN_YAML_SCALAR ? node->text : "";
    for (int i = 0; names[i] != NULL; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out_index = i;
            return QUERN_OK;
        }
    }
    char need[400];
    const char *near = qn_nearest_name(text, names);
    list_names(names, need, sizeof need);
    if (near != NULL) {
        size_t used = strlen(need);
        snprintf(need + used, sizeof need - used, "; did you mean '%s'", near);
    }
    return mismatch(context, node, need);
}

enum quern_code qn_yaml_strings(struct quern_context *context,
                                const struct qn_yaml *node,
                                struct qn_arena *arena,
                                struct quern_strings *out_strings)
{
    bool is_list = node->kind == QN_YAML_SEQUENCE;
    if (!is_list && node->kind != QN_YAML_SCALAR) {
        return mismatch(context, node, "a list of texts");
    }
    size_t count = is_list ? node->count : 1;
    const char **items = qn_arena_alloc_n(arena, count, sizeof *items);
    if (items == NULL) {
        return qn_no_memory(context);
    }
    const struct qn_yaml *item = is_list ? node->first : node;
    for (size_t i = 0; i < count; i++, item = item->next) {
        enum quern_code code = qn_yaml_text(context, item, &items[i]);
        if (code != QUERN_OK) {
            return code;
        }
    }
    *out_strings = (struct quern_strings){items, count};
    return QUERN_OK;
}
