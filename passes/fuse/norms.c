/* fuse-layer-norm, fuse-rms-norm: normalizations that an exporter spelled out
 * become one operator where the model's opset has it (17, 23), over the last
 * axes, with weights of just their sizes, or ones where it has none. Half
 * precision may be widened inside: the operators compute in float, too.
 * Real-exact. */
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

/* How many last axes of x all means of a match are over, that stay as 1; 0 when
 * they are over others. */
static int n_last_axes(const struct quern_match *match,
                       const struct quern_value *x)
{
    int64_t axes[QUERN_MAX_RANK];
    int rank = quern_value_rank(x);
    int n = 0;
    for (size_t i = 0; i < quern_match_n_nodes(match); i++) {
        const struct quern_node *mean = quern_match_node(match, i);
        uint64_t seen = 0;
        if (!quern_node_is(mean, "ReduceMean")) {
            continue;
        }
        int k = qn_axes(mean, QUERN_MAX_RANK, axes);
        if (k < 1 || k > rank || (n != 0 && k != n) ||
            quern_node_int(mean, "keepdims", 1) != 1) {
            return 0;
        }
        for (int a = 0; a < k; a++) {
            int64_t back = axes[a] < 0 ? -axes[a] : rank - axes[a];
            seen |= back >= 1 && back <= k ? (uint64_t)1 << (back - 1) : 0;
        }
        if (seen != ((uint64_t)1 << k) - 1) {
            return 0;
        }
        n = k;
    }
    return n;
}

/* A constant of the type of x whose axes, but for some of length 1 in front,
 * are the last n of x. */
static bool is_weight(const struct quern_value *v, const struct quern_value *x,
                      int n)
{
    const struct quern_tensor *t = quern_value_constant(v);
    int rank = t != NULL ? quern_tensor_rank(t) : 0;
    int first = quern_value_rank(x) - rank;
    bool fits = rank >= n && first >= 0 &&
                quern_tensor_dtype(t) == quern_value_dtype(x);
    fits = fits && quern_tensor_len(t) > 0; /* runtimes want a number */
    for (int i = 0; i < rank && fits; i++) {
        fits = quern_tensor_dims(t)[i] ==
               (i < rank - n ? 1 : quern_value_dims(x)[first + i].value);
    }
    return fits;
}

static enum quern_code new_weight(struct quern_node *root,
                                  struct quern_tensor *t,
                                  struct quern_value **out)
{
    char name[512];
    quern_name_extend(name, sizeof name,
                      quern_value_name(quern_node_output(root, 0)), "_weight");
    return quern_constant_create(quern_node_graph(root), name, t, out);
}

/* *value as a constant of just the last n axes. */
static enum quern_code without_ones(struct quern_node *root, int n,
                                    struct quern_value **value)
{
    struct quern_tensor *t =
        *value != NULL ? quern_value_constant(*value) : NULL;
    struct quern_tensor *short_one = NULL;
    int rank = t != NULL ? quern_tensor_rank(t) : n;
    if (rank == n) {
        return QUERN_OK;
    }
    enum quern_code code = quern_tensor_reshape(
        t, n, quern_tensor_dims(t) + (rank - n), &short_one);
    if (code == QUERN_OK) {
        code = new_weight(root, short_one, value);
    }
    quern_tensor_release(&short_one);
    return code;
}

