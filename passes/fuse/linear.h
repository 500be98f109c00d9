/* A Conv, ConvTranspose, Gemm or MatMul with constant weights: what scales and
 * shifts its channels goes into weights and bias. */
#ifndef QUERN_PASSES_FUSE_LINEAR_H
#define QUERN_PASSES_FUSE_LINEAR_H

#include <quern/pass.h>

#include "fuse/moves.h"

/** Weights are [n_first, n_second, taps]; `out_first` says that the first axis
 * counts output channels (Conv, Gemm with transB), else input channels. The
 * other axis counts the channels of one group. */
struct qn_weights {
    struct quern_node *node;
    struct quern_node *tail; /* makes the result: the node itself, or the Add
                                behind a MatMul that holds its bias */
    size_t bias_input;       /* of `tail`; 0: a MatMul without bias */
    struct quern_tensor *tensor; /* borrowed */
    int rank;                    /* of input and output; -1: not known */
    int axis;                    /* of their channels, from the end: -1 last */
    bool out_first;
    int64_t n_first, n_second, taps, groups;
    int64_t n_out, n_in; /* channels */
    bool padded;         /* zeros are read where the input ends */
};

/** Numbers for each channel: y = scale x + shift. */
struct qn_affine {
    double *scale;
    double *shift;
    int64_t n;
    bool scales; /* some scale is not 1 */
    bool shifts; /* some shift is not 0 */
};

/** Read a node.
 * @return false when it is none of them, or has no constant float weights */
bool qn_weights_init(struct quern_node *node, struct qn_weights *out);

/** A constant of a type that runtimes have a Gemm of, or NULL. */
const struct quern_tensor *qn_gemm_constant(const struct quern_value *value);

/** Constants that a Gemm takes: weights of two axes, a bias of as many numbers
 * as they have columns, in one row. */
bool qn_is_gemm(const struct quern_value *weights,
                const struct quern_value *bias);

/** float, double, float16 or bfloat16. */
bool qn_is_wide_float(enum quern_dtype dtype);

/** A constant of such a type as one number a channel.
 * @param rank, axis  of the data that it is broadcast to, as in struct
 *                    qn_weights; where the rank is not known, a vector fits
 * @return false when it is none, or varies along another axis */
bool qn_channel_numbers(const struct quern_value *value, int rank, int axis,
                        int64_t n, double *out);

/** Room for the numbers of n channels, as y = x. false: no memory. */
bool qn_affine_init(struct quern_pass_ctx *ctx, int64_t n,
                    struct qn_affine *out);

/** What a node does to the channels of its data input: Mul, Add, Sub, Div with
 * a constant, Neg, or BatchNormalization.
 * @param rank, axis  of the data, as in struct qn_weights
 * @param out_data    number of the data input
 * @return false when it is another node, its constant varies along another
 * axis or adds one, or some number is not finite */
bool qn_affine_of(struct quern_pass_ctx *ctx, const struct quern_node *node,
                  int rank, int axis, int64_t n, size_t *out_data,
                  struct qn_affine *out);

/** What Mul, Add, Sub, Div with a constant, Neg or BatchNormalization, reading
 * `moves->to`, does to the n channels of `moves->from`; else as qn_affine_of().
 */
bool qn_affine_moved(struct quern_pass_ctx *ctx, const struct quern_node *node,
                     const struct qn_moves *moves, int axis, int64_t n,
                     struct qn_affine *out);

/** Put numbers in front of the weights and behind them:
 * y = behind (W (front x) + bias).
 * @param front, behind  NULL: none
 * @param out_done  false when it cannot be done exactly: padding, a bias that
 * is no constant, no room for a bias, numbers out of range; then nothing has
 * changed */
enum quern_code
qn_weights_absorb(struct quern_pass_ctx *ctx, struct qn_weights *weights,
                  const struct qn_affine *front, const struct qn_affine *behind,
                  bool *out_done) __attribute__((warn_unused_result));

/** The node's result is now called what `value` is called; `value` was made by
 * `node`, which goes. */
enum quern_code qn_take_over(struct quern_node *from, struct quern_node *node)
    __attribute__((warn_unused_result));

#endif
