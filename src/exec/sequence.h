/* Sequences while a graph runs: an array whose chunk holds arrays, each with a
 * count on its own chunk. Optionals are what they hold, or an empty slot. */
#ifndef QUERN_EXEC_SEQUENCE_H
#define QUERN_EXEC_SEQUENCE_H

#include "exec/op.h"

/** May the operator be given sequences? Others would take them for numbers. */
bool qn_op_takes_sequences(const struct qn_op *op);

/** Is the operator one of sequences or optionals? They are never folded: what
 * is folded is shared between threads, and chunks count in one. */
bool qn_op_is_of_sequences(const struct qn_op *op);

/** Error if an input is a sequence, or an optional that holds nothing, and the
 * operator takes none. */
enum quern_code qn_check_sequences(struct qn_run *run, const struct qn_op *op)
    __attribute__((warn_unused_result));

/** A sequence with room for n items, none there yet; one count of its chunk. */
enum quern_code qn_sequence_make(struct qn_run *run, const struct qn_op *op,
                                 int64_t n, struct qn_array *out)
    __attribute__((warn_unused_result));

/** One item more, which keeps a count of its chunk. */
void qn_sequence_append(struct qn_array *sequence, const struct qn_array *item);

/** Let a slot hold an array, with a count of its chunk; NULL: nothing. */
void qn_slot_share(struct qn_run *run, const struct qn_array *from, int to);

/** What a body made is not kept behind its outputs. */
void qn_clear_body(struct qn_run *run, const struct qn_program *body);

#endif
