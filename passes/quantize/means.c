/* Means of output channels, sample by sample. */
#include "quantize/means.h"

#include <stdlib.h>
#include <string.h>

static enum quern_code keep_block(struct quern_pass_ctx *ctx, size_t n,
                                  size_t size, void **out)
{
    *out = calloc(n + 1, size);
    return *out != NULL ? quern_pass_keep(ctx, *out, free)
                        : quern_fail(quern_pass_context(ctx), QUERN_NO_MEMORY,
                                     NULL, "out of memory");
}

enum quern_code qn_means_init(struct quern_pass_ctx *ctx,
                              const struct qn_sampling *sampling,
                              size_t channels, struct qn_means *m)
{
    void *means = NULL;
    void *counts = NULL;
    enum quern_code code =
        keep_block(ctx, sampling->n * channels, sizeof(float), &means);
    if (code == QUERN_OK) {
        code = keep_block(ctx, sampling->n, sizeof(double), &counts);
    }
    *m = (struct qn_means){means, counts, channels, sampling};
    return code;
}

/* Sums of four channels that lie one behind the other: four chains of
 * additions, each in the order of the elements. */
static void sum_four(const float *data, size_t inner, double *out)
{
    double sum[4] = {0.0, 0.0, 0.0, 0.0};
    for (size_t i = 0; i < inner; i++) {
        for (size_t k = 0; k < 4; k++) {
            sum[k] += (double)data[k * inner + i];
        }
    }
    for (size_t k = 0; k < 4; k++) {
        out[k] += sum[k];
    }
}

static void sum_block(const float *data, size_t channels, size_t inner,
                      double *out)
{
    size_t c = 0;
    for (; c + 4 <= channels; c += 4) {
        sum_four(data + c * inner, inner, out + c);
    }
    for (; c < channels; c++) {
        double sum = 0.0;
        for (size_t i = 0; i < inner; i++) {
            sum += (double)data[c * inner + i];
        }
        out[c] += sum;
    }
}

/* Channels that are summed at a time: a line of a cache. */
enum { COLUMNS = 16 };

/* Sums of n <= COLUMNS channels that lie next to each other, each in the order
 * of the rows. `n` is a constant where this is inlined, but at the end. */
static inline void sum_columns(const float *data, size_t rows, size_t channels,
                               size_t n, double *out)
{
    double sum[COLUMNS] = {0.0};
    for (size_t o = 0; o < rows; o++) {
        for (size_t k = 0; k < n; k++) {
            sum[k] += (double)data[o * channels + k];
        }
    }
    memcpy(out, sum, n * sizeof *out);
}

static void sum_rows(const float *data, size_t rows, size_t channels,
                     double *out)
{
    size_t c = 0;
    for (; c + COLUMNS <= channels; c += COLUMNS) {
        sum_columns(data + c, rows, channels, COLUMNS, out + c);
    }
    if (c < channels) {
        sum_columns(data + c, rows, channels, channels - c, out + c);
    }
}

void qn_channel_means(const float *data, const struct qn_layout *l, double *out)
{
    memset(out, 0, l->channels * sizeof *out);
    if (l->inner == 1) {
        sum_rows(data, l->outer, l->channels, out);
    }
    for (size_t o = 0; l->inner != 1 && o < l->outer; o++) {
        sum_block(data + o * l->channels * l->inner, l->channels, l->inner,
                  out);
    }
    for (size_t c = 0; c < l->channels; c++) {
        out[c] /= (double)(l->outer * l->inner);
    }
}
