/* What only the wire shows to be wrong: called by the reader while a file is
 * checked (reader->findings is not NULL). What the reader refuses by itself is
 * not repeated here, what the model in memory shows is left to ir/verify.h.
 */
#ifndef QUERN_IO_EXAMINE_H
#define QUERN_IO_EXAMINE_H

#include "io/reader.h"

/** Versions. */
void qn_examine_model(struct qn_reader *reader, const Onnx__ModelProto *proto);

/** A function's own fields. */
void qn_examine_function(struct qn_reader *reader,
                         const Onnx__FunctionProto *proto);

/** Names of a graph, when its values and nodes have been read. */
void qn_examine_graph(struct qn_reader *reader, struct quern_graph *graph,
                      const Onnx__GraphProto *proto);

/** Input or output of a graph: `what` says which. */
void qn_examine_value_info(struct qn_reader *reader, struct quern_graph *graph,
                           const Onnx__ValueInfoProto *proto, const char *what);

/** What a node says of devices. */
void qn_examine_node(struct qn_reader *reader, const Onnx__NodeProto *proto,
                     const struct quern_node *node);

/** The node may be NULL: default of a function's attribute. */
void qn_examine_attr(struct qn_reader *reader,
                     const Onnx__AttributeProto *proto,
                     const struct quern_node *node);

void qn_examine_initializer(struct qn_reader *reader,
                            const Onnx__TensorProto *proto,
                            const struct quern_value *value);

/** Tensor of an initializer or an attribute; the place is where it stands. */
void qn_examine_tensor(struct qn_reader *reader, const Onnx__TensorProto *proto,
                       const struct quern_place *place);

/** Sparse initializer (place NULL) or attribute. */
void qn_examine_sparse(struct qn_reader *reader,
                       const Onnx__SparseTensorProto *proto,
                       const struct quern_place *place);

#endif
