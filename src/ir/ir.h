/* The model in memory: fields behind the handles of <quern/graph.h>.
 *
 * All objects live in the arena of their model and are freed with it; an
 * erased one only carries a mark. Tensors are counted. Read the fields freely;
 * write them only through edit.h (journaled) or, while a model is being built
 * by a reader and nothing is journaled yet, through build.h.
 *
 * Reading order: struct quern_model, quern_graph, quern_node, quern_value,
 * struct qn_attr, struct qn_type.
 */
#ifndef QUERN_IR_IR_H
#define QUERN_IR_IR_H

#include <quern/graph.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/map.h"
#include "ir/index.h"
#include "ir/journal.h"
#include "ir/schema.h"

/** Bytes that are not NUL-terminated. */
struct qn_span {
    const unsigned char *data;
    size_t size;
};

/** Type of a value. Immutable; shared between values; lives in the arena. */
struct qn_type {
    enum quern_kind kind;
    enum quern_dtype dtype; /* tensor, sparse: element; map: key */
    int rank;               /* tensor, sparse; -1 unknown */
    const struct quern_dim *dims;
    const struct qn_type *element; /* sequence, optional: inside; map: value */
    struct qn_span opaque;         /* TypeProto as read; data NULL if not */
    const char *denotation;        /* may be NULL */
};

/** A canonical expression over symbols; equal ones are the same pointer.
 * infer/ makes them; the reader makes only symbols. */
enum qn_expr_kind {
    QN_EXPR_SYMBOL,
    QN_EXPR_SUM,      /* constant + sum of coefficient * term */
    QN_EXPR_PRODUCT,  /* product of terms, each no sum */
    QN_EXPR_FLOORDIV, /* terms[0] / terms[1], rounded down */
    QN_EXPR_MOD,
    QN_EXPR_MIN,
    QN_EXPR_MAX,
    QN_EXPR_BROADCAST, /* the term that is not 1; all that are not are equal */
};

struct quern_expr {
    enum qn_expr_kind kind;
    uint32_t id;        /* order of making: canonical order of operands */
    uint32_t size;      /* expressions in it, itself included */
    const char *symbol; /* SYMBOL */
    const struct quern_value
        *owner;       /* SYMBOL made for a value whose dimension
                         nothing tells; NULL: named by the file */
    int64_t constant; /* SUM: addend; FLOORDIV with n_terms 1: divisor;
                         MIN, MAX: operand, if not INT64_MIN */
    size_t n_terms;
    const struct quern_expr *const *terms;
    const int64_t *coefficients; /* SUM: n_terms of them */
    uint64_t hash;
    struct quern_expr *next; /* chain of the intern table */
};

enum qn_attr_type { /* numbers of AttributeProto.AttributeType */
                    QN_ATTR_UNDEFINED = 0,
                    QN_ATTR_FLOAT = 1,
                    QN_ATTR_INT = 2,
                    QN_ATTR_STRING = 3,
                    QN_ATTR_TENSOR = 4,
                    QN_ATTR_GRAPH = 5,
                    QN_ATTR_FLOATS = 6,
                    QN_ATTR_INTS = 7,
                    QN_ATTR_STRINGS = 8,
                    QN_ATTR_TENSORS = 9,
                    QN_ATTR_GRAPHS = 10,
                    QN_ATTR_SPARSE_TENSOR = 11,
                    QN_ATTR_SPARSE_TENSORS = 12,
                    QN_ATTR_TYPE_PROTO = 13,
                    QN_ATTR_TYPE_PROTOS = 14,
};

/** One attribute. `len` counts list elements (1 for a single one). */
struct qn_attr {
    const char *name;
    enum qn_attr_type type;
    const char *ref_name; /* ref_attr_name inside functions, else NULL */
    size_t len;
    union {
        float f;
        int64_t i;
        struct qn_span s; /* also NUL-terminated one byte further */
        const float *floats;
        const int64_t *ints;
        const struct qn_span *strings;
        struct quern_tensor **tensors; /* TENSOR, TENSORS: owned counts */
        struct quern_graph **graphs;   /* GRAPH, GRAPHS */
        const struct qn_span *wire;    /* sparse, type protos: the bytes of
                                          each message */
    } u;
    struct qn_span origin; /* AttributeProto as read; data NULL once changed */
    struct qn_attr *next;
};

/** A use: input of a node, or (node NULL) output of a graph. */
struct quern_use {
    struct quern_value *value; /* NULL: left out */
    struct quern_node *node;
    struct quern_graph *graph; /* of node NULL */
    uint32_t index;
    struct quern_use *next; /* chain of the value's uses */
    struct quern_use *prev;
};

