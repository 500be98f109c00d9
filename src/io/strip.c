/* Taking away what people and exporters wrote beside the model: doc strings,
 * metadata, hints. What is left of a message that was read is a copy of its
 * other fields; nodes, values and tensors without such words keep the bytes
 * that they were read as. */
#include <quern/model.h>

#include "io/emit.h"
#include "io/wire.h"
#include "ir/edit.h"

#include <string.h>

struct strip {
    struct quern_model *model;
    unsigned what; /* enum quern_strip, or-ed */
    bool no_memory;
};

/* ------------------------------------------------------- fields of messages */

enum kind { NODE, ATTR, GRAPH, TENSOR, VALUE, FUNCTION, N_KINDS };

struct nested {
    unsigned field;
    enum kind kind;
};

/* Numbers of fields in ONNX's schema. */
static const struct {
    unsigned docs;
    unsigned metadata;
    struct nested nested[6];
} messages[N_KINDS] = {
    [NODE] = {6, 9, {{5, ATTR}}},
    [ATTR] = {13, 0, {{5, TENSOR}, {6, GRAPH}, {10, TENSOR}, {11, GRAPH}}},
    [GRAPH] = {10,
               16,
               {{1, NODE}, {5, TENSOR}, {11, VALUE}, {12, VALUE}, {13, VALUE}}},
    [TENSOR] = {12, 16, {{0}}},
    [VALUE] = {3, 4, {{0}}},
    [FUNCTION] = {8, 14, {{7, NODE}, {11, ATTR}, {12, VALUE}}},
};

struct message {
    const struct strip *strip;
    enum kind kind;
    struct qn_span bytes;
};

/* An entry of metadata_props whose key begins as those of packages do. */
static bool is_note(const unsigned char *entry, size_t size)
{
    static const char prefix[] = "pkg.";
    size_t at = 0;
    struct qn_wire_field f;
    while (at < size && qn_wire_next(entry, size, &at, &f) == NULL) {
        if (f.number == 1 && f.wire == QN_WIRE_BYTES) {
            return f.length >= strlen(prefix) &&
                   memcmp(entry + f.content, prefix, strlen(prefix)) == 0;
        }
    }
    return false;
}

/* @param bytes  of the message that the field is in */
static bool is_dropped(const struct strip *s, enum kind kind,
                       struct qn_span bytes, const struct qn_wire_field *f)
{
    if (f->number == messages[kind].docs) {
        return (s->what & QUERN_STRIP_DOCS) != 0;
    }
    if (f->number == 0 || f->number != messages[kind].metadata) {
        return false;
    }
    return (s->what & QUERN_STRIP_METADATA) != 0 ||
           ((s->what & QUERN_STRIP_NOTES) != 0 && kind != TENSOR &&
            f->wire == QN_WIRE_BYTES &&
            is_note(bytes.data + f->content, f->length));
}

static const struct nested *nested_of(enum kind kind, unsigned field)
{
    const struct nested *n = messages[kind].nested;
    while (n->field != 0 && n->field != field) {
        n++;
    }
    return n->field != 0 ? n : NULL;
}

/* Depth is that of the message, which the reader has bounded. */
static void body(struct qn_sink *out, const void *object)
{
    const struct message *m = object;
    size_t at = 0;
    while (at < m->bytes.size) {
        struct qn_wire_field f;
        size_t start = at;
        if (qn_wire_next(m->bytes.data, m->bytes.size, &at, &f) != NULL) {
            return; /* cannot be: the skim has read these bytes */
        }
        const struct nested *n =
            f.wire == QN_WIRE_BYTES ? nested_of(m->kind, f.number) : NULL;
        if (is_dropped(m->strip, m->kind, m->bytes, &f)) {
            continue;
        }
        if (n == NULL) {
            qn_emit_raw(out, m->bytes.data + start, at - start);
            continue;
        }
        const struct message inner = {
            m->strip, n->kind, {m->bytes.data + f.content, f.length}};
        qn_emit_nested(out, f.number, body, &inner);
    }
}

/* True when a field of the message itself is to go, or of a tensor that an
 * attribute holds. */
static bool has_dropped(const struct strip *s, enum kind kind,
                        struct qn_span bytes)
{
    size_t at = 0;
    struct qn_wire_field f;
    while (bytes.data != NULL && at < bytes.size &&
           qn_wire_next(bytes.data, bytes.size, &at, &f) == NULL) {
        const struct nested *n = kind == ATTR && f.wire == QN_WIRE_BYTES
                                     ? nested_of(kind, f.number)
                                     : NULL;
        if (is_dropped(s, kind, bytes, &f) ||
            (n != NULL && n->kind == TENSOR &&
             has_dropped(s, TENSOR,
                         (struct qn_span){bytes.data + f.content, f.length}))) {
            return true;
        }
    }
    return false;
}

