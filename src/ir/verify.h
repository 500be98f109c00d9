/* The verifier: what must hold in a model in memory.
 *
 * Structure (verify.c): each graph's nodes in order, values made once and
 * before they are read, captures from enclosing graphs alone, outputs that
 * exist. Operators (verify_node.c): known at the imported opset, arity,
 * attributes, types against the constraints of the schema where they are known,
 * the numbers of Q and DQ. Model and functions (verify_model.c).
 *
 * What only the wire shows (two values in one attribute, …) is reported by the
 * reader: io/examine.h. Shapes: infer/.
 */
#ifndef QUERN_IR_VERIFY_H
#define QUERN_IR_VERIFY_H

#include "ir/findings.h"
#include "ir/ir.h"

enum qn_verify_part {
    QN_VERIFY_STRUCTURE = 1,
    QN_VERIFY_OPERATORS = 2,
    QN_VERIFY_TYPES = 4,
    QN_VERIFY_MODEL = 8, /* versions, metadata, functions, names of graphs */
    QN_VERIFY_ALL = 15,
    QN_VERIFY_CHANGED = 16, /* only what edits since qn_verify_done() came to:
                               links of these nodes and of their neighbours;
                               operators and types of those that are no longer
                               as they were read, and not marked as flawed */
    QN_VERIFY_MARK = 32,    /* mark the nodes with errors of operators or types
                               as flawed */
};

/** One run of the verifier. Zero-initialise what is not said. */
struct qn_verify {
    const struct quern_model *model;
    struct qn_findings *findings;
    unsigned parts;        /* enum qn_verify_part */
    unsigned char *flawed; /* one byte a node id; NULL: none */
    size_t n_flawed;
    /* The run's own. */
    const struct quern_function *function; /* whose body is looked at */
    struct qn_map *functions;              /* by "domain.name:overload" */
    struct qn_arena arena;                 /* keys of `functions` */
    size_t n_late;                         /* reads before making */
};

/** Run it; findings go to v->findings.
 * @return QUERN_OK also when something was found; _NO_MEMORY */
enum quern_code qn_verify(struct qn_verify *v)
    __attribute__((warn_unused_result));

/** What edits come to from now on is to be verified next. */
void qn_verify_done(struct quern_model *model);

/** Of files of the verifier: one node against its schema. */
void qn_verify_node(struct qn_verify *v, const struct quern_node *node);

/** Types of a node's inputs and outputs against the constraints. */
void qn_verify_types(struct qn_verify *v, const struct quern_node *node,
                     const struct qn_schema *schema);

/** A graph whose nodes are out of order: tell if they wait for each other. */
enum quern_code qn_verify_cycles(struct qn_verify *v,
                                 const struct quern_graph *graph)
    __attribute__((warn_unused_result));

/** Scales, zero points and axes of QuantizeLinear and DequantizeLinear. */
void qn_verify_quant(struct qn_verify *v, const struct quern_node *node);

/** Attributes and constants that say again what shapes say. */
void qn_verify_shapes(struct qn_verify *v, const struct quern_node *node);

/** Values of attributes that no operator of that name takes. */
void qn_verify_values(struct qn_verify *v, const struct quern_node *node);

/** Versions, metadata and functions. */
enum quern_code qn_verify_model(struct qn_verify *v)
    __attribute__((warn_unused_result));

/** Version of a domain in the graph or function at hand; 0: not imported. */
int64_t qn_verify_opset(const struct qn_verify *v, const char *domain);

/** Model-local function that a node calls, or NULL. */
const struct quern_function *qn_verify_callee(const struct qn_verify *v,
                                              const struct quern_node *node);

#endif
