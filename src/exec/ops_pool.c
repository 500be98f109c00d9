/* Pooling: maxima and averages under a window, or of whole images. */
#include "exec/nest.h"
#include "exec/ops.h"
#include "exec/window.h"

#include <math.h>
#include <string.h>

enum { POOL_MAX, POOL_AVERAGE };

/* One axis of a window at an output position, cut to the input. */
static void cut(const struct qn_window *w, int axis, int64_t at, int64_t *first,
                int64_t *last)
{
    int64_t start = at * w->stride[axis] - w->pad[axis];
    int64_t d = w->dilation[axis];
    if (start >= 0 && start + (w->kernel[axis] - 1) * d < w->in[axis]) {
        *first = 0;
        *last = w->kernel[axis] - 1;
        return;
    }
    *first = start < 0 ? (-start + d - 1) / d : 0;
    int64_t fits = (w->in[axis] - 1 - start) / d;
    *last = w->in[axis] - 1 - start < 0  ? -1
            : fits < w->kernel[axis] - 1 ? fits
                                         : w->kernel[axis] - 1;
}

/* Positions of a padded window that count for the average with pads: those in
 * front of the end of the padded input. */
static int64_t padded_size(const struct qn_window *w, int axis, int64_t at)
{
    int64_t start = at * w->stride[axis];
    int64_t room = w->in[axis] + w->pad[axis] + w->pad_end[axis] - start;
    int64_t n = (room + w->dilation[axis] - 1) / w->dilation[axis];
    return n < w->kernel[axis] ? n : w->kernel[axis];
}

/* All axes. @return how many positions count for the average */
static int64_t cut_window(const struct qn_window *w, const int64_t *at,
                          bool with_pads, int64_t *first, int64_t *last)
{
    int64_t count = 1;
    for (int i = 0; i < QN_WINDOW_AXES; i++) {
        cut(w, i, at[i], &first[i], &last[i]);
        count *= with_pads ? padded_size(w, i, at[i]) : last[i] - first[i] + 1;
    }
    return count;
}

/* Where tap k of a window stands in the input. */
static int64_t place_of(const struct qn_window *w, int axis, const int64_t *at,
                        int64_t k)
{
    return at[axis] * w->stride[axis] - w->pad[axis] + k * w->dilation[axis];
}

static double pool_at(const struct qn_window *w, const struct qn_array *x,
                      int64_t image, const int64_t *at, int variant,
                      bool with_pads, int64_t *out_index)
{
    int64_t first[3];
    int64_t last[3];
    int64_t count = cut_window(w, at, with_pads, first, last);
    double y = variant == POOL_MAX ? (double)-INFINITY : 0.0;
    *out_index = -1;
    for (int64_t a = first[0]; a <= last[0]; a++) {
        int64_t z = place_of(w, 0, at, a);
        for (int64_t b = first[1]; b <= last[1]; b++) {
            int64_t r = place_of(w, 1, at, b);
            for (int64_t c = first[2]; c <= last[2]; c++) {
                int64_t q = place_of(w, 2, at, c);
                int64_t index = (z * w->in[1] + r) * w->in[2] + q;
                double v = qn_load(x, image + index);
                if (variant == POOL_AVERAGE) {
                    y += v;
                } else if (*out_index < 0 || v > y || isnan(v)) {
                    y = v;
                    *out_index = index;
                }
            }
        }
    }
    return variant == POOL_AVERAGE && count > 0 ? y / (double)count : y;
}

enum { MAX_TAPS = 256 };

