/* Where the factors of channel-factors go: 1/e into what makes the value, or
 * into a Mul of its own. */
#include "common.h"
#include "quantize/factors.h"
#include "quantize/moments.h"

#include <stdlib.h>

static enum quern_code scale_vector(struct quern_pass_ctx *ctx,
                                    struct quern_node *node, size_t input,
                                    const double *by, size_t n)
{
    struct quern_value *old = quern_node_input(node, input);
    const struct quern_tensor *t = quern_value_constant(old);
    int64_t len = 0;
    float *v = qn_floats(ctx, old, &len);
    struct quern_value *value = NULL;
    if (v == NULL || (size_t)len != n) {
        return v == NULL ? QUERN_NO_MEMORY : QUERN_INTERNAL;
    }
    for (size_t i = 0; i < n; i++) {
        v[i] = (float)((double)v[i] * by[i]);
    }
    enum quern_code code =
        qn_new_floats(ctx, quern_value_graph(old), quern_value_name(old), v,
                      quern_tensor_rank(t), quern_tensor_dims(t), &value);
    return code == QUERN_OK ? qn_replace_input(node, input, value) : code;
}

/* A constant that varies along the last axis alone. */
static bool is_vector(const struct quern_value *v, size_t n)
{
    const struct quern_tensor *t = v != NULL ? quern_value_constant(v) : NULL;
    return t != NULL && quern_tensor_dtype(t) == QUERN_FLOAT &&
           (size_t)quern_tensor_len(t) == n && quern_tensor_rank(t) > 0 &&
           (size_t)quern_tensor_dims(t)[quern_tensor_rank(t) - 1] == n;
}

static enum quern_code fold_norm(struct quern_pass_ctx *ctx,
                                 const struct qn_factor_site *s,
                                 struct quern_node *norm, bool *done)
{
    const struct quern_value *bias = quern_node_input(norm, 2);
    if (!is_vector(quern_node_input(norm, 1), s->channels) ||
        (bias != NULL && !is_vector(bias, s->channels))) {
        return QUERN_OK;
    }
    *done = true;
    enum quern_code code = scale_vector(ctx, norm, 1, s->inverse, s->channels);
    if (code == QUERN_OK && bias != NULL) {
        code = scale_vector(ctx, norm, 2, s->inverse, s->channels);
    }
    return code;
}

/* The MatMul with constant weights that makes `v` (with a bias behind it or
 * not), when nobody else reads what lies between. */
static bool gate_matmul(struct quern_value *v, struct qn_linear *out,
                        struct quern_node **out_add, size_t *out_input)
{
    struct quern_node *p = quern_value_producer(v);
    *out_add = NULL;
    if (p == NULL || quern_value_n_uses(v) != 1 ||
        quern_value_is_graph_output(v)) {
        return false;
    }
    if (quern_node_is(p, "Add")) {
        for (size_t i = 0; i < 2; i++) {
            struct quern_node *m = quern_value_producer(quern_node_input(p, i));
            size_t k = 0;
            if (m != NULL && quern_node_is(m, "MatMul") &&
                qn_matmul_bias(m, &k) == p && qn_linear_init(m, out)) {
                *out_add = p;
                *out_input = k;
                return true;
            }
        }
        return false;
    }
    return quern_node_is(p, "MatMul") && qn_linear_init(p, out);
}

static enum quern_code fold_gate(struct quern_pass_ctx *ctx,
                                 const struct qn_factor_site *s,
                                 struct quern_node *mul, bool *done)
{
    for (size_t i = 0; i < 2; i++) {
        if (is_vector(quern_node_input(mul, i), s->channels)) {
            *done = true;
            return scale_vector(ctx, mul, i, s->inverse, s->channels);
        }
    }
    for (size_t i = 0; i < 2; i++) {
        struct qn_linear l;
        struct quern_node *add = NULL;
        size_t input = 0;
        if (!gate_matmul(quern_node_input(mul, i), &l, &add, &input) ||
            l.out_channels != s->channels ||
            (add != NULL &&
             !is_vector(quern_node_input(add, input), s->channels))) {
            continue;
        }
        *done = true;
        enum quern_code code = qn_scale_outputs(ctx, &l, s->inverse);
        if (code == QUERN_OK && add != NULL) {
            code = scale_vector(ctx, add, input, s->inverse, s->channels);
        }
        return code;
    }
    return QUERN_OK;
}

enum quern_code qn_factors_fold(struct quern_pass_ctx *ctx,
                                const struct qn_factor_site *s, bool *done)
{
    struct quern_node *p = quern_value_producer(s->value);
    *done = false;
    if (!s->alone || !s->product || p == NULL) {
        return QUERN_OK;
    }
    if (quern_node_is(p, "LayerNormalization")) {
        return fold_norm(ctx, s, p, done);
    }
    return quern_node_is(p, "Mul") ? fold_gate(ctx, s, p, done) : QUERN_OK;
}

enum quern_code qn_factors_insert(struct quern_pass_ctx *ctx,
                                  struct qn_factor_site *s)
{
    struct quern_graph *graph = quern_value_graph(s->value);
    struct quern_node *producer = quern_value_producer(s->value);
    struct quern_node *node = NULL;
    struct quern_value *in[2] = {s->value, NULL};
    struct quern_value *out = NULL;
    char name[256];
    int rank = s->product ? 1
                          : quern_tensor_rank(quern_value_constant(
                                quern_node_input(s->readers[0].node, 1)));
    int64_t dims[QUERN_MAX_RANK];
    float *v = quern_pass_alloc(ctx, s->channels * sizeof *v);
    if (v == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (int i = 0; i < rank; i++) {
        dims[i] = i == (s->product ? 0 : 1) ? (int64_t)s->channels : 1;
    }
    for (size_t c = 0; c < s->channels; c++) {
        v[c] = (float)s->inverse[c];
    }
    quern_name_extend(name, sizeof name, quern_value_name(s->value),
                      "_factors");
    enum quern_code code =
        qn_new_floats(ctx, graph, name, v, rank, dims, &in[1]);
    if (code == QUERN_OK) {
        quern_name_extend(name, sizeof name, quern_value_name(s->value),
                          "_even");
        code = quern_value_create(graph, name, &out);
    }
    if (code == QUERN_OK) {
        code = quern_value_copy_type(out, s->value);
    }
    if (code == QUERN_OK) {
        code = quern_node_create(graph, quern_node_next(producer), "Mul", name,
                                 in, 2, &out, 1, &node);
    }
    for (size_t i = 0; i < s->n_readers && code == QUERN_OK; i++) {
        code = quern_node_set_input(s->readers[i].node, 0, out);
    }
    s->even = out;
    return code;
}

enum quern_code qn_factors_tell(struct quern_pass_ctx *ctx,
                                const struct qn_factor_site *s)
{
    struct quern_table *table = NULL;
    struct qn_vector limits = {malloc((s->channels + 1) * sizeof(double)),
                               s->channels};
    if (limits.values == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (size_t c = 0; c < s->channels; c++) {
        limits.values[c] = (double)s->range[c] * s->inverse[c];
    }
    enum quern_code code = quern_pass_keep(ctx, limits.values, free);
    if (code == QUERN_OK) {
        code = quern_table_open(quern_pass_model(ctx), QN_LIMIT_TABLE,
                                QUERN_TABLE_VALUE, sizeof limits, &table);
    }
    return code == QUERN_OK
               ? quern_table_set(table, quern_value_id(s->even), &limits)
               : code;
}
