/* Small float types, limits of integer types, packing of sub-byte elements. */
#include "base/numeric.h"

#include <float.h>
#include <string.h>

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

float qn_half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16;
    uint32_t exponent = (h >> 10) & 31u;
    uint32_t fraction = h & 0x3ffu;
    if (exponent == 31) {
        return float_of(sign | 0x7f800000u | fraction << 13);
    }
    if (exponent == 0) {
        float x = ldexpf((float)fraction, -24);
        return sign != 0 ? -x : x;
    }
    return float_of(sign | (exponent + 112) << 23 | fraction << 13);
}

uint16_t qn_half_from_float(float x)
{
    uint32_t bits = bits_of(x);
    uint32_t sign = bits >> 16 & 0x8000u;
    uint32_t rest = bits & 0x7fffffffu;
    if (rest > 0x7f800000u) {
        return (uint16_t)(sign | 0x7e00u | (rest >> 13 & 0x1ffu));
    }
    if (rest >= 0x477ff000u) { /* 65520 and above round to infinity */
        return (uint16_t)(sign | 0x7c00u);
    }
    if (rest < 0x38800000u) { /* below 2^-14: subnormal, exact in float */
        float scaled = nearbyintf(ldexpf(float_of(rest), 24));
        return (uint16_t)(sign | (uint32_t)scaled);
    }
    uint32_t even = rest >> 13 & 1u;
    rest = rest - (112u << 23) + 0xfffu + even;
    return (uint16_t)(sign | rest >> 13);
}

float qn_bfloat16_to_float(uint16_t bits)
{
    return float_of((uint32_t)bits << 16);
}

