/* Data movement between a linear operator and what scales its channels:
 * Reshape and its kin, Transpose. */
#ifndef QUERN_PASSES_FUSE_MOVES_H
#define QUERN_PASSES_FUSE_MOVES_H

#include <quern/pass.h>

enum { QN_MOST_MOVES = 6 };

/** A chain of them, of which each alone reads the one before it. */
struct qn_moves {
    struct quern_node *at[QN_MOST_MOVES]; /* the last one first */
    size_t n;
    struct quern_value *from; /* what the first of them moves */
    struct quern_value *to;   /* what the last of them makes */
};

/** Moves in front of a value that `reader` alone reads; n = 0: none. */
void qn_moves_before(struct quern_value *value, const struct quern_node *reader,
                     struct qn_moves *out);

/** The elements of a constant that is broadcast to `moves->to`, as one number
 * for each of the n channels of `moves->from`.
 * @param axis  of the channels, from the end: -1 last
 * @return false when it varies along something else, widens the data, or is no
 * such constant */
bool qn_moves_numbers(const struct qn_moves *moves,
                      const struct quern_value *constant, int axis, int64_t n,
                      double *out);

/** For each of the n channels of `moves->from`, where along axis `to_axis` of
 * `moves->to` (from the front) its elements are.
 * @return false when they are not at one place, or it is not known */
bool qn_moves_places(const struct qn_moves *moves, int axis, int64_t n,
                     int to_axis, int64_t *out);

/** The numbers that the moves pass on have changed: what they read and make has
 * new names, but for what the last of them makes, which is `last`, made by
 * `node`, which goes. */
enum quern_code qn_moves_take_over(const struct qn_moves *moves,
                                   struct quern_node *node)
    __attribute__((warn_unused_result));

#endif
