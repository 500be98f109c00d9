/* Opening models: bytes to IR. */
#include <quern/run.h>

#include "base/file.h"
#include "io/examine.h"
#include "io/io.h"
#include "io/limits.h"
#include "io/reader.h"
#include "io/skim.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum quern_code qn_reader_fail(struct qn_reader *r, enum quern_code code,
                               uint64_t offset, const char *name,
                               const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct quern_place place = QUERN_PLACE_NONE;
    place.stage = "read";
    place.file = r->path;
    place.offset = (int64_t)offset;
    place.tensor = name;
    return quern_fail(r->context, code, &place, "%s", text);
}

enum quern_code qn_reader_absorb(struct qn_reader *r, enum quern_code code)
{
    struct qn_diag *diag = &r->context->diag;
    bool mends = code == QUERN_IO || code == QUERN_MALFORMED ||
                 code == QUERN_INVALID_MODEL || code == QUERN_UNSUPPORTED ||
                 code == QUERN_LIMIT;
    if (r->findings == NULL || qn_findings_full(r->findings) || !mends ||
        !diag->has_error) {
        return code;
    }
    qn_find_error(r->findings, &diag->error.place, "%s", diag->error.text);
    diag->has_error = false;
    return QUERN_OK;
}

void qn_reader_warn(struct qn_reader *r, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct quern_place place = QUERN_PLACE_NONE;
    place.file = r->path;
    if (r->findings != NULL) {
        qn_find_warning(r->findings, &place, "%s", text);
    } else {
        quern_warn(r->context, &place, "%s", text);
    }
}

struct qn_span qn_reader_span(const struct qn_reader *r, uint64_t offset,
                              uint64_t size)
{
    return (struct qn_span){r->bytes->data + offset, (size_t)size};
}

static void *scratch_alloc(void *user, size_t size)
{
    return qn_arena_alloc(user, size);
}

static void scratch_free(void *user, void *block)
{
    (void)user; /* goes with the arena */
    (void)block;
}

enum quern_code qn_reader_unpack(struct qn_reader *r,
                                 const ProtobufCMessageDescriptor *type,
                                 ProtobufCMessage **out_message)
{
    struct qn_skeleton skeleton;
    enum quern_code code = qn_skim(r->context, r->path, r->bytes->data,
                                   r->bytes->size, type, &skeleton);
    if (code != QUERN_OK) {
        return code;
    }
    ProtobufCAllocator allocator = {scratch_alloc, scratch_free, &r->scratch};
    static const uint8_t nothing;
    *out_message = protobuf_c_message_unpack(
        type, &allocator, skeleton.size,
        skeleton.data != NULL ? skeleton.data : &nothing);
    qn_free(skeleton.data);
    /* The skim has seen every byte: what is left to fail is memory. */
    return *out_message != NULL ? QUERN_OK : qn_no_memory(r->context);
}

static enum quern_code read_opset(struct qn_reader *r,
                                  const Onnx__OperatorSetIdProto *o)
{
    const char *domain = qn_domain(o->domain);
    int64_t newest = qn_schema_newest(domain);
    int64_t version = o->version;
    if (quern_model_opset(r->model, domain) != 0) {
        enum quern_code code =
            qn_reader_fail(r, QUERN_INVALID_MODEL, o->quern_offset, NULL,
                           "opset of domain '%s' is imported twice", domain);
        return qn_reader_absorb(r, code);
    }
    if (version < 1 || version > INT32_MAX) {
        enum quern_code code =
            qn_reader_fail(r, QUERN_INVALID_MODEL, o->quern_offset, NULL,
                           "opset version %lld of domain '%s', needs 1 or more",
                           (long long)version, domain);
        if (qn_reader_absorb(r, code) != QUERN_OK) {
            return code;
        }
        version = newest > 0 ? newest : 1; /* so that checking can go on */
    }
    if (newest != 0 && version > newest) {
        qn_reader_warn(r,
                       "opset %lld of domain '%s' is newer than the newest "
                       "known, %lld: its new operators are not understood",
                       (long long)version, domain, (long long)newest);
    }
    return qn_build_opset(r->model, domain, version,
                          qn_reader_span(r, o->quern_offset, o->quern_size))
               ? QUERN_OK
               : qn_no_memory(r->context);
}

