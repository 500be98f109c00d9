/* fuse-affine-conv: Neg, constant Mul, Add, Sub, Div or BatchNormalization in
 * front of a linear operator goes into its weights: W (a x) = (W a) x always,
 * W (x + b) = W x + W b where nothing is padded. In front of a padded Conv
 * a x + b becomes a (x + b/a), of which the Mul is folded: padding keeps its
 * zeros. Real-exact. */
#include "builtin.h"
#include "common.h"
#include "fuse/chains.h"
#include "fuse/linear.h"

#include <math.h>
#include <string.h>

struct readers {
    struct qn_weights *at;
    size_t n;
    bool padded;  /* one of them */
    bool is_conv; /* all of them */
};

/* All readers of a value when each is a linear node that reads it as data. */
static bool find_readers(struct quern_pass_ctx *ctx,
                         const struct quern_value *value, struct readers *out)
{
    size_t n = quern_value_n_uses(value);
    *out = (struct readers){.is_conv = true};
    if (n == 0 || quern_value_is_graph_output(value)) {
        return false;
    }
    const struct quern_use *u = quern_value_first_use(value);
    for (; u != NULL; u = quern_use_next(u)) {
        struct quern_node *node = quern_use_node(u);
        struct qn_weights w;
        if (quern_use_index(u) != 0 ||
            quern_node_graph(node) != quern_value_graph(value) ||
            !qn_weights_init(node, &w)) {
            return false;
        }
        if (out->at == NULL) {
            out->at = quern_pass_alloc(ctx, n * sizeof *out->at);
        }
        if (out->at == NULL) {
            return false;
        }
        out->padded = out->padded || w.padded;
        out->is_conv = out->is_conv && !quern_node_is(node, "MatMul") &&
                       !quern_node_is(node, "Gemm");
        out->at[out->n++] = w;
    }
    /* One set of numbers for all: the same channels. */
    for (size_t i = 1; i < out->n; i++) {
        if (out->at[i].n_in != out->at[0].n_in ||
            out->at[i].rank != out->at[0].rank ||
            out->at[i].axis != out->at[0].axis) {
            return false;
        }
    }
    return true;
}

/* The weight vector behind a normalization: quantization wants it there. */
static bool is_of_norm(const struct quern_value *x)
{
    for (int depth = 0; depth < 3 && x != NULL; depth++) {
        const struct quern_node *node = quern_value_producer(x);
        if (node == NULL || quern_node_is(node, "LayerNormalization") ||
            quern_node_is(node, "RMSNormalization")) {
            return node != NULL;
        }
        if (!quern_node_is(node, "Mul") && !quern_node_is(node, "Add")) {
            return false;
        }
        const struct quern_value *other = quern_node_input(node, 1);
        x = quern_node_input(node, 0);
        x = x != NULL && quern_value_constant(x) != NULL ? other : x;
    }
    return false;
}

/* True when a value is known to have n channels: by its type, or because a Conv
 * or a BatchNormalization makes it, functions of single elements between. */
static bool has_channels(const struct quern_value *x,
                         const struct qn_weights *w)
{
    static const char *const between[] = {
        "Relu",
        "Clip",
        "HardSwish",
        "Sigmoid",
        "HardSigmoid",
        "LeakyRelu",
        "Tanh",
        "Elu",
        "Gelu",
        "Softplus",
        "MaxPool",
        "Identity",
        "Erf",
        "Abs",
        "AveragePool",
        "Dropout",
        "GlobalAveragePool",
        NULL,
    };
    for (int depth = 0; depth < 8 && x != NULL; depth++) {
        if (quern_value_rank(x) > 0) {
            int at = quern_value_rank(x) + w->axis;
            return at >= 0 && quern_value_dims(x)[at].value == w->n_in;
        }
        struct quern_node *node = quern_value_producer(x);
        struct qn_weights made;
        if (node == NULL) {
            return false;
        }
        if (w->rank > 2 && qn_weights_init(node, &made)) {
            return made.rank == w->rank && made.n_out == w->n_in;
        }
        if (!qn_is_one_of(node, between)) {
            return false;
        }
        x = quern_node_input(node, 0);
    }
    return false;
}

/* A vector may stretch data of one channel, and a constant of more axes gives
 * data more: then the node has to stay. */
static bool keeps_shape(const struct quern_node *op, size_t data,
                        const struct qn_weights *w)
{
    if (quern_node_is(op, "BatchNormalization") || quern_node_is(op, "Neg")) {
        return true;
    }
    const struct quern_value *x = quern_node_input(op, data);
    const struct quern_tensor *k =
        quern_value_constant(quern_node_input(op, 1 - data));
    int rank = quern_value_rank(x);
    if (rank >= 0 && rank < quern_tensor_rank(k)) {
        return false;
    }
    return (quern_tensor_len(k) == 1 &&
            (rank >= 0 || quern_tensor_rank(k) == 0)) ||
           has_channels(x, w);
}

static enum quern_code fold(struct quern_pass_ctx *ctx, struct quern_node *op,
                            size_t data, struct readers *readers,
                            const struct qn_affine *f)
{
    struct quern_value *x = quern_node_input(op, data);
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < readers->n && code == QUERN_OK; i++) {
        struct qn_weights *w = &readers->at[i];
        bool done = false;
        code = qn_weights_absorb(ctx, w, f, NULL, &done);
        if (code == QUERN_OK && done) {
            quern_pass_account(ctx, op, "folded into '%s'",
                               quern_node_name(w->node));
            code = quern_node_set_input(w->node, 0, x);
        }
    }
    return code == QUERN_OK ? quern_node_erase_dead(op) : code;
}

/* The constant of an Add or Sub divided by the scale, in *out; NULL with
 * QUERN_OK: out of range. */
