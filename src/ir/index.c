/* Columns of nodes and values, and the operators of a model: see index.h. */
#include "ir/index.h"

#include "ir/ir.h"

#include <string.h>

/* ------------------------------------------------------------ operators */

static uint64_t hash_of(const char *domain, const char *op)
{
    uint64_t hash = qn_hash(op, strlen(op));
    return hash ^ (qn_hash(domain, strlen(domain)) * 3);
}

/* Slot of the operator, or the empty one where it belongs. */
static uint32_t *find(const struct qn_index *index, const char *domain,
                      const char *op, uint64_t hash)
{
    size_t i = (size_t)hash & (index->slots_room - 1);
    for (;; i = (i + 1) & (index->slots_room - 1)) {
        uint32_t id = index->slots[i];
        const struct qn_op_type *at = id != 0 ? index->ops[id] : NULL;
        if (at == NULL || (at->hash == hash && strcmp(at->op, op) == 0 &&
                           strcmp(at->domain, domain) == 0)) {
            return &index->slots[i];
        }
    }
}

/* Room for one operator more, the table at most half full. */
static bool grow_ops(struct qn_index *index)
{
    if (index->n_ops < index->ops_room) {
        return true;
    }
    size_t room = index->ops_room == 0 ? 32 : index->ops_room * 2;
    struct qn_op_type **ops =
        qn_realloc_n(index->ops, room, sizeof(struct qn_op_type *));
    if (ops == NULL) {
        return false;
    }
    index->ops = ops;
    uint32_t *slots = qn_calloc_n(room * 2, sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    qn_free(index->slots);
    index->slots = slots;
    index->slots_room = room * 2;
    index->ops_room = room;
    if (index->n_ops == 0) {
        ops[index->n_ops++] = NULL;
    }
    for (uint32_t id = 1; id < index->n_ops; id++) {
        size_t i = (size_t)ops[id]->hash & (index->slots_room - 1);
        while (slots[i] != 0) {
            i = (i + 1) & (index->slots_room - 1);
        }
        slots[i] = id;
    }
    return true;
}

uint32_t qn_index_find(const struct qn_index *index, const char *domain,
                       const char *op)
{
    return index->slots_room > 0 ? *find(index, domain, op, hash_of(domain, op))
                                 : 0;
}

const struct qn_op_type *qn_index_op(struct quern_model *model,
                                     const char *domain, const char *op)
{
    struct qn_index *index = &model->index;
    if (!grow_ops(index)) {
        return NULL;
    }
    uint64_t hash = hash_of(domain, op);
    uint32_t *slot = find(index, domain, op, hash);
    if (*slot != 0) {
        return index->ops[*slot];
    }
    struct qn_op_type *made = qn_arena_alloc(&model->arena, sizeof *made);
    if (made == NULL) {
        return NULL;
    }
    made->domain = qn_arena_strdup(&model->arena, domain);
    made->op = qn_arena_strdup(&model->arena, op);
    if (made->domain == NULL || made->op == NULL) {
        return NULL;
    }
    made->hash = hash;
    made->id = (uint32_t)index->n_ops;
    index->ops[index->n_ops++] = made;
    *slot = made->id;
    return made;
}

/* --------------------------------------------------------------- columns */

/* A list of chunks that covers `id`; chunks lie in the arena. */
static bool reserve(struct qn_arena *arena, void ***chunks, size_t *room,
                    size_t *n_chunks, uint32_t id, size_t size)
{
    if (id / QN_CHUNK < *n_chunks) {
        return true;
    }
    if (*n_chunks == *room) {
        size_t wanted = *room == 0 ? 4 : *room * 2;
        void **grown = qn_realloc_n(*chunks, wanted, sizeof(void *));
        if (grown == NULL) {
            return false;
        }
        *chunks = grown;
        *room = wanted;
    }
    void *chunk = qn_arena_alloc(arena, size);
    if (chunk == NULL) {
        return false;
    }
    (*chunks)[(*n_chunks)++] = chunk;
    return true;
}

bool qn_index_reserve_node(struct quern_model *model)
{
    struct qn_index *index = &model->index;
    void **chunks = (void **)index->nodes;
    bool fits = reserve(&model->arena, &chunks, &index->nodes_room,
                        &index->n_node_chunks, model->next_node_id,
                        sizeof(struct qn_node_chunk));
    index->nodes = (struct qn_node_chunk **)chunks;
    return fits;
}

bool qn_index_reserve_value(struct quern_model *model)
{
    struct qn_index *index = &model->index;
    void **chunks = (void **)index->values;
    bool fits = reserve(&model->arena, &chunks, &index->values_room,
                        &index->n_value_chunks, model->next_value_id,
                        sizeof(struct qn_value_chunk));
    index->values = (struct qn_value_chunk **)chunks;
    return fits;
}

void qn_index_enter_node(struct quern_node *node)
{
    struct qn_index *index = &node->graph->model->index;
    struct qn_node_chunk *chunk = index->nodes[node->id / QN_CHUNK];
    chunk->nodes[node->id % QN_CHUNK] = node;
    chunk->graphs[node->id % QN_CHUNK] = node->graph->id;
    chunk->touched[node->id % QN_CHUNK] = QN_TOUCHED_ALL;
}

void qn_index_enter_value(struct quern_value *value)
{
    struct qn_index *index = &value->graph->model->index;
    index->values[value->id / QN_CHUNK]->values[value->id % QN_CHUNK] = value;
}

/* ----------------------------------------------------------------- marks */

void qn_index_touch_readers(const struct quern_value *value, unsigned marks)
{
    const struct qn_index *index = &value->graph->model->index;
    for (const struct quern_use *u = value->first_use; u != NULL; u = u->next) {
        if (u->node != NULL) {
            *qn_index_touched_of(index, u->node->id) |= (unsigned char)marks;
        }
    }
}

void qn_index_touch_all(struct qn_index *index, unsigned marks)
{
    for (size_t k = 0; k < index->n_node_chunks; k++) {
        for (size_t i = 0; i < QN_CHUNK; i++) {
            index->nodes[k]->touched[i] |= (unsigned char)marks;
        }
    }
}

void qn_index_untouch_all(struct qn_index *index, unsigned marks)
{
    for (size_t k = 0; k < index->n_node_chunks; k++) {
        for (size_t i = 0; i < QN_CHUNK; i++) {
            index->nodes[k]->touched[i] &= (unsigned char)~marks;
        }
    }
}

void qn_index_finish(struct qn_index *index)
{
    qn_free(index->ops);
    qn_free(index->slots);
    qn_free(index->nodes);
    qn_free(index->values);
    *index = (struct qn_index){0};
}