uint16_t qn_bfloat16_from_float(float x)
{
    uint32_t bits = bits_of(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return (uint16_t)(bits >> 16 | 0x40u);
    }
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

/* A small float format: sign, exponent, fraction bits and how it spells what
 * is not finite. Sources: OCP OFP8 v1.0, OCP MX v1.0, ONNX "Float stored in 8
 * bits" (FNUZ: one NaN at the code of negative zero, no infinities). */
struct small_format {
    int exponent_bits;
    int fraction_bits;
    int bias;
    float largest;
    uint8_t nan;      /* 0: the format has none */
    uint8_t infinity; /* 0: the format has none */
    bool unsigned_zero;
};

static const struct small_format e4m3fn = {4, 3, 7, 448.0f, 0x7f, 0, false};
static const struct small_format e4m3fnuz = {4, 3, 8, 240.0f, 0x80, 0, true};
static const struct small_format e5m2 = {5, 2, 15, 57344.0f, 0x7f, 0x7c, false};
static const struct small_format e5m2fnuz = {5, 2, 16, 57344.0f, 0x80, 0, true};
static const struct small_format e2m1 = {2, 1, 1, 6.0f, 0, 0, false};

static const struct small_format *format_of(enum quern_dtype dtype)
{
    if (dtype == QUERN_FLOAT8E4M3FN) {
        return &e4m3fn;
    }
    if (dtype == QUERN_FLOAT8E4M3FNUZ) {
        return &e4m3fnuz;
    }
    if (dtype == QUERN_FLOAT8E5M2) {
        return &e5m2;
    }
    return dtype == QUERN_FLOAT8E5M2FNUZ ? &e5m2fnuz : &e2m1;
}

static unsigned sign_shift(const struct small_format *f)
{
    return (unsigned)(f->exponent_bits + f->fraction_bits);
}

static bool is_nan_code(const struct small_format *f, uint8_t bits)
{
    if (f->nan == 0) {
        return false;
    }
    if (f->unsigned_zero) {
        return bits == f->nan;
    }
    uint8_t magnitude = bits & 0x7fu;
    return f->infinity != 0 ? magnitude > f->infinity : magnitude == f->nan;
}

float qn_small_to_float(enum quern_dtype dtype, uint8_t bits)
{
    if (dtype == QUERN_FLOAT8E8M0) {
        return bits == 0xff ? NAN : ldexpf(1.0f, (int)bits - 127);
    }
    const struct small_format *f = format_of(dtype);
    if (is_nan_code(f, bits)) {
        return NAN;
    }
    unsigned shift = sign_shift(f);
    unsigned magnitude = bits & ((1u << shift) - 1u);
    bool negative = (bits >> shift & 1u) != 0;
    float x;
    if (f->infinity != 0 && magnitude == f->infinity) {
        x = INFINITY;
    } else {
        int exponent = (int)(magnitude >> f->fraction_bits);
        unsigned fraction = magnitude & ((1u << f->fraction_bits) - 1u);
        if (exponent > 0) {
            fraction |= 1u << f->fraction_bits;
        } else {
            exponent = 1;
        }
        x = ldexpf((float)fraction, exponent - f->bias - f->fraction_bits);
    }
    return negative ? -x : x;
}

/* Power of two not below |x|'s own, as ONNX casts to E8M0: round up on ties of
 * the fraction (round_mode "up" is the default of Cast-24). */
static uint8_t e8m0_from_float(float x, bool saturate)
{
    if (isnan(x)) {
        return 0xff;
    }
    int exponent = 0;
    float fraction = frexpf(fabsf(x), &exponent); /* [0.5, 1) */
    if (isinf(x)) {
        return saturate ? 0xfe : 0xff;
    }
    exponent += fraction > 0.5f ? 0 : -1;
    exponent = x > 0.0f || x < 0.0f ? exponent + 127 : 0;
    if (exponent < 0) {
        return 0;
    }
    return exponent > 0xfe ? (saturate ? 0xfe : 0xff) : (uint8_t)exponent;
}

uint8_t qn_small_from_float(enum quern_dtype dtype, float x, bool saturate)
{
    if (dtype == QUERN_FLOAT8E8M0) {
        return e8m0_from_float(x, saturate);
    }
    const struct small_format *f = format_of(dtype);
    unsigned shift = sign_shift(f);
    uint8_t sign = signbit(x) ? (uint8_t)(1u << shift) : 0;
    if (isnan(x)) {
        return f->unsigned_zero ? f->nan : (uint8_t)(sign | f->nan);
    }
    float magnitude = fabsf(x);
    int exponent = 0;
    (void)frexpf(magnitude, &exponent);
    exponent -= 1; /* magnitude = 1.… * 2^exponent */
    int lowest = 1 - f->bias;
    exponent = exponent < lowest || magnitude < FLT_MIN ? lowest : exponent;
    float steps =
        isinf(x) ? INFINITY
                 : nearbyintf(ldexpf(magnitude, f->fraction_bits - exponent));
    float rounded =
        isinf(x) ? INFINITY : ldexpf(steps, exponent - f->fraction_bits);
    if (rounded > f->largest) {
        /* Without NaN and infinity (float4) only saturation is possible. */
        if (!saturate && f->infinity != 0) {
            return (uint8_t)(sign | f->infinity);
        }
        if (!saturate && f->nan != 0) {
            return f->unsigned_zero ? f->nan : (uint8_t)(sign | f->nan);
        }
        if (f->infinity != 0 && isinf(x) && !saturate) {
            return (uint8_t)(sign | f->infinity);
        }
        rounded = f->largest;
        (void)frexpf(rounded, &exponent);
        exponent -= 1;
        steps = ldexpf(rounded, f->fraction_bits - exponent);
    }
    /* Steps of a subnormal are its code; a carry runs into the exponent. */
    int code = (exponent - lowest) * (1 << f->fraction_bits) + (int)steps;
    if (code == 0 && f->unsigned_zero) {
        return 0;
    }
    return (uint8_t)(sign | (uint8_t)code);
}

int64_t qn_dtype_min(enum quern_dtype dtype)
{
    unsigned bits = quern_dtype_bits(dtype);
    if (!quern_dtype_is_signed(dtype)) {
        return 0;
    }
    return bits == 64 ? INT64_MIN : -(INT64_C(1) << (bits - 1));
}

int64_t qn_dtype_max(enum quern_dtype dtype)
{
    unsigned bits = quern_dtype_bits(dtype);
    bits -= quern_dtype_is_signed(dtype) ? 1 : 0;
    return bits >= 63 ? INT64_MAX : (INT64_C(1) << bits) - 1;
}

int32_t qn_unpack(const uint8_t *data, size_t i, enum quern_dtype dtype)
{
    unsigned bits = quern_dtype_bits(dtype);
    size_t per_byte = 8 / bits;
    unsigned shift = (unsigned)(i % per_byte) * bits;
    int32_t value = data[i / per_byte] >> shift & ((1 << bits) - 1);
    if (quern_dtype_is_signed(dtype) && (value >> (bits - 1)) != 0) {
        value -= 1 << bits;
    }
    return value;
}

void qn_pack(uint8_t *data, size_t i, enum quern_dtype dtype, int32_t value)
{
    unsigned bits = quern_dtype_bits(dtype);
    size_t per_byte = 8 / bits;
    unsigned shift = (unsigned)(i % per_byte) * bits;
    unsigned mask = ((1u << bits) - 1u) << shift;
    unsigned old = data[i / per_byte];
    data[i / per_byte] =
        (uint8_t)((old & ~mask) | ((unsigned)value << shift & mask));
}
