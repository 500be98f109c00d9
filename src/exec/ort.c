/* ONNX Runtime as the engine: what an engine wants of a copy of the model, and
 * the session that is made of it. Runs are in ort_run.c.
 *
 * One session serves all runners, each run in one thread of the caller:
 * samples run in parallel here, and results must not depend on the number of
 * threads. With `fuse` the library optimizes as it does for its users; without
 * it every operator runs as it stands in the model.
 */
#include "exec/ort.h"

#include <stdio.h>
#include <string.h>

struct quern_place qn_ort_place(const struct quern_value *value,
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
    struct quern_place place = qn_ort_place(value, "plan");
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
    struct quern_place place = qn_ort_place(v, "plan");
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
    e->backend = &qn_ort_backend;
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

void qn_ort_close(struct quern_engine *e)
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
