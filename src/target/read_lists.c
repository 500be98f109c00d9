/* The lists of words of a profile. A list stands for itself, in the place of
 * that of the profile which this one is like; a mapping changes that one:
 *
 *     tricks: {add: [unsigned-weights], drop: [table-mul]}
 */
#include "ir/schema.h"
#include "target/read.h"

#include <stdio.h>
#include <string.h>

static enum quern_code keep_copies(struct quern_context *context,
                                   struct qn_arena *arena,
                                   struct quern_strings list,
                                   struct quern_strings *out)
{
    const char **items = qn_arena_alloc_n(arena, list.count + 1, sizeof *items);
    for (size_t i = 0; items != NULL && i < list.count; i++) {
        items[i] = qn_arena_strdup(arena, list.items[i]);
        items = items[i] != NULL ? items : NULL;
    }
    if (items == NULL) {
        return qn_no_memory(context);
    }
    *out = (struct quern_strings){items, list.count};
    return QUERN_OK;
}

/* The first of the words of a list, or of the one that stands for a list. */
static const struct qn_yaml *first_word(const struct qn_yaml *node)
{
    bool is_list = node != NULL && node->kind == QN_YAML_SEQUENCE;
    return is_list ? node->first : node;
}

static const struct qn_yaml *next_word(const struct qn_yaml *list,
                                       const struct qn_yaml *item)
{
    return list->kind == QN_YAML_SEQUENCE ? item->next : NULL;
}

/* Where a list has that word, `end` and what is behind it left out. */
static const struct qn_yaml *find_word(const struct qn_yaml *list,
                                       const struct qn_yaml *end,
                                       const char *word)
{
    const struct qn_yaml *item = first_word(list);
    while (item != NULL && item != end &&
           (item->text == NULL || strcmp(item->text, word) != 0)) {
        item = next_word(list, item);
    }
    return item != end ? item : NULL;
}

static enum quern_code not_there(struct quern_context *context,
                                 const struct qn_yaml *item, const char *word,
                                 const char *key,
                                 const struct quern_strings *from)
{
    const char *near =
        from->count > 0 ? quern_nearest_name(word, from->items) : NULL;
    return qn_yaml_fail(context, item, "no '%s' to drop in the %s so far%s%s%s",
                        word, key, near != NULL ? ", did you mean '" : "",
                        near != NULL ? near : "", near != NULL ? "'" : "");
}

/* Words that are not there are told: what was meant would stay. So are those
 * that are dropped twice, or added as well. */
static enum quern_code check_dropped(struct quern_context *context,
                                     const struct qn_yaml *node,
                                     const char *key,
                                     const struct quern_strings *from)
{
    const struct qn_yaml *drop = qn_yaml_get(node, "drop");
    const struct qn_yaml *add = qn_yaml_get(node, "add");
    for (const struct qn_yaml *item = first_word(drop); item != NULL;
         item = next_word(drop, item)) {
        const char *word = NULL;
        enum quern_code code = qn_yaml_text(context, item, &word);
        if (code != QUERN_OK) {
            return code;
        }
        if (!quern_target_has(from, word)) {
            return not_there(context, item, word, key, from);
        }
        const struct qn_yaml *twice = find_word(drop, item, word);
        const struct qn_yaml *added = find_word(add, NULL, word);
        if (twice != NULL || added != NULL) {
            return qn_yaml_fail(context, item,
                                "'%s' is %s in line %d %s, needs to be "
                                "there once",
                                word, twice != NULL ? "dropped" : "added",
                                (twice != NULL ? twice : added)->line,
                                twice != NULL ? "already" : "as well");
        }
    }
    return QUERN_OK;
}

/* An optional list of a mapping; the strings lie in the tree. */
static enum quern_code part_of(struct quern_context *context,
                               const struct qn_yaml *node, const char *key,
                               struct qn_arena *arena,
                               struct quern_strings *out)
{
    const struct qn_yaml *part = qn_yaml_get(node, key);
    return part != NULL ? qn_yaml_strings(context, part, arena, out) : QUERN_OK;
}

