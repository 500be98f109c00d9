/* fuse-rotary-embedding: x cos(a) + rotate_half(x) sin(a) becomes
 * RotaryEmbedding (opset 23), where the angles are known to be the same in both
 * halves: a = Concat(f, f). It reads cos(f) and sin(f), of the batch of x:
 * runtimes do not broadcast them, so angles of batch 1 are expanded. Calls that
 * share angles make the same nodes, for merge-equal. Real-exact. */
#include "builtin.h"
#include "common.h"
#include "fuse/rewrite.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* f [1, S, H] as [B, S, H], B being the first size of x. */
static enum quern_code expand_batch(struct quern_pass_ctx *ctx,
                                    struct quern_node *before,
                                    struct quern_value *x,
                                    struct quern_value **f)
{
    static const int64_t ones[2] = {1, 1};
    struct quern_value *parts[2] = {NULL, NULL};
    struct quern_value *in[2] = {*f, NULL};
    struct quern_node *node = NULL;
    enum quern_code code =
        qn_add_node(before, "Shape", &x, 1, &node, &parts[0]);
    if (code == QUERN_OK) {
        code = quern_node_set_int(node, "start", 0);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_int(node, "end", 1);
    }
    if (code == QUERN_OK) {
        code = qn_new_ints(ctx, quern_node_graph(before), "rotary_ones", ones,
                           2, &parts[1]);
    }
    if (code == QUERN_OK) {
        code = qn_add_node(before, "Concat", parts, 2, &node, &in[1]);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_int(node, "axis", 0);
    }
    return code == QUERN_OK ? qn_add_node(before, "Expand", in, 2, &node, f)
                            : code;
}

/* $name of the match is the last axis of a value of this rank. */
static bool is_last(const struct quern_match *match, const char *name, int rank)
{
    const char *attr = NULL;
    const struct quern_node *node = quern_match_attr(match, name, &attr);
    int64_t axis = node != NULL ? quern_node_int(node, attr, 0) : 0;
    return axis == -1 || axis == rank - 1;
}

/* Why x and its angles f are none of RotaryEmbedding; NULL when they are. */
static const char *misfit(const struct quern_match *match,
                          const struct quern_value *x,
                          const struct quern_value *f)
{
    const struct quern_value *a = quern_match_value(match, "a");
    const struct quern_value *b = quern_match_value(match, "b");
    enum quern_dtype type = quern_value_dtype(x);
    if (quern_value_rank(x) != 4 || quern_value_rank(a) != 4 ||
        quern_value_rank(b) != 4 || quern_value_rank(f) != 3) {
        return "x is not known to have 4 axes, or the angles not 3";
    }
    const struct quern_dim *d = quern_value_dims(x);
    const struct quern_dim *e = quern_value_dims(f);
    int64_t half = e[2].value;
    if (!is_last(match, "split", 4) || !is_last(match, "join", 4) ||
        !is_last(match, "twice", 3)) {
        return "halves are not taken along the last axis";
    }
    if (half < 1 || d[3].value != 2 * half ||
        quern_value_dims(a)[3].value != half ||
        quern_value_dims(b)[3].value != half) {
        return "the parts of x are not known to be halves";
    }
    if ((type != QUERN_FLOAT && type != QUERN_FLOAT16) ||
        quern_value_dtype(f) != type) {
        return "x and its angles are not both float or both float16";
    }
    if (!quern_dim_equal(d[2], e[1])) {
        return "there are not known to be as many angles as positions";
    }
    return quern_dim_equal(d[0], e[0]) || e[0].value == 1
               ? NULL
               : "the batch of the angles is not known to fit";
}

static enum quern_code to_rotary(struct quern_pass_ctx *ctx,
                                 const struct qn_rule *rule,
                                 const struct quern_match *match,
                                 bool *out_done)
{
    struct quern_node *root = quern_match_node(match, 0);
    struct quern_value *x = quern_match_value(match, "x");
    struct quern_value *f = quern_match_value(match, "f");
    struct quern_value *in[3] = {x, NULL, NULL};
    struct quern_node *node = NULL;
    const char *reason = misfit(match, x, f);
    enum quern_code code = QUERN_OK;
    if (reason != NULL) {
        return quern_pass_refuse(ctx, root, "%s", reason);
    }
    if (!quern_dim_equal(quern_value_dims(x)[0], quern_value_dims(f)[0])) {
        code = expand_batch(ctx, root, x, &f);
    }
    if (code == QUERN_OK) {
        code = qn_add_node(root, "Cos", &f, 1, &node, &in[1]);
    }
    if (code == QUERN_OK) {
        code = qn_add_node(root, "Sin", &f, 1, &node, &in[2]);
    }
    if (code == QUERN_OK) {
        *out_done = true;
        code = qn_become(ctx, match, rule->what, in, 3);
    }
    return code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const struct qn_rule rules[] = {
        {"_shared_angles = Concat(f, f){axis = $twice}; "
         "_shared_cos = Cos(_shared_angles); "
         "_shared_sin = Sin(_shared_angles); "
         "_shared_c = Unsqueeze(_shared_cos, [1]); "
         "_shared_s = Unsqueeze(_shared_sin, [1]); "
         "a, b = Split(x, sizes?){axis = $split}; "
         "y = Add(Mul(x, _shared_c), "
         "Mul(Concat(Neg(b), a){axis = $join}, _shared_s))",
         23, to_rotary, "RotaryEmbedding"},
    };
    (void)params;
    return qn_target_lacks(ctx, "RotaryEmbedding")
               ? QUERN_OK
               : qn_rewrite(ctx, graph, rules, COUNT(rules));
}

const struct quern_pass_desc qn_pass_fuse_rotary_embedding = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-rotary-embedding",
    .summary = "recognise RotaryEmbedding spelled out with halves turned "
               "(opset 23 on)",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "fuse",
};
