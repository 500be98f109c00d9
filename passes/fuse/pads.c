/* fuse-pad: a Pad in front of Conv, AveragePool or MaxPool goes into its pads.
 * Only constant, not negative, along the spatial axes, and with the number that
 * the reader itself pads with: 0 for Conv, of codes their zero point, 0 for
 * AveragePool that counts its padding, the least for MaxPool. Real-exact: which
 * kernel a runtime takes for a Conv, and so the order of its sums, hangs on its
 * pads. */
#include "builtin.h"
#include "common.h"

#include <float.h>
#include <math.h>
#include <string.h>

struct pad {
    int rank;
    int64_t begin[QUERN_MAX_RANK], end[QUERN_MAX_RANK];
    double value;
};

/* Sizes at begins and ends, of all axes or those in the input `axes`. */
static int read_list(const struct quern_node *node, int64_t *out)
{
    const int64_t *list = NULL;
    size_t n = 0;
    if (quern_node_opset(node) >= 11) {
        return qn_int_values(quern_node_input(node, 1), 2 * QUERN_MAX_RANK,
                             out);
    }
    if (quern_node_attr_ints(node, "pads", &list, &n) != QUERN_OK ||
        n > 2 * QUERN_MAX_RANK) {
        return -1;
    }
    memcpy(out, list, n * sizeof *out);
    return (int)n;
}

static bool spread(const struct quern_node *node, int n, const int64_t *list,
                   struct pad *out)
{
    int64_t axes[QUERN_MAX_RANK];
    const struct quern_value *v = quern_node_input(node, 3);
    int n_axes = n / 2;
    if (v != NULL && qn_int_values(v, QUERN_MAX_RANK, axes) != n_axes) {
        return false;
    }
    if (v == NULL && n_axes != out->rank) {
        return false;
    }
    for (int i = 0; i < n_axes; i++) {
        int64_t axis = v != NULL ? axes[i] : i;
        axis += axis < 0 ? out->rank : 0;
        if (axis < 0 || axis >= out->rank) {
            return false;
        }
        out->begin[axis] = list[i];
        out->end[axis] = list[i + n_axes];
    }
    return true;
}

static bool read_value(const struct quern_node *node, double *out)
{
    *out = 0.0;
    if (quern_node_opset(node) < 11) {
        *out = (double)quern_node_float(node, "value", 0.0f);
        return true;
    }
    const struct quern_value *v = quern_node_input(node, 2);
    const struct quern_tensor *t = v != NULL ? quern_value_constant(v) : NULL;
    return v == NULL || (t != NULL && quern_tensor_len(t) == 1 &&
                         quern_tensor_read_doubles(t, 0, 1, out));
}

/* @param rank  of the data, known from the reader */
static bool read_pad(const struct quern_node *node, int rank, struct pad *out)
{
    int64_t list[2 * QUERN_MAX_RANK];
    const char *mode = NULL;
    *out = (struct pad){.rank = rank};
    if (quern_node_attr_string(node, "mode", &mode, NULL) != QUERN_OK ||
        strcmp(mode, "constant") != 0) {
        return false;
    }
    int n = read_list(node, list);
    if (n < 0 || n % 2 != 0 || !spread(node, n, list, out) ||
        !read_value(node, &out->value)) {
        return false;
    }
    for (int i = 0; i < rank; i++) {
        if (out->begin[i] < 0 || out->end[i] < 0 ||
            (i < 2 && (out->begin[i] != 0 || out->end[i] != 0))) {
            return false;
        }
    }
    return true;
}

/* --------------------------------------------------------------- readers */

static bool is_conv(const struct quern_node *node)
{
    static const char *const convs[] = {"Conv", "ConvInteger", "QLinearConv",
                                        NULL};
    return qn_is_one_of(node, convs);
}

/* Rank of the data that a Conv or a pool reads; 0: not known. */
static int data_rank(const struct quern_node *node)
{
    const int64_t *kernel = NULL;
    size_t n = 0;
    if (is_conv(node)) {
        const struct quern_value *w =
            quern_node_input(node, quern_node_is(node, "QLinearConv") ? 3 : 1);
        const struct quern_tensor *t =
            w != NULL ? quern_value_constant(w) : NULL;
        if (t != NULL) {
            return quern_tensor_rank(t);
        }
        return w != NULL && quern_value_rank(w) > 2 ? quern_value_rank(w) : 0;
    }
    if (!quern_node_has_attr(node, "kernel_shape") ||
        quern_node_attr_ints(node, "kernel_shape", &kernel, &n) != QUERN_OK ||
        n + 2 > QUERN_MAX_RANK) {
        return 0;
    }
    return (int)n + 2;
}

/* Numbers that are never below 0. */
static bool is_positive(const struct quern_value *x)
{
    static const char *const ops[] = {"Relu",        "Sigmoid", "Softmax",
                                      "HardSigmoid", "Abs",     "Exp",
                                      "Softplus",    NULL};
    const struct quern_node *node = x != NULL ? quern_value_producer(x) : NULL;
    float lo = -1.0f;
    if (node == NULL || !quern_node_is(node, "Clip")) {
        return node != NULL && qn_is_one_of(node, ops);
    }
    if (quern_node_opset(node) < 11) {
        return quern_node_float(node, "min", -1.0f) >= 0.0f;
    }
    return qn_scalar(quern_node_input(node, 1), &lo) && lo >= 0.0f;
}

/* What a Conv of codes reads beyond the edge; false: not known. */
static bool zero_point(const struct quern_node *node, double *out)
{
    const struct quern_value *v = quern_node_input(node, 2);
    const struct quern_tensor *t = quern_value_constant(v);
    *out = 0.0;
    return v == NULL || (t != NULL && quern_tensor_len(t) == 1 &&
                         quern_tensor_read_doubles(t, 0, 1, out));
}

