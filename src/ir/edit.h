/* What the files that edit share: checks, and the marks of touched origins. */
#ifndef QUERN_IR_EDIT_H
#define QUERN_IR_EDIT_H

#include "ir/ir.h"

/** Error naming the node when it is erased or inside a function body. */
enum quern_code qn_edit_check_node(const struct quern_node *node)
    __attribute__((warn_unused_result));

/** Error naming the value when it is erased. */
enum quern_code qn_edit_check_value(const struct quern_value *value)
    __attribute__((warn_unused_result));

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
