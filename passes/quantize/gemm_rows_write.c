/* gemm-rows: a region rewritten, node by node in the order of the graph. A
 * value of the region gives its name up to the one with two axes; where it is
 * read as it was, a Reshape behind its node makes it again. */
#include "common.h"
#include "quantize/dequantize.h"
#include "quantize/gemm_rows.h"
#include "quantize/linear.h"
#include "quantize/seen.h"

#include <string.h>

static enum quern_code
make_node(struct quern_graph *graph, struct quern_node *before, const char *op,
          const char *base, const char *suffix, struct quern_value *const *in,
          size_t n_in, struct quern_value **out, struct quern_node **out_node)
{
    char name[512];
    quern_name_extend(name, sizeof name, base, "%s", suffix);
    enum quern_code code =
        *out == NULL ? quern_value_create(graph, name, out) : QUERN_OK;
    return code == QUERN_OK ? quern_node_create(graph, before, op, name, in,
                                                n_in, out, 1, out_node)
                            : code;
}

/* ------------------------------------------------------------- sizes */

/* The value whose first sizes are those of the whole region: it is there in
 * front of its first node. */
static struct quern_value *first_entry(const struct qn_rows *r)
{
    const struct quern_node *node = r->nodes[0].node;
    for (size_t i = 0; i < quern_node_n_inputs(node); i++) {
        if (qn_rows_fit(r, quern_node_input(node, i))) {
            return quern_node_input(node, i);
        }
    }
    return NULL;
}

/* The first `n` sizes of the region as a value. */
static enum quern_code make_lead(struct qn_rows *r, int n,
                                 struct quern_value **out)
{
    struct quern_node *front = r->nodes[0].node;
    struct quern_value *in[2] = {r->entry, NULL};
    struct quern_node *node = NULL;
    const char *base = quern_value_name(in[0]);
    int64_t axes[QUERN_MAX_RANK];
    enum quern_code code =
        make_node(r->graph, front, "Shape", base, "_sizes", in, 1, out, &node);
    if (code != QUERN_OK || quern_node_opset(front) >= 15) {
        return code == QUERN_OK ? quern_node_set_int(node, "end", n) : code;
    }
    for (int i = 0; i < n; i++) {
        axes[i] = i;
    }
    in[0] = *out;
    *out = NULL;
    code = qn_new_ints(r->ctx, r->graph, "rows_axes", axes, n, &in[1]);
    return code == QUERN_OK ? make_node(r->graph, front, "Gather", base,
                                        "_first_sizes", in, 2, out, &node)
                            : code;
}

static bool same_shape(const struct qn_rows_shape *a,
                       const struct qn_rows_shape *b)
{
    return a->n == b->n && a->n_lead == b->n_lead &&
           memcmp(a->numbers, b->numbers, (size_t)a->n * sizeof(int64_t)) == 0;
}

/* The value that holds sizes, made in front of the region at first. */
static enum quern_code shape_value(struct qn_rows *r,
                                   const struct qn_rows_shape *shape,
                                   struct quern_value **out)
{
    struct quern_value *in[2] = {NULL, NULL};
    struct quern_node *node = NULL;
    int n_rest = shape->n - shape->n_lead;
    for (size_t i = 0; i < r->n_shapes; i++) {
        if (same_shape(&r->shapes[i].shape, shape)) {
            *out = r->shapes[i].value;
            return QUERN_OK;
        }
    }
    *out = NULL;
    enum quern_code code =
        n_rest > 0 ? qn_new_ints(r->ctx, r->graph, "rows_shape",
                                 shape->numbers + shape->n_lead, n_rest, out)
                   : QUERN_OK;
    if (code == QUERN_OK && shape->n_lead > 0) {
        in[1] = *out;
        *out = NULL;
        code = make_lead(r, shape->n_lead, &in[0]);
        if (code == QUERN_OK && in[1] == NULL) {
            *out = in[0];
        } else if (code == QUERN_OK) {
            code = make_node(r->graph, r->nodes[0].node, "Concat",
                             quern_value_name(r->entry), "_shape", in, 2, out,
                             &node);
            if (code == QUERN_OK) {
                code = quern_node_set_int(node, "axis", 0);
            }
        }
    }
    if (code == QUERN_OK && r->n_shapes < QN_ROWS_SHAPES) {
        r->shapes[r->n_shapes++] = (struct qn_rows_shape_value){*shape, *out};
    }
    return code;
}

