/* What a replacement computes, from constants and attributes of the match. */
#include "pass/rules.h"

#include <float.h>
#include <math.h>
#include <string.h>

static bool attr_number(const struct quern_match *match, const char *variable,
                        double *out, bool *is_integer)
{
    const char *name = NULL;
    const struct quern_node *node = quern_match_attr(match, variable, &name);
    struct qn_attr_value v = {.is_known = false};
    if (node != NULL) {
        qn_attr_value_of(node, name, &v);
    }
    if (!v.is_known || v.is_list || v.text != NULL) {
        return false;
    }
    *is_integer = *is_integer && v.ints != NULL;
    *out = v.ints != NULL ? (double)v.ints[0] : (double)v.floats[0];
    return true;
}

static bool value_number(const struct quern_match *match, const char *name,
                         double *out, bool *is_integer)
{
    const struct quern_value *v = quern_match_value(match, name);
    const struct quern_tensor *t = v != NULL ? quern_value_constant(v) : NULL;
    if (t == NULL || quern_tensor_len(t) != 1 ||
        !quern_tensor_read_doubles(t, 0, 1, out)) {
        return false;
    }
    *is_integer = *is_integer && quern_dtype_is_integer(quern_tensor_dtype(t));
    return true;
}

static double operate(char op, double a, double b)
{
    switch (op) {
    case '+':
        return a + b;
    case '-':
        return a - b;
    case '*':
        return a * b;
    default:
        return a / b;
    }
}

bool qn_rule_compute(const struct quern_match *match,
                     const struct qn_pattern_sum *sum, double *out,
                     bool *is_integer)
{
    double left = 0.0;
    double right = 0.0;
    switch (sum->kind) {
    case QN_SUM_NUMBER:
        *out = sum->number;
        *is_integer = *is_integer && sum->is_integer;
        return true;
    case QN_SUM_ATTR:
        return attr_number(match, sum->name, out, is_integer);
    case QN_SUM_VALUE:
        return value_number(match, sum->name, out, is_integer);
    case QN_SUM_OPERATION:
        break;
    }
    if (!qn_rule_compute(match, sum->left, &left, is_integer) ||
        !qn_rule_compute(match, sum->right, &right, is_integer)) {
        return false;
    }
    *out = operate(sum->op, left, right);
    *is_integer = *is_integer && fabs(*out - trunc(*out)) <= 0.0;
    return isfinite(*out);
}

struct qn_pattern_numbers
qn_rule_numbers(const struct quern_match *match,
                const struct qn_pattern_numbers *numbers, double *computed)
{
    struct qn_pattern_numbers known = *numbers;
    bool is_integer = true;
    if (numbers->computed != NULL &&
        qn_rule_compute(match, numbers->computed, computed, &is_integer)) {
        known.values = computed;
        known.is_integer = is_integer;
    }
    return known;
}

static bool can_compute(const struct quern_match *match,
                        const struct qn_pattern_numbers *numbers)
{
    double number = 0.0;
    bool is_integer = true;
    return numbers->computed == NULL ||
           qn_rule_compute(match, numbers->computed, &number, &is_integer);
}

bool qn_rule_is_computable(const struct qn_rule *rule,
                           const struct quern_match *match)
{
    bool good = true;
    for (size_t i = 0; i < rule->replace->n_nodes && good; i++) {
        const struct qn_pattern_node *node = rule->replace->nodes[i];
        for (size_t k = 0; k < node->n_attrs && good; k++) {
            good = node->attrs[k].kind != QN_ATTR_IS_NUMBERS ||
                   can_compute(match, &node->attrs[k].numbers);
        }
        for (size_t k = 0; k < node->n_args && good; k++) {
            good = node->args[k].kind != QN_ARG_CONSTANT ||
                   can_compute(match, &node->args[k].numbers);
        }
    }
    return good;
}

bool qn_rule_to_attribute(double number, bool is_float, int64_t *out_int,
                          float *out_float)
{
    static const double end = 9223372036854775808.0;
    if (is_float) {
        bool fits = fabs(number) <= (double)FLT_MAX;
        *out_float = fits ? (float)number : 0.0f;
        return fits;
    }
    if (fabs(number - trunc(number)) > 0 || fabs(number) > end) {
        return false;
    }
    *out_int = number < end ? (int64_t)number : INT64_MAX;
    return true;
}

bool qn_rule_holds(const struct quern_tensor *tensor,
                   const struct qn_pattern_numbers *numbers)
{
    bool is_float = quern_dtype_is_float(quern_tensor_dtype(tensor));
    bool good = true;
    double got = 0.0;
    for (size_t i = 0; i < numbers->n && good; i++) {
        good = quern_tensor_read_doubles(tensor, (int64_t)i, 1, &got) &&
               (is_float ? isfinite(got) : fabs(got - numbers->values[i]) <= 0);
    }
    return good;
}

/* Names that it reads are those of the match. */
static enum quern_code check_sum(const struct qn_rule_site *site,
                                 const struct quern_pattern *match,
                                 const struct qn_pattern_sum *sum)
{
    bool known = true;
    if (sum->kind == QN_SUM_OPERATION) {
        enum quern_code code = check_sum(site, match, sum->left);
        return code == QUERN_OK ? check_sum(site, match, sum->right) : code;
    }
    if (sum->kind == QN_SUM_VALUE) {
        size_t i = qn_pattern_find(match, sum->name);
        known = i < match->n_vars && !match->vars[i].is_many;
    } else if (sum->kind == QN_SUM_ATTR) {
        size_t i = 0;
        while (i < match->n_attr_vars &&
               strcmp(match->match.attrs[i].variable, sum->name) != 0) {
            i++;
        }
        known = i < match->n_attr_vars;
    }
    struct quern_place place =
        qn_pattern_place(&site->base, sum->line, sum->column);
    return known ? QUERN_OK
                 : quern_fail(site->context, QUERN_INVALID_ARGUMENT, &place,
                              "rule '%s' computes with %s%s, which its match "
                              "does not name",
                              site->rule, sum->kind == QN_SUM_ATTR ? "$" : "",
                              sum->name);
}

enum quern_code qn_rule_check_computed(const struct qn_rule_site *site,
                                       const struct quern_pattern *match,
                                       const struct qn_pattern_node *node)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < node->n_attrs && code == QUERN_OK; i++) {
        const struct qn_pattern_attr *attr = &node->attrs[i];
        if (attr->kind == QN_ATTR_IS_NUMBERS &&
            attr->numbers.computed != NULL) {
            code = check_sum(site, match, attr->numbers.computed);
        }
    }
    for (size_t i = 0; i < node->n_args && code == QUERN_OK; i++) {
        const struct qn_pattern_arg *arg = &node->args[i];
        if (arg->kind == QN_ARG_CONSTANT && arg->numbers.computed != NULL) {
            code = check_sum(site, match, arg->numbers.computed);
        }
    }
    return code;
}
