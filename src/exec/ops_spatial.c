/* Images cut, folded and unpooled: CenterCropPad, Col2Im, MaxUnpool, LpPool,
 * AffineGrid, Det. Element by element, any floating type. */
#include "base/checked.h"
#include "exec/nest.h"
#include "exec/ops.h"
#include "exec/window.h"

#include <math.h>
#include <string.h>

/* --------------------------------------------------------- CenterCropPad */

enum quern_code qn_op_center_crop_pad(struct qn_run *run,
                                      const struct qn_op *op)
{
    const struct qn_array *x = qn_in(run, op, 0);
    int64_t shape[2 * QUERN_MAX_RANK];
    int64_t dims[QUERN_MAX_RANK];
    const int64_t *axes = NULL;
    size_t n_axes = 0;
    struct qn_array *y = NULL;
    int n = qn_in_ints(run, op, 1, shape);
    x = qn_in(run, op, 0);
    bool some =
        quern_node_attr_ints(op->node, "axes", &axes, &n_axes) == QUERN_OK;
    if (x == NULL || n < 0 || n != (some ? (int)n_axes : x->rank)) {
        return qn_op_missing(run, op);
    }
    struct qn_array from = *x;
    struct qn_array to = *x;
    int64_t from_at = 0;
    memcpy(dims, x->dims, sizeof dims);
    for (int i = 0; i < n; i++) {
        int axis = qn_axis(run, op, some ? axes[i] : i, x->rank);
        if (axis < 0 || shape[i] < 0 || dims[axis] != x->dims[axis]) {
            return qn_op_missing(run, op);
        }
        dims[axis] = shape[i];
    }
    enum quern_code code = qn_out(run, op, 0, x->dtype, x->rank, dims, &y);
    if (code != QUERN_OK || y == NULL || y->len == 0) {
        return code;
    }
    size_t size = qn_element_size(x->dtype);
    int64_t to_at = 0;
    memset(y->data, 0, (size_t)y->len * size);
    memcpy(to.strides, y->strides, sizeof to.strides);
    to.len = 1;
    for (int i = 0; i < x->rank; i++) {
        int64_t more = dims[i] - x->dims[i];
        to.dims[i] = from.dims[i] = more > 0 ? x->dims[i] : dims[i];
        to_at += more > 0 ? more / 2 * y->strides[i] : 0;
        from_at += more < 0 ? -more / 2 * x->strides[i] : 0;
        to.len *= to.dims[i];
    }
    from.len = to.len;
    to.data = y->data + to_at * (int64_t)size;
    from.data = x->data + from_at * (int64_t)size;
    qn_array_copy(&to, &from);
    return QUERN_OK;
}

/* ---------------------------------------------------------------- Col2Im */

/* Attributes of n numbers; absent: `fallback`. */
static bool numbers(const struct qn_op *op, const char *name, int n,
                    int64_t least, int64_t fallback, int64_t *out)
{
    const int64_t *values = NULL;
    size_t len = 0;
    bool there =
        quern_node_attr_ints(op->node, name, &values, &len) == QUERN_OK;
    for (int i = 0; i < n; i++) {
        out[i] = there && (size_t)i < len ? values[i] : fallback;
        if ((there && len != (size_t)n) || out[i] < least ||
            out[i] > INT32_MAX) {
            return false;
        }
    }
    return true;
}

struct fold {
    int n; /* axes */
    int64_t image[QUERN_MAX_RANK];
    int64_t block[QUERN_MAX_RANK];
    int64_t places[QUERN_MAX_RANK]; /* of the block */
    int64_t dilation[QUERN_MAX_RANK];
    int64_t stride[QUERN_MAX_RANK];
    int64_t pads[2 * QUERN_MAX_RANK];
    int64_t n_taps;
    int64_t n_places;
    int64_t len; /* of the image */
};

