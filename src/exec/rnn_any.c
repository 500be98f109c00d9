/* RNN, GRU and LSTM in every form (ONNX 7 to 22): any activations, clip,
 * peepholes, lengths of sequences, both layouts, weights that are computed. One
 * sequence at a time, step by step; the common forms have files of their own.
 */
#include "base/checked.h"
#include "exec/ops.h"
#include "exec/rnn.h"

#include <string.h>
#include <strings.h>

enum { RNN = 1, GRU = 3, LSTM = 4, N_FUNCTIONS = 3 };

struct activation {
    int unary; /* enum qn_unary */
    float p0;
    float p1;
    float inner; /* ScaledTanh: factors of its argument and result */
    float outer;
};

struct cells {
    int gates; /* RNN, GRU or LSTM */
    int64_t steps;
    int64_t batch;
    int64_t input;
    int64_t hidden;
    int64_t directions;
    bool batch_first;
    bool reverse;
    bool linear_before_reset;
    bool input_forget;
    float clip; /* 0: none */
    struct activation functions[2][N_FUNCTIONS];
    const struct qn_array *x;
    const float *w;
    const float *r;
    const float *bias;              /* NULL: zeros */
    const struct qn_array *lengths; /* NULL: all steps */
    const float *h0;                /* NULL: zeros */
    const float *c0;
    const float *peepholes;
    float *g; /* gates of a step, and room for one more row */
    float *h;
    float *c;
};

/* ----------------------------------------------------------- activations */

static const struct {
    const char *name;
    int unary;
    float alpha;
    float beta;
    int n; /* numbers that it takes */
} known[] = {
    {"Affine", QN_AFFINE, 1.0f, 0.0f, 2},
    {"Elu", QN_ELU, 1.0f, 0.0f, 1},
    {"HardSigmoid", QN_HARD_SIGMOID, 0.2f, 0.5f, 2},
    {"LeakyRelu", QN_LEAKY_RELU, 0.01f, 0.0f, 1},
    {"Relu", QN_RELU, 0.0f, 0.0f, 0},
    {"ScaledTanh", QN_TANH, 1.0f, 1.0f, 2},
    {"Sigmoid", QN_SIGMOID, 0.0f, 0.0f, 0},
    {"Softplus", QN_SOFTPLUS, 0.0f, 0.0f, 0},
    {"Softsign", QN_SOFTSIGN, 0.0f, 0.0f, 0},
    {"Tanh", QN_TANH, 0.0f, 0.0f, 0},
    {"ThresholdedRelu", QN_THRESHOLDED_RELU, 1.0f, 0.0f, 1},
};

/* Numbers for activations stand in lists; each takes its next ones. */
struct numbers {
    const float *values;
    size_t n;
    size_t next;
};

static float take(struct numbers *list, bool wants, float fallback)
{
    return wants && list->next < list->n ? list->values[list->next++]
                                         : fallback;
}

static bool is_named(const char *name, const struct qn_span *text)
{
    return strlen(name) == text->size &&
           strncasecmp(name, (const char *)text->data, text->size) == 0;
}

static bool find_activation(const struct qn_span *name, struct numbers *alpha,
                            struct numbers *beta, struct activation *out)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!is_named(known[i].name, name)) {
            continue;
        }
        *out = (struct activation){
            .unary = known[i].unary, .inner = 1.0f, .outer = 1.0f};
        out->p0 = take(alpha, known[i].n > 0, known[i].alpha);
        out->p1 = take(beta, known[i].n > 1, known[i].beta);
        if (known[i].unary == QN_TANH && known[i].n > 1) {
            out->outer = out->p0;
            out->inner = out->p1;
        }
        return true;
    }
    return false;
}

static enum quern_code read_activations(struct qn_run *run,
                                        const struct qn_op *op, struct cells *c)
{
    static const char *const defaults[] = {"Sigmoid", "Tanh", "Tanh"};
    int n = c->gates == LSTM ? 3 : c->gates == GRU ? 2 : 1;
    const struct qn_attr *names = NULL;
    struct numbers alpha = {0};
    struct numbers beta = {0};
    for (const struct qn_attr *a = op->node->attrs; a != NULL; a = a->next) {
        names = strcmp(a->name, "activations") == 0 ? a : names;
    }
    if (names != NULL && (names->type != QN_ATTR_STRINGS ||
                          names->len != (size_t)(n * c->directions))) {
        return qn_op_missing(run, op);
    }
    (void)!quern_node_attr_floats(op->node, "activation_alpha", &alpha.values,
                                  &alpha.n);
    (void)!quern_node_attr_floats(op->node, "activation_beta", &beta.values,
                                  &beta.n);
    for (int i = 0; i < n * (int)c->directions; i++) {
        const char *usual = c->gates == RNN ? "Tanh" : defaults[i % n];
        struct qn_span name = {.data = (const unsigned char *)usual,
                               .size = strlen(usual)};
        name = names != NULL ? names->u.strings[i] : name;
        if (!find_activation(&name, &alpha, &beta,
                             &c->functions[i / n][i % n])) {
            return qn_op_fail(run, op, QUERN_UNSUPPORTED,
                              "activation number %d, which is unknown", i);
        }
    }
    return QUERN_OK;
}

