/** @file types.h
 * Codes, element types and the handles that all other headers use.
 * Tier: stable. Enumerators are only ever appended.
 *
 * Ownership words used in all public comments: *owns*, *borrows* (until when
 * is said), *takes* (the callee frees it, on failure too), *retains*.
 */
#ifndef QUERN_TYPES_H
#define QUERN_TYPES_H

#include <quern/version.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define QUERN_NODISCARD __attribute__((warn_unused_result))
#define QUERN_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/** What a call came to. Each code says what the caller can do about it. */
enum quern_code {
    QUERN_OK = 0,
    QUERN_INVALID_ARGUMENT = 1, /**< call, option or recipe is wrong: fix it */
    QUERN_IO = 2,               /**< the system refused a file operation */
    QUERN_MALFORMED = 3,        /**< bytes that are no model, array or recipe */
    QUERN_INVALID_MODEL = 4,    /**< well-formed bytes, but no valid graph */
    QUERN_UNSUPPORTED = 5,      /**< valid, but outside what quern can do */
    QUERN_NOT_FOUND = 6,        /**< a named thing does not exist */
    QUERN_LIMIT = 7,            /**< beyond a limit that the caller can raise */
    QUERN_NO_MEMORY = 8,
    QUERN_NUMERIC = 9,    /**< values (NaN, infinity, overflow) forbid it */
    QUERN_CANCELLED = 10, /**< quern_context_cancel() was called */
    QUERN_INTERNAL = 11,  /**< our bug, or a pass or plugin broke its promise */
};

/** Element type; the numbers are those of ONNX TensorProto.DataType. */
enum quern_dtype {
    QUERN_UNDEFINED = 0,
    QUERN_FLOAT = 1,
    QUERN_UINT8 = 2,
    QUERN_INT8 = 3,
    QUERN_UINT16 = 4,
    QUERN_INT16 = 5,
    QUERN_INT32 = 6,
    QUERN_INT64 = 7,
    QUERN_STRING = 8,
    QUERN_BOOL = 9,
    QUERN_FLOAT16 = 10,
    QUERN_DOUBLE = 11,
    QUERN_UINT32 = 12,
    QUERN_UINT64 = 13,
    QUERN_COMPLEX64 = 14,
    QUERN_COMPLEX128 = 15,
    QUERN_BFLOAT16 = 16,
    QUERN_FLOAT8E4M3FN = 17,
    QUERN_FLOAT8E4M3FNUZ = 18,
    QUERN_FLOAT8E5M2 = 19,
    QUERN_FLOAT8E5M2FNUZ = 20,
    QUERN_UINT4 = 21,
    QUERN_INT4 = 22,
    QUERN_FLOAT4E2M1 = 23,
    QUERN_FLOAT8E8M0 = 24,
    QUERN_UINT2 = 25,
    QUERN_INT2 = 26,
};

/** Highest rank that shapes, arrays and kernels accept. */
#define QUERN_MAX_RANK 16

struct quern_context;
struct quern_tensor;
struct quern_model;
struct quern_graph;
struct quern_node;
struct quern_value;
struct quern_use;
struct quern_table;
struct quern_expr;
struct quern_pass_ctx;
struct quern_target;

/** Begin of a hash. */
#define QUERN_HASH_START UINT64_C(0xcbf29ce484222325)

/** Add bytes to a hash: FNV-1a over words of eight bytes, the rest bytewise.
 * Equal bytes in equal pieces give equal numbers on machines of one byte order;
 * no defence against who wants a collision. Thread-safe. */
QUERN_API uint64_t quern_hash(uint64_t hash, const void *bytes, size_t size);

/** Name of a code as it stands in messages: "ok", "malformed", …
 * Never NULL. Thread-safe. */
QUERN_API const char *quern_code_name(enum quern_code code);

/** Name of an element type as ONNX's documentation spells it: "float",
 * "uint8", "float8e4m3fn". "undefined" for anything else. Thread-safe. */
QUERN_API const char *quern_dtype_name(enum quern_dtype dtype);

/** Element type of a name; also accepts "float32", "float64".
 * @return QUERN_UNDEFINED when no type has that name. Thread-safe. */
QUERN_API enum quern_dtype quern_dtype_of_name(const char *name);

/** Size of one element in bits (4 for int4, 0 for string and undefined). */
QUERN_API unsigned quern_dtype_bits(enum quern_dtype dtype);

/** True for uint2 … int64 and bool's integer kin; false for bool itself. */
QUERN_API bool quern_dtype_is_integer(enum quern_dtype dtype);

/** True for every floating type, float4 and float8 included. */
QUERN_API bool quern_dtype_is_float(enum quern_dtype dtype);

/** True for integer types that can hold negative numbers. */
QUERN_API bool quern_dtype_is_signed(enum quern_dtype dtype);

#ifdef __cplusplus
}
#endif

#endif
