/* Expressions: equal values are the same pointer, and no form lies. */
#include "infer/algebra.h"
#include "support.h"

#include <stdio.h>

static struct quern_model *model;
static struct qn_algebra x;

static void setup(void)
{
    model = model_create(17);
    x = (struct qn_algebra){.model = model};
}

static void teardown(void)
{
    model_destroy(&model);
}

static struct quern_number sym(const char *name)
{
    return qn_num_of(qn_expr_symbol(model, name));
}

static struct quern_number add(struct quern_number a, struct quern_number b)
{
    return qn_num_plus(&x, a, b);
}

static struct quern_number sub(struct quern_number a, struct quern_number b)
{
    return qn_num_minus(&x, a, b);
}

static struct quern_number mul(struct quern_number a, struct quern_number b)
{
    return qn_num_times(&x, a, b);
}

static struct quern_number divide(struct quern_number a, struct quern_number b)
{
    return qn_num_floor_div(&x, a, b);
}

static struct quern_number n(int64_t value)
{
    return qn_num(value);
}

static const char *text(struct quern_number a)
{
    static char out[2][400];
    static int turn;
    turn = 1 - turn;
    quern_dim_format(qn_num_dim(a), out[turn], sizeof out[turn]);
    return out[turn];
}

START_TEST(products_are_expanded_and_ordered)
{
    struct quern_number a = sym("a");
    struct quern_number b = sym("b");
    struct quern_number c = mul(add(a, n(1)), add(b, n(2)));
    struct quern_number d = add(add(mul(b, a), mul(n(2), a)), add(b, n(2)));
    ck_assert(qn_num_same(c, d));
    ck_assert_str_eq(text(sub(c, d)), "0");
    ck_assert_str_eq(text(sub(add(a, b), b)), "a");
    ck_assert_str_eq(text(mul(a, n(0))), "0");
}
END_TEST

START_TEST(division_takes_out_what_divides)
{
    struct quern_number h = sym("h");
    struct quern_number once = add(divide(sub(h, n(1)), n(2)), n(1));
    struct quern_number twice = add(divide(sub(once, n(1)), n(2)), n(1));
    ck_assert_str_eq(text(once), "(h + 1)//2");
    ck_assert_str_eq(text(twice), "(h + 3)//4");
    ck_assert_str_eq(text(divide(add(mul(n(6), h), n(4)), n(4))),
                     "h + (h//2) + 1");
    ck_assert_str_eq(text(divide(mul(n(-1), h), n(2))), "-h + (h//2)");
    ck_assert_str_eq(text(divide(n(-7), n(2))), "?");
    ck_assert(qn_num_is(divide(n(-7), n(2)), -4));
    ck_assert(!divide(h, n(0)).known);
}
END_TEST

START_TEST(machines_divide_towards_zero)
{
    struct quern_number h = sym("h");
    struct quern_number t = qn_num_trunc_div(&x, sub(h, n(1)), n(2));
    bool clash = false;
    ck_assert_str_eq(text(add(t, n(1))), "max((h + 1)//2, 1)");
    ck_assert(qn_num_is(qn_num_trunc_div(&x, n(-7), n(2)), -3));
    ck_assert(!qn_num_trunc_div(&x, sub(h, n(9)), n(2)).known);
    struct quern_number half = divide(add(h, n(1)), n(2));
    ck_assert(
        qn_num_same(qn_dim_broadcast(&x, add(t, n(1)), half, &clash), half));
}
END_TEST

START_TEST(polynomials_divide_exactly)
{
    struct quern_number h = sym("h");
    struct quern_number w = sym("w");
    struct quern_number rows = add(divide(h, n(2)), n(1));
    struct quern_number all = mul(mul(rows, add(w, n(3))), n(64));
    ck_assert(qn_num_same(divide(all, rows), mul(add(w, n(3)), n(64))));
    ck_assert(qn_num_same(divide(all, add(w, n(3))), mul(rows, n(64))));
    ck_assert_str_eq(text(divide(h, w)), "h//w");
    ck_assert(qn_num_same(divide(mul(h, w), w), h));
}
END_TEST

