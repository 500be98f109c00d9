/* Rounding of weights with error feedback.
 *
 * Frantar et al., GPTQ (arXiv:2210.17323), walks the inputs in order, rounds,
 * and spreads each error over the inputs to come by rows of U, where
 * H^-1 = U^T U is upper triangular. Here H itself is factored the other way
 * round, H = R R^T with R upper triangular, so U = R^-1, and the error d of all
 * inputs so far obeys e = d R. Hence the input k is rounded at
 *     w_k + sum over earlier j of d_j R_jk / R_kk,
 * which is the same number without an inverse. With inputs in reverse order R
 * is the ordinary lower Cholesky factor L, and the walk goes from its last row
 * up. Inputs of the largest second moment come first in the walk ("act-order"),
 * so the factor has them last.
 */
#include <quern/quant.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "base/diag.h"
#include "base/pool.h"
#include "quant/codes.h"
#include "quant/dense.h"
#include "quant/kernel.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { chunk_rows = 64 };

/* Second moments may be too flat for the damping asked for; this much is the
 * end. */
static const double most_damp = 1.0;

/* By how much a step may grow (where pairs of products must not saturate, steps
 * grow first of all for that: weight_overflow.c of the passes). Over 11
 * convolutional nets 1.12, 1.25 and 1.5 gave 0.9, 1.1 and 0.9 dB at the output
 * (mean), 32 and 64 steps the same. */
static const float widest = 1.25F;
enum { most_steps = 1000 };

struct ranked {
    double moment;
    size_t col;
};

struct work {
    const struct quern_feedback_options *options;
    const float *weights;
    int8_t *codes;
    size_t cols;
    size_t group; /* that is being rounded */
    double damp;
    double *factor;  /* [cols, cols]: moments in walking order, then L */
    double *scratch; /* of qn_cholesky() */
    double *room;    /* of each worker: see sums_of() */
    struct ranked *order;
};

/* Of a worker, [chunk_rows, cols]: sum of d_j L_jk, so far. */
static double *sums_of(const struct work *work, int worker)
{
    return work->room +
           (size_t)worker * chunk_rows * (work->cols + QN_DENSE_BLOCK);
}

/* Of a worker, [chunk_rows, QN_DENSE_BLOCK]: -d of this block. */
static double *errors_of(const struct work *work, int worker)
{
    return sums_of(work, worker) + chunk_rows * work->cols;
}

static bool work_init(struct work *work, int n_workers,
                      const struct quern_feedback_options *options)
{
    size_t n = options->shape.cols;
    size_t of_worker = chunk_rows * sizeof(double) * (size_t)n_workers;
    size_t square;
    *work = (struct work){.options = options, .cols = n};
    if (!qn_mul(n, n, &square)) {
        return false;
    }
    work->factor = qn_calloc_n(square, sizeof(double));
    work->scratch = qn_calloc_n(n, QN_DENSE_BLOCK * sizeof(double));
    work->room = qn_calloc_n(n + QN_DENSE_BLOCK, of_worker);
    work->order = qn_calloc_n(n, sizeof *work->order);
    return work->factor != NULL && work->scratch != NULL &&
           work->room != NULL && work->order != NULL;
}

static void work_finish(struct work *work)
{
    qn_free(work->factor);
    qn_free(work->scratch);
    qn_free(work->room);
    qn_free(work->order);
}

/* Ascending moments; of equal ones the later input first, so that the walk,
 * which goes backwards, meets them in order. */
static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a;
    const struct ranked *y = b;
    if (x->moment < y->moment || x->moment > y->moment) {
        return x->moment < y->moment ? -1 : 1;
    }
    return x->col > y->col ? -1 : x->col < y->col;
}

/* Second moment of inputs i, j of a group, centred if a mean is there. */
static double moment_at(const struct work *work, size_t group, size_t i,
                        size_t j)
{
    const struct quern_feedback_options *o = work->options;
    size_t n = work->cols;
    double moment = o->second[(group * n + i) * n + j];
    if (o->mean != NULL) {
        moment -= o->mean[group * n + i] * o->mean[group * n + j];
    }
    return moment;
}

/* Lower triangle in walking order, damped. Returns what was added. */
static double fill_factor(struct work *work, size_t group, double damp)
{
    size_t n = work->cols;
    double mean = 0.0;
    for (size_t i = 0; i < n; i++) {
        mean += work->order[i].moment / (double)n;
    }
    double added = damp * mean + 1e-12;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            work->factor[i * n + j] =
                moment_at(work, group, work->order[i].col, work->order[j].col);
        }
        work->factor[i * n + i] += added;
    }
    return added;
}