static enum quern_code reshape(struct qn_rows *r, struct quern_node *before,
                               struct quern_value *x,
                               const struct qn_rows_shape *shape,
                               const char *base, const char *suffix,
                               struct quern_value **y)
{
    struct quern_value *in[2] = {x, NULL};
    struct quern_node *node = NULL;
    enum quern_code code = shape_value(r, shape, &in[1]);
    if (code == QUERN_OK) {
        code = make_node(r->graph, before, "Reshape", base, suffix, in, 2, y,
                         &node);
    }
    return code == QUERN_OK && shape->zero_is_0
               ? quern_node_set_int(node, "allowzero", 1)
               : code;
}

static struct quern_dim last_of(const struct quern_value *v)
{
    return quern_value_dims(v)[quern_value_rank(v) - 1];
}

/* A value has two axes, its rows and the last, and the numbers of another. */
static enum quern_code be_rows_of(struct qn_rows *r, struct quern_value *rows,
                                  const struct quern_value *like)
{
    struct quern_dim dims[2] = {{-1, NULL}, last_of(like)};
    enum quern_code code =
        quern_value_set_type(rows, quern_value_dtype(like), 2, dims);
    return code == QUERN_OK ? qn_seen_copy(quern_pass_model(r->ctx), rows, like)
                            : code;
}

/* -------------------------------------------------------------- ends */

/* The rows of a value: those of the region, or a Reshape where it begins,
 * which reads what a Reshape in front reads. */
static enum quern_code enter(struct qn_rows *r, struct quern_node *node,
                             size_t i)
{
    struct quern_value *v = quern_node_input(node, i);
    struct quern_value **rows = &r->rows[quern_value_id(v)];
    enum quern_code code = QUERN_OK;
    if (*rows == NULL) {
        const struct quern_node *p = quern_value_producer(v);
        struct qn_rows_shape shape = {.numbers = {-1, last_of(v).value},
                                      .n = 2};
        bool joins = p != NULL && quern_node_is(p, "Reshape");
        code = reshape(r, node, joins ? quern_node_input(p, 0) : v, &shape,
                       quern_value_name(v), "_rows", rows);
        if (code == QUERN_OK) {
            code = be_rows_of(r, *rows, v);
        }
    }
    return code == QUERN_OK ? quern_node_set_input(node, i, *rows) : code;
}

/* Make a value of the region again behind its node: floats from codes by
 * another DequantizeLinear, which the runtime needs right in front of what
 * reads it, else by a Reshape of the rows. */
static enum quern_code leave(struct qn_rows *r, struct quern_node *node,
                             struct quern_value *v, struct quern_value *rows)
{
    struct qn_rows_shape shape;
    if (!qn_rows_shape_of(v, quern_node_opset(node), &shape)) {
        return QUERN_INTERNAL; /* counted before */
    }
    if (!quern_node_is(node, "DequantizeLinear")) {
        return reshape(r, quern_node_next(node), rows, &shape,
                       quern_value_name(v), "_Reshape", &v);
    }
    struct quern_value *in[3] = {NULL, quern_node_input(node, 1),
                                 quern_node_input(node, 2)};
    struct quern_node *before = quern_node_next(node);
    struct quern_node *dq = NULL;
    enum quern_code code = reshape(r, before, quern_node_input(node, 0), &shape,
                                   quern_value_name(v), "_codes", &in[0]);
    if (code == QUERN_OK) {
        code =
            make_node(r->graph, before, "DequantizeLinear", quern_value_name(v),
                      "_again", in, in[2] != NULL ? 3 : 2, &v, &dq);
    }
    for (size_t i = 0; i < quern_node_n_attrs(node) && code == QUERN_OK; i++) {
        code = quern_node_copy_attr(dq, node, quern_node_attr_name(node, i));
    }
    return code;
}

/* Reshapes that read a value of the region read its rows. */
static enum quern_code turn_reshapes(struct qn_rows *r, struct quern_value *v,
                                     struct quern_value *rows)
{
    const struct quern_use *next = NULL;
    enum quern_code code = QUERN_OK;
    for (const struct quern_use *u = quern_value_first_use(v);
         u != NULL && code == QUERN_OK; u = next) {
        struct qn_rows_shape shape;
        struct quern_value *value = NULL;
        struct quern_node *node = quern_use_node(u);
        next = quern_use_next(u);
        if (qn_rows_hold(r, node) || !qn_rows_reshape(r, u, &shape)) {
            continue;
        }
        code = quern_node_set_input(node, 0, rows);
        if (code == QUERN_OK && shape.n >= 0) {
            code = shape_value(r, &shape, &value);
        }
        if (code == QUERN_OK && value != NULL) {
            code = qn_replace_input(node, 1, value);
        }
        if (code == QUERN_OK && shape.zero_is_0) {
            code = quern_node_set_int(node, "allowzero", 1);
        }
    }
    return code;
}

/* ------------------------------------------------------------- nodes */

