/* One node against its operator's schema: is it known, arity, attributes. */
#include "ir/verify.h"

#include <stdio.h>
#include <string.h>

enum { MOST_HINTS = 100 };

/* Domains whose operators are all in the tables. */
static bool is_standard(const char *domain)
{
    return *domain == '\0' || strcmp(domain, "ai.onnx.ml") == 0 ||
           strcmp(domain, "ai.onnx.training") == 0 ||
           strcmp(domain, "ai.onnx.preview.training") == 0;
}

static const char *shown(const char *domain)
{
    return *domain != '\0' ? domain : "ai.onnx";
}

/* ------------------------------------------------------------- operator */

static void find_unknown(struct qn_verify *v, const struct quern_node *node,
                         int64_t version)
{
    struct quern_place place = quern_node_place(node);
    /* Hints cost a walk over all operators: not for thousands of errors. */
    bool hints = !v->findings->silent && v->findings->n_errors < MOST_HINTS;
    const char *near = hints ? qn_schema_nearest(node->domain, node->op) : NULL;
    const struct qn_schema *later =
        qn_schema_find(node->domain, node->op, INT64_MAX);
    if (later != NULL) {
        /* Rows of one operator follow each other, the oldest first. */
        while (later > qn_schema_at(0) && later[-1].op == later->op &&
               later[-1].domain == later->domain) {
            later--;
        }
        qn_find_error(v->findings, &place,
                      "operator exists from opset %u of %s on, the model "
                      "imports %lld",
                      later->since, shown(node->domain), (long long)version);
        return;
    }
    qn_find_error(v->findings, &place,
                  "operator is unknown in %s at opset %lld%s%s%s",
                  shown(node->domain), (long long)version,
                  near != NULL ? "; did you mean '" : "",
                  near != NULL ? near : "", near != NULL ? "'?" : "");
}

/* ---------------------------------------------------------------- arity */

static size_t n_given(const struct quern_node *node)
{
    size_t n = node->n_inputs;
    for (; n > 0 && node->inputs[n - 1]->value == NULL; n--) {
    }
    return n;
}

static void check_count(struct qn_verify *v, const struct quern_node *node,
                        const char *what, size_t found, size_t least,
                        size_t most)
{
    if (found >= least && found <= most) {
        return;
    }
    struct quern_place place = quern_node_place(node);
    if (most >= INT32_MAX) {
        qn_find_error(v->findings, &place, "%zu %s, needs at least %zu", found,
                      what, least);
    } else if (least == most) {
        qn_find_error(v->findings, &place, "%zu %s, needs %zu", found, what,
                      least);
    } else {
        qn_find_error(v->findings, &place, "%zu %s, needs %zu to %zu", found,
                      what, least, most);
    }
}

static void check_arity(struct qn_verify *v, const struct quern_node *node,
                        const struct qn_schema *schema)
{
    size_t n = n_given(node);
    check_count(v, node, "inputs", n, schema->min_inputs, schema->max_inputs);
    check_count(v, node, "outputs", node->n_outputs, schema->min_outputs,
                schema->max_outputs);
    for (size_t i = 0; i < n; i++) {
        const struct qn_schema_port *port = qn_schema_input(schema, i);
        if (port != NULL && port->option == QN_SCHEMA_SINGLE &&
            node->inputs[i]->value == NULL) {
            struct quern_place place = quern_node_place(node);
            qn_find_error(v->findings, &place,
                          "input %zu (%s) is left out, but needed", i,
                          qn_schema_text(port->name));
        }
    }
    for (size_t i = 0; i < node->n_outputs; i++) {
        const struct qn_schema_port *port = qn_schema_output(schema, i);
        if (port != NULL && port->option == QN_SCHEMA_SINGLE &&
            node->outputs[i] == NULL) {
            struct quern_place place = quern_node_place(node);
            qn_find_error(v->findings, &place,
                          "output %zu (%s) has no name, but needs one", i,
                          qn_schema_text(port->name));
        }
    }
}

/* ----------------------------------------------------------- attributes */

static void check_attr(struct qn_verify *v, const struct quern_node *node,
                       const struct qn_schema *schema,
                       const struct qn_attr *attr)
{
    const struct qn_schema_attr *row = qn_schema_attr(schema, attr->name);
    struct quern_place place;
    if (row == NULL && strncmp(attr->name, "__", 2) != 0) {
        const char *names[256] = {NULL};
        for (size_t i = 0; i < schema->n_attrs && i < 255; i++) {
            names[i] = qn_schema_text(qn_schema_attr_at(schema, i)->name);
        }
        const char *near = qn_nearest_name(attr->name, names);
        place = quern_node_place(node);
        place.attribute = attr->name;
        qn_find_error(v->findings, &place,
                      "operator has no attribute of that name at opset "
                      "%lld%s%s%s",
                      (long long)qn_verify_opset(v, node->domain),
                      near != NULL ? "; did you mean '" : "",
                      near != NULL ? near : "", near != NULL ? "'?" : "");
    } else if (row != NULL && (int)attr->type != row->type &&
               attr->type != QN_ATTR_UNDEFINED) {
        place = quern_node_place(node);
        place.attribute = attr->name;
        qn_find_error(v->findings, &place, "attribute has type %s, needs %s",
                      qn_attr_type_name(attr->type),
                      qn_attr_type_name((enum qn_attr_type)row->type));
    }
}

