/* Arrays of codes: QuantizeLinear and DequantizeLinear on plain memory.
 *
 * Semantics: ONNX QuantizeLinear-10 … 25 with float32 input and scale. The
 * quotient is clamped before it is rounded: the bounds are whole numbers, so
 * that this is the same, and no conversion to int overflows.
 */
#include <quern/quant.h>

#include "base/checked.h"
#include "quant/codes.h"

#include <math.h>
#include <string.h>

/* Codes go through a block of this many int32, so that arithmetic is written
 * once for all types. */
enum { block_len = 256 };

/* Parameters as the loops want them. */
struct plan {
    float scale;
    float lo, hi; /* clipping bounds before the zero point is added */
    int32_t zero;
};

static bool make_plan(const struct quern_qparams *qparams, bool clip_codes,
                      struct plan *out)
{
    int32_t lo, hi;
    if (!qn_code_limits(qparams->dtype, &lo, &hi)) {
        return false;
    }
    if (clip_codes) {
        lo = qparams->qmin;
        hi = qparams->qmax;
    }
    out->scale = qparams->scale;
    out->zero = qparams->zero_point;
    out->lo = (float)(lo - qparams->zero_point);
    out->hi = (float)(hi - qparams->zero_point);
    return true;
}

static inline int32_t round_one(const struct plan *plan, float x)
{
    float v = x / plan->scale;
    v = v > plan->lo ? v : plan->lo; /* NaN gives lo */
    v = v < plan->hi ? v : plan->hi;
    v = qn_round_small(v);
    return (int32_t)v + plan->zero;
}

static void round_block(const struct plan *plan, const float *x, size_t n,
                        int32_t *out)
{
    struct plan p = *plan;
    for (size_t i = 0; i < n; i++) {
        out[i] = round_one(&p, x[i]);
    }
}

static void put_nibble(uint8_t *bytes, size_t i, int32_t code)
{
    uint8_t nibble = (uint8_t)(code & 15);
    unsigned shift = (i & 1) != 0 ? 4U : 0U;
    unsigned kept = bytes[i / 2] & (0xF0U >> shift);
    bytes[i / 2] = (uint8_t)(kept | ((unsigned)nibble << shift));
}

/* Write n codes from element `first` on. */
static void store(enum quern_dtype dtype, void *codes, size_t first,
                  const int32_t *values, size_t n)
{
    uint8_t *bytes = codes;
    if (dtype == QUERN_INT8 || dtype == QUERN_UINT8) {
        for (size_t i = 0; i < n; i++) {
            bytes[first + i] = (uint8_t)(values[i] & 0xFF);
        }
    } else if (dtype == QUERN_INT16 || dtype == QUERN_UINT16) {
        for (size_t i = 0; i < n; i++) {
            uint16_t two = (uint16_t)(values[i] & 0xFFFF);
            memcpy(bytes + 2 * (first + i), &two, 2);
        }
    } else {
        for (size_t i = 0; i < n; i++) {
            put_nibble(bytes, first + i, values[i]);
        }
    }
}

/* One code as a number. */
static inline int32_t load(enum quern_dtype dtype, const uint8_t *bytes,
                           size_t i)
{
    uint16_t two = 0;
    int32_t nibble;
    if (dtype == QUERN_INT8) {
        return (int8_t)bytes[i];
    }
    if (dtype == QUERN_UINT8) {
        return bytes[i];
    }
    if (dtype == QUERN_INT16 || dtype == QUERN_UINT16) {
        memcpy(&two, bytes + 2 * i, 2);
        return dtype == QUERN_INT16 ? (int32_t)(int16_t)two : (int32_t)two;
    }
    nibble = (bytes[i / 2] >> ((i & 1) != 0 ? 4 : 0)) & 15;
    return dtype == QUERN_INT4 && nibble > 7 ? nibble - 16 : nibble;
}

static void quantize_run(const struct plan *plan, enum quern_dtype dtype,
                         const float *values, size_t first, size_t len,
                         void *codes)
{
    int32_t block[block_len];
    for (size_t done = 0; done < len; done += block_len) {
        size_t n = len - done < block_len ? len - done : block_len;
        round_block(plan, values + first + done, n, block);
        store(dtype, codes, first + done, block, n);
    }
}

static void dequantize_run(const struct quern_qparams *qparams,
                           const void *codes, size_t first, size_t len,
                           float *out)
{
    enum quern_dtype dtype = qparams->dtype;
    int32_t zero = qparams->zero_point;
    float scale = qparams->scale;
    for (size_t i = first; i < first + len; i++) {
        out[i] = (float)(load(dtype, codes, i) - zero) * scale;
    }
}

