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
};

struct qn_rules {
    struct qn_arena arena;
    size_t n;
    struct qn_rule *items;
    uint64_t n_applied; /* replacements so far, against rules without end */
    uint64_t limit;     /* set by the first one */
    uint64_t round;     /* over the model: those that are done */
};

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

/** Check that the match binds the `$variable` of an attribute, to one of the
 * same type. */
enum quern_code qn_rule_check_variable(const struct qn_rule_site *site,
                                       const struct quern_pattern *match,
                                       const struct qn_pattern_node *node,
                                       const struct qn_pattern_attr *attr)
    __attribute__((warn_unused_result));

#endif
