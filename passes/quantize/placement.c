/* Where Q and DQ stand: one walk in topological order for operators with
 * integer kernels and what follows from their codes; then what their readers
 * ask for (placement_readers.c). */
#include "quantize/placement.h"

#include <quern/recipe.h>

#include "common.h"
#include "quantize/seen.h"

const char qn_makes_output[] =
    "it makes an output of the model, which stays as exact as it can be: "
    "without codes behind it it is float on the target";

/* Of a Conv with a long kernel: 48 are as fast in integers as in float (33
 * positions of one input), 36 are not. A float kernel makes a block of outputs
 * in the time of one: 3 of 16 inputs are faster in integers, as 16 are. */
enum { MANY_OUTPUTS = 48, OUTPUTS_AT_A_TIME = 16 };

static bool is_float_constant(const struct quern_value *value)
{
    const struct quern_tensor *t =
        value != NULL ? quern_value_constant(value) : NULL;
    return t != NULL && quern_tensor_dtype(t) == QUERN_FLOAT;
}

static bool is_constant(const struct quern_value *value)
{
    return value != NULL && quern_value_constant(value) != NULL;
}

static uint64_t port_bit(size_t i)
{
    return (uint64_t)1 << (i < 63 ? i : 63);
}

bool qn_reads_codes(const struct qn_placement *p, const struct quern_node *node,
                    size_t i)
{
    uint32_t id = quern_node_id(node);
    return id < p->n_nodes && (p->ports[id] & port_bit(i)) != 0;
}

void qn_set_port(struct qn_placement *p, const struct quern_node *node,
                 size_t i)
{
    p->ports[quern_node_id(node)] |= port_bit(i);
}

struct quern_value *qn_root(const struct qn_placement *p,
                            struct quern_value *value)
{
    struct quern_value *next = p->alias[quern_value_id(value)];
    while (next != NULL) {
        /* Chains of movers are as long as the graph: each look halves the way.
         */
        struct quern_value *after = p->alias[quern_value_id(next)];
        if (after != NULL) {
            p->alias[quern_value_id(value)] = after;
        }
        value = next;
        next = after;
    }
    return value;
}

enum quern_code qn_place_room(struct quern_pass_ctx *ctx,
                              struct qn_placement *p)
{
    const struct quern_model *model = quern_pass_model(ctx);
    p->n_values = quern_model_n_value_ids(model);
    p->n_nodes = quern_model_n_node_ids(model);
    p->part = quern_pass_alloc(ctx, p->n_values);
    p->alias = quern_pass_alloc(ctx, p->n_values * sizeof *p->alias);
    p->joined = quern_pass_alloc(ctx, p->n_values * sizeof *p->joined);
    p->ports = quern_pass_alloc(ctx, p->n_nodes * sizeof *p->ports);
    p->why_float = quern_pass_alloc(ctx, p->n_nodes * sizeof *p->why_float);
    p->placed = quern_pass_alloc(ctx, p->n_nodes * sizeof(struct quern_node *));
    return p->part != NULL && p->alias != NULL && p->joined != NULL &&
                   p->ports != NULL && p->why_float != NULL && p->placed != NULL
               ? QUERN_OK
               : QUERN_NO_MEMORY;
}

void qn_raise_part(struct qn_placement *p, const struct quern_value *v,
                   enum qn_part part)
{
    unsigned char *have = &p->part[quern_value_id(v)];
    *have = *have < part ? (unsigned char)part : *have;
}

bool qn_has_range(const struct qn_placement *p, struct quern_model *model,
                  const struct quern_value *v)
{
    const struct qn_seen *seen = qn_seen(model, v);
    struct quern_stats_summary s = {0};
    if (p->guess && seen != NULL) {
        return quern_value_dtype(v) == QUERN_FLOAT;
    }
    if (seen == NULL || seen->stats == NULL ||
        (quern_stats_flags(seen->stats) & QUERN_STATS_HISTOGRAM) == 0) {
        return false;
    }
    quern_stats_summary(seen->stats, &s);
    return s.n_used > 0;
}

/* --------------------------------------------------- operators that start */

/* Dimension i, from the back for i below 0, of the first sample; 1 beyond the
 * rank. */
