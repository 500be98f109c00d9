/* drop-identity: Identity, Dropout in use, casts to the type that is there.
 * drop-no-op: nodes that with these constants and sizes change nothing: a
 * Transpose into the same order, x * 1, a Pad by nothing, ….
 * A graph output that is an input keeps its node, one of a body that is a small
 * constant becomes one of the body. */
#include "builtin.h"
#include "clean/idle.h"
#include "common.h"

#include <string.h>

typedef bool (*test_fn)(const struct quern_node *node, size_t *out_input);

static enum quern_code drop(struct quern_pass_ctx *ctx, struct quern_node *node,
                            test_fn is_no_op)
{
    size_t i = 0;
    struct quern_value *y = quern_node_output(node, 0);
    struct quern_value *x =
        y != NULL && is_no_op(node, &i) ? quern_node_input(node, i) : NULL;
    if (x == NULL || !qn_can_stand_for(y, x)) {
        return QUERN_OK;
    }
    enum quern_code code = quern_replace_value(y, x, true);
    if (code == QUERN_OK) {
        quern_pass_account(ctx, node, "dropped");
        code = quern_node_erase_dead(node);
    }
    return code;
}

/* ---------------------------------------------------------- drop-identity */

static bool mask_is_used(const struct quern_node *node)
{
    const struct quern_value *mask = quern_node_output(node, 1);
    return mask != NULL && quern_value_n_uses(mask) > 0;
}

static bool trains(const struct quern_node *node)
{
    const struct quern_value *mode = quern_node_input(node, 2);
    const struct quern_tensor *t =
        mode != NULL ? quern_value_constant(mode) : NULL;
    int64_t on = 1;
    if (mode == NULL) {
        return quern_node_int(node, "is_test", 1) == 0;
    }
    return t == NULL || quern_tensor_len(t) != 1 ||
           !quern_tensor_read_ints(t, 0, 1, &on) || on != 0;
}

static bool casts_to_itself(const struct quern_node *node)
{
    const struct quern_value *x = quern_node_input(node, 0);
    const struct quern_value *like = quern_node_input(node, 1);
    if (x == NULL || quern_value_dtype(x) == QUERN_UNDEFINED) {
        return false;
    }
    if (quern_node_is(node, "CastLike")) {
        return like != NULL && quern_value_dtype(x) == quern_value_dtype(like);
    }
    return quern_node_is(node, "Cast") &&
           (int64_t)quern_value_dtype(x) == quern_node_int(node, "to", 0);
}

static bool is_identity(const struct quern_node *node, size_t *out_input)
{
    *out_input = 0;
    if (quern_node_is(node, "Dropout")) {
        return !mask_is_used(node) && !trains(node);
    }
    return quern_node_is(node, "Identity") || casts_to_itself(node);
}

/* Most elements of a constant that a body gets a copy of. */
enum { MOST_COPIED = 64 };

/* What a body hands out unchanged, a flag of PyTorch's loops mostly, when that
 * is a constant from outside. */
static struct quern_tensor *handed_out(const struct quern_node *node)
{
    const struct quern_value *x = quern_node_input(node, 0);
    const struct quern_value *y = quern_node_output(node, 0);
    struct quern_tensor *t = x != NULL ? quern_value_constant(x) : NULL;
    return t != NULL && y != NULL && quern_value_is_graph_output(y) &&
                   quern_node_is(node, "Identity") &&
                   quern_graph_parent(quern_node_graph(node)) != NULL &&
                   quern_tensor_len(t) <= MOST_COPIED
               ? t
               : NULL;
}

static enum quern_code drop_identity(struct quern_pass_ctx *ctx,
                                     struct quern_node *node, void *user)
{
    (void)user;
    struct quern_tensor *t = handed_out(node);
    if (t != NULL) {
        quern_pass_account(ctx, node, "the body has the constant itself");
        return qn_output_to_constant(node, t);
    }
    return drop(ctx, node, is_identity);
}

