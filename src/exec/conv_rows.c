/* Our own convolutions, offered as an accelerator offers its: channels last,
 * one or two spatial axes.
 *
 * An image is worked off in bands of outputs whose inputs stay in the
 * second-level cache. Where the window reaches over the edge, the band's inputs
 * are copied between zeros first, so that no sum has to look where it is.
 *
 * Made for CPUs with AVX2 and no AVX-512, where oneDNN 2.6 has tiles of three
 * outputs and no kernel at all for some shapes: scripts/bench/engine.py.
 */
#include "exec/conv_rows.h"

#include "base/alloc.h"
#include "exec/kernels/level.h"

#include <stdio.h>
#include <string.h>

enum { BAND_BYTES = 128 << 10, MOST_BYTES = 64 << 20, FEW_OUTPUTS = 48 };

struct qn_kernel {
    const struct qn_kernels *kernels;
    struct qn_conv_shape shape;
    char name[32];
    bool pads;
    size_t out_rows; /* outputs of a band */
    size_t out_columns;
    size_t in_rows; /* and the inputs that they see */
    size_t in_columns;
    size_t n_runs;
    size_t run;
    size_t offsets[];
};

struct qn_call {
    const struct qn_kernel *kernel;
};

/* ------------------------------------------------------------------ plan */

enum { ROW = 1, COLUMN = 2 }; /* of the three axes of a shape */

/* Inputs along an axis that n outputs see. */
static int64_t seen(const struct qn_conv_shape *s, int axis, int64_t n)
{
    return (n - 1) * s->stride[axis] +
           (s->kernel[axis] - 1) * s->dilation[axis] + 1;
}

static double band_bytes(const struct qn_conv_shape *s, int64_t rows,
                         int64_t columns)
{
    return 4.0 * (double)s->in_channels * (double)seen(s, ROW, rows) *
           (double)seen(s, COLUMN, columns);
}

/* As many whole rows as fit; of rows that are too wide, a part of one. */
static bool plan_bands(struct qn_kernel *k)
{
    const struct qn_conv_shape *s = &k->shape;
    int64_t rows = 1;
    int64_t columns = s->out[COLUMN];
    while (rows < s->out[ROW] &&
           (rows * columns < FEW_OUTPUTS ||
            band_bytes(s, rows + 1, columns) < BAND_BYTES)) {
        rows++;
    }
    while (rows == 1 && columns > FEW_OUTPUTS &&
           band_bytes(s, 1, columns) > BAND_BYTES) {
        columns = (columns + 1) / 2;
    }
    k->out_rows = (size_t)rows;
    k->out_columns = (size_t)columns;
    k->in_rows = (size_t)seen(s, ROW, rows);
    k->in_columns = (size_t)seen(s, COLUMN, columns);
    return band_bytes(s, rows, columns) < MOST_BYTES;
}

static bool has_edges(const struct qn_conv_shape *s)
{
    bool found = false;
    for (int axis = ROW; axis <= COLUMN; axis++) {
        found = found || s->pad[axis] != 0 ||
                seen(s, axis, s->out[axis]) > s->in[axis];
    }
    return found;
}

/* Channels of neighbouring columns lie together: a row of the window is one
 * run, unless something lies between. */
static bool joins_columns(const struct qn_conv_shape *s)
{
    return s->groups == 1 && s->dilation[COLUMN] == 1;
}

static void plan_runs(struct qn_kernel *k)
{
    const struct qn_conv_shape *s = &k->shape;
    bool joins = joins_columns(s);
    size_t channels = (size_t)s->in_channels;
    size_t pitch = (k->pads ? k->in_columns : (size_t)s->in[COLUMN]) * channels;
    size_t columns = joins ? 1 : (size_t)s->kernel[COLUMN];
    k->run =
        channels / (size_t)s->groups * (joins ? (size_t)s->kernel[COLUMN] : 1);
    for (size_t t = 0; t < k->n_runs; t++) {
        k->offsets[t] = t / columns * (size_t)s->dilation[ROW] * pitch +
                        t % columns * (size_t)s->dilation[COLUMN] * channels;
    }
}

/* Of a group. */
static size_t filters(const struct qn_conv_shape *s)
{
    return (size_t)(s->out_channels / s->groups);
}

static bool divides(const struct qn_conv_shape *s, int axis)
{
    return s->out[axis] * s->stride[axis] == s->in[axis];
}

/* Where these kernels are the faster ones (measured on AVX2 against oneDNN 2.6,
 * single calls and whole nets): windows of several inputs with some channels;
 * of windows of one input those of a few outputs, where a call of oneDNN costs
 * more than the sums, and strides for which it has no kernel of its own. */
