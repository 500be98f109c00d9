/* Comparing two models on data: opening, running in parallel, adding up. */
#include "api/compare.h"

#include "data/array.h"
#include "ir/names.h"

#include <stdio.h>
#include <string.h>

/* --------------------------------------------------------------- opening */

static enum quern_code open_side(struct quern_comparison *c,
                                 struct quern_model *model, int which)
{
    struct qn_side *s = &c->side[which];
    struct quern_engine_options o = {
        .struct_size = sizeof o,
        .kind = c->options.kind,
        .ort_library = c->options.ort_library,
        .fuse = !c->options.per_layer,
        .taps = s->taps,
        .n_taps = c->n_taps,
    };
    enum quern_code code = quern_engine_open(model, &o, &s->engine);
    if (code != QUERN_OK) {
        return code;
    }
    s->n_inputs = quern_engine_n_inputs(s->engine);
    s->source = qn_calloc_n(s->n_inputs + 1, sizeof *s->source);
    return s->source != NULL ? QUERN_OK : qn_no_memory(c->context);
}

/* What a sample has: the inputs of the reference. */
static enum quern_code list_inputs(struct quern_comparison *c)
{
    struct qn_side *a = &c->side[0];
    c->n_inputs = a->n_inputs;
    c->inputs = qn_calloc_n(a->n_inputs + 1, sizeof(struct quern_value *));
    if (c->inputs == NULL) {
        return qn_no_memory(c->context);
    }
    for (size_t i = 0; i < a->n_inputs; i++) {
        c->inputs[i] = quern_engine_input(a->engine, i);
        a->source[i] = i;
    }
    return QUERN_OK;
}

/* Inputs of the other model are those of the reference, in any order. */
static enum quern_code match_inputs(struct quern_comparison *c)
{
    struct qn_side *b = &c->side[1];
    struct qn_map places = {0};
    enum quern_code code = QUERN_OK;
    for (size_t k = 0; k < c->n_inputs && code == QUERN_OK; k++) {
        code =
            qn_map_set(&places, quern_value_name(c->inputs[k]), &c->inputs[k])
                ? QUERN_OK
                : qn_no_memory(c->context);
    }
    for (size_t i = 0; i < b->n_inputs && code == QUERN_OK; i++) {
        const char *name = quern_value_name(quern_engine_input(b->engine, i));
        struct quern_value **place = qn_map_get(&places, name);
        if (place != NULL) {
            b->source[i] = (size_t)(place - c->inputs);
        } else {
            code = quern_fail(c->context, QUERN_INVALID_ARGUMENT, NULL,
                              "the second model needs input '%s', the first "
                              "has none of that name",
                              name);
        }
    }
    qn_map_finish(&places);
    return code;
}

static enum quern_code match_outputs(struct quern_comparison *c,
                                     const struct quern_graph *got)
{
    struct qn_map places = {0};
    size_t n = quern_graph_n_outputs(got);
    c->n_got = n;
    c->n_outputs = quern_graph_n_outputs(c->graph);
    c->output_of = qn_calloc_n(c->n_outputs + 1, sizeof *c->output_of);
    if (c->output_of == NULL) {
        return qn_no_memory(c->context);
    }
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < c->n_outputs && code == QUERN_OK; i++) {
        const char *name = quern_value_name(quern_graph_output(c->graph, i));
        if (!qn_names_output(got, name, i, &places, &c->output_of[i])) {
            code = qn_no_memory(c->context);
        } else if (c->output_of[i] == n) {
            code = quern_fail(c->context, QUERN_INVALID_ARGUMENT, NULL,
                              "the first model has output '%s', the second "
                              "has none of that name",
                              name);
        }
    }
    qn_map_finish(&places);
    return code;
}

static enum quern_code open_data(struct quern_comparison *c, const char *path)
{
    enum quern_code code =
        quern_data_open(c->context, path, c->inputs, c->n_inputs, &c->data);
    if (code != QUERN_OK) {
        return code;
    }
    size_t n = quern_data_count(c->data);
    c->n_samples = c->options.samples != NULL ? c->options.n_samples : n;
    for (size_t i = 0; c->options.samples != NULL && i < c->n_samples; i++) {
        if (c->options.samples[i] >= n) {
            return quern_fail(c->context, QUERN_INVALID_ARGUMENT, NULL,
                              "sample %zu wanted, the data has %zu",
                              c->options.samples[i], n);
        }
    }
    return c->n_samples > 0 ? QUERN_OK
                            : quern_fail(c->context, QUERN_INVALID_ARGUMENT,
                                         NULL, "no samples to compare on");
}

