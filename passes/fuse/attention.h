/* The mask of an Attention, from what is added to its scores or stands in the
 * place of some. */
#ifndef QUERN_PASSES_FUSE_ATTENTION_H
#define QUERN_PASSES_FUSE_ATTENTION_H

#include <quern/pass.h>

/** Where(masked, low, scores + added); both parts may be missing. */
struct qn_mask {
    struct quern_value *added;  /**< NULL: nothing */
    struct quern_value *masked; /**< bool; NULL: nothing */
    struct quern_value *low;    /**< with `masked`: a constant */
};

/** Why the parts make no mask for scores of q and k^T (4 axes each); NULL when
 * they do. */
const char *qn_mask_misfit(const struct qn_mask *mask,
                           const struct quern_value *q,
                           const struct quern_value *turned);

/** Write the mask in front of a node: as large as the scores along its last two
 * axes, which runtimes do not broadcast.
 * @param out_mask  NULL when there is none */
enum quern_code
qn_mask_write(struct quern_pass_ctx *ctx, struct quern_node *before,
              const struct qn_mask *mask, struct quern_value *q,
              const struct quern_value *turned, struct quern_value *k,
              struct quern_value **out_mask)
    __attribute__((warn_unused_result));

#endif
