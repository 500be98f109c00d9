/* Boxes: NonMaxSuppression and RoiAlign. */
#include "base/checked.h"
#include "exec/ops.h"

#include <math.h>
#include <string.h>

/* ----------------------------------------------------- NonMaxSuppression */

struct box {
    float y0;
    float x0;
    float y1;
    float x1;
};

static struct box read_box(const float *p, bool centered)
{
    float half_h = p[3] / 2.0f;
    float half_w = p[2] / 2.0f;
    if (centered) { /* x, y, width, height */
        return (struct box){p[1] - half_h, p[0] - half_w, p[1] + half_h,
                            p[0] + half_w};
    }
    return (struct box){fminf(p[0], p[2]), fminf(p[1], p[3]), fmaxf(p[0], p[2]),
                        fmaxf(p[1], p[3])};
}

static float area(const struct box *b)
{
    return (b->y1 - b->y0) * (b->x1 - b->x0);
}

static bool overlap(const struct box *a, const struct box *b, float threshold)
{
    struct box both = {fmaxf(a->y0, b->y0), fmaxf(a->x0, b->x0),
                       fminf(a->y1, b->y1), fminf(a->x1, b->x1)};
    if (!(both.y1 > both.y0) || !(both.x1 > both.x0) || !(area(a) > 0.0f) ||
        !(area(b) > 0.0f)) {
        return false;
    }
    float common = area(&both);
    return common / (area(a) + area(b) - common) > threshold;
}

struct nms {
    const struct qn_array *boxes;
    const struct qn_array *scores;
    int64_t most; /* of one class in one image */
    float threshold;
    float least; /* score */
    bool centered;
    int64_t *order; /* boxes by falling score */
    int64_t *spare;
    int64_t *kept;
};

/* Merge sort by falling score; equal ones stay in order. */
static void sort_scores(struct nms *s, const float *score, int64_t n)
{
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t at = 0; at < n; at += 2 * width) {
            int64_t middle = at + width < n ? at + width : n;
            int64_t end = at + 2 * width < n ? at + 2 * width : n;
            int64_t a = at;
            int64_t b = middle;
            for (int64_t k = at; k < end; k++) {
                bool left =
                    a < middle &&
                    (b >= end || !(score[s->order[b]] > score[s->order[a]]));
                s->spare[k] = left ? s->order[a++] : s->order[b++];
            }
        }
        int64_t *t = s->order;
        s->order = s->spare;
        s->spare = t;
    }
}

/* Boxes of one class in one image that stay, in kept[]. */
static int64_t keep_best(struct nms *s, int64_t image, int64_t class)
{
    int64_t n = s->boxes->dims[1];
    const float *boxes =
        (const float *)(const void *)s->boxes->data + image * n * 4;
    const float *score = (const float *)(const void *)s->scores->data +
                         (image * s->scores->dims[1] + class) * n;
    int64_t n_order = 0;
    int64_t n_kept = 0;
    for (int64_t i = 0; i < n; i++) {
        if (score[i] > s->least) {
            s->order[n_order++] = i;
        }
    }
    sort_scores(s, score, n_order);
    for (int64_t k = 0; k < n_order && n_kept < s->most; k++) {
        struct box one = read_box(boxes + 4 * s->order[k], s->centered);
        bool stays = true;
        for (int64_t i = 0; i < n_kept && stays; i++) {
            struct box other = read_box(boxes + 4 * s->kept[i], s->centered);
            stays = !overlap(&one, &other, s->threshold);
        }
        if (stays) {
            s->kept[n_kept++] = s->order[k];
        }
    }
    return n_kept;
}

static double number_or(const struct qn_run *run, const struct qn_op *op, int i,
                        double fallback)
{
    const struct qn_array *a = qn_in(run, op, i);
    if (a == NULL || a->len != 1) {
        return fallback;
    }
    return a->dtype == QUERN_FLOAT
               ? (double)*(const float *)(const void *)a->data
               : (double)qn_array_int(a, 0);
}

/* Once to count, once to write. */
static int64_t all_classes(struct nms *s, int64_t *out)
{
    int64_t n = 0;
    for (int64_t image = 0; image < s->scores->dims[0]; image++) {
        for (int64_t class = 0; class < s->scores->dims[1]; class ++) {
            int64_t n_kept = keep_best(s, image, class);
            for (int64_t i = 0; out != NULL && i < n_kept; i++) {
                int64_t *row = out + 3 * (n + i);
                row[0] = image;
                row[1] = class;
                row[2] = s->kept[i];
            }
            n += n_kept;
        }
    }
    return n;
}