static enum quern_code run_identity(struct quern_pass_ctx *ctx,
                                    struct quern_graph *graph,
                                    const void *params)
{
    static const char *const ops[] = {"Dropout", "Identity", "Cast", "CastLike",
                                      NULL};
    (void)params;
    return quern_pass_each(ctx, graph, &(struct quern_each){.ops = ops},
                           drop_identity, NULL);
}

const struct quern_pass_desc qn_pass_drop_identity = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "drop-identity",
    .summary = "drop Identity, Dropout of a trained model, casts to the type "
               "that is there",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_BIT_EXACT,
    .run = run_identity,
    .group = "clean",
};

/* ------------------------------------------------------------- drop-no-op */

/* The output has the sizes of input i, whatever these are. */
static bool has_shape_of(const struct quern_node *node, size_t i_input)
{
    const struct quern_value *x = quern_node_input(node, i_input);
    const struct quern_value *y = quern_node_output(node, 0);
    int rank = x != NULL ? quern_value_rank(x) : -1;
    if (rank < 0 || rank != quern_value_rank(y)) {
        return false;
    }
    const struct quern_dim *a = quern_value_dims(x);
    const struct quern_dim *b = quern_value_dims(y);
    for (int i = 0; i < rank; i++) {
        if (!quern_dim_equal(a[i], b[i])) {
            return false;
        }
    }
    return true;
}

static bool same_shape(const struct quern_node *node)
{
    return has_shape_of(node, 0);
}

/* Reshape to a constant shape that names each size of the input: by 0, by its
 * number, or, once, by -1. */
static bool reshapes_to_itself(const struct quern_node *node)
{
    int64_t shape[QUERN_MAX_RANK];
    const struct quern_value *x = quern_node_input(node, 0);
    int n = qn_int_values(quern_node_input(node, 1), QUERN_MAX_RANK, shape);
    if (n < 1 || x == NULL || quern_value_rank(x) != n) {
        return false;
    }
    bool zero_copies = quern_node_int(node, "allowzero", 0) == 0;
    const struct quern_dim *dims = quern_value_dims(x);
    int open = 0;
    for (int i = 0; i < n; i++) {
        if (shape[i] == -1) {
            open++;
        } else if (!(shape[i] == 0 && zero_copies) &&
                   dims[i].value != shape[i]) {
            return false;
        }
    }
    return open <= 1;
}

static bool transposes_to_itself(const struct quern_node *node)
{
    const int64_t *perm = NULL;
    size_t n = 0;
    const struct quern_value *x = quern_node_input(node, 0);
    if (!quern_node_has_attr(node, "perm")) {
        int rank = x != NULL ? quern_value_rank(x) : -1;
        return rank == 0 || rank == 1;
    }
    if (quern_node_attr_ints(node, "perm", &perm, &n) != QUERN_OK) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (perm[i] != (int64_t)i) {
            return false;
        }
    }
    return true;
}

/* Ints of an attribute (older opsets) or of an input; -1: not known. */
static int ints_of(const struct quern_node *node, const char *attr,
                   size_t input, int64_t *out)
{
    const int64_t *list = NULL;
    size_t n = 0;
    if (!quern_node_has_attr(node, attr)) {
        return qn_int_values(quern_node_input(node, input), 2 * QUERN_MAX_RANK,
                             out);
    }
    if (quern_node_attr_ints(node, attr, &list, &n) != QUERN_OK ||
        n > 2 * QUERN_MAX_RANK) {
        return -1;
    }
    memcpy(out, list, n * sizeof *out);
    return (int)n;
}

static bool slices_all(const struct quern_node *node)
{
    int64_t starts[2 * QUERN_MAX_RANK];
    int64_t ends[2 * QUERN_MAX_RANK];
    int64_t steps[2 * QUERN_MAX_RANK];
    int n = ints_of(node, "starts", 1, starts);
    int n_ends = ints_of(node, "ends", 2, ends);
    int n_steps =
        qn_int_values(quern_node_input(node, 4), 2 * QUERN_MAX_RANK, steps);
    if (quern_node_input(node, 4) == NULL) {
        n_steps = 0;
    } else if (n_steps != n) {
        return false;
    }
    for (int i = 0; i < n_steps; i++) {
        if (steps[i] != 1) {
            return false;
        }
    }
    if (n >= 0 && same_shape(node)) {
        return true;
    }
    for (int i = 0; i < n; i++) {
        /* What exporters write for "to the end". */
        if (starts[i] != 0 || n_ends != n || ends[i] < INT32_MAX) {
            return false;
        }
    }
    return n >= 0;
}

