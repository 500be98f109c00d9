/* Signals: DFT, STFT, windows and MelWeightMatrix (ONNX 17 and 20). Transforms
 * are sums in double, by a table of the unit circle; powers of two are halved
 * step by step. */
#include "base/checked.h"
#include "exec/nest.h"
#include "exec/ops.h"

#include <math.h>
#include <string.h>

static const double PI = 3.14159265358979323846;

/* --------------------------------------------------------------- windows */

enum { HANN, HAMMING, BLACKMAN };

static double window_at(int variant, double i, double n)
{
    double turn = 2.0 * PI * i / n;
    switch (variant) {
    case HANN:
        return 0.5 - 0.5 * cos(turn);
    case HAMMING: /* 25/46, as in ONNX */
        return 25.0 / 46.0 - 21.0 / 46.0 * cos(turn);
    default:
        return 0.42 - 0.5 * cos(turn) + 0.08 * cos(2.0 * turn);
    }
}

/* A number of elements, from an input of one integer; -1: reported. */
static int64_t count_of(struct qn_run *run, const struct qn_op *op, int i,
                        int64_t least)
{
    const struct qn_array *a = qn_in(run, op, i);
    int64_t n = a != NULL && a->len == 1 && qn_is_whole(a->dtype)
                    ? qn_load_int(a, 0)
                    : -1;
    if (n < least || n > INT32_MAX) {
        (void)!qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "input %d is %lld, needs %lld to %d", i, (long long)n,
                          (long long)least, INT32_MAX);
        return -1;
    }
    return n;
}

enum quern_code qn_op_window(struct qn_run *run, const struct qn_op *op)
{
    struct qn_array *y = NULL;
    int64_t n = count_of(run, op, 0, 0);
    enum quern_dtype dtype = (enum quern_dtype)quern_node_int(
        op->node, "output_datatype", QUERN_FLOAT);
    bool periodic = quern_node_int(op->node, "periodic", 1) != 0;
    if (n < 0 || (!quern_dtype_is_float(dtype) && !qn_is_whole(dtype))) {
        return qn_op_missing(run, op);
    }
    enum quern_code code = qn_out(run, op, 0, dtype, 1, &n, &y);
    for (int64_t i = 0; code == QUERN_OK && y != NULL && i < n; i++) {
        double of = (double)(periodic ? n : n - 1);
        qn_store(y, i, window_at(op->row->variant, (double)i, of));
    }
    return code;
}

/* ------------------------------------------------------------ transforms */

/* Room of one transform: complex numbers are pairs. */
struct transform {
    int64_t n;
    double sign;   /* -1: forward */
    double *table; /* n: e^(sign 2 pi i k / n) */
    double *in;    /* n, filled up with zeros */
    double *out;
    double *spare;
    struct qn_chunk *room;
};

static enum quern_code transform_init(struct qn_run *run,
                                      const struct qn_op *op, int64_t n,
                                      bool inverse, struct transform *t)
{
    size_t size = 0;
    if (!qn_mul((size_t)n, 8 * sizeof(double), &size)) {
        return qn_op_fail(run, op, QUERN_LIMIT, "sizes overflow");
    }
    t->room = qn_scratch(run, size);
    if (t->room == NULL) {
        return qn_op_missing(run, op);
    }
    t->n = n;
    t->sign = inverse ? 1.0 : -1.0;
    t->table = (double *)(void *)t->room->data;
    t->in = t->table + 2 * n;
    t->out = t->in + 2 * n;
    t->spare = t->out + 2 * n;
    for (int64_t k = 0; k < n; k++) {
        double angle = t->sign * 2.0 * PI * (double)k / (double)n;
        t->table[2 * k] = cos(angle);
        t->table[2 * k + 1] = sin(angle);
    }
    return QUERN_OK;
}

