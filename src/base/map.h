/* Hash map from strings to pointers, and from 32-bit ids to pointers.
 *
 * Iteration order is never used for output. Keys of string maps are borrowed.
 * Zero-initialised storage is a valid empty map; finish() frees it.
 */
#ifndef QUERN_BASE_MAP_H
#define QUERN_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qn_map {
    struct qn_map_slot *slots;
    size_t room; /* power of two, or 0 */
    size_t count;
};

/** Value of a key or NULL. */
void *qn_map_get(const struct qn_map *map, const char *key);
/** Set; value must not be NULL. false when no memory is left. */
bool qn_map_set(struct qn_map *map, const char *key, void *value);
/** Removing what is not there is fine. */
void qn_map_remove(struct qn_map *map, const char *key);
/** Make room so that the next `n` sets of new keys cannot fail. */
bool qn_map_reserve(struct qn_map *map, size_t n);
void qn_map_finish(struct qn_map *map);

/** FNV-1a, seeded by nothing: the same everywhere. */
uint64_t qn_hash(const void *data, size_t size);

/** Damerau-Levenshtein distance, stops counting at `limit`. For hints. */
int qn_edit_distance(const char *a, const char *b, int limit);

/** The name of `names` (NULL-ended) nearest to `wanted`, at most 3 edits and
 * less than half its length away; NULL when none is near. */
const char *qn_nearest_name(const char *wanted, const char *const *names);

#endif
