/* The walk over the wire before protobuf-c sees a byte of it.
 *
 * protobuf-c has no limits, copies every weight and cannot say where a file is
 * wrong. The skim checks nesting, lengths, tags and repeated singular messages,
 * each error with its offset, and writes a *skeleton*: the same messages
 * without large raw_data, and with `quern_*` fields that say which bytes of the
 * file each node, tensor, type, attribute, function and graph came from.
 */
#ifndef QUERN_IO_SKIM_H
#define QUERN_IO_SKIM_H

#include "base/diag.h"

#include <protobuf-c/protobuf-c.h>

/** raw_data of this many bytes or more stays in the file. */
#define QN_RAW_THRESHOLD 256

/** A message without its weights; data is freed with qn_free(). */
struct qn_skeleton {
    unsigned char *data;
    size_t size;
};

/** Check and copy one message of a type.
 * @param path  for messages; may be NULL
 * @return QUERN_OK; _MALFORMED with an offset; _LIMIT (nesting, 2 GiB, number
 * of messages); _NO_MEMORY */
enum quern_code qn_skim(struct quern_context *context, const char *path,
                        const unsigned char *data, size_t size,
                        const ProtobufCMessageDescriptor *type,
                        struct qn_skeleton *out_skeleton)
    __attribute__((warn_unused_result));

#endif
