/* What the files of lower-opset share. */
#ifndef QUERN_CONVERT_LOWER_H
#define QUERN_CONVERT_LOWER_H

#include "common.h"

struct lowering {
    struct quern_pass_ctx *ctx;
    int64_t to;   /* opset that is written */
    int64_t from; /* that of the model as it came; the same: taken apart */
};

/** Error of a node that cannot be lowered. */
enum quern_code qn_lower_refuse(const struct lowering *l,
                                const struct quern_node *node, const char *why)
    __attribute__((warn_unused_result));

/** A string attribute, or what stands for it when it is absent. */
const char *qn_string_or(const struct quern_node *node, const char *name,
                         const char *otherwise);

typedef enum quern_code (*qn_lower_fn)(const struct lowering *l,
                                       struct quern_node *node);

/** What an operator got at an opset that an older one cannot say. */
struct qn_lower_change {
    const char *op; /* NULL ends a table */
    int since;
    qn_lower_fn lower;
};

/** Changes of opsets 14 to 17. */
extern const struct qn_lower_change qn_lower_old[];

enum quern_code qn_lower_is_new(const struct lowering *l,
                                struct quern_node *node)
    __attribute__((warn_unused_result));

/** Operators that become a chain of older ones; the node stays and is its end.
 */
enum quern_code qn_lower_gelu(const struct lowering *l, struct quern_node *node)
    __attribute__((warn_unused_result));
enum quern_code qn_lower_swish(const struct lowering *l,
                               struct quern_node *node)
    __attribute__((warn_unused_result));
enum quern_code qn_lower_mish(const struct lowering *l, struct quern_node *node)
    __attribute__((warn_unused_result));
enum quern_code qn_lower_layer_norm(const struct lowering *l,
                                    struct quern_node *node)
    __attribute__((warn_unused_result));
enum quern_code qn_lower_instance_norm(const struct lowering *l,
                                       struct quern_node *node)
    __attribute__((warn_unused_result));
enum quern_code qn_lower_batch_norm(const struct lowering *l,
                                    struct quern_node *node)
    __attribute__((warn_unused_result));
enum quern_code qn_lower_mean_variance(const struct lowering *l,
                                       struct quern_node *node)
    __attribute__((warn_unused_result));
enum quern_code qn_lower_rotary(const struct lowering *l,
                                struct quern_node *node)
    __attribute__((warn_unused_result));
enum quern_code qn_lower_attention(const struct lowering *l,
                                   struct quern_node *node)
    __attribute__((warn_unused_result));
enum quern_code qn_lower_hard_swish(const struct lowering *l,
                                    struct quern_node *node)
    __attribute__((warn_unused_result));
enum quern_code qn_lower_hard_sigmoid(const struct lowering *l,
                                      struct quern_node *node)
    __attribute__((warn_unused_result));
enum quern_code qn_lower_cast_like(const struct lowering *l,
                                   struct quern_node *node)
    __attribute__((warn_unused_result));
enum quern_code qn_lower_gemm(const struct lowering *l, struct quern_node *node)
    __attribute__((warn_unused_result));
enum quern_code qn_lower_qlinear(const struct lowering *l,
                                 struct quern_node *node)
    __attribute__((warn_unused_result));
enum quern_code qn_lower_rms(const struct lowering *l, struct quern_node *node)
    __attribute__((warn_unused_result));
enum quern_code qn_lower_group_norm(const struct lowering *l,
                                    struct quern_node *node)
    __attribute__((warn_unused_result));

#endif