/* What a function writes into the sink, in the arena. data NULL: no memory. */
static struct qn_span copy_of(struct strip *s, qn_body_fn fn,
                              const struct message *m)
{
    struct qn_sink count = {0};
    fn(&count, m);
    unsigned char *memory =
        qn_arena_alloc(&s->model->arena, (size_t)count.size + 1);
    struct qn_sink sink = {.memory = memory};
    if (memory == NULL) {
        s->no_memory = true;
        return (struct qn_span){NULL, 0};
    }
    fn(&sink, m);
    return (struct qn_span){memory, (size_t)count.size};
}

/* Of a node or graph, only what the IR does not hold is read from its bytes. */
static void rest(struct qn_sink *out, const void *object)
{
    const struct message *m = object;
    static const unsigned of_node[] = {1, 2, 3, 4, 5, 7, 8, 0};
    static const unsigned of_graph[] = {1, 2, 5, 11, 12, 13, 0};
    const unsigned *held = m->kind == NODE ? of_node : of_graph;
    size_t at = 0;
    struct qn_wire_field f;
    for (size_t start = 0;
         at < m->bytes.size &&
         qn_wire_next(m->bytes.data, m->bytes.size, &at, &f) == NULL;
         start = at) {
        const unsigned *h = held;
        while (*h != 0 && *h != f.number) {
            h++;
        }
        if (*h == 0 && !is_dropped(m->strip, m->kind, m->bytes, &f)) {
            qn_emit_raw(out, m->bytes.data + start, at - start);
        }
    }
}

/* ------------------------------------------------------------------ objects */

static bool reserve(struct strip *s, const struct quern_graph *graph)
{
    s->no_memory =
        s->no_memory || !qn_journal_reserve(&s->model->journal,
                                            8 + 2 * qn_touch_cost(graph), 1);
    return !s->no_memory;
}

static void edit(struct strip *s)
{
    qn_journal_edit(&s->model->journal,
                    (struct qn_edit){.kind = QN_EDIT_METADATA});
}

/* The bytes that something of the graph is written by from now on; data NULL:
 * none. */
static bool put(struct strip *s, const struct quern_graph *graph,
                struct qn_span *origin, struct qn_span left)
{
    if (!reserve(s, graph)) {
        return false;
    }
    QN_SET(&s->model->journal, origin->data, left.data);
    QN_SET(&s->model->journal, origin->size, left.size);
    edit(s);
    return true;
}

/* Only where its tensor lies in another file is an attribute copied: its place
 * is told there. */
static void strip_attrs(struct strip *s, struct quern_node *node)
{
    for (struct qn_attr *a = node->attrs; a != NULL; a = a->next) {
        const struct message m = {s, ATTR, a->origin};
        struct qn_span left = {NULL, 0};
        if (!has_dropped(s, ATTR, a->origin)) {
            continue;
        }
        if (qn_outside_attr(a->origin)) {
            left = copy_of(s, body, &m);
        }
        if (put(s, node->graph, &a->origin, left)) {
            qn_touch_node(node);
        }
    }
}

static void strip_node(struct strip *s, struct quern_node *node)
{
    const struct message m = {s, NODE, node->source};
    if (has_dropped(s, NODE, node->source) &&
        put(s, node->graph, &node->source, copy_of(s, rest, &m))) {
        qn_touch_node(node);
    }
    strip_attrs(s, node);
}

static void strip_info(struct strip *s, struct quern_value *v)
{
    const struct message m = {s, VALUE, v->info_origin};
    const struct qn_span none = {NULL, 0};
    bool is_shown = v->is_input || quern_value_is_graph_output(v);
    bool is_hint = (s->what & QUERN_STRIP_VALUE_INFO) != 0 && !is_shown &&
                   v->info_origin.data != NULL;
    if ((is_hint || has_dropped(s, VALUE, v->info_origin)) &&
        put(s, v->graph, &v->info_origin,
            is_hint ? none : copy_of(s, body, &m))) {
        qn_touch_graph(v->graph);
    }
}

/* What an output declares, with the numbers that inference contradicts put
 * right; names stay. */
