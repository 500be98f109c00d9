/* estimate-speed: whether the integer model will be faster than the float one
 * on ONNX Runtime. What integers save grows with the work of Conv, Gemm and
 * MatMul; each QuantizeLinear or DequantizeLinear that is not fused into an
 * integer kernel costs a call and a pass over its values. The constants give
 * the right sign on nine networks measured on x86-64 (0.8 to 2.8 times the
 * speed of float); they are not meant to tell milliseconds.
 * Source: placement experiment, rule 15. */
#include "quantize/speed.h"

#include <quern/target.h>

#include "builtin.h"
#include "common.h"
#include "quantize/seen.h"

#include <math.h>

static const double saved_per_mac = 15e-12;       /* seconds */
static const double saved_per_depth_mac = 5e-12;  /* of a depthwise Conv */
static const double lost_per_volume_mac = 80e-12; /* of three spatial axes: its
                                                     kernel gathers by single
                                                     elements */
static const double cost_per_piece = 3e-9; /* of its input that a Conv gathers:
                                              one position of the kernel */
static const double saved_per_slope = 2.5e-9; /* PRelu that became a Max */
static const double cost_per_call = 4e-6;
static const double cost_per_value = 0.5e-9;
/* What an operator between codes, other than a product, takes more than in
 * floats: it rescales one value at a time, and what moves data keeps the
 * runtime from holding images channels last between two Conv. Measured on small
 * nets with squeeze-excite and SiLU (72 such calls in 0.34 ms) and with
 * shuffled channels (39 in 0.16 ms), both 0.03 ms slower than in floats. */
static const double cost_per_code_call = 1e-6;

struct speed {
    struct quern_model *model;
    const struct quern_target *target;
    double saved;
    double cost;
    size_t n_heavy;
    size_t n_calls;
    double n_values;
    size_t n_code_calls;
};

/* What calibration saw of a value, or of its twin on the other side of the
 * QuantizeLinear and DequantizeLinear. */
static const struct qn_seen *seen_of(const struct speed *s,
                                     const struct quern_value *value)
{
    const struct qn_seen *seen = qn_seen(s->model, value);
    if (seen == NULL && qn_maker(value, "DequantizeLinear") != NULL) {
        const struct quern_value *codes =
            quern_node_input(quern_value_producer(value), 0);
        return qn_maker(codes, "QuantizeLinear") != NULL
                   ? qn_seen(s->model,
                             quern_node_input(quern_value_producer(codes), 0))
                   : NULL;
    }
    for (const struct quern_use *u = quern_value_first_use(value);
         u != NULL && seen == NULL; u = quern_use_next(u)) {
        const struct quern_node *q = quern_use_node(u);
        const struct quern_use *v =
            q != NULL && quern_node_is(q, "QuantizeLinear")
                ? quern_value_first_use(quern_node_output(q, 0))
                : NULL;
        for (; v != NULL && seen == NULL; v = quern_use_next(v)) {
            const struct quern_node *dq = quern_use_node(v);
            seen = dq != NULL && quern_node_is(dq, "DequantizeLinear")
                       ? qn_seen(s->model, quern_node_output(dq, 0))
                       : NULL;
        }
    }
    return seen;
}

static double n_values_of(const struct qn_seen *seen)
{
    double n = 1.0;
    for (int i = 0; i < seen->rank; i++) {
        n *= (double)seen->dims[i];
    }
    return n;
}

static bool reads_codes(const struct quern_node *node)
{
    return qn_maker(quern_node_input(node, 0), "DequantizeLinear") != NULL &&
           qn_maker(quern_node_input(node, 1), "DequantizeLinear") != NULL;
}

/* Multiplications behind one value of the output; 0: not known. */
static double depth_of(const struct speed *s, const struct quern_node *node)
{
    const struct quern_value *w = quern_node_input(node, 1);
    const struct quern_node *dq = quern_value_producer(w);
    const struct quern_tensor *t =
        dq != NULL ? quern_value_constant(quern_node_input(dq, 0)) : NULL;
    if (t == NULL) { /* two activations: the last axis of the first one */
        const struct qn_seen *x = seen_of(s, quern_node_input(node, 0));
        return x != NULL && x->rank > 0 ? (double)x->dims[x->rank - 1] : 0.0;
    }
    const int64_t *dims = quern_tensor_dims(t);
    double n = (double)quern_tensor_len(t);
    int axis =
        quern_node_is(node, "Conv") || quern_node_int(node, "transB", 0) != 0
            ? 0
            : quern_tensor_rank(t) - 1;
    return quern_tensor_rank(t) > 0 && dims[axis] > 0 ? n / (double)dims[axis]
                                                      : 0.0;
}

