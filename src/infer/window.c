/* Convolution, pooling and what else looks through a window. */
#include "infer/table.h"

#include <string.h>

/* Attributes of a window over `n` spatial axes. */
struct window {
    int n;
    struct quern_number kernel[QUERN_MAX_RANK];
    const int64_t *strides;   /* NULL: 1 */
    const int64_t *dilations; /* NULL: 1 */
    const int64_t *pads;      /* NULL: 0; n begins, n ends */
    bool same;                /* auto_pad SAME_UPPER or SAME_LOWER */
    bool valid_pads;          /* pads do not count */
};

static int64_t at(const int64_t *list, int i, int64_t otherwise)
{
    return list != NULL ? list[i] : otherwise;
}

/* A list attribute of the length that it must have, else NULL. */
static const int64_t *list_of(struct qn_infer_ctx *c, const char *name, int n,
                              int64_t least)
{
    size_t len = 0;
    const int64_t *list = qn_infer_attr_ints(c, name, &len);
    if (list == NULL || len == 0) {
        return NULL;
    }
    if (len != (size_t)n) {
        qn_infer_problem(c, "%s has %zu numbers, needs %d", name, len, n);
        return NULL;
    }
    for (int i = 0; i < n; i++) {
        if (list[i] < least || list[i] > INT32_MAX) {
            qn_infer_problem(c, "%s has %lld, needs at least %lld", name,
                             (long long)list[i], (long long)least);
            return NULL;
        }
    }
    return list;
}

/* False when a list is there that cannot be. */
static bool read_window(struct qn_infer_ctx *c, struct window *w, int n)
{
    const char *auto_pad = qn_infer_attr_string(c, "auto_pad");
    w->n = n;
    w->strides = list_of(c, "strides", n, 1);
    w->dilations = list_of(c, "dilations", n, 1);
    w->pads = list_of(c, "pads", 2 * n, INT32_MIN);
    w->same = auto_pad != NULL && strncmp(auto_pad, "SAME", 4) == 0;
    w->valid_pads = auto_pad != NULL && strcmp(auto_pad, "VALID") == 0;
    return c->problem[0] == '\0';
}

/* kernel_shape, where it is given. */
static bool read_kernel(struct qn_infer_ctx *c, struct window *w)
{
    const int64_t *list = list_of(c, "kernel_shape", w->n, 1);
    for (int i = 0; list != NULL && i < w->n; i++) {
        w->kernel[i] = qn_num(list[i]);
    }
    return list != NULL;
}

static struct quern_number padded(struct qn_infer_ctx *c,
                                  const struct window *w, int i,
                                  struct quern_number in)
{
    if (w->valid_pads) {
        return in;
    }
    int64_t both = at(w->pads, i, 0) + at(w->pads, i + w->n, 0);
    return qn_num_plus(&c->x, in, qn_num(both));
}

static struct quern_number extent(struct qn_infer_ctx *c,
                                  const struct window *w, int i)
{
    struct quern_number k = qn_num_minus(&c->x, w->kernel[i], qn_num(1));
    k = qn_num_times(&c->x, k, qn_num(at(w->dilations, i, 1)));
    return qn_num_plus(&c->x, k, qn_num(1));
}

/* Positions of the window along spatial axis i of length `in`. */
static struct quern_number positions(struct qn_infer_ctx *c,
                                     const struct window *w, int i,
                                     struct quern_number in, bool ceil)
{
    struct qn_algebra *x = &c->x;
    int64_t stride = at(w->strides, i, 1);
    if (w->same) {
        return qn_num_ceil_div(x, in, stride);
    }
    struct quern_number room =
        qn_num_minus(x, padded(c, w, i, in), extent(c, w, i));
    if (qn_num_is_plain(room) && room.value < 0) {
        qn_infer_problem(c, "window of %lld on axis %d of length %lld",
                         (long long)extent(c, w, i).value, i + 2,
                         (long long)padded(c, w, i, in).value);
        return QN_UNKNOWN;
    }
    if (!ceil) {
        return qn_num_plus(x, qn_num_floor_div(x, room, qn_num(stride)),
                           qn_num(1));
    }
    struct quern_number all =
        qn_num_plus(x, qn_num_ceil_div(x, room, stride), qn_num(1));
    /* The last window must begin before the padding behind the data. */
    int64_t front = w->valid_pads ? 0 : at(w->pads, i, 0);
    struct quern_number begins =
        qn_num_ceil_div(x, qn_num_plus(x, in, qn_num(front)), stride);
    return qn_num_min(x, all, begins);
}

