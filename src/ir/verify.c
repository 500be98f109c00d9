/* Structure of the graphs: order, scopes, one maker for each value. */
#include "ir/verify.h"

#include "ir/names.h"
#include "ir/sequence.h"

#include <string.h>

static struct quern_place place_of_graph(const struct quern_graph *graph)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.file = graph->model->path;
    place.graph = qn_graph_path(graph);
    return place;
}

static struct quern_place place_of(const struct quern_node *node,
                                   const struct quern_value *value)
{
    struct quern_place place = quern_node_place(node);
    place.tensor = value != NULL ? value->name : NULL;
    return place;
}

/* Node of `graph` in whose bodies `inner` lies; NULL when it lies elsewhere. */
static const struct quern_node *holder(const struct quern_graph *inner,
                                       const struct quern_graph *graph)
{
    const struct quern_node *node = NULL;
    while (inner != NULL && inner != graph) {
        node = inner->parent;
        inner = node != NULL ? node->graph : NULL;
    }
    return inner == graph ? node : NULL;
}

static bool encloses(const struct quern_graph *outer,
                     const struct quern_graph *inner)
{
    while (inner != NULL && inner != outer) {
        inner = inner->parent != NULL ? inner->parent->graph : NULL;
    }
    return inner != NULL;
}

/* A value that something gives: an input, an initializer, a node. */
static bool is_given(const struct quern_value *v)
{
    return v->producer != NULL || v->is_input || v->tensor != NULL ||
           v->is_opaque;
}

/* ---------------------------------------------------------------- nodes */

static void check_read(struct qn_verify *v, const struct quern_node *node,
                       size_t i)
{
    const struct quern_value *value = node->inputs[i]->value;
    struct qn_findings *f = v->findings;
    if (value == NULL) {
        return;
    }
    const struct quern_node *made = value->producer;
    const struct quern_node *reader =
        value->graph == node->graph ? node : holder(node->graph, value->graph);
    const char *wrong = NULL;
    if (value->erased) {
        wrong = "reads a value that was erased";
    } else if (!encloses(value->graph, node->graph)) {
        wrong = "reads a value of a graph that does not enclose it";
    } else if (!is_given(value)) {
        wrong = "reads a value that is made nowhere: no node, input or "
                "initializer gives it";
    }
    if (wrong != NULL) {
        struct quern_place place = place_of(node, value);
        qn_find_error(f, &place, "input %zu %s", i, wrong);
    } else if (made != NULL && reader != NULL && made->order >= reader->order) {
        struct quern_place place = place_of(node, value);
        v->n_late++;
        qn_find_error(f, &place,
                      "input %zu is read before it is made, by node '%s' "
                      "(%s, #%u)",
                      i, made->name, made->op, made->id);
    }
}

/* A name that an enclosing graph gives as well. */
static const struct quern_value *shadowed(const struct quern_value *value)
{
    const struct quern_graph *g = value->graph;
    while (g->parent != NULL) {
        g = g->parent->graph;
        const struct quern_value *outer =
            qn_names_value(g->model->names, g, value->name);
        if (outer != NULL && !outer->erased && is_given(outer)) {
            return outer;
        }
    }
    return NULL;
}

static void check_made(struct qn_verify *v, const struct quern_node *node,
                       size_t i)
{
    const struct quern_value *value = node->outputs[i];
    const char *wrong = NULL;
    if (value == NULL) {
        return;
    }
    if (value->erased) {
        wrong = "is a value that was erased";
    } else if (value->graph != node->graph) {
        wrong = "is a value of another graph";
    } else if (value->producer != node || value->output_index != i) {
        wrong = "is made by another node too";
    } else if (value->is_input) {
        wrong = "is an input of the graph too";
    } else if (quern_value_is_initializer(value) || value->is_opaque) {
        wrong = "is an initializer too";
    } else if ((v->parts & QN_VERIFY_CHANGED) == 0 && shadowed(value)) {
        wrong = "has the name of a value of an enclosing graph";
    }
    if (wrong != NULL) {
        struct quern_place place = place_of(node, value);
        qn_find_error(v->findings, &place, "output %zu %s", i, wrong);
    }
}

