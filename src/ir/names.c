/* Names of a model: a hash table of slots of 8 bytes, which tell most that is
 * asked (a name is free, or it is not), and the entries behind them in the
 * order of their making. Of a large model slots fit a cache and entries do not.
 *
 * An entry without graph is that of the name itself, with the first value that
 * has it. Most names have one. Other values of the name, and a value under a
 * name that it is about to get, have entries keyed by graph and name. */
#include "ir/names.h"

#include "base/checked.h"

#include <string.h>

struct entry {
    const char *name;
    const struct quern_graph *graph; /* NULL: of the name itself */
    struct quern_value *value;       /* NULL: of a node, or only mentioned */
    uint32_t next_number;            /* first suffix worth trying */
    uint32_t n_values;               /* that were given the name */
};

struct slot {
    uint32_t hash;
    uint32_t at; /* 1 + number of the entry; 0: empty */
};

struct qn_names {
    struct slot *slots;
    size_t slots_room; /* power of two */
    struct entry *entries;
    size_t entries_room;
    size_t n;
};

enum { FIRST_ROOM = 64 };

struct qn_names *qn_names_create(void)
{
    struct qn_names *names = qn_calloc(sizeof *names);
    if (names == NULL) {
        return NULL;
    }
    names->slots_room = FIRST_ROOM;
    names->slots = qn_calloc_n(FIRST_ROOM, sizeof *names->slots);
    if (names->slots == NULL) {
        qn_free(names);
        return NULL;
    }
    return names;
}

void qn_names_destroy(struct qn_names *names)
{
    if (names != NULL) {
        qn_free(names->slots);
        qn_free(names->entries);
        qn_free(names);
    }
}

static uint32_t hash_of(const struct quern_graph *graph, const char *name)
{
    uint64_t hash = qn_hash(name, strlen(name));
    uint64_t id = graph != NULL ? (uint64_t)graph->id + 1 : 0;
    hash ^= id * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(hash ^ hash >> 32);
}

/* Number of the slot behind i. */
static size_t next_slot(const struct qn_names *names, size_t i)
{
    return (i + 1) & (names->slots_room - 1);
}

/* The next entry of that hash from slot *i on, which is left at it; NULL: no
 * more. */
static struct entry *next_entry(const struct qn_names *names, uint32_t hash,
                                size_t *i)
{
    while (names->slots[*i].at != 0 && names->slots[*i].hash != hash) {
        *i = next_slot(names, *i);
    }
    uint32_t at = names->slots[*i].at;
    return at != 0 ? &names->entries[at - 1] : NULL;
}

static size_t first_slot(const struct qn_names *names, uint32_t hash)
{
    return hash & (names->slots_room - 1);
}

/* Entry of the name itself, or NULL. */
static struct entry *find(const struct qn_names *names, const char *name,
                          uint32_t hash)
{
    size_t i = first_slot(names, hash);
    struct entry *e = next_entry(names, hash, &i);
    while (e != NULL && (e->graph != NULL || strcmp(e->name, name) != 0)) {
        i = next_slot(names, i);
        e = next_entry(names, hash, &i);
    }
    return e;
}

static void fill_slot(const struct qn_names *names, struct slot slot)
{
    size_t i = first_slot(names, slot.hash);
    while (names->slots[i].at != 0) {
        i = next_slot(names, i);
    }
    names->slots[i] = slot;
}

/* Double the slots. */
static bool grow_slots(struct qn_names *names)
{
    struct qn_names bigger = *names;
    size_t size = 0;
    bigger.slots_room *= 2;
    bigger.slots = qn_mul(bigger.slots_room, sizeof *bigger.slots, &size)
                       ? qn_alloc_pages(size)
                       : NULL;
    if (bigger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < names->slots_room; i++) {
        if (names->slots[i].at != 0) {
            fill_slot(&bigger, names->slots[i]);
        }
    }
    qn_free(names->slots);
    *names = bigger;
    return true;
}

/* Room for two more entries; slots at most half full. */
static bool reserve(struct qn_names *names)
{
    if (names->n + 2 > names->entries_room) {
        size_t room =
            names->entries_room == 0 ? FIRST_ROOM : names->entries_room * 2;
        struct entry *grown =
            room <= UINT32_MAX
                ? qn_realloc_n(names->entries, room, sizeof *grown)
                : NULL;
        if (grown == NULL) {
            return false;
        }
        names->entries = grown;
        names->entries_room = room;
    }
    return (names->n + 2) * 2 <= names->slots_room || grow_slots(names);
}