static int64_t seen_dim(const struct qn_seen *seen, int i)
{
    i = i < 0 ? seen->rank + i : i;
    return i >= 0 && i < seen->rank ? seen->dims[i] : 1;
}

/* Channels that a kernel with constant weights works on at a time. */
static int64_t fewest_channels(const struct quern_node *node,
                               const struct quern_tensor *w)
{
    const int64_t *dims = quern_tensor_dims(w);
    if (quern_tensor_rank(w) < 2) {
        return 0;
    }
    int64_t in = dims[0];
    int64_t out = dims[1];
    if (quern_node_is(node, "Conv")) {
        in = dims[1];
        out = dims[0];
    } else if (quern_node_is(node, "ConvTranspose")) {
        int64_t groups = quern_node_int(node, "group", 1);
        in = groups > 0 ? dims[0] / groups : dims[0];
    }
    return in < out ? in : out;
}

/* Positions whose vectors a Gemm or MatMul multiplies. */
static int64_t positions(const struct quern_node *node,
                         const struct qn_seen *seen)
{
    if (quern_node_is(node, "MatMul")) {
        return seen_dim(seen, -2);
    }
    return quern_node_is(node, "Gemm")
               ? seen_dim(seen, quern_node_int(node, "transA", 0) != 0 ? 1 : 0)
               : INT64_MAX;
}

/* Filters of signals, as in front of a spectrogram: an integer Conv gathers its
 * input position by position, which multiplying so few pairs of channels does
 * not repay. Small kernels are let through: they cost little, and what follows
 * wants codes; and many outputs of few inputs: they all use what was gathered,
 * and their codes would cost a Q of each. */
static bool has_long_thin_kernel(const struct quern_node *node,
                                 const struct quern_tensor *w,
                                 const struct quern_target_op *op)
{
    const int64_t *dims = quern_tensor_dims(w);
    int64_t blocks = (dims[0] + OUTPUTS_AT_A_TIME - 1) / OUTPUTS_AT_A_TIME;
    return quern_node_int(node, "group", 1) == 1 &&
           blocks * OUTPUTS_AT_A_TIME * dims[1] < op->least_pairs &&
           dims[0] < MANY_OUTPUTS &&
           quern_tensor_len(w) / (dims[0] * dims[1]) >= 25;
}

static const char *refuse_constant(struct quern_model *model,
                                   const struct quern_node *node,
                                   const struct quern_target_op *op)
{
    const struct quern_tensor *w =
        quern_value_constant(quern_node_input(node, 1));
    const struct qn_seen *seen = qn_seen(model, quern_node_input(node, 0));
    if (quern_tensor_len(w) == 0) {
        return "its weights are empty";
    }
    if (quern_tensor_rank(w) < 2 ||
        (quern_node_is(node, "MatMul") && quern_tensor_rank(w) != 2)) {
        return "its weights are no matrix";
    }
    if (op->least_channels > 0 &&
        fewest_channels(node, w) < op->least_channels) {
        return "so few channels are faster in float on the target";
    }
    if (quern_node_is(node, "Conv") && has_long_thin_kernel(node, w, op)) {
        return "a long kernel over so few channels is faster in float on the "
               "target";
    }
    if (op->least_positions > 0 && seen != NULL &&
        positions(node, seen) < op->least_positions) {
        return "a product with a vector is faster in float on the target";
    }
    return NULL;
}

static const char *refuse_product(const struct qn_placement *p,
                                  struct quern_model *model,
                                  const struct quern_node *node,
                                  const struct quern_target_op *op,
                                  int64_t least_rows)
{
    const struct quern_value *w = quern_node_input(node, 1);
    if (!op->products || w == NULL || is_constant(w)) {
        return "its weights are not constant";
    }
    const struct qn_seen *x = qn_seen(model, quern_node_input(node, 0));
    if (x == NULL || qn_seen(model, w) == NULL) {
        return "its inputs were not seen in calibration";
    }
    int64_t rows = x->rank > 1 ? x->dims[x->rank - 2] : 1;
    int64_t depth = seen_dim(x, -1);
    int64_t columns = seen_dim(qn_seen(model, w), -1);
    if (rows < least_rows || rows < op->least_positions) {
        return "a product of two activations with so few rows is faster in "
               "float";
    }
    if (depth < op->least_channels || columns < op->least_channels) {
        return "so few channels are faster in float on the target";
    }
    return qn_has_range(p, model, w)
               ? NULL
               : "its second input was not seen in calibration";
}