/* An attribute that refers to one of the function around it. */
static void check_ref(struct qn_verify *v, const struct quern_node *node,
                      const struct qn_attr *attr)
{
    const struct quern_function *f = v->function;
    bool found = false;
    for (size_t i = 0; f != NULL && i < f->n_attributes && !found; i++) {
        found = strcmp(f->attributes[i], attr->ref_name) == 0;
    }
    for (const struct qn_attr *a = f != NULL ? f->attribute_defaults : NULL;
         a != NULL && !found; a = a->next) {
        found = strcmp(a->name, attr->ref_name) == 0;
    }
    if (!found) {
        struct quern_place place = quern_node_place(node);
        place.attribute = attr->name;
        qn_find_error(v->findings, &place,
                      f == NULL ? "attribute refers to attribute '%s' of a "
                                  "function, but stands in no function"
                                : "attribute refers to attribute '%s', which "
                                  "the function does not declare",
                      attr->ref_name);
    }
}

static void check_required(struct qn_verify *v, const struct quern_node *node,
                           const struct qn_schema *schema)
{
    for (size_t i = 0; i < schema->n_attrs; i++) {
        const struct qn_schema_attr *row = qn_schema_attr_at(schema, i);
        const char *name = qn_schema_text(row->name);
        if (row->required && qn_node_attr(node, name) == NULL) {
            struct quern_place place = quern_node_place(node);
            place.attribute = name;
            qn_find_error(v->findings, &place,
                          "attribute of type %s is needed, but absent",
                          qn_attr_type_name((enum qn_attr_type)row->type));
        }
    }
}

/* --------------------------------------------------------------- a node */

/* The schema, or NULL when there is none or none that holds: told if operators
 * are looked at. */
static const struct qn_schema *find_schema(struct qn_verify *v,
                                           const struct quern_node *node)
{
    bool tells = (v->parts & QN_VERIFY_OPERATORS) != 0;
    int64_t version = qn_verify_opset(v, node->domain);
    if (version == 0) {
        if (tells) {
            struct quern_place place = quern_node_place(node);
            qn_find_error(v->findings, &place, "%s does not import domain '%s'",
                          v->function != NULL ? "the function" : "the model",
                          shown(node->domain));
        }
        return NULL;
    }
    /* A model-local function stands before an operator of the same name. */
    if (qn_verify_callee(v, node) != NULL) {
        return NULL;
    }
    const struct qn_schema *schema =
        qn_schema_find(node->domain, node->op, version);
    bool is_gone =
        schema != NULL && (schema->flags & QN_SCHEMA_DEPRECATED) != 0;
    if (tells && schema == NULL && is_standard(node->domain)) {
        find_unknown(v, node, version);
    }
    if (tells && is_gone) {
        struct quern_place place = quern_node_place(node);
        qn_find_error(v->findings, &place,
                      "operator is gone since opset %u of %s, the model "
                      "imports %lld",
                      schema->since, shown(node->domain), (long long)version);
    }
    return is_gone ? NULL : schema;
}

static void check_schema(struct qn_verify *v, const struct quern_node *node)
{
    const struct qn_schema *schema = find_schema(v, node);
    if (schema == NULL) {
        return;
    }
    if ((v->parts & QN_VERIFY_OPERATORS) != 0) {
        check_arity(v, node, schema);
        for (const struct qn_attr *a = node->attrs; a != NULL; a = a->next) {
            check_attr(v, node, schema, a);
        }
        check_required(v, node, schema);
        qn_verify_quant(v, node);
        qn_verify_values(v, node);
    }
    if ((v->parts & QN_VERIFY_TYPES) != 0) {
        qn_verify_types(v, node, schema);
    }
    /* Shapes that were inferred before a pass may be out of date after it. */
    if ((v->parts & QN_VERIFY_TYPES) != 0 &&
        (v->parts & QN_VERIFY_CHANGED) == 0) {
        qn_verify_shapes(v, node);
    }
}

void qn_verify_node(struct qn_verify *v, const struct quern_node *node)
{
    if ((v->parts & QN_VERIFY_OPERATORS) != 0) {
        if (n_given(node) == 0 && node->n_outputs == 0) {
            struct quern_place place = quern_node_place(node);
            qn_find_error(v->findings, &place,
                          "node has neither inputs nor outputs");
        }
        for (const struct qn_attr *a = node->attrs; a != NULL; a = a->next) {
            if (a->ref_name != NULL) {
                check_ref(v, node, a);
            }
        }
    }
    if (*node->op != '\0') {
        check_schema(v, node);
    }
}
