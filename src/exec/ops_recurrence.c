/* Operators that carry a state from call to call, of float (ONNX 27):
 * LinearAttention and CausalConvWithState. float16 and bfloat16 are widened. */
#include "base/checked.h"
#include "exec/ops.h"

#include <math.h>
#include <string.h>

static const float *floats(const struct qn_array *a)
{
    return (const float *)(const void *)a->data;
}

static float *room_of(const struct qn_array *a)
{
    return (float *)(void *)a->data;
}

static bool is_float(const struct qn_array *a, int rank)
{
    return a != NULL && a->dtype == QUERN_FLOAT && a->rank == rank;
}

/* An input that may be left out: of float and these dims. */
static bool fits(const struct qn_array *a, int rank, const int64_t *dims)
{
    return a == NULL ||
           (is_float(a, rank) &&
            memcmp(a->dims, dims, (size_t)rank * sizeof *dims) == 0);
}

/* ------------------------------------------------- CausalConvWithState */

struct causal {
    const struct qn_array *x;    /* [N, C, length] */
    const struct qn_array *w;    /* [C, 1, taps] */
    const struct qn_array *bias; /* NULL: none */
    const struct qn_array *past; /* [N, C, taps - 1]; NULL: zeros */
    bool silu;
};

static enum quern_code read_causal(struct qn_run *run, const struct qn_op *op,
                                   struct causal *c)
{
    const char *activation = "none";
    (void)!quern_node_attr_string(op->node, "activation", &activation, NULL);
    c->x = qn_in_packed(run, op, 0);
    c->w = qn_in_packed(run, op, 1);
    c->bias = qn_in_packed(run, op, 2);
    c->past = qn_in_packed(run, op, 3);
    if (!is_float(c->x, 3) || !is_float(c->w, 3) ||
        c->w->dims[0] != c->x->dims[1] || c->w->dims[1] != 1 ||
        c->w->dims[2] < 1) {
        return qn_op_missing(run, op);
    }
    const int64_t past[3] = {c->x->dims[0], c->x->dims[1], c->w->dims[2] - 1};
    if (!fits(c->bias, 1, c->x->dims + 1) || !fits(c->past, 3, past)) {
        return qn_op_missing(run, op);
    }
    c->silu =
        strcmp(activation, "silu") == 0 || strcmp(activation, "swish") == 0;
    if (!c->silu && strcmp(activation, "none") != 0) {
        return qn_op_fail(run, op, QUERN_UNSUPPORTED, "activation '%.40s'",
                          activation);
    }
    return QUERN_OK;
}

/* One channel of one image. `row` has room for the state and the input. */
static void causal_row(const struct causal *c, int64_t i, float *row, float *y,
                       float *present)
{
    int64_t n = c->x->dims[2];
    int64_t taps = c->w->dims[2];
    int64_t channel = i % c->x->dims[1];
    const float *w = floats(c->w) + channel * taps;
    size_t state = (size_t)(taps - 1) * sizeof *row;
    memset(row, 0, state);
    if (c->past != NULL) {
        memcpy(row, floats(c->past) + i * (taps - 1), state);
    }
    memcpy(row + taps - 1, floats(c->x) + i * n, (size_t)n * sizeof *row);
    for (int64_t k = 0; y != NULL && k < n; k++) {
        float sum = c->bias != NULL ? floats(c->bias)[channel] : 0.0f;
        for (int64_t t = 0; t < taps; t++) {
            sum += row[k + t] * w[t];
        }
        y[i * n + k] = c->silu ? sum / (1.0f + expf(-sum)) : sum;
    }
    if (present != NULL) {
        memcpy(present + i * (taps - 1), row + n, state);
    }
}

enum quern_code qn_op_causal_conv(struct qn_run *run, const struct qn_op *op)
{
    struct causal c;
    struct qn_array *out[2] = {NULL, NULL};
    enum quern_code code = read_causal(run, op, &c);
    if (code != QUERN_OK) {
        return code;
    }
    int64_t taps = c.w->dims[2];
    const int64_t state[3] = {c.x->dims[0], c.x->dims[1], taps - 1};
    code = qn_out(run, op, 0, QUERN_FLOAT, 3, c.x->dims, &out[0]);
    if (code == QUERN_OK) {
        code = qn_out(run, op, 1, QUERN_FLOAT, 3, state, &out[1]);
    }
    struct qn_chunk *row =
        code == QUERN_OK
            ? qn_scratch(run, (size_t)(taps - 1 + c.x->dims[2]) * sizeof(float))
            : NULL;
    if (row == NULL) {
        return qn_op_missing(run, op);
    }
    for (int64_t i = 0; i < c.x->dims[0] * c.x->dims[1]; i++) {
        causal_row(&c, i, (float *)(void *)row->data,
                   out[0] != NULL ? room_of(out[0]) : NULL,
                   out[1] != NULL ? room_of(out[1]) : NULL);
    }
    qn_chunk_put(&run->chunks, row);
    return QUERN_OK;
}

