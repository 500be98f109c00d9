/* fuse-hardswish: Div(Mul(x, Clip(Add(x, 3), 0, 6)), 6) is HardSwish(x), an
 * operator from opset 14 on. */
#include "builtin.h"
#include "common.h"

#include <math.h>

static bool is_scalar(const struct quern_value *value, float wanted)
{
    float x = 0.0f;
    return qn_scalar(value, &x) && fabsf(x - wanted) <= 1e-6f * fabsf(wanted);
}

/* Bounds of a Clip, as inputs (opset 11) or attributes. */
static bool clips(const struct quern_node *clip, float lo, float hi)
{
    if (quern_node_n_inputs(clip) > 1) {
        return is_scalar(quern_node_input(clip, 1), lo) &&
               is_scalar(quern_node_input(clip, 2), hi);
    }
    return fabsf(quern_node_float(clip, "min", -1.0f) - lo) <= 0.0f &&
           fabsf(quern_node_float(clip, "max", -1.0f) - hi) <= 0.0f;
}

/* The x of the chain that ends in `div`; NULL when it is none. */
static struct quern_value *match(const struct quern_node *div)
{
    if (!quern_node_is(div, "Div") || !is_scalar(quern_node_input(div, 1), 6)) {
        return NULL;
    }
    const struct quern_node *mul =
        qn_single_producer(quern_node_input(div, 0), "Mul");
    for (size_t i = 0; mul != NULL && i < 2; i++) {
        const struct quern_node *clip =
            qn_single_producer(quern_node_input(mul, i), "Clip");
        struct quern_value *x = quern_node_input(mul, 1 - i);
        if (clip == NULL || !clips(clip, 0.0f, 6.0f)) {
            continue;
        }
        const struct quern_node *add =
            qn_single_producer(quern_node_input(clip, 0), "Add");
        for (size_t k = 0; add != NULL && k < 2; k++) {
            if (quern_node_input(add, k) == x &&
                is_scalar(quern_node_input(add, 1 - k), 3.0f)) {
                return x;
            }
        }
    }
    return NULL;
}

static enum quern_code replace(struct quern_pass_ctx *ctx,
                               struct quern_graph *graph,
                               struct quern_node *div, struct quern_value *x)
{
    struct quern_value *y = quern_node_output(div, 0);
    struct quern_value *temporary = NULL;
    struct quern_node *node = NULL;
    enum quern_code code =
        quern_value_create(graph, quern_value_name(y), &temporary);
    if (code == QUERN_OK) {
        code = quern_node_create(graph, div, "HardSwish", quern_node_name(div),
                                 &x, 1, &temporary, 1, &node);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_output(node, 0, y);
    }
    if (code == QUERN_OK) {
        code = quern_value_erase(temporary);
    }
    if (code == QUERN_OK) {
        quern_pass_account(ctx, node, "recognised from four nodes");
        code = quern_node_erase_dead(div);
    }
    return code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    struct quern_node *next = NULL;
    enum quern_code code = QUERN_OK;
    (void)params;
    if (quern_model_opset(quern_pass_model(ctx), "") < 14) {
        return QUERN_OK;
    }
    for (struct quern_node *n = quern_graph_first(graph);
         n != NULL && code == QUERN_OK; n = next) {
        next = quern_node_next(n);
        struct quern_value *x = match(n);
        if (x != NULL) {
            code = replace(ctx, graph, n, x);
        }
    }
    return code;
}

const struct quern_pass_desc qn_pass_fuse_hardswish = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-hardswish",
    .summary = "recognise HardSwish in its four-node spelling (opset 14 on)",
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "fuse",
};
