/* raise-opset: the model to a higher opset, by real conversion of the operators
 * that changed; a node that cannot be converted is named and nothing is done.
 * Up to opset 17. Source: ONNX operator changelog. */
#include "builtin.h"
#include "common.h"

#include <string.h>

struct raise_params {
    int64_t opset;
};

enum { HIGHEST = 17 };

static enum quern_code refuse(struct quern_pass_ctx *ctx,
                              const struct quern_node *node, const char *why)
{
    struct quern_place place = quern_node_place(node);
    return quern_fail(quern_pass_context(ctx), QUERN_UNSUPPORTED, &place,
                      "cannot be raised from opset %lld: %s",
                      (long long)quern_node_opset(node), why);
}

/* An attribute of ints becomes input `i` (Squeeze, Unsqueeze, ReduceSum and
 * Split at 13). */
static enum quern_code attr_to_input(struct quern_node *node, const char *name,
                                     size_t i)
{
    const int64_t *values = NULL;
    size_t n = 0;
    struct quern_tensor *t = NULL;
    struct quern_value *value = NULL;
    if (!quern_node_has_attr(node, name)) {
        return QUERN_OK;
    }
    struct quern_graph *graph = quern_node_graph(node);
    struct quern_context *context =
        quern_model_context(quern_graph_model(graph));
    enum quern_code code = quern_node_attr_ints(node, name, &values, &n);
    if (code == QUERN_OK) {
        code = quern_tensor_of_ints(context, (int64_t)n, values, &t);
    }
    if (code == QUERN_OK) {
        code = quern_constant_create(
            graph, quern_value_name(quern_node_output(node, 0)), t, &value);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_input(node, i, value);
    }
    if (code == QUERN_OK) {
        code = quern_node_remove_attr(node, name);
    }
    quern_tensor_release(&t);
    return code;
}

/* Before 13, Softmax flattens the axes from `axis` on: the same as the new one
 * only on the last axis. */
static enum quern_code raise_softmax(struct quern_pass_ctx *ctx,
                                     struct quern_node *node)
{
    int rank = quern_value_rank(quern_node_input(node, 0));
    int64_t axis = quern_node_int(node, "axis", 1);
    if (axis != -1 && rank < 0) {
        return refuse(ctx, node, "the rank of its input is not known");
    }
    if (axis != -1 && axis != rank - 1) {
        return refuse(ctx, node, "it flattens several axes");
    }
    return quern_node_set_int(node, "axis", -1);
}

/* Bounds of Clip and pads of Pad became inputs at 11. */
static enum quern_code raise_clip(struct quern_pass_ctx *ctx,
                                  struct quern_node *node)
{
    static const char *const names[2] = {"min", "max"};
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < 2 && code == QUERN_OK; i++) {
        float x = quern_node_float(node, names[i], 0.0f);
        struct quern_value *value = NULL;
        if (!quern_node_has_attr(node, names[i])) {
            continue;
        }
        code = qn_new_floats(ctx, quern_node_graph(node), names[i], &x, 0, NULL,
                             &value);
        if (code == QUERN_OK && i == 1 && quern_node_n_inputs(node) == 1) {
            /* A left-out minimum in front of the maximum: the lowest float. */
            float lowest = -3.4028234663852886e38f;
            struct quern_value *low = NULL;
            code = qn_new_floats(ctx, quern_node_graph(node), "min", &lowest, 0,
                                 NULL, &low);
            if (code == QUERN_OK) {
                code = quern_node_set_input(node, 1, low);
            }
        }
        if (code == QUERN_OK) {
            code = quern_node_set_input(node, i + 1, value);
        }
        if (code == QUERN_OK) {
            code = quern_node_remove_attr(node, names[i]);
        }
    }
    return code;
}

static enum quern_code raise_to_11(struct quern_pass_ctx *ctx,
                                   struct quern_node *node)
{
    static const char *const changed[] = {"Pad",   "Resize", "Upsample", "TopK",
                                          "Slice", "OneHot", "Scatter",  "Loop",
                                          "Scan",  NULL};
    for (int i = 0; changed[i] != NULL; i++) {
        bool same =
            strcmp(changed[i], "Slice") == 0 && quern_node_opset(node) >= 10;
        if (quern_node_is(node, changed[i]) && !same) {
            return refuse(ctx, node, "this operator is not converted below 11");
        }
    }
    return quern_node_is(node, "Clip") ? raise_clip(ctx, node) : QUERN_OK;
}

static enum quern_code raise_node(struct quern_pass_ctx *ctx,
                                  struct quern_node *node, int64_t from)
{
    enum quern_code code = QUERN_OK;
    if (*quern_node_domain(node) != '\0') {
        return QUERN_OK;
    }
    if (from < 11) {
        code = raise_to_11(ctx, node);
    }
    if (from >= 13 || code != QUERN_OK) {
        return code;
    }
    if (quern_node_is(node, "Squeeze") || quern_node_is(node, "Unsqueeze") ||
        quern_node_is(node, "ReduceSum")) {
        return attr_to_input(node, "axes", 1);
    }
    if (quern_node_is(node, "Split")) {
        return attr_to_input(node, "split", 1);
    }
    if (quern_node_is(node, "Softmax") || quern_node_is(node, "LogSoftmax") ||
        quern_node_is(node, "Hardmax")) {
        return raise_softmax(ctx, node);
    }
    return QUERN_OK;
}

static enum quern_code raise_graph(struct quern_pass_ctx *ctx,
                                   struct quern_graph *graph, int64_t from)
{
    enum quern_code code = QUERN_OK;
    for (struct quern_node *n = quern_graph_first(graph);
         n != NULL && code == QUERN_OK; n = quern_node_next(n)) {
        code = raise_node(ctx, n, from);
        for (size_t i = 0; i < quern_node_n_subgraphs(n) && code == QUERN_OK;
             i++) {
            code = raise_graph(ctx, quern_node_subgraph(n, i), from);
        }
    }
    return code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    const struct raise_params *p = params;
    struct quern_model *model = quern_pass_model(ctx);
    int64_t from = quern_model_opset(model, "");
    if (from >= p->opset) {
        return QUERN_OK;
    }
    if (from < 9) {
        return quern_fail(quern_pass_context(ctx), QUERN_UNSUPPORTED, NULL,
                          "opset %lld is below 9, the lowest that is raised",
                          (long long)from);
    }
    enum quern_code code = raise_graph(ctx, graph, from);
    if (code == QUERN_OK) {
        quern_pass_account(ctx, NULL, "opset %lld raised to %lld",
                           (long long)from, (long long)p->opset);
        code = quern_model_set_opset(model, "", p->opset);
    }
    return code;
}

static const struct quern_option options[] = {
    {"opset", QUERN_OPTION_INT, offsetof(struct raise_params, opset), 9,
     HIGHEST, NULL, "opset to raise the model to; higher ones are left"},
    {0},
};

static const struct raise_params defaults = {HIGHEST};

const struct quern_pass_desc qn_pass_raise_opset = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "raise-opset",
    .summary = "raise the model's opset by converting its operators",
    .options = options,
    .params_size = sizeof(struct raise_params),
    .params_default = &defaults,
    .flags = QUERN_PASS_SUBGRAPHS,
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "convert",
};
