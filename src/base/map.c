/* Hash map from strings to pointers: open addressing, linear probing; and the
 * nearest name for hints. */
#include "base/map.h"

#include <quern/types.h>

#include "base/alloc.h"

#include <string.h>

struct qn_map_slot {
    uint64_t hash;
    const char *key; /* NULL: never used */
    void *value;     /* NULL with a key: removed */
};

uint64_t qn_hash(const void *data, size_t size)
{
    const unsigned char *bytes = data;
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
    }
    return hash;
}

uint64_t quern_hash(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (; size >= 8; size -= 8, bytes += 8) {
        uint64_t word;
        memcpy(&word, bytes, sizeof word);
        hash = (hash ^ word) * 0x100000001b3u;
        hash ^= hash >> 29;
    }
    for (; size > 0; size--, bytes++) {
        hash = (hash ^ *bytes) * 0x100000001b3u;
    }
    return hash;
}

static struct qn_map_slot *find(const struct qn_map *map, const char *key,
                                uint64_t hash)
{
    size_t i = (size_t)hash & (map->room - 1);
    for (;; i = (i + 1) & (map->room - 1)) {
        struct qn_map_slot *slot = &map->slots[i];
        if (slot->key == NULL ||
            (slot->hash == hash && strcmp(slot->key, key) == 0)) {
            return slot;
        }
    }
}

void *qn_map_get(const struct qn_map *map, const char *key)
{
    if (map->room == 0) {
        return NULL;
    }
    return find(map, key, qn_hash(key, strlen(key)))->value;
}

bool qn_map_reserve(struct qn_map *map, size_t n)
{
    if ((map->count + n) * 3 <= map->room * 2) {
        return true;
    }
    size_t room = map->room == 0 ? 16 : map->room * 2;
    while ((map->count + n) * 3 > room * 2) {
        room *= 2;
    }
    struct qn_map bigger = {.room = room};
    bigger.slots = qn_calloc_n(room, sizeof *bigger.slots);
    if (bigger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < map->room; i++) {
        const struct qn_map_slot *old = &map->slots[i];
        if (old->value != NULL) {
            *find(&bigger, old->key, old->hash) = *old;
            bigger.count++;
        }
    }
    qn_free(map->slots);
    *map = bigger;
    return true;
}

bool qn_map_set(struct qn_map *map, const char *key, void *value)
{
    if (!qn_map_reserve(map, 1)) {
        return false;
    }
    uint64_t hash = qn_hash(key, strlen(key));
    struct qn_map_slot *slot = find(map, key, hash);
    if (slot->key == NULL) {
        map->count++; /* removed slots stay counted until the map grows */
    }
    *slot = (struct qn_map_slot){hash, key, value};
    return true;
}

void qn_map_remove(struct qn_map *map, const char *key)
{
    if (map->room > 0) {
        struct qn_map_slot *slot = find(map, key, qn_hash(key, strlen(key)));
        slot->value = NULL;
    }
}

void qn_map_finish(struct qn_map *map)
{
    qn_free(map->slots);
    *map = (struct qn_map){0};
}

enum { NAME_MAX_LENGTH = 63 };

static int min3(int a, int b, int c)
{
    int m = a < b ? a : b;
    return m < c ? m : c;
}

/* Optimal string alignment (Damerau-Levenshtein without repeated moves). */
int qn_edit_distance(const char *a, const char *b, int limit)
{
    size_t n = strlen(a);
    size_t m = strlen(b);
    if (n > NAME_MAX_LENGTH || m > NAME_MAX_LENGTH) {
        return limit + 1;
    }
    int rows[3][NAME_MAX_LENGTH + 1];
    for (size_t j = 0; j <= m; j++) {
        rows[0][j] = (int)j;
    }
    for (size_t i = 1; i <= n; i++) {
        int *row = rows[i % 3];
        const int *up = rows[(i + 2) % 3];
        const int *up2 = rows[(i + 1) % 3];
        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int cost = a[i - 1] == b[j - 1] ? 0 : 1;
            row[j] = min3(up[j] + 1, row[j - 1] + 1, up[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
                a[i - 2] == b[j - 1] && up2[j - 2] + 1 < row[j]) {
                row[j] = up2[j - 2] + 1;
            }
        }
    }
    int distance = rows[n % 3][m];
    return distance > limit ? limit + 1 : distance;
}

const char *qn_nearest_name(const char *wanted, const char *const *names)
{
    int length = (int)strlen(wanted);
    int limit = length / 2 < 3 ? length / 2 : 3;
    const char *best = NULL;
    for (; *names != NULL && limit > 0; names++) {
        int distance = qn_edit_distance(wanted, *names, limit);
        if (distance <= limit) {
            best = *names;
            limit = distance - 1;
        }
    }
    return best;
}
