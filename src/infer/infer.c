/* The walk: order, what is skipped, and writing what was found. */
#include "infer/infer.h"

#include "infer/context.h"
#include "infer/state.h"
#include "infer/table.h"
#include "ir/schema.h"
#include "ir/sequence.h"

#include <stdio.h>
#include <string.h>

/* Bodies inside bodies; deeper ones stay unknown. */
enum { MOST_DEPTH = 64 };

/* ----------------------------------------------------------------- state */

static void release(struct quern_model *model)
{
    if (model->infer != NULL) {
        qn_free(model->infer->values);
        qn_free(model->infer->signatures);
        qn_free(model->infer);
        model->infer = NULL;
    }
}

static bool room_for(void **block, size_t *room, size_t n, size_t size)
{
    if (n <= *room) {
        return true;
    }
    size_t wanted = n + n / 2 + 16;
    unsigned char *grown = qn_realloc_n(*block, wanted, size);
    if (grown == NULL) {
        return false;
    }
    memset(grown + *room * size, 0, (wanted - *room) * size);
    *block = grown;
    *room = wanted;
    return true;
}

/* State with room for all ids; NULL: no memory. Inference makes no values. */
static struct qn_infer *state_of(struct quern_model *model)
{
    if (model->infer == NULL) {
        model->infer = qn_calloc(sizeof *model->infer);
        model->infer_release = release;
    }
    struct qn_infer *s = model->infer;
    void *values = s != NULL ? s->values : NULL;
    void *signatures = s != NULL ? s->signatures : NULL;
    if (s == NULL || !room_for(&values, &s->values_room, model->next_value_id,
                               sizeof *s->values)) {
        return NULL;
    }
    s->values = values;
    if (!room_for(&signatures, &s->signatures_room, model->next_node_id,
                  sizeof *s->signatures)) {
        return NULL;
    }
    s->signatures = signatures;
    return s;
}

/* ------------------------------------------------------------- signature */

static uint64_t mix(uint64_t hash, const void *p)
{
    hash = (hash ^ (uint64_t)(uintptr_t)p) * 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 31);
}

/* Of all that the outcome depends on, and of the outcome; 0 for nodes that
 * must be looked at each time. */
static uint64_t signature(const struct qn_infer_ctx *c)
{
    const struct quern_node *node = c->node;
    uint64_t hash = mix(1 + (uint64_t)c->opset, node->op);
    if (c->caller != NULL) {
        return 0; /* it depends on the call */
    }
    for (const struct qn_attr *a = node->attrs; a != NULL; a = a->next) {
        if (a->type == QN_ATTR_GRAPH || a->type == QN_ATTR_GRAPHS) {
            return 0;
        }
        hash = mix(hash, a);
    }
    for (size_t i = 0; i < node->n_inputs; i++) {
        const struct quern_value *v = node->inputs[i]->value;
        hash = mix(hash, v);
        if (v != NULL) {
            hash = mix(hash, v->type);
            hash = mix(hash, qn_infer_entry(c->state, v)->numbers);
        }
    }
    for (size_t i = 0; i < node->n_outputs; i++) {
        const struct quern_value *v = node->outputs[i];
        hash = mix(hash, v);
        hash = mix(hash, v != NULL ? v->type : NULL);
        hash = mix(hash, v != NULL ? v->given : NULL);
    }
    return hash != 0 ? hash : 1;
}

/* ------------------------------------------------------------------ a node */

/* Element type of an output by the type variables of the schema. */
static enum quern_dtype dtype_by_schema(const struct qn_infer_ctx *c, size_t i)
{
    const struct qn_schema_port *port = qn_schema_output(c->schema, i);
    if (port == NULL) {
        return QUERN_UNDEFINED;
    }
    uint32_t types = port->types;
    if (types != 0 && (types & (types - 1)) == 0) {
        return (enum quern_dtype)__builtin_ctz(types);
    }
    for (size_t k = 0; port->variable != 255 && k < c->node->n_inputs; k++) {
        const struct qn_schema_port *in = qn_schema_input(c->schema, k);
        if (in == NULL || !in->homogeneous) {
            break; /* the last one: it says nothing, however often */
        }
        if (in->variable == port->variable &&
            qn_infer_in_dtype(c, k) != QUERN_UNDEFINED) {
            return qn_infer_in_dtype(c, k);
        }
    }
    return QUERN_UNDEFINED;
}

