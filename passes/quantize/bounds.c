/* Bounds of values by their operators. */
#include "quantize/bounds.h"

#include "common.h"

#include <math.h>
#include <stddef.h>

/* Outputs are some of the values of input 0. */
static bool picks(const struct quern_node *node)
{
    static const char *const ops[] = {
        "MaxPool", "Reshape",   "Transpose", "Flatten", "Squeeze",
        "Slice",   "Unsqueeze", "Identity",  "Split",   NULL};
    return qn_is_one_of(node, ops);
}

static bool bounds_of_clip(const struct quern_node *node, float *least,
                           float *most)
{
    for (int i = 0; i < 2; i++) {
        const struct quern_value *v = quern_node_input(node, (size_t)i + 1);
        float x = 0.0f;
        if (v != NULL && qn_scalar(v, &x) && !isnan(x)) {
            *(i == 0 ? least : most) = x;
        }
    }
    return isfinite(*least) || isfinite(*most);
}

bool qn_bounds_of(const struct quern_value *value, float *out_least,
                  float *out_most)
{
    static const struct {
        const char *op;
        float least, most;
    } known[] = {
        {"Relu", 0.0f, INFINITY},    {"Sigmoid", 0.0f, 1.0f},
        {"HardSigmoid", 0.0f, 1.0f}, {"Softmax", 0.0f, 1.0f},
        {"Tanh", -1.0f, 1.0f},       {"Softplus", 0.0f, INFINITY},
    };
    const struct quern_node *node = quern_value_producer(value);
    *out_least = -INFINITY;
    *out_most = INFINITY;
    while (node != NULL && picks(node) && quern_node_input(node, 0) != NULL) {
        node = quern_value_producer(quern_node_input(node, 0));
    }
    for (size_t i = 0; node != NULL && i < sizeof known / sizeof *known; i++) {
        if (quern_node_is(node, known[i].op)) {
            *out_least = known[i].least;
            *out_most = known[i].most;
            return true;
        }
    }
    /* Before opset 11 the bounds of Clip are attributes; quern quantize
     * raises the opset first, which makes them inputs. */
    return node != NULL && quern_node_is(node, "Clip") &&
           quern_node_opset(node) >= 11 &&
           bounds_of_clip(node, out_least, out_most);
}