static bool takes_value(const struct quern_node *node, const struct pad *pad,
                        const struct quern_value *x)
{
    bool is_zero = pad->value >= 0.0 && pad->value <= 0.0;
    double zero = 0.0;
    if (is_conv(node) && !quern_node_is(node, "Conv")) {
        return zero_point(node, &zero) && pad->value >= zero &&
               pad->value <= zero;
    }
    if (quern_node_is(node, "MaxPool")) {
        return pad->value <= -(double)FLT_MAX || (is_zero && is_positive(x));
    }
    return is_zero;
}

/* The reader's own pads; false when they are not plain numbers. */
static bool read_own(const struct quern_node *node, int rank, int64_t *out)
{
    const char *mode = NULL;
    const int64_t *list = NULL;
    size_t n = 0;
    memset(out, 0, 2 * QUERN_MAX_RANK * sizeof *out);
    if (quern_node_has_attr(node, "auto_pad") &&
        (quern_node_attr_string(node, "auto_pad", &mode, NULL) != QUERN_OK ||
         (strcmp(mode, "NOTSET") != 0 && strcmp(mode, "VALID") != 0))) {
        return false;
    }
    if (!quern_node_has_attr(node, "pads")) {
        return true;
    }
    if (quern_node_attr_ints(node, "pads", &list, &n) != QUERN_OK ||
        n != 2 * (size_t)(rank - 2)) {
        return false;
    }
    bool is_valid = mode != NULL && strcmp(mode, "VALID") == 0;
    for (size_t i = 0; i < n && !is_valid; i++) {
        out[i] = list[i];
    }
    return true;
}

/* Pools take less padding than their window, and count it or not. */
static bool pool_takes(const struct quern_node *node, int spatial,
                       const int64_t *sum, bool had_own, bool *out_count)
{
    const int64_t *kernel = NULL;
    size_t n = 0;
    *out_count = false;
    if (is_conv(node)) {
        return true;
    }
    if (quern_node_int(node, "ceil_mode", 0) != 0 ||
        quern_node_has_attr(node, "dilations") ||
        quern_node_n_outputs(node) != 1 ||
        quern_node_attr_ints(node, "kernel_shape", &kernel, &n) != QUERN_OK) {
        return false;
    }
    for (int i = 0; i < spatial; i++) {
        if (sum[i] >= kernel[i] || sum[i + spatial] >= kernel[i]) {
            return false;
        }
    }
    if (quern_node_is(node, "MaxPool")) {
        return true;
    }
    *out_count = true;
    return quern_node_opset(node) >= 7 &&
           (!had_own || quern_node_int(node, "count_include_pad", 0) != 0);
}

static enum quern_code write(struct quern_node *node, int spatial,
                             const int64_t *sum, bool count)
{
    enum quern_code code =
        quern_node_set_ints(node, "pads", sum, 2 * (size_t)spatial);
    if (code == QUERN_OK) {
        code = quern_node_remove_attr(node, "auto_pad");
    }
    return code == QUERN_OK && count
               ? quern_node_set_int(node, "count_include_pad", 1)
               : code;
}

static enum quern_code try_pad(struct quern_pass_ctx *ctx,
                               struct quern_node *node, bool *out_done)
{
    struct quern_value *x = quern_node_input(node, 0);
    struct quern_node *padding = x != NULL ? quern_value_producer(x) : NULL;
    int64_t sum[2 * QUERN_MAX_RANK];
    struct pad pad;
    bool count = false;
    bool had_own = false;
    int rank = data_rank(node);
    *out_done = false;
    if (padding == NULL || !quern_node_is(padding, "Pad") || rank < 3 ||
        !read_pad(padding, rank, &pad) || !read_own(node, rank, sum) ||
        !takes_value(node, &pad, quern_node_input(padding, 0))) {
        return QUERN_OK;
    }
    int spatial = rank - 2;
    for (int i = 0; i < spatial; i++) {
        had_own = had_own || sum[i] != 0 || sum[i + spatial] != 0;
        sum[i] += pad.begin[i + 2];
        sum[i + spatial] += pad.end[i + 2];
    }
    if (!pool_takes(node, spatial, sum, had_own, &count)) {
        return QUERN_OK;
    }
    quern_pass_account(ctx, padding, "folded into '%s'", quern_node_name(node));
    enum quern_code code = write(node, spatial, sum, count);
    if (code == QUERN_OK) {
        code = quern_node_set_input(node, 0, quern_node_input(padding, 0));
    }
    *out_done = code == QUERN_OK;
    return code == QUERN_OK ? quern_node_erase_dead(padding) : code;
}

static enum quern_code fold_pads(struct quern_pass_ctx *ctx,
                                 struct quern_node *node, void *user)
{
    bool again = true;
    enum quern_code code = QUERN_OK;
    (void)user;
    while (again && code == QUERN_OK) {
        code = try_pad(ctx, node, &again);
    }
    return code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const readers[] = {
        "Conv", "ConvInteger", "MaxPool", "QLinearConv", "AveragePool", NULL};
    static const char *const pads[] = {"Pad", NULL};
    struct quern_each each = {.ops = readers, .behind = pads};
    (void)params;
    return quern_pass_each(ctx, graph, &each, fold_pads, NULL);
}

const struct quern_pass_desc qn_pass_fuse_pad = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-pad",
    .summary = "fold Pad into the Conv, AveragePool or MaxPool behind it",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "fuse",
};