/* Whether two words of `until` are about one operator. */
static bool same_operator(const char *word, const char *other)
{
    return strncmp(word, other, strcspn(word, "@") + 1) == 0;
}

/* Whether a new word of `until` says something else of that operator. */
static bool is_replaced(const char *word, const char *key,
                        const struct quern_strings *add)
{
    for (size_t i = 0; strcmp(key, "until") == 0 && i < add->count; i++) {
        if (same_operator(word, add->items[i]) &&
            strcmp(word, add->items[i]) != 0) {
            return true;
        }
    }
    return false;
}

/* What is there without `drop`, then `add`; a word that is there already stays
 * where it is. */
static enum quern_code change(struct quern_context *context,
                              const struct qn_yaml *node, const char *key,
                              struct qn_arena *arena,
                              struct quern_strings *list)
{
    static const char *const keys[] = {"add", "drop", NULL};
    struct quern_strings add = {NULL, 0};
    struct quern_strings drop = {NULL, 0};
    enum quern_code code = qn_yaml_check_keys(context, node, keys, key);
    if (code == QUERN_OK) {
        code = part_of(context, node, "drop", arena, &drop);
    }
    if (code == QUERN_OK) {
        code = part_of(context, node, "add", arena, &add);
    }
    if (code == QUERN_OK && drop.count > 0) {
        code = check_dropped(context, node, key, list);
    }
    if (code != QUERN_OK) {
        return code;
    }
    size_t most = list->count + add.count;
    const char **items = qn_arena_alloc_n(arena, most + 1, sizeof *items);
    struct quern_strings made = {items, 0};
    if (items == NULL) {
        return qn_no_memory(context);
    }
    for (size_t i = 0; i < most; i++) {
        bool is_new = i >= list->count;
        const char *word = is_new ? add.items[i - list->count] : list->items[i];
        if (!quern_target_has(is_new ? &made : &drop, word) &&
            (is_new || !is_replaced(word, key, &add))) {
            items[made.count++] = word;
        }
    }
    return keep_copies(context, arena, made, list);
}

/* Once a word of `tricks`; one that nobody asks for would do nothing. */
static enum quern_code check_no_key(struct quern_context *context,
                                    const struct qn_yaml *words,
                                    const char *value)
{
    const struct qn_yaml *item = find_word(words, NULL, "speed-figures");
    return item != NULL
               ? qn_yaml_fail(context, item,
                              "'speed-figures' is no trick but a key of the "
                              "profile, needs `speed-figures: %s`",
                              value)
               : QUERN_OK;
}

static enum quern_code check_tricks(struct quern_context *context,
                                    const struct qn_yaml *node)
{
    bool is_changed = node->kind == QN_YAML_MAPPING;
    const struct qn_yaml *words = is_changed ? qn_yaml_get(node, "add") : node;
    enum quern_code code = check_no_key(context, words, "true");
    return code == QUERN_OK && is_changed
               ? check_no_key(context, qn_yaml_get(node, "drop"), "false")
               : code;
}

enum quern_code qn_target_read_list(struct quern_context *context,
                                    const struct qn_yaml *root, const char *key,
                                    struct qn_arena *arena,
                                    struct quern_strings *list)
{
    const struct qn_yaml *node = qn_yaml_get(root, key);
    struct quern_strings told = {NULL, 0};
    if (node == NULL) {
        return QUERN_OK;
    }
    if (node->kind == QN_YAML_MAPPING && qn_yaml_get(root, "like") == NULL) {
        return qn_yaml_fail(context, node,
                            "nothing to change: the profile is `like` no other,"
                            " needs a list");
    }
    if (strcmp(key, "tricks") == 0) {
        enum quern_code code = check_tricks(context, node);
        if (code != QUERN_OK) {
            return code;
        }
    }
    if (node->kind == QN_YAML_MAPPING) {
        return change(context, node, key, arena, list);
    }
    enum quern_code code = qn_yaml_strings(context, node, arena, &told);
    return code == QUERN_OK ? keep_copies(context, arena, told, list) : code;
}

