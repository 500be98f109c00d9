/* target-spelling: equal ways to write a thing that the target's runtime runs
 * faster, each asked for by a word in the profile's `tricks`.
 *
 * `gelu-half-last`: ONNX Runtime knows Gelu spelled out as
 * (x (1 + erf(x / sqrt 2))) 0.5 and (0.5 x) (1 + erf(...)), but not as
 * x (0.5 (1 + erf(...))), which PyTorch's exporter writes. Halving is exact, so
 * where the half stands makes no difference.
 * `sum-layer-norm`: ONNX Runtime makes one kernel of Add and LayerNormalization
 * (SkipLayerNormalization), which takes several times as long as the two. A Sum
 * of two is the same number and is left alone.
 * `sum-bias`: where all sizes are known, ONNX Runtime makes a Gemm between two
 * Reshapes of a MatMul of three axes and the Add of its bias, before it looks
 * for integers; that Gemm is float, behind a DequantizeLinear of its weights.
 * So is the one it makes of two axes where the other summand is no constant, as
 * in recurrent cells that were written out (a constant is part of a Gemm of
 * ours by then).
 * A Sum is left alone here too.
 * `sum-output`: ONNX Runtime makes an integer Gemm only where a Q, maybe behind
 * a Relu or Clip, alone reads it, or none of these three does. Else a Sum of
 * one stands in front of them.
 * `prelu-max`: ONNX Runtime's PRelu takes four times as long as the Mul by the
 * slopes and the Max of both, which is the same where no slope is above 1 (the
 * Min where none is below). */
#include <quern/target.h>

#include "builtin.h"
#include "common.h"
#include "fuse/keep_float.h"
#include "fuse/norms.h"
#include "fuse/rewrite.h"

#include <math.h>

static enum quern_code half_last(struct quern_pass_ctx *ctx,
                                 const struct qn_rule *rule,
                                 const struct quern_match *match,
                                 bool *out_done)
{
    struct quern_value *x = quern_match_value(match, "x");
    struct quern_value *t = quern_match_value(match, "t");
    struct quern_node *root = quern_match_node(match, 0);
    struct quern_node *half =
        quern_value_producer(quern_match_value(match, "h"));
    (void)rule;
    struct quern_value *constant =
        quern_node_input(half, quern_node_input(half, 0) == t ? 1 : 0);
    *out_done = true;
    quern_pass_account(ctx, root, "Gelu: 0.5 stands last");
    enum quern_code code = quern_node_set_input(half, 0, x);
    if (code == QUERN_OK) {
        code = quern_node_set_input(half, 1, t);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_input(root, 0, quern_node_output(half, 0));
    }
    return code == QUERN_OK ? quern_node_set_input(root, 1, constant) : code;
}

static enum quern_code to_sum(struct quern_pass_ctx *ctx,
                              const struct qn_rule *rule,
                              const struct quern_match *match, bool *out_done)
{
    struct quern_node *add =
        quern_value_producer(quern_match_value(match, "_shared_sum"));
    (void)rule;
    *out_done = true;
    quern_pass_account(ctx, add, "Sum, which is not joined with '%s'",
                       quern_node_name(quern_match_node(match, 0)));
    return quern_node_set_op(add, "Sum");
}

static bool is_dequantized(const struct quern_value *v)
{
    return qn_maker(v, "DequantizeLinear") != NULL;
}

static enum quern_code bias_to_sum(struct quern_pass_ctx *ctx,
                                   const struct qn_rule *rule,
                                   const struct quern_match *match,
                                   bool *out_done)
{
    const struct quern_value *x = quern_match_value(match, "x");
    const struct quern_value *w = quern_match_value(match, "w");
    const struct quern_value *b = quern_match_value(match, "b");
    (void)rule;
    bool constant = quern_value_constant(b) != NULL;
    if (!is_dequantized(x) || !is_dequantized(w) || quern_value_rank(w) != 2 ||
        (constant ? quern_value_rank(x) < 3 || quern_value_len(x) < 0
                  : quern_value_rank(x) != 2)) {
        return QUERN_OK;
    }
    *out_done = true;
    quern_pass_account(ctx, quern_match_node(match, 0),
                       "Sum, so that its MatMul stays in integers");
    return quern_node_set_op(quern_match_node(match, 0), "Sum");
}

/* A Q alone reads it. */
static bool is_for_q(const struct quern_value *v)
{
    const struct quern_node *q = quern_value_only_user(v);
    return q != NULL && quern_node_is(q, "QuantizeLinear") &&
           !quern_value_is_graph_output(v);
}

