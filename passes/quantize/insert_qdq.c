/* insert-qdq: puts QuantizeLinear and DequantizeLinear where the placement
 * says, with ranges from calibration, and stores weights as integers. */
#include <quern/quant.h>

#include "builtin.h"
#include "common.h"
#include "quantize/choice.h"
#include "quantize/dequantize.h"
#include "quantize/embedding.h"
#include "quantize/placement.h"
#include "quantize/seen.h"
#include "quantize/weight_codes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One behind enum quern_range_method: what `calibrate` was told. */
enum { AS_CALIBRATED = QUERN_RANGE_MSEF + 1 };

struct insert_params {
    int method; /* enum quern_range_method, or AS_CALIBRATED */
    double percentile;
    bool per_tensor;
    int64_t attention_rows;
    int overflow; /* 0: the target's, else enum quern_target_overflow + 1 */
    bool feedback;
};

/* Scale and zero point of a value, and the initializers that hold them. */
struct codes {
    bool known;
    struct quern_qparams qp;
    struct quern_value *scale;
    struct quern_value *zero_point;
    struct quern_value *dequantized; /* output of the DQ */
};

struct inserter {
    struct quern_pass_ctx *ctx;
    struct quern_context *context;
    struct quern_model *model;
    struct quern_graph *graph;
    const struct insert_params *params;
    struct qn_placement place;
    struct codes *codes;       /* by value id */
    struct quern_value **list; /* that get a Q and DQ */
    size_t n_list;
    size_t n_integer;
    size_t n_float;
};

/* ---------------------------------------------------------------- ranges */

static bool made_by(const struct quern_value *v, const char *op)
{
    const struct quern_node *n = quern_value_producer(v);
    return n != NULL && quern_node_is(n, op);
}

static enum quern_code choose_range(struct inserter *s,
                                    const struct quern_value *v,
                                    struct quern_range *out)
{
    bool symmetric = s->place.target->activations.symmetric;
    if (made_by(v, "Softmax") || made_by(v, "Sigmoid")) {
        float most = symmetric ? 1.0f : 255.0f / 256.0f;
        *out = (struct quern_range){0.0f, most, -1.0};
        return QUERN_OK;
    }
    const struct qn_seen *seen = qn_seen(s->model, v);
    struct quern_range_options o = {
        .method = (enum quern_range_method)s->params->method,
        .percentile = s->params->percentile,
        .n_levels = symmetric ? 254 : 255,
        .symmetric = symmetric,
        .cut = true,
        .reader = qn_reader_of(v),
    };
    if (seen == NULL) {
        struct quern_place place = QUERN_PLACE_NONE;
        place.tensor = quern_value_name(v);
        return quern_fail(s->context, QUERN_INTERNAL, &place,
                          "value has no range");
    }
    enum quern_code code = quern_stats_range(s->context, seen->stats, &o, out);
    if (code == QUERN_OK && made_by(v, "Relu")) {
        out->lo = 0.0f;
    }
    return code;
}

/* The range of a value and of all that share parameters with it by being
 * joined. */
static enum quern_code choose_joined(struct inserter *s,
                                     const struct quern_value *root,
                                     struct quern_range *out)
{
    enum quern_code code = choose_range(s, root, out);
    for (size_t i = 0; i < s->n_list && code == QUERN_OK; i++) {
        struct quern_value *v = s->list[i];
        struct quern_range own;
        if (!s->place.joined[quern_value_id(v)] ||
            qn_root(&s->place, v) != root) {
            continue;
        }
        code = choose_range(s, v, &own);
        if (code == QUERN_OK) {
            out->lo = fminf(out->lo, own.lo);
            out->hi = fmaxf(out->hi, own.hi);
        }
    }
    return code;
}

/* ------------------------------------------------------------ activations */

static enum quern_code scalar(struct inserter *s, const char *base,
                              const char *suffix, struct quern_tensor *t,
                              struct quern_value **out)
{
    char name[512];
    snprintf(name, sizeof name, "%.480s%s", base, suffix);
    return quern_constant_create(s->graph, name, t, out);
}

