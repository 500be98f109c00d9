/* tidy-nodes: what a node carries without need. CastLike becomes the Cast that
 * it is; optional outputs that nobody reads are left out, and so is a bias of
 * zeros; auto_pad becomes pads. Real-exact: x + 0 turns -0 into 0. */
#include "builtin.h"
#include "common.h"

#include <string.h>

/* Operators of which a bias may be left out, and since when. */
static const struct {
    const char *op;
    int64_t since;
    size_t input;
} biased[] = {{"Conv", 1, 2},
              {"ConvTranspose", 1, 2},
              {"Gemm", 11, 2},
              {"QLinearConv", 10, 8}};

/* Outputs from `first` on may be left out. Of Attention ONNX Runtime needs what
 * continues a cache that it reads. */
static const struct {
    const char *op;
    size_t first;
} optional[] = {{"Dropout", 1}, {"MaxPool", 1}, {"LayerNormalization", 1},
                {"Unique", 1},  {"LSTM", 0},    {"GRU", 0},
                {"RNN", 0}};

static enum quern_code spell_cast(struct quern_pass_ctx *ctx,
                                  struct quern_node *node)
{
    const struct quern_value *like = quern_node_input(node, 1);
    const struct quern_value *x = quern_node_input(node, 0);
    enum quern_dtype to =
        like != NULL ? quern_value_dtype(like) : QUERN_UNDEFINED;
    if (!quern_node_is(node, "CastLike") || x == NULL ||
        to == QUERN_UNDEFINED) {
        return QUERN_OK;
    }
    quern_pass_account(ctx, node, "Cast");
    enum quern_code code = quern_node_set_op(node, "Cast");
    if (code == QUERN_OK) {
        code = quern_node_set_input(node, 1, NULL);
    }
    return code == QUERN_OK ? quern_node_set_int(node, "to", (int64_t)to)
                            : code;
}

/* True when an output of the node is read; without any the node is dead. */
static bool is_read(const struct quern_node *node)
{
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        const struct quern_value *y = quern_node_output(node, i);
        if (y != NULL && quern_value_n_uses(y) > 0) {
            return true;
        }
    }
    return false;
}

static enum quern_code drop_outputs(struct quern_pass_ctx *ctx,
                                    struct quern_node *node)
{
    size_t first = SIZE_MAX;
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < sizeof optional / sizeof *optional; i++) {
        first = quern_node_is(node, optional[i].op) ? optional[i].first : first;
    }
    if (first == SIZE_MAX || !is_read(node)) {
        return QUERN_OK;
    }
    for (size_t i = quern_node_n_outputs(node);
         i-- > first && code == QUERN_OK;) {
        struct quern_value *y = quern_node_output(node, i);
        if (y == NULL || quern_value_n_uses(y) > 0 ||
            quern_value_is_graph_output(y)) {
            continue;
        }
        quern_pass_account(ctx, node, "'%s', which nothing reads, left out",
                           quern_value_name(y));
        code = quern_node_set_output(node, i, NULL);
        if (code == QUERN_OK && !quern_value_erased(y)) {
            code = quern_value_erase(y);
        }
    }
    return code;
}

static bool is_zero(const struct quern_tensor *t)
{
    for (int64_t i = 0; i < quern_tensor_len(t); i++) {
        double x = 1.0;
        if (!quern_tensor_read_doubles(t, i, 1, &x) ||
            !(x >= 0.0 && x <= 0.0)) {
            return false;
        }
    }
    return quern_tensor_len(t) > 0;
}

static enum quern_code drop_bias(struct quern_pass_ctx *ctx,
                                 struct quern_node *node)
{
    size_t at = 0;
    for (size_t i = 0; i < sizeof biased / sizeof *biased; i++) {
        at = quern_node_is(node, biased[i].op) &&
                     quern_node_opset(node) >= biased[i].since
                 ? biased[i].input
                 : at;
    }
    struct quern_value *bias = at > 0 ? quern_node_input(node, at) : NULL;
    const struct quern_tensor *t = quern_value_constant(bias);
    if (t == NULL || !is_zero(t)) {
        return QUERN_OK;
    }
    quern_pass_account(ctx, node, "bias of zeros dropped");
    struct quern_node *maker = quern_value_producer(bias); /* a Constant */
    enum quern_code code = quern_node_set_input(node, at, NULL);
    if (code != QUERN_OK || quern_value_erased(bias) ||
        quern_value_n_uses(bias) > 0) {
        return code;
    }
    return maker != NULL ? quern_node_erase_dead(maker)
                         : quern_value_erase(bias);
}

/* ----------------------------------------------------------------- auto_pad */

struct window {
    int rank; /* spatial axes */
    int64_t kernel[QUERN_MAX_RANK], strides[QUERN_MAX_RANK],
        dilations[QUERN_MAX_RANK];
};

/* A list of an attribute, ones where there is none. */
static bool read_list(const struct quern_node *node, const char *name, int rank,
                      int64_t *out)
{
    const int64_t *list = NULL;
    size_t n = 0;
    for (int i = 0; i < rank; i++) {
        out[i] = 1;
    }
    if (!quern_node_has_attr(node, name)) {
        return true;
    }
    if (quern_node_attr_ints(node, name, &list, &n) != QUERN_OK ||
        n != (size_t)rank) {
        return false;
    }
    memcpy(out, list, n * sizeof *list);
    return true;
}

