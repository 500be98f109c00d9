/* merge-equal: of nodes that compute the same, and of initializers that hold
 * the same, one stays. Same operator, attributes, and inputs at the same
 * places; in ONNX's own domain only. Never what is drawn at random, holds a
 * body, or is Q or DQ (a runtime may want one DQ for each reader). Graphs come
 * before the bodies in them, whose nodes are equal when what they read there
 * has become one. Linear: each node is looked up once in a hash table. */
#include "builtin.h"
#include "common.h"
#include "hash_table.h"

#include <string.h>

struct merge_params {
    int64_t max_bytes;
};

/* ----------------------------------------------------------- initializers */

enum {
    SAMPLES = 8,    /* places of a tensor that a first look takes */
    SAMPLE = 64,    /* bytes at each */
    VAST = 1 << 20, /* a tensor whose pages are worth letting go */
    LARGE = 8 * SAMPLES * SAMPLE,
    MOST_ROUNDS = 4,
};

static uint64_t hash_kind(const struct quern_tensor *t)
{
    uint64_t hash = qn_mix(1, (uint64_t)quern_tensor_dtype(t));
    return quern_hash(hash, quern_tensor_dims(t),
                      (size_t)quern_tensor_rank(t) * sizeof(int64_t));
}

static uint64_t hash_tensor(const struct quern_tensor *t)
{
    return quern_tensor_size(t) > 0
               ? quern_hash(hash_kind(t), quern_tensor_data(t),
                            quern_tensor_size(t))
               : hash_kind(t);
}

/* Of a large tensor only a few places, its end among them. */
static uint64_t hash_samples(const struct quern_tensor *t)
{
    const unsigned char *data = quern_tensor_data(t);
    size_t size = quern_tensor_size(t);
    size_t step = (size - SAMPLE) / (SAMPLES - 1);
    uint64_t hash = hash_kind(t);
    for (size_t i = 0; i < SAMPLES; i++) {
        size_t at = i + 1 < SAMPLES ? i * step : size - SAMPLE;
        hash = quern_hash(hash, data + at, SAMPLE);
    }
    if (size >= VAST) {
        quern_tensor_forget(t);
    }
    return hash;
}

/* The table has compared the hashes. */
static bool equal_samples(const void *a, const void *b)
{
    return a != NULL && b != NULL;
}

static bool equal_constants(const void *a, const void *b)
{
    return quern_tensor_equal(quern_value_constant(a), quern_value_constant(b));
}

/* Initializers of a graph, in order: a walk along their list waits for memory
 * at each, what stands in an array can be fetched ahead. */
struct initializers {
    struct quern_value **values;
    size_t n;
    size_t room;
};

/* Twice the room; the old array is left behind. */
static bool grow(struct quern_pass_ctx *ctx, struct initializers *all)
{
    size_t room = all->room == 0 ? 64 : all->room * 2;
    struct quern_value **grown =
        quern_pass_alloc(ctx, room * sizeof(struct quern_value *));
    if (grown != NULL && all->n > 0) {
        memcpy(grown, all->values, all->n * sizeof(struct quern_value *));
    }
    all->values = grown;
    all->room = room;
    return grown != NULL;
}

static bool list_initializers(struct quern_pass_ctx *ctx,
                              struct quern_graph *graph,
                              struct initializers *out)
{
    struct quern_value *v = quern_graph_first_initializer(graph);
    *out = (struct initializers){0};
    for (; v != NULL; v = quern_value_next_initializer(v)) {
        if (out->n == out->room && !grow(ctx, out)) {
            return false;
        }
        out->values[out->n++] = v;
    }
    return true;
}

static void fetch_ahead(const struct initializers *all, size_t i)
{
    enum { AHEAD = 8 };
    const struct quern_tensor *t = NULL;
    if (i + 3 * AHEAD < all->n) {
        __builtin_prefetch(all->values[i + 3 * AHEAD]);
    }
    if (i + 2 * AHEAD < all->n) {
        __builtin_prefetch(quern_value_constant(all->values[i + 2 * AHEAD]));
    }
    if (i + AHEAD < all->n) {
        t = quern_value_constant(all->values[i + AHEAD]);
    }
    if (t != NULL) {
        __builtin_prefetch(quern_tensor_data(t));
    }
}

