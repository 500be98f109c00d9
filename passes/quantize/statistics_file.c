/* The file of `quern calibrate`, as bytes. */
#include "quantize/statistics_file.h"

#include <quern/file.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- writing */

void qn_bytes_put(struct qn_bytes *bytes, const void *data, size_t size)
{
    if (bytes->failed || size > SIZE_MAX / 4 - bytes->size) {
        bytes->failed = true;
        return;
    }
    if (bytes->size + size > bytes->room) {
        size_t room = (bytes->size + size) * 2;
        unsigned char *grown = realloc(bytes->data, room);
        if (grown == NULL) {
            bytes->failed = true;
            return;
        }
        bytes->data = grown;
        bytes->room = room;
    }
    if (size > 0) {
        memcpy(bytes->data + bytes->size, data, size);
    }
    bytes->size += size;
}

void qn_bytes_put_u64(struct qn_bytes *bytes, uint64_t x)
{
    unsigned char b[8];
    for (int i = 0; i < 8; i++) {
        b[i] = (unsigned char)(x >> (8 * i));
    }
    qn_bytes_put(bytes, b, sizeof b);
}

void qn_bytes_put_u32(struct qn_bytes *bytes, uint32_t x)
{
    unsigned char b[4];
    for (int i = 0; i < 4; i++) {
        b[i] = (unsigned char)(x >> (8 * i));
    }
    qn_bytes_put(bytes, b, sizeof b);
}

void qn_bytes_put_string(struct qn_bytes *bytes, const void *data, size_t size)
{
    qn_bytes_put_u64(bytes, size);
    qn_bytes_put(bytes, data, size);
}

static enum quern_code fail(struct quern_context *context, const char *path,
                            enum quern_code code, const char *what)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.file = path;
    return quern_fail(context, code, &place, "%s", what);
}

enum quern_code qn_bytes_save(struct quern_context *context,
                              struct qn_bytes *bytes, const char *path)
{
    qn_bytes_put_u64(bytes,
                     quern_hash(QUERN_HASH_START, bytes->data, bytes->size));
    return bytes->failed
               ? fail(context, path, QUERN_NO_MEMORY, "out of memory")
               : quern_file_write(context, path, bytes->data, bytes->size);
}

/* ---------------------------------------------------------------- reading */

static const unsigned char *take(struct qn_reading *r, uint64_t size)
{
    if (r->failed || size > r->left) {
        r->failed = true;
        return NULL;
    }
    const unsigned char *at = r->at;
    r->at += size;
    r->left -= (size_t)size;
    return at;
}

uint64_t qn_reading_u64(struct qn_reading *r)
{
    const unsigned char *b = take(r, 8);
    uint64_t x = 0;
    for (int i = 7; b != NULL && i >= 0; i--) {
        x = x << 8 | b[i];
    }
    return x;
}

uint32_t qn_reading_u32(struct qn_reading *r)
{
    const unsigned char *b = take(r, 4);
    uint32_t x = 0;
    for (int i = 3; b != NULL && i >= 0; i--) {
        x = x << 8 | b[i];
    }
    return x;
}

const char *qn_reading_string(struct qn_reading *r, size_t *out_size)
{
    uint64_t size = qn_reading_u64(r);
    const unsigned char *at = take(r, size);
    *out_size = at != NULL ? (size_t)size : 0;
    return (const char *)at;
}

enum quern_code qn_bytes_load(struct quern_context *context, const char *path,
                              struct qn_bytes *out_bytes)
{
    FILE *file = fopen(path, "rb");
    unsigned char block[65536];
    size_t n = 0;
    *out_bytes = (struct qn_bytes){0};
    if (file == NULL) {
        return fail(context, path, QUERN_IO, strerror(errno));
    }
    while ((n = fread(block, 1, sizeof block, file)) > 0) {
        qn_bytes_put(out_bytes, block, n);
    }
    bool broken = ferror(file) != 0;
    fclose(file);
    if (broken || out_bytes->failed) {
        return broken ? fail(context, path, QUERN_IO, "cannot be read")
                      : fail(context, path, QUERN_NO_MEMORY, "out of memory");
    }
    if (out_bytes->size < 16 || memcmp(out_bytes->data, "QUERNST1", 8) != 0) {
        return fail(context, path, QUERN_MALFORMED,
                    "no statistics of quern calibrate");
    }
    out_bytes->size -= 8;
    struct qn_reading sum = {out_bytes->data + out_bytes->size, 8, false};
    return qn_reading_u64(&sum) == quern_hash(QUERN_HASH_START, out_bytes->data,
                                              out_bytes->size)
               ? QUERN_OK
               : fail(context, path, QUERN_MALFORMED,
                      "statistics are damaged: their check sum differs");
}

/* ------------------------------------------------------------ fingerprint */

static uint64_t add_name(uint64_t key, const char *name)
{
    return quern_hash(key, name, strlen(name) + 1);
}

uint64_t qn_fingerprint(const struct quern_graph *graph)
{
    int64_t opset = quern_model_opset(quern_graph_model(graph), "");
    uint64_t key = quern_hash(QUERN_HASH_START, &opset, sizeof opset);
    for (const struct quern_node *n = quern_graph_first(graph); n != NULL;
         n = quern_node_next(n)) {
        key = add_name(key, quern_node_op(n));
        for (size_t i = 0; i < quern_node_n_inputs(n); i++) {
            const struct quern_value *v = quern_node_input(n, i);
            key = add_name(key, v != NULL ? quern_value_name(v) : "");
        }
        for (size_t i = 0; i < quern_node_n_outputs(n); i++) {
            const struct quern_value *v = quern_node_output(n, i);
            key = add_name(key, v != NULL ? quern_value_name(v) : "");
        }
        for (size_t i = 0; i < quern_node_n_subgraphs(n); i++) {
            uint64_t inner = qn_fingerprint(quern_node_subgraph(n, i));
            key = quern_hash(key, &inner, sizeof inner);
        }
    }
    for (const struct quern_value *v = quern_graph_first_initializer(graph);
         v != NULL; v = quern_value_next_initializer(v)) {
        const struct quern_tensor *t = quern_value_constant(v);
        key = add_name(key, quern_value_name(v));
        if (t != NULL && quern_tensor_data(t) != NULL) {
            key = quern_hash(key, quern_tensor_data(t), quern_tensor_size(t));
        }
    }
    return key;
}
