/* What the files that edit share: checks, use lists, the order of nodes, and
 * the marks of touched origins. Writes are reserved in the journal first;
 * comments say how many each function needs. */
#ifndef QUERN_IR_EDIT_H
#define QUERN_IR_EDIT_H

#include "ir/ir.h"

/** Write a field through the write log. Each argument is evaluated once but for
 * the address of `field`. */
#define QN_SET(journal, field, value)                                          \
    do {                                                                       \
        qn_journal_write((journal), &(field), sizeof(field));                  \
        (field) = (value);                                                     \
    } while (0)

/** Error naming the node when it is erased or inside a function body. */
enum quern_code qn_edit_check_node(const struct quern_node *node)
    __attribute__((warn_unused_result));

/** Error naming the value when it is erased. */
enum quern_code qn_edit_check_value(const struct quern_value *value)
    __attribute__((warn_unused_result));

/** Error at a node or, if it is NULL, in the graph of a value. */
enum quern_code qn_edit_bad_argument(const struct quern_node *node,
                                     const struct quern_value *value,
                                     const char *what)
    __attribute__((warn_unused_result));

/** Error unless nodes of a graph may read the value: not erased, of this graph
 * or one around it. NULL: a left-out input, which is fine. */
enum quern_code qn_edit_check_readable(const struct quern_graph *graph,
                                       const struct quern_value *value)
    __attribute__((warn_unused_result));

/** A domain and an operator of it, whatever dots are in them. */
struct qn_op_name {
    const char *domain;
    const char *type; /* NULL: there was no memory */
};

/** quern_node_create() of an operator whose domain is told apart; both are
 * copied. */
enum quern_code qn_node_create_op(
    struct quern_graph *graph, struct quern_node *before, struct qn_op_name op,
    const char *name, struct quern_value *const *inputs, size_t n_inputs,
    struct quern_value *const *outputs, size_t n_outputs,
    struct quern_node **out_node) __attribute__((warn_unused_result));

/** Give a node an attribute like that one, of other graphs: as many. They lie
 * in the arena and have the node as their parent. */
enum quern_code qn_node_put_graphs(struct quern_node *node,
                                   const struct qn_attr *like,
                                   struct quern_graph **graphs)
    __attribute__((warn_unused_result));

/** Enter a use into the list of a value (NULL: none): at most 8 writes; and
 * take it out of the list that it is in: at most 6. */
void qn_use_link(struct qn_journal *journal, struct quern_use *use,
                 struct quern_value *value);
void qn_use_unlink(struct qn_journal *journal, struct quern_use *use);

/** Say what makes a value (NULL: nothing): 2 writes. */
void qn_value_set_producer(struct quern_value *value, struct quern_node *node);

enum { QN_USE_WRITES = 14 }; /* unlink + link */

/** Give a value a name that has been entered: its maker and readers are written
 * anew. Writes to reserve: qn_rename_cost(). */
void qn_rename(struct qn_journal *journal, struct quern_value *value,
               const char *name);
size_t qn_rename_cost(const struct quern_value *value);

/** Put a node that stands nowhere in front of `before` (NULL: at the end);
 * qn_order_cost() tells the writes. */
void qn_order_insert(struct quern_graph *graph, struct quern_node *node,
                     struct quern_node *before);
size_t qn_order_cost(const struct quern_graph *graph,
                     const struct quern_node *before);

/** Put all nodes of a body in front of `at`, which holds it;
 * qn_order_splice_cost() tells the writes for `n` of them. */
void qn_order_splice(struct quern_graph *body, struct quern_node *at);
size_t qn_order_splice_cost(const struct quern_graph *outer,
                            const struct quern_node *at, size_t n);

/** Take a node out of its graph's list: at most 3 writes. */
void qn_order_take_out(struct quern_node *node);

/** Writes to reserve for qn_touch_*: a node and all that enclose it. */
size_t qn_touch_cost(const struct quern_graph *graph);

/** The bytes that were read for a node no longer stand for it. */
void qn_touch_node(struct quern_node *node);

/** The same for the nodes that enclose a graph. */
void qn_touch_graph(struct quern_graph *graph);

/** Drop the table entries of a node or value (writes: qn_table_cost()). */
void qn_tables_drop(struct quern_model *model, bool is_node, uint32_t id);

/** Move the entries of value `from` to `to` that has none of its own. */
void qn_tables_move(struct quern_model *model, uint32_t from, uint32_t to);

/** Writes and edits to reserve for one call of the two above. */
size_t qn_tables_cost(const struct quern_model *model);

#endif
