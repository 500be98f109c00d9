/* Operators that write at given places, and their kin: ScatterElements,
 * ScatterND, CumSum, TopK, DepthToSpace, SpaceToDepth. */
#include "exec/eltwise.h"
#include "exec/nest.h"
#include "exec/ops.h"

#include <math.h>
#include <string.h>

/* -------------------------------------------------------------- scatter */

enum { SET, ADD, MUL, MAX, MIN, BAD };

static int reduction_of(const struct qn_op *op)
{
    static const char *const names[] = {"none", "add", "mul", "max", "min"};
    const char *name = "none";
    (void)!quern_node_attr_string(op->node, "reduction", &name, NULL);
    for (int i = SET; i < BAD; i++) {
        if (strcmp(name, names[i]) == 0) {
            return i;
        }
    }
    return BAD;
}

static void put(const struct qn_array *y, int64_t at, const struct qn_array *u,
                int64_t from, int reduction)
{
    size_t size = qn_element_size(y->dtype);
    if (reduction == SET) {
        memcpy(y->data + (size_t)at * size, u->data + (size_t)from * size,
               size);
        return;
    }
    if (qn_is_whole(y->dtype)) {
        int64_t a = qn_load_int(y, at);
        int64_t b = qn_load_int(u, from);
        int64_t r = reduction == ADD   ? (int64_t)((uint64_t)a + (uint64_t)b)
                    : reduction == MUL ? (int64_t)((uint64_t)a * (uint64_t)b)
                    : reduction == MAX ? (a > b ? a : b)
                                       : (a < b ? a : b);
        qn_store_int(y, at, r);
        return;
    }
    double a = qn_load(y, at);
    double b = qn_load(u, from);
    double r = reduction == ADD   ? a + b
               : reduction == MUL ? a * b
               : reduction == MAX ? (isnan(a) || a > b ? a : b)
                                  : (isnan(a) || a < b ? a : b);
    qn_store(y, at, r);
}

/* The output: a copy of input 0. */
static enum quern_code start(struct qn_run *run, const struct qn_op *op,
                             const struct qn_array **x, struct qn_array **y)
{
    *x = qn_in_packed(run, op, 0);
    if (*x == NULL) {
        return qn_op_missing(run, op);
    }
    enum quern_code code =
        qn_out(run, op, 0, (*x)->dtype, (*x)->rank, (*x)->dims, y);
    if (code == QUERN_OK && *y != NULL) {
        qn_array_copy(*y, *x);
    }
    return code;
}

