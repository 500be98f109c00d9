/* The operators of the embedded engine: one row an operator and version. */
#include "exec/ops.h"

#include <string.h>

#define UNARY(name, since, variant)                                            \
    {                                                                          \
        name, since, qn_op_unary, qn_prepare_unary, variant                    \
    }
#define BINARY(name, variant)                                                  \
    {                                                                          \
        name, 7, qn_op_binary, NULL, variant                                   \
    }

enum { POOL_MAX, POOL_AVERAGE };

/* Rows of one operator stand together, ascending by opset. Before opset 7,
 * binary operators broadcast in a way of their own: not supported. */
static const struct qn_op_row rows[] = {
    UNARY("Abs", 6, QN_ABS),
    UNARY("Acos", 7, QN_ACOS),
    UNARY("Acosh", 9, QN_ACOSH),
    BINARY("Add", QN_ADD),
    {"And", 7, qn_op_logic, NULL, 5},
    {"ArgMax", 1, qn_op_arg, NULL, 0},
    {"ArgMin", 1, qn_op_arg, NULL, 1},
    UNARY("Asin", 7, QN_ASIN),
    UNARY("Asinh", 9, QN_ASINH),
    UNARY("Atan", 7, QN_ATAN),
    UNARY("Atanh", 9, QN_ATANH),
    {"AveragePool", 1, qn_op_pool, NULL, POOL_AVERAGE},
    {"BatchNormalization", 9, qn_op_batch_norm, NULL, 0},
    {"Cast", 6, qn_op_cast, NULL, 0},
    {"CastLike", 15, qn_op_cast, NULL, 1},
    UNARY("Ceil", 6, QN_CEIL),
    UNARY("Celu", 12, QN_CELU),
    UNARY("Clip", 6, QN_CLIP),
    {"Clip", 11, qn_op_clip, NULL, 0},
    {"Concat", 4, qn_op_concat, NULL, 0},
    {"ConstantOfShape", 9, qn_op_constant_of_shape, NULL, 0},
    {"Conv", 1, qn_op_conv, qn_prepare_conv, 0},
    {"ConvTranspose", 1, qn_op_conv_transpose, NULL, 0},
    UNARY("Cos", 7, QN_COS),
    UNARY("Cosh", 9, QN_COSH),
    {"DequantizeLinear", 10, qn_op_dequantize, NULL, 0},
    BINARY("Div", QN_DIV),
    {"Dropout", 7, qn_op_dropout, NULL, 0},
    UNARY("Elu", 6, QN_ELU),
    {"Equal", 7, qn_op_compare, NULL, 0},
    UNARY("Erf", 9, QN_ERF),
    UNARY("Exp", 6, QN_EXP),
    {"Expand", 8, qn_op_expand, NULL, 0},
    {"Flatten", 1, qn_op_flatten, NULL, 0},
    UNARY("Floor", 6, QN_FLOOR),
    {"Gather", 1, qn_op_gather, NULL, 0},
    {"GatherElements", 11, qn_op_gather_elements, NULL, 0},
    {"GatherND", 11, qn_op_gather_nd, NULL, 0},
    UNARY("Gelu", 20, QN_GELU),
    {"Gemm", 7, qn_op_gemm, qn_prepare_gemm, 0},
    {"GlobalAveragePool", 1, qn_op_global_pool, NULL, POOL_AVERAGE},
    {"GlobalMaxPool", 1, qn_op_global_pool, NULL, POOL_MAX},
    {"Greater", 7, qn_op_compare, NULL, 1},
    {"GreaterOrEqual", 12, qn_op_compare, NULL, 3},
    UNARY("HardSigmoid", 6, QN_HARD_SIGMOID),
    UNARY("HardSwish", 14, QN_HARD_SWISH),
    {"Identity", 1, qn_op_identity, NULL, 0},
    {"If", 1, qn_op_if, NULL, 0},
    {"InstanceNormalization", 6, qn_op_instance_norm, NULL, 0},
    {"IsInf", 10, qn_op_isnan, NULL, 1},
    {"IsNaN", 9, qn_op_isnan, NULL, 0},
    {"LSTM", 7, qn_op_lstm, qn_prepare_lstm, 0},
    {"LayerNormalization", 17, qn_op_layer_norm, NULL, 0},
    UNARY("LeakyRelu", 6, QN_LEAKY_RELU),
    {"Less", 7, qn_op_compare, NULL, 2},
    {"LessOrEqual", 12, qn_op_compare, NULL, 4},
    UNARY("Log", 6, QN_LOG),
    {"LogSoftmax", 1, qn_op_softmax, NULL, 1},
    {"Loop", 1, qn_op_loop, NULL, 0},
    {"MatMul", 1, qn_op_matmul, qn_prepare_matmul, 0},
    {"Max", 8, qn_op_binary, NULL, QN_MAX},
    {"MaxPool", 1, qn_op_pool, NULL, POOL_MAX},
    {"Mean", 8, qn_op_binary, NULL, QN_ADD},
    {"Min", 8, qn_op_binary, NULL, QN_MIN},
    UNARY("Mish", 18, QN_MISH),
    {"Mod", 10, qn_op_binary, NULL, QN_MOD},
    BINARY("Mul", QN_MUL),
    UNARY("Neg", 6, QN_NEG),
    {"Not", 1, qn_op_not, NULL, 0},
    {"Or", 7, qn_op_logic, NULL, 6},
    BINARY("PRelu", QN_PRELU),
    {"Pad", 2, qn_op_pad, NULL, 0},
    BINARY("Pow", QN_POW),
    {"QuantizeLinear", 10, qn_op_quantize, NULL, 0},
    {"Range", 11, qn_op_range, NULL, 0},
    UNARY("Reciprocal", 6, QN_RECIPROCAL),
    {"ReduceL1", 1, qn_op_reduce, NULL, 5},
    {"ReduceL2", 1, qn_op_reduce, NULL, 6},
    {"ReduceLogSum", 1, qn_op_reduce, NULL, 7},
    {"ReduceLogSumExp", 1, qn_op_reduce, NULL, 8},
    {"ReduceMax", 1, qn_op_reduce, NULL, 2},
    {"ReduceMean", 1, qn_op_reduce, NULL, 1},
    {"ReduceMin", 1, qn_op_reduce, NULL, 3},
    {"ReduceProd", 1, qn_op_reduce, NULL, 4},
    {"ReduceSum", 1, qn_op_reduce, NULL, 0},
    {"ReduceSumSquare", 1, qn_op_reduce, NULL, 9},
    UNARY("Relu", 6, QN_RELU),
    {"Reshape", 1, qn_op_reshape, NULL, 0},
    UNARY("Round", 11, QN_ROUND),
    UNARY("Selu", 6, QN_SELU),
    {"Shape", 1, qn_op_shape, NULL, 0},
    UNARY("Sigmoid", 6, QN_SIGMOID),
    UNARY("Sign", 9, QN_SIGN),
    UNARY("Sin", 7, QN_SIN),
    UNARY("Sinh", 9, QN_SINH),
    {"Size", 1, qn_op_size, NULL, 0},
    {"Slice", 1, qn_op_slice, NULL, 0},
    {"Softmax", 1, qn_op_softmax, NULL, 0},
    UNARY("Softplus", 1, QN_SOFTPLUS),
    UNARY("Softsign", 1, QN_SOFTSIGN),
    {"Split", 2, qn_op_split, NULL, 0},
    UNARY("Sqrt", 6, QN_SQRT),
    {"Squeeze", 1, qn_op_squeeze, NULL, 0},
    BINARY("Sub", QN_SUB),
    {"Sum", 8, qn_op_binary, NULL, QN_ADD},
    UNARY("Tan", 7, QN_TAN),
    UNARY("Tanh", 6, QN_TANH),
    UNARY("ThresholdedRelu", 10, QN_THRESHOLDED_RELU),
    {"Tile", 6, qn_op_tile, NULL, 0},
    {"Transpose", 1, qn_op_transpose, NULL, 0},
    {"Trilu", 14, qn_op_trilu, NULL, 0},
    {"Unsqueeze", 1, qn_op_unsqueeze, NULL, 0},
    {"Where", 9, qn_op_where, NULL, 0},
    {"Xor", 7, qn_op_logic, NULL, 7},
    {"com.microsoft.DequantizeLinear", 1, qn_op_dequantize, NULL, 0},
    UNARY("com.microsoft.Gelu", 1, QN_GELU),
    {"com.microsoft.QuantizeLinear", 1, qn_op_quantize, NULL, 0},
};

const struct qn_op_row *qn_registry_find(const struct quern_node *node,
                                         int opset)
{
    const struct qn_op_row *found = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].since <= opset && quern_node_is(node, rows[i].op)) {
            found = &rows[i];
        }
    }
    return found;
}
