/* Emitting protobuf: a sink that counts or writes, so that sizes and bytes come
 * from the same code. */
#ifndef QUERN_IO_EMIT_H
#define QUERN_IO_EMIT_H

#include "base/file.h"
#include "io/outside.h"
#include "ir/ir.h"

struct qn_extract;

/** Neither writer nor memory: only count. */
struct qn_sink {
    struct qn_writer *writer;
    uint64_t size;
    const struct qn_outside *outside; /* NULL: tensors as they stand */
    unsigned char *memory;            /* has room for all of it */
    const struct qn_extract *extract; /* NULL: the whole model */
};

/** Counts what would go into `sink`. */
struct qn_sink qn_sink_count(const struct qn_sink *sink);

void qn_emit_raw(struct qn_sink *sink, const void *data, size_t size);
void qn_emit_int(struct qn_sink *sink, unsigned field, int64_t value);
void qn_emit_float(struct qn_sink *sink, unsigned field, float value);
void qn_emit_bytes(struct qn_sink *sink, unsigned field, const void *data,
                   size_t size);
/** Nothing for NULL. */
void qn_emit_string(struct qn_sink *sink, unsigned field, const char *text);
/** Tag and length of a message of `size` bytes that follows. */
void qn_emit_header(struct qn_sink *sink, unsigned field, uint64_t size);

/** What a message holds, field by field. */
typedef void (*qn_body_fn)(struct qn_sink *out, const void *object);

/** A message as a field: its body is counted first, then written. */
void qn_emit_nested(struct qn_sink *sink, unsigned field, qn_body_fn body,
                    const void *object);

/** Top-level fields of a message as they are, those whose number lies in
 * [first, last] and not in `known` (ended by 0). */
void qn_emit_fields(struct qn_sink *sink, struct qn_span message,
                    unsigned first, unsigned last, const unsigned *known);

/** The fields of a model. */
void qn_emit_model(struct qn_sink *sink, const struct quern_model *model);
/** Messages of the graph, each as a whole field with tag and length. */
void qn_emit_node(struct qn_sink *sink, unsigned field,
                  const struct quern_node *node);
void qn_emit_graph(struct qn_sink *sink, unsigned field,
                   const struct quern_graph *graph);
/** name NULL: without one. */
void qn_emit_tensor(struct qn_sink *sink, unsigned field,
                    const struct quern_tensor *tensor, const char *name);
/** The tensor of an initializer, inside or as a place in the data file. */
void qn_emit_initializer(struct qn_sink *sink, const struct quern_value *value);
/** Body of a TypeProto; the object is a struct qn_type. Depth is that of the
 * type, which a reader has bounded. */
void qn_emit_type_body(struct qn_sink *sink, const void *type);
/** Graph input, output or value_info entry. */
void qn_emit_value_info(struct qn_sink *sink, unsigned field,
                        const struct quern_value *value);

#endif
