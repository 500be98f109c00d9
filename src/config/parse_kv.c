/* Pipelines as text on one line: `a,b{key=value,key2=[x,y]},c{…}`. The options
 * become the same trees that YAML gives, so that one filler serves both. The
 * grammar is in option.h. */
#include "config/parse_kv.h"

#include "config/option.h"

#include <stdio.h>
#include <string.h>

struct scanner {
    struct quern_context *context;
    const char *file;
    const char *text;
    const char *at;
    struct qn_arena *arena;
    const char *counted; /* a point of the text */
    int column;          /* there */
};

/* Counts from where it counted last: lists may be long. */
static int column_of(struct scanner *s, const char *at)
{
    if (at < s->counted) {
        s->counted = s->text;
        s->column = 1;
    }
    for (; s->counted < at; s->counted++) {
        s->column += ((unsigned char)*s->counted & 0xc0) != 0x80;
    }
    return s->column;
}

static enum quern_code fail_at(struct scanner *s, const char *at,
                               const char *need)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.file = s->file;
    place.line = 1;
    place.column = column_of(s, at);
    if (*at == '\0') {
        return quern_fail(s->context, QUERN_INVALID_ARGUMENT, &place,
                          "found the end of the text, need %s", need);
    }
    return quern_fail(s->context, QUERN_INVALID_ARGUMENT, &place,
                      "found '%.20s', need %s", at, need);
}

static void skip_spaces(struct scanner *s)
{
    s->at += strspn(s->at, " ");
}

/* Take one character if it stands here. */
static bool take(struct scanner *s, char c)
{
    skip_spaces(s);
    if (*s->at != c) {
        return false;
    }
    s->at++;
    return true;
}

static struct qn_yaml *new_here(struct scanner *s, enum qn_yaml_kind kind)
{
    return qn_yaml_new(s->arena, kind, s->file, 1, column_of(s, s->at));
}

/* Text in quotes: '…' raw, "…" with \" and \\. */
static enum quern_code scan_quoted(struct scanner *s, const char **out_text)
{
    char quote = *s->at;
    const char *start = s->at++;
    const char *end = s->at;
    while (*end != '\0' && *end != quote) {
        end += quote == '"' && end[0] == '\\' && end[1] != '\0' ? 2 : 1;
    }
    char *text = qn_arena_alloc(s->arena, (size_t)(end - s->at) + 1);
    size_t size = 0;
    if (text == NULL) {
        return qn_no_memory(s->context);
    }
    while (*s->at != quote) {
        if (quote == '"' && *s->at == '\\') {
            s->at++;
            if (*s->at != '"' && *s->at != '\\') {
                return fail_at(s, s->at, "\\\" or \\\\ behind a backslash");
            }
        }
        if (*s->at == '\0') {
            return fail_at(s, start, "a closing quote");
        }
        text[size++] = *s->at++;
    }
    s->at++;
    *out_text = text;
    return QUERN_OK;
}

static enum quern_code scan_word(struct scanner *s, const char *need,
                                 const char **out_text)
{
    size_t size = strcspn(s->at, " \t\n\r,{}[]'\"=");
    if (size == 0) {
        return fail_at(s, s->at, need);
    }
    const char *text = qn_arena_strndup(s->arena, s->at, size);
    if (text == NULL) {
        return qn_no_memory(s->context);
    }
    s->at += size;
    *out_text = text;
    return QUERN_OK;
}

static enum quern_code scan_scalar(struct scanner *s, const char *need,
                                   struct qn_yaml **out_node)
{
    skip_spaces(s);
    struct qn_yaml *node = new_here(s, QN_YAML_SCALAR);
    if (node == NULL) {
        return qn_no_memory(s->context);
    }
    node->is_quoted = *s->at == '\'' || *s->at == '"';
    enum quern_code code = node->is_quoted ? scan_quoted(s, &node->text)
                                           : scan_word(s, need, &node->text);
    if (code == QUERN_OK) {
        *out_node = node;
    }
    return code;
}

/* Behind the opening bracket. */
static enum quern_code scan_list(struct scanner *s, struct qn_yaml *list)
{
    struct qn_yaml *tail = NULL, *item = NULL;
    if (take(s, ']')) {
        return QUERN_OK;
    }
    do {
        enum quern_code code =
            scan_scalar(s, "a text (lists do not nest)", &item);
        if (code != QUERN_OK) {
            return code;
        }
        qn_yaml_append(list, &tail, item);
    } while (take(s, ','));
    return take(s, ']') ? QUERN_OK : fail_at(s, s->at, "',' or ']'");
}

static enum quern_code scan_value(struct scanner *s, struct qn_yaml **out_node)
{
    skip_spaces(s);
    if (*s->at != '[') {
        return scan_scalar(s, "a value", out_node);
    }
    struct qn_yaml *list = new_here(s, QN_YAML_SEQUENCE);
    if (list == NULL) {
        return qn_no_memory(s->context);
    }
    s->at++;
    enum quern_code code = scan_list(s, list);
    if (code == QUERN_OK) {
        *out_node = list;
    }
    return code;
}

/* key=value; the key was read as a scalar already. */
static enum quern_code scan_pair(struct scanner *s, const struct qn_yaml *key,
                                 struct qn_yaml *options, struct qn_yaml **tail)
{
    if (qn_yaml_get(options, key->text) != NULL) {
        return qn_yaml_fail(s->context, key,
                            "option '%s' stands here a second time", key->text);
    }
    struct qn_yaml *value = NULL;
    enum quern_code code = scan_value(s, &value);
    if (code == QUERN_OK) {
        value->key = key->text;
        value->key_line = key->line;
        value->key_column = key->column;
        qn_yaml_append(options, tail, value);
    }
    return code;
}

