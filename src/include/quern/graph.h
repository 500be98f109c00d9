/** @file graph.h
 * Walking and editing graphs. Tier: stable.
 *
 * Nodes stand in an order that is topological at all times: a new node is put
 * before a given one. A value is made by one node output, or is a graph input
 * or an initializer; it knows all its uses, also those inside subgraphs. All
 * pointers stay valid for the life of the model: an erased node or value only
 * carries a mark, and touching it is an error that names it.
 *
 * Every edit is journaled: a pass that fails leaves nothing behind. An edit
 * that returns an error has changed nothing. Errors go to the context of the
 * model. Strings passed in are copied; strings returned are borrowed from the
 * model. Walking is O(1) a step.
 */
#ifndef QUERN_GRAPH_H
#define QUERN_GRAPH_H

#include <quern/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------- graphs */

QUERN_API struct quern_model *quern_graph_model(const struct quern_graph *g);
QUERN_API const char *quern_graph_name(const struct quern_graph *graph);
/** Node that holds this graph as an attribute; NULL for the top graph and for
 * the body of a function. */
QUERN_API struct quern_node *quern_graph_parent(const struct quern_graph *g);

/** First node in order; NULL for an empty graph. */
QUERN_API struct quern_node *quern_graph_first(const struct quern_graph *graph);
QUERN_API struct quern_node *quern_graph_last(const struct quern_graph *graph);
QUERN_API size_t quern_graph_n_nodes(const struct quern_graph *graph);

QUERN_API size_t quern_graph_n_inputs(const struct quern_graph *graph);
QUERN_API struct quern_value *quern_graph_input(const struct quern_graph *graph,
                                                size_t i);
QUERN_API size_t quern_graph_n_outputs(const struct quern_graph *graph);
QUERN_API struct quern_value *
quern_graph_output(const struct quern_graph *graph, size_t i);

/** First initializer (in file order, new ones last); see
 * quern_value_next_initializer(). */
QUERN_API struct quern_value *
quern_graph_first_initializer(const struct quern_graph *graph);
QUERN_API struct quern_value *
quern_value_next_initializer(const struct quern_value *value);

/** Value of that name in this graph or an enclosing one; NULL when none. */
QUERN_API struct quern_value *quern_graph_find(const struct quern_graph *graph,
                                               const char *name);

/** Ids of all nodes, of all values, that live or ever lived in a model are
 * below these: sizes for arrays that are indexed by id. */
QUERN_API uint32_t quern_model_n_node_ids(const struct quern_model *model);
QUERN_API uint32_t quern_model_n_value_ids(const struct quern_model *model);

/* -------------------------------------------------------------- nodes */

QUERN_API struct quern_node *quern_node_next(const struct quern_node *node);
QUERN_API struct quern_node *quern_node_prev(const struct quern_node *node);
QUERN_API struct quern_graph *quern_node_graph(const struct quern_node *node);
/** Never reused within a model. */
QUERN_API uint32_t quern_node_id(const struct quern_node *node);
/** May be "". */
QUERN_API const char *quern_node_name(const struct quern_node *node);
QUERN_API const char *quern_node_op(const struct quern_node *node);
/** "" for ONNX's own ("ai.onnx" is given as ""). */
QUERN_API const char *quern_node_domain(const struct quern_node *node);
/** Opset version that the model imports for the node's domain. */
QUERN_API int64_t quern_node_opset(const struct quern_node *node);
/** Operator test; `op` is "Conv" or "com.microsoft.Gelu". */
QUERN_API bool quern_node_is(const struct quern_node *node, const char *op);
QUERN_API bool quern_node_erased(const struct quern_node *node);

QUERN_API size_t quern_node_n_inputs(const struct quern_node *node);
/** Input i; NULL when it is left out ("" or beyond the end). */
QUERN_API struct quern_value *quern_node_input(const struct quern_node *node,
                                               size_t i);
