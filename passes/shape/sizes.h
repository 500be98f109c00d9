/* What is known of sizes while a pass goes through a graph: which values hold
 * them, and which tensors have them. */
#ifndef QUERN_PASSES_SHAPE_SIZES_H
#define QUERN_PASSES_SHAPE_SIZES_H

#include "hash_table.h"

enum { QN_MOST_SIZES = 16 };

/** Elements of a small integer vector or scalar. */
struct qn_sizes {
    const struct quern_number *numbers;
    size_t len;
    int rank;
    enum quern_dtype dtype;
    struct quern_value *value; /* that holds them */
};

/** Axis of a tensor whose size is an expression. */
struct qn_source {
    const struct quern_expr *expr;
    struct quern_value *tensor;
    int axis;
    struct qn_source *next; /* of the same expression, newer ones in front */
    size_t n;               /* from here on */
};

struct qn_sizes_table {
    struct quern_pass_ctx *ctx;
    struct qn_hash_table vectors; /* of struct qn_sizes */
    struct qn_hash_table sources; /* of struct qn_source *, heads of lists */
};

/** Room for that many vectors and axes of tensors. */
bool qn_sizes_table_make(struct quern_pass_ctx *ctx, size_t n_vectors,
                         size_t n_axes, struct qn_sizes_table *out);

/** Integers that are all known, and not all plain numbers. */
bool qn_read_sizes(struct quern_value *value, struct qn_sizes *out);

/** The value that holds these already, NULL where none does. */
struct quern_value *qn_find_sizes(const struct qn_sizes_table *t,
                                  const struct qn_sizes *v);

/** Let v's value be the one that holds these, unless there is one. Numbers are
 * copied, as edits take them away.
 * @return false when no memory is left */
bool qn_add_sizes(struct qn_sizes_table *t, const struct qn_sizes *v);

/** The shape of a tensor may be asked for from here on.
 * @return false when no memory is left */
bool qn_add_source(struct qn_sizes_table *t, struct quern_value *tensor);

/** Axes that have this size: a list of a few, the oldest last. */
const struct qn_source *qn_find_sources(const struct qn_sizes_table *t,
                                        const struct quern_expr *expr);

/** The size of an axis as a number. */
struct quern_number qn_size_of(struct quern_dim dim);

/** The same known number. */
bool qn_same_number(struct quern_number a, struct quern_number b);

#endif
