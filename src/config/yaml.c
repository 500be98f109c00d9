/* Reading YAML: libyaml gives events, we refuse what we do not want and keep
 * the rest as a tree. Getters are in yaml_get.c, printing in yaml_print.c. */
#include "config/yaml.h"

#include "base/file.h"
#include "base/map.h"

#include <string.h>
#include <yaml.h>

/* One mapping or sequence that is being filled. */
struct level {
    struct qn_yaml *node;
    struct qn_yaml *tail; /* its last child */
    struct qn_map keys;   /* of a mapping, to notice duplicates */
    const char *key;      /* read, its value not yet; NULL: none */
    int key_line, key_column;
};

struct reader {
    struct quern_context *context;
    const char *file;
    struct qn_arena *arena;
    yaml_parser_t parser;
    struct level levels[QN_YAML_MAX_DEPTH];
    int depth; /* levels in use */
    int n_documents;
    size_t n_nodes;
    struct qn_yaml *root;
};

/* libyaml counts from 0. Texts are at most 1 MiB, so that int is enough. */
static struct quern_place place_of(const char *file, size_t line, size_t column)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.stage = "read";
    place.file = file;
    place.line = (int)line + 1;
    place.column = (int)column + 1;
    return place;
}

static enum quern_code refuse(const struct reader *r, const yaml_mark_t *mark,
                              const char *text)
{
    struct quern_place place = place_of(r->file, mark->line, mark->column);
    return quern_fail(r->context, QUERN_INVALID_ARGUMENT, &place, "%s", text);
}

static enum quern_code over_limit(const struct reader *r,
                                  const yaml_mark_t *mark, const char *text)
{
    struct quern_place place = place_of(r->file, mark->line, mark->column);
    return quern_fail(r->context, QUERN_LIMIT, &place, "%s", text);
}

struct qn_yaml *qn_yaml_new(struct qn_arena *arena, enum qn_yaml_kind kind,
                            const char *file, int line, int column)
{
    struct qn_yaml *node = qn_arena_alloc(arena, sizeof *node);
    if (node != NULL) {
        node->kind = kind;
        node->file = file;
        node->line = line;
        node->column = column;
    }
    return node;
}

void qn_yaml_append(struct qn_yaml *parent, struct qn_yaml **tail,
                    struct qn_yaml *child)
{
    if (*tail == NULL) {
        parent->first = child;
    } else {
        (*tail)->next = child;
    }
    *tail = child;
    parent->count++;
}

/* Put a finished node where it belongs: root, sequence, or under a key. */
static void place_node(struct reader *r, struct qn_yaml *node)
{
    if (r->depth == 0) {
        r->root = node;
        return;
    }
    struct level *level = &r->levels[r->depth - 1];
    node->key = level->key;
    node->key_line = level->key_line;
    node->key_column = level->key_column;
    level->key = NULL;
    qn_yaml_append(level->node, &level->tail, node);
}

static bool expects_key(const struct reader *r)
{
    return r->depth > 0 &&
           r->levels[r->depth - 1].node->kind == QN_YAML_MAPPING &&
           r->levels[r->depth - 1].key == NULL;
}

/* NULL: *out_code says why. */
static struct qn_yaml *new_node(struct reader *r, enum qn_yaml_kind kind,
                                const yaml_mark_t *mark,
                                enum quern_code *out_code)
{
    if (++r->n_nodes > QN_YAML_MAX_NODES) {
        *out_code =
            over_limit(r, mark, "more than 65536 keys, values and lists");
        return NULL;
    }
    struct qn_yaml *node = qn_yaml_new(
        r->arena, kind, r->file, (int)mark->line + 1, (int)mark->column + 1);
    *out_code = node != NULL ? QUERN_OK : qn_no_memory(r->context);
    return node;
}

static enum quern_code check_bare(struct reader *r, const yaml_char_t *anchor,
                                  const yaml_char_t *tag,
                                  const yaml_mark_t *mark)
{
    if (anchor != NULL) {
        return refuse(r, mark, "anchors (&name) are not taken: write it out");
    }
    if (tag != NULL) {
        return refuse(r, mark, "tags (!name) are not taken");
    }
    return QUERN_OK;
}