START_TEST(choices_know_their_bounds)
{
    struct quern_number h = sym("h");
    struct quern_number w = sym("w");
    ck_assert(qn_num_same(qn_num_max(&x, h, n(0)), h));
    ck_assert(qn_num_same(qn_num_min(&x, add(h, n(2)), h), h));
    ck_assert_str_eq(text(qn_num_min(&x, h, n(512))), "min(h, 512)");
    ck_assert(qn_num_same(add(qn_num_max(&x, h, w), n(3)),
                          qn_num_max(&x, add(w, n(3)), add(h, n(3)))));
    ck_assert(qn_num_same(qn_num_min(&x, qn_num_min(&x, h, w), h),
                          qn_num_min(&x, w, h)));
    ck_assert_int_eq(qn_num_compare(&x, add(h, n(1)), h, false), 1);
    ck_assert_int_eq(qn_num_compare(&x, h, w, true), 2);
}
END_TEST

START_TEST(broadcasting_keeps_what_may_be_one)
{
    bool clash = false;
    struct quern_number h = sym("h");
    struct quern_number w = sym("w");
    ck_assert(qn_num_same(qn_dim_broadcast(&x, h, n(1), &clash), h));
    ck_assert(qn_num_is(qn_dim_broadcast(&x, h, n(7), &clash), 7));
    ck_assert(qn_num_is(qn_dim_broadcast(&x, h, n(0), &clash), 0));
    ck_assert_str_eq(text(qn_dim_broadcast(&x, w, h, &clash)),
                     "broadcast(h, w)");
    ck_assert(qn_num_same(
        qn_dim_broadcast(&x, qn_num_min(&x, h, n(512)), h, &clash), h));
    ck_assert(!clash);
    ck_assert(!qn_dim_broadcast(&x, n(3), n(4), &clash).known);
    ck_assert(clash);
}
END_TEST

START_TEST(overflow_is_unknown)
{
    struct quern_number h = sym("h");
    ck_assert(!mul(n(INT64_MAX), n(2)).known);
    ck_assert(!add(n(INT64_MAX), n(1)).known);
    ck_assert(!sub(n(INT64_MIN), n(1)).known);
    ck_assert(!mul(mul(h, n(INT64_MAX)), n(3)).known);
    ck_assert(!divide(n(INT64_MIN), n(-1)).known);
    ck_assert(!qn_num_trunc_div(&x, n(INT64_MIN), n(-1)).known);
    ck_assert(!qn_num_max(&x, h, n(INT64_MIN)).known ||
              qn_num_same(qn_num_max(&x, h, n(INT64_MIN)), h));
}
END_TEST

START_TEST(size_is_bounded)
{
    char name[16];
    struct quern_number sum = n(0);
    struct quern_number deep = sym("d");
    int known = 0;
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "s%d", i);
        sum = add(sum, sym(name));
        known += sum.known ? 1 : 0;
        deep = add(divide(mul(deep, n(3)), n(2)), sym(name));
    }
    ck_assert_int_le(known, QN_MAX_TERMS);
    ck_assert(!deep.known);
}
END_TEST

/* ------------------------------------------- forms against plain numbers */

static int64_t values[4];
static const char *const names[4] = {"p", "q", "r", "s"};

