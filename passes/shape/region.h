/* move-transposes: nodes behind a Transpose that may as well work on what it
 * reads. */
#ifndef QUERN_PASSES_SHAPE_REGION_H
#define QUERN_PASSES_SHAPE_REGION_H

#include <quern/pass.h>

enum { QN_MOST_NODES = 64, QN_MOST_VALUES = 128, QN_MOST_USES = 64 };

/** How a node follows when its data is turned. */
enum qn_turn {
    QN_TURN_NOT,       /* it does not */
    QN_TURN_FIRST,     /* element by element of input 0; others are scalars */
    QN_TURN_BROADCAST, /* all inputs are broadcast to each other */
    QN_TURN_REDUCE,    /* axes that are kept as 1 */
    QN_TURN_CONCAT,    /* its axis */
    QN_TURN_CODES,     /* the axis of QuantizeLinear and DequantizeLinear */
};

/** A value of the region: Transpose(source, perm). */
struct qn_turned {
    struct quern_value *value;
    struct quern_value *source; /* NULL: still to be made */
    struct quern_node *entry;   /* the Transpose that makes it; NULL: a node of
                                   the region does */
    bool stays;                 /* somebody reads it as it is */
};

struct qn_region {
    struct quern_graph *graph;
    int rank;
    int64_t perm[QUERN_MAX_RANK]; /* axis i of a value is perm[i] of its
                                     source */
    struct qn_turned values[QN_MOST_VALUES];
    size_t n_values;
    struct quern_node *nodes[QN_MOST_NODES]; /* those in front first */
    size_t n_nodes;
    bool reduces_none; /* reductions do not join */
};

/** Axes of a Transpose whose input has a known rank.
 * @return that rank, 0: not known, or too many axes */
int qn_read_perm(const struct quern_node *transpose, int64_t *out_perm);

/** The value's row in the region; NULL: none. */
struct qn_turned *qn_region_find(struct qn_region *region,
                                 const struct quern_value *value);

/** What happens to a node of these operators. */
enum qn_turn qn_turn_of(const struct quern_node *node);

/** True when attributes and the inputs that are not of the region allow it. */
bool qn_can_turn(const struct qn_region *region, const struct quern_node *node,
                 enum qn_turn turn);

/** True for a constant that can be turned like the region, broadcast. */
bool qn_can_turn_constant(const struct qn_region *region,
                          const struct quern_value *value, bool whole_rank);

/** Let a node read the sources of what it reads, and make the source of what it
 * makes. */
enum quern_code qn_turn_node(struct quern_pass_ctx *ctx,
                             struct qn_region *region, struct quern_node *node)
    __attribute__((warn_unused_result));

#endif
