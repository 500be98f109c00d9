/* Opset conversion: steps by operator and version, a file a family.
 *
 * A step takes a node from the version before `since` to `since`; the steps of
 * a node run in the order of versions. An operator that is not listed at a
 * version means the same before and after: only types were added, an attribute
 * or an optional input whose default is the old behaviour. Source: ONNX
 * operator changelog, opsets 7 to 26.
 */
#ifndef QUERN_CONVERT_CONVERT_H
#define QUERN_CONVERT_CONVERT_H

#include "common.h"

enum { QN_LOWEST_OPSET = 7, QN_HIGHEST_OPSET = 26 };

struct qn_raise {
    struct quern_pass_ctx *ctx;
    int64_t from;
    int64_t to;
    bool *info_fails; /* set: value_info of the file does not hold any more */
};

typedef enum quern_code (*qn_raise_fn)(const struct qn_raise *r,
                                       struct quern_node *node);

struct qn_raise_step {
    const char *op; /* NULL ends a table */
    int64_t since;
    qn_raise_fn raise;
};

/* One table a family, in the order of versions. */
extern const struct qn_raise_step qn_raise_activation[];
extern const struct qn_raise_step qn_raise_move[];
extern const struct qn_raise_step qn_raise_reduce[];
extern const struct qn_raise_step qn_raise_resize[];
extern const struct qn_raise_step qn_raise_layers[];

/** Error of a node that cannot be converted. */
enum quern_code qn_raise_refuse(const struct qn_raise *r,
                                const struct quern_node *node, const char *why)
    __attribute__((warn_unused_result));

/** The list attribute `name`, if it stands in the node, becomes input i. */
enum quern_code qn_raise_ints_to_input(struct quern_node *node,
                                       const char *name, size_t i)
    __attribute__((warn_unused_result));

/** A constant of the type of the node's input 0 (float where that is not known)
 * with one element, a scalar or a list; as input i. */
enum quern_code qn_raise_set_number(struct quern_node *node, const char *name,
                                    size_t i, float number)
    __attribute__((warn_unused_result));

/** A constant list of int64 (n -1: a scalar) as input i. */
enum quern_code qn_raise_set_ints(struct quern_node *node, const char *name,
                                  size_t i, const int64_t *values, int64_t n)
    __attribute__((warn_unused_result));

/** Set input i; those before it that the node lacks are left out. */
enum quern_code qn_raise_set_input(struct quern_node *node, size_t i,
                                   struct quern_value *value)
    __attribute__((warn_unused_result));

#endif
