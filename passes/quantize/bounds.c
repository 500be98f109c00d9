/* Bounds of values by their operators. */
#include "quantize/bounds.h"

#include "common.h"

#include <math.h>

/* Outputs are some of the values of input 0, or means of them. */
static bool keeps_bounds(const struct quern_node *node)
{
    static const char *const ops[] = {
        "MaxPool",       "Reshape",        "Transpose",    "Flatten",
        "Squeeze",       "Slice",          "Unsqueeze",    "Identity",
        "Split",         "AveragePool",    "DepthToSpace", "Expand",
        "Gather",        "GatherElements", "GatherND",     "GlobalAveragePool",
        "GlobalMaxPool", "ReduceMax",      "ReduceMean",   "ReduceMin",
        "SpaceToDepth",  "Tile",           "Trilu",        NULL};
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

/* By definition. Ends that a function comes to have are rounded outwards. */
static const struct known {
    const char *op;
    float least, most;
    bool is_whole;
} known[] = {
    {"Abs", 0.0f, INFINITY, false},
    {"Acos", 0.0f, 3.141593f, false},
    {"Acosh", 0.0f, INFINITY, false},
    {"Asin", -1.570797f, 1.570797f, false},
    {"Atan", -1.570797f, 1.570797f, false},
    {"Cos", -1.0f, 1.0f, false},
    {"Cosh", 0.0f, INFINITY, false},
    {"Erf", -1.0f, 1.0f, false},
    {"Exp", 0.0f, INFINITY, false},
    {"Gelu", -0.1701f, INFINITY, false},
    {"HardSigmoid", 0.0f, 1.0f, false},
    {"HardSwish", -0.375f, INFINITY, false},
    {"Hardmax", 0.0f, 1.0f, false},
    {"LogSoftmax", -INFINITY, 0.0f, false},
    {"Mish", -0.30885f, INFINITY, false},
    {"ReduceL1", 0.0f, INFINITY, false},
    {"ReduceL2", 0.0f, INFINITY, false},
    {"ReduceSumSquare", 0.0f, INFINITY, false},
    {"Relu", 0.0f, INFINITY, false},
    {"Sigmoid", 0.0f, 1.0f, true},
    {"Sign", -1.0f, 1.0f, false},
    {"Sin", -1.0f, 1.0f, false},
    {"Softmax", 0.0f, 1.0f, true},
    {"Softplus", 0.0f, INFINITY, false},
    {"Softsign", -1.0f, 1.0f, false},
    {"Sqrt", 0.0f, INFINITY, false},
    {"Tanh", -1.0f, 1.0f, false},
};

/* Elu and its kin, which end at an attribute. Selu with a gamma below 0 does
 * at the other end, if at all. */
static bool least_of_elu(const struct quern_node *node, float *least)
{
    float low = NAN;
    if (quern_node_is(node, "Elu") || quern_node_is(node, "Celu")) {
        low = -quern_node_float(node, "alpha", 1.0f);
    } else if (quern_node_is(node, "Selu")) {
        float gamma = quern_node_float(node, "gamma", 1.05070102f);
        low = gamma > 0.0f
                  ? -quern_node_float(node, "alpha", 1.67326319f) * gamma
                  : NAN;
    }
    if (!(low <= 0.0f)) {
        return false;
    }
    *least = low;
    return true;
}

bool qn_bounds_of(const struct quern_value *value, struct qn_bounds *out)
{
    const struct quern_node *maker = quern_value_producer(value);
    const struct quern_node *node = maker;
    *out = (struct qn_bounds){-INFINITY, INFINITY, false};
    while (node != NULL && keeps_bounds(node) &&
           quern_node_input(node, 0) != NULL) {
        node = quern_value_producer(quern_node_input(node, 0));
    }
    for (size_t i = 0; node != NULL && i < sizeof known / sizeof *known; i++) {
        if (quern_node_is(node, known[i].op)) {
            bool is_whole = node == maker && known[i].is_whole;
            *out = (struct qn_bounds){known[i].least, known[i].most, is_whole};
            return true;
        }
    }
    /* Before opset 11 the bounds of Clip are attributes; quern quantize
     * raises the opset first, which makes them inputs. */
    return node != NULL &&
           (least_of_elu(node, &out->least) ||
            (quern_node_is(node, "Clip") && quern_node_opset(node) >= 11 &&
             bounds_of_clip(node, &out->least, &out->most)));
}
