/* Names of a model: open addressing over (graph, name), linear probing. A key
 * without graph is a name that is taken somewhere. */
#include "ir/names.h"

#include "base/checked.h"

#include <string.h>

struct slot {
    uint64_t hash;
    const char *name; /* NULL: empty */
    const struct quern_graph *graph;
    struct quern_value *value;
    uint32_t next_number; /* of a taken name: first suffix worth trying */
    uint32_t n_values;    /* of a taken name: values that were given it */
};

struct qn_names {
    struct slot *slots;
    size_t room; /* power of two */
    size_t count;
};

struct qn_names *qn_names_create(void)
{
    struct qn_names *names = qn_calloc(sizeof *names);
    if (names == NULL) {
        return NULL;
    }
    names->room = 64;
    names->slots = qn_calloc_n(names->room, sizeof *names->slots);
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
        qn_free(names);
    }
}

static uint64_t hash_of(const struct quern_graph *graph, const char *name)
{
    uint64_t hash = qn_hash(name, strlen(name));
    uint64_t id = graph != NULL ? (uint64_t)graph->id + 1 : 0;
    return hash ^ (id * UINT64_C(0x9e3779b97f4a7c15));
}

static struct slot *find(const struct qn_names *names,
                         const struct quern_graph *graph, const char *name,
                         uint64_t hash)
{
    size_t i = (size_t)hash & (names->room - 1);
    for (;; i = (i + 1) & (names->room - 1)) {
        struct slot *slot = &names->slots[i];
        if (slot->name == NULL || (slot->hash == hash && slot->graph == graph &&
                                   strcmp(slot->name, name) == 0)) {
            return slot;
        }
    }
}

/* The first free slot for a key: where it stands more than once, for values
 * that have changed their names. */
static struct slot *find_free(const struct qn_names *names, uint64_t hash)
{
    size_t i = (size_t)hash & (names->room - 1);
    while (names->slots[i].name != NULL) {
        i = (i + 1) & (names->room - 1);
    }
    return &names->slots[i];
}

/* Room for two more entries, at most 2/3 full. */
static bool grow(struct qn_names *names)
{
    if ((names->count + 2) * 3 <= names->room * 2) {
        return true;
    }
    struct qn_names bigger = {.room = names->room * 2};
    size_t size = 0;
    bigger.slots = qn_mul(bigger.room, sizeof *bigger.slots, &size)
                       ? qn_alloc_pages(size)
                       : NULL;
    if (bigger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < names->room; i++) {
        const struct slot *old = &names->slots[i];
        if (old->name != NULL) {
            *find_free(&bigger, old->hash) = *old;
        }
    }
    qn_free(names->slots);
    names->slots = bigger.slots;
    names->room = bigger.room;
    return true;
}

/* Room must have been made. */
static struct slot *enter(struct qn_names *names,
                          const struct quern_graph *graph, const char *name,
                          struct quern_value *value)
{
    uint64_t hash = hash_of(graph, name);
    struct slot *slot = find(names, graph, name, hash);
    if (slot->value != NULL && slot->value != value) {
        slot = find_free(names, hash); /* undoing gives the other one its name
                                          back */
    }
    if (slot->name == NULL) {
        slot->hash = hash;
        slot->name = name;
        slot->graph = graph;
        slot->next_number = 1;
        names->count++;
    }
    slot->value = value;
    return slot;
}

struct quern_value *qn_names_value(const struct qn_names *names,
                                   const struct quern_graph *graph,
                                   const char *name)
{
    uint64_t hash = hash_of(graph, name);
    struct quern_value *erased = NULL;
    size_t i = (size_t)hash & (names->room - 1);
    for (; names->slots[i].name != NULL; i = (i + 1) & (names->room - 1)) {
        struct quern_value *v = names->slots[i].value;
        /* One that has moved or changed its name, or whose move was undone, is
         * not here. */
        bool is_here = v != NULL && names->slots[i].hash == hash &&
                       v->graph == graph && strcmp(v->name, name) == 0;
        if (is_here && !v->erased) {
            return v;
        }
        erased = is_here ? v : erased;
    }
    return erased;
}

bool qn_names_add(struct qn_names *names, struct quern_value *value)
{
    if (!grow(names)) {
        return false;
    }
    (void)enter(names, value->graph, value->name, value);
    enter(names, NULL, value->name, NULL)->n_values++;
    return true;
}

bool qn_names_shared(const struct qn_names *names, const char *name)
{
    return find(names, NULL, name, hash_of(NULL, name))->n_values > 1;
}

bool qn_names_move(struct qn_names *names, struct quern_value *value,
                   const struct quern_graph *graph, const char *name)
{
    if (!grow(names)) {
        return false;
    }
    (void)enter(names, graph, name, value);
    (void)enter(names, NULL, name, NULL);
    return true;
}

bool qn_names_take(struct qn_names *names, const char *name)
{
    if (!grow(names)) {
        return false;
    }
    (void)enter(names, NULL, name, NULL);
    return true;
}

bool qn_names_taken(const struct qn_names *names, const char *name)
{
    return find(names, NULL, name, hash_of(NULL, name))->name != NULL;
}

const char *qn_names_unique(struct quern_model *model, const char *wanted)
{
    struct qn_names *names = model->names;
    struct slot *slot = find(names, NULL, wanted, hash_of(NULL, wanted));
    if (slot->name == NULL) {
        return qn_arena_strdup(&model->arena, wanted);
    }
    /* The slot remembers the last suffix, so that n new names cost n steps. */
    for (;;) {
        const char *name = qn_arena_printf(&model->arena, "%s_%u", wanted,
                                           slot->next_number++);
        if (name == NULL || !qn_names_taken(names, name)) {
            return name;
        }
    }
}
