/* observe-shapes: types and ranks of all values, and the sizes that they have
 * with the first sample. Where all sizes follow from those of the inputs
 * nothing is run; else they are seen. Dimensions stay open: they may differ
 * between samples. */
#include <quern/data.h>
#include <quern/run.h>

#include "builtin.h"
#include "quantize/watch.h"

#include <string.h>

struct sample {
    struct quern_value **inputs;
    struct quern_tensor **tensors;
    size_t n;
};

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

/* ------------------------------------------------- sizes without a run */

/* Dimensions of the inputs, with the sizes of the first sample. */
struct first_sizes {
    struct quern_dim *dims;
    int64_t *sizes;
    size_t n;
};

/* False: the sample has other sizes than the model, or one size is two. */
static bool bind_input(struct first_sizes *f, const struct quern_value *input,
                       const struct quern_tensor *sample)
{
    int rank = quern_value_rank(input);
    const struct quern_dim *dims = quern_value_dims(input);
    if (rank != quern_tensor_rank(sample)) {
        return false;
    }
    for (int i = 0; i < rank; i++) {
        int64_t size = quern_tensor_dims(sample)[i];
        int64_t known = quern_dim_size(dims[i], f->dims, f->sizes, f->n);
        if (known < 0) {
            f->dims[f->n] = dims[i];
            f->sizes[f->n++] = size;
        } else if (known != size) {
            return false;
        }
    }
    return true;
}

/* The sizes of a value, false where they do not follow. */
static bool sizes_follow(const struct first_sizes *f,
                         const struct quern_value *v, struct qn_seen *out)
{
    int rank = quern_value_rank(v);
    *out = (struct qn_seen){.rank = rank, .channel_axis = -1};
    if (quern_value_kind(v) != QUERN_KIND_TENSOR ||
        quern_value_dtype(v) == QUERN_UNDEFINED || rank < 0) {
        return false;
    }
    for (int i = 0; i < rank; i++) {
        out->dims[i] =
            quern_dim_size(quern_value_dims(v)[i], f->dims, f->sizes, f->n);
        if (out->dims[i] < 0) {
            return false;
        }
    }
    return true;
}

/* *out_all is false, and nothing is set, where some size has to be seen. */
static enum quern_code follow(const struct seen *s, const struct first_sizes *f,
                              bool *out_all)
{
    struct qn_seen seen;
    *out_all = true;
    for (size_t i = 0; i < s->n && *out_all; i++) {
        *out_all = sizes_follow(f, s->values[i], &seen);
    }
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < s->n && *out_all && code == QUERN_OK; i++) {
        uint32_t id = quern_value_id(s->values[i]);
        (void)sizes_follow(f, s->values[i], &seen);
        if (quern_table_get(s->table, id) == NULL) {
            code = quern_table_set(s->table, id, &seen);
        }
    }
    return code;
}

static enum quern_code follow_sample(struct quern_pass_ctx *ctx,
                                     const struct seen *s,
                                     const struct sample *first, bool *out_all)
{
    struct first_sizes f = {0};
    size_t room = first->n * QUERN_MAX_RANK + 1;
    f.dims = quern_pass_alloc(ctx, room * sizeof *f.dims);
    f.sizes = quern_pass_alloc(ctx, room * sizeof *f.sizes);
    if (f.dims == NULL || f.sizes == NULL) {
        return QUERN_NO_MEMORY;
    }
    *out_all = true;
    for (size_t i = 0; i < first->n && *out_all; i++) {
        *out_all = bind_input(&f, first->inputs[i], first->tensors[i]);
    }
    return *out_all ? follow(s, &f, out_all) : QUERN_OK;
}

/* -------------------------------------------------------------- by a run */

static enum quern_code run_sample(struct quern_pass_ctx *ctx, struct seen *s,
                                  const struct sample *first)
{
    struct quern_context *context = quern_pass_context(ctx);
    struct quern_engine_options options = {
        .struct_size = sizeof options, .taps = s->values, .n_taps = s->n};
    struct quern_engine *engine = NULL;
    struct quern_runner *runner = NULL;
    quern_pass_engine(ctx, &options);
    enum quern_code code =
        quern_engine_open(quern_pass_model(ctx), &options, &engine);
    size_t n_out = engine != NULL ? quern_engine_n_outputs(engine) : 0;
    struct quern_tensor **out =
        quern_pass_alloc(ctx, (n_out + 1) * sizeof(struct quern_tensor *));
    if (code == QUERN_OK && out == NULL) {
        code = QUERN_NO_MEMORY;
    }
    if (code == QUERN_OK) {
        code = quern_runner_create(engine, context, &runner);
    }
    if (code == QUERN_OK) {
        code = quern_runner_run(runner, first->tensors, first->n, out, n_out,
                                look, s);
    }
    for (size_t i = 0; i < n_out && out != NULL; i++) {
        quern_tensor_release(&out[i]);
    }
    quern_runner_destroy(&runner);
    quern_engine_close(&engine);
    return code;
}

/* ------------------------------------------------------------- the sample */

static enum quern_code open_sample(struct quern_pass_ctx *ctx,
                                   const struct quern_graph *graph,
                                   struct sample *first)
{
    size_t n = quern_graph_n_inputs(graph);
    struct quern_context *context = quern_pass_context(ctx);
    struct quern_data *data = NULL;
    first->inputs = quern_pass_alloc(ctx, (n + 1) * sizeof *first->inputs);
    first->tensors = quern_pass_alloc(ctx, (n + 1) * sizeof *first->tensors);
    if (first->inputs == NULL || first->tensors == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        struct quern_value *v = quern_graph_input(graph, i);
        if (!quern_value_is_initializer(v)) {
            first->inputs[first->n++] = v;
        }
    }
    enum quern_code code = quern_data_open(context, quern_pass_data(ctx),
                                           first->inputs, first->n, &data);
    if (code == QUERN_OK) {
        code = quern_data_sample(data, context, 0, first->tensors);
    }
    quern_data_close(&data);
    return code;
}

enum quern_code qn_observe_shapes(struct quern_pass_ctx *ctx,
                                  struct quern_graph *graph)
{
    struct seen s = {0};
    struct sample first = {0};
    bool all = false;
    if (quern_pass_data(ctx) == NULL) {
        return quern_fail(quern_pass_context(ctx), QUERN_INVALID_ARGUMENT, NULL,
                          "needs calibration data: give --data");
    }
    /* What is a sequence must be known before; this cannot be seen. */
    if (quern_model_infer(quern_pass_model(ctx)) != QUERN_OK ||
        !list_values(ctx, graph, &s)) {
        return QUERN_NO_MEMORY;
    }
    enum quern_code code =
        quern_table_open(quern_pass_model(ctx), QN_SEEN_TABLE,
                         QUERN_TABLE_VALUE, sizeof(struct qn_seen), &s.table);
    if (code == QUERN_OK) {
        code = open_sample(ctx, graph, &first);
    }
    if (code == QUERN_OK) {
        code = follow_sample(ctx, &s, &first, &all);
    }
    if (code == QUERN_OK && !all) {
        code = run_sample(ctx, &s, &first);
    }
    for (size_t i = 0; i < first.n; i++) {
        quern_tensor_release(&first.tensors[i]);
    }
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
