/* A quantized graph and its float twin: which Conv, Gemm and MatMul compute in
 * integers, which pairs of QuantizeLinear and DequantizeLinear stand for that,
 * and letting some of both be float again. */
#ifndef QUERN_PASSES_QUANTIZE_FLOAT_TWIN_H
#define QUERN_PASSES_QUANTIZE_FLOAT_TWIN_H

#include <quern/pass.h>
#include <quern/target.h>

/** Keep weights and bias of a node as they are before they become codes; kept
 * by the pipeline. From `insert-qdq{keep-floats=true}`. */
enum quern_code qn_floats_keep(struct quern_pass_ctx *ctx,
                               const struct quern_node *node)
    __attribute__((warn_unused_result));

enum { QN_TWIN_PORTS = 2 };

struct qn_twin_port {
    struct quern_node *node; /* NULL: none. The Add behind a MatMul holds its
                                bias */
    size_t input;
    struct quern_value *codes; /* that it reads now */
    struct quern_tensor *tensor;
    const char *name;
    struct quern_value *floats; /* of qn_twin_make_floats() */
};

/** A node in integers. */
struct qn_twin_layer {
    struct quern_node *node;
    struct qn_twin_port ports[QN_TWIN_PORTS];
    bool required; /* the target wants a Q right behind it */
    bool is_float;
};

/** A QuantizeLinear with the DequantizeLinear that read it. */
struct qn_twin_pair {
    struct quern_node *q;
    bool fixed; /* it cannot go: what reads the codes is no pair */
    bool active;
};

/** x * HardSigmoid(x) on codes: HardSwish again where it is not between codes.
 */
struct qn_twin_swish {
    struct quern_node *node; /* the Mul */
    struct quern_value *gate;
    size_t in, out; /* pairs */
};

struct qn_twin {
    struct quern_pass_ctx *ctx;
    struct quern_graph *graph;
    const struct quern_target *target;
    struct qn_twin_layer *layers; /* in the order of the graph */
    size_t n_layers;
    struct qn_twin_pair *pairs; /* in the order of the graph */
    size_t n_pairs;
    bool settled; /* pairs follow from layers; else all readers of an active
                     pair read its codes, whatever they are */
    struct qn_twin_swish *swishes;
    size_t n_swishes;
    size_t *layer_of; /* by node id: 1 + its layer, or 0 */
    size_t n_nodes;
    size_t *pair_of; /* by value id: 1 + the pair whose DQ makes it, or 0 */
    size_t n_values;
};

/** Look at the graph. Memory of the pass. */
enum quern_code qn_twin_init(struct quern_pass_ctx *ctx,
                             struct quern_graph *graph, struct qn_twin *out)
    __attribute__((warn_unused_result));

/** Make the constants that layers in float read. */
enum quern_code qn_twin_make_floats(struct qn_twin *twin)
    __attribute__((warn_unused_result));

/** The output of a node, behind its Relu or Clip where the zero point of a Q
 * does that. */
const struct quern_value *qn_twin_point_of(const struct quern_node *node);

/** The pair whose Q reads a value; SIZE_MAX: none. */
size_t qn_twin_pair_behind(const struct qn_twin *twin,
                           const struct quern_value *value);

/** Decide which pairs are active, from which layers are float: those that an
 * integer kernel in front or behind needs. Layers that are of no use any more
 * become float too. */
void qn_twin_settle(struct qn_twin *twin);

/** Let the marked layers be float, the others not; settled. */
void qn_twin_set(struct qn_twin *twin, const bool *marks);

/** Whether a reader of an active pair computes in integers with its codes. */
bool qn_twin_reads_codes(const struct qn_twin *twin, size_t pair,
                         const struct quern_node *node, size_t input);

/** Whether what makes a value is an operator in integers that needs the Q, so
 * that there are no floats in front of an active pair. */
bool qn_twin_is_made_in_codes(const struct qn_twin *twin, size_t pair);

/** Edit the graph: float layers read floats, values pass by pairs that are not
 * active. */
enum quern_code qn_twin_apply(const struct qn_twin *twin)
    __attribute__((warn_unused_result));

/** Layers that must be float so that a pair can go: what reads it, and what
 * makes it. Sets marks[i] for layer i. */
void qn_twin_closure(const struct qn_twin *twin, size_t pair, bool *marks);

/** Bytes that a layer takes more when it is float. */
double qn_twin_bytes(const struct qn_twin_layer *layer);

#endif
