/* gemm-rows: MatMul of three axes or more becomes Gemm of two, for runtimes
 * whose integer kernel of Gemm adds the bias and that of MatMul does not
 * (trick `gemm-rows`): ONNX Runtime's QGemm takes 0.8 to 0.98 of the time of
 * MatMulIntegerToFloat and Add.
 *
 * What works on each row by itself (a region: element by element, normalization
 * and sums over the last axis, products) does so in two axes as well, so that
 * Reshapes stand only where the region begins and ends, and join those that are
 * there, around attention mostly. A region that would need more Reshapes than
 * it has products is left alone. */
#include "quantize/gemm_rows.h"

#include <quern/target.h>

#include "builtin.h"
#include "common.h"
#include "kinds.h"
#include "quantize/dequantize.h"
#include "quantize/linear.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ----------------------------------------------------------- what fits */

bool qn_rows_fit(const struct qn_rows *r, const struct quern_value *value)
{
    int rank = quern_value_rank(r->like);
    if (value == NULL || quern_value_graph(value) != r->graph ||
        quern_value_rank(value) != rank ||
        quern_value_id(value) >= r->n_values ||
        quern_value_constant(value) != NULL) {
        return false;
    }
    const struct quern_dim *a = quern_value_dims(value);
    const struct quern_dim *b = quern_value_dims(r->like);
    for (int i = 0; i < rank - 1; i++) {
        if (!quern_dim_equal(a[i], b[i]) || a[i].value == 0) {
            return false;
        }
    }
    return a[rank - 1].value > 0;
}

bool qn_rows_hold(const struct qn_rows *r, const struct quern_node *node)
{
    return node != NULL && quern_node_id(node) < r->n_nodes &&
           r->kinds[quern_node_id(node)] != QN_ROWS_NOT;
}

/* A constant that is one number or goes along the last axis. */
static bool is_vector(const struct quern_value *v)
{
    const struct quern_tensor *t = quern_value_constant(v);
    return t != NULL && quern_tensor_rank(t) <= 1;
}

static bool is_number(const struct quern_value *v)
{
    return v == NULL ||
           (is_vector(v) && quern_tensor_len(quern_value_constant(v)) == 1);
}

/* Inputs from `first` on are left out or constants of one number or, with
 * `vectors`, one for each place of the last axis. */
static bool are_constants(const struct quern_node *node, size_t first,
                          bool vectors)
{
    for (size_t i = first; i < quern_node_n_inputs(node); i++) {
        const struct quern_value *v = quern_node_input(node, i);
        if (v != NULL && !(vectors ? is_vector(v) : is_number(v))) {
            return false;
        }
    }
    return true;
}

/* Constant codes with one scale a column, and x in codes with one scale. */
static bool is_product(struct quern_node *node)
{
    struct qn_linear l;
    const struct quern_node *dq =
        quern_node_is(node, "MatMul")
            ? qn_maker(quern_node_input(node, 0), "DequantizeLinear")
            : NULL;
    return dq != NULL &&
           quern_node_opset(node) >= 11 && /* before, Gemm needs its C */
           are_constants(dq, 1, false) &&
           quern_node_int(dq, "block_size", 0) == 0 &&
           qn_linear_init_codes(node, &l);
}

static bool is_last(const struct qn_rows *r, int64_t axis)
{
    return axis == -1 || axis == quern_value_rank(r->like) - 1;
}

static bool all_fit(const struct qn_rows *r, const struct quern_node *node,
                    bool or_vectors)
{
    bool any = false;
    for (size_t i = 0; i < quern_node_n_inputs(node); i++) {
        const struct quern_value *v = quern_node_input(node, i);
        bool fits = qn_rows_fit(r, v);
        if (!fits && !(or_vectors && v != NULL && is_vector(v))) {
            return false;
        }
        any = any || fits;
    }
    return any;
}