static int64_t floor_of(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static int64_t eval(const struct quern_expr *e);

static int64_t eval_choice(const struct quern_expr *e)
{
    int64_t best = eval(e->terms[0]);
    for (size_t i = 1; i < e->n_terms; i++) {
        int64_t v = eval(e->terms[i]);
        bool better = e->kind == QN_EXPR_MIN   ? v < best
                      : e->kind == QN_EXPR_MAX ? v > best
                                               : best == 1;
        best = better ? v : best;
    }
    if (e->kind == QN_EXPR_MIN && e->constant != INT64_MIN) {
        best = e->constant < best ? e->constant : best;
    } else if (e->kind == QN_EXPR_MAX && e->constant != INT64_MIN) {
        best = e->constant > best ? e->constant : best;
    }
    return best;
}

static int64_t eval(const struct quern_expr *e)
{
    int64_t all = e->kind == QN_EXPR_PRODUCT ? 1 : e->constant;
    if (e->kind == QN_EXPR_SYMBOL) {
        return values[(int)(e->symbol[0] - 'p')];
    }
    if (e->kind == QN_EXPR_FLOORDIV) {
        return floor_of(eval(e->terms[0]),
                        e->n_terms == 1 ? e->constant : eval(e->terms[1]));
    }
    if (e->kind != QN_EXPR_SUM && e->kind != QN_EXPR_PRODUCT) {
        return eval_choice(e);
    }
    for (size_t i = 0; i < e->n_terms; i++) {
        int64_t v = eval(e->terms[i]);
        all = e->kind == QN_EXPR_SUM ? all + v * e->coefficients[i] : all * v;
    }
    return all;
}

static uint32_t seed = 1;

static int random_below(int n_choices)
{
    seed = seed * 1664525u + 1013904223u;
    return (int)((seed >> 12) % (unsigned)n_choices);
}

/* A random tree of operations: the form, and its value in *out. */
static struct quern_number tree(int depth, int64_t *out)
{
    int64_t a = 0;
    int64_t b = 0;
    if (depth == 0 || random_below(5) == 0) {
        int i = random_below(7);
        *out = i < 4 ? values[i] : random_below(9) - 2;
        return i < 4 ? sym(names[i]) : n(*out);
    }
    struct quern_number left = tree(depth - 1, &a);
    struct quern_number right = tree(depth - 1, &b);
    int64_t d = 1 + random_below(6);
    switch (random_below(6)) {
    case 0:
        *out = a + b;
        return add(left, right);
    case 1:
        *out = a - b;
        return sub(left, right);
    case 2:
        *out = a * b;
        return mul(left, right);
    case 3:
        *out = floor_of(a, d);
        return divide(left, n(d));
    case 4:
        *out = a < b ? a : b;
        return qn_num_min(&x, left, right);
    default:
        *out = a > b ? a : b;
        return qn_num_max(&x, left, right);
    }
}

/* The size of a dimension that has this form, for the values given. */
static void check_size(struct quern_number form, int64_t wanted)
{
    struct quern_dim known[4];
    for (int i = 0; i < 4; i++) {
        known[i] = qn_num_dim(sym(names[i]));
    }
    struct quern_dim dim = qn_num_dim(form);
    int64_t got = quern_dim_size(dim, known, values, 4);
    if (dim.value >= 0 || dim.expr != NULL) {
        ck_assert_msg(got == (wanted < 0 ? -1 : wanted),
                      "size of %s is %lld, not %lld", text(form),
                      (long long)got, (long long)wanted);
    }
    if (form.expr != NULL) {
        ck_assert_int_eq(quern_dim_size(dim, NULL, NULL, 0), -1);
    }
}

START_TEST(no_form_lies)
{
    int n_checked = 0;
    for (int round = 0; round < 20000; round++) {
        int64_t wanted = 0;
        for (int i = 0; i < 4; i++) {
            values[i] = random_below(12);
        }
        struct quern_number form = tree(4, &wanted);
        struct qn_bounds bounds = qn_num_bounds(form);
        if (form.known) {
            int64_t got = form.expr != NULL ? eval(form.expr) : form.value;
            ck_assert_msg(got == wanted, "%s is %lld, not %lld", text(form),
                          (long long)got, (long long)wanted);
            ck_assert(bounds.low <= wanted && wanted <= bounds.high);
            check_size(form, wanted);
            n_checked++;
        }
    }
    ck_assert_int_ge(n_checked, 15000);
}
END_TEST

START_TEST(exact_quotients_multiply_back)
{
    for (int round = 0; round < 3000; round++) {
        int64_t va = 0;
        int64_t vb = 0;
        for (int i = 0; i < 4; i++) {
            values[i] = 1 + random_below(9);
        }
        struct quern_number a = tree(3, &va);
        struct quern_number b = tree(2, &vb);
        struct quern_number c = divide(mul(a, b), b);
        if (c.known && vb != 0) {
            ck_assert_int_eq(c.expr != NULL ? eval(c.expr) : c.value, va);
        }
    }
}
END_TEST

Suite *qtest_suite(void)
{
    Suite *suite = suite_create("infer/algebra");
    TCase *t = tcase_create("algebra");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, products_are_expanded_and_ordered);
    tcase_add_test(t, division_takes_out_what_divides);
    tcase_add_test(t, machines_divide_towards_zero);
    tcase_add_test(t, polynomials_divide_exactly);
    tcase_add_test(t, choices_know_their_bounds);
    tcase_add_test(t, broadcasting_keeps_what_may_be_one);
    tcase_add_test(t, overflow_is_unknown);
    tcase_add_test(t, size_is_bounded);
    tcase_add_test(t, no_form_lies);
    tcase_add_test(t, exact_quotients_multiply_back);
    suite_add_tcase(suite, t);
    return suite;
}
