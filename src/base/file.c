/* Files: mapping and reading whole. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static enum quern_code io_error(struct quern_context *context, const char *path,
                                const char *what)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.file = path;
    return quern_fail(context, QUERN_IO, &place, "%s: %s", what,
                      strerror(errno));
}

static void unmap(void *user, void *data)
{
    size_t *size = user;
    munmap(data, *size);
    qn_free(size);
}

static ssize_t read_some(int fd, void *data, size_t size)
{
    ssize_t n;
    do {
        n = read(fd, data, size);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* Everything up to the end of a stream, growing; `hint` bytes at first. */
static enum quern_code read_all(struct quern_context *context, int fd,
                                const char *path, size_t hint,
                                struct qn_buf **out_buf)
{
    size_t room = hint + 1;
    size_t size = 0;
    unsigned char *data = qn_realloc_n(NULL, room, 1);
    while (data != NULL) {
        ssize_t n = read_some(fd, data + size, room - size);
        if (n < 0) {
            qn_free(data);
            return io_error(context, path, "read");
        }
        if (n == 0) {
            break;
        }
        size += (size_t)n;
        if (size == room) {
            if (size > context->max_memory) {
                struct quern_place place = QUERN_PLACE_NONE;
                place.file = path;
                qn_free(data);
                return quern_fail(context, QUERN_LIMIT, &place,
                                  "more than %llu bytes of memory needed",
                                  (unsigned long long)context->max_memory);
            }
            void *grown = qn_realloc_n(data, 2, room);
            if (grown == NULL) {
                qn_free(data);
            }
            data = grown;
            room *= 2;
        }
    }
    struct qn_buf *buf =
        data != NULL ? qn_buf_wrap(data, size, NULL, NULL) : NULL;
    if (buf == NULL) {
        qn_free(data);
        return qn_no_memory(context);
    }
    buf->owned = true;
    *out_buf = buf;
    return QUERN_OK;
}

static enum quern_code map_fd(struct quern_context *context, int fd,
                              const char *path, size_t size,
                              struct qn_buf **out_buf)
{
    size_t *mapped = qn_calloc(sizeof *mapped);
    if (mapped == NULL) {
        return qn_no_memory(context);
    }
    *mapped = size;
    void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) { /* some file systems cannot map */
        qn_free(mapped);
        return read_all(context, fd, path, size, out_buf);
    }
    *out_buf = qn_buf_wrap(data, size, unmap, mapped);
    if (*out_buf == NULL) {
        unmap(mapped, data);
        return qn_no_memory(context);
    }
    (*out_buf)->mapped = true;
    return QUERN_OK;
}

static enum quern_code check_regular(struct quern_context *context, int fd,
                                     const char *path, uint64_t *out_size)
{
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return io_error(context, path, "stat");
    }
    *out_size = (uint64_t)info.st_size;
    if (S_ISREG(info.st_mode)) {
        return QUERN_OK;
    }
    struct quern_place place = QUERN_PLACE_NONE;
    place.file = path;
    return quern_fail(context, QUERN_IO, &place, "%s, need a regular file",
                      S_ISDIR(info.st_mode)    ? "is a folder"
                      : S_ISFIFO(info.st_mode) ? "is a FIFO"
                                               : "is a device or socket");
}

/* Takes the descriptor of a regular file. */
static enum quern_code take(struct quern_context *context, int fd,
                            const char *path, uint64_t size,
                            struct qn_buf **out_buf)
{
    enum quern_code code =
        context->copy_files || size == 0
            ? read_all(context, fd, path, (size_t)size, out_buf)
            : map_fd(context, fd, path, (size_t)size, out_buf);
    close(fd);
    return code;
}

enum quern_code qn_file_open(struct quern_context *context, const char *path,
                             int *out_fd, uint64_t *out_size)
{
    /* O_NONBLOCK: opening a FIFO must not wait for a writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return io_error(context, path, "open");
    }
    enum quern_code code = check_regular(context, fd, path, out_size);
    if (code != QUERN_OK) {
        close(fd);
        return code;
    }
    *out_fd = fd;
    return QUERN_OK;
}

enum quern_code qn_file_map(struct quern_context *context, const char *path,
                            struct qn_buf **out_buf)
{
    int fd = -1;
    uint64_t size = 0;
    if (strcmp(path, "-") == 0) {
        return read_all(context, STDIN_FILENO, path, 65536, out_buf);
    }
    enum quern_code code = qn_file_open(context, path, &fd, &size);
    return code == QUERN_OK ? take(context, fd, path, size, out_buf) : code;
}

/* A file with a second name may be one from outside the folder, which the
 * author of a model must not make us read. Takes the descriptor. */
static enum quern_code load_single(struct quern_context *context, int fd,
                                   const char *path, struct qn_buf **out_buf)
{
    struct stat info;
    uint64_t size = 0;
    enum quern_code code = check_regular(context, fd, path, &size);
    if (code == QUERN_OK && fstat(fd, &info) == 0 && info.st_nlink > 1) {
        struct quern_place place = QUERN_PLACE_NONE;
        place.file = path;
        code = quern_fail(context, QUERN_IO, &place,
                          "external data has %llu names (hard links), needs "
                          "1: a copy of the file will do",
                          (unsigned long long)info.st_nlink);
    }
    if (code != QUERN_OK) {
        close(fd);
        return code;
    }
    return take(context, fd, path, size, out_buf);
}

/* Bytes that no location may hold: those that terminals obey, and the other
 * way to part folders. */
static bool is_plain(const char *part, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)part[i];
        if (c < 0x20 || c == 0x7f || c == '\\') {
            return false;
        }
    }
    /* "C:": a drive, where paths have them */
    return size < 2 || part[1] != ':';
}

/* Next part of a relative path; NULL at its end. Refuses what could leave the
 * folder. */
static enum quern_code next_part(struct quern_context *context,
                                 const char *relative, const char **cursor,
                                 char *part, size_t part_size)
{
    const char *end = strchrnul(*cursor, '/');
    size_t size = (size_t)(end - *cursor);
    struct quern_place place = QUERN_PLACE_NONE;
    place.file = relative;
    if (size == 0 || size >= part_size || !is_plain(*cursor, size) ||
        (size == 2 && memcmp(*cursor, "..", 2) == 0)) {
        return quern_fail(context, QUERN_INVALID_MODEL, &place,
                          "path of external data must be relative, without "
                          "'..', empty parts, backslashes, drives and "
                          "control characters");
    }
    memcpy(part, *cursor, size);
    part[size] = '\0';
    *cursor = end;
    return QUERN_OK;
}

enum quern_code qn_file_map_below(struct quern_context *context,
                                  const char *folder, const char *relative,
                                  struct qn_buf **out_buf)
{
    int at = open(*folder != '\0' ? folder : ".",
                  O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at < 0) {
        return io_error(context, folder, "open");
    }
    char part[256];
    const char *cursor = relative;
    enum quern_code code = QUERN_OK;
    while (code == QUERN_OK) {
        code = next_part(context, relative, &cursor, part, sizeof part);
        if (code != QUERN_OK) {
            break;
        }
        bool last = *cursor == '\0';
        int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
        int fd = openat(at, part, last ? flags : flags | O_DIRECTORY);
        if (fd < 0) {
            code = io_error(context, relative,
                            errno == ELOOP ? "external data behind a link"
                                           : "open external data");
        } else if (last) {
            code = load_single(context, fd, relative, out_buf);
            break;
        } else {
            close(at);
            at = fd;
            cursor++;
        }
    }
    close(at);
    return code;
}
