/* float-layers: the last resort. Where the outputs are bad after all, layers go
 * back to float: those whose codes cost the outputs most for what they save,
 * found by measurement on a few samples of calibration, until the outputs are
 * good enough or nothing more is to be had for the price. Where they are good,
 * which `bias-correction` tells by the way, nothing is run. */
#include "builtin.h"
#include "quantize/bias_correction.h"
#include "quantize/float_search.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Points between which is chosen; how often a layer is tried in integers. */
enum { MOST_POINTS = 16, MOST_TRIES = 3 };

/* A try that failed by more dB is not repeated. */
static const double far_off = 6.0;

/* Less than that in dB is no reason to give anything back. */
static const double least_gain = 1.0;

struct float_params {
    double threshold; /* dB */
    double most;      /* percent */
    double price;     /* dB a percent */
    int64_t runs;
};

/* The model with some layers in float. */
struct point {
    bool *is_float; /* by layer */
    double db;      /* SQNR of the worst output */
    double share;   /* of what integers save that is given back */
    double saved;   /* seconds a sample that integers still save */
};

/* What a layer buys. */
struct bought {
    int n_tries;    /* 0: not known */
    size_t n_gone;  /* layers that had gone back to integers by then */
    double db;      /* of the outputs without that */
    double seconds; /* a sample */
};

struct resort {
    struct quern_pass_ctx *ctx;
    struct quern_graph *graph;
    const struct float_params *params;
    const struct qn_outputs *outputs;
    struct qn_twin twin;
    struct qn_reruns *reruns;
    struct qn_search search;
    struct point points[MOST_POINTS + 1]; /* 0: all in integers */
    size_t n_points;
    double best;           /* dB of a point */
    double wanted;         /* dB, on the samples of the search */
    struct bought *bought; /* by layer */
    size_t n_gone;         /* layers that went back to integers in the end */
    double *ratios;
};

/* The model as the layers are marked. */
static enum quern_code measure(struct resort *r, struct point *out)
{
    double worst = 0.0;
    qn_twin_settle(&r->twin);
    enum quern_code code =
        qn_search_run(&r->search, false, r->ratios, &worst, &out->saved);
    out->db = qn_ratio_db(fmax(worst, 0.0));
    r->best = fmax(r->best, out->db);
    return code;
}

/* Measure and remember where the search has come to. */
static enum quern_code add_point(struct resort *r)
{
    struct point *p = &r->points[++r->n_points];
    size_t n = r->twin.n_layers;
    p->share = qn_search_share(&r->search);
    p->is_float = quern_pass_alloc(r->ctx, n + 1);
    for (size_t i = 0; p->is_float != NULL && i < n; i++) {
        p->is_float[i] = r->twin.layers[i].is_float;
    }
    return p->is_float != NULL ? measure(r, p) : QUERN_NO_MEMORY;
}

/* More layers in float until the outputs are good enough or too much would be
 * given back; a point at each eighth of that, and where the sum promises
 * enough. A promise that is not kept was too cheap. */
static enum quern_code search(struct resort *r)
{
    enum quern_code code = QUERN_OK;
    double most = 0.01 * r->params->most;
    while (code == QUERN_OK && r->n_points < MOST_POINTS &&
           qn_reruns_left(r->reruns) > 0 &&
           r->points[r->n_points].db < r->wanted) {
        double from = r->points[r->n_points].share;
        bool more = true;
        for (int i = 0; i < 64 && qn_search_promises(&r->search); i++) {
            r->search.target *= 0.5;
        }
        while (more && !qn_search_promises(&r->search) &&
               qn_search_share(&r->search) < from + 0.125 * most) {
            more = qn_search_step(&r->search);
        }
        if (qn_search_share(&r->search) > most) {
            break;
        }
        code = add_point(r);
        if (!more && !qn_search_promises(&r->search)) {
            break;
        }
    }
    return code;
}

/* The point to take: the one that is good enough, else the one that buys most
 * at the price asked; 0 where none buys anything to speak of. */
