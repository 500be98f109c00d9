/* Scalar Mul and Add in front of a value. */
#include "quantize/scalars.h"

#include "common.h"

#include <math.h>

/* One operator: y = a x + b, of its input number *out_input. */
static bool step_of(const struct quern_node *node, size_t *out_input,
                    double *out_a, double *out_b)
{
    float c[2] = {0.0f, 0.0f};
    bool constant[2] = {qn_scalar(quern_node_input(node, 0), &c[0]),
                        qn_scalar(quern_node_input(node, 1), &c[1])};
    if (constant[0] == constant[1]) {
        return false;
    }
    *out_input = constant[0] ? 1 : 0;
    double k = (double)(constant[0] ? c[0] : c[1]);
    *out_a = 1.0;
    *out_b = 0.0;
    if (quern_node_is(node, "Add")) {
        *out_b = k;
    } else if (quern_node_is(node, "Mul")) {
        *out_a = k;
    } else if (quern_node_is(node, "Sub") && constant[1]) {
        *out_b = -k;
    } else if (quern_node_is(node, "Div") && constant[1]) {
        *out_a = 1.0 / k;
    } else {
        return false;
    }
    return true;
}

bool qn_scalars_of(const struct quern_value *value, struct qn_scalars *out)
{
    struct quern_node *node = quern_value_producer(value);
    double a = 0.0;
    double b = 0.0;
    size_t input = 0;
    *out = (struct qn_scalars){NULL, 1.0, 0.0};
    while (node != NULL && step_of(node, &input, &a, &b)) {
        out->source = quern_node_input(node, input);
        out->b += out->a * b;
        out->a *= a;
        if (quern_value_n_uses(out->source) != 1 ||
            quern_value_is_graph_output(out->source)) {
            break;
        }
        node = quern_value_producer(out->source);
    }
    return out->source != NULL && out->a > 0.0 && isfinite(out->a) &&
           isfinite(out->b);
}
