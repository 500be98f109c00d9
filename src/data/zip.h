/* The zip container of .npz files: entries by the central directory. */
#ifndef QUERN_DATA_ZIP_H
#define QUERN_DATA_ZIP_H

#include "base/input.h"

struct qn_zip_entry {
    char name[256];
    unsigned method; /* 0 stored, 8 deflated */
    uint64_t packed_size;
    uint64_t size;
    uint32_t crc;
    uint64_t at; /* of the packed bytes in the file */
};

/** Entries of a zip file; all lie within the file.
 * @param out_entries  freed by the caller with qn_free()
 * @return QUERN_OK; _MALFORMED; _UNSUPPORTED (encryption, other methods); _IO
 */
enum quern_code qn_zip_list(struct quern_context *context,
                            const struct qn_input *input,
                            struct qn_zip_entry **out_entries, size_t *out_n)
    __attribute__((warn_unused_result));

/** The first bytes of an entry, at most `room`, without looking at the rest.
 * @return QUERN_OK; _MALFORMED; _IO; _NO_MEMORY */
enum quern_code qn_zip_head(struct quern_context *context,
                            const struct qn_input *input,
                            const struct qn_zip_entry *entry,
                            unsigned char *out, size_t room, size_t *out_n)
    __attribute__((warn_unused_result));

/** Compare the checksum of a stored entry. */
enum quern_code qn_zip_check(struct quern_context *context,
                             const struct qn_input *input,
                             const struct qn_zip_entry *entry)
    __attribute__((warn_unused_result));

#endif
