/* Walks over the nodes of a graph: see sequence.h. */
#include "ir/sequence.h"

#include "ir/tensor.h"

#include <string.h>

/* A graph of fewer nodes is in the caches anyway, and a model of many bodies
 * has many such graphs. */
enum { FEWEST = 256 };

/* How many nodes a node is away when it is fetched, when what it reads and
 * makes is, when the makers of that are, and when what these read is. Each
 * stage needs what the one before it has fetched. */
enum { FETCH_NODE = 15, FETCH_VALUES = 11, FETCH_MAKERS = 7, FETCH_BEYOND = 3 };

/* -------------------------------------------------------------- sequence */

struct place {
    int64_t order;
    uint32_t id;
};

/* Nodes of the graph by id. They are at places far apart in memory, but known
 * ahead. */
static size_t list_places(const struct quern_graph *graph, struct place *places)
{
    const struct qn_index *index = &graph->model->index;
    size_t n = 0;
    for (size_t k = 0; k < index->n_node_chunks && n < graph->n_nodes; k++) {
        const struct qn_node_chunk *chunk = index->nodes[k];
        for (size_t i = 0; i < QN_CHUNK && n < graph->n_nodes; i++) {
            if (i + 16 < QN_CHUNK && chunk->ops[i + 16] != 0) {
                __builtin_prefetch(&chunk->nodes[i + 16]->order);
            }
            if (chunk->ops[i] != 0 && chunk->graphs[i] == graph->id) {
                places[n++] = (struct place){chunk->nodes[i]->order,
                                             (uint32_t)(k * QN_CHUNK + i)};
            }
        }
    }
    return n;
}

static void merge(const struct place *a, size_t n_a, size_t n_b,
                  struct place *out)
{
    const struct place *b = a + n_a;
    size_t i = 0;
    size_t k = 0;
    while (i < n_a || k < n_b) {
        bool first = k == n_b || (i < n_a && a[i].order < b[k].order);
        *out++ = first ? a[i++] : b[k++];
    }
}

/* End of the ascending run that begins at `i`. */
static size_t run_end(const struct place *places, size_t i, size_t n)
{
    while (i + 1 < n && places[i].order < places[i + 1].order) {
        i++;
    }
    return i < n ? i + 1 : n;
}

/* By order. Ids ascend along the file, and along the new nodes of each pass, so
 * there are few runs: merged by pairs. Returns the array that holds it. */
static struct place *sort(struct place *places, struct place *other, size_t n)
{
    while (run_end(places, 0, n) < n) {
        for (size_t i = 0; i < n;) {
            size_t middle = run_end(places, i, n);
            size_t end = middle < n ? run_end(places, middle, n) : n;
            merge(places + i, middle - i, end - middle, other + i);
            i = end;
        }
        struct place *swap = places;
        places = other;
        other = swap;
    }
    return places;
}

static struct qn_sequence *make(const struct quern_graph *graph)
{
    size_t n = graph->n_nodes;
    struct place *places = qn_calloc_n(2 * n, sizeof *places);
    struct qn_sequence *made =
        places != NULL ? qn_calloc(sizeof *made + n * sizeof *made->ids) : NULL;
    if (made != NULL) {
        made->count = 1;
        made->layout = graph->model->index.layout;
        made->n = list_places(graph, places);
        const struct place *sorted = sort(places, places + n, made->n);
        for (size_t i = 0; i < made->n; i++) {
            made->ids[i] = sorted[i].id;
        }
    }
    qn_free(places);
    return made;
}

void qn_sequence_release(struct qn_sequence *sequence)
{
    if (sequence != NULL && --sequence->count == 0) {
        qn_free(sequence);
    }
}

/* The sequence of a graph as it is now, with a count; NULL: none. */
static struct qn_sequence *sequence_of(struct quern_graph *graph)
{
    const struct quern_model *model = graph->model;
    /* Making it costs a look at the columns of the whole model. */
    if (graph->n_nodes < FEWEST || graph->n_nodes < model->next_node_id / 16) {
        return NULL;
    }
    struct qn_sequence *s = graph->sequence;
    if (s == NULL || s->layout != model->index.layout) {
        qn_sequence_release(s);
        s = graph->sequence = make(graph);
    }
    if (s != NULL) {
        s->count++;
    }
    return s;
}

/* -------------------------------------------------------------- fetching */

enum { LINE = 64, MOST = 4 };

static void fetch(const void *p, size_t size)
{
    for (size_t at = 0; p != NULL && at < size; at += LINE) {
        __builtin_prefetch((const char *)p + at);
    }
}

/* Uses and lists of inputs and outputs stand right behind the node. */
static void fetch_node(const struct quern_node *node)
{
    enum { BEHIND = 128 };
    fetch((const char *)node + QN_NODE_HOT,
          sizeof *node - QN_NODE_HOT + BEHIND);
}

static void fetch_inputs(const struct quern_node *node)
{
    for (size_t i = 0; i < node->n_inputs && i < MOST; i++) {
        fetch(node->inputs[i]->value, LINE);
    }
}

static void fetch_values(const struct quern_node *node)
{
    fetch_inputs(node);
    for (size_t i = 0; i < node->n_outputs && i < MOST; i++) {
        fetch(node->outputs[i], LINE);
    }
    fetch(node->attrs, LINE);
}

