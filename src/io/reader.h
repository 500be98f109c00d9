/* What the files of the reader share: the model under construction and
 * conversion of protobuf-c messages into IR. */
#ifndef QUERN_IO_READER_H
#define QUERN_IO_READER_H

#include "ir/build.h"
#include "ir/findings.h"
#include "ir/tensor.h"
#include "onnx.pb-c.h"

struct qn_reader {
    struct quern_context *context;
    struct quern_model *model; /* NULL while reading a single tensor */
    const char *path;
    struct qn_buf *bytes;       /* the file */
    const char *folder;         /* of the model; NULL: no external data */
    struct qn_arena scratch;    /* what protobuf-c unpacked */
    struct qn_tensor_pack pack; /* takes the small tensors */
    struct quern_node pending;  /* producer of values whose node is not built */
    /* While a file is checked: what is wrong is reported here, mended so far
     * that reading can go on, and the order of nodes is left as it is. NULL:
     * the first error ends reading. */
    struct qn_findings *findings;
    const Onnx__ModelProto *proto; /* of the whole model, while it is read */
};

/** Unpack the file's message into scratch memory.
 * @param out_message  gone with the scratch arena */
enum quern_code qn_reader_unpack(struct qn_reader *reader,
                                 const ProtobufCMessageDescriptor *type,
                                 ProtobufCMessage **out_message)
    __attribute__((warn_unused_result));

/** Error at a message's place in the file. */
enum quern_code qn_reader_fail(struct qn_reader *reader, enum quern_code code,
                               uint64_t offset, const char *name,
                               const char *format, ...)
    __attribute__((warn_unused_result)) __attribute__((format(printf, 5, 6)));

/** While a file is checked: make a finding of the error that is stored, so that
 * reading can go on.
 * @return QUERN_OK, or `code` when nothing can be mended (no memory, cancelled)
 * or no file is checked */
enum quern_code qn_reader_absorb(struct qn_reader *reader, enum quern_code code)
    __attribute__((warn_unused_result));

/** A warning: into the context, or a finding. */
void qn_reader_warn(struct qn_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** A tensor from a TensorProto; large raw data is not copied. */
enum quern_code qn_read_tensor(struct qn_reader *reader,
                               const Onnx__TensorProto *proto,
                               struct quern_tensor **out_tensor)
    __attribute__((warn_unused_result));

/** The bytes of an external tensor: a slice of the mapped file. */
enum quern_code
qn_read_external(struct qn_reader *reader, const Onnx__TensorProto *proto,
                 const int64_t *dims, struct quern_tensor **out_tensor)
    __attribute__((warn_unused_result));

/** Attribute from its message, appended to those of `node` (NULL: default of a
 * function's attribute); graphs inside become bodies of `node`. */
enum quern_code qn_read_attr(struct qn_reader *reader,
                             const Onnx__AttributeProto *proto,
                             struct quern_node *node, struct quern_graph *scope,
                             struct qn_attr **out_attr)
    __attribute__((warn_unused_result));

/** Fill a graph from its message. `scope` is the node that holds it. */
enum quern_code qn_read_graph(struct qn_reader *reader,
                              const Onnx__GraphProto *proto,
                              struct quern_graph *graph)
    __attribute__((warn_unused_result));

/** Nodes into a graph whose inputs and initializers are there already. */
enum quern_code qn_read_nodes(struct qn_reader *reader,
                              Onnx__NodeProto *const *protos, size_t n,
                              struct quern_graph *graph)
    __attribute__((warn_unused_result));

/** Span of a message in the file. */
struct qn_span qn_reader_span(const struct qn_reader *reader, uint64_t offset,
                              uint64_t size);

/** Type from its message; *out_type NULL when the message says nothing. */
enum quern_code qn_read_type(struct qn_reader *reader,
                             const Onnx__TypeProto *proto,
                             const struct qn_type **out_type)
    __attribute__((warn_unused_result));

/** Domain as the IR spells it: "" for ai.onnx and for NULL. */
const char *qn_domain(const char *domain);

#endif