/* ----------------------------------------------------- LinearAttention */

struct linear {
    const struct qn_array *q;     /* [B, T, heads * keys] */
    const struct qn_array *k;     /* [B, T, kv_heads * keys] */
    const struct qn_array *v;     /* [B, T, kv_heads * values] */
    const struct qn_array *past;  /* [B, kv_heads, keys, values]; or NULL */
    const struct qn_array *decay; /* [B, T, kv_heads (* keys)]; NULL: none */
    const struct qn_array *beta;  /* [B, T, kv_heads or 1]; NULL: none */
    int64_t heads, kv_heads, keys, values;
    float scale;
};

/* Which of decay and beta the rule wants is told by its name. */
static bool follows_rule(const struct qn_op *op, const struct linear *l)
{
    static const struct {
        const char *name;
        bool gates, corrects;
    } rules[] = {{"linear", false, false},
                 {"gated", true, false},
                 {"delta", false, true},
                 {"gated_delta", true, true}};
    const char *rule = "gated_delta";
    (void)!quern_node_attr_string(op->node, "update_rule", &rule, NULL);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (strcmp(rule, rules[i].name) == 0) {
            return rules[i].gates == (l->decay != NULL) &&
                   rules[i].corrects == (l->beta != NULL);
        }
    }
    return false;
}

/* [B, T, n of some size]. */
static bool is_sequence_of(const struct qn_array *a, const struct linear *l)
{
    return is_float(a, 3) && a->dims[0] == l->q->dims[0] &&
           a->dims[1] == l->q->dims[1];
}

static bool gates_fit(const struct linear *l)
{
    bool decays =
        l->decay == NULL || (is_sequence_of(l->decay, l) &&
                             (l->decay->dims[2] == l->kv_heads ||
                              l->decay->dims[2] == l->kv_heads * l->keys));
    bool rates = l->beta == NULL ||
                 (is_sequence_of(l->beta, l) &&
                  (l->beta->dims[2] == l->kv_heads || l->beta->dims[2] == 1));
    return decays && rates;
}

static bool read_linear(struct qn_run *run, const struct qn_op *op,
                        struct linear *l)
{
    l->q = qn_in_packed(run, op, 0);
    l->k = qn_in_packed(run, op, 1);
    l->v = qn_in_packed(run, op, 2);
    l->past = qn_in_packed(run, op, 3);
    l->decay = qn_in_packed(run, op, 4);
    l->beta = qn_in_packed(run, op, 5);
    l->heads = quern_node_int(op->node, "q_num_heads", 0);
    l->kv_heads = quern_node_int(op->node, "kv_num_heads", 0);
    if (!is_float(l->q, 3) || !is_sequence_of(l->k, l) ||
        !is_sequence_of(l->v, l) || l->kv_heads < 1 || l->heads < 1 ||
        l->heads % l->kv_heads != 0) {
        return false;
    }
    l->keys = l->q->dims[2] / l->heads;
    l->values = l->v->dims[2] / l->kv_heads;
    float scale = quern_node_float(op->node, "scale", 0.0f);
    bool given = scale < 0.0f || scale > 0.0f;
    l->scale = given ? scale : 1.0f / sqrtf((float)l->keys);
    const int64_t past[4] = {l->q->dims[0], l->kv_heads, l->keys, l->values};
    return l->q->dims[2] == l->heads * l->keys &&
           l->k->dims[2] == l->kv_heads * l->keys &&
           l->v->dims[2] == l->kv_heads * l->values && fits(l->past, 4, past) &&
           gates_fit(l) && follows_rule(op, l);
}

/* State of a head at place `at` of [B, T]: what is kept of it, then what the
 * key and value add. `v` has room for a value. */
