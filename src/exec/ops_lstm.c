/* LSTM (ONNX 7 to 22): gates i, o, f, c; default activations Sigmoid, Tanh,
 * Tanh; layout 0; no peepholes, clip or input_forget. float only. */
#include "exec/ops.h"
#include "exec/prepare.h"
#include "exec/rnn.h"

#include <string.h>

/* W and R of a direction as packed panels [input, 4 H] and [H, 4 H]. */
struct lstm_state {
    float *w[2];
    float *r[2];
};

static void release_state(struct quern_engine *e, void *state)
{
    (void)e;
    struct lstm_state *s = state;
    for (int d = 0; d < 2; d++) {
        qn_free(s->w[d]);
        qn_free(s->r[d]);
    }
}

static bool is_plain(const struct quern_node *node, const struct qn_array *w,
                     const struct qn_array *r)
{
    enum { PEEPHOLES = 7 };
    return qn_rnn_is_plain(node, 4, w, r) &&
           quern_node_int(node, "input_forget", 0) == 0 &&
           quern_node_input(node, PEEPHOLES) == NULL;
}

enum quern_code qn_prepare_lstm(struct quern_engine *e, struct qn_op *op)
{
    const struct qn_array *w = qn_op_constant(e, op, 1);
    const struct qn_array *r = qn_op_constant(e, op, 2);
    if (!is_plain(op->node, w, r)) {
        return QUERN_OK; /* qn_op_rnn_any() runs it */
    }
    struct lstm_state *s = qn_arena_alloc(&e->arena, sizeof *s);
    if (s == NULL) {
        return qn_no_memory(e->context);
    }
    op->state = s;
    op->release = release_state;
    for (int64_t d = 0; d < w->dims[0]; d++) {
        s->w[d] = qn_rnn_pack(e, w, d, 0, w->dims[1]);
        s->r[d] = qn_rnn_pack(e, r, d, 0, r->dims[1]);
        if (s->w[d] == NULL || s->r[d] == NULL) {
            return qn_no_memory(e->context);
        }
    }
    return QUERN_OK;
}

struct lstm {
    struct qn_rnn io;
    const float *c0; /* [directions, batch, H] or NULL: zeros */
    float *gates;    /* [steps, batch, 4 H] */
    float *h;        /* [directions, batch, H] */
    float *c;
};

/* The new states of one sample from its gates. */
static void cell(const struct qn_kernels *k, size_t n, const float *gates,
                 float *h, float *c)
{
    float squashed[4][256];
    for (size_t i = 0; i < n; i += 256) {
        size_t m = n - i < 256 ? n - i : 256;
        k->unary[QN_SIGMOID](gates + i, squashed[0], m, 0, 0);
        k->unary[QN_SIGMOID](gates + n + i, squashed[1], m, 0, 0);
        k->unary[QN_SIGMOID](gates + 2 * n + i, squashed[2], m, 0, 0);
        k->unary[QN_TANH](gates + 3 * n + i, squashed[3], m, 0, 0);
        for (size_t j = 0; j < m; j++) {
            c[i + j] =
                squashed[2][j] * c[i + j] + squashed[0][j] * squashed[3][j];
        }
        k->unary[QN_TANH](c + i, squashed[3], m, 0, 0);
        for (size_t j = 0; j < m; j++) {
            h[i + j] = squashed[1][j] * squashed[3][j];
        }
    }
}

/* One step: gates += R h, then the cell. */
static void step(const struct qn_kernels *k, const struct lstm_state *s,
                 const struct lstm *l, int64_t d, int64_t t)
{
    const struct qn_rnn *io = &l->io;
    int64_t n = io->hidden;
    float *gates = l->gates + t * io->batch * 4 * n;
    float *h = l->h + d * io->batch * n;
    float *c = l->c + d * io->batch * n;
    qn_rnn_multiply(
        k, io->batch, 4 * n, n, h, s->r[d],
        (struct qn_product){.add = true, .c = gates, .ldc = 4 * (size_t)n});
    for (int64_t b = 0; b < io->batch; b++) {
        cell(k, (size_t)n, gates + b * 4 * n, h + b * n, c + b * n);
    }
    qn_rnn_keep(io, d, t, h);
}

static void run_direction(const struct qn_kernels *k,
                          const struct lstm_state *s, const struct lstm *l,
                          int64_t d, bool reverse)
{
    const struct qn_rnn *io = &l->io;
    size_t wide = 4 * (size_t)io->hidden;
    size_t rows = (size_t)(io->steps * io->batch);
    qn_rnn_multiply(k, (int64_t)rows, (int64_t)wide, io->input, io->x, s->w[d],
                    (struct qn_product){.c = l->gates, .ldc = wide});
    const float *bias = io->bias != NULL ? io->bias + d * 8 * io->hidden : NULL;
    for (size_t r = 0; bias != NULL && r < rows; r++) {
        for (size_t j = 0; j < wide; j++) {
            l->gates[r * wide + j] += bias[j] + bias[wide + j];
        }
    }
    for (int64_t t = 0; t < io->steps; t++) {
        step(k, s, l, d, reverse ? io->steps - 1 - t : t);
    }
}

static void begin(float *state, const float *first, size_t bytes)
{
    if (first != NULL) {
        memcpy(state, first, bytes);
    } else {
        memset(state, 0, bytes);
    }
}

/* Room for gates and states, these as they begin. NULL: no memory. */
static struct qn_chunk *make_room(struct qn_run *run, struct lstm *l)
{
    const struct qn_rnn *io = &l->io;
    size_t gates = (size_t)(io->steps * io->batch * 4 * io->hidden);
    size_t state = (size_t)(io->directions * io->batch * io->hidden);
    struct qn_chunk *room =
        qn_scratch(run, (gates + 2 * state) * sizeof(float));
    if (room != NULL) {
        l->gates = (float *)(void *)room->data;
        l->h = l->gates + gates;
        l->c = l->h + state;
        begin(l->h, io->h0, state * sizeof(float));
        begin(l->c, l->c0, state * sizeof(float));
    }
    return room;
}

enum quern_code qn_op_lstm(struct qn_run *run, const struct qn_op *op)
{
    if (op->state == NULL) {
        return qn_op_rnn_any(run, op);
    }
    struct lstm l = {.c0 = NULL};
    struct qn_array *last[2] = {NULL, NULL};
    enum quern_code code = qn_rnn_read(run, op, 4, &l.io);
    if (code == QUERN_OK) {
        code = qn_rnn_state(run, op, 6, &l.io, &l.c0);
    }
    if (code == QUERN_OK) {
        code = qn_rnn_outputs(run, op, 2, &l.io, last);
    }
    struct qn_chunk *room = code == QUERN_OK ? make_room(run, &l) : NULL;
    if (room == NULL) {
        return code != QUERN_OK ? code : qn_op_missing(run, op);
    }
    for (int64_t d = 0; d < l.io.directions; d++) {
        run_direction(run->kernels, op->state, &l, d, d == 1 || l.io.reverse);
    }
    for (int i = 0; i < 2; i++) {
        if (last[i] != NULL) {
            memcpy(last[i]->data, i == 0 ? l.h : l.c,
                   (size_t)last[i]->len * sizeof(float));
        }
    }
    qn_chunk_put(&run->chunks, room);
    return QUERN_OK;
}