static void find_misplaced(struct qn_verify *v, const struct quern_node *node)
{
    struct quern_place place = place_of(node, NULL);
    qn_find_error(v->findings, &place, "node %s",
                  node->erased ? "was erased but stands in its graph"
                               : "stands in the wrong place");
}

static void check_links(struct qn_verify *v, const struct quern_graph *graph,
                        const struct quern_node *node)
{
    const struct quern_node *prev = node->prev;
    const struct quern_node *linked = prev != NULL ? prev->next : graph->first;
    if (node->erased || node->graph != graph || linked != node ||
        (prev != NULL && prev->order >= node->order)) {
        find_misplaced(v, node);
    }
    /* Walks do not give erased nodes. */
    if (prev != NULL && prev->erased) {
        find_misplaced(v, prev);
    }
    if (node->next == NULL && graph->last != node) {
        find_misplaced(v, graph->last);
    }
    for (size_t i = 0; i < node->n_inputs; i++) {
        check_read(v, node, i);
    }
    for (size_t i = 0; i < node->n_outputs; i++) {
        check_made(v, node, i);
    }
}

/* -------------------------------------------------------------- outputs */

/* A body hands out a value of an enclosing graph: ONNX forbids it, runtimes
 * take it. A model that came so is no fault of a pass. */
static bool hands_through(struct qn_verify *v, const struct quern_graph *graph)
{
    uint32_t id = graph->parent->id;
    bool known = id < v->n_flawed;
    if (known && (v->parts & QN_VERIFY_MARK) != 0) {
        v->flawed[id] = 1;
    }
    return (v->parts & QN_VERIFY_CHANGED) == 0 ||
           (graph->parent->origin.data == NULL &&
            !(known && v->flawed[id] != 0));
}

static void check_outputs(struct qn_verify *v, const struct quern_graph *graph)
{
    for (size_t i = 0; i < graph->n_outputs; i++) {
        const struct quern_value *value = graph->outputs[i]->value;
        const char *wrong = NULL;
        if (value == NULL) {
            wrong = "is no value";
        } else if (value->erased) {
            wrong = "is a value that was erased";
        } else if (!is_given(value)) {
            wrong = "is made nowhere: no node, input or initializer gives it";
        } else if (value->graph != graph && hands_through(v, graph)) {
            wrong = "is a value of an enclosing graph: a body must make its "
                    "outputs itself";
        }
        if (wrong != NULL) {
            struct quern_place place = place_of_graph(graph);
            place.tensor = value != NULL ? value->name : NULL;
            qn_find_error(v->findings, &place, "graph output %zu %s", i, wrong);
        }
    }
}

/* ---------------------------------------------------------------- graphs */

static bool wants_operator(const struct qn_verify *v,
                           const struct quern_node *node)
{
    if ((v->parts & (QN_VERIFY_OPERATORS | QN_VERIFY_TYPES)) == 0) {
        return false;
    }
    if ((v->parts & QN_VERIFY_CHANGED) == 0) {
        return true;
    }
    bool flawed = node->id < v->n_flawed && v->flawed[node->id] != 0;
    return node->origin.data == NULL && !flawed;
}

static void check_operator(struct qn_verify *v, const struct quern_node *node)
{
    size_t before = v->findings->n_errors;
    qn_verify_node(v, node);
    if ((v->parts & QN_VERIFY_MARK) != 0 && node->id < v->n_flawed &&
        v->findings->n_errors > before) {
        v->flawed[node->id] = 1;
    }
}

/* Depth is bounded by the nesting limit of the reader. */
static enum quern_code check_graph(struct qn_verify *v,
                                   struct quern_graph *graph)
{
    struct qn_walk walk;
    const struct quern_node *node = NULL;
    size_t n = 0;
    size_t n_late = v->n_late;
    enum quern_code code = QUERN_OK;
    qn_walk_begin(&walk, graph, false, NULL, NULL, NULL);
    while (code == QUERN_OK && !qn_findings_full(v->findings) &&
           (node = qn_walk_next(&walk)) != NULL) {
        if ((v->parts & QN_VERIFY_STRUCTURE) != 0) {
            check_links(v, graph, node);
        }
        if (wants_operator(v, node)) {
            check_operator(v, node);
        }
        size_t n_bodies = quern_node_n_subgraphs(node);
        for (size_t i = 0; i < n_bodies && code == QUERN_OK; i++) {
            code = check_graph(v, quern_node_subgraph(node, i));
        }
        if (code == QUERN_OK && (++n & 0xfff) == 0) {
            code = qn_poll(graph->model->context);
        }
    }
    qn_walk_end(&walk);
    if ((v->parts & QN_VERIFY_STRUCTURE) != 0) {
        check_outputs(v, graph);
    }
    if (code == QUERN_OK && v->n_late > n_late) {
        code = qn_verify_cycles(v, graph);
    }
    return code;
}

