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

void qn_journal_edit(struct qn_journal *journal, struct qn_edit edit)
{
    if (!journal->active) {
        quern_tensor_release(&edit.dropped);
        return;
    }
    journal->edits[journal->n_edits++] = edit;
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
        /* The field that held `dropped` has it again: its count with it. */
        quern_tensor_release(&edit->added);
    }
    journal->n_total = mark.n_total;
    journal->serial++;
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