static enum quern_code store_params(struct inserter *s, const char *base,
                                    struct codes *c)
{
    struct quern_tensor *t = NULL;
    enum quern_code code =
        quern_tensor_of_floats(s->context, -1, &c->qp.scale, &t);
    if (code == QUERN_OK) {
        code = scalar(s, base, "_scale", t, &c->scale);
    }
    quern_tensor_release(&t);
    if (code == QUERN_OK) {
        code = quern_tensor_create(s->context, c->qp.dtype, 0, NULL, &t);
    }
    if (code == QUERN_OK) {
        *(unsigned char *)quern_tensor_data_mut(t) =
            (unsigned char)c->qp.zero_point;
        code = scalar(s, base, "_zero_point", t, &c->zero_point);
    }
    quern_tensor_release(&t);
    return code;
}

/* Parameters of a value: its root's, chosen once. */
static enum quern_code params_of(struct inserter *s, struct quern_value *v,
                                 struct codes **out)
{
    struct quern_value *root = qn_root(&s->place, v);
    struct codes *c = &s->codes[quern_value_id(root)];
    *out = c;
    if (c->known) {
        return QUERN_OK;
    }
    struct quern_range range;
    const struct quern_target_numbers *numbers = &s->place.target->activations;
    struct quern_quant_options o = {.dtype = numbers->types[0]};
    o.flags = (numbers->symmetric ? QUERN_QUANT_SYMMETRIC : 0u) |
              (numbers->narrow ? QUERN_QUANT_NARROW : 0u);
    enum quern_code code = choose_joined(s, root, &range);
    if (code == QUERN_OK) {
        code =
            quern_qparams_of_range(s->context, &o, range.lo, range.hi, &c->qp);
    }
    if (code == QUERN_OK) {
        code = store_params(s, quern_value_name(root), c);
    }
    c->known = code == QUERN_OK;
    return code;
}

/* A node with one output that is a new value. */
static enum quern_code unary_node(struct inserter *s, struct quern_node *before,
                                  const char *op, const char *base,
                                  const char *suffix,
                                  struct quern_value *const *inputs, size_t n,
                                  struct quern_value **out)
{
    char name[512];
    struct quern_node *node = NULL;
    snprintf(name, sizeof name, "%.440s%s_Output", base, suffix);
    enum quern_code code = quern_value_create(s->graph, name, out);
    if (code == QUERN_OK) {
        snprintf(name, sizeof name, "%.440s%s", base, suffix);
        code = quern_node_create(s->graph, before, op, name, inputs, n, out, 1,
                                 &node);
    }
    return code;
}

static struct quern_node *place_behind(struct inserter *s,
                                       const struct quern_value *v)
{
    struct quern_node *producer = quern_value_producer(v);
    return producer != NULL && quern_node_graph(producer) == s->graph
               ? quern_node_next(producer)
               : quern_graph_first(s->graph);
}

/* Q and DQ behind a value. */
static enum quern_code insert_pair(struct inserter *s, struct quern_value *v)
{
    struct codes *c = NULL;
    struct quern_value *q = NULL;
    const char *base = quern_value_name(v);
    enum quern_code code = params_of(s, v, &c);
    if (code != QUERN_OK) {
        return code;
    }
    struct quern_node *before = place_behind(s, v);
    struct quern_value *in[3] = {v, c->scale, c->zero_point};
    code = unary_node(s, before, "QuantizeLinear", base, "_QuantizeLinear", in,
                      3, &q);
    if (code == QUERN_OK) {
        in[0] = q;
        code =
            unary_node(s, before, "DequantizeLinear", base, "_DequantizeLinear",
                       in, 3, &s->codes[quern_value_id(v)].dequantized);
    }
    return code;
}

/* Readers of a value read its DQ: all, or those that want codes. */
static enum quern_code redirect(struct inserter *s, struct quern_value *v)
{
    struct quern_value *dq = s->codes[quern_value_id(v)].dequantized;
    bool all = s->place.part[quern_value_id(v)] == QN_PART_ALL;
    const struct quern_use *next = NULL;
    enum quern_code code = QUERN_OK;
    for (const struct quern_use *u = quern_value_first_use(v);
         u != NULL && code == QUERN_OK; u = next) {
        struct quern_node *n = quern_use_node(u);
        next = quern_use_next(u);
        bool own = n != NULL && quern_node_id(n) >= s->place.n_nodes;
        bool wants = n != NULL && !own &&
                     (all || qn_reads_codes(&s->place, n, quern_use_index(u)));
        if (wants) {
            code = quern_node_set_input(n, quern_use_index(u), dq);
        }
    }
    return code;
}

