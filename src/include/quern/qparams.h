/** @file qparams.h
 * Scales and zero points, and arrays quantized with them.
 * Tier: experimental. Rules for all that it declares: quant.h.
 */
#ifndef QUERN_QPARAMS_H
#define QUERN_QPARAMS_H

#ifndef QUERN_EXPERIMENTAL
#error                                                                         \
    "define QUERN_EXPERIMENTAL to use <quern/qparams.h>, which may still change"
#endif

#include <quern/diag.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------ */
/* Parameters                                                               */

enum quern_quant_flag {
    QUERN_QUANT_SYMMETRIC = 1, /**< range [-a, a], zero point in the middle */
    QUERN_QUANT_REDUCED = 2,   /**< 7 bits of 8 (15 of 16, 3 of 4) */
    QUERN_QUANT_NARROW = 4,    /**< signed types without their lowest code:
                                    -127 … 127, -7 … 7; no effect on unsigned */
};

/** How to turn a range into a scale and a zero point. Zeroed fields are
 * defaults, except `dtype`. */
struct quern_quant_options {
    enum quern_dtype dtype;       /**< int4 uint4 int8 uint8 int16 uint16 */
    enum quern_dtype float_dtype; /**< of the scale: QUERN_FLOAT (default) or
                                       QUERN_FLOAT16 */
    uint32_t flags;               /**< of enum quern_quant_flag */
    int32_t qmin, qmax; /**< codes to use instead of the table's; both 0: the
                             table of ONNX Runtime (quern_quant_codes()) */
    double min_range;   /**< the range is widened to at least this; 0: not */
};

/** A scale with its zero point. Scale positive, normal, finite; zero point and
 * codes fit `dtype`. */
struct quern_qparams {
    enum quern_dtype dtype;
    float scale;
    int32_t zero_point;
    int32_t qmin, qmax; /**< codes that the range maps to; data is clipped to
                             the whole type unless said otherwise */
};

/** Lowest and highest code for a type and flags, as ONNX Runtime has them:
 * reduced wins over symmetric and narrow. uint8 symmetric is 0 … 254 (zero
 * point 127); int8 reduced is -64 … 64; int4 symmetric is -8 … 7 unless
 * QUERN_QUANT_NARROW.
 * @return false when dtype is none of the six */
QUERN_NODISCARD QUERN_API bool quern_quant_codes(enum quern_dtype dtype,
                                                 uint32_t flags,
                                                 int32_t *out_qmin,
                                                 int32_t *out_qmax);

/** Scale and zero point for values in [lo, hi], to the bit what ONNX Runtime's
 * quantizer computes (reference: its compute_scale_zp; golden vectors are in
 * the tests). The range is widened to hold 0. A range so small that the scale
 * would not be a normal number of float_dtype gives scale 1, zero point 0; so
 * does an inverted one that does not hold 0 on the right side (lo > 0 > hi).
 * @return QUERN_OK; _INVALID_ARGUMENT (dtype, float_dtype, codes that do not
 * fit the type); _NUMERIC (lo or hi not finite, their difference overflows) */
QUERN_NODISCARD QUERN_API enum quern_code
quern_qparams_of_range(struct quern_context *context,
                       const struct quern_quant_options *options, float lo,
                       float hi, struct quern_qparams *out_qparams);

/** The values that the lowest and the highest code stand for. */
QUERN_API void quern_qparams_range(const struct quern_qparams *qparams,
                                   float *out_lo, float *out_hi);

/** Fold y = a * h + b, which stands in front of a QuantizeLinear, into that
 * QuantizeLinear's own parameters; the DequantizeLinear behind keeps those of
 * y. Works when b is (nearly) a whole number of steps; else the step of y is
 * moved, by at most 8 %, until it is.
 * @param y           parameters chosen for y
 * @param out_q       for QuantizeLinear, which now reads h
 * @param out_dq      for DequantizeLinear: y's, or moved ones
 * @return false (nothing written) when it cannot be done: a <= 0, not finite,
 * or the zero point would leave the type
 * Source: measured rule 11 of the default recipe (ONNX Runtime, x64). */
QUERN_NODISCARD QUERN_API bool
quern_qparams_fold_affine(const struct quern_qparams *y, double a, double b,
                          struct quern_qparams *out_q,
                          struct quern_qparams *out_dq);

/* ------------------------------------------------------------------------ */
/* Arrays                                                                   */

/** Bytes that `len` codes of a type take (int4 and uint4: two in a byte). 0
 * when dtype is no quantized type or the size overflows. */
QUERN_API size_t quern_codes_size(enum quern_dtype dtype, size_t len);

/** QuantizeLinear: saturate(round(x / scale) + zero_point), rounding half to
 * even, dividing (not multiplying by a reciprocal) in float32; clipped to the
 * whole type as ONNX wants. NaN gives the lowest code.
 * @param out_codes  quern_codes_size() bytes; 4-bit codes are packed, low
 *                   nibble first, an odd tail padded with 0
 * @return false when qparams->dtype is no quantized type */
QUERN_NODISCARD QUERN_API bool
quern_quantize_array(const struct quern_qparams *qparams, const float *values,
                     size_t len, void *out_codes);

/** As quern_quantize_array() with parameters per channel: channels structs of
 * one dtype. `clip_codes`: clip to qmin … qmax instead of the whole type (what
 * scales below min-max need in order to stay symmetric). */
QUERN_NODISCARD QUERN_API bool
quern_quantize_channels(const struct quern_qparams *qparams, bool clip_codes,
                        const float *values, size_t outer, size_t channels,
                        size_t inner, void *out_codes);

/** DequantizeLinear: (code - zero_point) * scale in float32. */
QUERN_NODISCARD QUERN_API bool
quern_dequantize_array(const struct quern_qparams *qparams, const void *codes,
                       size_t len, float *out_values);

/** As quern_dequantize_array() with parameters per channel. */
QUERN_NODISCARD QUERN_API bool
quern_dequantize_channels(const struct quern_qparams *qparams,
                          const void *codes, size_t outer, size_t channels,
                          size_t inner, float *out_values);

/** int32 codes of a bias: round(b / scale) half to even, in double, clipped.
 * @return the number of values that had to be clipped (or were NaN) */
QUERN_API size_t quern_quantize_bias(const float *bias, const float *scales,
                                     size_t len, int32_t *out_codes);

#ifdef __cplusplus
}
#endif

#endif
