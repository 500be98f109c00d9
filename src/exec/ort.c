/* ONNX Runtime as the engine: sessions and runs.
 *
 * One session serves all runners, each run in one thread of the caller:
 * samples run in parallel here, and results must not depend on the number of
 * threads. With `fuse` the library optimizes as it does for its users; without
 * it every operator runs as it stands in the model.
 */
#include "exec/ort.h"

#include "exec/prepare.h"

#include <stdio.h>
#include <string.h>

static const struct qn_backend backend;

static struct quern_place place_of(const struct quern_value *value,
                                   const char *stage)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.stage = stage;
    place.tensor = value != NULL ? quern_value_name(value) : NULL;
    return place;
}

/* ----------------------------------------------------------------- begin */

static enum quern_code refuse(struct quern_engine *e,
                              const struct quern_value *value, const char *why)
{
    struct quern_place place = place_of(value, "plan");
    return quern_fail(e->context, QUERN_UNSUPPORTED, &place, "%s", why);
}

static enum quern_code check_kind(struct quern_engine *e,
                                  const struct quern_value *v, const char *what)
{
    static const char *const kinds[] = {
        [QUERN_KIND_SPARSE] = "a sparse tensor",
        [QUERN_KIND_SEQUENCE] = "a sequence",
        [QUERN_KIND_OPTIONAL] = "an optional",
        [QUERN_KIND_MAP] = "a map",
        [QUERN_KIND_OPAQUE] = "of an opaque type",
    };
    enum quern_kind kind = quern_value_kind(v);
    if (kind <= QUERN_KIND_TENSOR) {
        return QUERN_OK;
    }
    struct quern_place place = place_of(v, "plan");
    return quern_fail(e->context, QUERN_UNSUPPORTED, &place,
                      "%s is %s; quern gives tensors to ONNX Runtime and takes "
                      "tensors from it",
                      what, kinds[kind]);
}

/* Number of the session's output for a value, which becomes one. */
static int fetch_of(struct qn_ort *ort, struct quern_value *v)
{
    for (size_t i = 0; i < ort->n_fetches; i++) {
        if (ort->fetches[i] == v) {
            return (int)i;
        }
    }
    ort->fetches[ort->n_fetches] = v;
    ort->fetch_names[ort->n_fetches] = quern_value_name(v);
    return (int)ort->n_fetches++;
}

static enum quern_code list_outputs(struct quern_engine *e, struct qn_ort *ort,
                                    const struct quern_engine_options *options)
{
    struct quern_graph *graph = e->model->graph;
    bool own = options->outputs != NULL;
    enum quern_code code = QUERN_OK;
    e->pruned = own;
    e->n_outputs = own ? options->n_outputs : graph->n_outputs;
    size_t n = e->n_outputs + 1;
    ort->outputs = qn_arena_alloc_n(&e->arena, n, sizeof *ort->outputs);
    ort->fetches = qn_arena_alloc_n(&e->arena, n, sizeof(struct quern_value *));
    ort->fetch_names = qn_arena_alloc_n(&e->arena, n, sizeof(const char *));
    if (ort->outputs == NULL || ort->fetches == NULL ||
        ort->fetch_names == NULL) {
        return qn_no_memory(e->context);
    }
    for (size_t i = 0; i < e->n_outputs && code == QUERN_OK; i++) {
        struct quern_value *v =
            own ? options->outputs[i] : graph->outputs[i]->value;
        ort->outputs[i].value = v;
        code = check_kind(e, v, "output");
        if (code == QUERN_OK && v->graph != graph) {
            code = refuse(e, v, "a value inside a body cannot be an output");
        }
        /* Constants and inputs are at hand. */
        bool at_hand =
            quern_value_constant(v) != NULL || v->is_input || v->tensor != NULL;
        ort->outputs[i].fetch =
            code != QUERN_OK || at_hand ? -1 : fetch_of(ort, v);
    }
    return code;
}

