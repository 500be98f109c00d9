/* lower-opset: what opsets 14 to 17 brought. Source: ONNX operator changelog.
 */
#include "convert/chain.h"

#include <string.h>

/* Drop an attribute that says what older opsets mean anyway. */
static enum quern_code drop_default(const struct lowering *l,
                                    struct quern_node *node, const char *name,
                                    int64_t old, const char *why)
{
    return quern_node_int(node, name, old) != old
               ? qn_lower_refuse(l, node, why)
               : quern_node_remove_attr(node, name);
}

static enum quern_code lower_scatter(const struct lowering *l,
                                     struct quern_node *node)
{
    return strcmp(qn_string_or(node, "reduction", "none"), "none") != 0
               ? qn_lower_refuse(l, node, "its attribute 'reduction' is newer")
               : quern_node_remove_attr(node, "reduction");
}

/* Coordinates were not shifted by half a pixel. */
static enum quern_code lower_roi_align(const struct lowering *l,
                                       struct quern_node *node)
{
    static const char name[] = "coordinate_transformation_mode";
    return strcmp(qn_string_or(node, name, "half_pixel"),
                  "output_half_pixel") != 0
               ? qn_lower_refuse(l, node, "half_pixel is newer")
               : quern_node_remove_attr(node, name);
}

/* A part of the sizes: a Slice of all. */
static enum quern_code lower_shape(const struct lowering *l,
                                   struct quern_node *node)
{
    int64_t from = quern_node_int(node, "start", 0);
    int64_t to = quern_node_int(node, "end", INT64_MAX);
    struct qn_chain c = qn_chain_of(l, node, quern_node_input(node, 0));
    if (!quern_node_has_attr(node, "start") &&
        !quern_node_has_attr(node, "end")) {
        return QUERN_OK;
    }
    c.reshaped = true;
    qn_chain_add(&c, "Shape", NULL);
    struct quern_value *ends = qn_chain_ints(&c, &to, 1);
    enum quern_code code =
        qn_chain_end(&c, "Slice", qn_chain_ints(&c, &from, 1));
    return code == QUERN_OK ? quern_node_set_input(node, 2, ends) : code;
}

/* A target in which a 0 says the same in both ways: none is 0, or it is the
 * size of the input at its place. */
static bool zeros_are_clear(const struct quern_node *node)
{
    const struct quern_value *x = quern_node_input(node, 0);
    const struct quern_value *target = quern_node_input(node, 1);
    size_t n = 0;
    const struct quern_number *sizes =
        target != NULL ? quern_value_numbers(target, &n) : NULL;
    for (size_t i = 0; sizes != NULL && i < n; i++) {
        struct quern_dim size = {
            .value = sizes[i].expr != NULL ? -1 : sizes[i].value,
            .expr = sizes[i].expr};
        bool stays = (int)i < quern_value_rank(x) &&
                     quern_dim_equal(quern_value_dims(x)[i], size);
        if (!sizes[i].known ||
            (!stays && (size.expr != NULL || size.value == 0))) {
            return false;
        }
    }
    return sizes != NULL;
}

static enum quern_code lower_reshape(const struct lowering *l,
                                     struct quern_node *node)
{
    return quern_node_int(node, "allowzero", 0) != 0 && !zeros_are_clear(node)
               ? qn_lower_refuse(l, node, "a size of 0 may mean 0")
               : quern_node_remove_attr(node, "allowzero");
}

static enum quern_code lower_recurrent(const struct lowering *l,
                                       struct quern_node *node)
{
    return drop_default(l, node, "layout", 0, "its layout is newer");
}

static enum quern_code lower_batch_norm(const struct lowering *l,
                                        struct quern_node *node)
{
    if (qn_gives_more(node)) {
        return qn_lower_refuse(l, node, "it gives statistics");
    }
    return drop_default(l, node, "training_mode", 0, "it trains");
}

const struct qn_lower_change qn_lower_old[] = {
    {"LayerNormalization", 17, qn_lower_layer_norm},
    {"SequenceMap", 17, qn_lower_is_new},
    {"DFT", 17, qn_lower_is_new},
    {"STFT", 17, qn_lower_is_new},
    {"HannWindow", 17, qn_lower_is_new},
    {"HammingWindow", 17, qn_lower_is_new},
    {"BlackmanWindow", 17, qn_lower_is_new},
    {"MelWeightMatrix", 17, qn_lower_is_new},
    {"GridSample", 16, qn_lower_is_new},
    {"RoiAlign", 16, lower_roi_align},
    {"ScatterND", 16, lower_scatter},
    {"ScatterElements", 16, lower_scatter},
    {"Bernoulli", 15, qn_lower_is_new},
    {"CastLike", 15, qn_lower_cast_like},
    {"Optional", 15, qn_lower_is_new},
    {"OptionalHasElement", 15, qn_lower_is_new},
    {"OptionalGetElement", 15, qn_lower_is_new},
    {"Shape", 15, lower_shape},
    {"BatchNormalization", 14, lower_batch_norm},
    {"HardSwish", 14, qn_lower_hard_swish},
    {"Trilu", 14, qn_lower_is_new},
    {"Reshape", 14, lower_reshape},
    {"LSTM", 14, lower_recurrent},
    {"GRU", 14, lower_recurrent},
    {"RNN", 14, lower_recurrent},
    {0},
};
