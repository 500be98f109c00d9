/* Preparing a model for running: operators chosen, slots numbered, attributes
 * read and weights packed once. */
#include "base/buf.h"
#include "exec/op.h"
#include "exec/prepare.h"
#include "ir/tensor.h"

#include <string.h>

/* ---------------------------------------------------------------- slots */

static int slot_of(const struct quern_engine *e, const struct quern_value *v)
{
    return v != NULL ? e->slot_of[v->id] : -1;
}

/* Values get slots in order of making, in all graphs. */
static enum quern_code number_slots(struct quern_engine *e)
{
    const struct quern_model *model = e->model;
    e->n_values = model->next_value_id;
    e->slot_of = qn_arena_alloc_n(&e->arena, e->n_values + 1, sizeof(int));
    if (e->slot_of == NULL) {
        return qn_no_memory(e->context);
    }
    memset(e->slot_of, -1, e->n_values * sizeof(int));
    for (const struct quern_graph *g = model->graphs; g; g = g->next_graph) {
        for (const struct quern_value *v = g->first_value; v != NULL;
             v = v->next_value) {
            if (!v->erased) {
                e->slot_of[v->id] = e->n_slots++;
            }
        }
    }
    size_t n = (size_t)e->n_slots + 1;
    e->constants = qn_arena_alloc_n(&e->arena, n, sizeof *e->constants);
    e->held = qn_arena_alloc_n(&e->arena, n, sizeof *e->held);
    e->tap_of = qn_arena_alloc_n(&e->arena, n, sizeof(int));
    if (e->constants == NULL || e->held == NULL || e->tap_of == NULL) {
        return qn_no_memory(e->context);
    }
    memset(e->tap_of, -1, n * sizeof(int));
    return QUERN_OK;
}

/* ------------------------------------------------------------ constants */

/* Pages of a mapped file that will hardly be read again. */
static void forget_pages(const struct quern_tensor *t)
{
    if (t->buf != NULL && t->size >= (1u << 16)) {
        qn_buf_forget(t->buf, (size_t)(t->data - t->buf->data), t->size);
    }
}

/* Sub-byte elements are unpacked, misaligned bytes copied. */
static enum quern_code hold(struct quern_engine *e, struct quern_tensor *tensor,
                            struct quern_tensor **out_tensor)
{
    enum quern_dtype dtype = quern_tensor_dtype(tensor);
    if (quern_dtype_bits(dtype) < 8 && quern_dtype_is_integer(dtype)) {
        return quern_tensor_cast(e->context, tensor,
                                 quern_dtype_is_signed(dtype) ? QUERN_INT8
                                                              : QUERN_UINT8,
                                 out_tensor);
    }
    size_t size = qn_element_size(dtype);
    if (((uintptr_t)quern_tensor_data(tensor) & (size - 1)) == 0) {
        *out_tensor = quern_tensor_retain(tensor);
        return QUERN_OK;
    }
    enum quern_code code = quern_tensor_align(e->context, tensor, out_tensor);
    if (code == QUERN_OK && *out_tensor != tensor) {
        forget_pages(tensor); /* the copy serves from now on */
    }
    return code;
}

void qn_array_of_tensor(const struct quern_tensor *tensor,
                        enum quern_dtype dtype, struct qn_array *out)
{
    memset(out, 0, sizeof *out);
    out->set = true;
    out->dtype = dtype;
    out->rank = quern_tensor_rank(tensor);
    out->len = quern_tensor_len(tensor);
    memcpy(out->dims, quern_tensor_dims(tensor),
           (size_t)out->rank * sizeof *out->dims);
    qn_array_pack_strides(out);
    /* Constants and inputs are only read. */
    out->data = (unsigned char *)(uintptr_t)quern_tensor_data(tensor);
}

enum quern_code qn_engine_constant(struct quern_engine *e,
                                   const struct quern_value *v)
{
    struct quern_tensor *tensor = v != NULL ? quern_value_constant(v) : NULL;
    int slot = slot_of(e, v);
    if (tensor == NULL || slot < 0 || e->constants[slot].set ||
        quern_tensor_dtype(tensor) == QUERN_STRING) {
        return QUERN_OK;
    }
    enum quern_code code = hold(e, tensor, &e->held[slot]);
    if (code == QUERN_OK) {
        qn_array_of_tensor(e->held[slot], quern_tensor_dtype(tensor),
                           &e->constants[slot]);
    }
    return code;
}

