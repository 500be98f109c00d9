/* GRU (ONNX 7 to 22) of constant weights and default activations. Gates lie in
 * the order z, r, h. */
#include "exec/ops.h"
#include "exec/prepare.h"

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

/* Rows first … first + n of [D, 3 H, k], as columns. NULL: no memory. */
static float *pack(struct quern_engine *e, const struct qn_array *a, int64_t d,
                   int64_t first, int64_t n)
{
    size_t k = (size_t)a->dims[2];
    size_t panel = e->kernels->panel();
    size_t wide = ((size_t)n + panel - 1) / panel * panel;
    float *data = qn_alloc_aligned(wide * k * sizeof(float) + 64);
    if (data != NULL) {
        const float *from = (const float *)(const void *)a->data +
                            d * a->strides[0] + first * a->dims[2];
        e->kernels->pack_b(k, (size_t)n, from, 1, a->dims[2], data);
    }
    return data;
}

static bool is_plain(const struct quern_node *node, const struct qn_array *w,
                     const struct qn_array *r)
{
    return !quern_node_has_attr(node, "activations") &&
           !quern_node_has_attr(node, "clip") &&
           quern_node_int(node, "layout", 0) == 0 &&
           quern_node_input(node, 4) == NULL && w != NULL && r != NULL &&
           w->rank == 3 && r->rank == 3 && w->dtype == QUERN_FLOAT &&
           r->dtype == QUERN_FLOAT && w->dims[0] == r->dims[0] &&
           w->dims[0] >= 1 && w->dims[0] <= 2 && w->dims[1] == 3 * r->dims[2] &&
           r->dims[1] == w->dims[1];
}

enum quern_code qn_prepare_gru(struct quern_engine *e, struct qn_op *op)
{
    const struct qn_array *w = qn_op_constant(e, op, 1);
    const struct qn_array *r = qn_op_constant(e, op, 2);
    if (!is_plain(op->node, w, r)) {
        struct quern_place place = quern_node_place(op->node);
        return quern_fail(e->context, QUERN_UNSUPPORTED, &place,
                          "GRU at opset %d with other than default "
                          "activations, clip, layout 1, sequence lengths or "
                          "weights that are not constant",
                          op->opset);
    }
    struct gru_state *s = qn_arena_alloc(&e->arena, sizeof *s);
    if (s == NULL) {
        return qn_no_memory(e->context);
    }
    op->state = s;
    op->release = release_state;
    int64_t n = r->dims[2];
    for (int64_t d = 0; d < w->dims[0]; d++) {
        s->w[d] = pack(e, w, d, 0, 3 * n);
        s->gates[d] = pack(e, r, d, 0, 2 * n);
        s->hidden[d] = pack(e, r, d, 2 * n, n);
        if (s->w[d] == NULL || s->gates[d] == NULL || s->hidden[d] == NULL) {
            return qn_no_memory(e->context);
        }
    }
    return QUERN_OK;
}

struct gru {
    int64_t steps;
    int64_t batch;
    int64_t input;
    int64_t n; /* hidden */
    int64_t directions;
    bool linear_before_reset;
    const float *x;
    const float *bias; /* [D, 6 H] or NULL */
    float *sums;       /* [steps, batch, 3 H]: W x + Wb */
    float *reset;      /* [batch, H]: what R h multiplies */
    float *part;       /* [batch, H] */
    float *h;          /* [D, batch, H] */
    float *y;          /* [steps, D, batch, H] or NULL */
};

static void multiply(const struct qn_kernels *k, int64_t m, int64_t n,
                     int64_t depth, const float *a, const float *packed,
                     struct qn_product rest)
{
    rest.m = (size_t)m;
    rest.n = (size_t)n;
    rest.k = (size_t)depth;
    rest.a = a;
    rest.lda = (size_t)depth;
    rest.packed = packed;
    k->gemm(&rest);
}

/* h of one sample from its gates: g = [z, r, W x + Wb] and `part`, which is
 * R (r h) + Rb, or R h + Rb that r is still to multiply. */
static void cell(const struct qn_kernels *k, const struct gru *g, float *gates,
                 const float *part, float *h)
{
    size_t n = (size_t)g->n;
    float *c = gates + 2 * n;
    for (size_t i = 0; i < n; i++) {
        c[i] += g->linear_before_reset ? gates[n + i] * part[i] : part[i];
    }
    k->unary[QN_TANH](c, c, n, 0, 0);
    for (size_t i = 0; i < n; i++) {
        h[i] = (1.0f - gates[i]) * c[i] + gates[i] * h[i];
    }
}

