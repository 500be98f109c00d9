/* Weights cut into some rows at a time, for loops over all threads. */
#ifndef QUERN_PASSES_QUANTIZE_WEIGHT_ROWS_H
#define QUERN_PASSES_QUANTIZE_WEIGHT_ROWS_H

#include <quern/pass.h>
#include <quern/quant.h>

/** Some rows: of one group, or all rows of all groups. */
struct qn_rows {
    struct quern_weight_shape shape;
    size_t first_row, n_rows;
    size_t at; /* of its first weight */
};

/** Part i. */
struct qn_rows qn_rows_at(const struct quern_weight_shape *shape, size_t i);

/** Call `fn` for each part, on all threads where there is work enough for
 * that. */
enum quern_code qn_rows_each(struct quern_context *context,
                             const struct quern_weight_shape *shape,
                             quern_loop_fn fn, void *user)
    __attribute__((warn_unused_result));

#endif