/* As many ones as the last axis of x has elements, of its type. */
static enum quern_code ones(struct quern_pass_ctx *ctx, struct quern_node *root,
                            const struct quern_value *x,
                            struct quern_value **out)
{
    struct quern_context *context = quern_pass_context(ctx);
    int64_t n = quern_value_dims(x)[quern_value_rank(x) - 1].value;
    float *numbers = quern_pass_alloc(ctx, (size_t)n * sizeof *numbers);
    struct quern_tensor *wide = NULL;
    struct quern_tensor *own = NULL;
    if (numbers == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (int64_t i = 0; i < n; i++) {
        numbers[i] = 1.0f;
    }
    enum quern_code code = quern_tensor_of_floats(context, n, numbers, &wide);
    if (code == QUERN_OK) {
        code = quern_tensor_cast(context, wide, quern_value_dtype(x), &own);
    }
    if (code == QUERN_OK) {
        code = new_weight(root, own, out);
    }
    quern_tensor_release(&wide);
    quern_tensor_release(&own);
    return code;
}

/* Where numbers are widened inside, they come back as the type of x. */
static bool casts_fit(const struct quern_match *match,
                      const struct quern_value *x)
{
    const char *attr = NULL;
    const struct quern_node *back = quern_match_attr(match, "to", &attr);
    enum quern_dtype dtype = quern_value_dtype(x);
    return back == NULL ||
           ((dtype == QUERN_FLOAT16 || dtype == QUERN_BFLOAT16) &&
            quern_node_int(back, attr, 0) == (int64_t)dtype);
}

/* Epsilon, or the exponent, may have more axes than x. */
static bool has_shape_of(const struct quern_value *y,
                         const struct quern_value *x)
{
    int rank = quern_value_rank(x);
    bool same = rank == quern_value_rank(y);
    for (int i = 0; i < rank && same; i++) {
        same = quern_dim_equal(quern_value_dims(x)[i], quern_value_dims(y)[i]);
    }
    return same;
}

static enum quern_code to_norm(struct quern_pass_ctx *ctx,
                               const struct qn_rule *rule,
                               const struct quern_match *match, bool *out_done)
{
    struct quern_value *x = quern_match_value(match, "x");
    struct quern_value *g = quern_match_value(match, "g");
    struct quern_value *b = quern_match_value(match, "b");
    struct quern_node *root = quern_match_node(match, 0);
    int n = n_last_axes(match, x);
    float epsilon = 0.0f;
    if (quern_value_constant(x) != NULL || n == 0 ||
        !has_shape_of(quern_node_output(root, 0), x) ||
        !quern_dtype_is_float(quern_value_dtype(x)) || !casts_fit(match, x) ||
        (g != NULL && !is_weight(g, x, n)) ||
        (b != NULL && !is_weight(b, x, n)) ||
        (g == NULL &&
         (n != 1 || quern_value_dims(x)[quern_value_rank(x) - 1].value < 1)) ||
        !quern_match_scalar(match, "e", &epsilon)) {
        return QUERN_OK;
    }
    struct quern_value *in[3] = {x, g, b};
    *out_done = true;
    enum quern_code code =
        g == NULL ? ones(ctx, root, x, &in[1]) : without_ones(root, n, &in[1]);
    if (code == QUERN_OK) {
        code = without_ones(root, n, &in[2]);
    }
    if (code == QUERN_OK) {
        code = qn_become(ctx, match, rule->what, in, b != NULL ? 3 : 2);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_int(root, "axis", -n);
    }
    return code == QUERN_OK ? quern_node_set_float(root, "epsilon", epsilon)
                            : code;
}

/* v divided by a root: in two ways, of two spellings of the square.
 * simplify-arithmetic makes a third one, with 1 divided by the root, the first.
 */
#define QUOTIENTS(RULE, v)                                                     \
    RULE("Div(" v ", " QN_ROOT_MEAN("Pow(" v ", 2)") ")"),                     \
        RULE("Div(" v ", " QN_ROOT_MEAN("Mul(" v ", " v ")") ")"),             \
        RULE("Mul(" v ", Reciprocal(" QN_ROOT_MEAN("Pow(" v ", 2)") "))"),     \
        RULE("Mul(" v ", Reciprocal(" QN_ROOT_MEAN("Mul(" v ", " v ")") "))")

/* In front of the quotient: x may be widened, the mean taken away. */
#define WIDE "_sharedc = Cast(x){to = 1}; "
#define LESS_MEAN(x) "d = Sub(" x ", ReduceMean(" x ", first...)); "
#define BACK(quotient) "Cast(" quotient "){to = $to}"

#define LAYER(text)                                                            \
    {                                                                          \
        text, 17, to_norm, "LayerNormalization"                                \
    }
#define LAYER_ALL(quotient)                                                    \
    LAYER(LESS_MEAN("x") "y = Add(Mul(" quotient ", g), b)")
#define LAYER_SCALED(quotient) LAYER(LESS_MEAN("x") "y = Mul(" quotient ", g)")
#define LAYER_BARE(quotient) LAYER(LESS_MEAN("x") "y = " quotient)
#define LAYER_WIDE_ALL(quotient)                                               \
    LAYER(WIDE LESS_MEAN("_sharedc") "y = Add(Mul(" BACK(quotient) ", g), b)")
#define LAYER_WIDE_SCALED(quotient)                                            \
    LAYER(WIDE LESS_MEAN("_sharedc") "y = Mul(" BACK(quotient) ", g)")
#define LAYER_WIDE_BARE(quotient)                                              \
    LAYER(WIDE LESS_MEAN("_sharedc") "y = " BACK(quotient))

#define RMS(text)                                                              \
    {                                                                          \
        text, 23, to_norm, "RMSNormalization"                                  \
    }
#define RMS_SCALED(quotient) RMS("y = Mul(" quotient ", g)")
#define RMS_BARE(quotient) RMS("y = " quotient)
#define RMS_WIDE_SCALED(quotient) RMS(WIDE "y = Mul(" BACK(quotient) ", g)")
#define RMS_WIDE_BARE(quotient) RMS(WIDE "y = " BACK(quotient))

enum { WAYS = 4 };

static enum quern_code see(struct quern_pass_ctx *ctx, struct quern_node *node,
                           void *user)
{
    (void)ctx;
    (void)node;
    *(bool *)user = true;
    return QUERN_OK;
}

/* A table after the other: what is longer goes first, at all places. A graph
 * without a mean is not worth their patterns. */
static enum quern_code rewrite(struct quern_pass_ctx *ctx,
                               struct quern_graph *graph,
                               const struct qn_rule (*tables)[WAYS], size_t n)
{
    static const char *const means[] = {"ReduceMean", NULL};
    const struct quern_each each = {.ops = means};
    bool has_mean = false;
    if (qn_target_lacks(ctx, tables[0][0].what)) {
        return QUERN_OK;
    }
    enum quern_code code = quern_pass_each(ctx, graph, &each, see, &has_mean);
    for (size_t i = 0; i < n && code == QUERN_OK && has_mean; i++) {
        code = qn_rewrite(ctx, graph, tables[i], WAYS);
    }
    return code;
}

static enum quern_code run_layer(struct quern_pass_ctx *ctx,
                                 struct quern_graph *graph, const void *params)
{
    static const struct qn_rule tables[][WAYS] = {
        {QUOTIENTS(LAYER_ALL, "d")},       {QUOTIENTS(LAYER_SCALED, "d")},
        {QUOTIENTS(LAYER_WIDE_ALL, "d")},  {QUOTIENTS(LAYER_WIDE_SCALED, "d")},
        {QUOTIENTS(LAYER_WIDE_BARE, "d")}, {QUOTIENTS(LAYER_BARE, "d")},
    };
    (void)params;
    return rewrite(ctx, graph, tables, COUNT(tables));
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
    static const struct qn_rule tables[][WAYS] = {
        {QUOTIENTS(RMS_SCALED, "x")},
        {QUOTIENTS(RMS_WIDE_SCALED, "_sharedc")},
        {QUOTIENTS(RMS_WIDE_BARE, "_sharedc")},
        {QUOTIENTS(RMS_BARE, "x")},
    };
    (void)params;
    return rewrite(ctx, graph, tables, COUNT(tables));
}

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