/* Clipped, then through a function. */
static void activate(const struct qn_kernels *k, const struct cells *c,
                     const struct activation *f, float *x, int64_t len)
{
    size_t n = (size_t)len;
    if (c->clip > 0.0f) {
        k->unary[QN_CLIP](x, x, n, -c->clip, c->clip);
    }
    if (f->inner < 1.0f || f->inner > 1.0f) {
        k->unary[QN_AFFINE](x, x, n, f->inner, 0.0f);
    }
    k->unary[f->unary](x, x, n, f->p0, f->p1);
    if (f->outer < 1.0f || f->outer > 1.0f) {
        k->unary[QN_AFFINE](x, x, n, f->outer, 0.0f);
    }
}

/* What a gate keeps out: 1 less what `f` makes of x. Of a Sigmoid near 1 the
 * difference would leave little but rounding. */
static void activate_rest(const struct qn_kernels *k, const struct cells *c,
                          const struct activation *f, const float *x,
                          int64_t len, float *out)
{
    bool turns = f->unary == QN_SIGMOID;
    for (int64_t i = 0; i < len; i++) {
        out[i] = turns ? -x[i] : x[i];
    }
    activate(k, c, f, out, len);
    for (int64_t i = 0; !turns && i < len; i++) {
        out[i] = 1.0f - out[i];
    }
}

/* ----------------------------------------------------------------- cells */

/* y[i] += weights[i] . x */
static void add_product(const float *weights, const float *x, int64_t rows,
                        int64_t n, float *y)
{
    for (int64_t i = 0; i < rows; i++) {
        float sum = 0.0f;
        for (int64_t k = 0; k < n; k++) {
            sum += weights[i * n + k] * x[k];
        }
        y[i] += sum;
    }
}

static void add_row(const float *row, int64_t n, float *y)
{
    for (int64_t i = 0; row != NULL && i < n; i++) {
        y[i] += row[i];
    }
}

static void gru_cell(const struct qn_kernels *k, const struct cells *c,
                     int64_t d)
{
    int64_t n = c->hidden;
    const float *r = c->r + d * 3 * n * n;
    const float *rb = c->bias != NULL ? c->bias + (d * 6 + 3) * n : NULL;
    float *z = c->g;
    float *hidden = c->g + 2 * n;
    float *part = c->g + 3 * n;
    float *reset = c->g + 4 * n;
    float *open = c->c; /* 1 - z; a GRU has no state of this name */
    add_product(r, c->h, 2 * n, n, z);
    add_row(rb, 2 * n, z);
    activate_rest(k, c, &c->functions[d][0], z, n, open);
    activate(k, c, &c->functions[d][0], z, 2 * n);
    for (int64_t i = 0; i < n; i++) {
        part[i] = rb != NULL ? rb[2 * n + i] : 0.0f;
        reset[i] = c->linear_before_reset ? c->h[i] : z[n + i] * c->h[i];
    }
    add_product(r + 2 * n * n, reset, n, n, part);
    for (int64_t i = 0; i < n; i++) {
        hidden[i] += c->linear_before_reset ? z[n + i] * part[i] : part[i];
    }
    activate(k, c, &c->functions[d][1], hidden, n);
    for (int64_t i = 0; i < n; i++) {
        c->h[i] = open[i] * hidden[i] + z[i] * c->h[i];
    }
}

static void add_peephole(const struct cells *c, int64_t d, int which, float *y)
{
    const float *p = c->peepholes;
    for (int64_t i = 0; p != NULL && i < c->hidden; i++) {
        y[i] += p[(d * 3 + which) * c->hidden + i] * c->c[i];
    }
}

