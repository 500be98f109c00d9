/* Convolutions of integers: ConvInteger and QLinearConv. Sums are in int32 and
 * wrap, as theirs do. */
#include "exec/integer.h"
#include "exec/nest.h"
#include "exec/ops.h"
#include "exec/window.h"

struct conv_codes {
    const struct qn_array *x;
    const struct qn_array *w;
    const struct qn_array *x_zero;
    const struct qn_array *w_zero;
    const struct qn_array *bias; /* int32; NULL: none */
    struct qn_window win;
};

/* Output positions that are done together, so that weights are read once for
 * all of them. */
enum { POSITIONS = 16 };

/* Codes less their zero points, in 16 bits. */
struct conv_room {
    const struct qn_kernels *kernels;
    const struct qn_requant *q; /* NULL: the sums are the output */
    const struct qn_array *y;   /* the output */
    int16_t *x;                 /* one image */
    int16_t *w;                 /* [filters, inner] */
    int16_t *patches; /* [POSITIONS, inner]: what an output position reads */
    int64_t *places;  /* [POSITIONS, taps]: where; -1: padding */
    int64_t inner;    /* channels of a group times kernel positions */
};

/* Where the taps of an output position lie in a channel. */
static void find_places(const struct qn_window *w, int64_t position,
                        int64_t *places)
{
    int64_t taps = w->kernel[0] * w->kernel[1] * w->kernel[2];
    int64_t at[3] = {position / (w->out[1] * w->out[2]),
                     position / w->out[2] % w->out[1], position % w->out[2]};
    for (int64_t t = 0; t < taps; t++) {
        int64_t place = 0;
        bool inside = true;
        int64_t rest = t;
        int64_t step = 1;
        for (int i = QN_WINDOW_AXES - 1; i >= 0; i--) {
            int64_t p = at[i] * w->stride[i] - w->pad[i] +
                        rest % w->kernel[i] * w->dilation[i];
            rest /= w->kernel[i];
            inside = inside && p >= 0 && p < w->in[i];
            place += p * step;
            step *= w->in[i];
        }
        places[t] = inside ? place : -1;
    }
}

/* What lies there in the channels of a group, from `x` on. */
static void gather(const struct conv_codes *c, const int16_t *x,
                   const int64_t *places, int16_t *out)
{
    const struct qn_window *w = &c->win;
    int64_t size = w->in[0] * w->in[1] * w->in[2];
    int64_t taps = w->kernel[0] * w->kernel[1] * w->kernel[2];
    for (int64_t k = 0; k < c->w->dims[1]; k++) {
        for (int64_t t = 0; t < taps; t++) {
            *out++ = places[t] >= 0 ? x[k * size + places[t]] : 0;
        }
    }
}

/* Sums of one group at n positions from `first` on. */
static void convolve_block(const struct conv_codes *c,
                           const struct conv_room *r, int64_t image,
                           int64_t group, int64_t first, int64_t n)
{
    const struct qn_window *w = &c->win;
    int64_t size = w->in[0] * w->in[1] * w->in[2];
    int64_t positions = w->out[0] * w->out[1] * w->out[2];
    int64_t filters = c->w->dims[0] / w->group;
    int64_t taps = w->kernel[0] * w->kernel[1] * w->kernel[2];
    for (int64_t p = 0; p < n; p++) {
        gather(c, r->x + group * c->w->dims[1] * size, r->places + p * taps,
               r->patches + p * r->inner);
    }
    for (int64_t i = 0; i < filters * n; i++) {
        int64_t f = group * filters + i / n;
        uint32_t sum = c->bias != NULL ? (uint32_t)qn_load_int(c->bias, f) : 0;
        sum += (uint32_t)r->kernels->dot_s16(r->patches + i % n * r->inner,
                                             r->w + f * r->inner,
                                             (size_t)r->inner);
        int64_t to = (image * c->w->dims[0] + f) * positions + first + i % n;
        qn_put_sum(r->q, r->y, to, (int32_t)sum, 0, f);
    }
}