static void fetch_makers(const struct quern_node *node, bool is_whole)
{
    for (size_t i = 0; i < node->n_inputs && i < MOST; i++) {
        const struct quern_value *v = node->inputs[i]->value;
        if (v != NULL && v->producer == NULL) {
            fetch(v->tensor, LINE);
        } else if (v != NULL && !is_whole) {
            fetch_node(v->producer);
        }
    }
    const struct quern_value *y = node->n_outputs > 0 ? node->outputs[0] : NULL;
    if (y != NULL && !is_whole) {
        fetch(y->first_use, LINE);
    }
}

/* What the makers read, the numbers of small constants, a reader. */
static void fetch_beyond(const struct quern_node *node, bool is_whole)
{
    for (size_t i = 0; i < node->n_inputs && i < MOST; i++) {
        const struct quern_value *v = node->inputs[i]->value;
        if (v != NULL && v->producer != NULL && !is_whole) {
            fetch_inputs(v->producer);
        } else if (v != NULL && v->producer == NULL && v->tensor != NULL &&
                   v->tensor->size <= LINE) {
            fetch(v->tensor->data, 1);
        }
    }
    const struct quern_value *y = node->n_outputs > 0 ? node->outputs[0] : NULL;
    const struct quern_use *use = y != NULL && !is_whole ? y->first_use : NULL;
    if (use != NULL && use->node != NULL) {
        fetch((const char *)use->node + QN_NODE_HOT, 2 * LINE);
    }
}

/* --------------------------------------------------------------- walking */

static bool is_wanted_op(struct qn_walk *walk, uint32_t op)
{
    const struct qn_index *index = &walk->graph->model->index;
    if (op >= QN_WALK_OPS) {
        return walk->wants(qn_index_op_at(index, op), walk->user);
    }
    if (walk->answers[op] == 0) {
        bool yes = walk->wants(qn_index_op_at(index, op), walk->user);
        walk->answers[op] = yes ? 2 : 1;
    }
    return walk->answers[op] == 2;
}

static bool is_wanted(struct qn_walk *walk, uint32_t id)
{
    const struct qn_index *index = &walk->graph->model->index;
    uint32_t op = *qn_index_op_of(index, id);
    return op != 0 && (walk->wants == NULL || is_wanted_op(walk, op)) &&
           (walk->may == NULL || walk->may(index, id, walk->user));
}

/* The next wanted one of the sequence from *at on; NULL: none. */
static struct quern_node *find(struct qn_walk *walk, size_t *at)
{
    const struct qn_sequence *s = walk->sequence;
    const struct qn_index *index = &walk->graph->model->index;
    while (*at < s->n) {
        size_t i = walk->backward ? s->n - 1 - *at : *at;
        ++*at;
        if (is_wanted(walk, s->ids[i])) {
            return qn_index_node_at(index, s->ids[i]);
        }
    }
    return NULL;
}

/* The one that was found `back` finds ago, if it is still on its way. */
static const struct quern_node *soon(const struct qn_walk *walk, size_t back)
{
    return walk->n_soon >= back
               ? walk->soon[(walk->n_soon - back) % QN_WALK_SOON]
               : NULL;
}

/* Find one more of those to come and move the others a stage on. A walk over
 * all nodes has come past the makers before. */
static void look_ahead(struct qn_walk *walk)
{
    bool is_whole = walk->wants == NULL && walk->may == NULL;
    struct quern_node *node = find(walk, &walk->i_soon);
    walk->soon[walk->n_soon++ % QN_WALK_SOON] = node;
    if (node != NULL) {
        fetch_node(node);
    }
    const struct quern_node *then = soon(walk, 1 + FETCH_NODE - FETCH_VALUES);
    if (then != NULL) {
        fetch_values(then);
    }
    then = soon(walk, 1 + FETCH_NODE - FETCH_MAKERS);
    if (then != NULL) {
        fetch_makers(then, is_whole);
    }
    then = soon(walk, 1 + FETCH_NODE - FETCH_BEYOND);
    if (then != NULL) {
        fetch_beyond(then, is_whole);
    }
}

static struct quern_node *step(const struct qn_walk *walk,
                               const struct quern_node *node)
{
    return walk->backward ? node->prev : node->next;
}

static struct quern_node *next_of_list(struct qn_walk *walk)
{
    struct quern_node *node = walk->next;
    /* Erased nodes keep their links, so they lead back into the list. */
    while (node != NULL &&
           (node->id >= walk->end_id || !is_wanted(walk, node->id))) {
        node = step(walk, node);
    }
    walk->next = node != NULL ? step(walk, node) : NULL;
    return node;
}

void qn_walk_begin(struct qn_walk *walk, struct quern_graph *graph,
                   bool backward, qn_wants_fn wants, qn_may_fn may, void *user)
{
    *walk = (struct qn_walk){.graph = graph,
                             .backward = backward,
                             .wants = wants,
                             .may = may,
                             .user = user,
                             .end_id = graph->model->next_node_id,
                             .sequence = sequence_of(graph),
                             .next = backward ? graph->last : graph->first};
    for (int i = 0; i < FETCH_NODE && walk->sequence != NULL; i++) {
        look_ahead(walk);
    }
}

struct quern_node *qn_walk_next(struct qn_walk *walk)
{
    if (walk->sequence == NULL) {
        return next_of_list(walk);
    }
    look_ahead(walk);
    return find(walk, &walk->i);
}

void qn_walk_end(struct qn_walk *walk)
{
    qn_sequence_release(walk->sequence);
    walk->sequence = NULL;
}