static enum quern_code take_key(struct reader *r, const yaml_event_t *event)
{
    struct level *level = &r->levels[r->depth - 1];
    const char *text = (const char *)event->data.scalar.value;
    if (*text == '\0') {
        return refuse(r, &event->start_mark, "empty key, need a name");
    }
    const char *key = qn_arena_strdup(r->arena, text);
    if (key == NULL) {
        return qn_no_memory(r->context);
    }
    if (qn_map_get(&level->keys, key) != NULL) {
        struct quern_place place =
            place_of(r->file, event->start_mark.line, event->start_mark.column);
        return quern_fail(r->context, QUERN_INVALID_ARGUMENT, &place,
                          "key '%s' stands here a second time", key);
    }
    if (!qn_map_set(&level->keys, key, level->node)) {
        return qn_no_memory(r->context);
    }
    level->key = key;
    level->key_line = (int)event->start_mark.line + 1;
    level->key_column = (int)event->start_mark.column + 1;
    return QUERN_OK;
}

static bool is_null(const char *text)
{
    return *text == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}

static enum quern_code take_scalar(struct reader *r, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    enum quern_code code =
        check_bare(r, event->data.scalar.anchor, event->data.scalar.tag,
                   &event->start_mark);
    if (code == QUERN_OK && strlen(text) != event->data.scalar.length) {
        code = refuse(r, &event->start_mark, "NUL character in a text");
    }
    if (code != QUERN_OK || expects_key(r)) {
        return code != QUERN_OK ? code : take_key(r, event);
    }
    bool is_quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    bool holds_nothing = !is_quoted && is_null(text);
    struct qn_yaml *node =
        new_node(r, holds_nothing ? QN_YAML_NULL : QN_YAML_SCALAR,
                 &event->start_mark, &code);
    if (node == NULL) {
        return code;
    }
    if (!holds_nothing) {
        node->is_quoted = is_quoted;
        node->text = qn_arena_strdup(r->arena, text);
        code = node->text != NULL ? QUERN_OK : qn_no_memory(r->context);
    }
    if (code == QUERN_OK) {
        place_node(r, node);
    }
    return code;
}

static enum quern_code open_level(struct reader *r, enum qn_yaml_kind kind,
                                  const yaml_mark_t *mark)
{
    if (expects_key(r)) {
        return refuse(r, mark, "a list or mapping as key, need a name");
    }
    if (r->depth == QN_YAML_MAX_DEPTH) {
        return over_limit(r, mark, "nested deeper than 32 levels");
    }
    enum quern_code code = QUERN_OK;
    struct qn_yaml *node = new_node(r, kind, mark, &code);
    if (node != NULL) {
        place_node(r, node);
        r->levels[r->depth++] = (struct level){.node = node};
    }
    return code;
}

static void close_level(struct reader *r)
{
    qn_map_finish(&r->levels[--r->depth].keys);
}

static enum quern_code start_document(struct reader *r,
                                      const yaml_event_t *event)
{
    if (++r->n_documents > 1) {
        return refuse(r, &event->start_mark,
                      "a second document starts here, need one");
    }
    if (event->data.document_start.version_directive != NULL ||
        event->data.document_start.tag_directives.start !=
            event->data.document_start.tag_directives.end) {
        return refuse(r, &event->start_mark,
                      "directives (%YAML, %TAG) are not taken");
    }
    return QUERN_OK;
}

static enum quern_code take_event(struct reader *r, const yaml_event_t *event)
{
    enum quern_code code = QUERN_OK;
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return start_document(r, event);
    case YAML_ALIAS_EVENT:
        return refuse(r, &event->start_mark,
                      "aliases (*name) are not taken: write it out");
    case YAML_SCALAR_EVENT:
        return take_scalar(r, event);
    case YAML_SEQUENCE_START_EVENT:
        code = check_bare(r, event->data.sequence_start.anchor,
                          event->data.sequence_start.tag, &event->start_mark);
        return code != QUERN_OK
                   ? code
                   : open_level(r, QN_YAML_SEQUENCE, &event->start_mark);
    case YAML_MAPPING_START_EVENT:
        code = check_bare(r, event->data.mapping_start.anchor,
                          event->data.mapping_start.tag, &event->start_mark);
        return code != QUERN_OK
                   ? code
                   : open_level(r, QN_YAML_MAPPING, &event->start_mark);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        close_level(r);
        return QUERN_OK;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        return QUERN_OK;
    }
    return QUERN_OK;
}

/* Line and column of a byte, both from 0; columns count characters. */
static yaml_mark_t mark_of_offset(const unsigned char *text, size_t offset)
{
    yaml_mark_t mark = {.index = offset};
    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            mark.line++;
            mark.column = 0;
        } else if ((text[i] & 0xc0) != 0x80) {
            mark.column++;
        }
    }
    return mark;
}