static enum quern_code factor_group(struct quern_context *context,
                                    struct work *work, size_t group)
{
    size_t n = work->cols;
    for (size_t i = 0; i < n; i++) {
        work->order[i].moment = moment_at(work, group, i, i);
        work->order[i].col = i;
    }
    qsort(work->order, n, sizeof *work->order, compare_ranked);
    for (double damp = work->damp;; damp = fmin(10.0 * damp, most_damp)) {
        double added = fill_factor(work, group, damp);
        if (isfinite(added) && qn_cholesky(work->factor, n, work->scratch)) {
            return QUERN_OK;
        }
        if (damp >= most_damp || !isfinite(added)) {
            break;
        }
    }
    return quern_fail(context, QUERN_NUMERIC, NULL,
                      "second moments of %zu inputs (group %zu) are no "
                      "positive matrix, even damped by their mean",
                      n, group);
}

/* Index of a weight and of its code. */
static size_t index_of(const struct work *work, size_t row, size_t walk)
{
    const struct quern_weight_shape *shape = &work->options->shape;
    return row * shape->row_stride + work->order[walk].col * shape->col_stride;
}

static double round_code(double x, const struct quern_qparams *q)
{
    x = x > (double)q->qmin ? x : (double)q->qmin;
    x = x < (double)q->qmax ? x : (double)q->qmax;
    return nearbyint(x);
}

/* sums[j] -= error * l[j] for j < n. */
QN_INLINE void spread(double *sums, const double *l, double error, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        sums[j] -= error * l[j];
    }
}

/* Rows that are walked side by side: each waits for two divisions an input. */
enum { abreast = 4 };

/* Walk inputs [first, end) of n rows, last one first. Sums of a row lie `cols`
 * apart, errors a block. What a row adds to the mean square error of the output
 * is added to its square. */
QN_INLINE void round_rows(const struct work *work, size_t row, size_t n,
                          size_t first, size_t end, double *sums,
                          double *errors, double *squares)
{
    const struct quern_qparams *q = &work->options->qparams[row];
    size_t cols = work->cols;
    for (size_t k = end; k-- > first;) {
        const double *l = work->factor + k * cols;
        for (size_t r = 0; r < n; r++) {
            size_t at = index_of(work, row + r, k);
            double scale = (double)q[r].scale;
            double w = (double)work->weights[at];
            double made_good = sums[r * cols + k] / l[k];
            double code = round_code((w + made_good) / scale, &q[r]);
            work->codes[at] = (int8_t)code;
            double error = code * scale - w;
            double left = error * l[k] - sums[r * cols + k];
            errors[r * QN_DENSE_BLOCK + k - first] = error;
            squares[r] += left * left;
        }
        for (size_t r = 0; r < n; r++) {
            spread(sums + r * cols + first, l + first,
                   errors[r * QN_DENSE_BLOCK + k - first], k - first);
        }
    }
}

QN_BY_CPU static void round_some(const struct work *work, size_t row, size_t n,
                                 size_t first, size_t end, double *sums,
                                 double *errors, double *squares)
{
    size_t r = 0;
    for (; r + abreast <= n; r += abreast) {
        round_rows(work, row + r, abreast, first, end, sums + r * work->cols,
                   errors + r * QN_DENSE_BLOCK, squares + r);
    }
    for (; r < n; r++) {
        round_rows(work, row + r, 1, first, end, sums + r * work->cols,
                   errors + r * QN_DENSE_BLOCK, squares + r);
    }
}

/* Rows [first, first + n_rows), counted over all groups, with the steps that
 * they have.
 * @param squares  what each adds to the mean square error of the output, by
 *                 the damped moments */
static void walk_rows(const struct work *work, int worker, size_t first,
                      size_t n_rows, double *squares)
{
    size_t n = work->cols;
    double *sums = sums_of(work, worker);
    double *errors = errors_of(work, worker);
    memset(sums, 0, n_rows * n * sizeof *sums);
    memset(squares, 0, n_rows * sizeof *squares);
    for (size_t end = n; end > 0;) {
        size_t start = (end - 1) / QN_DENSE_BLOCK * QN_DENSE_BLOCK;
        round_some(work, first, n_rows, start, end, sums, errors, squares);
        qn_multiply_subtract(sums, n, errors, QN_DENSE_BLOCK,
                             work->factor + start * n, n, n_rows, start,
                             end - start);
        end = start;
    }
}

