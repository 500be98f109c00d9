/* fold-constants: what depends on constants alone is computed now, in all
 * graphs. Never through Q or DQ, never what is drawn at random. A result that
 * is larger than the constants it comes from has a budget; what is over it, or
 * what the engine cannot compute, stays, and what feeds it is folded instead.
 */
#include "builtin.h"
#include "common.h"

#include <string.h>

/* Passes over a graph: each finds the nodes of one more layer that cannot be
 * folded. */
enum { MOST_TRIES = 12 };

struct fold_params {
    int64_t max_bytes;
    int64_t small_bytes;
    double max_growth;
};

struct fold {
    struct quern_pass_ctx *ctx;
    struct quern_graph *graph;
    const struct fold_params *params;
    bool *marked;   /* by value id: depends on constants alone */
    bool *blocked;  /* by value id: tried, stays */
    double *source; /* by value id: bytes of the constants behind it */
    struct quern_value **values; /* that are marked, in order */
    size_t n_values;
    bool again;
    bool inside; /* the graph is a subgraph */
};

static bool never_folded(const struct quern_node *node)
{
    static const char *const ops[] = {
        "Constant",
        "QuantizeLinear",
        "DequantizeLinear",
        "DynamicQuantizeLinear",
        "RandomNormal",
        "RandomUniform",
        "RandomNormalLike",
        "RandomUniformLike",
        "Bernoulli",
        "Multinomial",
        "Dropout",
        /* what they make is no tensor */
        "SequenceConstruct",
        "SplitToSequence",
        "Optional",
        NULL,
    };
    return qn_is_one_of(node, ops) || *quern_node_domain(node) != '\0' ||
           quern_node_n_subgraphs(node) > 0 || quern_node_n_inputs(node) == 0;
}

/* Bytes of the constants behind all inputs; -1 when one is not constant. */
static double source_of(const struct fold *f, const struct quern_node *node)
{
    double sum = 0.0;
    for (size_t i = 0; i < quern_node_n_inputs(node); i++) {
        const struct quern_value *x = quern_node_input(node, i);
        const struct quern_tensor *t =
            x != NULL ? quern_value_constant(x) : NULL;
        if (t != NULL) {
            sum += (double)quern_tensor_size(t);
        } else if (x != NULL && f->marked[quern_value_id(x)]) {
            sum += f->source[quern_value_id(x)];
        } else if (x != NULL) {
            return -1.0;
        }
    }
    return sum;
}

static bool may_fold(const struct fold *f, const struct quern_node *node)
{
    bool any = false;
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        const struct quern_value *y = quern_node_output(node, i);
        if (y != NULL &&
            (quern_value_is_graph_output(y) || f->blocked[quern_value_id(y)] ||
             qn_must_stay_open(y))) {
            return false;
        }
        any = any || (y != NULL && quern_value_n_uses(y) > 0);
    }
    return any && !never_folded(node);
}

/* Bytes of what a node makes, as far as they are known beforehand. */
static double known_bytes(const struct quern_node *node)
{
    double sum = 0.0;
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        const struct quern_value *y = quern_node_output(node, i);
        int rank = y != NULL ? quern_value_rank(y) : -1;
        double bytes =
            rank >= 0 ? quern_dtype_bits(quern_value_dtype(y)) / 8.0 : 0.0;
        for (int k = 0; k < rank; k++) {
            int64_t dim = quern_value_dims(y)[k].value;
            bytes *= dim >= 0 ? (double)dim : 1.0;
        }
        sum += bytes;
    }
    return sum;
}

/* What is far too large is not even computed, as a step to another either. */
static bool is_too_large(const struct fold *f, const struct quern_node *node,
                         double source)
{
    double most = (double)f->params->max_bytes;
    double bytes = known_bytes(node);
    if (bytes <= source || bytes <= most ||
        bytes <= (double)f->params->small_bytes) {
        return false;
    }
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        const struct quern_value *y = quern_node_output(node, i);
        if (y != NULL) {
            f->blocked[quern_value_id(y)] = true;
        }
    }
    quern_pass_account(f->ctx, node,
                       "left: result of %.0f bytes from %.0f bytes is over "
                       "the budget",
                       bytes, source);
    return true;
}

