/* GRU (ONNX 7 to 22) of constant weights and default activations. Gates lie in
 * the order z, r, h. */
#include "exec/ops.h"
#include "exec/prepare.h"
#include "exec/rnn.h"

#include <string.h>

/* Packed weights by direction. */
struct gru_state {
    float *w[2];      /* [I, 3 H] */
    float *gates[2];  /* of h for z and r: [H, 2 H] */
    float *hidden[2]; /* of h for h: [H, H] */
};

static void release_state(struct quern_engine *e, void *state)
{
    struct gru_state *s = state;
    (void)e;
    for (int d = 0; d < 2; d++) {
        qn_free(s->w[d]);
        qn_free(s->gates[d]);
        qn_free(s->hidden[d]);
    }
}

enum quern_code qn_prepare_gru(struct quern_engine *e, struct qn_op *op)
{
    const struct qn_array *w = qn_op_constant(e, op, 1);
    const struct qn_array *r = qn_op_constant(e, op, 2);
    if (!qn_rnn_is_plain(op->node, 3, w, r)) {
        return QUERN_OK; /* qn_op_rnn_any() runs it */
    }
    struct gru_state *s = qn_arena_alloc(&e->arena, sizeof *s);
    if (s == NULL) {
        return qn_no_memory(e->context);
    }
    op->state = s;
    op->release = release_state;
    int64_t n = r->dims[2];
    for (int64_t d = 0; d < w->dims[0]; d++) {
        s->w[d] = qn_rnn_pack(e, w, d, 0, 3 * n);
        s->gates[d] = qn_rnn_pack(e, r, d, 0, 2 * n);
        s->hidden[d] = qn_rnn_pack(e, r, d, 2 * n, n);
        if (s->w[d] == NULL || s->gates[d] == NULL || s->hidden[d] == NULL) {
            return qn_no_memory(e->context);
        }
    }
    return QUERN_OK;
}

struct gru {
    struct qn_rnn io;
    bool linear_before_reset;
    float *sums;  /* [steps, batch, 3 H]: W x + Wb */
    float *reset; /* [batch, H]: what R h multiplies */
    float *part;  /* [batch, H] */
    float *open;  /* [batch, H]: 1 - z */
    float *h;     /* [directions, batch, H] */
};

/* h of sample b from its gates [z, r, W x + Wb] and `part`, which is
 * R (r h) + Rb, or R h + Rb that r is still to multiply. */
static void cell(const struct qn_kernels *k, const struct gru *g, float *gates,
                 int64_t b, float *h)
{
    size_t n = (size_t)g->io.hidden;
    const float *part = g->part + b * g->io.hidden;
    const float *open = g->open + b * g->io.hidden;
    float *c = gates + 2 * n;
    for (size_t i = 0; i < n; i++) {
        c[i] += g->linear_before_reset ? gates[n + i] * part[i] : part[i];
    }
    k->unary[QN_TANH](c, c, n, 0, 0);
    for (size_t i = 0; i < n; i++) {
        h[i] = open[i] * c[i] + gates[i] * h[i];
    }
}

/* Gates z and r, and 1 - z of the sums' own: of a z near 1 a difference would
 * leave little but rounding. */
static void gates_of(const struct qn_kernels *k, float *gates, size_t n,
                     float *open)
{
    for (size_t i = 0; i < n; i++) {
        open[i] = -gates[i];
    }
    k->unary[QN_SIGMOID](open, open, n, 0, 0);
    k->unary[QN_SIGMOID](gates, gates, 2 * n, 0, 0);
}