/* What gets a Q and DQ, before anything is edited. */
static enum quern_code list_activations(struct inserter *s)
{
    s->list = quern_pass_alloc(s->ctx, (s->place.n_values + 1) *
                                           sizeof(struct quern_value *));
    if (s->list == NULL) {
        return QUERN_NO_MEMORY;
    }
    /* In the order in which values are read first: the same every time. */

    for (struct quern_node *n = quern_graph_first(s->graph); n != NULL;
         n = quern_node_next(n)) {
        size_t n_in = quern_node_n_inputs(n);
        for (size_t i = 0; i < n_in + quern_node_n_outputs(n); i++) {
            struct quern_value *v = i < n_in ? quern_node_input(n, i)
                                             : quern_node_output(n, i - n_in);
            if (v != NULL && s->place.part[quern_value_id(v)] != QN_PART_NONE &&
                s->codes[quern_value_id(v)].dequantized == NULL) {
                s->list[s->n_list++] = v;
                s->codes[quern_value_id(v)].dequantized = v; /* listed */
            }
        }
    }
    return QUERN_OK;
}

static enum quern_code insert_activations(struct inserter *s)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < s->n_list && code == QUERN_OK; i++) {
        code = insert_pair(s, s->list[i]);
    }
    for (size_t i = 0; i < s->n_list && code == QUERN_OK; i++) {
        code = redirect(s, s->list[i]);
    }
    return code;
}

/* --------------------------------------------------------------- weights */

/* A constant of a node becomes codes behind a DequantizeLinear. */
static enum quern_code constant_dq(struct inserter *s, struct quern_node *node,
                                   size_t input, const char *base,
                                   struct quern_tensor *codes,
                                   const float *scales, size_t n, int axis)
{
    struct quern_value *out = NULL;
    enum quern_code code = qn_dequantized_constant(s->ctx, node, base, codes,
                                                   scales, n, axis, &out);
    return code == QUERN_OK ? qn_replace_input(node, input, out) : code;
}

static enum quern_code insert_weights(struct inserter *s,
                                      struct quern_node *node,
                                      const struct qn_weight_codes *w)
{
    struct quern_tensor *codes = NULL;
    const struct quern_tensor *t =
        quern_value_constant(quern_node_input(node, 1));
    size_t n = s->params->per_tensor ? 1 : w->linear.out_channels;
    float *scales = quern_pass_alloc(s->ctx, (n + 1) * sizeof *scales);
    if (scales == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        scales[i] = w->qp[i].scale;
    }
    enum quern_code code =
        quern_tensor_create(s->context, QUERN_INT8, quern_tensor_rank(t),
                            quern_tensor_dims(t), &codes);
    if (code == QUERN_OK) {
        memcpy(quern_tensor_data_mut(codes), w->codes, w->len);
        code =
            constant_dq(s, node, 1, quern_value_name(quern_node_input(node, 1)),
                        codes, scales, n, w->linear.axis);
    }
    quern_tensor_release(&codes);
    return code;
}

/* ------------------------------------------------------------------ bias */

