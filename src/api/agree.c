/* Comparing tensors within the contract of a pass. What cannot be compared does
 * not agree. */
#include "api/agree.h"

#include <quern/run.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Equal in real arithmetic: what rounding in another order leaves. Measured on
 * the 132 exports of the zoo and 10 trained models: at most 1.3e-5 after a
 * pass, a convolution's normalization folded in a net of 100 layers. A step of
 * a half type is worth more. */
static const double real_exact = 1e-4;
static const double real_exact_half = 2e-2;
static const double approximate = 1e-2;
static const double approximate_half = 5e-2;

/* Codes that flip are noise of their own. */
static const double least_sqnr_coded = 15.0;

/* Louder than the signal. */
static const double least_sqnr_quantized = 0.0;

struct qn_bound qn_bound_of(enum quern_contract contract, bool is_half,
                            bool is_coded, bool same_bits)
{
    struct qn_bound b = {.contract = contract};
    switch (contract) {
    case QUERN_BIT_EXACT:
        b.tolerance = same_bits ? 0.0 : is_half ? real_exact_half : real_exact;
        b.by_sqnr = !same_bits && is_coded;
        break;
    case QUERN_REAL_EXACT:
        b.tolerance = is_half ? real_exact_half : real_exact;
        b.by_sqnr = is_coded;
        break;
    case QUERN_APPROXIMATE:
        b.tolerance = is_half ? approximate_half : approximate;
        b.by_sqnr = is_coded;
        break;
    case QUERN_CHANGES_PRECISION:
        b.by_sqnr = true;
        break;
    }
    b.least_sqnr = contract == QUERN_CHANGES_PRECISION ? least_sqnr_quantized
                                                       : least_sqnr_coded;
    return b;
}

/* Numbers of a tensor, whatever their type; integers beyond 2^53 are rounded
 * here, so those are compared by their bytes first. */
enum { BLOCK = 512 };

struct sums {
    double largest; /* finite |want| */
    double signal;
    double noise;
    double worst; /* finite |got - want| */
    int64_t worst_at;
    double worst_got;
    double worst_want;
    int64_t odd_at; /* first NaN or infinity that is not matched; -1 */
    double odd_got;
    double odd_want;
    bool read; /* all of it could be read */
};

static bool same_number(double a, double b)
{
    return isnan(a) || isnan(b)
               ? isnan(a) && isnan(b)
               : !(a < b) && !(a > b) && signbit(a) == signbit(b);
}

static void add(struct sums *s, int64_t i, double got, double want)
{
    if (!isfinite(want) || !isfinite(got)) {
        if (!same_number(got, want) && s->odd_at < 0) {
            s->odd_at = i;
            s->odd_got = got;
            s->odd_want = want;
        }
        return;
    }
    double error = fabs(got - want);
    s->largest = fmax(s->largest, fabs(want));
    s->signal += want * want;
    s->noise += error * error;
    if (error > s->worst || (s->worst_at < 0 && !same_number(got, want))) {
        s->worst = error;
        s->worst_at = i;
        s->worst_got = got;
        s->worst_want = want;
    }
}

static struct sums sum_up(const struct quern_tensor *got,
                          const struct quern_tensor *want)
{
    struct sums s = {.worst_at = -1, .odd_at = -1, .read = true};
    double a[BLOCK];
    double b[BLOCK];
    int64_t len = quern_tensor_len(want);
    for (int64_t i = 0; i < len && s.read; i += BLOCK) {
        int64_t n = len - i < BLOCK ? len - i : BLOCK;
        s.read = quern_tensor_read_doubles(got, i, n, a) &&
                 quern_tensor_read_doubles(want, i, n, b);
        for (int64_t k = 0; k < n && s.read; k++) {
            add(&s, i + k, a[k], b[k]);
        }
    }
    return s;
}

static double decibels(const struct sums *s)
{
    return s->noise <= 0.0    ? HUGE_VAL
           : s->signal <= 0.0 ? -HUGE_VAL
                              : 10.0 * log10(s->signal / s->noise);
}

