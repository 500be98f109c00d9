/* fuse-sigmoid, fuse-leaky-relu, fuse-hardsigmoid, fuse-hardswish, fuse-gelu:
 * activations that an exporter spelled out become one operator of the model's
 * opset. SiLU stays Mul(x, Sigmoid(x)), the form that runtimes know.
 * Real-exact. */
#include "builtin.h"
#include "common.h"
#include "fuse/rewrite.h"

#include <math.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* x alone goes into the operator `what`. */
static enum quern_code to_unary(struct quern_pass_ctx *ctx,
                                const struct qn_rule *rule,
                                const struct quern_match *match, bool *out_done)
{
    struct quern_value *x = quern_match_value(match, "x");
    if (quern_value_constant(x) != NULL || !qn_is_plain(match, x)) {
        return QUERN_OK;
    }
    *out_done = true;
    return qn_become(ctx, match, rule->what, &x, 1);
}

/* -------------------------------------------------------- Sigmoid and SiLU */

static enum quern_code to_silu(struct quern_pass_ctx *ctx,
                               const struct qn_rule *rule,
                               const struct quern_match *match, bool *out_done)
{
    struct quern_value *x = quern_match_value(match, "x");
    struct quern_node *root = quern_match_node(match, 0);
    struct quern_value *s = NULL;
    struct quern_node *node = NULL;
    if (quern_value_constant(x) != NULL || !qn_is_plain(match, x)) {
        return QUERN_OK;
    }
    enum quern_code code =
        quern_value_create(quern_node_graph(root),
                           quern_value_name(quern_node_output(root, 0)), &s);
    if (code == QUERN_OK) {
        code = quern_value_copy_type(s, quern_node_output(root, 0));
    }
    if (code == QUERN_OK) {
        code = quern_node_create(quern_node_graph(root), root, "Sigmoid",
                                 quern_node_name(root), &x, 1, &s, 1, &node);
    }
    if (code == QUERN_OK) {
        struct quern_value *in[2] = {x, s};
        *out_done = true;
        code = qn_become(ctx, match, rule->what, in, 2);
    }
    return code;
}

static enum quern_code run_sigmoid(struct quern_pass_ctx *ctx,
                                   struct quern_graph *graph,
                                   const void *params)
{
    static const struct qn_rule rules[] = {
        {"y = Div(1, Add(Exp(Neg(x)), 1))", 7, to_unary, "Sigmoid"},
        {"y = Reciprocal(Add(Exp(Neg(x)), 1))", 7, to_unary, "Sigmoid"},
        {"y = Div(1, Add(Exp(Mul(x, -1)), 1))", 7, to_unary, "Sigmoid"},
        {"y = Div(x, Add(Exp(Neg(x)), 1))", 7, to_silu, "Mul"},
    };
    (void)params;
    return qn_rewrite(ctx, graph, rules, COUNT(rules));
}

const struct quern_pass_desc qn_pass_fuse_sigmoid = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-sigmoid",
    .summary = "recognise Sigmoid and SiLU spelled out with Exp",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run_sigmoid,
    .group = "fuse",
};

/* --------------------------------------------------------------- LeakyRelu */

/* x where it is positive, else k x. As the larger of the two this is so for k
 * up to 1; for 0 it is not where x is infinite. */
static enum quern_code to_leaky(struct quern_pass_ctx *ctx,
                                const struct qn_rule *rule,
                                const struct quern_match *match, bool *out_done)
{
    struct quern_value *x = quern_match_value(match, "x");
    struct quern_node *root = quern_match_node(match, 0);
    float k = 0.0f;
    bool is_larger = quern_node_is(root, "Max");
    if (quern_value_constant(x) != NULL || !qn_is_plain(match, x) ||
        quern_value_dtype(x) != QUERN_FLOAT ||
        !quern_match_scalar(match, "k", &k) || !isfinite(k) ||
        (is_larger && !(k > 0.0f && k <= 1.0f))) {
        return QUERN_OK;
    }
    *out_done = true;
    enum quern_code code = qn_become(ctx, match, rule->what, &x, 1);
    return code == QUERN_OK ? quern_node_set_float(root, "alpha", k) : code;
}

