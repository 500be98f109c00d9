/** @file tensor.h
 * Tensors: an element type, dimensions and bytes that are shared and counted.
 * Tier: stable.
 *
 * A tensor is immutable once a second holder exists. Bytes are little-endian,
 * row-major, sub-byte elements packed low bits first (as ONNX raw_data).
 * Bytes may lie in the mapped model file and so may be **unaligned**: read
 * them with memcpy, with quern_tensor_read_*(), or ask for an aligned twin.
 * String tensors have no bytes; their elements are spans.
 * Counting is atomic: a tensor may be retained and released in any thread.
 */
#ifndef QUERN_TENSOR_H
#define QUERN_TENSOR_H

#include <quern/diag.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Frees memory that was lent to a tensor. */
typedef void (*quern_release_fn)(void *user, void *data);

/** Make a tensor with bytes of its own, zeroed.
 * @param dims  `rank` numbers >= 0; rank 0 is a scalar
 * @param out_tensor  written on success; the caller owns one count
 * @return QUERN_OK; _INVALID_ARGUMENT (string type, rank, negative
 * dimension); _LIMIT (size overflows or exceeds max_memory); _NO_MEMORY */
QUERN_NODISCARD QUERN_API enum quern_code
quern_tensor_create(struct quern_context *context, enum quern_dtype dtype,
                    int rank, const int64_t *dims,
                    struct quern_tensor **out_tensor);

/** Make a tensor over the caller's memory without copying.
 * @param data     at least as many bytes as the shape needs, borrowed until
 *                 `release` is called (with `user`); release may be NULL
 * @param size     bytes at `data`; must be exactly what the shape needs
 * @return as quern_tensor_create(); on failure `release` is not called */
QUERN_NODISCARD QUERN_API enum quern_code
quern_tensor_wrap(struct quern_context *context, enum quern_dtype dtype,
                  int rank, const int64_t *dims, void *data, size_t size,
                  quern_release_fn release, void *user,
                  struct quern_tensor **out_tensor);

/** A float scalar or 1-D float tensor, copied from `values`.
 * @param len  number of values; -1 makes a scalar of values[0] */
QUERN_NODISCARD QUERN_API enum quern_code
quern_tensor_of_floats(struct quern_context *context, int64_t len,
                       const float *values, struct quern_tensor **out_tensor);

/** As quern_tensor_of_floats(), for int64. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_tensor_of_ints(struct quern_context *context, int64_t len,
                     const int64_t *values, struct quern_tensor **out_tensor);

/** The same bytes under another shape with as many elements.
 * The new tensor retains the bytes. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_tensor_reshape(struct quern_tensor *tensor, int rank, const int64_t *dims,
                     struct quern_tensor **out_tensor);

/** Elements converted to another number type, as ONNX Cast does without
 * saturation options; to the same type it retains. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_tensor_cast(struct quern_context *context, struct quern_tensor *tensor,
                  enum quern_dtype dtype, struct quern_tensor **out_tensor);

/** Retained twin whose bytes are aligned to 64: itself if they are. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_tensor_align(struct quern_context *context, struct quern_tensor *tensor,
                   struct quern_tensor **out_tensor);

/** Count one more holder; returns its argument. NULL is fine. */
QUERN_API struct quern_tensor *quern_tensor_retain(struct quern_tensor *tensor);

/** Give up one count and clear the pointer; NULL and *tensor NULL are fine. */
QUERN_API void quern_tensor_release(struct quern_tensor **tensor);

QUERN_API enum quern_dtype quern_tensor_dtype(const struct quern_tensor *t);
QUERN_API int quern_tensor_rank(const struct quern_tensor *tensor);
/** `rank` numbers, borrowed from the tensor. */
QUERN_API const int64_t *quern_tensor_dims(const struct quern_tensor *tensor);
/** Number of elements; 1 for a scalar. */
QUERN_API int64_t quern_tensor_len(const struct quern_tensor *tensor);
/** Number of bytes; 0 for strings. */
QUERN_API size_t quern_tensor_size(const struct quern_tensor *tensor);

/** The bytes, possibly unaligned, borrowed from the tensor. External data is
 * mapped when the model is opened, so this cannot fail. NULL for strings and
 * when there are no elements. */
QUERN_API const void *quern_tensor_data(const struct quern_tensor *tensor);

/** For who has looked at a large tensor and is done: where its bytes are those
 * of a mapped file, they leave this process's memory. They stay valid and come
 * back when they are read. */
QUERN_API void quern_tensor_forget(const struct quern_tensor *tensor);

/** The bytes for writing: only while the caller is the only holder of a tensor
 * that owns its bytes, else NULL. */
QUERN_API void *quern_tensor_data_mut(struct quern_tensor *tensor);

/** Read `n` elements from index `first` on as float (integers are converted,
 * half types widened; double is rounded).
 * @return false when the range or the type (string, complex) does not fit */
QUERN_NODISCARD QUERN_API bool
quern_tensor_read_floats(const struct quern_tensor *tensor, int64_t first,
                         int64_t n, float *out_values);

/** As quern_tensor_read_floats(), for int64; floating types must hold whole
 * numbers in range, else false. bool gives 0 and 1. */
QUERN_NODISCARD QUERN_API bool
quern_tensor_read_ints(const struct quern_tensor *tensor, int64_t first,
                       int64_t n, int64_t *out_values);

/** As quern_tensor_read_floats(), for double. */
QUERN_NODISCARD QUERN_API bool
quern_tensor_read_doubles(const struct quern_tensor *tensor, int64_t first,
                          int64_t n, double *out_values);

/** Element i of a string tensor: bytes that are not NUL-terminated.
 * @return false when it is no string tensor or i is out of range */
QUERN_NODISCARD QUERN_API bool
quern_tensor_string(const struct quern_tensor *tensor, int64_t i,
                    const char **out_bytes, size_t *out_size);

/** Equal type, dimensions and bytes (strings: spans). */
QUERN_API bool quern_tensor_equal(const struct quern_tensor *a,
                                  const struct quern_tensor *b);

#ifdef __cplusplus
}
#endif

#endif
