/* fuse-softplus, fuse-mish, fuse-swish: activations made of Softplus and
 * Sigmoid become one operator where the model's opset has it. Where the
 * target runs Mul(x, Sigmoid(x)) as one kernel, it stays: ONNX Runtime (1.32)
 * takes Swish apart at opset 24, with 1.3 times the time of the whole
 * EfficientNet, and refuses it at opset 26. Real-exact. */
#include "builtin.h"
#include "common.h"
#include "fuse/chains.h"
#include "fuse/rewrite.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* x alone goes into the operator `what`; ONNX Runtime has none of double. */
static enum quern_code to_unary(struct quern_pass_ctx *ctx,
                                const struct qn_rule *rule,
                                const struct quern_match *match, bool *out_done)
{
    struct quern_value *x = quern_match_value(match, "x");
    enum quern_dtype type = quern_value_dtype(x);
    bool stays = false;
    if (quern_value_constant(x) != NULL || !qn_is_plain(match, x) ||
        (type != QUERN_FLOAT && type != QUERN_FLOAT16)) {
        return quern_pass_refuse(ctx, quern_match_node(match, 0),
                                 "found a constant, a type that is neither "
                                 "float nor float16, or a constant that "
                                 "changes the shape");
    }
    enum quern_code code =
        qn_leave_chain(ctx, quern_match_node(match, 0), &stays);
    if (code != QUERN_OK || stays) {
        return code;
    }
    *out_done = true;
    return qn_become(ctx, match, rule->what, &x, 1);
}

static enum quern_code run_softplus(struct quern_pass_ctx *ctx,
                                    struct quern_graph *graph,
                                    const void *params)
{
    static const struct qn_rule rules[] = {
        {"y = Log(Add(Exp(x), 1))", 7, to_unary, "Softplus"},
    };
    (void)params;
    return qn_rewrite(ctx, graph, rules, COUNT(rules));
}

const struct quern_pass_desc qn_pass_fuse_softplus = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-softplus",
    .summary = "recognise Softplus spelled out with Exp and Log",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run_softplus,
    .group = "fuse",
};

static enum quern_code run_mish(struct quern_pass_ctx *ctx,
                                struct quern_graph *graph, const void *params)
{
    static const struct qn_rule rules[] = {
        {"y = Mul(x, Tanh(Softplus(x)))", 18, to_unary, "Mish"},
    };
    (void)params;
    return qn_target_lacks(ctx, "Mish")
               ? QUERN_OK
               : qn_rewrite(ctx, graph, rules, COUNT(rules));
}

const struct quern_pass_desc qn_pass_fuse_mish = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-mish",
    .summary = "recognise Mish spelled out with Softplus and Tanh (opset 18 "
               "on)",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run_mish,
    .group = "fuse",
};

/* x sigmoid(a x) */
static enum quern_code to_swish(struct quern_pass_ctx *ctx,
                                const struct qn_rule *rule,
                                const struct quern_match *match, bool *out_done)
{
    struct quern_node *root = quern_match_node(match, 0);
    float alpha = 1.0f;
    if (!quern_match_scalar(match, "a", &alpha)) {
        return quern_pass_refuse(ctx, root, "the factor is no constant scalar");
    }
    enum quern_code code = to_unary(ctx, rule, match, out_done);
    return code == QUERN_OK && *out_done
               ? quern_node_set_float(root, "alpha", alpha)
               : code;
}

static enum quern_code run_swish(struct quern_pass_ctx *ctx,
                                 struct quern_graph *graph, const void *params)
{
    static const struct qn_rule rules[] = {
        {"y = Mul(x, Sigmoid(x))", 24, to_unary, "Swish"},
        {"y = Mul(x, Sigmoid(Mul(x, a)))", 24, to_swish, "Swish"},
    };
    (void)params;
    return qn_target_lacks(ctx, "Swish")
               ? QUERN_OK
               : qn_rewrite(ctx, graph, rules, COUNT(rules));
}

const struct quern_pass_desc qn_pass_fuse_swish = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-swish",
    .summary = "recognise Swish spelled out with Sigmoid (opset 24 on)",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run_swish,
    .group = "fuse",
};