QUERN_API size_t quern_node_n_outputs(const struct quern_node *node);
QUERN_API struct quern_value *quern_node_output(const struct quern_node *node,
                                                size_t i);

/** Graphs held by attributes (bodies of If, Loop, Scan), in attribute order. */
QUERN_API size_t quern_node_n_subgraphs(const struct quern_node *node);
QUERN_API struct quern_graph *quern_node_subgraph(const struct quern_node *node,
                                                  size_t i);

/** Fill a place with what is known of a node, for quern_fail(). */
QUERN_API struct quern_place quern_node_place(const struct quern_node *node);

/** What an operator says of the types at one of its inputs or outputs. */
struct quern_port {
    uint32_t types; /**< bit n: takes tensors of the element type n of
                         enum quern_dtype; 0: no tensors */
    int variable;   /**< ports of a node with the same number have the same
                         type; -1: bound to no other */
};

/** Ports of input or output i, by the schema of the node's opset.
 * @return false: the operator is not known to ONNX at that version, or has no
 * such port. Since 0.1. */
QUERN_API bool quern_node_input_port(const struct quern_node *node, size_t i,
                                     struct quern_port *out_port);
QUERN_API bool quern_node_output_port(const struct quern_node *node, size_t i,
                                      struct quern_port *out_port);

/* --------------------------------------------------------- attributes */

/** True when the attribute stands in the node itself (no schema default). */
QUERN_API bool quern_node_has_attr(const struct quern_node *node,
                                   const char *name);

/** Attributes that stand in the node itself: their number, and the name of the
 * i-th in the order of the file (NULL beyond the end). */
QUERN_API size_t quern_node_n_attrs(const struct quern_node *node);
QUERN_API const char *quern_node_attr_name(const struct quern_node *node,
                                           size_t i);

/** True when two nodes carry the same attributes with the same values, in any
 * order; a default that one of them spells out counts as a difference. Graphs
 * are equal only to themselves. */
QUERN_API bool quern_node_attrs_equal(const struct quern_node *a,
                                      const struct quern_node *b);

/** Read an attribute through the schema of the node's opset: the value in the
 * node, else the schema's default.
 * @return QUERN_OK; _NOT_FOUND when it is absent without a default (no error
 * is stored); _INVALID_MODEL when it has another type (error stored) */
QUERN_NODISCARD QUERN_API enum quern_code
quern_node_attr_int(const struct quern_node *node, const char *name,
                    int64_t *out_value);
QUERN_NODISCARD QUERN_API enum quern_code
quern_node_attr_float(const struct quern_node *node, const char *name,
                      float *out_value);
/** NUL-terminated bytes; `out_size` may be NULL. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_node_attr_string(const struct quern_node *node, const char *name,
                       const char **out_bytes, size_t *out_size);
QUERN_NODISCARD QUERN_API enum quern_code
quern_node_attr_ints(const struct quern_node *node, const char *name,
                     const int64_t **out_values, size_t *out_len);
QUERN_NODISCARD QUERN_API enum quern_code
quern_node_attr_floats(const struct quern_node *node, const char *name,
                       const float **out_values, size_t *out_len);
/** The tensor is borrowed. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_node_attr_tensor(const struct quern_node *node, const char *name,
                       struct quern_tensor **out_tensor);
/** Shorter forms for callers that have a fallback: the value, or `fallback`
 * when the attribute is absent without default or has another type. */
QUERN_API int64_t quern_node_int(const struct quern_node *node,
                                 const char *name, int64_t fallback);
QUERN_API float quern_node_float(const struct quern_node *node,
                                 const char *name, float fallback);

QUERN_NODISCARD QUERN_API enum quern_code
quern_node_set_int(struct quern_node *node, const char *name, int64_t value);
QUERN_NODISCARD QUERN_API enum quern_code
quern_node_set_float(struct quern_node *node, const char *name, float value);
QUERN_NODISCARD QUERN_API enum quern_code
quern_node_set_string(struct quern_node *node, const char *name,
                      const char *value);
