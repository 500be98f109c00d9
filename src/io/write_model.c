/* Saving models: IR to bytes, whole or not at all. */
#include "base/file.h"
#include "io/emit.h"

#include <string.h>

static void opset_body(struct qn_sink *out, const struct qn_opset *opset)
{
    qn_emit_string(out, 1, opset->domain);
    qn_emit_int(out, 2, opset->version);
}

static void emit_opset(struct qn_sink *sink, const struct qn_opset *opset)
{
    struct qn_sink count = {NULL, 0};
    if (opset->origin.data != NULL) {
        qn_emit_bytes(sink, 8, opset->origin.data, opset->origin.size);
        return;
    }
    opset_body(&count, opset);
    qn_emit_header(sink, 8, count.size);
    opset_body(sink, opset);
}

static void metadata_body(struct qn_sink *out, const struct qn_metadata *entry)
{
    qn_emit_string(out, 1, entry->key);
    qn_emit_string(out, 2, entry->value);
}

static void emit_metadata(struct qn_sink *sink, const struct qn_metadata *entry)
{
    struct qn_sink count = {NULL, 0};
    if (entry->origin.data != NULL) {
        qn_emit_bytes(sink, 14, entry->origin.data, entry->origin.size);
        return;
    }
    metadata_body(&count, entry);
    qn_emit_header(sink, 14, count.size);
    metadata_body(sink, entry);
}

static void model_body(struct qn_sink *out, const struct quern_model *model)
{
    static const unsigned known[] = {1, 2, 3, 4, 5, 7, 8, 14, 0};
    struct qn_span source = {NULL, 0};
    if (model->bytes != NULL) {
        source = (struct qn_span){model->bytes->data, model->bytes->size};
    }
    qn_emit_int(out, 1, model->ir_version);
    qn_emit_string(out, 2, model->producer_name);
    qn_emit_string(out, 3, model->producer_version);
    qn_emit_string(out, 4, model->domain);
    if (model->model_version >= 0) {
        qn_emit_int(out, 5, model->model_version);
    }
    qn_emit_fields(out, source, 6, 6, known);
    qn_emit_graph(out, 7, model->graph);
    for (size_t i = 0; i < model->n_opsets; i++) {
        emit_opset(out, &model->opsets[i]);
    }
    qn_emit_fields(out, source, 9, 13, known);
    for (const struct qn_metadata *m = model->metadata; m; m = m->next) {
        emit_metadata(out, m);
    }
    qn_emit_fields(out, source, 15, UINT32_MAX, known);
}

static enum quern_code check_size(struct quern_model *model, uint64_t size)
{
    if (size <= INT32_MAX) {
        return QUERN_OK;
    }
    struct quern_place place = QUERN_PLACE_NONE;
    place.stage = "write";
    return quern_fail(model->context, QUERN_LIMIT, &place,
                      "model needs %llu bytes, a model file holds at most %d; "
                      "store its weights as external data",
                      (unsigned long long)size, INT32_MAX);
}

/* Folder part of two paths, compared as text: the same folder by another name
 * only costs an error that says what to do. */
static bool same_folder(const char *a, const char *b)
{
    const char *slash_a = strrchr(a, '/');
    const char *slash_b = strrchr(b, '/');
    size_t size_a = slash_a != NULL ? (size_t)(slash_a - a) : 0;
    size_t size_b = slash_b != NULL ? (size_t)(slash_b - b) : 0;
    return size_a == size_b && memcmp(a, b, size_a) == 0;
}

static enum quern_code check_options(struct quern_model *model,
                                     const char *path,
                                     const struct quern_save_options *options)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.stage = "write";
    place.file = path;
    if (options != NULL && options->external == QUERN_EXTERNAL_FILE) {
        return quern_fail(model->context, QUERN_UNSUPPORTED, &place,
                          "writing weights to an external file");
    }
    if (model->has_external &&
        (model->path == NULL || !same_folder(model->path, path))) {
        return quern_fail(model->context, QUERN_UNSUPPORTED, &place,
                          "model with external data can only be written to "
                          "the folder that it was read from");
    }
    return QUERN_OK;
}

enum quern_code quern_model_save(struct quern_model *model, const char *path,
                                 const struct quern_save_options *options)
{
    struct qn_writer writer;
    bool untouched = model->journal.n_total == 0 && model->bytes != NULL;
    struct qn_sink count = {NULL, 0};
    enum quern_code code = check_options(model, path, options);
    if (code == QUERN_OK && !untouched) {
        model_body(&count, model);
        code = check_size(model, count.size);
    }
    if (code == QUERN_OK) {
        code = qn_writer_open(&writer, model->context, path);
    }
    if (code != QUERN_OK) {
        return code;
    }
    if (untouched) {
        qn_writer_put(&writer, model->bytes->data, model->bytes->size);
    } else {
        struct qn_sink sink = {&writer, 0};
        model_body(&sink, model);
    }
    return qn_writer_commit(&writer);
}
