/* fuse-group-norm: GroupNormalization (opset 21) spelled out with
 * InstanceNormalization of groups that a Reshape makes, unless the target runs
 * that faster: ONNX Runtime (1.32, CPU) takes the operator apart into means and
 * takes twice as long for it. Real-exact. */
#include "builtin.h"
#include "common.h"
#include "fuse/chains.h"
#include "fuse/rewrite.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* What a match gives; numbers in memory of the pass. */
struct found {
    struct quern_value *x;
    int64_t groups, channels;
    const float *scale, *bias;      /* a group each */
    const double *factor, *summand; /* a channel each, or NULL */
    float epsilon;
};

static bool is_float_vector(const struct quern_value *v)
{
    const struct quern_tensor *t = v != NULL ? quern_value_constant(v) : NULL;
    return t != NULL && quern_tensor_rank(t) == 1 &&
           quern_tensor_dtype(t) == QUERN_FLOAT;
}

/* The Reshapes make groups of whole channels, and undo that. */
static const char *misfit(const struct found *f,
                          const struct quern_value *inner,
                          const struct quern_value *outer)
{
    int rank = quern_value_rank(f->x);
    if (rank < 3 || quern_value_rank(inner) != 3 ||
        quern_value_rank(outer) != rank) {
        return "x is not known to have 3 axes or more, or its groups not 3";
    }
    const struct quern_dim *a = quern_value_dims(f->x);
    const struct quern_dim *g = quern_value_dims(inner);
    for (int i = 0; i < rank; i++) {
        if (!quern_dim_equal(a[i], quern_value_dims(outer)[i])) {
            return "the sizes behind are not known to be those of x";
        }
    }
    if (a[1].value < 1 || g[1].value < 1 || a[1].value % g[1].value != 0 ||
        !quern_dim_equal(a[0], g[0])) {
        return "its groups are not known to be whole channels of one batch";
    }
    return NULL;
}

static const char *find(struct quern_pass_ctx *ctx,
                        const struct quern_match *match, struct found *f)
{
    const struct quern_value *s = quern_match_value(match, "s");
    const struct quern_value *b = quern_match_value(match, "b");
    const struct quern_value *g = quern_match_value(match, "g");
    const struct quern_value *h = quern_match_value(match, "h");
    const struct quern_value *inner = quern_match_value(match, "inner");
    const char *attr = NULL;
    const struct quern_node *norm = quern_match_attr(match, "e", &attr);
    int64_t n = 0;
    int64_t m = 0;
    f->x = quern_match_value(match, "x");
    const char *reason = misfit(f, inner, quern_match_value(match, "outer"));
    if (reason != NULL) {
        return reason;
    }
    f->groups = quern_value_dims(inner)[1].value;
    f->channels = quern_value_dims(f->x)[1].value;
    f->epsilon = quern_node_float(norm, attr, 1e-5f);
    if (quern_value_dtype(f->x) != QUERN_FLOAT || !is_float_vector(s) ||
        !is_float_vector(b)) {
        return "x, scale and bias are not all float, or no constants";
    }
    f->scale = qn_floats(ctx, s, &n);
    f->bias = qn_floats(ctx, b, &m);
    if (f->scale == NULL || f->bias == NULL || n != f->groups || m != n) {
        return "scale and bias have not a number for each group";
    }
    if (g == NULL) {
        return NULL;
    }
    int rank = quern_value_rank(f->x);
    f->factor = qn_channel_constant(ctx, g, rank, f->channels);
    f->summand = qn_channel_constant(ctx, h, rank, f->channels);
    return f->factor != NULL && f->summand != NULL
               ? NULL
               : "what it is multiplied by or added to is no constant of the "
                 "channels";
}

/* Scale (or bias) of each channel as a new constant. */
static enum quern_code new_numbers(struct quern_pass_ctx *ctx,
                                   struct quern_graph *graph,
                                   const struct found *f, bool is_bias,
                                   struct quern_value **out)
{
    float *all = quern_pass_alloc(ctx, (size_t)f->channels * sizeof *all);
    int64_t size = f->channels / f->groups;
    if (all == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (int64_t c = 0; c < f->channels; c++) {
        double factor = f->factor != NULL ? f->factor[c] : 1.0;
        double x = factor * (double)(is_bias ? f->bias : f->scale)[c / size];
        all[c] = (float)(is_bias && f->summand != NULL ? x + f->summand[c] : x);
    }
    return qn_new_floats(ctx, graph,
                         is_bias ? "group_norm_bias" : "group_norm_scale", all,
                         1, &f->channels, out);
}

static enum quern_code to_group_norm(struct quern_pass_ctx *ctx,
                                     const struct qn_rule *rule,
                                     const struct quern_match *match,
                                     bool *out_done)
{
    struct quern_node *root = quern_match_node(match, 0);
    struct quern_value *in[3] = {NULL, NULL, NULL};
    struct quern_node *sizes =
        quern_value_producer(quern_match_value(match, "back"));
    struct found f = {.groups = 0};
    bool stays = false;
    const char *reason = find(ctx, match, &f);
    if (reason != NULL) {
        return quern_pass_refuse(ctx, root, "%s", reason);
    }
    in[0] = f.x;
    enum quern_code code = qn_leave_chain(
        ctx, quern_value_producer(quern_match_value(match, "outer")), &stays);
    if (code != QUERN_OK || stays) {
        return code;
    }
    code = new_numbers(ctx, quern_node_graph(root), &f, false, &in[1]);
    if (code == QUERN_OK) {
        code = new_numbers(ctx, quern_node_graph(root), &f, true, &in[2]);
    }
    if (code == QUERN_OK) {
        *out_done = true;
        code = qn_become(ctx, match, rule->what, in, 3);
    }
    if (code == QUERN_OK && sizes != NULL) {
        code = quern_node_erase_dead(sizes);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_int(root, "num_groups", f.groups);
    }
    return code == QUERN_OK ? quern_node_set_float(root, "epsilon", f.epsilon)
                            : code;
}

#define NORM                                                                   \
    "inner = Reshape(x, into); "                                               \
    "outer = Reshape(InstanceNormalization(inner, s, b){epsilon = $e}, back)"

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const struct qn_rule with_numbers[] = {
        {NORM "; y = Add(Mul(outer, g), h)", 21, to_group_norm,
         "GroupNormalization"},
    };
    static const struct qn_rule bare[] = {
        {NORM, 21, to_group_norm, "GroupNormalization"},
    };
    (void)params;
    if (qn_target_lacks(ctx, "GroupNormalization")) {
        return QUERN_OK;
    }
    enum quern_code code =
        qn_rewrite(ctx, graph, with_numbers, COUNT(with_numbers));
    return code == QUERN_OK ? qn_rewrite(ctx, graph, bare, COUNT(bare)) : code;
}

#undef NORM

const struct quern_pass_desc qn_pass_fuse_group_norm = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-group-norm",
    .summary = "recognise GroupNormalization spelled out with "
               "InstanceNormalization (opset 21 on)",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "fuse",
};
