/* Where QuantizeLinear and DequantizeLinear stand: decided before anything is
 * edited, by the profile of the target (<quern/target.h>). */
#ifndef QUERN_PASSES_QUANTIZE_PLACEMENT_H
#define QUERN_PASSES_QUANTIZE_PLACEMENT_H

#include <quern/pass.h>
#include <quern/target.h>

/** How a value takes part. */
enum qn_part {
    QN_PART_NONE = 0,
    QN_PART_INPUT = 1, /* some readers read codes, the others floats */
    QN_PART_ALL = 2,   /* every reader reads codes */
};

/** Why a Conv stays in float that would be in integers, did it not make an
 * output of the model. */
extern const char qn_makes_output[];

struct qn_placement {
    const struct quern_target *target;
    bool guess;
    size_t n_values;
    size_t n_nodes;
    unsigned char *part;        /* by value id: enum qn_part */
    struct quern_value **alias; /* by value id: value whose parameters it
                                   shares, or NULL */
    bool *joined;               /* by value id: the range of what it shares
                                   parameters with must hold its own too */
    uint64_t *ports;            /* by node id: inputs that read codes */
    const char **why_float;     /* by node id: reason why a heavy node stays in
                                   float, or NULL */
    struct quern_node **placed; /* those that the walk along the graph gave
                                   codes to read, in its order */
    size_t n_placed;
};

struct qn_placement_options {
    int64_t attention_rows; /* products of two activations with fewer rows
                               stay in float; below 0: as the target says */
    bool guess; /* before calibration: every value will have been seen */
};

/** Decide. Memory belongs to the pass.
 * @return QUERN_OK; _NO_MEMORY */
enum quern_code qn_place(struct quern_pass_ctx *ctx, struct quern_graph *graph,
                         const struct qn_placement_options *options,
                         struct qn_placement *out_placement)
    __attribute__((warn_unused_result));

/** Room for a placement, by the ids of the model; nothing is decided. */
enum quern_code qn_place_room(struct quern_pass_ctx *ctx,
                              struct qn_placement *out_placement)
    __attribute__((warn_unused_result));

/** The value whose parameters a value takes: itself, or the end of the chain
 * of what it shares them with. */
struct quern_value *qn_root(const struct qn_placement *placement,
                            struct quern_value *value);

/** Can insert-qdq write for the target of the pipeline, and is the model within
 * its bounds?
 * @return QUERN_OK; _UNSUPPORTED, _INVALID_ARGUMENT (opset; which pass helps)
 */
enum quern_code qn_check_target(struct quern_pass_ctx *ctx,
                                const struct quern_graph *graph)
    __attribute__((warn_unused_result));

/** True when a node reads codes at input i. Nodes made after the placement read
 * none. */
bool qn_reads_codes(const struct qn_placement *placement,
                    const struct quern_node *node, size_t i);

/* ------------------------------------------- shared by the placement's files
 */

/** Seen in calibration, with a range that can be used. */
bool qn_has_range(const struct qn_placement *placement,
                  struct quern_model *model, const struct quern_value *value);

void qn_raise_part(struct qn_placement *placement,
                   const struct quern_value *value, enum qn_part part);

/** Mark input i of a node as one that reads codes. */
void qn_set_port(struct qn_placement *placement, const struct quern_node *node,
                 size_t i);

/** The value behind which Q stands: behind a Relu or Clip(0, …) that alone
 * reads the output where the target lets a zero point do it, else the output
 * itself. */
struct quern_value *qn_output_point(const struct qn_placement *placement,
                                    const struct quern_node *node);

/** Back to floats with operators that pay between codes alone and whose result
 * no integer kernel reads. */
enum quern_code qn_place_links(struct quern_pass_ctx *ctx,
                               struct qn_placement *placement)
    __attribute__((warn_unused_result));

/** What stands in front of readers alone: skip branches of residual Adds,
 * pooling between codes, values that must share parameters. */
enum quern_code qn_place_readers(struct quern_pass_ctx *ctx,
                                 struct quern_graph *graph,
                                 struct qn_placement *placement)
    __attribute__((warn_unused_result));

#endif
