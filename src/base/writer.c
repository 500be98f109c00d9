/* Writing a file whole or not at all: a temporary one beside it, renamed. */
#include <quern/file.h>

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_SIZE = 1 << 18, PIECE = 1 << 24, WAIT_MS = 50 };

static enum quern_code io_error(struct qn_writer *w, const char *what)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.file = w->path;
    place.stage = "write";
    return quern_fail(w->context, QUERN_IO, &place, "%s: %s", what,
                      strerror(errno));
}

struct qn_temporary {
    _Atomic(char *) partner; /* goes when this goes; NULL: none */
    /* Of who has taken it out of its place. */
    _Atomic(struct qn_temporary *) *place;
    struct qn_temporary *next;
    bool is_gone;
    char path[];
};

/* A further block of places. False: no memory. */
static bool grow(struct qn_places *last)
{
    struct qn_places *none = NULL;
    struct qn_places *more = qn_calloc(sizeof *more);
    if (more != NULL &&
        !atomic_compare_exchange_strong(&last->next, &none, more)) {
        qn_free(more); /* another thread has made one */
    }
    return more != NULL;
}

static struct quern_context *root_of(const struct qn_writer *w)
{
    struct quern_context *root = w->context;
    while (root->parent != NULL) {
        root = root->parent;
    }
    return root;
}

/* Where quern_context_abandon() finds the temporary file. Before the file is
 * made: a handler of signals may run at any moment. False: no memory. */
static bool make_known(struct qn_writer *w)
{
    struct qn_places *places = &root_of(w)->places;
    for (size_t i = 0; w->known == NULL; i++) {
        struct qn_temporary *none = NULL;
        if (i == QN_PLACES) {
            if (atomic_load(&places->next) == NULL && !grow(places)) {
                return false;
            }
            places = atomic_load(&places->next);
            i = 0;
        }
        if (atomic_compare_exchange_strong(&places->at[i], &none,
                                           w->temporary)) {
            w->known = &places->at[i];
        }
    }
    return true;
}

/* Stands in the context for one that is being removed just now: the place is
 * not free, and whose it is has to wait. Never written to. */
static struct qn_temporary taken;

/* The file is renamed, removed, or was never made. Another thread that removes
 * it just now has the name for as long as that takes; a handler of signals that
 * interrupts this one gives it back before it goes on here. */
static void forget(struct qn_writer *w)
{
    struct qn_temporary *t = w->temporary;
    while (w->known != NULL &&
           !atomic_compare_exchange_strong(w->known, &t, NULL)) {
        t = w->temporary;
        (void)sched_yield();
    }
    w->known = NULL;
    if (t != NULL) {
        qn_free(atomic_load(&t->partner));
        qn_free(t);
    }
    w->temporary = NULL;
}

/* NULL: nothing is there, or another one has it. */
static struct qn_temporary *take(_Atomic(struct qn_temporary *) *place)
{
    struct qn_temporary *t = atomic_load(place);
    while (t != NULL && t != &taken &&
           !atomic_compare_exchange_weak(place, &t, &taken)) {
    }
    return t != &taken ? t : NULL;
}

void quern_context_abandon(struct quern_context *context)
{
    struct qn_temporary *taken_here = NULL;
    /* Before the search: what it does not find is not begun. */
    atomic_store(&context->abandoned, true);
    for (struct qn_places *p = &context->places; p != NULL;
         p = atomic_load(&p->next)) {
        for (size_t i = 0; i < QN_PLACES; i++) {
            struct qn_temporary *t = take(&p->at[i]);
            if (t != NULL) {
                t->is_gone = unlink(t->path) == 0;
                t->place = &p->at[i];
                t->next = taken_here;
                taken_here = t;
            }
        }
    }
    while (taken_here != NULL) {
        struct qn_temporary *t = taken_here;
        /* Not where the rename came first: then both files are there. */
        char *partner = t->is_gone ? atomic_load(&t->partner) : NULL;
        if (partner != NULL) {
            (void)unlink(partner);
        }
        taken_here = t->next;
        atomic_store(t->place, t); /* from here on it may go at any time */
    }
}

