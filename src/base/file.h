/* Files: mapping, reading whole, and writing whole or not at all.
 * writer.c holds quern_file_write() of <quern/file.h>, too, and
 * quern_context_abandon(). */
#ifndef QUERN_BASE_FILE_H
#define QUERN_BASE_FILE_H

#include "base/buf.h"
#include "base/diag.h"

/** Open a regular file for reading; FIFO, device and folder are refused by
 * name.
 * @param out_fd  closed by the caller
 * @return QUERN_OK; _IO with the path and the system's reason */
enum quern_code qn_file_open(struct quern_context *context, const char *path,
                             int *out_fd, uint64_t *out_size)
    __attribute__((warn_unused_result));

/** Map (or with context->copy_files read) a regular file.
 * "-" reads standard input. FIFO, device and folder are refused by name.
 * @return QUERN_OK; _IO with the path and the system's reason; _LIMIT */
enum quern_code qn_file_map(struct quern_context *context, const char *path,
                            struct qn_buf **out_buf)
    __attribute__((warn_unused_result));

/** Map a file below a folder without following links out of it: each step is
 * opened with openat(O_NOFOLLOW); "..", absolute paths, empty parts and
 * backslashes are refused (reliability.md §5).
 * @param folder  path of the folder; "" is the current one */
enum quern_code qn_file_map_below(struct quern_context *context,
                                  const char *folder, const char *relative,
                                  struct qn_buf **out_buf)
    __attribute__((warn_unused_result));

/** A file being written: a temporary one beside `path` until commit. */
struct qn_writer {
    struct quern_context *context;
    char *path;
    struct qn_temporary *temporary;        /* NULL: written to as it is */
    _Atomic(struct qn_temporary *) *known; /* place in the context; or NULL */
    int fd;
    unsigned char *buffer;
    size_t used;
    uint64_t written;     /* bytes so far, buffered ones included */
    enum quern_code code; /* first failure; later writes do nothing */
};

enum quern_code qn_writer_open(struct qn_writer *writer,
                               struct quern_context *context, const char *path)
    __attribute__((warn_unused_result));
/** Append; the first failure is kept and told by commit. */
void qn_writer_put(struct qn_writer *writer, const void *data, size_t size);
/** Flush, fsync, close: after that commit is but a rename. For files that
 * belong together: seal all, then commit all. On failure the temporary file is
 * removed.
 */
enum quern_code qn_writer_seal(struct qn_writer *writer)
    __attribute__((warn_unused_result));
/** Flush, fsync, rename, fsync the folder. Mode of a replaced file is kept. On
 * failure the temporary file is removed and `path` is as before. */
enum quern_code qn_writer_commit(struct qn_writer *writer)
    __attribute__((warn_unused_result));
/** Until `writer` is committed, quern_context_abandon() removes the file of
 * `other`, too, which is committed first and has nothing in its place yet. Both
 * are open, `writer` has a temporary file. */
enum quern_code qn_writer_goes_with(struct qn_writer *writer,
                                    const struct qn_writer *other)
    __attribute__((warn_unused_result));
/** Give up: remove the temporary file. Fine after commit and on zeros. */
void qn_writer_abort(struct qn_writer *writer);

#endif
