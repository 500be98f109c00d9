/* External data: a slice of a file beside the model, mapped once. */
#include "base/file.h"
#include "io/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A canonical decimal number: digits alone, no sign, no leading zero. */
static bool parse_number(const ProtobufCBinaryData *text, uint64_t *out)
{
    uint64_t value = 0;
    if (text->len == 0 || (text->len > 1 && text->data[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text->len; i++) {
        if (text->data[i] < '0' || text->data[i] > '9' ||
            __builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text->data[i] - '0'),
                                   &value)) {
            return false;
        }
    }
    *out = value;
    return true;
}

struct entry {
    const char *location;
    uint64_t offset;
    uint64_t length;
    bool has_length;
};

static enum quern_code parse_entries(struct qn_reader *r,
                                     const Onnx__TensorProto *p,
                                     struct entry *out)
{
    for (size_t i = 0; i < p->n_external_data; i++) {
        const Onnx__StringStringEntryProto *e = p->external_data[i];
        const char *key = e->key != NULL ? e->key : "";
        bool good = true;
        if (strcmp(key, "location") == 0) {
            good = e->value.len > 0 &&
                   memchr(e->value.data, 0, e->value.len) == NULL;
            out->location = qn_arena_strndup(
                &r->scratch, (const char *)e->value.data, e->value.len);
        } else if (strcmp(key, "offset") == 0) {
            good = parse_number(&e->value, &out->offset);
        } else if (strcmp(key, "length") == 0) {
            good = parse_number(&e->value, &out->length);
            out->has_length = true;
        }
        if (!good) {
            return qn_reader_fail(r, QUERN_INVALID_MODEL, p->quern_offset,
                                  p->name, "external data has a malformed '%s'",
                                  key);
        }
    }
    if (out->location == NULL) {
        return qn_reader_fail(r, QUERN_INVALID_MODEL, p->quern_offset, p->name,
                              "external data without location");
    }
    return QUERN_OK;
}

/* Borrowed from the model's list. */
static enum quern_code open_once(struct qn_reader *r, const char *location,
                                 struct qn_buf **out_buf)
{
    struct quern_model *model = r->model;
    for (struct qn_external *e = model->externals; e != NULL; e = e->next) {
        if (strcmp(e->location, location) == 0) {
            *out_buf = e->buf;
            return QUERN_OK;
        }
    }
    struct qn_external *e = qn_arena_alloc(&model->arena, sizeof *e);
    const char *copy = qn_arena_strdup(&model->arena, location);
    if (e == NULL || copy == NULL) {
        return qn_no_memory(r->context);
    }
    enum quern_code code =
        qn_file_map_below(r->context, r->folder, location, &e->buf);
    if (code == QUERN_OK) {
        e->location = copy;
        e->next = model->externals;
        model->externals = e;
        *out_buf = e->buf;
    }
    return code;
}

enum quern_code qn_read_external(struct qn_reader *r,
                                 const Onnx__TensorProto *p,
                                 const int64_t *dims,
                                 struct quern_tensor **out_tensor)
{
    struct entry e = {0};
    struct qn_buf *buf = NULL;
    int64_t len = 0;
    size_t size = 0;
    int rank = (int)p->n_dims;
    enum quern_dtype dtype = (enum quern_dtype)p->data_type;
    enum quern_code code = parse_entries(r, p, &e);
    if (code == QUERN_OK && r->folder == NULL) {
        code = qn_reader_fail(r, QUERN_INVALID_MODEL, p->quern_offset, p->name,
                              "external data '%s' of a model without a path",
                              e.location);
    }
    if (code == QUERN_OK) {
        code = qn_tensor_size_of(r->context, dtype, rank, dims, &len, &size);
    }
    if (code == QUERN_OK) {
        code = open_once(r, e.location, &buf);
    }
    if (code != QUERN_OK) {
        return code;
    }
    uint64_t needed = e.has_length ? e.length : size;
    if (needed != size || e.offset > buf->size ||
        needed > buf->size - e.offset) {
        return qn_reader_fail(
            r, QUERN_INVALID_MODEL, p->quern_offset, p->name,
            "external data '%s' has %zu bytes; tensor wants %zu, entry says "
            "%llu at offset %llu",
            e.location, buf->size, size, (unsigned long long)needed,
            (unsigned long long)e.offset);
    }
    return qn_tensor_slice(r->context, dtype, rank, dims, buf, e.offset, size,
                           out_tensor);
}
