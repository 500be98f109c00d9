/* equalize: channels of whole groups of tensors are scaled so that one scale
 * serves them all; the Conv and Gemm around a group absorb the factors. Exact
 * in real arithmetic. A group is all tensors joined by operators that do not
 * mind a positive factor a channel (Add, Relu, PRelu, Clip from 0, pooling).
 * The exponent of each group comes from the noise model (placement experiment,
 * rule 7). Source: Nagel et al. 2019, arXiv:1906.04721 (cross-layer
 * equalization), for chains; groups are ours. */
#include "builtin.h"
#include "common.h"
#include "quantize/linear.h"
#include "quantize/seen.h"

#include <math.h>
#include <string.h>

/* Values in groups: union-find by value id. */
struct groups {
    uint32_t *parent; /* by id: 1 + id; 0: not seen */
    size_t n;
    struct quern_value **list; /* all of them, in the order of the graph */
    size_t n_list;
    uint32_t *first; /* by id of a root: 1 + place in the list of its first
                        member; 0: none */
    uint32_t *last;  /* the same of its last one */
    uint32_t *next;  /* by place in the list: 1 + that of the next member */
    uint32_t *count; /* by id of a root: members */
};

static uint32_t find(struct groups *g, const struct quern_value *v)
{
    uint32_t id = quern_value_id(v);
    while (g->parent[id] != id + 1) {
        uint32_t up = g->parent[id] - 1;
        g->parent[id] = g->parent[up];
        id = up;
    }
    return id;
}

static void join(struct groups *g, const struct quern_value *a,
                 const struct quern_value *b)
{
    g->parent[find(g, a)] = find(g, b) + 1;
}

static bool clips_from_zero(const struct quern_node *node, float *out_high)
{
    float lo = 1.0f;
    return quern_node_is(node, "Clip") &&
           qn_scalar(quern_node_input(node, 1), &lo) && !(lo < 0.0f) &&
           !(lo > 0.0f) && qn_scalar(quern_node_input(node, 2), out_high);
}

/* f(e x) = e f(x) for every factor e > 0 of a channel (a Clip from 0 too, where
 * no channel is stretched over its bound: see the factor rule). */
static bool passes_factors(const struct quern_node *node)
{
    static const char *const ops[] = {
        "Relu",        "MaxPool",           "LeakyRelu",
        "AveragePool", "GlobalAveragePool", "ReduceMean",
        NULL};
    float high = 0.0f;
    for (int i = 0; ops[i] != NULL; i++) {
        if (quern_node_is(node, ops[i])) {
            return true;
        }
    }
    if (quern_node_is(node, "PRelu")) {
        return quern_value_constant(quern_node_input(node, 1)) != NULL;
    }
    if (quern_node_is(node, "Flatten")) {
        const struct quern_node *p =
            quern_value_producer(quern_node_input(node, 0));
        return p != NULL && quern_node_is(p, "GlobalAveragePool");
    }
    if (quern_node_is(node, "Add")) {
        return quern_value_constant(quern_node_input(node, 0)) == NULL &&
               quern_value_constant(quern_node_input(node, 1)) == NULL;
    }
    return clips_from_zero(node, &high);
}

/* The values of a node, joined where it passes factors on; those that it makes
 * go into the list. */
static enum quern_code enter(struct quern_pass_ctx *ctx, struct quern_node *n,
                             void *user)
{
    struct groups *g = user;
    size_t n_in = quern_node_n_inputs(n);
    bool joins = passes_factors(n);
    const struct quern_value *first = NULL;
    (void)ctx;
    for (size_t i = 0; i < n_in + quern_node_n_outputs(n); i++) {
        struct quern_value *v =
            i < n_in ? quern_node_input(n, i) : quern_node_output(n, i - n_in);
        if (v == NULL || quern_value_constant(v) != NULL) {
            continue;
        }
        uint32_t id = quern_value_id(v);
        g->parent[id] = g->parent[id] != 0 ? g->parent[id] : id + 1;
        if (i >= n_in) {
            g->list[g->n_list++] = v;
        }
        if (joins && first != NULL) {
            join(g, first, v);
        }
        first = joins ? v : NULL;
    }
    return QUERN_OK;
}