enum quern_code qn_op_non_max(struct qn_run *run, const struct qn_op *op)
{
    struct nms s = {.boxes = qn_in_packed(run, op, 0),
                    .scores = qn_in_packed(run, op, 1)};
    struct qn_array *y = NULL;
    size_t size = 0;
    if (s.boxes == NULL || s.scores == NULL || s.boxes->rank != 3 ||
        s.scores->rank != 3 || s.boxes->dims[2] != 4 ||
        s.boxes->dims[0] != s.scores->dims[0] ||
        s.boxes->dims[1] != s.scores->dims[2] ||
        s.boxes->dtype != QUERN_FLOAT || s.scores->dtype != QUERN_FLOAT) {
        return qn_op_missing(run, op);
    }
    double most = number_or(run, op, 2, 0.0);
    s.most = most < 0.0            ? 0
             : most > 2147483647.0 ? INT64_C(2147483647)
                                   : (int64_t)most;
    s.threshold = (float)number_or(run, op, 3, 0.0);
    s.least = (float)number_or(run, op, 4, -(double)INFINITY);
    s.centered = quern_node_int(op->node, "center_point_box", 0) != 0;
    int64_t n = s.boxes->dims[1];
    if (!qn_mul((size_t)n, 3 * sizeof(int64_t), &size)) {
        return qn_op_fail(run, op, QUERN_LIMIT, "sizes overflow");
    }
    struct qn_chunk *room = qn_scratch(run, size);
    if (room == NULL) {
        return qn_op_missing(run, op);
    }
    s.order = (int64_t *)(void *)room->data;
    s.spare = s.order + n;
    s.kept = s.spare + n;
    int64_t dims[2] = {s.most > 0 ? all_classes(&s, NULL) : 0, 3};
    enum quern_code code = qn_out(run, op, 0, QUERN_INT64, 2, dims, &y);
    if (code == QUERN_OK && y != NULL && dims[0] > 0) {
        (void)all_classes(&s, (int64_t *)(void *)y->data);
    }
    qn_chunk_put(&run->chunks, room);
    return code;
}

/* -------------------------------------------------------------- RoiAlign */

struct roi {
    const struct qn_array *x;
    float start[2];
    float bin[2];
    int64_t grid[2]; /* samples a bin */
    bool max;
};

/* Value at a place by its four neighbours: their sum, or (mode max) the
 * greatest of the four weighted ones. */
static float sample(const struct roi *r, const float *x, float at_y, float at_x)
{
    int64_t height = r->x->dims[2];
    int64_t width = r->x->dims[3];
    if (!(at_y >= -1.0f && at_y <= (float)height && at_x >= -1.0f &&
          at_x <= (float)width)) {
        return 0.0f;
    }
    at_y = fmaxf(at_y, 0.0f);
    at_x = fmaxf(at_x, 0.0f);
    int64_t y0 = (int64_t)at_y < height - 1 ? (int64_t)at_y : height - 1;
    int64_t x0 = (int64_t)at_x < width - 1 ? (int64_t)at_x : width - 1;
    int64_t y1 = y0 + 1 < height ? y0 + 1 : y0;
    int64_t x1 = x0 + 1 < width ? x0 + 1 : x0;
    float fy = y1 > y0 ? at_y - (float)y0 : 0.0f;
    float fx = x1 > x0 ? at_x - (float)x0 : 0.0f;
    float a = (1.0f - fy) * (1.0f - fx) * x[y0 * width + x0];
    float b = (1.0f - fy) * fx * x[y0 * width + x1];
    float c = fy * (1.0f - fx) * x[y1 * width + x0];
    float d = fy * fx * x[y1 * width + x1];
    return r->max ? fmaxf(fmaxf(a, b), fmaxf(c, d)) : a + b + c + d;
}