static bool outputs_ready(struct qn_infer_ctx *c)
{
    void *block = c->out;
    size_t n = c->node->n_outputs;
    if (!room_for(&block, &c->out_room, n, sizeof *c->out)) {
        c->x.no_memory = true;
        return false;
    }
    c->out = block;
    c->n_out = n;
    for (size_t i = 0; i < n; i++) {
        struct qn_result *out = &c->out[i];
        const struct qn_schema_port *port =
            c->schema != NULL ? qn_schema_output(c->schema, i) : NULL;
        out->kind = QUERN_KIND_UNKNOWN;
        out->dtype = QUERN_UNDEFINED;
        out->rank = -1;
        out->whole = NULL;
        out->numbers = NULL;
        out->n_numbers = 0;
        if (port != NULL && port->other_kinds == 0) {
            out->kind = QUERN_KIND_TENSOR;
            out->dtype = dtype_by_schema(c, i);
        }
    }
    c->spare.rank = -1;
    c->spare.whole = NULL;
    c->spare.kind = QUERN_KIND_UNKNOWN;
    return true;
}

void qn_infer_tell(struct qn_infer_ctx *c, const char *tensor, bool harmless,
                   const char *text)
{
    if (c->state->report != NULL) {
        struct quern_place place = quern_node_place(c->node);
        place.stage = "infer";
        place.tensor = tensor;
        c->state->report(c->state->user, &place,
                         harmless || c->state->n_branches > 0, text);
    }
}

/* What was found of a value; if it is news, its readers are to be looked at. */
static void set(struct qn_infer_ctx *c, struct quern_value *value,
                const struct qn_result *found)
{
    const struct qn_infer_value *entry = qn_infer_entry(c->state, value);
    const struct qn_type *type = value->type;
    const struct quern_number *numbers = entry->numbers;
    qn_infer_set(c, value, found);
    if (value->type != type || entry->numbers != numbers) {
        qn_index_touch_readers(value, QN_TOUCHED_TYPES);
    }
}

static void infer_node(struct qn_infer_ctx *c, const struct quern_node *node)
{
    struct qn_infer *s = c->state;
    c->node = node;
    c->opset = quern_node_opset(node);
    uint64_t before = signature(c);
    if (before != 0 && before == s->signatures[node->id] && s->report == NULL) {
        return;
    }
    c->schema = qn_schema_find(node->domain, node->op, c->opset);
    c->problem[0] = '\0';
    if (!outputs_ready(c)) {
        return;
    }
    const struct quern_function *callee = qn_infer_callee(c);
    const struct qn_infer_row *row = qn_infer_row_of(node->domain, node->op);
    if (callee != NULL) {
        qn_infer_call(c, callee);
    } else if (row != NULL) {
        c->param = row->param;
        row->shape(c);
        if (row->numbers != NULL) {
            row->numbers(c);
        }
    }
    if (c->problem[0] != '\0') {
        qn_infer_tell(c, NULL, false, c->problem);
    }
    bool has_numbers = false;
    for (size_t i = 0; i < node->n_outputs; i++) {
        struct quern_value *y = node->outputs[i];
        if (y != NULL) {
            set(c, y, &c->out[i]);
            has_numbers |= qn_infer_entry(s, y)->numbers != NULL;
        }
    }
    *qn_index_numbers_of(&c->x.model->index, node->id) = has_numbers;
    s->signatures[node->id] = signature(c);
}

/* ---------------------------------------------------------------- a graph */

static bool is_touched(const struct qn_index *index, uint32_t id, void *user)
{
    (void)user;
    return (*qn_index_touched_of(index, id) & QN_TOUCHED_TYPES) != 0;
}