static void lstm_cell(const struct qn_kernels *k, const struct cells *c,
                      int64_t d)
{
    int64_t n = c->hidden;
    const struct activation *f = c->functions[d];
    float *in = c->g;
    float *out = c->g + n;
    float *forget = c->g + 2 * n;
    float *cell = c->g + 3 * n;
    add_product(c->r + d * 4 * n * n, c->h, 4 * n, n, c->g);
    add_row(c->bias != NULL ? c->bias + (d * 8 + 4) * n : NULL, 4 * n, c->g);
    add_peephole(c, d, 0, in);
    add_peephole(c, d, 2, forget);
    if (c->input_forget) {
        activate_rest(k, c, &f[0], in, n, forget);
    } else {
        activate(k, c, &f[0], forget, n);
    }
    activate(k, c, &f[0], in, n);
    activate(k, c, &f[1], cell, n);
    for (int64_t i = 0; i < n; i++) {
        c->c[i] = forget[i] * c->c[i] + in[i] * cell[i];
    }
    add_peephole(c, d, 1, out);
    activate(k, c, &f[0], out, n);
    memcpy(cell, c->c, (size_t)n * sizeof *cell);
    activate(k, &(struct cells){.clip = 0.0f}, &f[2], cell, n);
    for (int64_t i = 0; i < n; i++) {
        c->h[i] = out[i] * cell[i];
    }
}

static void one_step(const struct qn_kernels *k, const struct cells *c,
                     int64_t d, const float *x)
{
    int64_t n = c->hidden;
    memset(c->g, 0, (size_t)(c->gates * n) * sizeof *c->g);
    add_product(c->w + d * c->gates * n * c->input, x, c->gates * n, c->input,
                c->g);
    add_row(c->bias != NULL ? c->bias + d * 2 * c->gates * n : NULL,
            c->gates * n, c->g);
    if (c->gates == GRU) {
        gru_cell(k, c, d);
    } else if (c->gates == LSTM) {
        lstm_cell(k, c, d);
    } else {
        add_product(c->r + d * n * n, c->h, n, n, c->g);
        add_row(c->bias != NULL ? c->bias + (d * 2 + 1) * n : NULL, n, c->g);
        activate(k, c, &c->functions[d][0], c->g, n);
        memcpy(c->h, c->g, (size_t)n * sizeof *c->h);
    }
}

static void begin(float *state, const float *first, size_t n)
{
    if (first != NULL) {
        memcpy(state, first, n * sizeof *state);
    } else {
        memset(state, 0, n * sizeof *state);
    }
}

/* One sequence in one direction. `last`: outputs for the final states. */
static void one_sequence(const struct qn_kernels *k, const struct cells *c,
                         int64_t d, int64_t b, float *y, struct qn_array **last)
{
    size_t n = (size_t)c->hidden;
    int64_t state = c->batch_first ? b * c->directions + d : d * c->batch + b;
    int64_t len = c->lengths != NULL ? qn_array_int(c->lengths, b) : c->steps;
    bool back = d == 1 || c->reverse;
    const float *x = (const float *)(const void *)c->x->data;
    begin(c->h, c->h0 != NULL ? c->h0 + (size_t)state * n : NULL, n);
    begin(c->c, c->c0 != NULL ? c->c0 + (size_t)state * n : NULL, n);
    for (int64_t i = 0; i < c->steps; i++) {
        int64_t t = back && i < len ? len - 1 - i : i;
        int64_t at = c->batch_first ? b * c->steps + t : t * c->batch + b;
        int64_t to = c->batch_first ? (b * c->steps + t) * c->directions + d
                                    : (t * c->directions + d) * c->batch + b;
        if (i < len) {
            one_step(k, c, d, x + at * c->input);
        }
        if (y != NULL) {
            begin(y + (size_t)to * n, i < len ? c->h : NULL, n);
        }
    }
    for (int i = 0; i < 2; i++) {
        if (last[i] != NULL) {
            memcpy((float *)(void *)last[i]->data + (size_t)state * n,
                   i == 0 ? c->h : c->c, n * sizeof(float));
        }
    }
}

/* --------------------------------------------------------------- reading */

/* A float input of `len` elements; NULL, and true, when it is left out. */
static bool read_floats(struct qn_run *run, const struct qn_op *op, int i,
                        int64_t len, const float **out)
{
    const struct qn_array *a = qn_in_packed(run, op, i);
    *out = a != NULL ? (const float *)(const void *)a->data : NULL;
    return a == NULL || (a->dtype == QUERN_FLOAT && a->len == len);
}

static const struct qn_array *cube(struct qn_run *run, const struct qn_op *op,
                                   int i)
{
    const struct qn_array *a = qn_in_packed(run, op, i);
    return a != NULL && a->rank == 3 && a->dtype == QUERN_FLOAT ? a : NULL;
}

static bool weights_fit(const struct cells *c, const struct qn_array *w,
                        const struct qn_array *r)
{
    return c->directions >= 1 && c->directions <= 2 &&
           r->dims[0] == c->directions && w->dims[2] == c->input &&
           c->hidden <= INT32_MAX && w->dims[1] == c->gates * c->hidden &&
           r->dims[1] == w->dims[1];
}

