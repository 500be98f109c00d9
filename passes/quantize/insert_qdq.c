/* insert-qdq: puts QuantizeLinear and DequantizeLinear where the placement
 * says, with ranges from calibration, and stores weights as integers. */
#include "builtin.h"
#include "common.h"
#include "quantize/dequantize.h"
#include "quantize/embedding.h"
#include "quantize/float_twin.h"
#include "quantize/inserter.h"
#include "quantize/overrides.h"
#include "quantize/seen.h"
#include "quantize/weight_codes.h"
#include "quantize/weight_only.h"

#include <stdlib.h>
#include <string.h>

/* One behind enum quern_range_method: what `calibrate` was told. */
enum { AS_CALIBRATED = QUERN_RANGE_MSEF + 1 };

struct insert_params {
    struct qn_choice choice; /* method may be AS_CALIBRATED */
    bool per_tensor;
    int64_t attention_rows;
    int overflow; /* 0: the target's, else enum quern_target_overflow + 1 */
    bool feedback;
    int64_t wider_steps;
    bool keep_floats;
};

/* --------------------------------------------------------------- weights */

/* A constant of a node becomes codes behind a DequantizeLinear. */
static enum quern_code constant_dq(struct qn_inserter *s,
                                   struct quern_node *node, size_t input,
                                   const char *base, struct quern_tensor *codes,
                                   const float *scales, size_t n, int axis)
{
    struct quern_value *out = NULL;
    enum quern_code code = qn_dequantized_constant(s->ctx, node, base, codes,
                                                   scales, n, axis, &out);
    return code == QUERN_OK ? qn_replace_input(node, input, out) : code;
}

/* One scale for the whole weight: by option, by an override of the node, or
 * because the target takes no other. */
static bool is_per_tensor(const struct qn_inserter *s,
                          const struct quern_node *node)
{
    struct quern_settings settings = quern_pass_node_settings(s->ctx, node);
    const struct quern_target_op *op = quern_target_node(s->place.target, node);
    if (op != NULL && !op->per_channel) {
        return true;
    }
    return (settings.set & QUERN_SETTING_PER_TENSOR) != 0 ? settings.per_tensor
                                                          : s->per_tensor;
}

static enum quern_code insert_weights(struct qn_inserter *s,
                                      struct quern_node *node,
                                      const struct qn_weight_codes *w)
{
    struct quern_tensor *codes = NULL;
    const struct quern_tensor *t =
        quern_value_constant(quern_node_input(node, 1));
    size_t n = is_per_tensor(s, node) ? 1 : w->linear.out_channels;
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
static enum quern_code insert_bias(struct qn_inserter *s,
                                   struct quern_node *node,
                                   struct quern_value *x,
                                   const struct qn_weight_codes *w)
{
    struct quern_value *old = quern_node_input(node, 2);
    struct qn_codes *c = NULL;
    size_t n = w->linear.out_channels;
    if (old == NULL || s->place.target->bias == QUERN_BIAS_FLOAT ||
        !qn_bias_is_vector(node, n)) {
        return QUERN_OK; /* a bias of another form stays in float */
    }
    float *scales = quern_pass_alloc(s->ctx, n * sizeof *scales);
    const float *bias = qn_bias_vector(s->ctx, node, n);
    if (bias == NULL || scales == NULL) {
        return QUERN_NO_MEMORY;
    }
    enum quern_code code = qn_params_of(s, x, &c);
    if (code != QUERN_OK) {
        return code;
    }
    for (size_t i = 0; i < n; i++) {
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
                           is_per_tensor(s, node) ? 1 : n, 0);
    }
    quern_tensor_release(&t);
    return code;
}

