/* Tables of embeddings as codes. */
#include "quantize/embedding.h"

#include <quern/quant.h>
#include <quern/recipe.h>

#include "common.h"
#include "quantize/weight_codes.h"

/* Smaller tables are not worth the nodes. */
enum { LEAST_ELEMENTS = 4096 };

static bool is_row_gather(struct quern_pass_ctx *ctx,
                          const struct quern_target *target,
                          const struct quern_use *use,
                          const struct quern_graph *graph)
{
    struct quern_node *n = quern_use_node(use);
    const struct quern_target_op *op =
        n != NULL ? quern_target_node(target, n) : NULL;
    return n != NULL && quern_use_index(use) == 0 &&
           quern_node_graph(n) == graph && quern_node_is(n, "Gather") &&
           quern_node_int(n, "axis", 0) == 0 && op != NULL &&
           op->kind == QUERN_INTEGER_TABLE &&
           quern_pass_node_settings(ctx, n).quantize;
}

static bool is_table(struct quern_pass_ctx *ctx,
                     const struct quern_target *target,
                     const struct quern_value *v,
                     const struct quern_graph *graph)
{
    const struct quern_tensor *t = quern_value_constant(v);
    if (t == NULL || quern_tensor_dtype(t) != QUERN_FLOAT ||
        quern_tensor_rank(t) != 2 || quern_tensor_len(t) < LEAST_ELEMENTS) {
        return false;
    }
    for (const struct quern_use *u = quern_value_first_use(v); u != NULL;
         u = quern_use_next(u)) {
        if (!is_row_gather(ctx, target, u, graph)) {
            return false;
        }
    }
    return quern_value_n_uses(v) > 0;
}

/* What stands in the table's stead: codes, scales, zero points. */
struct stored {
    struct quern_value *codes, *scale, *zero_point;
    struct quern_value *one; /* scale of the DequantizeLinear, or NULL */
};

static enum quern_code constant(struct quern_graph *graph, const char *base,
                                const char *suffix, struct quern_tensor **t,
                                enum quern_code code, struct quern_value **out)
{
    char name[512];
    quern_name_extend(name, sizeof name, base, "%s", suffix);
    if (code == QUERN_OK) {
        code = quern_constant_create(graph, name, *t, out);
    }
    quern_tensor_release(t);
    return code;
}

/* Scales, zero points, and the 1 of targets that take long over a scale a
 * column: there a Mul does that part. */
