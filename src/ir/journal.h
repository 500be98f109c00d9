/* The edit journal: what makes every edit undoable.
 *
 * Two logs. The *write log* keeps the old bytes of every field that an edit
 * writes (all IR memory lives in the model's arena and is never freed, so old
 * pointers stay good); undoing copies them back in reverse order and can
 * neither fail nor allocate. The *edit log* says what was done, for counts,
 * the worklist of touched nodes, reports and bisecting.
 * Room is reserved before an edit begins, so that an edit either happens whole
 * or not at all.
 */
#ifndef QUERN_IR_JOURNAL_H
#define QUERN_IR_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct quern_model;
struct quern_tensor;

enum qn_edit_kind {
    QN_EDIT_NODE_CREATE,
    QN_EDIT_NODE_ERASE,
    QN_EDIT_NODE_MOVE,
    QN_EDIT_NODE_OP,
    QN_EDIT_INPUT,
    QN_EDIT_OUTPUT,
    QN_EDIT_ATTR,
    QN_EDIT_VALUE_CREATE,
    QN_EDIT_VALUE_ERASE,
    QN_EDIT_CONSTANT,
    QN_EDIT_TYPE,
    QN_EDIT_INTERFACE, /* what the file says of a graph's input or output */
    QN_EDIT_OPSET,
    QN_EDIT_METADATA,
    QN_EDIT_TABLE, /* side tables: not counted as a change of the model */
};

struct qn_edit {
    enum qn_edit_kind kind;
    uint32_t id;                  /* of the node or value */
    struct quern_tensor *dropped; /* count that the edit gave up: released on
                                     commit, handed back on undo */
    struct quern_tensor *added;   /* the model's count of it, which undo gives
                                     up; not counted again here */
};

struct qn_write {
    void *address;
    uint32_t size; /* 1 to 8 */
    unsigned char old[8];
};

struct qn_journal {
    struct quern_model *model;
    bool active; /* false while a reader builds the model */
    struct qn_write *writes;
    size_t n_writes;
    size_t writes_room;
    struct qn_edit *edits;
    size_t n_edits;
    size_t edits_room;
    uint64_t n_total; /* counted edits, committed ones included */
    uint64_t serial;  /* grows with every edit and every undo: what was
                         computed at the same serial still holds */
};

/** A point to return to. */
struct qn_mark {
    size_t n_writes;
    size_t n_edits;
    uint64_t n_total;
};

/** Make room for `n_writes` field writes and `n_edits` edits. False: no memory,
 * nothing changed. */
bool qn_journal_reserve(struct qn_journal *journal, size_t n_writes,
                        size_t n_edits);

/** Log the old bytes of a field (size up to 8) that is about to be written.
 * Room must have been reserved. */
void qn_journal_write(struct qn_journal *journal, void *address, size_t size);

/** Log an edit; the journal takes the counts in `edit`. */
void qn_journal_edit(struct qn_journal *journal, struct qn_edit edit);

struct qn_mark qn_journal_mark(const struct quern_model *model);

/** Put everything back as it was at the mark. */
void qn_journal_undo(struct quern_model *model, struct qn_mark mark);

/** Forget how to undo (the step is good): frees tensors that edits dropped and
 * the room of both logs. */
void qn_journal_commit(struct quern_model *model);

/** Release what the journal holds, without undoing. */
void qn_journal_finish(struct qn_journal *journal);

#endif