static enum quern_code make_groups(struct quern_pass_ctx *ctx,
                                   struct quern_graph *graph, struct groups *g)
{
    g->n = quern_model_n_value_ids(quern_pass_model(ctx));
    g->parent = quern_pass_alloc(ctx, g->n * sizeof *g->parent);
    g->list = quern_pass_alloc(ctx, g->n * sizeof(struct quern_value *));
    if (g->parent == NULL || g->list == NULL) {
        return QUERN_NO_MEMORY;
    }
    enum quern_code code =
        quern_pass_each(ctx, graph, &(struct quern_each){0}, enter, g);
    for (size_t i = 0; i < quern_graph_n_inputs(graph); i++) {
        struct quern_value *v = quern_graph_input(graph, i);
        if (g->parent[quern_value_id(v)] != 0 && g->n_list < g->n) {
            g->list[g->n_list++] = v;
        }
    }
    return code;
}

/* A value whose channels were multiplied. */
struct scaled {
    const struct quern_value *value;
    const double *by;
    size_t channels;
};

/* All that the pass has done. */
struct done {
    struct scaled *items; /* room for all values in groups */
    size_t n;
    size_t n_groups;
};

/* One group: its members and the operators around it. */
struct group {
    struct quern_value **members;
    size_t n_members;
    struct qn_linear *makers;
    size_t n_makers;
    struct qn_linear *readers;
    struct quern_value **read; /* value that each reader reads */
    size_t n_readers;
    float clip; /* highest bound of its Clips; 0: none */
    bool sound;
};

/* A maker outside the group must be a linear operator, or be inside. */
static void add_maker(struct group *g, struct quern_value *v)
{
    struct quern_node *p = quern_value_producer(v);
    if (p == NULL || quern_value_is_graph_output(v)) {
        g->sound = false;
    } else if (!passes_factors(p)) {
        struct qn_linear *l = &g->makers[g->n_makers];
        bool fits = qn_linear_init(p, l) && !quern_node_is(p, "MatMul") &&
                    (quern_node_input(p, 2) == NULL ||
                     qn_bias_is_vector(p, l->out_channels));
        g->sound = g->sound && fits;
        g->n_makers += fits ? 1 : 0;
    }
}

static void add_readers(struct group *g, struct quern_value *v)
{
    for (const struct quern_use *u = quern_value_first_use(v);
         u != NULL && g->sound; u = quern_use_next(u)) {
        struct quern_node *n = quern_use_node(u);
        float high = 0.0f;
        if (n == NULL || quern_node_graph(n) != quern_value_graph(v)) {
            g->sound = false;
            return;
        }
        if (clips_from_zero(n, &high)) {
            g->clip = fmaxf(g->clip, high);
        }
        if (passes_factors(n)) {
            continue;
        }
        bool fits = quern_use_index(u) == 0 && !quern_node_is(n, "MatMul") &&
                    qn_linear_init(n, &g->readers[g->n_readers]);
        g->sound = fits;
        if (fits) {
            g->read[g->n_readers++] = v;
        }
    }
}

static bool fill_group(struct quern_pass_ctx *ctx, const struct groups *all,
                       uint32_t id, struct group *g)
{
    size_t n_uses = 0;
    memset(g, 0, sizeof *g);
    g->sound = true;
    g->members = quern_pass_alloc(ctx, all->count[id] * sizeof *g->members);
    for (size_t i = all->first[id]; g->members != NULL && i > 0;
         i = all->next[i - 1]) {
        g->members[g->n_members++] = all->list[i - 1];
        n_uses += quern_value_n_uses(all->list[i - 1]);
    }
    g->makers = quern_pass_alloc(ctx, (g->n_members + 1) * sizeof *g->makers);
    g->readers = quern_pass_alloc(ctx, (n_uses + 1) * sizeof *g->readers);
    g->read = quern_pass_alloc(ctx, (n_uses + 1) * sizeof *g->read);
    if (g->members == NULL || g->makers == NULL || g->readers == NULL ||
        g->read == NULL) {
        return false;
    }
    for (size_t i = 0; i < g->n_members && g->sound; i++) {
        add_maker(g, g->members[i]);
        add_readers(g, g->members[i]);
    }
    g->sound = g->sound && g->n_makers > 0 && g->n_readers > 0;
    return true;
}

