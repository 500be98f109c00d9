/* Runs of ONNX Runtime as the engine: tensors in, taps on the way, tensors out.
 */
#include "exec/ort.h"
#include "exec/prepare.h"

#include <string.h>

/* Of one runner. */
struct state {
    struct quern_engine *engine;
    struct qn_ort *ort;
    struct ort_run_options *options; /* NULL: no taps, or none yet */
    struct ort_value **feeds;
    struct quern_tensor **aligned; /* twins of inputs, during a run */
    struct ort_value **fetched;
};

static void destroy_runner(void *runner)
{
    struct state *s = runner;
    if (s->options != NULL) {
        s->ort->library.api->release_run_options(s->options);
    }
    qn_free(s->feeds);
    qn_free(s->aligned);
    qn_free(s->fetched);
    qn_free(s);
}

static enum quern_code create_runner(struct quern_engine *engine,
                                     struct quern_context *context,
                                     void **out_state)
{
    struct qn_ort *ort = engine->backend_state;
    struct state *s = qn_calloc(sizeof *s);
    if (s == NULL) {
        return qn_no_memory(context);
    }
    s->engine = engine;
    s->ort = ort;
    s->feeds = qn_calloc_n(engine->n_inputs + 2, sizeof(struct ort_value *));
    s->aligned =
        qn_calloc_n(engine->n_inputs + 1, sizeof(struct quern_tensor *));
    s->fetched = qn_calloc_n(ort->n_fetches + 1, sizeof(struct ort_value *));
    enum quern_code code =
        s->feeds != NULL && s->aligned != NULL && s->fetched != NULL
            ? QUERN_OK
            : qn_no_memory(context);
    if (code != QUERN_OK) {
        destroy_runner(s);
        return code;
    }
    *out_state = s;
    return QUERN_OK;
}

static enum quern_code show_input(const struct state *s,
                                  const struct qn_ort_run *run, size_t i,
                                  const struct quern_tensor *tensor)
{
    int tap = s->ort->input_taps[i];
    enum quern_dtype dtype = quern_tensor_dtype(tensor);
    if (tap < 0 || run->tap == NULL || quern_dtype_bits(dtype) < 8) {
        return QUERN_OK;
    }
    struct qn_array a;
    qn_array_of_tensor(tensor, dtype, &a);
    struct quern_view view = {.dtype = dtype, .rank = a.rank, .data = a.data};
    memcpy(view.dims, a.dims, sizeof view.dims);
    memcpy(view.strides, a.strides, sizeof view.strides);
    return run->tap(run->user, (size_t)tap, &view);
}

/* Misaligned bytes of a file are copied for the run. */
static enum quern_code set_input(struct state *s, struct qn_ort_run *run,
                                 size_t i, struct quern_tensor *tensor)
{
    enum quern_code code =
        qn_check_input(run->context, s->engine->inputs[i], tensor);
    if (code != QUERN_OK) {
        return code;
    }
    size_t size = quern_dtype_bits(quern_tensor_dtype(tensor)) / 8;
    bool is_aligned =
        size < 2 || ((uintptr_t)quern_tensor_data(tensor) & (size - 1)) == 0;
    if (is_aligned) {
        s->aligned[i] = quern_tensor_retain(tensor);
    } else {
        code = quern_tensor_align(run->context, tensor, &s->aligned[i]);
    }
    if (code == QUERN_OK && s->ort->session != NULL) {
        code = qn_ort_value_of(run->context, &s->ort->library, s->ort->memory,
                               s->aligned[i], &s->feeds[i]);
    }
    return code == QUERN_OK ? show_input(s, run, i, s->aligned[i]) : code;
}

/* By what a run is told to end. */
static enum quern_code make_options(struct state *s, struct qn_ort_run *run)
{
    const struct ort_api *api = s->ort->library.api;
    enum quern_code code = QUERN_OK;
    if (s->options == NULL) {
        code = qn_ort_check(run->context, api,
                            api->create_run_options(&s->options), NULL,
                            QUERN_INTERNAL);
    }
    run->options = s->options;
    return code;
}

/* The run itself as an input, for the taps, and what they end it by. */
static enum quern_code set_run(struct state *s, struct qn_ort_run *run,
                               int64_t *address)
{
    static const int64_t one[] = {1};
    const struct ort_api *api = s->ort->library.api;
    enum quern_code code = make_options(s, run);
    if (code != QUERN_OK) {
        return code;
    }
    *address = (int64_t)(intptr_t)run;
    return qn_ort_check(run->context, api,
                        api->wrap_tensor(s->ort->memory, address,
                                         sizeof *address, one, 1,
                                         qn_ort_type(QUERN_INT64),
                                         &s->feeds[s->engine->n_inputs]),
                        NULL, QUERN_INTERNAL);
}

