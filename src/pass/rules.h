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
};

struct qn_rules {
    struct qn_arena arena;
    size_t n;
    struct qn_rule *items;
    uint64_t n_applied; /* replacements so far, against rules without end */
    uint64_t limit;     /* set by the first one */
    const struct qn_rule *last; /* that was applied */
};

#endif