static enum quern_code mark(struct quern_pass_ctx *ctx, struct quern_node *node,
                            void *user)
{
    struct fold *f = user;
    double source = source_of(f, node);
    (void)ctx;
    if (source >= 0.0 &&
        (!may_fold(f, node) || is_too_large(f, node, source))) {
        source = -1.0;
    }
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        struct quern_value *y = quern_node_output(node, i);
        if (y == NULL) {
            continue;
        }
        f->marked[quern_value_id(y)] = source >= 0.0;
        if (source >= 0.0) {
            f->source[quern_value_id(y)] = source;
            f->values[f->n_values++] = y;
        }
    }
    return source >= 0.0 ? QUERN_OK : QUERN_NOT_FOUND;
}

/* A result: marked, and read by something that is not. */
static bool is_result(const struct fold *f, const struct quern_value *value)
{
    if (value == NULL || !f->marked[quern_value_id(value)]) {
        return false;
    }
    for (const struct quern_use *u = quern_value_first_use(value); u != NULL;
         u = quern_use_next(u)) {
        const struct quern_node *user = quern_use_node(u);
        bool marked = false;
        for (size_t i = 0; user != NULL && i < quern_node_n_outputs(user);
             i++) {
            const struct quern_value *y = quern_node_output(user, i);
            marked = marked || (y != NULL && f->marked[quern_value_id(y)]);
        }
        if (!marked || quern_node_graph(user) != f->graph) {
            return true;
        }
    }
    return false;
}

static bool fits(const struct fold *f, const struct quern_value *value,
                 const struct quern_tensor *t)
{
    double size = (double)quern_tensor_size(t);
    double source = f->source[quern_value_id(value)];
    return size <= source || size <= (double)f->params->small_bytes ||
           (size <= (double)f->params->max_bytes &&
            size <= source * f->params->max_growth);
}

static void leave(struct fold *f, const struct quern_value *value)
{
    f->blocked[quern_value_id(value)] = true;
    f->again = true;
}

static enum quern_code put(struct fold *f, struct quern_value *value,
                           struct quern_tensor *tensor)
{
    struct quern_node *node = quern_value_producer(value);
    if (!fits(f, value, tensor)) {
        quern_pass_account(f->ctx, node,
                           "left: result of %zu bytes from %.0f bytes is over "
                           "the budget",
                           quern_tensor_size(tensor),
                           f->source[quern_value_id(value)]);
        leave(f, value);
        return QUERN_OK;
    }
    quern_pass_account(f->ctx, node, "folded");
    size_t i = quern_value_output_index(value);
    enum quern_code code = qn_take_output(node, i);
    if (code == QUERN_OK) {
        code = quern_value_set_constant(value, tensor, true);
    }
    if (code == QUERN_OK) {
        code = quern_node_erase_dead(node);
    }
    quern_pass_rewrote(f->ctx, node);
    return code;
}

/* --------------------------------------------- copies of a subgraph's nodes */

struct copies {
    struct quern_graph *top;
    struct quern_value **of; /* by value id */
    struct quern_node **made;
    size_t n_made;
};

/* Value of the top graph that stands for `x`; NULL with QUERN_OK: none yet. */
static enum quern_code copied_input(struct copies *c, struct quern_value *x,
                                    struct quern_value **out)
{
    struct quern_tensor *t = quern_value_constant(x);
    *out = c->of[quern_value_id(x)];
    if (*out != NULL || t == NULL) {
        return QUERN_OK;
    }
    enum quern_code code =
        quern_constant_create(c->top, quern_value_name(x), t, out);
    c->of[quern_value_id(x)] = *out;
    return code;
}