static bool pads_nothing(const struct quern_node *node)
{
    int64_t pads[2 * QUERN_MAX_RANK];
    int n = ints_of(node, "pads", 1, pads);
    for (int i = 0; i < n; i++) {
        if (pads[i] != 0) {
            return false;
        }
    }
    return n >= 0;
}

static bool expands_by_ones(const struct quern_node *node)
{
    int64_t shape[QUERN_MAX_RANK];
    const struct quern_value *x = quern_node_input(node, 0);
    int n = qn_int_values(quern_node_input(node, 1), QUERN_MAX_RANK, shape);
    for (int i = 0; i < n; i++) {
        if (shape[i] != 1) {
            return false;
        }
    }
    return n >= 0 && x != NULL && (n == 0 || qn_has_rank(x, n));
}

/* Where with a condition that is the same everywhere, and whose result has the
 * shape of the side that it takes. */
static bool takes_one_side(const struct quern_node *node, size_t *out_input)
{
    const struct quern_value *condition = quern_node_input(node, 0);
    bool yes = quern_node_is(node, "Where") && qn_is_all(condition, 1.0);
    if (!yes && !(quern_node_is(node, "Where") && qn_is_all(condition, 0.0))) {
        return false;
    }
    *out_input = yes ? 1 : 2;
    return has_shape_of(node, *out_input);
}

/* Input i is x / sqrt(…), or x * (1 / sqrt(…)), as norms spell it. */
static bool is_normalized(const struct quern_node *node, size_t i)
{
    const struct quern_node *div = qn_maker(quern_node_input(node, i), "Div");
    const struct quern_node *mul = qn_maker(quern_node_input(node, i), "Mul");
    bool good =
        div != NULL && qn_maker(quern_node_input(div, 1), "Sqrt") != NULL;
    for (size_t k = 0; k < 2 && mul != NULL && !good; k++) {
        const struct quern_node *inner =
            qn_maker(quern_node_input(mul, k), "Div");
        good = qn_maker(quern_node_input(mul, k), "Reciprocal") != NULL ||
               (inner != NULL &&
                qn_maker(quern_node_input(inner, 1), "Sqrt") != NULL);
    }
    return good;
}

/* The scale or the bias of a norm behind input i. */
static bool is_norm_tail(const struct quern_node *node, size_t i)
{
    const struct quern_node *scaled =
        qn_maker(quern_node_input(node, i), "Mul");
    return is_normalized(node, i) ||
           (scaled != NULL &&
            (is_normalized(scaled, 0) || is_normalized(scaled, 1)));
}

/* x * 1, x + 0 and their kin, with a constant or a fill (torch.ones_like) that
 * leaves the shape. The scale and the bias of a norm that is spelled out stay:
 * runtimes look for them. */
static bool is_neutral(const struct quern_node *node, size_t *out_input)
{
    static const struct {
        const char *op;
        double neutral;
        bool commutes;
    } rows[] = {{"Mul", 1.0, true},  {"Add", 0.0, true},  {"Div", 1.0, false},
                {"Sub", 0.0, false}, {"Pow", 1.0, false}, {"And", 1.0, true},
                {"Or", 0.0, true},   {"Xor", 0.0, true}};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        if (!quern_node_is(node, rows[r].op)) {
            continue;
        }
        for (size_t k = rows[r].commutes ? 0 : 1; k < 2; k++) {
            const struct quern_value *v = quern_node_input(node, k);
            const struct quern_value *x = quern_node_input(node, 1 - k);
            if (x == NULL || !qn_is_all(v, rows[r].neutral)) {
                continue;
            }
            const struct quern_tensor *t = quern_value_constant(v);
            int rank = t != NULL ? quern_tensor_rank(t) : -1;
            bool one = t != NULL && quern_tensor_len(t) == 1;
            *out_input = 1 - k;
            return rank == 0 || (one && qn_has_rank(x, rank)) ||
                   (has_shape_of(node, 1 - k) && !is_norm_tail(node, 1 - k));
        }
    }
    return false;
}