QUERN_NODISCARD QUERN_API enum quern_code
quern_node_set_ints(struct quern_node *node, const char *name,
                    const int64_t *values, size_t len);
QUERN_NODISCARD QUERN_API enum quern_code
quern_node_set_floats(struct quern_node *node, const char *name,
                      const float *values, size_t len);
/** Retains the tensor. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_node_set_tensor(struct quern_node *node, const char *name,
                      struct quern_tensor *tensor);
/** Copy attribute `name` from another node (any type but graph); absent in
 * `from` means removed here. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_node_copy_attr(struct quern_node *node, const struct quern_node *from,
                     const char *name);
/** What a value that a copied graph reads from outside is in the copy; *out is
 * the value itself, and may stay so. */
typedef enum quern_code (*quern_outside_fn)(void *user,
                                            struct quern_value *value,
                                            struct quern_value **out);
/** As quern_node_copy_attr(); graphs are copied, too, with all that lies in
 * them, into values and nodes of new names (one with a sparse initializer, or
 * an input with a default: _INVALID_ARGUMENT); types without names of sizes,
 * which may be other sizes in each copy. `outside` may be NULL. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_node_copy_graphs(struct quern_node *node, const struct quern_node *from,
                       const char *name, quern_outside_fn outside, void *user);
/** Removing an absent attribute is fine. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_node_remove_attr(struct quern_node *node, const char *name);

/* ------------------------------------------------------------- values */

QUERN_API const char *quern_value_name(const struct quern_value *value);
/** Never reused within a model; nodes and values have separate counts. */
QUERN_API uint32_t quern_value_id(const struct quern_value *value);
QUERN_API struct quern_graph *quern_value_graph(const struct quern_value *v);
/** Node that makes it; NULL for graph inputs and initializers. */
QUERN_API struct quern_node *quern_value_producer(const struct quern_value *v);
QUERN_API size_t quern_value_output_index(const struct quern_value *value);
QUERN_API bool quern_value_is_graph_input(const struct quern_value *value);
QUERN_API bool quern_value_is_graph_output(const struct quern_value *value);
QUERN_API bool quern_value_erased(const struct quern_value *value);

/** The tensor of an initializer that the caller cannot override (not also a
 * graph input), or of a Constant node; NULL when it is not constant, and for
 * NULL (an input left out). Borrowed until the value is edited. */
QUERN_API struct quern_tensor *quern_value_constant(const struct quern_value *);

/** True for an initializer, also for one that is a graph input. */
QUERN_API bool quern_value_is_initializer(const struct quern_value *value);

/** One use: input `index` of `node`, or, with node NULL, output `index` of
 * `graph`. Order of uses is the order in which they were made. */
QUERN_API const struct quern_use *
quern_value_first_use(const struct quern_value *value);
QUERN_API const struct quern_use *quern_use_next(const struct quern_use *use);
QUERN_API struct quern_node *quern_use_node(const struct quern_use *use);
QUERN_API size_t quern_use_index(const struct quern_use *use);
QUERN_API size_t quern_value_n_uses(const struct quern_value *value);
/** The only use when there is exactly one and it is a node in the same graph,
 * else NULL. */
QUERN_API struct quern_node *quern_value_only_user(const struct quern_value *v);

/* -------------------------------------------------------------- types */

/** One dimension. `value` >= 0: known. -1: `expr` if not NULL is an expression
 * over symbols (equal expressions are the same pointer), else unknown. */
struct quern_dim {
    int64_t value;
    const struct quern_expr *expr;
};

enum quern_kind {
    QUERN_KIND_UNKNOWN = 0,
    QUERN_KIND_TENSOR = 1,
    QUERN_KIND_SPARSE = 2,
    QUERN_KIND_SEQUENCE = 3,
    QUERN_KIND_OPTIONAL = 4,
    QUERN_KIND_MAP = 5,
    QUERN_KIND_OPAQUE = 6,
};