static bool clips_at_zero(const struct quern_node *node)
{
    float lo = 1.0f;
    return quern_node_is(node, "Clip") &&
           qn_scalar(quern_node_input(node, 1), &lo) && !(lo < 0.0f) &&
           !(lo > 0.0f);
}

struct quern_value *qn_output_point(const struct qn_placement *p,
                                    const struct quern_node *node)
{
    struct quern_value *y = quern_node_output(node, 0);
    const struct quern_node *next = quern_value_only_user(y);
    if (p->target->clamps && next != NULL && !quern_value_is_graph_output(y) &&
        (quern_node_is(next, "Relu") || clips_at_zero(next)) &&
        quern_target_fuses(p->target, quern_node_op(node),
                           quern_node_op(next))) {
        y = quern_node_output(next, 0);
    }
    return y;
}

static bool may_be_codes(const struct qn_placement *p,
                         struct quern_model *model, const struct quern_value *v)
{
    return !quern_value_is_graph_output(v) && qn_has_range(p, model, v);
}

/* Why a heavy node cannot read codes; NULL: it can. */
static const char *refuse(const struct qn_placement *p,
                          struct quern_model *model,
                          const struct quern_node *node,
                          const struct quern_target_op *op,
                          const struct qn_placement_options *options)
{
    const struct quern_value *x = quern_node_input(node, 0);
    const struct quern_value *w = quern_node_input(node, 1);
    if (op == NULL || op->kind != QUERN_INTEGER_START) {
        return op != NULL && op->why != NULL
                   ? op->why
                   : "the target has no integer kernel for it";
    }
    if (x == NULL || w == NULL || is_constant(x)) {
        return "its weights are the first factor, integer kernels want them "
               "as the second";
    }
    if (is_constant(w) && !is_float_constant(w)) {
        return "its weights are not of type float";
    }
    /* What no calibration would change comes first: of such nodes it keeps no
     * ranges. */
    const char *why = is_constant(w)
                          ? refuse_constant(model, node, op)
                          : refuse_product(p, model, node, op,
                                           options->attention_rows >= 0
                                               ? options->attention_rows
                                               : op->rows);
    bool needs_q = op->output == QUERN_OUTPUT_REQUIRED;
    const struct quern_value *y = qn_output_point(p, node);
    if (why == NULL && needs_q && quern_value_is_graph_output(y)) {
        why = qn_makes_output;
    }
    if (why == NULL && !qn_has_range(p, model, x)) {
        why = "its input was not seen in calibration";
    }
    return why == NULL && needs_q && !qn_has_range(p, model, y)
               ? "its output was not seen in calibration, and without codes "
                 "behind it it is float on the target"
               : why;
}

static void place_start(struct quern_model *model, struct quern_node *node,
                        const struct quern_target_op *op,
                        const struct qn_placement_options *options,
                        struct qn_placement *p)
{
    const char *why = refuse(p, model, node, op, options);
    p->why_float[quern_node_id(node)] = why;
    if (why != NULL) {
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        if (i == 0 || !is_constant(quern_node_input(node, i))) {
            qn_set_port(p, node, i);
            qn_raise_part(p, quern_node_input(node, i), QN_PART_INPUT);
        }
    }
    if (op->output == QUERN_OUTPUT_REQUIRED) {
        qn_raise_part(p, qn_output_point(p, node), QN_PART_ALL);
    }
}

/* ---------------------------------------- operators that pass codes along */

static bool is_codes(const struct qn_placement *p, const struct quern_value *v)
{
    return v != NULL && !is_constant(v) &&
           p->part[quern_value_id(v)] == QN_PART_ALL;
}

/* Codes that a Concat joins with branches in floats, as the output of a
 * ConvTranspose with a skip of codes: a Q in front of each of these in place of
 * a DQ of each of the codes and one Q of all. Only where those are no more
 * calls; they are of fewer values always. */