static size_t n_given(const struct quern_node *node)
{
    size_t n = 0;
    for (size_t i = 0; i < quern_node_n_inputs(node); i++) {
        n += quern_node_input(node, i) != NULL ? 1 : 0;
    }
    return n;
}

static bool clips_nothing(const struct quern_node *node)
{
    return quern_node_opset(node) >= 11 && n_given(node) == 1;
}

/* Axes of one element, factors of one, what has been done already. */
static bool is_idle(const struct quern_node *node, size_t *out_input)
{
    static const char *const reduce[] = {"ReduceMean", "ReduceSum",
                                         "ReduceMax",  "ReduceMin",
                                         "ReduceProd", NULL};
    if (quern_node_is(node, "ScatterND")) {
        *out_input = 2;
        return has_shape_of(node, 2) && qn_scatters_all(node);
    }
    *out_input = 0;
    if (qn_is_one_of(node, reduce)) {
        return same_shape(node);
    }
    return (qn_resizes_by_one(node) && same_shape(node)) ||
           qn_pools_by_one(node) || qn_is_done_twice(node);
}

static bool is_no_op(const struct quern_node *node, size_t *out_input)
{
    static const char *const of_many[] = {"Concat", "Sum",  "Max",
                                          "Min",    "Mean", NULL};
    static const char *const by_shape[] = {
        "Reshape", "Flatten", "Expand", "Tile", "Squeeze", "Unsqueeze", NULL};
    *out_input = 0;
    if (quern_node_is(node, "Transpose")) {
        return transposes_to_itself(node);
    }
    if (quern_node_is(node, "Slice")) {
        return slices_all(node);
    }
    if (quern_node_is(node, "Pad")) {
        return pads_nothing(node);
    }
    if (quern_node_is(node, "Clip")) {
        return clips_nothing(node);
    }
    if (quern_node_is(node, "Split")) {
        return quern_node_n_outputs(node) == 1;
    }
    if (qn_is_one_of(node, of_many)) {
        return n_given(node) == 1 && quern_node_input(node, 0) != NULL;
    }
    if (qn_is_one_of(node, by_shape)) {
        return same_shape(node) ||
               (quern_node_is(node, "Reshape") && reshapes_to_itself(node)) ||
               (quern_node_is(node, "Expand") && expands_by_ones(node));
    }
    return takes_one_side(node, out_input) || is_neutral(node, out_input) ||
           is_idle(node, out_input);
}

static enum quern_code drop_no_op(struct quern_pass_ctx *ctx,
                                  struct quern_node *node, void *user)
{
    (void)user;
    return drop(ctx, node, is_no_op);
}

/* The operators that is_no_op() knows. */
static enum quern_code run_no_op(struct quern_pass_ctx *ctx,
                                 struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {
        "Transpose",  "Slice",     "Pad",       "Clip",        "Split",
        "Concat",     "Sum",       "Max",       "Min",         "Mean",
        "Reshape",    "Flatten",   "Expand",    "Tile",        "Squeeze",
        "Unsqueeze",  "Mul",       "Add",       "Div",         "Sub",
        "Pow",        "And",       "Or",        "Xor",         "Where",
        "ScatterND",  "Resize",    "Upsample",  "AveragePool", "MaxPool",
        "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin",   "ReduceProd",
        "Ceil",       "Floor",     "Round",     "Sign",        "Abs",
        NULL};
    (void)params;
    return quern_pass_each(ctx, graph, &(struct quern_each){.ops = ops},
                           drop_no_op, NULL);
}

const struct quern_pass_desc qn_pass_drop_no_op = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "drop-no-op",
    .summary = "drop nodes that change nothing: x * 1, idle Transpose, "
               "Reshape, Slice, Pad, Concat of one, Where of one side, …",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run_no_op,
    .group = "clean",
};