/* ----------------------------------------------------------------- chains */

enum quern_code qn_target_place_chains(struct quern_context *context,
                                       const struct qn_yaml *root,
                                       struct qn_target *target)
{
    const struct quern_strings *chains = &target->target.chains;
    const struct qn_yaml *node = qn_yaml_get(root, "chains");
    if (node != NULL && node->kind == QN_YAML_MAPPING) {
        node = qn_yaml_get(node, "add");
    }
    target->chain_places = qn_arena_alloc_n(&target->arena, chains->count + 1,
                                            sizeof *target->chain_places);
    if (target->chain_places == NULL) {
        return qn_no_memory(context);
    }
    for (size_t i = 0; i < chains->count; i++) {
        const struct qn_yaml *item = find_word(node, NULL, chains->items[i]);
        struct quern_place place = QUERN_PLACE_NONE;
        if (item != NULL) {
            place = qn_yaml_place(item);
            place.column += item->is_quoted;
        }
        if (item != NULL && strlen(item->text) >= QUERN_TARGET_CHAIN_ROOM) {
            return qn_yaml_fail(
                context, item, "chain of %zu bytes, needs at most %d: %.60s…",
                strlen(item->text), QUERN_TARGET_CHAIN_ROOM - 1, item->text);
        }
        target->chain_places[i] = place;
    }
    return QUERN_OK;
}

struct quern_place qn_target_chain_place(const struct quern_target *target,
                                         size_t i)
{
    /* The profile is the first field of what was allocated. */
    return ((const struct qn_target *)target)->chain_places[i];
}

/* ------------------------------------------------------------------ until */

/* "RoiAlign@21": a name and an opset of one to three digits. */
static bool is_until(const char *word)
{
    size_t size = strcspn(word, "@");
    const char *digits = word[size] != '\0' ? word + size + 1 : "";
    size_t n = strspn(digits, "0123456789");
    return size > 0 && n > 0 && n <= 3 && digits[n] == '\0' &&
           strspn(digits, "0") < n;
}

/* That name must be one of ONNX. */
static enum quern_code check_operator(struct quern_context *context,
                                      const struct qn_yaml *item)
{
    char op[64]; /* no operator has a longer name */
    snprintf(op, sizeof op, "%.*s", (int)strcspn(item->text, "@"), item->text);
    if (qn_schema_find("", op, INT64_MAX) != NULL) {
        return QUERN_OK;
    }
    const char *near = qn_schema_nearest("", op);
    return qn_yaml_fail(context, item, "unknown operator '%s'%s%s%s", op,
                        near != NULL ? ", did you mean '" : "",
                        near != NULL ? near : "", near != NULL ? "'" : "");
}

enum quern_code qn_target_check_until(struct quern_context *context,
                                      const struct qn_yaml *root)
{
    const struct qn_yaml *node = qn_yaml_get(root, "until");
    if (node != NULL && node->kind == QN_YAML_MAPPING) {
        node = qn_yaml_get(node, "add");
    }
    const struct qn_yaml *first = first_word(node);
    for (const struct qn_yaml *item = first; item != NULL;
         item = next_word(node, item)) {
        if (!is_until(item->text)) {
            return qn_yaml_fail(context, item,
                                "'%s': needs an operator and the last opset "
                                "that the target has it at, as RoiAlign@21",
                                item->text);
        }
        enum quern_code code = check_operator(context, item);
        if (code != QUERN_OK) {
            return code;
        }
        for (const struct qn_yaml *e = first; e != item; e = e->next) {
            if (same_operator(e->text, item->text)) {
                return qn_yaml_fail(context, item,
                                    "'%s': line %d has '%s' already, needs one "
                                    "opset an operator",
                                    item->text, e->line, e->text);
            }
        }
    }
    return QUERN_OK;
}
