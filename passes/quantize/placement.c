/* Where Q and DQ stand: one walk in topological order. */
#include "quantize/placement.h"

#include <quern/recipe.h>

#include "common.h"
#include "quantize/seen.h"

static bool is_float_constant(const struct quern_value *value)
{
    const struct quern_tensor *t =
        value != NULL ? quern_value_constant(value) : NULL;
    return t != NULL && quern_tensor_dtype(t) == QUERN_FLOAT;
}

/* Operators that move elements without changing them: codes pass through. */
static bool is_movement(const struct quern_node *node)
{
    static const char *const ops[] = {
        "MaxPool", "Reshape", "Transpose", "Slice", "Squeeze",
        "Split",   "Flatten", "Unsqueeze", NULL,
    };
    for (int i = 0; ops[i] != NULL; i++) {
        if (quern_node_is(node, ops[i])) {
            return true;
        }
    }
    return false;
}

bool qn_is_code_input(const struct quern_node *node, size_t i)
{
    if (quern_node_is(node, "Add")) {
        return i < 2;
    }
    if (quern_node_is(node, "MatMul")) {
        return i == 0 || (i == 1 && quern_value_constant(
                                        quern_node_input(node, 1)) == NULL);
    }
    return i == 0;
}

struct quern_value *qn_root(const struct qn_placement *p,
                            struct quern_value *value)
{
    while (p->alias[quern_value_id(value)] != NULL) {
        value = p->alias[quern_value_id(value)];
    }
    return value;
}

static bool make_room(struct quern_pass_ctx *ctx, struct quern_graph *graph,
                      struct qn_placement *p)
{
    uint32_t highest_value = 0;
    uint32_t highest_node = 0;
    for (struct quern_node *n = quern_graph_first(graph); n != NULL;
         n = quern_node_next(n)) {
        size_t n_in = quern_node_n_inputs(n);
        for (size_t i = 0; i < n_in + quern_node_n_outputs(n); i++) {
            const struct quern_value *v = i < n_in
                                              ? quern_node_input(n, i)
                                              : quern_node_output(n, i - n_in);
            if (v != NULL && quern_value_id(v) > highest_value) {
                highest_value = quern_value_id(v);
            }
        }
        highest_node =
            quern_node_id(n) > highest_node ? quern_node_id(n) : highest_node;
    }
    p->n_values = (size_t)highest_value + 1;
    p->n_nodes = (size_t)highest_node + 1;
    p->part = quern_pass_alloc(ctx, p->n_values);
    p->alias = quern_pass_alloc(ctx, p->n_values * sizeof *p->alias);
    p->integer = quern_pass_alloc(ctx, p->n_nodes);
    p->why_float = quern_pass_alloc(ctx, p->n_nodes * sizeof *p->why_float);
    return p->part != NULL && p->alias != NULL && p->integer != NULL &&
           p->why_float != NULL;
}

static void raise_part(struct qn_placement *p, const struct quern_value *v,
                       enum qn_part part)
{
    unsigned char *have = &p->part[quern_value_id(v)];
    *have = *have < part ? (unsigned char)part : *have;
}

/* Seen in calibration, with a range that can be used. */
static bool has_range(struct quern_model *model, const struct quern_value *v)
{
    const struct qn_seen *seen = qn_seen(model, v);
    struct quern_stats_summary s = {0};
    if (seen == NULL) {
        return false;
    }
    quern_stats_summary(seen->stats, &s);
    return s.n_used > 0;
}

/* Why a heavy node cannot read codes; NULL: it can. */
static const char *refuse(struct quern_model *model,
                          const struct quern_node *node,
                          const struct qn_placement_options *options)
{
    const struct quern_value *x = quern_node_input(node, 0);
    const struct quern_value *w = quern_node_input(node, 1);
    if (quern_node_is(node, "ConvTranspose")) {
        return "the target has no integer ConvTranspose";
    }
    if (x == NULL || w == NULL || quern_value_constant(x) != NULL) {
        return "its input is no activation";
    }
    if (!has_range(model, x)) {
        return "its input was not seen in calibration";
    }
    if (is_float_constant(w)) {
        const struct quern_tensor *t = quern_value_constant(w);
        bool product = quern_node_is(node, "MatMul");
        return product && quern_tensor_rank(t) != 2
                   ? "its weights are no matrix"
                   : NULL;
    }
    if (!quern_node_is(node, "MatMul")) {
        return "its weights are not constant";
    }
    if (!has_range(model, w)) {
        return "its second input was not seen in calibration";
    }
    const struct qn_seen *seen = qn_seen(model, x);
    int64_t rows = seen->rank > 1 ? seen->dims[seen->rank - 2] : 1;
    return rows < options->attention_rows
               ? "a product of two activations with so few rows is faster in "
                 "float"
               : NULL;
}

