/* Weights outside the model file: which, where, and writing them.
 *
 * A save either takes every tensor as it stands (bytes that were read go out
 * again, external references included) or lays the weights anew: then each
 * initializer lies inside, or at an offset of one data file.
 */
#ifndef QUERN_IO_OUTSIDE_H
#define QUERN_IO_OUTSIDE_H

#include "base/file.h"
#include "ir/ir.h"

/** Initializers smaller than this stay inside. */
#define QN_OUTSIDE_THRESHOLD 1024

/** Where each initializer lies, for the emitter. */
struct qn_outside {
    const char *location; /* name of the data file; NULL: all inside */
    uint64_t *offsets;    /* by value id; UINT64_MAX: inside */
    size_t n_values;
    uint64_t size;           /* of the data file */
    bool is_new_file;        /* nothing stood in its place before */
    struct qn_writer writer; /* of the data file, sealed */
};

/** Plan: initializers of at least `least` bytes go out (SIZE_MAX: none), and so
 * do, with `keep`, those that were outside before.
 * @param arena  for the offsets */
enum quern_code qn_outside_plan(struct quern_model *model,
                                struct qn_arena *arena, size_t least, bool keep,
                                struct qn_outside *out_plan)
    __attribute__((warn_unused_result));

/** Write the data file beside `path`, sealed: the caller commits or aborts it.
 * @param name  file name without folder; NULL: that of the model, 8 hex digits
 *              of the content's hash, ".data"
 * On success plan->location names it, in the arena. */
enum quern_code qn_outside_write(struct quern_model *model,
                                 struct qn_arena *arena, const char *path,
                                 const char *name, struct qn_outside *plan)
    __attribute__((warn_unused_result));

/** The model could not be written: remove the data file if it is new. */
void qn_outside_undo(const char *path, const struct qn_outside *plan);

/** Copy the model's external files to the folder of `path`, under the same
 * names. One that is there with other content is refused, not replaced. */
enum quern_code qn_outside_copy(struct quern_model *model, const char *path)
    __attribute__((warn_unused_result));

/** Names of data files, in an arena. */
struct qn_outside_names {
    const char **items;
    size_t n;
};

/** Data files of the model that stands at `path` and that is about to be
 * replaced: those it reads weights from and that qn_outside_write() named after
 * it. None when there is no such model, or none that can be read. */
void qn_outside_replaced(struct quern_context *context, const char *path,
                         struct qn_arena *arena,
                         struct qn_outside_names *out_names);

/** Remove the files of `names`, but for those that the model written at `path`
 * needs: `location` (may be NULL), and with `keep` those it was read from.
 * Failing to is no error. */
void qn_outside_sweep(const char *path, const struct qn_outside_names *names,
                      const char *location, const struct quern_model *keep);

/** The message of a tensor, or of an attribute that holds one, refers to
 * another file. */
bool qn_outside_tensor(struct qn_span tensor_proto);
bool qn_outside_attr(struct qn_span attribute_proto);

/** Both paths lie in the same folder. */
bool qn_same_folder(const char *a, const char *b);

#endif
