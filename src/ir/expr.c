/* Expressions over symbols, interned: equal ones are the same pointer. What is
 * equal is decided here field by field; the canonical forms that make equal
 * values equal expressions are made by infer/algebra.c. */
#include "ir/ir.h"

#include <string.h>

enum { FIRST_ROOM = 64 };

static uint64_t mix(uint64_t hash, uint64_t x)
{
    hash = (hash ^ x) * 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 29);
}

static uint64_t hash_of(const struct quern_expr *e)
{
    uint64_t hash = mix((uint64_t)e->kind + 1, (uint64_t)e->constant);
    if (e->symbol != NULL) {
        hash = mix(hash, qn_hash(e->symbol, strlen(e->symbol)));
    }
    for (size_t i = 0; i < e->n_terms; i++) {
        hash = mix(hash, e->terms[i]->id);
        if (e->coefficients != NULL) {
            hash = mix(hash, (uint64_t)e->coefficients[i]);
        }
    }
    return hash;
}

static bool same(const struct quern_expr *a, const struct quern_expr *b)
{
    if (a->hash != b->hash || a->kind != b->kind ||
        a->constant != b->constant || a->n_terms != b->n_terms ||
        a->owner != b->owner || (a->symbol == NULL) != (b->symbol == NULL) ||
        (a->symbol != NULL && strcmp(a->symbol, b->symbol) != 0)) {
        return false;
    }
    for (size_t i = 0; i < a->n_terms; i++) {
        if (a->terms[i] != b->terms[i] ||
            (a->coefficients != NULL &&
             a->coefficients[i] != b->coefficients[i])) {
            return false;
        }
    }
    return true;
}

/* Twice the room when chains grow long on the average. */
static bool grow(struct quern_model *model)
{
    size_t room = model->exprs_room == 0 ? FIRST_ROOM : model->exprs_room * 2;
    struct quern_expr **table = NULL;
    if (model->next_expr_id < model->exprs_room) {
        return true;
    }
    table = qn_calloc_n(room, sizeof(struct quern_expr *));
    if (table == NULL) {
        return false;
    }
    for (size_t i = 0; i < model->exprs_room; i++) {
        while (model->exprs[i] != NULL) {
            struct quern_expr *e = model->exprs[i];
            model->exprs[i] = e->next;
            e->next = table[e->hash & (room - 1)];
            table[e->hash & (room - 1)] = e;
        }
    }
    qn_free(model->exprs);
    model->exprs = table;
    model->exprs_room = room;
    return true;
}

static struct quern_expr *copy_of(struct quern_model *model,
                                  const struct quern_expr *wanted)
{
    struct qn_arena *arena = &model->arena;
    struct quern_expr *e = qn_arena_alloc(arena, sizeof *e);
    size_t n = wanted->n_terms;
    if (e == NULL) {
        return NULL;
    }
    *e = *wanted;
    e->size = 1;
    if (e->symbol != NULL) {
        e->symbol = qn_arena_strdup(arena, e->symbol);
        if (e->symbol == NULL) {
            return NULL;
        }
    }
    if (n > 0) {
        const struct quern_expr **terms =
            qn_arena_alloc_n(arena, n, sizeof *terms);
        int64_t *c = qn_arena_alloc_n(arena, n, sizeof *c);
        if (terms == NULL || c == NULL) {
            return NULL;
        }
        for (size_t i = 0; i < n; i++) {
            terms[i] = wanted->terms[i];
            c[i] = wanted->coefficients != NULL ? wanted->coefficients[i] : 1;
            e->size += terms[i]->size;
        }
        e->terms = terms;
        e->coefficients = wanted->coefficients != NULL ? c : NULL;
    }
    return e;
}