static bool suits(const struct qn_conv_shape *s)
{
    int64_t window = s->kernel[ROW] * s->kernel[COLUMN];
    int64_t channels = s->in_channels / s->groups;
    if (s->in[0] != 1 || s->out[0] != 1 || s->kernel[0] != 1 ||
        s->pad[0] != 0) {
        return false; /* three axes */
    }
    if (s->groups > 1) {
        return channels >= 4 && filters(s) >= 4;
    }
    if (window > 1) {
        return channels * (joins_columns(s) ? s->kernel[COLUMN] : 1) >= 24;
    }
    return s->batch * s->out[ROW] * s->out[COLUMN] <= 4 || !divides(s, ROW) ||
           !divides(s, COLUMN);
}

static struct qn_kernel *conv(void *state, const struct qn_conv_shape *s)
{
    if (!suits(s)) {
        return NULL;
    }
    size_t n_runs = (size_t)s->kernel[ROW] *
                    (joins_columns(s) ? 1 : (size_t)s->kernel[COLUMN]);
    struct qn_kernel *k = qn_calloc(sizeof *k + n_runs * sizeof *k->offsets);
    if (k == NULL) {
        return NULL;
    }
    k->kernels = state;
    k->shape = *s;
    k->pads = has_edges(s);
    k->n_runs = n_runs;
    snprintf(k->name, sizeof k->name, "rows %s", k->kernels->name);
    if (!plan_bands(k)) {
        qn_free(k);
        return NULL;
    }
    plan_runs(k);
    return k;
}

static void kernel_destroy(struct qn_kernel *k)
{
    qn_free(k);
}

static const char *kernel_name(const struct qn_kernel *k)
{
    return k->name;
}

/* --------------------------------------------------------------- weights */

static size_t group_size(const struct qn_kernel *k)
{
    size_t panel = k->kernels->panel();
    return (filters(&k->shape) + panel - 1) / panel * panel * k->n_runs *
           k->run;
}

static size_t packed_size(const struct qn_kernel *k)
{
    return group_size(k) * (size_t)k->shape.groups * sizeof(float);
}

static bool same_packing(const struct qn_kernel *a, const struct qn_kernel *b)
{
    return packed_size(a) == packed_size(b);
}

static float weight_at(const unsigned char *weights, size_t i)
{
    float weight;
    memcpy(&weight, weights + i * sizeof weight, sizeof weight);
    return weight;
}

/* [filters, channels, taps] of a group into panels of [taps, channels, panel].
 */
static void pack_group(const struct qn_kernel *k, const unsigned char *w,
                       float *packed)
{
    const struct qn_conv_shape *s = &k->shape;
    size_t panel = k->kernels->panel();
    size_t n = filters(s);
    size_t taps = (size_t)(s->kernel[ROW] * s->kernel[COLUMN]);
    size_t channels = (size_t)(s->in_channels / s->groups);
    for (size_t j = 0; j < n; j += panel) {
        for (size_t t = 0; t < taps; t++) {
            for (size_t c = 0; c < channels; c++) {
                for (size_t i = 0; i < panel; i++) {
                    size_t at = ((j + i) * channels + c) * taps + t;
                    *packed++ = j + i < n ? weight_at(w, at) : 0.0f;
                }
            }
        }
    }
}

static bool pack(void *state, const struct qn_kernel *k, const void *weights,
                 float *packed)
{
    const struct qn_conv_shape *s = &k->shape;
    const unsigned char *w = weights;
    size_t size = filters(s) * k->n_runs * k->run * sizeof(float);
    (void)state;
    for (size_t g = 0; g < (size_t)s->groups; g++) {
        pack_group(k, w + g * size, packed + g * group_size(k));
    }
    return true;
}

/* ----------------------------------------------------------------- calls */

static size_t scratch_size(const struct qn_kernel *k)
{
    return k->pads ? k->in_rows * k->in_columns * (size_t)k->shape.in_channels *
                         sizeof(float)
                   : 0;
}

static struct qn_call *call_create(void *state, const struct qn_kernel *k)
{
    (void)state;
    struct qn_call *c = qn_calloc(sizeof *c);
    if (c != NULL) {
        c->kernel = k;
    }
    return c;
}

static void call_destroy(struct qn_call *c)
{
    qn_free(c);
}

