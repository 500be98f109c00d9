/* fuse-attention: softmax(q k^T scale + mask) v over 4 axes becomes Attention
 * (opset 23), which joins past and present keys and values where it can. The
 * scale may stand on either factor or on their product.
 *
 * Attention broadcasts in its own way, and runtimes take less than the
 * standard allows, so batch and heads of q, k and v must be known to agree, but
 * for heads of k and v that are repeated for groups of queries; masks are
 * brought to the size of the scores. c tanh(scores / c), a soft cap of them,
 * may stand in front of the mask. A guard of rows that are masked as a whole
 * (Where(IsNaN(p), 0, p)) is no part of Attention: these rows become 0 behind
 * it. Real-exact. */
#include "fuse/attention.h"

#include "builtin.h"
#include "common.h"
#include "fuse/rewrite.h"

#include <math.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Constant of one element with at most as many axes as the factor beside it */
static bool factor_of(const struct quern_value *v, float *out_factor)
{
    const struct quern_tensor *t = v != NULL ? quern_value_constant(v) : NULL;
    return t != NULL && quern_tensor_len(t) == 1 && quern_tensor_rank(t) <= 4 &&
           qn_scalar(v, out_factor);
}

/* What v is a multiple of by constants, which go into *scale. */
static struct quern_value *unscaled(struct quern_value *v, double *scale)
{
    float factor = 0.0f;
    for (int i = 0; i < 4; i++) {
        const struct quern_node *p = quern_value_producer(v);
        if (p == NULL || quern_node_n_inputs(p) != 2) {
            return v;
        }
        struct quern_value *a = quern_node_input(p, 0);
        struct quern_value *b = quern_node_input(p, 1);
        if (quern_node_is(p, "Mul") && factor_of(b, &factor)) {
            *scale *= (double)factor;
            v = a;
        } else if (quern_node_is(p, "Mul") && factor_of(a, &factor)) {
            *scale *= (double)factor;
            v = b;
        } else if (quern_node_is(p, "Div") && factor_of(b, &factor)) {
            *scale /= (double)factor;
            v = a;
        } else {
            return v;
        }
    }
    return v;
}

/* The order of axes of a Transpose of four; NULL when v comes from none. */
static const int64_t *order_of(const struct quern_value *v)
{
    const struct quern_node *p = quern_value_producer(v);
    const int64_t *perm = NULL;
    size_t n = 0;
    if (p == NULL || !quern_node_is(p, "Transpose") ||
        !quern_node_has_attr(p, "perm") ||
        quern_node_attr_ints(p, "perm", &perm, &n) != QUERN_OK || n != 4) {
        return NULL;
    }
    return perm;
}

/* k from k^T: the input of its Transpose, or that with its last axes swapped,
 * or k^T turned. */
static enum quern_code turn_back(struct quern_node *before,
                                 struct quern_value *turned,
                                 struct quern_value *source,
                                 struct quern_value **out_k)
{
    static const int64_t as_it_is[4] = {0, 1, 2, 3};
    const int64_t *perm = order_of(turned);
    perm = perm != NULL ? perm : as_it_is;
    const int64_t back[4] = {perm[0], perm[1], perm[3], perm[2]};
    struct quern_graph *graph = quern_node_graph(before);
    struct quern_node *node = NULL;
    *out_k = source;
    if (back[0] == 0 && back[1] == 1 && back[2] == 2) {
        return QUERN_OK;
    }
    enum quern_code code =
        quern_value_create(graph, quern_value_name(turned), out_k);
    if (code == QUERN_OK) {
        code = quern_node_create(graph, before, "Transpose",
                                 quern_value_name(turned), &source, 1, out_k, 1,
                                 &node);
    }
    return code == QUERN_OK ? quern_node_set_ints(node, "perm", back, 4) : code;
}

