/* Numbers: rounding, saturation, small float types, packing, exact sums.
 *
 * Sources: IEEE 754-2019; ONNX docs "Float stored in 8/4 bits"; OCP OFP8 and
 * OCP MX (E8M0, E2M1). All conversions round half to even unless said.
 */
#ifndef QUERN_BASE_NUMERIC_H
#define QUERN_BASE_NUMERIC_H

#include <quern/types.h>

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Round half to even. NaN and infinities pass. (The default rounding mode is
 * assumed, as everywhere in quern.) */
static inline float qn_round_even(float x)
{
    return nearbyintf(x);
}

/** Round half to even, then clamp to [lo, hi]; NaN gives lo. */
static inline int32_t qn_saturate(float x, int32_t lo, int32_t hi)
{
    float r = nearbyintf(x);
    if (!(r > (float)lo)) {
        return lo;
    }
    return r >= (float)hi ? hi : (int32_t)r;
}

float qn_half_to_float(uint16_t bits);
uint16_t qn_half_from_float(float x);
float qn_bfloat16_to_float(uint16_t bits);
uint16_t qn_bfloat16_from_float(float x);

/** float8 kinds, float8e8m0 and float4e2m1 by dtype; saturating as ONNX Cast
 * with saturate=1 when `saturate`. */
float qn_small_to_float(enum quern_dtype dtype, uint8_t bits);
uint8_t qn_small_from_float(enum quern_dtype dtype, float x, bool saturate);

/** Smallest and largest value of an integer type (uint64 is clipped to
 * INT64_MAX). */
int64_t qn_dtype_min(enum quern_dtype dtype);
int64_t qn_dtype_max(enum quern_dtype dtype);

/** Element i of packed sub-byte data (2 or 4 bits), low bits first; signed
 * types are sign-extended. */
int32_t qn_unpack(const uint8_t *data, size_t i, enum quern_dtype dtype);
void qn_pack(uint8_t *data, size_t i, enum quern_dtype dtype, int32_t value);

/** Sum of floats that does not depend on order: 640-bit fixed point that holds
 * any float (and the square of one) exactly. Non-finite values are counted. */
struct qn_exact_sum {
    uint64_t limbs[10];
    uint64_t n_nonfinite;
};

void qn_exact_add(struct qn_exact_sum *sum, double x);
void qn_exact_merge(struct qn_exact_sum *sum, const struct qn_exact_sum *other);
/** Nearest double. */
double qn_exact_value(const struct qn_exact_sum *sum);

#endif
