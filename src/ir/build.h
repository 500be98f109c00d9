/* Building a model without journal: for readers and for cloning.
 *
 * The order of calls is free except: a graph before its values and nodes,
 * values before the nodes that use them. Names are checked for uniqueness; the
 * caller reports where the duplicate stands.
 */
#ifndef QUERN_IR_BUILD_H
#define QUERN_IR_BUILD_H

#include "ir/ir.h"

/** An empty model with an empty top graph (name ""). Destroyed by
 * quern_model_destroy(), which also frees a half-built one. */
enum quern_code qn_model_create(struct quern_context *context,
                                struct quern_model **out_model)
    __attribute__((warn_unused_result));

/** A further graph: body of `parent` (may be set later) or of a function. */
struct quern_graph *qn_graph_create(struct quern_model *model);

/** Value `name` of exactly this graph (no enclosing ones), or NULL. */
struct quern_value *qn_graph_own_value(const struct quern_graph *graph,
                                       const char *name);

/** A value of that name (copied). NULL with *out_duplicate true when this graph
 * has one already; NULL otherwise: no memory. */
struct quern_value *qn_build_value(struct quern_graph *graph, const char *name,
                                   bool *out_duplicate);

/** Keep a name from being given to new values: one that only `extra` bytes
 * mention. */
bool qn_build_reserve(struct quern_graph *graph, const char *name);

/** Let the model own a tensor that an attribute holds: takes one count (on
 * failure too). */
bool qn_build_own(struct quern_model *model, struct quern_tensor *tensor);

/** Append to the inputs of the graph. */
bool qn_build_input(struct quern_graph *graph, struct quern_value *value);
/** Append to the outputs of the graph. */
bool qn_build_output(struct quern_graph *graph, struct quern_value *value);
/** Make a value an initializer; takes the tensor (on failure too). */
bool qn_build_initializer(struct quern_value *value,
                          struct quern_tensor *tensor);

/** Append a node. Strings are copied; inputs may be NULL (left out); outputs
 * may be NULL, the others must have no producer (the caller checks that first).
 * NULL: no memory. */
struct quern_node *qn_build_node(struct quern_graph *graph, const char *domain,
                                 const char *op, const char *name,
                                 struct quern_value *const *inputs,
                                 size_t n_inputs,
                                 struct quern_value *const *outputs,
                                 size_t n_outputs);

/** A node that stands nowhere yet, without id, but with room for it in the
 * index; inputs and outputs empty. NULL: no memory.
 * @param out_op  id of its operator, for its cell in the index */
struct quern_node *qn_node_alloc(struct quern_graph *graph, const char *domain,
                                 const char *op, const char *name,
                                 size_t n_inputs, size_t n_outputs,
                                 uint32_t *out_op);

/** Append an attribute (owned by the arena). */
void qn_build_attr(struct quern_node *node, struct qn_attr *attr);

/** Import a domain at a version. */
bool qn_build_opset(struct quern_model *model, const char *domain,
                    int64_t version, struct qn_span origin);
bool qn_build_metadata(struct quern_model *model, const char *key,
                       const char *value, struct qn_span origin);

/** Give the nodes of a graph another order: all of them, in `nodes`. */
void qn_build_reorder(struct quern_graph *graph,
                      struct quern_node *const *nodes);

/** The model is complete: from now on edits are journaled. */
void qn_build_finish(struct quern_model *model);

#endif