const struct quern_expr *qn_expr_intern(struct quern_model *model,
                                        const struct quern_expr *wanted)
{
    struct quern_expr key = *wanted;
    key.hash = hash_of(wanted);
    if (!grow(model)) {
        return NULL;
    }
    struct quern_expr **chain =
        &model->exprs[key.hash & (model->exprs_room - 1)];
    for (struct quern_expr *e = *chain; e != NULL; e = e->next) {
        if (same(e, &key)) {
            return e;
        }
    }
    struct quern_expr *e = copy_of(model, &key);
    if (e != NULL) {
        e->id = model->next_expr_id++;
        e->next = *chain;
        *chain = e;
    }
    return e;
}

const struct quern_expr *qn_expr_symbol(struct quern_model *model,
                                        const char *symbol)
{
    struct quern_expr wanted = {.kind = QN_EXPR_SYMBOL, .symbol = symbol};
    return qn_expr_intern(model, &wanted);
}

/* ---------------------------------------------------------------- its size */

struct sizes {
    const struct quern_dim *dims;
    const int64_t *sizes;
    size_t n;
};

static bool size_of(const struct sizes *known, const struct quern_expr *e,
                    int64_t *out);

static bool bound_size(const struct sizes *known, const struct quern_expr *e,
                       int64_t *out)
{
    for (size_t i = 0; i < known->n; i++) {
        if (known->dims[i].expr == e) {
            *out = known->sizes[i];
            return true;
        }
    }
    return false;
}

/* One more term of `e` onto what the terms before it gave. */
static bool join(const struct quern_expr *e, size_t i, int64_t term,
                 int64_t *total)
{
    switch (e->kind) {
    case QN_EXPR_SUM:
        return !__builtin_mul_overflow(term, e->coefficients[i], &term) &&
               !__builtin_add_overflow(*total, term, total);
    case QN_EXPR_PRODUCT:
        return !__builtin_mul_overflow(term, *total, total);
    case QN_EXPR_MIN:
        *total = term < *total ? term : *total;
        return true;
    case QN_EXPR_MAX:
        *total = term > *total ? term : *total;
        return true;
    case QN_EXPR_BROADCAST: {
        bool fits = *total == 1 || term == 1 || term == *total;
        *total = *total == 1 ? term : *total;
        return fits;
    }
    case QN_EXPR_SYMBOL:
    case QN_EXPR_FLOORDIV:
    case QN_EXPR_MOD:
        break;
    }
    return false;
}

static bool quotient(const struct sizes *known, const struct quern_expr *e,
                     int64_t *out)
{
    int64_t a = 0;
    int64_t b = e->constant;
    if (!size_of(known, e->terms[0], &a) ||
        (e->n_terms > 1 && !size_of(known, e->terms[1], &b)) || b <= 0) {
        return false;
    }
    *out = a / b - (a % b < 0);
    return true;
}

static bool size_of(const struct sizes *known, const struct quern_expr *e,
                    int64_t *out)
{
    if (bound_size(known, e, out)) {
        return true;
    }
    if (e->kind == QN_EXPR_FLOORDIV) {
        return quotient(known, e, out);
    }
    bool picks = e->kind == QN_EXPR_MIN || e->kind == QN_EXPR_MAX;
    bool has_constant = picks && e->constant != INT64_MIN;
    *out = e->kind == QN_EXPR_SUM || has_constant ? e->constant : 1;
    for (size_t i = 0; i < e->n_terms; i++) {
        int64_t term = 0;
        if (!size_of(known, e->terms[i], &term)) {
            return false;
        }
        if (picks && i == 0 && !has_constant) {
            *out = term;
        } else if (!join(e, i, term, out)) {
            return false;
        }
    }
    return e->kind != QN_EXPR_SYMBOL;
}

int64_t quern_dim_size(struct quern_dim dim, const struct quern_dim *known,
                       const int64_t *sizes, size_t n)
{
    const struct sizes all = {known, sizes, n};
    int64_t size = -1;
    if (dim.value >= 0) {
        return dim.value;
    }
    return dim.expr != NULL && size_of(&all, dim.expr, &size) && size >= 0
               ? size
               : -1;
}