/* One output position, all channels: x and y lie channels last. */
static void pool_pixel(const struct qn_kernels *k, const struct qn_window *w,
                       const float *image, int64_t channels, const int64_t *at,
                       int variant, bool with_pads, float *y)
{
    const float *rows[MAX_TAPS];
    size_t n = 0;
    int64_t first[3];
    int64_t last[3];
    int64_t count = cut_window(w, at, with_pads, first, last);
    for (int64_t a = first[0]; a <= last[0]; a++) {
        int64_t z = place_of(w, 0, at, a);
        for (int64_t b = first[1]; b <= last[1]; b++) {
            int64_t r = place_of(w, 1, at, b);
            for (int64_t c = first[2]; c <= last[2]; c++) {
                int64_t q = place_of(w, 2, at, c);
                rows[n++] =
                    image + ((z * w->in[1] + r) * w->in[2] + q) * channels;
            }
        }
    }
    if (variant == POOL_MAX) {
        k->max_rows(rows, n, y, (size_t)channels);
        return;
    }
    k->sum_rows(rows, n, y, (size_t)channels);
    float scale = count > 0 ? 1.0f / (float)count : 1.0f;
    k->unary[QN_AFFINE](y, y, (size_t)channels, scale, 0.0f);
}

static enum quern_code pool_channels_last(struct qn_run *run,
                                          const struct qn_op *op,
                                          const struct qn_window *w)
{
    const struct qn_array *x = qn_in_channels_last(run, op, 0);
    int64_t dims[QUERN_MAX_RANK];
    struct qn_array *y = NULL;
    if (x == NULL) {
        return run->context->diag.error.code;
    }
    int rank = qn_window_dims(w, x->dims[0], x->dims[1], dims);
    enum quern_code code =
        qn_out_channels_last(run, op, 0, QUERN_FLOAT, rank, dims, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    bool with_pads = quern_node_int(op->node, "count_include_pad", 0) != 0;
    int64_t channels = x->dims[1];
    int64_t image = w->in[0] * w->in[1] * w->in[2] * channels;
    float *out = (float *)(void *)y->data;
    for (int64_t b = 0; b < dims[0]; b++) {
        const float *from = (const float *)(const void *)x->data + b * image;
        int64_t at[3] = {0};
        for (at[0] = 0; at[0] < w->out[0]; at[0]++) {
            for (at[1] = 0; at[1] < w->out[1]; at[1]++) {
                for (at[2] = 0; at[2] < w->out[2]; at[2]++) {
                    pool_pixel(run->kernels, w, from, channels, at,
                               op->row->variant, with_pads, out);
                    out += channels;
                }
            }
        }
    }
    return QUERN_OK;
}

/* The number of an element with the first axis running fastest. */
static int64_t column_major(const struct qn_window *w, int64_t index)
{
    int64_t z = index / (w->in[1] * w->in[2]);
    int64_t r = index / w->in[2] % w->in[1];
    int64_t q = index % w->in[2];
    return z + w->in[0] * (r + w->in[1] * q);
}

enum quern_code qn_op_pool(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    struct qn_window w;
    if (x == NULL) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL, "input 0 is missing");
    }
    enum quern_code code = qn_window_init(run, op, x, NULL, &w);
    bool indices = op->n_out > 1 && op->out[1] >= 0;
    if (code == QUERN_OK && x->dtype == QUERN_FLOAT && !indices &&
        w.kernel[0] * w.kernel[1] * w.kernel[2] <= MAX_TAPS) {
        return pool_channels_last(run, op, &w);
    }
    x = qn_in_packed(run, op, 0);
    if (x == NULL) {
        return run->context->diag.error.code;
    }
    int64_t dims[QUERN_MAX_RANK];
    struct qn_array *y = NULL;
    struct qn_array *where = NULL;
    if (code == QUERN_OK) {
        int rank = qn_window_dims(&w, x->dims[0], x->dims[1], dims);
        code = qn_out(run, op, 0, x->dtype, rank, dims, &y);
        if (code == QUERN_OK) {
            code = qn_out(run, op, 1, QUERN_INT64, rank, dims, &where);
        }
    }
    if (code != QUERN_OK || (y == NULL && where == NULL)) {
        return code;
    }
    bool with_pads = quern_node_int(op->node, "count_include_pad", 0) != 0;
    bool by_column = quern_node_int(op->node, "storage_order", 0) != 0;
    int64_t positions = w.out[0] * w.out[1] * w.out[2];
    int64_t image = w.in[0] * w.in[1] * w.in[2];
    int64_t n = y != NULL ? y->len : where->len;
    for (int64_t k = 0; k < n; k++) {
        int64_t p = k % positions;
        int64_t at[3] = {p / (w.out[1] * w.out[2]), p / w.out[2] % w.out[1],
                         p % w.out[2]};
        int64_t index = 0;
        int64_t base = k / positions * image;
        double v =
            pool_at(&w, x, base, at, op->row->variant, with_pads, &index);
        if (y != NULL) {
            qn_store(y, k, v);
        }
        if (where != NULL) {
            index = by_column && index >= 0 ? column_major(&w, index) : index;
            qn_store_int(where, k, base + index);
        }
    }
    return QUERN_OK;
}

