/* What LSTM and GRU share: their inputs, checked, and products with packed
 * weights. Constant weights, default activations, layout 0, float only. */
#ifndef QUERN_EXEC_RNN_H
#define QUERN_EXEC_RNN_H

#include "exec/op.h"

/** Sizes and data of one run. */
struct qn_rnn {
    int64_t steps;
    int64_t batch;
    int64_t input;
    int64_t hidden; /* H below */
    int64_t directions;
    bool reverse;      /* the first direction runs from the last step */
    const float *x;    /* [steps, batch, input] */
    const float *bias; /* [directions, 2 * gates * H], or NULL: none */
    const float *h0;   /* [directions, batch, H], or NULL: zeros */
    float *y;          /* [steps, directions, batch, H], or NULL: not wanted */
};

/** Weights W and R ([directions, gates * H, input] and [directions, gates * H,
 * H]) fit each other, and nothing else is asked for than what is written
 * above. */
bool qn_rnn_is_plain(const struct quern_node *node, int64_t n_gates,
                     const struct qn_array *w, const struct qn_array *r);

/** Rows first … first + n of direction d of [directions, rows, k], packed as
 * the right side [k, n] of products. Free it with qn_free(). NULL: no memory.
 */
float *qn_rnn_pack(const struct quern_engine *engine,
                   const struct qn_array *weights, int64_t d, int64_t first,
                   int64_t n);

/** Read and check the inputs; y is left NULL. Errors are reported. */
enum quern_code qn_rnn_read(struct qn_run *run, const struct qn_op *op,
                            int64_t n_gates, struct qn_rnn *out_rnn)
    __attribute__((warn_unused_result));

/** A state that input i begins with: *out_state is NULL when it is left out. */
enum quern_code qn_rnn_state(struct qn_run *run, const struct qn_op *op, int i,
                             const struct qn_rnn *rnn, const float **out_state)
    __attribute__((warn_unused_result));

/** The product of [m, k] rows with packed weights; `rest` says the rest: bias,
 * add, c and ldc. */
void qn_rnn_multiply(const struct qn_kernels *kernels, int64_t m, int64_t n,
                     int64_t k, const float *a, const float *packed,
                     struct qn_product rest);

/** Room for y and for the last states at outputs 1 to n_states. */
enum quern_code qn_rnn_outputs(struct qn_run *run, const struct qn_op *op,
                               int n_states, struct qn_rnn *rnn,
                               struct qn_array **out_states)
    __attribute__((warn_unused_result));

/** Enter the states h [batch, H] behind step t of direction d into y. */
void qn_rnn_keep(const struct qn_rnn *rnn, int64_t d, int64_t t,
                 const float *h);

#endif