static size_t choose(const struct resort *r)
{
    size_t k = 0;
    double best = r->points[0].db;
    if (r->points[r->n_points].db >= r->wanted) {
        return r->n_points;
    }
    for (size_t i = 1; i <= r->n_points; i++) {
        double value =
            r->points[i].db - 100.0 * r->points[i].share * r->params->price;
        if (value > best) {
            best = value;
            k = i;
        }
    }
    return r->points[k].db < r->points[0].db + least_gain ? 0 : k;
}

/* Whether a float layer is to be tried before another one: once all that were
 * not tried yet, the dearest one first; then again those that were tried before
 * others went. */
static bool comes_before(const struct resort *r, size_t i, size_t other)
{
    if (r->bought[i].n_tries != r->bought[other].n_tries) {
        return r->bought[i].n_tries < r->bought[other].n_tries;
    }
    return r->search.cost[i] > r->search.cost[other];
}

/* SIZE_MAX: none is left. */
static size_t next_to_try(const struct resort *r, size_t n_gone)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < r->twin.n_layers; i++) {
        const struct bought *b = &r->bought[i];
        bool counts = r->twin.layers[i].is_float && b->n_tries < MOST_TRIES &&
                      (b->n_tries == 0 || b->n_gone < n_gone);
        best =
            counts && (best == SIZE_MAX || comes_before(r, i, best)) ? i : best;
    }
    return best;
}

/* Layers that buy too little after all go back to integers; `at` becomes what
 * is left. */
static enum quern_code prune(struct resort *r, struct point *at)
{
    enum quern_code code = QUERN_OK;
    bool good = at->db >= r->wanted;
    size_t n_gone = 0;
    size_t layer = next_to_try(r, n_gone);
    while (code == QUERN_OK && layer != SIZE_MAX &&
           qn_reruns_left(r->reruns) > 0) {
        struct qn_twin_layer *l = &r->twin.layers[layer];
        struct point without = {NULL, 0.0, 0.0, 0.0};
        l->is_float = false;
        without.share = qn_search_share(&r->search);
        code = measure(r, &without);
        double worth =
            fmax(0.02, 100.0 * (at->share - without.share) * r->params->price);
        double least = good ? r->wanted : at->db - worth;
        bool goes = without.db >= least;
        struct bought *b = &r->bought[layer];
        n_gone += goes;
        *b = (struct bought){
            without.db < least - far_off ? MOST_TRIES : b->n_tries + 1, n_gone,
            without.db, fmax(0.0, without.saved - at->saved)};
        l->is_float = !goes;
        if (goes) {
            *at = without;
        }
        layer = next_to_try(r, n_gone);
    }
    qn_twin_settle(&r->twin);
    r->n_gone = n_gone;
    return code;
}

/* ----------------------------------------------------------------- telling */

/* What the outputs would have without it is not told where other layers went
 * back to integers since: that was of another model. */
static void tell_layer(const struct resort *r, size_t layer, double db)
{
    const struct qn_twin_layer *l = &r->twin.layers[layer];
    const struct bought *b = &r->bought[layer];
    char time[64] = "";
    char without[64] = "";
    if (r->search.has_figures && b->n_tries > 0) {
        snprintf(time, sizeof time, "%.3g ms a sample and ", 1e3 * b->seconds);
    }
    if (b->n_tries > 0 && b->n_gone == r->n_gone) {
        snprintf(without, sizeof without, " instead of %.1f", b->db);
    }
    quern_pass_account(r->ctx, l->node,
                       "stays in float: the last resort; the outputs have %.1f "
                       "dB%s, for about %s%.1f kB",
                       db, without, time, 1e-3 * qn_twin_bytes(l));
}

/* Names of the float layers, as far as there is room. */
static void name_layers(const struct resort *r, char *text, size_t size)
{
    size_t used = 0;
    size_t n_left = 0;
    text[0] = '\0';
    for (size_t i = 0; i < r->twin.n_layers; i++) {
        const struct quern_node *n = r->twin.layers[i].node;
        const char *name = quern_node_name(n);
        const char *shown =
            name[0] != '\0' ? name : quern_value_name(quern_node_output(n, 0));
        if (!r->twin.layers[i].is_float) {
            continue;
        }
        if (n_left > 0 || used + strlen(shown) + 32 > size) {
            n_left++;
            continue;
        }
        int n_written = snprintf(text + used, size - used, "%s%s",
                                 used > 0 ? ", " : "", shown);
        used += n_written > 0 ? (size_t)n_written : 0;
    }
    if (n_left > 0) {
        snprintf(text + used, size - used, " and %zu more", n_left);
    }
}