static void update(const struct linear *l, int64_t at, int64_t head,
                   float *state, float *v)
{
    int64_t n = l->values;
    const float *k = floats(l->k) + (at * l->kv_heads + head) * l->keys;
    memcpy(v, floats(l->v) + (at * l->kv_heads + head) * n,
           (size_t)n * sizeof *v);
    bool by_key = l->decay != NULL && l->decay->dims[2] != l->kv_heads;
    for (int64_t d = 0; l->decay != NULL && d < l->keys; d++) {
        const float *g = floats(l->decay) + at * l->decay->dims[2];
        float kept = expf(by_key ? g[head * l->keys + d] : g[head]);
        for (int64_t m = 0; m < n; m++) {
            state[d * n + m] *= kept;
        }
    }
    for (int64_t m = 0; l->beta != NULL && m < n; m++) {
        const float *rate = floats(l->beta) + at * l->beta->dims[2];
        float known = 0.0f;
        for (int64_t d = 0; d < l->keys; d++) {
            known += state[d * n + m] * k[d];
        }
        v[m] = rate[l->beta->dims[2] == 1 ? 0 : head] * (v[m] - known);
    }
    for (int64_t d = 0; d < l->keys; d++) {
        for (int64_t m = 0; m < n; m++) {
            state[d * n + m] += k[d] * v[m];
        }
    }
}

/* What the queries that share a head read of its state. */
static void answer(const struct linear *l, int64_t at, int64_t head,
                   const float *state, float *y)
{
    int64_t n = l->values;
    int64_t share = l->heads / l->kv_heads;
    for (int64_t h = head * share; h < (head + 1) * share; h++) {
        const float *q = floats(l->q) + (at * l->heads + h) * l->keys;
        float *out = y + (at * l->heads + h) * n;
        memset(out, 0, (size_t)n * sizeof *out);
        for (int64_t d = 0; d < l->keys; d++) {
            for (int64_t m = 0; m < n; m++) {
                out[m] += l->scale * q[d] * state[d * n + m];
            }
        }
    }
}

/* All places of a sequence, for one head. */
static void walk(const struct linear *l, int64_t batch, int64_t head,
                 float *state, float *v, float *y)
{
    size_t n = (size_t)(l->keys * l->values);
    size_t first = (size_t)(batch * l->kv_heads + head) * n;
    if (l->past != NULL) {
        memcpy(state, floats(l->past) + first, n * sizeof *state);
    } else {
        memset(state, 0, n * sizeof *state);
    }
    for (int64_t t = 0; t < l->q->dims[1]; t++) {
        int64_t at = batch * l->q->dims[1] + t;
        update(l, at, head, state, v);
        if (y != NULL) {
            answer(l, at, head, state, y);
        }
    }
}

enum quern_code qn_op_linear_attention(struct qn_run *run,
                                       const struct qn_op *op)
{
    struct linear l;
    struct qn_array *y = NULL;
    struct qn_array *present = NULL;
    if (!read_linear(run, op, &l)) {
        return qn_op_missing(run, op);
    }
    const int64_t dims[3] = {l.q->dims[0], l.q->dims[1], l.heads * l.values};
    const int64_t state[4] = {l.q->dims[0], l.kv_heads, l.keys, l.values};
    size_t n = 0;
    size_t size = 0;
    if (!qn_mul((size_t)l.keys, (size_t)l.values, &n) ||
        !qn_add(n, (size_t)l.values, &size) ||
        !qn_mul(size, sizeof(float), &size)) {
        return qn_op_fail(run, op, QUERN_LIMIT, "the state's size overflows");
    }
    enum quern_code code = qn_out(run, op, 0, QUERN_FLOAT, 3, dims, &y);
    if (code == QUERN_OK) {
        code = qn_out(run, op, 1, QUERN_FLOAT, 4, state, &present);
    }
    struct qn_chunk *room = code == QUERN_OK ? qn_scratch(run, size) : NULL;
    if (room == NULL) {
        return qn_op_missing(run, op);
    }
    float *own = (float *)(void *)room->data;
    for (int64_t i = 0; i < l.q->dims[0] * l.kv_heads; i++) {
        float *to =
            present != NULL ? room_of(present) + (size_t)i * n : own + l.values;
        walk(&l, i / l.kv_heads, i % l.kv_heads, to, own,
             y != NULL ? room_of(y) : NULL);
    }
    qn_chunk_put(&run->chunks, room);
    return QUERN_OK;
}
