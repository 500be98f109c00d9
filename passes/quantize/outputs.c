/* What the float model gave on a few samples, and the error of the quantized
 * one against it. */
#include "quantize/outputs.h"

#include <math.h>
#include <stdlib.h>

/* Samples of which outputs are kept, and about the most bytes of all of them:
 * one is always kept. */
enum { MOST_SAMPLES = 16 };
static const size_t most_bytes = (size_t)8 << 20;

#define OUTPUTS_TABLE "quern.float-outputs"
#define ERROR_TABLE "quern.output-error"

/* Entry of the table of errors, at id 0. */
struct told_error {
    double worst;
    uint64_t n_edits;
};

/* ---------------------------------------------------------------- outputs */

static void release(void *object)
{
    struct qn_outputs *o = object;
    for (size_t i = 0; o->tensors != NULL && i < o->n * o->n_out; i++) {
        quern_tensor_release(&o->tensors[i]);
    }
    free(o->tensors);
    free(o);
}

static enum quern_code no_memory(struct quern_context *context)
{
    return quern_fail(context, QUERN_NO_MEMORY, NULL, "out of memory");
}

enum quern_code qn_outputs_create(struct quern_pass_ctx *ctx,
                                  const struct qn_sampling *sampling,
                                  size_t n_out, struct qn_outputs **out)
{
    struct quern_table *table = NULL;
    size_t n = sampling->n < MOST_SAMPLES ? sampling->n : MOST_SAMPLES;
    struct qn_outputs *o = calloc(1, sizeof *o);
    if (o == NULL) {
        return no_memory(quern_pass_context(ctx));
    }
    *o = (struct qn_outputs){sampling, sampling->n - n, n, n_out, NULL};
    o->tensors = calloc(n * n_out + 1, sizeof(struct quern_tensor *));
    if (o->tensors == NULL) {
        release(o);
        return no_memory(quern_pass_context(ctx));
    }
    enum quern_code code = quern_pass_keep(ctx, o, release);
    if (code == QUERN_OK) {
        code = quern_table_open(quern_pass_model(ctx), OUTPUTS_TABLE,
                                QUERN_TABLE_VALUE, sizeof o, &table);
    }
    *out = o;
    return code == QUERN_OK ? quern_table_set(table, 0, &o) : code;
}

const struct qn_outputs *qn_outputs_of(struct quern_model *model)
{
    struct quern_table *table = NULL;
    if (quern_table_open(model, OUTPUTS_TABLE, QUERN_TABLE_VALUE,
                         sizeof(struct qn_outputs *), &table) != QUERN_OK) {
        return NULL;
    }
    struct qn_outputs *const *entry = quern_table_get(table, 0);
    return entry != NULL ? *entry : NULL;
}

static size_t bytes_of(struct quern_tensor *const *tensors, size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        bytes += tensors[i] != NULL ? quern_tensor_size(tensors[i]) : 0;
    }
    return bytes;
}

/* The row of a sample; NULL: it is none of those. */
static struct quern_tensor **row_of(const struct qn_outputs *o, size_t place)
{
    bool is_one = place >= o->first && place - o->first < o->n;
    return is_one ? o->tensors + (place - o->first) * o->n_out : NULL;
}

void qn_outputs_keep(struct qn_outputs *o, size_t place,
                     struct quern_tensor *const *given)
{
    struct quern_tensor **row = row_of(o, place);
    size_t n_behind = row != NULL ? o->first + o->n - 1 - place : 0;
    if (row == NULL || (n_behind > 0 && bytes_of(given, o->n_out) >
                                            most_bytes / (n_behind + 1))) {
        return;
    }
    for (size_t i = 0; i < o->n_out; i++) {
        row[i] = given[i] != NULL ? quern_tensor_retain(given[i]) : NULL;
    }
}

/* ------------------------------------------------------------------ error */

enum quern_code qn_error_init(struct quern_pass_ctx *ctx,
                              const struct qn_outputs *outputs,
                              struct qn_error *e)
{
    size_t n = outputs != NULL ? outputs->n * outputs->n_out : 0;
    enum quern_code code = QUERN_OK;
    *e = (struct qn_error){outputs, NULL};
    e->measures = calloc(n + 1, sizeof(struct quern_measure *));
    if (e->measures == NULL) {
        return no_memory(quern_pass_context(ctx));
    }
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        code = quern_measure_create(quern_pass_context(ctx), &e->measures[i]);
    }
    return code;
}

