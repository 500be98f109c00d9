/* Trying a pattern at a node: a depth-first search over goals.
 *
 * A goal is an argument that an input of a node has to match. Goals are solved
 * in the order of the text; a named value binds at its first goal and must be
 * the same at each later one. The only choice is the order of the two operands
 * of a commutative operator, so a try goes back only there. An operator of the
 * pattern is expanded once on each way through the search, which is why its
 * goals can lie in room of the pattern. Constants and attributes are compared
 * in match_attr.c.
 */
#include "ir/ir.h"
#include "pass/pattern.h"

#include <string.h>

struct search {
    struct quern_pattern *pattern;
    struct quern_match *match;
    size_t progress; /* goals solved on the way that is being tried */
    size_t n_steps;
};

static bool solve(struct search *s, const struct qn_goal *goal);

/* Note why this way ends, unless another one came farther. */
static bool refuse(struct search *s, struct qn_reason reason)
{
    struct qn_reason *told = &s->pattern->reason;
    if (told->kind == QN_REASON_NONE || s->progress > told->progress) {
        reason.progress = s->progress;
        *told = reason;
    }
    return false;
}

/* ------------------------------------------------------------- constants */

/* ------------------------------------------------------------ attributes */

static bool take_attr(struct search *s, const struct qn_pattern_node *wanted,
                      const struct qn_pattern_attr *attr,
                      struct quern_node *node)
{
    struct qn_attr_value value;
    qn_attr_value_of(node, attr->name, &value);
    if (attr->kind != QN_ATTR_IS_VAR) {
        return qn_attr_is_wanted(&value, attr) ||
               refuse(s, (struct qn_reason){.kind = QN_REASON_ATTR,
                                            .node = node,
                                            .attr = attr});
    }
    struct qn_attr_binding *binding = &s->match->attrs[attr->var];
    if (binding->node == NULL) {
        *binding =
            (struct qn_attr_binding){attr->text, node, attr->name, wanted};
        return true;
    }
    struct qn_attr_value other;
    qn_attr_value_of(binding->node, binding->attr, &other);
    return qn_attr_are_same(&value, &other) ||
           refuse(s, (struct qn_reason){.kind = QN_REASON_ATTR_OTHER,
                                        .node = node,
                                        .attr = attr});
}

static void drop_attrs(struct search *s, const struct qn_pattern_node *wanted)
{
    for (size_t i = 0; i < s->pattern->n_attr_vars; i++) {
        if (s->match->attrs[i].owner == wanted) {
            s->match->attrs[i].node = NULL;
            s->match->attrs[i].owner = NULL;
        }
    }
}

/* ------------------------------------------------------------- operators */

static bool is_operator(const struct quern_node *node,
                        const struct qn_pattern_node *wanted)
{
    return strcmp(node->op, wanted->op) == 0 &&
           strcmp(node->domain, wanted->domain) == 0;
}

/* Arguments beyond the inputs are left out and may be so or not: solve() tells.
 * Inputs beyond the arguments must be taken by `name...`. */
static bool has_room(const struct quern_pattern *pattern,
                     const struct qn_pattern_node *wanted,
                     const struct quern_node *node)
{
    const struct qn_pattern_arg *last =
        wanted->n_args > 0 ? &wanted->args[wanted->n_args - 1] : NULL;
    bool takes_rest = last != NULL && last->kind == QN_ARG_VALUE &&
                      pattern->vars[last->var].is_many;
    return takes_rest || node->n_inputs <= wanted->n_args;
}

