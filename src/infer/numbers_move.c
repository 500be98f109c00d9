/* Numbers of small tensors that are moved, cut, joined and picked. */
#include "infer/table.h"

/* Plain dimensions of input i; false when one is open. */
static bool plain_dims(const struct qn_infer_ctx *c, size_t i, int64_t *dims)
{
    int rank = qn_infer_in_rank(c, i);
    for (int k = 0; k < rank; k++) {
        struct quern_number dim = qn_infer_in_dim(c, i, k);
        if (!qn_num_is_plain(dim)) {
            return false;
        }
        dims[k] = dim.value;
    }
    return rank >= 0;
}

/* Split index `at` of output 0 into coordinates. */
static void coordinates(const struct qn_infer_ctx *c, int64_t at, int64_t *out)
{
    for (int k = c->out[0].rank; k-- > 0;) {
        out[k] = at % c->out[0].dims[k].value;
        at /= c->out[0].dims[k].value;
    }
}

static int64_t flat(int rank, const int64_t *dims, const int64_t *where)
{
    int64_t at = 0;
    for (int k = 0; k < rank; k++) {
        at = at * dims[k] + where[k];
    }
    return at;
}

static struct quern_number pick(const struct quern_number *data, size_t n,
                                int64_t at)
{
    return at >= 0 && (size_t)at < n ? data[at] : QN_UNKNOWN;
}

/* Data of input 0 with plain dims and the length of the output; false: nothing
 * to do. */
static bool ready(struct qn_infer_ctx *c, const struct quern_number **out_data,
                  size_t *out_n, int64_t *dims, int64_t *out_len)
{
    *out_data = qn_infer_in_numbers(c, 0, out_n);
    *out_len = qn_infer_numbers_len(c);
    return *out_data != NULL && *out_len >= 0 && plain_dims(c, 0, dims);
}

void qn_infer_numbers_concat(struct qn_infer_ctx *c)
{
    size_t filled = 0;
    int64_t len = qn_infer_numbers_len(c);
    if (len < 0 || c->out[0].rank != 1) {
        return;
    }
    for (size_t i = 0; i < c->node->n_inputs; i++) {
        size_t n = 0;
        const struct quern_number *part = qn_infer_in_numbers(c, i, &n);
        struct quern_number own =
            qn_infer_in_rank(c, i) == 1 ? qn_infer_in_dim(c, i, 0) : QN_UNKNOWN;
        if (!qn_num_is_plain(own) || filled + (size_t)own.value > (size_t)len) {
            return;
        }
        for (size_t k = 0; k < (size_t)own.value; k++) {
            c->room[filled++] = part != NULL && k < n ? part[k] : QN_UNKNOWN;
        }
    }
    qn_infer_out_numbers(c, 0, c->room, filled);
}

void qn_infer_numbers_gather(struct qn_infer_ctx *c)
{
    const struct quern_number *data = NULL;
    int64_t dims[QUERN_MAX_RANK];
    int64_t where[QUERN_MAX_RANK];
    size_t n = 0;
    size_t n_picks = 0;
    int64_t len = 0;
    const struct quern_number *picks = qn_infer_in_numbers(c, 1, &n_picks);
    if (picks == NULL || !ready(c, &data, &n, dims, &len)) {
        return;
    }
    int rank = qn_infer_in_rank(c, 0);
    int n_axes = qn_infer_in_rank(c, 1);
    int axis = qn_infer_axis(c, qn_infer_attr_int(c, "axis", 0), rank);
    for (int64_t i = 0; i < len && axis >= 0; i++) {
        int64_t pick = 0;
        int64_t from[QUERN_MAX_RANK];
        coordinates(c, i, where);
        for (int k = 0; k < n_axes; k++) {
            pick = pick * c->out[0].dims[axis + k].value + where[axis + k];
        }
        for (int k = 0; k < rank; k++) {
            if (k != axis) {
                from[k] = where[k < axis ? k : k - 1 + n_axes];
            }
        }
        struct quern_number p =
            (size_t)pick < n_picks ? picks[pick] : QN_UNKNOWN;
        int64_t index = p.value < 0 ? p.value + dims[axis] : p.value;
        bool fits = qn_num_is_plain(p) && index >= 0 && index < dims[axis];
        from[axis] = fits ? index : 0;
        c->room[i] = fits ? data[flat(rank, dims, from)] : QN_UNKNOWN;
    }
    qn_infer_out_numbers(c, 0, c->room, axis >= 0 ? (size_t)len : 0);
}

/* Whole rows only: indices of the first axis. */
void qn_infer_numbers_gather_nd(struct qn_infer_ctx *c)
{
    const struct quern_number *data = NULL;
    int64_t dims[QUERN_MAX_RANK];
    size_t n = 0;
    size_t n_picks = 0;
    int64_t len = 0;
    const struct quern_number *picks = qn_infer_in_numbers(c, 1, &n_picks);
    if (picks == NULL || qn_infer_in_rank(c, 0) != 1 ||
        !ready(c, &data, &n, dims, &len) || n_picks != (size_t)len) {
        return;
    }
    for (int64_t i = 0; i < len; i++) {
        struct quern_number p = picks[i];
        int64_t index = p.value < 0 ? p.value + dims[0] : p.value;
        bool fits = qn_num_is_plain(p) && index >= 0 && index < dims[0];
        c->room[i] = fits ? data[index] : QN_UNKNOWN;
    }
    qn_infer_out_numbers(c, 0, c->room, (size_t)len);
}