static bool lengths_fit(const struct cells *c)
{
    bool good = c->lengths == NULL || (c->lengths->dtype == QUERN_INT32 &&
                                       c->lengths->len == c->batch);
    for (int64_t b = 0; good && c->lengths != NULL && b < c->batch; b++) {
        int64_t n = qn_array_int(c->lengths, b);
        good = n >= 0 && n <= c->steps;
    }
    return good;
}

static bool read_states(struct qn_run *run, const struct qn_op *op,
                        struct cells *c)
{
    int64_t len = 0;
    const int64_t state[3] = {c->directions, c->batch, c->hidden};
    int64_t per = c->directions * c->hidden; /* of each gate, as R has it */
    return qn_shape_len(3, state, &len) &&
           read_floats(run, op, 3, 2 * c->gates * per, &c->bias) &&
           read_floats(run, op, 5, len, &c->h0) &&
           (c->gates != LSTM ||
            (read_floats(run, op, 6, len, &c->c0) &&
             read_floats(run, op, 7, 3 * per, &c->peepholes)));
}

static enum quern_code read_inputs(struct qn_run *run, const struct qn_op *op,
                                   struct cells *c)
{
    const struct qn_array *w = cube(run, op, 1);
    const struct qn_array *r = cube(run, op, 2);
    c->x = cube(run, op, 0);
    c->lengths = qn_in_packed(run, op, 4);
    if (c->x == NULL || w == NULL || r == NULL) {
        return qn_op_missing(run, op);
    }
    c->steps = c->x->dims[c->batch_first ? 1 : 0];
    c->batch = c->x->dims[c->batch_first ? 0 : 1];
    c->input = c->x->dims[2];
    c->directions = w->dims[0];
    c->hidden = r->dims[2];
    c->w = (const float *)(const void *)w->data;
    c->r = (const float *)(const void *)r->data;
    return weights_fit(c, w, r) && read_states(run, op, c) && lengths_fit(c)
               ? QUERN_OK
               : qn_op_missing(run, op);
}

static enum quern_code make_outputs(struct qn_run *run, const struct qn_op *op,
                                    const struct cells *c, struct qn_array **y,
                                    struct qn_array **last)
{
    int64_t all[4] = {c->steps, c->directions, c->batch, c->hidden};
    int64_t state[3] = {c->directions, c->batch, c->hidden};
    if (c->batch_first) {
        all[0] = c->batch;
        all[1] = c->steps;
        all[2] = c->directions;
        state[0] = c->batch;
        state[1] = c->directions;
    }
    enum quern_code code = qn_out(run, op, 0, QUERN_FLOAT, 4, all, y);
    for (int i = 0; i < (c->gates == LSTM ? 2 : 1) && code == QUERN_OK; i++) {
        code = qn_out(run, op, i + 1, QUERN_FLOAT, 3, state, &last[i]);
    }
    return code;
}

static void read_attributes(const struct qn_op *op, struct cells *c)
{
    const struct quern_node *node = op->node;
    const char *direction = "forward";
    c->gates = strcmp(node->op, "LSTM") == 0  ? LSTM
               : strcmp(node->op, "GRU") == 0 ? GRU
                                              : RNN;
    (void)!quern_node_attr_string(node, "direction", &direction, NULL);
    c->reverse = strcmp(direction, "reverse") == 0;
    c->batch_first = quern_node_int(node, "layout", 0) != 0;
    c->linear_before_reset =
        quern_node_int(node, "linear_before_reset", 0) != 0;
    c->input_forget = quern_node_int(node, "input_forget", 0) != 0;
    c->clip = quern_node_float(node, "clip", 0.0f);
}

enum quern_code qn_op_rnn_any(struct qn_run *run, const struct qn_op *op)
{
    struct cells c = {0};
    struct qn_array *y = NULL;
    struct qn_array *last[2] = {NULL, NULL};
    struct qn_chunk *room = NULL;
    read_attributes(op, &c);
    enum quern_code code = read_inputs(run, op, &c);
    if (code == QUERN_OK) {
        code = read_activations(run, op, &c);
    }
    if (code == QUERN_OK) {
        code = make_outputs(run, op, &c, &y, last);
    }
    if (code == QUERN_OK) {
        room = qn_scratch(run, (size_t)c.hidden * 7 * sizeof(float));
        code = room != NULL ? QUERN_OK : qn_op_missing(run, op);
    }
    if (code != QUERN_OK) {
        return code;
    }
    c.g = (float *)(void *)room->data;
    c.h = c.g + 5 * c.hidden;
    c.c = c.h + c.hidden;
    float *all = y != NULL ? (float *)(void *)y->data : NULL;
    for (int64_t i = 0; i < c.directions * c.batch; i++) {
        one_sequence(run->kernels, &c, i / c.batch, i % c.batch, all, last);
    }
    qn_chunk_put(&run->chunks, room);
    return QUERN_OK;
}