/* A tap operator can stand behind the producer of a tensor. Constants are not
 * shown, as in the embedded engine; what is no tensor or holds strings has
 * nothing to show. */
static bool is_shown(const struct quern_value *v)
{
    return v->producer != NULL && quern_value_constant(v) == NULL &&
           quern_value_kind(v) <= QUERN_KIND_TENSOR &&
           quern_value_dtype(v) != QUERN_STRING;
}

static enum quern_code list_taps(struct quern_engine *e, struct qn_ort *ort,
                                 const struct quern_engine_options *options,
                                 struct quern_value ***out_taps)
{
    size_t n = options->n_taps;
    struct quern_value **taps =
        qn_arena_alloc_n(&e->arena, n + 1, sizeof(struct quern_value *));
    ort->taps = qn_arena_alloc_n(&e->arena, n + 1, sizeof *ort->taps);
    if (taps == NULL || ort->taps == NULL) {
        return qn_no_memory(e->context);
    }
    for (size_t i = 0; i < n; i++) {
        struct quern_value *v = options->taps[i];
        ort->taps[i] = (struct qn_ort_tap){ort, i};
        taps[i] = v != NULL && (is_shown(v) || v->is_input) ? v : NULL;
    }
    ort->n_taps = n;
    ort->taps_write = options->taps_write;
    *out_taps = taps;
    return QUERN_OK;
}

static enum quern_code begin(struct quern_engine *e, struct qn_ort *ort,
                             const struct quern_engine_options *options,
                             struct qn_ort_wants *wants)
{
    struct quern_value **taps = NULL;
    if (options->profile) {
        return refuse(e, NULL,
                      "times per node are those of the embedded engine: ONNX "
                      "Runtime does not tell them here");
    }
    enum quern_code code =
        qn_ort_library_open(e->context, options->ort_library, &ort->library);
    if (code != QUERN_OK) {
        return code;
    }
    snprintf(e->description, sizeof e->description, "ONNX Runtime %s",
             ort->library.version);
    e->library = ort->library.path;
    ort->fuse = options->fuse;
    code = list_outputs(e, ort, options);
    if (code == QUERN_OK) {
        code = list_taps(e, ort, options, &taps);
    }
    *wants = (struct qn_ort_wants){
        .fetches = ort->fetches,
        .n_fetches = ort->n_fetches,
        .taps = taps,
        .n_taps = ort->n_taps,
        .all_inputs = !e->pruned,
        .lends = ort->library.api_version >= QN_ORT_API_LENT,
    };
    return code;
}

enum quern_code qn_ort_begin(struct quern_model *model,
                             const struct quern_engine_options *options,
                             struct qn_ort_wants *out_wants,
                             struct quern_engine **out_engine)
{
    static const struct quern_engine_options defaults;
    struct quern_engine *e = qn_calloc(sizeof *e);
    struct qn_ort *ort =
        e != NULL ? qn_arena_alloc(&e->arena, sizeof *ort) : NULL;
    if (ort == NULL) {
        qn_free(e);
        return qn_no_memory(model->context);
    }
    e->model = model;
    e->context = model->context;
    e->backend = &backend;
    e->backend_state = ort;
    enum quern_code code =
        begin(e, ort, options != NULL ? options : &defaults, out_wants);
    if (code != QUERN_OK) {
        quern_engine_close(&e);
        return code;
    }
    *out_engine = e;
    return QUERN_OK;
}

/* ------------------------------------------------------------------ load */

static bool is_dead(const struct qn_ort_copy *copy, const struct quern_value *v)
{
    return copy->needs != NULL && !copy->needs[v->id];
}

