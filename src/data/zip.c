/* The zip container (PKWARE APPNOTE 6.3): what numpy writes, with zip64. */
#include "data/zip.h"

#include "base/alloc.h"

#include <string.h>
#include <zlib.h>

enum { END_SIZE = 22, CENTRAL_SIZE = 46, LOCAL_SIZE = 30, MAX_ENTRIES = 65536 };

static uint64_t number(const unsigned char *p, unsigned bytes)
{
    uint64_t value = 0;
    memcpy(&value, p, bytes); /* little-endian */
    return value;
}

static enum quern_code fail(struct quern_context *context, const char *file,
                            const char *name, enum quern_code code,
                            const char *what)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.stage = "data";
    place.file = file;
    place.tensor = name;
    return quern_fail(context, code, &place, "%s", what);
}

/* Offset of the central directory and number of entries. */
static bool find_directory(const struct qn_buf *buf, uint64_t *out_at,
                           uint64_t *out_n)
{
    if (buf->size < END_SIZE) {
        return false;
    }
    size_t lowest = buf->size > 65557 ? buf->size - 65557 : 0;
    for (size_t at = buf->size - END_SIZE + 1; at-- > lowest;) {
        const unsigned char *p = buf->data + at;
        if (memcmp(p, "PK\5\6", 4) != 0) {
            continue;
        }
        *out_n = number(p + 10, 2);
        *out_at = number(p + 16, 4);
        if (at >= 20 && memcmp(p - 20, "PK\6\7", 4) == 0) {
            uint64_t end64 = number(p - 12, 8);
            if (end64 > buf->size || buf->size - end64 < 56 ||
                memcmp(buf->data + end64, "PK\6\6", 4) != 0) {
                return false;
            }
            *out_n = number(buf->data + end64 + 32, 8);
            *out_at = number(buf->data + end64 + 48, 8);
        }
        return true;
    }
    return false;
}

/* Sizes of 0xffffffff stand in the zip64 extra field, in this order. */
static void read_zip64(const unsigned char *extra, size_t size,
                       struct qn_zip_entry *e, uint64_t *local)
{
    uint64_t *wanted[3] = {&e->size, &e->packed_size, local};
    while (size >= 4) {
        size_t n = (size_t)number(extra + 2, 2);
        const unsigned char *p = extra + 4;
        if (n > size - 4) {
            return;
        }
        for (int i = 0; number(extra, 2) == 1 && i < 3; i++) {
            if (*wanted[i] == 0xffffffffu && n >= 8) {
                *wanted[i] = number(p, 8);
                p += 8;
                n -= 8;
            }
        }
        n = (size_t)number(extra + 2, 2);
        extra += 4 + n;
        size -= 4 + n;
    }
}

static enum quern_code read_entry(struct quern_context *context,
                                  const char *file, const struct qn_buf *buf,
                                  uint64_t *at, struct qn_zip_entry *e)
{
    const unsigned char *p = buf->data + *at;
    if (*at > buf->size || buf->size - *at < CENTRAL_SIZE ||
        memcmp(p, "PK\1\2", 4) != 0) {
        return fail(context, file, NULL, QUERN_MALFORMED,
                    "zip directory is damaged");
    }
    size_t name = (size_t)number(p + 28, 2);
    size_t extra = (size_t)number(p + 30, 2);
    size_t comment = (size_t)number(p + 32, 2);
    if (name + extra + comment > buf->size - *at - CENTRAL_SIZE ||
        name >= sizeof e->name || memchr(p + CENTRAL_SIZE, 0, name) != NULL) {
        return fail(context, file, NULL, QUERN_MALFORMED,
                    "zip entry has a bad name");
    }
    memcpy(e->name, p + CENTRAL_SIZE, name);
    e->name[name] = '\0';
    e->method = (unsigned)number(p + 10, 2);
    e->crc = (uint32_t)number(p + 16, 4);
    e->packed_size = number(p + 20, 4);
    e->size = number(p + 24, 4);
    uint64_t local = number(p + 42, 4);
    read_zip64(p + CENTRAL_SIZE + name, extra, e, &local);
    if ((number(p + 8, 2) & 1) != 0) {
        return fail(context, file, e->name, QUERN_UNSUPPORTED,
                    "zip entry is encrypted");
    }
    if (e->method != 0 && e->method != 8) {
        return fail(context, file, e->name, QUERN_UNSUPPORTED,
                    "zip entry is neither stored nor deflated");
    }
    if (local > buf->size || buf->size - local < LOCAL_SIZE ||
        memcmp(buf->data + local, "PK\3\4", 4) != 0) {
        return fail(context, file, e->name, QUERN_MALFORMED,
                    "zip entry points outside the file");
    }
    e->at = local + LOCAL_SIZE + number(buf->data + local + 26, 2) +
            number(buf->data + local + 28, 2);
    if (e->at > buf->size || e->packed_size > buf->size - e->at ||
        (e->method == 0 && e->size != e->packed_size)) {
        return fail(context, file, e->name, QUERN_MALFORMED,
                    "zip entry runs past the end of the file");
    }
    *at += CENTRAL_SIZE + name + extra + comment;
    return QUERN_OK;
}

