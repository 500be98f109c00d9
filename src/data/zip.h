/* The zip container of .npz files: entries by the central directory. */
#ifndef QUERN_DATA_ZIP_H
#define QUERN_DATA_ZIP_H

#include "base/buf.h"
#include "base/diag.h"

struct qn_zip_entry {
    char name[256];
    unsigned method; /* 0 stored, 8 deflated */
    uint64_t packed_size;
    uint64_t size;
    uint32_t crc;
    uint64_t at; /* of the packed bytes in the file */
};

/** Entries of a zip file.
 * @param out_entries  freed by the caller with qn_free()
 * @return QUERN_OK; _MALFORMED; _UNSUPPORTED (encryption, other methods) */
enum quern_code qn_zip_list(struct quern_context *context, const char *file,
                            const struct qn_buf *buf,
                            struct qn_zip_entry **out_entries, size_t *out_n)
    __attribute__((warn_unused_result));

/** Bytes of an entry: a retained slice of `buf` from *out_offset on when it is
 * stored, else inflated. The checksum is compared.
 * @return QUERN_OK; _MALFORMED; _LIMIT (over max_memory); _NO_MEMORY */
enum quern_code qn_zip_read(struct quern_context *context, const char *file,
                            struct qn_buf *buf,
                            const struct qn_zip_entry *entry,
                            struct qn_buf **out_buf, size_t *out_offset)
    __attribute__((warn_unused_result));

#endif
