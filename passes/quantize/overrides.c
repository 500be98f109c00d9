/* What overrides of the recipe ask of insert-qdq. `quantize: false` of nodes is
 * asked by the placement, `per-tensor` where weights are chosen. */
#include "quantize/overrides.h"

#include "quantize/seen.h"

static enum quern_code check_type(struct quern_pass_ctx *ctx,
                                  const struct quern_place *place,
                                  const char *what, enum quern_dtype wanted,
                                  const struct quern_target_numbers *numbers,
                                  const struct quern_target *target)
{
    enum quern_dtype written =
        numbers->n_types > 0 ? numbers->types[0] : QUERN_UNDEFINED;
    if (wanted == written) {
        return QUERN_OK;
    }
    return quern_fail(quern_pass_context(ctx), QUERN_UNSUPPORTED, place,
                      "an override asks for %s %s, insert-qdq writes %s for "
                      "target '%s'",
                      quern_dtype_name(wanted), what, quern_dtype_name(written),
                      target->name);
}

static enum quern_code check_types(struct quern_pass_ctx *ctx,
                                   const struct quern_settings *settings,
                                   const struct quern_place *place,
                                   const struct quern_target *target)
{
    enum quern_code code = QUERN_OK;
    if ((settings->set & QUERN_SETTING_ACTIVATIONS) != 0) {
        code = check_type(ctx, place, "activations", settings->activations,
                          &target->activations, target);
    }
    if (code == QUERN_OK && (settings->set & QUERN_SETTING_WEIGHTS) != 0) {
        code = check_type(ctx, place, "weights", settings->weights,
                          &target->weights, target);
    }
    return code;
}

static enum quern_code take_value(struct quern_pass_ctx *ctx,
                                  struct quern_table *seen,
                                  const struct quern_value *value,
                                  const struct quern_target *target)
{
    struct quern_settings settings = quern_pass_value_settings(ctx, value);
    struct quern_place place = QUERN_PLACE_NONE;
    place.tensor = quern_value_name(value);
    enum quern_code code = check_types(ctx, &settings, &place, target);
    if (code == QUERN_OK && !settings.quantize) {
        code = quern_table_remove(seen, quern_value_id(value));
    }
    return code;
}

enum quern_code qn_overrides_take(struct quern_pass_ctx *ctx,
                                  struct quern_graph *graph,
                                  const struct quern_target *target)
{
    struct quern_table *seen = NULL;
    enum quern_code code =
        quern_table_open(quern_pass_model(ctx), QN_SEEN_TABLE,
                         QUERN_TABLE_VALUE, sizeof(struct qn_seen), &seen);
    for (size_t i = 0; code == QUERN_OK && i < quern_graph_n_inputs(graph);
         i++) {
        code = take_value(ctx, seen, quern_graph_input(graph, i), target);
    }
    struct quern_node *n = quern_graph_first(graph);
    for (; n != NULL && code == QUERN_OK; n = quern_node_next(n)) {
        struct quern_settings settings = quern_pass_node_settings(ctx, n);
        struct quern_place place = quern_node_place(n);
        code = check_types(ctx, &settings, &place, target);
        for (size_t i = 0; code == QUERN_OK && i < quern_node_n_outputs(n);
             i++) {
            if (quern_node_output(n, i) != NULL) {
                code = take_value(ctx, seen, quern_node_output(n, i), target);
            }
        }
    }
    return code;
}
