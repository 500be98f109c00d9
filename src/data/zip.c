/* The zip container (PKWARE APPNOTE 6.3): what numpy writes, with zip64. */
#include "data/zip.h"

#include "base/alloc.h"

#include <string.h>
#include <zlib.h>

enum {
    END_SIZE = 22,
    LOCATOR_SIZE = 20,
    END64_SIZE = 56,
    CENTRAL_SIZE = 46,
    LOCAL_SIZE = 30,
    MAX_ENTRIES = 65536,
    STEP = 1 << 16, /* bytes of an entry that are read at once */
};

static const char no_end[] =
    "file is no .npy and no zip, or its end is missing";

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

/* The end record: the last one of the file, which a comment may follow. */
static const unsigned char *find_end(const unsigned char *tail, size_t size)
{
    for (size_t at = size < END_SIZE ? 0 : size - END_SIZE + 1; at-- > 0;) {
        if (memcmp(tail + at, "PK\5\6", 4) == 0) {
            return tail + at;
        }
    }
    return NULL;
}

/* Offset of the central directory and number of entries, out of the last bytes
 * of the file. */
static enum quern_code read_end(struct quern_context *context,
                                const struct qn_input *in,
                                const unsigned char *tail, size_t size,
                                uint64_t *out_at, uint64_t *out_n)
{
    const unsigned char *end = find_end(tail, size);
    unsigned char record[END64_SIZE];
    if (end == NULL) {
        return fail(context, in->path, NULL, QUERN_MALFORMED, no_end);
    }
    *out_n = number(end + 10, 2);
    *out_at = number(end + 16, 4);
    if (end - tail < LOCATOR_SIZE ||
        memcmp(end - LOCATOR_SIZE, "PK\6\7", 4) != 0) {
        return QUERN_OK;
    }
    uint64_t at = number(end - 12, 8);
    if (at > in->size || in->size - at < END64_SIZE) {
        return fail(context, in->path, NULL, QUERN_MALFORMED, no_end);
    }
    enum quern_code code =
        qn_input_read(in, context, at, sizeof record, record);
    if (code == QUERN_OK && memcmp(record, "PK\6\6", 4) != 0) {
        code = fail(context, in->path, NULL, QUERN_MALFORMED, no_end);
    }
    *out_n = number(record + 32, 8);
    *out_at = number(record + 48, 8);
    return code;
}

