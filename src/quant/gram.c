/* Second moments of vectors, in integers.
 *
 * Vectors gather, as 12-bit integers and turned so that one input is one row,
 * until a block is full; a product of two rows of 256 numbers then fits 32 bits
 * (256 * 2047^2 < 2^31), which is what CPUs multiply and add fastest in 16-bit
 * lanes. Blocks add to 64-bit sums: exact, so order and sharding leave no
 * trace.
 */
#include "quant/gram.h"

#include <quern/quant.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "base/diag.h"
#include "quant/gram_kernel.h"

#include <math.h>
#include <string.h>

enum { most_code = 2047 };

struct quern_gram {
    size_t groups, cols;
    uint64_t n_rows;
    size_t n_pending;  /* vectors in `pending`, below QN_GRAM_BLOCK */
    double *inverse;   /* 1 / step of each input, a power of two */
    int64_t *sums;     /* [groups * cols] */
    int64_t *products; /* [groups, cols, cols], lower triangles */
    int16_t *pending;  /* [groups * cols, QN_GRAM_BLOCK] */
};

/* Inverse of the least power-of-two step that holds `most` in the codes. */
static double inverse_step(float most)
{
    int power;
    if (!(most > 0.0F) || !isfinite(most)) {
        return 1.0;
    }
    double m = frexp((double)most / most_code, &power);
    return m > 0.5 ? ldexp(1.0, -power) : ldexp(1.0, 1 - power);
}

/* Bytes of the products, or 0 on overflow. */
static size_t products_size(size_t groups, size_t cols)
{
    size_t n;
    bool fits = qn_mul(cols, cols, &n) && qn_mul(n, groups, &n) &&
                qn_mul(n, sizeof(int64_t), &n);
    return fits ? n : 0;
}

enum quern_code quern_gram_create(struct quern_context *context, size_t groups,
                                  size_t cols, const float *abs_max,
                                  struct quern_gram **out_gram)
{
    size_t size = products_size(groups, cols);
    if (groups == 0 || cols == 0) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "second moments of %zu groups of %zu inputs; need "
                          "one of each",
                          groups, cols);
    }
    if (size == 0 || size > context->max_memory) {
        return quern_fail(context, QUERN_LIMIT, NULL,
                          "second moments of %zu groups of %zu inputs take %zu "
                          "bytes, beyond the limit of memory",
                          groups, cols, size);
    }
    struct quern_gram *gram = qn_calloc(sizeof *gram);
    if (gram == NULL) {
        return qn_no_memory(context);
    }
    size_t n = groups * cols;
    gram->groups = groups;
    gram->cols = cols;
    gram->inverse = qn_calloc_n(n, sizeof *gram->inverse);
    gram->sums = qn_calloc_n(n, sizeof *gram->sums);
    gram->products = qn_calloc(size);
    gram->pending = qn_calloc_n(n, QN_GRAM_BLOCK * sizeof *gram->pending);
    if (gram->inverse == NULL || gram->sums == NULL || gram->products == NULL ||
        gram->pending == NULL) {
        quern_gram_destroy(&gram);
        return qn_no_memory(context);
    }
    for (size_t k = 0; k < n; k++) {
        gram->inverse[k] = inverse_step(abs_max[k]);
    }
    *out_gram = gram;
    return QUERN_OK;
}

void quern_gram_destroy(struct quern_gram **gram)
{
    if (gram == NULL || *gram == NULL) {
        return;
    }
    qn_free((*gram)->inverse);
    qn_free((*gram)->sums);
    qn_free((*gram)->products);
    qn_free((*gram)->pending);
    qn_free(*gram);
    *gram = NULL;
}

/* Multiply the pending block of `from` into the sums of `gram`. */
static void take_pending(struct quern_gram *gram, const struct quern_gram *from)
{
    size_t n = gram->cols;
    for (size_t g = 0; g < gram->groups && from->n_pending > 0; g++) {
        qn_gram_block(from->pending + g * n * QN_GRAM_BLOCK, n,
                      gram->products + g * n * n, gram->sums + g * n);
    }
}

static void flush(struct quern_gram *gram)
{
    size_t n = gram->groups * gram->cols;
    take_pending(gram, gram);
    memset(gram->pending, 0, n * QN_GRAM_BLOCK * sizeof *gram->pending);
    gram->n_pending = 0;
}