static bool joins_codes(const struct qn_placement *p, struct quern_model *model,
                        const struct quern_node *node)
{
    size_t n_codes = 0;
    size_t n = quern_node_n_inputs(node);
    if (!quern_node_is(node, "Concat")) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const struct quern_value *x = quern_node_input(node, i);
        if (x == NULL || is_constant(x) || !qn_has_range(p, model, x)) {
            return false;
        }
        n_codes += is_codes(p, x) ? 1 : 0;
    }
    return n_codes > 0 && n - n_codes <= n_codes + 1;
}

/* All activations that it reads are codes already: an Add of two branches, the
 * mean of codes. */
static void place_follow(struct quern_model *model, struct quern_node *node,
                         const struct quern_target_op *op,
                         struct qn_placement *p)
{
    const struct quern_value *y = qn_output_point(p, node);
    size_t n = quern_node_n_inputs(node);
    bool joins = op->kind == QUERN_INTEGER_LINK && joins_codes(p, model, node);
    for (size_t i = 0; i < n && !joins; i++) {
        if (quern_target_port(op, i) == QUERN_ROLE_ACTIVATION &&
            !is_codes(p, quern_node_input(node, i))) {
            return;
        }
    }
    if (!may_be_codes(p, model, y)) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (quern_target_port(op, i) == QUERN_ROLE_ACTIVATION) {
            qn_set_port(p, node, i);
            /* what is codes stays so; a branch in floats gets a Q */
            qn_raise_part(p, quern_node_input(node, i), QN_PART_INPUT);
        }
    }
    qn_raise_part(p, y, QN_PART_ALL);
}

static void place_move(struct quern_node *node, struct qn_placement *p)
{
    struct quern_value *x = quern_node_input(node, 0);
    if (!is_codes(p, x)) {
        return;
    }
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        const struct quern_value *y = quern_node_output(node, i);
        if (y == NULL || quern_value_is_graph_output(y) ||
            quern_value_dtype(y) != quern_value_dtype(x)) {
            return; /* the places of MaxPool are no codes */
        }
    }
    qn_set_port(p, node, 0);
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        const struct quern_value *y = quern_node_output(node, i);
        qn_raise_part(p, y, QN_PART_ALL);
        p->alias[quern_value_id(y)] = x;
    }
}

struct placing {
    const struct qn_placement_options *options;
    struct qn_placement *p;
};

static enum quern_code place_node(struct quern_pass_ctx *ctx,
                                  struct quern_node *node, void *user)
{
    const struct placing *placing = user;
    struct qn_placement *p = placing->p;
    const struct quern_target_op *op = quern_target_node(p->target, node);
    struct quern_model *model = quern_pass_model(ctx);
    if (!quern_pass_node_settings(ctx, node).quantize) {
        p->why_float[quern_node_id(node)] =
            qn_is_heavy(node) ? "the recipe says so" : NULL;
    } else if (qn_is_heavy(node)) {
        place_start(model, node, op, placing->options, p);
    } else if (op != NULL && (op->kind == QUERN_INTEGER_FOLLOW ||
                              op->kind == QUERN_INTEGER_LINK)) {
        place_follow(model, node, op, p);
    } else if (op != NULL && op->kind == QUERN_INTEGER_MOVE) {
        place_move(node, p);
    }
    if (p->ports[quern_node_id(node)] != 0) {
        p->placed[p->n_placed++] = node;
    }
    return QUERN_OK;
}

enum quern_code qn_place(struct quern_pass_ctx *ctx, struct quern_graph *graph,
                         const struct qn_placement_options *options,
                         struct qn_placement *p)
{
    const struct quern_each all = {0};
    struct placing placing = {options, p};
    enum quern_code code = qn_place_room(ctx, p);
    p->target = quern_pass_target(ctx);
    p->guess = options->guess;
    if (code == QUERN_OK) {
        code = quern_pass_each(ctx, graph, &all, place_node, &placing);
    }
    if (code == QUERN_OK) {
        code = qn_place_links(ctx, p);
    }
    return code == QUERN_OK ? qn_place_readers(ctx, graph, p) : code;
}
