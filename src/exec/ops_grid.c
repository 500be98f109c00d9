/* GridSample (ONNX 16 to 22) of images: bilinear and nearest. */
#include "exec/nest.h"
#include "exec/ops.h"

#include <math.h>
#include <string.h>

enum padding { ZEROS, BORDER, REFLECTION };

struct grid {
    bool nearest;
    bool align;
    enum padding padding;
    int64_t size[2]; /* height, width of the input */
};

static enum quern_code read_grid(struct qn_run *run, const struct qn_op *op,
                                 struct grid *g)
{
    const char *mode = "linear";
    const char *padding = "zeros";
    (void)!quern_node_attr_string(op->node, "mode", &mode, NULL);
    (void)!quern_node_attr_string(op->node, "padding_mode", &padding, NULL);
    g->align = quern_node_int(op->node, "align_corners", 0) != 0;
    g->nearest = strcmp(mode, "nearest") == 0;
    g->padding = strcmp(padding, "border") == 0       ? BORDER
                 : strcmp(padding, "reflection") == 0 ? REFLECTION
                                                      : ZEROS;
    bool linear = strcmp(mode, "linear") == 0 || strcmp(mode, "bilinear") == 0;
    if ((!g->nearest && !linear) ||
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

static double pixel(const struct grid *g, const struct qn_array *x, int64_t at,
                    double row, double column)
{
    if (!(row >= 0.0 && row < (double)g->size[0] && column >= 0.0 &&
          column < (double)g->size[1])) {
        return 0.0; /* NaN too */
    }
    return qn_load(x, at + (int64_t)row * g->size[1] + (int64_t)column);
}

static double sample(const struct grid *g, const struct qn_array *x, int64_t at,
                     double row, double column)
{
    if (g->nearest) {
        return pixel(g, x, at, nearbyint(row), nearbyint(column));
    }
    double r = floor(row);
    double c = floor(column);
    double a = row - r;
    double b = column - c;
    return (1.0 - a) * ((1.0 - b) * pixel(g, x, at, r, c) +
                        b * pixel(g, x, at, r, c + 1.0)) +
           a * ((1.0 - b) * pixel(g, x, at, r + 1.0, c) +
                b * pixel(g, x, at, r + 1.0, c + 1.0));
}

enum quern_code qn_op_grid_sample(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *grid = qn_in_packed(run, op, 1);
    const struct qn_array *x = qn_in_packed(run, op, 0);
    struct grid g;
    struct qn_array *y = NULL;
    if (x == NULL || grid == NULL) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL, "an input is missing");
    }
    enum quern_code code = read_grid(run, op, &g);
    if (code != QUERN_OK) {
        return code;
    }
    if (x->rank != 4) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED, "input of rank %d",
                          x->rank);
    }
    if (grid->rank != 4 || grid->dims[3] != 2 || grid->dims[0] != x->dims[0]) {
        return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                          "grid does not fit the input");
    }
    int64_t channels = x->dims[1];
    int64_t image = x->dims[2] * x->dims[3];
    int64_t points = grid->dims[1] * grid->dims[2];
    const int64_t dims[4] = {x->dims[0], channels, grid->dims[1],
                             grid->dims[2]};
    g.size[0] = x->dims[2];
    g.size[1] = x->dims[3];
    code = qn_out(run, op, 0, x->dtype, 4, dims, &y);
    for (int64_t k = 0;
         code == QUERN_OK && y != NULL && k < x->dims[0] * points; k++) {
        double column = denormalized(&g, qn_load(grid, 2 * k), g.size[1]);
        double row = denormalized(&g, qn_load(grid, 2 * k + 1), g.size[0]);
        row = placed(&g, row, g.size[0]);
        column = placed(&g, column, g.size[1]);
        for (int64_t c = 0; c < channels; c++) {
            int64_t plane = k / points * channels + c;
            qn_store(y, plane * points + k % points,
                     sample(&g, x, plane * image, row, column));
        }
    }
    return code;
}
