/* The walk over the wire: see skim.h. Iterative, one frame a message level. */
#include "io/skim.h"

#include "base/alloc.h"
#include "io/limits.h"
#include "io/wire.h"

#include <string.h>

enum { LENGTH_SIZE = 5 }; /* varint padded to 5 bytes, patched at the end */

struct frame {
    const ProtobufCMessageDescriptor *type;
    size_t start;     /* first byte of the content in the file */
    size_t end;       /* behind the last */
    size_t length_at; /* where its length stands in the skeleton */
    uint64_t seen;    /* singular message fields met, by index */
};

struct skim {
    struct quern_context *context;
    const char *path;
    const unsigned char *data;
    size_t size;
    size_t at;
    unsigned char *out;
    size_t used;
    size_t room;
    uint64_t n_messages;
    struct frame *frames;
    size_t depth;
};

static enum quern_code fail(struct skim *s, enum quern_code code, size_t offset,
                            const char *what)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.stage = "read";
    place.file = s->path;
    place.offset = (int64_t)offset;
    return quern_fail(s->context, code, &place, "%s", what);
}

static enum quern_code put(struct skim *s, const void *data, size_t size)
{
    if (size > s->room - s->used) {
        size_t room = s->room * 2 + size + 4096;
        void *grown = qn_realloc_n(s->out, room, 1);
        if (grown == NULL) {
            return qn_no_memory(s->context);
        }
        s->out = grown;
        s->room = room;
    }
    if (size > 0) {
        memcpy(s->out + s->used, data, size);
        s->used += size;
    }
    return QUERN_OK;
}

static enum quern_code put_fixed64(struct skim *s, unsigned field,
                                   uint64_t value)
{
    unsigned char bytes[5 + 8];
    size_t n = qn_wire_varint(bytes, (uint64_t)field << 3 | QN_WIRE_64);
    memcpy(bytes + n, &value, 8); /* little-endian */
    return put(s, bytes, n + 8);
}

static bool has_field(const ProtobufCMessageDescriptor *type, unsigned number)
{
    return protobuf_c_message_descriptor_get_field(type, number) != NULL;
}

static enum quern_code open_frame(struct skim *s,
                                  const ProtobufCMessageDescriptor *type,
                                  size_t length)
{
    if (s->depth > QN_MAX_NESTING) {
        return fail(s, QUERN_LIMIT, s->at, "messages are nested too deep");
    }
    if (++s->n_messages * 256 > s->context->max_memory) {
        return fail(s, QUERN_LIMIT, s->at,
                    "more messages than the memory limit allows");
    }
    s->frames[s->depth++] =
        (struct frame){type, s->at, s->at + length, s->used, 0};
    return QUERN_OK;
}

/* The message is complete: where it came from, and its length. */
static enum quern_code close_frame(struct skim *s)
{
    const struct frame f = s->frames[--s->depth];
    enum quern_code code = QUERN_OK;
    if (has_field(f.type, QN_FIELD_OFFSET)) {
        code = put_fixed64(s, QN_FIELD_OFFSET, f.start);
        if (code == QUERN_OK) {
            code = put_fixed64(s, QN_FIELD_SIZE, f.end - f.start);
        }
    }
    if (code == QUERN_OK && s->depth > 0) {
        size_t length = s->used - f.length_at - LENGTH_SIZE;
        for (int i = 0; i < LENGTH_SIZE; i++) {
            unsigned more = i + 1 < LENGTH_SIZE ? 0x80u : 0u;
            s->out[f.length_at + (size_t)i] =
                (unsigned char)((length >> 7 * i & 0x7f) | more);
        }
    }
    return code;
}

/* Wire type that a field of the schema must have; packed lists have
 * QN_WIRE_BYTES as well. */
static unsigned wanted_wire(const ProtobufCFieldDescriptor *field)
{
    switch ((int)field->type) {
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return QN_WIRE_32;
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return QN_WIRE_64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return QN_WIRE_BYTES;
    default:
        return QN_WIRE_VARINT;
    }
}

static enum quern_code check_wire(struct skim *s, size_t start,
                                  const ProtobufCFieldDescriptor *field,
                                  unsigned wire)
{
    unsigned wanted = field != NULL ? wanted_wire(field) : wire;
    bool packed = wire == QN_WIRE_BYTES && field != NULL &&
                  field->label == PROTOBUF_C_LABEL_REPEATED;
    if (wire > QN_WIRE_32 || wire == 3 || wire == 4) {
        return fail(s, QUERN_MALFORMED, start, "field of unknown wire type");
    }
    return wire == wanted || packed
               ? QUERN_OK
               : fail(s, QUERN_MALFORMED, start,
                      "known field with a wrong wire type");
}

/* A sub-message: its tag, room for its length, and a new frame. */
static enum quern_code enter(struct skim *s, size_t start, size_t content,
                             const ProtobufCFieldDescriptor *field,
                             size_t length)
{
    struct frame *f = &s->frames[s->depth - 1];
    size_t index = (size_t)(field - f->type->fields);
    if (field->label != PROTOBUF_C_LABEL_REPEATED && index < 64) {
        if ((f->seen >> index & 1) != 0) {
            return fail(s, QUERN_MALFORMED, start,
                        "singular message field stands twice");
        }
        f->seen |= UINT64_C(1) << index;
    }
    unsigned char bytes[5 + LENGTH_SIZE] = {0};
    size_t n = qn_wire_varint(bytes, (uint64_t)field->id << 3 | QN_WIRE_BYTES);
    enum quern_code code = put(s, bytes, n);
    s->at = content;
    if (code == QUERN_OK) {
        code = open_frame(s, field->descriptor, length);
    }
    static const unsigned char zeros[LENGTH_SIZE];
    return code == QUERN_OK ? put(s, zeros, LENGTH_SIZE) : code;
}

