/* Operators of rules against the schemas of ONNX: names, arity, attributes. A
 * rule that could never match, or that could only make a wrong node, is an
 * error where it stands. */
#include "ir/ir.h"
#include "ir/schema.h"
#include "pass/rules.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Older opsets are refused at load. */
enum { OLDEST_OPSET = 7 };

/* What the schemas of some opsets say of an operator together. */
struct limits {
    size_t least_inputs, most_inputs;
    size_t most_outputs;
    bool is_known; /* at one of them */
};

static struct limits limits_of(const struct qn_rule_site *site,
                               const struct qn_pattern_node *node)
{
    struct limits l = {.least_inputs = SIZE_MAX};
    for (int64_t v = site->lowest; v <= site->highest; v++) {
        const struct qn_schema *s = qn_schema_find(node->domain, node->op, v);
        if (s == NULL) {
            continue;
        }
        l.is_known = true;
        l.least_inputs =
            s->min_inputs < l.least_inputs ? s->min_inputs : l.least_inputs;
        l.most_inputs =
            s->max_inputs > l.most_inputs ? s->max_inputs : l.most_inputs;
        l.most_outputs =
            s->max_outputs > l.most_outputs ? s->max_outputs : l.most_outputs;
    }
    return l;
}

static struct quern_place place_of(const struct qn_rule_site *site,
                                   const struct qn_pattern_node *node)
{
    return qn_pattern_place(&site->base, node->line, node->column);
}

/* " at opset 13", or "" where all are meant. */
static const char *opset_text(const struct qn_rule_site *site, char text[32])
{
    snprintf(text, 32, " at opset %lld", (long long)site->lowest);
    return site->lowest == site->highest ? text : "";
}

static enum quern_code check_name(const struct qn_rule_site *site,
                                  const struct qn_pattern_node *node)
{
    struct quern_place place = place_of(site, node);
    if (qn_schema_find(node->domain, node->op, INT64_MAX) != NULL) {
        return quern_fail(site->context, QUERN_INVALID_ARGUMENT, &place,
                          "rule '%s' %s '%s', which ONNX has at none of the "
                          "opsets %lld to %lld",
                          site->rule, site->verb, node->op,
                          (long long)site->lowest, (long long)site->highest);
    }
    const char *near = qn_schema_nearest("", node->op);
    return quern_fail(site->context, QUERN_INVALID_ARGUMENT, &place,
                      "rule '%s' %s '%s', which ONNX does not have%s%s%s",
                      site->rule, site->verb, node->op,
                      near != NULL ? ", did you mean '" : "",
                      near != NULL ? near : "", near != NULL ? "'" : "");
}

static enum quern_code check_arity(const struct qn_rule_site *site,
                                   const struct qn_pattern_node *node,
                                   const struct limits *l)
{
    char opset[32];
    char range[64];
    struct quern_place place = place_of(site, node);
    size_t n = node->n_args;
    const struct qn_pattern_arg *last = n > 0 ? &node->args[n - 1] : NULL;
    bool is_open = last != NULL && last->kind == QN_ARG_VALUE &&
                   site->pattern->vars[last->var].is_many;
    n -= is_open; /* `name...` stands for any number */
    if (n > l->most_inputs || (n < l->least_inputs && !is_open)) {
        snprintf(range, sizeof range,
                 l->most_inputs >= INT_MAX           ? "%zu or more"
                 : l->most_inputs == l->least_inputs ? "%zu"
                                                     : "%zu to %zu",
                 l->least_inputs, l->most_inputs);
        return quern_fail(site->context, QUERN_INVALID_ARGUMENT, &place,
                          "rule '%s' gives %s %zu inputs, it takes %s%s",
                          site->rule, node->op, n, range,
                          opset_text(site, opset));
    }
    if (node->n_outs > l->most_outputs) {
        return quern_fail(site->context, QUERN_INVALID_ARGUMENT, &place,
                          "rule '%s' takes %zu outputs of %s, it has %zu%s",
                          site->rule, node->n_outs, node->op, l->most_outputs,
                          opset_text(site, opset));
    }
    return QUERN_OK;
}