static enum quern_code copy_node(struct fold *f, struct copies *c,
                                 struct quern_node *node)
{
    size_t n_in = quern_node_n_inputs(node);
    size_t n_out = quern_node_n_outputs(node);
    struct quern_value **in =
        quern_pass_alloc(f->ctx, (n_in + 1) * sizeof(struct quern_value *));
    struct quern_value **out =
        quern_pass_alloc(f->ctx, (n_out + 1) * sizeof(struct quern_value *));
    enum quern_code code =
        in != NULL && out != NULL ? QUERN_OK : QUERN_NO_MEMORY;
    for (size_t i = 0; i < n_in && code == QUERN_OK; i++) {
        struct quern_value *x = quern_node_input(node, i);
        code = x != NULL ? copied_input(c, x, &in[i]) : QUERN_OK;
    }
    for (size_t i = 0; i < n_out && code == QUERN_OK; i++) {
        const struct quern_value *y = quern_node_output(node, i);
        if (y != NULL) {
            code = quern_value_create(c->top, quern_value_name(y), &out[i]);
            c->of[quern_value_id(y)] = out[i];
        }
    }
    struct quern_node *copy = NULL;
    if (code == QUERN_OK) {
        code = quern_node_create(c->top, NULL, quern_node_op(node), "", in,
                                 n_in, out, n_out, &copy);
    }
    for (size_t i = 0; code == QUERN_OK && i < quern_node_n_attrs(node); i++) {
        code = quern_node_copy_attr(copy, node, quern_node_attr_name(node, i));
    }
    if (copy != NULL) {
        c->made[c->n_made++] = copy;
    }
    return code;
}

/* Copies of all marked nodes in the top graph; `values` become theirs. */
static enum quern_code copy_out(struct fold *f, struct copies *c,
                                struct quern_value **values, size_t n)
{
    struct quern_model *model = quern_pass_model(f->ctx);
    size_t n_ids = quern_model_n_value_ids(model);
    size_t n_nodes = quern_graph_n_nodes(f->graph);
    c->top = quern_model_graph(model);
    c->of = quern_pass_alloc(f->ctx, (n_ids + 1) * sizeof(*c->of));
    c->made = quern_pass_alloc(f->ctx, (n_nodes + 1) * sizeof(*c->made));
    enum quern_code code =
        c->of != NULL && c->made != NULL ? QUERN_OK : QUERN_NO_MEMORY;
    for (struct quern_node *node = quern_graph_first(f->graph);
         node != NULL && code == QUERN_OK; node = quern_node_next(node)) {
        bool marked = false;
        for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
            const struct quern_value *y = quern_node_output(node, i);
            marked = marked || (y != NULL && f->marked[quern_value_id(y)]);
        }
        code = marked ? copy_node(f, c, node) : QUERN_OK;
    }
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        values[i] = c->of[quern_value_id(values[i])];
    }
    return code;
}

static enum quern_code drop_copies(struct copies *c)
{
    enum quern_code code = QUERN_OK;
    while (c->n_made > 0 && code == QUERN_OK) {
        struct quern_node *node = c->made[--c->n_made];
        code = quern_node_erased(node) ? QUERN_OK : quern_node_erase_dead(node);
    }
    return code;
}

/* --------------------------------------------------------------- computing */

static enum quern_code evaluate(struct fold *f, struct quern_value **values,
                                size_t n, struct quern_tensor **tensors)
{
    if (!f->inside) {
        return quern_pass_evaluate(f->ctx, values, n, tensors);
    }
    struct copies c = {0};
    struct quern_value **copied =
        quern_pass_alloc(f->ctx, (n + 1) * sizeof(struct quern_value *));
    if (copied == NULL) {
        return QUERN_NO_MEMORY;
    }
    memcpy(copied, values, n * sizeof(struct quern_value *));
    enum quern_code code = copy_out(f, &c, copied, n);
    if (code == QUERN_OK) {
        code = quern_pass_evaluate(f->ctx, copied, n, tensors);
    }
    if (code == QUERN_NO_MEMORY || code == QUERN_CANCELLED) {
        return code; /* the manager rolls back */
    }
    enum quern_code dropped = drop_copies(&c);
    return dropped != QUERN_OK ? dropped : code;
}

/* All at once; where that fails, each half by itself, down to the one value
 * that cannot be computed. */
static enum quern_code fold(struct fold *f, struct quern_value **values,
                            size_t n)
{
    struct quern_tensor **tensors =
        quern_pass_alloc(f->ctx, (n + 1) * sizeof(struct quern_tensor *));
    if (tensors == NULL) {
        return QUERN_NO_MEMORY;
    }
    enum quern_code code = evaluate(f, values, n, tensors);
    if (code == QUERN_NO_MEMORY || code == QUERN_CANCELLED) {
        return code;
    }
    if (code != QUERN_OK && n > 1) {
        quern_clear(quern_pass_context(f->ctx));
        code = fold(f, values, n / 2);
        return code == QUERN_OK ? fold(f, values + n / 2, n - n / 2) : code;
    }
    if (code != QUERN_OK) {
        quern_pass_account(f->ctx, quern_value_producer(values[0]), "left: %s",
                           quern_error(quern_pass_context(f->ctx))->text);
        quern_clear(quern_pass_context(f->ctx));
        leave(f, values[0]);
        return QUERN_OK;
    }
    for (size_t i = 0; i < n; i++) {
        if (code == QUERN_OK) {
            code = put(f, values[i], tensors[i]);
        }
        quern_tensor_release(&tensors[i]);
    }
    return code;
}

