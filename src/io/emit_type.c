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

/* What is written of a value: as declared, unless a pass has changed it; where
 * only the element type is another one, declared sizes stay. */
static struct qn_type type_to_write(const struct quern_value *v)
{
    const struct qn_type *now = v->type != NULL ? v->type : v->given;
    if (now == NULL || !qn_value_is_stale(v)) {
        return *(v->declared != NULL ? v->declared : now);
    }
    struct qn_type type = *now;
    if (v->given == NULL || qn_type_same_shape(v->declared, v->given)) {
        type = *v->declared;
        type.dtype = now->dtype;
        type.opaque = (struct qn_span){NULL, 0};
    }
    return type;
}

static void value_info_body(struct qn_sink *out, const void *object)
{
    const struct quern_value *value = object;
    qn_emit_string(out, 1, value->name);
    if (value->declared != NULL || value->type != NULL) {
        struct qn_type type = type_to_write(value);
        qn_emit_nested(out, 2, qn_emit_type_body, &type);
    }
    qn_emit_fields(out, value->info_origin, 3, UINT32_MAX, no_fields);
}

void qn_emit_value_info(struct qn_sink *sink, unsigned field,
                        const struct quern_value *value)
{
    if (value->info_origin.data != NULL && !qn_value_is_stale(value)) {
        qn_emit_bytes(sink, field, value->info_origin.data,
                      value->info_origin.size);
    } else {
        qn_emit_nested(sink, field, value_info_body, value);
    }
}
