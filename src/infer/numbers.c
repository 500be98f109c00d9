/* Arithmetic on the numbers of small tensors: what shape computations do.
 *
 * Whole numbers in float tensors are followed too, since exporters scale sizes
 * in float; those beyond what a float32 holds exactly are dropped. */
#include "infer/table.h"

enum { EXACT_FLOAT = 1 << 24 };

int64_t qn_infer_numbers_len(const struct qn_infer_ctx *c)
{
    int64_t len = 1;
    const struct qn_result *out = &c->out[0];
    if (c->n_out == 0 || out->kind != QUERN_KIND_TENSOR || out->rank < 0 ||
        out->dtype == QUERN_STRING) {
        return -1;
    }
    for (int i = 0; i < out->rank; i++) {
        if (!qn_num_is_plain(out->dims[i]) || out->dims[i].value < 0 ||
            out->dims[i].value > QN_MAX_NUMBERS) {
            return -1;
        }
        len *= out->dims[i].value;
        if (len > QN_MAX_NUMBERS) {
            return -1;
        }
    }
    return len;
}

static bool is_float(const struct qn_infer_ctx *c)
{
    return quern_dtype_is_float(c->out[0].dtype);
}

/* What the type of the output does to a number. */
static struct quern_number fit(const struct qn_infer_ctx *c,
                               struct quern_number a)
{
    if (is_float(c) && qn_num_is_plain(a) &&
        (a.value > EXACT_FLOAT || a.value < -EXACT_FLOAT)) {
        return QN_UNKNOWN;
    }
    if (c->out[0].dtype == QUERN_INT32 && qn_num_is_plain(a) &&
        (a.value > INT32_MAX || a.value < INT32_MIN)) {
        return QN_UNKNOWN;
    }
    return a;
}

/* Element of input i that goes into element `at` of the broadcast output. */
static struct quern_number element(struct qn_infer_ctx *c, size_t i, int64_t at)
{
    size_t n = 0;
    const struct quern_number *numbers = qn_infer_in_numbers(c, i, &n);
    int rank = qn_infer_in_rank(c, i);
    int64_t index = 0;
    int64_t stride = 1;
    if (numbers == NULL || rank < 0 || rank > c->out[0].rank) {
        return QN_UNKNOWN;
    }
    for (int k = 0; k < rank; k++) {
        int64_t dim = c->out[0].dims[c->out[0].rank - 1 - k].value;
        struct quern_number own = qn_infer_in_dim(c, i, rank - 1 - k);
        if (!qn_num_is_plain(own) || dim == 0) {
            return QN_UNKNOWN;
        }
        index += own.value == 1 ? 0 : (at % dim) * stride;
        stride *= own.value;
        at /= dim;
    }
    return index >= 0 && (size_t)index < n ? numbers[index] : QN_UNKNOWN;
}

static struct quern_number truth(int order, int yes1, int yes2)
{
    return order == 2 ? QN_UNKNOWN
                      : qn_num(order == yes1 || order == yes2 ? 1 : 0);
}

static struct quern_number
less_equal(struct qn_algebra *x, struct quern_number a, struct quern_number b)
{
    int order = qn_num_compare(x, a, b, true);
    if (order == -1 || order == 0) {
        return qn_num(1);
    }
    return qn_num_compare(x, a, b, false) == 1 ? qn_num(0) : QN_UNKNOWN;
}

static struct quern_number logic(int op, struct quern_number a,
                                 struct quern_number b)
{
    int64_t absorbing = op == QN_OR ? 1 : 0;
    if (op != QN_XOR && (qn_num_is(a, absorbing) || qn_num_is(b, absorbing))) {
        return qn_num(absorbing);
    }
    if (!qn_num_is_plain(a) || !qn_num_is_plain(b)) {
        return QN_UNKNOWN;
    }
    return qn_num(op == QN_XOR ? a.value != b.value : 1 - absorbing);
}

/* Integers are divided towards zero; floats only where nothing is left. */
static struct quern_number divide(struct qn_infer_ctx *c, struct quern_number a,
                                  struct quern_number b)
{
    if (!is_float(c)) {
        return qn_num_trunc_div(&c->x, a, b);
    }
    bool whole = qn_num_is_plain(a) && qn_num_is_plain(b) && b.value != 0 &&
                 a.value % b.value == 0;
    return whole ? qn_num(a.value / b.value)
                 : (qn_num_is(b, 1) ? a : QN_UNKNOWN);
}

static struct quern_number compare(struct qn_infer_ctx *c,
                                   struct quern_number a, struct quern_number b)
{
    struct qn_algebra *x = &c->x;
    switch (c->param) {
    case QN_EQUAL:
        return truth(qn_num_compare(x, a, b, false), 0, 0);
    case QN_LESS_EQUAL:
        return less_equal(x, a, b);
    case QN_GREATER_EQUAL:
        return less_equal(x, b, a);
    case QN_LESS: {
        struct quern_number n = less_equal(x, b, a);
        return n.known ? qn_num(1 - n.value) : n;
    }
    case QN_GREATER: {
        struct quern_number n = less_equal(x, a, b);
        return n.known ? qn_num(1 - n.value) : n;
    }
    default:
        return logic(c->param, a, b);
    }
}