static enum quern_code compute(struct state *s, struct qn_ort_run *run)
{
    const struct qn_ort *ort = s->ort;
    const struct ort_api *api = ort->library.api;
    struct quern_place place = QUERN_PLACE_NONE;
    place.stage = "run";
    struct qn_ort_watch watch;
    enum quern_code code =
        run->context->deadline != 0 ? make_options(s, run) : QUERN_OK;
    if (code == QUERN_OK) {
        code = qn_ort_watch_begin(&watch, run->context, api, run->options);
    }
    if (code != QUERN_OK) {
        return code;
    }
    struct ort_status *status =
        api->run(ort->session, s->options, ort->feed_names,
                 (const struct ort_value *const *)s->feeds,
                 s->engine->n_inputs + (ort->feeds_run ? 1 : 0),
                 ort->fetch_names, ort->n_fetches, s->fetched);
    if (qn_ort_watch_end(&watch) && run->code == QUERN_OK) {
        run->code = quern_fail(run->context, QUERN_LIMIT, &place,
                               "stopped: takes too long");
    }
    if (run->code == QUERN_OK) {
        return qn_ort_check(run->context, api, status, &place,
                            QUERN_INVALID_MODEL);
    }
    if (status != NULL) {
        api->release_status(status); /* that it was told to end */
    }
    return run->code;
}

static enum quern_code get_output(struct state *s, struct qn_ort_run *run,
                                  size_t i, struct quern_tensor *const *inputs,
                                  struct quern_tensor **out_tensor)
{
    const struct qn_ort_output *o = &s->ort->outputs[i];
    struct quern_tensor *constant = quern_value_constant(o->value);
    struct quern_place place = qn_ort_place(o->value, "run");
    if (o->fetch >= 0) {
        struct ort_value *value = s->fetched[o->fetch];
        return value != NULL
                   ? qn_ort_tensor_of(run->context, s->ort->library.api, value,
                                      &place, out_tensor)
                   : QUERN_OK;
    }
    constant = constant != NULL ? constant : o->value->tensor;
    for (size_t k = 0; constant == NULL && k < s->engine->n_inputs; k++) {
        constant = s->engine->inputs[k] == o->value ? inputs[k] : NULL;
    }
    *out_tensor = quern_tensor_retain(constant);
    return QUERN_OK;
}

static void release_values(struct state *s)
{
    const struct ort_api *api = s->ort->library.api;
    for (size_t i = 0; i <= s->engine->n_inputs; i++) {
        if (s->feeds[i] != NULL) {
            api->release_value(s->feeds[i]);
            s->feeds[i] = NULL;
        }
    }
    for (size_t i = 0; i < s->engine->n_inputs; i++) {
        quern_tensor_release(&s->aligned[i]);
    }
    for (size_t i = 0; i < s->ort->n_fetches; i++) {
        if (s->fetched[i] != NULL) {
            api->release_value(s->fetched[i]);
            s->fetched[i] = NULL;
        }
    }
}

static enum quern_code run(void *state, struct quern_context *context,
                           struct quern_tensor *const *inputs,
                           struct quern_tensor **outputs, quern_tap_fn tap,
                           void *tap_user)
{
    struct state *s = state;
    int64_t address = 0;
    struct qn_ort_run r = {.context = context, .tap = tap, .user = tap_user};
    enum quern_code code = qn_poll(context);
    for (size_t i = 0; i < s->engine->n_inputs && code == QUERN_OK; i++) {
        code = set_input(s, &r, i, inputs[i]);
    }
    if (code == QUERN_OK && s->ort->feeds_run) {
        code = set_run(s, &r, &address);
    }
    if (code == QUERN_OK && s->ort->session != NULL) {
        code = compute(s, &r);
    }
    for (size_t i = 0; i < s->engine->n_outputs && code == QUERN_OK; i++) {
        code = get_output(s, &r, i, inputs, &outputs[i]);
    }
    release_values(s);
    if (r.code != QUERN_OK && s->options != NULL) {
        s->ort->library.api->release_run_options(s->options);
        s->options = NULL; /* they stay told to end: the next run makes new */
    }
    return code;
}

const struct qn_backend qn_ort_backend = {
    .close = qn_ort_close,
    .runner_create = create_runner,
    .runner_destroy = destroy_runner,
    .run = run,
};
