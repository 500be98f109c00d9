/* fuse-channel-order: a Gather or Slice that puts all channels in another order
 * (RGB as BGR, say) goes into the weights behind it: Conv W reads channel i
 * where Conv W' reads channel order(i). Functions of single elements, constant
 * arithmetic and Transpose may stand between. Sums run in another order:
 * real-exact. */
#include "builtin.h"
#include "common.h"
#include "fuse/linear.h"
#include "kinds.h"

#include <string.h>

enum { MOST_BETWEEN = 8 };

/** y[i] = x[place[i]] along an axis of n channels; x[j] = y[inverse[j]]. */
struct order {
    int64_t *inverse;
    int64_t n;
    int axis; /* from the front, of the value that is looked at */
    int rank;
};

/** A constant that has to follow the channels to their old places. */
struct follower {
    struct quern_node *node;
    size_t input;
    int axis; /* of the channels in it */
};

static bool set_axis(struct order *order, int64_t axis)
{
    axis += axis < 0 ? order->rank : 0;
    if (axis < 0 || axis >= order->rank) {
        return false;
    }
    order->axis = (int)axis;
    return true;
}

/* Places of a Gather, by constant indices in one vector. */
static bool read_gather(const struct quern_node *node, struct order *order)
{
    const struct quern_tensor *t =
        quern_value_constant(quern_node_input(node, 1));
    if (t == NULL || quern_tensor_rank(t) != 1 ||
        !set_axis(order, quern_node_int(node, "axis", 0))) {
        return false;
    }
    order->n = quern_tensor_len(t);
    return true;
}

/* A Slice along one axis from its end to its begin. */
static bool read_slice(const struct quern_node *node, struct order *order)
{
    int64_t axis = 0, from = 0, to = 0, step = 0;
    if (quern_node_n_inputs(node) != 5 ||
        qn_int_values(quern_node_input(node, 1), 1, &from) != 1 ||
        qn_int_values(quern_node_input(node, 2), 1, &to) != 1 ||
        qn_int_values(quern_node_input(node, 3), 1, &axis) != 1 ||
        qn_int_values(quern_node_input(node, 4), 1, &step) != 1) {
        return false;
    }
    if (step != -1 || !set_axis(order, axis)) {
        return false;
    }
    order->n = quern_value_dims(quern_node_input(node, 0))[order->axis].value;
    return (from == -1 || from >= order->n - 1) && to < -order->n;
}

/* Where channel i of y comes from; -1: nowhere. */
static int64_t place(const struct quern_tensor *indices, int64_t n, int64_t i)
{
    int64_t from = 0;
    if (indices == NULL) {
        return n - 1 - i;
    }
    if (!quern_tensor_read_ints(indices, i, 1, &from) || from < -n ||
        from >= n) {
        return -1;
    }
    return from < 0 ? from + n : from;
}

/* Fill in where channels go; false when some is missing, or all stay. */
static bool invert(const struct quern_node *node, struct order *order)
{
    const struct quern_tensor *indices =
        quern_node_is(node, "Gather")
            ? quern_value_constant(quern_node_input(node, 1))
            : NULL;
    bool moves = false;
    for (int64_t j = 0; j < order->n; j++) {
        order->inverse[j] = -1;
    }
    for (int64_t i = 0; i < order->n; i++) {
        int64_t from = place(indices, order->n, i);
        if (from < 0 || order->inverse[from] >= 0) {
            return false;
        }
        order->inverse[from] = i;
        moves = moves || from != i;
    }
    return moves;
}

/* All but where the channels go, which needs memory. */
static bool read_order(const struct quern_node *node, struct order *out)
{
    const struct quern_value *x = quern_node_input(node, 0);
    *out = (struct order){.rank = x != NULL ? quern_value_rank(x) : -1};
    return out->rank >= 1 &&
           (quern_node_is(node, "Gather") ? read_gather(node, out)
                                          : read_slice(node, out)) &&
           out->n >= 2 && quern_value_dims(x)[out->axis].value == out->n;
}

/* Arithmetic of x with a constant; *out holds it when it varies by channel. */
static bool read_arithmetic(struct quern_node *node,
                            const struct quern_value *x,
                            const struct order *order, struct follower *out)
{
    size_t other = quern_node_input(node, 0) == x ? 1 : 0;
    const struct quern_value *v = quern_node_input(node, other);
    const struct quern_tensor *t = v != NULL ? quern_value_constant(v) : NULL;
    *out = (struct follower){NULL, other, -1};
    if (!qn_is_arithmetic(node) || t == NULL ||
        quern_tensor_rank(t) > order->rank) {
        return false;
    }
    out->axis = order->axis + quern_tensor_rank(t) - order->rank;
    if (out->axis >= 0 && quern_tensor_dims(t)[out->axis] != 1) {
        out->node = node;
        return quern_tensor_dims(t)[out->axis] == order->n &&
               qn_is_wide_float(quern_tensor_dtype(t));
    }
    return true;
}

static bool follow_transpose(const struct quern_node *node, struct order *order)
{
    const int64_t *perm = NULL;
    size_t n = 0;
    if (!quern_node_is(node, "Transpose")) {
        return false;
    }
    if (!quern_node_has_attr(node, "perm")) {
        order->axis = order->rank - 1 - order->axis;
        return true;
    }
    if (quern_node_attr_ints(node, "perm", &perm, &n) != QUERN_OK ||
        n != (size_t)order->rank) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (perm[i] == order->axis) {
            order->axis = (int)i;
            return true;
        }
    }
    return false;
}

