/* Parts of a model as models of their own. */
#include "api/piece.h"

#include "api/trial_run.h"
#include "ir/ir.h"

#include <string.h>

enum quern_code qn_whole_init(struct qn_whole *whole)
{
    whole->n_values = whole->model->next_value_id;
    whole->n_nodes = whole->model->next_node_id;
    whole->known =
        qn_calloc_n(whole->n_values + 1, sizeof(struct quern_tensor *));
    return whole->known != NULL ? quern_model_infer(whole->model)
                                : qn_no_memory(whole->model->context);
}

void qn_whole_finish(struct qn_whole *whole)
{
    qn_trial_release(whole->known, whole->known != NULL ? whole->n_values : 0);
    qn_free(whole->known);
    whole->known = NULL;
}

const struct quern_node *qn_outer_node(const struct quern_node *node)
{
    while (node != NULL && node->graph->parent != NULL) {
        node = node->graph->parent;
    }
    return node;
}

/* ------------------------------------------------------------ its borders */

/* A part that is being made. */
struct making {
    struct qn_whole *whole;
    struct qn_piece *part;
    bool *nodes; /* by id: those asked for, and Constants */
    bool *seen;  /* by value id */
    struct quern_value **inputs;
    struct quern_value **outputs;
    size_t n_outputs;
};

static void read_value(struct making *m, struct quern_value *v)
{
    if (v == NULL || v->graph != m->whole->model->graph || m->seen[v->id] ||
        v->tensor != NULL) {
        return;
    }
    const struct quern_node *from = v->producer;
    if (from != NULL && m->nodes[from->id]) {
        return;
    }
    m->seen[v->id] = true;
    if (from != NULL && quern_value_constant(v) != NULL) {
        m->nodes[from->id] = true;
    } else {
        m->inputs[m->part->n_inputs++] = v;
    }
}

/* What a node and the bodies in it read. */
static void read_node(struct making *m, const struct quern_node *node)
{
    for (size_t i = 0; i < node->n_inputs; i++) {
        read_value(m, node->inputs[i]->value);
    }
    for (size_t k = 0; k < quern_node_n_subgraphs(node); k++) {
        const struct quern_graph *body = quern_node_subgraph(node, k);
        for (const struct quern_node *n = body->first; n != NULL; n = n->next) {
            read_node(m, n);
        }
        for (size_t i = 0; i < body->n_outputs; i++) {
            read_value(m, body->outputs[i]->value);
        }
    }
}

static bool is_read_outside(const struct making *m, const struct quern_value *v)
{
    for (const struct quern_use *u = v->first_use; u != NULL; u = u->next) {
        const struct quern_node *reader =
            qn_outer_node(u->node != NULL ? u->node : u->graph->parent);
        if (reader == NULL || !m->nodes[reader->id]) {
            return true;
        }
    }
    return v->first_use == NULL;
}

static void list_outputs(struct making *m)
{
    for (const struct quern_node *n = m->whole->model->graph->first; n != NULL;
         n = n->next) {
        for (size_t i = 0; m->nodes[n->id] && i < n->n_outputs; i++) {
            struct quern_value *v = n->outputs[i];
            if (v != NULL && quern_value_constant(v) == NULL &&
                is_read_outside(m, v)) {
                m->outputs[m->n_outputs++] = v;
            }
        }
    }
}

static enum quern_code find_borders(struct making *m, const bool *nodes)
{
    struct qn_arena *arena = &m->part->arena;
    size_t n_nodes = m->whole->n_nodes;
    size_t n_values = m->whole->n_values;
    m->nodes = qn_arena_alloc_n(arena, n_nodes + 1, sizeof *m->nodes);
    m->seen = qn_arena_alloc_n(arena, n_values + 1, sizeof *m->seen);
    m->inputs =
        qn_arena_alloc_n(arena, n_values + 1, sizeof(struct quern_value *));
    m->outputs =
        qn_arena_alloc_n(arena, n_values + 1, sizeof(struct quern_value *));
    if (m->nodes == NULL || m->seen == NULL || m->inputs == NULL ||
        m->outputs == NULL) {
        return qn_no_memory(m->whole->model->context);
    }
    memcpy(m->nodes, nodes, n_nodes * sizeof *nodes);
    for (const struct quern_node *n = m->whole->model->graph->first; n != NULL;
         n = n->next) {
        if (nodes[n->id]) {
            read_node(m, n);
        }
    }
    list_outputs(m);
    return m->n_outputs > 0 ? QUERN_OK : QUERN_NOT_FOUND;
}

/* ------------------------------------------------------- what they held */

