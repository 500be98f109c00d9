/* integer-hardswish: y = x * HardSigmoid(x) on codes. Where the codes of x
 * begin at -3 (their zero point times the scale is 3), code * scale is x + 3,
 * so HardSigmoid is the same codes, clipped to [0, 6 / scale], seen with scale
 * / 6. Mul of both is one integer product for the target, where a HardSwish
 * between a DequantizeLinear and a QuantizeLinear runs in float. Placement
 * experiment, rule 10. */
#include <quern/recipe.h>
#include <quern/target.h>

#include "builtin.h"
#include "common.h"
#include "quantize/hardswish.h"

#include <math.h>
#include <string.h>

/* A HardSwish between codes. */
struct swish {
    struct quern_node *node;
    struct quern_value *x;     /* floats that it reads, made by a DQ */
    struct quern_value *codes; /* that the DQ reads */
    float scale;
};

/* A constant of one uint8. */
static bool byte_of(const struct quern_value *v, double *out)
{
    const struct quern_tensor *t = quern_value_constant(v);
    if (t == NULL || quern_tensor_dtype(t) != QUERN_UINT8 ||
        quern_tensor_len(t) != 1) {
        return false;
    }
    *out = (double)*(const unsigned char *)quern_tensor_data(t);
    return true;
}

/* Scale of a DequantizeLinear whose codes begin at -3; 0: it is none. */
static float scale_of(const struct quern_node *dq)
{
    float scale = 0.0f;
    double zero = 0.0;
    return qn_scalar(quern_node_input(dq, 1), &scale) &&
                   byte_of(quern_node_input(dq, 2), &zero) && scale > 0.0f &&
                   fabs(zero * (double)scale - 3.0) <=
                       0.5 * (double)scale + 1e-6
               ? scale
               : 0.0f;
}

/* The code of 6; from 255 on all codes are below it. */
static double top_of(float scale)
{
    return nearbyint(6.0 / (double)scale);
}

bool qn_is_hardswish_gate(const struct quern_node *gate,
                          const struct quern_node *dq)
{
    const struct quern_value *codes = quern_node_input(gate, 0);
    const struct quern_node *clip = qn_maker(codes, "Clip");
    float scale = scale_of(dq);
    float sixth = 0.0f;
    double zero = 0.0;
    double low = 0.0;
    double high = 0.0;
    if (!(scale > 0.0f) || !qn_scalar(quern_node_input(gate, 1), &sixth) ||
        fabsf(sixth * 6.0f - scale) > 1e-5f * scale ||
        !byte_of(quern_node_input(gate, 2), &zero) || zero > 0.0) {
        return false;
    }
    if (top_of(scale) >= 255.0) {
        return codes == quern_node_input(dq, 0);
    }
    return clip != NULL &&
           quern_node_input(clip, 0) == quern_node_input(dq, 0) &&
           byte_of(quern_node_input(clip, 1), &low) && !(low > 0.0) &&
           byte_of(quern_node_input(clip, 2), &high) &&
           !(fabs(high - top_of(scale)) > 0.0);
}

/* Only a QuantizeLinear reads the result, and codes of x begin at -3. */
static bool look(struct quern_node *node, struct swish *s)
{
    struct quern_value *x = quern_node_input(node, 0);
    const struct quern_value *y = quern_node_output(node, 0);
    const struct quern_node *dq = qn_maker(x, "DequantizeLinear");
    const struct quern_node *q = quern_value_only_user(y);
    if (dq == NULL || q == NULL || !quern_node_is(q, "QuantizeLinear") ||
        quern_value_is_graph_output(y)) {
        return false;
    }
    s->node = node;
    s->x = x;
    s->codes = quern_node_input(dq, 0);
    s->scale = scale_of(dq);
    return s->codes != NULL && s->scale > 0.0f;
}

static enum quern_code byte_constant(struct quern_context *context,
                                     struct quern_graph *graph,
                                     const char *base, const char *suffix,
                                     unsigned char byte,
                                     struct quern_value **out)
{
    struct quern_tensor *t = NULL;
    char name[512];
    quern_name_extend(name, sizeof name, base, "%s", suffix);
    enum quern_code code =
        quern_tensor_create(context, QUERN_UINT8, 0, NULL, &t);
    if (code == QUERN_OK) {
        *(unsigned char *)quern_tensor_data_mut(t) = byte;
        code = quern_constant_create(graph, name, t, out);
    }
    quern_tensor_release(&t);
    return code;
}