/* The weights that read the channels last, if it is that node. */
static bool read_weights(struct quern_node *node, const struct quern_value *x,
                         const struct order *order, struct follower *out)
{
    struct qn_weights w;
    if (quern_node_input(node, 0) != x || !qn_weights_init(node, &w) ||
        w.groups != 1 || w.n_in != order->n ||
        order->axis != order->rank + w.axis ||
        (w.rank >= 0 && w.rank != order->rank)) {
        return false;
    }
    *out = (struct follower){node, 1, w.out_first ? 1 : 0};
    return true;
}

/* All constants from the node that orders the channels to the weights that
 * read them; 0: something else reads them. */
static size_t find_followers(const struct quern_node *node,
                             const struct order *order, struct follower *out)
{
    const struct quern_value *x = quern_node_output(node, 0);
    struct order at = *order;
    size_t n = 0;
    for (int depth = 0; depth <= MOST_BETWEEN; depth++) {
        struct quern_node *reader = quern_value_only_user(x);
        struct follower *next = &out[n];
        if (reader == NULL) {
            return 0;
        }
        if (read_weights(reader, x, &at, next)) {
            return n + 1;
        }
        if (read_arithmetic(reader, x, &at, next)) {
            n += next->node != NULL;
        } else if (!(qn_is_elementwise(reader) &&
                     quern_node_input(reader, 0) == x) &&
                   !follow_transpose(reader, &at)) {
            return 0;
        }
        x = quern_node_output(reader, 0);
    }
    return 0;
}

/* @return as quern_tensor_create() */
static enum quern_code reorder(struct quern_pass_ctx *ctx,
                               const struct quern_tensor *t, int axis,
                               const struct order *order,
                               struct quern_tensor **out)
{
    const int64_t *dims = quern_tensor_dims(t);
    int rank = quern_tensor_rank(t);
    enum quern_code code = quern_tensor_create(
        quern_pass_context(ctx), quern_tensor_dtype(t), rank, dims, out);
    if (code != QUERN_OK || quern_tensor_len(t) == 0) {
        return code;
    }
    size_t width = quern_tensor_size(t);
    for (int i = 0; i <= axis; i++) {
        width /= (size_t)dims[i];
    }
    size_t rows = quern_tensor_size(t) / width;
    const char *from = quern_tensor_data(t);
    char *to = quern_tensor_data_mut(*out);
    for (size_t i = 0; i < rows; i++) {
        size_t n = (size_t)order->n;
        size_t old = i - i % n + (size_t)order->inverse[i % n];
        memcpy(to + i * width, from + old * width, width);
    }
    return QUERN_OK;
}

static enum quern_code follow(struct quern_pass_ctx *ctx,
                              const struct follower *f,
                              const struct order *order)
{
    const struct quern_value *old = quern_node_input(f->node, f->input);
    struct quern_tensor *t = NULL;
    struct quern_value *value = NULL;
    enum quern_code code =
        reorder(ctx, quern_value_constant(old), f->axis, order, &t);
    if (code == QUERN_OK) {
        code = quern_constant_create(quern_node_graph(f->node),
                                     quern_value_name(old), t, &value);
    }
    quern_tensor_release(&t);
    return code == QUERN_OK ? qn_replace_input(f->node, f->input, value) : code;
}

/* The nodes up to `last` make other numbers now, under other names. */
static enum quern_code rename_between(struct quern_node *node,
                                      const struct quern_node *last)
{
    enum quern_code code = QUERN_OK;
    while (node != last && code == QUERN_OK) {
        struct quern_node *next =
            quern_value_only_user(quern_node_output(node, 0));
        code = qn_renew_output(node, true);
        node = next;
    }
    return code;
}

/* Take the node out; what follows it takes its order. */
static enum quern_code take_in(struct quern_pass_ctx *ctx,
                               struct quern_node *node,
                               const struct order *order,
                               const struct follower *at, size_t n)
{
    const struct quern_use *use =
        quern_value_first_use(quern_node_output(node, 0));
    struct quern_node *reader = quern_use_node(use);
    struct quern_node *last = at[n - 1].node;
    quern_pass_account(ctx, node, "%lld channels are in the order of '%s'",
                       (long long)order->n,
                       quern_value_name(quern_node_input(last, 1)));
    enum quern_code code = quern_node_set_input(reader, quern_use_index(use),
                                                quern_node_input(node, 0));
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        code = follow(ctx, &at[i], order);
    }
    if (code == QUERN_OK) {
        code = rename_between(reader, last);
    }
    return code == QUERN_OK ? quern_node_erase_dead(node) : code;
}

static enum quern_code try_order(struct quern_pass_ctx *ctx,
                                 struct quern_node *node, void *user)
{
    struct follower at[MOST_BETWEEN + 1];
    struct order order;
    (void)user;
    size_t n = read_order(node, &order) ? find_followers(node, &order, at) : 0;
    if (n == 0) {
        return QUERN_OK;
    }
    order.inverse = quern_pass_alloc(ctx, (size_t)order.n * sizeof(int64_t));
    if (order.inverse == NULL) {
        return QUERN_NO_MEMORY;
    }
    return invert(node, &order) ? take_in(ctx, node, &order, at, n) : QUERN_OK;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {"Gather", "Slice", NULL};
    struct quern_each each = {.ops = ops, .backward = true};
    (void)params;
    return quern_pass_each(ctx, graph, &each, try_order, NULL);
}

const struct quern_pass_desc qn_pass_fuse_channel_order = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-channel-order",
    .summary = "let the weights of a Conv, ConvTranspose, Gemm or MatMul take "
               "the order of channels that a Gather or Slice makes",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "fuse",
};