/* Bodies are walked whole, whenever their node is; and that is in each walk. */
static void infer_graph(struct qn_infer_ctx *c, struct quern_graph *graph)
{
    struct qn_walk walk;
    const struct quern_node *node = NULL;
    const struct qn_infer *s = c->state;
    bool is_top = c->depth == 0;
    bool is_whole = !is_top || !s->complete || s->report != NULL;
    qn_walk_begin(&walk, graph, false, NULL, is_whole ? NULL : is_touched,
                  NULL);
    while ((node = qn_walk_next(&walk)) != NULL) {
        infer_node(c, node);
        if (is_top && s->signatures[node->id] != 0) {
            *qn_index_touched_of(&graph->model->index, node->id) &=
                (unsigned char)~QN_TOUCHED_TYPES;
        }
    }
    qn_walk_end(&walk);
    if (s->report != NULL && c->caller == NULL) {
        qn_infer_check_declared(c, graph);
    }
}

void qn_infer_body(struct qn_infer_ctx *c, struct quern_graph *graph)
{
    struct qn_infer *s = c->state;
    size_t cost = graph->n_nodes + 1;
    if (c->depth >= MOST_DEPTH || s->exhausted || cost > s->budget) {
        s->exhausted = true;
        return;
    }
    s->budget -= graph->function == NULL ? cost : 0;
    struct qn_infer_ctx *inner = qn_calloc(sizeof *inner);
    if (inner == NULL) {
        c->x.no_memory = true;
        return;
    }
    inner->x.model = c->x.model;
    inner->state = c->state;
    inner->depth = c->depth + 1;
    inner->caller = graph->function != NULL ? c : c->caller;
    inner->function = graph->function != NULL ? graph->function : c->function;
    infer_graph(inner, graph);
    c->x.no_memory = c->x.no_memory || inner->x.no_memory;
    qn_free(inner->out);
    qn_free(inner);
}

/* Nodes that may be looked at in bodies, each turn of a loop counted: loops in
 * loops would else cost a power of their depth. */
static size_t budget_of(const struct quern_model *model)
{
    size_t n = 1000;
    for (const struct quern_graph *g = model->graphs; g; g = g->next_graph) {
        n += g->n_nodes + 1;
    }
    return n * 16;
}

/* The budget is gone: what was assumed inside bodies has not been proven. */
static void forget_bodies(struct quern_model *model)
{
    struct qn_infer *s = model->infer;
    for (struct quern_graph *g = model->graphs; g != NULL; g = g->next_graph) {
        struct quern_value *v = g->parent != NULL ? g->first_value : NULL;
        for (; v != NULL; v = v->next_value) {
            if (v->tensor == NULL || v->producer != NULL) {
                qn_value_set_type(v, v->given);
                *qn_infer_entry(s, v) = (struct qn_infer_value){0};
            }
        }
    }
    for (size_t i = 0; i < s->signatures_room; i++) {
        s->signatures[i] = 0;
    }
}

/* A symbol that some exporters write for any open dimension: "?", "-1", "*",
 * "None". Two of them say nothing of each other. */
static bool is_placeholder(const struct quern_expr *e)
{
    const char *name = e != NULL && e->symbol != NULL ? e->symbol : "";
    if (strcmp(name, "None") == 0) {
        return true;
    }
    for (const char *p = name; *p != '\0'; p++) {
        if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_' ||
            (*p & 0x80) != 0) {
            return false;
        }
    }
    return true;
}

/* Inputs as a pass or the file declares them, with a symbol of their own for
 * each open dimension. */
static void infer_inputs(struct qn_infer_ctx *c, struct quern_graph *graph)
{
    for (size_t i = 0; i < graph->n_inputs; i++) {
        struct quern_value *v = graph->inputs[i];
        const struct qn_type *type = v->given != NULL ? v->given : v->declared;
        struct qn_result r = {.kind = QUERN_KIND_UNKNOWN, .rank = -1};
        if (type == NULL || type->kind != QUERN_KIND_TENSOR || type->rank < 1 ||
            type->rank > QUERN_MAX_RANK || v->tensor != NULL) {
            continue;
        }
        r.kind = QUERN_KIND_TENSOR;
        r.dtype = type->dtype;
        r.rank = type->rank;
        for (int k = 0; k < r.rank; k++) {
            if (type->dims[k].value >= 0 ||
                !is_placeholder(type->dims[k].expr)) {
                r.dims[k] = qn_num_of_dim(type->dims[k]);
            }
        }
        set(c, v, &r);
    }
}

