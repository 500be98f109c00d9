/* What calibration looks at: what a placement on guessed ranges would make
 * codes. */
#include "quantize/watch.h"

#include "quantize/placement.h"

static bool is_spatial(const struct quern_node *node)
{
    static const char *const ops[] = {
        "Conv",        "ConvTranspose",     "MaxPool",
        "AveragePool", "GlobalAveragePool", NULL,
    };
    for (int i = 0; node != NULL && ops[i] != NULL; i++) {
        if (quern_node_is(node, ops[i])) {
            return true;
        }
    }
    return false;
}

static bool is_product(const struct quern_node *node)
{
    return node != NULL && quern_node_is(node, "MatMul");
}

/* Channels at axis 1 near a convolution, else the last axis. */
static bool channels_first(const struct quern_value *value)
{
    const struct quern_node *producer = quern_value_producer(value);
    bool spatial = is_spatial(producer);
    bool product = is_product(producer);
    for (const struct quern_use *u = quern_value_first_use(value); u != NULL;
         u = quern_use_next(u)) {
        spatial = spatial || is_spatial(quern_use_node(u));
        product = product || is_product(quern_use_node(u));
    }
    return spatial || !product;
}

static int channel_axis(const struct quern_value *value, int rank)
{
    if (rank < 2) {
        return -1;
    }
    return rank > 2 && channels_first(value) ? 1 : rank - 1;
}

struct listing {
    bool *listed; /* by value id */
    struct qn_watched *w;
};

static enum quern_code list_of_node(struct quern_pass_ctx *ctx,
                                    struct quern_node *n, void *user)
{
    struct listing *l = user;
    size_t n_in = quern_node_n_inputs(n);
    (void)ctx;
    for (size_t i = 0; i < n_in + quern_node_n_outputs(n); i++) {
        struct quern_value *v =
            i < n_in ? quern_node_input(n, i) : quern_node_output(n, i - n_in);
        if (v == NULL || l->listed[quern_value_id(v)] ||
            quern_value_constant(v) != NULL ||
            (quern_value_dtype(v) != QUERN_FLOAT &&
             quern_value_dtype(v) != QUERN_UNDEFINED)) {
            continue;
        }
        l->listed[quern_value_id(v)] = true;
        l->w->values[l->w->n++] = v;
    }
    return QUERN_OK;
}

/* All activations that nodes of the graph read or make and that may be floats,
 * each once, in the order of their first mention. */
static enum quern_code list_values(struct quern_pass_ctx *ctx,
                                   struct quern_graph *graph,
                                   const struct qn_placement *place,
                                   struct qn_watched *w)
{
    struct listing l = {quern_pass_alloc(ctx, place->n_values), w};
    w->values =
        quern_pass_alloc(ctx, place->n_values * sizeof(struct quern_value *));
    if (l.listed == NULL || w->values == NULL) {
        return QUERN_NO_MEMORY;
    }
    return quern_pass_each(ctx, graph, &(struct quern_each){0}, list_of_node,
                           &l);
}

/* True when a constant broadcast to a value of these dims leaves them. */
static bool keeps_dims(const struct quern_tensor *t, const struct qn_seen *seen)
{
    int rank = quern_tensor_rank(t);
    const int64_t *dims = quern_tensor_dims(t);
    for (int i = 1; i <= rank; i++) {
        if (i > seen->rank || (dims[rank - i] != 1 &&
                               dims[rank - i] != seen->dims[seen->rank - i])) {
            return false;
        }
    }
    return true;
}

/* A value that is another one times a constant has its shape: that is what
 * `channel-factors` makes. It saves running the first sample. */