/* The last axis is the only one that the node is about. */
static bool is_about_last(const struct qn_rows *r,
                          const struct quern_node *node)
{
    static const char *const norms[] = {"LayerNormalization",
                                        "RMSNormalization", NULL};
    if (qn_is_one_of(node, norms)) {
        return is_last(r, quern_node_int(node, "axis", -1)) &&
               are_constants(node, 1, true);
    }
    return (quern_node_is(node, "Split") ||
            (quern_node_is(node, "Concat") && all_fit(r, node, false))) &&
           is_last(r, quern_node_int(node, "axis", 0));
}

static bool is_for_each(const struct qn_rows *r, const struct quern_node *node)
{
    static const char *const codes[] = {"QuantizeLinear", "DequantizeLinear",
                                        NULL};
    return qn_is_broadcast(node)
               ? all_fit(r, node, true)
               : qn_rows_fit(r, quern_node_input(node, 0)) &&
                     (qn_is_elementwise(node) || qn_is_one_of(node, codes)) &&
                     are_constants(node, 1, false) &&
                     quern_node_int(node, "block_size", 0) == 0;
}

static bool reduces_last(const struct qn_rows *r, const struct quern_node *node)
{
    int64_t axes[2];
    return qn_is_reduction(node) && quern_node_int(node, "keepdims", 1) == 1 &&
           qn_axes(node, 2, axes) == 1 && is_last(r, axes[0]);
}

static enum qn_rows_kind kind_of_inputs(const struct qn_rows *r,
                                        struct quern_node *node)
{
    if (is_for_each(r, node)) {
        return QN_ROWS_EACH;
    }
    if (!qn_rows_fit(r, quern_node_input(node, 0))) {
        return QN_ROWS_NOT;
    }
    if (is_product(node)) {
        const struct quern_node *dq =
            quern_value_producer(quern_node_input(node, 0));
        return qn_rows_fit(r, quern_node_input(dq, 0)) ? QN_ROWS_PRODUCT
                                                       : QN_ROWS_NOT;
    }
    return is_about_last(r, node)  ? QN_ROWS_AXIS
           : reduces_last(r, node) ? QN_ROWS_AXES
                                   : QN_ROWS_NOT;
}

static enum qn_rows_kind kind_of(const struct qn_rows *r,
                                 struct quern_node *node)
{
    size_t n = quern_node_n_outputs(node);
    if (n == 0 || quern_node_graph(node) != r->graph ||
        quern_node_id(node) >= r->n_nodes || qn_has_old_broadcast(node)) {
        return QN_ROWS_NOT;
    }
    for (size_t i = 0; i < n; i++) {
        if (!qn_rows_fit(r, quern_node_output(node, i))) {
            return QN_ROWS_NOT;
        }
    }
    return kind_of_inputs(r, node);
}

/* Made by a Reshape that nobody else reads. */
static bool joins_reshape(const struct qn_rows *r,
                          const struct quern_value *value)
{
    const struct quern_node *p = quern_value_producer(value);
    for (const struct quern_use *u = quern_value_first_use(value); u != NULL;
         u = quern_use_next(u)) {
        if (!qn_rows_hold(r, quern_use_node(u))) {
            return false;
        }
    }
    return p != NULL && quern_node_is(p, "Reshape");
}

/* Of the largest bias. Codes are much finer than the noise of the product, but
 * where its weights or x are zeros, with scales that mean nothing: it has none.
 */
static const double most_error = 0.01;