static void tell(const struct resort *r, const struct point *at, double before,
                 double after)
{
    size_t n = 0;
    double bytes = 0.0;
    char time[64] = "";
    char names[320];
    for (size_t i = 0; i < r->twin.n_layers; i++) {
        if (r->twin.layers[i].is_float) {
            n++;
            bytes += qn_twin_bytes(&r->twin.layers[i]);
            tell_layer(r, i, at->db);
        }
    }
    if (r->search.has_figures) {
        double more = r->points[0].saved - at->saved;
        snprintf(time, sizeof time, "%.3g ms a sample %s, ", 1e3 * fabs(more),
                 more < 0.0 ? "less" : "more");
    }
    name_layers(r, names, sizeof names);
    quern_pass_account(r->ctx, NULL,
                       "%zu of %zu layers back to float, the last resort: SQNR "
                       "of the outputs %.1f -> %.1f dB, about %s%.0f kB more "
                       "(%zu runs of %zu samples): %s",
                       n, r->twin.n_layers, before, after, time, 1e-3 * bytes,
                       qn_reruns_count(r->reruns),
                       qn_reruns_n_samples(r->reruns), names);
}

/* All layers stay in integers, and biases as they were. */
static void give_up(struct resort *r, struct quern_mark start, double before,
                    double best)
{
    quern_pass_undo(r->ctx, start);
    quern_pass_account(r->ctx, NULL,
                       "all layers stay in integers: SQNR of the outputs %.1f "
                       "dB, %.1f with layers in float, which is not worth what "
                       "they save (%zu runs of %zu samples)",
                       before, best, qn_reruns_count(r->reruns),
                       qn_reruns_n_samples(r->reruns));
}

/* Edit; biases were corrected for what other layers did in integers: not any
 * more.
 * @param out_after  SQNR of all samples, where it is known, else of `at` */
static enum quern_code edit(struct resort *r, const struct point *at,
                            bool corrects, double *out_after)
{
    enum quern_code code = qn_twin_apply(&r->twin);
    if (code == QUERN_OK && corrects) {
        code = qn_biases_correct(r->ctx, r->graph);
    }
    double told = corrects ? qn_error_told(quern_pass_model(r->ctx)) : -1.0;
    *out_after = told >= 0.0 ? qn_ratio_db(told) : at->db;
    return code;
}

/* Layers in float, as many as are worth it; `at` says what is left. */
static enum quern_code look_for_layers(struct resort *r, struct point *at,
                                       bool *out_found)
{
    double target = pow(10.0, -0.1 * r->wanted);
    enum quern_code code = qn_search_listen(&r->search, 0.7 * target);
    if (code == QUERN_OK) {
        code = search(r);
    }
    size_t k = choose(r);
    *out_found = k > 0;
    *at = r->points[k];
    if (code == QUERN_OK && k > 0) {
        qn_twin_set(&r->twin, at->is_float);
        code = prune(r, at);
    }
    return code;
}

/* The twin, without corrections of biases. */
static enum quern_code prepare(struct resort *r, bool *out_corrects)
{
    enum quern_code code = qn_biases_restore(r->ctx, r->graph, out_corrects);
    if (code == QUERN_OK) {
        code = qn_twin_init(r->ctx, r->graph, &r->twin);
    }
    if (code == QUERN_OK) {
        code = qn_twin_make_floats(&r->twin);
    }
    r->bought =
        quern_pass_alloc(r->ctx, (r->twin.n_layers + 1) * sizeof *r->bought);
    if (code == QUERN_OK && r->bought == NULL) {
        code = QUERN_NO_MEMORY;
    }
    return code == QUERN_OK ? qn_search_init(&r->twin, r->reruns,
                                             r->outputs->n_out, &r->search)
                            : code;
}