static bool read_fold(struct qn_run *run, const struct qn_op *op,
                      const struct qn_array *x, struct fold *f)
{
    int64_t image[2 * QUERN_MAX_RANK];
    int64_t block[2 * QUERN_MAX_RANK];
    f->n = qn_in_ints(run, op, 1, image);
    if (f->n < 1 || f->n > QUERN_MAX_RANK - 2 || x->rank != 3 ||
        qn_in_ints(run, op, 2, block) != f->n ||
        !numbers(op, "dilations", f->n, 1, 1, f->dilation) ||
        !numbers(op, "strides", f->n, 1, 1, f->stride) ||
        !numbers(op, "pads", 2 * f->n, 0, 0, f->pads)) {
        return false;
    }
    f->n_taps = f->n_places = 1;
    for (int i = 0; i < f->n; i++) {
        f->image[i] = image[i];
        f->block[i] = block[i];
        if (image[i] < 1 || block[i] < 1 || image[i] > INT32_MAX ||
            block[i] > INT32_MAX) {
            return false;
        }
        int64_t room = image[i] + f->pads[i] + f->pads[f->n + i] -
                       f->dilation[i] * (block[i] - 1) - 1;
        f->places[i] = room / f->stride[i] + 1;
        int64_t both[2] = {f->n_taps, block[i]};
        int64_t all[2] = {f->n_places, f->places[i]};
        if (room < 0 || !qn_shape_len(2, both, &f->n_taps) ||
            !qn_shape_len(2, all, &f->n_places)) {
            return false;
        }
    }
    return qn_shape_len(f->n, f->image, &f->len) &&
           x->dims[1] % f->n_taps == 0 && x->dims[2] == f->n_places;
}

/* Where tap t of place p stands in the image; -1: in the pads. */
static int64_t fold_at(const struct fold *f, int64_t t, int64_t p)
{
    int64_t at = 0;
    int64_t step = 1;
    for (int i = f->n - 1; i >= 0; i--) {
        int64_t k = p % f->places[i] * f->stride[i] - f->pads[i] +
                    t % f->block[i] * f->dilation[i];
        t /= f->block[i];
        p /= f->places[i];
        if (k < 0 || k >= f->image[i]) {
            return -1;
        }
        at += k * step;
        step *= f->image[i];
    }
    return at;
}

enum quern_code qn_op_col2im(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in_packed(run, op, 0);
    struct fold f = {0};
    int64_t dims[QUERN_MAX_RANK];
    struct qn_array *y = NULL;
    if (x == NULL || !quern_dtype_is_float(x->dtype) ||
        !read_fold(run, op, x, &f)) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "columns do not fit the image and its blocks");
    }
    dims[0] = x->dims[0];
    dims[1] = x->dims[1] / f.n_taps;
    memcpy(dims + 2, f.image, (size_t)f.n * sizeof *dims);
    enum quern_code code = qn_out(run, op, 0, x->dtype, f.n + 2, dims, &y);
    if (code != QUERN_OK || y == NULL || y->len == 0) {
        return code;
    }
    memset(y->data, 0, (size_t)y->len * qn_element_size(y->dtype));
    for (int64_t i = 0; i < x->len; i++) {
        int64_t tap = i / f.n_places;
        int64_t at = fold_at(&f, tap % f.n_taps, i % f.n_places);
        if (at >= 0) {
            at += tap / f.n_taps * f.len;
            qn_store(y, at, qn_load(y, at) + qn_load(x, i));
        }
    }
    return QUERN_OK;
}

/* ------------------------------------------------------------- MaxUnpool */

struct unpooling {
    const struct qn_array *x;
    const struct qn_array *at;
    struct qn_array
        begun; /* dims, strides and length that pooling began with */
    int64_t dims[2 * QUERN_MAX_RANK];
};

/* The dims that pooling began with, by its attributes. */
static bool read_begun(const struct qn_op *op, struct unpooling *u)
{
    int64_t kernel[QUERN_MAX_RANK];
    int64_t stride[QUERN_MAX_RANK];
    int64_t pads[2 * QUERN_MAX_RANK];
    const struct qn_array *x = u->x;
    int n = x->rank - 2;
    if (n < 1 || !numbers(op, "kernel_shape", n, 1, 1, kernel) ||
        !numbers(op, "strides", n, 1, 1, stride) ||
        !numbers(op, "pads", 2 * n, 0, 0, pads)) {
        return false;
    }
    u->begun = (struct qn_array){.rank = x->rank};
    for (int i = 0; i < x->rank; i++) {
        int k = i - 2;
        u->begun.dims[i] = k < 0 ? x->dims[i]
                                 : (x->dims[i] - 1) * stride[k] - pads[k] -
                                       pads[n + k] + kernel[k];
        if (u->begun.dims[i] < 0) {
            return false;
        }
    }
    memcpy(u->dims, u->begun.dims, sizeof u->begun.dims);
    qn_array_pack_strides(&u->begun);
    return qn_shape_len(x->rank, u->begun.dims, &u->begun.len);
}

