/* Which nodes a pattern cannot match, told from the index alone: an argument
 * that is an operator must be made by one, and the index knows what makes the
 * first inputs of each node. Most tries of most patterns end there, without a
 * look at any node. */
#ifndef QUERN_PASS_SIEVE_H
#define QUERN_PASS_SIEVE_H

#include "ir/index.h"
#include "pass/pattern.h"

/** An operator in front of a node. */
struct qn_need {
    const char *domain;
    const char *op;
    uint32_t id;    /* in the index; 0: not entered yet */
    size_t n_asked; /* operators in the index when that was found out */
    size_t input;   /* that is made by it; QN_INPUTS: any */
    size_t n_below; /* what it needs itself */
    struct qn_need *below;
};

/** What the arguments of a pattern's root need, all of it. */
struct qn_needs {
    size_t n;
    struct qn_need *at;
};

/** Lies in the arena. False: no memory. */
bool qn_needs_of(const struct quern_pattern *pattern, struct qn_arena *arena,
                 struct qn_needs *out) __attribute__((warn_unused_result));

/** False: the node does not match. */
bool qn_needs_are_met(const struct qn_needs *needs,
                      const struct qn_index *index, uint32_t id);

/** One of them alone. */
bool qn_need_is_met(struct qn_need *need, const struct qn_index *index,
                    uint32_t id);

/** A need for "Conv" or "com.acme.Op" at any input: `name` is borrowed. False:
 * no memory. */
bool qn_need_named(struct qn_need *need, struct qn_arena *arena,
                   const char *name) __attribute__((warn_unused_result));

#endif