static enum quern_code open_labels(struct quern_comparison *c)
{
    struct qn_input *input = NULL;
    if (c->options.labels == NULL) {
        return QUERN_OK;
    }
    enum quern_code code = qn_input_open(c->context, c->options.labels, &input);
    if (code == QUERN_OK) {
        code = qn_npy_read(c->context, "labels", input, &c->labels);
    }
    qn_input_release(input);
    if (code == QUERN_OK &&
        !quern_dtype_is_integer(quern_tensor_dtype(c->labels))) {
        code = quern_fail(c->context, QUERN_INVALID_ARGUMENT, NULL,
                          "labels '%s' are %s, needs whole numbers",
                          c->options.labels,
                          quern_dtype_name(quern_tensor_dtype(c->labels)));
    }
    return code;
}

/* --------------------------------------------------------------- running */

static void release_all(struct quern_tensor **tensors, size_t n)
{
    for (size_t i = 0; tensors != NULL && i < n; i++) {
        quern_tensor_release(&tensors[i]);
    }
}

static enum quern_code make_worker(struct quern_comparison *c,
                                   const struct quern_graph *got,
                                   struct qn_compare_worker *w)
{
    size_t most = c->n_inputs + quern_graph_n_inputs(got) + 1;
    w->sample = qn_calloc_n(most, sizeof(struct quern_tensor *));
    w->in = qn_calloc_n(most, sizeof(struct quern_tensor *));
    w->out[0] = qn_calloc_n(c->n_outputs + 1, sizeof(struct quern_tensor *));
    w->out[1] = qn_calloc_n(c->n_got + 1, sizeof(struct quern_tensor *));
    w->measures = qn_calloc_n(c->n_outputs + 1, sizeof(struct quern_measure *));
    w->n_shape = qn_calloc_n(c->n_outputs + 1, sizeof *w->n_shape);
    if (w->sample == NULL || w->in == NULL || w->out[0] == NULL ||
        w->out[1] == NULL || w->measures == NULL || w->n_shape == NULL) {
        return qn_no_memory(c->context);
    }
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < c->n_outputs && code == QUERN_OK; i++) {
        code = quern_measure_create(c->context, &w->measures[i]);
    }
    return code == QUERN_OK && c->options.per_layer
               ? qn_layers_create(c, &w->layers)
               : code;
}

static void finish_worker(const struct quern_comparison *c,
                          struct qn_compare_worker *w)
{
    for (size_t i = 0; w->measures != NULL && i < c->n_outputs; i++) {
        quern_measure_destroy(&w->measures[i]);
    }
    quern_runner_destroy(&w->runner[0]);
    quern_runner_destroy(&w->runner[1]);
    qn_layers_destroy(&w->layers);
    qn_free(w->sample);
    qn_free(w->in);
    qn_free(w->out[0]);
    qn_free(w->out[1]);
    qn_free(w->measures);
    qn_free(w->n_shape);
}

static enum quern_code run_side(struct quern_comparison *c,
                                struct quern_context *context,
                                struct qn_compare_worker *w, int which)
{
    const struct qn_side *s = &c->side[which];
    enum quern_code code = QUERN_OK;
    if (w->runner[which] == NULL) {
        code = quern_runner_create(s->engine, context, &w->runner[which]);
    }
    for (size_t i = 0; i < s->n_inputs; i++) {
        w->in[i] = w->sample[s->source[i]];
    }
    if (code == QUERN_OK) {
        code =
            quern_runner_run(w->runner[which], w->in, s->n_inputs,
                             w->out[which], quern_engine_n_outputs(s->engine),
                             w->layers == NULL ? NULL
                             : which == 0      ? qn_layers_keep
                                               : qn_layers_measure,
                             w->layers);
    }
    return code;
}