static bool read_window(const struct quern_node *node, struct window *out)
{
    const struct quern_value *x = quern_node_input(node, 0);
    out->rank = x != NULL ? quern_value_rank(x) - 2 : 0;
    if (out->rank < 1 || out->rank + 2 > QUERN_MAX_RANK ||
        !read_list(node, "strides", out->rank, out->strides) ||
        !read_list(node, "dilations", out->rank, out->dilations)) {
        return false;
    }
    if (quern_node_has_attr(node, "kernel_shape")) {
        return read_list(node, "kernel_shape", out->rank, out->kernel);
    }
    const struct quern_value *w =
        quern_node_input(node, quern_node_is(node, "QLinearConv") ? 3 : 1);
    if (w == NULL || quern_value_rank(w) != out->rank + 2) {
        return false;
    }
    for (int i = 0; i < out->rank; i++) {
        out->kernel[i] = quern_value_dims(w)[i + 2].value;
    }
    return true;
}

/* Zeros around an axis so that it has ceil(size / stride) places. Where that
 * would be fewer than none, ONNX Runtime cuts the input for Conv, and the
 * standard does not: it stays as it is. */
static bool same_pads(const struct quern_node *node, const struct window *w,
                      bool upper, int64_t *pads)
{
    const struct quern_dim *dims = quern_value_dims(quern_node_input(node, 0));
    for (int i = 0; i < w->rank; i++) {
        int64_t size = dims[i + 2].value;
        int64_t reach = (w->kernel[i] - 1) * w->dilations[i] + 1;
        if (w->kernel[i] < 1 || w->strides[i] < 1 || w->dilations[i] < 1 ||
            (size < 1 && w->strides[i] != 1)) {
            return false;
        }
        int64_t rest = size > 0 ? (size - 1) % w->strides[i] : 0;
        /* The last window begins at size - 1 - rest. */
        int64_t all = reach - 1 - rest;
        if (all < 0) {
            return false;
        }
        int64_t more = all - all / 2;
        pads[i] = upper ? all / 2 : more;
        pads[i + w->rank] = upper ? more : all / 2;
    }
    return true;
}

/* Of a ConvTranspose, so that the output is size times stride; which end takes
 * an odd one was told in several ways. */
static bool turned_pads(const struct quern_node *node, const struct window *w,
                        int64_t *pads)
{
    int64_t more[QUERN_MAX_RANK];
    if (quern_node_has_attr(node, "output_shape") ||
        !read_list(node, "output_padding", w->rank, more)) {
        return false;
    }
    for (int i = 0; i < w->rank; i++) {
        int64_t all = (w->kernel[i] - 1) * w->dilations[i] + 1 - w->strides[i];
        all += quern_node_has_attr(node, "output_padding") ? more[i] : 0;
        if (w->kernel[i] < 1 || w->strides[i] < 1 || w->dilations[i] < 1 ||
            all < 0 || all % 2 != 0) {
            return false;
        }
        pads[i] = all / 2;
        pads[i + w->rank] = all / 2;
    }
    return true;
}

static bool are_same_pads(const struct quern_node *node, const struct window *w,
                          bool upper, int64_t *pads)
{
    return quern_node_is(node, "ConvTranspose")
               ? turned_pads(node, w, pads)
               : same_pads(node, w, upper, pads);
}

static enum quern_code spell_pads(struct quern_pass_ctx *ctx,
                                  struct quern_node *node)
{
    static const char *const ops[] = {
        "Conv",        "ConvTranspose", "ConvInteger", "MaxPool",
        "QLinearConv", "AveragePool",   "LpPool",      NULL};
    const char *mode = NULL;
    struct window w;
    int64_t pads[2 * QUERN_MAX_RANK];
    if (!qn_is_one_of(node, ops) || !quern_node_has_attr(node, "auto_pad") ||
        quern_node_attr_string(node, "auto_pad", &mode, NULL) != QUERN_OK ||
        strcmp(mode, "NOTSET") == 0) {
        return QUERN_OK;
    }
    bool is_upper = strcmp(mode, "SAME_UPPER") == 0;
    bool is_same = is_upper || strcmp(mode, "SAME_LOWER") == 0;
    if (quern_node_int(node, "ceil_mode", 0) != 0 ||
        quern_node_has_attr(node, "pads") ||
        (!is_same && strcmp(mode, "VALID") != 0) ||
        (is_same && (!read_window(node, &w) ||
                     !are_same_pads(node, &w, is_upper, pads)))) {
        return QUERN_OK;
    }
    quern_pass_account(ctx, node, "pads in the place of auto_pad %s", mode);
    enum quern_code code = quern_node_remove_attr(node, "auto_pad");
    return code == QUERN_OK && is_same
               ? quern_node_set_ints(node, "pads", pads, 2 * (size_t)w.rank)
               : code;
}

static enum quern_code tidy(struct quern_pass_ctx *ctx, struct quern_node *node,
                            void *user)
{
    (void)user;
    enum quern_code code = spell_cast(ctx, node);
    if (code == QUERN_OK) {
        code = drop_outputs(ctx, node);
    }
    if (code == QUERN_OK) {
        code = drop_bias(ctx, node);
    }
    return code == QUERN_OK ? spell_pads(ctx, node) : code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {
        "CastLike",    "Conv",    "ConvTranspose", "ConvInteger",
        "QLinearConv", "LpPool",  "Gemm",          "MaxPool",
        "AveragePool", "Dropout", "LSTM",          "LayerNormalization",
        "GRU",         "RNN",     "Unique",        NULL};
    (void)params;
    return quern_pass_each(ctx, graph, &(struct quern_each){.ops = ops}, tidy,
                           NULL);
}

const struct quern_pass_desc qn_pass_tidy_nodes = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "tidy-nodes",
    .summary = "Cast for CastLike, pads for auto_pad; leave out a bias of "
               "zeros and optional outputs that nothing reads",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "clean",
};
