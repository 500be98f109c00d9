/* What the rule of an operator sees: the node, what is known of its inputs, and
 * room for what it finds out about its outputs.
 *
 * A rule sets what it knows and leaves the rest: kind, dtype and "rank
 * unknown" are filled in from the schema before it is called. It must accept
 * any node, also one that breaks its schema.
 */
#ifndef QUERN_INFER_CONTEXT_H
#define QUERN_INFER_CONTEXT_H

#include "infer/algebra.h"

/** Elements of a tensor whose numbers are followed. */
enum { QN_MAX_NUMBERS = 256 };

/** What is known of an output. */
struct qn_result {
    enum quern_kind kind;
    enum quern_dtype dtype;
    int rank; /* -1: not known */
    struct quern_number dims[QUERN_MAX_RANK];
    const struct qn_type *whole;        /* not NULL: exactly this type */
    const struct quern_number *numbers; /* NULL: none known; valid until the
                                           rule of the next node runs */
    size_t n_numbers;
};

struct qn_infer_ctx {
    struct qn_algebra x;
    struct qn_infer *state;
    const struct quern_node *node;
    const struct qn_schema *schema; /* NULL: operator not known to ONNX */
    int64_t opset;
    int depth;                         /* of subgraphs and calls */
    const struct qn_infer_ctx *caller; /* of the function that the node is in;
                                          NULL: in none */
    const struct quern_function *function; /* that function */
    int param;                             /* of the table's row */
    struct qn_result *out;
    size_t n_out;
    size_t out_room;
    struct qn_result spare; /* stands for outputs that the node lacks */
    struct quern_number room[QN_MAX_NUMBERS];
    char problem[200]; /* first contradiction of the node, "" none */
};

typedef void (*qn_infer_fn)(struct qn_infer_ctx *c);

/** Inputs. Out of range or left out: NULL, undefined, rank -1. */
const struct qn_type *qn_infer_in_type(const struct qn_infer_ctx *c, size_t i);
bool qn_infer_in_present(const struct qn_infer_ctx *c, size_t i);
enum quern_dtype qn_infer_in_dtype(const struct qn_infer_ctx *c, size_t i);
int qn_infer_in_rank(const struct qn_infer_ctx *c, size_t i);
/** Dimension `axis` in [0, rank) of an input of known rank. */
struct quern_number qn_infer_in_dim(const struct qn_infer_ctx *c, size_t i,
                                    int axis);
/** The numbers of a small integer (or bool, or whole float) tensor in order;
 * single ones may be unknown. NULL: nothing known. */
const struct quern_number *qn_infer_in_numbers(struct qn_infer_ctx *c, size_t i,
                                               size_t *out_n);
/** Elements, unknown when the rank is. */
struct quern_number qn_infer_in_len(struct qn_infer_ctx *c, size_t i);

/** Attributes through the schema; of another type: as absent. */
bool qn_infer_attr_present(const struct qn_infer_ctx *c, const char *name);
int64_t qn_infer_attr_int(const struct qn_infer_ctx *c, const char *name,
                          int64_t fallback);
float qn_infer_attr_float(const struct qn_infer_ctx *c, const char *name,
                          float fallback);
/** NULL: absent without default. */
const char *qn_infer_attr_string(const struct qn_infer_ctx *c,
                                 const char *name);
const int64_t *qn_infer_attr_ints(const struct qn_infer_ctx *c,
                                  const char *name, size_t *out_n);
const float *qn_infer_attr_floats(const struct qn_infer_ctx *c,
                                  const char *name, size_t *out_n);
const struct quern_tensor *qn_infer_attr_tensor(const struct qn_infer_ctx *c,
                                                const char *name);

/** Integers given by attribute `name`, or (newer opsets) by input `i`.
 * @return true when all are known; *out_n 0 and true when neither is there */
bool qn_infer_ints_of(struct qn_infer_ctx *c, const char *name, size_t i,
                      const int64_t **out_values, size_t *out_n);
