/* Expressions of patterns: an operator, its arguments, opsets and attributes.
 */
#include "pass/parser.h"

#include <string.h>

/* The word `is` comes next, and is taken. */
static bool take_is(struct qn_parser *p)
{
    qn_parser_skip(p);
    if (strncmp(p->at, "is", 2) != 0 ||
        strchr(" \t\r\n[,)", p->at[2]) == NULL) {
        return false;
    }
    p->at += 2;
    return true;
}

static enum quern_code parse_name(struct qn_parser *p,
                                  struct qn_pattern_arg *arg)
{
    const char *name = NULL;
    const char *start = p->at;
    enum quern_code code =
        qn_parser_name(p, "a value, a number or an operator", &name);
    if (code != QUERN_OK) {
        return code;
    }
    bool is_many = strncmp(p->at, "...", 3) == 0;
    p->at += is_many ? 3 : 0;
    arg->is_optional = is_many || qn_parser_take(p, '?');
    arg->var = qn_pattern_find(p->pattern, name);
    if (arg->var == p->pattern->n_vars) {
        code = qn_parser_add_var(p, name, NULL, 0, &arg->var);
        if (code == QUERN_OK) {
            p->pattern->vars[arg->var].is_many = is_many;
        }
        return code;
    }
    if (p->pattern->vars[arg->var].is_many != is_many) {
        return qn_parser_wrong(p, start,
                               "'%s' stands for one value here, for any number "
                               "elsewhere",
                               name);
    }
    if (arg->is_optional && p->pattern->vars[arg->var].producer != NULL) {
        return qn_parser_wrong(p, start,
                               "'%s' is made by an operator and cannot be "
                               "left out",
                               name);
    }
    return QUERN_OK;
}

static enum quern_code parse_value(struct qn_parser *p,
                                   struct qn_pattern_arg *arg)
{
    struct qn_pattern_guard *guard = NULL;
    const char *start = p->at;
    enum quern_code code = parse_name(p, arg);
    if (code != QUERN_OK || !take_is(p)) {
        return code;
    }
    if (p->pattern->vars[arg->var].is_many) {
        return qn_parser_wrong(p, start, "'is' is for one value");
    }
    code = qn_parser_guard(p, &guard);
    arg->guard = guard;
    return code;
}

/* What a replacement computes.
 * @param is_variable  it is a `$name`, as it is */
static enum quern_code parse_computed(struct qn_parser *p,
                                      struct qn_pattern_numbers *out,
                                      bool *is_variable)
{
    static const double nothing = 0.0;
    struct qn_pattern_sum *sum = NULL;
    enum quern_code code = qn_parser_computed(p, &sum);
    if (code == QUERN_OK && sum->kind == QN_SUM_NUMBER) {
        *out = (struct qn_pattern_numbers){.n = 1,
                                           .values = &sum->number,
                                           .is_integer = sum->is_integer,
                                           .within = -1.0};
    } else if (code == QUERN_OK) {
        *out = (struct qn_pattern_numbers){.n = 1,
                                           .values = &nothing,
                                           .is_integer = true,
                                           .within = -1.0,
                                           .computed = sum};
        *is_variable = sum->kind == QN_SUM_ATTR;
    }
    return code;
}

static enum quern_code parse_arg(struct qn_parser *p,
                                 struct qn_pattern_arg *arg)
{
    bool is_variable = false;
    qn_parser_skip(p);
    if (p->is_replacement && (*p->at == '$' || *p->at == '(')) {
        arg->kind = QN_ARG_CONSTANT;
        return parse_computed(p, &arg->numbers, &is_variable);
    }
    if (qn_parser_at_numbers(p)) {
        arg->kind = QN_ARG_CONSTANT;
        return qn_parser_numbers(p, &arg->numbers);
    }
    arg->kind = QN_ARG_VALUE;
    if (!qn_parser_at_operator(p)) {
        return parse_value(p, arg);
    }
    struct qn_pattern_node *node = NULL;
    enum quern_code code = qn_parser_expr(p, &node);
    if (code == QUERN_OK) {
        code = qn_parser_add_var(p, NULL, node, 0, &arg->var);
    }
    if (code == QUERN_OK) {
        node->outs = qn_arena_alloc(&p->pattern->arena, sizeof *node->outs);
        if (node->outs == NULL) {
            return qn_no_memory(p->context);
        }
        node->outs[0] = arg->var;
        node->n_outs = 1;
    }
    return code;
}