/* Why the sizes do not let Attention be; NULL when they do. */
static const char *misfit(const struct quern_value *q,
                          const struct quern_value *turned,
                          const struct quern_value *v)
{
    if (quern_value_rank(q) != 4 || quern_value_rank(turned) != 4 ||
        quern_value_rank(v) != 4) {
        return "q, k and v are not known to have 4 axes";
    }
    const struct quern_dim *a = quern_value_dims(q);
    const struct quern_dim *b = quern_value_dims(turned);
    const struct quern_dim *c = quern_value_dims(v);
    for (int i = 0; i < 4; i++) {
        if (a[i].value == 0 || b[i].value == 0 || c[i].value == 0) {
            return "q, k or v has no elements, which runtimes refuse";
        }
    }
    bool is_one = b[1].value == 1 && c[1].value == 1; /* head, for all of q */
    for (int i = 0; i < (is_one ? 1 : 2); i++) {
        if (!quern_dim_equal(a[i], b[i]) || !quern_dim_equal(a[i], c[i])) {
            return "batch or heads of q, k and v are not known to be equal";
        }
    }
    return NULL;
}

static bool is_over_last(const struct quern_match *match)
{
    const char *name = NULL;
    int64_t axis = -1;
    const struct quern_node *softmax = quern_match_attr(match, "axis", &name);
    if (softmax != NULL && quern_node_has_attr(softmax, name)) {
        axis = quern_node_int(softmax, name, -1);
    }
    return axis == -1 || axis == 3;
}

/* The scale that stands on the product; false when it is no constant. */
static bool scale_of(const struct quern_match *match, double *out_scale)
{
    const struct quern_value *times = quern_match_value(match, "c");
    const struct quern_value *by = quern_match_value(match, "d");
    float factor = 1.0f;
    if ((times != NULL && !factor_of(times, &factor)) ||
        (by != NULL && !factor_of(by, &factor))) {
        return false;
    }
    *out_scale = by != NULL ? 1.0 / (double)factor : (double)factor;
    return true;
}

/* Values that a match gives, scales taken off. */
struct found {
    struct quern_value *given[3]; /* q, k and v as the products read them */
    struct quern_value *q, *turned, *source, *v;
    struct qn_mask mask;
    struct quern_value *zero; /* of the guard, NULL: none */
    double scale;
    float softcap; /* 0: none */
};

/* The factors of the product, and the scale behind it; with a soft cap the
 * product is looked for behind what its Tanh reads. */
static const char *find_scores(const struct quern_match *match, struct found *f)
{
    struct quern_value *x = quern_match_value(match, "x");
    f->given[0] = quern_match_value(match, "q");
    f->given[1] = quern_match_value(match, "k");
    if (x == NULL) {
        return scale_of(match, &f->scale) ? NULL : "the scale is no constant";
    }
    const struct quern_value *product = unscaled(x, &f->scale);
    const struct quern_node *p = quern_value_producer(product);
    if (!factor_of(quern_match_value(match, "b"), &f->softcap) ||
        !isnormal(f->softcap) || f->softcap < 0.0f) {
        return "the soft cap is no positive constant";
    }
    if (p == NULL || !quern_node_is(p, "MatMul") ||
        quern_value_only_user(x) == NULL ||
        quern_value_only_user(product) == NULL) {
        return "what is capped is no product times constants";
    }
    f->scale *= (double)f->softcap;
    f->given[0] = quern_node_input(p, 0);
    f->given[1] = quern_node_input(p, 1);
    return NULL;
}

/* Keys and values as they are before they are repeated for groups of heads. */
static void ungroup(struct found *f)
{
    struct quern_value *k = qn_unrepeated(f->source);
    struct quern_value *v = qn_unrepeated(f->v);
    const int64_t *perm = order_of(f->turned);
    if (k != NULL && v != NULL && perm != NULL && perm[0] == 0 &&
        perm[1] == 1 && perm[2] == 3 &&
        quern_value_dims(k)[1].value == quern_value_dims(v)[1].value) {
        f->source = k;
        f->v = v;
    }
}