/* What libyaml did not like. */
static enum quern_code syntax_error(struct reader *r, const void *text,
                                    size_t size)
{
    const yaml_parser_t *p = &r->parser;
    if (p->error == YAML_MEMORY_ERROR) {
        return qn_no_memory(r->context);
    }
    yaml_mark_t mark = p->problem_mark;
    if (p->error == YAML_READER_ERROR) {
        size_t offset = p->problem_offset < size ? p->problem_offset : size;
        mark = mark_of_offset(text, offset);
    }
    struct quern_place place = place_of(r->file, mark.line, mark.column);
    const char *problem = p->problem != NULL ? p->problem : "no valid YAML";
    if (p->context == NULL) {
        return quern_fail(r->context, QUERN_INVALID_ARGUMENT, &place,
                          "not YAML: %s", problem);
    }
    return quern_fail(r->context, QUERN_INVALID_ARGUMENT, &place,
                      "not YAML: %s, %s (from line %zu)", problem, p->context,
                      p->context_mark.line + 1);
}

static enum quern_code run_parser(struct reader *r, const void *text,
                                  size_t size)
{
    enum quern_code code = QUERN_OK;
    bool is_done = false;
    while (code == QUERN_OK && !is_done) {
        yaml_event_t event;
        if (yaml_parser_parse(&r->parser, &event) == 0) {
            return syntax_error(r, text, size);
        }
        is_done = event.type == YAML_STREAM_END_EVENT;
        code = take_event(r, &event);
        yaml_event_delete(&event);
    }
    return code;
}

/* Limits and characters that libyaml would let pass. */
static enum quern_code check_text(struct reader *r, const unsigned char *text,
                                  size_t size)
{
    yaml_mark_t start = {0};
    if (size > QN_YAML_MAX_SIZE) {
        struct quern_place place = QUERN_PLACE_NONE;
        place.stage = "read";
        place.file = r->file;
        return quern_fail(r->context, QUERN_LIMIT, &place,
                          "%zu bytes, at most %d are taken", size,
                          (int)QN_YAML_MAX_SIZE);
    }
    const unsigned char *tab = size > 0 ? memchr(text, '\t', size) : NULL;
    if (tab != NULL) {
        yaml_mark_t mark = mark_of_offset(text, (size_t)(tab - text));
        return refuse(r, &mark, "tab: use spaces (in double quotes, \\t)");
    }
    const unsigned char *nul = size > 0 ? memchr(text, '\0', size) : NULL;
    if (nul != NULL) {
        yaml_mark_t mark = mark_of_offset(text, (size_t)(nul - text));
        return refuse(r, &mark, "NUL character");
    }
    return size > 0 ? QUERN_OK : refuse(r, &start, "the file is empty");
}

enum quern_code qn_yaml_read(struct quern_context *context, const char *file,
                             const void *text, size_t size,
                             struct qn_arena *arena, struct qn_yaml **out_root)
{
    struct reader *r = qn_calloc(sizeof *r);
    if (r == NULL) {
        return qn_no_memory(context);
    }
    r->context = context;
    r->arena = arena;
    r->file = qn_arena_strdup(arena, file != NULL ? file : "(text)");
    enum quern_code code =
        r->file != NULL ? check_text(r, text, size) : qn_no_memory(context);
    if (code == QUERN_OK && yaml_parser_initialize(&r->parser) == 0) {
        code = qn_no_memory(context);
    } else if (code == QUERN_OK) {
        yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&r->parser, text, size);
        code = run_parser(r, text, size);
        yaml_parser_delete(&r->parser);
    }
    while (r->depth > 0) {
        close_level(r);
    }
    if (code == QUERN_OK && r->root == NULL) {
        yaml_mark_t start = {0};
        code = refuse(r, &start, "nothing but comments");
    }
    if (code == QUERN_OK) {
        *out_root = r->root;
    }
    qn_free(r);
    return code;
}

enum quern_code qn_yaml_open(struct quern_context *context, const char *path,
                             struct qn_arena *arena, struct qn_yaml **out_root)
{
    struct qn_buf *buf = NULL;
    enum quern_code code = qn_file_map(context, path, &buf);
    if (code == QUERN_OK) {
        code =
            qn_yaml_read(context, path, buf->data, buf->size, arena, out_root);
        qn_buf_release(buf);
    }
    return code;
}
