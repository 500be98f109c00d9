/* See support.h. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

struct quern_context *context;
static struct quern_model *model;
static char folder[] = P_tmpdir "/quern-data-XXXXXX";

void put(struct bytes *b, const void *data, size_t size)
{
    if (b->size + size > b->room) {
        b->room = (b->size + size) * 2;
        b->data = realloc(b->data, b->room);
        ck_assert_ptr_nonnull(b->data);
    }
    if (size > 0) {
        memcpy(b->data + b->size, data, size);
    }
    b->size += size;
}

void put_number(struct bytes *b, uint64_t value, unsigned size)
{
    put(b, &value, size); /* little-endian */
}

void put_npy(struct bytes *b, int version, const char *dict, const void *data,
             size_t size)
{
    size_t length = strlen(dict) + 1;
    put(b, "\x93NUMPY", 6);
    put_number(b, (uint64_t)version, 2);
    put_number(b, length, version == 1 ? 2 : 4);
    put(b, dict, length - 1);
    put(b, "\n", 1);
    put(b, data, size);
}

/* ------------------------------------------------------------------ zip */

static void deflate_into(struct bytes *out, const struct bytes *in)
{
    z_stream z = {.next_in = in->data, .avail_in = (uInt)in->size};
    ck_assert_int_eq(deflateInit2(&z, 1, Z_DEFLATED, -15, 8, 0), Z_OK);
    out->room = deflateBound(&z, in->size);
    out->data = realloc(out->data, out->room);
    z.next_out = out->data;
    z.avail_out = (uInt)out->room;
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->size = z.total_out;
    deflateEnd(&z);
}

static void put_headers(struct zip *z, enum zip_kind kind, const char *name,
                        const struct bytes *packed, uint64_t size, uint32_t crc)
{
    unsigned method = kind == ZIP_DEFLATED ? 8 : kind == ZIP_BZIP2 ? 12 : 0;
    unsigned flags = kind == ZIP_ENCRYPTED ? 1 : 0;
    bool big = kind == ZIP_64;
    uint64_t at = z->file.size;
    struct bytes *both[2] = {&z->file, &z->central};
    for (int i = 0; i < 2; i++) {
        struct bytes *b = both[i];
        put(b, i == 0 ? "PK\3\4" : "PK\1\2\x14", i == 0 ? 4 : 5);
        put_number(b, 0, i == 0 ? 0 : 1);
        put_number(b, 20, 2);
        put_number(b, flags, 2);
        put_number(b, method, 2);
        put_number(b, 0x210000, 4);
        put_number(b, crc, 4);
        put_number(b, big ? UINT32_MAX : packed->size, 4);
        put_number(b, big ? UINT32_MAX : size, 4);
        put_number(b, strlen(name), 2);
        put_number(b, !big ? 0 : i == 0 ? 20 : 28, 2);
        if (i == 1) {
            put_number(b, 0, 8); /* comment, disk, attributes */
            put_number(b, 0, 2);
            put_number(b, big ? UINT32_MAX : at, 4);
        }
        put(b, name, strlen(name));
        if (big) {
            put_number(b, 1, 2);
            put_number(b, i == 0 ? 16 : 24, 2);
            put_number(b, size, 8);
            put_number(b, packed->size, 8);
            put_number(b, at, i == 0 ? 0 : 8);
        }
    }
    put(&z->file, packed->data, packed->size);
    z->n++;
}

void zip_add_claiming(struct zip *z, const char *name,
                      const struct bytes *content, uint64_t size)
{
    struct bytes packed = {0};
    deflate_into(&packed, content);
    put_headers(z, ZIP_DEFLATED, name, &packed, size,
                (uint32_t)crc32(0, content->data, (uInt)content->size));
    free(packed.data);
}

void zip_add(struct zip *z, enum zip_kind kind, const char *name,
             const struct bytes *content)
{
    if (kind == ZIP_DEFLATED) {
        zip_add_claiming(z, name, content, content->size);
        return;
    }
    uint32_t crc = (uint32_t)crc32(0, content->data, (uInt)content->size);
    put_headers(z, kind, name, content, content->size,
                kind == ZIP_BAD_CRC ? ~crc : crc);
}

void zip_end(struct zip *z, bool zip64)
{
    size_t at = z->file.size;
    size_t size = z->central.size;
    put(&z->file, z->central.data, size);
    if (zip64) {
        size_t end = z->file.size;
        put(&z->file, "PK\6\6", 4);
        put_number(&z->file, 44, 8);
        put_number(&z->file, 45, 2);
        put_number(&z->file, 45, 2);
        put_number(&z->file, 0, 8);
        put_number(&z->file, z->n, 8);
        put_number(&z->file, z->n, 8);
        put_number(&z->file, size, 8);
        put_number(&z->file, at, 8);
        put(&z->file, "PK\6\7", 4);
        put_number(&z->file, 0, 4);
        put_number(&z->file, end, 8);
        put_number(&z->file, 1, 4);
    }
    put(&z->file, "PK\5\6", 4);
    put_number(&z->file, 0, 4);
    put_number(&z->file, zip64 ? 0xffff : z->n, 2);
    put_number(&z->file, zip64 ? 0xffff : z->n, 2);
    put_number(&z->file, size, 4);
    put_number(&z->file, zip64 ? UINT32_MAX : at, 4);
    put_number(&z->file, 0, 2);
    free(z->central.data);
}

/* -------------------------------------------------------------- fixture */

void begin(void)
{
    struct quern_context_options o = {
        .struct_size = sizeof o, .n_threads = 2, .max_memory = 24 << 20};
    ck_assert_int_eq(quern_context_create(&o, &context), QUERN_OK);
    memcpy(strrchr(folder, '-'), "-XXXXXX", 8);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(
        quern_model_open(context, qtest_data("robust/conv.onnx"), &model),
        QUERN_OK);
}

void finish(void)
{
    char command[256];
    quern_model_destroy(&model);
    quern_context_destroy(&context);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

const char *place(const char *name)
{
    static char path[4][256];
    static unsigned turn;
    char *out = path[turn++ % 4];
    snprintf(out, sizeof path[0], "%s/%s", folder, name);
    return out;
}

void write_bytes(const char *name, const struct bytes *b)
{
    FILE *f = fopen(place(name), "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(b->data, 1, b->size, f), b->size);
    ck_assert_int_eq(fclose(f), 0);
}

struct quern_value *input(const char *name, enum quern_dtype dtype,
                          const int64_t *dims)
{
    struct quern_value *v = NULL;
    struct quern_dim d[QUERN_MAX_RANK];
    int rank = 0;
    for (; dims[rank] != -2; rank++) {
        d[rank] = (struct quern_dim){dims[rank], NULL};
    }
    ck_assert_int_eq(quern_value_create(quern_model_graph(model), name, &v),
                     QUERN_OK);
    ck_assert_int_eq(quern_value_set_type(v, dtype, rank, d), QUERN_OK);
    return v;
}

enum quern_code open_data(const char *name, struct quern_value **inputs,
                          size_t n, struct quern_data **out)
{
    *out = NULL;
    return quern_data_open(context, place(name), inputs, n, out);
}

const char *said(void)
{
    const char *line = qtest_said(context);
    const char *path = strstr(line, folder);
    return path != NULL ? path + strlen(folder) + 1 : line;
}
