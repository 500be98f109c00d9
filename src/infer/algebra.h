/* Arithmetic on numbers that may be expressions over dimensions.
 *
 * Canonical form, so that equal values become the same pointer:
 *   polynomial  constant + sum of coefficient * monomial, always expanded;
 *               terms in order of their ids, no zero coefficient
 *   monomial    one atom, or a product of atoms in order of their ids
 *   atom        symbol, floor division, minimum, maximum, broadcast
 * A floor division by a number keeps only what does not divide: coefficients
 * and constant lie in [0, divisor). Symbols are dimensions and so never
 * negative. What overflows 64 bits or grows beyond the limits below is not
 * known any more; callers put a new symbol in its place.
 *
 * Functions give an unknown number when memory ends and set no_memory.
 */
#ifndef QUERN_INFER_ALGEBRA_H
#define QUERN_INFER_ALGEBRA_H

#include "ir/ir.h"

enum {
    QN_MAX_TERMS = 24,   /* of a polynomial, minimum, maximum, broadcast */
    QN_MAX_FACTORS = 12, /* of a monomial */
    QN_MAX_EXPR = 160,   /* expressions in an expression */
};

struct qn_algebra {
    struct quern_model *model;
    bool no_memory;
};

/** What a number lies between; INT64_MIN and INT64_MAX: without end. */
struct qn_bounds {
    int64_t low;
    int64_t high;
};

#define QN_UNKNOWN ((struct quern_number){false, 0, NULL})

static inline struct quern_number qn_num(int64_t value)
{
    return (struct quern_number){true, value, NULL};
}

static inline bool qn_num_is_plain(struct quern_number a)
{
    return a.known && a.expr == NULL;
}

/** Exactly this number. */
static inline bool qn_num_is(struct quern_number a, int64_t value)
{
    return a.known && a.expr == NULL && a.value == value;
}

/** A number of an expression; of NULL: unknown. */
static inline struct quern_number qn_num_of(const struct quern_expr *expr)
{
    return (struct quern_number){expr != NULL, 0, expr};
}

static inline struct quern_number qn_num_of_dim(struct quern_dim dim)
{
    return dim.value >= 0 ? qn_num(dim.value) : qn_num_of(dim.expr);
}

/** Unknown dimension for an unknown or negative number. */
static inline struct quern_dim qn_num_dim(struct quern_number a)
{
    struct quern_dim dim = {-1, a.known ? a.expr : NULL};
    if (qn_num_is_plain(a) && a.value >= 0) {
        dim.value = a.value;
    }
    return dim;
}

/** Surely the same (both known). */
static inline bool qn_num_same(struct quern_number a, struct quern_number b)
{
    return a.known && b.known && a.expr == b.expr &&
           (a.expr != NULL || a.value == b.value);
}

struct quern_number qn_num_plus(struct qn_algebra *x, struct quern_number a,
                                struct quern_number b);
struct quern_number qn_num_minus(struct qn_algebra *x, struct quern_number a,
                                 struct quern_number b);
struct quern_number qn_num_times(struct qn_algebra *x, struct quern_number a,
                                 struct quern_number b);

/** a / b rounded down. An expression b counts as not zero: where it is, the
 * model does not run. Unknown for b zero, or negative and not a number. */
struct quern_number qn_num_floor_div(struct qn_algebra *x,
                                     struct quern_number a,
                                     struct quern_number b);
/** a / b rounded up, b > 0. */
struct quern_number qn_num_ceil_div(struct qn_algebra *x, struct quern_number a,
                                    int64_t b);
/** a / b rounded towards zero, as integers are divided by machines: known where
 * the sign is. */
struct quern_number qn_num_trunc_div(struct qn_algebra *x,
                                     struct quern_number a,
                                     struct quern_number b);
struct quern_number qn_num_min(struct qn_algebra *x, struct quern_number a,
                               struct quern_number b);
struct quern_number qn_num_max(struct qn_algebra *x, struct quern_number a,
                               struct quern_number b);

/** Dimension of a and b broadcast. Two numbers that differ and are not 1 give
 * unknown and set *out_clash. */
struct quern_number qn_dim_broadcast(struct qn_algebra *x,
                                     struct quern_number a,
                                     struct quern_number b, bool *out_clash);

struct qn_bounds qn_num_bounds(struct quern_number a);

/** a >= k for all values of its symbols. */
bool qn_num_at_least(struct quern_number a, int64_t k);

/** -1, 0, 1: a is less, equal, greater for all values of the symbols (-1 and 1
 * include "or equal" where `loose`); 2: not known. */
int qn_num_compare(struct qn_algebra *x, struct quern_number a,
                   struct quern_number b, bool loose);

/** True when a symbol of the expression stands for a value that lives in
 * `graph` or in a graph inside it: outside it means nothing. */
bool qn_num_leaks(const struct quern_expr *expr,
                  const struct quern_graph *graph);

#endif
