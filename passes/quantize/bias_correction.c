/* bias-correction: the quantized model runs on the samples that `calibrate`
 * kept the float means of; where the mean of an output channel of a Conv or
 * Gemm differs from the float one of the *same* samples, the bias takes up the
 * difference. Strictly in order: what is found at one operator is added before
 * the next one reads it. Placement experiment, rule 9.
 *
 * All operators are corrected in one run over the samples: a sample sees at
 * each operator the mean difference of all samples before it and its own.
 * Samples go in waves of a fixed size, in the order of their contents, so that
 * neither threads nor the order of the user's file can be seen in the result.
 */
#include "quantize/bias_correction.h"

#include <quern/run.h>

#include "builtin.h"
#include "quantize/dequantize.h"
#include "quantize/means.h"
#include "quantize/outputs.h"
#include "quantize/seen.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { WAVE = 4 };

/* What was added to a bias, by node (struct qn_vector). */
#define CORRECTION_TABLE "quern.bias-correction"

/* An operator that is corrected. */
struct corrected {
    struct quern_node *node;
    const struct qn_means *means;
    double *sum;              /* weighted differences so far, by channel */
    double weight;            /* positions that they are of */
    double *difference[WAVE]; /* of the samples of the running wave */
    double sample_weight[WAVE];
};

struct correction {
    struct quern_context *context;
    struct corrected *items; /* by tap */
    struct quern_value **values;
    size_t n;
    struct quern_engine *engine;
    struct quern_data *data;
    const struct qn_sampling *sampling;
    struct quern_runner *runners[WAVE]; /* as many as run at a time… */
    bool busy[WAVE];
    pthread_mutex_t lock; /* …of both */
    struct quern_tensor **in[WAVE];
    struct quern_tensor **out[WAVE];
    size_t wave;           /* number of its first sample */
    struct qn_error error; /* of the outputs, on the last samples */
};

/* One sample of a wave. */
struct lane {
    struct correction *all;
    struct quern_context *context;
    size_t number;
};

static enum quern_code refuse(struct quern_context *context,
                              const struct quern_node *node, const char *why)
{
    struct quern_place place = quern_node_place(node);
    return quern_fail(context, QUERN_UNSUPPORTED, &place,
                      "its output cannot be corrected: %s", why);
}

/* What the running sample adds to channel ch. */
static float shift_of(const struct corrected *c, size_t lane, size_t ch)
{
    double weight = c->weight + c->sample_weight[lane];
    double sum = c->sum[ch] + c->difference[lane][ch] * c->sample_weight[lane];
    return (float)(sum / weight);
}

static void shift_run(float *data, size_t n, float by)
{
    for (size_t i = 0; i < n; i++) {
        data[i] += by;
    }
}

/* Channels a tile at a time, each tile down all blocks. */
static void shift_channels(float *data, const struct qn_layout *l,
                           const struct corrected *c, size_t lane)
{
    float by[64];
    for (size_t first = 0; first < l->channels; first += 64) {
        size_t left = l->channels - first;
        size_t n = left < 64 ? left : 64;
        for (size_t i = 0; i < n; i++) {
            by[i] = shift_of(c, lane, first + i);
        }
        for (size_t o = 0; o < l->outer; o++) {
            float *at = data + (o * l->channels + first) * l->inner;
            for (size_t i = 0; l->inner == 1 && i < n; i++) {
                at[i] += by[i];
            }
            for (size_t i = 0; l->inner != 1 && i < n; i++) {
                shift_run(at + i * l->inner, l->inner, by[i]);
            }
        }
    }
}

