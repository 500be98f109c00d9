/* Functions that read a tensor. */
#include <quern/quant.h>

#include <math.h>

static double clamp(double x, double lo, double hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

double quern_reader_eval(const struct quern_reader *reader, double x)
{
    switch (reader->kind) {
    case QUERN_READER_IDENTITY:
        return x;
    case QUERN_READER_RELU:
        return x > 0.0 ? x : 0.0;
    case QUERN_READER_CLIP:
        return clamp(x, reader->alpha, reader->beta);
    case QUERN_READER_HARDSWISH:
        return x * clamp(x / 6.0 + 0.5, 0.0, 1.0);
    case QUERN_READER_SILU:
        return x / (1.0 + exp(-x));
    case QUERN_READER_HARDSIGMOID:
        return clamp(reader->alpha * x + reader->beta, 0.0, 1.0);
    case QUERN_READER_SIGMOID:
        return 1.0 / (1.0 + exp(-x));
    case QUERN_READER_TANH:
        return tanh(x);
    case QUERN_READER_GELU:
        return 0.5 * x * (1.0 + erf(x * 0.70710678118654752440));
    case QUERN_READER_LEAKYRELU:
        return x < 0.0 ? reader->alpha * x : x;
    }
    return x;
}

/* Bounds beyond which the smooth functions are flat for 8 bits: values of the
 * measured recipe. tanh(x) = 2 sigmoid(2x) - 1. */
void quern_reader_support(const struct quern_reader *reader, double *out_lo,
                          double *out_hi)
{
    double lo = -HUGE_VAL;
    double hi = HUGE_VAL;
    switch (reader->kind) {
    case QUERN_READER_IDENTITY:
    case QUERN_READER_LEAKYRELU:
        break;
    case QUERN_READER_RELU:
        lo = 0.0;
        break;
    case QUERN_READER_CLIP:
        lo = reader->alpha;
        hi = reader->beta;
        break;
    case QUERN_READER_HARDSWISH:
        lo = -3.0;
        break;
    case QUERN_READER_SILU:
        lo = -7.0;
        break;
    case QUERN_READER_HARDSIGMOID:
        if (fabs(reader->alpha) > 0.0) {
            double zero = -reader->beta / reader->alpha;
            double one = (1.0 - reader->beta) / reader->alpha;
            lo = fmin(zero, one);
            hi = fmax(zero, one);
        }
        break;
    case QUERN_READER_SIGMOID:
        lo = -8.0;
        hi = 8.0;
        break;
    case QUERN_READER_TANH:
        lo = -4.0;
        hi = 4.0;
        break;
    case QUERN_READER_GELU:
        lo = -4.0;
        break;
    }
    *out_lo = lo;
    *out_hi = hi;
}