static bool is_many(const struct qn_parser *p, const struct qn_pattern_arg *arg)
{
    return arg->kind == QN_ARG_VALUE && p->pattern->vars[arg->var].is_many;
}

static enum quern_code parse_args(struct qn_parser *p,
                                  struct qn_pattern_node *node)
{
    for (;;) {
        void *args = node->args;
        if (node->n_args == QN_PATTERN_MOST_ARGS) {
            return qn_parser_wrong(p, p->at, "more than %d arguments",
                                   QN_PATTERN_MOST_ARGS);
        }
        if (!qn_pattern_grow(p->pattern, &args, node->n_args,
                             sizeof *node->args)) {
            return qn_no_memory(p->context);
        }
        node->args = args;
        const char *start = p->at;
        enum quern_code code = parse_arg(p, &node->args[node->n_args++]);
        if (code != QUERN_OK) {
            return code;
        }
        if (!qn_parser_take(p, ',')) {
            return qn_parser_take(p, ')') ? QUERN_OK
                                          : qn_parser_found(p, "',' or ')'");
        }
        if (!p->is_replacement && is_many(p, &node->args[node->n_args - 1])) {
            return qn_parser_wrong(p, start,
                                   "an argument behind `name...`, which takes "
                                   "all that remain");
        }
    }
}

static size_t attr_variable(struct quern_pattern *pattern, const char *name)
{
    size_t i = 0;
    while (i < pattern->n_attr_vars &&
           strcmp(pattern->match.attrs[i].variable, name) != 0) {
        i++;
    }
    return i;
}

static enum quern_code bind_variable(struct qn_parser *p,
                                     struct qn_pattern_attr *attr)
{
    struct quern_pattern *pattern = p->pattern;
    attr->var = attr_variable(pattern, attr->text);
    if (attr->var == QN_PATTERN_MOST_NAMES) {
        return qn_parser_wrong(p, p->at, "more than %d attribute variables",
                               QN_PATTERN_MOST_NAMES);
    }
    void *vars = pattern->match.attrs;
    if (attr->var == pattern->n_attr_vars &&
        !qn_pattern_grow(pattern, &vars, pattern->n_attr_vars,
                         sizeof *pattern->match.attrs)) {
        return qn_no_memory(p->context);
    }
    pattern->match.attrs = vars;
    pattern->match.attrs[attr->var].variable = attr->text;
    pattern->n_attr_vars += attr->var == pattern->n_attr_vars;
    return QUERN_OK;
}

static enum quern_code parse_attr(struct qn_parser *p,
                                  struct qn_pattern_attr *attr)
{
    struct quern_pattern *pattern = p->pattern;
    enum quern_code code =
        qn_parser_name(p, "the name of an attribute", &attr->name);
    if (code == QUERN_OK && !qn_parser_take(p, '=')) {
        code = qn_parser_found(p, "'='");
    }
    if (code != QUERN_OK) {
        return code;
    }
    if (qn_parser_take(p, '"')) {
        size_t n = strcspn(p->at, "\"");
        attr->kind = QN_ATTR_IS_TEXT;
        attr->text = qn_arena_strndup(&pattern->arena, p->at, n);
        p->at += n;
        return attr->text == NULL       ? qn_no_memory(p->context)
               : qn_parser_take(p, '"') ? QUERN_OK
                                        : qn_parser_found(p, "'\"'");
    }
    attr->kind = QN_ATTR_IS_NUMBERS;
    if (p->is_replacement && *p->at != '[') {
        bool is_variable = false;
        code = parse_computed(p, &attr->numbers, &is_variable);
        if (code != QUERN_OK || !is_variable) {
            return code;
        }
        attr->text = attr->numbers.computed->name;
    } else if (qn_parser_take(p, '$')) {
        code = qn_parser_name(p, "a name", &attr->text);
    } else {
        return qn_parser_numbers(p, &attr->numbers);
    }
    attr->kind = QN_ATTR_IS_VAR;
    return code == QUERN_OK ? bind_variable(p, attr) : code;
}