static void step(const struct qn_kernels *k, const struct gru_state *s,
                 const struct gru *g, int64_t d, int64_t t)
{
    size_t n = (size_t)g->n;
    float *sums = g->sums + t * g->batch * 3 * g->n;
    float *h = g->h + d * g->batch * g->n;
    const float *rb = g->bias != NULL ? g->bias + (d * 6 + 3) * g->n : NULL;
    multiply(k, g->batch, 2 * g->n, g->n, h, s->gates[d],
             (struct qn_product){.add = true, .c = sums, .ldc = 3 * n});
    for (int64_t b = 0; b < g->batch; b++) {
        float *gates = sums + b * 3 * g->n;
        for (size_t i = 0; rb != NULL && i < 2 * n; i++) {
            gates[i] += rb[i];
        }
        k->unary[QN_SIGMOID](gates, gates, 2 * n, 0, 0);
        const float *hb = h + b * g->n;
        float *reset = g->reset + b * g->n;
        for (size_t i = 0; i < n; i++) {
            reset[i] = g->linear_before_reset ? hb[i] : gates[n + i] * hb[i];
        }
    }
    multiply(k, g->batch, g->n, g->n, g->reset, s->hidden[d],
             (struct qn_product){.bias = rb != NULL ? rb + 2 * n : NULL,
                                 .c = g->part,
                                 .ldc = n});
    for (int64_t b = 0; b < g->batch; b++) {
        cell(k, g, sums + b * 3 * g->n, g->part + b * g->n, h + b * g->n);
    }
    if (g->y != NULL) {
        size_t size = (size_t)g->batch * n;
        memcpy(g->y + (size_t)(t * g->directions + d) * size, h,
               size * sizeof *h);
    }
}

static void run_direction(const struct qn_kernels *k, const struct gru_state *s,
                          const struct gru *g, int64_t d, bool reverse)
{
    multiply(k, g->steps * g->batch, 3 * g->n, g->input, g->x, s->w[d],
             (struct qn_product){
                 .bias = g->bias != NULL ? g->bias + d * 6 * g->n : NULL,
                 .c = g->sums,
                 .ldc = 3 * (size_t)g->n});
    for (int64_t t = 0; t < g->steps; t++) {
        step(k, s, g, d, reverse ? g->steps - 1 - t : t);
    }
}

static enum quern_code missing(struct qn_run *run, const struct qn_op *op)
{
    return run->context->diag.has_error
               ? run->context->diag.error.code
               : qn_op_fail(run, op, QUERN_INVALID_MODEL,
                            "inputs are missing or do not fit");
}

/* Room for the sums and states; they begin as `h0` or 0. */
static struct qn_chunk *make_room(struct qn_run *run, struct gru *g,
                                  const struct qn_array *h0)
{
    int64_t state = g->directions * g->batch * g->n;
    int64_t sums = g->steps * g->batch * 3 * g->n;
    struct qn_chunk *room = qn_scratch(
        run, (size_t)(sums + 2 * g->batch * g->n + state) * sizeof(float));
    if (room != NULL) {
        g->sums = (float *)(void *)room->data;
        g->reset = g->sums + sums;
        g->part = g->reset + g->batch * g->n;
        g->h = g->part + g->batch * g->n;
        memset(g->h, 0, (size_t)state * sizeof(float));
        if (h0 != NULL) {
            memcpy(g->h, h0->data, (size_t)state * sizeof(float));
        }
    }
    return room;
}

enum quern_code qn_op_gru(struct qn_run *run, const struct qn_op *op)
{
    const struct qn_array *bias =
        op->n_in > 3 ? qn_in_packed(run, op, 3) : NULL;
    const struct qn_array *h0 = op->n_in > 5 ? qn_in_packed(run, op, 5) : NULL;
    const struct qn_array *r = qn_in(run, op, 2);
    const struct qn_array *x = qn_in_packed(run, op, 0);
    const char *way = "forward";
    (void)!quern_node_attr_string(op->node, "direction", &way, NULL);
    if (x == NULL || x->rank != 3 || x->dtype != QUERN_FLOAT || r == NULL ||
        qn_in(run, op, 1)->dims[2] != x->dims[2]) {
        return missing(run, op);
    }
    struct gru g = {.steps = x->dims[0],
                    .batch = x->dims[1],
                    .input = x->dims[2],
                    .n = r->dims[2],
                    .directions = r->dims[0],
                    .x = (const float *)(const void *)x->data};
    g.linear_before_reset =
        quern_node_int(op->node, "linear_before_reset", 0) != 0;
    int64_t dims[4] = {g.steps, g.directions, g.batch, g.n};
    if ((bias != NULL && bias->len != 6 * g.directions * g.n) ||
        (h0 != NULL && h0->len != g.directions * g.batch * g.n)) {
        return missing(run, op);
    }
    g.bias = bias != NULL ? (const float *)(const void *)bias->data : NULL;
    struct qn_array *y = NULL;
    struct qn_array *last = NULL;
    enum quern_code code = qn_out(run, op, 0, QUERN_FLOAT, 4, dims, &y);
    if (code == QUERN_OK) {
        code = qn_out(run, op, 1, QUERN_FLOAT, 3, dims + 1, &last);
    }
    struct qn_chunk *room = code == QUERN_OK ? make_room(run, &g, h0) : NULL;
    if (room == NULL) {
        return code != QUERN_OK ? code : missing(run, op);
    }
    g.y = y != NULL ? (float *)(void *)y->data : NULL;
    for (int64_t d = 0; d < g.directions; d++) {
        run_direction(run->kernels, op->state, &g, d,
                      d == 1 || strcmp(way, "reverse") == 0);
    }
    if (last != NULL) {
        memcpy(last->data, g.h, (size_t)last->len * sizeof(float));
    }
    qn_chunk_put(&run->chunks, room);
    return QUERN_OK;
}
