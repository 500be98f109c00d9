/* YAML documents as small trees that know where each part stands.
 *
 * The reader takes a plain subset: one document of mappings, sequences and
 * scalars. Refused with file, line and column: anchors, aliases, tags,
 * directives, a second document, tabs, duplicate or empty keys, keys that are
 * no scalars, NUL characters, nesting beyond 32, more than 1 MiB of text or
 * 65536 nodes. Everything in a tree lives in the arena that the caller gave.
 *
 * All errors of this room are QUERN_INVALID_ARGUMENT (a recipe, profile or
 * option is wrong: the user can fix it), except _LIMIT, _IO and _NO_MEMORY.
 */
#ifndef QUERN_CONFIG_YAML_H
#define QUERN_CONFIG_YAML_H

#include <quern/pass.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "config/text.h"

enum {
    QN_YAML_MAX_DEPTH = 32,
    QN_YAML_MAX_NODES = 65536,
    QN_YAML_MAX_SIZE = 1 << 20, /* bytes */
};

enum qn_yaml_kind {
    QN_YAML_NULL = 0, /* nothing, `~` or `null`, not quoted */
    QN_YAML_SCALAR = 1,
    QN_YAML_SEQUENCE = 2,
    QN_YAML_MAPPING = 3,
};

/** A node. Read only once the tree is made. */
struct qn_yaml {
    enum qn_yaml_kind kind;
    bool is_quoted;   /* scalar in quotes or a block (| or >) */
    int line, column; /* 1-based; columns count characters */
    const char *file; /* name for messages; NULL: not known */
    const char *key;  /* in a mapping: the key, else NULL */
    int key_line, key_column;
    const char *text;      /* scalar: its text; never holds NUL; else NULL */
    size_t count;          /* sequence, mapping: number of children */
    struct qn_yaml *first; /* first child in the order of the file */
    struct qn_yaml *next;  /* next sibling */
};

/** Parse a text.
 * @param file   name that messages give; borrowed by the arena's lifetime
 *               (copied into the arena)
 * @param arena  owns the tree
 * @return QUERN_OK; _INVALID_ARGUMENT (what stands where); _LIMIT; _NO_MEMORY.
 * A text without any node is an error. */
enum quern_code qn_yaml_read(struct quern_context *context, const char *file,
                             const void *text, size_t size,
                             struct qn_arena *arena, struct qn_yaml **out_root)
    __attribute__((warn_unused_result));

/** Read a file ("-": standard input) and parse it. */
enum quern_code qn_yaml_open(struct quern_context *context, const char *path,
                             struct qn_arena *arena, struct qn_yaml **out_root)
    __attribute__((warn_unused_result));

/* ---------------------------------------------------------------- errors */

/** Place of a node for quern_fail(), quern_warn(), quern_note(). */
struct quern_place qn_yaml_place(const struct qn_yaml *node);

/** Place of a node's key; of the node itself outside a mapping. */
struct quern_place qn_yaml_key_place(const struct qn_yaml *node);

/** QUERN_INVALID_ARGUMENT at a node; returns that code. */
enum quern_code qn_yaml_fail(struct quern_context *context,
                             const struct qn_yaml *node, const char *format,
                             ...) __attribute__((format(printf, 3, 4)))
__attribute__((warn_unused_result));

/** What a node is, for messages: "nothing", "text 'abc'", "a list", "a
 * mapping". `buffer` keeps the text. */
const char *qn_yaml_describe(const struct qn_yaml *node, char buffer[64]);

/* --------------------------------------------------------------- getters */

/** Child of a mapping with that key, or NULL (also when `node` is NULL or no
 * mapping). */
const struct qn_yaml *qn_yaml_get(const struct qn_yaml *node, const char *key);

/** As qn_yaml_get(); a missing key is an error at the mapping. */
enum quern_code qn_yaml_need(struct quern_context *context,
                             const struct qn_yaml *mapping, const char *key,
                             const struct qn_yaml **out_node)
    __attribute__((warn_unused_result));

/** Error unless the node is of that kind: found what, needed what. */
enum quern_code qn_yaml_expect(struct quern_context *context,
                               const struct qn_yaml *node,
                               enum qn_yaml_kind kind)
    __attribute__((warn_unused_result));

/** Error at the first key of a mapping that is not in `keys` (NULL-ended),
 * with the nearest one. Error too when the node is no mapping.
 * @param what  what the mapping is, for the message: "a recipe" */
enum quern_code qn_yaml_check_keys(struct quern_context *context,
                                   const struct qn_yaml *mapping,
                                   const char *const *keys, const char *what)
    __attribute__((warn_unused_result));

/* Typed reading of scalars. Each writes its output on success only, and fails
 * at the node with what was found and what was needed. */

/** Any scalar as its text, borrowed from the tree; empty text is an error. */
enum quern_code qn_yaml_text(struct quern_context *context,
                             const struct qn_yaml *node, const char **out_text)
    __attribute__((warn_unused_result));
/** Only `true` and `false`. */
enum quern_code qn_yaml_bool(struct quern_context *context,
                             const struct qn_yaml *node, bool *out_value)
    __attribute__((warn_unused_result));
enum quern_code qn_yaml_int(struct quern_context *context,
                            const struct qn_yaml *node, int64_t minimum,
                            int64_t maximum, int64_t *out_value)
    __attribute__((warn_unused_result));
enum quern_code qn_yaml_float(struct quern_context *context,
                              const struct qn_yaml *node, double minimum,
                              double maximum, double *out_value)
    __attribute__((warn_unused_result));
/** Index of the scalar among `names` (NULL-ended); nearest name in the error.
 */
enum quern_code qn_yaml_choice(struct quern_context *context,
                               const struct qn_yaml *node,
                               const char *const *names, int *out_index)
    __attribute__((warn_unused_result));
/** A sequence of scalars, or one scalar as a list of one. The array lies in
 * the arena, the strings in the tree. */
enum quern_code
qn_yaml_strings(struct quern_context *context, const struct qn_yaml *node,
                struct qn_arena *arena, struct quern_strings *out_strings)
    __attribute__((warn_unused_result));

/* --------------------------------------------------------------- making */

/** A new node; NULL when no memory is left. */
struct qn_yaml *qn_yaml_new(struct qn_arena *arena, enum qn_yaml_kind kind,
                            const char *file, int line, int column);

/** Append a child (key NULL: to a sequence). `*tail` starts as NULL. */
void qn_yaml_append(struct qn_yaml *parent, struct qn_yaml **tail,
                    struct qn_yaml *child);

/** Append a deep copy of a subtree to another arena; NULL when no memory is
 * left. */
struct qn_yaml *qn_yaml_copy(struct qn_arena *arena,
                             const struct qn_yaml *node);

/** Print a tree as YAML text that qn_yaml_read() takes back.
 * Mappings and sequences deeper than `block_depth` are written in flow style
 * ({a: 1}, [x, y]). */
enum quern_code qn_yaml_print(struct quern_context *context,
                              const struct qn_yaml *root, int block_depth,
                              struct qn_text *out_text)
    __attribute__((warn_unused_result));

#endif
