/* Nodes out of order: would some order do, or do they wait for each other? */
#include "ir/verify.h"

/* Node of `graph` that is the user or holds it in a body. */
static const struct quern_node *lift(const struct quern_node *node,
                                     const struct quern_graph *graph)
{
    while (node != NULL && node->graph != graph) {
        node = node->graph->parent;
    }
    return node;
}

/* One run of Kahn's algorithm; counts are by node id. */
struct order {
    const struct quern_graph *graph;
    uint32_t *n_open; /* uses of values that are not made yet */
    const struct quern_node **queue;
    size_t n_queue;
};

static void count_uses(struct order *o)
{
    for (const struct quern_value *v = o->graph->first_value; v != NULL;
         v = v->next_value) {
        for (const struct quern_use *u = v->first_use;
             u != NULL && v->producer != NULL; u = u->next) {
            const struct quern_node *user = lift(u->node, o->graph);
            if (user != NULL) {
                o->n_open[user->id]++;
            }
        }
    }
}

static void run(struct order *o)
{
    for (const struct quern_node *n = o->graph->first; n; n = n->next) {
        if (o->n_open[n->id] == 0) {
            o->queue[o->n_queue++] = n;
        }
    }
    for (size_t i = 0; i < o->n_queue; i++) {
        for (size_t k = 0; k < o->queue[i]->n_outputs; k++) {
            const struct quern_value *v = o->queue[i]->outputs[k];
            for (const struct quern_use *u = v != NULL ? v->first_use : NULL;
                 u != NULL; u = u->next) {
                const struct quern_node *user = lift(u->node, o->graph);
                if (user != NULL && --o->n_open[user->id] == 0) {
                    o->queue[o->n_queue++] = user;
                }
            }
        }
    }
}

/* A node that waits is behind a cycle or in it: going back to what it waits for
 * often enough leads into the cycle. Captures of bodies are not followed. */
static const struct quern_node *in_cycle(const struct order *o)
{
    const struct quern_node *at = o->graph->first;
    while (at != NULL && o->n_open[at->id] == 0) {
        at = at->next;
    }
    for (size_t step = 0; at != NULL && step < o->graph->n_nodes; step++) {
        const struct quern_node *back = NULL;
        for (size_t i = 0; i < at->n_inputs && back == NULL; i++) {
            const struct quern_value *v = at->inputs[i]->value;
            const struct quern_node *made = v != NULL ? v->producer : NULL;
            back = made != NULL && made->graph == o->graph &&
                           o->n_open[made->id] > 0
                       ? made
                       : NULL;
        }
        if (back == NULL) {
            return at;
        }
        at = back;
    }
    return at;
}

enum quern_code qn_verify_cycles(struct qn_verify *v,
                                 const struct quern_graph *graph)
{
    struct qn_arena arena = {0};
    struct order o = {.graph = graph};
    o.n_open =
        qn_arena_alloc_n(&arena, graph->model->next_node_id, sizeof *o.n_open);
    o.queue = qn_arena_alloc_n(&arena, graph->n_nodes, sizeof *o.queue);
    if (o.n_open == NULL || o.queue == NULL) {
        qn_arena_finish(&arena);
        return qn_no_memory(graph->model->context);
    }
    count_uses(&o);
    run(&o);
    if (o.n_queue < graph->n_nodes) {
        struct quern_place place = quern_node_place(in_cycle(&o));
        qn_find_error(v->findings, &place,
                      "node stands in a cycle: no order of the nodes is right");
    }
    qn_arena_finish(&arena);
    return QUERN_OK;
}
