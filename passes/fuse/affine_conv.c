/* fuse-affine-conv: constant Mul and Add in front of a Conv go into its
 * weights: W (a x) = (W a) x always, W (x + b) = W x + W b where nothing is
 * padded. In front of a padded Conv a x + b becomes a (x + b/a), of which the
 * Mul is folded: padding keeps its zeros. Real-exact. */
#include "builtin.h"
#include "common.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct conv {
    struct quern_node *node;
    const struct quern_tensor *weights;
    int rank;
    int64_t rows, groups, group_channels, taps;
    bool padded;
};

static bool pads(const struct quern_node *node)
{
    const char *mode = NULL;
    const int64_t *list = NULL;
    size_t n = 0;
    if (quern_node_has_attr(node, "auto_pad") &&
        (quern_node_attr_string(node, "auto_pad", &mode, NULL) != QUERN_OK ||
         (strcmp(mode, "VALID") != 0 && strcmp(mode, "NOTSET") != 0))) {
        return true;
    }
    if (!quern_node_has_attr(node, "pads")) {
        return false;
    }
    if (quern_node_attr_ints(node, "pads", &list, &n) != QUERN_OK) {
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        if (list[i] != 0) {
            return true;
        }
    }
    return false;
}

static bool read_conv(struct quern_node *node, struct conv *c)
{
    const struct quern_value *w = quern_node_input(node, 1);
    const struct quern_value *b = quern_node_input(node, 2);
    c->weights = quern_node_is(node, "Conv") && w != NULL
                     ? quern_value_constant(w)
                     : NULL;
    if (c->weights == NULL || quern_tensor_dtype(c->weights) != QUERN_FLOAT ||
        quern_tensor_rank(c->weights) < 3 ||
        (b != NULL && quern_value_constant(b) == NULL)) {
        return false;
    }
    const int64_t *dims = quern_tensor_dims(c->weights);
    c->node = node;
    c->rank = quern_tensor_rank(c->weights);
    c->rows = dims[0];
    c->group_channels = dims[1];
    c->groups = quern_node_int(node, "group", 1);
    c->taps = 1;
    for (int i = 2; i < c->rank; i++) {
        c->taps *= dims[i];
    }
    c->padded = pads(node);
    return c->groups > 0 && c->rows % c->groups == 0;
}

static int64_t channels_of(const struct conv *c)
{
    return c->groups * c->group_channels;
}

/* Input channel that weight i reads. */
static int64_t channel_of(const struct conv *c, int64_t i)
{
    int64_t row = i / (c->group_channels * c->taps);
    int64_t group = row / (c->rows / c->groups);
    return group * c->group_channels + i / c->taps % c->group_channels;
}

static enum quern_code scale_weights(struct quern_pass_ctx *ctx,
                                     const struct conv *c, const double *a)
{
    struct quern_value *old = quern_node_input(c->node, 1);
    struct quern_value *value = NULL;
    int64_t len = 0;
    float *w = qn_floats(ctx, old, &len);
    if (w == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (int64_t i = 0; i < len; i++) {
        w[i] = (float)((double)w[i] * a[channel_of(c, i)]);
    }
    enum quern_code code =
        qn_new_floats(ctx, quern_node_graph(c->node), quern_value_name(old), w,
                      c->rank, quern_tensor_dims(c->weights), &value);
    return code == QUERN_OK ? qn_replace_input(c->node, 1, value) : code;
}

/* bias += W b. */
static enum quern_code shift_bias(struct quern_pass_ctx *ctx,
                                  const struct conv *c, const double *b)
{
    struct quern_value *old = quern_node_input(c->node, 2);
    const struct quern_value *w = quern_node_input(c->node, 1);
    struct quern_value *value = NULL;
    char name[256];
    int64_t len = 0;
    int64_t n_given = 0;
    const float *weights = qn_floats(ctx, w, &len);
    const float *given = old != NULL ? qn_floats(ctx, old, &n_given) : NULL;
    float *bias = quern_pass_alloc(ctx, (size_t)(c->rows + 1) * sizeof *bias);
    if (weights == NULL || bias == NULL || (old != NULL && given == NULL)) {
        return QUERN_NO_MEMORY;
    }
    int64_t row_len = len / c->rows;
    for (int64_t r = 0; r < c->rows; r++) {
        double sum = given != NULL ? (double)given[n_given == 1 ? 0 : r] : 0.0;
        for (int64_t i = r * row_len; i < (r + 1) * row_len; i++) {
            sum += (double)weights[i] * b[channel_of(c, i)];
        }
        bias[r] = (float)sum;
    }
    snprintf(name, sizeof name, "%.240s%s",
             quern_value_name(old != NULL ? old : w),
             old != NULL ? "" : "_bias");
    enum quern_code code = qn_new_floats(ctx, quern_node_graph(c->node), name,
                                         bias, 1, &c->rows, &value);
    return code == QUERN_OK ? qn_replace_input(c->node, 2, value) : code;
}

/* Input of `op` (Mul or Add) that is a constant of its channels, as numbers;
 * NULL when it is another node, or has other readers. */
static double *constant_of(struct quern_pass_ctx *ctx, const struct conv *c,
                           const struct quern_value *v, const char *name,
                           struct quern_node **out_op, size_t *out_constant)
{
    struct quern_node *op = qn_single_producer(v, name);
    for (size_t i = 0; op != NULL && i < 2; i++) {
        const struct quern_value *x = quern_node_input(op, 1 - i);
        double *k = x != NULL && quern_value_constant(x) == NULL
                        ? qn_channel_constant(ctx, quern_node_input(op, i),
                                              c->rank, channels_of(c))
                        : NULL;
        if (k != NULL) {
            *out_op = op;
            *out_constant = i;
            return k;
        }
    }
    return NULL;
}

static bool all_usable(const double *a, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(a[i]) || !isfinite(1.0 / a[i])) {
            return false;
        }
    }
    return true;
}

