/* Side tables: an array of entry pointers by id, in the model's arena, every
 * change journaled. */
#include <quern/table.h>

#include "ir/edit.h"

#include <string.h>

struct quern_table {
    struct quern_model *model;
    const char *name;
    enum quern_table_key key;
    size_t entry_size;
    const void **entries; /* by id; NULL: none */
    size_t room;
    size_t count;
    struct quern_table *next;
};

enum quern_code quern_table_open(struct quern_model *model, const char *name,
                                 enum quern_table_key key, size_t entry_size,
                                 struct quern_table **out_table)
{
    struct quern_table **slot = &model->tables;
    while (*slot != NULL && strcmp((*slot)->name, name) != 0) {
        slot = &(*slot)->next;
    }
    if (*slot == NULL) {
        struct quern_table *table =
            qn_arena_alloc(&model->arena, sizeof *table);
        const char *copy = qn_arena_strdup(&model->arena, name);
        if (table == NULL || copy == NULL) {
            return qn_no_memory(model->context);
        }
        table->model = model;
        table->name = copy;
        table->key = key;
        table->entry_size = entry_size;
        *slot = table;
    }
    if ((*slot)->key != key || (*slot)->entry_size != entry_size ||
        entry_size == 0 || entry_size > 65536) {
        return quern_fail(model->context, QUERN_INVALID_ARGUMENT, NULL,
                          "table '%s' has entries of %zu bytes, asked for %zu "
                          "(1 to 65536)",
                          name, (*slot)->entry_size, entry_size);
    }
    *out_table = *slot;
    return QUERN_OK;
}

const void *quern_table_get(const struct quern_table *table, uint32_t id)
{
    return id < table->room ? table->entries[id] : NULL;
}

size_t quern_table_count(const struct quern_table *table)
{
    return table->count;
}

/* Three writes at most. */
static void write_entry(struct quern_table *table, uint32_t id,
                        const void *entry)
{
    struct qn_journal *journal = &table->model->journal;
    qn_journal_write(journal, &table->entries[id], sizeof(void *));
    qn_journal_write(journal, &table->count, sizeof table->count);
    table->count += (entry != NULL ? 1u : 0u);
    table->count -= (table->entries[id] != NULL ? 1u : 0u);
    table->entries[id] = entry;
    qn_journal_edit(journal, (struct qn_edit){.kind = QN_EDIT_TABLE, .id = id});
}

/* Room for an id. The old array stays in the arena and is not written again,
 * so undoing would find it; hence growing is journaled too. */
static bool grow(struct quern_table *table, uint32_t id)
{
    if (id < table->room) {
        return true;
    }
    size_t room = table->room == 0 ? 256 : table->room * 2;
    while (room <= id) {
        room *= 2;
    }
    const void **grown =
        qn_arena_alloc_n(&table->model->arena, room, sizeof(void *));
    if (grown == NULL) {
        return false;
    }
    if (table->room > 0) {
        memcpy(grown, table->entries, table->room * sizeof(void *));
    }
    struct qn_journal *journal = &table->model->journal;
    qn_journal_write(journal, &table->entries, sizeof table->entries);
    qn_journal_write(journal, &table->room, sizeof table->room);
    table->entries = grown;
    table->room = room;
    return true;
}

enum quern_code quern_table_set(struct quern_table *table, uint32_t id,
                                const void *entry)
{
    struct quern_model *model = table->model;
    void *copy = qn_arena_alloc(&model->arena, table->entry_size);
    if (copy == NULL || !qn_journal_reserve(&model->journal, 4, 1) ||
        !grow(table, id)) {
        return qn_no_memory(model->context);
    }
    memcpy(copy, entry, table->entry_size);
    write_entry(table, id, copy);
    return QUERN_OK;
}

enum quern_code quern_table_remove(struct quern_table *table, uint32_t id)
{
    if (quern_table_get(table, id) == NULL) {
        return QUERN_OK;
    }
    if (!qn_journal_reserve(&table->model->journal, 2, 1)) {
        return qn_no_memory(table->model->context);
    }
    write_entry(table, id, NULL);
    return QUERN_OK;
}

size_t qn_tables_cost(const struct quern_model *model)
{
    size_t count = 0;
    for (struct quern_table *t = model->tables; t != NULL; t = t->next) {
        count++;
    }
    return 6 * count;
}

void qn_tables_drop(struct quern_model *model, bool is_node, uint32_t id)
{
    enum quern_table_key key = is_node ? QUERN_TABLE_NODE : QUERN_TABLE_VALUE;
    for (struct quern_table *t = model->tables; t != NULL; t = t->next) {
        if (t->key == key && quern_table_get(t, id) != NULL) {
            write_entry(t, id, NULL);
        }
    }
}

void qn_tables_move(struct quern_model *model, uint32_t from, uint32_t to)
{
    for (struct quern_table *t = model->tables; t != NULL; t = t->next) {
        const void *entry = quern_table_get(t, from);
        /* Growing may want memory that is not there: the entry is then
         * dropped, which a reader reports as missing. */
        if (t->key == QUERN_TABLE_VALUE && entry != NULL && grow(t, to)) {
            if (quern_table_get(t, to) == NULL) {
                write_entry(t, to, entry);
            }
            write_entry(t, from, NULL);
        }
    }
}
