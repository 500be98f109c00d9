/* Trials: does a changed model give the same? */
#include "api/trial_run.h"
#include "ir/ir.h"
#include "ir/names.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double times_slower = 20.0; /* that a changed model may be */

/* A changed model at work. */
struct round {
    struct qn_trial_engine e;
    const struct quern_graph *graph;
    struct quern_tensor **in;  /* as the engine wants them, borrowed */
    struct quern_tensor **out; /* QN_TRIAL_SAMPLES x outputs of the graph */
    size_t *source;            /* by output of the trial: that of the graph */
    /* Inputs of the trial, by sample, as floats of another type, where a pass
     * that changes precision wants them so; NULL: as they are. */
    struct quern_tensor **cast;
};

static enum quern_code round_init(struct round *r, struct qn_trial *t,
                                  struct quern_model *model)
{
    r->graph = model->graph;
    size_t n_in = model->graph->n_inputs;
    size_t n_out = model->graph->n_outputs;
    r->in = qn_calloc_n(n_in + 1, sizeof(struct quern_tensor *));
    r->out = qn_calloc_n(QN_TRIAL_SAMPLES * n_out + 1,
                         sizeof(struct quern_tensor *));
    r->source = qn_calloc_n(t->n_out + 1, sizeof *r->source);
    r->cast = qn_calloc_n(QN_TRIAL_SAMPLES * t->n_in + 1,
                          sizeof(struct quern_tensor *));
    return r->in != NULL && r->out != NULL && r->source != NULL &&
                   r->cast != NULL
               ? QUERN_OK
               : qn_no_memory(t->context);
}

static void round_finish(struct round *r, const struct qn_trial *t)
{
    qn_trial_close(&r->e);
    if (r->graph != NULL) {
        qn_trial_release(r->out, QN_TRIAL_SAMPLES * r->graph->n_outputs);
    }
    qn_free(r->in);
    qn_free(r->out);
    if (r->cast != NULL) {
        qn_trial_release(r->cast, QN_TRIAL_SAMPLES * t->n_in);
    }
    qn_free(r->cast);
    qn_free(r->source);
}

static void differs(struct qn_finding *f, const char *head, const char *what,
                    const char *tail)
{
    f->verdict = QUERN_VERDICT_DIFFERS;
    snprintf(f->text, sizeof f->text, "%s%s%s", head, what, tail);
}

/* Where the outputs of the trial are now; one that is gone is a difference. */
static enum quern_code match_outputs(struct round *r, const struct qn_trial *t,
                                     struct qn_finding *f)
{
    struct qn_map places = {0};
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < t->n_out && code == QUERN_OK; i++) {
        if (!qn_names_output(r->graph, t->out[i], i, &places, &r->source[i])) {
            code = qn_no_memory(t->context);
        } else if (r->source[i] == r->graph->n_outputs) {
            differs(f, "output '", t->out[i], "' is gone");
            break;
        }
    }
    qn_map_finish(&places);
    return code;
}

/* What an input gets: the sample, or where the pass may change precision and
 * made it another type of floats, that. */
static enum quern_code input_of(struct round *r, const struct qn_trial *t,
                                size_t at, const struct quern_value *value,
                                bool may_cast, struct quern_tensor **out)
{
    enum quern_dtype want = quern_value_dtype(value);
    enum quern_dtype have = quern_tensor_dtype(t->inputs[at]);
    *out = t->inputs[at];
    if (!may_cast || want == have || !quern_dtype_is_float(want) ||
        !quern_dtype_is_float(have)) {
        return QUERN_OK;
    }
    enum quern_code code =
        quern_tensor_cast(t->context, t->inputs[at], want, &r->cast[at]);
    *out = r->cast[at];
    return code;
}