/* int32 codes at scale x * w. */
static enum quern_code insert_bias(struct inserter *s, struct quern_node *node,
                                   struct quern_value *x,
                                   const struct qn_weight_codes *w)
{
    struct quern_value *old = quern_node_input(node, 2);
    struct codes *c = NULL;
    size_t n = w->linear.out_channels;
    int64_t len = 0;
    float *bias = quern_pass_alloc(s->ctx, n * sizeof *bias);
    float *scales = quern_pass_alloc(s->ctx, n * sizeof *scales);
    float *given = old != NULL ? qn_floats(s->ctx, old, &len) : NULL;
    if (old == NULL || s->place.target->bias == QUERN_BIAS_FLOAT) {
        return QUERN_OK;
    }
    if (bias == NULL || scales == NULL) {
        return QUERN_NO_MEMORY;
    }
    if (given == NULL || ((size_t)len != n && len != 1)) {
        return QUERN_OK; /* a bias of another form stays in float */
    }
    enum quern_code code = params_of(s, x, &c);
    if (code != QUERN_OK) {
        return code;
    }
    for (size_t i = 0; i < n; i++) {
        bias[i] = given[len == 1 ? 0 : i];
        scales[i] = c->qp.scale * w->qp[i].scale;
    }
    struct quern_tensor *t = NULL;
    int64_t dim = (int64_t)n;
    code = quern_tensor_create(s->context, QUERN_INT32, 1, &dim, &t);
    if (code == QUERN_OK) {
        size_t clipped =
            quern_quantize_bias(bias, scales, n, quern_tensor_data_mut(t));
        if (clipped > 0) {
            quern_pass_account(s->ctx, node, "%zu biases clipped to int32",
                               clipped);
        }
        code = constant_dq(s, node, 2, quern_value_name(old), t, scales,
                           s->params->per_tensor ? 1 : n, 0);
    }
    quern_tensor_release(&t);
    return code;
}

/* What rounding the weights did to the means, for `weight-bias`. */
static enum quern_code keep_shift(struct inserter *s, struct quern_node *node,
                                  const struct quern_value *x,
                                  const struct qn_weight_codes *w)
{
    struct quern_table *table = NULL;
    size_t n = w->linear.out_channels;
    struct qn_vector vector = {calloc(n, sizeof(double)), n};
    if (vector.values == NULL) {
        return QUERN_NO_MEMORY;
    }
    enum quern_code code = quern_pass_keep(s->ctx, vector.values, free);
    if (code == QUERN_OK) {
        code = qn_weight_codes_shift(s->ctx, w, x, vector.values);
    }
    if (code == QUERN_OK) {
        code = quern_table_open(s->model, QN_SHIFT_TABLE, QUERN_TABLE_NODE,
                                sizeof vector, &table);
    }
    return code == QUERN_OK
               ? quern_table_set(table, quern_node_id(node), &vector)
               : code;
}

/* Products of two signed codes fit 16 bits in pairs. */
static enum quern_target_overflow overflow_rule(const struct inserter *s)
{
    const struct quern_target *t = s->place.target;
    if (quern_dtype_is_signed(t->activations.types[0])) {
        return QUERN_OVERFLOW_ANY;
    }
    return s->params->overflow == 0
               ? t->overflow
               : (enum quern_target_overflow)(s->params->overflow - 1);
}

static enum quern_code insert_heavy(struct inserter *s, struct quern_node *node,
                                    struct quern_value *x)
{
    struct qn_weight_codes w;
    struct codes *c = NULL;
    struct qn_weight_options o = {
        .per_tensor = s->params->per_tensor,
        .overflow = overflow_rule(s),
        .feedback = s->params->feedback,
    };
    if (quern_value_constant(quern_node_input(node, 1)) == NULL) {
        return QUERN_OK; /* two activations: both are codes already */
    }
    enum quern_code code = params_of(s, x, &c);
    if (code == QUERN_OK) {
        code = qn_weight_codes_make(s->ctx, node, x, &c->qp, &o, &w);
    }
    if (code == QUERN_OK) {
        code = insert_weights(s, node, &w);
    }
    if (code == QUERN_OK && !quern_node_is(node, "MatMul")) {
        code = insert_bias(s, node, x, &w);
    }
    return code == QUERN_OK ? keep_shift(s, node, x, &w) : code;
}

/* ------------------------------------------------------------------ pass */