void qn_infer_conv(struct qn_infer_ctx *c)
{
    size_t weight = c->param == QN_WINDOW_QLINEAR ? 3 : 1;
    struct window w;
    int rank = qn_infer_in_rank(c, 0) >= 0 ? qn_infer_in_rank(c, 0)
                                           : qn_infer_in_rank(c, weight);
    if (rank < 3 || !qn_infer_out_rank(c, 0, rank)) {
        return;
    }
    struct qn_result *out = qn_infer_out(c, 0);
    bool has_data = qn_infer_in_rank(c, 0) == rank;
    bool has_weight = qn_infer_in_rank(c, weight) == rank;
    if (has_data && qn_infer_in_rank(c, weight) >= 0 && !has_weight) {
        qn_infer_problem(c, "weight has rank %d, needs %d",
                         qn_infer_in_rank(c, weight), rank);
        return;
    }
    if (has_data) {
        out->dims[0] = qn_infer_in_dim(c, 0, 0);
    }
    if (has_weight) {
        out->dims[1] = qn_infer_in_dim(c, weight, 0);
    }
    if (has_data && has_weight) {
        int64_t group = qn_infer_attr_int(c, "group", 1);
        (void)qn_infer_merge(
            c, qn_infer_in_dim(c, 0, 1),
            qn_num_times(&c->x, qn_infer_in_dim(c, weight, 1), qn_num(group)),
            "channels");
    }
    if (!has_data || !read_window(c, &w, rank - 2)) {
        return;
    }
    if (!read_kernel(c, &w)) {
        for (int i = 0; i < w.n; i++) {
            w.kernel[i] =
                has_weight ? qn_infer_in_dim(c, weight, i + 2) : QN_UNKNOWN;
        }
    }
    for (int i = 0; i < w.n; i++) {
        out->dims[i + 2] =
            positions(c, &w, i, qn_infer_in_dim(c, 0, i + 2), false);
    }
}

void qn_infer_pool(struct qn_infer_ctx *c)
{
    struct window w;
    int rank = qn_infer_in_rank(c, 0);
    if (rank < 3 || !qn_infer_out_rank(c, 0, rank)) {
        return;
    }
    struct qn_result *out = qn_infer_out(c, 0);
    out->dims[0] = qn_infer_in_dim(c, 0, 0);
    out->dims[1] = qn_infer_in_dim(c, 0, 1);
    bool ceil = qn_infer_attr_int(c, "ceil_mode", 0) != 0;
    if (read_window(c, &w, rank - 2) && read_kernel(c, &w)) {
        for (int i = 0; i < w.n; i++) {
            out->dims[i + 2] =
                positions(c, &w, i, qn_infer_in_dim(c, 0, i + 2), ceil);
        }
    }
    struct qn_result *indices = qn_infer_out(c, 1);
    indices->rank = rank;
    memcpy(indices->dims, out->dims, sizeof out->dims);
}

/* Length of spatial axis i of ConvTranspose. */
static struct quern_number spread(struct qn_infer_ctx *c,
                                  const struct window *w, int i,
                                  struct quern_number in,
                                  const int64_t *output_padding)
{
    struct qn_algebra *x = &c->x;
    struct quern_number stride = qn_num(at(w->strides, i, 1));
    if (w->same) {
        return qn_num_times(x, in, stride);
    }
    struct quern_number len =
        qn_num_times(x, qn_num_minus(x, in, qn_num(1)), stride);
    int64_t less =
        w->valid_pads ? 0 : at(w->pads, i, 0) + at(w->pads, i + w->n, 0);
    len = qn_num_plus(x, len, extent(c, w, i));
    return qn_num_plus(x, len, qn_num(at(output_padding, i, 0) - less));
}

void qn_infer_conv_transpose(struct qn_infer_ctx *c)
{
    struct window w;
    int rank = qn_infer_in_rank(c, 0);
    bool has_weight = rank >= 3 && qn_infer_in_rank(c, 1) == rank;
    if (rank < 3 || !qn_infer_out_rank(c, 0, rank)) {
        return;
    }
    struct qn_result *out = qn_infer_out(c, 0);
    out->dims[0] = qn_infer_in_dim(c, 0, 0);
    if (has_weight) {
        out->dims[1] = qn_num_times(&c->x, qn_infer_in_dim(c, 1, 1),
                                    qn_num(qn_infer_attr_int(c, "group", 1)));
        (void)qn_infer_merge(c, qn_infer_in_dim(c, 0, 1),
                             qn_infer_in_dim(c, 1, 0), "channels");
    }
    if (!read_window(c, &w, rank - 2)) {
        return;
    }
    if (!read_kernel(c, &w)) {
        for (int i = 0; i < w.n; i++) {
            w.kernel[i] =
                has_weight ? qn_infer_in_dim(c, 1, i + 2) : QN_UNKNOWN;
        }
    }
    size_t n = 0;
    const int64_t *shape = qn_infer_attr_ints(c, "output_shape", &n);
    const int64_t *more = list_of(c, "output_padding", w.n, 0);
    for (int i = 0; i < w.n; i++) {
        out->dims[i + 2] =
            shape != NULL && n >= (size_t)w.n
                ? qn_num(shape[n - (size_t)w.n + (size_t)i])
                : spread(c, &w, i, qn_infer_in_dim(c, 0, i + 2), more);
    }
}

