/* Convolutions in plain C: columns of the image times the weights; depthwise
 * ones directly. float only; everything row-major. */
#include "exec/conv.h"

#include <string.h>

static const float *floats(const struct qn_array *a)
{
    return (const float *)(const void *)a->data;
}

/* Columns [channels * kernel, out positions] of one image and group. */
static void columns(const struct qn_window *w, const float *x, int64_t channels,
                    float *col)
{
    const int64_t *k = w->kernel;
    const int64_t *o = w->out;
    for (int64_t c = 0; c < channels; c++) {
        const float *image = x + c * w->in[0] * w->in[1] * w->in[2];
        for (int64_t t = 0; t < k[0] * k[1] * k[2]; t++) {
            int64_t tz = t / (k[1] * k[2]);
            int64_t ty = t / k[2] % k[1];
            int64_t tx = t % k[2];
            for (int64_t p = 0; p < o[0] * o[1]; p++) {
                int64_t z =
                    p / o[1] * w->stride[0] - w->pad[0] + tz * w->dilation[0];
                int64_t y =
                    p % o[1] * w->stride[1] - w->pad[1] + ty * w->dilation[1];
                bool inside = z >= 0 && z < w->in[0] && y >= 0 && y < w->in[1];
                const float *row =
                    inside ? image + (z * w->in[1] + y) * w->in[2] : NULL;
                for (int64_t i = 0; i < o[2]; i++) {
                    int64_t xi =
                        i * w->stride[2] - w->pad[2] + tx * w->dilation[2];
                    *col++ =
                        inside && xi >= 0 && xi < w->in[2] ? row[xi] : 0.0f;
                }
            }
        }
    }
}

/* One channel with one filter. */
static void depthwise(const struct qn_window *w, const float *x,
                      const float *filter, float bias, float *y)
{
    const int64_t *k = w->kernel;
    for (int64_t p = 0; p < w->out[0] * w->out[1]; p++) {
        int64_t oz = p / w->out[1];
        int64_t oy = p % w->out[1];
        float *row = y + p * w->out[2];
        for (int64_t i = 0; i < w->out[2]; i++) {
            row[i] = bias;
        }
        for (int64_t t = 0; t < k[0] * k[1] * k[2]; t++) {
            int64_t z = oz * w->stride[0] - w->pad[0] +
                        t / (k[1] * k[2]) * w->dilation[0];
            int64_t yy = oy * w->stride[1] - w->pad[1] +
                         t / k[2] % k[1] * w->dilation[1];
            if (z < 0 || z >= w->in[0] || yy < 0 || yy >= w->in[1]) {
                continue;
            }
            const float *from = x + (z * w->in[1] + yy) * w->in[2];
            int64_t shift = t % k[2] * w->dilation[2] - w->pad[2];
            int64_t s = w->stride[2];
            int64_t first = shift < 0 ? (-shift + s - 1) / s : 0;
            int64_t last = (w->in[2] - 1 - shift) / s;
            last = w->in[2] - 1 - shift < 0 ? -1 : last;
            last = last < w->out[2] - 1 ? last : w->out[2] - 1;
            float weight = filter[t];
            for (int64_t i = first; i <= last; i++) {
                row[i] += weight * from[i * s + shift];
            }
        }
    }
}

static enum quern_code convolve(struct qn_run *run,
                                const struct qn_conv_plain *c)
{
    const struct qn_kernels *k = run->kernels;
    int64_t taps = c->weights->len / c->weights->dims[0];
    int64_t image = c->w.in[0] * c->w.in[1] * c->w.in[2];
    int64_t positions = c->w.out[0] * c->w.out[1] * c->w.out[2];
    int64_t n_in = c->weights->dims[1];
    int64_t n_out = c->weights->dims[0] / c->w.group;
    size_t panel = k->panel();
    size_t padded = ((size_t)positions + panel - 1) / panel * panel;
    struct qn_chunk *col = qn_scratch(run, (size_t)(taps * positions) * 4 + 64);
    struct qn_chunk *packed = qn_scratch(run, (size_t)taps * padded * 4 + 64);
    bool good = col != NULL && packed != NULL;
    for (int64_t g = 0; good && g < c->x->dims[0] * c->w.group; g++) {
        int64_t first = g % c->w.group * n_out;
        float *y = (float *)(void *)c->y->data + g * n_out * positions;
        columns(&c->w, floats(c->x) + g * n_in * image, n_in,
                (float *)(void *)col->data);
        k->pack_b((size_t)taps, (size_t)positions,
                  (const float *)(const void *)col->data, positions, 1,
                  (float *)(void *)packed->data);
        struct qn_product product = {
            .m = (size_t)n_out,
            .n = (size_t)positions,
            .k = (size_t)taps,
            .a = floats(c->weights) + first * taps,
            .lda = (size_t)taps,
            .packed = (const float *)(const void *)packed->data,
            .c = y,
            .ldc = (size_t)positions,
        };
        k->gemm(&product);
        for (int64_t o = 0; c->bias != NULL && o < n_out; o++) {
            for (int64_t i = 0; i < positions; i++) {
                y[o * positions + i] += c->bias[first + o];
            }
        }
    }
    qn_chunk_put(&run->chunks, packed);
    qn_chunk_put(&run->chunks, col);
    return good ? QUERN_OK : run->context->diag.error.code;
}

enum quern_code qn_conv_plain(struct qn_run *run, const struct qn_conv_plain *c)
{
    int64_t filters = c->weights->dims[0];
    if (c->weights->dims[1] > 1 || filters != c->w.group) {
        return convolve(run, c);
    }
    int64_t taps = c->weights->len / filters;
    int64_t image = c->w.in[0] * c->w.in[1] * c->w.in[2];
    int64_t positions = c->w.out[0] * c->w.out[1] * c->w.out[2];
    for (int64_t i = 0; i < c->x->dims[0] * filters; i++) {
        int64_t f = i % filters;
        depthwise(&c->w, floats(c->x) + i * image,
                  floats(c->weights) + f * taps,
                  c->bias != NULL ? c->bias[f] : 0.0f,
                  (float *)(void *)c->y->data + i * positions);
    }
    return QUERN_OK;
}
