/* Resize (ONNX 10 to 19) and Upsample: one axis after the other, each output
 * element a weighted sum of a few input elements along it. */
#include "base/checked.h"
#include "exec/nest.h"
#include "exec/ops.h"

#include <math.h>
#include <string.h>

enum { MOST_TAPS = 4 };

/* Where one output element along an axis comes from. */
struct taps {
    int64_t at[MOST_TAPS];
    double weight[MOST_TAPS];
};

struct resize {
    const char *mode;
    const char *coordinates;
    const char *nearest;
    double cubic;
    bool exclude_outside;
    int n_taps;
};

static const char *text_or(const struct qn_op *op, const char *name,
                           const char *fallback)
{
    const char *text = fallback;
    (void)!quern_node_attr_string(op->node, name, &text, NULL);
    return text;
}

static bool one_of(const char *text, const char *const *list)
{
    for (int i = 0; list[i] != NULL; i++) {
        if (strcmp(text, list[i]) == 0) {
            return true;
        }
    }
    return false;
}

static enum quern_code read_attributes(struct qn_run *run,
                                       const struct qn_op *op, struct resize *r)
{
    static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
    static const char *const coordinates[] = {
        "half_pixel",    "half_pixel_symmetric", "pytorch_half_pixel",
        "align_corners", "asymmetric",           NULL};
    static const char *const nearest[] = {
        "round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL};
    bool old = op->opset < 11 || op->row->variant == 1;
    r->mode = text_or(op, "mode", "nearest");
    r->coordinates = text_or(op, "coordinate_transformation_mode",
                             old ? "asymmetric" : "half_pixel");
    r->nearest =
        text_or(op, "nearest_mode", old ? "floor" : "round_prefer_floor");
    r->cubic = (double)quern_node_float(op->node, "cubic_coeff_a", -0.75f);
    r->exclude_outside = quern_node_int(op->node, "exclude_outside", 0) != 0;
    r->mode = strcmp(r->mode, "bilinear") == 0 ? "linear" : r->mode;
    r->n_taps = strcmp(r->mode, "nearest") == 0  ? 1
                : strcmp(r->mode, "linear") == 0 ? 2
                                                 : 4;
    if (!one_of(r->mode, modes) || !one_of(r->coordinates, coordinates) ||
        !one_of(r->nearest, nearest)) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED,
                          "mode '%s', coordinates '%s', nearest '%s'", r->mode,
                          r->coordinates, r->nearest);
    }
    if (quern_node_int(op->node, "antialias", 0) != 0) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED, "antialias");
    }
    if (strcmp(text_or(op, "keep_aspect_ratio_policy", "stretch"), "stretch") !=
        0) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED,
                          "keep_aspect_ratio_policy other than stretch");
    }
    return QUERN_OK;
}

/* Place of output element `i` in the input (Resize-19). */
static double original(const struct resize *r, int64_t i, int64_t in,
                       int64_t out, double scale)
{
    double x = (double)i;
    if (strcmp(r->coordinates, "asymmetric") == 0) {
        return x / scale;
    }
    if (strcmp(r->coordinates, "align_corners") == 0) {
        /* The length in front of rounding, as in ONNX's own cases. */
        double full = scale * (double)in;
        return full > 1.0 ? x * (double)(in - 1) / (full - 1.0) : 0.0;
    }
    if (strcmp(r->coordinates, "pytorch_half_pixel") == 0 && out == 1) {
        return 0.0;
    }
    double half = (x + 0.5) / scale - 0.5;
    if (strcmp(r->coordinates, "half_pixel_symmetric") == 0) {
        double adjust = (double)out / (scale * (double)in);
        double center = (double)in / 2.0;
        return center * (1.0 - adjust) + half;
    }
    return half;
}

static double nearest(const struct resize *r, double x)
{
    if (strcmp(r->nearest, "floor") == 0) {
        return floor(x);
    }
    if (strcmp(r->nearest, "ceil") == 0) {
        return ceil(x);
    }
    return strcmp(r->nearest, "round_prefer_floor") == 0 ? ceil(x - 0.5)
                                                         : floor(x + 0.5);
}

static int64_t clamped(double at, int64_t n)
{
    return at < 0.0 ? 0 : at >= (double)n ? n - 1 : (int64_t)at;
}

/* Keys' cubic convolution. */
static double cubic_weight(double a, double d)
{
    d = fabs(d);
    if (d <= 1.0) {
        return ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0;
    }
    return d < 2.0 ? ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a : 0.0;
}

static void find_taps(const struct resize *r, double x, int64_t n,
                      struct taps *t)
{
    if (r->n_taps == 1) {
        t->at[0] = clamped(nearest(r, x), n);
        t->weight[0] = 1.0;
        return;
    }
    double base = floor(x);
    double sum = 0.0;
    for (int k = 0; k < r->n_taps; k++) {
        double at = base + k - (r->n_taps == 4 ? 1 : 0);
        double w = r->n_taps == 4 ? cubic_weight(r->cubic, x - at)
                   : k == 0       ? 1.0 - (x - base)
                                  : x - base;
        bool outside = at < 0.0 || at >= (double)n;
        t->at[k] = clamped(at, n);
        t->weight[k] = outside && r->exclude_outside ? 0.0 : w;
        sum += t->weight[k];
    }
    for (int k = 0; r->exclude_outside && k < r->n_taps; k++) {
        t->weight[k] /= sum;
    }
}