static bool fits(struct search *s, const struct qn_pattern_node *wanted,
                 struct quern_node *node)
{
    struct qn_reason reason = {.node = node, .wanted = wanted};
    int64_t opset = wanted->highest < INT64_MAX ? quern_node_opset(node) : 0;
    if (opset < wanted->lowest || opset > wanted->highest) {
        reason.kind = QN_REASON_OPSET;
        return refuse(s, reason);
    }
    if (!has_room(s->pattern, wanted, node)) {
        reason.kind = QN_REASON_TOO_MANY;
        return refuse(s, reason);
    }
    for (size_t i = 0; i < wanted->n_outs; i++) {
        if (i >= node->n_outputs || node->outputs[i] == NULL) {
            reason.kind = QN_REASON_OUTPUT_LEFT_OUT;
            reason.index = i;
            return refuse(s, reason);
        }
    }
    for (size_t i = 0; i < wanted->n_attrs; i++) {
        if (!take_attr(s, wanted, &wanted->attrs[i], node)) {
            return false;
        }
    }
    return true;
}

static bool commutes(const struct qn_pattern_node *wanted,
                     const struct quern_node *node)
{
    if (wanted->n_args != 2 || node->n_inputs != 2) {
        return false;
    }
    const struct qn_schema *schema = qn_node_schema(node);
    return schema != NULL && (schema->flags & QN_SCHEMA_COMMUTATIVE) != 0;
}

/* Goals for all arguments, in front of `next`. */
static const struct qn_goal *
make_goals(struct search *s, const struct qn_pattern_node *wanted,
           struct quern_node *node, bool is_swapped, const struct qn_goal *next)
{
    struct qn_goal *goals = s->pattern->goals[wanted->id];
    for (size_t i = wanted->n_args; i-- > 0;) {
        goals[i] = (struct qn_goal){&wanted->args[i], node,
                                    is_swapped ? 1 - i : i, next};
        next = &goals[i];
    }
    return next;
}

static bool expand(struct search *s, const struct qn_pattern_node *wanted,
                   struct quern_node *node, const struct qn_goal *next)
{
    struct quern_match *match = s->match;
    bool is_done = fits(s, wanted, node);
    if (is_done) {
        match->nodes[wanted->id] = node;
        for (size_t i = 0; i < wanted->n_outs; i++) {
            struct qn_binding *b = &match->bindings[wanted->outs[i]];
            b->is_bound = true;
            b->value = node->outputs[i];
        }
        is_done = solve(s, make_goals(s, wanted, node, false, next)) ||
                  (commutes(wanted, node) &&
                   solve(s, make_goals(s, wanted, node, true, next)));
    }
    if (!is_done) {
        match->nodes[wanted->id] = NULL;
        for (size_t i = 0; i < wanted->n_outs; i++) {
            match->bindings[wanted->outs[i]].is_bound = false;
        }
        drop_attrs(s, wanted);
    }
    return is_done;
}

/* ------------------------------------------------------------ inner uses */

static bool is_matched(const struct search *s, const struct quern_node *node)
{
    for (size_t i = 0; i < s->pattern->n_nodes; i++) {
        if (s->match->nodes[i] == node) {
            return true;
        }
    }
    return false;
}

/* Nobody outside of the match uses this value. A value has no more inner uses
 * than the matched nodes have inputs, which bounds the walk. */
static bool is_inner(struct search *s, const struct quern_node *node,
                     const struct quern_value *value)
{
    struct qn_reason reason = {
        .kind = QN_REASON_USED, .node = node, .value = value};
    for (const struct quern_use *u = value->first_use; u != NULL; u = u->next) {
        if (u->node == NULL || !is_matched(s, u->node)) {
            reason.kind =
                u->node == NULL ? QN_REASON_IS_OUTPUT : QN_REASON_USED;
            return refuse(s, reason);
        }
    }
    return true;
}

static bool outputs_are_inner(struct search *s,
                              const struct qn_pattern_node *wanted)
{
    const struct quern_node *node = s->match->nodes[wanted->id];
    for (size_t i = 0; i < wanted->n_outs; i++) {
        const char *name = s->pattern->vars[wanted->outs[i]].name;
        bool is_shared = wanted->id == 0 ||
                         (name != NULL && strncmp(name, "_shared", 7) == 0);
        if (!is_shared && !is_inner(s, node, node->outputs[i])) {
            return false;
        }
    }
    for (size_t i = wanted->n_outs; i < node->n_outputs; i++) {
        if (node->outputs[i] != NULL && node->outputs[i]->n_uses > 0) {
            return refuse(s, (struct qn_reason){.kind = QN_REASON_UNNAMED,
                                                .node = node,
                                                .index = i});
        }
    }
    return true;
}