/* Means of [N, C, …] that lies channels last: one row of C sums an image. */
static void means_channels_last(const struct qn_kernels *k,
                                const struct qn_array *x,
                                const struct qn_array *y)
{
    int64_t n = x->len / y->len;
    size_t c = (size_t)x->dims[1];
    for (int64_t b = 0; b < x->dims[0]; b++) {
        const float *from =
            (const float *)(const void *)x->data + b * n * x->dims[1];
        float *to = (float *)(void *)y->data + b * x->dims[1];
        k->sum_stack(from, c, (size_t)n, to, c);
        for (size_t i = 0; i < c; i++) {
            to[i] /= (float)n;
        }
    }
}

static void means(const struct qn_kernels *k, const struct qn_array *x,
                  const struct qn_array *y)
{
    int64_t n = x->len / y->len;
    for (int64_t i = 0; i < y->len; i++) {
        const float *row = (const float *)(const void *)x->data + i * n;
        ((float *)(void *)y->data)[i] = k->sum(row, (size_t)n) / (float)n;
    }
}

/* Any type; the mean or the largest of each row. */
static void pool_rows(int variant, const struct qn_array *x,
                      const struct qn_array *y)
{
    int64_t n = x->len / y->len;
    for (int64_t k = 0; k < y->len; k++) {
        double sum = 0.0;
        double top = -(double)INFINITY;
        for (int64_t i = 0; i < n; i++) {
            double v = qn_load(x, k * n + i);
            sum += v;
            top = v > top || isnan(v) ? v : top;
        }
        qn_store(y, k, variant == POOL_AVERAGE ? sum / (double)n : top);
    }
}

enum quern_code qn_out_of_space(struct qn_run *run, const struct qn_op *op,
                                const struct qn_array *x, struct qn_array **out)
{
    int64_t dims[QUERN_MAX_RANK];
    for (int i = 0; i < x->rank; i++) {
        dims[i] = i < 2 ? x->dims[i] : 1;
    }
    return qn_out(run, op, 0, x->dtype, x->rank, dims, out);
}

enum quern_code qn_op_global_pool(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    int variant = op->row->variant;
    bool float_means =
        x != NULL && x->dtype == QUERN_FLOAT && variant == POOL_AVERAGE;
    bool last = float_means && x->rank > 2 && qn_array_is_channels_last(x) &&
                !qn_array_is_packed(x);
    x = last ? x : qn_in_packed(run, op, 0);
    struct qn_array *y = NULL;
    if (x == NULL || x->rank < 2) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "input is missing or of rank below 2");
    }
    enum quern_code code = qn_out_of_space(run, op, x, &y);
    if (code != QUERN_OK || y == NULL || y->len == 0) {
        return code;
    }
    if (last) {
        means_channels_last(run->kernels, x, y);
    } else if (float_means) {
        means(run->kernels, x, y);
    } else {
        pool_rows(variant, x, y);
    }
    return QUERN_OK;
}
