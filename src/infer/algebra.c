/* Sums and products in canonical form, bounds and comparing. */
#include "base/checked.h"
#include "infer/algebra_poly.h"

/* ---------------------------------------------------------- polynomials */

void qn_poly_add_constant(struct qn_poly *p, int64_t c)
{
    p->bad = p->bad || !qn_add_i64(p->constant, c, &p->constant);
}

void qn_poly_add(struct qn_poly *p, const struct quern_expr *term, int64_t c)
{
    size_t i = 0;
    while (i < p->n && p->terms[i]->id < term->id) {
        i++;
    }
    if (c == 0 || p->bad) {
        return;
    }
    if (i < p->n && p->terms[i] == term) {
        p->bad = !qn_add_i64(p->coefficients[i], c, &p->coefficients[i]);
        if (p->coefficients[i] == 0) {
            p->n--;
            for (; i < p->n; i++) {
                p->terms[i] = p->terms[i + 1];
                p->coefficients[i] = p->coefficients[i + 1];
            }
        }
        return;
    }
    if (p->n == QN_MAX_TERMS) {
        p->bad = true;
        return;
    }
    for (size_t k = p->n++; k > i; k--) {
        p->terms[k] = p->terms[k - 1];
        p->coefficients[k] = p->coefficients[k - 1];
    }
    p->terms[i] = term;
    p->coefficients[i] = c;
}

void qn_poly_load(struct qn_poly *p, struct quern_number a)
{
    p->constant = 0;
    p->n = 0;
    p->bad = !a.known;
    if (a.expr == NULL) {
        p->constant = a.value;
    } else if (a.expr->kind != QN_EXPR_SUM) {
        qn_poly_add(p, a.expr, 1);
    } else {
        p->constant = a.expr->constant;
        for (size_t i = 0; i < a.expr->n_terms; i++) {
            qn_poly_add(p, a.expr->terms[i], a.expr->coefficients[i]);
        }
    }
}

struct quern_number qn_num_intern(struct qn_algebra *x,
                                  const struct quern_expr *wanted)
{
    size_t size = 1;
    for (size_t i = 0; i < wanted->n_terms; i++) {
        size += wanted->terms[i]->size;
    }
    if (size > QN_MAX_EXPR) {
        return QN_UNKNOWN;
    }
    const struct quern_expr *e = qn_expr_intern(x->model, wanted);
    x->no_memory = x->no_memory || e == NULL;
    return qn_num_of(e);
}

struct quern_number qn_poly_store(struct qn_algebra *x, const struct qn_poly *p)
{
    if (p->bad) {
        return QN_UNKNOWN;
    }
    if (p->n == 0) {
        return qn_num(p->constant);
    }
    if (p->n == 1 && p->constant == 0 && p->coefficients[0] == 1) {
        return qn_num_of(p->terms[0]);
    }
    struct quern_expr wanted = {.kind = QN_EXPR_SUM,
                                .constant = p->constant,
                                .n_terms = p->n,
                                .terms = p->terms,
                                .coefficients = p->coefficients};
    return qn_num_intern(x, &wanted);
}

const struct quern_expr *qn_num_as_expr(struct qn_algebra *x,
                                        struct quern_number a)
{
    struct quern_expr wanted = {.kind = QN_EXPR_SUM, .constant = a.value};
    if (!a.known || a.expr != NULL) {
        return a.expr;
    }
    return qn_num_intern(x, &wanted).expr;
}

/* ------------------------------------------------------------- products */

void qn_factors_load(struct qn_factors *f, const struct quern_expr *monomial)
{
    f->n = 1;
    f->list[0] = monomial;
    if (monomial->kind == QN_EXPR_PRODUCT) {
        f->n = monomial->n_terms;
        for (size_t i = 0; i < f->n; i++) {
            f->list[i] = monomial->terms[i];
        }
    }
}

const struct quern_expr *qn_factors_store(struct qn_algebra *x,
                                          const struct qn_factors *f)
{
    struct quern_expr wanted = {
        .kind = QN_EXPR_PRODUCT, .n_terms = f->n, .terms = f->list};
    return f->n == 1 ? f->list[0] : qn_num_intern(x, &wanted).expr;
}

