/* Sliding windows: attributes of Conv and pooling (ONNX Conv-22, MaxPool-22,
 * AveragePool-22). */
#include "exec/window.h"

#include "exec/ops.h"

#include <string.h>

static enum quern_code bad(struct qn_run *run, const struct qn_op *op,
                           const char *name)
{
    return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                      "attribute '%s' does not fit the input", name);
}

/* An attribute of one number an axis; absent: `fallback`. */
static enum quern_code read(struct qn_run *run, const struct qn_op *op,
                            const char *name, int n, int64_t least,
                            int64_t fallback, int64_t *out)
{
    const int64_t *values = NULL;
    size_t len = 0;
    int shift = QN_WINDOW_AXES - n;
    if (quern_node_attr_ints(op->node, name, &values, &len) != QUERN_OK) {
        for (int i = 0; i < n; i++) {
            out[shift + i] = fallback;
        }
        return QUERN_OK;
    }
    if (len != (size_t)n) {
        return bad(run, op, name);
    }
    for (int i = 0; i < n; i++) {
        if (values[i] < least || values[i] > INT32_MAX) {
            return bad(run, op, name);
        }
        out[shift + i] = values[i];
    }
    return QUERN_OK;
}

static enum quern_code read_pads(struct qn_run *run, const struct qn_op *op,
                                 struct qn_window *w)
{
    const char *mode = "NOTSET";
    const int64_t *pads = NULL;
    size_t len = 0;
    int shift = QN_WINDOW_AXES - w->n;
    (void)!quern_node_attr_string(op->node, "auto_pad", &mode, NULL);
    if (strcmp(mode, "NOTSET") == 0 || *mode == '\0') {
        if (quern_node_attr_ints(op->node, "pads", &pads, &len) != QUERN_OK) {
            return QUERN_OK;
        }
        if (len != 2 * (size_t)w->n) {
            return bad(run, op, "pads");
        }
        for (size_t i = 0; i < len; i++) {
            if (pads[i] < INT32_MIN || pads[i] > INT32_MAX) {
                return bad(run, op, "pads");
            }
        }
        for (int i = 0; i < w->n; i++) {
            w->pad[shift + i] = pads[i];
            w->pad_end[shift + i] = pads[w->n + i];
        }
        return QUERN_OK;
    }
    if (strcmp(mode, "VALID") == 0) {
        return QUERN_OK;
    }
    for (int i = shift; i < QN_WINDOW_AXES; i++) {
        int64_t out = (w->in[i] + w->stride[i] - 1) / w->stride[i];
        int64_t total = (out - 1) * w->stride[i] +
                        (w->kernel[i] - 1) * w->dilation[i] + 1 - w->in[i];
        /* Less than nothing where strides leave out some of the input: ONNX
         * Runtime cuts it then, at both ends and with this rounding. */
        bool lower = strcmp(mode, "SAME_LOWER") == 0;
        w->pad[i] = (total + lower + (total < 0)) / 2;
        w->pad_end[i] = total - w->pad[i];
    }
    return QUERN_OK;
}

/* Sizes of the output. A window of a pool that is larger than its padded input
 * is refused where that leaves less than nothing; the division cuts towards
 * zero, as in ONNX and ONNX Runtime, so that strides may leave one window. A
 * Conv has no such window. */
static enum quern_code set_out(struct qn_run *run, const struct qn_op *op,
                               bool is_pool, struct qn_window *w)
{
    bool up = quern_node_int(op->node, "ceil_mode", 0) != 0;
    for (int i = 0; i < QN_WINDOW_AXES; i++) {
        int64_t reach = (w->kernel[i] - 1) * w->dilation[i] + 1;
        int64_t room = w->in[i] + w->pad[i] + w->pad_end[i] - reach;
        if (room < 0 && (!is_pool || room / w->stride[i] + 1 < 0)) {
            return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                              "window of %lld is larger than its input of "
                              "%lld with pads",
                              (long long)reach, (long long)(room + reach));
        }
        w->out[i] = room / w->stride[i] + 1;
        w->out[i] += up && room > 0 && room % w->stride[i] != 0;
        /* A last window must begin inside. */
        w->out[i] -=
            up && (w->out[i] - 1) * w->stride[i] >= w->in[i] + w->pad[i];
    }
    return QUERN_OK;
}

enum quern_code qn_window_limits(struct qn_run *run, const struct qn_op *op,
                                 const int64_t *dims, int n)
{
    for (int i = 0; i < n; i++) {
        if (dims[i] > INT32_MAX) {
            return qn_op_fail(run, op, QUERN_LIMIT,
                              "%lld elements along an axis, at most %d",
                              (long long)dims[i], INT32_MAX);
        }
    }
    return QUERN_OK;
}

enum quern_code qn_window_init(struct qn_run *run, const struct qn_op *op,
                               const struct qn_array *x, const int64_t *kernel,
                               struct qn_window *w)
{
    int n = x->rank - 2;
    memset(w, 0, sizeof *w);
    if (n < 1 || n > QN_WINDOW_AXES) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED, "input of rank %d",
                          x->rank);
    }
    w->n = n;
    int shift = QN_WINDOW_AXES - n;
    for (int i = 0; i < QN_WINDOW_AXES; i++) {
        w->in[i] = i < shift ? 1 : x->dims[2 + i - shift];
        w->kernel[i] = w->stride[i] = w->dilation[i] = 1;
    }
    w->group = quern_node_int(op->node, "group", 1);
    enum quern_code code = qn_window_limits(run, op, x->dims + 2, n);
    if (code == QUERN_OK && kernel != NULL) {
        code = qn_window_limits(run, op, kernel, n);
    }
    for (int i = 0; kernel != NULL && i < n; i++) {
        w->kernel[shift + i] = kernel[i];
    }
    if (code == QUERN_OK && kernel == NULL) {
        code = read(run, op, "kernel_shape", n, 1, 1, w->kernel);
    }
    if (code == QUERN_OK) {
        code = read(run, op, "strides", n, 1, 1, w->stride);
    }
    if (code == QUERN_OK) {
        code = read(run, op, "dilations", n, 1, 1, w->dilation);
    }
    if (code == QUERN_OK) {
        code = read_pads(run, op, w);
    }
    return code == QUERN_OK ? set_out(run, op, kernel == NULL, w) : code;
}

int qn_window_dims(const struct qn_window *w, int64_t batch, int64_t channels,
                   int64_t *out_dims)
{
    out_dims[0] = batch;
    out_dims[1] = channels;
    for (int i = 0; i < w->n; i++) {
        out_dims[2 + i] = w->out[QN_WINDOW_AXES - w->n + i];
    }
    return 2 + w->n;
}
