/** @file file.h
 * Files of the caller's own that appear whole or not at all, as models do.
 * Tier: experimental.
 */
#ifndef QUERN_FILE_H
#define QUERN_FILE_H

#ifndef QUERN_EXPERIMENTAL
#error "define QUERN_EXPERIMENTAL to use <quern/file.h>, which may still change"
#endif

#include <quern/diag.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Write bytes to a file: under another name beside it, synced, then renamed.
 * The mode of a file that is replaced is kept, a link stays one. What is no
 * regular file (a terminal, a pipe, a device) is written to as it is.
 * @param data  `size` bytes, borrowed for the call
 * @return QUERN_OK; _IO; _NO_MEMORY; _CANCELLED. On failure a regular file at
 * `path` is as it was, and nothing is left beside it.
 * Since 0.1. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_file_write(struct quern_context *context, const char *path,
                 const void *data, size_t size);

#ifdef __cplusplus
}
#endif

#endif
