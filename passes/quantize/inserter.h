/* Putting Q and DQ behind values: what the files of insert-qdq share. */
#ifndef QUERN_PASSES_QUANTIZE_INSERTER_H
#define QUERN_PASSES_QUANTIZE_INSERTER_H

#include <quern/quant.h>

#include "quantize/choice.h"
#include "quantize/placement.h"
#include "quantize/scalars.h"

/** Scale and zero point of a value, and the initializers that hold them. */
struct qn_codes {
    bool known;
    struct quern_qparams qp;
    struct quern_value *scale;
    struct quern_value *zero_point;
    struct quern_value *dequantized; /* output of the DQ */
    size_t listed;                   /* where it may stand in the list */
    size_t sharer; /* of a root: last value of the list whose range is joined
                      with its own, as a place + 1; 0: none */
    /** A scalar Mul and Add in front that the Q does itself: it reads `source`
     * with parameters of its own. NULL: it reads the value. */
    struct quern_value *source;
    struct quern_value *source_scale;
    struct quern_value *source_zero_point;
};

struct qn_inserter {
    struct quern_pass_ctx *ctx;
    struct quern_context *context;
    struct quern_model *model;
    struct quern_graph *graph;
    struct qn_choice choice; /* how ranges are chosen */
    bool per_tensor;
    int overflow; /* 0: the target's, else enum quern_target_overflow + 1 */
    bool feedback;
    int wider_steps;  /* see struct qn_weight_options */
    bool keep_floats; /* for float-layers */
    struct qn_placement place;
    struct qn_codes *codes;    /* by value id */
    struct quern_value **list; /* that get a Q and DQ */
    size_t n_list;
    struct qn_range_choice *ranges; /* as listed, and one more */
    size_t *next_sharer; /* as listed: the one before it of the same root */
    size_t n_integer;
    size_t n_float;
    double shrink_budget; /* weights of float operators as codes */
    size_t n_affine;      /* scalar Mul and Add that became scales */
};

/** Parameters of a value: its root's, chosen once. */
enum quern_code qn_params_of(struct qn_inserter *s, struct quern_value *v,
                             struct qn_codes **out)
    __attribute__((warn_unused_result));

/** List the values that the placement makes codes, and choose their ranges. */
enum quern_code qn_list_activations(struct qn_inserter *s)
    __attribute__((warn_unused_result));

/** Q and DQ behind all values of the list, and their readers behind those. */
enum quern_code qn_insert_activations(struct qn_inserter *s)
    __attribute__((warn_unused_result));

/** Behind that: a further pair where codes move on to floats, as outputs of the
 * model are, if the target wants it. */
enum quern_code qn_insert_moved_outputs(struct qn_inserter *s)
    __attribute__((warn_unused_result));

#endif
