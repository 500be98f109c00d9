/* Saving models: IR to bytes, whole or not at all. */
#include "base/file.h"
#include "io/emit.h"
#include "io/extract.h"

#include <string.h>
#include <unistd.h>

static void opset_body(struct qn_sink *out, const struct qn_opset *opset)
{
    qn_emit_string(out, 1, opset->domain);
    qn_emit_int(out, 2, opset->version);
}

static void emit_opset(struct qn_sink *sink, const struct qn_opset *opset)
{
    struct qn_sink count = {0};
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
    struct qn_sink count = {0};
    if (entry->origin.data != NULL) {
        qn_emit_bytes(sink, 14, entry->origin.data, entry->origin.size);
        return;
    }
    metadata_body(&count, entry);
    qn_emit_header(sink, 14, count.size);
    metadata_body(sink, entry);
}

/* The operator set of tap operators. */
static void emit_tap_opset(struct qn_sink *out)
{
    if (out->extract != NULL && out->extract->input != NULL) {
        const struct qn_opset opset = {
            .domain = out->extract->options->tap_domain, .version = 1};
        emit_opset(out, &opset);
    }
}

void qn_emit_model(struct qn_sink *out, const struct quern_model *model)
{
    static const unsigned known[] = {1, 2, 3, 4, 5, 7, 8, 14, 25, 0};
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
    if (!model->is_stripped) {
        qn_emit_fields(out, source, 6, 6, known);
    }
    qn_emit_graph(out, 7, model->graph);
    for (size_t i = 0; i < model->n_opsets; i++) {
        emit_opset(out, &model->opsets[i]);
    }
    emit_tap_opset(out);
    qn_emit_fields(out, source, 9, 13, known);
    for (const struct qn_metadata *m = model->metadata; m; m = m->next) {
        emit_metadata(out, m);
    }
    qn_emit_fields(out, source, 15, 24, known);
    for (const struct quern_function *f = model->functions; f; f = f->next) {
        qn_emit_bytes(out, 25, f->origin.data, f->origin.size);
    }
    qn_emit_fields(out, source, 26, UINT32_MAX, known);
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

/* ------------------------------------------------------------------ save */

struct save {
    struct quern_model *model;
    const char *path;
    const char *external_name;
    bool untouched; /* the bytes that were read can go out */
    bool replaces;  /* a model stands at `path` */
    bool places;    /* `outside` says where weights lie */
    struct qn_outside outside;
    struct qn_arena arena;
};

static uint64_t count_size(const struct save *s)
{
    struct qn_sink count = {.outside = s->places ? &s->outside : NULL};
    if (s->untouched && !s->places) {
        return s->model->bytes->size;
    }
    qn_emit_model(&count, s->model);
    return count.size;
}

static enum quern_code plan(struct save *s, size_t least, bool keep)
{
    s->places = true;
    return qn_outside_plan(s->model, &s->arena, least, keep, &s->outside);
}

/* Keep what is external; in another folder, take it along. */
static enum quern_code plan_auto(struct save *s)
{
    struct quern_model *model = s->model;
    enum quern_code code = QUERN_OK;
    if (model->externals != NULL && !qn_same_folder(model->path, s->path)) {
        code = s->untouched ? qn_outside_copy(model, s->path)
                            : plan(s, SIZE_MAX, true);
    }
    if (code == QUERN_OK && !s->places && count_size(s) > INT32_MAX) {
        code = plan(s, QN_OUTSIDE_THRESHOLD, true);
    }
    return code;
}

static enum quern_code plan_save(struct save *s, enum quern_external external)
{
    switch (external) {
    case QUERN_EXTERNAL_AUTO:
        return plan_auto(s);
    case QUERN_EXTERNAL_NEVER:
        return s->model->externals != NULL ? plan(s, SIZE_MAX, false)
                                           : QUERN_OK;
    case QUERN_EXTERNAL_FILE:
        return plan(s, QN_OUTSIDE_THRESHOLD, true);
    }
    return quern_fail(s->model->context, QUERN_INVALID_ARGUMENT, NULL,
                      "no such way to store weights: %d", (int)external);
}

/* Both files are on the disk before the first one takes its place. A process
 * that ends between the two by quern_context_abandon() leaves neither; but data
 * that stood there before are lost once the new ones have their place, and the
 * model that read them with them. */
static enum quern_code commit_both(struct save *s, struct qn_writer *model)
{
    bool is_new = s->outside.location != NULL && s->outside.is_new_file;
    enum quern_code code = qn_writer_seal(model);
    if (code == QUERN_OK && is_new) {
        code = qn_writer_goes_with(model, &s->outside.writer);
    }
    if (code != QUERN_OK) {
        qn_writer_abort(model);
        qn_writer_abort(&s->outside.writer);
        return code;
    }
    code = s->outside.location != NULL ? qn_writer_commit(&s->outside.writer)
                                       : QUERN_OK;
    if (code != QUERN_OK) {
        qn_writer_abort(model);
        return code;
    }
    code = qn_writer_commit(model);
    if (code != QUERN_OK) {
        qn_outside_undo(s->path, &s->outside);
    }
    return code;
}

static enum quern_code write_file(struct save *s)
{
    struct qn_writer writer;
    enum quern_code code = check_size(s->model, count_size(s));
    if (code == QUERN_OK) {
        code = qn_writer_open(&writer, s->model->context, s->path);
    }
    if (code != QUERN_OK) {
        qn_writer_abort(&s->outside.writer);
        return code;
    }
    if (s->untouched && !s->places) {
        qn_writer_put(&writer, s->model->bytes->data, s->model->bytes->size);
    } else {
        struct qn_sink sink = {.writer = &writer,
                               .outside = s->places ? &s->outside : NULL};
        qn_emit_model(&sink, s->model);
    }
    return commit_both(s, &writer);
}

enum quern_code quern_model_save(struct quern_model *model, const char *path,
                                 const struct quern_save_options *options)
{
    struct save s = {
        .model = model,
        .path = path,
        .external_name = options != NULL ? options->external_name : NULL,
        .untouched = model->journal.n_total == 0 && model->bytes != NULL,
        .replaces = access(path, F_OK) == 0,
    };
    struct qn_outside_names stale = {NULL, 0};
    enum quern_code code = plan_save(&s, options != NULL ? options->external
                                                         : QUERN_EXTERNAL_AUTO);
    if (code == QUERN_OK && s.replaces) {
        qn_outside_replaced(model->context, path, &s.arena, &stale);
    }
    if (code == QUERN_OK && s.places && s.outside.size > 0) {
        code = qn_outside_write(model, &s.arena, path, s.external_name,
                                &s.outside);
    }
    if (code == QUERN_OK) {
        code = write_file(&s);
    }
    if (code == QUERN_OK) {
        qn_outside_sweep(path, &stale, s.outside.location,
                         s.places ? NULL : model);
    }
    qn_arena_finish(&s.arena);
    return code;
}
