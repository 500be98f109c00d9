/* Protobuf's wire: tags, varints, one field at a time. */
#ifndef QUERN_IO_WIRE_H
#define QUERN_IO_WIRE_H

#include <stddef.h>
#include <stdint.h>

enum {
    QN_WIRE_VARINT = 0,
    QN_WIRE_64 = 1,
    QN_WIRE_BYTES = 2,
    QN_WIRE_32 = 5,
};

struct qn_wire_field {
    unsigned number;
    unsigned wire;
    size_t value_at; /* behind the tag */
    uint64_t value;  /* of VARINT */
    size_t content;  /* of BYTES: where it begins */
    size_t length;   /* of BYTES */
};

/** Read the field at *at (below `end`) and move *at behind it.
 * @return NULL, or what is wrong with it */
const char *qn_wire_next(const unsigned char *data, size_t end, size_t *at,
                         struct qn_wire_field *out_field);

/** Read the varint at *at (below `end`) and move *at behind it.
 * @return NULL, or what is wrong with it */
const char *qn_wire_number(const unsigned char *data, size_t end, size_t *at,
                           uint64_t *out_value);

/** Write a varint (up to 10 bytes).
 * @return number of bytes */
size_t qn_wire_varint(unsigned char *out, uint64_t value);

/** Bytes that a varint takes. */
size_t qn_wire_varint_size(uint64_t value);

#endif