/* A tag in its shortest form: protobuf-c takes no more than 5 bytes. */
static enum quern_code put_tag(struct skim *s, unsigned number, unsigned wire)
{
    unsigned char bytes[5];
    return put(s, bytes, qn_wire_varint(bytes, (uint64_t)number << 3 | wire));
}

/* Numbers in a row without tags must fill their field exactly. */
static enum quern_code check_packed(struct skim *s, size_t content,
                                    const ProtobufCFieldDescriptor *field,
                                    size_t length)
{
    unsigned wire = wanted_wire(field);
    size_t end = content + length;
    size_t at = content;
    bool good = true;
    if (wire == QN_WIRE_VARINT) {
        while (good && at < end) {
            uint64_t value = 0;
            good = qn_wire_number(s->data, end, &at, &value) == NULL;
        }
    } else if (wire != QN_WIRE_BYTES) {
        good = length % (wire == QN_WIRE_64 ? 8 : 4) == 0;
    }
    return good ? QUERN_OK
                : fail(s, QUERN_MALFORMED, content,
                       "packed numbers run past the end of their field");
}

/* Bytes that are no sub-message: copied, but for large raw_data. */
static enum quern_code copy_bytes(struct skim *s, unsigned number,
                                  size_t content,
                                  const ProtobufCFieldDescriptor *field,
                                  size_t length)
{
    if (field != NULL && field->type == PROTOBUF_C_TYPE_STRING &&
        memchr(s->data + content, 0, length) != NULL) {
        return fail(s, QUERN_MALFORMED, content, "name with a NUL byte inside");
    }
    s->at = content + length;
    const struct frame *f = &s->frames[s->depth - 1];
    if (field != NULL && field->id == QN_FIELD_RAW_DATA &&
        length >= QN_RAW_THRESHOLD && has_field(f->type, QN_FIELD_RAW_OFFSET)) {
        enum quern_code code = put_fixed64(s, QN_FIELD_RAW_OFFSET, content);
        return code == QUERN_OK ? put_fixed64(s, QN_FIELD_RAW_SIZE, length)
                                : code;
    }
    enum quern_code code =
        field != NULL ? check_packed(s, content, field, length) : QUERN_OK;
    if (code == QUERN_OK) {
        code = put_tag(s, number, QN_WIRE_BYTES);
    }
    unsigned char bytes[10];
    if (code == QUERN_OK) {
        code = put(s, bytes, qn_wire_varint(bytes, length));
    }
    return code == QUERN_OK ? put(s, s->data + content, length) : code;
}

static enum quern_code field_step(struct skim *s)
{
    struct frame *f = &s->frames[s->depth - 1];
    struct qn_wire_field w;
    size_t start = s->at;
    const char *bad = qn_wire_next(s->data, f->end, &s->at, &w);
    if (bad != NULL) {
        return fail(s, QUERN_MALFORMED, start, bad);
    }
    if (w.number >= QN_FIELD_OFFSET && w.number <= QN_FIELD_RAW_SIZE) {
        return QUERN_OK; /* ours alone: never taken from a file */
    }
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(f->type, w.number);
    enum quern_code code = check_wire(s, start, field, w.wire);
    if (code != QUERN_OK) {
        return code;
    }
    if (w.wire != QN_WIRE_BYTES) {
        code = put_tag(s, w.number, w.wire);
        return code == QUERN_OK
                   ? put(s, s->data + w.value_at, s->at - w.value_at)
                   : code;
    }
    if (field != NULL && field->type == PROTOBUF_C_TYPE_MESSAGE) {
        return enter(s, start, w.content, field, w.length);
    }
    return copy_bytes(s, w.number, w.content, field, w.length);
}

enum quern_code qn_skim(struct quern_context *context, const char *path,
                        const unsigned char *data, size_t size,
                        const ProtobufCMessageDescriptor *type,
                        struct qn_skeleton *out_skeleton)
{
    struct skim s = {
        .context = context, .path = path, .data = data, .size = size};
    if (size > INT32_MAX) {
        return fail(&s, QUERN_LIMIT, 0,
                    "file is over 2 GiB: store weights as external data");
    }
    s.frames = qn_calloc_n(QN_MAX_NESTING + 2, sizeof *s.frames);
    if (s.frames == NULL) {
        return qn_no_memory(context);
    }
    enum quern_code code = open_frame(&s, type, size);
    while (code == QUERN_OK && s.depth > 0) {
        code = s.at == s.frames[s.depth - 1].end ? close_frame(&s)
                                                 : field_step(&s);
        if (code == QUERN_OK && (s.n_messages & 0xffff) == 0) {
            code = qn_poll(context);
        }
    }
    qn_free(s.frames);
    if (code != QUERN_OK) {
        qn_free(s.out);
        return code;
    }
    *out_skeleton = (struct qn_skeleton){s.out, s.used};
    return QUERN_OK;
}