static enum quern_code run_leaky(struct quern_pass_ctx *ctx,
                                 struct quern_graph *graph, const void *params)
{
    static const struct qn_rule rules[] = {
        {"y = Where(Greater(x, 0), x, Mul(x, k))", 9, to_leaky, "LeakyRelu"},
        {"y = Where(GreaterOrEqual(x, 0), x, Mul(x, k))", 12, to_leaky,
         "LeakyRelu"},
        {"y = Where(Less(x, 0), Mul(x, k), x)", 9, to_leaky, "LeakyRelu"},
        {"y = Where(LessOrEqual(x, 0), Mul(x, k), x)", 12, to_leaky,
         "LeakyRelu"},
        {"y = Max(x, Mul(x, k))", 8, to_leaky, "LeakyRelu"},
        {"y = Max(Mul(x, k), x)", 8, to_leaky, "LeakyRelu"},
        {"y = Sub(Relu(x), Mul(Relu(Neg(x)), k))", 7, to_leaky, "LeakyRelu"},
    };
    (void)params;
    return qn_target_lacks(ctx, "LeakyRelu")
               ? QUERN_OK
               : qn_rewrite(ctx, graph, rules, COUNT(rules));
}

const struct quern_pass_desc qn_pass_fuse_leaky_relu = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-leaky-relu",
    .summary = "recognise LeakyRelu spelled out with Where, Max or two Relus",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run_leaky,
    .group = "fuse",
};

/* ------------------------------------------------- HardSigmoid, HardSwish */

/* x is data, the constants beside it leave its shape, and ONNX Runtime has a
 * HardSigmoid for it: none of double. */
static bool can_be_hard(const struct quern_match *match,
                        const struct quern_value *x)
{
    return quern_value_constant(x) == NULL && qn_is_plain(match, x) &&
           quern_value_dtype(x) != QUERN_DOUBLE;
}

static enum quern_code hard_sigmoid(struct quern_pass_ctx *ctx,
                                    const struct quern_match *match,
                                    float alpha, float beta, bool *out_done)
{
    struct quern_value *x = quern_match_value(match, "x");
    struct quern_node *root = quern_match_node(match, 0);
    *out_done = true;
    enum quern_code code = qn_become(ctx, match, "HardSigmoid", &x, 1);
    if (code == QUERN_OK) {
        code = quern_node_set_float(root, "alpha", alpha);
    }
    return code == QUERN_OK ? quern_node_set_float(root, "beta", beta) : code;
}

/* clip(x + 3, 0, 6) / 6 */
static enum quern_code to_hard_sigmoid(struct quern_pass_ctx *ctx,
                                       const struct qn_rule *rule,
                                       const struct quern_match *match,
                                       bool *out_done)
{
    const struct quern_value *x = quern_match_value(match, "x");
    (void)rule;
    return can_be_hard(match, x)
               ? hard_sigmoid(ctx, match, 1.0f / 6.0f, 0.5f, out_done)
               : QUERN_OK;
}

/* clip(a x + b, 0, 1) */
static enum quern_code to_hard_sigmoid_of(struct quern_pass_ctx *ctx,
                                          const struct qn_rule *rule,
                                          const struct quern_match *match,
                                          bool *out_done)
{
    const struct quern_value *x = quern_match_value(match, "x");
    float alpha = 0.0f;
    float beta = 0.0f;
    (void)rule;
    if (!can_be_hard(match, x) || !quern_match_scalar(match, "a", &alpha) ||
        !quern_match_scalar(match, "b", &beta)) {
        return QUERN_OK;
    }
    return hard_sigmoid(ctx, match, alpha, beta, out_done);
}

