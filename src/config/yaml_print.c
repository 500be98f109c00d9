/* Printing and copying YAML trees. libyaml's emitter decides about quotes and
 * escapes, so that the reader gets the same texts back. */
#include "config/yaml.h"

#include <string.h>
#include <yaml.h>

/* Steps through a tree without recursion: where we are, and how deep. */
struct walk {
    const struct qn_yaml *path[QN_YAML_MAX_DEPTH + 1];
    int depth;
};

struct printer {
    struct quern_context *context;
    yaml_emitter_t emitter;
    int block_depth;
    struct qn_text *text;
};

static int write_text(void *user, unsigned char *bytes, size_t size)
{
    struct qn_text *text = user;
    qn_text_put(text, (const char *)bytes, size);
    return text->has_failed ? 0 : 1;
}

/* The emitter takes the event, also when it fails. */
static bool emit(struct printer *p, yaml_event_t *event)
{
    return yaml_emitter_emit(&p->emitter, event) != 0;
}

static bool emit_scalar(struct printer *p, const char *text, bool is_quoted)
{
    yaml_event_t event;
    size_t size = strlen(text);
    bool needs_quotes = is_quoted || size == 0 || strcmp(text, "~") == 0 ||
                        strcmp(text, "null") == 0;
    yaml_scalar_style_t style =
        needs_quotes ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_ANY_SCALAR_STYLE;
    /* libyaml's prototype lacks const; it copies the text. */
    return size < QN_YAML_MAX_SIZE &&
           yaml_scalar_event_initialize(&event, NULL, NULL,
                                        (yaml_char_t *)(uintptr_t)text,
                                        (int)size, 1, 1, style) != 0 &&
           emit(p, &event);
}

static bool emit_null(struct printer *p)
{
    yaml_event_t event;
    yaml_char_t tilde[] = "~";
    return yaml_scalar_event_initialize(&event, NULL, NULL, tilde, 1, 1, 1,
                                        YAML_PLAIN_SCALAR_STYLE) != 0 &&
           emit(p, &event);
}

static bool emit_open(struct printer *p, const struct qn_yaml *node, int depth)
{
    yaml_event_t event;
    bool is_block = depth < p->block_depth && node->count > 0;
    int made =
        node->kind == QN_YAML_MAPPING
            ? yaml_mapping_start_event_initialize(
                  &event, NULL, NULL, 1,
                  is_block ? YAML_BLOCK_MAPPING_STYLE : YAML_FLOW_MAPPING_STYLE)
            : yaml_sequence_start_event_initialize(
                  &event, NULL, NULL, 1,
                  is_block ? YAML_BLOCK_SEQUENCE_STYLE
                           : YAML_FLOW_SEQUENCE_STYLE);
    return made != 0 && emit(p, &event);
}

static bool emit_close(struct printer *p, const struct qn_yaml *node)
{
    yaml_event_t event;
    int made = node->kind == QN_YAML_MAPPING
                   ? yaml_mapping_end_event_initialize(&event)
                   : yaml_sequence_end_event_initialize(&event);
    return made != 0 && emit(p, &event);
}

static bool is_branch(const struct qn_yaml *node)
{
    return node->kind == QN_YAML_MAPPING || node->kind == QN_YAML_SEQUENCE;
}

/* One node without its children. */
static bool emit_node(struct printer *p, const struct qn_yaml *node, int depth)
{
    if (depth > 0 && node->key != NULL && !emit_scalar(p, node->key, false)) {
        return false;
    }
    if (is_branch(node)) {
        return emit_open(p, node, depth);
    }
    return node->kind == QN_YAML_NULL
               ? emit_null(p)
               : emit_scalar(p, node->text, node->is_quoted);
}

/* Behind `node`: its next sibling, or that of the nearest parent that has one;
 * NULL at the end. Parents that end are closed. */
