/* normalize-gemm: alpha and beta go into constant operands, a Transpose in
 * front of Gemm or a constant that is read transposed is undone, so that what
 * is left is the plain product that integer kernels know. Real-exact. */
#include "builtin.h"
#include "common.h"
#include "fuse/linear.h"
#include "fuse/rewrite.h"

#include <math.h>

static bool is_one(float x)
{
    return x >= 1.0f && x <= 1.0f;
}

static enum quern_code put(struct quern_node *node, size_t i,
                           struct quern_tensor *tensor)
{
    struct quern_value *old = quern_node_input(node, i);
    struct quern_value *value = NULL;
    if (quern_value_n_uses(old) == 1 && quern_value_producer(old) == NULL) {
        return quern_value_set_constant(old, tensor, false);
    }
    enum quern_code code = quern_constant_create(
        quern_node_graph(node), quern_value_name(old), tensor, &value);
    return code == QUERN_OK ? quern_node_set_input(node, i, value) : code;
}

/* Input i times `factor`; *out_done false: a number would leave its range. */
static enum quern_code scale_input(struct quern_pass_ctx *ctx,
                                   struct quern_node *node, size_t i,
                                   double factor, bool *out_done)
{
    const struct quern_tensor *t =
        quern_value_constant(quern_node_input(node, i));
    struct quern_tensor *wide = NULL;
    struct quern_tensor *own = NULL;
    int64_t n = quern_tensor_len(t);
    enum quern_code code =
        quern_tensor_create(quern_pass_context(ctx), QUERN_DOUBLE,
                            quern_tensor_rank(t), quern_tensor_dims(t), &wide);
    *out_done = false;
    if (code != QUERN_OK) {
        return code;
    }
    double *x = quern_tensor_data_mut(wide);
    bool good = quern_tensor_read_doubles(t, 0, n, x);
    for (int64_t k = 0; k < n; k++) {
        x[k] *= factor;
    }
    code = quern_tensor_cast(quern_pass_context(ctx), wide,
                             quern_tensor_dtype(t), &own);
    for (int64_t k = 0; k < n && code == QUERN_OK; k++) {
        double got = 0.0;
        good =
            good && quern_tensor_read_doubles(own, k, 1, &got) && isfinite(got);
    }
    if (code == QUERN_OK && good) {
        code = put(node, i, own);
        *out_done = code == QUERN_OK;
    }
    quern_tensor_release(&wide);
    quern_tensor_release(&own);
    return code;
}

static enum quern_code fold_alpha(struct quern_pass_ctx *ctx,
                                  struct quern_node *node)
{
    float alpha = quern_node_float(node, "alpha", 1.0f);
    size_t i = qn_gemm_constant(quern_node_input(node, 1)) != NULL ? 1 : 0;
    bool done = false;
    if (is_one(alpha) || qn_gemm_constant(quern_node_input(node, i)) == NULL) {
        return QUERN_OK;
    }
    enum quern_code code = scale_input(ctx, node, i, (double)alpha, &done);
    if (code == QUERN_OK && done) {
        quern_pass_account(ctx, node, "alpha %g folded into '%s'",
                           (double)alpha,
                           quern_value_name(quern_node_input(node, i)));
        code = quern_node_remove_attr(node, "alpha");
    }
    return code;
}

static enum quern_code fold_beta(struct quern_pass_ctx *ctx,
                                 struct quern_node *node)
{
    float beta = quern_node_float(node, "beta", 1.0f);
    struct quern_value *c = quern_node_input(node, 2);
    bool done = c == NULL;
    enum quern_code code = QUERN_OK;
    if (is_one(beta) || (c != NULL && qn_gemm_constant(c) == NULL)) {
        return QUERN_OK;
    }
    if (c != NULL) {
        code = scale_input(ctx, node, 2, (double)beta, &done);
    }
    if (code == QUERN_OK && done) {
        quern_pass_account(ctx, node, "beta %g folded", (double)beta);
        code = quern_node_remove_attr(node, "beta");
    }
    return code;
}

struct gemm_params {
    bool trans_a;
};

