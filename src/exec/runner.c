/* Engines and runners: the public functions of <quern/run.h>, but for opening
 * (api/engine.c). */
#include "exec/backend.h"
#include "exec/border.h"
#include "exec/prepare.h"

#include <string.h>

struct quern_runner {
    struct qn_run run;
    void *backend; /* state of another backend */
};

void quern_engine_close(struct quern_engine **engine)
{
    struct quern_engine *e = engine != NULL ? *engine : NULL;
    if (e == NULL) {
        return;
    }
    *engine = NULL;
    if (e->backend != NULL) {
        e->backend->close(e);
    } else {
        qn_engine_close_embedded(e);
    }
}

const char *quern_engine_description(const struct quern_engine *engine)
{
    return engine->description;
}

const char *quern_engine_library(const struct quern_engine *engine)
{
    return engine->library;
}

size_t quern_engine_n_inputs(const struct quern_engine *engine)
{
    return engine->n_inputs;
}

struct quern_value *quern_engine_input(const struct quern_engine *engine,
                                       size_t i)
{
    return i < engine->n_inputs ? engine->inputs[i] : NULL;
}

size_t quern_engine_n_outputs(const struct quern_engine *engine)
{
    return engine->n_outputs;
}

enum quern_code quern_runner_create(struct quern_engine *engine,
                                    struct quern_context *context,
                                    struct quern_runner **out_runner)
{
    struct quern_runner *r = qn_calloc(sizeof *r);
    if (r == NULL) {
        return qn_no_memory(context);
    }
    r->run.engine = engine;
    r->run.context = context;
    r->run.kernels = engine->kernels;
    r->run.chunks.limit = context->max_memory;
    size_t n_ops = engine->main != NULL ? (size_t)engine->main->n_ops : 0;
    r->run.slots =
        qn_calloc_n((size_t)engine->n_slots + 1, sizeof *r->run.slots);
    r->run.caches =
        qn_calloc_n((size_t)engine->n_ops + 1, sizeof(struct qn_cache *));
    r->run.at = -1;
    r->run.taken = qn_calloc_n((size_t)engine->n_ops + 1, sizeof *r->run.taken);
    r->run.n_key = engine->n_inputs * (QUERN_MAX_RANK + 1);
    r->run.key = qn_calloc_n(r->run.n_key + 1, sizeof *r->run.key);
    r->run.given =
        qn_calloc_n(engine->n_outputs + 1, sizeof(struct quern_tensor *));
    bool good = r->run.slots != NULL && r->run.caches != NULL &&
                r->run.taken != NULL && r->run.key != NULL &&
                r->run.given != NULL;
    if (engine->profile && n_ops > 0) {
        r->run.times = qn_calloc_n(n_ops, sizeof *r->run.times);
        good = good && r->run.times != NULL;
    }
    enum quern_code code = good ? QUERN_OK : qn_no_memory(context);
    if (code == QUERN_OK && engine->backend != NULL) {
        code = engine->backend->runner_create(engine, context, &r->backend);
    }
    if (code != QUERN_OK) {
        quern_runner_destroy(&r);
        return code;
    }
    *out_runner = r;
    return QUERN_OK;
}

/* Constants stay; so does what depends on input shapes alone, unless `all`. */
static void drop_slots(struct qn_run *run, bool all)
{
    const struct quern_engine *e = run->engine;
    for (int s = 0; run->slots != NULL && s < e->n_slots; s++) {
        if (run->slots[s].set &&
            (all || (!e->constants[s].set && !e->stays[s]))) {
            qn_slot_drop(run, s);
        }
    }
}

void quern_runner_attach(struct quern_runner *runner,
                         struct quern_context *context)
{
    runner->run.context = context;
}

void quern_runner_destroy(struct quern_runner **runner)
{
    struct quern_runner *r = runner != NULL ? *runner : NULL;
    if (r == NULL) {
        return;
    }
    *runner = NULL;
    if (r->backend != NULL) {
        r->run.engine->backend->runner_destroy(r->backend);
    }
    drop_slots(&r->run, true);
    qn_caches_finish(&r->run);
    for (int i = 0; r->run.taken != NULL && i < r->run.engine->n_ops; i++) {
        qn_free(r->run.taken[i].chunks);
    }
    qn_free(r->run.taken);
    for (size_t i = 0; r->run.given != NULL && i < r->run.engine->n_outputs;
         i++) {
        quern_tensor_release(&r->run.given[i]);
    }
    qn_free(r->run.given);
    qn_free(r->run.key);
    qn_chunks_finish(&r->run.chunks);
    qn_free(r->run.slots);
    qn_free(r->run.times);
    qn_free(r);
}

