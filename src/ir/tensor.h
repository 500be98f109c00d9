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

struct quern_tensor {
    atomic_uint count;
    enum quern_dtype dtype;
    int rank;
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

/** A string tensor; the strings are copied. `n` must be what dims need. */
enum quern_code qn_tensor_strings(struct quern_context *context, int rank,
                                  const int64_t *dims,
                                  const struct qn_string *strings, size_t n,
                                  struct quern_tensor **out_tensor)
    __attribute__((warn_unused_result));

/** Bytes that a shape needs, or an error. */
enum quern_code qn_tensor_size_of(struct quern_context *context,
                                  enum quern_dtype dtype, int rank,
                                  const int64_t *dims, int64_t *out_len,
                                  size_t *out_size)
    __attribute__((warn_unused_result));

#endif