static enum quern_code look(void *user, size_t tap,
                            const struct quern_view *view)
{
    const struct lane *lane = user;
    struct correction *k = lane->all;
    struct corrected *c = &k->items[tap];
    size_t sample = k->wave + lane->number;
    const float *wanted = c->means->means + sample * c->means->channels;
    struct qn_layout l;
    if (!qn_layout_of(view, quern_node_is(c->node, "Conv") ? 1 : view->rank - 1,
                      &l) ||
        view->writable == NULL || view->dtype != QUERN_FLOAT) {
        return refuse(lane->context, c->node, "it is shared or has gaps");
    }
    if (l.channels != c->means->channels || c->means->counts[sample] <= 0.0) {
        return refuse(lane->context, c->node, "calibration saw another shape");
    }
    double *difference = c->difference[lane->number];
    qn_channel_means(view->data, &l, difference);
    for (size_t ch = 0; ch < l.channels; ch++) {
        difference[ch] = (double)wanted[ch] - difference[ch];
    }
    c->sample_weight[lane->number] = (double)(l.outer * l.inner);
    shift_channels(view->writable, &l, c, lane->number);
    return QUERN_OK;
}

/* The place of a runner that rests; there are as many as lanes. */
static size_t take_place(struct correction *k)
{
    size_t i = 0;
    pthread_mutex_lock(&k->lock);
    while (k->busy[i]) {
        i++;
    }
    k->busy[i] = true;
    pthread_mutex_unlock(&k->lock);
    return i;
}

static void give_place(struct correction *k, size_t i)
{
    pthread_mutex_lock(&k->lock);
    k->busy[i] = false;
    pthread_mutex_unlock(&k->lock);
}

static enum quern_code run_lane(struct quern_context *context, void *user,
                                size_t i, int worker)
{
    struct correction *k = user;
    struct lane lane = {k, context, i};
    size_t n_in = quern_engine_n_inputs(k->engine);
    size_t n_out = quern_engine_n_outputs(k->engine);
    enum quern_code code = QUERN_OK;
    size_t place = take_place(k);
    (void)worker;
    if (k->runners[place] == NULL) {
        code = quern_runner_create(k->engine, context, &k->runners[place]);
    } else {
        quern_runner_attach(k->runners[place], context);
    }
    if (code == QUERN_OK) {
        code = quern_data_sample(k->data, context,
                                 k->sampling->samples[k->wave + i], k->in[i]);
    }
    if (code == QUERN_OK) {
        code = quern_runner_run(k->runners[place], k->in[i], n_in, k->out[i],
                                n_out, look, &lane);
    }
    if (code == QUERN_OK) {
        qn_error_add(&k->error, k->wave + i, k->out[i]);
    }
    give_place(k, place);
    for (size_t j = 0; j < n_in; j++) {
        quern_tensor_release(&k->in[i][j]);
    }
    for (size_t j = 0; j < n_out; j++) {
        quern_tensor_release(&k->out[i][j]);
    }
    return code;
}

static void end_wave(struct correction *k, size_t n_lanes)
{
    for (size_t t = 0; t < k->n; t++) {
        struct corrected *c = &k->items[t];
        for (size_t i = 0; i < n_lanes; i++) {
            for (size_t ch = 0; ch < c->means->channels; ch++) {
                c->sum[ch] += c->difference[i][ch] * c->sample_weight[i];
            }
            c->weight += c->sample_weight[i];
            c->sample_weight[i] = 0.0; /* behind a branch not taken: nothing */
        }
    }
}

static enum quern_code run_samples(struct correction *k)
{
    enum quern_code code = QUERN_OK;
    for (k->wave = 0; k->wave < k->sampling->n && code == QUERN_OK;
         k->wave += WAVE) {
        size_t left = k->sampling->n - k->wave;
        size_t n = left < WAVE ? left : WAVE;
        code = quern_parallel(k->context, n, run_lane, k);
        end_wave(k, n);
    }
    return code;
}

/* ----------------------------------------------------------------- set-up */

static bool make_room(struct quern_pass_ctx *ctx, struct corrected *c)
{
    size_t size = (c->means->channels + 1) * sizeof(double);
    c->sum = quern_pass_alloc(ctx, size);
    for (size_t i = 0; i < WAVE; i++) {
        c->difference[i] = quern_pass_alloc(ctx, size);
        if (c->difference[i] == NULL) {
            return false;
        }
    }
    return c->sum != NULL;
}

