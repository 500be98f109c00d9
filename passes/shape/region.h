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
    QN_TURN_AXIS,      /* its attribute `axis`; other inputs are as they are */
    QN_TURN_LIST, /* a constant list of axes, or of numbers for each axis */
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

/** Axes of a Transpose.
 * @return how many, 0: not known, too many, fewer than two, or no Transpose */
int qn_read_perm(const struct quern_node *transpose, int64_t *out_perm);

/** The value's row in the region; NULL: none. */
struct qn_turned *qn_region_find(struct qn_region *region,
                                 const struct quern_value *value);

/** An axis, counted from the front; -1: out of range. */
int64_t qn_region_axis(const struct qn_region *region, int64_t axis);

/** What happens to a node of these operators. */
enum qn_turn qn_turn_of(const struct quern_node *node);

/** True when attributes and the inputs that are not of the region allow it. */
bool qn_can_turn(const struct qn_region *region, const struct quern_node *node,
                 enum qn_turn turn);

/** True for a constant that can be turned like the region, broadcast. */
bool qn_can_turn_constant(const struct qn_region *region,
                          const struct quern_value *value, bool whole_rank);

/** Of nodes with an axis or a list of axes: which they are, whether attributes
 * and constants allow it, and the turning itself. */
enum qn_turn qn_turn_of_axes(const struct quern_node *node);
bool qn_can_turn_axes(const struct qn_region *region,
                      const struct quern_node *node, enum qn_turn turn);
enum quern_code qn_turn_axes(struct quern_pass_ctx *ctx,
                             const struct qn_region *region,
                             struct quern_node *node, enum qn_turn turn)
    __attribute__((warn_unused_result));

/** True for a node that takes axes out of a value of the region, in whose
 * result the order of the other axes is that of the source: it needs no
 * Transpose in front. */
bool qn_is_sink(const struct qn_region *region, const struct quern_use *use);

/** Let such a node read the source. */
enum quern_code
qn_turn_sink(struct quern_pass_ctx *ctx, const struct qn_region *region,
             struct quern_node *node, struct quern_value *source)
    __attribute__((warn_unused_result));

/** Let a node read the sources of what it reads, and make the source of what it
 * makes. */
enum quern_code qn_turn_node(struct quern_pass_ctx *ctx,
                             struct qn_region *region, struct quern_node *node)
    __attribute__((warn_unused_result));

#endif
