/* Whether insert-qdq can write for a target, and whether the model is within
 * the bounds of the target. */
#include "quantize/placement.h"

static enum quern_code check_types(struct quern_context *context,
                                   const struct quern_target *t)
{
    enum quern_dtype x = t->activations.types[0];
    enum quern_dtype w = t->weights.types[0];
    if ((x != QUERN_UINT8 && x != QUERN_INT8) || w != QUERN_INT8 ||
        !t->weights.symmetric) {
        return quern_fail(context, QUERN_UNSUPPORTED, NULL,
                          "target '%s' wants activations %s and %s weights %s, "
                          "written are uint8 or int8 and symmetric int8",
                          t->name, quern_dtype_name(x),
                          t->weights.symmetric ? "symmetric" : "asymmetric",
                          quern_dtype_name(w));
    }
    if (x == QUERN_UINT8 && t->activations.symmetric) {
        return quern_fail(context, QUERN_UNSUPPORTED, NULL,
                          "target '%s' wants symmetric uint8 activations, "
                          "written are symmetric int8 or asymmetric ones",
                          t->name);
    }
    if (!t->shared_pair || t->output_codes) {
        return quern_fail(context, QUERN_UNSUPPORTED, NULL,
                          "target '%s' wants %s, which is not written yet",
                          t->name,
                          t->output_codes ? "codes at graph outputs"
                                          : "a pair of Q and DQ a reader");
    }
    return QUERN_OK;
}

static enum quern_code check_opset(struct quern_context *context,
                                   const struct quern_model *model,
                                   const struct quern_target *t)
{
    int64_t opset = quern_model_opset(model, "");
    int64_t least = t->opset_minimum > 13 ? t->opset_minimum : 13;
    if (opset < least) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "needs opset %lld (Q and DQ per axis), the model has "
                          "%lld: run raise-opset first",
                          (long long)least, (long long)opset);
    }
    if (opset > t->opset_maximum) {
        return quern_fail(context, QUERN_UNSUPPORTED, NULL,
                          "target '%s' takes opsets up to %lld, the model has "
                          "%lld: run lower-opset first",
                          t->name, (long long)t->opset_maximum,
                          (long long)opset);
    }
    return QUERN_OK;
}

static enum quern_code check_shapes(struct quern_context *context,
                                    const struct quern_graph *graph,
                                    const struct quern_target *t)
{
    for (size_t i = 0; t->static_shapes && i < quern_graph_n_inputs(graph);
         i++) {
        const struct quern_value *v = quern_graph_input(graph, i);
        if (quern_value_len(v) < 0) {
            return quern_fail(context, QUERN_UNSUPPORTED, NULL,
                              "target '%s' needs known dimensions, input '%s' "
                              "has open ones",
                              t->name, quern_value_name(v));
        }
    }
    return QUERN_OK;
}

enum quern_code qn_check_target(struct quern_pass_ctx *ctx,
                                const struct quern_graph *graph)
{
    struct quern_context *context = quern_pass_context(ctx);
    const struct quern_target *t = quern_pass_target(ctx);
    enum quern_code code = check_types(context, t);
    if (code == QUERN_OK) {
        code = check_opset(context, quern_pass_model(ctx), t);
    }
    return code == QUERN_OK ? check_shapes(context, graph, t) : code;
}
