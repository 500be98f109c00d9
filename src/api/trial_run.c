/* Running a model for a trial. */
#include "api/trial_run.h"

#include <stdio.h>
#include <string.h>

const double qn_trial_seconds = 20.0;

/* A trial may not take what the work itself may: 2 GiB of activations. */
static const uint64_t most_memory = UINT64_C(2) << 30;

/* ----------------------------------------------------------------- errors */

struct qn_trial_errors qn_trial_errors_begin(struct quern_context *context)
{
    struct qn_diag *diag = &context->diag;
    struct qn_trial_errors before = {diag->error, diag->has_error,
                                     diag->n_messages};
    diag->has_error = false;
    return before;
}

/* The message without the word that says that it is an error. */
static void keep_text(const struct quern_context *context, enum quern_code code,
                      struct qn_trial_why *why)
{
    const struct quern_message *m = quern_error(context);
    char text[sizeof why->text] = "";
    if (m != NULL) {
        quern_message_format(m, text, sizeof text);
    }
    const char *rest = strstr(text, ": ");
    why->code = code;
    snprintf(why->text, sizeof why->text, "%s",
             rest != NULL ? rest + 2 : quern_code_name(code));
}

enum quern_code qn_trial_errors_end(struct quern_context *context,
                                    const struct qn_trial_errors *before,
                                    enum quern_code code,
                                    struct qn_trial_why *out_why)
{
    struct qn_diag *diag = &context->diag;
    out_why->code = QUERN_OK;
    out_why->text[0] = '\0';
    if (code == QUERN_NO_MEMORY || code == QUERN_CANCELLED) {
        return code;
    }
    if (code != QUERN_OK) {
        keep_text(context, code, out_why);
        diag->n_messages = before->n_messages;
    }
    diag->error = before->error;
    diag->has_error = before->has_error;
    return QUERN_OK;
}

/* ---------------------------------------------------------------- opening */

static enum quern_code open_engine(struct quern_model *model,
                                   const struct quern_engine_options *wanted,
                                   struct quern_engine **out_engine)
{
    struct qn_diag *diag = &model->context->diag;
    struct quern_engine_options o = *wanted;
    enum quern_engine_kind kind = o.kind;
    if (kind == QUERN_ENGINE_ORT) {
        return quern_engine_open(model, &o, out_engine);
    }
    o.kind = QUERN_ENGINE_CPU;
    o.backend = "plain";
    enum quern_code code = quern_engine_open(model, &o, out_engine);
    if (code == QUERN_UNSUPPORTED && kind == QUERN_ENGINE_AUTO) {
        diag->has_error = false;
        o.kind = kind;
        o.backend = NULL;
        code = quern_engine_open(model, &o, out_engine);
    }
    return code;
}

enum quern_code
qn_trial_open(struct quern_model *model, enum quern_engine_kind kind,
              const char *ort_library, struct quern_value *const *outputs,
              size_t n_outputs, struct qn_trial_engine *out_engine,
              struct qn_trial_why *out_why)
{
    struct qn_trial_engine *e = out_engine;
    struct quern_context *context = model->context;
    struct qn_trial_errors before = qn_trial_errors_begin(context);
    const struct quern_engine_options o = {.struct_size = sizeof o,
                                           .kind = kind,
                                           .ort_library = ort_library,
                                           .outputs = outputs,
                                           .n_outputs = n_outputs};
    *e = (struct qn_trial_engine){.model = model};
    enum quern_code code = open_engine(model, &o, &e->engine);
    if (code == QUERN_OK) {
        qn_context_init_child(&e->child, context);
        e->has_child = true;
        e->is_ort = quern_engine_library(e->engine) != NULL;
        if (e->child.max_memory > most_memory) {
            e->child.max_memory = most_memory;
        }
        code = quern_runner_create(e->engine, &e->child, &e->runner);
        if (code != QUERN_OK) {
            qn_context_join(context, &e->child);
        }
    }
    code = qn_trial_errors_end(context, &before, code, out_why);
    if (code != QUERN_OK || out_why->code != QUERN_OK) {
        qn_trial_close(e);
    }
    return code;
}

void qn_trial_close(struct qn_trial_engine *engine)
{
    quern_runner_destroy(&engine->runner);
    quern_engine_close(&engine->engine);
    if (engine->has_child) {
        qn_context_finish_child(&engine->child);
    }
    *engine = (struct qn_trial_engine){0};
}

/* ---------------------------------------------------------------- running */

enum quern_code qn_trial_run(struct qn_trial_engine *engine,
                             struct quern_tensor *const *inputs, double seconds,
                             struct quern_tensor **outputs,
                             struct qn_trial_why *out_why)
{
    struct quern_context *child = &engine->child;
    struct qn_trial_errors none = {.has_error = false};
    int64_t start = qn_clock();
    child->deadline = start + (int64_t)(seconds * 1e9);
    enum quern_code code = quern_runner_run(
        engine->runner, inputs, quern_engine_n_inputs(engine->engine), outputs,
        quern_engine_n_outputs(engine->engine), NULL, NULL);
    bool is_late = code == QUERN_LIMIT && qn_clock() >= child->deadline;
    double took = (double)(qn_clock() - start) * 1e-9;
    engine->slowest = took > engine->slowest ? took : engine->slowest;
    child->deadline = 0;
    enum quern_code end = qn_trial_errors_end(child, &none, code, out_why);
    if (end != QUERN_OK) {
        qn_context_join(engine->model->context, child);
    } else if (is_late) {
        snprintf(out_why->text, sizeof out_why->text,
                 "does not come to an end within %.3g s", seconds);
    }
    quern_clear(child);
    return end;
}
