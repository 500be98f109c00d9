/* Opening the embedded engine: what the caller wants of a model, and the order
 * in which it is prepared. To be read before slots.c (values and constants),
 * program.c (operators), fuse.c, frozen.c and lifetime.c. */
#include "exec/backend.h"
#include "exec/op.h"
#include "exec/prepare.h"

#include <string.h>

static enum quern_code set_outputs(struct quern_engine *e,
                                   const struct quern_engine_options *options)
{
    const struct quern_graph *graph = e->model->graph;
    bool own = options != NULL && options->outputs != NULL;
    e->pruned = own;
    e->n_outputs = own ? options->n_outputs : graph->n_outputs;
    enum quern_code code = qn_slots_alloc(e, e->n_outputs, &e->output_slots);
    e->output_strings = qn_arena_alloc_n(&e->arena, e->n_outputs,
                                         sizeof(struct quern_tensor *));
    e->outputs = qn_arena_alloc_n(&e->arena, e->n_outputs,
                                  sizeof(const struct quern_value *));
    if ((e->output_strings == NULL || e->outputs == NULL) && code == QUERN_OK) {
        code = qn_no_memory(e->context);
    }
    for (size_t i = 0; i < e->n_outputs && code == QUERN_OK; i++) {
        const struct quern_value *v =
            own ? options->outputs[i] : graph->outputs[i]->value;
        struct quern_tensor *t = v != NULL ? quern_value_constant(v) : NULL;
        e->outputs[i] = v;
        e->output_slots[i] = qn_slot_of(e, v);
        /* No operator here reads or makes strings, but a constant may go out.
         */
        if (t != NULL && quern_tensor_dtype(t) == QUERN_STRING) {
            e->output_strings[i] = t;
        }
        code = qn_engine_constant(e, v, false);
    }
    e->n_taps = options != NULL ? options->n_taps : 0;
    e->taps_write = options != NULL && options->taps_write;
    for (size_t i = 0; i < e->n_taps && code == QUERN_OK; i++) {
        int slot = qn_slot_of(e, options->taps[i]);
        if (slot >= 0) {
            e->tap_of[slot] = (int)i;
        }
    }
    return code;
}

static enum quern_code set_inputs(struct quern_engine *e)
{
    const struct quern_graph *graph = e->model->graph;
    size_t n = graph->n_inputs;
    e->inputs = qn_arena_alloc_n(&e->arena, n, sizeof(struct quern_value *));
    enum quern_code code = qn_slots_alloc(e, n, &e->input_slots);
    if (e->inputs == NULL || code != QUERN_OK) {
        return qn_no_memory(e->context);
    }
    for (size_t i = 0; i < n; i++) {
        struct quern_value *v = graph->inputs[i];
        int slot = qn_slot_of(e, v);
        if (v->tensor == NULL) {
            e->inputs[e->n_inputs] = v;
            e->input_slots[e->n_inputs++] = slot;
        } else {
            /* An overridable default: nobody overrides it here. */
            code = qn_engine_hold(e, v->tensor, false, slot);
            if (code != QUERN_OK) {
                return code;
            }
        }
    }
    return QUERN_OK;
}

/* Callers hand in tensors and lists of them. */
static enum quern_code check_inputs(struct quern_engine *e)
{
    static const char *const kinds[] = {
        [QUERN_KIND_SPARSE] = "a sparse tensor",
        [QUERN_KIND_MAP] = "a map",
        [QUERN_KIND_OPAQUE] = "of an opaque type",
    };
    for (size_t i = 0; i < e->n_inputs; i++) {
        enum quern_kind kind = quern_value_kind(e->inputs[i]);
        struct quern_place place = QUERN_PLACE_NONE;
        place.stage = "plan";
        place.tensor = quern_value_name(e->inputs[i]);
        if (kind > QUERN_KIND_TENSOR && kinds[kind] != NULL) {
            return quern_fail(e->context, QUERN_UNSUPPORTED, &place,
                              "graph input is %s; inputs of the embedded "
                              "engine are tensors, sequences and optionals",
                              kinds[kind]);
        }
    }
    return QUERN_OK;
}

static enum quern_code list_constants(struct quern_engine *e)
{
    enum quern_code code =
        qn_slots_alloc(e, (size_t)e->n_slots + 1, &e->constant_slots);
    if (code == QUERN_OK) {
        code = qn_slots_alloc(e, (size_t)e->n_slots + 1, &e->stays);
    }
    for (int s = 0; code == QUERN_OK && s < e->n_slots; s++) {
        if (e->constants[s].set) {
            e->constant_slots[e->n_constants++] = s;
        }
    }
    return code;
}

