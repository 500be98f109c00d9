/* Fusions as text patterns: a table of rules, tried at every node. */
#ifndef QUERN_PASSES_FUSE_REWRITE_H
#define QUERN_PASSES_FUSE_REWRITE_H

#include <quern/pass.h>

struct qn_rule;

/** What happens where a rule matches. It may decline by leaving everything as
 * it is and *out_done false. */
typedef enum quern_code (*qn_rule_fn)(struct quern_pass_ctx *ctx,
                                      const struct qn_rule *rule,
                                      const struct quern_match *match,
                                      bool *out_done);

struct qn_rule {
    const char *pattern; /* see <quern/match.h>; x is the data */
    int64_t since;       /* lowest opset of the model */
    qn_rule_fn apply;
    const char *what; /* text argument of apply */
};

/** Try the rules at every node of a graph, in their order, first match wins. */
enum quern_code qn_rewrite(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph,
                           const struct qn_rule *rules, size_t n)
    __attribute__((warn_unused_result));

/** The root of a match becomes `op` of these inputs, with no attributes but
 * those set later; the other nodes of the match go if nothing else reads them.
 * Name and output of the root stay. */
enum quern_code qn_become(struct quern_pass_ctx *ctx,
                          const struct quern_match *match, const char *op,
                          struct quern_value *const *inputs, size_t n_inputs)
    __attribute__((warn_unused_result));

/** True when the constants of a match are floats that leave the shape of x as
 * it is: scalars, or one element in no more axes than x has. */
bool qn_is_plain(const struct quern_match *match, const struct quern_value *x);

/** One output of a new node in front of `before`, named after that. */
enum quern_code qn_add_node(struct quern_node *before, const char *op,
                            struct quern_value *const *in, size_t n_in,
                            struct quern_node **out_node,
                            struct quern_value **out)
    __attribute__((warn_unused_result));

#endif