/* @param before  SQNR in dB of the outputs of the model as it is */
static enum quern_code resort_to_floats(struct resort *r, double before)
{
    struct quern_mark start = quern_pass_mark(r->ctx);
    struct point at = {NULL, 0.0, 0.0, 0.0};
    bool corrects = false;
    bool found = false;
    double after = 0.0;
    enum quern_code code = prepare(r, &corrects);
    if (code == QUERN_OK && r->twin.n_layers == 0) {
        quern_pass_undo(r->ctx, start);
        return QUERN_OK;
    }
    if (code == QUERN_OK) {
        code = measure(r, &r->points[0]);
    }
    /* Without corrections, and on samples of its own: half a dB is for that. */
    r->wanted =
        r->points[0].db + fmax(r->params->threshold - before, least_gain + 0.5);
    if (code == QUERN_OK) {
        code = look_for_layers(r, &at, &found);
    }
    if (code == QUERN_OK && found) {
        code = edit(r, &at, corrects, &after);
    }
    if (code == QUERN_OK && found && after >= before + least_gain) {
        tell(r, &at, before, after);
        return quern_graph_erase_dead(r->graph);
    }
    if (code == QUERN_OK) {
        give_up(r, start, before, found ? after : r->best);
    }
    return code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    struct resort r = {
        .ctx = ctx, .graph = graph, .params = params, .best = -HUGE_VAL};
    double worst = qn_error_told(quern_pass_model(ctx));
    enum quern_code code = QUERN_OK;
    r.outputs = qn_outputs_of(quern_pass_model(ctx));
    if (r.outputs == NULL ||
        (worst >= 0.0 && qn_ratio_db(worst) >= r.params->threshold)) {
        return QUERN_OK;
    }
    r.ratios = quern_pass_alloc(ctx, (r.outputs->n_out + 1) * sizeof *r.ratios);
    code = r.ratios != NULL ? qn_reruns_open(ctx, r.outputs,
                                             (size_t)r.params->runs, &r.reruns)
                            : QUERN_NO_MEMORY;
    if (code == QUERN_OK && worst < 0.0) {
        code = qn_reruns_go(r.reruns, false, r.ratios, &worst);
    }
    double before = qn_ratio_db(fmax(worst, 0.0));
    if (code == QUERN_OK && before < r.params->threshold) {
        code = resort_to_floats(&r, before);
    }
    qn_reruns_close(&r.reruns);
    return code;
}

static const struct quern_option options[] = {
    {"threshold", QUERN_OPTION_FLOAT, offsetof(struct float_params, threshold),
     -100, 200, NULL,
     "SQNR in dB that the worst output must have: where it has, nothing is "
     "done"},
    {"most", QUERN_OPTION_FLOAT, offsetof(struct float_params, most), 0, 100,
     NULL,
     "largest part of what integers save, time and bytes half and half, that "
     "may be given back, in percent"},
    {"price", QUERN_OPTION_FLOAT, offsetof(struct float_params, price), 0, 100,
     NULL,
     "gain in dB that each percent given back must bring where the threshold "
     "is not reached"},
    {"runs", QUERN_OPTION_INT, offsetof(struct float_params, runs), 16, 10000,
     NULL,
     "runs of the model that the search may take, each of at most 16 samples: "
     "what bounds its time"},
    {0},
};

static const struct float_params defaults = {15.0, 50.0, 0.2, 64};

static const char *const after[] = {"insert-qdq", "bias-correction", NULL};

const struct quern_pass_desc qn_pass_float_layers = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "float-layers",
    .summary = "let layers be float where the outputs would be bad",
    .options = options,
    .params_size = sizeof(struct float_params),
    .params_default = &defaults,
    .flags = QUERN_PASS_SUBGRAPHS | QUERN_PASS_NEEDS_DATA |
             QUERN_PASS_NEEDS_RANGES | QUERN_PASS_JUDGED,
    .contract = QUERN_CHANGES_PRECISION,
    .after = after,
    .run = run,
    .group = "quantize",
};
