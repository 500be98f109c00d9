/* Chains that the target runs as they are spelled. */
#ifndef QUERN_PASSES_FUSE_CHAINS_H
#define QUERN_PASSES_FUSE_CHAINS_H

#include <quern/pass.h>

/** Parameters of passes that fold numbers into weights. */
struct qn_factors {
    bool products; /* out of a chain with a MatMul too: its weights become
                      codes, and no float kernel has a factor then */
};
extern const struct quern_option qn_factors_options[];

/** The chain of the target's list (`chains` of its profile) that a node is part
 * of, means in it being those of the last axis of x: no pass takes a node out
 * of one, or changes it. A look costs the same in graphs of any size.
 * @param out_chain  its pattern, borrowed from the target; NULL: none */
enum quern_code qn_find_chain(struct quern_pass_ctx *ctx,
                              struct quern_node *node, const char **out_chain)
    __attribute__((warn_unused_result));

/** The same, and tells `--explain` why the node stays. */
enum quern_code qn_leave_chain(struct quern_pass_ctx *ctx,
                               struct quern_node *node, bool *out_stays)
    __attribute__((warn_unused_result));

/** The same for a node whose numbers would go into weights. */
enum quern_code
qn_leave_factor(struct quern_pass_ctx *ctx, struct quern_node *node,
                const struct qn_factors *factors, bool *out_stays)
    __attribute__((warn_unused_result));

#endif
