/* drop-clip-before-q: a Relu or Clip whose bounds a QuantizeLinear behind it
 * has as well: whatever the clip cuts off gets the lowest or the highest code
 * anyway. The test is the code of the bound itself, computed as Q does: since
 * rounding and saturation never turn the order of two numbers around, all that
 * lies beyond a bound of the lowest code has the lowest code. Bit-exact.
 *
 * For one scale and a float32 input; the clip's only reader is the Q. Runtimes
 * that make one kernel of Conv, Relu and Q do this themselves, or cannot see
 * through a Clip (ONNX Runtime leaves the convolution in float). */
#include <quern/quant.h>

#include "builtin.h"
#include "common.h"

#include <math.h>

struct bounds {
    bool has_lo, has_hi;
    float lo, hi;
};

/* Bound i of a Clip, as input or, before opset 11, as attribute; false: not
 * known. */
static bool read_bound(const struct quern_node *clip, size_t i,
                       const char *attr, bool *out_has, float *out)
{
    const struct quern_value *v = quern_node_input(clip, i);
    if (quern_node_opset(clip) < 11) {
        *out_has = quern_node_has_attr(clip, attr);
        *out = quern_node_float(clip, attr, 0.0f);
        return true;
    }
    *out_has = v != NULL;
    return v == NULL || qn_scalar(v, out);
}

static bool read_bounds(const struct quern_node *node, struct bounds *b)
{
    *b = (struct bounds){0};
    if (quern_node_is(node, "Relu")) {
        b->has_lo = true;
        return true;
    }
    return quern_node_is(node, "Clip") &&
           read_bound(node, 1, "min", &b->has_lo, &b->lo) &&
           read_bound(node, 2, "max", &b->has_hi, &b->hi) &&
           !(b->has_lo && isnan(b->lo)) && !(b->has_hi && isnan(b->hi)) &&
           !(b->has_lo && b->has_hi && b->lo > b->hi);
}

static bool read_params(const struct quern_node *q, struct quern_qparams *p)
{
    const struct quern_tensor *scale =
        quern_value_constant(quern_node_input(q, 1));
    const struct quern_value *zero_value = quern_node_input(q, 2);
    const struct quern_tensor *zero = quern_value_constant(zero_value);
    int64_t number = 0;
    int64_t wanted = quern_node_int(q, "output_dtype", 0);
    if (scale == NULL || quern_tensor_len(scale) != 1 ||
        quern_tensor_dtype(scale) != QUERN_FLOAT ||
        quern_node_int(q, "block_size", 0) != 0 ||
        quern_node_int(q, "precision", 0) > QUERN_FLOAT ||
        (zero_value != NULL &&
         (zero == NULL || quern_tensor_len(zero) != 1 ||
          !quern_tensor_read_ints(zero, 0, 1, &number))) ||
        !quern_tensor_read_floats(scale, 0, 1, &p->scale)) {
        return false;
    }
    p->dtype = zero != NULL  ? quern_tensor_dtype(zero)
               : wanted != 0 ? (enum quern_dtype)wanted
                             : QUERN_UINT8;
    p->zero_point = (int32_t)number;
    return isnormal(p->scale) && p->scale > 0.0f &&
           quern_quant_codes(p->dtype, 0, &p->qmin, &p->qmax);
}

/* Q gives a bound its lowest (or highest) code. */
static bool saturates(const struct quern_qparams *p, float bound, bool lowest)
{
    unsigned char bytes[2] = {0, 0};
    unsigned char wanted[2] = {0, 0};
    float beyond = lowest ? -INFINITY : INFINITY;
    return quern_quantize_array(p, &bound, 1, bytes) &&
           quern_quantize_array(p, &beyond, 1, wanted) &&
           bytes[0] == wanted[0] && bytes[1] == wanted[1];
}

/* Drop the one right in front, if it may go. */
static enum quern_code drop(struct quern_pass_ctx *ctx, struct quern_node *q,
                            bool *out_done)
{
    struct quern_value *y = quern_node_input(q, 0);
    struct quern_node *clip = y != NULL ? quern_value_producer(y) : NULL;
    struct bounds b;
    struct quern_qparams p = {0};
    *out_done = false;
    if (clip == NULL || !read_bounds(clip, &b) ||
        quern_node_input(clip, 0) == NULL) {
        return QUERN_OK;
    }
    const char *why = NULL;
    if (quern_value_only_user(y) != q) {
        why = "it is read by others as well";
    } else if (quern_value_dtype(y) != QUERN_FLOAT || !read_params(q, &p)) {
        why = "one constant scale and float32 are needed";
    } else if ((b.has_lo && !saturates(&p, b.lo, true)) ||
               (b.has_hi && !saturates(&p, b.hi, false))) {
        why = "the codes reach beyond its bounds";
    }
    if (why != NULL) {
        enum quern_code code = quern_pass_refuse(ctx, clip, "%s", why);
        return code == QUERN_NOT_FOUND ? QUERN_OK : code;
    }
    *out_done = true;
    quern_pass_account(ctx, clip, "dropped: '%s' cuts off as much",
                       quern_node_name(q));
    enum quern_code code =
        quern_node_set_input(q, 0, quern_node_input(clip, 0));
    return code == QUERN_OK ? quern_node_erase_dead(clip) : code;
}

static enum quern_code visit(struct quern_pass_ctx *ctx, struct quern_node *q,
                             void *user)
{
    bool done = true;
    enum quern_code code = QUERN_OK;
    (void)user;
    while (done && code == QUERN_OK) {
        code = drop(ctx, q, &done);
    }
    return code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {"QuantizeLinear", NULL};
    (void)params;
    return quern_pass_each(ctx, graph, &(struct quern_each){.ops = ops}, visit,
                           NULL);
}

const struct quern_pass_desc qn_pass_drop_clip_before_q = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "drop-clip-before-q",
    .summary = "drop a Relu or Clip that cuts off no more than the "
               "QuantizeLinear behind it",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "quantize",
};
