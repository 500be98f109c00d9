/* Trials: samples, and what a model gives on them. */
#include "api/trial.h"

#include <quern/data.h>

#include "api/sample.h"
#include "api/trial_run.h"
#include "ir/ir.h"

#include <stdio.h>
#include <string.h>

enum { FIXED_SAMPLES = 2 }; /* of models whose sizes are all fixed */

static const double slow = 1.0; /* seconds: one sample will do */

void qn_trial_release(struct quern_tensor **tensors, size_t n)
{
    for (size_t i = 0; tensors != NULL && i < n; i++) {
        quern_tensor_release(&tensors[i]);
    }
}

void qn_trial_forget(struct qn_trial *t)
{
    qn_trial_release(t->outputs, QN_TRIAL_SAMPLES * t->n_out);
    t->outputs = NULL;
    t->n_out = 0;
}

void qn_trial_destroy(struct qn_trial *trial)
{
    if (trial != NULL) {
        qn_trial_forget(trial);
        qn_trial_release(trial->inputs, QN_TRIAL_SAMPLES * trial->n_in);
        qn_arena_finish(&trial->arena);
        qn_free(trial);
    }
}

const char *qn_trial_why(const struct qn_trial *trial)
{
    return trial->why;
}

void qn_trial_describe(const struct qn_trial *trial, char *text, size_t size)
{
    bool is_random = trial->options.data == NULL && trial->options.n_given == 0;
    snprintf(text, size, "%zu %ssample%s, %s", trial->n_samples,
             is_random ? "random " : "", trial->n_samples == 1 ? "" : "s",
             trial->engine);
}

struct quern_tensor *qn_trial_input(const struct qn_trial *trial, size_t sample,
                                    const char *name)
{
    for (size_t i = 0; i < trial->n_in && sample < trial->n_samples; i++) {
        if (strcmp(trial->in[i], name) == 0) {
            return trial->inputs[sample * trial->n_in + i];
        }
    }
    return NULL;
}

enum quern_code qn_trial_set_why(struct qn_trial *t, const char *text)
{
    t->why = qn_arena_strdup(&t->arena, text);
    return t->why != NULL ? QUERN_OK : qn_no_memory(t->context);
}

/* ---------------------------------------------------------- what it holds */

static const char *const random_ops[] = {"Bernoulli",
                                         "Multinomial",
                                         "RandomNormal",
                                         "RandomNormalLike",
                                         "RandomUniform",
                                         "RandomUniformLike",
                                         NULL};

static bool is_coding(const struct quern_node *n)
{
    return strstr(n->op, "QuantizeLinear") != NULL ||
           strstr(n->op, "Integer") != NULL ||
           strncmp(n->op, "QLinear", 7) == 0 || strcmp(n->op, "Round") == 0;
}

/* An operator that gives other numbers in each run; NULL: none. */
const struct quern_node *qn_trial_look(struct qn_trial *t,
                                       const struct quern_model *model)
{
    const struct quern_node *chance = NULL;
    for (const struct quern_graph *g = model->graphs; g != NULL;
         g = g->next_graph) {
        for (const struct quern_node *n = g->first; n != NULL; n = n->next) {
            t->is_coded = t->is_coded || is_coding(n);
            for (size_t i = 0; random_ops[i] != NULL; i++) {
                chance = strcmp(n->op, random_ops[i]) == 0 ? n : chance;
            }
        }
        for (const struct quern_value *v = g->first_value; v != NULL;
             v = v->next_value) {
            enum quern_dtype d = v->erased ? QUERN_UNDEFINED
                                 : v->tensor != NULL
                                     ? quern_tensor_dtype(v->tensor)
                                     : quern_value_dtype(v);
            t->is_half =
                t->is_half || d == QUERN_FLOAT16 || d == QUERN_BFLOAT16;
        }
    }
    return chance;
}

/* ----------------------------------------------------------------- samples */

/* Room for n values, their names and what they are on all samples. */
static enum quern_code make_room(struct qn_trial *t, size_t n,
                                 const char ***out_names,
                                 struct quern_tensor ***out_tensors)
{
    *out_names = qn_arena_alloc_n(&t->arena, n + 1, sizeof **out_names);
    *out_tensors = qn_arena_alloc_n(&t->arena, QN_TRIAL_SAMPLES * n + 1,
                                    sizeof(struct quern_tensor *));
    return *out_names != NULL && *out_tensors != NULL
               ? QUERN_OK
               : qn_no_memory(t->context);
}

