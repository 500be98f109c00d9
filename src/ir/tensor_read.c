/* Elements of a tensor as numbers, and casts between element types.
 *
 * Cast follows ONNX Cast-24: float to integer truncates toward zero; what does
 * not fit an integer is undefined there, here it saturates and NaN gives 0;
 * integer to integer wraps; to bool everything but zero is true; to float8
 * saturates.
 */
#include "base/numeric.h"
#include "ir/tensor.h"

#include <math.h>
#include <string.h>

static bool in_range(const struct quern_tensor *t, int64_t first, int64_t n)
{
    return first >= 0 && n >= 0 && first <= t->len && n <= t->len - first;
}

/* Element i as double; false for strings and complex numbers. int64 loses bits
 * above 2^53: read_int() is for those. */
static bool read_double(const struct quern_tensor *t, int64_t i, double *out)
{
    const unsigned char *p = t->data;
    size_t k = (size_t)i;
    switch ((int)t->dtype) {
    case QUERN_FLOAT: {
        float x;
        memcpy(&x, p + k * 4, 4);
        *out = (double)x;
        return true;
    }
    case QUERN_DOUBLE:
        memcpy(out, p + k * 8, 8);
        return true;
    case QUERN_FLOAT16:
    case QUERN_BFLOAT16: {
        uint16_t x;
        memcpy(&x, p + k * 2, 2);
        *out = (double)(t->dtype == QUERN_FLOAT16 ? qn_half_to_float(x)
                                                  : qn_bfloat16_to_float(x));
        return true;
    }
    case QUERN_FLOAT8E4M3FN:
    case QUERN_FLOAT8E4M3FNUZ:
    case QUERN_FLOAT8E5M2:
    case QUERN_FLOAT8E5M2FNUZ:
    case QUERN_FLOAT8E8M0:
        *out = (double)qn_small_to_float(t->dtype, p[k]);
        return true;
    case QUERN_FLOAT4E2M1:
        *out = (double)qn_small_to_float(
            t->dtype, (uint8_t)(p[k / 2] >> (k % 2 * 4) & 15));
        return true;
    default:
        return false;
    }
}

/* Element i of an integer or bool type; uint64 above INT64_MAX wraps. */
static bool read_int(const struct quern_tensor *t, int64_t i, int64_t *out)
{
    const unsigned char *p = t->data;
    size_t k = (size_t)i;
    unsigned bits = quern_dtype_bits(t->dtype);
    bool is_signed = quern_dtype_is_signed(t->dtype);
    if (t->dtype == QUERN_BOOL) {
        *out = p[k] != 0;
        return true;
    }
    if (!quern_dtype_is_integer(t->dtype)) {
        return false;
    }
    if (bits < 8) {
        *out = qn_unpack(p, k, t->dtype);
        return true;
    }
    uint64_t raw = 0;
    memcpy(&raw, p + k * (bits / 8), bits / 8);
    if (is_signed && bits < 64 && (raw >> (bits - 1) & 1) != 0) {
        raw |= ~UINT64_C(0) << bits;
    }
    *out = (int64_t)raw;
    return true;
}

bool quern_tensor_read_doubles(const struct quern_tensor *tensor, int64_t first,
                               int64_t n, double *out_values)
{
    if (!in_range(tensor, first, n)) {
        return false;
    }
    for (int64_t i = 0; i < n; i++) {
        int64_t whole = 0;
        if (read_int(tensor, first + i, &whole)) {
            out_values[i] = tensor->dtype == QUERN_UINT64
                                ? (double)(uint64_t)whole
                                : (double)whole;
        } else if (!read_double(tensor, first + i, &out_values[i])) {
            return false;
        }
    }
    return true;
}

bool quern_tensor_read_floats(const struct quern_tensor *tensor, int64_t first,
                              int64_t n, float *out_values)
{
    if (!in_range(tensor, first, n)) {
        return false;
    }
    if (tensor->dtype == QUERN_FLOAT) {
        if (n > 0) {
            memcpy(out_values, tensor->data + (size_t)first * 4, (size_t)n * 4);
        }
        return true;
    }
    for (int64_t i = 0; i < n; i++) {
        double x = 0.0;
        if (!quern_tensor_read_doubles(tensor, first + i, 1, &x)) {
            return false;
        }
        out_values[i] = (float)x;
    }
    return true;
}