/* What Add made, the product in front makes from here on. */
static enum quern_code take_bias(struct qn_rows *r, struct quern_node *product,
                                 struct quern_node *add)
{
    struct quern_value *y = quern_node_output(product, 0);
    size_t input = quern_node_input(add, 0) == y ? 1 : 0;
    int64_t n = 0;
    bool done = false;
    const float *bias = qn_floats(r->ctx, quern_node_input(add, input), &n);
    double *shift = quern_pass_alloc(r->ctx, (size_t)(n + 1) * sizeof *shift);
    if (bias == NULL || shift == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (int64_t i = 0; i < n; i++) {
        shift[i] = (double)bias[i];
    }
    enum quern_code code =
        quern_node_set_output(product, 0, quern_node_output(add, 0));
    if (code == QUERN_OK) {
        code = quern_node_erase_dead(add); /* and y with it */
    }
    return code == QUERN_OK
               ? qn_bias_add(r->ctx, product, shift, (size_t)n, &done)
               : code;
}

static enum quern_code to_gemm(struct qn_rows *r, struct quern_node *product)
{
    struct quern_node *add =
        quern_value_only_user(quern_node_output(product, 0));
    bool takes = add != NULL && qn_rows_hold(r, add) &&
                 r->kinds[quern_node_id(add)] == QN_ROWS_BIAS;
    enum quern_code code = quern_node_set_op(product, "Gemm");
    return code == QUERN_OK && takes ? take_bias(r, product, add) : code;
}

/* The last of two axes. */
static enum quern_code set_axis(struct qn_rows *r, struct quern_node *node,
                                enum qn_rows_kind kind)
{
    const int64_t last = 1;
    int64_t axes[1];
    struct quern_value *value = NULL;
    if (kind == QN_ROWS_AXIS) {
        return quern_node_int(node, "axis", 0) < 0
                   ? QUERN_OK
                   : quern_node_set_int(node, "axis", last);
    }
    if (kind != QN_ROWS_AXES) {
        return quern_node_is(node, "QuantizeLinear") ||
                       quern_node_is(node, "DequantizeLinear")
                   ? quern_node_remove_attr(node, "axis")
                   : QUERN_OK;
    }
    if (qn_axes(node, 1, axes) == 1 && axes[0] < 0) {
        return QUERN_OK;
    }
    if (quern_node_has_attr(node, "axes")) {
        return quern_node_set_ints(node, "axes", &last, 1);
    }
    enum quern_code code =
        qn_new_ints(r->ctx, r->graph, "rows_last", &last, 1, &value);
    return code == QUERN_OK ? qn_replace_input(node, 1, value) : code;
}

static enum quern_code write_output(struct qn_rows *r, struct quern_node *node,
                                    size_t i)
{
    struct quern_value *v = quern_node_output(node, i);
    bool stays = qn_rows_stays(r, v);
    struct quern_value *rows = NULL;
    char name[512];
    quern_name_extend(name, sizeof name, quern_value_name(v), "_rows");
    enum quern_code code = quern_value_create(r->graph, name, &rows);
    if (code == QUERN_OK) {
        code = be_rows_of(r, rows, v);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_output(node, i, rows);
    }
    if (code == QUERN_OK) {
        r->rows[quern_value_id(v)] = rows;
        code = turn_reshapes(r, v, rows);
    }
    if (code == QUERN_OK && stays) {
        code = leave(r, node, v, rows);
    }
    return code == QUERN_OK && !stays && quern_value_n_uses(v) == 0
               ? quern_value_erase(v)
               : code;
}

static enum quern_code write_node(struct qn_rows *r, struct quern_node *node)
{
    enum qn_rows_kind kind = r->kinds[quern_node_id(node)];
    enum quern_code code = set_axis(r, node, kind);
    for (size_t i = 0; i < quern_node_n_inputs(node) && code == QUERN_OK; i++) {
        struct quern_value *v = quern_node_input(node, i);
        if (!qn_rows_fit(r, v)) {
            continue;
        }
        code = enter(r, node, i);
        if (code == QUERN_OK && quern_value_producer(v) == NULL &&
            quern_value_n_uses(v) == 0 && !quern_value_is_graph_input(v)) {
            code = quern_value_erase(v);
        }
    }
    if (code == QUERN_OK && kind == QN_ROWS_PRODUCT) {
        code = to_gemm(r, node);
    }
    for (size_t i = 0; i < quern_node_n_outputs(node) && code == QUERN_OK;
         i++) {
        code = write_output(r, node, i);
    }
    return code;
}

enum quern_code qn_rows_write(struct qn_rows *r)
{
    enum quern_code code = QUERN_OK;
    r->entry = first_entry(r);
    for (size_t k = 0; k < r->n && code == QUERN_OK; k++) {
        code = write_node(r, r->nodes[k].node);
    }
    return code;
}