static enum quern_code find_directory(struct quern_context *context,
                                      const struct qn_input *in,
                                      uint64_t *out_at, uint64_t *out_n)
{
    enum { MOST = LOCATOR_SIZE + END_SIZE + 65535 };
    size_t size = in->size < MOST ? (size_t)in->size : MOST;
    unsigned char *tail = qn_calloc(MOST);
    if (tail == NULL) {
        return qn_no_memory(context);
    }
    enum quern_code code =
        qn_input_read(in, context, in->size - size, size, tail);
    if (code == QUERN_OK) {
        code = read_end(context, in, tail, size, out_at, out_n);
    }
    qn_free(tail);
    return code;
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

/* Name and sizes out of an entry of the directory, whose name and extra field
 * stand at `rest`. */
static enum quern_code read_central(struct quern_context *context,
                                    const char *file, const unsigned char *p,
                                    const unsigned char *rest,
                                    struct qn_zip_entry *e, uint64_t *out_local)
{
    size_t name = (size_t)number(p + 28, 2);
    if (name >= sizeof e->name || memchr(rest, 0, name) != NULL) {
        return fail(context, file, NULL, QUERN_MALFORMED,
                    "zip entry has a bad name");
    }
    memcpy(e->name, rest, name);
    e->name[name] = '\0';
    e->method = (unsigned)number(p + 10, 2);
    e->crc = (uint32_t)number(p + 16, 4);
    e->packed_size = number(p + 20, 4);
    e->size = number(p + 24, 4);
    *out_local = number(p + 42, 4);
    read_zip64(rest + name, (size_t)number(p + 30, 2), e, out_local);
    if ((number(p + 8, 2) & 1) != 0) {
        return fail(context, file, e->name, QUERN_UNSUPPORTED,
                    "zip entry is encrypted");
    }
    return e->method == 0 || e->method == 8
               ? QUERN_OK
               : fail(context, file, e->name, QUERN_UNSUPPORTED,
                      "zip entry is neither stored nor deflated");
}

/* Where the bytes begin: behind the entry's own header. */
static enum quern_code read_local(struct quern_context *context,
                                  const struct qn_input *in, uint64_t local,
                                  struct qn_zip_entry *e)
{
    unsigned char p[LOCAL_SIZE] = {0};
    enum quern_code code = QUERN_OK;
    if (local <= in->size && in->size - local >= LOCAL_SIZE) {
        code = qn_input_read(in, context, local, sizeof p, p);
    }
    if (code == QUERN_OK && memcmp(p, "PK\3\4", 4) != 0) {
        code = fail(context, in->path, e->name, QUERN_MALFORMED,
                    "zip entry points outside the file");
    }
    e->at = local + LOCAL_SIZE + number(p + 26, 2) + number(p + 28, 2);
    if (code == QUERN_OK &&
        (e->at > in->size || e->packed_size > in->size - e->at ||
         (e->method == 0 && e->size != e->packed_size))) {
        code = fail(context, in->path, e->name, QUERN_MALFORMED,
                    "zip entry runs past the end of the file");
    }
    return code;
}

/* @param rest  room for two strings of the directory */
static enum quern_code read_entry(struct quern_context *context,
                                  const struct qn_input *in, uint64_t *at,
                                  unsigned char *rest, struct qn_zip_entry *e)
{
    unsigned char p[CENTRAL_SIZE] = {0};
    uint64_t local = 0;
    enum quern_code code = QUERN_OK;
    if (*at <= in->size && in->size - *at >= CENTRAL_SIZE) {
        code = qn_input_read(in, context, *at, sizeof p, p);
    }
    if (code == QUERN_OK && memcmp(p, "PK\1\2", 4) != 0) {
        code = fail(context, in->path, NULL, QUERN_MALFORMED,
                    "zip directory is damaged");
    }
    size_t size = (size_t)(number(p + 28, 2) + number(p + 30, 2));
    size_t comment = (size_t)number(p + 32, 2);
    if (code == QUERN_OK && size + comment > in->size - *at - CENTRAL_SIZE) {
        code = fail(context, in->path, NULL, QUERN_MALFORMED,
                    "zip entry has a bad name");
    }
    if (code == QUERN_OK) {
        code = qn_input_read(in, context, *at + CENTRAL_SIZE, size, rest);
    }
    if (code == QUERN_OK) {
        code = read_central(context, in->path, p, rest, e, &local);
    }
    *at += CENTRAL_SIZE + size + comment;
    return code == QUERN_OK ? read_local(context, in, local, e) : code;
}

enum quern_code qn_zip_list(struct quern_context *context,
                            const struct qn_input *in,
                            struct qn_zip_entry **out_entries, size_t *out_n)
{
    uint64_t at = 0;
    uint64_t n = 0;
    enum quern_code code = find_directory(context, in, &at, &n);
    if (code == QUERN_OK && n > MAX_ENTRIES) {
        code = fail(context, in->path, NULL, QUERN_LIMIT,
                    "zip has more than 65536 entries");
    }
    if (code != QUERN_OK) {
        return code;
    }
    struct qn_zip_entry *entries = qn_calloc_n((size_t)n, sizeof *entries);
    unsigned char *rest = qn_calloc(2 * 65536);
    if (entries == NULL || rest == NULL) {
        code = qn_no_memory(context);
    }
    for (uint64_t i = 0; i < n && code == QUERN_OK; i++) {
        code = read_entry(context, in, &at, rest, &entries[i]);
    }
    qn_free(rest);
    if (code != QUERN_OK) {
        qn_free(entries);
        return code;
    }
    *out_entries = entries;
    *out_n = (size_t)n;
    return QUERN_OK;
}

/* The first bytes of deflated data, out of at most 1 MiB of it. */
static enum quern_code inflate_head(struct quern_context *context,
                                    const struct qn_input *in,
                                    const struct qn_zip_entry *e,
                                    unsigned char *room, z_stream *z)
{
    uint64_t left = e->packed_size < (1u << 20) ? e->packed_size : 1u << 20;
    uint64_t at = e->at;
    int state = Z_OK;
    while (state == Z_OK && left > 0 && z->avail_out > 0) {
        size_t n = left < STEP ? (size_t)left : STEP;
        enum quern_code code = qn_input_read(in, context, at, n, room);
        if (code != QUERN_OK) {
            return code;
        }
        at += n;
        left -= n;
        z->next_in = room;
        z->avail_in = (uInt)n;
        state = inflate(z, Z_SYNC_FLUSH);
    }
    if (state == Z_MEM_ERROR) {
        return qn_no_memory(context);
    }
    return state == Z_OK || state == Z_STREAM_END || state == Z_BUF_ERROR
               ? QUERN_OK
               : fail(context, in->path, e->name, QUERN_MALFORMED,
                      "deflated data is damaged");
}

enum quern_code qn_zip_head(struct quern_context *context,
                            const struct qn_input *in,
                            const struct qn_zip_entry *e, unsigned char *out,
                            size_t room, size_t *out_n)
{
    z_stream z = {.next_out = out, .avail_out = (uInt)room};
    if (e->method == 0) {
        *out_n = e->size < room ? (size_t)e->size : room;
        return qn_input_read(in, context, e->at, *out_n, out);
    }
    unsigned char *piece = qn_calloc(STEP);
    if (piece == NULL || inflateInit2(&z, -MAX_WBITS) != Z_OK) {
        qn_free(piece);
        return qn_no_memory(context);
    }
    enum quern_code code = inflate_head(context, in, e, piece, &z);
    inflateEnd(&z);
    qn_free(piece);
    *out_n = room - z.avail_out;
    return code;
}

enum quern_code qn_zip_check(struct quern_context *context,
                             const struct qn_input *in,
                             const struct qn_zip_entry *e)
{
    uLong crc = 0;
    unsigned char *piece = qn_calloc(STEP);
    enum quern_code code = piece != NULL ? QUERN_OK : qn_no_memory(context);
    for (uint64_t at = 0; at < e->size && code == QUERN_OK; at += STEP) {
        size_t n = e->size - at < STEP ? (size_t)(e->size - at) : STEP;
        code = qn_input_read(in, context, e->at + at, n, piece);
        crc = crc32_z(crc, piece, n);
        if (code == QUERN_OK) {
            code = qn_poll(context);
        }
    }
    qn_free(piece);
    if (code == QUERN_OK && (uint32_t)crc != e->crc) {
        code = fail(context, in->path, e->name, QUERN_MALFORMED,
                    "checksum of the array is wrong");
    }
    return code;
}
