/* Operators that move, cut, join and repeat data. */
#include "infer/table.h"

#include <math.h>
#include <string.h>

void qn_infer_transpose(struct qn_infer_ctx *c)
{
    size_t n = 0;
    int rank = qn_infer_in_rank(c, 0);
    const int64_t *perm = qn_infer_attr_ints(c, "perm", &n);
    if (rank < 0 && perm != NULL && n <= QUERN_MAX_RANK) {
        qn_infer_out_rank(c, 0, (int)n);
    }
    if (rank < 0 || !qn_infer_out_rank(c, 0, rank)) {
        return;
    }
    if (perm != NULL && n != (size_t)rank) {
        qn_infer_problem(c, "perm has %zu axes, needs %d", n, rank);
        return;
    }
    for (int i = 0; i < rank; i++) {
        int64_t from = perm != NULL ? perm[i] : rank - 1 - i;
        if (from < 0 || from >= rank) {
            qn_infer_problem(c, "perm has axis %lld, needs 0 to %d",
                             (long long)from, rank - 1);
            return;
        }
        qn_infer_out(c, 0)->dims[i] = qn_infer_in_dim(c, 0, (int)from);
    }
}

void qn_infer_concat(struct qn_infer_ctx *c)
{
    int rank = -1;
    int axis = 0;
    struct qn_result *out = qn_infer_out(c, 0);
    for (size_t i = 0; i < c->node->n_inputs; i++) {
        int r = qn_infer_in_rank(c, i);
        if (r >= 0 && rank < 0 && qn_infer_out_rank(c, 0, r)) {
            rank = r;
            axis = qn_infer_axis(
                c, qn_infer_attr_int(c, "axis", c->opset < 4 ? 1 : 0), r);
        }
        if (r >= 0 && r != rank) {
            qn_infer_problem(c, "input %zu has rank %d, needs %d", i, r, rank);
            return;
        }
    }
    if (rank < 0 || axis < 0) {
        return;
    }
    struct quern_number sum = qn_num(0);
    for (size_t i = 0; i < c->node->n_inputs; i++) {
        bool known = qn_infer_in_rank(c, i) >= 0;
        sum = qn_num_plus(&c->x, sum,
                          known ? qn_infer_in_dim(c, i, axis) : QN_UNKNOWN);
        for (int k = 0; k < rank && known; k++) {
            if (k != axis) {
                out->dims[k] =
                    qn_infer_merge(c, out->dims[k], qn_infer_in_dim(c, i, k),
                                   "joined dimension");
            }
        }
    }
    out->dims[axis] = sum;
}

/* Length of part i when no lengths are given. */
static struct quern_number even_part(struct qn_infer_ctx *c, size_t i,
                                     struct quern_number all)
{
    int64_t n = qn_infer_attr_int(c, "num_outputs", (int64_t)c->n_out);
    if (n <= 0 || (size_t)n < c->n_out) {
        return QN_UNKNOWN;
    }
    bool uneven = c->opset >= 18;
    struct quern_number part = uneven ? qn_num_ceil_div(&c->x, all, n)
                                      : qn_num_floor_div(&c->x, all, qn_num(n));
    if (uneven && i + 1 == (size_t)n) {
        return qn_num_minus(&c->x, all,
                            qn_num_times(&c->x, part, qn_num(n - 1)));
    }
    return part;
}

void qn_infer_split(struct qn_infer_ctx *c)
{
    size_t n = 0;
    int rank = qn_infer_in_rank(c, 0);
    int axis = rank >= 0
                   ? qn_infer_axis(c, qn_infer_attr_int(c, "axis", 0), rank)
                   : -1;
    const struct quern_number *parts = qn_infer_numbers_of(c, "split", 1, &n);
    bool given = qn_infer_in_present(c, 1) || parts != NULL;
    if (axis < 0) {
        return;
    }
    if (parts != NULL && n != c->n_out) {
        qn_infer_problem(c, "split has %zu numbers for %zu outputs", n,
                         c->n_out);
        return;
    }
    for (size_t i = 0; i < c->n_out; i++) {
        qn_infer_out_like(c, i, 0);
        qn_infer_out(c, i)->dims[axis] =
            parts != NULL ? parts[i]
            : given       ? QN_UNKNOWN
                          : even_part(c, i, qn_infer_in_dim(c, 0, axis));
    }
}

/* ---------------------------------------------------------------- slice */

