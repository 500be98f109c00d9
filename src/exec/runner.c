/* Engines and runners: the public functions of <quern/run.h>, but for opening
 * (api/engine.c). */
#include "base/numeric.h"
#include "exec/backend.h"
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
    if (dtype == QUERN_STRING || quern_dtype_bits(dtype) == 0) {
        struct quern_place place = QUERN_PLACE_NONE;
        place.tensor = value->name;
        return quern_fail(run->context, QUERN_UNSUPPORTED, &place,
                          "input of type %s in the embedded engine",
                          quern_dtype_name(dtype));
    }
    if (!qn_dims_can_loop(quern_tensor_rank(tensor),
                          quern_tensor_dims(tensor))) {
        struct quern_place place = QUERN_PLACE_NONE;
        place.tensor = value->name;
        return quern_fail(run->context, QUERN_LIMIT, &place,
                          "input without elements whose other dimensions "
                          "exceed 2^31");
    }
    struct qn_array *a = &run->slots[slot];
    qn_array_of_tensor(tensor, dtype, a);
    size_t size = qn_element_size(dtype);
    bool is_packed = qn_is_packed_type(dtype);
    if (!is_packed && ((uintptr_t)a->data & (size - 1)) == 0) {
        return QUERN_OK;
    }
    /* Misaligned bytes of a file, or packed ones: copied once a run. */
    size_t bytes = (size_t)a->len * size;
    a->chunk = qn_scratch(run, bytes);
    if (a->chunk == NULL) {
        a->set = false;
        return QUERN_NO_MEMORY;
    }
    if (is_packed) {
        qn_tensor_unpack(tensor, a->chunk->data);
    } else {
        memcpy(a->chunk->data, a->data, bytes);
    }
    a->data = a->chunk->data;
    return QUERN_OK;
}

/* The tensor of the run before if its receiver has let it go, else a new one.
 */
static enum quern_code output_room(struct qn_run *run,
                                   struct quern_tensor **given,
                                   enum quern_dtype dtype,
                                   const struct qn_array *a)
{
    struct quern_tensor *t = *given;
    if (t != NULL && quern_tensor_data_mut(t) != NULL &&
        quern_tensor_dtype(t) == dtype && quern_tensor_rank(t) == a->rank &&
        memcmp(quern_tensor_dims(t), a->dims,
               (size_t)a->rank * sizeof *a->dims) == 0) {
        return QUERN_OK;
    }
    quern_tensor_release(given);
    return quern_tensor_create(run->context, dtype, a->rank, a->dims, given);
}

static enum quern_code pack_output(struct qn_run *run, int slot,
                                   struct quern_tensor *to)
{
    struct qn_op reader = {.n_in = 1, .in = &slot};
    const struct qn_array *a = qn_in_packed(run, &reader, 0);
    uint8_t *data = quern_tensor_data_mut(to);
    if (a == NULL) {
        return run->context->diag.error.code;
    }
    memset(data, 0, quern_tensor_size(to));
    for (int64_t i = 0; i < a->len; i++) {
        qn_pack(data, (size_t)i, a->dtype, (int32_t)a->data[i]);
    }
    return QUERN_OK;
}

static enum quern_code get_output(struct qn_run *run, size_t i,
                                  struct quern_tensor **out_tensor)
{
    int slot = run->engine->output_slots[i];
    struct quern_tensor **given = &run->given[i];
    const struct qn_array *a = slot >= 0 ? &run->slots[slot] : NULL;
    if (run->engine->output_strings[i] != NULL) {
        *out_tensor = quern_tensor_retain(run->engine->output_strings[i]);
        return QUERN_OK;
    }
    if (a == NULL || !a->set) {
        *out_tensor = NULL;
        return QUERN_OK;
    }
    if (a->is_sequence) {
        return quern_fail(run->context, QUERN_UNSUPPORTED, NULL,
                          "output %zu is a sequence; outputs of the embedded "
                          "engine are tensors",
                          i);
    }
    enum quern_code code = output_room(run, given, a->dtype, a);
    if (code != QUERN_OK) {
        return code;
    }
    if (qn_is_packed_type(a->dtype)) {
        code = pack_output(run, slot, *given);
    } else {
        struct qn_array to = *a;
        to.data = quern_tensor_data_mut(*given);
        qn_array_pack_strides(&to);
        qn_array_copy(&to, a);
    }
    if (code != QUERN_OK) {
        return code;
    }
    *out_tensor = quern_tensor_retain(*given);
    return QUERN_OK;
}

/* Are the input shapes those of the run before? Notes them. */
static bool same_shapes(struct qn_run *run, struct quern_tensor *const *inputs)
{
    bool same = true;
    int64_t *at = run->key;
    for (size_t i = 0; i < run->engine->n_inputs; i++) {
        int rank = inputs[i] != NULL ? quern_tensor_rank(inputs[i]) : -1;
        const int64_t *dims =
            inputs[i] != NULL ? quern_tensor_dims(inputs[i]) : NULL;
        same = same && at[0] == rank + 1;
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
        code = get_output(run, i, &outputs[i]);
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