static enum quern_code read_opsets(struct qn_reader *r,
                                   const Onnx__ModelProto *p)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < p->n_opset_import && code == QUERN_OK; i++) {
        code = read_opset(r, p->opset_import[i]);
    }
    /* Before IR 3 there was no import: opset 1. */
    if (p->n_opset_import == 0 && code == QUERN_OK) {
        bool old = r->findings == NULL || p->ir_version < 3;
        int64_t version = old ? 1 : qn_schema_newest("");
        if (!qn_build_opset(r->model, "", version, (struct qn_span){NULL, 0})) {
            return qn_no_memory(r->context);
        }
    }
    return code;
}

static enum quern_code read_metadata(struct qn_reader *r,
                                     const Onnx__ModelProto *p)
{
    for (size_t i = 0; i < p->n_metadata_props; i++) {
        const Onnx__StringStringEntryProto *e = p->metadata_props[i];
        char *value = qn_arena_strndup(&r->scratch, (const char *)e->value.data,
                                       e->value.len);
        if (value == NULL ||
            !qn_build_metadata(
                r->model, e->key != NULL ? e->key : "", value,
                qn_reader_span(r, e->quern_offset, e->quern_size))) {
            return qn_no_memory(r->context);
        }
    }
    return QUERN_OK;
}

static enum quern_code read_function(struct qn_reader *r,
                                     const Onnx__FunctionProto *p,
                                     struct quern_function **out_function)
{
    struct qn_arena *arena = &r->model->arena;
    struct quern_function *f = qn_arena_alloc(arena, sizeof *f);
    struct quern_graph *body = f != NULL ? qn_graph_create(r->model) : NULL;
    struct qn_opset *opsets =
        qn_arena_alloc_n(arena, p->n_opset_import, sizeof *opsets);
    const char **attributes =
        qn_arena_alloc_n(arena, p->n_attribute, sizeof *attributes);
    if (body == NULL || opsets == NULL || attributes == NULL) {
        return qn_no_memory(r->context);
    }
    f->domain = qn_arena_strdup(arena, qn_domain(p->domain));
    f->name = qn_arena_strdup(arena, p->name != NULL ? p->name : "");
    f->overload =
        qn_arena_strdup(arena, p->overload != NULL ? p->overload : "");
    f->origin = qn_reader_span(r, p->quern_offset, p->quern_size);
    f->body = body;
    body->function = f;
    body->name = f->name;
    bool good = f->domain != NULL && f->name != NULL && f->overload != NULL;
    for (size_t i = 0; i < p->n_opset_import && good; i++) {
        opsets[i].domain =
            qn_arena_strdup(arena, qn_domain(p->opset_import[i]->domain));
        opsets[i].version = p->opset_import[i]->version;
        good = opsets[i].domain != NULL;
    }
    for (size_t i = 0; i < p->n_attribute && good; i++) {
        attributes[i] = qn_arena_strdup(arena, p->attribute[i]);
        good = attributes[i] != NULL;
    }
    if (!good) {
        return qn_no_memory(r->context);
    }
    f->opsets = opsets;
    f->n_opsets = p->n_opset_import;
    f->attributes = attributes;
    f->n_attributes = p->n_attribute;
    *out_function = f;
    return QUERN_OK;
}

static enum quern_code read_function_body(struct qn_reader *r,
                                          const Onnx__FunctionProto *p,
                                          struct quern_function *f)
{
    for (size_t i = 0; i < p->n_input; i++) {
        bool duplicate = false;
        struct quern_value *v =
            qn_build_value(f->body, p->input[i], &duplicate);
        if (duplicate) {
            enum quern_code code =
                qn_reader_fail(r, QUERN_INVALID_MODEL, p->quern_offset,
                               p->input[i], "function input stands twice");
            if (qn_reader_absorb(r, code) != QUERN_OK) {
                return code;
            }
            continue;
        }
        if (v == NULL || !qn_build_input(f->body, v)) {
            return qn_no_memory(r->context);
        }
    }
    enum quern_code code = qn_read_nodes(r, p->node, p->n_node, f->body);
    for (size_t i = 0; i < p->n_attribute_proto && code == QUERN_OK; i++) {
        struct qn_attr *attr = NULL;
        code = qn_read_attr(r, p->attribute_proto[i], NULL, f->body, &attr);
        if (attr != NULL) {
            attr->next = f->attribute_defaults;
            f->attribute_defaults = attr;
        }
    }
    for (size_t i = 0; i < p->n_output && code == QUERN_OK; i++) {
        struct quern_value *v = qn_graph_own_value(f->body, p->output[i]);
        if (v == NULL) {
            code =
                qn_reader_fail(r, QUERN_INVALID_MODEL, p->quern_offset,
                               p->output[i], "function output is made nowhere");
            code = qn_reader_absorb(r, code);
        } else if (!qn_build_output(f->body, v)) {
            code = qn_no_memory(r->context);
        }
    }
    return code;
}