/* First index and step of a cut of plain numbers; false when not known. */
static bool plain_cut(struct quern_number start, struct quern_number step,
                      int64_t dim, int64_t *out_first, int64_t *out_step)
{
    if (!qn_num_is_plain(start) || !qn_num_is_plain(step) || step.value == 0) {
        return false;
    }
    int64_t first = start.value < 0 ? start.value + dim : start.value;
    int64_t most = step.value < 0 ? dim - 1 : dim;
    *out_first = first < 0 ? 0 : first > most ? most : first;
    *out_step = step.value;
    return true;
}

void qn_infer_numbers_slice(struct qn_infer_ctx *c)
{
    const struct quern_number *data = NULL;
    struct qn_slice s;
    int64_t dims[QUERN_MAX_RANK];
    int64_t first[QUERN_MAX_RANK] = {0};
    int64_t step[QUERN_MAX_RANK];
    int64_t where[QUERN_MAX_RANK];
    size_t n = 0;
    int64_t len = 0;
    int rank = qn_infer_in_rank(c, 0);
    qn_infer_slice_of(c, &s);
    if (!s.known || !ready(c, &data, &n, dims, &len)) {
        return;
    }
    for (int k = 0; k < rank; k++) {
        step[k] = 1;
    }
    for (size_t k = 0; k < s.n; k++) {
        int axis = s.cut[k].axis;
        if (!plain_cut(s.cut[k].start, s.cut[k].step, dims[axis], &first[axis],
                       &step[axis])) {
            return;
        }
    }
    for (int64_t i = 0; i < len; i++) {
        coordinates(c, i, where);
        for (int k = 0; k < rank; k++) {
            where[k] = first[k] + where[k] * step[k];
        }
        c->room[i] = pick(data, n, flat(rank, dims, where));
    }
    qn_infer_out_numbers(c, 0, c->room, (size_t)len);
}

void qn_infer_numbers_split(struct qn_infer_ctx *c)
{
    size_t n = 0;
    size_t at = 0;
    const struct quern_number *data = qn_infer_in_numbers(c, 0, &n);
    if (data == NULL || qn_infer_in_rank(c, 0) != 1) {
        return;
    }
    for (size_t i = 0; i < c->n_out && at <= n; i++) {
        struct quern_number len = c->out[i].dims[0];
        if (c->out[i].rank != 1 || !qn_num_is_plain(len) || len.value < 0 ||
            (size_t)len.value > n - at) {
            return;
        }
        qn_infer_out_numbers(c, i, data + at, (size_t)len.value);
        at += (size_t)len.value;
    }
}

void qn_infer_numbers_transpose(struct qn_infer_ctx *c)
{
    const struct quern_number *data = NULL;
    int64_t dims[QUERN_MAX_RANK];
    int64_t where[QUERN_MAX_RANK];
    int64_t from[QUERN_MAX_RANK];
    size_t n = 0;
    size_t n_perm = 0;
    int64_t len = 0;
    int rank = qn_infer_in_rank(c, 0);
    const int64_t *perm = qn_infer_attr_ints(c, "perm", &n_perm);
    if (!ready(c, &data, &n, dims, &len) ||
        (perm != NULL && n_perm != (size_t)rank) || c->problem[0] != '\0') {
        return;
    }
    for (int64_t i = 0; i < len; i++) {
        coordinates(c, i, where);
        for (int k = 0; k < rank; k++) {
            from[perm != NULL ? perm[k] : rank - 1 - k] = where[k];
        }
        c->room[i] = pick(data, n, flat(rank, dims, from));
    }
    qn_infer_out_numbers(c, 0, c->room, (size_t)len);
}

void qn_infer_numbers_tile(struct qn_infer_ctx *c)
{
    const struct quern_number *data = NULL;
    int64_t dims[QUERN_MAX_RANK];
    int64_t where[QUERN_MAX_RANK];
    size_t n = 0;
    int64_t len = 0;
    int rank = qn_infer_in_rank(c, 0);
    if (!ready(c, &data, &n, dims, &len)) {
        return;
    }
    for (int64_t i = 0; i < len; i++) {
        coordinates(c, i, where);
        for (int k = 0; k < rank; k++) {
            where[k] = dims[k] > 0 ? where[k] % dims[k] : 0;
        }
        c->room[i] = pick(data, n, flat(rank, dims, where));
    }
    qn_infer_out_numbers(c, 0, c->room, (size_t)len);
}

/* Indices of the non-zero elements of a list. */
void qn_infer_numbers_nonzero(struct qn_infer_ctx *c)
{
    size_t n = 0;
    size_t found = 0;
    const struct quern_number *data = qn_infer_in_numbers(c, 0, &n);
    if (data == NULL || qn_infer_in_rank(c, 0) != 1 ||
        qn_infer_numbers_len(c) < 0) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (data[i].value != 0) {
            c->room[found++] = qn_num((int64_t)i);
        }
    }
    qn_infer_out_numbers(c, 0, c->room, found);
}
