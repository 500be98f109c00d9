/* Resize (ONNX 10 to 19) and Upsample: one axis after the other, each output
 * element a weighted sum of a few input elements along it. */
#include "base/checked.h"
#include "exec/nest.h"
#include "exec/ops.h"

#include <math.h>
#include <string.h>

/* Where one output element along an axis comes from. */
struct taps {
    int n;
    bool outside; /* of a crop: the extrapolation value stands there */
    int64_t *at;
    double *weight;
};

enum { STRETCH, NOT_LARGER, NOT_SMALLER };

struct resize {
    const char *mode;
    const char *coordinates;
    const char *nearest;
    double cubic;
    bool exclude_outside;
    bool antialias;
    bool crops; /* tf_crop_and_resize */
    int policy; /* for the aspect ratio */
    double extrapolation;
    int n_taps; /* 1: nearest, 2: linear, 4: cubic */
};

struct along {
    int axis;
    double scale;
    double from; /* of a crop, as parts of the input */
    double to;
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
    static const char *const coordinates[] = {"half_pixel",
                                              "half_pixel_symmetric",
                                              "pytorch_half_pixel",
                                              "align_corners",
                                              "asymmetric",
                                              "tf_crop_and_resize",
                                              NULL};
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
    const char *policy = text_or(op, "keep_aspect_ratio_policy", "stretch");
    r->antialias = quern_node_int(op->node, "antialias", 0) != 0;
    r->crops = strcmp(r->coordinates, "tf_crop_and_resize") == 0;
    r->extrapolation =
        (double)quern_node_float(op->node, "extrapolation_value", 0.0f);
    r->policy = strcmp(policy, "not_larger") == 0    ? NOT_LARGER
                : strcmp(policy, "not_smaller") == 0 ? NOT_SMALLER
                                                     : STRETCH;
    if (r->policy == STRETCH && strcmp(policy, "stretch") != 0) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED,
                          "keep_aspect_ratio_policy '%.40s'", policy);
    }
    return QUERN_OK;
}

/* In float, as ONNX's own cases round halves of it. */
static double cropped(float i, float last_in, float last_out,
                      const struct along *along)
{
    float from = (float)along->from;
    float to = (float)along->to;
    return last_out > 0.0f
               ? (double)(from * last_in + i * (to - from) * last_in / last_out)
               : (double)(0.5f * (from + to) * last_in);
}