/* The runtime would make the product that gives y float for this reader. */
static bool spoils_product(const struct quern_value *y,
                           const struct quern_node *reader)
{
    bool alone = quern_value_n_uses(y) == 1 && !quern_value_is_graph_output(y);
    if (quern_node_is(reader, "QuantizeLinear")) {
        return !alone;
    }
    /* Relu and Clip: part of the Q behind them, which must read them alone. */
    return is_for_q(quern_node_output(reader, 0))
               ? !alone
               : alone || quern_value_is_graph_output(y);
}

/* A product in integers and who reads it, with a Sum of one between. */
static enum quern_code copy_product(struct quern_pass_ctx *ctx,
                                    const struct qn_rule *rule,
                                    const struct quern_match *match,
                                    bool *out_done)
{
    struct quern_value *y = quern_match_value(match, "_shared_y");
    struct quern_node *reader = quern_match_node(match, 0);
    struct quern_value *sum = NULL;
    struct quern_node *node = NULL;
    char name[512];
    (void)rule;
    if (!is_dequantized(quern_match_value(match, "x")) ||
        !is_dequantized(quern_match_value(match, "w")) ||
        !spoils_product(y, reader)) {
        return QUERN_OK;
    }
    *out_done = true;
    quern_pass_account(ctx, reader,
                       "reads a Sum of one, so that '%s' stays in integers",
                       quern_value_name(y));
    quern_name_extend(name, sizeof name, quern_value_name(y), "_sum");
    enum quern_code code =
        quern_value_create(quern_node_graph(reader), name, &sum);
    if (code == QUERN_OK) {
        code = quern_value_copy_type(sum, y);
    }
    if (code == QUERN_OK) {
        code = quern_node_create(quern_node_graph(reader), reader, "Sum", name,
                                 &y, 1, &sum, 1, &node);
    }
    return code == QUERN_OK ? quern_node_set_input(reader, 0, sum) : code;
}

/* The one reader of y is a Mul by a vector of weights. */
static bool has_weights(const struct quern_value *y,
                        const struct quern_value *x)
{
    const struct quern_use *use = quern_value_first_use(y);
    const struct quern_node *mul = use != NULL ? quern_use_node(use) : NULL;
    return quern_value_n_uses(y) == 1 && !quern_value_is_graph_output(y) &&
           mul != NULL && quern_node_is(mul, "Mul") &&
           qn_is_last_axis_vector(
               quern_node_input(mul, 1 - quern_use_index(use)), x);
}

