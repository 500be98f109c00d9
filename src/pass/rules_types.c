/* Element types of the constants that a replacement makes. */
#include "ir/ir.h"
#include "ir/schema.h"
#include "pass/rules.h"

#include <string.h>

enum { NO_VARIABLE = 255 };

/* Types are asked for while the replacement is being made, before they are
 * inferred: they follow from those of the match. */
struct typing {
    const struct quern_model *model;
    const struct qn_rule *rule;
    const struct quern_match *match;
    bool seen[QN_PATTERN_MOST_NAMES]; /* by variable of the replacement */
    enum quern_dtype types[QN_PATTERN_MOST_NAMES];
};

static enum quern_dtype type_of_variable(struct typing *t, size_t var);

static const struct qn_schema *schema_of(const struct typing *t,
                                         const struct qn_pattern_node *node)
{
    return qn_schema_find(node->domain, node->op,
                          quern_model_opset(t->model, node->domain));
}

/* The first known type of the arguments whose ports have that type variable;
 * of all where there is no schema. */
static enum quern_dtype type_of_kin(struct typing *t,
                                    const struct qn_pattern_node *node,
                                    const struct qn_schema *schema,
                                    unsigned variable)
{
    enum quern_dtype type = QUERN_UNDEFINED;
    for (size_t k = 0; k < node->n_args && type == QUERN_UNDEFINED; k++) {
        const struct qn_schema_port *port =
            schema != NULL ? qn_schema_input(schema, k) : NULL;
        bool is_kin =
            schema == NULL || (port != NULL && variable != NO_VARIABLE &&
                               port->variable == variable);
        if (is_kin && node->args[k].kind == QN_ARG_VALUE) {
            type = type_of_variable(t, node->args[k].var);
        }
    }
    return type;
}

/* What Cast says. */
static enum quern_dtype told_type(const struct qn_pattern_node *node)
{
    for (size_t i = 0; i < node->n_attrs && strcmp(node->op, "Cast") == 0;
         i++) {
        const struct qn_pattern_attr *attr = &node->attrs[i];
        if (strcmp(attr->name, "to") == 0 && attr->kind == QN_ATTR_IS_NUMBERS &&
            attr->numbers.n == 1 && attr->numbers.values[0] >= 1 &&
            attr->numbers.values[0] < 32) {
            return (enum quern_dtype)(int)attr->numbers.values[0];
        }
    }
    return QUERN_UNDEFINED;
}

static enum quern_dtype
type_made(struct typing *t, const struct qn_pattern_node *node, size_t output)
{
    const struct qn_schema *schema = schema_of(t, node);
    const struct qn_schema_port *port =
        schema != NULL ? qn_schema_output(schema, output) : NULL;
    if (port == NULL) {
        return QUERN_UNDEFINED;
    }
    for (int type = 1; type < 32; type++) {
        if (port->types == 1u << type) {
            return (enum quern_dtype)type;
        }
    }
    enum quern_dtype told = told_type(node);
    return told != QUERN_UNDEFINED
               ? told
               : type_of_kin(t, node, schema, port->variable);
}

static enum quern_dtype type_of_variable(struct typing *t, size_t var)
{
    const struct qn_pattern_var *v = &t->rule->replace->vars[var];
    if (v->producer == NULL) {
        const struct quern_value *value = quern_match_value(t->match, v->name);
        return value != NULL ? quern_value_dtype(value) : QUERN_UNDEFINED;
    }
    if (!t->seen[var]) {
        t->seen[var] = true;
        t->types[var] = type_made(t, v->producer, v->output);
    }
    return t->types[var];
}

enum quern_dtype qn_rule_constant_type(const struct quern_model *model,
                                       const struct qn_rule *rule,
                                       const struct quern_match *match,
                                       const struct qn_pattern_node *node,
                                       size_t i)
{
    struct typing t = {.model = model, .rule = rule, .match = match};
    const struct qn_schema *schema = schema_of(&t, node);
    const struct qn_schema_port *port =
        schema != NULL ? qn_schema_input(schema, i) : NULL;
    enum quern_dtype beside = type_of_kin(
        &t, node, schema, port != NULL ? port->variable : NO_VARIABLE);
    if (beside != QUERN_UNDEFINED) {
        return beside;
    }
    uint32_t types = port != NULL ? port->types : 1u << QUERN_FLOAT;
    if ((types & 1u << QUERN_FLOAT) == 0 && (types & 1u << QUERN_INT64) != 0) {
        return QUERN_INT64;
    }
    for (int k = QUERN_FLOAT; (types & 1u << QUERN_FLOAT) == 0 && k < 32; k++) {
        if ((types & 1u << k) != 0) {
            return (enum quern_dtype)k;
        }
    }
    return QUERN_FLOAT;
}