void qn_engine_forget(struct quern_engine *e, const struct qn_op *op, int i)
{
    int slot = op->in[i];
    const struct quern_value *v = quern_node_input(op->node, (size_t)i);
    if (slot >= 0 && e->held[slot] != NULL && v != NULL &&
        quern_value_n_uses(v) == 1) {
        forget_pages(e->held[slot]);
        quern_tensor_release(&e->held[slot]);
        e->constants[slot].data = NULL;
    }
}

const struct qn_array *qn_op_constant(const struct quern_engine *e,
                                      const struct qn_op *op, int i)
{
    if (i >= op->n_in || op->in[i] < 0 || !e->constants[op->in[i]].set) {
        return NULL;
    }
    return &e->constants[op->in[i]];
}

/* ------------------------------------------------------------- programs */

/* Which nodes of a graph are needed for the values wanted of it. */
static bool mark_needed(struct quern_engine *e, const struct quern_graph *graph,
                        bool *wanted)
{
    bool any = false;
    for (const struct quern_node *n = graph->last; n != NULL; n = n->prev) {
        bool needed = false;
        for (size_t i = 0; i < n->n_outputs; i++) {
            int slot = slot_of(e, n->outputs[i]);
            needed = needed || (slot >= 0 && wanted[slot]);
        }
        if (!needed) {
            continue;
        }
        any = true;
        for (size_t i = 0; i < n->n_inputs; i++) {
            int slot = slot_of(e, n->inputs[i]->value);
            if (slot >= 0) {
                wanted[slot] = true;
            }
        }
        size_t n_bodies = quern_node_n_subgraphs(n);
        for (size_t i = 0; i < n_bodies; i++) {
            const struct quern_graph *body = quern_node_subgraph(n, i);
            for (size_t k = 0; k < body->n_outputs; k++) {
                int slot = slot_of(e, body->outputs[k]->value);
                wanted[slot] = slot >= 0 ? true : wanted[slot];
            }
            (void)mark_needed(e, body, wanted);
        }
    }
    return any;
}

static enum quern_code unsupported(struct quern_engine *e,
                                   const struct quern_node *node, int opset,
                                   const char *why)
{
    struct quern_place place = quern_node_place(node);
    place.stage = "plan";
    return quern_fail(e->context, QUERN_UNSUPPORTED, &place,
                      "%s%s%s at opset %d: %s", node->domain,
                      *node->domain != '\0' ? "." : "", node->op, opset, why);
}

static enum quern_code make_program(struct quern_engine *e,
                                    const struct quern_graph *graph,
                                    const bool *wanted,
                                    struct qn_program **out_program);

static enum quern_code make_bodies(struct quern_engine *e, struct qn_op *op,
                                   const bool *wanted)
{
    size_t n = quern_node_n_subgraphs(op->node);
    if (n == 0) {
        return QUERN_OK;
    }
    op->bodies = qn_arena_alloc_n(&e->arena, n, sizeof(struct qn_program *));
    if (op->bodies == NULL) {
        return qn_no_memory(e->context);
    }
    for (size_t i = 0; i < n; i++) {
        enum quern_code code = make_program(e, quern_node_subgraph(op->node, i),
                                            wanted, &op->bodies[i]);
        if (code != QUERN_OK) {
            return code;
        }
    }
    return QUERN_OK;
}

static enum quern_code make_op(struct quern_engine *e,
                               const struct quern_node *node,
                               const bool *wanted, struct qn_op *op)
{
    op->node = node;
    op->number = e->n_ops++;
    op->opset = (int)quern_node_opset(node);
    op->row = qn_registry_find(node, op->opset);
    if (op->row == NULL) {
        return unsupported(e, node, op->opset,
                           "the embedded engine has no such operator");
    }
    op->kernel = node->op;
    op->n_in = (int)node->n_inputs;
    op->n_out = (int)node->n_outputs;
    op->in = qn_arena_alloc_n(&e->arena, node->n_inputs, sizeof(int));
    op->out = qn_arena_alloc_n(&e->arena, node->n_outputs, sizeof(int));
    if (op->in == NULL || op->out == NULL) {
        return qn_no_memory(e->context);
    }
    for (int i = 0; i < op->n_in; i++) {
        op->in[i] = slot_of(e, node->inputs[i]->value);
        enum quern_code code = qn_engine_constant(e, node->inputs[i]->value);
        if (code != QUERN_OK) {
            return code;
        }
    }
    for (int i = 0; i < op->n_out; i++) {
        int slot = slot_of(e, node->outputs[i]);
        op->out[i] = slot >= 0 && wanted[slot] ? slot : -1;
    }
    enum quern_code code = make_bodies(e, op, wanted);
    if (code == QUERN_OK && op->row->prepare != NULL) {
        code = op->row->prepare(e, op);
    }
    return code;
}