QUERN_API enum quern_kind quern_value_kind(const struct quern_value *value);
/** Element type, QUERN_UNDEFINED when not known. For sequences and optionals
 * of tensors that of the tensors inside. */
QUERN_API enum quern_dtype quern_value_dtype(const struct quern_value *value);
/** Rank, -1 when not known. */
QUERN_API int quern_value_rank(const struct quern_value *value);
/** `rank` dimensions, borrowed until the type changes; NULL when rank < 1. */
QUERN_API const struct quern_dim *quern_value_dims(const struct quern_value *);
/** Elements, -1 when a dimension is not a number. */
QUERN_API int64_t quern_value_len(const struct quern_value *value);

/** Type of a value as people write it: "float[N, 3, 224, 224]", "?" when
 * nothing is known. What the file declares counts where nothing was inferred.
 * @param text, size  buffer; always NUL-terminated when size > 0
 * @return the length that the whole text has (as snprintf). Since 0.1. */
QUERN_API size_t quern_value_type_format(const struct quern_value *value,
                                         char *text, size_t size);

/** The same two dimensions: equal numbers, or the same expression. */
QUERN_API bool quern_dim_equal(struct quern_dim a, struct quern_dim b);

/** The size that a dimension has where others have the sizes given.
 * @param known  `n` dimensions, of which those that are single symbols count;
 *               the sizes are 0 or more
 * @return the size; -1 where it does not follow (a symbol that is not among
 * them, a number beyond 64 bits, sizes that do not broadcast). Since 0.1. */
QUERN_API int64_t quern_dim_size(struct quern_dim dim,
                                 const struct quern_dim *known,
                                 const int64_t *sizes, size_t n);

/** The symbol of that name, for `expr` of a dimension. NULL: no memory, an
 * error is stored. Since 0.1. */
QUERN_API const struct quern_expr *quern_model_symbol(struct quern_model *model,
                                                      const char *name);

/** Text of a dimension: "3", "batch", "2*batch*seq + 1", "(h - 1)//2"; "?" when
 * nothing is known. Symbols that are no words stand in `…`; "?12.0" is
 * dimension 0 of the value with id 12, which nothing tells.
 * @param text, size  buffer; always NUL-terminated when size > 0
 * @return the length that the whole text has (as snprintf) */
QUERN_API size_t quern_dim_format(struct quern_dim dim, char *text,
                                  size_t size);

/** Infer types and shapes of all values of the model, bodies of If, Loop and
 * Scan included, so that the functions above answer for them. Linear in the
 * nodes; at once when nothing was edited since; otherwise only what an edit
 * reaches is computed again. A graph that contradicts itself is no error: what
 * it contradicts stays unknown. The manager calls it before passes with
 * QUERN_PASS_NEEDS_SHAPES; a pass may call it again after its own edits.
 * Trusted are the declared types of graph inputs, constants, and types set by
 * quern_value_set_type(); value_info of the file is not.
 * @return QUERN_OK or _NO_MEMORY */
QUERN_NODISCARD QUERN_API enum quern_code
quern_model_infer(struct quern_model *model);

/** True when quern knows what the node computes at the version that the model
 * imports: an operator of ONNX or of com.microsoft that inference has a rule
 * or a schema for, or a function that the model brings along. Other nodes are
 * kept as they are, and no rewriting looks through them. Since 0.1. */
QUERN_API bool quern_node_is_known(const struct quern_node *node);

/** An element of an integer tensor: a number, an expression, or unknown. */
struct quern_number {
    bool known;
    int64_t value; /**< of a known one whose expr is NULL; may be negative */
    const struct quern_expr *expr; /**< NULL: a number */
};

/** What is known of the elements of a small integer, bool or (whole numbers)
 * float tensor without running the model: shapes that Shape, Gather, Concat and
 * their kin compute. As of the last quern_model_infer().
 * @param out_len  number of elements; may be NULL
 * @return the elements in order, borrowed until the next edit; NULL when none
 * is known */