/* Pieces of the input, each of all its channels, that a Conv of one group
 * copies together for its product: what a first layer of few channels, or a
 * filter of a signal, spends most of its time on. */
static double n_pieces_of(const struct quern_node *node,
                          const struct qn_seen *out)
{
    const struct quern_node *dq =
        quern_value_producer(quern_node_input(node, 1));
    const struct quern_tensor *w =
        dq != NULL ? quern_value_constant(quern_node_input(dq, 0)) : NULL;
    if (!quern_node_is(node, "Conv") || quern_node_int(node, "group", 1) > 1 ||
        w == NULL || quern_tensor_rank(w) < 3 || quern_tensor_len(w) == 0) {
        return 0.0;
    }
    const int64_t *dims = quern_tensor_dims(w);
    double n_positions = (double)(quern_tensor_len(w) / (dims[0] * dims[1]));
    return n_positions > 1.0 ? n_values_of(out) / (double)dims[0] * n_positions
                             : 0.0;
}

/* One input channel a group: its kernels multiply no vectors. */
static bool is_depthwise(const struct quern_node *node)
{
    const struct quern_node *dq =
        quern_value_producer(quern_node_input(node, 1));
    const struct quern_tensor *w =
        dq != NULL ? quern_value_constant(quern_node_input(dq, 0)) : NULL;
    return quern_node_is(node, "Conv") && w != NULL &&
           quern_tensor_rank(w) > 1 && quern_tensor_dims(w)[1] == 1;
}

static void add_heavy(struct speed *s, const struct quern_node *node)
{
    const struct qn_seen *out = seen_of(s, quern_node_output(node, 0));
    if (out == NULL || !reads_codes(node)) {
        return;
    }
    bool depthwise = is_depthwise(node);
    double n_macs = n_values_of(out) * depth_of(s, node);
    s->saved -= n_pieces_of(node, out) * cost_per_piece;
    if (quern_node_is(node, "Conv") && out->rank > 4) {
        s->saved -= n_macs * lost_per_volume_mac;
    } else {
        s->saved += n_macs * (depthwise ? saved_per_depth_mac : saved_per_mac);
    }
    s->n_heavy++;
}

/* Operators with an integer kernel that takes Q or DQ in: they read codes
 * only. Relu and Clip in front of a Q belong to what makes their input. */
static bool computes_codes(const struct quern_target *target,
                           const struct quern_node *node)
{
    const struct quern_target_op *op = quern_target_node(target, node);
    if (op == NULL || op->kind == QUERN_INTEGER_NEVER) {
        return false;
    }
    size_t n = quern_node_n_inputs(node);
    bool heavy = qn_is_heavy(node);
    bool any = false;
    for (size_t i = 0; i < n && !(heavy && i > 1); i++) {
        const struct quern_value *v = quern_node_input(node, i);
        bool code = qn_maker(v, "DequantizeLinear") != NULL;
        any = any || code;
        if (v != NULL && !code && quern_value_constant(v) == NULL) {
            return false;
        }
    }
    return any;
}

static bool is_clamp(const struct quern_node *node)
{
    return quern_node_is(node, "Relu") || quern_node_is(node, "Clip");
}

static bool q_is_fused(const struct quern_target *target,
                       const struct quern_node *q)
{
    const struct quern_node *p = quern_value_producer(quern_node_input(q, 0));
    if (p != NULL && is_clamp(p)) {
        p = quern_value_producer(quern_node_input(p, 0));
    }
    return p != NULL && computes_codes(target, p);
}

