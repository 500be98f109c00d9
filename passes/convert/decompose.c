/* decompose: operators that the target lacks become chains of those that every
 * target has, at the model's opset: those of an option, else those of the
 * profile. Real-exact. */
#include <quern/target.h>

#include "builtin.h"
#include "convert/chain.h"

#include <string.h>

struct decompose_params {
    struct quern_strings ops;
};

/* alpha A' B' + beta C, with A and B turned as the node says. */
enum quern_code qn_lower_gemm(const struct lowering *l, struct quern_node *node)
{
    static const int64_t turned[] = {1, 0};
    static const char *const flags[] = {"transA", "transB"};
    static const char *const factors[] = {"beta", "alpha"};
    struct quern_value *in[2] = {NULL, NULL};
    struct quern_value *term = quern_node_input(node, 2);
    struct qn_chain c = qn_chain_of(l, node, quern_node_input(node, 0));
    c.reshaped = true;
    if (l->to < 7) {
        return qn_lower_refuse(l, node, "Add of opset 6 does not broadcast so");
    }
    if (!qn_chain_is_real(l, node)) {
        return qn_chain_refuse_type(l, node);
    }
    for (size_t i = 0; i < 2; i++) {
        c.last = quern_node_input(node, i);
        if (quern_node_int(node, flags[i], 0) != 0) {
            qn_chain_add(&c, "Transpose", NULL);
            qn_chain_set_ints(&c, "perm", turned, 2);
        }
        in[i] = c.last;
    }
    float numbers[2] = {quern_node_float(node, factors[0], 1.0f),
                        quern_node_float(node, factors[1], 1.0f)};
    bool scales = numbers[1] < 1.0f || numbers[1] > 1.0f;
    if (term != NULL && (numbers[0] < 1.0f || numbers[0] > 1.0f)) {
        c.last = term;
        qn_chain_add(&c, "Mul", qn_chain_number(&c, (double)numbers[0]));
        term = c.last;
    }
    c.last = in[0];
    if (term == NULL && !scales) {
        return qn_chain_end(&c, "MatMul", in[1]);
    }
    qn_chain_add(&c, "MatMul", in[1]);
    if (term != NULL && scales) {
        qn_chain_add(&c, "Mul", qn_chain_number(&c, (double)numbers[1]));
    }
    return term != NULL ? qn_chain_end(&c, "Add", term)
                        : qn_chain_end(&c, "Mul",
                                       qn_chain_number(&c, (double)numbers[1]));
}

static const struct {
    const char *op;
    qn_lower_fn lower;
} chains[] = {
    {"Attention", qn_lower_attention},
    {"BatchNormalization", qn_lower_batch_norm},
    {"CastLike", qn_lower_cast_like},
    {"Gelu", qn_lower_gelu},
    {"Gemm", qn_lower_gemm},
    {"GroupNormalization", qn_lower_group_norm},
    {"HardSigmoid", qn_lower_hard_sigmoid},
    {"HardSwish", qn_lower_hard_swish},
    {"InstanceNormalization", qn_lower_instance_norm},
    {"LayerNormalization", qn_lower_layer_norm},
    {"MeanVarianceNormalization", qn_lower_mean_variance},
    {"Mish", qn_lower_mish},
    {"QLinearConv", qn_lower_qlinear},
    {"QLinearMatMul", qn_lower_qlinear},
    {"RMSNormalization", qn_lower_rms},
    {"RotaryEmbedding", qn_lower_rotary},
    {"Swish", qn_lower_swish},
};

enum { N_CHAINS = sizeof chains / sizeof *chains };

/* Number of an operator's chain; N_CHAINS: there is none. */
static size_t chain_for(const char *op)
{
    size_t i = 0;
    while (i < N_CHAINS && strcmp(chains[i].op, op) != 0) {
        i++;
    }
    return i;
}

static enum quern_code check_ops(struct quern_pass_ctx *ctx,
                                 const struct decompose_params *p)
{
    const char *names[N_CHAINS + 1] = {NULL};
    for (size_t i = 0; i < N_CHAINS; i++) {
        names[i] = chains[i].op;
    }
    for (size_t i = 0; i < p->ops.count; i++) {
        if (chain_for(p->ops.items[i]) == N_CHAINS) {
            const char *near = quern_nearest_name(p->ops.items[i], names);
            return quern_fail(
                quern_pass_context(ctx), QUERN_INVALID_ARGUMENT, NULL,
                "ops: no chain for '%s'%s%s%s; 'quern passes "
                "decompose' lists those that there are",
                p->ops.items[i], near != NULL ? ", did you mean '" : "",
                near != NULL ? near : "", near != NULL ? "'" : "");
        }
    }
    return QUERN_OK;
}

struct work {
    struct lowering lowering;
    bool wanted[N_CHAINS];
};

static enum quern_code visit(struct quern_pass_ctx *ctx,
                             struct quern_node *node, void *user)
{
    const struct work *w = user;
    size_t i = *quern_node_domain(node) == '\0' ? chain_for(quern_node_op(node))
                                                : N_CHAINS;
    if (i == N_CHAINS || !w->wanted[i]) {
        return QUERN_OK;
    }
    quern_pass_account(ctx, node, "%s taken apart", chains[i].op);
    return chains[i].lower(&w->lowering, node);
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    const struct decompose_params *p = params;
    const char *ops[N_CHAINS + 1] = {NULL};
    int64_t opset = quern_model_opset(quern_pass_model(ctx), "");
    struct work w = {.lowering = {.ctx = ctx, .to = opset, .from = opset}};
    size_t n = 0;
    enum quern_code code = check_ops(ctx, p);
    for (size_t i = 0; i < N_CHAINS; i++) {
        w.wanted[i] = p->ops.count > 0 ? quern_target_has(&p->ops, chains[i].op)
                                       : qn_target_lacks(ctx, chains[i].op);
        if (w.wanted[i]) {
            ops[n++] = chains[i].op;
        }
    }
    return code == QUERN_OK && n > 0
               ? quern_pass_each(ctx, graph, &(struct quern_each){.ops = ops},
                                 visit, &w)
               : code;
}

static const struct quern_option options[] = {
    {"ops", QUERN_OPTION_STRINGS, offsetof(struct decompose_params, ops), 0, 0,
     NULL,
     "operators to take apart, else those that the target lacks: Attention, "
     "BatchNormalization, CastLike, Gelu, "
     "Gemm, GroupNormalization, HardSigmoid, HardSwish, InstanceNormalization, "
     "LayerNormalization, MeanVarianceNormalization, Mish, QLinearConv, "
     "QLinearMatMul, RMSNormalization, RotaryEmbedding, Swish"},
    {0},
};

const struct quern_pass_desc qn_pass_decompose = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "decompose",
    .summary = "take operators apart that a target lacks, into simpler ones of "
               "the model's opset",
    .options = options,
    .params_size = sizeof(struct decompose_params),
    .flags = QUERN_PASS_NEEDS_SHAPES | QUERN_PASS_REPEAT,
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "convert",
};
