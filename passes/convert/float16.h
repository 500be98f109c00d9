/* to-float16: what its files share.
 *
 * Every float tensor of the model, and every input of a node that reads one, is
 * a *place*. Places that an operator, a body or a loop forces to have one type
 * are joined to a class; a class becomes narrow (float16, bfloat16) unless
 * something says why it stays wide. Where a value and one of its readers fall
 * into classes that differ, a Cast stands between them, one for all such
 * readers.
 */
#ifndef QUERN_CONVERT_FLOAT16_H
#define QUERN_CONVERT_FLOAT16_H

#include "common.h"

struct qn_half_params {
    int type;     /* 0: float16, 1: bfloat16 */
    bool keep_io; /* inputs and outputs of the model stay wide */
    bool doubles; /* double becomes narrow too */
    bool qdq;     /* scales of Q and DQ too, and what stands between them */
    int overflow; /* 0: keep what does not fit wide, 1: clamp constants */
    int64_t samples;
    struct quern_strings block;
    struct quern_strings unblock;
};

enum qn_half_flag {
    QN_HALF_WIDE = 1,     /* a float tensor that may become narrow */
    QN_HALF_DOUBLE = 2,   /* of double */
    QN_HALF_LARGE = 4,    /* holds numbers that narrow types do not */
    QN_HALF_SPREAD = 8,   /* large, and so is what sums of it give */
    QN_HALF_EXACT = 16,   /* becomes an integer or an angle: all digits count */
    QN_HALF_COUNT = 32,   /* made of integers and constants alone */
    QN_HALF_TINY = 64,    /* may be close to zero, where digits are lost */
    QN_HALF_BEFORE = 128, /* all that feeds it is wide */
    QN_HALF_BETWEEN = 256, /* and so is all behind it */
};

struct qn_half {
    struct quern_pass_ctx *ctx;
    struct quern_model *model;
    const struct qn_half_params *params;
    enum quern_dtype narrow;
    double most;            /* largest finite number of the narrow type */
    double least;           /* below, its numbers have lost their digits */
    uint32_t n_values;      /* places of values come first, by their id */
    uint32_t n_nodes;       /* nodes that were there before */
    uint32_t n_all;         /* places */
    void *tally;            /* what is told in the end */
    uint32_t *base;         /* by node id: place of its input 0 */
    uint32_t *up;           /* by place: towards the root of its class */
    uint32_t *n_places;     /* by root */
    const char **reason;    /* by root: why it stays wide; NULL: it does not */
    uint16_t *flags;        /* by value id: enum qn_half_flag */
    const char *on_outputs; /* why outputs of the model stay wide */
};

/** Called for each node: of a graph in its order, bodies behind their node, or
 * all of it backward. */
typedef enum quern_code (*qn_half_fn)(struct qn_half *h,
                                      struct quern_node *node);
enum quern_code qn_half_each(struct qn_half *h, struct quern_graph *graph,
                             bool backward, qn_half_fn fn)
    __attribute__((warn_unused_result));

/** True for a float tensor that the pass is about; NULL is none. */
bool qn_half_wide(const struct qn_half *h, const struct quern_value *v);
bool qn_half_has(const struct qn_half *h, const struct quern_value *v,
                 enum qn_half_flag flag);
void qn_half_mark(struct qn_half *h, const struct quern_value *v,
                  enum qn_half_flag flag);

/** Places. */
uint32_t qn_half_of(const struct quern_value *v);
uint32_t qn_half_read(const struct qn_half *h, const struct quern_node *node,
                      size_t i);
/** The class of a place stays wide; the first reason counts. */
void qn_half_keep(struct qn_half *h, uint32_t place, const char *why);
void qn_half_keep_node(struct qn_half *h, const struct quern_node *node,
                       const char *why);
/** Why a place stays wide, or NULL. */
const char *qn_half_why(struct qn_half *h, uint32_t place);
/** Why a node stays wide, or NULL. */
const char *qn_half_why_node(struct qn_half *h, const struct quern_node *node);

/** What a use wants is narrow. A use that takes either type wants what `v` is.
 */
bool qn_half_wants(struct qn_half *h, const struct quern_value *v,
                   const struct quern_use *use);
/** A use would be served by a wide value. */
bool qn_half_takes_wide(struct qn_half *h, const struct quern_value *v,
                        const struct quern_use *use);
/** A value is narrow in the result; of constants it is what all readers want.
 */
bool qn_half_is_narrow(struct qn_half *h, const struct quern_value *v);

/** The attribute that says which type the output has; NULL: none. */
const char *qn_half_type_attr(const struct quern_node *node);
/** An attribute alone says the type of its output. */
bool qn_half_has_own_type(const struct quern_node *node);

/** Steps of the pass, in their order. */
enum quern_code qn_half_join(struct qn_half *h)
    __attribute__((warn_unused_result));
enum quern_code qn_half_measure(struct qn_half *h)
    __attribute__((warn_unused_result));
enum quern_code qn_half_decide(struct qn_half *h)
    __attribute__((warn_unused_result));
enum quern_code qn_half_write(struct qn_half *h)
    __attribute__((warn_unused_result));

/** A constant holds numbers that do not fit; `why` says which kind. */
bool qn_half_misfit(const struct qn_half *h, const struct quern_value *constant,
                    bool *out_large, const char **out_why);
/** Constants that only bound others, or mask scores, can be clamped without
 * harm. */
bool qn_half_is_bound(const struct quern_node *node, size_t i);
/** The tensor with narrow elements, clamped to what is finite. */
enum quern_code qn_half_narrowed(struct qn_half *h, struct quern_tensor *tensor,
                                 struct quern_tensor **out_tensor)
    __attribute__((warn_unused_result));

#endif