/* The sides that run now, and what the worker compares when both have. */
static enum quern_code run_sides(struct quern_context *context,
                                 struct quern_comparison *c, size_t i,
                                 int number, int first, int last)
{
    struct qn_compare_worker *w = &c->workers[number];
    size_t sample = c->options.samples != NULL ? c->options.samples[i] : i;
    struct quern_tensor **kept =
        c->kept != NULL ? c->kept + i * c->n_outputs : NULL;
    enum quern_code code =
        quern_data_sample(c->data, context, sample, w->sample);
    for (int k = first; k <= last && code == QUERN_OK; k++) {
        code = run_side(c, context, w, k);
    }
    for (size_t k = 0; kept != NULL && k < c->n_outputs; k++) {
        if (last == 0) {
            kept[k] = w->out[0][k];
            w->out[0][k] = NULL;
        } else {
            w->out[0][k] = quern_tensor_retain(kept[k]);
        }
    }
    if (code == QUERN_OK && last == 1) {
        code = qn_compare_outputs(c, context, w, sample);
    }
    release_all(w->sample, c->n_inputs);
    release_all(w->out[0], c->n_outputs);
    release_all(w->out[1], c->n_got);
    return code;
}

static enum quern_code both(struct quern_context *context, void *user, size_t i,
                            int number)
{
    return run_sides(context, user, i, number, 0, 1);
}

static enum quern_code first(struct quern_context *context, void *user,
                             size_t i, int number)
{
    return run_sides(context, user, i, number, 0, 0);
}

static enum quern_code second(struct quern_context *context, void *user,
                              size_t i, int number)
{
    return run_sides(context, user, i, number, 1, 1);
}

/* Values inside are kept for one sample at a time, so those samples are run
 * one after the other. */
static enum quern_code loop(struct quern_comparison *c, quern_loop_fn fn)
{
    enum quern_code code = QUERN_OK;
    if (c->n_workers > 1) {
        return quern_parallel(c->context, c->n_samples, fn, c);
    }
    for (size_t i = 0; i < c->n_samples && code == QUERN_OK; i++) {
        code = fn(c->context, c, i, 0);
        qn_progress(c->context, "compare", i + 1, c->n_samples);
    }
    return code;
}

static enum quern_code make_workers(struct quern_comparison *c,
                                    const struct quern_graph *got)
{
    enum quern_code code = QUERN_OK;
    c->n_workers = c->options.per_layer ? 1 : quern_context_threads(c->context);
    c->workers = qn_calloc_n((size_t)c->n_workers, sizeof *c->workers);
    if (c->workers == NULL) {
        return qn_no_memory(c->context);
    }
    for (int i = 0; i < c->n_workers && code == QUERN_OK; i++) {
        code = make_worker(c, got, &c->workers[i]);
    }
    return code;
}

/* The reference on all samples, and nothing left of its engine. */
static enum quern_code run_reference(struct quern_comparison *c)
{
    c->kept = qn_calloc_n(c->n_samples * c->n_outputs + 1,
                          sizeof(struct quern_tensor *));
    enum quern_code code =
        c->kept != NULL ? loop(c, first) : qn_no_memory(c->context);
    for (int i = 0; i < c->n_workers; i++) {
        quern_runner_destroy(&c->workers[i].runner[0]);
    }
    quern_engine_close(&c->side[0].engine);
    qn_trim();
    return code;
}

/* --------------------------------------------------------------- results */

static void describe(struct quern_compared *v, const struct quern_value *value,
                     bool is_output)
{
    const struct quern_node *node = quern_value_producer(value);
    v->name = quern_value_name(value);
    v->op = node != NULL ? quern_node_op(node) : "";
    v->is_output = is_output;
}

static enum quern_code collect(struct quern_comparison *c)
{
    struct qn_compare_worker *w = c->workers;
    c->values = qn_calloc_n(c->n_outputs + c->n_taps + 1, sizeof *c->values);
    if (c->values == NULL) {
        return qn_no_memory(c->context);
    }
    for (int k = 0; k < c->n_workers; k++) {
        c->n_right[0] += w[k].n_right[0];
        c->n_right[1] += w[k].n_right[1];
        c->n_labels += w[k].n_labels;
    }
    for (size_t i = 0; i < c->n_outputs; i++) {
        struct quern_compared *v = &c->values[i];
        describe(v, quern_graph_output(c->graph, i), true);
        v->n_shape = w[0].n_shape[i];
        for (int k = 1; k < c->n_workers; k++) {
            quern_measure_merge(w[0].measures[i], w[k].measures[i]);
            v->n_shape += w[k].n_shape[i];
        }
        quern_measure_result(w[0].measures[i], &v->result);
    }
    for (size_t i = 0; i < c->n_taps; i++) {
        struct quern_compared *v = &c->values[c->n_outputs + i];
        describe(v, c->side[0].taps[i], false);
        v->result.sqnr_db = qn_layers_sqnr(w[0].layers, i, &v->result.n_values);
    }
    return QUERN_OK;
}