/* Largest magnitude of each channel where the group is quantized: behind its
 * activations if there are any.
 * @param out_range  NULL: nothing was seen of them */
static enum quern_code group_range(struct quern_pass_ctx *ctx,
                                   const struct group *g, size_t *out_channels,
                                   float **out_range)
{
    enum quern_code code = QUERN_OK;
    bool behind = false;
    float *range = NULL;
    size_t channels = g->makers[0].out_channels;
    for (size_t i = 0; i < g->n_members; i++) {
        const struct quern_node *p = quern_value_producer(g->members[i]);
        behind = behind || quern_node_is(p, "Relu") || quern_node_is(p, "Clip");
    }
    for (size_t i = 0; i < g->n_members && code == QUERN_OK; i++) {
        const struct quern_node *p = quern_value_producer(g->members[i]);
        if (behind && !quern_node_is(p, "Relu") && !quern_node_is(p, "Clip")) {
            continue;
        }
        size_t n = 0;
        float *r = NULL;
        code = qn_channel_range(ctx, g->members[i], &n, &r);
        if (r == NULL || n != channels) {
            continue;
        }
        for (size_t c = 0; range != NULL && c < n; c++) {
            r[c] = fmaxf(r[c], range[c]);
        }
        range = r;
    }
    *out_channels = channels;
    *out_range = range;
    return code;
}

static enum quern_code apply(struct quern_pass_ctx *ctx, const struct group *g,
                             const double *factors, size_t channels,
                             struct done *done)
{
    double *inverse = quern_pass_alloc(ctx, channels * sizeof *inverse);
    enum quern_code code = inverse != NULL ? QUERN_OK : QUERN_NO_MEMORY;
    for (size_t c = 0; code == QUERN_OK && c < channels; c++) {
        inverse[c] = 1.0 / factors[c];
    }
    for (size_t i = 0; i < g->n_makers && code == QUERN_OK; i++) {
        code = qn_scale_outputs(ctx, &g->makers[i], inverse);
    }
    for (size_t i = 0; i < g->n_readers && code == QUERN_OK; i++) {
        code = qn_scale_inputs(ctx, &g->readers[i], factors);
    }
    for (size_t i = 0; i < g->n_members && code == QUERN_OK; i++) {
        done->items[done->n++] =
            (struct scaled){g->members[i], inverse, channels};
    }
    done->n_groups++;
    return code;
}

static bool channels_agree(const struct group *g)
{
    size_t n = g->makers[0].out_channels;
    for (size_t i = 0; i < g->n_makers; i++) {
        if (g->makers[i].out_channels != n) {
            return false;
        }
    }
    for (size_t i = 0; i < g->n_readers; i++) {
        if (g->readers[i].in_channels != n) {
            return false;
        }
    }
    return true;
}

/* How far beyond what was seen a channel may go, by all readers. */
static void widen(float *tail, const struct quern_tail *tails, size_t n)
{
    for (size_t c = 0; c < n; c++) {
        float more = (float)fmax(tails[c].low, tails[c].high);
        tail[c] = fmaxf(tail[c], more);
    }
}