/* Numbers of a row of the input, from column `first` on, zeros outside. */
static void copy_row(const struct qn_conv_shape *s, const float *row,
                     int64_t first, int64_t n, float *to)
{
    int64_t c = s->in_channels;
    int64_t before = first < 0 ? -first : 0;
    before = before < n ? before : n;
    int64_t end = s->in[COLUMN] - first; /* behind the last that there is */
    end = end < n ? end : n;
    end = end > before ? end : before;
    memset(to, 0, (size_t)(before * c) * sizeof *to);
    if (end > before) {
        memcpy(to + before * c, row + (first + before) * c,
               (size_t)((end - before) * c) * sizeof *to);
    }
    memset(to + end * c, 0, (size_t)((n - end) * c) * sizeof *to);
}

/* What the outputs from (y, x) on see of an image, between zeros. */
static void copy_band(const struct qn_kernel *k, const float *image, int64_t y,
                      int64_t x, float *to)
{
    const struct qn_conv_shape *s = &k->shape;
    int64_t top = y * s->stride[ROW] - s->pad[ROW];
    int64_t left = x * s->stride[COLUMN] - s->pad[COLUMN];
    size_t size = k->in_columns * (size_t)s->in_channels;
    for (int64_t r = top; r < top + (int64_t)k->in_rows; r++, to += size) {
        if (r < 0 || r >= s->in[ROW]) {
            memset(to, 0, size * sizeof *to);
            continue;
        }
        copy_row(s, image + r * s->in[COLUMN] * s->in_channels, left,
                 (int64_t)k->in_columns, to);
    }
}

static void run_band(const struct qn_kernel *k, struct qn_conv_rows *job,
                     const float *weights, const float *bias)
{
    const struct qn_conv_shape *s = &k->shape;
    const float *x = job->x;
    float *y = job->y;
    for (size_t g = 0; g < (size_t)s->groups; g++) {
        job->x = x + g * (size_t)(s->in_channels / s->groups);
        job->y = y + g * job->n;
        job->packed = weights + g * group_size(k);
        job->bias = bias != NULL ? bias + g * job->n : NULL;
        k->kernels->conv_rows(job);
    }
}

static size_t fewer(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void run_image(const struct qn_kernel *k, const float *image,
                      const float *weights, const float *bias, float *y,
                      float *scratch)
{
    const struct qn_conv_shape *s = &k->shape;
    size_t channels = (size_t)s->in_channels;
    size_t rows = (size_t)s->out[ROW];
    size_t columns = (size_t)s->out[COLUMN];
    size_t pitch = (k->pads ? k->in_columns : (size_t)s->in[COLUMN]) * channels;
    size_t row_step = (size_t)s->stride[ROW] * pitch;
    size_t column_step = (size_t)s->stride[COLUMN] * channels;
    for (size_t r = 0; r < rows; r += k->out_rows) {
        for (size_t c = 0; c < columns; c += k->out_columns) {
            struct qn_conv_rows job = {
                .x = scratch,
                .rows = fewer(k->out_rows, rows - r),
                .columns = fewer(k->out_columns, columns - c),
                .row_step = row_step,
                .column_step = column_step,
                .n_runs = k->n_runs,
                .run = k->run,
                .offsets = k->offsets,
                .n = filters(s),
                .y = y + (r * columns + c) * (size_t)s->out_channels,
                .ldy = (size_t)s->out_channels,
                .n_posts = s->n_posts,
                .posts = s->posts,
            };
            if (k->pads) {
                copy_band(k, image, (int64_t)r, (int64_t)c, scratch);
            } else {
                job.x = image + r * row_step + c * column_step;
            }
            run_band(k, &job, weights, bias);
        }
    }
}

static bool execute(void *state, struct qn_call *call, const float *src,
                    const float *weights, const float *bias, float *dst,
                    void *scratch)
{
    const struct qn_kernel *k = call->kernel;
    const struct qn_conv_shape *s = &k->shape;
    (void)state;
    for (int64_t b = 0; b < s->batch; b++) {
        run_image(k, src + b * s->in[ROW] * s->in[COLUMN] * s->in_channels,
                  weights, bias,
                  dst + b * s->out[ROW] * s->out[COLUMN] * s->out_channels,
                  scratch);
    }
    return true;
}

const struct qn_accelerator qn_conv_rows_maker = {
    .abi = QN_ACCELERATOR_ABI,
    .name = "quern",
    .conv = conv,
    .kernel_destroy = kernel_destroy,
    .kernel_name = kernel_name,
    .packed_size = packed_size,
    .scratch_size = scratch_size,
    .same_packing = same_packing,
    .pack = pack,
    .call_create = call_create,
    .call_destroy = call_destroy,
    .execute = execute,
};