/* ------------------------------------------------------------ attributes */

/* The newest row of an attribute in these opsets, or NULL. */
static const struct qn_schema_attr *row_of(const struct qn_rule_site *site,
                                           const struct qn_pattern_node *node,
                                           const char *name)
{
    for (int64_t v = site->highest; v >= site->lowest; v--) {
        const struct qn_schema *s = qn_schema_find(node->domain, node->op, v);
        const struct qn_schema_attr *row =
            s != NULL ? qn_schema_attr(s, name) : NULL;
        if (row != NULL) {
            return row;
        }
    }
    return NULL;
}

static bool takes(const struct qn_schema_attr *row,
                  const struct qn_pattern_attr *attr)
{
    const struct qn_pattern_numbers *n = &attr->numbers;
    switch (attr->kind) {
    case QN_ATTR_IS_TEXT:
        return row->type == QN_ATTR_STRING;
    case QN_ATTR_IS_NUMBERS:
        return n->is_list ? row->type == QN_ATTR_FLOATS ||
                                (row->type == QN_ATTR_INTS && n->is_integer)
                          : row->type == QN_ATTR_FLOAT ||
                                (row->type == QN_ATTR_INT && n->is_integer);
    case QN_ATTR_IS_VAR:
        break;
    }
    return row->type != QN_ATTR_GRAPH && row->type != QN_ATTR_GRAPHS;
}

static const char *kind_of(const struct qn_pattern_attr *attr)
{
    if (attr->kind == QN_ATTR_IS_TEXT) {
        return "a text";
    }
    if (attr->kind == QN_ATTR_IS_VAR) {
        return "a variable";
    }
    return attr->numbers.is_list      ? attr->numbers.is_integer
                                            ? "a list of whole numbers"
                                            : "a list of numbers"
           : attr->numbers.is_integer ? "a whole number"
                                      : "a number with a fraction";
}

static enum quern_code check_attr(const struct qn_rule_site *site,
                                  const struct qn_pattern_node *node,
                                  const struct qn_pattern_attr *attr)
{
    char opset[32];
    struct quern_place place = place_of(site, node);
    const struct qn_schema_attr *row = row_of(site, node, attr->name);
    if (row == NULL) {
        return quern_fail(site->context, QUERN_INVALID_ARGUMENT, &place,
                          "rule '%s': %s has no attribute '%s'%s", site->rule,
                          node->op, attr->name, opset_text(site, opset));
    }
    if (!takes(row, attr)) {
        return quern_fail(site->context, QUERN_INVALID_ARGUMENT, &place,
                          "rule '%s': attribute '%s' of %s is found as %s, "
                          "needs its type '%s'",
                          site->rule, attr->name, node->op, kind_of(attr),
                          qn_attr_type_name((enum qn_attr_type)row->type));
    }
    return QUERN_OK;
}

enum quern_code qn_rule_check_operator(const struct qn_rule_site *site,
                                       const struct qn_pattern_node *node)
{
    if (*node->domain != '\0') {
        return QUERN_OK; /* of strangers, or contrib without versions */
    }
    struct limits l = limits_of(site, node);
    enum quern_code code =
        l.is_known ? check_arity(site, node, &l) : check_name(site, node);
    for (size_t i = 0; i < node->n_attrs && code == QUERN_OK; i++) {
        code = check_attr(site, node, &node->attrs[i]);
    }
    return code;
}

enum quern_code qn_rule_check_pattern(struct qn_rule_site *site,
                                      const struct quern_pattern *pattern)
{
    enum quern_code code = QUERN_OK;
    site->pattern = pattern;
    for (size_t i = 0; i < pattern->n_nodes && code == QUERN_OK; i++) {
        const struct qn_pattern_node *n = pattern->nodes[i];
        int64_t newest = qn_schema_newest("");
        site->lowest = n->lowest > 0 ? n->lowest : OLDEST_OPSET;
        site->highest = n->highest < newest ? n->highest : newest;
        code = qn_rule_check_operator(site, n);
    }
    return code;
}