/* What only the run needed. */
static void close(struct quern_comparison *c)
{
    for (int i = 0; c->workers != NULL && i < c->n_workers; i++) {
        finish_worker(c, &c->workers[i]);
    }
    release_all(c->kept, c->n_samples * c->n_outputs);
    quern_data_close(&c->data);
    quern_tensor_release(&c->labels);
    for (int k = 0; k < 2; k++) {
        quern_engine_close(&c->side[k].engine);
        qn_free(c->side[k].taps);
        qn_free(c->side[k].source);
    }
    qn_free(c->kept);
    qn_free(c->inputs);
    qn_free(c->workers);
    qn_free(c->output_of);
}

static enum quern_code prepare(struct quern_comparison *c,
                               struct quern_model *reference,
                               struct quern_graph *other, const char *data)
{
    enum quern_code code =
        c->options.per_layer ? qn_layers_list(c, other) : QUERN_OK;
    if (code == QUERN_OK) {
        code = open_side(c, reference, 0);
    }
    if (code == QUERN_OK) {
        code = list_inputs(c);
    }
    if (code == QUERN_OK) {
        code = match_outputs(c, other);
    }
    if (code == QUERN_OK) {
        code = open_data(c, data);
    }
    return code == QUERN_OK ? open_labels(c) : code;
}

static enum quern_code compare(struct quern_comparison *c,
                               struct quern_model *reference,
                               struct quern_model *got, const char *data)
{
    struct quern_graph *other = quern_model_graph(got);
    bool in_turn = c->options.in_turn && !c->options.per_layer;
    enum quern_code code = QUERN_OK;
    if (c->options.per_layer) { /* sequences are no layers */
        code = quern_model_infer(reference);
        code = code == QUERN_OK ? quern_model_infer(got) : code;
    }
    if (code == QUERN_OK) {
        code = prepare(c, reference, other, data);
    }
    if (code == QUERN_OK) {
        snprintf(c->engine, sizeof c->engine, "%s",
                 quern_engine_description(c->side[0].engine));
        code = make_workers(c, other);
    }
    if (code == QUERN_OK && in_turn) {
        code = run_reference(c);
    }
    if (code == QUERN_OK) {
        code = open_side(c, got, 1);
    }
    if (code == QUERN_OK) {
        code = match_inputs(c);
    }
    if (code == QUERN_OK) {
        code = loop(c, in_turn ? second : both);
    }
    return code == QUERN_OK ? collect(c) : code;
}

enum quern_code quern_compare(struct quern_model *reference,
                              struct quern_model *got, const char *data,
                              const struct quern_compare_options *options,
                              struct quern_comparison **out_comparison)
{
    struct quern_context *context = quern_model_context(reference);
    if (quern_model_context(got) != context) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "models of two contexts, needs one");
    }
    struct quern_comparison *c = qn_calloc(sizeof *c);
    if (c == NULL) {
        return qn_no_memory(context);
    }
    c->context = context;
    c->graph = quern_model_graph(reference);
    if (options != NULL) {
        size_t size = options->struct_size;
        memcpy(&c->options, options,
               size < sizeof c->options ? size : sizeof c->options);
    }
    enum quern_code code = compare(c, reference, got, data);
    close(c);
    if (code == QUERN_OK) {
        *out_comparison = c;
    } else {
        quern_comparison_destroy(&c);
    }
    return code;
}

void quern_comparison_destroy(struct quern_comparison **comparison)
{
    if (comparison != NULL && *comparison != NULL) {
        qn_free((*comparison)->values);
        qn_free(*comparison);
        *comparison = NULL;
    }
}

size_t quern_comparison_n_samples(const struct quern_comparison *c)
{
    return c->n_samples;
}

const char *quern_comparison_engine(const struct quern_comparison *c)
{
    return c->engine;
}

size_t quern_comparison_n_values(const struct quern_comparison *c)
{
    return c->n_outputs + c->n_taps;
}

const struct quern_compared *
quern_comparison_value(const struct quern_comparison *c, size_t i)
{
    return i < c->n_outputs + c->n_taps ? &c->values[i] : NULL;
}

bool quern_comparison_accuracy(const struct quern_comparison *c,
                               double *out_reference, double *out_got)
{
    if (c->n_labels == 0) {
        return false;
    }
    *out_reference = (double)c->n_right[0] / (double)c->n_labels;
    *out_got = (double)c->n_right[1] / (double)c->n_labels;
    return true;
}
