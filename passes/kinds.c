/* What kind an operator is of. */
#include "kinds.h"

#include "common.h"

bool qn_is_elementwise(const struct quern_node *node)
{
    static const char *const ops[] = {
        "Relu",      "Sigmoid",     "Tanh",   "Erf",        "Sqrt",
        "Exp",       "Log",         "Abs",    "Neg",        "Reciprocal",
        "Floor",     "Ceil",        "Round",  "Sign",       "Clip",
        "LeakyRelu", "Elu",         "Selu",   "Celu",       "ThresholdedRelu",
        "HardSwish", "HardSigmoid", "Gelu",   "Mish",       "Swish",
        "Softplus",  "Softsign",    "Sin",    "Cos",        "Cast",
        "Not",       "IsNaN",       "IsInf",  "Tan",        "Asin",
        "Acos",      "Atan",        "Sinh",   "Cosh",       "Asinh",
        "Acosh",     "Atanh",       "Shrink", "BitwiseNot", NULL};
    return qn_is_one_of(node, ops);
}

bool qn_is_broadcast(const struct quern_node *node)
{
    static const char *const ops[] = {
        "Add",        "Sub",       "Mul",         "Div",      "Pow",
        "Min",        "Max",       "Where",       "And",      "Or",
        "Xor",        "Equal",     "Sum",         "Mean",     "Less",
        "PRelu",      "Greater",   "LessOrEqual", "Mod",      "GreaterOrEqual",
        "BitwiseAnd", "BitwiseOr", "BitwiseXor",  "BitShift", NULL};
    return qn_is_one_of(node, ops);
}

bool qn_is_arithmetic(const struct quern_node *node)
{
    static const char *const ops[] = {"Add", "Sub", "Mul", "Div", NULL};
    return qn_is_one_of(node, ops) && !qn_has_old_broadcast(node);
}

bool qn_has_old_broadcast(const struct quern_node *node)
{
    return quern_node_has_attr(node, "broadcast");
}

bool qn_is_reduction(const struct quern_node *node)
{
    static const char *const ops[] = {
        "ReduceMean",      "ReduceSum",  "ReduceMax",
        "ReduceMin",       "ReduceL2",   "ReduceL1",
        "ReduceSumSquare", "ReduceProd", "ReduceLogSum",
        "ReduceLogSumExp", NULL};
    return qn_is_one_of(node, ops);
}
