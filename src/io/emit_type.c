/* Emitting types, shapes and value infos. */
#include "io/emit.h"

static const unsigned no_fields[] = {0};

static void dim_body(struct qn_sink *out, const void *object)
{
    const struct quern_dim dim = *(const struct quern_dim *)object;
    if (dim.value >= 0) {
        qn_emit_int(out, 1, dim.value);
    } else if (dim.expr != NULL && dim.expr->kind == QN_EXPR_SYMBOL) {
        qn_emit_string(out, 2, dim.expr->symbol);
    }
}

static void shape_body(struct qn_sink *out, const void *object)
{
    const struct qn_type *type = object;
    for (int i = 0; i < type->rank; i++) {
        qn_emit_nested(out, 1, dim_body, &type->dims[i]);
    }
}

static void tensor_type_body(struct qn_sink *out, const void *object)
{
    const struct qn_type *type = object;
    qn_emit_int(out, 1, (int64_t)type->dtype);
    if (type->rank >= 0) {
        qn_emit_nested(out, 2, shape_body, type);
    }
}

static void element_body(struct qn_sink *out, const void *object)
{
    const struct qn_type *type = object;
    if (type->kind == QUERN_KIND_MAP) {
        qn_emit_int(out, 1, (int64_t)type->dtype);
    }
    if (type->element != NULL) {
        qn_emit_nested(out, type->kind == QUERN_KIND_MAP ? 2 : 1,
                       qn_emit_type_body, type->element);
    }
}

void qn_emit_type_body(struct qn_sink *out, const void *object)
{
    const struct qn_type *type = object;
    static const unsigned fields[] = {
        [QUERN_KIND_TENSOR] = 1,   [QUERN_KIND_SPARSE] = 8,
        [QUERN_KIND_SEQUENCE] = 4, [QUERN_KIND_OPTIONAL] = 9,
        [QUERN_KIND_MAP] = 5,
    };
    if (type->opaque.data != NULL) {
        qn_emit_raw(out, type->opaque.data, type->opaque.size);
    } else if (type->kind == QUERN_KIND_TENSOR ||
               type->kind == QUERN_KIND_SPARSE) {
        qn_emit_nested(out, fields[type->kind], tensor_type_body, type);
    } else if (type->element != NULL) {
        qn_emit_nested(out, fields[type->kind], element_body, type);
    }
}

static bool same_shape(const struct qn_type *a, const struct qn_type *b)
{
    if (a->rank < 0 || b->rank < 0) {
        return true;
    }
    bool same = a->rank == b->rank;
    for (int i = 0; i < a->rank && same; i++) {
        same = a->dims[i].value < 0 || b->dims[i].value < 0 ||
               a->dims[i].value == b->dims[i].value;
    }
    return same;
}

bool qn_emit_is_stale(const struct quern_value *v)
{
    const struct qn_type *a = v->declared;
    const struct qn_type *b = v->given != NULL ? v->given : v->type;
    if (a == NULL || b == NULL || a == b || a->kind != QUERN_KIND_TENSOR ||
        b->kind != QUERN_KIND_TENSOR) {
        return false;
    }
    return (a->dtype != b->dtype && b->dtype != QUERN_UNDEFINED) ||
           (v->given != NULL && !same_shape(a, b));
}

static void value_info_body(struct qn_sink *out, const void *object)
{
    const struct quern_value *value = object;
    const struct qn_type *type =
        value->declared != NULL && !qn_emit_is_stale(value) ? value->declared
                                                            : value->type;
    qn_emit_string(out, 1, value->name);
    if (type != NULL) {
        qn_emit_nested(out, 2, qn_emit_type_body, type);
    }
    qn_emit_fields(out, value->info_origin, 3, UINT32_MAX, no_fields);
}

void qn_emit_value_info(struct qn_sink *sink, unsigned field,
                        const struct quern_value *value)
{
    if (value->info_origin.data != NULL && !qn_emit_is_stale(value)) {
        qn_emit_bytes(sink, field, value->info_origin.data,
                      value->info_origin.size);
    } else {
        qn_emit_nested(sink, field, value_info_body, value);
    }
}