/* Number k of attribute `name` (opset 1) or input i. */
static struct quern_number slice_at(struct qn_infer_ctx *c, const char *name,
                                    size_t i, size_t k)
{
    size_t n = 0;
    if (c->opset < 10) {
        const int64_t *list = qn_infer_attr_ints(c, name, &n);
        return list != NULL && k < n ? qn_num(list[k]) : QN_UNKNOWN;
    }
    const struct quern_number *list = qn_infer_in_numbers(c, i, &n);
    return list != NULL && k < n ? list[k] : QN_UNKNOWN;
}

/* How many axes are cut; -1 when not known. */
static int64_t n_cuts(struct qn_infer_ctx *c)
{
    size_t n = 0;
    if (c->opset < 10) {
        return qn_infer_attr_ints(c, "starts", &n) != NULL ? (int64_t)n : -1;
    }
    for (size_t i = 1; i < 4; i++) {
        if (qn_infer_in_rank(c, i) == 1) {
            struct quern_number dim = qn_infer_in_dim(c, i, 0);
            if (qn_num_is_plain(dim)) {
                return dim.value;
            }
        }
    }
    return -1;
}

void qn_infer_slice_of(struct qn_infer_ctx *c, struct qn_slice *out)
{
    int rank = qn_infer_in_rank(c, 0);
    int64_t n = n_cuts(c);
    size_t n_axes = 0;
    out->known = rank >= 0 && n >= 0 && n <= QUERN_MAX_RANK;
    out->n = out->known ? (size_t)n : 0;
    bool has_axes = c->opset < 10
                        ? qn_infer_attr_ints(c, "axes", &n_axes) != NULL
                        : qn_infer_in_present(c, 3);
    for (size_t k = 0; k < out->n; k++) {
        struct quern_number axis =
            has_axes ? slice_at(c, "axes", 3, k) : qn_num((int64_t)k);
        if (!qn_num_is_plain(axis)) {
            out->known = false;
            return;
        }
        out->cut[k].axis = qn_infer_axis(c, axis.value, rank);
        if (out->cut[k].axis < 0) {
            out->known = false;
            return;
        }
        out->cut[k].start = slice_at(c, "starts", 1, k);
        out->cut[k].end = slice_at(c, "ends", 2, k);
        out->cut[k].step = qn_infer_in_present(c, 4) && c->opset >= 10
                               ? slice_at(c, "steps", 4, k)
                               : qn_num(1);
    }
}

/* A bound of a cut in [0, d]: what is negative counts from the end. */
static struct quern_number clamp(struct qn_infer_ctx *c, struct quern_number a,
                                 struct quern_number d)
{
    struct qn_algebra *x = &c->x;
    if (qn_num_is_plain(a) && a.value >= INT32_MAX) {
        return d;
    }
    if (qn_num_is_plain(a) && a.value < 0) {
        return qn_num_max(x, qn_num_plus(x, d, a), qn_num(0));
    }
    struct qn_bounds b = qn_num_bounds(a);
    if (!a.known || (b.low < 0 && b.high >= 0)) {
        return QN_UNKNOWN; /* its sign is not known */
    }
    if (b.low < 0) {
        return qn_num_max(x, qn_num_plus(x, d, a), qn_num(0));
    }
    return qn_num_min(x, a, d);
}

static struct quern_number cut_backwards(struct quern_number start,
                                         struct quern_number end,
                                         struct quern_number d, int64_t step)
{
    bool whole = qn_num_is_plain(end) && end.value <= -INT32_MAX &&
                 qn_num_is_plain(start) &&
                 (start.value == -1 || start.value >= INT32_MAX);
    if (step == -1 && whole) {
        return d;
    }
    if (!qn_num_is_plain(start) || !qn_num_is_plain(end) ||
        !qn_num_is_plain(d) || end.value == INT32_MAX ||
        end.value == INT64_MAX) {
        return QN_UNKNOWN; /* such an end is d to ONNX, none to ONNX Runtime */
    }
    int64_t last = d.value - 1;
    int64_t a = start.value < 0 ? start.value + d.value : start.value;
    int64_t b = end.value < 0 && end.value > -INT32_MAX ? end.value + d.value
                                                        : end.value;
    a = a < 0 ? 0 : a > last ? last : a;
    b = b < -1 ? -1 : b > last ? last : b;
    return qn_num(a > b ? (a - b - step - 1) / -step : 0);
}

static struct quern_number cut_len(struct qn_infer_ctx *c,
                                   struct quern_number start,
                                   struct quern_number end,
                                   struct quern_number step,
                                   struct quern_number d)
{
    struct qn_algebra *x = &c->x;
    if (!qn_num_is_plain(step) || step.value == 0 || step.value < -INT32_MAX) {
        return QN_UNKNOWN;
    }
    if (step.value < 0) {
        return cut_backwards(start, end, d, step.value);
    }
    struct quern_number a = clamp(c, start, d);
    struct quern_number b = clamp(c, end, d);
    struct quern_number n = qn_num_minus(x, b, a);
    n = qn_num_max(x, n, qn_num(0));
    return step.value < INT32_MAX ? qn_num_ceil_div(x, n, step.value)
                                  : QN_UNKNOWN;
}

