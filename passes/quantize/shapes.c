/* observe-shapes: types and ranks of all values, seen on the first sample.
 * Dimensions stay open: they may differ between samples. */
#include <quern/data.h>
#include <quern/run.h>

#include "builtin.h"
#include "quantize/watch.h"

#include <string.h>

struct seen {
    struct quern_value **values;
    size_t n;
    struct quern_table *table;
};

/* The first sample's dimensions, where nothing is known yet. */
static enum quern_code remember(const struct seen *s, size_t tap,
                                const struct quern_view *view)
{
    uint32_t id = quern_value_id(s->values[tap]);
    struct qn_seen seen = {.rank = view->rank, .channel_axis = -1};
    if (quern_table_get(s->table, id) != NULL) {
        return QUERN_OK;
    }
    memcpy(seen.dims, view->dims, sizeof seen.dims);
    return quern_table_set(s->table, id, &seen);
}

static enum quern_code look(void *user, size_t tap,
                            const struct quern_view *view)
{
    const struct seen *s = user;
    struct quern_dim dims[QUERN_MAX_RANK];
    for (int i = 0; i < view->rank; i++) {
        dims[i] = (struct quern_dim){-1, NULL};
    }
    if (quern_value_producer(s->values[tap]) != NULL) {
        enum quern_code code =
            quern_value_set_type(s->values[tap], view->dtype, view->rank, dims);
        if (code != QUERN_OK) {
            return code;
        }
    }
    return remember(s, tap, view);
}

/* Sequences, optionals and strings have neither a shape to see nor a scale; of
 * what is not known it is to be seen. */
static bool is_numbers(const struct quern_value *v)
{
    return v != NULL && quern_value_kind(v) <= QUERN_KIND_TENSOR &&
           quern_value_dtype(v) != QUERN_STRING;
}

static bool list_values(struct quern_pass_ctx *ctx, struct quern_graph *graph,
                        struct seen *s)
{
    size_t n = quern_graph_n_inputs(graph);
    for (struct quern_node *node = quern_graph_first(graph); node != NULL;
         node = quern_node_next(node)) {
        n += quern_node_n_outputs(node);
    }
    s->values = quern_pass_alloc(ctx, (n + 1) * sizeof(struct quern_value *));
    for (size_t i = 0; s->values != NULL && i < quern_graph_n_inputs(graph);
         i++) {
        if (!quern_value_is_initializer(quern_graph_input(graph, i)) &&
            quern_value_n_uses(quern_graph_input(graph, i)) > 0) {
            s->values[s->n++] = quern_graph_input(graph, i);
        }
    }
    for (struct quern_node *node = quern_graph_first(graph);
         s->values != NULL && node != NULL; node = quern_node_next(node)) {
        for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
            if (is_numbers(quern_node_output(node, i))) {
                s->values[s->n++] = quern_node_output(node, i);
            }
        }
    }
    return s->values != NULL;
}

static enum quern_code run_first(struct quern_pass_ctx *ctx,
                                 struct quern_engine *engine, struct seen *s)
{
    size_t n_in = quern_engine_n_inputs(engine);
    size_t n_out = quern_engine_n_outputs(engine);
    struct quern_context *context = quern_pass_context(ctx);
    struct quern_value **inputs =
        quern_pass_alloc(ctx, (n_in + 1) * sizeof(struct quern_value *));
    struct quern_tensor **in =
        quern_pass_alloc(ctx, (n_in + 1) * sizeof(struct quern_tensor *));
    struct quern_tensor **out =
        quern_pass_alloc(ctx, (n_out + 1) * sizeof(struct quern_tensor *));
    if (inputs == NULL || in == NULL || out == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (size_t i = 0; i < n_in; i++) {
        inputs[i] = quern_engine_input(engine, i);
    }
    struct quern_data *data = NULL;
    struct quern_runner *runner = NULL;
    enum quern_code code =
        quern_data_open(context, quern_pass_data(ctx), inputs, n_in, &data);
    if (code == QUERN_OK) {
        code = quern_data_sample(data, context, 0, in);
    }
    if (code == QUERN_OK) {
        code = quern_runner_create(engine, context, &runner);
    }
    if (code == QUERN_OK) {
        code = quern_runner_run(runner, in, n_in, out, n_out, look, s);
    }
    for (size_t i = 0; i < n_in; i++) {
        quern_tensor_release(&in[i]);
    }
    for (size_t i = 0; i < n_out; i++) {
        quern_tensor_release(&out[i]);
    }
    quern_runner_destroy(&runner);
    quern_data_close(&data);
    return code;
}

enum quern_code qn_observe_shapes(struct quern_pass_ctx *ctx,
                                  struct quern_graph *graph)
{
    struct seen s = {0};
    if (quern_pass_data(ctx) == NULL) {
        return quern_fail(quern_pass_context(ctx), QUERN_INVALID_ARGUMENT, NULL,
                          "needs calibration data: give --data");
    }
    /* What is a sequence must be known before; this cannot be seen. */
    if (quern_model_infer(quern_pass_model(ctx)) != QUERN_OK ||
        !list_values(ctx, graph, &s)) {
        return QUERN_NO_MEMORY;
    }
    struct quern_engine_options options = {
        .struct_size = sizeof options, .taps = s.values, .n_taps = s.n};
    struct quern_engine *engine = NULL;
    quern_pass_engine(ctx, &options);
    enum quern_code code =
        quern_table_open(quern_pass_model(ctx), QN_SEEN_TABLE,
                         QUERN_TABLE_VALUE, sizeof(struct qn_seen), &s.table);
    if (code == QUERN_OK) {
        code = quern_engine_open(quern_pass_model(ctx), &options, &engine);
    }
    if (code == QUERN_OK) {
        code = run_first(ctx, engine, &s);
    }
    quern_engine_close(&engine);
    return code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    (void)params;
    return qn_observe_shapes(ctx, graph);
}

const struct quern_pass_desc qn_pass_observe_shapes = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "observe-shapes",
    .summary = "learn types and ranks of all values from the first sample",
    .flags = QUERN_PASS_SUBGRAPHS | QUERN_PASS_NEEDS_DATA,
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "quantize",
};
