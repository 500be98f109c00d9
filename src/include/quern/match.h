/** @file match.h
 * Patterns as text. Tier: stable.
 *
 *     rule = outs "=" expr {";" outs "=" expr}
 *     outs = name {"," name}
 *     expr = [domain "."] op ["@" lo ".." hi] "(" [arg {"," arg}] ")"
 *            ["{" attr "=" (const | text | "$" var) {"," …} "}"]
 *     arg  = name ["?"] ["is" guard] | name "..." | const | expr
 *     const = (number | "[" number {"," number} "]") ["~" number]
 *     guard = ["const"] [type] ["[" ["..."] {size | "_"} "]"], with commas
 *     text = '"' characters '"'
 *     domain, op = word | text
 *
 * as in "y = Mul(x, Sigmoid(x))" or "c = Conv(x, w, b?); y = Relu(c)".
 *
 * An operator of ONNX or of a domain, com.acme.SiLU: the last dot parts them.
 * Names with dots, or with more than letters, digits, _ and -, stand in quotes:
 * com.acme."SiLU.v2", "my domain".SiLU.
 *
 * The last equation makes the root; earlier ones name inner values. A name that
 * occurs twice means the same value; it is any value, constant or not, unless
 * an equation makes it. `name?` may be left out; `name...` takes all remaining
 * inputs, also none. A number matches a constant tensor whose elements all
 * equal it within 1e-6 relative, or by at most what stands behind `~`; a list
 * one with as many elements. `x is const float[..., 8]` asks more of a value:
 * to be constant, its element type, its sizes; `_` is any size, `...` any axes
 * in front, `[]` a scalar; sizes and types are those that inference knows
 * (QUERN_PASS_NEEDS_SHAPES, quern_model_infer()). Both
 * operands of a commutative operator are tried in both orders. Attributes are
 * compared with what stands in the node, else with the default of its opset;
 * `$var` matches anything, at its second place only the same. Opsets `lo..hi`
 * are those that the model imports for the domain.
 *
 * An inner value must have no use outside of the match and be no graph output,
 * unless its name begins with `_shared`; outputs that have no name must be
 * unused. A try takes at most 4096 steps, so a walk over a graph is linear in
 * its nodes.
 */
#ifndef QUERN_MATCH_H
#define QUERN_MATCH_H

#include <quern/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

struct quern_pattern;
struct quern_match;

/** Compile a pattern.
 * @param text         see above
 * @param out_pattern  the caller owns it
 * @return QUERN_OK; _INVALID_ARGUMENT with line, column and the reason */
QUERN_NODISCARD QUERN_API enum quern_code
quern_pattern_create(struct quern_context *context, const char *text,
                     struct quern_pattern **out_pattern);
QUERN_API void quern_pattern_destroy(struct quern_pattern **pattern);

/** Operator of the root node ("Mul"), for the caller's own indexing. */
QUERN_API const char *quern_pattern_root(const struct quern_pattern *pattern);

/** Try a pattern at a node (as root).
 * @param out_match  written when it matches (QUERN_OK), borrowed from the
 *                   pattern until the next try
 * @return QUERN_OK; _NOT_FOUND when it does not match (no error is stored, see
 * quern_pattern_reason()); _NO_MEMORY */
QUERN_NODISCARD QUERN_API enum quern_code
quern_pattern_match(struct quern_pattern *pattern, struct quern_node *root,
                    const struct quern_match **out_match);

/** Why the last try did not match: "input 1 of 'mul3' (Mul): found value 'x',
 * needs constant 0.5". Borrowed until the next try; "" after a match. */
QUERN_API const char *quern_pattern_reason(const struct quern_pattern *pattern);

/** Value bound to a name; NULL when an optional one was left out or no such
 * name is in the pattern. For `name...` the first of them. */
QUERN_API struct quern_value *quern_match_value(const struct quern_match *match,
                                                const char *name);
/** Values bound to `name...`. */
QUERN_API size_t quern_match_n_values(const struct quern_match *match,
                                      const char *name);
QUERN_API struct quern_value *
quern_match_value_at(const struct quern_match *match, const char *name,
                     size_t i);
/** Nodes of the match: the root is number 0, then its arguments from left to
 * right, each followed by its own. The numbers depend on the text alone. */
QUERN_API size_t quern_match_n_nodes(const struct quern_match *match);
QUERN_API struct quern_node *quern_match_node(const struct quern_match *match,
                                              size_t i);
/** What `$variable` of an attribute is bound to: the node that has it, NULL
 * when there is no such variable.
 * @param out_attr  the attribute's name there, for quern_node_attr_*() */
QUERN_API struct quern_node *quern_match_attr(const struct quern_match *match,
                                              const char *variable,
                                              const char **out_attr);
/** First element of a constant bound to `name` as float.
 * @return false when it is no constant or has more than one element */
QUERN_NODISCARD QUERN_API bool
quern_match_scalar(const struct quern_match *match, const char *name,
                   float *out_value);

#ifdef __cplusplus
}
#endif

#endif
