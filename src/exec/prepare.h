/* Preparing a model for running: what the files that do it share. */
#ifndef QUERN_EXEC_PREPARE_H
#define QUERN_EXEC_PREPARE_H

#include <quern/run.h>

#include "exec/op.h"

void qn_engine_close_embedded(struct quern_engine *engine);

/** The slot of a value; -1: none, or no value (an input that is left out). */
int qn_slot_of(const struct quern_engine *engine,
               const struct quern_value *value);

/** A list of n numbers in the engine's arena, all 0. */
enum quern_code qn_slots_alloc(struct quern_engine *engine, size_t n,
                               int **out_slots)
    __attribute__((warn_unused_result));

/** Give each value of the model a slot, in order of making, in all graphs. */
enum quern_code qn_engine_number_slots(struct quern_engine *engine)
    __attribute__((warn_unused_result));

/** Make a slot a constant with the elements of a tensor (not strings), aligned
 * as they want unless who reads them takes any address. */
enum quern_code qn_engine_hold(struct quern_engine *engine,
                               struct quern_tensor *tensor, bool any_address,
                               int slot) __attribute__((warn_unused_result));

/** Enter the constant of a value into its slot, if it has one. */
enum quern_code qn_engine_constant(struct quern_engine *engine,
                                   const struct quern_value *value,
                                   bool any_address)
    __attribute__((warn_unused_result));

/** Input i when it is constant, else NULL. Its bytes may be gone if another
 * operator has forgotten them: check data. */
const struct qn_array *qn_op_constant(const struct quern_engine *engine,
                                      const struct qn_op *op, int i);

/** Does the product `op` pack a constant right side of this type and rank, and
 * never read the plain one again? */
bool qn_product_packs(const struct qn_op *op, enum quern_dtype dtype, int rank);

/** The plain bytes of a constant are not needed any more: let them go. */
void qn_engine_forget(struct quern_engine *engine, int slot);

/** They will hardly be read again: let go of their pages if they lie in a
 * mapped file, which gives them again. */
void qn_engine_forget_pages(const struct quern_engine *engine, int slot);

/** Types of less than a byte, which are held one element a byte while running.
 */
bool qn_is_packed_type(enum quern_dtype dtype);

/** Elements of such a tensor, one a byte. */
void qn_tensor_unpack(const struct quern_tensor *tensor, unsigned char *to);

/** Packed array over a tensor's bytes, read as elements of `dtype`. */
void qn_array_of_tensor(const struct quern_tensor *tensor,
                        enum quern_dtype dtype, struct qn_array *out);

/** Mark all values of a graph and of its bodies that are needed for those
 * marked in `wanted` (by slot). */
void qn_program_mark(const struct quern_engine *engine,
                     const struct quern_graph *graph, bool *wanted);

/** The operators of a graph that have to run for the values wanted, prepared,
 * those of constants alone folded. */
enum quern_code
qn_program_make(struct quern_engine *engine, const struct quern_graph *graph,
                const bool *wanted, struct qn_program **out_program)
    __attribute__((warn_unused_result));

/** Tell each operator of the main program which slots nobody reads behind it.
 */
enum quern_code qn_engine_set_lifetimes(struct quern_engine *engine)
    __attribute__((warn_unused_result));

/** Run an operator of constants alone, whose output becomes a constant. *done
 * is false when it has to run with the others. */
enum quern_code qn_engine_fold(struct quern_engine *engine,
                               const struct qn_op *op, bool *done)
    __attribute__((warn_unused_result));
void qn_folder_forget(struct quern_engine *engine, int slot);
void qn_folder_close(struct quern_engine *engine);

/** Mark the operators whose results depend on the shapes of inputs alone; what
 * they make is never dropped (`keep`, by slot). */
enum quern_code qn_engine_freeze(struct quern_engine *engine,
                                 struct qn_program *program, int *keep)
    __attribute__((warn_unused_result));

/** Join chains of operators (Conv + Relu …) where no tap or output looks
 * inside. */
enum quern_code qn_fuse(struct quern_engine *engine, struct qn_program *program)
    __attribute__((warn_unused_result));

/** Load the accelerator that `backend` names (NULL: the best there is; "plain":
 * none). */
enum quern_code qn_accelerator_open(struct quern_engine *engine,
                                    const char *backend)
    __attribute__((warn_unused_result));
void qn_accelerator_close(struct quern_engine *engine);

/** Is the node of `op` (slots set) a form that no kernel has? Writes why. */
bool qn_op_lacks(const struct qn_op *op, char *why, size_t size);

#endif
