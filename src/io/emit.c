/* Emitting protobuf: fields. */
#include "io/emit.h"

#include "io/wire.h"

#include <string.h>

struct qn_sink qn_sink_count(const struct qn_sink *sink)
{
    return (struct qn_sink){.outside = sink->outside, .extract = sink->extract};
}

void qn_emit_raw(struct qn_sink *sink, const void *data, size_t size)
{
    if (sink->memory != NULL && size > 0) {
        memcpy(sink->memory + sink->size, data, size);
    }
    sink->size += size;
    if (sink->writer != NULL) {
        qn_writer_put(sink->writer, data, size);
    }
}

static void emit_varint(struct qn_sink *sink, uint64_t value)
{
    unsigned char bytes[10];
    size_t n = qn_wire_varint(bytes, value);
    qn_emit_raw(sink, bytes, n);
}

static void emit_tag(struct qn_sink *sink, unsigned field, unsigned wire)
{
    emit_varint(sink, (uint64_t)field << 3 | wire);
}

void qn_emit_int(struct qn_sink *sink, unsigned field, int64_t value)
{
    emit_tag(sink, field, QN_WIRE_VARINT);
    emit_varint(sink, (uint64_t)value);
}

void qn_emit_float(struct qn_sink *sink, unsigned field, float value)
{
    emit_tag(sink, field, QN_WIRE_32);
    qn_emit_raw(sink, &value, sizeof value);
}

void qn_emit_header(struct qn_sink *sink, unsigned field, uint64_t size)
{
    emit_tag(sink, field, QN_WIRE_BYTES);
    emit_varint(sink, size);
}

void qn_emit_bytes(struct qn_sink *sink, unsigned field, const void *data,
                   size_t size)
{
    qn_emit_header(sink, field, size);
    qn_emit_raw(sink, data, size);
}

void qn_emit_string(struct qn_sink *sink, unsigned field, const char *text)
{
    if (text != NULL) {
        qn_emit_bytes(sink, field, text, strlen(text));
    }
}

static bool listed(const unsigned *known, unsigned number)
{
    for (; *known != 0; known++) {
        if (*known == number) {
            return true;
        }
    }
    return false;
}

void qn_emit_fields(struct qn_sink *sink, struct qn_span message,
                    unsigned first, unsigned last, const unsigned *known)
{
    size_t at = 0;
    while (message.data != NULL && at < message.size) {
        struct qn_wire_field f;
        size_t start = at;
        if (qn_wire_next(message.data, message.size, &at, &f) != NULL) {
            return; /* cannot be: the skim has read these bytes */
        }
        if (f.number >= first && f.number <= last && !listed(known, f.number)) {
            qn_emit_raw(sink, message.data + start, at - start);
        }
    }
}

void qn_emit_nested(struct qn_sink *sink, unsigned field, qn_body_fn body,
                    const void *object)
{
    struct qn_sink count = qn_sink_count(sink);
    body(&count, object);
    qn_emit_header(sink, field, count.size);
    if (sink->writer != NULL || sink->memory != NULL) {
        body(sink, object);
    } else {
        sink->size += count.size;
    }
}