static bool finish(struct search *s)
{
    for (size_t i = 0; i < s->pattern->n_nodes; i++) {
        if (!outputs_are_inner(s, s->pattern->nodes[i])) {
            return false;
        }
    }
    return true;
}

/* ----------------------------------------------------------------- goals */

static bool solve_next(struct search *s, const struct qn_goal *goal)
{
    s->progress++;
    bool is_done = solve(s, goal->next);
    s->progress--;
    return is_done;
}

static bool solve_constant(struct search *s, const struct qn_goal *goal,
                           const struct quern_value *value)
{
    const struct quern_tensor *tensor = quern_value_constant(value);
    if (tensor == NULL || !qn_tensor_is_numbers(tensor, &goal->arg->numbers)) {
        return refuse(s, (struct qn_reason){.kind = QN_REASON_CONSTANT,
                                            .node = goal->reader,
                                            .arg = goal->arg,
                                            .index = goal->index,
                                            .value = value});
    }
    return solve_next(s, goal);
}

/* `name...`: all inputs from here on. */
static bool solve_many(struct search *s, const struct qn_goal *goal)
{
    struct qn_binding *b = &s->match->bindings[goal->arg->var];
    size_t n_inputs = goal->reader->n_inputs;
    size_t n = n_inputs > goal->index ? n_inputs - goal->index : 0;
    if (!b->is_bound) {
        *b = (struct qn_binding){true,
                                 quern_node_input(goal->reader, goal->index),
                                 goal->reader, goal->index, n};
        bool is_done = solve_next(s, goal);
        b->is_bound = is_done;
        return is_done;
    }
    bool is_same = b->n == n;
    for (size_t i = 0; i < n && is_same; i++) {
        is_same = quern_node_input(b->reader, b->first + i) ==
                  quern_node_input(goal->reader, goal->index + i);
    }
    return is_same ? solve_next(s, goal)
                   : refuse(s, (struct qn_reason){.kind = QN_REASON_OTHER_VALUE,
                                                  .node = goal->reader,
                                                  .arg = goal->arg,
                                                  .index = goal->index,
                                                  .value = b->value,
                                                  .other = b->value});
}

/* The value must be made by that operator of the pattern. */
static bool solve_operator(struct search *s, const struct qn_goal *goal,
                           const struct qn_pattern_var *var,
                           struct quern_value *value)
{
    const struct qn_pattern_node *wanted = var->producer;
    struct qn_reason reason = {.node = goal->reader,
                               .wanted = wanted,
                               .index = goal->index,
                               .value = value};
    struct quern_node *node = value->producer;
    bool is_shared = var->name != NULL && strncmp(var->name, "_shared", 7) == 0;
    if (node == NULL) {
        reason.kind = QN_REASON_NO_PRODUCER;
    } else if (!is_operator(node, wanted)) {
        reason.kind = QN_REASON_PRODUCER;
    } else if (value->output_index != var->output) {
        reason.kind = QN_REASON_PORT;
    } else if (!is_shared && node->graph != goal->reader->graph) {
        reason.kind = QN_REASON_OTHER_GRAPH;
    } else {
        s->progress++;
        bool is_done = expand(s, wanted, node, goal->next);
        s->progress--;
        return is_done;
    }
    return refuse(s, reason);
}

