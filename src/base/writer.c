/* Writing a file whole or not at all: a temporary one beside it, renamed. */
#include <quern/file.h>

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_SIZE = 1 << 18, PIECE = 1 << 24 };

static enum quern_code io_error(struct qn_writer *w, const char *what)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.file = w->path;
    place.stage = "write";
    return quern_fail(w->context, QUERN_IO, &place, "%s: %s", what,
                      strerror(errno));
}

/* Where quern_context_abandon() finds the temporary file. Before the file is
 * made: a handler of signals may run at any moment. */
static void make_known(struct qn_writer *w)
{
    struct quern_context *root = w->context;
    while (root->parent != NULL) {
        root = root->parent;
    }
    for (size_t i = 0; i < QN_TEMPORARIES && w->known == NULL; i++) {
        char *none = NULL;
        if (atomic_compare_exchange_strong(&root->temporaries[i], &none,
                                           w->temporary)) {
            w->known = &root->temporaries[i];
        }
    }
}

/* False: a handler is about to remove it just now, and has its name. */
static bool forget(struct qn_writer *w)
{
    bool is_ours =
        w->known == NULL || atomic_exchange(w->known, NULL) == w->temporary;
    w->known = NULL;
    return is_ours;
}

void quern_context_abandon(struct quern_context *context)
{
    for (size_t i = 0; i < QN_TEMPORARIES; i++) {
        /* Taken meanwhile, so that no other thread frees it. */
        char *path = atomic_exchange(&context->temporaries[i], NULL);
        if (path != NULL) {
            (void)unlink(path);
            atomic_store(&context->temporaries[i], path);
        }
    }
}

static void free_fields(struct qn_writer *w)
{
    qn_free(w->path);
    if (forget(w)) {
        qn_free(w->temporary);
    }
    qn_free(w->buffer);
    w->path = NULL;
    w->temporary = NULL;
    w->buffer = NULL;
    w->fd = -1;
}

/* The file that a link stands for, so that the link survives. */
static char *resolve(const char *path)
{
    char target[PATH_MAX];
    return qn_strdup(realpath(path, target) != NULL ? target : path);
}

/* A terminal, a pipe, a device: there is nothing to put in its place. */
static enum quern_code open_as_it_is(struct qn_writer *w)
{
    w->fd = open(w->path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    return w->fd >= 0 ? QUERN_OK : io_error(w, "open output");
}

static enum quern_code open_temporary(struct qn_writer *w, bool any_kind)
{
    struct stat info;
    bool exists = stat(w->path, &info) == 0;
    if (exists && any_kind && !S_ISREG(info.st_mode)) {
        return open_as_it_is(w);
    }
    if (exists && !S_ISREG(info.st_mode)) {
        errno = S_ISDIR(info.st_mode) ? EISDIR : EINVAL;
        return io_error(w, "output must be a regular file");
    }
    size_t room = strlen(w->path) + 24;
    w->temporary = qn_calloc(room);
    if (w->temporary == NULL) {
        return qn_no_memory(w->context);
    }
    mode_t mode = exists ? info.st_mode & 07777u : 0666u;
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(w->temporary, room, "%s.tmp%u.%ld", w->path, i,
                 (long)getpid());
        make_known(w);
        w->fd =
            open(w->temporary,
                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (w->fd >= 0 || errno != EEXIST) {
            break;
        }
        (void)forget(w); /* it is another's */
    }
    if (w->fd < 0) {
        enum quern_code code = io_error(w, "create output");
        if (forget(w)) {
            qn_free(w->temporary);
        }
        w->temporary = NULL; /* what stands there is not ours to remove */
        return code;
    }
    if (exists && fchmod(w->fd, mode) != 0) {
        return io_error(w, "set mode of output");
    }
    return QUERN_OK;
}

static enum quern_code open_writer(struct qn_writer *w,
                                   struct quern_context *context,
                                   const char *path, bool any_kind)
{
    *w = (struct qn_writer){.context = context, .fd = -1};
    w->path = resolve(path);
    w->buffer = qn_calloc(BUFFER_SIZE);
    enum quern_code code = w->path != NULL && w->buffer != NULL
                               ? open_temporary(w, any_kind)
                               : qn_no_memory(context);
    if (code != QUERN_OK) {
        qn_writer_abort(w);
    }
    return code;
}

enum quern_code qn_writer_open(struct qn_writer *w,
                               struct quern_context *context, const char *path)
{
    return open_writer(w, context, path, false);
}

static void write_all(struct qn_writer *w, const unsigned char *data,
                      size_t size)
{
    while (size > 0 && w->code == QUERN_OK) {
        /* In pieces, so that an interrupt need not wait for all of it. */
        ssize_t n = write(w->fd, data, size < PIECE ? size : PIECE);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            errno = n == 0 ? ENOSPC : errno;
            w->code = io_error(w, "write");
            return;
        }
        data += n;
        size -= (size_t)n;
        if (w->code == QUERN_OK) {
            w->code = qn_poll(w->context);
        }
    }
}