/** What walks read stands at the end; uses and the lists of inputs and outputs
 * follow it in memory: sequence.c fetches from `QN_NODE_HOT` on. */
struct quern_node {
    const char *name;
    const char *overload;  /* "" mostly */
    struct qn_span source; /* `origin`, kept: doc_string, metadata and unknown
                              fields of a changed node come from there */
    struct quern_node *prev;
    struct quern_node *next;
    int64_t order; /* ascending along the graph; renumbered when out of gaps */
    uint32_t id;
    bool erased;
    struct quern_graph *graph;
    const char *op;        /* shared: see struct qn_op_type */
    const char *domain;    /* "" for ai.onnx; shared as well */
    struct qn_span origin; /* NodeProto as read; data NULL once anything in it
                              or in its subgraphs changed */
    struct qn_attr *attrs;
    size_t n_inputs;
    struct quern_use **inputs; /* each used object is never moved */
    size_t n_outputs;
    struct quern_value **outputs; /* NULL: left out */
};

#define QN_NODE_HOT offsetof(struct quern_node, next)

/** What walks read fills the first line of a cache. */
struct quern_value {
    uint32_t id;
    bool erased;
    bool is_input;   /* of `graph` */
    bool is_opaque;  /* given by what the IR does not hold: a sparse
                        initializer, or a broken one of a file that is
                        being checked */
    bool was_output; /* some graph gives it, or gave it: only then the uses
                        are looked at for that */
    uint32_t output_index;
    uint32_t n_uses;
    struct quern_graph *graph;
    struct quern_node *producer;
    struct quern_use *first_use;
    struct quern_tensor *tensor;   /* initializer: one count; else NULL */
    const struct qn_type *type;    /* inferred or set; NULL unknown */
    struct quern_value *next_init; /* list of the graph's initializers */
    const char *name;              /* unique in its graph; may shadow nothing */
    struct quern_use *last_use;
    const struct qn_type *given;    /* set by a pass: quern_value_set_type() */
    const struct qn_type *declared; /* input/output/value_info of the file */
    struct qn_span info_origin;     /* ValueInfoProto as read */
    struct qn_span tensor_origin;   /* TensorProto as read (initializer); data
                                       NULL once changed */
    struct quern_value *prev_init;
    struct quern_value *next_value; /* all values of the graph, by making */
};

_Static_assert(offsetof(struct quern_value, name) == 64, "hot part of a value");

struct quern_graph {
    uint32_t id;
    const char *name;
    struct quern_model *model;
    struct quern_node *parent;       /* NULL: top graph or function */
    struct quern_function *function; /* body of a function, else NULL */
    struct quern_node *first;
    struct quern_node *last;
    size_t n_nodes;
    size_t n_inputs;
    struct quern_value **inputs;
    size_t n_outputs;
    struct quern_use **outputs;
    struct quern_value *first_init;
    struct quern_value *last_init;
    struct quern_value *first_value;
    struct quern_value *last_value;
    struct qn_span origin;          /* GraphProto as read: doc_string, sparse
                                       initializers, annotations, metadata and unknown
                                       fields are written from there */
    struct quern_graph *next_graph; /* chain of the model's graphs */
    struct qn_sequence *sequence;   /* of its nodes when it was last walked, one
                                       count; may be out of date or NULL */
};

struct qn_opset {
    const char *domain; /* "" for ai.onnx */
    int64_t version;
    struct qn_span origin;
};

/** A FunctionProto. Bodies are read but never changed here; `origin` is what
 * is written back. */
struct quern_function {
    const char *domain;
    const char *name;
    const char *overload;
    struct quern_graph *body;
    size_t n_opsets;
    const struct qn_opset *opsets;
    size_t n_attributes;
    const char *const *attributes;      /* names without default */
    struct qn_attr *attribute_defaults; /* attribute_proto */
    struct qn_span origin;
    struct quern_function *next;
};

struct qn_metadata {
    const char *key;
    const char *value;
    struct qn_span origin; /* StringStringEntryProto as read: its value may hold
                              NUL bytes; data NULL for one that was set */
    struct qn_metadata *next;
};

/** A file of external data, mapped as long as the model lives. */
struct qn_external {
    const char *location; /* below the model's folder */
    struct qn_buf *buf;   /* one count */
    struct qn_external *next;
};

