/* What walks ask of all nodes and values, packed close together.
 *
 * A graph of 100,000 nodes fills 100 MB: a pass that looks at each node only to
 * find that it is of no interest would wait for main memory at each. So the
 * operators of all nodes stand in one dense column, by node id, what
 * makes a value and whether it is read in others, by value id: such a pass
 * reads a few bytes a node, in order. Columns come in chunks that are never
 * moved, since the write log of the journal points into them. Erasing, making
 * and renaming go through the journal; undoing restores the columns as it
 * restores nodes.
 *
 * Walks over these columns: sequence.h.
 */
#ifndef QUERN_IR_INDEX_H
#define QUERN_IR_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qn_arena;
struct quern_model;
struct quern_node;
struct quern_value;

/** An operator that some node of the model has or had. Nodes share the two
 * strings: equal operators have equal pointers. */
struct qn_op_type {
    const char *domain; /* "" for ai.onnx */
    const char *op;
    uint32_t id; /* from 1 on, by making */
    uint64_t hash;
};

enum {
    QN_CHUNK = 1024,
    QN_INPUTS = 2, /* inputs of a node that the index knows */
};

/** What an edit of a node leaves to do. Sticky: undoing sets it too. */
enum {
    QN_TOUCHED_TYPES = 1, /* infer its outputs again */
    QN_TOUCHED_LINKS = 2, /* verify it again */
    QN_TOUCHED_ALL = 3,
};

struct qn_node_chunk {
    uint32_t ops[QN_CHUNK];               /* 0: erased, or not there yet */
    uint32_t graphs[QN_CHUNK];            /* id of the graph */
    uint32_t inputs[QN_CHUNK][QN_INPUTS]; /* 1 + id of the value; 0: none */
    struct quern_node *nodes[QN_CHUNK];
    unsigned char is_mute[QN_CHUNK];     /* all outputs are left out */
    unsigned char touched[QN_CHUNK];     /* not journaled */
    unsigned char has_numbers[QN_CHUNK]; /* inference knows elements of what it
                                            makes; not journaled */
};

struct qn_value_chunk {
    uint32_t makers[QN_CHUNK]; /* 1 + id of the node that makes it; 0: none */
    struct quern_value *values[QN_CHUNK];
    unsigned char is_unread[QN_CHUNK]; /* there, but without uses */
};

struct qn_index {
    struct qn_op_type **ops; /* by id; ops[0] is NULL */
    size_t n_ops;            /* ids are below this */
    size_t ops_room;
    uint32_t *slots; /* hash table of operator ids; 0: empty */
    size_t slots_room;
    struct qn_node_chunk **nodes;
    size_t nodes_room; /* chunks that there is room for */
    size_t n_node_chunks;
    struct qn_value_chunk **values;
    size_t values_room;
    size_t n_value_chunks;
    uint64_t layout; /* grows when a node takes a place: sequences are out of
                        date then. Erasing leaves them good */
};

/** The operator, entered if it is new (both strings are copied then); NULL: no
 * memory. */
const struct qn_op_type *qn_index_op(struct quern_model *model,
                                     const char *domain, const char *op);

/** Id of an operator if it has been entered, else 0. */
uint32_t qn_index_find(const struct qn_index *index, const char *domain,
                       const char *op);

/** The operator by id, not 0. */
static inline const struct qn_op_type *
qn_index_op_at(const struct qn_index *index, uint32_t id)
{
    return index->ops[id];
}

/** Make room for the ids that come next, so that entering cannot fail. */
bool qn_index_reserve_node(struct quern_model *model)
    __attribute__((warn_unused_result));
bool qn_index_reserve_value(struct quern_model *model)
    __attribute__((warn_unused_result));

/** Enter a node or value that has its id. */
void qn_index_enter_node(struct quern_node *node);
void qn_index_enter_value(struct quern_value *value);

/** Cells of a node or value, to be written through the journal. */
static inline uint32_t *qn_index_op_of(const struct qn_index *index,
                                       uint32_t id)
{
    return &index->nodes[id / QN_CHUNK]->ops[id % QN_CHUNK];
}

static inline uint32_t *qn_index_graph_of(const struct qn_index *index,
                                          uint32_t id)
{
    return &index->nodes[id / QN_CHUNK]->graphs[id % QN_CHUNK];
}

static inline uint32_t *qn_index_input_of(const struct qn_index *index,
                                          uint32_t id, size_t i)
{
    return &index->nodes[id / QN_CHUNK]->inputs[id % QN_CHUNK][i];
}

static inline uint32_t *qn_index_maker_of(const struct qn_index *index,
                                          uint32_t id)
{
    return &index->values[id / QN_CHUNK]->makers[id % QN_CHUNK];
}

/** 1 + id of the node that makes input i (below QN_INPUTS) of a node; 0: no
 * node does. */
static inline uint32_t qn_index_maker_behind(const struct qn_index *index,
                                             uint32_t id, size_t i)
{
    uint32_t value = *qn_index_input_of(index, id, i);
    return value != 0 ? *qn_index_maker_of(index, value - 1) : 0;
}

static inline unsigned char *qn_index_mute_of(const struct qn_index *index,
                                              uint32_t id)
{
    return &index->nodes[id / QN_CHUNK]->is_mute[id % QN_CHUNK];
}

static inline unsigned char *qn_index_touched_of(const struct qn_index *index,
                                                 uint32_t id)
{
    return &index->nodes[id / QN_CHUNK]->touched[id % QN_CHUNK];
}

static inline unsigned char *qn_index_numbers_of(const struct qn_index *index,
                                                 uint32_t id)
{
    return &index->nodes[id / QN_CHUNK]->has_numbers[id % QN_CHUNK];
}

static inline unsigned char *qn_index_unread_of(const struct qn_index *index,
                                                uint32_t id)
{
    return &index->values[id / QN_CHUNK]->is_unread[id % QN_CHUNK];
}

static inline struct quern_node *qn_index_node_at(const struct qn_index *index,
                                                  uint32_t id)
{
    return index->nodes[id / QN_CHUNK]->nodes[id % QN_CHUNK];
}

/** Mark the nodes that read a value, or all nodes, or take marks off all. */
void qn_index_touch_readers(const struct quern_value *value, unsigned marks);
void qn_index_touch_all(struct qn_index *index, unsigned marks);
void qn_index_untouch_all(struct qn_index *index, unsigned marks);

static inline struct quern_value *
qn_index_value_at(const struct qn_index *index, uint32_t id)
{
    return index->values[id / QN_CHUNK]->values[id % QN_CHUNK];
}

/** Free what does not live in the arena. */
void qn_index_finish(struct qn_index *index);

#endif