static enum quern_code parse_attrs(struct qn_parser *p,
                                   struct qn_pattern_node *node)
{
    enum { MOST = 16 };
    enum quern_code code = QUERN_OK;
    do {
        void *attrs = node->attrs;
        if (node->n_attrs == MOST) {
            return qn_parser_wrong(p, p->at, "more than %d attributes", MOST);
        }
        if (!qn_pattern_grow(p->pattern, &attrs, node->n_attrs,
                             sizeof *node->attrs)) {
            return qn_no_memory(p->context);
        }
        node->attrs = attrs;
        code = parse_attr(p, &node->attrs[node->n_attrs++]);
    } while (code == QUERN_OK && qn_parser_take(p, ','));
    return code != QUERN_OK         ? code
           : qn_parser_take(p, '}') ? QUERN_OK
                                    : qn_parser_found(p, "',' or '}'");
}

/* `@ lo .. hi` */
static enum quern_code parse_opsets(struct qn_parser *p,
                                    struct qn_pattern_node *node)
{
    double lowest = 0.0, highest = 0.0;
    bool is_integer = true;
    enum quern_code code = qn_parser_number(p, &lowest, &is_integer);
    if (code == QUERN_OK) {
        qn_parser_skip(p);
        if (strncmp(p->at, "..", 2) != 0) {
            return qn_parser_found(p, "'..' and the last opset");
        }
        p->at += 2;
        code = qn_parser_number(p, &highest, &is_integer);
    }
    if (code == QUERN_OK &&
        (!is_integer || lowest < 1 || highest < lowest || highest > 1e9)) {
        return qn_parser_wrong(p, p->at,
                               "opsets %g..%g, needs two whole numbers from 1 "
                               "on, the smaller one first",
                               lowest, highest);
    }
    node->lowest = (int64_t)lowest;
    node->highest = (int64_t)highest;
    return code;
}

enum quern_code qn_parser_expr(struct qn_parser *p,
                               struct qn_pattern_node **out_node)
{
    qn_parser_skip(p);
    if (p->n_nodes == QN_PATTERN_MOST_NODES ||
        p->depth == QN_PATTERN_MOST_DEPTH) {
        return qn_parser_wrong(
            p, p->at, "more than %d operators, or %d inside each other",
            QN_PATTERN_MOST_NODES, QN_PATTERN_MOST_DEPTH);
    }
    struct qn_pattern_node *node =
        qn_arena_alloc(&p->pattern->arena, sizeof *node);
    if (node == NULL) {
        return qn_no_memory(p->context);
    }
    p->all[p->n_nodes++] = node;
    node->highest = INT64_MAX;
    qn_parser_position(p, p->at, &node->line, &node->column);
    enum quern_code code = qn_parser_operator(p, &node->domain, &node->op);
    if (code == QUERN_OK && qn_parser_take(p, '@')) {
        code = parse_opsets(p, node);
    }
    if (code == QUERN_OK && !qn_parser_take(p, '(')) {
        code = qn_parser_found(p, "'('");
    }
    p->depth++;
    if (code == QUERN_OK && !qn_parser_take(p, ')')) {
        code = parse_args(p, node);
    }
    p->depth--;
    if (code == QUERN_OK && qn_parser_take(p, '{')) {
        code = parse_attrs(p, node);
    }
    *out_node = node;
    return code;
}
