/* Rules of a recipe, compiled. */
#ifndef QUERN_PASS_RULES_H
#define QUERN_PASS_RULES_H

#include "pass/pass.h"
#include "pass/pattern.h"

enum { QN_RULE_MOST_INPUTS = 1024 }; /* of a node that a rule makes */

struct qn_rule {
    const char *name;
    struct quern_pattern *match;
    struct quern_pattern *replace; /* read as what is to be made */
    struct quern_place place;      /* of the replacement's first character */
    uint64_t last_round;           /* in which it was applied, from 1 on */
    bool *barred; /* by id of a root: there it would change a shape */
    size_t n_barred;
};

/* An output of a match that a rule has replaced in this walk. */
struct qn_rule_made {
    struct qn_rule *rule;
    uint32_t root_id; /* of the match */
    const struct quern_value *value;
    const struct qn_type *before;
};

struct qn_rules {
    struct qn_arena arena;
    size_t n;
    struct qn_rule *items;
    uint64_t n_applied; /* replacements so far, against rules without end */
    uint64_t limit;     /* set by the first one */
    uint64_t round;     /* over the model: those that are done */
    struct qn_rule_made *made; /* in this walk over a graph */
    size_t n_made, made_room;
};

/** A match with this root is none for the rule. */
bool qn_rule_is_barred(const struct qn_rule *rule,
                       const struct quern_node *root);

/** Keep in mind what the root of a match makes, which is about to go. */
enum quern_code qn_rules_note(struct quern_pass_ctx *ctx, struct qn_rule *rule,
                              const struct quern_node *root)
    __attribute__((warn_unused_result));

/** Behind a walk: bar the places where a rule changed a shape.
 * @param out_good  there is none
 * @return QUERN_OK; _INTERNAL: a rule changed a type */
enum quern_code qn_rules_look_back(struct quern_pass_ctx *ctx, bool *out_good)
    __attribute__((warn_unused_result));

/** Where operators of a rule are looked at, for messages, and at which opsets.
 */
struct qn_rule_site {
    struct quern_context *context;
    const char *rule;
    const char *verb; /* "matches", "makes" */
    struct quern_place base;
    const struct quern_pattern *pattern;
    int64_t lowest, highest;
};

/** Check the operator of a node at the opsets of the site: its name, the number
 * of its inputs and outputs, names and types of its attributes. Operators of
 * other domains than ONNX's own are not looked at.
 * @return QUERN_OK; _INVALID_ARGUMENT with line and column */
enum quern_code qn_rule_check_operator(const struct qn_rule_site *site,
                                       const struct qn_pattern_node *node)
    __attribute__((warn_unused_result));

/** The same for all nodes of a pattern, each at all opsets that it may have. */
enum quern_code qn_rule_check_pattern(struct qn_rule_site *site,
                                      const struct quern_pattern *pattern)
    __attribute__((warn_unused_result));

/** Check what a rule makes at the opset of a model: operators of ONNX must be
 * there, and take what the rule gives them.
 * @param place  for operators that come with a newer opset
 * @return QUERN_OK; _UNSUPPORTED; _INVALID_ARGUMENT with line and column */
enum quern_code qn_rule_check_made(const struct quern_model *model,
                                   const struct qn_rule *rule,
                                   const struct qn_pattern_node *wanted,
                                   const struct quern_place *place)
    __attribute__((warn_unused_result));

/** The number that a sum comes to in a match.
 * @param is_integer  becomes false where a part of it is none
 * @return false: a part is no single number, or the result is not finite */
bool qn_rule_compute(const struct quern_match *match,
                     const struct qn_pattern_sum *sum, double *out,
                     bool *is_integer);

/** The numbers, with the computed one in its place, which is `computed`. */
struct qn_pattern_numbers
qn_rule_numbers(const struct quern_match *match,
                const struct qn_pattern_numbers *numbers, double *computed);

/** All that a rule computes can be computed in a match. */
bool qn_rule_is_computable(const struct qn_rule *rule,
                           const struct quern_match *match);

/** Type of a constant among the arguments of a new node: as its neighbours, be
 * they of the match or made, else what the schema allows: float, or int64 for
 * whole numbers where float is not allowed. */
enum quern_dtype qn_rule_constant_type(const struct quern_model *model,
                                       const struct qn_rule *rule,
                                       const struct quern_match *match,
                                       const struct qn_pattern_node *node,
                                       size_t i);

/** A number as an attribute has it; 2^63 is what is read of the largest int64.
 * @return false: it is none of the type */
bool qn_rule_to_attribute(double number, bool is_float, int64_t *out_int,
                          float *out_float);

/** A constant made of the numbers has them: its type takes fractions where
 * there are any, and none is too large for it. */
bool qn_rule_holds(const struct quern_tensor *tensor,
                   const struct qn_pattern_numbers *numbers);

/** Check that the match names what a node of the replacement computes with. */
enum quern_code qn_rule_check_computed(const struct qn_rule_site *site,
                                       const struct quern_pattern *match,
                                       const struct qn_pattern_node *node)
    __attribute__((warn_unused_result));

/** Check that the match binds the `$variable` of an attribute, to one of the
 * same type. */
enum quern_code qn_rule_check_variable(const struct qn_rule_site *site,
                                       const struct quern_pattern *match,
                                       const struct qn_pattern_node *node,
                                       const struct qn_pattern_attr *attr)
    __attribute__((warn_unused_result));

#endif
