/* QuantizeLinear and DequantizeLinear: what ONNX's words ask of constant scales
 * and zero points, and no schema can say. Errors are what no runtime can run;
 * what some take is a warning. */
#include "ir/verify.h"

static struct quern_tensor *constant(const struct quern_node *node, size_t i)
{
    const struct quern_value *v = quern_node_input(node, i);
    return v != NULL ? quern_value_constant(v) : NULL;
}

static struct quern_place place_of(const struct quern_node *node, size_t i)
{
    struct quern_place place = quern_node_place(node);
    place.tensor = quern_value_name(quern_node_input(node, i));
    return place;
}

static bool is_finite(double x)
{
    return x - x >= 0.0; /* NaN and infinity give NaN */
}

/* The first scale that is not positive and finite. */
static void check_scale(struct qn_verify *v, const struct quern_node *node,
                        const struct quern_tensor *scale)
{
    int64_t n = quern_tensor_len(scale);
    for (int64_t i = 0; i < n; i++) {
        double x = 0.0;
        if (!quern_tensor_read_doubles(scale, i, 1, &x)) {
            return;
        }
        if (!(x > 0.0) || !is_finite(x)) {
            struct quern_place place = place_of(node, 1);
            qn_find_warning(v->findings, &place,
                            "scale %lld is %g, needs a positive finite number",
                            (long long)i, x);
            return;
        }
    }
}

/* A scale has one zero point, or none has. */
static void check_shapes(struct qn_verify *v, const struct quern_node *node,
                         const struct quern_tensor *scale,
                         const struct quern_tensor *zero)
{
    int64_t n_scales = quern_tensor_len(scale);
    int64_t n_zeros = quern_tensor_len(zero);
    if (n_scales != n_zeros) {
        struct quern_place place = place_of(node, 2);
        qn_find_error(v->findings, &place,
                      "%lld zero points for %lld scales: needs as many",
                      (long long)n_zeros, (long long)n_scales);
    }
}

static void check_zero(struct qn_verify *v, const struct quern_node *node,
                       const struct quern_tensor *zero)
{
    if (quern_tensor_dtype(zero) != QUERN_INT32) {
        return;
    }
    for (int64_t i = 0; i < quern_tensor_len(zero); i++) {
        int64_t z = 0;
        if (quern_tensor_read_ints(zero, i, 1, &z) && z != 0) {
            struct quern_place place = place_of(node, 2);
            qn_find_error(v->findings, &place,
                          "zero point %lld of type int32 is %lld, needs 0",
                          (long long)i, (long long)z);
            return;
        }
    }
}

/* As many scales along the axis as the tensor is long there. */
static void check_axis(struct qn_verify *v, const struct quern_node *node,
                       const struct quern_tensor *scale)
{
    const struct quern_value *x = quern_node_input(node, 0);
    int rank = x != NULL ? quern_value_rank(x) : -1;
    int64_t axis = quern_node_int(node, "axis", 1);
    if (quern_tensor_rank(scale) != 1 || quern_tensor_len(scale) == 1 ||
        rank < 0) {
        return;
    }
    struct quern_place place = place_of(node, 0);
    if (axis < -rank || axis >= rank) {
        place.attribute = "axis";
        qn_find_error(v->findings, &place,
                      "axis %lld of a tensor of rank %d, needs %d to %d",
                      (long long)axis, rank, -rank, rank - 1);
        return;
    }
    int64_t size = quern_value_dims(x)[axis < 0 ? axis + rank : axis].value;
    if (size >= 0 && size != quern_tensor_len(scale)) {
        qn_find_error(v->findings, &place,
                      "%lld scales along axis %lld, which has %lld elements",
                      (long long)quern_tensor_len(scale), (long long)axis,
                      (long long)size);
    }
}

void qn_verify_quant(struct qn_verify *v, const struct quern_node *node)
{
    bool is_dequantize = quern_node_is(node, "DequantizeLinear");
    if (!is_dequantize && !quern_node_is(node, "QuantizeLinear")) {
        return;
    }
    const struct quern_tensor *scale = constant(node, 1);
    const struct quern_tensor *zero = constant(node, 2);
    if (scale == NULL) {
        return;
    }
    /* After a pass: nothing that a model may have come with, and no shapes that
     * may be out of date. */
    bool after = (v->parts & QN_VERIFY_CHANGED) != 0;
    if (!after) {
        check_scale(v, node, scale);
    }
    if (!after || constant(node, 0) != NULL) {
        check_axis(v, node, scale);
    }
    if (zero != NULL) {
        check_shapes(v, node, scale, zero);
    }
    if (zero != NULL && is_dequantize) {
        check_zero(v, node, zero);
    }
}