/* The Conv reads what `op` read. */
static enum quern_code bypass(struct quern_pass_ctx *ctx, const struct conv *c,
                              struct quern_node *reader, size_t input,
                              struct quern_node *op, size_t constant)
{
    quern_pass_account(ctx, op, "folded into '%s'", quern_node_name(c->node));
    enum quern_code code =
        quern_node_set_input(reader, input, quern_node_input(op, 1 - constant));
    return code == QUERN_OK ? quern_node_erase_dead(op) : code;
}

/* a x + b in front of a padded Conv: x + b/a stays. */
static enum quern_code split(struct quern_pass_ctx *ctx, const struct conv *c,
                             struct quern_node *add, size_t constant, double *b)
{
    struct quern_node *mul = NULL;
    size_t k = 0;
    int64_t n = channels_of(c);
    const double *a = constant_of(ctx, c, quern_node_input(add, 1 - constant),
                                  "Mul", &mul, &k);
    if (a == NULL || !all_usable(a, n)) {
        return QUERN_OK;
    }
    struct quern_value *old = quern_node_input(add, constant);
    struct quern_value *value = NULL;
    bool is_scalar =
        quern_tensor_len(quern_value_constant(old)) == 1 &&
        quern_tensor_len(quern_value_constant(quern_node_input(mul, k))) == 1;
    int64_t dims[QUERN_MAX_RANK];
    float *shift = quern_pass_alloc(ctx, (size_t)(n + 1) * sizeof *shift);
    if (shift == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (int64_t i = 0; i < n; i++) {
        shift[i] = (float)(b[i] / a[i]);
    }
    for (int i = 0; i < c->rank; i++) {
        dims[i] = i == 1 && !is_scalar ? n : 1;
    }
    enum quern_code code =
        qn_new_floats(ctx, quern_node_graph(add), quern_value_name(old), shift,
                      is_scalar ? 0 : c->rank, dims, &value);
    if (code == QUERN_OK) {
        code = qn_replace_input(add, constant, value);
    }
    if (code == QUERN_OK) {
        code = scale_weights(ctx, c, a);
    }
    return code == QUERN_OK ? bypass(ctx, c, add, 1 - constant, mul, k) : code;
}

static enum quern_code fold(struct quern_pass_ctx *ctx, const struct conv *c)
{
    const struct quern_value *x = quern_node_input(c->node, 0);
    struct quern_node *op = NULL;
    size_t k = 0;
    double *a = constant_of(ctx, c, x, "Mul", &op, &k);
    if (a != NULL && all_usable(a, channels_of(c))) {
        enum quern_code code = scale_weights(ctx, c, a);
        return code == QUERN_OK ? bypass(ctx, c, c->node, 0, op, k) : code;
    }
    double *b = constant_of(ctx, c, x, "Add", &op, &k);
    if (b == NULL || c->padded) {
        return b != NULL ? split(ctx, c, op, k, b) : QUERN_OK;
    }
    enum quern_code code = shift_bias(ctx, c, b);
    return code == QUERN_OK ? bypass(ctx, c, c->node, 0, op, k) : code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    struct quern_node *next = NULL;
    enum quern_code code = QUERN_OK;
    (void)params;
    for (struct quern_node *n = quern_graph_first(graph);
         n != NULL && code == QUERN_OK; n = next) {
        struct conv c;
        next = quern_node_next(n);
        if (read_conv(n, &c)) {
            code = fold(ctx, &c);
        }
    }
    return code;
}

const struct quern_pass_desc qn_pass_fuse_affine_conv = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-affine-conv",
    .summary = "fold constant Mul and Add in front of a Conv into it",
    .flags = QUERN_PASS_REPEAT,
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "fuse",
};