/* Term by term: any length. */
static void by_sums(const struct transform *t)
{
    for (int64_t k = 0; k < t->n; k++) {
        double re = 0.0;
        double im = 0.0;
        int64_t at = 0; /* i * k modulo n */
        for (int64_t i = 0; i < t->n; i++) {
            const double *w = t->table + 2 * at;
            re += t->in[2 * i] * w[0] - t->in[2 * i + 1] * w[1];
            im += t->in[2 * i] * w[1] + t->in[2 * i + 1] * w[0];
            at += k;
            at -= at >= t->n ? t->n : 0;
        }
        t->out[2 * k] = re;
        t->out[2 * k + 1] = im;
    }
}

/* Powers of two, by Stockham's order: every pass halves the length and doubles
 * the stride. The result lies in `out`. */
static void by_halves(struct transform *t)
{
    double *from = t->in;
    double *to = t->out;
    for (int64_t half = t->n / 2, s = 1; half >= 1; half /= 2, s *= 2) {
        for (int64_t p = 0; p < half; p++) {
            const double *w = t->table + 2 * (p * s);
            for (int64_t q = 0; q < s; q++) {
                const double *a = from + 2 * (q + s * p);
                const double *b = from + 2 * (q + s * (p + half));
                double *sum = to + 2 * (q + s * 2 * p);
                double *rest = to + 2 * (q + s * (2 * p + 1));
                double re = a[0] - b[0];
                double im = a[1] - b[1];
                sum[0] = a[0] + b[0];
                sum[1] = a[1] + b[1];
                rest[0] = re * w[0] - im * w[1];
                rest[1] = re * w[1] + im * w[0];
            }
        }
        double *next = from == t->in ? t->spare : from;
        from = to;
        to = next;
    }
    if (from != t->out) {
        memcpy(t->out, from, (size_t)t->n * 2 * sizeof(double));
    }
}

static void transform(struct transform *t)
{
    if ((t->n & (t->n - 1)) == 0) {
        by_halves(t);
    } else {
        by_sums(t);
    }
}

struct dft {
    const struct qn_array *x;
    int axis;
    int64_t parts; /* 1: real, 2: complex */
    int64_t n_in;  /* elements of x along the axis that count */
    bool onesided;
    bool inverse;
    int64_t made; /* parts of a number of the output */
};

/* From half of a spectrum to real numbers: the other half is its mirror. */
static bool is_real_inverse(const struct dft *d)
{
    return d->onesided && d->inverse;
}

static enum quern_code read_dft(struct qn_run *run, const struct qn_op *op,
                                struct dft *d, int64_t *n)
{
    d->x = qn_in_packed(run, op, 0);
    d->inverse = quern_node_int(op->node, "inverse", 0) != 0;
    d->onesided = quern_node_int(op->node, "onesided", 0) != 0;
    if (d->x == NULL || d->x->rank < 2 || !quern_dtype_is_float(d->x->dtype)) {
        return qn_op_missing(run, op);
    }
    int rank = d->x->rank;
    int64_t axis = op->opset < 20 ? quern_node_int(op->node, "axis", 1) : -2;
    if (op->opset >= 20 && qn_in(run, op, 2) != NULL) {
        int64_t given[2 * QUERN_MAX_RANK];
        axis = qn_in_ints(run, op, 2, given) == 1 ? given[0] : INT64_MAX;
    }
    d->axis = qn_axis(run, op, axis, rank);
    d->parts = d->x->dims[rank - 1];
    bool back = is_real_inverse(d);
    if (d->axis < 0 || d->axis == rank - 1 || d->parts < 1 || d->parts > 2 ||
        (back && d->parts != 2)) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED,
                          "axis %lld of rank %d, or %lld parts of a number",
                          (long long)axis, rank, (long long)d->parts);
    }
    int64_t given = d->x->dims[d->axis];
    d->made = back ? 1 : 2;
    *n = back ? 2 * (given - 1) : given;
    if (qn_in(run, op, 1) != NULL) {
        *n = count_of(run, op, 1, 1);
    }
    int64_t most = back ? *n / 2 + 1 : *n;
    d->n_in = given < most ? given : most;
    return *n > 0 ? QUERN_OK : qn_op_missing(run, op);
}

/* The numbers of half of a spectrum, and their mirror. What is its own mirror
 * is real. */
