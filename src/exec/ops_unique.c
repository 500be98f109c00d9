/* Unique (ONNX 11): the different elements, or slices along an axis, with where
 * they first stand, which one each is, and how often they are there. */
#include "base/checked.h"
#include "exec/nest.h"
#include "exec/ops.h"

#include <math.h>
#include <string.h>

struct unique {
    const struct qn_array *x;
    int64_t n;     /* things to compare */
    int64_t outer; /* runs of `inner` elements in a thing */
    int64_t inner;
    int64_t *order; /* things, equal ones next to each other by position */
    int64_t *spare; /* for merging; later the group of each thing */
    int64_t *first; /* of each group: its first thing */
    int64_t *counts;
    int64_t n_groups;
};

/* NaN comes last and equals itself. */
static int compare_at(const struct qn_array *x, int64_t i, int64_t k)
{
    if (qn_is_whole(x->dtype)) {
        int64_t a = qn_load_int(x, i);
        int64_t b = qn_load_int(x, k);
        bool flip = x->dtype == QUERN_UINT64 && (a < 0) != (b < 0);
        return a == b ? 0 : (a < b) != flip ? -1 : 1;
    }
    double a = qn_load(x, i);
    double b = qn_load(x, k);
    return a < b ? -1 : a > b ? 1 : (isnan(a) != 0) - (isnan(b) != 0);
}

static int compare(const struct unique *u, int64_t a, int64_t b)
{
    int found = 0;
    for (int64_t o = 0; o < u->outer && found == 0; o++) {
        for (int64_t i = 0; i < u->inner && found == 0; i++) {
            found = compare_at(u->x, (o * u->n + a) * u->inner + i,
                               (o * u->n + b) * u->inner + i);
        }
    }
    return found;
}

/* Merge sort, stable, from the bottom up. */
static void sort(struct unique *u)
{
    for (int64_t i = 0; i < u->n; i++) {
        u->order[i] = i;
    }
    for (int64_t width = 1; width < u->n; width *= 2) {
        for (int64_t at = 0; at < u->n; at += 2 * width) {
            int64_t middle = at + width < u->n ? at + width : u->n;
            int64_t end = at + 2 * width < u->n ? at + 2 * width : u->n;
            int64_t a = at;
            int64_t b = middle;
            for (int64_t k = at; k < end; k++) {
                bool left =
                    a < middle &&
                    (b >= end || compare(u, u->order[a], u->order[b]) <= 0);
                u->spare[k] = left ? u->order[a++] : u->order[b++];
            }
        }
        int64_t *t = u->order;
        u->order = u->spare;
        u->spare = t;
    }
}

/* Groups in order of value. `order` then holds their things no more. */
static void group(struct unique *u)
{
    for (int64_t k = 0; k < u->n; k++) {
        bool same = k > 0 && compare(u, u->order[k - 1], u->order[k]) == 0;
        if (!same) {
            u->first[u->n_groups] = u->order[k];
            u->counts[u->n_groups++] = 0;
        }
        u->counts[u->n_groups - 1]++;
        u->spare[u->order[k]] = u->n_groups - 1;
    }
}

/* Groups in order of their first things instead. */
static void by_first(struct unique *u)
{
    int64_t n = 0;
    /* order: where each group goes. */
    memset(u->order, -1, (size_t)u->n * sizeof *u->order);
    for (int64_t i = 0; i < u->n; i++) {
        int64_t g = u->spare[i];
        u->order[g] = u->order[g] < 0 ? n++ : u->order[g];
        u->spare[i] = u->order[g];
    }
    memset(u->counts, 0, (size_t)u->n_groups * sizeof *u->counts);
    for (int64_t i = u->n - 1; i >= 0; i--) {
        u->first[u->spare[i]] = i;
        u->counts[u->spare[i]]++;
    }
}

static enum quern_code put_ints(struct qn_run *run, const struct qn_op *op,
                                int i, int64_t n, const int64_t *values)
{
    struct qn_array *y = NULL;
    enum quern_code code = qn_out(run, op, i, QUERN_INT64, 1, &n, &y);
    if (code == QUERN_OK && y != NULL) {
        memcpy(y->data, values, (size_t)n * sizeof *values);
    }
    return code;
}

static enum quern_code put_all(struct qn_run *run, const struct qn_op *op,
                               const struct unique *u, int axis)
{
    const struct qn_array *x = u->x;
    int64_t dims[QUERN_MAX_RANK];
    struct qn_array *y = NULL;
    memcpy(dims, x->dims, sizeof dims);
    dims[axis < 0 ? 0 : axis] = u->n_groups;
    enum quern_code code =
        qn_out(run, op, 0, x->dtype, axis < 0 ? 1 : x->rank, dims, &y);
    size_t size = qn_element_size(x->dtype) * (size_t)u->inner;
    for (int64_t k = 0;
         code == QUERN_OK && y != NULL && k < u->outer * u->n_groups; k++) {
        int64_t o = k / u->n_groups;
        memcpy(y->data + (size_t)k * size,
               x->data + (size_t)(o * u->n + u->first[k % u->n_groups]) * size,
               size);
    }
    if (code == QUERN_OK) {
        code = put_ints(run, op, 1, u->n_groups, u->first);
    }
    if (code == QUERN_OK) {
        code = put_ints(run, op, 2, u->n, u->spare);
    }
    return code == QUERN_OK ? put_ints(run, op, 3, u->n_groups, u->counts)
                            : code;
}

enum quern_code qn_op_unique(struct qn_run *run, const struct qn_op *op)
{
    struct unique u = {.x = qn_in_packed(run, op, 0), .outer = 1, .inner = 1};
    int64_t named = quern_node_int(op->node, "axis", INT64_MIN);
    if (u.x == NULL) {
        return qn_op_missing(run, op);
    }
    int axis = -1;
    u.n = u.x->len;
    if (named != INT64_MIN) {
        axis = qn_axis(run, op, named, u.x->rank);
        if (axis < 0) {
            return qn_op_missing(run, op);
        }
        u.n = u.x->dims[axis];
        for (int i = 0; i < u.x->rank; i++) {
            u.outer *= i < axis ? u.x->dims[i] : 1;
            u.inner *= i > axis ? u.x->dims[i] : 1;
        }
    }
    size_t size = 0;
    if (!qn_mul((size_t)u.n, 4 * sizeof(int64_t), &size)) {
        return qn_op_fail(run, op, QUERN_LIMIT, "sizes overflow");
    }
    struct qn_chunk *room = qn_scratch(run, size);
    if (room == NULL) {
        return qn_op_missing(run, op);
    }
    u.order = (int64_t *)(void *)room->data;
    u.spare = u.order + u.n;
    u.first = u.spare + u.n;
    u.counts = u.first + u.n;
    sort(&u);
    group(&u);
    if (quern_node_int(op->node, "sorted", 1) == 0) {
        by_first(&u);
    }
    enum quern_code code = put_all(run, op, &u, axis);
    qn_chunk_put(&run->chunks, room);
    return code;
}
