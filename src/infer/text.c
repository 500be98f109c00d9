/* Expressions as text: 2*batch*seq + 3, (h - 1)//2, min(a, b). */
#include "ir/ir.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text {
    char *start;
    size_t room;
    size_t size; /* that the whole text needs */
};

static void put(struct text *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put(struct text *t, const char *format, ...)
{
    va_list args;
    size_t left = t->size < t->room ? t->room - t->size : 0;
    va_start(args, format);
    int n = vsnprintf(left > 0 ? t->start + t->size : NULL, left, format, args);
    va_end(args);
    t->size += n > 0 ? (size_t)n : 0;
}

static bool is_word(const char *s)
{
    for (const char *p = s; *p != '\0'; p++) {
        bool letter =
            (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_';
        if (!letter && (p == s || *p < '0' || *p > '9')) {
            return false;
        }
    }
    return *s != '\0';
}

static void put_expr(struct text *t, const struct quern_expr *e);

static void put_sum(struct text *t, const struct quern_expr *e)
{
    for (size_t i = 0; i < e->n_terms; i++) {
        int64_t c = e->coefficients[i];
        put(t, "%s", i == 0 ? (c < 0 ? "-" : "") : (c < 0 ? " - " : " + "));
        if (c != 1 && c != -1) {
            put(t, "%llu*",
                c < 0 ? 0 - (unsigned long long)c : (unsigned long long)c);
        }
        bool is_quotient = e->terms[i]->kind == QN_EXPR_FLOORDIV;
        put(t, is_quotient ? "(" : "");
        put_expr(t, e->terms[i]);
        put(t, is_quotient ? ")" : "");
    }
    if (e->n_terms == 0) {
        put(t, "%lld", (long long)e->constant);
    } else if (e->constant != 0) {
        unsigned long long c = (unsigned long long)e->constant;
        put(t, " %c %llu", e->constant < 0 ? '-' : '+',
            e->constant < 0 ? 0 - c : c);
    }
}

static void put_operand(struct text *t, const struct quern_expr *e)
{
    bool atom = e->kind != QN_EXPR_SUM && e->kind != QN_EXPR_PRODUCT &&
                e->kind != QN_EXPR_FLOORDIV;
    put(t, atom ? "" : "(");
    put_expr(t, e);
    put(t, atom ? "" : ")");
}

static void put_call(struct text *t, const char *name,
                     const struct quern_expr *e)
{
    put(t, "%s(", name);
    for (size_t i = 0; i < e->n_terms; i++) {
        put(t, "%s", i > 0 ? ", " : "");
        put_expr(t, e->terms[i]);
    }
    if (e->kind != QN_EXPR_BROADCAST && e->constant != INT64_MIN) {
        put(t, ", %lld", (long long)e->constant);
    }
    put(t, ")");
}

/* Depth: at most the size that algebra.c allows. */
static void put_expr(struct text *t, const struct quern_expr *e)
{
    switch (e->kind) {
    case QN_EXPR_SYMBOL:
        put(t, e->owner != NULL || is_word(e->symbol) ? "%s" : "`%s`",
            e->symbol);
        return;
    case QN_EXPR_SUM:
        put_sum(t, e);
        return;
    case QN_EXPR_PRODUCT:
        for (size_t i = 0; i < e->n_terms; i++) {
            put(t, "%s", i > 0 ? "*" : "");
            put_operand(t, e->terms[i]);
        }
        return;
    case QN_EXPR_FLOORDIV:
    case QN_EXPR_MOD:
        put_operand(t, e->terms[0]);
        put(t, e->kind == QN_EXPR_MOD ? "%%" : "//");
        if (e->n_terms == 1) {
            put(t, "%lld", (long long)e->constant);
        } else {
            put_operand(t, e->terms[1]);
        }
        return;
    case QN_EXPR_MIN:
        put_call(t, "min", e);
        return;
    case QN_EXPR_MAX:
        put_call(t, "max", e);
        return;
    case QN_EXPR_BROADCAST:
        put_call(t, "broadcast", e);
        return;
    }
}

size_t quern_dim_format(struct quern_dim dim, char *text, size_t size)
{
    struct text t = {text, size, 0};
    if (size > 0) {
        text[0] = '\0';
    }
    if (dim.value >= 0) {
        put(&t, "%lld", (long long)dim.value);
    } else if (dim.expr != NULL) {
        put_expr(&t, dim.expr);
    } else {
        put(&t, "?");
    }
    return t.size;
}