static enum quern_code divide(struct quern_pass_ctx *ctx,
                              const struct quern_node *add, int rank,
                              const struct qn_affine *shift,
                              const struct qn_affine *scale,
                              struct quern_tensor **out)
{
    int64_t n = shift->n;
    bool is_scalar = true;
    double sign = quern_node_is(add, "Sub") ? -1.0 : 1.0;
    int64_t dims[QUERN_MAX_RANK];
    float *quotient = quern_pass_alloc(ctx, (size_t)(n + 1) * sizeof *quotient);
    if (quotient == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (int64_t i = 0; i < n; i++) {
        quotient[i] = (float)(sign * shift->shift[i] / scale->scale[i]);
        is_scalar = is_scalar && quotient[i] >= quotient[0] &&
                    quotient[i] <= quotient[0];
        if (!isfinite(quotient[i]) || !isfinite(1.0 / scale->scale[i])) {
            return QUERN_OK;
        }
    }
    for (int i = 0; i < rank; i++) {
        dims[i] = i == 1 ? n : 1;
    }
    enum quern_code code = quern_tensor_create(
        quern_pass_context(ctx), QUERN_FLOAT, is_scalar ? 0 : rank, dims, out);
    if (code == QUERN_OK) {
        memcpy(quern_tensor_data_mut(*out), quotient, quern_tensor_size(*out));
    }
    return code;
}

/* The Add reads what the Mul read, and `constant`. */
static enum quern_code pass_by(struct quern_node *add, size_t data,
                               struct quern_tensor *constant,
                               struct quern_node *mul, size_t from)
{
    struct quern_value *value = NULL;
    const char *name = quern_value_name(quern_node_input(add, 1 - data));
    enum quern_code code =
        quern_constant_create(quern_node_graph(add), name, constant, &value);
    if (code == QUERN_OK) {
        code = qn_replace_input(add, 1 - data, value);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_input(add, data, quern_node_input(mul, from));
    }
    return code == QUERN_OK ? quern_node_erase_dead(mul) : code;
}

/* a x + b in front of a padded Conv: x + b/a stays. */
static enum quern_code split(struct quern_pass_ctx *ctx, struct quern_node *add,
                             size_t data, struct qn_weights *w,
                             const struct qn_affine *shift, bool *out_again)
{
    struct quern_value *x = quern_node_input(add, data);
    struct quern_node *mul = quern_value_producer(x);
    struct quern_tensor *t = NULL;
    struct qn_affine scale;
    size_t from = 0;
    bool done = false;
    if (mul == NULL || shift->scales || quern_value_only_user(x) != add ||
        quern_node_graph(mul) != quern_node_graph(add) ||
        quern_tensor_dtype(w->tensor) != QUERN_FLOAT ||
        !qn_affine_of(ctx, mul, w->rank, w->axis, w->n_in, &from, &scale) ||
        scale.shifts || !keeps_shape(mul, from, w)) {
        return QUERN_OK;
    }
    enum quern_code code = divide(ctx, add, w->rank, shift, &scale, &t);
    if (code == QUERN_OK && t != NULL) {
        code = qn_weights_absorb(ctx, w, &scale, NULL, &done);
    }
    if (code == QUERN_OK && done) {
        quern_pass_account(ctx, mul, "folded into '%s', past '%s'",
                           quern_node_name(w->node), quern_node_name(add));
        code = pass_by(add, data, t, mul, from);
        *out_again = true;
    }
    quern_tensor_release(&t);
    return code;
}

/* *out_again: another scale may now stand in front of the Add. */
static enum quern_code try_front(struct quern_pass_ctx *ctx,
                                 struct quern_node *op,
                                 const struct qn_factors *factors,
                                 bool *out_again)
{
    const struct quern_value *y = quern_node_output(op, 0);
    struct readers readers;
    struct qn_affine f;
    size_t data = 0;
    bool stays = false;
    if (y == NULL || !find_readers(ctx, y, &readers) ||
        !qn_affine_of(ctx, op, readers.at[0].rank, readers.at[0].axis,
                      readers.at[0].n_in, &data, &f) ||
        (!readers.is_conv && is_of_norm(y)) ||
        !keeps_shape(op, data, &readers.at[0])) {
        return QUERN_OK;
    }
    enum quern_code code = qn_leave_factor(ctx, op, factors, &stays);
    if (code != QUERN_OK || stays) {
        return code;
    }
    if (!f.shifts || !readers.padded) {
        return fold(ctx, op, data, &readers, &f);
    }
    /* Several readers share the Add: all would have to take the scale. */
    return readers.n == 1 ? split(ctx, op, data, &readers.at[0], &f, out_again)
                          : QUERN_OK;
}

static enum quern_code try_all(struct quern_pass_ctx *ctx,
                               struct quern_node *op, void *user)
{
    enum quern_code code = QUERN_OK;
    for (bool again = true; again && code == QUERN_OK;) {
        again = false;
        code = try_front(ctx, op, user, &again);
    }
    return code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {
        "BatchNormalization", "Mul", "Add", "Sub", "Div", "Neg", NULL};
    struct quern_each each = {
        .ops = ops, .backward = true, .with_constant = true};
    struct qn_factors factors = *(const struct qn_factors *)params;
    /* From the end: of a chain, what stands next to the Conv goes first. */
    return quern_pass_each(ctx, graph, &each, try_all, &factors);
}

const struct quern_pass_desc qn_pass_fuse_affine_conv = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-affine-conv",
    .summary = "fold Neg and constant Mul, Add, Sub, Div in front of a Conv, "
               "ConvTranspose, Gemm or MatMul into it",
    .options = qn_factors_options,
    .params_size = sizeof(struct qn_factors),
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "fuse",
};