void qn_infer_slice(struct qn_infer_ctx *c)
{
    struct qn_slice s;
    int rank = qn_infer_in_rank(c, 0);
    qn_infer_slice_of(c, &s);
    if (rank < 0 || !qn_infer_out_rank(c, 0, rank) || !s.known) {
        return;
    }
    qn_infer_out_like(c, 0, 0);
    for (size_t k = 0; k < s.n; k++) {
        int axis = s.cut[k].axis;
        qn_infer_out(c, 0)->dims[axis] =
            cut_len(c, s.cut[k].start, s.cut[k].end, s.cut[k].step,
                    qn_infer_in_dim(c, 0, axis));
    }
}

/* -------------------------------------------------------------- tile, pad */

void qn_infer_tile(struct qn_infer_ctx *c)
{
    size_t n = 0;
    int rank = qn_infer_in_rank(c, 0);
    const struct quern_number *repeats = qn_infer_in_numbers(c, 1, &n);
    if (rank < 0 || !qn_infer_out_rank(c, 0, rank) || repeats == NULL ||
        n != (size_t)rank) {
        return;
    }
    for (int i = 0; i < rank; i++) {
        qn_infer_out(c, 0)->dims[i] =
            qn_num_times(&c->x, qn_infer_in_dim(c, 0, i), repeats[i]);
    }
}

void qn_infer_pad(struct qn_infer_ctx *c)
{
    size_t n = 0;
    size_t n_axes = 0;
    int rank = qn_infer_in_rank(c, 0);
    const char *name = c->opset < 2 ? "paddings" : "pads";
    const struct quern_number *pads = qn_infer_numbers_of(c, name, 1, &n);
    const struct quern_number *axes = qn_infer_in_numbers(c, 3, &n_axes);
    if (rank < 0 || !qn_infer_out_rank(c, 0, rank) || pads == NULL ||
        (qn_infer_in_present(c, 3) && axes == NULL)) {
        return;
    }
    size_t half = axes != NULL ? n_axes : (size_t)rank;
    if (n != 2 * half) {
        qn_infer_problem(c, "pads has %zu numbers, needs %zu", n, 2 * half);
        return;
    }
    qn_infer_out_like(c, 0, 0);
    for (size_t k = 0; k < half; k++) {
        struct quern_number where = axes != NULL ? axes[k] : qn_num((int64_t)k);
        int axis =
            qn_num_is_plain(where) ? qn_infer_axis(c, where.value, rank) : -1;
        if (axis < 0) {
            qn_infer_out_rank(c, 0, rank);
            return;
        }
        struct quern_number *dim = &qn_infer_out(c, 0)->dims[axis];
        *dim = qn_num_plus(&c->x, *dim,
                           qn_num_plus(&c->x, pads[k], pads[k + half]));
    }
}

void qn_infer_blocks(struct qn_infer_ctx *c)
{
    struct qn_algebra *x = &c->x;
    int64_t block = qn_infer_attr_int(c, "blocksize", 0);
    if (qn_infer_in_rank(c, 0) != 4 || block < 1 || block > INT32_MAX ||
        !qn_infer_out_rank(c, 0, 4)) {
        return;
    }
    struct qn_result *out = qn_infer_out(c, 0);
    struct quern_number b = qn_num(block);
    out->dims[0] = qn_infer_in_dim(c, 0, 0);
    for (int i = 1; i < 4; i++) {
        struct quern_number dim = qn_infer_in_dim(c, 0, i);
        struct quern_number by = i == 1 ? qn_num_times(x, b, b) : b;
        out->dims[i] = (i == 1) == (c->param == 1)
                           ? qn_num_floor_div(x, dim, by)
                           : qn_num_times(x, dim, by);
    }
}

/* --------------------------------------------------------------- resize */

/* Length d times a scale, rounded down as ONNX Runtime does it. */
static struct quern_number scaled(struct qn_infer_ctx *c, struct quern_number d,
                                  float scale)
{
    if (qn_num_is_plain(d)) {
        float len = (float)d.value * scale;
        return len >= 0.0f && len < 1e15f ? qn_num((int64_t)floorf(len))
                                          : QN_UNKNOWN;
    }
    if (scale >= 1.0f && scale < 1e6f && !(floorf(scale) < scale)) {
        return qn_num_times(&c->x, d, qn_num((int64_t)scale));
    }
    float inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
    int exponent = 0;
    if (inverse >= 2.0f && inverse < 1e6f &&
        frexpf(inverse, &exponent) <= 0.5f) {
        return qn_num_floor_div(&c->x, d, qn_num((int64_t)inverse));
    }
    return QN_UNKNOWN;
}