static float pool(const struct roi *r, const float *x, int64_t py, int64_t px)
{
    float y = r->max ? -INFINITY : 0.0f;
    for (int64_t i = 0; i < r->grid[0]; i++) {
        float at_y = r->start[0] + (float)py * r->bin[0] +
                     ((float)i + 0.5f) * r->bin[0] / (float)r->grid[0];
        for (int64_t k = 0; k < r->grid[1]; k++) {
            float at_x = r->start[1] + (float)px * r->bin[1] +
                         ((float)k + 0.5f) * r->bin[1] / (float)r->grid[1];
            float v = sample(r, x, at_y, at_x);
            y = r->max ? fmaxf(y, v) : y + v;
        }
    }
    int64_t n = r->grid[0] * r->grid[1];
    return r->max ? (n > 0 ? y : 0.0f) : y / (float)(n > 1 ? n : 1);
}

/* Where a box lies and how finely it is sampled; false: too finely. */
static bool place(const struct qn_op *op, struct roi *r, const float *box,
                  const int64_t *dims, bool half)
{
    float scale = quern_node_float(op->node, "spatial_scale", 1.0f);
    int64_t ratio = quern_node_int(op->node, "sampling_ratio", 0);
    for (int i = 0; i < 2; i++) {
        float shift = half ? 0.5f : 0.0f;
        float end = box[3 - i] * scale - shift;
        r->start[i] = box[1 - i] * scale - shift;
        float size = end - r->start[i];
        size = half || size > 1.0f ? size : 1.0f;
        r->bin[i] = size / (float)dims[i + 2];
        float fine = ratio > 0 ? (float)ratio : ceilf(r->bin[i]);
        if (!(fine <= 65536.0f)) {
            return false;
        }
        r->grid[i] = fine > 0.0f ? (int64_t)fine : 0;
    }
    return true;
}

static bool is_half_pixel(const struct qn_op *op)
{
    const char *mode = op->opset < 16 ? "output_half_pixel" : "half_pixel";
    (void)!quern_node_attr_string(op->node, "coordinate_transformation_mode",
                                  &mode, NULL);
    return strcmp(mode, "half_pixel") == 0;
}

static enum quern_code align(struct qn_run *run, const struct qn_op *op,
                             struct roi *r, const struct qn_array *rois,
                             const struct qn_array *batches,
                             const struct qn_array *y)
{
    float *out = (float *)(void *)y->data;
    int64_t image = r->x->dims[2] * r->x->dims[3];
    bool half = is_half_pixel(op);
    for (int64_t k = 0; k < y->dims[0]; k++) {
        const float *box = (const float *)(const void *)rois->data + 4 * k;
        int64_t batch = qn_array_int(batches, k);
        if (batch < 0 || batch >= r->x->dims[0] ||
            !place(op, r, box, y->dims, half)) {
            return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                              "box %lld lies in no image, or needs too many "
                              "samples",
                              (long long)k);
        }
        for (int64_t c = 0; c < y->dims[1]; c++) {
            const float *x = (const float *)(const void *)r->x->data +
                             (batch * y->dims[1] + c) * image;
            for (int64_t i = 0; i < y->dims[2] * y->dims[3]; i++) {
                *out++ = image > 0 ? pool(r, x, i / y->dims[3], i % y->dims[3])
                                   : 0.0f;
            }
        }
    }
    return QUERN_OK;
}

enum quern_code qn_op_roi_align(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *x = qn_in_packed(run, op, 0);
    const struct qn_array *rois = qn_in_packed(run, op, 1);
    const struct qn_array *batches = qn_in_packed(run, op, 2);
    struct qn_array *y = NULL;
    const char *mode = "avg";
    (void)!quern_node_attr_string(op->node, "mode", &mode, NULL);
    int64_t dims[4] = {0, 0, quern_node_int(op->node, "output_height", 1),
                       quern_node_int(op->node, "output_width", 1)};
    if (x == NULL || rois == NULL || batches == NULL || x->rank != 4 ||
        rois->rank != 2 || rois->dims[1] != 4 || dims[2] < 1 || dims[3] < 1 ||
        batches->len != rois->dims[0] || x->dtype != QUERN_FLOAT ||
        rois->dtype != QUERN_FLOAT || !qn_is_index_type(batches->dtype)) {
        return qn_op_missing(run, op);
    }
    struct roi r = {.x = x, .max = strcmp(mode, "max") == 0};
    dims[0] = rois->dims[0];
    dims[1] = x->dims[1];
    enum quern_code code = qn_out(run, op, 0, x->dtype, 4, dims, &y);
    return code == QUERN_OK && y != NULL ? align(run, op, &r, rois, batches, y)
                                         : code;
}