static enum quern_code keep_name(struct qn_trial *t,
                                 const struct quern_value *value,
                                 const char **out_name)
{
    *out_name = qn_arena_strdup(&t->arena, quern_value_name(value));
    return *out_name != NULL ? QUERN_OK : qn_no_memory(t->context);
}

static enum quern_code list_inputs(struct qn_trial *t,
                                   const struct quern_engine *engine)
{
    size_t n = quern_engine_n_inputs(engine);
    enum quern_code code = make_room(t, n, &t->in, &t->inputs);
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        code = keep_name(t, quern_engine_input(engine, i), &t->in[i]);
    }
    t->n_in = code == QUERN_OK ? n : 0;
    return code;
}

enum quern_code qn_trial_list_outputs(struct qn_trial *t,
                                      const struct quern_model *model)
{
    size_t n = model->graph->n_outputs;
    enum quern_code code = make_room(t, n, &t->out, &t->outputs);
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        code = keep_name(t, quern_graph_output(model->graph, i), &t->out[i]);
    }
    t->n_out = code == QUERN_OK ? n : 0;
    return code;
}

/* Run the sample that lies ready behind those that there are, and count it if
 * that works. */
static enum quern_code try_sample(struct qn_trial *t, struct qn_trial_engine *e,
                                  struct qn_trial_why *why)
{
    enum quern_code code =
        qn_trial_run(e, t->inputs + t->n_samples * t->n_in, qn_trial_seconds,
                     t->outputs + t->n_samples * t->n_out, why);
    if (code == QUERN_OK && why->code == QUERN_OK) {
        t->n_samples++;
        return QUERN_OK;
    }
    qn_trial_release(t->inputs + t->n_samples * t->n_in, t->n_in);
    return code;
}

static enum quern_code given_sample(struct qn_trial *t,
                                    struct qn_trial_engine *e,
                                    struct qn_trial_why *why)
{
    for (size_t i = 0; i < t->n_in; i++) {
        for (size_t k = 0; k < t->options.n_given; k++) {
            if (strcmp(t->in[i], t->options.names[k]) == 0) {
                t->inputs[i] = quern_tensor_retain(t->options.tensors[k]);
            }
        }
    }
    return try_sample(t, e, why);
}

/* What the samples are for; NULL: no memory. */
static struct quern_value **values_of(struct qn_trial *t,
                                      const struct qn_trial_engine *e)
{
    struct quern_value **values =
        qn_arena_alloc_n(&t->arena, t->n_in + 1, sizeof(struct quern_value *));
    for (size_t i = 0; values != NULL && i < t->n_in; i++) {
        values[i] = quern_engine_input(e->engine, i);
    }
    return values;
}

static enum quern_code samples_of_data(struct qn_trial *t,
                                       struct qn_trial_engine *e,
                                       struct qn_trial_why *why)
{
    struct quern_data *data = NULL;
    struct quern_value **values = values_of(t, e);
    if (values == NULL) {
        return qn_no_memory(t->context);
    }
    enum quern_code code =
        quern_data_open(t->context, t->options.data, values, t->n_in, &data);
    size_t n = code == QUERN_OK ? quern_data_count(data) : 0;
    for (size_t i = 0; i < n && i < QN_TRIAL_SAMPLES && code == QUERN_OK &&
                       why->code == QUERN_OK && e->slowest < slow;
         i++) {
        code = quern_data_sample(data, t->context, i,
                                 t->inputs + t->n_samples * t->n_in);
        if (code == QUERN_OK) {
            code = try_sample(t, e, why);
        }
    }
    quern_data_close(&data);
    return code;
}

/* One more sample with these sizes: kinds of numbers in turn, until one runs.
 * What fails first is told if none does. */
static enum quern_code random_sample(struct qn_trial *t,
                                     struct qn_trial_engine *e,
                                     struct quern_value *const *values,
                                     int sizes, struct qn_trial_why *why)
{
    enum quern_code code = QUERN_OK;
    size_t n = t->n_samples;
    for (int i = 0;
         i < QN_SAMPLE_NUMBERS && code == QUERN_OK && t->n_samples == n; i++) {
        struct qn_trial_why one = {QUERN_OK, ""};
        struct qn_trial_errors before = qn_trial_errors_begin(t->context);
        code = qn_sample_random(t->context, values, t->n_in, sizes,
                                (enum qn_sample_numbers)i,
                                t->inputs + n * t->n_in);
        code = qn_trial_errors_end(t->context, &before, code, &one);
        if (code == QUERN_OK && one.code == QUERN_OK) {
            code = try_sample(t, e, &one);
        }
        if (why->code == QUERN_OK) {
            *why = one;
        }
        if (one.code == QUERN_LIMIT) {
            break; /* other numbers will hardly be faster */
        }
    }
    return code;
}