static enum quern_code list_slots(struct quern_engine *e, size_t n,
                                  int **out_slots)
{
    *out_slots = qn_arena_alloc_n(&e->arena, n, sizeof(int));
    return *out_slots != NULL ? QUERN_OK : qn_no_memory(e->context);
}

static bool runs(const struct quern_engine *e, const struct quern_node *node,
                 const bool *wanted)
{
    bool needed = false;
    for (size_t i = 0; i < node->n_outputs; i++) {
        int slot = slot_of(e, node->outputs[i]);
        needed = needed || (slot >= 0 && wanted[slot]);
    }
    /* Constant nodes are constants, not operators. */
    return needed && !(node->n_outputs == 1 && node->outputs[0] != NULL &&
                       quern_value_constant(node->outputs[0]) != NULL);
}

static enum quern_code make_program(struct quern_engine *e,
                                    const struct quern_graph *graph,
                                    const bool *wanted,
                                    struct qn_program **out_program)
{
    struct qn_program *p = qn_arena_alloc(&e->arena, sizeof *p);
    enum quern_code code = QUERN_OK;
    if (p == NULL) {
        return qn_no_memory(e->context);
    }
    *out_program = p; /* at once: what fails below is released through it */
    p->ops = qn_arena_alloc_n(&e->arena, graph->n_nodes, sizeof *p->ops);
    if (p->ops == NULL) {
        return qn_no_memory(e->context);
    }
    for (const struct quern_node *n = graph->first; n != NULL; n = n->next) {
        if (runs(e, n, wanted)) {
            bool folded = false;
            struct qn_op *op = &p->ops[p->n_ops++];
            code = make_op(e, n, wanted, op);
            if (code == QUERN_OK) {
                code = qn_engine_fold(e, op, &folded);
            }
            if (folded) {
                memset(op, 0, sizeof *op);
                p->n_ops--;
            }
        } else {
            for (size_t i = 0; i < n->n_outputs && code == QUERN_OK; i++) {
                code = qn_engine_constant(e, n->outputs[i]);
            }
        }
        if (code != QUERN_OK) {
            return code;
        }
    }
    p->n_in = (int)graph->n_inputs;
    p->n_out = (int)graph->n_outputs;
    code = list_slots(e, graph->n_inputs, &p->in);
    if (code == QUERN_OK) {
        code = list_slots(e, graph->n_outputs, &p->out);
    }
    for (int i = 0; code == QUERN_OK && i < p->n_in; i++) {
        p->in[i] = slot_of(e, graph->inputs[i]);
    }
    for (int i = 0; code == QUERN_OK && i < p->n_out; i++) {
        p->out[i] = slot_of(e, graph->outputs[i]->value);
        code = qn_engine_constant(e, graph->outputs[i]->value);
    }
    return code;
}

/* ------------------------------------------------------------ last uses */

static void note_uses(const struct qn_program *p, int at, int *last)
{
    for (int k = 0; k < p->n_ops; k++) {
        const struct qn_op *op = &p->ops[k];
        int when = at < 0 ? k : at;
        for (int i = 0; i < op->n_in; i++) {
            if (op->in[i] >= 0) {
                last[op->in[i]] = when;
            }
        }
        for (int i = 0; i < op->n_out; i++) {
            if (op->out[i] >= 0 && last[op->out[i]] < when) {
                last[op->out[i]] = when;
            }
        }
        size_t n = quern_node_n_subgraphs(op->node);
        for (size_t i = 0; i < n; i++) {
            note_uses(op->bodies[i], when, last);
            for (int o = 0; o < op->bodies[i]->n_out; o++) {
                if (op->bodies[i]->out[o] >= 0) {
                    last[op->bodies[i]->out[o]] = when;
                }
            }
        }
    }
}

static void set_dying(struct qn_op *op)
{
    for (int i = 0; i < op->n_in && i < 64; i++) {
        int times = 0;
        bool drops = false;
        for (int k = 0; k < op->n_in; k++) {
            times += op->in[k] == op->in[i] ? 1 : 0;
        }
        for (int k = 0; k < op->n_drop; k++) {
            drops = drops || op->drop[k] == op->in[i];
        }
        op->dies |= (uint64_t)(drops && times == 1) << i;
    }
}

