/* Fusing: what the files that do it share. */
#ifndef QUERN_EXEC_FUSE_H
#define QUERN_EXEC_FUSE_H

#include "exec/op.h"

/** Who makes and who reads each slot of a program. */
struct qn_fuser {
    struct quern_engine *engine;
    struct qn_program *program;
    int *maker;  /* by slot: number of the operator, or -1 */
    int *n_uses; /* by slot, uses in bodies included */
    int *user;   /* by slot: the last operator that reads it */
    bool *fixed; /* by slot: somebody looks at it: a tap, an output, a body */
};

/** The operator whose output 0 is the slot, if it makes nothing else that is
 * wanted; else NULL. */
struct qn_op *qn_fuser_maker(const struct qn_fuser *f, int slot);

/** The same, and the slot is read once and shown to nobody: it may vanish. */
struct qn_op *qn_fuser_inner(const struct qn_fuser *f, int slot);

/** Is it this operator of ai.onnx, not fused yet? NULL is not. */
bool qn_op_is(const struct qn_op *op, const char *name);

/** Input i is a constant float of one element and rank 0 or 1. */
bool qn_fuser_scalar(const struct qn_fuser *f, const struct qn_op *op, int i,
                     float *out);

/** One input is such a scalar, the other slot is *out_slot; for Sub and Div the
 * scalar must be the second one. */
bool qn_fuser_scalar_pair(const struct qn_fuser *f, const struct qn_op *op,
                          int *out_slot, float *out);

/** The operator is gone. */
void qn_fuser_remove(struct qn_fuser *f, struct qn_op *op);

/** The operator reads other slots from now on, and runs by another row. */
enum quern_code qn_fuser_become(struct qn_fuser *f, struct qn_op *op,
                                const struct qn_op_row *row, void *state,
                                int n_in, const int *in)
    __attribute__((warn_unused_result));

/** One input more, behind those that the operator may have (a bias). */
enum quern_code qn_fuser_add_input(struct qn_fuser *f, struct qn_op *op,
                                   int slot)
    __attribute__((warn_unused_result));

/** `op` swallows the operator that reads its output, and stands in its place.
 * @return where it stands now */
struct qn_op *qn_fuser_swallow(struct qn_fuser *f, struct qn_op *op,
                               struct qn_op *next);

/** y = scale x + shift per channel, or BatchNormalization, behind a Conv with
 * constant weights goes into these. *op moves with qn_fuser_swallow(). */
enum quern_code qn_fuse_affine(struct qn_fuser *f, struct qn_op **op,
                               struct qn_op *next, bool *done)
    __attribute__((warn_unused_result));

/** A constant row behind a MatMul becomes its bias. */
enum quern_code qn_fuse_bias(struct qn_fuser *f, struct qn_op **op,
                             struct qn_op *next, bool *done)
    __attribute__((warn_unused_result));

/** Chains that stand for one operator (HardSwish of four nodes, LayerNorm of
 * nine …) become it. */
enum quern_code qn_fuse_patterns(struct qn_fuser *f)
    __attribute__((warn_unused_result));

/** State of qn_op_row_norm(): inputs x, scale, bias or none. */
struct qn_row_norm {
    float epsilon;
    bool centered; /* LayerNormalization; else RMS */
};

/** What a prepared operator of qn_op_unary() does. */
void qn_unary_read(const struct qn_op *op, int *out_variant, float *out_p0,
                   float *out_p1);

/** State of qn_op_unary(). NULL: no memory. */
void *qn_unary_state(struct quern_engine *e, int variant, float p0, float p1);

/** Add a constant [N] to a MatMul with constant weights [K, N], which then has
 * it in its sums. *done is false when it does not fit. */
enum quern_code qn_product_bias(struct quern_engine *e, struct qn_op *op,
                                const struct qn_array *bias, bool *done)
    __attribute__((warn_unused_result));

/** Bounds of a Clip of constant bounds, any opset. */
bool qn_fuser_clip(const struct qn_fuser *f, const struct qn_op *op, float *lo,
                   float *hi);

#endif
