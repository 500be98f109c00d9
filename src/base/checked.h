/* Sizes from input: arithmetic that notices overflow. */
#ifndef QUERN_BASE_CHECKED_H
#define QUERN_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** *out = a + b, or false. */
static inline bool qn_add(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

/** *out = a * b, or false. */
static inline bool qn_mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

static inline bool qn_add_i64(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

static inline bool qn_mul_i64(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

/** Product of `rank` dimensions >= 0, or false (negative, overflow). */
bool qn_shape_len(int rank, const int64_t *dims, int64_t *out_len);

/** Bytes of `len` elements of `bits` bits, sub-byte ones packed; or false. */
bool qn_packed_size(int64_t len, unsigned bits, size_t *out_size);

#endif
