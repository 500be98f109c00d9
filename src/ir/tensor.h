/* Fields behind struct quern_tensor, and tensors over slices of a file. */
#ifndef QUERN_IR_TENSOR_H
#define QUERN_IR_TENSOR_H

#include <quern/tensor.h>

#include "base/buf.h"
#include "base/diag.h"

/** A string element: bytes, not NUL-terminated. */
struct qn_string {
    const char *bytes;
    size_t size;
};

/** What is small lies in its buffer, right behind its bytes: both are one
 * access then. */
struct quern_tensor {
    atomic_uint count;
    enum quern_dtype dtype;
    int rank;
    bool inside; /* of the buffer, and gone with it */
    int64_t len;
    struct qn_buf *buf; /* one count */
    const unsigned char *data;
    size_t size;
    const struct qn_string *strings; /* string tensors: in a buf of their own */
    struct quern_tensor *const *items; /* lists: `len` of them, in buf; NULL: no
                                          list, or one that is nothing */
    bool is_list; /* of tensors: no type, no bytes, one dimension */
    int64_t dims[];
};

/** A tensor over `size` bytes at `offset` of a buffer, which is retained. The
 * caller has checked that the range lies in the buffer.
 * @return as quern_tensor_create(); _MALFORMED when size does not fit */
enum quern_code
qn_tensor_slice(struct quern_context *context, enum quern_dtype dtype, int rank,
                const int64_t *dims, struct qn_buf *buf, size_t offset,
                size_t size, struct quern_tensor **out_tensor)
    __attribute__((warn_unused_result));

/** Zeroed memory of a tensor and its dims becomes one, of no buffer yet. */
void qn_tensor_init(struct quern_tensor *tensor, enum quern_dtype dtype,
                    int rank, const int64_t *dims, int64_t len);

/** What a new tensor needs, or an error. */
enum quern_code qn_tensor_check_new(struct quern_context *context,
                                    enum quern_dtype dtype, int rank,
                                    const int64_t *dims, int64_t *out_len,
                                    size_t *out_size)
    __attribute__((warn_unused_result));

/* Bytes up to which a tensor lies in its buffer. */
enum { QN_TENSOR_SMALL = 1024 };

/** One in one block with its `size` bytes, all zeroed. NULL: no memory. */
struct quern_tensor *qn_tensor_small(enum quern_dtype dtype, int rank,
                                     const int64_t *dims, int64_t len,
                                     size_t size);

/** A buffer that takes small tensors one behind another; it goes when none of
 * them is left. Zeroed storage is an empty one. */
struct qn_tensor_pack {
    struct qn_buf *buf; /* one count; NULL: none yet */
    size_t used;
};

/** A tensor in a pack, or in a buffer of its own if it is large.
 * @param out_data  its bytes, zeroed, for the caller to fill in now
 * @return as quern_tensor_create() */
enum quern_code
qn_tensor_packed(struct quern_context *context, struct qn_tensor_pack *pack,
                 enum quern_dtype dtype, int rank, const int64_t *dims,
                 struct quern_tensor **out_tensor, unsigned char **out_data)
    __attribute__((warn_unused_result));

/** The pack takes no more. */
void qn_tensor_pack_finish(struct qn_tensor_pack *pack);

/** A string tensor; the strings are copied. `n` must be what dims need. */
enum quern_code qn_tensor_strings(struct quern_context *context, int rank,
                                  const int64_t *dims,
                                  const struct qn_string *strings, size_t n,
                                  struct quern_tensor **out_tensor)
    __attribute__((warn_unused_result));

/** Elements of a tensor whose bytes must be as many as its shape needs.
 * @return QUERN_OK; _MALFORMED; as qn_tensor_size_of() */
enum quern_code qn_tensor_check_bytes(struct quern_context *context,
                                      enum quern_dtype dtype, int rank,
                                      const int64_t *dims, size_t found,
                                      int64_t *out_len)
    __attribute__((warn_unused_result));

/** Bytes that a shape needs, or an error. */
enum quern_code qn_tensor_size_of(struct quern_context *context,
                                  enum quern_dtype dtype, int rank,
                                  const int64_t *dims, int64_t *out_len,
                                  size_t *out_size)
    __attribute__((warn_unused_result));

#endif
