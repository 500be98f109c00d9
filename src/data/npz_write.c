/* Writing .npz: stored entries, sizes known in front (no zip64 below 4 GiB). */
#include <quern/data.h>

#include "base/file.h"
#include "data/npy.h"
#include "ir/tensor.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

struct entry {
    char name[240];
    uint32_t crc;
    uint32_t size;
    uint32_t at;
    struct entry *next;
};

struct quern_npz {
    struct quern_context *context;
    struct qn_writer writer;
    struct qn_arena arena;
    struct entry *first;
    struct entry *last;
    unsigned n;
};

enum quern_code quern_npz_create(struct quern_context *context,
                                 const char *path, struct quern_npz **out_npz)
{
    struct quern_npz *npz = qn_calloc(sizeof *npz);
    if (npz == NULL) {
        return qn_no_memory(context);
    }
    npz->context = context;
    enum quern_code code = qn_writer_open(&npz->writer, context, path);
    if (code != QUERN_OK) {
        qn_free(npz);
        return code;
    }
    *out_npz = npz;
    return QUERN_OK;
}

static void put(unsigned char *p, uint64_t value, unsigned bytes)
{
    memcpy(p, &value, bytes);
}

/* Readers take names for code page 437 unless bit 11 of the flags is set. */
static unsigned name_flags(const char *name)
{
    for (const char *p = name; *p != '\0'; p++) {
        if ((unsigned char)*p >= 0x80) {
            return 0x800;
        }
    }
    return 0;
}

/* Fields that local and central header share, from "version needed" on. */
static void common_fields(unsigned char *p, const struct entry *e)
{
    put(p, 20, 2);
    put(p + 2, name_flags(e->name), 2);
    put(p + 8, 0x21, 2); /* 1980-01-01: the same bytes at any time */
    put(p + 10, e->crc, 4);
    put(p + 14, e->size, 4);
    put(p + 18, e->size, 4);
    put(p + 22, strlen(e->name), 2);
}

static bool joins(const struct quern_tensor *a, const struct quern_tensor *b)
{
    if (a->dtype != b->dtype || a->rank != b->rank) {
        return false;
    }
    for (int i = 1; i < a->rank; i++) {
        if (a->dims[i] != b->dims[i]) {
            return false;
        }
    }
    return true;
}

static enum quern_code refuse(struct quern_npz *npz, const char *name,
                              const char *what)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.tensor = name;
    place.file = npz->writer.path;
    return quern_fail(npz->context, QUERN_UNSUPPORTED, &place, "%s", what);
}

enum quern_code quern_npz_add(struct quern_npz *npz, const char *name,
                              struct quern_tensor *const *tensors, size_t n)
{
    char header[1024];
    int64_t dims[QUERN_MAX_RANK] = {0};
    uint64_t bytes = 0;
    if (n == 0) {
        return refuse(npz, name, "no samples to write");
    }
    for (size_t i = 0; i < n; i++) {
        if (tensors[i] == NULL) {
            return refuse(npz, name, "the run gave no tensor to write");
        }
        if (tensors[i]->is_list) {
            return refuse(npz, name,
                          tensors[i]->items != NULL
                              ? "a sequence cannot be written as .npz"
                              : "an optional of nothing cannot be written as "
                                ".npz");
        }
    }
    int rank = tensors[0]->rank > 0 ? tensors[0]->rank : 1;
    memcpy(dims, tensors[0]->dims, (size_t)tensors[0]->rank * sizeof *dims);
    dims[0] = 0;
    for (size_t i = 0; i < n; i++) {
        if (!joins(tensors[0], tensors[i])) {
            return refuse(npz, name,
                          "outputs of samples have different shapes and "
                          "cannot be joined in one array");
        }
        dims[0] += tensors[i]->rank > 0 ? tensors[i]->dims[0] : 1;
        bytes += tensors[i]->size;
    }
    size_t header_size =
        qn_npy_header(tensors[0]->dtype, rank, dims, header, sizeof header);
    struct entry *e = qn_arena_alloc(&npz->arena, sizeof *e);
    if (e == NULL) {
        return qn_no_memory(npz->context);
    }
    if (header_size == 0 || strlen(name) > 200 ||
        bytes + npz->writer.written > UINT32_MAX - 4096) {
        return refuse(npz, name,
                      "array cannot be written as .npz (type, name "
                      "or more than 4 GiB)");
    }
    snprintf(e->name, sizeof e->name, "%s.npy", name);
    e->at = (uint32_t)npz->writer.written;
    e->size = (uint32_t)(bytes + header_size);
    uLong crc = crc32_z(0, (const unsigned char *)header, header_size);
    for (size_t i = 0; i < n; i++) {
        crc = crc32_z(crc, tensors[i]->data, tensors[i]->size);
    }
    e->crc = (uint32_t)crc;
    unsigned char local[30] = "PK\3\4";
    common_fields(local + 4, e);
    qn_writer_put(&npz->writer, local, sizeof local);
    qn_writer_put(&npz->writer, e->name, strlen(e->name));
    qn_writer_put(&npz->writer, header, header_size);
    for (size_t i = 0; i < n; i++) {
        qn_writer_put(&npz->writer, tensors[i]->data, tensors[i]->size);
    }
    if (npz->last != NULL) {
        npz->last->next = e;
    } else {
        npz->first = e;
    }
    npz->last = e;
    npz->n++;
    return QUERN_OK;
}

enum quern_code quern_npz_close(struct quern_npz **npz)
{
    struct quern_npz *z = *npz;
    *npz = NULL;
    uint64_t start = z->writer.written;
    for (const struct entry *e = z->first; e != NULL; e = e->next) {
        unsigned char central[46] = "PK\1\2";
        put(central + 4, 20, 2);
        common_fields(central + 6, e);
        put(central + 42, e->at, 4);
        qn_writer_put(&z->writer, central, sizeof central);
        qn_writer_put(&z->writer, e->name, strlen(e->name));
    }
    unsigned char end[22] = "PK\5\6";
    put(end + 8, z->n, 2);
    put(end + 10, z->n, 2);
    put(end + 12, z->writer.written - start, 4);
    put(end + 16, start, 4);
    qn_writer_put(&z->writer, end, sizeof end);
    enum quern_code code = qn_writer_commit(&z->writer);
    qn_arena_finish(&z->arena);
    qn_free(z);
    return code;
}

void quern_npz_abort(struct quern_npz **npz)
{
    struct quern_npz *z = npz != NULL ? *npz : NULL;
    if (z != NULL) {
        *npz = NULL;
        qn_writer_abort(&z->writer);
        qn_arena_finish(&z->arena);
        qn_free(z);
    }
}