static enum quern_code run_hard_sigmoid(struct quern_pass_ctx *ctx,
                                        struct quern_graph *graph,
                                        const void *params)
{
    static const struct qn_rule rules[] = {
        {"y = Div(Clip(Add(x, 3), 0, 6), 6)", 11, to_hard_sigmoid, NULL},
        {"y = Mul(Clip(Add(x, 3), 0, 6), 0.16666667)", 11, to_hard_sigmoid,
         NULL},
        {"y = Div(Clip@6..10(Add(x, 3)){min = 0, max = 6}, 6)", 7,
         to_hard_sigmoid, NULL},
        {"y = Mul(Clip@6..10(Add(x, 3)){min = 0, max = 6}, 0.16666667)", 7,
         to_hard_sigmoid, NULL},
        {"y = Clip(Add(Mul(x, a), b), 0, 1)", 11, to_hard_sigmoid_of, NULL},
        {"y = Clip@6..10(Add(Mul(x, a), b)){min = 0, max = 1}", 7,
         to_hard_sigmoid_of, NULL},
    };
    (void)params;
    return qn_target_lacks(ctx, "HardSigmoid")
               ? QUERN_OK
               : qn_rewrite(ctx, graph, rules, COUNT(rules));
}

const struct quern_pass_desc qn_pass_fuse_hardsigmoid = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-hardsigmoid",
    .summary = "recognise HardSigmoid spelled out with Add, Clip and Div",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run_hard_sigmoid,
    .group = "fuse",
};

/* Below opset 14: x * HardSigmoid(x). */
static enum quern_code to_gate(struct quern_pass_ctx *ctx,
                               const struct qn_rule *rule,
                               const struct quern_match *match, bool *out_done)
{
    struct quern_value *x = quern_match_value(match, "x");
    struct quern_node *root = quern_match_node(match, 0);
    struct quern_graph *graph = quern_node_graph(root);
    struct quern_value *s = NULL;
    struct quern_node *node = NULL;
    const struct quern_value *y = quern_node_output(root, 0);
    (void)rule;
    if (!can_be_hard(match, x)) {
        return QUERN_OK;
    }
    enum quern_code code = quern_value_create(graph, quern_value_name(y), &s);
    if (code == QUERN_OK) {
        code = quern_value_copy_type(s, y);
    }
    if (code == QUERN_OK) {
        code = quern_node_create(graph, root, "HardSigmoid",
                                 quern_node_name(root), &x, 1, &s, 1, &node);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_float(node, "alpha", 1.0f / 6.0f);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_float(node, "beta", 0.5f);
    }
    if (code == QUERN_OK) {
        struct quern_value *in[2] = {x, s};
        *out_done = true;
        code = qn_become(ctx, match, "Mul", in, 2);
    }
    return code;
}

static enum quern_code to_hard_swish(struct quern_pass_ctx *ctx,
                                     const struct qn_rule *rule,
                                     const struct quern_match *match,
                                     bool *out_done)
{
    return can_be_hard(match, quern_match_value(match, "x"))
               ? to_unary(ctx, rule, match, out_done)
               : QUERN_OK;
}

#define SWISH(pattern)                                                         \
    {pattern, 14, to_hard_swish, "HardSwish"},                                 \
    {                                                                          \
        pattern, 11, to_gate, NULL                                             \
    }

