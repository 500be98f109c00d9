/* Parts of an Attention: its mask, from what is added to its scores or stands
 * in the place of some; heads of keys and values that queries share. */
#ifndef QUERN_PASSES_FUSE_ATTENTION_H
#define QUERN_PASSES_FUSE_ATTENTION_H

#include "fuse/rewrite.h"

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

/** What the heads of v are repeated from, each several times in a row; NULL
 * when they are not known to be. */
struct quern_value *qn_unrepeated(const struct quern_value *v);

/** Rule of an Attention behind _shared_k = Concat(a, k){axis = $i} and
 * _shared_v = Concat(b, v){axis = $j}; m is its mask. */
enum quern_code
qn_attention_cache(struct quern_pass_ctx *ctx, const struct qn_rule *rule,
                   const struct quern_match *match, bool *out_done)
    __attribute__((warn_unused_result));

#endif