static enum quern_code store_scales(struct quern_pass_ctx *ctx,
                                    struct quern_graph *graph, const char *base,
                                    int64_t columns,
                                    const struct quern_qparams *qp,
                                    bool by_product, struct stored *s)
{
    static const float one = 1.0f;
    struct quern_context *context = quern_pass_context(ctx);
    struct quern_tensor *t = NULL;
    float *scales = quern_pass_alloc(ctx, (size_t)columns * sizeof *scales);
    if (scales == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (int64_t c = 0; c < columns; c++) {
        scales[c] = qp[c].scale;
    }
    enum quern_code code = quern_tensor_of_floats(context, columns, scales, &t);
    code = constant(graph, base, "_quantized_scale", &t, code, &s->scale);
    if (code == QUERN_OK) {
        code = quern_tensor_create(context, QUERN_INT8, by_product ? 0 : 1,
                                   &columns, &t);
    }
    code = constant(graph, base, "_quantized_zero_point", &t, code,
                    &s->zero_point);
    if (code == QUERN_OK && by_product) {
        code = quern_tensor_of_floats(context, -1, &one, &t);
        code = constant(graph, base, "_quantized_one", &t, code, &s->one);
    }
    return code;
}

static enum quern_code store_codes(struct quern_pass_ctx *ctx,
                                   struct quern_graph *graph, const char *base,
                                   const struct quern_tensor *table,
                                   const float *values,
                                   struct quern_qparams *qp, struct stored *s)
{
    struct quern_context *context = quern_pass_context(ctx);
    const int64_t *dims = quern_tensor_dims(table);
    struct quern_tensor *t = NULL;
    enum quern_code code =
        quern_tensor_create(context, QUERN_INT8, 2, dims, &t);
    if (code == QUERN_OK && !quern_quantize_channels(
                                qp, true, values, (size_t)dims[0],
                                (size_t)dims[1], 1, quern_tensor_data_mut(t))) {
        code = quern_fail(context, QUERN_INTERNAL, NULL,
                          "table '%s' has no integer type", base);
    }
    return constant(graph, base, "_quantized", &t, code, &s->codes);
}

/* Gather reads codes; a DequantizeLinear makes its output now, or one and a Mul
 * behind it. */
static enum quern_code rewrite(struct quern_node *gather,
                               const struct stored *s)
{
    struct quern_value *dq_in[3] = {NULL, s->one != NULL ? s->one : s->scale,
                                    s->zero_point};
    struct quern_value *mul_in[2] = {NULL, s->scale};
    struct quern_node *dq = NULL;
    enum quern_code code = quern_node_set_input(gather, 0, s->codes);
    if (code == QUERN_OK && s->one != NULL) {
        code = qn_insert_behind(gather, "Mul", "_codes", mul_in, 2, &dq);
    }
    if (code == QUERN_OK) {
        code = qn_insert_behind(gather, "DequantizeLinear", "_quantized", dq_in,
                                3, &dq);
    }
    return code == QUERN_OK && s->one == NULL
               ? quern_node_set_int(dq, "axis", -1)
               : code;
}

static enum quern_code convert(struct quern_pass_ctx *ctx,
                               struct quern_graph *graph,
                               const struct quern_target *target,
                               struct quern_value *v)
{
    const struct quern_tensor *t = quern_value_constant(v);
    size_t columns = (size_t)quern_tensor_dims(t)[1];
    int64_t len = 0;
    struct stored s = {0};
    float *values = qn_floats(ctx, v, &len);
    struct quern_qparams *qp = quern_pass_alloc(ctx, columns * sizeof *qp);
    struct quern_quant_options o = {
        .dtype = QUERN_INT8,
        .flags = QUERN_QUANT_SYMMETRIC | QUERN_QUANT_NARROW,
    };
    if (values == NULL || qp == NULL) {
        return QUERN_NO_MEMORY;
    }
    const struct quern_node *reader = quern_use_node(quern_value_first_use(v));
    enum quern_code code = qn_check_finite(ctx, reader, v, values, len);
    if (code == QUERN_OK) {
        code = quern_weight_qparams(
            quern_pass_context(ctx), &o, QUERN_WEIGHT_MINMAX, false, values,
            (size_t)quern_tensor_dims(t)[0], columns, 1, qp);
    }
    if (code == QUERN_OK) {
        code = store_codes(ctx, graph, quern_value_name(v), t, values, qp, &s);
    }
    if (code == QUERN_OK) {
        code =
            store_scales(ctx, graph, quern_value_name(v), (int64_t)columns, qp,
                         quern_target_has(&target->tricks, "table-mul"), &s);
    }
    const struct quern_use *next = NULL;
    for (const struct quern_use *u = quern_value_first_use(v);
         u != NULL && code == QUERN_OK; u = next) {
        next = quern_use_next(u);
        code = rewrite(quern_use_node(u), &s);
    }
    return code == QUERN_OK ? quern_value_erase(v) : code;
}

enum quern_code qn_insert_tables(struct quern_pass_ctx *ctx,
                                 struct quern_graph *graph,
                                 const struct quern_target *target,
                                 size_t *out_n)
{
    struct quern_value *next = NULL;
    enum quern_code code = QUERN_OK;
    *out_n = 0;
    for (struct quern_value *v = quern_graph_first_initializer(graph);
         v != NULL && code == QUERN_OK; v = next) {
        next = quern_value_next_initializer(v);
        if (!is_table(ctx, target, v, graph)) {
            continue;
        }
        code = quern_pass_scope_open(ctx);
        if (code == QUERN_OK) {
            code = convert(ctx, graph, target, v);
        }
        quern_pass_scope_close(ctx);
        (*out_n)++;
    }
    return code;
}
