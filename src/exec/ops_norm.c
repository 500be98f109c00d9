/* Softmax and normalizations. */
#include "exec/fuse.h"
#include "exec/nest.h"
#include "exec/ops.h"

#include <math.h>
#include <string.h>

static enum quern_code needs_float(struct qn_run *run, const struct qn_op *op,
                                   const struct qn_array *x)
{
    return qn_op_fail(run, op, QUERN_UNSUPPORTED, "input of type %s",
                      quern_dtype_name(x->dtype));
}

static float *floats(const struct qn_array *a)
{
    return (float *)(void *)a->data;
}

/* Logs of the softmax: x - max - log(sum(exp(x - max))). */
static void log_softmax(const struct qn_kernels *k, const float *x, float *y,
                        size_t n)
{
    float top = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        top = x[i] > top ? x[i] : top;
    }
    for (size_t i = 0; i < n; i++) {
        y[i] = x[i] - top;
    }
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += exp((double)y[i]);
    }
    float shift = (float)log(sum);
    for (size_t i = 0; i < n; i++) {
        y[i] -= shift;
    }
    (void)k;
}

/* Rows along an axis that is not the last: gathered into scratch. */
enum quern_code qn_op_softmax(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in_packed(run, op, 0);
    struct qn_array *y = NULL;
    if (x == NULL) {
        return qn_op_missing(run, op);
    }
    if (x->dtype != QUERN_FLOAT) {
        return qn_op_rows(run, op);
    }
    int64_t n = 0;
    int64_t step = 0;
    enum quern_code code = qn_axis_rows(run, op, op->opset < 13, &n, &step);
    if (code == QUERN_OK) {
        code = qn_out(run, op, 0, x->dtype, x->rank, x->dims, &y);
    }
    if (code != QUERN_OK || y == NULL || x->len == 0) {
        return code;
    }
    struct qn_chunk *room = qn_scratch(run, (size_t)n * 8);
    if (room == NULL) {
        return qn_op_missing(run, op);
    }
    float *in = (float *)(void *)room->data;
    float *out = in + n;
    for (int64_t k = 0; k < x->len / n; k++) {
        int64_t at = k / step * step * n + k % step;
        const float *row = floats(x) + at;
        for (int64_t i = 0; step > 1 && i < n; i++) {
            in[i] = row[i * step];
        }
        const float *source = step > 1 ? in : row;
        float *target = step > 1 ? out : floats(y) + at;
        if (op->row->variant == 0) {
            run->kernels->softmax(source, target, (size_t)n);
        } else {
            log_softmax(run->kernels, source, target, (size_t)n);
        }
        for (int64_t i = 0; step > 1 && i < n; i++) {
            floats(y)[at + i * step] = out[i];
        }
    }
    qn_chunk_put(&run->chunks, room);
    return QUERN_OK;
}

static enum quern_code norm_rows(struct qn_run *run, const struct qn_op *op,
                                 const struct qn_row_norm *norm,
                                 const struct qn_array *x,
                                 const struct qn_array *scale,
                                 const struct qn_array *bias, int64_t n)
{
    struct qn_array *y = NULL;
    enum quern_code code = qn_out_over(run, op, 0, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    for (int64_t at = 0; at < x->len; at += n) {
        if (norm->centered) {
            run->kernels->layer_norm(floats(x) + at, floats(scale),
                                     bias != NULL ? floats(bias) : NULL,
                                     norm->epsilon, floats(y) + at, (size_t)n);
        } else {
            run->kernels->rms_norm(floats(x) + at, floats(scale), norm->epsilon,
                                   floats(y) + at, (size_t)n);
        }
    }
    return QUERN_OK;
}

/* Rows of one element, which the scales of the spelled-out norm broadcast. */
static enum quern_code norm_ones(struct qn_run *run, const struct qn_op *op,
                                 const struct qn_row_norm *norm,
                                 const struct qn_array *x,
                                 const struct qn_array *scale,
                                 const struct qn_array *bias)
{
    int64_t dims[QUERN_MAX_RANK];
    struct qn_array *y = NULL;
    memcpy(dims, x->dims, (size_t)x->rank * sizeof *dims);
    dims[x->rank - 1] = scale->len;
    enum quern_code code = qn_out(run, op, 0, x->dtype, x->rank, dims, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    for (int64_t i = 0; i < y->len; i++) {
        float v = floats(x)[i / scale->len];
        float one = norm->centered ? (v - v) / sqrtf(norm->epsilon)
                                   : v / sqrtf(v * v + norm->epsilon);
        int64_t k = i % scale->len;
        floats(y)[i] =
            one * floats(scale)[k] + (bias != NULL ? floats(bias)[k] : 0.0F);
    }
    return QUERN_OK;
}

enum quern_code qn_op_row_norm(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *scale = qn_in(run, op, 1);
    const struct qn_array *bias = qn_in(run, op, 2);
    const struct qn_array *x = qn_in_packed(run, op, 0);
    if (x == NULL) {
        return qn_op_missing(run, op);
    }
    int64_t n = x->rank > 0 ? x->dims[x->rank - 1] : 0;
    bool fits =
        x->dtype == QUERN_FLOAT && (bias == NULL || bias->len == scale->len);
    if (fits && n == 1 && scale->len > 1) {
        return norm_ones(run, op, op->state, x, scale, bias);
    }
    if (!fits || scale->len != n) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "rows of %lld elements, scales for %lld",
                          (long long)n, (long long)scale->len);
    }
    return norm_rows(run, op, op->state, x, scale, bias, n);
}

