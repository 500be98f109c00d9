/** @file table.h
 * Side tables: what passes know about nodes and values. Tier: stable.
 *
 * A table maps the id of a node or a value to an entry of fixed size. Entries
 * are journaled with the graph, dropped when their owner is erased, and moved
 * by quern_replace_uses(…, same_value = true). Nothing that a pass knows is
 * ever kept in the graph itself.
 */
#ifndef QUERN_TABLE_H
#define QUERN_TABLE_H

#include <quern/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

enum quern_table_key {
    QUERN_TABLE_NODE = 0,
    QUERN_TABLE_VALUE = 1,
};

/** Find the table of that name, or make it.
 * @param name        reverse-DNS for plugins ("com.acme.cost")
 * @param entry_size  bytes of an entry, 1 to 65536
 * @param out_table   borrowed from the model
 * @return QUERN_OK; _INVALID_ARGUMENT (exists with another key or size);
 * _NO_MEMORY */
QUERN_NODISCARD QUERN_API enum quern_code
quern_table_open(struct quern_model *model, const char *name,
                 enum quern_table_key key, size_t entry_size,
                 struct quern_table **out_table);

/** Entry of an id, or NULL. Borrowed until the entry is set or removed. */
QUERN_API const void *quern_table_get(const struct quern_table *table,
                                      uint32_t id);

/** Copy `entry` into the table (journaled). */
QUERN_NODISCARD QUERN_API enum quern_code
quern_table_set(struct quern_table *table, uint32_t id, const void *entry);

/** Removing what is not there is fine (journaled). */
QUERN_NODISCARD QUERN_API enum quern_code
quern_table_remove(struct quern_table *table, uint32_t id);

/** Number of entries. */
QUERN_API size_t quern_table_count(const struct quern_table *table);

#ifdef __cplusplus
}
#endif

#endif