/** The same, each number by itself. NULL when nothing is known. */
const struct quern_number *qn_infer_numbers_of(struct qn_infer_ctx *c,
                                               const char *name, size_t i,
                                               size_t *out_n);

/** Output i, or a stand-in when the node has none. */
struct qn_result *qn_infer_out(struct qn_infer_ctx *c, size_t i);
/** Output i is a tensor of that rank with unknown dimensions; false (and the
 * rank stays unknown) when the rank is out of range. */
bool qn_infer_out_rank(struct qn_infer_ctx *c, size_t i, int rank);
/** Output i has the shape of input k. */
void qn_infer_out_like(struct qn_infer_ctx *c, size_t i, size_t k);
/** Output i has type and shape of input k, numbers included. */
void qn_infer_out_same(struct qn_infer_ctx *c, size_t i, size_t k);
void qn_infer_out_dtype(struct qn_infer_ctx *c, size_t i,
                        enum quern_dtype dtype);
/** Numbers of output i: `numbers` as said at struct qn_result. */
void qn_infer_out_numbers(struct qn_infer_ctx *c, size_t i,
                          const struct quern_number *numbers, size_t n);

/** Axis in [0, rank), or -1 with a problem noted. */
int qn_infer_axis(struct qn_infer_ctx *c, int64_t axis, int rank);

/** Note the first contradiction of the node. */
void qn_infer_problem(struct qn_infer_ctx *c, const char *format, ...)
    QUERN_PRINTF(2, 3);

/** Dimension that must be both; notes a problem when it cannot. The better
 * known of the two. */
struct quern_number qn_infer_merge(struct qn_infer_ctx *c,
                                   struct quern_number a, struct quern_number b,
                                   const char *what);

/** Shape of several shapes broadcast together into output i. */
void qn_infer_out_broadcast(struct qn_infer_ctx *c, size_t i, size_t first,
                            size_t n);
/** dims of out (in place, aligned at the end) broadcast with those of input k;
 * false when a rank is not known. */
bool qn_broadcast_in(struct qn_infer_ctx *c, struct qn_result *out, size_t k);

/* ------------------------------------------------------- for control.c */

/** Walk over the nodes of a body. */
void qn_infer_body(struct qn_infer_ctx *c, struct quern_graph *graph);
/** Model-local function that the node calls, NULL: none. */
const struct quern_function *qn_infer_callee(const struct qn_infer_ctx *c);
/** What the function gives for these inputs and attributes. */
void qn_infer_call(struct qn_infer_ctx *c, const struct quern_function *f);
/** What output i of a body is, as seen from outside. */
void qn_infer_leave(struct qn_infer_ctx *c, const struct quern_graph *body,
                    size_t i, struct qn_result *out);
/** Set the type of a value: input of a body. Unknown dimensions become symbols
 * of it. */
void qn_infer_set(struct qn_infer_ctx *c, struct quern_value *value,
                  const struct qn_result *type);
/** Read what is known of a value into a result. */
void qn_infer_get(struct qn_infer_ctx *c, const struct quern_value *value,
                  struct qn_result *out);
/** A sequence or optional of `element` (may be NULL); NULL: no memory. */
const struct qn_type *qn_type_of_kind(struct qn_infer_ctx *c,
                                      enum quern_kind kind,
                                      const struct qn_type *element);
/** Denotation of the element type of an empty sequence: it covers whatever is
 * put into it. */
extern const char qn_type_of_nothing[];
/** Type that covers both: unknown where they differ; NULL when nothing is left
 * (or no memory). */
const struct qn_type *qn_type_join(struct qn_infer_ctx *c,
                                   const struct qn_type *a,
                                   const struct qn_type *b);

/** Say what is wrong at the node at hand, when somebody listens.
 * @param tensor    name of a value, or NULL
 * @param harmless  it may be so all the same */
void qn_infer_tell(struct qn_infer_ctx *c, const char *tensor, bool harmless,
                   const char *text);

/** Tell of values whose declared type is not the one that was found. */
void qn_infer_check_declared(struct qn_infer_ctx *c,
                             const struct quern_graph *graph);

#endif
