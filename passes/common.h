/* Small helpers that several passes use; public interface only. */
#ifndef QUERN_PASSES_COMMON_H
#define QUERN_PASSES_COMMON_H

#include <quern/pass.h>

/** A constant with one element that is a number.
 * @return false when the value is no such constant */
bool qn_scalar(const struct quern_value *value, float *out_value);

/** All elements of a constant as floats, in memory of the pass; NULL when it is
 * no numeric constant or no memory is left. */
float *qn_floats(struct quern_pass_ctx *ctx, const struct quern_value *value,
                 int64_t *out_len);

/** All elements of an integer constant of at most `most` elements.
 * @param out_values  room for `most` numbers
 * @return the number of elements, -1 when it is no such constant */
int qn_int_values(const struct quern_value *value, int most,
                  int64_t *out_values);

/** A constant that, broadcast to a tensor [N, C, spatial…] of this rank, varies
 * along C alone: C numbers in memory of the pass. NULL when it is none, or no
 * memory is left. */
double *qn_channel_constant(struct quern_pass_ctx *ctx,
                            const struct quern_value *value, int rank,
                            int64_t channels);

/** Write floats into a new initializer with the dims of `like`. */
enum quern_code
qn_new_floats(struct quern_pass_ctx *ctx, struct quern_graph *graph,
              const char *name, const float *values, int rank,
              const int64_t *dims, struct quern_value **out_value)
    __attribute__((warn_unused_result));

/** A new initializer of int64: a vector of n numbers, or a scalar for n = -1.
 */
enum quern_code qn_new_ints(struct quern_pass_ctx *ctx,
                            struct quern_graph *graph, const char *name,
                            const int64_t *ints, int64_t n,
                            struct quern_value **out_value)
    __attribute__((warn_unused_result));

/** A new tensor with the axes of another one in another order. Elements of
 * whole bytes.
 * @param rank  axes of `t`, or more: axes of 1 stand in front of its own then
 * @param perm  for each of them, which one it becomes
 * @param out   one count */
enum quern_code qn_permuted(struct quern_pass_ctx *ctx,
                            const struct quern_tensor *t, int rank,
                            const int64_t *perm, struct quern_tensor **out)
    __attribute__((warn_unused_result));

/** Let input i of a node read a changed copy of its constant; the constant
 * itself goes when nobody else reads it. */
enum quern_code qn_replace_input(struct quern_node *node, size_t i,
                                 struct quern_value *value)
    __attribute__((warn_unused_result));

/** Node that makes a value when it is of that operator, has no other reader and
 * is no graph output; else NULL. */
struct quern_node *qn_single_producer(const struct quern_value *value,
                                      const char *op);

/** Node that makes a value when it is of that operator; else NULL, as for no
 * value. */
struct quern_node *qn_maker(const struct quern_value *value, const char *op);

/** True when something reads a value, or it is an output. */
bool qn_is_read(const struct quern_value *value);

/** Put a node between another and its only output, which keeps its name; in[0]
 * becomes the value between the two. Names end in `suffix` and `_OP`. */
enum quern_code qn_insert_behind(struct quern_node *node, const char *op,
                                 const char *suffix, struct quern_value **in,
                                 size_t n_in, struct quern_node **out_node)
    __attribute__((warn_unused_result));

/** The axes of a node, from its attribute or its second input.
 * @return how many; -1: none, more than `most`, or not constant */
int qn_axes(const struct quern_node *node, int most, int64_t *out_axes);

/** True when the node's operator is in a list that NULL ends. */
bool qn_is_one_of(const struct quern_node *node, const char *const *ops);

/** True when a value is known to have at least this many axes. */
bool qn_has_rank(const struct quern_value *value, int rank);

/** Take output i off a node, so that something else can make this value. The
 * node keeps as many outputs as it has: those of Split, say, cannot be left
 * out. quern_node_erase_dead() is up to the caller. */
enum quern_code qn_take_output(struct quern_node *node, size_t i)
    __attribute__((warn_unused_result));

/** What a node makes, for one reader alone, are other numbers than before: a
 * new value with a name of its own takes the place of the old one, which goes.
 * @param same_type  they are of the old type and shape */
enum quern_code qn_renew_output(struct quern_node *node, bool same_type)
    __attribute__((warn_unused_result));

/** Let the only output of a node be a constant, under the name that it has; the
 * node goes, and what fed only it. */
enum quern_code qn_output_to_constant(struct quern_node *node,
                                      struct quern_tensor *tensor)
    __attribute__((warn_unused_result));

/** True when `y`, made by a node that passes its input x on, can go: x can take
 * its place everywhere, names of graph outputs included. */
bool qn_can_stand_for(const struct quern_value *y, const struct quern_value *x);

/** The one number or truth value that a value holds in every run: a constant,
 * or what inference followed there (a size).
 * @return false when it is not known */
bool qn_known_int(const struct quern_value *value, int64_t *out_number);

/** True when a value that could be a constant must not become one: a Slice of
 * opset 10 reads it, of data whose sizes vary. onnx's inference takes such a
 * Slice with constant numbers for one that keeps the size, and ONNX Runtime
 * then gives two values of different sizes one buffer. */
bool qn_must_stay_open(const struct quern_value *value);

/** True when the target of the pipeline does not have an operator. */
bool qn_target_lacks(struct quern_pass_ctx *ctx, const char *op);

/** Call `fn` for all nodes that hold graphs, in this graph and in those that
 * they hold: inner ones first, so that they are settled when the outer one is
 * looked at. */
enum quern_code qn_each_holder(struct quern_pass_ctx *ctx,
                               struct quern_graph *graph, quern_node_fn fn,
                               void *user) __attribute__((warn_unused_result));

/** Let values stand for the first n outputs of a node, of which some may be the
 * same or NULL: what its body gave once it has moved out. */
enum quern_code qn_replace_outputs(const struct quern_node *node,
                                   struct quern_value **values, size_t n)
    __attribute__((warn_unused_result));

#endif