static void convolve_image(const struct conv_codes *c,
                           const struct conv_room *r, int64_t image)
{
    const int64_t *in = c->win.in;
    const int64_t *out = c->win.out;
    int64_t len = c->x->dims[1] * in[0] * in[1] * in[2];
    int64_t positions = out[0] * out[1] * out[2];
    int64_t taps = c->win.kernel[0] * c->win.kernel[1] * c->win.kernel[2];
    qn_less_zero(c->x, &(struct qn_code_rows){image * len, 1, len, 0, 1},
                 c->x_zero, r->x);
    for (int64_t p = 0; p < positions; p += POSITIONS) {
        int64_t n = positions - p < POSITIONS ? positions - p : POSITIONS;
        for (int64_t i = 0; i < n; i++) {
            find_places(&c->win, p + i, r->places + i * taps);
        }
        for (int64_t g = 0; g < c->win.group; g++) {
            convolve_block(c, r, image, g, p, n);
        }
    }
}

static enum quern_code convolve(struct qn_run *run, const struct qn_op *op,
                                const struct conv_codes *c,
                                const struct qn_requant *q)
{
    int64_t dims[QUERN_MAX_RANK];
    struct qn_array *y = NULL;
    int64_t images = c->x->dims[0];
    int64_t filters = c->w->dims[0];
    int rank = qn_window_dims(&c->win, images, filters, dims);
    enum quern_code code = qn_out(
        run, op, 0, q != NULL ? q->y_zero->dtype : QUERN_INT32, rank, dims, &y);
    if (code != QUERN_OK || y == NULL || y->len == 0) {
        return code;
    }
    struct conv_room r = {run->kernels, q, y, .inner = c->w->len / filters};
    int64_t len = c->x->len / images;
    size_t n_codes = (size_t)(len + c->w->len + POSITIONS * r.inner);
    const int64_t *k = c->win.kernel;
    size_t n_places = (size_t)(POSITIONS * k[0] * k[1] * k[2]);
    struct qn_chunk *room =
        qn_scratch(run, n_codes * sizeof *r.x + n_places * sizeof *r.places);
    if (room == NULL) {
        return qn_op_missing(run, op);
    }
    r.places = (int64_t *)(void *)room->data;
    r.x = (int16_t *)(void *)(r.places + n_places);
    r.w = r.x + len;
    r.patches = r.w + c->w->len;
    qn_less_zero(c->w, &(struct qn_code_rows){0, filters, r.inner, r.inner, 1},
                 c->w_zero, r.w);
    for (int64_t i = 0; i < images; i++) {
        convolve_image(c, &r, i);
    }
    qn_chunk_put(&run->chunks, room);
    return QUERN_OK;
}

static bool channels_fit(const struct qn_op *op, const struct conv_codes *c)
{
    int64_t group = quern_node_int(op->node, "group", 1);
    return qn_is_code(c->x) && qn_is_code(c->w) && c->x->rank >= 3 &&
           c->w->rank == c->x->rank && group >= 1 && c->w->dims[0] >= 1 &&
           c->w->dims[0] % group == 0 && c->x->dims[1] % group == 0 &&
           c->w->dims[1] == c->x->dims[1] / group;
}

/* ConvInteger (x, w, zero points), and QLinearConv (variant 1). */
enum quern_code qn_op_conv_integer(struct qn_run *run, const struct qn_op *op)
{
    bool linear = op->row->variant == 1;
    struct conv_codes c = {.x = qn_in_packed(run, op, 0),
                           .w = qn_in_packed(run, op, linear ? 3 : 1),
                           .x_zero = qn_in_packed(run, op, 2),
                           .w_zero = qn_in_packed(run, op, linear ? 5 : 3),
                           .bias = linear ? qn_in_packed(run, op, 8) : NULL};
    struct qn_requant q = {qn_in_packed(run, op, 1), qn_in_packed(run, op, 4),
                           qn_in_packed(run, op, 6), qn_in_packed(run, op, 7)};
    if (!channels_fit(op, &c)) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "inputs are no codes, or channels do not fit");
    }
    if (!qn_is_zero_point(c.x_zero, c.x, 1) ||
        !qn_is_zero_point(c.w_zero, c.w, c.w->dims[0]) ||
        (linear && !qn_is_requant(&q, 1, c.w->dims[0])) ||
        (c.bias != NULL &&
         (c.bias->dtype != QUERN_INT32 || c.bias->len != c.w->dims[0]))) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "scales, zero points or bias do not fit");
    }
    enum quern_code code = qn_window_init(run, op, c.x, c.w->dims + 2, &c.win);
    return code == QUERN_OK ? convolve(run, op, &c, linear ? &q : NULL) : code;
}