/* Operators with a bias, weights in integers and means from calibration. */
static enum quern_code list_nodes(struct quern_pass_ctx *ctx,
                                  struct quern_graph *graph,
                                  struct correction *k)
{
    struct quern_table *table = NULL;
    size_t most = quern_graph_n_nodes(graph) + 1;
    k->items = quern_pass_alloc(ctx, most * sizeof *k->items);
    k->values = quern_pass_alloc(ctx, most * sizeof(struct quern_value *));
    if (k->items == NULL || k->values == NULL) {
        return QUERN_NO_MEMORY;
    }
    enum quern_code code =
        quern_table_open(quern_pass_model(ctx), QN_MEANS_TABLE,
                         QUERN_TABLE_VALUE, sizeof(struct qn_means), &table);
    for (struct quern_node *n = quern_graph_first(graph);
         n != NULL && code == QUERN_OK; n = quern_node_next(n)) {
        size_t n_scales = 0;
        if ((!quern_node_is(n, "Conv") && !quern_node_is(n, "Gemm")) ||
            qn_scales_of(ctx, quern_node_input(n, 1), &n_scales) == NULL) {
            continue;
        }
        const struct qn_means *means =
            quern_table_get(table, quern_value_id(quern_node_output(n, 0)));
        if (means == NULL) {
            continue;
        }
        struct corrected *c = &k->items[k->n];
        *c = (struct corrected){.node = n, .means = means};
        k->values[k->n++] = quern_node_output(n, 0);
        k->sampling = means->sampling;
        code = make_room(ctx, c) ? QUERN_OK : QUERN_NO_MEMORY;
    }
    return code;
}

static enum quern_code open_run(struct quern_pass_ctx *ctx,
                                struct correction *k)
{
    struct quern_engine_options options = {.struct_size = sizeof options,
                                           .taps = k->values,
                                           .n_taps = k->n,
                                           .taps_write = true};
    quern_pass_engine(ctx, &options);
    enum quern_code code =
        quern_engine_open(quern_pass_model(ctx), &options, &k->engine);
    if (code != QUERN_OK) {
        return code;
    }
    size_t n_in = quern_engine_n_inputs(k->engine);
    size_t n_out = quern_engine_n_outputs(k->engine);
    struct quern_value **inputs =
        quern_pass_alloc(ctx, (n_in + 1) * sizeof *inputs);
    for (size_t i = 0; i < WAVE; i++) {
        k->in[i] = quern_pass_alloc(ctx, (n_in + 1) * sizeof *k->in[i]);
        k->out[i] = quern_pass_alloc(ctx, (n_out + 1) * sizeof *k->out[i]);
        if (k->in[i] == NULL || k->out[i] == NULL || inputs == NULL) {
            return QUERN_NO_MEMORY;
        }
    }
    for (size_t i = 0; i < n_in; i++) {
        inputs[i] = quern_engine_input(k->engine, i);
    }
    return quern_data_open(k->context, quern_pass_data(ctx), inputs, n_in,
                           &k->data);
}

static enum quern_code correction_table(struct quern_pass_ctx *ctx,
                                        struct quern_table **out)
{
    return quern_table_open(quern_pass_model(ctx), CORRECTION_TABLE,
                            QUERN_TABLE_NODE, sizeof(struct qn_vector), out);
}

static enum quern_code remember(struct quern_pass_ctx *ctx,
                                struct quern_table *table,
                                const struct corrected *c)
{
    size_t n = c->means->channels;
    struct qn_vector v = {calloc(n + 1, sizeof(double)), n};
    if (v.values == NULL) {
        return quern_fail(quern_pass_context(ctx), QUERN_NO_MEMORY, NULL,
                          "out of memory");
    }
    memcpy(v.values, c->sum, n * sizeof(double));
    enum quern_code code = quern_pass_keep(ctx, v.values, free);
    return code == QUERN_OK ? quern_table_set(table, quern_node_id(c->node), &v)
                            : code;
}