static bool read_unpooling(struct qn_run *run, const struct qn_op *op,
                           struct unpooling *u)
{
    u->x = qn_in_packed(run, op, 0);
    u->at = qn_in_packed(run, op, 1);
    if (u->x == NULL || u->at == NULL || u->at->dtype != QUERN_INT64 ||
        u->at->len != u->x->len || !read_begun(op, u) ||
        (qn_in(run, op, 2) != NULL &&
         qn_in_ints(run, op, 2, u->dims) != u->x->rank)) {
        return false;
    }
    for (int i = 0; i < u->x->rank; i++) {
        if (u->dims[i] < u->begun.dims[i]) {
            return false;
        }
    }
    return true;
}

/* Values go to their indices in the shape that pooling began with by its
 * attributes; a given shape has that in its first corner, as ONNX's own case
 * has it (ONNX Runtime takes the indices for those of the given shape). */
enum quern_code qn_op_max_unpool(struct qn_run *run, const struct qn_op *op)
{
    struct unpooling u = {0};
    struct qn_array *y = NULL;
    if (!read_unpooling(run, op, &u)) {
        return qn_op_missing(run, op);
    }
    enum quern_code code =
        qn_out(run, op, 0, u.x->dtype, u.x->rank, u.dims, &y);
    if (code != QUERN_OK || y == NULL || y->len == 0) {
        return code;
    }
    size_t size = qn_element_size(y->dtype);
    memset(y->data, 0, (size_t)y->len * size);
    for (int64_t k = 0; k < u.x->len; k++) {
        int64_t rest = qn_load_int(u.at, k);
        int64_t to = 0;
        if (rest < 0 || rest >= u.begun.len) {
            return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                              "index %lld lies outside %lld elements",
                              (long long)rest, (long long)u.begun.len);
        }
        for (int i = 0; i < u.begun.rank; i++) {
            to += rest / u.begun.strides[i] * y->strides[i];
            rest %= u.begun.strides[i];
        }
        memcpy(y->data + (size_t)to * size, u.x->data + (size_t)k * size, size);
    }
    return QUERN_OK;
}

/* ---------------------------------------------------------------- LpPool */

static double lp_at(const struct qn_window *w, const struct qn_array *x,
                    int64_t image, const int64_t *at, double p)
{
    double sum = 0.0;
    const int64_t *k = w->kernel;
    for (int64_t t = 0; t < k[0] * k[1] * k[2]; t++) {
        int64_t place[3] = {t / (k[1] * k[2]), t / k[2] % k[1], t % k[2]};
        bool inside = true;
        for (int i = 0; i < QN_WINDOW_AXES; i++) {
            place[i] =
                at[i] * w->stride[i] - w->pad[i] + place[i] * w->dilation[i];
            inside = inside && place[i] >= 0 && place[i] < w->in[i];
        }
        int64_t from = (place[0] * w->in[1] + place[1]) * w->in[2] + place[2];
        sum += inside ? pow(fabs(qn_load(x, image + from)), p) : 0.0;
    }
    return pow(sum, 1.0 / p);
}

enum quern_code qn_op_lp_pool(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in_packed(run, op, 0);
    struct qn_window w;
    int64_t dims[QUERN_MAX_RANK];
    struct qn_array *y = NULL;
    double p = (double)quern_node_int(op->node, "p", 2);
    if (x == NULL || !quern_dtype_is_float(x->dtype) || p < 1.0) {
        return qn_op_missing(run, op);
    }
    enum quern_code code = qn_window_init(run, op, x, NULL, &w);
    if (code == QUERN_OK) {
        int rank = qn_window_dims(&w, x->dims[0], x->dims[1], dims);
        code = qn_out(run, op, 0, x->dtype, rank, dims, &y);
    }
    int64_t image = w.in[0] * w.in[1] * w.in[2];
    int64_t positions = w.out[0] * w.out[1] * w.out[2];
    for (int64_t k = 0; code == QUERN_OK && y != NULL && k < y->len; k++) {
        int64_t i = k % positions;
        int64_t at[3] = {i / (w.out[1] * w.out[2]), i / w.out[2] % w.out[1],
                         i % w.out[2]};
        qn_store(y, k, lp_at(&w, x, k / positions * image, at, p));
    }
    return code;
}

/* One number an image and channel. */
enum quern_code qn_op_global_lp_pool(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in_packed(run, op, 0);
    struct qn_array *y = NULL;
    double p = (double)quern_node_int(op->node, "p", 2);
    if (x == NULL || !quern_dtype_is_float(x->dtype) || x->rank < 2 ||
        p < 1.0) {
        return qn_op_missing(run, op);
    }
    enum quern_code code = qn_out_of_space(run, op, x, &y);
    if (code != QUERN_OK || y == NULL || y->len == 0) {
        return code;
    }
    int64_t size = x->len / y->len;
    for (int64_t k = 0; k < y->len; k++) {
        double sum = 0.0;
        for (int64_t i = 0; i < size; i++) {
            sum += pow(fabs(qn_load(x, k * size + i)), p);
        }
        qn_store(y, k, pow(sum, 1.0 / p));
    }
    return QUERN_OK;
}

