/* Counted immutable bytes. */
#include "base/buf.h"

#include "base/alloc.h"

#include <string.h>
#include <sys/mman.h>

/* The bytes of a small buffer follow it in one block: a scalar is one access
 * away from its tensor less. */
enum { HEADER = 64, LARGEST_INSIDE = 4096 };

_Static_assert(sizeof(struct qn_buf) <= HEADER, "room in front of the bytes");

struct qn_buf *qn_buf_create(size_t size)
{
    struct qn_buf *buf = qn_buf_create_room(size);
    if (buf != NULL) {
        memset(buf->data, 0, size);
    }
    return buf;
}

struct qn_buf *qn_buf_create_room(size_t size)
{
    bool inside = size <= LARGEST_INSIDE;
    struct qn_buf *buf =
        inside ? qn_alloc_aligned(HEADER + size) : qn_calloc(sizeof *buf);
    unsigned char *data = !inside       ? qn_alloc_aligned(size)
                          : buf != NULL ? (unsigned char *)buf + HEADER
                                        : NULL;
    if (buf == NULL || data == NULL) {
        qn_free(buf);
        qn_free(inside ? NULL : data);
        return NULL;
    }
    *buf = (struct qn_buf){
        .data = data, .size = size, .owned = true, .inside = inside};
    atomic_init(&buf->count, 1);
    return buf;
}

struct qn_buf *qn_buf_wrap(void *data, size_t size, quern_release_fn release,
                           void *user)
{
    struct qn_buf *buf = qn_calloc(sizeof *buf);
    if (buf != NULL) {
        atomic_init(&buf->count, 1);
        buf->data = data;
        buf->size = size;
        buf->release = release;
        buf->user = user;
    }
    return buf;
}

struct qn_buf *qn_buf_retain(struct qn_buf *buf)
{
    if (buf != NULL) {
        /* The caller holds a count, so nothing has to be ordered here. */
        atomic_fetch_add_explicit(&buf->count, 1, memory_order_relaxed);
    }
    return buf;
}

void qn_buf_forget(const struct qn_buf *buf, size_t offset, size_t size)
{
    enum { PAGES = 1 << 16 }; /* the kernel maps some pages around a fault */
    size_t first = offset & ~(size_t)(PAGES - 1);
    size_t end = (offset + size + PAGES - 1) & ~(size_t)(PAGES - 1);
    end = end < buf->size ? end : buf->size;
    if (buf->mapped && first < end) {
        (void)madvise(buf->data + first, end - first, MADV_DONTNEED);
    }
}

void qn_buf_release(struct qn_buf *buf)
{
    /* Release, so that writes of other holders happen before the free. */
    if (buf == NULL ||
        atomic_fetch_sub_explicit(&buf->count, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (buf->owned && !buf->inside) {
        qn_free(buf->data);
    } else if (!buf->owned && buf->release != NULL) {
        buf->release(buf->user, buf->data);
    }
    qn_free(buf);
}