/* Readers of `v` read `same`, which is equal. */
static enum quern_code merge_into(struct quern_pass_ctx *ctx,
                                  struct quern_value *v,
                                  struct quern_value *same)
{
    quern_pass_account(ctx, NULL, "initializer '%s': is '%s'",
                       quern_value_name(v), quern_value_name(same));
    enum quern_code code = quern_replace_uses(v, same, true);
    return code == QUERN_OK ? quern_value_erase(v) : code;
}

/* Initializers seen. Large ones are first told apart by samples; all bytes of
 * one are read only when another has the same samples. */
struct seen {
    struct qn_hash_table sampled;
    struct qn_hash_table whole;
};

static const void *find_or_add(struct seen *seen, const struct quern_value *v,
                               const struct quern_tensor *t)
{
    if (quern_tensor_size(t) >= LARGE) {
        const struct quern_value *alike = qn_hash_table_find_or_add(
            &seen->sampled, v, hash_samples(t), equal_samples);
        if (alike == NULL) {
            return NULL;
        }
        (void)qn_hash_table_find_or_add(
            &seen->whole, alike, hash_tensor(quern_value_constant(alike)),
            equal_constants);
    }
    return qn_hash_table_find_or_add(&seen->whole, v, hash_tensor(t),
                                     equal_constants);
}

static size_t count_large(const struct initializers *all)
{
    size_t n = 0;
    for (size_t i = 0; i < all->n; i++) {
        const struct quern_tensor *t = quern_value_constant(all->values[i]);
        n += t != NULL && quern_tensor_size(t) >= LARGE;
    }
    return n;
}

static enum quern_code merge_constants(struct quern_pass_ctx *ctx,
                                       struct quern_graph *graph,
                                       const struct merge_params *p)
{
    struct seen seen;
    struct initializers all;
    enum quern_code code = QUERN_OK;
    size_t n_merged = 0;
    if (!list_initializers(ctx, graph, &all) ||
        !qn_hash_table_make(ctx, count_large(&all), &seen.sampled) ||
        !qn_hash_table_make(ctx, all.n, &seen.whole)) {
        return QUERN_NO_MEMORY;
    }
    for (size_t i = 0; i < all.n && code == QUERN_OK; i++) {
        struct quern_value *v = all.values[i];
        const struct quern_tensor *t = quern_value_constant(v);
        fetch_ahead(&all, i);
        if (t == NULL || quern_value_is_graph_output(v) ||
            (int64_t)quern_tensor_size(t) > p->max_bytes) {
            continue;
        }
        const void *first = find_or_add(&seen, v, t);
        if (first != NULL) {
            /* The table keeps it as const; it was entered from the graph. */
            code = merge_into(ctx, v, (struct quern_value *)(uintptr_t)first);
            n_merged++;
        }
    }
    if (n_merged > 0) {
        quern_pass_account(ctx, NULL, "%zu initializers merged into equal ones",
                           n_merged);
    }
    return code;
}

/* ------------------------------------------------------------------ nodes */

static bool may_merge(const struct quern_node *node)
{
    static const char *const ops[] = {
        "Constant",          "QuantizeLinear",     "DequantizeLinear",
        "RandomNormal",      "RandomUniform",      "RandomNormalLike",
        "RandomUniformLike", "Bernoulli",          "Multinomial",
        "Dropout",           "BatchNormalization", NULL};
    bool any = false;
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        any = any || quern_node_output(node, i) != NULL;
    }
    return any && *quern_node_domain(node) == '\0' &&
           quern_node_n_subgraphs(node) == 0 && quern_node_n_inputs(node) > 0 &&
           !qn_is_one_of(node, ops);
}