bool quern_tensor_read_ints(const struct quern_tensor *tensor, int64_t first,
                            int64_t n, int64_t *out_values)
{
    if (!in_range(tensor, first, n)) {
        return false;
    }
    for (int64_t i = 0; i < n; i++) {
        double x = 0.0;
        if (read_int(tensor, first + i, &out_values[i])) {
            if (tensor->dtype == QUERN_UINT64 && out_values[i] < 0) {
                return false;
            }
            continue;
        }
        if (!read_double(tensor, first + i, &x) || !(fabs(x) < 9.2e18) ||
            x < trunc(x) || x > trunc(x)) {
            return false;
        }
        out_values[i] = (int64_t)x;
    }
    return true;
}

/* -------------------------------------------------------------- casting */

static int64_t truncate_to(double x, enum quern_dtype dtype)
{
    double lo = (double)qn_dtype_min(dtype);
    double hi = (double)qn_dtype_max(dtype);
    if (isnan(x)) {
        return 0;
    }
    x = trunc(x);
    if (x <= lo) {
        return qn_dtype_min(dtype);
    }
    return x >= hi ? qn_dtype_max(dtype) : (int64_t)x;
}

static void store_int(unsigned char *data, size_t k, enum quern_dtype dtype,
                      int64_t value)
{
    unsigned bits = quern_dtype_bits(dtype);
    if (bits < 8) {
        qn_pack(data, k, dtype, (int32_t)(value & 15));
    } else {
        memcpy(data + k * (bits / 8), &value, bits / 8); /* little-endian */
    }
}

static bool store_float(unsigned char *data, size_t k, enum quern_dtype dtype,
                        double value)
{
    float x = (float)value;
    uint16_t half;
    switch ((int)dtype) {
    case QUERN_FLOAT:
        memcpy(data + k * 4, &x, 4);
        return true;
    case QUERN_DOUBLE:
        memcpy(data + k * 8, &value, 8);
        return true;
    case QUERN_FLOAT16:
    case QUERN_BFLOAT16:
        half = dtype == QUERN_FLOAT16 ? qn_half_from_float(x)
                                      : qn_bfloat16_from_float(x);
        memcpy(data + k * 2, &half, 2);
        return true;
    case QUERN_FLOAT8E4M3FN:
    case QUERN_FLOAT8E4M3FNUZ:
    case QUERN_FLOAT8E5M2:
    case QUERN_FLOAT8E5M2FNUZ:
    case QUERN_FLOAT8E8M0:
        data[k] = qn_small_from_float(dtype, x, true);
        return true;
    case QUERN_FLOAT4E2M1: {
        unsigned shift = (unsigned)(k % 2) * 4;
        unsigned kept = data[k / 2] & ~(15u << shift);
        data[k / 2] =
            (unsigned char)(kept | (unsigned)qn_small_from_float(dtype, x, true)
                                       << shift);
        return true;
    }
    default:
        return false;
    }
}

static bool cast_element(const struct quern_tensor *from, int64_t i,
                         unsigned char *data, enum quern_dtype dtype)
{
    int64_t whole = 0;
    double x = 0.0;
    bool is_int = read_int(from, i, &whole);
    if (!is_int && !read_double(from, i, &x)) {
        return false;
    }
    if (dtype == QUERN_BOOL) {
        data[i] = is_int ? whole != 0 : (x < 0.0 || x > 0.0 || isnan(x));
        return true;
    }
    if (quern_dtype_is_integer(dtype)) {
        store_int(data, (size_t)i, dtype,
                  is_int ? whole : truncate_to(x, dtype));
        return true;
    }
    if (is_int) {
        x = from->dtype == QUERN_UINT64 ? (double)(uint64_t)whole
                                        : (double)whole;
    }
    return store_float(data, (size_t)i, dtype, x);
}

enum quern_code quern_tensor_cast(struct quern_context *context,
                                  struct quern_tensor *tensor,
                                  enum quern_dtype dtype,
                                  struct quern_tensor **out_tensor)
{
    if (tensor->dtype == dtype) {
        *out_tensor = quern_tensor_retain(tensor);
        return QUERN_OK;
    }
    struct quern_tensor *result = NULL;
    enum quern_code code = quern_tensor_create(context, dtype, tensor->rank,
                                               tensor->dims, &result);
    if (code != QUERN_OK) {
        return code;
    }
    unsigned char *data = quern_tensor_data_mut(result);
    for (int64_t i = 0; i < tensor->len; i++) {
        if (!cast_element(tensor, i, data, dtype)) {
            quern_tensor_release(&result);
            return quern_fail(context, QUERN_UNSUPPORTED, NULL,
                              "cast of a tensor from %s to %s",
                              quern_dtype_name(tensor->dtype),
                              quern_dtype_name(dtype));
        }
    }
    *out_tensor = result;
    return QUERN_OK;
}
