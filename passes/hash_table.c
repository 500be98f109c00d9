/* A hash table of pointers. */
#include "hash_table.h"

enum { HIGH_BITS = 40 };

uint64_t qn_mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 29;
}

bool qn_hash_table_make(struct quern_pass_ctx *ctx, size_t n,
                        struct qn_hash_table *out)
{
    size_t size = 16;
    while (size < 2 * n) {
        size *= 2;
    }
    out->mask = size - 1;
    out->slots = quern_pass_alloc(ctx, size * sizeof *out->slots);
    return out->slots != NULL;
}

/* Where it stands, or the free place where it would. */
static size_t place_of(const struct qn_hash_table *t, const void *what,
                       uint64_t hash, qn_equal_fn equal)
{
    size_t i = (size_t)(hash ^ hash >> HIGH_BITS) & t->mask;
    while (t->slots[i].what != NULL &&
           (t->slots[i].hash != hash || !equal(t->slots[i].what, what))) {
        i = (i + 1) & t->mask;
    }
    return i;
}

const void *qn_hash_table_find(const struct qn_hash_table *t, const void *what,
                               uint64_t hash, qn_equal_fn equal)
{
    return t->slots[place_of(t, what, hash, equal)].what;
}

const void *qn_hash_table_find_or_add(struct qn_hash_table *t, const void *what,
                                      uint64_t hash, qn_equal_fn equal)
{
    size_t i = place_of(t, what, hash, equal);
    const void *there = t->slots[i].what;
    if (there == NULL) {
        t->slots[i] = (struct qn_hash_slot){hash, what};
    }
    return there;
}