static uint64_t hash_node(const struct quern_node *node)
{
    const char *op = quern_node_op(node);
    uint64_t hash = quern_hash(2, op, strlen(op));
    for (size_t i = 0; i < quern_node_n_inputs(node); i++) {
        const struct quern_value *x = quern_node_input(node, i);
        hash = qn_mix(hash, x != NULL ? (uint64_t)quern_value_id(x) + 1 : 0);
    }
    /* Attributes: only their number, the comparison does the rest, but ints
     * (axes, perm) tell many apart. */
    for (size_t i = 0; i < quern_node_n_attrs(node); i++) {
        const char *name = quern_node_attr_name(node, i);
        int64_t number = quern_node_int(node, name, -7);
        hash += quern_hash((uint64_t)number, name, strlen(name));
    }
    return qn_mix(hash, quern_node_n_outputs(node));
}

static bool equal_nodes(const void *first, const void *second)
{
    const struct quern_node *a = first;
    const struct quern_node *b = second;
    if (strcmp(quern_node_op(a), quern_node_op(b)) != 0 ||
        quern_node_n_inputs(a) != quern_node_n_inputs(b) ||
        quern_node_n_outputs(a) != quern_node_n_outputs(b)) {
        return false;
    }
    for (size_t i = 0; i < quern_node_n_inputs(a); i++) {
        if (quern_node_input(a, i) != quern_node_input(b, i)) {
            return false;
        }
    }
    for (size_t i = 0; i < quern_node_n_outputs(a); i++) {
        if (quern_node_output(a, i) == NULL &&
            quern_node_output(b, i) != NULL) {
            return false;
        }
    }
    return quern_node_attrs_equal(a, b);
}

/* Nodes seen, and which of them may still turn out to be equal to another. */
struct nodes {
    struct qn_hash_table table;
    unsigned char *entered; /* by node id: the round, from 1 on; 0: never */
    unsigned char round;
    bool renamed; /* an output of the model took the place of what the first of
                     two nodes made: its readers seen stand under the old one */
};

static enum quern_code merge_node(struct quern_pass_ctx *ctx,
                                  struct quern_node *node,
                                  const struct quern_node *first,
                                  struct nodes *nodes)
{
    size_t n = quern_node_n_outputs(node);
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < n; i++) {
        const struct quern_value *y = quern_node_output(node, i);
        if (y != NULL && !qn_can_stand_for(y, quern_node_output(first, i))) {
            return QUERN_OK;
        }
    }
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        struct quern_value *y = quern_node_output(node, i);
        nodes->renamed =
            nodes->renamed || (y != NULL && quern_value_is_graph_output(y));
        code = y != NULL
                   ? quern_replace_value(y, quern_node_output(first, i), true)
                   : QUERN_OK;
    }
    if (code == QUERN_OK) {
        quern_pass_account(ctx, node, "computes what '%s' does",
                           quern_node_name(first));
        code = quern_node_erase_dead(node);
    }
    return code;
}

/* Another node may read the same: a value has other readers now, or takes
 * those of an equal one when the nodes that make the two are merged. Most nodes
 * end here, before they are hashed. */
static bool may_be_alike(const struct quern_node *node,
                         const struct nodes *nodes)
{
    for (size_t i = 0; i < quern_node_n_inputs(node); i++) {
        const struct quern_value *x = quern_node_input(node, i);
        if (x == NULL || quern_value_n_uses(x) > 1) {
            continue;
        }
        const struct quern_node *maker = quern_value_producer(x);
        if (maker == NULL ||
            nodes->entered[quern_node_id(maker)] != nodes->round) {
            return false;
        }
    }
    return true;
}

static enum quern_code look_up(struct quern_pass_ctx *ctx,
                               struct quern_node *node, void *user)
{
    struct nodes *nodes = user;
    if (!may_be_alike(node, nodes) || !may_merge(node)) {
        return QUERN_OK;
    }
    nodes->entered[quern_node_id(node)] = nodes->round;
    const struct quern_node *first = qn_hash_table_find_or_add(
        &nodes->table, node, hash_node(node), equal_nodes);
    return first != NULL ? merge_node(ctx, node, first, nodes) : QUERN_OK;
}