static enum quern_code equalize_group(struct quern_pass_ctx *ctx,
                                      const struct group *g, struct done *done)
{
    size_t channels = 0;
    size_t n = 0;
    struct quern_reader plain = {QUERN_READER_IDENTITY, 0.0, 0.0};
    float *range = NULL;
    enum quern_code code =
        channels_agree(g) ? group_range(ctx, g, &channels, &range) : QUERN_OK;
    if (code != QUERN_OK || range == NULL) { /* not seen: nothing is known */
        return code;
    }
    struct quern_noise_reader *readers =
        quern_pass_alloc(ctx, g->n_readers * sizeof *readers);
    float *tail = quern_pass_alloc(ctx, channels * sizeof *tail);
    for (size_t c = 0; tail != NULL && c < channels; c++) {
        tail[c] = 0.0f;
    }
    code = tail == NULL || readers == NULL ? QUERN_NO_MEMORY : QUERN_OK;
    for (size_t i = 0; i < g->n_readers && code == QUERN_OK; i++) {
        bool seen = false;
        code = qn_noise_reader_init(ctx, &g->readers[i], g->read[i], &plain,
                                    &readers[n], &seen);
        if (code == QUERN_OK && seen) {
            widen(tail, readers[n].tails, channels);
            n++;
        }
    }
    double *factors = quern_pass_alloc(ctx, channels * sizeof *factors);
    struct quern_noise_options o = {
        .rule = g->clip > 0.0f ? QUERN_FACTOR_CLIP : QUERN_FACTOR_POWER,
        .clip_max = (double)g->clip,
        .tail = tail,
    };
    struct quern_noise_result result;
    if (n == 0 || factors == NULL || code != QUERN_OK) {
        return factors == NULL ? QUERN_NO_MEMORY : code;
    }
    code = quern_noise_search(quern_pass_context(ctx), &o, readers, n, range,
                              channels, factors, &result);
    if (code != QUERN_OK || !(result.alpha > 0.0)) {
        return code;
    }
    quern_pass_account(ctx, g->makers[0].node,
                       "%zu channels of %zu tensors, exponent %.2f, room for "
                       "%.0f tails, noise %.3g of %.3g",
                       channels, g->n_members, result.alpha, result.room,
                       result.noise, result.noise_none);
    return apply(ctx, g, factors, channels, done);
}

/* Chain the members of each group, so that filling all groups is linear. */
static bool chain_members(struct quern_pass_ctx *ctx, struct groups *g)
{
    g->first = quern_pass_alloc(ctx, g->n * sizeof *g->first);
    g->last = quern_pass_alloc(ctx, g->n * sizeof *g->last);
    g->count = quern_pass_alloc(ctx, g->n * sizeof *g->count);
    g->next = quern_pass_alloc(ctx, (g->n_list + 1) * sizeof *g->next);
    if (g->first == NULL || g->last == NULL || g->count == NULL ||
        g->next == NULL) {
        return false;
    }
    for (size_t i = 0; i < g->n_list; i++) {
        uint32_t root = find(g, g->list[i]);
        uint32_t place = (uint32_t)i + 1;
        if (g->last[root] > 0) {
            g->next[g->last[root] - 1] = place;
        } else {
            g->first[root] = place;
        }
        g->last[root] = place;
        g->count[root]++;
    }
    return true;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    struct groups all = {0};
    struct done done = {0};
    (void)params;
    enum quern_code code = make_groups(ctx, graph, &all);
    done.items = quern_pass_alloc(ctx, (all.n_list + 1) * sizeof *done.items);
    if (code == QUERN_OK && (done.items == NULL || !chain_members(ctx, &all))) {
        code = QUERN_NO_MEMORY;
    }
    for (size_t i = 0; i < all.n_list && code == QUERN_OK; i++) {
        uint32_t id = quern_value_id(all.list[i]);
        struct group g;
        if (find(&all, all.list[i]) != id) {
            continue;
        }
        code = fill_group(ctx, &all, id, &g) ? QUERN_OK : QUERN_NO_MEMORY;
        if (code == QUERN_OK && g.sound) {
            code = equalize_group(ctx, &g, &done);
        }
    }
    /* Only now: groups are chosen by what calibration saw. */
    for (size_t i = 0; i < done.n && code == QUERN_OK; i++) {
        const struct scaled *v = &done.items[i];
        code = qn_seen_scale(ctx, v->value, v->by, v->channels);
    }
    quern_pass_account(ctx, NULL, "%zu groups equalized", done.n_groups);
    return code;
}

const struct quern_pass_desc qn_pass_equalize = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "equalize",
    .summary = "scale channels of joined tensors alike, exactly, in float",
    .flags = QUERN_PASS_SUBGRAPHS | QUERN_PASS_NEEDS_RANGES,
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "quantize",
};
