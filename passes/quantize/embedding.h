/* Tables of embeddings as codes. */
#ifndef QUERN_PASSES_QUANTIZE_EMBEDDING_H
#define QUERN_PASSES_QUANTIZE_EMBEDDING_H

#include <quern/pass.h>
#include <quern/target.h>

/** Store each large constant matrix that only Gathers read row by row as int8
 * codes with one scale a column, and put a DequantizeLinear behind the Gathers:
 * in front of them it would expand the whole table in every run (placement
 * experiment, rule 16). With the target's trick `table-mul` that one has scale
 * 1, and a Mul by the scales stands behind it: the same numbers.
 * @param out_n  tables that were stored so */
enum quern_code
qn_insert_tables(struct quern_pass_ctx *ctx, struct quern_graph *graph,
                 const struct quern_target *target, size_t *out_n)
    __attribute__((warn_unused_result));

#endif