static enum quern_code merge_round(struct quern_pass_ctx *ctx,
                                   struct quern_graph *graph,
                                   struct nodes *nodes)
{
    nodes->renamed = false;
    if (!qn_hash_table_make(ctx, quern_graph_n_nodes(graph), &nodes->table)) {
        return QUERN_NO_MEMORY;
    }
    /* Forward: inputs that were equal are the same when a node is reached. */
    return quern_pass_each(ctx, graph, &(struct quern_each){0}, look_up, nodes);
}

/* Rounds are few: each but the last merges an output of the model. */
static enum quern_code merge_nodes(struct quern_pass_ctx *ctx,
                                   struct quern_graph *graph,
                                   unsigned char *entered)
{
    struct nodes nodes = {.entered = entered, .renamed = true};
    enum quern_code code = QUERN_OK;
    for (int i = 1; i <= MOST_ROUNDS && nodes.renamed && code == QUERN_OK;
         i++) {
        nodes.round = (unsigned char)i;
        code = quern_pass_scope_open(ctx);
        if (code == QUERN_OK) {
            code = merge_round(ctx, graph, &nodes);
        }
        quern_pass_scope_close(ctx);
    }
    return code;
}

/* ----------------------------------------------------------------- graphs */

/* The top graph, those in it, those in these, …: a list and not a recursion, so
 * that each merge is a rewrite of its own to quern_pass_each(). */
struct graphs {
    struct quern_graph **all;
    size_t n;
    size_t room;
};

static bool add_graph(struct quern_pass_ctx *ctx, struct graphs *graphs,
                      struct quern_graph *graph)
{
    if (graphs->n == graphs->room) {
        size_t room = graphs->room == 0 ? 8 : graphs->room * 2;
        struct quern_graph **grown =
            quern_pass_alloc(ctx, room * sizeof(struct quern_graph *));
        if (grown == NULL) {
            return false;
        }
        if (graphs->n > 0) {
            memcpy(grown, graphs->all,
                   graphs->n * sizeof(struct quern_graph *));
        }
        graphs->all = grown;
        graphs->room = room;
    }
    graphs->all[graphs->n++] = graph;
    return true;
}

static enum quern_code add_bodies(struct quern_pass_ctx *ctx,
                                  struct quern_node *node, void *user)
{
    for (size_t i = 0; i < quern_node_n_subgraphs(node); i++) {
        if (!add_graph(ctx, user, quern_node_subgraph(node, i))) {
            return QUERN_NO_MEMORY;
        }
    }
    return QUERN_OK;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    struct graphs graphs = {0};
    unsigned char *entered =
        quern_pass_alloc(ctx, quern_model_n_node_ids(quern_graph_model(graph)));
    enum quern_code code = entered != NULL && add_graph(ctx, &graphs, graph)
                               ? QUERN_OK
                               : QUERN_NO_MEMORY;
    for (size_t i = 0; i < graphs.n && code == QUERN_OK; i++) {
        code = merge_constants(ctx, graphs.all[i], params);
        if (code == QUERN_OK) {
            code = merge_nodes(ctx, graphs.all[i], entered);
        }
        if (code == QUERN_OK) {
            code = quern_pass_each(ctx, graphs.all[i],
                                   &(struct quern_each){.has_bodies = true},
                                   add_bodies, &graphs);
        }
    }
    return code;
}

static const struct quern_option options[] = {
    {"max-bytes", QUERN_OPTION_INT, offsetof(struct merge_params, max_bytes), 0,
     1e15, NULL, "largest initializer that is merged, in bytes"},
    {0},
};

static const struct merge_params defaults = {.max_bytes = INT64_C(1) << 40};

const struct quern_pass_desc qn_pass_merge_equal = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "merge-equal",
    .summary = "keep one of nodes that compute the same and of initializers "
               "that hold the same",
    .options = options,
    .params_size = sizeof(struct merge_params),
    .params_default = &defaults,
    .flags = QUERN_PASS_SUBGRAPHS,
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "clean",
};