static enum quern_code run_for(struct qn_whole *w, struct qn_trial_engine *e,
                               struct quern_value *const *values, size_t n)
{
    struct qn_trial_why why = {QUERN_OK, ""};
    size_t n_in = quern_engine_n_inputs(e->engine);
    struct quern_tensor **in =
        qn_calloc_n(n_in + 1, sizeof(struct quern_tensor *));
    struct quern_tensor **out =
        qn_calloc_n(n + 1, sizeof(struct quern_tensor *));
    enum quern_code code =
        in != NULL && out != NULL ? QUERN_OK : qn_no_memory(w->model->context);
    for (size_t i = 0; i < n_in && code == QUERN_OK; i++) {
        const char *name = quern_value_name(quern_engine_input(e->engine, i));
        in[i] = qn_trial_input(w->trial, w->sample, name);
    }
    if (code == QUERN_OK) {
        code = qn_trial_run(e, in, qn_trial_seconds, out, &why);
    }
    for (size_t i = 0; out != NULL && i < n; i++) {
        w->known[values[i]->id] = out[i];
    }
    qn_free(in);
    qn_free(out);
    return code == QUERN_OK && why.code != QUERN_OK ? QUERN_NOT_FOUND : code;
}

static enum quern_code compute(struct qn_whole *w,
                               struct quern_value *const *values, size_t n)
{
    struct qn_trial_engine e = {0};
    struct qn_trial_why why = {QUERN_OK, ""};
    enum quern_code code =
        qn_trial_open(w->model, w->engine, w->ort_library, values, n, &e, &why);
    if (code == QUERN_OK && why.code != QUERN_OK) {
        code = QUERN_NOT_FOUND;
    }
    if (code == QUERN_OK) {
        code = run_for(w, &e, values, n);
    }
    qn_trial_close(&e);
    return code;
}

static enum quern_code find_values(struct making *m)
{
    struct qn_whole *w = m->whole;
    struct qn_piece *p = m->part;
    p->names = qn_arena_alloc_n(&p->arena, p->n_inputs + 1, sizeof *p->names);
    p->tensors = qn_arena_alloc_n(&p->arena, p->n_inputs + 1,
                                  sizeof(struct quern_tensor *));
    struct quern_value **wanted = qn_arena_alloc_n(
        &p->arena, p->n_inputs + 1, sizeof(struct quern_value *));
    size_t n = 0;
    if (p->names == NULL || p->tensors == NULL || wanted == NULL) {
        return qn_no_memory(w->model->context);
    }
    for (size_t i = 0; i < p->n_inputs; i++) {
        struct quern_value *v = m->inputs[i];
        struct quern_tensor **known = &w->known[v->id];
        if (*known == NULL) {
            *known = quern_tensor_retain(
                qn_trial_input(w->trial, w->sample, v->name));
        }
        if (*known == NULL) {
            wanted[n++] = v;
        }
    }
    enum quern_code code = n > 0 ? compute(w, wanted, n) : QUERN_OK;
    for (size_t i = 0; i < p->n_inputs && code == QUERN_OK; i++) {
        p->names[i] = m->inputs[i]->name;
        p->tensors[i] = w->known[m->inputs[i]->id];
        /* Lists are not cut at: they cannot be written beside the model. */
        code = p->tensors[i] != NULL && !quern_tensor_is_list(p->tensors[i])
                   ? QUERN_OK
                   : QUERN_NOT_FOUND;
    }
    return code;
}

/* ----------------------------------------------------------------- making */

static enum quern_code write_and_read(struct making *m, bool numbers)
{
    struct qn_piece *p = m->part;
    struct quern_context *context = m->whole->model->context;
    struct qn_trial_errors before = qn_trial_errors_begin(context);
    struct qn_trial_why why = {QUERN_OK, ""};
    struct quern_tensor **none = qn_arena_alloc_n(
        &p->arena, p->n_inputs + 1, sizeof(struct quern_tensor *));
    const struct qn_extract_options o = {
        .outputs = m->outputs,
        .n_outputs = m->n_outputs,
        .most_inside = INT32_MAX,
        .only = m->nodes,
        .inputs = m->inputs,
        .tensors = numbers ? p->tensors : none,
        .n_inputs = p->n_inputs,
    };
    if (none == NULL) {
        return qn_no_memory(context);
    }
    enum quern_code code = qn_extract(m->whole->model, &o, &p->extract);
    p->extract.options = NULL; /* they end here */
    if (code == QUERN_OK) {
        code = quern_model_open_memory(context, p->extract.bytes->data,
                                       p->extract.bytes->size,
                                       m->whole->model->path, &p->model);
    }
    code = qn_trial_errors_end(context, &before, code, &why);
    return code == QUERN_OK && why.code != QUERN_OK ? QUERN_NOT_FOUND : code;
}

enum quern_code qn_piece_make(struct qn_whole *whole, const bool *nodes,
                              bool numbers, struct qn_piece *out_part)
{
    struct making m = {.whole = whole, .part = out_part};
    *out_part = (struct qn_piece){.n_nodes = 0};
    enum quern_code code = find_borders(&m, nodes);
    if (code == QUERN_OK) {
        code = find_values(&m);
    }
    if (code == QUERN_OK) {
        code = write_and_read(&m, numbers);
    }
    if (code == QUERN_OK) {
        out_part->n_nodes = out_part->model->graph->n_nodes;
    } else {
        qn_piece_finish(out_part);
    }
    return code;
}

void qn_piece_finish(struct qn_piece *part)
{
    quern_model_destroy(&part->model);
    qn_extract_finish(&part->extract);
    qn_arena_finish(&part->arena);
    *part = (struct qn_piece){.n_nodes = 0};
}