/* Functions by key, in s->functions; false: no memory. */
static bool list_functions(struct qn_infer *s, const struct quern_model *model)
{
    for (struct quern_function *f = model->functions; f != NULL; f = f->next) {
        char *key = qn_arena_printf(&s->keys, "%s.%s:%s", f->domain, f->name,
                                    f->overload);
        if (key == NULL || !qn_map_set(&s->functions, key, f)) {
            return false;
        }
    }
    return true;
}

static enum quern_code walk(struct quern_model *model,
                            qn_infer_report_fn report, void *user)
{
    struct qn_infer *s = state_of(model);
    struct qn_infer_ctx *c = s != NULL ? qn_calloc(sizeof *c) : NULL;
    if (c == NULL) {
        return qn_no_memory(model->context);
    }
    uint64_t serial = model->journal.serial;
    c->x.model = model;
    c->state = s;
    s->valid = false;
    s->report = report;
    s->user = user;
    s->budget = budget_of(model);
    s->n_calls = budget_of(model) * 4;
    s->exhausted = false;
    s->n_branches = 0;
    c->x.no_memory = !list_functions(s, model);
    infer_inputs(c, model->graph);
    infer_graph(c, model->graph);
    qn_map_finish(&s->functions);
    qn_arena_finish(&s->keys);
    if (s->exhausted) {
        forget_bodies(model);
    }
    bool no_memory = c->x.no_memory;
    if (no_memory) { /* what was not found for want of memory is no fact */
        memset(s->values, 0, s->values_room * sizeof *s->values);
        memset(s->signatures, 0, s->signatures_room * sizeof *s->signatures);
    }
    s->report = NULL;
    s->valid = !no_memory;
    s->complete = !no_memory && !s->exhausted;
    s->serial = serial;
    qn_free(c->out);
    qn_free(c);
    return no_memory ? qn_no_memory(model->context) : QUERN_OK;
}

enum quern_code quern_model_infer(struct quern_model *model)
{
    const struct qn_infer *s = model->infer;
    if (s != NULL && s->valid && s->serial == model->journal.serial) {
        return QUERN_OK;
    }
    return walk(model, NULL, NULL);
}

enum quern_code qn_infer_check(struct quern_model *model,
                               qn_infer_report_fn report, void *user)
{
    return walk(model, report, user);
}

const struct quern_number *quern_value_numbers(const struct quern_value *value,
                                               size_t *out_len)
{
    struct quern_model *model = value->graph->model;
    struct qn_infer *s = model->infer;
    if (out_len != NULL) {
        *out_len = 0;
    }
    if (s == NULL || value->id >= s->values_room) {
        return NULL;
    }
    const struct qn_infer_value *entry = qn_infer_entry(s, value);
    if (value->producer == NULL && entry->source != value->type) {
        return NULL; /* an initializer that nobody looked at */
    }
    if (out_len != NULL) {
        *out_len = entry->n_numbers;
    }
    return entry->numbers;
}

/* The model's own function stands before an operator of the same name. */
static bool calls_function(const struct quern_model *model,
                           const struct quern_node *node)
{
    const struct quern_function *f = model->functions;
    while (f != NULL && (strcmp(f->domain, node->domain) != 0 ||
                         strcmp(f->name, node->op) != 0 ||
                         strcmp(f->overload, node->overload) != 0)) {
        f = f->next;
    }
    return f != NULL;
}

bool quern_node_is_known(const struct quern_node *node)
{
    const struct quern_model *model = node->graph->model;
    int64_t version = quern_model_opset(model, node->domain);
    if (calls_function(model, node)) {
        return true;
    }
    if (version == 0) {
        return false;
    }
    return qn_schema_find(node->domain, node->op, version) != NULL ||
           (*node->domain != '\0' &&
            qn_infer_row_of(node->domain, node->op) != NULL);
}
