/* QLinearConv and QLinearMatMul as the operator on floats between
 * DequantizeLinear and QuantizeLinear: what fuse-qlinear joins, for runtimes
 * that read Q and DQ alone. The bias becomes floats, which all of them take. */
#include "convert/lower.h"

#include <string.h>

/* One of the operands: codes, scale and zero point stand side by side. */
struct operand {
    size_t first; /* input of the codes */
    int axis;     /* of a scale for each index; from the end where negative */
};

static bool is_one(const struct quern_value *scale)
{
    return quern_value_rank(scale) == 0 ||
           (quern_value_rank(scale) == 1 && quern_value_len(scale) == 1);
}

/* DequantizeLinear has as many zero points as scales; QLinearConv may have one
 * beside a scale a channel. NULL: that cannot be mended. */
static enum quern_code fit_zero(const struct lowering *l,
                                const struct quern_value *scale,
                                struct quern_value *zero,
                                struct quern_value **out)
{
    const struct quern_tensor *z = quern_value_constant(zero);
    int64_t n = quern_value_len(scale);
    struct quern_tensor *t = NULL;
    char name[512];
    *out = zero;
    if (quern_value_rank(scale) == quern_value_rank(zero) &&
        quern_value_len(zero) == n) {
        return QUERN_OK;
    }
    *out = NULL;
    if (z == NULL || quern_tensor_len(z) != 1 || n < 0) {
        return QUERN_OK;
    }
    enum quern_code code =
        quern_tensor_create(quern_pass_context(l->ctx), quern_tensor_dtype(z),
                            quern_value_rank(scale), &n, &t);
    if (code == QUERN_OK) {
        memset(quern_tensor_data_mut(t), *(const char *)quern_tensor_data(z),
               quern_tensor_size(t));
        quern_name_extend(name, sizeof name, quern_value_name(zero),
                          "_channels");
        code = quern_constant_create(quern_value_graph(zero), name, t, out);
    }
    quern_tensor_release(&t);
    return code;
}

/* `op` in front of a node. */
static enum quern_code put(struct quern_node *node, const char *op,
                           const char *suffix, struct quern_value *const *in,
                           size_t n_in, struct quern_node **out_node)
{
    struct quern_graph *graph = quern_node_graph(node);
    struct quern_value *out = NULL;
    char name[512];
    quern_name_extend(name, sizeof name,
                      quern_value_name(quern_node_output(node, 0)), "%s",
                      suffix);
    enum quern_code code = quern_value_create(graph, name, &out);
    return code == QUERN_OK ? quern_node_create(graph, node, op, name, in, n_in,
                                                &out, 1, out_node)
                            : code;
}

static enum quern_code dequantize(const struct lowering *l,
                                  struct quern_node *node,
                                  const struct operand *o, const char *suffix,
                                  struct quern_value **out)
{
    struct quern_value *in[3] = {quern_node_input(node, o->first),
                                 quern_node_input(node, o->first + 1),
                                 quern_node_input(node, o->first + 2)};
    struct quern_node *dq = NULL;
    bool one = is_one(in[1]);
    if (!one && (quern_value_rank(in[1]) != 1 || l->to < 13)) {
        return qn_lower_refuse(l, node,
                               "its scales are neither one nor one for each "
                               "index of an axis (opset 13 and up)");
    }
    enum quern_code code = fit_zero(l, in[1], in[2], &in[2]);
    if (code == QUERN_OK && in[2] == NULL) {
        return qn_lower_refuse(l, node,
                               "its scales and zero points are not of one "
                               "number, or it is not known how many they are");
    }
    if (code == QUERN_OK) {
        code = put(node, "DequantizeLinear", suffix, in, 3, &dq);
    }
    if (code == QUERN_OK && !one) {
        code = quern_node_set_int(dq, "axis", o->axis);
    }
    *out = code == QUERN_OK ? quern_node_output(dq, 0) : NULL;
    return code;
}

