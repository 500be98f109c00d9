/* LSTM (ONNX 7 to 22): gates i, o, f, c; default activations Sigmoid, Tanh,
 * Tanh; layout 0; no peepholes, clip or input_forget. float only. */
#include "exec/ops.h"
#include "exec/prepare.h"

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

static float *pack(struct quern_engine *e, const struct qn_array *a, int64_t d)
{
    size_t n = (size_t)a->dims[1];
    size_t k = (size_t)a->dims[2];
    size_t panel = e->kernels->panel();
    size_t wide = (n + panel - 1) / panel * panel;
    float *data = qn_alloc_aligned(wide * k * sizeof(float) + 64);
    if (data != NULL) {
        const float *b =
            (const float *)(const void *)a->data + d * a->strides[0];
        e->kernels->pack_b(k, n, b, 1, a->dims[2], data);
    }
    return data;
}

static bool plain_lstm(const struct quern_node *node)
{
    return !quern_node_has_attr(node, "activations") &&
           !quern_node_has_attr(node, "clip") &&
           quern_node_int(node, "input_forget", 0) == 0 &&
           quern_node_int(node, "layout", 0) == 0 &&
           quern_node_input(node, 7) == NULL &&
           quern_node_input(node, 4) == NULL;
}

enum quern_code qn_prepare_lstm(struct quern_engine *e, struct qn_op *op)
{
    const struct qn_array *w = qn_op_constant(e, op, 1);
    const struct qn_array *r = qn_op_constant(e, op, 2);
    if (!plain_lstm(op->node) || w == NULL || r == NULL || w->rank != 3 ||
        r->rank != 3 || w->dtype != QUERN_FLOAT || w->dims[0] > 2) {
        struct quern_place place = quern_node_place(op->node);
        return quern_fail(e->context, QUERN_UNSUPPORTED, &place,
                          "LSTM at opset %d with other than default "
                          "activations, peepholes, clip, sequence lengths or "
                          "weights that are not constant",
                          op->opset);
    }
    struct lstm_state *s = qn_arena_alloc(&e->arena, sizeof *s);
    if (s == NULL) {
        return qn_no_memory(e->context);
    }
    op->state = s;
    op->release = release_state;
    for (int64_t d = 0; d < w->dims[0]; d++) {
        s->w[d] = pack(e, w, d);
        s->r[d] = pack(e, r, d);
        if (s->w[d] == NULL || s->r[d] == NULL) {
            return qn_no_memory(e->context);
        }
    }
    return QUERN_OK;
}

struct lstm {
    int64_t steps;
    int64_t batch;
    int64_t input;
    int64_t hidden;
    int64_t directions;
    const float *x;
    const float *bias; /* [D, 8 H] or NULL */
    float *gates;      /* [steps, batch, 4 H] */
    float *h;          /* [D, batch, H] */
    float *c;
    float *y; /* [steps, D, batch, H] or NULL */
};

/* One step: gates += R h, then the cell. */
static void step(struct qn_run *run, const struct lstm_state *s,
                 const struct lstm *l, int64_t d, int64_t t)
{
    const struct qn_kernels *k = run->kernels;
    size_t n = (size_t)l->hidden;
    float *gates = l->gates + t * l->batch * 4 * l->hidden;
    float *h = l->h + d * l->batch * l->hidden;
    float *c = l->c + d * l->batch * l->hidden;
    const struct qn_product product = {.m = (size_t)l->batch,
                                       .n = 4 * n,
                                       .k = n,
                                       .a = h,
                                       .lda = n,
                                       .packed = s->r[d],
                                       .add = true,
                                       .c = gates,
                                       .ldc = 4 * n};
    k->gemm(&product);
    for (int64_t b = 0; b < l->batch; b++) {
        float *g = gates + b * 4 * l->hidden;
        float *hb = h + b * l->hidden;
        float *cb = c + b * l->hidden;
        float squashed[4][256];
        for (size_t i = 0; i < n; i += 256) {
            size_t m = n - i < 256 ? n - i : 256;
            k->unary[QN_SIGMOID](g + i, squashed[0], m, 0, 0);
            k->unary[QN_SIGMOID](g + n + i, squashed[1], m, 0, 0);
            k->unary[QN_SIGMOID](g + 2 * n + i, squashed[2], m, 0, 0);
            k->unary[QN_TANH](g + 3 * n + i, squashed[3], m, 0, 0);
            for (size_t j = 0; j < m; j++) {
                cb[i + j] = squashed[2][j] * cb[i + j] +
                            squashed[0][j] * squashed[3][j];
            }
            k->unary[QN_TANH](cb + i, squashed[3], m, 0, 0);
            for (size_t j = 0; j < m; j++) {
                hb[i + j] = squashed[1][j] * squashed[3][j];
            }
        }
    }
    if (l->y != NULL) {
        size_t size = (size_t)l->batch * n;
        memcpy(l->y + (size_t)(t * l->directions + d) * size, h,
               size * sizeof *h);
    }
}

