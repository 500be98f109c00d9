/* Convolutions in plain C: columns of the image times the weights; depthwise
 * ones directly. float only. */
#include "exec/ops.h"
#include "exec/prepare.h"
#include "exec/window.h"

#include <string.h>

enum quern_code qn_prepare_conv(struct quern_engine *e, struct qn_op *op)
{
    (void)e;
    (void)op;
    return QUERN_OK;
}

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

struct conv {
    const struct qn_array *x;
    const struct qn_array *weights;
    const float *bias;
    struct qn_array *y;
    struct qn_window w;
    int64_t in_per_group;
    int64_t out_per_group;
    int64_t image; /* elements of an input channel */
    int64_t positions;
};

static enum quern_code convolve(struct qn_run *run, const struct conv *c)
{
    const struct qn_kernels *k = run->kernels;
    int64_t taps = c->weights->len / c->weights->dims[0];
    size_t padded = ((size_t)c->positions + k->panel - 1) / k->panel * k->panel;
    struct qn_chunk *col =
        qn_scratch(run, (size_t)(taps * c->positions) * 4 + 64);
    struct qn_chunk *packed = qn_scratch(run, (size_t)taps * padded * 4 + 64);
    bool good = col != NULL && packed != NULL;
    for (int64_t g = 0; good && g < c->x->dims[0] * c->w.group; g++) {
        int64_t group = g % c->w.group;
        const float *x = floats(c->x) + g * c->in_per_group * c->image;
        float *y =
            (float *)(void *)c->y->data + g * c->out_per_group * c->positions;
        columns(&c->w, x, c->in_per_group, (float *)(void *)col->data);
        k->pack_b((size_t)taps, (size_t)c->positions,
                  (float *)(void *)col->data, c->positions, 1,
                  (float *)(void *)packed->data);
        k->gemm((size_t)c->out_per_group, (size_t)c->positions, (size_t)taps,
                floats(c->weights) + group * c->out_per_group * taps,
                (size_t)taps, (float *)(void *)packed->data, y,
                (size_t)c->positions, false);
        for (int64_t o = 0; c->bias != NULL && o < c->out_per_group; o++) {
            float bias = c->bias[group * c->out_per_group + o];
            for (int64_t i = 0; i < c->positions; i++) {
                y[o * c->positions + i] += bias;
            }
        }
    }
    qn_chunk_put(&run->chunks, packed);
    qn_chunk_put(&run->chunks, col);
    return good ? QUERN_OK : run->context->diag.error.code;
}

enum quern_code qn_op_conv(struct qn_run *run, const struct qn_op *op)
{
    struct conv c = {.weights = qn_in_packed(run, op, 1)};
    const struct qn_array *bias =
        op->n_in > 2 ? qn_in_packed(run, op, 2) : NULL;
    c.x = qn_in_packed(run, op, 0);
    if (c.x == NULL || c.weights == NULL || c.x->rank < 3 ||
        c.weights->rank != c.x->rank) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "inputs are missing or of the wrong rank");
    }
    if (c.x->dtype != QUERN_FLOAT || c.weights->dtype != QUERN_FLOAT) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED, "input of type %s",
                          quern_dtype_name(c.x->dtype));
    }
    enum quern_code code =
        qn_window_init(run, op, c.x, c.weights->dims + 2, &c.w);
    if (code != QUERN_OK) {
        return code;
    }
    int64_t filters = c.weights->dims[0];
    c.in_per_group = c.weights->dims[1];
    if (c.w.group < 1 || filters % c.w.group != 0 ||
        c.in_per_group * c.w.group != c.x->dims[1] ||
        (bias != NULL && bias->len != filters)) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "%lld channels, %lld groups, weights for %lld",
                          (long long)c.x->dims[1], (long long)c.w.group,
                          (long long)c.in_per_group);
    }
    c.out_per_group = filters / c.w.group;
    c.bias = bias != NULL ? floats(bias) : NULL;
    c.image = c.w.in[0] * c.w.in[1] * c.w.in[2];
    c.positions = c.w.out[0] * c.w.out[1] * c.w.out[2];
    int64_t dims[QUERN_MAX_RANK];
    int rank = qn_window_dims(&c.w, c.x->dims[0], filters, dims);
    code = qn_out(run, op, 0, QUERN_FLOAT, rank, dims, &c.y);
    if (code != QUERN_OK || c.y == NULL || c.y->len == 0) {
        return code;
    }
    if (c.in_per_group > 1 || c.out_per_group > 1) {
        return convolve(run, &c);
    }
    int64_t taps = c.weights->len / filters;
    for (int64_t i = 0; i < c.x->dims[0] * filters; i++) {
        int64_t f = i % filters;
        depthwise(&c.w, floats(c.x) + i * c.image, floats(c.weights) + f * taps,
                  c.bias != NULL ? c.bias[f] : 0.0f,
                  (float *)(void *)c.y->data + i * c.positions);
    }
    return QUERN_OK;
}

/* -------------------------------------------------------- ConvTranspose */

/* Output size from output_shape, or strides, kernel and pads
 * (ConvTranspose-22).
 */
