/* Transposed convolutions in plain C. float only. */
#include "exec/ops.h"
#include "exec/window.h"

#include <string.h>

static const float *floats(const struct qn_array *a)
{
    return (const float *)(const void *)a->data;
}

/* -------------------------------------------------------- ConvTranspose */

/* Numbers of an attribute, none below 0 and none that sums overflow with. */
static enum quern_code read_sizes(struct qn_run *run, const struct qn_op *op,
                                  const char *name, const int64_t **out,
                                  size_t *out_n)
{
    *out_n = 0;
    (void)!quern_node_attr_ints(op->node, name, out, out_n);
    for (size_t i = 0; i < *out_n; i++) {
        if ((*out)[i] < 0 || (*out)[i] > INT32_MAX) {
            return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                              "attribute '%s' holds %lld, needs 0 to %d", name,
                              (long long)(*out)[i], INT32_MAX);
        }
    }
    return QUERN_OK;
}

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
    (void)!quern_node_attr_string(op->node, "auto_pad", &mode, NULL);
    enum quern_code code =
        read_sizes(run, op, "output_padding", &extra, &n_extra);
    if (code == QUERN_OK) {
        code = read_sizes(run, op, "output_shape", &shape, &n_shape);
    }
    if (code != QUERN_OK) {
        return code;
    }
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

/* Inputs of a transposed convolution, and its window. */
struct deconv {
    const struct qn_array *x;
    const struct qn_array *weights; /* [C, channels / group, kernel…] */
    const struct qn_array *bias;    /* NULL: none */
    int64_t channels;               /* of the output */
    struct qn_window w;
};

static enum quern_code read_inputs(struct qn_run *run, const struct qn_op *op,
                                   struct deconv *d)
{
    d->weights = qn_in_packed(run, op, 1);
    d->bias = op->n_in > 2 ? qn_in_packed(run, op, 2) : NULL;
    d->x = qn_in_packed(run, op, 0);
    if (d->x == NULL || d->weights == NULL || d->x->rank < 3 ||
        d->weights->rank != d->x->rank ||
        d->weights->dims[0] != d->x->dims[1]) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "inputs are missing or do not fit");
    }
    if (d->x->dtype != QUERN_FLOAT || d->weights->dtype != QUERN_FLOAT ||
        (d->bias != NULL && d->bias->dtype != QUERN_FLOAT)) {
        return qn_op_fail(
            run, op, QUERN_UNSUPPORTED, "input of type %s, weights of type %s",
            quern_dtype_name(d->x->dtype), quern_dtype_name(d->weights->dtype));
    }
    int n = d->x->rank - 2;
    enum quern_code code = qn_window_limits(run, op, d->x->dims + 2, n);
    return code == QUERN_OK ? qn_window_limits(run, op, d->weights->dims + 2, n)
                            : code;
}

static enum quern_code read_window(struct qn_run *run, const struct qn_op *op,
                                   struct deconv *d)
{
    /* Windows of Conv must fit into their input: here they need not. */
    struct qn_array wide = *d->x;
    for (int i = 2; i < wide.rank; i++) {
        wide.dims[i] += d->weights->dims[i] * 4096;
    }
    enum quern_code code =
        qn_window_init(run, op, &wide, d->weights->dims + 2, &d->w);
    if (code != QUERN_OK) {
        return code;
    }
    for (int i = 0; i < d->w.n; i++) {
        d->w.in[QN_WINDOW_AXES - d->w.n + i] = d->x->dims[2 + i];
    }
    int64_t group = d->w.group;
    if (group < 1 || d->x->dims[1] % group != 0 ||
        __builtin_mul_overflow(d->weights->dims[1], group, &d->channels)) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "%lld channels in groups of %lld",
                          (long long)d->x->dims[1], (long long)group);
    }
    if (d->bias != NULL && d->bias->len != d->channels) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "bias of %lld elements for %lld channels",
                          (long long)d->bias->len, (long long)d->channels);
    }
    return transpose_out(run, op, &d->w);
}

static void fill_bias(const struct deconv *d, float *out, int64_t len)
{
    const int64_t *n = d->w.out;
    int64_t positions = n[0] * n[1] * n[2];
    for (int64_t i = 0; i < len; i++) {
        int64_t c = i / positions % d->channels;
        out[i] = d->bias != NULL ? floats(d->bias)[c] : 0.0f;
    }
}

static void scatter_all(const struct deconv *d, float *out)
{
    const struct qn_window *w = &d->w;
    int64_t image = w->in[0] * w->in[1] * w->in[2];
    int64_t positions = w->out[0] * w->out[1] * w->out[2];
    int64_t taps = w->kernel[0] * w->kernel[1] * w->kernel[2];
    int64_t per_group = d->weights->dims[1];
    int64_t in_per_group = d->x->dims[1] / w->group;
    for (int64_t i = 0; i < d->x->dims[0] * d->x->dims[1]; i++) {
        int64_t c = i % d->x->dims[1];
        int64_t batch = i / d->x->dims[1];
        int64_t first = c / in_per_group * per_group;
        for (int64_t o = 0; o < per_group; o++) {
            scatter(w, floats(d->x) + i * image,
                    floats(d->weights) + (c * per_group + o) * taps,
                    out + (batch * d->channels + first + o) * positions);
        }
    }
}

enum quern_code qn_op_conv_transpose(struct qn_run *run, const struct qn_op *op)
{
    struct deconv d;
    int64_t dims[QUERN_MAX_RANK];
    struct qn_array *y = NULL;
    enum quern_code code = read_inputs(run, op, &d);
    if (code == QUERN_OK) {
        code = read_window(run, op, &d);
    }
    if (code == QUERN_OK) {
        int rank = qn_window_dims(&d.w, d.x->dims[0], d.channels, dims);
        code = qn_out(run, op, 0, QUERN_FLOAT, rank, dims, &y);
    }
    if (code == QUERN_OK && y != NULL && y->len > 0) {
        fill_bias(&d, (float *)(void *)y->data, y->len);
        scatter_all(&d, (float *)(void *)y->data);
    }
    return code;
}