static void run_direction(struct qn_run *run, const struct lstm_state *s,
                          const struct lstm *l, int64_t d, bool reverse)
{
    size_t wide = 4 * (size_t)l->hidden;
    size_t rows = (size_t)(l->steps * l->batch);
    const struct qn_product product = {.m = rows,
                                       .n = wide,
                                       .k = (size_t)l->input,
                                       .a = l->x,
                                       .lda = (size_t)l->input,
                                       .packed = s->w[d],
                                       .c = l->gates,
                                       .ldc = wide};
    run->kernels->gemm(&product);
    const float *bias = l->bias != NULL ? l->bias + d * 8 * l->hidden : NULL;
    for (size_t r = 0; bias != NULL && r < rows; r++) {
        for (size_t j = 0; j < wide; j++) {
            l->gates[r * wide + j] += bias[j] + bias[wide + j];
        }
    }
    for (int64_t t = 0; t < l->steps; t++) {
        step(run, s, l, d, reverse ? l->steps - 1 - t : t);
    }
}

static enum quern_code missing(struct qn_run *run, const struct qn_op *op)
{
    return run->context->diag.has_error
               ? run->context->diag.error.code
               : qn_op_fail(run, op, QUERN_INVALID_MODEL,
                            "inputs are missing or do not fit");
}

/* Sizes of weights, bias and first states against the input. */
static bool lstm_fits(const struct qn_run *run, const struct qn_op *op,
                      const struct lstm *l, const struct qn_array *bias,
                      const struct qn_array *h0, const struct qn_array *c0)
{
    int64_t size = l->directions * l->batch * l->hidden;
    return qn_in(run, op, 1)->dims[2] == l->input &&
           (bias == NULL || bias->len == 8 * l->directions * l->hidden) &&
           (h0 == NULL || h0->len == size) && (c0 == NULL || c0->len == size);
}

enum quern_code qn_op_lstm(struct qn_run *run, const struct qn_op *op)
{
    const struct lstm_state *s = op->state;
    const struct qn_array *bias =
        op->n_in > 3 ? qn_in_packed(run, op, 3) : NULL;
    const struct qn_array *h0 = op->n_in > 5 ? qn_in_packed(run, op, 5) : NULL;
    const struct qn_array *c0 = op->n_in > 6 ? qn_in_packed(run, op, 6) : NULL;
    const struct qn_array *r = qn_in(run, op, 2);
    const struct qn_array *x = qn_in_packed(run, op, 0);
    const char *way = "forward";
    (void)!quern_node_attr_string(op->node, "direction", &way, NULL);
    if (x == NULL || x->rank != 3 || x->dtype != QUERN_FLOAT || r == NULL) {
        return missing(run, op);
    }
    struct lstm l = {.steps = x->dims[0],
                     .batch = x->dims[1],
                     .input = x->dims[2],
                     .hidden = r->dims[2],
                     .directions = r->dims[0],
                     .x = (const float *)(const void *)x->data};
    int64_t size = l.directions * l.batch * l.hidden;
    if (!lstm_fits(run, op, &l, bias, h0, c0)) {
        return missing(run, op);
    }
    l.bias = bias != NULL ? (const float *)(const void *)bias->data : NULL;
    int64_t y_dims[4] = {l.steps, l.directions, l.batch, l.hidden};
    struct qn_array *out[3] = {NULL, NULL, NULL};
    enum quern_code code = qn_out(run, op, 0, QUERN_FLOAT, 4, y_dims, &out[0]);
    for (int i = 1; i < 3 && code == QUERN_OK; i++) {
        code = qn_out(run, op, i, QUERN_FLOAT, 3, y_dims + 1, &out[i]);
    }
    struct qn_chunk *room =
        code == QUERN_OK
            ? qn_scratch(run,
                         (size_t)(l.steps * l.batch * 4 * l.hidden + 2 * size) *
                             sizeof(float))
            : NULL;
    if (room == NULL) {
        return code != QUERN_OK ? code : missing(run, op);
    }
    l.gates = (float *)(void *)room->data;
    l.h = l.gates + l.steps * l.batch * 4 * l.hidden;
    l.c = l.h + size;
    l.y = out[0] != NULL ? (float *)(void *)out[0]->data : NULL;
    size_t bytes = (size_t)size * sizeof(float);
    memset(l.h, 0, 2 * bytes);
    if (h0 != NULL) {
        memcpy(l.h, h0->data, bytes);
    }
    if (c0 != NULL) {
        memcpy(l.c, c0->data, bytes);
    }
    for (int64_t d = 0; d < l.directions; d++) {
        run_direction(run, s, &l, d, d == 1 || strcmp(way, "reverse") == 0);
    }
    if (out[1] != NULL) {
        memcpy(out[1]->data, l.h, bytes);
    }
    if (out[2] != NULL) {
        memcpy(out[2]->data, l.c, bytes);
    }
    qn_chunk_put(&run->chunks, room);
    return QUERN_OK;
}
