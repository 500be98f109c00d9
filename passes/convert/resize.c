/* Upsample to Resize, and what Resize meant at 10. */
#include "convert.h"

#include <string.h>

static enum quern_code scales_to_input(const struct qn_raise *r,
                                       struct quern_node *node)
{
    const float *scales = NULL;
    size_t n = 0;
    struct quern_tensor *tensor = NULL;
    struct quern_value *value = NULL;
    enum quern_code code = quern_node_attr_floats(node, "scales", &scales, &n);
    if (code == QUERN_NOT_FOUND) {
        return qn_raise_refuse(r, node, "it has no scales");
    }
    if (code == QUERN_OK) {
        code = quern_tensor_of_floats(quern_pass_context(r->ctx), (int64_t)n,
                                      scales, &tensor);
    }
    if (code == QUERN_OK) {
        code = quern_constant_create(quern_node_graph(node), "scales", tensor,
                                     &value);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_input(node, 1, value);
    }
    quern_tensor_release(&tensor);
    return code == QUERN_OK ? quern_node_remove_attr(node, "scales") : code;
}

/* Scales at input 1: the smallest and the largest; false when not constant. */
static bool scale_range(const struct quern_node *node, float *low, float *high)
{
    const struct quern_value *v = quern_node_input(node, 1);
    const struct quern_tensor *t = v != NULL ? quern_value_constant(v) : NULL;
    int64_t n = t != NULL ? quern_tensor_len(t) : 0;
    float scales[QUERN_MAX_RANK];
    if (n < 1 || n > QUERN_MAX_RANK ||
        !quern_tensor_read_floats(t, 0, n, scales)) {
        return false;
    }
    *low = *high = scales[0];
    for (int64_t i = 1; i < n; i++) {
        *low = scales[i] < *low ? scales[i] : *low;
        *high = scales[i] > *high ? scales[i] : *high;
    }
    return true;
}

/* The grids of Upsample and Resize-10: no shift of coordinates; to the nearest
 * below when growing, above when shrinking. */
static enum quern_code old_grid(struct quern_node *node, bool grows)
{
    const char *mode = "nearest";
    enum quern_code code = quern_node_set_string(
        node, "coordinate_transformation_mode", "asymmetric");
    if (code == QUERN_OK) {
        code = quern_node_attr_string(node, "mode", &mode, NULL);
    }
    if ((code == QUERN_OK || code == QUERN_NOT_FOUND) &&
        strcmp(mode, "nearest") == 0) {
        code = quern_node_set_string(node, "nearest_mode",
                                     grows ? "floor" : "ceil");
    }
    return code == QUERN_NOT_FOUND ? QUERN_OK : code;
}

/* A region that is not used goes in front of the scales (left out it may be
 * since 13 only). */
static enum quern_code insert_region(const struct qn_raise *r,
                                     struct quern_node *node)
{
    struct quern_tensor *tensor = NULL;
    struct quern_value *region = NULL;
    struct quern_value *scales = quern_node_input(node, 1);
    enum quern_code code = QUERN_OK;
    if (r->to < 13) {
        static const float none[1] = {0.0f};
        code = quern_tensor_of_floats(quern_pass_context(r->ctx), 0, none,
                                      &tensor);
        if (code == QUERN_OK) {
            code = quern_constant_create(quern_node_graph(node), "roi", tensor,
                                         &region);
        }
        quern_tensor_release(&tensor);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_input(node, 2, scales);
    }
    return code == QUERN_OK ? quern_node_set_input(node, 1, region) : code;
}

/* Upsample was replaced at 10; what it always meant is said where it can be. */
static enum quern_code upsample(const struct qn_raise *r,
                                struct quern_node *node)
{
    enum quern_code code = quern_node_set_op(node, "Resize");
    if (code == QUERN_OK && r->to >= 11) {
        code = old_grid(node, true);
    }
    return code;
}

static enum quern_code resize(const struct qn_raise *r, struct quern_node *node)
{
    float low = 1.0f;
    float high = 1.0f;
    const char *mode = NULL;
    enum quern_code code = quern_node_attr_string(node, "mode", &mode, NULL);
    bool nearest = code != QUERN_OK || strcmp(mode, "nearest") == 0;
    code = code == QUERN_NOT_FOUND ? QUERN_OK : code;
    if (!quern_node_has_attr(node, "coordinate_transformation_mode")) {
        bool known = scale_range(node, &low, &high);
        if (nearest && (!known || (low < 1.0f && high > 1.0f))) {
            return qn_raise_refuse(
                r, node,
                known ? "it grows and shrinks, and rounds each its own way"
                      : "its scales are not constant, and how it rounds "
                        "depends on them");
        }
        code = code == QUERN_OK ? old_grid(node, !(low < 1.0f)) : code;
    }
    return code == QUERN_OK ? insert_region(r, node) : code;
}

static enum quern_code resize_13(const struct qn_raise *r,
                                 struct quern_node *node)
{
    const char *mode = "";
    enum quern_code code = quern_node_attr_string(
        node, "coordinate_transformation_mode", &mode, NULL);
    if (code == QUERN_OK && strcmp(mode, "tf_half_pixel_for_nn") == 0) {
        return qn_raise_refuse(r, node,
                               "coordinate_transformation_mode "
                               "tf_half_pixel_for_nn ended with "
                               "opset 12");
    }
    return code == QUERN_NOT_FOUND ? QUERN_OK : code;
}

const struct qn_raise_step qn_raise_resize[] = {
    {"Upsample", 9, scales_to_input},
    {"Upsample", 10, upsample},
    {"Resize", 11, resize},
    {"Resize", 13, resize_13},
    {0},
};