static bool solve_value(struct search *s, const struct qn_goal *goal,
                        struct quern_value *value)
{
    const struct qn_pattern_var *var = &s->pattern->vars[goal->arg->var];
    struct qn_binding *b = &s->match->bindings[goal->arg->var];
    if (b->is_bound) {
        return b->value == value
                   ? solve_next(s, goal)
                   : refuse(s, (struct qn_reason){.kind = QN_REASON_OTHER_VALUE,
                                                  .node = goal->reader,
                                                  .arg = goal->arg,
                                                  .index = goal->index,
                                                  .value = value,
                                                  .other = b->value});
    }
    if (var->producer != NULL) {
        return solve_operator(s, goal, var, value);
    }
    *b = (struct qn_binding){.is_bound = true, .value = value};
    bool is_done = solve_next(s, goal);
    b->is_bound = is_done;
    return is_done;
}

static bool solve(struct search *s, const struct qn_goal *goal)
{
    if (goal == NULL) {
        return finish(s);
    }
    if (s->n_steps++ == QN_PATTERN_MOST_STEPS) {
        s->progress = SIZE_MAX; /* this is what shall be told */
        (void)refuse(s, (struct qn_reason){.kind = QN_REASON_STEPS,
                                           .node = s->match->nodes[0]});
    }
    if (s->n_steps > QN_PATTERN_MOST_STEPS) {
        return false;
    }
    if (goal->arg->kind == QN_ARG_VALUE &&
        s->pattern->vars[goal->arg->var].is_many) {
        return solve_many(s, goal);
    }
    struct quern_value *value = quern_node_input(goal->reader, goal->index);
    if (value == NULL && !goal->arg->is_optional) {
        return refuse(s, (struct qn_reason){.kind = QN_REASON_LEFT_OUT,
                                            .node = goal->reader,
                                            .arg = goal->arg,
                                            .index = goal->index});
    }
    if (value != NULL && goal->arg->guard != NULL &&
        !qn_guard_is_met(goal->arg->guard, value)) {
        return refuse(s, (struct qn_reason){.kind = QN_REASON_GUARD,
                                            .node = goal->reader,
                                            .arg = goal->arg,
                                            .index = goal->index,
                                            .value = value});
    }
    return goal->arg->kind == QN_ARG_CONSTANT ? solve_constant(s, goal, value)
                                              : solve_value(s, goal, value);
}

/* ---------------------------------------------------------------- public */

enum quern_code quern_pattern_match(struct quern_pattern *pattern,
                                    struct quern_node *root,
                                    const struct quern_match **out_match)
{
    const struct qn_pattern_node *wanted = pattern->nodes[0];
    struct search s = {.pattern = pattern, .match = &pattern->match};
    pattern->reason = (struct qn_reason){.kind = QN_REASON_NONE};
    if (root->erased || !is_operator(root, wanted)) {
        (void)refuse(&s, (struct qn_reason){.kind = QN_REASON_OP,
                                            .node = root,
                                            .wanted = wanted});
        return QUERN_NOT_FOUND;
    }
    for (size_t i = 0; i < pattern->n_vars; i++) {
        pattern->match.bindings[i] = (struct qn_binding){0};
    }
    for (size_t i = 0; i < pattern->n_nodes; i++) {
        pattern->match.nodes[i] = NULL;
    }
    for (size_t i = 0; i < pattern->n_attr_vars; i++) {
        pattern->match.attrs[i].node = NULL;
        pattern->match.attrs[i].owner = NULL;
    }
    if (!expand(&s, wanted, root, NULL)) {
        return QUERN_NOT_FOUND;
    }
    pattern->reason.kind = QN_REASON_NONE;
    *out_match = &pattern->match;
    return QUERN_OK;
}

const char *quern_pattern_reason(const struct quern_pattern *pattern)
{
    struct qn_reason_text *told = pattern->told;
    if (told->text == NULL) {
        told->text = qn_arena_alloc(told->arena, QN_REASON_SIZE);
    }
    if (told->text == NULL) {
        return "no memory is left to say why";
    }
    qn_reason_print(pattern, told->text, QN_REASON_SIZE);
    return told->text;
}
