/* From what a rule found to the type of a value, and back. */
#include "infer/context.h"
#include "infer/state.h"

#include <stdio.h>
#include <string.h>

static struct quern_dim fresh(struct qn_infer_ctx *c,
                              const struct quern_value *value, int axis)
{
    char name[40];
    snprintf(name, sizeof name, "?%u.%d", value->id, axis);
    struct quern_expr wanted = {
        .kind = QN_EXPR_SYMBOL, .symbol = name, .owner = value};
    const struct quern_expr *e = qn_expr_intern(c->x.model, &wanted);
    c->x.no_memory = c->x.no_memory || e == NULL;
    return (struct quern_dim){-1, e};
}

const char qn_type_of_nothing[] = "";

static bool is_nothing(const struct qn_type *type)
{
    return type->denotation == qn_type_of_nothing;
}

static bool same_type(const struct qn_type *a, const struct qn_type *b)
{
    /* Depth is that of types, which a reader has bounded. */
    while (a != b) {
        if (a == NULL || b == NULL || a->kind != b->kind ||
            a->dtype != b->dtype || a->rank != b->rank ||
            a->opaque.data != b->opaque.data ||
            is_nothing(a) != is_nothing(b)) {
            return false;
        }
        for (int i = 0; i < a->rank; i++) {
            if (a->dims[i].value != b->dims[i].value ||
                a->dims[i].expr != b->dims[i].expr) {
                return false;
            }
        }
        a = a->element;
        b = b->element;
    }
    return true;
}

/* Fill in what the rule left open and a pass has said. */
static void take_given(struct qn_result *r, const struct qn_type *given)
{
    if (given == NULL) {
        return;
    }
    if (r->kind == QUERN_KIND_UNKNOWN && given->kind != QUERN_KIND_TENSOR) {
        r->whole = given;
    } else if (r->kind == QUERN_KIND_UNKNOWN) {
        r->kind = QUERN_KIND_TENSOR;
        r->dtype = QUERN_UNDEFINED;
        r->rank = -1;
    }
    if (r->kind != QUERN_KIND_TENSOR || given->kind != QUERN_KIND_TENSOR) {
        return;
    }
    r->dtype = r->dtype == QUERN_UNDEFINED ? given->dtype : r->dtype;
    if (r->rank < 0 && given->rank <= QUERN_MAX_RANK) {
        r->rank = given->rank;
        for (int i = 0; i < r->rank; i++) {
            r->dims[i] = QN_UNKNOWN;
        }
    }
    for (int i = 0; i < r->rank && r->rank == given->rank; i++) {
        if (!r->dims[i].known) {
            r->dims[i] = qn_num_of_dim(given->dims[i]);
        }
    }
}

/* The type of a result; `old` when it says the same. */
static const struct qn_type *type_of(struct qn_infer_ctx *c,
                                     const struct quern_value *value,
                                     struct qn_result *r)
{
    struct quern_dim dims[QUERN_MAX_RANK];
    const struct qn_type *old = value->type;
    take_given(r, value->given);
    if (r->whole != NULL) {
        return old != NULL && same_type(old, r->whole) ? old : r->whole;
    }
    if (r->kind != QUERN_KIND_TENSOR) {
        return NULL;
    }
    for (int i = 0; i < r->rank; i++) {
        dims[i] = qn_num_dim(r->dims[i]);
        if (dims[i].value < 0 && dims[i].expr == NULL) {
            dims[i] = fresh(c, value, i);
        }
    }
    struct qn_type made = {.kind = QUERN_KIND_TENSOR,
                           .dtype = r->dtype,
                           .rank = r->rank < 0 ? -1 : r->rank,
                           .dims = dims};
    if (old != NULL && same_type(old, &made)) {
        return old;
    }
    const struct qn_type *type =
        qn_type_tensor(c->x.model, r->dtype, r->rank, dims);
    c->x.no_memory = c->x.no_memory || type == NULL;
    return type;
}

/* Numbers that agree with the shape; NULL when nothing is known. */
static const struct quern_number *checked_numbers(const struct qn_type *type,
                                                  const struct qn_result *r)
{
    int64_t len = 1;
    bool known = false;
    if (type == NULL || type->kind != QUERN_KIND_TENSOR || type->rank < 0 ||
        r->numbers == NULL || r->n_numbers > QN_MAX_NUMBERS) {
        return NULL;
    }
    for (int i = 0; i < type->rank; i++) {
        if (type->dims[i].value < 0 ||
            __builtin_mul_overflow(len, type->dims[i].value, &len)) {
            return NULL;
        }
    }
    for (size_t i = 0; i < r->n_numbers; i++) {
        known = known || r->numbers[i].known;
    }
    known = known || r->n_numbers == 0;
    return known && (size_t)len == r->n_numbers ? r->numbers : NULL;
}