struct quern_model {
    struct quern_context *context;
    struct qn_arena arena;
    struct qn_buf *bytes; /* the file; NULL for a model made in memory */
    const char *path;     /* NULL for memory */
    int64_t ir_version;
    int64_t model_version;
    const char *producer_name;    /* NULL: absent */
    const char *producer_version; /* NULL: absent */
    const char *domain;           /* NULL: absent */
    size_t n_opsets;
    struct qn_opset *opsets;
    bool is_stripped; /* its doc string is not written */
    struct qn_metadata *metadata;
    struct quern_graph *graph;
    struct quern_function *functions;
    struct qn_external *externals; /* files that hold data of its tensors */
    uint32_t next_node_id;
    uint32_t next_value_id;
    uint32_t next_graph_id;
    uint32_t next_expr_id;
    struct qn_index index;      /* columns of all nodes and values */
    struct qn_names *names;     /* every value and node name of all graphs */
    struct quern_graph *graphs; /* all of them, newest first */
    struct qn_owned *owned;     /* tensors of attributes: counts that are
                                   given up when the model goes */
    struct quern_expr **exprs;  /* intern table: chains by hash */
    size_t exprs_room;          /* power of two, or 0 */
    struct quern_table *tables; /* side tables */
    struct qn_journal journal;
    struct qn_infer *infer; /* what inference keeps, freed by infer_release */
    void (*infer_release)(struct quern_model *model);
    void *io; /* the reader's own (kept skeleton …), freed by io_release */
    void (*io_release)(struct quern_model *model);
};

/** Set the text of a graph's place ("main/If#12.then_branch") into the arena
 * of the diagnostics; NULL when no memory is left. */
const char *qn_graph_path(const struct quern_graph *graph);

/** Attribute of the node itself, or NULL. */
const struct qn_attr *qn_node_attr(const struct quern_node *node,
                                   const char *name);

/** "int", "tensors", …; "unknown" for numbers that ONNX does not have. */
const char *qn_attr_type_name(enum qn_attr_type type);

/** Schema of the node at the model's opset, or NULL when unknown. */
const struct qn_schema *qn_node_schema(const struct quern_node *node);

/** Number of outputs without those that are left out at the end, where their
 * number says nothing else. */
size_t qn_node_n_told_outputs(const struct quern_node *node);

/** Symbol as an expression, interned in the model; NULL: no memory. */
const struct quern_expr *qn_expr_symbol(struct quern_model *model,
                                        const char *symbol);

/** The one expression of the model that equals `wanted` (kind, symbol, owner,
 * constant, terms, coefficients), made where it is not there yet; all that
 * `wanted` points to is copied. NULL: no memory. */
const struct quern_expr *qn_expr_intern(struct quern_model *model,
                                        const struct quern_expr *wanted);

/** Type that is known of a value: inferred or set, for graph inputs also the
 * declared one. NULL when nothing is known. */
const struct qn_type *qn_value_type(const struct quern_value *value);

/** Type, rank and all sizes that are numbers but the one along `axis` (-1:
 * none) are those of a tensor type; NULL: nothing fits. */
bool qn_type_fits(const struct qn_type *type, enum quern_dtype dtype, int rank,
                  const int64_t *dims, int axis);

/** "float[2, ?]", and the same of a tensor at hand. */
void qn_type_text(const struct qn_type *type, char *text, size_t size);
void qn_shape_text(enum quern_dtype dtype, int rank, const int64_t *dims,
                   char *text, size_t size);

/** Can a graph input, a sequence or an optional maybe, be given this tensor or
 * list? What it declares is looked at in each item.
 * @param why  "item 1 of the input is float[3], needs float[?, 4]" when not */
bool qn_value_takes(const struct quern_value *input,
                    const struct quern_tensor *given, char *why, size_t size);

/** What the file declares of a value can no longer be: a pass has changed it.
 * What was only inferred counts for the element type alone. */
bool qn_value_is_stale(const struct quern_value *value);

/** Element type that the file will declare of a value: as it does, unless a
 * pass has changed it. QUERN_UNDEFINED: none is known. */
enum quern_dtype qn_value_written_dtype(const struct quern_value *value);

/** Sizes that a pass has set are those that the file declares, but for those
 * that the pass left open; a number is another one than a name. */
bool qn_type_same_shape(const struct qn_type *declared,
                        const struct qn_type *given);

/** Set a value's type without journal: types are facts computed from the
 * graph, not edits. */
void qn_value_set_type(struct quern_value *value, const struct qn_type *type);

/** Type of a tensor, in the model's arena. NULL: no memory. */
const struct qn_type *qn_type_of_tensor(struct quern_model *model,
                                        const struct quern_tensor *tensor);

/** A tensor type in the model's arena; dims copied. NULL: no memory. */
const struct qn_type *qn_type_tensor(struct quern_model *model,
                                     enum quern_dtype dtype, int rank,
                                     const struct quern_dim *dims);

#endif
