/* Reshape and its kin, shapes as tensors, tensors made from shapes. */
#include "infer/table.h"

#include <string.h>

/* -------------------------------------------------------------- reshape */

/* Take the dimensions that stand in both lists out of both: what is left
 * divides more often. */
static void cancel(struct quern_number *a, int n, struct quern_number *b, int m)
{
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < m; k++) {
            if (qn_num_same(a[i], b[k]) && !qn_num_is(a[i], 0)) {
                a[i] = qn_num(1);
                b[k] = qn_num(1);
                break;
            }
        }
    }
}

static struct quern_number product(struct qn_infer_ctx *c,
                                   const struct quern_number *list, int n)
{
    struct quern_number all = qn_num(1);
    for (int i = 0; i < n; i++) {
        all = qn_num_times(&c->x, all, list[i]);
    }
    return all;
}

/* The dimension that -1 stands for at `at`. */
static struct quern_number rest_of(struct qn_infer_ctx *c,
                                   const struct qn_result *out, int at)
{
    struct quern_number have[QUERN_MAX_RANK];
    struct quern_number need[QUERN_MAX_RANK];
    int rank = qn_infer_in_rank(c, 0);
    int n = 0;
    for (int i = 0; i < rank; i++) {
        have[i] = qn_infer_in_dim(c, 0, i);
    }
    for (int i = 0; i < out->rank; i++) {
        if (i != at) {
            need[n++] = out->dims[i];
        }
    }
    if (rank < 0) {
        return QN_UNKNOWN;
    }
    cancel(have, rank, need, n);
    struct quern_number a = product(c, have, rank);
    struct quern_number b = product(c, need, n);
    if (qn_num_is(b, 0) || qn_num_is(a, 0)) {
        return QN_UNKNOWN;
    }
    if (qn_num_is_plain(a) && qn_num_is_plain(b) && a.value % b.value != 0) {
        qn_infer_problem(c, "%lld elements do not divide by %lld",
                         (long long)a.value, (long long)b.value);
        return QN_UNKNOWN;
    }
    return qn_num_floor_div(&c->x, a, b);
}

static void check_len(struct qn_infer_ctx *c, const struct qn_result *out)
{
    struct quern_number a = qn_infer_in_len(c, 0);
    struct quern_number b = product(c, out->dims, out->rank);
    if (qn_num_is_plain(a) && qn_num_is_plain(b) && a.value != b.value) {
        qn_infer_problem(c, "%lld elements reshaped to %lld",
                         (long long)a.value, (long long)b.value);
    }
}

/* Only the length of the shape is known: the rank of the output. */
static void rank_by_len(struct qn_infer_ctx *c, size_t shape)
{
    if (qn_infer_in_rank(c, shape) == 1) {
        struct quern_number n = qn_infer_in_dim(c, shape, 0);
        if (qn_num_is_plain(n) && n.value <= QUERN_MAX_RANK) {
            qn_infer_out_rank(c, 0, (int)n.value);
        }
    }
}

void qn_infer_reshape(struct qn_infer_ctx *c)
{
    size_t n = 0;
    int open = -1;
    int n_open = 0;
    bool zero_copies = qn_infer_attr_int(c, "allowzero", 0) == 0;
    const struct quern_number *shape = qn_infer_numbers_of(c, "shape", 1, &n);
    if (shape == NULL || n > QUERN_MAX_RANK) {
        rank_by_len(c, 1);
        return;
    }
    if (!qn_infer_out_rank(c, 0, (int)n)) {
        return;
    }
    struct qn_result *out = qn_infer_out(c, 0);
    for (int i = 0; i < (int)n; i++) {
        out->dims[i] = shape[i];
        if (qn_num_is(shape[i], 0) && zero_copies) {
            out->dims[i] = i < qn_infer_in_rank(c, 0) ? qn_infer_in_dim(c, 0, i)
                                                      : QN_UNKNOWN;
        } else if (qn_num_is(shape[i], -1)) {
            out->dims[i] = QN_UNKNOWN;
            open = i;
            n_open++;
        } else if (!shape[i].known) {
            n_open++; /* may be -1 */
        }
    }
    if (n_open == 1) {
        /* Also right for one number that is not known: it is the rest. */
        for (int i = 0; open < 0 && i < (int)n; i++) {
            open = !shape[i].known ? i : -1;
        }
        out->dims[open] = rest_of(c, out, open);
    } else if (n_open == 0) {
        check_len(c, out);
    }
}