/* Operand i (transA, transB) is a Transpose of two axes: read what it read. */
static enum quern_code undo_transpose(struct quern_pass_ctx *ctx,
                                      struct quern_node *node, size_t i,
                                      bool may_set)
{
    const char *attr = i == 0 ? "transA" : "transB";
    const struct quern_value *v = quern_node_input(node, i);
    struct quern_node *t = v != NULL ? quern_value_producer(v) : NULL;
    const int64_t *perm = NULL;
    size_t n = 2;
    bool flag = quern_node_int(node, attr, 0) != 0;
    if (t == NULL || !quern_node_is(t, "Transpose") || (!flag && !may_set) ||
        (quern_node_has_attr(t, "perm") &&
         (quern_node_attr_ints(t, "perm", &perm, &n) != QUERN_OK || n != 2 ||
          perm[0] != 1 || perm[1] != 0))) {
        return QUERN_OK;
    }
    quern_pass_account(ctx, t, "taken in as %s of '%s'", attr,
                       quern_node_name(node));
    enum quern_code code = quern_node_set_int(node, attr, flag ? 0 : 1);
    if (code == QUERN_OK) {
        code = quern_node_set_input(node, i, quern_node_input(t, 0));
    }
    return code == QUERN_OK ? quern_node_erase_dead(t) : code;
}

/* A constant A that is read transposed is stored the other way round. */
static enum quern_code turn_constant(struct quern_pass_ctx *ctx,
                                     struct quern_node *node)
{
    const struct quern_value *a = quern_node_input(node, 0);
    struct quern_tensor *turned = NULL;
    if (quern_node_int(node, "transA", 0) == 0 || a == NULL ||
        quern_value_constant(a) == NULL) {
        return QUERN_OK;
    }
    const struct quern_tensor *t = quern_value_constant(a);
    if (quern_tensor_rank(t) != 2 || quern_tensor_dtype(t) != QUERN_FLOAT) {
        return QUERN_OK;
    }
    enum quern_code code =
        qn_permuted(ctx, t, 2, (const int64_t[2]){1, 0}, &turned);
    if (code == QUERN_OK) {
        code = put(node, 0, turned);
    }
    quern_tensor_release(&turned);
    return code == QUERN_OK ? quern_node_remove_attr(node, "transA") : code;
}

static enum quern_code normalize(struct quern_pass_ctx *ctx,
                                 struct quern_node *node, void *user)
{
    const struct gemm_params *p = user;
    if (quern_node_opset(node) < 7) {
        return QUERN_OK;
    }
    /* transA itself keeps integer kernels away: only undone, but on request. */
    enum quern_code code = undo_transpose(ctx, node, 0, p->trans_a);
    if (code == QUERN_OK) {
        code = undo_transpose(ctx, node, 1, true);
    }
    if (code == QUERN_OK) {
        code = turn_constant(ctx, node);
    }
    if (code == QUERN_OK) {
        code = fold_alpha(ctx, node);
    }
    return code == QUERN_OK ? fold_beta(ctx, node) : code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {"Gemm", NULL};
    struct gemm_params p = *(const struct gemm_params *)params;
    return quern_pass_each(ctx, graph, &(struct quern_each){.ops = ops},
                           normalize, &p);
}

static const struct quern_option options[] = {
    {"trans-a", QUERN_OPTION_BOOL, offsetof(struct gemm_params, trans_a), 0, 0,
     NULL,
     "take a Transpose of the first operand in as transA too, which integer "
     "kernels do not have"},
    {0},
};

const struct quern_pass_desc qn_pass_normalize_gemm = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "normalize-gemm",
    .summary = "fold alpha, beta and transposed operands of Gemm away",
    .options = options,
    .params_size = sizeof(struct gemm_params),
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "fuse",
};

/* -------------------------------------------------------- fuse-matmul-add */

static enum quern_code to_gemm(struct quern_pass_ctx *ctx,
                               const struct qn_rule *rule,
                               const struct quern_match *match, bool *out_done)
{
    struct quern_value *x = quern_match_value(match, "x");
    struct quern_value *w = quern_match_value(match, "w");
    struct quern_value *b = quern_match_value(match, "b");
    if (quern_value_rank(x) != 2 || !qn_is_gemm(w, b)) {
        return QUERN_OK;
    }
    struct quern_value *in[3] = {x, w, b};
    *out_done = true;
    return qn_become(ctx, match, rule->what, in, 3);
}

static enum quern_code run_add(struct quern_pass_ctx *ctx,
                               struct quern_graph *graph, const void *params)
{
    static const struct qn_rule rules[] = {
        {"y = Add(MatMul(x, w), b)", 7, to_gemm, "Gemm"},
    };
    (void)params;
    return qn_target_lacks(ctx, "Gemm") ? QUERN_OK
                                        : qn_rewrite(ctx, graph, rules, 1);
}

const struct quern_pass_desc qn_pass_fuse_matmul_add = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-matmul-add",
    .summary = "Gemm from a MatMul of two axes and the Add of its bias",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run_add,
    .group = "fuse",
};
