/* target-spelling: equal ways to write a thing that the target's runtime runs
 * faster, each asked for by a word in the profile's `tricks`. Bit-exact.
 *
 * `gelu-half-last`: ONNX Runtime knows Gelu spelled out as
 * (x (1 + erf(x / sqrt 2))) 0.5 and (0.5 x) (1 + erf(...)), but not as
 * x (0.5 (1 + erf(...))), which PyTorch's exporter writes. Halving is exact, so
 * where the half stands makes no difference.
 * `sum-layer-norm`: ONNX Runtime makes one kernel of Add and LayerNormalization
 * (SkipLayerNormalization), which takes several times as long as the two. A Sum
 * of two is the same number and is left alone. */
#include <quern/target.h>

#include "builtin.h"
#include "common.h"
#include "fuse/rewrite.h"

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

static const struct trick {
    const char *word;
    struct qn_rule rules[2];
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
};

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    const struct quern_target *target = quern_pass_target(ctx);
    enum quern_code code = target != NULL ? QUERN_OK : QUERN_NO_MEMORY;
    (void)params;
    for (size_t i = 0; i < sizeof tricks / sizeof *tricks && code == QUERN_OK;
         i++) {
        size_t n = tricks[i].rules[1].pattern != NULL ? 2 : 1;
        if (quern_target_has(&target->tricks, tricks[i].word)) {
            code = qn_rewrite(ctx, graph, tricks[i].rules, n);
        }
    }
    return code;
}

const struct quern_pass_desc qn_pass_target_spelling = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "target-spelling",
    .summary = "write equal forms that the target's runtime runs faster",
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "target",
};
