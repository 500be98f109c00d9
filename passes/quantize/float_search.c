/* Which layers to let be float.
 *
 * Where the noise of the outputs is as large as the signal, one layer more or
 * less in float can hardly be seen. So sources of noise are measured alone,
 * with all others in float: small noises of many sources add up. The sum then
 * says what letting a set of layers be float leaves. Sources are halved where
 * there is most noise, so that a few dozen runs find the few that matter. */
#include "quantize/float_search.h"

#include "quantize/speed.h"

#include <math.h>
#include <string.h>

/* Sources of pairs to begin with, and the most of all. */
enum { FIRST_SOURCES = 8, MOST_SOURCES = 256 };

/* The quietest sources of a kind, with this part of what is allowed between
 * them, are not halved: they can stay. */
static const double quiet = 0.6;

/* What a layer costs at least, as a part of all: none is for nothing. */
static const double least_cost = 0.002;

enum quern_code qn_search_run(struct qn_search *s, bool quick, double *row,
                              double *worst, double *saved)
{
    struct quern_pass_ctx *ctx = s->twin->ctx;
    struct quern_mark mark = quern_pass_mark(ctx);
    enum quern_code code = quern_pass_poll(ctx);
    if (code == QUERN_OK) {
        code = qn_twin_apply(s->twin);
    }
    if (code == QUERN_OK) {
        code = qn_reruns_go(s->reruns, quick, row, worst);
    }
    s->has_figures = qn_speed_of_graph(quern_pass_model(ctx), s->twin->target,
                                       s->twin->graph, saved);
    quern_pass_undo(ctx, mark);
    return code;
}

/* Noise above the floor with the twin as it is marked. */
static enum quern_code measure(struct qn_search *s, double *row)
{
    double worst = 0.0;
    double saved = 0.0;
    enum quern_code code = qn_search_run(s, true, row, &worst, &saved);
    for (size_t i = 0; i < s->n_out && row != s->floor; i++) {
        row[i] = fmax(0.0, row[i] - s->floor[i]);
    }
    return code;
}

/* Only these layers have weights in integers. */
static void mark_layers(struct qn_twin *t, size_t first, size_t n)
{
    for (size_t i = 0; i < t->n_layers; i++) {
        t->layers[i].is_float = i < first || i - first >= n;
    }
}

/* Only these pairs stand, and those that cannot go. */
static void mark_pairs(struct qn_twin *t, size_t first, size_t n)
{
    t->settled = false;
    for (size_t i = 0; i < t->n_pairs; i++) {
        t->pairs[i].active = t->pairs[i].fixed || (i >= first && i - first < n);
    }
}

static enum quern_code measure_source(struct qn_search *s,
                                      struct qn_source *source)
{
    mark_layers(s->twin, source->first, source->weights ? source->n : 0);
    mark_pairs(s->twin, source->first, source->weights ? 0 : source->n);
    source->noise =
        quern_pass_alloc(s->twin->ctx, (s->n_out + 1) * sizeof(double));
    return source->noise != NULL ? measure(s, source->noise) : QUERN_NO_MEMORY;
}

static double worst_of(const struct qn_search *s, const struct qn_source *one)
{
    double worst = 0.0;
    for (size_t i = 0; i < s->n_out; i++) {
        worst = fmax(worst, one->noise[i]);
    }
    return worst;
}

/* Noise at the worst output of all sources from `first` on that are no louder
 * than one of them. */
static double noise_below(const struct qn_search *s, size_t first,
                          const struct qn_source *one)
{
    double worst = 0.0;
    for (size_t k = 0; k < s->n_out; k++) {
        double sum = 0.0;
        for (size_t i = first; i < s->n_sources; i++) {
            bool counts = worst_of(s, &s->sources[i]) <= worst_of(s, one);
            sum += counts ? s->sources[i].noise[k] : 0.0;
        }
        worst = fmax(worst, sum);
    }
    return worst;
}

/* The one with most noise from `first` on that can be halved and is worth it.
 */
