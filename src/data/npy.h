/* Arrays in numpy's format (NEP 1, versions 1 to 3): the header. */
#ifndef QUERN_DATA_NPY_H
#define QUERN_DATA_NPY_H

#include "base/buf.h"
#include "base/diag.h"

enum {
    QN_NPY_HEADER_MOST = 4096, /* bytes in front of the numbers */
};

struct qn_npy {
    enum quern_dtype dtype;
    bool swap; /* big-endian */
    bool fortran;
    int rank;
    int64_t dims[QUERN_MAX_RANK];
    size_t data; /* where the numbers begin */
    size_t size; /* bytes that they take */
};

/** Read the header that stands at the beginning of `data`.
 * @param file, name  for messages
 * @param whole       bytes of the whole array, header included
 * @return QUERN_OK; _MALFORMED (no header, truncated, too long); _UNSUPPORTED
 * (object arrays, structures, text, dates: named); _LIMIT */
enum quern_code qn_npy_parse(struct quern_context *context, const char *file,
                             const char *name, const unsigned char *data,
                             size_t size, uint64_t whole,
                             struct qn_npy *out_npy)
    __attribute__((warn_unused_result));

/** Header of an array for writing, version 1.0, padded to 64.
 * @return its size; 0: type cannot be written */
size_t qn_npy_header(enum quern_dtype dtype, int rank, const int64_t *dims,
                     char *out, size_t room);

#endif