/* Scales of Resize or Upsample as floats: attribute, or constant input i. */
static size_t scales_of(struct qn_infer_ctx *c, size_t i, float *scales)
{
    size_t n = 0;
    const float *list = qn_infer_attr_floats(c, "scales", &n);
    if (list != NULL && n <= QUERN_MAX_RANK) {
        memcpy(scales, list, n * sizeof *list);
        return n;
    }
    if (!qn_infer_in_present(c, i)) {
        return 0;
    }
    const struct quern_tensor *t =
        quern_value_constant(c->node->inputs[i]->value);
    int64_t len = t != NULL ? quern_tensor_len(t) : 0;
    if (len < 1 || len > QUERN_MAX_RANK ||
        !quern_tensor_read_floats(t, 0, len, scales)) {
        return 0;
    }
    return (size_t)len;
}

static bool is_crop(const struct qn_infer_ctx *c)
{
    const char *mode =
        qn_infer_attr_string(c, "coordinate_transformation_mode");
    return mode != NULL && strcmp(mode, "tf_crop_and_resize") == 0;
}

/* Axis that scale or size k is for; -1: none. */
static int resized_axis(struct qn_infer_ctx *c, size_t k, int rank)
{
    size_t n = 0;
    const int64_t *axes = qn_infer_attr_ints(c, "axes", &n);
    if (axes == NULL || n == 0) {
        return (int)k < rank ? (int)k : -1;
    }
    return k < n ? qn_infer_axis(c, axes[k], rank) : -1;
}

/* How far is not known: what `axes` leaves out stays. */
static void keep_other_axes(struct qn_infer_ctx *c, int rank)
{
    size_t n = 0;
    const int64_t *axes = qn_infer_attr_ints(c, "axes", &n);
    if (axes == NULL || n == 0) {
        return;
    }
    qn_infer_out_like(c, 0, 0);
    for (size_t k = 0; k < n; k++) {
        int axis = qn_infer_axis(c, axes[k], rank);
        if (axis >= 0) {
            qn_infer_out(c, 0)->dims[axis] = QN_UNKNOWN;
        }
    }
}

void qn_infer_resize(struct qn_infer_ctx *c)
{
    float scales[QUERN_MAX_RANK];
    size_t n = 0;
    int rank = qn_infer_in_rank(c, 0);
    bool one_input = c->param == 1 || c->opset < 11;
    const char *policy = qn_infer_attr_string(c, "keep_aspect_ratio_policy");
    bool stretch = policy == NULL || strcmp(policy, "stretch") == 0;
    if (rank < 0 || !qn_infer_out_rank(c, 0, rank)) {
        return;
    }
    size_t n_scales = scales_of(c, one_input ? 1 : 2, scales);
    const struct quern_number *sizes =
        one_input ? NULL : qn_infer_in_numbers(c, 3, &n);
    if (n_scales == 0 && (sizes == NULL || n == 0 || !stretch)) {
        keep_other_axes(c, rank);
        return;
    }
    qn_infer_out_like(c, 0, 0);
    bool by_scale = n_scales > 0;
    for (size_t k = 0; k < (by_scale ? n_scales : n); k++) {
        int axis = resized_axis(c, k, rank);
        if (axis < 0) {
            qn_infer_out_rank(c, 0, rank);
            return;
        }
        struct quern_number *dim = &qn_infer_out(c, 0)->dims[axis];
        *dim = !by_scale    ? sizes[k]
               : is_crop(c) ? QN_UNKNOWN
                            : scaled(c, qn_infer_in_dim(c, 0, axis), scales[k]);
    }
}

void qn_infer_center_crop_pad(struct qn_infer_ctx *c)
{
    size_t n = 0;
    int rank = qn_infer_in_rank(c, 0);
    const struct quern_number *shape = qn_infer_in_numbers(c, 1, &n);
    if (rank < 0 || shape == NULL) {
        return;
    }
    qn_infer_out_like(c, 0, 0);
    for (size_t k = 0; k < n; k++) {
        int axis = resized_axis(c, k, rank);
        if (axis < 0) {
            qn_infer_out_rank(c, 0, rank);
            return;
        }
        qn_infer_out(c, 0)->dims[axis] = shape[k];
    }
}