/* Place of output element `i` in the input (Resize-19). */
static double original(const struct resize *r, int64_t i, int64_t in,
                       int64_t out, const struct along *along)
{
    double scale = along->scale;
    double x = (double)i;
    if (r->crops) {
        return cropped((float)i, (float)(in - 1), (float)(out - 1), along);
    }
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

static double weight_of(const struct resize *r, double d)
{
    return r->n_taps == 4 ? cubic_weight(r->cubic, d)
                          : fmax(0.0, 1.0 - fabs(d));
}

static void normalize(struct taps *t)
{
    double sum = 0.0;
    for (int k = 0; k < t->n; k++) {
        sum += t->weight[k];
    }
    for (int k = 0; k < t->n; k++) {
        t->weight[k] /= sum;
    }
}

/* Shrinking with antialias: the kernel is as much wider. What would lie outside
 * is the element at the border, unless that is excluded. */
static void find_wide_taps(const struct resize *r, double x, int64_t n,
                           double scale, struct taps *t)
{
    double reach =
        fmin((r->n_taps == 4 ? 2.0 : 1.0) / scale, 4.0 * (double)n + 8.0);
    int64_t first = clamped(ceil(x - reach), n);
    int64_t last = clamped(floor(x + reach), n);
    t->n = (int)(last - first + 1);
    for (int64_t k = first; k <= last; k++) {
        t->at[k - first] = k;
        t->weight[k - first] = 0.0;
    }
    for (double k = ceil(x - reach); k <= x + reach; k += 1.0) {
        bool outside = k < 0.0 || k >= (double)n;
        if (!outside || !r->exclude_outside) {
            t->weight[clamped(k, n) - first] += weight_of(r, (k - x) * scale);
        }
    }
    normalize(t);
}

static void find_taps(const struct resize *r, double x, int64_t n, double scale,
                      struct taps *t)
{
    t->outside = r->crops && !(x >= 0.0 && x <= (double)(n - 1));
    t->n = r->n_taps;
    if (r->n_taps == 1) {
        t->at[0] = clamped(nearest(r, x), n);
        t->weight[0] = 1.0;
        return;
    }
    if (r->antialias && scale < 1.0) {
        find_wide_taps(r, x, n, scale, t);
        return;
    }
    double base = floor(x);
    for (int k = 0; k < t->n; k++) {
        double at = base + k - (r->n_taps == 4 ? 1 : 0);
        bool outside = at < 0.0 || at >= (double)n;
        t->at[k] = clamped(at, n);
        t->weight[k] =
            outside && r->exclude_outside ? 0.0 : weight_of(r, x - at);
    }
    if (r->exclude_outside) {
        normalize(t);
    }
}

/* Rows of `inner` elements: y = sum of weighted rows of x. */
static void mix(const struct resize *r, const struct qn_array *x,
                const struct qn_array *y, int64_t from, int64_t to,
                int64_t inner, const struct taps *t)
{
    size_t size = qn_element_size(x->dtype);
    if (t->n == 1 && !t->outside) {
        memcpy(y->data + (size_t)to * size,
               x->data + (size_t)(from + t->at[0] * inner) * size,
               (size_t)inner * size);
        return;
    }
    for (int64_t i = 0; i < inner; i++) {
        double sum = t->outside ? r->extrapolation : 0.0;
        for (int k = 0; k < t->n && !t->outside; k++) {
            sum += t->weight[k] * qn_load(x, from + t->at[k] * inner + i);
        }
        qn_store(y, to + i, sum);
    }
}

/* Room for the taps of an element: at most all of the input, where a kernel is
 * widened. */
static struct qn_chunk *taps_room(struct qn_run *run, const struct resize *r,
                                  int64_t in, struct taps *t)
{
    size_t most = r->antialias && in > 4 ? (size_t)in : 4;
    struct qn_chunk *room =
        qn_scratch(run, most * (sizeof *t->at + sizeof *t->weight));
    if (room != NULL) {
        t->at = (int64_t *)(void *)room->data;
        t->weight = (double *)(void *)(t->at + most);
    }
    return room;
}

static enum quern_code resize_axis(struct qn_run *run, const struct qn_op *op,
                                   const struct resize *r,
                                   const struct qn_array *x,
                                   const struct qn_array *y,
                                   const struct along *along)
{
    int64_t outer = 1;
    int64_t inner = 1;
    int64_t in = x->dims[along->axis];
    int64_t out = y->dims[along->axis];
    struct taps t = {0};
    struct qn_chunk *room = taps_room(run, r, in, &t);
    if (room == NULL) {
        return qn_op_missing(run, op);
    }
    for (int i = 0; i < x->rank; i++) {
        outer *= i < along->axis ? x->dims[i] : 1;
        inner *= i > along->axis ? x->dims[i] : 1;
    }
    for (int64_t j = 0; j < out; j++) {
        find_taps(r, original(r, j, in, out, along), in, along->scale, &t);
        for (int64_t o = 0; o < outer; o++) {
            mix(r, x, y, o * in * inner, (o * out + j) * inner, inner, &t);
        }
    }
    qn_chunk_put(&run->chunks, room);
    return QUERN_OK;
}

/* Of an output axis: whole numbers are exact up to here. */
static const double MOST_SIZE = 9007199254740992.0;

/* One scale for all axes that are named (NULL: all), the least or the greatest
 * that sizes ask for. */
static void keep_aspect(const struct resize *r, const struct qn_array *x,
                        const int64_t *axes, size_t n, int64_t *dims,
                        struct along *along)
{
    double scale = 0.0;
    for (size_t i = 0; i < n; i++) {
        int64_t axis = axes != NULL ? axes[i] : (int64_t)i;
        double one = along[axis < 0 ? axis + x->rank : axis].scale;
        bool takes = r->policy == NOT_LARGER ? one < scale : one > scale;
        scale = i == 0 || takes ? one : scale;
    }
    for (size_t i = 0; i < n; i++) {
        int64_t axis = axes != NULL ? axes[i] : (int64_t)i;
        axis = axis < 0 ? axis + x->rank : axis;
        along[axis].scale = scale;
        dims[axis] = (int64_t)floor(scale * (double)x->dims[axis] + 0.5);
    }
}

/* From a scale, or a size. */
static bool set_along(const struct qn_array *x, double v, bool is_scale,
                      int64_t *dims, struct along *along)
{
    double in = (double)x->dims[along->axis];
    double size = is_scale ? floor(in * v) : v;
    if (!(in >= 1.0) || !(size >= 1.0 && size <= MOST_SIZE)) { /* nor NaN */
        return false;
    }
    along->scale = is_scale ? v : v / in;
    dims[along->axis] = (int64_t)size;
    return true;
}

static void keep_all(const struct qn_array *x, int64_t *dims,
                     struct along *along)
{
    for (int i = 0; i < x->rank; i++) {
        dims[i] = x->dims[i];
        along[i] = (struct along){.axis = i, .scale = 1.0, .to = 1.0};
    }
}

/* Output dims and scales by axis, from input `scales` or `sizes`. */
static bool read_target(struct qn_run *run, const struct qn_op *op,
                        const struct resize *r, const struct qn_array *x,
                        int64_t *dims, struct along *along)
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
    keep_all(x, dims, along);
    if (given == NULL || (size_t)given->len != n) {
        return false;
    }
    const struct qn_array *roi = r->crops ? qn_in_packed(run, op, 1) : NULL;
    if (r->crops && (roi == NULL || (size_t)roi->len != 2 * n)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        int axis = qn_axis(run, op, some ? axes[i] : (int64_t)i, x->rank);
        if (axis < 0 || !set_along(x, qn_load(given, (int64_t)i),
                                   given == scales, dims, &along[axis])) {
            return false;
        }
        along[axis].from = roi != NULL ? qn_load(roi, (int64_t)i) : 0.0;
        along[axis].to = roi != NULL ? qn_load(roi, (int64_t)(i + n)) : 1.0;
    }
    if (given == sizes && r->policy != STRETCH) {
        keep_aspect(r, x, axes, n, dims, along);
    }
    return true;
}

/* Nothing is scaled or cropped. */
static bool is_whole(const struct along *a)
{
    return a->scale >= 1.0 && a->scale <= 1.0 && a->from <= 0.0 &&
           a->from >= 0.0 && a->to <= 1.0 && a->to >= 1.0;
}

enum quern_code qn_op_resize(struct qn_run *run, const struct qn_op *op)
{
    struct resize r = {0};
    int64_t dims[QUERN_MAX_RANK];
    struct along along[QUERN_MAX_RANK];
    const struct qn_array *x = qn_in_packed(run, op, 0);
    enum quern_code code =
        x != NULL ? read_attributes(run, op, &r) : qn_op_missing(run, op);
    if (code != QUERN_OK) {
        return code;
    }
    if (!read_target(run, op, &r, x, dims, along)) {
        return qn_op_missing(run, op);
    }
    struct qn_array at = *x;
    at.chunk = NULL;
    for (int axis = 0; axis < x->rank && code == QUERN_OK; axis++) {
        if (dims[axis] == x->dims[axis] && is_whole(&along[axis])) {
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
            code = resize_axis(run, op, &r, &at, &next, &along[axis]);
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