/* Room must have been made. */
static struct entry *add(struct qn_names *names, const char *name,
                         const struct quern_graph *graph, uint32_t hash)
{
    struct entry *e = &names->entries[names->n++];
    *e = (struct entry){.name = name, .graph = graph, .next_number = 1};
    fill_slot(names, (struct slot){hash, (uint32_t)names->n});
    return e;
}

/* Entry of a name itself, made if there is none: room must have been made. */
static struct entry *take(struct qn_names *names, const char *name)
{
    uint32_t hash = hash_of(NULL, name);
    struct entry *e = find(names, name, hash);
    return e != NULL ? e : add(names, name, NULL, hash);
}

/* Let a name in a graph mean a value; undoing may give it back to the one that
 * has it now, whose entry stays. */
static void enter(struct qn_names *names, struct entry *e,
                  const struct quern_graph *graph, struct quern_value *value)
{
    const char *name = e->name;
    if (e->value == NULL || e->value == value) {
        e->value = value;
        return;
    }
    uint32_t hash = hash_of(graph, name);
    size_t i = first_slot(names, hash);
    for (e = next_entry(names, hash, &i); e != NULL;
         e = next_entry(names, hash, &i)) {
        if (e->graph == graph && e->value == value &&
            strcmp(e->name, name) == 0) {
            return;
        }
        i = next_slot(names, i);
    }
    add(names, name, graph, hash)->value = value;
}

/* One that has moved or changed its name, or whose move was undone, is not
 * here. */
static bool is_here(const struct quern_value *v,
                    const struct quern_graph *graph, const char *name)
{
    return v != NULL && v->graph == graph && strcmp(v->name, name) == 0;
}

struct quern_value *qn_names_value(const struct qn_names *names,
                                   const struct quern_graph *graph,
                                   const char *name)
{
    const struct entry *e = find(names, name, hash_of(NULL, name));
    if (e == NULL || e->value == NULL) {
        return NULL;
    }
    struct quern_value *found =
        is_here(e->value, graph, name) ? e->value : NULL;
    if (found != NULL && !found->erased) {
        return found;
    }
    uint32_t hash = hash_of(graph, name);
    size_t i = first_slot(names, hash);
    for (e = next_entry(names, hash, &i); e != NULL;
         e = next_entry(names, hash, &i)) {
        if (e->graph == graph && is_here(e->value, graph, name)) {
            found = e->value;
            if (!found->erased) {
                break;
            }
        }
        i = next_slot(names, i);
    }
    return found;
}

bool qn_names_add(struct qn_names *names, struct quern_value *value)
{
    if (!reserve(names)) {
        return false;
    }
    struct entry *e = take(names, value->name);
    e->n_values++;
    enter(names, e, value->graph, value);
    return true;
}

bool qn_names_shared(const struct qn_names *names, const char *name)
{
    const struct entry *e = find(names, name, hash_of(NULL, name));
    return e != NULL && e->n_values > 1;
}

bool qn_names_move(struct qn_names *names, struct quern_value *value,
                   const struct quern_graph *graph, const char *name)
{
    if (!reserve(names)) {
        return false;
    }
    enter(names, take(names, name), graph, value);
    return true;
}

bool qn_names_take(struct qn_names *names, const char *name)
{
    if (!reserve(names)) {
        return false;
    }
    (void)take(names, name);
    return true;
}

bool qn_names_taken(const struct qn_names *names, const char *name)
{
    return find(names, name, hash_of(NULL, name)) != NULL;
}

const char *qn_names_unique(struct quern_model *model, const char *wanted)
{
    const struct qn_names *names = model->names;
    struct entry *e = find(names, wanted, hash_of(NULL, wanted));
    if (e == NULL) {
        return qn_arena_strdup(&model->arena, wanted);
    }
    /* The entry remembers the last suffix, so that n new names cost n steps. */
    for (;;) {
        const char *name =
            qn_arena_printf(&model->arena, "%s_%u", wanted, e->next_number++);
        if (name == NULL || !qn_names_taken(names, name)) {
            return name;
        }
    }
}

bool qn_names_output(const struct quern_graph *graph, const char *name,
                     size_t hint, struct qn_map *places, size_t *out)
{
    size_t n = graph->n_outputs;
    *out = hint;
    if (hint < n && strcmp(graph->outputs[hint]->value->name, name) == 0) {
        return true;
    }
    for (size_t i = places->count == 0 ? n : 0; i > 0; i--) {
        if (!qn_map_set(places, graph->outputs[i - 1]->value->name,
                        &graph->outputs[i - 1])) {
            return false;
        }
    }
    struct quern_use **at = qn_map_get(places, name);
    *out = at != NULL ? (size_t)(at - graph->outputs) : n;
    return true;
}
