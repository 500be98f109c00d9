/* Rows of codes from float and back, compiled once for each CPU level
 * (QN_LEVEL). */
#include "exec/kernels/level.h"

#include <math.h>

/* ONNX QuantizeLinear: round half to even of x / scale, plus zero point,
 * saturated. NaN becomes the zero point's low end as in ONNX Runtime. */
void QN_LEVELLED(qn_quantize)(const float *x, float scale, int32_t zero,
                              int32_t lo, int32_t hi, int32_t *y, size_t n)
{
    float low = (float)(lo - zero);
    float high = (float)(hi - zero);
    for (size_t i = 0; i < n; i++) {
        float q = nearbyintf(x[i] / scale);
        q = q > low ? q : low;
        q = q < high ? q : high;
        y[i] = (int32_t)q + zero;
    }
}

void QN_LEVELLED(qn_quantize_u8)(const float *x, float scale, int32_t zero,
                                 uint8_t *y, size_t n)
{
    float low = (float)-zero;
    float high = (float)(255 - zero);
    for (size_t i = 0; i < n; i++) {
        float q = nearbyintf(x[i] / scale);
        q = q > low ? q : low;
        q = q < high ? q : high;
        y[i] = (uint8_t)((int32_t)q + zero);
    }
}

void QN_LEVELLED(qn_quantize_s8)(const float *x, float scale, int32_t zero,
                                 int8_t *y, size_t n)
{
    float low = (float)(-128 - zero);
    float high = (float)(127 - zero);
    for (size_t i = 0; i < n; i++) {
        float q = nearbyintf(x[i] / scale);
        q = q > low ? q : low;
        q = q < high ? q : high;
        y[i] = (int8_t)((int32_t)q + zero);
    }
}

void QN_LEVELLED(qn_dequantize_u8)(const uint8_t *x, float scale, int32_t zero,
                                   float *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = (float)((int32_t)x[i] - zero) * scale;
    }
}

void QN_LEVELLED(qn_dequantize_s8)(const int8_t *x, float scale, int32_t zero,
                                   float *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = (float)((int32_t)x[i] - zero) * scale;
    }
}