static bool same_shape(const struct quern_tensor *a,
                       const struct quern_tensor *b)
{
    int rank = quern_tensor_rank(a);
    return rank == quern_tensor_rank(b) &&
           (rank == 0 || memcmp(quern_tensor_dims(a), quern_tensor_dims(b),
                                (size_t)rank * sizeof(int64_t)) == 0);
}

/* What they are must be the same; a pass that changes precision may change the
 * type of floats. */
static enum qn_difference_kind compare_kind(const struct qn_bound *bound,
                                            const struct quern_tensor *got,
                                            const struct quern_tensor *want)
{
    if (got == NULL || want == NULL) {
        return got == want ? QN_AGREES : QN_NO_TENSOR;
    }
    enum quern_dtype a = quern_tensor_dtype(got);
    enum quern_dtype b = quern_tensor_dtype(want);
    bool may = bound->contract == QUERN_CHANGES_PRECISION &&
               quern_dtype_is_float(a) && quern_dtype_is_float(b);
    return a != b && !may          ? QN_OTHER_TYPE
           : same_shape(got, want) ? QN_AGREES
                                   : QN_OTHER_SHAPE;
}

static void set_value(struct qn_difference *d, enum qn_difference_kind kind,
                      int64_t at, double got, double want)
{
    d->kind = kind;
    d->index = at;
    d->got = got;
    d->want = want;
}

static bool judge_floats(const struct qn_bound *bound, const struct sums *s,
                         struct qn_difference *d)
{
    d->sqnr = decibels(s);
    d->allowed = bound->tolerance * (s->largest + 1e-6);
    if (bound->by_sqnr) {
        if (d->sqnr < bound->least_sqnr) {
            set_value(d, QN_NOISE, s->worst_at, s->worst_got, s->worst_want);
        }
    } else if (bound->tolerance > 0.0 ? s->worst > d->allowed
                                      : s->worst_at >= 0) {
        set_value(d, QN_OTHER_VALUE, s->worst_at, s->worst_got, s->worst_want);
    }
    if (s->odd_at >= 0) {
        d->allowed = 0.0;
        set_value(d, QN_OTHER_VALUE, s->odd_at, s->odd_got, s->odd_want);
    }
    return d->kind == QN_AGREES;
}

/* As the first item that differs says. */
static bool agree_items(const struct qn_bound *bound,
                        const struct quern_tensor *got,
                        const struct quern_tensor *want,
                        struct qn_difference *d)
{
    double sqnr = HUGE_VAL;
    if (quern_tensor_is_nothing(got) != quern_tensor_is_nothing(want)) {
        d->kind = QN_OTHER_TYPE;
        return false;
    }
    for (int64_t i = 0; d->kind == QN_AGREES && i < quern_tensor_len(want);
         i++) {
        (void)qn_agree(bound, quern_tensor_item(got, (size_t)i),
                       quern_tensor_item(want, (size_t)i), d);
        d->item = i;
        sqnr = fmin(sqnr, d->sqnr);
    }
    d->sqnr = sqnr;
    d->item = d->kind == QN_AGREES ? -1 : d->item;
    return d->kind == QN_AGREES;
}

bool qn_agree(const struct qn_bound *bound, const struct quern_tensor *got,
              const struct quern_tensor *want,
              struct qn_difference *out_difference)
{
    struct qn_difference *d = out_difference;
    *d = (struct qn_difference){.item = -1, .index = -1, .sqnr = HUGE_VAL};
    d->kind = compare_kind(bound, got, want);
    if (d->kind != QN_AGREES || want == NULL) {
        return d->kind == QN_AGREES;
    }
    if (quern_tensor_equal(got, want)) {
        return true;
    }
    if (quern_tensor_is_list(want)) {
        return agree_items(bound, got, want, d);
    }
    struct sums s = sum_up(got, want);
    if (!s.read) { /* strings, complex numbers: equal or not */
        d->kind = QN_OTHER_VALUE;
        return false;
    }
    if (quern_dtype_is_float(quern_tensor_dtype(want))) {
        return judge_floats(bound, &s, d);
    }
    if (!bound->by_sqnr) {
        set_value(d, QN_OTHER_VALUE, s.worst_at, s.worst_got, s.worst_want);
    }
    return d->kind == QN_AGREES;
}

