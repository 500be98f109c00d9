/* Filling a params struct from its option table. Descriptions and help are in
 * option_help.c, pipelines as text in parse_kv.c. */
#include "config/option.h"

#include "base/map.h"
#include "config/parse_kv.h"

#include <float.h>
#include <stdalign.h>
#include <string.h>

/* What a row's type takes up in the params struct. */
static bool layout_of(enum quern_option_type type, size_t *out_size,
                      size_t *out_alignment)
{
    switch (type) {
    case QUERN_OPTION_BOOL:
        *out_size = sizeof(bool);
        *out_alignment = alignof(bool);
        return true;
    case QUERN_OPTION_INT:
        *out_size = sizeof(int64_t);
        *out_alignment = alignof(int64_t);
        return true;
    case QUERN_OPTION_FLOAT:
        *out_size = sizeof(double);
        *out_alignment = alignof(double);
        return true;
    case QUERN_OPTION_ENUM:
        *out_size = sizeof(int);
        *out_alignment = alignof(int);
        return true;
    case QUERN_OPTION_STRING:
        *out_size = sizeof(const char *);
        *out_alignment = alignof(const char *);
        return true;
    case QUERN_OPTION_STRINGS:
        *out_size = sizeof(struct quern_strings);
        *out_alignment = alignof(struct quern_strings);
        return true;
    }
    return false;
}

static bool is_bounded(const struct quern_option *row)
{
    return row->minimum < 0.0 || row->minimum > 0.0 || row->maximum < 0.0 ||
           row->maximum > 0.0;
}

static bool is_good_name(const char *name)
{
    return *name != '\0' && name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
                                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                              "0123456789-_")] == '\0';
}

static bool has_good_choices(const struct quern_option *row)
{
    if (row->choices == NULL || row->choices[0] == NULL) {
        return false;
    }
    for (const char *const *a = row->choices; *a != NULL; a++) {
        for (const char *const *b = a + 1; *b != NULL; b++) {
            if (strcmp(*a, *b) == 0) {
                return false;
            }
        }
    }
    return true;
}

/* Does the value at `field` keep the bounds of its row? */
static bool keeps_bounds(const struct quern_option *row, const void *field)
{
    if (row->type == QUERN_OPTION_ENUM) {
        int value = 0;
        memcpy(&value, field, sizeof value);
        int n = 0;
        while (row->choices[n] != NULL) {
            n++;
        }
        return value >= 0 && value < n;
    }
    double value = 0.0;
    if (row->type == QUERN_OPTION_INT) {
        int64_t number = 0;
        memcpy(&number, field, sizeof number);
        value = (double)number;
    } else if (row->type == QUERN_OPTION_FLOAT) {
        memcpy(&value, field, sizeof value);
    } else {
        return true;
    }
    return !is_bounded(row) || (value >= row->minimum && value <= row->maximum);
}

/* An earlier row with the same name, or whose field shares bytes with that of
 * `row`; NULL: none. Rows before `row` are known to be good. */
static const struct quern_option *rival_of(const struct quern_option *table,
                                           const struct quern_option *row,
                                           size_t size)
{
    for (const struct quern_option *other = table; other < row; other++) {
        size_t its_size = 0, alignment = 1;
        (void)layout_of(other->type, &its_size, &alignment);
        if (strcmp(other->name, row->name) == 0 ||
            (other->offset < row->offset + size &&
             row->offset < other->offset + its_size)) {
            return other;
        }
    }
    return NULL;
}

/* What is wrong with a row, or NULL. */
static const char *fault_of(const struct quern_option *table,
                            const struct quern_option *row,
                            const void *params_default, size_t params_size,
                            const struct quern_option **out_rival)
{
    static const unsigned char zeros[sizeof(struct quern_strings)];
    size_t size = 0, alignment = 1;
    if (!is_good_name(row->name)) {
        return "its name must be letters, digits and dashes";
    }
    if (!layout_of(row->type, &size, &alignment)) {
        return "unknown type";
    }
    if (row->offset > params_size || size > params_size - row->offset ||
        row->offset % alignment != 0) {
        return "its offset lies outside of the params struct";
    }
    if (row->type == QUERN_OPTION_ENUM && !has_good_choices(row)) {
        return "no choices, or one twice";
    }
    if (!(row->minimum <= row->maximum)) {
        return "its minimum is above its maximum";
    }
    *out_rival = rival_of(table, row, size);
    if (*out_rival != NULL) {
        bool is_twin = strcmp((*out_rival)->name, row->name) == 0;
        return is_twin ? "its name occurs twice"
                       : "its field overlaps that of another row";
    }
    const void *field = params_default != NULL
                            ? (const char *)params_default + row->offset
                            : (const void *)zeros;
    return keeps_bounds(row, field) ? NULL : "its default is out of range";
}

