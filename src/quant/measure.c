/* Error of an output against its reference.
 *
 * Sums of one sample run in double in the order of its values; samples are
 * added exactly, so their order does not matter.
 */
#include <quern/quant.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "base/numeric.h"

#include <math.h>

/* Floor of probabilities in front of the logarithm. */
static const double least_probability = 1e-12;

/* How far from 1 the sum of a row of probabilities may be. */
static const double sum_tolerance = 1e-3;

/* Energy of a reference and of the error against it. */
struct pair {
    struct qn_exact_sum reference, error;
};

struct quern_measure {
    uint64_t n_values, n_rows, n_mismatch, n_agree, n_finite;
    bool has_other_rows; /* rows that are no probabilities */
    float max_abs, max_ref;
    struct pair plain;
    struct qn_exact_sum got, dot;
    struct pair logits; /* rows as they are, mean removed */
    struct pair logs;   /* their logarithms, mean removed */
};

enum quern_code quern_measure_create(struct quern_context *context,
                                     struct quern_measure **out_measure)
{
    struct quern_measure *measure = qn_calloc(sizeof *measure);
    if (measure == NULL) {
        return qn_no_memory(context);
    }
    *out_measure = measure;
    return QUERN_OK;
}

void quern_measure_destroy(struct quern_measure **measure)
{
    if (measure != NULL) {
        qn_free(*measure);
        *measure = NULL;
    }
}

static bool same_odd(float a, float b)
{
    if (isnan(a) || isnan(b)) {
        return isnan(a) && isnan(b);
    }
    return isinf(a) && isinf(b) && (a > 0.0F) == (b > 0.0F);
}

static void add_values(struct quern_measure *m, const float *reference,
                       const float *got, size_t len)
{
    double sums[4] = {0.0}; /* ref^2, error^2, got^2, ref * got */
    for (size_t i = 0; i < len; i++) {
        double r = (double)reference[i];
        double g = (double)got[i];
        if (!isfinite(r) || !isfinite(g)) {
            m->n_mismatch += same_odd(reference[i], got[i]) ? 0 : 1;
            continue;
        }
        sums[0] += r * r;
        sums[1] += (r - g) * (r - g);
        sums[2] += g * g;
        sums[3] += r * g;
        m->max_abs = fmaxf(m->max_abs, fabsf((float)(r - g)));
        m->max_ref = fmaxf(m->max_ref, fabsf((float)r));
        m->n_finite++;
    }
    qn_exact_add(&m->plain.reference, sums[0]);
    qn_exact_add(&m->plain.error, sums[1]);
    qn_exact_add(&m->got, sums[2]);
    qn_exact_add(&m->dot, sums[3]);
}

/* First of the largest; NaN is never largest. */
static size_t largest(const float *row, size_t n)
{
    size_t at = 0;
    for (size_t i = 1; i < n; i++) {
        if (row[i] > row[at] || (isnan(row[at]) && !isnan(row[i]))) {
            at = i;
        }
    }
    return at;
}

static bool is_finite_row(const float *row, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(row[i])) {
            return false;
        }
    }
    return true;
}

static bool is_probabilities(const float *row, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        if (!(row[i] >= 0.0F) || row[i] > 1.0F + (float)sum_tolerance) {
            return false;
        }
        sum += (double)row[i];
    }
    return n > 1 && fabs(sum - 1.0) <= sum_tolerance;
}

static double map(double x, bool is_log)
{
    return is_log ? log(fmax(x, least_probability)) : x;
}

/* Energies of a row with its mean removed, as it is or of the logarithms. */
static void add_logits(struct pair *pair, const float *reference,
                       const float *got, size_t n, bool is_log)
{
    double mean_r = 0.0;
    double mean_g = 0.0;
    double energy = 0.0;
    double error = 0.0;
    for (size_t i = 0; i < n; i++) {
        mean_r += map((double)reference[i], is_log) / (double)n;
        mean_g += map((double)got[i], is_log) / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        double r = map((double)reference[i], is_log) - mean_r;
        double g = map((double)got[i], is_log) - mean_g;
        energy += r * r;
        error += (r - g) * (r - g);
    }
    qn_exact_add(&pair->reference, energy);
    qn_exact_add(&pair->error, error);
}

