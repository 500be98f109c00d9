/* Names of a model: which value a name means in a graph, and which names are
 * taken anywhere. Entries are never removed: a value that was erased or undone
 * carries its mark, and its name is not given out again. */
#ifndef QUERN_IR_NAMES_H
#define QUERN_IR_NAMES_H

#include "ir/ir.h"

/** NULL: no memory. */
struct qn_names *qn_names_create(void);
/** NULL is fine. */
void qn_names_destroy(struct qn_names *names);

/** Value of that name in exactly this graph, erased or not; NULL: none. */
struct quern_value *qn_names_value(const struct qn_names *names,
                                   const struct quern_graph *graph,
                                   const char *name);

/** Enter a value (its graph and name are set) and mark its name as taken.
 * False: no memory, nothing changed. */
bool qn_names_add(struct qn_names *names, struct quern_value *value);

/** Mark a name as taken. False: no memory. */
bool qn_names_take(struct qn_names *names, const char *name);

/** True when values of that name were entered for more than one place. */
bool qn_names_shared(const struct qn_names *names, const char *name);

/** Enter a value that is about to move to `graph` or to change its name, as
 * `name` there. Nothing finds it there before it has. False: no memory. */
bool qn_names_move(struct qn_names *names, struct quern_value *value,
                   const struct quern_graph *graph, const char *name);

bool qn_names_taken(const struct qn_names *names, const char *name);

/** `wanted`, or wanted_1, wanted_2, … not yet taken, copied into the model's
 * arena; not taken by this call. NULL: no memory. */
const char *qn_names_unique(struct quern_model *model, const char *wanted);

/** Place of the output of that name; the number of outputs when there is none.
 * @param hint    place where it most likely is
 * @param places  empty at first; filled when one is not there, for the caller
 *                to finish
 * @return false: no memory */
bool qn_names_output(const struct quern_graph *graph, const char *name,
                     size_t hint, struct qn_map *places, size_t *out);

#endif