static enum quern_code match_inputs(struct round *r, const struct qn_trial *t,
                                    size_t sample, bool may_cast,
                                    struct qn_finding *f)
{
    enum quern_code code = QUERN_OK;
    size_t n = quern_engine_n_inputs(r->e.engine);
    size_t next = 0;
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        const struct quern_value *value = quern_engine_input(r->e.engine, i);
        size_t k = 0; /* mostly it is the next one */
        while (k < t->n_in && strcmp(t->in[(next + k) % t->n_in],
                                     quern_value_name(value)) != 0) {
            k++;
        }
        if (k == t->n_in) {
            differs(f, "input '", quern_value_name(value),
                    "' was not there before");
            return QUERN_OK;
        }
        size_t at = (next + k) % t->n_in;
        next = at + 1;
        code =
            input_of(r, t, sample * t->n_in + at, value, may_cast, &r->in[i]);
    }
    return code;
}

static void compare_sample(const struct round *r, const struct qn_trial *t,
                           const struct qn_bound *bound, size_t sample,
                           struct qn_finding *f)
{
    for (size_t i = 0; i < t->n_out; i++) {
        const struct quern_tensor *want = t->outputs[sample * t->n_out + i];
        const struct quern_tensor *got =
            r->out[sample * r->graph->n_outputs + r->source[i]];
        struct qn_difference d;
        char text[640];
        if (qn_agree(bound, got, want, &d)) {
            continue;
        }
        qn_difference_format(&d, got, want, text, sizeof text);
        snprintf(f->text, sizeof f->text, "output '%s'%s%s (sample %zu of %zu)",
                 t->out[i], text[0] == '[' ? "" : " ", text, sample + 1,
                 t->n_samples);
        snprintf(f->output, sizeof f->output, "%s", t->out[i]);
        f->verdict = QUERN_VERDICT_DIFFERS;
        f->sample = sample;
        f->difference = d;
        return;
    }
}

/* Ranges that random data do not meet mean nothing there. */
static struct qn_bound bound_of(const struct qn_trial *t, bool is_ort,
                                enum quern_contract contract)
{
    struct qn_bound b =
        qn_bound_of(contract, t->is_half, t->is_coded, !t->is_ort && !is_ort);
    bool is_random = t->options.data == NULL && t->options.n_given == 0;
    if (contract == QUERN_CHANGES_PRECISION && is_random) {
        b.least_sqnr = -HUGE_VAL;
    }
    return b;
}

static enum quern_code run_sample(struct round *r, struct qn_trial *t,
                                  const struct qn_bound *bound, size_t i,
                                  struct qn_finding *f)
{
    struct qn_trial_why why = {QUERN_OK, ""};
    double seconds = fmax(qn_trial_seconds, times_slower * t->seconds);
    enum quern_code code =
        match_inputs(r, t, i, bound->contract == QUERN_CHANGES_PRECISION, f);
    if (code != QUERN_OK || f->verdict != QUERN_VERDICT_AGREES) {
        return code;
    }
    code = qn_trial_run(&r->e, r->in, seconds, r->out + i * r->graph->n_outputs,
                        &why);
    if (code == QUERN_OK && why.code == QUERN_OK) {
        compare_sample(r, t, bound, i, f);
    } else if (code == QUERN_OK) {
        f->sample = i;
        differs(f, "the model does not run any more: ", why.text, "");
        if (why.code == QUERN_UNSUPPORTED) {
            f->verdict = QUERN_VERDICT_UNKNOWN;
        }
    }
    return code;
}

static enum quern_code run_samples(struct round *r, struct qn_trial *t,
                                   const struct qn_bound *bound,
                                   struct qn_finding *f)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < t->n_samples && code == QUERN_OK &&
                       f->verdict == QUERN_VERDICT_AGREES;
         i++) {
        code = run_sample(r, t, bound, i, f);
    }
    return code;
}

/* What the changed model gave is what the next one is compared with. */
static enum quern_code take_over(struct qn_trial *t, struct round *r,
                                 const struct quern_model *model)
{
    size_t n = r->graph->n_outputs;
    qn_trial_forget(t);
    enum quern_code code = qn_trial_list_outputs(t, model);
    for (size_t i = 0; i < QN_TRIAL_SAMPLES * n && code == QUERN_OK; i++) {
        t->outputs[i] = r->out[i];
        r->out[i] = NULL;
    }
    for (size_t i = 0; i < QN_TRIAL_SAMPLES * t->n_in; i++) {
        if (r->cast[i] != NULL) {
            quern_tensor_release(&t->inputs[i]);
            t->inputs[i] = r->cast[i];
            r->cast[i] = NULL;
        }
    }
    t->is_ort = r->e.is_ort;
    return code;
}

