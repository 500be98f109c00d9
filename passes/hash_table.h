/* A hash table of pointers: open addressing, no growth. */
#ifndef QUERN_PASSES_HASH_TABLE_H
#define QUERN_PASSES_HASH_TABLE_H

#include <quern/pass.h>

struct qn_hash_slot {
    uint64_t hash;
    const void *what; /* NULL: free */
};

/** A power of two slots, at least twice as many as entries. */
struct qn_hash_table {
    struct qn_hash_slot *slots;
    size_t mask;
};

typedef bool (*qn_equal_fn)(const void *a, const void *b);

/** A table for at most n entries, in memory of the pass.
 * @return false when no memory is left */
bool qn_hash_table_make(struct quern_pass_ctx *ctx, size_t n,
                        struct qn_hash_table *out);

/** The entry that equals `what`, NULL where there is none. */
const void *qn_hash_table_find(const struct qn_hash_table *t, const void *what,
                               uint64_t hash, qn_equal_fn equal);

/** The equal entry that is there; NULL: `what` has been entered. */
const void *qn_hash_table_find_or_add(struct qn_hash_table *t, const void *what,
                                      uint64_t hash, qn_equal_fn equal);

/** Mix a word into a hash. */
uint64_t qn_mix(uint64_t hash, uint64_t word);

#endif
