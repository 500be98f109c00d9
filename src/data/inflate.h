/* Deflated entries of a zip: whole, or any range of them without keeping the
 * rest.
 *
 * Deflate can only be read from its beginning, or from the beginning of a block
 * when the 32 KiB in front of it are known. An index keeps those of a block
 * every 256 KiB or so (and not more than 64 of them), so that one sample of a
 * large array costs little time and memory does not grow with the array.
 */
#ifndef QUERN_DATA_INFLATE_H
#define QUERN_DATA_INFLATE_H

#include "data/zip.h"

struct qn_inflate;

/** Read an entry once: checks size and checksum and notes where to begin.
 * @param input  borrowed; must live as long */
enum quern_code qn_inflate_open(struct quern_context *context,
                                const struct qn_input *input,
                                const struct qn_zip_entry *entry,
                                struct qn_inflate **out_inflate)
    __attribute__((warn_unused_result));
void qn_inflate_close(struct qn_inflate **inflate);

/** Bytes [offset, offset + size) of the entry. Thread-safe. */
enum quern_code qn_inflate_read(struct qn_inflate *inflate,
                                struct quern_context *context, uint64_t offset,
                                size_t size, unsigned char *out)
    __attribute__((warn_unused_result));

#endif