static const char *find(const struct quern_match *match, struct found *f)
{
    enum quern_dtype type;
    float zero = 0.0f;
    f->v = f->given[2] = quern_match_value(match, "v");
    f->mask.added = quern_match_value(match, "m");
    f->mask.masked = quern_match_value(match, "w");
    f->mask.low = quern_match_value(match, "low");
    f->zero = quern_match_value(match, "z");
    if (f->zero != NULL &&
        (!factor_of(f->zero, &zero) || fpclassify(zero) != FP_ZERO)) {
        return "rows that are masked as a whole do not become 0";
    }
    const char *reason = find_scores(match, f);
    if (reason != NULL || !is_over_last(match)) {
        return reason != NULL ? reason : "softmax is not over the last axis";
    }
    f->q = unscaled(f->given[0], &f->scale);
    f->turned = unscaled(f->given[1], &f->scale);
    type = quern_value_dtype(f->q);
    f->source = f->turned;
    if (order_of(f->turned) != NULL) {
        struct quern_node *turn = quern_value_producer(f->turned);
        f->source = unscaled(quern_node_input(turn, 0), &f->scale);
    }
    if ((type != QUERN_FLOAT && type != QUERN_FLOAT16) ||
        quern_value_dtype(f->v) != type) {
        return "q and v are not both float or both float16";
    }
    if (!isnormal((float)f->scale) || f->scale < 0.0 ||
        quern_value_rank(f->source) != 4) {
        return "the scale is not positive and finite, or k has not 4 axes";
    }
    reason = misfit(f->q, f->turned, f->v);
    if (reason == NULL) {
        reason = qn_mask_misfit(&f->mask, f->q, f->turned);
    }
    ungroup(f);
    return reason;
}

/* What was taken off q, k and v goes if nothing else reads it. */
static enum quern_code drop_rest(struct quern_node *const *makers, size_t n)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        if (makers[i] != NULL && !quern_node_erased(makers[i])) {
            code = quern_node_erase_dead(makers[i]);
        }
    }
    return code;
}

static struct quern_node *maker(struct quern_value *v)
{
    return v != NULL ? quern_value_producer(v) : NULL;
}

/* Rows of the mask that are all -inf become 0 behind the Attention. */
static enum quern_code guard_rows(struct quern_pass_ctx *ctx,
                                  struct quern_node *attention,
                                  struct quern_value *mask,
                                  struct quern_value *zero)
{
    static const int64_t last[1] = {-1};
    struct quern_graph *graph = quern_node_graph(attention);
    const char *name = quern_value_name(mask);
    struct quern_value *in[3] = {mask, zero, zero};
    struct quern_value *most = NULL;
    struct quern_value *rows = NULL;
    struct quern_node *node = NULL;
    enum quern_code code =
        qn_new_ints(ctx, graph, "attention_axes", last, 1, &in[1]);
    if (code == QUERN_OK) {
        code = quern_value_create(graph, name, &most);
    }
    if (code == QUERN_OK) {
        code = quern_node_create(graph, attention, "ReduceMax", name, in, 2,
                                 &most, 1, &node);
    }
    if (code == QUERN_OK) {
        code = quern_value_create(graph, name, &rows);
    }
    if (code == QUERN_OK) {
        code = quern_node_create(graph, attention, "IsInf", name, &most, 1,
                                 &rows, 1, &node);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_int(node, "detect_positive", 0);
    }
    in[1] = zero;
    if (code == QUERN_OK) {
        code = qn_insert_behind(attention, "Where", "_rows", in, 3, &node);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_input(node, 2, in[0]);
    }
    return code == QUERN_OK ? quern_node_set_input(node, 0, rows) : code;
}

