/* Norms, Scan, GridSample, RoiAlign, DFT. */
#include "convert.h"

#include <string.h>

static enum quern_code batch_norm_9(const struct qn_raise *r,
                                    struct quern_node *node)
{
    if (quern_node_int(node, "spatial", 1) == 0) {
        return qn_raise_refuse(r, node,
                               "spatial is 0: statistics for each "
                               "position ended with opset 8");
    }
    return quern_node_remove_attr(node, "spatial");
}

/* Statistics as outputs mean training, which has other outputs since 14. */
static enum quern_code batch_norm_14(const struct qn_raise *r,
                                     struct quern_node *node)
{
    for (size_t i = 1; i < quern_node_n_outputs(node); i++) {
        if (quern_node_output(node, i) != NULL) {
            return qn_raise_refuse(r, node,
                                   "it gives statistics: it is in "
                                   "training mode");
        }
    }
    return QUERN_OK;
}

/* Elements of a constant of one number a group, each repeated. */
static enum quern_code spread(const struct qn_raise *r, struct quern_node *node,
                              size_t i, int64_t groups, int64_t channels)
{
    struct quern_value *old = quern_node_input(node, i);
    struct quern_tensor *tensor = NULL;
    struct quern_tensor *cast = NULL;
    struct quern_value *value = NULL;
    int64_t n = 0;
    float *each = qn_floats(r->ctx, old, &n);
    if (each == NULL || n != groups || channels % groups != 0) {
        return qn_raise_refuse(r, node,
                               "scale and bias are one number a group "
                               "and not constant");
    }
    struct quern_context *context = quern_pass_context(r->ctx);
    float *all = quern_pass_alloc(r->ctx, (size_t)channels * sizeof *all);
    if (all == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (int64_t k = 0; k < channels; k++) {
        all[k] = each[k / (channels / groups)];
    }
    enum quern_code code =
        quern_tensor_of_floats(context, channels, all, &tensor);
    if (code == QUERN_OK) {
        code =
            quern_tensor_cast(context, tensor, quern_value_dtype(old), &cast);
    }
    if (code == QUERN_OK) {
        code = quern_constant_create(quern_node_graph(node),
                                     quern_value_name(old), cast, &value);
    }
    quern_tensor_release(&tensor);
    quern_tensor_release(&cast);
    return code == QUERN_OK ? qn_replace_input(node, i, value) : code;
}

/* Scale and bias have one number a channel since 21. */
static enum quern_code group_norm(const struct qn_raise *r,
                                  struct quern_node *node)
{
    const struct quern_value *x = quern_node_input(node, 0);
    int64_t groups = quern_node_int(node, "num_groups", 0);
    int64_t channels = x != NULL && quern_value_rank(x) >= 2
                           ? quern_value_dims(x)[1].value
                           : -1;
    if (channels < 1 || groups < 1) {
        return qn_raise_refuse(r, node, "the number of channels is not known");
    }
    enum quern_code code = spread(r, node, 1, groups, channels);
    return code == QUERN_OK ? spread(r, node, 2, groups, channels) : code;
}

static enum quern_code scan(const struct qn_raise *r, struct quern_node *node)
{
    return qn_raise_refuse(r, node, "Scan of opset 8 has a batch axis");
}

/* Modes were renamed. */
static enum quern_code grid_sample(const struct qn_raise *r,
                                   struct quern_node *node)
{
    const char *mode = "";
    (void)r;
    if (!quern_node_has_attr(node, "mode")) {
        return QUERN_OK;
    }
    enum quern_code code = quern_node_attr_string(node, "mode", &mode, NULL);
    if (code == QUERN_OK && strcmp(mode, "bilinear") == 0) {
        return quern_node_set_string(node, "mode", "linear");
    }
    if (code == QUERN_OK && strcmp(mode, "bicubic") == 0) {
        return quern_node_set_string(node, "mode", "cubic");
    }
    return code;
}

/* Coordinates were not shifted by half a pixel. */
static enum quern_code roi_align(const struct qn_raise *r,
                                 struct quern_node *node)
{
    (void)r;
    return quern_node_set_string(node, "coordinate_transformation_mode",
                                 "output_half_pixel");
}

static enum quern_code dft(const struct qn_raise *r, struct quern_node *node)
{
    int64_t axis = quern_node_int(node, "axis", 1);
    (void)r;
    enum quern_code code = qn_raise_set_ints(node, "axis", 2, &axis, -1);
    return code == QUERN_OK ? quern_node_remove_attr(node, "axis") : code;
}

const struct qn_raise_step qn_raise_layers[] = {
    {"BatchNormalization", 9, batch_norm_9},
    {"Scan", 9, scan},
    {"BatchNormalization", 14, batch_norm_14},
    {"RoiAlign", 16, roi_align},
    {"DFT", 20, dft},
    {"GridSample", 20, grid_sample},
    {"GroupNormalization", 21, group_norm},
    {0},
};
