/* Engines and runners: the public functions of <quern/run.h>. */
#include "base/numeric.h"
#include "exec/backend.h"
#include "exec/prepare.h"

#include <string.h>

struct quern_runner {
    struct qn_run run;
    void *backend; /* state of another backend */
};

enum quern_code quern_engine_open(struct quern_model *model,
                                  const struct quern_engine_options *options,
                                  struct quern_engine **out_engine)
{
    enum quern_engine_kind kind =
        options != NULL ? options->kind : QUERN_ENGINE_AUTO;
    if (kind == QUERN_ENGINE_ORT) {
        return qn_ort_open(model, options, out_engine);
    }
    enum quern_code code = qn_engine_open_embedded(model, options, out_engine);
    if (code != QUERN_UNSUPPORTED || kind == QUERN_ENGINE_CPU) {
        return code;
    }
    /* What the embedded engine lacks stays told, as a note, if ONNX Runtime is
     * not there either. */
    struct qn_diag *diag = &model->context->diag;
    struct quern_message lacks = diag->error;
    diag->has_error = false;
    code = qn_ort_open(model, options, out_engine);
    if (code != QUERN_OK) {
        struct quern_message second = diag->error;
        diag->error = lacks;
        diag->has_error = true;
        quern_note(model->context, NULL,
                   "ONNX Runtime cannot run it instead: %s", second.text);
        return QUERN_UNSUPPORTED;
    }
    quern_warn(model->context, &lacks.place,
               "%s; ONNX Runtime runs the model instead", lacks.text);
    return QUERN_OK;
}

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
    bool good = r->run.slots != NULL && r->run.caches != NULL;
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

static void drop_slots(struct qn_run *run)
{
    for (int s = 0; run->slots != NULL && s < run->engine->n_slots; s++) {
        qn_slot_drop(run, s);
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
    drop_slots(&r->run);
    qn_caches_finish(&r->run);
    qn_chunks_finish(&r->run.chunks);
    qn_free(r->run.slots);
    qn_free(r->run.times);
    qn_free(r);
}

/* ----------------------------------------------------------- inputs, run */

enum quern_code qn_check_input(struct quern_context *context,
                               const struct quern_value *value,
                               const struct quern_tensor *tensor)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.stage = "run";
    place.tensor = value->name;
    if (tensor == NULL) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, &place,
                          "input is missing");
    }
    enum quern_dtype needed = quern_value_dtype(value);
    if (needed != QUERN_UNDEFINED && needed != quern_tensor_dtype(tensor)) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, &place,
                          "input has type %s, needs %s",
                          quern_dtype_name(quern_tensor_dtype(tensor)),
                          quern_dtype_name(needed));
    }
    int rank = quern_value_rank(value);
    if (rank >= 0 && rank != quern_tensor_rank(tensor)) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, &place,
                          "input has rank %d, needs %d",
                          quern_tensor_rank(tensor), rank);
    }
    for (int i = 0; i < rank; i++) {
        int64_t want = quern_value_dims(value)[i].value;
        int64_t have = quern_tensor_dims(tensor)[i];
        if (want >= 0 && want != have) {
            return quern_fail(context, QUERN_INVALID_ARGUMENT, &place,
                              "input has %lld in dimension %d, needs %lld",
                              (long long)have, i, (long long)want);
        }
    }
    return QUERN_OK;
}

static enum quern_code set_input(struct qn_run *run, int slot,
                                 const struct quern_value *value,
                                 struct quern_tensor *tensor)
{
    enum quern_code code = qn_check_input(run->context, value, tensor);
    if (code != QUERN_OK) {
        return code;
    }
    enum quern_dtype dtype = quern_tensor_dtype(tensor);
    if (dtype == QUERN_STRING || quern_dtype_bits(dtype) < 8) {
        struct quern_place place = QUERN_PLACE_NONE;
        place.tensor = value->name;
        return quern_fail(run->context, QUERN_UNSUPPORTED, &place,
                          "input of type %s in the embedded engine",
                          quern_dtype_name(dtype));
    }
    struct qn_array *a = &run->slots[slot];
    qn_array_of_tensor(tensor, dtype, a);
    size_t size = qn_element_size(dtype);
    if (((uintptr_t)a->data & (size - 1)) == 0) {
        return QUERN_OK;
    }
    /* Misaligned bytes of a file: copied once a run. */
    size_t bytes = (size_t)a->len * size;
    a->chunk = qn_scratch(run, bytes);
    if (a->chunk == NULL) {
        a->set = false;
        return QUERN_NO_MEMORY;
    }
    memcpy(a->chunk->data, a->data, bytes);
    a->data = a->chunk->data;
    return QUERN_OK;
}

static enum quern_code get_output(struct qn_run *run, int slot,
                                  struct quern_tensor **out_tensor)
{
    const struct qn_array *a = slot >= 0 ? &run->slots[slot] : NULL;
    if (a == NULL || !a->set) {
        *out_tensor = NULL;
        return QUERN_OK;
    }
    struct quern_tensor *t = NULL;
    enum quern_dtype dtype = a->dtype;
    enum quern_dtype whole = quern_dtype_bits(dtype) >= 8   ? dtype
                             : quern_dtype_is_signed(dtype) ? QUERN_INT8
                                                            : QUERN_UINT8;
    enum quern_code code =
        quern_tensor_create(run->context, whole, a->rank, a->dims, &t);
    if (code != QUERN_OK) {
        return code;
    }
    struct qn_array to = *a;
    to.data = quern_tensor_data_mut(t);
    qn_array_pack_strides(&to);
    qn_array_copy(&to, a);
    if (whole != dtype) {
        struct quern_tensor *packed = NULL;
        code = quern_tensor_cast(run->context, t, dtype, &packed);
        quern_tensor_release(&t);
        t = packed;
    }
    *out_tensor = t;
    return code;
}

static enum quern_code run_embedded(struct quern_runner *runner,
                                    struct quern_tensor *const *inputs,
                                    struct quern_tensor **outputs)
{
    struct qn_run *run = &runner->run;
    struct quern_engine *e = run->engine;
    enum quern_code code = QUERN_OK;
    if (e->one_thread != NULL) {
        e->one_thread(1);
    }
    for (int s = 0; s < e->n_slots; s++) {
        if (e->constants[s].set) {
            run->slots[s] = e->constants[s];
        }
    }
    for (size_t i = 0; i < e->n_inputs && code == QUERN_OK; i++) {
        code = set_input(run, e->input_slots[i], e->inputs[i], inputs[i]);
        int tap = e->tap_of[e->input_slots[i]];
        if (code == QUERN_OK && tap >= 0 && run->tap != NULL) {
            const struct qn_array *a = &run->slots[e->input_slots[i]];
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
        code = get_output(run, e->output_slots[i], &outputs[i]);
    }
    drop_slots(run);
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
            ? e->backend->run(runner->backend, inputs, outputs, tap, tap_user)
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