static enum quern_code fold_once(struct fold *f)
{
    const struct quern_each each = {.behind_taken = true};
    /* What was found of another graph, or in the last try. */
    while (f->n_values > 0) {
        f->marked[quern_value_id(f->values[--f->n_values])] = false;
    }
    enum quern_code code = quern_pass_each(f->ctx, f->graph, &each, mark, f);
    size_t n = 0;
    for (size_t i = 0; i < f->n_values; i++) {
        struct quern_value *v = f->values[i];
        if (is_result(f, v)) {
            f->values[i] = f->values[n];
            f->values[n++] = v;
        }
    }
    return code == QUERN_OK && n > 0 ? fold(f, f->values, n) : code;
}

static enum quern_code fold_graph(struct fold *f, struct quern_graph *graph);

static enum quern_code fold_held(struct quern_pass_ctx *ctx,
                                 struct quern_node *node, void *user)
{
    enum quern_code code = QUERN_OK;
    (void)ctx;
    for (size_t i = 0; i < quern_node_n_subgraphs(node) && code == QUERN_OK;
         i++) {
        code = fold_graph(user, quern_node_subgraph(node, i));
    }
    return code;
}

static enum quern_code fold_bodies(struct fold *f, struct quern_graph *graph)
{
    return quern_pass_each(
        f->ctx, graph, &(struct quern_each){.has_bodies = true}, fold_held, f);
}

/* A graph, then the bodies in it, which may read what was just folded. */
static enum quern_code fold_graph(struct fold *f, struct quern_graph *graph)
{
    enum quern_code code = QUERN_OK;
    f->graph = graph;
    f->inside = quern_graph_parent(graph) != NULL;
    f->again = true;
    for (int i = 0; i < MOST_TRIES && f->again && code == QUERN_OK; i++) {
        f->again = false;
        code = fold_once(f);
    }
    return code == QUERN_OK ? fold_bodies(f, graph) : code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    size_t n = (size_t)quern_model_n_value_ids(quern_pass_model(ctx)) + 1;
    struct fold f = {
        .ctx = ctx,
        .params = params,
        .marked = quern_pass_alloc(ctx, n * sizeof(bool)),
        .blocked = quern_pass_alloc(ctx, n * sizeof(bool)),
        .source = quern_pass_alloc(ctx, n * sizeof(double)),
        .values = quern_pass_alloc(ctx, n * sizeof(struct quern_value *)),
    };
    if (f.marked == NULL || f.blocked == NULL || f.source == NULL ||
        f.values == NULL) {
        return QUERN_NO_MEMORY;
    }
    return fold_graph(&f, graph);
}

static const struct quern_option options[] = {
    {"max-bytes", QUERN_OPTION_INT, offsetof(struct fold_params, max_bytes), 0,
     1e12, NULL,
     "largest result, in bytes, that may be larger than the constants it "
     "comes from"},
    {"max-growth", QUERN_OPTION_FLOAT, offsetof(struct fold_params, max_growth),
     1, 1e6, NULL, "how many times larger it may be"},
    {"small-bytes", QUERN_OPTION_INT, offsetof(struct fold_params, small_bytes),
     0, 1e12, NULL, "results up to this size, in bytes, are always kept"},
    {0},
};

static const struct fold_params defaults = {
    .max_bytes = 16 << 20,
    .small_bytes = 64 << 10,
    .max_growth = 4.0,
};

const struct quern_pass_desc qn_pass_fold_constants = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fold-constants",
    .summary = "compute what depends on constants alone, never across Q/DQ",
    .options = options,
    .params_size = sizeof(struct fold_params),
    .params_default = &defaults,
    .flags = QUERN_PASS_SUBGRAPHS | QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "clean",
};
