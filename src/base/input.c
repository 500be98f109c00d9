/* Files that are read range by range. */
#include "base/input.h"

#include "base/file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static struct qn_input *create(const char *path)
{
    size_t size = strlen(path) + 1;
    struct qn_input *in = qn_calloc(sizeof *in + size);
    if (in != NULL) {
        atomic_init(&in->count, 1);
        in->fd = -1;
        memcpy(in->path, path, size);
    }
    return in;
}

struct qn_input *qn_input_of(struct qn_buf *buf, const char *path)
{
    struct qn_input *in = create(path);
    if (in != NULL) {
        in->whole = qn_buf_retain(buf);
        in->size = buf->size;
    }
    return in;
}

static enum quern_code open_stream(struct quern_context *context,
                                   const char *path,
                                   struct qn_input **out_input)
{
    struct qn_buf *buf = NULL;
    enum quern_code code = qn_file_map(context, path, &buf);
    if (code == QUERN_OK) {
        *out_input = qn_input_of(buf, path);
        code = *out_input != NULL ? QUERN_OK : qn_no_memory(context);
    }
    qn_buf_release(buf);
    return code;
}

enum quern_code qn_input_open(struct quern_context *context, const char *path,
                              struct qn_input **out_input)
{
    if (strcmp(path, "-") == 0) {
        return open_stream(context, path, out_input);
    }
    struct qn_input *in = create(path);
    if (in == NULL) {
        return qn_no_memory(context);
    }
    enum quern_code code = qn_file_open(context, path, &in->fd, &in->size);
    if (code != QUERN_OK) {
        qn_input_release(in);
        return code;
    }
    *out_input = in;
    return QUERN_OK;
}

static enum quern_code fail(const struct qn_input *in,
                            struct quern_context *context, uint64_t at,
                            ssize_t n)
{
    struct quern_place place = QUERN_PLACE_NONE;
    int reason = errno;
    place.file = in->path;
    return n < 0 ? quern_fail(context, QUERN_IO, &place, "read: %s",
                              strerror(reason))
                 : quern_fail(context, QUERN_IO, &place,
                              "file is cut off while it is read: nothing at "
                              "byte %llu, it had %llu bytes",
                              (unsigned long long)at,
                              (unsigned long long)in->size);
}

enum quern_code qn_input_read(const struct qn_input *in,
                              struct quern_context *context, uint64_t offset,
                              size_t size, void *out)
{
    if (offset > in->size || size > in->size - offset) {
        return fail(in, context, in->size, 0);
    }
    if (size == 0) {
        return QUERN_OK; /* out may be NULL */
    }
    if (in->whole != NULL) {
        memcpy(out, in->whole->data + offset, size);
        return QUERN_OK;
    }
    for (size_t done = 0; done < size;) {
        ssize_t n = pread(in->fd, (char *)out + done, size - done,
                          (off_t)(offset + done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return fail(in, context, offset + done, n);
        }
        done += (size_t)n;
    }
    return QUERN_OK;
}

struct qn_input *qn_input_retain(struct qn_input *in)
{
    if (in != NULL) {
        /* The caller holds a count, so nothing has to be ordered here. */
        atomic_fetch_add_explicit(&in->count, 1, memory_order_relaxed);
    }
    return in;
}

void qn_input_release(struct qn_input *in)
{
    /* Release, so that reads of other holders happen before the closing. */
    if (in == NULL ||
        atomic_fetch_sub_explicit(&in->count, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (in->fd >= 0) {
        close(in->fd);
    }
    qn_buf_release(in->whole);
    qn_free(in);
}
