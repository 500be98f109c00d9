/* Element-wise operators of one input on doubles, exact to theirs, and on
 * integers, which wrap. */
#include "exec/nest.h"
#include "exec/ops.h"

#include <math.h>

static double bounded(double x, double lo, double hi)
{
    x = x < lo ? lo : x; /* NaN stays */
    return x > hi ? hi : x;
}

static double sigmoid_of(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

static double softplus_of(double x)
{
    return (x > 0.0 ? x : 0.0) + log1p(exp(-fabs(x)));
}

static double gelu_tanh(double x)
{
    const double c = 0.79788456080286535588; /* sqrt(2 / pi) */
    return 0.5 * x * (1.0 + tanh(c * (x + 0.044715 * x * x * x)));
}

static double shrunk(double x, double bias, double lambd)
{
    return x < -lambd ? x + bias : x > lambd ? x - bias : 0.0;
}

/* Activations. */
static double activate(int variant, double p0, double p1, double x)
{
    switch (variant) {
    case QN_RELU:
        return x < 0.0 ? 0.0 : x;
    case QN_LEAKY_RELU:
        return x < 0.0 ? p0 * x : x;
    case QN_SIGMOID:
        return sigmoid_of(x);
    case QN_HARD_SIGMOID:
        return bounded(p0 * x + p1, 0.0, 1.0);
    case QN_HARD_SWISH:
        return x * bounded(x / 6.0 + 0.5, 0.0, 1.0);
    case QN_GELU:
        return 0.5 * x * (1.0 + erf(x * 0.70710678118654752440));
    case QN_GELU_TANH:
        return gelu_tanh(x);
    case QN_SILU:
        return x * sigmoid_of(x);
    case QN_SWISH:
        return x * sigmoid_of(p0 * x);
    case QN_SHRINK:
        return shrunk(x, p0, p1);
    case QN_SOFTPLUS:
        return softplus_of(x);
    case QN_SOFTSIGN:
        return x / (1.0 + fabs(x));
    case QN_ELU:
        return x < 0.0 ? p0 * expm1(x) : x;
    case QN_SELU:
        return p1 * (x < 0.0 ? p0 * expm1(x) : x);
    case QN_CELU:
        return x < 0.0 ? p0 * expm1(x / p0) : x;
    case QN_MISH:
        return x * tanh(softplus_of(x));
    case QN_THRESHOLDED_RELU:
        return x > p0 ? x : 0.0;
    case QN_CLIP:
        return bounded(x, p0, p1);
    default: /* QN_AFFINE */
        return p0 * x + p1;
    }
}

/* Functions of the C library, by enum qn_unary. */
static double (*const functions[QN_N_UNARY])(double) = {
    [QN_TANH] = tanh,   [QN_EXP] = exp,     [QN_LOG] = log,
    [QN_SQRT] = sqrt,   [QN_ABS] = fabs,    [QN_ERF] = erf,
    [QN_FLOOR] = floor, [QN_CEIL] = ceil,   [QN_ROUND] = nearbyint,
    [QN_SIN] = sin,     [QN_COS] = cos,     [QN_TAN] = tan,
    [QN_ASIN] = asin,   [QN_ACOS] = acos,   [QN_ATAN] = atan,
    [QN_SINH] = sinh,   [QN_COSH] = cosh,   [QN_ASINH] = asinh,
    [QN_ACOSH] = acosh, [QN_ATANH] = atanh,
};

static double of_double(int variant, double p0, double p1, double x)
{
    if (functions[variant] != NULL) {
        return functions[variant](x);
    }
    switch (variant) {
    case QN_RECIPROCAL:
        return 1.0 / x;
    case QN_NEG:
        return -x;
    case QN_SIGN:
        return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x;
    default:
        return activate(variant, p0, p1, x);
    }
}

static int64_t of_whole(int variant, bool is_unsigned, int64_t x)
{
    bool below = x < 0 && !is_unsigned;
    switch (variant) {
    case QN_NEG:
        return (int64_t)(0 - (uint64_t)x);
    case QN_ABS:
        return below ? (int64_t)(0 - (uint64_t)x) : x;
    case QN_SIGN:
        return below ? -1 : x != 0;
    case QN_RELU:
        return below ? 0 : x;
    default:
        return x; /* Floor, Ceil, Round */
    }
}

/* Shrink takes integers too; its bounds are of float. */
static bool is_exact(int variant)
{
    return variant != QN_SHRINK && variant != QN_LEAKY_RELU;
}

void qn_unary_any(int variant, float p0, float p1, const struct qn_array *x,
                  const struct qn_array *y)
{
    bool whole = qn_is_whole(x->dtype) && is_exact(variant);
    bool is_unsigned = x->dtype == QUERN_UINT64;
    for (int64_t i = 0; i < x->len; i++) {
        if (whole) {
            qn_store_int(y, i,
                         of_whole(variant, is_unsigned, qn_load_int(x, i)));
        } else {
            qn_store(y, i,
                     of_double(variant, (double)p0, (double)p1, qn_load(x, i)));
        }
    }
}