static enum quern_code read_functions(struct qn_reader *r,
                                      const Onnx__ModelProto *p)
{
    struct quern_function **tail = &r->model->functions;
    for (size_t i = 0; i < p->n_functions; i++) {
        if (r->findings != NULL) {
            qn_examine_function(r, p->functions[i]);
        }
        enum quern_code code = read_function(r, p->functions[i], tail);
        if (code == QUERN_OK) {
            code = read_function_body(r, p->functions[i], *tail);
        }
        if (code != QUERN_OK) {
            return code;
        }
        tail = &(*tail)->next;
    }
    return QUERN_OK;
}

static const char *copy_or_null(struct qn_reader *r, const char *text)
{
    return text != NULL ? qn_arena_strdup(&r->model->arena, text) : NULL;
}

static enum quern_code fill_model(struct qn_reader *r,
                                  const Onnx__ModelProto *p)
{
    struct quern_model *model = r->model;
    r->proto = p;
    if (p->graph == NULL) {
        return qn_reader_fail(r, QUERN_MALFORMED, 0, NULL,
                              "no graph: this is no ONNX model");
    }
    if (r->findings != NULL) {
        qn_examine_model(r, p);
    } else if (p->ir_version > QN_NEWEST_IR) {
        qn_reader_warn(r, "IR version %lld is newer than the newest known, %d",
                       (long long)p->ir_version, QN_NEWEST_IR);
    }
    model->ir_version = p->ir_version;
    model->model_version = p->has_model_version ? p->model_version : -1;
    model->producer_name = copy_or_null(r, p->producer_name);
    model->producer_version = copy_or_null(r, p->producer_version);
    model->domain = copy_or_null(r, p->domain);
    enum quern_code code = read_opsets(r, p);
    if (code == QUERN_OK) {
        code = read_metadata(r, p);
    }
    if (code == QUERN_OK) {
        code = read_functions(r, p);
    }
    return code == QUERN_OK ? qn_read_graph(r, p->graph, model->graph) : code;
}

static void finish_reader(struct qn_reader *r)
{
    qn_arena_finish(&r->scratch);
    qn_tensor_pack_finish(&r->pack);
}

/* Folder part of a path ("" for none), in scratch memory. */
static const char *folder_of(struct qn_reader *r, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL   ? 0
                  : slash == path ? 1
                                  : (size_t)(slash - path);
    return qn_arena_strndup(&r->scratch, path, size);
}

/* Takes one count of the buffer. */
static enum quern_code open_buf(struct quern_context *context,
                                struct qn_buf *buf, const char *path,
                                struct qn_findings *findings,
                                struct quern_model **out_model)
{
    struct qn_reader r = {
        .context = context, .path = path, .bytes = buf, .findings = findings};
    ProtobufCMessage *message = NULL;
    enum quern_code code = qn_model_create(context, &r.model);
    if (code != QUERN_OK) {
        qn_buf_release(buf);
        return code;
    }
    r.model->bytes = buf;
    if (path != NULL && strcmp(path, "-") != 0) {
        r.folder = folder_of(&r, path);
        r.model->path = qn_arena_strdup(&r.model->arena, path);
        if (r.folder == NULL || r.model->path == NULL) {
            code = qn_no_memory(context);
        }
    }
    if (code == QUERN_OK) {
        code = qn_reader_unpack(&r, &onnx__model_proto__descriptor, &message);
    }
    if (code == QUERN_OK) {
        code = fill_model(&r, (const Onnx__ModelProto *)(const void *)message);
    }
    finish_reader(&r);
    if (code != QUERN_OK) {
        quern_model_destroy(&r.model);
        return code;
    }
    qn_build_finish(r.model);
    *out_model = r.model;
    return QUERN_OK;
}