const struct quern_expr *qn_monomial_times(struct qn_algebra *x,
                                           const struct quern_expr *a,
                                           const struct quern_expr *b)
{
    struct qn_factors fa;
    struct qn_factors fb;
    struct qn_factors f = {.n = 0};
    qn_factors_load(&fa, a);
    qn_factors_load(&fb, b);
    if (fa.n + fb.n > QN_MAX_FACTORS) {
        return NULL;
    }
    for (size_t i = 0, k = 0; i < fa.n || k < fb.n;) {
        bool first =
            k == fb.n || (i < fa.n && fa.list[i]->id <= fb.list[k]->id);
        f.list[f.n++] = first ? fa.list[i++] : fb.list[k++];
    }
    return qn_factors_store(x, &f);
}

static void add_product(struct qn_algebra *x, struct qn_poly *out,
                        const struct qn_poly *a, size_t i,
                        const struct qn_poly *b, size_t k)
{
    int64_t c = 0;
    const struct quern_expr *term =
        qn_monomial_times(x, a->terms[i], b->terms[k]);
    if (term == NULL ||
        !qn_mul_i64(a->coefficients[i], b->coefficients[k], &c)) {
        out->bad = true;
        return;
    }
    qn_poly_add(out, term, c);
}

static void add_scaled(struct qn_poly *out, const struct qn_poly *a,
                       int64_t factor)
{
    for (size_t i = 0; i < a->n && !out->bad; i++) {
        int64_t c = 0;
        out->bad = !qn_mul_i64(a->coefficients[i], factor, &c);
        qn_poly_add(out, a->terms[i], c);
    }
}

struct quern_number qn_num_times(struct qn_algebra *x, struct quern_number a,
                                 struct quern_number b)
{
    struct qn_poly pa;
    struct qn_poly pb;
    struct qn_poly out = {.constant = 0};
    if (qn_num_is(a, 0) || qn_num_is(b, 0)) {
        return qn_num(0);
    }
    qn_poly_load(&pa, a);
    qn_poly_load(&pb, b);
    out.bad = pa.bad || pb.bad ||
              !qn_mul_i64(pa.constant, pb.constant, &out.constant);
    if (!out.bad) {
        add_scaled(&out, &pa, pb.constant);
        add_scaled(&out, &pb, pa.constant);
    }
    for (size_t i = 0; i < pa.n && !out.bad; i++) {
        for (size_t k = 0; k < pb.n && !out.bad; k++) {
            add_product(x, &out, &pa, i, &pb, k);
        }
    }
    return qn_poly_store(x, &out);
}

/* ----------------------------------------------------------------- sums */

struct quern_number qn_num_plus(struct qn_algebra *x, struct quern_number a,
                                struct quern_number b)
{
    struct qn_poly pa;
    struct qn_poly pb;
    qn_poly_load(&pa, a);
    qn_poly_load(&pb, b);
    pa.bad = pa.bad || pb.bad;
    qn_poly_add_constant(&pa, pb.constant);
    add_scaled(&pa, &pb, 1);
    return qn_poly_store(x, &pa);
}

struct quern_number qn_num_minus(struct qn_algebra *x, struct quern_number a,
                                 struct quern_number b)
{
    return qn_num_plus(x, a, qn_num_times(x, b, qn_num(-1)));
}

/* --------------------------------------------------------------- bounds */

static int64_t clip_add(int64_t a, int64_t b, int64_t end)
{
    int64_t sum = 0;
    return a == end || b == end || !qn_add_i64(a, b, &sum) ? end : sum;
}

/* `c` times a bound; `end` is what "without end" means on that side. */
static int64_t clip_mul(int64_t bound, int64_t c, int64_t end)
{
    int64_t product = 0;
    if (bound == INT64_MIN || bound == INT64_MAX) {
        return end;
    }
    return qn_mul_i64(bound, c, &product) ? product : end;
}

static struct qn_bounds bounds_of_sum(const struct quern_expr *e)
{
    struct qn_bounds all = {e->constant, e->constant};
    for (size_t i = 0; i < e->n_terms; i++) {
        struct qn_bounds b = qn_num_bounds(qn_num_of(e->terms[i]));
        int64_t c = e->coefficients[i];
        int64_t low = c > 0 ? b.low : b.high;
        int64_t high = c > 0 ? b.high : b.low;
        all.low = clip_add(all.low, clip_mul(low, c, INT64_MIN), INT64_MIN);
        all.high = clip_add(all.high, clip_mul(high, c, INT64_MAX), INT64_MAX);
    }
    return all;
}