static enum quern_code apply(struct quern_pass_ctx *ctx, struct correction *k)
{
    struct quern_table *table = NULL;
    enum quern_code code = correction_table(ctx, &table);
    size_t n_done = 0;
    for (size_t t = 0; t < k->n && code == QUERN_OK; t++) {
        struct corrected *c = &k->items[t];
        bool done = false;
        for (size_t ch = 0; ch < c->means->channels; ch++) {
            c->sum[ch] /= c->weight > 0.0 ? c->weight : 1.0;
        }
        code = qn_bias_add(ctx, c->node, c->sum, c->means->channels, &done);
        n_done += done ? 1 : 0;
        if (code == QUERN_OK && done) {
            code = remember(ctx, table, c);
        }
    }
    quern_pass_account(ctx, NULL, "%zu biases corrected on %zu samples", n_done,
                       k->sampling->n);
    double worst = -1.0;
    if (code == QUERN_OK) {
        code = qn_error_ratios(k->context, &k->error, NULL, &worst);
    }
    return code == QUERN_OK ? qn_error_tell(ctx, worst) : code;
}

enum quern_code qn_biases_restore(struct quern_pass_ctx *ctx,
                                  struct quern_graph *graph, bool *out_any)
{
    struct quern_table *table = NULL;
    enum quern_code code = correction_table(ctx, &table);
    *out_any = false;
    for (struct quern_node *n = quern_graph_first(graph);
         n != NULL && code == QUERN_OK; n = quern_node_next(n)) {
        const struct qn_vector *v = quern_table_get(table, quern_node_id(n));
        double *back =
            v != NULL ? quern_pass_alloc(ctx, (v->n + 1) * sizeof *back) : NULL;
        bool done = false;
        for (size_t c = 0; back != NULL && c < v->n; c++) {
            back[c] = -v->values[c];
        }
        if (v != NULL) {
            *out_any = true;
            code = back != NULL ? qn_bias_add(ctx, n, back, v->n, &done)
                                : QUERN_NO_MEMORY;
        }
        if (code == QUERN_OK && v != NULL) {
            code = quern_table_remove(table, quern_node_id(n));
        }
    }
    return code;
}

enum quern_code qn_biases_correct(struct quern_pass_ctx *ctx,
                                  struct quern_graph *graph)
{
    struct correction k = {.context = quern_pass_context(ctx)};
    enum quern_code code = list_nodes(ctx, graph, &k);
    if (code == QUERN_OK && k.n == 0) {
        return QUERN_OK;
    }
    if (code == QUERN_OK && pthread_mutex_init(&k.lock, NULL) != 0) {
        code = QUERN_NO_MEMORY;
    }
    if (code != QUERN_OK) {
        return code;
    }
    /* The last wave sees what the whole model will give: its error is there
     * for the asking. */
    code = qn_error_init(ctx, qn_outputs_of(quern_pass_model(ctx)), &k.error);
    if (code == QUERN_OK) {
        code = open_run(ctx, &k);
    }
    if (code == QUERN_OK) {
        code = run_samples(&k);
    }
    pthread_mutex_destroy(&k.lock);
    for (size_t i = 0; i < WAVE; i++) {
        quern_runner_destroy(&k.runners[i]);
    }
    quern_data_close(&k.data);
    quern_engine_close(&k.engine);
    code = code == QUERN_OK ? apply(ctx, &k) : code;
    qn_error_finish(&k.error);
    return code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    (void)params;
    return qn_biases_correct(ctx, graph);
}

const struct quern_pass_desc qn_pass_bias_correction = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "bias-correction",
    .summary = "bring the means of outputs back to those of the float model",
    .flags = QUERN_PASS_SUBGRAPHS | QUERN_PASS_NEEDS_DATA |
             QUERN_PASS_NEEDS_RANGES | QUERN_PASS_JUDGED,
    .contract = QUERN_CHANGES_PRECISION,
    .run = run,
    .group = "quantize",
};
