/* Chains of older operators in front of a node that is taken apart. */
#ifndef QUERN_CONVERT_CHAIN_H
#define QUERN_CONVERT_CHAIN_H

#include "convert/lower.h"

/** The first failure is kept in `code`; nothing is done behind it. */
struct qn_chain {
    const struct lowering *l;
    struct quern_node *before; /* which becomes the end of the chain */
    struct quern_value *last;  /* what was made last */
    int number;                /* of values made */
    enum quern_code code;
    bool reshaped; /* what comes has not the shape of the node's input 0 */
    enum quern_dtype dtype; /* of what comes; float where it is not known */
};

/** A chain that begins with x, with numbers of its type. */
struct qn_chain qn_chain_of(const struct lowering *l, struct quern_node *node,
                            struct quern_value *x);

/** True when the node's input 0 is known to be float, double, float16 or
 * bfloat16, which most operators of the opset that is written compute in. One
 * of the chain that took bfloat16 later is refused where it is added. */
bool qn_chain_is_real(const struct lowering *l, const struct quern_node *node);

/** Error of a node whose input 0 is of another type, or of none that is known.
 */
enum quern_code qn_chain_refuse_type(const struct lowering *l,
                                     const struct quern_node *node)
    __attribute__((warn_unused_result));

/** Half precision goes on as float, as norms are defined, until
 * qn_chain_as_given(). */
void qn_chain_as_float(struct qn_chain *c);
void qn_chain_as_given(struct qn_chain *c);

/** True between the two, when the node's type is half precision. */
bool qn_chain_is_cast(const struct qn_chain *c);

/** A constant number of the chain's type; NULL behind a failure. */
struct quern_value *qn_chain_number(struct qn_chain *c, double x);

/** The same of an array. */
struct quern_value *qn_chain_numbers(struct qn_chain *c, const char *name,
                                     const double *x, int rank,
                                     const int64_t *dims);

/** A constant list of int64; NULL behind a failure. */
struct quern_value *qn_chain_ints(struct qn_chain *c, const int64_t *ints,
                                  int64_t n);

/** c->last = op(c->last, other); other may be NULL. In bfloat16, which an
 * operator has not yet at the opset that is written, it is refused. */
void qn_chain_add(struct qn_chain *c, const char *op,
                  struct quern_value *other);

/** The same with c->last as the second operand. */
void qn_chain_add_behind(struct qn_chain *c, const char *op,
                         struct quern_value *first);

/** Set an attribute of the node that made c->last. */
void qn_chain_set_int(struct qn_chain *c, const char *name, int64_t value);
void qn_chain_set_ints(struct qn_chain *c, const char *name,
                       const int64_t *values, size_t n);

/** c->last = the mean over these axes, which stay as 1. */
void qn_chain_mean(struct qn_chain *c, const int64_t *axes, int64_t n);

/** The node becomes op(c->last, other), without its attributes; other may be
 * NULL. */
enum quern_code qn_chain_end(struct qn_chain *c, const char *op,
                             struct quern_value *other)
    __attribute__((warn_unused_result));

/** A vector of one number a channel with axes of 1 behind it, to be broadcast
 * to this rank. */
struct quern_value *qn_chain_by_channel(struct qn_chain *c,
                                        struct quern_value *v, int rank);

/** True when another output than the first is read. */
bool qn_gives_more(const struct quern_node *node);

/** Leave out all outputs but the first, which nothing reads. */
enum quern_code qn_drop_outputs(struct quern_node *node)
    __attribute__((warn_unused_result));

#endif
