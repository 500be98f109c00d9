/* Integer weights of ConvTranspose, [C, M / group, spatial…], with one scale a
 * tensor or one along axis 1, which the groups share; the bias stays in float:
 * targets with an integer kernel for it (TensorRT) want it so. And of Conv and
 * ConvTranspose in float, to make the file small: the runtime turns them into
 * floats in every run. */
#include "quantize/weight_only.h"

#include <quern/target.h>

#include "common.h"
#include "quantize/dequantize.h"
#include "quantize/placement.h"
#include "quantize/seen.h"
#include "quantize/weight_codes.h"

#include <string.h>

/* For fewer weights than this nothing is gained. Their DequantizeLinear takes
 * about as long as 30 multiplications a weight (0.9 ns), so that with this many
 * for each one of the model it is 2 % of the time. */
enum {
    LEAST_WEIGHTS = 4096,
    LEAST_WEIGHTS_OF_CONV = 65536,
    LEAST_PRODUCTS = 1500
};

/* Axis of the scales. */
static int axis_of(const struct quern_node *node)
{
    return quern_node_is(node, "ConvTranspose") ? 1 : 0;
}

/* Scales and codes, in memory of the pass. */
static enum quern_code make_codes(struct quern_pass_ctx *ctx,
                                  const struct quern_node *node,
                                  bool per_tensor, float **out_scales,
                                  int8_t **out_codes)
{
    const struct quern_value *v = quern_node_input(node, 1);
    const struct quern_tensor *t = quern_value_constant(v);
    const int64_t *dims = quern_tensor_dims(t);
    int64_t len = 0;
    const float *values = qn_floats(ctx, v, &len);
    int axis = axis_of(node);
    size_t outer = axis == 1 ? (size_t)dims[0] : 1;
    size_t channels = (size_t)dims[axis];
    size_t inner = len > 0 ? (size_t)len / outer / channels : 0;
    struct quern_qparams *qp = quern_pass_alloc(ctx, channels * sizeof *qp);
    float *scales = quern_pass_alloc(ctx, channels * sizeof *scales);
    int8_t *codes = quern_pass_alloc(ctx, (size_t)len + 1);
    if (values == NULL || qp == NULL || scales == NULL || codes == NULL) {
        return QUERN_NO_MEMORY;
    }
    struct quern_quant_options o = {
        .dtype = QUERN_INT8,
        .flags = QUERN_QUANT_SYMMETRIC | QUERN_QUANT_NARROW,
    };
    enum quern_code code = qn_check_finite(ctx, node, v, values, len);
    if (code == QUERN_OK) {
        code = quern_weight_qparams(quern_pass_context(ctx), &o,
                                    QUERN_WEIGHT_MINMAX, per_tensor, values,
                                    outer, channels, inner, qp);
    }
    if (code == QUERN_OK && !quern_quantize_channels(qp, true, values, outer,
                                                     channels, inner, codes)) {
        struct quern_place place = quern_node_place(node);
        code = quern_fail(quern_pass_context(ctx), QUERN_INTERNAL, &place,
                          "weights have no integer type");
    }
    for (size_t c = 0; c < channels && code == QUERN_OK; c++) {
        scales[c] = qp[c].scale;
    }
    *out_scales = scales;
    *out_codes = codes;
    return code;
}

enum quern_code qn_insert_weight_only(struct quern_pass_ctx *ctx,
                                      struct quern_node *node, bool per_tensor)
{
    const struct quern_value *v = quern_node_input(node, 1);
    const struct quern_tensor *t = quern_value_constant(v);
    struct quern_tensor *tensor = NULL;
    struct quern_value *out = NULL;
    float *scales = NULL;
    int8_t *codes = NULL;
    int axis = axis_of(node);
    size_t n = per_tensor ? 1 : (size_t)quern_tensor_dims(t)[axis];
    enum quern_code code = make_codes(ctx, node, per_tensor, &scales, &codes);
    if (code == QUERN_OK) {
        code = quern_tensor_create(quern_pass_context(ctx), QUERN_INT8,
                                   quern_tensor_rank(t), quern_tensor_dims(t),
                                   &tensor);
    }
    if (code == QUERN_OK) {
        memcpy(quern_tensor_data_mut(tensor), codes,
               (size_t)quern_tensor_len(t));
        code = qn_dequantized_constant(ctx, node, quern_value_name(v), tensor,
                                       scales, n, axis, &out);
    }
    quern_tensor_release(&tensor);
    return code == QUERN_OK ? qn_replace_input(node, 1, out) : code;
}

static double n_values(const struct qn_seen *seen, int first, int end)
{
    double n = 1.0;
    for (int i = first; i < end; i++) {
        n *= (double)seen->dims[i];
    }
    return n;
}

/* Multiplications for the first sample; 0: not known. */
static double n_products(struct quern_model *model,
                         const struct quern_node *node)
{
    const struct quern_tensor *w =
        quern_value_constant(quern_node_input(node, 1));
    const struct qn_seen *x = qn_seen(model, quern_node_input(node, 0));
    const struct qn_seen *y = qn_seen(model, quern_node_output(node, 0));
    if (w == NULL || x == NULL || x->rank < 1) {
        return 0.0;
    }
    double n_w = (double)quern_tensor_len(w);
    if (quern_node_is(node, "Conv") || quern_node_is(node, "ConvTranspose")) {
        const struct qn_seen *at = quern_node_is(node, "Conv") ? y : x;
        return at != NULL ? n_w * n_values(at, 2, at->rank) : 0.0;
    }
    return n_w * n_values(x, 0, x->rank - 1);
}

double qn_shrink_budget(struct quern_pass_ctx *ctx,
                        struct quern_node *const *nodes, size_t n)
{
    double products = 0.0;
    if (!quern_target_has(&quern_pass_target(ctx)->tricks, "stored-weights")) {
        return 0.0;
    }
    for (size_t i = 0; i < n; i++) {
        products += n_products(quern_pass_model(ctx), nodes[i]);
    }
    return products / LEAST_PRODUCTS;
}

enum quern_code qn_shrink_float(struct quern_pass_ctx *ctx,
                                struct quern_node *node, const char *why,
                                double *budget)
{
    bool transposed = quern_node_is(node, "ConvTranspose");
    const struct quern_value *w = quern_node_input(node, 1);
    const struct quern_tensor *t = quern_value_constant(w);
    int64_t least = transposed ? LEAST_WEIGHTS : LEAST_WEIGHTS_OF_CONV;
    if (!(transposed || why == qn_makes_output) || t == NULL ||
        quern_value_n_uses(w) != 1 || quern_tensor_dtype(t) != QUERN_FLOAT ||
        quern_tensor_rank(t) < 3 || quern_tensor_len(t) < least ||
        (double)quern_tensor_len(t) > *budget) {
        return QUERN_OK;
    }
    *budget -= (double)quern_tensor_len(t);
    quern_pass_account(ctx, node,
                       "its weights are int8 codes in the file: %zu bytes less",
                       quern_tensor_size(t) / 4 * 3);
    return qn_insert_weight_only(ctx, node, false);
}