/* The output of `node` becomes its product with ones. */
static enum quern_code add_ones(struct quern_pass_ctx *ctx,
                                struct quern_node *node, int64_t n)
{
    struct quern_value *in[2] = {NULL, NULL};
    struct quern_node *mul = NULL;
    char name[512];
    float *ones = quern_pass_alloc(ctx, (size_t)n * sizeof *ones);
    if (ones == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (int64_t i = 0; i < n; i++) {
        ones[i] = 1.0f;
    }
    quern_name_extend(name, sizeof name,
                      quern_value_name(quern_node_output(node, 0)), "_ones");
    enum quern_code code =
        qn_new_floats(ctx, quern_node_graph(node), name, ones, 1, &n, &in[1]);
    return code == QUERN_OK
               ? qn_insert_behind(node, "Mul", "_normal", in, 2, &mul)
               : code;
}

static enum quern_code to_quotient(struct quern_pass_ctx *ctx,
                                   const struct qn_rule *rule,
                                   const struct quern_match *match,
                                   bool *out_done)
{
    struct quern_value *x = quern_match_value(match, "x");
    struct quern_value *root = quern_match_value(match, "r");
    struct quern_node *node = quern_match_node(match, 0);
    struct quern_value *y = quern_node_output(node, 0);
    int rank = quern_value_rank(x);
    int64_t n = rank > 0 ? quern_value_dims(x)[rank - 1].value : 0;
    float epsilon = 0.0f;
    bool weighted = has_weights(y, x);
    (void)rule;
    if (n <= 0 || quern_value_dtype(x) != QUERN_FLOAT ||
        quern_value_constant(x) != NULL ||
        !quern_match_scalar(match, "e", &epsilon) ||
        !qn_means_are_over_last(match, x) ||
        (weighted && quern_node_is(node, "Div"))) {
        return QUERN_OK;
    }
    *out_done = true;
    quern_pass_account(ctx, node, "RMSNorm as the runtime fuses it");
    struct quern_value *in[2] = {x, root};
    enum quern_code code = quern_node_is(node, "Mul")
                               ? qn_become(ctx, match, "Div", in, 2)
                               : QUERN_OK;
    return code == QUERN_OK && !weighted ? add_ones(ctx, node, n) : code;
}

/* "Max" if x is never below slope * x where x > 0, "Min" if never above it. Not
 * with a slope of 0, whose product with an infinity is NaN. */
static const char *larger_side(const struct quern_tensor *slopes)
{
    const float *a = quern_tensor_data(slopes);
    bool below = true;
    bool above = true;
    for (int64_t i = 0; i < quern_tensor_len(slopes); i++) {
        bool usable = isfinite(a[i]) && (a[i] < 0.0f || a[i] > 0.0f);
        below = below && usable && a[i] <= 1.0f;
        above = above && usable && a[i] >= 1.0f;
    }
    return below ? "Max" : above ? "Min" : NULL;
}

static enum quern_code prelu_to_max(struct quern_pass_ctx *ctx,
                                    const struct qn_rule *rule,
                                    const struct quern_match *match,
                                    bool *out_done)
{
    struct quern_value *x = quern_match_value(match, "x");
    struct quern_value *slope = quern_match_value(match, "s");
    const struct quern_tensor *slopes = quern_value_constant(slope);
    struct quern_node *root = quern_match_node(match, 0);
    struct quern_value *in[2] = {x, slope};
    struct quern_node *mul = NULL;
    char name[512];
    (void)rule;
    if (slopes == NULL || quern_tensor_dtype(slopes) != QUERN_FLOAT ||
        larger_side(slopes) == NULL) {
        return QUERN_OK;
    }
    *out_done = true;
    quern_pass_account(ctx, root, "%s with the slopes' product in its place",
                       larger_side(slopes));
    quern_name_extend(name, sizeof name,
                      quern_value_name(quern_node_output(root, 0)), "_sloped");
    enum quern_code code =
        quern_value_create(quern_node_graph(root), name, &in[1]);
    if (code == QUERN_OK) {
        code = quern_value_copy_type(in[1], quern_node_output(root, 0));
    }
    if (code == QUERN_OK) {
        struct quern_value *factors[2] = {x, slope};
        code = quern_node_create(quern_node_graph(root), root, "Mul", name,
                                 factors, 2, &in[1], 1, &mul);
    }
    return code == QUERN_OK ? qn_become(ctx, match, larger_side(slopes), in, 2)
                            : code;
}

static const struct trick {
    const char *word;
    struct qn_rule rules[3];
} tricks[] = {
    {"gelu-half-last",
     {{"t = Add(Erf(Div(x, 1.4142135623730951)), 1); h = Mul(t, 0.5); "
       "y = Mul(x, h)",
       9, half_last, NULL},
      {"t = Add(Erf(Mul(x, 0.7071067811865476)), 1); h = Mul(t, 0.5); "
       "y = Mul(x, h)",
       9, half_last, NULL}}},
    {"sum-layer-norm",
     {{"_shared_sum = Add(a, b); y = LayerNormalization(_shared_sum, g, c?)",
       17, to_sum, NULL}}},
    {"sum-bias", {{"m = MatMul(x, w); y = Add(m, b)", 13, bias_to_sum, NULL}}},
    {"sum-output",
     {{"_shared_y = Gemm(x, w, c?); r = QuantizeLinear(_shared_y, s, z?)", 10,
       copy_product, NULL},
      {"_shared_y = Gemm(x, w, c?); r = Relu(_shared_y)", 10, copy_product,
       NULL},
      {"_shared_y = Gemm(x, w, c?); r = Clip(_shared_y, low?, high?)", 10,
       copy_product, NULL}}},
    {"prelu-max", {{"y = PRelu(x, s)", 9, prelu_to_max, NULL}}},
    {"rms-norm-kernel",
     {{"r = " QN_ROOT_MEAN("Pow(x, 2)") "; y = Mul(x, Reciprocal(r))", 9,
       to_quotient, NULL},
      {"r = " QN_ROOT_MEAN("Pow(x, 2)") "; y = Div(x, r)", 9, to_quotient,
       NULL}}},
};

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    const struct quern_target *target = quern_pass_target(ctx);
    enum quern_code code = target != NULL ? QUERN_OK : QUERN_NO_MEMORY;
    (void)params;
    for (size_t i = 0; i < sizeof tricks / sizeof *tricks && code == QUERN_OK;
         i++) {
        size_t n = 0;
        while (n < sizeof tricks->rules / sizeof *tricks->rules &&
               tricks[i].rules[n].pattern != NULL) {
            n++;
        }
        if (quern_target_has(&target->tricks, tricks[i].word)) {
            code = qn_rewrite(ctx, graph, tricks[i].rules, n);
        }
    }
    return code == QUERN_OK &&
                   quern_target_has(&target->tricks, "float-weights")
               ? qn_keep_float(ctx, graph)
               : code;
}

const struct quern_pass_desc qn_pass_target_spelling = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "target-spelling",
    .summary = "write equal forms that the target's runtime runs faster",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "target",
};