static enum quern_code compare(struct qn_trial *t, struct quern_model *model,
                               enum quern_contract contract, bool keep,
                               struct round *r, struct qn_finding *f)
{
    struct qn_trial_why why = {QUERN_OK, ""};
    enum quern_code code = round_init(r, t, model);
    if (code == QUERN_OK) {
        code = qn_trial_open(model, t->options.engine, t->options.ort_library,
                             NULL, 0, &r->e, &why);
    }
    if (code != QUERN_OK) {
        return code;
    }
    if (why.code != QUERN_OK) {
        differs(f, "the model does not run any more: ", why.text, "");
        if (why.code == QUERN_UNSUPPORTED) {
            f->verdict = QUERN_VERDICT_UNKNOWN;
            return keep ? qn_trial_set_why(t, f->text) : QUERN_OK;
        }
        return QUERN_OK;
    }
    struct qn_bound bound = bound_of(t, r->e.is_ort, contract);
    code = match_outputs(r, t, f);
    if (code == QUERN_OK && f->verdict == QUERN_VERDICT_AGREES) {
        code = run_samples(r, t, &bound, f);
    }
    if (code == QUERN_OK && keep && f->verdict == QUERN_VERDICT_UNKNOWN) {
        return qn_trial_set_why(t, f->text);
    }
    return code == QUERN_OK && keep && f->verdict == QUERN_VERDICT_AGREES
               ? take_over(t, r, model)
               : code;
}

enum quern_code qn_trial_compare(struct qn_trial *trial,
                                 struct quern_model *model,
                                 enum quern_contract contract, bool keep,
                                 struct qn_finding *out_finding)
{
    struct qn_finding *f = out_finding;
    struct round r = {.in = NULL};
    *f = (struct qn_finding){.verdict = QUERN_VERDICT_AGREES};
    if (trial->why != NULL) {
        f->verdict = QUERN_VERDICT_UNKNOWN;
        snprintf(f->text, sizeof f->text, "%s", trial->why);
        return keep ? qn_trial_begin(trial, model) : QUERN_OK;
    }
    enum quern_code code = quern_model_infer(model);
    if (code == QUERN_OK) {
        (void)qn_trial_look(trial, model);
        code = compare(trial, model, contract, keep, &r, f);
    }
    round_finish(&r, trial);
    return code;
}

/* ---------------------------------------------------------------- services */

static void release_trial(void *object)
{
    qn_trial_destroy(object);
}

enum quern_code qn_trial_start(struct quern_pass_ctx *ctx)
{
    struct qn_trial *trial = NULL;
    const struct qn_trial_options o = {.data = quern_pass_data(ctx),
                                       .engine = ctx->options->engine,
                                       .ort_library =
                                           ctx->options->ort_library};
    enum quern_code code = qn_trial_create(ctx->model, &o, &trial);
    if (code == QUERN_OK) {
        code = quern_pass_keep(ctx, trial, release_trial);
    }
    ctx->trial = code == QUERN_OK ? trial : NULL;
    return code;
}

enum quern_code qn_trial_step(struct quern_pass_ctx *ctx,
                              enum quern_contract contract,
                              enum quern_verdict *out_verdict, char *text,
                              size_t size)
{
    struct qn_finding f;
    enum quern_code code =
        qn_trial_compare(ctx->trial, ctx->model, contract, true, &f);
    *out_verdict = f.verdict;
    snprintf(text, size, "%s", f.text);
    return code;
}

bool qn_trial_tell(const struct quern_pass_ctx *ctx, char *text, size_t size)
{
    const char *why = qn_trial_why(ctx->trial);
    if (why != NULL) {
        snprintf(text, size, "%s", why);
        return false;
    }
    qn_trial_describe(ctx->trial, text, size);
    return true;
}
