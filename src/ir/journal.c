/* The edit journal: see journal.h. */
#include "ir/journal.h"

#include "ir/ir.h"

#include <string.h>

/* Grow an array to hold `need` elements, doubling. */
static bool reserve(void **array, size_t *room, size_t need, size_t size)
{
    if (need <= *room) {
        return true;
    }
    size_t wanted = *room < 64 ? 64 : *room * 2;
    if (wanted < need) {
        wanted = need;
    }
    void *grown = qn_realloc_n(*array, wanted, size);
    if (grown == NULL) {
        return false;
    }
    *array = grown;
    *room = wanted;
    return true;
}

bool qn_journal_reserve(struct qn_journal *journal, size_t n_writes,
                        size_t n_edits)
{
    if (!journal->active) {
        return true;
    }
    void *writes = journal->writes;
    void *edits = journal->edits;
    bool fits = reserve(&writes, &journal->writes_room,
                        journal->n_writes + n_writes, sizeof *journal->writes);
    journal->writes = writes;
    fits = fits && reserve(&edits, &journal->edits_room,
                           journal->n_edits + n_edits, sizeof *journal->edits);
    journal->edits = edits;
    return fits;
}

void qn_journal_write(struct qn_journal *journal, void *address, size_t size)
{
    if (!journal->active) {
        return;
    }
    struct qn_write *write = &journal->writes[journal->n_writes++];
    write->address = address;
    write->size = (uint32_t)size;
    memcpy(write->old, address, size);
}

static bool counted(enum qn_edit_kind kind)
{
    return kind != QN_EDIT_TABLE && kind != QN_EDIT_TYPE;
}

/* Leave marks for inference and verifier at the nodes that an edit, done or
 * undone, concerns. Types of what a value's readers make follow from its own:
 * inference finds them. */
static void touch(struct quern_model *model, const struct qn_edit *edit)
{
    struct qn_index *index = &model->index;
    const struct quern_value *value = NULL;
    switch (edit->kind) {
    case QN_EDIT_NODE_CREATE:
    case QN_EDIT_NODE_ERASE:
    case QN_EDIT_NODE_MOVE:
    case QN_EDIT_NODE_OP:
    case QN_EDIT_INPUT:
    case QN_EDIT_OUTPUT:
    case QN_EDIT_ATTR:
        *qn_index_touched_of(index, edit->id) = QN_TOUCHED_ALL;
        break;
    case QN_EDIT_VALUE_CREATE:
    case QN_EDIT_VALUE_ERASE:
    case QN_EDIT_CONSTANT:
    case QN_EDIT_TYPE:
    case QN_EDIT_INTERFACE:
        value = qn_index_value_at(index, edit->id);
        qn_index_touch_readers(value, QN_TOUCHED_ALL);
        if (value->producer != NULL) {
            *qn_index_touched_of(index, value->producer->id) = QN_TOUCHED_ALL;
        }
        break;
    case QN_EDIT_OPSET:
        qn_index_touch_all(index, QN_TOUCHED_ALL);
        break;
    case QN_EDIT_METADATA:
    case QN_EDIT_TABLE:
        break;
    }
}

void qn_journal_edit(struct qn_journal *journal, struct qn_edit edit)
{
    if (!journal->active) {
        quern_tensor_release(&edit.dropped);
        return;
    }
    journal->edits[journal->n_edits++] = edit;
    touch(journal->model, &edit);
    journal->serial++;
    journal->n_total += counted(edit.kind) ? 1 : 0;
}

struct qn_mark qn_journal_mark(const struct quern_model *model)
{
    const struct qn_journal *journal = &model->journal;
    return (struct qn_mark){journal->n_writes, journal->n_edits,
                            journal->n_total};
}

void qn_journal_undo(struct quern_model *model, struct qn_mark mark)
{
    struct qn_journal *journal = &model->journal;
    while (journal->n_writes > mark.n_writes) {
        const struct qn_write *write = &journal->writes[--journal->n_writes];
        memcpy(write->address, write->old, write->size);
    }
    while (journal->n_edits > mark.n_edits) {
        struct qn_edit *edit = &journal->edits[--journal->n_edits];
        touch(model, edit);
        /* The field that held `dropped` has it again: its count with it. */
        quern_tensor_release(&edit->added);
    }
    journal->n_total = mark.n_total;
    journal->serial++;
    model->index.layout++; /* erased nodes are back */
}

void qn_journal_commit(struct quern_model *model)
{
    struct qn_journal *journal = &model->journal;
    for (size_t i = 0; i < journal->n_edits; i++) {
        quern_tensor_release(&journal->edits[i].dropped);
    }
    journal->n_edits = 0;
    journal->n_writes = 0;
}

void qn_journal_finish(struct qn_journal *journal)
{
    for (size_t i = 0; i < journal->n_edits; i++) {
        quern_tensor_release(&journal->edits[i].dropped);
    }
    qn_free(journal->writes);
    qn_free(journal->edits);
    *journal = (struct qn_journal){0};
}