enum quern_code qn_options_check(struct quern_context *context,
                                 const char *owner,
                                 const struct quern_option *table,
                                 const void *params_default, size_t params_size)
{
    const struct quern_option *row = table;
    for (; row != NULL && row->name != NULL; row++) {
        const struct quern_option *rival = NULL;
        const char *fault =
            fault_of(table, row, params_default, params_size, &rival);
        if (fault != NULL) {
            return quern_fail(context, QUERN_INTERNAL, NULL,
                              "%s: row '%s' of its options: %s%s%s%s", owner,
                              row->name, fault, rival != NULL ? " ('" : "",
                              rival != NULL ? rival->name : "",
                              rival != NULL ? "')" : "");
        }
    }
    return QUERN_OK;
}

enum quern_code
qn_options_create(struct quern_context *context, const char *owner,
                  const struct quern_option *table, const void *params_default,
                  size_t params_size, struct qn_arena *arena, void **out_params)
{
    enum quern_code code =
        qn_options_check(context, owner, table, params_default, params_size);
    if (code != QUERN_OK) {
        return code;
    }
    void *params = qn_arena_alloc(arena, params_size);
    if (params == NULL) {
        return qn_no_memory(context);
    }
    if (params_default != NULL && params_size > 0) {
        memcpy(params, params_default, params_size);
    }
    *out_params = params;
    return QUERN_OK;
}

const struct quern_option *qn_options_find(const struct quern_option *table,
                                           const char *name)
{
    const struct quern_option *row = table;
    while (row != NULL && row->name != NULL && strcmp(row->name, name) != 0) {
        row++;
    }
    return row != NULL && row->name != NULL ? row : NULL;
}

/* --------------------------------------------------------------- setting */

static enum quern_code read_int(struct quern_context *context,
                                const struct quern_option *row,
                                const struct qn_yaml *node, int64_t *out_value)
{
    int64_t minimum = INT64_MIN, maximum = INT64_MAX;
    if (is_bounded(row)) { /* 2^63 itself is no int64_t */
        minimum = row->minimum > -0x1p63 ? (int64_t)row->minimum : minimum;
        maximum = row->maximum < 0x1p63 ? (int64_t)row->maximum : maximum;
    }
    return qn_yaml_int(context, node, minimum, maximum, out_value);
}

static enum quern_code read_float(struct quern_context *context,
                                  const struct quern_option *row,
                                  const struct qn_yaml *node, double *out_value)
{
    double minimum = is_bounded(row) ? row->minimum : -DBL_MAX;
    double maximum = is_bounded(row) ? row->maximum : DBL_MAX;
    return qn_yaml_float(context, node, minimum, maximum, out_value);
}

/* Strings are copied: the arena may outlive the text that was parsed. */
static enum quern_code read_string(struct quern_context *context,
                                   const struct qn_yaml *node,
                                   struct qn_arena *arena,
                                   const char **out_value)
{
    const char *text = NULL;
    enum quern_code code = QUERN_OK;
    if (node->kind == QN_YAML_SCALAR && node->text[0] == '\0') {
        text = ""; /* in quotes: meant so */
    } else {
        code = qn_yaml_text(context, node, &text);
    }
    if (code == QUERN_OK) {
        const char *copy = qn_arena_strdup(arena, text);
        if (copy == NULL) {
            return qn_no_memory(context);
        }
        *out_value = copy;
    }
    return code;
}

static enum quern_code read_strings(struct quern_context *context,
                                    const struct qn_yaml *node,
                                    struct qn_arena *arena,
                                    struct quern_strings *out_value)
{
    struct quern_strings read = {0};
    enum quern_code code = qn_yaml_strings(context, node, arena, &read);
    if (code != QUERN_OK) {
        return code;
    }
    const char **items = qn_arena_alloc_n(arena, read.count, sizeof *items);
    if (items == NULL) {
        return qn_no_memory(context);
    }
    for (size_t i = 0; i < read.count; i++) {
        items[i] = qn_arena_strdup(arena, read.items[i]);
        if (items[i] == NULL) {
            return qn_no_memory(context);
        }
    }
    *out_value = (struct quern_strings){items, read.count};
    return QUERN_OK;
}