void qn_infer_global_pool(struct qn_infer_ctx *c)
{
    int rank = qn_infer_in_rank(c, 0);
    if (rank < 2 || !qn_infer_out_rank(c, 0, rank)) {
        return;
    }
    for (int i = 0; i < rank; i++) {
        qn_infer_out(c, 0)->dims[i] =
            i < 2 ? qn_infer_in_dim(c, 0, i) : qn_num(1);
    }
}

void qn_infer_max_unpool(struct qn_infer_ctx *c)
{
    struct window w;
    int rank = qn_infer_in_rank(c, 0);
    size_t n = 0;
    if (rank < 3 || !qn_infer_out_rank(c, 0, rank)) {
        return;
    }
    struct qn_result *out = qn_infer_out(c, 0);
    if (qn_infer_in_present(c, 2)) {
        const struct quern_number *shape = qn_infer_in_numbers(c, 2, &n);
        for (int i = 0; shape != NULL && n == (size_t)rank && i < rank; i++) {
            out->dims[i] = shape[i];
        }
        return;
    }
    out->dims[0] = qn_infer_in_dim(c, 0, 0);
    out->dims[1] = qn_infer_in_dim(c, 0, 1);
    if (!read_window(c, &w, rank - 2) || !read_kernel(c, &w)) {
        return;
    }
    for (int i = 0; i < w.n; i++) {
        out->dims[i + 2] = spread(c, &w, i, qn_infer_in_dim(c, 0, i + 2), NULL);
    }
}

void qn_infer_roi(struct qn_infer_ctx *c)
{
    size_t n = 0;
    const int64_t *pooled = qn_infer_attr_ints(c, "pooled_shape", &n);
    if (!qn_infer_out_rank(c, 0, 4)) {
        return;
    }
    struct qn_result *out = qn_infer_out(c, 0);
    if (qn_infer_in_rank(c, 1) >= 1) {
        out->dims[0] = qn_infer_in_dim(c, 1, 0);
    }
    if (qn_infer_in_rank(c, 0) == 4) {
        out->dims[1] = qn_infer_in_dim(c, 0, 1);
    }
    if (c->param == 1) {
        out->dims[2] = qn_num(qn_infer_attr_int(c, "output_height", 1));
        out->dims[3] = qn_num(qn_infer_attr_int(c, "output_width", 1));
    } else if (pooled != NULL && n == 2) {
        out->dims[2] = qn_num(pooled[0]);
        out->dims[3] = qn_num(pooled[1]);
    }
}

void qn_infer_col2im(struct qn_infer_ctx *c)
{
    size_t n = 0;
    size_t n_block = 0;
    const struct quern_number *image = qn_infer_in_numbers(c, 1, &n);
    const struct quern_number *block = qn_infer_in_numbers(c, 2, &n_block);
    if (image == NULL && qn_infer_in_rank(c, 1) == 1) {
        struct quern_number len = qn_infer_in_dim(c, 1, 0);
        if (qn_num_is_plain(len) && len.value <= 8 &&
            qn_infer_out_rank(c, 0, (int)len.value + 2) &&
            qn_infer_in_rank(c, 0) == 3) {
            qn_infer_out(c, 0)->dims[0] = qn_infer_in_dim(c, 0, 0);
        }
    }
    if (image == NULL || n > 8 || !qn_infer_out_rank(c, 0, (int)n + 2)) {
        return;
    }
    struct qn_result *out = qn_infer_out(c, 0);
    for (size_t i = 0; i < n; i++) {
        out->dims[i + 2] = image[i];
    }
    if (qn_infer_in_rank(c, 0) != 3 || block == NULL || n_block != n) {
        return;
    }
    struct quern_number size = qn_num(1);
    for (size_t i = 0; i < n; i++) {
        size = qn_num_times(&c->x, size, block[i]);
    }
    out->dims[0] = qn_infer_in_dim(c, 0, 0);
    out->dims[1] = qn_num_floor_div(&c->x, qn_infer_in_dim(c, 0, 1), size);
}