/* The Add that becomes C of a product, as int32 codes; NULL: none does. */
static struct quern_node *bias_of(const struct qn_rows *r,
                                  const struct quern_node *product)
{
    size_t input = 0;
    size_t n_x = 0;
    size_t n_w = 0;
    int64_t n = 0;
    struct quern_node *add = qn_matmul_bias(product, &input);
    const struct quern_value *y = quern_node_output(product, 0);
    if (add == NULL || !qn_rows_hold(r, add)) {
        return NULL;
    }
    const float *bias = qn_floats(r->ctx, quern_node_input(add, input), &n);
    const float *x = qn_scales_of(r->ctx, quern_node_input(product, 0), &n_x);
    const float *w = qn_scales_of(r->ctx, quern_node_input(product, 1), &n_w);
    if (bias == NULL || x == NULL || w == NULL || n_x != 1 ||
        (n_w != 1 && n_w != (size_t)n) ||
        n != quern_value_dims(y)[quern_value_rank(y) - 1].value) {
        return NULL;
    }
    double most = 0.0;
    for (int64_t i = 0; i < n; i++) {
        most = fmax(most, fabs((double)bias[i]));
    }
    for (int64_t i = 0; i < n; i++) {
        double b = (double)bias[i];
        double step = (double)x[0] * (double)w[n_w == 1 ? 0 : i];
        double error = fabs(b - step * rint(b / step));
        if (!(fabs(b) < 0x1p30 * step && error <= most_error * most)) {
            return NULL; /* beyond int32, too coarse, or not a number */
        }
    }
    return add;
}

/* ----------------------------------------------------------- regions */

static bool take(struct qn_rows *r, struct quern_node *node)
{
    if (node == NULL || qn_rows_hold(r, node)) {
        return true;
    }
    enum qn_rows_kind kind = kind_of(r, node);
    if (kind != QN_ROWS_NOT) {
        r->kinds[quern_node_id(node)] = (unsigned char)kind;
        r->nodes[r->n++] =
            (struct qn_rows_node){r->places[quern_node_id(node)], node};
        r->n_products += kind == QN_ROWS_PRODUCT ? 1 : 0;
    }
    return kind != QN_ROWS_NOT;
}

static void take_around(struct qn_rows *r, struct quern_value *v)
{
    if (!qn_rows_fit(r, v) || r->seen[quern_value_id(v)] != 0) {
        return;
    }
    r->seen[quern_value_id(v)] = 1;
    take(r, quern_value_producer(v));
    for (const struct quern_use *u = quern_value_first_use(v); u != NULL;
         u = quern_use_next(u)) {
        take(r, quern_use_node(u));
    }
}

/* All nodes that can be reached from a product along values that fit. */
static void grow(struct qn_rows *r, struct quern_node *product)
{
    r->like = quern_node_input(product, 0);
    r->n = 0;
    r->n_products = 0;
    r->n_biases = 0;
    r->n_shapes = 0;
    if (quern_value_rank(r->like) < 3 || !take(r, product)) {
        return;
    }
    for (size_t k = 0; k < r->n; k++) {
        struct quern_node *node = r->nodes[k].node;
        for (size_t i = 0; i < quern_node_n_inputs(node); i++) {
            take_around(r, quern_node_input(node, i));
        }
        for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
            take_around(r, quern_node_output(node, i));
        }
    }
}

/* Reshapes that the region needs where it begins and ends; SIZE_MAX: there is
 * one that cannot be written. */
static size_t count_reshapes(const struct qn_rows *r)
{
    struct qn_rows_shape shape;
    size_t n = 0;
    for (size_t k = 0; k < r->n; k++) {
        const struct quern_node *node = r->nodes[k].node;
        for (size_t i = 0; i < quern_node_n_inputs(node); i++) {
            const struct quern_value *v = quern_node_input(node, i);
            /* Once for each value: `seen` says 2 from here on. */
            if (qn_rows_fit(r, v) && r->seen[quern_value_id(v)] == 1 &&
                !qn_rows_hold(r, quern_value_producer(v))) {
                r->seen[quern_value_id(v)] = 2;
                n += joins_reshape(r, v) ? 0 : 1;
            }
        }
        for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
            const struct quern_value *v = quern_node_output(node, i);
            bool stays = qn_rows_stays(r, v);
            if (stays && !qn_rows_shape_of(v, quern_node_opset(node), &shape)) {
                return SIZE_MAX;
            }
            n += stays ? 1 : 0;
        }
    }
    return n;
}

static int by_place(const void *a, const void *b)
{
    uint32_t x = ((const struct qn_rows_node *)a)->place;
    uint32_t y = ((const struct qn_rows_node *)b)->place;
    return (x > y) - (x < y);
}

