/* Writing .npz: stored entries, sizes known in front (no zip64 below 4 GiB). */
#include <quern/data.h>

#include "base/file.h"
#include "base/map.h"
#include "data/npy.h"
#include "ir/print.h"
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
    struct qn_map added;    /* entries by name */
    struct qn_map expected; /* those that were said */
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

/* ---------------------------------------------------------------- checking */

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

static struct quern_place place_of(const struct quern_npz *npz,
                                   const char *name)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.tensor = name;
    place.file = npz->writer.path;
    return place;
}

static enum quern_code refuse(struct quern_npz *npz, const char *name,
                              const char *what)
{
    struct quern_place place = place_of(npz, name);
    return quern_fail(npz->context, QUERN_UNSUPPORTED, &place, "%s", what);
}

static enum quern_code check_dtype(struct quern_npz *npz, const char *name,
                                   enum quern_dtype dtype)
{
    char header[QN_NPY_HEADER_MOST];
    struct quern_place place = place_of(npz, name);
    return dtype == QUERN_UNDEFINED ||
                   qn_npy_header(dtype, 0, NULL, header, sizeof header) > 0
               ? QUERN_OK
               : quern_fail(npz->context, QUERN_UNSUPPORTED, &place,
                            "cannot be written as .npz: numpy has no type %s",
                            quern_dtype_name(dtype));
}

/* An entry for an array of this name, which is entered in `names`. */
static enum quern_code make_entry(struct quern_npz *npz, const char *name,
                                  struct qn_map *names,
                                  struct entry **out_entry)
{
    struct quern_place place = place_of(npz, name);
    size_t size = strlen(name);
    if (size > QUERN_NPZ_MOST_NAME) {
        return quern_fail(npz->context, QUERN_UNSUPPORTED, &place,
                          "cannot be written as .npz: name of %zu bytes, needs "
                          "at most %d",
                          size, QUERN_NPZ_MOST_NAME);
    }
    if (names->count == UINT16_MAX) { /* the end of the file counts no more */
        return refuse(npz, name,
                      "cannot be written as .npz: holds 65535 arrays already, "
                      "the most");
    }
    struct entry *e = qn_arena_alloc(&npz->arena, sizeof *e);
    if (e == NULL) {
        return qn_no_memory(npz->context);
    }
    snprintf(e->name, sizeof e->name, "%s.npy", name);
    if (qn_map_get(names, e->name) != NULL) {
        return quern_fail(npz->context, QUERN_INVALID_ARGUMENT, &place,
                          "cannot be written as .npz: two arrays have this "
                          "name");
    }
    *out_entry = e;
    return qn_map_set(names, e->name, e) ? QUERN_OK
                                         : qn_no_memory(npz->context);
}

enum quern_code quern_npz_expect(struct quern_npz *npz,
                                 const struct quern_value *value)
{
    struct entry *e = NULL;
    const char *name = quern_value_name(value);
    const struct qn_type *type = qn_print_type_of(value);
    enum quern_code code = type == NULL || type->kind != QUERN_KIND_TENSOR
                               ? QUERN_OK
                               : check_dtype(npz, name, type->dtype);
    return code == QUERN_OK ? make_entry(npz, name, &npz->expected, &e) : code;
}

static enum quern_code check_kind(struct quern_npz *npz, const char *name,
                                  const struct quern_tensor *tensor)
{
    if (tensor == NULL) {
        return refuse(npz, name, "the run gave no tensor to write");
    }
    if (tensor->is_list) {
        return refuse(npz, name,
                      tensor->items != NULL
                          ? "a sequence cannot be written as .npz"
                          : "an optional of nothing cannot be written as .npz");
    }
    return check_dtype(npz, name, tensor->dtype);
}

enum quern_code quern_npz_check(struct quern_npz *npz, const char *name,
                                const struct quern_tensor *first,
                                const struct quern_tensor *tensor, size_t i)
{
    char has[256];
    char needs[256];
    struct quern_place place = place_of(npz, name);
    enum quern_code code = check_kind(npz, name, first);
    if (code == QUERN_OK) {
        code = check_kind(npz, name, tensor);
    }
    if (code != QUERN_OK || joins(first, tensor)) {
        return code;
    }
    qn_shape_text(tensor->dtype, tensor->rank, tensor->dims, has, sizeof has);
    qn_shape_text(first->dtype, first->rank, first->dims, needs, sizeof needs);
    return quern_fail(npz->context, QUERN_UNSUPPORTED, &place,
                      "outputs of samples have different shapes and cannot be "
                      "joined in one array: that of sample %zu is %s, of "
                      "sample 0 %s",
                      i, has, needs);
}

/* ----------------------------------------------------------------- writing */

static void put_array(struct quern_npz *npz, struct entry *e,
                      const char *header, size_t header_size,
                      struct quern_tensor *const *tensors, size_t n)
{
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
}

enum quern_code quern_npz_add(struct quern_npz *npz, const char *name,
                              struct quern_tensor *const *tensors, size_t n)
{
    char header[QN_NPY_HEADER_MOST];
    int64_t dims[QUERN_MAX_RANK] = {0};
    uint64_t bytes = 0;
    struct entry *e = NULL;
    struct quern_place place = place_of(npz, name);
    if (n == 0) {
        return refuse(npz, name, "no samples to write");
    }
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        code = quern_npz_check(npz, name, tensors[0], tensors[i], i);
    }
    if (code != QUERN_OK) {
        return code;
    }
    int rank = tensors[0]->rank > 0 ? tensors[0]->rank : 1;
    memcpy(dims, tensors[0]->dims, (size_t)tensors[0]->rank * sizeof *dims);
    dims[0] = 0;
    for (size_t i = 0; i < n; i++) {
        dims[0] += tensors[i]->rank > 0 ? tensors[i]->dims[0] : 1;
        bytes += tensors[i]->size;
    }
    if (bytes + npz->writer.written > QUERN_NPZ_MOST_SIZE) {
        return quern_fail(
            npz->context, QUERN_UNSUPPORTED, &place,
            "cannot be written as .npz: %llu bytes, needs at most "
            "%llu in a file",
            (unsigned long long)(bytes + npz->writer.written),
            (unsigned long long)QUERN_NPZ_MOST_SIZE);
    }
    code = make_entry(npz, name, &npz->added, &e);
    if (code != QUERN_OK) {
        return code;
    }
    size_t header_size =
        qn_npy_header(tensors[0]->dtype, rank, dims, header, sizeof header);
    e->at = (uint32_t)npz->writer.written;
    e->size = (uint32_t)(bytes + header_size);
    put_array(npz, e, header, header_size, tensors, n);
    return QUERN_OK;
}

static void destroy(struct quern_npz *npz)
{
    qn_map_finish(&npz->added);
    qn_map_finish(&npz->expected);
    qn_arena_finish(&npz->arena);
    qn_free(npz);
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
    destroy(z);
    return code;
}

void quern_npz_abort(struct quern_npz **npz)
{
    struct quern_npz *z = npz != NULL ? *npz : NULL;
    if (z != NULL) {
        *npz = NULL;
        qn_writer_abort(&z->writer);
        destroy(z);
    }
}
