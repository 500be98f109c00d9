/* Following the channels of a value through data movement. */
#include "fuse/moves.h"

#include "common.h"
#include "fuse/linear.h"

#include <string.h>

/* How the axes of a value count channels: axis i by stride[i], 0: not at all.
 */
struct axes {
    int rank;
    int64_t stride[QUERN_MAX_RANK];
    int64_t size[QUERN_MAX_RANK]; /* -1: not known */
};

static bool is_move(const struct quern_node *node)
{
    static const char *const moves[] = {"Reshape", "Transpose", "Flatten",
                                        "Squeeze", "Unsqueeze", NULL};
    return qn_is_one_of(node, moves) && *quern_node_domain(node) == '\0';
}

void qn_moves_before(struct quern_value *value, const struct quern_node *reader,
                     struct qn_moves *out)
{
    *out = (struct qn_moves){.from = value, .to = value};
    while (out->n < QN_MOST_MOVES) {
        struct quern_node *node = quern_value_producer(out->from);
        if (node == NULL || !is_move(node) ||
            quern_node_graph(node) != quern_node_graph(reader) ||
            quern_value_only_user(out->from) != reader ||
            quern_node_input(node, 0) == NULL) {
            return;
        }
        out->at[out->n++] = node;
        out->from = quern_node_input(node, 0);
        reader = node;
    }
}

static bool init_axes(const struct quern_value *value, struct axes *out)
{
    const struct quern_dim *dims = quern_value_dims(value);
    memset(out, 0, sizeof *out);
    out->rank = quern_value_rank(value);
    if (out->rank < 1 || out->rank > QUERN_MAX_RANK) {
        return false;
    }
    for (int i = 0; i < out->rank; i++) {
        out->size[i] = dims[i].value;
    }
    return true;
}

static bool turn(const struct quern_node *node, const struct axes *from,
                 struct axes *to)
{
    const int64_t *perm = NULL;
    size_t n = 0;
    if (quern_node_has_attr(node, "perm") &&
        (quern_node_attr_ints(node, "perm", &perm, &n) != QUERN_OK ||
         n != (size_t)from->rank)) {
        return false;
    }
    for (int i = 0; i < to->rank; i++) {
        int64_t k = perm != NULL ? perm[i] : from->rank - 1 - i;
        if (to->rank != from->rank || k < 0 || k >= from->rank) {
            return false;
        }
        to->stride[i] = from->stride[k];
    }
    return true;
}

/* Channels are the last axes, in their order: n of them. */
static bool are_last(const struct axes *axes, int64_t n)
{
    int64_t stride = 1;
    for (int i = axes->rank - 1; i >= 0 && stride < n; i--) {
        if (axes->size[i] != 1 && axes->stride[i] != stride) {
            return false;
        }
        stride *= axes->size[i];
    }
    return stride == n;
}

/* The last axes that hold n elements count them. */
static bool split_last(struct axes *to, int64_t n)
{
    int64_t stride = 1;
    for (int i = to->rank - 1; i >= 0 && stride < n; i--) {
        if (to->size[i] < 1 || n % (stride * to->size[i]) != 0) {
            return false;
        }
        to->stride[i] = stride;
        stride *= to->size[i];
    }
    return stride == n;
}

/* The elements stay in their order: where the axes up to that of the channels
 * stay too, or where channels are what lies last. */
static bool reshape(const struct quern_value *x, const struct axes *from,
                    const struct quern_value *y, struct axes *to, int64_t n)
{
    if (are_last(from, n)) {
        return split_last(to, n);
    }
    int last = -1;
    for (int i = 0; i < from->rank; i++) {
        last = from->stride[i] != 0 ? i : last;
    }
    for (int i = 0; i <= last; i++) {
        if (i >= to->rank ||
            !quern_dim_equal(quern_value_dims(x)[i], quern_value_dims(y)[i])) {
            return false;
        }
        to->stride[i] = from->stride[i];
    }
    return true;
}

/* How the axes of what the last move makes count the channels. */
static bool follow(const struct qn_moves *moves, int axis, int64_t n,
                   struct axes *out)
{
    struct quern_value *x = moves->from;
    if (!init_axes(x, out) || out->rank + axis < 0 ||
        out->size[out->rank + axis] != n) {
        return false;
    }
    out->stride[out->rank + axis] = 1;
    for (size_t i = moves->n; i-- > 0;) {
        const struct quern_node *node = moves->at[i];
        struct quern_value *y = quern_node_output(node, 0);
        struct axes to;
        bool good = init_axes(y, &to) && (quern_node_is(node, "Transpose")
                                              ? turn(node, out, &to)
                                              : reshape(x, out, y, &to, n));
        if (!good) {
            return false;
        }
        *out = to;
        x = y;
    }
    return true;
}

/* Number of the constant's element for channel c; -1: it varies along another
 * axis, or widens the data. */
static int64_t element_of(const struct quern_tensor *t, const struct axes *axes,
                          int64_t c)
{
    const int64_t *dims = quern_tensor_dims(t);
    int rank = quern_tensor_rank(t);
    int64_t at = 0;
    for (int i = 0; i < rank; i++) {
        int k = axes->rank - rank + i;
        if (dims[i] != 1 &&
            (axes->stride[k] == 0 || dims[i] != axes->size[k])) {
            return -1;
        }
        at = at * dims[i] + (dims[i] != 1 ? c / axes->stride[k] % dims[i] : 0);
    }
    return at;
}

bool qn_moves_numbers(const struct qn_moves *moves,
                      const struct quern_value *constant, int axis, int64_t n,
                      double *out)
{
    const struct quern_tensor *t =
        constant != NULL ? quern_value_constant(constant) : NULL;
    struct axes axes;
    if (t == NULL || !qn_is_wide_float(quern_tensor_dtype(t)) ||
        quern_tensor_len(t) == 0 ||
        (quern_tensor_rank(t) > 0 &&
         quern_tensor_rank(t) > quern_value_rank(moves->to))) {
        return false;
    }
    bool is_one = quern_tensor_len(t) == 1;
    if (!is_one && !follow(moves, axis, n, &axes)) {
        return false;
    }
    for (int64_t c = 0; c < n; c++) {
        int64_t at = is_one ? 0 : element_of(t, &axes, c);
        if (at < 0 || !quern_tensor_read_doubles(t, at, 1, &out[c])) {
            return false;
        }
    }
    return true;
}

bool qn_moves_places(const struct qn_moves *moves, int axis, int64_t n,
                     int to_axis, int64_t *out)
{
    struct axes axes;
    if (!follow(moves, axis, n, &axes) || to_axis >= axes.rank ||
        axes.size[to_axis] < 1 ||
        (axes.size[to_axis] > 1 && axes.stride[to_axis] == 0)) {
        return false;
    }
    for (int64_t c = 0; c < n; c++) {
        out[c] = axes.size[to_axis] == 1
                     ? 0
                     : c / axes.stride[to_axis] % axes.size[to_axis];
    }
    return true;
}

enum quern_code qn_moves_take_over(const struct qn_moves *moves,
                                   struct quern_node *node)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = moves->n; i-- > 0 && code == QUERN_OK;) {
        code = qn_renew_output(
            quern_value_producer(quern_node_input(moves->at[i], 0)), true);
    }
    return code == QUERN_OK ? qn_take_over(moves->at[0], node) : code;
}