static void flush(struct qn_writer *w)
{
    write_all(w, w->buffer, w->used);
    w->used = 0;
}

void qn_writer_put(struct qn_writer *w, const void *data, size_t size)
{
    w->written += size;
    if (w->code != QUERN_OK || size == 0) {
        return;
    }
    if (size > BUFFER_SIZE - w->used) {
        flush(w);
    }
    if (size >= BUFFER_SIZE) {
        write_all(w, data, size);
        return;
    }
    memcpy(w->buffer + w->used, data, size);
    w->used += size;
}

/* So that the rename itself survives a power cut. A folder that cannot be
 * opened or synced is no reason to call the written file a failure. */
static void sync_folder(const char *path)
{
    char *folder = qn_strdup(path);
    if (folder == NULL) {
        return;
    }
    char *slash = strrchr(folder, '/');
    if (slash != NULL) {
        slash[slash == folder ? 1 : 0] = '\0';
    }
    int fd =
        open(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    qn_free(folder);
}

/* The first failure; nothing is left of the temporary file. */
static enum quern_code give_up(struct qn_writer *w)
{
    enum quern_code code = w->code;
    qn_writer_abort(w);
    return code;
}

enum quern_code qn_writer_seal(struct qn_writer *w)
{
    flush(w);
    if (w->code == QUERN_OK && w->temporary != NULL && fsync(w->fd) != 0) {
        w->code = io_error(w, "fsync");
    }
    if (w->fd >= 0 && close(w->fd) != 0 && w->code == QUERN_OK) {
        w->code = io_error(w, "close");
    }
    w->fd = -1;
    return w->code == QUERN_OK ? QUERN_OK : give_up(w);
}

enum quern_code qn_writer_commit(struct qn_writer *w)
{
    enum quern_code code = w->fd >= 0 ? qn_writer_seal(w) : w->code;
    if (code != QUERN_OK) {
        return code;
    }
    if (w->temporary != NULL && rename(w->temporary, w->path) != 0) {
        w->code = io_error(w, "rename");
        return give_up(w);
    }
    if (w->temporary != NULL) {
        sync_folder(w->path);
    }
    free_fields(w);
    return QUERN_OK;
}

void qn_writer_abort(struct qn_writer *w)
{
    if (w->fd > 0) {
        close(w->fd);
    }
    if (w->temporary != NULL) {
        unlink(w->temporary);
    }
    free_fields(w);
}

enum quern_code quern_file_write(struct quern_context *context,
                                 const char *path, const void *data,
                                 size_t size)
{
    struct qn_writer writer;
    enum quern_code code = open_writer(&writer, context, path, true);
    if (code != QUERN_OK) {
        return code;
    }
    qn_writer_put(&writer, data, size);
    return qn_writer_commit(&writer);
}
