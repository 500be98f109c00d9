/* What LSTM and GRU share. */
#include "exec/rnn.h"

#include "base/checked.h"

#include <string.h>

bool qn_rnn_is_plain(const struct quern_node *node, int64_t n_gates,
                     const struct qn_array *w, const struct qn_array *r)
{
    enum { SEQUENCE_LENGTHS = 4 };
    if (quern_node_has_attr(node, "activations") ||
        quern_node_has_attr(node, "clip") ||
        quern_node_int(node, "layout", 0) != 0 ||
        quern_node_input(node, SEQUENCE_LENGTHS) != NULL) {
        return false;
    }
    return w != NULL && r != NULL && w->rank == 3 && r->rank == 3 &&
           w->dtype == QUERN_FLOAT && r->dtype == QUERN_FLOAT &&
           w->dims[0] == r->dims[0] && w->dims[0] >= 1 && w->dims[0] <= 2 &&
           w->dims[1] == n_gates * r->dims[2] && r->dims[1] == w->dims[1];
}

float *qn_rnn_pack(const struct quern_engine *e, const struct qn_array *a,
                   int64_t d, int64_t first, int64_t n)
{
    size_t k = (size_t)a->dims[2];
    size_t panel = e->kernels->panel();
    size_t wide = ((size_t)n + panel - 1) / panel * panel;
    float *data = qn_alloc_aligned(wide * k * sizeof(float) + 64);
    if (data != NULL && k > 0) { /* without inputs there is nothing to read */
        const float *from = (const float *)(const void *)a->data +
                            d * a->strides[0] + first * a->dims[2];
        e->kernels->pack_b(k, (size_t)n, from, 1, a->dims[2], data);
    }
    return data;
}

/* A float input of `len` elements; *out_data is NULL when it is left out. */
static enum quern_code read_floats(struct qn_run *run, const struct qn_op *op,
                                   int i, int64_t len, const float **out_data)
{
    *out_data = NULL;
    if (qn_in(run, op, i) == NULL) {
        return QUERN_OK;
    }
    const struct qn_array *a = qn_in_packed(run, op, i);
    if (a == NULL || a->dtype != QUERN_FLOAT || a->len != len) {
        return qn_op_missing(run, op);
    }
    *out_data = (const float *)(const void *)a->data;
    return QUERN_OK;
}

enum quern_code qn_rnn_state(struct qn_run *run, const struct qn_op *op, int i,
                             const struct qn_rnn *rnn, const float **out_state)
{
    return read_floats(run, op, i, rnn->directions * rnn->batch * rnn->hidden,
                       out_state);
}

/* What is needed beside the outputs, gates and states, can be counted in bytes;
 * an input of no elements says nothing about that. */
static bool can_be_counted(const struct qn_rnn *rnn, int64_t n_gates)
{
    const int64_t dims[5] = {rnn->steps > 0 ? rnn->steps : 1, rnn->directions,
                             rnn->batch, 2 * n_gates, rnn->hidden};
    int64_t len = 0;
    return qn_shape_len(5, dims, &len) &&
           len <= INT64_MAX / (int64_t)sizeof(float);
}

enum quern_code qn_rnn_read(struct qn_run *run, const struct qn_op *op,
                            int64_t n_gates, struct qn_rnn *out)
{
    enum { W = 1, R, BIAS, FIRST_STATE = 5 };
    const struct qn_array *w = qn_in(run, op, W);
    const struct qn_array *r = qn_in(run, op, R);
    const struct qn_array *x = qn_in_packed(run, op, 0);
    const char *direction = "forward";
    if (x == NULL || x->rank != 3 || x->dtype != QUERN_FLOAT ||
        x->dims[2] != w->dims[2]) {
        return qn_op_missing(run, op);
    }
    (void)!quern_node_attr_string(op->node, "direction", &direction, NULL);
    *out = (struct qn_rnn){.steps = x->dims[0],
                           .batch = x->dims[1],
                           .input = x->dims[2],
                           .hidden = r->dims[2],
                           .directions = r->dims[0],
                           .reverse = strcmp(direction, "reverse") == 0,
                           .x = (const float *)(const void *)x->data};
    if (!can_be_counted(out, n_gates)) {
        return qn_op_fail(run, op, QUERN_LIMIT,
                          "states have a size that overflows");
    }
    enum quern_code code = read_floats(
        run, op, BIAS, 2 * n_gates * out->directions * out->hidden, &out->bias);
    return code == QUERN_OK ? qn_rnn_state(run, op, FIRST_STATE, out, &out->h0)
                            : code;
}

void qn_rnn_multiply(const struct qn_kernels *kernels, int64_t m, int64_t n,
                     int64_t k, const float *a, const float *packed,
                     struct qn_product rest)
{
    rest.m = (size_t)m;
    rest.n = (size_t)n;
    rest.k = (size_t)k;
    rest.a = a;
    rest.lda = (size_t)k;
    rest.packed = packed;
    kernels->gemm(&rest);
}

enum quern_code qn_rnn_outputs(struct qn_run *run, const struct qn_op *op,
                               int n_states, struct qn_rnn *rnn,
                               struct qn_array **out_states)
{
    int64_t dims[4] = {rnn->steps, rnn->directions, rnn->batch, rnn->hidden};
    struct qn_array *y = NULL;
    enum quern_code code = qn_out(run, op, 0, QUERN_FLOAT, 4, dims, &y);
    for (int i = 0; i < n_states && code == QUERN_OK; i++) {
        code = qn_out(run, op, i + 1, QUERN_FLOAT, 3, dims + 1, &out_states[i]);
    }
    rnn->y = y != NULL ? (float *)(void *)y->data : NULL;
    return code;
}

void qn_rnn_keep(const struct qn_rnn *rnn, int64_t d, int64_t t, const float *h)
{
    size_t size = (size_t)(rnn->batch * rnn->hidden);
    if (rnn->y != NULL) {
        memcpy(rnn->y + (size_t)(t * rnn->directions + d) * size, h,
               size * sizeof *h);
    }
}
