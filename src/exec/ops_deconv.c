/* Transposed convolutions in plain C. float only. */
#include "exec/ops.h"
#include "exec/window.h"

#include <string.h>

static const float *floats(const struct qn_array *a)
{
    return (const float *)(const void *)a->data;
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