/* Behind the opening brace: pairs, or one value alone. */
static enum quern_code scan_options(struct scanner *s,
                                    const struct qn_yaml **out_options)
{
    struct qn_yaml *options = new_here(s, QN_YAML_MAPPING);
    struct qn_yaml *tail = NULL, *first = NULL;
    if (options == NULL) {
        return qn_no_memory(s->context);
    }
    *out_options = options;
    if (take(s, '}')) {
        return QUERN_OK;
    }
    do {
        enum quern_code code = scan_value(s, &first);
        if (code != QUERN_OK) {
            return code;
        }
        if (first->kind == QN_YAML_SCALAR && take(s, '=')) {
            code = scan_pair(s, first, options, &tail);
        } else if (options->count > 0) {
            code = fail_at(s, s->at, "'=' and a value");
        } else if (take(s, '}')) {
            *out_options = first;
            return QUERN_OK;
        } else {
            code = fail_at(s, s->at, "'=' and a value, or '}'");
        }
        if (code != QUERN_OK) {
            return code;
        }
    } while (take(s, ','));
    return take(s, '}') ? QUERN_OK : fail_at(s, s->at, "',' or '}'");
}

static enum quern_code scan_step(struct scanner *s, struct qn_step *step)
{
    skip_spaces(s);
    struct qn_yaml *node = new_here(s, QN_YAML_SCALAR);
    if (node == NULL) {
        return qn_no_memory(s->context);
    }
    enum quern_code code = scan_word(s, "the name of a step", &node->text);
    if (code == QUERN_OK) {
        step->name = node->text;
        step->node = node;
        step->options = NULL;
        code = take(s, '{') ? scan_options(s, &step->options) : QUERN_OK;
    }
    return code;
}

enum quern_code qn_pipeline_parse(struct quern_context *context,
                                  const char *file, const char *text,
                                  struct qn_arena *arena,
                                  struct qn_steps *out_steps)
{
    const char *name = file != NULL ? qn_arena_strdup(arena, file) : NULL;
    size_t room = 1; /* steps are at most one more than commas */
    for (const char *c = text; *c != '\0'; c++) {
        room += *c == ',';
    }
    struct qn_step *items = qn_arena_alloc_n(arena, room, sizeof *items);
    if (items == NULL || (file != NULL && name == NULL)) {
        return qn_no_memory(context);
    }
    struct scanner s = {context, name, text, text, arena, text, 1};
    size_t count = 0;
    skip_spaces(&s);
    enum quern_code code = QUERN_OK;
    if (*s.at != '\0') {
        do {
            code = scan_step(&s, &items[count++]);
        } while (code == QUERN_OK && take(&s, ','));
    }
    if (code == QUERN_OK && *s.at != '\0') {
        code = fail_at(&s, s.at, "',' between steps, or '{' and options");
    }
    if (code == QUERN_OK) {
        *out_steps = (struct qn_steps){items, count};
    }
    return code;
}

enum quern_code qn_kv_list_parse(struct quern_context *context,
                                 const char *file, const char *text,
                                 struct qn_arena *arena,
                                 struct qn_yaml **out_node)
{
    struct scanner s = {context, file, text, text, arena, text, 1};
    struct qn_yaml *node = NULL;
    enum quern_code code = scan_value(&s, &node);
    skip_spaces(&s);
    if (code == QUERN_OK && *s.at != '\0') {
        code = fail_at(&s, s.at, "nothing behind the list");
    }
    if (code == QUERN_OK) {
        *out_node = node;
    }
    return code;
}

/* ------------------------------------------------------- steps from YAML */

static enum quern_code step_of_node(struct quern_context *context,
                                    const struct qn_yaml *node,
                                    struct qn_step *step)
{
    if (node->kind == QN_YAML_SCALAR) {
        *step = (struct qn_step){node->text, NULL, node};
        return QUERN_OK;
    }
    if (node->kind != QN_YAML_MAPPING || node->count == 0) {
        char buffer[64];
        return qn_yaml_fail(context, node,
                            "found %s, need the name of a step, or name: "
                            "options",
                            qn_yaml_describe(node, buffer));
    }
    if (node->count > 1) { /* options that lack their indentation */
        struct quern_place place = qn_yaml_key_place(node->first->next);
        return quern_fail(context, QUERN_INVALID_ARGUMENT, &place,
                          "found key '%s' beside '%s', need one step an item "
                          "(are its options indented far enough?)",
                          node->first->next->key, node->first->key);
    }
    *step = (struct qn_step){node->first->key, node->first, node};
    return QUERN_OK;
}

enum quern_code qn_steps_of_yaml(struct quern_context *context,
                                 const struct qn_yaml *sequence,
                                 struct qn_arena *arena,
                                 struct qn_steps *out_steps)
{
    enum quern_code code = qn_yaml_expect(context, sequence, QN_YAML_SEQUENCE);
    if (code != QUERN_OK) {
        return code;
    }
    struct qn_step *items =
        qn_arena_alloc_n(arena, sequence->count, sizeof *items);
    if (items == NULL) {
        return qn_no_memory(context);
    }
    const struct qn_yaml *node = sequence->first;
    for (size_t i = 0; code == QUERN_OK && node != NULL; node = node->next) {
        code = step_of_node(context, node, &items[i++]);
    }
    if (code == QUERN_OK) {
        *out_steps = (struct qn_steps){items, sequence->count};
    }
    return code;
}
