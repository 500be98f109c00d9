/* Where QuantizeLinear and DequantizeLinear stand: decided before anything is
 * edited. Rules: measured for ONNX Runtime on x64 (rules 2, 3, 4, 13 of the
 * placement experiment). */
#ifndef QUERN_PASSES_QUANTIZE_PLACEMENT_H
#define QUERN_PASSES_QUANTIZE_PLACEMENT_H

#include <quern/pass.h>

/** How a value takes part. */
enum qn_part {
    QN_PART_NONE = 0,
    QN_PART_INPUT = 1, /* some readers read codes, the others floats */
    QN_PART_ALL = 2,   /* every reader reads codes */
};

struct qn_placement {
    size_t n_values;
    size_t n_nodes;
    unsigned char *part;        /* by value id: enum qn_part */
    struct quern_value **alias; /* by value id: value whose parameters it
                                   shares (data movement), or NULL */
    bool *integer;              /* by node id: reads codes */
    const char **why_float;     /* by node id: reason why a heavy node stays in
                                   float, or NULL */
};

struct qn_placement_options {
    int64_t attention_rows; /* products of two activations with fewer rows
                               stay in float */
};

/** Decide. Memory belongs to the pass.
 * @return QUERN_OK; _NO_MEMORY */
enum quern_code qn_place(struct quern_pass_ctx *ctx, struct quern_graph *graph,
                         const struct qn_placement_options *options,
                         struct qn_placement *out_placement)
    __attribute__((warn_unused_result));

/** The value whose parameters a value takes: itself, or the start of the chain
 * of data movement in front of it. */
struct quern_value *qn_root(const struct qn_placement *placement,
                            struct quern_value *value);

/** True when input i of a node that reads codes is one of the code inputs. */
bool qn_is_code_input(const struct quern_node *node, size_t i);

#endif
