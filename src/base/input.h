/* Files of samples: read range by range, with pread. A mapping would do with
 * less code, but its pages count as memory of the process, and Linux maps whole
 * folios of the page cache (megabytes) around the one that is touched, so that
 * peak memory would follow the size of the file. A file that is cut off while
 * it is read is an error here, not a signal. */
#ifndef QUERN_BASE_INPUT_H
#define QUERN_BASE_INPUT_H

#include "base/buf.h"
#include "base/diag.h"

struct qn_input {
    atomic_uint count;
    struct qn_buf *whole; /* bytes that are in memory anyway, or NULL */
    int fd;               /* else the file */
    uint64_t size;
    char path[]; /* for messages */
};

/** Open a regular file; "-" is standard input, read into memory.
 * @return QUERN_OK; _IO with the path and the system's reason; _LIMIT (standard
 * input); _NO_MEMORY */
enum quern_code qn_input_open(struct quern_context *context, const char *path,
                              struct qn_input **out_input)
    __attribute__((warn_unused_result));

/** Bytes in memory, which are retained; NULL when none is left.
 * @param path  for messages; copied */
struct qn_input *qn_input_of(struct qn_buf *buf, const char *path);

/** Bytes [offset, offset + size). Thread-safe.
 * @return QUERN_OK; _IO (the file ends before, or what the system says) */
enum quern_code qn_input_read(const struct qn_input *input,
                              struct quern_context *context, uint64_t offset,
                              size_t size, void *out)
    __attribute__((warn_unused_result));

struct qn_input *qn_input_retain(struct qn_input *input);
/** NULL is fine. */
void qn_input_release(struct qn_input *input);

#endif