static int16_t code_of(float x, double inverse)
{
    double v = (double)x * inverse;
    v = v > -most_code ? v : -most_code;
    v = v < most_code ? v : most_code;
    /* Half to even, as a sum that leaves no room for the fraction. */
    v = ((isnan(x) ? 0.0 : v) + 6755399441055744.0) - 6755399441055744.0;
    return (int16_t)v;
}

/* Rows into the pending block, which they do not overfill. */
static void take_rows(struct quern_gram *gram, const float *data, size_t n,
                      size_t row_stride)
{
    size_t n_inputs = gram->groups * gram->cols;
    for (size_t k = 0; k < n_inputs; k++) {
        int16_t *column = gram->pending + k * QN_GRAM_BLOCK + gram->n_pending;
        double inverse = gram->inverse[k];
        for (size_t r = 0; r < n; r++) {
            column[r] = code_of(data[r * row_stride + k], inverse);
        }
    }
    gram->n_pending += n;
    if (gram->n_pending == QN_GRAM_BLOCK) {
        flush(gram);
    }
}

enum quern_code quern_gram_add(struct quern_context *context,
                               struct quern_gram *gram, const float *data,
                               size_t n, size_t row_stride)
{
    size_t n_inputs = gram->groups * gram->cols;
    if (row_stride < n_inputs) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "vectors %zu apart; need %zu inputs each", row_stride,
                          n_inputs);
    }
    if (n >= (uint64_t)1 << 40 || gram->n_rows + n >= (uint64_t)1 << 40) {
        return quern_fail(context, QUERN_LIMIT, NULL,
                          "second moments of 2^40 vectors or more");
    }
    for (size_t done = 0; done < n;) {
        size_t left = n - done;
        size_t space = QN_GRAM_BLOCK - gram->n_pending;
        size_t m = left < space ? left : space;
        take_rows(gram, data + done * row_stride, m, row_stride);
        done += m;
    }
    gram->n_rows += n;
    return QUERN_OK;
}

enum quern_code quern_gram_merge(struct quern_context *context,
                                 struct quern_gram *gram,
                                 const struct quern_gram *other)
{
    size_t n = gram->groups * gram->cols;
    if (gram->groups != other->groups || gram->cols != other->cols ||
        memcmp(gram->inverse, other->inverse, n * sizeof(double)) != 0) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "second moments of %zu x %zu inputs merged into %zu "
                          "x %zu with steps of their own",
                          other->groups, other->cols, gram->groups, gram->cols);
    }
    if (gram->n_rows + other->n_rows >= (uint64_t)1 << 40) {
        return quern_fail(context, QUERN_LIMIT, NULL,
                          "second moments of 2^40 vectors or more");
    }
    for (size_t i = 0; i < n; i++) {
        gram->sums[i] += other->sums[i];
    }
    for (size_t i = 0; i < n * gram->cols; i++) {
        gram->products[i] += other->products[i];
    }
    take_pending(gram, other);
    gram->n_rows += other->n_rows;
    return QUERN_OK;
}

size_t qn_gram_groups(const struct quern_gram *gram)
{
    return gram->groups;
}

size_t qn_gram_cols(const struct quern_gram *gram)
{
    return gram->cols;
}

uint64_t quern_gram_n_rows(const struct quern_gram *gram)
{
    return gram->n_rows;
}

/* Full matrix of one group out of its lower triangle. */
static void expand(const struct quern_gram *gram, size_t group, double *out)
{
    size_t n = gram->cols;
    const int64_t *products = gram->products + group * n * n;
    const double *inverse = gram->inverse + group * n;
    double rows = gram->n_rows > 0 ? (double)gram->n_rows : 1.0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            double moment =
                (double)products[i * n + j] / rows / inverse[i] / inverse[j];
            out[i * n + j] = moment;
            out[j * n + i] = moment;
        }
    }
}

void quern_gram_moments(struct quern_gram *gram, double *out_second,
                        double *out_mean)
{
    size_t n = gram->groups * gram->cols;
    double rows = gram->n_rows > 0 ? (double)gram->n_rows : 1.0;
    flush(gram);
    for (size_t g = 0; g < gram->groups && out_second != NULL; g++) {
        expand(gram, g, out_second + g * gram->cols * gram->cols);
    }
    for (size_t k = 0; k < n && out_mean != NULL; k++) {
        out_mean[k] = (double)gram->sums[k] / rows / gram->inverse[k];
    }
}