/* The bias of a Conv as floats; its step is that of data times weights. */
static enum quern_code float_bias(const struct lowering *l,
                                  struct quern_node *node,
                                  struct quern_value **out)
{
    enum { X_SCALE = 1, W_SCALE = 4, BIAS = 8 };
    const struct quern_value *bias = quern_node_input(node, BIAS);
    const struct quern_tensor *codes = quern_value_constant(bias);
    const struct quern_tensor *w =
        quern_value_constant(quern_node_input(node, W_SCALE));
    float x = 0.0f;
    int64_t n = codes != NULL ? quern_tensor_len(codes) : 0;
    float *values = quern_pass_alloc(l->ctx, (size_t)(n + 1) * sizeof *values);
    char name[512];
    if (values == NULL) {
        return QUERN_NO_MEMORY;
    }
    if (codes == NULL || w == NULL ||
        !qn_scalar(quern_node_input(node, X_SCALE), &x) ||
        (quern_tensor_len(w) != 1 && quern_tensor_len(w) != n)) {
        return qn_lower_refuse(l, node,
                               "its bias, or a scale of it, is not constant");
    }
    for (int64_t i = 0; i < n; i++) {
        int64_t code = 0;
        float step = 0.0f;
        if (!quern_tensor_read_ints(codes, i, 1, &code) ||
            !quern_tensor_read_floats(w, quern_tensor_len(w) > 1 ? i : 0, 1,
                                      &step)) {
            return qn_lower_refuse(l, node, "its bias has no numbers");
        }
        values[i] = (float)((double)code * (double)x * (double)step);
    }
    quern_name_extend(name, sizeof name, quern_value_name(bias), "_float");
    return qn_new_floats(l->ctx, quern_node_graph(node), name, values, 1, &n,
                         out);
}

/* The node becomes the QuantizeLinear behind `x`. */
static enum quern_code become_q(struct quern_node *node, struct quern_value *x)
{
    enum { Y_SCALE = 6, Y_ZERO = 7 };
    struct quern_value *in[3] = {x, quern_node_input(node, Y_SCALE),
                                 quern_node_input(node, Y_ZERO)};
    enum quern_code code = QUERN_OK;
    while (code == QUERN_OK && quern_node_n_attrs(node) > 0) {
        code = quern_node_remove_attr(node, quern_node_attr_name(node, 0));
    }
    for (size_t i = 0; i < 3 && code == QUERN_OK; i++) {
        code = quern_node_set_input(node, i, in[i]);
    }
    for (size_t i = quern_node_n_inputs(node); i-- > 3 && code == QUERN_OK;) {
        code = i == Y_SCALE || i == Y_ZERO ? quern_node_set_input(node, i, NULL)
                                           : qn_replace_input(node, i, NULL);
    }
    return code == QUERN_OK ? quern_node_set_op(node, "QuantizeLinear") : code;
}

enum quern_code qn_lower_qlinear(const struct lowering *l,
                                 struct quern_node *node)
{
    bool is_conv = quern_node_is(node, "QLinearConv");
    const struct operand a = {0, is_conv ? 0 : -2};
    const struct operand b = {3, is_conv ? 0 : -1};
    struct quern_value *in[3] = {NULL, NULL, NULL};
    struct quern_node *made = NULL;
    if (!is_one(quern_node_input(node, 6)) ||
        (is_conv && !is_one(quern_node_input(node, 1)))) {
        return qn_lower_refuse(l, node,
                               "its data or result has several scales");
    }
    enum quern_code code = dequantize(l, node, &a, "_data", &in[0]);
    if (code == QUERN_OK) {
        code = dequantize(l, node, &b, "_weights", &in[1]);
    }
    bool has_bias = is_conv && quern_node_input(node, 8) != NULL;
    if (code == QUERN_OK && has_bias) {
        code = float_bias(l, node, &in[2]);
    }
    if (code == QUERN_OK) {
        code = put(node, is_conv ? "Conv" : "MatMul", "_float", in,
                   has_bias ? 3 : 2, &made);
    }
    for (size_t i = 0; i < quern_node_n_attrs(node) && code == QUERN_OK; i++) {
        code = quern_node_copy_attr(made, node, quern_node_attr_name(node, i));
    }
    return code == QUERN_OK ? become_q(node, quern_node_output(made, 0)) : code;
}
