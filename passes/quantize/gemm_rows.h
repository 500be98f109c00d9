/* gemm-rows: a part of a graph that works on each row, the last axis of a
 * tensor of three axes or more, by itself. */
#ifndef QUERN_PASSES_QUANTIZE_GEMM_ROWS_H
#define QUERN_PASSES_QUANTIZE_GEMM_ROWS_H

#include <quern/pass.h>

/** What a node does to rows. */
enum qn_rows_kind {
    QN_ROWS_NOT,     /* something else */
    QN_ROWS_PRODUCT, /* MatMul of codes and constant codes */
    QN_ROWS_EACH,    /* element by element, with numbers or one vector */
    QN_ROWS_AXIS,    /* `axis` is the last */
    QN_ROWS_AXES,    /* reduces the last axis, and keeps it as 1 */
    QN_ROWS_BIAS,    /* Add that becomes C of the product in front */
};

/** Sizes for a Reshape: the first `n_lead` of a value of the region, and
 * numbers. */
struct qn_rows_shape {
    int64_t numbers[QUERN_MAX_RANK];
    int n;          /* -1: those that the Reshape has */
    int n_lead;     /* numbers[0] to [n_lead - 1] are known when it runs */
    bool zero_is_0; /* a size may be 0 then: `allowzero`, of opset 14 */
};

struct qn_rows_node {
    uint32_t place; /* in the order of the graph */
    struct quern_node *node;
};

struct qn_rows_shape_value {
    struct qn_rows_shape shape;
    struct quern_value *value;
};

enum { QN_ROWS_SHAPES = 16 };

struct qn_rows {
    struct quern_pass_ctx *ctx;
    struct quern_graph *graph;
    unsigned char *kinds;      /* by node: of the region */
    unsigned char *seen;       /* by value: what reads it has been looked at */
    struct quern_value **rows; /* by value: the same with two axes */
    uint32_t *places;          /* by node */
    size_t n_nodes, n_values;  /* entries of these tables */
    size_t n_all;              /* products that became Gemm */

    /* of one region */
    struct quern_value *like; /* all have its first sizes */
    struct qn_rows_node *nodes;
    size_t n, n_products, n_biases;
    struct quern_value *entry; /* of these sizes, in front of all nodes */
    struct qn_rows_shape_value shapes[QN_ROWS_SHAPES]; /* made already */
    size_t n_shapes;
};

/** True for a value with the first sizes of the region and a last one that is
 * a number. */
bool qn_rows_fit(const struct qn_rows *r, const struct quern_value *value);

/** True for a node of the region. */
bool qn_rows_hold(const struct qn_rows *r, const struct quern_node *node);

/** Sizes with which a Reshape of a value of the region makes the same from its
 * rows.
 * @return false: it has none such, or is no Reshape of it */
bool qn_rows_reshape(const struct qn_rows *r, const struct quern_use *use,
                     struct qn_rows_shape *out);

/** Sizes of a value of the region.
 * @return false: they cannot be written at this opset */
bool qn_rows_shape_of(const struct quern_value *value, int64_t opset,
                      struct qn_rows_shape *out);

/** True when a value of the region is read as it is. */
bool qn_rows_stays(const struct qn_rows *r, const struct quern_value *value);

/** Let the nodes of the region work on rows. */
enum quern_code qn_rows_write(struct qn_rows *r)
    __attribute__((warn_unused_result));

#endif