static void mirror(const struct dft *d, struct transform *t)
{
    t->in[1] = 0.0;
    for (int64_t k = 1; k < d->n_in && 2 * k <= t->n; k++) {
        if (2 * k == t->n) {
            t->in[2 * k + 1] = 0.0;
        } else {
            t->in[2 * (t->n - k)] = t->in[2 * k];
            t->in[2 * (t->n - k) + 1] = -t->in[2 * k + 1];
        }
    }
}

/* One row, which begins at number `at` of x and `to` of y. */
static void one_row(const struct dft *d, struct transform *t, int64_t at,
                    int64_t step, const struct qn_array *y, int64_t to,
                    int64_t y_step)
{
    double scale = d->inverse ? 1.0 / (double)t->n : 1.0;
    memset(t->in, 0, (size_t)t->n * 2 * sizeof(double));
    for (int64_t i = 0; i < d->n_in * d->parts; i++) {
        t->in[2 * (i / d->parts) + i % d->parts] =
            qn_load(d->x, at + i / d->parts * step + i % d->parts);
    }
    if (is_real_inverse(d)) {
        mirror(d, t);
    }
    transform(t);
    for (int64_t i = 0; i < d->made * y->dims[d->axis]; i++) {
        int64_t k = i / d->made;
        int64_t part = i % d->made;
        qn_store(y, to + k * y_step + part, t->out[2 * k + part] * scale);
    }
}

enum quern_code qn_op_dft(struct qn_run *run, const struct qn_op *op)
{
    struct dft d = {0};
    struct transform t = {0};
    int64_t dims[QUERN_MAX_RANK];
    int64_t n = 0;
    struct qn_array *y = NULL;
    enum quern_code code = read_dft(run, op, &d, &n);
    if (code != QUERN_OK) {
        return code;
    }
    memcpy(dims, d.x->dims, sizeof dims);
    dims[d.axis] = d.onesided && !d.inverse ? n / 2 + 1 : n;
    dims[d.x->rank - 1] = d.made;
    code = qn_out(run, op, 0, d.x->dtype, d.x->rank, dims, &y);
    if (code != QUERN_OK || y == NULL || y->len == 0) {
        return code;
    }
    code = transform_init(run, op, n, d.inverse, &t);
    int64_t inner = y->strides[d.axis] / d.made; /* numbers behind the axis */
    int64_t rows = y->len / d.made / dims[d.axis];
    for (int64_t r = 0; code == QUERN_OK && r < rows; r++) {
        int64_t o = r / inner;
        int64_t i = r % inner;
        one_row(&d, &t, (o * d.x->dims[d.axis] * inner + i) * d.parts,
                inner * d.parts, y, (o * dims[d.axis] * inner + i) * d.made,
                d.made * inner);
    }
    qn_chunk_put(&run->chunks, t.room);
    return code;
}

struct stft {
    const struct qn_array *x;
    const struct qn_array *window; /* NULL: ones */
    int64_t parts;
    int64_t step;
    int64_t n; /* length of a frame */
};

/* signal [batch, length, 1 or 2], frame_step, window, frame_length */
static bool read_stft(struct qn_run *run, const struct qn_op *op,
                      struct stft *s)
{
    s->x = qn_in_packed(run, op, 0);
    s->window = qn_in_packed(run, op, 2);
    if (s->x == NULL || s->x->rank < 2 || s->x->rank > 3 ||
        !quern_dtype_is_float(s->x->dtype)) {
        return false;
    }
    s->parts = s->x->rank == 3 ? s->x->dims[2] : 1;
    s->step = count_of(run, op, 1, 1);
    s->n = qn_in(run, op, 3) != NULL ? count_of(run, op, 3, 1)
           : s->window != NULL       ? s->window->len
                                     : -1;
    return s->step >= 1 && s->n >= 1 && s->n <= s->x->dims[1] &&
           s->parts >= 1 && s->parts <= 2 &&
           (s->window == NULL || s->window->len == s->n);
}

