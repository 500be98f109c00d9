/* SequenceMap: a body for each item of a sequence (ONNX 17). */
#include "exec/ops.h"
#include "exec/sequence.h"

enum { MOST = 64 }; /* inputs, outputs */

static const struct qn_array *items(const struct qn_array *sequence)
{
    return (const struct qn_array *)(const void *)sequence->data;
}

/* Input 0 and other sequences are as long, and the body fits. */
static enum quern_code check(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *first = qn_in(run, op, 0);
    if (op->bodies == NULL || op->n_in > MOST || op->n_out > MOST ||
        op->bodies[0]->n_in != op->n_in || op->bodies[0]->n_out < op->n_out ||
        first == NULL || !first->set || !first->is_sequence) {
        return qn_op_missing(run, op);
    }
    for (int k = 1; k < op->n_in; k++) {
        const struct qn_array *x = qn_in(run, op, k);
        if (x == NULL || !x->set) {
            return qn_op_missing(run, op);
        }
        if (x->is_sequence && x->len != first->len) {
            return qn_op_fail(run, op, QUERN_INVALID_MODEL,
                              "input %d has %lld items, needs %lld", k,
                              (long long)x->len, (long long)first->len);
        }
    }
    return QUERN_OK;
}

static enum quern_code step(struct qn_run *run, const struct qn_op *op,
                            int64_t i, struct qn_array *made)
{
    const struct qn_program *body = op->bodies[0];
    for (int k = 0; k < op->n_in; k++) {
        const struct qn_array *x = qn_in(run, op, k);
        qn_slot_share(run, x->is_sequence ? &items(x)[i] : x, body->in[k]);
    }
    enum quern_code code = qn_run_program(run, body);
    for (int k = 0; k < op->n_out && code == QUERN_OK; k++) {
        const struct qn_array *y = &run->slots[body->out[k]];
        if (!y->set || y->is_sequence) {
            code = qn_op_missing(run, op);
        } else {
            qn_sequence_append(&made[k], y);
        }
    }
    qn_clear_body(run, body);
    for (int k = 0; k < op->n_in; k++) {
        qn_slot_share(run, NULL, body->in[k]);
    }
    return code;
}

enum quern_code qn_op_sequence_map(struct qn_run *run, const struct qn_op *op)
{
    struct qn_array made[MOST];
    int n_made = 0;
    enum quern_code code = check(run, op);
    int64_t n = code == QUERN_OK ? qn_in(run, op, 0)->len : 0;
    while (n_made < op->n_out && code == QUERN_OK) {
        code = qn_sequence_make(run, op, n, &made[n_made]);
        n_made += code == QUERN_OK;
    }
    for (int64_t i = 0; i < n && code == QUERN_OK; i++) {
        code = step(run, op, i, made);
    }
    for (int k = 0; k < n_made; k++) {
        if (code == QUERN_OK && op->out[k] >= 0) {
            run->slots[op->out[k]] = made[k];
        } else {
            qn_chunk_put(&run->chunks, made[k].chunk);
        }
    }
    return code;
}
