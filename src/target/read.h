/* Reading profiles: from YAML to struct quern_target. */
#ifndef QUERN_TARGET_READ_H
#define QUERN_TARGET_READ_H

#include <quern/target.h>

#include "base/alloc.h"
#include "config/yaml.h"

/** A profile with the memory behind it. */
struct qn_target {
    struct quern_target target;       /* first: what users hold points here */
    struct quern_target_op *ops;      /* target.ops, while it is filled */
    struct quern_place *chain_places; /* of target.chains; no line: not in this
                                         file */
    struct qn_arena arena;
};

/** Fill a zeroed profile from a text.
 * @param file  name for messages
 * @return QUERN_OK; _INVALID_ARGUMENT (file, line, column); _NO_MEMORY */
enum quern_code qn_target_read(struct quern_context *context, const char *file,
                               const char *text, size_t size,
                               struct qn_target *target)
    __attribute__((warn_unused_result));

/** Fill a zeroed profile from a file. */
enum quern_code qn_target_read_file(struct quern_context *context,
                                    const char *path, struct qn_target *target)
    __attribute__((warn_unused_result));

/** Text of a built-in profile; an error with the nearest name when there is
 * none. @param node  where the name stands, or NULL */
enum quern_code qn_target_text(struct quern_context *context,
                               const struct qn_yaml *node, const char *name,
                               const char **out_text)
    __attribute__((warn_unused_result));

/** A path, unlike the name of a profile of the library: with a '/' in it, or an
 * end of .yaml or .yml. */
bool qn_target_is_path(const char *name);

/** An optional list of words: in the place of `*list`, or, where a profile is
 * like another, a mapping with what to add to it and what to drop. Keeps copies
 * in the arena. */
enum quern_code qn_target_read_list(struct quern_context *context,
                                    const struct qn_yaml *root, const char *key,
                                    struct qn_arena *arena,
                                    struct quern_strings *list)
    __attribute__((warn_unused_result));

/** Note where the `chains` of a profile stand in its file; one that is too long
 * is an error. */
enum quern_code qn_target_place_chains(struct quern_context *context,
                                       const struct qn_yaml *root,
                                       struct qn_target *target)
    __attribute__((warn_unused_result));

/** File, line and column of the first character of a chain. */
struct quern_place qn_target_chain_place(const struct quern_target *target,
                                         size_t i);

/** What the profile itself says in `until`: each word an operator of ONNX and
 * its last opset there, none twice. */
enum quern_code qn_target_check_until(struct quern_context *context,
                                      const struct qn_yaml *root)
    __attribute__((warn_unused_result));

/** The mapping `operators`: rows are added to those of the profile, keys of a
 * row override what the profile has. */
enum quern_code qn_target_read_operators(struct quern_context *context,
                                         const struct qn_yaml *node,
                                         struct qn_target *target)
    __attribute__((warn_unused_result));

/** Words of the enums, NULL-ended, in their order. */
extern const char *const qn_target_kinds[];
extern const char *const qn_target_roles[];
extern const char *const qn_target_outputs[];
extern const char *const qn_target_biases[];
extern const char *const qn_target_overflows[];

#endif