enum quern_code qn_model_examine(struct quern_context *context,
                                 const char *path, struct qn_findings *findings,
                                 struct quern_model **out_model)
{
    struct qn_buf *buf = NULL;
    enum quern_code code = qn_file_map(context, path, &buf);
    return code == QUERN_OK ? open_buf(context, buf, path, findings, out_model)
                            : code;
}

enum quern_code quern_model_open(struct quern_context *context,
                                 const char *path,
                                 struct quern_model **out_model)
{
    return qn_model_examine(context, path, NULL, out_model);
}

enum quern_code quern_model_open_memory(struct quern_context *context,
                                        const void *data, size_t size,
                                        const char *path,
                                        struct quern_model **out_model)
{
    /* Never written: the buffer is not owned. */
    struct qn_buf *buf = qn_buf_wrap((void *)(uintptr_t)data, size, NULL, NULL);
    return buf != NULL ? open_buf(context, buf, path, NULL, out_model)
                       : qn_no_memory(context);
}

/* ------------------------------------------------------------- test data */

/* What files say of their contents; other kinds are not read. */
enum { HOLDS_TENSOR = 1, HOLDS_SEQUENCE = 3 };

static enum quern_code refuse(struct qn_reader *r, const char *what, int kind)
{
    return qn_reader_fail(r, QUERN_UNSUPPORTED, 0, NULL,
                          "%s of kind %d, needs tensors", what, kind);
}

static enum quern_code read_sequence(struct qn_reader *r,
                                     const Onnx__SequenceProto *p,
                                     struct quern_tensor **out_tensor)
{
    size_t n = p->n_tensor_values;
    struct quern_tensor **items =
        qn_arena_alloc_n(&r->scratch, n + 1, sizeof(struct quern_tensor *));
    enum quern_code code = QUERN_OK;
    if (p->elem_type != 0 && p->elem_type != HOLDS_TENSOR) {
        return refuse(r, "a sequence", p->elem_type);
    }
    if (items == NULL) {
        return qn_no_memory(r->context);
    }
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        code = qn_read_tensor(r, p->tensor_values[i], &items[i]);
    }
    if (code == QUERN_OK) {
        code = quern_tensor_of_items(r->context, items, n, out_tensor);
    }
    for (size_t i = 0; i < n; i++) {
        quern_tensor_release(&items[i]);
    }
    return code;
}

static enum quern_code read_optional(struct qn_reader *r,
                                     const Onnx__OptionalProto *p,
                                     struct quern_tensor **out_tensor)
{
    if (p->elem_type == HOLDS_TENSOR && p->tensor_value != NULL) {
        return qn_read_tensor(r, p->tensor_value, out_tensor);
    }
    if (p->elem_type == HOLDS_SEQUENCE && p->sequence_value != NULL) {
        return read_sequence(r, p->sequence_value, out_tensor);
    }
    return p->elem_type == 0 || p->elem_type == HOLDS_TENSOR ||
                   p->elem_type == HOLDS_SEQUENCE
               ? quern_tensor_of_items(r->context, NULL, 0, out_tensor)
               : refuse(r, "an optional", p->elem_type);
}

enum quern_code qn_tensor_open(struct quern_context *context, const char *path,
                               enum quern_kind kind,
                               struct quern_tensor **out_tensor)
{
    struct qn_reader r = {.context = context, .path = path};
    ProtobufCMessage *message = NULL;
    enum quern_code code = qn_file_map(context, path, &r.bytes);
    const void *p = NULL;
    if (code == QUERN_OK) {
        code = qn_reader_unpack(
            &r,
            kind == QUERN_KIND_SEQUENCE   ? &onnx__sequence_proto__descriptor
            : kind == QUERN_KIND_OPTIONAL ? &onnx__optional_proto__descriptor
                                          : &onnx__tensor_proto__descriptor,
            &message);
        p = message;
    }
    if (code == QUERN_OK) {
        code = kind == QUERN_KIND_SEQUENCE ? read_sequence(&r, p, out_tensor)
               : kind == QUERN_KIND_OPTIONAL
                   ? read_optional(&r, p, out_tensor)
                   : qn_read_tensor(&r, p, out_tensor);
    }
    finish_reader(&r);
    qn_buf_release(r.bytes);
    return code;
}