static bool is_wanted(const struct qn_op *op, int i)
{
    return i < op->n_out && op->out[i] >= 0;
}

static bool is_float_row(const struct qn_array *a, int64_t n)
{
    return a->dtype == QUERN_FLOAT && a->len == n;
}

/* LayerNormalization, and RMSNormalization (variant 1). */
enum quern_code qn_op_layer_norm(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *scale = qn_in_packed(run, op, 1);
    const struct qn_array *bias =
        op->n_in > 2 ? qn_in_packed(run, op, 2) : NULL;
    const struct qn_array *x = qn_in_packed(run, op, 0);
    if (x == NULL || scale == NULL) {
        return qn_op_missing(run, op);
    }
    int axis = qn_axis(run, op, quern_node_int(op->node, "axis", -1), x->rank);
    if (axis < 0) {
        return qn_op_missing(run, op);
    }
    int64_t n = 1;
    for (int i = axis; i < x->rank; i++) {
        n *= x->dims[i];
    }
    if (x->dtype != QUERN_FLOAT || !is_float_row(scale, n) ||
        (bias != NULL && !is_float_row(bias, n)) || is_wanted(op, 1) ||
        is_wanted(op, 2)) {
        return qn_layer_norm_any(run, op, axis);
    }
    struct qn_row_norm norm = {
        .centered = op->row->variant == 0,
        .epsilon = quern_node_float(op->node, "epsilon", 1e-5f)};
    return norm_rows(run, op, &norm, x, scale, bias, n);
}

/* Per channel y = a x + b, channels at axis 1. */
static void channel_affine(const struct qn_array *x, const struct qn_array *y,
                           int64_t batch, int64_t channel, float a, float b)
{
    int64_t inner = x->len / (x->dims[0] * x->dims[1]);
    int64_t at = (batch * x->dims[1] + channel) * inner;
    for (int64_t i = 0; i < inner; i++) {
        floats(y)[at + i] = floats(x)[at + i] * a + b;
    }
}

/* The factors of each channel: y = a x + b. */
static void batch_factors(const struct qn_array *const *p, float epsilon,
                          float *a, float *b)
{
    for (int64_t c = 0; c < p[0]->len; c++) {
        a[c] = floats(p[0])[c] / sqrtf(floats(p[3])[c] + epsilon);
        b[c] = floats(p[1])[c] - a[c] * floats(p[2])[c];
    }
}

/* Scale, bias, mean and variance. */
static enum quern_code read_statistics(struct qn_run *run,
                                       const struct qn_op *op,
                                       const struct qn_array *x,
                                       const struct qn_array **p)
{
    for (int i = 0; i < 4; i++) {
        p[i] = qn_in_packed(run, op, i + 1);
        if (p[i] == NULL) {
            return qn_op_missing(run, op);
        }
        if (p[i]->len != x->dims[1] || !quern_dtype_is_float(p[i]->dtype)) {
            return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                              "input %d of type %s has %lld elements, needs "
                              "%lld of a floating type",
                              i + 1, quern_dtype_name(p[i]->dtype),
                              (long long)p[i]->len, (long long)x->dims[1]);
        }
    }
    return QUERN_OK;
}