void qn_infer_flatten(struct qn_infer_ctx *c)
{
    int rank = qn_infer_in_rank(c, 0);
    int64_t axis = qn_infer_attr_int(c, "axis", 1);
    if (!qn_infer_out_rank(c, 0, 2) || rank < 0) {
        return;
    }
    axis = axis < 0 ? axis + rank : axis;
    if (axis < 0 || axis > rank) {
        return;
    }
    struct quern_number both[2] = {qn_num(1), qn_num(1)};
    for (int i = 0; i < rank; i++) {
        struct quern_number *side = &both[i < axis ? 0 : 1];
        *side = qn_num_times(&c->x, *side, qn_infer_in_dim(c, 0, i));
    }
    memcpy(qn_infer_out(c, 0)->dims, both, sizeof both);
}

void qn_infer_squeeze(struct qn_infer_ctx *c)
{
    const int64_t *axes = NULL;
    size_t n = 0;
    bool marks[QUERN_MAX_RANK] = {false};
    int rank = qn_infer_in_rank(c, 0);
    if (rank < 0 || !qn_infer_ints_of(c, "axes", 1, &axes, &n)) {
        return;
    }
    int left = rank;
    for (int i = 0; i < rank && axes == NULL; i++) {
        struct quern_number dim = qn_infer_in_dim(c, 0, i);
        marks[i] = qn_num_is(dim, 1);
        left -= marks[i] ? 1 : 0;
        if (!qn_num_is_plain(dim) && !qn_num_at_least(dim, 2)) {
            return; /* it may be 1 */
        }
    }
    for (size_t i = 0; i < n; i++) {
        int axis = qn_infer_axis(c, axes[i], rank);
        if (axis < 0) {
            return;
        }
        left -= marks[axis] ? 0 : 1;
        marks[axis] = true;
    }
    if (!qn_infer_out_rank(c, 0, left)) {
        return;
    }
    for (int i = 0, k = 0; i < rank; i++) {
        if (!marks[i]) {
            qn_infer_out(c, 0)->dims[k++] = qn_infer_in_dim(c, 0, i);
        } else {
            (void)qn_infer_merge(c, qn_infer_in_dim(c, 0, i), qn_num(1),
                                 "squeezed dimension");
        }
    }
}

void qn_infer_unsqueeze(struct qn_infer_ctx *c)
{
    const int64_t *axes = NULL;
    size_t n = 0;
    bool marks[QUERN_MAX_RANK] = {false};
    int rank = qn_infer_in_rank(c, 0);
    if (rank < 0 || !qn_infer_ints_of(c, "axes", 1, &axes, &n) ||
        n > QUERN_MAX_RANK) {
        return;
    }
    int grown = rank + (int)n;
    for (size_t i = 0; i < n && grown <= QUERN_MAX_RANK; i++) {
        int axis = qn_infer_axis(c, axes[i], grown);
        if (axis < 0) {
            return;
        }
        if (marks[axis]) {
            qn_infer_problem(c, "axis %d stands twice", axis);
            return;
        }
        marks[axis] = true;
    }
    if (!qn_infer_out_rank(c, 0, grown)) {
        return;
    }
    for (int i = 0, k = 0; i < grown; i++) {
        qn_infer_out(c, 0)->dims[i] =
            marks[i] ? qn_num(1) : qn_infer_in_dim(c, 0, k++);
    }
}

void qn_infer_expand(struct qn_infer_ctx *c)
{
    size_t n = 0;
    int rank = qn_infer_in_rank(c, 0);
    const struct quern_number *shape = qn_infer_in_numbers(c, 1, &n);
    struct qn_result *out = qn_infer_out(c, 0);
    if (rank < 0) {
        return;
    }
    if (shape == NULL || n > QUERN_MAX_RANK) {
        rank_by_len(c, 1);
        if (out->rank >= 0) { /* of dimensions that are not known */
            (void)qn_broadcast_in(c, out, 0);
        }
        return;
    }
    out->rank = (int)n;
    memcpy(out->dims, shape, n * sizeof *shape);
    (void)qn_broadcast_in(c, out, 0);
}