/* Give each row the step that errs least; of equal ones the narrowest. */
static void choose_steps(const struct work *work, int worker, size_t first,
                         size_t n_rows)
{
    struct quern_qparams *q = work->options->qparams + first;
    int n = work->options->wider_steps;
    double squares[chunk_rows];
    double least[chunk_rows];
    float given[chunk_rows];
    float best[chunk_rows];
    for (size_t r = 0; r < n_rows; r++) {
        given[r] = best[r] = q[r].scale;
        least[r] = HUGE_VAL;
    }
    for (int i = 0; i <= n; i++) {
        float ratio = 1.0F + (widest - 1.0F) * (float)i / (float)n;
        for (size_t r = 0; r < n_rows; r++) {
            q[r].scale = fminf(given[r] * ratio, FLT_MAX);
        }
        walk_rows(work, worker, first, n_rows, squares);
        for (size_t r = 0; r < n_rows; r++) {
            best[r] = squares[r] < least[r] ? q[r].scale : best[r];
            least[r] = fmin(least[r], squares[r]);
        }
    }
    for (size_t r = 0; r < n_rows; r++) {
        q[r].scale = best[r];
    }
}

static void round_chunk(const struct work *work, int worker, size_t first,
                        size_t n_rows)
{
    double squares[chunk_rows];
    if (work->options->wider_steps > 0 && work->cols <= QN_DENSE_BLOCK) {
        choose_steps(work, worker, first, n_rows);
    }
    walk_rows(work, worker, first, n_rows, squares);
}

/* Rows are independent of each other, so chunks are, for any of their sizes. */
static enum quern_code chunk_body(struct quern_context *context, void *user,
                                  size_t i, int worker)
{
    const struct work *work = user;
    size_t rows = work->options->shape.rows;
    size_t first = i * chunk_rows;
    size_t n = rows - first < chunk_rows ? rows - first : chunk_rows;
    enum quern_code code = qn_poll(context);
    if (code == QUERN_OK) {
        round_chunk(work, worker, work->group * rows + first, n);
    }
    return code;
}

static enum quern_code check_options(struct quern_context *context,
                                     const struct quern_feedback_options *o)
{
    size_t n_rows;
    if (o->shape.groups == 0 || o->shape.rows == 0 || o->shape.cols == 0 ||
        !qn_mul(o->shape.groups, o->shape.rows, &n_rows)) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "weights of %zu groups, %zu rows, %zu columns; need "
                          "one of each",
                          o->shape.groups, o->shape.rows, o->shape.cols);
    }
    for (size_t r = 0; r < n_rows; r++) {
        const struct quern_qparams *q = &o->qparams[r];
        bool is_small = q->dtype == QUERN_INT8 || q->dtype == QUERN_INT4;
        if (!is_small || q->zero_point != 0 || !(q->scale > 0.0F) ||
            q->qmin < INT8_MIN || q->qmax > INT8_MAX) {
            return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                              "parameters of row %zu: %s, zero point %d; need "
                              "int8 or int4 and zero point 0",
                              r, quern_dtype_name(q->dtype),
                              (int)q->zero_point);
        }
    }
    if (!(o->damp >= 0.0) || o->damp > most_damp) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "damping %g; need 0 to 1", o->damp);
    }
    if (o->wider_steps < 0 || o->wider_steps > most_steps) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "%d wider steps; need 0 to %d", o->wider_steps,
                          most_steps);
    }
    return QUERN_OK;
}

/* Measured rule 8: 1 %, and 10 % where the moments rest on few vectors. */
static double choose_damp(const struct quern_feedback_options *o)
{
    bool has_few = o->n_rows / 4 <= o->shape.cols;
    return o->damp > 0.0 ? o->damp : has_few ? 0.1 : 0.01;
}

static enum quern_code round_group(struct quern_context *context,
                                   struct work *work, size_t group)
{
    size_t n = (work->options->shape.rows + chunk_rows - 1) / chunk_rows;
    enum quern_code code = factor_group(context, work, group);
    work->group = group;
    return code == QUERN_OK ? qn_parallel(context, n, chunk_body, work) : code;
}

enum quern_code
quern_weight_feedback(struct quern_context *context,
                      const struct quern_feedback_options *options,
                      const float *weights, int8_t *out_codes)
{
    struct work work;
    enum quern_code code = check_options(context, options);
    if (code != QUERN_OK) {
        return code;
    }
    if (!work_init(&work, quern_context_threads(context), options)) {
        code = qn_no_memory(context);
    }
    work.weights = weights;
    work.codes = out_codes;
    work.damp = choose_damp(options);
    for (size_t g = 0; g < options->shape.groups && code == QUERN_OK; g++) {
        code = round_group(context, &work, g);
    }
    work_finish(&work);
    return code;
}