void qn_error_finish(struct qn_error *e)
{
    size_t n = e->outputs != NULL ? e->outputs->n * e->outputs->n_out : 0;
    for (size_t i = 0; e->measures != NULL && i < n; i++) {
        quern_measure_destroy(&e->measures[i]);
    }
    free(e->measures);
    e->measures = NULL;
}

/* Floats of the same shape, rows along the last axis. */
static void add_output(struct quern_measure *m, const struct quern_tensor *want,
                       const struct quern_tensor *got)
{
    if (want == NULL || got == NULL ||
        quern_tensor_dtype(want) != QUERN_FLOAT ||
        quern_tensor_dtype(got) != QUERN_FLOAT ||
        quern_tensor_len(want) != quern_tensor_len(got) ||
        quern_tensor_len(want) == 0) {
        return;
    }
    size_t len = (size_t)quern_tensor_len(want);
    int rank = quern_tensor_rank(want);
    size_t cols = rank > 0 ? (size_t)quern_tensor_dims(want)[rank - 1] : 1;
    quern_measure_add(m, quern_tensor_data(want), quern_tensor_data(got),
                      len / cols, cols);
}

void qn_error_add(struct qn_error *e, size_t place,
                  struct quern_tensor *const *given)
{
    struct quern_tensor **row =
        e->outputs != NULL ? row_of(e->outputs, place) : NULL;
    size_t at = row != NULL ? (size_t)(row - e->outputs->tensors) : 0;
    for (size_t i = 0; row != NULL && i < e->outputs->n_out; i++) {
        add_output(e->measures[at + i], row[i], given[i]);
    }
}

static double ratio_of(const struct quern_measure *m)
{
    struct quern_measure_result r;
    quern_measure_result(m, &r);
    if (r.n_mismatch > 0) {
        return 1e6; /* NaN where there was none */
    }
    double sqnr = r.is_softmax ? r.logit_sqnr_db : r.sqnr_db;
    bool none = r.n_values == 0 || !(r.max_ref > 0.0);
    return none ? 0.0 : fmin(pow(10.0, -0.1 * sqnr), 1e6);
}

enum quern_code qn_error_ratios(struct quern_context *context,
                                const struct qn_error *e, double *out_ratios,
                                double *out_worst)
{
    size_t n_out = e->outputs != NULL ? e->outputs->n_out : 0;
    double worst = -1.0;
    for (size_t i = 0; i < n_out; i++) {
        struct quern_measure *all = NULL;
        double ratio = 0.0;
        enum quern_code code = quern_measure_create(context, &all);
        if (code != QUERN_OK) {
            return code;
        }
        for (size_t k = 0; k < e->outputs->n; k++) {
            quern_measure_merge(all, e->measures[k * n_out + i]);
        }
        ratio = ratio_of(all);
        quern_measure_destroy(&all);
        worst = fmax(worst, ratio);
        if (out_ratios != NULL) {
            out_ratios[i] = ratio;
        }
    }
    *out_worst = worst;
    return QUERN_OK;
}

static struct quern_table *error_table(struct quern_model *model)
{
    struct quern_table *table = NULL;
    enum quern_code code =
        quern_table_open(model, ERROR_TABLE, QUERN_TABLE_VALUE,
                         sizeof(struct told_error), &table);
    return code == QUERN_OK ? table : NULL;
}

enum quern_code qn_error_tell(struct quern_pass_ctx *ctx, double worst)
{
    struct quern_model *model = quern_pass_model(ctx);
    struct quern_table *table = error_table(model);
    struct told_error told = {worst, quern_model_n_edits(model)};
    return table != NULL ? quern_table_set(table, 0, &told) : QUERN_NO_MEMORY;
}

double qn_error_told(struct quern_model *model)
{
    const struct quern_table *table = error_table(model);
    const struct told_error *told =
        table != NULL ? quern_table_get(table, 0) : NULL;
    return told != NULL && told->n_edits == quern_model_n_edits(model)
               ? told->worst
               : -1.0;
}

double qn_ratio_db(double ratio)
{
    return ratio > 0.0 ? -10.0 * log10(ratio) : HUGE_VAL;
}