/* ---------------------------------------------------------- what changed */

static bool is_touched(const struct qn_index *index, uint32_t id, void *user)
{
    (void)user;
    return (*qn_index_touched_of(index, id) & QN_TOUCHED_LINKS) != 0;
}

/* Those behind a node that moved, or makes something else. */
static void check_readers(struct qn_verify *v, const struct quern_node *node)
{
    for (size_t i = 0; i < node->n_outputs; i++) {
        const struct quern_value *y = node->outputs[i];
        for (const struct quern_use *u = y != NULL ? y->first_use : NULL;
             u != NULL; u = u->next) {
            if (u->node != NULL &&
                !is_touched(&v->model->index, u->node->id, NULL)) {
                check_read(v, u->node, u->index);
            }
        }
    }
}

static enum quern_code check_touched(struct qn_verify *v,
                                     struct quern_graph *graph)
{
    struct qn_walk walk;
    const struct quern_node *node = NULL;
    size_t n_late = v->n_late;
    qn_walk_begin(&walk, graph, false, NULL, is_touched, NULL);
    while (!qn_findings_full(v->findings) &&
           (node = qn_walk_next(&walk)) != NULL) {
        check_links(v, graph, node);
        check_readers(v, node);
        if (node->next != NULL && node->next->prev != node) {
            find_misplaced(v, node->next);
        }
        if (wants_operator(v, node)) {
            check_operator(v, node);
        }
    }
    qn_walk_end(&walk);
    check_outputs(v, graph);
    return v->n_late > n_late ? qn_verify_cycles(v, graph) : QUERN_OK;
}

/* Of the top graph or a body that no erased node holds. */
static bool is_live(const struct quern_graph *graph)
{
    while (graph->parent != NULL && !graph->parent->erased) {
        graph = graph->parent->graph;
    }
    return graph->parent == NULL && graph->function == NULL;
}

/* A model that was right before its edits is right where these did not come. */
static enum quern_code check_changed(struct qn_verify *v)
{
    enum quern_code code = QUERN_OK;
    for (struct quern_graph *g = v->model->graphs;
         g != NULL && code == QUERN_OK; g = g->next_graph) {
        if (is_live(g)) {
            code = check_touched(v, g);
        }
    }
    return code == QUERN_OK ? qn_poll(v->model->context) : code;
}

enum quern_code qn_verify(struct qn_verify *v)
{
    struct qn_map functions = {0};
    v->functions = &functions;
    enum quern_code code = qn_verify_model(v);
    v->function = NULL;
    if (code == QUERN_OK) {
        code = (v->parts & QN_VERIFY_CHANGED) != 0
                   ? check_changed(v)
                   : check_graph(v, v->model->graph);
    }
    /* Bodies of functions are never changed. */
    for (const struct quern_function *f = v->model->functions;
         f != NULL && code == QUERN_OK && (v->parts & QN_VERIFY_CHANGED) == 0;
         f = f->next) {
        v->function = f;
        code = check_graph(v, f->body);
    }
    qn_map_finish(&functions);
    qn_arena_finish(&v->arena);
    v->functions = NULL;
    return code;
}

void qn_verify_done(struct quern_model *model)
{
    qn_index_untouch_all(&model->index, QN_TOUCHED_LINKS);
}

enum quern_code quern_model_verify(struct quern_model *model,
                                   quern_finding_fn finding, void *user)
{
    struct qn_findings f = {.context = model->context,
                            .report = finding,
                            .user = user,
                            .code = QUERN_INVALID_MODEL};
    struct qn_verify v = {
        .model = model, .findings = &f, .parts = QN_VERIFY_ALL};
    enum quern_code code = qn_verify(&v);
    return code == QUERN_OK && f.n_errors > 0 ? QUERN_INVALID_MODEL : code;
}