static struct qn_source *loudest(const struct qn_search *s, size_t first)
{
    struct qn_source *best = NULL;
    for (size_t i = first; i < s->n_sources; i++) {
        struct qn_source *one = &s->sources[i];
        if (one->n > 1 &&
            (best == NULL || worst_of(s, one) > worst_of(s, best))) {
            best = one;
        }
    }
    return best != NULL && noise_below(s, first, best) > quiet * s->target
               ? best
               : NULL;
}

/* Two in the place of one. Small noises add up: where the first half does not
 * make most of it, the second one has what is left. */
static enum quern_code halve(struct qn_search *s, struct qn_source *one)
{
    struct qn_source *other = &s->sources[s->n_sources++];
    size_t half = one->n / 2;
    double loud = worst_of(s, one);
    double *noise = one->noise;
    *other = (struct qn_source){one->weights, one->first + half, one->n - half,
                                noise};
    one->n = half;
    enum quern_code code = measure_source(s, one);
    if (code == QUERN_OK && worst_of(s, one) > 0.5 * loud) {
        return measure_source(s, other);
    }
    for (size_t i = 0; i < s->n_out && code == QUERN_OK; i++) {
        noise[i] = fmax(0.0, noise[i] - one->noise[i]);
    }
    return code;
}

/* Sources of one kind, halved as long as more than `n_left` runs are left. */
static enum quern_code listen(struct qn_search *s, bool weights, size_t n,
                              size_t n_first, size_t n_left)
{
    size_t first = s->n_sources;
    enum quern_code code = QUERN_OK;
    size_t size = n / n_first + 1;
    for (size_t at = 0; at < n && code == QUERN_OK; at += size) {
        struct qn_source *one = &s->sources[s->n_sources++];
        *one = (struct qn_source){weights, at, n - at < size ? n - at : size,
                                  NULL};
        code = measure_source(s, one);
    }
    while (code == QUERN_OK && qn_reruns_left(s->reruns) > n_left + 1 &&
           s->n_sources < MOST_SOURCES) {
        struct qn_source *one = loudest(s, first);
        if (one == NULL) {
            break;
        }
        code = halve(s, one);
    }
    return code;
}

static bool make_room(struct qn_search *s)
{
    struct quern_pass_ctx *ctx = s->twin->ctx;
    size_t n = s->twin->n_layers + 1;
    s->cost = quern_pass_alloc(ctx, n * sizeof *s->cost);
    s->floor = quern_pass_alloc(ctx, (s->n_out + 1) * sizeof *s->floor);
    s->sources = quern_pass_alloc(ctx, (MOST_SOURCES + FIRST_SOURCES) *
                                           sizeof *s->sources);
    bool good = s->cost != NULL && s->floor != NULL && s->sources != NULL;
    for (size_t i = 0; i < QN_SEARCH_MARKS; i++) {
        s->marks[i] = quern_pass_alloc(ctx, n);
        good = good && s->marks[i] != NULL;
    }
    return good;
}

/* What a layer gives back of what integers save: of time, where it is known,
 * and of bytes, half and half. */
static void price_layers(struct qn_search *s)
{
    struct qn_twin *t = s->twin;
    struct quern_model *model = quern_pass_model(t->ctx);
    double seconds = 1e-12;
    double bytes = 1.0;
    for (size_t i = 0; i < t->n_layers; i++) {
        seconds +=
            fmax(0.0, qn_speed_of_layer(model, t->target, t->layers[i].node));
        bytes += fmax(0.0, qn_twin_bytes(&t->layers[i]));
    }
    for (size_t i = 0; i < t->n_layers; i++) {
        double saved = qn_speed_of_layer(model, t->target, t->layers[i].node);
        s->cost[i] = 0.5 * fmax(0.0, saved) / seconds +
                     0.5 * fmax(0.0, qn_twin_bytes(&t->layers[i])) / bytes;
    }
}

enum quern_code qn_search_init(struct qn_twin *t, struct qn_reruns *reruns,
                               size_t n_out, struct qn_search *s)
{
    *s = (struct qn_search){.twin = t, .reruns = reruns, .n_out = n_out};
    if (!make_room(s)) {
        return QUERN_NO_MEMORY;
    }
    price_layers(s);
    return QUERN_OK;
}

