/* Keeping float what a target's runtime would quantize by itself. */
#include "fuse/keep_float.h"

#include "common.h"

#include <math.h>

enum { CODE_BITS = 30 };

static const char *const ops[] = {"Conv", "ConvTranspose", "Gemm", NULL};

/* Behind a DequantizeLinear with one scale, weights in float. */
static bool is_at_risk(const struct quern_node *node)
{
    const struct quern_value *x = quern_node_input(node, 0);
    const struct quern_value *w = quern_node_input(node, 1);
    const struct quern_node *dq = x != NULL ? quern_value_producer(x) : NULL;
    if (*quern_node_domain(node) != '\0' || dq == NULL ||
        !quern_node_is(dq, "DequantizeLinear") || w == NULL) {
        return false;
    }
    const struct quern_tensor *scale =
        quern_value_constant(quern_node_input(dq, 1));
    const struct quern_tensor *t = quern_value_constant(w);
    return scale != NULL && quern_tensor_len(scale) == 1 && t != NULL &&
           quern_tensor_dtype(t) == QUERN_FLOAT && quern_tensor_rank(t) >= 2;
}

/* Length of a bias. */
static int64_t n_outputs(const struct quern_node *node)
{
    const int64_t *dims =
        quern_tensor_dims(quern_value_constant(quern_node_input(node, 1)));
    if (quern_node_is(node, "ConvTranspose")) {
        return dims[1] * quern_node_int(node, "group", 1);
    }
    return quern_node_is(node, "Gemm") && quern_node_int(node, "transB", 0) == 0
               ? dims[1]
               : dims[0];
}

/* The least power of two that keeps all codes within CODE_BITS. */
static float scale_of(const float *bias, int64_t n)
{
    float most = 0.0f;
    int exponent = 0;
    for (int64_t i = 0; i < n; i++) {
        most = fmaxf(most, fabsf(bias[i]));
    }
    frexpf(most, &exponent);
    return most > 0.0f ? ldexpf(1.0f, exponent - CODE_BITS) : 1.0f;
}

static enum quern_code store_codes(struct quern_pass_ctx *ctx,
                                   struct quern_node *node, const float *bias,
                                   int64_t n, struct quern_value *in[2])
{
    struct quern_context *context = quern_pass_context(ctx);
    struct quern_graph *graph = quern_node_graph(node);
    struct quern_tensor *t = NULL;
    char name[512];
    float scale = scale_of(bias, n);
    enum quern_code code = quern_tensor_create(context, QUERN_INT32, 1, &n, &t);
    if (code != QUERN_OK) {
        return code;
    }
    int32_t *codes = quern_tensor_data_mut(t);
    for (int64_t i = 0; i < n; i++) {
        codes[i] = (int32_t)lrintf(bias[i] / scale);
    }
    quern_name_extend(name, sizeof name,
                      quern_value_name(quern_node_output(node, 0)),
                      "_bias_quantized");
    code = quern_constant_create(graph, name, t, &in[0]);
    quern_tensor_release(&t);
    if (code == QUERN_OK) {
        code = quern_tensor_of_floats(context, -1, &scale, &t);
    }
    if (code == QUERN_OK) {
        code = quern_constant_create(graph, "bias_scale", t, &in[1]);
    }
    quern_tensor_release(&t);
    return code;
}

/* Floats of the bias, zeros where there is none.
 * @return NULL in *out: nothing to store */
static enum quern_code read_bias(struct quern_pass_ctx *ctx,
                                 const struct quern_node *node, int64_t n,
                                 float **out)
{
    const struct quern_value *b = quern_node_input(node, 2);
    const struct quern_tensor *t = b != NULL ? quern_value_constant(b) : NULL;
    int64_t len = n;
    *out = NULL;
    if (b != NULL && (t == NULL || quern_tensor_rank(t) != 1 ||
                      quern_tensor_dtype(t) != QUERN_FLOAT)) {
        return QUERN_OK;
    }
    float *bias = b != NULL ? qn_floats(ctx, b, &len)
                            : quern_pass_alloc(ctx, (size_t)n * sizeof *bias);
    if (bias == NULL) {
        return QUERN_NO_MEMORY;
    }
    bool finite = len == n;
    for (int64_t i = 0; i < n && finite; i++) {
        finite = isfinite(bias[i]);
    }
    *out = finite ? bias : NULL;
    return QUERN_OK;
}

static enum quern_code keep(struct quern_pass_ctx *ctx, struct quern_node *node,
                            void *user)
{
    struct quern_value *in[2] = {NULL, NULL};
    struct quern_value *old = quern_node_input(node, 2);
    struct quern_value *made = NULL;
    struct quern_node *dq = NULL;
    float *bias = NULL;
    char name[512];
    (void)user;
    int64_t n = is_at_risk(node) ? n_outputs(node) : 0;
    if (n <= 0) {
        return QUERN_OK;
    }
    enum quern_code code = read_bias(ctx, node, n, &bias);
    if (code != QUERN_OK || bias == NULL) {
        return code;
    }
    quern_pass_account(ctx, node, "bias as codes, so that weights stay float");
    code = store_codes(ctx, node, bias, n, in);
    quern_name_extend(name, sizeof name,
                      quern_value_name(quern_node_output(node, 0)),
                      "_bias_DequantizeLinear_Output");
    if (code == QUERN_OK) {
        code = quern_value_create(quern_node_graph(node), name, &made);
    }
    if (code == QUERN_OK) {
        quern_name_extend(name, sizeof name,
                          quern_value_name(quern_node_output(node, 0)),
                          "_bias_DequantizeLinear");
        code =
            quern_node_create(quern_node_graph(node), node, "DequantizeLinear",
                              name, in, 2, &made, 1, &dq);
    }
    if (code != QUERN_OK) {
        return code;
    }
    return old != NULL ? qn_replace_input(node, 2, made)
                       : quern_node_set_input(node, 2, made);
}

enum quern_code qn_keep_float(struct quern_pass_ctx *ctx,
                              struct quern_graph *graph)
{
    return quern_pass_each(ctx, graph, &(struct quern_each){.ops = ops}, keep,
                           NULL);
}