static bool clips_at_zero(const struct quern_node *node)
{
    float lo = 1.0f;
    return quern_node_is(node, "Clip") &&
           qn_scalar(quern_node_input(node, 1), &lo) && !(lo < 0.0f) &&
           !(lo > 0.0f);
}

/* The value behind which Q stands: behind a Relu or Clip(0, …) that alone reads
 * the output (its zero point then does the Relu), else the output itself. */
static struct quern_value *output_point(const struct quern_node *node)
{
    struct quern_value *y = quern_node_output(node, 0);
    const struct quern_node *next = quern_value_only_user(y);
    if (next != NULL && !quern_value_is_graph_output(y) &&
        (quern_node_is(next, "Relu") || clips_at_zero(next))) {
        y = quern_node_output(next, 0);
    }
    return y;
}

static bool may_be_codes(struct quern_model *model, const struct quern_value *v)
{
    return !quern_value_is_graph_output(v) && has_range(model, v);
}

static bool is_codes(const struct qn_placement *p, const struct quern_value *v)
{
    return v != NULL && quern_value_constant(v) == NULL &&
           p->part[quern_value_id(v)] == QN_PART_ALL;
}

static void place_heavy(struct quern_model *model, struct quern_node *node,
                        const struct qn_placement_options *options,
                        struct qn_placement *p)
{
    const char *why = refuse(model, node, options);
    p->why_float[quern_node_id(node)] = why;
    if (why != NULL) {
        return;
    }
    p->integer[quern_node_id(node)] = true;
    for (size_t i = 0; i < 2; i++) {
        if (qn_is_code_input(node, i)) {
            raise_part(p, quern_node_input(node, i), QN_PART_INPUT);
        }
    }
    if (quern_node_is(node, "Conv")) {
        const struct quern_value *y = output_point(node);
        if (may_be_codes(model, y)) {
            raise_part(p, y, QN_PART_ALL);
        }
    }
}

/* Add of two branches that are codes already; the mean of codes. */
static void place_sum(struct quern_model *model, struct quern_node *node,
                      struct qn_placement *p)
{
    size_t n = quern_node_is(node, "Add") ? 2 : 1;
    const struct quern_value *y = output_point(node);
    for (size_t i = 0; i < n; i++) {
        if (!is_codes(p, quern_node_input(node, i))) {
            return;
        }
    }
    if (may_be_codes(model, y)) {
        p->integer[quern_node_id(node)] = true;
        raise_part(p, y, QN_PART_ALL);
    }
}

static void place_movement(struct quern_node *node, struct qn_placement *p)
{
    struct quern_value *x = quern_node_input(node, 0);
    if (!is_codes(p, x)) {
        return;
    }
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        const struct quern_value *y = quern_node_output(node, i);
        if (y == NULL || quern_value_is_graph_output(y)) {
            return;
        }
    }
    p->integer[quern_node_id(node)] = true;
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        const struct quern_value *y = quern_node_output(node, i);
        raise_part(p, y, QN_PART_ALL);
        p->alias[quern_value_id(y)] = x;
    }
}

enum quern_code qn_place(struct quern_pass_ctx *ctx, struct quern_graph *graph,
                         const struct qn_placement_options *options,
                         struct qn_placement *p)
{
    struct quern_model *model = quern_pass_model(ctx);
    if (!make_room(ctx, graph, p)) {
        return QUERN_NO_MEMORY;
    }
    for (struct quern_node *n = quern_graph_first(graph); n != NULL;
         n = quern_node_next(n)) {
        if (!quern_pass_node_settings(ctx, n).quantize) {
            p->why_float[quern_node_id(n)] =
                qn_is_heavy(n) ? "the recipe says so" : NULL;
        } else if (qn_is_heavy(n)) {
            place_heavy(model, n, options, p);
        } else if (quern_node_is(n, "Add") ||
                   quern_node_is(n, "GlobalAveragePool")) {
            place_sum(model, n, p);
        } else if (is_movement(n)) {
            place_movement(n, p);
        }
    }
    return QUERN_OK;
}