/* ------------------------------------------------------------- of a model */

enum quern_code qn_rule_check_made(const struct quern_model *model,
                                   const struct qn_rule *rule,
                                   const struct qn_pattern_node *wanted,
                                   const struct quern_place *place)
{
    int64_t has = quern_model_opset(model, "");
    if (*wanted->domain != '\0') {
        return QUERN_OK;
    }
    if (qn_schema_find("", wanted->op, has) != NULL) {
        const struct qn_rule_site site = {.context = model->context,
                                          .rule = rule->name,
                                          .verb = "makes",
                                          .base = rule->place,
                                          .pattern = rule->replace,
                                          .lowest = has,
                                          .highest = has};
        return qn_rule_check_operator(&site, wanted);
    }
    int64_t needs = has;
    while (needs < qn_schema_newest("") &&
           qn_schema_find("", wanted->op, needs) == NULL) {
        needs++;
    }
    return quern_fail(model->context, QUERN_UNSUPPORTED, place,
                      "rule '%s' makes %s, which needs opset %lld; the model "
                      "has %lld (see the pass raise-opset)",
                      rule->name, wanted->op, (long long)needs, (long long)has);
}

enum quern_code qn_rules_check_model(const struct qn_rules *rules,
                                     const struct quern_model *model)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < rules->n; i++) {
        const struct quern_pattern *made = rules->items[i].replace;
        for (size_t k = 0; k < made->n_nodes && code == QUERN_OK; k++) {
            const struct qn_pattern_node *node = made->nodes[k];
            struct quern_place place = qn_pattern_place(
                &rules->items[i].place, node->line, node->column);
            code = qn_rule_check_made(model, &rules->items[i], node, &place);
        }
    }
    return code;
}

/* ------------------------------------------------------------- variables */

/* Where `$variable` is bound in a pattern, or NULL. */
static const struct qn_pattern_attr *
binding_of(const struct quern_pattern *pattern, const char *variable,
           const struct qn_pattern_node **out_node)
{
    for (size_t i = 0; i < pattern->n_nodes; i++) {
        *out_node = pattern->nodes[i];
        for (size_t k = 0; k < (*out_node)->n_attrs; k++) {
            const struct qn_pattern_attr *a = &(*out_node)->attrs[k];
            if (a->kind == QN_ATTR_IS_VAR && strcmp(a->text, variable) == 0) {
                return a;
            }
        }
    }
    return NULL;
}

enum quern_code qn_rule_check_variable(const struct qn_rule_site *site,
                                       const struct quern_pattern *match,
                                       const struct qn_pattern_node *node,
                                       const struct qn_pattern_attr *attr)
{
    const struct qn_pattern_node *from = NULL;
    const struct qn_pattern_attr *bound = binding_of(match, attr->text, &from);
    struct quern_place place = place_of(site, node);
    if (bound == NULL) {
        return quern_fail(site->context, QUERN_INVALID_ARGUMENT, &place,
                          "rule '%s' sets '%s' to $%s, which its match does "
                          "not name",
                          site->rule, attr->name, attr->text);
    }
    const struct qn_rule_site all = {.lowest = OLDEST_OPSET,
                                     .highest = qn_schema_newest("")};
    const struct qn_schema_attr *has = row_of(&all, from, bound->name);
    const struct qn_schema_attr *needs = row_of(&all, node, attr->name);
    if (has == NULL || needs == NULL || has->type == needs->type) {
        return QUERN_OK;
    }
    return quern_fail(site->context, QUERN_INVALID_ARGUMENT, &place,
                      "rule '%s' sets '%s' of %s to $%s, which is of type '%s' "
                      "in %s, needs '%s'",
                      site->rule, attr->name, node->op, attr->text,
                      qn_attr_type_name((enum qn_attr_type)has->type), from->op,
                      qn_attr_type_name((enum qn_attr_type)needs->type));
}