static enum quern_code list_inputs(struct quern_engine *e, struct qn_ort *ort,
                                   const struct qn_ort_copy *copy,
                                   const struct qn_ort_wants *wants)
{
    const struct quern_graph *graph = e->model->graph;
    size_t n = graph->n_inputs + 1;
    enum quern_code code = QUERN_OK;
    e->inputs = qn_arena_alloc_n(&e->arena, n, sizeof(struct quern_value *));
    ort->feed_names = qn_arena_alloc_n(&e->arena, n + 1, sizeof(const char *));
    ort->input_taps = qn_arena_alloc_n(&e->arena, n, sizeof(int));
    if (e->inputs == NULL || ort->feed_names == NULL ||
        ort->input_taps == NULL) {
        return qn_no_memory(e->context);
    }
    for (size_t i = 0; i < graph->n_inputs && code == QUERN_OK; i++) {
        struct quern_value *v = graph->inputs[i];
        if (v->tensor != NULL || (e->pruned && is_dead(copy, v))) {
            continue; /* an overridable default, or nobody needs it */
        }
        int *tap = &ort->input_taps[e->n_inputs];
        *tap = -1;
        for (size_t k = 0; k < wants->n_taps; k++) {
            *tap = wants->taps[k] == v ? (int)k : *tap;
        }
        ort->feed_names[e->n_inputs] = quern_value_name(v);
        e->inputs[e->n_inputs++] = v;
        code = check_kind(e, v, "graph input");
    }
    ort->feeds_run = copy->run_input != NULL;
    if (code == QUERN_OK && ort->feeds_run) {
        ort->feed_names[e->n_inputs] =
            qn_arena_strdup(&e->arena, copy->run_input);
        code = ort->feed_names[e->n_inputs] != NULL ? QUERN_OK
                                                    : qn_no_memory(e->context);
    }
    return code;
}

/* Weights that are not in the copy: values over their bytes, which stay as
 * long as the engine. */
static enum quern_code lend(struct quern_engine *e, struct qn_ort *ort,
                            const struct qn_ort_copy *copy,
                            struct ort_session_options *options)
{
    const struct ort_api *api = ort->library.api;
    size_t n = copy->n_lent;
    const char **names = qn_arena_alloc_n(&e->arena, n + 1, sizeof *names);
    ort->lent = qn_arena_alloc_n(&e->arena, n + 1, sizeof(struct ort_value *));
    ort->lent_tensors =
        qn_arena_alloc_n(&e->arena, n + 1, sizeof(struct quern_tensor *));
    if (names == NULL || ort->lent == NULL || ort->lent_tensors == NULL) {
        return qn_no_memory(e->context);
    }
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        ort->n_lent = i + 1;
        names[i] = quern_value_name(copy->lent[i]);
        code = quern_tensor_align(e->context, copy->lent[i]->tensor,
                                  &ort->lent_tensors[i]);
        if (code == QUERN_OK) {
            code = qn_ort_value_of(e->context, &ort->library, ort->memory,
                                   ort->lent_tensors[i], &ort->lent[i]);
        }
    }
    if (code != QUERN_OK || n == 0) {
        return code;
    }
    return qn_ort_check(
        e->context, api,
        api->add_external_initializers(
            options, names, (const struct ort_value *const *)ort->lent, n),
        NULL, QUERN_UNSUPPORTED);
}

/* Settings, one after the other: the first that goes wrong is told. */
static enum quern_code set_options(struct quern_engine *e, struct qn_ort *ort,
                                   struct ort_session_options *options)
{
    const struct ort_api *api = ort->library.api;
    int level = ort->fuse ? ORT_OPTIMIZE_ALL : ORT_OPTIMIZE_NOTHING;
    struct ort_status *status = api->set_severity(options, ORT_LOG_FATAL);
    status = status == NULL ? api->set_optimization(options, level) : status;
    status = status == NULL ? api->set_intra_threads(options, 1) : status;
    status = status == NULL ? api->set_inter_threads(options, 1) : status;
    if (status == NULL && ort->feeds_run) {
        qn_ort_tap_op_init(&ort->tap_op, ort);
        status = api->create_domain(QN_ORT_TAP_DOMAIN, &ort->domain);
        status = status == NULL
                     ? api->domain_add(ort->domain, &ort->tap_op.base)
                     : status;
        status =
            status == NULL ? api->add_domain(options, ort->domain) : status;
    }
    return qn_ort_check(e->context, api, status, NULL, QUERN_UNSUPPORTED);
}

