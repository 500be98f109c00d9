/* Protobuf's wire. */
#include "io/wire.h"

const char *qn_wire_number(const unsigned char *data, size_t end, size_t *at,
                           uint64_t *out_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (*at >= end) {
            return "varint runs past the end of its message";
        }
        uint64_t byte = data[(*at)++];
        if (shift == 63 && byte > 1) {
            return "varint of more than 64 bits";
        }
        value |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out_value = value;
            return NULL;
        }
    }
    return "varint of more than 10 bytes";
}

const char *qn_wire_next(const unsigned char *data, size_t end, size_t *at,
                         struct qn_wire_field *out_field)
{
    uint64_t tag = 0;
    const char *bad = qn_wire_number(data, end, at, &tag);
    if (bad != NULL) {
        return bad;
    }
    struct qn_wire_field f = {.wire = (unsigned)(tag & 7)};
    if (tag >> 3 == 0 || tag >> 3 > 536870911) {
        return "field number 0 or above 536870911";
    }
    f.number = (unsigned)(tag >> 3);
    f.value_at = *at;
    size_t fixed = f.wire == QN_WIRE_64 ? 8 : f.wire == QN_WIRE_32 ? 4 : 0;
    if (f.wire == QN_WIRE_VARINT) {
        bad = qn_wire_number(data, end, at, &f.value);
    } else if (fixed > 0) {
        bad = end - *at < fixed ? "number runs past the end of its message"
                                : NULL;
        *at += bad == NULL ? fixed : 0;
    } else if (f.wire == QN_WIRE_BYTES) {
        uint64_t length = 0;
        bad = qn_wire_number(data, end, at, &length);
        if (bad == NULL && length > end - *at) {
            bad = "length runs past the end of its message";
        }
        f.content = *at;
        f.length = (size_t)length;
        *at += bad == NULL ? f.length : 0;
    } else {
        bad = "group or unknown wire type";
    }
    *out_field = f;
    return bad;
}

size_t qn_wire_varint(unsigned char *out, uint64_t value)
{
    size_t n = 0;
    while (value >= 0x80) {
        out[n++] = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    out[n++] = (unsigned char)value;
    return n;
}

size_t qn_wire_varint_size(uint64_t value)
{
    size_t n = 1;
    for (; value >= 0x80; value >>= 7) {
        n++;
    }
    return n;
}