static enum quern_code make_node(const struct swish *s, const char *op,
                                 const char *suffix,
                                 struct quern_value *const *in, size_t n,
                                 struct quern_value **out)
{
    struct quern_graph *graph = quern_node_graph(s->node);
    struct quern_node *made = NULL;
    char name[512];
    quern_name_extend(name, sizeof name, quern_value_name(s->x), "%s_Output",
                      suffix);
    enum quern_code code = quern_value_create(graph, name, out);
    if (code == QUERN_OK) {
        quern_name_extend(name, sizeof name, quern_value_name(s->x), "%s",
                          suffix);
        code =
            quern_node_create(graph, s->node, op, name, in, n, out, 1, &made);
    }
    return code;
}

/* Codes held below 6 / scale; where that is beyond the type they are already.
 */
static enum quern_code clip_codes(struct quern_context *context,
                                  const struct swish *s,
                                  struct quern_value **out)
{
    struct quern_graph *graph = quern_node_graph(s->node);
    const char *base = quern_value_name(s->x);
    double top = top_of(s->scale);
    struct quern_value *in[3] = {s->codes, NULL, NULL};
    *out = s->codes;
    if (top >= 255.0) {
        return QUERN_OK;
    }
    enum quern_code code =
        byte_constant(context, graph, base, "_clip_min", 0, &in[1]);
    if (code == QUERN_OK) {
        code = byte_constant(context, graph, base, "_clip_max",
                             (unsigned char)top, &in[2]);
    }
    return code == QUERN_OK ? make_node(s, "Clip", "_clip", in, 3, out) : code;
}

static enum quern_code rewrite(struct quern_context *context,
                               const struct swish *s)
{
    struct quern_graph *graph = quern_node_graph(s->node);
    const char *base = quern_value_name(s->x);
    struct quern_value *in[3] = {NULL, NULL, NULL};
    struct quern_value *gate = NULL;
    struct quern_tensor *t = NULL;
    char name[512];
    float scale = s->scale / 6.0f;
    enum quern_code code = clip_codes(context, s, &in[0]);
    if (code == QUERN_OK) {
        code = quern_tensor_of_floats(context, -1, &scale, &t);
    }
    if (code == QUERN_OK) {
        quern_name_extend(name, sizeof name, base, "_gate_scale");
        code = quern_constant_create(graph, name, t, &in[1]);
    }
    quern_tensor_release(&t);
    if (code == QUERN_OK) {
        code =
            byte_constant(context, graph, base, "_gate_zero_point", 0, &in[2]);
    }
    if (code == QUERN_OK) {
        code = make_node(s, "DequantizeLinear", "_gate", in, 3, &gate);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_op(s->node, "Mul");
    }
    return code == QUERN_OK ? quern_node_set_input(s->node, 1, gate) : code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    const struct quern_target *target = quern_pass_target(ctx);
    struct quern_node *next = NULL;
    enum quern_code code = QUERN_OK;
    size_t n_done = 0;
    (void)params;
    if (target == NULL ||
        !quern_target_has(&target->tricks, "integer-hardswish")) {
        quern_pass_account(ctx, NULL, "nothing: it does not pay on the target");
        return QUERN_OK;
    }
    for (struct quern_node *n = quern_graph_first(graph);
         n != NULL && code == QUERN_OK; n = next) {
        struct swish s;
        next = quern_node_next(n);
        if (quern_node_is(n, "HardSwish") && look(n, &s)) {
            code = rewrite(quern_pass_context(ctx), &s);
            n_done++;
        }
    }
    if (n_done > 0 || quern_graph_parent(graph) == NULL) {
        quern_pass_account(ctx, NULL, "%zu HardSwish in integers", n_done);
    }
    return code;
}

static const char *const after[] = {"insert-qdq", NULL};

const struct quern_pass_desc qn_pass_integer_hardswish = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "integer-hardswish",
    .summary = "compute HardSwish between codes in integers",
    .flags = QUERN_PASS_NEEDS_TARGET,
    .contract = QUERN_CHANGES_PRECISION,
    .after = after,
    .run = run,
    .group = "quantize",
};