static enum quern_code insert_all(struct inserter *s)
{
    struct quern_node *next = NULL;
    enum quern_code code = QUERN_OK;
    for (struct quern_node *n = quern_graph_first(s->graph);
         n != NULL && code == QUERN_OK; n = next) {
        next = quern_node_next(n);
        if (quern_node_id(n) >= s->place.n_nodes || !qn_is_heavy(n)) {
            continue;
        }
        if (s->place.ports[quern_node_id(n)] != 0) {
            s->n_integer++;
            code = quern_pass_scope_open(s->ctx);
            if (code == QUERN_OK) {
                code = insert_heavy(s, n, quern_node_input(n, 0));
            }
            quern_pass_scope_close(s->ctx);
        } else {
            s->n_float++;
            quern_pass_account(s->ctx, n, "stays in float: %s",
                               s->place.why_float[quern_node_id(n)]);
        }
    }
    return code == QUERN_OK ? insert_activations(s) : code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    const struct insert_params *p = params;
    struct insert_params chosen = *p;
    if (p->method == AS_CALIBRATED) {
        struct qn_choice choice = qn_choice_get(quern_pass_model(ctx));
        chosen.method = choice.method;
        chosen.percentile = choice.percentile;
    }
    struct inserter s = {.ctx = ctx,
                         .context = quern_pass_context(ctx),
                         .model = quern_pass_model(ctx),
                         .graph = graph,
                         .params = &chosen};
    struct qn_placement_options o = {.attention_rows = p->attention_rows};
    enum quern_code code = qn_check_target(ctx, graph);
    if (code == QUERN_OK) {
        code = qn_place(ctx, graph, &o, &s.place);
    }
    if (code == QUERN_OK) {
        s.codes = quern_pass_alloc(ctx, s.place.n_values * sizeof *s.codes);
        code = s.codes != NULL ? list_activations(&s) : QUERN_NO_MEMORY;
    }
    if (code == QUERN_OK) {
        code = insert_all(&s);
    }
    size_t n_tables = 0;
    if (code == QUERN_OK) {
        code = qn_insert_tables(ctx, graph, s.place.target, &n_tables);
    }
    if (code == QUERN_OK && n_tables > 0) {
        quern_pass_account(ctx, NULL, "%zu tables of embeddings in int8",
                           n_tables);
    }
    if (code == QUERN_OK) {
        quern_pass_account(ctx, NULL,
                           "%zu of %zu Conv, Gemm and MatMul in integers",
                           s.n_integer, s.n_integer + s.n_float);
    }
    return code;
}

static const char *const methods[] = {
    "min-max", "percentile", "entropy", "mse", "msef", "as-calibrated", NULL};
static const char *const overflows[] = {"target", "any", "observed", "never",
                                        NULL};

static const struct quern_option options[] = {
    {"method", QUERN_OPTION_ENUM, offsetof(struct insert_params, method), 0, 0,
     methods, "how ranges are chosen"},
    {"percentile", QUERN_OPTION_FLOAT,
     offsetof(struct insert_params, percentile), 50, 100, NULL,
     "part of the values inside the range, in percent, for method percentile"},
    {"per-tensor", QUERN_OPTION_BOOL,
     offsetof(struct insert_params, per_tensor), 0, 0, NULL,
     "one scale for a whole weight instead of one a channel"},
    {"attention-rows", QUERN_OPTION_INT,
     offsetof(struct insert_params, attention_rows), -1, 1e9, NULL,
     "products of two activations with fewer rows stay in float; -1: as the "
     "target says"},
    {"overflow", QUERN_OPTION_ENUM, offsetof(struct insert_params, overflow), 0,
     0, overflows,
     "whether pairs of u8 and s8 products may leave 16 bits, where processors "
     "without VNNI saturate: any may, none that calibration saw, none at all; "
     "target: as the target says"},
    {"feedback", QUERN_OPTION_BOOL, offsetof(struct insert_params, feedback), 0,
     0, NULL,
     "round weights with error feedback where `calibrate` kept second moments"},
    {0},
};

static const struct insert_params defaults = {
    AS_CALIBRATED, 99.999, false, -1, 0, true};

const struct quern_pass_desc qn_pass_insert_qdq = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "insert-qdq",
    .summary = "insert QuantizeLinear and DequantizeLinear by calibration",
    .options = options,
    .params_size = sizeof(struct insert_params),
    .params_default = &defaults,
    .flags = QUERN_PASS_SUBGRAPHS | QUERN_PASS_NEEDS_RANGES,
    .contract = QUERN_CHANGES_PRECISION,
    .run = run,
    .group = "quantize",
};
