/* One array in numpy's format (NEP 1): header and bytes to a tensor. */
#ifndef QUERN_DATA_NPY_H
#define QUERN_DATA_NPY_H

#include "base/buf.h"
#include "base/diag.h"

/** A tensor over the array in buf[offset, offset + size). Big-endian and
 * Fortran order are converted (copied), the rest is a slice.
 * @param name  for messages
 * @return QUERN_OK; _MALFORMED; _UNSUPPORTED (object, unicode …) */
enum quern_code qn_npy_read(struct quern_context *context, const char *file,
                            const char *name, struct qn_buf *buf, size_t offset,
                            size_t size, struct quern_tensor **out_tensor)
    __attribute__((warn_unused_result));

/** Header of an array for writing, version 1.0, padded to 64.
 * @return its size; 0: type cannot be written */
size_t qn_npy_header(enum quern_dtype dtype, int rank, const int64_t *dims,
                     char *out, size_t room);

#endif