/* What rounding the weights did to the means, for `weight-bias`. */
static enum quern_code keep_shift(struct qn_inserter *s,
                                  struct quern_node *node,
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
static enum quern_target_overflow overflow_rule(const struct qn_inserter *s)
{
    const struct quern_target *t = s->place.target;
    if (quern_dtype_is_signed(t->activations.types[0])) {
        return QUERN_OVERFLOW_ANY;
    }
    return s->overflow == 0 ? t->overflow
                            : (enum quern_target_overflow)(s->overflow - 1);
}

static enum quern_code insert_heavy(struct qn_inserter *s,
                                    struct quern_node *node,
                                    struct quern_value *x)
{
    struct qn_weight_codes w;
    struct qn_codes *c = NULL;
    struct qn_weight_options o = {
        .per_tensor = is_per_tensor(s, node),
        .overflow = overflow_rule(s),
        .int32_bias = s->place.target->bias == QUERN_BIAS_INT32,
        .feedback = s->feedback,
        .wider_steps = s->wider_steps,
    };
    if (quern_value_constant(quern_node_input(node, 1)) == NULL) {
        return QUERN_OK; /* two activations: both are codes already */
    }
    enum quern_code code =
        s->keep_floats ? qn_floats_keep(s->ctx, node) : QUERN_OK;
    if (code != QUERN_OK) {
        return code;
    }
    if (quern_node_is(node, "ConvTranspose")) {
        return qn_insert_weight_only(s->ctx, node, is_per_tensor(s, node));
    }
    code = qn_params_of(s, x, &c);
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

/* Bodies run a number of times that only the run knows: ranges of their values
 * are not kept. Recursion: as deep as graphs nest, which the reader bounds. */
static void tell_bodies(struct qn_inserter *s, const struct quern_node *node)
{
    for (size_t i = 0; i < quern_node_n_subgraphs(node); i++) {
        struct quern_node *n = quern_graph_first(quern_node_subgraph(node, i));
        for (; n != NULL; n = quern_node_next(n)) {
            if (qn_is_heavy(n)) {
                s->n_float++;
                quern_pass_account(s->ctx, n,
                                   "stays in float: it stands in the body of "
                                   "an If, Loop or Scan");
            }
            tell_bodies(s, n);
        }
    }
}

/* A node that the user wants as it is stays so. */
static enum quern_code shrink(struct qn_inserter *s, struct quern_node *node)
{
    if (!quern_pass_node_settings(s->ctx, node).quantize) {
        return QUERN_OK;
    }
    enum quern_code code = quern_pass_scope_open(s->ctx);
    if (code == QUERN_OK) {
        code = qn_shrink_float(s->ctx, node,
                               s->place.why_float[quern_node_id(node)],
                               &s->shrink_budget);
    }
    quern_pass_scope_close(s->ctx);
    return code;
}

static enum quern_code tell_held(struct quern_pass_ctx *ctx,
                                 struct quern_node *node, void *user)
{
    (void)ctx;
    tell_bodies(user, node);
    return QUERN_OK;
}

/* Operators with weights, as they stand before anything is edited. */
struct heavy {
    struct quern_node **nodes;
    size_t n;
};

static enum quern_code list_heavy(struct quern_pass_ctx *ctx,
                                  struct quern_node *node, void *user)
{
    struct heavy *heavy = user;
    (void)ctx;
    heavy->nodes[heavy->n++] = node;
    return QUERN_OK;
}

static enum quern_code insert_at(struct qn_inserter *s, struct quern_node *n)
{
    if (s->place.ports[quern_node_id(n)] == 0) {
        s->n_float++;
        quern_pass_account(s->ctx, n, "stays in float: %s",
                           s->place.why_float[quern_node_id(n)]);
        return shrink(s, n);
    }
    s->n_integer++;
    enum quern_code code = quern_pass_scope_open(s->ctx);
    if (code == QUERN_OK) {
        code = insert_heavy(s, n, quern_node_input(n, 0));
    }
    quern_pass_scope_close(s->ctx);
    return code;
}

static enum quern_code insert_all(struct qn_inserter *s)
{
    static const char *const ops[] = {"Conv", "ConvTranspose", "Gemm", "MatMul",
                                      NULL};
    const struct quern_each each = {.ops = ops};
    const struct quern_each holders = {.has_bodies = true};
    struct heavy heavy = {
        .nodes = quern_pass_alloc(s->ctx, (s->place.n_nodes + 1) *
                                              sizeof(struct quern_node *))};
    enum quern_code code =
        heavy.nodes != NULL
            ? quern_pass_each(s->ctx, s->graph, &each, list_heavy, &heavy)
            : QUERN_NO_MEMORY;
    if (code == QUERN_OK) {
        code = quern_pass_each(s->ctx, s->graph, &holders, tell_held, s);
    }
    s->shrink_budget = qn_shrink_budget(s->ctx, heavy.nodes, heavy.n);
    for (size_t i = 0; i < heavy.n && code == QUERN_OK; i++) {
        code = insert_at(s, heavy.nodes[i]);
    }
    if (code == QUERN_OK) {
        code = qn_insert_activations(s);
    }
    return code == QUERN_OK ? qn_insert_moved_outputs(s) : code;
}

static enum quern_code forget_made(struct quern_pass_ctx *ctx,
                                   struct quern_node *node, void *user)
{
    (void)user;
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        qn_seen_clear(quern_pass_model(ctx), quern_node_output(node, i));
    }
    return QUERN_OK;
}

/* Ranges have become parameters: what calibration saw is not asked again, and
 * what runs from here on needs the memory. */
static enum quern_code forget_seen(const struct qn_inserter *s)
{
    for (size_t i = 0; i < quern_graph_n_inputs(s->graph); i++) {
        qn_seen_clear(s->model, quern_graph_input(s->graph, i));
    }
    return quern_pass_each(s->ctx, s->graph, &(struct quern_each){0},
                           forget_made, NULL);
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    const struct insert_params *p = params;
    struct qn_inserter s = {.ctx = ctx,
                            .context = quern_pass_context(ctx),
                            .model = quern_pass_model(ctx),
                            .graph = graph,
                            .choice = p->choice,
                            .per_tensor = p->per_tensor,
                            .overflow = p->overflow,
                            .feedback = p->feedback,
                            .wider_steps = (int)p->wider_steps,
                            .keep_floats = p->keep_floats};
    if (p->choice.method == AS_CALIBRATED) {
        s.choice = qn_choice_get(s.model);
    }
    struct qn_placement_options o = {.attention_rows = p->attention_rows};
    enum quern_code code = qn_check_target(ctx, graph);
    if (code == QUERN_OK) {
        code = qn_overrides_take(ctx, graph, quern_pass_target(ctx));
    }
    if (code == QUERN_OK) {
        code = qn_place(ctx, graph, &o, &s.place);
    }
    if (code == QUERN_OK) {
        s.codes = quern_pass_alloc(ctx, s.place.n_values * sizeof *s.codes);
        code = s.codes != NULL ? qn_list_activations(&s) : QUERN_NO_MEMORY;
    }
    if (code == QUERN_OK) {
        code = insert_all(&s);
    }
    size_t n_tables = 0;
    if (code == QUERN_OK) {
        code = qn_insert_tables(ctx, graph, s.place.target, &n_tables);
    }
    if (code == QUERN_OK && s.n_affine > 0) {
        quern_pass_account(ctx, NULL,
                           "%zu scalar Mul and Add in front became scales",
                           s.n_affine);
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
    return code == QUERN_OK && s.n_integer > 0 ? forget_seen(&s) : code;
}

static const char *const methods[] = {
    "min-max", "percentile", "entropy", "mse", "msef", "as-calibrated", NULL};
static const char *const overflows[] = {"target", "any", "observed", "never",
                                        NULL};

static const struct quern_option options[] = {
    {"method", QUERN_OPTION_ENUM, offsetof(struct insert_params, choice.method),
     0, 0, methods, "how ranges are chosen"},
    {"percentile", QUERN_OPTION_FLOAT,
     offsetof(struct insert_params, choice.percentile), 50, 100, NULL,
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
    {"wider-steps", QUERN_OPTION_INT,
     offsetof(struct insert_params, wider_steps), 0, 1000, NULL,
     "steps that rows of at most 64 weights choose from, where feedback rounds "
     "them: up to 1.25 times as wide as they must be; 0: that one alone"},
    {"keep-floats", QUERN_OPTION_BOOL,
     offsetof(struct insert_params, keep_floats), 0, 0, NULL,
     "keep the float weights in memory, for float-layers"},
    {0},
};

static const struct insert_params defaults = {
    {AS_CALIBRATED, 99.999}, false, -1, 0, true, 64, false};

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
