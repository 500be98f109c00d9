/* Floor division, minimum, maximum and broadcasting of expressions. */
#include "base/checked.h"
#include "infer/algebra_poly.h"

static int64_t floor_of(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

static int64_t common(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

/* ---------------------------------------------------- division by a number */

/* Take the multiples of d out of p: p = d * quotient + rest with coefficients
 * and constant of the rest in [0, d). */
static void take_multiples(struct qn_poly *p, int64_t d,
                           struct qn_poly *quotient)
{
    struct qn_poly rest = {.bad = p->bad};
    quotient->constant = floor_of(p->constant, d);
    rest.constant = p->constant - quotient->constant * d;
    for (size_t i = 0; i < p->n; i++) {
        int64_t q = floor_of(p->coefficients[i], d);
        qn_poly_add(quotient, p->terms[i], q);
        qn_poly_add(&rest, p->terms[i], p->coefficients[i] - q * d);
    }
    *p = rest;
}

static int64_t reduce(struct qn_poly *p, int64_t d)
{
    int64_t g = d;
    for (size_t i = 0; i < p->n; i++) {
        g = common(g, p->coefficients[i]);
    }
    for (size_t i = 0; i < p->n; i++) {
        p->coefficients[i] /= g;
    }
    p->constant = floor_of(p->constant, g);
    return d / g;
}

/* (y / a + c) / d = (y + a c) / (a d). */
static bool flatten(struct qn_poly *p, int64_t *d)
{
    const struct quern_expr *inner = p->n == 1 ? p->terms[0] : NULL;
    int64_t shift = 0;
    int64_t product = 0;
    if (inner == NULL || inner->kind != QN_EXPR_FLOORDIV ||
        inner->n_terms != 1 || p->coefficients[0] != 1 ||
        !qn_mul_i64(inner->constant, p->constant, &shift) ||
        !qn_mul_i64(inner->constant, *d, &product)) {
        return false;
    }
    qn_poly_load(p, qn_num_of(inner->terms[0]));
    qn_poly_add_constant(p, shift);
    *d = product;
    return !p->bad;
}

static struct quern_number div_number(struct qn_algebra *x,
                                      struct quern_number a, int64_t d)
{
    struct qn_poly p;
    struct qn_poly sum = {.constant = 0};
    qn_poly_load(&p, a);
    do {
        struct qn_poly q = {.constant = 0};
        take_multiples(&p, d, &q);
        sum.bad = sum.bad || q.bad || p.bad;
        qn_poly_add_constant(&sum, q.constant);
        for (size_t i = 0; i < q.n; i++) {
            qn_poly_add(&sum, q.terms[i], q.coefficients[i]);
        }
        if (p.n == 0 || sum.bad) {
            return qn_poly_store(x, &sum);
        }
        d = reduce(&p, d);
    } while (flatten(&p, &d));
    struct quern_number rest = qn_poly_store(x, &p);
    if (!rest.known) {
        return QN_UNKNOWN;
    }
    struct qn_bounds b = qn_num_bounds(rest);
    if (b.low < 0 || b.high >= d) {
        const struct quern_expr *terms[1] = {rest.expr};
        struct quern_expr wanted = {.kind = QN_EXPR_FLOORDIV,
                                    .constant = d,
                                    .n_terms = 1,
                                    .terms = terms};
        rest = qn_num_intern(x, &wanted);
        sum.bad = sum.bad || !rest.known;
        if (rest.known) {
            qn_poly_add(&sum, rest.expr, 1);
        }
    }
    return qn_poly_store(x, &sum);
}

/* ------------------------------------------------ exact division by a form */

/* Graded lexical order of monomials; NULL is the constant. */
static bool leads(const struct quern_expr *a, const struct quern_expr *b)
{
    struct qn_factors fa;
    struct qn_factors fb;
    if (b == NULL) {
        return true;
    }
    qn_factors_load(&fa, a);
    qn_factors_load(&fb, b);
    if (fa.n != fb.n) {
        return fa.n > fb.n;
    }
    for (size_t i = fa.n; i-- > 0;) {
        if (fa.list[i] != fb.list[i]) {
            return fa.list[i]->id > fb.list[i]->id;
        }
    }
    return false;
}

static const struct quern_expr *leading(const struct qn_poly *p,
                                        int64_t *out_coefficient)
{
    const struct quern_expr *best = NULL;
    *out_coefficient = p->constant;
    for (size_t i = 0; i < p->n; i++) {
        if (leads(p->terms[i], best)) {
            best = p->terms[i];
            *out_coefficient = p->coefficients[i];
        }
    }
    return best;
}

/* Factors of monomial a (NULL: 1) without those of b; false when b has one that
 * a lacks. */
static bool divide_monomials(const struct quern_expr *a,
                             const struct quern_expr *b, struct qn_factors *out)
{
    struct qn_factors fa = {.n = 0};
    struct qn_factors fb = {.n = 0};
    out->n = 0;
    if (a != NULL) {
        qn_factors_load(&fa, a);
    }
    if (b != NULL) {
        qn_factors_load(&fb, b);
    }
    size_t k = 0;
    for (size_t i = 0; i < fa.n; i++) {
        if (k < fb.n && fa.list[i] == fb.list[k]) {
            k++;
        } else {
            out->list[out->n++] = fa.list[i];
        }
    }
    return k == fb.n;
}

/* a / b when b divides a as a polynomial. */
static struct quern_number divide_exactly(struct qn_algebra *x,
                                          struct quern_number a,
                                          struct quern_number b)
{
    struct qn_poly pb;
    int64_t cb = 0;
    struct quern_number quotient = qn_num(0);
    qn_poly_load(&pb, b);
    const struct quern_expr *lead_b = leading(&pb, &cb);
    for (int step = 0; step < QN_MAX_TERMS && a.known && cb != 0; step++) {
        struct qn_poly pa;
        struct qn_factors f;
        int64_t ca = 0;
        if (qn_num_is(a, 0)) {
            return quotient;
        }
        qn_poly_load(&pa, a);
        if (!divide_monomials(leading(&pa, &ca), lead_b, &f) || ca % cb != 0) {
            break;
        }
        struct quern_number part = qn_num(ca / cb);
        if (f.n > 0) {
            part = qn_num_times(x, part, qn_num_of(qn_factors_store(x, &f)));
        }
        quotient = qn_num_plus(x, quotient, part);
        a = qn_num_minus(x, a, qn_num_times(x, part, b));
    }
    return QN_UNKNOWN;
}

struct quern_number qn_num_floor_div(struct qn_algebra *x,
                                     struct quern_number a,
                                     struct quern_number b)
{
    if (!a.known || !b.known || qn_num_is(b, 0)) {
        return QN_UNKNOWN;
    }
    if (b.expr == NULL && b.value < 0) {
        if (a.expr != NULL || b.value == INT64_MIN || a.value == INT64_MIN) {
            return QN_UNKNOWN;
        }
        return qn_num(floor_of(a.value, b.value));
    }
    if (b.expr == NULL) {
        return div_number(x, a, b.value);
    }
    if (qn_num_is(a, 0)) {
        return a;
    }
    struct quern_number exact = divide_exactly(x, a, b);
    if (exact.known || !qn_num_at_least(a, 0) || !qn_num_at_least(b, 0)) {
        return exact;
    }
    const struct quern_expr *terms[2] = {qn_num_as_expr(x, a), b.expr};
    struct quern_expr wanted = {
        .kind = QN_EXPR_FLOORDIV, .n_terms = 2, .terms = terms};
    return terms[0] != NULL ? qn_num_intern(x, &wanted) : QN_UNKNOWN;
}

struct quern_number qn_num_ceil_div(struct qn_algebra *x, struct quern_number a,
                                    int64_t b)
{
    return qn_num_floor_div(x, qn_num_plus(x, a, qn_num(b - 1)), qn_num(b));
}

struct quern_number qn_num_trunc_div(struct qn_algebra *x,
                                     struct quern_number a,
                                     struct quern_number b)
{
    if (qn_num_is_plain(a) && qn_num_is_plain(b) && b.value != 0 &&
        !(a.value == INT64_MIN && b.value == -1)) {
        return qn_num(a.value / b.value);
    }
    if (qn_num_at_least(a, 0) && qn_num_at_least(b, 0)) {
        return qn_num_floor_div(x, a, b);
    }
    if (qn_num_is_plain(b) && b.value > 0 && a.known &&
        qn_num_at_least(a, 1 - b.value)) {
        /* Between -b and 0 both differ: -1 and 0. */
        return qn_num_max(x, qn_num_floor_div(x, a, b), qn_num(0));
    }
    return QN_UNKNOWN;
}

/* ------------------------------------------------------ minimum, maximum */

/* Operands of a choice: terms in order of ids, each once, and one number. */
struct choice {
    size_t n;
    const struct quern_expr *terms[QN_MAX_TERMS];
    int64_t constant; /* INT64_MIN: none */
    bool bad;
};

static void add_term(struct choice *c, const struct quern_expr *term)
{
    size_t i = 0;
    while (i < c->n && c->terms[i]->id < term->id) {
        i++;
    }
    if (i < c->n && c->terms[i] == term) {
        return;
    }
    if (c->n == QN_MAX_TERMS) {
        c->bad = true;
        return;
    }
    for (size_t k = c->n++; k > i; k--) {
        c->terms[k] = c->terms[k - 1];
    }
    c->terms[i] = term;
}

static void add_operand(struct choice *c, struct quern_number a,
                        enum qn_expr_kind kind)
{
    int64_t constant = a.value;
    if (a.expr != NULL && a.expr->kind == kind) {
        for (size_t i = 0; i < a.expr->n_terms; i++) {
            add_term(c, a.expr->terms[i]);
        }
        constant = a.expr->constant;
    } else if (a.expr != NULL) {
        add_term(c, a.expr);
        return;
    }
    if (kind == QN_EXPR_BROADCAST || constant == INT64_MIN) {
        return;
    }
    bool better =
        kind == QN_EXPR_MIN ? constant < c->constant : constant > c->constant;
    if (c->constant == INT64_MIN || better) {
        c->constant = constant;
    }
}

static struct quern_number choose(struct qn_algebra *x, struct quern_number a,
                                  struct quern_number b, enum qn_expr_kind kind)
{
    struct choice c = {.constant = INT64_MIN};
    add_operand(&c, a, kind);
    add_operand(&c, b, kind);
    struct quern_expr wanted = {.kind = kind,
                                .constant =
                                    kind == QN_EXPR_BROADCAST ? 0 : c.constant,
                                .n_terms = c.n,
                                .terms = c.terms};
    if (c.bad || c.n == 0) {
        return QN_UNKNOWN;
    }
    if (c.n == 1 && (kind == QN_EXPR_BROADCAST || c.constant == INT64_MIN)) {
        return qn_num_of(c.terms[0]);
    }
    return qn_num_intern(x, &wanted);
}

/* The part of an operand that is no addend. */
static int64_t addend(struct quern_number a)
{
    if (a.expr == NULL) {
        return a.value;
    }
    return a.expr->kind == QN_EXPR_SUM ? a.expr->constant : 0;
}

/* min(x + c, y) = c + min(x, y - c): the addend of the first comes out, so that
 * the same choice has the same form wherever its operands are shifted. */
static struct quern_number extreme(struct qn_algebra *x, struct quern_number a,
                                   struct quern_number b,
                                   enum qn_expr_kind kind)
{
    int order = qn_num_compare(x, a, b, true);
    if (!a.known || !b.known) {
        return QN_UNKNOWN;
    }
    if (order != 2) {
        return (order >= 0) == (kind == QN_EXPR_MAX) ? a : b;
    }
    int64_t shift = addend(a.expr != NULL ? a : b);
    if (a.expr != NULL && b.expr != NULL && addend(b) < shift) {
        shift = addend(b);
    }
    if (shift == INT64_MIN) {
        return QN_UNKNOWN;
    }
    a = qn_num_plus(x, a, qn_num(-shift));
    b = qn_num_plus(x, b, qn_num(-shift));
    if (!a.known || !b.known) {
        return QN_UNKNOWN;
    }
    return qn_num_plus(x, choose(x, a, b, kind), qn_num(shift));
}

struct quern_number qn_num_min(struct qn_algebra *x, struct quern_number a,
                               struct quern_number b)
{
    return extreme(x, a, b, QN_EXPR_MIN);
}

struct quern_number qn_num_max(struct qn_algebra *x, struct quern_number a,
                               struct quern_number b)
{
    return extreme(x, a, b, QN_EXPR_MAX);
}

/* b is min(a, k) with k > 1: where they differ b is k, which does not broadcast
 * with a, so that they do not differ. */
static bool is_cut_of(struct quern_number b, struct quern_number a)
{
    /* max(a, 1) differs where a is 0, which broadcasts with 1 to 0. */
    if (b.expr != NULL && b.expr->kind == QN_EXPR_MAX) {
        return b.expr->n_terms == 1 && b.expr->constant <= 1 &&
               b.expr->terms[0] == a.expr && qn_num_at_least(a, 0);
    }
    return b.expr != NULL && b.expr->kind == QN_EXPR_MIN &&
           b.expr->n_terms == 1 && b.expr->constant > 1 &&
           b.expr->terms[0] == a.expr;
}

struct quern_number qn_dim_broadcast(struct qn_algebra *x,
                                     struct quern_number a,
                                     struct quern_number b, bool *out_clash)
{
    if (qn_num_is(a, 1) || (a.known && qn_num_same(a, b))) {
        return b;
    }
    if (qn_num_is(b, 1) || is_cut_of(b, a)) {
        return a;
    }
    if (is_cut_of(a, b)) {
        return b;
    }
    if (qn_num_is_plain(a) && qn_num_is_plain(b)) {
        *out_clash = true;
        return QN_UNKNOWN;
    }
    if (a.known && (qn_num_is_plain(a) || qn_num_at_least(a, 2))) {
        return a; /* b is 1 or the same */
    }
    if (qn_num_is_plain(b) || (b.known && qn_num_at_least(b, 2))) {
        return b;
    }
    return a.known && b.known ? choose(x, a, b, QN_EXPR_BROADCAST) : QN_UNKNOWN;
}