static void strip_sizes(struct strip *s, struct quern_value *v)
{
    struct quern_dim dims[QUERN_MAX_RANK];
    const struct qn_type *said = v->declared;
    const struct qn_type *found = v->type;
    bool differs = false;
    if ((s->what & QUERN_STRIP_WRONG_SIZES) == 0 || said == NULL ||
        found == NULL || v->is_input || !quern_value_is_graph_output(v) ||
        said->kind != QUERN_KIND_TENSOR || found->kind != QUERN_KIND_TENSOR ||
        said->rank < 1 || said->rank != found->rank) {
        return;
    }
    for (int i = 0; i < said->rank; i++) {
        bool wrong = said->dims[i].value >= 0 && found->dims[i].value >= 0 &&
                     said->dims[i].value != found->dims[i].value;
        dims[i] = wrong ? found->dims[i] : said->dims[i];
        differs = differs || wrong;
    }
    if (differs && quern_value_set_type(v, quern_value_dtype(v), said->rank,
                                        dims) != QUERN_OK) {
        s->no_memory = true;
    }
}

/* A tensor that lies in another file keeps its words: they are where its place
 * is told. */
static void strip_tensor(struct strip *s, struct quern_value *v)
{
    if (v->tensor != NULL && !qn_outside_tensor(v->tensor_origin) &&
        has_dropped(s, TENSOR, v->tensor_origin) &&
        put(s, v->graph, &v->tensor_origin, (struct qn_span){NULL, 0})) {
        qn_touch_graph(v->graph);
    }
}

static void strip_graph(struct strip *s, struct quern_graph *graph)
{
    const struct message m = {s, GRAPH, graph->origin};
    if (has_dropped(s, GRAPH, graph->origin) &&
        put(s, graph, &graph->origin, copy_of(s, rest, &m))) {
        qn_touch_graph(graph);
    }
    for (struct quern_node *n = graph->first; n != NULL; n = n->next) {
        strip_node(s, n);
    }
    for (struct quern_value *v = graph->first_value; v; v = v->next_value) {
        if (!v->erased) {
            strip_info(s, v);
            strip_sizes(s, v);
            strip_tensor(s, v);
        }
    }
}

/* Bodies of functions are written as they were read. */
static void strip_function(struct strip *s, struct quern_function *f)
{
    const struct message m = {s, FUNCTION, f->origin};
    struct qn_span left = copy_of(s, body, &m);
    if (left.size != f->origin.size) {
        (void)put(s, s->model->graph, &f->origin, left);
    }
}

static bool has_docs(const struct quern_model *model)
{
    size_t at = 0;
    struct qn_wire_field f;
    while (model->bytes != NULL && at < model->bytes->size &&
           qn_wire_next(model->bytes->data, model->bytes->size, &at, &f) ==
               NULL) {
        if (f.number == 6) {
            return !model->is_stripped;
        }
    }
    return false;
}

static void strip_model(struct strip *s)
{
    struct quern_model *model = s->model;
    struct qn_journal *j = &model->journal;
    bool docs = (s->what & QUERN_STRIP_DOCS) != 0 && has_docs(model);
    bool entries =
        (s->what & QUERN_STRIP_METADATA) != 0 && model->metadata != NULL;
    bool producer =
        (s->what & QUERN_STRIP_PRODUCER) != 0 &&
        (model->producer_name != NULL || model->producer_version != NULL);
    if ((!docs && !entries && !producer) || !reserve(s, model->graph)) {
        return;
    }
    if (docs) {
        QN_SET(j, model->is_stripped, true);
    }
    if (entries) {
        QN_SET(j, model->metadata, NULL);
    }
    if (producer) {
        QN_SET(j, model->producer_name, NULL);
        QN_SET(j, model->producer_version, NULL);
    }
    edit(s);
}

enum quern_code quern_model_strip(struct quern_model *model, unsigned what)
{
    struct strip s = {.model = model, .what = what};
    struct qn_mark mark = qn_journal_mark(model);
    for (struct quern_graph *g = model->graphs; g != NULL; g = g->next_graph) {
        const struct quern_graph *top = g;
        while (top->parent != NULL) {
            top = top->parent->graph;
        }
        if (top->function == NULL &&
            (g->parent == NULL || !g->parent->erased)) {
            strip_graph(&s, g);
        }
    }
    for (struct quern_function *f = model->functions; f != NULL; f = f->next) {
        strip_function(&s, f);
    }
    strip_model(&s);
    if (s.no_memory) {
        qn_journal_undo(model, mark);
        return qn_no_memory(model->context);
    }
    return QUERN_OK;
}