QUERN_API const struct quern_number *
quern_value_numbers(const struct quern_value *value, size_t *out_len);

/** Declare the type of a tensor value that a pass made (journaled). */
QUERN_NODISCARD QUERN_API enum quern_code
quern_value_set_type(struct quern_value *value, enum quern_dtype dtype,
                     int rank, const struct quern_dim *dims);
/** Give `value` the type that `from` has (journaled). */
QUERN_NODISCARD QUERN_API enum quern_code
quern_value_copy_type(struct quern_value *value,
                      const struct quern_value *from);

/* -------------------------------------------------------------- edits */

/** Make a value without producer. Its name is `name`, or `name_1`, `name_2`, …
 * where that is taken in any graph of the model. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_value_create(struct quern_graph *graph, const char *name,
                   struct quern_value **out_value);

/** Make an initializer; retains the tensor. Name as quern_value_create(). A
 * model below IR version 4 is raised to 4: before, an initializer had to be a
 * graph input as well. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_constant_create(struct quern_graph *graph, const char *name,
                      struct quern_tensor *tensor,
                      struct quern_value **out_value);

/** Replace the tensor of an initializer; retains it. Tables that hold entries
 * for the value keep them only if same_value says that the numbers are the
 * same. A value that no node makes any more (see quern_node_set_output()) and
 * that is no graph input becomes an initializer: it keeps its name. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_value_set_constant(struct quern_value *value, struct quern_tensor *tensor,
                         bool same_value);

/** Take an initializer off the inputs of the top graph, so that it is constant:
 * the caller can no longer override it (journaled).
 * @return QUERN_OK; _INVALID_ARGUMENT when it is no initializer that is also an
 * input of the top graph; _NO_MEMORY */
QUERN_NODISCARD QUERN_API enum quern_code
quern_value_freeze(struct quern_value *value);

/** Make a node.
 * @param before   node of the graph to stand in front of; NULL: at the end
 * @param op       "Conv" or "com.microsoft.Gelu"
 * @param name     wanted name, made unique as in quern_value_create(); "" stays
 * @param inputs   `n_inputs` values, NULL for one that is left out
 * @param outputs  `n_outputs` values without producer (NULL: left out), as
 *                 made by quern_value_create() or freed by
 *                 quern_node_set_output()
 * @return QUERN_OK; _INVALID_ARGUMENT (foreign, erased, made); _NO_MEMORY */
QUERN_NODISCARD QUERN_API enum quern_code
quern_node_create(struct quern_graph *graph, struct quern_node *before,
                  const char *op, const char *name,
                  struct quern_value *const *inputs, size_t n_inputs,
                  struct quern_value *const *outputs, size_t n_outputs,
                  struct quern_node **out_node);
/** Make a node of the operator of `from`, a node of the same model: its domain,
 * name and overload, whatever dots are in them. Attributes are not copied, see
 * quern_node_copy_graphs(). The rest as quern_node_create(). Since 0.1. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_node_create_like(struct quern_graph *graph, struct quern_node *before,
                       const struct quern_node *from, const char *name,
                       struct quern_value *const *inputs, size_t n_inputs,
                       struct quern_value *const *outputs, size_t n_outputs,
                       struct quern_node **out_node);

/** Set input i (i may be one past the last; NULL leaves it out; trailing
 * left-out inputs are dropped). */
QUERN_NODISCARD QUERN_API enum quern_code
quern_node_set_input(struct quern_node *node, size_t i,
                     struct quern_value *value);

/** Let `node` produce `value` as output i. The value is taken from the node
 * that made it before, whose output is then left out; the value that stood at
 * output i loses its producer. This keeps the name of a value that users know
 * while another node now makes it. NULL leaves the output out; those left out
 * at the end go, where the operator's schema does not need them. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_node_set_output(struct quern_node *node, size_t i,
                      struct quern_value *value);

/** Change the operator; attributes and inputs stay. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_node_set_op(struct quern_node *node, const char *op);

/** Give a node exactly this name, as a new node takes over that of the one it
 * replaces. Names of nodes need not be unique. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_node_set_name(struct quern_node *node, const char *name);

/** Move a node in front of another of the same graph (NULL: to the end). */
QUERN_NODISCARD QUERN_API enum quern_code
quern_node_move(struct quern_node *node, struct quern_node *before);