static const struct qn_yaml *leave(struct printer *p, struct walk *walk,
                                   const struct qn_yaml *node, bool *fine)
{
    while (walk->depth > 0 && node->next == NULL) {
        node = walk->path[--walk->depth];
        *fine = *fine && emit_close(p, node);
    }
    return walk->depth > 0 ? node->next : NULL;
}

static bool emit_tree(struct printer *p, const struct qn_yaml *root)
{
    struct walk walk = {.depth = 0};
    const struct qn_yaml *node = root;
    bool fine = true;
    while (fine && node != NULL) {
        fine = emit_node(p, node, walk.depth);
        if (is_branch(node) && node->first != NULL &&
            walk.depth < QN_YAML_MAX_DEPTH) {
            walk.path[walk.depth++] = node;
            node = node->first;
            continue;
        }
        fine = fine && (!is_branch(node) || emit_close(p, node));
        node = fine ? leave(p, &walk, node, &fine) : NULL;
    }
    return fine;
}

static bool emit_document(struct printer *p, const struct qn_yaml *root)
{
    yaml_event_t event;
    return yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING) !=
               0 &&
           emit(p, &event) &&
           yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1) !=
               0 &&
           emit(p, &event) && emit_tree(p, root) &&
           yaml_document_end_event_initialize(&event, 1) != 0 &&
           emit(p, &event) && yaml_stream_end_event_initialize(&event) != 0 &&
           emit(p, &event);
}

enum quern_code qn_yaml_print(struct quern_context *context,
                              const struct qn_yaml *root, int block_depth,
                              struct qn_text *out_text)
{
    struct printer p = {
        .context = context, .block_depth = block_depth, .text = out_text};
    if (yaml_emitter_initialize(&p.emitter) == 0) {
        return qn_no_memory(context);
    }
    yaml_emitter_set_output(&p.emitter, write_text, out_text);
    yaml_emitter_set_unicode(&p.emitter, 1);
    yaml_emitter_set_width(&p.emitter, -1);
    bool fine = emit_document(&p, root);
    bool lacks_memory = !fine && (out_text->has_failed ||
                                  p.emitter.error == YAML_MEMORY_ERROR ||
                                  p.emitter.error == YAML_NO_ERROR);
    enum quern_code code = QUERN_OK;
    if (lacks_memory) {
        code = qn_no_memory(context);
    } else if (!fine) {
        code = quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "cannot be written as YAML: %s",
                          p.emitter.problem != NULL ? p.emitter.problem
                                                    : "emitter error");
    }
    yaml_emitter_delete(&p.emitter);
    return code;
}

static struct qn_yaml *copy_one(struct qn_arena *arena,
                                const struct qn_yaml *node)
{
    struct qn_yaml *copy =
        qn_yaml_new(arena, node->kind, NULL, node->line, node->column);
    if (copy == NULL) {
        return NULL;
    }
    copy->is_quoted = node->is_quoted;
    copy->key_line = node->key_line;
    copy->key_column = node->key_column;
    copy->file = node->file != NULL ? qn_arena_strdup(arena, node->file) : NULL;
    copy->key = node->key != NULL ? qn_arena_strdup(arena, node->key) : NULL;
    copy->text = node->text != NULL ? qn_arena_strdup(arena, node->text) : NULL;
    bool is_whole = (node->file == NULL || copy->file != NULL) &&
                    (node->key == NULL || copy->key != NULL) &&
                    (node->text == NULL || copy->text != NULL);
    return is_whole ? copy : NULL;
}

/* Depth is at most QN_YAML_MAX_DEPTH: the reader sees to it. */
struct qn_yaml *qn_yaml_copy(struct qn_arena *arena, const struct qn_yaml *node)
{
    struct qn_yaml *copy = copy_one(arena, node);
    struct qn_yaml *tail = NULL;
    const struct qn_yaml *child = node->first;
    for (; copy != NULL && child != NULL; child = child->next) {
        struct qn_yaml *twin = qn_yaml_copy(arena, child);
        if (twin == NULL) {
            return NULL;
        }
        qn_yaml_append(copy, &tail, twin);
    }
    return copy;
}
