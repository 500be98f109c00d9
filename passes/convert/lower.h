/* What the files of lower-opset share. */
#ifndef QUERN_CONVERT_LOWER_H
#define QUERN_CONVERT_LOWER_H

#include "common.h"

struct lowering {
    struct quern_pass_ctx *ctx;
    int64_t to;
};

/** Error of a node that cannot be lowered. */
enum quern_code qn_lower_refuse(const struct lowering *l,
                                const struct quern_node *node, const char *why)
    __attribute__((warn_unused_result));

/** A string attribute, or what stands for it when it is absent. */
const char *qn_string_or(const struct quern_node *node, const char *name,
                         const char *otherwise);

/** Operators that become a chain of older ones; the node stays and is its end.
 */
enum quern_code qn_lower_gelu(const struct lowering *l, struct quern_node *node)
    __attribute__((warn_unused_result));
enum quern_code qn_lower_swish(const struct lowering *l,
                               struct quern_node *node)
    __attribute__((warn_unused_result));
enum quern_code qn_lower_mish(const struct lowering *l, struct quern_node *node)
    __attribute__((warn_unused_result));
enum quern_code qn_lower_rms(const struct lowering *l, struct quern_node *node)
    __attribute__((warn_unused_result));
enum quern_code qn_lower_group_norm(const struct lowering *l,
                                    struct quern_node *node)
    __attribute__((warn_unused_result));

#endif