static struct quern_number apply(struct qn_infer_ctx *c, struct quern_number a,
                                 struct quern_number b)
{
    struct qn_algebra *x = &c->x;
    switch (c->param) {
    case QN_ADD:
        return qn_num_plus(x, a, b);
    case QN_SUB:
        return qn_num_minus(x, a, b);
    case QN_MUL:
        return qn_num_times(x, a, b);
    case QN_DIV:
        return divide(c, a, b);
    case QN_MOD:
        if (qn_infer_attr_int(c, "fmod", 0) != 0 || !qn_num_is_plain(b) ||
            b.value <= 0) {
            return QN_UNKNOWN;
        }
        return qn_num_minus(x, a,
                            qn_num_times(x, qn_num_floor_div(x, a, b), b));
    case QN_MIN:
        return qn_num_min(x, a, b);
    case QN_MAX:
        return qn_num_max(x, a, b);
    default:
        return compare(c, a, b);
    }
}

void qn_infer_numbers_binary(struct qn_infer_ctx *c)
{
    int64_t len = qn_infer_numbers_len(c);
    bool same_kind = c->param >= QN_EQUAL || !is_float(c) ||
                     quern_dtype_is_float(qn_infer_in_dtype(c, 0));
    for (int64_t i = 0; i < len && same_kind; i++) {
        struct quern_number all = element(c, 0, i);
        for (size_t k = 1; k < c->node->n_inputs; k++) {
            all = fit(c, apply(c, all, element(c, k, i)));
        }
        c->room[i] = all;
    }
    if (len >= 0 && same_kind) {
        qn_infer_out_numbers(c, 0, c->room, (size_t)len);
    }
}

static struct quern_number apply_one(struct qn_infer_ctx *c,
                                     struct quern_number a)
{
    struct qn_algebra *x = &c->x;
    switch (c->param) {
    case QN_NEG:
        return qn_num_times(x, a, qn_num(-1));
    case QN_ABS:
        if (qn_num_is_plain(a) && a.value != INT64_MIN) {
            return qn_num(a.value < 0 ? -a.value : a.value);
        }
        return a.known && qn_num_at_least(a, 0) ? a : QN_UNKNOWN;
    case QN_NOT:
        return qn_num_is_plain(a) ? qn_num(a.value == 0) : QN_UNKNOWN;
    case QN_SIGN:
        if (qn_num_is_plain(a)) {
            return qn_num((a.value > 0) - (a.value < 0));
        }
        return a.known && qn_num_at_least(a, 1) ? qn_num(1) : QN_UNKNOWN;
    default:
        return a;
    }
}

void qn_infer_numbers_unary(struct qn_infer_ctx *c)
{
    size_t n = 0;
    const struct quern_number *numbers = qn_infer_in_numbers(c, 0, &n);
    for (size_t i = 0; numbers != NULL && i < n; i++) {
        c->room[i] = fit(c, apply_one(c, numbers[i]));
    }
    if (numbers != NULL) {
        qn_infer_out_numbers(c, 0, c->room, n);
    }
}

void qn_infer_numbers_where(struct qn_infer_ctx *c)
{
    int64_t len = qn_infer_numbers_len(c);
    for (int64_t i = 0; i < len; i++) {
        struct quern_number yes = element(c, 0, i);
        struct quern_number a = element(c, 1, i);
        struct quern_number b = element(c, 2, i);
        if (qn_num_is_plain(yes)) {
            c->room[i] = yes.value != 0 ? a : b;
        } else {
            c->room[i] = qn_num_same(a, b) ? a : QN_UNKNOWN;
        }
    }
    if (len >= 0) {
        qn_infer_out_numbers(c, 0, c->room, (size_t)len);
    }
}

void qn_infer_numbers_cast(struct qn_infer_ctx *c)
{
    size_t n = 0;
    const struct quern_number *numbers = qn_infer_in_numbers(c, 0, &n);
    enum quern_dtype to = c->out[0].dtype;
    bool wide = to == QUERN_INT64 || to == QUERN_INT32 || to == QUERN_FLOAT ||
                to == QUERN_DOUBLE || to == QUERN_BOOL;
    if (numbers == NULL || !wide) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct quern_number a = fit(c, numbers[i]);
        if (to == QUERN_BOOL && qn_num_is_plain(a)) {
            a = qn_num(a.value != 0);
        } else if (to == QUERN_BOOL) {
            a = a.known && qn_num_at_least(a, 1) ? qn_num(1) : QN_UNKNOWN;
        }
        c->room[i] = a;
    }
    qn_infer_out_numbers(c, 0, c->room, n);
}

/* All elements reduced to one: products and sums of shapes. */
void qn_infer_numbers_reduce(struct qn_infer_ctx *c)
{
    size_t n = 0;
    const struct quern_number *numbers = qn_infer_in_numbers(c, 0, &n);
    if (numbers == NULL || n == 0 || qn_infer_numbers_len(c) != 1) {
        return;
    }
    struct quern_number all = numbers[0];
    for (size_t i = 1; i < n; i++) {
        all = fit(c, apply(c, all, numbers[i]));
    }
    c->room[0] = all;
    qn_infer_out_numbers(c, 0, c->room, 1);
}

void qn_infer_numbers_copy(struct qn_infer_ctx *c)
{
    size_t n = 0;
    const struct quern_number *numbers = qn_infer_in_numbers(c, 0, &n);
    if (numbers != NULL) {
        qn_infer_out_numbers(c, 0, numbers, n);
    }
}

void qn_infer_numbers_expand(struct qn_infer_ctx *c)
{
    int64_t len = qn_infer_numbers_len(c);
    for (int64_t i = 0; i < len; i++) {
        c->room[i] = element(c, 0, i);
    }
    if (len >= 0) {
        qn_infer_out_numbers(c, 0, c->room, (size_t)len);
    }
}
