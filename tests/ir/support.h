/* Small models for the tests of ir: made in memory, journaled like read ones.
 */
#ifndef QUERN_TESTS_IR_SUPPORT_H
#define QUERN_TESTS_IR_SUPPORT_H

#include <quern/graph.h>

/** x [2, 3] → Relu r → Add a (+ initializer w) → Identity i → y. ai.onnx 17. */
struct chain {
    struct quern_context *context;
    struct quern_model *model;
    struct quern_graph *graph;
    struct quern_value *x;
    struct quern_value *w;
    struct quern_value *y;
    struct quern_node *relu;
    struct quern_node *add;
    struct quern_node *identity;
};

void chain_create(struct chain *chain);
void chain_destroy(struct chain *chain);

/** The index of the model says what its nodes and values say. */
void check_index(const struct quern_model *model);

/** If(cond) with a body `then` that reads x of the graph around it. */
struct nest {
    struct quern_context *context;
    struct quern_model *model;
    struct quern_graph *graph;
    struct quern_graph *body;
    struct quern_value *x;
    struct quern_node *first; /* Relu: x → captured */
    struct quern_node *branch;
    struct quern_node *inner; /* in the body: captured → b */
};

void nest_create(struct nest *nest);
void nest_destroy(struct nest *nest);

#endif
