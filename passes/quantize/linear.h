/* A Conv, Gemm or MatMul with constant weights, seen as matrices; and scaling
 * its channels exactly. */
#ifndef QUERN_PASSES_QUANTIZE_LINEAR_H
#define QUERN_PASSES_QUANTIZE_LINEAR_H

#include <quern/pass.h>
#include <quern/quant.h>

struct qn_linear {
    struct quern_node *node;
    struct quern_weight_shape shape;
    int axis;            /* of output channels in the weights */
    size_t in_channels;  /* groups * cols / taps */
    size_t out_channels; /* groups * rows */
};

/** Fill from a node.
 * @return false when it is none of them or its weights are no float constant
 * (of rank 2 for MatMul) */
bool qn_linear_init(struct quern_node *node, struct qn_linear *out_linear);

/** The same where the weights are constant int8 codes behind a
 * DequantizeLinear. */
bool qn_linear_init_codes(struct quern_node *node,
                          struct qn_linear *out_linear);

/** Weights as floats in memory of the pass; NULL: no memory. */
float *qn_linear_weights(struct quern_pass_ctx *ctx,
                         const struct qn_linear *linear);

/** True when input 2 is a constant that adds one number to each of n output
 * channels, or the same to all: C of a Gemm may also vary by row. */
bool qn_bias_is_vector(const struct quern_node *node, size_t n);

/** Such a bias as n floats in memory of the pass; NULL: none, or no memory. */
float *qn_bias_vector(struct quern_pass_ctx *ctx, const struct quern_node *node,
                      size_t n);

/** Multiply output channel c (weights and bias) by factors[c]. The bias of a
 * MatMul stands behind it: not here; another one must be a vector. */
enum quern_code qn_scale_outputs(struct quern_pass_ctx *ctx,
                                 const struct qn_linear *linear,
                                 const double *factors)
    __attribute__((warn_unused_result));

/** Multiply the weights that read input channel c by factors[c]. */
enum quern_code qn_scale_inputs(struct quern_pass_ctx *ctx,
                                const struct qn_linear *linear,
                                const double *factors)
    __attribute__((warn_unused_result));

/** A reader for the noise model, of value x that was seen in calibration.
 * @param out_seen  false: its channels were not seen or do not fit, and the
 *                  reader is not filled in
 * @return QUERN_OK; _NO_MEMORY */
enum quern_code
qn_noise_reader_init(struct quern_pass_ctx *ctx, const struct qn_linear *linear,
                     const struct quern_value *x,
                     const struct quern_reader *function,
                     struct quern_noise_reader *out_reader, bool *out_seen)
    __attribute__((warn_unused_result));

/** Largest magnitude of each channel of a value.
 * @param out_range  in memory of the pass; NULL: no channels were seen
 * @return QUERN_OK; _NO_MEMORY */
enum quern_code qn_channel_range(struct quern_pass_ctx *ctx,
                                 const struct quern_value *value,
                                 size_t *out_channels, float **out_range)
    __attribute__((warn_unused_result));

/** Add, or Sum of two, of a constant vector that alone reads a MatMul's output:
 * its bias, or NULL.
 * @param out_input  number of the constant input */
struct quern_node *qn_matmul_bias(const struct quern_node *matmul,
                                  size_t *out_input);

/** The function that alone reads a value. */
struct quern_reader qn_reader_of(const struct quern_value *value);

#endif
