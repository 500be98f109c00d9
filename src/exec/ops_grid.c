/* GridSample (ONNX 16 to 22) of images and volumes: linear, nearest, cubic. */
#include "exec/nest.h"
#include "exec/ops.h"

#include <math.h>
#include <string.h>

enum padding { ZEROS, BORDER, REFLECTION };

enum { AXES = 3, MOST_TAPS = 4 };

struct grid {
    bool volume; /* of three axes */
    int n_taps;  /* 1: nearest, 2: linear, 4: cubic */
    bool align;
    enum padding padding;
    int64_t size[AXES]; /* depth (1 for images), height, width of the input */
};

/* Elements along an axis that make up a place, and what each weighs. */
struct taps {
    int64_t at[MOST_TAPS]; /* -1: outside, where zeros are */
    double weight[MOST_TAPS];
};

static enum quern_code read_grid(struct qn_run *run, const struct qn_op *op,
                                 struct grid *g)
{
    const char *mode = "linear";
    const char *padding = "zeros";
    (void)!quern_node_attr_string(op->node, "mode", &mode, NULL);
    (void)!quern_node_attr_string(op->node, "padding_mode", &padding, NULL);
    g->align = quern_node_int(op->node, "align_corners", 0) != 0;
    g->padding = strcmp(padding, "border") == 0       ? BORDER
                 : strcmp(padding, "reflection") == 0 ? REFLECTION
                                                      : ZEROS;
    g->n_taps =
        strcmp(mode, "nearest") == 0                                   ? 1
        : strcmp(mode, "linear") == 0 || strcmp(mode, "bilinear") == 0 ? 2
        : strcmp(mode, "cubic") == 0 || strcmp(mode, "bicubic") == 0   ? 4
                                                                       : 0;
    if (g->n_taps == 0 ||
        (g->padding == ZEROS && strcmp(padding, "zeros") != 0)) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED,
                          "mode '%s', padding_mode '%s'", mode, padding);
    }
    return QUERN_OK;
}

/* A coordinate in [-1, 1] as a place among `n` elements. */
static double denormalized(const struct grid *g, double x, int64_t n)
{
    return g->align ? (x + 1.0) / 2.0 * (double)(n - 1)
                    : ((x + 1.0) * (double)n - 1.0) / 2.0;
}

/* Mirrored at the centers of the border elements, or at their outer edges. */
static double reflected(const struct grid *g, double x, int64_t n)
{
    double lo = g->align ? 0.0 : -0.5;
    double span = g->align ? (double)(n - 1) : (double)n;
    if (span <= 0.0) {
        return 0.0;
    }
    double away = fabs(x - lo);
    double turns = floor(away / span);
    double rest = away - turns * span;
    return fmod(turns, 2.0) < 0.5 ? lo + rest : lo + span - rest;
}

static double placed(const struct grid *g, double x, int64_t n)
{
    if (g->padding == REFLECTION) {
        x = reflected(g, x, n);
    }
    if (g->padding != ZEROS) {
        x = x < 0.0 ? 0.0 : x > (double)(n - 1) ? (double)(n - 1) : x;
    }
    return x;
}

/* The element that stands at a whole place; -1: none does. */
static int64_t element(const struct grid *g, double x, int64_t n)
{
    x = placed(g, x, n);
    return x > -0.5 && x < (double)n - 0.5 ? (int64_t)nearbyint(x) : -1;
}

/* Keys' cubic convolution with a = -0.75. */
static double cubic_weight(double d)
{
    d = fabs(d);
    return d <= 1.0  ? (1.25 * d - 2.25) * d * d + 1.0
           : d < 2.0 ? ((-0.75 * d + 3.75) * d - 6.0) * d + 3.0
                     : 0.0;
}

static void find_taps(const struct grid *g, double coordinate, int64_t n,
                      struct taps *t)
{
    double x = denormalized(g, coordinate, n);
    if (g->n_taps == 1) {
        t->at[0] = element(g, nearbyint(placed(g, x, n)), n);
        t->weight[0] = 1.0;
        return;
    }
    /* Cubic reaches over the border: each of its elements is placed alone. */
    x = g->n_taps == 4 ? x : placed(g, x, n);
    double first = floor(x) - (g->n_taps == 4 ? 1.0 : 0.0);
    for (int k = 0; k < g->n_taps; k++) {
        double d = fabs(x - (first + k));
        t->at[k] = element(g, first + k, n);
        t->weight[k] = g->n_taps == 4 ? cubic_weight(d) : 1.0 - d;
    }
}

static double sample(const struct grid *g, const struct qn_array *x, int64_t at,
                     const struct taps *t)
{
    double sum = 0.0;
    int depth = g->volume ? g->n_taps : 1;
    for (int a = 0; a < depth; a++) {
        for (int b = 0; b < g->n_taps; b++) {
            for (int c = 0; c < g->n_taps; c++) {
                if (t[0].at[a] < 0 || t[1].at[b] < 0 || t[2].at[c] < 0) {
                    continue;
                }
                int64_t row = t[0].at[a] * g->size[1] + t[1].at[b];
                sum += t[0].weight[a] * t[1].weight[b] * t[2].weight[c] *
                       qn_load(x, at + row * g->size[2] + t[2].at[c]);
            }
        }
    }
    return sum;
}

static void sample_all(const struct grid *g, const struct qn_array *x,
                       const struct qn_array *grid, const struct qn_array *y)
{
    int axes = x->rank - 2;
    int64_t channels = x->dims[1];
    int64_t image = g->size[0] * g->size[1] * g->size[2];
    int64_t n = grid->len / axes;
    int64_t points = x->dims[0] > 0 ? n / x->dims[0] : 0;
    struct taps t[AXES] = {{.at = {0}, .weight = {1.0}}};
    for (int64_t k = 0; k < n; k++) {
        for (int i = 0; i < axes; i++) { /* x, y(, z) */
            find_taps(g, qn_load(grid, axes * k + i), g->size[2 - i],
                      &t[2 - i]);
        }
        for (int64_t c = 0; c < channels; c++) {
            int64_t plane = k / points * channels + c;
            qn_store(y, plane * points + k % points,
                     sample(g, x, plane * image, t));
        }
    }
}

enum quern_code qn_op_grid_sample(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *grid = qn_in_packed(run, op, 1);
    const struct qn_array *x = qn_in_packed(run, op, 0);
    struct grid g = {.size = {1, 1, 1}};
    struct qn_array *y = NULL;
    int64_t dims[AXES + 2];
    if (x == NULL || grid == NULL) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL, "an input is missing");
    }
    enum quern_code code = read_grid(run, op, &g);
    if (code != QUERN_OK) {
        return code;
    }
    int axes = x->rank - 2;
    if (axes < 2 || axes > AXES) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED, "input of rank %d",
                          x->rank);
    }
    if (grid->rank != x->rank || grid->dims[axes + 1] != axes ||
        grid->dims[0] != x->dims[0]) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "grid does not fit the input");
    }
    g.volume = axes == AXES;
    dims[0] = x->dims[0];
    dims[1] = x->dims[1];
    for (int i = 0; i < axes; i++) {
        dims[i + 2] = grid->dims[i + 1];
        g.size[AXES - axes + i] = x->dims[i + 2];
    }
    code = qn_out(run, op, 0, x->dtype, x->rank, dims, &y);
    if (code == QUERN_OK && y != NULL && y->len > 0) {
        sample_all(&g, x, grid, y);
    }
    return code;
}
