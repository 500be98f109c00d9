/* A Loop or Scan that is written out: what it is, and whether it can be. */
#ifndef QUERN_PASSES_CLEAN_UNROLL_H
#define QUERN_PASSES_CLEAN_UNROLL_H

#include <quern/pass.h>

struct qn_unroll_params {
    int64_t max_turns;
    int64_t max_nodes;
};

/* A Loop or Scan at work. */
struct qn_loop {
    struct quern_pass_ctx *ctx;
    struct quern_node *node;
    struct quern_graph *body;
    bool is_scan;
    size_t first_in;  /* input that is carried first: behind number of turns and
                         condition of a Loop */
    size_t first_out; /* of the body, likewise */
    int64_t turns;
    size_t n_carried;
    size_t n_scanned;         /* inputs of a Scan behind them */
    size_t n_outputs;         /* of the node: carried, then collected */
    struct quern_value **map; /* by value id: what stands for one of the
                                 body outside, at this turn */
    size_t n_map;
    struct quern_value **state; /* carried values, new at each turn */
    struct quern_value **parts; /* collected: [output][turn] */
};

/** Number i of a list of a Scan; 0 where it is left out, and of a Loop. */
int64_t qn_scan_listed(const struct qn_loop *l, const char *name, size_t i);

/** Count the parts of a Loop or Scan, whose node and body are given.
 * @return why it stays; NULL when it can go */
const char *qn_unroll_misfit(struct qn_loop *l,
                             const struct qn_unroll_params *p);

/** Nodes of a graph and of the bodies in it. */
size_t qn_count_nodes(const struct quern_graph *graph);

#endif