enum quern_code qn_search_listen(struct qn_search *s, double target)
{
    struct qn_twin *t = s->twin;
    s->target = target;
    mark_layers(t, 0, 0);
    mark_pairs(t, 0, 0);
    size_t n = qn_reruns_left(s->reruns);
    enum quern_code code = measure(s, s->floor);
    if (code == QUERN_OK) {
        code = listen(s, false, t->n_pairs, FIRST_SOURCES, n / 2);
    }
    if (code == QUERN_OK) {
        code = listen(s, true, t->n_layers, 1, n * 3 / 8);
    }
    mark_layers(t, 0, t->n_layers);
    qn_twin_settle(t);
    return code;
}

/* ------------------------------------------------------------------ steps */

/* Part of a source that is still there. */
static double part_of(const struct qn_search *s, const struct qn_source *one)
{
    const struct qn_twin *t = s->twin;
    size_t n = 0;
    size_t n_there = 0;
    for (size_t i = one->first; i < one->first + one->n; i++) {
        bool counts = one->weights || !t->pairs[i].fixed;
        bool there = one->weights ? !t->layers[i].is_float : t->pairs[i].active;
        n += counts;
        n_there += counts && there;
    }
    return n > 0 ? (double)n_there / (double)n : 0.0;
}

/* How far the outputs are from good enough, with the twin as it is settled:
 * each by the logarithm of its noise, so that all count alike. */
static double distance(const struct qn_search *s)
{
    double sum = 0.0;
    for (size_t k = 0; k < s->n_out; k++) {
        double noise = s->floor[k];
        for (size_t i = 0; i < s->n_sources; i++) {
            noise += part_of(s, &s->sources[i]) * s->sources[i].noise[k];
        }
        sum += noise > s->target ? log(noise / s->target) : 0.0;
    }
    return sum;
}

bool qn_search_promises(const struct qn_search *s)
{
    return !(distance(s) > 0.0);
}

static double cost_of(const struct qn_search *s, double least)
{
    double cost = 0.0;
    for (size_t i = 0; i < s->twin->n_layers; i++) {
        cost += s->twin->layers[i].is_float ? s->cost[i] + least : 0.0;
    }
    return cost;
}

double qn_search_share(const struct qn_search *s)
{
    return cost_of(s, 0.0);
}

/* Layers that let a source go, on top of what is float: those around its pairs,
 * or its own. */
static void propose(const struct qn_search *s, const struct qn_source *one,
                    bool *marks, bool *room)
{
    const struct qn_twin *t = s->twin;
    for (size_t i = 0; i < t->n_layers; i++) {
        marks[i] = t->layers[i].is_float ||
                   (one->weights && i >= one->first && i - one->first < one->n);
    }
    for (size_t p = one->first; !one->weights && p < one->first + one->n; p++) {
        if (t->pairs[p].active && !t->pairs[p].fixed) {
            qn_twin_closure(t, p, room);
            for (size_t i = 0; i < t->n_layers; i++) {
                marks[i] = marks[i] || room[i];
            }
        }
    }
}

bool qn_search_step(struct qn_search *s)
{
    struct qn_twin *t = s->twin;
    size_t n = t->n_layers;
    double from = distance(s);
    double paid = cost_of(s, least_cost);
    double best_gain = 0.0;
    bool *now = s->marks[0];
    bool *best = s->marks[1];
    bool *marks = s->marks[2];
    bool *room = s->marks[3];
    for (size_t i = 0; i < n; i++) {
        now[i] = t->layers[i].is_float;
    }
    for (size_t i = 0; i < s->n_sources; i++) {
        propose(s, &s->sources[i], marks, room);
        if (memcmp(marks, now, n) == 0) {
            continue;
        }
        qn_twin_set(t, marks);
        double gain = (from - distance(s)) / (cost_of(s, least_cost) - paid);
        if (gain > best_gain) {
            best_gain = gain;
            memcpy(best, marks, n);
        }
        qn_twin_set(t, now);
    }
    if (best_gain > 0.0) {
        qn_twin_set(t, best);
    }
    return best_gain > 0.0;
}
