/* What is known of sizes while a pass goes through a graph. */
#include "shape/sizes.h"

#include <string.h>

enum { MOST_TRIED = 4 }; /* tensors that are kept for an expression */

bool qn_sizes_table_make(struct quern_pass_ctx *ctx, size_t n_vectors,
                         size_t n_axes, struct qn_sizes_table *out)
{
    out->ctx = ctx;
    return qn_hash_table_make(ctx, n_vectors, &out->vectors) &&
           qn_hash_table_make(ctx, n_axes, &out->sources);
}

struct quern_number qn_size_of(struct quern_dim dim)
{
    return (struct quern_number){dim.value >= 0 || dim.expr != NULL, dim.value,
                                 dim.expr};
}

bool qn_same_number(struct quern_number a, struct quern_number b)
{
    return a.known && b.known && a.expr == b.expr &&
           (a.expr != NULL || a.value == b.value);
}

static bool equal_sizes(const void *first, const void *second)
{
    const struct qn_sizes *a = first;
    const struct qn_sizes *b = second;
    bool equal = a->len == b->len && a->rank == b->rank && a->dtype == b->dtype;
    for (size_t i = 0; i < a->len && equal; i++) {
        equal = qn_same_number(a->numbers[i], b->numbers[i]);
    }
    return equal;
}

static uint64_t hash_sizes(const struct qn_sizes *v)
{
    uint64_t hash = qn_mix((uint64_t)v->dtype, (uint64_t)(v->rank + 1));
    for (size_t i = 0; i < v->len; i++) {
        hash = v->numbers[i].expr != NULL
                   ? qn_mix(hash, (uint64_t)(uintptr_t)v->numbers[i].expr)
                   : qn_mix(hash, (uint64_t)v->numbers[i].value);
    }
    return hash;
}

bool qn_read_sizes(struct quern_value *value, struct qn_sizes *out)
{
    size_t n_vary = 0;
    *out = (struct qn_sizes){.rank = quern_value_rank(value),
                             .dtype = quern_value_dtype(value),
                             .value = value};
    out->numbers = quern_value_numbers(value, &out->len);
    if (out->numbers == NULL || out->len == 0 || out->len > QN_MOST_SIZES ||
        out->rank < 0 || out->rank > 1 ||
        (out->dtype != QUERN_INT64 && out->dtype != QUERN_INT32)) {
        return false;
    }
    for (size_t i = 0; i < out->len; i++) {
        if (!out->numbers[i].known) {
            return false;
        }
        n_vary += out->numbers[i].expr != NULL ? 1 : 0;
    }
    return n_vary > 0;
}

/* The tables keep what was entered as const; it was allocated here. */
static struct qn_sizes *entry_of(const struct qn_sizes_table *t,
                                 const struct qn_sizes *v)
{
    return (struct qn_sizes *)(uintptr_t)qn_hash_table_find(
        &t->vectors, v, hash_sizes(v), equal_sizes);
}

struct quern_value *qn_find_sizes(const struct qn_sizes_table *t,
                                  const struct qn_sizes *v)
{
    const struct qn_sizes *there = entry_of(t, v);
    return there != NULL && !quern_value_erased(there->value) ? there->value
                                                              : NULL;
}

bool qn_add_sizes(struct qn_sizes_table *t, const struct qn_sizes *v)
{
    struct qn_sizes *there = entry_of(t, v);
    if (there != NULL) {
        there->value =
            quern_value_erased(there->value) ? v->value : there->value;
        return true;
    }
    struct qn_sizes *kept = quern_pass_alloc(t->ctx, sizeof *kept);
    struct quern_number *numbers =
        quern_pass_alloc(t->ctx, v->len * sizeof *numbers);
    if (kept == NULL || numbers == NULL) {
        return false;
    }
    memcpy(numbers, v->numbers, v->len * sizeof *numbers);
    *kept = *v;
    kept->numbers = numbers;
    qn_hash_table_find_or_add(&t->vectors, kept, hash_sizes(kept), equal_sizes);
    return true;
}

static bool equal_sources(const void *a, const void *b)
{
    return (*(struct qn_source *const *)a)->expr ==
           (*(struct qn_source *const *)b)->expr;
}

static struct qn_source **head_of(const struct qn_sizes_table *t,
                                  const struct quern_expr *expr)
{
    struct qn_source key = {.expr = expr};
    const struct qn_source *probe = &key;
    return (struct qn_source **)(uintptr_t)qn_hash_table_find(
        &t->sources, &probe, (uint64_t)(uintptr_t)expr, equal_sources);
}

static bool add_axis(struct qn_sizes_table *t, struct quern_value *tensor,
                     int axis)
{
    const struct quern_expr *expr = quern_value_dims(tensor)[axis].expr;
    struct qn_source **head = head_of(t, expr);
    if (head != NULL && (*head)->n == MOST_TRIED) {
        return true;
    }
    struct qn_source *one = quern_pass_alloc(t->ctx, sizeof *one);
    if (one == NULL) {
        return false;
    }
    *one = (struct qn_source){
        .expr = expr, .tensor = tensor, .axis = axis, .n = 1};
    if (head != NULL) {
        one->n = (*head)->n + 1;
        one->next = *head;
        *head = one;
        return true;
    }
    head = quern_pass_alloc(t->ctx, sizeof *head);
    if (head == NULL) {
        return false;
    }
    *head = one;
    qn_hash_table_find_or_add(&t->sources, head, (uint64_t)(uintptr_t)expr,
                              equal_sources);
    return true;
}

bool qn_add_source(struct qn_sizes_table *t, struct quern_value *tensor)
{
    const struct quern_dim *dims = quern_value_dims(tensor);
    bool good = true;
    for (int i = 0; i < quern_value_rank(tensor) && good; i++) {
        good = dims[i].value >= 0 || dims[i].expr == NULL ||
               add_axis(t, tensor, i);
    }
    return good;
}

const struct qn_source *qn_find_sources(const struct qn_sizes_table *t,
                                        const struct quern_expr *expr)
{
    struct qn_source **head = head_of(t, expr);
    return head != NULL ? *head : NULL;
}
