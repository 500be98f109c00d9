/* Running the model as it is, again and again, on a few samples. */
#include "quantize/reruns.h"

#include <quern/data.h>
#include <quern/run.h>

#include <math.h>
#include <stdio.h>
#include <time.h>

/* Samples that are run: the last ones of those that outputs are known of, a few
 * for a quick run. Of outputs with more values no more are kept. */
enum { FEW = 4, MANY = 16, LARGE = 1 << 17 };

struct qn_reruns {
    struct quern_pass_ctx *ctx;
    struct quern_context *context;
    const struct qn_outputs *outputs;
    size_t first; /* of them */
    size_t n;
    struct quern_engine *engine; /* of the running trial */
    struct qn_error error;
    struct quern_tensor **in;  /* rows of n_in, by sample; NULL: not read yet */
    struct quern_tensor **out; /* rows of n_out */
    size_t n_in;
    size_t n_quick; /* samples of a quick run, the last ones */
    size_t skip;    /* samples that the running trial leaves out */
    size_t n_runs;
    size_t most;
    double seconds; /* that the longest one took */
};

/* Values of the outputs of a sample. */
static int64_t size_of(const struct qn_outputs *o)
{
    int64_t n = 0;
    for (size_t i = 0; i < o->n_out; i++) {
        const struct quern_tensor *t = o->tensors[(o->n - 1) * o->n_out + i];
        n += t != NULL ? quern_tensor_len(t) : 0;
    }
    return n;
}

enum quern_code qn_reruns_open(struct quern_pass_ctx *ctx,
                               const struct qn_outputs *outputs, size_t most,
                               struct qn_reruns **out)
{
    struct qn_reruns *t = quern_pass_alloc(ctx, sizeof *t);
    *out = t;
    if (t == NULL) {
        return QUERN_NO_MEMORY;
    }
    *t = (struct qn_reruns){.ctx = ctx,
                            .context = quern_pass_context(ctx),
                            .outputs = outputs,
                            .most = most};
    size_t n = outputs->n > 0 && size_of(outputs) > LARGE ? FEW : MANY;
    t->n = outputs->n < n ? outputs->n : n;
    t->n_quick = t->n < FEW ? t->n : FEW;
    t->first = outputs->first + outputs->n - t->n;
    t->out = quern_pass_alloc(ctx, (t->n * outputs->n_out + 1) *
                                       sizeof(struct quern_tensor *));
    return t->out != NULL ? QUERN_OK : QUERN_NO_MEMORY;
}

void qn_reruns_close(struct qn_reruns **reruns)
{
    struct qn_reruns *t = *reruns;
    for (size_t i = 0; t != NULL && t->in != NULL && i < t->n * t->n_in; i++) {
        quern_tensor_release(&t->in[i]);
    }
    *reruns = NULL;
}

static enum quern_code read_samples(struct qn_reruns *t)
{
    const struct qn_outputs *o = t->outputs;
    struct quern_data *data = NULL;
    t->n_in = quern_engine_n_inputs(t->engine);
    t->in = quern_pass_alloc(t->ctx, (t->n * t->n_in + 1) *
                                         sizeof(struct quern_tensor *));
    struct quern_value **inputs =
        quern_pass_alloc(t->ctx, (t->n_in + 1) * sizeof *inputs);
    if (t->in == NULL || inputs == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (size_t i = 0; i < t->n_in; i++) {
        inputs[i] = quern_engine_input(t->engine, i);
    }
    enum quern_code code = quern_data_open(t->context, quern_pass_data(t->ctx),
                                           inputs, t->n_in, &data);
    for (size_t i = 0; i < t->n && code == QUERN_OK; i++) {
        code = quern_data_sample(data, t->context,
                                 o->sampling->samples[t->first + i],
                                 t->in + i * t->n_in);
    }
    quern_data_close(&data);
    return code;
}

static enum quern_code run_one(struct quern_context *context, void *user,
                               size_t i, int worker)
{
    struct qn_reruns *t = user;
    struct quern_runner *runner = NULL;
    i += t->skip;
    size_t n_out = t->outputs->n_out;
    struct quern_tensor **out = t->out + i * n_out;
    (void)worker;
    enum quern_code code = quern_runner_create(t->engine, context, &runner);
    if (code == QUERN_OK) {
        code = quern_runner_run(runner, t->in + i * t->n_in, t->n_in, out,
                                n_out, NULL, NULL);
    }
    if (code == QUERN_OK) {
        qn_error_add(&t->error, t->first + i, out);
    }
    for (size_t k = 0; k < n_out; k++) {
        quern_tensor_release(&out[k]);
    }
    quern_runner_destroy(&runner);
    return code;
}

/* What is still to come takes no longer than all runs that are left. */
static void tell(const struct qn_reruns *t)
{
    char text[96];
    snprintf(text, sizeof text, "float-layers: run %zu, %.0f s more at most",
             t->n_runs + 1, (double)qn_reruns_left(t) * t->seconds);
    quern_pass_progress(t->ctx, t->n_runs > 0 ? text : "float-layers", 0, 0);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

enum quern_code qn_reruns_go(struct qn_reruns *t, bool quick,
                             double *out_ratios, double *out_worst)
{
    struct quern_engine_options options = {.struct_size = sizeof options,
                                           .fuse = true};
    double start = now();
    tell(t);
    t->skip = quick ? t->n - t->n_quick : 0;
    quern_pass_engine(t->ctx, &options);
    enum quern_code code = qn_error_init(t->ctx, t->outputs, &t->error);
    if (code == QUERN_OK) {
        code =
            quern_engine_open(quern_pass_model(t->ctx), &options, &t->engine);
    }
    if (code == QUERN_OK && t->in == NULL) {
        code = read_samples(t);
    }
    if (code == QUERN_OK) {
        code = quern_parallel(t->context, t->n - t->skip, run_one, t);
    }
    quern_engine_close(&t->engine);
    if (code == QUERN_OK) {
        code = qn_error_ratios(t->context, &t->error, out_ratios, out_worst);
    }
    qn_error_finish(&t->error);
    t->n_runs++;
    t->seconds = fmax(t->seconds, now() - start);
    return code;
}

size_t qn_reruns_n_samples(const struct qn_reruns *t)
{
    return t->n;
}

size_t qn_reruns_count(const struct qn_reruns *t)
{
    return t->n_runs;
}

size_t qn_reruns_left(const struct qn_reruns *t)
{
    return t->most > t->n_runs ? t->most - t->n_runs : 0;
}
