/* Types and shapes of all values of a model, with symbolic dimensions.
 *
 * One walk over the nodes in order; each operator's rule comes from the table
 * of its family (table.c). Nothing stops it: what a rule cannot tell becomes a
 * symbol of its own ("?12.0": dimension 0 of value 12), an unknown operator
 * gives unknown types, and the walk goes on behind it. What is found is written
 * to quern_value.type, outside the journal: types are facts, not edits.
 *
 * Trusted: graph inputs as declared, constants, types set by passes
 * (quern_value.given) where inference knows less. Not trusted: value_info and
 * the declared types of outputs.
 *
 * A second walk skips every node whose inputs, attributes and outputs are the
 * same pointers as before.
 *
 * Reading order: infer.c, context.h, table.c, one family.
 */
#ifndef QUERN_INFER_INFER_H
#define QUERN_INFER_INFER_H

#include "ir/ir.h"

/** Called for each contradiction: a node whose inputs cannot be (MatMul of 3 by
 * 4), a declared type that is wrong. `text` says both sides. `harmless`: the
 * model runs all the same (a declared shape that is wrong). */
typedef void (*qn_infer_report_fn)(void *user, const struct quern_place *place,
                                   bool harmless, const char *text);

/** Infer everything and report contradictions; a graph with some is no error
 * here. @return QUERN_OK or _NO_MEMORY */
enum quern_code qn_infer_check(struct quern_model *model,
                               qn_infer_report_fn report, void *user)
    __attribute__((warn_unused_result));

#endif