/* Slots of a program that may be dropped inside it: those that its own
 * operators make. */
static enum quern_code set_drops(struct quern_engine *e, struct qn_program *p,
                                 const int *keep)
{
    int *last = qn_calloc_n((size_t)e->n_slots + 1, sizeof *last);
    int *count = qn_calloc_n((size_t)p->n_ops + 1, sizeof *count);
    enum quern_code code = QUERN_OK;
    if (last == NULL || count == NULL) {
        code = qn_no_memory(e->context);
        goto done;
    }
    memset(last, -1, (size_t)e->n_slots * sizeof *last);
    note_uses(p, -1, last);
    for (int pass = 0; pass < 2 && code == QUERN_OK; pass++) {
        for (int k = 0; k < p->n_ops; k++) {
            for (int i = 0; i < p->ops[k].n_out; i++) {
                int slot = p->ops[k].out[i];
                if (slot < 0 || keep[slot] != 0) {
                    continue;
                }
                struct qn_op *at = &p->ops[last[slot]];
                if (pass == 0) {
                    at->n_drop++;
                } else {
                    at->drop[count[last[slot]]++] = slot;
                }
            }
        }
        for (int k = 0; pass == 0 && k < p->n_ops && code == QUERN_OK; k++) {
            code = list_slots(e, (size_t)p->ops[k].n_drop, &p->ops[k].drop);
        }
    }
    for (int k = 0; k < p->n_ops && code == QUERN_OK; k++) {
        size_t n = quern_node_n_subgraphs(p->ops[k].node);
        set_dying(&p->ops[k]);
        for (size_t i = 0; i < n && code == QUERN_OK; i++) {
            code = set_drops(e, p->ops[k].bodies[i], keep);
        }
    }
done:
    qn_free(last);
    qn_free(count);
    return code;
}

static void keep_outputs(const struct qn_program *p, int *keep)
{
    for (int i = 0; i < p->n_out; i++) {
        if (p->out[i] >= 0) {
            keep[p->out[i]] = 1;
        }
    }
    for (int k = 0; k < p->n_ops; k++) {
        size_t n = quern_node_n_subgraphs(p->ops[k].node);
        for (size_t i = 0; i < n; i++) {
            keep_outputs(p->ops[k].bodies[i], keep);
        }
    }
}

/* --------------------------------------------------------------- opening */

