/* Second moments of vectors, in integers.
 *
 * Vectors gather, as 12-bit integers and turned so that one input is one row,
 * until a block is full; a product of two rows of at most 256 numbers then fits
 * 32 bits (256 * 2047^2 < 2^31), which is what CPUs multiply and add fastest in
 * 16-bit lanes. Blocks add to 64-bit sums: exact, so order and sharding leave
 * no trace.
 */
#include "quant/gram.h"

#include <quern/quant.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "base/diag.h"
#include "quant/gram_kernel.h"

#include <math.h>
#include <string.h>

struct quern_gram {
    size_t groups, cols;
    uint64_t n_rows;
    size_t block;      /* vectors that are multiplied together */
    size_t n_pending;  /* vectors in `pending`, fewer than that */
    float *inverse;    /* 1 / step of each input, a power of two */
    int64_t *sums;     /* [groups * cols] */
    int64_t *products; /* [groups, cols, cols], lower triangles */
    int16_t *pending;  /* [groups * cols, block] */
};

/* Inverse of the least power-of-two step that holds `most` in the codes; steps
 * below 2^-120, whose inverse is no float, are not taken. */
static float inverse_step(float most)
{
    int power;
    if (!(most > 0.0F) || !isfinite(most)) {
        return 1.0F;
    }
    double m = frexp((double)most / QN_GRAM_MOST, &power);
    power = m > 0.5 ? -power : 1 - power;
    return (float)ldexp(1.0, power < 120 ? power : 120);
}

/* Many groups have small matrices, which wait less long for a product: else
 * what waits would take more than they do. */
static size_t block_of(size_t groups)
{
    return groups > 1 ? QN_GRAM_BLOCK / 4 : QN_GRAM_BLOCK;
}

size_t quern_gram_size(size_t groups, size_t cols)
{
    size_t n;
    size_t of_input;
    bool fits = qn_mul(cols, sizeof(int64_t), &of_input) &&
                of_input <= SIZE_MAX / 2 && qn_mul(groups, cols, &n) &&
                qn_mul(n,
                       of_input + sizeof(float) + sizeof(int64_t) +
                           block_of(groups) * sizeof(int16_t),
                       &n);
    return fits ? n : SIZE_MAX;
}

enum quern_code quern_gram_create(struct quern_context *context, size_t groups,
                                  size_t cols, const float *abs_max,
                                  struct quern_gram **out_gram)
{
    size_t size = quern_gram_size(groups, cols);
    if (groups == 0 || cols == 0) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "second moments of %zu groups of %zu inputs; need "
                          "one of each",
                          groups, cols);
    }
    if (size == SIZE_MAX || size > context->max_memory) {
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
    gram->block = block_of(groups);
    gram->products = qn_calloc_n(n, cols * sizeof *gram->products);
    gram->pending = qn_calloc_n(n, gram->block * sizeof *gram->pending);
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
        qn_gram_block(from->pending + g * n * gram->block, n, gram->block,
                      gram->products + g * n * n, gram->sums + g * n);
    }
}

static void flush(struct quern_gram *gram)
{
    size_t n = gram->groups * gram->cols;
    take_pending(gram, gram);
    memset(gram->pending, 0, n * gram->block * sizeof *gram->pending);
    gram->n_pending = 0;
}

enum quern_code qn_gram_check(struct quern_context *context,
                              const struct quern_gram *gram, uint64_t n)
{
    const uint64_t most = (uint64_t)1 << 40;
    if (n >= most || gram->n_rows + n >= most) {
        return quern_fail(context, QUERN_LIMIT, NULL,
                          "second moments of 2^40 vectors or more");
    }
    return QUERN_OK;
}

size_t qn_gram_space(const struct quern_gram *gram)
{
    return gram->block - gram->n_pending;
}

void qn_gram_put(struct quern_gram *gram, size_t k, const float *data,
                 const int64_t *offsets, size_t n)
{
    float values[QN_GRAM_BLOCK];
    for (size_t r = 0; r < n; r++) {
        values[r] = offsets[r] < 0 ? 0.0F : data[offsets[r]];
    }
    qn_gram_codes(values, n, gram->inverse[k],
                  gram->pending + k * gram->block + gram->n_pending);
}

void qn_gram_advance(struct quern_gram *gram, size_t n)
{
    gram->n_pending += n;
    gram->n_rows += n;
    if (gram->n_pending == gram->block) {
        flush(gram);
    }
}

enum quern_code quern_gram_add(struct quern_context *context,
                               struct quern_gram *gram, const float *data,
                               size_t n, size_t row_stride)
{
    int64_t offsets[QN_GRAM_BLOCK];
    size_t n_inputs = gram->groups * gram->cols;
    if (row_stride < n_inputs) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "vectors %zu apart; need %zu inputs each", row_stride,
                          n_inputs);
    }
    enum quern_code code = qn_gram_check(context, gram, n);
    for (size_t r = 0; r < QN_GRAM_BLOCK; r++) {
        offsets[r] = (int64_t)(r * row_stride);
    }
    for (size_t done = 0; done < n && code == QUERN_OK;) {
        size_t space = qn_gram_space(gram);
        size_t m = n - done < space ? n - done : space;
        for (size_t k = 0; k < n_inputs; k++) {
            qn_gram_put(gram, k, data + done * row_stride + k, offsets, m);
        }
        qn_gram_advance(gram, m);
        done += m;
    }
    return code;
}

enum quern_code quern_gram_merge(struct quern_context *context,
                                 struct quern_gram *gram,
                                 const struct quern_gram *other)
{
    size_t n = gram->groups * gram->cols;
    if (gram->groups != other->groups || gram->cols != other->cols ||
        memcmp(gram->inverse, other->inverse, n * sizeof(float)) != 0) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "second moments of %zu x %zu inputs merged into %zu "
                          "x %zu with steps of their own",
                          other->groups, other->cols, gram->groups, gram->cols);
    }
    enum quern_code code = qn_gram_check(context, gram, other->n_rows);
    if (code != QUERN_OK) {
        return code;
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
    const float *inverse = gram->inverse + group * n;
    double rows = gram->n_rows > 0 ? (double)gram->n_rows : 1.0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            double moment = (double)products[i * n + j] / rows /
                            (double)inverse[i] / (double)inverse[j];
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
        out_mean[k] = (double)gram->sums[k] / rows / (double)gram->inverse[k];
    }
}
