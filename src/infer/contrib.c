/* Operators of com.microsoft: without schema, so types are set here. */
#include "infer/table.h"

#include <string.h>

void qn_infer_ms_like(struct qn_infer_ctx *c)
{
    qn_infer_out_like(c, 0, 0);
    qn_infer_out_dtype(c, 0, qn_infer_in_dtype(c, (size_t)c->param));
}

/* QLinearAdd and its kin: data at inputs 0 and 3; BiasGelu and its kin: at 0
 * and 1. */
void qn_infer_ms_binary(struct qn_infer_ctx *c)
{
    struct qn_result *out = qn_infer_out(c, 0);
    qn_infer_out_like(c, 0, 0);
    (void)qn_broadcast_in(c, out, (size_t)c->param);
    qn_infer_out_dtype(c, 0, qn_infer_in_dtype(c, 0));
}

void qn_infer_ms_fused_matmul(struct qn_infer_ctx *c)
{
    bool batch = qn_infer_attr_int(c, "transBatchA", 0) != 0 ||
                 qn_infer_attr_int(c, "transBatchB", 0) != 0;
    qn_infer_out_dtype(c, 0, qn_infer_in_dtype(c, 0));
    if (!batch) {
        qn_infer_product(c, 0, 1, qn_infer_attr_int(c, "transA", 0) != 0,
                         qn_infer_attr_int(c, "transB", 0) != 0);
    }
}

void qn_infer_ms_matmul_nbits(struct qn_infer_ctx *c)
{
    int rank = qn_infer_in_rank(c, 0);
    int64_t n = qn_infer_attr_int(c, "N", -1);
    qn_infer_out_dtype(c, 0, qn_infer_in_dtype(c, 0));
    if (rank >= 1) {
        qn_infer_out_like(c, 0, 0);
        (void)qn_infer_merge(c, qn_infer_in_dim(c, 0, rank - 1),
                             qn_num(qn_infer_attr_int(c, "K", -1)), "K");
        qn_infer_out(c, 0)->dims[rank - 1] = n >= 0 ? qn_num(n) : QN_UNKNOWN;
    }
}

/* SkipLayerNormalization: the sum is the last output. */
void qn_infer_ms_skip_norm(struct qn_infer_ctx *c)
{
    for (size_t i = 0; i < c->n_out; i++) {
        qn_infer_out_dtype(c, i, qn_infer_in_dtype(c, 0));
        if (i == 0 || i == 3) {
            qn_infer_out_like(c, i, 0);
        }
    }
}

/* MatMulIntegerToFloat, DynamicQuantizeMatMul: type of input `param`. */
void qn_infer_ms_integer_matmul(struct qn_infer_ctx *c)
{
    qn_infer_out_dtype(c, 0, qn_infer_in_dtype(c, (size_t)c->param));
    qn_infer_product(c, 0, 1, false, false);
}

/* DynamicQuantizeLSTM: as LSTM, but that its weights say four times the hidden
 * size where those of LSTM say it. */
void qn_infer_ms_lstm(struct qn_infer_ctx *c)
{
    for (size_t i = 0; i < c->n_out; i++) {
        qn_infer_out_dtype(c, i, qn_infer_in_dtype(c, 0));
    }
    if (qn_infer_attr_int(c, "hidden_size", 0) > 0) {
        qn_infer_rnn(c);
    }
}

/* QGemm: a, a_scale, a_zero, b, …; float unless there is a y_zero. */
void qn_infer_ms_qgemm(struct qn_infer_ctx *c)
{
    bool trans_a = qn_infer_attr_int(c, "transA", 0) != 0;
    bool trans_b = qn_infer_attr_int(c, "transB", 0) != 0;
    qn_infer_out_dtype(c, 0,
                       qn_infer_in_present(c, 8) ? qn_infer_in_dtype(c, 8)
                                                 : QUERN_FLOAT);
    if (qn_infer_in_rank(c, 0) == 2 && qn_infer_in_rank(c, 3) == 2) {
        qn_infer_product(c, 0, 3, trans_a, trans_b);
    }
}