static enum quern_code to_attention(struct quern_pass_ctx *ctx,
                                    const struct qn_rule *rule,
                                    const struct quern_match *match,
                                    bool *out_done)
{
    struct quern_node *root = quern_match_node(match, 0);
    struct quern_value *k = NULL;
    struct quern_value *mask = NULL;
    struct found f = {.scale = 1.0};
    const char *reason = find(match, &f);
    if (reason != NULL) {
        return quern_pass_refuse(ctx, root, "%s", reason);
    }
    struct quern_node *rest[4] = {maker(quern_match_value(match, "x")),
                                  maker(f.given[0]), maker(f.given[1]),
                                  maker(f.given[2])};
    enum quern_code code = turn_back(root, f.turned, f.source, &k);
    if (code == QUERN_OK) {
        code = qn_mask_write(ctx, root, &f.mask, f.q, f.turned, k, &mask);
    }
    if (code == QUERN_OK) {
        struct quern_value *in[4] = {f.q, k, f.v, mask};
        *out_done = true;
        code = qn_become(ctx, match, rule->what, in, mask != NULL ? 4 : 3);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_float(root, "scale", (float)f.scale);
    }
    if (code == QUERN_OK && f.softcap > 0.0f) {
        code = quern_node_set_float(root, "softcap", f.softcap);
    }
    if (code == QUERN_OK && f.zero != NULL) {
        code = guard_rows(ctx, root, f.mask.added, f.zero);
    }
    return code == QUERN_OK ? drop_rest(rest, COUNT(rest)) : code;
}

#define ATTENTION(scores)                                                      \
    {                                                                          \
        "y = MatMul(Softmax(" scores "){axis = $axis}, v)", 23, to_attention,  \
            "Attention"                                                        \
    }

#define GUARDED(scores)                                                        \
    {                                                                          \
        "p = Softmax(" scores "){axis = $axis}; "                              \
        "y = MatMul(Where(IsNaN(p), z, p), v)",                                \
            23, to_attention, "Attention"                                      \
    }

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const struct qn_rule rules[] = {
        ATTENTION("Add(Mul(MatMul(q, k), c), m)"),
        ATTENTION("Add(Div(MatMul(q, k), d), m)"),
        ATTENTION("Add(MatMul(q, k), m)"),
        ATTENTION("Mul(MatMul(q, k), c)"),
        ATTENTION("Div(MatMul(q, k), d)"),
        ATTENTION("MatMul(q, k)"),
        ATTENTION("Add(Mul(Tanh(x), b), m)"),
        ATTENTION("Mul(Tanh(x), b)"),
        ATTENTION("Where(w, low, Add(Mul(Tanh(x), b), m))"),
        ATTENTION("Where(w, low, Mul(Tanh(x), b))"),
        ATTENTION("Where(w, low, Add(Mul(MatMul(q, k), c), m))"),
        ATTENTION("Where(w, low, Add(Div(MatMul(q, k), d), m))"),
        ATTENTION("Where(w, low, Add(MatMul(q, k), m))"),
        ATTENTION("Where(w, low, Mul(MatMul(q, k), c))"),
        ATTENTION("Where(w, low, Div(MatMul(q, k), d))"),
        ATTENTION("Where(w, low, MatMul(q, k))"),
        GUARDED("Add(Mul(MatMul(q, k), c), m)"),
        GUARDED("Add(Div(MatMul(q, k), d), m)"),
        GUARDED("Add(MatMul(q, k), m)"),
        GUARDED("Add(Mul(Tanh(x), b), m)"),
    };
    static const struct qn_rule cache[] = {
        {"_shared_k = Concat(a, k){axis = $i}; "
         "_shared_v = Concat(b, v){axis = $j}; "
         "y = Attention(q, _shared_k, _shared_v, m?)",
         23, qn_attention_cache, "Attention"},
    };
    (void)params;
    if (qn_target_lacks(ctx, "Attention")) {
        return QUERN_OK;
    }
    enum quern_code code = qn_rewrite(ctx, graph, rules, COUNT(rules));
    return code == QUERN_OK ? qn_rewrite(ctx, graph, cache, COUNT(cache))
                            : code;
}

#undef ATTENTION
#undef GUARDED

const struct quern_pass_desc qn_pass_fuse_attention = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-attention",
    .summary = "recognise Attention spelled out with Softmax (opset 23 on)",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "fuse",
};