/* What the caller asked for, and all that has to run for it. */
static void mark_wanted(const struct quern_engine *e, bool *wanted)
{
    for (size_t i = 0; i < e->n_outputs; i++) {
        if (e->output_slots[i] >= 0) {
            wanted[e->output_slots[i]] = true;
        }
    }
    for (int s = 0; s < e->n_slots; s++) {
        wanted[s] = wanted[s] || e->tap_of[s] >= 0;
    }
    qn_program_mark(e, e->model->graph, wanted);
}

/* Whoever asks for some values gives only the inputs that these need; whoever
 * asks for all outputs gives all inputs, as users know them. */
static void prune_inputs(struct quern_engine *e, const bool *wanted)
{
    size_t n_needed = 0;
    for (size_t i = 0; i < e->n_inputs; i++) {
        if (!e->pruned || wanted[e->input_slots[i]]) {
            e->inputs[n_needed] = e->inputs[i];
            e->input_slots[n_needed++] = e->input_slots[i];
        }
    }
    e->n_inputs = n_needed;
}

/* Only shapes that were inferred tell what a Loop of no turns would have
 * gathered. */
static bool has_gathering_loop(const struct quern_model *model)
{
    for (const struct quern_graph *g = model->graphs; g; g = g->next_graph) {
        const struct quern_node *owner = g->parent;
        if (owner != NULL && !owner->erased && quern_node_is(owner, "Loop") &&
            g->n_outputs + 1 > g->n_inputs) {
            return true;
        }
    }
    return false;
}

static enum quern_code make_main(struct quern_engine *e, const bool *wanted)
{
    enum quern_code code =
        qn_program_make(e, e->model->graph, wanted, &e->main);
    if (code == QUERN_OK && e->fuse) {
        code = qn_fuse(e, e->main);
    }
    return code;
}

static enum quern_code build(struct quern_engine *e)
{
    bool *wanted = qn_calloc((size_t)e->n_slots + 1);
    enum quern_code code = wanted != NULL ? QUERN_OK : qn_no_memory(e->context);
    if (code == QUERN_OK) {
        mark_wanted(e, wanted);
        prune_inputs(e, wanted);
        code = check_inputs(e);
    }
    if (code == QUERN_OK) {
        code = make_main(e, wanted);
    }
    if (code == QUERN_OK) {
        code = list_constants(e);
    }
    if (code == QUERN_OK) {
        code = qn_engine_freeze(e, e->main, e->stays);
    }
    if (code == QUERN_OK) {
        code = qn_engine_set_lifetimes(e);
    }
    qn_free(wanted);
    return code;
}

enum quern_code
qn_engine_open_embedded(struct quern_model *model,
                        const struct quern_engine_options *options,
                        struct quern_engine **out_engine)
{
    struct quern_engine *e = qn_calloc(sizeof *e);
    if (e == NULL) {
        return qn_no_memory(model->context);
    }
    e->model = model;
    e->context = model->context;
    const char *level = options != NULL ? options->cpu_level : NULL;
    e->kernels = qn_kernels_best(level);
    if (e->kernels == NULL) {
        qn_free(e);
        return quern_fail(model->context, QUERN_INVALID_ARGUMENT, NULL,
                          "CPU level '%s' is unknown, have: v1, v2, v3, v4",
                          level);
    }
    qn_slabs_init(&e->slabs);
    e->fuse = options != NULL && options->fuse;
    e->profile = options != NULL && options->profile;
    enum quern_code code =
        qn_accelerator_open(e, options != NULL ? options->backend : NULL);
    if (code == QUERN_OK && has_gathering_loop(model)) {
        code = quern_model_infer(model);
    }
    if (code == QUERN_OK) {
        code = qn_engine_number_slots(e);
    }
    if (code == QUERN_OK) {
        code = set_inputs(e);
    }
    if (code == QUERN_OK) {
        code = set_outputs(e, options);
    }
    if (code == QUERN_OK) {
        code = build(e);
    }
    if (code != QUERN_OK) {
        qn_engine_close_embedded(e);
        return code;
    }
    *out_engine = e;
    return QUERN_OK;
}

static void release_states(struct quern_engine *e, struct qn_program *p)
{
    for (int k = 0; p != NULL && k < p->n_ops; k++) {
        struct qn_op *op = &p->ops[k];
        if (op->release != NULL) {
            op->release(e, op->state);
        }
        size_t n = op->bodies != NULL ? quern_node_n_subgraphs(op->node) : 0;
        for (size_t i = 0; i < n; i++) {
            release_states(e, op->bodies[i]);
        }
    }
}

void qn_engine_close_embedded(struct quern_engine *e)
{
    release_states(e, e->main);
    for (int s = 0; e->held != NULL && s < e->n_slots; s++) {
        quern_tensor_release(&e->held[s]);
    }
    qn_folder_close(e);
    qn_accelerator_close(e);
    qn_slabs_finish(&e->slabs);
    qn_arena_finish(&e->arena);
    qn_free(e);
}
