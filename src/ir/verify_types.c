/* Types of a node's inputs and outputs against the constraints of its schema.
 * What is not known is not checked. */
#include "ir/verify.h"

#include <stdio.h>
#include <string.h>

enum { N_VARIABLES = 64 };

/* What a type variable of the schema stands for in this node. */
struct binding {
    const struct qn_type *type;
    const char *name; /* of the value that bound it */
};

static const struct qn_type *tensor_inside(const struct qn_type *type)
{
    while (type != NULL && type->element != NULL &&
           type->kind != QUERN_KIND_MAP) {
        type = type->element;
    }
    return type;
}

static unsigned kind_bit(const struct qn_type *type)
{
    const struct qn_type *inner = type->element;
    if (type->kind == QUERN_KIND_SEQUENCE) {
        return inner != NULL && inner->kind == QUERN_KIND_MAP
                   ? QN_SCHEMA_SEQUENCE_OF_MAP
                   : QN_SCHEMA_SEQUENCE;
    }
    if (type->kind == QUERN_KIND_OPTIONAL) {
        return inner != NULL && inner->kind == QUERN_KIND_SEQUENCE
                   ? QN_SCHEMA_OPTIONAL_SEQUENCE
                   : QN_SCHEMA_OPTIONAL_TENSOR;
    }
    return type->kind == QUERN_KIND_MAP      ? QN_SCHEMA_MAP
           : type->kind == QUERN_KIND_SPARSE ? QN_SCHEMA_SPARSE
                                             : 0;
}

static bool in_mask(uint32_t mask, enum quern_dtype dtype)
{
    return dtype == QUERN_UNDEFINED ||
           (dtype <= QUERN_INT2 && (mask >> (unsigned)dtype & 1) != 0);
}

static bool allowed(const struct qn_schema_port *port,
                    const struct qn_type *type)
{
    if (type->kind == QUERN_KIND_TENSOR) {
        return port->types == 0 ? type->dtype == QUERN_UNDEFINED
                                : in_mask(port->types, type->dtype);
    }
    unsigned bit = kind_bit(type);
    if (bit == 0) {
        return true; /* unknown or opaque */
    }
    if ((port->other_kinds & bit) == 0) {
        return false;
    }
    bool plain = (bit & (QN_SCHEMA_SEQUENCE | QN_SCHEMA_OPTIONAL_TENSOR |
                         QN_SCHEMA_OPTIONAL_SEQUENCE)) != 0;
    const struct qn_type *inner = tensor_inside(type);
    return !plain || inner == NULL || in_mask(port->inner, inner->dtype);
}

/* "tensor(float)", "seq(tensor(int64))"; the text of what is needed. */
static void name_type(const struct qn_type *type, char *text, size_t size)
{
    static const char *const kinds[] = {
        [QUERN_KIND_UNKNOWN] = "unknown",      [QUERN_KIND_TENSOR] = "tensor",
        [QUERN_KIND_SPARSE] = "sparse_tensor", [QUERN_KIND_SEQUENCE] = "seq",
        [QUERN_KIND_OPTIONAL] = "optional",    [QUERN_KIND_MAP] = "map",
        [QUERN_KIND_OPAQUE] = "opaque",
    };
    const struct qn_type *inner = tensor_inside(type);
    bool nested = inner != type && inner != NULL;
    snprintf(text, size, "%s(%s%s%s)", kinds[type->kind],
             nested ? "tensor(" : "",
             quern_dtype_name(inner != NULL ? inner->dtype : QUERN_UNDEFINED),
             nested ? ")" : "");
}

static void name_types(const struct qn_schema_port *port, char *text,
                       size_t size)
{
    size_t used = 0;
    *text = '\0';
    for (unsigned t = 1; t <= QUERN_INT2 && used < size; t++) {
        if ((port->types >> t & 1) != 0) {
            used += (size_t)snprintf(text + used, size - used, "%s%s",
                                     used > 0 ? ", " : "",
                                     quern_dtype_name((enum quern_dtype)t));
        }
    }
    if (port->types == 0) {
        snprintf(text, size, "%s", qn_schema_text(port->type));
    }
}

/* Equal as far as both are known: shapes are another matter. */
static bool same_type(const struct qn_type *a, const struct qn_type *b)
{
    while (a != NULL && b != NULL) {
        if (a->kind == QUERN_KIND_UNKNOWN || b->kind == QUERN_KIND_UNKNOWN ||
            a->kind == QUERN_KIND_OPAQUE || b->kind == QUERN_KIND_OPAQUE) {
            return true;
        }
        if (a->kind != b->kind ||
            (a->dtype != b->dtype && a->dtype != QUERN_UNDEFINED &&
             b->dtype != QUERN_UNDEFINED)) {
            return false;
        }
        a = a->element;
        b = b->element;
    }
    return true;
}

static void check_port(struct qn_verify *v, const struct quern_node *node,
                       const char *what, size_t i,
                       const struct qn_schema_port *port,
                       const struct quern_value *value,
                       struct binding *bindings)
{
    const struct qn_type *type = value != NULL ? qn_value_type(value) : NULL;
    char found[96];
    char needed[512];
    if (type == NULL || port == NULL || type->kind == QUERN_KIND_UNKNOWN) {
        return;
    }
    /* What was inferred before a pass may be out of date after it. */
    if ((v->parts & QN_VERIFY_CHANGED) != 0 && value->producer != NULL) {
        return;
    }
    if (!allowed(port, type)) {
        struct quern_place place = quern_node_place(node);
        place.tensor = value->name;
        name_type(type, found, sizeof found);
        name_types(port, needed, sizeof needed);
        qn_find_error(v->findings, &place,
                      "%s %zu (%s) has type %s, the operator takes %s", what, i,
                      qn_schema_text(port->name), found, needed);
        return;
    }
    if (port->variable >= N_VARIABLES) {
        return;
    }
    struct binding *b = &bindings[port->variable];
    if (b->type == NULL) {
        *b = (struct binding){type, value->name};
    } else if (!same_type(b->type, type)) {
        struct quern_place place = quern_node_place(node);
        place.tensor = value->name;
        name_type(type, found, sizeof found);
        name_type(b->type, needed, sizeof needed);
        qn_find_error(v->findings, &place,
                      "%s %zu (%s) has type %s, but must have that of '%s', %s",
                      what, i, qn_schema_text(port->name), found, b->name,
                      needed);
    }
}

void qn_verify_types(struct qn_verify *v, const struct quern_node *node,
                     const struct qn_schema *schema)
{
    struct binding bindings[N_VARIABLES] = {{NULL, NULL}};
    for (size_t i = 0; i < node->n_inputs; i++) {
        check_port(v, node, "input", i, qn_schema_input(schema, i),
                   node->inputs[i]->value, bindings);
    }
    for (size_t i = 0; i < node->n_outputs; i++) {
        check_port(v, node, "output", i, qn_schema_output(schema, i),
                   node->outputs[i], bindings);
    }
}
