/* fuse-layer-norm, fuse-rms-norm: normalizations that an exporter spelled out
 * become one operator where the model's opset has it (17, 23), over the last
 * axis, with a weight vector of just its size. Real-exact. */
#include "fuse/norms.h"

#include "builtin.h"
#include "common.h"
#include "fuse/rewrite.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

bool qn_is_last_axis_vector(const struct quern_value *v,
                            const struct quern_value *x)
{
    const struct quern_tensor *t = v != NULL ? quern_value_constant(v) : NULL;
    int rank = quern_value_rank(x);
    return t != NULL && rank >= 1 && quern_tensor_rank(t) == 1 &&
           quern_dtype_is_float(quern_tensor_dtype(t)) &&
           quern_value_dims(x)[rank - 1].value == quern_tensor_len(t);
}

/* The mean is taken over the last axis alone, which stays as 1. */
static bool is_over_last(const struct quern_node *mean,
                         const struct quern_value *x)
{
    int64_t axis = 0;
    if (quern_node_int(mean, "keepdims", 1) != 1 ||
        qn_axes(mean, 1, &axis) != 1) {
        return false;
    }
    return axis == -1 || axis == quern_value_rank(x) - 1;
}

bool qn_means_are_over_last(const struct quern_match *match,
                            const struct quern_value *x)
{
    for (size_t i = 0; i < quern_match_n_nodes(match); i++) {
        const struct quern_node *node = quern_match_node(match, i);
        if (quern_node_is(node, "ReduceMean") && !is_over_last(node, x)) {
            return false;
        }
    }
    return true;
}

static enum quern_code to_norm(struct quern_pass_ctx *ctx,
                               const struct qn_rule *rule,
                               const struct quern_match *match, bool *out_done)
{
    struct quern_value *x = quern_match_value(match, "x");
    struct quern_value *g = quern_match_value(match, "g");
    struct quern_value *b = quern_match_value(match, "b");
    struct quern_node *root = quern_match_node(match, 0);
    float epsilon = 0.0f;
    if (quern_value_constant(x) != NULL || !qn_is_last_axis_vector(g, x) ||
        (b != NULL && !qn_is_last_axis_vector(b, x)) ||
        quern_value_dtype(x) != quern_tensor_dtype(quern_value_constant(g)) ||
        !quern_match_scalar(match, "e", &epsilon) ||
        !qn_means_are_over_last(match, x)) {
        return QUERN_OK;
    }
    struct quern_value *in[3] = {x, g, b};
    *out_done = true;
    enum quern_code code =
        qn_become(ctx, match, rule->what, in, b != NULL ? 3 : 2);
    if (code == QUERN_OK) {
        code = quern_node_set_int(root, "axis", -1);
    }
    return code == QUERN_OK ? quern_node_set_float(root, "epsilon", epsilon)
                            : code;
}

/* The square is Pow by 2 or a product. */
#define LAYER(square)                                                          \
    {                                                                          \
        "d = Sub(x, ReduceMean(x, first...)); "                                \
        "y = Add(Mul(Div(d, Sqrt(Add(ReduceMean(" square                       \
        ", second...), e))), g), b)",                                          \
            17, to_norm, "LayerNormalization"                                  \
    }
#define RMS(normal)                                                            \
    {                                                                          \
        "y = Mul(" normal ", g)", 23, to_norm, "RMSNormalization"              \
    }

static enum quern_code run_layer(struct quern_pass_ctx *ctx,
                                 struct quern_graph *graph, const void *params)
{
    static const struct qn_rule rules[] = {
        LAYER("Pow(d, 2)"),
        LAYER("Mul(d, d)"),
    };
    (void)params;
    return qn_target_lacks(ctx, "LayerNormalization")
               ? QUERN_OK
               : qn_rewrite(ctx, graph, rules, COUNT(rules));
}

const struct quern_pass_desc qn_pass_fuse_layer_norm = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-layer-norm",
    .summary = "recognise LayerNormalization spelled out (opset 17 on)",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run_layer,
    .group = "fuse",
};

static enum quern_code run_rms(struct quern_pass_ctx *ctx,
                               struct quern_graph *graph, const void *params)
{
    static const struct qn_rule rules[] = {
        RMS("Div(x, " QN_ROOT_MEAN("Pow(x, 2)") ")"),
        RMS("Div(x, " QN_ROOT_MEAN("Mul(x, x)") ")"),
        RMS("Mul(x, Reciprocal(" QN_ROOT_MEAN("Pow(x, 2)") "))"),
        RMS("Mul(x, Reciprocal(" QN_ROOT_MEAN("Mul(x, x)") "))"),
    };
    (void)params;
    return qn_target_lacks(ctx, "RMSNormalization")
               ? QUERN_OK
               : qn_rewrite(ctx, graph, rules, COUNT(rules));
}

#undef LAYER
#undef RMS

const struct quern_pass_desc qn_pass_fuse_rms_norm = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-rms-norm",
    .summary = "recognise RMSNormalization spelled out (opset 23 on)",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run_rms,
    .group = "fuse",
};