/* Adds that products take in are no nodes of their own. */
static void take_biases(struct qn_rows *r)
{
    size_t n = 0;
    for (size_t k = 0; k < r->n; k++) {
        if (r->kinds[quern_node_id(r->nodes[k].node)] == QN_ROWS_PRODUCT) {
            const struct quern_node *add = bias_of(r, r->nodes[k].node);
            if (add != NULL) {
                r->kinds[quern_node_id(add)] = QN_ROWS_BIAS;
                r->n_biases++;
            }
        }
    }
    for (size_t k = 0; k < r->n; k++) {
        if (r->kinds[quern_node_id(r->nodes[k].node)] != QN_ROWS_BIAS) {
            r->nodes[n++] = r->nodes[k];
        }
    }
    r->n = n;
}

static enum quern_code visit(struct qn_rows *r, struct quern_node *product)
{
    grow(r, product);
    size_t n = r->n_products > 0 ? count_reshapes(r) : 0;
    if (r->n_products < 1 || n > r->n_products) {
        return QUERN_OK;
    }
    take_biases(r);
    qsort(r->nodes, r->n, sizeof *r->nodes, by_place);
    r->n_all += r->n_products;
    quern_pass_account(r->ctx, product,
                       "%zu MatMul are Gemm of rows, %zu with a bias; %zu "
                       "Reshapes more",
                       r->n_products, r->n_biases, n);
    enum quern_code code = qn_rows_write(r);
    quern_pass_rewrote(r->ctx, product);
    return code;
}

static bool make_tables(struct qn_rows *r)
{
    size_t n = 0;
    r->n_values = quern_model_n_value_ids(quern_pass_model(r->ctx));
    r->n_nodes = quern_model_n_node_ids(quern_pass_model(r->ctx));
    r->kinds = quern_pass_alloc(r->ctx, r->n_nodes);
    r->seen = quern_pass_alloc(r->ctx, r->n_values);
    r->rows = quern_pass_alloc(r->ctx, r->n_values * sizeof(void *));
    r->places = quern_pass_alloc(r->ctx, r->n_nodes * sizeof *r->places);
    r->nodes = quern_pass_alloc(r->ctx, r->n_nodes * sizeof *r->nodes);
    if (r->kinds == NULL || r->seen == NULL || r->rows == NULL ||
        r->places == NULL || r->nodes == NULL) {
        return false;
    }
    for (struct quern_node *node = quern_graph_first(r->graph); node != NULL;
         node = quern_node_next(node)) {
        r->places[quern_node_id(node)] = (uint32_t)n++;
    }
    return true;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    const struct quern_target *target = quern_pass_target(ctx);
    struct qn_rows r = {.ctx = ctx, .graph = graph};
    struct quern_node *next = NULL;
    (void)params;
    if (target == NULL || !quern_target_has(&target->tricks, "gemm-rows") ||
        target->bias != QUERN_BIAS_INT32) {
        return QUERN_OK;
    }
    if (!make_tables(&r)) {
        return QUERN_NO_MEMORY;
    }
    enum quern_code code = QUERN_OK;
    for (struct quern_node *n = quern_graph_first(graph);
         n != NULL && code == QUERN_OK; n = next) {
        next = quern_node_next(n);
        if (quern_node_id(n) < r.n_nodes && !qn_rows_hold(&r, n) &&
            is_product(n)) {
            code = visit(&r, n);
        }
    }
    if (code == QUERN_OK && r.n_all > 0) {
        quern_pass_account(ctx, NULL, "%zu MatMul are Gemm of rows", r.n_all);
        code = quern_graph_erase_dead(graph);
    }
    return code;
}

static const char *const after[] = {"insert-qdq", NULL};

const struct quern_pass_desc qn_pass_gemm_rows = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "gemm-rows",
    .summary = "make Gemm of two axes of quantized MatMul, with what works on "
               "rows around it",
    .flags = QUERN_PASS_NEEDS_SHAPES | QUERN_PASS_NEEDS_TARGET,
    .contract = QUERN_CHANGES_PRECISION,
    .after = after,
    .run = run,
    .group = "target",
};