static enum quern_code make_session(struct quern_engine *e, struct qn_ort *ort,
                                    const struct qn_ort_copy *copy)
{
    const struct ort_api *api = ort->library.api;
    struct ort_session_options *options = NULL;
    struct quern_place place = QUERN_PLACE_NONE;
    place.stage = "plan";
    place.file = e->model->path;
    /* What goes wrong comes back as a status: nothing is printed. */
    struct ort_status *status =
        api->create_env(ORT_LOG_FATAL, "quern", &ort->env);
    status = status == NULL
                 ? api->create_cpu_memory(ORT_ARENA_ALLOCATOR, 0, &ort->memory)
                 : status;
    status = status == NULL ? api->create_session_options(&options) : status;
    enum quern_code code =
        qn_ort_check(e->context, api, status, NULL, QUERN_UNSUPPORTED);
    if (code == QUERN_OK) {
        code = set_options(e, ort, options);
    }
    if (code == QUERN_OK && copy->n_lent > 0) {
        code = lend(e, ort, copy, options);
    }
    if (code == QUERN_OK) {
        code =
            qn_ort_check(e->context, api,
                         api->create_session(ort->env, copy->bytes, copy->size,
                                             options, &ort->session),
                         &place, QUERN_UNSUPPORTED);
    }
    if (options != NULL) {
        api->release_session_options(options);
    }
    return code;
}

enum quern_code qn_ort_load(struct quern_engine *engine,
                            const struct qn_ort_wants *wants,
                            const struct qn_ort_copy *copy)
{
    struct qn_ort *ort = engine->backend_state;
    enum quern_code code = list_inputs(engine, ort, copy, wants);
    return code == QUERN_OK && copy->bytes != NULL
               ? make_session(engine, ort, copy)
               : code;
}

static void close_engine(struct quern_engine *e)
{
    struct qn_ort *ort = e->backend_state;
    const struct ort_api *api = ort->library.api;
    if (ort->session != NULL) {
        api->release_session(ort->session);
    }
    for (size_t i = 0; i < ort->n_lent; i++) {
        if (ort->lent[i] != NULL) {
            api->release_value(ort->lent[i]);
        }
        quern_tensor_release(&ort->lent_tensors[i]);
    }
    if (ort->domain != NULL) {
        api->release_domain(ort->domain);
    }
    if (ort->memory != NULL) {
        api->release_memory(ort->memory);
    }
    if (ort->env != NULL) {
        api->release_env(ort->env);
    }
    qn_ort_library_close(&ort->library);
    qn_arena_finish(&e->arena);
    qn_free(e);
}

/* ------------------------------------------------------------------ runs */

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

/* The run itself as an input, for the taps, and what they end it by. */
static enum quern_code set_run(struct state *s, struct qn_ort_run *run,
                               int64_t *address)
{
    static const int64_t one[] = {1};
    const struct ort_api *api = s->ort->library.api;
    enum quern_code code = QUERN_OK;
    if (s->options == NULL) {
        code = qn_ort_check(run->context, api,
                            api->create_run_options(&s->options), NULL,
                            QUERN_INTERNAL);
    }
    if (code != QUERN_OK) {
        return code;
    }
    run->options = s->options;
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
    struct ort_status *status =
        api->run(ort->session, s->options, ort->feed_names,
                 (const struct ort_value *const *)s->feeds,
                 s->engine->n_inputs + (ort->feeds_run ? 1 : 0),
                 ort->fetch_names, ort->n_fetches, s->fetched);
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
    struct quern_place place = place_of(o->value, "run");
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

static const struct qn_backend backend = {
    .close = close_engine,
    .runner_create = create_runner,
    .runner_destroy = destroy_runner,
    .run = run,
};