enum quern_code qn_op_stft(struct qn_run *run, const struct qn_op *op)
{
    struct stft s = {0};
    struct transform t = {0};
    struct qn_array *y = NULL;
    if (!read_stft(run, op, &s)) {
        return qn_op_missing(run, op);
    }
    bool onesided = quern_node_int(op->node, "onesided", 1) != 0;
    int64_t dims[4] = {s.x->dims[0], (s.x->dims[1] - s.n) / s.step + 1,
                       onesided ? s.n / 2 + 1 : s.n, 2};
    enum quern_code code = qn_out(run, op, 0, s.x->dtype, 4, dims, &y);
    if (code != QUERN_OK || y == NULL || y->len == 0) {
        return code;
    }
    code = transform_init(run, op, s.n, false, &t);
    for (int64_t r = 0; code == QUERN_OK && r < dims[0] * dims[1]; r++) {
        int64_t at = r / dims[1] * s.x->dims[1] + r % dims[1] * s.step;
        memset(t.in, 0, (size_t)s.n * 2 * sizeof(double));
        for (int64_t i = 0; i < s.n * s.parts; i++) {
            int64_t k = i / s.parts;
            double w = s.window != NULL ? qn_load(s.window, k) : 1.0;
            t.in[2 * k + i % s.parts] = qn_load(s.x, at * s.parts + i) * w;
        }
        transform(&t);
        for (int64_t i = 0; i < 2 * dims[2]; i++) {
            qn_store(y, r * 2 * dims[2] + i, t.out[i]);
        }
    }
    qn_chunk_put(&run->chunks, t.room);
    return code;
}

/* ------------------------------------------------------- MelWeightMatrix */

static double real_of(const struct qn_run *run, const struct qn_op *op, int i)
{
    const struct qn_array *a = qn_in(run, op, i);
    return a != NULL && a->len == 1 ? qn_load(a, 0) : (double)NAN;
}

static double mel(double hertz)
{
    return 2595.0 * log1p(hertz / 700.0) / log(10.0);
}

/* Bin of edge i of n + 2 that lie evenly in mels. */
static int64_t edge(double low, double high, int64_t n, int64_t i,
                    const int64_t *length_and_rate)
{
    double at = low + (high - low) * (double)i / (double)(n + 2);
    double hertz = 700.0 * expm1(at / 2595.0 * log(10.0));
    double bin = floor((double)(length_and_rate[0] + 1) * hertz /
                       (double)length_and_rate[1]);
    return bin < 0.0 ? 0 : bin > 1e15 ? (int64_t)1e15 : (int64_t)bin;
}

enum quern_code qn_op_mel_weights(struct qn_run *run, const struct qn_op *op)
{
    struct qn_array *y = NULL;
    int64_t dims[2] = {0, count_of(run, op, 0, 1)};
    int64_t length = dims[1] > 0 ? count_of(run, op, 1, 1) : -1;
    int64_t rate = length > 0 ? count_of(run, op, 2, 1) : -1;
    enum quern_dtype dtype = (enum quern_dtype)quern_node_int(
        op->node, "output_datatype", QUERN_FLOAT);
    double low = mel(real_of(run, op, 3));
    double high = mel(real_of(run, op, 4));
    if (rate < 1 || !isfinite(low) || !isfinite(high) ||
        !quern_dtype_is_float(dtype)) {
        return qn_op_missing(run, op);
    }
    int64_t n = dims[1];
    const int64_t sizes[2] = {length, rate};
    dims[0] = length / 2 + 1;
    enum quern_code code = qn_out(run, op, 0, dtype, 2, dims, &y);
    for (int64_t i = 0; code == QUERN_OK && y != NULL && i < y->len; i++) {
        int64_t bin = i / n;
        int64_t a = edge(low, high, n, i % n, sizes);
        int64_t b = edge(low, high, n, i % n + 1, sizes);
        int64_t c = edge(low, high, n, i % n + 2, sizes);
        double v = bin == b              ? 1.0
                   : bin >= a && bin < b ? (double)(bin - a) / (double)(b - a)
                   : bin > b && bin < c  ? (double)(c - bin) / (double)(c - b)
                                         : 0.0;
        qn_store(y, i, v);
    }
    return code;
}
