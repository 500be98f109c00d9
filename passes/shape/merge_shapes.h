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

/** A Squeeze takes in the Squeeze in front of it. */
enum quern_code qn_merge_squeezes(struct quern_pass_ctx *ctx,
                                  struct quern_node *node)
    __attribute__((warn_unused_result));

/** A reduction takes in the Squeeze of its axes, or the Unsqueeze. */
enum quern_code qn_merge_reduce(struct quern_pass_ctx *ctx,
                                struct quern_node *node)
    __attribute__((warn_unused_result));

/** A Slice takes in the Slice in front of it. */
enum quern_code qn_merge_slice(struct quern_pass_ctx *ctx,
                               struct quern_node *node)
    __attribute__((warn_unused_result));

/** A Squeeze of one position that a Slice takes out becomes a Gather; so do all
 * of a Split into such. */
enum quern_code qn_merge_squeeze(struct quern_pass_ctx *ctx,
                                 struct quern_node *node)
    __attribute__((warn_unused_result));

/** True for a Transpose that moves nothing but axes of length 1: the data lies
 * as before. */
bool qn_moves_nothing(const struct quern_node *node);

/** A Flatten, Squeeze, Unsqueeze or Transpose that moves nothing behind another
 * of the family, Reshape with it: one Reshape. */
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

/** A Concat of all outputs of a Split gives what was split. */
enum quern_code qn_merge_split_concat(struct quern_pass_ctx *ctx,
                                      struct quern_node *concat)
    __attribute__((warn_unused_result));

/** A Split into the inputs of the Concat in front of it gives these. */
enum quern_code qn_merge_concat_split(struct quern_pass_ctx *ctx,
                                      struct quern_node *split)
    __attribute__((warn_unused_result));

/** A Slice of one input of the Concat in front of it gives that input. */
enum quern_code qn_merge_part(struct quern_pass_ctx *ctx,
                              struct quern_node *node)
    __attribute__((warn_unused_result));
enum quern_code
qn_merge_concat_slice(struct quern_pass_ctx *ctx, struct quern_node *slice,
                      int64_t slice_axis, int64_t from, int64_t to)
    __attribute__((warn_unused_result));

#endif