/* ------------------------------------------------------------------ run */

/* Are the input shapes those of the run before? Notes them. Those of lists are
 * not looked at. */
static bool same_shapes(struct qn_run *run, struct quern_tensor *const *inputs)
{
    bool same = true;
    int64_t *at = run->key;
    for (size_t i = 0; i < run->engine->n_inputs; i++) {
        int rank = inputs[i] != NULL ? quern_tensor_rank(inputs[i]) : -1;
        const int64_t *dims =
            inputs[i] != NULL ? quern_tensor_dims(inputs[i]) : NULL;
        same = same && at[0] == rank + 1 &&
               (rank < 0 || !quern_tensor_is_list(inputs[i]));
        at[0] = rank + 1;
        for (int k = 0; k < rank; k++) {
            same = same && at[k + 1] == dims[k];
            at[k + 1] = dims[k];
        }
        at += QUERN_MAX_RANK + 1;
    }
    return same;
}

static void begin_run(struct qn_run *run, struct quern_tensor *const *inputs)
{
    const struct quern_engine *e = run->engine;
    if (e->one_thread != NULL) {
        e->one_thread(1);
    }
    run->warm = same_shapes(run, inputs) && run->done;
    run->done = false;
    if (!run->warm) {
        drop_slots(run, true);
    }
    for (int i = 0; i < e->n_constants; i++) {
        int s = e->constant_slots[i];
        if (!run->slots[s].set) {
            run->slots[s] = e->constants[s];
        }
    }
    for (int i = 0; i < e->n_ops; i++) {
        run->taken[i].next = 0;
    }
}

static enum quern_code run_embedded(struct quern_runner *runner,
                                    struct quern_tensor *const *inputs,
                                    struct quern_tensor **outputs)
{
    struct qn_run *run = &runner->run;
    struct quern_engine *e = run->engine;
    enum quern_code code = QUERN_OK;
    begin_run(run, inputs);
    for (size_t i = 0; i < e->n_inputs && code == QUERN_OK; i++) {
        code = qn_border_in(run, e->input_slots[i], e->inputs[i], inputs[i]);
        int tap = e->tap_of[e->input_slots[i]];
        const struct qn_array *a = &run->slots[e->input_slots[i]];
        if (code == QUERN_OK && tap >= 0 && run->tap != NULL && a->set &&
            !a->is_sequence) {
            struct quern_view view = {
                .dtype = a->dtype, .rank = a->rank, .data = a->data};
            memcpy(view.dims, a->dims, sizeof view.dims);
            memcpy(view.strides, a->strides, sizeof view.strides);
            code = run->tap(run->tap_user, (size_t)tap, &view);
        }
    }
    if (code == QUERN_OK) {
        code = qn_run_program(run, e->main);
    }
    for (size_t i = 0; i < e->n_outputs && code == QUERN_OK; i++) {
        code = qn_border_out(run, i, &outputs[i]);
    }
    run->done = code == QUERN_OK;
    drop_slots(run, !run->done);
    return code;
}

enum quern_code quern_runner_run(struct quern_runner *runner,
                                 struct quern_tensor *const *inputs,
                                 size_t n_inputs, struct quern_tensor **outputs,
                                 size_t n_outputs, quern_tap_fn tap,
                                 void *tap_user)
{
    struct quern_engine *e = runner->run.engine;
    if (n_inputs != e->n_inputs || n_outputs != e->n_outputs) {
        return quern_fail(runner->run.context, QUERN_INVALID_ARGUMENT, NULL,
                          "run with %zu inputs and %zu outputs, needs %zu and "
                          "%zu",
                          n_inputs, n_outputs, e->n_inputs, e->n_outputs);
    }
    for (size_t i = 0; i < n_outputs; i++) {
        outputs[i] = NULL;
    }
    runner->run.tap = tap;
    runner->run.tap_user = tap_user;
    enum quern_code code =
        e->backend != NULL
            ? e->backend->run(runner->backend, runner->run.context, inputs,
                              outputs, tap, tap_user)
            : run_embedded(runner, inputs, outputs);
    for (size_t i = 0; code != QUERN_OK && i < n_outputs; i++) {
        quern_tensor_release(&outputs[i]);
    }
    return code;
}

size_t quern_runner_n_times(const struct quern_runner *runner)
{
    const struct qn_run *run = &runner->run;
    return run->times != NULL ? (size_t)run->engine->main->n_ops : 0;
}

struct quern_node_time quern_runner_time(const struct quern_runner *runner,
                                         size_t i)
{
    return runner->run.times[i];
}
