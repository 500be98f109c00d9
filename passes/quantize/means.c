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

void qn_channel_means(const float *data, const struct qn_layout *l, double *out)
{
    memset(out, 0, l->channels * sizeof *out);
    for (size_t o = 0; o < l->outer; o++) {
        const float *block = data + o * l->channels * l->inner;
        for (size_t c = 0; l->inner == 1 && c < l->channels; c++) {
            out[c] += (double)block[c];
        }
        if (l->inner != 1) {
            sum_block(block, l->channels, l->inner, out);
        }
    }
    for (size_t c = 0; c < l->channels; c++) {
        out[c] /= (double)(l->outer * l->inner);
    }
}