static struct qn_bounds bounds_of_product(const struct quern_expr *e)
{
    struct qn_bounds all = {1, 1};
    for (size_t i = 0; i < e->n_terms; i++) {
        struct qn_bounds b = qn_num_bounds(qn_num_of(e->terms[i]));
        if (b.low < 0) {
            return (struct qn_bounds){INT64_MIN, INT64_MAX};
        }
        /* A low bound that overflows is still a low bound. */
        all.low = clip_mul(all.low, b.low, INT64_MAX - 1);
        all.high = all.high == INT64_MAX
                       ? INT64_MAX
                       : clip_mul(b.high, all.high, INT64_MAX);
    }
    return all;
}

static int64_t floor_of(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

static struct qn_bounds bounds_of_division(const struct quern_expr *e)
{
    struct qn_bounds a = qn_num_bounds(qn_num_of(e->terms[0]));
    if (e->n_terms == 1) { /* by a number above 0 */
        a.low = a.low == INT64_MIN ? a.low : floor_of(a.low, e->constant);
        a.high = a.high == INT64_MAX ? a.high : floor_of(a.high, e->constant);
        return a;
    }
    a.high = a.low >= 0 ? a.high : INT64_MAX;
    a.low = a.low >= 0 && qn_num_at_least(qn_num_of(e->terms[1]), 0)
                ? 0
                : INT64_MIN;
    return a;
}

static struct qn_bounds bounds_of_choice(const struct quern_expr *e)
{
    bool has_constant =
        e->kind != QN_EXPR_BROADCAST && e->constant != INT64_MIN;
    struct qn_bounds all = has_constant
                               ? (struct qn_bounds){e->constant, e->constant}
                               : qn_num_bounds(qn_num_of(e->terms[0]));
    for (size_t i = 0; i < e->n_terms; i++) {
        struct qn_bounds b = qn_num_bounds(qn_num_of(e->terms[i]));
        bool low = e->kind == QN_EXPR_MAX ? b.low > all.low : b.low < all.low;
        bool high =
            e->kind == QN_EXPR_MIN ? b.high < all.high : b.high > all.high;
        all.low = low ? b.low : all.low;
        all.high = high ? b.high : all.high;
    }
    return all;
}

struct qn_bounds qn_num_bounds(struct quern_number a)
{
    if (!a.known) {
        return (struct qn_bounds){INT64_MIN, INT64_MAX};
    }
    if (a.expr == NULL) {
        return (struct qn_bounds){a.value, a.value};
    }
    switch (a.expr->kind) {
    case QN_EXPR_SYMBOL:
    case QN_EXPR_MOD:
        return (struct qn_bounds){0, INT64_MAX};
    case QN_EXPR_SUM:
        return bounds_of_sum(a.expr);
    case QN_EXPR_PRODUCT:
        return bounds_of_product(a.expr);
    case QN_EXPR_FLOORDIV:
        return bounds_of_division(a.expr);
    case QN_EXPR_MIN:
    case QN_EXPR_MAX:
    case QN_EXPR_BROADCAST:
        return bounds_of_choice(a.expr);
    }
    return (struct qn_bounds){INT64_MIN, INT64_MAX};
}

bool qn_num_at_least(struct quern_number a, int64_t k)
{
    return qn_num_bounds(a).low >= k;
}

int qn_num_compare(struct qn_algebra *x, struct quern_number a,
                   struct quern_number b, bool loose)
{
    if (!a.known || !b.known) {
        return 2;
    }
    if (qn_num_same(a, b)) {
        return 0;
    }
    struct qn_bounds d = qn_num_bounds(qn_num_minus(x, a, b));
    int64_t margin = loose ? 0 : 1;
    if (d.low >= margin) {
        return 1;
    }
    return d.high <= -margin ? -1 : 2;
}

bool qn_num_leaks(const struct quern_expr *expr,
                  const struct quern_graph *graph)
{
    if (expr->kind == QN_EXPR_SYMBOL && expr->owner != NULL) {
        const struct quern_graph *g = expr->owner->graph;
        while (g != graph && g->parent != NULL) {
            g = g->parent->graph;
        }
        return g == graph;
    }
    for (size_t i = 0; i < expr->n_terms; i++) {
        if (qn_num_leaks(expr->terms[i], graph)) {
            return true;
        }
    }
    return false;
}
