/* merge-shapes, by family. Each leaves everything as it is where it cannot. */
#ifndef QUERN_PASSES_SHAPE_MERGE_SHAPES_H
#define QUERN_PASSES_SHAPE_MERGE_SHAPES_H

#include <quern/pass.h>

/** Let a node read what the one in front of it reads, which goes when nothing
 * else reads it. */
enum quern_code qn_bypass(struct quern_pass_ctx *ctx, struct quern_node *node,
                          struct quern_node *first)
    __attribute__((warn_unused_result));

/** An Unsqueeze takes in the Unsqueeze in front of it. */
enum quern_code qn_merge_unsqueeze(struct quern_pass_ctx *ctx,
                                   struct quern_node *node)
    __attribute__((warn_unused_result));

/** A Slice takes in a Slice of other axes. */
enum quern_code qn_merge_slice(struct quern_pass_ctx *ctx,
                               struct quern_node *node)
    __attribute__((warn_unused_result));

/** A Squeeze of one position that a Slice takes out becomes a Gather. */
enum quern_code qn_merge_squeeze(struct quern_pass_ctx *ctx,
                                 struct quern_node *node)
    __attribute__((warn_unused_result));

/** A Flatten, Squeeze or Unsqueeze behind another of the family, Reshape with
 * it: one Reshape. */
enum quern_code qn_merge_reshape_kin(struct quern_pass_ctx *ctx,
                                     struct quern_node *node)
    __attribute__((warn_unused_result));

/** A Squeeze behind a Transpose of what one of Reshape's family made: that one
 * leaves the axes out. */
enum quern_code qn_squeeze_earlier(struct quern_pass_ctx *ctx,
                                   struct quern_node *node)
    __attribute__((warn_unused_result));

/** A Concat takes in Concats along the same axis that it alone reads. */
enum quern_code qn_merge_concat(struct quern_pass_ctx *ctx,
                                struct quern_node *node)
    __attribute__((warn_unused_result));

#endif