static enum quern_code transpose_out(struct qn_run *run, const struct qn_op *op,
                                     struct qn_window *w)
{
    const int64_t *extra = NULL;
    const int64_t *shape = NULL;
    size_t n_extra = 0;
    size_t n_shape = 0;
    const char *mode = "NOTSET";
    (void)!quern_node_attr_ints(op->node, "output_padding", &extra, &n_extra);
    (void)!quern_node_attr_ints(op->node, "output_shape", &shape, &n_shape);
    (void)!quern_node_attr_string(op->node, "auto_pad", &mode, NULL);
    for (int i = 0; i < QN_WINDOW_AXES; i++) {
        int k = i - (QN_WINDOW_AXES - w->n);
        int64_t add = k >= 0 && (size_t)k < n_extra ? extra[k] : 0;
        int64_t full = (w->in[i] - 1) * w->stride[i] + add +
                       (w->kernel[i] - 1) * w->dilation[i] + 1;
        bool same = strncmp(mode, "SAME", 4) == 0;
        if (k >= 0 && ((size_t)k < n_shape || same)) {
            int64_t want =
                (size_t)k < n_shape ? shape[k] : w->in[i] * w->stride[i];
            int64_t total = full - want;
            bool upper = strcmp(mode, "SAME_UPPER") == 0;
            w->pad[i] = upper ? total / 2 : total - total / 2;
            /* A wanted shape beyond the full one is filled up at its end. */
            w->pad[i] = total > 0 ? w->pad[i] : 0;
            w->pad_end[i] = total - w->pad[i];
        }
        w->out[i] = full - w->pad[i] - w->pad_end[i];
        if (w->out[i] < 0) {
            return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                              "output would have %lld elements along an axis",
                              (long long)w->out[i]);
        }
    }
    return QUERN_OK;
}

/* Each input element adds its scaled filter to the output. */
static void scatter(const struct qn_window *w, const float *x,
                    const float *filter, float *y)
{
    const int64_t *k = w->kernel;
    for (int64_t t = 0; t < k[0] * k[1] * k[2]; t++) {
        for (int64_t p = 0; p < w->in[0] * w->in[1]; p++) {
            int64_t z = p / w->in[1] * w->stride[0] - w->pad[0] +
                        t / (k[1] * k[2]) * w->dilation[0];
            int64_t yy = p % w->in[1] * w->stride[1] - w->pad[1] +
                         t / k[2] % k[1] * w->dilation[1];
            if (z < 0 || z >= w->out[0] || yy < 0 || yy >= w->out[1]) {
                continue;
            }
            float *row = y + (z * w->out[1] + yy) * w->out[2];
            for (int64_t i = 0; i < w->in[2]; i++) {
                int64_t xx =
                    i * w->stride[2] - w->pad[2] + t % k[2] * w->dilation[2];
                if (xx >= 0 && xx < w->out[2]) {
                    row[xx] += x[p * w->in[2] + i] * filter[t];
                }
            }
        }
    }
}

enum quern_code qn_op_conv_transpose(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *weights = qn_in_packed(run, op, 1);
    const struct qn_array *bias =
        op->n_in > 2 ? qn_in_packed(run, op, 2) : NULL;
    const struct qn_array *x = qn_in_packed(run, op, 0);
    struct qn_window w;
    if (x == NULL || weights == NULL || x->rank < 3 ||
        weights->rank != x->rank || weights->dims[0] != x->dims[1]) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "inputs are missing or do not fit");
    }
    if (x->dtype != QUERN_FLOAT || weights->dtype != QUERN_FLOAT) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED, "input of type %s",
                          quern_dtype_name(x->dtype));
    }
    struct qn_array wide =
        *x; /* windows of Conv must fit: here they need not */
    for (int i = 2; i < x->rank; i++) {
        wide.dims[i] += weights->dims[i] * 4096;
    }
    enum quern_code code =
        qn_window_init(run, op, &wide, weights->dims + 2, &w);
    for (int i = 0; i < w.n; i++) {
        w.in[QN_WINDOW_AXES - w.n + i] = x->dims[2 + i];
    }
    if (code == QUERN_OK) {
        code = transpose_out(run, op, &w);
    }
    if (code != QUERN_OK) {
        return code;
    }
    int64_t per_group = weights->dims[1];
    int64_t channels = per_group * w.group;
    int64_t dims[QUERN_MAX_RANK];
    struct qn_array *y = NULL;
    int rank = qn_window_dims(&w, x->dims[0], channels, dims);
    code = w.group < 1 || x->dims[1] % w.group != 0
               ? qn_op_fail(run, op, QUERN_INVALID_MODEL, "bad group")
               : qn_out(run, op, 0, QUERN_FLOAT, rank, dims, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    int64_t image = w.in[0] * w.in[1] * w.in[2];
    int64_t positions = w.out[0] * w.out[1] * w.out[2];
    int64_t taps = w.kernel[0] * w.kernel[1] * w.kernel[2];
    int64_t in_per_group = x->dims[1] / w.group;
    float *out = (float *)(void *)y->data;
    for (int64_t i = 0; i < y->len; i++) {
        int64_t c = positions > 0 ? i / positions % channels : 0;
        out[i] = bias != NULL ? floats(bias)[c] : 0.0f;
    }
    for (int64_t i = 0; i < x->dims[0] * x->dims[1]; i++) {
        int64_t c = i % x->dims[1];
        int64_t batch = i / x->dims[1];
        int64_t first = c / in_per_group * per_group;
        for (int64_t o = 0; o < per_group; o++) {
            scatter(&w, floats(x) + i * image,
                    floats(weights) + (c * per_group + o) * taps,
                    out + (batch * channels + first + o) * positions);
        }
    }
    return QUERN_OK;
}