/* ------------------------------------------------------------ AffineGrid */

static double grid_step(int64_t i, int64_t n, bool corners)
{
    return corners ? (n > 1 ? -1.0 + 2.0 * (double)i / (double)(n - 1) : -1.0)
                   : (2.0 * (double)i + 1.0) / (double)n - 1.0;
}

/* theta [N, r, r + 1], size [N, C, (D,) H, W]: places (x, y(, z)) by row. */
enum quern_code qn_op_affine_grid(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *theta = qn_in_packed(run, op, 0);
    int64_t size[2 * QUERN_MAX_RANK];
    int64_t dims[5];
    struct qn_array *y = NULL;
    bool corners = quern_node_int(op->node, "align_corners", 0) != 0;
    int n = qn_in_ints(run, op, 1, size);
    int r = n - 2;
    if (theta == NULL || r < 2 || r > 3 || theta->rank != 3 ||
        !quern_dtype_is_float(theta->dtype) || theta->dims[0] != size[0] ||
        theta->dims[1] != r || theta->dims[2] != r + 1) {
        return qn_op_missing(run, op);
    }
    dims[0] = size[0];
    memcpy(dims + 1, size + 2, (size_t)r * sizeof *dims);
    dims[r + 1] = r;
    enum quern_code code = qn_out(run, op, 0, theta->dtype, r + 2, dims, &y);
    for (int64_t k = 0; code == QUERN_OK && y != NULL && k < y->len; k++) {
        int64_t rest = k / r;
        int64_t row = k % r;
        double v[4] = {0.0, 0.0, 0.0, 0.0};
        for (int i = r; i >= 1; i--) {
            v[r - i] = grid_step(rest % dims[i], dims[i], corners);
            rest /= dims[i];
        }
        v[r] = 1.0;
        double sum = 0.0;
        for (int i = 0; i <= r; i++) {
            sum += v[i] * qn_load(theta, (rest * r + row) * (r + 1) + i);
        }
        qn_store(y, k, sum);
    }
    return code;
}

/* ------------------------------------------------------------------- Det */

/* By elimination with the greatest pivot; `a` [n, n] is lost. */
static double determinant(double *a, int64_t n)
{
    double det = 1.0;
    for (int64_t k = 0; k < n; k++) {
        int64_t best = k;
        for (int64_t i = k + 1; i < n; i++) {
            best = fabs(a[i * n + k]) > fabs(a[best * n + k]) ? i : best;
        }
        for (int64_t j = 0; best != k && j < n; j++) {
            double t = a[k * n + j];
            a[k * n + j] = a[best * n + j];
            a[best * n + j] = t;
        }
        double pivot = a[k * n + k];
        det *= best != k ? -pivot : pivot;
        if (!(fabs(pivot) > 0.0)) {
            return det; /* 0, or NaN */
        }
        for (int64_t i = k + 1; i < n; i++) {
            double f = a[i * n + k] / pivot;
            for (int64_t j = k; j < n; j++) {
                a[i * n + j] -= f * a[k * n + j];
            }
        }
    }
    return det;
}

enum quern_code qn_op_det(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in_packed(run, op, 0);
    struct qn_array *y = NULL;
    if (x == NULL || x->rank < 2 || !quern_dtype_is_float(x->dtype) ||
        x->dims[x->rank - 1] != x->dims[x->rank - 2]) {
        return qn_op_missing(run, op);
    }
    int64_t n = x->dims[x->rank - 1];
    enum quern_code code =
        qn_out(run, op, 0, x->dtype, x->rank - 2, x->dims, &y);
    if (code != QUERN_OK || y == NULL || y->len == 0) {
        return code;
    }
    struct qn_chunk *room = qn_scratch(run, (size_t)(n * n) * sizeof(double));
    if (room == NULL) {
        return qn_op_missing(run, op);
    }
    double *a = (double *)(void *)room->data;
    for (int64_t k = 0; k < y->len; k++) {
        for (int64_t i = 0; i < n * n; i++) {
            a[i] = qn_load(x, k * n * n + i);
        }
        qn_store(y, k, determinant(a, n));
    }
    qn_chunk_put(&run->chunks, room);
    return QUERN_OK;
}