static enum quern_code run_hard_swish(struct quern_pass_ctx *ctx,
                                      struct quern_graph *graph,
                                      const void *params)
{
    static const struct qn_rule rules[] = {
        SWISH("y = Div(Mul(x, Clip(Add(x, 3), 0, 6)), 6)"),
        SWISH("y = Mul(Mul(x, Clip(Add(x, 3), 0, 6)), 0.16666667)"),
        SWISH("y = Mul(x, Div(Clip(Add(x, 3), 0, 6), 6))"),
        SWISH("y = Mul(x, Mul(Clip(Add(x, 3), 0, 6), 0.16666667))"),
        SWISH("y = Mul(Div(x, 6), Clip(Add(x, 3), 0, 6))"),
        SWISH("y = Mul(Mul(x, 0.16666667), Clip(Add(x, 3), 0, 6))"),
        {"y = Mul(x, HardSigmoid(x){alpha = 0.16666667, beta = 0.5})", 14,
         to_hard_swish, "HardSwish"},
        {"y = Div(Mul(x, Clip@6..10(Add(x, 3)){min = 0, max = 6}), 6)", 7,
         to_gate, NULL},
    };
    (void)params;
    return qn_target_lacks(ctx, "HardSwish") ||
                   qn_target_lacks(ctx, "HardSigmoid")
               ? QUERN_OK
               : qn_rewrite(ctx, graph, rules, COUNT(rules));
}

#undef SWISH

const struct quern_pass_desc qn_pass_fuse_hardswish = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-hardswish",
    .summary = "recognise HardSwish in its spellings; below opset 14 as "
               "Mul(x, HardSigmoid(x))",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run_hard_swish,
    .group = "fuse",
};

/* ------------------------------------------------------------------- Gelu */

static enum quern_code to_gelu(struct quern_pass_ctx *ctx,
                               const struct qn_rule *rule,
                               const struct quern_match *match, bool *out_done)
{
    struct quern_node *root = quern_match_node(match, 0);
    enum quern_code code =
        to_unary(ctx, &(struct qn_rule){.what = "Gelu"}, match, out_done);
    return code == QUERN_OK && *out_done && rule->what != NULL
               ? quern_node_set_string(root, "approximate", rule->what)
               : code;
}

/* 1 + erf, 1 + tanh in the three places where the half can stand. */
#define GELU(one_plus, what)                                                   \
    {"y = Mul(Mul(x, " one_plus "), 0.5)", 20, to_gelu, what},                 \
        {"y = Mul(Mul(x, 0.5), " one_plus ")", 20, to_gelu, what},             \
    {                                                                          \
        "y = Mul(x, Mul(" one_plus ", 0.5))", 20, to_gelu, what                \
    }

#define CUBE_1 "Pow(x, 3)"
#define CUBE_2 "Mul(Mul(x, x), x)"

static enum quern_code run_gelu(struct quern_pass_ctx *ctx,
                                struct quern_graph *graph, const void *params)
{
    static const struct qn_rule rules[] = {
        /* Some spell the root with four digits, and so does the runtime. */
        GELU("Add(Erf(Div(x, 1.4142135623730951 ~ 2e-5)), 1)", NULL),
        GELU("Add(Erf(Mul(x, 0.7071067811865476 ~ 1e-5)), 1)", NULL),
        GELU("Add(Tanh(Mul(Add(x, Mul(" CUBE_1 ", 0.044715)), "
             "0.7978845608028654)), 1)",
             "tanh"),
        GELU("Add(Tanh(Mul(Add(x, Mul(" CUBE_2 ", 0.044715)), "
             "0.7978845608028654)), 1)",
             "tanh"),
        GELU("Add(Tanh(Mul(Mul(x, 0.7978845608028654), "
             "Add(Mul(Mul(x, x), 0.044715), 1))), 1)",
             "tanh"),
        GELU("Add(Tanh(Mul(Mul(x, 0.7978845608028654), "
             "Add(Mul(Mul(x, 0.044715), x), 1))), 1)",
             "tanh"),
    };
    (void)params;
    return qn_target_lacks(ctx, "Gelu")
               ? QUERN_OK
               : qn_rewrite(ctx, graph, rules, COUNT(rules));
}

#undef GELU
#undef CUBE_1
#undef CUBE_2

const struct quern_pass_desc qn_pass_fuse_gelu = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-gelu",
    .summary = "recognise Gelu spelled out with Erf or Tanh (opset 20 on)",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run_gelu,
    .group = "fuse",
};