/** Give a value another name: of all that make and read it. Data of the user is
 * keyed by names of inputs, so a pass that renames says so.
 * @return QUERN_OK; _INVALID_ARGUMENT when another value of the model, in a
 * body too, has that name; _NO_MEMORY. Since 0.1. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_value_rename(struct quern_value *value, const char *name);

/** Let the top graph have exactly these inputs, in this order. A value that no
 * node makes (see quern_node_set_output()) becomes one; it should have a type
 * (quern_value_set_type()). One that is none any more must have no reader, or
 * be an initializer, which then is constant; else it is erased.
 * @return QUERN_OK; _INVALID_ARGUMENT; _NO_MEMORY. Since 0.1. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_graph_set_inputs(struct quern_graph *graph,
                       struct quern_value *const *values, size_t n);

/** Let the top graph have exactly these outputs, in this order: at least one of
 * its values, each once. What nothing needs then stays: see
 * quern_graph_erase_dead().
 * @return QUERN_OK; _INVALID_ARGUMENT; _NO_MEMORY. Since 0.1. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_graph_set_outputs(struct quern_graph *graph,
                        struct quern_value *const *values, size_t n);

/** Erase a node. Its outputs must have no uses; they are erased with it. The
 * values it read stay, also when nothing reads them any more. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_node_erase(struct quern_node *node);

/** Erase a value without producer and uses that is no graph input: an unused
 * initializer. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_value_erase(struct quern_value *value);

/** Move the nodes and initializers of a body, in their order, in front of the
 * node that holds it, into the graph of that node: what the body of an If does
 * when it is always this one. The body is left without nodes and outputs, so
 * its node can only be erased then. A value keeps its name when no other value
 * of the model has or had it, else it is renamed as in quern_value_create().
 * @param body        a body without inputs
 * @param out_values  room for quern_graph_n_outputs(body): the values that were
 *                    its outputs, some of which may lie further out
 * @return QUERN_OK; _INVALID_ARGUMENT (top graph, body with inputs or sparse
 * initializers); _NO_MEMORY. Since 0.1. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_graph_inline(struct quern_graph *body, struct quern_value **out_values);

/** Let everything that reads `old` read `value` instead: inputs of nodes (also
 * in subgraphs), but NOT graph outputs, whose names belong to the user (see
 * quern_node_set_output()). Table entries of `old` move to `value` when
 * same_value says that both hold the same numbers. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_replace_uses(struct quern_value *old, struct quern_value *value,
                   bool same_value);

/** Make `value` stand for `old` everywhere, graph outputs included: uses as
 * quern_replace_uses(); where `old` is a graph output, the producer of `value`
 * now makes `old` instead (names are kept) and the other uses of `value` read
 * `old`. If that cannot be done (value is an input, an initializer or another
 * graph output), an Identity is put in. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_replace_value(struct quern_value *old, struct quern_value *value,
                    bool same_value);

/** Erase `node` if nothing uses its outputs, then the nodes that fed only it,
 * and so on, and initializers that are left without use. Graph inputs stay.
 * Does nothing when the node is in use. Linear in what it erases. */
QUERN_NODISCARD QUERN_API enum quern_code
quern_node_erase_dead(struct quern_node *node);

/** Erase all nodes of a graph whose outputs nobody uses, those without outputs
 * among them, then what fed only them, and initializers without use; graph
 * inputs stay. Costs a look at a byte for each node and value of the model, and
 * what it erases. Since 0.1 */
QUERN_NODISCARD QUERN_API enum quern_code
quern_graph_erase_dead(struct quern_graph *graph);

#ifdef __cplusplus
}
#endif

#endif
