/* constants-to-initializers: weights as Constant nodes become initializers.
 * fold-constants: what depends on constants alone is computed now. */
#include "builtin.h"

#include <stdlib.h>

/* ------------------------------------------------ Constant → initializer */

static enum quern_code to_initializer(struct quern_graph *graph,
                                      struct quern_node *node)
{
    struct quern_value *y = quern_node_output(node, 0);
    struct quern_tensor *t = quern_value_constant(y);
    struct quern_value *value = NULL;
    enum quern_code code =
        quern_constant_create(graph, quern_value_name(y), t, &value);
    if (code == QUERN_OK) {
        code = quern_replace_uses(y, value, true);
    }
    return code == QUERN_OK ? quern_node_erase(node) : code;
}

static enum quern_code run_constants(struct quern_pass_ctx *ctx,
                                     struct quern_graph *graph,
                                     const void *params)
{
    struct quern_node *next = NULL;
    enum quern_code code = QUERN_OK;
    (void)params;
    (void)ctx;
    for (struct quern_node *n = quern_graph_first(graph);
         n != NULL && code == QUERN_OK; n = next) {
        next = quern_node_next(n);
        if (quern_node_is(n, "Constant") &&
            quern_value_constant(quern_node_output(n, 0)) != NULL &&
            !quern_value_is_graph_output(quern_node_output(n, 0))) {
            code = to_initializer(graph, n);
        }
    }
    return code;
}

const struct quern_pass_desc qn_pass_constants_to_initializers = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "constants-to-initializers",
    .summary = "turn Constant nodes into initializers",
    .contract = QUERN_BIT_EXACT,
    .run = run_constants,
    .group = "clean",
};

/* ----------------------------------------------------------------- folding */

struct fold_params {
    int64_t max_bytes;
};

static bool never_folded(const struct quern_node *node)
{
    static const char *const ops[] = {
        "Constant",
        "QuantizeLinear",
        "DequantizeLinear",
        "RandomNormal",
        "RandomUniform",
        "RandomNormalLike",
        "RandomUniformLike",
        "Bernoulli",
        "Multinomial",
        "If",
        "Loop",
        "Scan",
        NULL,
    };
    for (int i = 0; ops[i] != NULL; i++) {
        if (quern_node_is(node, ops[i])) {
            return true;
        }
    }
    return *quern_node_domain(node) != '\0' ||
           quern_node_n_outputs(node) != 1 ||
           quern_node_output(node, 0) == NULL;
}

/* Marks by value id: depends on constants alone. */
static bool *mark_constant(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, size_t *out_n)
{
    size_t n_ids = 0;
    for (struct quern_node *n = quern_graph_first(graph); n != NULL;
         n = quern_node_next(n)) {
        for (size_t i = 0; i < quern_node_n_outputs(n); i++) {
            const struct quern_value *y = quern_node_output(n, i);
            if (y != NULL && quern_value_id(y) >= n_ids) {
                n_ids = quern_value_id(y) + 1;
            }
        }
    }
    bool *marks = quern_pass_alloc(ctx, n_ids + 1);
    *out_n = 0;
    for (struct quern_node *n = quern_graph_first(graph);
         marks != NULL && n != NULL; n = quern_node_next(n)) {
        if (never_folded(n) || quern_node_n_inputs(n) == 0) {
            continue;
        }
        bool constant = true;
        for (size_t i = 0; i < quern_node_n_inputs(n) && constant; i++) {
            const struct quern_value *x = quern_node_input(n, i);
            constant = x == NULL || quern_value_constant(x) != NULL ||
                       (quern_value_producer(x) != NULL &&
                        quern_value_id(x) < n_ids && marks[quern_value_id(x)]);
        }
        marks[quern_value_id(quern_node_output(n, 0))] = constant;
        *out_n += constant ? 1 : 0;
    }
    return marks;
}

