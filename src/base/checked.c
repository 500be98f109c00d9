/* Sizes from input: shapes and packed bytes. */
#include "base/checked.h"

bool qn_shape_len(int rank, const int64_t *dims, int64_t *out_len)
{
    int64_t len = 1;
    bool zero = false;
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0) {
            return false;
        }
        /* A zero anywhere makes the product 0, but the others must not
         * overflow either: strides are made from them. */
        zero = zero || dims[i] == 0;
        if (dims[i] != 0 && !qn_mul_i64(len, dims[i], &len)) {
            return false;
        }
    }
    *out_len = zero ? 0 : len;
    return true;
}

bool qn_packed_size(int64_t len, unsigned bits, size_t *out_size)
{
    size_t n = (size_t)len;
    if (len < 0) {
        return false;
    }
    if (bits >= 8) {
        return qn_mul(n, bits / 8, out_size) && *out_size <= INT64_MAX;
    }
    size_t per_byte = bits == 0 ? 1 : 8 / bits;
    *out_size = bits == 0 ? 0 : n / per_byte + (n % per_byte != 0 ? 1 : 0);
    return true;
}