enum quern_code qn_zip_list(struct quern_context *context, const char *file,
                            const struct qn_buf *buf,
                            struct qn_zip_entry **out_entries, size_t *out_n)
{
    uint64_t at = 0;
    uint64_t n = 0;
    if (!find_directory(buf, &at, &n)) {
        return fail(context, file, NULL, QUERN_MALFORMED,
                    "file is no .npy and no zip, or its end is missing");
    }
    if (n > MAX_ENTRIES) {
        return fail(context, file, NULL, QUERN_LIMIT,
                    "zip has more than 65536 entries");
    }
    struct qn_zip_entry *entries = qn_calloc_n((size_t)n, sizeof *entries);
    if (entries == NULL) {
        return qn_no_memory(context);
    }
    enum quern_code code = QUERN_OK;
    for (uint64_t i = 0; i < n && code == QUERN_OK; i++) {
        code = read_entry(context, file, buf, &at, &entries[i]);
    }
    if (code != QUERN_OK) {
        qn_free(entries);
        return code;
    }
    *out_entries = entries;
    *out_n = (size_t)n;
    return QUERN_OK;
}

/* The first bytes of deflated data. */
static enum quern_code inflate_head(struct quern_context *context,
                                    const char *file, const struct qn_buf *buf,
                                    const struct qn_zip_entry *e,
                                    unsigned char *out, size_t room,
                                    size_t *out_n)
{
    uint64_t packed = e->packed_size < (1u << 20) ? e->packed_size : 1u << 20;
    z_stream z = {.next_in = buf->data + e->at,
                  .avail_in = (uInt)packed,
                  .next_out = out,
                  .avail_out = (uInt)room};
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK) {
        return qn_no_memory(context);
    }
    int state = inflate(&z, Z_SYNC_FLUSH);
    inflateEnd(&z);
    *out_n = room - z.avail_out;
    if (state == Z_MEM_ERROR) {
        return qn_no_memory(context);
    }
    return state == Z_OK || state == Z_STREAM_END || state == Z_BUF_ERROR
               ? QUERN_OK
               : fail(context, file, e->name, QUERN_MALFORMED,
                      "deflated data is damaged");
}

enum quern_code qn_zip_head(struct quern_context *context, const char *file,
                            const struct qn_buf *buf,
                            const struct qn_zip_entry *e, unsigned char *out,
                            size_t room, size_t *out_n)
{
    if (e->method != 0) {
        return inflate_head(context, file, buf, e, out, room, out_n);
    }
    *out_n = e->size < room ? (size_t)e->size : room;
    memcpy(out, buf->data + e->at, *out_n);
    return QUERN_OK;
}

enum quern_code qn_zip_check(struct quern_context *context, const char *file,
                             const struct qn_buf *buf,
                             const struct qn_zip_entry *e)
{
    enum { STEP = 1 << 20 };
    uLong crc = 0;
    for (uint64_t at = 0; at < e->size; at += STEP) {
        size_t n = e->size - at < STEP ? (size_t)(e->size - at) : STEP;
        crc = crc32_z(crc, buf->data + e->at + at, n);
        if (e->size > STEP) {
            qn_buf_forget(buf, (size_t)(e->at + at), n);
        }
        enum quern_code code = qn_poll(context);
        if (code != QUERN_OK) {
            return code;
        }
    }
    return (uint32_t)crc == e->crc
               ? QUERN_OK
               : fail(context, file, e->name, QUERN_MALFORMED,
                      "checksum of the array is wrong");
}