/* Sizes in turn, until enough samples run. */
static enum quern_code random_samples(struct qn_trial *t,
                                      struct qn_trial_engine *e,
                                      struct qn_trial_why *why)
{
    struct quern_value **values = values_of(t, e);
    if (values == NULL) {
        return qn_no_memory(t->context);
    }
    bool is_symbolic = qn_sample_is_symbolic(values, t->n_in);
    size_t wanted = t->n_in == 0  ? 1
                    : is_symbolic ? QN_TRIAL_SAMPLES
                                  : FIXED_SAMPLES;
    int last = is_symbolic ? QN_SAMPLE_SIZES : (int)wanted;
    enum quern_code code = QUERN_OK;
    int64_t end = qn_clock() + (int64_t)(qn_trial_seconds * 1e9);
    for (int i = 0;
         i < last && code == QUERN_OK && t->n_samples < wanted &&
         qn_clock() < end && (t->n_samples == 0 || e->slowest < slow);
         i++) {
        code = random_sample(t, e, values, i, why);
    }
    if (t->n_samples > 0) {
        why->code = QUERN_OK;
    }
    return code;
}

/* ------------------------------------------------------------- a first run */

static enum quern_code first_run(struct qn_trial *t, struct qn_trial_engine *e,
                                 struct quern_model *model,
                                 struct qn_trial_why *why)
{
    enum quern_code code = list_inputs(t, e->engine);
    if (code == QUERN_OK) {
        code = qn_trial_list_outputs(t, model);
    }
    if (code != QUERN_OK) {
        return code;
    }
    snprintf(t->engine, sizeof t->engine, "%s",
             quern_engine_description(e->engine));
    code = t->options.n_given > 0    ? given_sample(t, e, why)
           : t->options.data != NULL ? samples_of_data(t, e, why)
                                     : random_samples(t, e, why);
    t->seconds = e->slowest;
    t->is_ort = e->is_ort;
    return code;
}

/* Samples, and what the model gives on them; or why not. */
enum quern_code qn_trial_begin(struct qn_trial *t, struct quern_model *model)
{
    struct qn_trial_engine e = {0};
    struct qn_trial_why why = {QUERN_OK, ""};
    char text[sizeof why.text + 128];
    t->is_half = t->is_coded = false;
    qn_trial_forget(t);
    qn_trial_release(t->inputs, QN_TRIAL_SAMPLES * t->n_in);
    t->n_samples = t->n_in = 0;
    enum quern_code code = quern_model_infer(model);
    const struct quern_node *chance =
        code == QUERN_OK ? qn_trial_look(t, model) : NULL;
    if (chance != NULL) {
        snprintf(text, sizeof text,
                 "node '%s' (%s) gives other numbers in each run", chance->name,
                 chance->op);
        return qn_trial_set_why(t, text);
    }
    if (code == QUERN_OK) {
        code = qn_trial_open(model, t->options.engine, t->options.ort_library,
                             NULL, 0, &e, &why);
    }
    if (code == QUERN_OK && why.code == QUERN_OK) {
        code = first_run(t, &e, model, &why);
    }
    qn_trial_close(&e);
    if (code != QUERN_OK) {
        return code;
    }
    t->why = NULL;
    if (why.code == QUERN_OK) {
        return QUERN_OK;
    }
    bool is_random = t->options.data == NULL && t->options.n_given == 0;
    snprintf(text, sizeof text, "the model does not run%s: %s",
             is_random && why.code != QUERN_UNSUPPORTED &&
                     why.code != QUERN_LIMIT
                 ? " on random data (give samples by --data)"
                 : "",
             why.text);
    t->n_samples = 0;
    return qn_trial_set_why(t, text);
}

enum quern_code qn_trial_create(struct quern_model *model,
                                const struct qn_trial_options *options,
                                struct qn_trial **out_trial)
{
    struct qn_trial *t = qn_calloc(sizeof *t);
    if (t == NULL) {
        return qn_no_memory(model->context);
    }
    t->context = model->context;
    t->options = *options;
    enum quern_code code = qn_trial_begin(t, model);
    if (code != QUERN_OK) {
        qn_trial_destroy(t);
        return code;
    }
    *out_trial = t;
    return QUERN_OK;
}