static void step(const struct qn_kernels *k, const struct gru_state *s,
                 const struct gru *g, int64_t d, int64_t t)
{
    const struct qn_rnn *io = &g->io;
    size_t n = (size_t)io->hidden;
    float *sums = g->sums + t * io->batch * 3 * io->hidden;
    float *h = g->h + d * io->batch * io->hidden;
    const float *rb =
        io->bias != NULL ? io->bias + (d * 6 + 3) * io->hidden : NULL;
    qn_rnn_multiply(k, io->batch, 2 * io->hidden, io->hidden, h, s->gates[d],
                    (struct qn_product){.add = true, .c = sums, .ldc = 3 * n});
    for (int64_t b = 0; b < io->batch; b++) {
        float *gates = sums + b * 3 * io->hidden;
        for (size_t i = 0; rb != NULL && i < 2 * n; i++) {
            gates[i] += rb[i];
        }
        gates_of(k, gates, n, g->open + b * io->hidden);
        const float *hb = h + b * io->hidden;
        float *reset = g->reset + b * io->hidden;
        for (size_t i = 0; i < n; i++) {
            reset[i] = g->linear_before_reset ? hb[i] : gates[n + i] * hb[i];
        }
    }
    qn_rnn_multiply(
        k, io->batch, io->hidden, io->hidden, g->reset, s->hidden[d],
        (struct qn_product){
            .bias = rb != NULL ? rb + 2 * n : NULL, .c = g->part, .ldc = n});
    for (int64_t b = 0; b < io->batch; b++) {
        cell(k, g, sums + b * 3 * io->hidden, b, h + b * io->hidden);
    }
    qn_rnn_keep(io, d, t, h);
}

static void run_direction(const struct qn_kernels *k, const struct gru_state *s,
                          const struct gru *g, int64_t d, bool reverse)
{
    const struct qn_rnn *io = &g->io;
    qn_rnn_multiply(
        k, io->steps * io->batch, 3 * io->hidden, io->input, io->x, s->w[d],
        (struct qn_product){
            .bias = io->bias != NULL ? io->bias + d * 6 * io->hidden : NULL,
            .c = g->sums,
            .ldc = 3 * (size_t)io->hidden});
    for (int64_t t = 0; t < io->steps; t++) {
        step(k, s, g, d, reverse ? io->steps - 1 - t : t);
    }
}

/* Room for the sums and states, these as they begin. NULL: no memory. */
static struct qn_chunk *make_room(struct qn_run *run, struct gru *g)
{
    const struct qn_rnn *io = &g->io;
    size_t state = (size_t)(io->directions * io->batch * io->hidden);
    size_t sums = (size_t)(io->steps * io->batch * 3 * io->hidden);
    size_t rows = (size_t)(io->batch * io->hidden);
    struct qn_chunk *room =
        qn_scratch(run, (sums + 3 * rows + state) * sizeof(float));
    if (room != NULL) {
        g->sums = (float *)(void *)room->data;
        g->reset = g->sums + sums;
        g->part = g->reset + rows;
        g->open = g->part + rows;
        g->h = g->open + rows;
        memset(g->h, 0, state * sizeof(float));
        if (io->h0 != NULL) {
            memcpy(g->h, io->h0, state * sizeof(float));
        }
    }
    return room;
}

enum quern_code qn_op_gru(struct qn_run *run, const struct qn_op *op)
{
    if (op->state == NULL) {
        return qn_op_rnn_any(run, op);
    }
    struct gru g = {.linear_before_reset =
                        quern_node_int(op->node, "linear_before_reset", 0) !=
                        0};
    struct qn_array *last = NULL;
    enum quern_code code = qn_rnn_read(run, op, 3, &g.io);
    if (code == QUERN_OK) {
        code = qn_rnn_outputs(run, op, 1, &g.io, &last);
    }
    struct qn_chunk *room = code == QUERN_OK ? make_room(run, &g) : NULL;
    if (room == NULL) {
        return code != QUERN_OK ? code : qn_op_missing(run, op);
    }
    for (int64_t d = 0; d < g.io.directions; d++) {
        run_direction(run->kernels, op->state, &g, d, d == 1 || g.io.reverse);
    }
    if (last != NULL) {
        memcpy(last->data, g.h, (size_t)last->len * sizeof(float));
    }
    qn_chunk_put(&run->chunks, room);
    return QUERN_OK;
}