/* Values on the edge: constant, read by something that is not, or an output. */
static bool on_edge(const struct quern_value *value, const bool *marks)
{
    for (const struct quern_use *u = quern_value_first_use(value); u != NULL;
         u = quern_use_next(u)) {
        const struct quern_node *user = quern_use_node(u);
        const struct quern_value *y =
            user != NULL ? quern_node_output(user, 0) : NULL;
        if (y == NULL || quern_node_graph(user) != quern_value_graph(value) ||
            !marks[quern_value_id(y)]) {
            return true;
        }
    }
    return false;
}

static enum quern_code put_tensor(struct quern_graph *graph,
                                  struct quern_value *y, struct quern_tensor *t)
{
    struct quern_value *value = NULL;
    enum quern_code code =
        quern_constant_create(graph, quern_value_name(y), t, &value);
    if (code == QUERN_OK) {
        code = quern_replace_value(y, value, true);
    }
    return code == QUERN_OK ? quern_node_erase_dead(quern_value_producer(y))
                            : code;
}

static enum quern_code fold(struct quern_pass_ctx *ctx,
                            struct quern_graph *graph,
                            struct quern_value **values, size_t n,
                            const struct fold_params *p)
{
    struct quern_tensor **tensors =
        quern_pass_alloc(ctx, (n + 1) * sizeof(struct quern_tensor *));
    if (tensors == NULL) {
        return QUERN_NO_MEMORY;
    }
    enum quern_code code = quern_pass_evaluate(ctx, values, n, tensors);
    if (code == QUERN_UNSUPPORTED || code == QUERN_LIMIT) {
        quern_pass_account(ctx, NULL, "constants left as they are: %s",
                           quern_error(quern_pass_context(ctx))->text);
        quern_clear(quern_pass_context(ctx));
        return QUERN_OK;
    }
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        struct quern_node *node = quern_value_producer(values[i]);
        if ((int64_t)quern_tensor_size(tensors[i]) > p->max_bytes) {
            quern_pass_account(ctx, node,
                               "left: result of %zu bytes is over "
                               "the budget",
                               quern_tensor_size(tensors[i]));
        } else {
            quern_pass_account(ctx, node, "folded");
            code = put_tensor(graph, values[i], tensors[i]);
        }
    }
    for (size_t i = 0; i < n; i++) {
        quern_tensor_release(&tensors[i]);
    }
    return code;
}

static enum quern_code run_fold(struct quern_pass_ctx *ctx,
                                struct quern_graph *graph, const void *params)
{
    size_t n_constant = 0;
    bool *marks = mark_constant(ctx, graph, &n_constant);
    if (marks == NULL || n_constant == 0) {
        return marks != NULL ? QUERN_OK : QUERN_NO_MEMORY;
    }
    struct quern_value **values =
        quern_pass_alloc(ctx, n_constant * sizeof(struct quern_value *));
    size_t n = 0;
    for (struct quern_node *node = quern_graph_first(graph);
         values != NULL && node != NULL; node = quern_node_next(node)) {
        struct quern_value *y = quern_node_output(node, 0);
        if (!never_folded(node) && marks[quern_value_id(y)] &&
            on_edge(y, marks) && !quern_value_is_graph_output(y)) {
            values[n++] = y;
        }
    }
    if (values == NULL) {
        return QUERN_NO_MEMORY;
    }
    return n > 0 ? fold(ctx, graph, values, n, params) : QUERN_OK;
}

static const struct quern_option fold_options[] = {
    {"max-bytes", QUERN_OPTION_INT, offsetof(struct fold_params, max_bytes), 0,
     1e12, NULL, "largest result, in bytes"},
    {0},
};

static const struct fold_params fold_defaults = {16 << 20};

const struct quern_pass_desc qn_pass_fold_constants = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fold-constants",
    .summary = "compute what depends on constants alone, never across Q/DQ",
    .options = fold_options,
    .params_size = sizeof(struct fold_params),
    .params_default = &fold_defaults,
    .flags = QUERN_PASS_SUBGRAPHS,
    .contract = QUERN_REAL_EXACT,
    .run = run_fold,
    .group = "fold",
};