enum quern_code qn_writer_goes_with(struct qn_writer *w,
                                    const struct qn_writer *other)
{
    char *partner = qn_strdup(other->path);
    if (partner == NULL) {
        return qn_no_memory(w->context);
    }
    qn_free(atomic_exchange(&w->temporary->partner, partner));
    return QUERN_OK;
}

static void free_fields(struct qn_writer *w)
{
    qn_free(w->path);
    forget(w);
    qn_free(w->buffer);
    w->path = NULL;
    w->buffer = NULL;
    w->fd = -1;
}

/* The file that a link stands for, so that the link survives. */
static char *resolve(const char *path)
{
    char target[PATH_MAX];
    return qn_strdup(realpath(path, target) != NULL ? target : path);
}

/* A terminal, a pipe, a device: there is nothing to put in its place. A FIFO
 * that nobody reads has no room, nor has a pipe whose reader is slow: so that
 * the user can cancel, neither is waited for in the system. */
static enum quern_code open_as_it_is(struct qn_writer *w, bool is_fifo)
{
    enum quern_code code = QUERN_OK;
    do {
        w->fd = open(w->path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NONBLOCK);
        if (w->fd >= 0) {
            return QUERN_OK;
        }
        if (errno != EINTR && !(is_fifo && errno == ENXIO)) {
            return io_error(w, "open output");
        }
        (void)poll(NULL, 0, WAIT_MS);
        code = qn_poll(w->context);
    } while (code == QUERN_OK);
    return code;
}

static bool name_temporary(struct qn_writer *w, unsigned i)
{
    size_t room = strlen(w->path) + 32;
    w->temporary = qn_calloc(sizeof *w->temporary + room);
    if (w->temporary != NULL) {
        snprintf(w->temporary->path, room, "%s.tmp%u.%ld", w->path, i,
                 (long)getpid());
        if (!make_known(w)) {
            forget(w); /* no file of that name is ours */
        }
    }
    return w->temporary != NULL;
}

static enum quern_code open_temporary(struct qn_writer *w, bool any_kind)
{
    struct stat info;
    bool exists = stat(w->path, &info) == 0;
    if (exists && any_kind && !S_ISREG(info.st_mode)) {
        return open_as_it_is(w, S_ISFIFO(info.st_mode));
    }
    if (exists && !S_ISREG(info.st_mode)) {
        errno = S_ISDIR(info.st_mode) ? EISDIR : EINVAL;
        return io_error(w, "output must be a regular file");
    }
    mode_t mode = exists ? info.st_mode & 07777u : 0666u;
    const atomic_bool *abandoned = &root_of(w)->abandoned;
    int why = EEXIST;
    for (unsigned i = 0; i < 1000 && why == EEXIST; i++) {
        if (!name_temporary(w, i)) {
            return qn_no_memory(w->context);
        }
        if (!atomic_load(abandoned)) {
            w->fd = open(w->temporary->path,
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                         mode);
        }
        why = w->fd >= 0 ? 0 : atomic_load(abandoned) ? ECANCELED : errno;
        if (why != 0) {
            forget(w); /* what stands there is not ours to remove */
        }
    }
    /* In between: it may have come too early to find the file. The caller
     * removes it. */
    if (atomic_load(abandoned)) {
        return quern_fail(w->context, QUERN_CANCELLED, NULL, "cancelled");
    }
    if (w->fd < 0) {
        errno = why;
        return io_error(w, "create output");
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
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
            (void)poll(&(struct pollfd){.fd = w->fd, .events = POLLOUT}, 1,
                       WAIT_MS);
            w->code = qn_poll(w->context);
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
    if (w->temporary != NULL && rename(w->temporary->path, w->path) != 0) {
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
        unlink(w->temporary->path);
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
