/* DeformConv (ONNX 19, 22) of images: a convolution whose taps stand where the
 * offsets say, between elements of the input, which is 0 outside. */
#include "exec/nest.h"
#include "exec/ops.h"
#include "exec/window.h"

#include <math.h>

struct deform {
    struct qn_window w;
    const struct qn_array *x;      /* [N, C, H, W] */
    const struct qn_array *weight; /* [M, C / group, kH, kW] */
    const struct qn_array *offset; /* [N, parts * kH * kW * 2, oH, oW] */
    const struct qn_array *bias;   /* [M], or NULL */
    const struct qn_array *mask;   /* [N, parts * kH * kW, oH, oW], or NULL */
    int64_t parts;                 /* offset_group */
    int64_t n_taps;
    int64_t places; /* oH * oW */
};

static bool has_dims(const struct qn_array *a, int64_t n, int64_t c,
                     const struct deform *d)
{
    return a->rank == 4 && a->dims[0] == n && a->dims[1] == c &&
           a->dims[2] == d->w.out[1] && a->dims[3] == d->w.out[2] &&
           a->dtype == d->x->dtype;
}

/* Do the inputs fit each other? */
static bool fits(const struct deform *d)
{
    const struct qn_array *x = d->x;
    int64_t n = x->dims[0];
    int64_t group = d->w.group;
    int64_t m = d->weight->dims[0];
    int64_t columns = 0;
    return d->parts > 0 && group > 0 && d->n_taps <= INT32_MAX &&
           x->dims[1] % d->parts == 0 && m % group == 0 &&
           d->weight->dtype == x->dtype &&
           __builtin_mul_overflow(d->parts, d->n_taps * 2, &columns) == 0 &&
           __builtin_mul_overflow(d->weight->dims[1], group, &group) == 0 &&
           group == x->dims[1] && has_dims(d->offset, n, columns, d) &&
           (d->mask == NULL || has_dims(d->mask, n, columns / 2, d)) &&
           (d->bias == NULL ||
            (d->bias->len == m && d->bias->dtype == x->dtype));
}

static enum quern_code read_deform(struct qn_run *run, const struct qn_op *op,
                                   struct deform *d)
{
    d->x = qn_in_packed(run, op, 0);
    d->weight = qn_in_packed(run, op, 1);
    d->offset = qn_in_packed(run, op, 2);
    if (d->x == NULL || d->weight == NULL || d->offset == NULL) {
        return qn_op_missing(run, op);
    }
    d->bias = qn_in(run, op, 3) != NULL ? qn_in_packed(run, op, 3) : NULL;
    d->mask = qn_in(run, op, 4) != NULL ? qn_in_packed(run, op, 4) : NULL;
    if (d->x->rank != 4 || d->weight->rank != 4 ||
        !quern_dtype_is_float(d->x->dtype)) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED,
                          "input of rank %d, weights of rank %d: images of "
                          "floats are what can be done",
                          d->x->rank, d->weight->rank);
    }
    enum quern_code code =
        qn_window_init(run, op, d->x, d->weight->dims + 2, &d->w);
    if (code != QUERN_OK) {
        return code;
    }
    d->parts = quern_node_int(op->node, "offset_group", 1);
    d->n_taps = d->w.kernel[1] * d->w.kernel[2];
    d->places = d->w.out[1] * d->w.out[2];
    return fits(d) ? QUERN_OK
                   : qn_op_fail(run, op, QUERN_INVALID_MODEL,
                                "input, weights, offsets, bias and mask do not "
                                "fit each other");
}

static double element(const struct deform *d, int64_t image, double y, double x)
{
    double h = (double)d->w.in[1];
    double w = (double)d->w.in[2];
    return y >= 0.0 && y < h && x >= 0.0 && x < w
               ? qn_load(d->x, image + (int64_t)y * d->w.in[2] + (int64_t)x)
               : 0.0;
}

/* The input between four elements. */
static double between(const struct deform *d, int64_t image, double y, double x)
{
    double top = floor(y);
    double left = floor(x);
    double down = y - top;
    double right = x - left;
    return (element(d, image, top, left) * (1.0 - right) +
            element(d, image, top, left + 1.0) * right) *
               (1.0 - down) +
           (element(d, image, top + 1.0, left) * (1.0 - right) +
            element(d, image, top + 1.0, left + 1.0) * right) *
               down;
}

/* What stands under the taps of output place `p` of image b: [C, taps]. */
static void gather(const struct deform *d, int64_t b, int64_t p, double *column)
{
    const struct qn_window *w = &d->w;
    int64_t channels = d->x->dims[1];
    int64_t each = channels / d->parts;
    int64_t size = w->in[1] * w->in[2];
    for (int64_t k = 0; k < d->parts * d->n_taps; k++) {
        int64_t tap = k % d->n_taps;
        int64_t at = (b * d->parts * d->n_taps + k) * d->places + p;
        int64_t at_y = at * 2 - p;
        double y = (double)(p / w->out[2] * w->stride[1] - w->pad[1] +
                            tap / w->kernel[2] * w->dilation[1]) +
                   qn_load(d->offset, at_y);
        double x = (double)(p % w->out[2] * w->stride[2] - w->pad[2] +
                            tap % w->kernel[2] * w->dilation[2]) +
                   qn_load(d->offset, at_y + d->places);
        double scale = d->mask != NULL ? qn_load(d->mask, at) : 1.0;
        int64_t first = k / d->n_taps * each;
        for (int64_t c = first; c < first + each; c++) {
            column[c * d->n_taps + tap] =
                scale * between(d, (b * channels + c) * size, y, x);
        }
    }
}

static void products(const struct deform *d, const double *column, int64_t b,
                     int64_t p, struct qn_array *y)
{
    int64_t n_out = d->weight->dims[0];
    int64_t len = d->weight->dims[1] * d->n_taps;
    for (int64_t m = 0; m < n_out; m++) {
        const double *from = column + m / (n_out / d->w.group) * len;
        double sum = d->bias != NULL ? qn_load(d->bias, m) : 0.0;
        for (int64_t i = 0; i < len; i++) {
            sum += from[i] * qn_load(d->weight, m * len + i);
        }
        qn_store(y, (b * n_out + m) * d->places + p, sum);
    }
}

enum quern_code qn_op_deform_conv(struct qn_run *run, const struct qn_op *op)
{
    struct deform d = {.parts = 1};
    int64_t dims[QUERN_MAX_RANK];
    struct qn_array *y = NULL;
    enum quern_code code = read_deform(run, op, &d);
    if (code == QUERN_OK) {
        int rank = qn_window_dims(&d.w, d.x->dims[0], d.weight->dims[0], dims);
        code = qn_out(run, op, 0, d.x->dtype, rank, dims, &y);
    }
    if (code != QUERN_OK || y == NULL || y->len == 0) {
        return code;
    }
    struct qn_chunk *room =
        qn_scratch(run, (size_t)(d.x->dims[1] * d.n_taps + 1) * sizeof(double));
    if (room == NULL) {
        return run->context->diag.error.code;
    }
    double *column = (double *)(void *)room->data;
    for (int64_t b = 0; b < d.x->dims[0]; b++) {
        for (int64_t p = 0; p < d.places; p++) {
            gather(&d, b, p, column);
            products(&d, column, b, p, y);
        }
    }
    qn_chunk_put(&run->chunks, room);
    return QUERN_OK;
}