static enum quern_code set_outputs(struct quern_engine *e,
                                   const struct quern_engine_options *options)
{
    const struct quern_graph *graph = e->model->graph;
    bool own = options != NULL && options->outputs != NULL;
    e->pruned = own;
    e->n_outputs = own ? options->n_outputs : graph->n_outputs;
    enum quern_code code = list_slots(e, e->n_outputs, &e->output_slots);
    for (size_t i = 0; i < e->n_outputs && code == QUERN_OK; i++) {
        const struct quern_value *v =
            own ? options->outputs[i] : graph->outputs[i]->value;
        e->output_slots[i] = slot_of(e, v);
        code = qn_engine_constant(e, v);
    }
    e->n_taps = options != NULL ? options->n_taps : 0;
    e->taps_write = options != NULL && options->taps_write;
    for (size_t i = 0; i < e->n_taps && code == QUERN_OK; i++) {
        int slot = slot_of(e, options->taps[i]);
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
    enum quern_code code = list_slots(e, n, &e->input_slots);
    if (e->inputs == NULL || code != QUERN_OK) {
        return qn_no_memory(e->context);
    }
    for (size_t i = 0; i < n; i++) {
        struct quern_value *v = graph->inputs[i];
        int slot = slot_of(e, v);
        if (v->tensor == NULL) {
            e->inputs[e->n_inputs] = v;
            e->input_slots[e->n_inputs++] = slot;
        } else {
            /* An overridable default: nobody overrides it here. */
            code = hold(e, v->tensor, &e->held[slot]);
            if (code != QUERN_OK) {
                return code;
            }
            qn_array_of_tensor(e->held[slot], quern_tensor_dtype(v->tensor),
                               &e->constants[slot]);
        }
    }
    return QUERN_OK;
}

/* Callers hand in tensors alone. */
static enum quern_code check_inputs(struct quern_engine *e)
{
    static const char *const kinds[] = {
        [QUERN_KIND_SPARSE] = "a sparse tensor",
        [QUERN_KIND_SEQUENCE] = "a sequence",
        [QUERN_KIND_OPTIONAL] = "an optional",
        [QUERN_KIND_MAP] = "a map",
        [QUERN_KIND_OPAQUE] = "of an opaque type",
    };
    for (size_t i = 0; i < e->n_inputs; i++) {
        enum quern_kind kind = quern_value_kind(e->inputs[i]);
        if (kind > QUERN_KIND_TENSOR) {
            struct quern_place place = QUERN_PLACE_NONE;
            place.stage = "plan";
            place.tensor = quern_value_name(e->inputs[i]);
            return quern_fail(e->context, QUERN_UNSUPPORTED, &place,
                              "graph input is %s; inputs of the embedded "
                              "engine are tensors",
                              kinds[kind]);
        }
    }
    return QUERN_OK;
}

static enum quern_code list_constants(struct quern_engine *e)
{
    enum quern_code code =
        list_slots(e, (size_t)e->n_slots + 1, &e->constant_slots);
    if (code == QUERN_OK) {
        code = list_slots(e, (size_t)e->n_slots + 1, &e->stays);
    }
    for (int s = 0; code == QUERN_OK && s < e->n_slots; s++) {
        if (e->constants[s].set) {
            e->constant_slots[e->n_constants++] = s;
        }
    }
    return code;
}

static enum quern_code build(struct quern_engine *e)
{
    size_t n_needed = 0;
    bool *wanted = qn_calloc((size_t)e->n_slots + 1);
    int *keep = qn_calloc_n((size_t)e->n_slots + 1, sizeof *keep);
    enum quern_code code = QUERN_OK;
    if (wanted == NULL || keep == NULL) {
        code = qn_no_memory(e->context);
        goto done;
    }
    for (size_t i = 0; i < e->n_outputs; i++) {
        if (e->output_slots[i] >= 0) {
            wanted[e->output_slots[i]] = true;
            keep[e->output_slots[i]] = 1;
        }
    }
    for (int s = 0; s < e->n_slots; s++) {
        wanted[s] = wanted[s] || e->tap_of[s] >= 0;
    }
    (void)mark_needed(e, e->model->graph, wanted);
    for (size_t i = 0; i < e->n_inputs; i++) {
        /* All outputs of the graph: all its inputs, as users know them. */
        if (!e->pruned || wanted[e->input_slots[i]]) {
            e->inputs[n_needed] = e->inputs[i];
            e->input_slots[n_needed++] = e->input_slots[i];
        }
    }
    e->n_inputs = n_needed;
    code = check_inputs(e);
    if (code == QUERN_OK) {
        code = make_program(e, e->model->graph, wanted, &e->main);
    }
    if (code == QUERN_OK && e->fuse) {
        code = qn_fuse(e, e->main);
    }
    for (int k = 0; code == QUERN_OK && k < e->main->n_ops; k++) {
        const struct qn_op *op = &e->main->ops[k];
        if (op->n_in > 1 && op->in[1] >= 0 && !wanted[op->in[1]]) {
            qn_product_forget(e, op);
        }
    }
    if (code == QUERN_OK) {
        code = list_constants(e);
    }
    if (code == QUERN_OK) {
        memset(e->stays, 0, (size_t)e->n_slots * sizeof *e->stays);
        code = qn_engine_freeze(e, e->main, e->stays);
        for (int s = 0; s < e->n_slots; s++) {
            keep[s] |= e->stays[s];
        }
    }
    if (code == QUERN_OK) {
        size_t n = quern_graph_n_nodes(e->model->graph);
        for (int k = 0; n > 0 && k < e->main->n_ops; k++) {
            size_t n_bodies = quern_node_n_subgraphs(e->main->ops[k].node);
            for (size_t i = 0; i < n_bodies; i++) {
                keep_outputs(e->main->ops[k].bodies[i], keep);
            }
        }
        code = set_drops(e, e->main, keep);
    }
done:
    qn_free(wanted);
    qn_free(keep);
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
    e->fuse = options != NULL && options->fuse;
    e->profile = options != NULL && options->profile;
    enum quern_code code =
        qn_accelerator_open(e, options != NULL ? options->backend : NULL);
    if (code == QUERN_OK) {
        code = number_slots(e);
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
    qn_arena_finish(&e->arena);
    qn_free(e);
}