static enum quern_code derive_shape(struct quern_model *model,
                                    const struct quern_value *v)
{
    const struct quern_node *p = quern_value_producer(v);
    struct quern_table *table = NULL;
    if (p == NULL || !quern_node_is(p, "Mul")) {
        return QUERN_OK;
    }
    const struct qn_seen *of = qn_seen(model, quern_node_input(p, 0));
    const struct quern_tensor *t = quern_value_constant(quern_node_input(p, 1));
    if (of == NULL || t == NULL || !keeps_dims(t, of)) {
        return QUERN_OK;
    }
    struct qn_seen seen = *of;
    seen.stats = NULL;
    enum quern_code code = quern_table_open(
        model, QN_SEEN_TABLE, QUERN_TABLE_VALUE, sizeof seen, &table);
    return code == QUERN_OK ? quern_table_set(table, quern_value_id(v), &seen)
                            : code;
}

static enum quern_code derive_shapes(struct quern_model *model,
                                     const struct qn_watched *w)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < w->n && code == QUERN_OK; i++) {
        if (qn_seen(model, w->values[i]) == NULL) {
            code = derive_shape(model, w->values[i]);
        }
    }
    return code;
}

static bool all_known(struct quern_model *model, const struct qn_watched *w)
{
    for (size_t i = 0; i < w->n; i++) {
        if (qn_seen(model, w->values[i]) == NULL) {
            return false;
        }
    }
    return true;
}

/* What to keep of a value beside its moments. */
static uint32_t flags_of(const struct quern_value *value, bool channels)
{
    if (!channels) {
        return QUERN_STATS_HISTOGRAM | QUERN_STATS_PAIRS;
    }
    for (const struct quern_use *u = quern_value_first_use(value); u != NULL;
         u = quern_use_next(u)) {
        const struct quern_node *n = quern_use_node(u);
        if (n != NULL && qn_is_heavy(n) && !is_product(n)) {
            return QUERN_STATS_HISTOGRAM;
        }
    }
    return 0;
}

/* Keep what may become codes, or tells how large an output is. */
static enum quern_code choose(struct quern_pass_ctx *ctx,
                              const struct qn_placement *place, bool channels,
                              struct qn_watched *w)
{
    struct quern_model *model = quern_pass_model(ctx);
    size_t n = 0;
    w->seen = quern_pass_alloc(ctx, (w->n + 1) * sizeof *w->seen);
    w->flags = quern_pass_alloc(ctx, (w->n + 1) * sizeof *w->flags);
    if (w->seen == NULL || w->flags == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (size_t i = 0; i < w->n; i++) {
        struct quern_value *v = w->values[i];
        const struct quern_node *producer = quern_value_producer(v);
        const struct qn_seen *seen = qn_seen(model, v);
        bool codes = place->part[quern_value_id(v)] != QN_PART_NONE;
        if (seen == NULL ||
            (!codes && (producer == NULL || !qn_is_heavy(producer)))) {
            continue;
        }
        w->values[n] = v;
        w->seen[n] = *seen;
        w->seen[n].stats = NULL;
        w->seen[n].channel_axis = channel_axis(v, seen->rank);
        w->flags[n] = QUERN_STATS_MOMENTS;
        w->flags[n] |= codes ? flags_of(v, channels) : 0;
        n++;
    }
    w->n = n;
    return QUERN_OK;
}

enum quern_code qn_watch(struct quern_pass_ctx *ctx, struct quern_graph *graph,
                         bool channels, struct qn_watched *w)
{
    /* Products of two activations with few rows may be asked for later. */
    struct qn_placement_options o = {.attention_rows = 0, .guess = true};
    struct qn_placement place = {0};
    *w = (struct qn_watched){0};
    enum quern_code code = qn_place_room(ctx, &place);
    if (code == QUERN_OK) {
        code = list_values(ctx, graph, &place, w);
    }
    if (code == QUERN_OK) {
        code = derive_shapes(quern_pass_model(ctx), w);
    }
    if (code == QUERN_OK && !all_known(quern_pass_model(ctx), w)) {
        code = qn_observe_shapes(ctx, graph);
    }
    if (code == QUERN_OK) {
        code = qn_place(ctx, graph, &o, &place);
    }
    return code == QUERN_OK ? choose(ctx, &place, channels, w) : code;
}
