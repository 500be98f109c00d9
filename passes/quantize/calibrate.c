/* calibrate: runs the model on the data and keeps statistics of every value
 * that may get a QuantizeLinear. Samples run in parallel; statistics merge
 * exactly, so neither threads nor order can be seen in the result. */
#include <quern/data.h>
#include <quern/run.h>

#include "builtin.h"
#include "quantize/choice.h"
#include "quantize/layout.h"
#include "quantize/means.h"
#include "quantize/moments.h"
#include "quantize/outputs.h"
#include "quantize/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Samples whose means are kept: more do not make corrections better. */
enum { MOST_MEANS = 64 };

bool qn_is_heavy(const struct quern_node *node)
{
    return quern_node_is(node, "Conv") || quern_node_is(node, "Gemm") ||
           quern_node_is(node, "MatMul") ||
           quern_node_is(node, "ConvTranspose");
}

struct watch {
    struct quern_context *context;
    struct qn_sampling *sampling; /* NULL: no means are kept */
    struct qn_means *means;       /* by tap */
    struct qn_outputs *outputs;   /* of a few samples; NULL: none are kept */
    struct qn_moments *moments;   /* NULL: none are kept */
    struct quern_value **values;
    size_t n;
    struct qn_seen *seen;
    uint32_t *flags;
    struct quern_engine *engine;
    struct quern_data *data;
    struct worker *workers;
    int n_workers;
    size_t n_samples;
    bool *held; /* samples that are for checks of the result */
};

/* State of one thread. */
struct worker {
    struct watch *watch;
    struct quern_context *context;
    struct quern_runner *runner;
    struct quern_stats **stats; /* by tap; made on first sight */
    struct quern_tensor **in;
    struct quern_tensor **out;
    double *sums; /* channels of a value whose means are kept */
    float *room;  /* a dense copy of a strided value */
    size_t room_len;
    size_t sample;
};

/* --------------------------------------------------------------- looking */