/* Rows of `inner` elements: y = sum of weighted rows of x. */
static void mix(struct qn_run *run, const struct qn_array *x,
                const struct qn_array *y, int64_t from, int64_t to,
                int64_t inner, const struct taps *t, int n_taps)
{
    size_t size = qn_element_size(x->dtype);
    if (n_taps == 1) {
        memcpy(y->data + (size_t)to * size,
               x->data + (size_t)(from + t->at[0] * inner) * size,
               (size_t)inner * size);
        return;
    }
    for (int64_t i = 0; i < inner; i++) {
        double sum = 0.0;
        for (int k = 0; k < n_taps; k++) {
            sum += t->weight[k] * qn_load(x, from + t->at[k] * inner + i);
        }
        qn_store(y, to + i, sum);
    }
    (void)run;
}

static void resize_axis(struct qn_run *run, const struct resize *r,
                        const struct qn_array *x, const struct qn_array *y,
                        int axis, double scale)
{
    int64_t outer = 1;
    int64_t inner = 1;
    int64_t in = x->dims[axis];
    int64_t out = y->dims[axis];
    for (int i = 0; i < x->rank; i++) {
        outer *= i < axis ? x->dims[i] : 1;
        inner *= i > axis ? x->dims[i] : 1;
    }
    for (int64_t j = 0; j < out; j++) {
        struct taps t;
        find_taps(r, original(r, j, in, out, scale), in, &t);
        for (int64_t o = 0; o < outer; o++) {
            mix(run, x, y, o * in * inner, (o * out + j) * inner, inner, &t,
                r->n_taps);
        }
    }
}

/* Of an output axis: whole numbers are exact up to here. */
static const double MOST_SIZE = 9007199254740992.0;

/* Output dims and scales by axis, from input `scales` or `sizes`. */
static bool read_target(struct qn_run *run, const struct qn_op *op,
                        const struct qn_array *x, int64_t *dims, double *scale)
{
    bool two = op->opset < 11 || op->row->variant == 1;
    const struct qn_array *scales = qn_in_packed(run, op, two ? 1 : 2);
    const struct qn_array *sizes =
        op->n_in > 3 ? qn_in_packed(run, op, 3) : NULL;
    const int64_t *axes = NULL;
    size_t n = (size_t)x->rank;
    bool some = quern_node_attr_ints(op->node, "axes", &axes, &n) == QUERN_OK;
    const struct qn_array *given =
        sizes != NULL && sizes->len > 0 ? sizes : scales;
    for (int i = 0; i < x->rank; i++) {
        dims[i] = x->dims[i];
        scale[i] = 1.0;
    }
    if (given == NULL || (size_t)given->len != n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        int axis = qn_axis(run, op, some ? axes[i] : (int64_t)i, x->rank);
        if (axis < 0 || x->dims[axis] == 0) {
            return false;
        }
        double v = qn_load(given, (int64_t)i);
        double in = (double)x->dims[axis];
        double size = given == scales ? floor(in * v) : v;
        if (!(size >= 1.0 && size <= MOST_SIZE)) { /* nor NaN */
            return false;
        }
        scale[axis] = given == scales ? v : v / in;
        dims[axis] = (int64_t)size;
    }
    return true;
}

enum quern_code qn_op_resize(struct qn_run *run, const struct qn_op *op)
{
    struct resize r = {0};
    int64_t dims[QUERN_MAX_RANK];
    double scale[QUERN_MAX_RANK];
    const struct qn_array *x = qn_in_packed(run, op, 0);
    enum quern_code code =
        x != NULL ? read_attributes(run, op, &r) : qn_op_missing(run, op);
    if (code != QUERN_OK) {
        return code;
    }
    if (!read_target(run, op, x, dims, scale)) {
        return qn_op_missing(run, op);
    }
    struct qn_array at = *x;
    at.chunk = NULL;
    for (int axis = 0; axis < x->rank && code == QUERN_OK; axis++) {
        if (dims[axis] == x->dims[axis] && scale[axis] >= 1.0 &&
            scale[axis] <= 1.0) {
            continue;
        }
        struct qn_array next = at;
        size_t size = 0;
        next.dims[axis] = dims[axis];
        next.chunk = NULL;
        if (!qn_shape_len(next.rank, next.dims, &next.len) ||
            !qn_mul((size_t)next.len, qn_element_size(x->dtype), &size)) {
            code = qn_op_fail(run, op, QUERN_LIMIT,
                              "output 0 has a size that overflows");
        } else {
            next.chunk = qn_scratch(run, size);
        }
        if (next.chunk == NULL) {
            code = code == QUERN_OK ? qn_op_missing(run, op) : code;
        } else {
            next.data = next.chunk->data;
            qn_array_pack_strides(&next);
            resize_axis(run, &r, &at, &next, axis, scale[axis]);
        }
        qn_chunk_put(&run->chunks, at.chunk);
        at = next;
    }
    if (code == QUERN_OK) {
        code = qn_out_view(run, op, 0, at.chunk != NULL ? &at : x, &at);
    }
    qn_chunk_put(&run->chunks, at.chunk);
    return code;
}
