/* Writing a part of a model into memory. */
#include "io/extract.h"

#include "io/emit.h"

#include <stdio.h>
#include <string.h>

/* -------------------------------------------------------------- marking */

static void mark_value(struct qn_extract *x, const struct quern_value *v)
{
    if (v != NULL) {
        x->values[v->id] = true;
    }
}

/* All of a body: what it makes and what it reads. Depth is that of the model,
 * which the reader has bounded. */
static void mark_body(struct qn_extract *x, const struct quern_graph *body);

static void mark_node(struct qn_extract *x, const struct quern_node *n)
{
    x->nodes[n->id] = true;
    for (size_t i = 0; i < n->n_inputs; i++) {
        mark_value(x, n->inputs[i]->value);
    }
    size_t n_bodies = quern_node_n_subgraphs(n);
    for (size_t i = 0; i < n_bodies; i++) {
        mark_body(x, quern_node_subgraph(n, i));
    }
}

static void mark_body(struct qn_extract *x, const struct quern_graph *body)
{
    for (const struct quern_node *n = body->first; n != NULL; n = n->next) {
        mark_node(x, n);
    }
    for (const struct quern_value *v = body->first_init; v; v = v->next_init) {
        mark_value(x, v);
    }
    for (size_t i = 0; i < body->n_outputs; i++) {
        mark_value(x, body->outputs[i]->value);
    }
}

/* The node of the top graph in which a value is made. */
static const struct quern_node *outer_node(const struct quern_value *v)
{
    const struct quern_node *n = v->graph->parent;
    while (n != NULL && n->graph->parent != NULL) {
        n = n->graph->parent;
    }
    return n;
}

static void mark(struct qn_extract *x, const struct quern_model *model)
{
    const struct qn_extract_options *o = x->options;
    for (size_t i = 0; i < o->n_outputs; i++) {
        mark_value(x, o->outputs[i]);
    }
    for (size_t i = 0; i < o->n_taps; i++) {
        const struct quern_value *v = o->taps[i];
        if (v == NULL) {
            continue;
        }
        mark_value(x, v);
        if (v->graph != model->graph && outer_node(v) != NULL) {
            mark_node(x, outer_node(v));
        }
        if (v->producer != NULL) {
            x->taps[v->id] = (int)i + 1;
            x->input = x->prefix;
        }
    }
    for (const struct quern_node *n = model->graph->last; n; n = n->prev) {
        bool needed = o->only != NULL ? o->only[n->id] : x->nodes[n->id];
        for (size_t i = 0; i < n->n_outputs && !needed && o->only == NULL;
             i++) {
            needed = n->outputs[i] != NULL && x->values[n->outputs[i]->id];
        }
        if (needed) {
            mark_node(x, n);
        }
    }
}

/* A beginning of names that no value of the model has. */
static enum quern_code choose_prefix(struct qn_extract *x,
                                     const struct quern_model *model)
{
    const char *prefix = "quern.tap";
    bool taken = true;
    while (taken && prefix != NULL) {
        size_t len = strlen(prefix);
        taken = false;
        for (const struct quern_graph *g = model->graphs; g && !taken;
             g = g->next_graph) {
            for (const struct quern_value *v = g->first_value; v && !taken;
                 v = v->next_value) {
                taken = strncmp(v->name, prefix, len) == 0;
            }
        }
        prefix = taken ? qn_arena_printf(&x->arena, "%s_", prefix) : prefix;
    }
    x->prefix = prefix;
    return prefix != NULL ? QUERN_OK : qn_no_memory(model->context);
}

/* -------------------------------------------------------------- questions */

bool qn_extract_is_input(const struct qn_extract *extract,
                         const struct quern_value *value)
{
    const struct qn_extract_options *o = extract->options;
    size_t i = 0;
    while (i < o->n_inputs && o->inputs[i] != value) {
        i++;
    }
    return i < o->n_inputs;
}

int qn_extract_tap(const struct qn_extract *extract,
                   const struct quern_value *value)
{
    return extract != NULL && value != NULL ? extract->taps[value->id] - 1 : -1;
}