size_t quern_codes_size(enum quern_dtype dtype, size_t len)
{
    int32_t lo, hi;
    size_t size;
    if (!qn_code_limits(dtype, &lo, &hi)) {
        return 0;
    }
    if (dtype == QUERN_INT4 || dtype == QUERN_UINT4) {
        return len / 2 + len % 2;
    }
    bool is_wide = dtype == QUERN_INT16 || dtype == QUERN_UINT16;
    return qn_mul(len, is_wide ? 2 : 1, &size) ? size : 0;
}

/* Nibbles are written one by one beside what is there: clear it first, so that
 * the odd tail is 0. */
static void clear_nibbles(enum quern_dtype dtype, size_t len, void *codes)
{
    size_t size = quern_codes_size(dtype, len);
    if ((dtype == QUERN_INT4 || dtype == QUERN_UINT4) && size > 0) {
        memset(codes, 0, size);
    }
}

bool quern_quantize_array(const struct quern_qparams *qparams,
                          const float *values, size_t len, void *out_codes)
{
    struct plan plan;
    if (!make_plan(qparams, false, &plan)) {
        return false;
    }
    clear_nibbles(qparams->dtype, len, out_codes);
    quantize_run(&plan, qparams->dtype, values, 0, len, out_codes);
    return true;
}

/* True when all channels have the type of the first one, a quantized one. */
static bool same_dtypes(const struct quern_qparams *qparams, size_t channels)
{
    int32_t lo, hi;
    if (channels == 0 || !qn_code_limits(qparams[0].dtype, &lo, &hi)) {
        return channels == 0;
    }
    for (size_t c = 1; c < channels; c++) {
        if (qparams[c].dtype != qparams[0].dtype) {
            return false;
        }
    }
    return true;
}

/* Channels lie side by side: take a block of them through all rows, so that
 * their parameters are unpacked once. */
static void quantize_columns(const struct quern_qparams *qparams,
                             bool clip_codes, const float *values, size_t outer,
                             size_t channels, void *codes)
{
    struct plan plans[block_len];
    int32_t block[block_len];
    for (size_t first = 0; first < channels; first += block_len) {
        size_t left = channels - first;
        size_t n = left < block_len ? left : block_len;
        for (size_t c = 0; c < n; c++) {
            (void)make_plan(&qparams[first + c], clip_codes, &plans[c]);
        }
        for (size_t o = 0; o < outer; o++) {
            const float *row = values + o * channels + first;
            for (size_t c = 0; c < n; c++) {
                block[c] = round_one(&plans[c], row[c]);
            }
            store(qparams[0].dtype, codes, o * channels + first, block, n);
        }
    }
}

bool quern_quantize_channels(const struct quern_qparams *qparams,
                             bool clip_codes, const float *values, size_t outer,
                             size_t channels, size_t inner, void *out_codes)
{
    if (!same_dtypes(qparams, channels)) {
        return false;
    }
    if (channels == 0) {
        return true;
    }
    clear_nibbles(qparams[0].dtype, outer * channels * inner, out_codes);
    if (inner == 1) {
        quantize_columns(qparams, clip_codes, values, outer, channels,
                         out_codes);
        return true;
    }
    for (size_t run = 0; run < outer * channels; run++) {
        struct plan plan;
        (void)make_plan(&qparams[run % channels], clip_codes, &plan);
        quantize_run(&plan, qparams[0].dtype, values, run * inner, inner,
                     out_codes);
    }
    return true;
}

bool quern_dequantize_array(const struct quern_qparams *qparams,
                            const void *codes, size_t len, float *out_values)
{
    if (!same_dtypes(qparams, 1)) {
        return false;
    }
    dequantize_run(qparams, codes, 0, len, out_values);
    return true;
}

bool quern_dequantize_channels(const struct quern_qparams *qparams,
                               const void *codes, size_t outer, size_t channels,
                               size_t inner, float *out_values)
{
    if (!same_dtypes(qparams, channels)) {
        return false;
    }
    for (size_t run = 0; run < outer * channels; run++) {
        dequantize_run(&qparams[run % channels], codes, run * inner, inner,
                       out_values);
    }
    return true;
}

size_t quern_quantize_bias(const float *bias, const float *scales, size_t len,
                           int32_t *out_codes)
{
    size_t n_clipped = 0;
    for (size_t i = 0; i < len; i++) {
        double v = nearbyint((double)bias[i] / (double)scales[i]);
        bool fits = v >= (double)INT32_MIN && v <= (double)INT32_MAX;
        if (!fits) {
            n_clipped++;
            v = v > 0.0 ? (double)INT32_MAX : (double)INT32_MIN;
            v = isnan(bias[i]) ? 0.0 : v;
        }
        out_codes[i] = (int32_t)v;
    }
    return n_clipped;
}

void quern_pack_codes(const int8_t *codes, size_t len, uint8_t *out_bytes)
{
    memset(out_bytes, 0, len / 2 + len % 2);
    for (size_t i = 0; i < len; i++) {
        put_nibble(out_bytes, i, codes[i]);
    }
}
