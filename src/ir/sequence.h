/* Walking all nodes of a graph, or those with some operators, in their order
 * and at the speed of memory, not of its latency.
 *
 * The order is kept as an array of node ids (a sequence), made when it is first
 * walked and again when nodes have been put in. A walk that looks for operators
 * reads two dense columns and touches no other node; what it will give soon it
 * fetches ahead: the node, then its inputs and outputs, then what makes those.
 *
 * The node just given, and any other, may be edited and erased. An operator
 * that changes during the walk counts as it is when its node is reached. Nodes
 * that are made during the walk are not given.
 */
#ifndef QUERN_IR_SEQUENCE_H
#define QUERN_IR_SEQUENCE_H

#include "ir/ir.h"

/** Ids of the nodes of a graph in order; shared by walks, never changed. */
struct qn_sequence {
    size_t count; /* users: the graph, and each walk */
    uint64_t layout;
    size_t n;
    uint32_t ids[];
};

/** Asked once for each operator. */
typedef bool (*qn_wants_fn)(const struct qn_op_type *op, void *user);

/** Asked for each node with a wanted operator, by its id: false says that it is
 * of no interest, as far as the index tells. */
typedef bool (*qn_may_fn)(const struct qn_index *index, uint32_t id,
                          void *user);

enum {
    QN_WALK_OPS = 256, /* operators whose answer is kept */
    QN_WALK_SOON = 16, /* nodes on their way; a power of two */
};

struct qn_walk {
    struct quern_graph *graph;
    bool backward;
    qn_wants_fn wants; /* NULL: all */
    qn_may_fn may;     /* NULL: all of them */
    void *user;
    uint32_t end_id;              /* nodes from this one on are new */
    struct qn_sequence *sequence; /* NULL: along the list */
    size_t i;                     /* places behind, of sequence->n */
    size_t i_soon;                /* the same of what is fetched */
    size_t n_given;
    size_t n_soon;
    struct quern_node *soon[QN_WALK_SOON];
    struct quern_node *next;            /* along the list */
    unsigned char answers[QN_WALK_OPS]; /* by operator: 0 not asked yet */
};

/** Begin at the first node, or at the last. It cannot fail: with too little
 * memory for a sequence it goes along the list. End it by qn_walk_end(). */
void qn_walk_begin(struct qn_walk *walk, struct quern_graph *graph,
                   bool backward, qn_wants_fn wants, qn_may_fn may, void *user);

/** The next one; NULL: that was the last. */
struct quern_node *qn_walk_next(struct qn_walk *walk);

void qn_walk_end(struct qn_walk *walk);

/** Give up a count; NULL is fine. */
void qn_sequence_release(struct qn_sequence *sequence);

#endif
