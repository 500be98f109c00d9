/* What the files of this room share about integer codes. */
#ifndef QUERN_QUANT_CODES_H
#define QUERN_QUANT_CODES_H

#include <quern/types.h>

#include <stdbool.h>
#include <stdint.h>

/** Lowest and highest code of a whole type; false when it is none of the six
 * quantized types. */
bool qn_code_limits(enum quern_dtype dtype, int32_t *out_lo, int32_t *out_hi);

/** Round half to even for |x| < 2^22, in a form that compilers vectorize
 * without SSE4.1: adding 1.5 * 2^23 leaves no bits for the fraction. */
static inline float qn_round_small(float x)
{
    return (x + 12582912.0F) - 12582912.0F;
}

#endif