void quern_measure_add(struct quern_measure *measure, const float *reference,
                       const float *got, size_t rows, size_t cols)
{
    struct quern_measure *m = measure;
    add_values(m, reference, got, rows * cols);
    for (size_t r = 0; r < rows && cols > 0; r++) {
        const float *a = reference + r * cols;
        const float *b = got + r * cols;
        m->n_agree += largest(a, cols) == largest(b, cols);
        if (!is_probabilities(a, cols)) {
            m->has_other_rows = true;
        }
        if (is_finite_row(a, cols) && is_finite_row(b, cols)) {
            add_logits(&m->logits, a, b, cols, false);
            /* logarithms count only while all rows are probabilities */
            if (!m->has_other_rows) {
                add_logits(&m->logs, a, b, cols, true);
            }
        }
    }
    m->n_values += rows * cols;
    m->n_rows += cols > 0 ? rows : 0;
}

static void merge_pair(struct pair *pair, const struct pair *other)
{
    qn_exact_merge(&pair->reference, &other->reference);
    qn_exact_merge(&pair->error, &other->error);
}

void quern_measure_merge(struct quern_measure *measure,
                         const struct quern_measure *other)
{
    struct quern_measure *m = measure;
    m->n_values += other->n_values;
    m->n_rows += other->n_rows;
    m->n_mismatch += other->n_mismatch;
    m->n_agree += other->n_agree;
    m->n_finite += other->n_finite;
    m->has_other_rows = m->has_other_rows || other->has_other_rows;
    m->max_abs = fmaxf(m->max_abs, other->max_abs);
    m->max_ref = fmaxf(m->max_ref, other->max_ref);
    merge_pair(&m->plain, &other->plain);
    merge_pair(&m->logits, &other->logits);
    merge_pair(&m->logs, &other->logs);
    qn_exact_merge(&m->got, &other->got);
    qn_exact_merge(&m->dot, &other->dot);
}

static double decibels(const struct pair *pair)
{
    double reference = qn_exact_value(&pair->reference);
    double error = qn_exact_value(&pair->error);
    if (!(error > 0.0)) {
        return HUGE_VAL;
    }
    return reference > 0.0 ? 10.0 * log10(reference / error) : -HUGE_VAL;
}

void quern_measure_result(const struct quern_measure *measure,
                          struct quern_measure_result *out_result)
{
    const struct quern_measure *m = measure;
    double n = m->n_finite > 0 ? (double)m->n_finite : 1.0;
    double reference = qn_exact_value(&m->plain.reference);
    double got = qn_exact_value(&m->got);
    bool is_softmax = m->n_rows > 0 && !m->has_other_rows;
    bool has_both = reference > 0.0 && got > 0.0;
    bool has_none = !(reference > 0.0) && !(got > 0.0);
    *out_result = (struct quern_measure_result){
        .n_values = m->n_values,
        .n_rows = m->n_rows,
        .n_mismatch = m->n_mismatch,
        .sqnr_db = decibels(&m->plain),
        .cosine = has_both   ? qn_exact_value(&m->dot) / sqrt(reference * got)
                  : has_none ? 1.0
                             : 0.0,
        .mse = qn_exact_value(&m->plain.error) / n,
        .max_abs = (double)m->max_abs,
        .max_ref = (double)m->max_ref,
        .top1 = m->n_rows > 0 ? (double)m->n_agree / (double)m->n_rows : 1.0,
        .logit_sqnr_db = decibels(is_softmax ? &m->logs : &m->logits),
        .is_softmax = is_softmax,
    };
}