/* A copy of the elements in row-major order. */
static const float *pack(struct worker *k, const struct quern_view *v,
                         size_t len)
{
    if (len > k->room_len) {
        float *grown = realloc(k->room, len * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        k->room = grown;
        k->room_len = len;
    }
    qn_copy_packed(v, k->room);
    return k->room;
}

static enum quern_code no_memory(struct quern_context *context)
{
    return quern_fail(context, QUERN_NO_MEMORY, NULL, "out of memory");
}

/* Mean of each channel of a sample, where `bias-correction` will ask. */
static void keep_means(struct worker *k, size_t tap, const float *data,
                       const struct qn_layout *l)
{
    const struct qn_sampling *sampling = k->watch->sampling;
    struct qn_means *m = &k->watch->means[tap];
    size_t rank = sampling->rank[k->sample];
    if (rank == SIZE_MAX || l->channels != m->channels) {
        return;
    }
    qn_channel_means(data, l, k->sums);
    float *out = m->means + rank * m->channels;
    for (size_t c = 0; c < m->channels; c++) {
        out[c] = (float)k->sums[c];
    }
    m->counts[rank] = (double)(l->outer * l->inner);
}

static enum quern_code look(void *user, size_t tap,
                            const struct quern_view *view)
{
    struct worker *k = user;
    const struct qn_seen *s = &k->watch->seen[tap];
    struct qn_layout l;
    bool lies = qn_layout_of(view, s->channel_axis, &l);
    size_t len = l.outer * l.channels * l.inner;
    if (view->dtype != QUERN_FLOAT || len == 0) {
        return QUERN_OK;
    }
    const float *data = lies ? view->data : pack(k, view, len);
    if (data == NULL) {
        return no_memory(k->context);
    }
    if (k->stats[tap] == NULL) {
        enum quern_code code = quern_stats_create(
            k->context, k->watch->flags[tap], l.channels, &k->stats[tap]);
        if (code != QUERN_OK) {
            return code;
        }
    }
    if (k->watch->sampling != NULL && k->watch->means[tap].channels > 0) {
        keep_means(k, tap, data, &l);
    }
    if (k->watch->moments != NULL) {
        bool rows = s->channel_axis == view->rank - 1 || view->rank < 2;
        enum quern_code code =
            qn_moments_look(k->watch->moments, k->context, k->sample, tap, view,
                            rows ? data : NULL);
        if (code != QUERN_OK) {
            return code;
        }
    }
    return quern_stats_add(k->context, k->stats[tap], k->sample, data, l.outer,
                           l.channels, l.inner);
}

static enum quern_code run_sample(struct worker *k, size_t i, quern_tap_fn tap)
{
    struct watch *w = k->watch;
    size_t n_in = quern_engine_n_inputs(w->engine);
    size_t n_out = quern_engine_n_outputs(w->engine);
    k->sample = i;
    enum quern_code code = quern_data_sample(w->data, k->context, i, k->in);
    if (code == QUERN_OK) {
        code = quern_runner_run(k->runner, k->in, n_in, k->out, n_out, tap, k);
    }
    if (code == QUERN_OK && w->outputs != NULL) {
        qn_outputs_keep(w->outputs, w->sampling->rank[i], k->out);
    }
    for (size_t j = 0; j < n_in; j++) {
        quern_tensor_release(&k->in[j]);
    }
    for (size_t j = 0; j < n_out; j++) {
        quern_tensor_release(&k->out[j]);
    }
    return code;
}

/* ----------------------------------------------------------------- means */

/* Room for the means of the outputs of Conv and Gemm, now that the first sample
 * has told their channels. */
static enum quern_code prepare_means(struct quern_pass_ctx *ctx,
                                     struct watch *w)
{
    size_t most = 0;
    enum quern_code code =
        qn_sampling_create(ctx, w->data, MOST_MEANS, &w->sampling);
    if (code == QUERN_OK) {
        code = qn_outputs_create(
            ctx, w->sampling, quern_engine_n_outputs(w->engine), &w->outputs);
    }
    w->means = quern_pass_alloc(ctx, (w->n + 1) * sizeof *w->means);
    if (code != QUERN_OK || w->means == NULL) {
        return code != QUERN_OK ? code : QUERN_NO_MEMORY;
    }
    for (size_t i = 0; i < w->n && code == QUERN_OK; i++) {
        const struct quern_node *p = quern_value_producer(w->values[i]);
        const struct qn_seen *s = &w->seen[i];
        if (p != NULL && s->channel_axis >= 0 &&
            (quern_node_is(p, "Conv") || quern_node_is(p, "Gemm"))) {
            size_t n = (size_t)s->dims[s->channel_axis];
            most = n > most ? n : most;
            code = qn_means_init(ctx, w->sampling, n, &w->means[i]);
        }
    }
    for (int i = 0; i < w->n_workers && code == QUERN_OK; i++) {
        w->workers[i].sums = quern_pass_alloc(ctx, (most + 1) * sizeof(double));
        code = w->workers[i].sums != NULL ? QUERN_OK : QUERN_NO_MEMORY;
    }
    return code;
}

static enum quern_code store_means(struct quern_pass_ctx *ctx,
                                   const struct watch *w)
{
    struct quern_table *table = NULL;
    enum quern_code code =
        quern_table_open(quern_pass_model(ctx), QN_MEANS_TABLE,
                         QUERN_TABLE_VALUE, sizeof(struct qn_means), &table);
    for (size_t i = 0; i < w->n && code == QUERN_OK; i++) {
        if (w->means[i].channels > 0) {
            code = quern_table_set(table, quern_value_id(w->values[i]),
                                   &w->means[i]);
        }
    }
    return code;
}

static enum quern_code body(struct quern_context *context, void *user, size_t i,
                            int number)
{
    struct watch *w = user;
    struct worker *k = &w->workers[number];
    enum quern_code code = QUERN_OK;
    if (w->held[i]) {
        return QUERN_OK;
    }
    k->context = context;
    if (k->runner == NULL) {
        code = quern_runner_create(w->engine, context, &k->runner);
    }
    return code == QUERN_OK ? run_sample(k, i, look) : code;
}

/* ------------------------------------------------------------- the pass */

static bool make_workers(struct quern_pass_ctx *ctx, struct watch *w)
{
    size_t n_in = quern_engine_n_inputs(w->engine);
    size_t n_out = quern_engine_n_outputs(w->engine);
    w->n_workers = quern_context_threads(w->context);
    w->workers =
        quern_pass_alloc(ctx, (size_t)w->n_workers * sizeof *w->workers);
    for (int i = 0; w->workers != NULL && i < w->n_workers; i++) {
        struct worker *k = &w->workers[i];
        k->watch = w;
        k->context = w->context;
        k->stats = quern_pass_alloc(ctx, (w->n + 1) * sizeof *k->stats);
        k->in = quern_pass_alloc(ctx, (n_in + 1) * sizeof *k->in);
        k->out = quern_pass_alloc(ctx, (n_out + 1) * sizeof *k->out);
        if (k->stats == NULL || k->in == NULL || k->out == NULL) {
            return false;
        }
    }
    return w->workers != NULL;
}

static enum quern_code open_data(struct quern_pass_ctx *ctx, struct watch *w)
{
    size_t n = quern_engine_n_inputs(w->engine);
    struct quern_value **inputs =
        quern_pass_alloc(ctx, (n + 1) * sizeof *inputs);
    if (inputs == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        inputs[i] = quern_engine_input(w->engine, i);
    }
    enum quern_code code =
        quern_data_open(w->context, quern_pass_data(ctx), inputs, n, &w->data);
    if (code == QUERN_OK) {
        w->n_samples = quern_data_count(w->data);
        code = quern_data_check_finite(w->data, w->context);
    }
    if (code == QUERN_OK && w->n_samples == 0) {
        struct quern_place place = QUERN_PLACE_NONE;
        place.file = quern_pass_data(ctx);
        code = quern_fail(w->context, QUERN_INVALID_ARGUMENT, &place,
                          "data holds no samples, needs at least one");
    }
    return code == QUERN_OK ? qn_sampling_held(ctx, w->data, &w->held) : code;
}

/* All workers into the first, which the table then points to. */
static enum quern_code collect(struct quern_pass_ctx *ctx, struct watch *w)
{
    struct quern_table *table = NULL;
    enum quern_code code =
        quern_table_open(quern_pass_model(ctx), QN_SEEN_TABLE,
                         QUERN_TABLE_VALUE, sizeof(struct qn_seen), &table);
    for (size_t i = 0; i < w->n && code == QUERN_OK; i++) {
        struct quern_stats *all = NULL;
        for (int k = 0; k < w->n_workers && code == QUERN_OK; k++) {
            struct quern_stats **part = &w->workers[k].stats[i];
            if (all == NULL) {
                all = *part;
                *part = NULL;
            } else if (*part != NULL) {
                code = quern_stats_merge(w->context, all, *part);
                quern_stats_destroy(part);
            }
        }
        if (all == NULL) {
            continue; /* behind a branch that was not taken */
        }
        w->seen[i].stats = all;
        enum quern_code kept = quern_pass_keep(ctx, all, qn_stats_release);
        code = code == QUERN_OK ? kept : code;
        if (code == QUERN_OK) {
            code = quern_table_set(table, quern_value_id(w->values[i]),
                                   &w->seen[i]);
        }
    }
    return code;
}

static void finish(struct watch *w)
{
    for (int i = 0; w->workers != NULL && i < w->n_workers; i++) {
        struct worker *k = &w->workers[i];
        for (size_t j = 0; k->stats != NULL && j < w->n; j++) {
            quern_stats_destroy(&k->stats[j]);
        }
        quern_runner_destroy(&k->runner);
        free(k->room);
    }
    qn_moments_destroy(&w->moments);
    quern_data_close(&w->data);
    quern_engine_close(&w->engine);
}

/* From here on an earlier calibration is not asked any more. */
static void forget_last_time(struct quern_pass_ctx *ctx, const struct watch *w)
{
    for (size_t i = 0; i < w->n; i++) {
        qn_seen_clear(quern_pass_model(ctx), w->values[i]);
    }
}

static enum quern_code observe(struct quern_pass_ctx *ctx, struct watch *w,
                               bool means)
{
    struct quern_engine_options options = {
        .struct_size = sizeof options, .taps = w->values, .n_taps = w->n};
    quern_pass_engine(ctx, &options);
    enum quern_code code =
        quern_engine_open(quern_pass_model(ctx), &options, &w->engine);
    if (code == QUERN_OK) {
        code = open_data(ctx, w);
    }
    if (code == QUERN_OK && !make_workers(ctx, w)) {
        code = QUERN_NO_MEMORY;
    }
    if (code == QUERN_OK && means) {
        code = prepare_means(ctx, w);
    }
    if (code == QUERN_OK && means) {
        code = qn_moments_create(ctx, w->sampling, w->values, w->seen, w->n,
                                 &w->moments);
    }
    if (code == QUERN_OK) {
        forget_last_time(ctx, w);
        code = quern_parallel(w->context, w->n_samples, body, w);
    }
    if (code == QUERN_OK && means) {
        code = store_means(ctx, w);
    }
    if (code == QUERN_OK && w->moments != NULL) {
        code = qn_moments_store(ctx, w->moments);
    }
    return code == QUERN_OK ? collect(ctx, w) : code;
}

struct calibrate_params {
    bool means;
    bool channels;
    const char *data; /* the manager opens the way: quern_pass_data() */
    struct qn_choice choice;
};

static enum quern_code last_time(struct quern_pass_ctx *ctx,
                                 struct quern_table **table)
{
    return quern_table_open(quern_pass_model(ctx), QN_CALIBRATED_TABLE,
                            QUERN_TABLE_VALUE, sizeof(struct qn_calibrated),
                            table);
}

/* Statistics of an earlier step still hold, and are all that is asked for. */
static bool is_fresh(struct quern_pass_ctx *ctx,
                     const struct calibrate_params *p)
{
    struct quern_table *table = NULL;
    if (last_time(ctx, &table) != QUERN_OK || p->data != NULL) {
        return false;
    }
    const struct qn_calibrated *last = quern_table_get(table, 0);
    return last != NULL &&
           last->n_edits == quern_model_n_edits(quern_pass_model(ctx)) &&
           (last->means || !p->means) && (!last->channels || p->channels);
}

static enum quern_code note(struct quern_pass_ctx *ctx,
                            const struct calibrate_params *p,
                            const struct quern_engine *engine)
{
    struct quern_table *table = NULL;
    struct qn_calibrated now = {.n_edits =
                                    quern_model_n_edits(quern_pass_model(ctx)),
                                .means = p->means,
                                .channels = p->channels};
    snprintf(now.engine, sizeof now.engine, "%s",
             quern_engine_description(engine));
    enum quern_code code = last_time(ctx, &table);
    return code == QUERN_OK ? quern_table_set(table, 0, &now) : code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    struct watch w = {.context = quern_pass_context(ctx)};
    struct qn_watched watched;
    const struct calibrate_params *p = params;
    if (quern_pass_data(ctx) == NULL) {
        return quern_fail(w.context, QUERN_INVALID_ARGUMENT, NULL,
                          "needs calibration data: give --data");
    }
    if (is_fresh(ctx, p)) {
        quern_pass_account(ctx, NULL,
                           "nothing has changed since the last time");
        return qn_choice_set(quern_pass_model(ctx), &p->choice);
    }
    enum quern_code code = qn_watch(ctx, graph, p->channels, &watched);
    if (code == QUERN_OK) {
        w.values = watched.values;
        w.seen = watched.seen;
        w.flags = watched.flags;
        w.n = watched.n;
        code = observe(ctx, &w, p->means);
    }
    if (code == QUERN_OK) {
        code = qn_choice_set(quern_pass_model(ctx), &p->choice);
    }
    if (code == QUERN_OK) {
        code = note(ctx, p, w.engine);
    }
    if (code == QUERN_OK) {
        quern_pass_account(ctx, NULL, "%zu values on %zu samples, %s", w.n,
                           w.n_samples - quern_data_n_held_back(w.n_samples),
                           quern_engine_description(w.engine));
    }
    finish(&w);
    return code;
}

static const char *const methods[] = {"min-max", "percentile", "entropy",
                                      "mse",     "msef",       NULL};

static const struct quern_option options[] = {
    {"means", QUERN_OPTION_BOOL, offsetof(struct calibrate_params, means), 0, 0,
     NULL,
     "keep what later steps need: means by sample, second moments, outputs"},
    {"channels", QUERN_OPTION_BOOL, offsetof(struct calibrate_params, channels),
     0, 0, NULL,
     "keep only what equalize and channel-factors ask: ranges and moments of "
     "channels; before insert-qdq it must be run again without"},
    {"data", QUERN_OPTION_STRING, offsetof(struct calibrate_params, data), 0, 0,
     NULL, "samples: .npz, .npy or a folder; without it those of --data"},
    {"method", QUERN_OPTION_ENUM,
     offsetof(struct calibrate_params, choice.method), 0, 0, methods,
     "how insert-qdq chooses ranges where it is not told itself"},
    {"percentile", QUERN_OPTION_FLOAT,
     offsetof(struct calibrate_params, choice.percentile), 50, 100, NULL,
     "part of the values inside the range, in percent, for method percentile"},
    {0},
};

static const struct calibrate_params defaults = {
    .choice = {QUERN_RANGE_MSEF, 99.999}};

const struct quern_pass_desc qn_pass_calibrate = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "calibrate",
    .summary = "collect statistics of all values that may become integers",
    .options = options,
    .params_size = sizeof(struct calibrate_params),
    .params_default = &defaults,
    .flags = QUERN_PASS_SUBGRAPHS | QUERN_PASS_NEEDS_DATA,
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "quantize",
};
