/* Types of values: the reading half, and making them. */
#include "ir/ir.h"
#include "ir/tensor.h"

#include <string.h>

const struct qn_type *qn_value_type(const struct quern_value *value)
{
    if (value->type != NULL) {
        return value->type;
    }
    return value->is_input ? value->declared : NULL;
}

static enum quern_dtype dtype_of(const struct qn_type *type)
{
    while (type != NULL && type->element != NULL &&
           type->kind != QUERN_KIND_MAP) {
        type = type->element;
    }
    return type != NULL ? type->dtype : QUERN_UNDEFINED;
}

/* A symbol that the file or a pass has named. */
static bool is_named(struct quern_dim dim)
{
    return dim.value < 0 && dim.expr != NULL &&
           dim.expr->kind == QN_EXPR_SYMBOL && dim.expr->owner == NULL;
}

static bool same_dim(struct quern_dim declared, struct quern_dim given)
{
    if (is_named(given)) {
        return declared.value < 0 &&
               (declared.expr == NULL || declared.expr == given.expr);
    }
    return given.value < 0 || declared.value == given.value;
}

bool qn_type_same_shape(const struct qn_type *declared,
                        const struct qn_type *given)
{
    if (given->rank < 0) {
        return true;
    }
    bool same = declared->rank == given->rank;
    for (int i = 0; i < given->rank && same; i++) {
        same = same_dim(declared->dims[i], given->dims[i]);
    }
    return same;
}

bool qn_value_is_stale(const struct quern_value *v)
{
    const struct qn_type *a = v->declared;
    const struct qn_type *b = v->given != NULL ? v->given : v->type;
    if (a == NULL || b == NULL || a == b || a->kind != QUERN_KIND_TENSOR ||
        b->kind != QUERN_KIND_TENSOR) {
        return false;
    }
    return (a->dtype != b->dtype && b->dtype != QUERN_UNDEFINED) ||
           (v->given != NULL && !qn_type_same_shape(a, b));
}

enum quern_dtype qn_value_written_dtype(const struct quern_value *v)
{
    const struct qn_type *now = v->type != NULL ? v->type : v->given;
    const struct qn_type *type =
        v->declared != NULL && !qn_value_is_stale(v) ? v->declared : now;
    return dtype_of(type);
}

void qn_value_set_type(struct quern_value *value, const struct qn_type *type)
{
    value->type = type;
}

const struct qn_type *qn_type_tensor(struct quern_model *model,
                                     enum quern_dtype dtype, int rank,
                                     const struct quern_dim *dims)
{
    struct qn_type *type = qn_arena_alloc(&model->arena, sizeof *type);
    if (type == NULL) {
        return NULL;
    }
    type->kind = QUERN_KIND_TENSOR;
    type->dtype = dtype;
    type->rank = rank < 0 ? -1 : rank;
    if (rank > 0) {
        struct quern_dim *copy =
            qn_arena_alloc_n(&model->arena, (size_t)rank, sizeof *copy);
        if (copy == NULL) {
            return NULL;
        }
        memcpy(copy, dims, (size_t)rank * sizeof *copy);
        type->dims = copy;
    }
    return type;
}

const struct qn_type *qn_type_of_tensor(struct quern_model *model,
                                        const struct quern_tensor *tensor)
{
    struct quern_dim dims[QUERN_MAX_RANK];
    int rank = quern_tensor_rank(tensor);
    for (int i = 0; i < rank; i++) {
        dims[i] = (struct quern_dim){quern_tensor_dims(tensor)[i], NULL};
    }
    return qn_type_tensor(model, quern_tensor_dtype(tensor), rank, dims);
}

enum quern_kind quern_value_kind(const struct quern_value *value)
{
    const struct qn_type *type = qn_value_type(value);
    return type != NULL ? type->kind : QUERN_KIND_UNKNOWN;
}

enum quern_dtype quern_value_dtype(const struct quern_value *value)
{
    return dtype_of(qn_value_type(value));
}

int quern_value_rank(const struct quern_value *value)
{
    const struct qn_type *type = qn_value_type(value);
    return type != NULL && type->kind == QUERN_KIND_TENSOR ? type->rank : -1;
}

const struct quern_dim *quern_value_dims(const struct quern_value *value)
{
    return quern_value_rank(value) > 0 ? qn_value_type(value)->dims : NULL;
}

int64_t quern_value_len(const struct quern_value *value)
{
    int rank = quern_value_rank(value);
    const struct quern_dim *dims = quern_value_dims(value);
    int64_t len = rank < 0 ? -1 : 1;
    for (int i = 0; i < rank; i++) {
        if (dims[i].value < 0 ||
            __builtin_mul_overflow(len, dims[i].value, &len)) {
            return -1;
        }
    }
    return len;
}

bool quern_dim_equal(struct quern_dim a, struct quern_dim b)
{
    if (a.value >= 0 || b.value >= 0) {
        return a.value == b.value;
    }
    return a.expr != NULL && a.expr == b.expr;
}