/* ------------------------------------------------------ shapes as tensors */

/* First and last axis of Shape (start and end since 15). */
static void shape_ends(struct qn_infer_ctx *c, int rank, int64_t *first,
                       int64_t *last)
{
    *first = qn_infer_attr_int(c, "start", 0);
    *last = qn_infer_attr_int(c, "end", rank);
    *first = *first < 0 ? *first + rank : *first;
    *last = *last < 0 ? *last + rank : *last;
    *first = *first < 0 ? 0 : *first > rank ? rank : *first;
    *last = *last < *first ? *first : *last > rank ? rank : *last;
}

void qn_infer_shape_of(struct qn_infer_ctx *c)
{
    int64_t first = 0;
    int64_t last = 0;
    int rank = qn_infer_in_rank(c, 0);
    if (qn_infer_out_rank(c, 0, 1) && rank >= 0) {
        shape_ends(c, rank, &first, &last);
        qn_infer_out(c, 0)->dims[0] = qn_num(last - first);
    }
}

void qn_infer_numbers_shape_of(struct qn_infer_ctx *c)
{
    int64_t first = 0;
    int64_t last = 0;
    int rank = qn_infer_in_rank(c, 0);
    if (rank < 0) {
        return;
    }
    shape_ends(c, rank, &first, &last);
    for (int64_t i = first; i < last; i++) {
        c->room[i - first] = qn_infer_in_dim(c, 0, (int)i);
    }
    qn_infer_out_numbers(c, 0, c->room, (size_t)(last - first));
}

void qn_infer_size_of(struct qn_infer_ctx *c)
{
    qn_infer_out_rank(c, 0, 0);
}

void qn_infer_numbers_size_of(struct qn_infer_ctx *c)
{
    c->room[0] = qn_infer_in_len(c, 0);
    qn_infer_out_numbers(c, 0, c->room, 1);
}

/* ------------------------------------------------------------ constants */

static void shape_of_tensor(struct qn_infer_ctx *c,
                            const struct quern_tensor *t)
{
    qn_infer_out_dtype(c, 0, quern_tensor_dtype(t));
    if (qn_infer_out_rank(c, 0, quern_tensor_rank(t))) {
        for (int i = 0; i < quern_tensor_rank(t); i++) {
            qn_infer_out(c, 0)->dims[i] = qn_num(quern_tensor_dims(t)[i]);
        }
    }
}

void qn_infer_constant(struct qn_infer_ctx *c)
{
    static const struct {
        const char *name;
        enum qn_attr_type type;
        enum quern_dtype dtype;
        int rank;
    } forms[] = {
        {"value_float", QN_ATTR_FLOAT, QUERN_FLOAT, 0},
        {"value_floats", QN_ATTR_FLOATS, QUERN_FLOAT, 1},
        {"value_int", QN_ATTR_INT, QUERN_INT64, 0},
        {"value_ints", QN_ATTR_INTS, QUERN_INT64, 1},
        {"value_string", QN_ATTR_STRING, QUERN_STRING, 0},
        {"value_strings", QN_ATTR_STRINGS, QUERN_STRING, 1},
    };
    const struct quern_tensor *t = qn_infer_attr_tensor(c, "value");
    if (t != NULL) {
        shape_of_tensor(c, t);
        return;
    }
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const struct qn_attr *attr = qn_node_attr(c->node, forms[i].name);
        if (attr == NULL || attr->ref_name != NULL ||
            attr->type != forms[i].type) {
            continue;
        }
        qn_infer_out_dtype(c, 0, forms[i].dtype);
        qn_infer_out_rank(c, 0, forms[i].rank);
        if (forms[i].rank == 1) {
            qn_infer_out(c, 0)->dims[0] = qn_num((int64_t)attr->len);
        }
    }
}