static void affine_all(const struct qn_kernels *k, const struct qn_array *x,
                       const struct qn_array *y, const float *a, const float *b)
{
    int64_t channels = x->dims[1];
    if (qn_array_is_channels_last(x)) {
        k->affine_rows(floats(x), a, b, floats(y), (size_t)(x->len / channels),
                       (size_t)channels);
        return;
    }
    for (int64_t i = 0; i < x->dims[0] * channels; i++) {
        channel_affine(x, y, i / channels, i % channels, a[i % channels],
                       b[i % channels]);
    }
}

/* Before opset 14 training showed in the number of outputs, before 9 there was
 * more. */
static bool is_old_batch_norm(const struct qn_op *op, bool trains)
{
    return (op->opset < 7 && quern_node_int(op->node, "is_test", 0) == 0) ||
           (op->opset < 9 && quern_node_int(op->node, "spatial", 1) == 0) ||
           (!trains && (is_wanted(op, 1) || is_wanted(op, 2))) ||
           is_wanted(op, 3) || is_wanted(op, 4);
}

static bool all_float(const struct qn_array *x, const struct qn_array *const *p)
{
    bool all = x->dtype == QUERN_FLOAT;
    for (int i = 0; i < 4; i++) {
        all = all && p[i]->dtype == QUERN_FLOAT;
    }
    return all;
}

enum quern_code qn_op_batch_norm(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *in[5];
    const struct qn_array **p = &in[1];
    const struct qn_array *x = qn_in(run, op, 0);
    struct qn_array *y = NULL;
    bool trains = quern_node_int(op->node, "training_mode", 0) != 0;
    if (is_old_batch_norm(op, trains)) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED,
                          "a form for training of before opset 14");
    }
    bool last = x != NULL && qn_array_is_channels_last(x);
    x = last ? x : qn_in_packed(run, op, 0);
    if (x == NULL || x->rank < 2) {
        return qn_op_missing(run, op);
    }
    enum quern_code code = read_statistics(run, op, x, p);
    if (code == QUERN_OK && (trains || !all_float(x, p))) {
        in[0] = qn_in_packed(run, op, 0);
        return in[0] != NULL ? qn_batch_norm_any(run, op, in)
                             : qn_op_missing(run, op);
    }
    if (code == QUERN_OK) {
        code = qn_out_over(run, op, 0, &y);
    }
    if (code != QUERN_OK || y == NULL || x->len == 0) {
        return code;
    }
    struct qn_chunk *room = qn_scratch(run, (size_t)x->dims[1] * 8);
    if (room == NULL) {
        return qn_op_missing(run, op);
    }
    float *a = (float *)(void *)room->data;
    float *b = a + x->dims[1];
    batch_factors(p, quern_node_float(op->node, "epsilon", 1e-5f), a, b);
    affine_all(run->kernels, x, y, a, b);
    qn_chunk_put(&run->chunks, room);
    return QUERN_OK;
}

enum quern_code qn_op_instance_norm(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *scale = qn_in_packed(run, op, 1);
    const struct qn_array *bias = qn_in_packed(run, op, 2);
    const struct qn_array *x = qn_in_packed(run, op, 0);
    struct qn_array *y = NULL;
    if (x == NULL || x->rank < 2 || scale == NULL || bias == NULL ||
        scale->len != x->dims[1] || bias->len != x->dims[1]) {
        return qn_op_missing(run, op);
    }
    if (x->dtype != QUERN_FLOAT || scale->dtype != QUERN_FLOAT ||
        bias->dtype != QUERN_FLOAT) {
        return needs_float(run, op, x);
    }
    float epsilon = quern_node_float(op->node, "epsilon", 1e-5f);
    enum quern_code code = qn_out(run, op, 0, x->dtype, x->rank, x->dims, &y);
    if (code != QUERN_OK || y == NULL || x->len == 0) {
        return code;
    }
    int64_t inner = x->len / (x->dims[0] * x->dims[1]);
    for (int64_t b = 0; b < x->dims[0]; b++) {
        for (int64_t c = 0; c < x->dims[1]; c++) {
            const float *row = floats(x) + (b * x->dims[1] + c) * inner;
            float mean = run->kernels->sum(row, (size_t)inner) / (float)inner;
            double square = 0.0;
            for (int64_t i = 0; i < inner; i++) {
                double d = (double)(row[i] - mean);
                square += d * d;
            }
            float a = floats(scale)[c] /
                      sqrtf((float)(square / (double)inner) + epsilon);
            channel_affine(x, y, b, c, a, floats(bias)[c] - a * mean);
        }
    }
    return QUERN_OK;
}
