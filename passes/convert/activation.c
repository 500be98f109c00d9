/* Clip, Dropout, Softmax and its kin. */
#include "convert.h"

/* Bounds became inputs at 11. */
static enum quern_code clip(const struct qn_raise *r, struct quern_node *node)
{
    static const char *const names[2] = {"min", "max"};
    enum quern_code code = QUERN_OK;
    (void)r;
    for (size_t i = 0; i < 2 && code == QUERN_OK; i++) {
        if (quern_node_has_attr(node, names[i])) {
            float bound = quern_node_float(node, names[i], 0.0f);
            code = qn_raise_set_number(node, names[i], i + 1, bound);
        }
        if (code == QUERN_OK) {
            code = quern_node_remove_attr(node, names[i]);
        }
    }
    return code;
}

/* The mask was of the type of the data before 10. */
static enum quern_code dropout_mask(const struct qn_raise *r,
                                    struct quern_node *node)
{
    const struct quern_value *mask = quern_node_output(node, 1);
    if (mask != NULL &&
        (quern_value_n_uses(mask) > 0 || quern_value_is_graph_output(mask))) {
        return qn_raise_refuse(r, node,
                               "its mask is read, which is bool since "
                               "opset 10");
    }
    return QUERN_OK;
}

/* The ratio became an input at 12; without training_mode nothing is dropped,
 * as before. */
static enum quern_code dropout_ratio(const struct qn_raise *r,
                                     struct quern_node *node)
{
    enum quern_code code = QUERN_OK;
    (void)r;
    if (quern_node_has_attr(node, "ratio")) {
        struct quern_tensor *tensor = NULL;
        struct quern_value *value = NULL;
        struct quern_graph *graph = quern_node_graph(node);
        float ratio = quern_node_float(node, "ratio", 0.5f);
        code = quern_tensor_of_floats(quern_pass_context(r->ctx), -1, &ratio,
                                      &tensor);
        if (code == QUERN_OK) {
            code = quern_constant_create(graph, "ratio", tensor, &value);
        }
        if (code == QUERN_OK) {
            code = qn_raise_set_input(node, 1, value);
        }
        quern_tensor_release(&tensor);
    }
    return code == QUERN_OK ? quern_node_remove_attr(node, "ratio") : code;
}

/* -------------------------------------------------------------- Softmax */

/* Whether all axes behind `axis` have length 1: then flattening them changes
 * nothing. */
static bool flattens_nothing(const struct quern_value *x, int64_t axis)
{
    int rank = quern_value_rank(x);
    const struct quern_dim *dims = quern_value_dims(x);
    for (int64_t i = axis + 1; i < rank; i++) {
        if (dims[i].value != 1) {
            return false;
        }
    }
    return true;
}

/* A value of its own in front of a node's output 0, which then has no maker. */
static enum quern_code free_output(struct quern_node *node,
                                   struct quern_value **out_old,
                                   struct quern_value **out_new)
{
    struct quern_value *old = quern_node_output(node, 0);
    enum quern_code code = quern_value_create(quern_node_graph(node),
                                              quern_value_name(old), out_new);
    *out_old = old;
    return code == QUERN_OK ? quern_node_set_output(node, 0, *out_new) : code;
}

/* Flatten, the operator along the last axis, and back to the shape. */
static enum quern_code flatten_around(struct quern_node *node, int64_t axis)
{
    struct quern_graph *graph = quern_node_graph(node);
    struct quern_value *x = quern_node_input(node, 0);
    struct quern_value *flat = NULL;
    struct quern_value *shape = NULL;
    struct quern_value *old = NULL;
    struct quern_value *inner = NULL;
    struct quern_node *made = NULL;
    enum quern_code code =
        quern_value_create(graph, quern_value_name(x), &flat);
    if (code == QUERN_OK) {
        code = quern_node_create(graph, node, "Flatten", "", &x, 1, &flat, 1,
                                 &made);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_int(made, "axis", axis);
    }
    if (code == QUERN_OK) {
        code = quern_value_create(graph, quern_value_name(x), &shape);
    }
    if (code == QUERN_OK) {
        code = quern_node_create(graph, node, "Shape", "", &x, 1, &shape, 1,
                                 &made);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_input(node, 0, flat);
    }
    if (code == QUERN_OK) {
        code = free_output(node, &old, &inner);
    }
    if (code == QUERN_OK) {
        struct quern_value *inputs[2] = {inner, shape};
        code = quern_node_create(graph, quern_node_next(node), "Reshape", "",
                                 inputs, 2, &old, 1, &made);
    }
    return code;
}

/* Before 13 all axes from `axis` on are one. */
static enum quern_code softmax(const struct qn_raise *r,
                               struct quern_node *node)
{
    const struct quern_value *x = quern_node_input(node, 0);
    int64_t axis = quern_node_int(node, "axis", 1);
    int rank = x != NULL ? quern_value_rank(x) : -1;
    enum quern_code code = QUERN_OK;
    (void)r;
    if (axis < 0 && rank > 0) {
        axis += rank;
    }
    if (axis != -1 && (rank < 0 || axis > rank || !flattens_nothing(x, axis))) {
        code = flatten_around(node, axis);
        axis = -1;
    } else if (axis == rank - 1) {
        axis = -1;
    }
    return code == QUERN_OK ? quern_node_set_int(node, "axis", axis) : code;
}

const struct qn_raise_step qn_raise_activation[] = {
    {"Dropout", 10, dropout_mask},
    {"Clip", 11, clip},
    {"Dropout", 12, dropout_ratio},
    {"Softmax", 13, softmax},
    {"LogSoftmax", 13, softmax},
    {"Hardmax", 13, softmax},
    {0},
};
