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

void qn_channel_means(const float *data, const struct qn_layout *l, double *out)
{
    memset(out, 0, l->channels * sizeof *out);
    for (size_t o = 0; o < l->outer; o++) {
        for (size_t c = 0; c < l->channels; c++) {
            double sum = 0.0;
            for (size_t i = 0; i < l->inner; i++) {
                sum += (double)*data++;
            }
            out[c] += sum;
        }
    }
    for (size_t c = 0; c < l->channels; c++) {
        out[c] /= (double)(l->outer * l->inner);
    }
}