static void set_numbers(struct qn_infer_ctx *c, const struct quern_value *value,
                        const struct quern_number *numbers, size_t n)
{
    struct qn_infer_value *entry = qn_infer_entry(c->state, value);
    bool same = (entry->numbers == NULL) == (numbers == NULL) &&
                entry->n_numbers == (numbers != NULL ? n : 0);
    for (size_t i = 0; same && numbers != NULL && i < n; i++) {
        const struct quern_number *a = &entry->numbers[i];
        same = a->known == numbers[i].known && a->expr == numbers[i].expr &&
               a->value == numbers[i].value;
    }
    entry->source = value->type;
    entry->looked = false;
    if (same) {
        return;
    }
    entry->numbers = NULL;
    entry->n_numbers = 0;
    if (numbers == NULL) {
        return;
    }
    struct quern_number *copy =
        qn_arena_alloc_n(&c->x.model->arena, n, sizeof *copy);
    if (copy == NULL) {
        c->x.no_memory = true;
        return;
    }
    if (n > 0) {
        memcpy(copy, numbers, n * sizeof *copy);
    }
    entry->numbers = copy;
    entry->n_numbers = (uint32_t)n;
}

void qn_infer_set(struct qn_infer_ctx *c, struct quern_value *value,
                  const struct qn_result *found)
{
    struct qn_result r = *found;
    const struct qn_type *type = type_of(c, value, &r);
    qn_value_set_type(value, type);
    set_numbers(c, value, checked_numbers(type, &r), r.n_numbers);
}

void qn_infer_get(struct qn_infer_ctx *c, const struct quern_value *value,
                  struct qn_result *out)
{
    const struct qn_type *type = qn_value_type(value);
    const struct qn_infer_value *entry = qn_infer_entry(c->state, value);
    out->kind = type != NULL ? type->kind : QUERN_KIND_UNKNOWN;
    out->dtype = type != NULL ? type->dtype : QUERN_UNDEFINED;
    out->rank = -1;
    out->whole = NULL;
    out->numbers = NULL;
    out->n_numbers = 0;
    if (type == NULL) {
        return;
    }
    if (type->kind != QUERN_KIND_TENSOR || type->rank > QUERN_MAX_RANK) {
        out->whole = type;
        return;
    }
    out->rank = type->rank;
    for (int i = 0; i < type->rank; i++) {
        out->dims[i] = qn_num_of_dim(type->dims[i]);
    }
    bool is_initializer = value->producer == NULL && value->tensor != NULL;
    if (!is_initializer || (entry->looked && entry->source == value->type)) {
        out->numbers = entry->numbers;
        out->n_numbers = entry->n_numbers;
    }
}

const struct qn_type *qn_type_of_kind(struct qn_infer_ctx *c,
                                      enum quern_kind kind,
                                      const struct qn_type *element)
{
    struct qn_type *type = qn_arena_alloc(&c->x.model->arena, sizeof *type);
    if (type == NULL) {
        c->x.no_memory = true;
        return NULL;
    }
    type->kind = kind;
    type->rank = -1;
    type->element = element;
    return type;
}

/* Tensors only: dimensions that differ are open. */
static const struct qn_type *join_tensors(struct qn_infer_ctx *c,
                                          const struct qn_type *a,
                                          const struct qn_type *b)
{
    struct quern_dim dims[QUERN_MAX_RANK];
    int rank = a->rank == b->rank ? a->rank : -1;
    for (int i = 0; i < rank && i < QUERN_MAX_RANK; i++) {
        dims[i] = quern_dim_equal(a->dims[i], b->dims[i])
                      ? a->dims[i]
                      : (struct quern_dim){-1, NULL};
    }
    rank = rank > QUERN_MAX_RANK ? -1 : rank;
    const struct qn_type *type = qn_type_tensor(
        c->x.model, a->dtype == b->dtype ? a->dtype : QUERN_UNDEFINED, rank,
        dims);
    c->x.no_memory = c->x.no_memory || type == NULL;
    return type;
}

const struct qn_type *qn_type_join(struct qn_infer_ctx *c,
                                   const struct qn_type *a,
                                   const struct qn_type *b)
{
    if (a == NULL || b == NULL || a->kind != b->kind) {
        return NULL;
    }
    if (same_type(a, b) || is_nothing(b)) {
        return a;
    }
    if (is_nothing(a)) {
        return b;
    }
    if (a->kind == QUERN_KIND_TENSOR) {
        return join_tensors(c, a, b);
    }
    if (a->kind != QUERN_KIND_SEQUENCE && a->kind != QUERN_KIND_OPTIONAL) {
        return NULL;
    }
    return qn_type_of_kind(c, a->kind, qn_type_join(c, a->element, b->element));
}