enum quern_code qn_op_scatter_elements(struct qn_run *run,
                                       const struct qn_op *op)
{
    const struct qn_array *indices = qn_in_packed(run, op, 1);
    const struct qn_array *updates = qn_in_packed(run, op, 2);
    const struct qn_array *x = NULL;
    struct qn_array *y = NULL;
    int reduction = reduction_of(op);
    if (indices == NULL || updates == NULL || reduction == BAD ||
        !qn_is_index_type(indices->dtype) ||
        !qn_array_same_layout(indices, updates)) {
        return qn_op_missing(run, op);
    }
    enum quern_code code = start(run, op, &x, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    int axis = qn_axis(run, op, quern_node_int(op->node, "axis", 0), x->rank);
    if (axis < 0 || indices->rank != x->rank || updates->dtype != x->dtype) {
        return qn_op_missing(run, op);
    }
    for (int i = 0; i < x->rank; i++) {
        if (i != axis && indices->dims[i] > x->dims[i]) {
            return qn_op_missing(run, op);
        }
    }
    for (int64_t k = 0; k < indices->len; k++) {
        int64_t at = 0;
        int64_t rest = k;
        int64_t index =
            qn_index(run, op, qn_array_int(indices, k), x->dims[axis]);
        if (index < 0) {
            return qn_op_missing(run, op);
        }
        for (int i = 0; i < x->rank; i++) {
            int64_t place = rest / indices->strides[i];
            rest %= indices->strides[i];
            at += (i == axis ? index : place) * y->strides[i];
        }
        put(y, at, updates, k, reduction);
    }
    return QUERN_OK;
}

enum quern_code qn_op_scatter_nd(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *indices = qn_in_packed(run, op, 1);
    const struct qn_array *updates = qn_in_packed(run, op, 2);
    const struct qn_array *x = NULL;
    struct qn_array *y = NULL;
    int reduction = reduction_of(op);
    if (indices == NULL || updates == NULL || reduction == BAD ||
        indices->rank < 1 || indices->dtype != QUERN_INT64) {
        return qn_op_missing(run, op);
    }
    enum quern_code code = start(run, op, &x, &y);
    if (code != QUERN_OK || y == NULL) {
        return code;
    }
    int64_t depth = indices->dims[indices->rank - 1];
    if (depth < 1 || depth > x->rank || updates->dtype != x->dtype) {
        return qn_op_missing(run, op);
    }
    int64_t inner = 1;
    for (int i = (int)depth; i < x->rank; i++) {
        inner *= x->dims[i];
    }
    if (updates->len != indices->len / depth * inner) {
        return qn_op_missing(run, op);
    }
    for (int64_t k = 0; k < indices->len / depth; k++) {
        int64_t at = 0;
        for (int i = 0; i < depth; i++) {
            int64_t index = qn_index(
                run, op, qn_array_int(indices, k * depth + i), x->dims[i]);
            if (index < 0) {
                return qn_op_missing(run, op);
            }
            at += index * y->strides[i];
        }
        for (int64_t i = 0; i < inner; i++) {
            put(y, at + i, updates, k * inner + i, reduction);
        }
    }
    return QUERN_OK;
}

/* --------------------------------------------------------------- CumSum */

struct running {
    bool product; /* else a sum */
    bool exclusive;
};

static void accumulate(const struct qn_array *x, const struct qn_array *y,
                       int64_t at, int64_t step, int64_t n, struct running how)
{
    bool whole = qn_is_whole(x->dtype);
    double sum = how.product ? 1.0 : 0.0;
    uint64_t total = how.product ? 1 : 0; /* wraps */
    int64_t p = step < 0 ? at - (n - 1) * step : at;
    for (int64_t i = 0; i < n; i++, p += step) {
        double old = sum;
        uint64_t old_total = total;
        double v = qn_load(x, p);
        uint64_t w = whole ? (uint64_t)qn_load_int(x, p) : 0;
        sum = how.product ? sum * v : sum + v;
        total = how.product ? total * w : total + w;
        if (whole) {
            qn_store_int(y, p, (int64_t)(how.exclusive ? old_total : total));
        } else {
            qn_store(y, p, how.exclusive ? old : sum);
        }
    }
}

enum quern_code qn_op_cumsum(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *axis_in = qn_in(run, op, 1);
    const struct qn_array *x = qn_in_packed(run, op, 0);
    struct qn_array *y = NULL;
    if (x == NULL || axis_in == NULL || axis_in->len != 1 ||
        !qn_is_index_type(axis_in->dtype)) {
        return qn_op_missing(run, op);
    }
    int axis = qn_axis(run, op, qn_array_int(axis_in, 0), x->rank);
    bool reverse = quern_node_int(op->node, "reverse", 0) != 0;
    bool exclusive = quern_node_int(op->node, "exclusive", 0) != 0;
    if (axis < 0) {
        return qn_op_missing(run, op);
    }
    enum quern_code code = qn_out(run, op, 0, x->dtype, x->rank, x->dims, &y);
    if (code != QUERN_OK || y == NULL || x->len == 0) {
        return code;
    }
    int64_t n = x->dims[axis];
    int64_t step = x->strides[axis];
    for (int64_t k = 0; k < x->len / n; k++) {
        int64_t at = k / step * step * n + k % step;
        accumulate(x, y, at, reverse ? -step : step, n,
                   (struct running){op->row->variant == 1, exclusive});
    }
    return QUERN_OK;
}

/* ----------------------------------------------------------------- TopK */

struct entry {
    double value;
    int64_t index;
};

/* Does a come before b? Equal ones stand in order of their index. */
static bool before(const struct entry *a, const struct entry *b, bool largest)
{
    if (a->value < b->value || a->value > b->value) {
        return largest ? a->value > b->value : a->value < b->value;
    }
    return a->index < b->index;
}

static void sink(struct entry *heap, int64_t n, int64_t at, bool largest)
{
    for (;;) {
        int64_t child = 2 * at + 1;
        if (child >= n) {
            return;
        }
        if (child + 1 < n && before(&heap[child], &heap[child + 1], largest)) {
            child++;
        }
        if (!before(&heap[at], &heap[child], largest)) {
            return;
        }
        struct entry e = heap[at];
        heap[at] = heap[child];
        heap[child] = e;
        at = child;
    }
}

/* Heap sort, first ones first. */
static void sort(struct entry *e, int64_t n, bool largest)
{
    for (int64_t i = n / 2; i-- > 0;) {
        sink(e, n, i, largest);
    }
    for (int64_t i = n; i-- > 1;) {
        struct entry last = e[i];
        e[i] = e[0];
        e[0] = last;
        sink(e, i, 0, largest);
    }
}

static void top_of_row(const struct qn_array *x, int64_t at, int64_t step,
                       int64_t n, bool largest, struct entry *e)
{
    for (int64_t i = 0; i < n; i++) {
        e[i].value = qn_load(x, at + i * step);
        e[i].index = i;
    }
    sort(e, n, largest);
}

enum quern_code qn_op_topk(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *k_in = qn_in(run, op, 1);
    const struct qn_array *x = qn_in_packed(run, op, 0);
    struct qn_array *values = NULL;
    struct qn_array *indices = NULL;
    bool old = op->opset < 10; /* k is an attribute */
    if (x == NULL || (!old && (k_in == NULL || k_in->len != 1 ||
                               k_in->dtype != QUERN_INT64))) {
        return qn_op_missing(run, op);
    }
    int axis = qn_axis(run, op, quern_node_int(op->node, "axis", -1), x->rank);
    int64_t k = old ? quern_node_int(op->node, "k", -1) : qn_array_int(k_in, 0);
    if (axis < 0 || k < 0 || k > x->dims[axis]) {
        return qn_op_missing(run, op);
    }
    bool largest = quern_node_int(op->node, "largest", 1) != 0;
    int64_t dims[QUERN_MAX_RANK];
    memcpy(dims, x->dims, sizeof dims);
    dims[axis] = k;
    enum quern_code code = qn_out(run, op, 0, x->dtype, x->rank, dims, &values);
    if (code == QUERN_OK) {
        code = qn_out(run, op, 1, QUERN_INT64, x->rank, dims, &indices);
    }
    int64_t n = x->dims[axis];
    struct qn_chunk *room =
        code == QUERN_OK ? qn_scratch(run, (size_t)n * sizeof(struct entry))
                         : NULL;
    if (code != QUERN_OK || room == NULL) {
        return code != QUERN_OK ? code : qn_op_missing(run, op);
    }
    struct entry *e = (struct entry *)(void *)room->data;
    int64_t step = x->strides[axis];
    for (int64_t row = 0; n > 0 && row < x->len / n; row++) {
        int64_t from = row / step * step * n + row % step;
        int64_t to = row / step * step * k + row % step;
        top_of_row(x, from, step, n, largest, e);
        for (int64_t i = 0; i < k; i++) {
            if (values != NULL) {
                size_t size = qn_element_size(x->dtype);
                memcpy(values->data + (size_t)(to + i * step) * size,
                       x->data + (size_t)(from + e[i].index * step) * size,
                       size);
            }
            if (indices != NULL) {
                qn_store_int(indices, to + i * step, e[i].index);
            }
        }
    }
    qn_chunk_put(&run->chunks, room);
    return QUERN_OK;
}

/* ------------------------------------------------------------- depth, space */

/* The axes of a view of six in the order of the output. */
static enum quern_code shuffle(struct qn_run *run, const struct qn_op *op,
                               const struct qn_array *x, const int64_t *split,
                               const int *order, const int64_t *dims)
{
    struct qn_array view = *x;
    struct qn_array strides = *x;
    struct qn_array *y = NULL;
    strides.rank = view.rank = 6;
    memcpy(strides.dims, split, 6 * sizeof *split);
    qn_array_pack_strides(&strides);
    for (int i = 0; i < 6; i++) {
        view.dims[i] = split[order[i]];
        view.strides[i] = strides.strides[order[i]];
    }
    enum quern_code code = qn_out(run, op, 0, x->dtype, 4, dims, &y);
    if (code == QUERN_OK && y != NULL) {
        struct qn_array to = *y;
        to.rank = 6;
        memcpy(to.dims, view.dims, 6 * sizeof *to.dims);
        qn_array_pack_strides(&to);
        qn_array_copy(&to, &view);
    }
    return code;
}

/* The attribute, or -1: beyond what can be multiplied with itself and sizes. */
static int64_t block_size(const struct qn_op *op)
{
    int64_t b = quern_node_int(op->node, "blocksize", 0);
    return b >= 1 && b <= UINT16_MAX ? b : -1;
}

enum quern_code qn_op_depth_to_space(struct qn_run *run, const struct qn_op *op)
{
    static const int dcr[6] = {0, 3, 4, 1, 5, 2};
    static const int crd[6] = {0, 1, 4, 2, 5, 3};
    const struct qn_array *x = qn_in_packed(run, op, 0);
    int64_t b = block_size(op);
    const char *mode = "DCR";
    (void)!quern_node_attr_string(op->node, "mode", &mode, NULL);
    if (x == NULL || x->rank != 4 || b < 1 || x->dims[1] % (b * b) != 0) {
        return qn_op_missing(run, op);
    }
    int64_t c = x->dims[1] / (b * b);
    bool first = strcmp(mode, "DCR") == 0;
    const int64_t split[6] = {x->dims[0],    first ? b : c, b,
                              first ? c : b, x->dims[2],    x->dims[3]};
    const int64_t dims[4] = {x->dims[0], c, x->dims[2] * b, x->dims[3] * b};
    return shuffle(run, op, x, split, first ? dcr : crd, dims);
}

enum quern_code qn_op_space_to_depth(struct qn_run *run, const struct qn_op *op)
{
    static const int order[6] = {0, 3, 5, 1, 2, 4};
    const struct qn_array *x = qn_in_packed(run, op, 0);
    int64_t b = block_size(op);
    if (x == NULL || x->rank != 4 || b < 1 || x->dims[2] % b != 0 ||
        x->dims[3] % b != 0) {
        return qn_op_missing(run, op);
    }
    const int64_t split[6] = {x->dims[0], x->dims[1],     x->dims[2] / b,
                              b,          x->dims[3] / b, b};
    const int64_t dims[4] = {x->dims[0], x->dims[1] * b * b, x->dims[2] / b,
                             x->dims[3] / b};
    return shuffle(run, op, x, split, order, dims);
}