static bool dq_is_fused(const struct quern_target *target,
                        const struct quern_node *dq)
{
    for (const struct quern_use *u =
             quern_value_first_use(quern_node_output(dq, 0));
         u != NULL; u = quern_use_next(u)) {
        const struct quern_node *user = quern_use_node(u);
        if (user == NULL || !computes_codes(target, user)) {
            return false;
        }
    }
    return true;
}

static void add_conversion(struct speed *s, const struct quern_node *node)
{
    bool is_q = quern_node_is(node, "QuantizeLinear");
    const struct quern_value *v =
        is_q ? quern_node_input(node, 0) : quern_node_output(node, 0);
    const struct qn_seen *seen = v != NULL ? seen_of(s, v) : NULL;
    if (seen == NULL ||
        (is_q ? q_is_fused(s->target, node) : dq_is_fused(s->target, node))) {
        return;
    }
    s->n_calls++;
    s->n_values += n_values_of(seen);
    s->cost += cost_per_call + n_values_of(seen) * cost_per_value;
}

/* Max(x, Mul(x, slopes)): what target-spelling makes of a PRelu, which the
 * float model still has. */
static void add_slope(struct speed *s, const struct quern_node *node)
{
    const struct quern_value *x = quern_node_input(node, 0);
    const struct quern_value *y = quern_node_input(node, 1);
    const struct qn_seen *seen = seen_of(s, quern_node_output(node, 0));
    if (seen != NULL && qn_maker(y, "Mul") != NULL &&
        quern_node_input(quern_value_producer(y), 0) == x) {
        s->saved += n_values_of(seen) * saved_per_slope;
    }
}

static void add_graph(struct speed *s, const struct quern_graph *graph)
{
    for (const struct quern_node *n = quern_graph_first(graph); n != NULL;
         n = quern_node_next(n)) {
        if (qn_is_heavy(n)) {
            add_heavy(s, n);
        } else if (quern_node_is(n, "QuantizeLinear") ||
                   quern_node_is(n, "DequantizeLinear")) {
            add_conversion(s, n);
        } else if (quern_node_is(n, "Max") && quern_node_n_inputs(n) == 2) {
            add_slope(s, n);
        } else if (!is_clamp(n) && computes_codes(s->target, n)) {
            s->n_code_calls++;
            s->cost += cost_per_code_call;
        }
    }
}

double qn_speed_of_layer(struct quern_model *model,
                         const struct quern_target *target,
                         const struct quern_node *node)
{
    struct speed s = {.model = model, .target = target};
    if (qn_is_heavy(node)) {
        add_heavy(&s, node);
    }
    return s.saved;
}

bool qn_speed_of_graph(struct quern_model *model,
                       const struct quern_target *target,
                       const struct quern_graph *graph, double *out_seconds)
{
    struct speed s = {.model = model, .target = target};
    add_graph(&s, graph);
    *out_seconds = s.saved - s.cost;
    return target->speed_figures;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    struct speed s = {.model = quern_pass_model(ctx),
                      .target = quern_pass_target(ctx)};
    const char *target = s.target->name;
    (void)params;
    if (!s.target->speed_figures) {
        return QUERN_OK;
    }
    add_graph(&s, graph);
    if (s.n_heavy == 0) {
        return QUERN_OK; /* nothing that could be faster or slower */
    }
    quern_pass_account(ctx, NULL,
                       "integers %s about %.3g ms a sample, %zu conversions "
                       "of %.0f thousand values and %zu calls between codes "
                       "cost %.3g ms",
                       s.saved < 0.0 ? "lose" : "save", fabs(s.saved) * 1e3,
                       s.n_calls, s.n_values * 1e-3, s.n_code_calls,
                       s.cost * 1e3);
    if (s.saved <= s.cost) {
        quern_warn(quern_pass_context(ctx), NULL,
                   "on %s the integer model will not be faster than the float "
                   "one: its %zu integer Conv, Gemm and MatMul are too small "
                   "for what conversions and calls around them cost; where "
                   "speed is what counts, keep the float model",
                   target, s.n_heavy);
    }
    return QUERN_OK;
}

const struct quern_pass_desc qn_pass_estimate_speed = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "estimate-speed",
    .summary = "warn when integers will be slower than floats on the target",
    .flags = QUERN_PASS_SUBGRAPHS,
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "quantize",
};