bool qn_extract_touches(const struct qn_extract *extract,
                        const struct quern_node *node)
{
    if (extract == NULL || extract->input == NULL) {
        return false;
    }
    bool touched = quern_node_n_subgraphs(node) > 0;
    for (size_t i = 0; i < node->n_outputs && !touched; i++) {
        touched = qn_extract_tap(extract, node->outputs[i]) >= 0;
    }
    return touched;
}

const char *qn_extract_raw_name(const struct qn_extract *extract,
                                const struct quern_value *value, char *room,
                                size_t size)
{
    snprintf(room, size, "%s.%u", extract->prefix, value->id);
    return room;
}

/* ---------------------------------------------------------------- weights */

/* Weights that a session can be lent: plain bytes of the top graph that no
 * caller overrides. */
static bool can_be_lent(const struct qn_extract *x, const struct quern_value *v)
{
    return x->values[v->id] && !v->is_input &&
           quern_tensor_size(v->tensor) >= x->options->least_lent &&
           quern_dtype_bits(quern_tensor_dtype(v->tensor)) >= 8;
}

static enum quern_code plan_lent(struct qn_extract *x,
                                 struct quern_model *model,
                                 struct qn_outside *outside)
{
    size_t n = 0;
    for (const struct quern_value *v = model->graph->first_init; v;
         v = v->next_init) {
        n++;
    }
    x->lent = qn_arena_alloc_n(&x->arena, n + 1, sizeof(struct quern_value *));
    if (x->lent == NULL) {
        return qn_no_memory(model->context);
    }
    outside->location = "lent";
    for (struct quern_value *v = model->graph->first_init; v;
         v = v->next_init) {
        if (can_be_lent(x, v)) {
            outside->offsets[v->id] = 0;
            x->lent[x->n_lent++] = v;
        }
    }
    return QUERN_OK;
}

/* ---------------------------------------------------------------- writing */

static enum quern_code too_large(struct quern_model *model, uint64_t size)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.stage = "write";
    return quern_fail(model->context, QUERN_LIMIT, &place,
                      "the copy of the model needs %llu bytes, at most %d are "
                      "possible",
                      (unsigned long long)size, INT32_MAX);
}

static enum quern_code write_bytes(struct qn_extract *x,
                                   struct quern_model *model)
{
    const struct qn_extract_options *o = x->options;
    struct qn_outside outside;
    enum quern_code code =
        qn_outside_plan(model, &x->arena, SIZE_MAX, false, &outside);
    if (code != QUERN_OK) {
        return code;
    }
    struct qn_sink sink = {.outside = &outside, .extract = x};
    qn_emit_model(&sink, model);
    uint64_t size = sink.size;
    if (size > o->most_inside && o->least_lent > 0) {
        code = plan_lent(x, model, &outside);
        sink.size = 0;
        qn_emit_model(&sink, model);
        size = sink.size;
    }
    if (code == QUERN_OK && size > INT32_MAX) {
        code = too_large(model, size);
    }
    if (code != QUERN_OK) {
        return code;
    }
    x->bytes = qn_buf_create(size);
    if (x->bytes == NULL) {
        return qn_no_memory(model->context);
    }
    sink.memory = x->bytes->data;
    sink.size = 0;
    qn_emit_model(&sink, model);
    return QUERN_OK;
}

enum quern_code qn_extract(struct quern_model *model,
                           const struct qn_extract_options *options,
                           struct qn_extract *out_extract)
{
    struct qn_extract *x = out_extract;
    x->options = options;
    x->values = qn_arena_alloc_n(&x->arena, model->next_value_id + 1,
                                 sizeof *x->values);
    x->nodes =
        qn_arena_alloc_n(&x->arena, model->next_node_id + 1, sizeof *x->nodes);
    x->taps =
        qn_arena_alloc_n(&x->arena, model->next_value_id + 1, sizeof *x->taps);
    if (x->values == NULL || x->nodes == NULL || x->taps == NULL) {
        return qn_no_memory(model->context);
    }
    enum quern_code code = choose_prefix(x, model);
    if (code != QUERN_OK) {
        return code;
    }
    mark(x, model);
    return options->n_outputs > 0 || x->input != NULL ? write_bytes(x, model)
                                                      : QUERN_OK;
}

void qn_extract_finish(struct qn_extract *extract)
{
    qn_buf_release(extract->bytes);
    extract->bytes = NULL;
    qn_arena_finish(&extract->arena);
}