void qn_infer_numbers_constant(struct qn_infer_ctx *c)
{
    size_t n = 0;
    const struct quern_tensor *t = qn_infer_attr_tensor(c, "value");
    const int64_t *list = qn_infer_attr_ints(c, "value_ints", &n);
    int64_t len = qn_infer_numbers_len(c);
    if (len < 0) {
        return;
    }
    for (int64_t i = 0; i < len; i++) {
        int64_t value = 0;
        c->room[i] = QN_UNKNOWN;
        if (t != NULL) {
            if (quern_tensor_read_ints(t, i, 1, &value)) {
                c->room[i] = qn_num(value);
            }
        } else if (list != NULL && (size_t)i < n) {
            c->room[i] = qn_num(list[i]);
        } else if (qn_infer_attr_present(c, "value_int")) {
            c->room[i] = qn_num(qn_infer_attr_int(c, "value_int", 0));
        }
    }
    qn_infer_out_numbers(c, 0, c->room, (size_t)len);
}

/* Output 0 has the shape that input i says. */
static void shape_by_input(struct qn_infer_ctx *c, size_t i)
{
    size_t n = 0;
    const struct quern_number *shape = qn_infer_in_numbers(c, i, &n);
    if (shape == NULL || n > QUERN_MAX_RANK) {
        rank_by_len(c, i);
    } else if (qn_infer_out_rank(c, 0, (int)n)) {
        memcpy(qn_infer_out(c, 0)->dims, shape, n * sizeof *shape);
    }
}

void qn_infer_constant_of_shape(struct qn_infer_ctx *c)
{
    const struct quern_tensor *t = qn_infer_attr_tensor(c, "value");
    qn_infer_out(c, 0)->dtype = t != NULL ? quern_tensor_dtype(t) : QUERN_FLOAT;
    shape_by_input(c, 0);
}

void qn_infer_numbers_fill(struct qn_infer_ctx *c)
{
    const struct quern_tensor *t = qn_infer_attr_tensor(c, "value");
    int64_t value = 0;
    int64_t len = qn_infer_numbers_len(c);
    if (len < 0 || (t != NULL && (quern_tensor_len(t) != 1 ||
                                  !quern_tensor_read_ints(t, 0, 1, &value)))) {
        return;
    }
    for (int64_t i = 0; i < len; i++) {
        c->room[i] = qn_num(value);
    }
    qn_infer_out_numbers(c, 0, c->room, (size_t)len);
}

void qn_infer_random(struct qn_infer_ctx *c)
{
    size_t n = 0;
    const int64_t *shape = qn_infer_attr_ints(c, "shape", &n);
    int64_t dtype = qn_infer_attr_int(c, "dtype", QUERN_FLOAT);
    if (dtype > 0 && dtype <= QUERN_INT2) {
        qn_infer_out_dtype(c, 0, (enum quern_dtype)dtype);
    }
    if (shape != NULL && n <= QUERN_MAX_RANK &&
        qn_infer_out_rank(c, 0, (int)n)) {
        for (size_t i = 0; i < n; i++) {
            qn_infer_out(c, 0)->dims[i] = qn_num(shape[i]);
        }
    }
}

/* ---------------------------------------------------------------- range */

static struct quern_number single(struct qn_infer_ctx *c, size_t i)
{
    size_t n = 0;
    const struct quern_number *numbers = qn_infer_in_numbers(c, i, &n);
    return numbers != NULL && n == 1 ? numbers[0] : QN_UNKNOWN;
}

void qn_infer_range(struct qn_infer_ctx *c)
{
    struct qn_algebra *x = &c->x;
    struct quern_number step = single(c, 2);
    struct quern_number way = qn_num_minus(x, single(c, 1), single(c, 0));
    if (!qn_infer_out_rank(c, 0, 1) || !qn_num_is_plain(step) ||
        step.value == 0 || step.value == INT64_MIN || !way.known) {
        return;
    }
    if (step.value < 0) {
        way = qn_num_times(x, way, qn_num(-1));
        step.value = -step.value;
    }
    struct quern_number n = qn_num_ceil_div(x, way, step.value);
    qn_infer_out(c, 0)->dims[0] = qn_num_max(x, n, qn_num(0));
}

void qn_infer_numbers_range(struct qn_infer_ctx *c)
{
    int64_t len = qn_infer_numbers_len(c);
    struct quern_number value = single(c, 0);
    struct quern_number step = single(c, 2);
    for (int64_t i = 0; i < len; i++) {
        c->room[i] = value;
        value = qn_num_plus(&c->x, value, step);
    }
    if (len >= 0) {
        qn_infer_out_numbers(c, 0, c->room, (size_t)len);
    }
}
