/* Counted immutable bytes: a mapped file, heap, or memory of the caller. */
#ifndef QUERN_BASE_BUF_H
#define QUERN_BASE_BUF_H

#include <quern/tensor.h>

#include <stdatomic.h>

struct qn_buf {
    atomic_uint count;
    unsigned char *data; /* read only, unless owned and the count is 1 */
    size_t size;
    bool owned;  /* heap that may be written while the count is 1 */
    bool inside; /* owned, in one block with this */
    bool mapped; /* pages of a file, which can be read again */
    quern_release_fn release;
    void *user;
};

/** Zeroed heap bytes aligned to 64. NULL when none left. */
struct qn_buf *qn_buf_create(size_t size);

/** The same, not zeroed: for who writes all of them. */
struct qn_buf *qn_buf_create_room(size_t size);

/** Wrap bytes; release may be NULL. NULL when none left (not released). */
struct qn_buf *qn_buf_wrap(void *data, size_t size, quern_release_fn release,
                           void *user);
struct qn_buf *qn_buf_retain(struct qn_buf *buf);

/** Let go of the memory behind a range of a mapped file; reading it again reads
 * the file again. Does nothing for other buffers. */
void qn_buf_forget(const struct qn_buf *buf, size_t offset, size_t size);

/** NULL is fine. */
void qn_buf_release(struct qn_buf *buf);

#endif
