/* Values whose peaks are the answer. A cut of the range that makes the mean
 * squared error least cuts the rare high scores, and equal codes tie: a
 * detector found 0.85 of its boxes with cuts in front of its scores, 0.88 with
 * none. */
#include "quantize/peaks.h"

#include "common.h"

enum { MOST_NODES = 64 };

/* Node with which a value stays what it is but for a function of one element,
 * or ends as the place or the number of its largest ones. */
static bool hands_on(const struct quern_node *node, size_t input,
                     bool *out_ends)
{
    static const char *const one[] = {
        "Sigmoid",    "Tanh",      "Exp",     "Log",       "Softmax",
        "LogSoftmax", "Relu",      "Clip",    "LeakyRelu", "HardSigmoid",
        "Reshape",    "Transpose", "Flatten", "Squeeze",   "Unsqueeze",
        "Split",      "Slice",     "Gather",  "Identity",  "Cast",
        "Resize",     "MaxPool",   NULL};
    static const char *const two[] = {"Add", "Sub", "Mul", "Div", NULL};
    static const char *const last[] = {"ArgMax",  "TopK",           "ReduceMax",
                                       "Greater", "GreaterOrEqual", NULL};
    *out_ends = qn_is_one_of(node, last);
    if (qn_is_one_of(node, two)) {
        const struct quern_value *other = quern_node_input(node, 1 - input);
        return input < 2 && other != NULL &&
               quern_value_constant(other) != NULL;
    }
    return quern_node_is(node, "Concat") ||
           (input == 0 && (*out_ends || qn_is_one_of(node, one)));
}

/* Recursion: at most MOST_NODES deep. */
static bool leads_out(const struct quern_value *value, int *n_left)
{
    bool out = quern_value_is_graph_output(value);
    for (const struct quern_use *u = quern_value_first_use(value);
         u != NULL && !out; u = quern_use_next(u)) {
        const struct quern_node *node = quern_use_node(u);
        bool ends = false;
        if (node == NULL || !hands_on(node, quern_use_index(u), &ends)) {
            continue;
        }
        out = ends;
        for (size_t i = 0; i < quern_node_n_outputs(node) && !out; i++) {
            const struct quern_value *y = quern_node_output(node, i);
            out = y != NULL && --*n_left >= 0 && leads_out(y, n_left);
        }
    }
    return out;
}

bool qn_is_answer(const struct quern_value *value)
{
    int n_left = MOST_NODES;
    return leads_out(value, &n_left);
}