/* ---------------------------------------------------------------- telling */

static void format_index(const struct quern_tensor *t, int64_t index,
                         char *text, size_t size)
{
    int rank = quern_tensor_rank(t);
    const int64_t *dims = quern_tensor_dims(t);
    int64_t at[QUERN_MAX_RANK];
    size_t n = (size_t)snprintf(text, size, "[");
    for (int i = rank; i-- > 0;) {
        at[i] = index % dims[i];
        index /= dims[i];
    }
    for (int i = 0; i < rank && n < size; i++) {
        n += (size_t)snprintf(text + n, size - n, "%s%lld", i > 0 ? "," : "",
                              (long long)at[i]);
    }
    if (n < size) {
        snprintf(text + n, size - n, "]");
    }
}

static void format_type(const struct quern_tensor *t, char *text, size_t size)
{
    int rank = quern_tensor_rank(t);
    if (quern_tensor_is_list(t)) {
        if (quern_tensor_is_nothing(t)) {
            snprintf(text, size, "nothing");
        } else {
            snprintf(text, size, "a sequence of %lld items",
                     (long long)quern_tensor_len(t));
        }
        return;
    }
    size_t n = (size_t)snprintf(text, size, "%s[",
                                quern_dtype_name(quern_tensor_dtype(t)));
    for (int i = 0; i < rank && n < size; i++) {
        n += (size_t)snprintf(text + n, size - n, "%s%lld", i > 0 ? "," : "",
                              (long long)quern_tensor_dims(t)[i]);
    }
    if (n < size) {
        snprintf(text + n, size - n, "]");
    }
}

void qn_difference_format(const struct qn_difference *difference,
                          const struct quern_tensor *got,
                          const struct quern_tensor *want, char *text,
                          size_t size)
{
    const struct qn_difference *d = difference;
    char at[256] = "";
    char types[2][160] = {"nothing", "nothing"};
    if (d->item >= 0) {
        struct qn_difference of = *d;
        int n = snprintf(text, size, "item %lld ", (long long)d->item);
        size_t used = (size_t)n < size ? (size_t)n : size;
        of.item = -1;
        qn_difference_format(&of, quern_tensor_item(got, (size_t)d->item),
                             quern_tensor_item(want, (size_t)d->item),
                             text + used, size - used);
        return;
    }
    if (d->index >= 0) {
        format_index(want, d->index, at, sizeof at);
    }
    if (got != NULL) {
        format_type(got, types[0], sizeof types[0]);
    }
    if (want != NULL) {
        format_type(want, types[1], sizeof types[1]);
    }
    switch (d->kind) {
    case QN_AGREES:
        snprintf(text, size, "agrees");
        return;
    case QN_OTHER_TYPE:
    case QN_OTHER_SHAPE:
    case QN_NO_TENSOR:
        snprintf(text, size, "is %s, was %s", types[0], types[1]);
        return;
    case QN_NOISE:
        snprintf(text, size, "%s: %.9g, was %.9g; SQNR %.1f dB", at, d->got,
                 d->want, d->sqnr);
        return;
    case QN_OTHER_VALUE:
        break;
    }
    if (d->index < 0) {
        snprintf(text, size, "holds other elements than before");
    } else if (d->allowed > 0.0) {
        snprintf(text, size, "%s: %.9g, was %.9g; at most %.3g may differ", at,
                 d->got, d->want, d->allowed);
    } else {
        snprintf(text, size, "%s: %.9g, was %.9g", at, d->got, d->want);
    }
}