static enum quern_code set_row(struct quern_context *context,
                               const struct quern_option *row,
                               const struct qn_yaml *node,
                               struct qn_arena *arena, void *params)
{
    /* qn_options_check() saw that the offset is aligned for the type. */
    void *field = (char *)params + row->offset;
    switch (row->type) {
    case QUERN_OPTION_BOOL:
        return qn_yaml_bool(context, node, field);
    case QUERN_OPTION_INT:
        return read_int(context, row, node, field);
    case QUERN_OPTION_FLOAT:
        return read_float(context, row, node, field);
    case QUERN_OPTION_ENUM:
        return qn_yaml_choice(context, node, row->choices, field);
    case QUERN_OPTION_STRING:
        return read_string(context, node, arena, field);
    case QUERN_OPTION_STRINGS:
        return read_strings(context, node, arena, field);
    }
    return quern_fail(context, QUERN_INTERNAL, NULL,
                      "option '%s' has type %d, which is none", row->name,
                      (int)row->type);
}

static enum quern_code unknown(struct quern_context *context, const char *owner,
                               const struct quern_option *table,
                               const struct quern_place *place,
                               const char *name, struct qn_arena *arena)
{
    size_t n = 0;
    while (table != NULL && table[n].name != NULL) {
        n++;
    }
    if (n == 0) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, place,
                          "%s has no option '%s', it takes none", owner, name);
    }
    const char **names = qn_arena_alloc_n(arena, n + 1, sizeof *names);
    if (names == NULL) {
        return qn_no_memory(context);
    }
    for (size_t i = 0; i < n; i++) {
        names[i] = table[i].name;
    }
    const char *near = qn_nearest_name(name, names);
    if (near != NULL) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, place,
                          "%s has no option '%s', did you mean '%s'", owner,
                          name, near);
    }
    const char *list = names[0];
    for (size_t i = 1; i < n && list != NULL; i++) {
        list = qn_arena_printf(arena, "%s, %s", list, names[i]);
    }
    return list == NULL ? qn_no_memory(context)
                        : quern_fail(context, QUERN_INVALID_ARGUMENT, place,
                                     "%s has no option '%s', it takes %s",
                                     owner, name, list);
}

enum quern_code qn_options_fill(struct quern_context *context,
                                const char *owner,
                                const struct quern_option *table,
                                const struct qn_yaml *node,
                                struct qn_arena *arena, void *params)
{
    if (node == NULL || node->kind == QN_YAML_NULL) {
        return QUERN_OK;
    }
    if (node->kind != QN_YAML_MAPPING) {
        if (table == NULL || table[0].name == NULL) {
            return qn_yaml_fail(context, node, "%s takes no options", owner);
        }
        return set_row(context, table, node, arena, params);
    }
    enum quern_code code = QUERN_OK;
    const struct qn_yaml *child = node->first;
    for (; child != NULL && code == QUERN_OK; child = child->next) {
        const struct quern_option *row = qn_options_find(table, child->key);
        struct quern_place place = qn_yaml_key_place(child);
        code = row != NULL
                   ? set_row(context, row, child, arena, params)
                   : unknown(context, owner, table, &place, child->key, arena);
    }
    return code;
}

enum quern_code qn_options_set(struct quern_context *context, const char *owner,
                               const struct quern_option *table,
                               const char *file, const char *name,
                               const char *value, struct qn_arena *arena,
                               void *params)
{
    const struct quern_option *row = qn_options_find(table, name);
    if (row == NULL) {
        struct quern_place place = QUERN_PLACE_NONE;
        place.file = file;
        return unknown(context, owner, table, &place, name, arena);
    }
    struct qn_yaml *node = NULL;
    if (row->type == QUERN_OPTION_STRINGS && *value == '[') {
        enum quern_code code =
            qn_kv_list_parse(context, file, value, arena, &node);
        if (code != QUERN_OK) {
            return code;
        }
    } else {
        node = qn_yaml_new(arena, QN_YAML_SCALAR, file, -1, -1);
        if (node == NULL) {
            return qn_no_memory(context);
        }
        node->text = value;
    }
    node->key = name;
    return set_row(context, row, node, arena, params);
}
