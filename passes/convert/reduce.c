/* Reductions: their axes became an input, of ReduceSum first. */
#include "convert.h"

static enum quern_code axes(const struct qn_raise *r, struct quern_node *node)
{
    (void)r;
    return qn_raise_ints_to_input(node, "axes", 1);
}

const struct qn_raise_step qn_raise_reduce[] = {
    {"ReduceSum", 13, axes},
    {"ReduceL1", 18, axes},
    {"ReduceL2", 18, axes},
    {"ReduceLogSum", 18, axes},
    {"ReduceLogSumExp", 18, axes},
    {"ReduceMax", 18, axes},
    {"ReduceMean", 18, axes},
    {"ReduceMin", 18, axes},
    {"ReduceProd", 18, axes},
    {"ReduceSumSquare", 18, axes},
    {0},
};
